//! One series: frames in, flows and facts out.

mod content;
mod doubted;
mod joined;
mod nested;

use super::Settings;
use super::clock::Clock;
use super::duplicates::{Duplicates, Port, Seen as Sight};
use super::icmp::{icmp_ports, is_no_answer, is_request, may_carry};
use super::inside::{asks_beyond, of_datagram, of_echo, of_number, of_unknown};
use super::limited::Limited;
use super::senders::{FrameSender, Senders};
use super::witness::Layer as Seen;
use crate::evidence::bins::{Bins, Scale};
use crate::evidence::flow::{Key, Opening, Side, Span, note_link};
use crate::evidence::ledger::apps::{AppId, Full};
use crate::evidence::ledger::{Ends, Ledger};
use crate::evidence::{Series, Unflowed, UnflowedOverTime};
use crate::ground::address::{Class, classify};
use crate::ground::epoch::Epochs;
use crate::ground::gaps::GapId;
use crate::ground::mac::Mac;
use crate::ground::moment::{FrameRef, Moment, Timestamp};
use crate::ground::protocol;
use crate::observe::capture::{Direction, Frame};
use crate::observe::dissect::reading::{Reading, Readings};
use crate::observe::dissect::{Sink, neighbours};
use crate::observe::flow::Carries;
use crate::observe::flow::overhead::Kind as Overhead;
use crate::observe::flow::row::Rows;
use crate::observe::flow::sequence::Place;
use crate::observe::flow::table::{Closed, Table};
use crate::observe::link::{Bundle, Content, Extract, LinkType, Radio, Unwrapped};
use crate::observe::packet::encapsulation::is_tunnel_port;
use crate::observe::packet::fragments::{Fragments, Piece};
use crate::observe::packet::transport::{
    Checksum, Flags, Segment, Transport, UdpDatagram, ports, read, verify,
};
use crate::observe::packet::{Datagram, Decoded, decode};
use content::Layer;
use doubted::Doubts;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// Packets inside packets that are followed, counted from the frame: real ones have two or three
/// (bytes count at the outermost layer only).
const DEPTH_MAX: u8 = 8;

/// The longest that a segment is under way, retransmissions included (RFC 6298 §2 begins at a second): what is acknowledged
/// later was sent while the flow was watched.
const UNDER_WAY_MAX: i64 = 10 * Timestamp::SECOND;
/// Group management (RFC 3376).
const IGMP: u8 = 2;

