//! Tags and headers that stand between an Ethernet header and the packet, each named by an ether
//! type of its own: VLAN and provider tags, what switches leave in the frames of a mirror port or of
//! their CPU port, backbones that carry whole frames, meshes.
//!
//! Switch tags without an ether type of their own (MediaTek, Qualcomm, Broadcom and others on a link
//! that is not said to have them) cannot be told from what else may stand there: such frames are
//! unreadable. Trailers of switches stand behind the packet, whose own length leaves them out.

use super::ethernet::TAGS_MAX;
use super::field::be16;
use super::not_ip::unless_packet;
use super::{Content, Unwrapped, ether_type, ethernet, llc_snap, mpls};
use crate::ground::cause::LinkCause;

/// A tag, or a header with frames behind it.
struct Tag {
    kind: u16,
    read: for<'a> fn(&'a [u8], usize) -> Unwrapped<'a>,
}

/// A tag of `len` bytes behind its ether type, then the next ether type.
macro_rules! tag {
    ($kind:literal, $len:literal) => {
        Tag {
            kind: $kind,
            read: |rest, left| typed_at(rest, $len, left),
        }
    };
}

/// By ether type.
static TAGS: &[Tag] = &[
    tag!(0x22e9, 2), // CN-TAG, IEEE 802.1Q clause 33
    Tag {
        kind: 0x22eb, // ERSPAN type III
        read: mirrored,
    },
    Tag {
        kind: 0x22f3,
        read: trill,
    },
    Tag {
        kind: 0x4305,
        read: batman,
    },
    Tag {
        kind: 0x6558, // transparent Ethernet bridging, RFC 1701
        read: |rest, left| frame_at(rest, 0, left),
    },
    tag!(0x8100, 2), // C-TAG, IEEE 802.1Q §9.5
    Tag {
        kind: 0x8870, // jumbo frames with LLC, draft-ietf-isis-ext-eth
        read: llc_snap::read,
    },
    Tag {
        kind: 0x8880,
        read: ocelot,
    },
    Tag {
        kind: 0x8899,
        read: realtek,
    },
    tag!(0x88a8, 2), // S-TAG
    Tag {
        kind: 0x88be, // ERSPAN type II
        read: mirrored,
    },
    Tag {
        kind: 0x88e5,
        read: macsec,
    },
    Tag {
        kind: 0x88e7, // I-TAG, IEEE 802.1Q §9.7: priority and service, then the customer's frame
        read: |rest, left| frame_at(rest, 4, left),
    },
    Tag {
        kind: 0x8903, // Cisco FabricPath: forwarding tag and time to live, then the frame
        read: |rest, left| frame_at(rest, 2, left),
    },
    Tag {
        kind: 0x8909,
        read: cisco_metadata,
    },
    tag!(0x8926, 4), // VN-Tag, Cisco
    tag!(0x892f, 4), // HSR, IEC 62439-3 §5.6
    tag!(0x893f, 6), // E-TAG, IEEE 802.1BR §7.5
    Tag {
        kind: 0x894f,
        read: service,
    },
    tag!(0x8988, 6), // Cisco time stamp of fabric switches
    tag!(0x9100, 2), // older values of provider tags
    tag!(0x9200, 2),
    tag!(0x9300, 2),
    tag!(0xdada, 6), // EDSA of Marvell switches: two zeros and the DSA tag
    tag!(0xdadb, 2), // Linux DSA by VLAN tags (linux/if_ether.h, ETH_P_DSA_8021Q)
    tag!(0xe001, 6), // Renesas A5PSW (linux/if_ether.h, ETH_P_DSA_A5PSW)
    tag!(0xf1c1, 4), // R-TAG, IEEE 802.1CB §7.8
];

/// What stands behind a tag; `None` if the ether type names none.
pub(super) fn read(kind: u16, rest: &[u8], tags_left: usize) -> Option<Unwrapped<'_>> {
    let at = TAGS.binary_search_by_key(&kind, |tag| tag.kind).ok()?;
    let tag = TAGS.get(at)?;
    Some(match tags_left.min(TAGS_MAX).checked_sub(1) {
        Some(left) => (tag.read)(rest, left),
        None => Unwrapped::unreadable(LinkCause::TagsOver),
    })
}

