//! The UDP wrapper that DJI aircraft use on Wi-Fi and on USB network links.
//!
//! Layout as documented by samuelsadok/dji_protocol, all little-endian: length of the datagram with the top bit set; session;
//! sequence number; packet type 0 to 6; XOR of the seven bytes before. Type 2 carries video, the others hold DUML.

/// Bytes of the header; a bare header answers the handshake.
const HEADER_LEN: usize = 8;
const TYPE_MAX: u8 = 6;

/// True if the whole datagram is wrapped so.
pub(super) fn is_wrapped(payload: &[u8]) -> bool {
    let Some(&[low, high, _, _, _, _, kind, check]) = payload.first_chunk::<HEADER_LEN>() else {
        return false;
    };
    let word = u16::from_le_bytes([low, high]);
    let covered = payload
        .get(..HEADER_LEN.saturating_sub(1))
        .unwrap_or_default();
    word & 0x8000 != 0
        && usize::from(word & 0x7fff) == payload.len()
        && kind <= TYPE_MAX
        && covered.iter().fold(0, |xor, byte| xor ^ byte) == check
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::dissect::wire::test_bytes::hex;

    #[test]
    fn the_documented_handshake_holds() {
        let mut request = hex("30803add00000057d0e96400");
        request.resize(0x30, 0);
        for datagram in [request, hex("08803add0000006f")] {
            assert!(is_wrapped(&datagram));
            assert!(!is_wrapped(&datagram[..datagram.len() - 1]));
            assert!(!is_wrapped(&[&datagram[..], &[0]].concat()));
            for at in 0..HEADER_LEN {
                let mut damaged = datagram.clone();
                damaged[at] ^= 0x10;
                assert!(!is_wrapped(&damaged), "byte {at}");
            }
        }
    }
}
