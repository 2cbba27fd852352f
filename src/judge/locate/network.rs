//! Networks in CIDR notation (RFC 4632 §3.1, RFC 4291 §2.3) as ranges of numbers.

use std::net::IpAddr;

/// A network of either family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Network {
    /// Whether it is an IPv6 network.
    pub(crate) v6: bool,
    /// First address, as a number.
    pub(crate) first: u128,
    /// Last address, as a number.
    pub(crate) last: u128,
}

impl Network {
    /// Reads `address/length`; none when it is not one, or when bits behind the prefix are set.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (address, length) = text.split_once('/')?;
        let address: IpAddr = address.parse().ok()?;
        let length: u32 = length.parse().ok()?;
        let bits: u32 = if address.is_ipv6() { 128 } else { 32 };
        let host = bits.checked_sub(length)?;
        let mask = 1u128.checked_shl(host).map_or(u128::MAX, |size| size - 1);
        let first = number(address);
        (first & mask == 0).then_some(Self {
            v6: address.is_ipv6(),
            first,
            last: first | mask,
        })
    }

    /// Whether the address lies inside. Families never mix.
    pub(crate) fn contains(&self, ip: IpAddr) -> bool {
        self.v6 == ip.is_ipv6() && (self.first..=self.last).contains(&number(ip))
    }
}

/// The address as a number, each family in its own space.
pub(crate) fn number(ip: IpAddr) -> u128 {
    match ip {
        IpAddr::V4(ip) => ip.to_bits().into(),
        IpAddr::V6(ip) => ip.to_bits(),
    }
}

/// Rows of a tab-separated list: comment lines and empty lines left out.
pub(crate) fn rows(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefix_edges_are_exact_and_families_do_not_mix() {
        let net = Network::parse("172.64.0.0/13").unwrap();
        for (ip, inside) in [
            ("172.63.255.255", false),
            ("172.64.0.0", true),
            ("172.71.255.255", true),
            ("172.72.0.0", false),
            ("::ac40:0", false),
        ] {
            assert_eq!(net.contains(ip.parse().unwrap()), inside, "{ip}");
        }
        assert_eq!(Network::parse("::/0").unwrap().last, u128::MAX);
        assert_eq!(
            Network::parse("0.0.0.0/0").unwrap().last,
            u128::from(u32::MAX)
        );
        let host = Network::parse("192.0.2.1/32").unwrap();
        assert_eq!(host.first, host.last);
    }

    #[test]
    fn malformed_networks_are_refused() {
        for text in [
            "10.0.0.0",
            "10.0.0.1/8",
            "10.0.0.0/33",
            "::/129",
            "x/8",
            "10.0.0.0/-1",
            "",
        ] {
            assert_eq!(Network::parse(text), None, "{text}");
        }
    }
}
