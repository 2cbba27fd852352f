//! The two recordings as a whole: what each is, their verdicts, and what stands against comparing
//! them.

use super::rows::{Rows, Systems, all};
use super::{ClaimChange, Diff, SCHEMA, Side, What, compare, lookups};
use crate::judge::classify::Scope;
use crate::tell::report::v1::{Gap, Report};
use std::collections::BTreeSet;

/// Lengths that differ by more than this make amounts, and what is missing, incomparable.
const LENGTH_FACTOR: f64 = 1.5;

/// A recording as it was given.
#[derive(Debug)]
pub struct Given {
    /// The report on it.
    pub report: Report,
    /// It was given as a report, and not made from a capture just now.
    pub as_report: bool,
    /// The file name alone.
    pub path: String,
}

/// Compares two recordings.
pub fn between(baseline: &Given, capture: &Given) -> Diff {
    let mut systems = Systems::default();
    systems.learn(&baseline.report);
    systems.learn(&capture.report);
    let (old, new) = (
        Rows::of(&baseline.report, &systems),
        Rows::of(&capture.report, &systems),
    );
    let (asked, asks) = (
        lookups::names(&baseline.report),
        lookups::names(&capture.report),
    );
    let looked_up = (lookups::beyond(&asked), lookups::beyond(&asks));
    let (lookups, lookup_counts) = lookups::compare(asked, asks, (&old, &new));
    let (mut destinations, destination_counts) =
        compare::destinations(old, new, (&looked_up.0, &looked_up.1));
    for row in &mut destinations {
        // Ids of a report that nobody has say nothing.
        for (given, traffic) in [(baseline, &mut row.before), (capture, &mut row.after)] {
            if let Some(traffic) = traffic.as_mut().filter(|_| !given.as_report) {
                traffic.destinations.clear();
            }
        }
    }
    let (baseline_side, capture_side) = (side(baseline), side(capture));
    let gone = destination_counts.gone.saturating_add(lookup_counts.gone);
    Diff {
        schema: SCHEMA.to_owned(),
        news: destinations.iter().any(|d| d.news) || lookups.iter().any(|l| l.news),
        limits: limits(
            (&baseline_side, &baseline.report),
            (&capture_side, &capture.report),
            gone > 0,
        ),
        baseline: baseline_side,
        capture: capture_side,
        destination_counts,
        lookup_counts,
        claims: claims(&baseline.report, &capture.report),
        destinations,
        lookups,
    }
}

fn claims(before: &Report, after: &Report) -> Vec<ClaimChange> {
    let mut changes: Vec<ClaimChange> = after
        .claims
        .iter()
        .filter_map(|is| {
            let was = before.claims.iter().find(|was| was.id == is.id)?;
            Some(ClaimChange {
                id: is.id.clone(),
                before: was.verdict,
                after: is.verdict,
            })
        })
        .collect();
    changes.sort_by(|a, b| a.id.cmp(&b.id));
    changes
}

fn side(given: &Given) -> Side {
    let report = &given.report;
    let gaps: Vec<Gap> = all(report)
        .flat_map(|(session, offset)| {
            session.coverage.gaps.iter().map(move |gap| Gap {
                input: gap.input.map(|input| input.saturating_add(offset)),
                ..gap.clone()
            })
        })
        .collect();
    Side {
        given: if given.as_report {
            What::Report
        } else {
            What::Capture
        },
        path: given.path.clone(),
        digest: given.as_report.then(|| report.digest.clone()),
        tool: report.tool.clone(),
        inputs: report.inputs.clone(),
        scope: report.scope.clone(),
        seconds: seconds(report),
        thin: gaps.iter().any(|gap| gap.blocking),
        gaps,
    }
}

