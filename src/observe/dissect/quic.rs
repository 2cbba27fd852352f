//! QUIC: the server name a client asks for, and whether a datagram is handshake or application data.
//!
//! RFC 8999, RFC 9000, RFC 9001 §5.2, RFC 9369, drafts 22 to 34, mvfst, and Google's versions up to T051. The keys of Initial packets
//! follow from what stands in them, so that the hello can be read; a packet whose tag does not hold is no evidence. Everything
//! behind is encrypted: what was sent, it cannot say. Retry, a change of version, packets in any order and hellos over several
//! packets are followed; a connection that moves to another port is known again by its id where the capture shows that id.
//!
//! Sender of the hello is the client. Handshake or not is told by packet types alone, since that is all there is to tell it.

pub mod connections;
pub mod crypto_stream;
pub mod frames;
pub mod gquic;
pub mod hello;
pub mod keys;
mod opening;
pub mod packet;
pub mod streams;
pub mod version;

use super::host_name::HostName;
use super::quic_shape::{Datagram, Packet, PacketKind, shape};
use super::wire::Fit;
use super::{Overhead, Protocol, Session, Sink, Step};
use crate::evidence::flow::{HiddenLookups, NameSource, Relay, Side};
use crate::evidence::ledger::connection_ids::{Known, NAMES_MAX};
use crate::evidence::seal::Seal;
use crate::ground::address::classify;
use crate::ground::cause::ReadingCause;
use crate::ground::moment::Moment;
use crate::observe::flow::{Carries, PayloadKind};
use crypto_stream::CryptoStream;
use frames::Pieces;
use hello::Said;
use keys::{Keys, Sender};
use opening::Opening;
use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hasher};
use std::sync::Arc;
use version::{Frames, Handshake, constants_of, frames_of, handshake_of};

pub(super) const QUIC: Protocol = Protocol {
    id: ID,
    fit: |bytes, _| {
        if shape(bytes).is_some() {
            Fit::Mine
        } else {
            Fit::NotMine
        }
    },
    names: false,
    until: None,
    payload: PayloadKind::Sealed,
    open: || Box::new(Quic::default()),
};

pub(super) const ID: &str = "quic";

/// DNS over QUIC (RFC 9250 §4.1): its id, port and application protocol; drafts put a number behind the latter.
const DOQ: &str = "doq";
const DOQ_PORT: u16 = 853;
const DOQ_DRAFTS: &str = "doq-i";

/// Handshakes followed between two endpoints at a time. A Retry, a change of version and a second attempt make four.
const CONNECTIONS_MAX: usize = 8;

/// Initial packets between two endpoints that do not open. A capture that begins late has a few; with more it is not QUIC.
const UNOPENED_MAX: u32 = 256;

/// Initial packets remembered between two endpoints, to know those that say nothing new: flights of a few packets, sent again.
const HELD_MAX: usize = 16;

/// Packets of Google's old versions that are looked at in vain before the rest is taken to be encrypted.
const CLEAR_TRIES_MAX: u32 = 16;

#[derive(Default)]
struct Quic {
    connections: VecDeque<Connection>,
    unopened: u32,
    /// Hashes of what Initial packets held.
    held: VecDeque<u64>,
    /// Version and id of one of Google's connections in clear.
    google: Option<(u32, Vec<u8>)>,
    /// Packets in a row that were not in clear.
    not_clear: u32,
    opened: bool,
    /// It was told that a hello is not whole.
    missing: bool,
    /// An encrypted hello of a connection that is not kept any more hides a name.
    hides: bool,
    /// Opens what is sealed, if there are keys.
    opening: Option<Box<Opening>>,
}

/// A handshake under one set of keys.
struct Connection {
    version: u32,
    /// The connection id that the keys follow from.
    seed: Vec<u8>,
    client: Side,
    /// The id that the client chose.
    client_id: Vec<u8>,
    /// The id that the server chose, from a packet that opened.
    server_id: Option<Vec<u8>>,
    /// The client's; none of Google's versions in clear.
    keys: Option<Keys>,
    /// Largest packet number of the client.
    largest: Option<u64>,
    handshake: Handshake,
    stream: CryptoStream,
    /// All of the hello was read.
    whole: bool,
    /// An encrypted hello hides a name.
    ech: bool,
    names: Vec<(Arc<str>, Moment)>,
}

