//! Values of a case file: each is checked where it is read, and says what would be right.

use super::form::meant;
use super::raw::Size;
use super::source::{Spot, Text, quoted};
use crate::ground::declared;
use crate::ground::error::Error;
use crate::ground::host_name::HostName;
use crate::ground::interval::Bound;
use crate::judge::locate::country;
use jiff::civil::Date;

/// Longest word of the auditor's own, in bytes: it stands in tables.
const WORD_MAX: usize = 64;

/// Lengths as they may be written.
const LENGTHS: &str = "a number with ms, s, m or h";

/// A text with something in it.
pub(super) fn filled(text: &Text, key: &str, spot: &Spot<String>) -> Result<String, Error> {
    if spot.value.trim().is_empty() {
        return Err(text
            .error(&spot.span, format!("{key} is empty"))
            .advise("say something, or leave the key out if it may be missing"));
    }
    Ok(spot.value.clone())
}

/// A word that ids, names and tables can hold: small letters, digits and hyphens.
pub(super) fn word(text: &Text, key: &str, spot: &Spot<String>) -> Result<String, Error> {
    let value = spot.value.as_str();
    let fits = (1..=WORD_MAX).contains(&value.len())
        && value
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if fits {
        return Ok(value.to_owned());
    }
    let what = format!("{} cannot be a {key}", quoted(value));
    Err(text.error(&spot.span, what).advise(format!(
        "write small letters, digits and hyphens, at most {WORD_MAX}"
    )))
}

/// A word that is one of the known ones or another, but no misspelling of a known one: what is
/// misspelt would silently mean nothing.
pub(super) fn known_or_own(
    text: &Text,
    key: &str,
    known: &[&str],
    spot: &Spot<String>,
) -> Result<String, Error> {
    let value = spot.value.as_str();
    if known.contains(&value) {
        return Ok(value.to_owned());
    }
    let plain = value.to_lowercase().replace(['_', ' '], "-");
    let near = known
        .iter()
        .find(|near| value.len() <= WORD_MAX && strsim::osa_distance(&plain, near) <= 1);
    if let Some(near) = near {
        let what = format!("{} is too near to the {key} '{near}'", quoted(value));
        return Err(text
            .error(&spot.span, what)
            .advise(format!("write '{near}', or a word that differs more")));
    }
    word(text, key, spot)
}

/// A country code as the standard writes it.
pub(super) fn country(text: &Text, spot: &Spot<String>) -> Result<String, Error> {
    let code = country::code(&spot.value);
    if code == Some(spot.value.as_str()) {
        return Ok(spot.value.clone());
    }
    let what = format!(
        "{} is no ISO 3166-1 alpha-2 country code",
        quoted(&spot.value)
    );
    let advice = code.map_or_else(
        || "write two capital letters, such as \"US\"".to_owned(),
        |code| format!("write \"{code}\""),
    );
    Err(text.error(&spot.span, what).advise(advice))
}

/// 64 hexadecimal digits, in small letters.
pub(super) fn sha256(text: &Text, spot: &Spot<String>) -> Result<String, Error> {
    const DIGITS: usize = 64;
    let value = spot.value.as_str();
    if value.len() == DIGITS && value.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Ok(value.to_ascii_lowercase());
    }
    let what = if value.bytes().all(|b| b.is_ascii_hexdigit()) {
        format!("sha256 has {} digits, not {DIGITS}", value.len())
    } else {
        format!("{} is no SHA-256", quoted(value))
    };
    Err(text
        .error(&spot.span, what)
        .advise("write the 64 hexadecimal digits that sha256sum prints"))
}

/// A time with a zone, or after the first packet.
pub(super) fn time(text: &Text, spot: &Spot<super::raw::Time>) -> Result<Bound, Error> {
    let value = spot.value.0.as_str();
    declared::bound(value).map_err(|what| {
        text.error(&spot.span, format!("{} is {what}", quoted(value)))
            .advise("such as 2025-03-01T10:00:00Z, or \"+60s\" after the first packet")
    })
}

/// A length of time in nanoseconds.
pub(super) fn length(text: &Text, key: &str, spot: &Spot<String>) -> Result<i64, Error> {
    declared::length(&spot.value).ok_or_else(|| {
        let what = format!(
            "{key} has {}, which is no length of time",
            quoted(&spot.value)
        );
        text.error(&spot.span, what)
            .advise(format!("write {LENGTHS}, such as \"5s\""))
    })
}

/// A length of time with its sign.
pub(super) fn offset(text: &Text, spot: &Spot<String>) -> Result<i64, Error> {
    let value = spot.value.as_str();
    let nanos = match value.split_at_checked(1) {
        Some(("+", length)) => declared::length(length),
        Some(("-", length)) => declared::length(length).and_then(i64::checked_neg),
        _ => None,
    };
    nanos.ok_or_else(|| {
        let what = format!(
            "clock_offset has {}, which is no length with a sign",
            quoted(value)
        );
        text.error(&spot.span, what).advise(format!(
            "write + or - and {LENGTHS}, such as \"+1.5s\" for a clock that is behind"
        ))
    })
}

/// A day.
pub(super) fn day(text: &Text, spot: &Spot<super::raw::Day>) -> Result<Date, Error> {
    const LENGTH: usize = "2025-12-31".len();
    let value = spot.value.0.as_str();
    // The parser would take the day out of a time, too.
    let date = (value.len() == LENGTH)
        .then(|| value.parse().ok())
        .flatten();
    date.ok_or_else(|| {
        text.error(&spot.span, format!("{} is no day", quoted(value)))
            .advise("write year, month and day, such as 2025-12-31")
    })
}

/// A number of bytes.
pub(super) fn size(text: &Text, spot: &Spot<Size>) -> Result<u64, Error> {
    let bytes = match &spot.value {
        Size::Bytes(bytes) => u64::try_from(*bytes).ok(),
        Size::Text(size) => bytes(size),
    };
    bytes.ok_or_else(|| {
        let written = text.written(&spot.span).trim_matches(['"', '\'']);
        let what = format!("budget_bytes has {}, which is no size", quoted(written));
        text.error(&spot.span, what)
            .advise("write bytes, or a whole number with B, kB, MB, GB, KiB, MiB or GiB: \"64KiB\"")
    })
}

fn bytes(size: &str) -> Option<u64> {
    let end = size.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = size.split_at_checked(end)?;
    let unit: u64 = match unit.strip_prefix(' ').unwrap_or(unit) {
        "B" => 1,
        "kB" => 1000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(unit)
}

/// A host name in the form in which captures give it: small letters, no dot at the end.
pub(super) fn host(text: &Text, spot: &Spot<String>) -> Result<String, Error> {
    let value = spot.value.as_str();
    let wrong = |what: &str, advice: &str| {
        let what = format!("{} {what}", quoted(value));
        Err(text.error(&spot.span, what).advise(advice))
    };
    match HostName::read(value.as_bytes()) {
        HostName::Name { text, odd: false } => Ok(text),
        HostName::Address(_) => wrong("is an address, not a name", "write a host name"),
        _ if value.contains("://") || value.contains('/') => wrong(
            "is no host name",
            "write the name alone, without scheme and path: tiles.example.org",
        ),
        _ if !value.is_ascii() => wrong(
            "is no host name as captures have it",
            "write it in ASCII, with xn-- for other scripts",
        ),
        _ => wrong("is no host name", "such as tiles.example.org"),
    }
}

/// One of the known words, where there are no others.
pub(super) fn unknown(word: &str, known: &[&str]) -> String {
    meant(word, known).unwrap_or_else(|| format!("use one of: {}", known.join(", ")))
}
