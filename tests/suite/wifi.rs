//! Protected Wi-Fi: opened with keys that are given, and sealed without. The captures are those of
//! `fixtures/wifi/make.py`: one session, sealed in several ways.

use crate::support::{Ran, check, check_here, fixtures, gaps, program, run};
use serde_json::Value;
use std::fs;
use std::path::PathBuf;
use tempfile::TempDir;

const KEY: &str = "--wifi-key=drone-field:correct horse 7";
const PASSPHRASE: &str = "correct horse 7";
/// How the key of the passphrase begins.
const PSK: &str = "2ac8b1496e0c604b";
/// The key that SAE agreed on.
const SAE: &str = "6daf7ecc70007a6d29886ec0577cace442ab606e2252d6db69073433e83404ff";
/// The station of the captures.
const DEVICE: &str = "--device=02:00:00:00:00:02";

fn capture(name: &str) -> PathBuf {
    fixtures().join("wifi").join(format!("{name}.pcap"))
}

fn sae() -> String {
    format!("--wifi-psk={SAE}")
}

/// Frames that stayed protected, by their causes.
fn sealed(report: &Value) -> Vec<(u64, String)> {
    let gaps = report["coverage"]["gaps"].as_array().expect("gaps").iter();
    gaps.filter(|gap| gap["id"] == "encrypted-wifi")
        .map(|gap| {
            let text = gap["text"].as_str().expect("a text").to_owned();
            (gap["count"].as_u64().expect("a count"), text)
        })
        .collect()
}

/// The five counts of an input, and all of its packets.
fn accounted(report: &Value) -> (u64, u64) {
    let input = &report["inputs"][0];
    let scopes = ["local", "internet", "relayed", "not_ip", "unreadable"];
    let counts = &input["accounting"];
    let sum = scopes.iter().filter_map(|s| counts[*s].as_u64()).sum();
    (sum, input["packets"].as_u64().expect("packets"))
}

#[test]
fn what_is_opened_is_what_was_sent() {
    let (_, clear) = check(&capture("clear"), &[DEVICE, KEY]);
    assert!(!clear["destinations"].as_array().expect("a list").is_empty());
    let (_, twice) = check(&capture("rekeyed-clear"), &[DEVICE, KEY]);
    let sae = sae();
    for (name, key, expected) in [
        ("psk-ccmp", KEY, &clear),
        ("psk-ccmp-fcs", KEY, &clear),
        ("psk-ccmp-spp", KEY, &clear),
        ("psk-sha256-ccmp256", KEY, &clear),
        ("sae-gcmp", &sae, &clear),
        ("sae-ext-gcmp256", &sae, &clear),
        ("rekeyed", KEY, &twice),
    ] {
        let (_, opened) = check(&capture(name), &[DEVICE, key]);
        for part in [
            "verdict",
            "claims",
            "findings",
            "destinations",
            "lookups",
            "timeline",
        ] {
            assert_eq!(opened[part], expected[part], "{name}: {part}");
        }
        assert_eq!(gaps(&opened), gaps(expected), "{name}");
        assert_eq!(
            opened["inputs"][0]["accounting"],
            expected["inputs"][0]["accounting"]
        );
    }
}

#[test]
fn a_handshake_may_lack_messages_as_long_as_both_nonces_and_a_check_are_left() {
    let (_, clear) = check(&capture("clear"), &[DEVICE, KEY]);
    let bytes = |report: &Value| -> Vec<(Value, Value)> {
        let list = report["destinations"].as_array().expect("a list").iter();
        list.map(|d| (d["ip"].clone(), d["out"].clone())).collect()
    };
    for (name, group_opens) in [
        ("psk-messages-1-2", false),
        ("psk-messages-2-3", true),
        ("psk-messages-3-4", true),
    ] {
        let (_, opened) = check(&capture(name), &[DEVICE, KEY]);
        assert_eq!(bytes(&opened), bytes(&clear), "{name}");
        let left = sealed(&opened);
        assert_eq!(left.is_empty(), group_opens, "{name}: {left:?}");
        assert!(
            left.iter()
                .all(|(count, why)| *count == 1 && why.contains("to a group"))
        );
    }
    let (code, closed) = check(&capture("psk-messages-3"), &[DEVICE, KEY]);
    assert_eq!((code, bytes(&closed)), (3, vec![]));
    assert_eq!(
        sealed(&closed).iter().map(|(count, _)| count).sum::<u64>(),
        7
    );
}

