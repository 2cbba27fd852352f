//! Frame relay (ITU-T Q.922 §3.3 addresses, RFC 2427 encapsulation, Cisco's own): LINKTYPE 107, and
//! 206 with a direction before it.

use super::ethernet::{TAGS_MAX, frame_payload};
use super::ppp::directed;
use super::{Content, LinkType, Unwrapped, ether_payload};
use crate::ground::cause::LinkCause;

pub(super) const FRAME_RELAY: LinkType = LinkType {
    ids: &[107],
    name: "frame-relay",
    read: |frame| Unwrapped::bare(self::frame(frame.data)),
};

pub(super) const FRAME_RELAY_WITH_DIRECTION: LinkType = LinkType {
    ids: &[206],
    name: "frame-relay-with-direction",
    read: |frame| match frame.data {
        [sent, rest @ ..] => directed(*sent, self::frame(rest)),
        [] => Unwrapped::bare(self::frame(&[])),
    },
};

/// Set in the last byte of an address, which has two to four.
const LAST: u8 = 0x01;
const ADDRESS_MAX: usize = 4;

/// Unnumbered information.
const CONTROL: u8 = 0x03;

/// A frame from its address field on.
pub(super) fn frame(data: &[u8]) -> Content<'_> {
    let address = data
        .iter()
        .take(ADDRESS_MAX)
        .position(|byte| byte & LAST != 0);
    match address {
        Some(last @ 1..) => match data.get(last.saturating_add(1)..) {
            Some(rest) => encapsulated(rest, signals(data)),
            None => Content::unreadable(LinkCause::FrameRelayCut),
        },
        Some(_) => Content::unreadable(LinkCause::FrameRelayAddress),
        None if data.len() < ADDRESS_MAX => Content::unreadable(LinkCause::FrameRelayCut),
        None => Content::unreadable(LinkCause::FrameRelayAddress),
    }
}

/// True on the connections for signalling between network and subscriber (DLCI 0 and 1023).
fn signals(data: &[u8]) -> bool {
    matches!(data, [first, second, ..] if matches!(
        (first & 0xfc, second & 0xf0),
        (0, 0) | (0xfc, 0xf0)
    ))
}

/// RFC 2427 §3: control, padding, network layer protocol identifier. Cisco has an ether type there.
fn encapsulated(rest: &[u8], signals: bool) -> Content<'_> {
    let (protocol, packet) = match rest {
        [CONTROL, 0, protocol, packet @ ..] | [CONTROL, protocol, packet @ ..] => {
            (*protocol, packet)
        }
        [high, low, packet @ ..] => {
            return match u16::from_be_bytes([*high, *low]) {
                kind @ 0x0600.. => ether_payload(kind, packet, TAGS_MAX),
                _ => Content::unreadable(LinkCause::FrameRelayEncapsulation),
            };
        }
        _ => return Content::unreadable(LinkCause::FrameRelayCut),
    };
    match (protocol, packet) {
        (0xcc | 0x8e, packet) => Content::Ip(packet),
        // SNAP: bridged Ethernet with or without its checksum (RFC 2427 §4.2), or an ether type.
        (0x80, [0x00, 0x80, 0xc2, 0x00, 0x01 | 0x07, bridged @ ..]) => {
            frame_payload(bridged, TAGS_MAX)
        }
        (0x80, [0, 0, 0, high, low, packet @ ..]) => {
            ether_payload(u16::from_be_bytes([*high, *low]), packet, TAGS_MAX)
        }
        (0xcf, packet) => super::ppp::payload(packet),
        (0x08 | 0x09, _) if signals => Content::NotIp("frame relay signalling"),
        (0x81..=0x83, _) => Content::NotIp("OSI over frame relay"),
        (0xb1, _) => Content::unreadable(LinkCause::FrameRelayPiece),
        _ => Content::unreadable(LinkCause::FrameRelayProtocol),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{reader, sample};
    use super::*;
    use crate::observe::capture::Direction;

    #[test]
    fn encapsulations_lead_to_the_packet() {
        let packet = sample::ipv4(b"relayed");
        let bridged = sample::ethernet(0x0800, &packet);
        for (header, behind) in [
            (&[0x18, 0x61, 0x08, 0x00][..], &packet),
            (&[0x18, 0x61, 0x03, 0xcc], &packet),
            (&[0x18, 0x60, 0x01, 0x03, 0x00, 0xcc], &packet),
            (&[0x18, 0x60, 0x00, 0x01, 0x03, 0xcc], &packet),
            (&[0x18, 0x61, 0x03, 0x00, 0x80, 0, 0, 0, 8, 0], &packet),
            (&[0x18, 0x61, 0x03, 0xcf, 0x00, 0x21], &packet),
            (&[0x18, 0x61, 0x03, 0, 0x80, 0, 0x80, 0xc2, 0, 7], &bridged),
        ] {
            let data = [header, behind].concat();
            assert_eq!(frame(&data), Content::Ip(&packet), "{header:x?}");
            let sent = [&[0][..], &data].concat();
            let read = (reader(206).unwrap().read)(&sample::frame(&sent));
            assert_eq!(read.content, Content::Ip(&packet), "{header:x?}");
            assert_eq!(read.direction, Some(Direction::In));
        }
        for other in [
            &[][..],
            &[0x18],
            &[0x19, 0x61, 3, 0xcc],
            &[0x18, 0x60, 0x60, 0x60, 0x60, 3],
            &[0x18, 0x61],
            &[0x18, 0x61, 3],
            &[0x18, 0x61, 3, 0xb1, 1, 2],
            &[0x18, 0x61, 3, 0x99, 1, 2],
            &[0x18, 0x61, 3, 0x08, 0x4c, 0x80],
        ] {
            assert!(
                matches!(frame(other), Content::Unreadable(..)),
                "{other:x?}"
            );
        }
        assert!(matches!(frame(&[0, 1, 3, 8, 0, 0x75]), Content::NotIp(_)));
    }
}
