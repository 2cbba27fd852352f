//! What the bytes of a stream are to the session that passes over them, for those who look into payloads.
//!
//! A session that has said all names of a direction can go on as its framer ([`Step::Frames`]): whatever it passes over from then on is
//! lent, in order and with the packets it came in, as a part of a message or as bytes that it cannot frame. Whoever looks into payloads
//! then puts nothing in order and recognises nothing by itself.
//!
//! [`Step::Frames`]: crate::observe::dissect::Step::Frames

use crate::ground::moment::Moment;

/// What a session says of the bytes that it passes over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Part {
    /// Bytes of no message that it knows.
    #[default]
    Unframed,
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
    /// What a message holds, as far as it is here.
    Body {
        /// Nothing of it follows.
        last: bool,
    },
}

/// When bytes came: the packet, and its interval.
pub type When = (Moment, u32);

/// Bytes with the packets that brought them, in order.
#[derive(Debug, Clone, Copy)]
pub struct Pieces<'b> {
    bytes: &'b [u8],
    /// How many bytes of the stream were forgotten before.
    from: usize,
    marks: &'b [Mark],
}

/// Where the share of a packet ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) end: usize,
    pub(super) when: When,
}

impl<'b> Pieces<'b> {
    pub(super) fn new(bytes: &'b [u8], from: usize, marks: &'b [Mark]) -> Self {
        Self { bytes, from, marks }
    }

    /// All the bytes.
    pub fn bytes(&self) -> &'b [u8] {
        self.bytes
    }

    /// The bytes of each packet.
    pub fn iter(&self) -> impl Iterator<Item = (&'b [u8], When)> + use<'b> {
        let (bytes, from, marks) = (self.bytes, self.from, self.marks);
        let first = marks.partition_point(|mark| mark.end <= from);
        let mut at = 0usize;
        let marks = marks.get(first..).unwrap_or_default().iter();
        marks.filter_map(move |mark| {
            let end = mark.end.saturating_sub(from).min(bytes.len());
            let piece = bytes.get(at..end).filter(|piece| !piece.is_empty())?;
            at = end;
            Some((piece, mark.when))
        })
    }
}
