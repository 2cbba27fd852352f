//! TCP payload in order, for as long as a dissector wants it.
//!
//! Segments may come out of order, twice, overlapping, across the wrap of the sequence number or
//! in the middle of a connection. The first copy of a byte is kept; a later copy that differs is a
//! fact of its own (two listeners may have understood two things), and its reading is returned.
//! All bytes held over all flows come from one bounded [`Pool`].

use super::late::{BYTES_MAX, Late, Piece, distance};
use crate::ground::work::looks_at;

/// Bytes held for streams over all flows: what a whole capture of honest handshakes needs at a
/// time is far below, and the total memory of the program stays bounded.
const POOL_BYTES: usize = 24 << 20;

/// The start of a direction that is kept to compare later copies with: hello and request heads
/// fit in.
const HISTORY: usize = 16 << 10;

/// The most a dissector can ask to see at once; a ClientHello is at most 64 KiB in practice.
pub const UNREAD_MAX: usize = 128 << 10;

/// Bytes that are read in a second version, over all differing copies of a direction: honest traffic has none, and of one that sends them
/// on end each would cost as much as all that is kept to compare with.
const OTHERWISE_BYTES_MAX: usize = 1 << 20;

/// Beginnings of segments remembered among the unread bytes of a direction that nobody knows yet: of those that still may begin something.
const STARTS_MAX: usize = 16;

/// Differing copies of late pieces kept per direction; honest traffic has none, and the bytes of
/// each are at most a segment's.
const RIVALS_MAX: usize = 4;

/// How far below the first byte seen a segment may lie and still be the start of what was joined in
/// the middle, captured out of order; and how often that is undone.
const BACK_MAX: usize = BYTES_MAX;
const BACKS_MAX: u8 = 8;

/// Buffers kept of directions that are done with, for those that begin; and the longest of them: a hello or a request fits in.
const SPARE: usize = 64;
const SPARE_BYTES_MAX: usize = 4 << 10;

/// The budget for bytes held by streams.
#[derive(Debug)]
pub struct Pool {
    left: usize,
    spare: Vec<Vec<u8>>,
}

impl Default for Pool {
    fn default() -> Self {
        Self {
            left: POOL_BYTES,
            spare: Vec::new(),
        }
    }
}

impl Pool {
    /// Takes so many bytes; false if they are not left.
    pub fn take(&mut self, bytes: usize) -> bool {
        match self.left.checked_sub(bytes) {
            Some(left) => {
                self.left = left;
                true
            }
            None => false,
        }
    }

    /// Gives bytes back.
    pub fn give(&mut self, bytes: usize) {
        self.left = (self.left + bytes).min(POOL_BYTES);
    }

    /// An empty buffer.
    fn buffer(&mut self) -> Vec<u8> {
        self.spare.pop().unwrap_or_default()
    }

    /// A buffer is done with.
    fn recycle(&mut self, mut buffer: Vec<u8>) {
        let fits = (1..=SPARE_BYTES_MAX).contains(&buffer.capacity());
        if fits && self.spare.len() < SPARE {
            buffer.clear();
            self.spare.push(buffer);
        }
    }

    /// Less than a quarter is left: what is only kept to compare should go.
    pub fn is_tight(&self) -> bool {
        self.left < POOL_BYTES / 4
    }
}

/// One direction of a connection.
#[derive(Debug)]
pub struct Stream {
    /// Sequence number of the first byte of `data`.
    start: u32,
    data: Vec<u8>,
    /// Bytes of `data` that were consumed.
    read: usize,
    /// Bytes still to be passed over before `data` goes on.
    skip: u64,
    /// Where in `data` the bytes of the latest segment begin.
    latest: usize,
    /// The same of the latest few, oldest first: a protocol may begin at any of them.
    starts: Vec<Start>,
    /// What is known of the unread bytes, while nobody claims them.
    pub waiting: Waiting,
    /// Bytes given out as a second reading.
    otherwise: usize,
    late: Late<()>,
    /// Copies that differ from a late piece; compared once the bytes before them are here.
    rivals: Vec<(u32, Vec<u8>)>,
    /// Nobody wants more of it; what is there is kept to compare.
    closed: bool,
    /// Sequence number of the first byte there ever was.
    first: u32,
    /// How often something before it came later.
    backs: u8,
}

