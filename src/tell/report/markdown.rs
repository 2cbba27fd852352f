//! The report as GitHub-flavoured Markdown: a job summary, a comment on a pull request, the annex
//! of a document.
//!
//! At most [`SIZE_MAX`] bytes, as comments hold 65,536 characters: lists end with "and N more",
//! what accuses last, and the verdicts, reasons and the digest are always there.
//!
//! What a capture says stands in code spans ([`code`]), where GitHub makes no link, mention or
//! formatting of it; backticks and pipes, the only two characters that could end one (or a cell),
//! are written as `\u{60}` and `\u{7c}`. Sentences of ours that may repeat such text pass
//! [`prose`].

use super::format::{Format, Setting};
use super::headline::headline;
use super::reasons;
use super::v1::{Claim, Destination, Finding, Gap, Lookup, Report};
use super::weight::{Weight, bearing, sessions};
use super::words::{count, meaning_of_all, opened, rank};
use crate::ground::text;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Write};

/// This format.
pub const FORMAT: Format = Format::new(
    "markdown",
    "job summaries, comments on pull requests, annexes (at most 65 kB)",
);

/// Most bytes of the whole: what a comment on GitHub holds (65,536 characters), less some room for
/// what a pipeline puts around it.
pub const SIZE_MAX: usize = 64_000;
/// Bytes kept free for "and N more" and the last lines.
const RESERVE: usize = 8_000;
/// Bytes of those that are kept for the last lines alone: names, hashes, the digest.
const FOOTER: usize = 6_000;
/// Columns of captured text in a cell, and of a sentence.
const CELL_MAX: usize = 120;
const SENTENCE_MAX: usize = 600;
/// Rows of a table; a summary is skimmed.
const ROWS_MAX: usize = 50;
/// Claims and sessions with a part of their own.
const PARTS_MAX: usize = 40;
/// Findings named at a reason.
const NUMBERS_MAX: usize = 12;
/// Reasons listed of a claim.
const REASONS_MAX: usize = 10;

/// Writes the page.
///
/// # Errors
/// When the writer fails.
pub fn write(report: &Report, _: &Setting<'_>, out: &mut dyn Write) -> io::Result<()> {
    let mut page = Page::default();
    summary(&mut page, report);
    let sessions = sessions(report);
    for session in sessions.iter().take(PARTS_MAX) {
        let report = session.report;
        if let Some(number) = session.number {
            let files: Vec<&str> = report.inputs.iter().map(|i| i.path.as_str()).collect();
            let files = code(&files.join(", "), SENTENCE_MAX);
            page.part(&format!(
                "\n## Session {number}: {files}, {}\n",
                prose(report.verdict.id())
            ));
        }
        for claim in report.claims.iter().take(PARTS_MAX) {
            of_claim(&mut page, report, claim);
        }
        gaps(&mut page, &report.coverage.gaps);
        destinations(&mut page, &report.destinations);
        lookups(&mut page, &report.lookups);
    }
    page.more(sessions.len(), PARTS_MAX, "session");
    footer(&mut page, report);
    out.write_all(page.text.as_bytes())
}

/// Text that knows how much room is left.
#[derive(Default)]
struct Page {
    text: String,
    /// Something did not fit.
    cut: bool,
}

impl Page {
    fn fits(&self, more: usize) -> bool {
        let used = self.text.len().saturating_add(more);
        used.saturating_add(RESERVE) <= SIZE_MAX
    }

    /// Adds a part if there is room for it.
    fn part(&mut self, part: &str) -> bool {
        let fits = self.fits(part.len());
        if fits {
            self.text.push_str(part);
        }
        self.cut |= !fits;
        fits
    }

    /// Adds a table: as many rows as fit, then how many are left out.
    fn table<T>(
        &mut self,
        title: &str,
        head: &[&str],
        what: &str,
        rows: &[T],
        cells: impl Fn(&T) -> Vec<String>,
    ) {
        if rows.is_empty() {
            return;
        }
        let rule = vec!["---"; head.len()].join(" | ");
        let title = if title.is_empty() {
            String::new()
        } else {
            format!("\n{title}\n")
        };
        let head = format!("{title}\n| {} |\n| {rule} |\n", head.join(" | "));
        if !self.part(&head) {
            return;
        }
        let mut shown = 0usize;
        for row in rows.iter().take(ROWS_MAX) {
            if !self.part(&format!("| {} |\n", cells(row).join(" | "))) {
                break;
            }
            shown = shown.saturating_add(1);
        }
        self.more(rows.len(), shown, what);
    }

