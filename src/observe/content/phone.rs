//! Telephone numbers: under names that say so, or written in international form (ITU-T E.164: `+`, at most 15 digits).

use super::text::Text;
use super::{Detector, Found, mask};
use crate::evidence::content::Kind;

pub(super) const DETECTOR: Detector = Detector {
    kind: Kind::PhoneNumber,
    keys: &[
        "*phone",
        "*phoneno",
        "*phonenum",
        "*phonenumber",
        "*telephone",
        "*mobile",
        "mobileno",
        "mobilenumber",
        "*mobilephone",
        "tel",
        "telno",
        "cellphone",
        "msisdn",
        "contactnumber",
        "whatsapp",
    ],
    find,
};

/// National numbers in use have at least seven digits.
const DIGITS_MIN: usize = 7;
/// Without a name beside it, a number must be as long as international ones are.
const ALONE_MIN: usize = 10;
const DIGITS_MAX: usize = 15;

fn find(text: &Text<'_>, out: &mut Vec<Found>) {
    let mut named = Vec::new();
    for field in text.fields(Kind::PhoneNumber) {
        let Some(value) = field.text() else { continue };
        if let Some(digits) = number(value)
            && digits.len() >= DIGITS_MIN
        {
            named.push(field.value_at..field.end());
            out.push(found(value, field.at, field.end()));
        }
    }
    if !text.sure {
        return;
    }
    for at in memchr::memchr_iter(b'+', text.bytes) {
        // Fields come in order.
        let last = named.partition_point(|range| range.start <= at);
        let within = last.checked_sub(1).and_then(|last| named.get(last));
        if within.is_some_and(|range| range.contains(&at)) {
            continue;
        }
        let behind = text.bytes.get(at.saturating_add(1)..).unwrap_or_default();
        let length = behind
            .iter()
            .take(DIGITS_MAX.saturating_add(1))
            .take_while(|b| b.is_ascii_digit())
            .count();
        let end = at.saturating_add(1).saturating_add(length);
        // In base64, arithmetic and time zones a plus has neighbours; before a telephone number stands a delimiter.
        let opens = text
            .before(at)
            .is_none_or(|b| matches!(b, b'"' | b'\'' | b' ' | b':' | b'>' | b',' | b'(' | b'\n'))
            || is_value(text, at);
        let closes = text.byte(end).is_none_or(|b| {
            !b.is_ascii_alphanumeric() && !matches!(b, b'.' | b'+' | b'/' | b'=' | b':')
        });
        let Some(digits) = behind
            .get(..length)
            .and_then(|b| std::str::from_utf8(b).ok())
        else {
            continue;
        };
        if (ALONE_MIN..=DIGITS_MAX).contains(&length)
            && opens
            && closes
            && is_assigned(digits)
            && is_dialled(digits)
            && !is_time(digits)
            && !is_counted(digits)
            && !OTHER_NAMES.contains(&text.name_before(at).as_str())
        {
            out.push(found(&format!("+{digits}"), at, end));
        }
    }
}

fn found(plain: &str, at: usize, end: usize) -> Found {
    Found {
        kind: Kind::PhoneNumber,
        at,
        end,
        plain: plain.to_owned(),
        masked: mask::ends(plain),
    }
}

/// The digits of a number, with nothing around them but what people write there.
fn number(value: &str) -> Option<String> {
    let rest = value.strip_prefix('+').unwrap_or(value);
    let digits: String = rest.chars().filter(char::is_ascii_digit).collect();
    let only = rest
        .chars()
        .all(|c| c.is_ascii_digit() || matches!(c, ' ' | '-' | '(' | ')' | '.' | '/'));
    let varied = digits.chars().any(|c| !digits.starts_with(c));
    // A decimal number is a measurement.
    let measured = rest.matches('.').count() == 1;
    (only && varied && !measured && digits.len() <= DIGITS_MAX).then_some(digits)
}

/// Names of values that may have a plus sign and are no telephone numbers.
const OTHER_NAMES: &[&str] = &[
    "v",
    "ver",
    "version",
    "build",
    "buildnumber",
    "revision",
    "range",
    "tz",
    "timezone",
    "offset",
    "utcoffset",
    "ts",
    "t",
    "time",
    "timestamp",
    "date",
    "datetime",
    "delta",
    "diff",
    "price",
    "amount",
    "score",
    "count",
    "total",
    "size",
    "seq",
];

