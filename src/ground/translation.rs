//! IPv6 addresses that stand for IPv4 ones: the prefixes of NAT64 translators (RFC 6052), and how a
//! network's own prefix becomes known, by router advertisement (RFC 8781) or by the answer for
//! `ipv4only.arpa` (RFC 7050).
//!
//! A packet to such an address goes to the IPv4 address inside, also when the prefix is of a site's
//! own numbers. What a router says on the link is taken at its word; an answer is only as good as
//! the resolver, so that it moves an address off the site but never places it alone.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::address::{Class, classify};

/// Lengths of prefixes (RFC 6052 §2.2).
const LENGTHS: [u8; 6] = [96, 64, 56, 48, 40, 32];

/// The IPv4 addresses of `ipv4only.arpa` (RFC 7050 §2.2).
const WELL_KNOWN: [Ipv4Addr; 2] = [Ipv4Addr::new(192, 0, 0, 170), Ipv4Addr::new(192, 0, 0, 171)];

/// The name whose IPv6 addresses, if there are any, a translator made.
pub const PROBE_NAME: &str = "ipv4only.arpa";

/// The prefix of a translator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Prefix {
    bits: u128,
    length: u8,
}

impl Prefix {
    /// The prefix of this length that an address begins with; `None` for lengths that RFC 6052 does
    /// not have.
    pub fn of(address: Ipv6Addr, length: u8) -> Option<Self> {
        LENGTHS.contains(&length).then(|| Self {
            bits: address.to_bits() & mask(length),
            length,
        })
    }

    /// The prefix, if addresses under it can be on their way to a translator: never those of a link
    /// or of a group.
    fn usable(self) -> Option<Self> {
        let class = classify(IpAddr::V6(Ipv6Addr::from_bits(self.bits))).class;
        let bound = matches!(
            class,
            Class::Unspecified
                | Class::Loopback
                | Class::LinkLocal
                | Class::MulticastLocal
                | Class::MulticastGlobal
        );
        (!bound).then_some(self)
    }

    /// The value of a PREF64 option of a router advertisement, behind its type and length
    /// (RFC 8781 §4): lifetime and length code, then the upper 96 bits.
    pub fn from_option(value: &[u8]) -> Option<Self> {
        let ([_, low], rest) = value.split_first_chunk::<2>()?;
        let upper = rest.first_chunk::<12>()?;
        let length = *LENGTHS.get(usize::from(low & 0x07))?;
        let mut octets = [0; 16];
        for (octet, byte) in octets.iter_mut().zip(upper) {
            *octet = *byte;
        }
        Self::of(Ipv6Addr::from(octets), length)?.usable()
    }

    /// The prefix that made this address of [`PROBE_NAME`] (RFC 7050 §3); `None` if none did, or if
    /// the IPv4 address stands at more than one place.
    pub fn from_answer(address: Ipv6Addr) -> Option<Self> {
        let mut found = LENGTHS.iter().filter_map(|length| {
            let prefix = Self::of(address, *length)?;
            WELL_KNOWN
                .contains(&prefix.embedded(address)?)
                .then_some(prefix)
        });
        let first = found.next()?;
        if found.next().is_some() {
            return None;
        }
        first.usable()
    }

    /// The IPv4 address inside an address of this prefix (RFC 6052 §2.2, §2.3): 32 bits behind the
    /// prefix, around the octet that is always zero. The bits behind it are not looked at.
    pub fn embedded(self, address: Ipv6Addr) -> Option<Ipv4Addr> {
        /// The octet from bit 64 on.
        const ZERO: usize = 8;
        if address.to_bits() & mask(self.length) != self.bits {
            return None;
        }
        let octets = address.octets();
        if octets.get(ZERO) != Some(&0) {
            return None;
        }
        let at = usize::from(self.length / 8);
        let mut four = octets
            .iter()
            .enumerate()
            .skip(at)
            .filter(|(at, _)| *at != ZERO)
            .map(|(_, octet)| *octet);
        Some(Ipv4Addr::new(
            four.next()?,
            four.next()?,
            four.next()?,
            four.next()?,
        ))
    }
}

fn mask(length: u8) -> u128 {
    let host = 128u32.saturating_sub(length.into());
    u128::MAX.checked_shl(host).unwrap_or(0)
}

/// Who said that a prefix is a translator's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// An answer for [`PROBE_NAME`].
    Answer,
    /// A router on the link.
    Router,
}

/// An IPv4 address that an IPv6 address stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Translated {
    /// It.
    pub address: Ipv4Addr,
    /// Who says so.
    pub source: Source,
}

/// The translators that a capture shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Translators {
    known: Vec<(Prefix, Source)>,
}

impl Translators {
    /// Prefixes kept: a network has one translator, a capture that roams a few.
    const KEPT_MAX: usize = 32;

    /// A prefix was announced. False if no more are kept.
    pub fn learn(&mut self, prefix: Prefix, source: Source) -> bool {
        if let Some((_, known)) = self.known.iter_mut().find(|(known, _)| *known == prefix) {
            *known = source.max(*known);
            return true;
        }
        if self.known.len() >= Self::KEPT_MAX {
            return false;
        }
        self.known.push((prefix, source));
        true
    }

