//! One direction of a stream, in order and labelled by its dissector: each part goes to whoever reads such parts.
//!
//! Bytes wait here until it is known what they are: a head until its end is here, an opening until somebody claims it or nobody does. What
//! has no label once it was passed over is looked at as it is.

mod readers;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod told;

use super::held::Held;
use super::hits::Out;
use super::plain;
use super::{readable, scan};
use crate::evidence::content::SealedBy;
use crate::ground::work::looks_at;
use crate::observe::flow::order::{Event, Order};
use crate::observe::flow::part::{Label, Opened, Part, When};
use readers::Readers;
use std::collections::VecDeque;

/// Payload of a direction that is looked at: a flight's telemetry and reports are far below, and a download must not cost the
/// audit its speed. What lies beyond is unread.
pub(super) const DIRECTION_MAX: u64 = 32 << 20;
/// Bytes of a flow within the site that are looked at for a request to a relay; clients ask at once.
const GUARDED_MAX: u64 = 8 << 10;
/// Bodies that are put together at a time; RFC 9113 §6.5.2 recommends to allow a hundred, clients use a few.
const STREAMS_MAX: usize = 128;
/// Labels that wait for their bytes: those of what may lie behind a hole, unless they were made to be many.
const LABELS_MAX: usize = 4096;
/// Of those with what was opened, which takes room.
const OPENED_MAX: usize = 64;

/// What is known of a direction beside its bytes.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Told {
    /// From this number on it is not known yet what the bytes are; nobody will say more if there is none.
    pub(super) undecided: Option<u32>,
    /// Both ends are on the site, and nobody is asked to send anything on.
    pub(super) stays: bool,
    /// Both ends are on the site.
    pub(super) guarded: bool,
}

/// One direction.
#[derive(Default)]
pub(super) struct Direction {
    order: Order,
    framed: Framed,
}

#[derive(Default)]
struct Framed {
    /// In order, and not yet known what it is.
    pending: Held,
    /// Bytes at its start that were looked at: they go together, so that what waits behind them is not moved for each few.
    passed: usize,
    /// Number of the next byte to be looked at.
    at: u32,
    labels: VecDeque<Label>,
    readers: Readers,
    /// What comes out of sealed messages.
    inside: Option<Box<Framed>>,
    seen: u64,
    done: bool,
}

/// What comes next.
enum Turn {
    /// So many bytes that nobody frames.
    Unframed(usize),
    /// Bytes of the first label, from this one of it on, and whether it is over with them.
    Label {
        length: usize,
        from: u64,
        over: bool,
    },
}

/// Bytes that are of one kind: some that waited, and some of the packet at hand behind them.
struct Run<'b> {
    held: &'b Held,
    from: usize,
    to: usize,
    fresh: &'b [u8],
    when: When,
}

impl Run<'_> {
    /// Lends them packet by packet, each as what is at hand.
    fn each(&self, out: &mut Out<'_>, take: &mut dyn FnMut(&[u8], &mut Out<'_>)) {
        self.held.each(self.from, self.to, out, take);
        if !self.fresh.is_empty() {
            (out.at, out.interval) = self.when;
            take(self.fresh, out);
        }
    }
}

impl Direction {
    /// One that nobody looks into.
    pub(super) fn unheard() -> Self {
        let mut this = Self::default();
        this.framed.done = true;
        this
    }

    /// Nothing more of it is looked into.
    pub(super) fn is_done(&self) -> bool {
        self.framed.done
    }

    /// Bytes that were looked at.
    pub(super) fn seen(&mut self) -> &mut u64 {
        &mut self.framed.seen
    }

    /// Nothing more is looked into, and nothing waits.
    pub(super) fn give_up(&mut self) {
        *self = Self::unheard();
    }

    /// Memory held.
    pub(super) fn size(&self) -> usize {
        self.order.size().saturating_add(self.framed.size())
    }

    /// Takes what the dissector said.
    pub(super) fn label(&mut self, labels: Vec<Label>) {
        for label in labels {
            self.framed.label(label);
        }
    }

    /// Takes a segment.
    pub(super) fn segment(
        &mut self,
        sequence: u32,
        begin: Option<u32>,
        bytes: &[u8],
        told: Told,
        out: &mut Out<'_>,
    ) {
        let when = (out.at, out.interval);
        let Self { order, framed } = self;
        order.push(sequence, begin, bytes, when, &mut |event| {
            framed.event(event, told, out);
        });
        // Some of what waits may be known by now.
        framed.lend(&[], when, told, false, out);
    }

    /// What waits is looked at as it is.
    pub(super) fn flush(&mut self, told: Told, out: &mut Out<'_>) {
        let Self { order, framed } = self;
        order.end(&mut |event| framed.event(event, told, out));
        framed.event(Event::Hole, told, out);
    }

