//! `diff`: what is new, gone or changed; and `check --against`: which findings are known.

use crate::report::Walk;
use crate::support::craft::{Capture, PHONE, ROUTER, dns_question, session_in_flight, udp};
use crate::support::{Ran, fixtures, program, run, run_on_stdin};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

fn diff(baseline: &str, capture: &str, options: &[&str]) -> (i32, Value) {
    let fixed = ["diff", "-o", "json", baseline, capture];
    let ran = run(fixed.iter().chain(options));
    assert_eq!(ran.err, "", "{baseline} {capture}");
    (ran.code, ran.report())
}

/// Status, news, name (else address) and ids of changes, a line a row.
fn rows(list: &Value) -> Vec<String> {
    let rows = list.as_array().expect("a list").iter().map(|row| {
        let name = [&row["host"], &row["name"], &row["ip"]];
        let name = name.iter().find_map(|n| n.as_str()).unwrap_or("unnamed");
        let status = row["status"].as_str().expect("a status");
        let news = if row["news"] == true { "!" } else { "" };
        let changes = row["changes"].as_array().expect("changes").iter();
        let ids: Vec<&str> = changes.filter_map(|c| c["id"].as_str()).collect();
        format!("{news}{status} {name} {}", ids.join(" "))
            .trim_end()
            .to_owned()
    });
    rows.collect()
}

fn save(capture: &Capture, folder: &Path, name: &str) -> String {
    let path = folder.join(name);
    fs::write(&path, capture.bytes()).expect("the capture can be written");
    plain(&path)
}

fn plain(path: &Path) -> String {
    path.to_str().expect("a plain path").to_owned()
}

/// A JSON report of a fixture or capture.
fn report(capture: &str, folder: &Path, name: &str, options: &[&str]) -> String {
    let path = plain(&folder.join(name));
    let output = format!("--output=json={path}");
    let ran = run(["check", "--exit-zero", &output, capture]
        .iter()
        .chain(options));
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{capture}");
    path
}

fn assert_refused(ran: &Ran, parts: &[&str]) {
    assert_eq!((ran.code, ran.out.len()), (2, 0), "{ran:?}");
    assert_eq!(ran.err.lines().count(), 1, "{ran:?}");
    for part in parts {
        assert!(ran.err.contains(part), "no {part} in {}", ran.err);
    }
}

#[test]
fn new_is_exit_1_and_gone_is_not() {
    let (code, result) = diff("honest-flight.pcap", "tls-vendor-session.pcap", &[]);
    assert_eq!((code, &result["news"]), (1, &true.into()));
    assert_eq!(rows(&result["destinations"]), ["!new flysafe-api.dji.com"]);
    let after = &result["destinations"][0]["after"];
    assert_eq!(
        (&after["stage"], &after["attribution"]),
        (&"transferred".into(), &"vendor".into())
    );
    assert_eq!(
        (&after["bytes_out"], &after["packets_in"]),
        (&442.into(), &12.into())
    );
    assert_eq!(after["frames"][0]["frame"], 1);
    let claim = &result["claims"][0];
    assert_eq!(
        (&claim["before"], &claim["after"]),
        (&"consistent".into(), &"contradicted".into())
    );

    let (code, result) = diff("tls-vendor-session.pcap", "honest-flight.pcap", &[]);
    assert_eq!((code, &result["news"]), (0, &false.into()));
    assert_eq!(rows(&result["destinations"]), ["gone flysafe-api.dji.com"]);
    assert_eq!(result["destinations"][0]["before"], *after);
    assert_eq!(result["schema"], "drone-audit/diff/v1");
}

/// The same session in other wrappings: position, link type and file format play no part.
#[test]
fn the_same_traffic_in_another_recording_is_the_same() {
    for other in [
        "sll2.pcap",
        "two-sections.pcapng",
        "usbmon-rndis.pcap",
        "radiotap.pcap",
        "raw.pcap.zst",
    ] {
        let (code, result) = diff("link/ethernet.pcap", &format!("link/{other}"), &[]);
        assert_eq!(code, 0, "{other}: {result:#}");
        assert_eq!(rows(&result["destinations"]), [""; 0], "{other}");
        assert_eq!(result["destination_counts"]["same"], 1, "{other}");
    }
}

