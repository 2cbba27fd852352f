//! A conversation for the tests of sessions: what two ends say, through probing and reassembly, and what became of it.

use super::Sink;
use super::reading::Readings;
use crate::evidence::flow::{Facts, Key, NameSource, Side};
use crate::evidence::ledger::{Ends, Ledger};
use crate::ground::moment::{Moment, Timestamp};
use crate::ground::protocol;
use crate::observe::flow::Flow;
use crate::observe::flow::table::Table;
use std::net::{IpAddr, SocketAddr};

/// The client of the tests; its port is the higher one.
const CLIENT: &str = "192.168.2.20:40001";

/// A sink with nothing in it.
fn sink<'s>(flow: &'s mut Flow, ledger: &'s mut Ledger, at: Moment, ends: Ends) -> Sink<'s> {
    Sink::new(flow, ledger, (at, 0), ends, None)
}

/// A flow between the client and a server, and its readers.
pub(crate) struct Conversation {
    table: Table,
    readings: Readings,
    pub(crate) ledger: Ledger,
    key: Key,
    client: Side,
    slot: u32,
    /// Next sequence numbers of client and server.
    next: [u32; 2],
    at: Moment,
}

impl Conversation {
    pub(crate) fn tcp(server: &str) -> Self {
        Self::open(server, protocol::TCP)
    }

    pub(crate) fn udp(server: &str) -> Self {
        Self::open(server, protocol::UDP)
    }

    fn open(server: &str, number: u8) -> Self {
        let end = |text: &str| {
            let end: SocketAddr = text.parse().expect("an address and a port");
            (end.ip(), end.port())
        };
        let (key, client) = Key::new(end(CLIENT), end(server), number);
        let mut table = Table::default();
        let (slot, _) = table.open(key, 0, Moment::NONE);
        Self {
            table,
            readings: Readings::default(),
            ledger: Ledger::default(),
            key,
            client,
            slot,
            next: [1000, 9000],
            at: Moment::NONE,
        }
    }

    /// What is said from now on is captured at this time.
    pub(crate) fn at(&mut self, time: Timestamp) -> &mut Self {
        self.at.time = time;
        self
    }

    /// The client says this in one segment or datagram.
    pub(crate) fn say(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        self.push(self.client, bytes.as_ref())
    }

    /// The server says this.
    pub(crate) fn hear(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        self.push(self.client.other(), bytes.as_ref())
    }

    /// The client says this in pieces of `size` bytes.
    pub(crate) fn say_in_pieces(&mut self, bytes: &[u8], size: usize) -> &mut Self {
        for piece in bytes.chunks(size) {
            self.say(piece);
        }
        self
    }

    /// The capture misses this many bytes of the client.
    pub(crate) fn miss(&mut self, count: u32) -> &mut Self {
        self.next[0] += count;
        self
    }

    /// The client says this in a segment with this sequence number, having begun with `start`.
    pub(crate) fn say_at(&mut self, start: u32, sequence: u32, bytes: &[u8]) -> &mut Self {
        self.segment(self.client, Some(start), sequence, bytes)
    }

    fn push(&mut self, side: Side, bytes: &[u8]) -> &mut Self {
        let next = &mut self.next[usize::from(side != self.client)];
        let sequence = *next;
        *next += u32::try_from(bytes.len()).expect("a segment");
        self.segment(side, None, sequence, bytes)
    }

    fn segment(
        &mut self,
        side: Side,
        start: Option<u32>,
        sequence: u32,
        bytes: &[u8],
    ) -> &mut Self {
        let ends = self.ends(side);
        let flow = self.table.flow(self.slot).expect("the flow is open");
        let mut sink = sink(flow, &mut self.ledger, self.at, ends);
        if self.key.protocol() == protocol::UDP {
            self.readings.datagram(self.slot, bytes, &mut sink);
        } else {
            self.readings
                .segment(self.slot, sequence, start, bytes, &mut sink);
        }
        self
    }

    /// Lends a sink to who reads what the client says.
    pub(crate) fn as_client<R>(&mut self, read: impl FnOnce(&mut Sink<'_>) -> R) -> R {
        let ends = self.ends(self.client);
        let flow = self.table.flow(self.slot).expect("the flow is open");
        read(&mut sink(flow, &mut self.ledger, self.at, ends))
    }

    fn ends(&self, side: Side) -> Ends {
        let end = |side| (self.key.ip(side), self.key.port(side));
        Ends {
            side,
            sender: end(side),
            receiver: end(side.other()),
        }
    }

    /// The connection is over.
    pub(crate) fn end(&mut self) -> &mut Self {
        let both = Side::BOTH.map(|side| self.ends(side));
        let flow = self.table.flow(self.slot).expect("the flow is open");
        let ledger = &mut self.ledger;
        self.readings.end(self.slot, |side, read| {
            let ends = both.into_iter().find(|e| e.side == side).expect("a side");
            read(&mut sink(flow, ledger, Moment::NONE, ends));
        });
        self
    }

    pub(crate) fn flow(&mut self) -> &Flow {
        self.table.flow(self.slot).expect("the flow is open")
    }

    pub(crate) fn facts(&mut self) -> &Facts {
        &self.flow().facts
    }

    pub(crate) fn protocol(&mut self) -> Option<&'static str> {
        self.facts().protocol
    }

    /// Names under which the client asked, with their sources, in the order they were said.
    pub(crate) fn names(&mut self) -> Vec<(String, NameSource)> {
        self.names_by(self.client)
    }

    /// Names under which the server asked the client.
    pub(crate) fn names_back(&mut self) -> Vec<(String, NameSource)> {
        self.names_by(self.client.other())
    }

    fn names_by(&mut self, asker: Side) -> Vec<(String, NameSource)> {
        let names = self.facts().names.iter();
        names
            .filter(|said| said.asker == asker)
            .map(|said| (said.named.name.to_string(), said.named.source))
            .collect()
    }

    /// Address that a request named in place of a name.
    pub(crate) fn literal(&mut self) -> Option<IpAddr> {
        self.facts().literal
    }

    /// The client is known to have opened the flow.
    pub(crate) fn opened_by_client(&mut self) -> bool {
        let client = self.client;
        self.flow()
            .opened_by
            .is_some_and(|(side, _)| side == client)
    }

    /// The largest body that the client declared.
    pub(crate) fn declared(&mut self) -> u64 {
        let client = self.client;
        *self.flow().declared.of(client)
    }

    /// The side of the client.
    pub(crate) fn client(&self) -> Side {
        self.client
    }

    /// Ids of the gaps noted.
    pub(crate) fn gaps(&self) -> Vec<&'static str> {
        self.ledger
            .gaps
            .iter()
            .map(|(key, _)| key.id.id())
            .collect()
    }
}
