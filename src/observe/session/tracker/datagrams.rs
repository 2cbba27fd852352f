//! IP packets: which flow each belongs to, what it counts for, and who reads what it carries.

use super::super::duplicates::{Earlier, Seen as Sight};
use super::super::icmp::{icmp_ports, is_no_answer, is_request, may_carry};
use super::super::inside::{asks_beyond, of_echo, of_number, of_unknown};
use super::content::Layer;
use super::{Context, Settings, Tracker};
use crate::evidence::flow::{Key, LinkFacts, Opening, Side, Span, note_link};
use crate::evidence::ledger::{Ends, Ledger};
use crate::ground::address::{Class, classify};
use crate::ground::cause::{PacketCause, SessionCause};
use crate::ground::gaps::GapId;
use crate::ground::protocol;
use crate::observe::capture::Direction;
use crate::observe::dissect::neighbours;
use crate::observe::flow::Flow;
use crate::observe::flow::overhead::Overhead;
use crate::observe::link::Extract;
use crate::observe::packet::Datagram;
use crate::observe::packet::fragments::Piece;
use crate::observe::packet::transport::{
    Checksum, Flags, Segment, Transport, UdpDatagram, ports, read, verify,
};
use std::net::IpAddr;

/// Group management (RFC 3376).
const IGMP: u8 = 2;

