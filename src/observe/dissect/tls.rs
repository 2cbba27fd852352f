//! TLS over TCP: the server name a client asks for, and the certificate up to TLS 1.2.
//!
//! RFC 8446 §4.1.2 and RFC 6066 §3 (server name), RFC 5246 §7.4.2 (certificate), RFC 9849 (ECH).
//! On any port, over any number of segments and records. Follows both directions until each sends
//! application data, so that a handshake alone is not taken for a transfer. Everything behind is
//! encrypted: what was sent, it cannot say.

use super::ja4::{Over, fingerprint};
use super::tls_certificate::{Certificate, leaf, leaf_13};
use super::tls_compressed::{self, Unread};
use super::tls_ech;
use super::tls_hello::{ClientHello, Ech, client_hello, server_hello};
use super::tls_opening::Opening;
use super::tls_record::{
    Again, HEADER_LEN, HandshakeMessage, Handshakes, Next, Record, again, content_type, fit,
    handshake_type, next,
};
use super::{Keys, Overhead, Protocol, Session, Sink, Step};
use crate::evidence::flow::{HiddenLookups, NameSource, Pair, Relay, Side};
use crate::evidence::seal::Seal;
use crate::ground::cause::ReadingCause;
use crate::observe::flow::part::Part;
use crate::observe::flow::{Carries, PayloadKind};
use crate::observe::open::keylog::Keylog;
use std::sync::Arc;

pub(super) const TLS: Protocol = Protocol {
    id: "tls",
    fit: |bytes, _| fit(bytes),
    names: true,
    until: None,
    payload: PayloadKind::Sealed,
    open: || Box::new(Tls::default()),
};

/// DNS over TLS (RFC 7858 §3.1) and over DTLS (RFC 8094 §3.1), and the former's ALPN id.
pub(super) const DOT_PORT: u16 = 853;
const DOT_ALPN: &str = "dot";

/// TLS 1.3 (RFC 8446 §4.2.1), whose records say 1.2.
const TLS_1_3: u16 = 0x0304;
const TLS_1_2: u16 = 0x0303;

/// Length of the record that carries a TLS 1.3 Finished and nothing else: message header 4, verify
/// data 32 or 48, inner content type 1, tag 16 (RFC 8446 §4.4.4, §5.2). It has the outer type of
/// application data and is a handshake message all the same.
const FINISHED_RECORDS: [usize; 2] = [53, 69];

/// Early data (RFC 8446 §2.3) that waits for the server's hello: servers take 16 KiB or less.
const EARLY_MAX: usize = 64 << 10;

/// Names taken of one certificate: a connection's certificate is weak evidence, and a shared host
/// lists its customers.
const CERTIFICATE_NAMES_MAX: usize = 16;

#[derive(Default)]
struct Tls {
    handshakes: Pair<Handshakes>,
    /// A ChangeCipherSpec or application data was seen: what follows as handshake is encrypted.
    encrypted: Pair<bool>,
    version: u16,
    /// The server asked for a second hello: a ChangeCipherSpec before it means nothing (RFC 8446 §D.4).
    retry: bool,
    /// The client's TLS 1.3 Finished was passed.
    finished: bool,
    client: Option<Side>,
    /// What may open something of it.
    log: Option<Arc<Keylog>>,
    /// Opens records, if there are keys.
    opening: Option<Box<Opening>>,
    /// Bytes are missing: where the next record begins is looked for.
    seeks: Pair<bool>,
}

impl Session for Tls {
    fn keys(&mut self, keys: &Keys) -> bool {
        self.log = Some(Arc::clone(&keys.log));
        self.opening = Some(Box::new(Opening::new(&keys.log)));
        true
    }

    fn lost(&mut self, side: Side) -> bool {
        let client = self.client;
        let stays = self.opening.as_mut().is_some_and(|o| o.lost(side, client));
        *self.seeks.of_mut(side) = stays;
        // Of a message of the handshake the beginning may be missing; only hellos show themselves.
        *self.encrypted.of_mut(side) = true;
        *self.handshakes.of_mut(side) = Handshakes::default();
        stays
    }

