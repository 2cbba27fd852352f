//! Compact JSON with the keys of every object in order, as the digest is defined over it: what
//! `serde_json::to_string` makes of a [`serde_json::Value`], written without building one.
//!
//! An object is written as its fields come; when it ends its fields are put in order where they stand. Only the
//! objects that are open are held.

use serde::Serialize;
use serde_json::ser::{CharEscape, CompactFormatter, Formatter, Serializer};
use std::borrow::Cow;
use std::io::{self, Write};
use std::ops::Range;

/// Writes value after value, with the memory of the one before.
#[derive(Default)]
pub(super) struct Sorted {
    /// The outermost object that is open, as far as it came.
    text: Vec<u8>,
    /// Where each open object begins: in the text, and in the fields.
    open: Vec<(usize, usize)>,
    /// The fields of the open objects.
    fields: Vec<Field>,
    /// A field of the outermost object that is left out.
    omit: Option<&'static str>,
    /// Fields on their way to their places.
    moved: Vec<u8>,
}

/// A field in the text.
#[derive(Clone)]
struct Field {
    /// The first letters of the key, so that most comparisons are of numbers.
    begins: u64,
    /// The key, between its quotation marks.
    key: Range<usize>,
    /// From the key to the end of the value.
    whole: Range<usize>,
}

impl Sorted {
    /// Writes a value, without the field `omit` if it is an object that has one.
    ///
    /// # Errors
    /// When the writer fails, or the value cannot be JSON.
    pub(super) fn write(
        &mut self,
        value: &impl Serialize,
        omit: Option<&'static str>,
        out: &mut impl Write,
    ) -> io::Result<()> {
        self.text.clear();
        self.open.clear();
        self.fields.clear();
        self.omit = omit;
        let mut to = Serializer::with_formatter(out, InOrder(self));
        value.serialize(&mut to).map_err(io::Error::from)
    }

    /// The object that was opened last is whole.
    fn close(&mut self) {
        let Some((start, first)) = self.open.pop() else {
            return;
        };
        let omit = self.omit.filter(|_| self.open.is_empty());
        let text = &self.text;
        let mut fields = self.fields.split_off(first.min(self.fields.len()));
        if let Some(omit) = omit {
            fields.retain(|f| text.get(f.key.clone()) != Some(omit.as_bytes()));
        }
        fields.sort_by(|a, b| {
            let name = |f: &Field| unescaped(text.get(f.key.clone()).unwrap_or_default());
            a.begins.cmp(&b.begins).then_with(|| name(a).cmp(&name(b)))
        });
        self.moved.clear();
        for (at, field) in fields.iter().enumerate() {
            self.moved.push(if at == 0 { b'{' } else { b',' });
            let whole = text.get(field.whole.clone());
            self.moved.extend_from_slice(whole.unwrap_or_default());
        }
        self.text.truncate(start);
        if fields.is_empty() {
            self.text.push(b'{');
        }
        self.text.extend_from_slice(&self.moved);
        self.text.push(b'}');
    }
}

/// A key as it is compared: without escapes.
fn unescaped(key: &[u8]) -> Cow<'_, [u8]> {
    if !key.contains(&b'\\') {
        return Cow::Borrowed(key);
    }
    let quoted = [b"\"", key, b"\""].concat();
    match serde_json::from_slice::<String>(&quoted) {
        Ok(key) => Cow::Owned(key.into_bytes()),
        Err(_) => Cow::Borrowed(key),
    }
}

/// The first eight letters as a number that compares as they do.
fn begins(key: &[u8]) -> u64 {
    let key = unescaped(key);
    let mut first = [0u8; 8];
    for (to, from) in first.iter_mut().zip(key.iter()) {
        *to = *from;
    }
    u64::from_be_bytes(first)
}

/// Into the open object, or on to the writer.
struct InOrder<'a>(&'a mut Sorted);

macro_rules! compact {
    ($($name:ident($($argument:ident: $kind:ty),*);)*) => {$(
        fn $name<W: ?Sized + Write>(&mut self, writer: &mut W, $($argument: $kind),*) -> io::Result<()> {
            if self.0.open.is_empty() {
                CompactFormatter.$name(writer, $($argument),*)
            } else {
                CompactFormatter.$name(&mut self.0.text, $($argument),*)
            }
        }
    )*};
}

