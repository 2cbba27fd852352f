//! A second recording of the same device, to set the audited one against.
//!
//! Recorded **without the app** it shows what the phone does by itself: suspect traffic of the
//! audited capture that goes to the same host of the same operator there is explained, up to four
//! times as much. Recorded **without the mode** it shows what the app does when nothing holds it
//! back, which is the contrast for silence; it explains nothing, for the app's own traffic is in it.
//! A baseline in which the subject is seen at work, or which holds traffic of the app or its vendor,
//! is taken as the second kind whatever was declared. One of which **nothing is declared** explains
//! nothing either: a silent app beside an idle phone looks the same as no app.

use super::Case;
use super::fact::Explained;
use crate::ground::interval::{Bound, Schedule, WindowSpec};
use crate::ground::moment::{Moment, Timestamp};
use crate::judge::claim::silence::BURST_GAP;
use crate::judge::classify::attribution::Attribution;
use crate::judge::classify::destination::Destination;
use crate::judge::classify::lookup::Lookup;
use crate::judge::classify::{Scope, Stage};
use crate::vocabulary;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

/// How much more than in the baseline may go out to a destination and still be explained by it.
const MORE_MAX: u64 = 4;

vocabulary! {
    /// What a baseline is good for.
    "kind of baseline" pub enum BaselineUse {
        /// The app did not run: what is seen is the phone's own.
        WithoutApp = "without-app",
        /// The app ran and the mode was off: what is seen is the contrast.
        WithoutMode = "without-mode",
        /// Nobody says what it was recorded without, and it does not show the app at work.
        Undeclared = "undeclared",
    }
}

/// Why a baseline explains nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doubt {
    /// Declared to be without the app, and it shows the app or the drone at work.
    AtWork,
    /// Not declared to be without the app.
    Undeclared,
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
        .flat_map(|d| &d.views)
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

/// Who was contacted: a host of an operator, and what has no name by its address and port.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Far {
    /// By name, at addresses of one autonomous system.
    Host(Arc<str>, u32),
    /// By name, at an address of which no operator is known.
    At(Arc<str>, IpAddr),
    /// An address, a port and a transport without a name.
    Bare(IpAddr, Option<u16>, u8),
}

impl Far {
    fn of(destination: &Destination) -> Option<Self> {
        let key = &destination.key;
        if key.folded {
            return None;
        }
        let ip = key.ip?;
        let operator = destination.place.as_ref().and_then(|place| place.asn);
        Some(match (key.host.clone(), operator) {
            (Some(host), Some(asn)) => Self::Host(host, asn),
            (Some(host), None) => Self::At(host, ip),
            (None, _) => Self::Bare(ip, key.port, key.transport),
        })
    }
}

/// What went out to each host of an operator, and when it was seen first.
#[derive(Debug, Clone, Default)]
pub struct Sent(BTreeMap<Far, (u64, Moment)>);

impl Sent {
    /// Over all destinations that are the same host of the same operator.
    pub fn of(destinations: &[Destination]) -> Self {
        let mut all = BTreeMap::new();
        for d in destinations {
            let (Some(key), Some((_, traffic))) = (Far::of(d), d.fullest()) else {
                continue;
            };
            let (sent, first) = all.entry(key).or_insert((0u64, traffic.first));
            *sent = sent.saturating_add(traffic.out.bytes);
            *first = (*first).min(traffic.first);
        }
        Self(all)
    }
}

/// A baseline, read.
#[derive(Debug, Clone)]
pub struct Baseline {
    /// What it is good for.
    pub kind: BaselineUse,
    /// Why it explains nothing.
    pub doubt: Option<Doubt>,
    /// Seconds of capture.
    pub seconds: f64,
    /// Seconds with the subject seen at work.
    pub active_seconds: f64,
    /// Times of the app's traffic: the first and the last of each step of the recording, which is all
    /// that bursts need (see [`steps`]).
    pub contacts: Vec<Timestamp>,
    sent: Sent,
    asked: BTreeSet<Arc<str>>,
}

impl Baseline {
    /// What a session amounts to as a baseline.
    pub fn of(case: &Case<'_>, declared: Option<BaselineUse>) -> Self {
        let active: usize = case.windows.iter().map(|w| w.active.len()).sum();
        let accusing = case
            .destinations()
            .iter()
            .map(|d| d.attributed.whose)
            .chain(case.lookups().iter().map(|l| l.attributed.whose))
            .any(Attribution::accuses);
        let at_work = active > 0 || accusing;
        let kind = match declared {
            Some(BaselineUse::WithoutApp) if !at_work => BaselineUse::WithoutApp,
            Some(BaselineUse::Undeclared) | None if !at_work => BaselineUse::Undeclared,
            _ => BaselineUse::WithoutMode,
        };
        let doubt = match (declared, kind) {
            (Some(BaselineUse::WithoutApp), BaselineUse::WithoutMode) => Some(Doubt::AtWork),
            (_, BaselineUse::Undeclared) => Some(Doubt::Undeclared),
            _ => None,
        };
        Self {
            kind,
            doubt,
            seconds: case.windows.iter().map(|w| w.seconds).sum(),
            active_seconds: case.windows.iter().map(|w| w.active_seconds()).sum(),
            contacts: contacts(case),
            sent: Sent::of(case.destinations()),
            asked: case.lookups().iter().map(|l| Arc::clone(&l.name)).collect(),
        }
    }

    /// How the baseline explains the destination's traffic: what all destinations that are
    /// the same host of the same operator sent is held against what that host got in the baseline.
    pub fn explains(
        &self,
        destination: &Destination,
        bytes_out: u64,
        together: &Sent,
    ) -> Option<Explained> {
        if self.kind != BaselineUse::WithoutApp || !destination.attributed.whose.is_suspect() {
            return None;
        }
        let far = Far::of(destination)?;
        let (sent, at) = self.sent.0.get(&far)?;
        let most = sent.saturating_mul(MORE_MAX);
        let together = together.0.get(&far).map_or(0, |(sent, _)| *sent);
        let frame = at.at.frame;
        let explained = match far {
            Far::Host(..) => Explained::NameAtOperator(frame),
            Far::At(..) => Explained::NameAtAddress(frame),
            Far::Bare(..) => Explained::Address(frame),
        };
        (bytes_out.max(together) <= most).then_some(explained)
    }

    /// How the baseline explains the lookup.
    pub fn explains_lookup(&self, lookup: &Lookup) -> Option<Explained> {
        let known = self.kind == BaselineUse::WithoutApp
            && lookup.attributed.whose.is_suspect()
            && self.asked.contains(&lookup.name);
        known.then_some(Explained::Asked)
    }
}
