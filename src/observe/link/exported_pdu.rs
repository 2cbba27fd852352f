//! Payload that Wireshark exported ("Export PDUs to File"): LINKTYPE 252.
//!
//! Wireshark `exported_pdu_tlvs.h`: tags with a two-byte type and length and a value, all in network
//! order, up to tag 0; then the payload. The headers around it are gone; who sent it to whom stands
//! in the tags, and which protocol it is, as the name of a Wireshark dissector.
//!
//! The export keeps only what a dissector asked to keep: such a file shows a choice of the traffic,
//! in pieces that never were packets.

use super::ethernet::{ETHERNET, TAGS_MAX};
use super::field::{be16, be32, text};
use super::{Content, Extract, LinkType, Unwrapped, ether_payload};
use crate::ground::cause::LinkCause;
use crate::observe::capture::{Direction, Frame};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

pub(super) const EXPORTED_PDU: LinkType = LinkType {
    ids: &[252],
    name: "exported-pdu",
    read,
};

/// Type and length of a tag.
const TAG: usize = 4;

const END: u16 = 0;
const DISSECTOR: u16 = 12;
const HEURISTIC: u16 = 13;
const TABLE: u16 = 14;
const IPV4_SOURCE: u16 = 20;
const IPV4_DESTINATION: u16 = 21;
const IPV6_SOURCE: u16 = 22;
const IPV6_DESTINATION: u16 = 23;
const PORT_TYPE: u16 = 24;
const SOURCE_PORT: u16 = 25;
const DESTINATION_PORT: u16 = 26;
const TABLE_NUMBER: u16 = 32;
const POINT_TO_POINT: u16 = 35;

const TCP: u8 = 6;
const UDP: u8 = 17;

/// What the tags say.
#[derive(Default)]
struct Tags<'a> {
    dissector: Option<&'a [u8]>,
    table: Option<&'a [u8]>,
    number: Option<u32>,
    source: Option<IpAddr>,
    destination: Option<IpAddr>,
    protocol: u8,
    source_port: u16,
    destination_port: u16,
    direction: Option<Direction>,
}

fn read<'a>(frame: &Frame<'a>) -> Unwrapped<'a> {
    match tags(frame.data) {
        Some((tags, payload)) => Unwrapped {
            direction: tags.direction,
            ..tags.read(frame, payload)
        },
        None => Unwrapped::bare(Content::unreadable(LinkCause::ExportedTagsCut)),
    }
}

/// The tags, and the payload behind them.
fn tags(mut rest: &[u8]) -> Option<(Tags<'_>, &[u8])> {
    let mut tags = Tags::default();
    loop {
        let (kind, length) = (be16(rest, 0)?, usize::from(be16(rest, 2)?));
        let behind = rest.get(TAG..)?;
        rest = behind.get(length..)?;
        if kind == END {
            return Some((tags, rest));
        }
        tags.take(kind, behind.get(..length)?);
    }
}

impl<'a> Tags<'a> {
    fn take(&mut self, kind: u16, value: &'a [u8]) {
        let v4 = || Some(Ipv4Addr::from(*value.first_chunk::<4>()?).into());
        let v6 = || Some(Ipv6Addr::from(*value.first_chunk::<16>()?).into());
        let port = || be32(value, 0).and_then(|port| u16::try_from(port).ok());
        match kind {
            DISSECTOR | HEURISTIC => self.dissector = Some(text(value)),
            TABLE => self.table = Some(text(value)),
            TABLE_NUMBER => self.number = be32(value, 0),
            IPV4_SOURCE => self.source = v4(),
            IPV4_DESTINATION => self.destination = v4(),
            IPV6_SOURCE => self.source = v6(),
            IPV6_DESTINATION => self.destination = v6(),
            PORT_TYPE => {
                self.protocol = match be32(value, 0) {
                    Some(1) => 132,
                    Some(2) => TCP,
                    Some(3) => UDP,
                    Some(4) => 33,
                    _ => 0,
                }
            }
            SOURCE_PORT => self.source_port = port().unwrap_or(0),
            DESTINATION_PORT => self.destination_port = port().unwrap_or(0),
            POINT_TO_POINT => {
                self.direction = match be32(value, 0) {
                    Some(0) => Some(Direction::Out),
                    Some(1) => Some(Direction::In),
                    _ => None,
                }
            }
            _ => {}
        }
    }

