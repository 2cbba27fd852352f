//! Encrypted Client Hello (RFC 9849) whose secret the auditor holds: what the client asked for inside.
//!
//! A key log (RFC 9850 §2.3) has under the random of the outer hello `ECH_SECRET`, the shared secret of the key encapsulation, and
//! `ECH_CONFIG`, the server's configuration. From both, HPKE's key schedule (RFC 9180 §5.1, base mode) makes key and nonce; the
//! outer hello with zeros for the payload is the associated data (RFC 9849 §5.2). The hello after a retry is the second message of
//! the same context (§6.1.5). What opens is what the client sent, whether or not the server took it. Nothing is said of a payload
//! that does not open, which a dummy (§6.2) never does.
//!
//! Extensions that the inner hello takes over from the outer one (§5.1) are not put in: their names stand outside.

use super::tls_hello::{ClientHello, client_hello};
use super::wire::Reader;
use crate::observe::open::keylog::{Keylog, Label};
use crate::observe::open::tls::protection::aead;
use crate::observe::open::tls::schedule::Bytes;
use crate::observe::open::tls::suite::Cipher;
use hkdf::{GenericHkdf, GenericHkdfExtract, HmacImpl};
use hmac::Hmac;
use sha2::{Sha256, Sha384, Sha512};
use std::ops::Range;
use zeroize::Zeroizing;

/// The extension, and the version of configurations (RFC 9849 §5, §4).
const ECH: u16 = 0xfe0d;
/// Messages of one context: the hello, and the one after a retry.
const HELLOS: u64 = 2;

/// The extension of an outer hello.
struct Outer {
    kdf: u16,
    aead: u16,
    /// Where in the hello the payload is.
    payload: Range<usize>,
}

/// The inner hello of an outer one, whose body is given whole.
pub(super) fn inner(log: &Keylog, random: &[u8; 32], body: &[u8]) -> Option<ClientHello> {
    let config = log.config(random)?;
    let outer = outer(body)?;
    let sealed = body.get(outer.payload.clone())?;
    let mut aad = body.to_vec();
    aad.get_mut(outer.payload.clone())?.fill(0);
    let mut room = Vec::new();
    for secret in log.secrets(random, Label::EncryptedHello) {
        let (cipher, key, nonce) = schedule(config, &outer, secret)?;
        for number in 0..HELLOS {
            let nonce = numbered(&nonce, number)?;
            if aead(cipher, &key, &nonce, &aad, sealed, &mut room).is_some() {
                return client_hello(&room);
            }
        }
    }
    None
}

/// Finds the extension in the body of a hello.
fn outer(body: &[u8]) -> Option<Outer> {
    const OUTER: u8 = 0;
    let mut hello = Reader::new(body);
    hello.u16()?;
    hello.array::<32>()?;
    hello.vector8()?;
    hello.vector16()?;
    hello.vector8()?;
    hello.u16()?;
    loop {
        let kind = hello.u16()?;
        let data = hello.vector16()?;
        if kind != ECH {
            continue;
        }
        let begin = hello.position().checked_sub(data.len())?;
        let mut reader = Reader::new(data);
        reader.u8().filter(|kind| *kind == OUTER)?;
        let (kdf, aead, _id) = (reader.u16()?, reader.u16()?, reader.u8()?);
        reader.vector16()?;
        let payload = reader.vector16()?;
        let end = begin.checked_add(reader.position())?;
        return Some(Outer {
            kdf,
            aead,
            payload: end.checked_sub(payload.len())?..end,
        });
    }
}

/// The key encapsulation of a configuration (RFC 9849 §4).
fn kem(config: &[u8]) -> Option<u16> {
    let mut reader = Reader::new(config);
    reader.u16().filter(|version| *version == ECH)?;
    let mut contents = Reader::new(reader.vector16()?);
    contents.u8()?;
    contents.u16()
}

