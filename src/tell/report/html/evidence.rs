//! The findings: what was seen, in which frames, and what to type into Wireshark to see it too.

use super::Part;
use super::folding::folded;
use super::icon::chip;
use super::markup::Page;
use crate::ground::moment::FrameRef;
use crate::tell::report::v1::{Finding, Report};
use crate::tell::report::weight;
use crate::tell::report::windowed;
use crate::tell::report::words;
use crate::tell::report::words::{Sense, count};
use std::collections::BTreeMap;
use std::io;

/// A finding and its place in the report.
type Numbered<'a> = (usize, &'a Finding);

/// The section.
pub(super) fn evidence(page: &mut Page<'_>, part: &Part<'_>) -> io::Result<()> {
    part.section(page, "evidence", "Evidence", |page| {
        if part.report.findings.is_empty() {
            return page.p(
                "No finding: nothing was seen that contradicts a claim or leaves it open. What the captures could not show is under Coverage.",
            );
        }
        page.p("Each row can be checked in Wireshark: open the capture and paste the filter.")?;
        let windows = windowed::windows(part.report);
        if let Some(windows) = &windows {
            page.tag("p", &[("class", "windowed")], |page| {
                page.text("The filters show these packets in the whole capture. To see those in the windows alone, add: ")?;
                page.code(&format!("&& {windows}"))
            })?;
        }
        if let Some(against) = &part.report.against {
            let marked = |known: bool| {
                let findings = part.report.findings.iter();
                findings.filter(|f| f.known == Some(known)).count()
            };
            page.p(&format!(
                "Marked against {}: {} known from it, {} new.",
                against.path,
                marked(true),
                marked(false)
            ))?;
        }
        let mut findings: Vec<Numbered<'_>> = part.report.findings.iter().enumerate().collect();
        // Stable: within a weight and an attribution the report's own order holds.
        findings.sort_by_cached_key(|(_, finding)| {
            let weight = weight::of(part.report, finding);
            (weight, words::rank(finding.attribution))
        });
        folded(page, &findings, "finding", |page, rows, words| {
            let heads = ["Finding", "What was seen", "Where to see it"];
            page.table("findings", words, &heads, |page| {
                rows.iter()
                    .try_for_each(|row| finding(page, part, *row, windows.as_deref()))
            })
        })
    })
}

/// `F1`.
pub(super) fn label(index: usize) -> String {
    format!("F{}", index.saturating_add(1))
}

fn finding(
    page: &mut Page<'_>,
    part: &Part<'_>,
    (index, finding): Numbered<'_>,
    windows: Option<&str>,
) -> io::Result<()> {
    let label = label(index);
    page.row(&[("id", &part.id(&label))], |page| {
        page.name(|page| {
            page.leaf("strong", &[], &label)?;
            page.text(" ")?;
            let weight = weight::of(part.report, finding);
            let sense = Sense::from(weight);
            chip(page, sense, words::weight(weight))?;
            page.small(&format!(
                "{}, {}, {} confidence",
                finding.attribution, finding.stage, finding.confidence
            ))?;
            marks(page, finding)
        })?;
        page.cell(|page| seen(page, part, finding))?;
        page.cell(|page| {
            frames(page, part.report, &finding.frames)?;
            page.leaf("div", &[("class", "label")], "its packets")?;
            page.code(windowed::short(&finding.filter, windows))
        })
    })
}

/// What takes weight off a finding, or tells it from those of another report.
fn marks(page: &mut Page<'_>, finding: &Finding) -> io::Result<()> {
    if finding.grace {
        page.small("only in the grace time of a window: contradicts nothing alone")?;
    }
    if let Some(id) = &finding.allowed {
        page.small(&format!(
            "covered by allowance {id}: does not affect the verdict"
        ))?;
    }
    match finding.known {
        Some(true) => page.small("known: in the other report too"),
        Some(false) => page.small("new: not in the other report"),
        None => Ok(()),
    }
}

fn seen(page: &mut Page<'_>, part: &Part<'_>, finding: &Finding) -> io::Result<()> {
    page.p(&finding.text)?;
    for content in &finding.content {
        page.tag("p", &[("class", "content")], |page| {
            page.text(&format!("{} in the {}: ", content.kind, content.place))?;
            page.code(&content.text)?;
            page.text(&format!(
                " ({}, {}, frame {})",
                count(content.count, "time"),
                input(part.report, content.input),
                content.frame
            ))
        })?;
    }
    page.aside(|page| {
        page.text("first ")?;
        page.time(finding.first.as_deref())
    })?;
    page.aside(|page| {
        page.text("rule ")?;
        page.leaf("code", &[], &finding.rule)?;
        page.text(", claims ")?;
        page.text(&finding.claims.join(", "))?;
        if let Some(id) = &finding.destination {
            page.text(", destination ")?;
            page.leaf("a", &[("href", &part.link(id))], id)?;
        }
        if let Some(name) = &finding.lookup {
            page.text(", lookup of ")?;
            page.host(name)?;
        }
        Ok(())
    })?;
    page.aside(|page| {
        page.text("id ")?;
        page.leaf("code", &[], &finding.id)
    })
}

/// The file name of an input.
pub(super) fn input(report: &Report, index: u32) -> String {
    let found = usize::try_from(index)
        .ok()
        .and_then(|index| report.inputs.get(index));
    match found {
        Some(input) => input.path.clone(),
        None => format!("input {index}"),
    }
}

/// Frames as a display filter for each input.
pub(super) fn frames(page: &mut Page<'_>, report: &Report, frames: &[FrameRef]) -> io::Result<()> {
    let mut inputs: BTreeMap<u32, Vec<String>> = BTreeMap::new();
    for at in frames {
        inputs
            .entry(at.input)
            .or_default()
            .push(at.frame.to_string());
    }
    for (index, frames) in inputs {
        let words = format!("frames in {}", input(report, index));
        page.leaf("div", &[("class", "label")], &words)?;
        match frames.as_slice() {
            [only] => page.code(&format!("frame.number == {only}")),
            several => page.code(&format!("frame.number in {{{}}}", several.join(", "))),
        }?;
    }
    Ok(())
}
