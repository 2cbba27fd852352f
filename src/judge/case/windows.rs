//! Windows, their phases, and the auditor's log.
//!
//! Times are given by the clock, or after the first packet of the session. Order and overlap of
//! times of one kind are checked when the file is read; of mixed kinds when the first packet's time
//! is known, by [`resolve`].

use super::source::{Text, quoted};
use super::{raw, value};
use crate::ground::error::Error;
use crate::ground::interval;
use crate::ground::interval::{Bound, WINDOWS_MAX, WindowSpec};
use crate::ground::moment::Timestamp;
use crate::ground::place::Place;
use std::cmp::Ordering;

/// Length at both ends of a window in which traffic contradicts nothing alone: a hand that switches
/// the mode and writes down the time is seconds slower than the packets.
const GRACE: i64 = 5 * Timestamp::SECOND;

/// Phases with a meaning of their own.
pub const PHASES: [&str; 5] = ["launch", "connect", "fly", "land", "background"];

/// Kinds of events with a meaning of their own.
pub const EVENTS: [&str; 3] = ["share", "mode-on", "mode-off"];

/// A time in which the mode was on.
#[derive(Debug, Clone, PartialEq)]
pub struct Window {
    /// Its name, unique in the case file.
    pub name: String,
    /// When, by the true time.
    pub spec: WindowSpec,
    /// Nanoseconds after its start and before its end in which traffic contradicts nothing alone.
    pub grace: i64,
    /// Its parts, in the order of the file.
    pub phases: Vec<Phase>,
    places: Places,
}

/// A part of a window.
#[derive(Debug, Clone, PartialEq)]
pub struct Phase {
    /// One of [`PHASES`], or the auditor's own word.
    pub name: String,
    /// When, by the true time.
    pub spec: WindowSpec,
    places: Places,
}

/// Where a start and an end stand in the file.
#[derive(Debug, Clone, PartialEq)]
struct Places {
    start: Place,
    end: Place,
}

/// What an event is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventKind {
    /// The user uploads something on purpose.
    Share,
    /// The mode was switched on.
    ModeOn,
    /// The mode was switched off.
    ModeOff,
    /// The auditor's own word.
    Own(String),
}

impl EventKind {
    /// The word in the case file and in reports.
    pub fn id(&self) -> &str {
        match self {
            Self::Share => "share",
            Self::ModeOn => "mode-on",
            Self::ModeOff => "mode-off",
            Self::Own(word) => word,
        }
    }
}

/// A line of the auditor's log.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// When it happened or began, by the true time.
    pub at: Bound,
    /// When it ended, if it has a length; a share always has one.
    pub until: Option<Bound>,
    /// What it is.
    pub kind: EventKind,
    /// In words.
    pub text: Option<String>,
    places: Places,
}

impl Window {
    pub(super) fn read(text: &Text, raw: &raw::Window) -> Result<Self, Error> {
        let phase = |raw: &raw::Phase| {
            let name = value::known_or_own(text, "phase", &PHASES, &raw.name)?;
            let (spec, places) = span(text, &raw.start, &raw.end)?;
            Ok(Phase { name, spec, places })
        };
        let (spec, places) = span(text, &raw.start, &raw.end)?;
        Ok(Self {
            name: value::word(text, "name", &raw.name)?,
            spec,
            grace: raw
                .grace
                .as_ref()
                .map_or(Ok(GRACE), |grace| value::length(text, "grace", grace))?,
            phases: raw.phases.iter().map(phase).collect::<Result<_, _>>()?,
            places,
        })
    }
}

fn span(
    text: &Text,
    start: &super::Spot<raw::Time>,
    end: &super::Spot<raw::Time>,
) -> Result<(WindowSpec, Places), Error> {
    let spec = WindowSpec {
        start: value::time(text, start)?,
        end: value::time(text, end)?,
    };
    let places = Places {
        start: text.place(start.span.start),
        end: text.place(end.span.start),
    };
    Ok((spec, places))
}

impl Event {
    pub(super) fn read(text: &Text, raw: &raw::Event) -> Result<Self, Error> {
        let at = value::time(text, &raw.at)?;
        let kind = match value::known_or_own(text, "kind", &EVENTS, &raw.kind)?.as_str() {
            "share" => EventKind::Share,
            "mode-on" => EventKind::ModeOn,
            "mode-off" => EventKind::ModeOff,
            own => EventKind::Own(own.to_owned()),
        };
        let (until, end) = match (&raw.until, &raw.lasting) {
            (Some(_), Some(lasting)) => {
                return Err(text
                    .error(&lasting.span, "an event has both 'until' and 'for'")
                    .advise("keep one of them"));
            }
            (Some(until), None) => (Some(value::time(text, until)?), &until.span),
            (None, Some(lasting)) => {
                let nanos = value::length(text, "for", lasting)?;
                let until = match at {
                    Bound::At(time) => Bound::At(time.plus(nanos)),
                    Bound::After(start) => Bound::After(start.saturating_add(nanos)),
                };
                (Some(until), &lasting.span)
            }
            (None, None) if kind == EventKind::Share => {
                // At an instant it would cover no packet, and every upload would contradict.
                return Err(text
                    .error(&raw.kind.span, "a share has neither 'until' nor 'for'")
                    .advise("say how long the upload took, such as for = \"30s\""));
            }
            (None, None) => (None, &raw.at.span),
        };
        Ok(Self {
            at,
            until,
            kind,
            text: raw.text.clone(),
            places: Places {
                start: text.place(raw.at.span.start),
                end: text.place(end.start),
            },
        })
    }
}

