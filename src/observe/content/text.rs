//! Text as detectors see it: escapes undone, and the named values that stand in it.
//!
//! A field is a name, a separator and a value, however it is written: JSON (RFC 8259 §4), URL query and form (WHATWG URL
//! §5), header fields (RFC 9110 §5), XML elements and attributes, multipart form data (RFC 7578 §4.2), log lines. Escapes of URLs
//! (RFC 3986 §2.1), JSON (RFC 8259 §7), program text and XML (XML 1.0 §4.1) are undone as often as they were applied, within a
//! bound. No grammar is checked: broken and cut text has fields too.

use super::DETECTORS;
use crate::evidence::content::Kind;
use foldhash::fast::RandomState;
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::LazyLock;

/// Longest name of a field that any detector knows, with room for a prefix.
const KEY_MAX: usize = 48;
/// Longest value read; what is looked for is shorter, tokens aside, of which the start is enough.
const VALUE_MAX: usize = 1024;
/// Bytes of values to each byte of text: a value holds others where it is a URL, and that one is in a form. Text in which values are written
/// one in the other more often was made so that each byte is looked at a thousand times.
const WITHIN_MAX: usize = 4;
/// Longest value read of a text with more of them: what is looked for is seldom longer.
const SHORT_MAX: usize = 64;
/// Header lines between the name of a multipart field and its value: content type and transfer encoding.
const PART_LINES_MAX: usize = 3;

/// A named value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Field<'t> {
    name: [u8; KEY_MAX],
    name_len: usize,
    /// Where the name begins.
    pub(super) at: usize,
    /// Where the value begins.
    pub(super) value_at: usize,
    /// The value without quotes.
    pub(super) value: &'t [u8],
    /// The text from where the value begins.
    pub(super) whole: &'t [u8],
    /// Kinds whose detectors want it.
    wanted: u32,
}

impl Field<'_> {
    /// Its name, in lower case without `_` and `-`.
    pub(super) fn name(&self) -> &str {
        let name = self.name.get(..self.name_len).unwrap_or_default();
        std::str::from_utf8(name).unwrap_or_default()
    }

    /// The value as text, without white space around it; `None` if it is none.
    pub(super) fn text(&self) -> Option<&str> {
        std::str::from_utf8(self.value).ok().map(str::trim)
    }

    /// Where the value ends.
    pub(super) fn end(&self) -> usize {
        self.value_at.saturating_add(self.value.len())
    }
}

/// How much of each value is read of a text, so that all together are no more than a few times the text.
pub(super) struct Shares {
    left: usize,
    most: usize,
}

impl Shares {
    /// For values of a text that are at `most` so long.
    pub(super) fn of(bytes: &[u8], most: usize) -> Self {
        let left = bytes.len().max(most).saturating_mul(WITHIN_MAX);
        Self { left, most }
    }

    /// The most of the next value.
    pub(super) fn next(&self) -> usize {
        self.most.min(self.left.max(SHORT_MAX))
    }

    /// So much was looked at.
    pub(super) fn took(&mut self, bytes: usize) {
        self.left = self.left.saturating_sub(bytes);
    }
}

/// A text and its fields.
pub(super) struct Text<'t> {
    /// The bytes, escapes undone.
    pub(super) bytes: &'t [u8],
    /// The whole payload is text; else this is a string found in something binary.
    pub(super) sure: bool,
    fields: Vec<Field<'t>>,
}

impl<'t> Text<'t> {
    /// The text in `bytes`, whose escapes are undone already.
    pub(super) fn of(bytes: &'t [u8], sure: bool) -> Self {
        Self {
            bytes,
            sure,
            fields: fields(bytes),
        }
    }

