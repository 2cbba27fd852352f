//! The keys of a case file, each defined once: what is read here is what the schema shows, which the tests make.
//!
//! The sentence above each key is its description in the schema, and its example is what an error
//! suggests. Values keep their place in the file; what they mean is read later.

#[cfg(test)]
mod schema;

use super::source::Spot;
use crate::judge::agreement::Edge;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;

/// Most seconds of a limit: a year, past which it would no longer limit anything.
#[cfg(test)]
const SECONDS_MAX: i64 = 31_536_000;

/// What an auditor declares about one audit: the captures, whose traffic counts, when the mode was
/// on, which claims are judged, and what the parties agreed on beforehand.
///
/// All of it is reported, none of it measured. Paths start from the folder of the case file.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[cfg_attr(test, schemars(title = "Case file of drone-audit"))]
pub(super) struct Case {
    /// Title of the audit.
    #[cfg_attr(test, schemars(example = &"DJI Pilot 2, Local Data Mode, test flight 3"))]
    pub(super) title: Option<Spot<String>>,
    /// The country in which the operator is a customer: ISO 3166-1 alpha-2, in capital letters.
    #[cfg_attr(test, schemars(example = &"US"))]
    pub(super) operator_country: Option<Spot<String>>,
    /// Facts as the auditor reports them, repeated in the report and never judged: `device`,
    /// `serial`, `firmware`, `app`, `version`, `build_channel`, `region`, or any other key, each
    /// with a text.
    #[serde(default)]
    pub(super) reported: BTreeMap<String, String>,
    /// The captures, in any order.
    #[serde(default)]
    pub(super) captures: Vec<Capture>,
    /// Whose traffic is under audit, and what is local.
    #[serde(default)]
    pub(super) subject: Subject,
    /// When the mode was on, by the true time (clock offsets applied); without any, the whole
    /// capture. Windows do not overlap.
    #[serde(default)]
    pub(super) windows: Vec<Window>,
    /// The auditor's own log.
    #[serde(default)]
    pub(super) events: Vec<Event>,
    /// Names that the auditor fetched on purpose so that the captures have to show them: a beacon
    /// that is missing means that the capture misses traffic.
    #[serde(default)]
    pub(super) beacons: Vec<Beacon>,
    /// Claims to judge; without any, the default of the program.
    #[serde(default)]
    pub(super) claims: Vec<Claim>,
    /// Traffic that the parties agreed on beforehand: what is covered stays in the report, marked,
    /// and moves no verdict.
    #[serde(default)]
    pub(super) allowances: Vec<Allowance>,
    /// Bounds of what counts as fit; the report records them.
    #[serde(default)]
    pub(super) limits: Limits,
    /// Further files that the audit reads, as the options of the same names give them.
    #[serde(default)]
    pub(super) audit: Audit,
}

/// A capture file.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct Capture {
    /// The file: pcap or pcapng, also compressed.
    #[cfg_attr(test, schemars(example = &"captures/flight.pcapng"))]
    pub(super) path: Spot<String>,
    /// SHA-256 of the file as it was when it was secured: 64 hexadecimal digits. An audit of other
    /// bytes is refused.
    #[cfg_attr(test, schemars(example = &"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"))]
    pub(super) sha256: Option<Spot<String>>,
    /// What has to be added to the capture's clock to get the true time: a length with its sign.
    #[cfg_attr(test, schemars(example = &"+1.5s"))]
    pub(super) clock_offset: Option<Spot<String>>,
    /// Name of the series that the file belongs to: files of one series follow one another and
    /// are one vantage point.
    #[cfg_attr(test, schemars(example = &"phone"))]
    pub(super) series: Option<Spot<String>>,
    /// What the capture is for; `session` if not given.
    #[cfg_attr(test, schemars(example = &"session"))]
    pub(super) role: Option<Spot<Role>>,
    /// What a baseline was recorded without; only there, and required there.
    #[cfg_attr(test, schemars(example = &"without-app"))]
    pub(super) kind: Option<Spot<BaselineKind>>,
}

/// What a capture is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// It is audited.
    Session,
    /// It is compared with, and not audited.
    Baseline,
}

/// What a baseline was recorded without.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum BaselineKind {
    /// The same device, and the app was not running: it explains background traffic.
    WithoutApp,
    /// The same app, and the mode was off: it shows what the mode has to stop.
    WithoutMode,
}

