//! The flow table: a slab of flows with a compact index, bounded, expired by capture time.
//!
//! Expiry closes a flow that was idle for long: it is complete, nothing is lost. Eviction throws
//! out a flow because the table is full: it may go on, so that is a limit that was reached. Both
//! depend on packet counts and capture time alone, never on wall time or hash order.

use super::Flow;
use crate::evidence::flow::{Key, Span};
use crate::ground::moment::{Moment, Timestamp};
use crate::ground::protocol;
use crate::ground::work::looks_at;
use foldhash::fast::RandomState;
use hashbrown::HashTable;
use std::hash::BuildHasher;

/// Flows open at a time: with a dissector at work on each, this bounds the table to some 60 MB.
pub const FLOWS_MAX: usize = 1 << 15;

/// Idle time after which a flow is complete: keep-alives of TCP stacks run at two hours, but an
/// application that is silent this long has to prove itself anew anyway.
const IDLE_TCP: i64 = 3600 * Timestamp::SECOND;
/// The same for protocols without connections (NAT boxes forget UDP after minutes).
const IDLE_OTHER: i64 = 300 * Timestamp::SECOND;
/// The same for TCP connections that both sides ended.
const IDLE_ENDED: i64 = 60 * Timestamp::SECOND;
/// The shortest of them.
const IDLE_SHORTEST: i64 = IDLE_ENDED;

/// Packets between two steps of the sweep that looks for idle flows.
const SWEEP_EVERY: u32 = 1024;
/// Slots looked at in one step.
const SWEEP_SLOTS: usize = 512;

/// Boxes of closed flows kept for those that are opened next; in a flood one is closed for each that opens.
const SPARE: usize = 64;

/// The flows that are open.
pub struct Table {
    slots: Vec<Option<Box<Flow>>>,
    /// When a packet of each was seen last, the latest if the clock steps back. Apart from the flows, for those who look for the
    /// idle ones.
    seen: Vec<Timestamp>,
    /// What was counted of each in the interval and input that it began in.
    first: Vec<Span>,
    free: Vec<u32>,
    #[expect(clippy::vec_box, reason = "the boxes are what is kept")]
    spare: Vec<Box<Flow>>,
    index4: HashTable<u32>,
    index6: HashTable<u32>,
    hasher: RandomState,
    spans: Vec<Span>,
    free_spans: Vec<u32>,
    hand: usize,
    ticks: u32,
    last: Option<(Key, u32)>,
    limit: usize,
}

/// A flow that left the table, with its spans in the order of time.
pub struct Closed {
    /// The flow.
    pub flow: Box<Flow>,
    /// What was counted, per interval and input.
    pub spans: Spans,
    /// The slot it had.
    pub slot: u32,
    /// Thrown out because the table was full.
    pub evicted: bool,
}

/// The spans of a flow; of most flows there is one.
pub struct Spans {
    first: Span,
    rest: Vec<Span>,
}

impl Spans {
    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Span> {
        std::iter::once(&self.first).chain(&self.rest)
    }

    /// All of them, to change them.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Span> {
        std::iter::once(&mut self.first).chain(&mut self.rest)
    }

    fn sort(&mut self) {
        if self.rest.is_empty() {
            return;
        }
        self.rest.push(self.first);
        self.rest.sort_by_key(|s| (s.counted.first.at, s.interval));
        self.first = self.rest.remove(0);
    }
}

impl Default for Table {
    fn default() -> Self {
        Self::with_limit(FLOWS_MAX)
    }
}

impl Table {
    /// A table that holds at most `limit` flows.
    pub fn with_limit(limit: usize) -> Self {
        Self {
            slots: Vec::new(),
            seen: Vec::new(),
            first: Vec::new(),
            free: Vec::new(),
            spare: Vec::new(),
            index4: HashTable::new(),
            index6: HashTable::new(),
            hasher: RandomState::default(),
            spans: Vec::new(),
            free_spans: Vec::new(),
            hand: 0,
            ticks: 0,
            last: None,
            limit: limit.max(1),
        }
    }

    fn index(&mut self, key: &Key) -> &mut HashTable<u32> {
        if key.is_v6() {
            &mut self.index6
        } else {
            &mut self.index4
        }
    }