    /// The fields that a kind's detectors want, in order.
    pub(super) fn fields(&self, kind: Kind) -> impl Iterator<Item = &Field<'t>> {
        let bit = kind.bit();
        self.fields.iter().filter(move |f| f.wanted & bit != 0)
    }

    /// Places where something may stand: values of fields, and addresses.
    pub(super) fn places(&self) -> usize {
        let addresses = memchr::memchr_iter(b'@', self.bytes).count();
        self.fields.len().saturating_add(addresses)
    }

    /// The byte at a place.
    pub(super) fn byte(&self, at: usize) -> Option<u8> {
        self.bytes.get(at).copied()
    }

    /// The end of what stands before a place, in lower case and without what is no letter or digit: words that tell what
    /// follows.
    pub(super) fn words_before(&self, at: usize) -> String {
        const NEAR: usize = 24;
        let before = self.bytes.get(at.saturating_sub(NEAR)..at);
        let words = before.unwrap_or_default().iter();
        words
            .filter(|b| b.is_ascii_alphanumeric())
            .map(|b| char::from(b.to_ascii_lowercase()))
            .collect()
    }

    /// The name of the field whose value begins at a place, in the form of the table; empty if none does.
    pub(super) fn name_before(&self, at: usize) -> String {
        let before = self.bytes.get(..at).unwrap_or_default();
        let gap = |bytes: &[u8]| {
            let marks = bytes.iter().rev().take(6);
            marks
                .take_while(|b| matches!(b, b'"' | b'\'' | b'\\' | b' '))
                .count()
        };
        let before = before.get(..before.len().saturating_sub(gap(before)));
        let Some((b':' | b'=', before)) = before.and_then(<[u8]>::split_last) else {
            return String::new();
        };
        let before = before
            .get(..before.len().saturating_sub(gap(before)))
            .unwrap_or_default();
        let length = before
            .iter()
            .rev()
            .take(KEY_MAX)
            .take_while(|b| is_name_byte(**b))
            .count();
        let name = before.get(before.len().saturating_sub(length)..);
        let (name, length) = name.and_then(normal).unwrap_or(([0; KEY_MAX], 0));
        String::from_utf8_lossy(name.get(..length).unwrap_or_default()).into_owned()
    }

    /// The text from `before` bytes in front of a place to so many behind it, in lower case.
    pub(super) fn around(&self, at: usize, before: usize, behind: usize) -> String {
        let from = at.saturating_sub(before);
        let to = at.saturating_add(behind).min(self.bytes.len());
        let near = self.bytes.get(from..to).unwrap_or_default();
        String::from_utf8_lossy(near).to_lowercase()
    }

    /// The byte before a place.
    pub(super) fn before(&self, at: usize) -> Option<u8> {
        at.checked_sub(1).and_then(|at| self.byte(at))
    }
}

/// Names that detectors want.
struct Wanted {
    exact: HashMap<&'static [u8], u32, RandomState>,
    /// By their last byte, since most names end in none of them.
    endings: Vec<Vec<(&'static [u8], u32)>>,
}

static WANTED: LazyLock<Wanted> = LazyLock::new(|| {
    let mut wanted = Wanted {
        exact: HashMap::default(),
        endings: vec![Vec::new(); 256],
    };
    for detector in DETECTORS {
        for key in detector.keys {
            match key.strip_prefix('*') {
                Some(ending) => {
                    let last = ending.bytes().next_back().unwrap_or(0);
                    if let Some(alike) = wanted.endings.get_mut(usize::from(last)) {
                        alike.push((ending.as_bytes(), detector.kind.bit()));
                    }
                }
                None => *wanted.exact.entry(key.as_bytes()).or_insert(0) |= detector.kind.bit(),
            }
        }
    }
    wanted
});

fn wanted(name: &[u8]) -> u32 {
    let exact = WANTED.exact.get(name).copied().unwrap_or(0);
    let last = name.last().map(|last| usize::from(*last));
    let alike = last.and_then(|last| WANTED.endings.get(last));
    // Few begin where the ending would: the first byte tells before all are compared.
    let may_end = |ending: &[u8]| {
        let from = name.len().checked_sub(ending.len());
        from.and_then(|from| name.get(from)) == ending.first()
    };
    alike
        .into_iter()
        .flatten()
        .filter(|(ending, _)| may_end(ending) && name.ends_with(ending))
        .fold(exact, |bits, (_, bit)| bits | bit)
}

fn fields(bytes: &[u8]) -> Vec<Field<'_>> {
    let mut out = Vec::new();
    let mut shares = Shares::of(bytes, VALUE_MAX);
    for at in memchr::memchr3_iter(b':', b'=', b'>', bytes) {
        let separator = bytes.get(at).copied().unwrap_or(0);
        let field = field(bytes, at, separator, shares.next());
        shares.took(field.map_or(0, |field| field.value.len()));
        out.extend(field);
    }
    out
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

/// The field whose separator stands at `at`, with at `most` so much of its value.
fn field(bytes: &[u8], at: usize, separator: u8, most: usize) -> Option<Field<'_>> {
    let before = bytes.get(..at)?;
    let closing = |byte: &u8| matches!(byte, b'"' | b'\'' | b'\\' | b' ' | b'\t' | b']');
    // A name is followed by a quote, escaped once or twice, and a space at most.
    let gap = before
        .iter()
        .rev()
        .take(6)
        .take_while(|b| closing(b))
        .count();
    if separator == b'>' && gap > 0 {
        return None;
    }
    let end = at.checked_sub(gap)?;
    let length = before
        .get(..end)?
        .iter()
        .rev()
        .take(KEY_MAX)
        .take_while(|&&b| is_name_byte(b))
        .count();
    let (end, length) = match length {
        0 => in_units(before.get(..end)?)?,
        _ => (end, length),
    };
    let start = end.checked_sub(length)?;
    let (name, name_len) = normal(bytes.get(start..end)?)?;
    if separator == b'>' && !is_tag(bytes.get(..start)?) {
        return None;
    }
    // A property list names its values in elements of their own.
    if separator == b'>' && bytes.get(start..end)? == b"key" {
        return property(bytes, at.checked_add(1)?);
    }
    let known = name.get(..name_len)?;
    if known == b"name" && separator == b'=' {
        return part(bytes, at);
    }
    let wanted = wanted(known);
    if wanted == 0 {
        return None;
    }
    let (value_at, value) = value(bytes, at.checked_add(1)?, most)?;
    (!value.is_empty()).then_some(Field {
        name,
        name_len,
        at: start,
        value_at,
        value,
        whole: bytes.get(value_at..)?,
        wanted,
    })
}

