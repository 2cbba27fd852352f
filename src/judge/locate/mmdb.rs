//! Reads answers out of one MaxMind DB (format 2.0, maxmind.github.io/MaxMind-DB).
//!
//! Country, first hit: `country.iso_code` (MaxMind), `country_code` (flat files), `country` as a
//! string. `registered_country` is not read: where a network was registered is not where it is.
//! AS: `autonomous_system_number` or `asn`, a number or `AS` and digits.
//! Files of the program's own type also carry the second source's opinion (see [`OWN_TYPE`]).

use std::borrow::Cow;
use std::collections::HashSet;
use std::io::Read;
use std::net::IpAddr;
use std::path::Path;

use maxminddb::{LookupResult, PathElement, Reader, WithinOptions};
use serde::Deserialize;
use serde::de::IgnoredAny;
use sha2::{Digest, Sha256};

use crate::ground::file;

use super::{Database, LocateError, country};

/// Type of the program's own database. Its records: `country` (the primary source's answer, or the
/// only one), `alt` (the second source's, where it differs), `single` (the source's name, where
/// only one knows the network), `asn` and `org` for reviewed operators.
pub(super) const OWN_TYPE: &str = "drone-audit-country-asn";

/// Largest database file that is loaded, in bytes. City databases of the trade stay below it; the
/// bound keeps a wrong path (a device, an endless pipe) from filling the memory.
const FILE_MAX: u64 = 2 << 30;

/// A binary tree has at most one leaf more than nodes; more than this many per node is a cycle.
const LEAVES_PER_NODE_MAX: u64 = 3;

/// One open database.
#[derive(Debug)]
pub(super) struct Source {
    name: String,
    reader: Reader<Cow<'static, [u8]>>,
    /// SHA-256 of the file, in hexadecimal.
    pub(super) sha256: String,
    own: bool,
}

/// What one database says about one address.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Answer {
    /// One entry per opinion; equal entries are opinions that agree.
    pub(super) countries: [Option<&'static str>; 2],
    /// Autonomous system.
    pub(super) asn: Option<u32>,
    /// Its registrant.
    pub(super) organisation: Option<String>,
}

/// A record of the program's own type.
#[derive(Deserialize)]
struct OwnRecord<'a> {
    country: Option<&'a str>,
    alt: Option<&'a str>,
    single: Option<&'a str>,
    asn: Option<u32>,
    org: Option<&'a str>,
}

type Found<'a> = LookupResult<'a, Cow<'static, [u8]>>;

impl Source {
    /// Opens a database that is already in memory, without checking all of it.
    pub(super) fn open(
        name: &str,
        bytes: Cow<'static, [u8]>,
        sha256: String,
    ) -> Result<Self, LocateError> {
        let reader = Reader::from_source(bytes).map_err(|error| damaged(name, &error))?;
        let own = reader.metadata().database_type == OWN_TYPE;
        Ok(Self {
            name: name.to_owned(),
            reader,
            sha256,
            own,
        })
    }

    /// Reads and checks a user's file.
    pub(super) fn read(path: &Path) -> Result<Self, LocateError> {
        let file = path.display().to_string();
        let failed = |error| LocateError::Read {
            file: file.clone(),
            error,
        };
        let mut bytes = Vec::new();
        file::open(path)
            .map_err(failed)?
            .take(FILE_MAX + 1)
            .read_to_end(&mut bytes)
            .map_err(failed)?;
        if u64::try_from(bytes.len()).is_ok_and(|length| length > FILE_MAX) {
            return Err(LocateError::TooLarge {
                file,
                limit: FILE_MAX,
            });
        }
        let sha256 = Sha256::digest(&bytes)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let mut source = Self::open(&file, Cow::Owned(bytes), sha256)?;
        source.verify().map_err(|detail| LocateError::Damaged {
            file: file.clone(),
            detail,
        })?;
        if !source.has_answers() {
            return Err(LocateError::NoAnswers {
                kind: printable(&source.reader.metadata().database_type),
                file,
            });
        }
        if let Some(name) = path.file_name() {
            source.name = name.to_string_lossy().into_owned();
        }
        Ok(source)
    }

