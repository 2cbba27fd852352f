//! `emit`: what is built into the program.

use crate::cli::{Embedded, Emit};
use crate::error::Error;
use crate::locate;
use crate::report::format::Format;
use crate::report::output::Output;
use crate::report::{diff, fitness, v1};
use std::io::{self, Write};

pub(super) fn run(options: &Emit) -> Result<u8, Error> {
    Output::stdout(Format::JSON).write(|out| match options.what {
        Embedded::Schema => schema(&schemars::schema_for!(v1::Report), out),
        Embedded::CaseSchema => schema(&crate::case::schema(), out),
        Embedded::FitnessSchema => schema(&schemars::schema_for!(fitness::Fitness), out),
        Embedded::DiffSchema => schema(&schemars::schema_for!(diff::Diff), out),
        Embedded::Geo => out.write_all(locate::embedded_bytes()),
    })?;
    Ok(0)
}

fn schema(schema: &schemars::Schema, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, schema)?;
    out.write_all(b"\n")
}
