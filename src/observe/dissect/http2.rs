//! HTTP/2 in clear (RFC 9113): the authority of every request, and gRPC with it.
//!
//! Recognised by its preface alone (§3.4), with prior knowledge or behind `Upgrade: h2c`. A connection that was open when the
//! capture began stays unknown: its header table is built from all requests before, and guessing at it would invent names. For the
//! same reason reading ends at the first lost bytes. Answers are not read. What a CONNECT carries is inside the frames of its stream
//! and is not read either, so it counts as an opaque tunnel beside the name of its target.

use super::hpack::{Decoder, Fault};
use super::http1::HTTP2_PREFACE;
use super::http2_frame::{Block, Frame, HEADER_LEN, block, frame_type, gather, stuffed};
use super::request_fields::{Exchange, Request, list};
use super::wire::Fit;
use super::{Protocol, Session, Sink, Step, doh};
use crate::evidence::flow::Side;
use crate::ground::cause::ReadingCause;
use crate::observe::flow::part::{Coding, Fields, Part, Place};
use crate::observe::flow::{Carries, PayloadKind};
use std::collections::BTreeMap;

pub(super) const HTTP2: Protocol = Protocol {
    id: "http2",
    fit: |bytes, _| fit(bytes),
    names: true,
    until: None,
    payload: PayloadKind::Clear,
    open: || Box::new(Http2::default()),
};

/// What reports call what a CONNECT carries.
const TUNNEL: &str = "http2-connect";

fn fit(bytes: &[u8]) -> Fit {
    let common = HTTP2_PREFACE.len().min(bytes.len());
    if HTTP2_PREFACE.get(..common) != bytes.get(..common) {
        Fit::NotMine
    } else if common < HTTP2_PREFACE.len() {
        Fit::NeedMore
    } else {
        Fit::Mine
    }
}

#[derive(Default)]
struct Http2 {
    /// Who sent the preface; set once it is passed.
    client: Option<Side>,
    decoder: Decoder,
    /// How far an unfinished header block was walked.
    seen: usize,
    /// Streams that ask for a name, until they are answered.
    lookups: BTreeMap<u32, Exchange>,
    /// The server's frames are walked, for its answers to them.
    walks: bool,
    /// Bytes of the server are missing: its frames cannot be found any more.
    torn: bool,
    /// Bytes of settings so far.
    settings: usize,
    /// Bytes of pings that were no repetition, so far, and the last one.
    pings: usize,
    ping: [u8; 8],
}

/// Settings of a client: a dozen, and one more each time its window changes. More of them are somebody's data.
const SETTINGS_MAX: usize = 64 * 6;
/// Bytes of pings that are no more than that: most programs send the same one each time, and others a few.
const PINGS_MAX: usize = 64 * 8;

/// Lookups of a connection that wait for their answer; resolvers answer at once.
const LOOKUPS_MAX: usize = 64;

impl Session for Http2 {
    fn read(&mut self, bytes: &[u8], sink: &mut Sink<'_>) -> Step {
        sink.carries(Carries::Application);
        match self.client {
            None => {
                self.client = Some(sink.side());
                sink.client_speaks();
                sink.part(HTTP2_PREFACE.len(), Part::Marks);
                Step::Consumed(HTTP2_PREFACE.len())
            }
            Some(client) if client == sink.side() => self.frame(bytes, sink),
            Some(_) if self.torn => Step::DoneHere,
            Some(_) if !std::mem::replace(&mut self.walks, true) => Step::Frames,
            Some(_) => self.answer(bytes, sink),
        }
    }

    fn lost(&mut self, side: Side) -> bool {
        let server = self.client != Some(side);
        self.torn |= server;
        server
    }

    fn end(&mut self, bytes: &[u8], sink: &mut Sink<'_>) {
        // The connection ended inside a request: its authority may be there.
        let begun = Frame::read(bytes).is_some_and(|f| f.kind == frame_type::HEADERS);
        if begun
            && self.client == Some(sink.side())
            && let Some(block) = gather(bytes)
        {
            let mut request = Request::default();
            let _ = self.decoder.decode(&block, &mut |n, v| request.field(n, v));
            request.say(TUNNEL, sink);
            if let Some(mut lookup) = request.exchange() {
                lookup.begin(sink);
            }
        }
    }
}

