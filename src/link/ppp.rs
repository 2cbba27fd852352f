//! PPP over Ethernet (RFC 2516 §4) and the PPP protocol field (RFC 1661 §2).

use super::Content;
use crate::coverage::GapId;

/// The payload of a PPPoE session frame.
pub(super) fn pppoe(rest: &[u8]) -> Content<'_> {
    match rest {
        // Version 1, type 1, code 0: session data; then session id and length.
        [0x11, 0, _, _, high, low, ppp @ ..] => {
            let length = usize::from(u16::from_be_bytes([*high, *low]));
            // Ethernet pads short frames: the length says where PPP ends.
            payload(ppp.get(..length).unwrap_or(ppp))
        }
        [_, _, _, _, _, _, ..] => Content::NotIp("PPPoE control"),
        _ => Content::Unreadable(GapId::UnreadablePackets, "cut inside a PPPoE header"),
    }
}

/// What a PPP frame holds; its protocol field may be compressed to one byte (RFC 1661 §6.5).
fn payload(ppp: &[u8]) -> Content<'_> {
    match ppp {
        [0x00, 0x21 | 0x57, packet @ ..] | [0x21 | 0x57, packet @ ..] => Content::Ip(packet),
        // Link control, authentication and network control protocols (IANA "PPP Numbers").
        [0x80..=0xff, _, ..] => Content::NotIp("PPP control"),
        [] | [_] => Content::Unreadable(GapId::UnreadablePackets, "cut inside a PPP header"),
        _ => Content::Unreadable(
            GapId::UnreadablePackets,
            "a PPP protocol that cannot be read",
        ),
    }
}

#[cfg(test)]
mod tests {
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
}
