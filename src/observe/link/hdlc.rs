//! Cisco HDLC (RFC 1547 §4.3.1): LINKTYPE 104, and 205 with a direction before it.

use super::ethernet::TAGS_MAX;
use super::ppp::{directed, framed};
use super::{Content, LinkType, Unwrapped, ether_payload};
use crate::ground::cause::LinkCause;

pub(super) const HDLC: LinkType = LinkType {
    ids: &[104],
    name: "cisco-hdlc",
    read: |frame| Unwrapped::bare(serial(frame.data)),
};

pub(super) const HDLC_WITH_DIRECTION: LinkType = LinkType {
    ids: &[205],
    name: "cisco-hdlc-with-direction",
    read: |frame| match frame.data {
        [sent, rest @ ..] => directed(*sent, serial(rest)),
        [] => Unwrapped::bare(serial(&[])),
    },
};

/// Addresses: one station, all of them.
pub(super) const UNICAST: u8 = 0x0f;
pub(super) const MULTICAST: u8 = 0x8f;

/// A frame of a serial line that is said to be Cisco's, or PPP.
fn serial(data: &[u8]) -> Content<'_> {
    match data {
        // Address and control of PPP, or its protocols for IP and for control.
        [0xff, 0x03, ..] | [0x00, 0x21 | 0x57, ..] | [0x80 | 0xc0, 0x21, ..] | [0x80, 0x57, ..] => {
            framed(data)
        }
        _ => frame(data),
    }
}

/// Address, control byte (ignored, as receivers do), ether type.
pub(super) fn frame(data: &[u8]) -> Content<'_> {
    match data {
        [UNICAST | MULTICAST, _, high, low, rest @ ..] => {
            match u16::from_be_bytes([*high, *low]) {
                // SLARP borrows the ether type of RARP.
                0x8035 => Content::NotIp("Cisco keep-alive"),
                0x2000 => Content::NotIp("Cisco discovery"),
                0xfefe => Content::NotIp("OSI routing"),
                kind @ 0x0600.. => ether_payload(kind, rest, TAGS_MAX),
                _ => Content::unreadable(LinkCause::HdlcProtocol),
            }
        }
        [_, _, _, _, ..] => Content::unreadable(LinkCause::HdlcAddress),
        _ => Content::unreadable(LinkCause::HdlcCut),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{reader, sample};
    use super::*;
    use crate::observe::capture::Direction;

    #[test]
    fn packets_keep_alives_and_strangers() {
        let packet = sample::ipv4(b"serial");
        let frame = [&[0x8f, 0, 0x08, 0x00][..], &packet].concat();
        let read = |link_type, data| (reader(link_type).unwrap().read)(&sample::frame(data));
        assert_eq!(read(104, &frame).content, Content::Ip(&packet));
        let sent = [&[1][..], &frame].concat();
        let unwrapped = read(205, &sent);
        assert_eq!(unwrapped.content, Content::Ip(&packet));
        assert_eq!(unwrapped.direction, Some(Direction::Out));
        let keep_alive = [0x8f, 0, 0x80, 0x35, 0, 0, 0, 2];
        assert!(matches!(read(104, &keep_alive).content, Content::NotIp(_)));
        for other in [
            &[0x0f, 0, 0, 0x21, 0x45][..],
            &[0x45, 0, 0x08, 0, 0x45],
            &[0x0f, 0, 8],
            &[],
        ] {
            for link_type in [104, 205] {
                let content = read(link_type, other).content;
                assert!(matches!(content, Content::Unreadable(..)), "{other:x?}");
            }
        }
    }
}
