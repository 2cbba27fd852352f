//! Bytes written one by one: decimal numbers in a list (`[12,255,-3]`), hexadecimal pairs (`0x1f, 0x8b`, `1f 8b`, `1f:8b`), and runs of
//! escapes (`%1F%8B`, `\\x1f\\x8b`, `\\u001f`, `&#31;`).
//!
//! A list of numbers that are all bytes is looked into like any other encoding of bytes. Measurements are lists of numbers too: they
//! leave the range of a byte or keep to a part of it.

use super::blob::Run;
use memchr::memmem::Finder;
use std::sync::LazyLock;

/// Shorter lists are dates, versions, addresses, colours and matrices.
const ITEMS_MIN: usize = 16;
/// The most that is read of one list.
const ITEMS_MAX: usize = 256 << 10;

/// A list of bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct List {
    pub(super) run: Run,
    pub(super) bytes: Vec<u8>,
}

/// How the items of a list are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Decimal,
    /// Decimal, with a point between.
    Dotted,
    /// Eight digits of 0 and 1.
    Binary,
    /// `\\037`, its backslash doubled in a string.
    Octal,
    /// Two digits.
    Hex,
    /// `0x` and one or two digits.
    Prefixed,
    /// `%1f`
    Percent,
    /// `\x1f`
    Backslash,
    /// `\u001f`
    Unicode,
    /// `&#31;`
    Entity,
}

/// The lists in a text as it was sent, escapes and all.
pub(super) fn lists(text: &[u8]) -> Vec<List> {
    let mut out = Vec::new();
    let mut at = 0usize;
    while let Some(byte) = text.get(at) {
        let starts = byte.is_ascii_hexdigit() || matches!(byte, b'%' | b'\\' | b'&' | b'-');
        let inside = at
            .checked_sub(1)
            .and_then(|before| text.get(before))
            .is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'.')
            && byte.is_ascii_alphanumeric();
        if !starts || inside {
            at = at.saturating_add(1);
            continue;
        }
        let from = at;
        let length = list(text, at).map(|(form, items, end)| {
            if items >= ITEMS_MIN {
                let mut bytes = Vec::new();
                walk(text, from, form, |byte| bytes.push(byte));
                let run = Run { at: from, end };
                out.push(List { run, bytes });
            }
            end.saturating_sub(from)
        });
        at = at.saturating_add(length.unwrap_or(0).max(1));
    }
    out
}

/// The list that begins at `at`, however short: how it is written, its items and its end.
fn list(text: &[u8], at: usize) -> Option<(Form, usize, usize)> {
    let rest = text.get(at..)?;
    let forms: &[Form] = match rest {
        [b'%', ..] => &[Form::Percent],
        [b'\\', b'x', ..] => &[Form::Backslash],
        [b'\\', b'u', ..] => &[Form::Unicode],
        [b'\\', ..] => &[Form::Octal],
        [b'&', ..] => &[Form::Entity],
        [b'0', b'x' | b'X', ..] => &[Form::Prefixed],
        _ => &[Form::Decimal, Form::Hex, Form::Binary, Form::Dotted],
    };
    let lists = forms.iter().filter_map(|form| {
        let (items, end) = walk(text, at, *form, |_| {});
        (items > 0).then_some((*form, items, end))
    });
    lists.max_by_key(|(_, items, _)| *items)
}

/// Lends each byte of the list of one form that begins at `at`; says how many there are, and where it ends.
fn walk(text: &[u8], at: usize, form: Form, mut lend: impl FnMut(u8)) -> (usize, usize) {
    let mut items = 0usize;
    let mut end = at;
    let mut place = at;
    let mut between: Option<&[u8]> = None;
    while items < ITEMS_MAX {
        let rest = text.get(place..).unwrap_or_default();
        let Some((byte, length)) = item(rest, form) else {
            break;
        };
        lend(byte);
        items = items.saturating_add(1);
        end = place.saturating_add(length);
        // Escapes stand side by side; numbers have the same thing between them each time.
        let rest = text.get(end..).unwrap_or_default();
        let gap = match form {
            Form::Decimal | Form::Hex | Form::Prefixed | Form::Binary => gap(rest),
            Form::Dotted => rest.get(..1).filter(|b| *b == b".").unwrap_or_default(),
            Form::Percent | Form::Backslash | Form::Octal | Form::Unicode | Form::Entity => &[],
        };
        let numbers = matches!(
            form,
            Form::Decimal | Form::Hex | Form::Prefixed | Form::Binary | Form::Dotted
        );
        let mark = |gap: &[u8]| gap.iter().copied().find(|b| !b.is_ascii_whitespace());
        if numbers && (gap.is_empty() || between.is_some_and(|before| mark(before) != mark(gap))) {
            break;
        }
        between = Some(gap);
        place = end.saturating_add(gap.len());
    }
    // What goes on behind the bound is found as a list of its own.
    (items, end)
}

