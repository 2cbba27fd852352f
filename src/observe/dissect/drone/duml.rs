//! DUML, the message format inside DJI's aircraft, controllers and apps (also "MB protocol v1").
//!
//! Layout as documented by the o-gs/dji-firmware-tools project: 0x55; length (10 bits) and version 1 (6 bits), little-endian; CRC-8
//! of these three bytes; sender, receiver, sequence, flags, command set, command; payload; CRC-16 of all before, little-endian.

use super::crc::{crc8, crc16};

const MAGIC: u8 = 0x55;
const VERSION: u16 = 1;
/// Header up to the command (11 bytes) and the frame check (2).
const FRAME_MIN: usize = 13;
pub(super) const CRC8_SEED: u8 = 0x77;
pub(super) const CRC16_SEED: u16 = 0x3692;
/// Bytes of a payload searched for the start of a frame: a full datagram or segment on Ethernet. In a stream, frames begin
/// anywhere. Two checksums, version and magic make a false hit a matter of 1 in 2^38 per byte.
const SEARCH_MAX: usize = 2048;

/// True if a whole, valid frame stands in the payload.
pub(super) fn has_frame(payload: &[u8]) -> bool {
    let window = payload.get(..SEARCH_MAX).unwrap_or(payload);
    memchr::memchr_iter(MAGIC, window).any(|at| window.get(at..).is_some_and(begins_with_frame))
}

/// Lends command set, command and payload of each whole, valid frame that is not encrypted.
pub(super) fn each_frame(payload: &[u8], lend: &mut dyn FnMut(u8, u8, &[u8])) {
    /// Flags: the kind of encryption.
    const ENCRYPTION: u8 = 0x07;
    let window = payload.get(..SEARCH_MAX).unwrap_or(payload);
    for at in memchr::memchr_iter(MAGIC, window) {
        let frame = window.get(at..).unwrap_or_default();
        if !begins_with_frame(frame) {
            continue;
        }
        let length = frame
            .get(1..3)
            .and_then(<[u8]>::first_chunk::<2>)
            .map_or(0, |word| usize::from(u16::from_le_bytes(*word) & 0x3ff));
        if let Some(&[flags, set, command, ref body @ .., _, _]) = frame.get(8..length)
            && flags & ENCRYPTION == 0
        {
            lend(set, command, body);
        }
    }
}

fn begins_with_frame(bytes: &[u8]) -> bool {
    let Some((&[magic, low, high, header_check], _)) = bytes.split_first_chunk::<4>() else {
        return false;
    };
    let word = u16::from_le_bytes([low, high]);
    let length = usize::from(word & 0x3ff);
    if word >> 10 != VERSION
        || length < FRAME_MIN
        || crc8(CRC8_SEED, &[magic, low, high]) != header_check
    {
        return false;
    }
    bytes
        .get(..length)
        .and_then(<[u8]>::split_last_chunk::<2>)
        .is_some_and(|(covered, check)| crc16(CRC16_SEED, covered) == u16::from_le_bytes(*check))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::dissect::wire::test_bytes::hex;

    #[test]
    fn published_frames_hold_and_any_change_breaks_them() {
        // Two frames that public tools print as examples: a 25-byte one and "get configuration file".
        for frame in [
            hex("551904e40403e0150004059afee1fedffe8000000020018083"),
            hex("550E04662A28DE2F40004F0154c8"),
        ] {
            assert!(begins_with_frame(&frame));
            assert!(has_frame(
                &[&b"tail of another frame U"[..], &frame, b"U"].concat()
            ));
            for cut in 0..frame.len() {
                assert!(!has_frame(&frame[..cut]));
            }
            for at in 0..frame.len() {
                for bit in 0..8 {
                    let mut damaged = frame.clone();
                    damaged[at] ^= 1 << bit;
                    assert!(!begins_with_frame(&damaged), "bit {bit} of byte {at}");
                }
            }
        }
    }
}