impl Tracker {
    /// A whole IP packet. `pieces` are the frames it came in, each counted as a packet. True if its
    /// flow, or a packet inside, asks for something beyond the site.
    pub(super) fn datagram(
        &mut self,
        datagram: &Datagram<'_>,
        pieces: &[Piece],
        context: &Context,
    ) -> bool {
        let transport = read(datagram);
        let checksum = verify(datagram);
        let believed = match checksum {
            Checksum::Right => self.senders.transport(datagram.source, true),
            Checksum::Wrong => self.senders.transport(datagram.source, false),
            Checksum::Pending => {
                self.senders.pending(datagram.source);
                true
            }
            Checksum::Unknown => true,
        };
        if !believed && !matches!(transport, Transport::Tcp(_)) {
            // IPv6 has no other sum over its addresses, and a payload that is not read could say
            // anything: ignored as evidence, and told.
            self.disbelieve(context);
        }
        if transport == Transport::Cut && !context.in_pieces {
            self.snaplen(context, PacketCause::TransportCut);
        }
        let (key, ends) = between(datagram, &transport);
        let side = ends.side;
        self.tell(ends, datagram.protocol, pieces, context);
        let sight = Sight {
            port: context.port,
            frame: context.moment.at,
            at: context.moment.time,
            link: (context.source, context.target),
            direction: context.direction,
            radio: context.radio,
        };
        let earlier = self.duplicates.seen(datagram, &transport, sight);
        let sender = earlier.and_then(Earlier::translated);
        let context = Context {
            again: earlier.is_some(),
            behind: context.behind.or(sender),
            ..*context
        };
        let (slot, fresh) = self.flow_of(&key, side, &transport, believed, &context);
        let answers = believed && !is_no_answer(&transport, datagram.protocol);
        self.note(slot, fresh, ends, pieces, answers, &context);
        if datagram.routed
            && datagram.over.is_none()
            && let Some(flow) = self.table.flow(slot)
        {
            flow.facts.routed = true;
        }
        if datagram.chosen > 0 {
            self.options(slot, side, datagram.chosen as u64, &context);
        }
        if matches!(datagram.protocol, protocol::ICMPV6 | IGMP)
            && let Some(flow) = self.table.flow(slot)
        {
            let stays = neighbours::stays_on_link(datagram, &transport);
            flow.facts.link_only = Some(flow.facts.link_only.unwrap_or(true) && stays);
        }
        match transport {
            Transport::Tcp(segment) => self.tcp(slot, &segment, ends, believed, fresh, &context),
            Transport::Udp(udp) => self.udp(slot, &udp, ends, believed, &context),
            Transport::Icmp { kind, body, .. } => {
                if is_request(datagram.protocol, kind)
                    && let Some(flow) = self.table.flow(slot)
                {
                    flow.opened(side, Opening::Request);
                }
                if datagram.protocol == protocol::ICMPV6
                    && datagram.hop_limit == u8::MAX
                    && context.on_link
                    && believed
                {
                    let (interval, at) = (context.interval, context.moment);
                    if neighbours::is_discovery(kind) {
                        self.tell_neighbours(at.at, datagram.payload);
                    }
                    neighbours::icmpv6(
                        kind,
                        body,
                        datagram.source,
                        context.source,
                        interval,
                        at,
                        &mut self.ledger,
                    );
                }
                let wire = datagram.wire_len.saturating_sub(4);
                if !answers
                    && believed
                    && self.quoted(body, (datagram.source, datagram.destination), &context)
                {
                    self.beyond_quote(slot, side, body, (datagram.protocol, wire), &context);
                } else if !answers && believed {
                    // An error that quotes nothing of its receiver's is a message like any other.
                    if let Some(span) = self.table.span(slot, context.interval, context.moment) {
                        span.sent(side).answers += 1;
                    }
                    self.payload(slot, side, wire, &context);
                }
                // An error quotes somebody's packet; it is no payload and opens nothing.
                if answers {
                    self.look(slot, side, body, Layer::Icmp, &context);
                    self.payload(slot, side, wire, &context);
                }
                if may_carry(datagram.protocol, kind) {
                    let data = body.get(4..).unwrap_or_default();
                    if let Some(found) = of_echo(data, datagram.cut()) {
                        self.tunnelled(slot, found, datagram.source, 0, &context);
                    } else if datagram.cut() > 0 {
                        self.snaplen(&context, PacketCause::IcmpCut);
                    }
                }
            }
            Transport::Other => {
                // Without ports nothing tells the ends apart but who came first.
                if fresh && let Some(flow) = self.table.flow(slot) {
                    flow.opened(side, Opening::HigherPort);
                }
                self.payload(slot, side, datagram.wire_len, &context);
                let cut = datagram.cut();
                let number = of_number(datagram.protocol, datagram.payload, cut);
                let found = number.or_else(|| of_unknown(datagram.payload, datagram.wire_len));
                if let Some(found) = found {
                    self.tunnelled(slot, found, datagram.source, cut, &context);
                }
            }
            Transport::Malformed | Transport::Cut => {
                if context.in_pieces {
                    // Fragments without their first one: payload all the same.
                    self.payload(slot, side, datagram.wire_len, &context);
                } else if transport == Transport::Malformed {
                    /// The shortest header: what is behind one that cannot be right is somebody's all the same.
                    const HEADER: usize = 8;
                    let behind = datagram.wire_len.saturating_sub(HEADER);
                    self.payload(slot, side, behind, &context);
                    if datagram.protocol == protocol::UDP && behind > 0 {
                        let (at, interval) = (context.moment, context.interval);
                        let gaps = &mut self.ledger.gaps;
                        gaps.at(
                            GapId::UnreadablePackets,
                            at,
                            interval,
                            PacketCause::UdpLength,
                        );
                    }
                }
                // The header is lost; that something went out is not.
                if let Some(span) = self.table.span(slot, context.interval, context.moment) {
                    span.opened |= fresh || datagram.protocol != protocol::TCP;
                }
            }
        }
        // Only what a tunnel holds is asked after, and a group is no relay.
        let group = datagram.source.is_multicast() || datagram.destination.is_multicast();
        context.depth > 0
            && !group
            && self
                .table
                .flow(slot)
                .is_some_and(|flow| flow.key == key && asks_beyond(&flow.facts))
    }

    /// What holds of every packet of a flow: who sent it, when, and for which program.
    pub(super) fn note(
        &mut self,
        slot: u32,
        fresh: bool,
        ends: Ends,
        pieces: &[Piece],
        answers: bool,
        context: &Context,
    ) {
        let Self {
            table,
            ledger,
            settings,
            scale,
            ..
        } = self;
        if let Some(flow) = table.flow(slot) {
            note_neighbour(flow, fresh, ends, context, (ledger, settings));
            if let Some(app) = context.app
                && !flow.labelled(app, &ledger.apps)
            {
                ledger.gaps.over(
                    context.moment,
                    context.interval,
                    SessionCause::AppLabelsOfConnectionOver,
                );
            }
        }
        if !fresh
            && context.source.is_none()
            && context.direction.is_none()
            && let Some(span) = table.span(slot, context.interval, context.moment)
        {
            note_answer(span, ends, answers, context, ledger);
        }
        for piece in pieces {
            let found = table.flow_and_span(slot, piece.interval, piece.moment);
            let Some((flow, span)) = found else {
                continue;
            };
            count(span, ends.side, piece, answers);
            if piece.accounted
                && let Some(place) = scale.place(piece.moment.time)
            {
                scale.keep(flow.bins.add(place));
            }
        }
        if settings.devices.any() {
            note_device(ends, context, (ledger, settings));
        }
    }

