//! When something was at work: seconds, per interval, each with the first packet that shows it.

use crate::ground::moment::{Moment, Timestamp};
use std::collections::BTreeMap;

/// Distinct seconds with activity kept: more than eleven days.
pub(super) const ACTIVE_SECONDS_MAX: usize = 1_000_000;

/// Seconds in which something was active, per interval.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Activity {
    last: Option<(u32, i64)>,
    seconds: BTreeMap<(u32, i64), Moment>,
}

impl Activity {
    /// True when this second of this interval is marked already, or has no time.
    pub fn knows(&self, interval: u32, at: Moment) -> bool {
        match at.time.nanos() {
            Some(nanos) => {
                let mark = (interval, nanos.div_euclid(Timestamp::SECOND));
                self.last == Some(mark) || self.seconds.contains_key(&mark)
            }
            None => true,
        }
    }

    /// Marks a second.
    pub fn mark(&mut self, interval: u32, at: Moment) {
        if let Some(nanos) = at.time.nanos() {
            let mark = (interval, nanos.div_euclid(Timestamp::SECOND));
            self.last = Some(mark);
            if self.seconds.len() < ACTIVE_SECONDS_MAX {
                self.seconds.entry(mark).or_insert(at);
            }
        }
    }

    /// The marked moments of an interval.
    pub fn moments(&self, interval: u32) -> impl Iterator<Item = Moment> {
        self.seconds
            .range((interval, i64::MIN)..=(interval, i64::MAX))
            .map(|(_, moment)| *moment)
    }
}
