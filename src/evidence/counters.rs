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
