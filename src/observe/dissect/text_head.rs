//! Heads of messages in the manner of HTTP: RTSP (RFC 2326 §4, RFC 7826 §5) and SIP (RFC 3261 §7).
//!
//! A start line, fields, an empty line. Which of the two it is stands at the end of a request's start line and at the start of an
//! answer's, so that neither is taken for HTTP or for the other. Of the fields only the length of the body is read.

use super::http1::{HEAD_MAX, Search, head_end};
use super::wire::{SETTLED, Until};
use super::{Sink, Step};
use crate::ground::cause::ReadingCause;
use crate::ground::work::looks_at;
use crate::observe::dissect::wire::Fit;

/// Longest start line waited for: long URLs have hundreds of bytes.
const LINE_MAX: usize = 4096;
/// Longest method: GET_PARAMETER and SET_PARAMETER have 13 letters.
const METHOD_MAX: usize = 20;

/// What tells one protocol from another.
#[derive(Debug, PartialEq, Eq)]
pub struct Dialect {
    /// Versions, as they stand in start lines.
    pub versions: &'static [&'static str],
    /// What a request's target may begin with, in lower case.
    pub targets: &'static [&'static str],
    /// Names of the field that gives the length of the body.
    pub length: &'static [&'static str],
}

/// RTSP 1.0 and 2.0.
pub static RTSP: Dialect = Dialect {
    versions: &["RTSP/1.0", "RTSP/2.0"],
    targets: &["rtsp://", "rtsps://", "rtspu://", "*"],
    length: &["content-length"],
};

/// SIP 2.0; a field may have its compact name (RFC 3261 §7.3.3).
pub static SIP: Dialect = Dialect {
    versions: &["SIP/2.0"],
    targets: &["sip:", "sips:", "tel:", "urn:"],
    length: &["content-length", "l"],
};

/// A start line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start<'a> {
    /// A request for this target.
    Request(&'a [u8]),
    /// An answer.
    Answer,
}

/// A head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head<'a> {
    /// Its start line.
    pub start: Start<'a>,
    /// Bytes of the body that follows, if that is said. SIP over UDP need not say it.
    pub body: Option<u64>,
    /// Bytes of the head, its empty line included.
    pub len: usize,
}