/// What stands between two numbers: a mark, quotes, white space.
fn gap(rest: &[u8]) -> &[u8] {
    const LONG: usize = 8;
    let length = rest
        .iter()
        .take(LONG)
        .take_while(|b| {
            b.is_ascii_whitespace() || matches!(b, b',' | b';' | b':' | b'|' | b'"' | b'\'' | b'-')
        })
        .count();
    // A sign belongs to the number behind it.
    let signed = length > 1 && rest.get(length.saturating_sub(1)) == Some(&b'-');
    rest.get(..length.saturating_sub(usize::from(signed)))
        .unwrap_or_default()
}

/// The byte at the start of `rest`, and how long it is written.
fn item(rest: &[u8], form: Form) -> Option<(u8, usize)> {
    let hex = |from: usize, count: usize| {
        let digits = rest.get(from..from.checked_add(count)?)?;
        digits.iter().try_fold(0u32, |sum, digit| {
            let digit = char::from(*digit).to_digit(16)?;
            sum.checked_mul(16)?.checked_add(digit)
        })
    };
    let ends = |at: usize| {
        rest.get(at)
            .is_none_or(|b| !b.is_ascii_alphanumeric() && !matches!(b, b'.' | b'_'))
    };
    let byte = |value: u32, length: usize| Some((u8::try_from(value).ok()?, length));
    match form {
        Form::Percent if rest.first() == Some(&b'%') => byte(hex(1, 2)?, 3),
        Form::Backslash if rest.starts_with(b"\\x") => byte(hex(2, 2)?, 4),
        Form::Unicode if rest.starts_with(b"\\u") => byte(hex(2, 4)?, 6),
        Form::Entity => {
            let body = rest.strip_prefix(b"&#")?;
            let end = body.iter().take(6).position(|b| *b == b';')?;
            let text = std::str::from_utf8(body.get(..end)?).ok()?;
            let value = match text.strip_prefix(['x', 'X']) {
                Some(digits) => u32::from_str_radix(digits, 16).ok()?,
                None => text.parse().ok()?,
            };
            byte(value, end.checked_add(3)?)
        }
        Form::Prefixed if matches!(rest, [b'0', b'x' | b'X', ..]) => match hex(2, 2) {
            Some(value) if ends(4) => byte(value, 4),
            _ if ends(3) => byte(hex(2, 1)?, 3),
            _ => None,
        },
        Form::Octal => {
            let slashes = rest.iter().take(2).take_while(|b| **b == b'\\').count();
            let digits = rest.get(slashes..slashes.checked_add(3)?)?;
            let fits = slashes > 0 && digits.iter().all(|b| matches!(b, b'0'..=b'7'));
            let value = digits
                .iter()
                .fold(0u32, |sum, b| sum << 3 | u32::from(b & 7));
            byte(value, slashes.checked_add(3)?).filter(|_| fits)
        }
        Form::Binary => {
            let bits = rest.get(..8)?;
            let fits = bits.iter().all(|b| matches!(b, b'0' | b'1')) && ends(8);
            let value = bits.iter().fold(0u32, |sum, b| sum << 1 | u32::from(b & 1));
            byte(value, 8).filter(|_| fits)
        }
        Form::Dotted => {
            let count = rest
                .iter()
                .take(4)
                .take_while(|b| b.is_ascii_digit())
                .count();
            let digits = rest.get(..count.min(3))?;
            let fits = rest
                .get(count)
                .is_none_or(|b| !b.is_ascii_alphanumeric() && *b != b'_');
            let value: u32 = std::str::from_utf8(digits).ok()?.parse().ok()?;
            byte(value, count).filter(|_| fits && count <= 3)
        }
        Form::Hex if ends(2) => byte(hex(0, 2)?, 2),
        Form::Decimal => {
            let negative = rest.first() == Some(&b'-');
            let digits = rest.get(usize::from(negative)..)?;
            let count = digits
                .iter()
                .take(4)
                .take_while(|b| b.is_ascii_digit())
                .count();
            let length = count.checked_add(usize::from(negative))?;
            let value: i16 = std::str::from_utf8(rest.get(..length)?)
                .ok()?
                .parse()
                .ok()?;
            let fits = (1..=3).contains(&count) && (-128..=255).contains(&value) && ends(length);
            // Signed bytes of Java.
            fits.then(|| (value.rem_euclid(256) as u8, length))
        }
        _ => None,
    }
}

