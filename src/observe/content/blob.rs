//! Runs of digits that stand for bytes: base64 and base64url (RFC 4648 §4, §5), base32 (§6), hexadecimal (§8) and binary.
//!
//! A run is opened where what comes out is text or begins like a known file. A long one that does not open is sealed: text to the
//! eye and nothing to a reader. Paths and words are made of the same letters; they are told by how seldom letters, capitals and
//! digits take turns, and by how unevenly their letters are spread. Ids, hashes, keys and signatures are short, or stand behind a name
//! that says so.

use super::dense::{is_even, is_mixed};
use super::text::Text;
use base64::Engine as _;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// A run of digits longer than this is a sealed blob; keys, signatures and hashes are shorter, and say nothing of a person.
const BLOB_MIN: usize = 128;
/// What names say is a signature, a hash or a place in a list may be longer: RSA of 4096 bits in base64 has 684 digits.
const NAMED_MAX: usize = 700;
/// The shortest run that is opened to see what is inside: an address of a dozen characters.
const OPENED_MIN: usize = 20;
/// The most of a run that is opened.
pub(super) const OPENED_MAX: usize = 256 << 10;
/// Lines that are broken by a width (RFC 2045 §6.8: 76, RFC 7468 §2: 64) are at least this long; then the next line goes on.
const LINE_MIN: usize = 48;

/// A run of digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) at: usize,
    pub(super) end: usize,
}

fn is_digit(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_')
}

/// The line break at the start of `bytes`, as it is or escaped.
fn line_break(bytes: &[u8]) -> usize {
    [&b"\r\n"[..], b"\n", b"\\r\\n", b"\\n"]
        .iter()
        .find(|mark| bytes.starts_with(mark))
        .map_or(0, |mark| mark.len())
}

/// The runs in a text that are long enough to hold something.
pub(super) fn runs(bytes: &[u8]) -> Vec<Run> {
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
        let at = probe.saturating_sub(lead);
        let mut end = probe;
        let mut line = at;
        loop {
            let behind = bytes.get(end..).unwrap_or_default();
            end = end.saturating_add(behind.iter().take_while(|b| is_digit(b)).count());
            let behind = bytes.get(end..).unwrap_or_default();
            let next = line_break(behind);
            let goes_on = next > 0
                && end.saturating_sub(line) >= LINE_MIN
                && behind.get(next).is_some_and(is_digit);
            if !goes_on {
                break;
            }
            end = end.saturating_add(next);
            line = end;
        }
        if end.saturating_sub(at) >= OPENED_MIN {
            out.push(Run { at, end });
        }
        probe = end.saturating_add(OPENED_MIN);
    }
    out
}

/// The digits of a run, without line breaks.
pub(super) fn digits(run: &[u8]) -> Vec<u8> {
    let run = run.get(..OPENED_MAX).unwrap_or(run);
    let mut out = Vec::with_capacity(run.len());
    let mut at = 0usize;
    while let Some(byte) = run.get(at) {
        let length = line_break(run.get(at..).unwrap_or_default());
        if length == 0 {
            out.push(*byte);
        }
        at = at.saturating_add(length.max(1));
    }
    out
}

/// What a run could stand for, likeliest first.
pub(super) fn readings(digits: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let all = |is: fn(&u8) -> bool| digits.iter().all(is);
    let binary =
        (all(|b| matches!(b, b'0' | b'1')) && digits.len().is_multiple_of(8)).then(|| bits(digits));
    let threes =
        (all(u8::is_ascii_digit) && digits.len().is_multiple_of(3)).then(|| threes(digits));
    let hex = all(u8::is_ascii_hexdigit).then(|| unhex(digits));
    let upper = all(|b| matches!(b, b'A'..=b'Z' | b'2'..=b'7'));
    let lower = all(|b| matches!(b, b'a'..=b'z' | b'2'..=b'7'));
    let base32 = (upper || lower).then(|| base32(digits));
    // A path or a word list is no base64: it would be read as noise.
    let alphabet = if digits.iter().any(|b| matches!(b, b'-' | b'_')) {
        &URL_SAFE
    } else {
        &STANDARD
    };
    let config = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    let engine = GeneralPurpose::new(alphabet, config);
    // A run that was cut may begin inside a group of four.
    let base64 = (0..4).filter_map(move |phase| {
        let digits = digits.get(phase..)?;
        let odd = usize::from(digits.len() % 4 == 1);
        let digits = digits.get(..digits.len().saturating_sub(odd))?;
        engine.decode(digits).ok()
    });
    let threes = threes.flatten().into_iter();
    binary
        .into_iter()
        .chain(threes)
        .chain(hex)
        .chain(base32)
        .chain(base64)
}

