//! The drawing: lengths across are percent of the window, lengths down are pixels, so that it
//! fits every width and its letters keep their size.

use super::axis::percent;
use super::marks::{legend, marks};
use super::{Columns, LANES, Lane, MARKS_MAX, described, label};
use crate::tell::report::html::markup::Page;
use crate::tell::report::html::{Part, icon};
use crate::tell::report::v1::{Event, Report, Window};
use crate::tell::report::words::count;
use std::fmt::Write as _;
use std::io;

/// Height of a strip: windows, phases, log, findings.
const STRIP: u32 = 22;
/// Height of the words above a lane.
const TITLE: u32 = 18;
/// Height of a lane's bars.
const BARS: u32 = 34;
/// Space below a lane.
const GAP: u32 = 8;
/// Height of the axis.
const AXIS: u32 = 22;
/// Lowest bar that is drawn for something, of 100.
const LOWEST: u64 = 8;

/// The figure with its caption and legend.
pub(super) fn figure(page: &mut Page<'_>, part: &Part<'_>, columns: &Columns) -> io::Result<()> {
    let report = part.report;
    page.tag("figure", &[], |page| {
        Drawing {
            part,
            columns,
            y: 0,
        }
        .draw(page)?;
        let axis = &columns.axis;
        let caption = format!(
            "Packets by scope in columns of {} s, from {} to {} (UTC). Each lane has a scale of its own.",
            columns.seconds(&report.timeline),
            axis.after(0),
            axis.end(),
        );
        page.leaf("figcaption", &[], &caption)?;
        legend(page, report)
    })
}

struct Drawing<'a> {
    part: &'a Part<'a>,
    columns: &'a Columns,
    /// How far down the next strip begins.
    y: u32,
}

