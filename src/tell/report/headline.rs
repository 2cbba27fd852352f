//! A report in one plain sentence: what was seen that weighs most, when, and to whom it went.
//!
//! Nothing is decided here: the heaviest finding of the report is told again in short words.

use super::v1::{Claim, Destination, Finding, Report, Window};
use super::weight::{self, Weight};
use super::words::{self, count};
use super::{moments, role};
use crate::judge::claim::Verdict;
use crate::judge::classify::Stage;
use std::collections::BTreeSet;

/// The sentence; `None` for a report of several sessions, or without a claim.
pub(super) fn headline(report: &Report) -> Option<String> {
    if !report.sessions.is_empty() || report.claims.is_empty() {
        return None;
    }
    Some(match report.verdict {
        Verdict::Contradicted => match heaviest(report, Weight::Contradicts) {
            Some((finding, more)) => format!(
                "{}.{}",
                told(report, finding),
                match more {
                    0 => String::new(),
                    1 => " 1 more finding contradicts a claim.".to_owned(),
                    more => format!(" {} contradict a claim.", count(more, "more finding")),
                }
            ),
            None => words::meaning_of_all(report.verdict).to_owned(),
        },
        Verdict::Inconclusive => match heaviest(report, Weight::Suspect) {
            Some((finding, _)) => format!(
                "{}. This alone does not decide the claim.",
                told(report, finding)
            ),
            None => "Nothing was seen that contradicts a claim, and the captures are not good enough to say that nothing happened."
                .to_owned(),
        },
        Verdict::Consistent => {
            let exposure = report.claims.iter().filter_map(exposure);
            match exposure.min_by(f64::total_cmp) {
                Some(seconds) => format!(
                    "Nothing was seen that contradicts a claim, in {} with the app or the drone at work.",
                    words::seconds(seconds)
                ),
                None => "Nothing was seen that contradicts a claim.".to_owned(),
            }
        }
    })
}

fn exposure(claim: &Claim) -> Option<f64> {
    let seconds = claim.silence.as_ref()?.exposure_seconds;
    (seconds > 0.0).then_some(seconds)
}

/// The finding of that weight which went furthest and took most, and how many others there are.
fn heaviest(report: &Report, weight: Weight) -> Option<(&Finding, usize)> {
    let findings = report.findings.iter();
    let all: Vec<&Finding> = findings
        .filter(|f| weight::of(report, f) == weight)
        .collect();
    // Of equals the first, as the report has them.
    let most = |a: &&Finding, b: &&Finding| (a.stage, a.bytes_out).cmp(&(b.stage, b.bytes_out));
    let heaviest = all.iter().copied().rev().max_by(most)?;
    let told: BTreeSet<&str> = all.iter().map(|f| f.filter.as_str()).collect();
    Some((heaviest, told.len().saturating_sub(1)))
}

/// When, and what went where.
fn told(report: &Report, finding: &Finding) -> String {
    let what = happened(report, finding);
    let Some(first) = finding.first.as_deref() else {
        return sentence(&what);
    };
    let when = match days(report) > 1 {
        true => moments::moment(first),
        false => moments::clock(first),
    };
    match during(report, first) {
        Some(named) => format!("{when}, {named}: {what}"),
        None => format!("{when}: {what}"),
    }
}

/// Days that the captures begin and end on.
fn days(report: &Report) -> usize {
    let times = report.inputs.iter().flat_map(|i| [&i.first, &i.last]);
    let days = times.flatten().filter_map(|time| time.get(..10));
    days.collect::<BTreeSet<_>>().len()
}

