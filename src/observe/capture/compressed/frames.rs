//! Zstandard and LZ4 frames, one behind the other.
//!
//! Both libraries stop after one frame, while `zstd`, `pzstd` and `cat` write several. Neither says
//! on its own that a stream was cut: the LZ4 decoder takes the end of the file between two blocks
//! for the end of the frame, and the Zstandard decoder leaves the checksum to its user.

use super::{Compression, TeeOutput, ZSTD_WINDOW_MAX};
use lz4_flex::frame::FrameDecoder as Lz4;
use ruzstd::decoding::errors::FrameDecoderError;
use ruzstd::decoding::{FrameDecoder, StreamingDecoder};
use std::io::{self, ErrorKind, Read};

enum Frame {
    Zstd(Box<StreamingDecoder<TeeOutput, FrameDecoder>>),
    Lz4(Box<Lz4<TeeOutput>>),
}

pub(super) struct Frames {
    /// The file, between frames.
    source: Option<TeeOutput>,
    frame: Option<Frame>,
}

impl Frames {
    pub(super) fn new(source: TeeOutput) -> Self {
        Self {
            source: Some(source),
            frame: None,
        }
    }

    /// Opens the next frame; false at the end of the file.
    fn open(&mut self) -> io::Result<bool> {
        let Some(mut source) = self.source.take() else {
            return Ok(false);
        };
        let kind = loop {
            match source.peek(8)? {
                [] => return Ok(false),
                // A skippable frame (RFC 8878 §3.1.2): magic, length, whatever.
                &[0x50..=0x5f, 0x2a, 0x4d, 0x18, a, b, c, d, ..] => {
                    let len = u32::from_le_bytes([a, b, c, d]);
                    source.skip(8 + u64::from(len))?;
                }
                head => match Compression::of(head) {
                    Some(kind @ (Compression::Zstd | Compression::Lz4)) if head.len() >= 4 => {
                        break kind;
                    }
                    _ if head.len() < 4 => return Err(ErrorKind::UnexpectedEof.into()),
                    _ => return Err(invalid("something that is no frame follows a frame")),
                },
            }
        };
        source.tap.borrow_mut().kind = kind;
        self.frame = Some(match kind {
            Compression::Lz4 => Frame::Lz4(Box::new(Lz4::new(source))),
            _ => Frame::Zstd(Box::new(
                StreamingDecoder::new_with_max_window_size(source, ZSTD_WINDOW_MAX).map_err(
                    |e| match e {
                        FrameDecoderError::WindowSizeTooBig { .. } => ErrorKind::OutOfMemory.into(),
                        e => invalid(e.to_string()),
                    },
                )?,
            )),
        });
        Ok(true)
    }
}

impl Read for Frames {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        loop {
            let n = match &mut self.frame {
                None => {
                    if !self.open()? {
                        return Ok(0);
                    }
                    continue;
                }
                Some(Frame::Zstd(frame)) => frame.read(buf)?,
                Some(Frame::Lz4(frame)) => frame.read(buf)?,
            };
            if n > 0 || buf.is_empty() {
                return Ok(n);
            }
            match self.frame.take() {
                Some(Frame::Zstd(frame)) => {
                    let (source, decoder) = frame.into_parts();
                    let stated = decoder.get_checksum_from_data();
                    if stated.is_some() && stated != decoder.get_calculated_checksum() {
                        return Err(invalid("the checksum of a frame is wrong"));
                    }
                    self.source = Some(source);
                }
                Some(Frame::Lz4(frame)) => {
                    let source = frame.into_inner();
                    if source.starved.get() {
                        return Err(ErrorKind::UnexpectedEof.into());
                    }
                    self.source = Some(source);
                }
                None => {}
            }
        }
    }
}

fn invalid(what: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, what)
}
