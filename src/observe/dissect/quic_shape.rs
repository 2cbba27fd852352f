//! QUIC datagrams by their unprotected header bytes: which packets they hold, and whether application data may be among them.
//!
//! RFC 8999 (what holds in all versions), RFC 9000 §17.2 (version 1, and the drafts before it), RFC 9369 §3.2 (version 2: other type bits),
//! RFC 9287 (the fixed bit may be clear), and Google's own versions before the standard (Q0xx). Nothing is decrypted here. A
//! long-header packet of an unknown version is recognised only if the version is one reserved for negotiation tests.
//!
//! A short-header packet shows next to nothing: one in four random payloads looks like one, and only what is known of the flow makes it more.

use crate::observe::dissect::quic::version::{is_reserved, kind_of};
use crate::observe::dissect::wire::Reader;

/// Longest connection id in known versions (RFC 9000 §17.2).
const CONNECTION_ID_MAX: usize = 20;
/// Smallest datagram with a client's first packet (RFC 9000 §14.1).
const INITIAL_MIN: usize = 1200;
/// Packets looked at in one datagram; a handshake datagram holds up to four.
const PACKETS_MAX: usize = 16;
/// Packet number and authentication tag: no protected packet has less behind its length field (RFC 9001 §5.4.2 needs 20 bytes).
const PROTECTED_MIN: u64 = 20;
/// First byte, connection id of length zero, packet number and sample: the shortest short-header packet (RFC 9001 §5.4.2).
const SHORT_MIN: usize = 21;

/// The kinds of packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PacketKind {
    /// First flight of the handshake; its keys follow from the header.
    Initial,
    /// Application data before the handshake is done.
    ZeroRtt,
    /// Rest of the handshake.
    Handshake,
    /// "Come again with this token."
    Retry,
    /// "I speak these versions."
    VersionNegotiation,
    /// A short-header packet behind others: application data.
    OneRtt,
    /// Google QUIC (Q0xx), handshake message in clear.
    GoogleHandshake,
    /// Google QUIC (Q0xx), anything else.
    GoogleOther,
    /// A long header of a version reserved for negotiation tests (RFC 9000 §15): its kind cannot be told.
    Reserved,
}

impl PacketKind {
    /// True for packets that carry, or may carry, application data.
    pub fn carries_application_data(self) -> bool {
        matches!(self, Self::ZeroRtt | Self::OneRtt | Self::GoogleOther)
    }
}

/// One packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packet<'a> {
    /// Its kind.
    pub kind: PacketKind,
    /// Version; 0 in version negotiation and in short headers.
    pub version: u32,
    /// Destination connection id. Of a short header: the one of the packets before it.
    pub destination_id: &'a [u8],
    /// Source connection id.
    pub source_id: &'a [u8],
    /// The whole packet, as far as it is there.
    pub bytes: &'a [u8],
    /// Where in `bytes` the packet number begins, in packets that have a length field; 0 in others.
    pub number_at: usize,
    /// The packet runs past the datagram: the capture cut it.
    pub is_cut: bool,
}

/// What one datagram holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Datagram<'a> {
    /// Its packets, at least one.
    pub packets: Vec<Packet<'a>>,
    /// Bytes behind the last packet that are neither a packet nor zeros.
    pub trailing: usize,
    /// There may be more packets than are looked at.
    pub capped: bool,
}

impl Datagram<'_> {
    /// True if one of the packets carries application data.
    pub fn carries_application_data(&self) -> bool {
        self.packets
            .iter()
            .any(|packet| packet.kind.carries_application_data())
    }
}

/// Recognises a datagram that begins with a long-header packet.
pub fn shape(payload: &[u8]) -> Option<Datagram<'_>> {
    let mut packets: Vec<Packet<'_>> = Vec::new();
    let mut rest = payload;
    while packets.len() < PACKETS_MAX {
        let first = packets.first().copied();
        let packet = match first {
            None => long_packet(rest).or_else(|| google_packet(rest))?,
            Some(first) => match long_packet(rest).or_else(|| short_behind(rest, &first)) {
                // All packets of a datagram go to one connection (RFC 9000 §12.2).
                Some(packet) if packet.destination_id == first.destination_id => packet,
                _ => break,
            },
        };
        rest = rest.get(packet.bytes.len()..).unwrap_or_default();
        packets.push(packet);
        if rest.is_empty() {
            break;
        }
    }
    let trailing = if rest.iter().all(|&byte| byte == 0) {
        0
    } else {
        rest.len()
    };
    let capped = trailing > 0 && packets.len() >= PACKETS_MAX;
    Some(Datagram {
        packets,
        trailing,
        capped,
    })
}

/// True if the payload could be a short-header packet: header form 0, fixed bit 1, long enough to be protected (RFC 9000 §17.3.1).
/// One in four random payloads looks so.
#[cfg(test)]
pub fn looks_short(payload: &[u8]) -> bool {
    payload.len() >= SHORT_MIN && payload.first().is_some_and(|first| first & 0xc0 == 0x40)
}

