//! TLS records, and the handshake messages that lie across them.
//!
//! RFC 8446 §5.1 and §5.2 (record form and bounds), RFC 5246 §6.2 (older versions), GB/T 38636-2020 (TLCP: version 0x0101, otherwise the
//! same form), RFC 8446 §4 (handshake messages). Records are recognised in clear and encrypted streams alike, since their headers
//! stay in clear. A handshake message may span records, and one record may hold several messages; both levels are put
//! together by [`Handshakes`], whose memory is bounded. SSLv2 hellos are not recognised: they carry no name.

use crate::observe::dissect::wire::{Fit, Reader};

/// Bytes of a record header.
pub const HEADER_LEN: usize = 5;
/// Longest fragment: 2^14 and what encryption may add, 2048 bytes before TLS 1.3 (RFC 5246 §6.2.3).
pub const FRAGMENT_MAX: usize = (1 << 14) + 2048;
/// Longest handshake message kept. Real hellos take 2 kB and certificate chains 3 to 16 kB; browsers refuse chains beyond 128 kB or less.
pub const MESSAGE_MAX: usize = 128 * 1024;

/// Record content types (IANA "TLS ContentType").
pub mod content_type {
    /// Keys change from here on.
    pub const CHANGE_CIPHER_SPEC: u8 = 20;
    /// Handshake.
    pub const HANDSHAKE: u8 = 22;
    /// Application data; in TLS 1.3 every encrypted record.
    pub const APPLICATION_DATA: u8 = 23;
    /// Heartbeat (RFC 6520).
    pub const HEARTBEAT: u8 = 24;
}

/// Handshake message types (IANA "TLS HandshakeType").
pub mod handshake_type {
    /// ClientHello.
    pub const CLIENT_HELLO: u8 = 1;
    /// ServerHello, and HelloRetryRequest in TLS 1.3.
    pub const SERVER_HELLO: u8 = 2;
    /// Certificate.
    pub const CERTIFICATE: u8 = 11;
    /// Finished: the end of a handshake.
    pub const FINISHED: u8 = 20;
    /// CompressedCertificate (RFC 8879), which stands for Certificate.
    pub const COMPRESSED_CERTIFICATE: u8 = 25;
}

/// One record, or the part of it that is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record<'a> {
    /// See [`content_type`].
    pub content_type: u8,
    /// Version in the record header; says little (RFC 8446 §5.1).
    pub version: u16,
    /// Fragment length that the header declares.
    pub length: usize,
    /// The fragment, as far as it is there.
    pub fragment: &'a [u8],
}

impl Record<'_> {
    /// True if the whole fragment is there.
    pub fn is_whole(&self) -> bool {
        self.fragment.len() == self.length
    }
}

/// The next step through a run of records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next<'a> {
    /// A record whose fragment may still be growing, see [`Record::is_whole`].
    Record(Record<'a>),
    /// The header is not whole yet.
    NeedMore,
    /// These bytes are no record.
    Broken,
}

/// Reads the record at the start of `bytes`.
pub fn next(bytes: &[u8]) -> Next<'_> {
    match fit_header(bytes) {
        Fit::NotMine => return Next::Broken,
        Fit::NeedMore => return Next::NeedMore,
        Fit::Mine => {}
    }
    let mut reader = Reader::new(bytes);
    let (Some(content_type), Some(version), Some(length)) =
        (reader.u8(), reader.u16(), reader.u16())
    else {
        return Next::NeedMore;
    };
    let length = usize::from(length);
    let rest = reader.rest();
    let fragment = rest.get(..length).unwrap_or(rest);
    Next::Record(Record {
        content_type,
        version,
        length,
        fragment,
    })
}

/// Whether a stream that starts with `prefix`, or goes on with it, is TLS: its record headers, as many as are there, must all hold.
pub fn fit(prefix: &[u8]) -> Fit {
    /// Headers looked at; one proves little, four leave no doubt.
    const HEADERS: usize = 4;
    let mut rest = prefix;
    for seen in 0..HEADERS {
        if rest.is_empty() && seen > 0 {
            break;
        }
        match fit_header(rest) {
            // A header that the segment cuts does not unsay those before it.
            Fit::NeedMore => return if seen > 0 { Fit::Mine } else { Fit::NeedMore },
            Fit::NotMine => return Fit::NotMine,
            Fit::Mine => {}
        }
        let Next::Record(record) = next(rest) else {
            return Fit::NotMine;
        };
        match rest.get(HEADER_LEN.saturating_add(record.length)..) {
            Some(behind) => rest = behind,
            None => break,
        }
    }
    Fit::Mine
}

/// Bytes that may stand in front of a hello: an address or a name of 255 bytes, a key, an id, and what they need.
const BEFORE_HELLO_MAX: usize = 512;

