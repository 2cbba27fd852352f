//! Untrusted text on a terminal: names, labels and comments come from whoever was captured.
//!
//! What is shown as it is: characters that a reader sees, each on its own. Everything else is
//! written as `\u{202e}`: control characters (C0, DEL, C1, so also ESC), bidirectional marks and
//! isolates, zero-width and joining characters, line and paragraph separators, spaces other than
//! U+0020, private, unassigned and combining characters, and letters that are drawn blank.
//! Escaping escaped text changes nothing, so it is safe to do it twice; the price is that a
//! literal `\u{202e}` of ten characters looks the same (the JSON report tells them apart).
//!
//! What this cannot do: tell look-alike letters apart in free text. In host names it can, as
//! those are ASCII on the wire (RFC 5890 §2.3.2.1): see [`host`].

use std::borrow::Cow;
use std::fmt::Write as _;

/// Stands for what was left out.
const ELLIPSIS: char = '…';
/// Longest `\u{10ffff}`.
const ESCAPE_MAX: usize = 10;

/// Letters and symbols that are drawn as nothing: Hangul fillers and the empty Braille pattern.
const BLANK: [char; 5] = ['\u{115f}', '\u{1160}', '\u{3164}', '\u{ffa0}', '\u{2800}'];

/// True for what a reader sees on its own; everything else is escaped on a terminal.
pub fn is_plain(c: char) -> bool {
    match c {
        ' '..='~' => true,
        _ if BLANK.contains(&c) => false,
        // The standard library's idea of what has to be escaped: the categories C* and Z*
        // (unassigned characters too) and grapheme extenders.
        _ => c.escape_debug().len() == 1,
    }
}

fn escape(text: &str, keep: fn(char) -> bool) -> Cow<'_, str> {
    if text.chars().all(keep) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len().saturating_add(ESCAPE_MAX));
    for c in text.chars() {
        if keep(c) {
            out.push(c);
        } else {
            // Writing to a string cannot fail.
            let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
        }
    }
    Cow::Owned(out)
}

/// Text that is safe on a terminal and stays on one line.
pub fn terminal(text: &str) -> Cow<'_, str> {
    escape(text, is_plain)
}

/// A host name, safe on a terminal: what is not visible ASCII is escaped, so that no Cyrillic
/// letter passes for a Latin one.
pub fn host(name: &str) -> Cow<'_, str> {
    escape(name, |c| c.is_ascii_graphic())
}

/// Columns that escaped text takes on a terminal.
pub fn width(text: &str) -> usize {
    tabled::grid::util::string::get_string_width(text)
}

/// The pieces of escaped text that must not be torn: one character, or one `\u{…}`.
fn pieces(text: &str) -> impl DoubleEndedIterator<Item = &str> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let escape = rest.strip_prefix("\\u{").and_then(|tail| {
            let digits = tail.find('}')?;
            let end = digits.checked_add("\\u{}".len())?;
            let hex = tail.get(..digits)?.bytes().all(|b| b.is_ascii_hexdigit());
            (end <= ESCAPE_MAX && hex).then_some(end)
        });
        let (piece, tail) = rest
            .split_at_checked(escape.unwrap_or(c.len_utf8()))
            .unwrap_or((rest, ""));
        found.push(piece);
        rest = tail;
    }
    found.into_iter()
}

/// Escapes `text` and keeps as much of its beginning as fits in `columns`.
pub fn shorten(text: &str, columns: usize) -> String {
    let text = terminal(text);
    if width(&text) <= columns {
        return text.into_owned();
    }
    let mut kept = fitting(pieces(&text), columns.saturating_sub(1)).concat();
    kept.push(ELLIPSIS);
    kept
}

