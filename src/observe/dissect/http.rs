//! HTTP/1 on any port (RFC 9112): Host, absolute URI and CONNECT, for every request on a connection.
//!
//! Bodies are passed over by their length, not read: whoever looks into payloads is told where those of requests lie. Of an
//! answer its head matters, where it begins right behind a request: to a CONNECT, behind which
//! another protocol begins, and for its `Date`, which is a clock; and all of it to HTTPDNS and DNS over HTTPS, whose
//! requests are lookups. Whoever answered may ask in turn, where an answer is over (RFC 9112 §6.3): answers without a length have no end.

use super::dns_message::rtype;
use super::http1::{
    Authority, Chunked, HEAD_MAX, Parsed, Request, Response, Search, Target, WholeBody, fit,
    next_request, request, request_on, response, response_on, until,
};
use super::httpdns::Asked;
use super::rtsp_in_http::Tunnelled;
use super::wire::Fit;
use super::{Protocol, Session, Sink, Step, dns, doh, httpdns, masque, rtsp_in_http, websocket};
use crate::evidence::flow::{HiddenLookups, NameSource, Pair, Relay, Side};
use crate::evidence::ledger::clocks::ClockKind;
use crate::ground::cause::ReadingCause;
use crate::observe::flow::part::{Coding, Part, Place};
use crate::observe::flow::{Carries, PayloadKind};
use std::sync::Arc;

pub(super) const HTTP: Protocol = Protocol {
    id: "http",
    fit: |bytes, _| fit(bytes),
    names: true,
    until: Some(until),
    payload: PayloadKind::Clear,
    open: || Box::new(Http::default()),
};

#[derive(Default)]
struct Http {
    /// Who asks.
    client: Option<Side>,
    /// Who ever asked.
    asking: Pair<bool>,
    /// What comes next of each side.
    next: Pair<Next>,
    /// How the body at hand is coded.
    coding: Coding,
    /// A CONNECT or an upgrade waits for its answer.
    switching: bool,
    /// Of an upgrade to WebSocket.
    socket: bool,
    /// The head of an answer comes next, unless an earlier answer still goes on.
    asked: bool,
    /// The latest request was one whose answer has no body, whatever it says (RFC 9110 §9.3.2).
    head: bool,
    /// What the answer to the latest request may say.
    lookup: Option<Answered>,
    /// That answer, as far as it came.
    awaited: WholeBody,
    /// Bytes of a body that is a DNS message.
    question: Option<usize>,
    /// A body that is RTSP.
    tunnelled: Option<Tunnelled>,
    /// How far the head at hand of each side was searched for its end.
    search: Pair<Search>,
}

/// What comes next in a direction.
#[derive(Default)]
enum Next {
    /// A message, or the rest of one that began before the capture.
    #[default]
    Message,
    /// A message: the one before is over.
    Another,
    /// So many bytes of the body of an answer.
    Length(u64),
    /// A chunked body.
    Chunks(Chunked),
    /// More of an answer that has no end, or whose end is lost.
    Unknown,
}

impl Next {
    fn is_message(&self) -> bool {
        matches!(self, Self::Message | Self::Another)
    }
}

/// The answer to a lookup.
enum Answered {
    /// Of HTTPDNS, for this name.
    HttpDns(Arc<str>),
    /// A message of this conversation of DNS.
    Message(Box<dyn Session>),
}

/// The method by which a tunnel of PPP is asked for (MS-SSTP §3.2.4.1): what follows is not read.
const SSTP: &str = "SSTP_DUPLEX_POST";

/// How an answer begins.
const ANSWER: &[u8] = b"HTTP/1.";

/// Longest HTTPDNS answer that is read; one about one name has a few hundred bytes.
const ANSWER_MAX: usize = 16 << 10;

