//! Who reads which flow: the readings of all flows, and what they share.
//!
//! Bytes that no protocol claims are application payload of an unknown protocol; later segments
//! are probed again for a while, since a known protocol may begin after a greeting that is not
//! read or in the middle of a capture. Bytes that some protocol could still claim wait for more;
//! a segment that begins another one for certain ends the waiting.

mod ahead;
mod one;
mod registry;
mod streams;
mod within;

use super::{Keys, Protocol, Session, Sink, Step};
use crate::evidence::flow::Side;
use crate::ground::work::looks_at;
use crate::observe::flow::Carries;
use crate::observe::flow::part::Label;
use crate::observe::flow::stream::Pool;
use crate::observe::open::keylog::Keylog;
pub use one::Reading;
pub(super) use registry::Registry;
#[cfg(test)]
pub(super) use registry::again;
#[cfg(test)]
pub(crate) use registry::shuffled;
use std::collections::VecDeque;
use std::sync::Arc;
use within::Within;

/// The slot of what is inside a flow.
const NO_SLOT: u32 = u32::MAX;

/// Slots and directions whose streams are only kept to compare with.
type Finished = VecDeque<(u32, Side)>;

/// What the readings of all flows share.
struct Shared<'a> {
    registry: &'a Registry,
    keys: Option<&'a Keys>,
    pool: &'a mut Pool,
    finished: &'a mut Finished,
}

/// The readings of all flows of a series, by slot of the flow table.
#[derive(Default)]
pub struct Readings {
    registry: Registry,
    /// What opens sealed connections.
    keys: Option<Keys>,
    slots: Vec<Reading>,
    /// Which of them anything was read for: of most flows of a flood nothing is, and they are not looked up when they end.
    read: Vec<bool>,
    /// Streams in connections that were opened.
    streams: streams::Connections,
    pool: Pool,
    /// Slots whose streams are only kept to compare later copies with, oldest first.
    finished: Finished,
}

impl Readings {
    /// Readings that open what these keys open.
    pub fn with(keys: &Arc<Keylog>) -> Self {
        Self {
            keys: (!keys.is_empty()).then(|| Keys {
                log: Arc::clone(keys),
                quic: Arc::default(),
            }),
            ..Self::default()
        }
    }

    fn at(&mut self, slot: u32) -> Option<&mut Reading> {
        let slot = slot as usize;
        if slot >= self.slots.len() {
            self.slots.resize_with(slot + 1, Reading::default);
            self.read.resize(slot + 1, false);
        }
        *self.read.get_mut(slot)? = true;
        self.slots.get_mut(slot)
    }

    /// The reading of a slot, if anything was read.
    pub fn get(&self, slot: u32) -> Option<&Reading> {
        let slot = slot as usize;
        self.read.get(slot).filter(|read| **read)?;
        self.slots.get(slot)
    }

    /// A datagram of a flow.
    pub fn datagram(&mut self, slot: u32, bytes: &[u8], sink: &mut Sink<'_>) {
        self.message(slot, bytes, sink);
        if !sink.messages.is_empty()
            && let Some((reading, shared)) = self.slots_and_shared(slot)
        {
            let within = reading.inside.get_or_insert_with(|| Within::at(1));
            within.messages(shared.registry, sink);
        }
        if !sink.pieces.is_empty() {
            let mut shared = Shared {
                registry: &self.registry,
                keys: self.keys.as_ref(),
                pool: &mut self.pool,
                finished: &mut self.finished,
            };
            self.streams.take(slot, &mut shared, sink);
        }
    }

    fn message(&mut self, slot: u32, bytes: &[u8], sink: &mut Sink<'_>) {
        let Some((reading, shared)) = self.slots_and_shared(slot) else {
            return;
        };
        let naming = super::midst::naming(bytes, &sink.ends);
        if let Some(session) = &mut reading.session {
            if let Some(other) = naming.filter(|p| reading.speaks != Some(p.id)) {
                reading.read_aside(other, bytes, sink);
                return;
            }
            if let Step::Done | Step::Handover(_) = session.read(bytes, sink) {
                reading.session = None;
            } else {
                return;
            }
        }
        let asked = reading.may_probe(sink.at.time);
        if bytes.is_empty() || (!asked && naming.is_none()) {
            return;
        }
        if let Some(mut session) = super::quic::continued(bytes, sink) {
            if let Some(keys) = shared.keys {
                session.keys(keys);
            }
            reading.speaks = Some(super::quic::ID);
            reading.session.insert(session).read(bytes, sink);
            return;
        }
        match naming.or_else(|| shared.registry.datagram(bytes, &sink.ends)) {
            Some(protocol) => {
                let mut session = open(protocol, sink);
                if let Some(keys) = shared.keys {
                    session.keys(keys);
                }
                reading.speaks = Some(protocol.id);
                if session.read(bytes, sink) != Step::Done {
                    reading.session = Some(session);
                }
            }
            None => sink.carries(Carries::Application),
        }
    }

