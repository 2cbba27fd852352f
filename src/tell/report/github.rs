//! Annotations of GitHub Actions: workflow commands (`::error::`) on standard output of a step.
//!
//! One per claim, as a step shows ten of each kind at most: contradicted is an error, inconclusive
//! a warning, consistent a notice. Which traffic it was stands in the message as far as there is
//! room; the other formats have the rest. With `--annotate` they point at that line.
//!
//! Escaping is that of the runner (actions/runner, `ActionCommand.cs`): `%`, CR and LF everywhere,
//! `:` and `,` in properties. `##[` began commands of old and is broken up. Captured text can so
//! neither end a command nor begin one.

use super::anchor::Anchor;
use super::format::{Format, Setting};
use super::reasons::folded;
use super::v1::{Claim, Report};
use super::weight::{bearing, sessions};
use super::words::count;
use crate::ground::text;
use crate::judge::claim::Verdict;
use std::cmp::Reverse;
use std::io::{self, Write};

/// This format.
pub const FORMAT: Format = Format::new(
    "github",
    "annotations of a GitHub Actions step, one per claim",
);

/// Reasons and findings named in a message; a box of a few lines is shown.
const NAMED_MAX: usize = 3;
/// Columns of one of them.
const LINE_MAX: usize = 300;

/// Writes one workflow command per claim, the worst first.
///
/// # Errors
/// When the writer fails.
pub fn write(report: &Report, setting: &Setting<'_>, out: &mut dyn Write) -> io::Result<()> {
    let mut claims: Vec<&Claim> = report.claims.iter().collect();
    claims.sort_by_key(|claim| Reverse(claim.verdict));
    for claim in claims {
        command(report, claim, setting.anchor, out)?;
    }
    Ok(())
}

fn command(
    report: &Report,
    claim: &Claim,
    anchor: Option<&Anchor>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let kind = match claim.verdict {
        Verdict::Contradicted => "error",
        Verdict::Inconclusive => "warning",
        Verdict::Consistent => "notice",
    };
    let mut properties = Vec::new();
    // Without a place of the user's the runner puts it on the workflow itself.
    if anchor.is_some() || report.case.is_some() {
        let at = Anchor::of(report, anchor);
        properties.push(format!("file={}", property(&at.path)));
        properties.push(format!("line={}", at.line));
    }
    let title = format!("drone-audit: {} is {}", claim.id, claim.verdict);
    properties.push(format!("title={}", property(&title)));
    let message: Vec<String> = lines(report, claim).iter().map(|line| data(line)).collect();
    writeln!(
        out,
        "::{kind} {}::{}",
        properties.join(","),
        message.join("%0A")
    )
}

fn lines(report: &Report, claim: &Claim) -> Vec<String> {
    let mut lines = vec![format!("\"{}\" ({})", claim.statement, claim.source)];
    // What findings say stands in theirs.
    let reasons = folded(report, claim).into_iter();
    let reasons = reasons.filter(|reason| reason.findings.is_empty());
    let said = reasons.map(|reason| match reason.times {
        1 => format!("{}: {}", reason.id, reason.text),
        times => format!("{} ({times} times, the first): {}", reason.id, reason.text),
    });
    lines.extend(some(said.collect(), "reason"));
    let found = sessions(report).into_iter().flat_map(|session| {
        let its = session.report.claims.iter().find(|c| c.id == claim.id);
        its.map(|its| bearing(session.report, its))
            .unwrap_or_default()
    });
    let found = found.map(|(_, f)| {
        format!(
            "{}: {} ({}, {}, {} confidence)",
            f.rule, f.text, f.attribution, f.stage, f.confidence
        )
    });
    lines.extend(some(found.collect(), "finding"));
    if claim.verdict == Verdict::Consistent {
        lines.push("The captures were fit to show a contradiction and show none; it proves nothing beyond that.".to_owned());
    }
    lines
}

/// The first of a list, and how many more there are.
fn some(all: Vec<String>, what: &str) -> Vec<String> {
    let more = all.len().saturating_sub(NAMED_MAX);
    let mut kept: Vec<String> = all.into_iter().take(NAMED_MAX).collect();
    if more > 0 {
        kept.push(format!("and {}", count(more, &format!("more {what}"))));
    }
    kept
}

/// The message of a command: one line, whatever was captured.
fn data(line: &str) -> String {
    text::shorten(line, LINE_MAX)
        .replace('%', "%25")
        .replace("##[", "##%5B")
}

/// The value of a property.
fn property(value: &str) -> String {
    data(value).replace(':', "%3A").replace(',', "%2C")
}
