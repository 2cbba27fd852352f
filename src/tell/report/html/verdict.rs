//! The verdict, the claims in words, and why: what a reader takes away who reads nothing else.

use super::Part;
use super::icon::{chip, icon};
use super::markup::Page;
use crate::judge::claim::Verdict;
use crate::tell::explain::{IdKind, library};
use crate::tell::report::headline::headline;
use crate::tell::report::reasons::{self, Folded};
use crate::tell::report::v1::{Claim, Report, Silence};
use crate::tell::report::words;
use crate::tell::report::words::{Sense, count};
use std::collections::BTreeSet;
use std::io;

/// Reasons shown at once: several sessions bring theirs together.
const REASONS_OPEN: usize = 12;
/// Findings linked from a reason.
const NUMBERS_MAX: usize = 24;

/// The numbers of the whole report in one line.
pub(super) fn facts(page: &mut Page<'_>, report: &Report) -> io::Result<()> {
    let packets = report
        .inputs
        .iter()
        .fold(0u64, |sum, input| sum.saturating_add(input.packets));
    // Written alike by the report, so that the order of the letters is that of time.
    let first = report
        .inputs
        .iter()
        .filter_map(|i| i.first.as_deref())
        .min();
    let last = report.inputs.iter().filter_map(|i| i.last.as_deref()).max();
    page.tag("dl", &[("class", "facts")], |page| {
        page.term("Captured", |page| page.span(first, last))?;
        page.term("Captures", |page| {
            page.text(&report.inputs.len().to_string())
        })?;
        page.term("Packets", |page| page.text(&packets.to_string()))?;
        if !report.sessions.is_empty() {
            return page.term("Sessions", |page| {
                page.text(&report.sessions.len().to_string())
            });
        }
        let blocking = report
            .coverage
            .gaps
            .iter()
            .filter(|gap| gap.blocking)
            .count();
        page.term("Findings", |page| {
            page.text(&report.findings.len().to_string())
        })?;
        page.term("Blocking gaps", |page| page.text(&blocking.to_string()))
    })
}

/// The verdict over all claims, and every claim.
pub(super) fn verdict(page: &mut Page<'_>, part: &Part<'_>) -> io::Result<()> {
    let report = part.report;
    let sense = Sense::from(report.verdict);
    let id = part.id("verdict");
    let class = format!("verdict {}", sense.class());
    let mut attributes = vec![("class", class.as_str())];
    if part.whole() {
        attributes.push(("aria-labelledby", id.as_str()));
    }
    page.tag("section", &attributes, |page| {
        page.tag("div", &[("class", "banner")], |page| {
            icon(page, sense)?;
            page.tag("div", &[], |page| {
                let title = format!("Verdict: {}", report.verdict);
                page.heading(part.level, Some(&id), &title)?;
                if let Some(told) = headline(report) {
                    page.leaf("p", &[("class", "headline")], &told)?;
                }
                match report.claims.as_slice() {
                    [] => page.p("No claim was judged."),
                    [only] => {
                        statement(page, only)?;
                        page.p(words::meaning(only.verdict))
                    }
                    several => brief(page, several),
                }
            })
        })?;
        match report.claims.as_slice() {
            [only] => claim(page, part, only),
            several => several.iter().try_for_each(|one| {
                page.tag("article", &[("class", "claim")], |page| {
                    page.heading(part.level.saturating_add(1), None, &one.id)?;
                    page.tag("p", &[], |page| {
                        chip(page, one.verdict.into(), one.verdict.id())?;
                        page.text(" ")?;
                        page.text(words::meaning(one.verdict))
                    })?;
                    statement(page, one)?;
                    claim(page, part, one)
                })
            }),
        }
    })
}

/// Several claims, each in a line.
fn brief(page: &mut Page<'_>, claims: &[Claim]) -> io::Result<()> {
    page.p(&format!(
        "The worst over {}: {}.",
        count(claims.len(), "claim"),
        words::tally(claims.iter().map(|claim| claim.verdict))
    ))?;
    page.tag("ul", &[("class", "brief")], |page| {
        claims.iter().try_for_each(|claim| {
            page.tag("li", &[], |page| {
                chip(page, claim.verdict.into(), claim.verdict.id())?;
                page.text(" ")?;
                page.text(&claim.statement)
            })
        })
    })
}

fn statement(page: &mut Page<'_>, claim: &Claim) -> io::Result<()> {
    page.tag("blockquote", &[], |page| {
        // Not in quotes: some statements quote, and some are put together.
        page.p(&claim.statement)?;
        let id = match &claim.preset {
            Some(preset) => format!("{}, preset {preset}", claim.id),
            None => claim.id.clone(),
        };
        page.tag("p", &[("class", "source")], |page| {
            page.text("Statement tested: ")?;
            page.code(&id)?;
            page.text(". Source: ")?;
            page.text(&claim.source)
        })
    })
}

fn claim(page: &mut Page<'_>, part: &Part<'_>, claim: &Claim) -> io::Result<()> {
    page.tag("div", &[("class", "why")], |page| {
        // Below the claim's own heading where there are several.
        let deeper = u8::from(part.report.claims.len() > 1);
        let level = part.level.saturating_add(1).saturating_add(deeper);
        page.heading(level, None, "Why")?;
        reasons(page, part, claim)?;
        findings(page, part, claim)?;
        if let (Some(silence), Verdict::Consistent) = (&claim.silence, claim.verdict) {
            page.heading(level, None, "How strong is this consistent verdict?")?;
            worth(page, silence)?;
        }
        if let Some(next) = &claim.next_capture {
            page.heading(level, None, "What could still overturn it")?;
            page.p(next)?;
        }
        if !claim.not_testable.is_empty() {
            page.heading(level, None, "What packets can never show of it")?;
            page.list(&claim.not_testable)?;
        }
        if claim.parameters.is_empty() {
            return Ok(());
        }
        page.fold(
            "more",
            "Numbers and lists that the verdict depends on",
            |page| {
                page.tag("dl", &[("class", "facts")], |page| {
                    claim
                        .parameters
                        .iter()
                        .try_for_each(|(name, value)| page.term(name, |page| page.text(value)))
                })
            },
        )
    })
}

