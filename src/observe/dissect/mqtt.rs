//! MQTT 3.1, 3.1.1 and 5 over TCP: recognised by the CONNECT packet (OASIS MQTT 5.0 §3.1, MQTT 3.1.1 §3.1).
//!
//! MQTT names no server: client, user and topics say who speaks and about what, which is often a device's serial number. The broker is
//! known by its address, by DNS, or by the name that TLS or a WebSocket in front of it says. Packets behind the CONNECT name nobody; where
//! somebody looks into payloads they are framed: logins, topics, and what is published under them (§3.3).

use super::wire::{Fit, Reader};
use super::{Protocol, Session, Sink, Step};
use crate::evidence::flow::Side;
use crate::observe::flow::part::{Coding, Part, Place};
use crate::observe::flow::{Carries, PayloadKind};

pub(super) const MQTT: Protocol = Protocol {
    id: "mqtt",
    fit: |bytes, _| fit(bytes),
    names: false,
    until: None,
    payload: PayloadKind::Packets,
    open: || Box::new(Mqtt::default()),
};

/// Packet type 1, its flags 0.
const CONNECT: u8 = 0x10;
/// Protocol names as strings, with their versions; the high bit marks a bridge between brokers.
const NAMES: [(&[u8], &[u8]); 2] = [(b"\x00\x04MQTT", &[4, 5]), (b"\x00\x06MQIsdp", &[3])];

fn fit(bytes: &[u8]) -> Fit {
    let mut reader = Reader::new(bytes);
    match reader.u8() {
        None => return Fit::NeedMore,
        Some(CONNECT) => {}
        Some(_) => return Fit::NotMine,
    }
    // Remaining length: up to four bytes, the last of them without the high bit (§1.5.5).
    for place in 0..4 {
        match reader.u8() {
            None => return Fit::NeedMore,
            Some(byte) if byte & 0x80 == 0 => break,
            Some(_) if place == 3 => return Fit::NotMine,
            Some(_) => {}
        }
    }
    let rest = reader.rest();
    let mut answer = Fit::NotMine;
    for (name, versions) in NAMES {
        let common = name.len().min(rest.len());
        if rest.get(..common) != name.get(..common) {
            continue;
        }
        match rest.get(name.len()..) {
            // Version, then flags whose lowest bit is reserved (§3.1.2.3).
            Some([version, flags, ..]) => {
                if versions.contains(&(version & 0x7f)) && flags & 1 == 0 {
                    return Fit::Mine;
                }
            }
            _ => answer = Fit::NeedMore,
        }
    }
    answer
}

/// Longest login, topic and other packet that is lent as a whole; what is longer is lent as it comes, as a message without a form.
const WHOLE_MAX: usize = 64 << 10;
/// Packet type of a publication.
const PUBLISH: u8 = 3;

#[derive(Default)]
struct Mqtt {
    client: Option<Side>,
    /// The client's packets are framed.
    frames: bool,
    /// Bytes of a message that are still to come.
    left: usize,
    /// Version 5 has properties.
    properties: bool,
    /// What the client says is no packet any more.
    lost: bool,
}

impl Session for Mqtt {
    fn read(&mut self, bytes: &[u8], sink: &mut Sink<'_>) -> Step {
        sink.carries(Carries::Application);
        let side = sink.side();
        if self.client.is_none() {
            self.client = Some(side);
            sink.client_speaks();
            if *sink.flow.heard.of(side) {
                self.frames = true;
                return Step::Frames;
            }
        }
        match self.frames && self.client == Some(side) {
            true => self.frame(bytes, sink),
            false => Step::DoneHere,
        }
    }

    fn lost(&mut self, side: Side) -> bool {
        let frames = self.frames && self.client == Some(side);
        // Where the next packet begins cannot be known.
        self.lost |= frames;
        frames
    }

    fn end(&mut self, bytes: &[u8], sink: &mut Sink<'_>) {
        if self.frames && self.client == Some(sink.side()) {
            sink.part(bytes.len(), body(true));
        }
    }
}

/// What is published.
fn body(last: bool) -> Part {
    Part::Body {
        place: Place::Mqtt,
        stream: 0,
        coding: Coding::Plain,
        last,
    }
}

impl Mqtt {
    fn frame(&mut self, bytes: &[u8], sink: &mut Sink<'_>) -> Step {
        if self.lost {
            return Step::Consumed(bytes.len());
        }
        if self.left > 0 {
            let here = self.left.min(bytes.len());
            self.left = self.left.saturating_sub(here);
            sink.part(here, body(self.left == 0));
            return Step::Consumed(here);
        }
        let (header, total) = match length(bytes) {
            Length::NeedMore => return Step::More,
            Length::Packet { header, total } => (header, total),
            Length::Strange => {
                self.lost = true;
                return Step::Consumed(bytes.len());
            }
        };
        let first = bytes.first().copied().unwrap_or(0);
        if first >> 4 == PUBLISH {
            let rest = bytes.get(header..).unwrap_or_default();
            let rest = rest.get(..total.saturating_sub(header)).unwrap_or(rest);
            match payload_at(rest, first >> 1 & 3, self.properties) {
                Some(at) => {
                    let payload = header.saturating_add(at);
                    self.left = total.saturating_sub(payload);
                    sink.part(payload, Part::Frame { header });
                    return Step::Consumed(payload);
                }
                None if bytes.len() < total.min(WHOLE_MAX) => return Step::More,
                // No topic fits in: a message like any other.
                None => return self.rest(header, total, sink),
            }
        }
        if total > WHOLE_MAX {
            return self.rest(header, total, sink);
        }
        let Some(packet) = bytes.get(..total) else {
            return Step::More;
        };
        let part = if first == CONNECT {
            let body = packet.get(header..).unwrap_or_default();
            self.properties = version(body).is_some_and(|version| version >= 5);
            Part::Login { header }
        } else {
            Part::Frame { header }
        };
        sink.part(total, part);
        Step::Consumed(total)
    }

