//! QUIC connections whose secrets the auditor holds: which packets belong to which, and what stands in them.
//!
//! The key log is asked by the random of the client's hello. Packets behind the handshake go by connection ids (RFC 9000 §5.1): those of the
//! first packets, and those that the ends agree on inside, so that a connection that moves to other addresses or ports (§9) is followed
//! wherever the capture shows it. What stands in streams is handed to the stream layer, which puts each in order. The application protocol is
//! the server's choice, or where its handshake is not opened the client's first offer.
//!
//! Acknowledgements, limits and padding are marks of the protocol; handshake messages and tokens are so up to a bound. Datagrams
//! (RFC 9221) are read like those of UDP, each by itself: what stands in front of them in HTTP/3 (RFC 9297 §2.1) belongs to a tunnel.

use super::connections::{Connection, Connections, Shared, lock};
use super::crypto_stream::CryptoStream;
use super::streams::{Frame, Frames};
use crate::evidence::flow::{NameSource, Pair, Side};
use crate::evidence::ledger::connection_ids::{Known, NAMES_MAX};
use crate::evidence::seal::Seal;
use crate::ground::cause::ReadingCause;
use crate::observe::dissect::http3::Http3;
use crate::observe::dissect::quic_shape::{Datagram, Packet, PacketKind};
use crate::observe::dissect::tls_hello::chosen_protocol;
use crate::observe::dissect::tls_record::{Handshakes, handshake_type};
use crate::observe::dissect::{Piece, Sink, tls};
use crate::observe::flow::PayloadKind;
use crate::observe::open::keylog::{Keylog, Label};
use crate::observe::open::quic::{Level, Why};
use std::sync::{Arc, Mutex};

/// Connections of one flow, the latest ones.
const KNOWN_MAX: usize = 8;
/// Handshake messages and tokens of one direction that the protocol needs for itself; more may be anything, and counts as unread.
const OWN_MAX: usize = 16 << 10;
/// Shortest packet with a short header (RFC 9001 §5.4.2).
const SHORT_MIN: usize = 21;
/// Labels under which a connection's secrets are logged.
const LABELS: [Label; 5] = [
    Label::ClientEarly,
    Label::ClientHandshake,
    Label::ServerHandshake,
    Label::ClientTraffic,
    Label::ServerTraffic,
];

/// What became of a datagram.
#[derive(Default)]
struct Account {
    /// Bytes that are marks of the protocol.
    marks: usize,
}

/// The connections of one flow.
pub(super) struct Opening {
    log: Arc<Keylog>,
    all: Arc<Connections>,
    /// With the side of the client, the latest one last.
    known: Vec<(Shared, Side)>,
    /// Bytes of each side that the protocol took for itself.
    own: Pair<usize>,
}

/// A client's hello, and the packet that it stood in.
pub(super) struct Hello<'a> {
    pub(super) random: [u8; 32],
    pub(super) version: u32,
    pub(super) client: Side,
    pub(super) client_id: &'a [u8],
    pub(super) seed: &'a [u8],
    pub(super) offered: &'a [String],
}

impl Opening {
    pub(super) fn new(keys: &crate::observe::dissect::Keys) -> Self {
        Self {
            log: Arc::clone(&keys.log),
            all: Arc::clone(&keys.quic),
            known: Vec::new(),
            own: Pair::default(),
        }
    }

    /// The secrets.
    pub(super) fn log(&self) -> &Keylog {
        &self.log
    }

    /// True if some connection of the flow is known to the log.
    pub(super) fn is_known(&self) -> bool {
        !self.known.is_empty()
    }

    fn know(&mut self, connection: Shared, client: Side, sink: &mut Sink<'_>) {
        if self.known.len() >= KNOWN_MAX {
            self.known.remove(0);
        }
        self.known.push((connection, client));
        sink.flow.opens = true;
    }

