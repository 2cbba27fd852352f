//! What was found on a connection, kept small: the same again is counted, and what is too many is folded.

use super::{Found, Kind, Policy};
use crate::evidence::Moment;
use crate::flow::Side;
use std::cell::{Cell, RefCell};
use std::collections::HashSet;

/// Different texts kept of a kind in an epoch, per side; a track of positions has thousands.
const TEXTS_MAX: usize = 16;

/// The text of the hit that stands for those beyond the bound.
pub const MORE: &str = "(more)";

/// Something found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hit {
    /// What it is.
    pub kind: Kind,
    /// The text, masked.
    pub text: String,
    /// The text itself, if it may be shown.
    pub plain: Option<String>,
    /// Where in the traffic it stood.
    pub place: &'static str,
    /// Who sent it.
    pub side: Side,
    /// The epoch it was sent in.
    pub epoch: u32,
    /// The packet that completes it for the first time.
    pub first: Moment,
    /// Times found.
    pub count: u64,
}

/// Hits of a flow or row.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hits {
    list: Vec<Hit>,
}

impl Hits {
    /// All of them, in the order found.
    pub fn iter(&self) -> impl Iterator<Item = &Hit> {
        self.list.iter()
    }

    /// True if nothing was found.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Adds all of another's.
    pub fn merge(&mut self, other: &Self) {
        for hit in &other.list {
            self.add(hit.clone());
        }
    }

    /// Adds a hit.
    pub fn add(&mut self, hit: Hit) {
        if let Some(same) = self.same(&hit) {
            same.count = same.count.saturating_add(hit.count);
            same.first = same.first.min(hit.first);
            return;
        }
        let alike =
            |have: &&Hit| (have.kind, have.side, have.epoch) == (hit.kind, hit.side, hit.epoch);
        if self.list.iter().filter(alike).count() < TEXTS_MAX {
            self.list.push(hit);
            return;
        }
        let more = Hit {
            text: MORE.to_owned(),
            plain: None,
            ..hit
        };
        match self.same(&more) {
            Some(same) => {
                same.count = same.count.saturating_add(more.count);
                same.first = same.first.min(more.first);
            }
            None => self.list.push(more),
        }
    }

    fn same(&mut self, hit: &Hit) -> Option<&mut Hit> {
        self.list.iter_mut().find(|have| {
            (have.kind, have.side, have.epoch, have.place)
                == (hit.kind, hit.side, hit.epoch, hit.place)
                && have.text == hit.text
                && have.plain == hit.plain
        })
    }
}

/// Ids, hashes and keys that a flow sent, each counted once.
#[derive(Debug, Default)]
pub(super) struct Tokens {
    seen: RefCell<HashSet<u64>>,
    bytes: Cell<usize>,
}

impl Tokens {
    /// Counts a token; true once there are so many different ones that together they hold something. A flight's requests have a
    /// nonce and a signature each.
    pub(super) fn is_too_much(&self, token: u64, length: usize) -> bool {
        const BYTES_MAX: usize = 16 << 10;
        const COUNT_MAX: usize = 1024;
        let mut seen = self.seen.borrow_mut();
        let full = self.bytes.get() > BYTES_MAX || seen.len() >= COUNT_MAX;
        if !full && seen.insert(token) {
            self.bytes.set(self.bytes.get().saturating_add(length));
        }
        full && !seen.contains(&token)
    }
}

/// Where readers put what they find and read.
pub(super) struct Out<'o> {
    pub(super) hits: &'o mut Hits,
    pub(super) credits: &'o mut Vec<super::Credit>,
    pub(super) policy: Policy,
    pub(super) side: Side,
    /// The packet at hand.
    pub(super) at: Moment,
    pub(super) epoch: u32,
    /// The application protocol, once the dissectors know it.
    pub(super) protocol: Option<&'static str>,
    /// Counts what comes out of compressed bodies.
    pub(super) opened: &'o Cell<u64>,
    /// Counts the flow's tokens.
    pub(super) tokens: &'o Tokens,
}

impl Out<'_> {
    /// The bytes of a packet were read.
    pub(super) fn read(&mut self, bytes: usize, at: Moment, epoch: u32) {
        super::held::add(self.credits, at, epoch, bytes as u64);
    }

    /// Something was found, in the packet of `at`.
    pub(super) fn found(&mut self, found: Found, place: &'static str, (at, epoch): (Moment, u32)) {
        self.hits.add(Hit {
            kind: found.kind,
            text: found.masked,
            plain: (self.policy == Policy::Revealed).then_some(found.plain),
            place,
            side: self.side,
            epoch,
            first: at,
            count: 1,
        });
    }

    /// So many bytes came out of something compressed.
    pub(super) fn opened(&self, bytes: usize) {
        let sum = self.opened.get().saturating_add(bytes as u64);
        self.opened.set(sum);
    }

    /// The same places, with accounts of their own for what is inside something else.
    pub(super) fn inner<'i>(&'i mut self, credits: &'i mut Vec<super::Credit>) -> Out<'i> {
        Out {
            hits: self.hits,
            credits,
            policy: self.policy,
            side: self.side,
            at: self.at,
            epoch: self.epoch,
            protocol: self.protocol,
            opened: self.opened,
            tokens: self.tokens,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repetition_is_counted_and_excess_folded() {
        let hit = |n: usize| Hit {
            kind: Kind::Position,
            text: format!("{n}"),
            plain: None,
            place: "udp payload",
            side: Side::A,
            epoch: 0,
            first: Moment::NONE,
            count: 1,
        };
        let mut hits = Hits::default();
        for n in 0..100 {
            hits.add(hit(n));
            hits.add(hit(n));
        }
        assert_eq!(hits.iter().count(), TEXTS_MAX + 1);
        assert_eq!(hits.iter().map(|h| h.count).sum::<u64>(), 200);
        let mut sum = hits.clone();
        sum.merge(&hits);
        assert_eq!(
            (sum.iter().count(), sum.iter().map(|h| h.count).sum::<u64>()),
            (TEXTS_MAX + 1, 400)
        );
    }
}
