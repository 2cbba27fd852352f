//! RTSP inside HTTP (Apple, "Tunneling RTSP and RTP over HTTP", 1999): what a client says, in the body of a POST.
//!
//! The body is Base64, each message by itself, so that the padding of one stands in front of the next. It stays the body of a request to
//! those who look into payloads; here only the hosts in it are read. What a server says comes over another connection, in clear, and names
//! nobody.

use super::http1::HEAD_MAX;
use super::rtsp::RTSP;
use super::{Session, Sink, Step};
use crate::ground::budget::Lease;
use crate::ground::cause::ReadingCause;

/// The type of such a body.
pub(super) const TYPE: &str = "application/x-rtsp-tunnelled";

/// Digits that stand for three bytes.
const QUAD: usize = 4;

/// Bytes of a message that wait for its end: the longest head that is read.
const SAID_MAX: usize = HEAD_MAX;

/// A body that is read.
pub(super) struct Tunnelled {
    /// Bytes of it that are still to come.
    pub(super) left: u64,
    /// Digits of three bytes that have not all come; none in the place of padding.
    quad: Vec<Option<u32>>,
    /// What was said and is not read yet.
    said: Vec<u8>,
    /// The memory of it: connections are many, and their messages need not end.
    room: Lease,
    /// Bytes of it to be passed over.
    skip: u64,
    /// Who reads it, until it is something else.
    inner: Option<Box<dyn Session>>,
    /// A message was read.
    known: bool,
}

impl Tunnelled {
    /// A body of so many bytes. Clients declare any length, and go on.
    pub(super) fn new(length: u64, sink: &Sink<'_>) -> Self {
        Self {
            left: length,
            quad: Vec::with_capacity(QUAD),
            said: Vec::new(),
            room: sink.ledger.assembly.lease(),
            skip: 0,
            inner: Some((RTSP.open)()),
            known: false,
        }
    }

    /// Reads on in the body.
    pub(super) fn take(&mut self, bytes: &[u8], sink: &mut Sink<'_>) {
        if self.inner.is_none() {
            return;
        }
        if !self.room.take(bytes.len()) {
            sink.over(ReadingCause::ReassemblyMemory);
            self.give_up(sink);
            return;
        }
        self.read(bytes, sink);
        let more = self.room.held().saturating_sub(self.said.len());
        self.room.give_back(more);
    }

    /// What cannot be followed behind messages may hold a name; without any it is a body like others.
    fn give_up(&mut self, sink: &mut Sink<'_>) {
        if self.known {
            sink.flow.facts.tunnel = Some("rtsp-in-http");
        }
        self.inner = None;
        self.said = Vec::new();
        self.room.give_back(self.room.held());
    }

    fn read(&mut self, bytes: &[u8], sink: &mut Sink<'_>) {
        for byte in bytes {
            match byte {
                b'\r' | b'\n' => continue,
                b'=' => self.quad.push(None),
                _ => match digit(*byte) {
                    Some(value) => self.quad.push(Some(value)),
                    // A body that is not what its type says.
                    None => return self.give_up(sink),
                },
            }
            if self.quad.len() == QUAD {
                self.said.extend(three(&self.quad));
                self.quad.clear();
                // Message by message, so that no more waits than the longest.
                if self.said.len() >= SAID_MAX {
                    self.say(sink);
                }
                if self.inner.is_none() {
                    return;
                }
            }
        }
        self.say(sink);
    }

    /// Reads on in what was said.
    fn say(&mut self, sink: &mut Sink<'_>) {
        let Some(inner) = &mut self.inner else {
            return;
        };
        loop {
            let passed = usize::try_from(self.skip)
                .unwrap_or(usize::MAX)
                .min(self.said.len());
            self.said.drain(..passed);
            self.skip = self.skip.saturating_sub(passed as u64);
            if self.said.is_empty() {
                return;
            }
            match inner.read(&self.said, sink) {
                Step::More if self.said.len() < SAID_MAX => return,
                Step::Skip(read) if read > 0 => self.skip = read,
                Step::Consumed(read) if read > 0 => self.skip = read as u64,
                _ => return self.give_up(sink),
            }
            self.known = true;
        }
    }
}

