//! Windows cut time into intervals before the first packet is read.
//!
//! Every counter of the stream is kept per interval, so that a window can be judged at the end
//! without a second pass. A packet belongs to the interval of its own time, however late it comes. One
//! without a time has an interval of its own, which is part of every window: that it lies outside cannot
//! be said.

use crate::ground::error::Error;
use crate::ground::moment::Timestamp;

/// Windows of one run; each adds two boundaries, and counters are kept per interval.
pub(crate) const WINDOWS_MAX: usize = 1000;

/// The interval of packets without a time, where windows cut time.
pub const TIMELESS: u32 = u32::MAX;

/// A bound of a window as it was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// An absolute time.
    At(Timestamp),
    /// Nanoseconds after the first packet.
    After(i64),
}

impl Bound {
    /// The time that it means, given the first packet's; unknown if it is relative and that is unknown.
    pub fn resolve(self, first: Timestamp) -> Timestamp {
        match self {
            Self::At(time) => time,
            Self::After(nanos) => first.plus(nanos),
        }
    }
}

/// A window as it was given: half open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WindowSpec {
    /// First instant inside.
    pub start: Bound,
    /// First instant outside.
    pub end: Bound,
}

/// A window with what a case file says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedWindow {
    /// Its bounds.
    pub spec: WindowSpec,
    /// Its name.
    pub name: Option<String>,
    /// Nanoseconds after its start and before its end in which traffic contradicts nothing alone:
    /// nobody throws a switch to the second.
    pub grace: i64,
    /// Its parts, by name.
    pub phases: Vec<(String, WindowSpec)>,
}

impl From<WindowSpec> for PlannedWindow {
    fn from(spec: WindowSpec) -> Self {
        Self {
            spec,
            name: None,
            grace: 0,
            phases: Vec::new(),
        }
    }
}

/// Everything that cuts time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Schedule {
    /// When the mode was on; empty for the whole capture.
    pub windows: Vec<PlannedWindow>,
    /// Other spans that matter, by kind: events of the auditor's log.
    pub marks: Vec<(String, WindowSpec)>,
    /// Nanoseconds at the ends of each window in which planted traffic has to show.
    pub ends: i64,
}

impl Schedule {
    /// Windows without further words.
    pub fn of(windows: &[WindowSpec]) -> Self {
        Self {
            windows: windows.iter().copied().map(Into::into).collect(),
            ..Self::default()
        }
    }
}

/// A window in absolute time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Window {
    /// First instant inside.
    pub start: Timestamp,
    /// First instant outside.
    pub end: Timestamp,
}

impl Window {
    /// True for known times inside.
    pub fn contains(&self, time: Timestamp) -> bool {
        time != Timestamp::UNKNOWN && self.start <= time && time < self.end
    }
}

/// What a case file says of a window, in absolute time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Detail {
    /// Its name.
    pub name: Option<String>,
    /// Nanoseconds of grace at both ends.
    pub grace: i64,
    /// Its parts, by name.
    pub phases: Vec<(String, Window)>,
}

impl Detail {
    /// What is left of the window without its grace.
    pub fn tested(&self, window: &Window) -> Window {
        Window {
            start: window.start.plus(self.grace),
            end: window.end.plus(-self.grace),
        }
    }
}

/// The intervals of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Intervals {
    windows: Vec<Window>,
    details: Vec<Detail>,
    marks: Vec<(String, Window)>,
    cuts: Vec<Timestamp>,
}

