//! The report: what it says in full, and that its schema says the same.

use crate::support::{fixtures, run};
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// A report without what changes with the program's data.
pub(crate) fn settled(arguments: &[&str]) -> Value {
    let mut report = run(["check", "-o", "json"].iter().chain(arguments)).report();
    let object = report.as_object_mut().expect("an object");
    object.remove("run");
    object.insert("digest".into(), "[digest]".into());
    object.insert("tool".into(), "[tool]".into());
    report
}

/// The answer on one screen.
fn answer(arguments: &[&str]) -> String {
    let ran = run(["check"].iter().chain(arguments));
    assert_eq!(ran.err, "");
    let text = ran.text();
    assert!(text.lines().count() <= 40, "{text}");
    text.to_owned()
}

/// A table with everything, up to where it names program and data.
pub(crate) fn table(arguments: &[&str]) -> String {
    let ran = run(["check", "-o", "full"].iter().chain(arguments));
    assert_eq!(ran.err, "");
    let (said, _) = ran
        .text()
        .split_once("── Program and data")
        .expect("the last section");
    said.to_owned()
}

#[test]
fn a_contradiction_in_full() {
    insta::assert_json_snapshot!("contradicted", settled(&["tls-vendor-session.pcap"]));
    insta::assert_snapshot!("contradicted-table", table(&["tls-vendor-session.pcap"]));
    insta::assert_snapshot!("contradicted-answer", answer(&["tls-vendor-session.pcap"]));
}

#[test]
fn an_honest_flight_in_full() {
    insta::assert_json_snapshot!("consistent", settled(&["honest-flight.pcap"]));
    insta::assert_snapshot!("consistent-table", table(&["honest-flight.pcap"]));
    insta::assert_snapshot!("consistent-answer", answer(&["honest-flight.pcap"]));
}

#[test]
fn an_open_question_in_full() {
    insta::assert_json_snapshot!("inconclusive", settled(&["unexplained-session.pcap"]));
    insta::assert_snapshot!("inconclusive-table", table(&["unexplained-session.pcap"]));
    insta::assert_snapshot!("inconclusive-answer", answer(&["unexplained-session.pcap"]));
}

/// Walks a value and the schema side by side.
pub(crate) struct Walk<'a> {
    pub(crate) whole: &'a Value,
    pub(crate) definitions: &'a Map<String, Value>,
    pub(crate) met: BTreeSet<String>,
}

impl Walk<'_> {
    pub(crate) fn value(&mut self, schema: &Value, value: &Value, at: &str) {
        if let Some(name) = schema["$ref"].as_str() {
            if name == "#" {
                return self.value(self.whole, value, at);
            }
            let name = name.rsplit('/').next().expect("a name").to_owned();
            self.met.insert(name.clone());
            let definition = self
                .definitions
                .get(&name)
                .unwrap_or_else(|| panic!("{at}: {name} is not defined"))
                .clone();
            return self.value(&definition, value, at);
        }
        if let Some(choices) = schema["anyOf"].as_array() {
            let choice = choices
                .iter()
                .find(|c| (c["type"] == "null") == value.is_null());
            return self.value(
                choice.unwrap_or_else(|| panic!("{at}: no choice for {value}")),
                value,
                at,
            );
        }
        let kind = match value {
            Value::Null => "null",
            Value::Bool(_) => "boolean",
            Value::Number(n) if n.is_f64() => "number",
            Value::Number(_) => "integer",
            Value::String(_) => "string",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
        };
        let said = match &schema["type"] {
            Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
            one => one.as_str().into_iter().collect::<Vec<_>>(),
        };
        assert!(said.contains(&kind), "{at}: {kind} is none of {said:?}");
        match value {
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.value(&schema["items"], item, &format!("{at}[{index}]"));
                }
            }
            Value::Object(fields) => {
                // A table with keys of its own.
                if schema["additionalProperties"].is_object() {
                    for (name, field) in fields {
                        self.value(
                            &schema["additionalProperties"],
                            field,
                            &format!("{at}.{name}"),
                        );
                    }
                    return;
                }
                let properties = schema["properties"]
                    .as_object()
                    .unwrap_or_else(|| panic!("{at}: no properties"));
                let (have, named): (BTreeSet<&String>, BTreeSet<&String>) =
                    (fields.keys().collect(), properties.keys().collect());
                assert_eq!(have, named, "{at}: fields of the report and of the schema");
                for (name, field) in fields {
                    self.value(&properties[name], field, &format!("{at}.{name}"));
                }
            }
            _ => {}
        }
    }
}

