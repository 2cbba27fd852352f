//! The report model, version 1: what every format is written from, and none knows more.
//!
//! Names and meanings are the contract's ("The JSON report"); fields are only ever added. Unknown
//! values are `null`, and a field is always present. All lists have a total order.
//!
//! Closed lists of words are the enums of those who judge. What moves a verdict or a colour (verdict,
//! confidence, attribution, scope, stage, what a label says, confidence of a country, kind of a baseline) is
//! refused on reading where this version does not know it: half a meaning would be a wrong one. What later
//! versions add without moving anything (gaps, which say for themselves whether they block; sources of names
//! and labels; kinds of personal data, clocks and makers) is [`Open`] and repeated as it stands. Ids of claims,
//! rules, reasons, roles and allowances are text: case files and catalogs make their own.

mod declared;
mod measured;

pub use declared::{Allowance, Beacon, CaseFile, Event, Phase};
pub use measured::{
    Baseline, Clock, Content, Contrast, Group, GroupSlot, PhaseExposure, Silence, Slot, Timeline,
};

use crate::evidence::flow::NameSource;
use crate::evidence::seal::Seal;
use crate::ground::gaps::GapId;
use crate::ground::label::LabelSource;
use crate::ground::moment::FrameRef;
use crate::ground::vocabulary::Open;
use crate::judge::claim::{Confidence, Verdict};
use crate::judge::classify::attribution::Attribution;
use crate::judge::classify::subject::Labelled;
use crate::judge::classify::{Scope as Reach, Stage};
use crate::judge::identity::oui::MakerKind;
use crate::judge::locate::Confidence as CountryConfidence;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The id of this model.
pub const SCHEMA: &str = "drone-audit/report/v1";

/// A whole report.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Report {
    /// Always [`SCHEMA`].
    pub schema: String,
    /// The program and its data.
    pub tool: Tool,
    /// The only part that differs between two runs.
    pub run: Run,
    /// SHA-256 of the report without `run` and `digest`.
    pub digest: String,
    /// Worst verdict over all claims: `contradicted`, `inconclusive`, `consistent`.
    pub verdict: Verdict,
    /// The captures, by first packet time.
    pub inputs: Vec<Input>,
    /// What was audited.
    pub scope: Scope,
    /// What the case file declared; null without one.
    pub case: Option<CaseFile>,
    /// The recording that this one is set against; null without one.
    pub baseline: Option<Baseline>,
    /// The report that findings were marked against; null without `--against`.
    pub against: Option<Against>,
    /// The claims, in the order of their ids.
    pub claims: Vec<Claim>,
    /// What contradicts a claim or makes it inconclusive.
    pub findings: Vec<Finding>,
    /// Where traffic went, over the whole capture.
    pub destinations: Vec<Destination>,
    /// Names that were asked for.
    pub lookups: Vec<Lookup>,
    /// What the captures could not show.
    pub coverage: Coverage,
    /// Packets per scope over time.
    pub timeline: Timeline,
    /// Clocks in the packets that were compared with the captures' own.
    pub clocks: Vec<Clock>,
    /// What no capture of this kind can show, in words.
    pub limits: Vec<String>,
    /// With `--each`: the report of every session. Empty otherwise.
    pub sessions: Vec<Report>,
}

/// The program and its data.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Tool {
    /// `drone-audit`.
    pub name: String,
    /// Version of the program.
    pub version: String,
    /// Commit that it was built from, if known.
    pub commit: Option<String>,
    /// SHA-256 over the host catalog and its additions.
    pub catalog_sha256: String,
    /// SHA-256 over the claims that ship.
    pub claims_sha256: String,
    /// Address databases.
    pub geo: Vec<Geo>,
}

/// The report that findings were marked against.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Against {
    /// The file name alone.
    pub path: String,
    /// Its digest.
    pub digest: String,
}

/// An address database.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Geo {
    /// `embedded`, or a file name.
    pub source: String,
    /// Database type by its own metadata.
    #[serde(rename = "type")]
    pub kind: String,
    /// Date of the data, RFC 3339.
    pub built: Option<String>,
    /// SHA-256 of the file.
    pub sha256: String,
    /// Who has to be named when its answers are shown.
    pub attribution: String,
}

/// The only part that differs between two runs.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Run {
    /// When the run started, RFC 3339.
    pub started: String,
    /// How long it took.
    pub seconds: f64,
    /// The command line; for a session of several it stands in the report over them all, and here is nothing.
    pub arguments: Vec<String>,
    /// The inputs as they were given.
    pub paths: Vec<String>,
}

