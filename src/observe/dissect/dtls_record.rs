//! DTLS datagrams by their record headers: handshake or application data, and the fragments of handshake messages.
//!
//! RFC 6347 §4.1 and §4.2.2 (DTLS 1.2; 1.0 has the same form), RFC 9147 §4 (DTLS 1.3, whose encrypted records have another header),
//! RFC 9146 (records with a connection id). Nothing is decrypted. A content type of a DTLS 1.2 record is in clear even when
//! the record is encrypted, so an encrypted Finished still shows as handshake. Records of DTLS 1.3 with the unified header and
//! records with a connection id hide their type: they count as application data.

use crate::observe::dissect::wire::Reader;

/// Content types (IANA "TLS ContentType").
mod content_type {
    pub(super) const CHANGE_CIPHER_SPEC: u8 = 20;
    pub(super) const ALERT: u8 = 21;
    pub(super) const HANDSHAKE: u8 = 22;
    pub(super) const APPLICATION_DATA: u8 = 23;
    pub(super) const HEARTBEAT: u8 = 24;
    pub(super) const CONNECTION_ID: u8 = 25;
    pub(super) const ACK: u8 = 26;
}

/// 2^14 and what encryption may add (RFC 6347 §4.1).
const FRAGMENT_MAX: usize = (1 << 14) + 2048;
/// Records looked at in one datagram; a flight of handshake messages has about ten.
const RECORDS_MAX: usize = 64;
/// Header of a record without connection id.
const HEADER_LEN: usize = 13;
/// Longest change of cipher, alert or heartbeat: the last may be padded to the path's size (RFC 6520 §5.1) and is not by any program known.
const SMALL_MAX: usize = 512;
/// Longest handshake record that is encrypted: a Finished, a ticket, a renegotiation's piece of a certificate.
const SEALED_HANDSHAKE_MAX: usize = 1500;
/// Sequence numbers beyond this are taken for noise: an hour of a million records a second.
const SEQUENCE_MAX: u64 = 1 << 32;

/// What one datagram holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Datagram<'a> {
    /// Version in the first header: 0xfeff is 1.0, 0xfefd 1.2 and the hellos of 1.3, 0x0100 that of early OpenSSL and AnyConnect.
    pub version: u16,
    /// Number of records.
    pub records: usize,
    /// Some record carries application data, or hides its type.
    pub application_data: bool,
    /// Bytes of alerts, changes of cipher and heartbeats.
    pub control: usize,
    /// A record that says it is of those, and is longer than any can be.
    pub oversized: bool,
    /// Some record is encrypted (epoch above 0).
    pub encrypted: bool,
    /// Handshake message fragments of the plaintext records, in order.
    pub fragments: Vec<Fragment<'a>>,
    /// The last record runs past the end, or bytes follow that are no record.
    pub damaged: bool,
    /// There are more records than are looked at.
    pub capped: bool,
}

/// A part of a handshake message, or all of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fragment<'a> {
    /// Handshake type, as in TLS.
    pub kind: u8,
    /// Length of the whole message body.
    pub length: usize,
    /// Number of the message.
    pub sequence: u16,
    /// Where in the body the bytes belong; together with them at most `length`.
    pub offset: usize,
    /// The bytes.
    pub bytes: &'a [u8],
}

impl Fragment<'_> {
    /// True if it is the whole message.
    pub fn is_whole(&self) -> bool {
        self.offset == 0 && self.bytes.len() == self.length
    }
}