/// An ether type behind `at` bytes, and its payload.
fn typed_at(rest: &[u8], at: usize, tags_left: usize) -> Unwrapped<'_> {
    match (be16(rest, at), rest.get(at.saturating_add(2)..)) {
        (Some(kind), Some(payload)) => ether_type::read(kind, payload, tags_left),
        _ => Unwrapped::unreadable(LinkCause::TagCut),
    }
}

/// An Ethernet frame behind `at` bytes.
fn frame_at(rest: &[u8], at: usize, tags_left: usize) -> Unwrapped<'_> {
    match rest.get(at..) {
        Some(frame) => ethernet::nested(frame, tags_left),
        None => Unwrapped::unreadable(LinkCause::FrameHeaderCut),
    }
}

/// RFC 6325 §3.1: flags, length of the options in words, hops; two nicknames; then the frame.
fn trill(rest: &[u8], tags_left: usize) -> Unwrapped<'_> {
    match be16(rest, 0) {
        Some(flags) if flags >> 14 == 0 => {
            let options = usize::from(flags >> 6 & 0x1f) * 4;
            frame_at(rest, 6usize.saturating_add(options), tags_left)
        }
        Some(_) => Unwrapped::unreadable(LinkCause::TrillVersion),
        None => Unwrapped::unreadable(LinkCause::TrillCut),
    }
}

/// linux/batadv_packet.h, compatibility version 15.
fn batman(rest: &[u8], tags_left: usize) -> Unwrapped<'_> {
    let header = match rest {
        [0x00 | 0x03 | 0x04 | 0x43 | 0x44, 15, ..] => {
            return Unwrapped::bare(unless_packet(rest, "batman-adv control"));
        }
        [0x01, 15, ..] => 14,
        [0x40, 15, ..] => 10,
        [0x42, 15, ..] => 18,
        // A multicast packet: its list of receivers first.
        [0x05, 15, _, _, high, low, ..] => {
            usize::from(u16::from_be_bytes([*high, *low])).saturating_add(6)
        }
        [0x41, 15, ..] => return Unwrapped::unreadable(LinkCause::BatmanPiece),
        [0x02, 15, ..] => return Unwrapped::unreadable(LinkCause::BatmanSum),
        _ => return Unwrapped::unreadable(LinkCause::BatmanKind),
    };
    frame_at(rest, header, tags_left)
}

/// Switches of Microchip (Ocelot): injection and extraction headers of 16 bytes, told by an
/// Ethernet header of their own and 000a (Linux `net/dsa/tag_ocelot.c`).
fn ocelot(rest: &[u8], tags_left: usize) -> Unwrapped<'_> {
    const HEADER: usize = 18;
    match be16(rest, 0) {
        Some(0x000a) => frame_at(rest, HEADER, tags_left),
        _ => Unwrapped::unreadable(LinkCause::SwitchHeader),
    }
}

/// Realtek's protocols (Linux `net/dsa/tag_rtl4_a.c`, `tag_rtl8_4.c`; Realtek Remote Control
/// Protocol): the first byte says which. Tags have 4 or 8 bytes, the ether type among them.
fn realtek(rest: &[u8], tags_left: usize) -> Unwrapped<'_> {
    match rest.first() {
        Some(0x04) => typed_at(rest, 6, tags_left),
        Some(0x90..=0xaf) => typed_at(rest, 2, tags_left),
        Some(0x01..=0x03 | 0x23) => Unwrapped::bare(unless_packet(
            rest,
            "Realtek remote control and loop detection",
        )),
        Some(_) => Unwrapped::unreadable(LinkCause::RealtekTag),
        None => Unwrapped::unreadable(LinkCause::TagCut),
    }
}

/// IEEE 802.1AE §9.3: what is authenticated only stands there in clear.
fn macsec(rest: &[u8], tags_left: usize) -> Unwrapped<'_> {
    const VERSION: u8 = 0x80;
    const CHANNEL: u8 = 0x20;
    const ENCRYPTED: u8 = 0x08;
    const CHANGED: u8 = 0x04;
    match rest.first() {
        None => Unwrapped::unreadable(LinkCause::MacsecCut),
        Some(flags) if flags & (VERSION | ENCRYPTED | CHANGED) != 0 => {
            Unwrapped::unreadable(LinkCause::MacsecSealed)
        }
        Some(flags) if flags & CHANNEL != 0 => typed_at(rest, 14, tags_left),
        Some(_) => typed_at(rest, 6, tags_left),
    }
}

