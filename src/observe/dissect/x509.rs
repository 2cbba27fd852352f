//! What a certificate says of names (RFC 5280 §4.1): subject, issuer and subject alternative names.
//!
//! Our own walk over tags and lengths (X.690 §8.1): crates refuse a whole certificate for a serial number, a date or a length in
//! more bytes than it needs, all of which servers send, and the name that was shown would be lost with it. Nothing is verified. An
//! indefinite length (X.690 §8.1.3.6) is refused: no certificate of a TLS server has one.

use super::wire::Reader;

/// Identifiers of universal types (X.690 §8.1.2, X.680 table 1).
mod tag {
    pub(super) const INTEGER: u8 = 0x02;
    pub(super) const OCTET_STRING: u8 = 0x04;
    pub(super) const OBJECT_IDENTIFIER: u8 = 0x06;
    pub(super) const UTF8_STRING: u8 = 0x0c;
    pub(super) const NUMERIC_STRING: u8 = 0x12;
    pub(super) const PRINTABLE_STRING: u8 = 0x13;
    pub(super) const IA5_STRING: u8 = 0x16;
    pub(super) const VISIBLE_STRING: u8 = 0x1a;
    pub(super) const SEQUENCE: u8 = 0x30;
    /// Context-specific, its number below.
    pub(super) const CONTEXT: u8 = 0x80;
    /// The value is itself a series of items.
    pub(super) const CONSTRUCTED: u8 = 0x20;
    /// The number stands in the bytes behind.
    pub(super) const LONG: u8 = 0x1f;
}

/// id-ce-subjectAltName, 2.5.29.17 (RFC 5280 §4.2.1.6), as DER writes it.
const ALTERNATIVE_NAMES: &[u8] = &[0x55, 0x1d, 0x11];
/// id-at-commonName, 2.5.4.3 (RFC 5280 appendix A.1).
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
/// id-at-organizationName, 2.5.4.10 (RFC 5280 appendix A.1).
const ORGANISATION: &[u8] = &[0x55, 0x04, 0x0a];

/// The parts of a certificate that name somebody.
#[derive(Debug, Clone, Copy)]
pub(super) struct Names<'a> {
    issuer: Item<'a>,
    subject: Item<'a>,
    pub(super) alternative: Alternative<'a>,
}

/// The extension of the alternative names.
#[derive(Debug, Clone, Copy)]
pub(super) enum Alternative<'a> {
    Absent,
    /// There more than once, or it breaks its form.
    Broken,
    /// The content of GeneralNames.
    Names(&'a [u8]),
}

/// One alternative name of a kind that can be an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum General<'a> {
    Dns(&'a [u8]),
    Address(&'a [u8]),
    Other,
}

impl<'a> Names<'a> {
    /// Reads a certificate in DER; what stands behind it is not looked at. None where its form is broken up to the names.
    pub(super) fn read(der: &'a [u8]) -> Option<Self> {
        let mut fields = Items::of(der).sequence()?.sequence()?;
        let first = fields.next()?;
        // The version is a field of later versions only.
        let serial = if is_context(first, 0) {
            fields.next()?
        } else {
            first
        };
        let signature = fields.next()?;
        let issuer = fields.next()?;
        let validity = fields.next()?;
        let subject = fields.next()?;
        let key = fields.next()?;
        let sequences = [signature, issuer, validity, subject, key];
        if serial.tag != tag::INTEGER || sequences.iter().any(|field| field.tag != tag::SEQUENCE) {
            return None;
        }
        let extensions = loop {
            match fields.next() {
                Some(field) if is_context(field, 3) => break Some(field),
                Some(_) => {}
                None if fields.broken => return None,
                None => break None,
            }
        };
        Some(Names {
            issuer,
            subject,
            alternative: extensions.map_or(Alternative::Absent, alternative),
        })
    }

    /// Common names of the subject, as text where their form is text.
    pub(super) fn common_names(self) -> impl Iterator<Item = Option<&'a str>> {
        attributes(self.subject, COMMON_NAME)
    }

    /// The first organisation of the issuer.
    pub(super) fn issuer_organisation(self) -> Option<&'a str> {
        attributes(self.issuer, ORGANISATION).next()?
    }
}

