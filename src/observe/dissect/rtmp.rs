//! RTMP over TCP: the server that a live stream is sent to, from the `tcUrl` of the `connect` command.
//!
//! Recognised on any port by the whole handshake and the command behind it, on 1935 by the client's opening. A capture that missed
//! the handshake may still hold the command at the start of a segment. RTMPS is TLS, RTMPT is HTTP; both are named by those. What is
//! streamed is not read, and neither are answers.

use super::http1::Authority;
use super::rtmp_chunk::{
    Chunk, Chunks, Connect, HANDSHAKE_LEN, OPENING_LEN, VERSION, is_connect, leads_to_connect,
};
use super::wire::Fit;
use super::{Protocol, Session, Sink, Step};
use crate::evidence::flow::{NameSource, Side};
use crate::evidence::ledger::Ends;
use crate::ground::cause::ReadingCause;
use crate::observe::flow::{Carries, PayloadKind};

pub(super) const RTMP: Protocol = Protocol {
    id: "rtmp",
    fit,
    names: true,
    until: None,
    payload: PayloadKind::Broadcast,
    open: || Box::new(Rtmp::default()),
};

/// IANA service `macromedia-fcs`.
const PORT: u16 = 1935;

fn fit(bytes: &[u8], ends: &Ends) -> Fit {
    if is_connect(bytes) {
        return Fit::Mine;
    }
    if bytes.first() != Some(&VERSION) {
        return Fit::NotMine;
    }
    if ends.receiver.1 == PORT && bytes.len() >= OPENING_LEN {
        return Fit::Mine;
    }
    bytes
        .get(HANDSHAKE_LEN..)
        .map_or(Fit::NeedMore, leads_to_connect)
}

/// The host of an RTMP URL.
fn host(url: &[u8]) -> Option<Authority> {
    let at = url.windows(3).position(|w| w == b"://")?;
    let (scheme, rest) = url.split_at_checked(at)?;
    let rest = rest.get(3..)?;
    let known = scheme.len() <= 6 && scheme.to_ascii_lowercase().starts_with(b"rtmp");
    let end = rest.iter().position(|b| b"/?#".contains(b));
    known.then(|| Authority::read(rest.get(..end.unwrap_or(rest.len())).unwrap_or(rest)))
}

#[derive(Default)]
struct Rtmp {
    client: Option<Side>,
    chunks: Chunks,
}

impl Session for Rtmp {
    fn read(&mut self, bytes: &[u8], sink: &mut Sink<'_>) -> Step {
        sink.carries(Carries::Application);
        let Some(client) = self.client else {
            self.client = Some(sink.side());
            sink.client_speaks();
            return if is_connect(bytes) {
                self.chunk(bytes, sink)
            } else {
                Step::Skip(HANDSHAKE_LEN as u64)
            };
        };
        if client == sink.side() {
            self.chunk(bytes, sink)
        } else {
            Step::DoneHere
        }
    }

    fn lost(&mut self, side: Side) -> bool {
        self.client != Some(side)
    }

    fn end(&mut self, bytes: &[u8], sink: &mut Sink<'_>) {
        if self.client == Some(sink.side())
            && let Some(connect) = self.chunks.end(bytes)
        {
            say(&connect, sink);
        }
    }
}

impl Rtmp {
    fn chunk(&mut self, bytes: &[u8], sink: &mut Sink<'_>) -> Step {
        match self.chunks.next(bytes) {
            Chunk::NeedMore => Step::More,
            Chunk::Passed(used) => Step::Skip(used as u64),
            Chunk::Connect(connect, _) => {
                say(&connect, sink);
                // One connection, one server: what follows is the stream.
                Step::DoneHere
            }
            Chunk::TooMany => {
                sink.over(ReadingCause::RtmpStreamsOver);
                Step::DoneHere
            }
            Chunk::Broken => {
                // The server was not named yet.
                sink.unreadable(ReadingCause::Rtmp);
                Step::Handover(0)
            }
        }
    }
}

fn say(connect: &Connect, sink: &mut Sink<'_>) {
    for host in connect.urls.iter().filter_map(|url| host(url)) {
        sink.host(&host.host, NameSource::Rtmp);
    }
    if connect.cut {
        sink.over(ReadingCause::RtmpConnectLong);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::dissect::conversation::Conversation;
    use crate::observe::dissect::rtmp_chunk::tests::{chunked, command};
    use crate::observe::dissect::wire::test_bytes::Noise;

    /// A client that sets the window and the chunk size first, as some do.
    fn stream(url: &str) -> Vec<u8> {
        let mut bytes = vec![VERSION];
        bytes.extend(Noise(42).bytes(HANDSHAKE_LEN - 1));
        bytes.extend([2, 0, 0, 0, 0, 0, 4, 5, 0, 0, 0, 0, 0, 0x26, 0x25, 0xa0]);
        bytes.extend([2, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0, 0, 0, 0, 160]);
        bytes.extend(chunked(&command(url), 20, 160, false));
        bytes
    }

    #[test]
    fn a_stream_names_its_server_on_any_port_however_it_is_cut() {
        let bytes = stream("rtmp://user:pw@Live.Example:1935/app/instance?key=://x");
        for server in ["45.33.92.2:1935", "45.33.92.2:443"] {
            for size in [1, 100, 1448, bytes.len()] {
                let mut talk = Conversation::tcp(server);
                let (first, rest) = bytes.split_at(OPENING_LEN);
                talk.say_in_pieces(first, size);
                talk.hear(&bytes[..HANDSHAKE_LEN]);
                talk.say_in_pieces(rest, size);
                let names = talk.names();
                assert_eq!(
                    names,
                    [("live.example".to_owned(), NameSource::Rtmp)],
                    "{size}"
                );
                assert_eq!((talk.protocol(), talk.gaps()), (Some("rtmp"), vec![]));
                assert!(talk.opened_by_client());
            }
        }
    }

    #[test]
    fn addresses_are_no_names_and_a_late_capture_may_hold_the_command() {
        for (url, ip) in [
            ("rtmp://[2606:4700::1]:1935/live", "2606:4700::1"),
            ("RTMP://47.88.60.14/live", "47.88.60.14"),
        ] {
            let mut talk = Conversation::tcp("192.168.2.254:1935");
            talk.say(stream(url));
            assert_eq!(talk.literal(), ip.parse().ok());
        }
        let mut late = Conversation::tcp("45.33.92.2:443");
        late.say(chunked(&command("rtmps://a.example/live"), 20, 128, false));
        assert_eq!(late.names()[0].0, "a.example");
        assert!(host(b"http://a.example/").is_none() && host(b"a.example").is_none());
        let bytes = stream("rtmp://a.example/live");
        let mut cut = Conversation::tcp("45.33.92.2:1935");
        cut.say(&bytes[..bytes.len() - 3]).end();
        assert_eq!(cut.names()[0].0, "a.example");
    }

    #[test]
    fn what_begins_alike_is_not_taken() {
        // TPKT (RFC 2126) begins with 3 too; so may anything of which a handshake's length is sent.
        let mut remote_desktop = Conversation::tcp("45.33.92.2:3389");
        remote_desktop
            .say(b"\x03\x00\x00\x13\x0e\xe0\x00\x00\x00\x00\x00\x01\x00\x08\x00\x03\x00\x00\x00");
        remote_desktop.say([3; 4000]);
        assert_eq!(remote_desktop.protocol(), None);
        let mut foreign = Conversation::tcp("45.33.92.2:1935");
        foreign.say([3; 4000]).say([0xff; 4000]);
        assert!(foreign.names().is_empty());
    }
}