impl Http2 {
    /// A request that asks for a name.
    fn lookup(&mut self, frame: &Frame, request: &Request, sink: &mut Sink<'_>) {
        let Some(mut lookup) = request.exchange() else {
            sink.flow.within.others = true;
            return;
        };
        lookup.begin(sink);
        if self.lookups.len() >= LOOKUPS_MAX {
            self.lookups.pop_first();
            sink.over(ReadingCause::LookupsAtATimeOver);
        }
        self.lookups.insert(frame.stream, lookup);
    }

    /// Takes the body of a lookup, or of the answer to one; none if it is not whole yet. True if it is a whole question.
    fn body(
        &mut self,
        frame: &Frame,
        bytes: &[u8],
        asks: bool,
        sink: &mut Sink<'_>,
    ) -> Option<bool> {
        let Some(lookup) = self.lookups.get_mut(&frame.stream) else {
            return Some(false);
        };
        let mut asked = false;
        if frame.length <= doh::MESSAGE_MAX {
            let body = frame.data(bytes).and_then(|(at, length)| {
                let whole = bytes.len() >= frame.total();
                bytes.get(at..at.saturating_add(length)).filter(|_| whole)
            });
            asked = lookup.body(asks, body?, sink);
        }
        if frame.ends_stream() {
            lookup.end(asks, sink);
            if !asks {
                self.lookups.remove(&frame.stream);
            }
        }
        Some(asked)
    }

    /// A frame of the server.
    fn answer(&mut self, bytes: &[u8], sink: &mut Sink<'_>) -> Step {
        let Some(frame) = Frame::read(bytes) else {
            return Step::More;
        };
        if frame.kind == frame_type::DATA && self.body(&frame, bytes, false, sink).is_none() {
            return Step::More;
        }
        Step::Skip(frame.total() as u64)
    }

    fn frame(&mut self, bytes: &[u8], sink: &mut Sink<'_>) -> Step {
        let Some(frame) = Frame::read(bytes) else {
            return Step::More;
        };
        match frame.kind {
            frame_type::HEADERS => {}
            frame_type::DATA => {
                return match self.body(&frame, bytes, true, sink) {
                    Some(asked) => data(&frame, bytes, asked, sink),
                    None => Step::More,
                };
            }
            _ => return self.other(&frame, bytes, sink),
        }
        let (block, length) = match block(bytes, &mut self.seen) {
            Block::Whole(block, length) => (block, length),
            Block::NeedMore => return Step::More,
            Block::TooLong => {
                sink.over(ReadingCause::RequestHeadLong);
                sink.part(usize::MAX, Part::Sealed);
                return Step::DoneHere;
            }
            Block::Broken => return unreadable(sink),
        };
        let stuffed = stuffed(bytes.get(..length).unwrap_or(bytes));
        let mut request = Request::default();
        let mut fields = Fields {
            text: Vec::new(),
            total: 0,
            marks: length.saturating_sub(block.len()).saturating_sub(stuffed),
            unread: stuffed,
            stream: frame.stream,
            coding: Coding::Plain,
            last: frame.ends_stream(),
        };
        let heard = *sink.flow.heard.of(sink.side());
        let read = self.decoder.decode(&block, &mut |n, v| {
            request.field(n, v);
            if heard {
                list(&mut fields, n, v);
            }
        });
        request.say(TUNNEL, sink);
        self.lookup(&frame, &request, sink);
        if heard {
            sink.part(length, Part::Fields(Box::new(fields)));
        }
        match read {
            Ok(()) => Step::Consumed(length),
            Err(Fault::Malformed) => unreadable(sink),
            Err(Fault::TableTooLarge) => {
                sink.over(ReadingCause::Http2TableLarge);
                sink.part(usize::MAX, Part::Sealed);
                Step::DoneHere
            }
        }
    }
}

