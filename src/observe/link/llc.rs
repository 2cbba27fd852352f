//! Links that carry 802.2 LLC behind a header of their own: token ring (IEEE 802.5, LINKTYPE 6),
//! FDDI (10), IP over Fibre Channel (RFC 4338, 122), ATM with LLC (RFC 2684, 100 and its BSD value
//! 11), Classical IP of Linux (106) and SunATM (123).
//!
//! Token ring and FDDI addresses stand in either bit order, depending on who wrote them: none is
//! read.

use super::ethernet::{TAGS_MAX, frame_payload};
use super::plausible::possible;
use super::{Content, LinkType, Unwrapped, llc_snap};
use crate::ground::cause::LinkCause;
use crate::observe::capture::Frame;

pub(super) const TOKEN_RING: LinkType = LinkType {
    ids: &[6],
    name: "token-ring",
    read: |frame| Unwrapped::bare(token_ring(frame.data)),
};

pub(super) const FDDI: LinkType = LinkType {
    ids: &[10],
    name: "fddi",
    read: |frame| Unwrapped::bare(fddi(frame.data)),
};

pub(super) const IP_OVER_FC: LinkType = LinkType {
    ids: &[122],
    name: "ip-over-fc",
    read: |frame| {
        // A network header of two 64-bit addresses.
        Unwrapped::bare(match frame.data.get(16..) {
            Some(rest) => llc_snap::read(rest, TAGS_MAX).content,
            None => Content::unreadable(LinkCause::FibreChannelShort),
        })
    },
};

pub(super) const ATM: LinkType = LinkType {
    ids: &[100, 11],
    name: "atm-rfc1483",
    read: |frame| Unwrapped::bare(atm(frame.data)),
};

pub(super) const ATM_CLIP: LinkType = LinkType {
    ids: &[106],
    name: "atm-clip",
    read: clip,
};

pub(super) const SUNATM: LinkType = LinkType {
    ids: &[123],
    name: "sunatm",
    read: |frame| Unwrapped::bare(sunatm(frame.data)),
};

/// Access and frame control, two addresses, and a route if the source address has its group bit.
fn token_ring(data: &[u8]) -> Content<'_> {
    const HEADER: usize = 14;
    let (Some(control), Some(source), Some(rest)) = (data.get(1), data.get(8), data.get(HEADER..))
    else {
        return Content::unreadable(LinkCause::TokenRingShort);
    };
    let route = match (source & 0x80, rest.first()) {
        (0, _) => 0,
        // Its length, itself included, in the low five bits.
        (_, Some(first)) => usize::from(first & 0x1f),
        (_, None) => return Content::unreadable(LinkCause::TokenRingCut),
    };
    match (control >> 6, rest.get(route..)) {
        (0, _) => Content::NotIp("token ring management"),
        (1, Some(rest)) => llc_snap::read(rest, TAGS_MAX).content,
        (1, None) => Content::unreadable(LinkCause::TokenRingCut),
        _ => Content::unreadable(LinkCause::TokenRingFrame),
    }
}

/// Frame control and two addresses (ANSI X3.139).
fn fddi(data: &[u8]) -> Content<'_> {
    const HEADER: usize = 13;
    let (Some(control), Some(rest)) = (data.first(), data.get(HEADER..)) else {
        return Content::unreadable(LinkCause::FddiShort);
    };
    match control & 0xf0 {
        // Data, asynchronous and synchronous.
        0x50 | 0xd0 => llc_snap::read(rest, TAGS_MAX).content,
        0x40 | 0x80 | 0xc0 => Content::NotIp("FDDI management"),
        _ => Content::unreadable(LinkCause::FddiFrame),
    }
}

/// RFC 2684 §5: routed packets by LLC, bridged Ethernet behind the OUI of 802.1 and two zeroes.
fn atm(data: &[u8]) -> Content<'_> {
    match data {
        // Network layer protocol identifiers (§5.1 of RFC 2684, RFC 2364): OSI, IPv4, IPv6, PPP.
        [0xfe, 0xfe, 3, 0xcf, ppp @ ..] => super::ppp::payload(ppp),
        _ => llc_snap::read(data, TAGS_MAX).content,
    }
}