/// Cisco metadata (TrustSec): version, count of options, and options of four bytes. There is one in
/// practice; where nothing is counted it is there all the same.
fn cisco_metadata(rest: &[u8], tags_left: usize) -> Unwrapped<'_> {
    match rest {
        [1, count, ..] if *count > 0 => typed_at(rest, usize::from(*count) * 4 + 2, tags_left),
        _ => typed_at(rest, 6, tags_left),
    }
}

/// Copies of frames by ERSPAN (draft-foschiano-erspan §4), without GRE around them: type II has
/// eight bytes, type III twelve and eight more where a flag says so.
fn mirrored(rest: &[u8], tags_left: usize) -> Unwrapped<'_> {
    const MORE: u8 = 0x01;
    match rest.first().map(|version| version >> 4) {
        Some(1) => frame_at(rest, 8, tags_left),
        Some(2) => {
            let more = rest.get(11).is_some_and(|flags| flags & MORE != 0);
            frame_at(rest, if more { 20 } else { 12 }, tags_left)
        }
        Some(_) => Unwrapped::unreadable(LinkCause::ErspanVersion),
        None => Unwrapped::unreadable(LinkCause::FrameHeaderCut),
    }
}

/// Network service header (RFC 8300 §2): its length in words, and what follows.
fn service(rest: &[u8], tags_left: usize) -> Unwrapped<'_> {
    let [first, second, _, next, ..] = rest else {
        return Unwrapped::unreadable(LinkCause::ServiceHeaderCut);
    };
    let length = usize::from(second & 0x3f) * 4;
    let Some(behind) = rest.get(length..).filter(|_| length >= 8) else {
        return Unwrapped::unreadable(LinkCause::ServiceHeader);
    };
    match (first >> 6, next) {
        (0, 1 | 2) => Unwrapped::bare(Content::Ip(behind)),
        (0, 3) => frame_at(rest, length, tags_left),
        (0, 4) => service_again(behind, tags_left),
        (0, 5) => mpls::labels(behind, tags_left),
        _ => Unwrapped::unreadable(LinkCause::ServiceHeaderContent),
    }
}