impl Http2 {
    /// A frame that is no part of a request: numbers of the protocol, and what is behind them or instead of them.
    fn other(&mut self, frame: &Frame, bytes: &[u8], sink: &mut Sink<'_>) -> Step {
        let total = frame.total();
        let mut numbers = frame.numbers();
        // One text may go on over many frames.
        let beside = Part::beside(frame.kind, false);
        match frame.kind {
            frame_type::SETTINGS => {
                self.settings = self.settings.saturating_add(frame.length);
                if self.settings > SETTINGS_MAX {
                    numbers = HEADER_LEN;
                }
            }
            frame_type::PING => {
                let Some(ping) = bytes.get(HEADER_LEN..numbers) else {
                    return Step::More;
                };
                if let Ok(ping) = <[u8; 8]>::try_from(ping)
                    && std::mem::replace(&mut self.ping, ping) != ping
                {
                    self.pings = self.pings.saturating_add(ping.len());
                    let text = ping.iter().all(|b| matches!(b, b' '..=b'~'));
                    if self.pings > PINGS_MAX || text {
                        numbers = HEADER_LEN;
                    }
                }
            }
            _ => {}
        }
        sink.part(numbers, Part::Marks);
        if total > numbers {
            sink.part(total.saturating_sub(numbers), beside);
        }
        Step::Skip(total as u64)
    }
}

/// A frame of a body (§6.1).
fn data(frame: &Frame, bytes: &[u8], asked: bool, sink: &mut Sink<'_>) -> Step {
    let Some((at, length)) = frame.data(bytes) else {
        return Step::More;
    };
    let body = match asked {
        true => Part::Lookup { header: 0 },
        false => Part::Body {
            place: Place::HttpBody,
            stream: frame.stream,
            coding: Coding::Plain,
            last: frame.ends_stream(),
        },
    };
    let padding = frame.total().saturating_sub(at.saturating_add(length));
    sink.part(at, Part::Marks);
    sink.part(length, body);
    sink.part(padding, Part::Padding);
    Step::Skip(frame.total() as u64)
}

/// Later requests refer to this one: they cannot be read either.
fn unreadable(sink: &mut Sink<'_>) -> Step {
    sink.part(usize::MAX, Part::Sealed);
    sink.unreadable(ReadingCause::Http2Request);
    Step::DoneHere
}

#[cfg(test)]
mod tests {
    use super::super::request_fields::HOSTS_MAX;
    use super::*;
    use crate::evidence::flow::NameSource;
    use crate::evidence::flow::NameSource::{Http2Authority, HttpConnect, HttpHost};
    use crate::evidence::flow::Relay;
    use crate::observe::dissect::conversation::Conversation;
    use crate::observe::dissect::wire::test_bytes::hex;

    const SETTINGS: &str = "000000 04 00 00000000";

    fn headers(stream: u8, block: &[u8]) -> Vec<u8> {
        let length = u8::try_from(block.len()).unwrap_or(u8::MAX);
        [&[0, 0, length, 1, 5, 0, 0, 0, stream][..], block].concat()
    }

    /// A literal that is not added to the table, by static name index or new name.
    fn literal(name: &str, value: &str) -> Vec<u8> {
        let sized =
            |text: &str| [&[u8::try_from(text.len()).unwrap_or(0)], text.as_bytes()].concat();
        [&[0][..], &sized(name), &sized(value)].concat()
    }

    fn open() -> Conversation {
        let mut talk = Conversation::tcp("13.32.94.2:8081");
        talk.say([HTTP2_PREFACE, &hex(SETTINGS)].concat());
        talk.hear(hex(SETTINGS));
        talk
    }

    fn named(name: &str, source: NameSource) -> (String, NameSource) {
        (name.to_owned(), source)
    }

    #[test]
    fn every_request_names_its_authority_however_it_is_cut() {
        // RFC 7541 C.4: the second and third request refer to the first one's authority.
        let blocks = [
            "8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff",
            "8286 84be 5886 a8eb 1064 9cbf",
            "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf",
        ];
        let mut bytes = [HTTP2_PREFACE, &hex(SETTINGS)].concat();
        for (stream, block) in (1..).step_by(2).zip(blocks) {
            bytes.extend(headers(stream, &hex(block)));
            // A body that looks like a frame header, passed over by its length.
            bytes.extend(hex("000009 00 01 00000001 000010 01 04 00000001"));
        }
        let other = literal(":authority", "Api.Example:8080");
        bytes.extend(headers(7, &[&[0x82, 0x86, 0x84][..], &other].concat()));
        let indexed = [
            literal(":method", "GET"),
            vec![0xbf],
            literal("host", "h.example"),
        ]
        .concat();
        bytes.extend(headers(9, &indexed));
        for size in [1, 2, 7, bytes.len()] {
            let mut talk = Conversation::tcp("13.32.94.2:8081");
            talk.say_in_pieces(&bytes, size);
            let names = talk.names();
            assert_eq!(
                names,
                ["www.example.com", "api.example", "h.example"].map(|n| named(n, Http2Authority)),
                "{size}"
            );
            assert_eq!(talk.protocol(), Some("http2"));
            assert!(talk.opened_by_client() && talk.gaps().is_empty());
        }
    }

