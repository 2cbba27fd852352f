//! The report for a person at a terminal, in two forms: on one screen, with the verdict at its end ([`write`]), and with
//! everything ([`write_full`]): the verdict first, then why, then all that was seen.
//!
//! Nothing is decided here and nothing is known that the JSON report does not say. Long lists are
//! cut, what accuses last, and say how much is left out. All text of the capture passes the
//! escaping of [`super::text`] on its way to a line.

mod declared;
pub mod diff;
pub mod fitness;
mod footing;
pub(in crate::tell) mod grid;
mod page;
mod short;
#[cfg(test)]
mod tests;
mod traffic;

use super::v1::{Claim, Finding, Report};
use super::weight::ids;
use super::{moments, reasons, windowed};
use crate::judge::claim::agreed::BEACON;
use crate::tell::report::words::{count, meaning, rank, tally, without_reason};
use grid::{Cell, Column, Line};
use page::Page;
use std::collections::BTreeSet;
use std::io::{self, Write};

/// Findings listed of a claim: about five lines each, so a few screens.
const FINDINGS_MAX: usize = 20;
/// Findings named at a reason: two lines.
const NUMBERS_MAX: usize = 24;
/// Frames listed of a finding: enough to start from, short enough for two lines.
const FRAMES_MAX: usize = 8;
/// Columns of a filter beyond which nobody copies it from a terminal.
const FILTER_MAX: usize = 2_000;

/// How to write for the terminal at hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// Columns of the terminal; fewer than 40 are treated as 40.
    pub width: usize,
    /// Colour for verdicts and attributions.
    pub color: bool,
}

/// Writes the answer on one screen.
///
/// # Errors
/// When `out` cannot be written to.
pub fn write(report: &Report, style: Style, out: &mut dyn Write) -> io::Result<()> {
    short::write(&mut Page::new(style, out), report)
}

/// Writes the whole report as text and tables.
///
/// # Errors
/// When `out` cannot be written to.
pub fn write_full(report: &Report, style: Style, out: &mut dyn Write) -> io::Result<()> {
    let mut page = Page::new(style, out);
    if !report.sessions.is_empty() {
        sessions(&mut page, &report.sessions)?;
        page.blank()?;
    }
    claims(&mut page, report)?;
    if report.sessions.is_empty() {
        traffic::destinations(&mut page, report)?;
        traffic::lookups(&mut page, report)?;
        footing::coverage(&mut page, report)?;
        footing::scope(&mut page, &report.scope)?;
        declared::case(&mut page, report)?;
    } else {
        footing::scope(&mut page, &report.scope)?;
        each_session(&mut page, &report.sessions)?;
    }
    footing::data(&mut page, report)
}

/// A sentence behind a colon.
fn begun(sentence: &str) -> String {
    let mut rest = sentence.chars();
    let first = rest.next().map(|c| c.to_ascii_lowercase());
    first.into_iter().chain(rest).collect()
}

fn claims(page: &mut Page<'_>, report: &Report) -> io::Result<()> {
    let mut shown = BTreeSet::new();
    if let [only] = report.claims.as_slice() {
        return claim(page, report, only, &mut shown);
    }
    let verdicts = report.claims.iter().map(|claim| claim.verdict);
    let rest = match report.claims.len() {
        0 => "no claim was judged".to_owned(),
        count => format!("over {count} claims: {}", tally(verdicts)),
    };
    page.marked(0, report.verdict.id(), report.verdict.into(), &rest)?;
    for one in &report.claims {
        page.blank()?;
        claim(page, report, one, &mut shown)?;
    }
    Ok(())
}

/// The line of a claim's verdict; the statement to show below it.
fn head(page: &mut Page<'_>, claim: &Claim) -> io::Result<String> {
    let id = match &claim.preset {
        Some(preset) => format!("{} · wording {preset}", claim.id),
        None => claim.id.clone(),
    };
    page.marked(0, claim.verdict.id(), claim.verdict.into(), &id)?;
    // Some statements quote; quotes around quotes would read badly.
    Ok(match claim.statement.contains('"') {
        true => claim.statement.clone(),
        false => format!("\"{}\"", claim.statement),
    })
}

fn claim(
    page: &mut Page<'_>,
    report: &Report,
    claim: &Claim,
    shown: &mut BTreeSet<usize>,
) -> io::Result<()> {
    let said = head(page, claim)?;
    page.text(2, &said)?;
    page.text(2, &format!("Source: {}", claim.source))?;
    page.text(
        2,
        &format!("{}: {}", claim.verdict, begun(meaning(claim.verdict))),
    )?;
    page.blank()?;
    page.text(0, "Why")?;
    if claim.reasons.is_empty() {
        page.text(2, without_reason(claim.verdict))?;
    }
    for reason in reasons::folded(report, claim) {
        // Sessions have their findings, and so their numbers, for themselves.
        match report.sessions.is_empty() && !reason.findings.is_empty() {
            true => page.item(
                2,
                &format!("- {}:", reason.id),
                &reason.numbers(NUMBERS_MAX),
            )?,
            false => page.item(2, &reason_label(&reason), reason.text)?,
        }
    }
    if let Some(silence) = &claim.silence {
        declared::silence(page, silence)?;
    }

    let ids = ids(claim);
    let mut bearing: Vec<(usize, &Finding)> = report
        .findings
        .iter()
        .enumerate()
        .filter(|(_, finding)| ids.contains(finding.id.as_str()))
        .collect();
    if bearing.is_empty() {
        return Ok(());
    }
    // Stable: within an attribution the report's own order holds.
    bearing.sort_by_key(|(_, finding)| rank(finding.attribution));
    page.blank()?;
    let new = bearing
        .iter()
        .filter(|(_, f)| f.known == Some(false))
        .count();
    let marked = match &report.against {
        Some(against) => format!(
            ": {new} new, {} known from {}",
            bearing.len().saturating_sub(new),
            against.path
        ),
        None => String::new(),
    };
    page.text(
        0,
        &format!(
            "{} (frames as input:frame){marked}",
            count(bearing.len(), "finding")
        ),
    )?;
    let windows = windowed::windows(report);
    if let Some(windows) = windows.as_deref().filter(|w| w.len() <= FILTER_MAX) {
        page.text(
            2,
            "The filters select these packets in the whole capture. For those in the windows alone, add:",
        )?;
        page.item(2, "&&", windows)?;
    }
    for (index, one) in bearing.iter().take(FINDINGS_MAX) {
        let first_time = shown.insert(*index);
        finding(page, windows.as_deref(), *index, one, first_time)?;
    }
    left_out(page, 2, bearing.len(), FINDINGS_MAX, "finding")
}