/// What stands between `begin` and `end` of uuencode (POSIX `uuencode`): lines of a length and its bytes, six bits a character.
pub(super) fn uuencoded(text: &[u8]) -> Vec<List> {
    static BEGIN: LazyLock<Finder<'_>> = LazyLock::new(|| Finder::new(b"begin "));
    let begins = |line: &[u8]| {
        let mode = line
            .strip_prefix(BEGIN.needle())
            .and_then(|rest| rest.get(..3));
        mode.is_some_and(|mode| mode.iter().all(u8::is_ascii_digit))
    };
    let mut out = Vec::new();
    let mut from = 0usize;
    while let Some(head) = text.get(from..) {
        let Some(found) = BEGIN.find(head) else {
            break;
        };
        let begin = from.saturating_add(found);
        let head = text.get(begin..).unwrap_or_default();
        let Some(length) = memchr::memchr(b'\n', head) else {
            break;
        };
        if !begins(head) {
            from = begin.saturating_add(BEGIN.needle().len());
            continue;
        }
        let mut at = begin.saturating_add(length).saturating_add(1);
        let mut bytes = Vec::new();
        while let Some(line) = text.get(at..) {
            let length = memchr::memchr(b'\n', line).unwrap_or(line.len());
            let line = line.get(..length).unwrap_or_default();
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            let value = |b: &u8| b.wrapping_sub(b' ') & 0x3f;
            // Another file ends this one: each line is read once.
            let Some((count, digits)) = line
                .split_first()
                .filter(|(n, _)| value(n) > 0 && !begins(line))
            else {
                break;
            };
            let mut row = Vec::new();
            for group in digits.as_chunks::<4>().0 {
                let bits = group
                    .iter()
                    .fold(0u32, |sum, b| sum << 6 | u32::from(value(b)));
                row.extend_from_slice(bits.to_be_bytes().get(1..).unwrap_or_default());
            }
            row.truncate(usize::from(value(count)));
            bytes.extend(row);
            at = at.saturating_add(length).saturating_add(1);
        }
        if !bytes.is_empty() {
            let end = at.min(text.len());
            out.push(List {
                run: Run { at: begin, end },
                bytes,
            });
        }
        from = at;
    }
    out
}

/// True for bytes that are spread over their whole range as no measurement is.
pub(super) fn is_noise(bytes: &[u8]) -> bool {
    /// Fewer bytes than this are a hash, a key or an id.
    const LEAST: usize = 96;
    let mut seen = bytes.to_vec();
    seen.sort_unstable();
    seen.dedup();
    let high = bytes.iter().filter(|b| **b >= 0x80).count();
    let eighths = |n: usize| bytes.len().saturating_mul(n) / 8;
    // Of so many draws of 256, at least so many differ; and about half of them are in the upper half.
    let different = 255usize.min(bytes.len()).saturating_mul(5) / 8;
    bytes.len() >= LEAST && seen.len() >= different && (eighths(2)..=eighths(6)).contains(&high)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::dissect::wire::test_bytes::Noise;

    #[test]
    fn every_way_to_list_bytes() {
        let bytes = Noise(6).bytes(200);
        let join = |form: &dyn Fn(&u8) -> String, between: &str| {
            bytes.iter().map(form).collect::<Vec<_>>().join(between)
        };
        for text in [
            format!("[{}]", join(&|b| b.to_string(), ",")),
            join(&|b| b.to_string(), ", "),
            join(&|b| b.cast_signed().to_string(), ","),
            join(&|b| format!("{b:02x}"), " "),
            join(&|b| format!("{b:08b}"), " "),
            join(&|b| b.to_string(), "."),
            join(&|b| format!("\\{b:03o}"), ""),
            join(&|b| format!("{b:02X}"), ":"),
            join(&|b| format!("{b:#04x}"), ", "),
            join(&|b| format!("\"{b:02x}\""), ","),
            join(&|b| format!("%{b:02X}"), ""),
            join(&|b| format!("\\x{b:02x}"), ""),
            join(&|b| format!("\\u{b:04x}"), ""),
            join(&|b| format!("&#{b};"), ""),
        ] {
            let found = lists(text.as_bytes());
            assert!(found.iter().any(|list| list.bytes == bytes), "{text}");
            assert!(is_noise(&bytes));
        }
        for text in [
            "2025-03-01 10:00:00.123, 4.3.40, 192.168.2.20, 10:10:10:10:10:10",
            "[120.5,121.5,122.5,123.5,124.5,125.5,126.5,127.5,128.5,129.5,130.5,131.5,132.5,133.5,134.5,135.5,136.5]",
            "[1200,1201,1202,1203,1204,1205,1206,1207,1208,1209,1210,1211,1212,1213,1214,1215,1216,1217,1218]",
        ] {
            assert_eq!(lists(text.as_bytes()), [], "{text}");
        }
        let levels: Vec<u8> = (0..200).map(|n| 60 + n % 40).collect();
        assert!(!is_noise(&levels) && !is_noise(&[0; 300]));
    }
}
