//! One packet, seen on several interfaces of the machine that captured (`-i any`, a tunnel and the
//! radio below it, a hotspot and its uplink): its payload bytes count once.
//!
//! Two records are the same packet when they come from different interfaces within a second and
//! carry the same payload to the same far end; the near end may have been translated on the way.
//! TCP must agree in its numbers too; a datagram must have some length, or two machines that send
//! the same few bytes would be taken for one.

use crate::evidence::Timestamp;
use crate::packet::Datagram;
use crate::packet::transport::Transport;
use foldhash::fast::RandomState;
use std::collections::{HashMap, VecDeque};
use std::hash::BuildHasher;
use std::net::IpAddr;

/// Packets remembered: what an interface lets through in a fraction of a second. Forwarding takes
/// microseconds, so that a copy is never far behind.
const REMEMBERED: usize = 8192;
/// The longest time between two sights of one packet.
const APART: i64 = Timestamp::SECOND;
/// A datagram whose ends differ on the near side needs this many bytes to be recognised: shorter
/// ones (keep-alives, beacons) look alike.
const TELLING: usize = 16;

/// An interface of the capturing machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Port {
    /// The input.
    pub(super) input: u32,
    /// The interface, as the file numbers them.
    pub(super) interface: u32,
    /// The interface, as the link header numbers them.
    pub(super) number: Option<u32>,
}

#[derive(Debug, Clone, Copy)]
struct Sight {
    port: Port,
    at: Timestamp,
}

/// The packets seen lately, once more than one interface is known.
#[derive(Debug, Default)]
pub(super) struct Duplicates {
    first: Option<Port>,
    several: bool,
    hasher: RandomState,
    seen: HashMap<u64, Sight, RandomState>,
    order: VecDeque<u64>,
}

impl Duplicates {
    /// True if another interface showed this packet a moment ago. The first of two is never known
    /// to be one when the second interface only appears with it: the copy is counted instead.
    pub(super) fn seen(
        &mut self,
        datagram: &Datagram<'_>,
        transport: &Transport<'_>,
        port: Port,
        at: Timestamp,
    ) -> bool {
        if !self.several {
            let first = *self.first.get_or_insert(port);
            self.several = first.input == port.input && first != port;
        }
        // Until a second interface shows up every packet is remembered only where the link header
        // or the file can name several.
        if !self.several && port.number.is_none() && port.interface == 0 {
            return false;
        }
        let (numbers, payload): ((u32, u32, u8), &[u8]) = match transport {
            Transport::Tcp(s) if !s.payload.is_empty() => {
                ((s.sequence, s.acknowledgement, s.flags.0), s.payload)
            }
            Transport::Udp(u) if !u.payload.is_empty() => ((0, 0, 0), u.payload),
            Transport::Tcp(_) | Transport::Udp(_) => return false,
            _ if datagram.payload.is_empty() => return false,
            _ => ((0, 0, 0), datagram.payload),
        };
        let (from, to) = match transport {
            Transport::Tcp(s) => (s.source_port, s.destination_port),
            Transport::Udp(u) => (u.source_port, u.destination_port),
            _ => (0, 0),
        };
        let body = self
            .hasher
            .hash_one((numbers, payload, datagram.wire_len, datagram.protocol));
        let source: (IpAddr, u16) = (datagram.source, from);
        let destination: (IpAddr, u16) = (datagram.destination, to);
        let whole = self.hasher.hash_one((0u8, source, destination, body));
        let mut again = self.sight(whole, port, at);
        if payload.len() >= TELLING {
            // Translated on the way out: the far end is the destination. On the way in: the source.
            let out = self.hasher.hash_one((1u8, destination, body));
            let back = self.hasher.hash_one((2u8, source, body));
            again |= self.sight(out, port, at);
            again |= self.sight(back, port, at);
        }
        again
    }

    fn sight(&mut self, hash: u64, port: Port, at: Timestamp) -> bool {
        if let Some(before) = self.seen.get(&hash)
            && before.port.input == port.input
            && before.port != port
            && at.since(before.at).is_some_and(|d| d.abs() <= APART)
        {
            return true;
        }
        if self.seen.insert(hash, Sight { port, at }).is_none() {
            self.order.push_back(hash);
            // Three entries a packet at most.
            if self.order.len() > 3 * REMEMBERED
                && let Some(oldest) = self.order.pop_front()
            {
                self.seen.remove(&oldest);
            }
        }
        false
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::packet::transport::{UdpDatagram, protocol};

    fn datagram(source: [u8; 4], payload: &[u8]) -> Datagram<'_> {
        Datagram {
            source: IpAddr::from(source),
            destination: IpAddr::from([203, 0, 113, 9]),
            hop_limit: 64,
            protocol: protocol::UDP,
            payload,
            wire_len: payload.len() + 8,
            fragment: None,
        }
    }

    fn udp(payload: &[u8]) -> Transport<'_> {
        Transport::Udp(UdpDatagram {
            source_port: 4000,
            destination_port: 443,
            payload,
            wire_len: payload.len(),
        })
    }

    fn port(interface: u32) -> Port {
        Port {
            input: 0,
            interface,
            number: None,
        }
    }

    fn at(millis: i128) -> Timestamp {
        Timestamp::from_nanos(millis * 1_000_000)
    }

    #[test]
    fn a_packet_on_two_interfaces_is_one_and_a_repeated_one_is_two() {
        let mut d = Duplicates::default();
        let long = [7u8; 40];
        let phone = [10, 0, 0, 2];
        let mut see = |source, payload: &[u8], p, t| {
            d.seen(&datagram(source, payload), &udp(payload), port(p), at(t))
        };
        assert!(!see(phone, b"wake", 1, 0));
        assert!(!see(phone, &long, 1, 10));
        assert!(see(phone, &long, 2, 11), "the same packet on the uplink");
        assert!(
            !see(phone, &long, 1, 12),
            "sent again, on the same interface"
        );
        assert!(see([100, 64, 0, 9], &long, 2, 13), "translated");
        assert!(!see(phone, &long, 2, 5_000), "too long ago");
        assert!(!see(phone, b"beat", 1, 6_000));
        assert!(
            !see([10, 0, 0, 3], b"beat", 2, 6_001),
            "short, and another sender"
        );
    }
}
