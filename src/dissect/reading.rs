//! Who reads which flow: probing, feeding sessions, starting anew after lost bytes.
//!
//! Bytes that no protocol claims are application payload of an unknown protocol; later segments
//! are probed again for a while, since a known protocol may begin after a greeting that is not
//! read (STARTTLS, SOCKS, a proxy header) or in the middle of a capture.

use super::wire::Fit;
use super::{DATAGRAMS, Protocol, STREAMS, Session, Sink, Step};
use crate::coverage::GapId;
use crate::evidence::Timestamp;
use crate::flow::stream::{Pool, Stream, UNREAD_MAX};
use crate::flow::{Carries, Pair, Side};
use std::collections::VecDeque;

/// Segments or datagrams of a flow that are probed before it counts as unknown.
const PROBES: u8 = 24;

/// Steps a session may take on one segment: each consumes or asks for more, so this is only a
/// guard against a session that does neither.
const STEPS_MAX: usize = 100_000;

/// Bytes of a stream's start that a protocol may ask for before it must decide.
const PROBE_BYTES_MAX: usize = 8 << 10;

/// State of reading one flow.
#[derive(Default)]
pub struct Reading {
    session: Option<Box<dyn Session>>,
    streams: Pair<Option<Box<Stream>>>,
    /// Directions that the session wants no more of.
    done: Pair<bool>,
    probes: u8,
    /// Nobody reads this flow any more.
    closed: bool,
    /// Second of the last probe of an unknown flow.
    probed: i64,
}

impl Reading {
    /// True while a dissector may still want bytes of this direction: what is cut off or lost now
    /// may be a name.
    pub fn wants(&self, side: Side) -> bool {
        !self.closed && !*self.done.of(side)
    }

    /// True when the flow is being read, or was never decided: its end matters.
    pub fn is_waiting(&self) -> bool {
        !self.closed
            && (self.session.is_some()
                || self
                    .streams
                    .a
                    .as_ref()
                    .is_some_and(|s| !s.unread().is_empty()))
    }
}

/// Slots and directions whose streams are only kept to compare with.
type Finished = VecDeque<(u32, Side)>;

/// The readings of all flows of a series, by slot of the flow table.
#[derive(Default)]
pub struct Readings {
    slots: Vec<Reading>,
    pool: Pool,
    /// Slots whose streams are only kept to compare later copies with, oldest first.
    finished: Finished,
}

impl Readings {
    fn at(&mut self, slot: u32) -> Option<&mut Reading> {
        let slot = slot as usize;
        if slot >= self.slots.len() {
            self.slots.resize_with(slot + 1, Reading::default);
        }
        self.slots.get_mut(slot)
    }

    /// The reading of a slot.
    pub fn get(&self, slot: u32) -> Option<&Reading> {
        self.slots.get(slot as usize)
    }