/// A link type and its reader, if there is one.
pub(super) type Link = (Option<u16>, Option<&'static LinkType>);

/// The circumstances of a packet, whatever layer it was found in.
#[derive(Clone, Copy)]
struct Context {
    moment: Moment,
    epoch: u32,
    source: Option<Mac>,
    target: Option<Mac>,
    direction: Option<Direction>,
    /// The sender of the outermost packet that it came in.
    carrier: Option<IpAddr>,
    depth: u8,
    /// Neighbour messages in it speak of the link under audit: what a tunnel holds was said somewhere
    /// else, or by anybody.
    on_link: bool,
    /// It came in fragments, some of which may be missing; cut ones were noted one by one.
    in_pieces: bool,
    /// Its frame is accounted where it goes: of several packets in a frame, one is.
    accounted: bool,
    /// The program that the capture names.
    app: Option<AppId>,
    /// The interface of the capturing machine it was seen on.
    port: Port,
    /// How its frame was sent on the air.
    radio: Option<Radio>,
    /// The same packet was seen before.
    again: bool,
    /// Other copies of bytes that were counted: what they say is read, and takes no room.
    rival: bool,
}

pub(super) struct Tracker {
    settings: Settings,
    epochs: Epochs,
    table: Table,
    readings: Readings,
    rows: Rows,
    ledger: Ledger,
    fragments: Fragments,
    senders: Senders,
    unflowed: BTreeMap<u32, Unflowed>,
    unflowed_over_time: UnflowedOverTime,
    scale: Scale,
    clock: Clock,
    duplicates: Duplicates,
    doubts: Doubts,
    limited: Limited,
}

impl Tracker {
    /// `senders` is what a first reading found out about checksums.
    pub(super) fn new(settings: Settings, epochs: Epochs, senders: Senders) -> Self {
        let rows = match settings.one_row_per_flow {
            Some(limit) => Rows::one_per_flow(limit),
            None => Rows::default(),
        };
        let mut ledger = Ledger::default();
        ledger.questions = settings.witness.is_some().then(Vec::new);
        ledger.device_macs = settings.devices.macs.iter().copied().collect();
        ledger.device_seen = settings.devices.ips.iter().copied().collect();
        ledger.accusing = settings.names.clone();
        ledger.one_device = settings.devices.any() && !settings.devices.all;
        Self {
            clock: Clock::new(settings.time_gap),
            duplicates: Duplicates::default(),
            doubts: Doubts::default(),
            limited: Limited::default(),
            settings,
            epochs,
            rows,
            table: Table::default(),
            readings: Readings::default(),
            ledger,
            fragments: Fragments::default(),
            senders,
            unflowed: BTreeMap::new(),
            unflowed_over_time: UnflowedOverTime::default(),
            scale: Scale::default(),
        }
    }

    /// Takes a frame from the capture.
    pub(super) fn frame(&mut self, frame: &Frame<'_>, link: Link) {
        let epoch = self.epochs.of(frame.moment.time);
        self.clock.tick(frame.moment, epoch);
        if frame.moment.time == Timestamp::UNKNOWN {
            let (input, at) = (frame.moment.at.input, Some(frame.moment));
            let cause = "packets without a time: when they went cannot be said";
            self.ledger.gaps.whole(GapId::TooShort, input, 1, at, cause);
        }
        self.link(frame, link, epoch);
        for closed in self.table.sweep(frame.moment.time) {
            self.closed(closed);
        }
        if self.scale.is_full() {
            self.settle();
        }
        self.told();
    }

    /// The witness was told of everything so far.
    fn told(&mut self) {
        let Some(witness) = &self.settings.witness else {
            return;
        };
        let mut witness = witness.lock();
        for (at, name) in self.ledger.questions.iter_mut().flat_map(|q| q.drain(..)) {
            witness.question(at, &name);
        }
        witness.done();
    }

    /// Tells the witness of a packet.
    fn tell(&self, ends: Ends, protocol: u8, pieces: &[Piece], context: Context) {
        let Some(witness) = &self.settings.witness else {
            return;
        };
        let layer = Seen {
            at: context.moment,
            source: ends.sender,
            destination: ends.receiver,
            protocol,
            mac: context.source,
        };
        let mut pieces = pieces.iter().map(|piece| piece.moment.at);
        witness.lock().layer(&layer, &mut pieces);
    }

    /// Tells the witness of a message about the link.
    fn tell_neighbours(&self, at: FrameRef, message: &[u8]) {
        if let Some(witness) = &self.settings.witness {
            witness.lock().neighbours(at, message);
        }
    }

    /// The frame door: from the link header on.
    fn link(&mut self, frame: &Frame<'_>, link: Link, epoch: u32) {
        let (link_type, reader) = link;
        let Some(reader) = reader else {
            let cause = crate::observe::link::refusal(link_type);
            self.ledger
                .gaps
                .at(GapId::UnsupportedLink, frame.moment, epoch, cause);
            self.count_unreadable(frame.moment);
            return;
        };
        let unwrapped = (reader.read)(frame);
        if let Some(what) = unwrapped.oddity {
            let seen = self
                .ledger
                .oddities
                .entry(what)
                .or_insert((0, frame.moment));
            seen.0 += 1;
        }
        let app = self.app(frame, &unwrapped, epoch);
        let context = Context {
            moment: frame.moment,
            epoch,
            source: unwrapped.source,
            target: unwrapped.target,
            direction: frame.direction.or(unwrapped.direction),
            carrier: None,
            depth: 0,
            on_link: true,
            in_pieces: false,
            accounted: true,
            app,
            port: Port {
                input: frame.moment.at.input,
                interface: frame.interface,
                number: unwrapped.port,
            },
            radio: unwrapped.radio,
            again: false,
            rival: false,
        };
        match unwrapped.content {
            Content::Bundle(packets) => self.bundle(frame, packets, context),
            content => self.content(frame, content, context),
        }
    }

    /// The program that the record or its link header names; what says more wins.
    fn app(&mut self, frame: &Frame<'_>, unwrapped: &Unwrapped<'_>, epoch: u32) -> Option<AppId> {
        let label = match (frame.label, unwrapped.label) {
            (None, None) => return None,
            (Some(label), None) | (None, Some(label)) => label,
            (Some(a), Some(b)) => a.fuller(b),
        };
        match self.ledger.apps.packet(&label, epoch, frame.moment) {
            Ok(app) => app,
            Err(Full) => {
                self.ledger.gaps.at(
                    GapId::LimitsReached,
                    frame.moment,
                    epoch,
                    "more app labels than are kept",
                );
                None
            }
        }
    }

    /// Several packets in one frame: each is read, and the frame is accounted once, where it weighs
    /// most. That is decided by the addresses, before the rest of the capture is known: among
    /// packets between local addresses it may be the wrong one that turns out to be relayed.
    fn bundle(&mut self, frame: &Frame<'_>, packets: Bundle<'_>, context: Context) {
        let heaviest = packets
            .enumerate()
            .map(|(at, inner)| (weight(&inner.content), std::cmp::Reverse(at)))
            .max()
            .map(|(_, at)| at.0);
        let Some(heaviest) = heaviest else {
            let cause = "a frame for several packets that holds none";
            self.unreadable(GapId::UnreadablePackets, cause, context);
            return;
        };
        let mut rest = packets;
        for (at, inner) in rest.by_ref().enumerate() {
            let context = Context {
                source: inner.source.or(context.source),
                target: inner.target.or(context.target),
                accounted: at == heaviest,
                ..context
            };
            match inner.content {
                Content::Bundle(_) => {
                    let cause = "frames for several packets, one inside the other";
                    self.unreadable(GapId::UnreadablePackets, cause, context);
                }
                content => self.content(frame, content, context),
            }
        }
        if rest.exhausted() {
            self.ledger.gaps.at(
                GapId::LimitsReached,
                context.moment,
                context.epoch,
                "more packets in a frame than are followed",
            );
        }
    }

    fn content(&mut self, frame: &Frame<'_>, content: Content<'_>, context: Context) {
        match content {
            Content::Ip(bytes) => {
                let sender = match context.source {
                    Some(mac) => FrameSender::Mac(mac),
                    None => FrameSender::Interface(
                        frame.moment.at.input,
                        frame.interface,
                        frame.direction,
                    ),
                };
                let decoded = decode(bytes, frame.cut());
                let decoded = match decoded {
                    Decoded::BadChecksum(datagram) => {
                        if frame.checksum_pending || self.senders.header(sender, false) {
                            Decoded::Datagram(datagram)
                        } else {
                            Decoded::Unreadable("a wrong IPv4 header checksum")
                        }
                    }
                    Decoded::Datagram(datagram) => {
                        if datagram.source.is_ipv4() {
                            self.senders.header(sender, true);
                        }
                        decoded
                    }
                    _ => decoded,
                };
                self.network(decoded, context);
            }
            Content::Arp(packet) => {
                self.tell_neighbours(frame.moment.at, packet);
                neighbours::arp(packet, context.epoch, frame.moment, &mut self.ledger);
                self.not_ip(context);
            }
            Content::NotIp(_) => self.not_ip(context),
            Content::Unreadable(gap, cause) => self.unreadable(gap, cause, context),
            Content::Extract(extract) => self.extract(&extract, context),
            // Readers hand it over as the whole frame only.
            Content::Bundle(_) => self.unreadable(
                GapId::UnreadablePackets,
                "frames for several packets, one inside the other",
                context,
            ),
        }
    }

    fn not_ip(&mut self, context: Context) {
        if context.accounted {
            self.count_unflowed(context.moment).not_ip += 1;
            if let Some(place) = self.scale.place(context.moment.time) {
                self.scale.keep(self.unflowed_over_time.not_ip.add(place));
            }
        }
    }

    fn unreadable(&mut self, gap: GapId, cause: &'static str, context: Context) {
        self.ledger
            .gaps
            .at(gap, context.moment, context.epoch, cause);
        if context.depth == 0 && context.accounted {
            self.count_unreadable(context.moment);
        }
    }

    /// The packet door: what holds IP packets of any kind comes in here, one level deeper. True if
    /// the packet, or one inside it, goes beyond the site or asks for it.
    fn network(&mut self, decoded: Decoded<'_>, context: Context) -> bool {
        if context.depth > DEPTH_MAX {
            self.ledger.gaps.at(
                GapId::LimitsReached,
                context.moment,
                context.epoch,
                "packets are nested too deeply",
            );
            return false;
        }
        match decoded {
            Decoded::Datagram(datagram) | Decoded::BadChecksum(datagram) => {
                let leaves = self.leaves(datagram.source) || self.leaves(datagram.destination);
                let piece = Piece {
                    moment: context.moment,
                    epoch: context.epoch,
                    accounted: context.accounted,
                    chosen: datagram.chosen,
                };
                let asks = match datagram.fragment {
                    None => self.datagram(&datagram, &[piece], context),
                    Some(fragment) => {
                        if datagram.cut() > 0 {
                            self.snaplen(context, "a fragment was cut");
                        }
                        let mut asks = false;
                        for joined in self.fragments.add(&datagram, fragment, piece) {
                            asks |= self.joined(&joined, context);
                        }
                        asks
                    }
                };
                leaves || asks
            }
            Decoded::Unreadable(cause) => {
                self.unreadable(GapId::UnreadablePackets, cause, context);
                false
            }
            Decoded::Cut(cause) => {
                self.snaplen(context, cause);
                self.unreadable(GapId::UnreadablePackets, cause, context);
                false
            }
        }
    }

    fn snaplen(&mut self, context: Context, cause: &'static str) {
        self.ledger
            .gaps
            .at(GapId::SnaplenCut, context.moment, context.epoch, cause);
    }

    /// A whole IP packet. `pieces` are the frames it came in, each counted as a packet. True if its
    /// flow, or a packet inside, asks for something beyond the site.
    fn datagram(&mut self, datagram: &Datagram<'_>, pieces: &[Piece], context: Context) -> bool {
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
            self.snaplen(context, "a transport header was cut");
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
        let again = self.duplicates.seen(datagram, &transport, sight);
        let context = Context { again, ..context };
        let (slot, fresh) = self.flow_of(&key, side, &transport, believed, context);
        let answers = believed && !is_no_answer(&transport, datagram.protocol);
        self.note(slot, fresh, ends, pieces, answers, context);
        if datagram.chosen > 0 {
            self.options(slot, side, datagram.chosen as u64, context);
        }
        if matches!(datagram.protocol, protocol::ICMPV6 | IGMP)
            && let Some(flow) = self.table.flow(slot)
        {
            let stays = neighbours::stays_on_link(datagram, &transport);
            flow.facts.link_only = Some(flow.facts.link_only.unwrap_or(true) && stays);
        }
        match transport {
            Transport::Tcp(segment) => self.tcp(slot, &segment, ends, believed, fresh, context),
            Transport::Udp(udp) => self.udp(slot, &udp, ends, believed, context),
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
                    let (epoch, at) = (context.epoch, context.moment);
                    if neighbours::is_discovery(kind) {
                        self.tell_neighbours(at.at, datagram.payload);
                    }
                    neighbours::icmpv6(
                        kind,
                        body,
                        datagram.source,
                        context.source,
                        epoch,
                        at,
                        &mut self.ledger,
                    );
                }
                let wire = datagram.wire_len.saturating_sub(4);
                if !answers
                    && believed
                    && self.quoted(body, (datagram.source, datagram.destination), context)
                {
                    self.beyond_quote(slot, side, body, (datagram.protocol, wire), context);
                } else if !answers && believed {
                    // An error that quotes nothing of its receiver's is a message like any other.
                    if let Some(span) = self.table.span(slot, context.epoch, context.moment) {
                        *span.answers.of_mut(side) += 1;
                    }
                    self.payload(slot, side, wire, context);
                }
                // An error quotes somebody's packet; it is no payload and opens nothing.
                if answers {
                    self.look(slot, side, body, Layer::Icmp, context);
                    self.payload(slot, side, wire, context);
                }
                if may_carry(datagram.protocol, kind) {
                    let data = body.get(4..).unwrap_or_default();
                    if let Some(found) = of_echo(data, datagram.cut()) {
                        self.tunnelled(slot, found, datagram.source, 0, context);
                    } else if datagram.cut() > 0 {
                        self.snaplen(context, "an ICMP message that may hold a packet was cut");
                    }
                }
            }
            Transport::Other => {
                // Without ports nothing tells the ends apart but who came first.
                if fresh && let Some(flow) = self.table.flow(slot) {
                    flow.opened(side, Opening::HigherPort);
                }
                self.payload(slot, side, datagram.wire_len, context);
                let cut = datagram.cut();
                let number = of_number(datagram.protocol, datagram.payload, cut);
                let found = number.or_else(|| of_unknown(datagram.payload, datagram.wire_len));
                if let Some(found) = found {
                    self.tunnelled(slot, found, datagram.source, cut, context);
                }
            }
            Transport::Malformed | Transport::Cut => {
                if context.in_pieces {
                    // Fragments without their first one: payload all the same.
                    self.payload(slot, side, datagram.wire_len, context);
                }
                // The header is lost; that something went out is not.
                if let Some(span) = self.table.span(slot, context.epoch, context.moment) {
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
    fn note(
        &mut self,
        slot: u32,
        fresh: bool,
        ends: Ends,
        pieces: &[Piece],
        answers: bool,
        context: Context,
    ) {
        self.note_neighbour(slot, fresh, ends, context);
        if !fresh && context.source.is_none() && context.direction.is_none() {
            self.note_answer(slot, ends, answers, context);
        }
        for piece in pieces {
            let Some(span) = self.table.span(slot, piece.epoch, piece.moment) else {
                continue;
            };
            count(span, ends.side, piece, answers);
            if piece.accounted
                && let Some(flow) = self.table.flow(slot)
                && let Some(place) = self.scale.place(piece.moment.time)
            {
                self.scale.keep(flow.bins.add(place));
            }
        }
        if let Some(app) = context.app
            && let Some(flow) = self.table.flow(slot)
            && !flow.labelled(app)
        {
            self.ledger.gaps.at(
                GapId::LimitsReached,
                context.moment,
                context.epoch,
                "more app labels on a connection than are kept",
            );
        }
        if self.settings.devices.any() {
            self.note_device(ends, context);
        }
    }

    /// Payload without headers: the addresses are the writer's word, and there is no sequence. It is
    /// taken as the continuation of what came before.
    fn extract(&mut self, extract: &Extract<'_>, context: Context) {
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
            epoch: context.epoch,
            accounted: context.accounted,
            chosen: 0,
        };
        self.tell(ends, extract.protocol, &[piece], context);
        self.note(slot, fresh, ends, &[piece], true, context);
        match extract.protocol {
            protocol::TCP => {
                let next = self
                    .table
                    .flow(slot)
                    .and_then(|flow| flow.half.of(side).end())
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
                if let Some(span) = self.table.span(slot, context.epoch, context.moment) {
                    span.opened |= fresh;
                }
            }
            protocol::UDP => {
                let udp = UdpDatagram {
                    source_port: from.1,
                    destination_port: to.1,
                    payload: extract.payload,
                    wire_len: extract.payload.len(),
                };
                self.udp(slot, &udp, ends, true, context);
            }
            _ => self.payload(slot, side, extract.payload.len(), context),
        }
    }

    /// The flow of a packet, opened if there is none; true if it is new.
    fn flow_of(
        &mut self,
        key: &Key,
        side: Side,
        transport: &Transport<'_>,
        believed: bool,
        context: Context,
    ) -> (u32, bool) {
        if let Some((slot, flow)) = self.table.get(key) {
            let reopened = match transport {
                // A SYN with another sequence number begins another connection (RFC 9293 §3.5),
                // unless its checksum shows a forgery. Where it has none yet, what was captured
                // before the SYN may be the same connection's, out of order.
                Transport::Tcp(s)
                    if believed && s.flags.any(Flags::SYN) && !s.flags.any(Flags::ACK) =>
                {
                    let half = flow.half.of(side);
                    let answered = flow.half.of(side.other()).has_syn();
                    match half.initial() {
                        Some(isn) => isn != s.sequence,
                        None => flow.joined_late && !half.may_begin_with(s.sequence, answered),
                    }
                }
                _ => false,
            };
            if !reopened {
                flow.last_seen = flow.last_seen.max(context.moment.time);
                return (slot, false);
            }
            if let Some(closed) = self.table.close(slot) {
                self.closed(closed);
            }
        }
        let (slot, evicted) = self.table.open(*key, context.epoch, context.moment);
        if let Some(evicted) = evicted {
            self.closed(evicted);
        }
        (slot, true)
    }

    /// How soon an end answers, between two public addresses of which the link says nothing.
    fn note_answer(&mut self, slot: u32, ends: Ends, answers: bool, context: Context) {
        let Some(span) = self.table.span(slot, context.epoch, context.moment) else {
            return;
        };
        let first = *span.packets.of(ends.side) == 0 && *span.packets.of(ends.side.other()) > 0;
        let before = span.last.time;
        let public = |ip: IpAddr| classify(ip).class == Class::Global;
        if first
            && (answers || ends.sender.1 != 0)
            && public(ends.sender.0)
            && public(ends.receiver.0)
        {
            let delay = context.moment.time.since(before).unwrap_or(0);
            self.ledger.answered(ends.sender.0, delay);
        }
    }

    fn note_neighbour(&mut self, slot: u32, fresh: bool, ends: Ends, context: Context) {
        let Some(flow) = self.table.flow(slot) else {
            return;
        };
        let facts = flow.link.of_mut(ends.side);
        let first = fresh || (!facts.mixed && facts.source.is_none() && facts.target.is_none());
        let before = *facts;
        note_link(facts, context.source, context.target, first);
        match context.direction {
            Some(Direction::Out) => facts.sent = true,
            Some(Direction::In) => facts.received = true,
            None => {}
        }
        facts.carrier = facts.carrier.or(context.carrier);
        // The pair is new when the flow is, or when its addresses changed.
        if (first || facts.mixed != before.mixed || facts.source != context.source)
            && let Some(mac) = context.source
        {
            self.ledger
                .binding(mac, ends.sender.0, context.epoch, context.moment);
            if self.settings.devices.ips.contains(&ends.sender.0) {
                self.ledger.device_macs.insert(mac);
            }
            if self.ledger.device_macs.contains(&mac) {
                self.ledger.device_seen.insert(ends.sender.0);
            }
        }
    }

    /// Marks activity of the declared device. DHCP and multicast DNS alone are none.
    fn note_device(&mut self, ends: Ends, context: Context) {
        const NO_ACTIVITY: [u16; 5] = [67, 68, 546, 547, 5353];
        if self.ledger.device.knows(context.epoch, context.moment)
            || NO_ACTIVITY.contains(&ends.receiver.1)
            || NO_ACTIVITY.contains(&ends.sender.1)
        {
            return;
        }
        let devices = &self.settings.devices;
        let its = devices.all
            || devices.ips.contains(&ends.sender.0)
            || context
                .source
                .is_some_and(|mac| self.ledger.device_macs.contains(&mac));
        if its {
            self.ledger.device.mark(context.epoch, context.moment);
        }
    }

    fn payload(&mut self, slot: u32, side: Side, bytes: usize, context: Context) {
        if let Some(span) = self.table.span(slot, context.epoch, context.moment) {
            if !context.again && !context.rival {
                *span.bytes.of_mut(side) += bytes as u64;
            }
            span.opened = true;
            *span.application.of_mut(side) |= bytes > 0;
        }
    }

    /// Options of IP headers beyond what a flow can need are payload. Of fragments each has its own, and none is asked here: those
    /// of a datagram in pieces are not counted.
    fn options(&mut self, slot: u32, side: Side, chosen: u64, context: Context) {
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

    fn tcp(
        &mut self,
        slot: u32,
        segment: &Segment<'_>,
        ends: Ends,
        believed: bool,
        fresh: bool,
        context: Context,
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
                && let Some(span) = self.table.span(slot, context.epoch, context.moment)
            {
                span.opened = true;
            }
            self.doubt(slot, segment, ends, context);
            return;
        }
        let place = Place {
            moment: context.moment,
            epoch: context.epoch,
            before: context.epoch,
        };
        let mut opened = false;
        if syn {
            opened = !flow.half.of(side).has_syn();
            flow.half.of_mut(side).open(segment.sequence, place);
            flow.opened(if ack { side.other() } else { side }, Opening::Syn);
            flow.joined_late &= ack;
        }
        // What a reset acknowledges may be of another connection.
        if ack && !reset {
            let other = flow.half.of_mut(side.other());
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
            flow.half
                .of_mut(side)
                .accept(sequence, length, pushed, place)
        };
        let start = flow.half.of(side).initial().map(|isn| isn.wrapping_add(1));
        let cut = segment.wire_len > segment.payload.len();
        if cut && self.readings.get(slot).is_none_or(|r| r.wants(side)) {
            self.snaplen(context, "payload that may hold a name was cut");
        }
        if !segment.payload.is_empty() {
            self.read_with(slot, ends, context, |readings, sink| {
                readings.segment(slot, sequence, start, segment.payload, sink);
            });
        }
        let layer = Layer::Tcp { sequence, start };
        self.look(slot, side, segment.payload, layer, context);
        let (carries, declared, spared) =
            self.table
                .flow(slot)
                .map_or((Carries::Undecided, 0, 0), |f| {
                    let declared = std::mem::take(f.declared.of_mut(side));
                    let spared = std::mem::take(f.spared.of_mut(side));
                    (*f.carries.of(side), declared, spared)
                });
        self.dissected(slot, side, u64::from(new), carries, context);
        if let Some(span) = self.table.span(slot, context.epoch, context.moment) {
            span.opened |= opened;
            if !context.again {
                let most = span.declared.of_mut(side);
                *most = declared.max(*most);
                *span.bytes.of_mut(side) += u64::from(new);
                *span.spared.of_mut(side) += spared;
            }
            if new > 0 {
                note_carries(span, side, carries);
            }
        }
        self.carried(slot, ends.sender.0, context);
        if ack && !reset {
            self.settle_doubts(slot, side.other());
        }
    }

    fn udp(
        &mut self,
        slot: u32,
        udp: &UdpDatagram<'_>,
        ends: Ends,
        believed: bool,
        context: Context,
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
                self.snaplen(context, "a datagram that may hold a name was cut");
            }
        }
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
        let (carries, spared) = self.table.flow(slot).map_or((Carries::Undecided, 0), |f| {
            (*f.carries.of(side), std::mem::take(f.spared.of_mut(side)))
        });
        self.dissected(slot, side, udp.wire_len as u64, carries, context);
        if let Some(span) = self.table.span(slot, context.epoch, context.moment) {
            span.opened = true;
            if !context.again && !context.rival {
                *span.bytes.of_mut(side) += udp.wire_len as u64;
                *span.spared.of_mut(side) += spared;
            }
            if udp.wire_len > 0 {
                note_carries(
                    span,
                    side,
                    if carries == Carries::Undecided {
                        Carries::Application
                    } else {
                        carries
                    },
                );
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

    fn read_with(
        &mut self,
        slot: u32,
        ends: Ends,
        context: Context,
        read: impl FnOnce(&mut Readings, &mut Sink<'_>),
    ) {
        let Self {
            table,
            readings,
            ledger,
            ..
        } = self;
        let Some(flow) = table.flow(slot) else { return };
        // Where labels stand on one direction only, the other is the same program's.
        let app = context.app.or(flow.apps.last().copied());
        let mut sink = Sink {
            flow,
            ledger,
            at: context.moment,
            epoch: context.epoch,
            ends,
            app,
        };
        read(readings, &mut sink);
    }

    /// A flow left the table: its reading ends, and it becomes part of a row.
    fn closed(&mut self, mut closed: Closed) {
        self.end_doubts(closed.slot);
        let last = closed
            .spans
            .iter()
            .max_by_key(|s| s.last)
            .map(|s| (s.epoch, s.last));
        let Some((epoch, at)) = last else { return };
        let waiting = self
            .readings
            .get(closed.slot)
            .is_some_and(Reading::is_waiting);
        if closed.evicted {
            let cause = if waiting {
                "more flows were open than are kept; one was being read"
            } else {
                "more flows were open than are kept"
            };
            self.ledger.gaps.at(GapId::LimitsReached, at, epoch, cause);
        }
        self.limited.flow(&closed);
        note_lost(&mut closed);
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
            read(&mut Sink {
                flow,
                ledger,
                at,
                epoch,
                ends,
                app,
            });
        });
        // What was found at the very end is not read any more: somebody's packets all the same.
        if let Some(last) = closed.flow.inside.drain(..).next() {
            closed.flow.facts.tunnel.get_or_insert(last.name);
        }
        content::end(&mut closed, epoch, at);
        for side in Side::BOTH {
            // Nobody said that it was a handshake.
            let undecided = *closed.flow.carries.of(side) == Carries::Undecided;
            if undecided || closed.flow.facts.protocol.is_none() {
                for span in &mut closed.spans {
                    *span.application.of_mut(side) |= *span.pending.of(side);
                }
            }
        }
        if closed.flow.joined_late {
            let began = self.epochs.of(closed.flow.started.time);
            let cause = "a connection was already open when its first packet was captured";
            self.ledger
                .gaps
                .at(GapId::StartedLate, closed.flow.started, began, cause);
        }
        for side in Side::BOTH {
            // More than a FIN was acknowledged, and not one packet of it was captured.
            let silent = closed.spans.iter().all(|s| *s.packets.of(side) == 0);
            if silent && closed.flow.half.of(side).acknowledged() > 1 {
                self.ledger.gaps.at(
                    GapId::OneDirection,
                    at,
                    epoch,
                    "acknowledgements advance, and nothing of the direction they answer was captured",
                );
            }
        }
        if closed.flow.half.a.forgot || closed.flow.half.b.forgot {
            self.ledger.gaps.at(
                GapId::LimitsReached,
                at,
                epoch,
                "more holes in a TCP stream than are kept",
            );
        }
        if closed.flow.facts.names_folded {
            self.ledger.gaps.at(
                GapId::LimitsReached,
                at,
                epoch,
                "more names on a connection than are kept",
            );
        }
        let (folded, names) = (self.rows.folded, self.rows.names_folded);
        // The slot of the flow's last packet may be a new one of the row.
        self.scale.keep(1);
        self.rows.add(closed, &self.ledger, &*self.settings.accuses);
        if self.rows.names_folded > names {
            let cause = "more names of a destination than are kept";
            self.ledger.gaps.at(GapId::LimitsReached, at, epoch, cause);
        }
        if self.rows.folded > folded {
            self.ledger.gaps.at(
                GapId::LimitsReached,
                at,
                epoch,
                "more conversations than rows are kept",
            );
        }
    }

    fn count_unreadable(&mut self, moment: Moment) {
        self.count_unflowed(moment).unreadable += 1;
        if let Some(place) = self.scale.place(moment.time) {
            self.scale
                .keep(self.unflowed_over_time.unreadable.add(place));
        }
    }

    /// Makes room for more slots of time.
    fn settle(&mut self) {
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

    fn count_unflowed(&mut self, moment: Moment) -> &mut Unflowed {
        self.unflowed.entry(moment.at.input).or_default()
    }

    /// Closes everything.
    pub(super) fn finish(mut self, inputs: Vec<u32>) -> (Series, Senders) {
        let context = Context {
            moment: self.clock.last().unwrap_or(Moment::NONE),
            epoch: 0,
            source: None,
            target: None,
            direction: None,
            carrier: None,
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
            self.joined(&joined, context);
        }
        for closed in self.table.drain() {
            self.closed(closed);
        }
        if let Some((each, flows, first)) = self.limited.finish() {
            let epoch = self.epochs.of(first.time);
            let cause = format!(
                "{flows} connections break off after exactly {each} packets, and none goes on longer: the capture tool keeps so many packets of each, and byte counts are lower bounds"
            );
            self.ledger
                .gaps
                .at(GapId::PayloadLimited, first, epoch, cause);
        }
        self.told();
        for cause in std::mem::take(&mut self.ledger.folded) {
            let input = inputs.first().copied().unwrap_or(0);
            self.ledger
                .gaps
                .whole(GapId::LimitsReached, input, 1, None, cause);
        }
        if let Some(at) = self.clock.over() {
            let cause = "more silences and steps of the clock than are kept";
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

/// The flow of a packet, and who sent it to whom.
fn between(datagram: &Datagram<'_>, transport: &Transport<'_>) -> (Key, Ends) {
    let (from, to) = match transport {
        Transport::Tcp(s) => (s.source_port, s.destination_port),
        Transport::Udp(u) => (u.source_port, u.destination_port),
        Transport::Malformed | Transport::Cut => ports(datagram),
        Transport::Icmp { kind, code, .. } => icmp_ports(datagram.protocol, *kind, *code),
        Transport::Other => ports(datagram),
    };
    let (sender, receiver) = ((datagram.source, from), (datagram.destination, to));
    let (key, side) = Key::new(sender, receiver, datagram.protocol);
    let ends = Ends {
        side,
        sender,
        receiver,
    };
    (key, ends)
}

/// How much a packet in a frame of several weighs, by what is known at once (contract: internet,
/// relayed, unreadable, local, not IP).
fn weight(content: &Content<'_>) -> u8 {
    let lonely = |ip: IpAddr| classify(ip).is_local();
    match content {
        Content::Ip(bytes) => match decode(bytes, usize::from(u16::MAX)) {
            Decoded::Datagram(d) if !lonely(d.source) || !lonely(d.destination) => 5,
            // What goes to a single host may be relayed by it.
            Decoded::Datagram(d) if !d.destination.is_multicast() => 2,
            Decoded::Datagram(_) => 1,
            _ => 3,
        },
        Content::Extract(e) if !lonely(e.source.0) || !lonely(e.destination.0) => 5,
        Content::Extract(_) => 2,
        Content::Unreadable(..) | Content::Bundle(_) => 3,
        Content::Arp(_) | Content::NotIp(_) => 0,
    }
}

fn count(span: &mut Span, side: Side, piece: &Piece, answers: bool) {
    let moment = piece.moment;
    span.frames += u64::from(piece.accounted);
    *span.packets.of_mut(side) += 1;
    *span.answers.of_mut(side) += u64::from(answers);
    span.first = span.first.min(moment);
    span.last = span.last.max(moment);
}

/// Counts what was acknowledged and is in no packet, in the epoch where that showed and in that of the packet before: it was lost between
/// the two.
fn note_lost(closed: &mut Closed) {
    for side in Side::BOTH {
        for (at, bytes) in closed.flow.half.of(side).lost() {
            for span in &mut closed.spans {
                if span.epoch == at.epoch || span.epoch == at.before {
                    span.lost = span.lost.saturating_add(bytes);
                }
            }
        }
    }
}

fn note_carries(span: &mut Span, side: Side, carries: Carries) {
    match carries {
        Carries::Application => *span.application.of_mut(side) = true,
        Carries::Undecided => *span.pending.of_mut(side) = true,
        Carries::Handshake => {}
    }
}