/// The alternative names of an extension block.
fn alternative<'a>(extensions: Item<'a>) -> Alternative<'a> {
    let Some(mut list) = Items::of(extensions.value).sequence() else {
        return Alternative::Broken;
    };
    let mut found = Alternative::Absent;
    for extension in list.by_ref() {
        let mut fields = Items::of(extension.value);
        if fields.next().map(|id| id.value) != Some(ALTERNATIVE_NAMES) {
            continue;
        }
        // `critical` may stand between.
        let value = fields.find(|field| field.tag == tag::OCTET_STRING);
        let names = value.and_then(|value| Items::of(value.value).next());
        found = match (found, names) {
            (Alternative::Absent, Some(names)) if names.tag == tag::SEQUENCE => {
                Alternative::Names(names.value)
            }
            _ => Alternative::Broken,
        };
    }
    if list.broken {
        Alternative::Broken
    } else {
        found
    }
}

/// The alternative names one by one; None for one that breaks its form, behind which nothing can be told apart.
pub(super) fn general_names(content: &[u8]) -> impl Iterator<Item = Option<General<'_>>> {
    const DNS: u8 = 2;
    const ADDRESS: u8 = 7;
    let mut items = Items::of(content);
    std::iter::from_fn(move || match items.next() {
        Some(item) if is_context(item, DNS) => Some(Some(General::Dns(item.value))),
        Some(item) if is_context(item, ADDRESS) => Some(Some(General::Address(item.value))),
        Some(_) => Some(Some(General::Other)),
        None => std::mem::take(&mut items.broken).then_some(None),
    })
}

/// Values of one attribute of a Name (RFC 5280 §4.1.2.4): a sequence of sets of type and value.
fn attributes<'a>(name: Item<'a>, wanted: &'static [u8]) -> impl Iterator<Item = Option<&'a str>> {
    Items::of(name.value)
        .flat_map(|set| Items::of(set.value))
        .filter_map(move |pair| {
            let mut fields = Items::of(pair.value);
            let kind = fields.next()?;
            let value = fields.next()?;
            (kind.tag == tag::OBJECT_IDENTIFIER && kind.value == wanted).then(|| text(value))
        })
}

/// A string whose bytes are UTF-8 or a part of it. Others (TeletexString, BMPString) have no text here.
fn text<'a>(value: Item<'a>) -> Option<&'a str> {
    match value.tag {
        tag::UTF8_STRING
        | tag::PRINTABLE_STRING
        | tag::IA5_STRING
        | tag::NUMERIC_STRING
        | tag::VISIBLE_STRING => std::str::from_utf8(value.value).ok(),
        _ => None,
    }
}

fn is_context(item: Item<'_>, number: u8) -> bool {
    item.tag & !tag::CONSTRUCTED == tag::CONTEXT | number
}

/// A tag and what it stands before.
#[derive(Debug, Clone, Copy)]
struct Item<'a> {
    tag: u8,
    value: &'a [u8],
}

impl<'a> Item<'a> {
    fn read(reader: &mut Reader<'a>) -> Option<Self> {
        let tag = reader.u8()?;
        if tag & tag::LONG == tag::LONG {
            // Numbers beyond thirty are none that is looked for.
            while reader.u8()? & 0x80 != 0 {}
        }
        let length = match reader.u8()? {
            short @ 0..=0x7f => usize::from(short),
            long @ 0x81..=0x84 => {
                let bytes = reader.take(usize::from(long & 0x7f))?;
                bytes
                    .iter()
                    .fold(0, |sum, byte| (sum << 8) | usize::from(*byte))
            }
            _ => return None,
        };
        let value = reader.take(length)?;
        Some(Item { tag, value })
    }
}

/// Items that stand one behind the other.
struct Items<'a> {
    reader: Reader<'a>,
    /// An item broke its form; nothing follows.
    broken: bool,
}

impl<'a> Items<'a> {
    fn of(content: &'a [u8]) -> Self {
        Items {
            reader: Reader::new(content),
            broken: false,
        }
    }

    /// What the next item holds, if it is a sequence.
    fn sequence(mut self) -> Option<Items<'a>> {
        let item = self.next()?;
        (item.tag == tag::SEQUENCE).then(|| Items::of(item.value))
    }
}

impl<'a> Iterator for Items<'a> {
    type Item = Item<'a>;

    fn next(&mut self) -> Option<Item<'a>> {
        if self.broken || self.reader.is_empty() {
            return None;
        }
        let item = Item::read(&mut self.reader);
        self.broken = item.is_none();
        item
    }
}
