//! What `fitness` says, version 1: coverage alone, without destinations or a verdict.
//!
//! Fields are only ever added. Unknown values are `null`, and a field is always present.

use super::v1::{Input, Run, Scope, Tool};
use crate::ground::gaps::GapId;
use serde::Serialize;
use std::io::{self, Write};

/// The id of this model.
pub const SCHEMA: &str = "drone-audit/fitness/v1";

/// Whether captures could support `consistent`.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Fitness {
    /// Always [`SCHEMA`].
    pub schema: String,
    /// The program and its data.
    pub tool: Tool,
    /// The only part that differs between two runs.
    pub run: Run,
    /// The claim that fitness is meant for.
    pub claim: String,
    /// True if no gap forbids `consistent` in any window.
    pub fit: bool,
    /// The captures, by first packet time.
    pub inputs: Vec<Input>,
    /// What was declared.
    pub scope: Scope,
    /// The windows; one without bounds for the whole capture if none was given.
    pub windows: Vec<Window>,
    /// What the captures could not show, in the contract's order.
    pub gaps: Vec<Gap>,
    /// Drone-link protocols whose valid frames were seen.
    pub drone_links: Vec<String>,
    /// What no capture of this kind can show, in words.
    pub limits: Vec<String>,
}

/// A window and whether its silence could count.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Window {
    /// First instant inside, RFC 3339.
    pub start: Option<String>,
    /// First instant outside.
    pub end: Option<String>,
    /// First packet inside.
    pub first: Option<String>,
    /// Last packet inside.
    pub last: Option<String>,
    /// Seconds between them, in the capture that covers most.
    pub seconds: f64,
    /// True if no gap forbids `consistent` here.
    pub fit: bool,
    /// Ids of the gaps that do.
    pub blocked_by: Vec<GapId>,
}

/// A gap, and what to do about it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Gap {
    /// Stable id.
    pub id: GapId,
    /// True if it forbids `consistent`.
    pub blocking: bool,
    /// How often.
    pub count: u64,
    /// In words.
    pub text: String,
    /// Indices of the windows that it bears on; empty if it lies outside all of them.
    pub windows: Vec<u32>,
    /// Index of the input; null if it holds for all.
    pub input: Option<u32>,
    /// File name of that input.
    pub file: Option<String>,
    /// First frame that shows it.
    pub frame: Option<u64>,
    /// How much of the input it concerns; null where a share means nothing.
    pub share: Option<Share>,
    /// What to change in the next recording.
    pub next: String,
}

/// A part of a whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Share {
    /// How many are concerned.
    pub part: u64,
    /// Of how many in the input.
    pub whole: u64,
    /// What is counted: `packets` or `connections`.
    pub unit: String,
}

/// Writes the result as one JSON object, indented, with a line break at the end.
///
/// # Errors
/// When the writer fails.
pub fn write_json(fitness: &Fitness, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, fitness)?;
    out.write_all(b"\n")
}
