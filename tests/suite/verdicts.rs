//! Every fixture gives what `fixtures/cases.jsonl` says, and every report holds together.
//!
//! A case states exit code and verdict, the exact set of reasons and gaps, the packets per scope,
//! how many destinations and lookups there are and what must be among them. The labelled ones were
//! written together with the capture, without this program.

use crate::support::{self, accounted, assert_adds_up, drawn, gaps, ids, reasons};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;

/// Reason ids that are rules, not gaps.
const RULES: &[&str] = &[
    "app-contact",
    "app-lookup",
    "beacon-missing",
    "vendor-contact",
    "vendor-lookup",
    "unattributed-internet",
    "exempt-traffic",
    "exempt-unsure",
    "name-unsure",
    "no-upload-seen",
    "not-applicable",
    "not-testable",
    "payload-to-place",
    "payload-to-listed-place",
    "payload-to-listed-owner",
    "payload-unread",
    "personal-data-in-clear",
    "place-unsure",
    "stored-abroad",
    "stored-elsewhere",
    "unshared-upload",
];

/// The contract's table "When silence counts", in its order, with what blocks `consistent`.
const GAPS: [(&str, bool); 22] = [
    ("no-app-activity", true),
    ("too-short", true),
    ("kernel-drops", true),
    ("capture-filter", true),
    ("snaplen-cut", true),
    ("one-direction", true),
    ("encrypted-wifi", true),
    ("unsupported-link", true),
    ("unreadable-packets", true),
    ("damaged-file", true),
    ("truncated-file", true),
    ("opaque-tunnel", true),
    ("time-gap", true),
    ("limits-reached", true),
    ("lost-packets", true),
    ("vantage-mismatch", true),
    ("side-unknown", true),
    ("started-late", false),
    ("drops-unknown", false),
    ("names-hidden", false),
    ("payload-limited", false),
    ("edited-file", false),
];

fn cases() -> Vec<Value> {
    let text =
        fs::read_to_string(support::fixtures().join("cases.jsonl")).expect("the cases can be read");
    text.lines()
        .map(|line| serde_json::from_str(line).expect("a case is JSON"))
        .collect()
}

fn strings(list: &Value) -> BTreeSet<&str> {
    list.as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect()
}

/// True when every key of `want` is found in `got`; of lists the wanted members, names without case.
fn matches(want: &Value, got: &Value) -> bool {
    match (want, got) {
        (Value::Object(want), Value::Object(got)) => want
            .iter()
            .all(|(key, value)| got.get(key).is_some_and(|have| matches(value, have))),
        (Value::Array(want), Value::Array(got)) => {
            want.iter().all(|w| got.iter().any(|g| matches(w, g)))
        }
        (Value::String(want), Value::String(got)) => want.eq_ignore_ascii_case(got),
        _ => want == got,
    }
}

/// What a run got wrong against its case.
fn differences(case: &Value) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut differ = |holds: bool, what: String| {
        if !holds {
            wrong.push(what);
        }
    };
    let mut arguments = vec!["check", "-o", "json"];
    arguments.extend(
        case["args"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str),
    );
    arguments.extend(
        case["files"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str),
    );
    let ran = support::run(arguments);
    let report = ran.report();
    let expect = &case["expect"];
    differ(expect["exit"] == ran.code, format!("exit {}", ran.code));
    differ(
        expect["verdict"] == report["verdict"],
        format!("verdict {}", report["verdict"]),
    );
    let said: BTreeSet<&str> = reasons(&report).into_iter().collect();
    differ(
        strings(&expect["reasons"]) == said,
        format!("reasons {said:?}"),
    );
    for (scope, count) in expect["accounting"].as_object().into_iter().flatten() {
        let have = accounted(&report, scope);
        differ(
            *count == have,
            format!("{have} packets {scope}, not {count}"),
        );
    }
    if expect.get("gaps").is_some() {
        let seen: BTreeSet<&str> = gaps(&report).into_iter().collect();
        differ(strings(&expect["gaps"]) == seen, format!("gaps {seen:?}"));
    }
    let list = |name: &str| report[name].as_array().cloned().unwrap_or_default();
    let destinations = list("destinations");
    for (what, count) in [
        ("destination_count", destinations.len()),
        ("lookup_count", list("lookups").len()),
    ] {
        let wanted = expect.get(what).and_then(Value::as_u64);
        differ(
            wanted.is_none_or(|n| n == count as u64),
            format!("{what} {count}"),
        );
    }
    for (key, listed) in [
        ("destinations", &destinations),
        ("lookups", &list("lookups")),
    ] {
        for want in expect[key].as_array().into_iter().flatten() {
            differ(
                listed.iter().any(|d| matches(want, d)),
                format!("nothing in {key} like {want}"),
            );
        }
    }
    for ban in expect["no_destination"].as_array().into_iter().flatten() {
        differ(
            !destinations.iter().any(|d| matches(ban, d)),
            format!("a destination like {ban}"),
        );
    }
    let names: Vec<Value> = destinations
        .iter()
        .flat_map(|d| d["names"].as_array().cloned().unwrap_or_default())
        .collect();
    let named = |name: &str| {
        names.iter().any(|n| {
            n["name"]
                .as_str()
                .is_some_and(|n| n.eq_ignore_ascii_case(name))
        })
    };
    for name in strings(&expect["any_name"]) {
        differ(named(name), format!("{name} on no destination"));
    }
    for name in strings(&expect["no_name"]) {
        differ(!named(name), format!("{name} on a destination"));
    }
    for source in strings(&expect["any_source"]) {
        differ(
            names.iter().any(|n| n["source"] == source),
            format!("no name from {source}"),
        );
    }
    let formats: BTreeSet<&str> = list_of(&report["inputs"])
        .filter_map(|i| i["format"].as_str())
        .collect();
    differ(
        expect.get("formats").is_none_or(|f| strings(f) == formats),
        format!("formats {formats:?}"),
    );
    hold_together(&report);
    wrong
}

