//! The handshake of one sender, put together from pieces in any order.
//!
//! RFC 9000 §7.5 and §19.6: CRYPTO frames carry pieces of one stream; clients scatter a hello over frames and packets on purpose, and
//! what is lost is sent again in other pieces. The first copy of a byte is kept. A later copy that differs opens a second reading
//! of the stream beside the first, since two listeners may have understood two things.

use crate::ground::budget::{Budget, Lease};
use crate::ground::cause::ReadingCause;
use std::collections::BTreeMap;

/// Bytes kept of one handshake. RFC 9000 §7.5 demands 4096; hellos with post-quantum keys have 2 kB, and two of them fit a retry.
pub const BYTES_MAX: usize = 64 << 10;
/// Pieces that wait for bytes before them. Chromium scatters a hello over some twenty.
pub const PIECES_MAX: usize = 256;
/// Readings of one handshake in which copies differ; honest ones have one.
pub const READINGS_MAX: usize = 4;
/// Times that a handshake is looked at before all of it is there. Hellos come in two or three packets.
const LOOKS_MAX: u32 = 64;

/// What came of a piece.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pushed {
    /// Bytes that were here already read otherwise in this piece.
    pub conflict: bool,
    /// Some of it was not kept, for this reason.
    pub dropped: Option<ReadingCause>,
}

/// One handshake.
#[derive(Debug)]
pub struct CryptoStream {
    readings: Vec<Variant>,
    lease: Lease,
    looks: u32,
    gave_up: bool,
}

/// One way to read it.
#[derive(Debug, Clone, Default)]
struct Variant {
    /// What is there from the start on without a gap.
    start: Vec<u8>,
    /// What lies behind gaps, apart from one another, by offset.
    late: BTreeMap<usize, Vec<u8>>,
    /// How much of `start` was looked at.
    looked: usize,
}

impl CryptoStream {
    /// An empty one; what it holds counts against `budget`.
    pub fn new(budget: &Budget) -> Self {
        Self {
            readings: vec![Variant::default()],
            lease: budget.lease(),
            looks: 0,
            gave_up: false,
        }
    }

    /// Takes a piece.
    pub fn push(&mut self, offset: u64, bytes: &[u8]) -> Pushed {
        let mut out = Pushed::default();
        let room = usize::try_from(offset)
            .ok()
            .and_then(|at| Some((at, BYTES_MAX.checked_sub(at)?)));
        let Some((at, room)) = room else {
            out.dropped = Some(ReadingCause::QuicHandshakeLong);
            return out;
        };
        let kept = bytes.get(..room).unwrap_or(bytes);
        if kept.len() < bytes.len() {
            out.dropped = Some(ReadingCause::QuicHandshakeLong);
        }
        if kept.is_empty() {
            return out;
        }
        out.conflict = !self.readings.iter().any(|r| r.agrees(at, kept));
        let rival = match (out.conflict, self.readings.first()) {
            (true, Some(first)) => {
                let size = first.size().saturating_add(kept.len());
                if self.readings.len() >= READINGS_MAX {
                    out.dropped = Some(ReadingCause::QuicCopiesOver);
                    None
                } else if !self.lease.take(size) {
                    out.dropped = Some(ReadingCause::QuicMemory);
                    None
                } else {
                    let rival = first.with(at, kept);
                    self.lease.give_back(size.saturating_sub(rival.size()));
                    Some(rival)
                }
            }
            _ => None,
        };
        for reading in &mut self.readings {
            let fresh = reading.missing(at, kept.len());
            if fresh.is_empty() {
                continue;
            }
            let here = reading.start.len();
            let apart = fresh.iter().filter(|(from, _)| *from != here).count();
            // What closes the first gap is welcome however many wait behind it.
            if apart > 0 && reading.late.len().saturating_add(apart) > PIECES_MAX {
                out.dropped = Some(ReadingCause::QuicPiecesOver);
                continue;
            }
            for (from, to) in fresh {
                if !self.lease.take(to.saturating_sub(from)) {
                    out.dropped = Some(ReadingCause::QuicMemory);
                    break;
                }
                reading.put(at, kept, from, to);
            }
            reading.join();
        }
        self.readings.extend(rival);
        out
    }

