//! The same captures and options give the same bytes, wherever and whenever.

use crate::support::{self, fixtures, program, run};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::fs;
use std::path::Path;
use tempfile::TempDir;

/// The bytes of a report without its `run`, and without those of its sessions.
fn without_run(report: &[u8]) -> String {
    let text = std::str::from_utf8(report).expect("a report is UTF-8");
    let mut kept = String::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some(indent) = line.strip_suffix("\"run\": {") {
            let end = format!("{indent}}},");
            assert!(lines.any(|line| line == end), "the run ends");
        } else {
            kept.push_str(line);
            kept.push('\n');
        }
    }
    assert_ne!(kept, text, "there is a run");
    kept
}

#[test]
fn the_surroundings_change_nothing() {
    for arguments in [
        &["check", "-o", "json", "tls-vendor-session.pcap"][..],
        &[
            "check",
            "-o",
            "json",
            "--window",
            "+60/+150",
            "labelled/window-old-flow-new-payload.pcap",
        ],
        &["check", "-o", "json", "lab/dns.pcap", "lab/chrome.pcap"],
    ] {
        let first = without_run(&run(arguments).out);
        for _ in 0..3 {
            assert_eq!(without_run(&run(arguments).out), first, "a second run");
        }
        let absolute = arguments.iter().map(|a| match a.ends_with(".pcap") {
            true => fixtures().join(a).display().to_string(),
            false => (*a).to_owned(),
        });
        let moved = program()
            .args(absolute)
            .current_dir("/")
            .envs([
                ("TZ", "Asia/Shanghai"),
                ("LANG", "de_DE.UTF-8"),
                ("LC_ALL", "tr_TR.UTF-8"),
                ("COLUMNS", "40"),
                ("NO_COLOR", "1"),
            ])
            .output()
            .expect("the program starts");
        assert_eq!(
            without_run(&moved.stdout),
            first,
            "another folder, zone and language"
        );
    }
    let table = run(["check", "tls-vendor-session.pcap"]).out;
    let moved = program()
        .args(["check", "tls-vendor-session.pcap"])
        .envs([("TZ", "Asia/Shanghai"), ("LANG", "de_DE.UTF-8")])
        .output()
        .expect("the program starts");
    assert_eq!(moved.stdout, table);
}

#[test]
fn the_order_of_inputs_changes_nothing() {
    let files = [
        "labelled/rotated-two-files_1.pcap",
        "labelled/rotated-two-files_2.pcap",
        "labelled/vantages-not-summed_phone.pcap",
        "labelled/vantages-not-summed_router.pcap",
        "lab/dns.pcap",
    ];
    for options in [
        &["check", "-o", "json"][..],
        &["check", "-o", "json", "--no-hash"],
    ] {
        let judged = |order: [usize; 5]| {
            without_run(&run(options.iter().copied().chain(order.map(|i| files[i]))).out)
        };
        let first = judged([0, 1, 2, 3, 4]);
        for order in [[4, 3, 2, 1, 0], [2, 0, 4, 1, 3], [3, 2, 1, 4, 0]] {
            assert_eq!(judged(order), first, "{order:?}");
        }
    }
}

/// A format without what it says of `run`: the only thing in which two runs may differ.
fn masked(format: &str, output: Vec<u8>) -> String {
    let text = String::from_utf8(output).expect("UTF-8");
    let without = |start: &str, end: &str| {
        let mut pieces = text.split(start);
        let mut kept = pieces.next().unwrap_or_default().to_owned();
        for piece in pieces {
            kept.push_str(piece.split_once(end).expect("it ends").1);
        }
        assert_ne!(kept, text, "{format} has nothing of the run");
        kept
    };
    match format {
        "json" => without_run(text.as_bytes()),
        "ndjson" => without("\"run\":{", "},"),
        "html" => without("Only what stands below differs", "</dl>"),
        "junit" => {
            let text = without(" timestamp=\"", "\"");
            let parts: Vec<&str> = text.split(" time=\"").collect();
            let rest = parts
                .iter()
                .skip(1)
                .map(|p| p.split_once('"').expect("it ends").1);
            parts.iter().take(1).copied().chain(rest).collect()
        }
        "sarif" => {
            let mut log: Value = serde_json::from_str(&text).expect("JSON");
            let invocation = &mut log["runs"][0]["invocations"][0];
            for of_the_run in ["arguments", "startTimeUtc"] {
                assert!(!invocation[of_the_run].take().is_null(), "{of_the_run}");
            }
            log.to_string()
        }
        _ => text,
    }
}

