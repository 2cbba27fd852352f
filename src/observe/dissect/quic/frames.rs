//! The frames in Initial packets: where in the handshake their bytes belong.
//!
//! RFC 9000 §12.4 allows PADDING, PING, ACK, CRYPTO and CONNECTION_CLOSE there (§19.1 to §19.3, §19.6, §19.19). Google's versions up
//! to T051 have frames of their own, with the handshake in stream 1 (up to Q046) or in CRYPTO frames of type 8. What follows a
//! frame that is not known cannot be found; the frames before it stand.

use super::version::Frames;
use crate::observe::dissect::quic_shape::varint;
use crate::observe::dissect::wire::Reader;

/// A piece of the handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece<'a> {
    /// Where its first byte stands in the handshake.
    pub offset: u64,
    /// The bytes.
    pub bytes: &'a [u8],
}

/// Goes through the frames of one packet.
#[derive(Debug, Clone)]
pub struct Pieces<'a> {
    reader: Reader<'a>,
    frames: Frames,
    number_len: usize,
}

impl<'a> Pieces<'a> {
    /// `number_len` is the length of the packet number, after which one of Google's frames goes by.
    pub fn new(payload: &'a [u8], frames: Frames, number_len: usize) -> Self {
        Self {
            reader: Reader::new(payload),
            frames,
            number_len,
        }
    }
}

impl<'a> Iterator for Pieces<'a> {
    type Item = Piece<'a>;

    fn next(&mut self) -> Option<Piece<'a>> {
        while !self.reader.is_empty() {
            let piece = match self.frames {
                Frames::Standard => standard(&mut self.reader),
                google_s => google(&mut self.reader, google_s, self.number_len),
            };
            match piece {
                Some(Some(piece)) => return Some(piece),
                Some(None) => {}
                None => {
                    // Broken or unknown: nothing behind it can be told apart.
                    self.reader = Reader::new(&[]);
                }
            }
        }
        None
    }
}

/// One frame; `None` if it is not known or not whole.
fn standard<'a>(reader: &mut Reader<'a>) -> Option<Option<Piece<'a>>> {
    match varint(reader)? {
        // PADDING, PING
        0x00 | 0x01 => {}
        // ACK, with or without counts of congestion marks
        kind @ (0x02 | 0x03) => {
            let _largest = varint(reader)?;
            let _delay = varint(reader)?;
            let ranges = varint(reader)?;
            let _first_range = varint(reader)?;
            // Ends with the packet, however large a number says otherwise.
            for _ in 0..ranges.saturating_mul(2) {
                varint(reader)?;
            }
            if kind == 0x03 {
                for _ in 0..3 {
                    varint(reader)?;
                }
            }
        }
        0x06 => return crypto(reader).map(Some),
        0x1c => {
            let _error = varint(reader)?;
            let _frame_type = varint(reader)?;
            counted(reader)?;
        }
        _ => return None,
    }
    Some(None)
}

/// Offset, length, bytes (RFC 9000 §19.6).
fn crypto<'a>(reader: &mut Reader<'a>) -> Option<Piece<'a>> {
    let offset = varint(reader)?;
    let bytes = counted(reader)?;
    Some(Piece { offset, bytes })
}

fn counted<'a>(reader: &mut Reader<'a>) -> Option<&'a [u8]> {
    let length = varint(reader)?;
    reader.take(usize::try_from(length).ok()?)
}

