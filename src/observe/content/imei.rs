//! IMEI: fifteen digits, the last of which checks the others (3GPP TS 23.003 §6.2.1, annex B: Luhn).
//!
//! The first two digits name the body that allocated it (GSMA TS.06); few are in use. Under a name that says so every
//! one of them is taken, and alone only the usual ones: one in ten numbers of that length passes the check digit.

use super::text::Text;
use super::{Detector, Found, mask};
use crate::evidence::content::Kind;

pub(super) const DETECTOR: Detector = Detector {
    kind: Kind::Imei,
    keys: &[
        "*imei",
        "imei1",
        "imei2",
        "imeisv",
        "meid",
        "deviceid",
        "devid",
        "did",
        "phoneid",
        "terminalid",
    ],
    find,
};

const DIGITS: usize = 15;
/// Reporting bodies, GSMA TS.06 annex.
const BODIES: [&str; 17] = [
    "01", "10", "30", "33", "35", "44", "45", "49", "50", "51", "52", "53", "54", "86", "91", "98",
    "99",
];
/// Those that nearly all phones of the last years have: PTCRB, BABT, TAF.
const USUAL_BODIES: [&str; 3] = ["01", "35", "86"];

fn find(text: &Text<'_>, out: &mut Vec<Found>) {
    let mut named = Vec::new();
    for field in text.fields(Kind::Imei) {
        let Some(value) = field.text() else { continue };
        let digits: String = value.chars().filter(|c| !matches!(c, '-' | ' ')).collect();
        if holds(&digits, &BODIES) || (field.name() == "meid" && is_meid(&digits)) {
            named.push(field.value_at);
            out.push(found(digits, field.at, field.end()));
        }
    }
    if text.sure {
        named.sort_unstable();
        alone(text, &named, out);
    }
}

/// Fourteen hexadecimal digits, the first two a region's (3GPP2 S.R0048 §3).
fn is_meid(digits: &str) -> bool {
    digits.len() == 14
        && digits.bytes().all(|b| b.is_ascii_hexdigit())
        && digits.starts_with(['A', 'B', 'C', 'D', 'E', 'F', 'a', 'b', 'c', 'd', 'e', 'f'])
}

/// Words that say what number follows, in whatever way it is joined to them: a host label, a client id, a user agent.
const WORDS: &[&str] = &[
    "imei",
    "imei1",
    "imei2",
    "imeis",
    "imeino",
    "imeinumber",
    "deviceid",
    "phoneid",
];

/// Numbers without a name: a path segment, a client id, a word.
fn alone(text: &Text<'_>, named: &[usize], out: &mut Vec<Found>) {
    let delimiter = |b: Option<u8>| {
        b.is_none_or(|b| {
            matches!(
                b,
                b'/' | b' ' | b'\r' | b'\n' | b'#' | b'@' | b';' | b'(' | b')'
            )
        })
    };
    let word_end = |b: Option<u8>| b.is_none_or(|b| !b.is_ascii_alphanumeric());
    // One digit in fifteen bytes at least is part of such a number.
    let mut probe = DIGITS.saturating_sub(1);
    while let Some(byte) = text.byte(probe) {
        if !byte.is_ascii_digit() {
            probe = probe.saturating_add(DIGITS);
            continue;
        }
        let before = text.bytes.get(..probe).unwrap_or_default();
        let lead = before.iter().rev().take_while(|b| b.is_ascii_digit());
        let at = probe.saturating_sub(lead.count());
        let behind = text.bytes.get(probe..).unwrap_or_default();
        let follow = behind.iter().take_while(|b| b.is_ascii_digit()).count();
        let end = probe.saturating_add(follow);
        let run = end.saturating_sub(at);
        probe = end.saturating_add(DIGITS);
        if run != DIGITS || named.binary_search(&at).is_ok() || !word_end(text.byte(end)) {
            continue;
        }
        // Values of other names are something else: ids of apps and pages have as many digits.
        let free = delimiter(text.before(at)) && delimiter(text.byte(end));
        let words = text.words_before(at);
        let said = WORDS.iter().any(|word| words.ends_with(word));
        let bodies: &[&str] = if said { &BODIES } else { &USUAL_BODIES };
        if (free || said)
            && let Some(digits) = text
                .bytes
                .get(at..end)
                .and_then(|b| std::str::from_utf8(b).ok())
            && holds(digits, bodies)
        {
            out.push(found(digits.to_owned(), at, end));
        }
    }
}

fn found(digits: String, at: usize, end: usize) -> Found {
    Found {
        kind: Kind::Imei,
        at,
        end,
        masked: mask::ends(&digits),
        plain: digits,
    }
}

/// True for a number that can be one.
pub(super) fn is_imei(digits: &str) -> bool {
    holds(digits, &BODIES)
}

fn holds(digits: &str, bodies: &[&str]) -> bool {
    digits.len() == DIGITS
        && bodies.iter().any(|body| digits.starts_with(body))
        // A serial part of one digit repeated is a placeholder.
        && digits.get(2..14).is_some_and(|d| d.chars().any(|c| !d.starts_with(c)))
        && luhn(digits)
}

/// The check digit of ISO/IEC 7812-1 annex B.
pub(super) fn luhn(digits: &str) -> bool {
    let mut sum = 0u32;
    for (place, digit) in digits.chars().rev().enumerate() {
        let Some(digit) = digit.to_digit(10) else {
            return false;
        };
        let value = if place % 2 == 1 {
            digit.saturating_mul(2)
        } else {
            digit
        };
        sum = sum.saturating_add(if value > 9 {
            value.saturating_sub(9)
        } else {
            value
        });
    }
    sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::content::found_by;

    #[test]
    fn the_check_digit_and_the_name_decide() {
        // The example of 3GPP TS 23.003 annex B has no reporting body; this one is printed everywhere.
        for text in [
            r#"{"imei":"490154203237518"}"#,
            "IMEI1=49-015420-323751-8",
            "deviceId=490154203237518",
        ] {
            assert_eq!(found_by(&DETECTOR, text), ["490154203237518"], "{text}");
        }
        assert_eq!(
            found_by(&DETECTOR, "/d/356938035643809/up"),
            ["356938035643809"]
        );
        for text in [
            "User-Agent: DJI/4.3 (Android 10; IMEI 490154203237518)",
            "imei-490154203237518.t.example.net",
            "device id #490154203237518, ok",
            "clientimei490154203237518",
        ] {
            assert_eq!(found_by(&DETECTOR, text), ["490154203237518"], "{text}");
        }
        for text in [
            r#"{"order":"356938035643809","n":490154203237518}"#,
            "imei-490154203237519.t.example.net",
            r#"{"imei":"490154203237519"}"#,
            r#"{"imei":"000000000000000"}"#,
            r#"{"imei":"4901542032375180"}"#,
            "/d/490154203237518/up",
            "fb_app_id=356938035643809",
            "0.356938035643809",
            "a356938035643809b",
        ] {
            assert_eq!(found_by(&DETECTOR, text), [""; 0], "{text}");
        }
    }
}