    /// Checks the whole file: search tree and every record.
    ///
    /// The reader's own check insists on a description, which widespread files (the flat ones of
    /// ip-location-db) lack; for those the same walk is made here.
    fn verify(&self) -> Result<(), String> {
        let metadata = self.reader.metadata();
        let text = |error: maxminddb::MaxMindDbError| printable(&error.to_string());
        if !metadata.description.is_empty() {
            return self.reader.verify().map_err(text);
        }
        let mut left = u64::from(metadata.node_count).saturating_mul(LEAVES_PER_NODE_MAX);
        let mut seen: HashSet<usize> = HashSet::new();
        for found in self
            .reader
            .networks(WithinOptions::default())
            .map_err(text)?
        {
            let found = found.map_err(text)?;
            left = left.checked_sub(1).ok_or("the search tree has a cycle")?;
            if found.offset().is_some_and(|offset| seen.insert(offset)) {
                found.decode::<IgnoredAny>().map_err(text)?;
            }
        }
        Ok(())
    }

    /// Whether any network of the file has a country or an AS. Stops at the first that has.
    fn has_answers(&self) -> bool {
        let Ok(networks) = self.reader.networks(WithinOptions::default()) else {
            return false;
        };
        networks.flatten().any(|found| {
            let answer = self.read_record(&found);
            answer.asn.is_some() || answer.countries.iter().any(Option::is_some)
        })
    }

    /// How a report names this database.
    pub(super) fn describe(&self) -> Database {
        let metadata = self.reader.metadata();
        let description = metadata
            .description
            .get("en")
            .or_else(|| metadata.description.values().next());
        Database {
            source: self.name.clone(),
            kind: metadata.database_type.clone(),
            built: metadata.build_epoch,
            sha256: self.sha256.clone(),
            attribution: description.cloned().unwrap_or_default(),
        }
    }

    /// What the database says about an address. A record that cannot be read says nothing, and so
    /// does an IPv4-only file about an IPv6 address.
    pub(super) fn answer(&self, ip: IpAddr) -> Answer {
        match self.reader.lookup(ip) {
            Ok(found) => self.read_record(&found),
            Err(_) => Answer::default(),
        }
    }

    fn read_record(&self, found: &Found<'_>) -> Answer {
        if self.own {
            read_own(found)
        } else {
            read_foreign(found)
        }
    }
}

/// Reads a record of the program's own type, with both opinions.
fn read_own(found: &Found<'_>) -> Answer {
    let Ok(Some(record)) = found.decode::<OwnRecord<'_>>() else {
        return Answer::default();
    };
    let first = record.country.and_then(country::code);
    let second = match (record.alt, record.single) {
        (_, Some(_)) => None,
        (Some(alt), None) => country::code(alt),
        (None, None) => first,
    };
    Answer {
        countries: [first, second],
        asn: record.asn,
        organisation: record.org.map(str::to_owned),
    }
}

/// Reads a record of anybody else's: one opinion.
fn read_foreign(found: &Found<'_>) -> Answer {
    let place = text(found, &["country", "iso_code"])
        .or_else(|| text(found, &["country_code"]))
        .or_else(|| text(found, &["country"]))
        .and_then(country::code);
    Answer {
        countries: [place, None],
        asn: asn(found, "autonomous_system_number").or_else(|| asn(found, "asn")),
        organisation: ["autonomous_system_organization", "org", "as_name"]
            .into_iter()
            .find_map(|key| text(found, &[key]))
            .filter(|name| !name.is_empty())
            .map(str::to_owned),
    }
}

/// The string at a path; none when there is none or it is something else.
fn text<'a>(found: &Found<'a>, path: &[&str]) -> Option<&'a str> {
    let path: Vec<PathElement<'_>> = path.iter().map(|key| PathElement::Key(key)).collect();
    found.decode_path::<&'a str>(&path).ok().flatten()
}

/// The AS number under a key, written as a number or as `AS64500`. 0 stands for none.
fn asn(found: &Found<'_>, key: &str) -> Option<u32> {
    let number = found.decode_path::<u32>(&[PathElement::Key(key)]);
    let number = number.ok().flatten().or_else(|| {
        let digits = text(found, &[key])?;
        digits.strip_prefix("AS").unwrap_or(digits).parse().ok()
    })?;
    (number != 0).then_some(number)
}

fn damaged(file: &str, error: &maxminddb::MaxMindDbError) -> LocateError {
    LocateError::Damaged {
        file: file.to_owned(),
        detail: printable(&error.to_string()),
    }
}

/// Text from a file, fit for a one-line message.
fn printable(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { '?' } else { c })
        .collect()
}

/// Writes tiny MaxMind DB files for tests, so that no opaque binary is needed.
#[cfg(test)]
pub(super) mod craft {
    use crate::judge::locate::network::Network;