/// From the first packet of all inputs to the last one; sessions of `--each` add up, because the
/// time between them was not recorded.
fn seconds(report: &Report) -> Option<f64> {
    let lengths: Vec<f64> = all(report)
        .filter_map(|(session, _)| {
            let times = |pick: fn(&crate::tell::report::v1::Input) -> Option<&String>| {
                let texts = session.inputs.iter().filter_map(pick);
                let times = texts.filter_map(|t| t.parse::<jiff::Timestamp>().ok());
                times.collect::<BTreeSet<_>>()
            };
            let first = times(|input| input.first.as_ref()).pop_first()?;
            let last = times(|input| input.last.as_ref()).pop_last()?;
            let nanos = last.as_nanosecond().saturating_sub(first.as_nanosecond());
            Some(nanos as f64 / 1e9)
        })
        .collect();
    (!lengths.is_empty()).then(|| lengths.iter().sum())
}

/// Ids of the gaps that forbid concluding from silence.
fn blocking(side: &Side) -> String {
    let mut ids: Vec<&str> = Vec::new();
    for gap in side.gaps.iter().filter(|gap| gap.blocking) {
        if !ids.contains(&gap.id.word()) {
            ids.push(gap.id.word());
        }
    }
    ids.join(", ")
}

fn limits(
    (before, old): (&Side, &Report),
    (after, new): (&Side, &Report),
    gone: bool,
) -> Vec<String> {
    let mut limits = Vec::new();
    if after.thin {
        limits.push(format!(
            "The capture has gaps that forbid concluding from silence ({}): what is gone from it proves nothing, nor does it that nothing new is seen.",
            blocking(after)
        ));
    } else if gone {
        limits.push(
            "Gone means: not seen in this capture. Why it is not there, packets do not say; what was not done in the recording was not tested.".to_owned(),
        );
    }
    if before.thin {
        limits.push(format!(
            "The baseline has such gaps too ({}): what is new may have been there before, unseen.",
            blocking(before)
        ));
    }
    if let (Some(a), Some(b)) = (before.seconds, after.seconds)
        && (a > b * LENGTH_FACTOR || b > a * LENGTH_FACTOR)
    {
        limits.push(format!(
            "The baseline is {a:.0} s long and the capture {b:.0} s: amounts cannot be compared as they stand, and the longer one had more time to show something."
        ));
    }
    let hashes = |side: &Side| {
        let all = side.inputs.iter().map(|input| input.sha256.clone());
        all.collect::<Option<BTreeSet<String>>>()
            .filter(|all| !all.is_empty())
    };
    if let (Some(a), Some(b)) = (hashes(before), hashes(after))
        && a == b
    {
        limits.push("Both sides are the same captures, by their SHA-256.".to_owned());
    }
    let data = |side: &Side| {
        let tool = &side.tool;
        let geo: Vec<String> = tool.geo.iter().map(|db| db.sha256.clone()).collect();
        (tool.version.clone(), tool.catalog_sha256.clone(), geo)
    };
    if data(before) != data(after) {
        limits.push(
            "The sides were judged with different programs, catalogs or address databases: a changed attribution or place may come from that.".to_owned(),
        );
    }
    let declared = |side: &Side| {
        let scope = &side.scope;
        let device = scope.device.as_ref().map(|d| d.declared.clone());
        (scope.app.clone(), device, scope.local_networks.clone())
    };
    if declared(before) != declared(after) {
        limits.push(
            "The sides were judged with different declarations (app, device or local networks): a changed attribution may come from that.".to_owned(),
        );
    }
    let windows = |report: &Report| all(report).any(|(r, _)| !r.scope.windows.is_empty());
    if windows(old) || windows(new) {
        limits.push(
            "Destinations and lookups are those of the whole captures; the verdicts are on the windows of the reports.".to_owned(),
        );
    }
    let folded = |report: &Report| {
        all(report).any(|(r, _)| {
            let folds = |d: &crate::tell::report::v1::Destination| {
                d.host.is_none() && d.ip.is_none() && d.scope != Scope::Relayed
            };
            r.destinations.iter().any(folds)
        })
    };
    if folded(old) || folded(new) {
        limits.push(
            "A report folds destinations beyond its bound: inside those nothing can be compared."
                .to_owned(),
        );
    }
    limits
}
