//! Counters of a destination, turned to our side, per vantage and interval.

use super::Stage;
use crate::evidence::content::Hits;
use crate::evidence::counters::{Counters, Sent};
use crate::evidence::flow::Side;
use crate::evidence::row::Conversation;
use crate::evidence::seal::Sealed;
use crate::ground::moment::Moment;
use std::collections::BTreeSet;

/// What went to a destination and came back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Traffic {
    /// What our side sent.
    pub out: Sent,
    /// What the far end sent.
    pub back: Sent,
    /// Payload that stayed sealed, out and in.
    pub sealed: Sealed,
    /// First packet.
    pub first: Moment,
    /// Last packet.
    pub last: Moment,
}

impl Traffic {
    pub(super) fn of(counted: &Counters, ours: Side) -> Self {
        Self {
            out: *counted.sent.of(ours),
            back: *counted.sent.of(ours.other()),
            sealed: counted.sealed,
            first: counted.first,
            last: counted.last,
        }
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.out.add(&other.out);
        self.back.add(&other.back);
        self.sealed.add_all(&other.sealed);
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
    }

    /// How far it went (contract, "Stages").
    pub fn stage(&self) -> Stage {
        if self.out.answers == 0 && self.out.bytes == 0 {
            Stage::Unsolicited
        } else if self.out.application {
            Stage::Transferred
        } else if self.back.answers > 0 {
            Stage::Connected
        } else {
            Stage::Attempted
        }
    }
}

#[cfg(test)]
impl Traffic {
    /// A packet each way and no payload, for tests to go on with.
    pub(crate) fn by_hand() -> Self {
        let sent = Sent {
            packets: 1,
            answers: 1,
            ..Sent::default()
        };
        Self {
            out: Sent {
                application: true,
                ..sent
            },
            back: sent,
            sealed: Sealed::default(),
            first: Moment::NONE,
            last: Moment::NONE,
        }
    }
}

/// What one series saw of a destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    /// Index of the series.
    pub series: usize,
    /// Flows.
    pub flows: u64,
    /// Per interval, in order: everything.
    pub total: Vec<(u32, Traffic)>,
    /// Per interval, in order: what counts as traffic of it.
    pub active: Vec<(u32, Traffic)>,
    /// Personal data that went out in clear.
    pub content: Hits,
    /// Its conversations, where there are several series; `None` if not all are known.
    pub(super) conversations: Option<BTreeSet<Conversation>>,
}

impl View {
    /// Our side sent something, at whatever time.
    pub(super) fn has_spoken(&self) -> bool {
        let mut total = self.total.iter();
        total.any(|(_, traffic)| traffic.stage() != Stage::Unsolicited)
    }

    /// Of a series; `several` if there are others.
    pub(super) fn new(series: usize, several: bool) -> Self {
        Self {
            series,
            flows: 0,
            total: Vec::new(),
            active: Vec::new(),
            content: Hits::default(),
            conversations: several.then(BTreeSet::new),
        }
    }

    /// The sum over intervals.
    pub fn sum<'t>(traffic: impl Iterator<Item = &'t Traffic>) -> Option<Traffic> {
        traffic.fold(None, |sum: Option<Traffic>, t| match sum {
            Some(mut sum) => {
                sum.add(t);
                Some(sum)
            }
            None => Some(*t),
        })
    }

    pub(super) fn add(list: &mut Vec<(u32, Traffic)>, interval: u32, traffic: Traffic) {
        match list.binary_search_by_key(&interval, |(e, _)| *e) {
            Ok(at) => {
                if let Some((_, have)) = list.get_mut(at) {
                    have.add(&traffic);
                }
            }
            Err(at) => {
                // Most destinations are of one interval, and there are many of them.
                if list.is_empty() {
                    list.reserve_exact(1);
                }
                list.insert(at, (interval, traffic));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::by_hand::at;

    #[test]
    fn a_stage_is_as_far_as_it_went() {
        let stage = |out: (u64, u64, bool), answers: u64| {
            let mut traffic = Traffic::by_hand();
            (
                traffic.out.answers,
                traffic.out.bytes,
                traffic.out.application,
            ) = out;
            traffic.back.answers = answers;
            traffic.stage()
        };
        assert_eq!(stage((0, 0, false), 1), Stage::Unsolicited);
        assert_eq!(stage((1, 0, false), 0), Stage::Attempted);
        // A reset that carries bytes was sent all the same.
        assert_eq!(stage((0, 1, false), 0), Stage::Attempted);
        assert_eq!(stage((1, 0, false), 1), Stage::Connected);
        assert_eq!(stage((1, 1, true), 0), Stage::Transferred);
    }

    #[test]
    fn a_sum_is_from_the_first_to_the_last_in_whatever_order() {
        let of = |first, last| Traffic {
            first: at(first),
            last: at(last),
            ..Traffic::by_hand()
        };
        for parts in [[of(3, 5), of(1, 9)], [of(1, 9), of(3, 5)]] {
            let sum = View::sum(parts.iter()).unwrap();
            assert_eq!((sum.first, sum.last), (at(1), at(9)));
            assert_eq!((sum.out.packets, sum.back.packets), (2, 2));
        }
        assert_eq!(View::sum([].iter()), None);
    }
}
