//! What is new, gone or changed between two captures or reports, version 1.
//!
//! Made from two reports ([`between`]) and from nothing else, so that captures and reports compare
//! alike. Destinations and lookups are compared by meaning, not by position: by scope, best name
//! (else address), port, transport, operator and whose they are ([`rows`]).
//!
//! Can say what one recording shows and the other does not. Cannot say why, and cannot say that
//! what is gone was stopped: [`Diff::limits`] has what stands against that in these two.
//!
//! Nothing in it depends on the run: the same sides give the same bytes.
//! Fields are only ever added. Unknown values are `null`, and a field is always present. All lists
//! have a total order.

mod changes;
mod compare;
mod lookups;
pub mod markdown;
mod rows;
pub(super) mod shown;
mod sides;
#[cfg(test)]
mod tests;

use super::v1;
use crate::ground::moment::FrameRef;
use crate::judge::claim::Verdict;
use crate::judge::classify::attribution::Attribution;
use crate::judge::classify::{Scope, Stage};
use crate::vocabulary;
use serde::Serialize;
use std::io::{self, Write};

pub use sides::{Given, between};

/// The id of this model.
pub const SCHEMA: &str = "drone-audit/diff/v1";

/// What is new, gone or changed.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Diff {
    /// Always [`SCHEMA`].
    pub schema: String,
    /// True if the capture shows something that the baseline does not: exit code 1.
    pub news: bool,
    /// The recording that is compared with.
    pub baseline: Side,
    /// The recording that is compared.
    pub capture: Side,
    /// Rows by what became of them.
    pub destination_counts: Counts,
    /// Rows by what became of them.
    pub lookup_counts: Counts,
    /// Claims that were judged on both sides.
    pub claims: Vec<ClaimChange>,
    /// Destinations that are new, changed or gone.
    pub destinations: Vec<DestinationChange>,
    /// Lookups that are new, changed or gone.
    pub lookups: Vec<LookupChange>,
    /// What this comparison cannot say, in words.
    pub limits: Vec<String>,
}

/// One of the two recordings.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Side {
    /// `capture` or `report`, whichever was given.
    pub given: What,
    /// Its file name alone.
    pub path: String,
    /// Digest of the report; null for a capture.
    pub digest: Option<String>,
    /// Program and data that judged it.
    pub tool: v1::Tool,
    /// The captures behind it.
    pub inputs: Vec<v1::Input>,
    /// What was declared.
    pub scope: v1::Scope,
    /// Seconds from first to last packet.
    pub seconds: Option<f64>,
    /// True if a gap forbids concluding from what it does not show.
    pub thin: bool,
    /// What it could not show.
    pub gaps: Vec<v1::Gap>,
}

/// Rows by what became of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Counts {
    /// Only the capture shows them.
    pub new: u64,
    /// Both show them, differently.
    pub changed: u64,
    /// Only the baseline shows them.
    pub gone: u64,
    /// Both show them alike; not listed.
    pub same: u64,
}

/// The verdicts on a claim.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ClaimChange {
    /// The claim.
    pub id: String,
    /// Verdict on the baseline.
    pub before: Verdict,
    /// Verdict on the capture.
    pub after: Verdict,
}

/// What differs, in a word and in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Change {
    /// Stable id: see `drone-audit explain`.
    pub id: String,
    /// In words.
    pub text: String,
    /// It adds something that the baseline does not have.
    pub news: bool,
}