/// Recognises a datagram that begins with a DTLS record with a full header.
pub fn shape(payload: &[u8]) -> Option<Datagram<'_>> {
    let mut reader = Reader::new(payload);
    let mut datagram: Option<Datagram<'_>> = None;
    for _ in 0..RECORDS_MAX {
        if reader.is_empty() {
            break;
        }
        let Some(header) = Header::read(&mut reader) else {
            // RFC 9147 §4: a unified header may stand behind plaintext records.
            let unified = looks_unified(reader.rest());
            let datagram = datagram.as_mut()?;
            datagram.capped = false;
            datagram.application_data |= unified;
            datagram.damaged |= !unified;
            break;
        };
        let there = reader.rest();
        let fragment = there.get(..header.length).unwrap_or(there);
        let is_cut = fragment.len() < header.length;
        if datagram.is_none() && !first_holds(&header, fragment) {
            return None;
        }
        let datagram = datagram.get_or_insert(Datagram {
            version: header.version,
            records: 0,
            application_data: false,
            control: 0,
            oversized: false,
            encrypted: false,
            fragments: Vec::new(),
            damaged: false,
            capped: false,
        });
        datagram.add(&header, fragment);
        datagram.damaged |= is_cut;
        datagram.capped = reader.take(header.length).is_some() && !reader.is_empty();
        if !datagram.capped {
            break;
        }
    }
    datagram
}

/// True if the payload could be a DTLS 1.3 record with the unified header (RFC 9147 §4): three fixed bits. One in eight random
/// payloads looks so; only a DTLS handshake seen before on the same flow makes it more.
pub fn looks_unified(payload: &[u8]) -> bool {
    payload.len() > 16 && payload.first().is_some_and(|first| first >> 5 == 0b001)
}

struct Header {
    content_type: u8,
    version: u16,
    epoch: u16,
    length: usize,
}

impl Header {
    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let mut ahead = *reader;
        let content_type = ahead.u8()?;
        let version = ahead.u16()?;
        let epoch = ahead.u16()?;
        let sequence = u64::from(ahead.u16()?) << 32 | u64::from(ahead.u32()?);
        if !(content_type::CHANGE_CIPHER_SPEC..=content_type::ACK).contains(&content_type)
            || !matches!(version, 0xfeff | 0xfefd | 0x0100)
            || sequence >= SEQUENCE_MAX
        {
            return None;
        }
        if content_type == content_type::CONNECTION_ID {
            // The id stands before the length and has no length of its own: all the rest is one record.
            let length = ahead.remaining();
            *reader = ahead;
            return (length > 2).then_some(Self {
                content_type,
                version,
                epoch,
                length,
            });
        }
        let length = usize::from(ahead.u16()?);
        *reader = ahead;
        (1..=FRAGMENT_MAX).contains(&length).then_some(Self {
            content_type,
            version,
            epoch,
            length,
        })
    }
}

/// The first record decides that this is DTLS at all, so plaintext must look like what it claims to be.
fn first_holds(header: &Header, fragment: &[u8]) -> bool {
    match (header.epoch, header.content_type) {
        (0, content_type::HANDSHAKE) => fragments(fragment).next().is_some(),
        (0, content_type::CHANGE_CIPHER_SPEC) => fragment.starts_with(&[1]),
        // Alert: level and description.
        (0, 21) => header.length == 2 && matches!(fragment.first(), None | Some(1 | 2)),
        (0, content_type::ACK) => true,
        (0, _) => false,
        // Re-keying is rare; thousands of epochs are noise.
        (1..=255, _) => true,
        _ => false,
    }
}

impl<'a> Datagram<'a> {
    fn add(&mut self, header: &Header, fragment: &'a [u8]) {
        self.records = self.records.saturating_add(1);
        self.encrypted |= header.epoch > 0;
        self.application_data |= matches!(
            header.content_type,
            content_type::APPLICATION_DATA | content_type::CONNECTION_ID
        );
        let whole = HEADER_LEN + header.length;
        match header.content_type {
            content_type::HANDSHAKE | content_type::ACK => {
                // Behind the change of cipher there is the Finished alone, or one of TLS's small messages.
                self.oversized |= header.epoch > 0 && header.length > SEALED_HANDSHAKE_MAX;
            }
            content_type::CHANGE_CIPHER_SPEC | content_type::ALERT | content_type::HEARTBEAT => {
                self.control += whole;
                self.oversized |= header.length > SMALL_MAX;
            }
            _ => {}
        }
        if header.epoch == 0 && header.content_type == content_type::HANDSHAKE {
            self.fragments.extend(fragments(fragment));
        }
    }
}

