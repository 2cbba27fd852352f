//! The report as one JSON object a line (NDJSON): for `jq`, log stores and tables of a data lake.
//!
//! Every line has a `type` and a `session` (its number from 1 with `--each`, else null). The first
//! line is of type `report`: everything that is not a list of its own. Behind it come, for each
//! session, a line of type `session` (with `--each`), then `claim`, `finding`, `destination`,
//! `lookup` and `gap` lines with the fields that the JSON report gives them. With `--each` the
//! worst verdict per claim comes first, as `claim` lines of session null.

use super::format::Setting;
use super::v1::Report;
use super::weight::sessions;
use super::{ascii_json, v1};
use crate::judge::claim::Verdict;
use serde::Serialize;
use std::io::{self, Write};

#[derive(Serialize)]
struct Line<'a, T> {
    #[serde(rename = "type")]
    kind: &'static str,
    session: Option<usize>,
    #[serde(flatten)]
    fields: &'a T,
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

/// Writes the report line by line.
///
/// # Errors
/// When the writer fails.
pub fn write(report: &Report, _: &Setting<'_>, out: &mut dyn Write) -> io::Result<()> {
    line("report", None, &head(report), out)?;
    if !report.sessions.is_empty() {
        lines("claim", None, &report.claims, out)?;
    }
    for session in sessions(report) {
        let (number, report) = (session.number, session.report);
        if number.is_some() {
            line("session", number, &head(report), out)?;
        }
        lines("claim", number, &report.claims, out)?;
        lines("finding", number, &report.findings, out)?;
        lines("destination", number, &report.destinations, out)?;
        lines("lookup", number, &report.lookups, out)?;
        lines("gap", number, &report.coverage.gaps, out)?;
    }
    Ok(())
}

fn head(report: &Report) -> Head<'_> {
    Head {
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

fn lines<T: Serialize>(
    kind: &'static str,
    session: Option<usize>,
    rows: &[T],
    out: &mut dyn Write,
) -> io::Result<()> {
    rows.iter()
        .try_for_each(|fields| line(kind, session, fields, out))
}

fn line<T: Serialize>(
    kind: &'static str,
    session: Option<usize>,
    fields: &T,
    out: &mut dyn Write,
) -> io::Result<()> {
    let line = Line {
        kind,
        session,
        fields,
    };
    ascii_json::line(&line, out)?;
    out.write_all(b"\n")
}
