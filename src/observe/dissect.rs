//! What the payload says: names, lookups, requests to relays, signs of a drone link.
//!
//! A [`Protocol`] recognises its first bytes by content (ports only hint) and opens a [`Session`]
//! that reads on. Sessions say facts, each with the frame at hand, and never judge. A new protocol
//! is one file, one line in [`STREAMS`] or [`DATAGRAMS`], one fixture.
//!
//! The byte grammars (`*_message`, `*_record`, `*_hello`, …) know no flow; the sessions know no bytes.

pub mod amf0;
mod capture_stream;
mod coap;
#[cfg(test)]
mod conversation;
mod dns;
pub mod dns_message;
mod doh;
pub mod drone;
mod drone_link;
mod dtls;
mod dtls_opening;
pub mod dtls_record;
#[cfg(test)]
mod fail_closed;
pub mod hpack;
mod http;
pub mod http1;
mod http2;
pub mod http2_frame;
mod http3;
pub mod httpdns;
pub mod ja4;
#[cfg(test)]
mod linear;
mod masque;
mod midst;
pub mod mqtt;
pub mod neighbours;
mod ntp;
mod packets;
mod proxy_header;
pub mod qpack;
pub mod quic;
pub mod quic_shape;
pub mod reading;
mod request_fields;
mod rtmp;
pub mod rtmp_chunk;
mod rtsp;
mod rtsp_in_http;
mod sip;
mod socks;
mod socks_udp;
mod ssdp;
mod ssh;
mod stun;
pub mod stun_shape;
pub mod text_head;
mod tls;
pub mod tls_certificate;
mod tls_compressed;
mod tls_ech;
pub mod tls_hello;
mod tls_opening;
pub mod tls_record;
mod tunnel;
pub mod tunnel_shape;
mod upgrade_request;
mod upgraded_text;
mod websocket;
pub mod wire;
mod x509;
mod xmpp;

use crate::evidence::flow::{NameSource, Opening, Relay, Side};
use crate::evidence::ledger::apps::AppId;
use crate::evidence::ledger::clocks::ClockKind;
use crate::evidence::ledger::{Ends, Ledger, LookupKey, NameEvent};
use crate::evidence::seal::Seal;
use crate::ground::address::classify;
use crate::ground::cause::ReadingCause;
use crate::ground::gaps::GapId;
use crate::ground::host_name::{self, HostName, Refusal};
use crate::ground::moment::{Moment, Timestamp};
use crate::ground::protocol;
use crate::ground::public_name::is_public_name;
use crate::observe::flow::overhead::{Overhead, OverheadBytes};
use crate::observe::flow::part::Part;
use crate::observe::flow::{Carries, Flow, PayloadKind};
use crate::observe::open::keylog::Keylog;
use std::net::IpAddr;
use std::sync::Arc;
use wire::{Fit, Until};

/// What bytes wait for, if it is known.
pub type Wait = fn(bytes: &[u8]) -> Option<Until>;

/// A protocol that can be recognised by its first bytes.
pub struct Protocol {
    /// Its id in reports.
    pub id: &'static str,
    /// Whether a stream that begins with `bytes`, or a datagram, is of this protocol.
    pub fit: fn(bytes: &[u8], ends: &Ends) -> Fit,
    /// Of a stream: its opening names a server, and few bytes of something else are taken for it. It is looked for in the midst of what
    /// nobody knows too.
    pub names: bool,
    /// What bytes that may become of this protocol wait for, if nothing before that changes what `fit` says.
    pub until: Option<Wait>,
    /// What its payload is to those who look into payloads.
    pub payload: PayloadKind,
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

    /// Keys are at hand. True if the session opens what its protocol seals, and says of all bytes what they are.
    fn keys(&mut self, _keys: &Keys) -> bool {
        false
    }