    /// Nothing more is looked into; what waits is looked at as it is.
    pub(super) fn stop(&mut self, told: Told, out: &mut Out<'_>) {
        self.framed.event(Event::Hole, told, out);
        self.give_up();
    }
}

/// How far `a` lies behind `b`, modulo 2^32.
fn distance(a: u32, b: u32) -> i64 {
    i64::from(a.wrapping_sub(b).cast_signed())
}

impl Framed {
    fn size(&self) -> usize {
        let labels = self.labels.len().saturating_mul(size_of::<Label>());
        let inside = self.inside.as_ref().map_or(0, |inside| inside.size());
        [self.pending.bytes.capacity(), self.readers.size(), inside]
            .into_iter()
            .fold(labels, usize::saturating_add)
    }

    fn label(&mut self, label: Label) {
        let most = match label.part {
            Part::Opened(_) => OPENED_MAX,
            _ => LABELS_MAX,
        };
        // What is labelled anew was read anew.
        while self.labels.back().is_some_and(|last| {
            let before = distance(label.from, last.from);
            before < 0 || (before == 0 && last.length > 0)
        }) {
            self.labels.pop_back();
        }
        if let Some(last) = self.labels.back_mut()
            && last.part == Part::Marks
            && label.part == Part::Marks
            && distance(label.from, last.from) == i64::try_from(last.length).unwrap_or(i64::MAX)
        {
            last.length = last.length.saturating_add(label.length);
        } else if self.labels.len() < most {
            self.labels.push_back(label);
        }
    }

    fn event(&mut self, event: Event<'_>, told: Told, out: &mut Out<'_>) {
        if self.done {
            return;
        }
        match event {
            Event::Bytes(number, bytes, when) => {
                if self.pending.bytes.is_empty() {
                    self.at = number;
                }
                self.lend(bytes, when, told, false, out);
            }
            Event::Hole => {
                self.lend(&[], (out.at, out.interval), told, true, out);
                self.end(told, out);
                self.readers.torn = true;
            }
            Event::Rival(bytes, when) => {
                if !told.guarded {
                    rival(bytes, when, out);
                }
            }
        }
    }

    /// Lends what waits, and `fresh` bytes behind it, as far as it is known what they are; at the last all of them.
    fn lend(&mut self, fresh: &[u8], when: When, told: Told, last: bool, out: &mut Out<'_>) {
        let mut held = std::mem::take(&mut self.pending);
        let (mut used, mut fresh) = (std::mem::take(&mut self.passed), fresh);
        let (at, interval) = (out.at, out.interval);
        while !self.done {
            let waits = held.bytes.len().saturating_sub(used);
            let here = waits.saturating_add(fresh.len());
            let Some(turn) = self.turn(here, told.undecided, last) else {
                break;
            };
            let (Turn::Unframed(length) | Turn::Label { length, .. }) = turn;
            self.seen = self.seen.saturating_add(length as u64);
            looks_at(length);
            out.opened.saw(length);
            // Only differences modulo 2^32 are used.
            self.at = self.at.wrapping_add(length as u32);
            let old = length.min(waits);
            let (new, rest) = fresh
                .split_at_checked(length.saturating_sub(old))
                .unwrap_or((fresh, &[]));
            let run = Run {
                held: &held,
                from: used,
                to: used.saturating_add(old),
                fresh: new,
                when,
            };
            self.take(turn, &run, told, out);
            (out.at, out.interval) = (at, interval);
            used = used.saturating_add(old);
            fresh = rest;
            if self.seen.saturating_add(out.opened.get()) > DIRECTION_MAX {
                self.give_up(told, out);
            }
        }
        if !self.done {
            if used >= held.bytes.len() / 2 {
                held.forget(used);
                used = 0;
            }
            if !fresh.is_empty() {
                held.push(fresh, when.0, when.1);
            }
            (self.pending, self.passed) = (held, used);
        }
        // Most of many flows say one thing, and are open for long.
        if self.labels.is_empty() {
            self.labels = VecDeque::new();
        }
    }

    /// What comes next of bytes of which so many are here.
    fn turn(&mut self, here: usize, undecided: Option<u32>, last: bool) -> Option<Turn> {
        let within = |most: i64| usize::try_from(most).map_or(0, |most| most.min(here));
        let unframed = |length: usize| (length > 0).then_some(Turn::Unframed(length));
        loop {
            let Some(label) = self.labels.front() else {
                let known = undecided
                    .filter(|_| !last)
                    .map(|from| distance(from, self.at));
                return unframed(known.map_or(here, within));
            };
            let into = distance(self.at, label.from);
            let Ok(from) = u64::try_from(into) else {
                return unframed(within(into.saturating_neg()));
            };
            let left = label.length.saturating_sub(from);
            if label.length > 0 && left == 0 {
                // Read already, or lost.
                self.labels.pop_front();
                continue;
            }
            let there = usize::try_from(left).unwrap_or(usize::MAX);
            let waits = label.part.is_whole() && here < there && !last;
            if waits || (here == 0 && there > 0) {
                return None;
            }
            let length = here.min(there);
            return Some(Turn::Label {
                length,
                from,
                over: length as u64 == left,
            });
        }
    }

