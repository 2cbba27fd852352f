//! TLS whose secrets the auditor holds: what the hellos agreed on, and the records of both directions, opened one by one.
//!
//! The key log is asked by the random of the client's hello (draft-ietf-tls-keylogfile); a connection that it does not know stays sealed.
//! What comes out is handed to the stream layer with the record that it came in, and read as if it had come in clear. A record whose tag
//! fails is never content; what is missing before the next one is said with it. Behind a hole records are found again by their headers
//! and opened under the numbers that they can have; a handshake with a hole in it leaves all of the rest sealed. A handshake inside the
//! connection (TLS 1.2 and before, RFC 5246 §7.4.1) is read: it has a random, keys and perhaps a name of its own.

use super::tls;
use super::tls_hello::{ServerHello, client_hello, server_hello};
use super::tls_record::{HEADER_LEN, Handshakes, Record, content_type, handshake_type};
use super::{Inside, Sink};
use crate::evidence::flow::{NameSource, Pair, Side};
use crate::evidence::seal::Seal;
use crate::ground::cause::ReadingCause;
use crate::observe::flow::part::Part;
use crate::observe::open::keylog::{Keylog, Label};
use crate::observe::open::tls::opener::{Agreed, Opener, Side as Role};
use crate::observe::open::tls::protection;
use crate::observe::open::tls::suite::{Cipher, suite_of};
use std::sync::Arc;

/// Application data (RFC 8446 §B.1).
const APPLICATION: u8 = 23;
/// TLS 1.3 (RFC 8446 §4.2.1), and 1.0 (RFC 2246 §6.2.1).
const TLS_1_3: u16 = 0x0304;
const TLS_1_0: u16 = 0x0301;
/// Labels under which a connection's secrets are logged.
const LABELS: [Label; 6] = [
    Label::Master,
    Label::ClientEarly,
    Label::ClientHandshake,
    Label::ServerHandshake,
    Label::ClientTraffic,
    Label::ServerTraffic,
];

/// What is known of one connection.
pub(super) struct Opening {
    log: Arc<Keylog>,
    /// Random of the client's hello.
    client: Option<[u8; 32]>,
    server: Option<ServerHello>,
    open: Option<Open>,
    /// Handshake messages that came sealed.
    inner: Pair<Handshakes>,
    /// Random of the client's hello among them.
    again: Option<[u8; 32]>,
    /// The certificate of a server of TLS 1.3 may come among them: nothing of its handshake is missing so far.
    awaited: bool,
    /// Bytes of each direction that the protocol took for itself.
    own: Pair<usize>,
}

/// What the protocol needs for itself in one direction: a hello, a chain of certificates, tickets, alerts. Beyond it, handshakes may carry
/// anything and count as unread.
const OWN_MAX: usize = 16 << 10;

/// What a message of the protocol itself is, after so many.
fn own(sum: &mut usize, length: usize) -> Part {
    *sum = sum.saturating_add(length);
    match *sum <= OWN_MAX {
        true => Part::Marks,
        false => Part::Closed,
    }
}

struct Open {
    /// Who said the first hello.
    client: Side,
    openers: Pair<Opener>,
    /// Bytes in front of what is sealed in a record.
    front: usize,
    /// Something before the next record is missing.
    torn: Pair<bool>,
}

impl Opening {
    pub(super) fn new(log: &Arc<Keylog>) -> Self {
        Self {
            log: Arc::clone(log),
            client: None,
            server: None,
            open: None,
            inner: Pair::default(),
            again: None,
            awaited: true,
            own: Pair::default(),
        }
    }

    /// True if the log knows the connection.
    pub(super) fn is_known(&self) -> bool {
        self.client.is_some()
    }

