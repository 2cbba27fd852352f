//! Case files on the real program: what each key does, and what is said where one is wrong.

use crate::support::craft::{
    Capture, Connection, client_hello, dns_answer, dns_question, session_in_flight, tls_data, udp,
};
use crate::support::{Ran, fixtures, ids, program, reasons, run};
use serde_json::{Map, Value, json};
use std::fs;
use std::path::PathBuf;
use tempfile::TempDir;

/// A vendor's host and one that nothing explains, each at an address of its own.
const VENDOR: (&str, &str) = ("flysafe-api.dji.com", "203.0.113.20:443");
const UNKNOWN: (&str, &str) = ("edge.fieldlog-sync.net", "198.51.100.40:443");

/// A folder with a capture, and case files about it.
struct Audit {
    folder: TempDir,
}

impl Audit {
    fn of(capture: &Capture) -> Self {
        let folder = TempDir::new().expect("a scratch folder");
        capture.save(folder.path());
        Self { folder }
    }

    /// A flight of 70 seconds with a session to this host after 31.
    fn with_session((host, at): (&str, &str)) -> Self {
        Self::of(&session_in_flight(host, at))
    }

    fn add(&self, name: &str, capture: &Capture) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::write(&path, capture.bytes()).expect("a capture can be written");
        path
    }

    /// Writes a case file: the crafted capture, and what else is said of it.
    fn write(&self, rest: &str) -> PathBuf {
        let path = self.folder.path().join("case.toml");
        let text = format!("[[captures]]\npath = \"crafted.pcap\"\n{rest}");
        fs::write(&path, text).expect("the case can be written");
        path
    }

    fn check(&self, rest: &str, options: &[&str]) -> Ran {
        let case = self.write(rest);
        let case = case.to_str().expect("a plain path");
        run(["check", "-o", "json", "--case", case]
            .iter()
            .chain(options))
    }

    /// Exit code, report, and what is noted on standard error.
    fn judged(&self, rest: &str, options: &[&str]) -> (i32, Value, String) {
        let ran = self.check(rest, options);
        let report = ran.report();
        (ran.code, report, ran.err)
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().expect("a list")
}

