//! The time in a `Date` field (RFC 9110 §5.6.7, §6.6.1), in the only form that may still be written.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

const MONTHS: [&[u8; 3]; 12] = [
    b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec",
];

/// Seconds since 1970-01-01T00:00:00Z of an IMF-fixdate such as `Sun, 06 Nov 1994 08:49:37 GMT`.
pub(super) fn seconds(value: &[u8]) -> Option<i64> {
    let value: &[u8; 29] = value.trim_ascii().try_into().ok()?;
    let part = |from: usize, to: usize| value.get(from..to).unwrap_or_default();
    let separators = [
        (part(3, 5), &b", "[..]),
        (part(7, 8), b" "),
        (part(11, 12), b" "),
        (part(16, 17), b" "),
        (part(19, 20), b":"),
        (part(22, 23), b":"),
        (part(25, 29), b" GMT"),
    ];
    if separators.iter().any(|(have, want)| have != want) {
        return None;
    }
    let number = |from, to| {
        let digits = part(from, to);
        let text = std::str::from_utf8(digits).ok()?;
        // `parse` also takes a sign.
        let plain = digits.iter().all(u8::is_ascii_digit);
        plain.then(|| text.parse::<i16>().ok())?
    };
    let small = |from, to| i8::try_from(number(from, to)?).ok();
    let month = (1i8..)
        .zip(MONTHS)
        .find(|(_, name)| name[..] == *part(8, 11));
    let time = DateTime::new(
        number(12, 16)?,
        month?.0,
        small(5, 7)?,
        small(17, 19)?,
        small(20, 22)?,
        small(23, 25)?,
        0,
    );
    Some(TimeZone::UTC.to_timestamp(time.ok()?).ok()?.as_second())
}

#[cfg(test)]
mod tests {
    use super::seconds;

    #[test]
    fn the_example_of_the_standard_and_nothing_like_it() {
        assert_eq!(seconds(b"Sun, 06 Nov 1994 08:49:37 GMT"), Some(784_111_777));
        assert_eq!(
            seconds(b" Thu, 29 Feb 2024 23:59:59 GMT "),
            Some(1_709_251_199)
        );
        for other in [
            &b"Sunday, 06-Nov-94 08:49:37 GMT"[..],
            b"Sun Nov  6 08:49:37 1994",
            b"Sun, 06 Nov 1994 08:49:37 CET",
            b"Sun, 31 Feb 2024 08:49:37 GMT",
            b"Sun, +6 Nov 1994 08:49:37 GMT",
            b"Sun, 06 nov 1994 08:49:37 GMT",
            b"Sun, 06 Nov 1994 24:49:37 GMT",
            b"0",
            b"",
            "Sun, 06 Nov 1994 08:49:37 GM\u{e9}".as_bytes(),
        ] {
            assert_eq!(seconds(other), None, "{}", String::from_utf8_lossy(other));
        }
    }
}
