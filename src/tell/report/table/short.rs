//! The report on one screen: the verdict, what was read, what bears on each claim, and the verdicts again at the end,
//! where they stay in sight. Everything else is in the long form ([`super::write_full`]).
//!
//! Each thing is said once: a finding is a line, reasons of one id are folded with their number, and what is too
//! much for a screen is counted.

use super::footing::bounds;
use super::head;
use super::page::Page;
use crate::judge::claim::Verdict;
use crate::judge::claim::agreed::BEACON;
use crate::tell::report::headline::headline;
use crate::tell::report::moments;
use crate::tell::report::v1::{Claim, Destination, Finding, Input, Report};
use crate::tell::report::weight::{Weight, bearing};
use crate::tell::report::words::{
    amount, by_attribution, count, meaning_of_all, place, rank, socket, tally, title,
    without_reason,
};
use std::collections::{BTreeMap, BTreeSet};
use std::io;

/// Captures, and windows, that are named.
const INPUTS_MAX: usize = 3;
/// Findings that are listed of a claim, and of all claims together: with two lines each they leave room for the
/// rest on a usual screen.
const FINDINGS_MAX: usize = 6;
const LISTED_MAX: usize = 12;
/// Reasons that are listed of a claim.
const REASONS_MAX: usize = 6;
/// Sessions that are listed of a run.
const SESSIONS_MAX: usize = 200;

/// Writes it.
pub(super) fn write(page: &mut Page<'_>, report: &Report) -> io::Result<()> {
    page.marked(
        0,
        report.verdict.id(),
        report.verdict.into(),
        &title(report),
    )?;
    if report.sessions.is_empty() {
        captures(page, report)?;
        traffic(page, report)?;
    } else {
        sessions(page, report)?;
    }
    let mut listed = BTreeMap::new();
    for one in &report.claims {
        page.blank()?;
        claim(page, report, one, &mut listed)?;
    }
    ending(page, report)
}

/// What was read, and what of it is judged.
fn captures(page: &mut Page<'_>, report: &Report) -> io::Result<()> {
    if report.inputs.is_empty() {
        page.text(0, "No capture was read.")?;
    }
    for input in report.inputs.iter().take(INPUTS_MAX) {
        page.item(0, "Read:", &described(input))?;
    }
    more(page, report.inputs.len(), INPUTS_MAX, "capture")?;
    if let Some(apart) = apart(report) {
        page.item(0, "Note:", &apart)?;
    }
    let windows = &report.scope.windows;
    for window in windows.iter().take(INPUTS_MAX) {
        let bounds = bounds(window.start.as_deref(), window.end.as_deref());
        let name = window.name.as_deref().map(|name| format!(" ({name})"));
        let name = name.unwrap_or_default();
        page.item(0, "Window:", &format!("{bounds}{name}"))?;
    }
    more(page, windows.len(), INPUTS_MAX, "window")?;
    let subject: Vec<String> = [
        report.scope.app.as_ref().map(|apps| ("app", apps)),
        report
            .scope
            .device
            .as_ref()
            .map(|d| ("device", &d.declared)),
    ]
    .into_iter()
    .flatten()
    .map(|(what, names)| format!("{what} {}", names.join(", ")))
    .collect();
    match subject.as_slice() {
        [] => page.item(
            0,
            "Subject:",
            "neither app nor device was named: traffic is told apart by labels of the capture and by host names",
        ),
        some => page.item(0, "Subject:", &some.join("; ")),
    }
}

fn described(input: &Input) -> String {
    let counts = &input.accounting;
    let scopes: Vec<String> = [
        (counts.local, "local"),
        (counts.internet, "internet"),
        (counts.relayed, "relayed"),
        (counts.not_ip, "not IP"),
        (counts.unreadable, "unreadable"),
    ]
    .into_iter()
    .filter(|(packets, _)| *packets > 0)
    .map(|(packets, scope)| format!("{packets} {scope}"))
    .collect();
    let time = match (&input.first, &input.last) {
        (Some(first), Some(last)) => moments::span(first, last),
        _ => "time not recorded".to_owned(),
    };
    let scopes = match scopes.as_slice() {
        [] => String::new(),
        some => format!(" ({})", some.join(", ")),
    };
    format!(
        "{}: {}{scopes}, {time}",
        input.path,
        count(input.packets, "packet")
    )
}

/// Captures between which nothing was recorded for longer than this are hardly of one session: a flight takes minutes, and a
/// break between two of them less than an hour.
const SESSION_GAP_HOURS: i64 = 1;

