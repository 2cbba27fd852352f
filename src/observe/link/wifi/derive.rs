//! Keys of a WPA association: the pairwise key from the shared one and the nonces (IEEE 802.11-2020
//! §12.7.1.2, §12.7.1.3), the check of handshake messages (§12.7.3, table 12-8), and the unwrapping of
//! group keys (RFC 3394).
//!
//! Which functions are used, the suite of authentication and key management says (table 9-151). Those
//! of fast transition (a hierarchy of keys between access points) and those with keys of 192 bits and
//! more are not in the list.

use super::cipher::Cipher;
use aes::Aes128;
use aes_kw::KwAes128;
use cmac::Cmac;
use hmac::Hmac;
use hmac::digest::{KeyInit, Output, OutputSizeUser};
use sha1::Sha1;
use sha2::Sha256;
use zeroize::Zeroizing;

/// Shared key of an association: 256 bits with all suites that are read.
pub(super) const SHARED_LEN: usize = 32;
/// Key of the check, key of wrapped keys, and the longest key of the data.
pub(super) const PAIRWISE_MAX: usize = 16 + 16 + 32;
/// The check of a message.
pub(super) const CHECK_LEN: usize = 16;

/// How long strings are made of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    /// PRF with HMAC-SHA-1 (§12.7.1.2).
    Sha1,
    /// KDF with HMAC-SHA-256 (§12.7.1.6.2); the length goes in.
    Sha256,
}

/// How a message is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Check {
    HmacSha1,
    HmacSha256,
    Cmac,
}

/// What a suite of key management stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Suite {
    /// Types of its selectors 00-0F-AC.
    selectors: &'static [u8],
    /// Version in the key information of messages (§12.7.2).
    version: u16,
    pub(super) method: Method,
    pub(super) check: Check,
}

/// The suites whose handshakes are read: 802.1X and PSK; the same with SHA-256; SAE; OWE, and SAE with
/// a key of its group's length where that is 256 bits.
const SUITES: [Suite; 4] = [
    Suite {
        selectors: &[1, 2],
        version: 2,
        method: Method::Sha1,
        check: Check::HmacSha1,
    },
    Suite {
        selectors: &[5, 6],
        version: 3,
        method: Method::Sha256,
        check: Check::Cmac,
    },
    Suite {
        selectors: &[8],
        version: 0,
        method: Method::Sha256,
        check: Check::Cmac,
    },
    Suite {
        selectors: &[18, 24],
        version: 0,
        method: Method::Sha256,
        check: Check::HmacSha256,
    },
];

/// The suites that a message of this version can belong to, by its selector if that is known.
pub(super) fn suites(version: u16, selector: Option<u8>) -> impl Iterator<Item = &'static Suite> {
    SUITES.iter().filter(move |suite| {
        suite.version == version && selector.is_none_or(|s| suite.selectors.contains(&s))
    })
}

/// What goes into a pairwise key beside the shared one, in the order of the standard.
#[derive(Clone, Copy)]
pub(super) struct Context([u8; 76]);

impl Context {
    pub(super) fn new(addresses: [[u8; 6]; 2], nonces: [[u8; 32]; 2]) -> Self {
        let [a, b] = addresses;
        let [m, n] = nonces;
        let mut out = [0; 76];
        let parts = [&a.min(b)[..], &a.max(b), &m.min(n), &m.max(n)];
        for (room, byte) in out.iter_mut().zip(parts.into_iter().flatten()) {
            *room = *byte;
        }
        Self(out)
    }
}

/// The keys of an association.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Pairwise {
    bytes: Zeroizing<[u8; PAIRWISE_MAX]>,
    check: Check,
}

const LABEL: &[u8] = b"Pairwise key expansion";

impl Pairwise {
    /// Derives as many bytes as a key of this length needs.
    pub(super) fn derive(suite: &Suite, shared: &[u8], context: &Context, key_len: usize) -> Self {
        let len = (32 + key_len).min(PAIRWISE_MAX);
        let mut bytes = Zeroizing::new([0; PAIRWISE_MAX]);
        let room = bytes.get_mut(..len).unwrap_or_default();
        match suite.method {
            Method::Sha1 => expand(room, |counter| {
                hmac::<Hmac<Sha1>>(shared, &[LABEL, &[0], &context.0, &[counter]])
            }),
            Method::Sha256 => {
                let bits = u16::try_from(len * 8).unwrap_or(u16::MAX).to_le_bytes();
                expand(room, |counter| {
                    let counter = u16::from(counter).saturating_add(1).to_le_bytes();
                    hmac::<Hmac<Sha256>>(shared, &[&counter, LABEL, &context.0, &bits])
                });
            }
        }
        Self {
            bytes,
            check: suite.check,
        }
    }

    /// True if a message was checked with this key; `parts` are its bytes with zeros for the check.
    pub(super) fn checks(&self, parts: &[&[u8]], sent: &[u8; CHECK_LEN]) -> bool {
        let key = self.bytes.get(..16).unwrap_or_default();
        match self.check {
            Check::HmacSha1 => same(&hmac::<Hmac<Sha1>>(key, parts), sent),
            Check::HmacSha256 => same(&hmac::<Hmac<Sha256>>(key, parts), sent),
            Check::Cmac => same(&hmac::<Cmac<Aes128>>(key, parts), sent),
        }
    }

    /// The key of the data.
    pub(super) fn data_key(&self, cipher: Cipher) -> &[u8] {
        self.bytes
            .get(32..32 + cipher.key_len())
            .unwrap_or_default()
    }

