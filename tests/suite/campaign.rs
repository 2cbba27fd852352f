//! Many sessions in one run: each as `check` judges it, isolated, resumable, and the same tables whatever happened
//! on the way.

use crate::support::craft::{Capture, session_in_flight};
use crate::support::{Ran, fixtures, program, run};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::thread::sleep;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Captures of one session each, of several formats and verdicts.
const CAPTURES: [&str; 6] = [
    "honest-flight.pcap",
    "tls-vendor-session.pcap",
    "unexplained-session.pcap",
    "examples/mode-on-leaking/flight.pcap",
    "examples/mode-on-silent/mode-on.pcap",
    "examples/upload/session.pcap",
];

/// A campaign, with a folder for its tables.
fn campaign(folder: &Path, more: &[&str], paths: &[PathBuf]) -> Ran {
    let tables = format!("tables={}", folder.display());
    let mut arguments: Vec<String> = ["campaign", "--no-progress", "-o"]
        .map(str::to_owned)
        .into();
    arguments.push(tables);
    arguments.extend(more.iter().map(|a| (*a).to_owned()));
    arguments.extend(paths.iter().map(|p| p.display().to_string()));
    run(arguments)
}

/// All files of a folder and what they hold.
fn files(root: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut out = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for file in fs::read_dir(folder).unwrap() {
            let path = file.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(root).unwrap().display().to_string();
                out.insert(name, fs::read(&path).unwrap());
            }
        }
    }
    out
}

/// The rows of a table.
fn rows(root: &Path, table: &str) -> Vec<Value> {
    let list = fs::read_to_string(root.join("dataset.json")).unwrap();
    let list: Value = serde_json::from_str(&list).unwrap();
    let parts = list["tables"][table]["ndjson"].as_array().unwrap().clone();
    let mut out = Vec::new();
    for part in parts {
        let text = fs::read_to_string(root.join(part.as_str().unwrap())).unwrap();
        out.extend(
            text.lines()
                .map(|line| serde_json::from_str::<Value>(line).unwrap()),
        );
    }
    assert_eq!(list["tables"][table]["rows"], out.len());
    out
}

fn named() -> Vec<PathBuf> {
    CAPTURES.iter().map(|name| fixtures().join(name)).collect()
}

/// So many small captures that differ.
fn many(folder: &Path, count: usize) -> Vec<PathBuf> {
    let small = |at: usize| {
        let mut capture = session_in_flight(&format!("host-{at}.example.com"), "203.0.113.9:443");
        capture.flight(100, 200 + u32::try_from(at).unwrap());
        let path = folder.join(format!("{at:03}.pcap"));
        fs::write(&path, capture.bytes()).unwrap();
        path
    };
    (0..count).map(small).collect()
}

