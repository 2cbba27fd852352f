//! IP packets in a byte stream, or several in a datagram: recognised by [`framing`], taken out, and handed on to be read as packets.
//!
//! What they do beyond the site, the flow around them does too. Where the walk loses its step (a frame that cannot be read, bytes that are
//! lost), the flow is an opaque tunnel from there on: more packets may follow that nobody opens.

use super::wire::Fit;
use super::{Protocol, Session, Sink, Step};
use crate::evidence::flow::Pair;
use crate::observe::flow::{Carried, Carries, Layer, PayloadKind};
use crate::observe::packet::framing;
use crate::observe::packet::framing::{Framing, Held, Next, Recognised, embedded, recognise};

pub(super) const STREAM: Protocol = Protocol {
    id: ID,
    fit: |bytes, _| match recognise(bytes) {
        Recognised::No => Fit::NotMine,
        Recognised::Maybe => Fit::NeedMore,
        Recognised::Yes(_) => Fit::Mine,
    },
    names: false,
    until: None,
    payload: PayloadKind::Clear,
    open: || Box::new(Packets::default()),
};

/// Several in one datagram; one alone is found without a session.
pub(super) const DATAGRAM: Protocol = Protocol {
    id: ID,
    fit: |bytes, _| match framing::run(bytes) {
        Some(_) => Fit::Mine,
        None => Fit::NotMine,
    },
    names: false,
    until: None,
    payload: PayloadKind::Clear,
    open: || Box::new(Datagrams),
};

const ID: &str = "ip-in-stream";

#[derive(Default)]
struct Packets {
    framing: Pair<Option<Framing>>,
}

impl Session for Packets {
    fn read(&mut self, bytes: &[u8], sink: &mut Sink<'_>) -> Step {
        sink.carries(Carries::Application);
        let side = sink.side();
        let framing = match *self.framing.of(side) {
            Some(framing) => framing,
            None => match recognise(bytes) {
                Recognised::Yes(framing) => framing,
                Recognised::Maybe => return Step::More,
                // The other side's framing may fit where this side begins with no packet.
                Recognised::No => match *self.framing.of(side.other()) {
                    Some(framing) => framing,
                    None => return opaque(ID, sink),
                },
            },
        };
        *self.framing.of_mut(side) = Some(framing);
        let name = framing.name();
        sink.flow.facts.protocol = Some(name);
        match framing.next(bytes) {
            Next::Frame(used, held) => {
                hand_on(held, name, sink);
                Step::Consumed(used)
            }
            Next::More => Step::More,
            Next::Broken => opaque(name, sink),
        }
    }

    fn end(&mut self, bytes: &[u8], sink: &mut Sink<'_>) {
        // A frame of which the end is missing.
        if let (Some(framing), false) = (self.framing.of(sink.side()), bytes.is_empty()) {
            opaque(framing.name(), sink);
        }
    }
}

struct Datagrams;

impl Session for Datagrams {
    fn read(&mut self, bytes: &[u8], sink: &mut Sink<'_>) -> Step {
        sink.carries(Carries::Application);
        if let Some((framing, all)) = framing::run(bytes) {
            for held in all {
                hand_on(held, framing.name(), sink);
            }
        }
        Step::Done
    }
}

fn hand_on(held: Held<'_>, name: &'static str, sink: &mut Sink<'_>) {
    let (layer, bytes) = match held {
        Held::Packet(bytes) => (Layer::Packet, bytes),
        Held::Ppp(bytes) => (Layer::Ppp, bytes),
        Held::Other => return,
    };
    sink.flow.inside.push(Carried {
        name,
        layer,
        bytes: bytes.into_owned(),
        cut: 0,
        copies: false,
    });
}

/// What follows cannot be followed.
fn opaque(name: &'static str, sink: &mut Sink<'_>) -> Step {
    sink.flow.facts.tunnel = Some(name);
    Step::DoneHere
}

/// Protocols whose payload is sealed, or whose packets are taken out by their session.
fn is_otherwise(protocol: &str) -> bool {
    matches!(
        protocol,
        "tls"
            | "dot"
            | "ssh"
            | "openvpn"
            | "ip-in-stream"
            | "ppp-in-stream"
            | "slip"
            | "ip-in-websocket"
            | "capture-stream"
            | "esp-in-tcp"
    )
}

/// A segment of any other stream: a packet near its start, proved by two checksums, shows that there are others, in whatever the stream
/// calls them (the body of a request, frames of a program's own).
pub(super) fn watch(bytes: &[u8], sink: &mut Sink<'_>) {
    if sink.flow.facts.protocol.is_some_and(is_otherwise) {
        return;
    }
    let Some(packet) = embedded(bytes) else {
        return;
    };
    sink.flow.facts.tunnel = Some(WATCHED);
    hand_on(Held::Packet(packet.into()), WATCHED, sink);
}

/// A stream in which packets were met, and whose framing is not known.
const WATCHED: &str = "ip-in-tcp";
