//! How much of a payload is text that was really read.
//!
//! Ciphertext and compressed data have printable bytes too, but no long runs of them: what counts are grains of bytes that are text
//! as a whole. A long run of base64 or hexadecimal digits is text to the eye and nothing to a reader unless it was opened.

use base64::Engine as _;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// Judged together: three in eight bytes of noise are printable, so that a grain of noise is never text.
const GRAIN: usize = 64;
/// A run of digits longer than this is a sealed blob; keys, signatures and hashes are shorter, and say nothing of a person.
const BLOB_MIN: usize = 128;
/// The shortest run that is opened to see what is inside.
const OPENED_MIN: usize = 48;
/// The most of a run that is opened.
const OPENED_MAX: usize = 256 << 10;

/// What a byte is to a reader of text.
const OTHER: u8 = 0;
const TEXT: u8 = 1;
/// Part of a character in UTF-8.
const HIGH: u8 = 2;
static CLASSES: [u8; 256] = {
    let mut classes = [OTHER; 256];
    let mut byte = 0u8;
    loop {
        // In a constant, an index beyond the table does not compile.
        #[allow(clippy::indexing_slicing)]
        {
            classes[byte as usize] = match byte {
                b' '..=b'~' | b'\t' | b'\r' | b'\n' => TEXT,
                0x80.. => HIGH,
                _ => OTHER,
            };
        }
        if byte == u8::MAX {
            break classes;
        }
        byte += 1;
    }
};

fn class(byte: u8) -> u8 {
    CLASSES.get(usize::from(byte)).copied().unwrap_or(OTHER)
}

/// True for printable ASCII and white space.
pub(super) fn is_text_byte(byte: u8) -> bool {
    class(byte) == TEXT
}

/// The grains of `bytes` from `from` on that are text: where they begin and end. What is shorter than a grain is judged with
/// what stands before it.
pub(super) fn text_grains(bytes: &[u8], from: usize) -> Vec<(usize, usize)> {
    let multibyte = !bytes.is_ascii() && is_utf8(bytes);
    let mut out: Vec<(usize, usize)> = Vec::new();
    let mut begin = from;
    while begin < bytes.len() {
        let end = begin.saturating_add(GRAIN).min(bytes.len());
        let grain = bytes
            .get(end.saturating_sub(GRAIN)..end)
            .unwrap_or_default();
        let (mut other, mut high) = (0usize, 0usize);
        for &byte in grain {
            let class = class(byte);
            other = other.wrapping_add(usize::from(class == OTHER));
            high = high.wrapping_add(usize::from(class == HIGH));
        }
        let strange = if multibyte {
            other
        } else {
            other.wrapping_add(high)
        };
        // One length byte or separator in a grain is a frame around text.
        if strange == 0 || (grain.len() == GRAIN && strange == 1) {
            match out.last_mut() {
                Some((_, to)) if *to == begin => *to = end,
                _ => out.push((begin, end)),
            }
        }
        begin = end;
    }
    out
}

/// Bytes of `bytes` that stand in text.
#[cfg(test)]
fn text_bytes(bytes: &[u8]) -> usize {
    total(&text_grains(bytes, 0))
}

/// Bytes in grains.
fn total(grains: &[(usize, usize)]) -> usize {
    let lengths = grains.iter().map(|(begin, end)| end.saturating_sub(*begin));
    lengths.fold(0, usize::saturating_add)
}

/// True if the grains make up nearly all of `length` bytes.
pub(super) fn nearly_all(grains: &[(usize, usize)], length: usize) -> bool {
    total(grains).saturating_mul(20) >= length.saturating_mul(19)
}

/// UTF-8, but for a character that is cut at either end.
fn is_utf8(bytes: &[u8]) -> bool {
    let start = bytes
        .iter()
        .take(3)
        .take_while(|b| **b & 0xc0 == 0x80)
        .count();
    match std::str::from_utf8(bytes.get(start..).unwrap_or_default()) {
        Ok(_) => true,
        Err(error) => error.error_len().is_none(),
    }
}

/// True if nearly all of it is text.
pub(super) fn is_text(bytes: &[u8]) -> bool {
    nearly_all(&text_grains(bytes, 0), bytes.len())
}

/// A run of base64 or hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) at: usize,
    pub(super) end: usize,
}

impl Run {
    /// So long that its content counts as sealed unless it was opened.
    pub(super) fn is_blob(self) -> bool {
        self.end.saturating_sub(self.at) >= BLOB_MIN
    }
}

