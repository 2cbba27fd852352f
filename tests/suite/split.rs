//! A session whose conversations lie in two captures is judged as the one that holds them all: what one of them says of names, machines and the
//! link is known in the other.
//!
//! Each capture of `cases.jsonl` that can be split by the addresses of its packets is. Two captures of the same minutes that miss each
//! other's flows show less (`vantage-mismatch`), so that silence may count for less; what accuses stays, nobody new is accused, and what was
//! too little is not enough in two pieces.

use crate::support::{fixtures, run};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Cases in which two pieces say more than the whole does, and why.
const OTHERWISE: [(&str, &str); 1] = [(
    "coverage-header-checksum-wrong",
    "in its own capture nothing speaks for the checksums of the sender, so that the packet is read",
)];

/// The file header, and the records of each half.
type Halves = (Vec<u8>, [Vec<u8>; 2]);

/// A capture of Ethernet or raw IP in the classic format, by whether the addresses of each packet add up to an odd or an even number.
fn halves(bytes: &[u8]) -> Option<Halves> {
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
        let addresses = match packet.first().map(|byte| byte >> 4) {
            Some(4) => packet.get(12..20)?,
            Some(6) => packet.get(8..40)?,
            _ => &[],
        };
        let sum: usize = addresses.iter().map(|byte| usize::from(*byte)).sum();
        // The lowest bit would put all of a small network's even hosts together.
        halves[(sum ^ (sum >> 3)) & 1].extend(record);
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

#[test]
fn a_session_in_two_captures_is_judged_as_in_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let list = fs::read_to_string(fixtures().join("cases.jsonl")).expect("the cases");
    let mut split = 0;
    for case in list.lines() {
        let case: Value = serde_json::from_str(case).expect("a case is JSON");
        let words = |of: &str| -> Vec<String> {
            let words = case[of].as_array().expect("a list").iter();
            let words = words.map(|word| word.as_str().expect("a word").to_owned());
            words.collect()
        };
        let (files, options) = (words("files"), words("args"));
        let ([file], true) = (
            files.as_slice(),
            options
                .chunks(2)
                .all(|pair| ["--device", "--local", "--window", "--app"].contains(&&*pair[0])),
        ) else {
            continue;
        };
        let path = fixtures().join(file);
        let Some((header, parts)) = halves(&fs::read(&path).expect("the fixture can be read"))
        else {
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
        assert_eq!(
            pieces,
            judge(&[&b, &a], &options),
            "{name}: the other way round"
        );
        let otherwise = OTHERWISE.iter().any(|(case, _)| *case == name);
        for (claim, verdict) in whole {
            let now = &pieces[&claim];
            let fits = match verdict.as_str() {
                "contradicted" => now == "contradicted",
                "consistent" => now != "contradicted",
                _ => now != "consistent" || otherwise,
            };
            assert!(
                fits,
                "{name}: {claim} is {verdict}, and {now} in two captures"
            );
        }
    }
    assert!(split > 50, "only {split} were split");
}
