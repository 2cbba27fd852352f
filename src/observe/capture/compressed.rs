//! gzip (RFC 1952, several members), Zstandard (RFC 8878) and LZ4 (frame format 1.6, several
//! frames), xz (file format 1.2, several streams) around a capture.
//!
//! The hash is taken of the compressed bytes, since that is the file that lies in evidence. A
//! stream that is cut or damaged ends the capture there and says so; what was decoded before is
//! still audited. Memory is bounded whatever the stream declares: 32 KiB of window for gzip, 8 MiB
//! of blocks for LZ4, [`ZSTD_WINDOW_MAX`] for Zstandard, [`XZ_DICTIONARY_MAX`] for xz. So is work: a
//! stream that grows without end for few bytes ends where [`Bounded`] says.

mod frames;

use super::hash::Hasher;
use frames::Frames;
use std::cell::{Cell, RefCell};
use std::io::{self, ErrorKind, Read};
use std::rc::Rc;
use std::sync::Arc;

/// Bytes handed to the hasher at a time.
const TAP_BLOCK: usize = 1 << 16;

/// The largest dictionary given to an xz stream: that of `xz -9`, the largest preset.
pub(super) const XZ_DICTIONARY_MAX: u32 = 64 << 20;

/// The largest window given to a Zstandard frame: `zstd --long` asks for 128 MiB, all presets for less than 64.
pub(super) const ZSTD_WINDOW_MAX: u64 = 64 << 20;

/// What a stream may grow to whatever its size: so much is read in a second or so.
const GROWTH_FREE: u64 = 256 << 20;

/// …and beyond that, by this factor. Captures shrink to a tenth or so, and those of one packet sent over and over to
/// a hundredth; a bomb of zeros is a thousand (gzip) to tens of thousands (Zstandard, xz) times its file.
const GROWTH_MAX: u64 = 250;

/// KiB that the xz decoder takes beside its dictionary.
const XZ_OVERHEAD: u32 = 1024;

/// An xz chunk that fails takes with it what the same call had decoded: calls are kept short.
const XZ_READ: usize = 8192;

/// The compressions understood, by their magic bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compression {
    Gzip,
    Zstd,
    Lz4,
    Xz,
}

impl Compression {
    /// By the first four bytes of the file.
    pub(super) fn of(magic: &[u8]) -> Option<Self> {
        match magic {
            [0x1f, 0x8b, ..] => Some(Self::Gzip),
            [0x04, 0x22, 0x4d, 0x18, ..] => Some(Self::Lz4),
            [0xfd, b'7', b'z', b'X', ..] => Some(Self::Xz),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(Self::Zstd),
            // A skippable frame, which Zstandard and LZ4 share (RFC 8878 §3.1.2), may come first:
            // what follows it decides.
            [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Some(Self::Zstd),
            _ => None,
        }
    }

    /// The name in a report's `format`.
    pub(super) fn id(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Lz4 => "lz4",
            Self::Xz => "xz",
        }
    }
}

/// Counts and hashes what passes through.
pub(super) struct TeeReader {
    source: Box<dyn Read>,
    hasher: Option<Hasher>,
    bytes: u64,
    kind: Compression,
    /// The file could not be read on, which is no fault of the stream in it.
    broken: Option<io::Error>,
}

impl TeeReader {
    pub(super) fn new(
        source: Box<dyn Read>,
        hasher: Option<Hasher>,
        kind: Compression,
    ) -> Rc<RefCell<Self>> {
        Rc::new(RefCell::new(Self {
            source,
            hasher,
            bytes: 0,
            kind,
            broken: None,
        }))
    }

    pub(super) fn kind(&self) -> Compression {
        self.kind
    }

    /// Offset in the file as it lies on disk.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The error of the file itself, if one ended the stream.
    pub(super) fn broken(&mut self) -> Option<io::Error> {
        self.broken.take()
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
        let target = buf.get_mut(..room).unwrap_or_default();
        let n = loop {
            match self.source.read(target) {
                Ok(n) => break n,
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => {
                    let told = io::Error::from(e.kind());
                    self.broken = Some(e);
                    return Err(told);
                }
            }
        };
        let got = buf.get(..n).unwrap_or_default();
        if let Some(hasher) = &mut self.hasher {
            let block = Arc::new(got.to_vec());
            hasher.push(&block, 0..got.len());
        }
        self.bytes += n as u64;
        Ok(n)
    }
}

/// The decoder's end of a [`TeeReader`], with a look ahead.
struct TeeOutput {
    tap: Rc<RefCell<TeeReader>>,
    block: Vec<u8>,
    start: usize,
    end: usize,
    /// Bytes were asked for after the last one: the stream in it was cut.
    starved: Rc<Cell<bool>>,
}