fn bits(digits: &[u8]) -> Vec<u8> {
    let byte = |bits: &[u8; 8]| bits.iter().fold(0u8, |sum, bit| sum << 1 | (bit & 1));
    digits.as_chunks::<8>().0.iter().map(byte).collect()
}

/// Bytes of three decimal digits each.
fn threes(digits: &[u8]) -> Option<Vec<u8>> {
    let byte = |digits: &[u8; 3]| std::str::from_utf8(digits).ok()?.parse::<u8>().ok();
    digits.as_chunks::<3>().0.iter().map(byte).collect()
}

/// The bytes of hexadecimal digits.
pub(super) fn unhex(digits: &[u8]) -> Vec<u8> {
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

/// The bytes of base32 digits in one case.
pub(super) fn base32(digits: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(digits.len());
    let (mut sum, mut have) = (0u32, 0u32);
    for digit in digits {
        let value = match digit.to_ascii_uppercase() {
            letter @ b'A'..=b'Z' => letter.wrapping_sub(b'A'),
            number => number.wrapping_sub(b'2').wrapping_add(26),
        };
        sum = sum << 5 | u32::from(value & 0x1f);
        have = have.saturating_add(5);
        if have >= 8 {
            have = have.saturating_sub(8);
            // The bits above are those of bytes that were written.
            out.extend(sum.checked_shr(have).map(|byte| (byte & 0xff) as u8));
        }
    }
    out
}

/// Kinds of digits take turns: letters, capitals and numbers. In words, paths and numbers they seldom do.
fn takes_turns(digits: &[u8]) -> bool {
    /// In base64 they do at more than four places in ten, in base32 at three, in hexadecimal at nearly five.
    const OFTEN: (usize, usize) = (2, 9);
    let kind = |b: &u8| match b {
        b'a'..=b'z' => Some(0),
        b'A'..=b'Z' => Some(1),
        b'0'..=b'9' => Some(2),
        _ => None,
    };
    let turns = digits.windows(2).filter(|pair| match pair {
        // A small letter behind a capital is a word.
        [a, b] => matches!((kind(a), kind(b)), (Some(a), Some(b)) if a != b && (a, b) != (1, 0)),
        _ => false,
    });
    let (part, of) = OFTEN;
    turns.count().saturating_mul(of) >= digits.len().saturating_mul(part)
}

/// What a run that does not open is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Closed {
    /// Words, a path, a number.
    Words,
    /// An id, a hash or a key; many of them together hold something.
    Token,
    /// So long that its content counts as sealed.
    Sealed,
}

/// Judges a run that does not open, by its digits and what stands before it.
pub(super) fn closed(text: &Text<'_>, run: Run, digits: &[u8]) -> Closed {
    let long = digits.len() >= BLOB_MIN;
    // No number has so many digits.
    let number = long && digits.iter().all(u8::is_ascii_digit) && is_mixed(digits);
    let written = takes_turns(digits) || number || (long && is_even(digits));
    if !written {
        return Closed::Words;
    }
    if !long || (digits.len() <= NAMED_MAX && is_named(text, run)) {
        return Closed::Token;
    }
    Closed::Sealed
}

