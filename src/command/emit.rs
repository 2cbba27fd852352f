//! `emit`: what is built into the program.

use crate::cli::{Embedded, Emit};
use crate::error::Error;
use crate::locate;
use crate::report::output::{Format, Output};
use crate::report::v1;

pub(super) fn run(options: &Emit) -> Result<u8, Error> {
    Output::stdout(Format::Json).write(|out| match options.what {
        Embedded::Schema => {
            let schema = schemars::schema_for!(v1::Report);
            serde_json::to_writer_pretty(&mut *out, &schema)?;
            out.write_all(b"\n")
        }
        Embedded::Geo => out.write_all(locate::embedded_bytes()),
    })?;
    Ok(0)
}
