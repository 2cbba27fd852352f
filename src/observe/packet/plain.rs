//! The packets that nearly all are, recognised in one look: TCP (RFC 9293) or UDP (RFC 768) straight behind an IPv4 header without options
//! (RFC 791) or the fixed header of IPv6 (RFC 8200), whole, in one piece, with sums that are right.
//!
//! It says nothing that [`decode`](super::decode) and [`transport::read`](super::transport::read) do not say of the same bytes, and has no
//! opinion on what it does not recognise: that is left to them.

use super::Datagram;
use super::checksum::sums_with;
use super::transport::{Flags, Segment, Transport, UdpDatagram};
use crate::ground::protocol;
use std::net::IpAddr;

/// Length of an IPv4 header without options, and where its addresses begin.
const V4: usize = 20;
const V4_ADDRESSES: usize = 12;
/// The same of IPv6.
const V6: usize = 40;
const V6_ADDRESSES: usize = 8;

/// More fragments, and the offset of a fragment (RFC 791 §3.1).
const FRAGMENT: u16 = 0x3fff;

/// A packet of this kind.
pub struct Plain<'a> {
    /// The packet.
    pub datagram: Datagram<'a>,
    /// What it carries: a segment or a datagram.
    pub transport: Transport<'a>,
    /// It carries a sum over its payload: UDP may have none.
    pub summed: bool,
}

/// What tells the conversations of such packets apart, as bytes: protocol, addresses, ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Apart {
    /// IPv4.
    V4(u8, [u8; 12]),
    /// IPv6.
    V6(u8, [u8; 36]),
}

impl Apart {
    /// Of a packet that may be plain.
    #[inline]
    pub fn of(packet: &[u8]) -> Option<Self> {
        match packet.first()? {
            0x45 => Some(Self::V4(
                *packet.get(9)?,
                *packet.get(V4_ADDRESSES..)?.first_chunk()?,
            )),
            0x60..=0x6f => Some(Self::V6(
                *packet.get(6)?,
                *packet.get(V6_ADDRESSES..)?.first_chunk()?,
            )),
            _ => None,
        }
    }

    /// Source and destination.
    pub fn addresses(&self) -> (IpAddr, IpAddr) {
        match self {
            Self::V4(_, [a, b, c, d, e, f, g, h, ..]) => {
                ([*a, *b, *c, *d].into(), [*e, *f, *g, *h].into())
            }
            Self::V6(_, bytes) => {
                let ([source, destination], _) = bytes.as_chunks::<16>() else {
                    // There are two in it.
                    return ([0; 16].into(), [0; 16].into());
                };
                ((*source).into(), (*destination).into())
            }
        }
    }

    /// Spreads them over a table.
    #[inline]
    pub fn spread(&self) -> u32 {
        let (protocol, bytes): (u8, &[u8]) = match self {
            Self::V4(protocol, bytes) => (*protocol, bytes),
            Self::V6(protocol, bytes) => (*protocol, bytes),
        };
        let (words, _) = bytes.as_chunks::<4>();
        let mixed = words.iter().fold(u32::from(protocol), |sum, word| {
            (sum.rotate_left(5) ^ u32::from_ne_bytes(*word)).wrapping_mul(0x9e37_79b1)
        });
        mixed ^ (mixed >> 15)
    }
}

/// Reads a packet between these ends, which the caller knows from one with the same addresses, if it is plain. Bytes behind it are passed
/// over: padding, by its own length.
#[inline]
pub fn read<'a>(packet: &'a [u8], source: IpAddr, destination: IpAddr) -> Option<Plain<'a>> {
    let be16 = |at: usize| {
        let field = packet.get(at..)?.first_chunk()?;
        Some(u16::from_be_bytes(*field))
    };
    let (header, addresses, end, number, hop_limit, id) = match packet.first()? {
        0x45 => {
            let total = usize::from(be16(2)?);
            let whole = be16(6)? & FRAGMENT == 0 && sums_with(0, packet.get(..V4)?);
            let id = be16(4)?;
            whole.then_some(())?;
            let (hop_limit, number) = (*packet.get(8)?, *packet.get(9)?);
            (V4, V4_ADDRESSES, total, number, hop_limit, id)
        }
        0x60..=0x6f => {
            let length = usize::from(be16(4)?);
            // None is stated of jumbograms.
            (length != 0).then_some(())?;
            let (number, hop_limit) = (*packet.get(6)?, *packet.get(7)?);
            (V6, V6_ADDRESSES, V6 + length, number, hop_limit, 0)
        }
        _ => return None,
    };
    let message = packet.get(header..end)?;
    let (transport, summed) = match number {
        protocol::TCP => (segment(message)?, true),
        protocol::UDP => datagram(message)?,
        _ => return None,
    };
    // Addresses and ports stand one behind the other.
    let covered = packet.get(addresses..end)?;
    let right = !summed || sums_with(u64::from(number) + message.len() as u64, covered);
    right.then(|| Plain {
        datagram: Datagram {
            source,
            destination,
            routed: false,
            over: None,
            hop_limit,
            protocol: number,
            payload: message,
            wire_len: message.len(),
            fragment: None,
            id: (id != 0).then_some(id),
            unsegmented: false,
            chosen: 0,
        },
        transport,
        summed,
    })
}

