//! Which bytes of a TCP direction are new, and which are missing: sequence numbers not seen before
//! (RFC 9293 §3.4), and numbers acknowledged that no packet of the capture holds.
//!
//! Retransmissions, keep-alives and late copies bring no new payload, whatever bytes they carry.
//! Knows numbers only, no content. Numbers are carried on to 64 bits, so that what lies further
//! behind than half of their space is not taken for what lies ahead.

use super::rare::Rare;
use crate::ground::moment::Moment;
use crate::ground::work::looks_at;

/// Holes remembered per direction; an honest flow has a few at a time. When more open up, the
/// lowest is forgotten, and bytes that would fill it later are not counted as new.
const HOLES_MAX: usize = 64;

/// How far below the first byte seen a late segment may lie and still be the reordered start of a
/// flow that was joined in the middle; and how far above the number of a SYN what was captured
/// before it may lie and still be the same connection's.
const REORDER_MAX: u64 = 1 << 20;

/// The largest window there is (RFC 7323 §2.3): no acknowledgement is further ahead of what was seen.
const WINDOW_MAX: u64 = 1 << 30;

/// Where the numbers start, so that there is room below.
const ORIGIN: u64 = 1 << 40;

/// Where something was noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The packet.
    pub moment: Moment,
    /// Its interval.
    pub interval: u32,
    /// The interval of the packet before it in the same direction: between the two it happened.
    pub before: u32,
}

#[derive(Debug, Clone, Copy)]
struct Hole {
    from: u64,
    to: u64,
    at: Place,
}

/// One direction of a TCP flow.
#[derive(Debug, Clone, Default)]
pub struct PeerState {
    /// First sequence number of payload known.
    base: u64,
    /// One past the highest payload byte seen.
    next: u64,
    /// Highest number that the other side acknowledged.
    acked: u32,
    /// The first number that the other side acknowledged.
    first_ack: u32,
    started: bool,
    syn: bool,
    has_ack: bool,
    /// Payload was seen.
    has_bytes: bool,
    /// The interval of its last packet.
    interval: u32,
    /// A hole was forgotten: the count of new bytes is a lower bound.
    pub forgot: bool,
    /// What is missing of it.
    rest: Rare<Rest>,
}

/// What is missing of a direction: of most nothing is.
#[derive(Debug, Clone, Default)]
pub(super) struct Rest {
    /// Ranges below `next` that were not seen, lowest first.
    holes: Vec<Hole>,
    /// More was acknowledged than was seen, since here.
    beyond: Option<Place>,
    /// Acknowledged from this number on while the flow was watched, before its first packet was seen.
    floor: Option<(u32, Place)>,
    /// Acknowledged, not seen, and no longer remembered as a hole.
    gone: Vec<(Place, u64)>,
}

impl Rest {
    pub(super) const NOTHING: Self = Self {
        holes: Vec::new(),
        beyond: None,
        floor: None,
        gone: Vec::new(),
    };
}

/// `a - b` in sequence space, negative when `a` lies before `b`.
fn distance(a: u32, b: u32) -> i32 {
    a.wrapping_sub(b) as i32
}

/// The number on the wire.
fn wire(number: u64) -> u32 {
    // Its low half.
    number as u32
}

impl PeerState {
    /// True once a SYN of this direction was seen.
    pub fn has_syn(&self) -> bool {
        self.syn
    }

    /// The initial sequence number of the SYN, if it was seen.
    pub fn initial(&self) -> Option<u32> {
        self.syn.then(|| wire(self.base).wrapping_sub(1))
    }

    /// The number that follows the last byte seen.
    pub fn end(&self) -> Option<u32> {
        self.started.then(|| wire(self.next))
    }

    /// The number carried on from what was seen last.
    fn carry_on(&self, number: u32) -> u64 {
        let ahead = distance(number, wire(self.next));
        self.next.saturating_add_signed(i64::from(ahead))
    }

    /// A SYN with this number, of which something was captured before: payload right behind it, or its
    /// acknowledgement by the other side's SYN, which `answered` tells.
    pub fn may_begin_with(&self, syn: u32, answered: bool) -> bool {
        let first = syn.wrapping_add(1);
        let follows =
            self.has_bytes && u64::from(wire(self.base).wrapping_sub(first)) < REORDER_MAX;
        follows || (answered && self.has_ack && self.first_ack == first)
    }

