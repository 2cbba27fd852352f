//! Who reads which flow: probing, feeding sessions, starting anew after lost bytes.
//!
//! Bytes that no protocol claims are application payload of an unknown protocol; later segments
//! are probed again for a while, since a known protocol may begin after a greeting that is not
//! read or in the middle of a capture. Bytes that some protocol could still claim wait for more;
//! a segment that begins another one for certain ends the waiting.
//!
//! Every turn of the loop passes over bytes, or is counted: a session that claims bytes and then
//! neither reads nor passes them is refused, and that leaves a gap.

mod streams;
mod within;

use super::wire::{Fit, SETTLED, Until};
use super::{DATAGRAMS, Keys, Protocol, STREAMS, Session, Sink, Step};
use crate::evidence::flow::{Pair, Side};
use crate::evidence::ledger::Ends;
use crate::ground::gaps::GapId;
use crate::ground::moment::Timestamp;
use crate::ground::work::looks_at;
use crate::observe::flow::part::{Label, Part};
use crate::observe::flow::stream::{LATE_PIECES_MAX, Pool, Stream, UNREAD_MAX, Waiting};
use crate::observe::flow::{Carries, PayloadKind};
use crate::observe::open::keylog::Keylog;
use std::collections::VecDeque;
use std::sync::Arc;
use within::Within;

/// Segments or datagrams of a flow that are probed before it counts as unknown. From then on nothing is
/// kept of its segments, and each is only asked whether it begins something; of datagrams each is asked
/// whether it names somebody beyond doubt (see [`midst`](super::midst)), and once per second by all protocols.
const PROBES: u8 = 24;

/// Segments of such a flow kept that came too early, and bytes of each: an opening is cut into few.
const AHEAD_MAX: usize = 16;
const AHEAD_BYTES_MAX: usize = 8 << 10;

/// Connections inside connections that are opened: a proxy's and the server's behind it.
const DEPTH_MAX: u8 = 3;

/// Protocols inside others that tell by themselves whether there is anything but lookups in them.
const READ_INSIDE: [&str; 2] = ["dns", "http2"];

/// The slot of what is inside a flow.
const NO_SLOT: u32 = u32::MAX;

/// Turns in a row that pass over no byte: a session hands over to another protocol, that one opens,
/// and it may hand over once more. More is a circle.
const IDLE_MAX: u8 = 3;

/// Bytes of a stream's start that a protocol may ask for before it must decide.
const PROBE_BYTES_MAX: usize = 8 << 10;