    /// Unwraps the data of a message; `None` unless its own check holds.
    pub(super) fn unwrap(&self, wrapped: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let key: &[u8; 16] = self.bytes.get(16..)?.first_chunk()?;
        let mut out = Zeroizing::new(vec![0; wrapped.len().checked_sub(8)?]);
        KwAes128::new(&(*key).into())
            .unwrap_key(wrapped, &mut out)
            .ok()?;
        Some(out)
    }
}

/// Fills `room` with blocks, numbered from zero.
fn expand<D: AsRef<[u8]>>(room: &mut [u8], block: impl Fn(u8) -> Option<D>) {
    let mut left = room;
    for counter in 0..u8::MAX {
        let Some(made) = block(counter) else { return };
        let len = left.len().min(made.as_ref().len());
        if len == 0 {
            return;
        }
        let Some((now, later)) = left.split_at_mut_checked(len) else {
            return;
        };
        now.copy_from_slice(made.as_ref().get(..len).unwrap_or_default());
        left = later;
    }
}

/// A keyed hash over parts. No length of key is refused by HMAC, and CMAC gets 16 bytes.
fn hmac<M: KeyInit + hmac::Mac + OutputSizeUser>(key: &[u8], parts: &[&[u8]]) -> Option<Output<M>> {
    let mut mac = <M as KeyInit>::new_from_slice(key).ok()?;
    for part in parts {
        mac.update(part);
    }
    Some(mac.finalize().into_bytes())
}

/// Compares the first 16 bytes, whatever they are, in the same time.
fn same<D: AsRef<[u8]>>(made: &Option<D>, sent: &[u8; CHECK_LEN]) -> bool {
    let made = made
        .as_ref()
        .and_then(|m| m.as_ref().first_chunk::<CHECK_LEN>());
    made.is_some_and(|made| made.iter().zip(sent).fold(0, |diff, (a, b)| diff | (a ^ b)) == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|b| format!("{b:02x}")).collect()
    }

    /// IEEE 802.11-2020 annex J.3.2, vectors of the PRF.
    #[test]
    fn the_function_of_sha1_makes_the_published_strings() {
        for (key, label, data, out) in [
            (
                vec![0x0b; 20],
                &b"prefix"[..],
                &b"Hi There"[..],
                "bcd4c650b30b9684951829e0d75f9d54",
            ),
            (
                b"Jefe".to_vec(),
                b"prefix",
                b"what do ya want for nothing?",
                "51f4de5b33f249adf81aeb713a3c20f4",
            ),
        ] {
            let mut room = [0; 16];
            expand(&mut room, |counter| {
                hmac::<Hmac<Sha1>>(&key, &[label, &[0], data, &[counter]])
            });
            assert_eq!(hex(&room), out);
        }
    }

    /// IEEE 802.11-2020 annex J.7.1: a pairwise key by AES-CMP parameters.
    #[test]
    fn the_pairwise_key_is_the_published_one() {
        let read = |text: &str| -> Vec<u8> {
            let pair = |p: &[u8]| u8::from_str_radix(std::str::from_utf8(p).unwrap(), 16).unwrap();
            text.as_bytes().chunks(2).map(pair).collect()
        };
        let shared = read("0dc0d6eb90555ed6419756b9a15ec3e3209b63df707dd508d14581f8982721af");
        let nonce = |text: &str| -> [u8; 32] { read(text).try_into().unwrap() };
        let context = Context::new(
            [
                [0xa0, 0xa1, 0xa1, 0xa3, 0xa4, 0xa5],
                [0xb0, 0xb1, 0xb2, 0xb3, 0xb4, 0xb5],
            ],
            [
                nonce("c0c1c2c3c4c5c6c7c8c9d0d1d2d3d4d5d6d7d8d9dadbdcdddedfe0e1e2e3e4e5"),
                nonce("e0e1e2e3e4e5e6e7e8e9f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff000102030405"),
            ],
        );
        let keys = Pairwise::derive(&SUITES[0], &shared, &context, 16);
        assert_eq!(
            hex(&keys.bytes[..48]),
            "379f9852d0199236b94e407ce4c00ec847c9edc01c2c6e5b4910caddfb3e51a7\
             b2360c79e9710fdd58bea93deaf06599"
        );
    }

    /// RFC 3394 §4.1.
    #[test]
    fn keys_are_unwrapped_and_checked() {
        let mut bytes = Zeroizing::new([0; PAIRWISE_MAX]);
        for (at, byte) in bytes[16..32].iter_mut().enumerate() {
            *byte = u8::try_from(at).unwrap();
        }
        let keys = Pairwise {
            bytes,
            check: Check::HmacSha1,
        };
        let mut wrapped = vec![
            0x1f, 0xa6, 0x8b, 0x0a, 0x81, 0x12, 0xb4, 0x47, 0xae, 0xf3, 0x4b, 0xd8, 0xfb, 0x5a,
            0x7b, 0x82, 0x9d, 0x3e, 0x86, 0x23, 0x71, 0xd2, 0xcf, 0xe5,
        ];
        let out = keys.unwrap(&wrapped).unwrap();
        assert_eq!(hex(&out), "00112233445566778899aabbccddeeff");
        wrapped[9] ^= 1;
        assert!(keys.unwrap(&wrapped).is_none());
        for len in 0..wrapped.len() {
            assert!(keys.unwrap(&wrapped[..len]).is_none());
        }
    }
}
