//! What an address says about where a packet can go.
//!
//! The prefixes are data (`special.tsv`): the IANA IPv4 and IPv6 special-purpose address registries
//! (RFC 6890, RFC 8190), the multicast scopes (RFC 5771, RFC 2365, RFC 7346) and the IPv6 space outside
//! `2000::/3`, from which nothing is assigned. The longest prefix wins; what no prefix covers is ordinary
//! global unicast.
//!
//! An address alone proves locality only where the class makes it impossible to leave link or site.
//! Everything doubtful (carrier NAT, documentation, reserved space, translated addresses) is not local.
//! This module cannot say whether a global address lies on the same link, nor what stands behind a
//! private one.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::OnceLock;

/// The embedded table.
const SPECIAL: &str = include_str!("special.tsv");

/// What kind of address it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// Ordinary unicast, and the special-purpose anycast services that the internet reaches.
    Global,
    /// `0.0.0.0` and `::`: a host that has no address yet.
    Unspecified,
    /// The host itself.
    Loopback,
    /// Never forwarded by a router.
    LinkLocal,
    /// RFC 1918.
    Private,
    /// RFC 4193.
    UniqueLocal,
    /// `fec0::/10`: deprecated by RFC 3879 as its sites had no borders that anybody agreed on; new
    /// implementations treat it as global unicast (RFC 4291 §2.5.7), and so it is not local.
    SiteLocal,
    /// Broadcast, and multicast of link or site scope (IPv4: the local scope of RFC 2365).
    MulticastLocal,
    /// Multicast of any wider, unassigned or reserved scope.
    MulticastGlobal,
    /// `192.0.0.0/29`: the IPv4 side of a phone's own translator (464XLAT) or of DS-Lite.
    Clat,
    /// `100.64.0.0/10`: behind it lies a carrier's network or an overlay, not the site.
    Shared,
    /// Documentation prefixes: cannot be real, hence cannot be trusted to be local.
    Documentation,
    /// Reserved, deprecated or unassigned.
    Reserved,
    /// `198.18.0.0/15` and `2001:2::/48`. VPN apps hand out the former in place of real addresses, so it is
    /// relayed when reached under a public name; without a name it is a reserved range like any other.
    Benchmark,
    /// NAT64, 6to4, Teredo: an IPv4 address on the internet is inside. A private address inside changes
    /// nothing: the packet is on its way to a translator that this side does not own.
    Translated,
}

impl Class {
    /// The name of the class in `special.tsv`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Global => "global",
            Self::Unspecified => "unspecified",
            Self::Loopback => "loopback",
            Self::LinkLocal => "link-local",
            Self::Private => "private",
            Self::UniqueLocal => "unique-local",
            Self::SiteLocal => "site-local",
            Self::MulticastLocal => "multicast-local",
            Self::MulticastGlobal => "multicast-global",
            Self::Clat => "clat",
            Self::Shared => "shared",
            Self::Documentation => "documentation",
            Self::Reserved => "reserved",
            Self::Benchmark => "benchmark",
            Self::Translated => "translated",
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        const ALL: [Class; 15] = [
            Class::Global,
            Class::Unspecified,
            Class::Loopback,
            Class::LinkLocal,
            Class::Private,
            Class::UniqueLocal,
            Class::SiteLocal,
            Class::MulticastLocal,
            Class::MulticastGlobal,
            Class::Clat,
            Class::Shared,
            Class::Documentation,
            Class::Reserved,
            Class::Benchmark,
            Class::Translated,
        ];
        ALL.into_iter().find(|class| class.as_str() == name)
    }
}

/// The class of an address and the name of the registry row it falls in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Special {
    /// What kind of address it is.
    pub class: Class,
    /// The registry's name for the block, for texts.
    pub name: &'static str,
}

/// What is in no row of the table.
const ORDINARY: Special = Special {
    class: Class::Global,
    name: "global unicast",
};

impl Special {
    /// Whether a packet to this address cannot leave the link or the site. `false` for
    /// [`Class::Clat`], which is local only as the source of our side: see
    /// [`is_local_source`](Self::is_local_source).
    pub fn is_local(self) -> bool {
        matches!(
            self.class,
            Class::Unspecified
                | Class::Loopback
                | Class::LinkLocal
                | Class::Private
                | Class::UniqueLocal
                | Class::MulticastLocal
        )
    }

    /// Whether the address, as the one a packet of our side comes from (or an answer returns to), stands on
    /// this link or site.
    pub fn is_local_source(self) -> bool {
        self.is_local() || self.class == Class::Clat
    }

    /// Whether a country can be asked for. Of a [`Class::Translated`] address it is the country of the
    /// IPv4 address inside.
    pub fn has_country(self) -> bool {
        matches!(self.class, Class::Global | Class::Translated)
    }
}