    /// Payload without headers: the addresses are the writer's word, and there is no sequence. It is
    /// taken as the continuation of what came before.
    pub(super) fn extract(&mut self, extract: &Extract<'_>, context: &Context) {
        let (from, to) = (extract.source, extract.destination);
        let (key, side) = Key::new(from, to, extract.protocol);
        let ends = Ends {
            side,
            sender: from,
            receiver: to,
        };
        let (slot, fresh) = self.flow_of(&key, side, &Transport::Other, true, context);
        let piece = Piece {
            moment: context.moment,
            interval: context.interval,
            accounted: context.accounted,
            chosen: 0,
            routed: false,
        };
        self.tell(ends, extract.protocol, &[piece], context);
        self.note(slot, fresh, ends, &[piece], true, context);
        match extract.protocol {
            protocol::TCP => {
                let next = self
                    .table
                    .flow(slot)
                    .and_then(|flow| flow.peer.of(side).end())
                    .unwrap_or(1);
                let segment = Segment {
                    source_port: from.1,
                    destination_port: to.1,
                    sequence: next,
                    acknowledgement: 0,
                    flags: Flags(Flags::PSH),
                    payload: extract.payload,
                    wire_len: extract.payload.len(),
                };
                self.tcp(slot, &segment, ends, true, false, context);
                if let Some(span) = self.table.span(slot, context.interval, context.moment) {
                    span.opened |= fresh;
                }
            }
            protocol::UDP => {
                let udp = UdpDatagram {
                    source_port: from.1,
                    destination_port: to.1,
                    payload: extract.payload,
                    wire_len: extract.payload.len(),
                    surplus: &[],
                    surplus_len: 0,
                };
                self.udp(slot, &udp, ends, true, context);
            }
            _ => self.payload(slot, side, extract.payload.len(), context),
        }
    }

    /// The flow of a packet, opened if there is none; true if it is new.
    pub(super) fn flow_of(
        &mut self,
        key: &Key,
        side: Side,
        transport: &Transport<'_>,
        believed: bool,
        context: &Context,
    ) -> (u32, bool) {
        if let Some((slot, flow)) = self.table.get(key) {
            let reopened = match transport {
                // A SYN with another sequence number begins another connection (RFC 9293 §3.5),
                // unless its checksum shows a forgery. Where it has none yet, what was captured
                // before the SYN may be the same connection's, out of order.
                Transport::Tcp(s)
                    if believed && s.flags.any(Flags::SYN) && !s.flags.any(Flags::ACK) =>
                {
                    let half = flow.peer.of(side);
                    let answered = flow.peer.of(side.other()).has_syn();
                    match half.initial() {
                        Some(isn) => isn != s.sequence,
                        None => flow.joined_late && !half.may_begin_with(s.sequence, answered),
                    }
                }
                _ => false,
            };
            if !reopened {
                self.table.saw(slot, context.moment.time);
                return (slot, false);
            }
            if let Some(closed) = self.table.close(slot) {
                self.closed(closed);
            }
        }
        let (slot, evicted) = self.table.open(*key, context.interval, context.moment);
        if let Some(evicted) = evicted {
            self.closed(evicted);
        }
        (slot, true)
    }

    pub(super) fn payload(&mut self, slot: u32, side: Side, bytes: usize, context: &Context) {
        if let Some(span) = self.table.span(slot, context.interval, context.moment) {
            if !context.again && !context.rival {
                span.sent(side).bytes += bytes as u64;
            }
            span.opened = true;
            span.sent(side).application |= bytes > 0;
        }
    }

    /// Options of IP headers beyond what a flow can need are payload. Of fragments each has its own, and none is asked here: those
    /// of a datagram in pieces are not counted.
    fn options(&mut self, slot: u32, side: Side, chosen: u64, context: &Context) {
        let Some(flow) = self.table.flow(slot) else {
            return;
        };
        let beyond = flow
            .overhead
            .of_mut(side)
            .add(Overhead::Options, chosen, false);
        let spared = flow.spared.of_mut(side);
        *spared = spared.saturating_add(chosen.saturating_sub(beyond));
        if beyond > 0 {
            self.payload(
                slot,
                side,
                usize::try_from(beyond).unwrap_or(usize::MAX),
                context,
            );
        }
    }
}

