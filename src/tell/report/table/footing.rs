//! What the verdict stands on: coverage, limits, what was audited, and with which data.

use super::grid::{Cell, Column, Line};
use super::left_out;
use super::page::Page;
use crate::tell::report::v1::{Accounting, Gap, Input, Report, Scope};
use crate::tell::report::words::count;
use crate::tell::report::words::{app, bytes};
use crate::tell::report::{moments, reasons};
use std::io;

/// Inputs listed: rotated captures come in hundreds.
const INPUTS_MAX: usize = 20;
/// Gaps listed of those that block, and of those that do not.
const GAPS_MAX: usize = 30;
/// Apps, networks and addresses listed of one kind.
const SCOPE_MAX: usize = 20;
/// Terminals from this width on have room for a column per fact of a gap.
const WIDE: usize = 100;
/// Terminals from this width on have room for a column per scope, ten digits each: a number that
/// is broken over two lines would be misread.
const WIDE_ENOUGH_FOR_COUNTS: usize = 120;

/// What the captures hold, what they could not show, and what none could.
pub(super) fn coverage(page: &mut Page<'_>, report: &Report) -> io::Result<()> {
    page.heading("Coverage")?;
    inputs(page, &report.inputs)?;
    drone_links(page, &report.coverage.drone_links)?;
    let (blocking, other): (Vec<&Gap>, Vec<&Gap>) =
        report.coverage.gaps.iter().partition(|gap| gap.blocking);
    if blocking.is_empty() {
        page.blank()?;
        page.text(0, "Gaps that forbid a consistent verdict: none seen.")?;
    } else {
        gaps(page, "Gaps that forbid a consistent verdict", &blocking)?;
    }
    if !other.is_empty() {
        gaps(page, "Gaps that do not forbid it", &other)?;
    }
    limits(page, &report.limits)
}

/// Whether the drone link was seen.
pub(super) fn drone_links(page: &mut Page<'_>, seen: &[String]) -> io::Result<()> {
    let words = match seen {
        [] => "no valid frame of a known drone-link protocol".to_owned(),
        seen => format!("valid frames of {}", seen.join(", ")),
    };
    page.item(0, "Drone link:", &words)
}

/// What no capture of this kind can show.
pub(super) fn limits(page: &mut Page<'_>, limits: &[String]) -> io::Result<()> {
    if limits.is_empty() {
        return Ok(());
    }
    page.heading("What these captures cannot show")?;
    for limit in limits {
        page.item(0, "-", limit)?;
    }
    Ok(())
}

/// The five scopes, as a sum that a reader can check.
fn sum(accounting: &Accounting, packets: u64) -> String {
    let Accounting {
        local,
        internet,
        relayed,
        not_ip,
        unreadable,
    } = *accounting;
    let total = [local, internet, relayed, not_ip, unreadable]
        .into_iter()
        .fold(0u64, u64::saturating_add);
    let sign = if total == packets { "=" } else { "is NOT" };
    format!(
        "{packets} {sign} {local} local + {internet} internet + {relayed} relayed + {not_ip} not IP + {unreadable} unreadable"
    )
}

