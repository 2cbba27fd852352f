//! Times as people read them. The report has them in RFC 3339, as pipelines do.

/// `2026-06-10 10:01:35.1 UTC`: date, time of day, and only those digits behind the point that say something.
/// What is no time of a report stays as it is.
pub(super) fn moment(time: &str) -> String {
    match parts(time) {
        Some((date, clock)) => format!("{date} {clock} UTC"),
        None => time.to_owned(),
    }
}

/// The time of day alone, to the second: `10:01:35 UTC`.
pub(super) fn clock(time: &str) -> String {
    match parts(time) {
        Some((_, clock)) => format!("{} UTC", clock.get(..SECONDS).unwrap_or(&clock)),
        None => time.to_owned(),
    }
}

/// From one time to another; the date stands once if it is the same.
pub(super) fn span(first: &str, last: &str) -> String {
    match (parts(first), parts(last)) {
        (Some((day, from)), Some((other, to))) if day == other && from == to => {
            format!("{day} {from} UTC")
        }
        (Some((day, from)), Some((other, to))) if day == other => {
            format!("{day} {from} to {to} UTC")
        }
        (Some((day, from)), Some((other, to))) => format!("{day} {from} to {other} {to} UTC"),
        _ => format!("{first} to {last}"),
    }
}

/// Letters of `10:01:35`.
const SECONDS: usize = 8;

/// Date and time of day of `2026-06-10T10:01:35.100000Z`.
fn parts(time: &str) -> Option<(&str, String)> {
    let (date, rest) = time.strip_suffix('Z')?.split_once('T')?;
    let digits = |c: char| c.is_ascii_digit() || matches!(c, '-' | ':' | '.');
    if !date.chars().all(digits) || !rest.chars().all(digits) || rest.len() < SECONDS {
        return None;
    }
    let clock = match rest.contains('.') {
        true => rest.trim_end_matches('0').trim_end_matches('.'),
        false => rest,
    };
    Some((date, clock.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_for_people_and_lose_no_digit_that_says_something() {
        let (a, b) = ("2026-06-10T10:01:35.000000Z", "2026-06-10T10:06:30.012000Z");
        assert_eq!(moment(a), "2026-06-10 10:01:35 UTC");
        assert_eq!(moment(b), "2026-06-10 10:06:30.012 UTC");
        assert_eq!(moment("2026-06-10T10:00:00Z"), "2026-06-10 10:00:00 UTC");
        assert_eq!(clock(b), "10:06:30 UTC");
        assert_eq!(span(a, b), "2026-06-10 10:01:35 to 10:06:30.012 UTC");
        assert_eq!(span(a, a), "2026-06-10 10:01:35 UTC");
        assert_eq!(
            span(a, "2026-06-11T00:00:00Z"),
            "2026-06-10 10:01:35 to 2026-06-11 00:00:00 UTC"
        );
        for other in ["", "the first packet", "aTbZ", "\u{202e}T10:00:00Z", "TZ"] {
            assert_eq!(moment(other), other);
        }
    }
}
