//! Which bytes of a TCP direction are new: sequence numbers not seen before (RFC 9293 §3.4).
//!
//! Retransmissions, keep-alives and late copies bring no new payload, whatever bytes they carry.
//! Knows numbers only, no content.

/// Holes remembered per direction; an honest flow has a few at a time. When more open up, the
/// lowest is forgotten, and bytes that would fill it later are not counted as new.
const HOLES_MAX: usize = 64;

/// How far below the first byte seen a late segment may lie and still be the reordered start of a
/// flow that was joined in the middle.
const REORDER_MAX: u32 = 1 << 20;

/// One direction of a TCP flow.
#[derive(Debug, Clone, Default)]
pub struct Half {
    /// First sequence number of payload known.
    base: u32,
    /// One past the highest payload byte seen.
    next: u32,
    /// Highest number that the other side acknowledged.
    acked: u32,
    /// The first number that the other side acknowledged.
    first_ack: u32,
    started: bool,
    syn: bool,
    has_ack: bool,
    /// Ranges below `next` that were not seen, lowest first.
    holes: Vec<(u32, u32)>,
    /// A hole was forgotten: the count of new bytes is a lower bound.
    pub forgot: bool,
}

/// `a - b` in sequence space, negative when `a` lies before `b`.
fn distance(a: u32, b: u32) -> i32 {
    a.wrapping_sub(b) as i32
}

impl Half {
    /// True once a SYN of this direction was seen.
    pub fn has_syn(&self) -> bool {
        self.syn
    }

    /// The initial sequence number of the SYN, if it was seen.
    pub fn initial(&self) -> Option<u32> {
        self.syn.then(|| self.base.wrapping_sub(1))
    }

    /// The number that follows the last byte seen.
    pub fn end(&self) -> Option<u32> {
        self.started.then_some(self.next)
    }

    /// The other side acknowledges everything below `number`.
    pub fn acknowledge(&mut self, number: u32) {
        if !self.has_ack {
            self.first_ack = number;
        }
        if !self.has_ack || distance(number, self.acked) > 0 {
            self.acked = number;
            self.has_ack = true;
        }
    }

    /// Bytes that the other side acknowledged while it was watched; a SYN and a FIN count one each.
    pub fn acknowledged(&self) -> u32 {
        self.acked.wrapping_sub(self.first_ack)
    }

    /// A SYN with this sequence number.
    pub fn open(&mut self, sequence: u32) {
        if !self.started || !self.syn {
            self.syn = true;
            self.base = sequence.wrapping_add(1);
            if !self.started || distance(self.next, self.base) < 0 {
                self.next = self.base;
            }
            self.started = true;
        }
    }

    /// A segment with `len` payload bytes from `sequence` on; returns how many of them are new.
    /// `pushed` says whether PSH was set.
    pub fn accept(&mut self, sequence: u32, len: u32, pushed: bool) -> u32 {
        let end = sequence.wrapping_add(len);
        if !self.started {
            self.started = true;
            self.next = end;
            // Joined in the middle. A single byte without PSH is what a keep-alive probe carries
            // (RFC 9293 §3.8.4), and what was acknowledged already is no news.
            let known = self.has_ack && distance(end, self.acked) <= 0;
            if known || (len <= 1 && !pushed) {
                self.base = end;
                return 0;
            }
            self.base = sequence;
            return len;
        }
        if len == 0 {
            return 0;
        }
        let mut new = 0;
        // Beyond what was seen.
        if distance(end, self.next) > 0 {
            let from = if distance(sequence, self.next) > 0 {
                self.hole(self.next, sequence);
                sequence
            } else {
                self.next
            };
            new += end.wrapping_sub(from);
            self.next = end;
        }
        // Into holes.
        if !self.holes.is_empty() {
            new += self.fill(sequence, end);
        }
        // Below the start of a flow that was joined in the middle.
        if !self.syn && distance(sequence, self.base) < 0 {
            let below = self.base.wrapping_sub(sequence);
            let part = below.min(len);
            let acked = self.has_ack && distance(self.base, self.acked) <= 0;
            if below <= REORDER_MAX && part > 1 && !acked {
                new += part;
                let after = sequence.wrapping_add(part);
                if distance(after, self.base) < 0 {
                    self.hole_front(after, self.base);
                }
                self.base = sequence;
            }
        }
        new
    }

    fn hole(&mut self, from: u32, to: u32) {
        if self.holes.len() >= HOLES_MAX {
            let (_, end) = self.holes.remove(0);
            // What the other side acknowledged was received: the capture missed it, and it will
            // not be sent again.
            if !(self.has_ack && distance(end, self.acked) <= 0) {
                self.forgot = true;
            }
        }
        self.holes.push((from, to));
    }

    fn hole_front(&mut self, from: u32, to: u32) {
        if self.holes.len() < HOLES_MAX {
            self.holes.insert(0, (from, to));
        } else {
            self.forgot = true;
        }
    }

    /// Removes `[from, to)` from the holes; returns how many bytes that were.
    fn fill(&mut self, from: u32, to: u32) -> u32 {
        let mut filled = 0;
        let mut left = Vec::new();
        for &(a, b) in &self.holes {
            let start = if distance(from, a) > 0 { from } else { a };
            let stop = if distance(to, b) < 0 { to } else { b };
            if distance(stop, start) <= 0 {
                left.push((a, b));
                continue;
            }
            filled += stop.wrapping_sub(start);
            if distance(start, a) > 0 {
                left.push((a, start));
            }
            if distance(b, stop) > 0 {
                left.push((stop, b));
            }
        }
        if filled > 0 {
            // One range can split a hole in two.
            while left.len() > HOLES_MAX {
                left.remove(0);
                self.forgot = true;
            }
            self.holes = left;
        }
        filled
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn keep_alives_and_tails_are_no_payload() {
        let mut half = Half::default();
        half.open(99);
        assert_eq!(half.accept(100, 50, true), 50);
        half.acknowledge(150);
        assert_eq!(half.accept(149, 1, false), 0, "keep-alive with a byte");
        assert_eq!(half.accept(150, 0, false), 0, "bare ACK");
        let mut joined = Half::default();
        assert_eq!(
            joined.accept(499, 1, false),
            0,
            "keep-alive as the first sight of a flow"
        );
        assert_eq!(joined.accept(500, 20, true), 20);
        let mut late = Half::default();
        late.acknowledge(1000);
        assert_eq!(
            late.accept(900, 100, true),
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
            let mut half = Half::default();
            half.open(start.wrapping_sub(1));
            let mut seen = vec![false; 6000];
            for (at, len) in segments {
                let new = half.accept(start.wrapping_add(at), len, true);
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
