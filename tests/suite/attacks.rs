//! Attacks on time, memory and sight: what a part of the capture can cost, and that it hides nothing.
//!
//! Cost is counted in steps (see `ground::work`), so that nothing here depends on how busy the machine is. Seconds and memory of the
//! release build over the same attacks at megabytes are measured by `.ci/attacks`.

use crate::support::attacks::all;
use crate::support::{assert_adds_up, check_here, fixtures};
use drone_audit::parts::work;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// Bytes of the smallest file of an attack; the largest has eight times as many.
const SMALL: usize = 8_000;
/// Larger fixtures come twice at most: this is a test of seconds.
const LARGE: usize = 40_000;
/// Steps per byte that no file may cost, whatever is in it: what comes out of a compressed body is a few dozen times as long, and looked at by
/// each detector.
const EACH: usize = 4000;
/// As many for a file that is compressed as a whole: zeroes shrink to a thousandth and less, and so much is free (`capture/compressed`).
const EACH_COMPRESSED: usize = 40_000;
/// Steps per byte may grow so far from the smaller sizes to the largest: what is learned at the beginning is cheap to begin with.
const GROWTH: usize = 2;
/// Below so many per byte growth says nothing: a byte in a packet of its own brings 70 more, and is looked at by each protocol that waits.
const SURE: usize = 250;

/// Steps are counted on the thread that reads; every reader is at work.
const OPTIONS: [&str; 4] = ["--threads", "1", "--claim", "all"];

/// Judges a file, and counts. `None` for steps where they are not counted.
fn judged(name: &str, file: &[u8]) -> (Option<u8>, Option<usize>) {
    let scratch = TempDir::new().expect("a scratch folder");
    let path = scratch.path().join("capture");
    fs::write(&path, file).expect("the capture can be written");
    let mut code = None;
    let steps = work::of(|| {
        code = match check_here(&path, &OPTIONS, scratch.path()) {
            Ok((code, report)) => {
                assert_adds_up(&report);
                Some(code)
            }
            Err(why) => {
                assert!(!why.contains("panic"), "{name}: {why}");
                None
            }
        };
    });
    (code, steps)
}

/// What is wrong with the steps per byte: they are bounded, and do not grow with the file.
fn beyond(name: &str, costs: &[(usize, usize)]) -> Option<String> {
    let each: Vec<usize> = costs.iter().map(|(bytes, steps)| steps / bytes).collect();
    let (first, last) = (each.iter().take(2).max()?, each.last()?);
    let bound = match name.contains("bomb") {
        true => EACH_COMPRESSED,
        false => EACH,
    };
    let grows = *last > SURE && *last > GROWTH * first;
    (*last > bound || grows).then(|| format!("{name}: {each:?} steps per byte"))
}

#[test]
fn no_attack_costs_more_than_its_bytes_or_hides_a_contact() {
    let mut wrong = Vec::new();
    for attack in all() {
        let mut costs = Vec::new();
        for times in [1, 2, 4, 8] {
            let bytes = match attack.name.contains("bomb") {
                true => SMALL / 10,
                false => SMALL,
            };
            let file = attack.file(times * bytes);
            let (code, steps) = judged(attack.name, &file);
            if attack.has_contact() {
                assert_eq!(code, Some(1), "{}: the contact is seen", attack.name);
            } else {
                assert_ne!(code, Some(0), "{}: silence is no pass", attack.name);
            }
            costs.extend(steps.map(|steps| (file.len(), steps)));
        }
        wrong.extend(beyond(attack.name, &costs));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

fn captures(folder: &Path, out: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> = fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            captures(&path, out);
        } else if path.extension().is_some_and(|e| {
            ["pcap", "pcapng", "cap", "gz", "zst", "xz", "lz4"]
                .iter()
                .any(|known| e == *known)
        }) {
            out.push(path);
        }
    }
}

#[test]
fn no_fixture_costs_more_than_its_bytes_however_often_it_comes() {
    let mut all = Vec::new();
    captures(&fixtures(), &mut all);
    assert!(all.len() > 50, "{}", all.len());
    let mut wrong = Vec::new();
    for path in all {
        let bytes = fs::read(&path).expect("the fixture can be read");
        let name = path.display().to_string();
        let compressed = path
            .extension()
            .is_some_and(|e| e != "pcap" && e != "pcapng");
        let times: &[usize] = match bytes.len() > LARGE || compressed {
            true => &[1, 2],
            false => &[1, 2, 4, 8],
        };
        let costs: Vec<(usize, usize)> = times
            .iter()
            .filter_map(|&times| {
                let file = bytes.repeat(times);
                judged(&name, &file).1.map(|steps| (file.len(), steps))
            })
            .collect();
        wrong.extend(beyond(&name, &costs));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// On what waits in a direction of a connection, which fills up behind the sizes above.
const WAITING: [&str; 4] = [
    "segments-backwards",
    "conflicting-copies",
    "overlapping-segments",
    "segments-with-holes",
];

#[test]
fn what_waits_in_a_direction_costs_no_more_per_byte_when_there_is_much_of_it() {
    let mut wrong = Vec::new();
    for attack in all().iter().filter(|a| WAITING.contains(&a.name)) {
        let costs = [150_000, 1_200_000].map(|bytes| {
            let file = attack.file(bytes);
            let (code, steps) = judged(attack.name, &file);
            assert_eq!(code, Some(1), "{}: the contact is seen", attack.name);
            steps.map_or(0, |steps| steps / file.len())
        });
        let [few, many] = costs;
        if many > GROWTH * few.max(1) {
            wrong.push(format!("{}: {costs:?} steps per byte", attack.name));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
