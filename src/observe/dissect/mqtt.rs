//! MQTT 3.1, 3.1.1 and 5 over TCP: recognised by the CONNECT packet (OASIS MQTT 5.0 §3.1, MQTT 3.1.1 §3.1).
//!
//! MQTT names no server: client, user and topics say who speaks and about what, which is often a device's serial number. The broker is
//! known by its address, by DNS, or by the name that TLS or a WebSocket in front of it says. Packets behind the CONNECT are not read.

use super::wire::{Fit, Reader};
use super::{Protocol, Session, Sink, Step};
use crate::evidence::flow::Side;
use crate::observe::flow::Carries;

pub(super) const MQTT: Protocol = Protocol {
    id: "mqtt",
    fit: |bytes, _| fit(bytes),
    names: false,
    until: None,
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

#[derive(Default)]
struct Mqtt {
    client: Option<Side>,
}

impl Session for Mqtt {
    fn read(&mut self, _bytes: &[u8], sink: &mut Sink<'_>) -> Step {
        sink.carries(Carries::Application);
        if self.client.is_none() {
            self.client = Some(sink.side());
            sink.client_speaks();
        }
        Step::DoneHere
    }
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