#[test]
fn each_session_is_judged_as_check_judges_it() {
    let root = TempDir::new().unwrap();
    let paths = named();
    let whole = root.path().join("whole");
    let ran = campaign(&whole, &["--claim", "all", "--device", "all"], &paths);
    assert_eq!(ran.err, "");
    let sessions = rows(&whole, "sessions");
    assert_eq!(sessions.len(), paths.len());
    let mut worst = BTreeSet::new();
    for path in &paths {
        let checked = root.path().join("checked");
        let ran = run([
            "check".into(),
            "--claim".into(),
            "all".into(),
            "--device".into(),
            "all".into(),
            "-o".into(),
            "json".to_owned(),
            "-o".into(),
            format!("tables={}", checked.display()),
            path.display().to_string(),
        ]);
        worst.insert(ran.code);
        let report = ran.report();
        let mine = rows(&checked, "sessions").pop().unwrap();
        // The very rows, of all tables.
        for table in [
            "sessions",
            "inputs",
            "claims",
            "reasons",
            "findings",
            "destinations",
            "lookups",
            "gaps",
        ] {
            let of = |root: &Path| -> Vec<Value> {
                let rows = rows(root, table).into_iter();
                rows.filter(|row| row["session"] == mine["session"])
                    .collect()
            };
            assert_eq!(of(&whole), of(&checked), "{table} of {path:?}");
        }
        let claims = rows(&checked, "claims");
        let told = |claim: &Value, id: &str| (claim[id].clone(), claim["verdict"].clone());
        let from_tables: Vec<_> = claims.iter().map(|c| told(c, "claim")).collect();
        let from_report = report["claims"].as_array().unwrap();
        assert_eq!(
            from_tables,
            from_report
                .iter()
                .map(|c| told(c, "id"))
                .collect::<Vec<_>>()
        );
        assert_eq!(
            rows(&checked, "findings").len(),
            report["findings"].as_array().unwrap().len()
        );
        assert_eq!(mine["digest"], report["digest"]);
        fs::remove_dir_all(&checked).unwrap();
    }
    // One by one into one folder: what is there stays.
    let grown = root.path().join("grown");
    for path in &paths {
        let into = format!("tables={}", grown.display());
        let path = path.display().to_string();
        run([
            "check", "--claim", "all", "--device", "all", "-o", &into, &path,
        ]);
    }
    assert_eq!(files(&grown), files(&whole));
    // Worst of all: contradicted before inconclusive before consistent.
    let expected = if worst.contains(&1) {
        1
    } else if worst.contains(&3) {
        3
    } else {
        0
    };
    assert_eq!(ran.code, expected);

    // Any order, any number of threads, compressed or not: the same rows, and uncompressed the same bytes.
    let again = root.path().join("again");
    let backwards: Vec<PathBuf> = paths.iter().rev().cloned().collect();
    campaign(
        &again,
        &["--jobs", "1", "--claim", "all", "--device", "all"],
        &backwards,
    );
    assert_eq!(files(&whole), files(&again));
}

#[test]
fn what_cannot_be_audited_is_a_row_and_costs_nobody_else() {
    let root = TempDir::new().unwrap();
    let mut paths = many(root.path(), 3);
    for (name, content) in [
        ("empty.pcap", &b""[..]),
        ("text.pcap", b"hello\n"),
        ("cut.pcap", &[0xd4, 0xc3, 0xb2, 0xa1, 2, 0]),
    ] {
        let path = root.path().join(name);
        fs::write(&path, content).unwrap();
        paths.push(path);
    }
    paths.push(root.path().join("missing.pcap"));
    let folder = root.path().join("tables");
    let ran = campaign(&folder, &["--device", "all"], &paths);
    assert_eq!(ran.code, 2);
    let sessions = rows(&folder, "sessions");
    assert_eq!(sessions.len(), paths.len());
    let failed: Vec<&Value> = sessions
        .iter()
        .filter(|s| s["error"] == "unreadable")
        .collect();
    assert_eq!(failed.len(), 4);
    for session in failed {
        let text = session["error_text"].as_str().unwrap();
        let name = session["captures"][0].as_str().unwrap();
        assert!(
            session["verdict"].is_null() && !text.contains('/'),
            "{text}"
        );
        assert!(
            ran.err
                .contains(&format!("drone-audit: error: {name}: {text}")),
            "{}",
            ran.err
        );
    }
    assert_eq!(ran.err.lines().count(), 4, "{}", ran.err);

    // Which of it counts is said by --fail-on; nothing is audited again.
    for (what, code) in [
        ("error", 2),
        ("contradicted", 1),
        ("none", 0),
        ("contradicted,inconclusive", 1),
    ] {
        let ran = campaign(
            &folder,
            &["--device", "all", "--fail-on", what, "-o", "table"],
            &paths,
        );
        assert_eq!(ran.code, code, "{what}");
        assert!(
            ran.err.contains("7 sessions were audited before"),
            "{}",
            ran.err
        );
        assert!(ran.text().contains("4 not audited"), "{}", ran.text());
    }
    assert_eq!(rows(&folder, "sessions"), sessions);
}