/// Captures that were hardly recorded in one session.
fn apart(report: &Report) -> Option<String> {
    let time = |text: &Option<String>| text.as_ref()?.parse::<jiff::Timestamp>().ok();
    let mut until: Option<jiff::Timestamp> = None;
    // They stand in the order of their first packets.
    for input in &report.inputs {
        let (Some(first), Some(last)) = (time(&input.first), time(&input.last)) else {
            continue;
        };
        let hours = until.map_or(0, |until| {
            first.as_second().saturating_sub(until.as_second()) / 3600
        });
        if hours >= SESSION_GAP_HOURS {
            return Some(format!(
                "nothing was recorded for {} before {}, and all captures are judged as one session; --each judges every capture alone",
                count(hours.unsigned_abs(), "hour"),
                input.path
            ));
        }
        until = Some(until.map_or(last, |until| until.max(last)));
    }
    None
}

/// Says how many of a list are not shown.
fn more(page: &mut Page<'_>, all: usize, most: usize, what: &str) -> io::Result<()> {
    match all.saturating_sub(most) {
        0 => Ok(()),
        left => page.text(2, &format!("and {}", count(left, &format!("more {what}")))),
    }
}

/// Where traffic went, by whose it is.
fn traffic(page: &mut Page<'_>, report: &Report) -> io::Result<()> {
    let groups = by_attribution(&report.destinations, |row| row.attribution);
    let told: Vec<String> = groups
        .iter()
        .map(|(whose, rows)| {
            let sum = |of: fn(&Destination) -> u64| {
                let all = rows.iter().map(|row| of(row));
                amount(all.fold(0, u64::saturating_add))
            };
            format!(
                "{} {whose} ({} out, {} in)",
                rows.len(),
                sum(|row| row.bytes_out),
                sum(|row| row.bytes_in)
            )
        })
        .collect();
    let went = match told.as_slice() {
        [] => "no readable traffic".to_owned(),
        some => format!("destinations: {}", some.join(", ")),
    };
    let asked = match report.lookups.len() {
        0 => String::new(),
        names => format!("; {}", count(names, "lookup")),
    };
    page.item(0, "Beyond the site:", &format!("{went}{asked}"))
}

/// A line for each session, those with the worst verdict last.
fn sessions(page: &mut Page<'_>, report: &Report) -> io::Result<()> {
    let mut order: Vec<(usize, &Report)> = report.sessions.iter().enumerate().collect();
    order.sort_by_key(|(index, session)| (session.verdict, *index));
    let left = order.len().saturating_sub(SESSIONS_MAX);
    if left > 0 {
        page.text(0, &format!("{} before these", count(left, "session")))?;
    }
    for (index, session) in order.into_iter().skip(left) {
        let names: Vec<&str> = session.inputs.iter().map(|i| i.path.as_str()).collect();
        let why: BTreeSet<&str> = session
            .claims
            .iter()
            .filter(|claim| claim.verdict == session.verdict)
            .flat_map(|claim| claim.reasons.iter().map(|reason| reason.id.as_str()))
            .collect();
        let why: Vec<&str> = why.into_iter().collect();
        let why = match why.as_slice() {
            [] => String::new(),
            some => format!(" · {}", some.join(", ")),
        };
        let rest = format!("{} {}{why}", index.saturating_add(1), names.join(", "));
        page.marked(0, session.verdict.id(), session.verdict.into(), &rest)?;
    }
    Ok(())
}