/// Where a name ends that has its unit in brackets behind it (`latitude [°]`), and how long it is.
fn in_units(before: &[u8]) -> Option<(usize, usize)> {
    /// An opening bracket and a short word.
    const UNIT_MAX: usize = 10;
    let from = before.len().saturating_sub(UNIT_MAX);
    let opens = |b: &u8| matches!(b, b'[' | b'(');
    let open = from.checked_add(before.get(from..)?.iter().rposition(opens)?)?;
    let end = before.get(..open)?.trim_ascii_end().len();
    let name = before.get(..end)?.iter().rev().take(KEY_MAX);
    let length = name.take_while(|&&b| is_name_byte(b)).count();
    (length > 0).then_some((end, length))
}

/// A start tag's name follows, with the prefix of a namespace or without.
fn is_tag(before: &[u8]) -> bool {
    let before = match before.strip_suffix(b":") {
        Some(rest) => {
            let prefix = rest.iter().rev().take(KEY_MAX);
            let length = prefix.take_while(|b| is_name_byte(**b)).count();
            rest.get(..rest.len().saturating_sub(length))
                .unwrap_or_default()
        }
        None => before,
    };
    before.ends_with(b"<")
}

/// `<key>name</key><string>value</string>`: the name begins at `at`.
fn property(bytes: &[u8], at: usize) -> Option<Field<'_>> {
    let rest = bytes.get(at..)?;
    let rest = rest.get(..KEY_MAX.saturating_mul(2)).unwrap_or(rest);
    let length = memchr::memchr(b'<', rest)?;
    let (name, name_len) = normal(rest.get(..length)?)?;
    let wanted = wanted(name.get(..name_len)?);
    let behind = rest.get(length..)?.strip_prefix(b"</key>")?;
    let behind = behind.trim_ascii_start().strip_prefix(b"<")?;
    let tag = memchr::memchr(b'>', behind)?;
    let behind = behind.get(tag.checked_add(1)?..)?;
    let value_at = at.checked_add(rest.len().checked_sub(behind.len())?)?;
    let whole = bytes.get(value_at..)?;
    let end = whole.get(..VALUE_MAX).unwrap_or(whole);
    let end = memchr::memchr(b'<', end).unwrap_or(end.len());
    (wanted != 0 && end > 0).then_some(Field {
        name,
        name_len,
        at,
        value_at,
        value: whole.get(..end)?,
        whole,
        wanted,
    })
}

/// The name in the form of the table; `None` if it cannot be there.
fn normal(name: &[u8]) -> Option<([u8; KEY_MAX], usize)> {
    let mut out = [0; KEY_MAX];
    let mut length = 0usize;
    for byte in name.iter().filter(|b| b.is_ascii_alphanumeric()) {
        *out.get_mut(length)? = byte.to_ascii_lowercase();
        length = length.saturating_add(1);
    }
    (length > 0).then_some((out, length))
}

