//! A bound on bytes that are held over all flows of a series.
//!
//! Every holder has a [`Lease`] and gives back what it took when it goes away, however it goes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What a series may hold unless told otherwise: thousands of handshakes at a time, and the program's memory stays bounded.
const BYTES: usize = 24 << 20;

/// Bytes that may be held together. Clones share what is left.
#[derive(Debug, Clone)]
pub struct Budget {
    left: Arc<AtomicUsize>,
    whole: usize,
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
        }
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
