//! LLC (IEEE 802.2 §3) and SNAP (RFC 1042, IEEE 802.1H): the service access points and the
//! organisation say what follows.
//!
//! The group bit of the receiver's access point, the response bit of the sender's and the poll bit
//! of the control byte are no part of the address: a packet behind them is read like any other. Of
//! access points and organisations that are not known nothing is claimed: where a valid IP header
//! stands behind them they are unreadable, else they are what they say, somebody's own protocol.

use super::field::be16;
use super::not_ip::unless_packet;
use super::plausible::stands;
use super::{Content, Unwrapped, ether_type, ethernet, not_ip, ppp};
use crate::ground::cause::LinkCause;

/// Access points (IEEE 802.2 list of assigned addresses).
const SNAP: u8 = 0xaa;
const IP: u8 = 0x06;
const ARP: u8 = 0x98;
const OSI: u8 = 0xfe;
const SPANNING_TREE: u8 = 0x42;
const IPX: u8 = 0xe0;
const NETBIOS: u8 = 0xf0;

/// Group bit and response bit.
const NO_ADDRESS: u8 = 0x01;
/// Unnumbered information, and the poll bit.
const INFORMATION: u8 = 0x03;
const POLL: u8 = 0x10;

/// An LLC header, read.
struct Header<'a> {
    target: u8,
    source: u8,
    /// Unnumbered information.
    information: bool,
    control: u8,
    rest: &'a [u8],
}

fn header(bytes: &[u8]) -> Option<Header<'_>> {
    let [target, source, control, rest @ ..] = bytes else {
        return None;
    };
    // Numbered formats have a second control byte.
    let numbered = control & 0x03 != 0x03;
    Some(Header {
        target: target & !NO_ADDRESS,
        source: source & !NO_ADDRESS,
        information: control & !POLL == INFORMATION,
        control: *control,
        rest: match numbered {
            true => rest.get(1..).unwrap_or_default(),
            false => rest,
        },
    })
}

/// True for bytes that begin like LLC of a protocol that is known.
pub(super) fn is_known(bytes: &[u8]) -> bool {
    header(bytes).is_some_and(|h| match (h.target, h.source) {
        (SNAP, SNAP)
        | (IP, IP)
        | (ARP, ARP)
        | (SPANNING_TREE, SPANNING_TREE)
        | (IPX, IPX)
        | (OSI, OSI) => h.information,
        (NETBIOS, NETBIOS) => true,
        (0, 0) => is_test(h.control),
        _ => false,
    })
}

/// Exchange identification, test (§5.4.1): access points send them for a station that has just
/// come, so that switches learn where it is.
fn is_test(control: u8) -> bool {
    matches!(control & !POLL, 0xaf | 0xe3)
}

/// What stands behind LLC.
pub(super) fn read(bytes: &[u8], tags_left: usize) -> Unwrapped<'_> {
    if bytes.starts_with(&[0xff, 0xff]) {
        return named(bytes, "IPX (raw 802.3)");
    }
    let Some(h) = header(bytes) else {
        return Unwrapped::unreadable(LinkCause::LlcCut);
    };
    let bare = Unwrapped::bare;
    match (h.target, h.source) {
        (SNAP, SNAP) if h.information => match h.rest.first_chunk::<5>() {
            Some(&[a, b, c, high, low]) => snap(
                [a, b, c],
                u16::from_be_bytes([high, low]),
                h.rest.get(5..).unwrap_or_default(),
                tags_left,
            ),
            None => Unwrapped::unreadable(LinkCause::SnapCut),
        },
        (IP, IP) if h.information => bare(Content::Ip(h.rest)),
        (ARP, ARP) if h.information => bare(Content::Arp(h.rest)),
        (SPANNING_TREE, SPANNING_TREE) if h.information => bare(Content::NotIp("spanning tree")),
        (IPX, IPX) if h.information => bare(Content::NotIp("IPX")),
        (OSI, OSI) if h.information => osi(h.rest),
        (NETBIOS, NETBIOS) => named(bytes, "NetBIOS"),
        _ => named(bytes, "LLC"),
    }
}

fn named<'a>(bytes: &[u8], name: &'static str) -> Unwrapped<'a> {
    Unwrapped::bare(unless_packet(bytes, name))
}

/// Network layer protocol identifiers (ISO/IEC TR 9577): IPv4 and IPv6 have one, PPP too.
fn osi(rest: &[u8]) -> Unwrapped<'_> {
    Unwrapped::bare(match rest {
        [0xcc | 0x8e, packet @ ..] => Content::Ip(packet),
        [0xcf, frame @ ..] => ppp::payload(frame),
        _ => unless_packet(rest, "OSI routing"),
    })
}

fn snap(organisation: [u8; 3], protocol: u16, rest: &[u8], tags_left: usize) -> Unwrapped<'_> {
    let Some(left) = tags_left.checked_sub(1) else {
        return Unwrapped::unreadable(LinkCause::TagsOver);
    };
    match (organisation, protocol) {
        // RFC 1042 and 802.1H: an ether type.
        ([0, 0, 0] | [0, 0, 0xf8], kind) => ether_type::read(kind, rest, left),
        // Bridged frames (RFC 2684 §5.2, RFC 2427 §4.2): Ethernet with and without its check
        // sequence, on ATM with two bytes before it.
        ([0, 0x80, 0xc2], 0x0001 | 0x0007) => bridged(rest, left),
        ([0, 0x80, 0xc2], 0x000e | 0x000f) => named(rest, "spanning tree"),
        ([0, 0x80, 0xc2], _) => Unwrapped::unreadable(LinkCause::BridgedFrame),
        _ => match not_ip::snap(organisation, protocol, rest) {
            Some(content) => Unwrapped::bare(content),
            None => named(rest, "SNAP with a vendor's protocol"),
        },
    }
}

