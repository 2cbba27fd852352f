//! The reading of one flow: its bytes in order, the session that reads them, and what is asked where there is none.
//!
//! Every turn of the loop passes over bytes, or is counted: a session that claims bytes and then
//! neither reads nor passes them is refused, and that leaves a gap.

use super::ahead::Ahead;
use super::registry::{Registry, again};
use super::within::Within;
use super::{NO_SLOT, Shared, label, open, read_alone};
use crate::evidence::flow::{Pair, Side};
use crate::ground::cause::ReadingCause;
use crate::ground::moment::Timestamp;
use crate::ground::protocol::DNS_PORT;
use crate::ground::work::looks_at;
use crate::observe::dissect::wire::{Fit, SETTLED};
use crate::observe::dissect::{
    Protocol, Session, Sink, Step, dns, drone_link, packets, tls_record,
};
use crate::observe::flow::late::PIECES_MAX;
use crate::observe::flow::part::Part;
use crate::observe::flow::stream::{Pool, Stream, UNREAD_MAX};
use crate::observe::flow::{Carries, PayloadKind};

/// Segments or datagrams of a flow that are probed before it counts as unknown. From then on nothing is
/// kept of its segments, and each is only asked whether it begins something; of datagrams each is asked
/// whether it names somebody beyond doubt (see [`midst`](crate::observe::dissect::midst)), and once per second by all protocols.
const PROBES: u8 = 24;

/// Connections inside connections that are opened: a proxy's and the server's behind it.
const DEPTH_MAX: u8 = 3;

/// Protocols inside others that tell by themselves whether there is anything but lookups in them.
const READ_INSIDE: [&str; 3] = ["dns", "http", "http2"];

/// Turns in a row that pass over no byte: a session hands over to another protocol, that one opens,
/// and it may hand over once more. More is a circle.
const IDLE_MAX: u8 = 3;

/// Bytes of a stream's start that a protocol may ask for before it must decide.
const PROBE_BYTES_MAX: usize = 8 << 10;