#[test]
fn what_is_wrong_is_said_in_one_line_with_its_place_and_what_to_write_instead() {
    let audit = Audit::with_session(VENDOR);
    audit.add("other.pcap", &Capture::new());
    let zeros = "0".repeat(64);
    let wrong_hash = format!("sha256 = \"{zeros}\"");
    let wrong_baseline = format!(
        "[[captures]]\npath = \"other.pcap\"\nrole = \"baseline\"\nkind = \"without-app\"\n{wrong_hash}"
    );
    let window = |name: &str, start: &str, end: &str| {
        format!("[[windows]]\nname = \"{name}\"\nstart = {start}\nend = {end}\n")
    };
    let own = |rule: &str| {
        format!("[[claims]]\nid = \"mine\"\nstatement = \"s\"\nsource = \"me\"\n{rule}")
    };
    let rule = |rest: &str| {
        own(&format!(
            "[[claims.rule]]\nid = \"r\"\ntraffic = \"contact\"\n{rest}"
        ))
    };
    let late = "start = 2025-03-01T10:00:10Z";
    for (rest, place, what, instead) in [
        // Keys.
        (
            "titel = \"x\"\n",
            "3:1",
            "'titel' is no key of [[captures]]",
            "use one of: clock_offset, ",
        ),
        (
            "[[event]]\nkind = \"share\"\n",
            "3:3",
            "'event' is no key of the case file",
            "did you mean 'events'?",
        ),
        // Times and windows.
        (
            &window("w", "\"noon\"", "\"+60s\""),
            "5:9",
            "'noon' is no RFC 3339 time",
            "such as 2025-03-01T10:00:00Z",
        ),
        (
            &window("w", "2025-03-01T10:00:00", "\"+60s\""),
            "5:9",
            "no RFC 3339 time with a zone",
            "such as",
        ),
        (
            &window("w", "\"+60s\"", "\"+30s\""),
            "6:7",
            "window 'w' does not end after it begins",
            "later than the start",
        ),
        (
            &[
                window("a", "\"+0s\"", "\"+40s\""),
                window("b", "\"+30s\"", "\"+70s\""),
            ]
            .concat(),
            "9:9",
            "window 'b' overlaps window 'a'",
            "begin it where the other ends, or later",
        ),
        // Only the capture can tell that these two overlap.
        (
            &[
                window("a", "\"+0s\"", "\"+40s\""),
                window("b", "\"+1s\"", "\"+2s\"")
                    .replace("start = \"+1s\"", late)
                    .replace("\"+2s\"", "2025-03-01T10:01:00Z"),
            ]
            .concat(),
            "9:9",
            "window 'b' overlaps window 'a'",
            "begin it where the other ends",
        ),
        // Files.
        (
            "[[captures]]\npath = \"gone.pcap\"\n",
            "4:8",
            "gone.pcap': No such file",
            "paths start from the folder of the case file",
        ),
        (
            &wrong_hash,
            "3:10",
            "has another SHA-256: ",
            "the file was changed after it was secured",
        ),
        (
            &wrong_baseline,
            "7:10",
            "has another SHA-256: ",
            "the file was changed after it was secured",
        ),
        // Claims.
        (
            "[[claims]]\nid = \"local-data-mod\"\n",
            "4:6",
            "no claim 'local-data-mod' ships",
            "did you mean 'local-data-mode'?",
        ),
        (
            "[[claims]]\nid = \"local-data-mode\"\npreset = \"strict-2018\"\n",
            "5:10",
            "has no preset 'strict-2018'",
            "did you mean 'strict-2017'?",
        ),
        (
            "[[claims]]\nid = \"us-storage\"\nparameters = { upload_min_byte = 1 }\n",
            "5:16",
            "'upload_min_byte' is no key",
            "did you mean 'upload_min_bytes'?",
        ),
        (
            &own(""),
            "3:1",
            "the claim 'mine' has no rule",
            "add [[claims.rule]] or at_most",
        ),
        (
            &rule("").replace("contact", "contcat"),
            "9:11",
            "traffic cannot be 'contcat'",
            "did you mean 'contact'?",
        ),
        (
            &rule("places = { inside = [\"XX\"] }"),
            "3:1",
            "'XX' is no country code",
            "two capital letters",
        ),
        (
            &rule("owners = { inside = [\"Nobody\"] }"),
            "3:1",
            "no row of the host catalog has the owner 'Nobody'",
            "--catalog",
        ),
        (
            &rule("providers = { inside = [\"amazn\"] }"),
            "3:1",
            "'amazn' is unknown",
            "use adguard, ",
        ),
        (
            &rule("inside_events = [\"map-opened\"]"),
            "10:18",
            "the log has no event 'map-opened' with a length",
            "add [[events]]",
        ),
        // Allowances.
        (
            "[[allowances]]\nid = \"all\"\nreason = \"r\"\nexpires = 2030-01-01\n",
            "4:6",
            "allowance 'all' has neither hosts nor addresses",
            "say what it covers",
        ),
        (
            "[[allowances]]\nid = \"a\"\nclaims = [\"local\"]\nhosts = [\"a.example\"]\nreason = \"r\"\nexpires = 2030-01-01\n",
            "5:11",
            "there is no claim 'local'",
            "use one of: ",
        ),
    ] {
        let ran = audit.check(rest, &[]);
        let case = audit.folder.path().join("case.toml");
        let begins = format!("drone-audit: error: {}:{place}: ", case.display());
        assert_eq!((ran.code, ran.out.len()), (2, 0), "{rest}\n{ran:?}");
        assert_eq!(ran.err.lines().count(), 1, "{}", ran.err);
        let said = ran.err.strip_prefix(&begins);
        let said = said.unwrap_or_else(|| panic!("{rest}\nnot at {place}: {}", ran.err));
        let (problem, advice) = said
            .split_once(" (")
            .expect("what to do stands in brackets");
        assert!(problem.contains(what), "{rest}\n{said}");
        assert!(advice.contains(instead), "{rest}\n{said}");
    }
}

