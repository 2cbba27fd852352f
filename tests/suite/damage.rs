//! Damage never acquits: whatever is cut, overwritten, inserted or flipped, the program neither
//! falls over nor loses a packet, and a capture that was not `consistent` does not become so.
//!
//! A sample runs with the tests; `DAMAGE_MUTANTS=10000 cargo test --release --test suite damage`
//! makes that many of each class. Mutants come from a seeded generator: a failure names the class,
//! the capture and the number that make it again.

use crate::support::damage::{CAPTURES, Class, mutate, packets};
use crate::support::fixtures;
use crate::support::random::Random;
use serde_json::Value;
use std::fs;
use std::path::Path;

/// Mutants of each class in an ordinary run of the tests.
const SAMPLE: u64 = 60;

/// Runs an audit inside this process: exit code, and the report if there is one.
fn audit(capture: &Path, report: &Path) -> (u8, Option<Value>) {
    let _ = fs::remove_file(report);
    let arguments = [
        "drone-audit".into(),
        "check".into(),
        "--no-hash".into(),
        "-o".into(),
        format!("json={}", report.display()),
        capture.display().to_string(),
    ];
    let cli = drone_audit::parse(arguments).expect("the command line is right");
    match drone_audit::run(&cli) {
        Ok(code) => {
            let text = fs::read(report).expect("a report was written");
            (code, Some(serde_json::from_slice(&text).expect("JSON")))
        }
        Err(_) => (2, None),
    }
}

fn accounted(report: &Value) {
    for input in report["inputs"].as_array().expect("inputs") {
        let sum: u64 = ["local", "internet", "relayed", "not_ip", "unreadable"]
            .iter()
            .map(|scope| input["accounting"][*scope].as_u64().expect("a count"))
            .sum();
        assert_eq!(sum, input["packets"].as_u64().expect("packets"));
    }
}

fn damage(class: Class) {
    let mutants: u64 = std::env::var("DAMAGE_MUTANTS")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(SAMPLE);
    let folder = tempfile::tempdir().expect("a folder");
    let (mutant, report) = (folder.path().join("m.pcap"), folder.path().join("r.json"));
    let files: Vec<(&str, Vec<u8>)> = CAPTURES
        .iter()
        .map(|name| {
            let path = fixtures().join(name);
            let (code, _) = audit(&path, &report);
            assert!(code == 1 || code == 3, "{name}: {code}");
            (*name, fs::read(path).expect("the fixture"))
        })
        .collect();
    let mut acquitted = Vec::new();
    for number in 0..mutants {
        let mut random = Random(number << 3 | class as u64);
        let (name, file) = &files[random.below(files.len())];
        let (bytes, what) = mutate(file, class, &mut random);
        fs::write(&mutant, bytes).expect("written");
        let (code, found) = audit(&mutant, &report);
        if let Some(found) = &found {
            accounted(found);
        }
        if code == 0 {
            acquitted.push(format!("{class:?} {number} of {name}: {what}"));
        }
    }
    assert!(
        acquitted.is_empty(),
        "{} of {mutants} became consistent:\n{}",
        acquitted.len(),
        acquitted[..acquitted.len().min(40)].join("\n")
    );
}

#[test]
fn damage_by_cutting_never_acquits() {
    damage(Class::Cut);
}

#[test]
fn damage_of_fields_never_acquits() {
    damage(Class::Field);
}

#[test]
fn damage_by_shifting_never_acquits() {
    damage(Class::Shift);
}

#[test]
fn damage_by_flipping_never_acquits() {
    damage(Class::Flip);
}

/// A bit or two in an ether type make another that carries no IP: what stands behind it is a packet all the same.
#[test]
fn another_ether_type_never_acquits() {
    let folder = tempfile::tempdir().expect("a folder");
    let (mutant, report) = (folder.path().join("m.pcap"), folder.path().join("r.json"));
    let file = fs::read(fixtures().join("labelled/lookup-only.pcap")).expect("the fixture");
    for low in 0..=255 {
        let mut bytes = file.clone();
        for (at, _) in packets(&file) {
            bytes[at + 13] = low;
        }
        fs::write(&mutant, bytes).expect("written");
        let (code, _) = audit(&mutant, &report);
        assert_ne!(code, 0, "08{low:02x}");
    }
}