    /// A datagram in a second reading, beside the session at work.
    pub fn rival_datagram(&mut self, slot: u32, bytes: &[u8], sink: &mut Sink<'_>) {
        match self.registry.datagram(bytes, &sink.ends) {
            Some(protocol) => {
                let mut session = open(protocol, sink);
                session.read(bytes, sink);
            }
            None => self.datagram(slot, bytes, sink),
        }
    }

    /// The payload of a segment; `sequence` is that of its first byte, `start` that of the first
    /// byte of the direction if its SYN was seen.
    pub fn segment(
        &mut self,
        slot: u32,
        sequence: u32,
        start: Option<u32>,
        bytes: &[u8],
        sink: &mut Sink<'_>,
    ) {
        self.make_room();
        if let Some((reading, mut shared)) = self.slots_and_shared(slot) {
            reading.segment(slot, sequence, start, bytes, &mut shared, sink);
        }
    }

    /// The flow is over: what waits is read as far as it goes, and everything is released.
    pub fn end(&mut self, slot: u32, mut sink: impl FnMut(Side, &mut dyn FnMut(&mut Sink<'_>))) {
        if self.streams.any(slot) {
            let mut shared = Shared {
                registry: &self.registry,
                keys: self.keys.as_ref(),
                pool: &mut self.pool,
                finished: &mut self.finished,
            };
            for side in Side::BOTH {
                sink(side, &mut |sink| {
                    self.streams.end(slot, side, &mut shared, sink)
                });
            }
            self.streams.forget(slot);
        }
        let read = self.read.get_mut(slot as usize).is_some_and(std::mem::take);
        let Some(reading) = self.slots.get_mut(slot as usize).filter(|_| read) else {
            return;
        };
        let mut shared = Shared {
            registry: &self.registry,
            keys: self.keys.as_ref(),
            pool: &mut self.pool,
            finished: &mut self.finished,
        };
        for side in Side::BOTH {
            if reading.streams.of(side).is_none() {
                continue;
            }
            sink(side, &mut |sink| {
                reading.run_to_the_end(side, &mut shared, sink);
                if let Some(mut within) = reading.inside.take() {
                    within.end(side, &mut shared, sink);
                    reading.inside = Some(within);
                }
            });
        }
        for side in Side::BOTH {
            reading.release(side, shared.pool);
        }
        *reading = Reading::default();
    }

    fn slots_and_shared(&mut self, slot: u32) -> Option<(&mut Reading, Shared<'_>)> {
        self.at(slot)?;
        let reading = self.slots.get_mut(slot as usize)?;
        let shared = Shared {
            registry: &self.registry,
            keys: self.keys.as_ref(),
            pool: &mut self.pool,
            finished: &mut self.finished,
        };
        Some((reading, shared))
    }

    /// Gives up what is only kept to compare with, oldest first, while memory is tight.
    fn make_room(&mut self) {
        while self.pool.is_tight() {
            let Some((slot, side)) = self.finished.pop_front() else {
                break;
            };
            if let Some(reading) = self.slots.get_mut(slot as usize)
                && let Some(stream) = reading.streams.of_mut(side)
                && stream.is_closed()
            {
                stream.release(&mut self.pool);
                *reading.streams.of_mut(side) = None;
            }
        }
    }
}

/// Hands on what the session said of the bytes that it passes over: `passes` of them from the number `from` on.
fn label(side: Side, from: u32, passes: u64, sink: &mut Sink<'_>) {
    let mut at = 0u64;
    for (length, part) in std::mem::take(&mut sink.parts) {
        let length = length.min(passes.saturating_sub(at));
        if passes == 0 || (length == 0 && !part.is_end()) {
            continue;
        }
        // Only differences modulo 2^32 are used.
        let from = from.wrapping_add(at as u32);
        at = at.saturating_add(length);
        sink.flow.label(side, Label { from, length, part });
    }
}

fn open(protocol: &Protocol, sink: &mut Sink<'_>) -> Box<dyn Session> {
    sink.flow.speaks(protocol.id, protocol.payload);
    (protocol.open)()
}

/// Reads the start of a direction in a second version, beside the session at work.
fn read_alone(bytes: &[u8], protocol: &Protocol, sink: &mut Sink<'_>) {
    let mut session = open(protocol, sink);
    looks_at(bytes.len());
    let mut rest = bytes;
    // Each turn but the last passes over bytes.
    loop {
        match session.read(rest, sink) {
            Step::Consumed(n) if n > 0 => rest = rest.get(n..).unwrap_or_default(),
            Step::Skip(n) if n > 0 => {
                rest = rest
                    .get(usize::try_from(n).unwrap_or(usize::MAX)..)
                    .unwrap_or_default()
            }
            _ => break,
        }
        if rest.is_empty() {
            return;
        }
    }
    session.end(rest, sink);
}