    fn read(&self, frame: &Frame<'a>, payload: &'a [u8]) -> Unwrapped<'a> {
        Unwrapped::bare(match (self.dissector, self.table) {
            (Some(b"ip" | b"ipv4" | b"ipv6" | b"raw_ip"), _) => Content::Ip(payload),
            (Some(b"eth" | b"eth_withoutfcs" | b"eth_maybefcs" | b"eth_withfcs"), _) => {
                return (ETHERNET.read)(&Frame {
                    original_len: frame.original_len.saturating_sub(
                        u32::try_from(frame.data.len().saturating_sub(payload.len()))
                            .unwrap_or(u32::MAX),
                    ),
                    data: payload,
                    ..*frame
                });
            }
            (Some(b"ppp"), _) => super::ppp::framed(payload),
            (Some(b"arp"), _) => Content::Arp(payload),
            // A whole segment: IPsec in transport mode, once decrypted.
            (Some(b"tcp"), _) => self.segment(TCP, payload),
            (Some(b"udp"), _) => self.segment(UDP, payload),
            (None, Some(b"ethertype")) => match self.number.map(u16::try_from) {
                Some(Ok(kind @ 0x0600..)) => ether_payload(kind, payload, TAGS_MAX),
                _ => Content::unreadable(LinkCause::ExportedEtherType),
            },
            (None, Some(b"ip.proto")) => match self.number {
                Some(6) => self.segment(TCP, payload),
                Some(17) => self.segment(UDP, payload),
                _ => self.extract(payload),
            },
            _ => self.extract(payload),
        })
    }

    /// Payload between the ends that the tags name.
    fn extract(&self, payload: &'a [u8]) -> Content<'a> {
        match (self.source, self.destination) {
            (Some(source), Some(destination)) if source.is_ipv4() == destination.is_ipv4() => {
                Content::Extract(Extract {
                    source: (source, self.source_port),
                    destination: (destination, self.destination_port),
                    protocol: self.protocol,
                    payload,
                })
            }
            _ => Content::unreadable(LinkCause::ExportedWithoutEnds),
        }
    }

    /// A transport header and its payload: ports and payload come from it.
    fn segment(&self, protocol: u8, segment: &'a [u8]) -> Content<'a> {
        let header = match protocol {
            TCP => segment.get(12).map(|b| usize::from(b >> 4) * 4),
            _ => Some(8),
        };
        let (Some(source_port), Some(destination_port), Some(payload)) = (
            be16(segment, 0),
            be16(segment, 2),
            header
                .filter(|len| protocol != TCP || *len >= 20)
                .and_then(|len| segment.get(len..)),
        ) else {
            return Content::unreadable(LinkCause::ExportedTransportCut);
        };
        Self {
            protocol,
            source_port,
            destination_port,
            ..*self
        }
        .extract(payload)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{reader, sample};
    use super::*;

    fn tag(kind: u16, value: &[u8]) -> Vec<u8> {
        let length = u16::try_from(value.len().next_multiple_of(4)).unwrap();
        let mut tag = [kind.to_be_bytes(), length.to_be_bytes()].concat();
        tag.extend(value);
        tag.resize(tag.len().next_multiple_of(4), 0);
        tag
    }

    fn file(tags: &[(u16, &[u8])], payload: &[u8]) -> Vec<u8> {
        let mut data: Vec<u8> = tags.iter().flat_map(|(k, v)| tag(*k, v)).collect();
        data.extend([0; 4]);
        data.extend(payload);
        data
    }

    fn told(data: &[u8]) -> Content<'_> {
        (reader(252).unwrap().read)(&sample::frame(data)).content
    }

    const ENDS: [(u16, &[u8]); 5] = [
        (20, &[192, 168, 43, 77]),
        (21, &[203, 0, 113, 11]),
        (24, &[0, 0, 0, 2]),
        (25, &[0, 0, 0xb4, 0x25]),
        (26, &[0, 0, 1, 0xbb]),
    ];

    fn extract(protocol: u8, payload: &[u8]) -> Content<'_> {
        Content::Extract(Extract {
            source: ([192, 168, 43, 77].into(), 0xb425),
            destination: ([203, 0, 113, 11].into(), 443),
            protocol,
            payload,
        })
    }

    #[test]
    fn payload_with_the_ends_that_the_tags_name() {
        let tls = [&[(10, &[0, 0, 0, 60][..]), (12, b"tls")][..], &ENDS].concat();
        assert_eq!(told(&file(&tls, b"hello")), extract(6, b"hello"));
        let heuristic = [&[(13, &b"rtp_udp\0"[..])][..], &ENDS].concat();
        assert_eq!(told(&file(&heuristic, b"x")), extract(6, b"x"));

        // Segments bring their ports along.
        let mut tcp = vec![0xb4, 0x25, 1, 0xbb];
        tcp.resize(20, 0);
        tcp[12] = 0x60;
        tcp.extend([1, 1, 1, 0]);
        tcp.extend(b"data");
        let ends = &ENDS[..2];
        let named = [&[(12, &b"tcp"[..])][..], ends].concat();
        assert_eq!(told(&file(&named, &tcp)), extract(6, b"data"));
        let table = [&[(14, &b"ip.proto"[..]), (32, &[0, 0, 0, 17])][..], ends].concat();
        let udp = [&[0xb4, 0x25, 1, 0xbb, 0, 12, 0, 0][..], b"data"].concat();
        assert_eq!(told(&file(&table, &udp)), extract(17, b"data"));
        assert!(matches!(
            told(&file(&named, &tcp[..10])),
            Content::Unreadable(..)
        ));
    }

    #[test]
    fn whole_packets_are_read_as_such() {
        let v4 = sample::ipv4(b"decrypted");
        let v6 = sample::ipv6(b"decrypted");
        assert_eq!(told(&file(&[(12, b"ip")], &v4)), Content::Ip(&v4));
        assert_eq!(told(&file(&[(12, b"ipv6")], &v6)), Content::Ip(&v6));
        let table: [(u16, &[u8]); 2] = [(14, b"ethertype"), (32, &[0, 0, 0x86, 0xdd])];
        assert_eq!(told(&file(&table, &v6)), Content::Ip(&v6));
        let frame = file(
            &[(12, b"eth_withoutfcs"), (35, &[0, 0, 0, 1])],
            &sample::ethernet(0x0800, &v4),
        );
        let read = (reader(252).unwrap().read)(&sample::frame(&frame));
        assert_eq!(read.content, Content::Ip(&v4));
        assert_eq!(read.direction, Some(Direction::In));
        assert!(read.source.is_some());
    }

    #[test]
    fn nobody_to_pin_it_on_is_unreadable() {
        for tags in [
            &[(12, &b"sip"[..])][..],
            &[(12, b"sip"), (20, &[1, 2, 3, 4])],
            &[(20, &[1, 2, 3, 4]), (23, &[0; 16])],
            &[(22, &[1, 2, 3, 4]), (21, &[1, 2, 3, 4])],
            &[(12, b"wlan")],
        ] {
            let data = file(tags, b"payload");
            assert!(matches!(told(&data), Content::Unreadable(..)), "{tags:x?}");
        }
        let whole = file(&ENDS, b"x");
        for length in 0..whole.len() - 1 {
            assert!(matches!(told(&whole[..length]), Content::Unreadable(..)));
        }
        let endless = [0, 12, 0xff, 0xff].repeat(20);
        assert!(matches!(told(&endless), Content::Unreadable(..)));
    }
}
