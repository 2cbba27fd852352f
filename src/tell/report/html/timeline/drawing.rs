//! The drawing: strips below each other, each with its words above it. Words are HTML, so that they wrap and are
//! read aloud; lengths across are percent of the strip, so that it fits every width. Nothing but a word that
//! has the room stands inside a strip.

use super::axis::percent;
use super::groups::{self, lanes};
use super::marks::{legend, marks};
use super::{Columns, LANES, Lane, MARKS_MAX, label};
use crate::tell::report::html::markup::Page;
use crate::tell::report::html::{Part, icon};
use crate::tell::report::moments;
use crate::tell::report::v1::{Event, Report, Window};
use crate::tell::report::words::{self, count};
use std::fmt::Write as _;
use std::io;

/// Height of a strip with words or marks in it.
const STRIP: u32 = 20;
/// Height of a lane of destinations.
const LANE: u32 = 22;
/// Height of bars that say how many packets there were.
const BARS: u32 = 34;
/// Lowest bar that is drawn for something, of 100.
const LOWEST: u64 = 30;
/// Widths, in pixels, that the drawing has at least: on a phone, and beyond the breakpoint of `.wide`.
const NARROW: f64 = 340.0;
const WIDE: f64 = 600.0;
/// A letter of the drawing takes no more, and a word has that much room at its ends.
const LETTER: f64 = 7.2;
const ROOM: f64 = 8.0;

/// The figure with its caption and legend.
pub(super) fn figure(page: &mut Page<'_>, part: &Part<'_>, columns: &Columns) -> io::Result<()> {
    let report = part.report;
    page.tag("figure", &[], |page| {
        let lanes = lanes(report, columns.slots.len(), columns.width);
        Drawing {
            part,
            columns,
            lanes: &lanes,
        }
        .draw(page)?;
        let axis = &columns.axis;
        let caption = format!(
            "{}, in columns of {}. Each lane has a scale of its own: its highest bar is its busiest time.",
            moments::span(&axis.after(0), &axis.end()),
            words::seconds(columns.seconds_f64(&report.timeline)),
        );
        page.leaf("figcaption", &[], &caption)?;
        legend(page, report, &lanes)
    })
}

struct Drawing<'a> {
    part: &'a Part<'a>,
    columns: &'a Columns,
    lanes: &'a [groups::Lane],
}

