//! DUML on a cable: what DJI's controllers and aircraft say to each other and to an app, without IP.
//!
//! Layout as documented by the o-gs/dji-firmware-tools project: 0x55; length (10 bits) and version 1
//! (6 bits), little-endian; CRC-8 of these three bytes; the message; CRC-16 of all before,
//! little-endian. Only this signature is read: it says that a transfer carries no packets, and what
//! the messages show of an app at work is not asked here.

use super::le16;

const MAGIC: u8 = 0x55;
const VERSION: u16 = 1;
/// Magic, length and version, and their check.
const HEADER: usize = 4;
/// Header and frame check, and what stands between them up to the command.
const FRAME_MIN: usize = 13;

/// True if a transfer begins with a whole frame and holds nothing but frames. The last one may go on
/// in the next transfer; of one that is cut within its header, what is there has to agree.
pub(super) fn is_duml(transfer: &[u8]) -> bool {
    let mut rest = transfer;
    let mut whole = false;
    while let Some(len) = header(rest) {
        match rest.split_at_checked(len) {
            Some((frame, behind)) if is_whole(frame) => {
                whole = true;
                rest = behind;
            }
            Some(_) => return false,
            None => return whole,
        }
    }
    whole && rest.len() < HEADER && (rest.is_empty() || rest.first() == Some(&MAGIC))
}

/// The length of the frame that begins here.
fn header(bytes: &[u8]) -> Option<usize> {
    let (covered, check) = bytes.get(..HEADER)?.split_last_chunk::<1>()?;
    let word = le16(bytes, 1)?;
    let len = usize::from(word & 0x3ff);
    let sound = covered.first() == Some(&MAGIC)
        && word >> 10 == VERSION
        && len >= FRAME_MIN
        && crc8(covered) == u16::from(check[0]);
    sound.then_some(len)
}

fn is_whole(frame: &[u8]) -> bool {
    frame
        .split_last_chunk::<2>()
        .is_some_and(|(covered, check)| crc16(covered) == u16::from_le_bytes(*check))
}

/// Polynomial 0x31 and DJI's seed.
fn crc8(bytes: &[u8]) -> u16 {
    reflected(0x8c, 0x77, bytes)
}

/// Polynomial 0x1021 and DJI's seed.
fn crc16(bytes: &[u8]) -> u16 {
    reflected(0x8408, 0x3692, bytes)
}

/// A cyclic redundancy check, least-significant bit first and without a final XOR.
fn reflected(polynomial: u16, seed: u16, bytes: &[u8]) -> u16 {
    bytes.iter().fold(seed, |crc, byte| {
        (0..8).fold(crc ^ u16::from(*byte), |crc, _| match crc & 1 {
            1 => (crc >> 1) ^ polynomial,
            _ => crc >> 1,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::dissect::wire::test_bytes::{Noise, hex};

    #[test]
    fn catalogue_check_values() {
        // CRC-8/MAXIM-DOW and CRC-16/MCRF4XX: the same polynomials with other seeds.
        assert_eq!(reflected(0x8c, 0, b"123456789"), 0xa1);
        assert_eq!(reflected(0x8408, 0xffff, b"123456789"), 0x6f91);
    }

    #[test]
    fn frames_that_fill_a_transfer_and_nothing_else() {
        // Two frames that public tools print as examples.
        let long = hex("551904e40403e0150004059afee1fedffe8000000020018083");
        let short = hex("550E04662A28DE2F40004F0154c8");
        let both = [&long[..], &short].concat();
        for transfer in [&long, &short, &both] {
            assert!(is_duml(transfer));
            // A second frame may go on elsewhere, the first may not.
            for cut in 0..transfer.len() {
                let first = if *transfer == both {
                    long.len()
                } else {
                    transfer.len()
                };
                assert_eq!(is_duml(&transfer[..cut]), cut >= first, "{cut}");
            }
            for at in 0..transfer.len() {
                for bit in 0..8 {
                    let mut damaged = transfer.clone();
                    damaged[at] ^= 1 << bit;
                    assert!(!is_duml(&damaged), "bit {bit} of byte {at}");
                }
            }
        }
        // A packet behind a frame, or in front of it, is not hidden by it.
        let packet = hex("4500001c000100004011 0000 c0a80214 c0a80201 1234 5678 0008 0000");
        assert!(!is_duml(&[&short[..], &packet].concat()));
        assert!(!is_duml(&[&packet[..], &short].concat()));
        let mut noise = Noise(0x0123_4567_89ab_cdef);
        for _ in 0..20_000 {
            let size = noise.below(200);
            assert!(!is_duml(&[&[0x55][..], &noise.bytes(size)].concat()));
        }
    }
}
