//! QUIC by its shape: handshake or application data (RFC 8999, RFC 9000, RFC 9369).
//!
//! Needed for the stages: a handshake alone is no transfer. Names inside Initial packets are not
//! read yet; such a flow stays unnamed, and is counted and judged by its address.

use super::quic_shape::shape;
use super::wire::Fit;
use super::{Protocol, Session, Sink, Step};
use crate::flow::{Carries, Relay};

pub(super) const QUIC: Protocol = Protocol {
    id: "quic",
    fit: |bytes, _| {
        if shape(bytes).is_some() {
            Fit::Mine
        } else {
            Fit::NotMine
        }
    },
    open: || Box::new(Quic { opened: false }),
};

/// DNS over QUIC (RFC 9250 §4.1.1).
const DOQ_PORT: u16 = 853;

struct Quic {
    opened: bool,
}

impl Session for Quic {
    fn read(&mut self, bytes: &[u8], sink: &mut Sink<'_>) -> Step {
        match shape(bytes) {
            Some(datagram) => {
                if !self.opened {
                    self.opened = true;
                    sink.client_speaks();
                    if sink.ends.receiver.1 == DOQ_PORT {
                        sink.flow.facts.protocol = Some("doq");
                        sink.flow.facts.hidden = Some("DNS over QUIC");
                        sink.relays(Relay::Lookup);
                    }
                }
                sink.carries(if datagram.carries_application_data() {
                    Carries::Application
                } else {
                    Carries::Handshake
                });
            }
            // A short header, or what else runs on this pair of ports.
            None => sink.carries(Carries::Application),
        }
        Step::Consumed(bytes.len())
    }
}
