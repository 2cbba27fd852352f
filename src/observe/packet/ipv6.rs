//! IPv6 (RFC 8200): the chain of extension headers, fragments, routing headers.

use super::{Datagram, Decoded, Fragment, beyond, options, payload};
use crate::ground::cause::PacketCause;
use etherparse::Ipv6HeaderSlice;
use std::net::{IpAddr, Ipv6Addr};

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
        over: None,
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
        if let Some(route) = step.route {
            let next = std::iter::once(datagram.destination);
            datagram.over = match route {
                Route::Forth(hops) => beyond(next.chain(hops.iter().map(address))),
                Route::Back(hops) => beyond(next.chain(hops.iter().rev().map(address))),
            }
            .or(datagram.over);
            if let Some(last) = route.last() {
                datagram.destination = last;
            }
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

struct Step<'a> {
    next: u8,
    len: usize,
    route: Option<Route<'a>>,
    fragment: Option<Fragment>,
}

/// One extension header; `None` when `kind` is a payload, or the header was cut.
fn step(kind: u8, bytes: &[u8]) -> Option<Step<'_>> {
    let plain = |len: usize| {
        Some(Step {
            next: *bytes.first()?,
            len,
            route: None,
            fragment: None,
        })
    };
    let eights = || Some((usize::from(*bytes.get(1)?) + 1) * 8);
    match kind {
        HOP_BY_HOP | DESTINATION | MOBILITY | HIP | SHIM6 => plain(eights()?),
        ROUTING => {
            let len = eights()?;
            Some(Step {
                route: route(bytes.get(..len).unwrap_or(bytes)),
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

/// Hops of a routing header that are still to be visited, as they lie in it.
#[derive(Clone, Copy)]
enum Route<'a> {
    /// In the order in which they are visited.
    Forth(&'a [[u8; 16]]),
    /// The last one first.
    Back(&'a [[u8; 16]]),
}

impl Route<'_> {
    fn last(self) -> Option<IpAddr> {
        match self {
            Self::Forth(hops) => hops.last(),
            Self::Back(hops) => hops.first(),
        }
        .map(address)
    }
}

fn address(bytes: &[u8; 16]) -> IpAddr {
    Ipv6Addr::from(*bytes).into()
}

/// What a routing header with segments left still has to visit: type 0 (RFC 2460) and type 2 (RFC 6275) list the final destination last,
/// segment routing (type 4, RFC 8754 §2) lists it first. A header that says that more are left than it has is read as having all left.
fn route(header: &[u8]) -> Option<Route<'_>> {
    let kind = *header.get(2)?;
    let left = usize::from(*header.get(3)?);
    if left == 0 {
        return None;
    }
    let (segments, _) = header.get(8..)?.as_chunks::<16>();
    if segments.is_empty() {
        return None;
    }
    match kind {
        0 | 2 => Some(Route::Forth(
            segments.get(segments.len().saturating_sub(left)..)?,
        )),
        4 => Some(Route::Back(segments.get(..left).unwrap_or(segments))),
        _ => None,
    }
}