/// A pause in looking at bytes that wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pause {
    /// It ends with this byte,
    pub byte: u8,
    /// or with so many bytes in all.
    pub length: usize,
    /// How far the bytes were searched for it.
    pub seen: usize,
}

impl Pause {
    /// True while it goes on. Each byte is searched once.
    pub fn holds(&mut self, bytes: &[u8]) -> bool {
        let fresh = bytes.get(self.seen..).unwrap_or_default();
        self.seen = bytes.len();
        looks_at(fresh.len());
        bytes.len() < self.length && memchr::memchr(self.byte, fresh).is_none()
    }
}

/// What is known of bytes that nobody claims yet.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Waiting {
    /// Protocols that refused them for good, by their place in the registry.
    pub refused: u64,
    /// Looking at them again is in vain for now.
    pub pause: Option<Pause>,
}

/// Where a segment begins among bytes that nobody knows.
#[derive(Debug, Clone, Copy)]
struct Start {
    at: usize,
    waiting: Waiting,
}

/// What came of a segment.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Pushed {
    /// The direction as it reads with this segment's bytes instead of those seen before.
    pub otherwise: Option<Vec<u8>>,
    /// It differs from bytes seen before, and more of that is not read.
    pub unheard: bool,
    /// The pool was empty: bytes were dropped.
    pub dropped: bool,
    /// A hole is too old to be filled.
    pub hole: bool,
}

fn low(n: usize) -> u32 {
    // Only differences modulo 2^32 are used.
    n as u32
}

impl Stream {
    /// A direction whose first byte has this sequence number.
    pub fn new(start: u32) -> Self {
        Self {
            start,
            data: Vec::new(),
            read: 0,
            skip: 0,
            latest: 0,
            starts: Vec::new(),
            waiting: Waiting::default(),
            otherwise: 0,
            late: Late::default(),
            rivals: Vec::new(),
            closed: false,
            first: start,
            backs: 0,
        }
    }

    /// A segment that lies before all there was, a little: what is here waits for it, and is read anew
    /// behind it. True if so.
    pub fn step_back(&mut self, sequence: u32, len: usize) -> bool {
        let below = distance(self.first, sequence);
        let near = usize::try_from(below).is_ok_and(|below| below > 0 && below <= BACK_MAX);
        if !near || len == 0 || self.start != self.first || self.skip > 0 || self.backs >= BACKS_MAX
        {
            return false;
        }
        self.backs += 1;
        let held = std::mem::take(&mut self.data);
        if !held.is_empty() {
            let piece = Piece {
                sequence: self.first,
                bytes: held,
                of: (),
            };
            self.late.keep(sequence, piece);
        }
        self.read = 0;
        self.latest = 0;
        self.starts.clear();
        self.waiting = Waiting::default();
        self.closed = false;
        self.start = sequence;
        self.first = sequence;
        true
    }

    /// Sequence number of the next byte in order.
    pub fn end(&self) -> u32 {
        self.start.wrapping_add(low(self.data.len()))
    }

    /// Takes the payload of a segment.
    pub fn push(&mut self, sequence: u32, payload: &[u8], pool: &mut Pool) -> Pushed {
        let mut out = Pushed::default();
        self.compare(sequence, payload, &mut out);
        if self.closed {
            return out;
        }
        let ahead = distance(sequence, self.end());
        if ahead > 0 {
            // A skip passes over what is not here yet.
            if !self.pass_over(sequence, payload, pool, &mut out) {
                self.keep_late(sequence, payload, pool, &mut out);
            }
        } else {
            let old = ahead.unsigned_abs() as usize;
            if let Some(fresh) = payload.get(old..) {
                self.append(fresh, pool, &mut out);
            }
        }
        self.join_late(pool, &mut out);
        if !self.rivals.is_empty() && self.late.is_empty() {
            for (at, bytes) in std::mem::take(&mut self.rivals) {
                if out.otherwise.is_none() {
                    self.compare(at, &bytes, &mut out);
                }
            }
        }
        out.hole = self.late.is_over();
        out
    }