#[test]
fn a_thin_capture_proves_nothing_by_what_it_lacks() {
    let empty = "labelled/zero-packets.pcap";
    let (code, result) = diff("tls-vendor-session.pcap", empty, &[]);
    assert_eq!((code, &result["capture"]["thin"]), (0, &true.into()));
    let said = result["limits"].to_string();
    assert!(
        said.contains("what is gone from it proves nothing"),
        "{said}"
    );
    let table = run(["diff", "tls-vendor-session.pcap", empty]);
    assert!(
        table.text().starts_with("nothing new · "),
        "{}",
        table.text()
    );
    let flat: Vec<&str> = table.text().split_whitespace().collect();
    assert!(
        flat.join(" ")
            .contains("but it has gaps, and what it does not show proves nothing")
    );
    // The other way round, the new may not be new.
    let (code, result) = diff(empty, "tls-vendor-session.pcap", &[]);
    assert_eq!(code, 1);
    let said = result["limits"].to_string();
    assert!(
        said.contains("may have been there before, unseen"),
        "{said}"
    );
}

#[test]
fn what_was_only_asked_for_and_is_contacted_now_went_further() {
    let scratch = TempDir::new().expect("a scratch folder");
    let mut asked = Capture::new();
    asked.flight(0, 30);
    let resolver = format!("{ROUTER}:53");
    let question = dns_question(7, "api.dji.com");
    asked.ip(31.0, &udp(&format!("{PHONE}:40002"), &resolver, &question));
    asked.flight(35, 70);
    let asked = save(&asked, scratch.path(), "asked.pcap");
    let went = session_in_flight("api.dji.com", "52.218.128.10:443");
    let went = save(&went, scratch.path(), "went.pcap");
    let (code, result) = diff(&asked, &went, &[]);
    assert_eq!(code, 1);
    let contacts = rows(&result["destinations"]);
    assert!(
        contacts.contains(&"!changed api.dji.com stage".to_owned()),
        "{contacts:?}"
    );
    assert_eq!(rows(&result["lookups"]), ["gone api.dji.com"]);
    let note = result["lookups"][0]["notes"].to_string();
    assert!(
        note.contains("contacted this name without a lookup"),
        "{note}"
    );
}

/// Two addresses of Amazon's, one of Alibaba's.
#[test]
fn a_further_address_of_the_same_operator_is_changed_and_another_operator_is_new() {
    let scratch = TempDir::new().expect("a scratch folder");
    let to = |server: &str, name: &str| {
        let session = session_in_flight("api.dji.com", server);
        save(&session, scratch.path(), name)
    };
    let first = to("52.218.128.10:443", "first.pcap");
    let second = to("52.218.128.11:443", "second.pcap");
    let abroad = to("47.88.60.14:443", "abroad.pcap");
    let (code, result) = diff(&first, &second, &[]);
    assert_eq!(
        (code, rows(&result["destinations"])),
        (0, vec!["changed api.dji.com further-address".to_owned()])
    );
    let said = &result["destinations"][0]["changes"][0]["text"];
    assert_eq!(said, "further address of the same operator: 52.218.128.11");
    let (code, result) = diff(&first, &abroad, &[]);
    assert_eq!(
        (code, rows(&result["destinations"])),
        (
            1,
            vec!["!new api.dji.com".to_owned(), "gone api.dji.com".to_owned()]
        )
    );
    let note = result["destinations"][0]["notes"][0]
        .as_str()
        .expect("a note");
    assert!(
        note.starts_with("the baseline has this name at another operator: AS"),
        "{note}"
    );
}

