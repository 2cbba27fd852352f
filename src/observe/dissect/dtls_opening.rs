//! DTLS whose secrets the auditor holds: what the hellos agreed on, and the records of both directions, each by itself.
//!
//! The key log is asked by the random of the client's hello. Records say their number and epoch, so that lost ones cost themselves alone. What
//! comes out is a datagram again, and is read as one.

use super::tls_hello::{dtls_client_hello, server_hello};
use super::tls_record::handshake_type;
use super::{Keys, Sink};
use crate::evidence::flow::{Pair, Side};
use crate::observe::flow::Carries;
use crate::observe::open::dtls::{DtlsRecord, HEADER_LEN, Opener};
use crate::observe::open::keylog::{Keylog, Label};
use crate::observe::open::tls::opener::{Agreed, Side as Role};
use std::sync::Arc;

/// Application data (RFC 6347 §4.1).
const APPLICATION: u8 = 23;
/// Records looked at in one datagram.
const RECORDS_MAX: usize = 64;

/// What is known of one connection.
pub(super) struct Opening {
    log: Arc<Keylog>,
    client: Option<([u8; 32], Side)>,
    server: Option<[u8; 32]>,
    openers: Pair<Opener>,
}

impl Opening {
    pub(super) fn new(keys: &Keys) -> Self {
        Self {
            log: Arc::clone(&keys.log),
            client: None,
            server: None,
            openers: Pair::default(),
        }
    }

    /// True if the log knows the connection.
    pub(super) fn is_known(&self) -> bool {
        self.client.is_some()
    }

    /// A whole hello.
    pub(super) fn hello(&mut self, kind: u8, body: &[u8], sink: &mut Sink<'_>) {
        if kind == handshake_type::CERTIFICATE {
            return;
        }
        if kind == handshake_type::CLIENT_HELLO {
            let random = dtls_client_hello(body).map(|hello| hello.random);
            let known = |r: &[u8; 32]| self.log.secrets(r, Label::Master).next().is_some();
            if let Some(random) = random.filter(known) {
                self.client = Some((random, sink.side()));
                sink.flow.opens = true;
            }
            return;
        }
        let (Some((client, side)), Some(hello)) = (self.client, server_hello(body)) else {
            return;
        };
        // Flights are sent again.
        if side == sink.side() || self.server == Some(hello.random) {
            return;
        }
        self.server = Some(hello.random);
        let agreed = Agreed {
            client,
            server: hello.random,
            version: hello.selected_version,
            suite: hello.cipher,
            encrypt_then_mac: hello.encrypt_then_mac,
            compressed: hello.compressed,
        };
        for (side, role) in [(side, Role::Client), (side.other(), Role::Server)] {
            self.openers.of_mut(side).agreed(&self.log, &agreed, role);
        }
    }

    /// Opens the records of a datagram, and says what became of it.
    pub(super) fn datagram(&mut self, bytes: &[u8], sink: &mut Sink<'_>) {
        let opener = self.openers.of_mut(sink.ends.side);
        let mut rest = bytes;
        let mut room = Vec::new();
        let mut marks = 0_usize;
        for _ in 0..RECORDS_MAX {
            let Some((record, behind)) = DtlsRecord::read(rest) else {
                break;
            };
            let length = HEADER_LEN.saturating_add(record.record.fragment.len());
            rest = behind;
            let opened = opener.open(&record, &mut room);
            if record.record.kind != APPLICATION {
                // Handshake, alerts: counted where packets are.
                marks = marks.saturating_add(if opened.is_ok() { length } else { 0 });
                continue;
            }
            match opened {
                Ok(_) => {
                    sink.opened(length);
                    marks = marks.saturating_add(length.saturating_sub(room.len()));
                    sink.messages.push(std::mem::take(&mut room));
                }
                Err(why) => sink.sealed(why.into(), length),
            }
        }
        // As long as there are handshakes alone, packets are counted where they come in.
        let counted = *sink.flow.carries.of(sink.side()) != Carries::Application;
        if *sink.flow.heard.of(sink.side()) && !counted {
            let sum = &mut sink.flow.lent.marks;
            *sum = sum.saturating_add(marks as u64);
        }
    }
}