/// Classifies an address. An IPv4-mapped IPv6 address (RFC 4291 §2.5.5.2) is what the IPv4 address inside is.
pub fn classify(ip: IpAddr) -> Special {
    let table = table();
    match ip.to_canonical() {
        IpAddr::V4(v4) => {
            let [octet, ..] = v4.octets();
            let of_all = table.octets.get(usize::from(octet)).copied().flatten();
            of_all.unwrap_or_else(|| table.v4.find(u128::from(v4.to_bits())))
        }
        IpAddr::V6(v6) => table.v6.find(v6.to_bits()),
    }
}

/// Whether the text is an IPv4 or IPv6 address, also in the brackets of a URL authority.
pub(crate) fn is_ip_literal(text: &str) -> bool {
    let inner = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(text);
    // Most texts are names, of which none ends so.
    let may_be = inner.ends_with(|c: char| c.is_ascii_digit()) || inner.contains(':');
    may_be && inner.parse::<IpAddr>().is_ok()
}

/// The table of one address family, cut into disjoint ranges: each entry holds from its first address up to
/// the next entry.
struct Ranges(Vec<(u128, Special)>);

impl Ranges {
    fn find(&self, address: u128) -> Special {
        let after = self.0.partition_point(|(first, _)| *first <= address);
        after
            .checked_sub(1)
            .and_then(|at| self.0.get(at))
            .map_or(ORDINARY, |(_, special)| *special)
    }

    /// What is said of all IPv4 addresses that begin so; `None` where they differ.
    fn of_octet(&self, octet: u8) -> Option<Special> {
        let first = u128::from(octet) << 24;
        let last = first | 0xff_ffff;
        let cut = self.0.iter().any(|(at, _)| first < *at && *at <= last);
        (!cut).then(|| self.find(first))
    }

    /// Cuts overlapping prefixes so that in each piece the longest prefix speaks.
    fn new(rows: &[Row]) -> Self {
        let mut cuts: Vec<u128> = vec![0];
        for row in rows {
            cuts.push(row.first);
            cuts.extend(row.last.checked_add(1));
        }
        cuts.sort_unstable();
        cuts.dedup();
        let pieces = cuts.into_iter().map(|first| {
            let longest = rows
                .iter()
                .filter(|row| row.first <= first && first <= row.last)
                .max_by_key(|row| row.bits);
            (first, longest.map_or(ORDINARY, |row| row.special))
        });
        Self(pieces.collect())
    }
}

struct Table {
    v4: Ranges,
    v6: Ranges,
    /// What holds of all IPv4 addresses with the same first octet, where something does: nearly every packet asks.
    octets: Vec<Option<Special>>,
}

fn table() -> &'static Table {
    static TABLE: OnceLock<Table> = OnceLock::new();
    TABLE.get_or_init(|| {
        let rows: Vec<Row> = SPECIAL.lines().flat_map(parse_line).flatten().collect();
        let (v4, v6): (Vec<Row>, Vec<Row>) = rows.into_iter().partition(|row| row.v4);
        let v4 = Ranges::new(&v4);
        Table {
            octets: (0..=u8::MAX).map(|octet| v4.of_octet(octet)).collect(),
            v4,
            v6: Ranges::new(&v6),
        }
    })
}

/// One prefix of the table. `first` and `last` are the bits of its addresses.
#[derive(Clone)]
struct Row {
    v4: bool,
    first: u128,
    last: u128,
    bits: u8,
    special: Special,
}

/// The prefixes of one line: none for comments and the header, sixteen where the flags nibble is left open,
/// `None` for a line that cannot be read.
fn parse_line(line: &'static str) -> Option<Vec<Row>> {
    if line.is_empty() || line.starts_with('#') || line.starts_with("prefix\t") {
        return Some(Vec::new());
    }
    let mut cells = line.split('\t');
    let (prefix, name, class) = (cells.next()?, cells.next()?, cells.next()?);
    let special = Special {
        class: Class::from_name(class)?,
        name,
    };
    // A source is demanded of every row.
    cells.next().filter(|source| !source.is_empty())?;
    if prefix.contains('X') {
        (0..16u8)
            .map(|flags| parse_prefix(&prefix.replace('X', &format!("{flags:x}")), special))
            .collect()
    } else {
        Some(vec![parse_prefix(prefix, special)?])
    }
}

