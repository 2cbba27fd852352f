//! Counters of a destination, turned to our side, per vantage and interval.

use super::Stage;
use crate::evidence::content::Hits;
use crate::evidence::flow::Side;
use crate::evidence::row::{Conversation, Tally};
use crate::evidence::seal::Sealed;
use crate::ground::moment::Moment;
use std::collections::BTreeSet;

/// Counters of one side pair, turned so that out is away from us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Traffic {
    /// Packets out.
    pub packets_out: u64,
    /// Packets in.
    pub packets_in: u64,
    /// Packets out that can answer something.
    pub answers_out: u64,
    /// Packets in that can answer something.
    pub answers_in: u64,
    /// Payload out.
    pub bytes_out: u64,
    /// Payload in.
    pub bytes_in: u64,
    /// Application payload went out.
    pub application_out: bool,
    /// Largest request body that our side declared, bytes.
    pub declared_out: u64,
    /// Application payload out that nothing could read: encrypted, or binary that nobody decodes.
    pub unread_out: u64,
    /// Bytes out that protocols took for themselves, in flows without application payload out.
    pub spared_out: u64,
    /// Of those flows the ones whose far end sent payload too.
    pub answered: u64,
    /// Sealed payload out that was opened.
    pub opened_out: u64,
    /// Sealed payload in that was opened.
    pub opened_in: u64,
    /// Payload that stayed sealed, out and in.
    pub sealed: Sealed,
    /// Bytes that our side quoted in ICMP errors.
    pub quoted_out: u64,
    /// First packet.
    pub first: Moment,
    /// Last packet.
    pub last: Moment,
}

#[cfg(test)]
impl Traffic {
    /// No traffic, for tests to fill in.
    pub(crate) fn by_hand() -> Self {
        Self {
            packets_out: 1,
            packets_in: 1,
            answers_out: 1,
            answers_in: 1,
            bytes_out: 0,
            bytes_in: 0,
            application_out: true,
            declared_out: 0,
            unread_out: 0,
            spared_out: 0,
            answered: 0,
            opened_out: 0,
            opened_in: 0,
            sealed: Sealed::default(),
            quoted_out: 0,
            first: Moment::NONE,
            last: Moment::NONE,
        }
    }
}

impl Traffic {
    pub(super) fn of(tally: &Tally, ours: Side) -> Self {
        let theirs = ours.other();
        Self {
            packets_out: *tally.packets.of(ours),
            packets_in: *tally.packets.of(theirs),
            answers_out: *tally.answers.of(ours),
            answers_in: *tally.answers.of(theirs),
            bytes_out: *tally.bytes.of(ours),
            bytes_in: *tally.bytes.of(theirs),
            application_out: *tally.application.of(ours),
            declared_out: *tally.declared.of(ours),
            unread_out: *tally.unread.of(ours),
            spared_out: *tally.spared.of(ours),
            answered: *tally.answered.of(ours),
            opened_out: *tally.seals.opened.of(ours),
            opened_in: *tally.seals.opened.of(theirs),
            sealed: tally.seals.sealed,
            quoted_out: *tally.quoted.of(ours),
            first: tally.first,
            last: tally.last,
        }
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.packets_out += other.packets_out;
        self.packets_in += other.packets_in;
        self.answers_out += other.answers_out;
        self.answers_in += other.answers_in;
        self.bytes_out += other.bytes_out;
        self.bytes_in += other.bytes_in;
        self.application_out |= other.application_out;
        self.declared_out = self.declared_out.max(other.declared_out);
        self.unread_out += other.unread_out;
        self.spared_out += other.spared_out;
        self.answered += other.answered;
        self.opened_out += other.opened_out;
        self.opened_in += other.opened_in;
        self.sealed.add_all(&other.sealed);
        self.quoted_out += other.quoted_out;
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
    }

    /// How far it went (contract, "Stages").
    pub fn stage(&self) -> Stage {
        if self.answers_out == 0 && self.bytes_out == 0 {
            Stage::Unsolicited
        } else if self.application_out {
            Stage::Transferred
        } else if self.answers_in > 0 {
            Stage::Connected
        } else {
            Stage::Attempted
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
