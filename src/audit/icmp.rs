//! ICMP messages as flows: which belong together, which ask, which answer nothing.

use crate::packet::transport::{Flags, Transport, protocol};

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

/// Echo request and reply: four bytes of identifier and number, then data of any kind.
pub(super) fn is_echo(number: u8, kind: u8) -> bool {
    match number {
        protocol::ICMP => matches!(kind, 0 | 8),
        _ => matches!(kind, 128 | 129),
    }
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
