//! The time line: windows, grace, phases, the auditor's log and the findings; below them a lane for each group of
//! destinations, coloured by whose it is, with its bytes; below those how many packets were recorded. The same in
//! tables follows.
//!
//! A colour says whose traffic it is, never how much: a packet of the vendor is drawn as wide as needed to be seen.

mod axis;
mod drawing;
pub(super) mod groups;
mod marks;

use super::Part;
use super::markup::Page;
use crate::tell::report::v1::{Phase, Report, Scope, Slot, Timeline, Window};
use crate::tell::report::words;
use axis::Axis;
use std::io;

/// Columns of the drawing and rows of its table: more are no easier to read.
const COLUMNS_MAX: u64 = 240;
/// Rows of the auditor's log and windows drawn: each takes an element.
const MARKS_MAX: usize = 200;

/// Packets of a kind: a column of the table, and where `drawn` a strip of the drawing.
struct Lane {
    class: &'static str,
    title: &'static str,
    of: fn(&Slot) -> u64,
    drawn: bool,
}

/// What leaves comes first.
const LANES: [Lane; 6] = [
    Lane {
        class: "packets",
        title: "internet",
        of: |slot| slot.internet,
        drawn: false,
    },
    Lane {
        class: "packets",
        title: "relayed",
        of: |slot| slot.relayed,
        drawn: false,
    },
    Lane {
        class: "unreadable",
        title: "unreadable",
        of: |slot| slot.unreadable,
        drawn: true,
    },
    Lane {
        class: "packets",
        title: "local",
        of: |slot| slot.local,
        drawn: false,
    },
    Lane {
        class: "packets",
        title: "not IP",
        of: |slot| slot.not_ip,
        drawn: false,
    },
    Lane {
        class: "packets",
        title: "all",
        of: |slot| {
            [slot.internet, slot.relayed, slot.unreadable, slot.local]
                .into_iter()
                .fold(slot.not_ip, u64::saturating_add)
        },
        drawn: true,
    },
];

/// Slots of the report put together until they fit: column, then packets.
struct Columns {
    axis: Axis,
    /// Slots in one column.
    width: u64,
    /// All columns, empty ones too.
    slots: Vec<Slot>,
}

impl Columns {
    fn new(timeline: &Timeline) -> Option<Self> {
        let start = timeline.start.as_deref()?;
        let last = timeline.slots.iter().map(|slot| slot.slot).max()?;
        let all = last.saturating_add(1);
        let width = all.div_ceil(COLUMNS_MAX).max(1);
        let used = all.div_ceil(width);
        let axis = Axis::new(
            start,
            used.saturating_mul(width),
            timeline.step_seconds.max(1),
        )?;
        // Not more than COLUMNS_MAX.
        let mut slots: Vec<Slot> = (0..used)
            .map(|slot| Slot {
                slot,
                ..Slot::default()
            })
            .collect();
        for slot in &timeline.slots {
            let column = usize::try_from(slot.slot / width).unwrap_or(usize::MAX);
            if let Some(sum) = slots.get_mut(column) {
                sum.local = sum.local.saturating_add(slot.local);
                sum.internet = sum.internet.saturating_add(slot.internet);
                sum.relayed = sum.relayed.saturating_add(slot.relayed);
                sum.not_ip = sum.not_ip.saturating_add(slot.not_ip);
                sum.unreadable = sum.unreadable.saturating_add(slot.unreadable);
            }
        }
        Some(Self { axis, width, slots })
    }

    /// Seconds of a column.
    fn seconds(&self, timeline: &Timeline) -> u64 {
        self.width.saturating_mul(timeline.step_seconds.max(1))
    }

    #[allow(clippy::cast_precision_loss)]
    fn seconds_f64(&self, timeline: &Timeline) -> f64 {
        self.seconds(timeline) as f64
    }

    fn most(&self, lane: &Lane) -> u64 {
        self.slots.iter().map(lane.of).max().unwrap_or(0)
    }

    fn sum(&self, lane: &Lane) -> u64 {
        self.slots
            .iter()
            .fold(0u64, |sum, slot| sum.saturating_add((lane.of)(slot)))
    }
}