    /// A client says hello.
    pub(super) fn hello(&mut self, hello: &Hello<'_>, sink: &mut Sink<'_>) {
        let is_it = |(c, client): &&(Shared, Side)| {
            *client == hello.client && lock(c).random == hello.random
        };
        let connection = match self.known.iter().find(is_it) {
            Some((connection, _)) => Arc::clone(connection),
            None => {
                let has = |label: &Label| self.log.secrets(&hello.random, *label).next().is_some();
                if !LABELS.iter().any(has) {
                    return;
                }
                let mut index = lock(&self.all.index);
                index.connections = index.connections.saturating_add(1);
                let connection = Arc::new(Mutex::new(Connection {
                    number: index.connections,
                    random: hello.random,
                    version: hello.version,
                    to_client: Vec::new(),
                    to_server: Vec::new(),
                    openers: Vec::new(),
                    offered: hello.offered.to_vec(),
                    chosen: None,
                    handshake: Some(CryptoStream::new(&sink.ledger.assembly)),
                    http3: Http3::default(),
                }));
                drop(index);
                self.know(Arc::clone(&connection), hello.client, sink);
                connection
            }
        };
        self.learn(&connection, hello.client_id, false);
        // Until the server chooses one.
        self.learn(&connection, hello.seed, true);
    }

    fn learn(&self, connection: &Shared, id: &[u8], to_server: bool) -> bool {
        let new = lock(connection).learn(id, to_server);
        if new {
            lock(&self.all.index).note(id, connection, to_server);
        }
        new
    }

    /// The server of the connection with this id of the client chose an id.
    pub(super) fn server(&mut self, client_id: &[u8], id: &[u8], version: u32) {
        for (connection, _) in self.known.iter().rev() {
            let mut held = lock(connection);
            if held.to_client.iter().any(|have| **have == *client_id) {
                held.version = version;
                drop(held);
                self.learn(connection, id, true);
                return;
            }
        }
    }

    /// Reads the packets of a datagram behind the Initial ones.
    pub(super) fn datagram(&mut self, datagram: &Datagram<'_>, length: usize, sink: &mut Sink<'_>) {
        let data = datagram.carries_application_data();
        let mut account = Account::default();
        let mut packets = 0_usize;
        for packet in &datagram.packets {
            packets = packets.saturating_add(packet.bytes.len());
            let level = match packet.kind {
                PacketKind::ZeroRtt => Some(Level::Early),
                PacketKind::Handshake => Some(Level::Handshake),
                PacketKind::OneRtt => Some(Level::Traffic),
                _ => None,
            };
            let Some(level) = level.filter(|_| !packet.is_cut) else {
                account.marks = account
                    .marks
                    .saturating_add(self.own(packet.bytes.len(), sink));
                continue;
            };
            let number_at = match packet.kind {
                PacketKind::OneRtt => packet.destination_id.len().saturating_add(1),
                _ => packet.number_at,
            };
            let found = self.of_long(packet, sink.side());
            self.packet(found, (level, packet.bytes, number_at), &mut account, sink);
        }
        // Zeros, or what is told by `trailing`.
        let zeros = length
            .saturating_sub(packets)
            .saturating_sub(datagram.trailing);
        account.marks = account.marks.saturating_add(zeros);
        if data {
            sink.sealed(Seal::Unsupported, datagram.trailing);
            lend(&account, sink);
        }
    }

    /// Reads a datagram that begins with a short header.
    pub(super) fn short(&mut self, bytes: &[u8], sink: &mut Sink<'_>) {
        let mut account = Account::default();
        let found = self.of_short(bytes, sink);
        let (found, number_at) = match found {
            Some((at, length)) => (Some(at), length.saturating_add(1)),
            None => (None, 1),
        };
        self.packet(
            found,
            (Level::Traffic, bytes, number_at),
            &mut account,
            sink,
        );
        lend(&account, sink);
    }

    /// Of what the protocol needs for itself, the bytes within its bound.
    fn own(&mut self, length: usize, sink: &Sink<'_>) -> usize {
        let sum = self.own.of_mut(sink.side());
        let left = OWN_MAX.saturating_sub(*sum);
        *sum = sum.saturating_add(length);
        length.min(left)
    }

