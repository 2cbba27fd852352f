//! Datagrams of UDP: each is a message of its own.

use super::super::inside::of_datagram;
use super::content::{Layer, note_dissected};
use super::{Context, Tracker, note_carries};
use crate::evidence::flow::Opening;
use crate::evidence::ledger::Ends;
use crate::ground::cause::PacketCause;
use crate::observe::dissect::neighbours;
use crate::observe::flow::Carries;
use crate::observe::packet::encapsulation::is_tunnel_port;
use crate::observe::packet::transport::UdpDatagram;

impl Tracker {
    pub(super) fn udp(
        &mut self,
        slot: u32,
        udp: &UdpDatagram<'_>,
        ends: Ends,
        believed: bool,
        context: &Context,
    ) {
        if !believed {
            if let Some(flow) = self.table.flow(slot) {
                *flow.facts.doubted.of_mut(ends.side) = true;
            }
            return;
        }
        if context.on_link && matches!((udp.source_port, udp.destination_port), (67, 68 | 67)) {
            self.tell_neighbours(context.moment.at, udp.payload);
            neighbours::dhcp(
                udp.payload,
                context.source,
                context.moment,
                &mut self.ledger,
            );
        }
        if context.on_link && udp.source_port == 547 {
            self.tell_neighbours(context.moment.at, udp.payload);
            neighbours::dhcpv6(udp.payload, context.source, &mut self.ledger);
        }
        let side = ends.side;
        let cut = udp.wire_len.saturating_sub(udp.payload.len());
        let tunnel = of_datagram(udp);
        if cut > 0 && tunnel.is_none() {
            let unnamed = self
                .table
                .flow(slot)
                .is_none_or(|f| f.facts.names.is_empty());
            if unnamed {
                self.snaplen(context, PacketCause::DatagramWithNameCut);
            }
        }
        self.listen(slot);
        self.read_with(slot, ends, context, |readings, sink| {
            // Each datagram says anew what it carries.
            sink.carries(Carries::Undecided);
            if context.rival {
                sink.flow.facts.conflict = true;
            }
            match tunnel {
                Some(_) => {}
                None if context.rival => readings.rival_datagram(slot, udp.payload, sink),
                None => readings.datagram(slot, udp.payload, sink),
            }
        });
        self.look(slot, side, udp.payload, Layer::Udp, context);
        if !udp.surplus.is_empty() {
            self.look(slot, side, udp.surplus, Layer::Udp, context);
        }
        let found = self
            .table
            .flow_and_span(slot, context.interval, context.moment);
        if let Some((flow, span)) = found {
            let carries = *flow.carries.of(side);
            let spared = std::mem::take(flow.spared.of_mut(side));
            let seals = std::mem::take(&mut flow.seals);
            let whole = udp.wire_len as u64;
            note_dissected(flow, span, side, whole, context);
            span.opened = true;
            if !context.again && !context.rival {
                span.sent(side).bytes += whole + udp.surplus_len as u64;
                span.sent(side).spared += spared;
                span.counted.seal(&seals);
            }
            let surplus = udp.surplus_len > 0;
            if whole > 0 || surplus {
                let carries = match carries {
                    Carries::Undecided => Carries::Application,
                    // No handshake needs more than its message.
                    _ if surplus => Carries::Application,
                    known => known,
                };
                note_carries(span, side, carries);
            }
        }
        if let Some(found) = tunnel {
            if is_tunnel_port(udp.destination_port)
                && let Some(flow) = self.table.flow(slot)
            {
                flow.opened(side, Opening::Request);
            }
            self.tunnelled(slot, found, ends.sender.0, cut, context);
        }
        self.carried(slot, ends.sender.0, context);
    }
}
