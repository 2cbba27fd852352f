//! The words of this report, each in a few others: the titles of `explain`, of the ids that occur.

use super::Part;
use super::markup::Page;
use crate::tell::explain::{IdKind, library};
use crate::tell::report::v1::Report;
use std::collections::BTreeSet;
use std::io;

/// The kinds that are listed, and what they are called here.
const KINDS: [(IdKind, &str); 8] = [
    (IdKind::Attribution, "Whose traffic it is"),
    (IdKind::Stage, "How far it went"),
    (IdKind::Scope, "Scopes of packets"),
    (IdKind::Rule, "Rules and reasons"),
    (IdKind::Gap, "Gaps"),
    (IdKind::Place, "How sure a country is"),
    (IdKind::HostSource, "Where a name comes from"),
    (IdKind::Confidence, "Confidence in a finding"),
];

/// The section.
pub(super) fn glossary(page: &mut Page<'_>, part: &Part<'_>) -> io::Result<()> {
    let mut used = BTreeSet::new();
    words(part.report, &mut used);
    let entries = library()
        .map(|library| library.entries())
        .unwrap_or_default();
    part.section(page, "glossary", "Words", |page| {
        page.tag("p", &[], |page| {
            page.text("The words of this report in short. The command ")?;
            page.leaf("code", &[], "drone-audit explain WORD")?;
            page.text(" says what raises each of them and how it can be wrong.")
        })?;
        page.fold("more", "The words", |page| {
            for (kind, title) in KINDS {
                let its: Vec<_> = entries
                    .iter()
                    .filter(|entry| entry.kind == kind && used.contains(&(kind, entry.id.as_str())))
                    .collect();
                if its.is_empty() {
                    continue;
                }
                part.heading(page, title)?;
                page.tag("dl", &[("class", "words")], |page| {
                    its.iter()
                        .try_for_each(|entry| page.term(&entry.id, |page| page.text(&entry.title)))
                })?;
            }
            Ok(())
        })
    })
}

/// The ids that occur.
fn words<'a>(report: &'a Report, used: &mut BTreeSet<(IdKind, &'a str)>) {
    let scopes = ["internet", "relayed", "unreadable", "local", "not_ip"];
    used.extend(scopes.map(|id| (IdKind::Scope, id)));
    for row in &report.destinations {
        used.insert((IdKind::Attribution, row.attribution.id()));
        used.insert((IdKind::Stage, row.stage.id()));
        used.insert((IdKind::Place, row.country_confidence.id()));
        used.extend(
            row.names
                .iter()
                .map(|name| (IdKind::HostSource, name.source.word())),
        );
    }
    for row in &report.lookups {
        used.insert((IdKind::Attribution, row.attribution.id()));
    }
    for row in &report.findings {
        used.insert((IdKind::Attribution, row.attribution.id()));
        used.insert((IdKind::Stage, row.stage.id()));
        used.insert((IdKind::Rule, &row.rule));
        used.insert((IdKind::Confidence, row.confidence.id()));
    }
    for reason in report.claims.iter().flat_map(|claim| &claim.reasons) {
        used.insert((IdKind::Rule, &reason.id));
        used.insert((IdKind::Gap, &reason.id));
    }
    for gap in &report.coverage.gaps {
        used.insert((IdKind::Gap, gap.id.word()));
    }
    for session in &report.sessions {
        words(session, used);
    }
}
