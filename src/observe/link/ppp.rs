//! PPP (RFC 1661 §2) in the forms that files have: LINKTYPE 9 (with or without the HDLC address and
//! control bytes of RFC 1662 §3.1), 50 (always with them, or Cisco HDLC), 51 (PPP over Ethernet
//! without the Ethernet header, RFC 2516 §4), 166 (a direction instead of the address) and 204 (a
//! direction before the frame).
//!
//! Compressed and encrypted datagrams (RFC 1962, RFC 1968), Van Jacobson headers (RFC 1144) and
//! pieces of multilink frames (RFC 1990) cannot be read, and are counted.

use super::ethernet::TAGS_MAX;
use super::plausible::possible;
use super::{Content, LinkType, Unwrapped, hdlc};
use crate::ground::cause::LinkCause;
use crate::observe::capture::{Direction, Frame};

pub(super) const PPP: LinkType = LinkType {
    ids: &[9],
    name: "ppp",
    read: |frame| Unwrapped::bare(serial(frame.data)),
};

pub(super) const PPP_HDLC: LinkType = LinkType {
    ids: &[50],
    name: "ppp-hdlc",
    read: |frame| Unwrapped::bare(serial(frame.data)),
};

pub(super) const PPPOE: LinkType = LinkType {
    ids: &[51],
    name: "pppoe",
    read: |frame| Unwrapped::bare(pppoe(frame.data)),
};

pub(super) const PPPD: LinkType = LinkType {
    ids: &[166],
    name: "ppp-pppd",
    read: pppd,
};

pub(super) const PPP_WITH_DIRECTION: LinkType = LinkType {
    ids: &[204],
    name: "ppp-with-direction",
    read: with_direction,
};

/// All-stations address and unnumbered information (RFC 1662 §3.1).
const ADDRESS: u8 = 0xff;
const CONTROL: u8 = 0x03;

/// First and last piece of a multilink frame (RFC 1990 §3).
const WHOLE: u8 = 0xc0;

/// Flags and sequence number of a multilink header, in its long and its short format.
const MULTILINK_HEADERS: [usize; 2] = [4, 2];

/// A frame that begins with the address and control bytes or with the protocol.
pub(super) fn framed(data: &[u8]) -> Content<'_> {
    match data {
        [ADDRESS, CONTROL, ppp @ ..] => payload(ppp),
        ppp => payload(ppp),
    }
}

/// A frame of a serial line, in whichever of the two framings: what records it often does not know.
pub(super) fn serial(data: &[u8]) -> Content<'_> {
    match data {
        // No PPP protocol has these numbers, compressed to one byte or not.
        [hdlc::UNICAST | hdlc::MULTICAST, 0, ..] => hdlc::frame(data),
        _ => framed(data),
    }
}

fn pppd<'a>(frame: &Frame<'a>) -> Unwrapped<'a> {
    match frame.data {
        [sent @ 0..=1, CONTROL, ppp @ ..] => directed(*sent, payload(ppp)),
        [sent @ 0..=1, ppp @ ..] => directed(*sent, payload(ppp)),
        data => Unwrapped::bare(serial(data)),
    }
}

fn with_direction<'a>(frame: &Frame<'a>) -> Unwrapped<'a> {
    match frame.data {
        [sent, ppp @ ..] => directed(*sent, serial(ppp)),
        [] => Unwrapped::bare(payload(&[])),
    }
}

/// Content behind a byte that is zero if the capturing machine received it.
pub(super) fn directed(sent: u8, content: Content<'_>) -> Unwrapped<'_> {
    Unwrapped {
        direction: Some(if sent == 0 {
            Direction::In
        } else {
            Direction::Out
        }),
        ..Unwrapped::bare(content)
    }
}

/// A frame under the ether type of PPPoE sessions.
pub(super) fn pppoe_session(rest: &[u8]) -> Content<'_> {
    match rest {
        [0x11, 0, _, _, _, _, ..] => pppoe(rest),
        [_, _, _, _, _, _, ..] => Content::unreadable(LinkCause::PppoeSession),
        _ => Content::unreadable(LinkCause::PppoeCut),
    }
}

