//! SARIF against the schema of the standard, and against what GitHub accepts of it.

use super::json_schema::{check, holds};
use super::{bare, each, everything, parsed, setting, shapes};
use crate::tell::report::anchor::Anchor;
use crate::tell::report::sample::word;
use crate::tell::report::sarif;
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::OnceLock;

const SCHEMA: &str = include_str!("../../../../../fixtures/schemas/sarif-schema-2.1.0.json");

fn schema() -> &'static Value {
    static READ: OnceLock<Value> = OnceLock::new();
    READ.get_or_init(|| serde_json::from_str(SCHEMA).unwrap())
}

/// The schema, and GitHub's own rules ("SARIF support for code scanning"; the validator's rules
/// GH1001 to GH1006).
pub(super) fn accepted(log: &Value) {
    check(schema(), log);
    assert_eq!(log["version"], "2.1.0");
    assert!(
        log["$schema"]
            .as_str()
            .unwrap()
            .contains("sarif-schema-2.1.0.json")
    );
    let runs = log["runs"].as_array().unwrap();
    assert_eq!(runs.len(), 1, "runs of one tool and category are refused");
    let run = &runs[0];
    let text = |value: &Value, most: usize| {
        let text = value.as_str().unwrap();
        assert!(!text.is_empty() && text.chars().count() <= most, "{text}");
    };
    let driver = &run["tool"]["driver"];
    text(&driver["name"], 255);
    let rules = driver["rules"].as_array().unwrap();
    assert!(!rules.is_empty() && rules.len() <= 25_000);
    let mut ids = BTreeSet::new();
    for rule in rules {
        assert!(ids.insert(rule["id"].as_str().unwrap()));
        text(&rule["name"], 255);
        text(&rule["shortDescription"]["text"], 1_024);
        text(&rule["fullDescription"]["text"], 1_024);
        text(&rule["help"]["text"], usize::MAX);
        let level = rule["defaultConfiguration"]["level"].as_str().unwrap();
        assert!(["note", "warning", "error"].contains(&level));
        let properties = &rule["properties"];
        let tags = properties["tags"].as_array().unwrap();
        assert!(tags.len() <= 10 && tags.contains(&"security".into()));
        let severity: f64 = properties["security-severity"]
            .as_str()
            .unwrap()
            .parse()
            .unwrap();
        assert!(severity > 0.0 && severity <= 10.0);
        let precision = properties["precision"].as_str().unwrap();
        assert!(["very-high", "high", "medium", "low"].contains(&precision));
    }
    let artifacts = run["artifacts"].as_array().unwrap();
    let results = run["results"].as_array().unwrap();
    assert!(results.len() <= 25_000);
    let mut fingerprints = BTreeSet::new();
    for result in results {
        let rule = &rules[result["ruleIndex"].as_u64().unwrap() as usize];
        assert_eq!(rule["id"], result["ruleId"]);
        text(&result["message"]["text"], 10_000);
        let print = &result["partialFingerprints"]["primaryLocationLineHash"];
        assert!(fingerprints.insert((result["ruleId"].as_str().unwrap(), print.as_str().unwrap())));
        let places = result["locations"].as_array().unwrap();
        assert_eq!(places.len(), 1, "one place, the only one that is used");
        let place = &places[0]["physicalLocation"];
        let file = &place["artifactLocation"];
        let uri = file["uri"].as_str().unwrap();
        assert!(
            !uri.is_empty() && !uri.starts_with('/') && !uri.split('/').any(|part| part == ".."),
            "{uri}"
        );
        assert!(!uri.contains(':'), "relative, so without a scheme: {uri}");
        let base = file["uriBaseId"].as_str().unwrap();
        assert!(run["originalUriBaseIds"][base].is_object());
        let artifact = &artifacts[file["index"].as_u64().unwrap() as usize];
        assert_eq!(artifact["location"]["uri"], uri);
        for edge in ["startLine", "startColumn", "endLine", "endColumn"] {
            assert!(place["region"][edge].as_u64().unwrap() > 0);
        }
        if let Some(target) = result.get("analysisTarget") {
            let artifact = &artifacts[target["index"].as_u64().unwrap() as usize];
            assert_eq!(artifact["location"]["uri"], target["uri"]);
        }
        for taxon in result["taxa"].as_array().into_iter().flatten() {
            let taxonomy =
                &run["taxonomies"][taxon["toolComponent"]["index"].as_u64().unwrap() as usize];
            assert_eq!(taxonomy["name"], taxon["toolComponent"]["name"]);
            assert_eq!(
                taxonomy["taxa"][taxon["index"].as_u64().unwrap() as usize]["id"],
                taxon["id"]
            );
        }
    }
    let invocation = &run["invocations"][0];
    assert_eq!(invocation["executionSuccessful"], true);
    assert!(invocation["exitCode"].is_u64());
}