/// The runs in a text that are long enough to hold something.
pub(super) fn runs(bytes: &[u8]) -> Vec<Run> {
    let is_digit = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'-' | b'_');
    let mut out = Vec::new();
    // One digit in so many bytes at least is part of a run that is long enough.
    let mut probe = OPENED_MIN.saturating_sub(1);
    while let Some(byte) = bytes.get(probe) {
        if !is_digit(byte) {
            probe = probe.saturating_add(OPENED_MIN);
            continue;
        }
        let before = bytes.get(..probe).unwrap_or_default();
        let lead = before.iter().rev().take_while(|b| is_digit(b)).count();
        let behind = bytes.get(probe..).unwrap_or_default();
        let follow = behind.iter().take_while(|b| is_digit(b)).count();
        let (at, end) = (probe.saturating_sub(lead), probe.saturating_add(follow));
        if end.saturating_sub(at) >= OPENED_MIN {
            out.push(Run { at, end });
        }
        probe = end.saturating_add(OPENED_MIN);
    }
    out
}

/// What is inside a run, if that can be told: text or a known file. `known` says whether bytes begin a known file.
pub(super) fn open(run: &[u8], known: fn(&[u8]) -> bool) -> Option<Vec<u8>> {
    let run = run.get(..OPENED_MAX).unwrap_or(run);
    if run.iter().all(u8::is_ascii_hexdigit) {
        let bytes = unhex(run);
        return (is_text(&bytes) || known(&bytes)).then_some(bytes);
    }
    // A path or a word list is no base64: it would be read as noise.
    let alphabet = if run.iter().any(|b| matches!(b, b'-' | b'_')) {
        &URL_SAFE
    } else {
        &STANDARD
    };
    let config = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    let engine = GeneralPurpose::new(alphabet, config);
    // A run that was cut may begin inside a group of four.
    (0..4).find_map(|phase| {
        let digits = run.get(phase..)?;
        let odd = usize::from(digits.len() % 4 == 1);
        let digits = digits.get(..digits.len().saturating_sub(odd))?;
        let bytes = engine.decode(digits).ok()?;
        (is_text(&bytes) || (phase == 0 && known(&bytes))).then_some(bytes)
    })
}

fn unhex(digits: &[u8]) -> Vec<u8> {
    let digit = |b: u8| {
        char::from(b)
            .to_digit(16)
            .and_then(|d| u8::try_from(d).ok())
            .unwrap_or(0)
    };
    digits
        .as_chunks::<2>()
        .0
        .iter()
        .map(|[high, low]| digit(*high) << 4 | digit(*low))
        .collect()
}

/// What ping programs fill their payload with: bytes that count up, or one byte over and over (a time stamp may stand before).
pub(super) fn is_filler(bytes: &[u8]) -> bool {
    const STAMP: usize = 24;
    if bytes.len() <= STAMP {
        return true;
    }
    let rest = bytes.get(STAMP..).unwrap_or_default();
    let steps = rest.windows(2).filter_map(|w| match w {
        [a, b] => Some(b.wrapping_sub(*a)),
        _ => None,
    });
    let mut steps = steps.peekable();
    let first = steps.peek().copied().unwrap_or(0);
    first <= 1 && steps.filter(|s| *s != first).count() <= 2
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dissect::wire::test_bytes::Noise;

    #[test]
    fn text_is_told_from_noise() {
        assert!(is_text(b"{\"a\":1}") && is_text("Straße 12, 李雷".as_bytes()) && is_text(b""));
        let mut noise = Noise(3);
        for length in [16, 64, 1400] {
            assert_eq!(text_bytes(&noise.bytes(length)), 0);
        }
        let mixed = [&[b'a'; 128][..], &noise.bytes(128)].concat();
        assert_eq!(text_bytes(&mixed), 128);
    }

    #[test]
    fn runs_are_opened_or_sealed() {
        let engine = base64::engine::general_purpose::STANDARD;
        let inside = br#"{"email":"pilot.jones@example.org","imei":"490154203237518"}"#;
        let text = engine.encode(inside);
        let run = text.trim_end_matches('=').as_bytes();
        assert_eq!(open(run, |_| false).as_deref(), Some(&inside[..]));
        assert!(open(run.get(3..).unwrap_or_default(), |_| false).is_some());
        let mut noise = Noise(4);
        let sealed = engine.encode(noise.bytes(300));
        assert_eq!(open(sealed.as_bytes(), |_| false), None);
        assert_eq!(runs(format!("x={text}&y=2").as_bytes()).len(), 1);
    }

    #[test]
    fn pings_carry_filler() {
        let count: Vec<u8> = (0..56).collect();
        assert!(is_filler(&count) && is_filler(&[0x61; 40]) && is_filler(b"abc"));
        assert!(!is_filler(
            b"a ping that carries a long line of text, or of something else"
        ));
    }
}