/// State of reading one flow.
#[derive(Default)]
pub struct Reading {
    session: Option<Box<dyn Session>>,
    /// Whose the session is, for datagrams.
    speaks: Option<&'static str>,
    /// Reads datagrams of a second protocol between those of the session.
    aside: Option<(&'static str, Box<dyn Session>)>,
    streams: Pair<Option<Box<Stream>>>,
    /// Directions that the session wants no more of.
    done: Pair<bool>,
    /// Directions that the session only frames any more.
    frames: Pair<bool>,
    probes: u8,
    /// Nobody reads this flow any more.
    closed: bool,
    /// Second of the last probe of an unknown flow.
    probed: i64,
    /// The session has not passed over a byte yet.
    fresh: bool,
    /// What the session's protocol carries is sealed.
    seals: bool,
    /// Directions of which that was said.
    sealed: Pair<bool>,
    /// What the session opens is read as a connection of its own.
    inside: Option<Box<Within>>,
    /// It is inside so many others.
    depth: u8,
    /// What a side speaks if nobody else claims it.
    otherwise: Option<(Side, &'static Protocol)>,
    /// Segments of a direction that nobody knows which came before others that belong in front of them.
    ahead: Pair<Ahead>,
}

impl Reading {
    /// True while a dissector may still want bytes of this direction: what is cut off or lost now
    /// may be a name.
    pub fn wants(&self, side: Side) -> bool {
        self.reads(side) && !*self.frames.of(side)
    }

    /// True while this direction is put in order for a session.
    fn reads(&self, side: Side) -> bool {
        !self.closed && !*self.done.of(side)
    }

    /// Number of the first byte of this direction of which it is not known yet what it is; none if nobody will say.
    pub fn undecided(&self, side: Side) -> Option<u32> {
        if !self.reads(side) || self.is_unknown(side) {
            return None;
        }
        let stream = self.streams.of(side).as_ref();
        stream.map(|stream| stream.position())
    }

    /// True when the flow is being read, or was never decided: its end matters.
    pub fn is_waiting(&self) -> bool {
        let named = |side: &Side| *self.done.of(*side) || *self.frames.of(*side);
        !self.closed
            && !Side::BOTH.iter().all(named)
            && (self.session.is_some()
                || self
                    .streams
                    .a
                    .as_ref()
                    .is_some_and(|s| !s.unread().is_empty()))
    }
}

/// Of a stream that nobody knows, what came out of order: the next segment may begin something that goes on in it.
#[derive(Default)]
struct Ahead {
    next: Option<u32>,
    kept: Vec<(u32, Vec<u8>)>,
}

impl Ahead {
    /// True if bytes in front of these have not come.
    fn is_ahead(&self, sequence: u32) -> bool {
        /// Numbers that lie further apart have nothing to do with each other.
        const NEAR: u32 = 1 << 24;
        let distance = self.next.map_or(0, |next| sequence.wrapping_sub(next));
        (1..NEAR).contains(&distance)
    }

    /// Notes a segment that begins nothing. What is kept of it comes from the pool.
    fn pass(&mut self, sequence: u32, bytes: &[u8], pool: &mut Pool) {
        let end = sequence.wrapping_add(u32::try_from(bytes.len()).unwrap_or(0));
        if self.is_ahead(sequence) && self.kept.len() < AHEAD_MAX && !pool.is_tight() {
            let head = bytes.get(..AHEAD_BYTES_MAX).unwrap_or(bytes);
            if pool.take(head.len()) {
                self.kept.push((sequence, head.to_vec()));
                return;
            }
        }
        // In order, or what is missing is lost.
        if self.is_ahead(sequence) || self.next.is_none() || self.is_ahead(end) {
            self.next = Some(end);
            let mut kept = std::mem::take(&mut self.kept);
            kept.retain(|(sequence, bytes)| {
                let wanted = *sequence == end || self.is_ahead(*sequence);
                if !wanted {
                    pool.give(bytes.len());
                }
                wanted
            });
            self.kept = kept;
        }
    }

    /// Hands over what was kept; it is the pool's no longer.
    fn hand_over(&mut self, pool: &mut Pool) -> Vec<(u32, Vec<u8>)> {
        let kept = std::mem::take(self).kept;
        pool.give(kept.iter().map(|(_, bytes)| bytes.len()).sum());
        kept
    }
}

/// Slots and directions whose streams are only kept to compare with.
type Finished = VecDeque<(u32, Side)>;

/// What the readings of all flows share.
struct Shared<'a> {
    registry: &'a Registry,
    keys: Option<&'a Keys>,
    pool: &'a mut Pool,
    finished: &'a mut Finished,
}

/// The protocols that are tried. Their order means nothing.
pub(super) struct Registry {
    streams: Vec<&'static Protocol>,
    datagrams: Vec<&'static Protocol>,
    /// Of the openings that name a server, a bit for each that the first byte refuses.
    refuses: [u64; 256],
}

impl Default for Registry {
    fn default() -> Self {
        #[cfg(test)]
        if let Some(shuffled) = shuffled::registry() {
            return shuffled;
        }
        Self::of(STREAMS.iter().collect(), DATAGRAMS.iter().collect())
    }
}

impl Registry {
    fn of(streams: Vec<&'static Protocol>, datagrams: Vec<&'static Protocol>) -> Self {
        // Ports do not weigh in what one byte says.
        let nowhere = (std::net::Ipv4Addr::UNSPECIFIED.into(), 0);
        let ends = Ends {
            side: Side::A,
            sender: nowhere,
            receiver: nowhere,
        };
        let mut refuses = [0; 256];
        for (byte, refused) in (0..=u8::MAX).zip(&mut refuses) {
            for (place, protocol) in streams.iter().enumerate() {
                if protocol.names && (protocol.fit)(&[byte], &ends) == Fit::NotMine {
                    *refused |= bit(place);
                }
            }
        }
        Self {
            streams,
            datagrams,
            refuses,
        }
    }

    /// The protocol of a stream that begins so; `Err` if none claims it.
    pub(super) fn stream(
        &self,
        bytes: &[u8],
        ends: &Ends,
        refused: &mut u64,
    ) -> Result<&'static Protocol, Undecided> {
        self.first(bytes, ends, refused, |_| true)
    }