    /// The client's hello has one of these randoms: an encrypted one that the server takes goes by the inner one (RFC 9850 §2.2).
    /// False if the log knows nothing of them.
    pub(super) fn client(&mut self, randoms: impl IntoIterator<Item = [u8; 32]>) -> bool {
        for random in randoms {
            self.client = Some(random);
            let known = |label: &Label| self.log.secrets(&random, *label).next().is_some();
            if LABELS.iter().any(known) {
                return true;
            }
        }
        false
    }

    /// The server's hello.
    pub(super) fn server(&mut self, hello: &ServerHello) {
        self.server = Some(hello.clone());
    }

    /// True once records can be opened; `client` said the first hello.
    pub(super) fn is_agreed(&mut self, client: Option<Side>) -> bool {
        if self.open.is_none()
            && let (Some(side), Some(random), Some(server)) = (client, self.client, &self.server)
        {
            let agreed = agreed(random, server);
            let opener = |role| Opener::new(&self.log, &agreed, role);
            let (own, other) = (opener(Role::Client), opener(Role::Server));
            let openers = match side {
                Side::A => Pair { a: own, b: other },
                Side::B => Pair { a: other, b: own },
            };
            self.open = Some(Open {
                client: side,
                openers,
                front: HEADER_LEN.saturating_add(vector_len(&agreed)),
                torn: Pair::default(),
            });
        }
        self.open.is_some()
    }

    /// Bytes of a direction are missing; `client` said the first hello. False if the connection is not known.
    pub(super) fn lost(&mut self, side: Side, client: Option<Side>) -> bool {
        self.is_agreed(client);
        self.awaited &= client == Some(side);
        *self.inner.of_mut(side) = Handshakes::default();
        if let Some(open) = &mut self.open {
            open.openers.of_mut(side).lost();
            *open.torn.of_mut(side) = true;
        }
        self.is_known()
    }

    /// True if something before the next record of a direction is missing.
    pub(super) fn is_torn(&self, side: Side) -> bool {
        self.open.as_ref().is_some_and(|open| *open.torn.of(side))
    }

    /// Why bytes that are no record stay sealed.
    pub(super) fn odd(&self, side: Side) -> Seal {
        match &self.open {
            Some(open) if *open.torn.of(side) => Seal::LostPackets,
            Some(_) => Seal::Unsupported,
            None => self.closed(),
        }
    }

    /// Why nothing is opened as long as the hellos are not both known.
    fn closed(&self) -> Seal {
        match self.client {
            Some(_) => Seal::LostPackets,
            None => Seal::NoKey,
        }
    }

    /// Takes a whole record, `data` if it carries application data by its outside, and says what it is.
    pub(super) fn record(&mut self, record: &Record<'_>, data: bool, sink: &mut Sink<'_>) {
        let length = HEADER_LEN.saturating_add(record.length);
        let side = sink.side();
        let closed = self.closed();
        let Some(open) = &mut self.open else {
            if data {
                sink.sealed(closed, length);
            }
            // As long as it is not known whether anything will be opened, handshakes are counted where packets are.
            let told = record.content_type != APPLICATION && sink.flow.accounts;
            let part = match told {
                true => own(self.own.of_mut(side), length),
                false => Part::Closed,
            };
            sink.part(length, part);
            return;
        };
        let wire = protection::Record {
            kind: record.content_type,
            version: record.version.to_be_bytes(),
            fragment: record.fragment,
        };
        let mut room = Vec::new();
        match open.openers.of_mut(side).open(&wire, &mut room) {
            Ok(APPLICATION) => {
                sink.inside = Some(Inside {
                    clear: false,
                    length,
                    front: open.front,
                    bytes: room,
                    torn: std::mem::take(open.torn.of_mut(side)),
                });
            }
            // Handshake, alerts: the protocol's own.
            Ok(kind) => {
                if kind == content_type::HANDSHAKE && *room != *record.fragment {
                    self.handshake(&room, sink);
                }
                if data {
                    sink.opened(length);
                }
                sink.part(length, own(self.own.of_mut(side), length));
            }
            Err(why) => {
                if data {
                    sink.sealed(why.into(), length);
                }
                *open.torn.of_mut(side) = true;
                self.awaited &= open.client == side;
                sink.part(length, Part::Closed);
            }
        }
    }