#[test]
fn a_run_that_was_ended_goes_on_where_it_was() {
    let root = TempDir::new().unwrap();
    let paths = many(root.path(), 60);
    let whole = root.path().join("whole");
    campaign(&whole, &["--device", "all"], &paths);
    let sessions = rows(&whole, "sessions").len();
    assert_eq!(sessions, paths.len());
    for (signal, code) in [("KILL", None), ("INT", Some(130))] {
        // On Windows a key is pressed in a console, and none is sent.
        if cfg!(windows) && signal == "INT" {
            continue;
        }
        let folder = root.path().join(signal);
        let mut command = program();
        command
            .args([
                "campaign",
                "--no-progress",
                "--jobs",
                "1",
                "--device",
                "all",
                "-o",
            ])
            .arg(format!("tables={}", folder.display()))
            .args(&paths)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let begun = Instant::now();
        let lines = || -> usize {
            let Ok(files) = fs::read_dir(folder.join("journal")) else {
                return 0;
            };
            let text = files.filter_map(|f| fs::read(f.ok()?.path()).ok());
            text.map(|t| t.iter().filter(|b| **b == b'\n').count())
                .sum()
        };
        while lines() < 3 && child.try_wait().unwrap().is_none() {
            assert!(begun.elapsed() < Duration::from_secs(60), "nothing is done");
            sleep(Duration::from_millis(1));
        }
        let sent = match signal {
            "KILL" => child.kill(),
            _ => std::process::Command::new("kill")
                .args(["-s", signal, &child.id().to_string()])
                .status()
                .map(|_| ()),
        };
        assert!(sent.is_ok());
        let ended = child.wait().unwrap();
        if let Some(code) = code.filter(|_| ended.code() != Some(1)) {
            // What was done by then is a dataset.
            assert_eq!(ended.code(), Some(code));
            let done = rows(&folder, "sessions").len();
            assert!((3..paths.len()).contains(&done), "{done}");
            assert!(!folder.join("journal").exists());
        }
        let ran = campaign(&folder, &["--device", "all"], &paths);
        assert_eq!(ran.code, 1);
        assert!(ran.err.contains("audited before"), "{}", ran.err);
        assert_eq!(files(&folder), files(&whole), "{signal}");
    }
}

#[test]
fn datasets_of_several_machines_are_one() {
    let root = TempDir::new().unwrap();
    let paths = many(root.path(), 12);
    let at = |name: &str| root.path().join(name);
    campaign(&at("whole"), &[], &paths);
    campaign(&at("a"), &["--zstd"], &paths[..8]);
    campaign(&at("b"), &[], &paths[5..]);
    let merged = |more: &[&str]| {
        let mut arguments = vec!["campaign".to_owned(), "merge".into(), "-o".into()];
        arguments.push(format!("tables={}", at("merged").display()));
        arguments.extend(more.iter().map(|name| at(name).display().to_string()));
        run(arguments)
    };
    let ran = merged(&["a", "b"]);
    assert_eq!((ran.code, ran.err.as_str()), (3, ""));
    assert_eq!(files(&at("merged")), files(&at("whole")));
    // A dataset that is there grows; what it has twice it has once.
    merged(&["b"]);
    assert_eq!(files(&at("merged")), files(&at("whole")));
    let none = merged(&["nowhere"]);
    assert_eq!(none.code, 2);
    assert!(none.err.contains("holds no dataset"), "{}", none.err);
}