fn allowance(expires: &str, budget: &str) -> String {
    format!(
        "[[allowances]]\nid = \"deal\"\nhosts = [\"{}\"]\naddresses = [\"203.0.113.0/24\"]\nreason = \"agreed\"\nexpires = {expires}\n{budget}",
        VENDOR.0
    )
}

#[test]
fn an_allowance_holds_until_its_day_and_up_to_its_budget() {
    let audit = Audit::with_session(VENDOR);
    for (expires, budget, code, noted) in [
        ("2030-01-01", "", 0, ""),
        // The capture is of that day.
        ("2025-03-01", "budget_bytes = \"1KiB\"", 0, ""),
        (
            "2025-02-28",
            "",
            1,
            "the allowance deal ended on 2025-02-28: it covers nothing",
        ),
        (
            "2030-01-01",
            "budget_bytes = 100",
            1,
            "the allowance deal covers nothing: ",
        ),
    ] {
        let (got, report, err) = audit.judged(&allowance(expires, budget), &[]);
        assert_eq!(got, code, "{expires} {budget}: {err}");
        let finding = &list(&report["findings"])[0];
        let told = &report["case"]["allowances"][0];
        if code == 0 {
            assert_eq!(err, "");
            assert_eq!(finding["allowed"], "deal");
            assert_eq!(told["findings"], json!([finding["id"]]));
            assert_eq!(
                report["claims"][0]["silence"],
                Value::Null,
                "it was not silent"
            );
        } else {
            let line = err.strip_prefix("drone-audit: note: ").expect("a note");
            assert!(line.starts_with(noted) && err.lines().count() == 1, "{err}");
            assert_eq!(finding["allowed"], Value::Null);
            assert_eq!(told["findings"], json!([]));
            assert_eq!(told["expired"], expires == "2025-02-28");
        }
    }
}

#[test]
fn an_allowance_covers_its_names_at_its_addresses_and_nothing_else() {
    let unused = "drone-audit: note: the allowance deal is not needed: nothing in the captures falls under it\n";
    for elsewhere in [
        (VENDOR.0, "198.51.100.20:443"),
        ("active.dji.com", VENDOR.1),
    ] {
        let audit = Audit::with_session(elsewhere);
        let (code, report, err) = audit.judged(&allowance("2030-01-01", ""), &[]);
        assert_eq!((code, err.as_str()), (1, unused), "{elsewhere:?}");
        assert_eq!(report["findings"][0]["allowed"], Value::Null);
    }
    // For another claim it is not needed either.
    let audit = Audit::with_session(VENDOR);
    let other = allowance("2030-01-01", "claims = [\"us-storage\"]");
    let (code, _, err) = audit.judged(&other, &[]);
    assert_eq!((code, err.as_str()), (1, unused));
}

#[test]
fn what_silence_needs_is_recorded_and_less_than_usual_is_said() {
    let audit = Audit::with_session(VENDOR);
    let scope = |report: &Value| {
        let scope = &report["scope"];
        (
            scope["minimum_seconds"].clone(),
            scope["time_gap_seconds"].clone(),
        )
    };
    let (_, report, _) = audit.judged("", &[]);
    assert_eq!(scope(&report), (json!(60.0), json!(60.0)));
    let said = |report: &Value, words: &str| {
        let limits = list(&report["limits"]).iter();
        limits.filter_map(Value::as_str).any(|l| l.contains(words))
    };
    assert!(!said(&report, "the verdict is weaker"));
    let limits = "[limits]\nminimum_seconds = 5\ntime_gap_seconds = 900";
    let (_, report, _) = audit.judged(limits, &[]);
    assert_eq!(scope(&report), (json!(5.0), json!(900.0)));
    assert!(said(&report, "the verdict is weaker") && said(&report, "packets may be missing"));
}