impl Session for Http {
    fn read(&mut self, bytes: &[u8], sink: &mut Sink<'_>) -> Step {
        sink.carries(Carries::Application);
        let side = sink.side();
        let client = *self.client.get_or_insert(side);
        if side != client {
            return self.answer(bytes, sink);
        }
        if let Some(length) = self.question {
            let Some(message) = bytes.get(..length) else {
                return Step::More;
            };
            let alone = match &mut self.lookup {
                Some(Answered::Message(dns)) => doh::message(message, &mut **dns, sink),
                _ => false,
            };
            let part = match alone {
                true => Part::Lookup { header: 0 },
                false => body(self.coding, true),
            };
            self.question = None;
            sink.part(length, part);
            return Step::Consumed(length);
        }
        if let Some(step) = self.tunnelled(bytes, sink) {
            return step;
        }
        let next = self.next.of_mut(side);
        if let Next::Chunks(body) = next {
            let step = walk(body, self.coding, bytes, sink);
            if body.is_done() || body.is_broken() {
                *next = Next::Message;
            }
            return step;
        }
        if self.switching {
            // The client speaks on without waiting: the other protocol begins here.
            self.switching = false;
            self.hand_over(sink);
            return Step::Handover(0);
        }
        match request_on(bytes, self.search.of_mut(side)) {
            Parsed::NeedMore => Step::More,
            // A body of a length that nobody said, or another protocol. Requests behind it are found.
            Parsed::NotHttp => {
                if let Some(body) = &mut self.tunnelled {
                    // It is longer than was said.
                    body.left = u64::MAX;
                    return self.tunnelled(bytes, sink).unwrap_or(Step::More);
                }
                if *self.asking.of(side.other()) && bytes.starts_with(ANSWER) {
                    self.turn(side.other());
                    return self.answer(bytes, sink);
                }
                next_request(bytes).map_or(Step::Handover(0), Step::Consumed)
            }
            Parsed::Head(request) => {
                self.tunnelled = None;
                if request.damaged && bytes.len() >= HEAD_MAX {
                    sink.over(ReadingCause::RequestHeadLong);
                }
                self.request(&request, sink)
            }
        }
    }

    fn lost(&mut self, side: Side) -> bool {
        *self.search.of_mut(side) = Search::default();
        self.awaited = WholeBody::default();
        *self.next.of_mut(side) = Next::Unknown;
        // Behind a hole only a new request line makes sense again; probing finds it.
        self.client != Some(side)
    }

    fn end(&mut self, bytes: &[u8], sink: &mut Sink<'_>) {
        if self.client == Some(sink.side()) {
            let rest = match self.question {
                Some(_) => body(self.coding, true),
                None => Part::Beginning,
            };
            sink.part(bytes.len(), rest);
        }
        // The connection ended inside a head: the names that are there count.
        let side = sink.side();
        if self.next.of(side).is_message() && !self.switching && fit(bytes) == Fit::Mine {
            let closed = [bytes, b"\r\n\r\n"].concat();
            if let Parsed::Head(request) = request(&closed) {
                if self.client != Some(side) {
                    self.turn(side);
                }
                self.request(&request, sink);
            }
        }
    }
}

/// The body of a request, or some of it.
fn body(coding: Coding, last: bool) -> Part {
    Part::Body {
        place: Place::HttpBody,
        stream: 0,
        coding,
        last,
    }
}

/// Reads on in a chunked body.
fn walk(chunks: &mut Chunked, coding: Coding, bytes: &[u8], sink: &mut Sink<'_>) -> Step {
    let ahead = chunks.skippable();
    if ahead > 0 {
        chunks.skip(ahead);
        sink.parts.push((ahead, body(coding, false)));
        return Step::Skip(ahead);
    }
    // Up to the next data: sizes and line breaks, and what may stand between them.
    let mut used = 0usize;
    let mut beside = chunks.is_beside();
    for byte in bytes.chunks(1) {
        used = used.saturating_add(chunks.feed(byte));
        beside |= chunks.is_beside();
        if chunks.skippable() > 0 || chunks.is_done() || chunks.is_broken() {
            break;
        }
    }
    let part = match beside {
        true => Part::beside(0, chunks.skippable() > 0 || chunks.is_done()),
        false => Part::Marks,
    };
    sink.part(used, part);
    if chunks.is_done() || chunks.is_broken() {
        sink.part(0, body(coding, true));
    }
    Step::Consumed(used)
}