#[test]
fn whose_traffic_it_is_comes_from_labels_and_declarations() {
    let scratch = TempDir::new().expect("a scratch folder");
    let (browser, app) = (
        "labelled/pcapdroid-other-app.pcap",
        "labelled/pcapdroid-trailer-app.pcap",
    );
    let (code, result) = diff(browser, app, &["--app", "DJI Pilot*"]);
    assert_eq!(code, 1);
    let row = &result["destinations"][0];
    assert_eq!(
        (&row["status"], &row["app"], &row["after"]["attribution"]),
        (&"new".into(), &"DJI Pilot 2".into(), &"app".into())
    );
    assert_eq!(result["capture"]["scope"]["app"][0], "DJI Pilot*");
    // The same traffic, once as another app's and once as the app's.
    let before = report(browser, scratch.path(), "a.json", &["--app", "DJI Pilot*"]);
    let (code, result) = diff(&before, browser, &["--app", "Chrome"]);
    assert_eq!(code, 1);
    assert_eq!(
        rows(&result["destinations"]),
        ["!changed forum.dji.com attribution"]
    );
    let said = result["limits"].to_string();
    assert!(said.contains("different declarations"), "{said}");
}

#[test]
fn captures_and_their_reports_compare_alike() {
    let scratch = TempDir::new().expect("a scratch folder");
    let (honest, vendor) = ("honest-flight.pcap", "tls-vendor-session.pcap");
    let before = report(honest, scratch.path(), "before.json", &[]);
    let after = report(vendor, scratch.path(), "after.json", &[]);
    let (_, expected) = diff(honest, vendor, &[]);
    for (baseline, capture) in [(&*before, &*after), (honest, &after), (&before, vendor)] {
        let (code, mut result) = diff(baseline, capture, &[]);
        assert_eq!(code, 1);
        let side = &result["capture"];
        if capture == after {
            assert_eq!(
                (&side["given"], &side["path"]),
                (&"report".into(), &"after.json".into())
            );
            assert_eq!(side["digest"].as_str().map(str::len), Some(64));
            assert_eq!(result["destinations"][0]["after"]["destinations"][0], "D1");
        } else {
            assert_eq!(
                (&side["given"], &side["digest"]),
                (&"capture".into(), &Value::Null)
            );
        }
        result["destinations"][0]["after"]["destinations"] = Value::Array(Vec::new());
        for part in [
            "destinations",
            "lookups",
            "claims",
            "destination_counts",
            "limits",
        ] {
            assert_eq!(result[part], expected[part], "{part}");
        }
        assert_eq!(result["capture"]["inputs"], expected["capture"]["inputs"]);
    }
    // The same bytes each time.
    let again = |_| run(["diff", "-o", "json", honest, &after]).out;
    assert_eq!(again(0), again(1));
    // By content, not by name; and from standard input.
    let odd = plain(&scratch.path().join("report.pcap"));
    fs::copy(&after, &odd).expect("copied");
    assert_eq!(diff(honest, &odd, &[]).0, 1);
    for file in [PathBuf::from(&after), fixtures().join(vendor)] {
        let ran = run_on_stdin(&file, &["diff", "-o", "json", honest, "-"]);
        assert_eq!((ran.code, ran.err.as_str()), (1, ""));
        assert_eq!(ran.report()["capture"]["path"], "-");
        assert_eq!(
            rows(&ran.report()["destinations"]),
            ["!new flysafe-api.dji.com"]
        );
    }
}