#[test]
fn what_the_case_file_says_of_a_capture_holds_when_the_command_line_names_it() {
    let audit = Audit::with_session(VENDOR);
    let first = |options: &[&str]| {
        let (_, report, _) = audit.judged("clock_offset = \"+1h\"", options);
        report["inputs"][0]["first"].clone()
    };
    let named = audit.folder.path().join("crafted.pcap");
    let named = named.to_str().expect("a plain path");
    assert_eq!(first(&[named]), first(&[]));
    let (_, report, _) = audit.judged("", &[]);
    assert_ne!(report["inputs"][0]["first"], first(&[]));
}

#[test]
fn a_clock_offset_moves_the_packets_against_the_windows() {
    let audit = Audit::with_session(VENDOR);
    // By the true time the flight was an hour later than the capture's clock said.
    let window = "[[windows]]\nname = \"flight\"\nstart = 2025-03-01T11:00:00Z\nend = 2025-03-01T11:01:15Z\n";
    let (code, report, _) = audit.judged(&format!("clock_offset = \"+1h\"\n{window}"), &[]);
    assert_eq!((code, reasons(&report)), (1, vec!["vendor-contact"]));
    assert_eq!(report["inputs"][0]["first"], "2025-03-01T11:00:00.000000Z");
    let (code, report, _) = audit.judged(window, &[]);
    assert_eq!(
        (code, reasons(&report)),
        (3, vec!["no-app-activity", "too-short", "time-gap"])
    );
}

#[test]
fn options_override_the_file() {
    let audit = Audit::with_session(VENDOR);
    let rest = "[subject]\ndevices = [\"192.168.2.99\"]\n[[claims]]\nid = \"us-storage\"\n\
                [[windows]]\nname = \"w\"\nstart = \"+0s\"\nend = \"+75s\"\n";
    let (code, report, _) = audit.judged(rest, &[]);
    assert_eq!((code, ids(&report["claims"])), (3, vec!["us-storage"]));
    assert_eq!(report["scope"]["windows"][0]["name"], "w");
    let (code, report, _) = audit.judged(
        rest,
        &[
            "--claim",
            "local-data-mode",
            "--device",
            "192.168.2.20",
            "--window",
            "+35/+70",
        ],
    );
    assert_eq!(ids(&report["claims"]), ["local-data-mode"]);
    assert_eq!(
        report["scope"]["device"]["declared"],
        json!(["192.168.2.20"])
    );
    let window = &report["scope"]["windows"][0];
    assert_eq!(
        (&window["name"], &window["start"]),
        (&Value::Null, &json!("2025-03-01T10:00:35.000000Z"))
    );
    assert_eq!((code, reasons(&report)), (3, vec!["too-short"]));
    let honest = fixtures().join("honest-flight.pcap");
    let (_, report, _) = audit.judged("", &[honest.to_str().expect("a plain path")]);
    assert_eq!(report["inputs"][0]["path"], "honest-flight.pcap");
    assert_eq!(report["verdict"], "consistent");
}

#[test]
fn a_claim_of_ones_own_is_judged_like_those_that_ship() {
    let own = |rule: &str| {
        format!(
            "[subject]\ndevices = [\"192.168.2.20\"]\n[[events]]\nat = \"+30s\"\nfor = \"5s\"\nkind = \"map-opened\"\n\
             [[claims]]\nid = \"no-field-log\"\nstatement = \"The app sends nothing to Fieldlog.\"\nsource = \"Fieldlog, 2 May 2025\"\n\
             not_testable = [\"what Fieldlog buys elsewhere\"]\n\
             [[claims.rule]]\nid = \"field-log\"\ntraffic = \"payload\"\n{rule}"
        )
    };
    let audit = Audit::with_session(UNKNOWN);
    for (rule, code) in [
        ("hosts = { inside = [\"*.fieldlog-sync.net\"] }", 1),
        // Only the name says that it is another host, and no address confirms it.
        ("hosts = { inside = [\"fieldlog-sync.net\"] }", 3),
        ("hosts = { outside = [\"*.fieldlog-sync.net\"] }", 3),
        ("scopes = [\"relayed\"]", 0),
        ("inside_events = [\"map-opened\"]", 1),
        ("outside_events = [\"map-opened\"]", 0),
        ("weight = \"suspect\"", 3),
        ("weight = \"listed\"", 0),
    ] {
        let (got, report, err) = audit.judged(&own(rule), &[]);
        assert_eq!((got, err.as_str()), (code, ""), "{rule}");
        let claim = &report["claims"][0];
        assert_eq!(
            (&claim["id"], &claim["source"]),
            (&json!("no-field-log"), &json!("Fieldlog, 2 May 2025"))
        );
        assert_eq!(
            claim["not_testable"],
            json!(["what Fieldlog buys elsewhere"])
        );
        if code == 1 {
            assert_eq!(reasons(&report), ["field-log"], "{rule}");
            assert_eq!(report["findings"][0]["rule"], "field-log");
        }
    }
    // With a flag it is chosen as the others are.
    let (_, report, _) = audit.judged(
        &own(""),
        &["--claim", "no-field-log", "--claim", "us-storage"],
    );
    assert_eq!(ids(&report["claims"]), ["no-field-log", "us-storage"]);
}

