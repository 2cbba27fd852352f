//! The words of this report, each in a few others: the titles of `explain`, of the ids that occur.

use super::Part;
use super::markup::Page;
use crate::tell::explain::{Kind, library};
use crate::tell::report::v1::Report;
use std::collections::BTreeSet;
use std::io;

/// The kinds that are listed, and what they are called here.
const KINDS: [(Kind, &str); 8] = [
    (Kind::Attribution, "Whose traffic it is"),
    (Kind::Stage, "How far it went"),
    (Kind::Scope, "Scopes of packets"),
    (Kind::Rule, "Rules and reasons"),
    (Kind::Gap, "Gaps"),
    (Kind::Place, "How sure a country is"),
    (Kind::HostSource, "Where a name comes from"),
    (Kind::Confidence, "Confidence in a finding"),
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
fn words<'a>(report: &'a Report, used: &mut BTreeSet<(Kind, &'a str)>) {
    let scopes = ["internet", "relayed", "unreadable", "local", "not_ip"];
    used.extend(scopes.map(|id| (Kind::Scope, id)));
    for row in &report.destinations {
        used.insert((Kind::Attribution, row.attribution.id()));
        used.insert((Kind::Stage, row.stage.id()));
        used.insert((Kind::Place, row.country_confidence.id()));
        used.extend(
            row.names
                .iter()
                .map(|name| (Kind::HostSource, name.source.word())),
        );
    }
    for row in &report.lookups {
        used.insert((Kind::Attribution, row.attribution.id()));
    }
    for row in &report.findings {
        used.insert((Kind::Attribution, row.attribution.id()));
        used.insert((Kind::Stage, row.stage.id()));
        used.insert((Kind::Rule, &row.rule));
        used.insert((Kind::Confidence, row.confidence.id()));
    }
    for reason in report.claims.iter().flat_map(|claim| &claim.reasons) {
        used.insert((Kind::Rule, &reason.id));
        used.insert((Kind::Gap, &reason.id));
    }
    for gap in &report.coverage.gaps {
        used.insert((Kind::Gap, gap.id.word()));
    }
    for session in &report.sessions {
        words(session, used);
    }
}