    /// A datagram of a flow.
    pub fn datagram(&mut self, slot: u32, bytes: &[u8], sink: &mut Sink<'_>) {
        let Some(reading) = self.at(slot) else { return };
        if let Some(session) = &mut reading.session {
            if let Step::Done | Step::Handover(_) = session.read(bytes, sink) {
                reading.session = None;
            } else {
                return;
            }
        }
        if bytes.is_empty() || !reading.may_probe(sink.at.time) {
            return;
        }
        if let Some(session) = super::quic::continued(bytes, sink) {
            reading.session.insert(session).read(bytes, sink);
            return;
        }
        let found = DATAGRAMS
            .iter()
            .find(|p| (p.fit)(bytes, &sink.ends) == Fit::Mine);
        match found {
            Some(protocol) => {
                let mut session = open(protocol, sink);
                if session.read(bytes, sink) != Step::Done {
                    reading.session = Some(session);
                }
            }
            None => sink.carries(Carries::Application),
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
        let side = sink.side();
        let Some(reading) = self.slots_and_pool(slot) else {
            return;
        };
        let (reading, pool, finished) = reading;
        let keep = reading.wants(side);
        if !keep && reading.streams.of(side).is_none() {
            reading.watch_unread(bytes, sink);
            return;
        }
        let begin = start.unwrap_or(sequence);
        let stream = reading
            .streams
            .of_mut(side)
            .get_or_insert_with(|| Box::new(Stream::new(begin)));
        let pushed = stream.push(sequence, bytes, sink.at, pool);
        if pushed.dropped {
            sink.gap(
                GapId::LimitsReached,
                "the memory for reassembly was used up",
            );
        }
        if let Some(otherwise) = pushed.otherwise {
            sink.flow.facts.conflict = true;
            read_alone(&otherwise, sink);
        }
        if !keep {
            return;
        }
        reading.run(side, pool, sink);
        if pushed.hole {
            reading.over_the_hole(side, pool, sink);
        }
        reading.close_streams(slot, pool, finished);
    }

    /// The flow is over: what waits is read as far as it goes, and everything is released.
    pub fn end(&mut self, slot: u32, mut sink: impl FnMut(Side, &mut dyn FnMut(&mut Sink<'_>))) {
        let Some((reading, pool, _)) = self.slots_and_pool(slot) else {
            return;
        };
        for side in Side::BOTH {
            if reading.streams.of(side).is_none() {
                continue;
            }
            sink(side, &mut |sink| {
                reading.run_to_the_end(side, pool, sink);
            });
        }
        for side in Side::BOTH {
            if let Some(stream) = reading.streams.of_mut(side) {
                stream.release(pool);
            }
        }
        *reading = Reading::default();
    }

    fn slots_and_pool(&mut self, slot: u32) -> Option<(&mut Reading, &mut Pool, &mut Finished)> {
        self.at(slot)?;
        let reading = self.slots.get_mut(slot as usize)?;
        Some((reading, &mut self.pool, &mut self.finished))
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

fn open(protocol: &Protocol, sink: &mut Sink<'_>) -> Box<dyn Session> {
    sink.flow.facts.protocol.get_or_insert(protocol.id);
    (protocol.open)()
}

/// Reads the start of a direction in a second version, beside the session at work.
fn read_alone(bytes: &[u8], sink: &mut Sink<'_>) {
    let Some(protocol) = STREAMS
        .iter()
        .find(|p| (p.fit)(bytes, &sink.ends) == Fit::Mine)
    else {
        return;
    };
    let mut session = open(protocol, sink);
    let mut rest = bytes;
    for _ in 0..STEPS_MAX {
        match session.read(rest, sink) {
            Step::Consumed(n) if n > 0 => rest = rest.get(n..).unwrap_or_default(),
            Step::Skip(n) => {
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

impl Reading {
    /// Unknown flows are looked at again now and then: once per second of capture time.
    fn may_probe(&mut self, now: Timestamp) -> bool {
        if self.closed {
            return false;
        }
        if self.probes < PROBES {
            self.probes += 1;
            return true;
        }
        let second = now
            .nanos()
            .map_or(i64::MAX, |n| n.div_euclid(Timestamp::SECOND));
        std::mem::replace(&mut self.probed, second) != second
    }

    /// A segment of a flow that nobody reads: a drone link over TCP still shows itself.
    fn watch_unread(&mut self, bytes: &[u8], sink: &mut Sink<'_>) {
        if self.session.is_none() && !bytes.is_empty() {
            super::drone_link::watch(bytes, sink);
        }
    }

    fn run(&mut self, side: Side, pool: &mut Pool, sink: &mut Sink<'_>) {
        for _ in 0..STEPS_MAX {
            let Some(stream) = self.streams.of_mut(side) else {
                return;
            };
            if stream.unread().is_empty() || self.closed || *self.done.of(side) {
                return;
            }
            let Some(session) = &mut self.session else {
                if !self.probe(side, pool, sink) {
                    return;
                }
                continue;
            };
            match session.read(stream.unread(), sink) {
                Step::More => {
                    if stream.unread().len() >= UNREAD_MAX {
                        sink.gap(GapId::LimitsReached, "a message is longer than is kept");
                        self.session = None;
                        self.closed = true;
                        sink.carries(Carries::Application);
                    }
                    return;
                }
                Step::Consumed(n) => {
                    if n == 0 {
                        return;
                    }
                    stream.consume(n, pool);
                }
                Step::Skip(n) => stream.skip(n, pool),
                Step::DoneHere => {
                    *self.done.of_mut(side) = true;
                    if *self.done.of(side.other()) {
                        self.finish();
                    }
                    return;
                }
                Step::Done => {
                    self.finish();
                    return;
                }
                Step::Handover(n) => {
                    stream.consume(n, pool);
                    self.session = None;
                    self.done = Pair::default();
                    self.probes = 0;
                }
            }
        }
    }

    fn finish(&mut self) {
        self.session = None;
        self.closed = true;
    }

    /// Looks for a protocol; true when the loop should go on.
    fn probe(&mut self, side: Side, pool: &mut Pool, sink: &mut Sink<'_>) -> bool {
        let Some(stream) = self.streams.of_mut(side) else {
            return false;
        };
        let bytes = stream.unread();
        let mut undecided = false;
        for protocol in STREAMS {
            match (protocol.fit)(bytes, &sink.ends) {
                Fit::Mine => {
                    self.session = Some(open(protocol, sink));
                    return true;
                }
                Fit::NeedMore => undecided = true,
                Fit::NotMine => {}
            }
        }
        if undecided && bytes.len() < PROBE_BYTES_MAX {
            return false;
        }
        // Nobody's: application payload. Each segment is looked at on its own.
        let again = stream.forget_unread(pool);
        sink.carries(Carries::Application);
        self.probes += 1;
        if self.probes >= PROBES {
            self.closed = true;
        }
        again && !self.closed
    }

    fn over_the_hole(&mut self, side: Side, pool: &mut Pool, sink: &mut Sink<'_>) {
        if !self.session.as_mut().is_none_or(|s| s.lost(side)) {
            self.session = None;
        }
        if let Some(stream) = self.streams.of_mut(side)
            && stream.give_up_hole(pool)
        {
            self.run(side, pool, sink);
        }
    }

    fn run_to_the_end(&mut self, side: Side, pool: &mut Pool, sink: &mut Sink<'_>) {
        if !self.wants(side) {
            return;
        }
        self.run(side, pool, sink);
        // What lies behind holes is read on its own: each piece may begin something.
        for _ in 0..PROBES {
            if !self.wants(side) {
                return;
            }
            let unread = self
                .streams
                .of(side)
                .as_ref()
                .is_some_and(|s| !s.unread().is_empty());
            if unread
                && let (Some(session), Some(stream)) =
                    (&mut self.session, self.streams.of_mut(side))
            {
                session.end(stream.unread(), sink);
            }
            let more = self
                .streams
                .of_mut(side)
                .as_mut()
                .is_some_and(|s| s.give_up_hole(pool));
            if !more {
                return;
            }
            if !self.session.as_mut().is_none_or(|s| s.lost(side)) {
                self.session = None;
            }
            self.run(side, pool, sink);
        }
    }

    fn close_streams(&mut self, slot: u32, pool: &mut Pool, finished: &mut Finished) {
        for side in Side::BOTH {
            if !self.wants(side)
                && let Some(stream) = self.streams.of_mut(side)
                && !stream.is_closed()
            {
                stream.close(pool);
                finished.push_back((slot, side));
            }
        }
    }
}
