//! IPv4 (RFC 791): header checksum, fragments, source routes.

use super::{Datagram, Decoded, Fragment, beyond, checksum, options, payload};
use crate::ground::cause::PacketCause;
use etherparse::Ipv4HeaderSlice;
use std::net::{IpAddr, Ipv4Addr};

/// Loose and strict source route (RFC 791 §3.1).
const LSRR: u8 = 131;
const SSRR: u8 = 137;
/// Where the addresses of a source route begin in its option.
const ROUTE_AT: usize = 3;
/// Authentication header.
const AUTHENTICATION: u8 = 51;
/// Authentication headers followed in a row; honest packets have one.
const AUTHENTICATIONS_MAX: usize = 8;

pub(super) fn decode(bytes: &[u8], cut: usize) -> Decoded<'_> {
    let header = match Ipv4HeaderSlice::from_slice(bytes) {
        Ok(header) => header,
        Err(etherparse::err::ipv4::HeaderSliceError::Len(_)) if cut > 0 => {
            return Decoded::Cut(PacketCause::Ipv4Cut);
        }
        Err(_) => return Decoded::Unreadable(PacketCause::Ipv4Malformed),
    };
    let len = header.slice().len();
    let total = usize::from(header.total_len());
    if total != 0 && total < len {
        return Decoded::Unreadable(PacketCause::Ipv4TotalLength);
    }
    let (payload, wire_len) = payload(bytes, len, (total != 0).then_some(total), cut);
    let offset = usize::from(header.fragments_offset().value()) * 8;
    let more = header.more_fragments();
    let route = route(header.options());
    let last = route.and_then(|hops| hops.last().copied());
    let next: IpAddr = header.destination_addr().into();
    let datagram = Datagram {
        source: header.source_addr().into(),
        destination: last.map_or(next, |hop| Ipv4Addr::from(hop).into()),
        routed: last.is_some(),
        over: route.and_then(|hops| {
            let hops = hops.iter().map(|hop| Ipv4Addr::from(*hop).into());
            beyond(std::iter::once(next).chain(hops))
        }),
        hop_limit: header.ttl(),
        protocol: header.protocol().0,
        payload,
        wire_len,
        fragment: (more || offset > 0).then(|| Fragment {
            id: header.identification().into(),
            offset,
            more,
        }),
        id: Some(header.identification()).filter(|id| *id != 0),
        unsegmented: total == 0 && header.header_checksum() == 0,
        chosen: options::chosen_v4(header.options()),
    };
    let datagram = match datagram.fragment {
        None => behind_extensions(datagram),
        Some(_) => datagram,
    };
    if datagram.unsegmented || checksum::sums_to_zero(header.slice()) {
        Decoded::Datagram(datagram)
    } else {
        Decoded::BadChecksum(datagram)
    }
}

/// What is behind authentication headers: signed, not encrypted, and so readable (RFC 4302 §2).
pub(super) fn behind_extensions(mut datagram: Datagram<'_>) -> Datagram<'_> {
    for _ in 0..AUTHENTICATIONS_MAX {
        if datagram.protocol != AUTHENTICATION {
            break;
        }
        let Some((next, behind)) = behind_authentication(datagram.payload) else {
            break;
        };
        let header = datagram.payload.len().saturating_sub(behind.len());
        datagram.wire_len = datagram.wire_len.saturating_sub(header);
        (datagram.protocol, datagram.payload) = (next, behind);
    }
    datagram
}

/// Next protocol and bytes behind an authentication header; its length counts 32-bit words, less two.
fn behind_authentication(bytes: &[u8]) -> Option<(u8, &[u8])> {
    let [next, words, ..] = bytes else {
        return None;
    };
    Some((*next, bytes.get((usize::from(*words) + 2) * 4..)?))
}

/// The addresses of a source route that are still to be visited, if there are any: the destination field then names only the next hop.
fn route(mut options: &[u8]) -> Option<&[[u8; 4]]> {
    loop {
        match *options.first()? {
            0 => return None,
            1 => options = options.get(1..)?,
            kind => {
                let len = usize::from(*options.get(1)?);
                let option = options.get(..len)?;
                if matches!(kind, LSRR | SSRR) {
                    // The pointer counts from 1 at the option's first byte; what stands before it was visited.
                    let visited = usize::from(*option.get(2)?).saturating_sub(ROUTE_AT + 1) / 4;
                    let (route, _) = option.get(ROUTE_AT..)?.as_chunks::<4>();
                    return route.get(visited..).filter(|left| !left.is_empty());
                }
                options = options.get(len.max(2)..)?;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_authentication_headers_are_passed() {
        for (count, protocol) in [
            (AUTHENTICATIONS_MAX, 17),
            (AUTHENTICATIONS_MAX + 1, AUTHENTICATION),
        ] {
            let mut payload = Vec::new();
            for n in 1..=count {
                let next = if n == count { 17 } else { AUTHENTICATION };
                payload.extend([next, 1]);
                payload.extend([0; 10]);
            }
            payload.extend(b"behind");
            let read = behind_extensions(Datagram {
                source: [10, 0, 0, 1].into(),
                destination: [10, 0, 0, 2].into(),
                routed: false,
                over: None,
                hop_limit: 64,
                protocol: AUTHENTICATION,
                payload: &payload,
                wire_len: payload.len(),
                fragment: None,
                id: None,
                unsegmented: false,
                chosen: 0,
            });
            assert_eq!(read.protocol, protocol, "{count}");
            assert!(read.payload.ends_with(b"behind") && read.wire_len == read.payload.len());
        }
    }
}