#[test]
fn a_manifest_says_what_sessions_are() {
    let root = TempDir::new().unwrap();
    let write = |name: &str, host: &str| {
        let mut capture = Capture::new();
        capture.flight(0, 100);
        let more = session_in_flight(host, "203.0.113.9:443");
        let path = root.path().join(name);
        fs::write(path, more.bytes()).unwrap();
    };
    write("old.pcap", "www.example.com");
    write("new.pcap", "mydjiflight.dji.com");
    let manifest = root.path().join("fleet.csv");
    fs::write(
        &manifest,
        "path,app,version,mode,window\nold.pcap,dji.go.v5,1.9,on,+0/+50\nnew.pcap,dji.go.v5,1.10,on,\n",
    )
    .unwrap();
    let html = root.path().join("page.html");
    let reports = root.path().join("reports");
    let folder = root.path().join("tables");
    let page = format!("html={}", html.display());
    let written = reports.display().to_string();
    let ran = campaign(
        &folder,
        &["-o", "table", "-o", &page, "--reports", &written],
        std::slice::from_ref(&manifest),
    );
    assert_eq!(ran.err, "");
    let table = ran.text();
    let place = |what: &str| {
        table
            .find(what)
            .unwrap_or_else(|| panic!("{what} in {table}"))
    };
    assert!(
        place("1.9 ") < place("1.10 "),
        "versions as people count them"
    );
    assert!(place("1.10 ") < place("mydjiflight.dji.com"), "what is new");
    let sessions = rows(&folder, "sessions");
    let old = sessions.iter().find(|s| s["version"] == "1.9").unwrap();
    assert_eq!(
        old["arguments"],
        serde_json::json!(["--app", "dji.go.v5", "--window", "+0/+50"])
    );
    let page = fs::read_to_string(&html).unwrap();
    for session in &sessions {
        let id = session["session"].as_str().unwrap();
        assert!(page.contains(&format!("{id}.html")));
        let report = fs::read_to_string(reports.join(format!("{id}.json"))).unwrap();
        let report: Value = serde_json::from_str(&report).unwrap();
        assert_eq!(report["digest"], session["digest"]);
    }
    assert!(!page.contains("<script") && page.contains("mydjiflight.dji.com"));

    for (rows, said) in [
        ("path,mod\nold.pcap,on\n", "line 1: names a column 'mod'"),
        ("path,app\n,x\n", "line 2: names no capture"),
        ("path,app\nold.pcap\n", "line 2: is no row of a table"),
    ] {
        fs::write(&manifest, rows).unwrap();
        let ran = campaign(
            &root.path().join("other"),
            &[],
            std::slice::from_ref(&manifest),
        );
        assert_eq!((ran.code, ran.err.lines().count()), (2, 1), "{}", ran.err);
        assert!(ran.err.contains(said), "{}", ran.err);
        assert!(!root.path().join("other").exists(), "nothing half-written");
    }
}

#[test]
fn test_panes_and_code_scanning_get_every_session() {
    let root = TempDir::new().unwrap();
    let mut paths = many(root.path(), 3);
    paths.push(root.path().join("missing.pcap"));
    let at = |name: &str| root.path().join(name);
    let (junit, sarif) = (
        format!("junit={}", at("x.xml").display()),
        format!("sarif={}", at("x.sarif").display()),
    );
    let folder = at("tables");
    campaign(
        &folder,
        &["--device", "all", "-o", &junit, "-o", &sarif],
        &paths,
    );
    let xml = fs::read_to_string(at("x.xml")).unwrap();
    assert_eq!(xml.matches("<testsuite ").count(), 4);
    assert_eq!(xml.matches("<testcase").count(), 4);
    assert_eq!(xml.matches("<failure").count(), 3);
    assert_eq!(
        xml.matches("<error").count(),
        1,
        "what was not audited is no pass"
    );
    let log: Value = serde_json::from_str(&fs::read_to_string(at("x.sarif")).unwrap()).unwrap();
    let log = &log["runs"][0];
    let results = log["results"].as_array().unwrap();
    assert_eq!(results.len(), rows(&folder, "findings").len() + 1);
    let rules: BTreeSet<&str> = log["tool"]["driver"]["rules"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| r["id"].as_str().unwrap())
        .collect();
    assert!(
        results
            .iter()
            .all(|r| rules.contains(r["ruleId"].as_str().unwrap()))
    );
    let levels: BTreeSet<&str> = results
        .iter()
        .map(|r| r["level"].as_str().unwrap())
        .collect();
    assert!(levels.contains("error") && levels.contains("warning"));
}

