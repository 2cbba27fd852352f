//! Segments of TCP: the state of a connection, and which bytes are new.

use super::content::{Layer, note_dissected};
use super::{Context, Tracker, note_carries};
use crate::evidence::flow::Opening;
use crate::evidence::ledger::Ends;
use crate::ground::cause::PacketCause;
use crate::ground::moment::Timestamp;
use crate::observe::flow::sequence::Place;
use crate::observe::packet::transport::{Flags, Segment};

/// The longest that a segment is under way, retransmissions included (RFC 6298 §2 begins at a second): what is acknowledged
/// later was sent while the flow was watched.
const UNDER_WAY_MAX: i64 = 10 * Timestamp::SECOND;

impl Tracker {
    pub(super) fn tcp(
        &mut self,
        slot: u32,
        segment: &Segment<'_>,
        ends: Ends,
        believed: bool,
        fresh: bool,
        context: &Context,
    ) {
        let side = ends.side;
        let Some(flow) = self.table.flow(slot) else {
            return;
        };
        let (syn, ack) = (segment.flags.any(Flags::SYN), segment.flags.any(Flags::ACK));
        let reset = segment.flags.any(Flags::RST);
        if fresh && !syn && !reset {
            flow.joined_late = true;
        }
        if !believed {
            // No evidence of state or content, unless its bytes are acknowledged; that a SYN went out
            // is not in doubt.
            if fresh
                && syn
                && let Some(span) = self.table.span(slot, context.interval, context.moment)
            {
                span.opened = true;
            }
            self.doubt(slot, segment, ends, context);
            return;
        }
        let place = Place {
            moment: context.moment,
            interval: context.interval,
            before: context.interval,
        };
        let mut opened = false;
        if syn {
            opened = !flow.peer.of(side).has_syn();
            flow.peer.of_mut(side).open(segment.sequence, place);
            flow.opened(if ack { side.other() } else { side }, Opening::Syn);
            flow.joined_late &= ack;
        }
        // What a reset acknowledges may be of another connection.
        if ack && !reset {
            let other = flow.peer.of_mut(side.other());
            if syn {
                other.acknowledge_anew(segment.acknowledgement);
            } else {
                let watched = context.moment.time.since(flow.started.time);
                let late = watched.is_some_and(|time| time > UNDER_WAY_MAX);
                other.acknowledge(segment.acknowledgement, place, late);
            }
        }
        if segment.flags.any(Flags::FIN | Flags::RST) {
            *flow.ended.of_mut(side) = true;
            if reset {
                *flow.ended.of_mut(side.other()) = true;
            }
        }
        // Data in a SYN comes behind the SYN's own number (RFC 7413).
        let sequence = segment.sequence.wrapping_add(u32::from(syn));
        let length = u32::try_from(segment.wire_len).unwrap_or(u32::MAX);
        let pushed = segment.flags.any(Flags::PSH);
        let new = if reset && length == 0 {
            0
        } else {
            flow.peer
                .of_mut(side)
                .accept(sequence, length, pushed, place)
        };
        let start = flow.peer.of(side).initial().map(|isn| isn.wrapping_add(1));
        let rest = *flow.rest.of(side);
        let cut = segment.wire_len > segment.payload.len();
        if cut && self.readings.get(slot).is_none_or(|r| r.wants(side)) {
            self.snaplen(context, PacketCause::PayloadWithNameCut);
        }
        if !segment.payload.is_empty() {
            self.listen(slot);
            self.read_with(slot, ends, context, |readings, sink| {
                readings.segment(slot, sequence, start, segment.payload, sink);
            });
        }
        let layer = Layer::Tcp { sequence, start };
        self.look(slot, side, segment.payload, layer, context);
        let found = self
            .table
            .flow_and_span(slot, context.interval, context.moment);
        if let Some((flow, span)) = found {
            let declared = std::mem::take(flow.declared.of_mut(side));
            let spared = std::mem::take(flow.spared.of_mut(side));
            note_dissected(flow, span, side, u64::from(new), context);
            let mut seals = std::mem::take(&mut flow.seals);
            if let Some(reason) = rest {
                seals.sealed.add(reason, u64::from(new));
            }
            span.opened |= opened;
            if !context.again {
                let most = &mut span.sent(side).declared;
                *most = declared.max(*most);
                span.sent(side).bytes += u64::from(new);
                span.sent(side).spared += spared;
                span.counted.seal(&seals);
            }
            if new > 0 {
                note_carries(span, side, *flow.carries.of(side));
            }
            if !flow.inside.is_empty() {
                self.carried(slot, ends.sender.0, context);
            }
        }
        if ack && !reset {
            self.settle_doubts(slot, side.other());
        }
    }
}
