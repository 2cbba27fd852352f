//! AES-GCM (NIST SP 800-38D §7.2) with vectors of 96 bits and tags of 128, put together from the block cipher and the hash.
//!
//! The crate for the whole makes and copies each counter block through calls of its own, which are not inlined across the units of a plain
//! release build and cost more than cipher and hash together. Here counter blocks are made and enciphered by the kilobyte. The tag is
//! checked before anything is deciphered.

use aes::cipher::consts::U16;
use aes::cipher::{Array, BlockCipherEncrypt, BlockSizeUser, KeyInit};
use ghash::GHash;
use ghash::universal_hash::UniversalHash;
use zeroize::Zeroize;

type Block = Array<u8, U16>;

/// Bytes of a block, and of a tag.
pub const BLOCK: usize = 16;
/// Blocks that are enciphered together: as many as the widest instructions take at once.
const BATCH: usize = 64;
/// The counter of the block that covers the tag (§7.1, step 2); text begins with the next one.
const FIRST: u32 = 1;

/// Opens into `room`. `None` if the tag fails; `room` is empty then.
pub fn open<A>(
    key: &[u8],
    nonce: &[u8; 12],
    aad: &[u8],
    sealed: &[u8],
    room: &mut Vec<u8>,
) -> Option<()>
where
    A: KeyInit + BlockCipherEncrypt + BlockSizeUser<BlockSize = U16>,
{
    room.clear();
    let (body, tag) = sealed.split_at_checked(sealed.len().checked_sub(BLOCK)?)?;
    let cipher = A::new_from_slice(key).ok()?;
    let mut subkey = Block::default();
    cipher.encrypt_block(&mut subkey);
    let mut hash = GHash::new(&subkey);
    subkey.as_mut_slice().zeroize();
    hash.update_padded(aad);
    hash.update_padded(body);
    hash.update(&[lengths(aad.len(), body.len())]);
    let mut cover = counter(nonce, FIRST);
    cipher.encrypt_block(&mut cover);
    let hashed = hash.finalize();
    let right = cover.iter().zip(hashed.iter()).map(|(c, h)| c ^ h);
    if !right.eq(tag.iter().copied()) {
        return None;
    }
    room.reserve(body.len());
    let mut number = FIRST;
    for part in body.chunks(BATCH * BLOCK) {
        let mut stream = [Block::default(); BATCH];
        for block in &mut stream {
            number = number.wrapping_add(1);
            *block = counter(nonce, number);
        }
        cipher.encrypt_blocks(stream.get_mut(..part.len().div_ceil(BLOCK))?);
        let stream = Array::cast_slice_to_core(&stream).as_flattened();
        room.extend(part.iter().zip(stream).map(|(sealed, key)| sealed ^ key));
    }
    Some(())
}

/// The counter block of a number.
fn counter(nonce: &[u8; 12], number: u32) -> Block {
    let [a, b, c, d, e, f, g, h, i, j, k, l] = *nonce;
    let [w, x, y, z] = number.to_be_bytes();
    Array([a, b, c, d, e, f, g, h, i, j, k, l, w, x, y, z])
}

/// The last block that is hashed: the lengths in bits.
fn lengths(aad: usize, body: usize) -> Block {
    let bits = |bytes: usize| u128::from((bytes as u64).wrapping_mul(8));
    Array((bits(aad) << 64 | bits(body)).to_be_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use aes::{Aes128, Aes256};
    use aes_gcm::aead::AeadInOut;
    use aes_gcm::{Aes128Gcm, Aes256Gcm};

    fn hex(text: &str) -> Vec<u8> {
        let pair = |p: &[u8]| u8::from_str_radix(std::str::from_utf8(p).unwrap(), 16).unwrap();
        text.as_bytes().chunks(2).map(pair).collect()
    }

    /// Test case 4 of "The Galois/Counter Mode of Operation" (McGrew, Viega), appendix B.
    #[test]
    fn the_published_case_opens() {
        let sealed = hex(concat!(
            "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e",
            "21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091",
            "5bc94fbc3221a5db94fae95ae7121a47"
        ));
        let aad = hex("feedfacedeadbeeffeedfacedeadbeefabaddad2");
        let nonce: [u8; 12] = hex("cafebabefacedbaddecaf888").try_into().unwrap();
        let key = hex("feffe9928665731c6d6a8f9467308308");
        let mut room = Vec::new();
        open::<Aes128>(&key, &nonce, &aad, &sealed, &mut room).unwrap();
        let plain = concat!(
            "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72",
            "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"
        );
        assert_eq!(room, hex(plain));
    }

    fn agrees<A, G>(key: &[u8])
    where
        A: KeyInit + BlockCipherEncrypt + BlockSizeUser<BlockSize = U16>,
        G: aes_gcm::KeyInit + AeadInOut,
    {
        let nonce = [9; 12];
        for len in (0..70).chain([1023, 1024, 1025, 2048, 3000, 16384, 16401]) {
            let plain: Vec<u8> = (0..len).map(|n: usize| (n % 251) as u8).collect();
            let aad = &plain[..len.min(13)];
            let mut sealed = plain.clone();
            let whole = G::new_from_slice(key).unwrap();
            let wide = nonce.as_slice().try_into().unwrap();
            let tag = whole
                .encrypt_inout_detached(&wide, aad, sealed.as_mut_slice().into())
                .unwrap();
            sealed.extend_from_slice(&tag);
            let mut room = vec![1];
            open::<A>(key, &nonce, aad, &sealed, &mut room).unwrap();
            assert_eq!(room, plain, "{len}");
            for at in [0, len / 2, len, len + 15] {
                let mut bad = sealed.clone();
                bad[at] ^= 1;
                assert_eq!(open::<A>(key, &nonce, aad, &bad, &mut room), None);
                assert!(room.is_empty());
            }
        }
        assert_eq!(open::<A>(key, &nonce, &[], &[0; 15], &mut Vec::new()), None);
        assert_eq!(
            open::<A>(&key[1..], &nonce, &[], &[0; 16], &mut Vec::new()),
            None
        );
    }

    #[test]
    fn it_opens_what_the_crate_for_the_whole_seals() {
        agrees::<Aes128, Aes128Gcm>(&[3; 16]);
        agrees::<Aes256, Aes256Gcm>(&[5; 32]);
    }
}
