//! Text written in base85: Ascii85, Z85 and the alphabet of RFC 1924, five digits for four bytes.
//!
//! A stretch is read where text comes out; chance writes none in sixteen bytes. What does not open is judged by how it is spread
//! ([`super::dense`]).

use super::blob::Run;

/// Digits that are tried: sixteen bytes.
const DIGITS_MIN: usize = 20;
/// The most of a stretch that is read.
pub(super) const DIGITS_MAX: usize = 320 << 10;
const RFC1924: &[u8; 85] =
    b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~";
const Z85: &[u8; 85] =
    b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";

/// The stretches of a text that could be base85: what stands in quotes, and the text as a whole.
pub(super) fn stretches(bytes: &[u8]) -> Vec<(Run, Vec<u8>)> {
    let mut out = Vec::new();
    let mut note = |at: usize, end: usize| {
        let written = bytes.get(at..end).unwrap_or_default();
        // No digit is a mark that is not written.
        if !has_marks(written) {
            return;
        }
        let digits = digits(written);
        if digits.len() >= DIGITS_MIN && has_marks(&digits) {
            out.push((Run { at, end }, digits));
        }
    };
    note(0, bytes.len());
    let mut open: Option<usize> = None;
    let mut escaped = false;
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            b'\\' => escaped = !escaped,
            b'"' if !escaped => {
                if let Some(from) = open.filter(|from| at.saturating_sub(*from) >= DIGITS_MIN) {
                    note(from, at);
                }
                open = Some(at.saturating_add(1));
            }
            _ => escaped = false,
        }
    }
    out
}

/// The digits of a stretch: without white space, the marks of Adobe around it, and the backslashes of a string.
fn digits(written: &[u8]) -> Vec<u8> {
    let written = written.get(..DIGITS_MAX).unwrap_or(written).trim_ascii();
    let written = written.strip_prefix(b"<~").unwrap_or(written);
    let written = written.strip_suffix(b"~>").unwrap_or(written);
    let mut out = Vec::with_capacity(written.len());
    let mut at = 0usize;
    while let Some(byte) = written.get(at) {
        let next = written.get(at.saturating_add(1));
        let quoted = *byte == b'\\' && matches!(next, Some(b'"' | b'\\'));
        at = at.saturating_add(if quoted { 2 } else { 1 });
        let byte = if quoted { next } else { Some(byte) };
        out.extend(byte.filter(|b| !b.is_ascii_whitespace()));
    }
    out
}

/// Words and other digits have no such marks among them.
fn has_marks(digits: &[u8]) -> bool {
    const MARKS_MIN: usize = 2;
    let mark = |b: &&u8| b.is_ascii_punctuation() && !b"+/=-_.".contains(b);
    digits.iter().filter(mark).take(MARKS_MIN).count() == MARKS_MIN
}

/// What the digits stand for in each alphabet that has them all.
pub(super) fn readings(digits: &[u8]) -> impl Iterator<Item = Vec<u8>> + use<> {
    let ascii85 = |b: u8| matches!(b, b'!'..=b'u').then(|| b.wrapping_sub(b'!'));
    [
        decode(digits, &of(RFC1924)),
        decode(digits, &of(Z85)),
        decode(digits, &ascii85),
    ]
    .into_iter()
    .flatten()
}

fn of(alphabet: &'static [u8; 85]) -> impl Fn(u8) -> Option<u8> {
    let mut values = [u8::MAX; 256];
    for (value, digit) in (0u8..).zip(alphabet) {
        if let Some(slot) = values.get_mut(usize::from(*digit)) {
            *slot = value;
        }
    }
    move |b| {
        values
            .get(usize::from(b))
            .copied()
            .filter(|value| *value < 85)
    }
}

fn decode(digits: &[u8], value: &dyn Fn(u8) -> Option<u8>) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(digits.len());
    for group in digits.chunks(5) {
        let mut sum = 0u32;
        for place in 0..5 {
            // A group that is cut short counts as filled with the highest digit.
            let digit = group.get(place).map_or(Some(84), |b| value(*b))?;
            sum = sum.checked_mul(85)?.checked_add(u32::from(digit))?;
        }
        let kept = group.len().saturating_sub(1);
        out.extend(sum.to_be_bytes().iter().take(kept));
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_alphabet_is_read() {
        let opened = |text: &str| {
            let stretches = stretches(text.as_bytes()).into_iter();
            stretches
                .flat_map(|(_, digits)| readings(&digits))
                .any(|b| b.starts_with(b"erika.mustermann@gmx.de"))
        };
        // The address in RFC 1924's alphabet, in Ascii85 (bare and as Adobe writes it) and in Z85.
        for text in VECTORS {
            assert!(opened(text), "{text}");
        }
        assert!(!opened(r#"{"email":"erika.mustermann@gmx.de"}"#));
    }

    const VECTORS: &[&str] = &[
        r##"{"d":"WpZh2VJ>ZTb97~LZDDS1Kxb`uE@WjO"}"##,
        r##"ATDL#@4lD>F*(u6D..="5\FqY/nAN9"##,
        r##"<~ATDL#@4lD>F*(u6D..="5\FqY/nAN9~>"##,
        r##"{"d":"ATDL#@4lD>F*(u6D..=\"5\\FqY/nAN9"}"##,
        r##"{"d":"wPzH2vj(ztB97#lzdds1kXB}Ue[wJo"}"##,
    ];
}
