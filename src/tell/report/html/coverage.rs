//! What the verdict stands on: what the captures hold, what they could not show, what none can.

use super::folding::folded;
use super::markup::Page;
use super::{Part, evidence};
use crate::ground::gaps::GapId;
use crate::tell::explain::library;
use crate::tell::report::reasons::{self, Gaps};
use crate::tell::report::v1::{Clock, Gap, Input};
use crate::tell::report::words;
use crate::tell::report::words::count;
use std::io;

/// The section.
pub(super) fn coverage(page: &mut Page<'_>, part: &Part<'_>) -> io::Result<()> {
    let report = part.report;
    part.section(page, "coverage", "Coverage", |page| {
        page.p(&match report.coverage.drone_links.as_slice() {
            [] => "Drone link: no valid frame of a known drone-link protocol.".to_owned(),
            seen => format!("Drone link: valid frames of {}.", seen.join(", ")),
        })?;
        let gaps = |blocking: bool| -> Vec<&Gap> {
            let gaps = &report.coverage.gaps;
            gaps.iter().filter(|gap| gap.blocking == blocking).collect()
        };
        part.heading(page, "Gaps that forbid a consistent verdict")?;
        match gaps(true).as_slice() {
            [] => page.p("None seen."),
            some => list(page, part, some),
        }?;
        let others = gaps(false);
        if !others.is_empty() {
            part.heading(page, "Gaps that do not forbid it")?;
            list(page, part, &others)?;
        }
        part.heading(page, "Where every packet belongs")?;
        inputs(page, &report.inputs)?;
        if report.clocks.is_empty() {
            return Ok(());
        }
        part.heading(page, "Clocks")?;
        clocks(page, part, &report.clocks)
    })
}

fn list(page: &mut Page<'_>, part: &Part<'_>, gaps: &[&Gap]) -> io::Result<()> {
    let alike = reasons::gaps(gaps.iter().copied());
    folded(page, &alike, "gap", |page, gaps, words| {
        let heads = ["Gap", "What it means here", "Count", "First seen"];
        page.table("gaps", words, &heads, |page| {
            gaps.iter().try_for_each(|gap| row(page, part, gap))
        })
    })
}

fn row(page: &mut Page<'_>, part: &Part<'_>, of: &Gaps<'_>) -> io::Result<()> {
    let gap = of.first;
    page.row(&[], |page| {
        page.name(|page| page.leaf("code", &[], gap.id.word()))?;
        page.cell(|page| {
            page.text(&of.text())?;
            match gap.id.known().and_then(next) {
                Some(next) => page.leaf(
                    "div",
                    &[("class", "small")],
                    &format!("In the next recording: {next}"),
                ),
                None => Ok(()),
            }
        })?;
        page.cell_text(&of.count.to_string())?;
        page.cell(|page| {
            let input = gap.input.map(|input| evidence::input(part.report, input));
            page.text(input.as_deref().unwrap_or("all captures"))?;
            match gap.frame {
                Some(frame) => page.small(&format!("frame {frame}")),
                None => Ok(()),
            }
        })
    })
}

/// What avoids a gap, by the texts of `explain`.
fn next(gap: GapId) -> Option<&'static str> {
    Some(library().ok()?.next(gap))
}

fn inputs(page: &mut Page<'_>, inputs: &[Input]) -> io::Result<()> {
    if inputs.is_empty() {
        return page.p("No capture was read.");
    }
    folded(page, inputs, "capture", |page, inputs, words| {
        let heads = [
            "Capture",
            "Packets",
            "Internet",
            "Relayed",
            "Unreadable",
            "Local",
            "Not IP",
            "Dropped",
        ];
        let caption = format!("Packets by scope, {words}; each packet is in exactly one scope");
        page.table("scopes", &caption, &heads, |page| {
            inputs.iter().try_for_each(|input| {
                let counts = &input.accounting;
                page.row(&[], |page| {
                    page.name(|page| {
                        page.text(&input.path)?;
                        condition(page, input)
                    })?;
                    for count in [
                        input.packets,
                        counts.internet,
                        counts.relayed,
                        counts.unreadable,
                        counts.local,
                        counts.not_ip,
                    ] {
                        page.cell_text(&count.to_string())?;
                    }
                    page.cell_text(&match input.dropped {
                        Some(dropped) => dropped.to_string(),
                        None => "not known".to_owned(),
                    })
                })
            })
        })
    })
}

/// What is wrong with a capture by its own records.
fn condition(page: &mut Page<'_>, input: &Input) -> io::Result<()> {
    let counts = &input.accounting;
    let sum = [
        counts.local,
        counts.internet,
        counts.relayed,
        counts.not_ip,
        counts.unreadable,
    ]
    .into_iter()
    .fold(0u64, u64::saturating_add);
    if sum != input.packets {
        page.small(&format!(
            "the scopes add up to {sum}, which is NOT the packets read"
        ))?;
    }
    if input.truncated > 0 {
        page.small(&format!(
            "{} captured only in part",
            count(input.truncated, "packet")
        ))?;
    }
    match input.damaged {
        true => page.small("damaged"),
        false => Ok(()),
    }
}

fn clocks(page: &mut Page<'_>, part: &Part<'_>, clocks: &[Clock]) -> io::Result<()> {
    folded(page, clocks, "clock", |page, clocks, words| {
        let heads = ["Clock", "Ahead of the capture", "Times", "First frame"];
        let caption = format!("Clocks in the packets against the captures' own: {words}");
        page.table("clocks", &caption, &heads, |page| {
            clocks.iter().try_for_each(|clock| {
                page.row(&[], |page| {
                    page.name(|page| {
                        page.text(clock.source.word())?;
                        page.small(&clock.server)
                    })?;
                    page.cell_text(&format!(
                        "{} s to {} s",
                        words::number(clock.offset_least),
                        words::number(clock.offset_most)
                    ))?;
                    page.cell_text(&clock.count.to_string())?;
                    page.cell(|page| {
                        page.text(&clock.frame.to_string())?;
                        page.small(&evidence::input(part.report, clock.input))
                    })
                })
            })
        })
    })
}

/// What no capture of this kind can show.
pub(super) fn limits(page: &mut Page<'_>, part: &Part<'_>) -> io::Result<()> {
    if part.report.limits.is_empty() {
        return Ok(());
    }
    part.section(page, "limits", "What these captures cannot show", |page| {
        page.list(&part.report.limits)
    })
}