/// A session without a flight: the app does not run.
fn idle((host, at): (&str, &str)) -> Capture {
    let mut capture = Capture::new();
    let mut session = Connection::open(&mut capture, 5.0, 40001, at);
    session.say(&mut capture, 5.1, &client_hello(host));
    session.say(&mut capture, 5.2, &tls_data(100));
    session.hear(&mut capture, 5.3, &tls_data(40));
    capture
}

#[test]
fn a_baseline_without_the_app_explains_the_same_name_at_the_same_address() {
    let audit = Audit::with_session(UNKNOWN);
    let judged = |baseline: &Capture| {
        let path = audit.add("baseline.pcap", baseline);
        let path = path.to_str().expect("a plain path");
        let without = ["--baseline", path, "--baseline-kind", "without-app"];
        audit.judged("", &without)
    };
    assert_eq!(audit.judged("", &[]).0, 3, "nothing explains it");
    let (code, report, err) = judged(&idle(UNKNOWN));
    assert_eq!(
        (code, err.as_str(), &report["baseline"]["kind"]),
        (0, "", &json!("without-app"))
    );
    let text = report["findings"][0]["text"].as_str().expect("a text");
    assert!(
        text.contains("the baseline without the app shows the same name at the same address"),
        "{text}"
    );
    for other in [
        (UNKNOWN.0, "198.51.100.41:443"),
        ("cdn.fieldlog-sync.net", UNKNOWN.1),
    ] {
        assert_eq!(judged(&idle(other)).0, 3, "{other:?}");
    }
    // Nobody says that the app did not run.
    let path = audit.add("baseline.pcap", &idle(UNKNOWN));
    let path = path.to_str().expect("a plain path");
    let (code, report, err) = audit.judged("", &["--baseline", path]);
    assert_eq!(
        (code, &report["baseline"]["kind"]),
        (3, &json!("undeclared"))
    );
    assert!(err.contains("--baseline-kind without-app"), "{err}");
    // The drone link, or the vendor: the app ran.
    for running in [session_in_flight(UNKNOWN.0, UNKNOWN.1), {
        let mut both = idle(UNKNOWN);
        let mut session = Connection::open(&mut both, 9.0, 40002, VENDOR.1);
        session.say(&mut both, 9.1, &client_hello(VENDOR.0));
        both
    }] {
        let (code, report, _) = judged(&running);
        assert_eq!(
            (code, &report["baseline"]["kind"]),
            (3, &json!("without-mode"))
        );
    }
    // What was declared does not help, and is said.
    let rest =
        "[[captures]]\npath = \"baseline.pcap\"\nrole = \"baseline\"\nkind = \"without-app\"\n";
    let (code, report, err) = audit.judged(rest, &[]);
    assert_eq!(
        (code, &report["baseline"]["kind"]),
        (3, &json!("without-mode"))
    );
    assert!(
        err.starts_with("drone-audit: note: the baseline was declared to be without the app"),
        "{err}"
    );
    // A vendor's host is explained by nothing.
    let audit = Audit::with_session(VENDOR);
    let path = audit.add("baseline.pcap", &idle(VENDOR));
    let (code, ..) = audit.judged("", &["--baseline", path.to_str().expect("a plain path")]);
    assert_eq!(code, 1);
}