    fn read(&mut self, bytes: &[u8], sink: &mut Sink<'_>) -> Step {
        sink.carries(Carries::Handshake);
        if self.opening.is_some() {
            return self.read_opening(bytes, sink);
        }
        let record = match next(bytes) {
            Next::Record(record) => record,
            Next::NeedMore => return Step::More,
            Next::Broken => {
                // Not TLS after all, or bytes were lost: payload of an unknown kind.
                sink.carries(Carries::Application);
                sink.unreadable(ReadingCause::TlsRecord);
                return Step::DoneHere;
            }
        };
        let side = sink.side();
        match record.content_type {
            content_type::HANDSHAKE if self.in_clear(side, &record) => {
                if record.is_whole() {
                    self.handshake(record.fragment, sink);
                    takes(&record, sink);
                    Step::Consumed(HEADER_LEN + record.length)
                } else {
                    Step::More
                }
            }
            content_type::CHANGE_CIPHER_SPEC => {
                *self.encrypted.of_mut(side) |= !self.retry;
                takes(&record, sink);
                pass(&record)
            }
            content_type::APPLICATION_DATA => {
                *self.encrypted.of_mut(side) = true;
                if self.is_finished(side, record.length) {
                    self.finished = true;
                    return pass(&record);
                }
                sink.carries(Carries::Application);
                sink.rest_sealed(Seal::NoKey);
                Step::DoneHere
            }
            _ => {
                takes(&record, sink);
                pass(&record)
            }
        }
    }

    fn end(&mut self, bytes: &[u8], sink: &mut Sink<'_>) {
        if *self.seeks.of(sink.side()) {
            sink.sealed(Seal::LostPackets, bytes.len());
            return;
        }
        // The connection ended inside a hello: what is there may hold the name.
        let mut rest = bytes;
        while let Next::Record(record) = next(rest) {
            if record.content_type == content_type::APPLICATION_DATA {
                // Its end is missing.
                sink.sealed(Seal::LostPackets, rest.len());
                break;
            }
            if record.content_type == content_type::HANDSHAKE && self.in_clear(sink.side(), &record)
            {
                self.handshake(record.fragment, sink);
            }
            rest = rest.get(HEADER_LEN + record.length..).unwrap_or_default();
        }
        let side = sink.side();
        if let Some((handshake_type::CLIENT_HELLO, body)) = self.handshakes.of(side).unfinished() {
            let body = body.to_vec();
            self.client_hello(&body, false, sink);
        }
    }
}

/// Counts what a record takes for the protocol itself.
fn takes(record: &Record<'_>, sink: &mut Sink<'_>) {
    /// The only byte of a change of cipher (RFC 5246 §7.1).
    const CHANGE: usize = 1;
    /// An alert, encrypted: level and description in a block cipher's padding, with what stands around it (RFC 5246 §6.2.3). A heartbeat
    /// over TCP only keeps alive (RFC 6520 §5.2): a few bytes of its own, and as many of padding.
    const SMALL: usize = 512;
    let whole = (HEADER_LEN + record.length) as u64;
    let fits = match record.content_type {
        content_type::HANDSHAKE => return sink.overhead(Overhead::Handshake, whole),
        content_type::CHANGE_CIPHER_SPEC => record.length == CHANGE,
        _ => record.length <= SMALL,
    };
    if fits {
        sink.overhead(Overhead::Control, whole);
    } else {
        sink.carries(Carries::Application);
    }
}

/// Passes over bytes of a record whose beginning is missing.
fn pass_torn(length: usize, sink: &mut Sink<'_>) -> Step {
    sink.carries(Carries::Application);
    sink.sealed(Seal::LostPackets, length);
    sink.part(length, Part::Closed);
    Step::Consumed(length)
}

fn pass(record: &Record<'_>) -> Step {
    Step::Skip((HEADER_LEN + record.length) as u64)
}

