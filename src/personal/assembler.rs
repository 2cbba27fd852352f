//! One direction of a TCP connection in order, without keeping what was passed on.
//!
//! In-order segments are lent straight from the packet. Late ones wait within bounds; a hole that is not filled by then is
//! given up, and what lies behind it begins anew.

use std::collections::BTreeMap;

/// Late bytes and pieces that wait for a hole to be filled.
const LATE_BYTES_MAX: usize = 64 << 10;
const LATE_PIECES_MAX: usize = 64;

/// The order of one direction.
#[derive(Debug, Default)]
pub(super) struct Assembler {
    /// Sequence number of the next byte.
    next: Option<u32>,
    /// Late pieces by their distance from `next` at the time of `base`.
    late: BTreeMap<u32, Late>,
    late_bytes: usize,
    /// What the distances count from.
    base: u32,
}

#[derive(Debug)]
struct Late {
    bytes: Vec<u8>,
    at: crate::evidence::Moment,
    epoch: u32,
}

/// What comes out, in order.
pub(super) enum Event<'b> {
    /// Bytes with the packet they came in.
    Bytes(&'b [u8], crate::evidence::Moment, u32),
    /// Bytes are missing for good.
    Hole,
}

impl Assembler {
    /// Takes a segment; `begin` is the number of the direction's first byte, if its SYN was seen.
    pub(super) fn push(
        &mut self,
        sequence: u32,
        begin: Option<u32>,
        bytes: &[u8],
        (at, epoch): (crate::evidence::Moment, u32),
        lend: &mut dyn FnMut(Event<'_>),
    ) {
        let next = *self.next.get_or_insert_with(|| begin.unwrap_or(sequence));
        // Distances in the window of a connection are below 2^31 (RFC 9293 §3.4).
        let ahead = sequence.wrapping_sub(next).cast_signed();
        if ahead > 0 {
            self.keep(sequence, bytes, at, epoch);
            if self.late_bytes > LATE_BYTES_MAX || self.late.len() > LATE_PIECES_MAX {
                self.give_up(lend);
            }
            return;
        }
        let old = usize::try_from(ahead.unsigned_abs()).unwrap_or(usize::MAX);
        if let Some(fresh) = bytes.get(old..).filter(|fresh| !fresh.is_empty()) {
            lend(Event::Bytes(fresh, at, epoch));
            self.advance(next, fresh.len());
            self.join(lend);
        }
    }

    /// Nothing follows: what waits behind holes is lent.
    pub(super) fn end(&mut self, lend: &mut dyn FnMut(Event<'_>)) {
        while !self.late.is_empty() {
            self.give_up(lend);
        }
    }

    /// Bytes held.
    pub(super) fn size(&self) -> usize {
        self.late_bytes
    }

    fn advance(&mut self, next: u32, length: usize) {
        // Only differences modulo 2^32 are used.
        self.next = Some(next.wrapping_add(length as u32));
    }

    fn keep(&mut self, sequence: u32, bytes: &[u8], at: crate::evidence::Moment, epoch: u32) {
        if self.late.is_empty() {
            self.base = self.next.unwrap_or(sequence);
        }
        let distance = sequence.wrapping_sub(self.base);
        let longer = self
            .late
            .get(&distance)
            .is_none_or(|have| have.bytes.len() < bytes.len());
        if bytes.is_empty() || !longer {
            return;
        }
        self.late_bytes = self.late_bytes.saturating_add(bytes.len());
        let late = Late {
            bytes: bytes.to_vec(),
            at,
            epoch,
        };
        if let Some(old) = self.late.insert(distance, late) {
            self.late_bytes = self.late_bytes.saturating_sub(old.bytes.len());
        }
    }

    /// Lends the late pieces that follow now.
    fn join(&mut self, lend: &mut dyn FnMut(Event<'_>)) {
        while let Some(entry) = self.late.first_entry() {
            let next = self.next.unwrap_or(0);
            let ahead = self
                .base
                .wrapping_add(*entry.key())
                .wrapping_sub(next)
                .cast_signed();
            if ahead > 0 {
                return;
            }
            let late = entry.remove();
            self.late_bytes = self.late_bytes.saturating_sub(late.bytes.len());
            let old = usize::try_from(ahead.unsigned_abs()).unwrap_or(usize::MAX);
            if let Some(fresh) = late.bytes.get(old..).filter(|fresh| !fresh.is_empty()) {
                lend(Event::Bytes(fresh, late.at, late.epoch));
                self.advance(next, fresh.len());
            }
        }
    }

    fn give_up(&mut self, lend: &mut dyn FnMut(Event<'_>)) {
        if let Some((distance, _)) = self.late.first_key_value() {
            self.next = Some(self.base.wrapping_add(*distance));
            lend(Event::Hole);
            self.join(lend);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::Moment;
    use proptest::prelude::*;

    fn lent(assembler: &mut Assembler, sequence: u32, bytes: &[u8], out: &mut Vec<u8>) {
        let at = (Moment::NONE, 0);
        assembler.push(sequence, None, bytes, at, &mut |event| match event {
            Event::Bytes(bytes, ..) => out.extend_from_slice(bytes),
            Event::Hole => out.push(b'|'),
        });
    }

    #[test]
    fn a_hole_is_given_up_at_the_end() {
        let (mut assembler, mut out) = (Assembler::default(), Vec::new());
        lent(&mut assembler, u32::MAX, b"ab", &mut out);
        lent(&mut assembler, 5, b"fg", &mut out);
        lent(&mut assembler, 1, b"cd", &mut out);
        assert_eq!(out, b"abcd");
        assembler.end(&mut |event| match event {
            Event::Bytes(bytes, ..) => out.extend_from_slice(bytes),
            Event::Hole => out.push(b'|'),
        });
        assert_eq!((out.as_slice(), assembler.size()), (&b"abcd|fg"[..], 0));
    }

    proptest! {
        #[test]
        fn bytes_come_out_in_order(
            data in proptest::collection::vec(any::<u8>(), 1..3000),
            cuts in proptest::collection::vec((0usize..3000, 1usize..400), 0..30),
            start in any::<u32>(),
        ) {
            let (mut assembler, mut out) = (Assembler::default(), Vec::new());
            let all = std::iter::once((0, 1)).chain(cuts).chain((0..data.len()).step_by(97).map(|at| (at, 97)));
            for (at, len) in all {
                let at = at % data.len();
                let piece = data.get(at..(at + len).min(data.len())).unwrap_or_default();
                lent(&mut assembler, start.wrapping_add(at as u32), piece, &mut out);
            }
            prop_assert_eq!(out, data);
            prop_assert_eq!(assembler.size(), 0);
        }
    }
}
