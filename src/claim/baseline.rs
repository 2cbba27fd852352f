//! A second recording of the same device, to set the audited one against.
//!
//! Recorded **without the app** it shows what the phone does by itself: suspect traffic of the
//! audited capture that has the same name at the same address there is explained. Recorded
//! **without the mode** it shows what the app does when nothing holds it back, which is the
//! contrast for silence; it explains nothing, for the app's own traffic is in it. A baseline in
//! which the subject is seen at work, or which holds traffic of the app or its vendor, is taken as
//! the second kind whatever was declared.

use super::Case;
use crate::claim::silence::BURST_GAP;
use crate::classify::attribution::{Attribution, OS_BYTES_OUT_MAX};
use crate::classify::destination::Destination;
use crate::classify::lookup::Lookup;
use crate::classify::{Scope, Stage};
use crate::epoch::{Bound, Schedule, WindowSpec};
use crate::evidence::{Moment, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

/// How much more than in the baseline may go out to a destination and still be explained by it.
const MORE_MAX: u64 = 4;

/// What a baseline is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The app did not run: what is seen is the phone's own.
    WithoutApp,
    /// The app ran and the mode was off: what is seen is the contrast.
    WithoutMode,
}

impl Kind {
    /// The word in reports and case files.
    pub fn id(self) -> &'static str {
        match self {
            Self::WithoutApp => "without-app",
            Self::WithoutMode => "without-mode",
        }
    }
}

/// Steps that a baseline is cut into: eight hours. What comes later is one long step, in which bursts
/// are too few and never too many.
const STEPS_MAX: i64 = 960;

/// Cuts a baseline into steps as long as the gap that ends a burst. Contacts within a step are then of
/// one burst, so that its first and its last say all that bursts depend on.
pub fn steps() -> Schedule {
    let after = |step: i64| Bound::After(step.saturating_mul(BURST_GAP));
    Schedule {
        marks: (0..STEPS_MAX)
            .map(|step| {
                let spec = WindowSpec {
                    start: after(step),
                    end: after(step + 1),
                };
                ("step".to_owned(), spec)
            })
            .collect(),
        ..Schedule::default()
    }
}

/// When the app or its vendor was in contact, in no order.
fn contacts(case: &Case<'_>) -> Vec<Timestamp> {
    let far = case
        .destinations()
        .iter()
        .filter(|d| d.attributed.whose.accuses())
        .flat_map(|d| d.views.values())
        .flat_map(|view| &view.active)
        .filter(|(_, traffic)| traffic.stage() > Stage::Unsolicited)
        .flat_map(|(_, traffic)| [traffic.first, traffic.last]);
    let asked = case
        .lookups()
        .iter()
        .filter(|l| l.attributed.whose.accuses() && l.scope != Scope::Local)
        .flat_map(|l| l.asked.values())
        .flat_map(|(_, first, last)| [*first, *last]);
    far.chain(asked).map(|moment| moment.time).collect()
}

type Far = (Option<Arc<str>>, IpAddr, Option<u16>, u8);

/// A baseline, read.
#[derive(Debug, Clone)]
pub struct Baseline {
    /// What it is good for.
    pub kind: Kind,
    /// Why it is not what was declared, in words.
    pub doubt: Option<String>,
    /// Seconds of capture.
    pub seconds: f64,
    /// Seconds with the subject seen at work.
    pub active_seconds: f64,
    /// Times of the app's traffic: the first and the last of each step of the recording, which is all
    /// that bursts need (see [`steps`]).
    pub contacts: Vec<Timestamp>,
    far: BTreeMap<Far, (u64, Moment)>,
    asked: BTreeSet<Arc<str>>,
}

impl Baseline {
    /// What a session amounts to as a baseline.
    pub fn of(case: &Case<'_>, declared: Option<Kind>) -> Self {
        let active: usize = case.windows.iter().map(|w| w.active.len()).sum();
        let accusing = case
            .destinations()
            .iter()
            .map(|d| d.attributed.whose)
            .chain(case.lookups().iter().map(|l| l.attributed.whose))
            .any(Attribution::accuses);
        let at_work = active > 0 || accusing;
        let kind = match declared {
            Some(Kind::WithoutApp) | None if !at_work => Kind::WithoutApp,
            _ => Kind::WithoutMode,
        };
        let doubt = (declared == Some(Kind::WithoutApp) && at_work).then(|| {
            "the baseline was declared to be without the app, and shows the app or the drone at work: it explains nothing".to_owned()
        });
        let mut far = BTreeMap::new();
        for d in case.destinations().iter().filter(|d| !d.key.folded) {
            let (Some(ip), Some((_, traffic))) = (d.key.ip, d.fullest()) else {
                continue;
            };
            let key = (d.key.host.clone(), ip, d.key.port, d.key.transport);
            let entry = far.entry(key).or_insert((0, traffic.first));
            entry.0 = traffic.bytes_out.max(entry.0);
        }
        Self {
            kind,
            doubt,
            seconds: case.windows.iter().map(|w| w.seconds).sum(),
            active_seconds: case.windows.iter().map(|w| w.active_seconds()).sum(),
            contacts: contacts(case),
            far,
            asked: case.lookups().iter().map(|l| Arc::clone(&l.name)).collect(),
        }
    }

    /// In words, if the baseline explains the destination's traffic.
    pub fn explains(&self, destination: &Destination, bytes_out: u64) -> Option<String> {
        if self.kind != Kind::WithoutApp || !destination.attributed.whose.is_suspect() {
            return None;
        }
        let key = &destination.key;
        let far = (key.host.clone(), key.ip?, key.port, key.transport);
        let (sent, at) = self.far.get(&far)?;
        let most = sent.saturating_mul(MORE_MAX).max(OS_BYTES_OUT_MAX);
        (bytes_out <= most).then(|| {
            let what = match key.host {
                Some(_) => "the same name at the same address",
                None => "the same address without a name",
            };
            format!(
                "the baseline without the app shows {what} (its frame {})",
                at.at.frame
            )
        })
    }

    /// In words, if the baseline explains the lookup.
    pub fn explains_lookup(&self, lookup: &Lookup) -> Option<String> {
        let known = self.kind == Kind::WithoutApp
            && lookup.attributed.whose.is_suspect()
            && self.asked.contains(&lookup.name);
        known.then(|| "the baseline without the app asks for the same name".to_owned())
    }
}
