//! Streams in connections of datagrams that were opened: each is read like a connection of its own, put in order by the numbers of its bytes.
//!
//! A connection may go on in another flow, and so do its streams: they are kept by the number of the connection, and end with the flow
//! that brought its last bytes, as far as they can be read by then. A reader that waits for another stream of its connection is asked again
//! when one has brought something.

use super::{NO_SLOT, Reading, Shared};
use crate::evidence::flow::{Pair, Side};
use crate::evidence::seal::Seal;
use crate::ground::cause::ReadingCause;
use crate::observe::dissect::{Piece, Sink};
use crate::observe::flow::part::Loan;
use crate::observe::flow::stream::Pool;
use std::collections::{BTreeMap, VecDeque};

/// Streams of a connection that are open at a time: servers allow a hundred requests, and each side has a few of its own.
const STREAMS_MAX: usize = 256;
/// Streams remembered that were read to their ends: what is sent again comes soon.
const DONE_MAX: usize = 64;
/// Connections of a series with open streams; with as many as that the oldest ones are given up.
const CONNECTIONS_MAX: usize = 256;

/// Runs of a stream that wait for what is between them; more are taken for one, and what lies between for missing.
const RUNS_MAX: usize = 128;

/// Which bytes of a direction have come.
#[derive(Debug, Default)]
struct Come {
    /// Runs by their beginnings, apart from one another, and their ends.
    runs: BTreeMap<u64, u64>,
    /// Bytes between runs that were given up.
    missing: u64,
}

impl Come {
    /// These have.
    fn add(&mut self, from: u64, to: u64) {
        let (mut from, mut to) = (from, to);
        // Those that touch it, from the last one that begins before its end.
        while let Some((begin, end)) = self.runs.range(..=to).next_back().map(|(b, e)| (*b, *e))
            && end >= from
        {
            self.runs.remove(&begin);
            (from, to) = (from.min(begin), to.max(end));
        }
        self.runs.insert(from, to);
        if self.runs.len() > RUNS_MAX {
            self.join();
        }
    }

    /// Gives up what is missing between the first two runs, or before the first.
    fn join(&mut self) {
        let Some((begin, end)) = self.runs.pop_first() else {
            return;
        };
        self.missing = self.missing.saturating_add(begin);
        match self.runs.pop_first() {
            Some((next, last)) => {
                self.missing = self.missing.saturating_add(next.saturating_sub(end));
                self.runs.insert(0, last);
            }
            None => {
                self.runs.insert(0, end);
            }
        }
    }

    /// True if everything up to `last` is there, or given up.
    fn is_whole(&self, last: u64) -> bool {
        match self.runs.first_key_value() {
            Some((begin, end)) => *begin == 0 && *end >= last,
            None => last == 0,
        }
    }

    /// Bytes that are missing before others, each told once.
    fn take_missing(&mut self) -> u64 {
        while self.runs.len() > 1 || self.runs.keys().any(|begin| *begin > 0) {
            self.join();
        }
        std::mem::take(&mut self.missing)
    }
}

/// One stream.
#[derive(Default)]
struct Stream {
    reading: Reading,
    /// Where each direction ends, once that is known.
    last: Pair<Option<u64>>,
    /// Which bytes have come.
    come: Pair<Come>,
    /// All of it was read.
    over: Pair<bool>,
    /// The first bytes in the flow at hand.
    begin: Pair<u32>,
    /// All further bytes of a direction stay sealed once more inside.
    rest: Pair<Option<Seal>>,
}

/// The streams of a connection.
#[derive(Default)]
struct Connection {
    streams: BTreeMap<u64, Stream>,
    /// The latest that were read to their ends.
    done: VecDeque<u64>,
    /// The flow of its last bytes; none once that is over.
    slot: Option<u32>,
}

/// All connections of a series.
#[derive(Default)]
pub(super) struct Connections {
    open: BTreeMap<u64, Connection>,
}

impl Connections {
    /// Reads on in what came out of a datagram.
    pub(super) fn take(&mut self, slot: u32, shared: &mut Shared<'_>, sink: &mut Sink<'_>) {
        for piece in std::mem::take(&mut sink.pieces) {
            let number = piece.connection;
            if self.open.len() >= CONNECTIONS_MAX && !self.open.contains_key(&number) {
                self.make_room(shared.pool, sink);
            }
            let connection = self.open.entry(number).or_default();
            if connection.slot.replace(slot) != Some(slot) {
                connection.moves();
            }
            connection.take(piece, shared, sink);
        }
    }

    /// Gives up the oldest connection, one whose flow is over if there is such a one.
    fn make_room(&mut self, pool: &mut Pool, sink: &mut Sink<'_>) {
        let over = self.open.iter().find(|(_, c)| c.slot.is_none());
        let oldest = over.or_else(|| self.open.first_key_value());
        let Some(number) = oldest.map(|(number, _)| *number) else {
            return;
        };
        let Some(mut connection) = self.open.remove(&number) else {
            return;
        };
        if connection.slot.is_some() {
            sink.over(ReadingCause::OpenedConnectionsOver);
        }
        connection.release(pool);
    }

