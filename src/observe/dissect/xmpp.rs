//! XMPP over TCP (RFC 6120): the domain that a client opens its stream to, and the hello behind STARTTLS (§5.4).
//!
//! The `to` attribute of the client's stream header is the domain it wants to reach (§4.7.2), which may be served by a host of another name.
//! A header with an `id` is the server's answer and names its client. What is said in the stream is not read.

use super::host_name::HostName;
use super::wire::{Fit, SETTLED, Until};
use super::{Protocol, Session, Sink, Step, tls_record};
use crate::evidence::flow::{NameSource, Side};
use crate::ground::work::looks_at;
use crate::observe::flow::{Carries, PayloadKind};

pub(super) const XMPP: Protocol = Protocol {
    id: "xmpp",
    fit: |bytes, _| match header(bytes) {
        Ok(_) => Fit::Mine,
        Err(undecided) => undecided,
    },
    names: true,
    until: Some(until),
    payload: PayloadKind::Clear,
    open: || Box::new(Xmpp::default()),
};

/// Longest start waited for: an XML declaration and a header have some 200 bytes.
const HEADER_MAX: usize = 2048;
const DECLARATION: &[u8] = b"<?xml ";
const HEADER: &[u8] = b"<stream:stream";
/// The server agrees to TLS (§5.4.2.3).
const PROCEED: &[u8] = b"<proceed";

/// A tag that has begun waits for its end.
fn until(bytes: &[u8]) -> Option<Until> {
    let settled = bytes.get(..SETTLED)?;
    let declared = settled.starts_with(DECLARATION) && position(bytes, b"?>").is_none();
    (declared || settled.starts_with(HEADER) || position(bytes, HEADER).is_some()).then_some(
        Until {
            byte: b'>',
            length: HEADER_MAX,
        },
    )
}

/// The attributes of a stream header and the length of everything up to its end.
fn header(bytes: &[u8]) -> Result<(&[u8], usize), Fit> {
    let window = bytes.get(..HEADER_MAX).unwrap_or(bytes);
    looks_at(window.len());
    let more = if bytes.len() < HEADER_MAX {
        Fit::NeedMore
    } else {
        Fit::NotMine
    };
    let blank = |bytes: &[u8]| bytes.iter().take_while(|b| b.is_ascii_whitespace()).count();
    let mut at = 0;
    if begins(window, DECLARATION)? {
        at = position(window, b"?>").ok_or(more)?.saturating_add(2);
        at = at.saturating_add(blank(window.get(at..).unwrap_or_default()));
    }
    let rest = window.get(at..).unwrap_or_default();
    if !begins(rest, HEADER)? {
        return Err(Fit::NotMine);
    }
    let end = position(rest, b">").ok_or(more)?;
    let attributes = rest.get(HEADER.len()..end).unwrap_or_default();
    Ok((attributes, at.saturating_add(end).saturating_add(1)))
}

/// Whether bytes begin with `start`; `Err` if they may once there are more.
fn begins(bytes: &[u8], start: &[u8]) -> Result<bool, Fit> {
    let common = bytes.len().min(start.len());
    if bytes.get(..common) != start.get(..common) {
        Ok(false)
    } else if common < start.len() {
        Err(Fit::NeedMore)
    } else {
        Ok(true)
    }
}

fn position(bytes: &[u8], of: &[u8]) -> Option<usize> {
    bytes.windows(of.len()).position(|window| window == of)
}

/// The value of an attribute without a prefix.
fn attribute<'a>(attributes: &'a [u8], name: &str) -> Option<&'a [u8]> {
    let mut rest = attributes;
    loop {
        let equals = rest.iter().position(|b| *b == b'=')?;
        let (key, behind) = rest.split_at_checked(equals)?;
        let behind = behind.get(1..)?.trim_ascii_start();
        let quote = *behind.first().filter(|q| matches!(q, b'\'' | b'"'))?;
        let value = behind.get(1..)?;
        let end = value.iter().position(|b| *b == quote)?;
        if key.trim_ascii() == name.as_bytes() {
            return value.get(..end);
        }
        rest = value.get(end.checked_add(1)?..)?;
    }
}