impl Http {
    /// Reads on in a body that is RTSP, unless it is at its end.
    fn tunnelled(&mut self, bytes: &[u8], sink: &mut Sink<'_>) -> Option<Step> {
        let of = self.tunnelled.as_mut().filter(|of| of.left > 0)?;
        let length = usize::try_from(of.left).unwrap_or(usize::MAX);
        let piece = bytes.get(..length).unwrap_or(bytes);
        of.left = of.left.saturating_sub(piece.len() as u64);
        of.take(piece, sink);
        sink.part(piece.len(), body(self.coding, of.left == 0));
        Some(Step::Consumed(piece.len()))
    }

    fn answer(&mut self, bytes: &[u8], sink: &mut Sink<'_>) -> Step {
        if let Some(lookup) = &mut self.lookup {
            let search = self.search.of_mut(sink.side());
            let Some(body) = self.awaited.of(bytes, search) else {
                if bytes.len() < ANSWER_MAX {
                    return Step::More;
                }
                (self.lookup, self.asked) = (None, false);
                self.awaited = WholeBody::default();
                return Step::Consumed(bytes.len());
            };
            if let Parsed::Head(head) = response(bytes)
                && let Some(date) = head.date
            {
                sink.clock(ClockKind::HttpDate, date);
            }
            match lookup {
                Answered::HttpDns(name) => {
                    let (addresses, ttl) = httpdns::answers(body);
                    let no_aliases = Arc::default();
                    for address in addresses {
                        sink.answers(name, &no_aliases, address, ttl);
                    }
                }
                Answered::Message(dns) => doh::answer(body, &mut **dns, sink),
            }
            (self.lookup, self.asked) = (None, false);
            self.awaited = WholeBody::default();
            return Step::Consumed(bytes.len());
        }
        let side = sink.side();
        // An answer may begin too where its length was not to be relied on.
        if !(self.switching || self.asked || self.next.of(side).is_message()) {
            return self.onward(bytes, sink);
        }
        match response_on(bytes, self.search.of_mut(side)) {
            Parsed::NeedMore => Step::More,
            Parsed::Head(head) => {
                if let Some(date) = head.date.filter(|_| self.asked) {
                    sink.clock(ClockKind::HttpDate, date);
                }
                let agreed = head.status / 100 == 2 || head.status == 101;
                if self.switching && agreed {
                    self.switching = false;
                    self.asked = false;
                    self.hand_over(sink);
                    return Step::Handover(head.head_len);
                }
                // 100-continue may come before; a refusal ends it.
                let more = head.status / 100 == 1;
                self.switching &= more;
                self.asked &= more;
                *self.next.of_mut(side) = match head {
                    _ if more && head.status != 101 => Next::Message,
                    _ if head.bodyless || self.head || head.content_length == Some(0) => {
                        Next::Another
                    }
                    Response { chunked: true, .. } => Next::Chunks(Chunked::new()),
                    Response {
                        content_length: Some(length),
                        ..
                    } => Next::Length(length),
                    _ => Next::Unknown,
                };
                Step::Consumed(head.head_len)
            }
            Parsed::NotHttp => self.onward(bytes, sink),
        }
    }

    /// Reads on in the direction of answers where no answer begins.
    fn onward(&mut self, bytes: &[u8], sink: &mut Sink<'_>) -> Step {
        let side = sink.side();
        let next = self.next.of_mut(side);
        match next {
            Next::Length(left) => {
                let length =
                    usize::try_from(*left).map_or(bytes.len(), |left| left.min(bytes.len()));
                *left = left.saturating_sub(length as u64);
                if *left == 0 {
                    *next = Next::Another;
                }
                return Step::Consumed(length);
            }
            Next::Chunks(chunks) => {
                let length = chunks.feed(bytes);
                if chunks.is_done() {
                    *next = Next::Another;
                } else if chunks.is_broken() {
                    *next = Next::Unknown;
                }
                if length > 0 {
                    return Step::Consumed(length);
                }
            }
            Next::Message | Next::Another if !self.switching => {
                let over = matches!(next, Next::Another);
                match request_on(bytes, self.search.of_mut(side)) {
                    Parsed::NeedMore => return Step::More,
                    Parsed::Head(request) => {
                        self.turn(side);
                        return self.request(&request, sink);
                    }
                    // Behind a whole answer something else begins.
                    Parsed::NotHttp if over => return Step::Handover(0),
                    Parsed::NotHttp => {}
                }
            }
            _ => {}
        }
        self.switching = false;
        self.asked = false;
        if *self.asking.of(side) {
            return next_request(bytes).map_or(Step::Handover(0), Step::Consumed);
        }
        *self.next.of_mut(side) = Next::Unknown;
        Step::Consumed(bytes.len())
    }