/// State of reading one flow.
#[derive(Default)]
pub struct Reading {
    pub(super) session: Option<Box<dyn Session>>,
    /// Whose the session is, for datagrams.
    pub(super) speaks: Option<&'static str>,
    /// Reads datagrams of a second protocol between those of the session.
    aside: Option<(&'static str, Box<dyn Session>)>,
    pub(super) streams: Pair<Option<Box<Stream>>>,
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
    pub(super) fresh: bool,
    /// What the session's protocol carries is sealed.
    seals: bool,
    /// Directions of which that was said.
    sealed: Pair<bool>,
    /// What the session opens is read as a connection of its own.
    pub(super) inside: Option<Box<Within>>,
    /// It is inside so many others.
    pub(super) depth: u8,
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
    pub(super) fn reads(&self, side: Side) -> bool {
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

impl Reading {
    /// Bytes of a direction inside another one are missing: what comes next begins anew.
    pub(super) fn torn(&mut self, side: Side, shared: &mut Shared<'_>, sink: &mut Sink<'_>) {
        self.last_words(side, sink);
        if !self.session.as_mut().is_none_or(|s| s.lost(side)) {
            self.session = None;
        }
        self.release(side, shared.pool);
        *self.streams.of_mut(side) = None;
    }

    /// Gives back what is kept of a direction.
    pub(super) fn release(&mut self, side: Side, pool: &mut Pool) {
        if let Some(stream) = self.streams.of_mut(side) {
            stream.release(pool);
        }
        self.ahead.of_mut(side).hand_over(pool);
        if let Some(within) = &mut self.inside {
            within.reading.release(side, pool);
        }
    }

    /// Unknown flows are looked at again now and then: once per second of capture time.
    pub(super) fn may_probe(&mut self, now: Timestamp) -> bool {
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
    pub(super) fn read_aside(
        &mut self,
        protocol: &'static Protocol,
        bytes: &[u8],
        sink: &mut Sink<'_>,
    ) {
        let (_, session) = match self.aside.take_if(|(id, _)| *id == protocol.id) {
            Some(known) => self.aside.insert(known),
            None => self.aside.insert((protocol.id, (protocol.open)())),
        };
        session.read(bytes, sink);
        if protocol.id != dns::OVER_UDP.id {
            // Lookups before it do not make lookups of it.
            let facts = &mut sink.flow.facts;
            (facts.more_than_lookups, facts.only_lookups) = (true, false);
        }
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
            drone_link::watch(bytes, sink);
        }
    }

    /// Takes a segment of the flow in this slot, or of a connection inside it.
    pub(super) fn segment(
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
            packets::watch(bytes, sink);
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
                packets::watch(bytes, sink);
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
            sink.over(ReadingCause::ReassemblyMemory);
        }
        if pushed.unheard {
            sink.flow.facts.conflict = true;
            sink.over(ReadingCause::CopiesOver);
        }
        if let Some(otherwise) = pushed.otherwise {
            sink.flow.facts.conflict = true;
            if sink.flow.opens {
                sink.unreadable(ReadingCause::SealedCopies);
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
            packets::watch(bytes, sink);
            return;
        }
        self.run(side, shared, sink);
        packets::watch(bytes, sink);
        if pushed.hole {
            self.over_the_hole(side, shared, sink);
        }
        self.close_streams(slot, shared);
    }

    /// True when nobody read this direction so far, and nothing of it waits.
    pub(super) fn is_unknown(&self, side: Side) -> bool {
        self.probes >= PROBES
            && self.session.is_none()
            && self.reads(side)
            && self
                .streams
                .of(side)
                .as_ref()
                .is_none_or(|s| s.unread().is_empty())
    }

    pub(super) fn run(&mut self, side: Side, shared: &mut Shared<'_>, sink: &mut Sink<'_>) {
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
                let clear = inside.clear;
                let part = within.take(side, inside, shared, sink);
                if !clear {
                    sink.parts.push(part);
                }
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
                sink.unreadable(ReadingCause::Claimed);
                self.pass_over(side, shared, sink);
                return;
            }
            idle = if passed { 0 } else { idle.saturating_add(1) };
            self.fresh &= !passed;
            match step {
                Step::More => {
                    if stream.unread().len() >= UNREAD_MAX {
                        sink.over(ReadingCause::MessageLong);
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
                    self.seals = false;
                    self.session = sink.onward.take();
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
        // What a relay asks for first (an address, a key) may stand in front of what it is to pass on, and be known to nobody.
        let asks = match sink.flow.opened_by {
            Some((opener, _)) => opener == side,
            None => sink.ends.sender.1 > sink.ends.receiver.1,
        };
        if asks
            && let Some(before) = tls_record::hello_behind(stream.unread())
            && let Some(Ok(protocol)) = stream.unread().get(before..).map(|rest| ask(rest, &mut 0))
        {
            sink.carries(Carries::Application);
            stream.consume(before, shared.pool);
            self.begin(protocol, side, shared, sink);
            return true;
        }
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
        let opens = match (
            &mut self.session,
            shared.keys.filter(|_| self.depth < DEPTH_MAX),
        ) {
            (Some(session), Some(keys)) => session.keys(keys),
            _ => false,
        };
        sink.flow.opens |= opens;
        sink.flow.within.others |= self.depth > 0 && !READ_INSIDE.contains(&protocol.id);
        sink.flow.within.broadcast |= self.depth > 0 && protocol.payload == PayloadKind::Broadcast;
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
        let resolver = [sink.ends.sender.1, sink.ends.receiver.1].contains(&DNS_PORT);
        if let (true, None, Some(stream)) = (resolver, &self.session, self.streams.of(side))
            && (dns::OVER_TCP.fit)(stream.unread(), &sink.ends) == Fit::NeedMore
            && !stream.unread().is_empty()
        {
            read_alone(stream.unread(), &dns::OVER_TCP, sink);
        }
    }

    pub(super) fn run_to_the_end(
        &mut self,
        side: Side,
        shared: &mut Shared<'_>,
        sink: &mut Sink<'_>,
    ) {
        if !self.reads(side) {
            return;
        }
        self.run(side, shared, sink);
        self.half_a_question(side, sink);
        // What lies behind holes is read on its own: each piece may begin something.
        for _ in 0..=PIECES_MAX {
            if !self.reads(side) {
                return;
            }
            self.last_words(side, sink);
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

    pub(super) fn close_streams(&mut self, slot: u32, shared: &mut Shared<'_>) {
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