/// The flow of a packet, and who sent it to whom.
pub(super) fn between(datagram: &Datagram<'_>, transport: &Transport<'_>) -> (Key, Ends) {
    let (from, to) = match transport {
        Transport::Tcp(s) => (s.source_port, s.destination_port),
        Transport::Udp(u) => (u.source_port, u.destination_port),
        Transport::Malformed | Transport::Cut => ports(datagram),
        Transport::Icmp { kind, code, .. } => icmp_ports(datagram.protocol, *kind, *code),
        Transport::Other => ports(datagram),
    };
    // A hop beyond the site is where the packet goes, whatever the end of its route is.
    let destination = datagram.over.unwrap_or(datagram.destination);
    let (sender, receiver) = ((datagram.source, from), (destination, to));
    let (key, side) = Key::new(sender, receiver, datagram.protocol);
    let ends = Ends {
        side,
        sender,
        receiver,
    };
    (key, ends)
}

pub(super) fn count(span: &mut Span, side: Side, piece: &Piece, answers: bool) {
    let moment = piece.moment;
    span.counted.frames += u64::from(piece.accounted);
    span.sent(side).packets += 1;
    span.sent(side).answers += u64::from(answers);
    span.counted.first = span.counted.first.min(moment);
    span.counted.last = span.counted.last.max(moment);
}

/// How soon an end answers, between two public addresses of which the link says nothing.
fn note_answer(span: &Span, ends: Ends, answers: bool, context: &Context, ledger: &mut Ledger) {
    let first = span.counted.sent.of(ends.side).packets == 0
        && span.counted.sent.of(ends.side.other()).packets > 0;
    let before = span.counted.last.time;
    let public = |ip: IpAddr| classify(ip).class == Class::Global;
    if first && (answers || ends.sender.1 != 0) && public(ends.sender.0) && public(ends.receiver.0)
    {
        let delay = context.moment.time.since(before).unwrap_or(0);
        ledger.answered(ends.sender.0, delay);
    }
}

/// Which way the capturing machine saw a packet of this side go.
pub(super) fn note_direction(facts: &mut LinkFacts, direction: Option<Direction>) {
    match direction {
        Some(Direction::Out) => facts.sent = true,
        Some(Direction::In) => facts.received = true,
        None => {}
    }
}

fn note_neighbour(
    flow: &mut Flow,
    fresh: bool,
    ends: Ends,
    context: &Context,
    (ledger, settings): (&mut Ledger, &Settings),
) {
    let facts = flow.link.of_mut(ends.side);
    let first = fresh || (!facts.mixed && facts.source.is_none() && facts.target.is_none());
    let before = (facts.mixed, facts.source);
    note_link(facts, context.source, context.target, first);
    note_direction(facts, context.direction);
    if facts.behind.is_none() {
        facts.behind = context.behind;
    }
    // The pair is new when the flow is, or when its addresses changed.
    if (first || facts.mixed != before.0 || facts.source != context.source)
        && let Some(mac) = context.source
    {
        ledger.binding(mac, ends.sender.0, context.interval, context.moment);
        if settings.devices.ips.contains(&ends.sender.0) {
            ledger.device_sends_with(mac);
        }
        if ledger.device_macs.contains(&mac) {
            ledger.device_sends_from(ends.sender.0);
        }
    }
}

/// Marks activity of the declared device. DHCP and multicast DNS alone are none.
pub(super) fn note_device(
    ends: Ends,
    context: &Context,
    (ledger, settings): (&mut Ledger, &Settings),
) {
    const NO_ACTIVITY: [u16; 5] = [67, 68, 546, 547, 5353];
    if ledger.device.knows(context.interval, context.moment)
        || NO_ACTIVITY.contains(&ends.receiver.1)
        || NO_ACTIVITY.contains(&ends.sender.1)
    {
        return;
    }
    let devices = &settings.devices;
    let its = devices.all
        || devices.ips.contains(&ends.sender.0)
        || context
            .source
            .is_some_and(|mac| ledger.device_macs.contains(&mac));
    if its {
        ledger.device.mark(context.interval, context.moment);
    }
}
