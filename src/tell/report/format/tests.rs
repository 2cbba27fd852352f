//! The formats against the documents that define them, and against text that attacks.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::arithmetic_side_effects
)]

mod code_scanning;
mod hostile;
mod in_toto;
mod json_schema;
mod test_panes;
mod xml;

use super::*;
use crate::tell::report::sample::word;
use crate::tell::report::sample::{claim, finding, report};
use crate::tell::report::v1;
use serde_json::Value;

/// A case file with an allowance.
pub(in crate::tell::report) fn case() -> v1::CaseFile {
    v1::CaseFile {
        lines: [("local-data-mode".to_owned(), 12)].into(),
        path: "case.toml".to_owned(),
        sha256: "ca".repeat(32),
        title: Some("Flight 12".to_owned()),
        reported: Default::default(),
        operator_country: Some("US".to_owned()),
        events: Vec::new(),
        beacons: Vec::new(),
        allowances: vec![v1::Allowance {
            id: "time".to_owned(),
            covers: "NTP at pool.ntp.org".to_owned(),
            reason: "The phone keeps its clock".to_owned(),
            expires: "2026-12-31".to_owned(),
            expired: false,
            budget_bytes: Some(4096),
            used_bytes: 96,
            findings: vec!["f3".to_owned()],
        }],
    }
}

/// The sample with one finding of each weight, a case file, and a claim of each verdict.
fn everything() -> v1::Report {
    let mut report = report();
    report.case = Some(case());
    let mut allowed = finding("f3", "unknown");
    allowed.allowed = Some("time".to_owned());
    allowed.rule = "unattributed-internet".to_owned();
    let mut grace = finding("f4", "vendor");
    grace.grace = true;
    grace.known = Some(true);
    let mut lookup = finding("f5", "vendor");
    lookup.rule = "vendor-lookup".to_owned();
    lookup.stage = word("lookup");
    lookup.destination = None;
    lookup.lookup = Some("\u{430}pi.dji.com".to_owned());
    report.findings.extend([allowed, grace, lookup]);
    let all = ["f1", "f2", "f3", "f4", "f5"].map(str::to_owned);
    report.claims[0].findings = all.to_vec();
    let mut open = claim("us-storage", "inconclusive", &[]);
    open.reasons = [
        ("no-upload-seen", "No upload was seen."),
        ("kernel-drops", "12 packets were lost."),
    ]
    .map(|(id, text)| v1::Reason {
        id: id.to_owned(),
        text: text.to_owned(),
    })
    .to_vec();
    let mut fine = claim("no-cn-hk-tw", "consistent", &[]);
    fine.reasons.clear();
    report.claims.extend([fine, open]);
    report.run.started = "2026-01-02T03:04:05.123456Z".to_owned();
    report.run.seconds = 1.25;
    report.run.arguments = ["check", "--case", "audits/case.toml"]
        .map(str::to_owned)
        .to_vec();
    report.run.paths = vec!["captures/flight.pcapng".to_owned()];
    report
}

/// Two sessions, as `--each` puts them together.
fn each() -> v1::Report {
    let mut report = everything();
    let mut second = self::report();
    second.inputs[0].path = "second.pcap".to_owned();
    second.inputs[0].format = "pcap".to_owned();
    report.inputs.extend(second.inputs.clone());
    report.sessions = vec![everything(), second];
    report.findings.clear();
    report.destinations.clear();
    report.lookups.clear();
    report.coverage.gaps.clear();
    report
}

/// Nothing was read and nothing is known.
fn bare() -> v1::Report {
    let mut report = report();
    report.verdict = word("inconclusive");
    report.claims = vec![claim("local-data-mode", "inconclusive", &[])];
    report.claims[0].reasons.clear();
    report.findings.clear();
    report.destinations.clear();
    report.lookups.clear();
    report.coverage.gaps.clear();
    report.scope.softened.clear();
    report
}

/// Reports of every shape.
fn shapes() -> [v1::Report; 4] {
    [report(), everything(), each(), bare()]
}

