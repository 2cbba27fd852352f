//! The payload of one flow, direction by direction: which protocol it is, and who reads it.
//!
//! Beside the dissectors, which look for names: their findings (protocol, tunnel, relay) are clues here. A flow between two
//! addresses of the site is read only where a client asks a relay, and else left alone at once: video links carry gigabytes.

use super::assembler::{Assembler, Event};
use super::encoding::Coding;
use super::held::{Credit, Held};
use super::hits::{Out, Tokens};
use super::http::Http;
use super::http2::Http2;
use super::message::Message;
use super::{Policy, labels, mqtt, position, readable, scan, video};
use crate::evidence::content::{Hits, Kind};
use crate::evidence::flow::{Key, NameSource, Pair, Side};
use crate::ground::address::classify;
use crate::ground::budget::{Budget, Lease};
use crate::ground::moment::Moment;
use crate::ground::protocol;
use crate::observe::dissect::http1::HTTP2_PREFACE;
use crate::observe::dissect::wire::Fit;
use crate::observe::dissect::{drone, http1, tls_record};
use crate::observe::flow::part::{Part, Pieces, When};
use crate::observe::flow::{Flow, PayloadKind};
use std::cell::Cell;

/// Payload of a direction that is looked at: a flight's telemetry and reports are far below, and a download must not cost the
/// audit its speed. What lies beyond is unread.
const DIRECTION_MAX: u64 = 32 << 20;
/// Bytes that may wait for a protocol to show itself.
const SNIFF_MAX: usize = 8 << 10;
/// Bytes of a flow within the site that are looked at for a request to a relay; clients ask at once.
const GUARDED_MAX: u64 = 8 << 10;
/// The clear start of an SSH connection (RFC 4253 §4.2, §7.1, §8; RFC 4252 §5), and a login: lists of algorithms take some 1,500
/// bytes, a key share that resists quantum computers 1,200.
const SSH_OPENING_MAX: u64 = 3 << 10;
/// RTP packets between two parameter sets of one stream; senders repeat them every second or so.
const RTP_APART: u16 = 4000;

/// The port of DNS.
const DNS: u16 = 53;

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
    /// It asks a relay for internet use.
    relay: bool,
    /// What is inside cannot be seen, or is read by others.
    sealed: bool,
}