    /// The readings whose start has grown since they were last asked for, each from its first byte on.
    /// Nothing more when a stream grows a byte at a time without end.
    pub fn grown(&mut self) -> impl Iterator<Item = &[u8]> {
        let more = self.looks < LOOKS_MAX;
        let mut any = false;
        for reading in &self.readings {
            any |= reading.start.len() > reading.looked;
        }
        self.looks = self.looks.saturating_add(u32::from(any));
        self.readings.iter_mut().filter_map(move |reading| {
            let grown = more && reading.start.len() > reading.looked;
            reading.looked = reading.start.len();
            grown.then_some(reading.start.as_slice())
        })
    }

    /// True once, when the stream was looked at so often that it is looked at no more.
    pub fn gave_up(&mut self) -> bool {
        self.looks >= LOOKS_MAX && !std::mem::replace(&mut self.gave_up, true)
    }

    /// Gives up what is kept, to be called when all of it was read: what comes again is read again.
    /// Unless memory is tight it is kept, to compare later copies with.
    pub fn finish(&mut self) {
        if self.lease.is_tight() {
            self.readings = vec![Variant::default()];
            self.lease.give_back(usize::MAX);
        }
    }
}

impl Variant {
    fn size(&self) -> usize {
        let late: usize = self.late.values().map(Vec::len).sum();
        self.start.len().saturating_add(late)
    }

    /// What is there, piece by piece in order.
    fn pieces(&self) -> impl Iterator<Item = (usize, &[u8])> {
        let late = self.late.iter().map(|(at, bytes)| (*at, bytes.as_slice()));
        std::iter::once((0, self.start.as_slice())).chain(late)
    }

    /// True if no byte that is there differs.
    fn agrees(&self, at: usize, bytes: &[u8]) -> bool {
        self.pieces().all(|(begin, there)| {
            let (from, to) = overlap(at, bytes.len(), begin, there.len());
            from >= to || part(bytes, at, from, to) == part(there, begin, from, to)
        })
    }

    /// The parts of a range that are not there.
    fn missing(&self, at: usize, len: usize) -> Vec<(usize, usize)> {
        let end = at.saturating_add(len);
        let mut parts = Vec::new();
        let mut from = at;
        for (begin, there) in self.pieces() {
            if begin > from {
                parts.push((from, begin.min(end)));
            }
            from = from.max(begin.saturating_add(there.len()));
            if from >= end {
                return parts;
            }
        }
        parts.push((from, end));
        parts
    }

    /// Puts in the part of `bytes` between two offsets where nothing is yet.
    fn put(&mut self, at: usize, bytes: &[u8], from: usize, to: usize) {
        let fresh = part(bytes, at, from, to);
        if from == self.start.len() {
            self.start.extend_from_slice(fresh);
        } else {
            self.late.insert(from, fresh.to_vec());
        }
    }

    /// Moves to the start what now follows it.
    fn join(&mut self) {
        while let Some(piece) = self.late.remove(&self.start.len()) {
            self.start.extend_from_slice(&piece);
        }
    }

    /// This reading with `bytes` in place of what is there.
    fn with(&self, at: usize, bytes: &[u8]) -> Self {
        let mut other = Self {
            looked: 0,
            ..self.clone()
        };
        let late = other.late.iter_mut().map(|(at, there)| (*at, there));
        for (begin, there) in std::iter::once((0, &mut other.start)).chain(late) {
            let (from, to) = overlap(at, bytes.len(), begin, there.len());
            let place = there.get_mut(from.saturating_sub(begin)..to.saturating_sub(begin));
            if from < to
                && let Some(place) = place
            {
                place.copy_from_slice(part(bytes, at, from, to));
            }
        }
        for (from, to) in other.missing(at, bytes.len()) {
            other.put(at, bytes, from, to);
        }
        other.join();
        other
    }
}

/// The offsets between which two ranges overlap; the first is not below the second if they do not.
fn overlap(at: usize, len: usize, other: usize, other_len: usize) -> (usize, usize) {
    let end = at.saturating_add(len).min(other.saturating_add(other_len));
    (at.max(other), end)
}