/// A flow that begins with a short-header packet of a connection whose handshake was seen elsewhere.
pub(super) fn continued(bytes: &[u8], sink: &mut Sink<'_>) -> Option<Box<dyn Session>> {
    let known = sink
        .ledger
        .connection_ids
        .of_packet(bytes, &sink.ends)?
        .clone();
    sink.flow.speaks(ID, PayloadKind::Sealed);
    sink.client_speaks();
    for (name, said) in &known.names {
        let facts = &mut sink.flow.facts;
        facts.name(sink.ends.side, name, NameSource::QuicSni, *said);
    }
    sink.flow.facts.ech |= known.ech;
    if known.protocol == DOQ {
        hides_lookups(sink.side(), sink);
    }
    Some(Box::new(Quic {
        opened: true,
        hides: known.ech,
        ..Quic::default()
    }))
}

fn hides_lookups(asker: Side, sink: &mut Sink<'_>) {
    sink.flow.facts.protocol = Some(DOQ);
    sink.flow.facts.hidden = Some(HiddenLookups::Quic);
    sink.relays_for(asker, Relay::Lookup);
}

impl Session for Quic {
    fn keys(&mut self, keys: &super::Keys) -> bool {
        self.opening = Some(Box::new(Opening::new(keys)));
        true
    }

    fn read(&mut self, bytes: &[u8], sink: &mut Sink<'_>) -> Step {
        let shape = shape(bytes);
        let handshake = match &shape {
            Some(datagram) => self.datagram(datagram, sink),
            // A short header, or what else runs on this pair of ports.
            None => self.clear(bytes, sink).then_some((0, 0)),
        };
        if let Some(initial) = handshake {
            takes(shape.as_ref(), initial, bytes.len(), sink);
        } else {
            sink.carries(Carries::Application);
        }
        match (&mut self.opening, &shape) {
            (Some(opening), Some(datagram)) if opening.is_known() => {
                opening.datagram(datagram, bytes.len(), sink);
            }
            (Some(opening), None) if handshake.is_none() => opening.short(bytes, sink),
            _ if handshake.is_none() => sink.sealed(Seal::NoKey, bytes.len()),
            _ => {}
        }
        Step::Consumed(bytes.len())
    }
}

/// Counts what a datagram without application data takes for the protocol itself: what its Initial packets hold, and those that do not open.
fn takes(
    datagram: Option<&Datagram<'_>>,
    (held, sealed): (usize, usize),
    length: usize,
    sink: &mut Sink<'_>,
) {
    let initial = datagram.map_or(0, |d| {
        let initials = d.packets.iter().filter(|p| p.kind == PacketKind::Initial);
        let own: usize = initials.map(|p| p.bytes.len()).sum();
        // Zeros behind a small Initial fill the datagram up to the size that is asked for.
        match d.packets.as_slice() {
            [only] if only.kind == PacketKind::Initial && d.trailing == 0 => length,
            _ => own,
        }
    });
    let rest = length.saturating_sub(initial);
    if initial > 0 {
        sink.overhead(Overhead::Initial, held as u64);
    }
    if sealed > 0 && *sink.flow.carries.of(sink.ends.side) != Carries::Application {
        sink.overhead(Overhead::Sealed, sealed as u64);
    }
    let beyond = initial > 0 && *sink.flow.carries.of(sink.ends.side) == Carries::Application;
    if !beyond {
        sink.overhead(Overhead::Handshake, rest as u64);
    }
}

