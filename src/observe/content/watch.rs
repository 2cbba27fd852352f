//! The payload of one flow: whether it is looked into, and how far.
//!
//! The dissectors, which look for names, say what a flow is (protocol, tunnel, relay) and frame what it carries. A flow between two
//! addresses of the site is read only where a client asks a relay, and else left alone at once: video links carry gigabytes.

use super::direction::{DIRECTION_MAX, Direction, Told};
use super::encoding::Coding;
use super::held::Credit;
use super::hits::{Opened, Out, Tokens};
use super::message::Message;
use super::plain::drone_positions;
use super::{Policy, labels, readable, scan, video};
use crate::evidence::content::{Hits, Kind, SealedBy, TrafficPart};
use crate::evidence::flow::{Key, NameSource, Pair, Side};
use crate::ground::address::classify;
use crate::ground::budget::{Budget, Lease};
use crate::ground::moment::Moment;
use crate::ground::protocol;
use crate::observe::flow::part::{Label, Lent};
use crate::observe::flow::{Flow, PayloadKind};
use std::collections::BTreeMap;

/// The clear start of an SSH connection (RFC 4253 §4.2, §7.1, §8; RFC 4252 §5), and a login: lists of algorithms take some 1,500
/// bytes, a key share that resists quantum computers 1,200.
const SSH_OPENING_MAX: u64 = 3 << 10;
/// RTP packets between two parameter sets of one stream; senders repeat them every second or so.
const RTP_APART: u16 = 4000;

/// Streams of a side that are looked into at a time.
const LENT_MAX: usize = 256;

/// What a flow has of this: nothing yet, nothing ever, or a watch.
#[derive(Default)]
pub enum Slot {
    /// No payload was seen.
    #[default]
    Unasked,
    /// It cannot leave the site, or nothing is looked into.
    Off,
    /// It is read.
    On(Box<Watch>),
}

/// What the dissectors know of a flow.
#[derive(Debug, Clone, Copy, Default)]
struct Clues {
    payload: PayloadKind,
    /// What is inside cannot be seen, or is read by others.
    sealed: bool,
}

impl Clues {
    fn of(flow: &Flow, bytes: usize) -> Self {
        let facts = &flow.facts;
        Self {
            payload: flow.payload,
            sealed: facts.tunnel.is_some()
                || is_dissected(flow, bytes as u64)
                || flow.payload == PayloadKind::Attributes
                || (flow.payload == PayloadKind::Sealed && !flow.opens),
        }
    }
}

/// True if a dissector reads every byte of such a payload: nothing of a person hides in what it understands.
pub fn is_dissected(flow: &Flow, bytes: u64) -> bool {
    /// NTP's header, and a key's id and digest (RFC 5905 §7.3).
    const NTP_MAX: u64 = 68;
    match flow.payload {
        PayloadKind::Lookups => flow.facts.only_lookups,
        PayloadKind::Clock => bytes <= NTP_MAX,
        _ => false,
    }
}

/// What seals the datagrams of a flow.
fn around(flow: &Flow) -> SealedBy {
    match flow.facts.protocol {
        Some("dtls" | "dns-over-dtls") => SealedBy::Dtls,
        _ => SealedBy::Quic,
    }
}

/// The payload of a flow.
pub struct Watch {
    sides: Pair<Direction>,
    /// Streams of each side in connections of many, by connection and number.
    streams: Pair<BTreeMap<(u64, u64), Direction>>,
    account: Account,
    /// Both ends are on the site.
    guarded: bool,
    lease: Lease,
    /// Names of the flow that were looked at.
    names: usize,
    rtp: Option<(u32, u16)>,
}

/// What was found in a flow, and read of it.
struct Account {
    hits: Hits,
    policy: Policy,
    /// Bytes that came out of compressed bodies; they count for the bound of a direction.
    opened: Opened,
    tokens: Tokens,
}

impl Account {
    fn out<'o>(
        &'o mut self,
        side: Side,
        (at, interval): (Moment, u32),
        payload: PayloadKind,
        credits: &'o mut Vec<Credit>,
    ) -> Out<'o> {
        Out {
            hits: &mut self.hits,
            credits,
            policy: self.policy,
            side,
            at,
            interval,
            payload,
            inside: None,
            packed: false,
            opened: &self.opened,
            tokens: &self.tokens,
        }
    }
}

