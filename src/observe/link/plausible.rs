//! Whether bytes are an IP packet, for readers that must doubt what the file states.
//!
//! RFC 791 §3.1 and RFC 8200 §3: version, header length, total length, header checksum, protocol.
//! A stated link type is overruled by [`likely`] or [`certain`] only, never by a version nibble.
//! `wire` is always the length of the bytes on the wire: not less than what was captured.

use super::field::be16;
use crate::observe::packet::checksum::sums_to_zero;

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

/// Bytes of unknown headers before a packet that are looked over: a tag and an Ethernet header with
/// a tag of its own need 34, and the longest headers that switches and meshes put there 40.
const BEFORE_MAX: usize = 64;

/// Bytes behind a packet that a frame may end with: a check sequence, a switch's trailer, the
/// integrity value of a protected frame.
const BEHIND_MAX: usize = 20;

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

/// True when a valid IP header stands at one of the first places of `bytes`, of which more may have
/// been on the wire: the answer of a reader that does not know what the bytes are.
pub(super) fn stands_in(bytes: &[u8]) -> bool {
    (0..bytes.len().min(BEFORE_MAX)).any(|at| {
        let rest = bytes.get(at..).unwrap_or_default();
        stands(rest, rest.len())
    })
}

/// As [`likely`], of bytes behind which something else may follow, and of which `wire` is not sure.
pub(super) fn stands(bytes: &[u8], wire: usize) -> bool {
    let Some(h) = header(bytes) else {
        return false;
    };
    let fits = (h.total..=h.total.saturating_add(BEHIND_MAX)).contains(&wire);
    match h.version {
        4 => {
            // Networks of senders and receivers; zero is no end of a packet but once, for DHCP.
            let ends = matches!(
                bytes,
                [
                    _,
                    _,
                    _,
                    _,
                    _,
                    _,
                    _,
                    _,
                    1..=255,
                    _,
                    _,
                    _,
                    0..=223,
                    _,
                    _,
                    _,
                    1..=255,
                    ..
                ]
            );
            // Not yet computed (offload): then everything else has to be right.
            let pending =
                fits && matches!(bytes, [0x45, _, _, _, _, _, 0 | 0x40, 0, _, _, 0, 0, ..]);
            ends && met(h.protocol) && (h.checked || pending)
        }
        _ => {
            let end = |at: usize| bytes.get(at..).and_then(|b| b.first_chunk());
            let ends =
                end(8).is_some_and(|a| is_end(a) && a[0] != 0xff) && end(24).is_some_and(is_end);
            let hops = bytes.get(7).is_some_and(|hops| *hops != 0);
            ends && hops
                && if fits {
                    // Behind an extension header the next one has to be known too.
                    let behind = bytes.get(V6_HEADER).is_some_and(|next| met(*next));
                    met(h.protocol) || (extension(h.protocol) && behind)
                } else {
                    // Cut, or padded: the rest of the header has to speak.
                    let plain = matches!(bytes, [0x60, 0x00..=0x0f, ..]);
                    plain && h.total > V6_HEADER && begins(h.protocol, bytes)
                }
        }
    }
}

/// True if a transport header can begin behind a fixed IPv6 header: an offset and no reserved bits
/// (TCP), the length of the payload (UDP), a kind that exists (ICMPv6).
fn begins(protocol: u8, packet: &[u8]) -> bool {
    let behind = packet.get(V6_HEADER..).unwrap_or_default();
    match protocol {
        6 => behind.get(12).is_some_and(|b| b >> 4 >= 5 && b & 0x0f == 0),
        17 => be16(behind, 4).is_some() && be16(behind, 4) == be16(packet, 4),
        58 => matches!(behind, [1..=4 | 128..=137, 0..=7, ..]),
        _ => false,
    }
}

/// True for an IPv6 address that packets have: loopback, translated (RFC 6052), global, unique
/// local, link local, multicast.
fn is_end(address: &[u8; 16]) -> bool {
    match address {
        [0, 0x64, 0xff, 0x9b, ..] => true,
        [0, rest @ .., last] => rest.iter().all(|byte| *byte == 0) && *last == 1,
        [0x20..=0x3f | 0xfc | 0xfd, ..] => true,
        [0xfe, second, ..] => second & 0xc0 == 0x80,
        [0xff, scope, ..] => (1..=14).contains(&(scope & 0x0f)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn a_packet_is_found_behind_what_is_not_known_and_noise_holds_none() {
        for packet in [sample::ipv4(b"hidden"), sample::ipv6(b"hidden")] {
            for before in [0, 1, 2, 4, 14, 34, BEFORE_MAX - 1] {
                for behind in [0, 4, BEHIND_MAX] {
                    let frame = [&vec![0xc3; before][..], &packet, &vec![9; behind]].concat();
                    assert!(stands_in(&frame), "{before} {behind}");
                }
                let cut = [&vec![0xc3; before][..], &packet[..48.min(packet.len())]].concat();
                assert!(stands_in(&cut), "{before} cut");
            }
            assert!(!stands_in(&[&[0; BEFORE_MAX][..], &packet].concat()));
        }
        // SplitMix64: of 20,000 frames of noise, some of them full of likely bytes, none.
        let mut state = 7u64;
        let mut next = || {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let z = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z ^ (z >> 27)
        };
        for round in 0..20_000 {
            let byte = |n: u64| match (round % 3, n % 8) {
                (1, 0) => 0x45,
                (2, 0) => 0x60,
                (1 | 2, 1..=3) => 0,
                _ => (n >> 8) as u8,
            };
            let frame: Vec<u8> = (0..100).map(|_| byte(next())).collect();
            assert!(!stands_in(&frame), "{frame:02x?}");
        }
        for fill in [0, 0x45, 0x60, 0xff] {
            assert!(!stands_in(&[fill; 100]));
        }
    }

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
