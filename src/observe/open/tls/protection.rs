//! One record, opened: TLS 1.3 (RFC 8446 §5.2), the AEADs of TLS 1.2 and DTLS 1.2 (RFC 5246 §6.2.3.3, RFC 6347 §4.1.2), and CBC
//! with an HMAC before or after encryption (RFC 5246 §6.2.3.2, RFC 7366).
//!
//! What fails its tag, its check or its padding is not handed out. Times are not kept secret: nobody measures a reader of files.

use super::schedule::Keys;
use super::suite::{Cipher, Hash};
use super::{chacha, gcm};
use aes::cipher::{BlockModeDecrypt, KeyIvInit};
use aes::{Aes128, Aes256};
use ccm::Ccm;
use ccm::aead::{AeadInOut, KeyInit, Tag};
use ccm::consts::{U8, U12, U16};
use hmac::{Hmac, Mac};
use sha1::Sha1;
use sha2::{Sha256, Sha384};

const BLOCK: usize = 16;

/// A record as it is on the wire.
#[derive(Debug, Clone, Copy)]
pub struct Record<'a> {
    /// Type in its header.
    pub kind: u8,
    /// Version in its header.
    pub version: [u8; 2],
    /// What stands behind the header.
    pub fragment: &'a [u8],
}

/// Opens a record of TLS 1.3 into `room`; the inner type.
pub fn open_13(
    cipher: Cipher,
    keys: &Keys,
    sequence: u64,
    record: &Record<'_>,
    room: &mut Vec<u8>,
) -> Option<u8> {
    let len = u16::try_from(record.fragment.len()).ok()?.to_be_bytes();
    let [l0, l1] = len;
    let [v0, v1] = record.version;
    let aad = [record.kind, v0, v1, l0, l1];
    let nonce = mixed(&keys.vector, sequence.to_be_bytes());
    aead(cipher, &keys.key, &nonce, &aad, record.fragment, room)?;
    // Type, and zeros behind it (§5.4).
    let at = room.iter().rposition(|b| *b != 0);
    let kind = at.and_then(|at| room.get(at)).copied();
    room.truncate(at.unwrap_or(0));
    kind
}

/// Opens a record of TLS 1.2 or before into `room`. `sequence` is that of the record: with DTLS its epoch and number. `chained`
/// is the block before it, where TLS 1.0 makes that the vector.
pub fn open_12(
    cipher: Cipher,
    keys: &Keys,
    sequence: [u8; 8],
    record: &Record<'_>,
    (chained, mac_last): (Option<&[u8]>, bool),
    room: &mut Vec<u8>,
) -> Option<()> {
    let [v0, v1] = record.version;
    let head = |len: usize| -> Option<[u8; 13]> {
        let [l0, l1] = u16::try_from(len).ok()?.to_be_bytes();
        let [a, b, c, d, e, f, g, h] = sequence;
        Some([a, b, c, d, e, f, g, h, record.kind, v0, v1, l0, l1])
    };
    let (explicit, tag) = match cipher {
        Cipher::Gcm(_) => (8, 16),
        Cipher::Ccm(_, tag) => (8, tag),
        Cipher::ChaCha => (0, 16),
        Cipher::Cbc(_, hash) => return cbc(hash, keys, record, head, (chained, mac_last), room),
    };
    let (vector, sealed) = record.fragment.split_at_checked(explicit)?;
    let nonce = match explicit {
        0 => mixed(&keys.vector, sequence),
        _ => {
            let mut nonce = [0; 12];
            let parts = keys.vector.iter().chain(vector);
            nonce
                .iter_mut()
                .zip(parts)
                .for_each(|(room, byte)| *room = *byte);
            nonce
        }
    };
    let aad = head(sealed.len().checked_sub(tag)?)?;
    aead(cipher, &keys.key, &nonce, &aad, sealed, room)
}

/// The vector, with a number over its end.
fn mixed(vector: &[u8], number: [u8; 8]) -> [u8; 12] {
    let mut out = [0; 12];
    out.iter_mut()
        .zip(vector)
        .for_each(|(room, byte)| *room = *byte);
    out.iter_mut()
        .rev()
        .zip(number.iter().rev())
        .for_each(|(room, byte)| *room ^= byte);
    out
}

