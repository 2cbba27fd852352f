//! SIP over UDP and TCP (RFC 3261), and with it GB/T 28181: the host in the request URI of the client.
//!
//! Video platforms of GB/T 28181 address devices by numbers of 20 digits at a realm of 10: such a realm is no host name, and the
//! platform is known by its address alone. Of the other fields none names the server: Via and Contact name the sender, To and From
//! people. Media that a session description (RFC 8866) agrees on goes to addresses of its own and is judged by those.

use super::host_name::HostName;
use super::http1::{Authority, Search};
use super::text_head::{SIP as DIALECT, Start, message, of_answers};
use super::wire::Fit;
use super::{Protocol, Session, Sink, Step};
use crate::evidence::flow::{NameSource, Opening, Pair, Side};
use crate::observe::flow::{Carries, PayloadKind};

pub(super) const OVER_UDP: Protocol = Protocol {
    id: "sip",
    fit: |bytes, _| match DIALECT.fit(bytes) {
        Fit::Mine => Fit::Mine,
        Fit::NeedMore | Fit::NotMine => Fit::NotMine,
    },
    names: false,
    until: None,
    payload: PayloadKind::Clear,
    open: || Box::new(Sip::default()),
};

pub(super) const OVER_TCP: Protocol = Protocol {
    id: "sip",
    fit: |bytes, _| DIALECT.fit(bytes),
    names: true,
    until: Some(|bytes| DIALECT.until(bytes)),
    payload: PayloadKind::Clear,
    open: || {
        Box::new(Sip {
            stream: true,
            ..Sip::default()
        })
    },
};

#[derive(Default)]
struct Sip {
    stream: bool,
    /// Who asked first. Both may ask.
    client: Option<Side>,
    /// Where messages begin is not known any more.
    lost: Pair<bool>,
    /// How far the head at hand of each side was looked at.
    search: Pair<Search>,
}

impl Session for Sip {
    fn read(&mut self, bytes: &[u8], sink: &mut Sink<'_>) -> Step {
        sink.carries(Carries::Application);
        if !self.stream {
            // The end of the datagram is the end of the message; other bytes are keep-alives.
            if let Some(start) = first_line(bytes).and_then(|line| DIALECT.start(line)) {
                self.start(start, sink);
            }
            return Step::Consumed(bytes.len());
        }
        let side = sink.side();
        if *self.lost.of(side) {
            return Step::DoneHere;
        }
        // Empty lines keep a connection alive (RFC 5626 §3.5.1).
        if let [b'\r' | b'\n', ..] = bytes {
            return Step::Consumed(1);
        }
        let mut search = std::mem::take(self.search.of_mut(side));
        let step = message(&DIALECT, (bytes, &mut search), sink, |line, sink| {
            self.start(line, sink)
        });
        if step == Step::More {
            *self.search.of_mut(side) = search;
        }
        of_answers(step, self.client == Some(side.other()))
    }

    fn lost(&mut self, side: Side) -> bool {
        *self.search.of_mut(side) = Search::default();
        *self.lost.of_mut(side) = true;
        self.client == Some(side.other())
    }
}

impl Sip {
    fn start(&mut self, start: Start<'_>, sink: &mut Sink<'_>) {
        let side = sink.side();
        let asks = matches!(start, Start::Request(_));
        let asker = if asks { side } else { side.other() };
        let client = *self.client.get_or_insert(asker);
        sink.flow.opened(client, Opening::Request);
        if let Start::Request(uri) = start {
            sink.client_speaks();
            if let Some(host) = host(uri) {
                sink.host(&host, NameSource::Sip);
            }
        }
    }
}

fn first_line(bytes: &[u8]) -> Option<&[u8]> {
    let line = bytes.split(|b| *b == b'\n').next()?;
    Some(line.strip_suffix(b"\r").unwrap_or(line))
}

