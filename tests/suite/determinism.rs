//! The same captures and options give the same bytes, wherever and whenever.

use crate::support::{self, fixtures, program, run};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// The bytes of a report without its `run`.
fn without_run(report: &[u8]) -> String {
    let text = std::str::from_utf8(report).expect("a report is UTF-8");
    let (head, rest) = text.split_once("\n  \"run\": {").expect("there is a run");
    let (_, tail) = rest.split_once("\n  },").expect("the run ends");
    assert!(
        !tail.contains("\"run\": {"),
        "this comparison is for reports without sessions"
    );
    format!("{head}{tail}")
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
