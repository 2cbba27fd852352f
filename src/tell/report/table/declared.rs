//! What the auditor declared in a case file and what became of it, the baseline, and what a silence is
//! worth.

use super::grid::{Cell, Column};
use super::left_out;
use super::page::Page;
use crate::judge::claim::baseline::BaselineUse;
use crate::tell::report::v1::{Allowance, Baseline, Beacon, CaseFile, Event, Report, Silence};
use crate::tell::report::words::bytes;
use crate::tell::report::words::count;
use std::io;

/// Events, beacons and allowances listed of one kind.
const LISTED_MAX: usize = 40;
/// Probabilities and rates below this are written with an exponent.
const SMALL: f64 = 0.001;

/// The case file and the baseline.
pub(super) fn case(page: &mut Page<'_>, report: &Report) -> io::Result<()> {
    if let Some(case) = &report.case {
        page.heading("Case file")?;
        declared(page, case)?;
    }
    if let Some(baseline) = &report.baseline {
        page.heading("Baseline")?;
        recorded(page, baseline)?;
    }
    Ok(())
}

fn declared(page: &mut Page<'_>, case: &CaseFile) -> io::Result<()> {
    page.text(0, "Declared by the auditor, not measured.")?;
    page.item(
        0,
        "File:",
        &format!("{}, sha256 {}", case.path, case.sha256),
    )?;
    if let Some(title) = &case.title {
        page.item(0, "Title:", title)?;
    }
    if let Some(country) = &case.operator_country {
        page.item(0, "Operator's country:", country)?;
    }
    for (key, value) in &case.reported {
        page.item(0, &format!("{key}:"), value)?;
    }
    if !case.events.is_empty() {
        page.blank()?;
        page.text(0, "The auditor's log")?;
        for event in case.events.iter().take(LISTED_MAX) {
            log(page, event)?;
        }
        left_out(page, 2, case.events.len(), LISTED_MAX, "event")?;
    }
    if !case.beacons.is_empty() {
        page.blank()?;
        page.text(0, "Beacons (fetched by the auditor on purpose)")?;
        for beacon in case.beacons.iter().take(LISTED_MAX) {
            planted(page, beacon)?;
        }
        left_out(page, 2, case.beacons.len(), LISTED_MAX, "beacon")?;
    }
    if case.allowances.is_empty() {
        return Ok(());
    }
    page.blank()?;
    page.text(0, "Allowances (agreed on beforehand)")?;
    let columns = [
        Column::left("id", 8),
        Column::left("covers", 16),
        Column::left("until", 10),
        Column::left("came to", 12),
    ];
    let rows = case.allowances.iter().take(LISTED_MAX).map(|allowance| {
        let covers = format!("{}; {}", allowance.covers, allowance.reason);
        vec![
            Cell::from(allowance.id.clone()),
            Cell::from(covers),
            Cell::from(allowance.expires.clone()),
            Cell::from(used(allowance)),
        ]
    });
    page.table(&columns, rows.collect())?;
    left_out(page, 0, case.allowances.len(), LISTED_MAX, "allowance")
}

fn log(page: &mut Page<'_>, event: &Event) -> io::Result<()> {
    let at = event.at.as_deref().unwrap_or("time not known");
    let mut words = event.kind.clone();
    if let Some(until) = &event.until {
        words.push_str(&format!(" until {until}"));
    }
    if let Some(text) = &event.text {
        words.push_str(&format!(": {text}"));
    }
    page.item(2, at, &words)
}

fn planted(page: &mut Page<'_>, beacon: &Beacon) -> io::Result<()> {
    let frames: Vec<String> = beacon
        .frames
        .iter()
        .take(super::FRAMES_MAX)
        .map(|at| format!("{}:{}", at.input, at.frame))
        .collect();
    let at = match beacon.at.as_str() {
        "both" => "at both ends",
        "start" => "at the start",
        _ => "at the end",
    };
    let found = match (beacon.found, frames.is_empty()) {
        (true, _) => format!("found {at}, frames {}", frames.join(" ")),
        (false, true) => format!("NOT found {at}"),
        (false, false) => format!("NOT found everywhere {at}; frames {}", frames.join(" ")),
    };
    page.item(2, &beacon.host, &found)
}