fn parse_prefix(prefix: &str, special: Special) -> Option<Row> {
    let (address, bits) = prefix.split_once('/')?;
    let bits: u8 = bits.parse().ok()?;
    let (v4, first, width) = if let Ok(v4) = address.parse::<Ipv4Addr>() {
        (true, u128::from(v4.to_bits()), 32u8)
    } else {
        (false, address.parse::<Ipv6Addr>().ok()?.to_bits(), 128)
    };
    let host_bits = u32::from(width.checked_sub(bits)?);
    let span = 1u128
        .checked_shl(host_bits)
        .map_or(u128::MAX, |size| size - 1);
    // Bits behind the prefix length would silently widen the block.
    (first & span == 0).then_some(Row {
        v4,
        first,
        last: first | span,
        bits,
        special,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> Vec<Row> {
        SPECIAL
            .lines()
            .flat_map(|line| parse_line(line).unwrap_or_else(|| panic!("unreadable row: {line}")))
            .collect()
    }

    fn address(v4: bool, bits: u128) -> IpAddr {
        if v4 {
            IpAddr::V4(Ipv4Addr::from_bits(u32::try_from(bits).unwrap()))
        } else {
            IpAddr::V6(Ipv6Addr::from_bits(bits))
        }
    }

    /// Longest prefix by scanning, the plainest way to say what the answer must be.
    fn expected(rows: &[Row], v4: bool, bits: u128) -> Special {
        rows.iter()
            .filter(|row| row.v4 == v4 && row.first <= bits && bits <= row.last)
            .max_by_key(|row| row.bits)
            .map_or(ORDINARY, |row| row.special)
    }

    #[test]
    fn every_row_holds_at_both_ends_and_not_beyond() {
        let rows = rows();
        assert!(rows.len() > 150, "{} rows", rows.len());
        for row in &rows {
            let top = if row.v4 {
                u128::from(u32::MAX)
            } else {
                u128::MAX
            };
            let before = row.first.checked_sub(1);
            let after = row.last.checked_add(1).filter(|bits| *bits <= top);
            for bits in [Some(row.first), Some(row.last), before, after]
                .into_iter()
                .flatten()
            {
                let ip = address(row.v4, bits);
                if ip.to_canonical() != ip {
                    continue;
                }
                assert_eq!(classify(ip), expected(&rows, row.v4, bits), "{ip}");
            }
            // Unless a longer prefix begins or ends there, the row itself speaks at its ends.
            let nested = |bits: u128| {
                rows.iter().any(|other| {
                    other.v4 == row.v4
                        && other.bits > row.bits
                        && other.first <= bits
                        && bits <= other.last
                })
            };
            for bits in [row.first, row.last] {
                if !nested(bits) {
                    assert_eq!(classify(address(row.v4, bits)), row.special);
                }
            }
        }
        let mut keys: Vec<_> = rows.iter().map(|r| (r.v4, r.first, r.bits)).collect();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), rows.len(), "a prefix stands twice");
    }

    fn is(text: &str) -> Class {
        classify(text.parse().unwrap()).class
    }

    /// Written from the registries by hand, against slips in the table itself.
    #[test]
    fn the_registries_boundaries() {
        for (text, class) in [
            ("0.0.0.0", Class::Unspecified),
            ("0.0.0.1", Class::Reserved),
            ("9.255.255.255", Class::Global),
            ("10.0.0.0", Class::Private),
            ("11.0.0.0", Class::Global),
            ("100.63.255.255", Class::Global),
            ("100.64.0.0", Class::Shared),
            ("100.127.255.255", Class::Shared),
            ("100.128.0.0", Class::Global),
            ("127.255.255.255", Class::Loopback),
            ("169.253.255.255", Class::Global),
            ("169.254.169.254", Class::LinkLocal),
            ("172.15.255.255", Class::Global),
            ("172.16.0.0", Class::Private),
            ("172.31.255.255", Class::Private),
            ("172.32.0.5", Class::Global),
            ("192.0.0.4", Class::Clat),
            ("192.0.0.8", Class::Reserved),
            ("192.0.0.9", Class::Global),
            ("192.0.0.10", Class::Global),
            ("192.0.0.11", Class::Reserved),
            ("192.0.2.1", Class::Documentation),
            ("192.88.99.1", Class::Reserved),
            ("192.167.255.255", Class::Global),
            ("192.168.255.255", Class::Private),
            ("192.169.0.0", Class::Global),
            ("198.17.255.255", Class::Global),
            ("198.19.255.255", Class::Benchmark),
            ("198.20.0.0", Class::Global),
            ("203.0.113.7", Class::Documentation),
            ("223.255.255.255", Class::Global),
            ("224.0.0.251", Class::MulticastLocal),
            ("224.0.1.1", Class::MulticastGlobal),
            ("232.1.1.1", Class::MulticastGlobal),
            ("233.252.0.1", Class::MulticastGlobal),
            ("238.255.255.255", Class::MulticastGlobal),
            ("239.1.1.1", Class::MulticastGlobal),
            ("239.192.7.7", Class::MulticastGlobal),
            ("239.252.255.255", Class::MulticastGlobal),
            ("239.253.0.1", Class::MulticastLocal),
            ("239.254.0.1", Class::MulticastLocal),
            ("239.255.255.250", Class::MulticastLocal),
            ("240.0.0.1", Class::Reserved),
            ("255.255.255.254", Class::Reserved),
            ("255.255.255.255", Class::MulticastLocal),
            ("::", Class::Unspecified),
            ("::1", Class::Loopback),
            ("::2", Class::Reserved),
            ("::8.8.8.8", Class::Reserved),
            ("64:ff9b::a00:1", Class::Translated),
            ("64:ff9b:0:0:0:1::", Class::Reserved),
            ("64:ff9b:1:ffff::", Class::Translated),
            ("100::1", Class::Reserved),
            ("100:0:0:1::1", Class::Reserved),
            ("1fff:ffff::", Class::Reserved),
            ("2001:0:4136:e378::1", Class::Translated),
            ("2001:1::3", Class::Global),
            ("2001:1::4", Class::Reserved),
            ("2001:2::1", Class::Benchmark),
            ("2001:3::1", Class::Global),
            ("2001:4:112::1", Class::Global),
            ("2001:1ff:ffff::", Class::Reserved),
            ("2001:200::", Class::Global),
            ("2001:db8::1", Class::Documentation),
            ("2001:db9::", Class::Global),
            ("2002:c0a8:101::1", Class::Translated),
            ("2a05:d014:77:8::99", Class::Global),
            ("3ffe:ffff::", Class::Global),
            ("3fff:fff::1", Class::Documentation),
            ("3fff:1000::", Class::Global),
            ("4000::", Class::Reserved),
            ("5f00::1", Class::Reserved),
            ("fbff::1", Class::Reserved),
            ("fc00::1", Class::UniqueLocal),
            ("fdff::1", Class::UniqueLocal),
            ("fe00::1", Class::Reserved),
            ("fe80::1", Class::LinkLocal),
            ("febf::1", Class::LinkLocal),
            ("fec0:0:0:ffff::1", Class::SiteLocal),
            ("ff00::1", Class::MulticastGlobal),
            ("ff01::1", Class::MulticastLocal),
            ("ff02::fb", Class::MulticastLocal),
            ("ff12::1", Class::MulticastLocal),
            ("ff35:40:fd00::1", Class::MulticastLocal),
            ("ff06::1", Class::MulticastGlobal),
            ("ff08::1", Class::MulticastGlobal),
            ("ff0e::101", Class::MulticastGlobal),
            ("ff3e::1", Class::MulticastGlobal),
        ] {
            assert_eq!(is(text), class, "{text}");
        }
    }

    #[test]
    fn mapped_addresses_are_what_is_inside() {
        assert_eq!(is("::ffff:192.168.1.1"), Class::Private);
        assert_eq!(is("::ffff:47.88.1.7"), Class::Global);
        assert_eq!(is("::ffff:100.64.0.1"), Class::Shared);
        // Its neighbours in the same block are not mapped addresses.
        assert_eq!(is("::fffe:c0a8:101"), Class::Reserved);
        assert_eq!(is("::ffff:0:c0a8:101"), Class::Reserved);
    }

    #[test]
    fn scope_and_country_fail_closed() {
        let special = |text: &str| classify(text.parse().unwrap());
        for local in [
            "0.0.0.0",
            "::",
            "127.0.0.1",
            "169.254.1.1",
            "10.1.1.1",
            "fd00::1",
            "239.255.255.250",
            "ff05::2",
        ] {
            assert!(
                special(local).is_local() && !special(local).has_country(),
                "{local}"
            );
        }
        for (internet, country) in [
            ("8.8.8.8", true),
            ("64:ff9b::c0a8:101", true),
            ("2002:a00:1::1", true),
            ("100.64.0.1", false),
            ("198.18.0.5", false),
            ("203.0.113.5", false),
            ("240.0.0.1", false),
            ("224.0.1.1", false),
            ("ff08::1", false),
            ("239.192.7.7", false),
            ("fec0::1", false),
            ("5f00::1", false),
            ("192.0.0.8", false),
        ] {
            assert!(!special(internet).is_local(), "{internet}");
            assert_eq!(special(internet).has_country(), country, "{internet}");
        }
        let clat = special("192.0.0.4");
        assert!(!clat.is_local() && clat.is_local_source() && !clat.has_country());
        assert!(!special("8.8.8.8").is_local_source());
    }
}
