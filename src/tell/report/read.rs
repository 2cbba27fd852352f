//! Reading a JSON report back (`drone-audit/report/v1`), and whether it is still what was written.
//!
//! The digest in a report is a checksum over its content, not a signature: it tells an edited or
//! cut file from a whole one, and tells nothing about who wrote it.

use super::json::digest_of_value;
use super::v1::{Report, SCHEMA};
use crate::ground::error::{Error, reason};
use crate::ground::text;
use serde::Deserialize;
use serde_json::Value;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Largest report that is read: 4000 destinations and as many lookups take some ten megabytes, and ten thousand
/// small sessions of `--each` ninety. In memory it takes some ten times as much.
pub const REPORT_MAX: u64 = 128 << 20;

/// What to do about a file that is no whole report.
const ANEW: &str = "write it with: drone-audit check -o json=FILE CAPTURE";

/// The byte order mark that some editors put before UTF-8.
const MARK: &[u8] = b"\xef\xbb\xbf";

/// True for what begins as a JSON object does: a capture never does.
pub fn is_json(start: &[u8]) -> bool {
    let start = start.strip_prefix(MARK).unwrap_or(start);
    start.trim_ascii_start().first() == Some(&b'{')
}

/// Reads the report at `path`.
///
/// # Errors
/// When it cannot be read, is no report of this version, or is not what its digest says.
pub fn report(path: &Path) -> Result<Report, Error> {
    parse(&path.display().to_string(), &bytes(path)?)
}