/// The slots of all flows of a series, by their places in the flow table.
#[derive(Default)]
pub struct Slots(Vec<Slot>);

impl Slots {
    /// That of a flow.
    pub fn at(&mut self, slot: u32) -> Option<&mut Slot> {
        let slot = slot as usize;
        if slot >= self.0.len() {
            self.0.resize_with(slot.saturating_add(1), Slot::default);
        }
        self.0.get_mut(slot)
    }

    /// Takes out that of a flow that is over.
    pub fn take(&mut self, slot: u32) -> Slot {
        self.0
            .get_mut(slot as usize)
            .map(std::mem::take)
            .unwrap_or_default()
    }
}

/// What the dissectors said of the bytes of a direction.
#[derive(Debug, Default)]
pub struct Framing {
    /// What bytes are, beginning where they left off.
    pub labels: Vec<Label>,
    /// Number of the first byte of which it is not known yet what it is; nobody will say if there is none.
    pub undecided: Option<u32>,
}

impl Slot {
    /// What a flow with these ends needs.
    pub fn new(key: &Key, policy: Policy, budget: &Budget) -> Self {
        let local = |side| {
            let ip = key.ip(side);
            ip.is_multicast() || classify(ip).is_local_source()
        };
        let (a, b) = (local(Side::A), local(Side::B));
        let guarded = a && b;
        // Of datagrams within the site, only lookups go on to the internet.
        let lookups = [Side::A, Side::B]
            .iter()
            .any(|side| key.port(*side) == protocol::DNS_PORT && !key.ip(*side).is_multicast());
        if policy == Policy::Off || (guarded && key.protocol() != protocol::TCP && !lookups) {
            return Self::Off;
        }
        // With one end on the site that end is ours; else either may be.
        let direction = |watched: bool| match watched {
            true => Direction::default(),
            false => Direction::unheard(),
        };
        Self::On(Box::new(Watch {
            sides: Pair {
                a: direction(a || !b),
                b: direction(b || !a),
            },
            streams: Pair::default(),
            account: Account {
                hits: Hits::default(),
                policy,
                opened: Opened::of(budget),
                tokens: Tokens::default(),
            },
            guarded,
            lease: budget.lease(),
            names: 0,
            rtp: None,
        }))
    }

    /// What was found.
    pub fn hits(&self) -> Option<&Hits> {
        match self {
            Self::On(watch) if !watch.hits().is_empty() => Some(watch.hits()),
            _ => None,
        }
    }

    /// The first packet of which not all that came out was looked at, as there was more than may be.
    pub fn beyond(&self) -> Option<(Moment, u32)> {
        match self {
            Self::On(watch) => watch.account.opened.beyond(),
            _ => None,
        }
    }

    /// Which sides are looked into.
    pub fn hears(&self) -> Pair<bool> {
        match self {
            Self::On(watch) => Pair {
                a: !watch.sides.a.is_done(),
                b: !watch.sides.b.is_done(),
            },
            _ => Pair::default(),
        }
    }
}

/// A payload and when it came.
#[derive(Debug, Clone, Copy)]
pub struct Payload<'b> {
    /// The bytes.
    pub bytes: &'b [u8],
    /// Who sent them.
    pub side: Side,
    /// The packet.
    pub at: Moment,
    /// Its interval.
    pub interval: u32,
}

impl Watch {
    /// What was found so far.
    pub fn hits(&self) -> &Hits {
        &self.account.hits
    }

    fn told(&self, flow: &Flow, undecided: Option<u32>) -> Told {
        Told {
            undecided,
            stays: self.guarded && flow.facts.relay.is_none(),
            guarded: self.guarded,
        }
    }

