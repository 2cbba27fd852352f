//! How much of a payload is text that was really read.
//!
//! Ciphertext and compressed data have printable bytes too, but no long runs of them: what counts are grains of bytes that are text
//! as a whole. What is text to the eye and nothing to a reader is found elsewhere ([`super::blob`], [`super::listed`],
//! [`super::dense`]).

/// Judged together: three in eight bytes of noise are printable, so that a grain of noise is never text.
const GRAIN: usize = 64;
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

/// True for text in UTF-16 whose characters are nearly all of ASCII (RFC 2781), in either order of bytes.
pub(super) fn is_wide(bytes: &[u8]) -> bool {
    const LEAST: usize = 16;
    let units = bytes.as_chunks::<2>().0;
    let many = |wide: &dyn Fn(&[u8; 2]) -> bool| {
        units
            .iter()
            .filter(|unit| wide(unit))
            .count()
            .saturating_mul(8)
            >= units.len().saturating_mul(7)
    };
    bytes.len() >= LEAST
        && (many(&|[low, high]| *high == 0 && is_text_byte(*low))
            || many(&|[high, low]| *high == 0 && is_text_byte(*low)))
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
    use crate::observe::dissect::wire::test_bytes::Noise;

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
    fn wide_text_is_known_in_both_orders() {
        let units: Vec<u16> = "erika@gmx.de".encode_utf16().collect();
        let little: Vec<u8> = units.iter().flat_map(|u| u.to_le_bytes()).collect();
        let big: Vec<u8> = units.iter().flat_map(|u| u.to_be_bytes()).collect();
        assert!(is_wide(&little) && is_wide(&big));
        assert!(!is_wide(&[0; 40]) && !is_wide(b"a text of one byte each"));
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