impl Formatter for InOrder<'_> {
    compact! {
        write_null();
        write_bool(value: bool);
        write_i8(value: i8);
        write_i16(value: i16);
        write_i32(value: i32);
        write_i64(value: i64);
        write_i128(value: i128);
        write_u8(value: u8);
        write_u16(value: u16);
        write_u32(value: u32);
        write_u64(value: u64);
        write_u128(value: u128);
        write_f64(value: f64);
        write_number_str(value: &str);
        begin_string();
        end_string();
        write_string_fragment(fragment: &str);
        write_char_escape(escape: CharEscape);
        write_byte_array(value: &[u8]);
        begin_array();
        end_array();
        begin_array_value(first: bool);
        end_array_value();
        write_raw_fragment(fragment: &str);
    }

    /// As a [`serde_json::Value`] holds it.
    fn write_f32<W: ?Sized + Write>(&mut self, writer: &mut W, value: f32) -> io::Result<()> {
        self.write_f64(writer, f64::from(value))
    }

    fn begin_object<W: ?Sized + Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.0.open.push((self.0.text.len(), self.0.fields.len()));
        Ok(())
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, _: &mut W, _: bool) -> io::Result<()> {
        let at = self.0.text.len();
        // The key stands between quotation marks.
        let key = at.saturating_add(1);
        self.0.fields.push(Field {
            begins: 0,
            key: key..key,
            whole: at..at,
        });
        Ok(())
    }

    fn end_object_key<W: ?Sized + Write>(&mut self, _: &mut W) -> io::Result<()> {
        let end = self.0.text.len();
        if let Some(field) = self.0.fields.last_mut() {
            field.key.end = end.saturating_sub(1);
            let key = self.0.text.get(field.key.clone());
            field.begins = begins(key.unwrap_or_default());
        }
        Ok(())
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.0.text.push(b':');
        Ok(())
    }

    fn end_object_value<W: ?Sized + Write>(&mut self, _: &mut W) -> io::Result<()> {
        let end = self.0.text.len();
        if let Some(field) = self.0.fields.last_mut() {
            field.whole.end = end;
        }
        Ok(())
    }

    fn end_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.close();
        if self.0.open.is_empty() {
            writer.write_all(&self.0.text)?;
            self.0.text.clear();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};
    use std::collections::HashMap;

    #[derive(Serialize)]
    struct Inner {
        zeta: Option<u8>,
        alpha: Vec<HashMap<&'static str, f64>>,
        beta: (),
    }

    #[derive(Serialize)]
    struct Outer {
        run: Inner,
        second: Vec<Inner>,
        #[serde(rename = "a \"key\"\n")]
        escaped: &'static str,
        #[serde(rename = "a key")]
        plain: f64,
        half: f32,
        #[serde(flatten)]
        more: HashMap<String, Value>,
    }

    fn outer() -> Outer {
        let inner = |zeta| Inner {
            zeta,
            alpha: vec![
                HashMap::from([("second", 0.1), ("first", f64::NAN), ("secon", 1e300)]),
                HashMap::new(),
            ],
            beta: (),
        };
        Outer {
            run: inner(None),
            second: vec![inner(Some(1)), inner(None)],
            escaped: "\u{1b}\"\\größe\u{202e}",
            plain: 3.0,
            half: 0.1,
            more: HashMap::from([
                (
                    "aa".to_owned(),
                    json!({"z": [], "b": {}, "\t": -1, "!": u64::MAX}),
                ),
                ("zz".to_owned(), json!([[{"y": null, "x": true}], "text"])),
            ]),
        }
    }

    fn written(value: &impl Serialize, omit: Option<&'static str>) -> String {
        let mut out = Vec::new();
        Sorted::default().write(value, omit, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_text_is_that_of_the_value() {
        let mut value = serde_json::to_value(outer()).unwrap();
        assert_eq!(written(&outer(), None), value.to_string());
        value.as_object_mut().unwrap().remove("run");
        assert_eq!(written(&outer(), Some("run")), value.to_string());
        let empty = json!({});
        assert_eq!(written(&empty, None), "{}");
        assert_eq!(written(&json!({"run": {"run": 1}}), Some("run")), "{}");
        assert_eq!(
            written(&json!({"b": {"run": 1}}), Some("run")),
            r#"{"b":{"run":1}}"#
        );
        for plain in [
            json!("a\"b"),
            json!(null),
            json!([1, {"b": 2, "a": [{}]}, 2.5]),
        ] {
            assert_eq!(written(&plain, None), plain.to_string());
        }
    }
}