    /// Takes the payload of a TCP segment; what was read is added to `credits`.
    pub fn segment(
        &mut self,
        payload: Payload<'_>,
        sequence: u32,
        begin: Option<u32>,
        flow: &Flow,
        framing: Framing,
        credits: &mut Vec<Credit>,
    ) {
        let clues = Clues::of(flow, payload.bytes.len());
        self.hellos(payload, flow, credits);
        let told = self.told(flow, framing.undecided);
        let Payload { bytes, side, .. } = payload;
        let direction = self.sides.of_mut(side);
        if direction.is_done() {
            return;
        }
        let when = (payload.at, payload.interval);
        // What is sealed has readers only where it was opened.
        let kind = match clues.payload {
            PayloadKind::Sealed if flow.within.broadcast => PayloadKind::Broadcast,
            kind => kind,
        };
        let mut out = self.account.out(side, when, kind, credits);
        direction.label(framing.labels);
        if clues.sealed {
            if clues.payload == PayloadKind::Lookups
                && let Some((length, message)) = bytes.split_first_chunk::<2>()
                && usize::from(u16::from_be_bytes(*length)) <= message.len()
            {
                labels::query(message, &mut out);
                return;
            }
            direction.stop(told, &mut out);
            return;
        }
        let seen = direction.seen();
        if clues.payload == PayloadKind::Opening && *seen < SSH_OPENING_MAX {
            *seen = seen.saturating_add(bytes.len() as u64);
            if *seen <= SSH_OPENING_MAX {
                // A banner and names of algorithms are text.
                for found in scan::scan_for(bytes, false, &out).found {
                    out.found(
                        found,
                        TrafficPart::TcpPayload,
                        (payload.at, payload.interval),
                    );
                }
                out.read(bytes.len(), payload.at, payload.interval);
                return;
            }
        }
        direction.segment(sequence, begin, bytes, told, &mut out);
        if !self.fits() {
            // Nothing of this flow waits any longer: what is there is looked at now, and reading begins anew.
            let mut out = self.account.out(side, when, kind, credits);
            self.sides.of_mut(side).flush(told, &mut out);
            self.fits();
        }
    }

    /// Looks at names of servers that this packet said in a hello.
    fn hellos(&mut self, payload: Payload<'_>, flow: &Flow, credits: &mut Vec<Credit>) {
        let names = flow.facts.names.get(self.names..).unwrap_or_default();
        if names.is_empty() {
            return;
        }
        self.names = flow.facts.names.len();
        let when = (payload.at, payload.interval);
        let mut out = self.account.out(payload.side, when, flow.payload, credits);
        for said in names {
            let named = &said.named;
            use NameSource::{DtlsSni, QuicSni, TlsSni};
            if matches!(named.source, TlsSni | QuicSni | DtlsSni) {
                labels::host(&named.name, TrafficPart::ServerName, &mut out);
            }
        }
    }

    /// Holds as much of the budget as it needs; false if there is not so much.
    fn fits(&mut self) -> bool {
        let all = [&self.streams.a, &self.streams.b].into_iter();
        let streams = all.flat_map(|s| s.values()).map(Direction::size);
        let sides = [self.sides.a.size(), self.sides.b.size()].into_iter();
        let size = streams.chain(sides).fold(0, usize::saturating_add);
        let held = self.lease.held();
        if size <= held {
            self.lease.give_back(held.saturating_sub(size));
            true
        } else {
            self.lease.take(size.saturating_sub(held))
        }
    }

    /// Takes a datagram.
    pub fn datagram(
        &mut self,
        payload: Payload<'_>,
        part: TrafficPart,
        flow: &Flow,
        credits: &mut Vec<Credit>,
    ) {
        let clues = Clues::of(flow, payload.bytes.len());
        self.hellos(payload, flow, credits);
        let direction = self.sides.of_mut(payload.side);
        let bytes = payload.bytes;
        let when = (payload.at, payload.interval);
        if direction.is_done() {
            return;
        }
        if clues.sealed || self.guarded {
            let mut out = self.account.out(payload.side, when, clues.payload, credits);
            match clues.payload {
                PayloadKind::Lookups => labels::query(bytes, &mut out),
                PayloadKind::Attributes => labels::stun(bytes, &mut out),
                _ => {}
            }
            return;
        }
        let seen = direction.seen();
        *seen = seen.saturating_add(bytes.len() as u64);
        self.account.opened.saw(bytes.len());
        if seen.saturating_add(self.account.opened.get()) > DIRECTION_MAX {
            direction.give_up();
            return;
        }
        let mut out = self.account.out(payload.side, when, clues.payload, credits);
        if clues.payload == PayloadKind::DroneLink {
            drone_positions(bytes, part, &mut out);
        }
        if let Some((source, sequence)) = video::rtp(bytes) {
            let again = self
                .rtp
                .is_some_and(|(s, n)| s == source && sequence.wrapping_sub(n) < RTP_APART);
            self.rtp = Some((source, sequence));
            if again {
                let media = super::media::Media {
                    kind: Kind::Video,
                    format: "H.264/H.265 in RTP",
                };
                out.found(scan::picture(media, 0), part, when);
            }
        }
        let mut message = Message::new(part, Coding::Plain);
        message.push(bytes, &mut out);
        message.end(&mut out);
    }

