//! Whose checksums can be believed.
//!
//! A card that computes checksums itself leaves wrong ones in what its own machine captures: then
//! nearly all of that sender's are wrong and mean nothing. Where a sender's are mostly right, a
//! wrong one is a corrupted or forged packet and is no evidence.

use crate::link::Mac;
use std::collections::HashMap;
use std::net::IpAddr;

/// Senders kept; beyond, every checksum of a new sender is judged on its own.
const SENDERS_MAX: usize = 16_384;

/// Wrong IPv4 header checksums, and no right one, after which a sender is taken to leave them to
/// its card. Until then its packets are held back.
const HELD_MAX: u32 = 3;

/// Who sent a frame, as far as that does not depend on the header that is in doubt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum FrameSender {
    /// By link address.
    Mac(Mac),
    /// By interface of an input, and direction if the record has one.
    Interface(u32, u32, Option<crate::capture::Direction>),
}

#[derive(Debug, Clone, Copy, Default)]
struct Score {
    right: u32,
    wrong: u32,
}

/// What to do with a packet whose IPv4 header checksum is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Doubt {
    /// Its sender leaves checksums to the card.
    Believe,
    /// Its sender's are right otherwise.
    Refuse,
    /// Nothing is known of the sender: wait.
    Hold,
}

/// Scores of all senders.
#[derive(Debug, Default)]
pub(super) struct Senders {
    headers: HashMap<FrameSender, Score>,
    transports: HashMap<IpAddr, Score>,
}

impl Senders {
    /// A right IPv4 header checksum. True if packets of this sender may be held back.
    pub(super) fn header_right(&mut self, sender: FrameSender) -> bool {
        match self.headers.get_mut(&sender) {
            Some(score) => {
                score.right = score.right.saturating_add(1);
                score.right == 1 && score.wrong > 0
            }
            None => {
                if self.headers.len() < SENDERS_MAX {
                    self.headers.insert(sender, Score { right: 1, wrong: 0 });
                }
                false
            }
        }
    }

    /// A wrong IPv4 header checksum.
    pub(super) fn header_wrong(&mut self, sender: FrameSender) -> Doubt {
        if !self.headers.contains_key(&sender) && self.headers.len() >= SENDERS_MAX {
            return Doubt::Refuse;
        }
        let score = self.headers.entry(sender).or_default();
        score.wrong = score.wrong.saturating_add(1);
        match (score.right, score.wrong) {
            (0, wrong) if wrong <= HELD_MAX => Doubt::Hold,
            (right, wrong) if wrong > right => Doubt::Believe,
            _ => Doubt::Refuse,
        }
    }

    /// True once so many of a sender's headers were wrong, and none right, that it must be the card.
    pub(super) fn is_decided(&self, sender: FrameSender) -> bool {
        self.headers.get(&sender).is_some_and(|s| s.right == 0 && s.wrong >= HELD_MAX)
    }

    /// Counts a transport checksum of `source`; true if the packet may be believed.
    pub(super) fn transport(&mut self, source: IpAddr, right: bool) -> bool {
        let full = self.transports.len() >= SENDERS_MAX;
        let score = match self.transports.get_mut(&source) {
            Some(score) => score,
            None if full => return right,
            None => self.transports.entry(source).or_default(),
        };
        if right {
            score.right = score.right.saturating_add(1);
            return true;
        }
        score.wrong = score.wrong.saturating_add(1);
        score.wrong > score.right
    }
}
