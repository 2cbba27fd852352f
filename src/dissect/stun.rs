//! STUN and TURN messages (RFC 8489, RFC 8656): no application payload, unless they carry some.
//!
//! The addresses inside are not used yet.

use super::stun_shape::{Class, message};
use super::wire::Fit;
use super::{Protocol, Session, Sink, Step};
use crate::flow::Carries;

pub(super) const STUN: Protocol = Protocol {
    id: "stun",
    fit: |bytes, _| {
        if message(bytes).is_some() {
            Fit::Mine
        } else {
            Fit::NotMine
        }
    },
    open: || Box::new(Stun),
};

struct Stun;

impl Session for Stun {
    fn read(&mut self, bytes: &[u8], sink: &mut Sink<'_>) -> Step {
        let Some(stun) = message(bytes) else {
            // Media or data on the same ports.
            sink.carries(Carries::Application);
            return Step::Consumed(bytes.len());
        };
        if stun.class == Class::Request {
            sink.client_speaks();
        }
        sink.carries(if stun.carries_data {
            Carries::Application
        } else {
            Carries::Handshake
        });
        Step::Consumed(bytes.len())
    }
}