/// What became of an allowance.
fn used(allowance: &Allowance) -> String {
    if allowance.expired {
        return "it had ended: covers nothing".to_owned();
    }
    let sent = bytes(allowance.used_bytes);
    if let Some(budget) = allowance.budget_bytes
        && allowance.used_bytes > budget
    {
        return format!(
            "{sent} out, more than its {}: covers nothing",
            bytes(budget)
        );
    }
    match allowance.findings.len() {
        0 => "nothing fell under it".to_owned(),
        covered => format!("{} covered, {sent} out", count(covered, "finding")),
    }
}

fn recorded(page: &mut Page<'_>, baseline: &Baseline) -> io::Result<()> {
    let what = match baseline.kind {
        BaselineUse::WithoutApp => "without the app: explains traffic that the phone has by itself",
        BaselineUse::WithoutMode => {
            "without the mode: shows what the app does then, and explains nothing"
        }
        BaselineUse::Undeclared => "not declared: explains nothing",
    };
    page.item(0, "Kind:", what)?;
    if let Some(doubt) = &baseline.doubt {
        page.item(0, "But:", doubt)?;
    }
    for input in &baseline.inputs {
        let sha256 = input.sha256.as_deref().unwrap_or("not computed");
        let words = format!("{}, {} packets, sha256 {sha256}", input.path, input.packets);
        page.item(0, "Capture:", &words)?;
    }
    let time = format!(
        "{:.1} s, the app or the drone at work in {:.1} s",
        baseline.seconds, baseline.active_seconds
    );
    page.item(0, "Time:", &time)
}

/// How strong a silence is, with what that takes for granted.
pub(super) fn silence(page: &mut Page<'_>, silence: &Silence) -> io::Result<()> {
    page.blank()?;
    page.text(0, "How strong is this `consistent`?")?;
    let phases: Vec<String> = silence
        .phases
        .iter()
        .map(|phase| format!("{} {:.0} s", phase.phase, phase.exposure_seconds))
        .collect();
    let phases = match phases.as_slice() {
        [] => String::new(),
        some => format!(" ({})", some.join(", ")),
    };
    let worth = match silence.rate_upper_per_hour {
        Some(rate) => format!(
            "{:.1} s with the app or the drone at work{phases}. Up to {} contacts an hour may have been missed (at 95 %).",
            silence.exposure_seconds,
            number(rate)
        ),
        None if silence.exposure_seconds > 0.0 => format!(
            "{:.1} s with the app or the drone at work{phases}. The claim is not about contacts as such, so no rate is given.",
            silence.exposure_seconds
        ),
        None => "The app or the drone was not seen at work, so no rate is given.".to_owned(),
    };
    page.item(2, "-", &worth)?;
    if let Some(contrast) = &silence.contrast {
        let words = format!(
            "The baseline shows {} of contacts in {:.1} s. If the mode did nothing, {:.1} s without any contact would have the probability {}.",
            count(
                usize::try_from(contrast.bursts).unwrap_or(usize::MAX),
                "burst"
            ),
            contrast.baseline_seconds,
            contrast.window_seconds,
            number(contrast.probability)
        );
        page.item(2, "-", &words)?;
    }
    page.text(
        2,
        "These numbers rest on the assumptions that the JSON report lists.",
    )
}

/// As many digits as mean something.
fn number(value: f64) -> String {
    if value >= 100.0 {
        format!("{value:.0}")
    } else if value >= 10.0 {
        format!("{value:.1}")
    } else if value >= SMALL {
        format!("{value:.3}")
    } else {
        format!("{value:.1e}")
    }
}
