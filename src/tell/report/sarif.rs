//! SARIF 2.1.0 for code scanning: one run, one result per finding and per open reason.
//!
//! Documents: the OASIS standard with its schema (`fixtures/schemas/`), and what GitHub takes of it
//! ("SARIF support for code scanning").
//!
//! - **Place.** Code scanning refuses a file in which one result has no place in a text file, and a
//!   packet has none. Every result therefore points at the [`Anchor`]: the line given by
//!   `--annotate`, else the case file, else the capture. The packets are in the result's properties.
//! - **Identity.** `partialFingerprints` are those of the finding: meaning, not position. Without
//!   them all results of a file would be told apart by their rule alone.
//! - **Level.** What contradicts is `error`; what leaves a claim inconclusive is `warning`; what
//!   does not affect the verdict (allowed, in a grace) is `note`, and what an allowance covers is suppressed
//!   with its justification. `security-severity` ranks in the same order, it is no CVSS score.
//! - **No result is no verdict.** A consistent claim has no result; the verdict of every claim is a
//!   notification of the invocation and stands in the run's properties, as do the blocking gaps.
//!
//! Limits of GitHub: 25,000 results of which 5,000 are shown, 10 MB packed. The heaviest come
//! first, and a notification says how many were left out.
//!
//! Written as JSON and not through the types of `serde-sarif`: those are generated from the schema by a build script, which
//! costs every build more than it saves here, where a dozen of its objects occur. The tests hold each log against the schema
//! itself and against what code scanning takes.

mod results;
mod rules;
mod taxonomy;

use super::anchor::{Anchor, uri};
use super::ascii_json;
use super::format::{Format, Setting};
use super::v1::{Input, Report};
use super::weight::{exit_code, sessions};
use crate::ground::text;
use serde_json::{Map, Value, json};
use std::io::{self, Write};

/// This format.
pub const FORMAT: Format = Format::new("sarif", "code scanning (SARIF 2.1.0); see --annotate");

const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";
/// Where relative URIs begin: the repository for places, the captures' folder for captures.
const REPOSITORY: &str = "%SRCROOT%";
const CAPTURES: &str = "CAPTURES";
/// The page of the program, as `Cargo.toml` names it.
const HOME: &str = env!("CARGO_PKG_REPOSITORY");
/// Results of a run that GitHub accepts.
const RESULTS_MAX: usize = 25_000;
/// Notifications of gaps: a gap per frame would bury the rest.
const NOTIFICATIONS_MAX: usize = 500;
/// Columns of a message; the first sentence is the title of an alert.
const MESSAGE_MAX: usize = 1_000;

/// Writes the log.
///
/// # Errors
/// When the writer fails.
pub fn write(report: &Report, setting: &Setting<'_>, out: &mut dyn Write) -> io::Result<()> {
    let anchor = Anchor::of(report, setting.anchor);
    ascii_json::pretty(&log(report, &anchor, RESULTS_MAX), out)
}

fn log(report: &Report, anchor: &Anchor, most: usize) -> Value {
    let rules = rules::Rules::of(report);
    // In the case file each claim has a line of its own.
    let in_case = *anchor == Anchor::of(report, None);
    let lines = report.case.as_ref().filter(|_| in_case);
    let lines = lines.map(|case| case.lines.clone()).unwrap_or_default();
    let mut results = results::results(report, &rules, anchor, &lines);
    let omitted = results.len().saturating_sub(most);
    results.truncate(most);
    let mut driver = json!({
        "name": report.tool.name,
        "semanticVersion": report.tool.version,
        "rules": rules.descriptors(),
        "supportedTaxonomies": taxonomy::references(),
    });
    // Where the program can be read about; nothing where the package does not say.
    if let (Some(driver), false) = (driver.as_object_mut(), HOME.is_empty()) {
        driver.insert("informationUri".to_owned(), HOME.into());
    }
    let run = json!({
        "tool": { "driver": driver },
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {
            REPOSITORY: { "description": message("The root of the repository.") },
            CAPTURES: { "description": message("The folder of the captures.") },
        },
        "taxonomies": taxonomy::taxonomies(),
        "artifacts": artifacts(report, anchor),
        "invocations": [invocation(report, omitted)],
        "results": results,
        "properties": {
            "verdict": report.verdict,
            "digest": report.digest,
            "catalogSha256": report.tool.catalog_sha256,
            "claims": report.claims.iter().map(|claim| json!({
                "id": claim.id,
                "statement": plain(&claim.statement),
                "source": plain(&claim.source),
                "verdict": claim.verdict,
            })).collect::<Vec<_>>(),
            "omittedResults": omitted,
        },
    });
    json!({ "$schema": SCHEMA, "version": "2.1.0", "runs": [run] })
}

/// Captured text, as text of an object that is no message.
fn plain(text: &str) -> String {
    text::shorten(text, MESSAGE_MAX)
}