impl TeeOutput {
    fn new(tap: &Rc<RefCell<TeeReader>>) -> Self {
        Self {
            tap: Rc::clone(tap),
            block: vec![0; TAP_BLOCK],
            start: 0,
            end: 0,
            starved: Rc::default(),
        }
    }

    /// The next unread bytes: `want` of them (a few), or as many as there are.
    fn peek(&mut self, want: usize) -> io::Result<&[u8]> {
        while self.end - self.start < want.min(TAP_BLOCK) {
            self.block.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
            let room = self.block.get_mut(self.end..).unwrap_or_default();
            match self.tap.borrow_mut().pull(room)? {
                0 => break,
                n => self.end += n,
            }
        }
        Ok(self.block.get(self.start..self.end).unwrap_or_default())
    }

    /// Skips `len` bytes.
    fn skip(&mut self, mut len: u64) -> io::Result<()> {
        while len > 0 {
            let have = self.peek(1)?.len();
            if have == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            let step = have.min(usize::try_from(len).unwrap_or(usize::MAX));
            self.start += step;
            len -= step as u64;
        }
        Ok(())
    }
}

impl Read for TeeOutput {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let have = self.peek(1)?;
        let n = have.len().min(buf.len());
        if let (Some(to), Some(from)) = (buf.get_mut(..n), have.get(..n)) {
            to.copy_from_slice(from);
        }
        let ended = have.is_empty() && !buf.is_empty();
        self.start += n;
        if ended {
            self.starved.set(true);
        }
        Ok(n)
    }
}

/// A decoder; what fails for want of bytes is a cut stream, whatever the decoder calls it.
struct Decoder<D> {
    decoder: D,
    starved: Rc<Cell<bool>>,
    /// Bytes asked for at a time.
    most: usize,
}

impl<D: Read> Read for Decoder<D> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let room = buf.len().min(self.most);
        self.decoder
            .read(buf.get_mut(..room).unwrap_or_default())
            .map_err(|e| match self.starved.get() {
                true => ErrorKind::UnexpectedEof.into(),
                false => e,
            })
    }
}

/// A decompressed stream that may grow only so far. What is beyond is told as
/// [`ErrorKind::QuotaExceeded`].
struct Bounded {
    decoder: Box<dyn Read>,
    tap: Rc<RefCell<TeeReader>>,
    /// Bytes that came out so far.
    grown: u64,
}

impl Read for Bounded {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let most = GROWTH_MAX.saturating_mul(self.tap.borrow().bytes());
        if self.grown > GROWTH_FREE.max(most) {
            return Err(ErrorKind::QuotaExceeded.into());
        }
        let n = self.decoder.read(buf)?;
        self.grown = self.grown.saturating_add(n as u64);
        Ok(n)
    }
}

/// The decompressed stream behind `tap`.
pub(super) fn decoder(kind: Compression, tap: &Rc<RefCell<TeeReader>>) -> Box<dyn Read> {
    Box::new(Bounded {
        decoder: unbounded(kind, tap),
        tap: Rc::clone(tap),
        grown: 0,
    })
}

fn unbounded(kind: Compression, tap: &Rc<RefCell<TeeReader>>) -> Box<dyn Read> {
    let spout = TeeOutput::new(tap);
    let starved = Rc::clone(&spout.starved);
    match kind {
        Compression::Gzip => Box::new(Decoder {
            decoder: flate2::read::MultiGzDecoder::new(spout),
            starved,
            most: usize::MAX,
        }),
        Compression::Zstd | Compression::Lz4 => Box::new(Decoder {
            decoder: Frames::new(spout),
            starved,
            most: usize::MAX,
        }),
        Compression::Xz => Box::new(Decoder {
            decoder: lzma_rust2::XzReader::new_mem_limit(
                spout,
                true,
                XZ_DICTIONARY_MAX / 1024 + XZ_OVERHEAD,
            ),
            starved,
            most: XZ_READ,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_grows_so_far_and_no_further() {
        for (file, most) in [(1_000, GROWTH_FREE), (2_000_000, 2_000_000 * GROWTH_MAX)] {
            let source = Box::new(io::repeat(7).take(file));
            let tap = TeeReader::new(source, None, Compression::Gzip);
            TeeReader::finish(&tap);
            assert_eq!(tap.borrow().bytes(), file);
            let mut bomb = Bounded {
                decoder: Box::new(io::repeat(0)),
                tap,
                grown: 0,
            };
            let mut block = vec![0; TAP_BLOCK];
            let ended = loop {
                if let Err(e) = bomb.read(&mut block) {
                    break e.kind();
                }
            };
            assert_eq!(ended, ErrorKind::QuotaExceeded);
            assert_eq!(
                bomb.grown,
                most + TAP_BLOCK as u64 - most % TAP_BLOCK as u64
            );
        }
    }
}
