//! The ciphers of 802.11 data frames that can be opened: CCMP (IEEE 802.11-2020 §12.5.3) and GCMP
//! (§12.5.5), each with keys of 128 and 256 bits.
//!
//! Both authenticate the body and the parts of the header that a retransmission does not change. What
//! fails that check is never handed out. TKIP (§12.5.2) and WEP have no check that would hold and are
//! not opened.

use aes::{Aes128, Aes256};
use aes_gcm::{Aes128Gcm, Aes256Gcm};
use ccm::Ccm;
use ccm::aead::{AeadInOut, KeyInit, Tag};
use ccm::consts::{U8, U13, U16};

type Ccm128 = Ccm<Aes128, U8, U13>;
type Ccm256 = Ccm<Aes256, U16, U13>;

/// A cipher with a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cipher {
    Ccmp128,
    Gcmp128,
    Gcmp256,
    Ccmp256,
}

/// All of them, the usual ones first.
pub(super) const CIPHERS: [Cipher; 4] = [
    Cipher::Ccmp128,
    Cipher::Gcmp128,
    Cipher::Gcmp256,
    Cipher::Ccmp256,
];

impl Cipher {
    /// By the type of the suite selector 00-0F-AC (§9.4.2.24.2, table 9-149).
    pub(super) fn of(selector: u8) -> Option<Self> {
        Some(match selector {
            4 => Self::Ccmp128,
            8 => Self::Gcmp128,
            9 => Self::Gcmp256,
            10 => Self::Ccmp256,
            _ => return None,
        })
    }

    /// Bytes of its key.
    pub(super) fn key_len(self) -> usize {
        match self {
            Self::Ccmp128 | Self::Gcmp128 => 16,
            Self::Gcmp256 | Self::Ccmp256 => 32,
        }
    }

    /// Bytes of the check behind the body.
    fn tag_len(self) -> usize {
        match self {
            Self::Ccmp128 => 8,
            Self::Gcmp128 | Self::Gcmp256 | Self::Ccmp256 => 16,
        }
    }
}

/// Before the body: the packet number in two parts, and the number of the key.
pub(super) const VECTOR_LEN: usize = 8;
/// In the fourth byte: the longer form of this header, which all ciphers but WEP have.
const EXTENDED: u8 = 0x20;

/// What stands before the body of a frame under CCMP or GCMP (§12.5.3.2, §12.5.5.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Vector {
    /// The packet number, most significant byte first.
    number: [u8; 6],
    /// Which of four keys.
    pub(super) key_id: u8,
}

/// What the first bytes of a protected body say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Before {
    /// CCMP or GCMP.
    Vector(Vector),
    /// WEP, or TKIP, whose second byte is made of the first (§12.5.2.2).
    Weak,
    /// Too short to say.
    Nothing,
}

impl Before {
    pub(super) fn read(body: &[u8]) -> Self {
        let Some(&[n0, n1, reserved, id, n2, n3, n4, n5]) = body.first_chunk::<VECTOR_LEN>() else {
            return Self::Nothing;
        };
        let tkip = reserved != 0 && n1 == (n0 | 0x20) & 0x7f;
        if id & EXTENDED == 0 || tkip {
            return Self::Weak;
        }
        Self::Vector(Vector {
            number: [n5, n4, n3, n2, n1, n0],
            key_id: id >> 6,
        })
    }
}

/// The parts of a data frame's header that the ciphers look at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Header {
    /// Frame control.
    pub(super) control: [u8; 2],
    /// Receiver, transmitter and the third address, as they stand.
    pub(super) addresses: [u8; 18],
    /// Sequence control.
    pub(super) sequence: [u8; 2],
    /// The fourth address.
    pub(super) fourth: Option<[u8; 6]>,
    /// QoS control.
    pub(super) qos: Option<[u8; 2]>,
}

/// Three addresses; a fourth one, QoS control.
const AAD_MAX: usize = 22 + 6 + 2;

/// In QoS control: the traffic identifier, and whether the body is an A-MSDU.
const TID: u8 = 0x0f;
const AGGREGATE: u8 = 0x80;

impl Header {
    /// What is authenticated of the header (§12.5.3.3.3): without the subtype, Retry, Power
    /// Management, More Data, the sequence number, and in QoS frames without +HTC. `aggregate` keeps
    /// the bit of A-MSDU, as stations do that agreed on it.
    fn authenticated(&self, aggregate: bool) -> ([u8; AAD_MAX], usize) {
        let [first, second] = self.control;
        let order = if self.qos.is_some() { 0x80 } else { 0 };
        let mut out = [0; AAD_MAX];
        let mut len = 0;
        let mut put = |bytes: &[u8]| {
            for byte in bytes {
                if let Some(room) = out.get_mut(len) {
                    *room = *byte;
                    len += 1;
                }
            }
        };
        put(&[first & !0x70, (second & !(0x38 | order)) | 0x40]);
        put(&self.addresses);
        let [fragment, _] = self.sequence;
        put(&[fragment & 0x0f, 0]);
        if let Some(fourth) = &self.fourth {
            put(fourth);
        }
        if let Some([qos, _]) = self.qos {
            put(&[qos & if aggregate { TID | AGGREGATE } else { TID }, 0]);
        }
        (out, len)
    }

