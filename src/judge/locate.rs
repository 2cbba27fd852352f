//! Places an address: country, autonomous system, operator, and how sure that is.
//!
//! Reads MaxMind DB files (format 2.0). The embedded one merges two country databases whose
//! opinions are kept apart, so that their disagreement is a value and not a choice made in silence;
//! `--geo` files replace it. Beside them stand three reviewed lists: networks that answer from many
//! places ([`anycast`]), autonomous systems and their operators ([`operator`]), and cloud regions
//! that stand in host names ([`cloud`]).
//!
//! Can say what the databases hold on their date. Cannot say where a machine stood on the day of
//! the capture, who used it, or what lies behind the first hop (a proxy, a CDN, a VPN).

use crate::ground::translation::{Source as Announced, Translated};
use crate::vocabulary;
use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;

pub mod anycast;
pub mod cloud;
pub mod country;
mod error;
mod mmdb;
pub(crate) mod network;
pub mod operator;

pub use error::LocateError;

use mmdb::Source;

/// The embedded database. Its licence is its own: see [`notice`].
static EMBEDDED: &[u8] = include_bytes!("locate/geo.mmdb");

/// SHA-256 of the embedded database, written by the generator, so that no run hashes 12 MB.
static EMBEDDED_SHA256: &str = include_str!("locate/geo.mmdb.sha256");

/// Sources, dates and licences of the embedded database.
#[cfg(test)]
static NOTICE: &str = include_str!("locate/NOTICE");

/// The embedded database as a file, for `emit geo`.
pub fn embedded_bytes() -> &'static [u8] {
    EMBEDDED
}

/// Sources, dates and licences of the embedded database.
#[cfg(test)]
pub fn notice() -> &'static str {
    NOTICE
}

vocabulary! {
    /// How far the country of a [`Location`] can be trusted.
    "confidence of a country" pub enum Confidence {
        /// Two or more sources give the same country.
        Agreed = "agreed",
        /// Sources differ; all answers are in [`Location::candidates`].
        Conflict = "conflict",
        /// The address answers from many places (reviewed list).
        Anycast = "anycast",
        /// Only one source knows the address.
        Single = "single",
        /// No source knows the address.
        Unknown = "unknown",
    }
}

/// What is known about where an address is and who runs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// ISO 3166-1 alpha-2 code; the primary source's when they differ, none when it cannot be said.
    pub country: Option<String>,
    /// How far `country` can be trusted.
    pub confidence: Confidence,
    /// Every country given by a source, sorted, without repeats.
    pub candidates: Vec<String>,
    /// Autonomous system that announces the address.
    pub asn: Option<u32>,
    /// Registrant of that autonomous system, in the database's spelling.
    pub organisation: Option<String>,
    /// Stable id of the operator (`google`, `apple`), from the reviewed list.
    pub operator: Option<String>,
    /// Whether the operator's customers rent or share such addresses; the operator then does not
    /// say whose service answers. None without an operator.
    pub tenants: Option<bool>,
}

impl Location {
    /// Nothing is known.
    fn unknown() -> Self {
        Self {
            country: None,
            confidence: Confidence::Unknown,
            candidates: Vec::new(),
            asn: None,
            organisation: None,
            operator: None,
            tenants: None,
        }
    }
}

/// A database in use, as a report names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Database {
    /// `embedded`, or the file's name without its folder.
    pub source: String,
    /// The database type that the file states.
    pub kind: String,
    /// Unix seconds. Embedded: the date of its primary data. A file: the build time it states,
    /// which is not the age of its data.
    pub built: u64,
    /// SHA-256 in hexadecimal.
    pub sha256: String,
    /// The description in the file; for the embedded one the attribution that its licences ask for.
    pub attribution: String,
}

/// Answers where addresses are.
#[derive(Debug)]
pub struct Locator {
    sources: Vec<Source>,
}

impl Locator {
    /// Uses the embedded database. Costs the parsing of its metadata only.
    ///
    /// # Errors
    /// If the embedded file cannot be parsed, which a test rules out.
    pub fn embedded() -> Result<Self, LocateError> {
        let sha256 = EMBEDDED_SHA256
            .split_whitespace()
            .next()
            .unwrap_or_default();
        let source = Source::open("embedded", Cow::Borrowed(EMBEDDED), sha256.to_owned())?;
        Ok(Self {
            sources: vec![source],
        })
    }

    /// Uses these files and nothing of the embedded database; the reviewed lists stay in force.
    /// A file given twice counts once: it is one opinion, not two that agree.
    ///
    /// # Errors
    /// A file that cannot be read, is no sound MaxMind DB, or holds neither country nor AS.
    pub fn with_databases(paths: &[PathBuf]) -> Result<Self, LocateError> {
        let mut sources: Vec<Source> = Vec::new();
        for path in paths {
            let source = Source::read(path)?;
            if !sources.iter().any(|known| known.sha256 == source.sha256) {
                sources.push(source);
            }
        }
        Ok(Self { sources })
    }

