//! Every format of `check` on real captures: one exit code, one truth.

use crate::support::run;
use serde_json::Value;
use std::collections::BTreeSet;

const FORMATS: &[&str] = &[
    "table", "full", "json", "ndjson", "csv", "markdown", "html", "sarif", "junit", "github",
    "intoto",
];

#[test]
fn the_exit_code_never_depends_on_the_format() {
    for (capture, code) in [
        ("tls-vendor-session.pcap", 1),
        ("unexplained-session.pcap", 3),
        ("honest-flight.pcap", 0),
    ] {
        for format in FORMATS {
            let ran = run(["check", "-o", format, capture]);
            assert_eq!((ran.code, ran.err.as_str()), (code, ""), "{format}");
            assert!(!ran.text().is_empty() || *format == "github", "{format}");
        }
    }
}

#[test]
fn the_guide_says_what_every_format_is_for() {
    let guide = run(["explain", "guide"]);
    let help = run(["check", "--help"]);
    for format in FORMATS {
        assert!(
            guide.text().contains(&format!("\n  `{format}` ")),
            "no row for {format} in the table of formats"
        );
        assert!(help.text().contains(format), "{format} is not in the help");
    }
}

#[test]
fn formats_name_the_same_findings() {
    let of = |format: &str| run(["check", "-o", format, "tls-vendor-session.pcap"]);
    let report = of("json").report();
    let ids: BTreeSet<&str> = report["findings"]
        .as_array()
        .expect("findings")
        .iter()
        .filter_map(|f| f["id"].as_str())
        .collect();
    assert!(!ids.is_empty());
    let sarif: Value = serde_json::from_str(of("sarif").text()).expect("JSON");
    let marked: BTreeSet<&str> = sarif["runs"][0]["results"]
        .as_array()
        .expect("results")
        .iter()
        .filter_map(|r| r["partialFingerprints"]["droneAuditFinding/v1"].as_str())
        .collect();
    for id in &ids {
        assert!(marked.contains(id), "{id} is not in {marked:?}");
        for format in ["ndjson", "csv", "html"] {
            assert!(of(format).text().contains(id), "{id} is not in {format}");
        }
    }
    assert_eq!(sarif["version"], "2.1.0");
    let junit = of("junit");
    assert!(junit.text().contains("<failure"), "{}", junit.text());
    let statement: Value = serde_json::from_str(of("intoto").text()).expect("JSON");
    assert_eq!(statement["_type"], "https://in-toto.io/Statement/v1");
    assert_eq!(statement["predicate"]["result"], "FAILED");
    assert_eq!(
        statement["subject"][0]["digest"]["sha256"],
        report["inputs"][0]["sha256"]
    );
}

#[test]
fn an_inconclusive_claim_is_no_pass_anywhere() {
    let of = |format: &str| run(["check", "-o", format, "unexplained-session.pcap"]);
    assert!(of("junit").text().contains("<error"));
    let statement: Value = serde_json::from_str(of("intoto").text()).expect("JSON");
    assert_ne!(statement["predicate"]["result"], "PASSED");
    assert!(
        of("github").text().starts_with("::warning"),
        "{}",
        of("github").text()
    );
}

#[test]
fn results_point_at_the_line_that_was_named() {
    let annotate = "README.md:3";
    let ran = run([
        "check",
        "-o",
        "sarif",
        "--annotate",
        annotate,
        "tls-vendor-session.pcap",
    ]);
    let sarif: Value = serde_json::from_str(ran.text()).expect("JSON");
    let place = &sarif["runs"][0]["results"][0]["locations"][0]["physicalLocation"];
    assert_eq!(place["region"]["startLine"], 3, "{place:#}");
}