/// A claim with its verdict, what bears on it, and how much of that there is.
fn claim(
    page: &mut Page<'_>,
    report: &Report,
    claim: &Claim,
    listed: &mut BTreeMap<String, usize>,
) -> io::Result<()> {
    let said = head(page, claim)?;
    page.text(2, &format!("{said} ({})", claim.source))?;
    if !report.sessions.is_empty() {
        let verdicts = report.sessions.iter().flat_map(|session| {
            let its = session.claims.iter().filter(|its| its.id == claim.id);
            its.map(|its| its.verdict)
        });
        return page.text(2, &tally(verdicts));
    }
    let mut found = bearing(report, claim);
    found.sort_by_key(|(weight, finding)| (*weight, rank(finding.attribution)));
    let room = FINDINGS_MAX.min(LISTED_MAX.saturating_sub(listed.len()));
    let mut left: Vec<(Weight, &Finding)> = Vec::new();
    let mut shown = 0usize;
    for (weight, finding) in &found {
        let about = (!listed.is_empty()).then(|| listed.get(&meaning(finding)));
        // What was found in clear is another thing than that something went there.
        match about.flatten().filter(|_| finding.content.is_empty()) {
            Some(number) => {
                let words = format!("as F{number} above · {}", finding.rule);
                marked(page, finding, &words)?;
            }
            None if shown < room => {
                shown = shown.saturating_add(1);
                let number = listed.len().saturating_add(1);
                listed.entry(meaning(finding)).or_insert(number);
                let facts = facts(report, *weight, finding);
                marked(page, finding, &format!("F{number} · {facts}"))?;
            }
            None => left.push((*weight, *finding)),
        }
    }
    if !left.is_empty() {
        let by = |(_, finding): &(Weight, &Finding)| finding.attribution;
        let kinds: Vec<String> = by_attribution(&left, by)
            .iter()
            .map(|(whose, its)| format!("{} {whose}", its.len()))
            .collect();
        let what = count(left.len(), "more finding");
        page.text(2, &format!("and {what}: {}", kinds.join(", ")))?;
    }
    reasons(page, report, claim, &found)?;
    if let Some(rate) = claim.silence.as_ref().and_then(|s| s.rate_upper_per_hour) {
        page.text(
            2,
            &format!("Up to {rate:.1} contacts an hour could have been missed (95 %)."),
        )?;
    }
    page.text(2, &sum(report, claim, &found))
}

/// What two findings of different claims share where they are about the same traffic.
fn meaning(finding: &Finding) -> String {
    let place = finding.destination.as_ref().or(finding.lookup.as_ref());
    format!("{}|{}", finding.filter, place.map_or("", |p| p.as_str()))
}

fn marked(page: &mut Page<'_>, finding: &Finding, words: &str) -> io::Result<()> {
    let whose = finding.attribution;
    page.marked(2, whose.id(), whose.into(), words)
}

/// What a finding says, in a line.
fn facts(report: &Report, weight: Weight, finding: &Finding) -> String {
    let row = finding.destination.as_ref();
    let row = row.and_then(|id| report.destinations.iter().find(|d| d.id == *id));
    let mut facts = vec![match (row, &finding.lookup) {
        (Some(row), _) => went(row),
        (None, Some(name)) => format!("{name} was asked for"),
        (None, None) => "several destinations".to_owned(),
    }];
    let stage = match (row, report.scope.windows.is_empty(), finding.bytes_out) {
        // Its counters are of the whole capture.
        (Some(row), true, _) => format!(
            "{}, {} out, {} in",
            finding.stage,
            amount(row.bytes_out),
            amount(row.bytes_in)
        ),
        (_, _, Some(bytes)) => format!("{}, {} out", finding.stage, amount(bytes)),
        _ => finding.stage.to_string(),
    };
    if finding.lookup.is_none() {
        facts.push(stage);
    }
    let kinds: BTreeSet<String> = finding.content.iter().map(|c| c.kind.to_string()).collect();
    if !kinds.is_empty() {
        let kinds: Vec<String> = kinds.into_iter().collect();
        facts.push(format!("in clear: {}", kinds.join(", ")));
    }
    facts.push(finding.rule.clone());
    if let Some(first) = finding.frames.first() {
        facts.push(format!("frame {}:{}", first.input, first.frame));
    }
    facts.extend(match (finding.allowed.as_deref(), weight) {
        (Some(BEACON), _) => Some("the auditor's beacon".to_owned()),
        (Some(id), _) => Some(format!("allowed by {id}")),
        (None, Weight::Grace) => Some("in the grace".to_owned()),
        (None, Weight::Contradicts | Weight::Suspect | Weight::Allowed) => None,
    });
    facts.extend(finding.known.map(|known| match known {
        true => "known".to_owned(),
        false => "new".to_owned(),
    }));
    facts.join(" · ")
}

/// Name, address, owner and place of a destination.
fn went(row: &Destination) -> String {
    let at = match (&row.ip, &row.via) {
        (Some(ip), _) => Some(socket(ip, row.port)),
        (None, Some(via)) => Some(format!("via {}", socket(&via.ip, via.port))),
        (None, None) => None,
    };
    let mut beside: Vec<String> = Vec::new();
    let what = match (&row.host, at) {
        (Some(host), at) => {
            beside.extend(at);
            host.clone()
        }
        (None, Some(at)) => format!("{at} {}", row.transport),
        (None, None) => format!("several {} destinations", row.transport),
    };
    beside.extend(row.owner.clone());
    if row.country.is_some() || row.country_candidates.len() > 1 {
        beside.push(place(row));
    }
    match beside.as_slice() {
        [] => what,
        some => format!("{what} ({})", some.join(", ")),
    }
}