fn results(log: &Value) -> &Vec<Value> {
    log["runs"][0]["results"].as_array().unwrap()
}

#[test]
fn the_standard_and_github_accept_every_shape() {
    for report in shapes() {
        let log = parsed("sarif", &report);
        accepted(&log);
        let mut broken = log.clone();
        broken["runs"][0]["results"][0]["frames"] = Value::Null;
        assert!(
            !holds(schema(), &broken),
            "the checker sees a foreign field"
        );
    }
}

#[test]
fn levels_follow_what_a_finding_does() {
    let log = parsed("sarif", &everything());
    let level = |id: &str| {
        let mut found = results(&log).iter();
        let print = |r: &&Value| r["partialFingerprints"]["droneAuditFinding/v1"] == id;
        found.find(print).unwrap_or_else(|| panic!("{id}"))
    };
    assert_eq!(level("f2")["level"], "error");
    assert_eq!(
        level("f1")["level"],
        "warning",
        "a third party's traffic is suspect"
    );
    assert_eq!(level("f4")["level"], "note", "in a grace");
    assert_eq!(level("f4")["baselineState"], "unchanged");
    let allowed = level("f3");
    assert_eq!(allowed["level"], "note");
    let why = allowed["suppressions"][0]["justification"]
        .as_str()
        .unwrap();
    assert_eq!(why, "time: The phone keeps its clock (until 2026-12-31)");
    // The inconclusive claim has no findings: each of its reasons is a result.
    let open = results(&log)
        .iter()
        .filter(|r| r["properties"]["claims"][0] == "us-storage");
    let open: Vec<_> = open
        .map(|r| (r["ruleId"].as_str().unwrap(), r["level"].as_str().unwrap()))
        .collect();
    assert_eq!(
        open,
        [("no-upload-seen", "warning"), ("kernel-drops", "warning")]
    );
    assert_eq!(
        results(&log)[0]["level"],
        "error",
        "the heaviest come first"
    );
    let run = &log["runs"][0];
    assert_eq!(
        run["invocations"][0]["exitCode"], 0,
        "--exit-zero was given"
    );
    assert_eq!(run["artifacts"][1]["hashes"]["sha-256"], "5a".repeat(32));
    let place = &results(&log)[0]["locations"][0]["physicalLocation"]["artifactLocation"];
    assert_eq!(
        place["uri"], "audits/case.toml",
        "the case file, as the command line names it"
    );
}

#[test]
fn a_claim_that_is_consistent_has_no_result_and_is_still_named() {
    let mut report = bare();
    report.verdict = word("consistent");
    report.claims[0].verdict = word("consistent");
    let log = parsed("sarif", &report);
    accepted(&log);
    assert!(results(&log).is_empty());
    let said = &log["runs"][0]["invocations"][0]["toolExecutionNotifications"][0];
    assert_eq!(said["message"]["text"], "local-data-mode is consistent.");
}

#[test]
fn the_given_line_is_the_place_of_every_result() {
    let anchor = Anchor::parse("audits/flight 12.toml:7").unwrap();
    let mut out = Vec::new();
    sarif::write(&each(), &setting(Some(&anchor)), &mut out).unwrap();
    let log: Value = serde_json::from_slice(&out).unwrap();
    accepted(&log);
    for result in results(&log) {
        let place = &result["locations"][0]["physicalLocation"];
        assert_eq!(place["artifactLocation"]["uri"], "audits/flight%2012.toml");
        assert_eq!(place["region"]["startLine"], 7);
    }
    // Frames of the second session are those of the second capture.
    let second = results(&log)
        .iter()
        .filter(|r| r["properties"]["session"] == 2);
    for result in second.filter(|r| r.get("analysisTarget").is_some()) {
        assert_eq!(result["analysisTarget"]["uri"], "second.pcap");
        assert_eq!(result["properties"]["frames"][0]["input"], 1);
    }
}

#[test]
fn fingerprints_do_not_move_with_frames_times_and_paths() {
    let mut later = everything();
    later.inputs[0].path = "other.pcapng".to_owned();
    later.run.started = "2027-01-01T00:00:00Z".to_owned();
    for finding in &mut later.findings {
        finding.first = None;
        finding.frames.iter_mut().for_each(|f| f.frame += 1000);
    }
    let prints = |report| -> Vec<Value> {
        let log = parsed("sarif", &report);
        results(&log)
            .iter()
            .map(|r| r["partialFingerprints"].clone())
            .collect()
    };
    assert_eq!(prints(everything()), prints(later));
}