/// A capture.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Input {
    /// The file name alone, so that machines agree.
    pub path: String,
    /// SHA-256 of the file as it lies on disk; null with `--no-hash`.
    pub sha256: Option<String>,
    /// Size of the file.
    pub bytes: u64,
    /// `pcap`, `pcapng`, with `+gzip` or `+zstd`.
    pub format: String,
    /// Names of the link types.
    pub link_types: Vec<String>,
    /// Packet records read.
    pub packets: u64,
    /// First packet.
    pub first: Option<String>,
    /// Last packet.
    pub last: Option<String>,
    /// Packets lost by the capture's own counters, in the file or given with `--counters`; null without any.
    pub dropped: Option<u64>,
    /// Packets captured only in part.
    pub truncated: u64,
    /// Records or blocks cannot be right.
    pub damaged: bool,
    /// Where every packet belongs.
    pub accounting: Accounting,
}

/// Packets per scope; they add up to the packets read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Accounting {
    /// Cannot leave the link or site.
    pub local: u64,
    /// To or from an address on the internet.
    pub internet: u64,
    /// Private address, but internet use.
    pub relayed: u64,
    /// No IP packet inside.
    pub not_ip: u64,
    /// Could carry IP but cannot be read.
    pub unreadable: u64,
}

/// What was audited.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Scope {
    /// The app under audit, as given.
    pub app: Option<Vec<String>>,
    /// Apps that the capture names.
    pub apps_seen: Vec<SeenApp>,
    /// The device under audit.
    pub device: Option<Device>,
    /// When the mode was on; empty for the whole capture.
    pub windows: Vec<Window>,
    /// Fewest seconds of capture that a window needed for silence to count.
    pub minimum_seconds: f64,
    /// Longest silence, in seconds, that was no gap.
    pub time_gap_seconds: f64,
    /// Networks declared local.
    pub local_networks: Vec<String>,
    /// Networks and addresses that the link proved to be local, with the evidence.
    pub proven_local: Vec<ProvenLocal>,
    /// Machines on the link, told apart by MAC address.
    pub machines: Vec<Machine>,
    /// Options that soften the exit code.
    pub softened: Vec<String>,
    /// MAC addresses, addresses of the site and local names are replaced by labels.
    pub redacted: bool,
    /// Key logs that sealed connections were opened with; their secrets are in no report.
    #[serde(default)]
    pub keylogs: Vec<KeyFile>,
}

/// A file of secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct KeyFile {
    /// The file name alone.
    pub path: String,
    /// Its SHA-256.
    pub sha256: String,
}

/// A machine on the link.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Machine {
    /// Its MAC address.
    pub mac: String,
    /// Who registered the block of that address, if a drone or controller maker did.
    pub maker: Option<String>,
    /// What the maker makes, which is not what the machine is.
    pub maker_kind: Option<Open<MakerKind>>,
    /// Addresses that it sent from or that the link gives it.
    pub addresses: Vec<String>,
    /// It announces itself as a router, or sends for more addresses than a host has.
    pub router: bool,
    /// It is the declared device.
    pub device: bool,
}

/// The device under audit.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Device {
    /// As given: addresses, or `all`.
    pub declared: Vec<String>,
    /// MAC addresses seen with it.
    pub macs: Vec<String>,
    /// Addresses that those sent from.
    pub addresses: Vec<String>,
    /// The declared address was used by more than one machine, or by a router: it was not extended.
    pub ambiguous: bool,
}

/// A window and what it covers.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Window {
    /// First instant inside, RFC 3339.
    pub start: Option<String>,
    /// First instant outside.
    pub end: Option<String>,
    /// Its name in the case file.
    pub name: Option<String>,
    /// Seconds after its start and before its end in which traffic contradicts nothing alone.
    pub grace_seconds: f64,
    /// Its declared parts.
    pub phases: Vec<Phase>,
    /// First packet inside.
    pub first: Option<String>,
    /// Last packet inside.
    pub last: Option<String>,
    /// Seconds between them.
    pub seconds: f64,
}

/// An address that is public by its number and local by proof.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ProvenLocal {
    /// The address.
    pub ip: String,
    /// How it was proven.
    pub text: String,
}

