//! STUN and TURN messages: recognised by form, and read for the addresses and names that show a path to the outside.
//!
//! RFC 8489 §5 (message), §14 (attributes, §14.2 for the XOR of addresses, §14.7 fingerprint), RFC 8656 §18 (TURN). The magic cookie is
//! required: messages of RFC 3489 without it are not recognised. A mapped address is what a server saw from its side; that it is
//! public shows that the packet went through the internet. STUN also carries other bytes: see [`Stun::carries_data`].

use std::hash::{DefaultHasher, Hasher};
use std::net::{IpAddr, SocketAddr};

use crate::ground::host_name::{HostName, printable};
use crate::observe::dissect::wire::Reader;

const HEADER_LEN: usize = 20;
const MAGIC_COOKIE: u32 = 0x2112_a442;
/// Attributes looked at; TURN messages have about ten.
const ATTRIBUTES_MAX: usize = 64;
/// Texts may have up to 763 bytes (RFC 8489 §14), and those of honest programs are shorter.
const TEXT: usize = 128;
/// Tokens and tickets are sealed by a server for itself (RFC 7635, RFC 8016).
const TOKEN: usize = 512;

mod attribute {
    pub(super) const MAPPED_ADDRESS: u16 = 0x0001;
    pub(super) const XOR_PEER_ADDRESS: u16 = 0x0012;
    pub(super) const DATA: u16 = 0x0013;
    pub(super) const REALM: u16 = 0x0014;
    pub(super) const XOR_RELAYED_ADDRESS: u16 = 0x0016;
    pub(super) const XOR_MAPPED_ADDRESS: u16 = 0x0020;
    pub(super) const ALTERNATE_DOMAIN: u16 = 0x8003;
    pub(super) const SOFTWARE: u16 = 0x8022;
    pub(super) const ALTERNATE_SERVER: u16 = 0x8023;
    pub(super) const FINGERPRINT: u16 = 0x8028;
    pub(super) const RESPONSE_ORIGIN: u16 = 0x802b;
    pub(super) const OTHER_ADDRESS: u16 = 0x802c;
}

/// Request, indication, or answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Wants an answer.
    Request,
    /// Wants none.
    Indication,
    /// A good answer.
    Success,
    /// A bad answer.
    Error,
}

/// What an address in a message stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddressRole {
    /// The asker, as the server saw it.
    Mapped,
    /// The far end that a TURN server shall reach, or that sent what it relays.
    Peer,
    /// The address a TURN server lends.
    Relayed,
    /// Another server, or another address of this one.
    Server,
}

/// A message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stun {
    /// Request, indication or answer.
    pub class: Class,
    /// Method: 1 binding; TURN: 3 allocate, 4 refresh, 6 send, 7 data, 8 create permission, 9 channel bind.
    pub method: u16,
    /// Addresses in order.
    pub addresses: Vec<(AddressRole, SocketAddr)>,
    /// Who runs the server, as it says (REALM), printable ASCII in lower case and the rest as `\DDD`.
    pub realm: Option<String>,
    /// Domain of another server to try.
    pub alternate_domain: Option<HostName>,
    /// Software at the sender, in the form of `realm`.
    pub software: Option<String>,
    /// Bytes of somebody else's packet inside: a TURN send or data indication.
    pub carries_data: bool,
    /// Bytes in attributes that no registry knows, or beyond what theirs can need.
    pub odd: usize,
    /// Bytes of texts and tokens, and a hash of them.
    pub texts: (usize, u64),
}

/// Recognises a datagram that is one whole STUN message.
pub fn message(payload: &[u8]) -> Option<Stun> {
    let mut reader = Reader::new(payload);
    let kind = reader.u16()?;
    let length = usize::from(reader.u16()?);
    let cookie = reader.u32()?;
    let transaction: [u8; 12] = reader.array()?;
    if kind & 0xc000 != 0
        || cookie != MAGIC_COOKIE
        || length % 4 != 0
        || HEADER_LEN.checked_add(length)? != payload.len()
    {
        return None;
    }
    let method = (kind & 0x000f) | (kind >> 1 & 0x0070) | (kind >> 2 & 0x0f80);
    if !is_known_method(method) {
        return None;
    }
    let class = match (kind >> 8 & 1, kind >> 4 & 1) {
        (0, 0) => Class::Request,
        (0, _) => Class::Indication,
        (_, 0) => Class::Success,
        _ => Class::Error,
    };
    let mut stun = Stun {
        class,
        method,
        addresses: Vec::new(),
        realm: None,
        alternate_domain: None,
        software: None,
        carries_data: false,
        odd: 0,
        texts: (0, 0),
    };
    let mut hasher = DefaultHasher::new();
    for _ in 0..ATTRIBUTES_MAX {
        if reader.is_empty() {
            break;
        }
        let before = reader.position();
        let kind = reader.u16()?;
        let value = reader.vector16()?;
        // Values are padded to four bytes; the padding may hold anything (§14).
        reader.take(value.len().wrapping_neg() % 4)?;
        if kind == attribute::FINGERPRINT && !fingerprint_holds(payload.get(..before)?, value) {
            return None;
        }
        let most = longest(kind);
        stun.odd += value.len().saturating_sub(most);
        if (TEXT..=TOKEN).contains(&most) {
            stun.texts.0 += value.len().min(most);
            hasher.write(value);
        }
        stun.attribute(kind, value, &transaction);
    }
    stun.texts.1 = hasher.finish();
    reader.is_empty().then_some(stun)
}

