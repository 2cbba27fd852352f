//! `emit`: what is built into the program.

mod completions;
mod manual;

use crate::app::cli::{Embedded, Emit};
use crate::ground::error::Error;
use crate::judge::{case, locate};
use crate::tell::campaign;
use crate::tell::report::format::Format;
use crate::tell::report::output::Output;
use crate::tell::report::schema;
use crate::tell::tables;
use std::io::{self, Write};

pub(super) fn run(options: &Emit) -> Result<u8, Error> {
    let name = options.name.as_deref();
    match options.what {
        Embedded::Schema => print(|out| out.write_all(schema::REPORT.as_bytes())),
        Embedded::CaseSchema => print(|out| out.write_all(case::SCHEMA.as_bytes())),
        Embedded::FitnessSchema => print(|out| out.write_all(schema::FITNESS.as_bytes())),
        Embedded::DiffSchema => print(|out| out.write_all(schema::DIFF.as_bytes())),
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