/// Every format of `check`, in one run.
fn formats(folder: &Path, options: &[&str], environment: &[(&str, &str)]) -> Vec<(String, String)> {
    const FORMATS: [&str; 11] = [
        "table", "full", "json", "ndjson", "csv", "markdown", "html", "sarif", "junit", "github",
        "intoto",
    ];
    let out = TempDir::new().expect("a scratch folder");
    let targets = FORMATS.map(|format| format!("-o{format}={}", out.path().join(format).display()));
    let ran = program()
        .arg("check")
        .args(targets)
        .args(options)
        .current_dir(folder)
        .envs(environment.iter().copied())
        .output()
        .expect("the program starts");
    assert_eq!(String::from_utf8_lossy(&ran.stderr), "");
    FORMATS
        .map(|format| {
            let output = fs::read(out.path().join(format)).expect("it was written");
            assert!(!output.is_empty(), "{format}");
            (format.to_owned(), masked(format, output))
        })
        .to_vec()
}

#[test]
fn every_format_is_the_same_by_any_way_to_the_captures() {
    let files = ["dns.pcap", "chrome.pcap", "vendor.pcap"];
    let fixture = ["lab/dns.pcap", "lab/chrome.pcap", "tls-vendor-session.pcap"];
    let [one, other] = [(); 2].map(|()| TempDir::new().expect("a scratch folder"));
    for folder in [&one, &other] {
        for (file, fixture) in files.iter().zip(fixture) {
            fs::copy(fixtures().join(fixture), folder.path().join(file)).expect("a copy");
        }
    }
    let other_folder = other.path().display().to_string();
    let absolute = files.map(|file| format!("{other_folder}/{file}"));
    let absolute: Vec<&str> = absolute.iter().map(String::as_str).collect();
    let [a, b, c] = files;
    // What results point at is the user's choice, else it is the capture as it was named.
    let options = ["--claim", "all", "--annotate", "audits/flight.md:3"];
    let with = |more: &[&str], captures: &[&str]| -> Vec<String> {
        let all = options.iter().chain(more).chain(captures);
        all.map(|word| (*word).to_owned()).collect()
    };
    let abroad = [
        ("TZ", "Asia/Kathmandu"),
        ("LANG", "de_DE.UTF-8"),
        ("LC_ALL", "tr_TR.UTF-8"),
        ("COLUMNS", "40"),
        ("TERM", "xterm-256color"),
        ("CLICOLOR_FORCE", "1"),
        ("HOME", "/nonexistent"),
    ];
    type Way<'a> = (&'a str, Vec<String>, &'a Path, &'a [(&'a str, &'a str)]);
    let ways: [Way<'_>; 7] = [
        ("as it is", with(&[], &[a, b, c]), one.path(), &[]),
        ("another order", with(&[], &[c, a, b]), one.path(), &[]),
        ("another folder", with(&[], &[b, c, a]), other.path(), &[]),
        ("absolute paths", with(&[], &absolute), Path::new("/"), &[]),
        (
            "one thread",
            with(&["--threads", "1"], &[a, b, c]),
            one.path(),
            &[],
        ),
        (
            "many threads",
            with(&["--threads", "64"], &[a, b, c]),
            one.path(),
            &[],
        ),
        (
            "another country",
            with(&["-q"], &[a, b, c]),
            one.path(),
            &abroad,
        ),
    ];
    let mut first: Option<Vec<(String, String)>> = None;
    for (way, words, folder, environment) in ways {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let have = formats(folder, &words, environment);
        let first = first.get_or_insert_with(|| have.clone());
        for ((format, have), (_, want)) in have.iter().zip(first.iter()) {
            assert!(have == want, "{way}: {format} differs:\n{have}\n\n{want}");
        }
    }
}