/// The host of a request URI (RFC 3261 §19.1); `None` for telephone numbers and for realms of digits.
fn host(uri: &[u8]) -> Option<HostName> {
    let colon = uri.iter().position(|b| *b == b':')?;
    let (scheme, rest) = uri.split_at_checked(colon)?;
    if !scheme.eq_ignore_ascii_case(b"sip") && !scheme.eq_ignore_ascii_case(b"sips") {
        return None;
    }
    // Parameters may stand in the user part too, so that is cut off first; fields in a request URI are forbidden.
    let rest = rest.get(1..)?;
    let rest = rest.split(|b| *b == b'?').next()?;
    let behind_user = rest.rsplit(|b| *b == b'@').next()?;
    let authority = behind_user.split(|b| *b == b';').next()?;
    let host = Authority::read(authority).host;
    let numeric = |name: &str| name.bytes().all(|b| b.is_ascii_digit());
    (!host.name().is_some_and(numeric)).then_some(host)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::dissect::conversation::Conversation;

    fn message(start: &str) -> String {
        format!(
            "{start}\r\nVia: SIP/2.0/UDP via.example:5060;branch=z9hG4bK1\r\nTo: <sip:to@to.example>\r\n\
             Contact: <sip:contact.example>\r\nCall-ID: 1@call.example\r\nContent-Length: 6\r\n\r\nv=0\r\n\r"
        )
    }

    #[test]
    fn the_request_uri_names_the_server() {
        for (uri, name) in [
            ("sip:Registrar.Example", Some("registrar.example")),
            ("sips:1;x=y@b.example:5061;transport=tls", Some("b.example")),
            ("sip:34020000002000000001@3402000000", None),
            (
                "sip:34020000002000000001@192.0.2.7:15060",
                Some("192.0.2.7"),
            ),
            ("sip:a@[2001:db8::7]:5060", Some("2001:db8::7")),
            ("tel:+1-201-555-0123", None),
        ] {
            let read = host(uri.as_bytes()).map(|host| match host {
                HostName::Name { text, .. } => text,
                HostName::Address(ip) => ip.to_string(),
                HostName::Refused(_) => String::new(),
            });
            assert_eq!(read.as_deref(), name, "{uri}");
        }
    }

    #[test]
    fn requests_of_the_client_count_over_udp_and_tcp() {
        let requests = [
            "REGISTER sip:a.example SIP/2.0",
            "MESSAGE sip:1@b.example SIP/2.0",
        ]
        .map(message);
        let invite = message("INVITE sip:me@192.168.2.20 SIP/2.0");
        let want = [
            ("a.example", NameSource::Sip),
            ("b.example", NameSource::Sip),
        ]
        .map(|(name, source)| (name.to_owned(), source));
        let mut udp = Conversation::udp("192.0.2.7:5060");
        udp.say(&requests[0])
            .hear(message("SIP/2.0 200 OK"))
            .hear(&invite);
        udp.say("\r\n\r\n").say(&requests[1]);
        assert_eq!((udp.names(), udp.protocol()), (want.to_vec(), Some("sip")));
        // The server's requests name its client.
        let back = [("192.168.2.20".to_owned(), NameSource::Sip)];
        assert!(udp.opened_by_client() && udp.names_back() == back);
        let text = format!("{}\r\n\r\n{}", requests[0], requests[1]);
        for size in [1, 7, text.len()] {
            let mut tcp = Conversation::tcp("192.0.2.7:5060");
            tcp.say_in_pieces(text.as_bytes(), size);
            tcp.hear(message("SIP/2.0 200 OK")).hear(&invite);
            assert_eq!(tcp.names(), want, "{size}");
            assert_eq!(tcp.names_back(), back, "{size}");
            // What is no message among its own costs it alone.
            tcp.hear("no message").hear(&invite).say(&requests[0]);
            assert_eq!((tcp.names().len(), tcp.names_back().len()), (2, 1));
        }
        // An answer shows who asks.
        let mut late = Conversation::udp("192.0.2.7:5060");
        late.hear(message("SIP/2.0 200 OK"))
            .hear(&invite)
            .say(&requests[0]);
        assert_eq!(late.names().first(), want.first());
    }
}