impl BaselineKind {
    /// The word in the case file.
    pub fn id(self) -> &'static str {
        match self {
            Self::WithoutApp => "without-app",
            Self::WithoutMode => "without-mode",
        }
    }
}

/// Whose traffic is under audit, and what is local.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct Subject {
    /// Apps as the capture labels them: package, process or app names (`*` stands for any text).
    #[serde(default)]
    #[cfg_attr(test, schemars(example = ["dji.pilot2"]))]
    pub(super) apps: Vec<Spot<String>>,
    /// User ids of apps, where the capture labels packets with those.
    #[serde(default)]
    #[cfg_attr(test, schemars(example = [10234]))]
    pub(super) uids: Vec<Spot<i64>>,
    /// Devices by IP or MAC address, or `all` alone if the captures hold no other.
    #[serde(default)]
    #[cfg_attr(test, schemars(example = ["192.168.1.50"]))]
    pub(super) devices: Vec<Spot<String>>,
    /// Further networks to treat as local.
    #[serde(default)]
    #[cfg_attr(test, schemars(example = ["203.0.113.0/24"]))]
    pub(super) local_networks: Vec<Spot<String>>,
}

/// A time in which the mode was on.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct Window {
    /// Its name in the report.
    #[cfg_attr(test, schemars(example = &"flight"))]
    pub(super) name: Spot<String>,
    /// First instant inside.
    #[cfg_attr(test, schemars(example = &"+60s"))]
    pub(super) start: Spot<Time>,
    /// First instant outside.
    #[cfg_attr(test, schemars(example = &"+660s"))]
    pub(super) end: Spot<Time>,
    /// Length after the start and before the end in which traffic contradicts nothing alone,
    /// because a hand is slower than a packet; `5s` if not given.
    #[cfg_attr(test, schemars(example = &"5s"))]
    pub(super) grace: Option<Spot<String>>,
    /// Its parts; they lie inside the window and do not overlap.
    #[serde(default)]
    pub(super) phases: Vec<Phase>,
}

/// A part of a window.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct Phase {
    /// `launch`, `connect`, `fly`, `land`, `background`, or a word of your own.
    #[cfg_attr(test, schemars(example = &"fly"))]
    pub(super) name: Spot<String>,
    /// First instant inside.
    #[cfg_attr(test, schemars(example = &"+120s"))]
    pub(super) start: Spot<Time>,
    /// First instant outside.
    #[cfg_attr(test, schemars(example = &"+600s"))]
    pub(super) end: Spot<Time>,
}

/// A line of the auditor's log.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct Event {
    /// When it happened or began.
    #[cfg_attr(test, schemars(example = &"+90s"))]
    pub(super) at: Spot<Time>,
    /// When it ended; instead of `for`.
    #[cfg_attr(test, schemars(example = &"+120s"))]
    pub(super) until: Option<Spot<Time>>,
    /// How long it took; instead of `until`.
    #[serde(rename = "for")]
    #[cfg_attr(test, schemars(example = &"30s"))]
    pub(super) lasting: Option<Spot<String>>,
    /// `share` (the user uploads something on purpose; needs `until` or `for`), `mode-on`,
    /// `mode-off`, or a word of your own.
    #[cfg_attr(test, schemars(example = &"share"))]
    pub(super) kind: Spot<String>,
    /// What happened, in words.
    #[cfg_attr(test, schemars(example = &"Shared one photo from the album"))]
    pub(super) text: Option<String>,
}

/// A name that the auditor fetched on purpose.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct Beacon {
    /// The host name.
    #[cfg_attr(test, schemars(example = &"beacon.example.org"))]
    pub(super) host: Spot<String>,
    /// At which end of each window it was fetched; `both` if not given.
    #[cfg_attr(test, schemars(example = &"both"))]
    pub(super) at: Option<Edge>,
}

/// A claim to judge. What the grammar of claims has beyond these keys is read by it.
#[derive(Debug, Deserialize)]
pub(super) struct Claim {
    pub(super) id: Spot<String>,
    pub(super) preset: Option<Spot<String>>,
    #[serde(default)]
    pub(super) parameters: toml::Table,
    pub(super) statement: Option<Spot<String>>,
    pub(super) source: Option<Spot<String>>,
}