#[test]
fn sessions_and_series_are_the_same_whatever_the_number_of_threads() {
    let captures = [
        "tls-vendor-session.pcap",
        "honest-flight.pcap",
        "lab/dns.pcap",
        "unexplained-session.pcap",
        "link/raw.pcap.gz",
        "labelled/vantages-not-summed_phone.pcap",
        "labelled/vantages-not-summed_router.pcap",
        "labelled/rotated-two-files_2.pcap",
        "labelled/rotated-two-files_1.pcap",
    ];
    for options in [
        &["--each"][..],
        &[],
        &["--each", "--redact", "--claim", "all"],
    ] {
        let mut first: Option<Vec<(String, String)>> = None;
        for threads in ["1", "2", "8"] {
            let words: Vec<&str> = ["--threads", threads]
                .iter()
                .chain(options)
                .chain(&captures)
                .copied()
                .collect();
            let have = formats(&fixtures(), &words, &[]);
            let first = first.get_or_insert_with(|| have.clone());
            for ((format, have), (_, want)) in have.iter().zip(first.iter()) {
                assert!(
                    have == want,
                    "{threads} threads, {options:?}: {format} differs"
                );
            }
        }
    }
}

#[test]
fn a_session_names_its_own_input_and_the_run_names_all() {
    let captures = ["tls-vendor-session.pcap", "honest-flight.pcap"];
    let report = run(["check", "-o", "json", "--each"].iter().chain(&captures)).report();
    let paths = |report: &Value| report["run"]["paths"].clone();
    assert_eq!(paths(&report), serde_json::json!(captures));
    assert_eq!(report["run"]["arguments"].as_array().map(Vec::len), Some(6));
    for session in report["sessions"].as_array().expect("sessions") {
        assert_eq!(session["run"]["arguments"], serde_json::json!([]));
        assert_eq!(
            paths(session),
            serde_json::json!([session["inputs"][0]["path"]])
        );
    }
}

#[test]
fn of_several_bad_inputs_the_first_is_told_whatever_the_number_of_threads() {
    let scratch = TempDir::new().expect("a scratch folder");
    let bad = |name: &str, bytes: &[u8]| {
        let path = scratch.path().join(name);
        fs::write(&path, bytes).expect("a file");
        path.display().to_string()
    };
    let (empty, text) = (
        bad("empty.pcap", b""),
        bad("notes.pcap", b"no capture at all"),
    );
    let report = scratch.path().join("report.json");
    let output = format!("-ojson={}", report.display());
    for each in [&["--each"][..], &[]] {
        for (captures, named) in [
            (
                ["lab/chrome.pcap", &text, &empty, "lab/dns.pcap"],
                "notes.pcap",
            ),
            (
                ["lab/dns.pcap", "lab/chrome.pcap", &empty, &text],
                "empty.pcap",
            ),
        ] {
            for threads in ["1", "2", "8"] {
                let words = ["check", &output, "--threads", threads];
                let ran = run(words.iter().chain(each).chain(&captures));
                assert_eq!((ran.code, ran.out.as_slice()), (2, &[][..]));
                assert!(
                    ran.err.contains(named) && ran.err.lines().count() == 1,
                    "{}",
                    ran.err
                );
                assert!(!report.exists());
            }
        }
    }
}