fn short_behind<'a>(bytes: &'a [u8], first: &Packet<'a>) -> Option<Packet<'a>> {
    let (&flags, behind) = bytes.split_first()?;
    let own = behind.starts_with(first.destination_id)
        && bytes.len() >= SHORT_MIN.saturating_add(first.destination_id.len());
    // With a connection id the id is proof enough; without, only the fixed bit tells it from padding.
    (flags & 0x80 == 0 && own && (flags & 0x40 != 0 || !first.destination_id.is_empty())).then_some(
        Packet {
            kind: PacketKind::OneRtt,
            version: 0,
            destination_id: first.destination_id,
            source_id: &[],
            bytes,
            number_at: 0,
            is_cut: false,
        },
    )
}

fn long_packet(bytes: &[u8]) -> Option<Packet<'_>> {
    let mut reader = Reader::new(bytes);
    let first = reader.u8().filter(|first| first & 0x80 != 0)?;
    let version = reader.u32()?;
    let destination_id = reader.vector8()?;
    let source_id = reader.vector8()?;
    if destination_id.len() > CONNECTION_ID_MAX || source_id.len() > CONNECTION_ID_MAX {
        return None;
    }
    let mut packet = Packet {
        kind: PacketKind::Reserved,
        version,
        destination_id,
        source_id,
        bytes,
        number_at: 0,
        is_cut: false,
    };
    if version == 0 {
        packet.kind = PacketKind::VersionNegotiation;
        let (versions, odd) = reader.rest().as_chunks::<4>();
        let known = versions.iter().any(|v| {
            let version = u32::from_be_bytes(*v);
            kind_of(version, 0).is_some() || is_reserved(version)
        });
        return (known && odd.is_empty()).then_some(packet);
    }
    if is_reserved(version) {
        // Only clients offer one, in a first datagram of full size (RFC 9000 §14.1).
        return (bytes.len() >= INITIAL_MIN).then_some(packet);
    }
    packet.kind = kind_of(version, first)?;
    match packet.kind {
        // Token and integrity tag fill the datagram (RFC 9000 §17.2.5).
        PacketKind::Retry => return (reader.remaining() > 16).then_some(packet),
        PacketKind::Initial => {
            let token = varint(&mut reader)?;
            reader.take(usize::try_from(token).ok()?)?;
        }
        _ => {}
    }
    let length = varint(&mut reader)?;
    if length < PROTECTED_MIN {
        return None;
    }
    packet.number_at = reader.position();
    let end = usize::try_from(length)
        .ok()?
        .checked_add(reader.position())?;
    match bytes.get(..end) {
        Some(whole) => packet.bytes = whole,
        None => packet.is_cut = true,
    }
    Some(packet)
}

/// Variable-length integer (RFC 9000 §16).
pub(in crate::observe::dissect) fn varint(reader: &mut Reader<'_>) -> Option<u64> {
    let first = reader.u8()?;
    let more = (1usize << (first >> 6)).saturating_sub(1);
    let rest = reader.take(more)?;
    Some(rest.iter().fold(u64::from(first & 0x3f), |value, &byte| {
        value << 8 | u64::from(byte)
    }))
}

