//! Networks that a router or a lease says to be on the link.

use std::net::IpAddr;

/// A network that is proven to be on the link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct OnLink {
    /// Its address.
    pub network: IpAddr,
    /// Length of its prefix in bits.
    pub bits: u8,
}

impl OnLink {
    /// False for what no link is as large as (contract, "Scope of a packet"): a mask that short covers
    /// other people's networks, and says that its author would answer for them.
    pub(super) fn is_credible(&self) -> bool {
        const SHORTEST_V4: u8 = 16;
        const SHORTEST_V6: u8 = 48;
        match self.network {
            IpAddr::V4(_) => self.bits >= SHORTEST_V4,
            IpAddr::V6(_) => self.bits >= SHORTEST_V6,
        }
    }

    /// True for the address that all hosts of an IPv4 network listen to (RFC 919); networks of two
    /// addresses or one have none (RFC 3021).
    pub fn is_broadcast(&self, ip: IpAddr) -> bool {
        let (IpAddr::V4(v4), 0..=30) = (ip, self.bits) else {
            return false;
        };
        let hosts = u32::MAX.checked_shr(self.bits.into()).unwrap_or(0);
        self.contains(ip) && v4.to_bits() & hosts == hosts
    }

    /// True if the address lies in the network.
    pub fn contains(&self, ip: IpAddr) -> bool {
        let shared = |a: u128, b: u128, width: u32| {
            let left = width.saturating_sub(u32::from(self.bits));
            a.checked_shr(left).unwrap_or(0) == b.checked_shr(left).unwrap_or(0)
        };
        match (self.network, ip) {
            (IpAddr::V4(n), IpAddr::V4(i)) => shared(n.to_bits().into(), i.to_bits().into(), 32),
            (IpAddr::V6(n), IpAddr::V6(i)) => shared(n.to_bits(), i.to_bits(), 128),
            _ => false,
        }
    }
}