    /// A value of a record.
    pub(crate) enum Value {
        Text(&'static str),
        Number(u32),
        /// uint16, as the metadata wants it.
        Short(u16),
        /// uint64, as the metadata wants it.
        Long(u64),
        /// An array without entries.
        Nothing,
        Map(Vec<(&'static str, Value)>),
    }

    fn encode(value: &Value, out: &mut Vec<u8>) {
        match value {
            Value::Text(text) => {
                let length = u8::try_from(text.len()).unwrap();
                // Lengths from 29 on take a further byte (format 2.0, "Payload size").
                match length.checked_sub(29) {
                    Some(rest) => out.extend([2 << 5 | 29, rest]),
                    None => out.push(2 << 5 | length),
                }
                out.extend(text.as_bytes());
            }
            Value::Number(number) => {
                out.push(6 << 5 | 4);
                out.extend(number.to_be_bytes());
            }
            Value::Short(number) => {
                out.push(5 << 5 | 2);
                out.extend(number.to_be_bytes());
            }
            Value::Long(number) => {
                // An extended type: 9 is written as 0, then 9 - 7.
                out.extend([8, 2]);
                out.extend(number.to_be_bytes());
            }
            // Another extended type: 11.
            Value::Nothing => out.extend([0, 4]),
            Value::Map(entries) => {
                out.push(7 << 5 | u8::try_from(entries.len()).unwrap());
                for (key, value) in entries {
                    encode(&Value::Text(key), out);
                    encode(value, out);
                }
            }
        }
    }

    /// As [`described`], with a description.
    pub(crate) fn database(kind: &'static str, version: u16, rows: &[(&str, Value)]) -> Vec<u8> {
        described(kind, version, rows, vec![("en", Value::Text("made up"))])
    }

    /// A database of the given type over IPv4 (`version` 4) or IPv6 networks with their records.
    pub(crate) fn described(
        kind: &'static str,
        version: u16,
        rows: &[(&str, Value)],
        description: Vec<(&'static str, Value)>,
    ) -> Vec<u8> {
        const EMPTY: u32 = u32::MAX;
        const DATA: u32 = 1 << 31;
        let bits: u32 = if version == 6 { 128 } else { 32 };
        let mut nodes: Vec<[u32; 2]> = vec![[EMPTY; 2]];
        let mut data: Vec<u8> = Vec::new();
        for (text, value) in rows {
            let network = Network::parse(text).unwrap();
            let own_bits: u32 = if network.v6 { 128 } else { 32 };
            let depth = bits - (network.last - network.first + 1).trailing_zeros();
            assert!(own_bits <= bits && depth > 0);
            let mut node = 0;
            for level in 0..depth {
                let side = usize::from(network.first >> (bits - 1 - level) & 1 == 1);
                if level + 1 == depth {
                    nodes[node][side] = DATA | u32::try_from(data.len()).unwrap();
                } else {
                    if nodes[node][side] == EMPTY {
                        nodes[node][side] = u32::try_from(nodes.len()).unwrap();
                        nodes.push([EMPTY; 2]);
                    }
                    node = usize::try_from(nodes[node][side]).unwrap();
                }
            }
            encode(value, &mut data);
        }
        let count = u32::try_from(nodes.len()).unwrap();
        let mut file = Vec::new();
        for record in nodes.into_iter().flatten() {
            let record = match record {
                EMPTY => count,
                data if data & DATA != 0 => count + 16 + (data & !DATA),
                node => node,
            };
            file.extend(&record.to_be_bytes()[1..]);
        }
        file.extend([0; 16]);
        file.extend(data);
        file.extend(b"\xab\xcd\xefMaxMind.com");
        let metadata = Value::Map(vec![
            ("node_count", Value::Number(count)),
            ("record_size", Value::Short(24)),
            ("ip_version", Value::Short(version)),
            ("database_type", Value::Text(kind)),
            ("binary_format_major_version", Value::Short(2)),
            ("binary_format_minor_version", Value::Short(0)),
            ("languages", Value::Nothing),
            ("build_epoch", Value::Long(1_700_000_000)),
            ("description", Value::Map(description)),
        ]);
        encode(&metadata, &mut file);
        file
    }
}

#[cfg(test)]
mod tests {
    use super::craft::{Value, database, described};
    use super::*;

    fn answer(kind: &'static str, record: Vec<(&'static str, Value)>) -> Answer {
        let bytes = database(kind, 4, &[("192.0.2.0/24", Value::Map(record))]);
        let source = Source::open("t", Cow::Owned(bytes), String::new()).unwrap();
        source.reader.verify().unwrap();
        assert_eq!(
            source.answer("192.0.3.1".parse().unwrap()),
            Answer::default()
        );
        assert_eq!(
            source.answer("2001:db8::1".parse().unwrap()),
            Answer::default()
        );
        source.answer("192.0.2.77".parse().unwrap())
    }

    #[test]
    fn country_paths_of_other_vendors_in_order() {
        use Value::{Map, Number, Text};
        let country = |record| answer("x", record).countries;
        let iso = || Map(vec![("iso_code", Text("HK"))]);
        assert_eq!(
            country(vec![("country", iso()), ("country_code", Text("CN"))]),
            [Some("HK"), None]
        );
        assert_eq!(
            country(vec![
                ("country_code", Text("de")),
                ("country", Text("France"))
            ]),
            [Some("DE"), None]
        );
        assert_eq!(country(vec![("country", Text("FR"))]), [Some("FR"), None]);
        assert_eq!(country(vec![("country", Text("Francia"))]), [None, None]);
        assert_eq!(country(vec![("registered_country", iso())]), [None, None]);
        assert_eq!(country(vec![("country", Number(7))]), [None, None]);
        assert_eq!(country(vec![("country_code", Text("A1"))]), [None, None]);
    }

    #[test]
    fn as_numbers_of_other_vendors() {
        use Value::{Number, Text};
        let found = answer(
            "x",
            vec![
                ("autonomous_system_number", Number(64500)),
                ("autonomous_system_organization", Text("Example")),
            ],
        );
        assert_eq!(
            (found.asn, found.organisation.as_deref()),
            (Some(64500), Some("Example"))
        );
        assert_eq!(answer("x", vec![("asn", Text("AS64501"))]).asn, Some(64501));
        assert_eq!(answer("x", vec![("asn", Number(0))]).asn, None);
        assert_eq!(answer("x", vec![("asn", Text("none"))]).asn, None);
    }

    #[test]
    fn own_records_keep_both_opinions_apart() {
        use Value::Text;
        let country = |record| answer(OWN_TYPE, record).countries;
        let us = || ("country", Text("US"));
        assert_eq!(country(vec![us()]), [Some("US"), Some("US")]);
        assert_eq!(
            country(vec![us(), ("alt", Text("CN"))]),
            [Some("US"), Some("CN")]
        );
        assert_eq!(
            country(vec![us(), ("single", Text("dbip"))]),
            [Some("US"), None]
        );
        assert_eq!(country(vec![("asn", Value::Number(714))]), [None, None]);
    }

    /// The files of ip-location-db state no description; they must be usable all the same.
    #[test]
    fn a_file_without_a_description_is_checked_and_used() {
        let record = || Value::Map(vec![("country_code", Value::Text("US"))]);
        let rows = || [("192.0.2.0/24", record()), ("2001:db8::/32", record())];
        let sound = described("x", 6, &rows(), Vec::new());
        let open = |bytes| Source::open("t", Cow::Owned(bytes), String::new()).unwrap();
        assert_eq!(open(sound.clone()).verify(), Ok(()));

        // Both records of the root lead back to it.
        let mut cycle = sound;
        cycle.splice(..6, [0; 6]);
        assert!(open(cycle).verify().is_err());
    }

    /// Any single damaged byte ends in an error or an answer, never in a panic or a hang.
    #[test]
    fn damaged_files_do_no_harm() {
        let record = || {
            Value::Map(vec![
                ("country", Value::Map(vec![("iso_code", Value::Text("US"))])),
                ("asn", Value::Number(64500)),
            ])
        };
        for description in [Vec::new(), vec![("en", Value::Text("made up"))]] {
            let sound = described("x", 4, &[("192.0.2.0/24", record())], description);
            for index in 0..sound.len() {
                for flip in [0x01, 0x80, 0xff] {
                    let mut bytes = sound.clone();
                    if let Some(byte) = bytes.get_mut(index) {
                        *byte ^= flip;
                    }
                    let Ok(source) = Source::open("t", Cow::Owned(bytes), String::new()) else {
                        continue;
                    };
                    if source.verify().is_ok() {
                        source.has_answers();
                        source.answer("192.0.2.77".parse().unwrap());
                        source.answer("255.255.255.255".parse().unwrap());
                        source.describe();
                    }
                }
            }
        }
    }
}
