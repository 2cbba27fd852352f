//! ChaCha20-Poly1305 (RFC 8439 §2.8), put together from the cipher and the hash.
//!
//! The crate for the whole gives the hash what is authenticated in two pieces. Behind the first, which fills no batch of blocks, the hash takes all
//! others one by one, at half its speed. Here the first batch is filled from both, so that the rest of the text lies at its bounds. The
//! tag is checked before anything is deciphered.

use chacha20::ChaCha20;
use chacha20::cipher::{KeyIvInit, StreamCipher};
use poly1305::universal_hash::{KeyInit, UniversalHash};
use poly1305::{Block, Poly1305};
use zeroize::Zeroizing;

/// Bytes of a block of the hash, and of a tag.
const BLOCK: usize = 16;
/// Blocks that the hash takes together.
const BATCH: usize = 4;
/// Bytes of the hash's key, which the first block of the stream begins with (§2.6); text begins with the next one.
const KEY: usize = 32;
const STREAM_BLOCK: usize = 64;

/// Opens into `room`. `None` if the tag fails; `room` is empty then.
pub fn open(
    key: &[u8],
    nonce: &[u8; 12],
    aad: &[u8],
    sealed: &[u8],
    room: &mut Vec<u8>,
) -> Option<()> {
    room.clear();
    let (body, tag) = sealed.split_at_checked(sealed.len().checked_sub(BLOCK)?)?;
    let mut stream = ChaCha20::new_from_slices(key, nonce).ok()?;
    let mut first = Zeroizing::new([0; STREAM_BLOCK]);
    stream.try_apply_keystream(first.as_mut_slice()).ok()?;
    if hashed(first.get(..KEY)?, aad, body)?.as_slice() != tag {
        return None;
    }
    room.extend_from_slice(body);
    let opened = stream.try_apply_keystream(room).ok();
    if opened.is_none() {
        room.clear();
    }
    opened
}

