//! Damages captures and says what came of it: `damage cuts|mutants|CLASS|NAME-OF-A-CHECK COUNT FILE...`
//!
//! `cuts`: each file is cut at COUNT places. `mutants`: COUNT copies of each, with bytes changed, repeated, moved or left out, or whole
//! records left out. What does not hold (see `tests/suite/support/invariants.rs`) is kept as a file and told; so is each claim whose verdict
//! was not consistent and is now: that may come only from records that vanished whole. Exit code 1: something did not hold, or such a claim
//! became consistent by other damage.
//!
//! `class-cut`, `class-field`, `class-shift`, `class-flip`: COUNT copies of each, damaged as the tests do (`tests/suite/damage.rs`). Without
//! files these are the captures of those tests. None of this damage takes whole records away without a trace, but for a field or a shift that
//! makes two records one.
//!
//! The name of a check (`any_stream`): COUNT damaged copies of each file are given to it as they are.

use drone_audit_fuzz::{CHECKS, damageable, damaged, random, verdicts};
use std::fs;
use std::panic::catch_unwind;
use std::path::Path;
use std::time::{Duration, Instant};

/// Longer files are left out: a cut of a large file says what that of a small one says, slowly.
const LONGEST: u64 = 3 << 20;

struct Damage {
    bytes: Vec<u8>,
    /// Records vanished whole, and the file does not show it.
    traceless: bool,
    what: String,
}

/// Where the records of a pcap or the blocks of a pcapng begin, and where the last ends. Nothing for a file that is of neither form, or not whole.
fn records(file: &[u8]) -> Vec<usize> {
    let word = |at: usize, big: bool| {
        let four: [u8; 4] = file.get(at..at + 4)?.try_into().ok()?;
        let word = if big {
            u32::from_be_bytes(four)
        } else {
            u32::from_le_bytes(four)
        };
        usize::try_from(word).ok()
    };
    // How far the next one is.
    let length = |at: usize| match file.get(..4) {
        Some([0xd4, 0xc3, 0xb2, 0xa1] | [0x4d, 0x3c, 0xb2, 0xa1]) => {
            Some(16 + word(at + 8, false)?)
        }
        Some([0xa1, 0xb2, 0xc3, 0xd4] | [0xa1, 0xb2, 0x3c, 0x4d]) => Some(16 + word(at + 8, true)?),
        Some([0x0a, 0x0d, 0x0d, 0x0a]) => {
            word(at + 4, file.get(8) == Some(&0x1a)).filter(|n| *n >= 12)
        }
        _ => None,
    };
    let mut at = match file.first() {
        Some(0x0a) => 0,
        _ => 24,
    };
    let mut out = Vec::new();
    while at < file.len() {
        out.push(at);
        match length(at) {
            Some(length) => at += length,
            None => return Vec::new(),
        }
    }
    if at == file.len() {
        out.push(at);
    }
    out
}

fn cut(file: &[u8], random: &mut dyn FnMut(usize) -> usize) -> Damage {
    let at = random(file.len());
    Damage {
        bytes: file[..at].to_vec(),
        traceless: records(file).contains(&at),
        what: format!("cut at {at} of {}", file.len()),
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
        what: format!("{what} at {at}"),
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    const USAGE: &str = "cuts|mutants|CLASS|NAME-OF-A-CHECK COUNT FILE...";
    let mut arguments = std::env::args().skip(1);
    let mode = arguments.next().ok_or(USAGE)?;
    let count: u64 = arguments.next().ok_or(USAGE)?.parse()?;
    let check = CHECKS.iter().find(|(name, _)| *name == mode);
    let mut paths: Vec<String> = arguments.collect();
    if mode.starts_with("class-") && paths.is_empty() {
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures");
        let named = damageable().iter().map(|name| fixtures.join(name));
        paths = named.map(|path| path.display().to_string()).collect();
    }
    let (mut files, mut runs, mut broken, mut flips, mut bad) = (0, 0u64, 0, 0, 0);
    let mut slowest = (Duration::ZERO, String::new());
    let began = Instant::now();
    for (number, path) in paths.into_iter().enumerate() {
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
            let seed = turn << 32 | number as u64;
            let damaged = match damaged(&mode, &file, seed) {
                Some((bytes, what)) => Damage {
                    bytes,
                    traceless: false,
                    what,
                },
                None if mode == "cuts" => cut(&file, &mut random(seed)),
                None => mutant(&file, &mut random(seed)),
            };
            runs += 1;
            let started = Instant::now();
            let ended = catch_unwind(|| match check {
                Some((_, check)) => {
                    check(&damaged.bytes);
                    None
                }
                None => verdicts(&damaged.bytes),
            });
            let took = started.elapsed();
            if took > slowest.0 {
                slowest = (took, format!("{path} turn {turn}, {}", damaged.what));
            }
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
    println!("slowest: {:.2} s, {}", slowest.0.as_secs_f64(), slowest.1);
    if broken > 0 || bad > 0 {
        std::process::exit(1);
    }
    Ok(())
}