/// What the auditor called that time: the last entry of the log inside the window, or the window's name.
fn during(report: &Report, at: &str) -> Option<String> {
    let time = |text: &str| text.parse::<jiff::Timestamp>().ok();
    let at = time(at)?;
    let holds = |window: &&Window| {
        let bound = |text: &Option<String>| text.as_deref().and_then(time);
        bound(&window.start).is_none_or(|start| start <= at)
            && bound(&window.end).is_none_or(|end| at < end)
    };
    let window = report.scope.windows.iter().find(holds)?;
    let start = window.start.as_deref().and_then(time);
    let events = report.case.as_ref().map_or(&[][..], |case| &case.events);
    let before = events.iter().filter_map(|event| {
        let of = time(event.at.as_deref()?)?;
        let inside = of <= at && start.is_none_or(|start| start <= of);
        inside.then_some((of, &event.kind))
    });
    match before.max_by_key(|(of, _)| *of) {
        Some((_, kind)) => Some(kind.replace('-', " ")),
        None => window.name.clone(),
    }
}

fn happened(report: &Report, finding: &Finding) -> String {
    let row = finding.destination.as_ref();
    let row = row.and_then(|id| report.destinations.iter().find(|d| d.id == *id));
    if let Some(name) = &finding.lookup {
        let of = report.lookups.iter().find(|lookup| lookup.name == *name);
        let of = of.and_then(|of| owned(of.role.as_deref(), of.owner.as_deref()));
        return match of {
            Some(of) => format!("the name {name} was asked for; it is {of}"),
            None => format!("the name {name} was asked for"),
        };
    }
    let whom = row.map_or_else(|| "several destinations".to_owned(), whom);
    let kinds: BTreeSet<String> = finding.content.iter().map(|c| c.kind.to_string()).collect();
    if !kinds.is_empty() {
        let kinds: Vec<String> = kinds.into_iter().collect();
        return format!("{} sent to {whom} in readable form", kinds.join(", "));
    }
    match finding.stage {
        Stage::Transferred => match finding.bytes_out {
            Some(bytes) => format!("{} sent to {whom}", words::amount(bytes)),
            None => format!("payload sent to {whom}"),
        },
        Stage::Connected => format!("connected to {whom}; no payload was sent"),
        Stage::Attempted => format!("tried to reach {whom}"),
        Stage::Lookup => format!("a resolver was asked, for {whom}"),
        Stage::Unsolicited => format!("packets came in from {whom}; none was answered"),
    }
}

/// A destination by its name, and what that is.
fn whom(row: &Destination) -> String {
    let named = match (&row.host, &row.ip) {
        (Some(host), _) => host.clone(),
        (None, Some(ip)) => words::socket(ip, row.port),
        (None, None) => "a destination behind a relay".to_owned(),
    };
    match owned(row.role.as_deref(), row.owner.as_deref()) {
        Some(of) => format!("{named}, {of}"),
        None => named,
    }
}

/// `a flight-log server of SZ DJI Technology`.
fn owned(role: Option<&str>, owner: Option<&str>) -> Option<String> {
    match (role, owner) {
        (Some(role), Some(owner)) => Some(format!("{} of {owner}", role::noun(role))),
        (Some(role), None) => Some(role::noun(role).into_owned()),
        (None, owner) => owner.map(|owner| format!("a host of {owner}")),
    }
}

/// With a capital at its begin, unless a name stands there.
fn sentence(words: &str) -> String {
    let mut letters = words.chars();
    match letters.next() {
        Some(first) if first.is_ascii_lowercase() => {
            first.to_ascii_uppercase().to_string() + letters.as_str()
        }
        _ => words.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tell::report::sample::{report, word};

    #[test]
    fn the_heaviest_finding_is_told_with_its_time_and_its_bytes() {
        let mut report = report();
        report.claims[0].verdict = word("contradicted");
        report.verdict = word("contradicted");
        report.scope.windows.clear();
        let said = headline(&report).unwrap();
        assert!(said.contains("4.7 MiB sent to "), "{said}");
        assert!(said.contains("a server of DJI"), "{said}");
        assert!(said.contains("10:00:00"), "{said}");
        report.findings.clear();
        report.verdict = word("inconclusive");
        let said = headline(&report).unwrap();
        assert!(said.contains("not good enough"), "{said}");
        report.sessions = vec![report.clone()];
        assert_eq!(headline(&report), None);
    }
}
