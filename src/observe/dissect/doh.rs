//! Lookups in requests of HTTP in clear: DNS over HTTPS (RFC 8484) without the S, as it is spoken to a resolver or proxy on the site.
//!
//! The message stands in the query (`?dns=`, base64url, §4.1) or in the body (`application/dns-message`); the JSON form of public
//! resolvers says `?name=` at `/resolve` or `/dns-query`. An answer that is a message is read, one in JSON is not. Inside TLS nothing of it can
//! be seen without its keys.

use super::dns_message::{parse, rtype};
use super::host_name::HostName;
use super::{Session, Sink};
use crate::evidence::flow::{HiddenLookups, Relay};
use crate::ground::cause::ReadingCause;
use base64::Engine as _;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use std::sync::Arc;

/// Type of a body that is a message.
pub(super) const MESSAGE: &str = "application/dns-message";
/// The same, sealed for a resolver behind the one that is asked (RFC 9230 §5.1).
pub(super) const OBLIVIOUS: &str = "application/oblivious-dns-message";
/// Longest message: its length has two bytes where it is written.
pub(super) const MESSAGE_MAX: usize = 0xffff;

/// Last parts of a path that answers in JSON.
const JSON_PATHS: [&str; 2] = ["resolve", "dns-query"];

const BASE64URL: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::URL_SAFE,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// Reads the body of an answer; what is no message says that there is none.
pub(super) fn answer(body: &[u8], dns: &mut dyn Session, sink: &mut Sink<'_>) {
    if parse(body).is_ok() {
        read(body, dns, sink);
    }
}

/// Reads a message; what stands around it has parts of its own.
fn read(bytes: &[u8], dns: &mut dyn Session, sink: &mut Sink<'_>) {
    let parts = std::mem::take(&mut sink.parts);
    dns.read(bytes, sink);
    sink.parts = parts;
}

/// Path and query of a target.
fn parts(target: &[u8]) -> Option<(&str, &str)> {
    let (path, query) = std::str::from_utf8(target).ok()?.split_once('?')?;
    Some((path, query.split('#').next().unwrap_or(query)))
}

/// Fields of a query.
fn fields(query: &str) -> impl Iterator<Item = (&str, &str)> {
    query.split('&').filter_map(|field| field.split_once('='))
}

/// The messages in the query of a target.
pub(super) fn questions(target: &[u8]) -> Vec<Vec<u8>> {
    let query = parts(target).map_or("", |(_, query)| query);
    let coded = fields(query).filter(|(key, _)| *key == "dns");
    // Twelve bytes of header are sixteen letters; less is another parameter of this name.
    let read = coded.filter_map(|(_, value)| BASE64URL.decode(value).ok());
    read.filter(|bytes| bytes.len() > 12).collect()
}

/// Names in the query of a target whose answer is JSON.
pub(super) fn names(target: &[u8], sink: &mut Sink<'_>) {
    let Some((path, query)) = parts(target) else {
        return;
    };
    let json = path
        .rsplit('/')
        .next()
        .is_some_and(|last| JSON_PATHS.contains(&last));
    for (_, value) in fields(query).filter(|(key, _)| json && *key == "name") {
        if let HostName::Name { text, .. } = HostName::read(value.as_bytes()) {
            sink.looks_up(&Arc::from(text.as_str()), rtype::A);
            sink.relays(Relay::Lookup);
        }
    }
}

/// A message in a query or a body. True if it looks up and holds nothing else.
pub(super) fn message(bytes: &[u8], dns: &mut dyn Session, sink: &mut Sink<'_>) -> bool {
    sink.relays(Relay::Lookup);
    let message = parse(bytes).ok().filter(|message| {
        let mut questions = message.questions.iter();
        questions.any(|question| !question.name.is_root())
    });
    let Some(message) = message else {
        sink.flow.within.others = true;
        sink.unreadable(ReadingCause::Doh);
        return false;
    };
    read(bytes, dns, sink);
    message.foreign(bytes.len()) == 0
}

/// A lookup whose name is sealed.
pub(super) fn sealed(sink: &mut Sink<'_>) {
    sink.flow.facts.hidden = Some(HiddenLookups::HttpMessage);
    sink.relays(Relay::Lookup);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::dissect::conversation::Conversation;
    use crate::observe::dissect::wire::test_bytes::hex;

    #[test]
    fn every_form_is_a_lookup() {
        let question = hex("0000 0100 0001 0000 0000 0000 01 61 07 6578616d706c65 00 0001 0001");
        let coded = BASE64URL.encode(&question);
        let post = [
            format!("POST /dns-query HTTP/1.1\r\nHost: r.lan\r\nContent-Type: application/dns-message\r\nContent-Length: {}\r\n\r\n", question.len()).as_bytes(),
            &question,
        ]
        .concat();
        for request in [
            format!("GET /dns-query?dns={coded} HTTP/1.1\r\nHost: r.lan\r\n\r\n").into_bytes(),
            format!(
                "GET /dns-query?dns={} HTTP/1.1\r\nHost: r.lan\r\n\r\n",
                coded.trim_end_matches('=')
            )
            .into_bytes(),
            b"GET /resolve?name=a.example&type=A HTTP/1.1\r\nHost: r.lan\r\n\r\n".to_vec(),
            post,
        ] {
            for size in [1, 40, request.len()] {
                let mut talk = Conversation::tcp("192.168.2.254:8053");
                talk.say_in_pieces(&request, size);
                let lookups: Vec<String> = talk
                    .facts()
                    .lookups
                    .iter()
                    .map(|(_, n)| n.to_string())
                    .collect();
                assert_eq!(lookups, ["a.example"], "{}", request.escape_ascii());
                assert_eq!(talk.facts().relay, Some(Relay::Lookup));
                assert!(talk.gaps().is_empty());
            }
        }
        let mut other = Conversation::tcp("192.168.2.254:8053");
        other.say("GET /users?name=a.example HTTP/1.1\r\nHost: r.lan\r\n\r\n");
        assert_eq!(other.facts().relay, None);
        let mut broken = Conversation::tcp("192.168.2.254:8053");
        broken.say("POST / HTTP/1.1\r\nContent-Type: application/dns-message\r\nContent-Length: 3\r\n\r\nabc");
        assert_eq!(broken.gaps(), ["unreadable-packets"]);
    }
}