    fn transmitter(&self) -> [u8; 6] {
        let [_, _, _, _, _, _, a, b, c, d, e, f, ..] = self.addresses;
        [a, b, c, d, e, f]
    }

    /// Priority, transmitter, packet number (§12.5.3.3.4).
    fn ccmp_nonce(&self, vector: &Vector) -> [u8; 13] {
        let priority = self.qos.map_or(0, |[qos, _]| qos & TID);
        let [a, b, c, d, e, f] = self.transmitter();
        let [n5, n4, n3, n2, n1, n0] = vector.number;
        [priority, a, b, c, d, e, f, n5, n4, n3, n2, n1, n0]
    }

    /// Transmitter, packet number (§12.5.5.3.4).
    fn gcmp_nonce(&self, vector: &Vector) -> [u8; 12] {
        let [a, b, c, d, e, f] = self.transmitter();
        let [n5, n4, n3, n2, n1, n0] = vector.number;
        [a, b, c, d, e, f, n5, n4, n3, n2, n1, n0]
    }

    /// Opens what stands behind the vector into `room`; false, and nothing in it, unless the check holds.
    pub(super) fn open(
        &self,
        cipher: Cipher,
        key: &[u8],
        vector: &Vector,
        sealed: &[u8],
        room: &mut Vec<u8>,
    ) -> bool {
        if self.try_open(cipher, key, vector, (sealed, false), room) {
            return true;
        }
        let aggregate = self.qos.is_some_and(|[qos, _]| qos & AGGREGATE != 0);
        aggregate && self.try_open(cipher, key, vector, (sealed, true), room)
    }

    fn try_open(
        &self,
        cipher: Cipher,
        key: &[u8],
        vector: &Vector,
        (sealed, aggregate): (&[u8], bool),
        room: &mut Vec<u8>,
    ) -> bool {
        room.clear();
        let Some(at) = sealed.len().checked_sub(cipher.tag_len()) else {
            return false;
        };
        let Some((body, tag)) = sealed.split_at_checked(at) else {
            return false;
        };
        room.extend_from_slice(body);
        let (aad, len) = self.authenticated(aggregate);
        let aad = aad.get(..len).unwrap_or_default();
        let (ccmp, gcmp) = (self.ccmp_nonce(vector), self.gcmp_nonce(vector));
        let opened = match cipher {
            Cipher::Ccmp128 => decrypt::<Ccm128>(key, &ccmp, aad, room, tag),
            Cipher::Ccmp256 => decrypt::<Ccm256>(key, &ccmp, aad, room, tag),
            Cipher::Gcmp128 => decrypt::<Aes128Gcm>(key, &gcmp, aad, room, tag),
            Cipher::Gcmp256 => decrypt::<Aes256Gcm>(key, &gcmp, aad, room, tag),
        };
        if opened.is_none() {
            room.clear();
        }
        opened.is_some()
    }
}

