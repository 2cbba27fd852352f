//! `emit`: what is built into the program.

mod completions;
mod manual;

use crate::app::cli::{Embedded, Emit};
use crate::ground::error::Error;
use crate::judge::locate;
use crate::tell::campaign;
use crate::tell::report::format::Format;
use crate::tell::report::output::Output;
use crate::tell::report::{diff, fitness, v1};
use crate::tell::tables;
use std::io::{self, Write};

pub(super) fn run(options: &Emit) -> Result<u8, Error> {
    let name = options.name.as_deref();
    match options.what {
        Embedded::Schema => print(|out| schema("report", schemars::schema_for!(v1::Report), out)),
        Embedded::CaseSchema => print(|out| schema("case", crate::judge::case::schema(), out)),
        Embedded::FitnessSchema => {
            print(|out| schema("fitness", schemars::schema_for!(fitness::Fitness), out))
        }
        Embedded::DiffSchema => print(|out| schema("diff", schemars::schema_for!(diff::Diff), out)),
        Embedded::Geo => print(|out| out.write_all(locate::embedded_bytes())),
        Embedded::Tables => print(tables::schema::write),
        Embedded::SparkJob => print(|out| out.write_all(campaign::SPARK_JOB.as_bytes())),
        Embedded::Man => match &options.dir {
            Some(folder) => manual::write_all(folder),
            None => {
                let page = manual::of(name)?;
                print(|out| out.write_all(&page.text))
            }
        },
        Embedded::Completions => {
            let script = completions::of(name)?;
            print(|out| out.write_all(&script))
        }
    }?;
    Ok(0)
}

fn print(render: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Error> {
    Output::stdout(Format::JSON).write(render)
}

/// A schema with the name that others refer to it by (JSON Schema 2020-12, section 8.2.1): an URN, as nothing is to be
/// fetched.
fn schema(what: &str, mut schema: schemars::Schema, out: &mut dyn Write) -> io::Result<()> {
    let id = format!("urn:drone-audit:schema:{what}:v1");
    schema.insert("$id".to_owned(), id.into());
    serde_json::to_writer_pretty(&mut *out, &schema)?;
    out.write_all(b"\n")
}