    fn take(&mut self, turn: Turn, run: &Run<'_>, told: Told, out: &mut Out<'_>) {
        let (from, over) = match turn {
            Turn::Unframed(_) if told.stays => {
                if self.seen > GUARDED_MAX {
                    self.give_up(told, out);
                }
                return;
            }
            Turn::Unframed(_) => {
                let readers = &mut self.readers;
                readers.end_framed(out);
                let plain = readers.plain.get_or_insert_default();
                run.each(out, &mut |bytes, out| plain.read(bytes, out));
                return;
            }
            Turn::Label { from, over, .. } => (from, over),
        };
        let Some(label) = self.labels.front() else {
            return;
        };
        if label.part == Part::Sealed {
            self.give_up(told, out);
            return;
        }
        if over && matches!(label.part, Part::Opened(_)) {
            if let Some(Part::Opened(opened)) = self.labels.pop_front().map(|label| label.part)
                && from == 0
            {
                self.readers.end_plain(out);
                self.opened(*opened, run, told, out);
            }
            return;
        }
        let readers = &mut self.readers;
        readers.end_plain(out);
        if label.part.is_whole() {
            let mut whole = Held::default();
            run.each(out, &mut |bytes, out| {
                whole.push(bytes, out.at, out.interval)
            });
            (out.at, out.interval) = whole.moment(whole.bytes.len());
            readers.whole(&label.part, &whole, from == 0 && over, out);
        } else {
            let mut at = from;
            if from == 0 {
                readers.begin(&label.part);
            }
            run.each(out, &mut |bytes, out| {
                readers.piece(&label.part, at, bytes, out);
                at = at.saturating_add(bytes.len() as u64);
            });
        }
        if over {
            readers.over(&label.part, out);
            self.labels.pop_front();
        }
    }

    /// Takes what came out of a sealed message. Each byte belongs to the packet that brought it sealed, and what stands around is read with it.
    fn opened(&mut self, opened: Opened, run: &Run<'_>, told: Told, out: &mut Out<'_>) {
        let inside = self.inside.get_or_insert_default();
        let told = Told {
            undecided: opened.undecided,
            ..told
        };
        let around = out.inside.replace(SealedBy::Tls);
        if opened.torn {
            inside.event(Event::Hole, told, out);
            inside.labels.clear();
        }
        opened
            .labels
            .into_iter()
            .for_each(|label| inside.label(label));
        let (mut front, mut at) = (opened.front, 0usize);
        run.each(out, &mut |piece, out| {
            let before = front.min(piece.len());
            front = front.saturating_sub(before);
            let sealed = piece.len().saturating_sub(before);
            let rest = opened.bytes.get(at..).unwrap_or_default();
            let clear = rest.get(..sealed).unwrap_or(rest);
            let when = (out.at, out.interval);
            out.read(piece.len().saturating_sub(clear.len()), when.0, when.1);
            if !clear.is_empty() {
                // Only differences modulo 2^32 are used.
                let number = opened.number.wrapping_add(at as u32);
                inside.event(Event::Bytes(number, clear, when), told, out);
            }
            at = at.saturating_add(clear.len());
        });
        // Some of what waits may be known by now.
        inside.lend(&[], (out.at, out.interval), told, false, out);
        out.inside = around;
    }

    /// Nothing follows of what is at hand.
    fn end(&mut self, told: Told, out: &mut Out<'_>) {
        if let Some(inside) = &mut self.inside {
            let around = out.inside.replace(SealedBy::Tls);
            inside.event(Event::Hole, told, out);
            out.inside = around;
        }
        self.readers.end(out);
    }

    fn give_up(&mut self, told: Told, out: &mut Out<'_>) {
        self.end(told, out);
        *self = Self {
            done: true,
            seen: self.seen,
            ..Self::default()
        };
    }
}

/// Another copy of bytes that were read is looked at by itself; only what is new in it counts, and nothing at its ends, where it may
/// be cut.
fn rival(bytes: &[u8], moment: When, out: &mut Out<'_>) {
    let grains = readable::text_grains(bytes, 0);
    let sure = readable::nearly_all(&grains, bytes.len());
    for found in scan::scan_for(bytes, sure, out).found {
        let whole = found.at > 0 && found.end < bytes.len();
        let known = out
            .hits
            .iter()
            .any(|hit| hit.kind == found.kind && hit.side == out.side && hit.text == found.masked);
        if whole && !known {
            out.found(found, plain::PLACE, moment);
        }
    }
}
