//! What an ether type names, or a length below 0x0600 in its place (IEEE 802.3 §3.2.6): then LLC
//! says what follows.
//!
//! A type that is neither read nor known to carry no IP ([`not_ip`]) could carry it: unreadable.

use super::ethernet::ETHER_TYPE_MIN;
use super::{Content, Unwrapped, llc_snap, mpls, not_ip, ppp, tag};
use crate::ground::cause::LinkCause;

/// Data of the shortest frame (IEEE 802.3 §4A.4.2) and a check sequence; less is padded.
const PADDED_MAX: usize = 50;

/// Bytes behind the length of a frame that is not padded: a check sequence, a switch's trailer.
const TRAILER_MAX: usize = 8;

/// The content named by an ether type (or by a length, then LLC says).
pub fn ether_payload(kind: u16, rest: &[u8], tags_left: usize) -> Content<'_> {
    read(kind, rest, tags_left).content
}

/// The same, with the ends that a frame inside names.
pub(super) fn read(kind: u16, rest: &[u8], tags_left: usize) -> Unwrapped<'_> {
    let bare = Unwrapped::bare;
    match kind {
        0x0800 | 0x86dd => bare(Content::Ip(rest)),
        0x0806 => bare(not_ip::arp(rest)),
        0..ETHER_TYPE_MIN => by_length(kind, rest, tags_left),
        0x8847 | 0x8848 => mpls::labels(rest, tags_left),
        0x8864 => bare(ppp::pppoe_session(rest)),
        // PPP alone (RFC 7042 appendix B).
        0x880b => bare(ppp::framed(rest)),
        _ => tag::read(kind, rest, tags_left).unwrap_or_else(|| {
            bare(
                not_ip::ether_type(kind, rest).unwrap_or(Content::unreadable(LinkCause::EtherType)),
            )
        }),
    }
}

/// A frame of 802.2 LLC. Its length is not needed to find an IP packet, which has its own; but where
/// LLC names none, the length says what else stands in the frame.
fn by_length(length: u16, rest: &[u8], tags_left: usize) -> Unwrapped<'_> {
    let length = usize::from(length);
    let told = |cause| Unwrapped::unreadable(cause);
    let empty = length == 0 && rest.iter().all(|byte| *byte == 0);
    if empty && !rest.is_empty() {
        return Unwrapped::bare(Content::NotIp("a frame of length 0"));
    }
    let read = llc_snap::read(rest, tags_left);
    if !matches!(read.content, Content::NotIp(_)) {
        return read;
    }
    let behind = rest.get(length..).unwrap_or_default();
    let padded = rest.len() <= PADDED_MAX || behind.len() <= TRAILER_MAX;
    let filled = behind.iter().any(|byte| *byte != 0);
    if length == 0 || (filled && !padded) {
        return told(LinkCause::MoreThanLength);
    }
    if filled {
        return Unwrapped {
            content: match not_ip::unless_packet(behind, "padding") {
                Content::NotIp(_) => read.content,
                content => content,
            },
            ..read
        };
    }
    read
}

#[cfg(test)]
mod tests {
    use super::super::ethernet::TAGS_MAX;
    use super::super::sample;
    use super::*;

    fn is_unreadable(kind: u16, rest: &[u8]) -> bool {
        matches!(ether_payload(kind, rest, TAGS_MAX), Content::Unreadable(..))
    }

    #[test]
    fn strangers_are_unreadable_and_what_is_known_is_named() {
        let packet = sample::ipv4(b"x");
        for kind in [0x1234, 0x0600 + 5, 0x88e4, 0xffff] {
            assert!(
                is_unreadable(kind, &packet) && is_unreadable(kind, &[]),
                "{kind:x}"
            );
        }
        for kind in [0x88cc, 0x9000, 0x888e] {
            let content = ether_payload(kind, &[7; 60], TAGS_MAX);
            assert!(matches!(content, Content::NotIp(_)), "{kind:x}");
        }
        // One bit or two from the type of IPv4.
        for kind in [0x0804, 0x0806, 0x88cc] {
            assert!(is_unreadable(kind, &packet), "{kind:x}");
            let behind = [&[0, 1][..], &packet].concat();
            assert!(!is_unreadable(kind, &behind), "{kind:x}");
        }
        let ppp = [&[0, 0x21][..], &packet].concat();
        assert_eq!(ether_payload(0x880b, &ppp, TAGS_MAX), Content::Ip(&packet));
    }

    #[test]
    fn a_length_that_lies_hides_nothing() {
        let packet = sample::ipv4(b"behind the length");
        let snap = [&[0xaa, 0xaa, 3, 0, 0, 0, 8, 0][..], &packet].concat();
        for length in [0, 3, 46, 1500, 0x05ff] {
            assert_eq!(ether_payload(length, &snap, TAGS_MAX), Content::Ip(&packet));
        }
        let spanning = |behind: &[u8]| [&[0x42, 0x42, 3][..], &[0; 35], behind].concat();
        for honest in [
            spanning(&[]),
            spanning(&[0; 8]),
            spanning(&[1, 2, 3, 4]),
            spanning(&[0; 90]),
        ] {
            let content = ether_payload(38, &honest, TAGS_MAX);
            assert_eq!(content, Content::NotIp("spanning tree"), "{}", honest.len());
        }
        assert!(is_unreadable(38, &spanning(&packet)));
        assert!(is_unreadable(38, &spanning(&[7; 90])));
        assert!(is_unreadable(0, &spanning(&[])));
        assert!(is_unreadable(
            3,
            &[&[0x42, 0x42, 3][..], &packet[..38]].concat()
        ));
        let zeros = ether_payload(0, &[0; 46], TAGS_MAX);
        assert!(matches!(zeros, Content::NotIp(_)));
        // No LLC at all: the packet itself, or something.
        for length in [0, 10, 60] {
            assert!(is_unreadable(length, &packet), "{length}");
        }
    }
}