    /// Bytes in order that were not consumed.
    pub fn unread(&self) -> &[u8] {
        self.data.get(self.read..).unwrap_or_default()
    }

    /// Bytes that are here and not consumed, those behind holes included.
    pub fn waits(&self) -> usize {
        self.unread().len().saturating_add(self.late.bytes())
    }

    /// Sequence number of the first of them.
    pub fn position(&self) -> u32 {
        self.start.wrapping_add(low(self.read))
    }

    /// Marks `len` unread bytes as consumed.
    pub fn consume(&mut self, len: usize, pool: &mut Pool) {
        self.read = (self.read + len).min(self.data.len());
        self.waiting = Waiting::default();
        if self.read > HISTORY {
            self.start = self.start.wrapping_add(low(self.read));
            looks_at(self.data.len() + self.starts.len());
            self.data.drain(..self.read);
            pool.give(self.read);
            self.latest = self.latest.saturating_sub(self.read);
            let gone = self.read;
            self.starts
                .retain_mut(|start| match start.at.checked_sub(gone) {
                    Some(left) => {
                        start.at = left;
                        true
                    }
                    None => false,
                });
            self.read = 0;
        }
    }

    /// Passes over the next `len` bytes, those that are not here yet included.
    pub fn skip(&mut self, len: u64, pool: &mut Pool) {
        let here = self.unread().len();
        let now = usize::try_from(len).unwrap_or(usize::MAX).min(here);
        self.consume(now, pool);
        self.skip = self.skip.saturating_add(len - now as u64);
    }

    /// Gives up the hole before the first late piece; true if bytes became readable.
    pub fn give_up_hole(&mut self, pool: &mut Pool) -> bool {
        let Some(sequence) = self.late.first() else {
            return false;
        };
        self.restart_at(sequence, pool);
        self.skip = 0;
        let mut out = Pushed::default();
        self.join_late(pool, &mut out);
        !self.unread().is_empty()
    }

    /// Shows the unread bytes from the start of each segment on that others wait before, and how many those are. Starts that
    /// `keep` refuses are not shown again.
    pub fn retain_starts(&mut self, mut keep: impl FnMut(usize, &[u8], &mut Waiting) -> bool) {
        let (data, read) = (&self.data, self.read);
        self.starts.retain_mut(|start| {
            let before = start.at.checked_sub(read).filter(|before| *before > 0);
            match (before, data.get(start.at..)) {
                (Some(before), Some(bytes)) if !bytes.is_empty() => {
                    keep(before, bytes, &mut start.waiting)
                }
                _ => false,
            }
        });
    }

    /// What was unread meant nothing to anyone: starts anew at the latest segment, or behind it if
    /// that was looked at alone already. True if there is something to look at.
    pub fn forget_unread(&mut self, pool: &mut Pool) -> bool {
        let before = self.latest.saturating_sub(self.read);
        let unread = self.unread().len();
        let again = before > 0 && before < unread;
        self.consume(if again { before } else { unread }, pool);
        again
    }

    /// Nobody wants more of this direction; its start is kept to compare later copies with.
    pub fn close(&mut self, pool: &mut Pool) {
        self.closed = true;
        pool.give(self.late.clear());
        let keep = self.data.len().min(HISTORY);
        pool.give(self.data.len() - keep);
        self.data.truncate(keep);
        self.data.shrink_to_fit();
    }

    /// True after [`close`](Self::close).
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// Returns everything to the pool.
    pub fn release(&mut self, pool: &mut Pool) {
        pool.give(self.data.len() + self.late.clear());
        pool.recycle(std::mem::take(&mut self.data));
        self.read = 0;
        self.closed = true;
    }