/// The handshake fragments in one plaintext record; ends at the first that does not fit.
fn fragments(record: &[u8]) -> impl Iterator<Item = Fragment<'_>> {
    let mut reader = Reader::new(record);
    std::iter::from_fn(move || {
        let kind = reader.u8()?;
        let length = usize::try_from(reader.u24()?).ok()?;
        let sequence = reader.u16()?;
        let offset = usize::try_from(reader.u24()?).ok()?;
        let count = usize::try_from(reader.u24()?).ok()?;
        if kind > 25 || offset.checked_add(count)? > length {
            return None;
        }
        Some(Fragment {
            kind,
            length,
            sequence,
            offset,
            bytes: reader.take(count)?,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::dissect::wire::test_bytes::{Noise, hex};

    fn record(content_type: u8, epoch: u16, fragment: &[u8]) -> Vec<u8> {
        let mut bytes = vec![content_type, 0xfe, 0xfd];
        bytes.extend(epoch.to_be_bytes());
        bytes.extend([0, 0, 0, 0, 0, 5]);
        bytes.extend(u16::try_from(fragment.len()).unwrap().to_be_bytes());
        bytes.extend(fragment);
        bytes
    }

    /// A ClientHello of 20 bytes in two fragments.
    fn split_hello() -> [Vec<u8>; 2] {
        [
            hex("01 000014 0000 000000 000008 0102030405060708"),
            hex("01 000014 0000 000008 00000c 090a0b0c0d0e0f1011121314"),
        ]
        .map(|fragment| record(content_type::HANDSHAKE, 0, &fragment))
    }

    #[test]
    fn fragments_say_where_they_belong() {
        let both = split_hello().concat();
        let datagram = shape(&both).unwrap();
        assert_eq!(
            (datagram.version, datagram.records, datagram.damaged),
            (0xfefd, 2, false)
        );
        assert!(!datagram.application_data && !datagram.encrypted);
        let placed: Vec<_> = datagram
            .fragments
            .iter()
            .map(|f| (f.length, f.offset, f.bytes.len(), f.is_whole()))
            .collect();
        assert_eq!(placed, [(20, 0, 8, false), (20, 8, 12, false)]);
        for cut in 0..both.len() {
            match shape(&both[..cut]) {
                None => assert!(cut < 33, "cut at {cut}"),
                Some(part) => assert_eq!(part.damaged, cut != 33, "cut at {cut}"),
            }
        }
    }

    #[test]
    fn application_data_shows_by_type_and_by_what_hides_it() {
        let [hello, _] = split_hello();
        let finished = record(content_type::HANDSHAKE, 1, &[9; 40]);
        let handshake = [record(content_type::CHANGE_CIPHER_SPEC, 0, &[1]), finished].concat();
        let datagram = shape(&handshake).unwrap();
        assert!(datagram.encrypted && !datagram.application_data && datagram.fragments.is_empty());
        assert!(
            shape(&record(content_type::APPLICATION_DATA, 1, &[9; 40]))
                .unwrap()
                .application_data
        );
        assert!(
            shape(&record(content_type::CONNECTION_ID, 1, &[9; 40]))
                .unwrap()
                .application_data
        );
        let unified = [hello, vec![0x2e; 40]].concat();
        assert!(shape(&unified).unwrap().application_data);
        assert!(!shape(&record(21, 0, &[1, 0])).unwrap().application_data);
    }

    #[test]
    fn noise_and_other_protocols() {
        let mut noise = Noise(11);
        let good = split_hello().concat();
        for round in 0..20_000 {
            let mut bytes = noise.bytes(100);
            bytes[0] = 20 + u8::try_from(round % 7).unwrap();
            assert_eq!(shape(&bytes), None);
            shape(&noise.damage(&good));
        }
        assert_eq!(
            shape(&record(content_type::APPLICATION_DATA, 0, &[1; 40])),
            None,
            "nobody sends it in clear"
        );
        assert_eq!(
            shape(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
            None,
            "TLS"
        );
    }
}