/// A part of multipart form data: `name="key"`, an empty line, the value.
fn part(bytes: &[u8], at: usize) -> Option<Field<'_>> {
    // Two bytes of a name to each letter, as people separate words.
    let (key_at, key) = value(bytes, at.checked_add(1)?, KEY_MAX.saturating_mul(2))?;
    let (name, name_len) = normal(key)?;
    let wanted = wanted(name.get(..name_len)?);
    if wanted == 0 {
        return None;
    }
    let mut at = key_at.checked_add(key.len())?;
    if bytes.get(at) == Some(&b'"') {
        at = at.checked_add(1)?;
    }
    for _ in 0..PART_LINES_MAX {
        let line = bytes.get(at..)?;
        let rest = line.strip_prefix(b"\r\n")?;
        if let Some(value) = rest.strip_prefix(b"\r\n") {
            let length = value
                .iter()
                .take(VALUE_MAX)
                .take_while(|&&b| !matches!(b, b'\r' | b'\n'))
                .count();
            let value_at = at.checked_add(4)?;
            return Some(Field {
                name,
                name_len,
                at: key_at,
                value_at,
                value: value.get(..length)?,
                whole: value,
                wanted,
            });
        }
        let length = rest
            .iter()
            .take(VALUE_MAX)
            .take_while(|&&b| b != b'\r')
            .count();
        at = at.checked_add(length)?.checked_add(2)?;
    }
    None
}

/// The value that begins at `at` or behind white space there, at `most` so much of it, and where it does.
fn value(bytes: &[u8], at: usize, most: usize) -> Option<(usize, &[u8])> {
    let rest = bytes.get(at..)?;
    let space = rest
        .iter()
        .take(8)
        .take_while(|b| b.is_ascii_whitespace())
        .count();
    let rest = rest.get(space..)?;
    let escapes = rest.iter().take(4).take_while(|&&b| b == b'\\').count();
    let begin = at.checked_add(space)?;
    match rest.get(escapes) {
        Some(&quote @ (b'"' | b'\'')) => {
            let inner = rest.get(escapes.checked_add(1)?..)?;
            let inner = inner.get(..most).unwrap_or(inner);
            let length = quoted_len(inner, quote, escapes);
            Some((
                begin.checked_add(escapes)?.checked_add(1)?,
                inner.get(..length)?,
            ))
        }
        _ => {
            let length = rest
                .iter()
                .take(most)
                .take_while(|&&b| {
                    b > b' '
                        && !matches!(
                            b,
                            b'&' | b';'
                                | b','
                                | b'}'
                                | b']'
                                | b')'
                                | b'<'
                                | b'>'
                                | b'"'
                                | b'\''
                                | b'\\'
                                | b'|'
                        )
                })
                .count();
            Some((begin, rest.get(..length)?))
        }
    }
}

/// Bytes up to the closing quote, which is escaped as deeply as the opening one was.
fn quoted_len(inner: &[u8], quote: u8, escapes: usize) -> usize {
    let mut run = 0usize;
    for (at, &byte) in inner.iter().enumerate() {
        if byte == quote && run <= escapes {
            return at.saturating_sub(run);
        }
        run = if byte == b'\\' {
            run.saturating_add(1)
        } else {
            0
        };
    }
    inner.len()
}

/// Escapes within escapes: a value in JSON in a form in a URL has three.
const ESCAPED_MAX: usize = 4;

/// A text without escapes.
pub(super) struct Unescaped {
    pub(super) plain: Vec<u8>,
    /// The place of each byte before.
    pub(super) places: Vec<u32>,
    /// Escapes were applied more often than they are undone.
    pub(super) deep: bool,
}

/// The bytes with escapes undone; `None` if there are none.
pub(super) fn unescape(bytes: &[u8]) -> Option<Unescaped> {
    let (mut out, mut places) = unescape_once(bytes)?;
    let mut deep = true;
    for _ in 1..ESCAPED_MAX {
        let Some((plain, inner)) = unescape_once(&out) else {
            deep = false;
            break;
        };
        let before = |at: u32| {
            let at = usize::try_from(at).unwrap_or(usize::MAX);
            places.get(at).copied().unwrap_or(u32::MAX)
        };
        places = inner.into_iter().map(before).collect();
        out = plain;
    }
    let deep = deep && is_escaped(&out);
    Some(Unescaped {
        plain: out,
        places,
        deep,
    })
}

