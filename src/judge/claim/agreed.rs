//! What the parties agreed on beforehand: allowances, and beacons that the auditor planted.
//!
//! An allowance takes a finding out of the verdict and leaves it in the report, marked. One that gives
//! names and no addresses needs the address to belong to the name's owner by the catalog, and holds
//! for little payload unless it has a budget. It holds
//! until its last day and up to its budget; beyond, nothing of it is allowed, for which bytes are
//! the ones too many cannot be said. A beacon is a name that the auditor fetched at an end of a
//! window: found, it shows that the capture would have shown other traffic; missing, silence is
//! worth nothing. Its own traffic is no finding as long as it is small and lies at that end.

use super::fact::{OverBudget, Why};
use super::rule::confirms;
use super::{About, Case, Finding, Reason, Weight};
use crate::ground::interval::Window;
use crate::ground::moment::{FrameRef, Timestamp};
use crate::judge::agreement::{Allowance, Beacon, Edge};
use crate::judge::claim::coverage::WindowCoverage;
use crate::judge::classify::attribution::{Attribution, OS_BYTES_OUT_MAX};
use crate::judge::classify::destination::Destination;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// How long after its start, and before its end, a window's beacon has to show.
pub const BEACON_SECONDS: i64 = 60;
/// What marks the traffic of a beacon.
pub const BEACON: &str = "beacon";

/// What an allowance came to in a run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Used {
    /// It had ended.
    pub expired: bool,
    /// Payload out that it covers.
    pub bytes: u64,
    /// More than its budget would be needed.
    pub exceeded: bool,
}

/// Marks the findings of a claim that allowances cover; all windows together.
pub(super) fn allow(
    claim: &str,
    case: &Case<'_>,
    found: &mut [Vec<Finding>],
) -> BTreeMap<String, Used> {
    let mut out = BTreeMap::new();
    let began = case
        .basis
        .evidence
        .inputs
        .iter()
        .map(|i| i.first)
        .find(|t| *t != Timestamp::UNKNOWN)
        .unwrap_or(Timestamp::UNKNOWN);
    for allowance in case.allowances {
        let expired = allowance.expired_at(began);
        let mut used = Used {
            expired,
            ..Used::default()
        };
        if expired {
            out.insert(allowance.id.clone(), used);
            continue;
        }
        let covered = |f: &Finding| f.allowed.is_none() && covers(allowance, f, claim, case);
        // The same destination in two windows is two findings, each with its own bytes.
        for finding in found.iter().flatten().filter(|f| covered(f)) {
            used.bytes = used.bytes.saturating_add(finding.bytes_out);
        }
        used.exceeded = allowance
            .budget_bytes
            .is_some_and(|budget| used.bytes > budget);
        for finding in found.iter_mut().flatten() {
            if !covered(finding) {
                continue;
            }
            if used.exceeded {
                finding.account.over_budget.push(OverBudget {
                    allowance: allowance.id.clone(),
                    bytes: used.bytes,
                });
            } else {
                finding.weight = Weight::Listed;
                finding.allowed = Some(allowance.id.clone());
            }
        }
        out.insert(allowance.id.clone(), used);
    }
    out
}

fn covers(allowance: &Allowance, finding: &Finding, claim: &str, case: &Case<'_>) -> bool {
    match finding.about {
        About::Destination(index) => case.destinations().get(index).is_some_and(|d| {
            let app = d.key.app.as_deref().filter(|a| !a.cut);
            let app = app.and_then(|a| a.name.as_deref());
            let host = d.key.host.as_deref();
            !d.key.folded
                && allowance.covers(host, d.key.ip, app, claim)
                && (!allowance.addresses.is_empty() || confirmed(d, allowance, finding, case))
        }),
        // A lookup goes where its answers lie, and a mere name is enough for it.
        About::Lookup(index) => case.lookups().get(index).is_some_and(|l| {
            let app = l.app.as_deref().filter(|a| !a.cut);
            let app = app.and_then(|a| a.name.as_deref());
            let at = |ip: Option<IpAddr>| allowance.covers(Some(&l.name), ip, app, claim);
            at(None) || (!l.answers.is_empty() && l.answers.iter().all(|ip| at(Some(*ip))))
        }),
    }
}