impl Tls {
    /// As [`read`](Session::read), where records may be opened: each is read when it is whole.
    fn read_opening(&mut self, bytes: &[u8], sink: &mut Sink<'_>) -> Step {
        let side = sink.side();
        sink.flow.accounts |= self.opening.as_ref().is_some_and(|o| o.is_known());
        if *self.seeks.of(side) {
            match again(bytes, self.version.min(TLS_1_2)) {
                Again::At(0) => *self.seeks.of_mut(side) = false,
                Again::NotBefore(0) => return Step::More,
                Again::At(at) | Again::NotBefore(at) => return pass_torn(at, sink),
            }
        }
        let record = match next(bytes) {
            Next::Record(record) => record,
            Next::NeedMore => return Step::More,
            Next::Broken if self.opening.as_ref().is_some_and(|o| o.is_torn(side)) => {
                // What looked like a record behind a hole was none.
                *self.seeks.of_mut(side) = true;
                return pass_torn(1, sink);
            }
            Next::Broken => {
                sink.carries(Carries::Application);
                sink.unreadable(ReadingCause::TlsRecord);
                sink.part(usize::MAX, Part::Sealed);
                sink.rest_sealed(self.opening.as_ref().map_or(Seal::NoKey, |o| o.odd(side)));
                return Step::DoneHere;
            }
        };
        let sealed = record.content_type == content_type::APPLICATION_DATA;
        let data = sealed && !self.is_finished(side, record.length);
        if data {
            sink.carries(Carries::Application);
        }
        let waits = sealed
            && bytes.len() < EARLY_MAX
            && self
                .opening
                .as_ref()
                .is_some_and(|o| o.waits(side, self.client));
        if !record.is_whole() || waits {
            return Step::More;
        }
        match record.content_type {
            content_type::HANDSHAKE if self.in_clear(side, &record) => {
                self.handshake(record.fragment, sink);
                takes(&record, sink);
            }
            content_type::CHANGE_CIPHER_SPEC => {
                *self.encrypted.of_mut(side) |= !self.retry;
                takes(&record, sink);
            }
            content_type::APPLICATION_DATA => {
                *self.encrypted.of_mut(side) = true;
                self.finished |= !data;
            }
            _ => takes(&record, sink),
        }
        let client = self.client;
        match &mut self.opening {
            Some(opening) => {
                opening.is_agreed(client);
                opening.record(&record, data, sink);
            }
            // The log knows nothing of it.
            None => {
                sink.part(usize::MAX, Part::Sealed);
                if data {
                    sink.sealed(Seal::NoKey, HEADER_LEN + record.length);
                }
            }
        }
        Step::Consumed(HEADER_LEN + record.length)
    }

    fn is_finished(&self, side: Side, length: usize) -> bool {
        self.version == TLS_1_3
            && self.client == Some(side)
            && !self.finished
            && FINISHED_RECORDS.contains(&length)
    }

    /// Behind a ChangeCipherSpec handshake records are encrypted, except for the second hello that a server of TLS 1.3 asked for.
    fn in_clear(&self, side: Side, record: &Record<'_>) -> bool {
        !*self.encrypted.of(side) || is_hello(record)
    }

    fn handshake(&mut self, fragment: &[u8], sink: &mut Sink<'_>) {
        let side = sink.side();
        if self.handshakes.of_mut(side).push(fragment).is_err() {
            sink.over(ReadingCause::TlsMessageLong);
            *self.encrypted.of_mut(side) = true;
            return;
        }
        while let Some(HandshakeMessage { kind, body }) = self.handshakes.of_mut(side).pop() {
            match kind {
                handshake_type::CLIENT_HELLO => self.client_hello(&body, true, sink),
                handshake_type::SERVER_HELLO => {
                    if let Some(hello) = server_hello(&body) {
                        self.retry |= hello.is_hello_retry_request;
                        if !hello.is_hello_retry_request {
                            self.version = hello.selected_version;
                            if let Some(opening) = &mut self.opening {
                                opening.server(&hello);
                            }
                        }
                    }
                }
                // The client may send one too; the server's names are asked for here.
                handshake_type::CERTIFICATE if self.client != Some(side) => {
                    certificate(&body, sink);
                }
                _ => {}
            }
        }
    }