    /// The databases in use, in the order given.
    pub fn databases(&self) -> Vec<Database> {
        self.sources.iter().map(Source::describe).collect()
    }

    /// Places an address. An IPv6 address that carries an IPv4 address (see [`embedded_ipv4`]) is
    /// placed by that one.
    pub fn place(&self, ip: IpAddr) -> Location {
        self.place_itself(embedded_ipv4(ip).map_or(ip, IpAddr::V4))
    }

    /// Places an address that a translator of the network turns into another. A router's word is
    /// taken; where only an answer says so, the databases' opinion of the IPv6 address stands beside
    /// that of the IPv4 one: what a resolver answers must not move a server to another country, nor
    /// to another operator.
    pub fn place_translated(&self, ip: IpAddr, inside: Translated) -> Location {
        let mut place = self.place(IpAddr::V4(inside.address));
        if inside.source == Announced::Router {
            return place;
        }
        let itself = self.place_itself(ip);
        place.candidates.extend(itself.candidates);
        place.candidates.sort_unstable();
        place.candidates.dedup();
        if place.candidates.len() > 1 && place.confidence != Confidence::Anycast {
            place.confidence = Confidence::Conflict;
        }
        if itself.asn.is_some() && itself.operator != place.operator {
            place.operator = None;
            place.tenants = None;
        }
        place
    }

    fn place_itself(&self, ip: IpAddr) -> Location {
        let mut place = Location::unknown();
        if ip.is_ipv6() && network::number(ip) <= u32::MAX.into() {
            // ::/96 holds the deprecated IPv4-compatible addresses (RFC 4291 §2.5.5.1), which are
            // routed nowhere; MaxMind DB files keep their IPv4 data there, which is not about them.
            return place;
        }
        let mut opinions: Vec<&'static str> = Vec::new();
        for source in &self.sources {
            let answer = source.answer(ip);
            opinions.extend(answer.countries.into_iter().flatten());
            place.asn = place.asn.or(answer.asn);
            place.organisation = place.organisation.or(answer.organisation);
        }
        if let Some(asn) = place.asn
            && let Some(found) = operator::operator(asn, ip)
        {
            place.operator = Some(found.id.to_owned());
            place.tenants = Some(found.tenants);
        }

        let primary = opinions.first().copied();
        let count = opinions.len();
        opinions.sort_unstable();
        opinions.dedup();
        place.confidence = match (opinions.len(), count) {
            _ if anycast::contains(ip) => Confidence::Anycast,
            (0, _) => Confidence::Unknown,
            (1, 1) => Confidence::Single,
            (1, _) => Confidence::Agreed,
            _ => Confidence::Conflict,
        };
        if place.confidence != Confidence::Anycast {
            place.country = primary.map(str::to_owned);
        }
        place.candidates = opinions.into_iter().map(str::to_owned).collect();
        place
    }
}

/// The IPv4 address that an IPv6 address carries: mapped `::ffff:0:0/96` (RFC 4291 §2.5.5.2),
/// NAT64 `64:ff9b::/96` (RFC 6052 §2.1), 6to4 `2002::/16` (RFC 3056 §2), Teredo `2001::/32`
/// (RFC 4380 §4: the client's address, stored inverted; the server's address is not the peer's).
///
/// Of the local NAT64 prefix (`64:ff9b:1::/48`, RFC 8215) a packet does not tell the length: it can
/// only be 96 where bits are set that would lie behind the address under every shorter one, and
/// should then be zero (RFC 6052 §2.2). Other prefixes have to be announced
/// ([`crate::ground::translation`]).
pub fn embedded_ipv4(ip: IpAddr) -> Option<Ipv4Addr> {
    let IpAddr::V6(ip) = ip else {
        return None;
    };
    if let Some(mapped) = ip.to_ipv4_mapped() {
        return Some(mapped);
    }
    let bits = ip.to_bits();
    let starts_with =
        |prefix: Ipv6Addr, length: u32| (bits ^ prefix.to_bits()).leading_zeros() >= length;
    // Keeping the low 32 bits is the point of these casts.
    let low = bits as u32;
    if starts_with(Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0), 96) {
        Some(Ipv4Addr::from_bits(low))
    } else if starts_with(Ipv6Addr::new(0x64, 0xff9b, 1, 0, 0, 0, 0, 0), 48) {
        /// Octets behind an address of the prefix length 64, and the one that is always zero.
        const BEHIND: u128 = 0x00ff_ffff;
        const ZERO: u128 = 0xff << 56;
        (bits & BEHIND != 0 && bits & ZERO == 0).then(|| Ipv4Addr::from_bits(low))
    } else if starts_with(Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16) {
        Some(Ipv4Addr::from_bits((bits >> 80) as u32))
    } else if starts_with(Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 32) {
        Some(Ipv4Addr::from_bits(!low))
    } else {
        None
    }
}

#[cfg(test)]
mod tests;