fn reasons(page: &mut Page<'_>, part: &Part<'_>, claim: &Claim) -> io::Result<()> {
    if claim.reasons.is_empty() {
        return page.p(words::without_reason(claim.verdict));
    }
    let folded = reasons::folded(part.report, claim);
    let (open, rest) = folded
        .split_at_checked(REASONS_OPEN)
        .unwrap_or((&folded, &[]));
    let list = |page: &mut Page<'_>, reasons: &[Folded<'_>]| {
        page.tag("ul", &[("class", "reasons")], |page| {
            reasons
                .iter()
                .try_for_each(|reason| page.tag("li", &[], |page| self::reason(page, part, reason)))
        })
    };
    list(page, open)?;
    if rest.is_empty() {
        return Ok(());
    }
    page.fold("more", &count(rest.len(), "more reason"), |page| {
        list(page, rest)
    })
}

/// A reason: its findings where those say it, else its words.
fn reason(page: &mut Page<'_>, part: &Part<'_>, reason: &Folded<'_>) -> io::Result<()> {
    page.leaf("code", &[], reason.id)?;
    page.text(" ")?;
    // The evidence of each session stands in its own part.
    if !reason.findings.is_empty() && part.report.sessions.is_empty() {
        if let Some(title) = title(reason.id) {
            page.text(&format!("{title}: "))?;
        }
        for (index, at) in reason.findings.iter().take(NUMBERS_MAX).enumerate() {
            if index > 0 {
                page.text(", ")?;
            }
            let number = reasons::number(*at);
            page.leaf("a", &[("href", &part.link(&number))], &number)?;
        }
        return match reason.findings.len().saturating_sub(NUMBERS_MAX) {
            0 => Ok(()),
            more => page.text(&format!(" and {more} more")),
        };
    }
    page.text(reason.text)?;
    match reason.times {
        1 => Ok(()),
        times => page.small(&format!("the first of {times}")),
    }
}

/// The title that `explain` gives to a rule.
fn title(rule: &str) -> Option<&'static str> {
    let entries = library().ok()?.entries().iter();
    let mut its = entries.filter(|entry| entry.kind == IdKind::Rule && entry.id == rule);
    its.next().map(|entry| entry.title.as_str())
}

fn findings(page: &mut Page<'_>, part: &Part<'_>, claim: &Claim) -> io::Result<()> {
    // Each session has its own.
    if !part.report.sessions.is_empty() {
        return Ok(());
    }
    let ids: BTreeSet<&String> = claim.findings.iter().collect();
    let findings = part.report.findings.iter();
    let bearing = findings.filter(|finding| ids.contains(&finding.id)).count();
    if bearing == 0 {
        return Ok(());
    }
    let words = count(bearing, "finding");
    page.tag("p", &[], |page| {
        page.leaf("a", &[("href", &part.link("evidence"))], &words)?;
        page.text(" with frames and display filters.")
    })
}

fn worth(page: &mut Page<'_>, silence: &Silence) -> io::Result<()> {
    page.tag("dl", &[("class", "facts")], |page| {
        page.term("Time in the windows", |page| {
            page.text(&words::seconds(silence.window_seconds))?;
            page.small("grace time left out")
        })?;
        page.term("App or drone seen at work", |page| {
            page.text(&words::seconds(silence.exposure_seconds))?;
            page.small("in ten-second slots")
        })?;
        page.term("Contacts still possible", |page| {
            match silence.rate_upper_per_hour {
                Some(rate) => {
                    page.text(&format!("at most {} per hour", words::number(rate)))?;
                    page.small("the highest rate that no contact in that time leaves open, at 95 %")
                }
                None if silence.exposure_seconds > 0.0 => {
                    page.text("no rate: the claim is not about contacts as such")
                }
                None => page.text("no bound: the app or the drone was not seen at work"),
            }
        })?;
        let Some(contrast) = &silence.contrast else {
            return Ok(());
        };
        page.term("Against the baseline", |page| {
            page.text(&format!(
                "probability {}",
                words::number(contrast.probability)
            ))?;
            page.small(&format!(
                "of no contact in {} of windows, had the mode done nothing: the baseline shows {} in {}",
                words::seconds(contrast.window_seconds),
                count(contrast.bursts, "burst"),
                words::seconds(contrast.baseline_seconds),
            ))
        })
    })?;
    if !silence.phases.is_empty() {
        let heads = ["Phase", "App or drone seen at work"];
        page.table("two", "The same by declared phase", &heads, |page| {
            silence.phases.iter().try_for_each(|phase| {
                page.row(&[], |page| {
                    page.name(|page| page.text(&phase.phase))?;
                    page.cell_text(&words::seconds(phase.exposure_seconds))
                })
            })
        })?;
    }
    if silence.assumptions.is_empty() {
        return Ok(());
    }
    page.p("These numbers rest on:")?;
    page.list(&silence.assumptions)
}
