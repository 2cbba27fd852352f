//! A certificate message of TLS 1.3 that came compressed (RFC 8879): zlib (RFC 1950), Brotli (RFC 7932) or Zstandard (RFC 8878).
//!
//! Gives the message that was compressed; what it says is read like any other (see [`super::tls_certificate`]). No more comes out than
//! the sender announced (§4), and that is no more than is kept of any message. A decoder's window is bounded by what its format allows,
//! and goes with the message. What another algorithm made, what is broken, and what is longer or shorter than announced gives nothing: no
//! name is better than a wrong one.

use super::tls_record::MESSAGE_MAX;
use super::wire::Reader;
use brotli_decompressor::Decompressor;
use flate2::read::ZlibDecoder;
use ruzstd::decoding::StreamingDecoder;
use std::io::Read;

/// Algorithms (§7.3).
const ZLIB: u16 = 1;
const BROTLI: u16 = 2;
const ZSTD: u16 = 3;

/// Window of a decoder of Zstandard: what every decoder should have (RFC 8878 §3.1.1.1.2).
const ZSTD_WINDOW_MAX: u64 = 8 << 20;
/// Bytes that the decoder of Brotli takes at a time.
const BROTLI_PIECE: usize = 4096;

/// Why nothing is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unread {
    /// It is announced to be longer than a message that is kept.
    TooLong,
    /// It is of another form, or broken.
    Broken,
}

/// The body of the certificate message in the body of a compressed one.
///
/// # Errors
/// Why it cannot be read.
pub(super) fn certificate(body: &[u8]) -> Result<Vec<u8>, Unread> {
    let mut reader = Reader::new(body);
    let (algorithm, length, compressed) = (|| {
        let parts = (reader.u16()?, reader.u24()?, reader.vector24()?);
        reader.is_empty().then_some(parts)
    })()
    .ok_or(Unread::Broken)?;
    let length = usize::try_from(length).map_err(|_| Unread::TooLong)?;
    if length > MESSAGE_MAX {
        return Err(Unread::TooLong);
    }
    let opened = match algorithm {
        ZLIB => whole(ZlibDecoder::new(compressed), length),
        BROTLI if !is_large(compressed) => {
            whole(Decompressor::new(compressed, BROTLI_PIECE), length)
        }
        ZSTD => StreamingDecoder::new_with_max_window_size(compressed, ZSTD_WINDOW_MAX)
            .ok()
            .and_then(|decoder| whole(decoder, length)),
        _ => None,
    };
    opened.ok_or(Unread::Broken)
}

/// All that comes out, if it is as long as announced.
fn whole(decoder: impl Read, length: usize) -> Option<Vec<u8>> {
    let most = u64::try_from(length).ok()?.checked_add(1)?;
    let mut out = Vec::new();
    decoder.take(most).read_to_end(&mut out).ok()?;
    (out.len() == length).then_some(out)
}

/// The mark of a window beyond 16 MiB, which RFC 7932 (§9.1) has not, and some decoders take.
fn is_large(compressed: &[u8]) -> bool {
    compressed.first().is_some_and(|first| first & 0x7f == 0x11)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::dissect::wire::test_bytes::{Noise, hex};
    use flate2::Compression;
    use flate2::write::ZlibEncoder;
    use std::io::Write;

    fn message(algorithm: u16, length: usize, compressed: &[u8]) -> Vec<u8> {
        let u24 = |n: usize| n.to_be_bytes()[5..].to_vec();
        let head = algorithm.to_be_bytes().to_vec();
        [
            head,
            u24(length),
            u24(compressed.len()),
            compressed.to_vec(),
        ]
        .concat()
    }

    fn said() -> Vec<u8> {
        b"certificates of drones are like one another, ".repeat(40)
    }

    /// What `said` is by each algorithm; that of Brotli was made by its first implementation.
    fn compressed() -> [(u16, Vec<u8>); 3] {
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::default());
        zlib.write_all(&said()).unwrap();
        let level = ruzstd::encoding::CompressionLevel::Fastest;
        [
            (ZLIB, zlib.finish().unwrap()),
            (BROTLI, hex(BY_BROTLI)),
            (ZSTD, ruzstd::encoding::compress_to_vec(&*said(), level)),
        ]
    }

    const BY_BROTLI: &str = "1b0707d09c09364ea81787859761646f652697206e730952f6d6a2e4028c615a01c628506b6f7a60a4bbc4951a";

    #[test]
    fn each_algorithm_gives_what_was_compressed() {
        for (algorithm, bytes) in compressed() {
            let length = said().len();
            let good = message(algorithm, length, &bytes);
            assert_eq!(certificate(&good), Ok(said()), "{algorithm}");
            for wrong in [length - 1, length + 1, 0] {
                let bad = message(algorithm, wrong, &bytes);
                assert_eq!(certificate(&bad), Err(Unread::Broken), "{algorithm}");
            }
            for other in (0..5).filter(|other| *other != algorithm) {
                let bad = message(other, length, &bytes);
                assert_eq!(certificate(&bad), Err(Unread::Broken), "{algorithm}");
            }
            let long = message(algorithm, MESSAGE_MAX + 1, &bytes);
            assert_eq!(certificate(&long), Err(Unread::TooLong), "{algorithm}");
            for cut in 0..good.len() {
                assert_eq!(certificate(&good[..cut]), Err(Unread::Broken), "{cut}");
                let less = message(algorithm, length, &bytes[..cut.min(bytes.len() - 1)]);
                // A check behind the last byte may be missing.
                let opened = certificate(&less);
                assert!(
                    [Err(Unread::Broken), Ok(said())].contains(&opened),
                    "{algorithm} {cut}"
                );
            }
            let mut behind = good;
            behind.push(0);
            assert_eq!(certificate(&behind), Err(Unread::Broken), "{algorithm}");
        }
    }

    #[test]
    fn damaged_bytes_come_to_an_end() {
        let mut noise = Noise(0x2545_f491);
        for (algorithm, bytes) in compressed() {
            for _ in 0..4_000 {
                let mut damaged = bytes.clone();
                for _ in 0..=noise.below(3) {
                    let at = noise.below(damaged.len());
                    damaged[at] = noise.number().to_le_bytes()[0];
                }
                let opened = certificate(&message(algorithm, said().len(), &damaged));
                assert!(opened.is_err() || opened.is_ok_and(|out| out.len() == said().len()));
            }
        }
    }

    #[test]
    fn windows_beyond_the_format_are_not_made() {
        // The mark, 30 bits of window, and what would follow.
        for first in [0x11, 0x91] {
            let large = [&[first, 30][..], &[0xff; 40]].concat();
            assert!(is_large(&large));
            assert_eq!(
                certificate(&message(BROTLI, 100, &large)),
                Err(Unread::Broken)
            );
        }
        // Zstandard: a window of 1 GiB in the frame's header.
        let large = hex("28b52ffd 00 a0 010000");
        assert_eq!(
            certificate(&message(ZSTD, 100, &large)),
            Err(Unread::Broken)
        );
    }

    #[test]
    fn a_little_that_grows_without_end_is_cut_where_it_was_announced() {
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::best());
        zlib.write_all(&vec![0; 64 << 20]).unwrap();
        let bomb = zlib.finish().unwrap();
        let bomb = message(ZLIB, MESSAGE_MAX, &bomb);
        assert_eq!(certificate(&bomb), Err(Unread::Broken));
    }
}
