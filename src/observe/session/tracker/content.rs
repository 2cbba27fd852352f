//! Payload on its way to the readers of personal data, and the account of what they read.

use super::{Context, Tracker};
use crate::evidence::flow::{Side, Span};
use crate::ground::moment::Moment;
use crate::observe::content::{Credit, Payload, Slot, is_dissected};
use crate::observe::flow::table::Closed;
use crate::observe::flow::{Carries, Flow};

/// Where a payload comes from.
#[derive(Debug, Clone, Copy)]
pub(super) enum Layer {
    /// A segment: the number of its first byte, and of the direction's first byte if its SYN was seen.
    Tcp { sequence: u32, start: Option<u32> },
    /// A datagram.
    Udp,
    /// A message that is no error.
    Icmp,
}

impl Tracker {
    /// Looks into a payload, unless it cannot have left the site.
    pub(super) fn look(
        &mut self,
        slot: u32,
        side: Side,
        bytes: &[u8],
        layer: Layer,
        context: &Context,
    ) {
        if bytes.is_empty() || context.again {
            return;
        }
        self.listen(slot);
        let Some(flow) = self.table.flow(slot) else {
            return;
        };
        if matches!(flow.personal, Slot::Off) {
            return;
        }
        let framed = self.readings.get(slot).is_some_and(|r| r.frames(side));
        if framed && matches!(layer, Layer::Tcp { .. }) {
            // Its dissector lends it.
            return;
        }
        let mut personal = std::mem::take(&mut flow.personal);
        let mut credits = Vec::new();
        if let Slot::On(watch) = &mut personal {
            let payload = Payload {
                bytes,
                side,
                at: context.moment,
                interval: context.interval,
            };
            match layer {
                Layer::Tcp { sequence, start } => {
                    watch.segment(payload, sequence, start, flow, &mut credits);
                }
                Layer::Udp => watch.datagram(payload, "udp payload", flow, &mut credits),
                Layer::Icmp => watch.icmp(payload, flow, &mut credits),
            }
        }
        flow.personal = personal;
        self.credit(slot, side, credits, context);
    }

    /// Makes ready to look into the payload of a flow.
    pub(super) fn listen(&mut self, slot: u32) {
        if let Some(flow) = self.table.flow(slot)
            && matches!(flow.personal, Slot::Unasked)
        {
            flow.personal = Slot::new(&flow.key, self.settings.content, &self.ledger.content);
        }
    }

    /// Counts what was read while a dissector lent it.
    pub(super) fn lent(&mut self, slot: u32, side: Side, context: &Context) {
        let Some(flow) = self.table.flow(slot) else {
            return;
        };
        if !flow.credits.of(side).is_empty() {
            let credits = std::mem::take(flow.credits.of_mut(side));
            self.credit(slot, side, credits, context);
        }
    }

    fn credit(&mut self, slot: u32, side: Side, credits: Vec<Credit>, context: &Context) {
        if context.rival {
            return;
        }
        for Credit {
            at,
            interval,
            bytes,
        } in credits
        {
            if let Some(span) = self.table.span(slot, interval, at) {
                let read = span.read.of_mut(side);
                *read = read.saturating_add(bytes);
            }
        }
    }
}

/// Handshakes are no payload, and some protocols are read to the last byte by their dissector.
pub(super) fn note_dissected(
    flow: &Flow,
    span: &mut Span,
    side: Side,
    new: u64,
    context: &Context,
) {
    let read = *flow.carries.of(side) == Carries::Handshake
        || *flow.understood.of(side)
        || is_dissected(flow, new);
    if read && !context.again && !context.rival {
        let read = span.read.of_mut(side);
        *read = read.saturating_add(new);
    }
}

/// The flow is over: what waits is looked at.
pub(super) fn end(closed: &mut Closed, interval: u32, at: Moment) {
    let mut personal = std::mem::take(&mut closed.flow.personal);
    if let Slot::On(watch) = &mut personal {
        for side in Side::BOTH {
            let mut credits = std::mem::take(closed.flow.credits.of_mut(side));
            watch.end(side, &closed.flow, (at, interval), &mut credits);
            for credit in credits {
                let span = closed
                    .spans
                    .iter_mut()
                    .find(|s| (s.interval, s.input) == (credit.interval, credit.at.at.input));
                if let Some(span) = span {
                    let read = span.read.of_mut(side);
                    *read = read.saturating_add(credit.bytes);
                }
            }
        }
    }
    closed.flow.personal = personal;
}