/// Bytes of the message that a stream begins with: `None` if it is none, `Some(None)` while its header is not whole.
pub fn frame_len(bytes: &[u8]) -> Option<Option<usize>> {
    let mut reader = Reader::new(bytes);
    let header = (reader.u16(), reader.u16(), reader.u32());
    if header.0.is_some_and(|kind| kind & 0xc000 != 0)
        || header.1.is_some_and(|length| length % 4 != 0)
        || header.2.is_some_and(|cookie| cookie != MAGIC_COOKIE)
    {
        return None;
    }
    let whole = header.1.filter(|_| header.2.is_some());
    Some(whole.map(|length| HEADER_LEN.saturating_add(length.into())))
}

/// The most bytes that an attribute can need (IANA "STUN Attributes"); nothing for those that are not known, and for padding, which only tries
/// the path (RFC 5780 §7.6).
fn longest(kind: u16) -> usize {
    match kind {
        // Addresses.
        0x0001 | 0x0012 | 0x0016 | 0x0020 | 0x8023 | 0x802b | 0x802c => 20,
        // User name, error, unknown attributes, realm, nonce, alternate domain, software.
        0x0006 | 0x0009 | 0x000a | 0x0014 | 0x0015 | 0x8003 | 0x8022 => TEXT,
        // Integrity by SHA-1 and SHA-256, hash of the user name.
        0x0008 | 0x001c | 0x001e | 0xc05b => 32,
        0x001b | 0x8030 => TOKEN,
        // Password algorithms.
        0x001d | 0x8002 => 32,
        // Data is payload by itself.
        0x0013 => usize::MAX,
        // Channel, lifetime, families, transport, even port, fragment, token of a port, change, priority, candidate, tie breakers, ICMP,
        // fingerprint, ECN, connection, response port, cost of the network.
        0x000c
        | 0x000d
        | 0x0017..=0x001a
        | 0x0022
        | 0x0003
        | 0x0024
        | 0x0025
        | 0x002a
        | 0x8000
        | 0x8004
        | 0x8027..=0x802a
        | 0x802d
        | 0x0027
        | 0xc057 => 8,
        _ => 0,
    }
}

/// IANA "STUN Methods".
fn is_known_method(method: u16) -> bool {
    matches!(method, 0x001 | 0x003 | 0x004 | 0x006..=0x00c | 0x080)
}

impl Stun {
    fn attribute(&mut self, kind: u16, value: &[u8], transaction: &[u8; 12]) {
        let (role, xored) = match kind {
            attribute::MAPPED_ADDRESS => (AddressRole::Mapped, false),
            attribute::XOR_MAPPED_ADDRESS => (AddressRole::Mapped, true),
            attribute::XOR_PEER_ADDRESS => (AddressRole::Peer, true),
            attribute::XOR_RELAYED_ADDRESS => (AddressRole::Relayed, true),
            attribute::ALTERNATE_SERVER | attribute::RESPONSE_ORIGIN | attribute::OTHER_ADDRESS => {
                (AddressRole::Server, false)
            }
            attribute::REALM => return self.realm = Some(printable(value)),
            attribute::SOFTWARE => return self.software = Some(printable(value)),
            attribute::ALTERNATE_DOMAIN => {
                return self.alternate_domain = Some(HostName::read(value));
            }
            attribute::DATA => return self.carries_data |= !value.is_empty(),
            _ => return,
        };
        if let Some(address) = address(value, xored.then_some(transaction)) {
            self.addresses.push((role, address));
        }
    }
}

/// Address attribute (§14.1); XORed with cookie and transaction id if one is given (§14.2).
fn address(value: &[u8], transaction: Option<&[u8; 12]>) -> Option<SocketAddr> {
    let mut reader = Reader::new(value);
    let _reserved = reader.u8()?;
    let family = reader.u8()?;
    let port = reader.u16()?;
    let mask: u128 = match transaction {
        Some(transaction) => {
            let [a, b, c, d] = MAGIC_COOKIE.to_be_bytes();
            let [e, f, g, h, i, j, k, l, m, n, o, p] = *transaction;
            u128::from_be_bytes([a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p])
        }
        None => 0,
    };
    let port_mask = u16::try_from(mask >> 112).unwrap_or_default();
    let ip = match family {
        1 => IpAddr::from(
            (reader.u32()? ^ u32::try_from(mask >> 96).unwrap_or_default()).to_be_bytes(),
        ),
        2 => IpAddr::from((u128::from_be_bytes(reader.array()?) ^ mask).to_be_bytes()),
        _ => return None,
    };
    reader
        .is_empty()
        .then_some(SocketAddr::new(ip, port ^ port_mask))
}

