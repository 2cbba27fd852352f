//! The formats of `check`: what each is called, what it is for, and who writes it.
//!
//! Another format is a file with a `FORMAT` and a `write`, and a line in [`CHECK`]. A writer gets
//! the report and a [`Setting`], so that no format knows more than the JSON report says.

use super::anchor::Anchor;
use super::table::Style;
use super::v1::Report;
use super::{csv, github, html, intoto, json, junit, markdown, ndjson, sarif, table};
use std::fmt;
use std::io::{self, Write};

/// A form that something can be written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Format {
    /// The name on the command line.
    pub name: &'static str,
    /// What it is for, in a few words.
    pub purpose: &'static str,
}

impl Format {
    /// For a person at a terminal.
    pub const TABLE: Self = Self::new("table", "the answer on one screen of a terminal");
    /// The same with everything.
    pub const FULL: Self = Self::new(
        "full",
        "everything, to read at a terminal (as table with -v)",
    );
    /// One JSON object.
    pub const JSON: Self = Self::new("json", "the whole report; all other formats know no more");
    /// One JSON object a line.
    pub const NDJSON: Self = Self::new("ndjson", "one JSON object a line, for jq and log stores");
    /// A table for spreadsheets.
    pub const CSV: Self = Self::new("csv", "destinations and lookups, for spreadsheets");

    /// A dataset, which is a folder (see [`crate::tell::tables`]).
    pub const TABLES: Self = Self::new(
        "tables",
        "typed tables in a folder (-o tables=DIR): NDJSON, and Parquet where it is built in",
    );
    /// The same tables as Parquet alone.
    #[cfg(feature = "parquet")]
    pub const PARQUET: Self = Self::new(
        "parquet",
        "the same tables as Parquet alone (-o parquet=DIR)",
    );

    /// The formats that are folders.
    pub const FOLDERS: &[Self] = &[
        Self::TABLES,
        #[cfg(feature = "parquet")]
        Self::PARQUET,
    ];

    /// True if it is a folder and not one file.
    pub fn is_folder(self) -> bool {
        Self::FOLDERS.contains(&self)
    }

    /// A format by its name and purpose.
    pub const fn new(name: &'static str, purpose: &'static str) -> Self {
        Self { name, purpose }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// What a writer may know beside the report: how and where it is shown, nothing about the traffic.
#[derive(Debug, Clone, Copy)]
pub struct Setting<'a> {
    /// How to draw for the terminal at hand.
    pub style: Style,
    /// The line of the repository that results are attached to; `None` if the user named none.
    pub anchor: Option<&'a Anchor>,
}

/// Writes a report in one format.
pub type Render = fn(&Report, &Setting<'_>, &mut dyn Write) -> io::Result<()>;

/// A format and its writer.
#[derive(Debug, Clone, Copy)]
pub struct Writer {
    /// The format.
    pub format: Format,
    /// Its writer.
    pub write: Render,
}

const fn by(format: Format, write: Render) -> Writer {
    Writer { format, write }
}

/// The formats of `check`, in the order of the help.
pub static CHECK: &[Writer] = &[
    by(Format::TABLE, |report, setting, out| {
        table::write(report, setting.style, out)
    }),
    by(Format::FULL, |report, setting, out| {
        table::write_full(report, setting.style, out)
    }),
    by(Format::JSON, |report, _, out| json::write(report, out)),
    by(Format::NDJSON, ndjson::write),
    by(Format::CSV, csv::write),
    by(markdown::FORMAT, markdown::write),
    by(html::FORMAT, html::write),
    by(sarif::FORMAT, sarif::write),
    by(junit::FORMAT, junit::write),
    by(github::FORMAT, github::write),
    by(intoto::FORMAT, intoto::write),
];

/// The writer of a format of `check`; that of JSON for a format that is not among them.
pub fn writer(format: Format) -> Render {
    CHECK
        .iter()
        .find(|have| have.format == format)
        .map_or(|report, _, out| json::write(report, out), |have| have.write)
}

/// The formats of `check`.
pub fn of_check() -> Vec<Format> {
    let files = CHECK.iter().map(|have| have.format);
    files.chain(Format::FOLDERS.iter().copied()).collect()
}

/// The formats and what each is for, one line each, for the help.
pub fn list() -> String {
    let all = of_check();
    let longest = all.iter().map(|f| f.name.len()).max().unwrap_or(0);
    let lines = all
        .iter()
        .map(|f| format!("  {:longest$}  {}", f.name, f.purpose));
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
pub(super) mod tests;