/// A flight of 140 seconds in which a beacon is fetched at these times.
fn with_beacons(times: &[u32]) -> Capture {
    let mut capture = Capture::new();
    let mut flown = 0;
    for at in times {
        capture.flight(flown, *at);
        flown = at + 5;
        let (port, at) = (41000 + at, f64::from(*at) + 0.5);
        let asker = format!("192.168.2.20:{port}");
        let question = udp(
            &asker,
            "192.168.2.254:53",
            &dns_question(7, "beacon.example.org"),
        );
        capture.ip(at, &question);
        let answer = dns_answer(7, "beacon.example.org", [198, 51, 100, 80]);
        capture.ip(at + 0.01, &udp("192.168.2.254:53", &asker, &answer));
    }
    capture.flight(flown, 140);
    capture
}

#[test]
fn a_beacon_that_is_missing_at_an_end_takes_the_verdict_away() {
    let window = "[[windows]]\nname = \"w\"\nstart = \"+0s\"\nend = \"+141s\"\n";
    for (times, at, code) in [
        (&[10, 130][..], "both", 0),
        (&[10], "both", 3),
        (&[130], "both", 3),
        (&[70], "both", 3),
        (&[10], "start", 0),
        (&[130], "end", 0),
        (&[130], "start", 3),
        (&[], "both", 3),
    ] {
        let audit = Audit::of(&with_beacons(times));
        let beacon = format!("[[beacons]]\nhost = \"beacon.example.org\"\nat = \"{at}\"\n");
        let (got, report, err) = audit.judged(&format!("{beacon}{window}"), &[]);
        assert_eq!(
            (got, err.as_str()),
            (code, ""),
            "{times:?} {at}: {:#}",
            report["claims"]
        );
        assert_eq!(report["case"]["beacons"][0]["found"], code == 0);
        assert_eq!(
            reasons(&report).contains(&"beacon-missing"),
            code == 3,
            "{times:?} {at}"
        );
    }
    // Without a beacon in the file the same lookup is traffic that nobody explains; in between too.
    let audit = Audit::of(&with_beacons(&[10, 130]));
    assert_eq!(
        reasons(&audit.judged(window, &[]).1),
        ["unattributed-internet"]
    );
    let audit = Audit::of(&with_beacons(&[10, 70, 130]));
    let (_, report, _) = audit.judged(
        &format!("[[beacons]]\nhost = \"beacon.example.org\"\n{window}"),
        &[],
    );
    assert_eq!(reasons(&report), ["unattributed-internet"]);
    // Without windows its place is anywhere.
    let audit = Audit::of(&with_beacons(&[70]));
    assert_eq!(
        audit
            .judged("[[beacons]]\nhost = \"beacon.example.org\"\n", &[])
            .0,
        0
    );
}

#[test]
fn traffic_in_the_grace_is_listed_and_moves_nothing() {
    let mut capture = Capture::new();
    capture.flight(0, 10);
    let mut session = Connection::open(&mut capture, 12.0, 40001, VENDOR.1);
    session.say(&mut capture, 12.1, &client_hello(VENDOR.0));
    capture.flight(15, 140);
    let audit = Audit::of(&capture);
    let window = |grace: &str| {
        format!("[[windows]]\nname = \"w\"\nstart = \"+10s\"\nend = \"+130s\"\n{grace}")
    };
    // Five seconds if nothing is said.
    for (grace, code) in [
        ("", 0),
        ("grace = \"3s\"\n", 0),
        ("grace = \"1s\"\n", 1),
        ("grace = \"0s\"\n", 1),
    ] {
        let (got, report, _) = audit.judged(&window(grace), &[]);
        assert_eq!(got, code, "{grace}");
        let finding = &list(&report["findings"])[0];
        assert_eq!(
            (&finding["grace"], &finding["rule"]),
            (&json!(code == 0), &json!("vendor-contact"))
        );
        assert_eq!(report["claims"][0]["silence"].is_null(), code == 1);
    }
}

