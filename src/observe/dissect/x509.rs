//! What a certificate says of names (RFC 5280 §4.1): subject, issuer and subject alternative names.
//!
//! The crate `der` reads tags and lengths (X.690, the distinguished rules); the structure is walked here because a crate that
//! reads the whole certificate refuses it for a serial number, a date or an extension that breaks its form, and the name that
//! the server showed would be lost with it. Nothing is verified. An indefinite length (BER) is refused.

use der::asn1::AnyRef;
use der::{Decode, Reader, SliceReader, Tag, TagNumber, Tagged};

/// id-ce-subjectAltName, 2.5.29.17 (RFC 5280 §4.2.1.6), as DER writes it.
const ALTERNATIVE_NAMES: &[u8] = &[0x55, 0x1d, 0x11];
/// id-at-commonName, 2.5.4.3 (RFC 5280 appendix A.1).
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
/// id-at-organizationName, 2.5.4.10 (RFC 5280 appendix A.1).
const ORGANISATION: &[u8] = &[0x55, 0x04, 0x0a];

/// The parts of a certificate that name somebody.
#[derive(Debug, Clone, Copy)]
pub(super) struct Names<'a> {
    issuer: AnyRef<'a>,
    subject: AnyRef<'a>,
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
        if serial.tag() != Tag::Integer
            || sequences.iter().any(|field| field.tag() != Tag::Sequence)
        {
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
fn alternative<'a>(extensions: AnyRef<'a>) -> Alternative<'a> {
    let Some(mut list) = Items::of(extensions.value()).sequence() else {
        return Alternative::Broken;
    };
    let mut found = Alternative::Absent;
    while let Some(extension) = list.next() {
        let mut fields = Items::of(extension.value());
        if fields.next().map(AnyRef::value) != Some(ALTERNATIVE_NAMES) {
            continue;
        }
        // `critical` may stand between.
        let value = fields.find(|field| field.tag() == Tag::OctetString);
        let names = value.and_then(|value| Items::of(value.value()).next());
        found = match (found, names) {
            (Alternative::Absent, Some(names)) if names.tag() == Tag::Sequence => {
                Alternative::Names(names.value())
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
    const DNS: u32 = 2;
    const ADDRESS: u32 = 7;
    let mut items = Items::of(content);
    std::iter::from_fn(move || match items.next() {
        Some(item) if is_context(item, DNS) => Some(Some(General::Dns(item.value()))),
        Some(item) if is_context(item, ADDRESS) => Some(Some(General::Address(item.value()))),
        Some(_) => Some(Some(General::Other)),
        None => std::mem::take(&mut items.broken).then_some(None),
    })
}

/// Values of one attribute of a Name (RFC 5280 §4.1.2.4): a sequence of sets of type and value.
fn attributes<'a>(
    name: AnyRef<'a>,
    wanted: &'static [u8],
) -> impl Iterator<Item = Option<&'a str>> {
    Items::of(name.value())
        .flat_map(|set| Items::of(set.value()))
        .filter_map(move |pair| {
            let mut fields = Items::of(pair.value());
            let kind = fields.next()?;
            let value = fields.next()?;
            (kind.tag() == Tag::ObjectIdentifier && kind.value() == wanted).then(|| text(value))
        })
}

/// A string whose bytes are UTF-8 or a part of it. Others (TeletexString, BMPString) have no text here.
fn text<'a>(value: AnyRef<'a>) -> Option<&'a str> {
    match value.tag() {
        Tag::Utf8String
        | Tag::PrintableString
        | Tag::Ia5String
        | Tag::NumericString
        | Tag::VisibleString => std::str::from_utf8(value.value()).ok(),
        _ => None,
    }
}

fn is_context(item: AnyRef<'_>, number: u32) -> bool {
    matches!(item.tag(), Tag::ContextSpecific { number: TagNumber(n), .. } if n == number)
}

/// Items that stand one behind the other.
struct Items<'a> {
    reader: Option<SliceReader<'a>>,
    /// An item broke its form; nothing follows.
    broken: bool,
}

impl<'a> Items<'a> {
    fn of(content: &'a [u8]) -> Self {
        let reader = SliceReader::new(content).ok();
        Items {
            broken: reader.is_none(),
            reader,
        }
    }

    /// What the next item holds, if it is a sequence.
    fn sequence(mut self) -> Option<Items<'a>> {
        let item = self.next()?;
        (item.tag() == Tag::Sequence).then(|| Items::of(item.value()))
    }
}

impl<'a> Iterator for Items<'a> {
    type Item = AnyRef<'a>;

    fn next(&mut self) -> Option<AnyRef<'a>> {
        let reader = self.reader.as_mut()?;
        if reader.is_finished() {
            return None;
        }
        let item = AnyRef::decode(reader).ok();
        if item.is_none() {
            self.broken = true;
            self.reader = None;
        }
        item
    }
}