impl Quic {
    /// If there is nothing but handshake in it: the bytes that its Initial packets hold, and those of Initial packets that do not open.
    fn datagram(&mut self, datagram: &Datagram<'_>, sink: &mut Sink<'_>) -> Option<(usize, usize)> {
        if !self.opened {
            self.opened = true;
            let first = datagram.packets.first().map(|packet| packet.kind);
            // Initial packets come before it.
            sink.flow.joined_late |= first == Some(PacketKind::Handshake);
            let side = sink.side();
            if sink.ends.receiver.1 == DOQ_PORT {
                hides_lookups(side, sink);
            } else if sink.ends.sender.1 == DOQ_PORT {
                hides_lookups(side.other(), sink);
            }
        }
        if datagram.capped {
            sink.over(ReadingCause::QuicPacketsOver);
        }
        let mut handshake = !datagram.carries_application_data();
        let (mut held, mut sealed) = (0_usize, 0_usize);
        for packet in &datagram.packets {
            match packet.kind {
                PacketKind::Initial => match self.initial(packet, sink) {
                    Some(more) => held = held.saturating_add(more),
                    None => sealed = sealed.saturating_add(packet.bytes.len()),
                },
                PacketKind::GoogleHandshake | PacketKind::GoogleOther => {
                    self.google = Some((packet.version, packet.destination_id.to_vec()));
                    self.not_clear = 0;
                    handshake |= self.clear(packet.bytes, sink);
                }
                _ => {}
            }
        }
        let kinds = || datagram.packets.iter().map(|packet| packet.kind);
        if kinds().any(|kind| matches!(kind, PacketKind::Handshake | PacketKind::OneRtt)) {
            self.hello_is_over(sink);
        }
        handshake.then_some((held, sealed))
    }

    /// What follows a hello is here: a relay on the site knows its name, and where a part of it was not captured, nobody else does.
    fn hello_is_over(&mut self, sink: &mut Sink<'_>) {
        let side = sink.side();
        let local = classify(sink.ends.receiver.0).is_local();
        let half = |c: &Connection| c.client == side && !c.whole && c.names.is_empty();
        if local && !self.missing && !sink.flow.joined_late && self.connections.iter().any(half) {
            self.missing = true;
            sink.unreadable(ReadingCause::QuicHelloMissing);
        }
    }

    /// The bytes that a packet holds, if it opens.
    fn initial(&mut self, packet: &Packet<'_>, sink: &mut Sink<'_>) -> Option<usize> {
        // A tag that the capture cut off cannot be checked.
        if packet.is_cut {
            return Some(packet.bytes.len());
        }
        if self.unopened >= UNOPENED_MAX {
            return None;
        }
        let side = sink.side();
        let is_answer = |c: &&Connection| c.client != side && c.client_id == packet.destination_id;
        if self.connections.iter().any(|c| is_answer(&c)) {
            return self.server(packet, sink);
        }
        let opened = self
            .open_known(packet, side)
            .or_else(|| self.open_new(packet, sink));
        let Some((at, payload)) = opened else {
            self.not_opened(sink);
            return None;
        };
        sink.client_speaks();
        self.frames(at, &payload, frames_of(packet.version), 0, sink);
        Some(self.holds(packet, &payload))
    }

    /// The bytes in a packet that could tell something: not its padding, and not what it says again.
    fn holds(&mut self, packet: &Packet<'_>, payload: &[u8]) -> usize {
        let mut hasher = DefaultHasher::new();
        let said = || payload.iter().filter(|byte| **byte != 0);
        said().for_each(|byte| hasher.write_u8(*byte));
        let hash = hasher.finish();
        let around = packet.bytes.len().saturating_sub(payload.len());
        if self.held.contains(&hash) {
            return around;
        }
        if self.held.len() >= HELD_MAX {
            self.held.pop_front();
        }
        self.held.push_back(hash);
        around.saturating_add(said().count())
    }

    fn not_opened(&mut self, sink: &mut Sink<'_>) {
        self.unopened = self.unopened.saturating_add(1);
        // Its hello says where a relay on the site shall go. Beyond the site the address says enough, and captures begin in the midst of
        // handshakes.
        if self.connections.is_empty()
            && classify(sink.ends.receiver.0).is_local()
            && !sink.flow.joined_late
        {
            sink.unreadable(ReadingCause::QuicInitialClosed);
        }
        if self.unopened == UNOPENED_MAX {
            sink.over(ReadingCause::QuicTriesOver);
        }
    }

    /// A client's packet under keys that opened one before.
    fn open_known(&mut self, packet: &Packet<'_>, side: Side) -> Option<(usize, Vec<u8>)> {
        for (at, connection) in self.connections.iter_mut().enumerate().rev() {
            let may_be = connection.client == side
                && connection.version == packet.version
                && (connection.seed == packet.destination_id
                    || connection.client_id == packet.source_id);
            if let (true, Some(keys)) = (may_be, &connection.keys)
                && let Some(opened) = packet::open(packet, keys, connection.largest)
            {
                connection.largest = connection.largest.max(Some(opened.number));
                return Some((at, opened.payload));
            }
        }
        None
    }