fn list_of(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// What holds for every report, whatever the capture.
fn hold_together(report: &Value) {
    assert_adds_up(report);
    for session in list_of(&report["sessions"]) {
        hold_together(session);
    }
    let several = list_of(&report["sessions"]).next().is_some();
    let timed = list_of(&report["inputs"]).all(|i| i["packets"] == 0 || !i["first"].is_null());
    if timed && !several {
        for (scope, drawn, counted) in drawn(report) {
            assert_eq!(drawn, counted, "{scope} packets in the time line");
        }
    }
    for claim in list_of(&report["claims"]) {
        let blocking = list_of(&report["coverage"]["gaps"])
            .filter(|g| g["blocking"] == true)
            .count();
        match claim["verdict"].as_str() {
            Some("consistent") => assert_eq!(
                reasons(report).len() + if several { 0 } else { blocking },
                0,
                "{claim:#}"
            ),
            _ => assert!(!reasons(report).is_empty(), "{claim:#}"),
        }
        for id in ids(&claim["reasons"]) {
            assert!(
                RULES.contains(&id) || GAPS.contains(&(id, true)),
                "{id} is documented nowhere"
            );
        }
        let known: BTreeSet<&str> = ids(&report["findings"]).into_iter().collect();
        assert!(strings(&claim["findings"]).is_subset(&known), "{claim:#}");
    }
    for gap in list_of(&report["coverage"]["gaps"]) {
        let id = gap["id"].as_str().expect("an id");
        // Of the blocking ones, those that another vantage makes up for do not block.
        let blocks = gap["blocking"] == true || !gap["covered_by"].is_null();
        assert!(GAPS.contains(&(id, blocks)), "{gap:#}");
    }
    let rows: BTreeSet<&str> = ids(&report["destinations"]).into_iter().collect();
    for finding in list_of(&report["findings"]) {
        assert!(
            RULES.contains(&finding["rule"].as_str().expect("a rule")),
            "{finding:#}"
        );
        assert!(
            finding["destination"]
                .as_str()
                .is_none_or(|d| rows.contains(d)),
            "{finding:#}"
        );
        assert!(list_of(&finding["frames"]).count() <= 32, "{finding:#}");
        assert_ne!(finding["stage"], "unsolicited", "it moves no verdict");
    }
    for destination in list_of(&report["destinations"]) {
        let attribution = destination["attribution"].as_str().expect("an attribution");
        let whole = report["scope"]["windows"] == Value::Array(Vec::new()) && !several;
        let silence = list_of(&report["claims"]).any(|c| c["id"] == "local-data-mode");
        if whole
            && silence
            && ["app", "vendor"].contains(&attribution)
            && destination["stage"] != "unsolicited"
        {
            assert_eq!(report["verdict"], "contradicted", "{destination:#}");
        }
    }
    // With one vantage nothing is lost between the packets and the rows.
    if list_of(&report["inputs"]).count() == 1 && !several {
        for scope in ["internet", "relayed"] {
            let rows = list_of(&report["destinations"]).filter(|d| d["scope"] == scope);
            let packets: u64 = rows
                .flat_map(|d| [&d["packets_out"], &d["packets_in"]])
                .map(|n| n.as_u64().expect("a count"))
                .sum();
            // Packets that share a frame, or lie inside others, are more than frames.
            let nested = report["inputs"][0]["link_types"][0] != "ethernet"
                || list_of(&report["destinations"])
                    .flat_map(|d| list_of(&d["notes"]))
                    .any(|note| {
                        note.as_str()
                            .is_some_and(|n| n.contains("tunnel that can be read"))
                    });
            let frames = accounted(report, scope);
            assert!(packets >= frames, "{scope}: {packets} of {frames}");
            if !nested {
                assert_eq!(packets, frames, "{scope}");
            }
        }
    }
}

#[test]
fn every_case_gives_what_it_must() {
    let cases = cases();
    let mut failures = BTreeMap::new();
    std::thread::scope(|scope| {
        let halves = cases.chunks(cases.len().div_ceil(2)).map(|half| {
            scope.spawn(move || {
                half.iter()
                    .map(|c| (c["case"].as_str().expect("a name"), differences(c)))
                    .collect::<Vec<_>>()
            })
        });
        let running: Vec<_> = halves.collect();
        for half in running {
            failures.extend(
                half.join()
                    .expect("no case panics")
                    .into_iter()
                    .filter(|(_, wrong)| !wrong.is_empty()),
            );
        }
    });
    assert!(failures.is_empty(), "{failures:#?}");
}

#[test]
fn gaps_are_the_contracts() {
    let have: Vec<(&str, bool)> = drone_audit::GapId::ALL
        .iter()
        .map(|g| (g.id(), g.blocks()))
        .collect();
    assert_eq!(have, GAPS);
}

#[test]
fn every_fixture_is_described_and_used() {
    let folder = support::fixtures();
    let described = fs::read_to_string(folder.join("README.md")).expect("a description");
    let cases = cases();
    let used: BTreeSet<&str> = cases.iter().flat_map(|c| strings(&c["files"])).collect();
    let mut found = 0;
    for place in [".", "lab", "link", "edge", "labelled"] {
        for entry in fs::read_dir(folder.join(place)).expect("a folder") {
            let entry = entry.expect("an entry");
            let name = entry.file_name().into_string().expect("a plain name");
            let path = if place == "." {
                name.clone()
            } else {
                format!("{place}/{name}")
            };
            if entry.path().is_dir() || ["README.md", "cases.jsonl"].contains(&name.as_str()) {
                continue;
            }
            found += 1;
            assert!(
                described.contains(&format!("| `{path}` |")),
                "{path} is not described"
            );
            assert!(used.contains(path.as_str()), "{path} is not used");
        }
    }
    assert!(found > 100, "{found}");
}

#[test]
fn softening_options_change_the_exit_code_and_nothing_else() {
    for (fixture, option, softened) in [
        ("tls-vendor-session.pcap", "--exit-zero", 0),
        ("tls-vendor-session.pcap", "--allow-inconclusive", 1),
        ("unexplained-session.pcap", "--exit-zero", 0),
        ("unexplained-session.pcap", "--allow-inconclusive", 0),
    ] {
        let path = support::fixtures().join(fixture);
        let (_, plain) = support::check(&path, &[]);
        let (code, report) = support::check(&path, &[option]);
        assert_eq!(code, softened, "{fixture} {option}");
        assert_eq!(report["claims"], plain["claims"]);
        assert_eq!(
            report["scope"]["softened"],
            serde_json::json!([option]),
            "it is recorded"
        );
    }
}

#[test]
fn each_judges_sessions_alone_and_reports_all() {
    let ran = support::run([
        "check",
        "--each",
        "-o",
        "json",
        "tls-vendor-session.pcap",
        "honest-flight.pcap",
        "unexplained-session.pcap",
    ]);
    let report = ran.report();
    assert_eq!(ran.code, 1);
    let verdicts: Vec<&Value> = list_of(&report["sessions"])
        .map(|s| &s["verdict"])
        .collect();
    // By first packet: the two flights of 2025, where the hash decides, then the recording of 2026.
    assert_eq!(verdicts.len(), 3);
    assert_eq!(verdicts[2], "contradicted");
    assert!(
        verdicts.contains(&&Value::from("consistent"))
            && verdicts.contains(&&Value::from("inconclusive"))
    );
    assert_eq!(
        list_of(&report["inputs"]).count(),
        3,
        "all inputs at the top"
    );
    assert_eq!(report["claims"][0]["verdict"], "contradicted");
    for session in list_of(&report["sessions"]) {
        let name = session["inputs"][0]["path"].as_str().expect("a name");
        let (_, alone) = support::check(&support::fixtures().join(name), &[]);
        assert_eq!(
            session["digest"], alone["digest"],
            "{name} is judged as if it were alone"
        );
    }
}