/// Escapes a host name and keeps as much of its end as fits in `columns`: the registrable part is
/// at the end, and `www.vendor.example.attacker.test` must not pass for the vendor's.
///
/// It is cut between labels where at least two of them fit.
pub fn shorten_host(name: &str, columns: usize) -> String {
    let name = host(name);
    if width(&name) <= columns {
        return name.into_owned();
    }
    let mut kept = fitting(pieces(&name).rev(), columns.saturating_sub(1));
    kept.reverse();
    let kept = kept.concat();
    let whole_labels = kept
        .split_once('.')
        .map(|(_, labels)| labels)
        .filter(|labels| labels.trim_end_matches('.').contains('.'));
    match whole_labels {
        // The dot stays, so that a reader sees that labels are missing and not characters.
        Some(labels) if !kept.starts_with('.') => format!("{ELLIPSIS}.{labels}"),
        _ => format!("{ELLIPSIS}{kept}"),
    }
}

/// Escapes a host name and breaks it into lines of at most `columns`, between labels where they fit: the dot ends a line, so
/// that a reader sees that the name goes on.
pub fn wrap_host(name: &str, columns: usize) -> Vec<String> {
    let columns = columns.max(1);
    let name = host(name);
    let mut lines = vec![String::new()];
    let mut add = |piece: &str, whole: usize| {
        let used = lines.last().map_or(0, |line| width(line));
        if used > 0 && used.saturating_add(whole) > columns {
            lines.push(String::new());
        }
        if let Some(line) = lines.last_mut() {
            line.push_str(piece);
        }
    };
    for label in name.split_inclusive('.') {
        let whole = width(label);
        if whole <= columns {
            add(label, whole);
            continue;
        }
        // A label that is longer than a line has to be torn after all.
        for piece in pieces(label) {
            add(piece, width(piece));
        }
    }
    lines
}

fn fitting<'a>(pieces: impl Iterator<Item = &'a str>, columns: usize) -> Vec<&'a str> {
    let mut used = 0usize;
    pieces
        .take_while(|piece| {
            used = used.saturating_add(width(piece));
            used <= columns
        })
        .collect()
}

/// Breaks escaped text into lines of at most `columns`, at spaces where possible, and never inside
/// a `\u{…}` that fits. Nothing is lost but the spaces at the breaks.
pub fn wrap(text: &str, columns: usize) -> Vec<String> {
    wrap_behind(text, 0, columns)
}

