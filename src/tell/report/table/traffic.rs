//! Where traffic went and which names were asked for, grouped by whose it is.

use super::grid::{Cell, Column, Line};
use super::left_out;
use super::page::Page;
use crate::judge::classify::Scope;
use crate::judge::classify::attribution::Attribution;
use crate::tell::report::role::noun;
use crate::tell::report::v1::{self, Destination, Lookup, Name, Report};
use crate::tell::report::words::{
    RELAYED, amount, app, because, by_attribution, count, opened, place, socket,
};
use std::cmp::Reverse;
use std::io;

/// Destinations listed of one attribution: a few screens.
const DESTINATIONS_MAX: usize = 25;
/// Lookups listed of one attribution.
const LOOKUPS_MAX: usize = 25;
/// Names listed of a destination, and answers of a lookup.
const NAMES_MAX: usize = 4;
/// Terminals from this width on have room for a column per fact.
const WIDE: usize = 140;
/// Terminals below this width have room for three columns.
const NARROW: usize = 90;

fn group_title(page: &mut Page<'_>, id: Attribution, facts: &str) -> io::Result<()> {
    page.blank()?;
    let rest = format!("{} · {facts}", because(id));
    page.marked(0, id.id(), id.into(), &rest)
}

/// Where traffic went.
pub(super) fn destinations(page: &mut Page<'_>, report: &Report) -> io::Result<()> {
    page.heading("Destinations")?;
    if report.destinations.is_empty() {
        return page.text(0, "No readable traffic beyond the local network was seen. What the captures could not show is under Coverage.");
    }
    page.text(0, "Internet and relayed traffic of the whole capture, by whose it is and where it went. Bytes are transport payload; out is away from our side.")?;
    for (id, mut rows) in by_attribution(&report.destinations, |row| row.attribution) {
        let all = rows.len();
        let total = |of: fn(&Destination) -> u64| {
            rows.iter()
                .fold(0u64, |sum, row| sum.saturating_add(of(row)))
        };
        let (out, back) = (
            amount(total(|row| row.bytes_out)),
            amount(total(|row| row.bytes_in)),
        );
        group_title(
            page,
            id,
            &format!("{}, {out} out, {back} in", count(all, "destination")),
        )?;
        // What went furthest must not be cut off by where it went.
        rows.sort_by_key(|row| (Reverse(row.stage), u64::MAX - row.bytes_out));
        rows.truncate(DESTINATIONS_MAX);
        rows.sort_by_key(|row| place(row));
        draw(page, &rows)?;
        left_out(page, 0, all, DESTINATIONS_MAX, "destination")?;
    }
    Ok(())
}

fn draw(page: &mut Page<'_>, rows: &[&Destination]) -> io::Result<()> {
    if page.width() >= WIDE {
        let columns = [
            Column::left("id", 5),
            Column::left("where", 12),
            Column::left("destination", 24),
            Column::left("stage", 11),
            Column::right("out", 13),
            Column::right("in", 13),
            Column::left("how it is known", 20),
        ];
        let rows = rows.iter().map(|row| {
            vec![
                Cell::from(row.id.clone()),
                Cell::lines(whereabouts(row)),
                Cell::lines(endpoint(row)),
                Cell::from(row.stage.to_string()),
                Cell::from(format!("{} B", row.bytes_out)),
                Cell::from(format!("{} B", row.bytes_in)),
                Cell::lines(evidence(row)),
            ]
        });
        return page.table(&columns, rows.collect());
    }
    let narrow = page.width() < NARROW;
    let mut columns = vec![Column::left("id", 5)];
    if !narrow {
        columns.push(Column::left("where", 10));
    }
    columns.push(Column::left("destination", 12));
    columns.push(Column::left("stage, bytes", 13));
    if !narrow {
        columns.push(Column::left("how it is known", 16));
    }
    let rows = rows.iter().map(|row| {
        let traffic = [
            row.stage.to_string(),
            format!("out {} B", row.bytes_out),
            format!("in {} B", row.bytes_in),
        ];
        let traffic = Cell::lines(traffic.map(Line::Text));
        let id = Cell::from(row.id.clone());
        if narrow {
            let all = endpoint(row)
                .into_iter()
                .chain(whereabouts(row))
                .chain(evidence(row));
            vec![id, Cell::lines(all), traffic]
        } else {
            vec![
                id,
                Cell::lines(whereabouts(row)),
                Cell::lines(endpoint(row)),
                traffic,
                Cell::lines(evidence(row)),
            ]
        }
    });
    page.table(&columns, rows.collect())
}

fn whereabouts(row: &Destination) -> Vec<Line> {
    let mut lines = vec![place(row)];
    if let Some(cloud) = &row.cloud {
        lines.push(match &cloud.region {
            Some(region) => format!("{} {region} (by the name)", cloud.provider),
            None => format!("{} (by the name)", cloud.provider),
        });
    }
    match (row.asn, &row.organisation) {
        (Some(asn), Some(organisation)) => lines.push(format!("AS{asn} {organisation}")),
        (Some(asn), None) => lines.push(format!("AS{asn}")),
        (None, Some(organisation)) => lines.push(organisation.clone()),
        (None, None) => {}
    }
    if row.scope != Scope::Internet && lines.first().is_none_or(|place| place != RELAYED) {
        lines.push(row.scope.to_string());
    }
    lines.into_iter().map(Line::Text).collect()
}