    /// True if a flow has open streams.
    pub(super) fn any(&self, slot: u32) -> bool {
        self.open
            .values()
            .any(|connection| connection.slot == Some(slot))
    }

    /// The flow is over: what waits of a side is read as far as it goes.
    pub(super) fn end(
        &mut self,
        slot: u32,
        side: Side,
        shared: &mut Shared<'_>,
        sink: &mut Sink<'_>,
    ) {
        for (number, connection) in &mut self.open {
            if connection.slot != Some(slot) {
                continue;
            }
            for (id, stream) in &mut connection.streams {
                if !*stream.over.of(side) {
                    stream.read((*number, *id), None, true, shared, sink);
                }
            }
        }
    }

    /// The flow is no more. Its connections may go on in another one.
    pub(super) fn forget(&mut self, slot: u32) {
        let of_it = self.open.values_mut();
        for connection in of_it.filter(|c| c.slot == Some(slot)) {
            connection.slot = None;
        }
    }
}

impl Connection {
    /// It goes on in another flow: whoever looks into payloads there has seen nothing yet.
    fn moves(&mut self) {
        for stream in self.streams.values_mut() {
            let at = |side| stream.reading.streams.of(side).as_ref().map(|s| s.end());
            stream.begin = Pair {
                a: at(Side::A).unwrap_or(0),
                b: at(Side::B).unwrap_or(0),
            };
        }
    }

    fn release(&mut self, pool: &mut Pool) {
        for stream in self.streams.values_mut() {
            stream.release(pool);
        }
    }

    fn take(&mut self, piece: Piece, shared: &mut Shared<'_>, sink: &mut Sink<'_>) {
        let (number, id, side) = (piece.connection, piece.stream, sink.side());
        if self.done.contains(&id) {
            // Said again.
            return;
        }
        if !self.streams.contains_key(&id) {
            if self.streams.len() >= STREAMS_MAX {
                sink.over(ReadingCause::StreamsOver);
                if let Some((_, mut oldest)) = self.streams.pop_first() {
                    oldest.release(shared.pool);
                }
            }
            let mut stream = Stream::default();
            stream.reading.depth = 1;
            stream.reading.session = piece.reader.open(id);
            stream.reading.fresh = true;
            self.streams.insert(id, stream);
        }
        let Some(stream) = self.streams.get_mut(&id) else {
            return;
        };
        let end = piece.offset.saturating_add(piece.bytes.len() as u64);
        stream.come.of_mut(side).add(piece.offset, end);
        if piece.last {
            *stream.last.of_mut(side) = Some(end);
        }
        // Only differences modulo 2^32 are used.
        let at = piece.offset as u32;
        stream.read((number, id), Some((at, piece.bytes)), false, shared, sink);
        let one_way = id & 2 != 0;
        let over = *stream.over.of(side) && (one_way || *stream.over.of(side.other()));
        if over && let Some(mut done) = self.streams.remove(&id) {
            done.release(shared.pool);
            if self.done.len() >= DONE_MAX {
                self.done.pop_front();
            }
            self.done.push_back(id);
        }
        if one_way {
            for (id, other) in &mut self.streams {
                if other.reading.has_unread(side) {
                    other.read((number, *id), None, false, shared, sink);
                }
            }
        }
    }
}

impl Stream {
    fn release(&mut self, pool: &mut Pool) {
        for side in Side::BOTH {
            self.reading.release(side, pool);
        }
    }