/// As [`wrap`], where `used` columns of the first line are taken already. The first line is empty
/// if the first word does not fit behind them.
pub fn wrap_behind(text: &str, mut used: usize, columns: usize) -> Vec<String> {
    let columns = columns.max(1);
    let mut lines = Vec::new();
    let mut line = String::new();
    let close = |line: &mut String, used: &mut usize, lines: &mut Vec<String>| {
        let whole = std::mem::take(line);
        lines.push(whole.trim_end_matches(' ').to_owned());
        *used = 0;
    };
    for word in text.split_inclusive(' ') {
        let letters = width(word.trim_end_matches(' '));
        if used > 0 && used.saturating_add(letters) > columns {
            close(&mut line, &mut used, &mut lines);
        }
        if letters <= columns {
            line.push_str(word);
            used = used.saturating_add(width(word));
            continue;
        }
        // What does not fit on a line of its own has to be torn after all.
        let narrow = pieces(word).flat_map(|piece| {
            let tear = width(piece) > columns;
            piece.split_inclusive(move |_: char| tear)
        });
        for piece in narrow {
            let letters = width(piece);
            if used > 0 && used.saturating_add(letters) > columns {
                close(&mut line, &mut used, &mut lines);
            }
            line.push_str(piece);
            used = used.saturating_add(letters);
        }
    }
    if !line.is_empty() || lines.is_empty() {
        close(&mut line, &mut used, &mut lines);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_moves_the_cursor_or_the_eye_is_escaped() {
        let hostile = [
            ('\0', r"\u{0}"),
            ('\n', r"\u{a}"),
            ('\r', r"\u{d}"),
            ('\t', r"\u{9}"),
            ('\u{1b}', r"\u{1b}"),
            ('\u{7f}', r"\u{7f}"),
            ('\u{85}', r"\u{85}"),
            ('\u{9b}', r"\u{9b}"),
            ('\u{a0}', r"\u{a0}"),
            ('\u{ad}', r"\u{ad}"),
            ('\u{301}', r"\u{301}"),
            ('\u{34f}', r"\u{34f}"),
            ('\u{61c}', r"\u{61c}"),
            ('\u{115f}', r"\u{115f}"),
            ('\u{180e}', r"\u{180e}"),
            ('\u{2800}', r"\u{2800}"),
            ('\u{3000}', r"\u{3000}"),
            ('\u{feff}', r"\u{feff}"),
            ('\u{fff9}', r"\u{fff9}"),
            ('\u{e000}', r"\u{e000}"),
            ('\u{378}', r"\u{378}"),
            ('\u{fdd0}', r"\u{fdd0}"),
            ('\u{e0041}', r"\u{e0041}"),
            ('\u{10ffff}', r"\u{10ffff}"),
        ];
        for (c, shown) in hostile {
            assert_eq!(terminal(&c.to_string()), shown);
        }
        let ranges = [
            0x200b..=0x200f,
            0x2028..=0x202f,
            0x2060..=0x206f,
            0xfe00..=0xfe0f,
        ];
        for code in ranges
            .into_iter()
            .flatten()
            .chain(0..=0x1f)
            .chain(0x7f..=0x9f)
        {
            let c = char::from_u32(code).unwrap();
            assert_eq!(terminal(&c.to_string()), format!("\\u{{{code:x}}}"));
        }
    }

    #[test]
    fn what_a_reader_sees_stays_and_is_not_copied() {
        let seen = r#"C:\Program Files\DJI "x" 'y' Größe Приложение 大疆 ✓ "#;
        assert!(matches!(terminal(seen), Cow::Borrowed(s) if s == seen));
    }

    #[test]
    fn escaping_twice_changes_nothing() {
        let once = terminal("a\u{202e}b\u{1b}[31m").into_owned();
        assert_eq!(once, r"a\u{202e}b\u{1b}[31m");
        assert_eq!(terminal(&once), once);
    }

    #[test]
    fn a_host_name_shows_letters_that_only_look_latin() {
        assert_eq!(host("\u{430}pple.com"), r"\u{430}pple.com");
        assert_eq!(host("a b.com"), r"a\u{20}b.com");
        assert!(matches!(host("www.dji.com"), Cow::Borrowed(_)));
    }

    #[test]
    fn a_shortened_host_shows_its_registrable_end() {
        let long = "www.dji.com.account.login.secure.attacker.test";
        assert_eq!(shorten_host(long, 20), "….attacker.test");
        assert_eq!(shorten_host(long, 22), "….secure.attacker.test");
        assert_eq!(shorten_host(long, 100), long);
        let label = format!("dji.com.{}", "a".repeat(63));
        assert_eq!(shorten_host(&label, 10), "…aaaaaaaaa");
        assert_eq!(shorten_host(&label, 1), "…");
    }

    #[test]
    fn no_cut_tears_an_escape() {
        let name = "x\u{202e}y\u{202e}.evil.test";
        assert_eq!(shorten_host(name, 16), "….evil.test");
        assert_eq!(shorten_host("\u{202e}\u{202e}\u{202e}", 12), r"…\u{202e}");
        assert_eq!(shorten("ab\u{202e}cd", 8), "ab…");
        assert_eq!(
            wrap(&terminal("ab\u{202e}cd"), 9),
            ["ab", r"\u{202e}c", "d"]
        );
        assert_eq!(pieces(r"\u{zz}").count(), 6);
        assert_eq!(wrap(r"\u{202e}", 4), [r"\u{2", "02e}"]);
    }

    #[test]
    fn wrapped_lines_fit_and_lose_nothing() {
        let text = "tls.handshake.extensions_server_name == \"api.dji.com\" && ip.addr == 203.0.113.7 大疆创新科技";
        for columns in 2..90 {
            let lines = wrap(text, columns);
            assert!(lines.iter().all(|line| width(line) <= columns), "{columns}");
            assert_eq!(lines.concat().replace(' ', ""), text.replace(' ', ""));
        }
        assert_eq!(wrap("", 10), [""]);
        assert_eq!(wrap_behind("abcd e", 7, 10), ["", "abcd e"]);
        assert_eq!(wrap("one two  three", 8), ["one two", "three"]);
    }
}
