//! What holds whatever the input is, on stable: the checks of the fuzz targets over damaged fixtures and over noise.
//!
//! `INVARIANT_RUNS=10000 cargo test --release --test suite invariants` runs each that often.

use crate::support::fixtures;
use crate::support::invariants as it;
use crate::support::random::Random;
use std::fs;

/// Inputs per check in an ordinary run.
const SAMPLE: u64 = 24;
/// Longer inputs are cut: speed counts more than size.
const LONGEST: usize = 6000;

fn seeds(names: &[&str]) -> Vec<Vec<u8>> {
    names
        .iter()
        .map(|name| fs::read(fixtures().join(name)).expect("the fixture can be read"))
        .collect()
}

/// Changes a few bytes, cuts, repeats or inserts.
fn damaged(random: &mut Random, seed: &[u8]) -> Vec<u8> {
    let mut bytes = seed[..seed.len().min(LONGEST)].to_vec();
    for _ in 0..random.below(6) {
        let at = random.below(bytes.len());
        match random.below(6) {
            0 if at < bytes.len() => bytes[at] = random.next() as u8,
            1 if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
            2 => bytes.truncate(at),
            3 => {
                let noise_length = random.below(40);
                let noise = random.noise(noise_length);
                bytes.splice(at..at, noise);
            }
            4 => {
                let end = (at + random.below(300)).min(bytes.len());
                let again = bytes[at..end].to_vec();
                bytes.splice(at..at, again);
            }
            _ => {
                let end = (at + random.below(60)).min(bytes.len());
                bytes.drain(at..end);
            }
        }
    }
    bytes
}

fn over(name: &str, seeds: &[Vec<u8>], check: fn(&[u8])) {
    let runs = std::env::var("INVARIANT_RUNS").ok();
    let runs = runs.map_or(SAMPLE, |runs| runs.parse().expect("a number"));
    for number in 0..runs {
        let mut random = Random(number ^ 0x5eed << 20);
        let seed = &seeds[random.below(seeds.len())];
        let bytes = match random.one_in(4) && seeds.len() > 1 {
            true => {
                let length = random.below(2000);
                random.noise(length)
            }
            false => damaged(&mut random, seed),
        };
        let caught = std::panic::catch_unwind(|| check(&bytes));
        if caught.is_err() {
            let path = std::env::temp_dir().join(format!("invariant-{name}-{number}"));
            fs::write(&path, &bytes).expect("the input can be kept");
            panic!("{name}: input {number}, kept as {}", path.display());
        }
    }
}

const CAPTURES: [&str; 6] = [
    "honest-flight.pcap",
    "tls-vendor-session.pcap",
    "lab/mqtt.pcap",
    "lab/rtmp.pcap",
    "edge/socks5-name.pcap",
    "edge/fragments.pcap",
];

#[test]
fn of_any_file() {
    let sealed = ["open/tls13-personal.pcap", "open/quic-personal.pcap"];
    over(
        "file",
        &seeds(&[&CAPTURES[..], &sealed].concat()),
        it::any_file,
    );
}

#[test]
fn of_any_two_files() {
    let mut seeds = seeds(&CAPTURES);
    for (number, seed) in seeds.iter_mut().enumerate() {
        seed.insert(0, 40 * number as u8);
    }
    over("two", &seeds, it::any_two);
}

#[test]
fn of_any_frames_of_any_link() {
    over("link", &seeds(&CAPTURES), it::any_link);
}

#[test]
fn of_any_packets() {
    over("packets", &seeds(&CAPTURES), it::any_packets);
}

#[test]
fn of_any_datagrams() {
    over(
        "datagrams",
        &seeds(&["lab/dns.pcap", "lab/quic-v1.pcap"]),
        it::any_datagrams,
    );
}

#[test]
fn of_any_stream() {
    over("stream", &seeds(&CAPTURES), it::any_stream);
}

#[test]
fn of_any_segmentation() {
    over("segmentation", &seeds(&CAPTURES), it::any_segmentation);
}

#[test]
fn of_any_blocks() {
    over("blocks", &seeds(&CAPTURES), it::any_blocks);
}

#[test]
fn of_any_case_file() {
    let names = [
        "examples/mode-on-leaking/case.toml",
        "examples/upload/case.toml",
    ];
    over("case", &seeds(&names), it::any_case);
}

#[test]
fn of_any_catalog() {
    let rows = include_str!("../../src/judge/classify/hosts.tsv");
    let start: String = rows.lines().take(40).map(|l| format!("{l}\n")).collect();
    over("catalog", &[start.into_bytes()], it::any_catalog);
}

#[test]
fn of_any_database() {
    let whole = include_bytes!("../../src/judge/locate/geo.mmdb");
    let end = whole[whole.len() - 3000..].to_vec();
    over("database", &[end, it::small_database()], it::any_database);
}

#[test]
fn of_any_key_file() {
    let wifi = b"\0drone-field:correct horse 7\n0123456789abcdef0123456789abcdef\n";
    let log = |which: u8, name: &str| {
        let log = fs::read(fixtures().join("open").join(name)).expect("the key log");
        [&[which], &log[..]].concat()
    };
    let logs = [log(1, "keys.log"), log(2, "keys.log"), log(3, "quic.log")];
    over(
        "keys",
        &[&[wifi.to_vec()], &logs[..]].concat(),
        it::any_keys,
    );
}

#[test]
fn of_any_report() {
    let text = br#"{"schema":"drone-audit/1","digest":"","claims":[],"inputs":[{"path":"a"}]}"#;
    over("report", &[text.to_vec()], it::any_report);
}

#[test]
fn of_any_forged_report() {
    over("forgery", &seeds(&["lab/mqtt.pcap"]), it::any_forgery);
}

#[test]
fn cuts_inside_records_make_no_claim_consistent() {
    let bytes = &seeds(&["tls-vendor-session.pcap"])[0];
    let whole = it::verdicts(bytes, &[]).expect("a capture");
    let mut random = Random(77);
    for _ in 0..SAMPLE {
        let at = 24 + random.below(bytes.len() - 24);
        let now = it::verdicts(&bytes[..at], &[]).unwrap_or_default();
        for (before, after) in whole.iter().zip(&now) {
            assert!(
                before.1 == "consistent" || after.1 != "consistent",
                "cut at {at}: {after:?}"
            );
        }
    }
}