/// Cipher, key and first nonce of a context (RFC 9180 §5.1, §7.2, §7.3).
fn schedule(config: &[u8], outer: &Outer, secret: &[u8]) -> Option<(Cipher, Bytes, Bytes)> {
    let (cipher, key_len) = match outer.aead {
        1 => (Cipher::Gcm(16), 16),
        2 => (Cipher::Gcm(32), 32),
        3 => (Cipher::ChaCha, 32),
        _ => return None,
    };
    let [k0, k1] = kem(config)?.to_be_bytes();
    let [d0, d1] = outer.kdf.to_be_bytes();
    let [a0, a1] = outer.aead.to_be_bytes();
    let suite = [b'H', b'P', b'K', b'E', k0, k1, d0, d1, a0, a1];
    let info: &[&[u8]] = &[b"tls ech\0", config];
    let (key, nonce) = match outer.kdf {
        1 => keys::<Hmac<Sha256>>(&suite, info, secret, key_len),
        2 => keys::<Hmac<Sha384>>(&suite, info, secret, key_len),
        3 => keys::<Hmac<Sha512>>(&suite, info, secret, key_len),
        _ => None,
    }?;
    Some((cipher, key, nonce))
}

fn keys<H: HmacImpl>(
    suite: &[u8],
    info: &[&[u8]],
    secret: &[u8],
    key_len: usize,
) -> Option<(Bytes, Bytes)> {
    const VERSION: &[u8] = b"HPKE-v1";
    const BASE: u8 = 0;
    const NONCE_LEN: usize = 12;
    let extract = |salt: &[u8], label: &[u8], parts: &[&[u8]]| {
        let mut of = GenericHkdfExtract::<H>::new(Some(salt));
        for part in [VERSION, suite, label].iter().chain(parts) {
            of.input_ikm(part);
        }
        of.finalize()
    };
    let (no_psk, _) = extract(&[], b"psk_id_hash", &[]);
    let (hashed, _) = extract(&[], b"info_hash", info);
    let context = [&[BASE], no_psk.as_slice(), hashed.as_slice()].concat();
    let (_, made): (_, GenericHkdf<H>) = extract(secret, b"secret", &[]);
    let expand = |label: &[u8], len: usize| {
        let mut out = Zeroizing::new(vec![0; len]);
        let length = u16::try_from(len).ok()?.to_be_bytes();
        made.expand_multi_info(&[&length, VERSION, suite, label, &context], &mut out)
            .ok()?;
        Some(out)
    };
    Some((expand(b"key", key_len)?, expand(b"base_nonce", NONCE_LEN)?))
}

/// The nonce of a message (RFC 9180 §5.2).
fn numbered(nonce: &[u8], number: u64) -> Option<[u8; 12]> {
    let mut out: [u8; 12] = nonce.try_into().ok()?;
    let number = number.to_be_bytes();
    for (byte, over) in out.iter_mut().rev().zip(number.iter().rev()) {
        *byte ^= over;
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::dissect::wire::test_bytes::hex;

    /// RFC 9180 §A.1.1: X25519, HKDF-SHA256, AES-128-GCM.
    #[test]
    fn a_context_is_that_of_the_published_vector() {
        let secret = hex("fe0e18c9f024ce43799ae393c7e8fe8fce9d218875e8227b0187c04e7d2ea1fc");
        let info = hex("4f6465206f6e2061204772656369616e2055726e");
        let suite = hex("48504b45 0020 0001 0001");
        let (key, nonce) = keys::<Hmac<Sha256>>(&suite, &[&info], &secret, 16).unwrap();
        assert_eq!(*key, hex("4531685d41d65f03dc48f6b8302c05b0"));
        assert_eq!(*nonce, hex("56d890e5accaaf011cff4b7d"));
        assert_eq!(
            numbered(&nonce, 1).unwrap()[..],
            hex("56d890e5accaaf011cff4b7c")
        );
    }

    #[test]
    fn hellos_that_are_cut_or_have_no_such_extension_have_no_payload() {
        let start = [&hex("0303")[..], &[7; 32], &hex("00 0002 1301 01 00")].concat();
        let ech = hex("0012 fe0d 000e 00 0001 0001 07 0002 aaaa 0002 bbbb");
        let whole = [&start[..], &ech].concat();
        let found = outer(&whole).unwrap();
        assert_eq!(whole[found.payload], hex("bbbb"));
        assert_eq!((found.kdf, found.aead), (1, 1));
        for end in 0..whole.len() {
            assert!(outer(&whole[..end]).is_none(), "{end}");
        }
        assert!(outer(&[&start[..], &hex("0004 0015 0000")].concat()).is_none());
        assert!(outer(&[&start[..], &hex("0005 fe0d 0001 01")].concat()).is_none());
    }
}
