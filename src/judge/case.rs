//! The case file: one TOML file that alone says what is audited (`check --case case.toml`).
//!
//! Read are TOML 1.1 and the keys of [`SCHEMA`], nothing else: an unknown key is an error, because a
//! misspelt one would silently not count. What a case file says is declared by the auditor and
//! repeated in the report; nothing of it was measured. Flags override it. It is named on the command
//! line and never searched for: evidence must not depend on files that happen to lie around.
//!
//! Every problem is one line with its place: `case.toml:12:8: what is wrong (what to write instead)`.
//!
//! [`load_moved`] reads the file and looks whether the files that it names are there; [`open`] does not look.
//! [`CaseFile::check_claims`] and [`Claim::to_judge`] read the claims. Once the captures were read,
//! [`CaseFile::verify_inputs`] compares declared hashes, and [`CaseFile::resolve`] times of both kinds.
//!
//! Times are true times: those of a capture plus its clock offset. A relative one counts from the
//! first packet of all sessions' captures by that time.

mod allowance;
mod capture;
mod claim;
mod form;
mod raw;
mod source;
mod subject;
#[cfg(test)]
mod tests;
mod value;
mod windows;

pub use capture::{Capture, Named, Purpose};
pub use claim::Claim;
pub use form::SCHEMA;
pub use raw::BaselineKind;
pub use subject::Subject;
pub use windows::{Event, EventKind, Window};

use crate::ground::error::{Error, reason};
use crate::ground::hex::hex;
use crate::ground::moment::Timestamp;

use crate::ground::{file, interval, text};
use crate::judge::agreement::{Allowance, Beacon, Edge};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use source::{Spot, Text, quoted};
use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use toml::de::DeTable;

/// Largest case file in bytes. People write them; what is larger is another file, named by mistake.
const FILE_MAX: u64 = 256 << 10;

/// Seconds of capture that a window needs, and of silence that are no gap, if nothing else is said.
const SECONDS: u64 = 60;

/// A case file, read and checked.
#[derive(Debug, Clone)]
pub struct CaseFile {
    /// The file, as it was named.
    pub path: String,
    /// SHA-256 of the file, in small hexadecimal digits.
    pub sha256: String,
    /// Title of the audit.
    pub title: Option<String>,
    /// The operator's country, ISO 3166-1 alpha-2.
    pub operator_country: Option<String>,
    /// Facts as the auditor reports them, by key.
    pub reported: BTreeMap<String, String>,
    /// The captures, in the order of the file.
    pub captures: Vec<Capture>,
    /// Whose traffic is under audit.
    pub subject: Subject,
    /// When the mode was on, in the order of the file; empty for the whole capture.
    pub windows: Vec<Window>,
    /// The auditor's own log, in the order of the file.
    pub events: Vec<Event>,
    /// What was fetched on purpose.
    pub beacons: Vec<Beacon>,
    /// The claims to judge; empty for the program's default.
    pub claims: Vec<Claim>,
    /// What the parties agreed on beforehand.
    pub allowances: Vec<Allowance>,
    /// Bounds of what counts as fit.
    pub limits: Limits,
    /// MaxMind DBs to use instead of the embedded one.
    pub geo: Vec<Named>,
    /// Host rows to add to the embedded catalog.
    pub catalog: Vec<Named>,
    /// Files with TLS secrets.
    pub keylog: Vec<Named>,
}

/// Bounds of what counts as fit, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Fewest seconds of capture in a window.
    pub minimum_seconds: u64,
    /// Longest silence that is no gap.
    pub time_gap_seconds: u64,
}

/// Reads a case file and looks whether the files that it names are there: `find` says where one lies
/// now, if not where the case file says.
///
/// # Errors
/// When it cannot be read, is not as it has to be, or names a file that is not there.
pub fn load_moved(path: &Path, find: &dyn Fn(&Path) -> Option<PathBuf>) -> Result<CaseFile, Error> {
    let mut case = open(path)?;
    case.move_files(find);
    case.check_files()?;
    Ok(case)
}