impl Drawing<'_> {
    fn draw(&self, page: &mut Page<'_>) -> io::Result<()> {
        let report = self.part.report;
        page.tag("div", &[("class", "drawing")], |page| {
            self.back(page)?;
            if !report.scope.windows.is_empty() {
                named(page, "Windows", "")?;
                self.strip(page, STRIP, |page| self.windows(page))?;
            }
            if report.scope.windows.iter().any(|w| !w.phases.is_empty()) {
                named(page, "Phases", "")?;
                self.strip(page, STRIP, |page| self.phases(page))?;
            }
            if !events(report).is_empty() {
                named(page, "Auditor's log", &count(events(report).len(), "entry"))?;
                self.strip(page, STRIP, |page| self.log(page))?;
            }
            if !report.findings.is_empty() {
                named(page, "Findings", &count(report.findings.len(), "finding"))?;
                self.strip(page, STRIP, |page| self.findings(page))?;
            }
            for lane in self.lanes {
                self.group(page, lane)?;
            }
            for lane in LANES.iter().filter(|lane| lane.drawn) {
                self.packets(page, lane)?;
            }
            self.axis(page)
        })
    }

    /// A strip as wide as the page, with the windows behind it.
    fn strip(
        &self,
        page: &mut Page<'_>,
        height: u32,
        inside: impl FnOnce(&mut Page<'_>) -> io::Result<()>,
    ) -> io::Result<()> {
        let height = height.to_string();
        let attributes = [
            ("class", "strip"),
            ("aria-hidden", "true"),
            ("focusable", "false"),
            ("height", height.as_str()),
        ];
        page.tag("svg", &attributes, |page| {
            page.leaf("use", &[("href", &self.part.link("back"))], "")?;
            inside(page)
        })
    }

    /// What stands behind every strip: windows, grace, and the entries of the log. Its ids are of its own, as
    /// those are the page's.
    fn back(&self, page: &mut Page<'_>) -> io::Result<()> {
        let (hatch, back) = (self.part.id("hatch"), self.part.id("back"));
        let pattern = [
            ("id", hatch.as_str()),
            ("width", "6"),
            ("height", "6"),
            ("patternUnits", "userSpaceOnUse"),
            ("patternTransform", "rotate(45)"),
        ];
        let attributes = [
            ("class", "strip"),
            ("aria-hidden", "true"),
            ("focusable", "false"),
            ("height", "0"),
        ];
        page.tag("svg", &attributes, |page| {
            page.tag("defs", &[], |page| {
                page.tag("pattern", &pattern, |page| {
                    let line = [("class", "hatch"), ("d", "M0 0v6"), ("stroke-width", "3")];
                    page.leaf("path", &line, "")
                })?;
                page.tag("g", &[("id", &back)], |page| {
                    let windows = &self.part.report.scope.windows;
                    for window in windows.iter().take(MARKS_MAX) {
                        self.window(page, window)?;
                    }
                    for (at, _) in self.logged() {
                        let x = percent(at);
                        let line = [
                            ("class", "event"),
                            ("x1", x.as_str()),
                            ("x2", x.as_str()),
                            ("y1", "0"),
                            ("y2", "100%"),
                        ];
                        page.leaf("line", &line, "")?;
                    }
                    Ok(())
                })
            })
        })
    }

    /// From where to where a window goes, if the axis shows any of it.
    fn bounds(&self, window: &Window) -> Option<(f64, f64)> {
        let time = |time: &Option<String>, open: f64| match time {
            Some(time) => self.columns.axis.at(time),
            None => Some(open),
        };
        let (from, to) = (time(&window.start, 0.0)?, time(&window.end, 1.0)?);
        (from < to).then_some((from, to))
    }

    fn window(&self, page: &mut Page<'_>, window: &Window) -> io::Result<()> {
        let axis = &self.columns.axis;
        let Some((from, to)) = self.bounds(window) else {
            return Ok(());
        };
        band(page, "window", None, (from, to), ("0", "100%"))?;
        let hatch = format!("url(#{})", self.part.id("hatch"));
        let grace = window.grace_seconds;
        if grace > 0.0 {
            let opens = window
                .start
                .as_deref()
                .and_then(|t| axis.at_later(t, grace));
            let closes = window.end.as_deref().and_then(|t| axis.at_later(t, -grace));
            for (from, to) in [(Some(from), opens), (closes, Some(to))] {
                if let (Some(from), Some(to)) = (from, to)
                    && from < to
                {
                    band(page, "grace", Some(&hatch), (from, to), ("0", "100%"))?;
                }
            }
        }
        Ok(())
    }

    fn windows(&self, page: &mut Page<'_>) -> io::Result<()> {
        let windows = &self.part.report.scope.windows;
        for (index, window) in windows.iter().enumerate().take(MARKS_MAX) {
            if let Some(span) = self.bounds(window) {
                inside(page, span, &label(index, window))?;
            }
        }
        Ok(())
    }

    fn phases(&self, page: &mut Page<'_>) -> io::Result<()> {
        let windows = &self.part.report.scope.windows;
        let height = STRIP.saturating_sub(2).to_string();
        for phase in windows.iter().flat_map(|w| &w.phases).take(MARKS_MAX) {
            let axis = &self.columns.axis;
            let time = |time: &Option<String>| time.as_deref().and_then(|t| axis.at(t));
            let (Some(from), Some(to)) = (time(&phase.start), time(&phase.end)) else {
                continue;
            };
            if from < to {
                band(page, "phase", None, (from, to), ("1", &height))?;
                inside(page, (from, to), &phase.name)?;
            }
        }
        Ok(())
    }

    /// Entries of the log by their place, from left to right.
    fn logged(&self) -> Vec<(f64, &Event)> {
        let axis = &self.columns.axis;
        let mut shown: Vec<(f64, &Event)> = events(self.part.report)
            .iter()
            .filter_map(|event| Some((axis.at(event.at.as_deref()?)?, event)))
            .take(MARKS_MAX)
            .collect();
        shown.sort_by(|(a, _), (b, _)| a.total_cmp(b));
        shown
    }

    fn log(&self, page: &mut Page<'_>) -> io::Result<()> {
        let shown = self.logged();
        for (index, (at, event)) in shown.iter().enumerate() {
            // As far as the next one, so that no two lie upon each other.
            let next = shown
                .get(index.saturating_add(1))
                .map_or(1.0, |(at, _)| *at);
            inside(page, (*at, next), &event.kind)?;
        }
        Ok(())
    }

    fn findings(&self, page: &mut Page<'_>) -> io::Result<()> {
        for (at, mark) in marks(self.part.report, self.columns) {
            let x = percent(at);
            let attributes = [
                ("x", x.as_str()),
                ("y", "2"),
                ("width", "1"),
                ("height", "16"),
                ("overflow", "visible"),
            ];
            page.tag("svg", &attributes, |page| {
                page.leaf("title", &[], &mark.words())?;
                let class = format!("mark {}", mark.sense.class());
                let attributes = [
                    ("class", class.as_str()),
                    ("transform", "translate(-8 0) scale(.667)"),
                    ("d", icon::outline(mark.sense)),
                ];
                page.leaf("path", &attributes, "")
            })?;
        }
        Ok(())
    }

    fn group(&self, page: &mut Page<'_>, lane: &groups::Lane) -> io::Result<()> {
        named(page, &lane.name, &lane.about)?;
        self.bars(page, lane.whose.class(), LANE, &lane.packets)
    }

    fn packets(&self, page: &mut Page<'_>, lane: &Lane) -> io::Result<()> {
        let (sum, most) = (self.columns.sum(lane), self.columns.most(lane));
        if sum == 0 {
            return Ok(());
        }
        let about = format!("{}, at most {most} in a column", count(sum, "packet"));
        named(page, lane.title, &about)?;
        let packets: Vec<u64> = self.columns.slots.iter().map(lane.of).collect();
        self.bars(page, lane.class, BARS, &packets)
    }

    /// A strip with a bar for each column that holds packets.
    fn bars(
        &self,
        page: &mut Page<'_>,
        class: &str,
        height: u32,
        packets: &[u64],
    ) -> io::Result<()> {
        let most = packets.iter().copied().max().unwrap_or(0);
        let mut path = String::new();
        for (column, packets) in packets.iter().enumerate().filter(|(_, n)| **n > 0) {
            let share = u128::from(*packets)
                .saturating_mul(100)
                .checked_div(u128::from(most))
                .unwrap_or(0);
            let height = share.max(u128::from(LOWEST));
            // Writing to a string cannot fail.
            let _ = write!(path, "M{column} 100v-{height}h1v{height}z");
        }
        let field = format!("0 0 {} 100", packets.len());
        let attributes = [
            ("x", "0"),
            ("width", "100%"),
            ("height", "100%"),
            ("viewBox", field.as_str()),
            ("preserveAspectRatio", "none"),
        ];
        self.strip(page, height, |page| {
            page.tag("svg", &attributes, |page| {
                page.leaf("path", &[("class", class), ("d", &path)], "")
            })
        })
    }

    fn axis(&self, page: &mut Page<'_>) -> io::Result<()> {
        let attributes = [
            ("class", "strip axis"),
            ("aria-hidden", "true"),
            ("focusable", "false"),
            ("height", "18"),
        ];
        page.tag("svg", &attributes, |page| {
            for quarters in 0..=4u32 {
                let x = percent(f64::from(quarters) / 4.0);
                let (anchor, class) = match quarters {
                    0 => ("start", "tick"),
                    4 => ("end", "tick"),
                    2 => ("middle", "tick"),
                    _ => ("middle", "tick wide"),
                };
                let attributes = [
                    ("class", class),
                    ("x", x.as_str()),
                    ("y", "13"),
                    ("text-anchor", anchor),
                ];
                page.leaf(
                    "text",
                    &attributes,
                    &self.columns.axis.tick(quarters.into()),
                )?;
            }
            Ok(())
        })
    }
}