/// The outcome of reading a head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parsed<'a> {
    /// The head.
    Head(Head<'a>),
    /// Good so far, but the end of the head has not come.
    NeedMore,
    /// The start line is right and the end of the head does not come within the bound.
    TooLong(Start<'a>),
    /// Not of this dialect.
    Other,
}

impl Dialect {
    /// Whether bytes begin with a start line of this dialect.
    pub fn fit(&self, bytes: &[u8]) -> Fit {
        match line(bytes) {
            Some(line) if self.start(line).is_some() => Fit::Mine,
            Some(_) => Fit::NotMine,
            None if self.endless(bytes).is_some() => Fit::Mine,
            None if bytes.len() <= LINE_MAX && self.may_become(bytes) => Fit::NeedMore,
            None => Fit::NotMine,
        }
    }

    /// What a start line whose target has begun waits for: its end, or so many bytes that they are judged without it.
    pub fn until(&self, bytes: &[u8]) -> Option<Until> {
        bytes.get(..SETTLED)?;
        let at = bytes.iter().position(u8::is_ascii_whitespace)?;
        let target = bytes.get(at..)?.trim_ascii_start();
        let longest = self.targets.iter().map(|target| target.len()).max()?;
        (target.len() >= longest).then_some(Until {
            byte: b'\n',
            length: LINE_MAX,
        })
    }

    /// Reads the head at the start of `bytes`.
    #[cfg(test)]
    pub fn head<'a>(&self, bytes: &'a [u8]) -> Parsed<'a> {
        self.head_on(bytes, &mut Search::default())
    }

    /// Reads the head at the start of `bytes`. `search` is how far an earlier call has looked at the bytes in vain.
    pub fn head_on<'a>(&self, bytes: &'a [u8], search: &mut Search) -> Parsed<'a> {
        if search.line.as_mut().is_some_and(|line| line.holds(bytes)) {
            return Parsed::NeedMore;
        }
        let Some(line) = line(bytes) else {
            if let Some(start) = self.endless(bytes) {
                return Parsed::TooLong(start);
            }
            looks_at(bytes.len());
            return match self.fit(bytes) {
                Fit::NeedMore => {
                    search.line = self.until(bytes).map(|until| until.pause(bytes));
                    Parsed::NeedMore
                }
                Fit::Mine | Fit::NotMine => Parsed::Other,
            };
        };
        let Some(start) = self.start(line) else {
            return Parsed::Other;
        };
        let window = bytes.get(..HEAD_MAX).unwrap_or(bytes);
        match head_end(window, search.head) {
            Some(len) => {
                *search = Search::default();
                Parsed::Head(Head {
                    start,
                    body: self.body(window.get(..len).unwrap_or(window)),
                    len,
                })
            }
            None if bytes.len() < HEAD_MAX => {
                search.head = bytes.len();
                Parsed::NeedMore
            }
            None => Parsed::TooLong(start),
        }
    }

    /// Reads a start line without its line break.
    pub fn start<'a>(&self, line: &'a [u8]) -> Option<Start<'a>> {
        let mut versions = self.versions.iter().map(|v| v.as_bytes());
        let answers = versions.any(|version| {
            line.strip_prefix(version).is_some_and(|rest| {
                matches!(rest, [b' ', a, b, c, ..] if [a, b, c].iter().all(|d| d.is_ascii_digit()))
            })
        });
        if answers {
            return Some(Start::Answer);
        }
        // Versions that do not exist, and white space where it does not belong, are the sender's faults.
        let line = line.trim_ascii();
        let version = line.iter().rposition(u8::is_ascii_whitespace)?;
        let (line, version) = line.split_at_checked(version)?;
        let name = self.versions.first()?.split('/').next()?.as_bytes();
        let (said, digits) = version.trim_ascii().split_at_checked(name.len())?;
        if !said.eq_ignore_ascii_case(name)
            || !matches!(digits, [b'/', d, ..] if d.is_ascii_digit())
        {
            return None;
        }
        self.request_line(line)
    }

    /// A request line up to its version.
    fn request_line<'a>(&self, line: &'a [u8]) -> Option<Start<'a>> {
        let at = line.iter().position(u8::is_ascii_whitespace)?;
        let (method, target) = line.split_at_checked(at)?;
        let target = target.trim_ascii();
        let begins = |prefix: &&str| {
            target
                .get(..prefix.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(prefix.as_bytes()))
        };
        let sound = (1..=METHOD_MAX).contains(&method.len())
            && method.iter().all(is_method_byte)
            && self.targets.iter().any(begins);
        sound.then_some(Start::Request(target))
    }

    /// The request of a start line that does not end within the bound, if its target is one that nothing else writes.
    fn endless<'a>(&self, bytes: &'a [u8]) -> Option<Start<'a>> {
        let line = bytes.get(..LINE_MAX)?;
        self.request_line(line)
            .filter(|start| matches!(start, Start::Request(target) if *target != b"*"))
    }

    /// Whether a start line without its end may become one of this dialect.
    fn may_become(&self, bytes: &[u8]) -> bool {
        let agrees = |start: &str| {
            let common = start.len().min(bytes.len());
            bytes.get(..common) == start.as_bytes().get(..common)
        };
        if self.versions.iter().any(|version| agrees(version)) {
            return true;
        }
        let at = bytes.iter().position(u8::is_ascii_whitespace);
        let (method, rest) = bytes
            .split_at_checked(at.unwrap_or(bytes.len()))
            .unwrap_or_default();
        let target = rest.trim_ascii_start();
        let begins = |prefix: &&str| {
            let common = prefix.len().min(target.len());
            let (target, prefix) = (target.get(..common), prefix.as_bytes().get(..common));
            matches!((target, prefix), (Some(t), Some(p)) if t.eq_ignore_ascii_case(p))
        };
        method.len() <= METHOD_MAX
            && method.iter().all(is_method_byte)
            && self.targets.iter().any(begins)
    }

    /// Where the next start line begins behind bytes that are none.
    fn next_message(&self, bytes: &[u8]) -> Option<usize> {
        let mut at = 0usize;
        for line in bytes.split_inclusive(|b| *b == b'\n') {
            let whole = line.strip_suffix(b"\n");
            let whole = whole.map(|line| line.strip_suffix(b"\r").unwrap_or(line));
            if at > 0 && whole.is_some_and(|line| self.start(line).is_some()) {
                return Some(at);
            }
            at = at.saturating_add(line.len());
        }
        None
    }

    fn body(&self, head: &[u8]) -> Option<u64> {
        head.split(|b| *b == b'\n').skip(1).find_map(|line| {
            let colon = line.iter().position(|b| *b == b':')?;
            let (name, value) = line.split_at_checked(colon)?;
            let name = name.trim_ascii();
            let known = self
                .length
                .iter()
                .any(|known| name.eq_ignore_ascii_case(known.as_bytes()));
            let digits = std::str::from_utf8(value.get(1..)?).ok()?.trim();
            // `parse` also takes a sign.
            (known && digits.bytes().all(|b| b.is_ascii_digit()))
                .then(|| digits.parse().ok())
                .flatten()
        })
    }
}

/// The first line without its line break, if it has one within the bound.
fn line(bytes: &[u8]) -> Option<&[u8]> {
    let window = bytes.get(..LINE_MAX).unwrap_or(bytes);
    let end = memchr::memchr(b'\n', window)?;
    looks_at(end);
    let line = window.get(..end)?;
    Some(line.strip_suffix(b"\r").unwrap_or(line))
}