/// A claim and its verdict.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Claim {
    /// Stable id.
    pub id: String,
    /// The sentence that is tested.
    pub statement: String,
    /// Who said it, and when.
    pub source: String,
    /// The wording's preset; null for the claim's own.
    pub preset: Option<String>,
    /// Numbers and lists that the verdict depends on, by name.
    pub parameters: BTreeMap<String, String>,
    /// `contradicted`, `consistent` or `inconclusive`.
    pub verdict: Verdict,
    /// Why.
    pub reasons: Vec<Reason>,
    /// Ids of the findings that bear on it.
    pub findings: Vec<String>,
    /// How much the silence is worth; null unless consistent.
    pub silence: Option<Silence>,
    /// The cheapest further capture that could overturn it; null unless consistent.
    pub next_capture: Option<String>,
    /// What packets can never show of the statement, in words.
    pub not_testable: Vec<String>,
}

/// Why a verdict is what it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Reason {
    /// Stable id: a rule or a gap.
    pub id: String,
    /// In words.
    pub text: String,
}

/// What contradicts a claim or makes it inconclusive.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Finding {
    /// Fingerprint of meaning, not of position.
    pub id: String,
    /// Stable id of the rule.
    pub rule: String,
    /// Claims it bears on.
    pub claims: Vec<String>,
    /// Whose traffic it is.
    pub attribution: Attribution,
    /// How far it went.
    pub stage: Stage,
    /// `high`, `medium` or `low`.
    pub confidence: Confidence,
    /// Id of the destination; null for a lookup.
    pub destination: Option<String>,
    /// Name that was looked up; null for a destination.
    pub lookup: Option<String>,
    /// It lies in the grace of a window only: it contradicts nothing alone.
    pub grace: bool,
    /// Id of the allowance that covers it; it then moves no verdict.
    pub allowed: Option<String>,
    /// With `--against`: true if the other report has it too, false if it is new; null without.
    pub known: Option<bool>,
    /// Personal data in clear, if it is about content.
    pub content: Vec<Content>,
    /// In words.
    pub text: String,
    /// Transport payload away from our side, inside the windows and their grace; null for a lookup, and in reports
    /// that were written before this field.
    #[serde(default)]
    pub bytes_out: Option<u64>,
    /// First packet.
    pub first: Option<String>,
    /// Exemplar frames.
    pub frames: Vec<FrameRef>,
    /// A Wireshark display filter that selects its packets.
    pub filter: String,
}

/// Where traffic went.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Destination {
    /// `D1`, `D2`, … within this report.
    pub id: String,
    /// `internet` or `relayed`.
    pub scope: Reach,
    /// Address; null behind a relay that was not given one.
    pub ip: Option<String>,
    /// Port; null where there is none.
    pub port: Option<u16>,
    /// The local relay.
    pub via: Option<Via>,
    /// `tcp`, `udp`, `icmp`, … or `ip-N`.
    pub transport: String,
    /// Application protocol, if recognised.
    pub protocol: Option<String>,
    /// The best name.
    pub host: Option<String>,
    /// Where the best name comes from; `none` without one.
    #[serde(with = "or_none")]
    #[cfg_attr(test, schemars(with = "Open<NameSource>"))]
    pub host_source: Option<Open<NameSource>>,
    /// All names, each with its source and first frame.
    pub names: Vec<Name>,
    /// Who owns the name, by the catalog.
    pub owner: Option<String>,
    /// What the host is for, by the catalog.
    pub role: Option<String>,
    /// The owner's jurisdiction, by the catalog.
    pub jurisdiction: Option<String>,
    /// Whose traffic it is.
    pub attribution: Attribution,
    /// Why that attribution.
    pub attribution_reason: String,
    /// Country of the address.
    pub country: Option<String>,
    /// `agreed`, `conflict`, `anycast`, `single` or `unknown`.
    pub country_confidence: CountryConfidence,
    /// All answers.
    pub country_candidates: Vec<String>,
    /// Autonomous system of the address.
    pub asn: Option<u32>,
    /// Its organisation.
    pub organisation: Option<String>,
    /// Cloud and region, by the host name.
    pub cloud: Option<Cloud>,
    /// The app, by the capture's label.
    pub app: Option<App>,
    /// How far it went.
    pub stage: Stage,
    /// Number of flows.
    pub flows: u64,
    /// Packets away from our side.
    pub packets_out: u64,
    /// Packets towards our side.
    pub packets_in: u64,
    /// Transport payload away from our side.
    pub bytes_out: u64,
    /// Transport payload towards our side.
    pub bytes_in: u64,
    /// Of the payload away from our side, what was sealed and opened with keys.
    #[serde(default)]
    pub bytes_opened_out: u64,
    /// The same of the payload towards our side.
    #[serde(default)]
    pub bytes_opened_in: u64,
    /// Payload of both directions that stayed sealed, by reason.
    #[serde(default)]
    pub sealed: Vec<Sealed>,
    /// First packet.
    pub first: Option<String>,
    /// Last packet.
    pub last: Option<String>,
    /// Addresses of our side.
    pub clients: Vec<String>,
    /// JA4 fingerprints of the clients that opened it by TLS or QUIC.
    pub ja4: Vec<String>,
    /// A baseline capture shows the same name at the same address; in words.
    pub explained: Option<String>,
    /// What disagrees about this destination, in words.
    pub notes: Vec<String>,
    /// Inputs that show it.
    pub inputs: Vec<u32>,
}

