//! A comparison for a person at a terminal: new first, then changed, then gone.
//!
//! Knows no more than the JSON form says.

use super::grid::{Cell, Column, Line};
use super::page::Page;
use super::{Style, footing, left_out};
use crate::judge::claim::Verdict;
use crate::judge::classify::attribution::Attribution;
use crate::tell::report::diff::shown::{
    amounts, arrow, asked, by_status, endpoint, firsts, headline, mark, meaning, side, unnamed,
    whereabouts, whose,
};
use crate::tell::report::diff::{Asked, DestinationChange, Diff, LookupChange};
use crate::tell::report::words::{Sense, count};
use std::io::{self, Write};

/// Destinations or lookups listed of one kind: a few screens.
const ROWS_MAX: usize = 40;
/// Terminals from this width on have room for a column per fact.
const WIDE: usize = 110;

/// Writes the comparison as text and tables.
///
/// # Errors
/// When `out` cannot be written to.
pub fn write(diff: &Diff, style: Style, out: &mut dyn Write) -> io::Result<()> {
    let page = &mut Page::new(style, out);
    let (word, rest) = headline(diff);
    let sense = if diff.news { Sense::Open } else { Sense::For };
    page.marked(0, word, sense, &rest)?;
    page.text(2, meaning(diff))?;
    page.blank()?;
    for (label, one) in [("Baseline:", &diff.baseline), ("Capture:", &diff.capture)] {
        page.item(0, label, &format!("{} ({})", one.path, side(one)))?;
    }
    limits(page, diff)?;
    claims(page, diff)?;
    for (title, to, asked) in by_status(diff) {
        if !to.is_empty() {
            page.heading(&format!("{title}: {}", count(to.len(), "destination")))?;
            destinations(page, &to)?;
        }
        if !asked.is_empty() {
            page.heading(&format!("{title}: {}", count(asked.len(), "lookup")))?;
            lookups(page, &asked)?;
        }
    }
    for (title, one) in [("Baseline", &diff.baseline), ("Capture", &diff.capture)] {
        page.heading(title)?;
        footing::inputs(page, &one.inputs)?;
        footing::scope(page, &one.scope)?;
    }
    Ok(())
}

fn limits(page: &mut Page<'_>, diff: &Diff) -> io::Result<()> {
    if diff.limits.is_empty() {
        return Ok(());
    }
    page.heading("What this comparison cannot say")?;
    for limit in &diff.limits {
        page.item(0, "-", limit)?;
    }
    Ok(())
}

fn claims(page: &mut Page<'_>, diff: &Diff) -> io::Result<()> {
    if diff.claims.is_empty() {
        return Ok(());
    }
    page.heading("Verdicts")?;
    let columns = [
        Column::left("claim", 6),
        Column::left("baseline", "contradicted".len()),
        Column::left("capture", "contradicted".len()),
    ];
    let rows = diff.claims.iter().map(|claim| {
        let verdict = |word: Verdict| Cell::from(word.to_string()).paint(word.into());
        vec![
            Cell::from(claim.id.clone()),
            verdict(claim.before),
            verdict(claim.after),
        ]
    });
    page.table(&columns, rows.collect())
}

fn texts(lines: impl IntoIterator<Item = String>) -> impl Iterator<Item = Line> {
    lines.into_iter().map(Line::Text)
}

/// Attribution with the mark of what is news.
fn marked(news: bool, whose: &str, last: Option<Attribution>) -> Cell {
    let words = format!("{}{whose}", mark(news));
    let cell = Cell::from(words);
    match last {
        Some(whose) => cell.paint(whose.into()),
        None => cell,
    }
}

fn what(changes: &[crate::tell::report::diff::Change], notes: &[String]) -> Vec<Line> {
    let changes = changes.iter().map(|c| format!("{}: {}", c.id, c.text));
    texts(changes.chain(notes.iter().cloned())).collect()
}

fn destinations(page: &mut Page<'_>, rows: &[&DestinationChange]) -> io::Result<()> {
    let wide = page.width() >= WIDE;
    let mut columns = vec![
        Column::left("whose", 8),
        Column::left("destination", 12),
        Column::left("before → after", 10),
    ];
    if wide {
        columns.push(Column::left("what, and where it is seen", 24));
    }
    let listed = rows.iter().take(ROWS_MAX).map(|row| {
        let last = row.after.as_ref().or(row.before.as_ref());
        let whose = marked(row.news, &whose(row), last.map(|t| t.attribution));
        let name = match &row.host {
            Some(host) => Line::Host(host.clone()),
            None => Line::Text(unnamed(row)),
        };
        let place = texts([endpoint(row)].into_iter().chain(whereabouts(row)));
        let place = std::iter::once(name).chain(place);
        let seen = what(&row.changes, &row.notes)
            .into_iter()
            .chain(texts(firsts(row)));
        let amounts = Cell::lines(texts(amounts(row)));
        if wide {
            vec![whose, Cell::lines(place), amounts, Cell::lines(seen)]
        } else {
            vec![whose, Cell::lines(place.chain(seen)), amounts]
        }
    });
    page.table(&columns, listed.collect())?;
    left_out(page, 0, rows.len(), ROWS_MAX, "destination")
}

fn lookups(page: &mut Page<'_>, rows: &[&LookupChange]) -> io::Result<()> {
    let columns = [
        Column::left("whose", 8),
        Column::left("name", 12),
        Column::left("asked", 10),
    ];
    let listed = rows.iter().take(ROWS_MAX).map(|row| {
        let both = |get: fn(&Asked) -> String| {
            arrow(row.before.as_ref().map(get), row.after.as_ref().map(get))
        };
        let last = row.after.as_ref().or(row.before.as_ref());
        let whose = both(|t| t.attribution.to_string());
        let name = std::iter::once(Line::Host(row.name.clone()));
        let owner = row.owner.as_ref().map(|owner| format!("owner {owner}"));
        let asked = [
            format!("{} times", both(|t| t.count.to_string())),
            format!("of {}", both(|t| t.resolvers.join(", "))),
            both(|t| {
                let scopes: Vec<&str> = t.scopes.iter().map(|scope| scope.id()).collect();
                scopes.join(", ")
            }),
        ];
        let seen = self::asked(row.before.as_ref(), row.after.as_ref());
        vec![
            marked(row.news, &whose, last.map(|t| t.attribution)),
            Cell::lines(
                name.chain(texts(owner))
                    .chain(what(&row.changes, &row.notes)),
            ),
            Cell::lines(texts(asked.into_iter().chain(seen))),
        ]
    });
    page.table(&columns, listed.collect())?;
    left_out(page, 0, rows.len(), ROWS_MAX, "lookup")
}
