//! RTSP over TCP (RFC 2326, RFC 7826): the host in the URL of each request of the client.
//!
//! Aircraft and cameras serve their picture by it on the local network, under an address; apps push streams to servers by it, under a
//! name. Interleaved media (§10.12) is passed over. Media beside the connection, over RTP, goes to ports that the answers agree on:
//! those flows are judged by their own addresses. RTSP inside HTTP is in [`rtsp_in_http`](super::rtsp_in_http).

use super::http1::{Authority, Search};
use super::text_head::{RTSP as DIALECT, Start, message};
use super::{Protocol, Session, Sink, Step};
use crate::evidence::flow::{NameSource, Opening, Pair, Side};
use crate::observe::flow::{Carries, PayloadKind};

pub(super) const RTSP: Protocol = Protocol {
    id: "rtsp",
    fit: |bytes, _| DIALECT.fit(bytes),
    names: true,
    until: Some(|bytes| DIALECT.until(bytes)),
    payload: PayloadKind::Clear,
    open: || Box::new(Rtsp::default()),
};

/// Header of interleaved data: a dollar sign, a channel, a length.
const INTERLEAVED_LEN: u64 = 4;

#[derive(Default)]
struct Rtsp {
    /// Whose requests name the server; those of the server name its client, or the session.
    client: Option<Side>,
    /// How far the head at hand of each side was looked at.
    search: Pair<Search>,
}

impl Session for Rtsp {
    fn read(&mut self, bytes: &[u8], sink: &mut Sink<'_>) -> Step {
        sink.carries(Carries::Application);
        let side = sink.side();
        if self.client == Some(side.other()) {
            return Step::DoneHere;
        }
        match bytes {
            [b'$', _, high, low, ..] => {
                let length = u16::from_be_bytes([*high, *low]);
                return Step::Skip(INTERLEAVED_LEN.saturating_add(length.into()));
            }
            [b'$', ..] => return Step::More,
            [b'\r' | b'\n', ..] => return Step::Consumed(1),
            _ => {}
        }
        let mut search = std::mem::take(self.search.of_mut(side));
        let step = message(&DIALECT, (bytes, &mut search), sink, |line, sink| {
            self.start(line, sink)
        });
        if step == Step::More {
            *self.search.of_mut(side) = search;
        }
        step
    }

    fn lost(&mut self, side: Side) -> bool {
        *self.search.of_mut(side) = Search::default();
        self.client == Some(side.other())
    }
}

impl Rtsp {
    fn start(&mut self, start: Start<'_>, sink: &mut Sink<'_>) {
        let side = sink.side();
        match start {
            Start::Request(url) => {
                self.client = Some(side);
                sink.client_speaks();
                if let Some(authority) = authority(url) {
                    sink.host(&authority.host, NameSource::Rtsp);
                }
            }
            Start::Answer => {
                self.client = Some(side.other());
                sink.flow.opened(side.other(), Opening::Request);
            }
        }
    }
}

/// The authority of an RTSP URL; `*` has none.
fn authority(url: &[u8]) -> Option<Authority> {
    let at = url.windows(3).position(|w| w == b"://")?;
    let rest = url.get(at.saturating_add(3)..)?;
    let end = rest.iter().position(|b| b"/?#".contains(b));
    Some(Authority::read(
        rest.get(..end.unwrap_or(rest.len())).unwrap_or(rest),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::dissect::conversation::Conversation;

    fn names(talk: &mut Conversation) -> Vec<String> {
        let names = talk.names().into_iter();
        names
            .inspect(|(_, source)| assert_eq!(*source, NameSource::Rtsp))
            .map(|(name, _)| name)
            .collect()
    }

    #[test]
    fn requests_name_the_server_behind_bodies_and_media() {
        // As in RFC 2326 §10.3, with a stream of media (§10.12) and a second host.
        let text = b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n\
            ANNOUNCE rtsp://user:pw@Live.Example:8554/drone?a=b RTSP/1.0\r\nCSeq: 2\r\nContent-Length: 30\r\n\r\n\
            v=0\r\nu=rtsp://body.example/ \r\n\r\n\
            $\x00\x00\x1aDESCRIBE rtsp://x.example/\
            \r\nTEARDOWN rtsp://other.example RTSP/1.0\r\nCSeq: 9\r\n\r\n";
        for size in [1, 5, 33, text.len()] {
            let mut talk = Conversation::tcp("45.33.92.2:8554");
            talk.say_in_pieces(text, size);
            assert_eq!(
                names(&mut talk),
                ["live.example", "other.example"],
                "{size}"
            );
            assert_eq!(talk.protocol(), Some("rtsp"));
            assert!(talk.opened_by_client());
        }
    }

    #[test]
    fn only_the_client_names_the_server() {
        let mut talk = Conversation::tcp("192.168.2.1:554");
        talk.hear("RTSP/1.0 200 OK\r\nCSeq: 4\r\n\r\n");
        assert!(talk.opened_by_client());
        talk.say("PLAY rtsp://192.168.2.1:554/live RTSP/1.0\r\nCSeq: 5\r\n\r\n");
        talk.hear("REDIRECT rtsp://elsewhere.example/live RTSP/1.0\r\nCSeq: 1\r\n\r\n");
        assert_eq!(names(&mut talk), ["192.168.2.1"]);
        assert_eq!(talk.literal(), Some([192, 168, 2, 1].into()));
        // Lost media of the server changes nothing; lost bytes of the client do, and the next request is found.
        talk.miss(100);
        talk.say("TEARDOWN rtsp://b.example/ RTSP/1.0\r\nCSeq: 6\r\n\r\n");
        talk.end();
        assert_eq!(names(&mut talk), ["192.168.2.1", "b.example"]);
    }
}
