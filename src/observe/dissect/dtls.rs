//! DTLS over UDP, versions 1.0 to 1.3: the server name a client asks for, and the certificate up to version 1.2.
//!
//! RFC 4347, RFC 6347 §4.2, RFC 9147 §5. Plaintext handshake is told from application data by the record headers. Messages come in
//! fragments over datagrams in any order and more than once; each is put together by its number. A client says hello twice where the
//! server wants its cookie back (HelloVerifyRequest) or another key share (HelloRetryRequest): both are read. Where copies of the same
//! bytes differ, both readings count. Everything behind the handshake is encrypted: what was sent, it cannot say.

use super::dtls_opening::Opening;
use super::dtls_record::{Datagram, Fragment, shape};
use super::ja4::{Over, fingerprint};
use super::quic::crypto_stream::CryptoStream;
use super::tls::{DOT_PORT, certificate, said};
use super::tls_hello::dtls_client_hello;
use super::tls_record::handshake_type;
use super::wire::Fit;
use super::{Keys, Overhead, Protocol, Session, Sink, Step};
use crate::evidence::flow::{HiddenLookups, NameSource, Pair, Relay};
use crate::evidence::seal::Seal;
use crate::ground::address::classify;
use crate::ground::cause::ReadingCause;
use crate::observe::flow::{Carries, PayloadKind};
use std::collections::VecDeque;

pub(super) const DTLS: Protocol = Protocol {
    id: "dtls",
    fit: |bytes, _| {
        if shape(bytes).is_some() {
            Fit::Mine
        } else {
            Fit::NotMine
        }
    },
    names: false,
    until: None,
    payload: PayloadKind::Sealed,
    open: || Box::new(Dtls::default()),
};

/// Messages of one side that are under way at a time: two hellos, or a certificate, and a second attempt.
const MESSAGES_MAX: usize = 4;

#[derive(Default)]
struct Dtls {
    under_way: Pair<VecDeque<Message>>,
    /// It was told that a hello is not whole.
    missing: bool,
    /// Opens records, if there are keys.
    opening: Option<Box<Opening>>,
}

/// A handshake message of which fragments have come.
struct Message {
    sequence: u16,
    kind: u8,
    length: usize,
    bytes: CryptoStream,
    whole: bool,
}

impl Session for Dtls {
    fn keys(&mut self, keys: &Keys) -> bool {
        self.opening = Some(Box::new(Opening::new(keys)));
        true
    }

    fn read(&mut self, bytes: &[u8], sink: &mut Sink<'_>) -> Step {
        let Some(datagram) = shape(bytes) else {
            // SRTP beside DTLS, or a record with the unified header.
            sink.carries(Carries::Application);
            sink.sealed(Seal::NoKey, bytes.len());
            return Step::Consumed(bytes.len());
        };
        if datagram.capped {
            sink.over(ReadingCause::DtlsRecordsOver);
        }
        for fragment in &datagram.fragments {
            if matches!(
                fragment.kind,
                handshake_type::CLIENT_HELLO
                    | handshake_type::SERVER_HELLO
                    | handshake_type::CERTIFICATE
            ) {
                self.fragment(fragment, sink);
            }
        }
        if datagram.application_data {
            self.hello_is_over(sink);
        }
        let opening = self.opening.as_mut().filter(|o| o.is_known());
        takes(&datagram, bytes.len(), opening.is_none(), sink);
        if let Some(opening) = opening {
            opening.datagram(bytes, sink);
        }
        Step::Consumed(bytes.len())
    }
}

/// Counts what a datagram takes for the protocol itself.
fn takes(datagram: &Datagram<'_>, length: usize, sealed: bool, sink: &mut Sink<'_>) {
    let control = datagram.control;
    // What stands behind the records is somebody's too.
    let handshake = length.saturating_sub(control) as u64;
    let has_payload = datagram.application_data || datagram.oversized;
    sink.overhead(Overhead::Control, control as u64);
    let beyond = *sink.flow.carries.of(sink.ends.side) == Carries::Application;
    if has_payload || beyond {
        sink.carries(Carries::Application);
        if has_payload && sealed {
            sink.sealed(Seal::NoKey, length);
        }
    } else {
        sink.overhead(Overhead::Handshake, handshake);
    }
}

impl Dtls {
    /// What follows a hello is here: a relay on the site knows its name, and where a part of it was not captured, nobody else does.
    fn hello_is_over(&mut self, sink: &mut Sink<'_>) {
        let unnamed = sink.flow.facts.names.is_empty();
        let local = classify(sink.ends.receiver.0).is_local();
        let mut messages = self.under_way.of(sink.side()).iter();
        let half = |m: &Message| m.kind == handshake_type::CLIENT_HELLO && !m.whole;
        if local && !self.missing && unnamed && messages.any(half) {
            self.missing = true;
            sink.unreadable(ReadingCause::DtlsHelloMissing);
        }
    }