/// Traffic that the parties agreed on beforehand.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct Allowance {
    /// Its id in the report.
    #[cfg_attr(test, schemars(example = &"map-tiles"))]
    pub(super) id: Spot<String>,
    /// Ids of the claims that it holds for; all if not given.
    #[serde(default)]
    #[cfg_attr(test, schemars(example = ["local-data-mode"], length(min = 1)))]
    pub(super) claims: Vec<Spot<String>>,
    /// Host names, or `*.` and a name for all names below it. A name is what the app asserted:
    /// without `addresses` it covers only names of the catalog at addresses of their owner, and 64 kB
    /// of payload out each unless a budget is given.
    #[serde(default)]
    #[cfg_attr(test, schemars(example = ["tiles.example.org"], length(min = 1)))]
    pub(super) hosts: Vec<Spot<String>>,
    /// Addresses and networks. With `hosts` given too, both have to fit.
    #[serde(default)]
    #[cfg_attr(test, schemars(example = ["203.0.113.0/24"], length(min = 1)))]
    pub(super) addresses: Vec<Spot<String>>,
    /// Apps as the capture labels them; with any given, traffic without a label is not covered.
    #[serde(default)]
    #[cfg_attr(test, schemars(example = ["dji.pilot2"], length(min = 1)))]
    pub(super) apps: Vec<Spot<String>>,
    /// Why it was agreed on.
    #[cfg_attr(test, schemars(example = &"The map was left on for the test, as agreed"))]
    pub(super) reason: Spot<String>,
    /// Last day on which it holds (UTC).
    #[cfg_attr(test, schemars(example = &"2025-12-31"))]
    pub(super) expires: Spot<Day>,
    /// Most payload out that it covers over the windows, all destinations together: bytes, or a
    /// text with a unit.
    #[cfg_attr(test, schemars(example = &"64KiB"))]
    pub(super) budget_bytes: Option<Spot<Size>>,
}

/// Bounds of what counts as fit.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct Limits {
    /// Fewest seconds of capture in a window for `consistent`; 60 if not given.
    #[cfg_attr(test, schemars(example = 60, range(min = 1, max = SECONDS_MAX)))]
    pub(super) minimum_seconds: Option<Spot<i64>>,
    /// Longest silence in seconds between packets that is no gap; 60 if not given.
    #[cfg_attr(test, schemars(example = 60, range(min = 1, max = SECONDS_MAX)))]
    pub(super) time_gap_seconds: Option<Spot<i64>>,
}

/// Further files that the audit reads.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct Audit {
    /// MaxMind DBs to use instead of the embedded one.
    #[serde(default)]
    #[cfg_attr(test, schemars(example = ["country.mmdb"]))]
    pub(super) geo: Vec<Spot<String>>,
    /// Host rows to add to the embedded catalog or to replace in it.
    #[serde(default)]
    #[cfg_attr(test, schemars(example = ["hosts.tsv"]))]
    pub(super) catalog: Vec<Spot<String>>,
    /// TLS secrets in the form of SSLKEYLOGFILE.
    #[serde(default)]
    #[cfg_attr(test, schemars(example = ["keys.log"]))]
    pub(super) keylog: Vec<Spot<String>>,
}

/// The text of a time; TOML has times of its own, which need no quotes.
#[derive(Debug)]
pub(super) struct Time(pub(super) String);

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        written(from).map(Self)
    }
}

/// The text of a day, with or without quotes.
#[derive(Debug)]
pub(super) struct Day(pub(super) String);

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        written(from).map(Self)
    }
}

/// A text, or a date or time of TOML as text.
fn written<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    match toml::Value::deserialize(from)? {
        toml::Value::String(text) => Ok(text),
        toml::Value::Datetime(time) => Ok(time.to_string()),
        other => Err(D::Error::custom(format!("{} is no time", other.type_str()))),
    }
}

/// A number of bytes, or its text with a unit.
#[derive(Debug)]
pub(super) enum Size {
    /// Bytes.
    Bytes(i64),
    /// Number and unit.
    Text(String),
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        match toml::Value::deserialize(from)? {
            toml::Value::Integer(bytes) => Ok(Self::Bytes(bytes)),
            toml::Value::String(text) => Ok(Self::Text(text)),
            other => Err(D::Error::custom(format!("{} is no size", other.type_str()))),
        }
    }
}
