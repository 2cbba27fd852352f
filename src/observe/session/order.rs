//! The order in which protocols are tried must never change what is found.

use super::{Settings, read};
use crate::evidence::{Devices, Evidence};
use crate::observe::capture::Source;
use crate::observe::dissect::reading::shuffled;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Orders tried for each capture.
const ORDERS: u64 = 4;

pub(super) fn captures(folder: &Path, into: &mut Vec<PathBuf>) {
    let entries = std::fs::read_dir(folder).expect("a folder of fixtures");
    for entry in entries {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            captures(&path, into);
        } else {
            into.push(path);
        }
    }
}

fn evidence(path: &Path) -> Option<Evidence> {
    read_as(path, false)
}

/// The settings of these tests, with or without the short way for packets that are like others.
pub(super) fn settings(thorough: bool) -> Settings {
    Settings {
        schedule: crate::ground::interval::Schedule::default(),
        local: Vec::new(),
        sidecars: Default::default(),
        devices: Devices::default(),
        time_gap: i64::MAX,
        hash: false,
        means: crate::observe::capture::Means {
            thorough,
            ..Default::default()
        },
        content: crate::observe::content::Policy::Masked,
        one_row_per_flow: Some(10_000),
        observer: None,
        accuses: Arc::new(|_, _, _| true),
        names: Default::default(),
        wifi: Default::default(),
        keylog: Default::default(),
    }
}

/// What a capture shows.
pub(super) fn read_as(path: &Path, thorough: bool) -> Option<Evidence> {
    read(&[Source::File(path.to_owned())], &settings(thorough)).ok()
}

/// Everything that dissectors can change, in a fixed order.
pub(super) fn said(evidence: &Evidence) -> String {
    let mut text = String::new();
    for series in &evidence.series {
        let mut lookups: Vec<_> = series.ledger.lookups.iter().collect();
        lookups.sort_by(|a, b| a.0.cmp(b.0));
        let gaps: Vec<_> = series.ledger.gaps.iter().collect();
        text.push_str(&format!(
            "{:#?}\n{lookups:#?}\n{:?}\n{:?}\n{gaps:?}\n",
            series.rows, series.ledger.ech, series.ledger.drone_protocols
        ));
    }
    text
}

#[test]
fn the_order_of_protocols_changes_nothing() {
    let mut paths = Vec::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    captures(&folder, &mut paths);
    let mut compared = 0;
    for path in paths {
        let Some(usual) = evidence(&path) else {
            continue;
        };
        compared += 1;
        for seed in 1..=ORDERS {
            let other = shuffled::with(seed, || evidence(&path)).expect("read before");
            assert!(
                said(&usual) == said(&other),
                "{} is read otherwise in order {seed}",
                path.display()
            );
        }
    }
    assert!(compared > 100, "only {compared} fixtures were read");
}
