//! Windows cut time into epochs before the first packet is read.
//!
//! Every counter of the stream is kept per epoch, so that a window can be judged at the end
//! without a second pass. A packet belongs to the epoch of its own time, however late it comes.

use crate::error::Error;
use crate::evidence::Timestamp;

/// Windows of one run; each adds two boundaries, and counters are kept per epoch.
const WINDOWS_MAX: usize = 1000;

/// A bound of a window as it was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// An absolute time.
    At(Timestamp),
    /// Nanoseconds after the first packet.
    After(i64),
}

impl Bound {
    fn resolve(self, first: Timestamp) -> Timestamp {
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

/// A window in absolute time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Window {
    /// First instant inside.
    pub start: Timestamp,
    /// First instant outside.
    pub end: Timestamp,
}

impl Window {
    /// True for times inside; unknown times are in no window.
    pub fn contains(&self, time: Timestamp) -> bool {
        time != Timestamp::UNKNOWN && self.start <= time && time < self.end
    }
}

/// The epochs of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Epochs {
    windows: Vec<Window>,
    cuts: Vec<Timestamp>,
}

impl Epochs {
    /// Resolves the windows against the first packet's time. Without windows there is one epoch.
    ///
    /// # Errors
    /// Too many windows, or a relative one in a capture without times.
    pub fn new(specs: &[WindowSpec], first: Timestamp) -> Result<Self, Error> {
        if specs.len() > WINDOWS_MAX {
            return Err(Error::at(
                "--window",
                format!("more than {WINDOWS_MAX} windows"),
            ));
        }
        let mut windows = Vec::new();
        for spec in specs {
            let window = Window {
                start: spec.start.resolve(first),
                end: spec.end.resolve(first),
            };
            let unknown = window.start == Timestamp::UNKNOWN || window.end == Timestamp::UNKNOWN;
            if !unknown && window.start >= window.end {
                return Err(
                    Error::at("--window", "ends before it begins in this capture")
                        .advise("use the same kind of time for start and end"),
                );
            }
            // A capture without times has nothing inside any window; it is kept as such.
            windows.push(window);
        }
        windows.sort();
        windows.dedup();
        let mut cuts: Vec<Timestamp> = windows.iter().flat_map(|w| [w.start, w.end]).collect();
        cuts.sort();
        cuts.dedup();
        Ok(Self { windows, cuts })
    }

    /// The windows, in order of time; empty when the whole capture is meant.
    pub fn windows(&self) -> &[Window] {
        &self.windows
    }

    /// The epoch of a time; unknown times lie before the first window.
    pub fn of(&self, time: Timestamp) -> u32 {
        if self.cuts.is_empty() {
            return 0;
        }
        u32::try_from(self.cuts.partition_point(|cut| *cut <= time)).unwrap_or(u32::MAX)
    }

    /// The epochs that make up a window.
    pub fn within(&self, window: &Window) -> impl Fn(u32) -> bool + use<> {
        let from = self.of(window.start);
        let to = self.of(window.end);
        move |epoch| epoch >= from && epoch < to
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
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
        let epochs = Epochs::new(&specs, t(1000)).unwrap();
        let of: Vec<u32> = [1000, 1009, 1010, 1014, 1015, 1019, 1020, 1029, 1030]
            .map(|s| epochs.of(t(s)))
            .to_vec();
        assert_eq!(of, [0, 0, 1, 1, 2, 2, 3, 3, 4]);
        let inside = epochs.within(&epochs.windows()[0]);
        assert_eq!((0..5).filter(|e| inside(*e)).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(epochs.of(Timestamp::UNKNOWN), 0);
    }
}
