//! `fitness`: the same gaps as `check`, no verdict, and what to change.

use crate::report::Walk;
use crate::support::craft::{Capture, PHONE};
use crate::support::{Ran, check, fixtures, program, run};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use tempfile::TempDir;

fn fitness(capture: &Path, options: &[&str]) -> (i32, Value) {
    let ran = run(["fitness", "-o", "json"]
        .iter()
        .copied()
        .map(Path::new)
        .chain(options.iter().map(Path::new))
        .chain([capture]));
    assert_eq!(ran.err, "", "{}", capture.display());
    (ran.code, ran.report())
}

fn of(name: &str, options: &[&str]) -> (i32, Value) {
    fitness(&fixtures().join(name), options)
}

fn table(name: &str, options: &[&str]) -> Ran {
    run(["fitness"].iter().chain(options).chain([&name]))
}

fn ids(gaps: &Value, blocking: bool) -> Vec<&str> {
    let gaps = gaps.as_array().expect("gaps").iter();
    let mut ids: Vec<&str> = gaps
        .filter(|gap| gap["blocking"] == blocking)
        .map(|gap| gap["id"].as_str().expect("an id"))
        .collect();
    ids.dedup();
    ids
}

fn flat(text: &str) -> String {
    let words = text.replace(['│', '\n'], " ");
    words.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn exit_codes_are_fit_unfit_and_error() {
    let scratch = TempDir::new().expect("a scratch folder");
    let mut short = Capture::new();
    short.flight(0, 30);
    for (capture, code) in [
        (fixtures().join("honest-flight.pcap"), 0),
        (short.save(scratch.path()), 3),
        (fixtures().join("labelled/zero-packets.pcap"), 3),
    ] {
        let (exit, result) = fitness(&capture, &[]);
        assert_eq!(exit, code, "{}", capture.display());
        assert_eq!(result["fit"], code == 0, "{}", capture.display());
    }
    let text = scratch.path().join("notes.pcap");
    fs::write(&text, "these are notes about a flight, and no capture\n").expect("written");
    let text = text.to_str().expect("a plain path");
    for arguments in [
        &["fitness"][..],
        &["fitness", "missing.pcap"],
        &["fitness", text],
        &["fitness", "honest-flight.pcap", text],
        &["fitness", "--window", "noon", "honest-flight.pcap"],
        &["fitness", "-o", "sarif", "honest-flight.pcap"],
        &["fitness", "--claim", "all", "honest-flight.pcap"],
    ] {
        let ran = run(arguments);
        assert_eq!((ran.code, ran.out.len()), (2, 0), "{ran:?}");
        assert_eq!(ran.err.lines().count(), 1, "{ran:?}");
    }
}

#[test]
fn what_the_traffic_shows_plays_no_part() {
    let scratch = TempDir::new().expect("a scratch folder");
    let mut capture = Capture::new();
    capture.flight(0, 70);
    capture.ip(
        71.0,
        &crate::support::craft::tcp(
            &format!("{PHONE}:40001"),
            "47.88.60.14:443",
            (1, 0),
            crate::support::craft::SYN,
            b"",
        ),
    );
    let path = capture.save(scratch.path());
    assert_eq!(check(&path, &[]).0, 3, "suspect traffic");
    let (code, result) = fitness(&path, &[]);
    assert_eq!((code, &result["fit"]), (0, &Value::Bool(true)));
    for field in ["destinations", "lookups", "findings", "claims", "verdict"] {
        assert!(result.get(field).is_none(), "{field}");
    }
    // And a capture that accuses is no fitter for that.
    assert_eq!(check(&fixtures().join("tls-vendor-session.pcap"), &[]).0, 1);
    assert_eq!(of("tls-vendor-session.pcap", &[]).0, 3);
}

/// Over all single captures of the cases: fit exactly if `check` names no blocking gap.
#[test]
fn the_gaps_are_those_of_check() {
    let cases = fs::read_to_string(fixtures().join("cases.jsonl")).expect("the cases");
    let scratch = TempDir::new().expect("a scratch folder");
    let mut both = BTreeSet::new();
    for case in cases.lines() {
        let case: Value = serde_json::from_str(case).expect("a case");
        let Some([file]) = case["files"].as_array().map(Vec::as_slice) else {
            continue;
        };
        let file = fixtures().join(file.as_str().expect("a name"));
        let args: Vec<&str> = case["args"]
            .as_array()
            .expect("options")
            .iter()
            .filter_map(Value::as_str)
            .collect();
        let target = scratch.path().join("fitness.json");
        let mut line = vec!["drone-audit".to_owned(), "fitness".to_owned()];
        line.extend(args.iter().map(|a| (*a).to_owned()));
        line.push(format!("--output=json={}", target.display()));
        line.push(file.display().to_string());
        // Options of `check` that `fitness` does not have.
        let Ok(cli) = drone_audit::parse(line) else {
            continue;
        };
        let (Ok(code), Ok((_, report))) = (
            drone_audit::run(&cli),
            crate::support::check_here(&file, &args, scratch.path()),
        ) else {
            continue;
        };
        let result: Value =
            serde_json::from_slice(&fs::read(&target).expect("written")).expect("JSON");
        for blocking in [true, false] {
            assert_eq!(
                ids(&result["gaps"], blocking),
                ids(&report["coverage"]["gaps"], blocking),
                "{}",
                case["case"]
            );
        }
        assert_eq!(result["limits"], report["limits"], "{}", case["case"]);
        let blocked = !ids(&result["gaps"], true).is_empty();
        assert_eq!(
            (code, &result["fit"]),
            (if blocked { 3 } else { 0 }, &Value::Bool(!blocked)),
            "{}",
            case["case"]
        );
        for gap in result["gaps"].as_array().expect("gaps") {
            assert!(gap["next"].as_str().is_some_and(|n| n.len() > 20), "{gap}");
        }
        both.insert(blocked);
    }
    assert_eq!(both.len(), 2, "fit and unfit captures were seen");
}

#[test]
fn each_window_is_fit_or_unfit_by_itself() {
    let scratch = TempDir::new().expect("a scratch folder");
    let mut capture = Capture::new();
    capture.flight(0, 200);
    let path = capture.save(scratch.path());
    let options = ["--window", "+0/+30", "--window", "+60/+180"];
    let (code, result) = fitness(&path, &options);
    let windows = result["windows"].as_array().expect("windows");
    assert_eq!((code, windows.len()), (3, 2));
    assert_eq!(windows[0]["fit"], false);
    assert_eq!(windows[0]["blocked_by"][0], "too-short");
    assert_eq!(windows[1]["fit"], true);
    assert_eq!(windows[1]["seconds"].as_f64().map(f64::round), Some(115.0));
    let gap = &result["gaps"][0];
    assert_eq!(
        (&gap["id"], &gap["windows"][0]),
        (&"too-short".into(), &0.into())
    );
    assert_eq!(gap["windows"].as_array().map(Vec::len), Some(1));

    let shown = run([
        Path::new("fitness"),
        Path::new("--window"),
        Path::new("+60/+180"),
        &path,
    ]);
    assert_eq!(shown.code, 0);
    assert!(
        shown.text().starts_with("fit · local-data-mode\n"),
        "{}",
        shown.text()
    );
}

#[test]
fn the_table_says_where_how_bad_and_what_to_change() {
    for width in ["60", "80", "120"] {
        let out = program()
            .args(["fitness", "link/drops-filter-snaplen.pcapng"])
            .env("COLUMNS", width)
            .output()
            .expect("starts");
        assert_eq!(out.status.code(), Some(3));
        let text = String::from_utf8(out.stdout).expect("UTF-8");
        let columns: usize = width.parse().expect("a number");
        assert!(text.lines().all(|l| l.chars().count() <= columns), "{text}");
        let flat = flat(&text);
        for part in [
            "unfit · local-data-mode",
            "They can still contradict the statement.",
            "kernel-drops",
            "capture-filter",
            "snaplen-cut",
            "drops-filter-snaplen.pcapng",
            " packets (",
            "── In the next recording",
            "Record without a capture filter; filter later, when reading.",
            "tcpdump -s 0",
            "── What these captures cannot show",
            "explain recipe-common",
        ] {
            assert!(flat.contains(part), "{width}: no {part} in\n{text}");
        }
    }
}

#[test]
fn a_fit_capture_is_told_what_it_still_cannot_show() {
    let ran = table("honest-flight.pcap", &[]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    let flat = flat(ran.text());
    assert!(flat.starts_with("fit · local-data-mode"), "{flat}");
    for part in [
        "no gap was seen that forbids `consistent`",
        "What the traffic shows was not looked at",
        "── What these captures cannot show",
        "traffic over another network",
        // Gaps that do not forbid it are told, too.
        "drops-unknown",
        "Write pcapng with dumpcap",
    ] {
        assert!(flat.contains(part), "no {part} in\n{}", ran.text());
    }
    for word in ["proved", "passed", "guarantee", "safe"] {
        assert!(!flat.contains(word), "{word}");
    }
}

#[test]
fn the_schema_of_fitness_names_every_field_and_no_other() {
    let ran = run(["emit", "fitness-schema"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    let schema = ran.report();
    let definitions = schema["$defs"].as_object().expect("definitions");
    let mut walk = Walk {
        whole: &schema,
        definitions,
        met: BTreeSet::new(),
    };
    for (capture, options) in [
        ("honest-flight.pcap", &[][..]),
        ("link/drops-filter-snaplen.pcapng", &["--no-hash"]),
        (
            "labelled/device-declared-unknown-host.pcap",
            &["--device", "192.168.2.20", "--window", "+0/+60"],
        ),
        ("labelled/addr-gua-on-link-drone.pcap", &[]),
        ("labelled/pcapdroid-trailer-app.pcap", &["--app", "uid:1"]),
    ] {
        let (_, result) = of(capture, options);
        assert_eq!(result["schema"], "drone-audit/fitness/v1");
        walk.value(&schema, &result, "fitness");
    }
    let unmet: BTreeSet<&str> = definitions
        .keys()
        .map(String::as_str)
        .filter(|d| !walk.met.contains(*d))
        .collect();
    // No session here has keys, and none has phases.
    assert_eq!(
        unmet,
        BTreeSet::from(["KeyFile", "Phase"]),
        "parts of the schema that no result shows"
    );
}

#[test]
fn two_runs_differ_in_run_alone_and_a_file_is_written_whole() {
    let scratch = TempDir::new().expect("a scratch folder");
    let target = scratch.path().join("fitness.json");
    let to = format!("json={}", target.display());
    let arguments = [
        "fitness",
        "-o",
        "table",
        "-o",
        &to,
        "unexplained-session.pcap",
    ];
    let first = run(arguments);
    assert!(first.text().contains("local-data-mode"));
    let mut a: Value = serde_json::from_slice(&fs::read(&target).expect("written")).expect("JSON");
    run(arguments);
    let mut b: Value = serde_json::from_slice(&fs::read(&target).expect("written")).expect("JSON");
    a["run"].take();
    b["run"].take();
    assert_eq!(a, b);
}