/// Behind how many bytes of another kind a ClientHello begins (RFC 8446 §4.1.2): what is here of it must hold, up to the cipher suites.
/// Chance writes that once in 2⁴⁸ places.
pub fn hello_behind(bytes: &[u8]) -> Option<usize> {
    let front = bytes.get(..BEFORE_HELLO_MAX).unwrap_or(bytes);
    memchr::memchr_iter(content_type::HANDSHAKE, front)
        .filter(|at| *at > 0)
        .find(|at| bytes.get(*at..).is_some_and(begins_hello))
}

fn begins_hello(bytes: &[u8]) -> bool {
    /// A record header, message type and length, a version, a random: then comes the length of the session id.
    const SESSION_ID: usize = HEADER_LEN + 4 + 2 + 32;
    let [
        content_type::HANDSHAKE,
        3,
        0..=4,
        _,
        _,
        1,
        0,
        high,
        low,
        3,
        0..=4,
        ..,
    ] = bytes
    else {
        return false;
    };
    let message = usize::from(u16::from_be_bytes([*high, *low]));
    let Some(session) = bytes.get(SESSION_ID).map(|n| usize::from(*n)) else {
        return false;
    };
    let suites = SESSION_ID.saturating_add(1).saturating_add(session);
    let Some([high, low]) = bytes.get(suites..).and_then(|rest| rest.first_chunk::<2>()) else {
        return false;
    };
    let suites = usize::from(u16::from_be_bytes([*high, *low]));
    session <= 32 && suites > 0 && suites.is_multiple_of(2) && suites < message
}

/// Where a record begins again in bytes of which those before are missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Again {
    /// Here, behind so many bytes.
    At(usize),
    /// Not in so many bytes; what is behind them may be one.
    NotBefore(usize),
}

/// Looks for a record with this version, 0 for any: a header, and behind the fragment another one or the end of what is here. One byte in a million of what
/// is encrypted looks like a header, and of those one in a million has another one behind it.
pub fn again(bytes: &[u8], version: u16) -> Again {
    let [high, low] = version.to_be_bytes();
    let is_header = |bytes: &[u8]| match bytes {
        [_, first, second, ..] if version > 0 && (*first != high || *second != low) => Fit::NotMine,
        _ => fit_header(bytes),
    };
    for (at, kind) in bytes.iter().enumerate() {
        if !(content_type::CHANGE_CIPHER_SPEC..=content_type::APPLICATION_DATA).contains(kind) {
            continue;
        }
        let rest = bytes.get(at..).unwrap_or_default();
        match is_header(rest) {
            Fit::NotMine => continue,
            Fit::NeedMore => return Again::NotBefore(at),
            Fit::Mine => {}
        }
        let Next::Record(record) = next(rest) else {
            continue;
        };
        let behind = rest.get(HEADER_LEN.saturating_add(record.length)..);
        match behind.map(|behind| (behind, is_header(behind))) {
            Some(([], _) | (_, Fit::Mine)) => return Again::At(at),
            Some((_, Fit::NotMine)) => {}
            Some((_, Fit::NeedMore)) | None => return Again::NotBefore(at),
        }
    }
    Again::NotBefore(bytes.len())
}

fn fit_header(bytes: &[u8]) -> Fit {
    let holds = [
        |_: &[u8], byte: u8| {
            (content_type::CHANGE_CIPHER_SPEC..=content_type::HEARTBEAT).contains(&byte)
        },
        |_: &[u8], byte: u8| matches!(byte, 1 | 3),
        |bytes: &[u8], byte: u8| match bytes.get(1) {
            Some(1) => byte == 1,
            _ => byte <= 4,
        },
        |_: &[u8], byte: u8| usize::from(byte) << 8 <= FRAGMENT_MAX,
        |bytes: &[u8], byte: u8| {
            let high = bytes.get(3).copied().unwrap_or_default();
            let length = usize::from(u16::from_be_bytes([high, byte]));
            // Only application data may be empty (RFC 8446 §5.1).
            let may_be_empty = bytes.first() == Some(&content_type::APPLICATION_DATA);
            length <= FRAGMENT_MAX && (length > 0 || may_be_empty)
        },
    ];
    for (at, check) in holds.iter().enumerate() {
        match bytes.get(at) {
            None => return Fit::NeedMore,
            Some(&byte) if !check(bytes, byte) => return Fit::NotMine,
            Some(_) => {}
        }
    }
    Fit::Mine
}

/// Walks the whole records at the start of a slice.
#[cfg(test)]
#[derive(Debug, Clone)]
pub struct Records<'a> {
    rest: &'a [u8],
    broken: bool,
}

