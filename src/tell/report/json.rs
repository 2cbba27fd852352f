//! The report as one JSON object, and the digest over it.
//!
//! What could move a cursor or turn the reading order is escaped; the digest is over the values.

use super::ascii_json;
use super::v1::Report;
use crate::ground::hex::hex;
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::io::{self, Write};

/// Writes the report, indented, with a line break at the end.
///
/// # Errors
/// When the writer fails.
pub fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    ascii_json::pretty(report, out)
}

/// SHA-256 of the report without `run` and `digest`, as compact JSON with sorted keys. Sessions
/// inside keep their digests and lose their runs.
///
/// Written part by part: a second copy of a large report would cost more memory than the audit.
pub fn digest(report: &Report) -> String {
    let mut hash = Sha256::new();
    hash.update(b"{");
    let mut first = true;
    let mut part = |name: &str, write: &dyn Fn(&mut Sha256)| {
        if !std::mem::take(&mut first) {
            hash.update(b",");
        }
        hash.update(format!("\"{name}\":").as_bytes());
        write(&mut hash);
    };
    part("against", &|h| one(h, &report.against));
    part("baseline", &|h| one(h, &report.baseline));
    part("case", &|h| one(h, &report.case));
    part("claims", &|h| list(h, &report.claims));
    part("clocks", &|h| list(h, &report.clocks));
    part("coverage", &|h| one(h, &report.coverage));
    part("destinations", &|h| list(h, &report.destinations));
    part("findings", &|h| list(h, &report.findings));
    part("inputs", &|h| list(h, &report.inputs));
    part("limits", &|h| list(h, &report.limits));
    part("lookups", &|h| list(h, &report.lookups));
    part("schema", &|h| one(h, &report.schema));
    part("scope", &|h| one(h, &report.scope));
    part("sessions", &|h| sessions(h, &report.sessions));
    part("timeline", &|h| one(h, &report.timeline));
    part("tool", &|h| one(h, &report.tool));
    part("verdict", &|h| one(h, &report.verdict));
    hash.update(b"}");
    hex(&hash.finalize())
}

/// The same digest of a report that was read as JSON, whatever fields its version has: `run` and
/// `digest` are taken off the value.
pub fn digest_of_value(report: &mut Value) -> String {
    if let Some(fields) = report.as_object_mut() {
        fields.remove("run");
        fields.remove("digest");
        if let Some(Value::Array(sessions)) = fields.get_mut("sessions") {
            for session in sessions.iter_mut().filter_map(Value::as_object_mut) {
                session.remove("run");
            }
        }
    }
    let mut hash = Hashing(Sha256::new());
    // Nothing of a value can fail to be written, and a hash takes everything.
    let _ = serde_json::to_writer(&mut hash, report);
    hex(&hash.0.finalize())
}

/// Takes the place of a text that would only be hashed.
struct Hashing(Sha256);

impl Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A value by way of [`Value`], whose objects have sorted keys.
fn one(hash: &mut Sha256, value: &impl Serialize) {
    if let Ok(value) = serde_json::to_value(value) {
        hash.update(value.to_string().as_bytes());
    }
}

fn list(hash: &mut Sha256, values: &[impl Serialize]) {
    each(hash, values, one);
}

fn each<T>(hash: &mut Sha256, values: &[T], write: impl Fn(&mut Sha256, &T)) {
    hash.update(b"[");
    for (at, value) in values.iter().enumerate() {
        if at > 0 {
            hash.update(b",");
        }
        write(hash, value);
    }
    hash.update(b"]");
}

fn sessions(hash: &mut Sha256, sessions: &[Report]) {
    each(hash, sessions, |hash, session| {
        if let Ok(mut value) = serde_json::to_value(session)
            && let Some(fields) = value.as_object_mut()
        {
            fields.remove("run");
            hash.update(value.to_string().as_bytes());
        }
    });
}
