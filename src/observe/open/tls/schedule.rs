//! Keys from secrets: HKDF-Expand-Label of TLS 1.3 (RFC 8446 §7.1, §7.3), the function of TLS 1.2 (RFC 5246 §5, §6.3) and that of
//! TLS 1.0 and 1.1, with MD5 and SHA-1 (RFC 2246 §5, RFC 4346 §5).

use super::suite::{Cipher, Hash, Suite};
use hkdf::Hkdf;
use hmac::digest::KeyInit;
use hmac::{Hmac, Mac};
use md5::Md5;
use sha1::Sha1;
use sha2::{Sha256, Sha384};
use zeroize::{Zeroize, Zeroizing};

/// Bytes that were made of a secret.
pub type Bytes = Zeroizing<Vec<u8>>;

/// HKDF-Expand-Label with an empty context; empty if the secret is shorter than the hash.
pub fn expand_label(hash: Hash, secret: &[u8], label: &[u8], len: usize) -> Bytes {
    const PREFIX: &[u8] = b"tls13 ";
    let mut out = Zeroizing::new(vec![0; len]);
    let length = u16::try_from(len).unwrap_or(u16::MAX).to_be_bytes();
    let name = u8::try_from(PREFIX.len() + label.len()).unwrap_or(u8::MAX);
    let info: [&[u8]; 5] = [&length, &[name], PREFIX, label, &[0]];
    let made = match hash {
        Hash::Sha384 => Hkdf::<Sha384>::from_prk(secret)
            .ok()
            .and_then(|h| h.expand_multi_info(&info, &mut out).ok()),
        Hash::Sha256 | Hash::Sha1 => Hkdf::<Sha256>::from_prk(secret)
            .ok()
            .and_then(|h| h.expand_multi_info(&info, &mut out).ok()),
    };
    if made.is_none() {
        out.clear();
    }
    out
}

/// The keys of one direction.
#[derive(Clone, Default)]
pub struct Keys {
    /// Of the check, where that is an HMAC.
    pub check: Bytes,
    /// Of the cipher.
    pub key: Bytes,
    /// Initialisation vector, or its fixed part.
    pub vector: Bytes,
}

/// Keys of TLS 1.3 from a traffic secret.
pub fn of_secret(suite: &Suite, secret: &[u8]) -> Option<Keys> {
    let key_len = match suite.cipher {
        Cipher::Gcm(len) | Cipher::Ccm(len, _) => len,
        Cipher::ChaCha => 32,
        Cipher::Cbc(..) => return None,
    };
    if secret.len() != suite.hash.len() {
        return None;
    }
    Some(Keys {
        check: Bytes::default(),
        key: expand_label(suite.hash, secret, b"key", key_len),
        vector: expand_label(suite.hash, secret, b"iv", 12),
    })
}

/// The next traffic secret (RFC 8446 §7.2).
pub fn updated(hash: Hash, secret: &[u8]) -> Bytes {
    expand_label(hash, secret, b"traffic upd", hash.len())
}

/// Which function makes keys of a master secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// TLS 1.0: the vector of CBC goes on from record to record.
    Tls10,
    /// TLS 1.1.
    Tls11,
    /// TLS 1.2, DTLS 1.2.
    Tls12,
}

/// Keys of both directions, the client's first (RFC 5246 §6.3).
pub fn of_master(
    version: Version,
    suite: &Suite,
    master: &[u8],
    client: &[u8; 32],
    server: &[u8; 32],
) -> [Keys; 2] {
    let (check, key, vector) = match suite.cipher {
        Cipher::Gcm(len) | Cipher::Ccm(len, _) => (0, len, 4),
        Cipher::ChaCha => (0, 32, 12),
        // TLS 1.1 and later write the vector into each record.
        Cipher::Cbc(len, hash) => (
            hash.len(),
            len,
            if version == Version::Tls10 { 16 } else { 0 },
        ),
    };
    let mut block = Zeroizing::new(vec![0; 2 * (check + key + vector)]);
    let seed: [&[u8]; 3] = [b"key expansion", server, client];
    match (version, suite.hash) {
        (Version::Tls12, Hash::Sha384) => spread::<Hmac<Sha384>>(master, &seed, &mut block),
        (Version::Tls12, _) => spread::<Hmac<Sha256>>(master, &seed, &mut block),
        _ => {
            // The halves share the middle byte of an odd length; 48 is even.
            let half = master.len().div_ceil(2);
            let first = master.get(..half).unwrap_or_default();
            let second = master.get(master.len() - half..).unwrap_or_default();
            let mut other = block.clone();
            spread::<Hmac<Md5>>(first, &seed, &mut block);
            spread::<Hmac<Sha1>>(second, &seed, &mut other);
            for (a, b) in block.iter_mut().zip(other.iter()) {
                *a ^= b;
            }
        }
    }
    let mut rest = block.as_slice();
    let mut take = |len: usize| {
        let (now, later) = rest.split_at_checked(len).unwrap_or_default();
        rest = later;
        Zeroizing::new(now.to_vec())
    };
    let checks = [take(check), take(check)];
    let keys = [take(key), take(key)];
    let vectors = [take(vector), take(vector)];
    let [c0, c1] = checks;
    let [k0, k1] = keys;
    let [v0, v1] = vectors;
    [
        Keys {
            check: c0,
            key: k0,
            vector: v0,
        },
        Keys {
            check: c1,
            key: k1,
            vector: v1,
        },
    ]
}

/// P_hash of RFC 5246 §5.
fn spread<M: KeyInit + Mac>(secret: &[u8], seed: &[&[u8]], out: &mut [u8]) {
    let hash = |parts: &[&[u8]]| {
        let mut mac = <M as KeyInit>::new_from_slice(secret).ok()?;
        parts.iter().for_each(|part| mac.update(part));
        Some(mac.finalize().into_bytes())
    };
    let Some(mut chain) = hash(seed) else { return };
    let mut left = out;
    while !left.is_empty() {
        let mut parts: Vec<&[u8]> = vec![&chain];
        parts.extend(seed);
        let Some(mut made) = hash(&parts) else { return };
        let len = left.len().min(made.len());
        let Some((now, later)) = left.split_at_mut_checked(len) else {
            return;
        };
        now.copy_from_slice(made.get(..len).unwrap_or_default());
        made.zeroize();
        left = later;
        let Some(next) = hash(&[&chain]) else { return };
        chain = next;
    }
}