#[cfg(test)]
impl<'a> Records<'a> {
    /// Starts at the first byte.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self {
            rest: bytes,
            broken: false,
        }
    }

    /// The bytes behind the last whole record.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// True if the walk ended at bytes that are no record.
    pub fn is_broken(&self) -> bool {
        self.broken
    }
}

#[cfg(test)]
impl<'a> Iterator for Records<'a> {
    type Item = Record<'a>;

    fn next(&mut self) -> Option<Record<'a>> {
        match next(self.rest) {
            Next::Record(record) if record.is_whole() => {
                self.rest = self.rest.get(HEADER_LEN.saturating_add(record.length)..)?;
                Some(record)
            }
            Next::Record(_) | Next::NeedMore => None,
            Next::Broken => {
                self.broken = true;
                None
            }
        }
    }
}

/// One handshake message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandshakeMessage {
    /// See [`handshake_type`].
    pub kind: u8,
    /// The body, without the four bytes of type and length.
    pub body: Vec<u8>,
}

/// A handshake message declares more than [`MESSAGE_MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Oversized;

/// Puts the handshake messages of one direction together from the fragments of its handshake records.
///
/// The owner feeds it plaintext handshake fragments in order and stops at the first change-cipher-spec or application-data record.
#[derive(Debug, Clone, Default)]
pub struct Handshakes {
    buffer: Vec<u8>,
    /// Bytes at the front of `buffer` that were taken.
    taken: usize,
}

/// Type and three-byte length.
const MESSAGE_HEADER_LEN: usize = 4;

impl Handshakes {
    /// Adds a fragment. Drain with [`pop`](Self::pop) after each: the memory held stays under one message and two fragments.
    /// Once a message is oversized nothing more is taken.
    pub fn push(&mut self, fragment: &[u8]) -> Result<(), Oversized> {
        self.check()?;
        self.buffer.drain(..self.taken.min(self.buffer.len()));
        self.taken = 0;
        self.buffer.extend_from_slice(fragment);
        self.check()
    }

    fn check(&self) -> Result<(), Oversized> {
        match self.header() {
            Some((_, length)) if length > MESSAGE_MAX => Err(Oversized),
            _ => Ok(()),
        }
    }

    /// Takes the next whole message. An oversized one behind it is reported by the next [`push`](Self::push).
    pub fn pop(&mut self) -> Option<HandshakeMessage> {
        let (kind, length) = self.header()?;
        let body = self
            .waiting()
            .get(MESSAGE_HEADER_LEN..)?
            .get(..length)?
            .to_vec();
        self.taken = self
            .taken
            .checked_add(MESSAGE_HEADER_LEN)?
            .checked_add(length)?;
        Some(HandshakeMessage { kind, body })
    }

    /// Bytes still missing from the message under way; 0 between messages.
    #[cfg(test)]
    pub fn missing(&self) -> usize {
        let there = self.waiting().len();
        match self.header() {
            Some((_, length)) => MESSAGE_HEADER_LEN
                .saturating_add(length)
                .saturating_sub(there),
            None if there == 0 => 0,
            None => MESSAGE_HEADER_LEN.saturating_sub(there),
        }
    }

    /// Type and first bytes of the body of a message whose end has not come: enough to read what a cut hello shows.
    pub fn unfinished(&self) -> Option<(u8, &[u8])> {
        let (kind, length) = self.header()?;
        let there = self.waiting().get(MESSAGE_HEADER_LEN..)?;
        (there.len() < length).then_some((kind, there))
    }

    fn waiting(&self) -> &[u8] {
        self.buffer.get(self.taken..).unwrap_or_default()
    }