    /// The flow ended with these bytes unread.
    fn end(&mut self, _bytes: &[u8], _sink: &mut Sink<'_>) {}
}

/// What opens sealed connections, for the readers of all flows of a series.
#[derive(Clone)]
pub struct Keys {
    /// The secrets.
    pub log: Arc<Keylog>,
    /// Connections of QUIC that they open: those go on in other flows.
    pub quic: Arc<quic::connections::Connections>,
}

/// Bytes of a stream in a datagram that was opened.
pub struct Piece {
    /// The connection, by its number in the series.
    pub connection: u64,
    /// The stream, by its number in the connection.
    pub stream: u64,
    /// Where in the stream they stand.
    pub offset: u64,
    /// The bytes.
    pub bytes: Vec<u8>,
    /// Nothing follows them.
    pub last: bool,
    /// Who reads the stream.
    pub reader: quic::connections::Reader,
}

/// What a session found in a message, sealed or framed: it is read as a stream of its own, from the first such bytes of its direction on.
pub struct Inside {
    /// Bytes of the message.
    pub length: usize,
    /// Bytes in front of what is sealed in it.
    pub front: usize,
    /// What came out.
    pub bytes: Vec<u8>,
    /// Something is missing before it.
    pub torn: bool,
    /// Nothing was sealed: anybody can read it, and the session says itself what the bytes of the message are.
    pub clear: bool,
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
    /// No names come any more of this direction. The session goes on from these very bytes, for those who look into payloads: it only says
    /// what the bytes are ([`Sink::part`]).
    Frames,
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
    http2::HTTP2,
    rtmp::RTMP,
    rtsp::RTSP,
    sip::OVER_TCP,
    mqtt::MQTT,
    stun::OVER_TCP,
    dns::OVER_TCP,
    socks::SOCKS,
    proxy_header::PROXY_HEADER,
    upgraded_text::SMTP,
    upgraded_text::IMAP,
    upgraded_text::POP3,
    upgraded_text::FTP,
    upgrade_request::POSTGRESQL,
    upgrade_request::MYSQL,
    upgrade_request::LDAP,
    xmpp::XMPP,
    drone_link::STREAM,
    capture_stream::STREAM,
    packets::STREAM,
    tunnel::STREAM,
    ssh::SSH,
    tunnel::PPTP,
    coap::OVER_TCP,
];

/// Protocols of UDP datagrams.
pub static DATAGRAMS: &[Protocol] = &[
    dns::OVER_UDP,
    drone_link::DATAGRAM,
    quic::QUIC,
    dtls::DTLS,
    stun::STUN,
    sip::OVER_UDP,
    ntp::NTP,
    ssdp::SSDP,
    capture_stream::SFLOW,
    packets::DATAGRAM,
    tunnel::DATAGRAM,
    coap::OVER_UDP,
    socks_udp::SOCKS_UDP,
];

/// Where sessions put what they say.
pub struct Sink<'a> {
    /// The flow.
    pub flow: &'a mut Flow,
    /// Facts beside the flow.
    pub ledger: &'a mut Ledger,
    /// The frame that brought the last of the bytes.
    pub at: Moment,
    /// Its interval.
    pub interval: u32,
    /// Who sent it.
    pub ends: Ends,
    /// What the bytes are that the session passes over next, in order, with the length of each part.
    pub parts: Vec<(u64, Part)>,
    /// What came out of a sealed message that the session passes over next.
    pub inside: Option<Inside>,
    /// What came out of a sealed datagram, stream by stream.
    pub pieces: Vec<Piece>,
    /// Datagrams that came out of a sealed one.
    pub messages: Vec<Vec<u8>>,
    /// Behind a handover: who reads on, and hands over in turn what is not of its protocol.
    pub onward: Option<Box<dyn Session>>,
    /// The program behind it, where the capture labels it.
    pub app: Option<AppId>,
}

impl<'a> Sink<'a> {
    /// For bytes of a flow that came in this interval, the last of them in the frame `at`.
    pub fn new(
        flow: &'a mut Flow,
        ledger: &'a mut Ledger,
        (at, interval): (Moment, u32),
        ends: Ends,
        app: Option<AppId>,
    ) -> Self {
        Self {
            flow,
            ledger,
            at,
            interval,
            ends,
            parts: Vec::new(),
            inside: None,
            pieces: Vec::new(),
            messages: Vec::new(),
            onward: None,
            app,
        }
    }
}