fn is_escaped(bytes: &[u8]) -> bool {
    memchr::memchr3_iter(b'%', b'\\', b'&', bytes).any(|at| escape(bytes, at).is_some())
}

/// One layer of escapes.
fn unescape_once(bytes: &[u8]) -> Option<(Vec<u8>, Vec<u32>)> {
    if !is_escaped(bytes) {
        return None;
    }
    let mut out = Vec::with_capacity(bytes.len());
    let mut places = Vec::with_capacity(bytes.len());
    let mut at = 0usize;
    while let Some(&byte) = bytes.get(at) {
        let place = u32::try_from(at).unwrap_or(u32::MAX);
        let (text, length) = match byte {
            b'%' | b'\\' | b'&' => escape(bytes, at).unwrap_or((Cow::Borrowed(&[]), 0)),
            _ => (Cow::Borrowed(&[][..]), 0),
        };
        if length == 0 {
            out.push(byte);
            places.push(place);
            at = at.saturating_add(1);
        } else {
            out.extend_from_slice(&text);
            places.extend(std::iter::repeat_n(place, text.len()));
            at = at.saturating_add(length);
        }
    }
    Some((out, places))
}

/// The value of so many hexadecimal digits.
fn hex(digits: &[u8], count: usize) -> Option<u32> {
    digits.get(..count)?.iter().try_fold(0u32, |value, digit| {
        let digit = char::from(*digit).to_digit(16)?;
        value.checked_mul(16)?.checked_add(digit)
    })
}

/// The byte of an escape; a control character would only break the text that is looked at.
fn visible(value: u32) -> Option<u8> {
    let byte = u8::try_from(value).ok()?;
    (byte >= b' ' || matches!(byte, b'\t' | b'\r' | b'\n')).then_some(byte)
}

/// A character in UTF-8, unless it is a control character.
fn character(value: u32) -> Option<Cow<'static, [u8]>> {
    let character =
        char::from_u32(value).filter(|c| *c >= ' ' || matches!(c, '\t' | '\r' | '\n'))?;
    Some(Cow::Owned(character.to_string().into_bytes()))
}

/// What the escape at `at` stands for, and its length.
fn escape(bytes: &[u8], at: usize) -> Option<(Cow<'static, [u8]>, usize)> {
    let rest = bytes.get(at..)?;
    match rest {
        [b'%', b'u' | b'U', digits @ ..] => Some((character(hex(digits, 4)?)?, 6)),
        [b'%', digits @ ..] => Some((Cow::Owned(vec![visible(hex(digits, 2)?)?]), 3)),
        [b'\\', b'/', ..] => Some((Cow::Borrowed(b"/"), 2)),
        [b'\\', b'x', digits @ ..] => Some((Cow::Owned(vec![visible(hex(digits, 2)?)?]), 4)),
        [b'\\', ..] if deep_quote(bytes, at).is_some() => {
            Some((Cow::Borrowed(b"\\\\\\"), deep_quote(bytes, at)?))
        }
        [b'\\', ..] => {
            /// JSON in JSON in JSON doubles them twice.
            const DEEP: usize = 8;
            let slashes = rest.iter().take(DEEP).take_while(|b| **b == b'\\').count();
            let digits = rest.get(slashes..)?.strip_prefix(b"u")?;
            let (value, length) = utf16(digits)?;
            Some((
                character(value)?,
                slashes.checked_add(1)?.checked_add(length)?,
            ))
        }
        [b'&', ..] => entity(rest),
        _ => None,
    }
}

/// Backslashes before a quote that is escaped more often than twice, if the first of them stands at `at`: JSON in JSON in JSON. Readers
/// of fields know two levels apart, and deeper ones are as good as the second.
fn deep_quote(bytes: &[u8], at: usize) -> Option<usize> {
    const LEVELS: usize = 3;
    let first = at.checked_sub(1).and_then(|at| bytes.get(at)) != Some(&b'\\');
    if !first {
        return None;
    }
    let rest = bytes.get(at..)?;
    let slashes = rest.iter().take_while(|b| **b == b'\\').count();
    let quoted = matches!(rest.get(slashes), Some(b'"' | b'\''));
    (slashes > LEVELS && quoted).then_some(slashes)
}