    /// Takes what came out of a sealed datagram.
    pub fn lent(
        &mut self,
        payload: Payload<'_>,
        lent: Lent,
        flow: &Flow,
        credits: &mut Vec<Credit>,
    ) {
        self.hellos(payload, flow, credits);
        let when = (payload.at, payload.interval);
        self.lend(payload.side, lent, flow, when, credits);
        self.fits();
    }

    /// Lends bytes of streams to those who look into each.
    pub fn lend(
        &mut self,
        side: Side,
        lent: Lent,
        flow: &Flow,
        when: (Moment, u32),
        credits: &mut Vec<Credit>,
    ) {
        let clues = Clues::of(flow, 0);
        let told = self.told(flow, None);
        let sides = self.sides.of_mut(side);
        if sides.is_done() || clues.sealed {
            self.streams.of_mut(side).clear();
            return;
        }
        let length: usize = lent.streams.iter().map(|loan| loan.bytes.len()).sum();
        let seen = sides.seen();
        *seen = seen.saturating_add(length as u64);
        self.account.opened.saw(length);
        let too_much = seen.saturating_add(self.account.opened.get()) > DIRECTION_MAX;
        let mut out = self.account.out(side, when, clues.payload, credits);
        out.inside = Some(around(flow));
        out.read(
            usize::try_from(lent.marks).unwrap_or(usize::MAX),
            when.0,
            when.1,
        );
        let streams = self.streams.of_mut(side);
        for loan in lent.streams {
            if streams.len() >= LENT_MAX
                && !streams.contains_key(&loan.stream)
                && let Some((_, mut oldest)) = streams.pop_first()
            {
                oldest.stop(told, &mut out);
            }
            let told = Told {
                undecided: loan.undecided,
                ..told
            };
            let direction = streams.entry(loan.stream).or_default();
            direction.label(loan.labels);
            direction.segment(loan.number, Some(loan.begin), &loan.bytes, told, &mut out);
            if loan.over
                && let Some(mut direction) = streams.remove(&loan.stream)
            {
                direction.flush(told, &mut out);
                direction.stop(told, &mut out);
            }
        }
        if too_much {
            sides.give_up();
            while let Some((_, mut stream)) = streams.pop_first() {
                stream.stop(told, &mut out);
            }
        }
    }

    /// Takes the payload of an ICMP message, its identifier and sequence number in front.
    pub fn icmp(&mut self, payload: Payload<'_>, flow: &Flow, credits: &mut Vec<Credit>) {
        const NUMBERS: usize = 4;
        let (numbers, data) = payload
            .bytes
            .split_at_checked(NUMBERS)
            .unwrap_or((payload.bytes, &[]));
        let filler = readable::is_filler(data);
        let read = numbers
            .len()
            .saturating_add(if filler { data.len() } else { 0 });
        super::held::add(credits, payload.at, payload.interval, read as u64);
        if !filler {
            let payload = Payload {
                bytes: data,
                ..payload
            };
            self.datagram(payload, TrafficPart::IcmpPayload, flow, credits);
        }
    }

    /// The flow is over; what waits of this side is looked at.
    pub fn end(
        &mut self,
        side: Side,
        flow: &Flow,
        labels: Vec<Label>,
        when: (Moment, u32),
        credits: &mut Vec<Credit>,
    ) {
        let told = self.told(flow, None);
        let mut out = self.account.out(side, when, flow.payload, credits);
        let direction = self.sides.of_mut(side);
        direction.label(labels);
        direction.flush(told, &mut out);
        direction.stop(told, &mut out);
        out.inside = Some(around(flow));
        while let Some((_, mut stream)) = self.streams.of_mut(side).pop_first() {
            stream.flush(told, &mut out);
            stream.stop(told, &mut out);
        }
        self.lease.give_back(self.lease.held());
    }
}
