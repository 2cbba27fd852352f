//! IPv6 (RFC 8200): the chain of extension headers, fragments, routing headers.

use super::{Datagram, Decoded, Fragment, options, payload};
use crate::ground::cause::PacketCause;
use etherparse::Ipv6HeaderSlice;
use std::net::Ipv6Addr;

/// Extension headers that are followed in one packet; honest packets carry one or two, and the
/// chain cannot be longer than the packet anyway.
const CHAIN_MAX: usize = 32;

const HOP_BY_HOP: u8 = 0;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const AUTHENTICATION: u8 = 51;
const DESTINATION: u8 = 60;
const MOBILITY: u8 = 135;
const HIP: u8 = 139;
const SHIM6: u8 = 140;

/// Length of the fixed header.
const FIXED: usize = 40;

pub(super) fn decode(bytes: &[u8], cut: usize) -> Decoded<'_> {
    let header = match Ipv6HeaderSlice::from_slice(bytes) {
        Ok(header) => header,
        Err(etherparse::err::ipv6::HeaderSliceError::Len(_)) if cut > 0 => {
            return Decoded::Cut(PacketCause::Ipv6Cut);
        }
        Err(_) => return Decoded::Unreadable(PacketCause::Ipv6Malformed),
    };
    let len = usize::from(header.payload_length());
    let (payload, wire_len) = payload(bytes, FIXED, (len != 0).then_some(FIXED + len), cut);
    Decoded::Datagram(behind_extensions(Datagram {
        source: header.source_addr().into(),
        destination: header.destination_addr().into(),
        routed: false,
        hop_limit: header.hop_limit(),
        protocol: header.next_header().0,
        payload,
        wire_len,
        fragment: None,
        id: None,
        // A packet that its length field cannot state, and no jumbogram of any link that is captured.
        unsegmented: len == 0 && wire_len > usize::from(u16::MAX),
        chosen: 0,
    }))
}

/// What is behind the chain of extension headers.
pub(super) fn behind_extensions(mut datagram: Datagram<'_>) -> Datagram<'_> {
    for _ in 0..CHAIN_MAX {
        let Some(step) = step(datagram.protocol, datagram.payload) else {
            break;
        };
        if let Some(hop) = step.last_hop {
            datagram.destination = hop.into();
            datagram.routed = true;
        }
        if matches!(datagram.protocol, HOP_BY_HOP | DESTINATION) {
            let header = datagram.payload.get(..step.len).unwrap_or(datagram.payload);
            datagram.chosen = datagram.chosen.saturating_add(options::chosen_v6(header));
        }
        datagram.protocol = step.next;
        datagram.payload = datagram.payload.get(step.len..).unwrap_or_default();
        datagram.wire_len = datagram.wire_len.saturating_sub(step.len);
        // An "atomic" fragment (RFC 6946) is a whole datagram.
        if let Some(found) = step.fragment.filter(|f| f.more || f.offset > 0) {
            datagram.fragment = Some(found);
            // Behind a fragment header lies a piece of the datagram, not a header.
            break;
        }
    }
    datagram
}

struct Step {
    next: u8,
    len: usize,
    last_hop: Option<Ipv6Addr>,
    fragment: Option<Fragment>,
}

/// One extension header; `None` when `kind` is a payload, or the header was cut.
fn step(kind: u8, bytes: &[u8]) -> Option<Step> {
    let plain = |len: usize| {
        Some(Step {
            next: *bytes.first()?,
            len,
            last_hop: None,
            fragment: None,
        })
    };
    let eights = || Some((usize::from(*bytes.get(1)?) + 1) * 8);
    match kind {
        HOP_BY_HOP | DESTINATION | MOBILITY | HIP | SHIM6 => plain(eights()?),
        ROUTING => {
            let len = eights()?;
            Some(Step {
                last_hop: last_segment(bytes.get(..len).unwrap_or(bytes)),
                ..plain(len)?
            })
        }
        // RFC 4302 §2.2: in 32-bit words, minus two.
        AUTHENTICATION => plain((usize::from(*bytes.get(1)?) + 2) * 4),
        FRAGMENT => {
            let head = bytes.first_chunk::<8>()?;
            let [_, _, high, low, a, b, c, d] = *head;
            let field = u16::from_be_bytes([high, low]);
            Some(Step {
                fragment: Some(Fragment {
                    id: u32::from_be_bytes([a, b, c, d]),
                    offset: usize::from(field & !7),
                    more: field & 1 != 0,
                }),
                ..plain(8)?
            })
        }
        _ => None,
    }
}

/// The final destination of a routing header with segments left: type 0 (RFC 2460) and type 2
/// (RFC 6275) list it last, segment routing (type 4, RFC 8754 §2) lists it first.
fn last_segment(header: &[u8]) -> Option<Ipv6Addr> {
    let kind = *header.get(2)?;
    if *header.get(3)? == 0 {
        return None;
    }
    let mut segments = header.get(8..)?.chunks_exact(16);
    let segment = match kind {
        0 | 2 => segments.next_back(),
        4 => segments.next(),
        _ => None,
    }?;
    Some(Ipv6Addr::from(*segment.first_chunk::<16>()?))
}