/// The windows in absolute time, in the order of the file.
pub(super) fn resolve(windows: &[Window], first: Timestamp) -> Vec<interval::Window> {
    let resolved = |window: &Window| interval::Window {
        start: window.spec.start.resolve(first),
        end: window.spec.end.resolve(first),
    };
    windows.iter().map(resolved).collect()
}

/// Refuses times in the wrong order, overlaps, and phases outside their window, as far as they can
/// be compared without the first packet's time, or with it.
pub(super) fn check(
    windows: &[Window],
    events: &[Event],
    first: Option<Timestamp>,
) -> Result<(), Error> {
    let clock = Clock(first);
    let all = windows.iter().map(|window| &window.places);
    let mut all = all.chain(events.iter().map(|event| &event.places));
    if let Some(places) = all.nth(WINDOWS_MAX) {
        let what = format!("more than {WINDOWS_MAX} windows and events");
        return Err(places.start.error(what).advise("split the case"));
    }
    for (index, window) in windows.iter().enumerate() {
        let name = format!("window '{}'", window.name);
        clock.ordered(&name, window.spec, &window.places)?;
        clock.grace(&name, window)?;
        let before = windows.iter().take(index);
        if let Some(other) = before.clone().find(|other| other.name == window.name) {
            let what = format!(
                "{name} is declared in line {} already",
                other.places.start.line
            );
            return Err(window
                .places
                .start
                .error(what)
                .advise("give each its own name"));
        }
        let overlap = before.clone().find(|o| clock.overlap(o.spec, window.spec));
        if let Some(other) = overlap {
            return Err(window
                .places
                .start
                .error(format!("{name} overlaps window '{}'", other.name))
                .advise("begin it where the other ends, or later"));
        }
        check_phases(clock, window)?;
    }
    for event in events {
        if let Some(until) = event.until
            && clock.compare(event.at, until) == Some(Ordering::Greater)
        {
            let what = format!(
                "the event {} ends before it begins",
                quoted(event.kind.id())
            );
            return Err(event.places.end.error(what).advise("write a later time"));
        }
    }
    Ok(())
}

fn check_phases(clock: Clock, window: &Window) -> Result<(), Error> {
    if let Some(phase) = window.phases.get(WINDOWS_MAX) {
        let what = format!("more than {WINDOWS_MAX} phases in a window");
        return Err(phase.places.start.error(what).advise("join some"));
    }
    for (index, phase) in window.phases.iter().enumerate() {
        let name = format!("phase '{}'", phase.name);
        clock.ordered(&name, phase.spec, &phase.places)?;
        if clock.compare(phase.spec.start, window.spec.start) == Some(Ordering::Less) {
            let what = format!("{name} begins before its window '{}'", window.name);
            return Err(phase
                .places
                .start
                .error(what)
                .advise("begin it with the window, or later"));
        }
        if clock.compare(phase.spec.end, window.spec.end) == Some(Ordering::Greater) {
            let what = format!("{name} ends after its window '{}'", window.name);
            return Err(phase
                .places
                .end
                .error(what)
                .advise("end it with the window, or earlier"));
        }
        let mut before = window.phases.iter().take(index);
        if let Some(other) = before.find(|other| clock.overlap(other.spec, phase.spec)) {
            let what = format!("{name} overlaps phase '{}'", other.name);
            return Err(phase
                .places
                .start
                .error(what)
                .advise("begin it where the other ends, or later"));
        }
    }
    Ok(())
}

/// Compares times, with the first packet's time or without it.
#[derive(Clone, Copy)]
struct Clock(Option<Timestamp>);

impl Clock {
    /// `None` where only the first packet can tell.
    fn compare(self, a: Bound, b: Bound) -> Option<Ordering> {
        match (a, b, self.0) {
            (Bound::At(a), Bound::At(b), _) => Some(a.cmp(&b)),
            (Bound::After(a), Bound::After(b), _) => Some(a.cmp(&b)),
            (_, _, Some(first)) if first != Timestamp::UNKNOWN => {
                Some(a.resolve(first).cmp(&b.resolve(first)))
            }
            _ => None,
        }
    }

    fn ordered(self, name: &str, spec: WindowSpec, places: &Places) -> Result<(), Error> {
        if matches!(
            self.compare(spec.start, spec.end),
            Some(Ordering::Greater | Ordering::Equal)
        ) {
            let what = format!("{name} does not end after it begins");
            return Err(places
                .end
                .error(what)
                .advise("write an end that is later than the start"));
        }
        Ok(())
    }

    /// A window that is all grace could contradict nothing.
    fn grace(self, name: &str, window: &Window) -> Result<(), Error> {
        let twice = window.grace.saturating_mul(2);
        let length = match (window.spec.start, window.spec.end, self.0) {
            (Bound::At(start), Bound::At(end), _) => end.since(start),
            (Bound::After(start), Bound::After(end), _) => end.checked_sub(start),
            (start, end, Some(first)) => end.resolve(first).since(start.resolve(first)),
            _ => None,
        };
        if length.is_some_and(|length| length <= twice) {
            let what = format!("the grace at both ends of {name} leaves nothing between them");
            return Err(window
                .places
                .end
                .error(what)
                .advise("write a grace of less than half of the window, such as grace = \"0s\""));
        }
        Ok(())
    }

    fn overlap(self, a: WindowSpec, b: WindowSpec) -> bool {
        self.compare(a.start, b.end) == Some(Ordering::Less)
            && self.compare(b.start, a.end) == Some(Ordering::Less)
    }
}