#[test]
fn wrong_keys_open_nothing_and_say_so() {
    let zeros = format!("--wifi-psk={}", "0".repeat(64));
    for (options, why) in [
        (vec![], "protected 802.11 data frames"),
        (
            vec!["--wifi-key=drone-field:correct horse 8"],
            "without a handshake",
        ),
        (
            vec!["--wifi-key=drone-fields:correct horse 7"],
            "without a handshake",
        ),
        (vec![zeros.as_str()], "without a handshake"),
    ] {
        let options: Vec<&str> = [DEVICE].into_iter().chain(options).collect();
        let (code, report) = check(&capture("psk-ccmp"), &options);
        assert_eq!(code, 3, "{options:?}");
        let left = sealed(&report);
        assert!(left.iter().any(|(_, text)| text.contains(why)), "{left:?}");
        assert_eq!(left.iter().map(|(count, _)| count).sum::<u64>(), 7);
        assert_eq!(report["destinations"], Value::Array(Vec::new()));
        let (sum, all) = accounted(&report);
        assert_eq!(sum, all);
    }
    // One of several keys is enough.
    let (_, report) = check(&capture("psk-ccmp"), &[DEVICE, &zeros, KEY]);
    assert_eq!(sealed(&report), []);
}

/// Where a frame begins in a file of 24 bytes and 16 a record.
fn records(bytes: &[u8]) -> Vec<(usize, usize)> {
    let mut out = Vec::new();
    let mut at = 24;
    while let Some(head) = bytes.get(at..at + 16) {
        let len = u32::from_le_bytes(head[8..12].try_into().expect("four bytes"));
        let len = usize::try_from(len).expect("a length");
        out.push((at + 16, len));
        at += 16 + len;
    }
    out
}

#[test]
fn a_frame_that_fails_its_check_is_never_content() {
    let scratch = TempDir::new().expect("a scratch folder");
    let path = scratch.path().join("flipped.pcap");
    let plain = fs::read(capture("psk-ccmp")).expect("the capture");
    let records = records(&plain);
    assert_eq!(records.len(), 11);
    // The telemetry, behind its header of 24 bytes: number, key, body, check.
    let (start, len) = records[7];
    for at in (24..len).step_by(13).chain(len - 8..len) {
        let mut bytes = plain.clone();
        bytes[start + at] ^= 0x10;
        fs::write(&path, &bytes).expect("written");
        let (_, report) = check_here(&path, &[DEVICE, KEY], scratch.path()).expect("a report");
        let left = sealed(&report);
        assert_eq!(
            left.iter().map(|(count, _)| count).sum::<u64>(),
            u64::from(at != 26),
            "{at}"
        );
        let (sum, all) = accounted(&report);
        assert_eq!((sum, all), (11, 11));
    }
    // Handshakes that were changed prove nothing.
    for (start, len) in records[1..4].iter().copied() {
        let mut bytes = plain.clone();
        bytes[start + len - 20] ^= 1;
        fs::write(&path, &bytes).expect("written");
        let (_, report) = check_here(&path, &[DEVICE, KEY], scratch.path()).expect("a report");
        let (sum, all) = accounted(&report);
        assert_eq!((sum, all), (11, 11));
    }
    // Cut: the check cannot be done.
    let (start, len) = records[7];
    let mut bytes = plain[..start + len - 1].to_vec();
    let shorter = u32::try_from(len - 1).expect("a length").to_le_bytes();
    bytes[start - 8..start - 4].copy_from_slice(&shorter);
    fs::write(&path, &bytes).expect("written");
    let (_, report) = check_here(&path, &[DEVICE, KEY], scratch.path()).expect("a report");
    let left = sealed(&report);
    assert!(left.len() == 1 && left[0].1.contains("cut"), "{left:?}");
}

#[test]
fn wep_and_tkip_are_named_and_not_opened() {
    let scratch = TempDir::new().expect("a scratch folder");
    let path = scratch.path().join("weak.pcap");
    let plain = fs::read(capture("psk-ccmp")).expect("the capture");
    let (start, _) = records(&plain)[7];
    let body = start + 24;
    // WEP has no longer form; TKIP's second byte is made of the first.
    let first = plain[body];
    for (second, reserved, id) in [(plain[body + 1], 0, 0), ((first | 0x20) & 0x7f, 1, 0x20)] {
        let mut bytes = plain.clone();
        bytes[body + 1..body + 4].copy_from_slice(&[second, reserved, id]);
        fs::write(&path, &bytes).expect("written");
        let (_, report) = check_here(&path, &[DEVICE, KEY], scratch.path()).expect("a report");
        let left = sealed(&report);
        assert_eq!(left.len(), 1, "{left:?}");
        assert!(left[0].1.contains("WEP or TKIP"), "{left:?}");
        assert_eq!(accounted(&report), (11, 11));
    }
}