fn decrypt<A: KeyInit + AeadInOut>(
    key: &[u8],
    nonce: &[u8],
    aad: &[u8],
    room: &mut [u8],
    tag: &[u8],
) -> Option<()> {
    let cipher = A::new_from_slice(key).ok()?;
    let tag = Tag::<A>::try_from(tag).ok()?;
    let nonce = nonce.try_into().ok()?;
    cipher
        .decrypt_inout_detached(&nonce, aad, room.into(), &tag)
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(text: &str) -> Vec<u8> {
        let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
        let pair = |p: &[u8]| u8::from_str_radix(std::str::from_utf8(p).unwrap(), 16).unwrap();
        digits.chunks(2).map(pair).collect()
    }

    fn header(frame: &[u8], qos: bool) -> Header {
        Header {
            control: [frame[0], frame[1]],
            addresses: frame[4..22].try_into().unwrap(),
            sequence: [frame[22], frame[23]],
            fourth: None,
            qos: qos.then(|| [frame[24], frame[25]]),
        }
    }

    const KEY: &str = "c97c1f67ce371185514a8a19f2bdd52f";

    /// IEEE 802.11-2020 annex J.6.4 (a retransmitted frame) and J.8.2.
    #[test]
    fn published_frames_are_opened() {
        let ccmp = hex(
            "0848c32c0fd2e128a57c5030f1844408abaea5b8fcba80330ce70020769703b5\
             f3d0a2fe9a3dbf2342a643e43246e80c3c04d0197845ce0b16f97623",
        );
        let plain = hex("f8ba1a55d02f85ae967bb62fb6cda8eb7e78a050");
        let mut room = Vec::new();
        let Before::Vector(vector) = Before::read(&ccmp[24..]) else {
            panic!("no vector");
        };
        let head = header(&ccmp, false);
        assert!(head.open(Cipher::Ccmp128, &hex(KEY), &vector, &ccmp[32..], &mut room));
        assert_eq!(room, plain);
        // Any bit of body, check, number or addresses.
        for at in (0..ccmp.len()).filter(|at| !matches!(at, 0..=1 | 22..=23 | 26..=27)) {
            let mut bad = ccmp.clone();
            bad[at] ^= 1;
            let head = header(&bad, false);
            let opened = match Before::read(&bad[24..]) {
                Before::Vector(v) => {
                    head.open(Cipher::Ccmp128, &hex(KEY), &v, &bad[32..], &mut room)
                }
                _ => false,
            };
            assert_eq!(opened, matches!(at, 2..=3), "{at}");
            assert!(opened || room.is_empty(), "{at}");
        }
    }

    /// The same, and the frame of annex J.8.2 (GCMP, QoS), as OpenSSL seals them with keys of either length.
    #[test]
    fn every_cipher_is_opened() {
        let long = format!("{KEY}000102030405060708090a0b0c0d0e0f");
        let of_gcmp: Vec<u8> = (0..40).collect();
        let of_ccmp = hex("f8ba1a55d02f85ae967bb62fb6cda8eb7e78a050");
        for (cipher, key, frame, plain) in [
            (
                Cipher::Gcmp128,
                KEY,
                "88480b000fd2e128a57c5030f18444085030f184440880330300\
                 082b00205f5f8900\
                 60e9700cc4d40ac6d288b201c38f5bf08b807442640a1596e5dbdad41d1f3623f45d7a12db7afb23\
                 def619c2a374b6df66ffa53b6c69d79e",
                &of_gcmp,
            ),
            (
                Cipher::Gcmp256,
                &long,
                "88480b000fd2e128a57c5030f18444085030f184440880330300\
                 082b00205f5f8900\
                 658343c8b14447d9211defd46ad89c710c6fc33333236e3997b9176a5a8be779b21266555e70ad79\
                 114316859095473d5b1bd596b3dea3bf",
                &of_gcmp,
            ),
            (
                Cipher::Ccmp256,
                &long,
                "0848c32c0fd2e128a57c5030f1844408abaea5b8fcba8033\
                 0ce70020769703b5\
                 6d155d8832668256d6a92b78e11d8e54495dd174\
                 80aa56c9492e882b97642f80d50fe97b",
                &of_ccmp,
            ),
        ] {
            let frame = hex(frame);
            let qos = frame[0] & 0x80 != 0;
            let at = if qos { 26 } else { 24 };
            let Before::Vector(vector) = Before::read(&frame[at..]) else {
                panic!("no vector");
            };
            let mut room = Vec::new();
            let head = header(&frame, qos);
            let key = hex(key);
            assert!(head.open(cipher, &key, &vector, &frame[at + 8..], &mut room));
            assert_eq!(&room, plain);
            for other in CIPHERS.into_iter().filter(|c| *c != cipher) {
                assert!(!head.open(other, &key, &vector, &frame[at + 8..], &mut room));
            }
            for len in 0..frame.len() - at - 8 {
                let cut = &frame[at + 8..][..len];
                assert!(!head.open(cipher, &key, &vector, cut, &mut room));
                assert!(room.is_empty());
            }
        }
    }

    #[test]
    fn weak_ciphers_are_told_from_strong_ones() {
        // WEP: no longer form. TKIP: the second byte is made of the first.
        assert_eq!(Before::read(&[1, 2, 3, 0, 5, 6, 7, 8]), Before::Weak);
        assert_eq!(Before::read(&[0, 0x20, 1, 0x20, 0, 0, 0, 0]), Before::Weak);
        assert_eq!(Before::read(&[0; 7]), Before::Nothing);
        let read = Before::read(&[0x0c, 0xe7, 0, 0x60, 0x76, 0x97, 3, 0xb5]);
        let Before::Vector(vector) = read else {
            panic!("{read:?}");
        };
        assert_eq!(vector.key_id, 1);
        assert_eq!(vector.number, [0xb5, 0x03, 0x97, 0x76, 0xe7, 0x0c]);
    }
}
