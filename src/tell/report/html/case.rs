//! What the case file declared: the auditor's word, not the program's.

use super::folding::folded;
use super::icon::chip;
use super::markup::Page;
use super::{Part, evidence};
use crate::tell::report::v1::{Allowance, Beacon, CaseFile, Event};
use crate::tell::report::words;
use crate::tell::report::words::Sense;
use std::io;

/// The section.
pub(super) fn case(page: &mut Page<'_>, part: &Part<'_>, case: &CaseFile) -> io::Result<()> {
    part.section(page, "case", "Case file", |page| {
        page.p("Reported by the auditor, not measured.")?;
        page.tag("dl", &[("class", "facts")], |page| {
            if let Some(title) = &case.title {
                page.term("Title", |page| page.text(title))?;
            }
            for (key, value) in &case.reported {
                page.term(key, |page| lines(page, value))?;
            }
            match &case.operator_country {
                Some(country) => page.term("Operator's country", |page| page.text(country)),
                None => Ok(()),
            }
        })?;
        if !case.events.is_empty() {
            folded(page, &case.events, "entry", events)?;
        }
        if !case.beacons.is_empty() {
            folded(page, &case.beacons, "beacon", |page, rows, words| {
                beacons(page, part, rows, words)
            })?;
        }
        if !case.allowances.is_empty() {
            folded(page, &case.allowances, "allowance", |page, rows, words| {
                allowances(page, part, rows, words)
            })?;
        }
        Ok(())
    })
}

/// Text that its author broke into lines.
fn lines(page: &mut Page<'_>, text: &str) -> io::Result<()> {
    for (index, line) in text.trim_end().lines().enumerate() {
        if index > 0 {
            page.void("br", &[])?;
        }
        page.text(line)?;
    }
    Ok(())
}

fn events(page: &mut Page<'_>, rows: &[Event], words: &str) -> io::Result<()> {
    let caption = format!("The auditor's log: {words}");
    page.table("log", &caption, &["When", "What", "Note"], |page| {
        rows.iter().try_for_each(|event| {
            page.row(&[], |page| {
                page.name(|page| page.span(event.at.as_deref(), event.until.as_deref()))?;
                page.cell_text(&event.kind)?;
                page.cell(|page| lines(page, event.text.as_deref().unwrap_or_default()))
            })
        })
    })
}

fn beacons(page: &mut Page<'_>, part: &Part<'_>, rows: &[Beacon], words: &str) -> io::Result<()> {
    let caption = format!("Planted by the auditor, so that silence can be trusted: {words}");
    let heads = ["Host", "Expected at", "Found", "Where to see it"];
    page.table("beacons", &caption, &heads, |page| {
        rows.iter().try_for_each(|beacon| {
            page.row(&[], |page| {
                page.name(|page| page.host(&beacon.host))?;
                page.cell_text(&beacon.at)?;
                page.cell(|page| match beacon.found {
                    true => page.text("found"),
                    false => chip(page, Sense::Open, "not found where it had to be"),
                })?;
                page.cell(|page| evidence::frames(page, part.report, &beacon.frames))
            })
        })
    })
}

fn allowances(
    page: &mut Page<'_>,
    part: &Part<'_>,
    rows: &[Allowance],
    words: &str,
) -> io::Result<()> {
    let caption = format!("Traffic that the parties agreed on beforehand: {words}");
    let heads = [
        "Allowance",
        "Covers",
        "Reason",
        "Until",
        "Payload out",
        "Findings",
    ];
    page.table("allowances", &caption, &heads, |page| {
        rows.iter().try_for_each(|row| {
            page.row(&[], |page| {
                page.name(|page| page.text(&row.id))?;
                page.cell_text(&row.covers)?;
                page.cell(|page| lines(page, &row.reason))?;
                page.cell(|page| {
                    page.text(&row.expires)?;
                    match row.expired {
                        true => page.small("expired before the capture began: covers nothing"),
                        false => Ok(()),
                    }
                })?;
                page.cell(|page| {
                    page.text(&words::bytes(row.used_bytes))?;
                    page.small(&match row.budget_bytes {
                        Some(budget) => format!("of {}", words::bytes(budget)),
                        None => "no budget".to_owned(),
                    })
                })?;
                page.cell(|page| covered(page, part, row))
            })
        })
    })
}

/// Findings by the labels of the evidence, where the page has it.
fn covered(page: &mut Page<'_>, part: &Part<'_>, row: &Allowance) -> io::Result<()> {
    if row.findings.is_empty() {
        return page.text("none");
    }
    for (index, id) in row.findings.iter().enumerate() {
        if index > 0 {
            page.text(" ")?;
        }
        let mut known = part.report.findings.iter();
        match known.position(|finding| &finding.id == id) {
            Some(at) => {
                let label = evidence::label(at);
                page.leaf("a", &[("href", &part.link(&label))], &label)?;
            }
            None => page.leaf("code", &[], id)?,
        }
    }
    Ok(())
}