/// The bytes of the report at `path`.
///
/// # Errors
/// When it cannot be read.
pub fn bytes(path: &Path) -> Result<Vec<u8>, Error> {
    let place = path.display().to_string();
    let refuse = |e: std::io::Error| {
        Error::at(&place, format!("cannot read the report: {}", reason(&e)))
            .advise("check the path")
    };
    // Asked before: Windows would say that access to it is denied.
    if path.is_dir() {
        return Err(Error::at(place, "is a directory, not a report").advise(ANEW));
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(refuse)?;
    file.take(REPORT_MAX.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(refuse)?;
    Ok(bytes)
}

/// Reads a report from its bytes; `place` is for messages.
///
/// # Errors
/// As [`report`].
pub fn parse(place: &str, bytes: &[u8]) -> Result<Report, Error> {
    let read = unchecked(place, bytes)?;
    if !read.is_whole {
        return Err(Error::at(place, EDITED).advise(ANEW));
    }
    Ok(read.report)
}

/// What a report says of which the digest does not match.
pub const EDITED: &str =
    "its digest does not match its content: it was changed after it was written";

/// A report as it was read.
#[derive(Debug, Clone)]
pub struct Unchecked {
    /// The report.
    pub report: Report,
    /// As it stands in the file, fields of later versions among it; without `run` and `digest`.
    pub value: Value,
    /// Its digest matches its content.
    pub is_whole: bool,
}

/// Reads a report from its bytes, whether or not it was changed since it was written.
///
/// # Errors
/// When it is no report of this version.
pub fn unchecked(place: &str, bytes: &[u8]) -> Result<Unchecked, Error> {
    within(place, bytes, REPORT_MAX)
}

/// As [`unchecked`], of at most `most` bytes.
fn within(place: &str, bytes: &[u8], most: u64) -> Result<Unchecked, Error> {
    let refuse = |what: String| Err(Error::at(place, what).advise(ANEW));
    if bytes.len() as u64 > most {
        return refuse(format!(
            "is longer than any report that is read ({most} bytes)"
        ));
    }
    let bytes = bytes.strip_prefix(MARK).unwrap_or(bytes);
    if bytes.trim_ascii().is_empty() {
        return refuse("is empty, and no report".to_owned());
    }
    let mut value: Value = match serde_json::from_slice(bytes) {
        Ok(value) => value,
        Err(e) if !is_json(bytes) => return refuse(format!("is no JSON report: {e}")),
        Err(e) => return refuse(format!("is no whole JSON report: {e}")),
    };
    match value.get("schema").and_then(Value::as_str) {
        Some(SCHEMA) => {}
        Some(other) => {
            /// Columns of a foreign schema that a message repeats.
            const SHOWN_MAX: usize = 60;
            let other = text::shorten(other, SHOWN_MAX);
            return refuse(format!(
                "is JSON, but no report: its schema is '{other}', not '{SCHEMA}'"
            ));
        }
        None => {
            return refuse(format!(
                "is JSON, but no report: it names no schema, and not '{SCHEMA}'"
            ));
        }
    }
    let report = match Report::deserialize(&value) {
        Ok(report) => report,
        Err(e) => return refuse(format!("is no whole report: {e}")),
    };
    let is_whole = digest_of_value(&mut value) == report.digest;
    Ok(Unchecked {
        report,
        value,
        is_whole,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tell::report::{json, sample};

    fn written() -> Vec<u8> {
        let mut report = sample::report();
        report.run.seconds = 0.1 + 0.2;
        report.timeline.step_seconds = 10;
        let mut session = sample::report();
        session.digest = json::digest(&session);
        report.sessions = vec![session];
        report.digest = json::digest(&report);
        let mut out = Vec::new();
        json::write(&report, &mut out).unwrap();
        out
    }

    fn refused(bytes: &[u8]) -> String {
        let line = parse("r.json", bytes).unwrap_err().to_string();
        assert_eq!(line.lines().count(), 1, "{line}");
        assert!(line.starts_with("r.json: ") && line.ends_with(&format!("({ANEW})")));
        line
    }

    #[test]
    fn what_was_written_is_read_in_any_layout() {
        let bytes = written();
        let report = parse("r.json", &bytes).unwrap();
        assert_eq!(report.digest, json::digest(&report));
        let value: Value = serde_json::from_slice(&bytes).unwrap();
        assert!(parse("r.json", value.to_string().as_bytes()).is_ok());
        assert!(parse("r.json", &[MARK, &bytes].concat()).is_ok());
        assert!(is_json(&[MARK, b" \r\n{"].concat()) && !is_json(b"[{") && !is_json(b""));
        // Runs are outside the digest; fields of a later version are inside it.
        let mut value: Value = serde_json::from_slice(&bytes).unwrap();
        value["run"]["seconds"] = 7.into();
        value["sessions"][0]["run"]["seconds"] = 7.into();
        assert!(parse("r.json", value.to_string().as_bytes()).is_ok());
        value["later"] = "x".into();
        assert!(refused(value.to_string().as_bytes()).contains("digest"));
        let digest = digest_of_value(&mut value.clone());
        value["digest"] = digest.into();
        assert!(parse("r.json", value.to_string().as_bytes()).is_ok());
    }

    #[test]
    fn what_was_edited_or_is_no_report_is_told_in_one_line() {
        let bytes = written();
        let text = String::from_utf8(bytes.clone()).unwrap();
        let edited = text.replacen("contradicted", "consistent", 1);
        assert_ne!(edited, text);
        assert!(refused(edited.as_bytes()).contains("its digest does not match its content"));
        assert!(refused(&bytes[..bytes.len() / 2]).contains("no whole JSON report"));
        assert!(refused(b"").contains("is empty"));
        assert!(refused(b"[]").contains("no schema"));
        assert!(refused(b"hello").contains("is no JSON report"));
        assert!(refused(b"{\"log\": {}}").contains("no schema"));
        assert!(refused(b"{\"schema\": \"a\\u001b[2J\"}").contains(r"'a\u{1b}[2J'"));
        let thin = format!("{{\"schema\": \"{SCHEMA}\"}}");
        assert!(refused(thin.as_bytes()).contains("missing field"));
        let most = bytes.len() as u64;
        assert!(within("r.json", &bytes, most).is_ok());
        let long = within("r.json", &bytes, most - 1).unwrap_err().to_string();
        assert!(long.starts_with("r.json: is longer than any report that is read"));
        assert_eq!(long.lines().count(), 1);
        let deep = "[".repeat(100_000);
        assert!(refused(deep.as_bytes()).contains("recursion"));
    }

    #[test]
    fn a_word_that_moves_something_is_refused_where_it_is_not_known_and_others_are_kept() {
        let mut value: Value = serde_json::from_slice(&written()).unwrap();
        let with = |value: &mut Value, path: &str, word: &str| {
            *value.pointer_mut(path).unwrap() = word.into();
            value["digest"] = digest_of_value(&mut value.clone()).into();
            value.to_string()
        };
        let later = with(&mut value.clone(), "/verdict", "acquitted");
        assert!(refused(later.as_bytes()).contains(
            "'acquitted' is no verdict that this version knows (consistent, inconclusive, contradicted)"
        ));
        for path in ["/findings/0/attribution", "/destinations/0/scope"] {
            let later = with(&mut value.clone(), path, "later-word");
            assert!(
                refused(later.as_bytes()).contains("'later-word' is no "),
                "{path}"
            );
        }
        for path in ["/coverage/gaps/0/id", "/destinations/0/host_source"] {
            let later = with(&mut value, path, "later-word");
            let report = parse("r.json", later.as_bytes()).unwrap();
            assert_eq!(report.digest, json::digest(&report), "{path}");
        }
    }
}