/// The value of a digit of Base64 (RFC 4648 §4).
fn digit(byte: u8) -> Option<u32> {
    let (first, value) = match byte {
        b'A'..=b'Z' => (b'A', 0),
        b'a'..=b'z' => (b'a', 26),
        b'0'..=b'9' => (b'0', 52),
        b'+' => (b'+', 62),
        b'/' => (b'/', 63),
        _ => return None,
    };
    Some(u32::from(byte.saturating_sub(first)).saturating_add(value))
}

/// The bytes that four digits stand for: one less for each that is padding.
fn three(quad: &[Option<u32>]) -> impl Iterator<Item = u8> {
    let bits = quad
        .iter()
        .fold(0u32, |bits, digit| bits << 6 | digit.unwrap_or(0));
    let [_, bytes @ ..] = bits.to_be_bytes();
    let padding = quad.iter().filter(|digit| digit.is_none()).count();
    bytes.into_iter().take(3usize.saturating_sub(padding))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::flow::NameSource;
    use crate::observe::dissect::conversation::Conversation;

    /// "OPTIONS rtsp://a.example/live RTSP/1.0".
    const OPTIONS: &str = "T1BUSU9OUyBydHNwOi8vYS5leGFtcGxlL2xpdmUgUlRTUC8xLjANCkNTZXE6IDENCg0K";

    fn head(length: usize) -> String {
        format!(
            "POST /live HTTP/1.0\r\nx-sessioncookie: 1\r\nContent-Type: {TYPE}\r\nContent-Length: {length}\r\n\r\n"
        )
    }

    #[test]
    fn requests_name_the_server_whatever_the_body_is_cut_into() {
        // Each with its padding: an ANNOUNCE with a body of four bytes, and a TEARDOWN.
        let others = "QU5OT1VOQ0UgcnRzcDovL2IuZXhhbXBsZS9saXZlIFJUU1AvMS4wDQpDU2VxOiAyDQpDb250ZW50LUxlbmd0aDogNA0KDQp2PTAK\r\n\
            VEVBUkRPV04gcnRzcDovL2MuZXhhbXBsZS8gUlRTUC8xLjANCkNTZXE6IDkNCg0K";
        let said = [OPTIONS, others].concat();
        // The length that is declared is any.
        for length in [0, 90, said.len(), 32_767] {
            for size in [1, 3, 7, 64, said.len()] {
                let mut talk = Conversation::tcp("192.168.2.9:80");
                talk.say(head(length));
                talk.say_in_pieces(said.as_bytes(), size);
                let rtsp = |name: &str| (name.to_owned(), NameSource::Rtsp);
                let all = ["a.example", "b.example", "c.example"].map(rtsp);
                assert_eq!(talk.names(), all, "{length} {size}");
                assert_eq!(talk.declared(), length as u64);
                assert_eq!(talk.facts().tunnel, None);
            }
        }
    }

    #[test]
    fn another_request_behind_it_is_read_and_noise_is_not() {
        for body in ["T1BU", "{\"a\": 1}"] {
            let mut talk = Conversation::tcp("192.168.2.9:80");
            talk.say(head(body.len()));
            talk.say(body);
            talk.say("GET / HTTP/1.1\r\nHost: d.example\r\n\r\n");
            assert_eq!(talk.names().len(), 1, "{body}");
            assert_eq!(talk.facts().tunnel, None, "{body}");
        }
        let endless = "QUJD".repeat(2 * SAID_MAX / 3);
        for (said, tunnel) in [("", None), (OPTIONS, Some("rtsp-in-http"))] {
            for noise in [&endless, "{\"a\": 1}"] {
                let mut talk = Conversation::tcp("192.168.2.9:80");
                talk.say(head(32_767));
                talk.say(said);
                talk.say_in_pieces(noise.as_bytes(), 1000);
                assert_eq!(talk.facts().tunnel, tunnel, "{said} {noise:.9}");
            }
        }
    }
}
