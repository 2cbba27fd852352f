//! Segments of a stream that nobody knows, in the order in which they came: what belongs in front of them may begin something.

use crate::observe::flow::stream::Pool;

/// Segments kept that came too early, and bytes of each: an opening is cut into few.
const AHEAD_MAX: usize = 16;
const AHEAD_BYTES_MAX: usize = 8 << 10;

/// Of a stream that nobody knows, what came out of order: the next segment may begin something that goes on in it.
#[derive(Default)]
pub(super) struct Ahead {
    pub(super) next: Option<u32>,
    kept: Vec<(u32, Vec<u8>)>,
}

impl Ahead {
    /// True if bytes in front of these have not come.
    pub(super) fn is_ahead(&self, sequence: u32) -> bool {
        /// Numbers that lie further apart have nothing to do with each other.
        const NEAR: u32 = 1 << 24;
        let distance = self.next.map_or(0, |next| sequence.wrapping_sub(next));
        (1..NEAR).contains(&distance)
    }

    /// Notes a segment that begins nothing. What is kept of it comes from the pool.
    pub(super) fn pass(&mut self, sequence: u32, bytes: &[u8], pool: &mut Pool) {
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
    pub(super) fn hand_over(&mut self, pool: &mut Pool) -> Vec<(u32, Vec<u8>)> {
        let kept = std::mem::take(self).kept;
        pool.give(kept.iter().map(|(_, bytes)| bytes.len()).sum());
        kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_too_early_is_kept_within_bounds() {
        let mut pool = Pool::default();
        let mut ahead = Ahead::default();
        ahead.pass(100, b"in order", &mut pool);
        let long = vec![7; AHEAD_BYTES_MAX + 5];
        for n in 0..AHEAD_MAX as u32 {
            ahead.pass(1_000 + 20_000 * n, &long, &mut pool);
        }
        assert_eq!(ahead.next, Some(108), "what is between may still come");
        assert_eq!(ahead.kept.len(), AHEAD_MAX);
        // One more: what is before it is lost.
        let last = 1_000 + 20_000 * AHEAD_MAX as u32;
        ahead.pass(last, b"the last", &mut pool);
        assert_eq!(ahead.next, Some(last + 8));
        assert!(ahead.hand_over(&mut pool).is_empty());
        ahead.next = Some(100);
        ahead.pass(1_000, &long, &mut pool);
        let kept = ahead.hand_over(&mut pool);
        let lengths: Vec<usize> = kept.iter().map(|(_, bytes)| bytes.len()).collect();
        assert_eq!(lengths, [AHEAD_BYTES_MAX]);
    }
}
