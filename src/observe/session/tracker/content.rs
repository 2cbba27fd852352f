//! Payload on its way to the readers of personal data, and the account of what they read.

use super::{Context, Tracker};
use crate::evidence::content::TrafficPart;
use crate::evidence::flow::{Side, Span};
use crate::ground::moment::Moment;
use crate::observe::content::{Credit, Framing, Payload, Slot, is_dissected};
use crate::observe::flow::part::Lent;
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
        let Some(flow) = self.table.flow(slot) else {
            return;
        };
        let lent = flow.lent.take_written();
        if bytes.is_empty() || context.again {
            return;
        }
        self.listen(slot);
        let Some(Slot::On(_)) = self.content.at(slot) else {
            return;
        };
        self.hear(slot, side, bytes, layer, lent, context);
    }

    fn hear(
        &mut self,
        slot: u32,
        side: Side,
        bytes: &[u8],
        layer: Layer,
        lent: Option<Lent>,
        context: &Context,
    ) {
        let (Some(flow), Some(of)) = (self.table.flow(slot), self.content.at(slot)) else {
            return;
        };
        let Slot::On(watch) = of else {
            return;
        };
        let mut credits = Vec::new();
        let payload = Payload {
            bytes,
            side,
            at: context.moment,
            interval: context.interval,
        };
        match layer {
            Layer::Tcp { sequence, start } => {
                let reading = self.readings.get(slot);
                let framing = Framing {
                    labels: flow.take_labels(side),
                    undecided: reading.and_then(|reading| reading.undecided(side)),
                };
                watch.segment(payload, sequence, start, flow, framing, &mut credits);
            }
            Layer::Udp if flow.opens => {
                watch.lent(payload, lent.unwrap_or_default(), flow, &mut credits);
            }
            Layer::Udp => watch.datagram(payload, TrafficPart::UdpPayload, flow, &mut credits),
            Layer::Icmp => watch.icmp(payload, flow, &mut credits),
        }
        flow.heard = of.hears();
        self.credit(slot, side, credits, context);
    }

    /// Makes ready to look into the payload of a flow.
    pub(super) fn listen(&mut self, slot: u32) {
        if let Some(of @ Slot::Unasked) = self.content.at(slot)
            && let Some(flow) = self.table.flow(slot)
        {
            *of = Slot::new(&flow.key, self.settings.content, &self.ledger.content);
            flow.heard = of.hears();
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
    let read = (*flow.carries.of(side) == Carries::Handshake && !flow.accounts)
        || *flow.understood.of(side)
        || is_dissected(flow, new);
    if read && !context.again && !context.rival {
        let read = span.read.of_mut(side);
        *read = read.saturating_add(new);
    }
}

/// The flow is over: what waits is looked at.
pub(super) fn end(slot: &mut Slot, closed: &mut Closed, interval: u32, at: Moment) {
    let Slot::On(watch) = slot else {
        return;
    };
    let mut loans = closed.flow.lent.take().streams;
    for side in Side::BOTH {
        let labels = closed.flow.take_labels(side);
        let mut credits = Vec::new();
        let streams = loans.extract_if(.., |loan| loan.side == side).collect();
        let lent = Lent { marks: 0, streams };
        watch.lend(side, lent, &closed.flow, (at, interval), &mut credits);
        watch.end(side, &closed.flow, labels, (at, interval), &mut credits);
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