#[inline]
fn segment(message: &[u8]) -> Option<Transport<'_>> {
    let (fixed, _) = message.split_first_chunk::<20>()?;
    let [
        a,
        b,
        c,
        d,
        s0,
        s1,
        s2,
        s3,
        k0,
        k1,
        k2,
        k3,
        offset,
        flags,
        ..,
    ] = *fixed;
    let header = usize::from(offset >> 4) * 4;
    (header >= fixed.len()).then_some(())?;
    let payload = message.get(header..)?;
    Some(Transport::Tcp(Segment {
        source_port: u16::from_be_bytes([a, b]),
        destination_port: u16::from_be_bytes([c, d]),
        sequence: u32::from_be_bytes([s0, s1, s2, s3]),
        acknowledgement: u32::from_be_bytes([k0, k1, k2, k3]),
        flags: Flags(flags),
        payload,
        wire_len: payload.len(),
    }))
}

/// A datagram that is as long as it says, and whether it carries a sum.
#[inline]
fn datagram(message: &[u8]) -> Option<(Transport<'_>, bool)> {
    let ([a, b, c, d, l0, l1, s0, s1], payload) = message.split_first_chunk::<8>()?;
    (usize::from(u16::from_be_bytes([*l0, *l1])) == message.len()).then_some(())?;
    let datagram = UdpDatagram {
        source_port: u16::from_be_bytes([*a, *b]),
        destination_port: u16::from_be_bytes([*c, *d]),
        payload,
        wire_len: payload.len(),
        surplus: &[],
        surplus_len: 0,
    };
    Some((Transport::Udp(datagram), [*s0, *s1] != [0, 0]))
}

#[cfg(test)]
mod tests {
    use super::super::checksum::right;
    use super::super::transport::{Checksum, read as read_transport, verify};
    use super::super::{Decoded, decode};
    use super::*;
    use proptest::prelude::*;

    /// A packet of either family and protocol, with right sums where its lengths are its own.
    fn packet(six: bool, tcp: bool, options: usize, payload: &[u8]) -> Vec<u8> {
        let mut message = vec![0x9c, 0x40, 0x01, 0xbb];
        let number = if tcp { 6 } else { 17 };
        match tcp {
            true => {
                message.extend([0, 0, 0, 7, 0, 0, 0, 9]);
                message.extend([0x50 + ((options as u8) << 4), 0x18, 1, 0, 0, 0, 0, 0]);
                message.resize(20 + options * 4, 1);
            }
            false => message.extend([0, 8 + payload.len() as u8, 0, 0]),
        }
        message.extend(payload);
        let length = message.len() as u8;
        let mut packet = match six {
            false => vec![0x45, 0, 0, 20 + length, 0, 3, 0x40, 0, 64, number, 0, 0],
            true => vec![0x60, 0, 0, 0, 0, length, number, 64],
        };
        let size = if six { 32 } else { 8 };
        packet.extend((0..size).map(|n| n as u8 + 1));
        let header = packet.len();
        packet.extend(message);
        right(&mut packet, header, if tcp { 16 } else { 6 });
        packet
    }

    proptest! {
        /// What it recognises is what the readers of each layer say, sums included; every plain packet is recognised.
        #[test]
        fn it_says_what_the_readers_say(
            six: bool,
            tcp: bool,
            options in 0usize..4,
            payload in prop::collection::vec(any::<u8>(), 0..40),
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3),
            padding in prop::collection::vec(any::<u8>(), 0..9),
        ) {
            let whole = packet(six, tcp, options, &payload);
            let mut bytes = whole.clone();
            for (at, value) in &changes {
                let at = at.index(bytes.len());
                bytes[at] = *value;
            }
            bytes.extend(&padding);
            let decoded = decode(&bytes, 0);
            let read = match decoded {
                Decoded::Datagram(d) => read(&bytes, d.source, d.destination),
                _ => read(&bytes, [0; 4].into(), [0; 4].into()),
            };
            if bytes.starts_with(&whole) {
                prop_assert!(read.is_some());
            }
            let Some(plain) = read else { return Ok(()) };
            let Decoded::Datagram(datagram) = decoded else {
                return Err(TestCaseError::fail("it is no packet"));
            };
            prop_assert_eq!(plain.datagram, datagram);
            prop_assert_eq!(plain.transport, read_transport(&datagram));
            let sums = if plain.summed { Checksum::Right } else { Checksum::Unknown };
            prop_assert_eq!(verify(&datagram), sums);
        }
    }
}