    #[inline]
    fn find(&self, key: &Key) -> Option<u32> {
        if let Some((last, slot)) = self.last
            && last == *key
        {
            return Some(slot);
        }
        let hash = self.hasher.hash_one(key);
        let index = if key.is_v6() {
            &self.index6
        } else {
            &self.index4
        };
        let slots = &self.slots;
        index
            .find(hash, |&slot| {
                slots
                    .get(slot as usize)
                    .and_then(Option::as_ref)
                    .is_some_and(|f| f.key == *key)
            })
            .copied()
    }

    /// The open flow with this key.
    #[inline]
    pub fn get(&mut self, key: &Key) -> Option<(u32, &mut Flow)> {
        let slot = self.find(key)?;
        self.last = Some((*key, slot));
        let flow = self.slots.get_mut(slot as usize)?.as_deref_mut()?;
        Some((slot, flow))
    }

    /// Opens a flow; the caller made sure that none with this key is open.
    /// Returns its slot, and the flow that had to make room, if any.
    pub fn open(&mut self, key: Key, interval: u32, at: Moment) -> (u32, Option<Closed>) {
        let evicted = if self.len() >= self.limit {
            self.evict()
        } else {
            None
        };
        let flow = match self.spare.pop() {
            Some(mut flow) => {
                *flow = Flow::new(key, at);
                flow
            }
            None => Box::new(Flow::new(key, at)),
        };
        let span = Span::new(interval, at);
        let slot = match self.free.pop() {
            Some(slot) => {
                let index = slot as usize;
                if let (Some(place), Some(seen), Some(first)) = (
                    self.slots.get_mut(index),
                    self.seen.get_mut(index),
                    self.first.get_mut(index),
                ) {
                    (*place, *seen, *first) = (Some(flow), at.time, span);
                }
                slot
            }
            None => {
                self.slots.push(Some(flow));
                self.seen.push(at.time);
                self.first.push(span);
                u32::try_from(self.slots.len() - 1).unwrap_or(u32::MAX)
            }
        };
        let Self {
            slots,
            index4,
            index6,
            hasher,
            ..
        } = self;
        let index = if key.is_v6() { index6 } else { index4 };
        index.insert_unique(hasher.hash_one(key), slot, |&s| {
            slots
                .get(s as usize)
                .and_then(Option::as_ref)
                .map_or(0, |f| hasher.hash_one(f.key))
        });
        self.last = Some((key, slot));
        (slot, evicted)
    }

    /// Flows that are open.
    pub fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// True when no flow is open.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The flows that are open, in the order of slots.
    pub fn flows_mut(&mut self) -> impl Iterator<Item = &mut Flow> {
        self.slots.iter_mut().filter_map(Option::as_deref_mut)
    }

    /// The flow in a slot.
    #[inline]
    pub fn flow(&mut self, slot: u32) -> Option<&mut Flow> {
        self.slots.get_mut(slot as usize)?.as_deref_mut()
    }

    /// A packet of the flow was seen.
    #[inline]
    pub fn saw(&mut self, slot: u32, at: Timestamp) {
        if let Some(seen) = self.seen.get_mut(slot as usize) {
            *seen = at.max(*seen);
        }
    }

    /// When a packet of the flow was seen last.
    pub fn last_seen(&self, slot: u32) -> Timestamp {
        let seen = self.seen.get(slot as usize);
        seen.copied().unwrap_or(Timestamp::UNKNOWN)
    }

    /// The span that a packet of this flow at `at` belongs to.
    #[inline]
    pub fn span(&mut self, slot: u32, interval: u32, at: Moment) -> Option<&mut Span> {
        self.flow_and_span(slot, interval, at).map(|(_, span)| span)
    }

    /// The flow in a slot, and the span that a packet of it at `at` belongs to.
    #[inline]
    pub fn flow_and_span(
        &mut self,
        slot: u32,
        interval: u32,
        at: Moment,
    ) -> Option<(&mut Flow, &mut Span)> {
        let Self {
            slots,
            first,
            spans,
            free_spans,
            ..
        } = self;
        let flow = slots.get_mut(slot as usize)?.as_deref_mut()?;
        let first = first.get_mut(slot as usize)?;
        let matches = |s: &Span| s.interval == interval && s.input == at.at.input;
        if matches(first) {
            return Some((flow, first));
        }
        let mut next = first.next;
        while next != Span::LAST {
            let span = spans.get(next as usize)?;
            if matches(span) {
                return spans.get_mut(next as usize).map(|span| (flow, span));
            }
            next = span.next;
        }
        let mut fresh = Span::new(interval, at);
        fresh.next = first.next;
        let place = match free_spans.pop() {
            Some(place) => {
                *spans.get_mut(place as usize)? = fresh;
                place
            }
            None => {
                spans.push(fresh);
                u32::try_from(spans.len() - 1).ok()?
            }
        };
        first.next = place;
        spans.get_mut(place as usize).map(|span| (flow, span))
    }

