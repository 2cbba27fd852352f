//! What was found on a connection, kept small: the same again is counted, and what is too many is folded.

use super::{Found, Policy};
use crate::evidence::content::{FoundIn, Hit, Hits, SealedBy, TrafficPart};
use crate::evidence::flow::Side;
use crate::ground::budget::Budget;
use crate::ground::moment::Moment;
use crate::observe::flow::PayloadKind;
use crate::observe::flow::part::When;
use std::cell::{Cell, RefCell};
use std::collections::HashSet;

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

/// Bytes that came out of what was compressed in a flow.
#[derive(Debug, Default)]
pub(super) struct Opened {
    sum: Cell<u64>,
    budget: Budget,
    /// The first packet with something compressed of which more came out than is looked at.
    beyond: Cell<Option<When>>,
}

impl Opened {
    /// For a flow of the series that this budget is of.
    pub(super) fn of(budget: &Budget) -> Self {
        Self {
            budget: budget.clone(),
            ..Self::default()
        }
    }

    /// The first packet of which not all that came out was looked at, as there was more than may be.
    pub(super) fn beyond(&self) -> Option<When> {
        self.beyond.get()
    }

    /// How many; beyond every bound when the series has opened what it may, and this flow went on.
    pub(super) fn get(&self) -> u64 {
        self.sum.get()
    }

    /// Payload of the flow was seen.
    pub(super) fn saw(&self, bytes: usize) {
        self.budget.saw(bytes);
    }

    fn add(&self, bytes: u64) -> bool {
        let may = self.budget.opened(bytes);
        let sum = match may {
            true => self.sum.get().saturating_add(bytes),
            false => u64::MAX,
        };
        self.sum.set(sum);
        may
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
    pub(super) interval: u32,
    /// What the dissectors know of the payload.
    pub(super) payload: PayloadKind,
    /// It came sealed in this, and was opened.
    pub(super) inside: Option<SealedBy>,
    /// It came out of something compressed.
    pub(super) packed: bool,
    /// Counts what comes out of compressed bodies.
    pub(super) opened: &'o Opened,
    /// Counts the flow's tokens.
    pub(super) tokens: &'o Tokens,
}

impl Out<'_> {
    /// The bytes of a packet were read.
    pub(super) fn read(&mut self, bytes: usize, at: Moment, interval: u32) {
        super::held::add(self.credits, at, interval, bytes as u64);
    }

    /// Something was found, in the packet of `at`.
    pub(super) fn found(&mut self, found: Found, part: TrafficPart, (at, interval): (Moment, u32)) {
        self.hits.add(Hit {
            kind: found.kind,
            text: found.masked,
            plain: (self.policy == Policy::Revealed).then_some(found.plain),
            place: FoundIn::new(part, self.inside),
            side: self.side,
            interval,
            first: at,
            count: 1,
        });
    }

    /// So many bytes came out of something compressed. False if that is more than may be looked at.
    #[must_use]
    pub(super) fn opened(&self, bytes: usize) -> bool {
        let may = self.opened.add(bytes as u64);
        if !may {
            self.beyond();
        }
        may
    }

    /// More came out of something compressed, or would, than is looked at.
    pub(super) fn beyond(&self) {
        let first = self.opened.beyond.get().unwrap_or((self.at, self.interval));
        self.opened.beyond.set(Some(first));
    }

    /// Looking at something took as long as so many bytes more.
    pub(super) fn spent(&self, bytes: usize) {
        self.opened.budget.spent(bytes as u64);
    }

    /// Whether so many bytes may come out of something compressed.
    pub(super) fn may_open(&self, bytes: usize) -> bool {
        self.opened.budget.may_open(bytes as u64)
    }

    /// The same as [`Self::inner`], for what comes out of something compressed.
    pub(super) fn unpacked<'i>(&'i mut self, credits: &'i mut Vec<super::Credit>) -> Out<'i> {
        Out {
            packed: true,
            ..self.inner(credits)
        }
    }

    /// The same places, with accounts of their own for what is inside something else.
    pub(super) fn inner<'i>(&'i mut self, credits: &'i mut Vec<super::Credit>) -> Out<'i> {
        Out {
            hits: self.hits,
            credits,
            policy: self.policy,
            side: self.side,
            at: self.at,
            interval: self.interval,
            payload: self.payload,
            inside: self.inside,
            packed: self.packed,
            opened: self.opened,
            tokens: self.tokens,
        }
    }
}

/// What readers find and read while `work` lends them bytes, for their tests.
#[cfg(test)]
pub(super) fn collected(
    policy: Policy,
    work: impl FnOnce(&mut Out<'_>),
) -> (Hits, Vec<super::Credit>) {
    let (mut hits, mut credits) = (Hits::default(), Vec::new());
    work(&mut Out {
        hits: &mut hits,
        credits: &mut credits,
        policy,
        side: Side::A,
        at: Moment::NONE,
        interval: 0,
        payload: PayloadKind::default(),
        inside: None,
        packed: false,
        opened: &Opened::default(),
        tokens: &Tokens::default(),
    });
    (hits, credits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_that_together_may_hold_a_message_are_too_much() {
        for (length, most) in [(1, 1024), (100, 164)] {
            let tokens = Tokens::default();
            let first = (0..2000).find(|n| tokens.is_too_much(*n, length));
            assert_eq!(first, Some(most), "{length}");
            assert!(!tokens.is_too_much(7, length), "the same again is no more");
        }
    }
}
