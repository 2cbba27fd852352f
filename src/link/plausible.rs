//! Whether bytes are an IP packet, for readers that must doubt what the file states.
//!
//! RFC 791 §3.1 and RFC 8200 §3: version, header length, total length, header checksum, protocol.
//! A stated link type is overruled by [`likely`] or [`certain`] only, never by a version nibble.
//! `wire` is always the length of the bytes on the wire: not less than what was captured.

use super::field::be16;
use crate::packet::checksum::sums_to_zero;

/// Fixed headers.
const V4_HEADER: usize = 20;
const V6_HEADER: usize = 40;

/// Where the two headers keep the protocol of the payload.
const V4_PROTOCOL: usize = 9;
const V6_NEXT: usize = 6;

/// Protocols that are met on networks (IANA "Assigned Internet Protocol Numbers"): ICMP, IGMP,
/// IPIP, TCP, UDP, 6in4, GRE, ESP, AH, ICMPv6, OSPF, PIM, VRRP, L2TP, SCTP, UDP-Lite.
fn met(protocol: u8) -> bool {
    matches!(
        protocol,
        1 | 2 | 4 | 6 | 17 | 41 | 47 | 50 | 51 | 58 | 89 | 103 | 112 | 115 | 132 | 136
    )
}

/// Extension headers of IPv6 (RFC 8200 §4, RFC 6275, RFC 7401), and "no next header".
fn extension(next: u8) -> bool {
    matches!(next, 0 | 43 | 44 | 59 | 60 | 135 | 139 | 140)
}

/// An IP header as far as it can be judged without decoding it.
struct Header {
    version: u8,
    /// Length of the packet by its own header; zero is segmentation offload or a jumbogram.
    total: usize,
    protocol: u8,
    /// IPv4: all of the header is there and its checksum is right.
    checked: bool,
    /// IPv6: the source can be one (no multicast, no unassigned prefix).
    sender: bool,
}

fn header(bytes: &[u8]) -> Option<Header> {
    let first = *bytes.first()?;
    match first >> 4 {
        4 => {
            let len = usize::from(first & 0x0f) * 4;
            let total = usize::from(be16(bytes, 2)?);
            if len < V4_HEADER || (total != 0 && total < len) {
                return None;
            }
            Some(Header {
                version: 4,
                total,
                protocol: *bytes.get(V4_PROTOCOL)?,
                checked: bytes.get(..len).is_some_and(sums_to_zero),
                sender: true,
            })
        }
        6 => Some(Header {
            version: 6,
            total: match be16(bytes, 4)? {
                0 => 0,
                payload => V6_HEADER.saturating_add(payload.into()),
            },
            protocol: *bytes.get(V6_NEXT)?,
            checked: false,
            // ::/8 (unspecified, loopback), 64:ff9b::, 2000::/3, fc00::/7, fe80::/10.
            sender: matches!(*bytes.get(8)?, 0x00 | 0x20..=0x3f | 0xfc..=0xfe),
        }),
        _ => None,
    }
}

/// Nothing in the header speaks against an IP packet of at most `wire` bytes.
pub(super) fn possible(bytes: &[u8], wire: usize) -> bool {
    header(bytes).is_some_and(|h| h.total <= wire)
}

/// Chance does not write such a header: IPv4 whose checksum is right, or a packet that is exactly
/// as long as it says and carries a protocol that is met.
pub(super) fn likely(bytes: &[u8], wire: usize) -> bool {
    header(bytes).is_some_and(|h| {
        let known = met(h.protocol) || (h.version == 6 && extension(h.protocol));
        h.total <= wire && h.sender && (h.checked || (h.total == wire && known))
    })
}

/// As [`likely`], by every test at once: the only proof against a well-known stated protocol.
pub(super) fn certain(bytes: &[u8], wire: usize) -> bool {
    header(bytes).is_some_and(|h| {
        h.total == wire
            && match h.version {
                4 => h.checked && met(h.protocol),
                _ => h.sender && (met(h.protocol) || extension(h.protocol)),
            }
    })
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn a_nibble_is_no_packet() {
        let v4 = sample::ipv4(b"payload");
        let v6 = sample::ipv6(b"payload");
        for packet in [&v4, &v6] {
            assert!(certain(packet, packet.len()) && likely(packet, packet.len()));
            // One byte of padding: longer than it says.
            assert!(!certain(packet, packet.len() + 1));
            assert!(possible(packet, packet.len() + 1));
            // It says more than there is.
            assert!(!possible(packet, packet.len() - 1));
        }
        assert!(likely(&v4, v4.len() + 9) && !likely(&v6, v6.len() + 9));

        let mut wrong = v4.clone();
        wrong[10] ^= 1;
        assert!(likely(&wrong, v4.len()) && !certain(&wrong, v4.len()));
        assert!(!likely(&wrong, v4.len() + 1));
        wrong[9] = 200;
        assert!(!likely(&wrong, v4.len()));

        // Segmentation offload writes a zero: the checksum has to speak alone.
        let mut offload = v4.clone();
        offload[2..4].fill(0);
        assert!(!likely(&offload, v4.len()) && possible(&offload, v4.len()));
        sample::checksum(&mut offload);
        assert!(likely(&offload, v4.len()) && !certain(&offload, v4.len()));

        let mut multicast = v6.clone();
        multicast[8] = 0xff;
        assert!(!likely(&multicast, v6.len()));
        for short in [&[][..], &[0x45], &[0x60, 0, 0], &[0x44; 60], &[0x55; 60]] {
            assert!(!possible(short, 1500));
        }
    }
}
