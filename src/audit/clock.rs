//! What time a series covers: the extent of each epoch, silences, and steps of the clock.

use super::{Extent, TimeGap};
use crate::evidence::{Moment, Timestamp};
use std::collections::BTreeMap;

/// Silences listed; a capture with more is unfit by the first few.
const TIME_GAPS_MAX: usize = 10_000;

/// Follows the times of the packets in file order.
pub(super) struct Clock {
    limit: i64,
    extents: BTreeMap<u32, Extent>,
    /// The epoch at work, so that most packets need no search.
    current: Option<(u32, Extent)>,
    gaps: Vec<TimeGap>,
    last: Option<Moment>,
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
        }
    }

    /// The last packet with a time.
    pub(super) fn last(&self) -> Option<Moment> {
        self.last
    }

    /// A packet; one without a time says nothing.
    pub(super) fn tick(&mut self, moment: Moment, epoch: u32) {
        if moment.time == Timestamp::UNKNOWN {
            return;
        }
        match &mut self.current {
            Some((of, extent)) if *of == epoch => {
                extent.first = extent.first.min(moment);
                extent.last = extent.last.max(moment);
            }
            _ => {
                self.keep();
                let extent = self.extents.get(&epoch).copied().unwrap_or(Extent {
                    first: moment,
                    last: moment,
                });
                let extent = Extent {
                    first: extent.first.min(moment),
                    last: extent.last.max(moment),
                };
                self.current = Some((epoch, extent));
            }
        }
        if let Some(last) = self.last
            && let Some(step) = moment.time.since(last.time)
            && step.saturating_abs() > self.limit
            && self.gaps.len() < TIME_GAPS_MAX
        {
            self.gaps.push(TimeGap {
                before: last,
                after: moment,
            });
        }
        self.last = Some(moment);
    }

    fn keep(&mut self) {
        if let Some((epoch, extent)) = self.current.take() {
            self.extents.insert(epoch, extent);
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
