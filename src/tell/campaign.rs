//! Many sessions, told together: a table at the end of a run, a page, test panes and code scanning.
//!
//! Everything here is made from the tables of a dataset, read session by session, and knows no more than they
//! say; so what one machine audited and what a hundred did is told alike.

mod html;
mod junit;
mod rows;
mod sarif;
mod screen;
pub mod summary;

use crate::ground::error::Error;
use crate::tell::report::format::{Format, Setting};
use crate::tell::report::{html as page, junit as panes, sarif as scanning};
use crate::tell::tables::entry::Entry;
use std::io::{self, Write};
use summary::Summary;

/// The job for Apache Spark that runs campaigns on its executors.
pub const SPARK_JOB: &str = include_str!("../../fixtures/examples/campaign/spark_job.py");

/// The formats of `campaign`.
pub fn formats() -> Vec<Format> {
    vec![
        Format::TABLE,
        Format::TABLES,
        page::FORMAT,
        panes::FORMAT,
        scanning::FORMAT,
    ]
}

/// What may be known beside the tables.
pub struct Shown<'a> {
    /// All sessions together.
    pub summary: &'a Summary,
    /// The folder with a report of each session, as links name it; `None` if none were written.
    pub reports: Option<&'a str>,
}

/// Hands each session to somebody, in the order of ids.
pub type Each<'a> = dyn Fn(&mut dyn FnMut(&Entry) -> Result<(), Error>) -> Result<(), Error> + 'a;

/// Writes in a format that is no folder.
///
/// # Errors
/// When a session cannot be read, or the writer fails.
pub fn write(
    format: Format,
    shown: &Shown<'_>,
    each: &Each<'_>,
    setting: &Setting<'_>,
    out: &mut dyn Write,
) -> io::Result<()> {
    if format == page::FORMAT {
        html::write(shown, each, out)
    } else if format == panes::FORMAT {
        junit::write(each, out)
    } else if format == scanning::FORMAT {
        sarif::write(each, out)
    } else {
        screen::write(shown.summary, setting.style, out)
    }
}