/// A plain text message (§3.11): no captured text makes an embedded link (§3.11.6).
fn message(text: &str) -> Value {
    let mut out = String::new();
    for c in plain(text).chars() {
        if ['[', ']', '\\'].contains(&c) {
            out.push('\\');
        }
        out.push(c);
    }
    // A message may not be empty for GitHub.
    json!({ "text": if out.is_empty() { "(no text)" } else { &out } })
}

/// The place of results, then the captures in the order of the report's inputs.
fn artifacts(report: &Report, anchor: &Anchor) -> Vec<Value> {
    let place = json!({
        "location": { "uri": anchor.uri(), "uriBaseId": REPOSITORY, "index": 0 },
        "roles": ["referencedOnCommandLine"],
    });
    let captures = (1usize..).zip(&report.inputs);
    let captures = captures.map(|(index, input)| capture(index, input));
    std::iter::once(place).chain(captures).collect()
}

fn capture(index: usize, input: &Input) -> Value {
    let mut artifact = Map::new();
    artifact.insert(
        "location".to_owned(),
        json!({ "uri": uri(&input.path), "uriBaseId": CAPTURES, "index": index }),
    );
    artifact.insert("roles".to_owned(), json!(["analysisTarget"]));
    artifact.insert("length".to_owned(), json!(input.bytes));
    if let Some(hash) = &input.sha256 {
        artifact.insert("hashes".to_owned(), json!({ "sha-256": hash }));
    }
    if input.format == "pcap" {
        // The only one of the container formats that IANA has registered.
        let kind = json!("application/vnd.tcpdump.pcap");
        artifact.insert("mimeType".to_owned(), kind);
    }
    artifact.insert(
        "properties".to_owned(),
        json!({ "packets": input.packets, "first": input.first, "last": input.last }),
    );
    Value::Object(artifact)
}

fn invocation(report: &Report, omitted: usize) -> Value {
    let code = exit_code(report);
    let mut it = Map::new();
    it.insert("executionSuccessful".to_owned(), json!(true));
    it.insert("exitCode".to_owned(), json!(code));
    let softened = if report.scope.softened.is_empty() {
        String::new()
    } else {
        format!(", softened by {}", report.scope.softened.join(" "))
    };
    let why = format!("the verdict is {}{softened}", report.verdict);
    it.insert("exitCodeDescription".to_owned(), json!(plain(&why)));
    if !report.run.arguments.is_empty() {
        it.insert("arguments".to_owned(), json!(report.run.arguments));
    }
    if !report.run.started.is_empty() {
        it.insert("startTimeUtc".to_owned(), json!(report.run.started));
    }
    it.insert(
        "toolExecutionNotifications".to_owned(),
        json!(notifications(report, omitted)),
    );
    Value::Object(it)
}

/// The verdicts, what was left out, and the gaps.
fn notifications(report: &Report, omitted: usize) -> Vec<Value> {
    let mut all = Vec::new();
    let mut add = |level: &str, id: &str, text: &str| {
        all.push(json!({
            "level": level,
            "descriptor": { "id": id },
            "message": message(text),
        }));
    };
    for claim in &report.claims {
        let text = format!("{} is {}.", claim.id, claim.verdict);
        add("note", claim.verdict.id(), &text);
    }
    if omitted > 0 {
        let text = format!(
            "{omitted} more results than code scanning accepts were left out, the lightest; the JSON report has them."
        );
        add("warning", "limits-reached", &text);
    }
    let mut gaps = 0usize;
    for session in sessions(report) {
        let which = session.number.map(|n| format!("Session {n}: "));
        for gap in &session.report.coverage.gaps {
            gaps = gaps.saturating_add(1);
            if gaps > NOTIFICATIONS_MAX {
                continue;
            }
            let level = if gap.blocking { "warning" } else { "note" };
            let text = format!("{}{}", which.as_deref().unwrap_or_default(), gap.text);
            add(level, gap.id.word(), &text);
        }
    }
    let more = gaps.saturating_sub(NOTIFICATIONS_MAX);
    if more > 0 {
        add(
            "warning",
            "limits-reached",
            &format!("And {more} more gaps; the JSON report has them."),
        );
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tell::report::sample::{finding, report};

    #[test]
    fn more_results_than_are_accepted_lose_the_lightest_and_say_so() {
        let mut report = report();
        report.findings = ["unknown", "shared", "vendor", "unknown"]
            .iter()
            .zip(["f1", "f2", "f3", "f4"])
            .map(|(attribution, id)| finding(id, attribution))
            .collect();
        let log = log(&report, &Anchor::of(&report, None), 2);
        let run = &log["runs"][0];
        let results = run["results"].as_array().unwrap();
        assert_eq!(results.len(), 2);
        assert_eq!(results[0]["level"], "error");
        assert_eq!(run["properties"]["omittedResults"], 2);
        let said = run["invocations"][0]["toolExecutionNotifications"].to_string();
        assert!(said.contains("2 more results"), "{said}");
    }
}