    /// The other side acknowledges everything below `number`. `late` says that the flow has been
    /// watched for so long that nothing sent before can still be under way.
    pub fn acknowledge(&mut self, number: u32, at: Place, late: bool) {
        if !self.has_ack {
            self.first_ack = number;
            self.acked = number;
            self.has_ack = true;
        }
        // A number from another connection, or made up.
        let credible = !self.started
            || distance(number, wire(self.next)) <= 0
            || u64::from(number.wrapping_sub(wire(self.next))) <= WINDOW_MAX;
        let ahead = distance(number, self.acked);
        if ahead > 0 && credible {
            if !self.started && late && ahead > 1 && self.rest.floor.is_none() {
                self.rest.floor = Some((self.acked, at));
            }
            self.acked = number;
        }
        if self.started && distance(self.acked, wire(self.next)) > 1 && self.rest.beyond.is_none() {
            self.rest.beyond = Some(at);
        }
    }

    /// The other side's SYN acknowledges `number`: whatever was acknowledged before it belongs to
    /// another connection.
    pub fn acknowledge_anew(&mut self, number: u32) {
        if self.has_ack && self.first_ack == number {
            return;
        }
        self.first_ack = number;
        self.acked = number;
        self.has_ack = true;
        if let Some(rest) = self.rest.written() {
            rest.beyond = None;
            rest.floor = None;
        }
    }

    /// Bytes that the other side acknowledged while it was watched; a SYN and a FIN count one each.
    pub fn acknowledged(&self) -> u32 {
        self.acked.wrapping_sub(self.first_ack)
    }

    /// True if the other side acknowledged everything below `number`.
    pub fn has_acknowledged(&self, number: u32) -> bool {
        self.has_ack && distance(self.acked, number) >= 0
    }

    /// True if some of the `len` bytes from `sequence` on were not seen.
    pub fn lacks(&self, sequence: u32, len: u32) -> bool {
        if !self.started {
            return len > 0;
        }
        let from = self.carry_on(sequence);
        let to = from + u64::from(len);
        to > self.next || self.rest.holes.iter().any(|h| h.from < to && from < h.to)
    }

    /// A SYN with this sequence number: the numbering begins with it, whatever stood before. Payload
    /// that lies right behind it was captured out of order, and is kept.
    pub fn open(&mut self, sequence: u32, at: Place) {
        self.interval = at.interval;
        if self.syn {
            return;
        }
        self.syn = true;
        let first = sequence.wrapping_add(1);
        let above = u64::from(wire(self.base).wrapping_sub(first));
        if self.started && self.has_bytes && above < REORDER_MAX {
            if above > 0 {
                let base = self.base;
                self.base = base - above;
                self.hole_front(self.base, base, at);
            }
            return;
        }
        self.base = ORIGIN + u64::from(first);
        self.next = self.base;
        self.rest = Rare::default();
        self.has_bytes = false;
        // What was acknowledged of an older connection is no news of this one.
        if self.has_ack && self.first_ack != first {
            self.has_ack = false;
        }
        self.started = true;
    }

    /// A segment with `len` payload bytes from `sequence` on; returns how many of them are new.
    /// `pushed` says whether PSH was set.
    pub fn accept(&mut self, sequence: u32, len: u32, pushed: bool, at: Place) -> u32 {
        let place = Place {
            before: if self.started {
                self.interval
            } else {
                at.interval
            },
            ..at
        };
        self.interval = at.interval;
        if !self.started {
            self.started = true;
            let from = ORIGIN + u64::from(sequence);
            self.next = from + u64::from(len);
            // Joined in the middle. A single byte without PSH is what a keep-alive probe carries
            // (RFC 9293 §3.8.4), and what was acknowledged already is no news.
            let known = self.has_acknowledged(wire(self.next));
            if known || (len <= 1 && !pushed) {
                self.base = self.next;
                return 0;
            }
            self.base = from;
            self.has_bytes = true;
            return len;
        }
        if len == 0 {
            return 0;
        }
        let had_bytes = std::mem::replace(&mut self.has_bytes, true);
        let from = self.carry_on(sequence);
        let end = from + u64::from(len);
        let mut new = 0;
        // Beyond what was seen.
        if end > self.next {
            // A keep-alive probe without a byte (RFC 9293 §3.8.4) as the first sight of the flow: it
            // stands one number below what was sent, and hides none.
            if !had_bytes && !self.syn && from == self.next + 1 {
                self.base = from;
                self.next = from;
            }
            let start = from.max(self.next);
            if from > self.next {
                let noticed = self.rest.beyond.unwrap_or(place);
                self.hole(self.next, from, noticed);
            }
            new += end - start;
            self.next = end;
            if distance(self.acked, wire(self.next)) <= 1
                && let Some(rest) = self.rest.written()
            {
                rest.beyond = None;
            }
        }
        // Into holes.
        if !self.rest.holes.is_empty() {
            looks_at(self.rest.holes.len());
            new += self.fill(from, end);
        }
        // Below the start of a flow that was joined in the middle.
        if !self.syn && from < self.base {
            let below = self.base - from;
            let part = below.min(u64::from(len));
            let acked = self.has_acknowledged(wire(self.base));
            if below <= REORDER_MAX && part > 1 && !acked {
                new += part;
                if from + part < self.base {
                    self.hole_front(from + part, self.base, place);
                }
                self.base = from;
            }
        }
        // At most all of them.
        u32::try_from(new).unwrap_or(len).min(len)
    }

