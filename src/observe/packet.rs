//! Network and transport headers of one packet.
//!
//! IPv4 (RFC 791), IPv6 with extension headers (RFC 8200), TCP (RFC 9293), UDP (RFC 768). Header
//! fields come through etherparse's header slices; the walk between them is ours, because its
//! composite slicers stop without an error at tunnels, fragments and long chains, and because
//! payload sizes must come from the IP header, never from padding, trailers or captured length.

pub mod checksum;
pub mod encapsulation;
pub mod fragments;
pub mod framing;
mod ipv4;
mod ipv6;
mod options;
pub mod plain;
pub mod transport;

use crate::ground::address::classify;
use crate::ground::cause::PacketCause;
use std::net::IpAddr;

/// An IP packet without its headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Datagram<'a> {
    /// Source address.
    pub source: IpAddr,
    /// Where it finally goes: the last hop of a source route, else the destination field.
    pub destination: IpAddr,
    /// That is the last hop of a source route: the destination field names another.
    pub routed: bool,
    /// The last hop of a source route beyond the site, where the route ends on it: the packet leaves the site on its way.
    pub over: Option<IpAddr>,
    /// Time to live or hop limit; 255 proves that a neighbour sent it.
    pub hop_limit: u8,
    /// Protocol number of the payload (IANA "Assigned Internet Protocol Numbers").
    pub protocol: u8,
    /// The payload bytes that were captured.
    pub payload: &'a [u8],
    /// Payload bytes on the wire, by the IP header.
    pub wire_len: usize,
    /// Set on every fragment, the first one included.
    pub fragment: Option<Fragment>,
    /// Identification field of IPv4, where it says something: most senders leave it zero in packets
    /// that may not be fragmented (RFC 6864 §4.1).
    pub id: Option<u16>,
    /// The header says that a network card has still to cut it into segments: neither its length nor
    /// its sums are those of a packet on the wire.
    pub unsegmented: bool,
    /// Bytes of options that the sender chose: no payload by what they are, and room for it.
    pub chosen: usize,
}

impl Datagram<'_> {
    /// Payload bytes that the capture cut off.
    pub fn cut(&self) -> usize {
        self.wire_len.saturating_sub(self.payload.len())
    }
}

/// Place of a fragment in its datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fragment {
    /// Identification field.
    pub id: u32,
    /// Offset of the payload in bytes.
    pub offset: usize,
    /// More fragments follow.
    pub more: bool,
}

/// What came of decoding an IP header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decoded<'a> {
    /// An IP packet.
    Datagram(Datagram<'a>),
    /// An IPv4 packet whose header checksum fails; whether to believe it depends on its sender.
    BadChecksum(Datagram<'a>),
    /// Not decodable, and why.
    Unreadable(PacketCause),
    /// Not decodable because the capture cut it.
    Cut(PacketCause),
}

/// Decodes the IP packet at the start of `bytes`; `cut` bytes of it are missing at the end.
pub fn decode(bytes: &[u8], cut: usize) -> Decoded<'_> {
    match bytes.first().map(|b| b >> 4) {
        Some(4) => ipv4::decode(bytes, cut),
        Some(6) => ipv6::decode(bytes, cut),
        Some(_) => Decoded::Unreadable(PacketCause::Version),
        None if cut > 0 => Decoded::Cut(PacketCause::CutBeforeHeader),
        None => Decoded::Unreadable(PacketCause::NoHeader),
    }
}

