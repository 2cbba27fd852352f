//! NTP over UDP (RFC 5905 §7.3, RFC 4330): recognised, so that the protocol is named. Nothing in it names anybody.
//!
//! Its form is loose, so it is taken on its own port alone. Whether a time server belongs to the phone's system is decided by its name and
//! address, never by the protocol.

use super::wire::{Fit, Reader};
use super::{Protocol, Session, Sink, Step};
use crate::flow::{Carries, Opening};
use crate::ledger::Ends;

pub(super) const NTP: Protocol = Protocol {
    id: "ntp",
    fit,
    open: || Box::new(Ntp),
};

const PORT: u16 = 123;
/// Bytes without extension fields and authentication.
const LEN_MIN: usize = 48;
/// Stratum beyond which values are reserved.
const STRATUM_MAX: u8 = 16;
/// Modes: symmetric 1 and 2, client 3, server 4, broadcast 5.
const CLIENT: u8 = 3;
const SERVER: u8 = 4;

/// The mode of a message.
fn mode(bytes: &[u8]) -> Option<u8> {
    let mut reader = Reader::new(bytes);
    let (first, stratum) = (reader.u8()?, reader.u8()?);
    let (version, mode) = (first >> 3 & 7, first & 7);
    let sound = (1..=4).contains(&version)
        && (1..=5).contains(&mode)
        && stratum <= STRATUM_MAX
        && bytes.len() >= LEN_MIN
        && bytes.len().is_multiple_of(4);
    sound.then_some(mode)
}

fn fit(bytes: &[u8], ends: &Ends) -> Fit {
    if [ends.sender.1, ends.receiver.1].contains(&PORT) && mode(bytes).is_some() {
        Fit::Mine
    } else {
        Fit::NotMine
    }
}

struct Ntp;

impl Session for Ntp {
    fn read(&mut self, bytes: &[u8], sink: &mut Sink<'_>) -> Step {
        sink.carries(Carries::Application);
        match mode(bytes) {
            Some(CLIENT) => sink.client_speaks(),
            Some(SERVER) => {
                let asker = sink.side().other();
                sink.flow.opened(asker, Opening::Request);
            }
            _ => {}
        }
        Step::Consumed(bytes.len())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing)]
    use crate::dissect::conversation::Conversation;

    #[test]
    fn a_request_on_its_port() {
        let mut request = [0; 48];
        request[0] = 0x23;
        let told = |server: &str, bytes: &[u8]| {
            let mut talk = Conversation::udp(server);
            talk.say(bytes);
            (talk.protocol(), talk.opened_by_client())
        };
        assert_eq!(told("192.0.2.1:123", &request), (Some("ntp"), true));
        assert_eq!(told("192.0.2.1:1123", &request).0, None);
        assert_eq!(told("192.0.2.1:123", &request[..44]).0, None);
        request[0] = 0x26;
        assert_eq!(told("192.0.2.1:123", &request).0, None, "a control message");
        request[0] = 0x24;
        let mut answer = Conversation::udp("192.0.2.1:123");
        answer.hear(request);
        assert!(answer.opened_by_client());
    }
}