    fn header(&self) -> Option<(u8, usize)> {
        let mut reader = Reader::new(self.waiting());
        let kind = reader.u8()?;
        let length = usize::try_from(reader.u24()?).ok()?;
        Some((kind, length))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::dissect::conversation::Conversation;
    use crate::observe::dissect::tls::tests::hello;
    use crate::observe::dissect::wire::test_bytes::Noise;

    #[test]
    fn a_hello_behind_what_a_relay_asks_for_first_is_read() {
        let name = [&[3, 9][..], b"a.example", &[1, 0xbb]].concat();
        let long = vec![0xab; BEFORE_HELLO_MAX - 1];
        for before in [&[1, 8, 8, 8, 8, 1, 0xbb][..], &name, &long] {
            let hello = hello("b.example");
            let bytes = [before, &hello].concat();
            assert_eq!(hello_behind(&bytes), Some(before.len()));
            let mut talk = Conversation::tcp("192.168.2.254:8388");
            talk.say(&bytes[..before.len() + 60]);
            talk.say(&bytes[before.len() + 60..]);
            let names: Vec<String> = talk.names().into_iter().map(|(n, _)| n).collect();
            assert_eq!(names, ["b.example"], "behind {}", before.len());
            // What is sent to our side is a file, perhaps, and names nobody whom it asks for.
            let mut talk = Conversation::tcp("192.168.2.254:8388");
            talk.say(b"\x01");
            talk.hear(&bytes);
            assert_eq!(talk.names(), []);
        }
    }

    #[test]
    fn nothing_else_is_a_hello() {
        let mut noise = Noise(3);
        for n in 0..20_000u32 {
            let mut bytes = noise.bytes(300);
            // As far as chance goes in a gigabyte.
            bytes[60..63].copy_from_slice(&[22, 3, 1]);
            if n % 2 == 0 {
                bytes[65] = 1;
                bytes[66] = 0;
            }
            assert_eq!(hello_behind(&bytes), None);
        }
        let hello = hello("b.example");
        assert_eq!(hello_behind(&hello), None, "it begins at once");
        let far = [&vec![0xab; BEFORE_HELLO_MAX][..], &hello].concat();
        assert_eq!(hello_behind(&far), None);
    }

    fn record(content_type: u8, fragment: &[u8]) -> Vec<u8> {
        let mut bytes = vec![content_type, 3, 3];
        bytes.extend(u16::try_from(fragment.len()).unwrap().to_be_bytes());
        bytes.extend(fragment);
        bytes
    }

    #[test]
    fn messages_are_put_together_from_any_cutting() {
        let mut flight = vec![2, 0, 0, 3, 0xaa, 0xbb, 0xcc, 14, 0, 0, 0, 11, 0, 1, 0];
        flight.extend([0x55; 256]);
        for size in [1, 2, 3, 7, 64, flight.len()] {
            let stream: Vec<u8> = flight
                .chunks(size)
                .flat_map(|c| record(content_type::HANDSHAKE, c))
                .collect();
            assert_eq!(fit(&stream), Fit::Mine);
            let mut records = Records::new(&stream);
            let mut handshakes = Handshakes::default();
            let mut messages = Vec::new();
            for record in records.by_ref() {
                handshakes.push(record.fragment).unwrap();
                messages.extend(std::iter::from_fn(|| handshakes.pop()));
            }
            assert!(records.rest().is_empty() && !records.is_broken());
            assert_eq!(handshakes.missing(), 0);
            let shapes: Vec<_> = messages.iter().map(|m| (m.kind, m.body.len())).collect();
            assert_eq!(shapes, [(2, 3), (14, 0), (11, 256)], "records of {size}");
        }
    }

    #[test]
    fn a_message_under_way_says_what_is_missing_and_shows_what_is_there() {
        let mut handshakes = Handshakes::default();
        handshakes.push(&[1, 0]).unwrap();
        assert_eq!(handshakes.missing(), 2);
        handshakes.push(&[0, 9, 1, 2]).unwrap();
        assert_eq!(handshakes.missing(), 7);
        assert_eq!(handshakes.unfinished(), Some((1, &[1u8, 2][..])));
        assert_eq!(handshakes.pop(), None);
        assert_eq!(
            Handshakes::default().push(&[1, 0xff, 0xff, 0xff]),
            Err(Oversized)
        );
    }

    #[test]
    fn record_bounds_hold_for_every_prefix() {
        let good = record(content_type::HANDSHAKE, &[1, 0, 0, 0]);
        for cut in 0..HEADER_LEN {
            assert_eq!(fit(&good[..cut]), Fit::NeedMore);
            assert_eq!(next(&good[..cut]), Next::NeedMore);
        }
        for cut in HEADER_LEN..=good.len() {
            assert_eq!(fit(&good[..cut]), Fit::Mine);
        }
        assert_eq!(fit(&[22, 1, 1, 0, 4]), Fit::Mine, "TLCP");
        assert_eq!(fit(&[23, 3, 3, 0, 0]), Fit::Mine, "empty application data");
        for bad in [
            &b"GET / HTTP"[..],
            &[22, 3, 3, 0, 0],
            &[22, 3, 5],
            &[25, 3],
            &[23, 3, 3, 0x48, 1],
            &[22, 1, 3],
            &[22, 2],
        ] {
            assert_eq!(fit(bad), Fit::NotMine, "{bad:?}");
        }
        // The second header must hold as well.
        assert_eq!(
            fit(&[&record(21, &[1, 0])[..], b"SSH-2.0"].concat()),
            Fit::NotMine
        );
        let mut records = Records::new(b"\x15\x03\x03\x00\x02\x01\x00SSH");
        assert_eq!(records.by_ref().count(), 1);
        assert!(records.is_broken());
    }
}
