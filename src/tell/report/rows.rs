//! Rows that are written one by one, beside the formats that write a report as a whole: for log stores and
//! tables of a data lake.
//!
//! A sink knows how rows are written, and nothing of what they are; whoever has rows opens a table, hands
//! them over and finishes.

use super::v1::{self, Report};
use super::weight::sessions;
use crate::judge::claim::Verdict;
use serde::Serialize;
use std::io;

/// Where rows go.
pub trait RowSink {
    /// Begins the rows of a kind; those of a kind may come in several runs.
    ///
    /// # Errors
    /// When they cannot be written.
    fn open(&mut self, kind: &'static str) -> io::Result<()>;

    /// Writes a row of the kind that was opened last. `session` is its number from 1 with `--each`.
    ///
    /// # Errors
    /// When it cannot be written.
    fn row(&mut self, session: Option<usize>, row: &impl Serialize) -> io::Result<()>;

    /// Writes what is still kept back.
    ///
    /// # Errors
    /// When it cannot be written.
    fn finish(self) -> io::Result<()>;
}

/// The fields of a report that are no lists of rows.
#[derive(Serialize)]
struct Head<'a> {
    schema: &'a str,
    tool: &'a v1::Tool,
    run: &'a v1::Run,
    digest: &'a str,
    verdict: Verdict,
    inputs: &'a [v1::Input],
    scope: &'a v1::Scope,
    case: Option<&'a v1::CaseFile>,
    drone_links: &'a [String],
    timeline: &'a v1::Timeline,
    clocks: &'a [v1::Clock],
    limits: &'a [String],
}

impl<'a> From<&'a Report> for Head<'a> {
    fn from(report: &'a Report) -> Self {
        Self {
            schema: &report.schema,
            tool: &report.tool,
            run: &report.run,
            digest: &report.digest,
            verdict: report.verdict,
            inputs: &report.inputs,
            scope: &report.scope,
            case: report.case.as_ref(),
            drone_links: &report.coverage.drone_links,
            timeline: &report.timeline,
            clocks: &report.clocks,
            limits: &report.limits,
        }
    }
}

/// Writes a report: a row of kind `report`, with `--each` the worst verdict per claim, then for each session
/// a row of kind `session` and its lists.
///
/// # Errors
/// When the sink fails.
pub fn of_report(report: &Report, mut sink: impl RowSink) -> io::Result<()> {
    list("report", None, &[Head::from(report)], &mut sink)?;
    if !report.sessions.is_empty() {
        list("claim", None, &report.claims, &mut sink)?;
    }
    for session in sessions(report) {
        let (number, report) = (session.number, session.report);
        if number.is_some() {
            list("session", number, &[Head::from(report)], &mut sink)?;
        }
        list("claim", number, &report.claims, &mut sink)?;
        list("finding", number, &report.findings, &mut sink)?;
        list("destination", number, &report.destinations, &mut sink)?;
        list("lookup", number, &report.lookups, &mut sink)?;
        list("gap", number, &report.coverage.gaps, &mut sink)?;
    }
    sink.finish()
}

fn list(
    kind: &'static str,
    session: Option<usize>,
    rows: &[impl Serialize],
    sink: &mut impl RowSink,
) -> io::Result<()> {
    sink.open(kind)?;
    rows.iter().try_for_each(|row| sink.row(session, row))
}