/// Opens with a cipher that has a tag; nothing is in `room` if that fails.
pub fn aead(
    cipher: Cipher,
    key: &[u8],
    nonce: &[u8; 12],
    aad: &[u8],
    sealed: &[u8],
    room: &mut Vec<u8>,
) -> Option<()> {
    type Ccm16<A> = Ccm<A, U16, U12>;
    type Ccm8<A> = Ccm<A, U8, U12>;
    let opened = match cipher {
        Cipher::Gcm(16) => gcm::open::<Aes128>(key, nonce, aad, sealed, room),
        Cipher::Gcm(_) => gcm::open::<Aes256>(key, nonce, aad, sealed, room),
        Cipher::ChaCha => chacha::open(key, nonce, aad, sealed, room),
        Cipher::Ccm(16, 16) => decrypt::<Ccm16<Aes128>>(16, key, nonce, aad, sealed, room),
        Cipher::Ccm(16, _) => decrypt::<Ccm8<Aes128>>(8, key, nonce, aad, sealed, room),
        Cipher::Ccm(_, 16) => decrypt::<Ccm16<Aes256>>(16, key, nonce, aad, sealed, room),
        Cipher::Ccm(_, _) => decrypt::<Ccm8<Aes256>>(8, key, nonce, aad, sealed, room),
        Cipher::Cbc(..) => None,
    };
    if opened.is_none() {
        room.clear();
    }
    opened
}

fn decrypt<A: KeyInit + AeadInOut>(
    tag_len: usize,
    key: &[u8],
    nonce: &[u8; 12],
    aad: &[u8],
    sealed: &[u8],
    room: &mut Vec<u8>,
) -> Option<()> {
    let (body, tag) = sealed.split_at_checked(sealed.len().checked_sub(tag_len)?)?;
    room.clear();
    room.extend_from_slice(body);
    let cipher = A::new_from_slice(key).ok()?;
    let tag = Tag::<A>::try_from(tag).ok()?;
    let nonce = nonce.as_slice().try_into().ok()?;
    cipher
        .decrypt_inout_detached(&nonce, aad, room.as_mut_slice().into(), &tag)
        .ok()
}

fn cbc(
    hash: Hash,
    keys: &Keys,
    record: &Record<'_>,
    head: impl Fn(usize) -> Option<[u8; 13]>,
    (chained, mac_last): (Option<&[u8]>, bool),
    room: &mut Vec<u8>,
) -> Option<()> {
    room.clear();
    let mut covered = record.fragment;
    if mac_last {
        let (before, sent) = covered.split_at_checked(covered.len().checked_sub(hash.len())?)?;
        checks(hash, &keys.check, &[&head(before.len())?, before], sent)?;
        covered = before;
    }
    let (vector, sealed) = match chained {
        Some(vector) => (vector, covered),
        None => covered.split_at_checked(BLOCK)?,
    };
    if sealed.is_empty() || sealed.len() % BLOCK != 0 {
        return None;
    }
    room.extend_from_slice(sealed);
    match keys.key.len() {
        16 => blocks::<Aes128>(&keys.key, vector, room)?,
        _ => blocks::<Aes256>(&keys.key, vector, room)?,
    }
    let opened = unpadded(hash, keys, head, mac_last, room);
    match opened {
        Some(len) => room.truncate(len),
        None => room.clear(),
    }
    opened.map(|_| ())
}

/// Bytes before padding and check, if both are right.
fn unpadded(
    hash: Hash,
    keys: &Keys,
    head: impl Fn(usize) -> Option<[u8; 13]>,
    mac_last: bool,
    room: &[u8],
) -> Option<usize> {
    let padding = usize::from(*room.last()?);
    let (body, filled) = room.split_at_checked(room.len().checked_sub(padding + 1)?)?;
    // TLS 1.0 sets the length of the padding, not its bytes everywhere; the check covers neither, so they have to be right.
    if filled.iter().any(|b| usize::from(*b) != padding) {
        return None;
    }
    if mac_last {
        return Some(body.len());
    }
    let (plain, sent) = body.split_at_checked(body.len().checked_sub(hash.len())?)?;
    checks(hash, &keys.check, &[&head(plain.len())?, plain], sent)?;
    Some(plain.len())
}

fn blocks<A>(key: &[u8], vector: &[u8], room: &mut [u8]) -> Option<()>
where
    A: aes::cipher::BlockCipherDecrypt + KeyInit,
    cbc::Decryptor<A>: KeyIvInit + BlockModeDecrypt,
{
    let mut mode = <cbc::Decryptor<A> as KeyIvInit>::new_from_slices(key, vector).ok()?;
    let (blocks, rest) = aes::cipher::Array::slice_as_chunks_mut(room);
    if !rest.is_empty() {
        return None;
    }
    mode.decrypt_blocks(blocks);
    Some(())
}

fn checks(hash: Hash, key: &[u8], parts: &[&[u8]], sent: &[u8]) -> Option<()> {
    fn right<M: KeyInit + Mac>(key: &[u8], parts: &[&[u8]], sent: &[u8]) -> Option<()> {
        let mut mac = <M as KeyInit>::new_from_slice(key).ok()?;
        parts.iter().for_each(|part| mac.update(part));
        mac.verify_slice(sent).ok()
    }
    match hash {
        Hash::Sha1 => right::<Hmac<Sha1>>(key, parts, sent),
        Hash::Sha256 => right::<Hmac<Sha256>>(key, parts, sent),
        Hash::Sha384 => right::<Hmac<Sha384>>(key, parts, sent),
    }
}