    fn fragment(&mut self, fragment: &Fragment<'_>, sink: &mut Sink<'_>) {
        if fragment.kind == handshake_type::CLIENT_HELLO {
            sink.client_speaks();
        }
        if fragment.is_whole() {
            read(fragment.kind, fragment.bytes, true, &mut self.opening, sink);
            return;
        }
        let messages = self.under_way.of_mut(sink.side());
        let is_it = |m: &Message| {
            (m.sequence, m.kind, m.length) == (fragment.sequence, fragment.kind, fragment.length)
        };
        let at = match messages.iter().position(is_it) {
            Some(at) => at,
            None => {
                if messages.len() >= MESSAGES_MAX && messages.pop_front().is_some_and(|m| !m.whole)
                {
                    sink.over(ReadingCause::DtlsMessagesOver);
                }
                messages.push_back(Message {
                    sequence: fragment.sequence,
                    kind: fragment.kind,
                    length: fragment.length,
                    bytes: CryptoStream::new(&sink.ledger.assembly),
                    whole: false,
                });
                messages.len().saturating_sub(1)
            }
        };
        if let Some(message) = messages.get_mut(at) {
            message.add(fragment, &mut self.opening, sink);
        }
    }
}

impl Message {
    fn add(
        &mut self,
        fragment: &Fragment<'_>,
        opening: &mut Option<Box<Opening>>,
        sink: &mut Sink<'_>,
    ) {
        let pushed = self.bytes.push(fragment.offset as u64, fragment.bytes);
        sink.flow.facts.conflict |= pushed.conflict;
        if pushed.dropped.is_some() && (!self.whole || pushed.conflict) {
            sink.over(ReadingCause::DtlsMessageLong);
        }
        for start in self.bytes.grown() {
            let whole = start.len() >= self.length;
            self.whole |= whole;
            // Where a hello is cut, names that are whole in it count.
            if whole || self.kind == handshake_type::CLIENT_HELLO {
                read(self.kind, start, whole, opening, sink);
            }
        }
        if self.bytes.gave_up() && !self.whole {
            sink.over(ReadingCause::DtlsHelloPieces);
        }
        if self.whole {
            self.bytes.finish();
        }
    }
}

