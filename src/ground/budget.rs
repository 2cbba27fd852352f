//! A bound on bytes that are held over all flows of a series.
//!
//! Every holder has a [`Lease`] and gives back what it took when it goes away, however it goes.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

/// What a series may hold unless told otherwise: thousands of handshakes at a time, and the program's memory stays bounded.
const BYTES: usize = 24 << 20;

/// Bytes that may come out of what is compressed inside a series, whatever went in: a report of an app has some kilobytes, a log some
/// megabytes.
const OPENED_FREE: i64 = 24 << 20;
/// And as many more for each byte of payload: text shrinks to an eighth, seldom further, and other payload shrinks less.
const OPENED_EACH: i64 = 8;

fn signed(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

/// Bytes that may be held together. Clones share what is left.
#[derive(Debug, Clone)]
pub struct Budget {
    left: Arc<AtomicUsize>,
    whole: usize,
    /// Below nothing where looking took more than was left.
    openable: Arc<AtomicI64>,
}

impl Default for Budget {
    fn default() -> Self {
        Self::new(BYTES)
    }
}

impl Budget {
    /// A budget of so many bytes.
    pub fn new(bytes: usize) -> Self {
        Self {
            left: Arc::new(AtomicUsize::new(bytes)),
            whole: bytes,
            openable: Arc::new(AtomicI64::new(OPENED_FREE)),
        }
    }

    /// So many bytes of payload were seen: more may be opened.
    pub fn saw(&self, payload: usize) {
        let more = OPENED_EACH.saturating_mul(signed(payload as u64));
        self.change(|left| Some(left.saturating_add(more)));
    }

    /// True if so many bytes may still come out of what is compressed.
    pub fn may_open(&self, bytes: u64) -> bool {
        self.openable.load(Ordering::Relaxed) >= signed(bytes)
    }

    /// So many bytes came out of something compressed. False when that is more than a series may cost.
    pub fn opened(&self, bytes: u64) -> bool {
        let bytes = signed(bytes);
        self.change(|left| left.checked_sub(bytes).filter(|left| *left >= 0))
    }

    /// Looking at something took as long as so many bytes more would have: fewer may be opened, and none until that is made up for.
    pub fn spent(&self, bytes: u64) {
        self.change(|left| Some(left.saturating_sub(signed(bytes))));
    }

    fn change(&self, change: impl FnMut(i64) -> Option<i64>) -> bool {
        let openable = &self.openable;
        openable
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, change)
            .is_ok()
    }

    /// Less than a quarter is left: what is only kept to compare should go.
    pub fn is_tight(&self) -> bool {
        self.left.load(Ordering::Relaxed) < self.whole / 4
    }

    /// A lease that holds nothing yet.
    pub fn lease(&self) -> Lease {
        Lease {
            budget: self.clone(),
            held: 0,
        }
    }
}

/// What one holder took of a [`Budget`].
#[derive(Debug)]
pub struct Lease {
    budget: Budget,
    held: usize,
}

impl Lease {
    /// Takes more; false, and nothing taken, if not so much is left.
    pub fn take(&mut self, bytes: usize) -> bool {
        let left = &self.budget.left;
        let taken = left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
            left.checked_sub(bytes)
        });
        if taken.is_ok() {
            self.held = self.held.saturating_add(bytes);
        }
        taken.is_ok()
    }

    /// Gives some of it back, at most what is held.
    pub fn give_back(&mut self, bytes: usize) {
        let bytes = bytes.min(self.held);
        self.held = self.held.saturating_sub(bytes);
        self.budget.left.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Bytes held.
    pub fn held(&self) -> usize {
        self.held
    }

    /// See [`Budget::is_tight`].
    pub fn is_tight(&self) -> bool {
        self.budget.is_tight()
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.give_back(self.held);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_opened_is_bounded_by_what_was_seen() {
        let budget = Budget::default();
        let (free, each) = (OPENED_FREE.unsigned_abs(), OPENED_EACH.unsigned_abs());
        assert!(budget.opened(free) && !budget.opened(1));
        budget.saw(10);
        assert!(!budget.opened(10 * each + 1) && budget.opened(10 * each));
        budget.saw(10);
        budget.spent(5 * each);
        assert!(!budget.may_open(5 * each + 1) && budget.may_open(5 * each));
        budget.spent(25 * each);
        budget.saw(19);
        assert!(
            !budget.may_open(1),
            "what was spent too much is made up for"
        );
        budget.saw(11);
        assert!(budget.may_open(10 * each));
    }

    #[test]
    fn what_is_taken_comes_back() {
        let budget = Budget::new(100);
        let mut one = budget.lease();
        let mut other = budget.lease();
        assert!(one.take(60) && !other.take(50) && other.take(40));
        assert!(budget.is_tight());
        one.give_back(1000);
        assert_eq!((one.held(), other.held()), (0, 40));
        drop(other);
        assert!(one.take(100) && !one.take(1));
    }
}