    /// Takes handshake messages that came sealed: with TLS 1.2 and before another handshake, whose keys hold from the next changes of
    /// cipher on; with TLS 1.3 the rest of the first one, in which the server shows its certificate.
    fn handshake(&mut self, fragment: &[u8], sink: &mut Sink<'_>) {
        let side = sink.side();
        if self.server.as_ref().map(|s| s.selected_version) == Some(TLS_1_3) {
            if self.awaited && self.open.as_ref().is_some_and(|o| o.client != side) {
                self.shows(fragment, side, sink);
            }
            return;
        }
        if self.inner.of_mut(side).push(fragment).is_err() {
            return;
        }
        while let Some(message) = self.inner.of_mut(side).pop() {
            match message.kind {
                handshake_type::CLIENT_HELLO => {
                    if let Some(hello) = client_hello(&message.body) {
                        tls::said(&hello, NameSource::TlsSni, sink);
                        sink.ledger.hello(sink.at.at, hello.random);
                        self.again = Some(hello.random);
                    }
                }
                handshake_type::SERVER_HELLO => {
                    if let (Some(random), Some(hello), Some(open)) =
                        (self.again, server_hello(&message.body), &mut self.open)
                    {
                        let agreed = agreed(random, &hello);
                        let (server, client) = (side, side.other());
                        for (side, role) in [(client, Role::Client), (server, Role::Server)] {
                            let opener = open.openers.of_mut(side);
                            opener.renegotiated(&self.log, &agreed, role);
                        }
                        open.front = HEADER_LEN.saturating_add(vector_len(&agreed));
                    }
                }
                handshake_type::CERTIFICATE if self.again.is_some() => {
                    tls::certificate(&message.body, sink);
                }
                _ => {}
            }
        }
    }

    /// Takes a piece of the handshake of a server of TLS 1.3 (RFC 8446 §4.4.2), up to its certificate or its end.
    fn shows(&mut self, fragment: &[u8], side: Side, sink: &mut Sink<'_>) {
        let messages = self.inner.of_mut(side);
        if messages.push(fragment).is_err() {
            sink.over(ReadingCause::TlsMessageLong);
            self.awaited = false;
        }
        while self.awaited
            && let Some(message) = messages.pop()
        {
            match message.kind {
                handshake_type::CERTIFICATE => tls::certificate_13(&message.body, sink),
                handshake_type::COMPRESSED_CERTIFICATE => {
                    tls::compressed_certificate(&message.body, sink);
                }
                handshake_type::FINISHED => {}
                _ => continue,
            }
            self.awaited = false;
        }
        if !self.awaited {
            *messages = Handshakes::default();
        }
    }

    /// True while the client may wait for the server's hello.
    pub(super) fn waits(&self, side: Side, client: Option<Side>) -> bool {
        self.open.is_none() && client == Some(side)
    }
}

/// What two hellos agree on.
fn agreed(client: [u8; 32], server: &ServerHello) -> Agreed {
    Agreed {
        client,
        server: server.random,
        version: server.selected_version,
        suite: server.cipher,
        encrypt_then_mac: server.encrypt_then_mac,
        compressed: server.compressed,
    }
}

/// Bytes of a record's own vector in front of what is sealed (RFC 5288 §3, RFC 6655 §3, RFC 5246 §6.2.3.2).
fn vector_len(agreed: &Agreed) -> usize {
    match suite_of(agreed.suite).map(|suite| suite.cipher) {
        _ if agreed.version == TLS_1_3 => 0,
        Some(Cipher::Gcm(_) | Cipher::Ccm(..)) => 8,
        Some(Cipher::Cbc(..)) if agreed.version > TLS_1_0 => 16,
        _ => 0,
    }
}
