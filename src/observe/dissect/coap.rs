//! CoAP over UDP (RFC 7252) and TCP (RFC 8323): the host of a request, and the proxy that it is asked of.
//!
//! `Proxy-Uri` (§5.10.2) names where a proxy shall go, `Proxy-Scheme` says that `Uri-Host` (§5.10.1) does. On the ports of CoAP any
//! message is read that holds to the form; elsewhere a request that names a host, and over TCP the capabilities message that begins a
//! connection (RFC 8323 §5.3). Resources and payload are not read. CoAP over DTLS and TLS is those.

use super::host_name::HostName;
use super::http1::Authority;
use super::wire::{Fit, Reader};
use super::{Protocol, Session, Sink, Step};
use crate::evidence::flow::NameSource;
use crate::evidence::ledger::Ends;
use crate::ground::cause::ReadingCause;
use crate::observe::flow::{Carries, PayloadKind};

pub(super) const OVER_UDP: Protocol = Protocol {
    id: "coap",
    fit: |bytes, ends| match datagram(bytes) {
        Some(message) if at_home(ends) || message.is_telling() => Fit::Mine,
        _ => Fit::NotMine,
    },
    names: false,
    until: None,
    payload: PayloadKind::Clear,
    open: || Box::new(Coap { stream: false }),
};

pub(super) const OVER_TCP: Protocol = Protocol {
    id: "coap",
    fit: fit_stream,
    names: false,
    until: None,
    payload: PayloadKind::Clear,
    open: || Box::new(Coap { stream: true }),
};

/// IANA service `coap`.
const PORT: u16 = 5683;
/// Option numbers (§12.2).
mod option {
    pub(super) const URI_HOST: u64 = 3;
    pub(super) const PROXY_URI: u64 = 35;
    pub(super) const PROXY_SCHEME: u64 = 39;
}
/// Capabilities and settings, code 7.01 (RFC 8323 §5.3).
const CSM: u8 = 0xe1;
/// Longest message over TCP that is waited for: block-wise transfer keeps messages to about a kilobyte.
const MESSAGE_MAX: usize = 64 << 10;

fn at_home(ends: &Ends) -> bool {
    [ends.sender.1, ends.receiver.1].contains(&PORT)
}

/// What a message says.
#[derive(Debug, Default, PartialEq, Eq)]
struct Message {
    code: u8,
    host: Option<HostName>,
    proxy: bool,
    /// Port of the URI that a proxy is asked for.
    port: Option<u16>,
    /// A proxy is asked for what cannot be read.
    unreadable: bool,
    options: usize,
}

impl Message {
    /// A method: class 0, not empty.
    fn is_request(&self) -> bool {
        matches!(self.code, 1..=7)
    }

    /// A request of which the host is said so that nothing else is meant.
    fn is_telling(&self) -> bool {
        let named =
            |host: &HostName| host.is_regular() && host.name().is_some_and(|n| n.contains('.'));
        self.is_request()
            && self.host.as_ref().is_some_and(|host| {
                named(host) || (self.proxy && matches!(host, HostName::Address(_)))
            })
    }

    /// Reads token, options and payload to the end of `reader`.
    fn read(code: u8, token: usize, mut reader: Reader<'_>) -> Option<Self> {
        let mut message = Self {
            code,
            ..Self::default()
        };
        // Classes for methods, answers and signals; 0.00 is an empty message.
        if token > 8 || !matches!(code >> 5, 0 | 2..=5 | 7) || matches!(code, 8..=31) {
            return None;
        }
        reader.take(token)?;
        let mut number = 0u64;
        while let Some(head) = reader.u8() {
            if head == 0xff {
                // A marker with nothing behind it is an error (§3).
                return (!reader.is_empty()).then_some(message);
            }
            number = number.checked_add(extended(head >> 4, &mut reader)?)?;
            let length = usize::try_from(extended(head & 0x0f, &mut reader)?).ok()?;
            let value = reader.take(length)?;
            message.options = message.options.saturating_add(1);
            message.option(number, value);
        }
        Some(message)
    }

    fn option(&mut self, number: u64, value: &[u8]) {
        if !self.is_request() {
            return;
        }
        match number {
            option::URI_HOST if self.host.is_none() => self.host = Some(HostName::read(value)),
            option::PROXY_SCHEME => self.proxy = true,
            option::PROXY_URI => {
                self.proxy = true;
                match authority_of(value) {
                    Some(authority) => {
                        (self.host, self.port) = (Some(authority.host), authority.port);
                    }
                    None => self.unreadable = true,
                }
            }
            _ => {}
        }
    }
}

/// The value of a nibble, with the bytes that 13 and 14 add (§3.1); 15 is reserved.
fn extended(nibble: u8, reader: &mut Reader<'_>) -> Option<u64> {
    match nibble {
        13 => Some(u64::from(reader.u8()?).saturating_add(13)),
        14 => Some(u64::from(reader.u16()?).saturating_add(269)),
        15 => None,
        value => Some(value.into()),
    }
}

/// Host and port of a whole URI.
fn authority_of(uri: &[u8]) -> Option<Authority> {
    let at = uri.windows(3).position(|window| window == b"://")?;
    let rest = uri.get(at.saturating_add(3)..)?;
    let end = rest.iter().position(|b| b"/?#".contains(b));
    Some(Authority::read(rest.get(..end.unwrap_or(rest.len()))?))
}

/// True for a datagram in which a proxy is asked for a host beyond doubt.
pub(super) fn asks_a_proxy(bytes: &[u8]) -> bool {
    datagram(bytes).is_some_and(|message| message.proxy && message.is_telling())
}