    /// As [`stream`](Self::stream), of bytes in the midst of a stream that nobody knows: only protocols that name a server
    /// are asked. Of the others some have openings of so few bytes that payload would be taken for them.
    fn midst(
        &self,
        bytes: &[u8],
        ends: &Ends,
        refused: &mut u64,
    ) -> Result<&'static Protocol, Undecided> {
        self.first(bytes, ends, refused, |protocol| protocol.names)
    }

    /// The protocol that claims these bytes, of those that are asked and did not refuse them. Who refuses that much is put down.
    fn first(
        &self,
        bytes: &[u8],
        ends: &Ends,
        refused: &mut u64,
        asked: fn(&Protocol) -> bool,
    ) -> Result<&'static Protocol, Undecided> {
        let mut waiting: Option<Option<Until>> = None;
        // Openings that name a server are refused for good by their first bytes; others may take a second look.
        let settled = |protocol: &Protocol| protocol.names || bytes.len() >= SETTLED;
        let byte = bytes.first().map(|first| usize::from(*first));
        *refused |= byte.and_then(|byte| self.refuses.get(byte)).unwrap_or(&0);
        for (place, protocol) in self.streams.iter().enumerate() {
            let bit = bit(place);
            if !asked(protocol) || *refused & bit != 0 {
                continue;
            }
            looks_at(bytes.len().min(SETTLED));
            match (protocol.fit)(bytes, ends) {
                Fit::Mine => return Ok(protocol),
                Fit::NeedMore => {
                    let until = protocol.until.and_then(|until| until(bytes));
                    waiting = Some(match waiting {
                        None => until,
                        // Two that wait for the same wait together.
                        Some(other) => until.zip(other).and_then(|(a, b)| {
                            let length = a.length.min(b.length);
                            (a.byte == b.byte).then_some(Until { length, ..a })
                        }),
                    });
                }
                Fit::NotMine if settled(protocol) => *refused |= bit,
                Fit::NotMine => {}
            }
        }
        Err(Undecided(waiting))
    }

    fn datagram(&self, bytes: &[u8], ends: &Ends) -> Option<&'static Protocol> {
        looks_at(bytes.len().min(SETTLED) * self.datagrams.len());
        let mut all = self.datagrams.iter();
        all.find(|p| (p.fit)(bytes, ends) == Fit::Mine).copied()
    }
}

/// A protocol's bit, by its place in the registry.
fn bit(place: usize) -> u64 {
    1u64.checked_shl(u32::try_from(place).unwrap_or(u32::MAX))
        .unwrap_or(0)
}

/// Looks for a protocol of bytes that wait, unless they would be looked at in vain.
pub(super) fn again(
    waiting: &mut Waiting,
    bytes: &[u8],
    ask: impl FnOnce(&[u8], &mut u64) -> Result<&'static Protocol, Undecided>,
) -> Result<&'static Protocol, bool> {
    if waiting.pause.as_mut().is_some_and(|p| p.holds(bytes)) {
        return Err(true);
    }
    ask(bytes, &mut waiting.refused).map_err(|undecided| {
        waiting.pause = undecided.0.flatten().map(|until| until.pause(bytes));
        undecided.may()
    })
}

/// No protocol claims the bytes: whether one still may, and what it waits for.
pub(super) struct Undecided(Option<Option<Until>>);

impl Undecided {
    /// True if one still may.
    pub(super) fn may(&self) -> bool {
        self.0.is_some()
    }
}

