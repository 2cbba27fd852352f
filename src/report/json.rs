//! The report as one JSON object, and the digest over it.

use super::v1::Report;
use crate::capture::hash::hex;
use sha2::{Digest, Sha256};
use std::io::{self, Write};

/// Writes the report, indented, with a line break at the end.
///
/// # Errors
/// When the writer fails.
pub fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, report)?;
    out.write_all(b"\n")
}

/// SHA-256 over the compact JSON of the report without `run` and `digest`.
///
/// Sessions inside keep their own digests in place of their runs.
pub fn digest(report: &Report) -> String {
    let Ok(mut value) = serde_json::to_value(report) else {
        return String::new();
    };
    strip(&mut value, true);
    hex(&Sha256::digest(value.to_string().as_bytes()))
}

fn strip(report: &mut serde_json::Value, outermost: bool) {
    if let Some(object) = report.as_object_mut() {
        object.remove("run");
        if outermost {
            object.remove("digest");
        }
        if let Some(sessions) = object.get_mut("sessions").and_then(|s| s.as_array_mut()) {
            for session in sessions {
                strip(session, false);
            }
        }
    }
}