impl Drawing<'_> {
    fn draw(mut self, page: &mut Page<'_>) -> io::Result<()> {
        let report = self.part.report;
        let (title, about) = (self.part.id("drawing"), self.part.id("drawing-text"));
        let strips = strips(report);
        let lanes = LANES.iter().map(|lane| deep(self.columns.sum(lane)));
        let height = strips
            .saturating_mul(STRIP)
            .saturating_add(lanes.fold(0u32, u32::saturating_add))
            .saturating_add(AXIS)
            .to_string();
        let labelled = format!("{title} {about}");
        let attributes = [
            ("class", "drawing"),
            ("role", "img"),
            ("aria-labelledby", labelled.as_str()),
            ("width", "100%"),
            ("height", height.as_str()),
        ];
        page.tag("svg", &attributes, |page| {
            page.leaf("title", &[("id", &title)], "Packets by scope over time")?;
            page.leaf("desc", &[("id", &about)], &described(report, self.columns))?;
            self.hatch(page)?;
            let bottom = height.parse::<u32>().unwrap_or(0).saturating_sub(AXIS);
            self.windows(page, bottom)?;
            self.phases(page)?;
            self.log(page, bottom)?;
            self.findings(page)?;
            for lane in &LANES {
                self.lane(page, lane)?;
            }
            self.axis(page)
        })
    }

    /// A pattern of its own for every drawing, as ids are the page's.
    fn hatch(&self, page: &mut Page<'_>) -> io::Result<()> {
        let id = self.part.id("hatch");
        let attributes = [
            ("id", id.as_str()),
            ("width", "6"),
            ("height", "6"),
            ("patternUnits", "userSpaceOnUse"),
            ("patternTransform", "rotate(45)"),
        ];
        page.tag("defs", &[], |page| {
            page.tag("pattern", &attributes, |page| {
                page.leaf(
                    "path",
                    &[("class", "hatch"), ("d", "M0 0v6"), ("stroke-width", "3")],
                    "",
                )
            })
        })
    }

    fn windows(&mut self, page: &mut Page<'_>, bottom: u32) -> io::Result<()> {
        let windows = &self.part.report.scope.windows;
        if windows.is_empty() {
            return Ok(());
        }
        for (index, window) in windows.iter().enumerate().take(MARKS_MAX) {
            self.window(page, window, &label(index, window), bottom)?;
        }
        self.y = self.y.saturating_add(STRIP);
        Ok(())
    }

    fn window(
        &self,
        page: &mut Page<'_>,
        window: &Window,
        name: &str,
        bottom: u32,
    ) -> io::Result<()> {
        let axis = &self.columns.axis;
        let time = |time: &Option<String>, open: f64| match time {
            Some(time) => axis.at(time),
            None => Some(open),
        };
        let (Some(from), Some(to)) = (time(&window.start, 0.0), time(&window.end, 1.0)) else {
            return Ok(());
        };
        if from >= to {
            return Ok(());
        }
        let down = bottom.to_string();
        band(page, "window", None, (from, to), "0", &down)?;
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
                    band(page, "grace", Some(&hatch), (from, to), "0", &down)?;
                }
            }
        }
        clipped(page, "inside", (from, to), 0, name)
    }

    fn phases(&mut self, page: &mut Page<'_>) -> io::Result<()> {
        let windows = &self.part.report.scope.windows;
        if windows.iter().all(|window| window.phases.is_empty()) {
            return Ok(());
        }
        let (y, height) = (self.y.to_string(), STRIP.saturating_sub(3).to_string());
        for phase in windows.iter().flat_map(|w| &w.phases).take(MARKS_MAX) {
            let axis = &self.columns.axis;
            let time = |time: &Option<String>| time.as_deref().and_then(|t| axis.at(t));
            let (Some(from), Some(to)) = (time(&phase.start), time(&phase.end)) else {
                continue;
            };
            if from < to {
                band(page, "phase", None, (from, to), &y, &height)?;
                clipped(page, "inside", (from, to), self.y, &phase.name)?;
            }
        }
        self.y = self.y.saturating_add(STRIP);
        Ok(())
    }

    fn log(&mut self, page: &mut Page<'_>, bottom: u32) -> io::Result<()> {
        let events = events(self.part.report);
        if events.is_empty() {
            return Ok(());
        }
        let axis = &self.columns.axis;
        let mut shown: Vec<(f64, &Event)> = events
            .iter()
            .filter_map(|event| Some((axis.at(event.at.as_deref()?)?, event)))
            .take(MARKS_MAX)
            .collect();
        shown.sort_by(|(a, _), (b, _)| a.total_cmp(b));
        let (top, down) = (self.y.to_string(), bottom.to_string());
        for (index, (at, event)) in shown.iter().enumerate() {
            let x = percent(*at);
            let line = [
                ("class", "event"),
                ("x1", x.as_str()),
                ("x2", x.as_str()),
                ("y1", top.as_str()),
                ("y2", down.as_str()),
            ];
            page.leaf("line", &line, "")?;
            // As far as the next one, so that no two lie upon each other.
            let next = shown
                .get(index.saturating_add(1))
                .map_or(1.0, |(at, _)| *at);
            clipped(page, "logged", (*at, next), self.y, &event.kind)?;
        }
        self.y = self.y.saturating_add(STRIP);
        Ok(())
    }

    fn findings(&mut self, page: &mut Page<'_>) -> io::Result<()> {
        let report = self.part.report;
        if report.findings.is_empty() {
            return Ok(());
        }
        for (at, mark) in marks(report, self.columns) {
            let half = STRIP / 2;
            let y = self.y.saturating_add(half.saturating_sub(8)).to_string();
            let x = percent(at);
            let attributes = [
                ("x", x.as_str()),
                ("y", y.as_str()),
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
        self.y = self.y.saturating_add(STRIP);
        Ok(())
    }

    fn lane(&mut self, page: &mut Page<'_>, lane: &Lane) -> io::Result<()> {
        let (sum, most) = (self.columns.sum(lane), self.columns.most(lane));
        let seconds = self.columns.seconds(&self.part.report.timeline);
        let words = match sum {
            0 => "no packet".to_owned(),
            sum => format!("{}, at most {most} in {seconds} s", count(sum, "packet")),
        };
        let base = self.y.saturating_add(TITLE - 5).to_string();
        page.tag("text", &[("x", "2"), ("y", &base)], |page| {
            page.leaf("tspan", &[("class", "lane")], lane.title)?;
            page.leaf("tspan", &[("dx", "8"), ("class", "quiet")], &words)
        })?;
        let top = self.y.saturating_add(TITLE);
        self.y = self.y.saturating_add(deep(sum));
        let foot = self.y.saturating_sub(GAP).to_string();
        let (top, height) = (top.to_string(), BARS.to_string());
        let field = format!("0 0 {} 100", self.columns.slots.len());
        let attributes = [
            ("x", "0"),
            ("y", top.as_str()),
            ("width", "100%"),
            ("height", height.as_str()),
            ("viewBox", field.as_str()),
            ("preserveAspectRatio", "none"),
        ];
        if sum > 0 {
            page.tag("svg", &attributes, |page| {
                page.leaf(
                    "path",
                    &[("class", lane.class), ("d", &self.bars(lane, most))],
                    "",
                )
            })?;
        }
        let line = [
            ("class", "foot"),
            ("x1", "0"),
            ("x2", "100%"),
            ("y1", foot.as_str()),
            ("y2", foot.as_str()),
        ];
        page.leaf("line", &line, "")
    }

    fn bars(&self, lane: &Lane, most: u64) -> String {
        let mut path = String::new();
        for slot in &self.columns.slots {
            let packets = (lane.of)(slot);
            if packets == 0 {
                continue;
            }
            let share = u128::from(packets)
                .saturating_mul(100)
                .checked_div(u128::from(most))
                .unwrap_or(0);
            let height = share.max(u128::from(LOWEST));
            // Writing to a string cannot fail.
            let _ = write!(path, "M{} 100v-{height}h1v{height}z", slot.slot);
        }
        path
    }

    fn axis(&self, page: &mut Page<'_>) -> io::Result<()> {
        let y = self.y.saturating_add(AXIS - 8).to_string();
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
                ("y", y.as_str()),
                ("text-anchor", anchor),
            ];
            page.leaf(
                "text",
                &attributes,
                &self.columns.axis.tick(quarters.into()),
            )?;
        }
        Ok(())
    }
}