    fn append(&mut self, mut fresh: &[u8], pool: &mut Pool, out: &mut Pushed) {
        if self.skip > 0 {
            let passed = usize::try_from(self.skip)
                .unwrap_or(usize::MAX)
                .min(fresh.len());
            self.skip -= passed as u64;
            // What is passed over is not kept: the history ends here.
            let (_, rest) = fresh.split_at(passed);
            self.restart_at(self.end().wrapping_add(low(passed)), pool);
            fresh = rest;
        }
        if self.unread().len() + fresh.len() > UNREAD_MAX || !pool.take(fresh.len()) {
            out.dropped |= !fresh.is_empty();
            self.restart_at(self.end().wrapping_add(low(fresh.len())), pool);
            return;
        }
        looks_at(fresh.len());
        self.latest = self.data.len();
        if self.starts.len() >= STARTS_MAX {
            self.starts.remove(0);
        }
        // Of many streams nothing but one segment is ever seen.
        if self.starts.is_empty() {
            self.starts.reserve_exact(1);
        }
        self.starts.push(Start {
            at: self.latest,
            waiting: Waiting::default(),
        });
        if self.data.capacity() == 0 {
            self.data = pool.buffer();
        }
        self.data.extend_from_slice(fresh);
    }

    fn restart_at(&mut self, sequence: u32, pool: &mut Pool) {
        pool.give(self.data.len());
        self.data.clear();
        self.read = 0;
        self.latest = 0;
        self.starts.clear();
        self.waiting = Waiting::default();
        self.start = sequence;
    }

    /// A segment behind a hole that a skip covers whole or in part; true if it was taken.
    fn pass_over(
        &mut self,
        sequence: u32,
        payload: &[u8],
        pool: &mut Pool,
        out: &mut Pushed,
    ) -> bool {
        let hole = u64::from(sequence.wrapping_sub(self.end()));
        if self.skip < hole || !self.unread().is_empty() {
            return false;
        }
        self.skip -= hole;
        self.restart_at(sequence, pool);
        self.append(payload, pool, out);
        true
    }

    fn keep_late(&mut self, sequence: u32, payload: &[u8], pool: &mut Pool, out: &mut Pushed) {
        looks_at(payload.len() + self.late.len());
        let same = self.late.from(sequence);
        if let Some(have) = same {
            let common = have.len().min(payload.len());
            if have.get(..common) != payload.get(..common) && self.rivals.len() < RIVALS_MAX {
                self.rivals.push((sequence, payload.to_vec()));
            }
        }
        if payload.is_empty() || same.is_some_and(|have| have.len() >= payload.len()) {
            return;
        }
        if !pool.take(payload.len()) {
            out.dropped = true;
            return;
        }
        if self.late.grow(sequence, payload) {
            return;
        }
        let piece = Piece {
            sequence,
            bytes: payload.to_vec(),
            of: (),
        };
        self.late.keep(self.end(), piece);
    }

    fn join_late(&mut self, pool: &mut Pool, out: &mut Pushed) {
        while let Some((piece, old)) = self.late.join(self.end()) {
            pool.give(piece.bytes.len());
            if let Some(fresh) = piece.bytes.get(old..) {
                self.append(fresh, pool, out);
            }
        }
    }

    /// Compares a segment with the bytes held, and gives the direction with it if it says something else.
    fn compare(&mut self, sequence: u32, payload: &[u8], out: &mut Pushed) {
        let Some((from, theirs)) = self.differing(sequence, payload) else {
            return;
        };
        let length = self.data.len().max(from.saturating_add(theirs.len()));
        if self.otherwise.saturating_add(length) > OTHERWISE_BYTES_MAX {
            out.unheard = true;
            return;
        }
        self.otherwise = self.otherwise.saturating_add(length);
        looks_at(length);
        let mut otherwise = self.data.clone();
        otherwise.truncate(from);
        otherwise.extend_from_slice(theirs);
        if let Some(rest) = self.data.get(from + theirs.len()..) {
            otherwise.extend_from_slice(rest);
        }
        out.otherwise = Some(otherwise);
    }