/// IP at once, or LLC before it: which one, was agreed for the circuit.
fn clip<'a>(frame: &Frame<'a>) -> Unwrapped<'a> {
    let data = frame.data;
    let wire = data.len().max(frame.original_len as usize);
    Unwrapped::bare(if possible(data, wire) {
        Content::Ip(data)
    } else {
        match data {
            _ if llc_snap::is_known(data) => atm(data),
            _ => Content::unreadable(LinkCause::AtmNeither),
        }
    })
}

/// Kind of traffic, then the circuit's two numbers (registry page LINKTYPE_SUNATM).
fn sunatm(data: &[u8]) -> Content<'_> {
    let [kind, _, _, _, rest @ ..] = data else {
        return Content::unreadable(LinkCause::SunAtmShort);
    };
    match kind & 0x0f {
        // LAN emulation: the client's number, then Ethernet.
        1 => match rest.get(2..) {
            Some(emulated) => frame_payload(emulated, TAGS_MAX),
            None => Content::unreadable(LinkCause::LaneCut),
        },
        2 => atm(rest),
        5 | 6 => Content::NotIp("ATM signalling"),
        _ => Content::unreadable(LinkCause::AtmTraffic),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{reader, sample};
    use super::*;

    #[test]
    fn every_header_leads_to_the_packet() {
        let packet = sample::ipv4(b"LLC");
        let snap = [&[0xaa, 0xaa, 3, 0, 0, 0, 0x08, 0x00][..], &packet].concat();
        let ethernet = sample::ethernet(0x0800, &packet);
        let bridge = [0xaa, 0xaa, 3, 0x00, 0x80, 0xc2, 0x00, 0x07, 0, 0];
        let ring = |source: u8, route: &[u8]| {
            let mut header = vec![0x10, 0x40];
            header.extend([0; 12]);
            header[8] = source;
            [&header[..], route].concat()
        };
        for (link_type, header, behind) in [
            (6, ring(0, &[]), &snap),
            (6, ring(0x80, &[0xc6, 0, 0, 0, 0, 0]), &snap),
            (10, [&[0x50][..], &[0; 12]].concat(), &snap),
            (122, vec![0; 16], &snap),
            (100, vec![], &snap),
            (11, vec![], &snap),
            (100, bridge.to_vec(), &ethernet),
            (100, vec![0xfe, 0xfe, 3, 0xcc], &packet),
            (100, vec![0xfe, 0xfe, 3, 0xcf, 0x00, 0x21], &packet),
            (106, vec![], &packet),
            (106, vec![], &snap),
            (123, vec![0x82, 0, 0, 33], &snap),
            (123, vec![1, 0, 0, 33, 0, 7], &ethernet),
        ] {
            let frame = [&header[..], behind].concat();
            let content = (reader(link_type).unwrap().read)(&sample::frame(&frame)).content;
            assert_eq!(content, Content::Ip(&packet), "{link_type} {header:x?}");
        }
    }

    #[test]
    fn strangers_and_short_frames_are_unreadable() {
        for (link_type, frame) in [
            (6, &[0x10, 0x40][..]),
            (6, &[0x10, 0xc0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xaa]),
            (
                6,
                &[0x10, 0x40, 0, 0, 0, 0, 0, 0, 0x80, 0, 0, 0, 0, 0, 0x1f],
            ),
            (10, &[0x50, 1]),
            (10, &[0x30; 40]),
            (122, &[0; 9]),
            (100, &[0xaa, 0xaa, 3, 0x00, 0x80, 0xc2, 0, 3, 1]),
            (106, &[0xff; 40]),
            (123, &[0, 0, 0, 1, 0x45]),
            (123, &[2]),
        ] {
            let content = (reader(link_type).unwrap().read)(&sample::frame(frame)).content;
            assert!(matches!(content, Content::Unreadable(..)), "{link_type}");
        }
    }
}