    fn client_hello(&mut self, body: &[u8], whole: bool, sink: &mut Sink<'_>) {
        let Some(hello) = client_hello(body) else {
            sink.unreadable(ReadingCause::TlsHello);
            return;
        };
        self.client = Some(sink.side());
        sink.client_speaks();
        let log = self.log.as_ref().filter(|_| hello.ech.is_some());
        let inner = log.and_then(|log| tls_ech::inner(log, &hello.random, body));
        let randoms = inner.iter().map(|i| i.random).chain([hello.random]);
        let unknown = |o: &mut Box<Opening>| !o.client(randoms.clone());
        if self.opening.take_if(unknown).is_some() {
            sink.flow.opens = false;
        }
        said(&hello, NameSource::TlsSni, sink);
        sink.ledger.hello(sink.at.at, hello.random);
        if let Some(inner) = &inner {
            said(inner, NameSource::TlsSni, sink);
            sink.ledger.hello(sink.at.at, inner.random);
            // Nothing of it hides any more.
            sink.flow.facts.ech = false;
        }
        if whole {
            sink.flow.facts.fingerprint(fingerprint(&hello, Over::Tcp));
        }
        let offered = inner.iter().chain([&hello]).flat_map(|h| &h.alpn);
        if sink.ends.receiver.1 == DOT_PORT || offered.into_iter().any(|p| p == DOT_ALPN) {
            sink.flow.facts.protocol = Some("dot");
            sink.flow.facts.hidden = Some(HiddenLookups::Tls);
            sink.relays(Relay::Lookup);
        }
        if hello.early_data {
            // 0-RTT data follows before the server has said a word.
            sink.carries(Carries::Application);
        }
    }
}

/// A record behind a ChangeCipherSpec that is a whole hello in clear. An encrypted one would have to begin with its type, its own length
/// and a version by chance.
fn is_hello(record: &Record<'_>) -> bool {
    let [kind, length @ .., _, _] = record.fragment.first_chunk::<6>().unwrap_or(&[0; 6]);
    let rest = record.length.checked_sub(4);
    matches!(
        *kind,
        handshake_type::CLIENT_HELLO | handshake_type::SERVER_HELLO
    ) && rest
        .map(|n| n.to_be_bytes())
        .is_some_and(|n| n.ends_with(length))
        && record.fragment.get(4..6) == Some(&[3, 3])
}

/// What a hello says of the server.
pub(super) fn said(hello: &ClientHello, source: NameSource, sink: &mut Sink<'_>) {
    for name in &hello.server_names {
        // RFC 6066 §3 forbids addresses, and clients do it.
        sink.host(name, source);
    }
    sink.flow.facts.ech |= matches!(hello.ech, Some(Ech::Outer { .. }));
    sink.flow.facts.esni |= hello.esni;
}

/// The names in a server's certificate, as it stands in clear or before TLS 1.3.
pub(super) fn certificate(body: &[u8], sink: &mut Sink<'_>) {
    shown(leaf(body), sink);
}

/// The names in a server's certificate that came sealed in TLS 1.3.
pub(super) fn certificate_13(body: &[u8], sink: &mut Sink<'_>) {
    shown(leaf_13(body), sink);
}

/// The same, compressed.
pub(super) fn compressed_certificate(body: &[u8], sink: &mut Sink<'_>) {
    match tls_compressed::certificate(body) {
        Ok(body) => certificate_13(&body, sink),
        Err(Unread::TooLong) => sink.over(ReadingCause::TlsMessageLong),
        // It names nobody, as if it were not there.
        Err(Unread::Broken) => {}
    }
}

fn shown(certificate: Certificate, sink: &mut Sink<'_>) {
    let Certificate::Leaf(leaf) = certificate else {
        return;
    };
    for name in leaf.names.iter().take(CERTIFICATE_NAMES_MAX) {
        sink.name(name, NameSource::Certificate);
    }
}

#[cfg(test)]
pub(in crate::observe::dissect) mod tests {
    use super::*;
    use crate::observe::dissect::conversation::Conversation;
    use crate::observe::dissect::quic::hello::build;
    use crate::observe::dissect::tls_certificate::tests::flight_example;
    use crate::observe::dissect::wire::test_bytes::hex;
    use proptest::prelude::*;

    fn record(kind: u8, version: [u8; 2], fragment: &[u8]) -> Vec<u8> {
        let length = u16::try_from(fragment.len()).unwrap().to_be_bytes();
        [&[kind], &version[..], &length, fragment].concat()
    }