#[test]
fn what_cannot_be_compared_is_one_line_and_exit_2() {
    let scratch = TempDir::new().expect("a scratch folder");
    let honest = "honest-flight.pcap";
    let good = report(honest, scratch.path(), "good.json", &[]);
    let file = |name: &str, text: &str| {
        let path = scratch.path().join(name);
        fs::write(&path, text).expect("written");
        plain(&path)
    };
    let text = fs::read_to_string(&good).expect("the report");
    let edited = file(
        "edited.json",
        &text.replacen("\"consistent\"", "\"contradicted\"", 1),
    );
    let cut = file("cut.json", &text[..text.len() / 2]);
    let fitness = plain(&scratch.path().join("fitness.json"));
    let output = format!("--output=json={fitness}");
    assert_eq!(run(["fitness", &output, honest]).code, 0);
    let notes = file("notes.txt", "these are notes about a flight\n");
    for (side, parts) in [
        (
            &edited,
            &["edited.json", "its digest does not match its content"][..],
        ),
        (&cut, &["cut.json", "no whole JSON report"]),
        (
            &fitness,
            &[
                "fitness.json",
                "its schema is 'drone-audit/fitness/v1', not 'drone-audit/report/v1'",
            ],
        ),
        (&file("bare.json", "{}"), &["bare.json", "names no schema"]),
        (&notes, &["notes.txt"]),
        (
            &plain(&scratch.path().join("missing")),
            &["missing", "cannot open"],
        ),
        (&plain(scratch.path()), &["is a directory"]),
    ] {
        assert_refused(&run(["diff", honest, side]), parts);
        assert_refused(&run(["diff", side, honest]), parts);
    }
    assert_refused(&run(["diff", honest]), &["<CAPTURE> is missing"]);
    assert_refused(
        &run(["diff", "-", "-"]),
        &["standard input can be read only once"],
    );
    assert_refused(&run(["diff", honest, honest, honest]), &["is not known"]);
    assert_refused(
        &run(["diff", "--device", "10.0.0.1", &good, &good]),
        &["--device: both sides are reports"],
    );
    assert_refused(
        &run(["diff", "-o", "sarif", &good, &good]),
        &["use one of: table, json, markdown"],
    );
    let over = format!("--output=json={good}");
    assert_refused(
        &run(["diff", &over, honest, &good]),
        &["is one of the inputs"],
    );
}