fn events(report: &Report) -> &[Event] {
    report.case.as_ref().map_or(&[], |case| &case.events)
}

/// The words above a strip.
fn named(page: &mut Page<'_>, name: &str, about: &str) -> io::Result<()> {
    page.tag("div", &[("class", "lane")], |page| {
        page.leaf("strong", &[], name)?;
        if about.is_empty() {
            return Ok(());
        }
        page.text(" ")?;
        page.leaf("span", &[("class", "quiet")], about)
    })
}

fn band(
    page: &mut Page<'_>,
    class: &str,
    fill: Option<&str>,
    (from, to): (f64, f64),
    (y, height): (&str, &str),
) -> io::Result<()> {
    let (x, width) = (percent(from), percent(to - from));
    let mut attributes = vec![
        ("class", class),
        ("x", x.as_str()),
        ("y", y),
        ("width", width.as_str()),
        ("height", height),
    ];
    attributes.extend(fill.map(|fill| ("fill", fill)));
    page.leaf("rect", &attributes, "")
}

/// Words inside a span, where they have the room; the tables below name everything.
fn inside(page: &mut Page<'_>, (from, to): (f64, f64), words: &str) -> io::Result<()> {
    // Letters are few: names of windows, phases and entries.
    #[allow(clippy::cast_precision_loss)]
    let needs = words.chars().count() as f64 * LETTER + ROOM;
    let class = match to - from {
        share if share * NARROW >= needs => "",
        share if share * WIDE >= needs => "wide",
        _ => return Ok(()),
    };
    let (x, width) = (percent(from), percent(to - from));
    let attributes = [
        ("class", "inside"),
        ("x", x.as_str()),
        ("width", width.as_str()),
        ("height", "100%"),
    ];
    page.tag("svg", &attributes, |page| {
        let text = [("class", class), ("x", "4"), ("y", "14")];
        page.leaf("text", &text, words)
    })
}