/// Reasons that no finding stands for, those of one id together.
fn reasons(
    page: &mut Page<'_>,
    report: &Report,
    claim: &Claim,
    found: &[(Weight, &Finding)],
) -> io::Result<()> {
    if claim.reasons.is_empty() && found.is_empty() {
        return page.text(2, without_reason(claim.verdict));
    }
    let rules: BTreeSet<&str> = found.iter().map(|(_, f)| f.rule.as_str()).collect();
    let mut folded = super::reasons::folded(report, claim);
    folded.retain(|reason| !rules.contains(reason.id));
    for reason in folded.iter().take(REASONS_MAX) {
        page.item(2, &super::reason_label(reason), reason.text)?;
    }
    match folded.len().saturating_sub(REASONS_MAX) {
        0 => Ok(()),
        left => page.text(2, &format!("and {}", count(left, "more reason"))),
    }
}

/// How much bears on a claim.
fn sum(report: &Report, claim: &Claim, found: &[(Weight, &Finding)]) -> String {
    let weights = [
        Weight::Contradicts,
        Weight::Suspect,
        Weight::Grace,
        Weight::Allowed,
    ];
    let mut parts: Vec<String> = weights
        .into_iter()
        .filter_map(|of| {
            let its = found.iter().filter(|(weight, _)| *weight == of).count();
            let does = match (of, its) {
                (Weight::Contradicts, 1) => "contradicts",
                (Weight::Contradicts, _) => "contradict",
                (Weight::Suspect, 1) => "leaves it open",
                (Weight::Suspect, _) => "leave it open",
                (Weight::Grace, _) => "in the grace of a window",
                (Weight::Allowed, _) => "allowed",
            };
            (its > 0).then(|| format!("{} {does}", count(its, "finding")))
        })
        .collect();
    let gaps = report.coverage.gaps.iter().filter(|gap| gap.blocking);
    let kinds: BTreeSet<_> = gaps.map(|gap| gap.id.word()).collect();
    if !kinds.is_empty() && claim.verdict != Verdict::Consistent {
        let what = count(kinds.len(), "kind");
        parts.push(format!("{what} of gaps that forbid `consistent`"));
    }
    if let Some(against) = &report.against {
        let new = found.iter().filter(|(_, f)| f.known == Some(false)).count();
        let known = found.len().saturating_sub(new);
        parts.push(format!("{new} new, {known} known from {}", against.path));
    }
    match parts.as_slice() {
        [] => "No finding.".to_owned(),
        some => format!("{}.", some.join("; ")),
    }
}

/// What it comes to, and what to do next.
fn ending(page: &mut Page<'_>, report: &Report) -> io::Result<()> {
    page.blank()?;
    let placed = report.destinations.iter().any(|row| row.country.is_some());
    let dated = report.tool.geo.iter().find_map(|geo| geo.built.as_deref());
    if let (true, Some(dated)) = (placed, dated) {
        let of = dated.split('T').next().unwrap_or(dated);
        page.text(
            0,
            &format!("Places by address data of {of}; -o full names their sources and licences."),
        )?;
    }
    let reason = report
        .claims
        .iter()
        .filter(|claim| claim.verdict == report.verdict)
        .flat_map(|claim| &claim.reasons)
        .next();
    let mut next = vec!["-o full shows everything".to_owned()];
    if let Some(reason) = reason {
        next.push(format!(
            "drone-audit explain {} says what it means",
            reason.id
        ));
    }
    if report.verdict == Verdict::Contradicted {
        next.push("-o json=FILE, then drone-audit extract FILE, writes the packets".to_owned());
    }
    page.item(0, "Next:", &format!("{}.", next.join("; ")))?;
    let rest = match report.claims.as_slice() {
        [] => "no claim was judged".to_owned(),
        [_] => headline(report).unwrap_or_else(|| meaning_of_all(report.verdict).to_owned()),
        several => format!(
            "over {}: {}",
            count(several.len(), "claim"),
            tally(several.iter().map(|claim| claim.verdict))
        ),
    };
    page.marked(0, report.verdict.id(), report.verdict.into(), &rest)
}
