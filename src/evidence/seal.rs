//! What became of sealed payload: how much of it was opened with keys, and how much stayed sealed for which reason.
//!
//! Counted are messages that carry application data by their outside, with all that stands around what is sealed in them: records of
//! TLS and DTLS, packets of QUIC, an SSH connection behind its key exchange. Handshakes that anybody can read are neither.

use super::flow::{Pair, Side};
use crate::vocabulary;

vocabulary! {
    /// Why payload stays sealed.
    "reason why payload stays sealed" pub enum Seal {
        /// No secret for it was given.
        NoKey = "no-key",
        /// Packets before it are missing, or some of its own.
        LostPackets = "lost-packets",
        /// Its protocol, suite or form is none that is opened.
        Unsupported = "unsupported",
        /// Its tag fails: somebody changed it, or the secret is another session's.
        FailedTag = "failed-tag",
    }
}

impl Seal {
    /// How many there are.
    pub const COUNT: usize = 4;
}

/// Bytes that stayed sealed, by reason.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sealed([u64; Seal::COUNT]);

impl Sealed {
    /// Adds bytes.
    pub fn add(&mut self, reason: Seal, bytes: u64) {
        if let Some(sum) = self.0.get_mut(reason as usize) {
            *sum = sum.saturating_add(bytes);
        }
    }

    /// Adds what another counted.
    pub fn add_all(&mut self, other: &Self) {
        for (sum, more) in self.0.iter_mut().zip(other.0) {
            *sum = sum.saturating_add(more);
        }
    }

    /// Every reason that some bytes have, in order.
    pub fn iter(&self) -> impl Iterator<Item = (Seal, u64)> + '_ {
        use crate::ground::vocabulary::Vocabulary;
        let all = Seal::EVERY.iter().copied().zip(self.0);
        all.filter(|(_, bytes)| *bytes > 0)
    }
}

/// What became of the sealed payload of both directions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Seals {
    /// Opened, by each side.
    pub opened: Pair<u64>,
    /// Sealed, by either.
    pub sealed: Sealed,
}

impl Seals {
    /// Adds what another counted.
    pub fn add(&mut self, other: &Self) {
        for side in Side::BOTH {
            let sum = self.opened.of_mut(side);
            *sum = sum.saturating_add(*other.opened.of(side));
        }
        self.sealed.add_all(&other.sealed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ground::vocabulary::Vocabulary;

    #[test]
    fn every_reason_has_a_place_and_nothing_stands_for_nothing() {
        let mut sealed = Sealed::default();
        assert_eq!(sealed.iter().count(), 0);
        for (reason, bytes) in Seal::EVERY.iter().zip(1..) {
            sealed.add(*reason, bytes);
        }
        let mut twice = sealed;
        twice.add_all(&sealed);
        assert_eq!(Seal::EVERY.len(), Seal::COUNT);
        let read: Vec<(Seal, u64)> = twice.iter().collect();
        let want: Vec<(Seal, u64)> = Seal::EVERY
            .iter()
            .copied()
            .zip((1..).map(|n| n * 2))
            .collect();
        assert_eq!(read, want);
    }
}
