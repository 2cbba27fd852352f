//! One direction of a TCP connection in order, without keeping what was passed on: for those who look into all of it, read or not.
//!
//! In-order segments are lent straight from the packet. Late ones wait within bounds; a hole that is not filled by then is
//! given up, and what lies behind it begins anew. Segments that come again are told from copies that differ: of those the other
//! bytes are lent too, since either copy may be the one that was taken.

use super::late::{Late, Piece, distance};
use super::part::When;
use crate::ground::work::looks_at;
use std::collections::VecDeque;
use std::hash::BuildHasher as _;

/// Segments remembered by what they held: those of a window of a usual size, since what is older does not come again.
const LENT_MAX: usize = 64;

/// The order of one direction.
#[derive(Debug, Default)]
pub struct Order {
    /// Sequence number of the next byte.
    next: Option<u32>,
    /// What came before the bytes in front of it.
    late: Late<When>,
    /// The last segments: first number, length, and a digest of the bytes.
    lent: VecDeque<(u32, usize, u64)>,
}

/// What comes out, in order.
pub enum Event<'b> {
    /// Bytes with the number of the first of them, and the packet they came in.
    Bytes(u32, &'b [u8], When),
    /// Bytes are missing for good.
    Hole,
    /// Bytes whose place in the stream was taken by others.
    Rival(&'b [u8], When),
}

impl Order {
    /// Takes a segment; `begin` is the number of the direction's first byte, if its SYN was seen.
    pub fn push(
        &mut self,
        sequence: u32,
        begin: Option<u32>,
        bytes: &[u8],
        when: When,
        lend: &mut dyn FnMut(Event<'_>),
    ) {
        looks_at(bytes.len() + self.lent.len());
        let next = *self.next.get_or_insert_with(|| begin.unwrap_or(sequence));
        let copy = (
            sequence,
            bytes.len(),
            foldhash::fast::FixedState::default().hash_one(bytes),
        );
        let again = self.lent.contains(&copy);
        if !again && !bytes.is_empty() {
            self.lent.push_back(copy);
            if self.lent.len() > LENT_MAX {
                self.lent.pop_front();
            }
        }
        let ahead = distance(sequence, next);
        if ahead > 0 {
            if let Some(loser) = self.keep(next, sequence, bytes, when)
                && !again
            {
                lend(Event::Rival(&loser.bytes, loser.of));
            }
            if self.late.is_over() {
                self.give_up(lend);
            }
            return;
        }
        let old = usize::try_from(ahead.unsigned_abs()).unwrap_or(usize::MAX);
        // A keep-alive repeats one byte.
        if old.min(bytes.len()) > 1 && !again {
            lend(Event::Rival(bytes, when));
        }
        if let Some(fresh) = bytes.get(old..).filter(|fresh| !fresh.is_empty()) {
            lend(Event::Bytes(next, fresh, when));
            self.advance(next, fresh.len());
            self.join(lend);
        }
    }

    /// Nothing follows: what waits behind holes is lent.
    pub fn end(&mut self, lend: &mut dyn FnMut(Event<'_>)) {
        while !self.late.is_empty() {
            self.give_up(lend);
        }
    }

    /// Bytes held.
    pub fn size(&self) -> usize {
        self.late.bytes()
    }

    fn advance(&mut self, next: u32, length: usize) {
        // Only differences modulo 2^32 are used.
        self.next = Some(next.wrapping_add(length as u32));
    }

    /// Keeps a late piece; gives back the shorter one of two that begin at the same number.
    fn keep(&mut self, next: u32, sequence: u32, bytes: &[u8], of: When) -> Option<Piece<When>> {
        if bytes.is_empty() {
            return None;
        }
        let piece = Piece {
            sequence,
            bytes: bytes.to_vec(),
            of,
        };
        let have = self.late.at(sequence).map(<[u8]>::len);
        if have.is_some_and(|have| have >= bytes.len()) {
            return Some(piece);
        }
        let old = self.late.take(sequence);
        self.late.keep(next, piece);
        old
    }

    /// Lends the late pieces that follow now.
    fn join(&mut self, lend: &mut dyn FnMut(Event<'_>)) {
        while let Some(next) = self.next
            && let Some((piece, old)) = self.late.join(next)
        {
            if let Some(fresh) = piece.bytes.get(old..).filter(|fresh| !fresh.is_empty()) {
                lend(Event::Bytes(next, fresh, piece.of));
                self.advance(next, fresh.len());
            }
        }
    }

    fn give_up(&mut self, lend: &mut dyn FnMut(Event<'_>)) {
        if let Some(first) = self.late.first() {
            self.next = Some(first);
            lend(Event::Hole);
            self.join(lend);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ground::moment::Moment;
    use proptest::prelude::*;

    fn lent(order: &mut Order, sequence: u32, bytes: &[u8], out: &mut Vec<u8>) {
        let at = (Moment::NONE, 0);
        order.push(sequence, None, bytes, at, &mut |event| match event {
            Event::Bytes(_, bytes, _) => out.extend_from_slice(bytes),
            Event::Hole => out.push(b'|'),
            Event::Rival(..) => {}
        });
    }

    #[test]
    fn a_hole_is_given_up_at_the_end() {
        let (mut order, mut out) = (Order::default(), Vec::new());
        lent(&mut order, u32::MAX, b"ab", &mut out);
        lent(&mut order, 5, b"fg", &mut out);
        lent(&mut order, 1, b"cd", &mut out);
        assert_eq!(out, b"abcd");
        order.end(&mut |event| match event {
            Event::Bytes(_, bytes, _) => out.extend_from_slice(bytes),
            Event::Hole => out.push(b'|'),
            Event::Rival(..) => {}
        });
        assert_eq!((out.as_slice(), order.size()), (&b"abcd|fg"[..], 0));
    }

    #[test]
    fn copies_that_differ_are_lent_and_equal_ones_are_not() {
        let mut order = Order::default();
        let mut rivals = |sequence: u32, bytes: &[u8]| {
            let mut out = Vec::new();
            order.push(sequence, None, bytes, (Moment::NONE, 0), &mut |event| {
                if let Event::Rival(bytes, _) = event {
                    out.push(bytes.to_vec());
                }
            });
            out
        };
        assert!(rivals(10, b"abcd").is_empty() && rivals(10, b"abcd").is_empty());
        assert_eq!(rivals(10, b"abXY"), [b"abXY"]);
        assert!(rivals(20, b"late").is_empty() && rivals(20, b"late").is_empty());
        assert_eq!(rivals(20, b"LATE"), [b"LATE"]);
        assert_eq!(rivals(20, b"later"), [b"late"], "the longer one is kept");
    }

    proptest! {
        #[test]
        fn bytes_come_out_in_order(
            data in proptest::collection::vec(any::<u8>(), 1..3000),
            cuts in proptest::collection::vec((0usize..3000, 1usize..400), 0..30),
            start in any::<u32>(),
        ) {
            let (mut order, mut out) = (Order::default(), Vec::new());
            let all = std::iter::once((0, 1)).chain(cuts).chain((0..data.len()).step_by(97).map(|at| (at, 97)));
            for (at, len) in all {
                let at = at % data.len();
                let piece = data.get(at..(at + len).min(data.len())).unwrap_or_default();
                lent(&mut order, start.wrapping_add(at as u32), piece, &mut out);
            }
            prop_assert_eq!(out, data);
            prop_assert_eq!(order.size(), 0);
        }
    }
}