impl Clues {
    fn of(flow: &Flow, bytes: usize) -> Self {
        let facts = &flow.facts;
        Self {
            payload: flow.payload,
            relay: facts.relay.is_some(),
            sealed: facts.tunnel.is_some()
                || is_dissected(flow, bytes as u64)
                || matches!(flow.payload, PayloadKind::Sealed | PayloadKind::Attributes),
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

/// A reader of one direction of a stream.
pub(super) trait Reader {
    /// Takes the next bytes.
    fn read(&mut self, bytes: &[u8], out: &mut Out<'_>) -> Then;
    /// Nothing follows, or not without a hole.
    fn end(&mut self, out: &mut Out<'_>);
    /// Memory held.
    fn size(&self) -> usize;
}

/// What comes after bytes that were read.
pub(super) enum Then {
    Stay,
    /// Behind so many bytes something else begins.
    Sniff(usize),
    /// Behind so many bytes this one reads on.
    Become(Box<dyn Reader>, usize),
    /// It was something else: these bytes, all that were given included, are to be looked at anew.
    Again(Held),
    /// The rest cannot be read.
    Done,
}

/// The payload of a flow.
pub struct Watch {
    sides: Pair<Direction>,
    hits: Hits,
    policy: Policy,
    /// Both ends are on the site.
    guarded: bool,
    lease: Lease,
    /// Bytes that came out of compressed bodies; they count for the bound of a direction.
    opened: Cell<u64>,
    tokens: Tokens,
    /// Names of the flow that were looked at.
    names: usize,
    rtp: Option<(u32, u16)>,
}

#[derive(Default)]
struct Direction {
    assembler: Assembler,
    mode: Mode,
    seen: u64,
}

enum Mode {
    /// Bytes are lent by their dissector, and a message may be at hand.
    Framed(Option<Message>),
    Sniff(Held),
    Reading(Box<dyn Reader>),
    Done,
}

impl Default for Mode {
    fn default() -> Self {
        Self::Sniff(Held::default())
    }
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
            .any(|side| key.port(*side) == DNS && !key.ip(*side).is_multicast());
        if policy == Policy::Off || (guarded && key.protocol() != protocol::TCP && !lookups) {
            return Self::Off;
        }
        // With one end on the site that end is ours; else either may be.
        let direction = |watched: bool| Direction {
            mode: if watched { Mode::default() } else { Mode::Done },
            ..Direction::default()
        };
        Self::On(Box::new(Watch {
            sides: Pair {
                a: direction(a || !b),
                b: direction(b || !a),
            },
            hits: Hits::default(),
            policy,
            guarded,
            lease: budget.lease(),
            opened: Cell::new(0),
            tokens: Tokens::default(),
            names: 0,
            rtp: None,
        }))
    }

    /// What was found.
    pub fn hits(&self) -> Option<&Hits> {
        match self {
            Self::On(watch) if !watch.hits.is_empty() => Some(&watch.hits),
            _ => None,
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
        &self.hits
    }

    /// Takes the payload of a TCP segment; what was read is added to `credits`.
    pub fn segment(
        &mut self,
        payload: Payload<'_>,
        sequence: u32,
        begin: Option<u32>,
        flow: &Flow,
        credits: &mut Vec<Credit>,
    ) {
        let clues = Clues::of(flow, payload.bytes.len());
        self.hellos(payload, flow, credits);
        let (hits, policy, guarded) = (&mut self.hits, self.policy, self.guarded);
        let direction = self.sides.of_mut(payload.side);
        if matches!(direction.mode, Mode::Done) {
            return;
        }
        let mut out = Out {
            hits,
            credits,
            policy,
            side: payload.side,
            at: payload.at,
            interval: payload.interval,
            payload: clues.payload,
            opened: &self.opened,
            tokens: &self.tokens,
        };
        if clues.sealed {
            if clues.payload == PayloadKind::Lookups
                && let Some((length, message)) = payload.bytes.split_first_chunk::<2>()
                && usize::from(u16::from_be_bytes(*length)) <= message.len()
            {
                labels::query(message, &mut out);
                return;
            }
            direction.stop(&mut out);
            return;
        }
        if clues.payload == PayloadKind::Opening && direction.seen < SSH_OPENING_MAX {
            direction.seen = direction.seen.saturating_add(payload.bytes.len() as u64);
            if direction.seen <= SSH_OPENING_MAX {
                out.read(payload.bytes.len(), payload.at, payload.interval);
                return;
            }
        }
        let Direction {
            assembler,
            mode,
            seen,
        } = direction;
        let moment = (payload.at, payload.interval);
        assembler.push(sequence, begin, payload.bytes, moment, &mut |event| {
            lend(event, mode, seen, clues, guarded, &mut out);
        });
        let size = |sides: &Pair<Direction>| sides.a.size().saturating_add(sides.b.size());
        if !self.fits(size(&self.sides)) {
            // Nothing of this flow waits any longer: what is there is looked at now, and reading begins anew.
            let direction = self.sides.of_mut(payload.side);
            let mut out = Out {
                hits: &mut self.hits,
                credits,
                policy,
                side: payload.side,
                at: payload.at,
                interval: payload.interval,
                payload: clues.payload,
                opened: &self.opened,
                tokens: &self.tokens,
            };
            direction.stop(&mut out);
            direction.mode = Mode::default();
            let size = size(&self.sides);
            self.fits(size);
        }
    }

    /// True unless nothing more of this side is looked into.
    pub fn wants(&self, side: Side) -> bool {
        !matches!(self.sides.of(side).mode, Mode::Done)
    }

    /// A dissector frames this side from here on. What came before and is not lent again is looked at.
    pub fn framed(&mut self, side: Side, again: usize, flow: &Flow) {
        let clues = Clues::of(flow, 0);
        let direction = self.sides.of_mut(side);
        if matches!(direction.mode, Mode::Done) {
            return;
        }
        let again = again as u64;
        if direction.seen > again {
            // Bytes that are lent again are looked at twice, and count once.
            let mut twice = Vec::new();
            let mut out = Out {
                hits: &mut self.hits,
                credits: &mut twice,
                policy: self.policy,
                side,
                at: Moment::NONE,
                interval: 0,
                payload: clues.payload,
                opened: &self.opened,
                tokens: &self.tokens,
            };
            stop(&mut direction.mode, &mut out);
        }
        direction.seen = direction.seen.saturating_sub(again);
        direction.assembler = Assembler::default();
        direction.mode = Mode::Framed(None);
    }

    /// Takes bytes that a dissector lends.
    pub fn part(
        &mut self,
        side: Side,
        part: Part,
        pieces: Pieces<'_>,
        flow: &Flow,
        credits: &mut Vec<Credit>,
    ) {
        let clues = Clues::of(flow, pieces.bytes().len());
        let guarded = self.guarded;
        let direction = self.sides.of_mut(side);
        let Some((_, (at, interval))) = pieces.iter().last() else {
            return;
        };
        let mut out = Out {
            hits: &mut self.hits,
            credits,
            policy: self.policy,
            side,
            at,
            interval,
            payload: clues.payload,
            opened: &self.opened,
            tokens: &self.tokens,
        };
        if clues.sealed {
            direction.stop(&mut out);
        }
        let Direction { mode, seen, .. } = &mut *direction;
        if matches!(mode, Mode::Done) {
            return;
        }
        *seen = seen.saturating_add(pieces.bytes().len() as u64);
        match part {
            Part::Unframed => {
                for (piece, (at, interval)) in pieces.iter() {
                    (out.at, out.interval) = (at, interval);
                    feed(piece, mode, clues, false, guarded, &mut out);
                }
            }
            Part::Login { header } => mqtt::look_at_login(header, pieces, &mut out),
            Part::Frame { header } => mqtt::look_at_frame(header, pieces, &mut out),
            Part::Body { last } => {
                let mut message = match std::mem::replace(mode, Mode::Framed(None)) {
                    Mode::Framed(Some(message)) => message,
                    mut other => {
                        stop(&mut other, &mut out);
                        Message::new(mqtt::PLACE, Coding::Plain)
                    }
                };
                for (piece, (at, interval)) in pieces.iter() {
                    (out.at, out.interval) = (at, interval);
                    message.push(piece, &mut out);
                }
                if last {
                    message.end(&mut out);
                } else {
                    *mode = Mode::Framed(Some(message));
                }
            }
        }
        if seen.saturating_add(out.opened.get()) > DIRECTION_MAX {
            stop(mode, &mut out);
        }
        let size = self.sides.a.size().saturating_add(self.sides.b.size());
        if !self.fits(size) {
            self.hole(side, flow, credits);
            let size = self.sides.a.size().saturating_add(self.sides.b.size());
            self.fits(size);
        }
    }

    /// Bytes of a side that is lent are missing: what is at hand is looked at.
    pub fn hole(&mut self, side: Side, flow: &Flow, credits: &mut Vec<Credit>) {
        let mut out = Out {
            hits: &mut self.hits,
            credits,
            policy: self.policy,
            side,
            at: Moment::NONE,
            interval: 0,
            payload: flow.payload,
            opened: &self.opened,
            tokens: &self.tokens,
        };
        let mode = &mut self.sides.of_mut(side).mode;
        if !matches!(mode, Mode::Done) {
            stop(mode, &mut out);
            *mode = Mode::Framed(None);
        }
    }

    /// Takes a copy of bytes of a side that is lent which differs from what stood there.
    pub fn rival(
        &mut self,
        side: Side,
        bytes: &[u8],
        when: When,
        flow: &Flow,
        credits: &mut Vec<Credit>,
    ) {
        if self.guarded || !self.wants(side) {
            return;
        }
        let mut out = Out {
            hits: &mut self.hits,
            credits,
            policy: self.policy,
            side,
            at: when.0,
            interval: when.1,
            payload: flow.payload,
            opened: &self.opened,
            tokens: &self.tokens,
        };
        rival(bytes, when, &mut out);
    }

    /// Nothing more of a side is looked into.
    pub fn give_up(&mut self, side: Side) {
        self.sides.of_mut(side).mode = Mode::Done;
    }

    /// Looks at names of servers that this packet said in a hello.
    fn hellos(&mut self, payload: Payload<'_>, flow: &Flow, credits: &mut Vec<Credit>) {
        let names = flow.facts.names.get(self.names..).unwrap_or_default();
        if names.is_empty() {
            return;
        }
        self.names = flow.facts.names.len();
        let mut out = Out {
            hits: &mut self.hits,
            credits,
            policy: self.policy,
            side: payload.side,
            at: payload.at,
            interval: payload.interval,
            payload: flow.payload,
            opened: &self.opened,
            tokens: &self.tokens,
        };
        for (named, _) in names {
            use NameSource::{DtlsSni, QuicSni, TlsSni};
            if matches!(named.source, TlsSni | QuicSni | DtlsSni) {
                labels::host(&named.name, "server name", &mut out);
            }
        }
    }

    /// Holds as much of the budget as `size`; false if there is not so much.
    fn fits(&mut self, size: usize) -> bool {
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
        place: &'static str,
        flow: &Flow,
        credits: &mut Vec<Credit>,
    ) {
        let clues = Clues::of(flow, payload.bytes.len());
        self.hellos(payload, flow, credits);
        let direction = self.sides.of_mut(payload.side);
        let bytes = payload.bytes;
        if matches!(direction.mode, Mode::Done) {
            return;
        }
        if clues.sealed || self.guarded {
            let mut out = Out {
                hits: &mut self.hits,
                credits,
                policy: self.policy,
                side: payload.side,
                at: payload.at,
                interval: payload.interval,
                payload: clues.payload,
                opened: &self.opened,
                tokens: &self.tokens,
            };
            match clues.payload {
                PayloadKind::Lookups => labels::query(bytes, &mut out),
                PayloadKind::Attributes => labels::stun(bytes, &mut out),
                _ => {}
            }
            return;
        }
        direction.seen = direction.seen.saturating_add(bytes.len() as u64);
        if direction.seen.saturating_add(self.opened.get()) > DIRECTION_MAX {
            direction.mode = Mode::Done;
            return;
        }
        let mut out = Out {
            hits: &mut self.hits,
            credits,
            policy: self.policy,
            side: payload.side,
            at: payload.at,
            interval: payload.interval,
            payload: clues.payload,
            opened: &self.opened,
            tokens: &self.tokens,
        };
        let moment = (payload.at, payload.interval);
        if clues.payload == PayloadKind::DroneLink {
            drone_positions(bytes, place, &mut out);
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
                out.found(scan::picture(media, 0), place, moment);
            }
        }
        let mut message = Message::new(place, Coding::Plain);
        message.push(bytes, &mut out);
        message.end(&mut out);
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
            self.datagram(payload, "icmp payload", flow, credits);
        }
    }

    /// The flow is over; what waits of this side is looked at.
    pub fn end(
        &mut self,
        side: Side,
        flow: &Flow,
        (at, interval): (Moment, u32),
        credits: &mut Vec<Credit>,
    ) {
        let clues = Clues::of(flow, 0);
        let mut out = Out {
            hits: &mut self.hits,
            credits,
            policy: self.policy,
            side,
            at,
            interval,
            payload: clues.payload,
            opened: &self.opened,
            tokens: &self.tokens,
        };
        let direction = self.sides.of_mut(side);
        let Direction {
            assembler,
            mode,
            seen,
        } = &mut *direction;
        let guarded = self.guarded;
        assembler.end(&mut |event| lend(event, mode, seen, clues, guarded, &mut out));
        direction.stop(&mut out);
        self.lease.give_back(self.lease.held());
    }
}

impl Direction {
    fn size(&self) -> usize {
        let mode = match &self.mode {
            Mode::Sniff(held) => held.bytes.capacity(),
            Mode::Reading(reader) => reader.size(),
            Mode::Framed(message) => message.as_ref().map_or(0, Message::size),
            Mode::Done => 0,
        };
        mode.saturating_add(self.assembler.size())
    }

    fn stop(&mut self, out: &mut Out<'_>) {
        stop(&mut self.mode, out);
        self.assembler = Assembler::default();
    }
}

/// What waits is looked at, and nothing more is.
fn stop(mode: &mut Mode, out: &mut Out<'_>) {
    match std::mem::replace(mode, Mode::Done) {
        Mode::Sniff(held) => {
            let mut message = Message::new("tcp payload", Coding::Plain);
            let length = held.bytes.len();
            held.each(0, length, out, &mut |piece, out| message.push(piece, out));
            message.end(out);
        }
        Mode::Reading(mut reader) => reader.end(out),
        Mode::Framed(Some(mut message)) => message.end(out),
        Mode::Framed(None) | Mode::Done => {}
    }
}

/// An event of the stream goes to whoever reads it.
fn lend(
    event: Event<'_>,
    mode: &mut Mode,
    seen: &mut u64,
    clues: Clues,
    guarded: bool,
    out: &mut Out<'_>,
) {
    let (bytes, at, interval) = match event {
        Event::Bytes(bytes, at, interval) => (bytes, at, interval),
        Event::Hole => {
            if !matches!(mode, Mode::Done) {
                stop(mode, out);
                *mode = Mode::default();
            }
            return;
        }
        Event::Rival(bytes, at, interval) => {
            if !guarded && !matches!(mode, Mode::Done) {
                rival(bytes, (at, interval), out);
            }
            return;
        }
    };
    *seen = seen.saturating_add(bytes.len() as u64);
    let (now, of) = (out.at, out.interval);
    (out.at, out.interval) = (at, interval);
    feed(
        bytes,
        mode,
        clues,
        guarded && !clues.relay && *seen > GUARDED_MAX,
        guarded,
        out,
    );
    (out.at, out.interval) = (now, of);
    if seen.saturating_add(out.opened.get()) > DIRECTION_MAX {
        stop(mode, out);
    }
}

/// Another copy of bytes that were read is looked at by itself; only what is new in it counts, and nothing at its ends, where it may
/// be cut.
fn rival(bytes: &[u8], moment: (Moment, u32), out: &mut Out<'_>) {
    const PLACE: &str = "tcp payload";
    let grains = readable::text_grains(bytes, 0);
    let sure = readable::nearly_all(&grains, bytes.len());
    for found in scan::scan(bytes, sure).found {
        let whole = found.at > 0 && found.end < bytes.len();
        let known = out
            .hits
            .iter()
            .any(|hit| hit.kind == found.kind && hit.side == out.side && hit.text == found.masked);
        if whole && !known {
            out.found(found, PLACE, moment);
        }
    }
}

/// Turns of one segment between readers: each consumes bytes, so this only stops one that does not.
const TURNS_MAX: usize = 1000;

fn feed(
    bytes: &[u8],
    mode: &mut Mode,
    clues: Clues,
    tired: bool,
    guarded: bool,
    out: &mut Out<'_>,
) {
    let mut used = 0usize;
    for _ in 0..TURNS_MAX {
        let Some(rest) = bytes.get(used..).filter(|rest| !rest.is_empty()) else {
            return;
        };
        let then = match mode {
            Mode::Done => return,
            Mode::Framed(_) => {
                *mode = Mode::Reading(Box::new(Plain::default()));
                continue;
            }
            Mode::Sniff(held) => {
                held.push(rest, out.at, out.interval);
                let held = std::mem::take(held);
                begin(held, mode, clues, tired, guarded, out);
                return;
            }
            Mode::Reading(reader) => reader.read(rest, out),
        };
        match then {
            Then::Stay => return,
            Then::Sniff(taken) => {
                stop(mode, out);
                *mode = Mode::default();
                used = used.saturating_add(taken);
            }
            Then::Become(reader, taken) => {
                *mode = Mode::Reading(reader);
                used = used.saturating_add(taken);
            }
            Then::Again(held) => {
                *mode = Mode::Reading(Box::new(Plain::default()));
                if guarded && !clues.relay {
                    *mode = Mode::Done;
                }
                let length = held.bytes.len();
                held.each(0, length, out, &mut |piece, out| {
                    if let Mode::Reading(reader) = mode {
                        let _ = reader.read(piece, out);
                    }
                });
                return;
            }
            Then::Done => {
                stop(mode, out);
                return;
            }
        }
    }
    stop(mode, out);
}

/// Chooses a reader for a stream that begins with these bytes.
fn begin(held: Held, mode: &mut Mode, clues: Clues, tired: bool, guarded: bool, out: &mut Out<'_>) {
    let bytes = held.bytes.as_slice();
    let wait = bytes.len() < SNIFF_MAX;
    let preface = HTTP2_PREFACE.get(..bytes.len().min(HTTP2_PREFACE.len()));
    let mut reader: Box<dyn Reader> = match (tls_record::fit(bytes), http1::fit(bytes)) {
        (Fit::Mine, _) => {
            // The server names and certificates in it are the dissectors' business.
            *mode = Mode::Done;
            return;
        }
        (_, Fit::Mine) => Box::new(Http::default()),
        _ if bytes.starts_with(HTTP2_PREFACE) => Box::new(Http2::default()),
        (tls, http) => {
            let undecided = tls == Fit::NeedMore || http == Fit::NeedMore || preface == Some(bytes);
            if undecided && wait && !tired {
                *mode = Mode::Sniff(held);
                return;
            }
            if guarded && !clues.relay {
                *mode = if tired { Mode::Done } else { Mode::default() };
                return;
            }
            Box::new(Plain::default())
        }
    };
    let mut then = Vec::new();
    let length = held.bytes.len();
    held.each(0, length, out, &mut |piece, out| {
        then.push((reader.read(piece, out), piece.len()));
    });
    *mode = Mode::Reading(reader);
    // Only the last packet can bring a change here: what came before it was too little to tell.
    if let Some((then, length)) = then.pop() {
        let piece = held
            .bytes
            .get(held.bytes.len().saturating_sub(length)..)
            .unwrap_or_default();
        match then {
            Then::Stay => {}
            Then::Become(reader, taken) => {
                *mode = Mode::Reading(reader);
                feed(
                    piece.get(taken..).unwrap_or_default(),
                    mode,
                    clues,
                    tired,
                    guarded,
                    out,
                );
            }
            Then::Sniff(taken) => {
                stop(mode, out);
                *mode = Mode::default();
                let rest = piece.get(taken..).unwrap_or_default();
                if rest.len() < piece.len() {
                    feed(rest, mode, clues, tired, guarded, out);
                }
            }
            Then::Again(_) | Then::Done => stop(mode, out),
        }
    }
}

/// Bytes of no known protocol.
struct Plain {
    message: Message,
    begun: bool,
    publication: Publication,
}

impl Default for Plain {
    fn default() -> Self {
        Self {
            message: Message::new("tcp payload", Coding::Plain),
            begun: false,
            publication: Publication::default(),
        }
    }
}

impl Reader for Plain {
    fn read(&mut self, bytes: &[u8], out: &mut Out<'_>) -> Then {
        // A known protocol may begin after a greeting, or where the capture joins a connection.
        if self.begun && (http1::fit(bytes) == Fit::Mine || tls_record::fit(bytes) == Fit::Mine) {
            return Then::Sniff(0);
        }
        self.begun = true;
        if out.payload == PayloadKind::DroneLink {
            drone_positions(bytes, "tcp payload", out);
        }
        if out.payload == PayloadKind::Broadcast {
            self.publication.watch(bytes, out);
        }
        self.message.push(bytes, out);
        Then::Stay
    }

    fn end(&mut self, out: &mut Out<'_>) {
        self.message.end(out);
    }

    fn size(&self) -> usize {
        self.message.size()
    }
}

/// A live stream that a client sends over RTMP: the command `publish` as an AMF0 string (RTMP 1.0 §7.2.2.6), and then more than
/// commands need. Codecs without parameter sets show themselves in no other way.
#[derive(Default)]
struct Publication {
    tail: Vec<u8>,
    sent: Option<usize>,
    told: bool,
}

impl Publication {
    fn watch(&mut self, bytes: &[u8], out: &mut Out<'_>) {
        const PUBLISH: &[u8] = b"\x02\x00\x07publish";
        /// Commands and metadata take less.
        const SENT_MIN: usize = 8 << 10;
        if self.told {
            return;
        }
        match &mut self.sent {
            Some(sent) => {
                *sent = sent.saturating_add(bytes.len());
                if *sent >= SENT_MIN {
                    self.told = true;
                    let media = super::media::Media {
                        kind: Kind::Video,
                        format: "live stream over RTMP",
                    };
                    let moment = (out.at, out.interval);
                    out.found(scan::picture(media, 0), "tcp payload", moment);
                }
            }
            None => {
                self.tail.extend_from_slice(bytes);
                if self.tail.windows(PUBLISH.len()).any(|w| w == PUBLISH) {
                    self.sent = Some(0);
                    self.tail = Vec::new();
                } else {
                    let keep = self.tail.len().saturating_sub(PUBLISH.len());
                    self.tail.drain(..keep);
                }
            }
        }
    }
}

/// Positions in frames of a drone link.
fn drone_positions(bytes: &[u8], place: &'static str, out: &mut Out<'_>) {
    for (latitude, longitude) in drone::positions(bytes) {
        if position::plausible(latitude, longitude) {
            let moment = (out.at, out.interval);
            out.found(position::found(latitude, longitude, 0, 0), place, moment);
        }
    }
}
