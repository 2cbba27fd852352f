//! Links whose own header ends with an ether type: Ethernet with the tag of a switch chip (LINKTYPE
//! 281, 282, 284, 285), Apple's IP over IEEE 1394 (138) and IP over InfiniBand (RFC 4391 §6, 242).
//! Layouts by the registry's pages of these names.

use super::ethernet::{HEADER, TAGS_MAX};
use super::field::be16;
use super::plausible::stands;
use super::{Content, LinkType, Unwrapped, ether_payload};
use crate::ground::cause::LinkCause;
use crate::ground::mac::Mac;

pub(super) const BROADCOM: LinkType = LinkType {
    ids: &[281],
    name: "dsa-tag-brcm",
    read: |frame| tagged(frame.data, 4),
};

pub(super) const BROADCOM_PREPENDED: LinkType = LinkType {
    ids: &[282],
    name: "dsa-tag-brcm-prepend",
    read: |frame| tagged(frame.data.get(4..).unwrap_or_default(), 0),
};

pub(super) const MARVELL: LinkType = LinkType {
    ids: &[284],
    name: "dsa-tag-dsa",
    read: |frame| tagged(frame.data, 4),
};

pub(super) const MARVELL_TYPED: LinkType = LinkType {
    ids: &[285],
    name: "dsa-tag-edsa",
    read: |frame| tagged(frame.data, 8),
};

pub(super) const IEEE1394: LinkType = LinkType {
    ids: &[138],
    name: "apple-ip-over-ieee1394",
    // Two 64-bit addresses, which are no MAC addresses.
    read: |frame| Unwrapped::bare(typed(frame.data, 16, 18)),
};

pub(super) const IPOIB: LinkType = LinkType {
    ids: &[242],
    name: "ipoib",
    read: |frame| Unwrapped::bare(infiniband(frame.data)),
};

/// The type, then two reserved bytes; libpcap has 40 bytes before it, the global route header's.
fn infiniband(data: &[u8]) -> Content<'_> {
    const ROUTE: usize = 40;
    let names = |at: usize| matches!(be16(data, at), Some(0x0800 | 0x0806 | 0x86dd | 0x8035));
    match (names(ROUTE), names(0)) {
        (false, true) => typed(data, 0, 4),
        (true, true) if stands(data.get(4..).unwrap_or_default(), data.len()) => typed(data, 0, 4),
        _ => typed(data, ROUTE, ROUTE + 4),
    }
}

/// The payload that begins at `start`, by the ether type at `at`.
fn typed(data: &[u8], at: usize, start: usize) -> Content<'_> {
    match (be16(data, at), data.get(start..)) {
        (Some(kind), Some(rest)) => ether_payload(kind, rest, TAGS_MAX),
        _ => Content::unreadable(LinkCause::ShortOfLinkHeader),
    }
}

/// An Ethernet frame with `tag` bytes between addresses and ether type.
fn tagged(data: &[u8], tag: usize) -> Unwrapped<'_> {
    let start = HEADER.saturating_add(tag);
    Unwrapped {
        target: Mac::read(data),
        source: data.get(6..).and_then(Mac::read),
        ..Unwrapped::bare(typed(data, start.saturating_sub(2), start))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{reader, sample};
    use super::*;

    #[test]
    fn tags_and_headers_lead_to_the_packet() {
        let packet = sample::ipv4(b"switched");
        let ethernet = sample::ethernet(0x0800, &packet);
        let split = |tag: &[u8]| [&ethernet[..12], tag, &ethernet[12..]].concat();
        for (link_type, frame) in [
            (281, split(&[0x20, 0, 0, 8])),
            (282, [&[0x20, 0, 0, 8][..], &ethernet].concat()),
            (284, split(&[0xc0, 0x0a, 0, 0])),
            (285, split(&[0xda, 0xda, 0, 0, 0xc0, 0x0a, 0, 0])),
            (138, [&[7; 16][..], &[0x08, 0x00], &packet].concat()),
            (242, [&[0x08, 0x00, 0, 0][..], &packet].concat()),
            (242, [&[0; 40][..], &[0x08, 0x00, 0, 0], &packet].concat()),
        ] {
            let read = (reader(link_type).unwrap().read)(&sample::frame(&frame));
            assert_eq!(read.content, Content::Ip(&packet), "{link_type}");
            assert_eq!(read.source.is_some(), link_type > 242);
            let read = (reader(link_type).unwrap().read)(&sample::frame(&frame[..3]));
            assert!(matches!(read.content, Content::Unreadable(..)));
        }
    }
}
