//! ICMP messages as flows: which belong together, which ask, which answer nothing.

use crate::ground::protocol;
use crate::observe::packet::transport::{Flags, Transport};

/// Pairs of ICMP request and answer, for both versions (Community ID specification v1, which follows Zeek).
const ICMP_PAIRS: [(u8, u8, u8); 9] = [
    (protocol::ICMP, 8, 0),
    (protocol::ICMP, 13, 14),
    (protocol::ICMP, 15, 16),
    (protocol::ICMP, 17, 18),
    (protocol::ICMP, 10, 9),
    (protocol::ICMPV6, 128, 129),
    (protocol::ICMPV6, 130, 131),
    (protocol::ICMPV6, 133, 134),
    (protocol::ICMPV6, 135, 136),
];

/// Stand-ins for ports, so that request and answer are one flow.
pub(super) fn icmp_ports(number: u8, kind: u8, code: u8) -> (u16, u16) {
    for (of, request, answer) in ICMP_PAIRS {
        if of == number && kind == request {
            return (request.into(), answer.into());
        }
        if of == number && kind == answer {
            return (answer.into(), request.into());
        }
    }
    (kind.into(), code.into())
}

pub(super) fn is_request(number: u8, kind: u8) -> bool {
    ICMP_PAIRS
        .iter()
        .any(|(of, request, _)| *of == number && *request == kind)
}

/// Messages behind whose first four bytes data of any kind may stand: all but errors, which quote packets, and what neighbours, routers and
/// groups say (RFC 4861, RFC 2710), a redirect among them.
pub(super) fn may_carry(number: u8, kind: u8) -> bool {
    match number {
        protocol::ICMP => !matches!(kind, 3 | 4 | 5 | 11 | 12),
        _ => matches!(kind, 128 | 129 | 160..),
    }
}

/// What the body of an ICMP error holds, behind type, code and checksum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Quote {
    /// Bytes of the packet that is quoted.
    pub(super) quoted: usize,
    /// Bytes that are neither of that packet nor anything that an error may add.
    pub(super) beyond: usize,
}

/// Measures what an ICMP error of `wire` bytes behind its checksum quotes. Errors may quote all of a packet that fits into 576 bytes
/// (RFC 1812 §4.3.2.3) or 1,280 (RFC 4443 §2.4), and add a few extensions (RFC 4884 §7), for which the quote may be padded. An error
/// that is longer than that is more than an error, and what stands behind the quoted packet is payload.
pub(super) fn quote(number: u8, body: &[u8], wire: usize) -> Quote {
    /// Bytes that stand before the quote, behind the checksum.
    const UNUSED: usize = 4;
    /// Quotes that extensions follow are padded to so many bytes.
    const PADDED: usize = 128;
    /// Extensions that are in use: label stacks of MPLS, an interface's name and address.
    const EXTENSIONS_MAX: usize = 128;
    let most = match number {
        protocol::ICMP => 576 - 20 - 8,
        _ => 1280 - 40 - 8,
    };
    let there = wire.saturating_sub(UNUSED);
    let word = |at: usize| {
        let bytes = body.get(UNUSED + at..).and_then(<[u8]>::first_chunk::<2>);
        bytes.map_or(0, |b| usize::from(u16::from_be_bytes(*b)))
    };
    let own = match body.get(UNUSED).map(|b| b >> 4) {
        Some(4) => word(2),
        Some(6) => word(4).saturating_add(40),
        _ => 0,
    };
    let own = own.min(most);
    let quoted = own.min(there);
    let beyond = if there > own.max(PADDED).saturating_add(EXTENSIONS_MAX) {
        there.saturating_sub(own)
    } else {
        0
    };
    Quote { quoted, beyond }
}

/// A RST, an ICMP error: they answer nothing.
pub(super) fn is_no_answer(transport: &Transport<'_>, number: u8) -> bool {
    match transport {
        Transport::Tcp(s) => s.flags.any(Flags::RST),
        // RFC 792: unreachable, source quench, redirect, time exceeded, parameter problem.
        Transport::Icmp { kind, .. } if number == protocol::ICMP => {
            matches!(kind, 3 | 4 | 5 | 11 | 12)
        }
        // RFC 4443 §2.1: errors have the high bit clear.
        Transport::Icmp { kind, .. } => *kind < 128,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_as_long_as_what_it_quotes() {
        // A datagram of 30 bytes, and one of 1,400.
        let body = |total: u16, length: usize| {
            let mut body = vec![0; 4];
            body.extend([0x45, 0]);
            body.extend(total.to_be_bytes());
            body.resize(4 + length, 0);
            body
        };
        let of = |total, length| {
            let body = body(total, length);
            quote(protocol::ICMP, &body, body.len())
        };
        let is = |quoted, beyond| Quote { quoted, beyond };
        assert_eq!(of(30, 30), is(30, 0));
        assert_eq!(of(30, 128 + 20), is(30, 0), "with extensions");
        assert_eq!(of(30, 1030), is(30, 1000));
        assert_eq!(of(1400, 548), is(548, 0));
        assert_eq!(of(1400, 1400), is(548, 852), "more than an error quotes");
        let mut six = vec![0; 4];
        six.extend([0x60, 0, 0, 0, 0x04, 0x00]);
        six.resize(4 + 1064, 0);
        let of_six = quote(protocol::ICMPV6, &six, six.len());
        assert_eq!(of_six, is(1064, 0));
    }
}
