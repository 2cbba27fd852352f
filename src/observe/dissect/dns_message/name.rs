//! Domain names as they stand in a message: labels, and pointers to earlier names.
//!
//! RFC 1035 §3.1 and §4.1.4 (compression), RFC 2181 §11 (any byte may stand in a label), RFC 4343 (case and escapes).

use std::fmt;
use std::hash::{Hash, Hasher};

use crate::ground::host_name::push_printable;
use crate::observe::dissect::wire::Reader;

/// Longest name on the wire, root label included (RFC 1035 §2.3.4).
const WIRE_MAX: usize = 255;
/// Pointers followed for one name. They must point strictly backwards, so a loop cannot arise; a name of 255 bytes
/// has at most 127 labels, and more pointers than labels is no compression.
const JUMPS_MAX: usize = 128;

/// A domain name. Equality and hash ignore ASCII case (RFC 4343 §3).
#[derive(Clone)]
pub struct Name {
    wire: Vec<u8>,
    text: String,
}

impl Name {
    /// Reads the name at the cursor of `reader`, which must run over the whole message, and leaves the cursor behind it.
    ///
    /// `None` if it is cut, longer than 255 bytes, has a reserved label type, or a pointer that does not point backwards.
    pub fn read<'a>(reader: &mut Reader<'a>, message: &'a [u8]) -> Option<Self> {
        let mut here = *reader;
        // A pointer must lead to a prior name (RFC 1035 §4.1.4): before the part of the name that holds it.
        let mut bound = here.position();
        let mut after = None;
        let mut jumps = 0usize;
        let mut wire = Vec::with_capacity(32);
        loop {
            let length = here.u8()?;
            match length {
                0 => break,
                1..=0x3f => {
                    wire.push(length);
                    wire.extend_from_slice(here.take(usize::from(length))?);
                    if wire.len() >= WIRE_MAX {
                        return None;
                    }
                }
                0xc0.. => {
                    let target = usize::from(u16::from_be_bytes([length & 0x3f, here.u8()?]));
                    jumps = jumps.saturating_add(1);
                    if target >= bound || jumps > JUMPS_MAX {
                        return None;
                    }
                    after.get_or_insert(here);
                    bound = target;
                    here = Reader::at(message, target)?;
                }
                // 0x40 (extended) and 0x80 are reserved (RFC 6891 §5).
                _ => return None,
            }
        }
        *reader = after.unwrap_or(here);
        Some(Self::from_labels(wire))
    }

    fn from_labels(wire: Vec<u8>) -> Self {
        let mut text = String::with_capacity(wire.len());
        for label in Labels(&wire) {
            if !text.is_empty() {
                text.push('.');
            }
            // Nearly all: letters, digits and marks that stand for themselves.
            if let Some(usual) = usual(label) {
                text.push_str(usual);
                continue;
            }
            for &byte in label {
                if byte == b'.' {
                    text.push_str("\\.");
                } else if byte == b'\\' {
                    text.push_str("\\\\");
                } else if byte == b' ' {
                    // Service instances are named in words (RFC 6763 §4.1.1).
                    text.push(' ');
                } else {
                    push_printable(&mut text, byte);
                }
            }
        }
        if text.is_empty() {
            text.push('.');
        }
        text.make_ascii_lowercase();
        Self { wire, text }
    }

    /// Lower-case text without the final dot; a dot or backslash inside a label as `\.` and `\\`, bytes outside printable
    /// ASCII as `\DDD`. The root is `.`.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The labels as sent, case kept, root left out.
    pub fn labels(&self) -> Labels<'_> {
        Labels(&self.wire)
    }

    /// True for the root name.
    pub fn is_root(&self) -> bool {
        self.wire.is_empty()
    }

    /// True if every byte of every label is printable ASCII: what names that people and programs look up consist of.
    pub fn is_printable(&self) -> bool {
        self.labels()
            .all(|label| label.iter().all(|b| b.is_ascii_graphic() || *b == b' '))
    }
}