fn setting(anchor: Option<&Anchor>) -> Setting<'_> {
    Setting {
        style: Style {
            width: 100,
            color: false,
        },
        anchor,
    }
}

/// A report in the format of this name.
fn written(name: &str, report: &v1::Report) -> String {
    let format = of_check().into_iter().find(|f| f.name == name).unwrap();
    let mut out = Vec::new();
    writer(format)(report, &setting(None), &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn parsed(name: &str, report: &v1::Report) -> Value {
    serde_json::from_str(&written(name, report)).unwrap()
}

#[test]
fn the_sample_in_every_format() {
    for name in ["ndjson", "csv", "markdown", "junit", "github", "intoto"] {
        insta::assert_snapshot!(name, written(name, &everything()));
    }
    insta::assert_snapshot!("markdown-each", written("markdown", &each()));
    // Of the rules their ids are enough here: their texts are those of `explain`.
    let mut sarif = parsed("sarif", &everything());
    let rules = &mut sarif["runs"][0]["tool"]["driver"]["rules"];
    let ids = rules
        .as_array()
        .unwrap()
        .iter()
        .map(|rule| rule["id"].clone());
    *rules = ids.collect();
    insta::assert_json_snapshot!("sarif", sarif);
}

#[test]
fn our_json_is_what_our_schema_says() {
    let schema: Value = serde_json::from_str(crate::tell::report::schema::REPORT).unwrap();
    for report in shapes() {
        json_schema::check(&schema, &parsed("json", &report));
    }
}

#[test]
fn every_line_of_ndjson_has_a_type_and_the_fields_of_the_json_report() {
    let report = each();
    let lines: Vec<Value> = written("ndjson", &report)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines[0]["type"], "report");
    assert_eq!(lines[0]["schema"], v1::SCHEMA);
    let json = parsed("json", &report);
    for (kind, list) in [
        ("claim", "/claims"),
        ("finding", "/findings"),
        ("destination", "/destinations"),
        ("lookup", "/lookups"),
        ("gap", "/coverage/gaps"),
    ] {
        for session in [1, 2] {
            let ours = lines
                .iter()
                .filter(|l| l["type"] == kind && l["session"] == session);
            let ours: Vec<Value> = ours
                .map(|line| {
                    let mut line = line.as_object().unwrap().clone();
                    line.remove("type");
                    line.remove("session");
                    Value::Object(line)
                })
                .collect();
            let theirs = json["sessions"][session - 1].pointer(list).unwrap();
            assert_eq!(&Value::Array(ours), theirs, "{kind} {session}");
        }
    }
    assert_eq!(lines.iter().filter(|l| l["type"] == "session").count(), 2);
    let together = lines
        .iter()
        .filter(|l| l["type"] == "claim" && l["session"].is_null());
    assert_eq!(together.count(), report.claims.len());
}

#[test]
fn names_of_formats_are_unique_and_each_has_a_purpose() {
    let formats = of_check();
    for (index, format) in formats.iter().enumerate() {
        assert!(!format.purpose.is_empty());
        assert!(
            formats[index + 1..]
                .iter()
                .all(|other| other.name != format.name)
        );
    }
}

#[test]
fn a_claim_that_is_not_consistent_is_never_shown_as_a_pass() {
    for (verdict, code) in [("inconclusive", 3), ("contradicted", 1)] {
        let mut report = bare();
        report.verdict = word(verdict);
        report.claims[0].verdict = word(verdict);
        assert_eq!(crate::tell::report::weight::exit_code(&report), code);
        let junit = written("junit", &report);
        assert!(
            junit.contains("<error") || junit.contains("<failure"),
            "{junit}"
        );
        let github = written("github", &report);
        assert!(!github.contains("::notice"), "{github}");
        let intoto = parsed("intoto", &report);
        assert_ne!(intoto["predicate"]["result"], "PASSED");
        assert_eq!(intoto["predicate"]["passedTests"], Value::Array(vec![]));
        let sarif = parsed("sarif", &report);
        let results = sarif["runs"][0]["results"].as_array().unwrap();
        assert!(
            verdict == "contradicted" || !results.is_empty(),
            "{verdict}"
        );
    }
}
