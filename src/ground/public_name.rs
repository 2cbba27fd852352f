//! Whether a name belongs to the public name space, so that asking for it or asserting it towards a private
//! address means internet use.
//!
//! Not public: single labels, names under `local` (RFC 6762), `home.arpa` (RFC 8375), `internal` (reserved
//! by ICANN for private use) and the customary `lan` and `home`, and reverse names (RFC 1035 §3.5, RFC 3596
//! §2.5) of addresses that cannot leave the site. Only the text of the name counts; whether it exists or
//! where it would resolve to is not known here.

use crate::ground::address::{classify, is_ip_literal};
use crate::ground::hex::percent_decoded;
use crate::ground::host_name::plain;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Domains whose names never leave the site.
const PRIVATE_DOMAINS: [&str; 5] = ["local", "home.arpa", "lan", "home", "internal"];

/// The queries for browsing and registration domains that RFC 6763 §11 puts before a reverse zone.
const DNS_SD_QUERIES: [&str; 5] = ["b", "db", "r", "dr", "lb"];

/// Whether a name is public. Letter case and one trailing dot do not matter. An address written as text is
/// not a name, and neither is an empty string.
pub fn is_public_name(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    if !name.contains('.') {
        // Some readers decode what is escaped in a host (RFC 3986 §3.2.2).
        let escaped = name.contains('%');
        let decoded = escaped.then(|| plain(&percent_decoded(name.as_bytes())));
        return decoded.is_some_and(|name| name.contains('.') && is_public_name(&name));
    }
    if is_ip_literal(name) || lists_local_addresses(name) {
        return false;
    }
    if PRIVATE_DOMAINS.iter().any(|domain| is_under(name, domain)) {
        return false;
    }
    !reverse_name_address(name).is_some_and(ReverseName::is_local)
}

/// Whether a text is made of addresses that stay on the site, with their ports, prefixes or separators, and of nothing else: a network or
/// a list stands where a host should.
fn lists_local_addresses(text: &str) -> bool {
    let letter = |c: char| c.is_alphanumeric() && !c.is_ascii_digit();
    if text.contains(letter) || text.contains('%') {
        return false;
    }
    let mut pieces = text.split(|c: char| !c.is_ascii_digit() && c != '.');
    let mut addresses = 0_usize;
    let all = pieces.all(|piece| match piece.parse::<Ipv4Addr>() {
        Ok(ip) => {
            addresses = addresses.saturating_add(1);
            classify(IpAddr::V4(ip)).is_local()
        }
        Err(_) => !piece.contains('.'),
    });
    all && addresses > 0
}

/// Whether `name` is `domain` or lies below it; `domain` in lower case.
fn is_under(name: &str, domain: &str) -> bool {
    match name.len().checked_sub(domain.len()) {
        Some(0) => name.eq_ignore_ascii_case(domain),
        Some(front) => name
            .split_at_checked(front)
            .is_some_and(|(head, tail)| head.ends_with('.') && tail.eq_ignore_ascii_case(domain)),
        None => false,
    }
}

/// The addresses that a reverse name stands for: one address, or a block where labels are left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReverseName {
    /// The address, or the first address of the block.
    pub network: IpAddr,
    /// Leading bits that the name fixes: 8, 16, 24 or 32; multiples of four up to 128 for IPv6.
    pub bits: u8,
}

impl ReverseName {
    /// The address, if the name is complete.
    pub fn address(self) -> Option<IpAddr> {
        let whole = if self.network.is_ipv4() { 32 } else { 128 };
        (self.bits == whole).then_some(self.network)
    }

    /// Whether every address that the name stands for stays on link or site.
    pub fn is_local(self) -> bool {
        let first = classify(self.network);
        // Reverse names and registry blocks are aligned prefixes, and no local block holds another one: if
        // both ends lie in one local block, everything between them does.
        first.is_local() && first == classify(self.last())
    }

    fn last(self) -> IpAddr {
        match self.network {
            IpAddr::V4(v4) => {
                let span = u32::MAX.checked_shr(u32::from(self.bits)).unwrap_or(0);
                IpAddr::V4(Ipv4Addr::from_bits(v4.to_bits() | span))
            }
            IpAddr::V6(v6) => {
                let span = u128::MAX.checked_shr(u32::from(self.bits)).unwrap_or(0);
                IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() | span))
            }
        }
    }
}

/// Reads a reverse name under `in-addr.arpa` or `ip6.arpa`, complete or cut short, also behind the DNS-SD
/// query labels of RFC 6763 §11 (`lb._dns-sd._udp.0.1.168.192.in-addr.arpa`). Other labels in front make it
/// some other name: they could carry anything.
pub fn reverse_name_address(name: &str) -> Option<ReverseName> {
    let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    if let Some(front) = name.strip_suffix(".in-addr.arpa") {
        let mut octets = [0u8; 4];
        let known = read_labels(front, &mut octets, decimal_octet)?;
        Some(ReverseName {
            network: IpAddr::V4(Ipv4Addr::from(octets)),
            bits: known.checked_mul(8)?,
        })
    } else {
        let front = name.strip_suffix(".ip6.arpa")?;
        let mut nibbles = [0u8; 32];
        let known = read_labels(front, &mut nibbles, hexadecimal_nibble)?;
        let bits = nibbles
            .iter()
            .fold(0u128, |bits, nibble| bits << 4 | u128::from(*nibble));
        Some(ReverseName {
            network: IpAddr::V6(Ipv6Addr::from_bits(bits)),
            bits: known.checked_mul(4)?,
        })
    }
}

