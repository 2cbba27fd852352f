//! What a session opens or frames is read as a connection of its own, at the same door: recognition begins anew in it, direction by direction.

use super::{NO_SLOT, Reading, Registry, Shared, label};
use crate::evidence::flow::{Pair, Side};
use crate::evidence::seal::Seal;
use crate::observe::dissect::{Inside, Session, Sink, Step, dns};
use crate::observe::flow::part::{Loan, Opened, Part};

/// The connection inside another one.
#[derive(Default)]
pub(super) struct Within {
    pub(super) reading: Reading,
    /// Numbers of the next byte of each direction.
    next: Pair<u32>,
    /// Reads datagrams that came out of sealed ones, and how many did.
    messages: Option<Box<dyn Session>>,
    count: u64,
    /// All further bytes of a direction inside stay sealed.
    rest: Pair<Option<Seal>>,
}

impl Within {
    pub(super) fn at(depth: u8) -> Box<Self> {
        let mut this = Box::<Self>::default();
        this.reading.depth = depth;
        this
    }

    /// Reads on in what came out of a sealed message; the part that the message is.
    pub(super) fn take(
        &mut self,
        side: Side,
        inside: Inside,
        shared: &mut Shared<'_>,
        sink: &mut Sink<'_>,
    ) -> (u64, Part) {
        // What is said of bytes inside is no label of those around them.
        let around = sink.flow.take_labels(side);
        let parts = std::mem::take(&mut sink.parts);
        let seals = std::mem::take(&mut sink.flow.seals);
        let rest = std::mem::replace(&mut sink.flow.rest, self.rest);
        let sealed = *self.rest.of(side);
        if inside.torn {
            self.reading.torn(side, shared, sink);
        }
        let next = self.next.of_mut(side);
        let number = *next;
        *next = number.wrapping_add(u32::try_from(inside.bytes.len()).unwrap_or(0));
        if !inside.bytes.is_empty() {
            let bytes = &inside.bytes;
            let reading = &mut self.reading;
            reading.segment(NO_SLOT, number, Some(number), bytes, shared, sink);
        }
        let mut inner = std::mem::replace(&mut sink.flow.seals, seals).sealed;
        self.rest = std::mem::replace(&mut sink.flow.rest, rest);
        if let Some(reason) = sealed {
            inner.add(reason, inside.bytes.len() as u64);
        }
        // What is sealed once more inside was not opened.
        let mut left = inside.length as u64;
        for (reason, bytes) in inner.iter() {
            let bytes = bytes.min(left);
            left = left.saturating_sub(bytes);
            sink.flow.seals.sealed.add(reason, bytes);
        }
        if !inside.clear {
            let read = sink.flow.seals.opened.of_mut(side);
            *read = read.saturating_add(left);
        }
        let opened = Opened {
            front: inside.front,
            number,
            torn: inside.torn,
            labels: sink.flow.take_labels(side),
            undecided: self.reading.undecided(side),
            bytes: inside.bytes,
        };
        for label in around {
            sink.flow.label(side, label);
        }
        sink.parts = parts;
        (inside.length as u64, Part::Opened(Box::new(opened)))
    }

    /// Reads datagrams that came out of a sealed one, each as one by itself.
    pub(super) fn messages(&mut self, registry: &Registry, sink: &mut Sink<'_>) {
        let side = sink.side();
        for bytes in std::mem::take(&mut sink.messages) {
            sink.flow.take_labels(side);
            let parts = std::mem::take(&mut sink.parts);
            if self.messages.is_none() {
                let lookups = sink.flow.facts.hidden.is_some().then_some(&dns::OVER_UDP);
                let found = lookups.or_else(|| registry.datagram(&bytes, &sink.ends));
                self.messages = found.map(|protocol| (protocol.open)());
                sink.flow.within.others |= found.is_none_or(|p| p.id != "dns");
            }
            if let Some(session) = &mut self.messages
                && session.read(&bytes, sink) == Step::Done
            {
                self.messages = None;
            }
            label(side, 0, bytes.len() as u64, sink);
            let labels = sink.flow.take_labels(side);
            sink.parts = parts;
            self.count = self.count.saturating_add(1);
            if *sink.flow.heard.of(side) {
                sink.flow.lent.streams.push(Loan {
                    side,
                    stream: (0, self.count),
                    begin: 0,
                    number: 0,
                    bytes,
                    labels,
                    undecided: None,
                    over: true,
                });
            }
        }
    }

    pub(super) fn end(&mut self, side: Side, shared: &mut Shared<'_>, sink: &mut Sink<'_>) {
        let around = sink.flow.take_labels(side);
        self.reading.run_to_the_end(side, shared, sink);
        // What waits inside is looked at as it is.
        sink.flow.take_labels(side);
        for label in around {
            sink.flow.label(side, label);
        }
        self.reading.release(side, shared.pool);
    }
}