    /// The place of the connection of a packet with a long header, or behind one.
    fn of_long(&self, packet: &Packet<'_>, side: Side) -> Option<usize> {
        let is_it = |(connection, client): &(Shared, Side)| {
            let mut held = lock(connection);
            let to_server = *client == side;
            let own = packet.source_id;
            let ids = held.ids(to_server);
            ids.iter().any(|id| **id == *packet.destination_id)
                || (!own.is_empty() && held.ids(!to_server).iter().any(|id| **id == *own))
        };
        let last = self.known.len().checked_sub(1);
        self.known.iter().rposition(is_it).or(last)
    }

    /// The place of the connection of a packet with a short header, and the length of its id.
    fn of_short(&mut self, bytes: &[u8], sink: &mut Sink<'_>) -> Option<(usize, usize)> {
        let side = sink.side();
        let behind = bytes.get(1..).filter(|_| bytes.len() >= SHORT_MIN)?;
        let found = self
            .known
            .iter()
            .enumerate()
            .rev()
            .find_map(|(at, (c, client))| {
                let mut held = lock(c);
                let ids = held.ids(*client == side).iter();
                let lengths = ids.filter(|id| behind.starts_with(id)).map(|id| id.len());
                Some((at, lengths.max()?))
            });
        if found.is_some() {
            return found;
        }
        // It came from elsewhere, or an id that was agreed on in a packet that is missing.
        let elsewhere = lock(&self.all.index).of_short(bytes);
        if let Some((connection, to_server)) = elsewhere {
            let client = if to_server { side } else { side.other() };
            let mut held = lock(&connection);
            let ids = held.ids(to_server).iter();
            let lengths = ids.filter(|id| behind.starts_with(id)).map(|id| id.len());
            let length = lengths.max()?;
            drop(held);
            self.know(connection, client, sink);
            return Some((self.known.len().checked_sub(1)?, length));
        }
        let at = self.known.len().checked_sub(1)?;
        let (connection, client) = self.known.get(at)?;
        let mut held = lock(connection);
        let length = held.ids(*client == side).last()?.len();
        Some((at, length))
    }

    /// Opens a packet, and counts what became of it.
    fn packet(
        &mut self,
        found: Option<usize>,
        (level, packet, number_at): (Level, &[u8], usize),
        account: &mut Account,
        sink: &mut Sink<'_>,
    ) {
        let data = level != Level::Handshake;
        let Some((connection, client)) = found.and_then(|at| self.known.get(at)) else {
            if data {
                sink.sealed(Seal::NoKey, packet.len());
            }
            return;
        };
        let (connection, client) = (Arc::clone(connection), *client);
        let from_client = client == sink.side();
        let mut room = Vec::new();
        let of = (level, from_client);
        let opened = lock(&connection).open(&self.log, of, packet, number_at, &mut room);
        match opened {
            Ok(()) => {
                if data {
                    sink.opened(packet.len());
                }
                let unread = self.frames(&connection, client, level, &room, sink);
                account.marks = account
                    .marks
                    .saturating_add(packet.len().saturating_sub(unread));
            }
            Err(why) if data => {
                let why = match why {
                    Why::NoKey => Seal::NoKey,
                    Why::Short => Seal::Unsupported,
                    Why::Tag => Seal::FailedTag,
                };
                sink.sealed(why, packet.len());
            }
            Err(_) => {}
        }
    }

    /// Reads the frames of a packet. The bytes in it that are no marks of the protocol: others account for them.
    fn frames(
        &mut self,
        connection: &Shared,
        client: Side,
        level: Level,
        payload: &[u8],
        sink: &mut Sink<'_>,
    ) -> usize {
        let from_client = client == sink.side();
        let mut unread = 0_usize;
        let mut frames = Frames::new(payload);
        for frame in frames.by_ref() {
            match frame {
                Frame::Stream {
                    id,
                    offset,
                    bytes,
                    last,
                } => {
                    unread = unread.saturating_add(bytes.len());
                    let held = lock(connection);
                    sink.pieces.push(Piece {
                        connection: held.number,
                        stream: id,
                        offset,
                        bytes: bytes.to_vec(),
                        last,
                        reader: held.reader(client),
                    });
                }
                Frame::Own { offset, bytes } => {
                    if level == Level::Handshake
                        && !from_client
                        && let Some(offset) = offset
                    {
                        server_says(connection, offset, bytes, sink);
                    }
                    let within = self.own(bytes.len(), sink);
                    unread = unread.saturating_add(bytes.len().saturating_sub(within));
                }
                Frame::Datagram(bytes) => {
                    unread = unread.saturating_add(bytes.len());
                    sink.messages.push(bytes.to_vec());
                }
                Frame::NewId(id) => {
                    if self.learn(connection, id, !from_client) && !from_client {
                        note(id, sink);
                    }
                }
            }
        }
        unread.saturating_add(frames.odd())
    }
}