/// The readings of all flows of a series, by slot of the flow table.
#[derive(Default)]
pub struct Readings {
    registry: Registry,
    /// What opens sealed connections.
    keys: Option<Keys>,
    slots: Vec<Reading>,
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
        }
        self.slots.get_mut(slot)
    }

    /// The reading of a slot.
    pub fn get(&self, slot: u32) -> Option<&Reading> {
        self.slots.get(slot as usize)
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
        let Some((reading, mut shared)) = self.slots_and_shared(slot) else {
            return;
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

impl Reading {
    /// Bytes of a direction inside another one are missing: what comes next begins anew.
    fn torn(&mut self, side: Side, shared: &mut Shared<'_>, sink: &mut Sink<'_>) {
        self.last_words(side, sink);
        self.otherwise = None;
        if !self.session.as_mut().is_none_or(|s| s.lost(side)) {
            self.session = None;
        }
        self.release(side, shared.pool);
        *self.streams.of_mut(side) = None;
    }

    /// Gives back what is kept of a direction.
    fn release(&mut self, side: Side, pool: &mut Pool) {
        if let Some(stream) = self.streams.of_mut(side) {
            stream.release(pool);
        }
        self.ahead.of_mut(side).hand_over(pool);
        if let Some(within) = &mut self.inside {
            within.reading.release(side, pool);
        }
    }

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

    /// Reads a datagram of another protocol than the session's.
    fn read_aside(&mut self, protocol: &'static Protocol, bytes: &[u8], sink: &mut Sink<'_>) {
        let (_, session) = match self.aside.take_if(|(id, _)| *id == protocol.id) {
            Some(known) => self.aside.insert(known),
            None => self.aside.insert((protocol.id, (protocol.open)())),
        };
        session.read(bytes, sink);
    }

    /// A segment of a flow that nobody reads: a drone link over TCP still shows itself.
    fn watch_unread(&mut self, bytes: &[u8], sink: &mut Sink<'_>) {
        if bytes.is_empty() {
            return;
        }
        if *sink.flow.carries.of(sink.side()) == Carries::Undecided {
            // The other side told what this is, and it is no handshake.
            sink.carries(Carries::Application);
        }
        if self.session.is_none() {
            super::drone_link::watch(bytes, sink);
        }
    }

    /// Takes a segment of the flow in this slot, or of a connection inside it.
    fn segment(
        &mut self,
        slot: u32,
        sequence: u32,
        start: Option<u32>,
        bytes: &[u8],
        shared: &mut Shared<'_>,
        sink: &mut Sink<'_>,
    ) {
        let side = sink.side();
        let keep = self.reads(side);
        if !keep && self.streams.of(side).is_none() {
            self.watch_unread(bytes, sink);
            super::packets::watch(bytes, sink);
            return;
        }
        let mut early = Vec::new();
        if self.is_unknown(side) {
            // Nothing is kept of it: each segment is looked at where it lies.
            let head = bytes.get(..PROBE_BYTES_MAX).unwrap_or(bytes);
            let read_so_far = self.streams.of(side).as_ref().map(|stream| stream.end());
            let ahead = self.ahead.of_mut(side);
            ahead.next = ahead.next.or(read_so_far);
            let begins = match shared.registry.midst(head, &sink.ends, &mut 0) {
                Ok(_) => true,
                Err(undecided) => undecided.may() && !ahead.is_ahead(sequence),
            };
            if !begins {
                ahead.pass(sequence, bytes, shared.pool);
                sink.carries(Carries::Application);
                self.watch_unread(bytes, sink);
                super::packets::watch(bytes, sink);
                return;
            }
            if let Some(mut stream) = self.streams.of_mut(side).take() {
                stream.release(shared.pool);
            }
            *self.streams.of_mut(side) = Some(Box::new(Stream::new(sequence)));
            early = ahead.hand_over(shared.pool);
        }
        let begin = start.unwrap_or(sequence);
        let stream = self
            .streams
            .of_mut(side)
            .get_or_insert_with(|| Box::new(Stream::new(begin)));
        if stream.step_back(sequence, bytes.len()) {
            self.frames = Pair::default();
            self.session = None;
            self.done = Pair::default();
            self.closed = false;
        }
        let keep = keep || self.reads(side);
        let Some(stream) = self.streams.of_mut(side) else {
            return;
        };
        for (sequence, bytes) in &early {
            stream.push(*sequence, bytes, shared.pool);
        }
        let pushed = stream.push(sequence, bytes, shared.pool);
        if pushed.dropped {
            sink.gap(
                GapId::LimitsReached,
                "the memory for reassembly was used up",
            );
        }
        if pushed.unheard {
            sink.flow.facts.conflict = true;
            sink.gap(
                GapId::LimitsReached,
                "more differing copies of a connection's bytes than are read",
            );
        }
        if let Some(otherwise) = pushed.otherwise {
            sink.flow.facts.conflict = true;
            if sink.flow.opens {
                sink.gap(
                    GapId::UnreadablePackets,
                    "differing copies of sealed bytes, of which one was opened",
                );
            }
            // Behind bytes that nobody knows the copy may begin something by itself.
            let readings = [
                (
                    &*otherwise,
                    shared.registry.stream(&otherwise, &sink.ends, &mut 0),
                ),
                (bytes, shared.registry.midst(bytes, &sink.ends, &mut 0)),
            ];
            let claimed = readings
                .into_iter()
                .find_map(|(bytes, protocol)| Some((bytes, protocol.ok()?)));
            if let Some((bytes, protocol)) = claimed {
                read_alone(bytes, protocol, sink);
            }
        }
        if !keep {
            if *sink.flow.carries.of(side) == Carries::Undecided && !bytes.is_empty() {
                sink.carries(Carries::Application);
            }
            super::packets::watch(bytes, sink);
            return;
        }
        self.run(side, shared, sink);
        super::packets::watch(bytes, sink);
        if pushed.hole {
            self.over_the_hole(side, shared, sink);
        }
        self.close_streams(slot, shared);
    }

    /// True when nobody read this direction so far, and nothing of it waits.
    fn is_unknown(&self, side: Side) -> bool {
        self.probes >= PROBES
            && self.session.is_none()
            && self.reads(side)
            && self
                .streams
                .of(side)
                .as_ref()
                .is_none_or(|s| s.unread().is_empty())
    }

    fn run(&mut self, side: Side, shared: &mut Shared<'_>, sink: &mut Sink<'_>) {
        let mut idle = 0u8;
        // Ends: each turn passes over bytes or is counted.
        loop {
            let Some(stream) = self.streams.of_mut(side) else {
                return;
            };
            if stream.unread().is_empty() || self.closed || *self.done.of(side) {
                return;
            }
            let Some(session) = &mut self.session else {
                if !self.probe(side, shared, sink) {
                    return;
                }
                continue;
            };
            let from = stream.position();
            if self.seals && !std::mem::replace(self.sealed.of_mut(side), true) {
                sink.part(usize::MAX, Part::Sealed);
                label(side, from, u64::MAX, sink);
            }
            looks_at(stream.unread().len().min(SETTLED));
            let step = session.read(stream.unread(), sink);
            let passes = match step {
                Step::Consumed(n) | Step::Handover(n) => n as u64,
                Step::Skip(n) => n,
                Step::DoneHere | Step::Done => u64::MAX,
                Step::More | Step::Frames => 0,
            };
            if let Some(inside) = sink.inside.take() {
                let depth = self.depth.saturating_add(1);
                let within = self.inside.get_or_insert_with(|| Within::at(depth));
                let part = within.take(side, inside, shared, sink);
                sink.parts.push(part);
            }
            if matches!(step, Step::DoneHere | Step::Done)
                && let Some(reason) = *sink.flow.rest.of(side)
            {
                sink.sealed(reason, stream.waits());
            }
            label(side, from, passes, sink);
            let passed = matches!(
                step,
                Step::Consumed(1..) | Step::Skip(1..) | Step::Handover(1..)
            );
            let circle = match step {
                // What opened on these very bytes cannot read them after all.
                Step::Handover(0) => self.fresh || idle >= IDLE_MAX,
                Step::Consumed(0) | Step::Skip(0) | Step::Frames => idle >= IDLE_MAX,
                _ => false,
            };
            if circle {
                sink.gap(
                    GapId::UnreadablePackets,
                    "a message that its protocol claims and cannot read",
                );
                self.pass_over(side, shared, sink);
                return;
            }
            idle = if passed { 0 } else { idle.saturating_add(1) };
            self.fresh &= !passed;
            match step {
                Step::More => {
                    if stream.unread().len() >= UNREAD_MAX {
                        sink.gap(GapId::LimitsReached, "a message is longer than is kept");
                        self.pass_over(side, shared, sink);
                    }
                    return;
                }
                Step::Consumed(n) => stream.consume(n, shared.pool),
                Step::Skip(n) => stream.skip(n, shared.pool),
                Step::Frames => *self.frames.of_mut(side) = true,
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
                    stream.consume(n, shared.pool);
                    self.session = None;
                    self.done = Pair::default();
                    self.frames = Pair::default();
                    self.probes = 0;
                    self.otherwise = sink.otherwise.take();
                }
            }
        }
    }

    /// What waits of a direction costs itself only: it is payload of an unknown kind, and the next segment is looked at anew.
    fn pass_over(&mut self, side: Side, shared: &mut Shared<'_>, sink: &mut Sink<'_>) {
        self.session = None;
        self.done = Pair::default();
        self.frames = Pair::default();
        if let Some(stream) = self.streams.of_mut(side) {
            let unread = stream.unread().len();
            stream.consume(unread, shared.pool);
        }
        sink.carries(Carries::Application);
    }

    fn finish(&mut self) {
        self.session = None;
        self.closed = true;
    }

    /// Looks for a protocol; true when the loop should go on.
    fn probe(&mut self, side: Side, shared: &mut Shared<'_>, sink: &mut Sink<'_>) -> bool {
        let Some(stream) = self.streams.of_mut(side) else {
            return false;
        };
        let ask = match self.probes >= PROBES {
            true => Registry::midst,
            false => Registry::stream,
        };
        let ends = sink.ends;
        let ask = |bytes: &[u8], refused: &mut u64| ask(shared.registry, bytes, &ends, refused);
        let mut waiting = stream.waiting;
        let undecided = match again(&mut waiting, stream.unread(), ask) {
            Ok(protocol) => {
                self.begin(protocol, side, shared, sink);
                return true;
            }
            Err(undecided) => undecided,
        };
        stream.waiting = waiting;
        if undecided && stream.unread().len() < PROBE_BYTES_MAX {
            // What waits for more may wait in vain: a greeting that looks like the start of a long message, and now a hello.
            let mut found = None;
            stream.retain_starts(|before, bytes, waiting| {
                if found.is_some() {
                    return true;
                }
                match again(waiting, bytes, ask) {
                    Ok(protocol) => {
                        found = Some((before, protocol));
                        true
                    }
                    Err(more) => more,
                }
            });
            let Some((before, protocol)) = found else {
                return false;
            };
            sink.carries(Carries::Application);
            stream.consume(before, shared.pool);
            self.begin(protocol, side, shared, sink);
            return true;
        }
        match self.otherwise(side, sink) {
            Fit::Mine => {
                self.begin_otherwise(side, shared, sink);
                return true;
            }
            Fit::NeedMore => return false,
            Fit::NotMine => self.otherwise = self.otherwise.filter(|(of, _)| *of != side),
        }
        let Some(stream) = self.streams.of_mut(side) else {
            return false;
        };
        // Nobody's: application payload. Each segment is looked at on its own.
        sink.flow.within.others |= self.depth > 0;
        let again = stream.forget_unread(shared.pool);
        sink.carries(Carries::Application);
        self.probes = self.probes.saturating_add(1);
        again
    }

    /// Whether what waits may be what the side speaks if nobody else claims it.
    fn otherwise(&self, side: Side, sink: &Sink<'_>) -> Fit {
        match (self.otherwise, self.streams.of(side)) {
            (Some((of, protocol)), Some(stream)) if of == side => {
                (protocol.fit)(stream.unread(), &sink.ends)
            }
            _ => Fit::NotMine,
        }
    }

    fn begin_otherwise(&mut self, side: Side, shared: &mut Shared<'_>, sink: &mut Sink<'_>) {
        if let Some((_, protocol)) = self.otherwise {
            self.begin(protocol, side, shared, sink);
        }
    }

    /// Opens a session. What the other side said before, and waits for a protocol that it could be, is passed over if it cannot be of this
    /// one: the answer to a request for encryption is not part of what is agreed on.
    fn begin(
        &mut self,
        protocol: &'static Protocol,
        side: Side,
        shared: &mut Shared<'_>,
        sink: &mut Sink<'_>,
    ) {
        self.session = Some(open(protocol, sink));
        self.fresh = true;
        self.otherwise = None;
        let opens = match (
            &mut self.session,
            shared.keys.filter(|_| self.depth < DEPTH_MAX),
        ) {
            (Some(session), Some(keys)) => session.keys(keys),
            _ => false,
        };
        sink.flow.opens |= opens;
        sink.flow.within.others |= self.depth > 0 && !READ_INSIDE.contains(&protocol.id);
        self.seals = protocol.payload == PayloadKind::Sealed && !opens;
        self.sealed = Pair::default();
        let other = side.other();
        let ends = sink.ends.reversed();
        if let Some(stream) = self.streams.of_mut(other) {
            while !stream.unread().is_empty()
                && (protocol.fit)(stream.unread(), &ends) == Fit::NotMine
            {
                stream.forget_unread(shared.pool);
                sink.flow.carries(other, Carries::Application);
            }
        }
    }

    fn over_the_hole(&mut self, side: Side, shared: &mut Shared<'_>, sink: &mut Sink<'_>) {
        self.last_words(side, sink);
        self.otherwise = None;
        if !self.session.as_mut().is_none_or(|s| s.lost(side)) {
            self.session = None;
        }
        if let Some(stream) = self.streams.of_mut(side)
            && stream.give_up_hole(shared.pool)
        {
            self.run(side, shared, sink);
        }
    }

    /// Nothing comes behind the unread bytes any more: they are read as far as they go, for they may hold a name.
    fn last_words(&mut self, side: Side, sink: &mut Sink<'_>) {
        if let (Some(session), Some(stream), false) = (
            &mut self.session,
            self.streams.of(side),
            *self.done.of(side),
        ) && !stream.unread().is_empty()
        {
            session.end(stream.unread(), sink);
            label(side, stream.position(), stream.unread().len() as u64, sink);
        }
    }

    /// What waits on the port of resolvers when the flow ends is a question of which bytes are missing, or could be one.
    fn half_a_question(&self, side: Side, sink: &mut Sink<'_>) {
        let resolver = [sink.ends.sender.1, sink.ends.receiver.1].contains(&super::dns::PORT);
        if let (true, None, Some(stream)) = (resolver, &self.session, self.streams.of(side))
            && (super::dns::OVER_TCP.fit)(stream.unread(), &sink.ends) == Fit::NeedMore
            && !stream.unread().is_empty()
        {
            read_alone(stream.unread(), &super::dns::OVER_TCP, sink);
        }
    }

    fn run_to_the_end(&mut self, side: Side, shared: &mut Shared<'_>, sink: &mut Sink<'_>) {
        if !self.reads(side) {
            return;
        }
        self.run(side, shared, sink);
        if self.session.is_none() && self.otherwise(side, sink) == Fit::Mine {
            // Others may claim it, and wait in vain.
            self.begin_otherwise(side, shared, sink);
            self.run(side, shared, sink);
        }
        self.half_a_question(side, sink);
        // What lies behind holes is read on its own: each piece may begin something.
        for _ in 0..=LATE_PIECES_MAX {
            if !self.reads(side) {
                return;
            }
            self.last_words(side, sink);
            self.otherwise = None;
            let more = self
                .streams
                .of_mut(side)
                .as_mut()
                .is_some_and(|s| s.give_up_hole(shared.pool));
            if !more {
                return;
            }
            if !self.session.as_mut().is_none_or(|s| s.lost(side)) {
                self.session = None;
            }
            self.run(side, shared, sink);
        }
    }

    fn close_streams(&mut self, slot: u32, shared: &mut Shared<'_>) {
        for side in Side::BOTH {
            if !self.reads(side)
                && let Some(stream) = self.streams.of_mut(side)
                && !stream.is_closed()
            {
                stream.close(shared.pool);
                if slot == NO_SLOT {
                    // There are no copies inside.
                    stream.release(shared.pool);
                } else {
                    shared.finished.push_back((slot, side));
                }
            }
        }
    }
}

/// Another order of the protocols, for tests that it means nothing.
#[cfg(test)]
pub(crate) mod shuffled {
    use super::{DATAGRAMS, Registry, STREAMS};
    use crate::observe::dissect::wire::test_bytes::Noise;
    use std::cell::Cell;

    thread_local! {
        static SEED: Cell<Option<u64>> = const { Cell::new(None) };
    }

    /// Readings that this thread makes within `work` try the protocols in an order that follows from `seed`.
    pub(crate) fn with<R>(seed: u64, work: impl FnOnce() -> R) -> R {
        SEED.set(Some(seed));
        let done = work();
        SEED.set(None);
        done
    }

    pub(super) fn registry() -> Option<Registry> {
        let mut noise = Noise(SEED.get()?);
        let mut streams: Vec<_> = STREAMS.iter().collect();
        let mut datagrams: Vec<_> = DATAGRAMS.iter().collect();
        for at in (1..streams.len()).rev() {
            streams.swap(at, noise.below(at + 1));
        }
        for at in (1..datagrams.len()).rev() {
            datagrams.swap(at, noise.below(at + 1));
        }
        Some(Registry::of(streams, datagrams))
    }
}