/// The tag (§2.8): over what is authenticated, the text, each filled up to whole blocks, and their lengths.
fn hashed(key: &[u8], aad: &[u8], body: &[u8]) -> Option<Block> {
    let mut hash = Poly1305::new_from_slice(key).ok()?;
    let batch = BATCH * BLOCK;
    // Behind whole batches of what is authenticated stands one that the text fills.
    let (batches, rest) = aad.split_at_checked(aad.len() - aad.len() % batch)?;
    hash.update_padded(batches);
    let of_aad = rest.len().div_ceil(BLOCK);
    let free = if of_aad == 0 { 0 } else { BATCH - of_aad };
    let (begin, end) = body.split_at_checked(body.len().min(free * BLOCK))?;
    let mut shared = [Block::default(); BATCH];
    let parts = rest.chunks(BLOCK).chain(begin.chunks(BLOCK));
    let filled = of_aad + begin.len().div_ceil(BLOCK);
    for (block, part) in shared.iter_mut().zip(parts) {
        block.get_mut(..part.len())?.copy_from_slice(part);
    }
    hash.update(shared.get(..filled)?);
    hash.update_padded(end);
    let mut lengths = Block::default();
    let (of_aad, of_body) = lengths.split_at_mut(BLOCK / 2);
    of_aad.copy_from_slice(&(aad.len() as u64).to_le_bytes());
    of_body.copy_from_slice(&(body.len() as u64).to_le_bytes());
    hash.update(&[lengths]);
    Some(hash.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;
    use chacha20poly1305::ChaCha20Poly1305;
    use chacha20poly1305::aead::AeadInOut;

    fn hex(text: &str) -> Vec<u8> {
        let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
        let pair = |p: &[u8]| u8::from_str_radix(std::str::from_utf8(p).unwrap(), 16).unwrap();
        digits.chunks(2).map(pair).collect()
    }

    /// RFC 8439 §2.8.2.
    #[test]
    fn the_published_message_opens() {
        let key: Vec<u8> = (0x80..0xa0).collect();
        let nonce: [u8; 12] = hex("070000004041424344454647").try_into().unwrap();
        let sealed = hex(concat!(
            "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d6",
            "3dbea45e8ca9671282fafb69da92728b1a71de0a9e060b2905d6a5b67ecd3b36",
            "92ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc",
            "3ff4def08e4b7a9de576d26586cec64b61161ae10b594f09e26a7e902ecbd0600691"
        ));
        let mut room = Vec::new();
        open(
            &key,
            &nonce,
            &hex("50515253c0c1c2c3c4c5c6c7"),
            &sealed,
            &mut room,
        )
        .unwrap();
        assert_eq!(
            String::from_utf8(room).unwrap(),
            "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it."
        );
    }

    /// A block of the stream, word by word (RFC 8439 §2.3).
    fn block(key: &[u8; 32], counter: u32, nonce: &[u8; 12]) -> Vec<u8> {
        let words = |bytes: &[u8]| -> Vec<u32> {
            let word = |b: &[u8]| u32::from_le_bytes(b.try_into().unwrap());
            bytes.chunks(4).map(word).collect()
        };
        let begin = [
            words(b"expand 32-byte k"),
            words(key),
            vec![counter],
            words(nonce),
        ]
        .concat();
        let mut now = begin.clone();
        let mut quarter = |a: usize, b: usize, c: usize, d: usize| {
            for (x, y, z, turn) in [(a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)] {
                now[x] = now[x].wrapping_add(now[y]);
                now[z] = (now[z] ^ now[x]).rotate_left(turn);
            }
        };
        for _ in 0..10 {
            for n in 0..4 {
                quarter(n, 4 + n, 8 + n, 12 + n);
            }
            for n in 0..4 {
                quarter(n, 4 + (n + 1) % 4, 8 + (n + 2) % 4, 12 + (n + 3) % 4);
            }
        }
        let sums = now.iter().zip(begin).map(|(a, b)| a.wrapping_add(b));
        sums.flat_map(u32::to_le_bytes).collect()
    }

    #[test]
    fn it_opens_what_the_crate_for_the_whole_seals() {
        let (key, nonce) = ([5; 32], [9; 12]);
        for len in (0..140).chain([255, 256, 257, 1023, 1024, 1025, 3000, 16384, 16401]) {
            for of_aad in [0, 5, 13, 16, 21, 48, 49, 64, 65] {
                let plain: Vec<u8> = (0..len).map(|n: usize| (n % 251) as u8).collect();
                let aad = vec![3; of_aad];
                let mut sealed = plain.clone();
                let whole = <ChaCha20Poly1305 as KeyInit>::new_from_slice(&key).unwrap();
                let tag = whole
                    .encrypt_inout_detached(&nonce.into(), &aad, sealed.as_mut_slice().into())
                    .unwrap();
                for (n, part) in sealed.chunks(STREAM_BLOCK).enumerate().take(70) {
                    let stream = block(&key, n as u32 + 1, &nonce);
                    let from = n * STREAM_BLOCK;
                    let text = plain[from..].iter().zip(&stream).map(|(p, s)| p ^ s);
                    assert!(text.take(part.len()).eq(part.iter().copied()), "{len} {n}");
                    if of_aad > 0 {
                        break;
                    }
                }
                sealed.extend(tag);
                let mut room = vec![1];
                assert!(open(&key, &nonce, &aad, &sealed, &mut room).is_some());
                assert_eq!(room, plain, "{len} {of_aad}");
                let at = len * 7 % sealed.len();
                sealed[at] ^= 1;
                assert!(open(&key, &nonce, &aad, &sealed, &mut room).is_none());
                assert!(room.is_empty());
            }
        }
        assert!(open(&key, &nonce, &[], &[0; 15], &mut Vec::new()).is_none());
        assert!(open(&key[1..], &nonce, &[], &[0; 16], &mut Vec::new()).is_none());
    }
}