#[test]
fn flows_are_a_table_on_request() {
    let root = TempDir::new().unwrap();
    let paths = many(root.path(), 2);
    let folder = root.path().join("tables");
    campaign(&folder, &["--flows"], &paths);
    let listed = run(["flows", &paths[0].display().to_string()]);
    let listed: Vec<Value> = listed
        .text()
        .lines()
        .map(|l| serde_json::from_str(l).unwrap())
        .collect();
    let sessions = rows(&folder, "sessions");
    let first = sessions
        .iter()
        .find(|s| s["captures"][0] == "000.pcap")
        .unwrap();
    let mine: Vec<Value> = rows(&folder, "flows")
        .into_iter()
        .filter(|f| f["session"] == first["session"])
        .collect();
    assert_eq!(mine.len(), listed.len());
    for (row, flow) in mine.iter().zip(&listed) {
        for (name, value) in flow.as_object().unwrap() {
            assert_eq!(&row[name], value, "{name}");
        }
    }
    assert_eq!(mine[0]["client_ip_bytes"].as_str().map(str::len), Some(32));
}

#[test]
fn what_makes_no_campaign_is_said_in_a_line() {
    let root = TempDir::new().unwrap();
    let paths = many(root.path(), 1);
    let capture = paths[0].display().to_string();
    let other = root.path().join("other");
    fs::create_dir(&other).unwrap();
    fs::write(other.join("notes.txt"), "mine").unwrap();
    let empty = root.path().join("empty");
    fs::create_dir(&empty).unwrap();
    let into = format!("tables={}", other.display());
    let (nothing, pattern) = (
        empty.display().to_string(),
        empty.join("*.pcap").display().to_string(),
    );
    for (arguments, said) in [
        (
            vec!["campaign", "-o", "tables", &capture],
            "--output tables: needs a folder",
        ),
        (
            vec!["campaign", "-o", &into, &capture],
            "holds other files than a dataset",
        ),
        (vec!["campaign", &nothing], "there is no capture to audit"),
        (vec!["campaign", &pattern], "fits no file"),
        (
            vec!["campaign", "--claim", "no-such", &capture],
            "no such claim",
        ),
        (vec!["campaign", "--device", "x", &capture], "--device"),
        (
            vec!["campaign", "--jobs", "0", &capture],
            "no number of threads",
        ),
        (
            vec!["check", "--no-hash", "-o", &into, &capture],
            "told apart by the SHA-256",
        ),
    ] {
        let ran = run(&arguments);
        assert_eq!(
            (ran.code, ran.err.lines().count()),
            (2, 1),
            "{arguments:?}: {}",
            ran.err
        );
        assert!(ran.err.contains(said), "{arguments:?}: {}", ran.err);
    }
    assert_eq!(fs::read_dir(&other).unwrap().count(), 1);
}

#[test]
fn the_published_schema_is_that_of_the_rows() {
    let schema = run(["emit", "tables"]).report();
    let root = TempDir::new().unwrap();
    let folder = root.path().join("tables");
    campaign(&folder, &["--flows", "--claim", "all"], &named());
    for table in schema["tables"].as_array().unwrap() {
        let columns = table["columns"].as_array().unwrap();
        let names: Vec<&str> = columns
            .iter()
            .map(|c| c["name"].as_str().unwrap())
            .collect();
        for row in rows(&folder, table["name"].as_str().unwrap()) {
            let row = row.as_object().unwrap();
            let have: BTreeSet<&str> = row.keys().map(String::as_str).collect();
            assert_eq!(have, names.iter().copied().collect());
            for column in columns {
                let cell = &row[column["name"].as_str().unwrap()];
                let fits = match column["type"].as_str().unwrap() {
                    _ if cell.is_null() => column["nullable"] == true,
                    "text" => cell.is_string(),
                    "list of text" => cell.is_array(),
                    "int64" => cell.is_u64(),
                    "double" => cell.is_f64(),
                    "boolean" => cell.is_boolean(),
                    "timestamp" => cell.as_str().is_some_and(|t| t.ends_with('Z')),
                    "binary(16)" => cell.as_str().is_some_and(|t| t.len() == 32),
                    other => panic!("{other}"),
                };
                assert!(fits, "{} {}: {cell}", table["name"], column["name"]);
            }
        }
    }
}