#[test]
fn the_other_commands_are_the_same_with_any_threads_and_in_any_country() {
    for arguments in [
        &["flows", "lab/chrome.pcap"][..],
        &["flows", "-o", "csv", "lab/chrome.pcap"],
        &["fitness", "tls-vendor-session.pcap"],
        &["diff", "honest-flight.pcap", "tls-vendor-session.pcap"],
        &[
            "diff",
            "-o",
            "json",
            "honest-flight.pcap",
            "tls-vendor-session.pcap",
        ],
        &[
            "diff",
            "-o",
            "markdown",
            "honest-flight.pcap",
            "tls-vendor-session.pcap",
        ],
    ] {
        let first = run(arguments);
        assert_eq!(first.err, "");
        for threads in ["1", "3"] {
            let moved = program()
                .args(arguments)
                .args(["--threads", threads])
                .envs([("TZ", "Asia/Kathmandu"), ("LC_ALL", "tr_TR.UTF-8")])
                .output()
                .expect("the program starts");
            assert_eq!(moved.status.code(), Some(first.code), "{arguments:?}");
            assert!(moved.stdout == first.out, "{arguments:?} {threads}");
        }
    }
}

/// Compact JSON with sorted keys, written here so that the program does not check itself.
fn canonical(value: &Value, out: &mut String) {
    match value {
        Value::Array(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                canonical(item, out);
            }
            out.push(']');
        }
        Value::Object(fields) => {
            let mut names: Vec<&String> = fields.keys().collect();
            names.sort();
            out.push('{');
            for (at, name) in names.into_iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                out.push_str(&Value::from(name.as_str()).to_string());
                out.push(':');
                canonical(&fields[name], out);
            }
            out.push('}');
        }
        scalar => out.push_str(&scalar.to_string()),
    }
}

fn digest(report: &Value) -> String {
    let mut report = report.clone();
    let fields = report.as_object_mut().expect("an object");
    fields.remove("run");
    fields.remove("digest");
    for session in fields
        .get_mut("sessions")
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
    {
        session.as_object_mut().expect("an object").remove("run");
    }
    let mut text = String::new();
    canonical(&report, &mut text);
    Sha256::digest(text)
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect()
}

#[test]
fn the_digest_is_over_everything_but_run_and_itself() {
    for arguments in [
        &["tls-vendor-session.pcap"][..],
        &[
            "--window",
            "+10/+70",
            "--device",
            "192.168.2.20",
            "labelled/device-declared-unknown-host.pcap",
        ],
        &["--each", "tls-vendor-session.pcap", "honest-flight.pcap"],
        &["link/drops-filter-snaplen.pcapng"],
    ] {
        let report = run(["check", "-o", "json"].iter().chain(arguments)).report();
        assert_eq!(report["digest"], digest(&report), "{arguments:?}");
        for session in report["sessions"].as_array().into_iter().flatten() {
            assert_eq!(session["digest"], digest(session), "{arguments:?}");
        }
    }
}

#[test]
fn the_hash_of_an_input_is_of_the_file_as_it_lies_on_disk() {
    for fixture in [
        "tls-vendor-session.pcap",
        "link/raw.pcap.zst",
        "link/raw.pcap.gz",
        "link/cut-mid-record.pcap",
    ] {
        let path = fixtures().join(fixture);
        let bytes = std::fs::read(&path).expect("the fixture can be read");
        let hash: String = Sha256::digest(&bytes)
            .iter()
            .map(|b| format!("{b:02x}"))
            .collect();
        let (_, report) = support::check(&path, &[]);
        assert_eq!(report["inputs"][0]["sha256"], hash, "{fixture}");
        assert_eq!(report["inputs"][0]["bytes"], bytes.len(), "{fixture}");
        let (_, unhashed) = support::check(&path, &["--no-hash"]);
        assert_eq!(unhashed["inputs"][0]["sha256"], Value::Null, "{fixture}");
        assert_eq!(unhashed["claims"], report["claims"], "{fixture}");
    }
}