/// Google QUIC up to Q043 (public flags, 8-byte connection id, version) and Q046 (long header, payload in clear).
fn google_packet(bytes: &[u8]) -> Option<Packet<'_>> {
    /// Public flag: a version follows the connection id.
    const HAS_VERSION: u8 = 0x01;
    /// Public flag: there is a connection id.
    const HAS_ID: u8 = 0x08;
    /// Where the tag of a handshake message may begin: behind hash, stream frame and packet number.
    const TAG_WITHIN: usize = 48;
    let mut reader = Reader::new(bytes);
    let flags = reader.u8()?;
    let (version, id) = if flags & 0x80 != 0 {
        let version = reader.u32()?;
        // Lengths of both ids in one byte, as in the drafts of that time.
        let _lengths = reader.u8()?;
        (version, reader.take(8)?)
    } else if flags & (HAS_VERSION | HAS_ID) == HAS_VERSION | HAS_ID && flags & 0x40 == 0 {
        let id = reader.take(8)?;
        (reader.u32()?, id)
    } else {
        return None;
    };
    let [b'Q', b'0', tens @ b'0'..=b'9', ones @ b'0'..=b'9'] = version.to_be_bytes() else {
        return None;
    };
    // The long header came with Q044.
    if (flags & 0x80 != 0) != ([tens, ones] >= *b"44") {
        return None;
    }
    let head = reader.rest();
    let head = head.get(..TAG_WITHIN).unwrap_or(head);
    let in_clear = [&b"CHLO"[..], b"REJ\0", b"SHLO"]
        .iter()
        .any(|tag| head.windows(4).any(|at| at == *tag));
    let kind = if in_clear {
        PacketKind::GoogleHandshake
    } else {
        PacketKind::GoogleOther
    };
    Some(Packet {
        kind,
        version,
        destination_id: id,
        source_id: &[],
        bytes,
        number_at: 0,
        is_cut: false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::dissect::wire::test_bytes::{Noise, hex};

    fn kinds(payload: &[u8]) -> Vec<PacketKind> {
        shape(payload)
            .map(|d| d.packets.iter().map(|p| p.kind).collect())
            .unwrap_or_default()
    }

    /// RFC 9001 A.2: protected header of the client's Initial; the payload is 1162 bytes.
    fn client_initial() -> Vec<u8> {
        let mut packet = hex("c000000001088394c8f03e5157080000449e7b9aec34");
        packet.resize(1200, 0x5c);
        packet
    }

    #[test]
    fn rfc_9001_and_rfc_9369_packets() {
        let initial = client_initial();
        let datagram = shape(&initial).unwrap();
        assert_eq!(datagram.packets[0].destination_id, hex("8394c8f03e515708"));
        assert_eq!(
            (
                datagram.packets.len(),
                datagram.trailing,
                datagram.packets[0].is_cut
            ),
            (1, 0, false)
        );
        assert!(!datagram.carries_application_data());
        // RFC 9001 A.4 and RFC 9369 A.4: Retry packets.
        assert_eq!(
            kinds(&hex(
                "ff000000010008f067a5502a4262b5746f6b656e04a265ba2eff4d829058fb3f0f2496ba"
            )),
            [PacketKind::Retry]
        );
        assert_eq!(
            kinds(&hex(
                "cf6b3343cf0008f067a5502a4262b5746f6b656ec8646ce8bfe33952d955543665dcc7b6"
            )),
            [PacketKind::Retry]
        );
        let mut version_2 = hex("d36b3343cf088394c8f03e5157080000449ea0c95e82");
        version_2.resize(1200, 1);
        assert_eq!(kinds(&version_2), [PacketKind::Initial]);
        assert_eq!(
            kinds(&hex("b10000000000088394c8f03e5157081a2a3a4a00000001")),
            [PacketKind::VersionNegotiation]
        );
        assert_eq!(kinds(&hex("b10000000000088394c8f03e51570812345678")), []);
        for cut in 0..initial.len() {
            // From the length field on it is known to be an Initial that the capture cut.
            assert_eq!(
                kinds(&initial[..cut]).len(),
                usize::from(cut >= 18),
                "cut at {cut}"
            );
        }
    }

    #[test]
    fn coalesced_packets_and_what_follows_them() {
        let handshake = [hex("e00000000104aabbccdd00 4016"), vec![9; 22]].concat();
        let zero_rtt = [hex("d00000000104aabbccdd00 4016"), vec![9; 22]].concat();
        let short = [hex("4faabbccdd"), vec![7; 30]].concat();
        let whole = [&handshake[..], &short].concat();
        assert_eq!(kinds(&whole), [PacketKind::Handshake, PacketKind::OneRtt]);
        assert!(shape(&whole).unwrap().carries_application_data());
        assert!(shape(&zero_rtt).unwrap().carries_application_data());
        assert_eq!(
            kinds(&[&handshake[..], &zero_rtt].concat()),
            [PacketKind::Handshake, PacketKind::ZeroRtt]
        );
        let padded = [&handshake[..], &[0; 100]].concat();
        assert_eq!(
            (kinds(&padded).len(), shape(&padded).unwrap().trailing),
            (1, 0)
        );
        // Bytes of another connection are no packet of this one.
        let foreign = [&handshake[..], &hex("4f11223344"), &[7; 30]].concat();
        assert_eq!(
            (kinds(&foreign).len(), shape(&foreign).unwrap().trailing),
            (1, 35)
        );
        assert!(looks_short(&short) && !looks_short(&handshake) && !looks_short(&short[..20]));
    }

    #[test]
    fn google_versions() {
        let hello = [
            hex("0d 0102030405060708 51303433 01"),
            vec![0xee; 12],
            hex("a00100"),
            b"CHLO".to_vec(),
            vec![0; 900],
        ]
        .concat();
        assert_eq!(kinds(&hello), [PacketKind::GoogleHandshake]);
        let data = [hex("0d 0102030405060708 51303433 02"), vec![0xee; 900]].concat();
        assert_eq!(kinds(&data), [PacketKind::GoogleOther]);
        let q046 = [
            hex("c3 51303436 50 0102030405060708 00000001"),
            vec![0xee; 12],
            hex("a00100"),
            b"CHLO".to_vec(),
        ]
        .concat();
        assert_eq!(kinds(&q046), [PacketKind::GoogleHandshake]);
    }

    #[test]
    fn other_protocols_and_noise() {
        let mut noise = Noise(77);
        for _ in 0..20_000 {
            let mut bytes = noise.bytes(200);
            bytes[0] |= 0x80;
            assert_eq!(kinds(&bytes), []);
            shape(&noise.damage(&client_initial()));
        }
        // RTP version 2, a MAVLink heartbeat, a DJI wrapper, DTLS
        for other in [
            "8060000100000000deadbeef",
            "fd0900000001010000000000000002030003034f5b",
            "08803add0000006f",
            "16fefd00000000",
        ] {
            assert_eq!(kinds(&hex(other)), []);
        }
    }
}