/// Reads a case file alone: of the files that it names nothing is looked at.
///
/// # Errors
/// When it cannot be read, or is not as it has to be.
pub fn open(path: &Path) -> Result<CaseFile, Error> {
    let place = path.display().to_string();
    let shown = text::terminal(&place).into_owned();
    let refuse = |e: std::io::Error| {
        Error::at(&shown, format!("cannot read the case file: {}", reason(&e)))
            .advise("check the path")
    };
    let mut bytes = Vec::new();
    let file = file::open(path).map_err(refuse)?;
    file.take(FILE_MAX.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(refuse)?;
    if bytes.len() as u64 > FILE_MAX {
        let what = format!("is larger than a case file can be ({FILE_MAX} bytes)");
        return Err(
            Error::at(shown, what).advise("name a TOML file; captures go behind the options")
        );
    }
    let written = std::str::from_utf8(&bytes).map_err(|e| {
        let before = bytes.get(..e.valid_up_to()).unwrap_or_default();
        let before = String::from_utf8_lossy(before);
        let text = Text::new(&place, &before);
        text.place(before.len())
            .error("is no UTF-8 text")
            .advise("save the file as UTF-8")
    })?;
    let folder = path.parent().unwrap_or(Path::new(""));
    CaseFile::read(&Arc::new(Text::new(&place, written)), folder)
}

impl CaseFile {
    /// Reads the text of a case file. `place` is its path: errors name it, and its folder is where
    /// paths in it start. No file is looked at.
    ///
    /// # Errors
    /// The first thing that is not as it has to be.
    pub fn parse(text: &str, place: &str) -> Result<Self, Error> {
        let folder = Path::new(place).parent().unwrap_or(Path::new(""));
        Self::read(&Arc::new(Text::new(place, text)), folder)
    }

    fn read(text: &Arc<Text>, folder: &Path) -> Result<Self, Error> {
        let root = DeTable::parse(&text.text).map_err(|e| syntax(text, &e))?;
        form::check(text, &root)?;
        let definitions = claim::definitions(text, root.get_ref())?;
        let raw = raw::Case::deserialize(toml::Deserializer::from(root))
            .map_err(|e| unreadable(text, &e))?;
        let files = |key: &str, spots: &[Spot<String>]| -> Result<Vec<Named>, Error> {
            spots
                .iter()
                .map(|path| capture::named(text, key, folder, path))
                .collect()
        };
        let case = Self {
            path: text.file.clone(),
            sha256: hex(&Sha256::digest(text.text.as_bytes())),
            title: optional(&raw.title, |title| value::filled(text, "title", title))?,
            operator_country: optional(&raw.operator_country, |code| value::country(text, code))?,
            reported: raw.reported,
            captures: capture::captures(text, folder, &raw.captures)?,
            subject: subject::subject(text, &raw.subject)?,
            windows: all(&raw.windows, |window| Window::read(text, window))?,
            events: all(&raw.events, |event| Event::read(text, event))?,
            beacons: beacons(text, &raw.beacons)?,
            claims: {
                let mut ids = Ids::default();
                let entries = raw.claims.into_iter().zip(definitions);
                entries
                    .map(|(raw, entry)| claim::read(text, &mut ids, raw, entry))
                    .collect::<Result<_, _>>()?
            },
            allowances: {
                let mut ids = Ids::default();
                let read = |raw: &raw::Allowance| {
                    ids.add(text, "allowance", &raw.id)?;
                    allowance::read(text, raw)
                };
                all(&raw.allowances, read)?
            },
            limits: Limits {
                minimum_seconds: seconds(&raw.limits.minimum_seconds),
                time_gap_seconds: seconds(&raw.limits.time_gap_seconds),
            },
            geo: files("geo", &raw.audit.geo)?,
            catalog: files("catalog", &raw.audit.catalog)?,
            keylog: files("keylog", &raw.audit.keylog)?,
        };
        windows::check(&case.windows, &case.events, None)?;
        Ok(case)
    }

    /// Puts the files that it names where they lie now.
    fn move_files(&mut self, find: &dyn Fn(&Path) -> Option<PathBuf>) {
        let captures = self.captures.iter_mut().map(|c| &mut c.file);
        let data = self.geo.iter_mut().chain(&mut self.catalog);
        for file in captures.chain(data).chain(&mut self.keylog) {
            if let Some(now) = find(&file.path) {
                file.path = now;
            }
        }
    }

    /// The captures that are audited.
    pub fn sessions(&self) -> impl Iterator<Item = &Capture> {
        self.captures
            .iter()
            .filter(|capture| capture.purpose == Purpose::Session)
    }

    /// The captures that are compared with.
    pub fn baselines(&self) -> impl Iterator<Item = (&Capture, BaselineKind)> {
        self.captures
            .iter()
            .filter_map(|capture| match capture.purpose {
                Purpose::Session => None,
                Purpose::Baseline(kind) => Some((capture, kind)),
            })
    }

    /// The windows in absolute time, in the order of [`CaseFile::windows`], given the time of the first
    /// packet.
    ///
    /// # Errors
    /// Windows and phases that turn out to be in the wrong order, to overlap, or to lie outside.
    pub fn resolve(&self, first: Timestamp) -> Result<Vec<interval::Window>, Error> {
        windows::check(&self.windows, &self.events, Some(first))?;
        Ok(windows::resolve(&self.windows, first))
    }

    /// Notes about allowances that had ended when the capture began: they cover nothing any more.
    pub fn expired(&self, first: Timestamp) -> Vec<String> {
        let ended = self.allowances.iter().filter(|a| a.expired_at(first));
        ended
            .map(|allowance| {
                format!(
                    "{}: allowance '{}' ended on {}, before the capture began; it covers nothing",
                    allowance.place, allowance.id, allowance.expires
                )
            })
            .collect()
    }
}

/// What the TOML reader says, with what to do.
fn syntax(text: &Text, error: &toml::de::Error) -> Error {
    let said = text::terminal(error.message());
    let (what, expected) = said.split_once(", expected ").unwrap_or((&said, ""));
    let advice = if what.starts_with("string values must be quoted") {
        "write it in quotes: \"…\"".to_owned()
    } else if what == "duplicate key" {
        "keep one of them; of several tables of a name each has the header [[name]]".to_owned()
    } else if matches!(expected, "" | "nothing") {
        "see https://toml.io".to_owned()
    } else {
        format!("TOML expects {expected} here")
    };
    let span = error.span().unwrap_or_default();
    text.error(&span, format!("is no TOML: {what}"))
        .advise(advice)
}

/// What a reader of TOML refuses though it has the right form.
fn unreadable(text: &Text, error: &toml::de::Error) -> Error {
    let span = error.span().unwrap_or_default();
    text.error(&span, text::terminal(error.message()))
        .advise("write another value")
}

fn all<R, T>(raw: &[R], read: impl FnMut(&R) -> Result<T, Error>) -> Result<Vec<T>, Error> {
    raw.iter().map(read).collect()
}

fn optional<R, T>(
    raw: &Option<R>,
    read: impl FnOnce(&R) -> Result<T, Error>,
) -> Result<Option<T>, Error> {
    raw.as_ref().map(read).transpose()
}

fn seconds(raw: &Option<Spot<i64>>) -> u64 {
    let given = raw.as_ref().and_then(|spot| u64::try_from(spot.value).ok());
    given.unwrap_or(SECONDS)
}

/// Ids that were given, each with its line.
#[derive(Default)]
struct Ids(BTreeMap<String, usize>);

impl Ids {
    fn add(&mut self, text: &Text, what: &str, spot: &Spot<String>) -> Result<(), Error> {
        let line = text.place(spot.span.start).line;
        match self.0.insert(spot.value.clone(), line) {
            None => Ok(()),
            Some(before) => {
                let what = format!(
                    "{what} {} stands in line {before} already",
                    quoted(&spot.value)
                );
                Err(text
                    .error(&spot.span, what)
                    .advise("keep one, or give each its own"))
            }
        }
    }
}

fn beacons(text: &Text, raw: &[raw::Beacon]) -> Result<Vec<Beacon>, Error> {
    let mut ids = Ids::default();
    all(raw, |raw| {
        ids.add(text, "the beacon", &raw.host)?;
        Ok(Beacon {
            host: value::host(text, &raw.host)?,
            at: raw.at.unwrap_or(Edge::Both),
            place: text.place(raw.host.span.start),
        })
    })
}
