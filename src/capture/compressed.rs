//! gzip (RFC 1952, several members) and Zstandard (RFC 8878, several frames) around a capture.
//!
//! The hash is taken of the compressed bytes, since that is the file that lies in evidence. A
//! stream that is cut or damaged ends the capture there and says so; what was decoded before is
//! still audited.

use super::hash::Hasher;
use std::cell::RefCell;
use std::io::{self, BufRead, BufReader, Read};
use std::rc::Rc;
use std::sync::Arc;

/// Bytes handed to the hasher at a time.
const TAP_BLOCK: usize = 1 << 16;

/// The compressions understood, by their magic bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compression {
    Gzip,
    Zstd,
}

impl Compression {
    /// By the first four bytes of the file.
    pub(super) fn of(magic: &[u8]) -> Option<Self> {
        match magic {
            [0x1f, 0x8b, ..] => Some(Self::Gzip),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(Self::Zstd),
            // A skippable frame (RFC 8878 §3.1.2) may come first.
            [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Some(Self::Zstd),
            _ => None,
        }
    }
}

/// Counts and hashes what passes through.
pub(super) struct Tap {
    source: Box<dyn Read>,
    hasher: Option<Hasher>,
    bytes: u64,
}

impl Tap {
    pub(super) fn new(source: Box<dyn Read>, hasher: Option<Hasher>) -> Rc<RefCell<Self>> {
        Rc::new(RefCell::new(Self {
            source,
            hasher,
            bytes: 0,
        }))
    }

    /// Reads what the decoder left and returns size and SHA-256 of the file.
    pub(super) fn finish(tap: &Rc<RefCell<Self>>) -> (u64, Option<String>) {
        let mut rest = [0u8; TAP_BLOCK];
        while matches!(tap.borrow_mut().pull(&mut rest), Ok(n) if n > 0) {}
        let mut tap = tap.borrow_mut();
        let digest = tap.hasher.take().and_then(Hasher::finish);
        (tap.bytes, digest)
    }

    fn pull(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let room = buf.len().min(TAP_BLOCK);
        let n = self.source.read(buf.get_mut(..room).unwrap_or_default())?;
        let got = buf.get(..n).unwrap_or_default();
        if let Some(hasher) = &mut self.hasher {
            let block = Arc::new(got.to_vec());
            hasher.push(&block, 0..got.len());
        }
        self.bytes += n as u64;
        Ok(n)
    }
}

/// The decoder's end of a [`Tap`].
struct Spout(Rc<RefCell<Tap>>);

impl Read for Spout {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.borrow_mut().pull(buf)
    }
}

/// The decompressed stream behind `tap`.
pub(super) fn decoder(kind: Compression, tap: &Rc<RefCell<Tap>>) -> Box<dyn Read> {
    let spout = Spout(Rc::clone(tap));
    match kind {
        Compression::Gzip => Box::new(flate2::read::MultiGzDecoder::new(spout)),
        Compression::Zstd => Box::new(ZstdFrames {
            source: Some(BufReader::with_capacity(TAP_BLOCK, spout)),
            frame: None,
        }),
    }
}

type ZstdFrame =
    ruzstd::decoding::StreamingDecoder<BufReader<Spout>, ruzstd::decoding::FrameDecoder>;

/// The decoder of the library stops after one frame; `zstd` and `pzstd` write several.
struct ZstdFrames {
    source: Option<BufReader<Spout>>,
    frame: Option<Box<ZstdFrame>>,
}

impl ZstdFrames {
    /// Skips skippable frames (RFC 8878 §3.1.2); false at the end of the file.
    fn at_frame(source: &mut BufReader<Spout>) -> io::Result<bool> {
        loop {
            let head = source.fill_buf()?;
            if head.is_empty() {
                return Ok(false);
            }
            let skippable = head.len() >= 4 && matches!(head, [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..]);
            if !skippable {
                return Ok(true);
            }
            let mut header = [0u8; 8];
            source.read_exact(&mut header)?;
            let [_, _, _, _, a, b, c, d] = header;
            let len = u64::from(u32::from_le_bytes([a, b, c, d]));
            let skipped = io::copy(&mut source.by_ref().take(len), &mut io::sink())?;
            if skipped < len {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }
}

impl Read for ZstdFrames {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        loop {
            if let Some(frame) = &mut self.frame {
                let n = frame.read(buf)?;
                if n > 0 || buf.is_empty() {
                    return Ok(n);
                }
                if let Some(done) = self.frame.take() {
                    self.source = Some(done.into_inner());
                }
            }
            let Some(mut source) = self.source.take() else {
                return Ok(0);
            };
            if !Self::at_frame(&mut source)? {
                return Ok(0);
            }
            let frame = ruzstd::decoding::StreamingDecoder::new(source)
                .map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e.to_string()))?;
            self.frame = Some(Box::new(frame));
        }
    }
}