    /// True if [`lost`](Self::lost) has anything to say: bytes were seen, and others acknowledged.
    pub fn may_have_lost(&self) -> bool {
        self.started && self.has_ack
    }

    /// Bytes that the other side acknowledged and no packet holds, and where that showed. What lies
    /// below the first packet seen does not count, nor does a single number at the end: it is that of
    /// a FIN.
    pub fn lost(&self) -> impl Iterator<Item = (Place, u64)> + '_ {
        let watched = self.may_have_lost();
        let acked = self.carry_on(self.acked);
        let missed = move |from: u64, to: u64| to.min(acked).saturating_sub(from);
        let rest = &*self.rest;
        let holes = rest.holes.iter().map(move |h| (h.at, missed(h.from, h.to)));
        let tail = rest
            .beyond
            .map(|at| (at, missed(self.next, u64::MAX)))
            .filter(|(_, bytes)| *bytes > 1);
        let head = rest.floor.map(|floor| {
            let from = self.carry_on(floor.0);
            (floor.1, missed(from, self.base))
        });
        holes
            .chain(tail)
            .chain(head.filter(|_| !self.syn))
            .chain(rest.gone.iter().copied())
            .filter(move |(_, bytes)| watched && *bytes > 0)
    }

    fn hole(&mut self, from: u64, to: u64, at: Place) {
        if self.rest.holes.len() >= HOLES_MAX {
            let lowest = self.rest.holes.remove(0);
            // What the other side acknowledged was received: the capture missed it, and it will
            // not be sent again.
            if self.has_ack && lowest.to <= self.carry_on(self.acked) {
                self.settle(lowest);
            } else {
                self.forgot = true;
            }
        }
        self.rest.holes.push(Hole { from, to, at });
    }

    fn settle(&mut self, hole: Hole) {
        let bytes = hole.to - hole.from;
        let gone = &mut self.rest.gone;
        match gone.last_mut() {
            // One entry per pair of intervals.
            Some((at, sum)) if (at.interval, at.before) == (hole.at.interval, hole.at.before) => {
                *sum += bytes;
            }
            _ => gone.push((hole.at, bytes)),
        }
    }

    fn hole_front(&mut self, from: u64, to: u64, at: Place) {
        if self.rest.holes.len() < HOLES_MAX {
            self.rest.holes.insert(0, Hole { from, to, at });
        } else {
            self.forgot = true;
        }
    }

    /// Removes `[from, to)` from the holes; returns how many bytes that were.
    fn fill(&mut self, from: u64, to: u64) -> u64 {
        // Beside a hole that stays nearly every segment lies behind it.
        let touches = |hole: &Hole| from.max(hole.from) < to.min(hole.to);
        if !self.rest.holes.iter().any(touches) {
            return 0;
        }
        let mut filled = 0;
        let mut left = Vec::new();
        for &hole in &self.rest.holes {
            let start = from.max(hole.from);
            let stop = to.min(hole.to);
            if stop <= start {
                left.push(hole);
                continue;
            }
            filled += stop - start;
            if start > hole.from {
                left.push(Hole { to: start, ..hole });
            }
            if hole.to > stop {
                left.push(Hole { from: stop, ..hole });
            }
        }
        if filled > 0 {
            // One range can split a hole in two.
            while left.len() > HOLES_MAX {
                left.remove(0);
                self.forgot = true;
            }
            self.rest.holes = left;
        }
        filled
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const AT: Place = Place {
        moment: Moment::NONE,
        interval: 0,
        before: 0,
    };

    /// Bytes acknowledged that no packet holds.
    fn lost(half: &PeerState) -> u64 {
        half.lost().map(|(_, bytes)| bytes).sum()
    }

    #[test]
    fn what_is_acknowledged_and_in_no_packet_is_lost() {
        let mut half = PeerState::default();
        half.open(99, AT);
        half.acknowledge_anew(100);
        half.acknowledge(300, AT, false);
        assert_eq!(lost(&half), 200, "nothing was captured behind the SYN");
        assert_eq!(half.accept(100, 50, true, AT), 50);
        assert_eq!(lost(&half), 150);
        assert_eq!(half.accept(200, 100, true, AT), 100);
        assert_eq!(lost(&half), 50, "a hole");
        half.acknowledge(301, AT, false);
        assert_eq!(half.accept(150, 50, true, AT), 50);
        assert_eq!(lost(&half), 0, "it came late, and one more is a FIN's");
        half.accept(500, 10, true, AT);
        assert_eq!(lost(&half), 1, "the rest of the hole is not acknowledged");
        let mut joined = PeerState::default();
        joined.acknowledge(5000, AT, false);
        joined.acknowledge(9000, AT, false);
        joined.accept(9000, 10, true, AT);
        assert_eq!(lost(&joined), 0, "sent before the capture began");
        let mut watched = PeerState::default();
        watched.acknowledge(5000, AT, true);
        watched.acknowledge(9000, AT, true);
        assert_eq!(
            lost(&watched),
            0,
            "nothing of it was captured: one direction"
        );
        watched.accept(9000, 10, true, AT);
        assert_eq!(lost(&watched), 4000);
    }

    #[test]
    fn a_syn_begins_the_numbering() {
        // A stray RST, a challenge ACK and old payload stand before it.
        let mut half = PeerState::default();
        half.accept(7_000_000, 0, false, AT);
        half.acknowledge(7_000_000, AT, false);
        half.accept(6_000_000, 30, true, AT);
        half.open(1000, AT);
        half.acknowledge_anew(1001);
        assert_eq!(half.accept(1001, 73, true, AT), 73);
        half.acknowledge(1074, AT, false);
        assert_eq!(lost(&half), 0);
        // The second part of a hello, the SYN, the first part.
        let mut half = PeerState::default();
        assert_eq!(half.accept(201, 60, true, AT), 60);
        assert!(half.may_begin_with(100, false) && !half.may_begin_with(300, false));
        half.open(100, AT);
        assert_eq!(half.initial(), Some(100));
        assert_eq!(half.accept(101, 100, true, AT), 100);
        half.acknowledge(261, AT, false);
        assert_eq!(lost(&half), 0);
    }

    #[test]
    fn numbers_far_apart_are_no_bytes() {
        let mut half = PeerState::default();
        half.open(u32::MAX, AT);
        let mut new = 0;
        for step in 0..4u32 {
            new += half.accept(step.wrapping_mul(1_750_000_000), 100, true, AT);
        }
        assert_eq!(new, 400);
    }

    #[test]
    fn keep_alives_and_tails_are_no_payload() {
        let mut half = PeerState::default();
        half.open(99, AT);
        assert_eq!(half.accept(100, 50, true, AT), 50);
        half.acknowledge(150, AT, false);
        assert_eq!(half.accept(149, 1, false, AT), 0, "keep-alive with a byte");
        assert_eq!(half.accept(150, 0, false, AT), 0, "bare ACK");
        let mut joined = PeerState::default();
        assert_eq!(
            joined.accept(499, 1, false, AT),
            0,
            "keep-alive as the first sight of a flow"
        );
        assert_eq!(joined.accept(500, 20, true, AT), 20);
        let mut empty = PeerState::default();
        assert_eq!(empty.accept(499, 0, false, AT), 0);
        empty.acknowledge(500, AT, false);
        assert_eq!(empty.accept(500, 20, true, AT), 20);
        empty.acknowledge(520, AT, false);
        assert_eq!(
            lost(&empty),
            0,
            "an empty keep-alive as the first sight of a flow"
        );
        let mut late = PeerState::default();
        late.acknowledge(1000, AT, false);
        assert_eq!(
            late.accept(900, 100, true, AT),
            0,
            "acknowledged before it was seen: a retransmission"
        );
    }

    proptest! {
        /// Any segmentation, order and repetition of a stream, across the wrap of the sequence
        /// number: each byte is new exactly once.
        #[test]
        fn every_byte_is_new_once(
            start in any::<u32>(),
            segments in proptest::collection::vec((0u32..4000, 1u32..1500), 1..60),
        ) {
            let mut half = PeerState::default();
            half.open(start.wrapping_sub(1), AT);
            let mut seen = vec![false; 6000];
            for (at, len) in segments {
                let new = half.accept(start.wrapping_add(at), len, true, AT);
                let mut want = 0;
                for byte in seen.iter_mut().skip(at as usize).take(len as usize) {
                    if !*byte { *byte = true; want += 1; }
                }
                prop_assert_eq!(new, want);
            }
            prop_assert!(!half.forgot);
        }
    }
}
