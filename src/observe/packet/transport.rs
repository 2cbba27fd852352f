//! TCP, UDP and ICMP headers.

use super::Datagram;
use super::checksum::{is_left_to_the_card, transport_is_right};
use crate::ground::protocol;
use etherparse::{TcpHeaderSlice, UdpHeaderSlice};

/// TCP control bits (RFC 9293 §3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Flags(pub u8);

impl Flags {
    /// No more data from sender.
    pub const FIN: u8 = 0x01;
    /// Synchronise sequence numbers.
    pub const SYN: u8 = 0x02;
    /// Reset the connection.
    pub const RST: u8 = 0x04;
    /// Push.
    pub const PSH: u8 = 0x08;
    /// Acknowledgement field is valid.
    pub const ACK: u8 = 0x10;

    /// True if any of `bits` is set.
    pub fn any(self, bits: u8) -> bool {
        self.0 & bits != 0
    }
}

/// A transport message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport<'a> {
    /// A TCP segment.
    Tcp(Segment<'a>),
    /// A UDP datagram.
    Udp(UdpDatagram<'a>),
    /// ICMP or ICMPv6: type, code, and the bytes behind the checksum.
    Icmp {
        /// Message type.
        kind: u8,
        /// Message code.
        code: u8,
        /// Everything behind type, code and checksum.
        body: &'a [u8],
    },
    /// Any other protocol.
    Other,
    /// TCP or UDP whose header cannot be right.
    Malformed,
    /// TCP, UDP or ICMP whose header the capture cut off.
    Cut,
}

/// A TCP segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment<'a> {
    /// Source port.
    pub source_port: u16,
    /// Destination port.
    pub destination_port: u16,
    /// Sequence number.
    pub sequence: u32,
    /// Acknowledgement number; meaningless without [`Flags::ACK`].
    pub acknowledgement: u32,
    /// Control bits.
    pub flags: Flags,
    /// Captured payload.
    pub payload: &'a [u8],
    /// Payload bytes on the wire.
    pub wire_len: usize,
}

/// A UDP datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UdpDatagram<'a> {
    /// Source port.
    pub source_port: u16,
    /// Destination port.
    pub destination_port: u16,
    /// Captured payload.
    pub payload: &'a [u8],
    /// Payload bytes on the wire.
    pub wire_len: usize,
    /// What was captured of the IP packet behind the datagram: no padding, routers pass it on (the surplus area, RFC 9868 §7). Empty where
    /// all of it is zero, and where none of it was captured.
    pub surplus: &'a [u8],
    /// Bytes of that on the wire.
    pub surplus_len: usize,
}

/// Whether the transport checksum holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checksum {
    /// It is right.
    Right,
    /// It is left to the network card: the field holds the sum of the pseudo-header, or the IP header
    /// says that the card has still to cut the packet into segments.
    Pending,
    /// It is wrong.
    Wrong,
    /// There is none, or bytes are missing.
    Unknown,
}

/// Reads the transport header of a whole datagram (no fragment, or reassembled).
pub fn read<'a>(datagram: &Datagram<'a>) -> Transport<'a> {
    let bytes = datagram.payload;
    let failed = if datagram.cut() > 0 {
        Transport::Cut
    } else {
        Transport::Malformed
    };
    match datagram.protocol {
        protocol::TCP => {
            let Ok(header) = TcpHeaderSlice::from_slice(bytes) else {
                return failed;
            };
            let len = header.slice().len();
            Transport::Tcp(Segment {
                source_port: header.source_port(),
                destination_port: header.destination_port(),
                sequence: header.sequence_number(),
                acknowledgement: header.acknowledgment_number(),
                flags: Flags(bytes.get(13).copied().unwrap_or(0)),
                payload: bytes.get(len..).unwrap_or_default(),
                wire_len: datagram.wire_len.saturating_sub(len),
            })
        }
        protocol::UDP => {
            let Ok(header) = UdpHeaderSlice::from_slice(bytes) else {
                return failed;
            };
            // A length of zero is a jumbogram (RFC 2675 §4) or offload; one below eight is wrong,
            // one beyond the packet is cut by it.
            let stated = usize::from(header.length());
            let whole = match stated {
                0 => datagram.wire_len,
                1..8 => return Transport::Malformed,
                n => n.min(datagram.wire_len),
            };
            let captured = whole.min(bytes.len());
            let behind = bytes.get(captured..).unwrap_or_default();
            let surplus_len = datagram.wire_len.saturating_sub(whole);
            // What was not captured of it may be anything.
            let zero = behind.len() >= surplus_len && behind.iter().all(|byte| *byte == 0);
            let (surplus, surplus_len) = match zero {
                true => (&[][..], 0),
                false => (behind, surplus_len),
            };
            Transport::Udp(UdpDatagram {
                source_port: header.source_port(),
                destination_port: header.destination_port(),
                payload: bytes.get(8..captured).unwrap_or_default(),
                wire_len: whole.saturating_sub(8),
                surplus,
                surplus_len,
            })
        }
        protocol::UDP_LITE => match bytes {
            [a, b, c, d, _, _, _, _, payload @ ..] => Transport::Udp(UdpDatagram {
                source_port: u16::from_be_bytes([*a, *b]),
                destination_port: u16::from_be_bytes([*c, *d]),
                payload,
                wire_len: datagram.wire_len.saturating_sub(8),
                surplus: &[],
                surplus_len: 0,
            }),
            _ => failed,
        },
        protocol::ICMP | protocol::ICMPV6 => match bytes {
            [kind, code, _, _, body @ ..] => Transport::Icmp {
                kind: *kind,
                code: *code,
                body,
            },
            _ => failed,
        },
        _ => Transport::Other,
    }
}

