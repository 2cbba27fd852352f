//! `explain`: the text of an id, or the list of all.

use super::screen::columns;
use crate::app::cli::Explain;
use crate::ground::error::Error;
use crate::tell::explain::{library, plain};
use crate::tell::report::format::Format;
use crate::tell::report::output::Output;

/// Columns of running text when no terminal says.
const WIDTH: usize = 80;

pub(super) fn run(options: &Explain) -> Result<u8, Error> {
    let library = library()?;
    let width = columns().unwrap_or(WIDTH);
    let found = match &options.id {
        Some(id) => Some(library.find(id)?),
        None => None,
    };
    Output::stdout(Format::TABLE).write(|out| match &found {
        Some(entries) => plain::entries(entries, width, out),
        None => plain::list(library, width, out),
    })?;
    Ok(0)
}