/// The section.
pub(super) fn timeline(page: &mut Page<'_>, part: &Part<'_>) -> io::Result<()> {
    let report = part.report;
    part.section(page, "timeline", "Time line", |page| {
        match Columns::new(&report.timeline) {
            None => page.p(match report.timeline.slots.is_empty() {
                true => "The report has no packet with a time, so there is nothing to draw.",
                false => "The report has no start of its time line, so there is nothing to draw.",
            }),
            Some(columns) => {
                drawing::figure(page, part, &columns)?;
                page.fold("rest", "The time line in numbers", |page| {
                    numbers(page, report, &columns)
                })
            }
        }?;
        windows(page, &report.scope)
    })
}

fn numbers(page: &mut Page<'_>, report: &Report, columns: &Columns) -> io::Result<()> {
    let seconds = columns.seconds(&report.timeline);
    let caption =
        format!("Packets in every {seconds} s by scope; times without packets are left out",);
    let mut heads = vec!["From (UTC)"];
    heads.extend(LANES.iter().map(|lane| lane.title));
    page.table("counts", &caption, &heads, |page| {
        let busy = columns
            .slots
            .iter()
            .filter(|slot| LANES.iter().any(|lane| (lane.of)(slot) > 0));
        for slot in busy {
            let from = columns.axis.after(slot.slot.saturating_mul(seconds));
            page.row(&[], |page| {
                page.name(|page| page.time(Some(&from)))?;
                LANES
                    .iter()
                    .try_for_each(|lane| page.cell_text(&(lane.of)(slot).to_string()))
            })?;
        }
        Ok(())
    })
}

fn windows(page: &mut Page<'_>, scope: &Scope) -> io::Result<()> {
    if scope.windows.is_empty() {
        return page.p("No window was declared: the claims are about the whole capture.");
    }
    let heads = ["Window", "Declared", "Packets inside", "Grace", "Phases"];
    let caption = "Windows in which the claims are judged; the end is not included";
    page.table("windows", caption, &heads, |page| {
        scope
            .windows
            .iter()
            .enumerate()
            .try_for_each(|(index, window)| {
                page.row(&[], |page| {
                    page.name(|page| page.text(&label(index, window)))?;
                    page.cell(|page| match (&window.start, &window.end) {
                        (Some(start), Some(end)) => page.span(Some(start), Some(end)),
                        (start, end) => {
                            bound(page, start.as_deref(), "the first packet")?;
                            page.text(" to ")?;
                            bound(page, end.as_deref(), "the last packet")
                        }
                    })?;
                    page.cell(|page| match (&window.first, &window.last) {
                        (Some(first), Some(last)) => {
                            page.text(&words::seconds(window.seconds))?;
                            page.aside(|page| page.span(Some(first), Some(last)))
                        }
                        _ => page.text("no packet inside"),
                    })?;
                    page.cell_text(&match window.grace_seconds {
                        0.0 => "none".to_owned(),
                        grace => format!("{} at both ends", words::seconds(grace)),
                    })?;
                    page.cell(|page| phases(page, &window.phases))
                })
            })
    })
}

fn bound(page: &mut Page<'_>, time: Option<&str>, open: &str) -> io::Result<()> {
    match time {
        Some(time) => page.time(Some(time)),
        None => page.text(open),
    }
}

fn phases(page: &mut Page<'_>, phases: &[Phase]) -> io::Result<()> {
    if phases.is_empty() {
        return page.text("none declared");
    }
    page.tag("ul", &[], |page| {
        phases.iter().try_for_each(|phase| {
            page.tag("li", &[], |page| {
                page.text(&phase.name)?;
                page.aside(|page| page.span(phase.start.as_deref(), phase.end.as_deref()))
            })
        })
    })
}

/// `W1`, with its name.
fn label(index: usize, window: &Window) -> String {
    let number = index.saturating_add(1);
    match &window.name {
        Some(name) => format!("W{number} {name}"),
        None => format!("W{number}"),
    }
}