/// A datagram put together from fragments, without the headers that were fragmented with it:
/// extension headers of IPv6, and of either family an authentication header.
pub fn reassembled(datagram: Datagram<'_>) -> Datagram<'_> {
    let behind = match datagram.source {
        IpAddr::V4(_) => ipv4::behind_extensions(datagram),
        IpAddr::V6(_) => ipv6::behind_extensions(datagram),
    };
    Datagram {
        // Fragments in fragments are no datagram of anybody's.
        fragment: None,
        ..behind
    }
}

/// Of the hops that a packet still takes, in their order, the last one beyond the site, if the route ends on the site.
fn beyond(hops: impl DoubleEndedIterator<Item = IpAddr>) -> Option<IpAddr> {
    let mut back = hops.rev();
    let last = back.next()?;
    if classify(last).is_local() {
        back.find(|hop| !classify(*hop).is_local())
    } else {
        None
    }
}

/// Splits header and wire length off `bytes`: the captured payload and its length on the wire.
/// `total` is the packet's length by its own header, `None` when that is zero (segmentation
/// offload, jumbograms): then the frame's length counts.
fn payload(bytes: &[u8], header: usize, total: Option<usize>, cut: usize) -> (&[u8], usize) {
    let frame = bytes.len().saturating_add(cut);
    let total = total.unwrap_or(frame).min(frame);
    let captured = total.min(bytes.len());
    (
        bytes.get(header..captured).unwrap_or_default(),
        total.saturating_sub(header),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole<'a>(source: &str, protocol: u8, payload: &'a [u8]) -> Datagram<'a> {
        Datagram {
            source: source.parse().unwrap(),
            destination: source.parse().unwrap(),
            routed: false,
            over: None,
            hop_limit: 64,
            protocol,
            payload,
            wire_len: payload.len(),
            fragment: None,
            id: None,
            unsegmented: false,
            chosen: 0,
        }
    }

    /// Where a source route says that a packet goes: its end, and the hop beyond the site.
    fn ways(packet: &[u8]) -> (String, Option<String>) {
        match decode(packet, 0) {
            Decoded::Datagram(read) | Decoded::BadChecksum(read) => (
                read.destination.to_string(),
                read.over.map(|hop| hop.to_string()),
            ),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_route_that_ends_on_the_site_goes_over_the_hop_beyond_it() {
        let (home, near) = ([192, 168, 2, 1], [192, 168, 2, 9]);
        let (out, far) = ([93, 184, 216, 34], [8, 8, 8, 8]);
        for (next, pointer, hops, end, over) in [
            (out, 4, vec![home], "192.168.2.1", Some("93.184.216.34")),
            (near, 4, vec![far, home], "192.168.2.1", Some("8.8.8.8")),
            (out, 4, vec![far, home], "192.168.2.1", Some("8.8.8.8")),
            // What was visited before is no longer on the way.
            (near, 8, vec![far, home], "192.168.2.1", None),
            (home, 12, vec![far, near], "192.168.2.1", None),
            (near, 4, vec![home], "192.168.2.1", None),
            (near, 4, vec![home, far], "8.8.8.8", None),
        ] {
            for kind in [131, 137] {
                let mut route = vec![kind, 3 + 4 * hops.len() as u8, pointer];
                route.extend(hops.concat());
                route.push(0);
                let words = (20 + route.len()) / 4;
                let length = (words * 4) as u8;
                let mut packet = vec![0x40 | words as u8, 0, 0, length, 0, 0, 0, 0, 64, 17, 0, 0];
                packet.extend([near, next].concat());
                packet.extend(route);
                assert_eq!(
                    ways(&packet),
                    (end.to_owned(), over.map(str::to_owned)),
                    "{next:?} {pointer} {hops:?}"
                );
            }
        }
    }

    #[test]
    fn so_does_a_routing_header() {
        let at = |text: &str| text.parse::<std::net::Ipv6Addr>().unwrap().octets();
        let (home, near, out) = (at("fd00::1"), at("fd00::9"), at("2606:4700::1"));
        let (end, over) = ("fd00::1".to_owned(), Some("2606:4700::1".to_owned()));
        for (kind, next, left, listed, want) in [
            (0, out, 1, vec![home], over.clone()),
            (2, out, 1, vec![home], over.clone()),
            (0, near, 2, vec![out, home], over.clone()),
            (0, near, 1, vec![out, home], None),
            // The last one first, and the next one is in the list.
            (4, out, 1, vec![home, out], over.clone()),
            (4, near, 2, vec![home, out, near], over),
            (4, near, 1, vec![home, near, out], None),
        ] {
            let words = 2 * listed.len() as u8;
            let mut packet = vec![0x60, 0, 0, 0, 0, 8 + 8 * words, 43, 64];
            packet.extend([near, next].concat());
            packet.extend([17, words, kind, left, 0, 0, 0, 0]);
            packet.extend(listed.concat());
            assert_eq!(ways(&packet), (end.clone(), want), "{kind} {left}");
        }
    }

    #[test]
    fn headers_that_were_fragmented_with_the_rest_are_passed_over() {
        // Destination options, then a routing header of type 2 with a hop to go, then UDP.
        let mut chain = vec![43, 0, 1, 4, 0, 0, 0, 0, 17, 2, 2, 1, 0, 0, 0, 0];
        let last: std::net::Ipv6Addr = "2001:db8::9".parse().unwrap();
        chain.extend(last.octets());
        chain.extend([1, 2, 3, 4]);
        let read = reassembled(whole("fd00::1", 60, &chain));
        assert_eq!((read.protocol, read.payload), (17, &[1, 2, 3, 4][..]));
        assert_eq!((read.destination, read.wire_len), (last.into(), 4));

        let signed = [&[4, 4][..], &[0; 22], &[0x45, 0]].concat();
        let twice = [&[51, 4][..], &[0; 22], &signed].concat();
        let read = reassembled(whole("10.0.0.1", 51, &twice));
        assert_eq!((read.protocol, read.payload), (4, &[0x45, 0][..]));
        let cut = reassembled(whole("10.0.0.1", 51, &twice[..20]));
        assert_eq!((cut.protocol, cut.payload.len()), (51, 20));
    }
}
