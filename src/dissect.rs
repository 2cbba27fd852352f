//! What the payload says: names, lookups, requests to relays, signs of a drone link.
//!
//! A [`Protocol`] recognises its first bytes by content (ports only hint) and opens a [`Session`]
//! that reads on. Sessions say facts, each with the frame at hand, and never judge. A new protocol
//! is one file, one line in [`STREAMS`] or [`DATAGRAMS`], one fixture.
//!
//! The byte grammars (`*_message`, `*_record`, `*_hello`, …) know no flow; the sessions know no bytes.

mod dns;
pub mod dns_message;
pub mod drone;
mod drone_link;
mod dtls;
pub mod dtls_record;
pub mod host_name;
mod http;
pub mod http1;
pub mod neighbours;
pub mod public_name;
mod quic;
pub mod quic_shape;
pub mod reading;
mod socks;
mod stun;
pub mod stun_shape;
mod tls;
pub mod tls_certificate;
pub mod tls_hello;
pub mod tls_record;
mod tunnel;
pub mod tunnel_shape;
pub mod wire;

use crate::coverage::GapId;
use crate::evidence::Moment;
use crate::flow::{Carries, Flow, NameSource, Opening, Relay, Side};
use crate::ledger::apps::AppId;
use crate::ledger::{Ends, Ledger};
use wire::Fit;

/// A protocol that can be recognised by its first bytes.
pub struct Protocol {
    /// Its id in reports.
    pub id: &'static str,
    /// Whether a stream that begins with `bytes`, or a datagram, is of this protocol.
    pub fit: fn(bytes: &[u8], ends: &Ends) -> Fit,
    /// A reader for one flow.
    pub open: fn() -> Box<dyn Session>,
}

/// A reader of one flow.
pub trait Session {
    /// Reads on. `bytes` are the unread bytes of one direction in order, or one datagram.
    fn read(&mut self, bytes: &[u8], sink: &mut Sink<'_>) -> Step;

    /// Bytes of a direction are missing for good; true if the session can go on behind them.
    fn lost(&mut self, _side: Side) -> bool {
        false
    }

    /// The flow ended with these bytes unread.
    fn end(&mut self, _bytes: &[u8], _sink: &mut Sink<'_>) {}
}

/// What a session wants next of the direction that it just read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// More bytes behind these.
    More,
    /// This many bytes are done with.
    Consumed(usize),
    /// This many bytes are to be passed over, whether they are here yet or not.
    Skip(u64),
    /// Nothing more of this direction.
    DoneHere,
    /// Nothing more at all.
    Done,
    /// So many bytes are done with, and behind them another protocol begins in both directions
    /// (a tunnel was agreed on, or this was another protocol after all): the re-entry door.
    Handover(usize),
}

/// Protocols of TCP streams. The order means nothing: grammars that fit the same bytes are a bug.
pub static STREAMS: &[Protocol] = &[
    tls::TLS,
    http::HTTP,
    dns::OVER_TCP,
    socks::SOCKS,
    drone_link::STREAM,
    tunnel::STREAM,
];

/// Protocols of UDP datagrams.
pub static DATAGRAMS: &[Protocol] = &[
    dns::OVER_UDP,
    drone_link::DATAGRAM,
    quic::QUIC,
    dtls::DTLS,
    stun::STUN,
    tunnel::DATAGRAM,
];

/// Where sessions put what they say.
pub struct Sink<'a> {
    /// The flow.
    pub flow: &'a mut Flow,
    /// Facts beside the flow.
    pub ledger: &'a mut Ledger,
    /// The frame that brought the last of the bytes.
    pub at: Moment,
    /// Its epoch.
    pub epoch: u32,
    /// Who sent it.
    pub ends: Ends,
    /// The program behind it, where the capture labels it.
    pub app: Option<AppId>,
}

impl Sink<'_> {
    /// The side that sent the bytes.
    pub fn side(&self) -> Side {
        self.ends.side
    }

    /// A name of the server.
    pub fn name(&mut self, name: &str, source: NameSource) {
        self.flow.facts.name(name, source, self.at);
    }

    /// An address in place of a name: what the client said is listed, and it is no name.
    pub fn literal(&mut self, ip: std::net::IpAddr, source: NameSource) {
        self.flow.facts.literal.get_or_insert(ip);
        // As a Host field writes it (RFC 3986 §3.2.2).
        let text = match ip {
            std::net::IpAddr::V4(v4) => v4.to_string(),
            std::net::IpAddr::V6(v6) => format!("[{v6}]"),
        };
        self.flow.facts.name(&text, source, self.at);
    }

    /// The sender of these bytes is the client.
    pub fn client_speaks(&mut self) {
        self.flow.opened(self.ends.side, Opening::Request);
    }

    /// What the sender's payload is from here on.
    pub fn carries(&mut self, what: Carries) {
        self.flow.carries(self.ends.side, what);
    }

    /// The flow asks a relay.
    pub fn relays(&mut self, relay: Relay) {
        // What names a target says more than a lookup.
        if !matches!(self.flow.facts.relay, Some(Relay::Proxy(_))) {
            self.flow.facts.relay = Some(relay);
        }
    }

    /// A gap that belongs to this frame.
    pub fn gap(&mut self, id: GapId, cause: &'static str) {
        self.ledger.gaps.at(id, self.at, self.epoch, cause);
    }
}