fn read(
    kind: u8,
    body: &[u8],
    whole: bool,
    opening: &mut Option<Box<Opening>>,
    sink: &mut Sink<'_>,
) {
    if let Some(opening) = opening.as_mut().filter(|_| whole) {
        opening.hello(kind, body, sink);
    }
    if kind == handshake_type::SERVER_HELLO {
        return;
    }
    if kind == handshake_type::CERTIFICATE {
        // The client may send one too; the server's names are asked for here.
        let client = sink.flow.opened_by.map(|(side, _)| side);
        if client != Some(sink.side()) {
            certificate(body, sink);
        }
        return;
    }
    let Some(hello) = dtls_client_hello(body) else {
        if whole {
            sink.unreadable(ReadingCause::DtlsHello);
        }
        return;
    };
    said(&hello, NameSource::DtlsSni, sink);
    sink.ledger.hello(sink.at.at, hello.random);
    if whole {
        sink.flow.facts.fingerprint(fingerprint(&hello, Over::Dtls));
    }
    if sink.ends.receiver.1 == DOT_PORT {
        sink.flow.facts.protocol = Some("dns-over-dtls");
        sink.flow.facts.hidden = Some(HiddenLookups::Dtls);
        sink.relays(Relay::Lookup);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::dissect::conversation::Conversation;
    use crate::observe::dissect::quic::hello::build::hello;
    use crate::observe::dissect::wire::test_bytes::hex;
    use proptest::prelude::*;

    /// A ClientHello body of DTLS: that of TLS with a cookie behind the session id (RFC 6347 §4.2.1).
    fn body(name: &str, version: [u8; 2], cookie: &[u8]) -> Vec<u8> {
        let tls = hello(name, "coap", 300).split_off(4);
        let cookie = [&[u8::try_from(cookie.len()).unwrap()], cookie].concat();
        [&version, &tls[2..35], &cookie, &tls[35..]].concat()
    }

    /// A plaintext handshake record with a part of a message (RFC 6347 §4.1, §4.2.2).
    fn record(kind: u8, sequence: u16, body: &[u8], from: usize, to: usize) -> Vec<u8> {
        let u24 = |n: usize| u32::try_from(n).unwrap().to_be_bytes()[1..].to_vec();
        let fragment = [
            vec![kind],
            u24(body.len()),
            sequence.to_be_bytes().to_vec(),
            u24(from),
            u24(to - from),
            body[from..to].to_vec(),
        ]
        .concat();
        let length = u16::try_from(fragment.len()).unwrap().to_be_bytes();
        [
            &[22, 0xfe, 0xff, 0, 0, 0, 0, 0, 0, 0, 1],
            &length[..],
            &fragment,
        ]
        .concat()
    }

    fn named(name: &str) -> (String, NameSource) {
        (name.into(), NameSource::DtlsSni)
    }

    #[test]
    fn hellos_of_all_versions_with_and_without_cookie() {
        for (version, told) in [([0xfe, 0xff], "d1"), ([0xfe, 0xfd], "d2"), ([1, 0], "00")] {
            let mut talk = Conversation::udp("45.33.92.2:5684");
            let first = body("a.example", version, b"");
            talk.say(record(1, 0, &first, 0, first.len()));
            talk.hear(record(3, 0, &[0xfe, 0xff, 1, 7], 0, 4));
            let second = body("b.example", version, &[9; 32]);
            talk.say(record(1, 1, &second, 0, 200));
            talk.say(record(1, 1, &second, 200, second.len()));
            assert_eq!(talk.names(), [named("a.example"), named("b.example")]);
            let ja4 = &talk.facts().ja4;
            assert_eq!(ja4.len(), 1, "a cookie changes nothing");
            assert!(ja4[0].starts_with(&format!("d{told}d0103cp_")), "{ja4:?}");
            assert!(talk.opened_by_client() && talk.gaps().is_empty());
        }
        let mut private = Conversation::udp("192.168.2.254:853");
        let hello = body("dns.example", [0xfe, 0xfd], b"");
        private.say(record(1, 0, &hello, 0, hello.len()));
        assert_eq!(private.facts().hidden, Some(HiddenLookups::Dtls));
    }

    #[test]
    fn what_came_of_a_cut_hello_counts_and_copies_that_differ_are_both_read() {
        let (one, two) = (
            body("one.example", [0xfe, 0xfd], b""),
            body("two.example", [0xfe, 0xfd], b""),
        );
        let mut talk = Conversation::udp("45.33.92.2:5684");
        talk.say(record(1, 0, &one, 0, 376));
        assert_eq!(talk.names(), [named("one.example")], "its end is missing");
        assert!(talk.facts().ja4.is_empty());
        talk.say(record(1, 0, &two, 340, two.len()));
        assert_eq!(talk.names(), [named("one.example"), named("two.example")]);
        assert!(talk.facts().conflict);
    }

    #[test]
    fn a_hello_to_a_relay_whose_beginning_is_missing_is_told() {
        let hello = body("a.example", [0xfe, 0xfd], b"");
        let data = hex("17 fefd 0001 000000000001 0004 01020304");
        let gaps = |server: &str, from: usize, to: usize| {
            let mut talk = Conversation::udp(server);
            talk.say(record(1, 0, &hello, from, to));
            assert!(talk.gaps().is_empty());
            talk.say(&data).say(&data);
            talk.gaps()
        };
        let (local, public) = ("192.168.2.254:5684", "45.33.92.2:5684");
        assert_eq!(
            gaps(local, hello.len() - 10, hello.len()),
            ["unreadable-packets"]
        );
        assert_eq!(gaps(public, hello.len() - 10, hello.len()), [""; 0]);
        // The name is there, or all of it.
        assert_eq!(gaps(local, 0, hello.len() - 1), [""; 0]);
        assert_eq!(gaps(local, 0, hello.len()), [""; 0]);
    }

    #[test]
    fn messages_under_way_are_bounded() {
        let hello = body("a.example", [0xfe, 0xfd], b"");
        let mut talk = Conversation::udp("45.33.92.2:5684");
        for sequence in 0..200 {
            talk.say(record(1, sequence, &hello, 0, 100));
        }
        assert_eq!(talk.gaps(), ["limits-reached"]);
        talk.say(record(1, 199, &hello, 100, hello.len()));
        assert_eq!(talk.names(), [named("a.example")]);
    }

    proptest! {
        /// However a hello is cut, shuffled and repeated, the same is read of it.
        #[test]
        fn any_fragments_in_any_order_say_the_same(
            pieces in proptest::collection::vec((0usize..450, 20usize..200), 0..20),
            order in proptest::collection::vec(any::<u64>(), 40),
        ) {
            let hello = body("cut.example", [0xfe, 0xfd], b"cookie");
            let rest = (0..hello.len()).step_by(67).map(|at| (at, 67));
            let mut all: Vec<(u64, usize, usize)> = pieces
                .into_iter()
                .chain(rest)
                .zip(&order)
                .map(|((at, len), order)| {
                    let from = at.min(hello.len() - 1);
                    (*order, from, (from + len).min(hello.len()))
                })
                .collect();
            all.sort_unstable();
            let mut talk = Conversation::udp("45.33.92.2:5684");
            for (_, from, to) in all {
                talk.say(record(1, 1, &hello, from, to));
            }
            prop_assert_eq!(talk.names(), [named("cut.example")]);
            prop_assert_eq!(talk.facts().ja4.len(), 1);
            prop_assert!(!talk.facts().conflict && talk.gaps().is_empty());
        }
    }
}
