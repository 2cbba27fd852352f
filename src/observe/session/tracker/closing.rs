//! The end of flows, and of the series.

use super::super::duplicates::Port;
use super::super::senders::Senders;
use super::{Context, Tracker, content};
use crate::evidence::bins::Bins;
use crate::evidence::flow::{Pair, Side, Span};
use crate::evidence::ledger::Ends;
use crate::evidence::{Series, UnflowedOverTime};
use crate::ground::cause::SessionCause;
use crate::ground::gaps::GapId;
use crate::ground::moment::Moment;
use crate::observe::dissect::Sink;
use crate::observe::dissect::reading::Reading;
use crate::observe::flow::Carries;
use crate::observe::flow::table::Closed;

impl Tracker {
    /// A flow left the table: its reading ends, and it becomes part of a row.
    pub(super) fn closed(&mut self, mut closed: Closed) {
        self.ended(&mut closed);
        self.table.recycle(closed);
    }

    fn ended(&mut self, closed: &mut Closed) {
        self.end_doubts(closed.slot);
        let last = closed
            .spans
            .iter()
            .max_by_key(|s| s.counted.last)
            .map(|s| (s.interval, s.counted.last));
        let Some((interval, at)) = last else { return };
        let waiting = self
            .readings
            .get(closed.slot)
            .is_some_and(Reading::is_waiting);
        if closed.evicted {
            let cause = if waiting {
                SessionCause::FlowsOverOneRead
            } else {
                SessionCause::FlowsOver
            };
            self.ledger.gaps.over(at, interval, cause);
        }
        self.limited.flow(closed);
        note_lost(closed);
        let ledger = &mut self.ledger;
        let flow = &mut closed.flow;
        self.readings.end(closed.slot, |side, read| {
            let end = |s: Side| (flow.key.ip(s), flow.key.port(s));
            let ends = Ends {
                side,
                sender: end(side),
                receiver: end(side.other()),
            };
            let app = flow.apps.last().copied();
            read(&mut Sink::new(flow, ledger, (at, interval), ends, app));
        });
        note_seals(closed);
        // What was found at the very end is not read any more: somebody's packets all the same.
        if let Some(first) = closed.flow.inside.take().first() {
            closed.flow.facts.tunnel.get_or_insert(first.name);
        }
        let mut content = self.content.take(closed.slot);
        content::end(&mut content, closed, interval, at);
        for side in Side::BOTH {
            // Nobody said that it was a handshake.
            let undecided = *closed.flow.carries.of(side) == Carries::Undecided;
            if undecided || closed.flow.facts.protocol.is_none() {
                for span in closed.spans.iter_mut() {
                    span.sent(side).application |= *span.pending.of(side);
                }
            }
        }
        if closed.flow.joined_late {
            let began = self.intervals.of(closed.flow.started.time);
            self.ledger.gaps.at(
                GapId::StartedLate,
                closed.flow.started,
                began,
                SessionCause::OpenAtFirstPacket,
            );
        }
        for side in Side::BOTH {
            // More than a FIN was acknowledged, and not one packet of it was captured.
            let silent = closed
                .spans
                .iter()
                .all(|s| s.counted.sent.of(side).packets == 0);
            let acknowledged = closed.flow.peer.of(side).acknowledged();
            if silent && acknowledged > 1 {
                // In which intervals, nobody can say.
                for span in closed.spans.iter_mut() {
                    span.sent(side).unseen = acknowledged.into();
                }
                self.ledger.gaps.at(
                    GapId::OneDirection,
                    at,
                    interval,
                    SessionCause::OtherDirectionMissing,
                );
            }
        }
        if closed.flow.peer.a.forgot || closed.flow.peer.b.forgot {
            self.ledger.gaps.over(at, interval, SessionCause::HolesOver);
        }
        if closed.flow.facts.names_folded {
            self.ledger
                .gaps
                .over(at, interval, SessionCause::NamesOfConnectionOver);
        }
        if let Some((at, interval)) = content.beyond() {
            self.ledger
                .gaps
                .over(at, interval, SessionCause::CompressedPayloadOver);
        }
        let (folded, names) = (self.rows.folded, self.rows.names_folded);
        // The slot of the flow's last packet may be a new one of the row.
        self.scale.keep(1);
        let hits = content.hits();
        self.rows
            .add(closed, hits, &self.ledger, &*self.settings.accuses);
        if self.rows.names_folded > names {
            self.ledger
                .gaps
                .over(at, interval, SessionCause::NamesOfDestinationOver);
        }
        if self.rows.folded > folded {
            self.ledger
                .gaps
                .over(at, interval, SessionCause::ConversationsOver);
        }
    }