impl Intervals {
    /// Resolves the schedule against the first packet's time. Without any there is one interval.
    ///
    /// # Errors
    /// Too many windows, one that ends before it begins, or one shorter than its grace.
    pub fn new(schedule: &Schedule, first: Timestamp) -> Result<Self, Error> {
        if schedule.windows.len() + schedule.marks.len() > WINDOWS_MAX {
            return Err(Error::at(
                "--window",
                format!("more than {WINDOWS_MAX} windows and events"),
            ));
        }
        let resolve = |spec: &WindowSpec| Window {
            start: spec.start.resolve(first),
            end: spec.end.resolve(first),
        };
        let backwards = |w: &Window| {
            w.start != Timestamp::UNKNOWN && w.end != Timestamp::UNKNOWN && w.start >= w.end
        };
        let mut windows: Vec<(Window, Detail)> = Vec::new();
        for planned in &schedule.windows {
            let window = resolve(&planned.spec);
            let detail = Detail {
                name: planned.name.clone(),
                grace: planned.grace,
                phases: planned
                    .phases
                    .iter()
                    .map(|(name, spec)| (name.clone(), resolve(spec)))
                    .collect(),
            };
            if backwards(&window) {
                return Err(
                    Error::at("--window", "ends before it begins in this capture")
                        .advise("use the same kind of time for start and end"),
                );
            }
            if detail.grace > 0 && backwards(&detail.tested(&window)) {
                let name = detail.name.as_deref().unwrap_or("a window");
                return Err(
                    Error::at(name, "the window is no longer than its grace at both ends")
                        .advise("give it a shorter grace"),
                );
            }
            // A capture without times has nothing inside any window; it is kept as such.
            windows.push((window, detail));
        }
        windows.sort_by_key(|(window, _)| *window);
        windows.dedup_by_key(|(window, _)| *window);
        let (windows, details): (Vec<Window>, Vec<Detail>) = windows.into_iter().unzip();
        let marks: Vec<(String, Window)> = schedule
            .marks
            .iter()
            .map(|(kind, spec)| (kind.clone(), resolve(spec)))
            .collect();
        let mut cuts: Vec<Timestamp> = Vec::new();
        for (window, detail) in windows.iter().zip(&details) {
            cuts.extend([window.start, window.end]);
            for grace in [detail.grace, schedule.ends].into_iter().filter(|g| *g > 0) {
                cuts.extend([window.start.plus(grace), window.end.plus(-grace)]);
            }
            cuts.extend(detail.phases.iter().flat_map(|(_, w)| [w.start, w.end]));
        }
        cuts.extend(marks.iter().flat_map(|(_, w)| [w.start, w.end]));
        cuts.sort();
        cuts.dedup();
        Ok(Self {
            windows,
            details,
            marks,
            cuts,
        })
    }

    /// What is said of each window, in the same order.
    pub fn details(&self) -> &[Detail] {
        &self.details
    }

    /// Spans of the auditor's log, by kind.
    pub fn marks(&self) -> &[(String, Window)] {
        &self.marks
    }

    /// The windows, in order of time; empty when the whole capture is meant.
    pub fn windows(&self) -> &[Window] {
        &self.windows
    }

    /// The interval of a time; unknown times have their own.
    pub fn of(&self, time: Timestamp) -> u32 {
        if self.cuts.is_empty() {
            return 0;
        }
        if time == Timestamp::UNKNOWN {
            return TIMELESS;
        }
        u32::try_from(self.cuts.partition_point(|cut| *cut <= time)).unwrap_or(TIMELESS - 1)
    }

    /// The intervals that make up a window, packets without a time included.
    pub fn within(&self, window: &Window) -> impl Fn(u32) -> bool + use<> {
        let timed = self.surely_within(window);
        move |interval| interval == TIMELESS || timed(interval)
    }

    /// The intervals that lie in a span by their times: for what acquits.
    pub fn surely_within(&self, window: &Window) -> impl Fn(u32) -> bool + use<> {
        let from = self.of(window.start);
        let to = self.of(window.end);
        move |interval| interval >= from && interval < to && interval != TIMELESS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_half_open_and_cut_time() {
        let t = |s: i64| Timestamp::from_nanos(i128::from(s) * i128::from(Timestamp::SECOND));
        let after = |start: i64, end: i64| WindowSpec {
            start: Bound::After(start * Timestamp::SECOND),
            end: Bound::After(end * Timestamp::SECOND),
        };
        let specs = [after(10, 20), after(15, 30)];
        let intervals = Intervals::new(&Schedule::of(&specs), t(1000)).unwrap();
        let of: Vec<u32> = [1000, 1009, 1010, 1014, 1015, 1019, 1020, 1029, 1030]
            .map(|s| intervals.of(t(s)))
            .to_vec();
        assert_eq!(of, [0, 0, 1, 1, 2, 2, 3, 3, 4]);
        let inside = intervals.within(&intervals.windows()[0]);
        assert_eq!((0..5).filter(|e| inside(*e)).collect::<Vec<_>>(), [1, 2]);
        // What has no time cannot be said to lie outside, nor inside what acquits.
        assert_eq!(intervals.of(Timestamp::UNKNOWN), TIMELESS);
        assert!(inside(TIMELESS));
        assert!(!intervals.surely_within(&intervals.windows()[0])(TIMELESS));
    }
}