/// Takes a piece of what the server says sealed in its handshake: the protocol that it chose, and its certificate.
fn server_says(connection: &Shared, offset: u64, bytes: &[u8], sink: &mut Sink<'_>) {
    let mut held = lock(connection);
    if offset == 0 {
        let chosen = chosen_protocol(bytes);
        held.chosen = held.chosen.take().or(chosen);
    }
    let Some(stream) = &mut held.handshake else {
        return;
    };
    let mut over = stream.push(offset, bytes).dropped;
    if stream.gave_up() {
        over = over.or(Some(ReadingCause::QuicPiecesUnread));
    }
    // Copies that differ cannot both have opened: there is one reading.
    let start = stream.grown().next().map(<[u8]>::to_vec);
    let mut messages = Handshakes::default();
    if let Some(start) = start
        && messages.push(&start).is_err()
    {
        over = over.or(Some(ReadingCause::TlsMessageLong));
    }
    while let Some(message) = messages.pop() {
        match message.kind {
            handshake_type::CERTIFICATE => tls::certificate_13(&message.body, sink),
            handshake_type::COMPRESSED_CERTIFICATE => {
                tls::compressed_certificate(&message.body, sink);
            }
            handshake_type::FINISHED => {}
            _ => continue,
        }
        held.handshake = None;
        return;
    }
    if let Some(over) = over {
        held.handshake = None;
        sink.over(over);
    }
}

/// Lets other flows know the connection by an id that its server chose, and said here.
fn note(id: &[u8], sink: &mut Sink<'_>) {
    let facts = &sink.flow.facts;
    let said = facts.names.iter();
    let said = said.filter(|said| said.named.source == NameSource::QuicSni);
    let known = Known {
        server: sink.ends.sender,
        client: sink.ends.receiver.0,
        names: said
            .take(NAMES_MAX)
            .map(|said| (Arc::clone(&said.named.name), said.at))
            .collect(),
        ech: facts.ech,
        protocol: facts.protocol.unwrap_or(super::ID),
    };
    sink.ledger.connection_ids.note(id, known);
}

/// Hands on what was read of the marks.
fn lend(account: &Account, sink: &mut Sink<'_>) {
    if *sink.flow.heard.of(sink.side()) && sink.flow.payload == PayloadKind::Sealed {
        let marks = &mut sink.flow.lent.marks;
        *marks = marks.saturating_add(account.marks as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::dissect::conversation::Conversation;

    #[test]
    fn the_latest_connections_of_a_flow_are_known() {
        let line = |n: usize| {
            let (random, secret) = (format!("{n:02x}").repeat(32), "11".repeat(32));
            format!("CLIENT_TRAFFIC_SECRET_0 {random} {secret}\n")
        };
        let text: String = (0..KNOWN_MAX + 3).map(line).collect();
        let mut log = Keylog::default();
        log.read(&mut text.as_bytes()).unwrap();
        let keys = crate::observe::dissect::Keys {
            log: Arc::new(log),
            quic: Arc::default(),
        };
        let mut opening = Opening::new(&keys);
        let mut talk = Conversation::udp("47.88.2.11:443");
        for n in 0..KNOWN_MAX + 3 {
            talk.as_client(|sink| {
                opening.hello(
                    &Hello {
                        random: [n as u8; 32],
                        version: 1,
                        client: sink.side(),
                        client_id: &[n as u8; 8],
                        seed: &[n as u8; 8],
                        offered: &[],
                    },
                    sink,
                );
            });
        }
        let known = opening.known.iter().map(|(c, _)| lock(c).random[0]);
        assert_eq!(
            known.collect::<Vec<_>>(),
            (3..KNOWN_MAX as u8 + 3).collect::<Vec<_>>()
        );
    }
}
