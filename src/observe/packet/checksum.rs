//! The Internet checksum (RFC 1071) over headers and pseudo-headers.

use std::net::{IpAddr, Ipv4Addr};

/// True when the ones' complement sum over `bytes` (checksum field included) is all ones.
#[inline]
pub fn sums_to_zero(bytes: &[u8]) -> bool {
    fold(sum(bytes)) == 0xffff
}

/// True when a sum, with the words of `bytes` added, is all ones.
#[inline]
pub fn sums_with(before: u64, bytes: &[u8]) -> bool {
    fold(before + sum(bytes)) == 0xffff
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

/// Sum of big-endian 16-bit words, the last one padded with zero.
///
/// Words of 64 bits, with the carry added at the low end, give the same sum modulo 0xffff (RFC 1071 §2(B)); two sums go side by
/// side, as each waits for its own carry only. Byte order is put right at the end, which RFC 1071 §2(B) allows too.
fn sum(bytes: &[u8]) -> u64 {
    let (blocks, rest) = bytes.as_chunks::<32>();
    let (mut even, mut odd) = (0u64, 0u64);
    for block in blocks {
        if let ([a, b, c, d], _) = block.as_chunks::<8>() {
            even = plus(plus(even, u64::from_ne_bytes(*a)), u64::from_ne_bytes(*c));
            odd = plus(plus(odd, u64::from_ne_bytes(*b)), u64::from_ne_bytes(*d));
        }
    }
    let (words, rest) = rest.as_chunks::<8>();
    for word in words {
        even = plus(even, u64::from_ne_bytes(*word));
    }
    let (pairs, last) = rest.as_chunks::<2>();
    for pair in pairs {
        odd = plus(odd, u16::from_ne_bytes(*pair).into());
    }
    if let [byte] = last {
        odd = plus(odd, u16::from_ne_bytes([*byte, 0]).into());
    }
    u64::from(u16::from_be_bytes(fold(plus(even, odd)).to_ne_bytes()))
}

/// Ones' complement sum. The carry fits: a sum that carries is at most 2^64 - 2.
#[inline(always)]
fn plus(a: u64, b: u64) -> u64 {
    let (sum, carry) = a.overflowing_add(b);
    sum.wrapping_add(carry.into())
}

#[inline]
fn fold(mut sum: u64) -> u16 {
    sum = (sum & 0xffff_ffff) + (sum >> 32);
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    // At most 0xffff after the loop.
    sum as u16
}

/// Writes right sums into a packet with a transport header behind `header` bytes, whose checksum stands at `field` of it.
#[cfg(test)]
pub fn right(packet: &mut [u8], header: usize, field: usize) {
    let four = packet[0] >> 4 == 4;
    if four {
        let check = !fold(sum(&packet[..20]));
        packet[10..12].copy_from_slice(&check.to_be_bytes());
    }
    let (addresses, number) = if four {
        (12, packet[9])
    } else {
        (8, packet[6])
    };
    let length = (packet.len() - header) as u64;
    let before = u64::from(number) + length;
    let check = match !fold(before + sum(&packet[addresses..])) {
        0 => 0xffff,
        other => other,
    };
    packet[header + field..][..2].copy_from_slice(&check.to_be_bytes());
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