    /// Takes over what another capture shows.
    pub fn merge(&mut self, other: &Self) {
        for (prefix, source) in &other.known {
            self.learn(*prefix, *source);
        }
    }

    /// The IPv4 address that an address stands for, by the longest prefix.
    pub fn inside(&self, ip: IpAddr) -> Option<Translated> {
        let IpAddr::V6(ip) = ip else { return None };
        self.known
            .iter()
            .filter_map(|(prefix, source)| {
                let address = prefix.embedded(ip)?;
                Some((prefix.length, *source, address))
            })
            .max()
            .map(|(_, source, address)| Translated { address, source })
    }

    /// True for an address that a translator takes beyond the site, whatever its own number says.
    pub fn leaves(&self, ip: IpAddr) -> bool {
        self.inside(ip)
            .is_some_and(|inside| !classify(inside.address.into()).is_local())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn v6(text: &str) -> Ipv6Addr {
        text.parse().unwrap()
    }

    /// RFC 6052 §2.4, table 2: 192.0.2.33 under 2001:db8::/32.
    const TABLE: [(&str, u8, &str); 6] = [
        ("2001:db8::", 32, "2001:db8:c000:221::"),
        ("2001:db8:100::", 40, "2001:db8:1c0:2:21::"),
        ("2001:db8:122::", 48, "2001:db8:122:c000:2:2100::"),
        ("2001:db8:122:300::", 56, "2001:db8:122:3c0:0:221::"),
        ("2001:db8:122:344::", 64, "2001:db8:122:344:c0:2:2100::"),
        ("2001:db8:122:344::", 96, "2001:db8:122:344::192.0.2.33"),
    ];

    #[test]
    fn the_address_inside_at_every_length() {
        for (prefix, length, address) in TABLE {
            let prefix = Prefix::of(v6(prefix), length).unwrap();
            let inside = prefix.embedded(v6(address));
            assert_eq!(inside, Some(Ipv4Addr::new(192, 0, 2, 33)), "{length}");
            assert_eq!(prefix.embedded(v6("2001:db9::")), None);
            let mut octets = v6(address).octets();
            octets[8] = 1;
            assert_eq!(prefix.embedded(octets.into()), None, "{length}");
        }
        assert_eq!(Prefix::of(v6("2001:db8::"), 80), None);
    }

    #[test]
    fn prefixes_from_advertisements_and_answers() {
        for (code, (prefix, length, _)) in TABLE.iter().rev().enumerate() {
            let upper = v6(prefix).octets();
            let value = [&[0x07, 0x08 | code as u8][..], &upper[..12]].concat();
            let read = Prefix::from_option(&value);
            assert_eq!(read, Prefix::of(v6(prefix), *length), "{code}");
        }
        assert_eq!(
            Prefix::from_option(&[0, 6, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
            None
        );
        assert_eq!(Prefix::from_option(&[0, 0, 0x20]), None);
        for (answer, prefix, length) in [
            ("64:ff9b::c000:aa", "64:ff9b::", 96),
            ("2001:db8:122:344::192.0.0.171", "2001:db8:122:344::", 96),
            ("2001:db8:c000:aa::", "2001:db8::", 32),
            ("2001:db8:122:c000:0:aa00::", "2001:db8:122::", 48),
            ("2001:db8:122:344:c0:0:aa00::", "2001:db8:122:344::", 64),
        ] {
            let read = Prefix::from_answer(v6(answer));
            assert_eq!(read, Prefix::of(v6(prefix), length), "{answer}");
        }
        for no in [
            "2001:db8::1",
            "fe80::c0:0:aa00:0",
            "ff02::192.0.0.170",
            "2001:db8:c000:aa::192.0.0.170",
        ] {
            assert_eq!(Prefix::from_answer(v6(no)), None, "{no}");
        }
    }

    #[test]
    fn the_longest_prefix_speaks_and_a_router_outranks_an_answer() {
        let mut translators = Translators::default();
        let wide = Prefix::of(v6("fd64::"), 32).unwrap();
        let narrow = Prefix::of(v6("fd64:0:1::"), 96).unwrap();
        assert!(
            translators.learn(wide, Source::Router) && translators.learn(narrow, Source::Answer)
        );
        let inside = |t: &Translators, text: &str| {
            let found = t.inside(text.parse().unwrap())?;
            Some((found.address.to_string(), found.source))
        };
        assert_eq!(
            inside(&translators, "fd64:0:1::8.8.4.4"),
            Some(("8.8.4.4".into(), Source::Answer))
        );
        translators.learn(narrow, Source::Router);
        translators.learn(narrow, Source::Answer);
        assert_eq!(
            inside(&translators, "fd64:0:1::8.8.4.4"),
            Some(("8.8.4.4".into(), Source::Router))
        );
        assert_eq!(inside(&translators, "fd65::8.8.4.4"), None);
        assert_eq!(inside(&translators, "8.8.4.4"), None);
        let leaves = |text: &str| translators.leaves(text.parse().unwrap());
        assert!(leaves("fd64:0:1::8.8.4.4") && !leaves("fd64:0:1::192.168.1.9"));
        for n in 0..100 {
            let more = Prefix::of(Ipv6Addr::from_bits(n << 96), 32).unwrap();
            translators.learn(more, Source::Answer);
        }
        assert_eq!(translators.known.len(), Translators::KEPT_MAX);
    }
}