/// Behind a name of something that holds no message: a signature, a hash, a place in a list. Or the signature of a JSON web token
/// (RFC 7515 §3.1), behind two parts that were read.
fn is_named(text: &Text<'_>, run: Run) -> bool {
    const NAMES: &[&str] = &[
        "signature",
        "sign",
        "sig",
        "hash",
        "digest",
        "hmac",
        "checksum",
        "sha1",
        "sha256",
        "sha512",
        "md5",
        "etag",
        "nonce",
        "pagetoken",
        "nexttoken",
        "continuationtoken",
        "continuation",
        "cursor",
        "csrftoken",
        "xsrftoken",
        "publickey",
        "pubkey",
    ];
    let name = text.name_before(run.at);
    let signed = text.before(run.at) == Some(b'.') && {
        let before = text
            .bytes
            .get(..run.at.saturating_sub(1))
            .unwrap_or_default();
        let payload = before.iter().rev().take_while(|b| is_digit(b)).count();
        before
            .get(before.len().saturating_sub(payload)..)
            .is_some_and(|payload| payload.starts_with(b"eyJ"))
    };
    signed || NAMES.iter().any(|known| name.ends_with(known))
}

/// A UUID (RFC 9562 §4): one of them is made for each request.
pub(super) fn is_uuid(digits: &[u8]) -> bool {
    std::str::from_utf8(digits).is_ok_and(super::advertising::is_uuid)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::dissect::wire::test_bytes::Noise;
    use base64::engine::general_purpose::STANDARD as ENGINE;

    fn judged(text: &str) -> Vec<Closed> {
        let whole = Text::of(text.as_bytes(), true);
        let runs = runs(text.as_bytes()).into_iter();
        runs.map(|run| {
            let digits = digits(text.as_bytes().get(run.at..run.end).unwrap_or_default());
            closed(&whole, run, &digits)
        })
        .collect()
    }

    #[test]
    fn what_is_sealed_and_what_is_words() {
        let mut noise = Noise(4);
        let noise = noise.bytes(200);
        let sealed = ENGINE.encode(&noise);
        let lines: Vec<_> = sealed
            .as_bytes()
            .chunks(76)
            .map(String::from_utf8_lossy)
            .collect();
        let hex: String = noise.iter().map(|b| format!("{b:02x}")).collect();
        let nibbles: String = hex
            .bytes()
            .map(|b| {
                char::from(if b < b'a' {
                    b - b'0' + b'a'
                } else {
                    b - b'a' + b'k'
                })
            })
            .collect();
        let decimal: String = noise.iter().map(|b| format!("{b:03}")).collect();
        for text in [
            format!("d={sealed}"),
            lines.join("\r\n"),
            lines.join("\\n"),
            hex.to_uppercase(),
            hex.clone(),
            nibbles,
            decimal,
        ] {
            assert_eq!(judged(&text), [Closed::Sealed], "{text}");
        }
        for text in [
            format!("sig={sealed}"),
            hex.get(128..192).unwrap_or_default().to_owned(),
            format!("eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxIiwibiI6MX0.{sealed}"),
        ] {
            assert_eq!(judged(&text).last(), Some(&Closed::Token), "{text}");
        }
        for text in [
            "/blog/how-to-fly-a-drone-in-the-mountains-of-norway-without-losing-it-in-the-fog/and-what-to-do-if-you-lose-it-all-the-same",
            &"A".repeat(300),
            &"0123456789".repeat(30),
            "thequickbrownfoxjumpsoverthelazydogandthenthedogwakesupandchasesthefoxthroughthewoodsuntilbotharetiredandliedownnexttotheriver",
            "com.example.internal.telemetry.FlightRecordUploadServiceImplementation/uploadFlightRecordMetadataOfCurrentSessionToServerAndWaitForResult",
        ] {
            assert!(judged(text).iter().all(|c| *c == Closed::Words), "{text}");
        }
    }

    #[test]
    fn runs_are_opened() {
        let inside = br#"{"email":"pilot.jones@example.org"}"#;
        let opened = |text: &str| readings(text.as_bytes()).any(|bytes| bytes == inside);
        let hex: String = inside.iter().map(|b| format!("{b:02X}")).collect();
        let bits: String = inside.iter().map(|b| format!("{b:08b}")).collect();
        let engine = ENGINE.encode(inside);
        assert!(opened(engine.trim_end_matches('=')) && opened(&hex) && opened(&bits));
        // RFC 4648 §10.
        assert_eq!(base32(b"MZXW6YTBOI"), b"foobar");
    }
}
