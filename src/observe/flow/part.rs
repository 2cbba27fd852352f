//! What the bytes of a stream are, for those who look into payloads.
//!
//! The session that reads a direction frames it: it labels what it passes over as head, body, or marks of the framing. Labels lie over
//! numbers of bytes, not over bytes that are at hand, so that a body is labelled once by its head, however it comes. What has no label and
//! was passed over is payload that nobody frames. Whoever looks into payloads recognises nothing by itself.

use crate::evidence::flow::Side;
use crate::ground::moment::Moment;

/// Where a body stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In a request of HTTP.
    HttpBody,
    /// In an MQTT publication.
    Mqtt,
}

/// From here on numbers are of no stream (RFC 9113 §5.1.1: 31 bits): what stands beside the messages of a connection.
const BESIDE: u32 = 1 << 31;

/// How a body is coded (RFC 9110 §8.4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Coding {
    /// As it is.
    #[default]
    Plain,
    /// gzip.
    Gzip,
    /// zlib, or deflate without its frame: programs disagree.
    Deflate,
    /// Deflate without a frame.
    Raw,
    /// Another one, or several: not opened.
    Other,
}

impl Coding {
    /// The value of a Content-Encoding field.
    pub fn of(value: &[u8]) -> Self {
        let is = |name: &str| value.trim_ascii().eq_ignore_ascii_case(name.as_bytes());
        match () {
            () if is("") || is("identity") => Self::Plain,
            () if is("gzip") || is("x-gzip") => Self::Gzip,
            () if is("deflate") => Self::Deflate,
            () => Self::Other,
        }
    }

    /// The coding by all Content-Encoding fields of a head.
    pub fn of_all<'v>(values: impl Iterator<Item = &'v [u8]>) -> Self {
        values.fold(Self::Plain, |found, value| match found {
            Self::Plain => Self::of(value),
            _ => Self::Other,
        })
    }
}

/// The payload of a masked frame (RFC 6455 §5.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Masked {
    /// The mask.
    pub key: [u8; 4],
    /// It is no part of a message: a ping, or the reason to close.
    pub control: bool,
    /// It begins a message, and whether that one is compressed (RFC 7692 §6).
    pub begins: Option<bool>,
    /// It ends a message.
    pub ends: bool,
}

/// A header block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fields {
    /// What it says: a line for each field.
    pub text: Vec<u8>,
    /// Length of all that it says: more than the text where that is too much.
    pub total: u64,
    /// Bytes of it that belong to the framing.
    pub marks: usize,
    /// Bytes of it that are neither, and are read by nobody.
    pub unread: usize,
    /// The stream that it belongs to.
    pub stream: u32,
    /// How the body of the stream is coded.
    pub coding: Coding,
    /// Nothing follows in the stream.
    pub last: bool,
}

/// What came out of a sealed message.
#[derive(Clone, PartialEq, Eq)]
pub struct Opened {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// Bytes of the message in front of what is sealed in it.
    pub front: usize,
    /// Number of the first byte in the stream inside.
    pub number: u32,
    /// Bytes of the stream inside are missing before it.
    pub torn: bool,
    /// What the bytes of the stream inside are.
    pub labels: Vec<Label>,
    /// Number of its first byte of which it is not known yet what it is; nobody will say if there is none.
    pub undecided: Option<u32>,
}

impl std::fmt::Debug for Opened {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} bytes from {}", self.bytes.len(), self.number)
    }
}

/// What a session says of bytes that it passes over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// Nothing behind this can be read.
    Sealed,
    /// A message that cannot be read.
    Closed,
    /// A sealed message that was opened.
    Opened(Box<Opened>),
    /// Marks of the framing: lengths, flags, numbers of the protocol.
    Marks,
    /// Bytes that have to be zero.
    Padding,
    /// A whole packet with a login, behind a header of so many bytes.
    Login {
        /// The length of the header.
        header: usize,
    },
    /// Texts in a frame of lengths and flags, which is read to the last byte; behind a header of so many bytes.
    Frame {
        /// The length of the header.
        header: usize,
    },
    /// A message of DNS that looks up and holds nothing else; behind a header of so many bytes.
    Lookup {
        /// The length of the header.
        header: usize,
    },
    /// The head of a request, its URL in the first line.
    Head,
    /// The beginning of a head whose end is missing.
    Beginning,
    /// A header block that had to be decoded.
    Fields(Box<Fields>),
    /// What a message holds, or some of it.
    Body {
        /// Where it stands.
        place: Place,
        /// Of several that come at a time, which one.
        stream: u32,
        /// How it is coded.
        coding: Coding,
        /// Nothing of it follows.
        last: bool,
    },
    /// What a masked frame holds.
    Masked(Masked),
}

impl Part {
    /// What stands beside the messages: text that a protocol lets programs add, or what no version of it knows. Pieces of one `kind` go on
    /// in each other until the last.
    pub fn beside(kind: u8, last: bool) -> Self {
        Self::Body {
            place: Place::HttpBody,
            stream: BESIDE | u32::from(kind),
            coding: Coding::Plain,
            last,
        }
    }

    /// True if it says something by its end alone, whatever it holds.
    pub fn is_end(&self) -> bool {
        matches!(self, Self::Body { last: true, .. } | Self::Masked(_))
    }

    /// True if it is looked at as a whole.
    pub fn is_whole(&self) -> bool {
        matches!(
            self,
            Self::Login { .. }
                | Self::Frame { .. }
                | Self::Lookup { .. }
                | Self::Head
                | Self::Beginning
                | Self::Fields(_)
                | Self::Opened(_)
        )
    }
}

/// What the bytes of a direction are from one place on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// Sequence number of the first byte.
    pub from: u32,
    /// How many bytes, those that are not here yet included. Of none it only says that something is over.
    pub length: u64,
    /// What they are.
    pub part: Part,
}

/// When bytes came: the packet, and its interval.
pub type When = (Moment, u32);

/// What came out of a sealed datagram.
#[derive(Debug, Default)]
pub struct Lent {
    /// Bytes of the datagram that are marks of its protocol.
    pub marks: u64,
    /// Bytes of streams.
    pub streams: Vec<Loan>,
}

/// Bytes of a stream in a connection of many.
#[derive(Debug)]
pub struct Loan {
    /// Who sent them.
    pub side: Side,
    /// Connection and stream.
    pub stream: (u64, u64),
    /// Number of the first byte of the stream that this flow brings.
    pub begin: u32,
    /// Number of the first byte.
    pub number: u32,
    /// The bytes.
    pub bytes: Vec<u8>,
    /// What bytes of the stream are.
    pub labels: Vec<Label>,
    /// Number of its first byte of which it is not known yet what it is; nobody will say if there is none.
    pub undecided: Option<u32>,
    /// All of the stream is there.
    pub over: bool,
}