fn events(report: &Report) -> &[Event] {
    report.case.as_ref().map_or(&[], |case| &case.events)
}

/// Height of a lane; one without packets needs no room for bars.
fn deep(packets: u64) -> u32 {
    match packets {
        0 => TITLE + GAP,
        _ => TITLE + BARS + GAP,
    }
}

/// Strips above the lanes.
fn strips(report: &Report) -> u32 {
    let windows = &report.scope.windows;
    [
        !windows.is_empty(),
        windows.iter().any(|window| !window.phases.is_empty()),
        !events(report).is_empty(),
        !report.findings.is_empty(),
    ]
    .into_iter()
    .map(u32::from)
    .sum()
}

fn band(
    page: &mut Page<'_>,
    class: &str,
    fill: Option<&str>,
    (from, to): (f64, f64),
    y: &str,
    height: &str,
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

/// Words that end where their span ends.
fn clipped(
    page: &mut Page<'_>,
    class: &str,
    (from, to): (f64, f64),
    y: u32,
    words: &str,
) -> io::Result<()> {
    let (x, width) = (percent(from), percent(to - from));
    let (y, height) = (y.to_string(), STRIP.to_string());
    let attributes = [
        ("class", class),
        ("x", x.as_str()),
        ("y", y.as_str()),
        ("width", width.as_str()),
        ("height", height.as_str()),
    ];
    page.tag("svg", &attributes, |page| {
        page.leaf("title", &[], words)?;
        page.leaf("text", &[("x", "4"), ("y", "14")], words)
    })
}