/// True behind the equals sign of a name; behind another it is arithmetic.
fn is_value(text: &Text<'_>, at: usize) -> bool {
    let name = at.checked_sub(2).and_then(|before| text.byte(before));
    text.before(at) == Some(b'=') && name.is_some_and(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// A date, with or without a time of day, as programs number their builds: 20250301, 202503011234.
fn is_time(digits: &str) -> bool {
    let part = |at: usize| {
        digits
            .get(at..at.saturating_add(2))
            .and_then(|d| d.parse::<u8>().ok())
    };
    let day = part(4).is_some_and(|m| (1..=12).contains(&m))
        && part(6).is_some_and(|d| (1..=31).contains(&d));
    let hour = part(8).is_none_or(|h| h < 24);
    let minute = part(10).is_none_or(|m| m < 60);
    (digits.starts_with("19") || digits.starts_with("20")) && day && hour && minute
}

/// Digits that count up or down, or hardly change: a sample.
fn is_counted(digits: &str) -> bool {
    let steps = digits.as_bytes().windows(2);
    let pairs = steps.len();
    let step = |by: u8| {
        let steps = digits.as_bytes().windows(2);
        let alike = steps.filter(|w| matches!(w, [a, b] if b.wrapping_sub(b'0') == a.wrapping_sub(b'0').wrapping_add(by).wrapping_add(10) % 10));
        alike.count().saturating_add(1) >= pairs
    };
    step(1) || step(0) || step(9)
}

/// Numbers of the large plans have a fixed form (ITU-T E.129 lists them): North America ten digits of which the first and fourth are
/// 2 to 9, Russia and Kazakhstan ten, China eleven for mobiles.
fn is_dialled(digits: &str) -> bool {
    let digit = |at: usize| digits.as_bytes().get(at).copied().unwrap_or(b'0');
    match digit(0) {
        b'1' => digits.len() == 11 && digit(1) >= b'2' && digit(4) >= b'2',
        b'7' => digits.len() == 11,
        b'8' if digits.starts_with("86") => (12..=13).contains(&digits.len()),
        _ => true,
    }
}

/// Country codes begin so (ITU-T E.164, list of assigned codes); the others are spare or not geographic.
fn is_assigned(digits: &str) -> bool {
    const SPARE: [&str; 16] = [
        "0", "210", "214", "215", "217", "219", "259", "28", "292", "293", "384", "42", "69", "80",
        "83", "89",
    ];
    let odd = ["87", "88", "97", "99"];
    let used = [
        "880", "886", "971", "972", "973", "974", "975", "976", "977", "992", "993", "994", "995",
        "996", "998",
    ];
    !SPARE.iter().any(|spare| {
        digits.starts_with(spare)
            && !["420", "421", "423", "690", "691", "692"]
                .iter()
                .any(|u| digits.starts_with(u))
    }) && (!odd.iter().any(|odd| digits.starts_with(odd))
        || used.iter().any(|used| digits.starts_with(used)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::content::found_by;

    #[test]
    fn numbers_under_a_name_or_in_international_form() {
        for (text, number) in [
            (r#"{"phone":"13800138000"}"#, "13800138000"),
            ("user_phone=%2B49", ""),
            ("mobile=(089) 123-4567", ""),
            (r#"{"mobile":"(089) 123-4567"}"#, "(089) 123-4567"),
            (r#"call "+4915112345678" now"#, "+4915112345678"),
            ("tel:+12025550123", "+12025550123"),
            (r#"{"id":"+14255550123"}"#, "+14255550123"),
            ("id=+8613800138000&x=1", "+8613800138000"),
        ] {
            let expected: Vec<&str> = Some(number).filter(|n| !n.is_empty()).into_iter().collect();
            assert_eq!(found_by(&DETECTOR, text), expected, "{text}");
        }
        for text in [
            r#"{"phone":"iPhone 14"}"#,
            r#"{"phone":"0000000000"}"#,
            r#"{"mobile":true}"#,
            r#"{"phone":"123456"}"#,
            "2024-01-01T00:00:00+0100",
            "q=a+4915112345678",
            "AbC+4915112345678aB==",
            "x = +1234567890.25",
            r#"{"v":"+2025030112","range":"=+12345678901"}"#,
            r#"{"build":"+4915112345678"}"#,
            r#"{"id":"+20250301123456"}"#,
            "sum==+4915112345678",
            "+0123456789012",
        ] {
            assert_eq!(found_by(&DETECTOR, text), [""; 0], "{text}");
        }
    }
}
