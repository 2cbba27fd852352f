//! The frames in packets behind the handshake: data of streams, datagrams, new connection ids (RFC 9000 §19, RFC 9221).
//!
//! What follows a frame that is not known cannot be found; the frames before it stand. Acknowledgements, limits and padding are numbers of the
//! protocol.

use crate::observe::dissect::quic_shape::varint;
use crate::observe::dissect::wire::Reader;

/// A frame that says something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Frame<'a> {
    /// Data of a stream (§19.8).
    Stream {
        /// The stream.
        id: u64,
        /// Where the bytes stand in it.
        offset: u64,
        /// The bytes.
        bytes: &'a [u8],
        /// Nothing follows them.
        last: bool,
    },
    /// The handshake goes on, or a token: bytes that the protocol needs for itself (§19.6, §19.7), or a reason in words (§19.19).
    Own {
        /// Where the bytes stand, of a handshake.
        offset: Option<u64>,
        /// The bytes.
        bytes: &'a [u8],
    },
    /// A message of its own (RFC 9221 §4).
    Datagram(&'a [u8]),
    /// The sender may be reached under this id (§19.15).
    NewId(&'a [u8]),
}

/// Goes through the frames of one packet.
#[derive(Debug, Clone)]
pub struct Frames<'a> {
    reader: Reader<'a>,
    /// Bytes behind a frame that is not known.
    odd: usize,
}

impl<'a> Frames<'a> {
    /// Of this plaintext.
    pub fn new(payload: &'a [u8]) -> Self {
        Self {
            reader: Reader::new(payload),
            odd: 0,
        }
    }

    /// Bytes that could not be read, once all frames were.
    pub fn odd(&self) -> usize {
        self.odd
    }
}

impl<'a> Iterator for Frames<'a> {
    type Item = Frame<'a>;

    fn next(&mut self) -> Option<Frame<'a>> {
        while !self.reader.is_empty() {
            let left = self.reader.remaining();
            match frame(&mut self.reader) {
                Some(Some(frame)) => return Some(frame),
                Some(None) => {}
                None => {
                    self.odd = left;
                    self.reader = Reader::new(&[]);
                }
            }
        }
        None
    }
}

fn numbers(reader: &mut Reader<'_>, count: u64) -> Option<()> {
    // Ends with the packet, however large a count is.
    for _ in 0..count {
        varint(reader)?;
    }
    Some(())
}

fn counted<'a>(reader: &mut Reader<'a>) -> Option<&'a [u8]> {
    let length = varint(reader)?;
    reader.take(usize::try_from(length).ok()?)
}

