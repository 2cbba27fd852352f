//! ARCNET: LINKTYPE 7 (as BSD captures it) and 129 (as Linux does), with IP by RFC 1051, RFC 1201 and
//! RFC 2497.
//!
//! Addresses are one byte long and no MAC addresses. Linux delivers packets put together again, BSD
//! delivers pieces, of which only the first can be read.

use super::{Content, LinkType, Unwrapped};
use crate::ground::cause::LinkCause;

pub(super) const ARCNET_BSD: LinkType = LinkType {
    ids: &[7],
    name: "arcnet-bsd",
    read: |frame| Unwrapped::bare(bsd(frame.data)),
};

pub(super) const ARCNET_LINUX: LinkType = LinkType {
    ids: &[129],
    name: "arcnet-linux",
    read: |frame| Unwrapped::bare(linux(frame.data)),
};

/// Protocol ids of RFC 1051, whose packets follow at once.
const OLD_IP: u8 = 240;
const OLD_ARP: u8 = 241;
/// Network management, which has no split header either.
const DIAGNOSE: u8 = 128;

/// Split flag of an exception frame (RFC 1201 §2.1): the real header comes four bytes later.
const EXCEPTION: u8 = 0xff;

fn bsd(data: &[u8]) -> Content<'_> {
    match data {
        [_, _, kind @ (OLD_IP | OLD_ARP | DIAGNOSE), packet @ ..] => payload(*kind, packet),
        [_, _, kind, EXCEPTION, _, _, _, flag, _, _, packet @ ..]
        | [_, _, kind, flag, _, _, packet @ ..]
            if *flag != EXCEPTION =>
        {
            // Zero: not split. Odd: the first piece, with the headers. Even: a later one.
            if *flag != 0 && flag & 1 == 0 {
                Content::unreadable(LinkCause::ArcnetPiece)
            } else {
                payload(*kind, packet)
            }
        }
        _ => Content::unreadable(LinkCause::ArcnetCut),
    }
}

fn linux(data: &[u8]) -> Content<'_> {
    match data {
        [
            _,
            _,
            _,
            _,
            kind @ (OLD_IP | OLD_ARP | DIAGNOSE),
            packet @ ..,
        ] => payload(*kind, packet),
        [_, _, _, _, kind, _split, _, _, packet @ ..] => payload(*kind, packet),
        _ => Content::unreadable(LinkCause::ArcnetCut),
    }
}

fn payload(kind: u8, packet: &[u8]) -> Content<'_> {
    match kind {
        OLD_IP | 212 | 196 => Content::Ip(packet),
        OLD_ARP | 213 => Content::Arp(packet),
        214 => Content::NotIp("RARP"),
        DIAGNOSE => Content::NotIp("ARCNET diagnosis"),
        205 => Content::NotIp("BACnet"),
        221 => Content::NotIp("AppleTalk"),
        247 => Content::NotIp("Vines"),
        236 | 250 => Content::NotIp("IPX"),
        _ => Content::unreadable(LinkCause::ArcnetProtocol),
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn encapsulations_and_pieces() {
        let packet = sample::ipv4(b"token bus");
        for (header, on_linux) in [
            (&[0xbe, 0x50, 0xab, 0x08, 240][..], true),
            (&[0xbe, 0x50, 0xa8, 0xe7, 212, 0, 1, 0x66], true),
            (&[0xbe, 0x50, 0xa8, 0xe7, 196, 0, 1, 0x66], true),
            (&[0xbe, 0x50, 240], false),
            (&[0xbe, 0x50, 212, 0, 1, 0x66], false),
            (&[0xbe, 0x50, 212, 3, 1, 0x66], false),
            (&[0xbe, 0x50, 212, 0xff, 0, 0, 212, 0, 1, 0x66], false),
        ] {
            let frame = [header, &packet].concat();
            let content = if on_linux { linux(&frame) } else { bsd(&frame) };
            assert_eq!(content, Content::Ip(&packet), "{header:?}");
        }
        let later = [&[0xbe, 0x50, 212, 2, 1, 0x66][..], &packet].concat();
        assert!(matches!(bsd(&later), Content::Unreadable(..)));
        for short in [
            &[][..],
            &[1, 2, 3],
            &[1, 2, 212, 0xff, 0, 0, 212],
            &[1, 2, 0, 0, 212, 0],
            &[1, 2, 0, 0, 99, 0, 0, 0, 0x45],
        ] {
            assert!(matches!(linux(short), Content::Unreadable(..)), "{short:?}");
            assert!(matches!(bsd(short), Content::Unreadable(..)), "{short:?}");
        }
        assert!(matches!(
            linux(&[1, 2, 0, 0, 205, 0x82, 0x82, 3, 1]),
            Content::NotIp(_)
        ));
    }
}