    fn handshake(kind: u8, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(body.len()).unwrap().to_be_bytes();
        record(22, [3, 3], &[&[kind], &length[1..], body].concat())
    }

    /// A record with a ClientHello for this name.
    pub(in crate::observe::dissect) fn hello(name: &str) -> Vec<u8> {
        record(22, [3, 1], &build::hello(name, "h2", 40))
    }

    fn server_hello_record(random: &[u8], extensions: &[u8]) -> Vec<u8> {
        let length = u16::try_from(extensions.len()).unwrap().to_be_bytes();
        let fixed = hex("00 1301 00");
        handshake(2, &[&[3, 3], random, &fixed, &length, extensions].concat())
    }

    /// ServerHello and Certificate of TLS 1.2, the latter for flight.example.
    pub(in crate::observe::dissect) fn server_flight() -> Vec<u8> {
        [
            server_hello_record(&[5; 32], &[]),
            handshake(11, &flight_example()),
        ]
        .concat()
    }

    fn named(name: &str) -> (String, NameSource) {
        (name.into(), NameSource::TlsSni)
    }

    const SERVER: &str = "45.33.92.2:443";
    const CHANGE: [u8; 6] = [20, 3, 3, 0, 1, 1];

    /// RFC 8446 §4.1.4 and §D.4: between the two hellos both sides may send a ChangeCipherSpec.
    #[test]
    fn the_hello_after_a_retry_is_read() {
        let retry = server_hello_record(
            &hex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c"),
            &hex("002b 0002 0304 0033 0002 0017"),
        );
        let accepted = server_hello_record(&[5; 32], &hex("002b 0002 0304"));
        let finished = record(23, [3, 3], &[0; 53]);
        let data = record(23, [3, 3], &[0; 90]);
        let mut talk = Conversation::tcp(SERVER);
        talk.say(hello("a.example"));
        talk.hear([retry, CHANGE.to_vec()].concat());
        talk.say([CHANGE.to_vec(), hello("b.example")].concat());
        talk.hear([accepted, data.clone()].concat());
        talk.say(finished);
        assert_eq!(talk.names(), [named("a.example"), named("b.example")]);
        let client = talk.client();
        assert_eq!(*talk.flow().carries.of(client), Carries::Handshake);
        talk.say(data);
        assert_eq!(*talk.flow().carries.of(client), Carries::Application);
        let mut half = Conversation::tcp(SERVER);
        half.say(hello("a.example"))
            .say(CHANGE)
            .say(hello("b.example"));
        assert_eq!(half.names().len(), 2, "without the server's side");
        let mut only = Conversation::tcp(SERVER);
        only.say([CHANGE.to_vec(), hello("b.example")].concat());
        assert_eq!(only.names(), [named("b.example")], "without the first");
        let mut encrypted = Conversation::tcp(SERVER);
        encrypted.say(hello("a.example")).say(CHANGE);
        encrypted.say(record(22, [3, 3], &[1; 40]));
        assert_eq!(encrypted.names().len(), 1, "a Finished of TLS 1.2");
    }

    /// GB/T 38636-2020: version 1.1 in record and hello, otherwise the form of TLS 1.2.
    #[test]
    fn hellos_of_tlcp() {
        let mut hello = build::hello("gm.example", "h2", 0);
        hello[4..6].copy_from_slice(&[1, 1]);
        let mut talk = Conversation::tcp(SERVER);
        talk.say(record(22, [1, 1], &hello));
        assert_eq!(talk.names(), [named("gm.example")]);
        assert!(talk.facts().ja4[0].starts_with("t00d0103h2_"));
    }

    #[test]
    fn encrypted_names_by_either_extension() {
        let with = |extension: &str| {
            let mut hello = build::hello("outer.example", "h2", 0);
            let extension = hex(extension);
            let at = 4 + 2 + 32 + 1 + 4 + 2;
            let grown = hello[at..at + 2]
                .iter()
                .fold(0, |n, b| n << 8 | usize::from(*b))
                + extension.len();
            hello[at..at + 2].copy_from_slice(&u16::try_from(grown).unwrap().to_be_bytes());
            hello.extend(extension);
            let length = u32::try_from(hello.len() - 4).unwrap().to_be_bytes();
            hello[1..4].copy_from_slice(&length[1..]);
            let mut talk = Conversation::tcp(SERVER);
            talk.say(record(22, [3, 1], &hello));
            let facts = talk.facts();
            (facts.ech, facts.esni, facts.ja4.len())
        };
        let ech = "fe0d 000e 00 0001 0001 07 0002 aaaa 0002 bbbb";
        assert_eq!(with(ech), (true, false, 1));
        assert_eq!(with("ffce 0004 1301 001d"), (false, true, 1));
    }