    #[test]
    fn the_longest_body_that_a_head_declares_counts() {
        let mut talk = open();
        for (stream, length) in [(1, "12"), (3, "8000000"), (5, "x"), (7, "7")] {
            talk.say(headers(stream, &literal("content-length", length)));
        }
        assert_eq!(talk.declared(), 8_000_000);
    }

    #[test]
    fn a_connect_names_the_end_of_its_tunnel() {
        let connect =
            |target: &str| [literal(":method", "CONNECT"), literal(":authority", target)].concat();
        let mut talk = open();
        talk.say(headers(1, &connect("flysafe.example:443")));
        assert_eq!(talk.names(), [named("flysafe.example", HttpConnect)]);
        assert_eq!(talk.facts().relay, Some(Relay::Proxy(None)));
        assert_eq!(talk.facts().tunnel, Some("http2-connect"));
        let mut talk = open();
        talk.say(headers(1, &connect("47.88.60.14:443")));
        let ip = [47, 88, 60, 14].into();
        assert_eq!(talk.literal(), Some(ip));
        assert_eq!(talk.facts().relay, Some(Relay::Proxy(Some(ip))));
        // A WebSocket is the server's own; datagrams go anywhere.
        for (protocol, tunnel) in [("websocket", None), ("connect-udp", Some("connect-udp"))] {
            let mut talk = open();
            talk.say(headers(
                1,
                &[connect("a.example"), literal(":protocol", protocol)].concat(),
            ));
            assert_eq!(talk.names(), [named("a.example", Http2Authority)]);
            assert_eq!(
                (talk.facts().relay.clone(), talk.facts().tunnel),
                (None, tunnel)
            );
        }
    }

    #[test]
    fn behind_an_upgrade_the_preface_comes_after_the_answer() {
        let mut talk = Conversation::tcp("13.32.94.2:80");
        talk.say("GET / HTTP/1.1\r\nHost: a.example\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n");
        talk.hear(
            "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
        );
        talk.hear(hex(SETTINGS));
        talk.say([HTTP2_PREFACE, &hex(SETTINGS)].concat());
        talk.say(headers(3, &literal(":authority", "b.example")));
        assert_eq!(
            talk.names(),
            [
                named("a.example", HttpHost),
                named("b.example", Http2Authority)
            ]
        );
    }

    #[test]
    fn nothing_is_guessed_of_a_connection_without_its_beginning() {
        let request = headers(5, &hex("8287 85bf"));
        let mut late = Conversation::tcp("13.32.94.2:80");
        late.say([hex(SETTINGS), request.clone()].concat());
        assert_eq!((late.protocol(), late.names()), (None, vec![]));
        // A lost request would have changed the table: the index means something else now.
        let mut torn = open();
        torn.say(headers(1, &hex("41 8c f1e3 c2e5 f23a 6ba0 ab90 f4ff")));
        torn.miss(60);
        torn.say(headers(3, &literal(":authority", "b.example")))
            .end();
        assert_eq!(torn.names(), [named("www.example.com", Http2Authority)]);
    }

    #[test]
    fn a_request_cut_by_the_end_is_read_as_far_as_it_goes_and_bounds_are_told() {
        let mut talk = open();
        let request = headers(
            1,
            &[literal(":authority", "b.example"), literal("cookie", "x")].concat(),
        );
        talk.say(&request[..request.len() - 3]).end();
        assert_eq!(talk.names(), [named("b.example", Http2Authority)]);

        let mut talk = open();
        talk.say(hex("ffffff 01 04 00000001"));
        assert_eq!(talk.gaps(), ["limits-reached"]);

        let mut talk = open();
        talk.say(headers(
            1,
            &(0..=HOSTS_MAX)
                .flat_map(|n| literal("host", &format!("h{n}.example")))
                .collect::<Vec<_>>(),
        ));
        assert_eq!(
            (talk.names().len(), talk.gaps()),
            (HOSTS_MAX, vec!["limits-reached"])
        );
    }
}
