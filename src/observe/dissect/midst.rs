//! Datagrams that name somebody, in the midst of a flow that is unknown or another protocol's.
//!
//! A flow is looked at closely for its first datagrams only. What a program sends behind them is still asked whether it is one of the
//! few messages that name a far end and that noise is never taken for: a question to a resolver's port (RFC 1035), an Initial packet of
//! a known version of QUIC (RFC 9000 §17.2.2), a DTLS ClientHello (RFC 6347 §4.2), a SIP message (RFC 3261 §7), STUN with its magic
//! cookie (RFC 8489 §5), CoAP with a proxy's target (RFC 7252 §5.10.2), one of these or a name behind a SOCKS header (RFC 1928 §7). A few bytes tell the rest from them.

use super::dns_message::parse;
use super::quic::version::{google_number, kind_of};
use super::quic_shape::PacketKind;
use super::wire::Fit;
use super::{DATAGRAMS, Protocol, coap};
use crate::evidence::ledger::Ends;
use crate::ground::protocol::DNS_PORT;

/// Magic cookie of STUN.
const COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
/// DTLS: content type handshake, and the high byte of all versions; the first message's type behind the record header.
const DTLS_HANDSHAKE: [u8; 2] = [22, 0xfe];
const DTLS_FIRST_MESSAGE: usize = 13;
const CLIENT_HELLO: u8 = 1;

/// The protocol of a datagram that names somebody beyond doubt.
pub(super) fn naming(bytes: &[u8], ends: &Ends) -> Option<&'static Protocol> {
    let id = candidate(bytes, ends)?;
    let protocol = DATAGRAMS.iter().find(|protocol| protocol.id == id)?;
    ((protocol.fit)(bytes, ends) == Fit::Mine).then_some(protocol)
}

/// The only protocol that these bytes can be of.
fn candidate(bytes: &[u8], ends: &Ends) -> Option<&'static str> {
    let resolver = [ends.sender.1, ends.receiver.1].contains(&DNS_PORT);
    if resolver && parse(bytes).is_ok_and(|message| message.plausible()) {
        return Some("dns");
    }
    if bytes.get(4..8) == Some(&COOKIE) {
        return Some("stun");
    }
    let version = |at: usize| -> Option<u32> {
        let four = bytes.get(at..)?.first_chunk::<4>()?;
        Some(u32::from_be_bytes(*four))
    };
    match *bytes.first()? {
        0 => matches!(bytes, [0, 0, 0..=127, 1 | 3 | 4, ..]).then_some("socks-udp"),
        22 => {
            let hello = bytes.starts_with(&DTLS_HANDSHAKE)
                && bytes.get(DTLS_FIRST_MESSAGE) == Some(&CLIENT_HELLO);
            hello.then_some("dtls")
        }
        first @ 0xc0.. => {
            let initial = kind_of(version(1)?, first) == Some(PacketKind::Initial);
            initial.then_some("quic")
        }
        b'A'..=b'Z' if bytes.windows(4).take(LINE_MAX).any(|w| w == b"SIP/") => Some("sip"),
        // CoAP version 1, a message that asks for an answer or not, a token of at most eight bytes; a method.
        0x40..=0x5f if matches!(bytes.get(1), Some(1..=7)) => {
            coap::asks_a_proxy(bytes).then_some("coap")
        }
        // Google's versions: flags, a connection id, the version.
        first if first & 0x89 == 0x09 => google_number(version(9)?).map(|_| "quic"),
        _ => None,
    }
}

/// Bytes in which the first line of a SIP message says that it is one.
const LINE_MAX: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::flow::{NameSource, Side};
    use crate::observe::dissect::conversation::Conversation;
    use crate::observe::dissect::wire::test_bytes::{Noise, hex};

    fn to(port: u16) -> Ends {
        Ends {
            side: Side::A,
            sender: ([192, 168, 2, 20].into(), 40001),
            receiver: ([192, 168, 2, 254].into(), port),
        }
    }

    /// A message of each, the port that it needs, and the host in it.
    fn messages() -> Vec<(&'static str, u16, Vec<u8>, Option<NameSource>)> {
        let question = hex("001b 0100 0001 0000 0000 0000 01 61 07 6578616d706c65 00 0001 0001");
        let coap = [&hex("40 01 1234 dd 16 03")[..], b"coap://a.example"].concat();
        let register = b"REGISTER sip:a.example SIP/2.0\r\nVia: SIP/2.0/UDP 1.2.3.4\r\n\r\n";
        let name = b"a.example";
        let sni = [&hex("0000 000e 000c 00 0009")[..], name].concat();
        let body = [
            &hex("fefd")[..],
            &[7; 32],
            &hex("00 00 0002 c02b 01 00"),
            &hex("0012"),
            &sni,
        ];
        let body = body.concat();
        let length = body.len() as u8;
        let message = [&[1, 0, 0, length, 0, 0, 0, 0, 0, 0, 0, length][..], &body].concat();
        let record = hex("16 fefd 0000 000000000000 00");
        let hello = [&record[..], &[message.len() as u8], &message].concat();
        vec![
            ("dns", 53, question, None),
            ("coap", 40002, coap, Some(NameSource::Coap)),
            ("sip", 40002, register.to_vec(), Some(NameSource::Sip)),
            ("dtls", 40002, hello, Some(NameSource::DtlsSni)),
            (
                "stun",
                40002,
                hex("0001 0000 2112a442 000102030405060708090a0b"),
                None,
            ),
        ]
    }

    #[test]
    fn behind_noise_and_behind_other_protocols_a_name_is_read() {
        for (id, port, message, source) in messages() {
            let found = naming(&message, &to(port)).map(|p| p.id);
            assert_eq!(found, Some(id));
            let mut noise = Noise(7);
            for first in ["noise", "stun"] {
                let mut talk = Conversation::udp(&format!("192.168.2.254:{port}"));
                if first == "stun" {
                    talk.say(hex("0001 0000 2112a442 000102030405060708090a0b"));
                }
                for _ in 0..100 {
                    talk.say([&[0xff][..], &noise.bytes(10)].concat());
                }
                let named = |talk: &mut Conversation| {
                    talk.names().iter().map(|(_, s)| *s).collect::<Vec<_>>()
                };
                assert_eq!(named(&mut talk), []);
                talk.say(&message);
                assert_eq!(
                    named(&mut talk),
                    Vec::from_iter(source),
                    "{id} behind {first}"
                );
                assert_eq!(talk.facts().lookups.len(), usize::from(id == "dns"));
            }
        }
    }

    #[test]
    fn noise_is_taken_for_none_of_them() {
        const DATAGRAMS: usize = 200_000;
        let mut noise = Noise(0x5eed);
        for n in 0..DATAGRAMS {
            let length = noise.below(48) + 4;
            let mut bytes = noise.bytes(length);
            // First bytes that get past the first look, as often as others.
            const FIRST: [u8; 8] = [22, 0xc0, 0xff, 0x40, 0x58, b'R', 0x0d, 0];
            if n % 2 == 0 {
                bytes[0] = FIRST[noise.below(FIRST.len())];
            }
            for port in [53, 40002] {
                assert!(naming(&bytes, &to(port)).is_none(), "{port} {bytes:x?}");
            }
        }
    }
}
