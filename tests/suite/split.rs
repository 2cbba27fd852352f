//! A session whose packets lie in two captures is judged as the one that holds them all: what one of them says of names, machines and the
//! link is known in the other, and neither makes up for what the other lacks.
//!
//! Each capture of `cases.jsonl` that can be split is, by conversation, as two filters would, and every third by direction, as a tap does. Two
//! captures of the same minutes that miss each other's flows show less (`vantage-mismatch`), so that silence may count for less; nobody new
//! is accused, what was too little is not enough in two pieces, and what accuses stays, if both directions are in one of them.

use crate::support::{fixtures, run};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Cases in which two pieces say what the whole does not, and why.
const OTHERWISE: [(&str, &str); 2] = [
    (
        "coverage-header-checksum-wrong",
        "in its own capture nothing speaks for the checksums of the sender, so that the packet is read",
    ),
    (
        "scanner-asks-public-ipv4-phone-says-unreachable",
        "that questions between two public addresses came from outside, only the answers show",
    ),
];

/// In which half a packet goes from one address to another.
type Way = fn(&[u8], &[u8]) -> usize;

fn by_conversation(from: &[u8], to: &[u8]) -> usize {
    let sum: usize = from.iter().chain(to).map(|byte| usize::from(*byte)).sum();
    // The lowest bit would put all of a small network's even hosts together.
    (sum ^ (sum >> 3)) & 1
}

fn by_direction(from: &[u8], to: &[u8]) -> usize {
    usize::from(from < to)
}

/// The file header, and the records of each half.
type Halves = (Vec<u8>, [Vec<u8>; 2]);

/// Splits a capture of Ethernet or raw IP in the classic format.
fn halves(bytes: &[u8], way: Way) -> Option<Halves> {
    let word = |at: usize| Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?));
    if !matches!(word(0)?, 0xa1b2_c3d4 | 0xa1b2_3c4d) {
        return None;
    }
    let link = match word(20)? {
        1 => 14,
        101 => 0,
        _ => return None,
    };
    let mut halves = [Vec::new(), Vec::new()];
    let mut at = 24;
    while at < bytes.len() {
        let end = at + 16 + usize::try_from(word(at + 8)?).ok()?;
        let record = bytes.get(at..end)?;
        let packet = record.get(16 + link..)?;
        let half = match packet.first().map(|byte| byte >> 4) {
            Some(4) => way(packet.get(12..16)?, packet.get(16..20)?),
            Some(6) => way(packet.get(8..24)?, packet.get(24..40)?),
            _ => 0,
        };
        halves[half].extend(record);
        at = end;
    }
    let both = halves.iter().all(|half| !half.is_empty());
    both.then(|| (bytes[..24].to_vec(), halves))
}

fn verdicts(report: &Value) -> BTreeMap<String, String> {
    let claims = report["claims"].as_array().expect("claims");
    let told = |of: &Value, what: &str| of[what].as_str().expect("a word").to_owned();
    claims
        .iter()
        .map(|claim| (told(claim, "id"), told(claim, "verdict")))
        .collect()
}

fn judge(captures: &[&Path], options: &[String]) -> BTreeMap<String, String> {
    let fixed = ["check", "-o", "json", "--no-hash", "--claim", "all"];
    let fixed = fixed.iter().map(|word| PathBuf::from(*word));
    let options = options.iter().map(PathBuf::from);
    let captures = captures.iter().map(|path| path.to_path_buf());
    verdicts(&run(fixed.chain(options).chain(captures)).report())
}

/// Splits every `step`th case; how many could be split.
fn compare(way: Way, step: usize, accused: &[&str]) -> usize {
    let folder = tempfile::tempdir().expect("a folder");
    let list = fs::read_to_string(fixtures().join("cases.jsonl")).expect("the cases");
    let mut split = 0;
    for case in list.lines().step_by(step) {
        let case: Value = serde_json::from_str(case).expect("a case is JSON");
        let words = |of: &str| -> Vec<String> {
            let words = case[of].as_array().expect("a list").iter();
            let words = words.map(|word| word.as_str().expect("a word").to_owned());
            words.collect()
        };
        let (files, options) = (words("files"), words("args"));
        let plain = ["--device", "--local", "--window", "--app"];
        let ([file], true) = (
            files.as_slice(),
            options.chunks(2).all(|pair| plain.contains(&&*pair[0])),
        ) else {
            continue;
        };
        let path = fixtures().join(file);
        let bytes = fs::read(&path).expect("the fixture can be read");
        let Some((header, parts)) = halves(&bytes, way) else {
            continue;
        };
        let [a, b] = [0, 1].map(|which: usize| {
            let path = folder.path().join(format!("{which}.pcap"));
            let bytes = [&header[..], &parts[which]].concat();
            fs::write(&path, bytes).expect("the half can be written");
            path
        });
        split += 1;
        let name = case["case"].as_str().expect("a name");
        let whole = judge(&[&path], &options);
        let pieces = judge(&[&a, &b], &options);
        let turned = judge(&[&b, &a], &options);
        assert_eq!(pieces, turned, "{name}: the other way round");
        let otherwise = OTHERWISE.iter().any(|(case, _)| *case == name);
        for (claim, verdict) in whole {
            let now = &*pieces[&claim];
            let fits = match verdict.as_str() {
                "contradicted" => accused.contains(&now),
                "consistent" => now != "contradicted" || otherwise,
                _ => now != "consistent" || otherwise,
            };
            assert!(fits, "{name}: {claim} is {verdict}, and {now} in two");
        }
    }
    split
}

#[test]
fn two_captures_of_some_conversations_each_are_judged_as_one_of_all() {
    let split = compare(by_conversation, 1, &["contradicted"]);
    assert!(split > 50, "only {split} were split");
}

#[test]
fn two_captures_of_one_direction_each_neither_clear_nor_accuse() {
    let split = compare(by_direction, 3, &["contradicted", "inconclusive"]);
    assert!(split > 30, "only {split} were split");
}