    /// The other one asks now.
    fn turn(&mut self, asker: Side) {
        let ended = std::mem::take(self);
        self.client = Some(asker);
        (self.asking, self.next) = (ended.asking, ended.next);
    }

    fn request(&mut self, request: &Request, sink: &mut Sink<'_>) -> Step {
        sink.client_speaks();
        *self.asking.of_mut(sink.side()) = true;
        self.asked = true;
        self.head = request.method.eq_ignore_ascii_case("HEAD");
        self.coding = request.coding;
        sink.part(request.head_len, Part::Head);
        for target in std::iter::once(&request.target).chain(&request.others) {
            match target {
                Target::Tunnel(authority) => {
                    say(authority, NameSource::HttpConnect, sink);
                    sink.proxies(&authority.host, authority.port);
                    self.switching = true;
                }
                Target::Absolute { authority, .. } => {
                    say(authority, NameSource::HttpHost, sink);
                    sink.proxies(&authority.host, authority.port);
                }
                Target::Origin | Target::Asterisk => {}
            }
        }
        if let Some(token) = &request.upgrade {
            masque::asked(token, &request.path, sink);
        }
        let duplex = request.method == SSTP && request.content_length == Some(u64::MAX);
        if duplex {
            // Packets follow on both sides, and the length that is declared for them is endless.
            sink.flow.facts.tunnel = Some("sstp");
            self.switching = true;
        }
        // The target of a CONNECT outranks its Host field (RFC 9110 §7.1), which repeats it or
        // names the proxy.
        if !matches!(request.target, Target::Tunnel(_)) {
            for host in &request.hosts {
                say(host, NameSource::HttpHost, sink);
            }
        }
        self.lookup = None;
        if let Some(asked) = &request.asked {
            self.lookup(asked, sink);
        }
        doh::names(&request.path, sink);
        let questions = doh::questions(&request.path);
        let kind = request.content_type.as_deref().unwrap_or_default();
        let length = request
            .content_length
            .and_then(|length| usize::try_from(length).ok())
            .filter(|length| (1..=doh::MESSAGE_MAX).contains(length));
        let asks = length.is_some() && kind.starts_with(doh::MESSAGE) && !request.bad_framing;
        if asks || !questions.is_empty() {
            let mut dns = (dns::OVER_UDP.open)();
            for question in &questions {
                doh::message(question, &mut *dns, sink);
            }
            self.lookup = Some(Answered::Message(dns));
        } else {
            sink.flow.within.others = true;
        }
        match length {
            Some(length) if asks => {
                self.question = Some(length);
                return Step::Consumed(request.head_len);
            }
            _ if kind.starts_with(doh::MESSAGE) || kind.starts_with(doh::OBLIVIOUS) => {
                doh::sealed(sink);
            }
            _ => {}
        }
        if kind.starts_with(rtsp_in_http::TYPE) && !request.chunked {
            let length = request.content_length.filter(|_| !request.bad_framing);
            sink.declares(length.unwrap_or(0));
            self.tunnelled = Some(Tunnelled::new(length.unwrap_or(0), sink));
            return Step::Consumed(request.head_len);
        }
        if duplex {
            return Step::Consumed(request.head_len);
        }
        self.switching |= request.upgrade.is_some();
        self.socket = request.upgrade.as_deref() == Some(websocket::TOKEN);
        if request.chunked {
            *self.next.of_mut(sink.side()) = Next::Chunks(Chunked::new());
            return Step::Consumed(request.head_len);
        }
        match request.content_length {
            Some(length) if !request.bad_framing => {
                sink.declares(length);
                sink.parts.push((length, body(self.coding, true)));
                Step::Skip((request.head_len as u64).saturating_add(length))
            }
            _ => Step::Consumed(request.head_len),
        }
    }
}