    /// A client's packet that begins something: a connection, a second attempt after a Retry (whose id the client now uses), or
    /// the first packet in another version (the keys then follow from the same id as before).
    fn open_new(&mut self, packet: &Packet<'_>, sink: &mut Sink<'_>) -> Option<(usize, Vec<u8>)> {
        let side = sink.side();
        let mut seeds = vec![packet.destination_id.to_vec()];
        for connection in self.connections.iter().rev() {
            let may_be = connection.client == side
                && connection.client_id == packet.source_id
                && connection.version != packet.version;
            if may_be && !seeds.contains(&connection.seed) {
                seeds.push(connection.seed.clone());
            }
        }
        for seed in seeds {
            for constants in constants_of(packet.version) {
                let keys = Keys::initial(constants, &seed, Sender::Client);
                if let Some(opened) = packet::open(packet, &keys, None) {
                    let at = self.connect(packet.version, &seed, packet.source_id, sink);
                    if let Some(connection) = self.connections.get_mut(at) {
                        connection.keys = Some(keys);
                        connection.largest = Some(opened.number);
                    }
                    return Some((at, opened.payload));
                }
            }
        }
        None
    }

    fn connect(
        &mut self,
        version: u32,
        seed: &[u8],
        client_id: &[u8],
        sink: &mut Sink<'_>,
    ) -> usize {
        while self.connections.len() >= CONNECTIONS_MAX {
            let oldest = self.connections.pop_front();
            self.hides |= oldest.as_ref().is_some_and(|c| c.ech);
            if oldest.is_some_and(|c| !c.whole) {
                sink.over(ReadingCause::QuicHandshakesOver);
            }
        }
        self.connections.push_back(Connection {
            version,
            seed: seed.to_vec(),
            client: sink.side(),
            client_id: client_id.to_vec(),
            server_id: None,
            keys: None,
            largest: None,
            handshake: handshake_of(version),
            stream: CryptoStream::new(&sink.ledger.assembly),
            whole: false,
            ech: false,
            names: Vec::new(),
        });
        self.connections.len().saturating_sub(1)
    }

    /// A server's packet, and the id that it chose. The bytes that it holds, if it opens.
    fn server(&mut self, packet: &Packet<'_>, sink: &mut Sink<'_>) -> Option<usize> {
        let side = sink.side();
        let mut found = None;
        for connection in self.connections.iter_mut().rev() {
            if connection.client == side || connection.client_id != packet.destination_id {
                continue;
            }
            let known = connection.server_id.as_deref() == Some(packet.source_id);
            let keys = |c| Keys::initial(c, &connection.seed, Sender::Server);
            let mut all = constants_of(packet.version).iter().map(keys);
            if let Some(opened) = all.find_map(|keys| packet::open(packet, &keys, None)) {
                if let Some(opening) = &mut self.opening {
                    opening.server(packet.destination_id, packet.source_id, packet.version);
                }
                if !known {
                    connection.server_id = Some(packet.source_id.to_vec());
                    connection.note_id(sink);
                }
                found = Some(opened.payload);
                break;
            }
        }
        match found {
            Some(payload) => Some(self.holds(packet, &payload)),
            None => {
                self.not_opened(sink);
                None
            }
        }
    }

    /// A packet of one of Google's versions in clear; false if it is none.
    fn clear(&mut self, bytes: &[u8], sink: &mut Sink<'_>) -> bool {
        let Some((version, id)) = &self.google else {
            return false;
        };
        if self.not_clear >= CLEAR_TRIES_MAX {
            return false;
        }
        let (version, id) = (*version, id.clone());
        let Some(clear) = gquic::open(bytes, version) else {
            self.not_clear = self.not_clear.saturating_add(1);
            return false;
        };
        self.not_clear = 0;
        if clear.sender == Some(Sender::Server) {
            return true;
        }
        let side = sink.side();
        let is_it = |c: &Connection| c.keys.is_none() && c.client == side && c.seed == id;
        let at = match self.connections.iter().rposition(is_it) {
            Some(at) => at,
            None => {
                let at = self.connect(version, &id, &[], sink);
                if let Some(connection) = self.connections.get_mut(at) {
                    // One id for both directions, chosen by the client.
                    connection.server_id = Some(id);
                }
                at
            }
        };
        self.frames(at, clear.frames, frames_of(version), clear.number_len, sink);
        true
    }

