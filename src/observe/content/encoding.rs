//! Compressed bodies, opened as they come: gzip (RFC 1952), zlib and bare deflate (RFC 1950, RFC 1951; RFC 9110 §8.4.1).

pub(super) use crate::observe::flow::part::Coding;
use flate2::write::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use std::io::Write as _;

/// Compressed bytes given to the decoder at a time: deflate grows a thousandfold at most, so that what comes out at a time is bounded.
const PIECE: usize = 256;
/// The most that is taken out of a body for each of its bytes, beyond a start that is free: reports and logs shrink to a tenth or a
/// twentieth, and what shrinks more was made to cost time.
const GROWTH_MAX: u64 = 32;
const GROWTH_FREE: u64 = 256 << 10;
/// Memory of a decoder: its window of 32 KiB, tables and what comes out at a time.
pub(super) const DECODER_SIZE: usize = 96 << 10;

enum Decoder {
    Undecided,
    Gzip(MultiGzDecoder<Vec<u8>>),
    Zlib(ZlibDecoder<Vec<u8>>),
    Raw(DeflateDecoder<Vec<u8>>),
}

/// A body being opened.
pub(super) struct Inflate {
    decoder: Decoder,
    taken: u64,
    produced: u64,
}

/// Nothing more comes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stopped {
    /// The data are broken, or at their end.
    Over,
    /// More came out than is taken of so many bytes.
    Grown,
}

impl Inflate {
    /// A decoder for a coding; those that are not opened never give anything.
    pub(super) fn new(coding: Coding) -> Self {
        let decoder = match coding {
            Coding::Gzip => Decoder::Gzip(MultiGzDecoder::new(Vec::new())),
            Coding::Raw => Decoder::Raw(DeflateDecoder::new(Vec::new())),
            Coding::Deflate | Coding::Plain | Coding::Other => Decoder::Undecided,
        };
        Self {
            decoder,
            taken: 0,
            produced: 0,
        }
    }

    /// Takes compressed bytes and lends what comes out.
    ///
    /// # Errors
    /// [`Stopped`], after what came out before was lent.
    pub(super) fn push(
        &mut self,
        bytes: &[u8],
        lend: &mut dyn FnMut(&[u8]),
    ) -> Result<(), Stopped> {
        for piece in bytes.chunks(PIECE) {
            if let (Decoder::Undecided, Some(first)) = (&self.decoder, piece.first()) {
                // The frame of zlib: method 8, window of at most 32 KiB.
                let framed = first & 0x0f == 8 && first >> 4 <= 7;
                self.decoder = if framed {
                    Decoder::Zlib(ZlibDecoder::new(Vec::new()))
                } else {
                    Decoder::Raw(DeflateDecoder::new(Vec::new()))
                };
            }
            let (result, output) = match &mut self.decoder {
                Decoder::Undecided => return Ok(()),
                Decoder::Gzip(d) => (d.write_all(piece).and_then(|()| d.flush()), d.get_mut()),
                Decoder::Zlib(d) => (d.write_all(piece).and_then(|()| d.flush()), d.get_mut()),
                Decoder::Raw(d) => (d.write_all(piece).and_then(|()| d.flush()), d.get_mut()),
            };
            self.taken = self.taken.saturating_add(piece.len() as u64);
            self.produced = self.produced.saturating_add(output.len() as u64);
            lend(output);
            output.clear();
            let most = self
                .taken
                .saturating_mul(GROWTH_MAX)
                .saturating_add(GROWTH_FREE);
            if self.produced > most {
                return Err(Stopped::Grown);
            }
            if result.is_err() {
                return Err(Stopped::Over);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

    fn opened(coding: Coding, bytes: &[u8], size: usize) -> (Vec<u8>, Result<(), Stopped>) {
        let mut inflate = Inflate::new(coding);
        let mut out = Vec::new();
        let mut result = Ok(());
        for piece in bytes.chunks(size) {
            result = result.and(inflate.push(piece, &mut |b| out.extend_from_slice(b)));
        }
        (out, result)
    }

    #[test]
    fn every_form_opens_in_any_pieces() -> std::io::Result<()> {
        let text = b"latitude=48.13712&longitude=11.57540 ".repeat(500);
        let level = Compression::default();
        let mut gzip = GzEncoder::new(Vec::new(), level);
        gzip.write_all(&text)?;
        let mut zlib = ZlibEncoder::new(Vec::new(), level);
        zlib.write_all(&text)?;
        let mut raw = DeflateEncoder::new(Vec::new(), level);
        raw.write_all(&text)?;
        let (gzip, zlib, raw) = (gzip.finish()?, zlib.finish()?, raw.finish()?);
        for size in [1, 100, 100_000] {
            assert_eq!(opened(Coding::Gzip, &gzip, size), (text.clone(), Ok(())));
            assert_eq!(opened(Coding::Deflate, &zlib, size), (text.clone(), Ok(())));
            assert_eq!(opened(Coding::Deflate, &raw, size), (text.clone(), Ok(())));
            assert_eq!(opened(Coding::Raw, &raw, size), (text.clone(), Ok(())));
        }
        let half = gzip.get(..gzip.len() / 2).unwrap_or_default();
        assert!(
            !opened(Coding::Gzip, half, 100).0.is_empty(),
            "what is there is read"
        );
        assert_eq!(
            opened(Coding::Gzip, b"not gzip at all", 100).1,
            Err(Stopped::Over)
        );
        Ok(())
    }

    #[test]
    fn what_grows_out_of_proportion_is_told_from_what_is_broken() -> std::io::Result<()> {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
        gzip.write_all(&vec![b' '; 2 << 20])?;
        let bomb = gzip.finish()?;
        for size in [1, 256, 100_000] {
            let (mut inflate, mut out) = (Inflate::new(Coding::Gzip), 0);
            let ended = bomb
                .chunks(size)
                .find_map(|piece| inflate.push(piece, &mut |b| out += b.len()).err());
            assert_eq!(ended, Some(Stopped::Grown));
            assert!(out < 1 << 20, "{out}");
        }
        Ok(())
    }
}
