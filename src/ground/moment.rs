//! Where a fact was seen: the input, the frame in it, and the time on it.

use jiff::fmt::temporal::DateTimePrinter;
use serde::{Deserialize, Serialize};

/// Nanoseconds since 1970-01-01T00:00:00Z, or unknown (a pcapng Simple Packet Block carries no time).
///
/// Unknown sorts before every known time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The time of a packet whose format records none.
    pub const UNKNOWN: Self = Self(i64::MIN);
    /// One second in the unit of this type.
    pub const SECOND: i64 = 1_000_000_000;

    /// From nanoseconds; what does not fit (before 1677 or after 2262) is unknown.
    #[inline]
    pub fn from_nanos(nanos: i128) -> Self {
        match i64::try_from(nanos) {
            Ok(n) if n != i64::MIN => Self(n),
            _ => Self::UNKNOWN,
        }
    }

    /// Nanoseconds since 1970, if known.
    #[inline]
    pub fn nanos(self) -> Option<i64> {
        (self != Self::UNKNOWN).then_some(self.0)
    }

    /// `self - earlier` in nanoseconds, saturating; `None` when either is unknown.
    #[inline]
    pub fn since(self, earlier: Self) -> Option<i64> {
        Some(self.nanos()?.saturating_sub(earlier.nanos()?))
    }

    /// Later by `nanos` (unknown stays unknown).
    #[must_use]
    pub fn plus(self, nanos: i64) -> Self {
        match self.nanos() {
            Some(n) => Self(n.saturating_add(nanos).max(i64::MIN + 1)),
            None => self,
        }
    }

    /// RFC 3339 in UTC with `digits` digits of fraction (at most nine); `None` when unknown.
    pub fn rfc3339(self, digits: u8) -> Option<String> {
        let stamp = jiff::Timestamp::from_nanosecond(i128::from(self.nanos()?)).ok()?;
        let digits = digits.min(9);
        // It truncates toward zero, as a capture with fewer digits would have written it.
        let printer = DateTimePrinter::new().precision(Some(digits));
        Some(printer.timestamp_to_string(&stamp))
    }
}

/// A frame of an input: what a reader types into Wireshark to see the same packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(Default))]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct FrameRef {
    /// Index in the report's `inputs`.
    pub input: u32,
    /// 1-based count of packet records in that input.
    pub frame: u64,
}

/// A frame and its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment {
    /// When it was captured.
    pub time: Timestamp,
    /// Which frame it is.
    pub at: FrameRef,
}

impl Moment {
    /// A moment without a frame, later than none: the start value when looking for the first.
    pub const NONE: Self = Self {
        time: Timestamp::UNKNOWN,
        at: FrameRef { input: 0, frame: 0 },
    };

    /// True for [`Moment::NONE`]: frames count from one.
    pub fn is_none(&self) -> bool {
        self.at.frame == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_with_the_precision_asked_for() {
        let t = Timestamp::from_nanos(1_740_823_200_123_456_789);
        assert_eq!(
            t.rfc3339(9).as_deref(),
            Some("2025-03-01T10:00:00.123456789Z")
        );
        assert_eq!(t.rfc3339(6).as_deref(), Some("2025-03-01T10:00:00.123456Z"));
        assert_eq!(t.rfc3339(0).as_deref(), Some("2025-03-01T10:00:00Z"));
        assert_eq!(Timestamp::UNKNOWN.rfc3339(6), None);
        assert_eq!(Timestamp::from_nanos(i128::MAX), Timestamp::UNKNOWN);
    }
}