#[test]
fn the_schema_names_every_field_and_no_other() {
    let ran = run(["emit", "schema"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    let schema = ran.report();
    let definitions = schema["$defs"].as_object().expect("definitions");
    let mut walk = Walk {
        whole: &schema,
        definitions,
        met: BTreeSet::new(),
    };
    for arguments in [
        &["tls-vendor-session.pcap"][..],
        &["--each", "honest-flight.pcap", "unexplained-session.pcap"],
        &[
            "--window",
            "+0/+60",
            "--device",
            "192.168.2.20",
            "--exit-zero",
            "labelled/device-declared-unknown-host.pcap",
        ],
        &["labelled/relayed-lookups-counted.pcap"],
        &["labelled/relayed-connect-counted.pcap"],
        &["labelled/addr-gua-on-link-drone.pcap"],
        &["--no-hash", "link/drops-filter-snaplen.pcapng"],
        &["labelled/pcapdroid-trailer-app.pcap"],
        &[
            "--claim",
            "all",
            "--baseline",
            "honest-flight.pcap",
            "labelled/claim-us-storage-s3-oregon.pcap",
        ],
        &["--case", "examples/mode-on-leaking/case.toml"],
        &["--case", "examples/mode-on-silent/case.toml"],
        &["--case", "examples/upload/case.toml"],
        &["--keylog", "open/keys.log", "open/tls13-personal.pcap"],
    ] {
        let report = run(["check", "-o", "json"].iter().chain(arguments)).report();
        walk.value(&schema, &report, "report");
    }
    let scratch = tempfile::TempDir::new().expect("a scratch folder");
    let other = scratch.path().join("other.json");
    let other = other.to_str().expect("a plain path");
    let output = format!("--output=json={other}");
    assert_eq!(run(["check", &output, "honest-flight.pcap"]).code, 0);
    let against = ["check", "-o", "json", "--against", other];
    let report = run(against.iter().chain(&["tls-vendor-session.pcap"])).report();
    walk.value(&schema, &report, "report");
    let unmet: BTreeSet<&str> = definitions
        .keys()
        .map(String::as_str)
        .filter(|d| !walk.met.contains(*d))
        .collect();
    // No clock speaks in any of these.
    assert_eq!(
        unmet,
        BTreeSet::from(["Clock"]),
        "parts of the schema that no report shows"
    );
}

#[test]
fn the_contracts_fields_are_there_by_name() {
    let report = run(["check", "-o", "json", "tls-vendor-session.pcap"]).report();
    for (at, fields) in [
        (
            "",
            "schema tool run digest verdict inputs scope claims findings destinations lookups coverage limits",
        ),
        ("/tool", "name version catalog_sha256 geo"),
        ("/tool/geo/0", "source type built sha256 attribution"),
        ("/run", "started seconds arguments paths"),
        (
            "/inputs/0",
            "path sha256 bytes format link_types packets first last dropped truncated damaged accounting",
        ),
        (
            "/inputs/0/accounting",
            "local internet relayed not_ip unreadable",
        ),
        ("/scope", "app apps_seen device windows local_networks"),
        ("/claims/0", "id statement source verdict reasons findings"),
        (
            "/findings/0",
            "id rule claims attribution stage confidence destination text first frames filter",
        ),
        ("/findings/0/frames/0", "input frame"),
        (
            "/destinations/0",
            "id scope ip port via transport protocol host host_source names owner role jurisdiction attribution country \
             country_confidence country_candidates asn organisation cloud app stage flows packets_out packets_in \
             bytes_out bytes_in first last",
        ),
        ("/destinations/0/names/0", "name source input frame"),
        ("/coverage/gaps/0", "id count text input frame"),
    ] {
        let part = report
            .pointer(at)
            .and_then(Value::as_object)
            .unwrap_or_else(|| panic!("no {at}"));
        for field in fields.split_whitespace() {
            assert!(part.contains_key(field), "{at}/{field}");
        }
    }
    let lookups = run(["check", "-o", "json", "labelled/lookup-only.pcap"]).report();
    let lookup = lookups["lookups"][0].as_object().expect("a lookup");
    for field in "name types resolver scope answers owner role attribution count first input frame"
        .split_whitespace()
    {
        assert!(lookup.contains_key(field), "lookups/{field}");
    }
    assert_eq!(report["schema"], "drone-audit/report/v1");
    assert_eq!(report["tool"]["name"], "drone-audit");
}

#[test]
fn unknown_is_null_and_never_an_empty_string() {
    fn walk(value: &Value, at: &str) {
        match value {
            Value::String(text) => assert!(!text.is_empty(), "{at} is an empty string"),
            Value::Array(items) => items.iter().for_each(|item| walk(item, at)),
            Value::Object(fields) => fields
                .iter()
                .for_each(|(name, field)| walk(field, &format!("{at}.{name}"))),
            _ => {}
        }
    }
    for folder in ["edge", "lab"] {
        for entry in std::fs::read_dir(fixtures().join(folder)).expect("a folder") {
            let path = entry.expect("an entry").path();
            walk(
                &crate::support::check(&path, &[]).1,
                &path.display().to_string(),
            );
        }
    }
}

#[test]
fn colour_adds_nothing_but_colour() {
    let plain = run(["check", "--color", "never", "tls-vendor-session.pcap"]);
    let coloured = run(["check", "--color", "always", "tls-vendor-session.pcap"]);
    let mut stripped = String::new();
    let mut rest = coloured.text();
    while let Some((before, after)) = rest.split_once("\u{1b}[") {
        stripped.push_str(before);
        rest = after.split_once('m').expect("only colours").1;
    }
    stripped.push_str(rest);
    assert_ne!(coloured.text(), plain.text());
    assert_eq!(stripped, plain.text());
}

#[test]
fn a_catalog_and_a_database_of_the_users_own_are_used_and_named() {
    let scratch = tempfile::TempDir::new().expect("a scratch folder");
    let catalog = scratch.path().join("mine.tsv");
    let rows = "pattern\tmatch\towner\trole\tjurisdiction\tregion\toperators\tbrowsable\tevidence\tsource\n\
                fieldlog-sync.net\tsuffix\tFieldlog\tvendor-backend\tNO\t\t\t\tdeclared\tour own notes\n";
    std::fs::write(&catalog, rows).expect("the catalog can be written");
    let fixture = fixtures().join("labelled/device-declared-unknown-host.pcap");
    let (code, plain) = crate::support::check(&fixture, &[]);
    assert_eq!(
        (code, &plain["destinations"][0]["attribution"]),
        (3, &"unknown".into())
    );
    let (code, report) =
        crate::support::check(&fixture, &["--catalog", catalog.to_str().expect("a path")]);
    let d = &report["destinations"][0];
    assert_eq!(
        (code, &d["attribution"], &d["owner"], &d["jurisdiction"]),
        (1, &"vendor".into(), &"Fieldlog".into(), &"NO".into())
    );
    assert_ne!(
        report["tool"]["catalog_sha256"],
        plain["tool"]["catalog_sha256"]
    );

    let database = scratch.path().join("geo.mmdb");
    std::fs::write(&database, run(["emit", "geo"]).out).expect("the database can be written");
    let (_, located) =
        crate::support::check(&fixture, &["--geo", database.to_str().expect("a path")]);
    assert_eq!(
        located["destinations"], plain["destinations"],
        "the embedded database, read from a file"
    );
    assert_eq!(located["tool"]["geo"][0]["source"], "geo.mmdb");
    assert_eq!(
        located["tool"]["geo"][0]["sha256"],
        plain["tool"]["geo"][0]["sha256"]
    );
}
