//! The axis of time: instants as shares of its length.

use jiff::{SignedDuration, Timestamp};

/// From the start of the first slot to the end of the last.
pub(super) struct Axis {
    start: Timestamp,
    seconds: u64,
}

impl Axis {
    /// `None` if `start` is no time.
    pub(super) fn new(start: &str, slots: u64, step: u64) -> Option<Self> {
        Some(Self {
            start: start.parse().ok()?,
            seconds: slots.saturating_mul(step).max(1),
        })
    }

    /// Where a time lies, from 0 to 1; times outside lie at the ends. `None` if it is no time.
    pub(super) fn at(&self, time: &str) -> Option<f64> {
        let time: Timestamp = time.parse().ok()?;
        Some(self.share(time.duration_since(self.start).as_secs_f64()))
    }

    /// Where a time lies that is `seconds` later than another.
    pub(super) fn at_later(&self, time: &str, seconds: f64) -> Option<f64> {
        let time: Timestamp = time.parse().ok()?;
        Some(self.share(time.duration_since(self.start).as_secs_f64() + seconds))
    }

    /// True for a time that the axis covers.
    pub(super) fn covers(&self, time: &str) -> bool {
        let Ok(time) = time.parse::<Timestamp>() else {
            return false;
        };
        let after = time.duration_since(self.start).as_secs_f64();
        (0.0..=self.length()).contains(&after)
    }

    #[allow(clippy::cast_precision_loss)]
    fn length(&self) -> f64 {
        self.seconds as f64
    }

    fn share(&self, seconds: f64) -> f64 {
        (seconds / self.length()).clamp(0.0, 1.0)
    }

    /// The time that lies so many seconds behind the start.
    pub(super) fn after(&self, seconds: u64) -> String {
        let after = SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX));
        match self.start.checked_add(after) {
            Ok(time) => time.to_string(),
            Err(_) => "later than any date".to_owned(),
        }
    }

    /// The end of the axis.
    pub(super) fn end(&self) -> String {
        self.after(self.seconds)
    }

    /// A tick at so many quarters of the axis: the time of day, and the date where days differ.
    pub(super) fn tick(&self, quarters: u64) -> String {
        const DAY: u64 = 86_400;
        let whole = self.after((self.seconds / 4).saturating_mul(quarters));
        // `2025-03-01T10:00:00Z`
        let (date, time) = whole.split_once('T').unwrap_or((&whole, ""));
        let time = time.get(..8).unwrap_or(time);
        match (self.seconds > DAY, date.split_once('-')) {
            (true, Some((_, day))) => format!("{day} {}", time.get(..5).unwrap_or(time)),
            _ => time.to_owned(),
        }
    }
}

/// A share as a length of SVG.
pub(super) fn percent(share: f64) -> String {
    format!("{:.3}%", share * 100.0)
}