    /// Makes room for more slots of time.
    pub(super) fn settle(&mut self) {
        let Self {
            scale,
            table,
            rows,
            unflowed_over_time: UnflowedOverTime { not_ip, unreadable },
            ..
        } = self;
        scale.settle(|shift| {
            let flows = table.flows_mut().map(|flow| &mut flow.bins);
            let rest = [&mut *not_ip, &mut *unreadable];
            let mut kept = 0;
            for bins in flows.chain(rows.bins_mut()).chain(rest) {
                bins.coarsen(shift);
                kept += bins.kept();
            }
            kept
        });
    }

    /// Closes everything.
    pub(in crate::observe::session) fn finish(mut self, inputs: Vec<u32>) -> (Series, Senders) {
        let context = Context {
            moment: self.clock.last().unwrap_or(Moment::NONE),
            interval: 0,
            source: None,
            target: None,
            direction: None,
            behind: None,
            depth: 0,
            on_link: false,
            in_pieces: false,
            accounted: true,
            app: None,
            port: Port::default(),
            radio: None,
            again: false,
            rival: false,
        };
        for joined in self.fragments.finish() {
            self.joined(&joined, &context);
        }
        let mut slot = 0;
        while let Some(closed) = self.table.next_from(slot) {
            slot = closed.slot;
            self.closed(closed);
        }
        if let Some((each, flows, first)) = self.limited.finish() {
            let interval = self.intervals.of(first.time);
            let cause = SessionCause::PacketsOfFlowLimited { flows, each };
            self.ledger
                .gaps
                .at(GapId::PayloadLimited, first, interval, cause);
        }
        self.told();
        for cause in std::mem::take(&mut self.ledger.folded) {
            let input = inputs.first().copied().unwrap_or(0);
            self.ledger
                .gaps
                .whole(GapId::LimitsReached, input, 1, None, cause);
        }
        if let Some(at) = self.clock.over() {
            let cause = SessionCause::TimeGapsOver;
            self.ledger
                .gaps
                .whole(GapId::LimitsReached, at.at.input, 1, Some(at), cause);
        }
        let (extents, time_gaps) = self.clock.finish();
        // Slots of one length, so that what is put together stays as small.
        let shift = self.scale.shift();
        self.rows
            .bins_mut()
            .for_each(|bins: &mut Bins| bins.coarsen(shift));
        let series = Series {
            inputs,
            folded: self.rows.folded,
            link: 0,
            rows: self.rows.into_sorted(),
            ledger: self.ledger,
            unflowed: self.unflowed,
            unflowed_over_time: self.unflowed_over_time,
            extents,
            time_gaps,
        };
        (series, self.senders)
    }
}

/// Counts what ended sealed, where the last packet is, and never more than was sent: what was read twice counts once.
fn note_seals(closed: &mut Closed) {
    let seals = std::mem::take(&mut closed.flow.seals);
    if let Some(span) = closed.spans.iter_mut().max_by_key(|s| s.counted.last) {
        span.counted.seal(&seals);
        for side in Side::BOTH {
            let lost = &mut span.sent(side).lost;
            *lost = lost.saturating_add(*closed.flow.missing.of(side));
        }
    }
    let sum = |of: &dyn Fn(&Span) -> u64| {
        let spans = closed.spans.iter().map(of);
        spans.fold(0u64, u64::saturating_add)
    };
    let mut left = Pair {
        a: sum(&|span| span.counted.sent.a.bytes),
        b: sum(&|span| span.counted.sent.b.bytes),
    };
    for span in closed.spans.iter_mut() {
        for side in Side::BOTH {
            let (left, opened) = (left.of_mut(side), &mut span.sent(side).opened);
            *opened = (*opened).min(*left);
            *left = left.saturating_sub(*opened);
        }
    }
    let all = closed.spans.iter();
    let sealed = all.flat_map(|s| s.counted.sealed.iter()).next().is_some();
    let (flow, facts) = (&closed.flow, &closed.flow.facts);
    let only = flow.within.lookups && !flow.within.others && !facts.more_than_lookups;
    if only && flow.opens && !sealed && flow.missing == Pair::default() {
        // Every byte was read, and there were lookups alone in it.
        closed.flow.facts.only_lookups = true;
        closed.flow.facts.hidden = None;
    }
    let mut left = left.a.saturating_add(left.b);
    for span in closed.spans.iter_mut() {
        for (reason, bytes) in std::mem::take(&mut span.counted.sealed).iter() {
            span.counted.sealed.add(reason, bytes.min(left));
            left = left.saturating_sub(bytes);
        }
    }
}

/// Counts what was acknowledged and is in no packet, in the interval where that showed and in that of the packet before: it was lost between
/// the two.
fn note_lost(closed: &mut Closed) {
    for side in Side::BOTH {
        let half = closed.flow.peer.of(side);
        if !half.may_have_lost() {
            continue;
        }
        for (at, bytes) in half.lost() {
            for span in closed.spans.iter_mut() {
                if span.interval == at.interval || span.interval == at.before {
                    let lost = &mut span.sent(side).lost;
                    *lost = lost.saturating_add(bytes);
                }
            }
        }
    }
}