    /// Takes bytes, or asks once more of those that wait, at the `end` for the last time; and lends what is known of them.
    fn read(
        &mut self,
        stream: (u64, u64),
        fresh: Option<(u32, Vec<u8>)>,
        end: bool,
        shared: &mut Shared<'_>,
        sink: &mut Sink<'_>,
    ) {
        let side = sink.side();
        // What is said of bytes inside is no label of those around them.
        let around = sink.flow.take_labels(side);
        let parts = std::mem::take(&mut sink.parts);
        let seals = std::mem::take(&mut sink.flow.seals);
        let rest = std::mem::replace(&mut sink.flow.rest, self.rest);
        let sealed = *self.rest.of(side);
        let (number, bytes) = fresh.unwrap_or_default();
        if !bytes.is_empty() {
            self.reading
                .segment(NO_SLOT, number, Some(0), &bytes, shared, sink);
        } else if !end {
            self.reading.run(side, shared, sink);
        }
        let last = *self.last.of(side);
        let finished = last.is_some_and(|last| self.come.of(side).is_whole(last));
        let over = end || finished;
        if over {
            self.reading.run_to_the_end(side, shared, sink);
            self.reading.is_over(side, sink);
            *self.over.of_mut(side) = finished;
        }
        if over {
            let missing = sink.flow.missing.of_mut(side);
            *missing = missing.saturating_add(self.come.of_mut(side).take_missing());
        }
        let mut inner = std::mem::replace(&mut sink.flow.seals, seals).sealed;
        self.rest = std::mem::replace(&mut sink.flow.rest, rest);
        if let Some(reason) = sealed {
            inner.add(reason, bytes.len() as u64);
        }
        // What is sealed once more inside was not opened.
        for (reason, bytes) in inner.iter() {
            let opened = sink.flow.seals.opened.of_mut(side);
            let bytes = bytes.min(*opened);
            *opened = opened.saturating_sub(bytes);
            sink.flow.seals.sealed.add(reason, bytes);
        }
        let labels = sink.flow.take_labels(side);
        for label in around {
            sink.flow.label(side, label);
        }
        sink.parts = parts;
        if *sink.flow.heard.of(side) && (!bytes.is_empty() || !labels.is_empty() || over) {
            sink.flow.lent.streams.push(Loan {
                side,
                stream,
                begin: *self.begin.of(side),
                number,
                bytes,
                labels,
                undecided: self.reading.undecided(side).filter(|_| !over),
                over,
            });
        }
    }
}

impl Reading {
    /// A direction ends behind its last message, which nothing was left of.
    fn is_over(&mut self, side: Side, sink: &mut Sink<'_>) {
        if !self.has_unread(side)
            && self.reads(side)
            && let Some(session) = &mut self.session
        {
            session.end(&[], sink);
        }
    }

    /// True if something of a direction waits.
    fn has_unread(&self, side: Side) -> bool {
        let stream = self.streams.of(side).as_ref();
        self.reads(side) && stream.is_some_and(|s| !s.unread().is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::dissect::conversation::Conversation;
    use crate::observe::dissect::quic::connections::Reader;
    use crate::observe::dissect::reading::Registry;
    use crate::observe::dissect::wire::test_bytes::Noise;

    #[test]
    fn what_has_come_in_any_order_is_told_from_what_is_missing() {
        let mut come = Come::default();
        assert!(come.is_whole(0));
        for (from, to) in [(10, 20), (30, 40), (0, 5), (5, 10), (15, 30)] {
            assert!(!come.is_whole(40));
            come.add(from, to);
        }
        assert!(come.is_whole(40) && !come.is_whole(41));
        assert_eq!(come.take_missing(), 0);
        come.add(50, 60);
        come.add(70, 80);
        assert_eq!((come.take_missing(), come.take_missing()), (20, 0));
        let mut noise = Noise(11);
        for _ in 0..200 {
            let mut come = Come::default();
            let mut there = [false; 300];
            for _ in 0..noise.below(40) {
                let from = noise.below(280);
                let to = from + noise.below(20);
                come.add(from as u64, to as u64);
                there[from..to].fill(true);
            }
            let last = there.iter().rposition(|is| *is).map_or(0, |at| at + 1);
            let missing = there[..last].iter().filter(|is| !**is).count();
            assert_eq!(come.is_whole(last as u64), missing == 0);
            // Pieces without bytes may stand behind the last one.
            assert!(come.take_missing() >= missing as u64);
        }
        let mut many = Come::default();
        (0..10_000).for_each(|n| many.add(n * 10, n * 10 + 1));
        assert!(many.runs.len() <= RUNS_MAX && !many.is_whole(99_991));
        assert_eq!(many.take_missing(), 9_999 * 9);
    }
    #[test]
    fn open_streams_and_connections_are_bounded_and_that_is_told() {
        for (most, connections) in [(STREAMS_MAX, false), (CONNECTIONS_MAX, true)] {
            let mut talk = Conversation::udp("47.88.2.11:443");
            let (registry, mut pool) = (Registry::default(), Pool::default());
            let (mut finished, mut all) = (VecDeque::new(), Connections::default());
            for n in 0..=most as u64 {
                let told = talk.ledger.gaps.iter().count();
                assert_eq!(told, 0, "{n} {connections}");
                let shared = &mut Shared {
                    registry: &registry,
                    keys: None,
                    pool: &mut pool,
                    finished: &mut finished,
                };
                talk.as_client(|sink| {
                    sink.pieces = vec![Piece {
                        connection: if connections { n } else { 0 },
                        stream: n,
                        offset: 0,
                        bytes: b"some".to_vec(),
                        last: false,
                        reader: Reader::Anything,
                    }];
                    all.take(0, shared, sink);
                });
            }
            assert_eq!(talk.ledger.gaps.iter().count(), 1);
            let open: usize = all.open.values().map(|c| c.streams.len()).sum();
            assert_eq!(
                (open, all.open.len()),
                (most, if connections { most } else { 1 })
            );
        }
    }
}