/// One of Google's frames. ACK has the form of Q041 and later; the first hello of a connection comes without any.
fn google<'a>(
    reader: &mut Reader<'a>,
    frames: Frames,
    number_len: usize,
) -> Option<Option<Piece<'a>>> {
    /// The stream of the handshake.
    const HANDSHAKE_STREAM: u64 = 1;
    match reader.u8()? {
        // STREAM: 1 fin length offset(3) stream(2)
        kind @ 0x80.. => {
            let stream_len = usize::from(kind & 0x03).saturating_add(1);
            let stream = number(reader, frames, stream_len)?;
            let offset_len = match usize::from(kind >> 2 & 0x07) {
                0 => 0,
                more => more.saturating_add(1),
            };
            let offset = number(reader, frames, offset_len)?;
            let length = if kind & 0x20 != 0 {
                usize::try_from(number(reader, frames, 2)?).ok()?
            } else {
                reader.remaining()
            };
            let bytes = reader.take(length)?;
            return Some((stream == HANDSHAKE_STREAM).then_some(Piece { offset, bytes }));
        }
        // ACK: 01 several-blocks 0 largest(2) block(2)
        kind @ 0x40..=0x7f => {
            const LENGTHS: [usize; 4] = [1, 2, 4, 6];
            let length = |bits: u8| LENGTHS.get(usize::from(bits & 0x03)).copied();
            let (largest, block) = (length(kind >> 2)?, length(kind)?);
            reader.take(largest)?;
            let _delay = reader.u16()?;
            let blocks = if kind & 0x20 != 0 { reader.u8()? } else { 0 };
            reader.take(block)?;
            for _ in 0..blocks {
                let _gap = reader.u8()?;
                reader.take(block)?;
            }
            let times = reader.u8()?;
            for time in 0..times {
                let _delta = reader.u8()?;
                reader.take(if time == 0 { 4 } else { 2 })?;
            }
        }
        // PADDING, PING
        0x00 | 0x07 => {}
        // CONNECTION_CLOSE: error, reason
        0x02 => {
            reader.u32()?;
            reader.vector16()?;
        }
        // GOAWAY: error, last stream, reason
        0x03 => {
            reader.u64()?;
            reader.vector16()?;
        }
        // WINDOW_UPDATE: stream, offset
        0x04 => {
            reader.take(12)?;
        }
        // BLOCKED: stream
        0x05 => {
            reader.u32()?;
        }
        // STOP_WAITING: as long as the packet number
        0x06 => {
            reader.take(number_len)?;
        }
        0x08 => return crypto(reader).map(Some),
        _ => return None,
    }
    Some(None)
}

/// A number of up to eight bytes.
fn number(reader: &mut Reader<'_>, frames: Frames, len: usize) -> Option<u64> {
    let bytes = reader.take(len)?.iter();
    let append = |value: u64, byte: &u8| value << 8 | u64::from(*byte);
    Some(if frames == Frames::GoogleLittleEndian {
        bytes.rev().fold(0, append)
    } else {
        bytes.fold(0, append)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::dissect::wire::test_bytes::{Noise, hex};

    fn pieces(payload: &str, frames: Frames) -> Vec<(u64, Vec<u8>)> {
        Pieces::new(&hex(payload), frames, 1)
            .map(|piece| (piece.offset, piece.bytes.to_vec()))
            .collect()
    }

    #[test]
    fn standard_frames() {
        let expected = [(0, vec![0xaa, 0xbb]), (0x123, vec![0xcc])];
        // PADDING, PING, ACK of two ranges, CRYPTO, ACK with marks, CONNECTION_CLOSE, CRYPTO
        let payload = "0000 01 02 05 4064 01 00 0101 06 00 02 aabb 03 05 00 00 00 010203 1c 0a 06 02 6f6b 06 4123 01 cc 00";
        assert_eq!(pieces(payload, Frames::Standard), expected);
        // STREAM is not allowed there; what follows is not read, what stands before is.
        assert_eq!(
            pieces("06 00 01 aa 08 00 06 01 01 bb", Frames::Standard),
            [(0, vec![0xaa])]
        );
        // A length and a count of ranges beyond the end.
        for broken in [
            "06 00 05 aa",
            "02 00 00 bfffffff 00 00",
            "06 00 ffffffffffffffff aa",
            "06 40",
        ] {
            assert_eq!(pieces(broken, Frames::Standard), []);
        }
    }

    #[test]
    fn google_frames() {
        // STOP_WAITING, ACK, STREAM 1 at 0x0100 with length, STREAM 3, STREAM 1 to the end.
        let payload = "06 01 40 05 0000 05 00 a4 01 0100 0002 4348 a0 03 0001 ff 80 01 4c4f";
        let expected = [(0x100, b"CH".to_vec()), (0, b"LO".to_vec())];
        assert_eq!(pieces(payload, Frames::Google), expected);
        assert_eq!(
            pieces("07 08 4010 02 4348 00 00", Frames::Google),
            [(16, b"CH".to_vec())]
        );
        assert_eq!(
            pieces("a4 01 0001 0200 4348 07", Frames::GoogleLittleEndian),
            [(0x100, b"CH".to_vec())]
        );
        let mut noise = Noise(5);
        for _ in 0..20_000 {
            let bytes = noise.bytes(64);
            let length =
                |frames| -> usize { Pieces::new(&bytes, frames, 2).map(|p| p.bytes.len()).sum() };
            assert!(length(Frames::Standard) <= 64 && length(Frames::Google) <= 64);
        }
    }
}
