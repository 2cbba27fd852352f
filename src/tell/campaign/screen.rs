//! The end of a campaign for a person at a terminal: by app and version how many sessions ended how, and what is
//! new; then who was contacted most.

use super::summary::{Summary, Tally, Version, news};
use crate::ground::text;
use crate::tell::report::table::Style;
use crate::tell::report::table::grid::{Cell, Column, draw};
use crate::tell::report::words::Sense;
use std::io::{self, Write};

/// Hosts listed below the table.
const HOSTS_MAX: usize = 15;
/// Names of new hosts in a cell.
const NEW_MAX: usize = 4;

/// Writes it.
///
/// # Errors
/// When the writer fails.
pub(super) fn write(summary: &Summary, style: Style, out: &mut dyn Write) -> io::Result<()> {
    let columns = [
        Column::left("app", 6),
        Column::left("version", 4),
        Column::right("sessions", 8),
        Column::right("contradicted", 12),
        Column::right("inconclusive", 12),
        Column::right("consistent", 10),
        Column::right("errors", 6),
        Column::left("new since the version before", 16),
    ];
    let mut rows = Vec::new();
    for (app, versions) in &summary.apps {
        for (at, version) in versions.iter().enumerate() {
            rows.push(row(app.as_deref(), version, news(versions, at)));
        }
    }
    let width = style.width.max(40);
    writeln!(out, "{}", draw(&columns, rows, width, style.color).table)?;
    hosts(summary, style, out)?;
    writeln!(out, "{}", tally(&summary.tally, summary.packets))
}

fn row(app: Option<&str>, version: &Version, new: Option<Vec<&str>>) -> Vec<Cell> {
    let tally = &version.tally;
    let count = |n: u64, sense: Sense| {
        let cell = Cell::from(n.to_string());
        if n > 0 { cell.paint(sense) } else { cell }
    };
    let new = match new {
        None => "–".to_owned(),
        Some(new) if new.is_empty() => "nothing".to_owned(),
        Some(new) => {
            let shown: Vec<&str> = new.iter().take(NEW_MAX).copied().collect();
            let more = new.len().saturating_sub(shown.len());
            let more = if more > 0 {
                format!(", and {more} more")
            } else {
                String::new()
            };
            format!("{}{more}", shown.join(", "))
        }
    };
    vec![
        Cell::from(app.unwrap_or("(not declared)").to_owned()),
        Cell::from(version.name.clone().unwrap_or_default()),
        Cell::from(tally.sessions().to_string()),
        count(tally.contradicted, Sense::Against),
        count(tally.inconclusive, Sense::Open),
        count(tally.consistent, Sense::For),
        count(tally.errors, Sense::Open),
        Cell::from(new),
    ]
}

fn hosts(summary: &Summary, style: Style, out: &mut dyn Write) -> io::Result<()> {
    let mut hosts: Vec<_> = summary.hosts.iter().collect();
    // What accuses first, then what most sessions show.
    hosts.sort_by_key(|(name, host)| (std::cmp::Reverse((host.attribution, host.sessions)), *name));
    let columns = [
        Column::left("host", 16),
        Column::left("whose", 6),
        Column::left("owner", 6),
        Column::left("where", 4),
        Column::right("sessions", 4),
        Column::right("bytes out", 6),
    ];
    let rows: Vec<Vec<Cell>> = hosts
        .iter()
        .take(HOSTS_MAX)
        .map(|(name, host)| {
            let whose = host.attribution.map_or("", |a| a.id());
            let countries: Vec<&str> = host.countries.iter().map(String::as_str).collect();
            vec![
                Cell::from((*name).clone()),
                Cell::from(whose.to_owned()),
                Cell::from(host.owner.clone().unwrap_or_default()),
                Cell::from(countries.join(", ")),
                Cell::from(host.sessions.to_string()),
                Cell::from(host.bytes_out.to_string()),
            ]
        })
        .collect();
    if rows.is_empty() {
        return Ok(());
    }
    let width = style.width.max(40);
    writeln!(out, "{}", draw(&columns, rows, width, style.color).table)?;
    let more = hosts.len().saturating_sub(HOSTS_MAX);
    if more > 0 || summary.hosts_over {
        let at_least = if summary.hosts_over { "at least " } else { "" };
        writeln!(
            out,
            "and {at_least}{more} more hosts: see the table destinations"
        )?;
    }
    Ok(())
}

/// One line that says how it ended.
pub(super) fn tally(tally: &Tally, packets: u64) -> String {
    let parts = [
        (tally.contradicted, "contradicted"),
        (tally.inconclusive, "inconclusive"),
        (tally.consistent, "consistent"),
        (tally.errors, "could not be audited"),
    ];
    let parts = parts.iter().filter(|(count, _)| *count > 0);
    let parts: Vec<String> = parts
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
    let sessions = match tally.sessions() {
        1 => "1 session".to_owned(),
        n => format!("{n} sessions"),
    };
    let parts = if parts.is_empty() {
        "nothing".to_owned()
    } else {
        parts.join(", ")
    };
    text::terminal(&format!("{sessions}, {packets} packets: {parts}")).into_owned()
}