#[derive(Default)]
struct Xmpp {
    client: Option<Side>,
}

impl Session for Xmpp {
    fn read(&mut self, bytes: &[u8], sink: &mut Sink<'_>) -> Step {
        sink.carries(Carries::Application);
        let side = sink.side();
        if self.client.is_none() {
            let Ok((attributes, len)) = header(bytes) else {
                return Step::Handover(0);
            };
            if attribute(attributes, "id").is_some() {
                self.client = Some(side.other());
                return Step::Consumed(len);
            }
            self.client = Some(side);
            sink.client_speaks();
            if let Some(domain) = attribute(attributes, "to").filter(|to| !to.contains(&b'@')) {
                sink.host(&HostName::read(domain), NameSource::Xmpp);
            }
            return Step::Consumed(len);
        }
        if self.client == Some(side) {
            // The hello follows the server's agreement, seen or not.
            let hello = bytes.first() == Some(&tls_record::content_type::HANDSHAKE);
            return match tls_record::fit(bytes) {
                Fit::Mine if hello => Step::Handover(0),
                Fit::NeedMore if hello => Step::More,
                _ => {
                    let end = bytes.iter().rposition(|b| *b == b'>');
                    Step::Consumed(end.map_or(bytes.len(), |end| end.saturating_add(1)))
                }
            };
        }
        let Some(from) = position(bytes, PROCEED) else {
            // Its start may stand at the end of what is here.
            return match bytes.iter().rposition(|b| *b == b'<') {
                Some(0) if bytes.len() < PROCEED.len() => Step::More,
                Some(0) | None => Step::Consumed(bytes.len()),
                Some(open) => Step::Consumed(open),
            };
        };
        match bytes
            .get(from..)
            .and_then(|rest| rest.iter().position(|b| *b == b'>'))
        {
            Some(end) => Step::Handover(from.saturating_add(end).saturating_add(1)),
            None if bytes.len() < HEADER_MAX => Step::More,
            None => Step::Consumed(bytes.len()),
        }
    }

    fn lost(&mut self, side: Side) -> bool {
        self.client.is_some_and(|client| client != side)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::dissect::conversation::Conversation;
    use crate::observe::dissect::tls::tests::{hello, server_flight};

    /// As in RFC 6120 §9.1.1.
    const CLIENT: &str = "<?xml version='1.0'?>\n<stream:stream from='juliet@im.people.example' to='im.example' version='1.0' xml:lang='en' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>";
    const SERVER: &str = "<stream:stream from='im.example' id='t7AMCin9zjMNwQKDnplntZPIDEI=' to='juliet@im.people.example' version='1.0' xmlns:stream='http://etherx.jabber.org/streams'><stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls></stream:features>";

    #[test]
    fn domain_and_hello() {
        for size in [1, 9, 1000] {
            let mut talk = Conversation::tcp("45.33.92.2:5222");
            talk.say_in_pieces(CLIENT.as_bytes(), size);
            talk.hear(SERVER);
            talk.say_in_pieces(b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>", size);
            talk.hear("<pro")
                .hear("ceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
            talk.say_in_pieces(&hello("host.example"), size);
            talk.hear(server_flight());
            let names = [
                ("im.example".to_owned(), NameSource::Xmpp),
                ("host.example".to_owned(), NameSource::TlsSni),
                ("flight.example".to_owned(), NameSource::Certificate),
            ];
            assert_eq!(talk.names(), names, "pieces of {size}");
            assert_eq!(
                (talk.protocol(), talk.opened_by_client()),
                (Some("xmpp"), true)
            );
        }
    }

    #[test]
    fn a_servers_header_names_nobody() {
        let mut talk = Conversation::tcp("45.33.92.2:5222");
        talk.hear(SERVER);
        assert_eq!((talk.names(), talk.protocol()), (vec![], Some("xmpp")));
        assert_eq!(
            header(b"<?xml version='1.0'?><svg to='a.example'>"),
            Err(Fit::NotMine)
        );
        assert_eq!(header(b"<stream:streams>").map(|(a, _)| a), Ok(&b"s"[..]));
    }
}