/// The ports of a datagram whose transport header is otherwise not read, or unusable. Those of SCTP
/// stand where those of TCP do (RFC 9260 §3.1).
pub fn ports(datagram: &Datagram<'_>) -> (u16, u16) {
    match (datagram.protocol, datagram.payload) {
        (protocol::TCP | protocol::UDP | protocol::UDP_LITE | protocol::SCTP, [a, b, c, d, ..]) => {
            (u16::from_be_bytes([*a, *b]), u16::from_be_bytes([*c, *d]))
        }
        _ => (0, 0),
    }
}

/// Verifies the transport checksum where one is carried and every byte was captured.
pub fn verify(datagram: &Datagram<'_>) -> Checksum {
    if datagram.cut() > 0 {
        return Checksum::Unknown;
    }
    let message = match datagram.protocol {
        protocol::TCP | protocol::ICMPV6 => datagram.payload,
        protocol::UDP => {
            let stated = datagram
                .payload
                .get(4..6)
                .and_then(|b| b.first_chunk::<2>());
            let field = datagram
                .payload
                .get(6..8)
                .and_then(|b| b.first_chunk::<2>());
            let (Some(stated), Some(field)) = (stated, field) else {
                return Checksum::Unknown;
            };
            // RFC 768: all zero means that the sender computed none.
            if *field == [0, 0] {
                return Checksum::Unknown;
            }
            match usize::from(u16::from_be_bytes(*stated)) {
                0 => datagram.payload,
                n => match datagram.payload.get(..n) {
                    Some(message) => message,
                    None => return Checksum::Unknown,
                },
            }
        }
        protocol::ICMP => {
            return if super::checksum::sums_to_zero(datagram.payload) {
                Checksum::Right
            } else {
                Checksum::Wrong
            };
        }
        _ => return Checksum::Unknown,
    };
    if transport_is_right(
        datagram.source,
        datagram.destination,
        datagram.protocol,
        message,
    ) {
        return Checksum::Right;
    }
    let at = match datagram.protocol {
        protocol::TCP => 16,
        protocol::UDP => 6,
        _ => return Checksum::Wrong,
    };
    let field = message.get(at..).and_then(<[u8]>::first_chunk::<2>);
    let pending = field.is_some_and(|field| {
        is_left_to_the_card(
            datagram.source,
            datagram.destination,
            datagram.protocol,
            message.len(),
            u16::from_be_bytes(*field),
        )
    });
    if pending || datagram.unsegmented {
        Checksum::Pending
    } else {
        Checksum::Wrong
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_behind_a_udp_datagram_in_its_packet_is_told_apart() {
        let read = |payload: &[u8], wire_len: usize| {
            let datagram = Datagram {
                source: [192, 0, 2, 1].into(),
                destination: [192, 0, 2, 2].into(),
                routed: false,
                over: None,
                hop_limit: 64,
                protocol: protocol::UDP,
                payload,
                wire_len,
                fragment: None,
                id: None,
                unsegmented: false,
                chosen: 0,
            };
            match read(&datagram) {
                Transport::Udp(udp) => (
                    udp.payload.to_vec(),
                    udp.wire_len,
                    udp.surplus.to_vec(),
                    udp.surplus_len,
                ),
                other => panic!("{other:?}"),
            }
        };
        let udp = |length: u8, payload: &[u8]| {
            [&[0x9c, 0x40, 0, 53, 0, length, 0, 0][..], payload].concat()
        };
        for (message, wire_len, payload, surplus, surplus_len) in [
            (udp(10, b"ab"), 10, &b"ab"[..], &b""[..], 0),
            (udp(10, b"abcd"), 12, b"ab", b"cd", 2),
            (udp(10, b"ab\0\0"), 12, b"ab", b"", 0),
            (udp(10, b"ab\0d"), 12, b"ab", b"\0d", 2),
            // What was not captured of it may be anything.
            (udp(10, b"ab\0"), 99, b"ab", b"\0", 89),
            (udp(10, b"ab"), 99, b"ab", b"", 89),
            (udp(0, b"abcd"), 12, b"abcd", b"", 0),
        ] {
            let wanted = (
                payload.to_vec(),
                payload.len(),
                surplus.to_vec(),
                surplus_len,
            );
            assert_eq!(read(&message, wire_len), wanted, "{message:?}");
        }
    }
}
