//! MPLS label stacks (RFC 3032 §2.1) and Ethernet pseudowires behind them (RFC 4448 §4.6); alone,
//! they are LINKTYPE 219.
//!
//! Nothing in a label says what follows. Routers ask the first nibble, and err where a pseudowire has no control word: its frame
//! begins with an address, of which many begin as an IP header does (RFC 4928 §3, RFC 8469 §3), those of drones among them
//! (60:60:1F, 48:1C:B9). Here the nibble decides only where the bytes do not prove otherwise.

use super::ethernet::TAGS_MAX;
use super::plausible::{likely, possible, stands};
use super::{Content, LinkType, Unwrapped, ethernet};
use crate::ground::cause::LinkCause;

pub(super) const MPLS: LinkType = LinkType {
    ids: &[219],
    name: "mpls",
    read: |frame| labels(frame.data, TAGS_MAX),
};

/// Labels followed; real stacks have a handful.
const LABELS_MAX: usize = 16;

/// Bit of a label entry that marks the last one.
const BOTTOM: u8 = 0x01;

/// Bytes of a control word (RFC 4385 §3).
const CONTROL_WORD: usize = 4;

/// The packet behind a label stack, and the ends of the frame that a pseudowire carries.
pub(super) fn labels(mut rest: &[u8], tags_left: usize) -> Unwrapped<'_> {
    for _ in 0..LABELS_MAX {
        let Some(([_, _, third, _], behind)) = rest.split_first_chunk::<4>() else {
            return Unwrapped::unreadable(LinkCause::MplsLabelCut);
        };
        rest = behind;
        if third & BOTTOM != 0 {
            return bottom(rest, tags_left);
        }
    }
    Unwrapped::unreadable(LinkCause::MplsLabelsOver)
}

fn bottom(rest: &[u8], tags_left: usize) -> Unwrapped<'_> {
    let nibble = rest.first().map(|b| b >> 4);
    let wire = rest.len();
    let packet = matches!(nibble, Some(4 | 6));
    if packet && (likely(rest, wire) || stands(rest, wire)) {
        return Unwrapped::bare(Content::Ip(rest));
    }
    let frame_at = |at: usize| {
        let left = tags_left.checked_sub(1)?;
        Some(ethernet::nested(rest.get(at..)?, left))
    };
    // A control word begins with a zero nibble; behind it lies a frame.
    let worded = (nibble == Some(0))
        .then(|| frame_at(CONTROL_WORD))
        .flatten();
    let bare = frame_at(0);
    if let Some(proved) = [worded, bare].into_iter().flatten().find(proves_itself) {
        return proved;
    }
    match nibble {
        // Something that carries no IP, to an address that begins as a packet does, or a packet of which less is here than it says.
        Some(4 | 6)
            if !possible(rest, wire)
                && bare.is_some_and(|frame| matches!(frame.content, Content::NotIp(_))) =>
        {
            Unwrapped::unreadable(LinkCause::MplsPayload)
        }
        Some(4 | 6) => Unwrapped::bare(Content::Ip(rest)),
        Some(0) if tags_left > 0 => match worded {
            Some(frame) if rest.len() >= CONTROL_WORD + ethernet::HEADER => frame,
            _ => Unwrapped::unreadable(LinkCause::MplsPseudowireCut),
        },
        _ => Unwrapped::unreadable(LinkCause::MplsPayload),
    }
}

/// Chance does not write what a frame was read to hold: a packet, or Ethernet and IPv4 in ARP (RFC 826).
fn proves_itself(frame: &Unwrapped<'_>) -> bool {
    match frame.content {
        Content::Ip(packet) => stands(packet, packet.len()),
        Content::Arp(arp) => matches!(arp, [0, 1, 8, 0, 6, 4, 0, 1 | 2, ..]),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;
    use crate::ground::mac::Mac;

    /// What lies behind one label.
    fn behind(inner: &[u8]) -> Vec<u8> {
        [&[0, 1, 0x01, 64][..], inner].concat()
    }

    /// A frame to a machine whose address begins so.
    fn frame_to(first: [u8; 3], kind: u16, packet: &[u8]) -> Vec<u8> {
        let mut frame = sample::ethernet(kind, packet);
        frame[..3].copy_from_slice(&first);
        frame
    }

    #[test]
    fn stacks_end_at_the_bottom_bit_and_never_loop() {
        let two = [0, 1, 0x00, 64, 0, 2, 0x01, 64, 0x45, 0];
        assert_eq!(labels(&two, 4).content, Content::Ip(&[0x45, 0]));
        let wire = [
            &[0, 1, 0x01, 64, 0, 0, 0, 0][..],
            &[2; 12],
            &[0x08, 0x00, 0x45, 0],
        ]
        .concat();
        let read = labels(&wire, 4);
        assert_eq!(read.content, Content::Ip(&[0x45, 0]));
        assert_eq!(read.source, Some(Mac([2; 6])));
        let unreadable = |bytes: &[u8]| matches!(labels(bytes, 4).content, Content::Unreadable(..));
        assert!(unreadable(&[0u8; 400]));
        assert!(unreadable(&wire[..20]), "cut inside the frame's header");
    }

    #[test]
    fn a_frame_without_a_control_word_is_no_packet_whatever_its_address_begins_with() {
        // Makers of drones, and addresses that begin as nothing does, and as a control word.
        for first in [
            [0x60, 0x60, 0x1f],
            [0x48, 0x1c, 0xb9],
            [0x34, 0xd2, 0x62],
            [0x00, 0x12, 0x1c],
        ] {
            for (kind, packet) in [
                (0x0800, sample::ipv4(b"inside")),
                (0x86dd, sample::ipv6(b"inside")),
            ] {
                let frame = frame_to(first, kind, &packet);
                for wire in [
                    behind(&frame),
                    behind(&[&[0, 0, 0, 9][..], &frame].concat()),
                ] {
                    let read = labels(&wire, 4);
                    assert_eq!(read.content, Content::Ip(&packet), "{first:x?}");
                    assert_eq!(read.target, Mac::read(&frame));
                }
            }
            let mut arp = vec![0, 1, 8, 0, 6, 4, 0, 1];
            arp.resize(28, 7);
            let wire = behind(&frame_to(first, 0x0806, &arp));
            assert_eq!(labels(&wire, 4).content, Content::Arp(&arp), "{first:x?}");
            let wire = behind(&frame_to(first, 0x88cc, &[2, 7, 4]));
            let content = labels(&wire, 4).content;
            assert!(!matches!(content, Content::Ip(_)), "{first:x?}");
        }
    }

    #[test]
    fn packets_stay_packets_cut_and_damaged_ones_too() {
        let mut damaged = sample::ipv4(b"inside");
        damaged[10] ^= 1;
        for packet in [
            sample::ipv4(b"inside"),
            sample::ipv6(b"inside"),
            sample::ipv4(&[7; 90])[..30].to_vec(),
            sample::ipv6(&[7; 90])[..50].to_vec(),
            damaged,
        ] {
            let wire = behind(&packet);
            assert_eq!(labels(&wire, 4).content, Content::Ip(&packet));
        }
    }
}