/// A character of one or two units of UTF-16 (RFC 8259 §7), and how many bytes behind the `u` it takes.
fn utf16(digits: &[u8]) -> Option<(u32, usize)> {
    let high = hex(digits, 4)?;
    if !(0xd800..0xdc00).contains(&high) {
        return Some((high, 4));
    }
    let rest = digits.get(4..)?;
    let slashes = rest.iter().take(8).take_while(|b| **b == b'\\').count();
    let low = hex(rest.get(slashes..)?.strip_prefix(b"u")?, 4)?;
    let low = low.checked_sub(0xdc00).filter(|low| *low < 0x400)?;
    let value = high
        .checked_sub(0xd800)?
        .checked_mul(0x400)?
        .checked_add(low)?;
    Some((value.checked_add(0x1_0000)?, slashes.checked_add(9)?))
}

/// A character of XML by its number, or one of the few that have names.
fn entity(rest: &[u8]) -> Option<(Cow<'static, [u8]>, usize)> {
    /// `&#x10ffff;`
    const LONG: usize = 10;
    let end = rest.iter().take(LONG).position(|b| *b == b';')?;
    let name = std::str::from_utf8(rest.get(1..end)?).ok()?;
    let length = end.checked_add(1)?;
    let named: &'static [u8] = match name {
        "amp" => b"&",
        "lt" => b"<",
        "gt" => b">",
        "quot" => b"\"",
        "apos" => b"'",
        "commat" => b"@",
        "deg" => "°".as_bytes(),
        _ => {
            let number = name.strip_prefix('#')?;
            let value = match number.strip_prefix(['x', 'X']) {
                Some(digits) => u32::from_str_radix(digits, 16).ok()?,
                None => number.parse().ok()?,
            };
            return Some((character(value)?, length));
        }
    };
    Some((Cow::Borrowed(named), length))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(String, String)> {
        Text::of(text.as_bytes(), true)
            .fields
            .iter()
            .map(|f| {
                (
                    f.name().to_owned(),
                    String::from_utf8_lossy(f.value).into_owned(),
                )
            })
            .collect()
    }

    #[test]
    fn a_field_is_found_however_it_is_written() {
        for text in [
            r#"{"imei":"123"}"#,
            r#"{ "IMEI" : 123 }"#,
            r#"{\"imei\":\"123\"}"#,
            r#"{\\\"imei\\\":\\\"123\\\",\\\"z\\\":1}"#,
            "a=1&imei=123&b=2",
            "device[imei]=123&z=1",
            "IMEI: 123\r\nZ: y",
            "<imei>123</imei>",
            r#"<device imei="123"/>"#,
            "i_m-ei='123'",
            "--b\r\nContent-Disposition: form-data; name=\"imei\"\r\n\r\n123\r\n--b--",
            "--b\r\nContent-Disposition: form-data; name=\"imei\"\r\nContent-Type: text/plain\r\n\r\n123\r\n--b--",
        ] {
            assert_eq!(
                read(text),
                [("imei".to_owned(), "123".to_owned())],
                "{text}"
            );
        }
        for text in [
            "imeix=123",
            "imei",
            "=imei",
            ":",
            "<b>imei>123",
            "name=\"",
            "imei=",
        ] {
            assert_eq!(read(text), [], "{text}");
        }
        assert_eq!(
            read(r#"{"nickname":"a \"b\" c","z":1}"#)
                .first()
                .map(|f| f.1.clone()),
            Some(r#"a \"b\" c"#.to_owned())
        );
    }

    #[test]
    fn escapes_are_undone_as_often_as_applied_and_keep_their_place() {
        let Unescaped { plain, places, .. } = unescape(b"a%40b%2540\\u00e9\\/%zz%01").unwrap();
        assert_eq!(plain, "a@b@é/%zz%01".as_bytes());
        assert_eq!(places.get(..5), Some(&[0, 1, 4, 5, 10][..]));
        assert_eq!(places.len(), plain.len());
        assert!(unescape(b"no escapes, 100% sure & more; &c;").is_none());
        for escaped in [
            "jo&#64;b.example",
            "jo&#x40;b.example",
            "jo&amp;#64;b.example",
            r"jo\x40b.example",
            r"jo\\u0040b.example",
            "jo%u0040b.example",
            "jo%25252540b.example",
        ] {
            let text = unescape(escaped.as_bytes()).unwrap();
            let plain = String::from_utf8_lossy(&text.plain);
            assert_eq!((&*plain, text.deep), ("jo@b.example", false), "{escaped}");
        }
        assert!(unescape(b"jo%2525252540b.example").unwrap().deep);
        assert_eq!(unescape(br"\ud83d\ude00").unwrap().plain, "😀".as_bytes());
    }
}