    /// The frames of a packet that opened.
    fn frames(
        &mut self,
        at: usize,
        payload: &[u8],
        frames: Frames,
        number_len: usize,
        sink: &mut Sink<'_>,
    ) {
        let Some(connection) = self.connections.get_mut(at) else {
            return;
        };
        for piece in Pieces::new(payload, frames, number_len) {
            let pushed = connection.stream.push(piece.offset, piece.bytes);
            sink.flow.facts.conflict |= pushed.conflict;
            if let Some(cause) = pushed.dropped
                && (!connection.whole || pushed.conflict)
            {
                sink.over(cause);
            }
        }
        let handshake = connection.handshake;
        let log = self.opening.as_ref().map(|opening| opening.log());
        let said: Vec<Said> = connection
            .stream
            .grown()
            .filter_map(|start| hello::read(start, handshake, log))
            .collect();
        if !said.is_empty() {
            // A whole hello may open that did not as long as it was cut. Of copies that differ, each may be the one that hides.
            let before = connection.ech;
            let revealed = said.iter().any(|said| said.revealed) && !sink.flow.facts.conflict;
            connection.ech = (before && !revealed) || said.iter().any(|said| said.ech);
            if before && !connection.ech {
                sink.flow.facts.ech = self.hides || self.connections.iter().any(|c| c.ech);
            } else {
                sink.flow.facts.ech |= connection.ech;
            }
        }
        let Some(connection) = self.connections.get_mut(at) else {
            return;
        };
        for said in &said {
            connection.says(said, sink);
            for random in &said.randoms {
                sink.ledger.hello(sink.at.at, *random);
            }
            if let Some(opening) = &mut self.opening
                && frames == Frames::Standard
            {
                for random in &said.randoms {
                    let hello = opening::Hello {
                        random: *random,
                        version: connection.version,
                        client: connection.client,
                        client_id: &connection.client_id,
                        seed: &connection.seed,
                        offered: &said.alpn,
                    };
                    opening.hello(&hello, sink);
                }
            }
        }
        if connection.stream.gave_up() && !connection.whole {
            sink.over(ReadingCause::QuicHelloPieces);
        }
        if connection.whole && !said.is_empty() {
            connection.stream.finish();
            connection.note_id(sink);
        }
    }
}

impl Connection {
    fn says(&mut self, said: &Said, sink: &mut Sink<'_>) {
        sink.client_speaks();
        self.whole |= said.whole;
        for name in &said.server_names {
            // RFC 6066 §3 forbids addresses, and clients do it.
            sink.host(name, NameSource::QuicSni);
            if let HostName::Name { text, .. } = name {
                let new = self.names.iter().all(|(n, _)| **n != **text);
                if new && self.names.len() < NAMES_MAX {
                    self.names.push((Arc::from(text.as_str()), sink.at));
                }
            }
        }
        sink.flow.facts.esni |= said.esni;
        for ja4 in &said.ja4 {
            sink.flow.facts.fingerprint(Some(ja4.clone()));
        }
        if said
            .alpn
            .iter()
            .any(|p| p == DOQ || p.starts_with(DOQ_DRAFTS))
        {
            hides_lookups(sink.side(), sink);
        }
    }

    /// Lets other flows of the connection be known by its id.
    fn note_id(&self, sink: &mut Sink<'_>) {
        let Some(id) = &self.server_id else { return };
        let ends = sink.ends;
        let (server, client) = if ends.side == self.client {
            (ends.receiver, ends.sender.0)
        } else {
            (ends.sender, ends.receiver.0)
        };
        let facts = &sink.flow.facts;
        let known = Known {
            server,
            client,
            names: self.names.clone(),
            ech: facts.ech,
            protocol: facts.protocol.unwrap_or(ID),
        };
        sink.ledger.connection_ids.note(id, known);
    }
}

#[cfg(test)]
mod tests;