fn service_again(rest: &[u8], tags_left: usize) -> Unwrapped<'_> {
    match tags_left.checked_sub(1) {
        Some(left) => service(rest, left),
        None => Unwrapped::unreadable(LinkCause::TagsOver),
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;
    use crate::ground::mac::Mac;

    #[test]
    fn sorted_by_ether_type_and_followed_to_a_bound() {
        assert!(TAGS.is_sorted_by(|a, b| a.kind < b.kind));
        for tag in TAGS {
            for fill in [0u8, 1, 4, 0x0a, 15, 0x40, 0x81, 0xa0, 0xff] {
                let frame = [fill; 300];
                for len in 0..frame.len() {
                    let content = read(tag.kind, &frame[..len], TAGS_MAX).unwrap().content;
                    assert!(!matches!(content, Content::Bundle(_)));
                }
            }
            let packet = sample::ipv4(b"x");
            let read = read(tag.kind, &packet, 0).unwrap();
            assert!(matches!(read.content, Content::Unreadable(..)));
        }
        let endless = [0, 5, 0x81, 0].repeat(20);
        let read = read(0x8100, &endless, TAGS_MAX).unwrap();
        assert!(matches!(read.content, Content::Unreadable(..)));
    }

    #[test]
    fn every_tag_leads_to_the_packet_and_whole_frames_name_their_ends() {
        let packet = sample::ipv4(b"behind a tag");
        let typed = [&[0x08, 0x00][..], &packet].concat();
        let frame = sample::ethernet(0x0800, &packet);
        let behind = |header: &[u8], rest: &[u8]| [header, rest].concat();
        let channel = [&[0x20, 0, 0, 0, 0, 7][..], &[2; 8]].concat();
        let ocelot = [&[0, 0x0a][..], &[0x55; 16]].concat();
        let cases = [
            (0x22e9, behind(&[0, 9], &typed), false),
            (0x22f3, behind(&[0, 0x3f, 0, 1, 0, 2], &frame), true),
            (
                0x22f3,
                behind(&[0, 0x7f, 0, 1, 0, 2, 9, 9, 9, 9], &frame),
                true,
            ),
            (
                0x4305,
                behind(&[[0x40, 15, 50, 1].as_slice(), &[2; 6]].concat(), &frame),
                true,
            ),
            (
                0x4305,
                behind(&[[0x42, 15, 50, 1].as_slice(), &[2; 14]].concat(), &frame),
                true,
            ),
            (
                0x4305,
                behind(&[[1, 15, 50, 0].as_slice(), &[2; 10]].concat(), &frame),
                true,
            ),
            (0x6558, frame.clone(), true),
            (0x8100, behind(&[0, 5], &typed), false),
            (0x8100, behind(&[0, 5, 0x81, 0, 0, 6], &typed), false),
            (0x8870, behind(&[0xaa, 0xaa, 3, 0, 0, 0], &typed), false),
            (0x8880, behind(&ocelot, &frame), true),
            (0x8899, behind(&[0xa0, 1], &typed), false),
            (0x8899, behind(&[0x90, 1], &typed), false),
            (0x8899, behind(&[4, 0, 0, 0, 0, 1], &typed), false),
            (0x88a8, behind(&[0, 5, 0x81, 0, 0, 6], &typed), false),
            (
                0x22eb,
                behind(&[[0x20].as_slice(), &[0; 11]].concat(), &frame),
                true,
            ),
            (
                0x22eb,
                behind(
                    &[[0x20].as_slice(), &[0; 10], &[1], &[0; 8]].concat(),
                    &frame,
                ),
                true,
            ),
            (0x88be, behind(&[0x10, 0, 0, 0, 0, 0, 0, 0], &frame), true),
            (0x8909, behind(&[0; 6], &typed), false),
            (0x88e5, behind(&[0, 0, 0, 0, 0, 7], &typed), false),
            (0x88e5, behind(&channel, &typed), false),
            (0x88e7, behind(&[0, 0, 0, 9], &frame), true),
            (0x8903, behind(&[4, 0x20], &frame), true),
            (0x8909, behind(&[1, 1, 0, 1, 0, 10], &typed), false),
            (0x8926, behind(&[0, 1, 0, 2], &typed), false),
            (0x892f, behind(&[0x10, 0x50, 0, 1], &typed), false),
            (0x893f, behind(&[0, 0, 0, 1, 0, 0], &typed), false),
            (0x894f, behind(&[0, 2, 2, 1, 0, 0, 0, 1], &packet), false),
            (
                0x894f,
                behind(&[0, 3, 2, 3, 0, 0, 0, 1, 9, 9, 9, 9], &frame),
                true,
            ),
            (0x8988, behind(&[1, 2, 3, 4, 0, 0], &typed), false),
            (0xdada, behind(&[0, 0, 0x40, 0x18, 0, 1], &typed), false),
            (0xdadb, behind(&[0, 5], &typed), false),
            (0xe001, behind(&[0, 1, 0, 0, 0, 0], &typed), false),
            (0xf1c1, behind(&[0, 0, 0, 9], &typed), false),
        ];
        let tried: std::collections::BTreeSet<u16> = cases.iter().map(|case| case.0).collect();
        for tag in TAGS
            .iter()
            .filter(|tag| !matches!(tag.kind, 0x9100 | 0x9200 | 0x9300))
        {
            assert!(tried.contains(&tag.kind), "{:x} has no case", tag.kind);
        }
        for (kind, rest, ends) in cases {
            let got = read(kind, &rest, TAGS_MAX).unwrap();
            assert_eq!(got.content, Content::Ip(&packet), "{kind:x} {rest:02x?}");
            let source = ends.then_some(Mac([2, 0, 0, 0xaa, 0xbb, 0x77]));
            assert_eq!(got.source, source, "{kind:x}");
        }
        // Encrypted, pieces, unknown kinds and versions: never nothing.
        for (kind, head) in [
            (0x88e5, &[0x2c, 0, 0, 0, 0, 7][..]),
            (0x88e5, &[0x80, 0, 0, 0, 0, 7]),
            (0x4305, &[0x41, 15]),
            (0x4305, &[0x40, 14]),
            (0x22f3, &[0x40, 0x3f]),
            (0x8880, &[0, 1]),
            (0x8899, &[0x55, 1]),
            (0x8899, &[0x23, 1]),
            (0x88be, &[0x30, 1]),
            (0x894f, &[0, 1, 2, 1]),
            (0x894f, &[0, 2, 2, 9]),
        ] {
            let rest = behind(head, &[&[0; 12][..], &packet].concat());
            let content = read(kind, &rest, TAGS_MAX).unwrap().content;
            assert!(
                matches!(content, Content::Unreadable(..)),
                "{kind:x} {head:x?}"
            );
        }
    }
}
