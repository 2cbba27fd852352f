//! TLS over TCP: the server name a client asks for, and the certificate up to TLS 1.2.
//!
//! RFC 8446 §4.1.2 and RFC 6066 §3 (server name), RFC 5246 §7.4.2 (certificate), RFC 9849 (ECH).
//! On any port, over any number of segments and records. Follows both directions until each sends
//! application data, so that a handshake alone is not taken for a transfer. Everything behind is
//! encrypted: what was sent, it cannot say.

use super::host_name::HostName;
use super::tls_certificate::{Certificate, leaf};
use super::tls_hello::{Ech, client_hello, server_hello};
use super::tls_record::{
    HEADER_LEN, HandshakeMessage, Handshakes, Next, Record, content_type, fit, handshake_type, next,
};
use super::{Protocol, Session, Sink, Step};
use crate::coverage::GapId;
use crate::flow::{Carries, NameSource, Pair, Relay, Side};

pub(super) const TLS: Protocol = Protocol {
    id: "tls",
    fit: |bytes, _| fit(bytes),
    open: || Box::new(Tls::default()),
};

/// DNS over TLS (RFC 7858 §3.1), and its ALPN id.
const DOT_PORT: u16 = 853;
const DOT_ALPN: &str = "dot";

/// TLS 1.3 (RFC 8446 §4.2.1).
const TLS_1_3: u16 = 0x0304;

/// Length of the record that carries a TLS 1.3 Finished and nothing else: message header 4, verify
/// data 32 or 48, inner content type 1, tag 16 (RFC 8446 §4.4.4, §5.2). It has the outer type of
/// application data and is a handshake message all the same.
const FINISHED_RECORDS: [usize; 2] = [53, 69];

/// Names taken of one certificate: a connection's certificate is weak evidence, and a shared host
/// lists its customers.
const CERTIFICATE_NAMES_MAX: usize = 16;

#[derive(Default)]
struct Tls {
    handshakes: Pair<Handshakes>,
    /// A ChangeCipherSpec or application data was seen: what follows as handshake is encrypted.
    encrypted: Pair<bool>,
    version: u16,
    /// The client's TLS 1.3 Finished was passed.
    finished: bool,
    client: Option<Side>,
}

impl Session for Tls {
    fn read(&mut self, bytes: &[u8], sink: &mut Sink<'_>) -> Step {
        sink.carries(Carries::Handshake);
        let record = match next(bytes) {
            Next::Record(record) => record,
            Next::NeedMore => return Step::More,
            Next::Broken => {
                // Not TLS after all, or bytes were lost: payload of an unknown kind.
                sink.carries(Carries::Application);
                return Step::DoneHere;
            }
        };
        let side = sink.side();
        match record.content_type {
            content_type::HANDSHAKE if !*self.encrypted.of(side) => {
                if record.is_whole() {
                    self.handshake(record.fragment, sink);
                    Step::Consumed(HEADER_LEN + record.length)
                } else {
                    Step::More
                }
            }
            content_type::CHANGE_CIPHER_SPEC => {
                *self.encrypted.of_mut(side) = true;
                pass(&record)
            }
            content_type::APPLICATION_DATA => {
                *self.encrypted.of_mut(side) = true;
                if self.is_finished(side, record.length) {
                    self.finished = true;
                    return pass(&record);
                }
                sink.carries(Carries::Application);
                Step::DoneHere
            }
            _ => pass(&record),
        }
    }

    fn end(&mut self, bytes: &[u8], sink: &mut Sink<'_>) {
        // The connection ended inside a hello: what is there may hold the name.
        let mut rest = bytes;
        while let Next::Record(record) = next(rest) {
            if record.content_type == content_type::HANDSHAKE && !*self.encrypted.of(sink.side()) {
                self.handshake(record.fragment, sink);
            }
            rest = rest.get(HEADER_LEN + record.length..).unwrap_or_default();
        }
        let side = sink.side();
        if let Some((handshake_type::CLIENT_HELLO, body)) = self.handshakes.of(side).unfinished() {
            let body = body.to_vec();
            self.client_hello(&body, sink);
        }
    }
}

fn pass(record: &Record<'_>) -> Step {
    Step::Skip((HEADER_LEN + record.length) as u64)
}

impl Tls {
    fn is_finished(&self, side: Side, length: usize) -> bool {
        self.version == TLS_1_3
            && self.client == Some(side)
            && !self.finished
            && FINISHED_RECORDS.contains(&length)
    }

    fn handshake(&mut self, fragment: &[u8], sink: &mut Sink<'_>) {
        let side = sink.side();
        if self.handshakes.of_mut(side).push(fragment).is_err() {
            sink.gap(
                GapId::LimitsReached,
                "a TLS handshake message is longer than is kept",
            );
            *self.encrypted.of_mut(side) = true;
            return;
        }
        while let Some(HandshakeMessage { kind, body }) = self.handshakes.of_mut(side).pop() {
            match kind {
                handshake_type::CLIENT_HELLO => self.client_hello(&body, sink),
                handshake_type::SERVER_HELLO => {
                    if let Some(hello) = server_hello(&body)
                        && !hello.is_hello_retry_request
                    {
                        self.version = hello.selected_version;
                    }
                }
                // The client may send one too; the server's names are asked for here.
                handshake_type::CERTIFICATE if self.client != Some(side) => {
                    certificate(&body, sink)
                }
                _ => {}
            }
        }
    }

    fn client_hello(&mut self, body: &[u8], sink: &mut Sink<'_>) {
        let Some(hello) = client_hello(body) else {
            return;
        };
        self.client = Some(sink.side());
        sink.client_speaks();
        for name in &hello.server_names {
            match name {
                HostName::Name { text, .. } => sink.name(text, NameSource::TlsSni),
                // RFC 6066 §3 forbids it, and clients do it.
                HostName::Address(ip) => sink.literal(*ip, NameSource::TlsSni),
                HostName::Refused(_) => {}
            }
        }
        sink.flow.facts.ech |= matches!(hello.ech, Some(Ech::Outer { .. })) || hello.esni;
        if sink.ends.receiver.1 == DOT_PORT || hello.alpn.iter().any(|p| p == DOT_ALPN) {
            sink.flow.facts.protocol = Some("dot");
            sink.flow.facts.hidden = Some("DNS over TLS");
            sink.relays(Relay::Lookup);
        }
        if hello.early_data {
            // 0-RTT data follows before the server has said a word.
            sink.carries(Carries::Application);
        }
    }
}

fn certificate(body: &[u8], sink: &mut Sink<'_>) {
    let Certificate::Leaf(leaf) = leaf(body) else {
        return;
    };
    for name in leaf.names.iter().take(CERTIFICATE_NAMES_MAX) {
        sink.name(name, NameSource::Certificate);
    }
}