/// One frame; `None` if it is not known or not whole.
fn frame<'a>(reader: &mut Reader<'a>) -> Option<Option<Frame<'a>>> {
    match varint(reader)? {
        // PADDING, PING, HANDSHAKE_DONE, IMMEDIATE_ACK
        0x00 | 0x01 | 0x1e | 0x1f => {}
        // ACK, with or without counts of congestion marks
        kind @ (0x02 | 0x03) => {
            numbers(reader, 2)?;
            let ranges = varint(reader)?;
            numbers(reader, ranges.saturating_mul(2).saturating_add(1))?;
            numbers(reader, if kind == 0x03 { 3 } else { 0 })?;
        }
        // RESET_STREAM
        0x04 => numbers(reader, 3)?,
        // STOP_SENDING, MAX_STREAM_DATA, STREAM_DATA_BLOCKED
        0x05 | 0x11 | 0x15 => numbers(reader, 2)?,
        // CRYPTO
        0x06 => {
            let offset = Some(varint(reader)?);
            let bytes = counted(reader)?;
            return Some(Some(Frame::Own { offset, bytes }));
        }
        // NEW_TOKEN
        0x07 => {
            let bytes = counted(reader)?;
            return Some(Some(Frame::Own {
                offset: None,
                bytes,
            }));
        }
        // STREAM: bits for offset, length, and the end
        kind @ 0x08..=0x0f => {
            let id = varint(reader)?;
            let offset = match kind & 0x04 {
                0 => 0,
                _ => varint(reader)?,
            };
            let bytes = match kind & 0x02 {
                0 => reader.take(reader.remaining())?,
                _ => counted(reader)?,
            };
            return Some(Some(Frame::Stream {
                id,
                offset,
                bytes,
                last: kind & 0x01 != 0,
            }));
        }
        // MAX_DATA, MAX_STREAMS, DATA_BLOCKED, STREAMS_BLOCKED, RETIRE_CONNECTION_ID
        0x10 | 0x12..=0x14 | 0x16 | 0x17 | 0x19 => numbers(reader, 1)?,
        // NEW_CONNECTION_ID, with a token for resets
        0x18 => {
            numbers(reader, 2)?;
            let id = reader.vector8()?;
            reader.take(16)?;
            return Some(Some(Frame::NewId(id)));
        }
        // PATH_CHALLENGE, PATH_RESPONSE
        0x1a | 0x1b => {
            reader.take(8)?;
        }
        // CONNECTION_CLOSE, with the type of the frame that is to blame if it is the protocol's own
        kind @ (0x1c | 0x1d) => {
            numbers(reader, if kind == 0x1c { 2 } else { 1 })?;
            let bytes = counted(reader)?;
            return Some(Some(Frame::Own {
                offset: None,
                bytes,
            }));
        }
        // DATAGRAM, to the end or with a length
        0x30 => {
            return Some(Some(Frame::Datagram(reader.take(reader.remaining())?)));
        }
        0x31 => return Some(Some(Frame::Datagram(counted(reader)?))),
        // ACK_FREQUENCY (draft-ietf-quic-ack-frequency)
        0xaf => numbers(reader, 4)?,
        _ => return None,
    }
    Some(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::dissect::wire::test_bytes::{Noise, hex};

    #[test]
    fn every_frame_is_known_and_what_follows_an_unknown_one_is_told() {
        let bytes = hex(
            "00 01 1e 02 05 00 01 00 00 01 03 05 00 00 00 01 02 03 04 01 02 03 05 01 02 06 00 02 aabb 07 01 cc \
             0b 04 01 dd 0e 08 4100 01 ee 10 01 11 01 02 12 01 13 01 14 01 15 01 02 16 01 17 01 \
             18 01 00 04 01020304 000102030405060708090a0b0c0d0e0f 19 01 1a 0001020304050607 1b 0001020304050607 \
             1c 01 02 01 61 1d 01 01 62 31 02 7071 40af 01 02 03 04 08 0c 99",
        );
        let mut frames = Frames::new(&bytes);
        let found: Vec<Frame<'_>> = frames.by_ref().collect();
        let own = |offset, bytes| Frame::Own { offset, bytes };
        let stream = |id, offset, bytes, last| Frame::Stream {
            id,
            offset,
            bytes,
            last,
        };
        assert_eq!(
            found,
            [
                own(Some(0), &[0xaa, 0xbb][..]),
                own(None, &[0xcc]),
                stream(4, 0, &[0xdd], true),
                stream(8, 0x100, &[0xee], false),
                Frame::NewId(&[1, 2, 3, 4]),
                own(None, b"a"),
                own(None, b"b"),
                Frame::Datagram(&[0x70, 0x71]),
                stream(12, 0, &[0x99], false),
            ]
        );
        assert_eq!(frames.odd(), 0);
        let bytes = hex("01 3f 0b 04 01 dd");
        let mut frames = Frames::new(&bytes);
        assert_eq!((frames.next(), frames.odd()), (None, 5));
        let mut noise = Noise(3);
        for _ in 0..20_000 {
            let bytes = noise.bytes(64);
            let sum: usize = Frames::new(&bytes)
                .map(|frame| match frame {
                    Frame::Stream { bytes, .. }
                    | Frame::Own { bytes, .. }
                    | Frame::Datagram(bytes)
                    | Frame::NewId(bytes) => bytes.len(),
                })
                .sum();
            assert!(sum <= bytes.len());
        }
    }
}