fn is_method_byte(byte: &u8) -> bool {
    byte.is_ascii_alphabetic() || *byte == b'_'
}

/// What is no message among answers costs them only: those who ask are read on.
pub(super) fn of_answers(step: Step, answers: bool) -> Step {
    match step {
        Step::Handover(_) if answers => Step::DoneHere,
        step => step,
    }
}

/// Goes over one message of a stream: its start line is handed to `start`, its fields and its body
/// are passed over.
pub(super) fn message(
    dialect: &Dialect,
    (bytes, search): (&[u8], &mut Search),
    sink: &mut Sink<'_>,
    mut start: impl FnMut(Start<'_>, &mut Sink<'_>),
) -> Step {
    match dialect.head_on(bytes, search) {
        Parsed::Head(head) => {
            start(head.start, sink);
            Step::Skip((head.len as u64).saturating_add(head.body.unwrap_or(0)))
        }
        Parsed::NeedMore => Step::More,
        Parsed::TooLong(line) => {
            start(line, sink);
            sink.over(ReadingCause::RequestHeadLong);
            // The rest of it is nobody's; the next message is found.
            Step::Consumed(bytes.len())
        }
        // The next message behind it, or another protocol.
        Parsed::Other => dialect
            .next_message(bytes)
            .map_or(Step::Handover(0), Step::Consumed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::dissect::http1;
    use crate::observe::dissect::wire::test_bytes::Noise;

    #[test]
    fn each_text_protocol_is_its_own() {
        for (text, rtsp, sip) in [
            (
                "DESCRIBE rtsp://192.168.2.1:8554/live RTSP/1.0\r\n",
                true,
                false,
            ),
            ("OPTIONS * RTSP/2.0\r\n", true, false),
            ("RTSP/1.0 200 OK\r\n", true, false),
            (
                "REGISTER sip:ss2.biloxi.example.com SIP/2.0\r\n",
                false,
                true,
            ),
            (
                "INVITE SIPS:bob@biloxi.example.com;user=phone SIP/2.0\r\n",
                false,
                true,
            ),
            ("SIP/2.0 401 Unauthorized\r\n", false, true),
            ("OPTIONS * HTTP/1.1\r\n", false, false),
            ("GET rtsp://a.example/ HTTP/1.1\r\n", false, false),
            ("NOTIFY * HTTP/1.1\r\n", false, false),
            ("DESCRIBE /live RTSP/1.0\r\n", false, false),
            ("SIP/2.0 OK\r\n", false, false),
            ("describe rtsp://a.example/ RTSP/1.1 \r\n", true, false),
            ("PRI * HTTP/2.0\r\n", false, false),
        ] {
            let fits = |dialect: &Dialect, bytes: &[u8]| dialect.fit(bytes);
            let mine = |is| if is { Fit::Mine } else { Fit::NotMine };
            assert_eq!(fits(&RTSP, text.as_bytes()), mine(rtsp), "{text}");
            assert_eq!(fits(&SIP, text.as_bytes()), mine(sip), "{text}");
            if rtsp || sip {
                let dialect = if rtsp { &RTSP } else { &SIP };
                for cut in 0..text.len() - 1 {
                    assert_eq!(
                        fits(dialect, &text.as_bytes()[..cut]),
                        Fit::NeedMore,
                        "{text} {cut}"
                    );
                }
                assert_eq!(http1::fit(text.as_bytes()), Fit::NotMine, "{text}");
            }
        }
    }

    #[test]
    fn heads_end_where_they_say() {
        let text =
            b"ANNOUNCE rtsp://a.example/x y RTSP/1.0\r\nCSeq: 2\r\ncontent-length : 12\r\n\r\nv=0";
        let head = Head {
            start: Start::Request(b"rtsp://a.example/x y"),
            body: Some(12),
            len: text.len() - 3,
        };
        assert_eq!(RTSP.head(text), Parsed::Head(head));
        assert_eq!(RTSP.head(&text[..text.len() - 5]), Parsed::NeedMore);
        assert_eq!(SIP.head(text), Parsed::Other);
        let compact = b"SIP/2.0 200 OK\nl: 7\n\n";
        let head = Head {
            start: Start::Answer,
            body: Some(7),
            len: compact.len(),
        };
        assert_eq!(SIP.head(compact), Parsed::Head(head));
        let endless = [&b"OPTIONS * RTSP/1.0\r\nX: "[..], &[b'y'; HEAD_MAX]].concat();
        assert_eq!(RTSP.head(&endless), Parsed::TooLong(Start::Request(b"*")));
        let mut noise = Noise(21);
        for _ in 0..20_000 {
            let damaged = noise.damage(text);
            RTSP.head(&damaged);
            SIP.head(&damaged);
            assert_ne!(SIP.fit(&noise.bytes(64)), Fit::Mine);
        }
    }
}