    /// What comes of a hello of which a part was lost: the name if it stands before the hole, and never a fingerprint.
    #[test]
    fn a_hole_in_the_hello() {
        let mut late_name = build::hello("late.example", "h2", 3000);
        late_name = record(22, [3, 1], &late_name);
        let (first, rest) = late_name.split_at(1400);
        let mut lost = Conversation::tcp(SERVER);
        lost.say(first).miss(100).say(&rest[100..]);
        for _ in 0..100 {
            lost.say([0x42; 1400]);
        }
        lost.end();
        assert_eq!(lost.names(), []);
        let extended = [build::hello("early.example", "h2", 0), vec![0; 3000]].concat();
        let mut hello = record(22, [3, 1], &extended);
        let length = u32::try_from(extended.len() - 4).unwrap().to_be_bytes();
        hello[6..9].copy_from_slice(&length[1..]);
        for segments in [0, 100] {
            let mut talk = Conversation::tcp(SERVER);
            talk.say(&hello[..1400]).miss(1400).say(&hello[2800..]);
            // The hole is given up because too much waits behind it, or because the connection is over.
            for _ in 0..segments {
                talk.say([0x42; 1400]);
            }
            if segments == 0 {
                talk.end();
            }
            assert_eq!(talk.names(), [named("early.example")]);
            assert!(talk.facts().ja4.is_empty());
        }
    }

    /// A greeting that could be the start of a long DNS message does not hide the hello behind it: Android's debug bridge says `STLS`
    /// with a version and zeros.
    #[test]
    fn a_greeting_that_another_protocol_might_claim() {
        let greeting = hex("53544c53 00000001 00000000 00000000 00000000 acabb3ac");
        for size in [24, 7] {
            let mut talk = Conversation::tcp("192.168.2.9:5555");
            talk.say_in_pieces(&greeting, size);
            talk.hear(&greeting);
            talk.say(hello("bridge.example")).hear(server_flight());
            let names: Vec<String> = talk.names().into_iter().map(|(n, _)| n).collect();
            assert_eq!(names, ["bridge.example", "flight.example"]);
        }
    }

    proptest! {
        /// However a hello is cut into records and segments, shuffled and repeated, the same is read of it.
        #[test]
        fn any_segments_in_any_order_say_the_same(
            record_len in 1usize..600,
            pieces in proptest::collection::vec((0usize..1200, 1usize..300), 0..20),
            order in proptest::collection::vec(any::<u64>(), 80),
            start in any::<u32>(),
        ) {
            let message = build::hello("cut.example", "h2", 300);
            let stream: Vec<u8> = message
                .chunks(record_len)
                .flat_map(|part| record(22, [3, 1], part))
                .collect();
            let rest = (0..stream.len()).step_by(stream.len() / 20 + 1);
            let rest = rest.map(|at| (at, stream.len() / 20 + 1));
            let mut all: Vec<(u64, usize, usize)> = pieces
                .into_iter()
                .chain(rest)
                .zip(&order)
                .map(|((at, len), order)| {
                    let from = at.min(stream.len() - 1);
                    (*order, from, (from + len).min(stream.len()))
                })
                .collect();
            all.sort_unstable();
            let mut talk = Conversation::tcp(SERVER);
            for (_, from, to) in all {
                let at = start.wrapping_add(u32::try_from(from).unwrap());
                talk.say_at(start, at, &stream[from..to]);
            }
            talk.end();
            prop_assert_eq!(talk.names(), [named("cut.example")]);
            prop_assert_eq!(talk.facts().ja4.len(), 1);
            prop_assert!(!talk.facts().conflict && talk.gaps().is_empty());
        }
    }
}