    /// What stands behind the header is a message of its own.
    fn rest(&mut self, header: usize, total: usize, sink: &mut Sink<'_>) -> Step {
        self.left = total.saturating_sub(header);
        sink.part(header, Part::Frame { header });
        Step::Consumed(header)
    }
}

enum Length {
    NeedMore,
    /// Bytes of the fixed header, and of the whole packet.
    Packet {
        header: usize,
        total: usize,
    },
    Strange,
}

/// The length of the packet at the start: type, then up to four bytes of seven bits (MQTT 3.1.1 §2.2.3).
fn length(bytes: &[u8]) -> Length {
    let Some((first, rest)) = bytes.split_first() else {
        return Length::NeedMore;
    };
    if *first >> 4 == 0 {
        return Length::Strange;
    }
    match variable(&mut Reader::new(rest)) {
        Some((value, length)) => {
            let header = length.saturating_add(1);
            Length::Packet {
                header,
                total: header.saturating_add(value),
            }
        }
        None if rest.len() >= 4 => Length::Strange,
        None => Length::NeedMore,
    }
}

/// A number of up to four bytes of seven bits, and how many bytes it takes.
fn variable(reader: &mut Reader<'_>) -> Option<(usize, usize)> {
    let mut value = 0usize;
    for place in 0..4 {
        let byte = reader.u8()?;
        value |= usize::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            return Some((value, place + 1));
        }
    }
    None
}

/// The protocol version of a CONNECT (MQTT 5.0 §3.1.2.2).
fn version(body: &[u8]) -> Option<u8> {
    let mut reader = Reader::new(body);
    reader.vector16()?;
    Some(reader.u8()? & 0x7f)
}

/// Where the payload of a publication begins behind its fixed header.
fn payload_at(body: &[u8], qos: u8, properties: bool) -> Option<usize> {
    let mut reader = Reader::new(body);
    reader.vector16()?;
    if qos > 0 {
        reader.u16()?;
    }
    if properties {
        skip_properties(&mut reader)?;
    }
    Some(reader.position())
}

fn skip_properties(reader: &mut Reader<'_>) -> Option<()> {
    let (length, _) = variable(reader)?;
    reader.take(length).map(|_| ())
}

/// Who logs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Login<'b> {
    /// The client's id, often a number of the device.
    pub client: &'b [u8],
    /// The user; empty without one.
    pub user: &'b [u8],
    /// The password; empty without one.
    pub password: &'b [u8],
}

/// The login in a CONNECT behind its fixed header (MQTT 5.0 §3.1.3): with the client's id alone where the rest of it cannot be read.
pub fn login(body: &[u8]) -> Option<Login<'_>> {
    let version = version(body)?;
    let mut reader = Reader::new(body);
    reader.vector16()?;
    reader.u8()?;
    let flags = reader.u8()?;
    reader.u16()?;
    if version >= 5 {
        skip_properties(&mut reader)?;
    }
    let client = reader.vector16()?;
    let only = Login {
        client,
        user: &[],
        password: &[],
    };
    let mut credentials = || {
        if flags & 0x04 != 0 {
            if version >= 5 {
                skip_properties(&mut reader)?;
            }
            reader.vector16()?;
            reader.vector16()?;
        }
        let mut text = |flag: u8| match flags & flag != 0 {
            true => reader.vector16(),
            false => Some(&[][..]),
        };
        Some((text(0x80)?, text(0x40)?))
    };
    Some(match credentials() {
        Some((user, password)) => Login {
            user,
            password,
            ..only
        },
        None => only,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::dissect::conversation::Conversation;
    use crate::observe::dissect::wire::test_bytes::hex;

    #[test]
    fn a_connect_of_every_version_and_nothing_else() {
        for connect in [
            "10 0d 0004 4d515454 04 02 003c 0001 61",
            "10 8f01 0004 4d515454 05 c2 003c 00 0000",
            "10 0f 0006 4d5149736470 03 02 003c 0001 61",
            "10 0d 0004 4d515454 84 02 003c 0001 61",
        ] {
            let bytes = hex(connect);
            let mut talk = Conversation::tcp("178.239.93.2:1883");
            talk.say(&bytes[..5]).say(&bytes[5..]).hear(hex("20020000"));
            assert_eq!(
                (talk.protocol(), talk.names()),
                (Some("mqtt"), vec![]),
                "{connect}"
            );
            assert!(talk.opened_by_client());
        }
        for other in [
            "10 0d 0004 4d515454 04 03 003c",
            "10 0d 0004 4d515454 06 02 003c",
            "10 0d 0004 4d515458 04 02 003c",
            "10 ffffffff 0004 4d515454 04 02",
            "20 02 0000",
        ] {
            assert_eq!(fit(&hex(other)), Fit::NotMine, "{other}");
        }
    }
}