#[test]
fn keys_come_from_files_and_the_environment_too_and_bad_ones_are_not_quoted() {
    let scratch = TempDir::new().expect("a scratch folder");
    let file = scratch.path().join("keys.txt");
    let option = format!("--wifi-keys={}", file.display());
    let path = capture("psk-ccmp");
    let path = path.to_str().expect("a plain path");
    let line = ["check", "-o", "json", &option, path];
    fs::write(
        &file,
        "# field\nnot-a-key-7531\ndrone-field:correct horse 7\n",
    )
    .expect("written");
    let ran = run(line);
    assert_eq!(sealed(&ran.report()), []);
    assert!(ran.err.contains("keys.txt: line 2"), "{}", ran.err);
    assert!(!ran.err.contains("7531"), "{}", ran.err);
    fs::write(&file, "not-a-key-7531\n").expect("written");
    let ran = run(line);
    assert_eq!(
        (ran.code, ran.err.contains("line 1")),
        (2, true),
        "{}",
        ran.err
    );
    assert!(!ran.err.contains("7531"), "{}", ran.err);
    for bad in [
        "--wifi-key=secret7531",
        "--wifi-psk=secret7531",
        "--wifi-keys=/nowhere",
    ] {
        let ran = run(["check", bad, path]);
        assert_eq!(ran.code, 2, "{bad}");
        assert!(!ran.err.contains("7531"), "{}", ran.err);
        assert_eq!(ran.err.lines().count(), 1, "{}", ran.err);
    }
    let output = program()
        .env("DRONE_AUDIT_WIFI_KEYS", "drone-field:correct horse 7")
        .args(["check", "-o", "json", path])
        .output()
        .expect("the program starts");
    let report: Value = serde_json::from_slice(&output.stdout).expect("a report");
    assert_eq!(sealed(&report), []);
    assert!(
        report["run"]["arguments"]
            .to_string()
            .contains("--wifi-key=withheld")
    );
    let flows = run(["flows", KEY, path]);
    assert!(flows.text().contains("172.32.0.5"), "{}", flows.text());
    let fit = run(["fitness", "-o", "json", KEY, path]);
    assert!(!fit.text().contains("encrypted-wifi"));
    let diff = run([
        "diff",
        "-o",
        "json",
        KEY,
        path,
        capture("clear").to_str().expect("a path"),
    ]);
    assert_eq!(diff.code, 0, "{diff:?}");
}

#[test]
fn no_output_holds_a_key_and_a_report_is_verified_with_the_key_given_again() {
    let scratch = TempDir::new().expect("a scratch folder");
    let path = capture("psk-ccmp");
    let path = path.to_str().expect("a plain path");
    let secret = |text: &[u8]| {
        [PASSPHRASE, PSK, &SAE[..16]].iter().any(|secret| {
            text.windows(secret.len())
                .any(|window| window == secret.as_bytes())
        })
    };
    for format in [
        "table", "json", "html", "markdown", "csv", "ndjson", "sarif", "junit", "github", "intoto",
    ] {
        let ran = run(["check", "-v", "-v", "-o", format, DEVICE, KEY, &sae(), path]);
        assert!(!ran.out.is_empty(), "{format}: {}", ran.err);
        assert!(!secret(&ran.out) && !secret(ran.err.as_bytes()), "{format}");
    }
    let report = scratch.path().join("report.json");
    let output = format!("json={}", report.display());
    let ran = run([
        "check",
        "-o",
        &output,
        DEVICE,
        "--wifi-key",
        &KEY["--wifi-key=".len()..],
        path,
    ]);
    assert_eq!(ran.code, 1, "{}", ran.err);
    let report = report.to_str().expect("a plain path");
    let root = fixtures().join("wifi");
    let root = root.to_str().expect("a plain path");
    let verify =
        |more: &[&str]| -> Ran { run(["verify", report, "--root", root].iter().chain(more)) };
    let without = verify(&[]);
    assert_eq!(without.code, 2, "{without:?}");
    assert!(without.err.contains("--wifi-key"), "{}", without.err);
    assert_eq!(verify(&[KEY]).code, 0);
    assert_eq!(verify(&["--wifi-key=drone-field:correct horse 8"]).code, 1);

    let bundle = scratch.path().join("bundle");
    let bundle = bundle.to_str().expect("a plain path");
    let line = ["extract", report, "--root", root, "--bundle", bundle];
    assert_eq!(run(line).code, 2, "without the key no packet is found");
    let extracted = run(line.iter().chain(&[KEY]));
    assert_eq!(extracted.code, 0, "{}", extracted.err);
    for entry in fs::read_dir(bundle).expect("a folder") {
        let entry = entry.expect("an entry");
        assert!(
            !secret(&fs::read(entry.path()).expect("a file")),
            "{entry:?}"
        );
    }
    let packets = fs::read(format!("{bundle}/findings.pcapng")).expect("packets");
    assert!(packets.len() > 500, "{}", packets.len());
}
