//! Damages captures and says what came of it: `damage cuts|mutants|NAME-OF-A-CHECK COUNT FILE...`
//!
//! `cuts`: each file is cut at COUNT places. `mutants`: COUNT copies of each, with bytes changed, repeated, moved or left out, or whole
//! records left out. What does not hold (see `tests/suite/support/invariants.rs`) is kept as a file and told; so is each claim whose verdict
//! was not consistent and is now: that may come only from records that vanished whole. Exit code 1: something did not hold, or such a claim
//! became consistent by other damage.
//!
//! The name of a check (`any_stream`): COUNT damaged copies of each file are given to it as they are.

use drone_audit_fuzz::{CHECKS, random, verdicts};
use std::fs;
use std::panic::catch_unwind;
use std::path::Path;
use std::time::Instant;

/// Longer files are left out: a cut of a large file says what that of a small one says, slowly.
const LONGEST: u64 = 3 << 20;

struct Damage {
    bytes: Vec<u8>,
    /// Records vanished whole, and the file does not show it.
    traceless: bool,
    what: &'static str,
}

/// Where the records of a classic pcap begin, and where the last ends.
fn records(file: &[u8]) -> Vec<usize> {
    let little = file.starts_with(&[0xd4, 0xc3, 0xb2, 0xa1]);
    let mut out = Vec::new();
    let mut at = 24;
    if little {
        while let Some(length) = file.get(at + 8..at + 12) {
            out.push(at);
            at += 16 + u32::from_le_bytes([length[0], length[1], length[2], length[3]]) as usize;
        }
        if at == file.len() {
            out.push(at);
        }
    }
    out
}

fn cut(file: &[u8], random: &mut dyn FnMut(usize) -> usize) -> Damage {
    let at = random(file.len());
    Damage {
        bytes: file[..at].to_vec(),
        traceless: records(file).contains(&at),
        what: "cut",
    }
}

fn mutant(file: &[u8], random: &mut dyn FnMut(usize) -> usize) -> Damage {
    let mut bytes = file.to_vec();
    let starts = records(file);
    let kind = random(8);
    let (at, length) = (random(bytes.len().max(1)), 1 + random(200));
    let end = (at + length).min(bytes.len());
    let mut traceless = false;
    let what = match kind {
        0 => {
            bytes[at] ^= 1 << random(8);
            "a bit"
        }
        1 => {
            bytes[at] = random(256) as u8;
            "a byte"
        }
        2 => {
            for byte in &mut bytes[at..end] {
                *byte = random(256) as u8;
            }
            "a stretch"
        }
        3 => {
            bytes.drain(at..end);
            "left out"
        }
        4 => {
            let again = bytes[at..end].to_vec();
            bytes.splice(at..at, again);
            "repeated"
        }
        5 => {
            bytes[at..end].fill(0);
            "zeroes"
        }
        6 if starts.len() > 2 => {
            let one = random(starts.len() - 1);
            bytes.drain(starts[one]..starts[one + 1]);
            traceless = true;
            "a record left out"
        }
        _ => {
            let word = [0, 1, 0xff, 0x7f][random(4)];
            for byte in bytes.iter_mut().skip(at).take(4) {
                *byte = word;
            }
            "a field"
        }
    };
    Damage {
        bytes,
        traceless,
        what,
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    const USAGE: &str = "cuts|mutants|NAME-OF-A-CHECK COUNT FILE...";
    let mut arguments = std::env::args().skip(1);
    let mode = arguments.next().ok_or(USAGE)?;
    let count: u64 = arguments.next().ok_or(USAGE)?.parse()?;
    let check = CHECKS.iter().find(|(name, _)| *name == mode);
    let damage = match mode.as_str() {
        "cuts" => cut,
        _ => mutant,
    };
    let (mut files, mut runs, mut broken, mut flips, mut bad) = (0, 0u64, 0, 0, 0);
    let began = Instant::now();
    for (number, path) in arguments.enumerate() {
        let long = fs::metadata(&path).map_or(true, |m| m.len() > LONGEST || m.len() == 0);
        if long || Path::new(&path).is_dir() {
            continue;
        }
        let file = fs::read(&path)?;
        files += 1;
        let whole = match check {
            Some(_) => None,
            None => catch_unwind(|| verdicts(&file)).unwrap_or_default(),
        };
        for turn in 0..count {
            let mut random = random(turn << 32 | number as u64);
            let damaged = damage(&file, &mut random);
            runs += 1;
            let ended = catch_unwind(|| match check {
                Some((_, check)) => {
                    check(&damaged.bytes);
                    None
                }
                None => verdicts(&damaged.bytes),
            });
            let Ok(now) = ended else {
                broken += 1;
                let kept = std::env::temp_dir().join(format!("damaged-{mode}-{number}-{turn}"));
                fs::write(&kept, &damaged.bytes)?;
                println!(
                    "DOES NOT HOLD {path} {} kept as {}",
                    damaged.what,
                    kept.display()
                );
                continue;
            };
            for (before, after) in whole.iter().flatten().zip(now.iter().flatten()) {
                if before.1 != "consistent" && after.1 == "consistent" {
                    flips += 1;
                    bad += u64::from(!damaged.traceless);
                    println!(
                        "{} {path} turn {turn}, {}: {} was {}",
                        if damaged.traceless { "flip" } else { "ACQUITS" },
                        damaged.what,
                        before.0,
                        before.1
                    );
                }
            }
        }
    }
    let seconds = began.elapsed().as_secs();
    println!(
        "{mode}: {files} files, {runs} runs in {seconds} s, {broken} do not hold, {flips} flips, {bad} of them not by whole records"
    );
    if broken > 0 || bad > 0 {
        std::process::exit(1);
    }
    Ok(())
}