/// An allowance by the name alone: the name is the audited side's word, and acquits only where the
/// address belongs to whom the catalog says, and where what went out is bounded.
fn confirmed(
    destination: &Destination,
    allowance: &Allowance,
    finding: &Finding,
    case: &Case<'_>,
) -> bool {
    let host = destination.key.host.as_deref();
    let row = host.and_then(|host| case.basis.catalog.lookup(host));
    let bounded = allowance.budget_bytes.is_some() || finding.bytes_out <= OS_BYTES_OUT_MAX;
    bounded && row.is_some_and(|row| confirms(destination, row, case))
}

/// The spans in which a beacon has to show in a window.
fn spans(beacon: &Beacon, window: &Window) -> Vec<Window> {
    let length = BEACON_SECONDS * Timestamp::SECOND;
    let start = Window {
        start: window.start,
        end: window.start.plus(length).min(window.end),
    };
    let end = Window {
        start: window.end.plus(-length).max(window.start),
        end: window.end,
    };
    match beacon.at {
        Edge::Start => vec![start],
        Edge::End => vec![end],
        Edge::Both => vec![start, end],
    }
}

/// Frames that show a beacon among the intervals that `inside` accepts.
fn shown(beacon: &Beacon, case: &Case<'_>, inside: &dyn Fn(u32) -> bool) -> BTreeSet<FrameRef> {
    let named = |name: &str| name == beacon.host;
    let destinations = case
        .destinations()
        .iter()
        .filter(|d| d.key.host.as_deref().is_some_and(named))
        .filter_map(|d| d.stage_in(inside))
        .map(|(_, traffic)| traffic.first.at);
    let lookups = case
        .lookups()
        .iter()
        .filter(|l| named(&l.name))
        .flat_map(|l| &l.asked)
        .filter(|(interval, _)| inside(**interval))
        .map(|(_, (_, first, _))| first.at);
    destinations.chain(lookups).collect()
}

/// What was found of a beacon in a window: the frames at each end where it had to be.
fn found(beacon: &Beacon, case: &Case<'_>, window: &WindowCoverage) -> Vec<BTreeSet<FrameRef>> {
    let intervals = &case.basis.evidence.intervals;
    match &window.window {
        // Without a window the ends are not known beforehand: anywhere will do.
        None => vec![shown(beacon, case, &*window.inside)],
        Some(bounds) => spans(beacon, bounds)
            .iter()
            .map(|span| shown(beacon, case, &intervals.surely_within(span)))
            .collect(),
    }
}

/// A beacon over all windows: whether it was found wherever it had to be, and frames.
pub fn beacon(beacon: &Beacon, case: &Case<'_>) -> (bool, Vec<FrameRef>) {
    let all: Vec<BTreeSet<FrameRef>> = case
        .windows
        .iter()
        .flat_map(|window| found(beacon, case, window))
        .collect();
    let complete = all.iter().all(|frames| !frames.is_empty());
    (
        complete,
        all.into_iter()
            .flatten()
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect(),
    )
}

/// Beacons that a window lacks.
pub(super) fn missing(case: &Case<'_>, window: &WindowCoverage) -> Vec<Reason> {
    case.beacons
        .iter()
        .filter(|b| found(b, case, window).iter().any(BTreeSet::is_empty))
        .map(|b| Reason::new("beacon-missing", Why::BeaconMissing(b.host.clone())))
        .collect()
}

/// True for the traffic of a beacon itself. A vendor's name is never one.
pub(super) fn is_beacon(finding: &Finding, case: &Case<'_>, window: &WindowCoverage) -> bool {
    if finding.attribution == Attribution::Vendor || finding.bytes_out > OS_BYTES_OUT_MAX {
        return false;
    }
    let name = match finding.about {
        About::Destination(index) => case
            .destinations()
            .get(index)
            .and_then(|d| d.key.host.as_deref()),
        About::Lookup(index) => case.lookups().get(index).map(|l| &*l.name),
    };
    let Some(beacon) = case.beacons.iter().find(|b| Some(b.host.as_str()) == name) else {
        return false;
    };
    let Some(bounds) = &window.window else {
        return true;
    };
    // All of it has to lie at the ends.
    let intervals = &case.basis.evidence.intervals;
    let ends: Vec<_> = spans(beacon, bounds)
        .iter()
        .map(|s| intervals.surely_within(s))
        .collect();
    let between =
        |interval: u32| (window.inside)(interval) && !ends.iter().any(|end| end(interval));
    match finding.about {
        About::Destination(index) => case
            .destinations()
            .get(index)
            .is_some_and(|d| d.stage_in(&between).is_none()),
        About::Lookup(index) => case
            .lookups()
            .get(index)
            .is_some_and(|l| !l.asked.keys().any(|interval| between(*interval))),
    }
}
