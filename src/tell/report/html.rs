//! The report as one HTML page that can be handed on: no script, no network, nothing beside it.
//!
//! HTML Living Standard with inline SVG. Folding is `<details>`, bars and the time line are SVG
//! with lengths in percent, so that the page is whole on a phone, on paper and for a screen
//! reader. A Content-Security-Policy in the page forbids every load and every style but its own,
//! named by its SHA-256 (CSP Level 3, section 6.7.3): what a captured name smuggled in could
//! neither run nor call home. All text of the capture passes the one escaping of [`markup`].
//!
//! Nothing is decided here and nothing is known that the JSON report does not say, but the texts
//! of `explain`. The same report gives the same bytes; what stands in `report.run` is written in
//! one place, the last part of the chain of custody.
//!
//! Cannot hold back a reader who edits the page: what counts is the JSON report with its digest,
//! which `verify` reproduces.

mod case;
mod coverage;
mod custody;
mod destinations;
mod evidence;
mod folding;
mod glossary;
mod icon;
mod lookups;
mod map;
pub(in crate::tell) mod markup;
mod scope;
mod sessions;
mod signature;
mod summary;
#[cfg(test)]
mod tests;
mod timeline;
mod verdict;

use super::format::{Format, Setting};
use super::v1::Report;
use crate::tell::report::words;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use markup::Page;
use sha2::{Digest, Sha256};
use std::io::{self, Write};

/// This format.
pub const FORMAT: Format = Format::new("html", "a page of its own to read, print and hand on");

/// The only style of the page.
pub(in crate::tell) const STYLE: &str = include_str!("html/style.css");

/// Writes the report as a page of its own.
///
/// # Errors
/// When `out` cannot be written to.
pub fn write(report: &Report, _: &Setting<'_>, out: &mut dyn Write) -> io::Result<()> {
    let mut page = Page::new(out);
    page.raw("<!DOCTYPE html>\n")?;
    page.tag("html", &[("lang", "en")], |page| {
        head(page, report)?;
        page.tag("body", &[], |page| body(page, report))
    })
}

/// A report, and where on the page it stands: a session stands deeper than the whole.
struct Part<'a> {
    report: &'a Report,
    /// Before every `id` of the part, so that sessions do not share any.
    prefix: String,
    /// Level of the headings of its sections.
    level: u8,
}

impl Part<'_> {
    /// An `id` of the page.
    fn id(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    /// A link to an `id`.
    fn link(&self, name: &str) -> String {
        format!("#{}{name}", self.prefix)
    }

    /// True for the report itself.
    fn whole(&self) -> bool {
        self.prefix.is_empty()
    }

    /// A section with its heading. Those of the whole report are landmarks.
    fn section(
        &self,
        page: &mut Page<'_>,
        name: &str,
        title: &str,
        inside: impl FnOnce(&mut Page<'_>) -> io::Result<()>,
    ) -> io::Result<()> {
        let id = self.id(name);
        let labelled = [("class", name), ("aria-labelledby", id.as_str())];
        let attributes = labelled.get(..if self.whole() { 2 } else { 1 });
        page.tag("section", attributes.unwrap_or_default(), |page| {
            page.heading(self.level, Some(&id), title)?;
            inside(page)
        })
    }

    /// A heading inside a section.
    fn heading(&self, page: &mut Page<'_>, title: &str) -> io::Result<()> {
        self.heading_with(page, |page| page.text(title))
    }

    /// A heading inside a section that is more than text.
    fn heading_with(
        &self,
        page: &mut Page<'_>,
        inside: impl FnOnce(&mut Page<'_>) -> io::Result<()>,
    ) -> io::Result<()> {
        page.tag(markup::heading(self.level.saturating_add(1)), &[], inside)
    }
}

/// What a page may load and run: nothing but its own style, of these parts.
pub(in crate::tell) fn policy(style: &[&str]) -> String {
    let mut hash = Sha256::new();
    style.iter().for_each(|part| hash.update(part));
    format!(
        "default-src 'none'; style-src 'sha256-{}'; base-uri 'none'; form-action 'none'",
        BASE64.encode(hash.finalize())
    )
}

fn head(page: &mut Page<'_>, report: &Report) -> io::Result<()> {
    let policy = policy(&[STYLE]);
    page.tag("head", &[], |page| {
        page.void("meta", &[("charset", "utf-8")])?;
        page.void(
            "meta",
            &[
                ("http-equiv", "Content-Security-Policy"),
                ("content", &policy),
            ],
        )?;
        for (name, content) in [
            ("viewport", "width=device-width, initial-scale=1"),
            ("color-scheme", "light dark"),
            ("referrer", "no-referrer"),
            ("robots", "noindex"),
        ] {
            page.void("meta", &[("name", name), ("content", content)])?;
        }
        let title = format!("{}: {}", report.verdict, words::title(report));
        page.leaf("title", &[], &title)?;
        page.raw("<style>")?;
        page.raw(STYLE)?;
        page.raw("</style>\n")
    })
}

fn body(page: &mut Page<'_>, report: &Report) -> io::Result<()> {
    let part = Part {
        report,
        prefix: String::new(),
        level: 2,
    };
    page.leaf(
        "a",
        &[("class", "skip"), ("href", "#verdict")],
        "Skip to the verdict",
    )?;
    page.tag("header", &[], |page| {
        page.leaf("p", &[("class", "kicker")], "drone-audit report")?;
        page.heading(1, None, &words::title(report))?;
        verdict::facts(page, report)
    })?;
    page.tag("main", &[], |page| {
        verdict::verdict(page, &part)?;
        contents(page, report)?;
        if report.sessions.is_empty() {
            sections(page, &part)?;
        } else {
            sessions::sessions(page, &part)?;
            coverage::limits(page, &part)?;
            scope::scope(page, &part)?;
        }
        glossary::glossary(page, &part)?;
        custody::custody(page, &part)?;
        signature::signature(page, &part)
    })
}

/// What is known of one session, in the order in which a reader doubts it.
fn sections(page: &mut Page<'_>, part: &Part<'_>) -> io::Result<()> {
    timeline::timeline(page, part)?;
    evidence::evidence(page, part)?;
    summary::summary(page, part)?;
    destinations::destinations(page, part)?;
    lookups::lookups(page, part)?;
    coverage::coverage(page, part)?;
    coverage::limits(page, part)?;
    scope::scope(page, part)?;
    match &part.report.case {
        Some(case) => case::case(page, part, case),
        None => Ok(()),
    }
}

/// Links to the sections that the page has.
fn contents(page: &mut Page<'_>, report: &Report) -> io::Result<()> {
    let single = report.sessions.is_empty();
    let sections = [
        ("timeline", "Time line", single),
        ("evidence", "Evidence", single),
        ("summary", "Traffic in sum", single),
        ("destinations", "Destinations", single),
        ("lookups", "Lookups", single),
        ("coverage", "Coverage", single),
        ("limits", "Limits", !report.limits.is_empty()),
        ("sessions", "Sessions", !single),
        ("scope", "Scope", true),
        ("case", "Case file", single && report.case.is_some()),
        ("glossary", "Words", true),
        ("custody", "Chain of custody", true),
        ("signature", "Sign-off", true),
    ];
    page.tag("nav", &[("aria-label", "Contents")], |page| {
        page.tag("ul", &[], |page| {
            for (name, title, there) in sections {
                if there {
                    page.tag("li", &[], |page| {
                        page.leaf("a", &[("href", &format!("#{name}"))], title)
                    })?;
                }
            }
            Ok(())
        })
    })
}
