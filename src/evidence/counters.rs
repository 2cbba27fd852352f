//! What is counted of packets, the same from a flow to a row and from there to a destination.

use super::flow::{Pair, Side};
use super::seal::{Sealed, Seals};
use crate::ground::moment::Moment;

/// What one end sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sent {
    /// Packets.
    pub packets: u64,
    /// Packets that can answer something: no RST.
    pub answers: u64,
    /// Payload bytes, sequence numbers counted once.
    pub bytes: u64,
    /// Application payload was sent (contract, "Stages").
    pub application: bool,
    /// Application payload that nothing could read: encrypted, or binary that nobody decodes. Known once the flow is over.
    pub unread: u64,
    /// The largest request body that was declared, bytes.
    pub declared: u64,
    /// Bytes that security protocols took for themselves, within the bounds of a flow; of flows that are over only where no application
    /// payload was sent.
    pub spared: u64,
    /// Of those flows the ones whose other end sent payload too.
    pub answered: u64,
    /// Bytes of packets that were quoted in ICMP errors; they are not among the payload bytes.
    pub quoted: u64,
    /// Bytes that the other end acknowledged and that no packet holds, where packets were captured.
    pub lost: u64,
    /// The same where not one packet of this end was captured.
    pub unseen: u64,
    /// Sealed payload that was opened.
    pub opened: u64,
}

impl Sent {
    /// Adds what another counted.
    pub fn add(&mut self, other: &Self) {
        // All fields, so that none is forgotten.
        let Self {
            packets,
            answers,
            bytes,
            application,
            unread,
            declared,
            spared,
            answered,
            quoted,
            lost,
            unseen,
            opened,
        } = other;
        for (sum, more) in [
            (&mut self.packets, packets),
            (&mut self.answers, answers),
            (&mut self.bytes, bytes),
            (&mut self.unread, unread),
            (&mut self.spared, spared),
            (&mut self.answered, answered),
            (&mut self.quoted, quoted),
            (&mut self.lost, lost),
            (&mut self.unseen, unseen),
            (&mut self.opened, opened),
        ] {
            *sum = sum.saturating_add(*more);
        }
        self.application |= application;
        self.declared = self.declared.max(*declared);
    }
}

/// What both ends sent, from a first to a last packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counters {
    /// Frames that are accounted here: a frame with several packets is so in one flow only.
    pub frames: u64,
    /// By side.
    pub sent: Pair<Sent>,
    /// Payload of either side that stayed sealed.
    pub sealed: Sealed,
    /// First packet.
    pub first: Moment,
    /// Last packet.
    pub last: Moment,
}

impl Counters {
    /// Nothing yet; the first packet comes at this moment.
    pub(crate) fn new(at: Moment) -> Self {
        Self {
            frames: 0,
            sent: Pair::default(),
            sealed: Sealed::default(),
            first: at,
            last: at,
        }
    }

    /// Adds the counters of another.
    pub fn add(&mut self, other: &Self) {
        self.frames = self.frames.saturating_add(other.frames);
        for side in Side::BOTH {
            self.sent.of_mut(side).add(other.sent.of(side));
        }
        self.sealed.add_all(&other.sealed);
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
    }

    /// Adds what became of sealed payload.
    #[inline]
    pub(crate) fn seal(&mut self, seals: &Seals) {
        // Nearly every packet.
        if *seals == Seals::default() {
            return;
        }
        for side in Side::BOTH {
            let opened = &mut self.sent.of_mut(side).opened;
            *opened = opened.saturating_add(*seals.opened.of(side));
        }
        self.sealed.add_all(&seals.sealed);
    }

    /// The sum of several; `None` of none.
    pub fn sum<'t>(counters: impl IntoIterator<Item = &'t Self>) -> Option<Self> {
        let mut counters = counters.into_iter();
        let mut sum = *counters.next()?;
        counters.for_each(|more| sum.add(more));
        Some(sum)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::seal::Seal;
    use crate::ground::moment::{FrameRef, Timestamp};

    fn at(second: u64) -> Moment {
        Moment {
            time: Timestamp::from_nanos(i128::from(second) * i128::from(Timestamp::SECOND)),
            at: FrameRef {
                input: 0,
                frame: second,
            },
        }
    }

    /// All numbers the same.
    fn sent(number: u64, application: bool) -> Sent {
        Sent {
            packets: number,
            answers: number,
            bytes: number,
            application,
            unread: number,
            declared: number,
            spared: number,
            answered: number,
            quoted: number,
            lost: number,
            unseen: number,
            opened: number,
        }
    }

    #[test]
    fn sums_are_of_all_fields_and_the_largest_body_stays_the_largest() {
        for (one, other, application) in [
            (sent(2, true), sent(3, false), true),
            (sent(3, false), sent(2, true), true),
            (sent(3, false), sent(2, false), false),
        ] {
            let mut sum = one;
            sum.add(&other);
            let expected = Sent {
                declared: 3,
                ..sent(5, application)
            };
            assert_eq!(sum, expected);
        }
        let mut most = sent(u64::MAX, true);
        most.add(&sent(1, true));
        assert_eq!(most, sent(u64::MAX, true));
    }

    #[test]
    fn counters_are_from_the_first_to_the_last_in_whatever_order() {
        let of = |first, last, frames| {
            let mut of = Counters::new(at(first));
            (of.last, of.frames) = (at(last), frames);
            of.sent.a = sent(frames, true);
            of
        };
        for parts in [[of(3, 5, 1), of(1, 9, 2)], [of(1, 9, 2), of(3, 5, 1)]] {
            let sum = Counters::sum(&parts).unwrap();
            assert_eq!((sum.first, sum.last, sum.frames), (at(1), at(9), 3));
            assert_eq!((sum.sent.a.packets, sum.sent.b.packets), (3, 0));
        }
        assert_eq!(Counters::sum([]), None);
    }

    #[test]
    fn what_became_of_sealed_payload_is_added() {
        let mut of = Counters::new(at(1));
        let mut seals = Seals {
            opened: Pair { a: 3, b: 4 },
            sealed: Sealed::default(),
        };
        of.seal(&Seals::default());
        assert_eq!(of, Counters::new(at(1)));
        seals.sealed.add(Seal::NoKey, 5);
        of.seal(&seals);
        of.seal(&seals);
        assert_eq!((of.sent.a.opened, of.sent.b.opened), (6, 8));
        assert_eq!(of.sealed.iter().collect::<Vec<_>>(), [(Seal::NoKey, 10)]);
    }
}
