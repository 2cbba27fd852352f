//! Whether an IP packet stands at a place, by signs that chance does not write.

use crate::observe::packet::checksum::sums_to_zero;
use crate::observe::packet::transport::{Checksum, verify};
use crate::observe::packet::{Decoded, decode};

/// The shortest header.
pub(super) const LEAST: usize = 20;

/// Bytes behind a packet at the end of a datagram: a tag or a checksum of the tunnel's own.
const BEHIND_MAX: usize = 32;

/// What stands at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum At {
    /// No packet.
    Nowhere,
    /// The beginning of one of `total` bytes; `checked` if the checksum of its header is right.
    Begun { total: usize, checked: bool },
    /// A whole one; `sure` if the checksum of its payload is right too.
    Whole {
        total: usize,
        four: bool,
        sure: bool,
    },
}

impl At {
    pub(super) fn total(self) -> Option<usize> {
        match self {
            Self::Nowhere => None,
            Self::Begun { total, .. } | Self::Whole { total, .. } => Some(total),
        }
    }
}

fn be16(bytes: &[u8], at: usize) -> Option<usize> {
    let field = bytes.get(at..)?.first_chunk::<2>()?;
    Some(u16::from_be_bytes(*field).into())
}

/// Protocols that tunnels carry: ICMP, IGMP, IP in IP, TCP, UDP, IPv6, GRE, ESP, AH, ICMPv6, OSPF, PIM, SCTP, UDP-Lite.
fn is_met(protocol: u8) -> bool {
    matches!(
        protocol,
        1 | 2 | 4 | 6 | 17 | 41 | 47 | 50 | 51 | 58 | 89 | 103 | 132 | 136
    )
}

/// Extension headers of IPv6, and "no next header".
fn is_extension(next: u8) -> bool {
    matches!(next, 0 | 43 | 44 | 59 | 60)
}

/// What stands at the start of `bytes`.
pub(super) fn packet_at(bytes: &[u8]) -> At {
    match bytes.first() {
        Some(0x45..=0x4f) => four(bytes),
        Some(0x60..=0x6f) => six(bytes),
        _ => None,
    }
    .unwrap_or(At::Nowhere)
}

fn four(bytes: &[u8]) -> Option<At> {
    let header = usize::from(bytes.first()? & 0x0f) * 4;
    let Some(total) = be16(bytes, 2) else {
        return Some(At::Begun {
            total: header,
            checked: false,
        });
    };
    if total < header {
        return None;
    }
    let Some(whole) = bytes.get(..header) else {
        return Some(At::Begun {
            total,
            checked: false,
        });
    };
    // Time to live, protocol, and a sender that can be one.
    let (ttl, protocol, source) = (*bytes.get(8)?, *bytes.get(9)?, *bytes.get(12)?);
    if ttl == 0 || !is_met(protocol) || source >= 224 || !sums_to_zero(whole) {
        return None;
    }
    Some(end(bytes, total, true))
}

fn six(bytes: &[u8]) -> Option<At> {
    const HEADER: usize = 40;
    let begun = |total| {
        Some(At::Begun {
            total,
            checked: false,
        })
    };
    let Some(payload) = be16(bytes, 4) else {
        return begun(HEADER);
    };
    let total = HEADER + payload;
    let (Some(next), Some(hops), Some(source)) = (bytes.get(6), bytes.get(7), bytes.get(8)) else {
        return begun(total);
    };
    let known = is_met(*next) || is_extension(*next);
    // ::/8, 2000::/3, fc00::/7 and fe80::/10 send.
    if !known || *hops == 0 || !matches!(source, 0 | 0x20..=0x3f | 0xfc..=0xfe) {
        return None;
    }
    if bytes.len() < HEADER {
        return begun(total);
    }
    Some(end(bytes, total, false))
}

fn end(bytes: &[u8], total: usize, four: bool) -> At {
    let Some(packet) = bytes.get(..total) else {
        return At::Begun {
            total,
            checked: four,
        };
    };
    let sure = match decode(packet, 0) {
        Decoded::Datagram(datagram) => {
            datagram.fragment.is_none() && verify(&datagram) == Checksum::Right
        }
        _ => false,
    };
    At::Whole { total, four, sure }
}

/// The places near the start of `bytes` where the first byte of a packet's header stands, and the bytes from there on.
fn beginnings(bytes: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let near = bytes.get(..=super::BEFORE_MAX).unwrap_or(bytes);
    let places = near.iter().enumerate();
    places
        .filter(|(_, byte)| matches!(byte, 0x45..=0x4f | 0x60..=0x6f))
        .filter_map(|(at, _)| Some((at, bytes.get(at..)?)))
}

/// False if at none of these places a header stands whose packet could end within `wire` bytes: its length is larger than that. Text and
/// noise are mostly told by this, in one look without a turn for each place.
fn may_hold(bytes: &[u8], wire: usize) -> bool {
    const PLACES: usize = super::BEFORE_MAX + 1;
    /// Where the upper byte of the length stands, behind the first byte of the header.
    const LENGTH_V4: usize = 2;
    const LENGTH_V6: usize = 4;
    // What is not there is no header, and counts as a short length.
    let mut near = [0u8; PLACES + LENGTH_V6];
    let there = bytes.len().min(near.len());
    if let (Some(to), Some(from)) = (near.get_mut(..there), bytes.get(..there)) {
        to.copy_from_slice(from);
    }
    let most = u8::try_from(wire >> 8).unwrap_or(u8::MAX);
    let lengths = |behind: usize| near.get(behind..).unwrap_or_default();
    let places = near.iter().take(PLACES);
    let lengths = lengths(LENGTH_V4).iter().zip(lengths(LENGTH_V6));
    let found = places
        .zip(lengths)
        .fold(0u8, |found, (first, (four, six))| {
            let four = (first.wrapping_sub(0x45) <= 0x0a) & (*four <= most);
            let six = (first & 0xf0 == 0x60) & (*six <= most);
            found | u8::from(four | six)
        });
    found != 0
}

/// Where in a datagram of `wire` bytes an IP packet stands that ends where the datagram does, or a few bytes before.
pub fn embedded_whole(bytes: &[u8], wire: usize) -> Option<&[u8]> {
    if !may_hold(bytes, wire) {
        return None;
    }
    for (before, rest) in beginnings(bytes) {
        let total = match packet_at(rest) {
            At::Whole {
                total, four: true, ..
            }
            | At::Whole {
                total, sure: true, ..
            } => total,
            // The capture cut it; the header is whole.
            At::Begun {
                total,
                checked: true,
            } if wire > bytes.len() => total,
            _ => continue,
        };
        let end = before + total;
        if end <= wire && wire - end <= BEHIND_MAX {
            return Some(rest);
        }
    }
    None
}

/// A whole packet near the start of a segment, proved by both of its checksums, and the bytes from it on.
pub fn embedded(bytes: &[u8]) -> Option<&[u8]> {
    if !may_hold(bytes, bytes.len()) {
        return None;
    }
    for (_, rest) in beginnings(bytes) {
        // Text has many bytes that could begin a packet, and few that would be as long as it says.
        let said = match rest.first() {
            Some(0x45..=0x4f) => be16(rest, 2),
            _ => be16(rest, 4),
        };
        if said.is_some_and(|said| said <= rest.len())
            && let At::Whole {
                total, sure: true, ..
            } = packet_at(rest)
        {
            return rest.get(..total);
        }
    }
    None
}
