//! The report as one JSON object a line (NDJSON): for `jq`, log stores and tables of a data lake.
//!
//! Every line has a `type` and a `session` (its number from 1 with `--each`, else null). The first
//! line is of type `report`: everything that is not a list of its own. Behind it come, for each
//! session, a line of type `session` (with `--each`), then `claim`, `finding`, `destination`,
//! `lookup` and `gap` lines with the fields that the JSON report gives them. With `--each` the
//! worst verdict per claim comes first, as `claim` lines of session null.

use super::ascii_json;
use super::blocks::Blocks;
use super::format::Setting;
use super::rows::{RowSink, of_report};
use super::v1::Report;
use serde::Serialize;
use std::io::{self, Write};

/// Writes the report line by line.
///
/// # Errors
/// When the writer fails.
pub fn write(report: &Report, _: &Setting<'_>, out: &mut dyn Write) -> io::Result<()> {
    let out = Blocks::new(out);
    of_report(report, Lines { kind: "", out })
}

#[derive(Serialize)]
struct Line<'a, T> {
    #[serde(rename = "type")]
    kind: &'static str,
    session: Option<usize>,
    #[serde(flatten)]
    fields: &'a T,
}

/// A line a row, which says its kind and session.
struct Lines<'a> {
    kind: &'static str,
    out: Blocks<'a>,
}

impl RowSink for Lines<'_> {
    fn open(&mut self, kind: &'static str) -> io::Result<()> {
        self.kind = kind;
        Ok(())
    }

    fn row(&mut self, session: Option<usize>, row: &impl Serialize) -> io::Result<()> {
        let line = Line {
            kind: self.kind,
            session,
            fields: row,
        };
        ascii_json::line(&line, &mut self.out)?;
        self.out.write_all(b"\n")
    }

    fn finish(self) -> io::Result<()> {
        self.out.finish()
    }
}