/// A PPPoE frame, of whichever stage.
pub(super) fn pppoe(rest: &[u8]) -> Content<'_> {
    match rest {
        // Version 1, type 1, code 0: session data; then session id and length.
        [0x11, 0, _, _, high, low, ppp @ ..] => {
            let length = usize::from(u16::from_be_bytes([*high, *low]));
            // Ethernet pads short frames: the length says where PPP ends.
            payload(ppp.get(..length).unwrap_or(ppp))
        }
        // PADO, PADI, PADR, PADS, PADT (RFC 2516 §5).
        [0x11, 0x07 | 0x09 | 0x19 | 0x65 | 0xa7, _, _, _, _, ..] => Content::NotIp("PPPoE control"),
        [_, _, _, _, _, _, ..] => Content::unreadable(LinkCause::PppoeKind),
        _ => Content::unreadable(LinkCause::PppoeCut),
    }
}

/// What a PPP frame holds.
pub(super) fn payload(ppp: &[u8]) -> Content<'_> {
    match split(ppp) {
        Some((0x003d, fragment)) => multilink(fragment),
        Some((protocol, rest)) => by_protocol(protocol, rest),
        None => Content::unreadable(LinkCause::PppCut),
    }
}

/// Protocol and information; an odd first byte is a protocol field compressed to one (RFC 1661 §6.5).
fn split(ppp: &[u8]) -> Option<(u16, &[u8])> {
    match ppp {
        [short, rest @ ..] if short & 1 != 0 => Some(((*short).into(), rest)),
        [high, low, rest @ ..] => Some((u16::from_be_bytes([*high, *low]), rest)),
        _ => None,
    }
}

/// Information by protocol number (IANA "PPP Numbers").
fn by_protocol(protocol: u16, rest: &[u8]) -> Content<'_> {
    match protocol {
        0x0021 | 0x0057 => Content::Ip(rest),
        0x0281 | 0x0283 => super::mpls::labels(rest, TAGS_MAX).content,
        0x0023 => Content::NotIp("OSI over PPP"),
        0x0025 | 0x0027 | 0x0029 | 0x002b | 0x0035 | 0x003f => {
            Content::NotIp("XNS, DECnet, AppleTalk, IPX, Vines or NetBIOS over PPP")
        }
        0x0201 | 0x0203 | 0x0205 => Content::NotIp("spanning tree over PPP"),
        0x0207 => Content::NotIp("Cisco discovery over PPP"),
        // Link control, authentication and network control protocols.
        0x8000..=0xffff => Content::NotIp("PPP control"),
        0x002d | 0x002f => Content::unreadable(LinkCause::PppTcpCompressed),
        0x0003 | 0x0005 | 0x0061..=0x0069 | 0x2061..=0x2069 => {
            Content::unreadable(LinkCause::PppIpCompressed)
        }
        0x0053 | 0x0055 => Content::unreadable(LinkCause::PppEncrypted),
        0x00fb | 0x00fd => Content::unreadable(LinkCause::PppSealed),
        _ => Content::unreadable(LinkCause::PppProtocol),
    }
}

/// A piece of a multilink frame; one that is both the first and the last holds a whole frame.
fn multilink(fragment: &[u8]) -> Content<'_> {
    if fragment.first().is_none_or(|flags| flags & WHOLE != WHOLE) {
        return Content::unreadable(LinkCause::MultilinkPiece);
    }
    // Which header format it is, was agreed at the start of the session: only one gives a packet.
    MULTILINK_HEADERS
        .iter()
        .filter_map(|header| split(fragment.get(*header..)?))
        .map(|(protocol, rest)| by_protocol(protocol, rest))
        .find(|content| matches!(content, Content::Ip(packet) if possible(packet, packet.len())))
        .unwrap_or(Content::unreadable(LinkCause::MultilinkHoldsNoPacket))
}