/// Payload that stayed sealed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Sealed {
    /// `no-key`, `lost-packets`, `unsupported` or `failed-tag`.
    pub reason: Open<Seal>,
    /// How much.
    pub bytes: u64,
}

/// The local relay of a destination.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Via {
    /// Its address.
    pub ip: String,
    /// Its port.
    pub port: Option<u16>,
}

/// A name of a destination.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Name {
    /// The name.
    pub name: String,
    /// Who said it.
    pub source: Open<NameSource>,
    /// Index of the input.
    pub input: u32,
    /// First frame that says it.
    pub frame: u64,
}

/// Cloud and region of a host name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Cloud {
    /// `aws`, `alibaba`, …
    pub provider: String,
    /// Region id, if the name has one.
    pub region: Option<String>,
}

/// An app, as the capture labels it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct App {
    /// Name, package or process.
    pub name: Option<String>,
    /// User id.
    pub uid: Option<u32>,
    /// Where the label comes from.
    pub source: Open<LabelSource>,
    /// The process that owns the socket and acts for the app; null if it is the app itself.
    pub acts_through: Option<String>,
    /// Further names of the same app.
    pub also: Vec<String>,
    /// The name fills its field in the capture: it may be longer.
    pub cut: bool,
}

/// An app that labels of the captures name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct SeenApp {
    /// The app.
    #[serde(flatten)]
    pub app: App,
    /// `subject`, `other`, or `unsaid` where the label decides nothing.
    pub says: Labelled,
    /// Packets with this label.
    pub packets: u64,
    /// Index of the input of the first one.
    pub input: u32,
    /// Its frame.
    pub frame: u64,
}

/// A name that was asked for.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Lookup {
    /// The name.
    pub name: String,
    /// Record types.
    pub types: Vec<String>,
    /// Who was asked.
    pub resolver: String,
    /// Who asked.
    pub clients: Vec<String>,
    /// `local`, `relayed` or `internet`.
    pub scope: Reach,
    /// Addresses answered.
    pub answers: Vec<String>,
    /// Who owns the name, by the catalog.
    pub owner: Option<String>,
    /// What the host is for, by the catalog.
    pub role: Option<String>,
    /// Whose lookup it is.
    pub attribution: Attribution,
    /// The app, by the capture's label.
    pub app: Option<App>,
    /// Times asked; 0 where the capture holds an answer and no question.
    pub count: u64,
    /// First time.
    pub first: Option<String>,
    /// Index of the input.
    pub input: u32,
    /// First frame.
    pub frame: u64,
}

/// What the captures could not show.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Coverage {
    /// Gaps, in the contract's order.
    pub gaps: Vec<Gap>,
    /// Drone-link protocols whose valid frames were seen.
    pub drone_links: Vec<String>,
}

/// A gap.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Gap {
    /// Stable id.
    pub id: Open<GapId>,
    /// How often.
    pub count: u64,
    /// In words.
    pub text: String,
    /// Index of the input; null if it holds for all.
    pub input: Option<u32>,
    /// First frame that shows it.
    pub frame: Option<u64>,
    /// True if it forbids `consistent`.
    pub blocking: bool,
    /// Index of the input of another vantage that makes up for it; null if none does.
    pub covered_by: Option<u32>,
}

/// The source of the best name, `none` without one.
pub fn source_word(source: Option<&Open<NameSource>>) -> &str {
    source.map_or(or_none::NONE, Open::word)
}

/// Reads and writes it.
mod or_none {
    use super::{NameSource, Open};
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) const NONE: &str = "none";

    pub(super) fn serialize<S: Serializer>(
        source: &Option<Open<NameSource>>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        match source {
            Some(source) => source.serialize(to),
            None => to.serialize_str(NONE),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Open<NameSource>>, D::Error> {
        let source = Open::deserialize(from)?;
        Ok((source.word() != NONE).then_some(source))
    }
}
