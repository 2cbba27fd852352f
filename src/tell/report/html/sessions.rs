//! With `--each`: a table of the sessions, then each one's report in a fold.

use super::icon::chip;
use super::markup::Page;
use super::{Part, verdict};
use crate::tell::report::v1::Report;
use crate::tell::report::words;
use crate::tell::report::words::count;
use std::io;

/// The section.
pub(super) fn sessions(page: &mut Page<'_>, part: &Part<'_>) -> io::Result<()> {
    let sessions = &part.report.sessions;
    part.section(page, "sessions", "Sessions", |page| {
        let verdicts = sessions.iter().map(|session| session.verdict);
        page.p(&format!(
            "{}, each judged alone: {}.",
            count(sessions.len(), "session"),
            words::tally(verdicts)
        ))?;
        let heads = ["Session", "Verdict", "Captures", "Packets", "Findings"];
        page.table(
            "session-list",
            "Sessions and their verdicts",
            &heads,
            |page| {
                sessions
                    .iter()
                    .enumerate()
                    .try_for_each(|(index, session)| row(page, part, index, session))
            },
        )?;
        sessions
            .iter()
            .enumerate()
            .try_for_each(|(index, session)| whole(page, part, index, session))
    })
}

fn name(index: usize) -> String {
    format!("session-{}", index.saturating_add(1))
}

fn row(page: &mut Page<'_>, part: &Part<'_>, index: usize, session: &Report) -> io::Result<()> {
    page.row(&[], |page| {
        page.name(|page| {
            let words = index.saturating_add(1).to_string();
            page.leaf("a", &[("href", &part.link(&name(index)))], &words)
        })?;
        page.cell(|page| chip(page, session.verdict.into(), session.verdict.id()))?;
        page.cell_text(&captures(session))?;
        let packets = session
            .inputs
            .iter()
            .fold(0u64, |sum, input| sum.saturating_add(input.packets));
        page.cell_text(&packets.to_string())?;
        page.cell_text(&session.findings.len().to_string())
    })
}

fn captures(session: &Report) -> String {
    let names: Vec<&str> = session.inputs.iter().map(|i| i.path.as_str()).collect();
    names.join(", ")
}

fn whole(page: &mut Page<'_>, part: &Part<'_>, index: usize, session: &Report) -> io::Result<()> {
    let inside = Part {
        report: session,
        prefix: format!("{}{}-", part.prefix, name(index)),
        level: part.level.saturating_add(2),
    };
    let title = format!("Session {}: {}", index.saturating_add(1), captures(session));
    page.tag("details", &[("class", "session")], |page| {
        page.tag("summary", &[], |page| {
            page.heading(
                part.level.saturating_add(1),
                Some(&part.id(&name(index))),
                &title,
            )?;
            chip(page, session.verdict.into(), session.verdict.id())
        })?;
        verdict::verdict(page, &inside)?;
        super::sections(page, &inside)?;
        page.tag("p", &[], |page| {
            page.text("Digest of this session: ")?;
            page.code(&session.digest)
        })
    })
}
