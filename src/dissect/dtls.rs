//! DTLS over UDP: the server name in a ClientHello that fits one datagram.
//!
//! RFC 6347, RFC 9147. Plaintext handshake is told from application data by the record headers.
//! A hello in fragments over several datagrams is recognised and not yet put together.

use super::dtls_record::shape;
use super::tls_hello::{Ech, dtls_client_hello};
use super::tls_record::handshake_type;
use super::wire::Fit;
use super::{Protocol, Session, Sink, Step};
use crate::flow::{Carries, NameSource};

pub(super) const DTLS: Protocol = Protocol {
    id: "dtls",
    fit: |bytes, _| {
        if shape(bytes).is_some() {
            Fit::Mine
        } else {
            Fit::NotMine
        }
    },
    open: || Box::new(Dtls),
};

struct Dtls;

impl Session for Dtls {
    fn read(&mut self, bytes: &[u8], sink: &mut Sink<'_>) -> Step {
        let Some(datagram) = shape(bytes) else {
            // SRTP beside DTLS, or a record with the unified header.
            sink.carries(Carries::Application);
            return Step::Consumed(bytes.len());
        };
        sink.carries(if datagram.application_data {
            Carries::Application
        } else {
            Carries::Handshake
        });
        for fragment in datagram
            .fragments
            .iter()
            .filter(|f| f.kind == handshake_type::CLIENT_HELLO)
        {
            sink.client_speaks();
            let Some(hello) = fragment
                .is_whole()
                .then(|| dtls_client_hello(fragment.bytes))
                .flatten()
            else {
                continue;
            };
            for name in &hello.server_names {
                if let Some(name) = name.name() {
                    sink.name(name, NameSource::DtlsSni);
                }
            }
            sink.flow.facts.ech |= matches!(hello.ech, Some(Ech::Outer { .. })) || hello.esni;
        }
        Step::Consumed(bytes.len())
    }
}