/// The bytes between two offsets of a piece that begins at `at`.
fn part(bytes: &[u8], at: usize, from: usize, to: usize) -> &[u8] {
    bytes
        .get(from.saturating_sub(at)..to.saturating_sub(at))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::dissect::wire::test_bytes::Noise;

    fn starts(stream: &mut CryptoStream) -> Vec<Vec<u8>> {
        stream.grown().map(<[u8]>::to_vec).collect()
    }

    #[test]
    fn any_order_with_overlaps_and_doubles() {
        let whole: Vec<u8> = (0..=255).collect();
        let mut noise = Noise(3);
        for _ in 0..200 {
            let budget = Budget::new(1000);
            let mut stream = CryptoStream::new(&budget);
            let mut last = Vec::new();
            for _ in 0..400 {
                let from = noise.below(whole.len());
                let to = (from + noise.below(40)).min(whole.len());
                assert_eq!(
                    stream.push(from as u64, &whole[from..to]),
                    Pushed::default()
                );
                if stream.looks < 60 {
                    last = starts(&mut stream).pop().unwrap_or(last);
                }
            }
            last = starts(&mut stream).pop().unwrap_or(last);
            assert!(whole.starts_with(&last) && stream.lease.held() <= 256);
            assert_eq!(stream.push(0, &whole), Pushed::default());
            assert_eq!(stream.readings[0].start, whole);
            assert_eq!(
                (stream.lease.held(), stream.readings[0].late.len()),
                (256, 0)
            );
        }
    }

    #[test]
    fn copies_that_differ_are_both_read() {
        let budget = Budget::new(1000);
        let mut stream = CryptoStream::new(&budget);
        stream.push(4, b"efgh");
        let pushed = stream.push(2, b"cdEF");
        assert_eq!(
            pushed,
            Pushed {
                conflict: true,
                dropped: None
            }
        );
        assert!(!stream.push(0, b"ab").conflict);
        assert_eq!(
            starts(&mut stream),
            [b"abcdefgh".to_vec(), b"abcdEFgh".to_vec()]
        );
        // A copy that agrees with either is nothing new.
        assert!(!stream.push(1, b"bcdEF").conflict && !stream.push(1, b"bcdef").conflict);
        assert_eq!(starts(&mut stream), Vec::<Vec<u8>>::new());
        for rival in [b"x", b"y", b"z"] {
            stream.push(0, rival);
        }
        assert_eq!(stream.readings.len(), READINGS_MAX);
        assert_eq!(stream.lease.held(), READINGS_MAX * 8);
    }

    #[test]
    fn bounds() {
        let budget = Budget::new(100);
        let mut stream = CryptoStream::new(&budget);
        assert!(stream.push(BYTES_MAX as u64 - 1, b"ab").dropped.is_some());
        assert!(stream.push(u64::MAX, b"ab").dropped.is_some());
        assert!(
            stream.push(10, &[0; 100]).dropped.is_some(),
            "more than the budget"
        );
        assert_eq!(stream.lease.held(), 1);
        stream.push(0, &[1; 80]);
        assert!(budget.is_tight());
        stream.finish();
        assert_eq!((stream.lease.held(), stream.readings[0].size()), (0, 0));
        let budget = Budget::new(BYTES_MAX);
        let mut stream = CryptoStream::new(&budget);
        for piece in 0..2 * PIECES_MAX {
            stream.push(2 * piece as u64 + 1, b"x");
        }
        assert_eq!(stream.readings[0].late.len(), PIECES_MAX);
        assert!(stream.push(5000, b"x").dropped.is_some());
        assert_eq!(stream.push(0, b"x"), Pushed::default());
        assert_eq!(stream.readings[0].start, b"xx");
        let mut stream = CryptoStream::new(&budget);
        let looked = (0..1000u64).filter(|at| {
            stream.push(*at, b"x");
            stream.grown().count() > 0
        });
        assert_eq!(looked.count(), LOOKS_MAX as usize);
        assert!(stream.gave_up() && !stream.gave_up());
    }
}