/// FINGERPRINT (§14.7): CRC-32 of all before, XORed with "STUN". The length field already counts the attribute.
fn fingerprint_holds(covered: &[u8], value: &[u8]) -> bool {
    let crc = covered.iter().fold(u32::MAX, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| {
            if crc & 1 == 1 {
                (crc >> 1) ^ 0xedb8_8320
            } else {
                crc >> 1
            }
        })
    });
    value == (!crc ^ 0x5354_554e).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::dissect::wire::test_bytes::{Noise, hex};

    /// RFC 5769 §2.1: sample request.
    const REQUEST: &str = "000100582112a442b7e7a701bc34d686fa87dfae802200105354554e207465737420636c69656e74002400046e0001ff80290008\
        932ff9b151263b36000600096576746a3a68367659202020000800149aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a280280004e57a3bcf";
    /// RFC 5769 §2.2: sample IPv4 response.
    const RESPONSE_4: &str = "0101003c2112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220002000080001a147e112a643000800142b\
        91f599fd9e90c38c7489f92af9ba53f06be7d780280004c07d4c96";
    /// RFC 5769 §2.3: sample IPv6 response.
    const RESPONSE_6: &str = "010100482112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220002000140002a1470113a9faa5d3f179bc25\
        f4b5bed2b9d900080014a382954e4be67bf11784c97c8292c275bfe3ed4180280004c8fb0b4c";

    #[test]
    fn rfc_5769_vectors() {
        let request = message(&hex(REQUEST)).unwrap();
        assert_eq!(
            (request.class, request.method, request.software.as_deref()),
            (Class::Request, 1, Some("stun\\032test\\032client"))
        );
        let expected = |text: &str| vec![(AddressRole::Mapped, text.parse().unwrap())];
        assert_eq!(
            message(&hex(RESPONSE_4)).unwrap().addresses,
            expected("192.0.2.1:32853")
        );
        let six = message(&hex(RESPONSE_6)).unwrap();
        assert_eq!(
            (six.class, six.addresses),
            (
                Class::Success,
                expected("[2001:db8:1234:5678:11:2233:4455:6677]:32853")
            )
        );
        for vector in [REQUEST, RESPONSE_4, RESPONSE_6].map(hex) {
            for cut in 0..vector.len() {
                assert_eq!(message(&vector[..cut]), None);
            }
            // Header, transaction id, the value of the first attribute, the fingerprint itself.
            for at in (0..20).chain(24..35).chain(vector.len() - 4..vector.len()) {
                let mut damaged = vector.clone();
                damaged[at] ^= 0x20;
                assert_eq!(message(&damaged), None, "the fingerprint covers byte {at}");
            }
        }
    }

    #[test]
    fn turn_names_the_far_end_and_what_it_carries() {
        // Send indication: XOR-PEER-ADDRESS 192.0.2.1:32853, five bytes of data and their padding.
        let body = hex(
            "001200080001a147e112a643 001300056162636465000000 0014000b4578616d706c652e6f726700",
        );
        let mut indication = hex("0016");
        indication.extend(u16::try_from(body.len()).unwrap().to_be_bytes());
        indication.extend(hex("2112a442000102030405060708090a0b"));
        indication.extend(body);
        let stun = message(&indication).unwrap();
        assert_eq!(
            (stun.class, stun.method, stun.carries_data),
            (Class::Indication, 6, true)
        );
        assert_eq!(
            stun.addresses,
            [(AddressRole::Peer, "192.0.2.1:32853".parse().unwrap())]
        );
        assert_eq!(stun.realm.as_deref(), Some("example.org"));
        // Captured from the project's lab: a binding answer without a fingerprint.
        let lab = message(&hex(
            "0101000c2112a442414141414141414141414141002000080001e2420e13a641",
        ))
        .unwrap();
        assert_eq!(
            lab.addresses,
            [(AddressRole::Mapped, "47.1.2.3:50000".parse().unwrap())]
        );
    }

    #[test]
    fn noise_and_other_protocols() {
        let mut noise = Noise(5);
        for _ in 0..20_000 {
            message(&noise.damage(&hex(RESPONSE_4)));
            assert_eq!(message(&noise.bytes(64)), None);
        }
        // ChannelData, and a message of RFC 3489 without the cookie
        assert_eq!(message(&hex("40010004aabbccdd")), None);
        assert_eq!(
            message(&hex("00010000b7e7a701b7e7a701bc34d686fa87dfae")),
            None
        );
    }
}
