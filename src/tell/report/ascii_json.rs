//! JSON in which text of a capture is inert as text, too: what moves a cursor, turns the reading
//! order or ends a line for some reader is written as `\uXXXX`. The value stays the same.
//!
//! `serde_json` escapes what RFC 8259, section 7, requires: quotation mark, backslash and C0. Left
//! over are DEL, C1, U+2028 and U+2029 (line ends for many readers of NDJSON), bidirectional marks
//! and everything else that [`super::text`] does not show as it is.

use super::blocks::Blocks;
use crate::ground::text;
use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter, PrettyFormatter, Serializer};
use std::io::{self, Write};

struct Inert<F>(F);

macro_rules! forward {
    ($($name:ident($($argument:ident: $kind:ty),*);)*) => {$(
        fn $name<W: ?Sized + Write>(&mut self, writer: &mut W, $($argument: $kind),*) -> io::Result<()> {
            self.0.$name(writer, $($argument),*)
        }
    )*};
}

impl<F: Formatter> Formatter for Inert<F> {
    forward! {
        begin_array();
        end_array();
        begin_array_value(first: bool);
        end_array_value();
        begin_object();
        end_object();
        begin_object_key(first: bool);
        end_object_key();
        begin_object_value();
        end_object_value();
    }

    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        // Nearly all text is: asked byte by byte, not letter by letter.
        if fragment.bytes().all(|b| matches!(b, b' '..=b'~')) {
            return writer.write_all(fragment.as_bytes());
        }
        let mut rest = fragment;
        while let Some(at) = rest.find(|c| !text::is_plain(c)) {
            let (plain, tail) = rest.split_at_checked(at).unwrap_or((rest, ""));
            writer.write_all(plain.as_bytes())?;
            let mut tail = tail.chars();
            if let Some(c) = tail.next() {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    write!(writer, "\\u{unit:04x}")?;
                }
            }
            rest = tail.as_str();
        }
        writer.write_all(rest.as_bytes())
    }
}

/// Writes a value on one line, without the line break.
///
/// # Errors
/// When the writer fails.
pub(in crate::tell) fn line<W: Write + ?Sized>(
    value: &impl Serialize,
    out: &mut W,
) -> io::Result<()> {
    let mut to = Serializer::with_formatter(out, Inert(CompactFormatter));
    value.serialize(&mut to).map_err(io::Error::from)
}

/// Writes a value indented, with a line break at the end.
///
/// # Errors
/// When the writer fails.
pub(super) fn pretty(value: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    let mut out = Blocks::new(out);
    let mut to = Serializer::with_formatter(&mut out, Inert(PrettyFormatter::new()));
    value.serialize(&mut to).map_err(io::Error::from)?;
    out.write_all(b"\n")?;
    out.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_plain_is_escaped_and_means_the_same() {
        let text = "a\"\\\u{1b}\u{7f}\u{85}\u{202e}\u{2028}\u{e0041}größe 大疆";
        let mut out = Vec::new();
        line(&text, &mut out).unwrap();
        let out = String::from_utf8(out).unwrap();
        assert_eq!(
            out,
            r#""a\"\\\u001b\u007f\u0085\u202e\u2028\udb40\udc41größe 大疆""#
        );
        assert_eq!(serde_json::from_str::<String>(&out).unwrap(), text);
        let mut out = Vec::new();
        pretty(&serde_json::json!({"k\u{2029}": [1, null, []]}), &mut out).unwrap();
        let read: serde_json::Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(read["k\u{2029}"][0], 1);
    }
}
