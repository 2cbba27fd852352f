//! The flow table: a slab of flows with a compact index, bounded, expired by capture time.
//!
//! Expiry closes a flow that was idle for long: it is complete, nothing is lost. Eviction throws
//! out a flow because the table is full: it may go on, so that is a limit that was reached. Both
//! depend on packet counts and capture time alone, never on wall time or hash order.

use super::Flow;
use crate::evidence::flow::{Key, Span};
use crate::ground::moment::{Moment, Timestamp};
use crate::ground::protocol;
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

/// Packets between two steps of the sweep that looks for idle flows.
const SWEEP_EVERY: u32 = 1024;
/// Slots looked at in one step.
const SWEEP_SLOTS: usize = 512;

/// The flows that are open.
pub struct Table {
    slots: Vec<Option<Box<Flow>>>,
    free: Vec<u32>,
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
    /// What was counted, per epoch and input.
    pub spans: Vec<Span>,
    /// The slot it had.
    pub slot: u32,
    /// Thrown out because the table was full.
    pub evicted: bool,
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
            free: Vec::new(),
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
    pub fn get(&mut self, key: &Key) -> Option<(u32, &mut Flow)> {
        let slot = self.find(key)?;
        self.last = Some((*key, slot));
        let flow = self.slots.get_mut(slot as usize)?.as_deref_mut()?;
        Some((slot, flow))
    }

    /// Opens a flow; the caller made sure that none with this key is open.
    /// Returns its slot, and the flow that had to make room, if any.
    pub fn open(&mut self, key: Key, epoch: u32, at: Moment) -> (u32, Option<Closed>) {
        let evicted = if self.len() >= self.limit {
            self.evict()
        } else {
            None
        };
        let flow = Box::new(Flow::new(key, epoch, at));
        let slot = match self.free.pop() {
            Some(slot) => {
                if let Some(place) = self.slots.get_mut(slot as usize) {
                    *place = Some(flow);
                }
                slot
            }
            None => {
                self.slots.push(Some(flow));
                u32::try_from(self.slots.len() - 1).unwrap_or(u32::MAX)
            }
        };
        let hash = self.hasher.hash_one(key);
        let hasher = self.hasher.clone();
        let slots = std::mem::take(&mut self.slots);
        self.index(&key).insert_unique(hash, slot, |&s| {
            slots
                .get(s as usize)
                .and_then(Option::as_ref)
                .map_or(0, |f| hasher.hash_one(f.key))
        });
        self.slots = slots;
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
    pub fn flow(&mut self, slot: u32) -> Option<&mut Flow> {
        self.slots.get_mut(slot as usize)?.as_deref_mut()
    }

    /// The span that a packet of this flow at `at` belongs to.
    pub fn span(&mut self, slot: u32, epoch: u32, at: Moment) -> Option<&mut Span> {
        let Self {
            slots,
            spans,
            free_spans,
            ..
        } = self;
        let flow = slots.get_mut(slot as usize)?.as_deref_mut()?;
        let matches = |s: &Span| s.epoch == epoch && s.input == at.at.input;
        if matches(&flow.span) {
            return Some(&mut flow.span);
        }
        let mut next = flow.span.next;
        while next != Span::LAST {
            let span = spans.get(next as usize)?;
            if matches(span) {
                return spans.get_mut(next as usize);
            }
            next = span.next;
        }
        let mut fresh = Span::new(epoch, at);
        fresh.next = flow.span.next;
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
        flow.span.next = place;
        spans.get_mut(place as usize)
    }

    /// Takes a flow out.
    pub fn close(&mut self, slot: u32) -> Option<Closed> {
        let flow = self.slots.get_mut(slot as usize)?.take()?;
        self.free.push(slot);
        self.last = None;
        let hash = self.hasher.hash_one(flow.key);
        if let Ok(entry) = self.index(&flow.key).find_entry(hash, |&s| s == slot) {
            entry.remove();
        }
        let mut spans = vec![flow.span];
        let mut next = flow.span.next;
        while next != Span::LAST {
            let Some(span) = self.spans.get(next as usize) else {
                break;
            };
            spans.push(*span);
            self.free_spans.push(next);
            next = span.next;
        }
        spans.sort_by_key(|s| (s.first.at, s.epoch));
        Some(Closed {
            flow,
            spans,
            slot,
            evicted: false,
        })
    }

    /// To be called once per packet: now and then looks at a few slots and closes what is idle.
    pub fn sweep(&mut self, now: Timestamp) -> Vec<Closed> {
        self.ticks += 1;
        if self.ticks < SWEEP_EVERY {
            return Vec::new();
        }
        self.ticks = 0;
        let mut out = Vec::new();
        for _ in 0..SWEEP_SLOTS.min(self.slots.len()) {
            if self.hand >= self.slots.len() {
                self.hand = 0;
            }
            let slot = self.hand;
            self.hand += 1;
            let idle = self
                .slots
                .get(slot)
                .and_then(Option::as_ref)
                .is_some_and(|f| {
                    let limit = match f.key.protocol() {
                        protocol::TCP if f.ended.a && f.ended.b => IDLE_ENDED,
                        protocol::TCP => IDLE_TCP,
                        _ => IDLE_OTHER,
                    };
                    now.since(f.last_seen).is_some_and(|age| age > limit)
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
        for _ in 0..LOOK_AT.min(self.slots.len()) {
            if self.hand >= self.slots.len() {
                self.hand = 0;
            }
            if let Some(Some(flow)) = self.slots.get(self.hand)
                && oldest.is_none_or(|(time, _)| flow.last_seen < time)
            {
                oldest = Some((flow.last_seen, self.hand));
            }
            self.hand += 1;
        }
        let slot = u32::try_from(oldest?.1).ok()?;
        let mut closed = self.close(slot)?;
        closed.evicted = true;
        Some(closed)
    }

    /// Takes out every flow, in the order of slots.
    pub fn drain(&mut self) -> Vec<Closed> {
        let slots = u32::try_from(self.slots.len()).unwrap_or(u32::MAX);
        (0..slots).filter_map(|slot| self.close(slot)).collect()
    }
}