pub(super) fn inputs(page: &mut Page<'_>, inputs: &[Input]) -> io::Result<()> {
    if inputs.is_empty() {
        return page.text(0, "No capture was read.");
    }
    let shown = inputs.iter().enumerate().take(INPUTS_MAX);
    // For one input the lines below say the same.
    if page.width() >= WIDE_ENOUGH_FOR_COUNTS && inputs.len() > 1 {
        let columns = [
            Column::right("input", 5),
            Column::left("file", 16),
            Column::right("packets", 10),
            Column::right("local", 10),
            Column::right("internet", 10),
            Column::right("relayed", 10),
            Column::right("not IP", 10),
            Column::right("unreadable", 10),
            Column::right("dropped", 9),
        ];
        let rows = shown.clone().map(|(index, input)| {
            let counts = &input.accounting;
            let dropped = input
                .dropped
                .map_or("not known".to_owned(), |count| count.to_string());
            Cell::row([
                index.to_string(),
                input.path.clone(),
                input.packets.to_string(),
                counts.local.to_string(),
                counts.internet.to_string(),
                counts.relayed.to_string(),
                counts.not_ip.to_string(),
                counts.unreadable.to_string(),
                dropped,
            ])
        });
        page.table(&columns, rows.collect())?;
    }
    for (index, input) in shown {
        let label = format!("Input {index}:");
        page.item(0, &label, &describe(input))?;
        page.item(2, "packets", &sum(&input.accounting, input.packets))?;
        let time = match (&input.first, &input.last) {
            (Some(first), Some(last)) => moments::span(first, last),
            _ => "not recorded".to_owned(),
        };
        page.item(2, "time", &time)?;
        let dropped = match input.dropped {
            Some(count) => format!("{count} by the capture's own counters"),
            None => "not known, the capture keeps no counters".to_owned(),
        };
        page.item(2, "dropped", &dropped)?;
        page.item(
            2,
            "sha256",
            input
                .sha256
                .as_deref()
                .unwrap_or("not computed (--no-hash)"),
        )?;
    }
    left_out(page, 0, inputs.len(), INPUTS_MAX, "input")
}

fn describe(input: &Input) -> String {
    let mut facts = vec![input.path.clone(), input.format.clone(), bytes(input.bytes)];
    facts.extend(input.link_types.iter().cloned());
    if input.truncated > 0 {
        facts.push(format!("{} captured only in part", input.truncated));
    }
    if input.damaged {
        facts.push("damaged".to_owned());
    }
    facts.join(", ")
}

fn gaps(page: &mut Page<'_>, title: &str, gaps: &[&Gap]) -> io::Result<()> {
    page.blank()?;
    page.text(0, &format!("{title}:"))?;
    let seen = |gap: &Gap| match (gap.input, gap.frame) {
        (Some(input), Some(frame)) => format!("{input}:{frame}"),
        (Some(input), None) => format!("input {input}"),
        (None, Some(frame)) => format!("frame {frame}"),
        (None, None) => "all inputs".to_owned(),
    };
    let folded = reasons::gaps(gaps.iter().copied());
    let shown = folded.iter().take(GAPS_MAX);
    // Once needs no word.
    let often = |count: u64| match count {
        1 => String::new(),
        count => format!("{count} times"),
    };
    if page.width() >= WIDE {
        let columns = [
            Column::left("gap", 18),
            Column::left("first seen", 10),
            Column::left("what it means here", 20),
        ];
        let rows = shown.map(|of| {
            let at = [seen(of.first), often(of.count)];
            let at = at.into_iter().filter(|line| !line.is_empty());
            vec![
                Cell::from(of.first.id.to_string()),
                Cell::lines(at.map(Line::Text)),
                Cell::from(of.text()),
            ]
        });
        page.table(&columns, rows.collect())?;
    } else {
        let columns = [
            Column::left("gap", 10),
            Column::left("what it means here", 20),
        ];
        let rows = shown.map(|of| {
            let facts = [of.first.id.to_string(), often(of.count), seen(of.first)];
            let facts = facts.into_iter().filter(|line| !line.is_empty());
            vec![Cell::lines(facts.map(Line::Text)), Cell::from(of.text())]
        });
        page.table(&columns, rows.collect())?;
    }
    left_out(page, 0, folded.len(), GAPS_MAX, "gap")
}

