//! Segments with a wrong checksum whose bytes the other end may yet acknowledge: then they arrived as
//! they were captured, or nearly so, and if no good copy of them was captured, they are believed.

use super::{Context, Tracker};
use crate::evidence::flow::Side;
use crate::evidence::ledger::Ends;
use crate::ground::cause::PacketCause;
use crate::ground::gaps::GapId;
use crate::observe::packet::transport::{Flags, Segment};
use std::collections::BTreeMap;

/// Bytes and segments that wait, over all flows; honest captures have a handful. What is over is
/// not believed, and that is told for each.
const BYTES_MAX: usize = 4 << 20;
const SEGMENTS_MAX: usize = 1 << 14;
/// Segments of a flow that wait: a window of them.
const OF_A_FLOW_MAX: usize = 64;

/// A segment that is not believed yet.
pub(super) struct Doubted {
    ends: Ends,
    sequence: u32,
    acknowledgement: u32,
    flags: Flags,
    payload: Vec<u8>,
    wire_len: usize,
    context: Context,
}

impl Doubted {
    /// The number of its first byte, and how many it has.
    fn range(&self) -> (u32, u32) {
        let syn = u32::from(self.flags.any(Flags::SYN));
        let len = u32::try_from(self.wire_len).unwrap_or(u32::MAX);
        (self.sequence.wrapping_add(syn), len)
    }
}

/// The segments that wait, by slot of their flow.
#[derive(Default)]
pub(super) struct Doubts {
    of: BTreeMap<u32, Vec<Doubted>>,
    bytes: usize,
    segments: usize,
}

impl Tracker {
    /// What a packet with a wrong checksum says is not believed, and that is told.
    pub(super) fn disbelieve(&mut self, context: &Context) {
        self.ledger.gaps.at(
            GapId::UnreadablePackets,
            context.moment,
            context.interval,
            PacketCause::TransportChecksum,
        );
    }

    /// Keeps a segment until its bytes are acknowledged.
    pub(super) fn doubt(
        &mut self,
        slot: u32,
        segment: &Segment<'_>,
        ends: Ends,
        context: &Context,
    ) {
        let doubts = &mut self.doubts;
        let mine = doubts.of.entry(slot).or_default();
        let len = segment.payload.len();
        if len == 0
            || mine.len() >= OF_A_FLOW_MAX
            || doubts.segments >= SEGMENTS_MAX
            || doubts.bytes + len > BYTES_MAX
        {
            self.disbelieve(context);
            return;
        }
        doubts.bytes += len;
        doubts.segments += 1;
        mine.push(Doubted {
            ends,
            sequence: segment.sequence,
            acknowledgement: segment.acknowledgement,
            flags: segment.flags,
            payload: segment.payload.to_vec(),
            wire_len: segment.wire_len,
            context: *context,
        });
        self.settle_doubts(slot, ends.side);
    }

    /// Something was acknowledged to a side: its segments below are believed if no good copy of them
    /// was captured.
    pub(super) fn settle_doubts(&mut self, slot: u32, side: Side) {
        if self.doubts.segments == 0 {
            return;
        }
        let Some(flow) = self.table.flow(slot) else {
            return;
        };
        let half = flow.peer.of(side).clone();
        let Some(mine) = self.doubts.of.get_mut(&slot) else {
            return;
        };
        let known: Vec<Doubted> = mine
            .extract_if(.., |d| {
                let (from, len) = d.range();
                d.ends.side == side && half.has_acknowledged(from.wrapping_add(len))
            })
            .collect();
        for doubted in known {
            self.forget_doubted(&doubted);
            let (from, len) = doubted.range();
            let lacks = self
                .table
                .flow(slot)
                .is_some_and(|flow| flow.peer.of(side).lacks(from, len));
            if lacks {
                self.believe(slot, &doubted);
            } else {
                self.disbelieve(&doubted.context);
            }
        }
    }

    fn believe(&mut self, slot: u32, doubted: &Doubted) {
        let (ends, context) = (doubted.ends, &doubted.context);
        // They arrived, and perhaps not as they were captured: what they say counts, and what they do not say counts for nothing.
        self.ledger.gaps.at(
            GapId::UnreadablePackets,
            context.moment,
            context.interval,
            PacketCause::TransportChecksumArrived,
        );
        if let Some(span) = self.table.span(slot, context.interval, context.moment) {
            span.sent(ends.side).answers += 1;
        }
        let segment = Segment {
            source_port: ends.sender.1,
            destination_port: ends.receiver.1,
            sequence: doubted.sequence,
            acknowledgement: doubted.acknowledgement,
            flags: doubted.flags,
            payload: &doubted.payload,
            wire_len: doubted.wire_len,
        };
        self.tcp(slot, &segment, ends, true, false, context);
    }

    fn forget_doubted(&mut self, doubted: &Doubted) {
        self.doubts.bytes = self.doubts.bytes.saturating_sub(doubted.payload.len());
        self.doubts.segments = self.doubts.segments.saturating_sub(1);
    }

    /// The flow is over: nothing of it is acknowledged any more.
    pub(super) fn end_doubts(&mut self, slot: u32) {
        for doubted in self.doubts.of.remove(&slot).into_iter().flatten() {
            self.forget_doubted(&doubted);
            self.disbelieve(&doubted.context);
        }
    }
}