    /// Takes a flow out.
    pub fn close(&mut self, slot: u32) -> Option<Closed> {
        let flow = self.slots.get_mut(slot as usize)?.take()?;
        self.free.push(slot);
        self.last = self.last.filter(|(_, last)| *last != slot);
        let hash = self.hasher.hash_one(flow.key);
        if let Ok(entry) = self.index(&flow.key).find_entry(hash, |&s| s == slot) {
            entry.remove();
        }
        let first = *self.first.get(slot as usize)?;
        let mut spans = Spans {
            first,
            rest: Vec::new(),
        };
        let mut next = first.next;
        while next != Span::LAST {
            let Some(span) = self.spans.get(next as usize) else {
                break;
            };
            spans.rest.push(*span);
            self.free_spans.push(next);
            next = span.next;
        }
        spans.sort();
        Some(Closed {
            flow,
            spans,
            slot,
            evicted: false,
        })
    }

    /// A flow that was closed is done with: the next one may have its box.
    pub fn recycle(&mut self, closed: Closed) {
        if self.spare.len() < SPARE {
            self.spare.push(closed.flow);
        }
    }

    /// To be called once per packet: true when a sweep is due.
    #[inline]
    pub fn is_due(&mut self) -> bool {
        self.ticks += 1;
        if self.ticks < SWEEP_EVERY {
            return false;
        }
        self.ticks = 0;
        true
    }

    /// Looks at a few slots and closes what is idle.
    pub fn sweep(&mut self, now: Timestamp) -> Vec<Closed> {
        let mut out = Vec::new();
        looks_at(SWEEP_SLOTS);
        for _ in 0..SWEEP_SLOTS.min(self.slots.len()) {
            if self.hand >= self.slots.len() {
                self.hand = 0;
            }
            let slot = self.hand;
            self.hand += 1;
            let age = |seen: &Timestamp| now.since(*seen).unwrap_or(0);
            let age = self.seen.get(slot).map_or(0, age);
            // Of most nothing else is asked.
            let idle = age > IDLE_SHORTEST
                && self
                    .slots
                    .get(slot)
                    .and_then(Option::as_ref)
                    .is_some_and(|f| {
                        let limit = match f.key.protocol() {
                            protocol::TCP if f.ended.a && f.ended.b => IDLE_ENDED,
                            protocol::TCP => IDLE_TCP,
                            _ => IDLE_OTHER,
                        };
                        age > limit
                    });
            if idle {
                out.extend(u32::try_from(slot).ok().and_then(|s| self.close(s)));
            }
        }
        out
    }

    /// Throws out the flow that was seen longest ago among the next slots of the clock hand.
    fn evict(&mut self) -> Option<Closed> {
        const LOOK_AT: usize = 8;
        let mut oldest: Option<(Timestamp, usize)> = None;
        looks_at(LOOK_AT);
        for _ in 0..LOOK_AT.min(self.slots.len()) {
            if self.hand >= self.slots.len() {
                self.hand = 0;
            }
            if let (Some(Some(_)), Some(seen)) =
                (self.slots.get(self.hand), self.seen.get(self.hand))
                && oldest.is_none_or(|(time, _)| *seen < time)
            {
                oldest = Some((*seen, self.hand));
            }
            self.hand += 1;
        }
        let slot = u32::try_from(oldest?.1).ok()?;
        let mut closed = self.close(slot)?;
        closed.evicted = true;
        Some(closed)
    }

    /// Takes out the flow of the lowest slot from `from` on.
    pub fn next_from(&mut self, from: u32) -> Option<Closed> {
        let rest = self.slots.get(from as usize..)?;
        let ahead = u32::try_from(rest.iter().position(Option::is_some)?).ok()?;
        self.close(from.checked_add(ahead)?)
    }
}