    fn more(&mut self, all: usize, shown: usize, what: &str) {
        let more = all.saturating_sub(shown);
        if more > 0 {
            let line = format!("\n… and {}.\n", count(more, &format!("more {what}")));
            let used = self.text.len().saturating_add(line.len());
            if used.saturating_add(FOOTER) <= SIZE_MAX {
                self.text.push_str(&line);
            } else {
                self.cut = true;
            }
        }
    }
}

/// Captured text: a code span on one line.
fn code(text: &str, most: usize) -> String {
    if text.is_empty() {
        return "–".to_owned();
    }
    span(&text::shorten(text, most))
}

/// A host name: its end is kept.
fn host(name: &str) -> String {
    span(&text::shorten_host(name, CELL_MAX))
}

/// Escaped text in a code span.
fn span(escaped: &str) -> String {
    let inert = escaped.replace('`', r"\u{60}").replace('|', r"\u{7c}");
    // A blank at both ends would be taken off, and one that is all blanks is none.
    format!("`{}`", inert.trim_matches(' '))
}

/// A sentence that may hold captured text: punctuation means nothing, and what GitHub turns into
/// mentions, references and links is broken up.
fn prose(text: &str) -> String {
    let text = text::shorten(text, SENTENCE_MAX);
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(c) = rest.chars().next() {
        let behind = |word: &str| {
            let start = out.len().checked_sub(word.len());
            let end = start.and_then(|start| out.get(start..));
            end.is_some_and(|end| end.eq_ignore_ascii_case(word))
        };
        let tail = rest.get(c.len_utf8()..).unwrap_or_default();
        match c {
            // In code there are no mentions and no references to issues.
            '@' | '#' => {
                let _ = write!(out, "`{c}`");
            }
            '-' if behind("gh") => out.push_str("`-`"),
            '.' if behind("www") => out.push_str("\\."),
            ' ' | ',' | '.' | '-' | '\'' | '/' | '%' | ';' | '?' => out.push(c),
            ':' if !tail.starts_with('/') => out.push(c),
            // A reference keeps it from ending a cell on every renderer.
            '|' => out.push_str("&vert;"),
            // So every backtick that is written is one of ours.
            '`' => out.push_str("&grave;"),
            c if c.is_ascii_punctuation() => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
        rest = tail;
    }
    out
}

fn summary(page: &mut Page, report: &Report) {
    let verdict = report.verdict;
    let said = headline(report).unwrap_or_else(|| meaning_of_all(verdict).to_owned());
    page.part(&format!(
        "# drone-audit: {}\n\n{}\n",
        prose(verdict.id()),
        prose(&said)
    ));
    page.table(
        "",
        &["claim", "verdict", "findings", "why"],
        "claim",
        &report.claims,
        |claim| {
            let why = reasons::folded(report, claim);
            let why = why.iter().take(REASONS_MAX);
            let why: Vec<String> = why.map(|reason| code(reason.id, CELL_MAX)).collect();
            vec![
                code(&claim.id, CELL_MAX),
                format!("**{}**", prose(claim.verdict.id())),
                claim.findings.len().to_string(),
                why.join(" "),
            ]
        },
    );
}

fn of_claim(page: &mut Page, report: &Report, claim: &Claim) {
    let mut part = format!(
        "\n### {}: {}\n\n> {}\n> ({})\n",
        code(&claim.id, CELL_MAX),
        prose(claim.verdict.id()),
        prose(&claim.statement),
        prose(&claim.source)
    );
    if !claim.reasons.is_empty() {
        part.push('\n');
    }
    let folded = reasons::folded(report, claim);
    for reason in folded.iter().take(REASONS_MAX) {
        let words = match reason.findings.as_slice() {
            [] => prose(reason.text),
            // The findings below say it.
            _ => reason.numbers(NUMBERS_MAX),
        };
        let id = code(reason.id, CELL_MAX);
        let _ = match reason.times {
            1 => writeln!(part, "- {id}: {words}"),
            _ if !reason.findings.is_empty() => writeln!(part, "- {id}: {words}"),
            times => writeln!(part, "- {id} ({times} times, the first): {words}"),
        };
    }
    let more = folded.len().saturating_sub(REASONS_MAX);
    if more > 0 {
        let _ = writeln!(part, "- … and {more} more");
    }
    page.part(&part);
    let findings = bearing(report, claim);
    let places: BTreeMap<&str, usize> = report
        .findings
        .iter()
        .enumerate()
        .map(|(at, finding)| (finding.id.as_str(), at))
        .collect();
    let head = [
        "",
        "weight",
        "attribution",
        "stage",
        "confidence",
        "finding",
        "frames",
    ];
    page.table(
        "Findings:",
        &head,
        "finding",
        &findings,
        |(weight, finding)| {
            let place = places.get(finding.id.as_str());
            vec![
                place.map_or_else(String::new, |at| reasons::number(*at)),
                weigh(*weight, finding),
                prose(finding.attribution.id()),
                prose(finding.stage.id()),
                prose(finding.confidence.id()),
                format!("{} {}", code(&finding.rule, CELL_MAX), prose(&finding.text)),
                frames(finding),
            ]
        },
    );
}

fn weigh(weight: Weight, finding: &Finding) -> String {
    match (weight, &finding.allowed) {
        (_, Some(id)) => format!("allowed by {}", code(id, CELL_MAX)),
        (Weight::Contradicts, _) => "contradicts".to_owned(),
        (Weight::Grace, _) => "in a grace".to_owned(),
        _ => "suspect".to_owned(),
    }
}

/// The first frames, as `input:frame`.
fn frames(finding: &Finding) -> String {
    const FRAMES_MAX: usize = 3;
    let first = finding.frames.iter().take(FRAMES_MAX);
    let mut all: Vec<String> = first.map(|f| format!("{}:{}", f.input, f.frame)).collect();
    if finding.frames.len() > FRAMES_MAX {
        all.push("…".to_owned());
    }
    all.join(" ")
}

fn gaps(page: &mut Page, gaps: &[Gap]) {
    page.table(
        "What the captures could not show:",
        &["gap", "forbids consistent", "meaning"],
        "gap",
        &reasons::gaps(gaps.iter()),
        |of| {
            let blocks = if of.first.blocking { "yes" } else { "no" };
            vec![
                code(of.first.id.word(), CELL_MAX),
                blocks.to_owned(),
                prose(&of.text()),
            ]
        },
    );
}

fn destinations(page: &mut Page, destinations: &[Destination]) {
    let mut rows: Vec<&Destination> = destinations.iter().collect();
    rows.sort_by_key(|d| rank(d.attribution));
    let head = [
        "destination",
        "attribution",
        "stage",
        "place",
        "bytes out",
        "bytes in",
    ];
    page.table(
        "Destinations, over the whole capture:",
        &head,
        "destination",
        &rows,
        |d| {
            let name = match (&d.host, &d.ip, &d.via) {
                (Some(name), ..) => host(name),
                (None, Some(ip), _) => code(ip, CELL_MAX),
                (None, None, Some(via)) => format!("behind {}", code(&via.ip, CELL_MAX)),
                (None, None, None) => "–".to_owned(),
            };
            let port = d
                .port
                .map(|port| format!(" port {port}"))
                .unwrap_or_default();
            let sure = prose(d.country_confidence.id());
            let place = match d.country.as_deref() {
                Some(country) => format!("{} ({sure})", prose(country)),
                None => sure,
            };
            let opened = opened(d).map(|words| format!(", {}", prose(&words)));
            vec![
                format!("{name}{port}{}", opened.unwrap_or_default()),
                prose(d.attribution.id()),
                prose(d.stage.id()),
                place,
                d.bytes_out.to_string(),
                d.bytes_in.to_string(),
            ]
        },
    );
}

fn lookups(page: &mut Page, lookups: &[Lookup]) {
    let mut rows: Vec<&Lookup> = lookups.iter().collect();
    rows.sort_by_key(|l| rank(l.attribution));
    page.table(
        "Lookups:",
        &["name", "attribution", "resolver", "count"],
        "lookup",
        &rows,
        |l| {
            vec![
                host(&l.name),
                prose(l.attribution.id()),
                code(&l.resolver, CELL_MAX),
                l.count.to_string(),
            ]
        },
    );
}

/// Always there: [`FOOTER`] is kept for it.
fn footer(page: &mut Page, report: &Report) {
    const INPUTS_MAX: usize = 5;
    if page.cut {
        page.text
            .push_str("\nCut to the size of a comment: the JSON report has everything.\n");
    }
    page.text.push_str("\n---\n");
    for input in report.inputs.iter().take(INPUTS_MAX) {
        let hash = match &input.sha256 {
            Some(hash) => format!("SHA-256 {}", code(hash, CELL_MAX)),
            None => "not hashed".to_owned(),
        };
        let _ = writeln!(
            page.text,
            "- {}: {} packets, {hash}",
            code(&input.path, CELL_MAX),
            input.packets
        );
    }
    let more = report.inputs.len().saturating_sub(INPUTS_MAX);
    if more > 0 {
        let _ = writeln!(page.text, "- … and {more} more inputs");
    }
    for option in &report.scope.softened {
        let _ = writeln!(
            page.text,
            "- exit code softened by {}",
            code(option, CELL_MAX)
        );
    }
    let _ = writeln!(
        page.text,
        "- {} {}, report digest {}",
        prose(&report.tool.name),
        prose(&report.tool.version),
        code(&report.digest, CELL_MAX)
    );
}
