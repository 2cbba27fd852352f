//! STUN and TURN over UDP and TCP (RFC 8489, RFC 8656): no application payload, unless they carry some.
//!
//! A TURN server is a relay: the peers that it is asked to reach are where the packets really go, and a peer beyond the site makes a
//! server on the site a way to the internet. Whom the client talks with through a public server changes nothing: it is the internet
//! either way. The address that a server saw the client under is not taken for a destination: it is our own.

use super::stun_shape::{AddressRole, Class, Stun as Message, frame_len, message};
use super::wire::Fit;
use super::{Overhead, Protocol, Session, Sink, Step};
use crate::evidence::flow::{Relay, Side};
use crate::ground::address::classify;
use crate::observe::flow::{Carries, PayloadKind};

pub(super) const STUN: Protocol = Protocol {
    id: "stun",
    fit: |bytes, _| {
        if message(bytes).is_some() {
            Fit::Mine
        } else {
            Fit::NotMine
        }
    },
    names: false,
    until: None,
    payload: PayloadKind::Attributes,
    open: || Box::new(Stun(Told::default())),
};

pub(super) const OVER_TCP: Protocol = Protocol {
    id: "stun",
    fit: |bytes, _| match frame_len(bytes) {
        Some(Some(len)) => match bytes.get(..len) {
            Some(whole) if message(whole).is_some() => Fit::Mine,
            Some(_) => Fit::NotMine,
            None => Fit::NeedMore,
        },
        Some(None) => Fit::NeedMore,
        None => Fit::NotMine,
    },
    names: false,
    until: None,
    payload: PayloadKind::Attributes,
    open: || Box::new(StunStream(Told::default())),
};

struct Stun(Told);

impl Session for Stun {
    fn read(&mut self, bytes: &[u8], sink: &mut Sink<'_>) -> Step {
        match message(bytes) {
            Some(stun) => say(&stun, &mut self.0, sink),
            // Media or data on the same ports.
            None => sink.carries(Carries::Application),
        }
        Step::Consumed(bytes.len())
    }
}

/// Messages and channel data one behind the other (RFC 8656 §2.1, §12.5).
struct StunStream(Told);

impl Session for StunStream {
    fn read(&mut self, bytes: &[u8], sink: &mut Sink<'_>) -> Step {
        // Requests of text protocols begin in the range of channel numbers. As a length two capital letters are 16 kB and more, which no
        // datagram that is passed on has.
        if bytes
            .first_chunk::<4>()
            .is_some_and(|word| word.iter().all(u8::is_ascii_uppercase))
        {
            return Step::Handover(0);
        }
        // Channel data: number 0x4000 to 0x4fff, length, data padded to four bytes.
        if let [0x40..=0x4f, rest @ ..] = bytes {
            sink.carries(Carries::Application);
            let Some([_, high, low]) = rest.first_chunk::<3>() else {
                return Step::More;
            };
            let length = u64::from(u16::from_be_bytes([*high, *low]));
            return Step::Skip(length.next_multiple_of(4).saturating_add(4));
        }
        let whole = match frame_len(bytes) {
            Some(Some(len)) => bytes.get(..len),
            Some(None) => None,
            None => return Step::Handover(0),
        };
        let Some(whole) = whole else {
            return Step::More;
        };
        match message(whole) {
            Some(stun) => {
                say(&stun, &mut self.0, sink);
                Step::Consumed(whole.len())
            }
            None => Step::Handover(0),
        }
    }

    fn lost(&mut self, _side: Side) -> bool {
        false
    }
}

/// Texts that were said on a flow, by their hashes: programs say the same few over and over.
#[derive(Default)]
struct Told(Vec<u64>);

/// Texts remembered: names and nonces of a few candidates on both sides.
const TOLD_MAX: usize = 64;

impl Told {
    /// Bytes of texts that were not said before.
    fn news(&mut self, stun: &Message) -> usize {
        if self.0.contains(&stun.texts.1) {
            return 0;
        }
        if self.0.len() < TOLD_MAX {
            self.0.push(stun.texts.1);
        }
        stun.texts.0
    }
}

fn say(stun: &Message, told: &mut Told, sink: &mut Sink<'_>) {
    if stun.class == Class::Request {
        sink.client_speaks();
    }
    if stun.carries_data {
        sink.carries(Carries::Application);
    } else {
        sink.overhead(Overhead::OddAttribute, stun.odd as u64);
        if *sink.flow.carries.of(sink.ends.side) != Carries::Application {
            sink.overhead(Overhead::Control, told.news(stun) as u64);
        }
    }
    // Peers on the site are candidates like others; the relay is one for the sake of those beyond.
    let beyond = stun
        .addresses
        .iter()
        .filter(|(role, _)| *role == AddressRole::Peer)
        .map(|(_, address)| address.ip())
        .find(|ip| !classify(*ip).is_local());
    if let Some(ip) = beyond {
        sink.flow.facts.literal.get_or_insert(ip);
        sink.relays(Relay::Proxy(Some(ip)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::dissect::conversation::Conversation;
    use crate::observe::dissect::wire::test_bytes::hex;

    /// CreatePermission for 192.168.2.9, then 192.0.2.1 (RFC 5769 §2.2 gives its form under the cookie).
    const PERMISSIONS: [&str; 2] = [
        "0008000c 2112a442 000102030405060708090a0b 00120008 0001 a147 e1baa64b",
        "0008000c 2112a442 000102030405060708090a0b 00120008 0001 a147 e112a643",
    ];

    #[test]
    fn a_relay_is_known_by_the_peer_beyond_the_site() {
        let peer = Some([192, 0, 2, 1].into());
        let messages = PERMISSIONS.map(hex);
        let mut udp = Conversation::udp("192.168.2.254:3478");
        udp.say(&messages[0]);
        assert_eq!((udp.literal(), udp.facts().relay.clone()), (None, None));
        udp.say(&messages[1]);
        assert_eq!(
            (udp.literal(), udp.facts().relay.clone()),
            (peer, Some(Relay::Proxy(peer)))
        );
        // A message makes nothing of a request behind it.
        let mut hidden = Conversation::tcp("192.168.2.254:3478");
        hidden.say(
            [
                &messages[0][..],
                b"CONNECT far.example:443 HTTP/1.1\r\n\r\n",
            ]
            .concat(),
        );
        assert_eq!(hidden.names().len(), 1);
        // The same over TCP, channel data between them.
        let bytes = [&messages[0][..], &hex("4001 0003 010203 00"), &messages[1]].concat();
        for size in [1, 9, bytes.len()] {
            let mut tcp = Conversation::tcp("192.168.2.254:3478");
            tcp.say_in_pieces(&bytes, size);
            assert_eq!(
                (tcp.literal(), tcp.protocol()),
                (peer, Some("stun")),
                "{size}"
            );
        }
    }
}
