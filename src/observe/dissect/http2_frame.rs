//! HTTP/2 frames (RFC 9113 §4, §6): their headers, and the header blocks that HEADERS and CONTINUATION carry.
//!
//! A block is put together from one HEADERS frame and the CONTINUATION frames behind it, padding and priority left out (§6.2,
//! §6.10). Other frames are passed over by their length. What a block says is [`hpack`](super::hpack)'s to read.

use crate::observe::dissect::wire::Reader;

/// Bytes of a frame header (§4.1).
pub const HEADER_LEN: usize = 9;
/// Longest header block read, frame headers included: as long as a head of HTTP/1 may be.
pub const BLOCK_MAX: usize = super::http1::HEAD_MAX;

/// Frame types (§6).
pub mod frame_type {
    /// The body of a request.
    pub const DATA: u8 = 0;
    /// Header fields of a request, and trailers.
    pub const HEADERS: u8 = 1;
    pub(super) const PRIORITY: u8 = 2;
    pub(super) const RST_STREAM: u8 = 3;
    /// Parameters of the connection.
    pub const SETTINGS: u8 = 4;
    /// Eight bytes that come back.
    pub const PING: u8 = 6;
    pub(super) const GOAWAY: u8 = 7;
    pub(super) const WINDOW_UPDATE: u8 = 8;
    pub(super) const PRIORITY_UPDATE: u8 = 16;
    /// More of a header block.
    pub const CONTINUATION: u8 = 9;
}

/// Flags of DATA, HEADERS and CONTINUATION.
mod flag {
    pub(super) const END_STREAM: u8 = 0x01;
    pub(super) const END_HEADERS: u8 = 0x04;
    pub(super) const PADDED: u8 = 0x08;
    pub(super) const PRIORITY: u8 = 0x20;
}

/// A frame header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame {
    /// Bytes behind the header.
    pub length: usize,
    /// See [`frame_type`].
    pub kind: u8,
    flags: u8,
    /// The stream that it belongs to.
    pub stream: u32,
}

impl Frame {
    /// Reads the header at the start of `bytes`; `None` if it is not whole.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(bytes);
        Some(Self {
            length: usize::try_from(reader.u24()?).ok()?,
            kind: reader.u8()?,
            flags: reader.u8()?,
            stream: reader.u32()? & 0x7fff_ffff,
        })
    }

    /// Bytes of the frame with its header.
    pub fn total(&self) -> usize {
        HEADER_LEN.saturating_add(self.length)
    }

    /// True if nothing follows in the stream.
    pub fn ends_stream(&self) -> bool {
        matches!(self.kind, frame_type::DATA | frame_type::HEADERS)
            && self.flags & flag::END_STREAM != 0
    }

    /// Where in a frame of data at the start of `bytes` what it carries begins, and how long that is (§6.1); `None` if its padding is not
    /// known yet.
    pub fn data(&self, bytes: &[u8]) -> Option<(usize, usize)> {
        if self.flags & flag::PADDED == 0 || self.length == 0 {
            return Some((HEADER_LEN, self.length));
        }
        let padding = usize::from(*bytes.get(HEADER_LEN)?);
        let length = self.length.saturating_sub(1).saturating_sub(padding);
        Some((HEADER_LEN.saturating_add(1), length))
    }

    /// Bytes at the start of the frame, its header included, that are numbers of the protocol by its type (§6.3 to §6.9): of a type that is
    /// not known the header alone. What is behind them is text, or nobody knows what.
    pub fn numbers(&self) -> usize {
        let numbers = match (self.kind, self.length) {
            (frame_type::PRIORITY, 5) => 5,
            (frame_type::RST_STREAM | frame_type::WINDOW_UPDATE, 4) => 4,
            (frame_type::SETTINGS, length) if length % 6 == 0 => length,
            (frame_type::PING, 8) => 8,
            // The last stream and the reason; any text may follow.
            (frame_type::GOAWAY, 8..) => 8,
            // The stream whose priority it is (RFC 9218 §7.1).
            (frame_type::PRIORITY_UPDATE, 4..) => 4,
            // Of another length it is none of these.
            _ => 0,
        };
        HEADER_LEN.saturating_add(numbers)
    }

    /// The part of the header block in the frame at the start of `bytes`, as far as it is there; `None` if padding or priority
    /// do not fit in.
    fn fragment<'b>(&self, bytes: &'b [u8]) -> Option<&'b [u8]> {
        let there = bytes.len().min(self.total());
        let mut reader = Reader::new(bytes.get(HEADER_LEN..there).unwrap_or_default());
        let mut left = self.length;
        if self.kind == frame_type::HEADERS {
            if self.flags & flag::PADDED != 0 {
                let padding = reader.u8()?;
                left = left.checked_sub(1)?.checked_sub(usize::from(padding))?;
            }
            if self.flags & flag::PRIORITY != 0 {
                reader.take(5)?;
                left = left.checked_sub(5)?;
            }
        }
        let rest = reader.rest();
        Some(rest.get(..left).unwrap_or(rest))
    }
}

/// A header block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Block {
    /// The whole block, and the bytes of its frames.
    Whole(Vec<u8>, usize),
    /// Frames are missing.
    NeedMore,
    /// It is longer than [`BLOCK_MAX`].
    TooLong,
    /// The frames break the rules (§6.2, §6.10): a receiver ends the connection over it.
    Broken,
}

