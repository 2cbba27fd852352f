//! Initial packets: header protection off, tag checked, payload out.
//!
//! RFC 9001 §5.3 and §5.4, RFC 9000 §17.1 and A.3 (packet numbers). A packet whose tag does not hold says nothing.

use super::keys::{Keys, SAMPLE_LEN, TAG_LEN};
use crate::observe::dissect::quic_shape::Packet;

/// Header protection reckons with the longest packet number (RFC 9001 §5.4.2).
const NUMBER_MAX: usize = 4;

/// An Initial packet whose tag holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// The packet number.
    pub number: u64,
    /// The frames.
    pub payload: Vec<u8>,
}

/// Opens a whole Initial packet. `largest` is the largest packet number that was opened of this sender (RFC 9000 A.3).
pub fn open(packet: &Packet<'_>, keys: &Keys, largest: Option<u64>) -> Option<Opened> {
    if packet.is_cut || packet.number_at == 0 {
        return None;
    }
    let sample_at = packet.number_at.checked_add(NUMBER_MAX)?;
    let sample: &[u8; SAMPLE_LEN] = packet.bytes.get(sample_at..)?.first_chunk()?;
    let [mask_first, mask_number @ ..] = keys.mask(*sample);
    let first = packet.bytes.first()? ^ (mask_first & 0x0f);
    let number_len = usize::from(first & 0x03).saturating_add(1);
    let header_len = packet.number_at.checked_add(number_len)?;
    let (header, sealed) = packet.bytes.split_at_checked(header_len)?;
    if sealed.len() < TAG_LEN {
        return None;
    }
    let mut header = header.to_vec();
    *header.first_mut()? = first;
    let mut truncated = 0u64;
    for (byte, mask) in header
        .get_mut(packet.number_at..)?
        .iter_mut()
        .zip(mask_number)
    {
        *byte ^= mask;
        truncated = truncated << 8 | u64::from(*byte);
    }
    let number = whole_number(largest, truncated, number_len);
    let payload = keys.open(number, &header, sealed)?;
    Some(Opened { number, payload })
}

/// The packet number whose low `len` bytes were sent: the one nearest to the next one expected (RFC 9000 A.3).
fn whole_number(largest: Option<u64>, truncated: u64, len: usize) -> u64 {
    /// Numbers end below this (RFC 9000 §12.3).
    const END: u64 = 1 << 62;
    let expected = largest.map_or(0, |largest| largest.saturating_add(1));
    let window = 1u64 << (8 * len.clamp(1, NUMBER_MAX));
    let half = window / 2;
    let candidate = (expected & !window.saturating_sub(1)) | truncated;
    if candidate.saturating_add(half) <= expected && candidate < END.saturating_sub(window) {
        candidate.saturating_add(window)
    } else if candidate > expected.saturating_add(half) && candidate >= window {
        candidate.saturating_sub(window)
    } else {
        candidate
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::dissect::quic::keys::Sender;
    use crate::observe::dissect::quic::keys::seal::Initial;
    use crate::observe::dissect::quic::version::constants_of;
    use crate::observe::dissect::quic_shape::shape;

    #[test]
    fn packet_numbers() {
        // RFC 9000 A.3
        assert_eq!(whole_number(Some(0xa82f_30ea), 0x9b32, 2), 0xa82f_9b32);
        assert_eq!(whole_number(None, 300, 2), 300);
        assert_eq!(whole_number(Some(250), 3, 1), 259);
        assert_eq!(whole_number(Some(256), 0xff, 1), 255);
    }

    #[test]
    fn every_byte_is_under_the_tag() {
        for version in [
            1,
            0x6b33_43cf,
            0x709a_50c4,
            0xff00_001d,
            0xff00_0017,
            0xff00_0016,
            0x5430_3531,
        ] {
            let seed = [0xc1, 2, 3, 4, 5, 6, 7, 8];
            let keys = Keys::initial(&constants_of(version)[0], &seed, Sender::Client);
            let sealed = Initial {
                version,
                seed: &seed,
                sender: Sender::Client,
                destination_id: &seed,
                source_id: &[9],
                token: b"token",
                number: 7,
            }
            .seal(&[1, 1], 60);
            let opened = open(&shape(&sealed).unwrap().packets[0], &keys, None).unwrap();
            assert_eq!((opened.number, &opened.payload[..2]), (7, &[1, 1][..]));
            for at in 0..sealed.len() {
                let mut forged = sealed.clone();
                forged[at] ^= 0x01;
                let packets = shape(&forged).map(|d| d.packets).unwrap_or_default();
                assert!(
                    packets.iter().all(|p| open(p, &keys, None).is_none()),
                    "byte {at}"
                );
            }
            for cut in 0..sealed.len() {
                let packets = shape(&sealed[..cut]).map(|d| d.packets).unwrap_or_default();
                assert!(
                    packets.iter().all(|p| open(p, &keys, None).is_none()),
                    "cut {cut}"
                );
            }
        }
    }
}