/// A label without a byte that has to be escaped, as text.
fn usual(label: &[u8]) -> Option<&str> {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let text = label.iter().all(plain).then(|| str::from_utf8(label));
    text?.ok()
}

/// Iterates over the labels of a [`Name`].
#[derive(Debug, Clone)]
pub struct Labels<'a>(&'a [u8]);

impl<'a> Iterator for Labels<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let (&length, rest) = self.0.split_first()?;
        let (label, rest) = rest.split_at_checked(usize::from(length))?;
        self.0 = rest;
        Some(label)
    }
}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Name {}

impl Hash for Name {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Name({})", self.text)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_at(message: &[u8], position: usize) -> Option<(String, usize)> {
        let mut reader = Reader::at(message, position)?;
        let name = Name::read(&mut reader, message)?;
        Some((name.as_str().to_owned(), reader.position()))
    }

    /// The worked example of RFC 1035 §4.1.4: F.ISI.ARPA at 20, FOO.F.ISI.ARPA at 40, ARPA at 64, root at 92.
    #[test]
    fn rfc_1035_compression_example() {
        let mut message = vec![0u8; 93];
        message[20..32].copy_from_slice(b"\x01F\x03ISI\x04ARPA\x00");
        message[40..46].copy_from_slice(b"\x03FOO\xc0\x14");
        message[64..66].copy_from_slice(b"\xc0\x1a");
        assert_eq!(
            read_at(&message, 20).unwrap(),
            ("f.isi.arpa".to_owned(), 32)
        );
        assert_eq!(
            read_at(&message, 40).unwrap(),
            ("foo.f.isi.arpa".to_owned(), 46)
        );
        assert_eq!(read_at(&message, 64).unwrap(), ("arpa".to_owned(), 66));
        assert_eq!(read_at(&message, 92).unwrap(), (".".to_owned(), 93));
    }

    #[test]
    fn loops_forward_pointers_and_overlong_names_end() {
        assert_eq!(read_at(b"\xc0\x00", 0), None, "to itself");
        assert_eq!(
            read_at(b"\x01a\xc0\x00", 0),
            None,
            "to its own start: an endless name"
        );
        assert_eq!(read_at(b"\xc0\x02\x01a\x00", 0), None, "forwards");
        assert_eq!(read_at(b"\x40a\x00", 0), None, "reserved label type");
        // 128 labels of one byte are 256 bytes without the root; 127 are 254 and allowed.
        assert!(read_at(&[b"\x01a".repeat(127), vec![0]].concat(), 0).is_some());
        assert_eq!(read_at(&[b"\x01a".repeat(128), vec![0]].concat(), 0), None);
        // A ladder of pointers, each one backwards: legal in form, capped in number.
        let mut ladder = vec![0u8];
        ladder.extend((0u16..300).flat_map(|step| {
            let target = if step == 0 { 0 } else { step * 2 - 1 };
            (0xc000 | target).to_be_bytes()
        }));
        assert!(read_at(&ladder, 101).is_some());
        assert_eq!(read_at(&ladder, 599), None);
    }

    #[test]
    fn dots_controls_and_case_inside_labels_survive_as_text() {
        let message = b"\x04A.b\\\x05\x1b[2J\xff\x03COM\x00";
        let mut reader = Reader::new(message);
        let name = Name::read(&mut reader, message).unwrap();
        assert_eq!(name.as_str(), "a\\.b\\\\.\\027[2j\\255.com");
        assert_eq!(
            name.labels().collect::<Vec<_>>(),
            [&b"A.b\\"[..], b"\x1b[2J\xff", b"COM"]
        );
        assert!(!name.is_printable());
        let other = b"\x04a.B\\\x05\x1b[2j\xff\x03com\x00";
        assert_eq!(Name::read(&mut Reader::new(other), other).unwrap(), name);
    }
}