#[test]
fn the_schema_of_diff_names_every_field_and_no_other() {
    let ran = run(["emit", "diff-schema"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    let schema = ran.report();
    let definitions = schema["$defs"].as_object().expect("definitions");
    let mut walk = Walk {
        whole: &schema,
        definitions,
        met: BTreeSet::new(),
    };
    for (baseline, capture) in [
        ("honest-flight.pcap", "tls-vendor-session.pcap"),
        (
            "labelled/relayed-lookups-counted.pcap",
            "labelled/pcapdroid-trailer-app.pcap",
        ),
        ("labelled/lookup-only.pcap", "labelled/dns-cname-chain.pcap"),
    ] {
        walk.value(&schema, &diff(baseline, capture, &[]).1, "diff");
    }
    for part in [
        "Side",
        "Counts",
        "ClaimChange",
        "DestinationChange",
        "Traffic",
        "LookupChange",
        "Asked",
    ] {
        assert!(walk.met.contains(part), "{part} was not met");
    }
}

#[test]
fn the_table_and_the_markdown_show_before_and_after() {
    let help = run(["diff", "--help"]);
    for part in [
        "Exit codes:",
        "0  the capture shows nothing",
        "1  something is new",
        "2  usage error",
    ] {
        assert!(help.text().contains(part), "{}", help.text());
    }
    let scratch = TempDir::new().expect("a scratch folder");
    let mut small = session_in_flight("api.dji.com", "52.218.128.10:443");
    let small_path = save(&small, scratch.path(), "small.pcap");
    let mut more =
        crate::support::craft::Connection::open(&mut small, 75.0, 40009, "52.218.128.10:443");
    more.say(
        &mut small,
        75.1,
        &crate::support::craft::client_hello("api.dji.com"),
    );
    for part in 0..60 {
        more.say(
            &mut small,
            76.0 + f64::from(part) / 10.0,
            &crate::support::craft::tls_data(1_300),
        );
    }
    let big = save(&small, scratch.path(), "big.pcap");
    let (code, result) = diff(&small_path, &big, &[]);
    assert_eq!(
        (code, rows(&result["destinations"])),
        (1, vec!["!changed api.dji.com bytes-out".to_owned()])
    );
    let before = result["destinations"][0]["before"]["bytes_out"]
        .as_u64()
        .expect("bytes");
    let after = result["destinations"][0]["after"]["bytes_out"]
        .as_u64()
        .expect("bytes");
    for width in ["60", "100", "140"] {
        let out = program()
            .args(["diff", &small_path, &big])
            .env("COLUMNS", width)
            .output()
            .expect("starts");
        let text = String::from_utf8(out.stdout).expect("UTF-8");
        let columns: usize = width.parse().expect("a number");
        assert!(text.lines().all(|l| l.chars().count() <= columns), "{text}");
        assert!(text.contains("── Changed: 1 destination"), "{text}");
        if columns >= 100 {
            assert!(
                text.contains(&format!("out {before} → {after} B")),
                "{text}"
            );
        }
    }
    let markdown = run(["diff", "-o", "markdown", &small_path, &big]);
    let text = markdown.text();
    assert!(text.starts_with("# Comparison: new\n"), "{text}");
    assert!(
        text.contains(&format!("`out {before} → {after} B`")),
        "{text}"
    );
    assert!(
        text.contains("| `local-data-mode` | `contradicted` | `contradicted` |"),
        "{text}"
    );
}

fn known(report: &Value) -> Vec<(&str, &Value)> {
    let findings = report["findings"].as_array().expect("findings").iter();
    findings
        .map(|f| (f["rule"].as_str().expect("a rule"), &f["known"]))
        .collect()
}

#[test]
fn against_marks_findings_as_new_or_known() {
    let scratch = TempDir::new().expect("a scratch folder");
    let vendor = report("link/ethernet.pcap", scratch.path(), "vendor.json", &[]);
    let honest = report("honest-flight.pcap", scratch.path(), "honest.json", &[]);
    for (against, mark) in [(&vendor, true), (&honest, false)] {
        let ran = run([
            "check",
            "-o",
            "json",
            "--against",
            against,
            "link/sll2.pcap",
        ]);
        // The verdict stays what it is.
        assert_eq!((ran.code, ran.err.as_str()), (1, ""));
        let marked = ran.report();
        assert_eq!(known(&marked), [("vendor-contact", &mark.into())]);
        let other: Value = serde_json::from_slice(&fs::read(against).expect("read")).expect("JSON");
        let name = Path::new(against)
            .file_name()
            .and_then(|n| n.to_str())
            .expect("a name");
        assert_eq!(
            (&marked["against"]["path"], &marked["against"]["digest"]),
            (&name.into(), &other["digest"])
        );
        // The digest is over what is written: another run can build on this report.
        let path = plain(&scratch.path().join("marked.json"));
        fs::write(&path, &ran.out).expect("written");
        assert_eq!(diff(&path, "link/sll2.pcap", &[]).0, 0);
        let table = run([
            "check",
            "-o",
            "full",
            "--against",
            against,
            "link/sll2.pcap",
        ]);
        let word = if mark { "known" } else { "new" };
        let tally = if mark {
            "0 new, 1 known"
        } else {
            "1 new, 0 known"
        };
        assert!(
            table.text().contains(&format!("· F1 · {word}\n")),
            "{}",
            table.text()
        );
        assert!(
            table.text().contains(&format!("{tally} from {name}")),
            "{}",
            table.text()
        );
        assert!(
            table.text().contains("Marked against: "),
            "{}",
            table.text()
        );
    }
    let plain_run = run(["check", "-o", "json", "link/sll2.pcap"]).report();
    assert_eq!(
        (&plain_run["against"], known(&plain_run)),
        (&Value::Null, vec![("vendor-contact", &Value::Null)])
    );

    // Sessions are marked one by one, and known from sessions.
    let each = ["check", "-o", "json", "--each", "--against"];
    let ran = run(each
        .iter()
        .chain(&[&*vendor, "link/sll2.pcap", "unexplained-session.pcap"]));
    let whole = ran.report();
    let marks: Vec<_> = whole["sessions"]
        .as_array()
        .expect("sessions")
        .iter()
        .flat_map(known)
        .collect();
    assert!(
        marks.contains(&("vendor-contact", &true.into())),
        "{marks:?}"
    );
    assert!(
        marks.contains(&("unattributed-internet", &false.into())),
        "{marks:?}"
    );
    let path = plain(&scratch.path().join("each.json"));
    fs::write(&path, &ran.out).expect("written");
    let ran = run([
        "check",
        "-o",
        "json",
        "--against",
        &path,
        "unexplained-session.pcap",
    ]);
    assert!(
        known(&ran.report()).iter().all(|(_, mark)| **mark == true),
        "{}",
        ran.text()
    );

    let edited =
        fs::read_to_string(&vendor)
            .expect("read")
            .replacen("vendor-contact", "app-contact", 1);
    fs::write(&vendor, edited).expect("written");
    for (against, part) in [
        (vendor.as_str(), "its digest does not match its content"),
        ("honest-flight.pcap", "is no JSON report"),
        ("missing.json", "cannot read the report"),
        (".", "is a directory"),
    ] {
        assert_refused(
            &run(["check", "--against", against, "honest-flight.pcap"]),
            &[part],
        );
    }
    let over = format!("--output=json={honest}");
    let ran = run(["check", &over, "--against", &honest, "honest-flight.pcap"]);
    assert_refused(&ran, &["is one of the inputs"]);
}

/// The same behaviour another day: other addresses, ports, times, networks.
#[test]
fn ids_of_findings_are_the_same_in_another_recording() {
    let scratch = TempDir::new().expect("a scratch folder");
    let ids = |capture: &Capture| {
        let path = save(capture, scratch.path(), "one.pcap");
        let report = run(["check", "-o", "json", &path]).report();
        let findings = report["findings"].as_array().expect("findings").clone();
        let ids = findings
            .iter()
            .map(|f| f["id"].as_str().expect("an id").to_owned());
        ids.collect::<BTreeSet<_>>()
    };
    let first = ids(&session_in_flight("api.dji.com", "52.218.128.10:443"));
    assert_eq!(first.len(), 1);
    // Another address, later, twice, after more traffic.
    let mut later = Capture::new();
    later.flight(0, 300);
    for (at, port, server) in [
        (310.0, 51_111, "47.88.60.14:443"),
        (320.0, 51_112, "52.218.128.11:443"),
    ] {
        let mut session = crate::support::craft::Connection::open(&mut later, at, port, server);
        session.say(
            &mut later,
            at + 0.1,
            &crate::support::craft::client_hello("api.dji.com"),
        );
        session.say(&mut later, at + 0.2, &crate::support::craft::tls_data(900));
    }
    assert_eq!(ids(&later), first);
    // What is another meaning has another id.
    for other in [
        session_in_flight("api.dji.com", "52.218.128.10:8883"),
        session_in_flight("www.dji.com", "52.218.128.10:443"),
        session_in_flight("api.unknown-cloud.net", "52.218.128.10:443"),
    ] {
        assert!(ids(&other).is_disjoint(&first));
    }

    let asked = |resolver: &str| {
        let mut capture = Capture::new();
        capture.flight(0, 70);
        let question = dns_question(7, "api.dji.com");
        capture.ip(31.0, &udp(&format!("{PHONE}:40002"), resolver, &question));
        let path = save(&capture, scratch.path(), "one.pcap");
        let report = run(["check", "-o", "json", &path]).report();
        let findings = report["findings"].as_array().expect("findings").clone();
        let of = findings.iter().find(|f| f["rule"] == "vendor-lookup");
        of.expect("a lookup")["id"].clone()
    };
    // The resolver is the network's.
    assert_eq!(asked(&format!("{ROUTER}:53")), asked("8.8.8.8:53"));
    // A peer on a port that was picked for the moment.
    let peer = |port: u16| {
        ids(&session_in_flight(
            "api.dji.com",
            &format!("52.218.128.10:{port}"),
        ))
    };
    assert_eq!(peer(50_123), peer(41_001));
}
