//! The Internet checksum (RFC 1071) over headers and pseudo-headers.

use std::net::{IpAddr, Ipv4Addr};

/// True when the ones' complement sum over `bytes` (checksum field included) is all ones.
pub fn sums_to_zero(bytes: &[u8]) -> bool {
    fold(sum(bytes)) == 0xffff
}

/// Whether the checksum of a whole TCP, UDP or ICMPv6 message is right.
/// The caller makes sure that no byte is missing.
pub fn transport_is_right(
    source: IpAddr,
    destination: IpAddr,
    protocol: u8,
    message: &[u8],
) -> bool {
    let Some(addresses) = sum_of_addresses(source, destination) else {
        return false;
    };
    fold(addresses + u64::from(protocol) + message.len() as u64 + sum(message)) == 0xffff
}

/// Whether a checksum field holds what is put there for a card to go on with: the sum of the
/// pseudo-header, not complemented, with the message's length or, for messages that the card cuts
/// into segments, none.
pub fn is_left_to_the_card(
    source: IpAddr,
    destination: IpAddr,
    protocol: u8,
    length: usize,
    field: u16,
) -> bool {
    let Some(addresses) = sum_of_addresses(source, destination) else {
        return false;
    };
    let whole = |sum: u64| match fold(sum) {
        // Both are zero in ones' complement.
        0xffff => 0,
        other => other,
    };
    let field = whole(u64::from(field));
    [length as u64, 0]
        .iter()
        .any(|length| whole(addresses + u64::from(protocol) + length) == field)
}

fn sum_of_addresses(source: IpAddr, destination: IpAddr) -> Option<u64> {
    match (source, destination) {
        (IpAddr::V4(a), IpAddr::V4(b)) => {
            let halves =
                |ip: Ipv4Addr| u64::from(ip.to_bits() >> 16) + u64::from(ip.to_bits() & 0xffff);
            Some(halves(a) + halves(b))
        }
        (IpAddr::V6(a), IpAddr::V6(b)) => Some(sum(&a.octets()) + sum(&b.octets())),
        _ => None,
    }
}

/// Words that are summed side by side.
const LANES: usize = 8;

/// Sum of big-endian 16-bit words, the last one padded with zero.
///
/// Adding 32-bit words gives the same sum modulo 0xffff (RFC 1071 §2(B)), and in several lanes, which cannot overflow below
/// 2^32 words each, it takes wide registers; byte order is put right at the end, which RFC 1071 §2(B) allows too.
fn sum(bytes: &[u8]) -> u64 {
    let mut lanes = [0u64; LANES];
    let (blocks, rest) = bytes.as_chunks::<{ 4 * LANES }>();
    for block in blocks {
        let (words, _) = block.as_chunks::<4>();
        for (lane, word) in lanes.iter_mut().zip(words) {
            *lane = lane.wrapping_add(u32::from_ne_bytes(*word).into());
        }
    }
    let (words, rest) = rest.as_chunks::<4>();
    let mut total = 0u64;
    for word in words {
        total = total.wrapping_add(u32::from_ne_bytes(*word).into());
    }
    for lane in lanes {
        total = total.wrapping_add(lane);
    }
    let mut native = u64::from(fold(total));
    let (pairs, last) = rest.as_chunks::<2>();
    for pair in pairs {
        native += u64::from(u16::from_ne_bytes(*pair));
    }
    if let [byte] = last {
        native += u64::from(u16::from_ne_bytes([*byte, 0]));
    }
    u64::from(u16::from_be_bytes(fold(native).to_ne_bytes()))
}

fn fold(mut sum: u64) -> u16 {
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    // At most 0xffff after the loop.
    sum as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc_1071_example_and_odd_lengths() {
        // RFC 1071 §3: the words 0001 f203 f4f5 f6f7 sum to ddf2.
        let data = [0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7];
        assert_eq!(fold(sum(&data)), 0xddf2);
        let naive = |bytes: &[u8]| {
            bytes
                .chunks(2)
                .map(|c| {
                    u64::from(c.first().copied().unwrap_or(0)) << 8
                        | u64::from(c.get(1).copied().unwrap_or(0))
                })
                .sum::<u64>()
        };
        let long: Vec<u8> = (0..1461u32).map(|i| (i * 37 % 251) as u8).collect();
        for len in [0, 1, 2, 3, 7, 8, 9, 15, 16, 17, 1460, 1461] {
            let bytes = long.get(..len).unwrap_or_default();
            assert_eq!(fold(sum(bytes)), fold(naive(bytes)), "{len}");
        }
    }

    #[test]
    fn a_real_header_checks_and_a_changed_one_does_not() {
        // IPv4 header of RFC-style example: 192.168.0.1 -> 192.168.0.199, checksum b861.
        let mut header = [
            0x45, 0x00, 0x00, 0x73, 0x00, 0x00, 0x40, 0x00, 0x40, 0x11, 0xb8, 0x61, 0xc0, 0xa8,
            0x00, 0x01, 0xc0, 0xa8, 0x00, 0xc7,
        ];
        assert!(sums_to_zero(&header));
        header[8] = 0x3f;
        assert!(!sums_to_zero(&header));
    }
}
