//! The command line: every bad input is one line, exit code 2 and no file; streams behave.

use crate::support::{self, Ran, fixtures, program, run, run_on_stdin};
use std::fs;
use std::path::Path;
use std::process::Stdio;
use tempfile::TempDir;

fn names_in(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .expect("the folder can be read")
        .map(|e| {
            e.expect("an entry")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    names.sort();
    names
}

/// One line on standard error, exit code 2, nothing else.
fn assert_refused(ran: &Ran, what: &str) {
    assert_eq!(ran.code, 2, "{what}: {ran:?}");
    assert!(ran.out.is_empty(), "{what}: {ran:?}");
    assert_eq!(ran.err.lines().count(), 1, "{what}: {}", ran.err);
    assert!(
        ran.err.starts_with("drone-audit: error: ") && ran.err.ends_with('\n'),
        "{what}: {}",
        ran.err
    );
    assert!(
        !ran.err.trim_end().contains(char::is_control),
        "{what}: {:?}",
        ran.err
    );
}

#[test]
fn bad_input_is_one_line_exit_code_2_and_no_file() {
    let scratch = TempDir::new().expect("a scratch folder");
    let file = |name: &str, bytes: &[u8]| {
        let path = scratch.path().join(name);
        fs::write(&path, bytes).expect("the file can be written");
        path.to_str().expect("a plain path").to_owned()
    };
    let capture = fixtures().join("honest-flight.pcap");
    let good = capture.to_str().expect("a plain path");
    let bytes = fs::read(&capture).expect("the fixture can be read");
    let ng = fs::read(fixtures().join("labelled/ng-big-endian.pcapng"))
        .expect("the fixture can be read");
    let header = "pattern\tmatch\towner\trole\tjurisdiction\tregion\toperators\tbrowsable\tevidence\tsource\n";
    let row = |pattern: &str, role: &str| {
        format!("{pattern}\tsuffix\tSomebody\t{role}\t\t\t\t\tdeclared\tmine\n")
    };
    let catalog =
        |name: &str, rows: &[String]| file(name, [header, &rows.concat()].concat().as_bytes());

    let empty = file("empty.pcap", b"");
    let text = file(
        "notes.pcap",
        b"these are notes about a flight, and no capture\n",
    );
    let short = file("short.pcap", &bytes[..10]);
    let short_ng = file("short.pcapng", &ng[..20]);
    let empty_gz = file(
        "empty.pcap.gz",
        &[
            0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        ],
    );
    let no_database = file("no.mmdb", b"no database");
    let bad_row = catalog(
        "bad.tsv",
        &[
            row("fine.example", "analytics"),
            row("bad.example", "no-such-role"),
        ],
    );
    let acquits = catalog("acquits.tsv", &[row("flysafe-api.dji.com", "os-time")]);
    let missing = scratch.path().join("missing.pcap").display().to_string();
    let folder = scratch.path().join("folder");
    fs::create_dir(&folder).expect("the folder can be made");
    let folder = folder.display().to_string();

    let cases: Vec<(&str, Vec<&str>, &str)> = vec![
        ("a missing file", vec![&missing], "missing.pcap"),
        ("a directory", vec![&folder], "is a directory"),
        ("zero bytes", vec![&empty], "empty.pcap"),
        ("a text file", vec![&text], "notes.pcap"),
        ("a pcap header cut short", vec![&short], "short.pcap"),
        ("a pcapng header cut short", vec![&short_ng], "short.pcapng"),
        ("zero bytes, compressed", vec![&empty_gz], "empty.pcap.gz"),
        (
            "a good file beside a bad one",
            vec![good, &text],
            "notes.pcap",
        ),
        (
            "a bad file beside a good one",
            vec![&empty, good],
            "empty.pcap",
        ),
        (
            "a bad file among sessions",
            vec!["--each", good, &text],
            "notes.pcap",
        ),
        (
            "an unknown flag",
            vec!["--frobnicate", good],
            "--frobnicate",
        ),
        ("no capture", vec![], "no capture"),
        (
            "a window without an end",
            vec!["--window", "+60", good],
            "--window",
        ),
        (
            "a window that is no time",
            vec!["--window", "noon/midnight", good],
            "noon",
        ),
        (
            "a window that ends before it begins",
            vec!["--window", "+60/+30", good],
            "--window",
        ),
        (
            "an unknown claim",
            vec!["--claim", "no-such-claim", good],
            "no-such-claim",
        ),
        (
            "a database that is missing",
            vec!["--geo", &missing, good],
            "missing.pcap",
        ),
        (
            "a database that is none",
            vec!["--geo", &no_database, good],
            "no.mmdb",
        ),
        (
            "a database that is a directory",
            vec!["--geo", &folder, good],
            "is a directory",
        ),
        (
            "a case file that is a directory",
            vec!["--case", &folder],
            "is a directory",
        ),
        (
            "a catalog that is a directory",
            vec!["--catalog", &folder, good],
            "is a directory",
        ),
        (
            "a key log that is a directory",
            vec!["--keylog", &folder, good],
            "is a directory",
        ),
        (
            "counters that are a directory",
            vec!["--counters", &folder, good],
            "is a directory",
        ),
        (
            "an earlier report that is a directory",
            vec!["--against", &folder, good],
            "is a directory",
        ),
        (
            "a catalog that is missing",
            vec!["--catalog", &missing, good],
            "missing.pcap",
        ),
        (
            "a catalog with a bad row",
            vec!["--catalog", &bad_row, good],
            "bad.tsv: line 3",
        ),
        (
            "a catalog that takes a host off the vendor",
            vec!["--catalog", &acquits, good],
            "acquits.tsv: line 2",
        ),
        (
            "no network",
            vec!["--local", "everywhere", good],
            "everywhere",
        ),
        (
            "no device",
            vec!["--device", "the phone", good],
            "the phone",
        ),
        ("an unknown format", vec!["-o", "jsno", good], "jsno"),
        ("standard input twice", vec!["-", "-"], "standard input"),
    ];
    for (what, arguments, named) in cases {
        let before = names_in(scratch.path());
        let target = format!("json={}", scratch.path().join("report.json").display());
        let ran = run(["check", "-o", &target].iter().chain(&arguments));
        assert_refused(&ran, what);
        assert!(
            ran.err.contains(named),
            "{what} does not name {named}: {}",
            ran.err
        );
        assert_eq!(names_in(scratch.path()), before, "{what} left a file");
    }
}

#[test]
fn a_hostile_file_name_stays_one_harmless_line() {
    let good = "honest-flight.pcap";
    let hostile = "/missing/a\u{1b}[2Jb\nc\u{202e}d";
    for arguments in [
        &["check", hostile][..],
        &["flows", hostile],
        &["check", "--catalog", hostile, good],
        &["check", "--geo", hostile, good],
        &["check", "-o", &format!("json={hostile}"), good],
    ] {
        let ran = run(arguments);
        assert_refused(&ran, &arguments.join(" "));
        assert!(!ran.err.contains('\u{202e}'), "{:?}", ran.err);
    }
}

#[test]
fn a_report_that_cannot_be_written_is_refused_and_evidence_is_never_overwritten() {
    let scratch = TempDir::new().expect("a scratch folder");
    let capture = scratch.path().join("flight.pcap");
    fs::copy(fixtures().join("honest-flight.pcap"), &capture).expect("the fixture can be copied");
    let (capture, original) = (
        capture.display().to_string(),
        fs::read(&capture).expect("a capture"),
    );
    let folder = scratch.path().display().to_string();
    for (what, target) in [
        (
            "a folder that is missing",
            format!("json={folder}/missing/report.json"),
        ),
        ("a folder", format!("json={folder}")),
        ("the capture itself", format!("json={capture}")),
        (
            "the capture by another way",
            format!("json={folder}/./flight.pcap"),
        ),
        ("a device that is full", "json=/dev/full".to_owned()),
    ] {
        if target.ends_with("/dev/full") && !Path::new("/dev/full").exists() {
            continue;
        }
        let ran = run(["check", "-o", &target, &capture]);
        assert_refused(&ran, what);
        assert_eq!(names_in(scratch.path()), ["flight.pcap"], "{what}");
        assert_eq!(fs::read(&capture).expect("a capture"), original, "{what}");
    }
    let ran = run(["check", "-o", "table", "-o", "json", &capture]);
    assert_refused(&ran, "two reports on standard output");
}

#[test]
fn reports_go_to_files_and_standard_output_at_once() {
    let scratch = TempDir::new().expect("a scratch folder");
    let target = scratch.path().join("report.json");
    fs::write(&target, "an older report that is longer than nothing").expect("a file");
    let ran = run([
        "check",
        "-o",
        "table",
        "-o",
        &format!("json={}", target.display()),
        "tls-vendor-session.pcap",
    ]);
    assert_eq!((ran.code, ran.err.as_str()), (1, ""));
    assert!(ran.text().starts_with("contradicted"), "{}", ran.text());
    let report: serde_json::Value =
        serde_json::from_slice(&fs::read(&target).expect("a report")).expect("JSON");
    assert_eq!(report["verdict"], "contradicted");
    assert_eq!(
        names_in(scratch.path()),
        ["report.json"],
        "no temporary file is left"
    );
}

#[test]
fn a_closed_pipe_is_success() {
    // The embedded database is far larger than any pipe: the write is bound to fail.
    for (arguments, code) in [
        (vec!["emit", "geo"], 0),
        (vec!["check", "-o", "json", "honest-flight.pcap"], 0),
        (vec!["check", "tls-vendor-session.pcap"], 1),
        (vec!["flows", "tls-vendor-session.pcap"], 0),
        (vec!["check", "--help"], 0),
    ] {
        let mut child = program()
            .args(&arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        drop(child.stdout.take());
        let ended = child.wait_with_output().expect("the program ends");
        assert_eq!(ended.status.code(), Some(code), "{arguments:?}");
        assert!(
            ended.stderr.is_empty(),
            "{arguments:?}: {}",
            String::from_utf8_lossy(&ended.stderr)
        );
    }
}

#[test]
fn help_and_version_go_to_standard_output() {
    for (arguments, part) in [
        (&["--help"][..], "check"),
        (&["check", "--help"], "--window"),
        (&["check", "-h"], "--device"),
        (&["flows", "--help"], "ndjson"),
        (&["emit", "--help"], "schema"),
        (&["--version"], env!("CARGO_PKG_VERSION")),
    ] {
        let ran = run(arguments);
        assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{arguments:?}");
        assert!(ran.text().contains(part), "{arguments:?}: {}", ran.text());
    }
    let help = run(["check", "--help"]);
    for code in ["0  ", "1  ", "2  ", "3  "] {
        assert!(help.text().contains(code), "exit code {code} is explained");
    }
    assert_refused(&run([] as [&str; 0]), "no command");
    assert_refused(&run(["judge", "x.pcap"]), "an unknown command");
}

#[test]
fn standard_input_is_judged_like_the_file() {
    for fixture in [
        "tls-vendor-session.pcap",
        "honest-flight.pcap",
        "link/raw.pcap.zst",
        "link/drops-filter-snaplen.pcapng",
    ] {
        let path = fixtures().join(fixture);
        let (code, mut from_file) = support::check(&path, &[]);
        let ran = run_on_stdin(&path, &["check", "-o", "json", "-"]);
        let mut from_stdin = ran.report();
        assert_eq!((ran.code, ran.err.as_str()), (code, ""), "{fixture}");
        for report in [&mut from_file, &mut from_stdin] {
            report["inputs"][0]["path"].take();
            report["run"].take();
            report["digest"].take();
        }
        assert_eq!(from_stdin, from_file, "{fixture}");
    }
    // As one of several inputs it has to be read twice, and still is.
    let ran = run_on_stdin(
        &fixtures().join("labelled/rotated-two-files_2.pcap"),
        &[
            "check",
            "-o",
            "json",
            "-",
            "labelled/rotated-two-files_1.pcap",
        ],
    );
    let report = ran.report();
    assert_eq!(ran.code, 1);
    let by_name = support::run([
        "check",
        "-o",
        "json",
        "labelled/rotated-two-files_1.pcap",
        "labelled/rotated-two-files_2.pcap",
    ])
    .report();
    assert_eq!(report["destinations"], by_name["destinations"]);
    assert_eq!(
        report["inputs"][1]["sha256"],
        by_name["inputs"][1]["sha256"]
    );
}

#[test]
fn text_from_the_capture_cannot_drive_a_terminal() {
    use support::craft::{Capture, Connection, ROUTER};
    let scratch = TempDir::new().expect("a scratch folder");
    let mut capture = Capture::new();
    capture.flight(0, 70);
    let mut hostile = Connection::open(&mut capture, 71.0, 40001, "47.88.60.14:80");
    hostile.say(
        &mut capture,
        71.1,
        "GET / HTTP/1.1\r\nHost: a\u{1b}[2J\u{202e}\u{7}b.example\r\n\r\n".as_bytes(),
    );
    let question = support::craft::dns_question(7, "x\u{1b}]0;owned\u{7}.\u{202e}evil.example");
    capture.ip(
        72.0,
        &support::craft::udp("192.168.2.20:5555", &format!("{ROUTER}:53"), &question),
    );
    let path = capture.save(scratch.path());
    let ran = run([Path::new("check"), &path]);
    let bad = |c: char| {
        (c.is_control() && c != '\n')
            || ('\u{202a}'..='\u{202e}').contains(&c)
            || ('\u{2066}'..='\u{2069}').contains(&c)
    };
    assert_eq!(ran.code, 3, "{}", ran.text());
    assert!(!ran.text().contains(bad), "{:?}", ran.text());
    let (_, report) = support::check(&path, &[]);
    support::assert_adds_up(&report);
}

#[test]
fn the_long_table_has_two_names_and_captures_of_two_days_are_told_apart() {
    let capture = "tls-vendor-session.pcap";
    let full = run(["check", "-o", "full", capture]);
    let verbose = run(["check", "-v", capture]);
    assert_eq!(full.out, verbose.out);
    assert!(full.text().contains("── Destinations") && full.text().contains("── Program and data"));
    let short = run(["check", capture]);
    assert!(!short.text().contains("──"), "{}", short.text());
    let both = run(["check", "honest-flight.pcap", capture]);
    let said = both.text().split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("--each judges every capture alone"), "{said}");
    let each = run(["check", "--each", "honest-flight.pcap", capture]);
    assert!(!each.text().contains("--each judges"), "{}", each.text());
}
