//! The report as one JSON object, and the digest over it.
//!
//! What could move a cursor or turn the reading order is escaped; the digest is over the values.

use super::ascii_json;
use super::sorted_json::Sorted;
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
/// Written part by part, object by object: a second copy of a large report would cost more memory than the audit.
pub fn digest(report: &Report) -> String {
    let mut parts = Parts {
        out: Hashing(Sha256::new()),
        sorted: Sorted::default(),
        any: false,
    };
    parts.one("against", &report.against);
    parts.one("baseline", &report.baseline);
    parts.one("case", &report.case);
    parts.list("claims", &report.claims, None);
    parts.list("clocks", &report.clocks, None);
    parts.one("coverage", &report.coverage);
    parts.list("destinations", &report.destinations, None);
    parts.list("findings", &report.findings, None);
    parts.list("inputs", &report.inputs, None);
    parts.list("limits", &report.limits, None);
    parts.list("lookups", &report.lookups, None);
    parts.one("schema", &report.schema);
    parts.one("scope", &report.scope);
    parts.list("sessions", &report.sessions, Some("run"));
    parts.one("timeline", &report.timeline);
    parts.one("tool", &report.tool);
    parts.one("verdict", &report.verdict);
    parts.out.0.update(b"}");
    hex(&parts.out.0.finalize())
}

/// The object of the digest, in the order of its keys.
struct Parts {
    out: Hashing,
    sorted: Sorted,
    any: bool,
}

impl Parts {
    fn key(&mut self, name: &str) {
        let before = if std::mem::replace(&mut self.any, true) {
            ","
        } else {
            "{"
        };
        self.out.0.update(format!("{before}\"{name}\":"));
    }

    fn one(&mut self, name: &str, value: &impl Serialize) {
        self.key(name);
        self.write(value, None);
    }

    /// `omit` is a field that the values do without.
    fn list(&mut self, name: &str, values: &[impl Serialize], omit: Option<&'static str>) {
        self.key(name);
        self.out.0.update(b"[");
        for (at, value) in values.iter().enumerate() {
            if at > 0 {
                self.out.0.update(b",");
            }
            self.write(value, omit);
        }
        self.out.0.update(b"]");
    }

    fn write(&mut self, value: &impl Serialize, omit: Option<&'static str>) {
        // Nothing of a report can fail to be written, and a hash takes everything.
        let _ = self.sorted.write(value, omit, &mut self.out);
    }
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