fn datagram(bytes: &[u8]) -> Option<Message> {
    let mut reader = Reader::new(bytes);
    let [first, code, _, _] = reader.array::<4>()?;
    if first >> 6 != 1 {
        return None;
    }
    Message::read(code, usize::from(first & 0x0f), reader)
}

/// Length of options and payload, code, token length and length of the head of a message over TCP (RFC 8323 §3.2).
fn frame(bytes: &[u8]) -> Option<(usize, u8, usize, usize)> {
    let mut reader = Reader::new(bytes);
    let first = reader.u8()?;
    let length = match first >> 4 {
        13 => u64::from(reader.u8()?).saturating_add(13),
        14 => u64::from(reader.u16()?).saturating_add(269),
        15 => u64::from(reader.u32()?).saturating_add(65805),
        value => u64::from(value),
    };
    let code = reader.u8()?;
    let length = usize::try_from(length).ok()?;
    Some((length, code, usize::from(first & 0x0f), reader.position()))
}

fn fit_stream(bytes: &[u8], ends: &Ends) -> Fit {
    match frame(bytes) {
        None if bytes.len() < 6 && at_home(ends) => Fit::NeedMore,
        None => Fit::NotMine,
        Some((length, code, token, head)) => {
            let end = head.saturating_add(token).saturating_add(length);
            // Max-Message-Size and Block-Wise-Transfer are all that a settings message says (RFC 8323 §5.3).
            let settings = code == CSM && token == 0 && (2..=16).contains(&length);
            if !(settings || at_home(ends) && end <= MESSAGE_MAX) {
                return Fit::NotMine;
            }
            let whole = bytes.get(head..end);
            match whole.map(|whole| Message::read(code, token, Reader::new(whole))) {
                Some(Some(message)) if at_home(ends) || message.options > 0 => Fit::Mine,
                Some(_) => Fit::NotMine,
                None if at_home(ends) => Fit::NeedMore,
                None => Fit::NotMine,
            }
        }
    }
}

struct Coap {
    stream: bool,
}

impl Session for Coap {
    fn read(&mut self, bytes: &[u8], sink: &mut Sink<'_>) -> Step {
        sink.carries(Carries::Application);
        if !self.stream {
            match datagram(bytes) {
                Some(message) => say(&message, sink),
                None => unreadable(sink),
            }
            return Step::Consumed(bytes.len());
        }
        let Some((length, code, token, head)) = frame(bytes) else {
            return Step::More;
        };
        let end = head.saturating_add(token).saturating_add(length);
        if end > MESSAGE_MAX {
            unreadable(sink);
            return Step::Skip(end as u64);
        }
        let Some(body) = bytes.get(head..end) else {
            return Step::More;
        };
        match Message::read(code, token, Reader::new(body)) {
            Some(message) => say(&message, sink),
            None => unreadable(sink),
        }
        Step::Consumed(end)
    }
}

fn unreadable(sink: &mut Sink<'_>) {
    sink.unreadable(ReadingCause::Coap);
}

fn say(message: &Message, sink: &mut Sink<'_>) {
    if !message.is_request() {
        return;
    }
    sink.client_speaks();
    if message.unreadable {
        unreadable(sink);
    }
    if let Some(host) = &message.host {
        sink.host(host, NameSource::Coap);
        if message.proxy {
            sink.proxies(host, message.port);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::flow::Relay;
    use crate::observe::dissect::conversation::Conversation;
    use crate::observe::dissect::wire::test_bytes::{Noise, hex};

    /// `Proxy-Uri: coap://a.example/x`, and `Uri-Host: a.example` with `Proxy-Scheme: coap`.
    fn requests() -> [Vec<u8>; 2] {
        let uri = b"coap://a.example/x";
        let by_uri = [&hex("dd 16 05")[..], uri].concat();
        let by_host = [&hex("39")[..], b"a.example", &hex("d4 17")[..], b"coap"].concat();
        [by_uri, by_host]
    }

    #[test]
    fn a_request_to_a_proxy_names_its_target() {
        for options in requests() {
            for port in [5683, 9000] {
                let mut talk = Conversation::udp(&format!("192.168.2.254:{port}"));
                talk.say([&hex("42 01 0001 aabb")[..], &options, b"\xffhello"].concat());
                assert_eq!(talk.names(), [("a.example".to_owned(), NameSource::Coap)]);
                assert_eq!(
                    (talk.facts().relay.clone(), talk.protocol()),
                    (Some(Relay::Proxy(None)), Some("coap"))
                );
                let mut talk = Conversation::tcp(&format!("192.168.2.254:{port}"));
                let length = u8::try_from(options.len() - 13).unwrap();
                let stream = [
                    &hex("30 e1 22 0500")[..],
                    &[0xd1, length, 1, 0x07],
                    &options,
                ]
                .concat();
                talk.say(&stream);
                assert_eq!(
                    talk.names(),
                    [("a.example".to_owned(), NameSource::Coap)],
                    "{port}"
                );
            }
        }
        let mut noise = Noise(3);
        for _ in 0..20_000 {
            let damaged = noise.damage(&[&hex("42 01 0001 aabb")[..], &requests()[0]].concat());
            let _ = (datagram(&damaged), frame(&damaged));
        }
    }

    #[test]
    fn what_is_claimed_and_broken_leaves_a_gap() {
        let mut talk = Conversation::udp("192.168.2.254:5683");
        talk.say(hex("40 01 0001")).say(hex("40 01 0002 3f"));
        assert_eq!(talk.gaps(), ["unreadable-packets"]);
    }
}
