//! What a case file declared, as the report repeats it: reported facts, never measured ones.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The case file of an audit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct CaseFile {
    /// The file name alone.
    pub path: String,
    /// SHA-256 of the file.
    pub sha256: String,
    /// Title of the audit.
    pub title: Option<String>,
    /// Facts as the auditor reports them (device, serial, firmware, app, version, …), by key.
    pub reported: BTreeMap<String, String>,
    /// The operator's country, ISO 3166-1 alpha-2.
    pub operator_country: Option<String>,
    /// The auditor's own log, by time.
    pub events: Vec<Event>,
    /// What the auditor planted and what was found of it.
    pub beacons: Vec<Beacon>,
    /// The allowances, each with what it covered.
    pub allowances: Vec<Allowance>,
    /// Lines of the file on which the claims begin, by their ids; empty in reports that were written before this field.
    #[serde(default)]
    pub lines: BTreeMap<String, u32>,
}

/// A line of the auditor's log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Event {
    /// When, RFC 3339.
    pub at: Option<String>,
    /// Until when, if it has a length.
    pub until: Option<String>,
    /// `share`, `mode-on`, `mode-off`, or the auditor's own word.
    pub kind: String,
    /// In words.
    pub text: Option<String>,
}

/// A URL or name that the auditor fetched on purpose, so that silence can be trusted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Beacon {
    /// The host name.
    pub host: String,
    /// Where it has to be found: `start`, `end` or `both` ends of each window.
    pub at: String,
    /// It was found wherever it had to be.
    pub found: bool,
    /// First packets that show it.
    pub frames: Vec<crate::ground::moment::FrameRef>,
}

/// Traffic that the parties agreed on beforehand. Allowed findings stay in the report, marked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Allowance {
    /// Its id in the case file.
    pub id: String,
    /// What it covers, in words.
    pub covers: String,
    /// Why.
    pub reason: String,
    /// Last day on which it holds, `YYYY-MM-DD`.
    pub expires: String,
    /// It had ended when the capture began.
    pub expired: bool,
    /// Most payload bytes out that it covers; null without a budget.
    pub budget_bytes: Option<u64>,
    /// Payload bytes out that it covered.
    pub used_bytes: u64,
    /// Ids of the findings that it covers.
    pub findings: Vec<String>,
}

/// A part of a flight, as declared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Phase {
    /// `launch`, `connect`, `fly`, `land`, `background`, or the auditor's own word.
    pub name: String,
    /// First instant inside, RFC 3339.
    pub start: Option<String>,
    /// First instant outside.
    pub end: Option<String>,
}