/// Reads the header block whose HEADERS frame begins at the start of `bytes`. `seen` is where the first frame begins that was not
/// whole the last time, 0 at first, so that a block in small pieces is not walked over and over.
pub fn block(bytes: &[u8], seen: &mut usize) -> Block {
    loop {
        let Some(frame) = bytes.get(*seen..).and_then(Frame::read) else {
            return Block::NeedMore;
        };
        let end = seen.saturating_add(frame.total());
        if !continues(bytes, *seen, &frame) {
            return Block::Broken;
        }
        if end > BLOCK_MAX {
            return Block::TooLong;
        }
        if end > bytes.len() {
            return Block::NeedMore;
        }
        *seen = end;
        if frame.flags & flag::END_HEADERS != 0 {
            *seen = 0;
            let whole = bytes.get(..end).unwrap_or(bytes);
            return gather(whole).map_or(Block::Broken, |block| Block::Whole(block, end));
        }
    }
}

/// Whether the frame belongs to the block at the start of `bytes`.
fn continues(bytes: &[u8], at: usize, frame: &Frame) -> bool {
    match at {
        0 => frame.kind == frame_type::HEADERS,
        _ => {
            frame.kind == frame_type::CONTINUATION
                && Frame::read(bytes).is_some_and(|first| first.stream == frame.stream)
        }
    }
}

/// Bytes of padding in the frames of a whole block that are not zero as they must be (§6.1): somebody's words.
pub fn stuffed(bytes: &[u8]) -> usize {
    let mut found = 0usize;
    let mut rest = bytes;
    while let Some(frame) = Frame::read(rest) {
        let (now, behind) = rest
            .split_at_checked(frame.total())
            .unwrap_or((rest, Default::default()));
        if frame.kind == frame_type::HEADERS && frame.flags & flag::PADDED != 0 {
            let length = now.get(HEADER_LEN).copied().map_or(0, usize::from);
            let padding = now.len().checked_sub(length).and_then(|at| now.get(at..));
            let padding = padding.unwrap_or_default();
            found = found.saturating_add(padding.iter().filter(|byte| **byte != 0).count());
        }
        rest = behind;
    }
    found
}

/// What there is of the block whose frames stand in `bytes`, the last of which may be cut.
pub fn gather(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut block = Vec::new();
    let mut rest = bytes;
    while let Some(frame) = Frame::read(rest) {
        block.extend_from_slice(frame.fragment(rest)?);
        rest = rest.get(frame.total()..).unwrap_or_default();
    }
    Some(block)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::dissect::wire::test_bytes::{Noise, hex};

    /// HEADERS with padding of three bytes and a priority, then two CONTINUATION frames, one of them empty.
    const FRAMES: &str = "00000b 01 28 00000001 03 80000003 10 8286 000000 \
        000000 09 00 00000001 000002 09 04 00000001 8441 000000 04 00 00000000";

    #[test]
    fn a_block_over_several_frames_comes_whole_or_not() {
        let bytes = hex(FRAMES);
        let whole = 9 + 11 + 9 + 11;
        assert_eq!(block(&bytes, &mut 0), Block::Whole(hex("82868441"), whole));
        let mut seen = 0;
        for cut in 0..whole {
            assert_eq!(block(&bytes[..cut], &mut seen), Block::NeedMore, "{cut}");
        }
        assert_eq!(seen, 9 + 11 + 9);
        assert_eq!(
            block(&bytes, &mut seen),
            Block::Whole(hex("82868441"), whole)
        );
        assert_eq!(seen, 0);
        // A connection that ended inside the first frame, and inside its padding.
        assert_eq!(gather(&bytes[..16]), Some(hex("82")));
        assert_eq!(gather(&bytes[..19]), Some(hex("8286")));
    }

    #[test]
    fn padding_that_says_something_is_counted() {
        let bytes = hex(FRAMES);
        assert_eq!(stuffed(&bytes[..40]), 0);
        let padded = "00000b 01 2c 00000001 03 80000003 10 8286 610062";
        assert_eq!(stuffed(&hex(padded)), 2);
    }

    #[test]
    fn numbers_of_each_type_are_told_from_what_is_behind_them() {
        for (kind, length, numbers) in [
            (frame_type::PRIORITY, 5, 5),
            (frame_type::RST_STREAM, 4, 4),
            (frame_type::RST_STREAM, 9, 0),
            (frame_type::SETTINGS, 60, 60),
            (frame_type::PING, 8, 8),
            (frame_type::GOAWAY, 90, 8),
            (frame_type::WINDOW_UPDATE, 3, 0),
            (frame_type::SETTINGS, 61, 0),
            (frame_type::GOAWAY, 7, 0),
            (frame_type::PRIORITY_UPDATE, 9, 4),
            (0x0a, 20, 0),
        ] {
            let frame = Frame {
                length,
                kind,
                flags: 0,
                stream: 0,
            };
            assert_eq!(frame.numbers(), HEADER_LEN + numbers, "{kind}");
        }
    }

    #[test]
    fn blocks_that_break_the_rules_or_the_bound() {
        for bad in [
            "000002 01 0c 00000001 02 82", // more padding than frame
            "000002 01 24 00000001 0000",  // no room for the priority
            "000001 01 00 00000001 82 000001 00 00 00000001 00", // another frame between
            "000001 01 00 00000001 82 000001 09 04 00000003 82", // another stream
            "000001 09 04 00000001 82",    // nothing to continue
        ] {
            assert_eq!(block(&hex(bad), &mut 0), Block::Broken, "{bad}");
        }
        assert_eq!(block(&hex("ffffff 01 04 00000001"), &mut 0), Block::TooLong);
        let endless = hex("000000 01 00 00000001 000000 09 00 00000001").repeat(1);
        let many = [
            &endless[..],
            &hex("000000 09 00 00000001").repeat(BLOCK_MAX / 9),
        ]
        .concat();
        assert_eq!(block(&many, &mut 0), Block::TooLong);
        let mut noise = Noise(11);
        for _ in 0..20_000 {
            let damaged = noise.damage(&hex(FRAMES));
            block(&damaged, &mut 0);
            gather(&damaged);
        }
    }
}