/// Fills `slots` from the right-most label on and returns how many were read, if nothing but a DNS-SD query
/// stands before them.
fn read_labels(front: &str, slots: &mut [u8], read: fn(&str) -> Option<u8>) -> Option<u8> {
    let mut known = 0u8;
    let mut rest = front;
    for slot in slots {
        let (head, label) = match rest.rsplit_once('.') {
            Some((head, label)) => (Some(head), label),
            None => (None, rest),
        };
        let Some(value) = read(label) else { break };
        *slot = value;
        known = known.checked_add(1)?;
        match head {
            Some(head) => rest = head,
            None => return Some(known),
        }
    }
    let query = rest.strip_suffix("._dns-sd._udp")?;
    (known > 0 && DNS_SD_QUERIES.contains(&query)).then_some(known)
}

fn decimal_octet(label: &str) -> Option<u8> {
    let digits = label.bytes().all(|byte| byte.is_ascii_digit());
    let padded = label.len() > 1 && label.starts_with('0');
    label.parse().ok().filter(|_| digits && !padded)
}

fn hexadecimal_nibble(label: &str) -> Option<u8> {
    let mut characters = label.chars();
    let digit = characters.next()?.to_digit(16)?;
    u8::try_from(digit)
        .ok()
        .filter(|_| characters.next().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_name_space_is_not_public() {
        for name in [
            "",
            ".",
            "dji",
            "dji.",
            "local",
            "drone.local",
            "Drone.LOCAL.",
            "_http._tcp.local",
            "aircraft.home.arpa",
            "home.arpa",
            "nas.lan",
            "tv.home",
            "api.corp.internal",
            "192.168.1.1",
            "8.8.8.8",
            "8.8.8.8.",
            "fe80::1",
            "[2001:db8::1]",
            "::ffff:10.0.0.1",
            "drone%2elocal",
            "100%",
            "192.168.2.60/12",
            "192.168.2.60, 10.0.0.1:80",
        ] {
            assert!(!is_public_name(name), "{name}");
        }
        for name in [
            "dji.com",
            "DJI.com.",
            "flysafe-api.dji.com",
            "local.dji.com",
            "drone.locals",
            "notlocal.xlocal",
            "drone.local.dji.com",
            "xhome.arpa",
            "my.lan.example",
            "1.2.3.4.example",
            "a..b",
            "256.256.256.256",
            "192.168.2.60,8.8.8.8",
            "192.168.2.60/12.dji.com",
            "192.168.2.60%44",
            "xn--bcher-kva.example",
            "bücher.exämple",
            "dji%2Ecom",
            "dji%EF%BC%8Ecom",
        ] {
            assert!(is_public_name(name), "{name}");
        }
    }

    #[test]
    fn reverse_names_follow_the_address() {
        let ula = "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.f.ip6.arpa";
        let global = "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa";
        for name in [
            "1.1.168.192.in-addr.arpa",
            "1.1.168.192.IN-ADDR.ARPA.",
            "168.192.in-addr.arpa",
            "10.in-addr.arpa",
            "16.172.in-addr.arpa",
            "255.31.172.in-addr.arpa",
            "254.169.in-addr.arpa",
            "251.0.0.224.in-addr.arpa",
            "lb._dns-sd._udp.0.1.168.192.in-addr.arpa",
            "b._dns-sd._udp.168.192.in-addr.arpa",
            "8.e.f.ip6.arpa",
            "b.e.f.ip6.arpa",
            "d.f.ip6.arpa",
            "D.F.ip6.arpa",
            "2.0.f.f.ip6.arpa",
            ula,
        ] {
            assert!(!is_public_name(name), "{name}");
        }
        for name in [
            "8.8.8.8.in-addr.arpa",
            "1.64.100.in-addr.arpa",
            // Blocks that hold public addresses too.
            "172.in-addr.arpa",
            "192.in-addr.arpa",
            "224.in-addr.arpa",
            "e.f.ip6.arpa",
            "f.ip6.arpa",
            "0.ip6.arpa",
            "in-addr.arpa",
            "ip6.arpa",
            "32.172.in-addr.arpa",
            // Not reverse names: such labels could carry data.
            "c2VjcmV0.1.168.192.in-addr.arpa",
            "5.1.1.168.192.in-addr.arpa",
            "01.168.192.in-addr.arpa.x",
            "lb._dns-sd._udp.in-addr.arpa",
            global,
        ] {
            assert!(is_public_name(name), "{name}");
        }
    }

    #[test]
    fn reverse_name_gives_address_and_length() {
        let read = |name: &str| reverse_name_address(name).unwrap();
        // RFC 1035 §3.5 and RFC 3596 §2.5 give these two.
        let v4 = read("52.0.2.10.in-addr.arpa");
        assert_eq!(v4.address(), Some("10.2.0.52".parse().unwrap()));
        let v6 = read("b.a.9.8.7.6.5.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.0.0.0.0.1.2.3.4.ip6.arpa");
        assert_eq!(
            v6.address(),
            Some("4321:0:1:2:3:4:567:89ab".parse().unwrap())
        );

        let block = read("168.192.in-addr.arpa");
        assert_eq!(block.network, "192.168.0.0".parse::<IpAddr>().unwrap());
        assert_eq!((block.bits, block.address()), (16, None));
        assert_eq!(block.last(), "192.168.255.255".parse::<IpAddr>().unwrap());
        assert_eq!(v4.last(), v4.network);

        for name in [
            "300.168.192.in-addr.arpa",
            "01.168.192.in-addr.arpa",
            "+1.168.192.in-addr.arpa",
            "1..192.in-addr.arpa",
            "10.0.0.1.ip6.arpa",
            "0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa",
            "x.in-addr.arpa.example",
            "in-addr.arpa",
        ] {
            assert_eq!(reverse_name_address(name), None, "{name}");
        }
    }
}