fn bridged(rest: &[u8], tags_left: usize) -> Unwrapped<'_> {
    const PADS: [usize; 2] = [2, 0];
    let frames = PADS.iter().filter_map(|pad| rest.get(*pad..));
    let sure = |read: &Unwrapped<'_>| match read.content {
        Content::Ip(packet) => stands(packet, packet.len()),
        Content::Arp(packet) => be16(packet, 2) == Some(0x0800),
        _ => false,
    };
    let mut read = frames.map(|frame| ethernet::nested(frame, tags_left));
    let first = read.next();
    match (first, read.next()) {
        (Some(first), _) if sure(&first) => first,
        (_, Some(second)) if sure(&second) => second,
        (Some(first), Some(second)) => match (first.content, second.content) {
            // Neither is beyond doubt: what could be a packet comes before what is none.
            (Content::Ip(_) | Content::Unreadable(..), _) => first,
            _ => second,
        },
        _ => Unwrapped::unreadable(LinkCause::BridgedFrameCut),
    }
}

#[cfg(test)]
mod tests {
    use super::super::ethernet::TAGS_MAX;
    use super::super::sample;
    use super::*;
    use crate::ground::mac::Mac;

    #[test]
    fn bits_that_are_no_address_change_nothing() {
        let packet = sample::ipv4(b"LLC");
        for target in [0xaa, 0xab] {
            for source in [0xaa, 0xab] {
                for control in [0x03, 0x13] {
                    for organisation in [[0, 0, 0], [0, 0, 0xf8]] {
                        let head = [target, source, control];
                        let frame = [&head[..], &organisation, &[8, 0], &packet].concat();
                        let content = read(&frame, TAGS_MAX).content;
                        assert_eq!(content, Content::Ip(&packet), "{head:x?}");
                        assert!(is_known(&frame));
                    }
                }
            }
        }
        for head in [
            &[6, 6, 3][..],
            &[7, 6, 0x13],
            &[0xfe, 0xfe, 3, 0xcc],
            &[0xfe, 0xff, 3, 0x8e],
        ] {
            let frame = [head, &packet].concat();
            assert_eq!(
                read(&frame, TAGS_MAX).content,
                Content::Ip(&packet),
                "{head:x?}"
            );
        }
    }

    #[test]
    fn bridged_frames_are_read_with_and_without_their_padding() {
        let packet = sample::ipv4(b"bridged");
        let frame = sample::ethernet(0x0800, &packet);
        for protocol in [1, 7] {
            for pad in [&[][..], &[0, 0]] {
                let head = [0xaa, 0xaa, 3, 0, 0x80, 0xc2, 0, protocol];
                let frame = [&head[..], pad, &frame].concat();
                let got = read(&frame, TAGS_MAX);
                assert_eq!(got.content, Content::Ip(&packet));
                assert_eq!(got.source, Some(Mac([2, 0, 0, 0xaa, 0xbb, 0x77])));
            }
        }
    }

    #[test]
    fn strangers_hide_no_packet_and_are_what_they_say() {
        let packet = sample::ipv4(b"hidden");
        let frame = sample::ethernet(0x0800, &packet);
        for head in [
            &[0xaa, 0xaa, 3, 0x00, 0x1b, 0x2c, 0x12, 0x34][..],
            &[0xaa, 0xaa, 3, 0x00, 0x00, 0x0c, 0x08, 0x00],
            &[0xaa, 0xaa, 0x7f, 0, 0, 0, 8, 0],
            &[0xaa, 0xaa, 0x00, 0x00, 0, 0, 0, 8, 0],
            &[0x12, 0x12, 0x03],
            &[0x00, 0x00, 0xe3],
            &[0xff, 0xff],
            &[0xf0, 0xf0, 0x03],
            &[0x00, 0x00, 0x08, 0x00],
            &[],
        ] {
            for inner in [&packet, &frame] {
                let frame = [head, inner].concat();
                let content = read(&frame, TAGS_MAX).content;
                assert!(matches!(content, Content::Unreadable(..)), "{head:x?}");
            }
            let frame = [head, &[0x31; 60]].concat();
            let content = read(&frame, TAGS_MAX).content;
            assert!(matches!(content, Content::NotIp(_)), "{head:x?}");
        }
        let discovery = [&[0xaa, 0xaa, 3, 0, 0, 0x0c, 0x20, 0][..], &packet].concat();
        assert!(matches!(
            read(&discovery, TAGS_MAX).content,
            Content::NotIp(_)
        ));
        // However deep, it ends.
        let endless = [0xaa, 0xaa, 3, 0, 0, 0, 0, 0].repeat(32_000);
        assert!(matches!(
            read(&endless, TAGS_MAX).content,
            Content::Unreadable(..)
        ));
    }
}