impl Http {
    /// Another protocol begins here. After an upgrade to WebSocket it is that, as long as nothing shows that it is another.
    fn hand_over(&self, sink: &mut Sink<'_>) {
        let client = self.client.filter(|_| self.socket);
        sink.onward = client.map(websocket::open);
    }

    fn lookup(&mut self, asked: &Asked, sink: &mut Sink<'_>) {
        if asked.capped {
            sink.over(ReadingCause::RequestLookupsOver);
        }
        for name in &asked.names {
            let name: Arc<str> = Arc::from(name.as_str());
            sink.looks_up(&name, rtype::A);
            if asked.v6 {
                sink.looks_up(&name, rtype::AAAA);
            }
            let known = asked.names.len() == 1 && !asked.encrypted;
            self.lookup = known.then_some(Answered::HttpDns(name));
        }
        if asked.encrypted {
            sink.flow.facts.hidden = Some(HiddenLookups::HttpDns);
        }
        sink.relays(Relay::Lookup);
    }
}

fn say(authority: &Authority, source: NameSource, sink: &mut Sink<'_>) {
    sink.host(&authority.host, source);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ground::moment::Timestamp;
    use crate::observe::dissect::conversation::Conversation;

    /// What a server says to a client that asked for a page, in pieces of some sizes: the names under which it asks in turn.
    fn asked_back(says: &str) -> Vec<String> {
        let pieces = [1, 7, says.len()].map(|size| {
            let mut talk = Conversation::tcp("192.168.2.60:80");
            talk.say("GET /page HTTP/1.1\r\nHost: 192.168.2.60\r\n\r\n");
            for piece in says.as_bytes().chunks(size) {
                talk.hear(piece);
            }
            let names = talk.end().names_back().into_iter();
            names.map(|(name, _)| name).collect::<Vec<_>>()
        });
        let [first, ..] = &pieces;
        assert!(pieces.iter().all(|names| names == first), "{pieces:?}");
        first.clone()
    }

    #[test]
    fn whoever_answered_may_ask_once_the_answer_is_over() {
        let asks = "CONNECT far.example:443 HTTP/1.1\r\nHost: far.example\r\n\r\n";
        let chunks = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
        for answer in [
            "",
            "HTTP/1.1 204 No Content\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
            "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno",
            chunks,
        ] {
            assert_eq!(
                asked_back(&format!("{answer}{asks}")),
                ["far.example"],
                "{answer}"
            );
        }
        // So may another protocol begin there.
        let mut hello = Conversation::tcp("192.168.2.60:80");
        hello.say("GET /page HTTP/1.1\r\nHost: 192.168.2.60\r\n\r\n");
        hello.hear("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        hello.hear(crate::observe::dissect::tls::tests::hello("far.example"));
        assert_eq!((hello.names_back().len(), hello.gaps()), (1, vec![]));
        // What stands in an answer asks for nothing; one without a length ends with the connection.
        let length = asks.len();
        for answer in [
            format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{asks}"),
            format!(
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{length:x}\r\n{asks}\r\n0\r\n\r\n"
            ),
            format!("HTTP/1.1 200 OK\r\n\r\n{asks}"),
            format!("no answer\r\n{asks}"),
        ] {
            assert_eq!(asked_back(&answer), [""; 0], "{answer}");
        }
    }

    #[test]
    fn both_may_ask_and_answer_in_turns() {
        let mut talk = Conversation::tcp("192.168.2.60:80");
        let answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
        for turn in ["a", "b"] {
            let ask = |who: &str| format!("GET / HTTP/1.1\r\nHost: {who}-{turn}.example\r\n\r\n");
            talk.say(ask("client")).hear(answer);
            talk.hear(ask("server")).say(answer);
        }
        // The client agrees to pass on; what is passed on is a hello.
        talk.hear("CONNECT far.example:443 HTTP/1.1\r\n\r\n");
        talk.say("HTTP/1.1 200 OK\r\n\r\n");
        talk.hear(crate::observe::dissect::tls::tests::hello("inner.example"));
        let names = |names: Vec<(String, NameSource)>| -> Vec<String> {
            names.into_iter().map(|(name, _)| name).collect()
        };
        assert_eq!(
            names(talk.names()),
            ["client-a.example", "client-b.example"]
        );
        let back = [
            "server-a.example",
            "server-b.example",
            "far.example",
            "inner.example",
        ];
        assert_eq!(names(talk.names_back()), back);
    }

    #[test]
    fn a_target_beyond_the_site_is_not_hidden_by_one_on_it() {
        let mut talk = Conversation::tcp("192.168.2.254:3128");
        talk.say("GET http://192.168.2.9/ HTTP/1.1\r\nHost: 192.168.2.9\r\n\r\n");
        talk.say("GET http://47.88.60.14/ HTTP/1.1\r\nHost: 47.88.60.14\r\n\r\n");
        talk.say("GET http://192.168.2.8/ HTTP/1.1\r\nHost: 192.168.2.8\r\n\r\n");
        let target = Some([47, 88, 60, 14].into());
        assert_eq!(talk.literal(), target);
        assert_eq!(talk.facts().relay, Some(Relay::Proxy(target)));
    }

    /// As in MS-SSTP §4.1; the length of the body is the greatest that there is.
    #[test]
    fn a_tunnel_of_ppp_is_opaque_and_declares_nothing() {
        let mut talk = Conversation::tcp("192.168.2.254:80");
        talk.say("SSTP_DUPLEX_POST /sra_{BA195980-CD49-458b-9E23-C84EE0ADCD75}/ HTTP/1.1\r\n");
        talk.say("Host: vpn.example\r\nContent-Length: 18446744073709551615\r\n\r\n");
        talk.hear("HTTP/1.1 200\r\nContent-Length: 18446744073709551615\r\n\r\n");
        talk.say([0x10, 1, 0, 14, 0, 1, 0, 1, 0, 1, 0, 6, 0, 1]);
        assert_eq!((talk.facts().tunnel, talk.declared()), (Some("sstp"), 0));
    }

    /// Alibaba's service by its API document; the answer comes in two segments.
    #[test]
    fn names_asked_of_httpdns_are_lookups_and_their_answers_name_addresses() {
        let mut talk = Conversation::tcp("203.107.1.33:80");
        talk.say("GET /100000/d?host=log.vendor.example HTTP/1.1\r\nHost: 203.107.1.33\r\n\r\n");
        talk.hear("HTTP/1.1 200 OK\r\nContent-Length: 60\r\n\r\n{\"host\":\"log.vendor.example\",");
        talk.hear("\"ips\":[\"47.88.60.14\"],\"ttl\":60}");
        let facts = talk.facts();
        assert!(facts.public_lookup.a && !facts.only_lookups);
        assert_eq!(facts.relay, Some(Relay::Lookup));
        let lookups: Vec<_> = talk.ledger.lookups.iter().collect();
        let [(key, lookup)] = lookups.as_slice() else {
            panic!("{lookups:?}")
        };
        assert_eq!((&*key.name, key.port), ("log.vendor.example", 80));
        assert!(lookup.types.contains(&rtype::A) && lookup.types.len() == 1);
        let address = std::net::IpAddr::from([47, 88, 60, 14]);
        assert!(lookup.answers.contains(&address));
        let client = key.client;
        let began = crate::ground::moment::Moment::NONE.time;
        let names = talk.ledger.names_of(address, client, None, began);
        assert_eq!(names.first().map(|e| &*e.name), Some("log.vendor.example"));
        let mut chunked = Conversation::tcp("203.107.1.33:80");
        chunked.say("GET /100000/d?host=map.vendor.example HTTP/1.1\r\nHost: 203.107.1.33\r\n\r\n");
        chunked
            .hear("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nf\r\n{\"ips\":[\"47.88.");
        chunked.hear("\r\nf\r\n60.14\"],\"ttl\":6");
        assert!(
            chunked
                .ledger
                .lookups
                .values()
                .all(|l| l.answers.is_empty())
        );
        chunked.hear("\r\n2\r\n0}\r\n0\r\n\r\n");
        let answered = |l: &crate::evidence::ledger::Lookup| l.answers.contains(&address);
        assert!(chunked.ledger.lookups.values().all(answered));
        let mut hidden = Conversation::tcp("119.29.29.29:80");
        hidden.say(
            "GET /d?dn=18b4ac0f3d4a7b9d&id=100&alg=des HTTP/1.1\r\nHost: 119.29.29.29\r\n\r\n",
        );
        assert!(hidden.facts().hidden.is_some() && hidden.ledger.lookups.is_empty());
        let mut partly = Conversation::tcp("203.107.1.33:80");
        partly.say("GET /100000/resolve?host=a.example,18b4ac0f3d4a7b9d HTTP/1.1\r\nHost: 203.107.1.33\r\n\r\n");
        assert!(partly.facts().hidden.is_some() && partly.ledger.lookups.len() == 1);
        let mut other = Conversation::tcp("45.33.92.2:80");
        other.say("GET /d?host=a.example HTTP/1.1\r\nHost: api.example\r\n\r\n");
        assert!(other.ledger.lookups.is_empty());
    }

    #[test]
    fn the_date_of_an_answer_is_a_clock_and_one_from_a_cache_is_none() {
        let date = "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n";
        let head = |more: &str| format!("HTTP/1.1 200 OK\r\n{date}{more}Content-Length: 4\r\n\r\n");
        let heard = |answers: &[&str]| {
            let mut talk = Conversation::tcp("45.33.92.2:80");
            // The capture is seven seconds behind the server.
            talk.at(Timestamp::from_nanos(784_111_770_250_000_000));
            for answer in answers {
                talk.say("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n");
                for piece in answer.as_bytes().chunks(50) {
                    talk.hear(piece);
                }
            }
            let clocks = talk.ledger.clocks.iter();
            let told: Vec<_> = clocks
                .map(|(kind, _, o)| (kind, o.least, o.count))
                .collect();
            told
        };
        let plain = head("") + "body";
        let seven = (ClockKind::HttpDate, 6_750_000_000, 1);
        assert_eq!(heard(&[&plain]), [seven]);
        assert_eq!(heard(&[&plain, &plain]), [(seven.0, seven.1, 2)]);
        assert_eq!(
            heard(&[&format!("HTTP/1.1 100 Continue\r\n\r\n{plain}")]),
            [seven]
        );
        assert_eq!(heard(&[&head("Age: 0\r\n")]), [], "kept by a cache");
        assert_eq!(heard(&[&head(date)]), [], "two of them");
        assert_eq!(
            heard(&[&format!("{}{plain}", head(""))]),
            [seven],
            "in a body"
        );
    }

    #[test]
    fn a_web_socket_stays_the_connection_it_came_from() {
        let mut talk = Conversation::tcp("45.33.92.2:80");
        talk.say("GET /mqtt HTTP/1.1\r\nHost: ws.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n");
        talk.hear("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n\x02\x01");
        // A masked frame (RFC 6455 §5.2), more of them than are probed.
        for _ in 0..40 {
            talk.say(b"\x82\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58");
        }
        assert_eq!((talk.protocol(), talk.names().len()), (Some("http"), 1));
        let client = talk.client();
        assert_eq!(*talk.flow().carries.of(client), Carries::Application);
    }
    #[test]
    fn an_answer_longer_than_any_about_one_name_names_nothing() {
        for (filler, named) in [(1000, true), (3 * ANSWER_MAX, false)] {
            let mut talk = Conversation::tcp("203.107.1.33:80");
            talk.say("GET /100000/d?host=a.example HTTP/1.1\r\nHost: 203.107.1.33\r\n\r\n");
            let filler = " ".repeat(filler);
            let body = format!(r#"{{"ips":["47.88.60.14"],{filler}"ttl":60,"host":"a.example"}}"#);
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
            let answer = [head, body].concat();
            for piece in answer.as_bytes().chunks(1000) {
                talk.hear(piece);
            }
            let answers = talk.ledger.lookups.values().map(|l| l.answers.len());
            assert_eq!(answers.sum::<usize>(), usize::from(named));
        }
    }
}