    /// Where a segment lies in the bytes held and what it says from there on, if that differs.
    fn differing<'b>(&self, sequence: u32, payload: &'b [u8]) -> Option<(usize, &'b [u8])> {
        let offset = distance(sequence, self.start);
        let (skip, from) = match usize::try_from(offset) {
            Ok(from) => (0, from),
            Err(_) => (offset.unsigned_abs() as usize, 0),
        };
        looks_at(payload.len());
        let theirs = payload.get(skip..)?;
        let ours = self.data.get(from..)?;
        let len = theirs.len().min(ours.len());
        if len == 0 || theirs.get(..len) == ours.get(..len) {
            return None;
        }
        Some((from, theirs))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use proptest::prelude::*;

    #[test]
    fn a_differing_copy_is_a_second_reading() {
        let mut pool = Pool::default();
        let mut stream = Stream::new(100);
        assert_eq!(
            stream.push(100, b"hello world", &mut pool),
            Pushed::default()
        );
        assert_eq!(stream.push(100, b"hello", &mut pool), Pushed::default());
        let other = stream.push(106, b"earth", &mut pool).otherwise;
        assert_eq!(other.as_deref(), Some(&b"hello earth"[..]));
        assert_eq!(stream.unread(), b"hello world");
    }

    #[test]
    fn what_lies_before_the_first_byte_is_put_before_it() {
        let mut pool = Pool::default();
        let mut stream = Stream::new(105);
        stream.push(105, b"world", &mut pool);
        stream.consume(5, &mut pool);
        assert!(!stream.step_back(105, 5) && stream.step_back(100, 5));
        stream.push(100, b"hello", &mut pool);
        assert_eq!(stream.unread(), b"helloworld");
        stream.release(&mut pool);
        assert_eq!(pool.left, POOL_BYTES);
    }

    #[test]
    fn a_skip_passes_over_bytes_that_come_later_or_never() {
        let mut pool = Pool::default();
        let mut stream = Stream::new(0);
        stream.push(0, b"head", &mut pool);
        stream.skip(4 + 1000, &mut pool);
        stream.push(4, &[0; 600], &mut pool);
        // 300 bytes are lost, all within what is passed over.
        stream.push(904, &[0; 100], &mut pool);
        stream.push(1004, b"next", &mut pool);
        assert_eq!(stream.unread(), b"next");
        stream.release(&mut pool);
        assert_eq!(pool.left, POOL_BYTES);
    }

    proptest! {
        /// For any segmentation, order and repetition the bytes come out in order, and the pool
        /// gets back what it gave.
        #[test]
        fn bytes_come_out_in_order(
            data in proptest::collection::vec(any::<u8>(), 1..4000),
            cuts in proptest::collection::vec((0usize..4000, 1usize..600), 1..50),
            start in any::<u32>(),
            takes in proptest::collection::vec(1usize..500, 1..50),
        ) {
            let mut pool = Pool::default();
            let mut stream = Stream::new(start);
            let mut out = Vec::new();
            let mut takes = takes.iter().cycle();
            let whole = (0..data.len()).step_by(97).map(|at| (at, 97));
            for (at, len) in cuts.into_iter().chain(whole) {
                let at = at % data.len();
                let end = (at + len).min(data.len());
                let pushed = stream.push(start.wrapping_add(at as u32), &data[at..end], &mut pool);
                prop_assert!(pushed.otherwise.is_none() && !pushed.dropped);
                let take = (*takes.next().unwrap()).min(stream.unread().len());
                out.extend_from_slice(&stream.unread()[..take]);
                stream.consume(take, &mut pool);
            }
            out.extend_from_slice(stream.unread());
            prop_assert_eq!(out, data);
            stream.release(&mut pool);
            prop_assert_eq!(pool.left, POOL_BYTES);
        }
    }
}