#[test]
fn paths_start_from_the_folder_of_the_case_file() {
    let case = fixtures().join("examples/mode-on-silent/case.toml");
    let elsewhere = TempDir::new().expect("a scratch folder");
    let checked = |folder: PathBuf, case: PathBuf| {
        let ran = program()
            .current_dir(folder)
            .args(["check", "-o", "json", "--case"])
            .arg(case)
            .output()
            .expect("the program starts");
        let mut report: Value = serde_json::from_slice(&ran.stdout).expect("a report");
        report.as_object_mut().expect("an object").remove("run");
        report
    };
    let from_elsewhere = checked(elsewhere.path().to_owned(), case.clone());
    let folder = case.parent().expect("a folder").to_owned();
    assert_eq!(checked(folder, PathBuf::from("case.toml")), from_elsewhere);
    let relative = PathBuf::from("examples/mode-on-silent/case.toml");
    assert_eq!(checked(fixtures(), relative), from_elsewhere);
}

/// Whether a value is as a schema says: types, keys, and what has to be there.
fn fits(whole: &Value, schema: &Value, value: &Value) -> Result<(), String> {
    if let Some(name) = schema["$ref"].as_str() {
        let definition = whole
            .pointer(name.trim_start_matches('#'))
            .ok_or("no definition")?;
        return fits(whole, definition, value);
    }
    for choices in [&schema["anyOf"], &schema["oneOf"]] {
        if let Some(choices) = choices.as_array()
            && !choices
                .iter()
                .any(|choice| fits(whole, choice, value).is_ok())
        {
            return Err(format!("{value} is none of {choices:?}"));
        }
    }
    if schema.get("const").is_some_and(|wanted| wanted != value) {
        return Err(format!("{value} is not {}", schema["const"]));
    }
    let right = match schema["type"].as_str() {
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        Some("string") => value.is_string(),
        Some("integer") => value.is_i64(),
        Some("boolean") => value.is_boolean(),
        Some(other) => return Err(format!("the type {other}")),
        None => true,
    };
    if !right {
        return Err(format!("{value} is no {}", schema["type"]));
    }
    for item in value.as_array().into_iter().flatten() {
        fits(whole, &schema["items"], item)?;
    }
    let none = Map::new();
    let properties = schema["properties"].as_object().unwrap_or(&none);
    for (key, part) in value.as_object().into_iter().flatten() {
        match (properties.get(key), &schema["additionalProperties"]) {
            (Some(property), _) => {
                fits(whole, property, part).map_err(|e| format!("{key}: {e}"))?
            }
            (None, more @ Value::Object(_)) => fits(whole, more, part)?,
            (None, _) => return Err(format!("the key {key}")),
        }
    }
    for key in schema["required"].as_array().into_iter().flatten() {
        let key = key.as_str().expect("a key");
        if value.is_object() && value.get(key).is_none() {
            return Err(format!("no {key}"));
        }
    }
    Ok(())
}

/// TOML as JSON; its dates and times are texts.
fn to_json(value: toml::Value) -> Value {
    match value {
        toml::Value::Datetime(time) => Value::String(time.to_string()),
        toml::Value::Array(items) => items.into_iter().map(to_json).collect(),
        toml::Value::Table(table) => table.into_iter().map(|(k, v)| (k, to_json(v))).collect(),
        other => serde_json::to_value(other).expect("a plain value"),
    }
}

#[test]
fn the_examples_are_as_the_schema_of_case_files_says() {
    let schema = run(["emit", "case-schema"]).report();
    for name in ["mode-on-leaking", "mode-on-silent", "upload"] {
        let path = fixtures().join("examples").join(name).join("case.toml");
        let text = fs::read_to_string(path).expect("a case");
        let mut case = to_json(text.parse::<toml::Table>().expect("TOML").into());
        assert_eq!(fits(&schema, &schema, &case), Ok(()), "{name}");
        case["captures"][0]["sha"] = json!("x");
        assert!(fits(&schema, &schema, &case).is_err(), "an unknown key");
    }
}
