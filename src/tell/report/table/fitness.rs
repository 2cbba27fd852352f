//! What `fitness` says, for a person at a terminal: fit or not, why, and what to change.
//!
//! Knows no more than the JSON form says.

use super::grid::{Cell, Column, Line};
use super::page::Page;
use super::{Style, footing, left_out};
use crate::tell::report::fitness::{Fitness, Gap, Share, Window};
use crate::tell::report::moments;
use crate::tell::report::words::Sense;
use std::collections::BTreeSet;
use std::io::{self, Write};

/// Gaps listed of those that block, and of those that do not.
const GAPS_MAX: usize = 40;
/// Windows listed.
const WINDOWS_MAX: usize = 40;
/// Terminals from this width on have room for a column per fact of a gap.
const WIDE: usize = 100;

/// Writes the result as text and tables.
///
/// # Errors
/// When `out` cannot be written to.
pub fn write(fitness: &Fitness, style: Style, out: &mut dyn Write) -> io::Result<()> {
    let page = &mut Page::new(style, out);
    let (word, paint) = if fitness.fit {
        ("fit", Sense::For)
    } else {
        ("unfit", Sense::Open)
    };
    page.marked(0, word, paint, &fitness.claim)?;
    page.text(2, meaning(fitness.fit))?;
    page.blank()?;
    windows(page, &fitness.windows)?;

    let (blocking, other): (Vec<&Gap>, Vec<&Gap>) = fitness.gaps.iter().partition(|g| g.blocking);
    if !blocking.is_empty() {
        page.heading("Gaps that forbid a consistent verdict")?;
        gaps(page, &blocking, fitness)?;
    }
    if !other.is_empty() {
        page.heading("Gaps that do not forbid it")?;
        gaps(page, &other, fitness)?;
    }
    next(page, blocking.iter().chain(&other))?;

    page.heading("Captures")?;
    footing::inputs(page, &fitness.inputs)?;
    footing::drone_links(page, &fitness.drone_links)?;
    footing::limits(page, &fitness.limits)?;
    footing::scope(page, &fitness.scope)
}

/// In words that claim no more than it does.
fn meaning(fit: bool) -> &'static str {
    if fit {
        "fit: no gap was seen that forbids `consistent`. What the traffic shows was not looked at: \
         that is what `drone-audit check` is for. What the captures cannot show all the same is \
         listed below."
    } else {
        "unfit: these captures cannot support `consistent`, whatever they show, for the gaps \
         below. They can still contradict the statement."
    }
}

fn windows(page: &mut Page<'_>, windows: &[Window]) -> io::Result<()> {
    for (index, window) in windows.iter().enumerate().take(WINDOWS_MAX) {
        let label = match (&window.start, &window.end) {
            (Some(start), Some(end)) => {
                let number = index.saturating_add(1);
                format!("Window {number} ({}):", moments::span(start, end))
            }
            _ => "The whole capture:".to_owned(),
        };
        let packets = match (&window.first, &window.last) {
            (Some(_), Some(_)) => format!("{:.1} s of packets", window.seconds),
            _ => "no packet with a time inside".to_owned(),
        };
        let words = match window.blocked_by.as_slice() {
            [] => format!("{packets}, fit"),
            gaps => {
                let ids: Vec<&str> = gaps.iter().map(|gap| gap.id()).collect();
                format!("{packets}, unfit: {}", ids.join(", "))
            }
        };
        page.item(0, &label, &words)?;
    }
    left_out(page, 0, windows.len(), WINDOWS_MAX, "window")
}

fn gaps(page: &mut Page<'_>, gaps: &[&Gap], fitness: &Fitness) -> io::Result<()> {
    let shown = gaps.iter().take(GAPS_MAX);
    if page.width() >= WIDE {
        let columns = [
            Column::left("gap", 18),
            Column::left("where", 14),
            Column::left("how bad", 16),
            Column::left("seen", 20),
        ];
        let rows = shown.map(|gap| {
            vec![
                Cell::from(gap.id.to_string()),
                Cell::lines(place(gap, fitness).map(Line::Text)),
                Cell::from(how_bad(gap)),
                Cell::from(gap.text.clone()),
            ]
        });
        page.table(&columns, rows.collect())?;
    } else {
        let columns = [Column::left("gap", 10), Column::left("seen", 20)];
        let rows = shown.map(|gap| {
            let facts = std::iter::once(gap.id.to_string())
                .chain(place(gap, fitness))
                .chain([how_bad(gap)]);
            vec![
                Cell::lines(facts.map(Line::Text)),
                Cell::from(gap.text.clone()),
            ]
        });
        page.table(&columns, rows.collect())?;
    }
    left_out(page, 0, gaps.len(), GAPS_MAX, "gap")
}

/// Input, frame, and the windows where there are several.
fn place(gap: &Gap, fitness: &Fitness) -> impl Iterator<Item = String> {
    let input = gap.file.clone().unwrap_or_else(|| "all inputs".to_owned());
    let frame = gap.frame.map(|frame| format!("frame {frame}"));
    let several = fitness.windows.len() > 1;
    let bounded = fitness.windows.iter().any(|w| w.start.is_some());
    let windows = match gap.windows.as_slice() {
        [] if bounded => Some("outside the windows".to_owned()),
        numbers if several => {
            let numbers: Vec<String> = numbers
                .iter()
                .map(|n| n.saturating_add(1).to_string())
                .collect();
            Some(format!("window {}", numbers.join(", ")))
        }
        _ => None,
    };
    std::iter::once(input).chain(frame).chain(windows)
}

fn how_bad(gap: &Gap) -> String {
    match &gap.share {
        Some(share) => format!(
            "{} of {} {} ({})",
            share.part,
            share.whole,
            share.unit,
            percent(share)
        ),
        None if gap.count == 1 => "once".to_owned(),
        None => format!("{} times", gap.count),
    }
}

/// Tenths of a percent, rounded down, and never nought for something.
fn percent(share: &Share) -> String {
    const TENTHS: u128 = 1_000;
    let tenths = u128::from(share.part)
        .saturating_mul(TENTHS)
        .checked_div(u128::from(share.whole))
        .unwrap_or(0);
    if tenths == 0 && share.part > 0 {
        return "under 0.1 %".to_owned();
    }
    format!("{}.{} %", tenths / 10, tenths % 10)
}

/// What to change, once for each kind of gap.
fn next<'g>(page: &mut Page<'_>, gaps: impl Iterator<Item = &'g &'g Gap>) -> io::Result<()> {
    let mut told = BTreeSet::new();
    for gap in gaps {
        if told.is_empty() {
            page.heading("In the next recording")?;
        }
        if told.insert(&gap.id) {
            page.item(0, &format!("- {}:", gap.id), &gap.next)?;
        }
    }
    if told.is_empty() {
        return Ok(());
    }
    page.text(
        0,
        "What a gap means: drone-audit explain GAP. How to record: drone-audit explain recipe-common.",
    )
}
