//! Which names were asked for.

use super::folding::folded;
use super::markup::Page;
use super::{Part, destinations, evidence};
use crate::tell::report::v1::Lookup;
use crate::tell::report::words;
use std::io;

/// The section.
pub(super) fn lookups(page: &mut Page<'_>, part: &Part<'_>) -> io::Result<()> {
    part.section(page, "lookups", "Lookups", |page| {
        let rows = part.report.lookups.as_slice();
        if rows.is_empty() {
            return page.p("No readable lookup was seen.");
        }
        page.p("Names asked for in the whole capture.")?;
        for (id, rows) in words::by_attribution(rows, |row| row.attribution) {
            destinations::group(page, part, id)?;
            folded(page, &rows, "lookup", |page, rows, words| {
                let heads = ["Name", "Asked of", "Times", "First frame", "Answers"];
                page.table("lookup", &format!("{id}: {words}"), &heads, |page| {
                    rows.iter().try_for_each(|row| lookup(page, part, row))
                })
            })?;
        }
        Ok(())
    })
}

fn lookup(page: &mut Page<'_>, part: &Part<'_>, row: &Lookup) -> io::Result<()> {
    page.row(&[], |page| {
        page.name(|page| {
            page.host(&row.name)?;
            let facts = [
                row.owner.as_ref().map(|owner| format!("owner {owner}")),
                row.role.as_ref().map(|role| format!("role {role}")),
                row.app
                    .as_ref()
                    .map(|app| format!("app {}", words::app(app))),
            ];
            let facts: Vec<String> = facts.into_iter().flatten().collect();
            match facts.is_empty() {
                true => Ok(()),
                false => page.small(&facts.join("; ")),
            }
        })?;
        page.cell(|page| {
            page.text(&row.resolver)?;
            page.small(&format!("{}, {}", row.scope, row.types.join(" ")))?;
            match row.clients.is_empty() {
                true => Ok(()),
                false => page.small(&format!("from {}", row.clients.join(", "))),
            }
        })?;
        page.cell_text(&row.count.to_string())?;
        page.cell(|page| {
            page.text(&row.frame.to_string())?;
            if part.report.inputs.len() > 1 {
                page.small(&evidence::input(part.report, row.input))?;
            }
            page.aside(|page| page.time(row.first.as_deref()))
        })?;
        page.cell(|page| match row.answers.is_empty() {
            true => page.text("no address answered"),
            false => page.text(&row.answers.join(", ")),
        })
    })
}