/// A destination that is new, changed or gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct DestinationChange {
    /// `new`, `changed` or `gone`.
    pub status: Status,
    /// It adds something that the baseline does not have.
    pub news: bool,
    /// `internet` or `relayed`.
    pub scope: Scope,
    /// The best name.
    pub host: Option<String>,
    /// The address, if it has no name.
    pub ip: Option<String>,
    /// Port; null where there is none, or where it was picked for the moment.
    pub port: Option<u16>,
    /// The port was picked for the moment: it says nothing.
    pub dynamic_port: bool,
    /// `tcp`, `udp`, …
    pub transport: String,
    /// The app, by the label; null without one, or where only one side has labels.
    pub app: Option<String>,
    /// Autonomous system of its addresses.
    pub asn: Option<u32>,
    /// Its organisation.
    pub organisation: Option<String>,
    /// Who owns the name, by the catalog.
    pub owner: Option<String>,
    /// What the host is for, by the catalog.
    pub role: Option<String>,
    /// What differs; empty if new or gone.
    pub changes: Vec<Change>,
    /// What the other side has that is close, in words.
    pub notes: Vec<String>,
    /// On the baseline; null if new.
    pub before: Option<Traffic>,
    /// On the capture; null if gone.
    pub after: Option<Traffic>,
}

/// What a recording shows of a destination, summed over its addresses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Traffic {
    /// How far it went.
    pub stage: Stage,
    /// Whose traffic it is: the attribution that weighs most.
    pub attribution: Attribution,
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
    /// Its addresses, in order.
    pub addresses: Vec<String>,
    /// Every country that a database gives them.
    pub countries: Vec<String>,
    /// Cloud regions that the name gives.
    pub regions: Vec<String>,
    /// Apps, by the labels.
    pub apps: Vec<String>,
    /// First packet.
    pub first: Option<String>,
    /// Last packet.
    pub last: Option<String>,
    /// The first frames that the report names: of a name, or of a finding.
    pub frames: Vec<FrameRef>,
    /// Ids of the destinations in the side's report; empty for a capture.
    pub destinations: Vec<String>,
}

/// A lookup that is new, changed or gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct LookupChange {
    /// `new`, `changed` or `gone`.
    pub status: Status,
    /// It adds something that the baseline does not have.
    pub news: bool,
    /// The name.
    pub name: String,
    /// Who owns the name, by the catalog.
    pub owner: Option<String>,
    /// What the host is for, by the catalog.
    pub role: Option<String>,
    /// What differs; empty if new or gone.
    pub changes: Vec<Change>,
    /// What the other side has that is close, in words.
    pub notes: Vec<String>,
    /// On the baseline; null if new.
    pub before: Option<Asked>,
    /// On the capture; null if gone.
    pub after: Option<Asked>,
}

/// What a recording shows of a lookup, summed over resolvers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Asked {
    /// Whose lookup it is: the attribution that weighs most.
    pub attribution: Attribution,
    /// `local`, `relayed` or `internet`, in order.
    pub scopes: Vec<Scope>,
    /// Who was asked.
    pub resolvers: Vec<String>,
    /// Record types.
    pub types: Vec<String>,
    /// Addresses answered.
    pub answers: Vec<String>,
    /// Apps, by the labels.
    pub apps: Vec<String>,
    /// Times asked.
    pub count: u64,
    /// First time.
    pub first: Option<String>,
    /// First frames.
    pub frames: Vec<FrameRef>,
}

/// Writes the result as one JSON object, indented, with a line break at the end.
///
/// # Errors
/// When the writer fails.
pub fn write_json(diff: &Diff, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, diff)?;
    out.write_all(b"\n")
}

vocabulary! {
    /// What became of a row, in the order in which rows are listed.
    "status" pub enum Status {
        /// Only the capture shows it.
        New = "new",
        /// Both show it, differently.
        Changed = "changed",
        /// Only the baseline shows it.
        Gone = "gone",
    }
}

vocabulary! {
    /// What a side was given as.
    "form of a side" pub enum What {
        /// A capture, audited for the comparison.
        Capture = "capture",
        /// A report.
        Report = "report",
    }
}

impl Counts {
    fn count(&mut self, status: Status) {
        let of = match status {
            Status::New => &mut self.new,
            Status::Changed => &mut self.changed,
            Status::Gone => &mut self.gone,
        };
        *of = of.saturating_add(1);
    }
}
