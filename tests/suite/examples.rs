//! The example cases: each is one command, and its whole answer is kept here.

use crate::report::{settled, table};
use crate::support::{destination_of, fixtures, ids, run};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::fs;
use std::process::Command;

const EXAMPLES: [(&str, i32); 3] = [("mode-on-leaking", 1), ("mode-on-silent", 0), ("upload", 1)];

fn case(name: &str) -> String {
    format!("examples/{name}/case.toml")
}

#[test]
fn each_example_in_full() {
    for (name, code) in EXAMPLES {
        let case = case(name);
        assert_eq!(run(["check", "--case", &case]).code, code, "{name}");
        insta::assert_json_snapshot!(name, settled(&["--case", &case]));
        insta::assert_snapshot!(format!("{name}-table"), table(&["--case", &case]));
    }
}

#[test]
fn a_leak_in_one_window_contradicts_and_what_was_agreed_on_does_not() {
    let report = settled(&["--case", &case("mode-on-leaking")]);
    let claim = &report["claims"][0];
    assert_eq!(ids(&claim["reasons"]), ["vendor-contact", "vendor-lookup"]);
    for reason in claim["reasons"].as_array().expect("reasons") {
        let text = reason["text"].as_str().expect("a text");
        assert!(text.starts_with("window 2026-06-10 10:00:30"), "{text}");
    }
    let of = |host: &str| destination_of(&report, host);
    let finding = |host: &str| {
        let id = of(host)["id"].clone();
        let mut all = report["findings"].as_array().expect("findings").iter();
        all.find(|f| f["destination"] == id).expect("a finding")
    };
    assert_eq!(finding("flysafe-api.dji.com")["grace"], true);
    assert_eq!(finding("mydjiflight.dji.com")["allowed"], Value::Null);
    assert_eq!(finding("api.mapbox.com")["allowed"], "map-tiles");
    assert_eq!(of("connectivitycheck.gstatic.com")["attribution"], "os");
}

#[test]
fn a_silence_says_what_it_is_worth() {
    let report = settled(&["--case", &case("mode-on-silent")]);
    let claim = &report["claims"][0];
    let silence = &claim["silence"];
    // 300 seconds without the grace, and seven bursts in 320 seconds without the mode.
    let (baseline, window, bursts) = (320.012_f64, 285.012_f64, 7);
    assert_eq!(silence["window_seconds"], window);
    let rate = silence["rate_upper_per_hour"].as_f64().expect("a bound");
    let exposure = silence["exposure_seconds"].as_f64().expect("seconds");
    assert!(
        (rate * exposure / 3600.0 - 2.99573).abs() < 1e-4,
        "{silence:#}"
    );
    let contrast = &silence["contrast"];
    assert_eq!(contrast["bursts"], bursts);
    let probability = contrast["probability"].as_f64().expect("a number");
    let wanted = (baseline / (baseline + window)).powi(bursts);
    assert!(
        (probability - wanted).abs() < 1e-4,
        "{probability} {wanted}"
    );
    let phases = silence["phases"].as_array().expect("phases");
    assert_eq!(phases.len(), 3);
    assert_eq!(report["case"]["beacons"][0]["found"], true);
    assert_eq!(report["baseline"]["kind"], "without-mode");
    // Without the mode the same capture would not do: its own beginning contradicts.
    let ran = run([
        "check",
        "--window",
        "+0/+38",
        "--case",
        &case("mode-on-silent"),
    ]);
    assert_eq!(ran.code, 1, "{}", ran.text());
}

#[test]
fn three_claims_on_one_session() {
    let report = settled(&["--case", &case("upload")]);
    let said: Vec<(&str, &str)> = report["claims"]
        .as_array()
        .expect("claims")
        .iter()
        .map(|c| {
            (
                c["id"].as_str().expect("an id"),
                c["verdict"].as_str().expect("a verdict"),
            )
        })
        .collect();
    assert_eq!(
        said,
        [
            ("no-personal-data", "contradicted"),
            ("no-unshared-upload", "contradicted"),
            ("us-storage", "consistent"),
        ]
    );
    let kinds: Vec<&str> = report["findings"]
        .as_array()
        .expect("findings")
        .iter()
        .flat_map(|f| f["content"].as_array().expect("content"))
        .map(|c| c["kind"].as_str().expect("a kind"))
        .collect();
    assert_eq!(kinds, ["position", "e-mail", "imei"]);
    let unshared: Vec<&Value> = report["findings"]
        .as_array()
        .expect("findings")
        .iter()
        .filter(|f| f["rule"] == "unshared-upload")
        .collect();
    let text = unshared[0]["text"].as_str().expect("a text");
    assert!(
        unshared.len() == 1 && text.starts_with("uavphotos."),
        "{text}"
    );
}

/// Declared hashes are those of the files; and where there is a Python, the script gives the same files.
#[test]
#[allow(clippy::print_stderr)]
fn captures_are_as_declared_and_as_the_script_makes_them() {
    let folder = fixtures().join("examples");
    let mut captures = Vec::new();
    for (name, _) in EXAMPLES {
        let written = fs::read_to_string(folder.join(name).join("case.toml")).expect("a case");
        for entry in fs::read_dir(folder.join(name)).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.extension().is_some_and(|e| e == "pcap") {
                let bytes = fs::read(&path).expect("a capture");
                let hash: String = Sha256::digest(&bytes)
                    .iter()
                    .map(|b| format!("{b:02x}"))
                    .collect();
                assert!(written.contains(&hash), "{}", path.display());
                captures.push((path, bytes));
            }
        }
    }
    assert_eq!(captures.len(), 4);
    let scratch = tempfile::TempDir::new().expect("a scratch folder");
    let script = scratch.path().join("make.py");
    fs::copy(folder.join("make.py"), &script).expect("the script can be copied");
    for (name, _) in EXAMPLES {
        fs::create_dir(scratch.path().join(name)).expect("a folder");
    }
    match Command::new("python3").arg(&script).output() {
        Ok(ran) if ran.status.success() => {
            for (path, bytes) in captures {
                let part = path.strip_prefix(&folder).expect("below the examples");
                let made = fs::read(scratch.path().join(part)).expect("made");
                assert!(made == bytes, "{} differs", part.display());
            }
        }
        // Without Python, or with one older than 3.11, the hashes above have to do.
        other => eprintln!("not compared with the script: {other:?}"),
    }
}