/// What was audited.
pub(super) fn scope(page: &mut Page<'_>, scope: &Scope) -> io::Result<()> {
    page.heading("Scope of the audit")?;
    if let Some(patterns) = &scope.app {
        list(page, "App:", patterns)?;
    }
    if !scope.apps_seen.is_empty() {
        let names: Vec<String> = scope.apps_seen.iter().map(|seen| app(&seen.app)).collect();
        list(page, "Apps seen:", &names)?;
    }
    let made: Vec<String> = scope
        .machines
        .iter()
        .filter_map(|m| {
            let maker = m.maker.as_ref()?;
            let at = m
                .addresses
                .first()
                .map_or("no address seen", String::as_str);
            Some(format!("{} ({maker}; {at})", m.mac))
        })
        .collect();
    if !made.is_empty() {
        list(page, "By maker:", &made)?;
    }
    match &scope.device {
        None => page.item(0, "Device:", "none declared")?,
        Some(device) => {
            list(page, "Device:", &device.declared)?;
            if !device.macs.is_empty() {
                list(page, "  MAC", &device.macs)?;
            }
            if !device.addresses.is_empty() {
                list(page, "  used", &device.addresses)?;
            }
            if device.ambiguous {
                page.text(2, "The declared address was used by more than one machine, or by a router: it was not extended to others.")?;
            }
        }
    }
    if scope.windows.is_empty() {
        page.item(0, "Window:", "the whole capture")?;
    }
    for window in &scope.windows {
        let inside = bounds(window.start.as_deref(), window.end.as_deref());
        let packets = match (&window.first, &window.last) {
            (Some(first), Some(last)) => format!(
                "packets {}, {} s",
                moments::span(first, last),
                window.seconds
            ),
            _ => "no packet inside".to_owned(),
        };
        let label = match &window.name {
            Some(name) => format!("Window {name}:"),
            None => "Window:".to_owned(),
        };
        let grace = match window.grace_seconds {
            0.0 => String::new(),
            seconds => format!("; grace of {seconds} s at both ends"),
        };
        page.item(
            0,
            &label,
            &format!("{inside} (end not included){grace}; {packets}"),
        )?;
        for phase in &window.phases {
            let bounds = bounds(phase.start.as_deref(), phase.end.as_deref());
            page.item(2, &phase.name, &bounds)?;
        }
    }
    if !scope.local_networks.is_empty() {
        list(page, "Declared local:", &scope.local_networks)?;
    }
    if !scope.proven_local.is_empty() {
        let proven: Vec<String> = scope
            .proven_local
            .iter()
            .map(|row| format!("{} ({})", row.ip, row.text))
            .collect();
        list(page, "Proven local:", &proven)?;
    }
    if !scope.softened.is_empty() {
        list(page, "Exit code softened by:", &scope.softened)?;
    }
    Ok(())
}

/// From when to when; open ends are those of the capture.
pub(super) fn bounds(start: Option<&str>, end: Option<&str>) -> String {
    match (start, end) {
        (Some(start), Some(end)) => moments::span(start, end),
        (start, end) => format!(
            "{} to {}",
            start.map_or("the first packet".to_owned(), moments::moment),
            end.map_or("the last packet".to_owned(), moments::moment)
        ),
    }
}

fn list(page: &mut Page<'_>, label: &str, items: &[String]) -> io::Result<()> {
    let mut shown: Vec<String> = items.iter().take(SCOPE_MAX).cloned().collect();
    if let Some(more) = items.len().checked_sub(SCOPE_MAX).filter(|more| *more > 0) {
        shown.push(format!("and {more} more in the JSON report"));
    }
    page.item(0, label, &shown.join(", "))
}

/// With which data, and the digest that a second run reproduces.
pub(super) fn data(page: &mut Page<'_>, report: &Report) -> io::Result<()> {
    page.heading("Program and data")?;
    let tool = &report.tool;
    page.item(0, "Program:", &format!("{} {}", tool.name, tool.version))?;
    page.item(
        0,
        "Host catalog:",
        &format!("sha256 {}", tool.catalog_sha256),
    )?;
    for geo in &tool.geo {
        let built = geo.built.as_deref().unwrap_or("at an unknown time");
        page.item(
            0,
            "Addresses:",
            &format!(
                "{}, {}, built {built}. {}",
                geo.source, geo.kind, geo.attribution
            ),
        )?;
    }
    if tool.geo.is_empty() {
        page.item(0, "Addresses:", "no address database")?;
    }
    if !report.sessions.is_empty() {
        page.item(0, "Sessions:", &count(report.sessions.len(), "session"))?;
    }
    if let Some(against) = &report.against {
        let words = format!("{}, digest {}", against.path, against.digest);
        page.item(0, "Marked against:", &words)?;
    }
    page.item(0, "Report digest:", &report.digest)
}