fn endpoint(row: &Destination) -> Vec<Line> {
    let mut lines = Vec::new();
    if let Some(host) = &row.host {
        lines.push(Line::Host(host.clone()));
    }
    let protocol = match &row.protocol {
        Some(protocol) => format!("{}/{protocol}", row.transport),
        None => row.transport.clone(),
    };
    match (&row.ip, row.port, &row.host) {
        (Some(ip), port, _) => lines.push(Line::Text(format!("{} {protocol}", socket(ip, port)))),
        (None, Some(port), Some(_)) => lines.push(Line::Text(format!("port {port} {protocol}"))),
        (None, _, Some(_)) => lines.push(Line::Text(protocol)),
        (None, _, None) => lines.push(Line::Text(format!("no single address, {protocol}"))),
    }
    if let Some(via) = &row.via {
        lines.push(Line::Text(format!("via {}", socket(&via.ip, via.port))));
    }
    if let Some(label) = &row.app {
        lines.push(Line::Text(format!("app {}", app(label))));
    }
    lines
}

fn evidence(row: &Destination) -> Vec<Line> {
    let mut lines = Vec::new();
    let (best, others): (Vec<&Name>, Vec<&Name>) = row.names.iter().partition(|name| {
        Some(&name.name) == row.host.as_ref() && Some(&name.source) == row.host_source.as_ref()
    });
    if row.host.is_some() {
        let seen = best
            .first()
            .map(|name| format!(" at {}:{}", name.input, name.frame));
        lines.push(Line::Text(format!(
            "name by {}{}",
            v1::source_word(row.host_source.as_ref()),
            seen.unwrap_or_default()
        )));
    }
    for name in others.iter().take(NAMES_MAX) {
        let same = Some(&name.name) == row.host.as_ref();
        let lead = if same {
            "name also by"
        } else {
            "other name by"
        };
        lines.push(Line::Text(format!(
            "{lead} {} at {}:{}",
            name.source, name.input, name.frame
        )));
        if !same {
            lines.push(Line::Host(name.name.clone()));
        }
    }
    if let Some(more) = others.len().checked_sub(NAMES_MAX).filter(|more| *more > 0) {
        lines.push(Line::Text(format!("and {}", count(more, "more name"))));
    }
    // Who owns it and what it is for stands in the reason, if that is what the attribution rests on.
    let said = |word: &String| row.attribution_reason.contains(word.as_str());
    lines.extend(
        match (&row.owner, &row.jurisdiction) {
            (Some(owner), Some(place)) if said(owner) => {
                Some(format!("owner's jurisdiction {place}"))
            }
            (Some(owner), None) if said(owner) => None,
            (Some(owner), Some(place)) => Some(format!("owner {owner} ({place})")),
            (Some(owner), None) => Some(format!("owner {owner}")),
            (None, _) => None,
        }
        .map(Line::Text),
    );
    let role = row
        .role
        .as_deref()
        .filter(|_| !row.owner.as_ref().is_some_and(said));
    lines.extend(role.map(|role| Line::Text(format!("it is {}", noun(role)))));
    if !row.attribution_reason.is_empty() {
        lines.push(Line::Text(row.attribution_reason.clone()));
    }
    lines.extend(opened(row).map(Line::Text));
    lines.extend(
        row.notes
            .iter()
            .map(|note| Line::Text(format!("note: {note}"))),
    );
    lines
}

/// Which names were asked for.
pub(super) fn lookups(page: &mut Page<'_>, report: &Report) -> io::Result<()> {
    page.heading("Lookups")?;
    if report.lookups.is_empty() {
        return page.text(0, "No readable lookup was seen.");
    }
    page.text(0, "Names asked for in the whole capture.")?;
    for (id, rows) in by_attribution(&report.lookups, |row| row.attribution) {
        group_title(page, id, &count(rows.len(), "lookup"))?;
        let shown = rows.iter().take(LOOKUPS_MAX);
        if page.width() < NARROW {
            let columns = [Column::left("name", 16), Column::left("asked", 14)];
            let shown = shown.map(|row| {
                let name = std::iter::once(Line::Host(row.name.clone())).chain(answers(row));
                let asked = [
                    format!("{} {}x", row.types.join(" "), row.count),
                    format!("of {}", row.resolver),
                    format!("{}, first {}:{}", row.scope, row.input, row.frame),
                ];
                vec![Cell::lines(name), Cell::lines(asked.map(Line::Text))]
            });
            page.table(&columns, shown.collect())?;
        } else {
            let columns = [
                Column::left("name", 20),
                Column::left("types", 5),
                Column::left("asked of", 12),
                Column::right("times", 6),
                Column::left("first frame", 6),
                Column::left("answers", 12),
            ];
            let shown = shown.map(|row| {
                vec![
                    Cell::lines([Line::Host(row.name.clone())]),
                    Cell::from(row.types.join(" ")),
                    Cell::from(format!("{} ({})", row.resolver, row.scope)),
                    Cell::from(row.count.to_string()),
                    Cell::from(format!("{}:{}", row.input, row.frame)),
                    Cell::lines(answers(row)),
                ]
            });
            page.table(&columns, shown.collect())?;
        }
        left_out(page, 0, rows.len(), LOOKUPS_MAX, "lookup")?;
    }
    Ok(())
}

fn answers(row: &Lookup) -> Vec<Line> {
    if row.answers.is_empty() {
        return vec![Line::Text("no address answered".to_owned())];
    }
    let mut lines: Vec<Line> = row
        .answers
        .iter()
        .take(NAMES_MAX)
        .cloned()
        .map(Line::Text)
        .collect();
    if let Some(more) = row
        .answers
        .len()
        .checked_sub(NAMES_MAX)
        .filter(|more| *more > 0)
    {
        lines.push(Line::Text(format!("and {more} more")));
    }
    lines
}
