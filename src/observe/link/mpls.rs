//! MPLS label stacks (RFC 3032 §2.1) and Ethernet pseudowires behind them (RFC 4448 §4.6); alone,
//! they are LINKTYPE 219.
//!
//! Nothing in a label says what follows; as routers do, the first nibble decides.

use super::ethernet::TAGS_MAX;
use super::{Content, LinkType, Unwrapped, ether_payload};
use crate::ground::cause::LinkCause;

pub(super) const MPLS: LinkType = LinkType {
    ids: &[219],
    name: "mpls",
    read: |frame| Unwrapped::bare(labels(frame.data, TAGS_MAX)),
};

/// Labels followed; real stacks have a handful.
const LABELS_MAX: usize = 16;

/// Bit of a label entry that marks the last one.
const BOTTOM: u8 = 0x01;

/// The packet behind a label stack.
pub(super) fn labels(mut rest: &[u8], tags_left: usize) -> Content<'_> {
    for _ in 0..LABELS_MAX {
        let Some(([_, _, third, _], behind)) = rest.split_first_chunk::<4>() else {
            return Content::unreadable(LinkCause::MplsLabelCut);
        };
        rest = behind;
        if third & BOTTOM != 0 {
            return bottom(rest, tags_left);
        }
    }
    Content::unreadable(LinkCause::MplsLabelsOver)
}

fn bottom(rest: &[u8], tags_left: usize) -> Content<'_> {
    match rest.first().map(|b| b >> 4) {
        Some(4 | 6) => Content::Ip(rest),
        // A control word begins with a zero nibble (RFC 4385 §3); behind it lies a frame.
        Some(0) if tags_left > 0 => {
            let kind = rest.get(16..18).and_then(|b| b.first_chunk::<2>());
            match (kind, rest.get(18..)) {
                (Some(kind), Some(inner)) => {
                    ether_payload(u16::from_be_bytes(*kind), inner, tags_left - 1)
                }
                _ => Content::unreadable(LinkCause::MplsPseudowireCut),
            }
        }
        _ => Content::unreadable(LinkCause::MplsPayload),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stacks_end_at_the_bottom_bit_and_never_loop() {
        let two = [0, 1, 0x00, 64, 0, 2, 0x01, 64, 0x45, 0];
        assert_eq!(labels(&two, 4), Content::Ip(&[0x45, 0]));
        let wire = [
            &[0, 1, 0x01, 64, 0, 0, 0, 0][..],
            &[2; 12],
            &[0x08, 0x00, 0x45, 0],
        ]
        .concat();
        assert_eq!(labels(&wire, 4), Content::Ip(&[0x45, 0]));
        assert!(matches!(labels(&[0u8; 400], 4), Content::Unreadable(..)));
    }
}
