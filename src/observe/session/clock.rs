//! What time a series covers: the extent of each interval, silences, and steps of the clock.

use crate::evidence::{Extent, TimeGap};
use crate::ground::moment::{Moment, Timestamp};
use std::collections::BTreeMap;

/// Silences and steps listed; more are told as a limit.
const TIME_GAPS_MAX: usize = 10_000;
/// A step of the clock backwards by more than this is kept, whatever the limit: where it carries
/// packets across the edge of a window, it counts (contract, "Stages"). Interfaces and processors
/// deliver packets out of order by far less.
const STEP_BACK: i64 = 5 * Timestamp::SECOND;

/// Follows the times of the packets in file order.
pub(super) struct Clock {
    limit: i64,
    extents: BTreeMap<u32, Extent>,
    /// The interval at work, so that most packets need no search.
    current: Option<(u32, Extent)>,
    gaps: Vec<TimeGap>,
    last: Option<Moment>,
    /// The latest packet so far.
    latest: Option<Moment>,
    /// The gap of the step back that packets are behind of, until the clock has caught up.
    behind: Option<usize>,
    /// More gaps than are listed.
    over: Option<Moment>,
}

impl Clock {
    /// Silence or a step beyond `limit` nanoseconds is noted.
    pub(super) fn new(limit: i64) -> Self {
        Self {
            limit,
            extents: BTreeMap::new(),
            current: None,
            gaps: Vec::new(),
            last: None,
            latest: None,
            behind: None,
            over: None,
        }
    }

    /// Where gaps came to be more than are listed.
    pub(super) fn over(&self) -> Option<Moment> {
        self.over
    }

    /// The last packet with a time.
    pub(super) fn last(&self) -> Option<Moment> {
        self.last
    }

    /// A packet; one without a time says nothing.
    #[inline]
    pub(super) fn tick(&mut self, moment: Moment, interval: u32) {
        if moment.time == Timestamp::UNKNOWN {
            return;
        }
        match &mut self.current {
            Some((of, extent)) if *of == interval => {
                extent.first = extent.first.min(moment);
                extent.last = extent.last.max(moment);
            }
            _ => {
                self.keep();
                let extent = self.extents.get(&interval).copied().unwrap_or(Extent {
                    first: moment,
                    last: moment,
                });
                let extent = Extent {
                    first: extent.first.min(moment),
                    last: extent.last.max(moment),
                };
                self.current = Some((interval, extent));
            }
        }
        if let Some(last) = self.last
            && moment
                .time
                .since(last.time)
                .is_some_and(|step| step > self.limit)
        {
            self.note(last, moment);
        }
        self.step_back(moment);
        self.last = Some(moment);
    }

    /// Steps back are measured from the latest packet, so that many small ones are one. As long as the
    /// clock has not caught up, one gap tells of them, with the earliest packet.
    #[inline]
    fn step_back(&mut self, moment: Moment) {
        let Some(latest) = self.latest else {
            self.latest = Some(moment);
            return;
        };
        let back = latest.time.since(moment.time).unwrap_or(0);
        if back > STEP_BACK.min(self.limit) {
            match self.behind.and_then(|at| self.gaps.get_mut(at)) {
                Some(gap) if moment.time < gap.after.time => gap.after = moment,
                Some(_) => {}
                None => self.behind = self.note(latest, moment),
            }
        } else {
            self.behind = None;
        }
        if back < 0 {
            self.latest = Some(moment);
        }
    }

    /// Lists a gap; its place, if there is room.
    fn note(&mut self, before: Moment, after: Moment) -> Option<usize> {
        if self.gaps.len() >= TIME_GAPS_MAX {
            self.over = self.over.or(Some(after));
            return None;
        }
        self.gaps.push(TimeGap { before, after });
        Some(self.gaps.len() - 1)
    }

    fn keep(&mut self) {
        if let Some((interval, extent)) = self.current.take() {
            self.extents.insert(interval, extent);
        }
    }

    /// The extents and the gaps.
    pub(super) fn finish(&mut self) -> (BTreeMap<u32, Extent>, Vec<TimeGap>) {
        self.keep();
        (
            std::mem::take(&mut self.extents),
            std::mem::take(&mut self.gaps),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ground::moment::FrameRef;

    fn gaps(seconds: &[i64]) -> Vec<(i64, i64)> {
        let mut clock = Clock::new(60 * Timestamp::SECOND);
        for (at, second) in seconds.iter().enumerate() {
            let nanos = i128::from(*second) * i128::from(Timestamp::SECOND);
            let frame = at as u64 + 1;
            let at = FrameRef { input: 0, frame };
            let time = Timestamp::from_nanos(nanos);
            clock.tick(Moment { time, at }, 0);
        }
        let second = |m: Moment| m.time.nanos().unwrap() / Timestamp::SECOND;
        let (_, found) = clock.finish();
        found
            .iter()
            .map(|gap| (second(gap.before), second(gap.after)))
            .collect()
    }

    #[test]
    fn silences_and_steps_back_are_kept_and_small_steps_add_up() {
        assert_eq!(gaps(&[0, 60, 121]), [(60, 121)]);
        assert_eq!(gaps(&[100, 95, 101]), []);
        // One step down and slowly up again: one gap, to the earliest packet.
        assert_eq!(gaps(&[100, 42, 40, 60, 80, 99, 101]), [(100, 40)]);
        // Many steps of five seconds.
        assert_eq!(gaps(&[100, 95, 90, 85, 80]), [(100, 80)]);
        // Back, and forth by more than the limit: both are told.
        assert_eq!(
            gaps(&[100, 20, 130, 100]),
            [(100, 20), (20, 130), (130, 100)]
        );
    }
}