impl Sink<'_> {
    /// The side that sent the bytes.
    pub fn side(&self) -> Side {
        self.ends.side
    }

    /// Of what the session passes over next, so many bytes are this, behind the parts that were said before.
    pub fn part(&mut self, length: usize, part: Part) {
        self.parts.push((length as u64, part));
    }

    /// A name that the sender calls its receiver by, or in a certificate, itself.
    pub fn name(&mut self, name: &str, source: NameSource) {
        let asker = match source {
            NameSource::Certificate => self.ends.side.other(),
            _ => self.ends.side,
        };
        let accusing = &self.ledger.accusing;
        let accuses = |name: &str| accusing.says(name);
        let facts = &mut self.flow.facts;
        facts.name_of_rank(asker, name, source, self.at, accuses);
    }

    /// An address in place of a name: what the client said is listed, and it is no name.
    pub fn literal(&mut self, ip: std::net::IpAddr, source: NameSource) {
        self.asked_for(ip);
        // As a Host field writes it (RFC 3986 §3.2.2).
        let text = match ip {
            std::net::IpAddr::V4(v4) => v4.to_string(),
            std::net::IpAddr::V6(v6) => format!("[{v6}]"),
        };
        let asker = self.ends.side;
        self.flow.facts.name(asker, &text, source, self.at);
    }

    /// An address that the client asks for; one beyond the site says most.
    fn asked_for(&mut self, ip: IpAddr) {
        let outside = |ip| !classify(ip).is_local();
        *self.flow.facts.relays.of_mut(self.ends.side) |= outside(ip);
        let have = self.flow.facts.literal;
        if have.is_none_or(|have| outside(ip) && !outside(have)) {
            self.flow.facts.literal = Some(ip);
        }
    }

    /// A host that the client asks for, by name or by address.
    pub fn host(&mut self, host: &HostName, source: NameSource) {
        match host {
            HostName::Name { text, odd } => {
                self.name(text, source);
                if *odd {
                    // Two readers may see two names in it: all that it could be are listed.
                    for reading in host_name::readings(text) {
                        self.name(&reading, source);
                    }
                }
            }
            HostName::Address(ip) => self.literal(*ip, source),
            HostName::Refused(Refusal::Empty) => {}
            HostName::Refused(Refusal::TooLong) => self.unreadable(ReadingCause::HostName),
        }
    }

    /// The sender of these bytes asks their receiver for a name.
    pub fn looks_up(&mut self, name: &Arc<str>, qtype: u16) {
        self.ledger.question(self.at.at, name);
        let key = LookupKey {
            name: Arc::clone(name),
            resolver: self.ends.receiver.0,
            port: self.ends.receiver.1,
            client: self.ends.sender.0,
            app: self.app,
        };
        let link = *self.flow.link.of(self.ends.side);
        self.ledger.lookup(key, qtype, link, self.interval, self.at);
        let accusing = &self.ledger.accusing;
        let accuses = |name: &str| accusing.says(name);
        let facts = &mut self.flow.facts;
        facts.looked_up(self.ends.side, name, is_public_name(name), accuses);
    }

    /// The sender of these bytes answers their receiver that a name has this address for `ttl` seconds.
    pub fn answers(
        &mut self,
        name: &Arc<str>,
        aliases: &Arc<[Arc<str>]>,
        address: IpAddr,
        ttl: u32,
    ) {
        let side = self.ends.side;
        let client = self.ends.receiver.0;
        let key = LookupKey {
            name: Arc::clone(name),
            resolver: self.ends.sender.0,
            port: self.ends.sender.1,
            client,
            app: self.app,
        };
        self.ledger.answer(&key, address);
        // A client whose own packets were not seen is known by the address that the answer went to.
        let seen = self.flow.link.of(side.other()).source;
        let lifetime = i64::from(ttl).saturating_mul(Timestamp::SECOND);
        let event = NameEvent {
            client,
            client_mac: seen.or(self.flow.link.of(side).target),
            name: Arc::clone(name),
            aliases: Arc::clone(aliases),
            at: self.at,
            until: self.at.time.plus(lifetime),
        };
        self.ledger.resolved(address, event, self.interval);
    }

    /// The sender of these bytes is the client.
    pub fn client_speaks(&mut self) {
        self.flow.opened(self.ends.side, Opening::Request);
        // Datagrams go both ways between servers as well.
        if self.flow.key.protocol() == protocol::TCP {
            *self.flow.asks.of_mut(self.ends.side) = true;
        }
    }

    /// What the sender's payload is from here on.
    pub fn carries(&mut self, what: Carries) {
        self.flow.carries(self.ends.side, what);
    }

    /// The sender's payload is so many bytes of what a protocol needs for itself; beyond what it can need they are application
    /// payload, whatever they call themselves.
    pub fn overhead(&mut self, kind: Overhead, bytes: u64) {
        let side = self.ends.side;
        let client = self.flow.opened_by.is_none_or(|(opener, _)| opener == side);
        let beyond = self.flow.overhead.of_mut(side).add(kind, bytes, client);
        let spared = self.flow.spared.of_mut(side);
        let within = bytes.saturating_sub(beyond);
        *spared = spared.saturating_add(OverheadBytes::weight(kind, within));
        self.carries(if beyond > 0 {
            Carries::Application
        } else {
            Carries::Handshake
        });
    }

    /// So many bytes of the sender's payload were sealed, and opened.
    pub fn opened(&mut self, bytes: usize) {
        let sum = self.flow.seals.opened.of_mut(self.ends.side);
        *sum = sum.saturating_add(bytes as u64);
    }

    /// So many bytes of the sender's payload stay sealed.
    pub fn sealed(&mut self, reason: Seal, bytes: usize) {
        self.flow.seals.sealed.add(reason, bytes as u64);
    }

    /// All further payload of the sender stays sealed, from the bytes at hand on.
    pub fn rest_sealed(&mut self, reason: Seal) {
        self.flow.rest.of_mut(self.ends.side).get_or_insert(reason);
    }

    /// A request of the sender declares a body of so many bytes.
    pub fn declares(&mut self, bytes: u64) {
        let most = self.flow.declared.of_mut(self.ends.side);
        *most = bytes.max(*most);
    }

    /// The sender asks a relay.
    pub fn relays(&mut self, relay: Relay) {
        self.relays_for(self.ends.side, relay);
    }

    /// A side asks a relay.
    pub fn relays_for(&mut self, side: Side, relay: Relay) {
        *self.flow.facts.relays.of_mut(side) = true;
        self.relays_to(relay, None);
    }

    /// A proxy is asked to go to a host, and where it is said, to this port of it.
    pub fn proxies(&mut self, host: &HostName, port: Option<u16>) {
        let ip = match host {
            HostName::Address(ip) => Some(*ip),
            // Who asks for a number means an address.
            HostName::Name { text, .. } => host_name::spelt_address(text),
            HostName::Refused(_) => None,
        };
        if let Some(ip) = ip {
            self.asked_for(ip);
        }
        *self.flow.facts.relays.of_mut(self.ends.side) = true;
        self.relays_to(Relay::Proxy(ip), port);
    }

    fn relays_to(&mut self, relay: Relay, port: Option<u16>) {
        // What names a target says more than a lookup, and an address beyond the site says most.
        let weight = |relay: &Relay| match relay {
            Relay::Lookup => 0,
            Relay::Proxy(Some(ip)) if !classify(*ip).is_local() => 2,
            Relay::Proxy(_) => 1,
            Relay::Tunnel => 3,
        };
        let port = port.filter(|port| *port != 0);
        let facts = &mut self.flow.facts;
        let have = facts.relay.as_ref().map(weight);
        if have.is_none_or(|have| have < weight(&relay)) {
            facts.relay = Some(relay);
            facts.target_port = port;
        } else if facts.relay.as_ref() == Some(&relay) {
            facts.target_port = facts.target_port.or(port);
        }
    }

    /// The sender's clock said `seconds` since 1970-01-01T00:00:00Z when it made these bytes.
    pub fn clock(&mut self, kind: ClockKind, seconds: i64) {
        let said = i128::from(seconds).saturating_mul(i128::from(Timestamp::SECOND));
        if let Some(ahead) = Timestamp::from_nanos(said).since(self.at.time) {
            let server = self.ends.sender.0;
            self.ledger.clocks.said(kind, server, ahead, self.at);
        }
    }

    /// A message of a protocol that cannot be read.
    pub fn unreadable(&mut self, cause: ReadingCause) {
        let id = GapId::UnreadablePackets;
        self.ledger.gaps.at(id, self.at, self.interval, cause);
    }

    /// Something that is not read because a bound was hit.
    pub fn over(&mut self, cause: ReadingCause) {
        self.ledger.gaps.over(self.at, self.interval, cause);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::test_bytes::hex;

    #[test]
    fn the_beginnings_of_streams_belong_to_one_protocol_each() {
        let ends = |port| Ends {
            side: Side::A,
            sender: ([192, 168, 2, 20].into(), 40001),
            receiver: ([192, 168, 2, 254].into(), port),
        };
        let connect = "02 0007 636f6e6e656374 00 3ff0000000000000 03 0000 09";
        let rtmp = [
            &[3][..],
            &[0x5a; 3072],
            &hex("03 000000 000017 14 00000000"),
            &hex(connect),
        ]
        .concat();
        let mysql = [&hex("20 0000 01 05aeff01 00000001 21")[..], &[0; 23]].concat();
        let ldap = [
            &hex("30 1d 02 01 01 77 18 80 16")[..],
            b"1.3.6.1.4.1.1466.20037",
        ]
        .concat();
        let samples: [(&str, Vec<u8>); 24] = [
            ("coap", hex("40 e1 23 010000")),
            ("tls", hex("16 0301 0005 01 000001 00")),
            ("http", b"GET / HTTP/1.1\r\n".to_vec()),
            ("http2", http1::HTTP2_PREFACE.to_vec()),
            ("rtmp", rtmp),
            ("rtsp", b"OPTIONS * RTSP/1.0\r\n".to_vec()),
            ("sip", b"OPTIONS sip:a.example SIP/2.0\r\n".to_vec()),
            (
                "proxy-protocol",
                b"PROXY TCP6 2001:db8::7 2001:db8::9 56324 443\r\n".to_vec(),
            ),
            (
                "proxy-protocol",
                hex("0d0a0d0a000d0a515549540a 21 11 000c c0000207 c6336409 dc04 01bb"),
            ),
            ("smtp", b"EHLO phone.example\r\n".to_vec()),
            ("imap", b"a001 CAPABILITY\r\n".to_vec()),
            ("pop3", b"CAPA\r\n".to_vec()),
            ("ftp", b"AUTH TLS\r\n".to_vec()),
            ("ftp", b"USER pilot\r\n".to_vec()),
            ("postgresql", hex("00000008 04d2162f")),
            ("mysql", mysql),
            ("ldap", ldap),
            (
                "xmpp",
                b"<stream:stream to='im.example' version='1.0'>".to_vec(),
            ),
            ("mqtt", hex("10 0d 0004 4d515454 04 02 003c 0001 61")),
            ("stun", hex("0001 0000 2112a442 000102030405060708090a0b")),
            ("socks", hex("05 01 00")),
            (
                "socks",
                b"\x04\x01\x01\xbb\x00\x00\x00\x01me\x00a.example\x00".to_vec(),
            ),
            (
                "drone-link",
                hex("551904e40403e0150004059afee1fedffe8000000020018083"),
            ),
            (
                "dns",
                hex("001b 0007 0100 0001 0000 0000 0000 01 61 07 6578616d706c65 00 0001 0001"),
            ),
        ];
        for (id, bytes) in &samples {
            for port in [80, 443, 554, 1935, 5060, 8883, 40002] {
                let mine = |bytes: &[u8]| -> Vec<&str> {
                    let fits = STREAMS
                        .iter()
                        .filter(|p| (p.fit)(bytes, &ends(port)) == Fit::Mine);
                    fits.map(|p| p.id).collect()
                };
                assert_eq!(mine(bytes), [*id], "port {port}");
                for cut in 1..bytes.len() {
                    assert!(
                        mine(&bytes[..cut]).iter().all(|found| found == id),
                        "{id} {cut}"
                    );
                }
            }
        }
    }
}
