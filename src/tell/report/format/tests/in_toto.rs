//! The in-toto statement against its specification: Statement v1, ResourceDescriptor, test-result
//! v0.1 (in-toto/attestation, `spec/`).

use super::{bare, each, everything, parsed, report, setting, shapes};
use crate::tell::report::intoto;
use crate::tell::report::sample::word;
use serde_json::Value;
use std::collections::BTreeSet;

/// Checks what the three documents require.
pub(super) fn check(statement: &Value) {
    assert_eq!(statement["_type"], "https://in-toto.io/Statement/v1");
    assert_eq!(
        statement["predicateType"],
        "https://in-toto.io/attestation/test-result/v0.1"
    );
    let fields: Vec<&String> = statement.as_object().unwrap().keys().collect();
    assert_eq!(fields, ["_type", "predicate", "predicateType", "subject"]);
    let subjects = statement["subject"].as_array().unwrap();
    assert!(!subjects.is_empty());
    let mut names = BTreeSet::new();
    for subject in subjects {
        descriptor(subject);
        assert!(subject["digest"].is_object(), "a subject needs a digest");
        if let Some(name) = subject["name"].as_str() {
            assert!(names.insert(name), "{name} twice");
        }
    }
    let predicate = &statement["predicate"];
    let result = predicate["result"].as_str().unwrap();
    assert!(["PASSED", "WARNED", "FAILED"].contains(&result));
    predicate["configuration"]
        .as_array()
        .unwrap()
        .iter()
        .for_each(descriptor);
    let known = [
        "configuration",
        "failedTests",
        "passedTests",
        "result",
        "url",
        "warnedTests",
    ];
    assert!(
        predicate
            .as_object()
            .unwrap()
            .keys()
            .all(|k| known.contains(&k.as_str()))
    );
    let tests = |list: &str| {
        let names = predicate[list].as_array().unwrap().iter();
        names
            .map(|name| name.as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(result == "FAILED", !tests("failedTests").is_empty());
    if result == "PASSED" {
        assert!(tests("warnedTests").is_empty() && !tests("passedTests").is_empty());
    }
}

fn descriptor(it: &Value) {
    let fields = it.as_object().unwrap();
    let known = [
        "annotations",
        "content",
        "digest",
        "downloadLocation",
        "mediaType",
        "name",
        "uri",
    ];
    assert!(
        fields.keys().all(|key| known.contains(&key.as_str())),
        "{it}"
    );
    assert!(
        ["uri", "digest", "content"]
            .iter()
            .any(|key| fields.contains_key(*key)),
        "{it}"
    );
    if let Some(uri) = it["uri"].as_str() {
        assert!(
            uri.split_once(':')
                .is_some_and(|(scheme, _)| scheme == "pkg"),
            "{uri}"
        );
    }
    for (algorithm, value) in it["digest"].as_object().into_iter().flatten() {
        let value = value.as_str().unwrap();
        assert!(
            value
                .bytes()
                .all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')),
            "{value}"
        );
        assert_eq!(
            value.len(),
            if algorithm == "sha256" { 64 } else { 40 },
            "{algorithm}"
        );
    }
}

#[test]
fn the_specification_holds() {
    for report in shapes() {
        check(&parsed("intoto", &report));
    }
    let mut consistent = bare();
    consistent.verdict = word("consistent");
    consistent.claims[0].verdict = word("consistent");
    let statement = parsed("intoto", &consistent);
    check(&statement);
    assert_eq!(statement["predicate"]["result"], "PASSED");
    let predicate = &parsed("intoto", &everything())["predicate"];
    assert_eq!(predicate["failedTests"][0], "local-data-mode");
    assert_eq!(predicate["warnedTests"][0], "us-storage");
    assert_eq!(predicate["passedTests"][0], "no-cn-hk-tw");
}

#[test]
fn equal_captures_are_one_subject_and_without_hashes_there_is_no_statement() {
    // Both sessions of the sample are of the same bytes under two names.
    assert_eq!(
        parsed("intoto", &each())["subject"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    let mut twins = report();
    twins.inputs.push(twins.inputs[0].clone());
    twins.inputs[1].sha256 = Some("5b".repeat(32));
    let statement = parsed("intoto", &twins);
    check(&statement);
    assert_eq!(statement["subject"].as_array().unwrap().len(), 2);
    assert!(statement["subject"][0]["name"].is_null());
    twins.inputs[1].sha256 = None;
    let failed = intoto::write(&twins, &setting(None), &mut Vec::new()).unwrap_err();
    assert!(failed.to_string().contains("SHA-256"));
}