#[cfg(test)]
mod tests {
    use super::super::{reader, sample};
    use super::*;

    #[test]
    fn padding_behind_the_frame_is_no_payload() {
        let frame = [0x11, 0, 0, 7, 0, 4, 0x00, 0x21, 0x45, 0x00, 0xee, 0xee];
        assert_eq!(pppoe(&frame), Content::Ip(&[0x45, 0x00]));
        assert_eq!(
            pppoe(&[0x11, 0, 0, 7, 0, 3, 0x57, 0x60, 0x00]),
            Content::Ip(&[0x60, 0x00])
        );
        assert!(matches!(
            pppoe(&[0x11, 0, 0, 7, 0, 4, 0xc0, 0x21, 1, 1]),
            Content::NotIp(_)
        ));
        assert!(matches!(
            pppoe(&[0x11, 0, 0, 7, 0, 4, 0x00, 0xfd, 1, 1]),
            Content::Unreadable(..)
        ));
    }

    #[test]
    fn every_form_leads_to_the_packet() {
        let v4 = sample::ipv4(b"over PPP");
        let v6 = sample::ipv6(b"over PPP");
        let (to, from) = (Some(Direction::Out), Some(Direction::In));
        for (link_type, header, packet, direction) in [
            (9, &[0xff, 0x03, 0x00, 0x21][..], &v4, None),
            (9, &[0x00, 0x57], &v6, None),
            (9, &[0x21], &v4, None),
            (9, &[0xff, 0x03, 0x57], &v6, None),
            (50, &[0xff, 0x03, 0x00, 0x21], &v4, None),
            (50, &[0x0f, 0x00, 0x08, 0x00], &v4, None),
            (50, &[0x8f, 0x00, 0x86, 0xdd], &v6, None),
            (166, &[0x00, 0x03, 0x00, 0x21], &v4, from),
            (166, &[0x01, 0x03, 0x57], &v6, to),
            (166, &[0xff, 0x03, 0x00, 0x21], &v4, None),
            (204, &[0x00, 0xff, 0x03, 0x00, 0x21], &v4, from),
            (204, &[0x07, 0x00, 0x57], &v6, to),
            (9, &[0x3d, 0xc0, 0, 0, 1, 0x00, 0x21], &v4, None),
            (9, &[0x00, 0x3d, 0xc0, 1, 0x21], &v4, None),
        ] {
            let frame = [header, packet].concat();
            let read = (reader(link_type).unwrap().read)(&sample::frame(&frame));
            assert_eq!(read.content, Content::Ip(packet), "{link_type} {header:x?}");
            assert_eq!(read.direction, direction, "{link_type} {header:x?}");
        }
    }

    #[test]
    fn what_is_compressed_encrypted_or_in_pieces_is_unreadable() {
        let packet = sample::ipv4(b"in pieces");
        for header in [
            &[0x3d, 0x80, 0, 0, 1, 0x00, 0x21][..],
            &[0x3d, 0x40, 0, 0, 2],
            &[0x3d, 0xc0, 0, 0, 1, 0x00, 0xfd],
            &[0xfd],
            &[0x00, 0x53],
            &[0x2d],
            &[0x00, 0x03],
            &[0x40, 0x21],
            &[0xff, 0x04],
        ] {
            let frame = [header, &packet].concat();
            assert!(
                matches!(framed(&frame), Content::Unreadable(..)),
                "{header:x?}"
            );
        }
        for short in [&[][..], &[0], &[0x3d], &[0xff, 0x03], &[0xff, 0x03, 0]] {
            assert!(
                matches!(framed(short), Content::Unreadable(..)),
                "{short:x?}"
            );
        }
        assert!(matches!(framed(&[0xc0, 0x21, 1, 1]), Content::NotIp(_)));
        assert!(matches!(framed(&[0x2b, 1]), Content::NotIp(_)));
    }
}
