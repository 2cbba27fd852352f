//! Options of `emit`.

use super::completing;
use crate::ground::error::Error;
use crate::ground::text;
use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// Options of `emit`.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct Emit {
    /// What to write to standard output.
    #[arg(value_enum)]
    pub what: Embedded,
    /// With `man`, the command whose page is wanted; with `completions`, the shell.
    #[arg(value_name = "NAME", add = completing::names())]
    pub name: Option<String>,
    /// With `man`, write the pages of the program and of all its commands into this folder.
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
}

/// What is built into the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Embedded {
    /// The JSON schema of the report.
    Schema,
    /// The JSON schema of what `fitness` writes.
    FitnessSchema,
    /// The JSON schema of a case file.
    CaseSchema,
    /// The JSON schema of what `diff` writes.
    DiffSchema,
    /// The manual page of the program, or of the command NAME (roff).
    Man,
    /// Completions for the shell NAME.
    Completions,
    /// The address database (MaxMind DB).
    Geo,
    /// The schema of the tables that `campaign` writes (JSON).
    Tables,
    /// A job for Apache Spark (Python) that runs campaigns on its executors.
    SparkJob,
}

impl Emit {
    /// Refuses a name or a folder for what has none.
    pub(super) fn complete(&self) -> Result<(), Error> {
        let named = matches!(self.what, Embedded::Man | Embedded::Completions);
        let (what, advice) = match (&self.name, &self.dir) {
            (Some(name), _) if !named => (
                text::terminal(name).into_owned(),
                "only 'man' and 'completions' take a name",
            ),
            (_, Some(_)) if self.what != Embedded::Man => {
                ("--dir".to_owned(), "it is for 'emit man'")
            }
            (Some(_), Some(_)) => (
                "--dir".to_owned(),
                "it writes the pages of all commands: leave out the name",
            ),
            _ => return Ok(()),
        };
        Err(Error::at(what, "has no use here").advise(advice))
    }
}