/// `- time-gap (40 times, the first):`.
fn reason_label(reason: &reasons::Folded<'_>) -> String {
    match reason.times {
        1 => format!("- {}:", reason.id),
        times => format!("- {} ({times} times, the first):", reason.id),
    }
}

fn finding(
    page: &mut Page<'_>,
    windows: Option<&str>,
    index: usize,
    finding: &Finding,
    first_time: bool,
) -> io::Result<()> {
    let place = finding.destination.as_deref().unwrap_or("lookup");
    let known = match finding.known {
        Some(true) => " · known",
        Some(false) => " · new",
        None => "",
    };
    let grace = if finding.grace {
        " · in the grace"
    } else {
        ""
    };
    let allowed = match finding.allowed.as_deref() {
        Some(BEACON) => " · the auditor's beacon".to_owned(),
        Some(id) => format!(" · allowed by {id}"),
        None => String::new(),
    };
    let head = format!(
        "{} · {place} · {} · {} confidence · F{}{known}{grace}{allowed}",
        finding.stage,
        finding.rule,
        finding.confidence,
        index.saturating_add(1)
    );
    page.marked(
        2,
        finding.attribution.id(),
        finding.attribution.into(),
        &head,
    )?;
    if !first_time {
        return page.text(4, "Details are above, under the other claim.");
    }
    page.text(4, &finding.text)?;
    page.item(
        4,
        "first ",
        &finding
            .first
            .as_deref()
            .map_or("time not recorded".to_owned(), moments::moment),
    )?;
    let mut frames: Vec<String> = finding
        .frames
        .iter()
        .take(FRAMES_MAX)
        .map(|at| format!("{}:{}", at.input, at.frame))
        .collect();
    if let Some(more) = finding
        .frames
        .len()
        .checked_sub(FRAMES_MAX)
        .filter(|more| *more > 0)
    {
        frames.push(format!("and {more} more in the JSON report"));
    }
    page.item(4, "frames", &frames.join(" "))?;
    let filter = windowed::short(&finding.filter, windows);
    if filter.len() <= FILTER_MAX {
        page.item(4, "filter", filter)?;
    } else {
        page.item(4, "filter", "too long for a terminal, see the JSON report")?;
    }
    page.item(4, "id    ", &finding.id)
}

/// Says how many of a list are not shown.
fn left_out(
    page: &mut Page<'_>,
    indent: usize,
    all: usize,
    most: usize,
    what: &str,
) -> io::Result<()> {
    match all.checked_sub(most) {
        None | Some(0) => Ok(()),
        Some(more) => page.text(
            indent,
            &format!(
                "… {} not shown here; the JSON report (-o json) has all {all}.",
                count(more, &format!("more {what}"))
            ),
        ),
    }
}

/// All sessions, a row each.
fn sessions(page: &mut Page<'_>, sessions: &[Report]) -> io::Result<()> {
    let verdicts = sessions.iter().map(|session| session.verdict);
    page.text(
        0,
        &format!("{}: {}", count(sessions.len(), "session"), tally(verdicts)),
    )?;
    let columns = [
        Column::right("session", 3),
        Column::left("verdict", "contradicted".len()),
        Column::left("captures", 12),
    ];
    let rows = sessions.iter().enumerate().map(|(index, session)| {
        vec![
            Cell::from(index.saturating_add(1).to_string()),
            Cell::from(session.verdict.to_string()).paint(session.verdict.into()),
            Cell::lines(
                session
                    .inputs
                    .iter()
                    .map(|input| Line::Text(input.path.clone())),
            ),
        ]
    });
    page.table(&columns, rows.collect())
}

/// What was found in each session.
fn each_session(page: &mut Page<'_>, sessions: &[Report]) -> io::Result<()> {
    for (index, session) in sessions.iter().enumerate() {
        let files: Vec<&str> = session
            .inputs
            .iter()
            .map(|input| input.path.as_str())
            .collect();
        let number = index.saturating_add(1);
        page.heading(&format!(
            "Session {number} of {}: {}",
            sessions.len(),
            files.join(", ")
        ))?;
        claims(page, session)?;
        traffic::destinations(page, session)?;
        traffic::lookups(page, session)?;
        footing::coverage(page, session)?;
        footing::scope(page, &session.scope)?;
        declared::case(page, session)?;
        page.item(0, "Session digest:", &session.digest)?;
    }
    Ok(())
}
