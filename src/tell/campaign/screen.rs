//! The end of a campaign for a person at a terminal: by app and version how many sessions ended how, and what is
//! new; then who was contacted most.

use super::summary::{Summary, Tally, Version, news};
use crate::ground::text;
use crate::tell::report::table::Style;
use crate::tell::report::table::grid::{Cell, Column, Line, draw};
use crate::tell::report::words::{Sense, count};
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
        Column::left("app", 10),
        Column::left("version", 7),
        Column::right("sessions", 8),
        Column::left("how they ended", 15),
        Column::left("new since the version before", 16),
    ];
    let mut rows = Vec::new();
    for (app, versions) in &summary.apps {
        for (at, version) in versions.iter().enumerate() {
            let app = if at == 0 {
                app.as_deref().unwrap_or("(not declared)")
            } else {
                ""
            };
            rows.push(row(app, version, news(versions, at)));
        }
    }
    let width = style.width.max(40);
    writeln!(out, "{}", draw(&columns, rows, width, style.color))?;
    hosts(summary, style, out)?;
    writeln!(out, "{}", tally(&summary.tally, summary.packets))
}

fn row(app: &str, version: &Version, new: Option<Vec<&str>>) -> Vec<Cell> {
    let tally = &version.tally;
    let new = match new {
        None => vec![Line::Text("–".to_owned())],
        Some(new) if new.is_empty() => vec![Line::Text("nothing".to_owned())],
        Some(new) => {
            let shown = new.iter().take(NEW_MAX);
            let mut lines: Vec<Line> = shown.map(|host| Line::Host((*host).to_owned())).collect();
            let more = new.len().saturating_sub(lines.len());
            if more > 0 {
                lines.push(Line::Text(format!("and {more} more")));
            }
            lines
        }
    };
    let sense = match tally.worst() {
        Some(verdict) => Sense::from(verdict),
        None => Sense::Open,
    };
    let ended = ended(tally).into_iter().map(Line::Text);
    vec![
        Cell::from(app.to_owned()),
        Cell::from(version.name.clone().unwrap_or_default()),
        Cell::from(tally.sessions().to_string()),
        Cell::lines(ended).paint(sense),
        Cell::lines(new),
    ]
}

/// How many sessions ended how, what there is of it.
fn ended(tally: &Tally) -> Vec<String> {
    let parts = [
        (tally.contradicted, "contradicted"),
        (tally.inconclusive, "inconclusive"),
        (tally.consistent, "consistent"),
        (tally.errors, "not audited"),
    ];
    let parts = parts.iter().filter(|(count, _)| *count > 0);
    parts
        .map(|(count, what)| format!("{count} {what}"))
        .collect()
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
            Cell::row([
                (*name).clone(),
                whose.to_owned(),
                host.owner.clone().unwrap_or_default(),
                countries.join(", "),
                host.sessions.to_string(),
                host.bytes_out.to_string(),
            ])
        })
        .collect();
    if rows.is_empty() {
        return Ok(());
    }
    let width = style.width.max(40);
    writeln!(out, "{}", draw(&columns, rows, width, style.color))?;
    let more = hosts.len().saturating_sub(HOSTS_MAX);
    if more > 0 || summary.hosts_over {
        let at_least = if summary.hosts_over { "at least " } else { "" };
        let more = count(more, "more host");
        writeln!(out, "and {at_least}{more}: see the table destinations")?;
    }
    Ok(())
}

/// One line that says how it ended.
pub(super) fn tally(tally: &Tally, packets: u64) -> String {
    let parts = ended(tally).join(", ");
    let sessions = count(tally.sessions(), "session");
    let packets = count(packets, "packet");
    let parts = if parts.is_empty() {
        "none".to_owned()
    } else {
        parts
    };
    text::terminal(&format!("{sessions}, {packets}: {parts}")).into_owned()
}
