//! Opaque tunnels by the shape of their packets: WireGuard, OpenVPN, IKE and ESP in UDP and TCP, Tailscale, ZeroTier; and SSH.
//!
//! WireGuard: whitepaper §5.4 (message types, sizes, reserved zeros). OpenVPN: its wire protocol draft and `ssl_pkt.h` (opcode and key
//! id in the first byte; over TCP a two-byte length before it). IKE: RFC 7296 §3.1, RFC 2408 §3.1 for version 1, RFC 3948 §2 for
//! the non-ESP marker, ESP and keep-alives on port 4500, RFC 9329 §3 over TCP. Tunnels in clear are [`crate::observe::packet::encapsulation`].
//!
//! A tunnel to a local peer may go on to anywhere, so this errs towards seeing one: on the ports of a protocol its weak signs are enough,
//! elsewhere only its strong ones. It cannot see OpenVPN data on a foreign port without its handshake, nor tunnels made to look like
//! something else (obfuscated WireGuard, Shadowsocks). A tunnel over TLS is TLS here.

use crate::observe::dissect::wire::{Fit, Reader};
use crate::observe::dissect::{dns_message, dtls_record, quic_shape, stun_shape};

mod openvpn;

/// A tunnel protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tunnel {
    /// WireGuard.
    WireGuard,
    /// OpenVPN.
    OpenVpn,
    /// Internet Key Exchange: an IPsec tunnel is being set up or kept.
    Ike,
    /// ESP in UDP, or the keep-alive of its mapping.
    EspInUdp,
    /// Tailscale finding its way between peers.
    Tailscale,
    /// ZeroTier.
    ZeroTier,
}

/// What a TCP stream that is not otherwise known opens with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StreamOpening {
    /// OpenVPN over TCP.
    OpenVpn,
    /// IPsec over TCP.
    Ipsec,
    /// SSH: a session of its own, which may forward others.
    Ssh,
    /// The control connection of PPTP; its packets go beside it.
    Pptp,
}

/// Recognises the payload of one datagram.
pub fn recognise_udp(payload: &[u8], source_port: u16, destination_port: u16) -> Option<Tunnel> {
    let found = by_shape(payload, source_port, destination_port)?;
    (!is_other_protocol(payload, source_port, destination_port)).then_some(found)
}

fn by_shape(payload: &[u8], source_port: u16, destination_port: u16) -> Option<Tunnel> {
    let on = |port: u16| source_port == port || destination_port == port;
    if is_wireguard(payload) {
        return Some(Tunnel::WireGuard);
    }
    if on(IKE_NAT_PORT)
        && let Some(tunnel) = nat_traversal(payload)
    {
        return Some(tunnel);
    }
    if is_ike(payload) || (on(IKE_PORT) && is_ike_cut(payload)) {
        return Some(Tunnel::Ike);
    }
    if is_tailscale(payload) {
        return Some(Tunnel::Tailscale);
    }
    if on(ZEROTIER_PORT) && is_zerotier(payload) {
        return Some(Tunnel::ZeroTier);
    }
    openvpn::is_datagram(payload, on(openvpn::PORT)).then_some(Tunnel::OpenVpn)
}

/// Recognises the first bytes of a TCP stream, of either side.
pub fn recognise_tcp(
    first: &[u8],
    source_port: u16,
    destination_port: u16,
) -> Option<StreamOpening> {
    let at_home = source_port == openvpn::PORT || destination_port == openvpn::PORT;
    if is_ssh(first) {
        Some(StreamOpening::Ssh)
    } else if first.starts_with(IKE_IN_TCP) {
        Some(StreamOpening::Ipsec)
    } else if is_pptp(first) {
        Some(StreamOpening::Pptp)
    } else {
        openvpn::is_stream(first, at_home).then_some(StreamOpening::OpenVpn)
    }
}

/// What has stronger signs than a tunnel's: DNS with an id of 0x0100 to 0x0400, and on the ports where weak signs are enough STUN,
/// QUIC and DTLS.
pub(crate) fn is_other_protocol(payload: &[u8], source_port: u16, destination_port: u16) -> bool {
    stun_shape::message(payload).is_some()
        || quic_shape::shape(payload).is_some()
        || dtls_record::shape(payload).is_some()
        || dns_message::fit(payload, source_port, destination_port) == Fit::Mine
}

/// `SSH-2.0-` or the older forms (RFC 4253 §4.2). A server may send other lines before; those are not looked for.
fn is_ssh(first: &[u8]) -> bool {
    [&b"SSH-2."[..], b"SSH-1."]
        .iter()
        .any(|start| first.starts_with(start))
}

/// What a client says before its first message (RFC 9329 §3).
const IKE_IN_TCP: &[u8] = b"IKETCP";

/// A control message and its magic cookie (RFC 2637 §2): length, type, cookie, kind, zeroes.
fn is_pptp(first: &[u8]) -> bool {
    const COOKIE: u32 = 0x1a2b_3c4d;
    let mut reader = Reader::new(first);
    let length = reader
        .u16()
        .is_some_and(|length| (12..=512).contains(&length));
    length && reader.u16() == Some(1) && reader.u32() == Some(COOKIE)
}

/// Message type, three reserved zeros, and the size that goes with the type.
fn is_wireguard(payload: &[u8]) -> bool {
    /// Header (16) and tag (16) around a payload padded to 16.
    const DATA_MIN: usize = 32;
    /// The counter starts at 0 for each key, and keys live three minutes or 2^60 messages: high bits stay zero in practice.
    const COUNTER_MAX: u64 = 1 << 40;
    let Some((&[kind, 0, 0, 0], rest)) = payload.split_first_chunk::<4>() else {
        return false;
    };
    match (kind, payload.len()) {
        (1, 148) | (2, 92) | (3, 64) => true,
        (4, length) if length >= DATA_MIN && length.is_multiple_of(16) => {
            // Receiver index, then the counter in little-endian order.
            rest.get(4..)
                .and_then(<[u8]>::first_chunk::<8>)
                .is_some_and(|counter| u64::from_le_bytes(*counter) < COUNTER_MAX)
        }
        _ => false,
    }
}

const IKE_PORT: u16 = 500;
const IKE_NAT_PORT: u16 = 4500;
const IKE_HEADER_LEN: usize = 28;

/// An IKE message that fills the payload.
fn is_ike(payload: &[u8]) -> bool {
    ike_length(payload) == Some(payload.len())
}

/// An IKE message that the capture cut, or one with padding behind it.
fn is_ike_cut(payload: &[u8]) -> bool {
    ike_length(payload).is_some()
}

/// The length that an IKE header declares, if it is one.
fn ike_length(payload: &[u8]) -> Option<usize> {
    let mut reader = Reader::new(payload);
    let initiator = reader.u64()?;
    let _responder = reader.u64()?;
    let _next_payload = reader.u8()?;
    let version = reader.u8()?;
    let exchange = reader.u8()?;
    let flags = reader.u8()?;
    let _message_id = reader.u32()?;
    let length = usize::try_from(reader.u32()?).ok()?;
    let holds = match version {
        // Exchange types IKE_SA_INIT to the latest assigned; only initiator, version and response flags exist.
        0x20 => (34..=45).contains(&exchange) && flags & !0x38 == 0,
        // Exchange types of RFC 2408 and quick and new group mode; encryption, commit, authentication-only flags.
        0x10 => matches!(exchange, 1..=6 | 32 | 33) && flags & !0x07 == 0,
        _ => false,
    };
    (holds && initiator != 0 && length >= IKE_HEADER_LEN).then_some(length)
}

/// Port 4500 (RFC 3948 §2): four zeros and IKE, a keep-alive of one byte, or ESP.
fn nat_traversal(payload: &[u8]) -> Option<Tunnel> {
    /// SPI, sequence number, and the shortest encrypted part: two bytes of trailer, padded, and a tag of 12 bytes.
    const ESP_MIN: usize = 8 + 4 + 12;
    /// SPIs 1 to 255 are reserved (RFC 4303 §2.1).
    const SPI_MIN: u32 = 256;
    match payload {
        [0xff] => Some(Tunnel::EspInUdp),
        [0, 0, 0, 0, ike @ ..] => is_ike_cut(ike).then_some(Tunnel::Ike),
        _ => {
            let spi = Reader::new(payload).u32()?;
            // ESP ends on a four-byte boundary (RFC 4303 §2.4), and so do all tags in use.
            let esp = spi >= SPI_MIN && payload.len() >= ESP_MIN && payload.len().is_multiple_of(4);
            esp.then_some(Tunnel::EspInUdp)
        }
    }
}

/// Tailscale's discovery messages (`disco.go` of its client): six bytes of magic, the sender's key, a nonce and a tag around two
/// bytes at least. Its packets are WireGuard's.
fn is_tailscale(payload: &[u8]) -> bool {
    const MAGIC: &[u8] = b"TS\xf0\x9f\x92\xac";
    const LEAST: usize = 6 + 32 + 24 + 16 + 2;
    payload.starts_with(MAGIC) && payload.len() >= LEAST
}

const ZEROTIER_PORT: u16 = 9993;

/// ZeroTier (`Packet.hpp` of its client): packet id, receiver and sender of 40 bits each, flags with cipher and hops, a tag. All but
/// the first message of a session is encrypted; a piece of a packet has 0xff where the sender would begin.
fn is_zerotier(payload: &[u8]) -> bool {
    const HEADER: usize = 28;
    const PIECE: usize = 16;
    let mut reader = Reader::new(payload);
    let (Some(_), Some(to), Some(from)) = (reader.u64(), reader.array::<5>(), reader.array::<5>())
    else {
        return false;
    };
    // Addresses are no zeroes, and 0xff begins none.
    let address = |a: &[u8; 5]| *a != [0; 5] && a.first() != Some(&0xff);
    if !address(&to) || to == from {
        return false;
    }
    let piece = from.first() == Some(&0xff) && payload.len() > PIECE;
    // Of eight ciphers four exist.
    let cipher = reader.u8().is_some_and(|flags| flags >> 3 & 7 < 4);
    piece || (address(&from) && cipher && payload.len() >= HEADER)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::dissect::wire::test_bytes::{Noise, hex};

    fn of_size(start: &str, size: usize) -> Vec<u8> {
        let mut bytes = hex(start);
        bytes.resize(size, 0xa5);
        bytes
    }

    fn anywhere(payload: &[u8]) -> Option<Tunnel> {
        recognise_udp(payload, 40000, 40001)
    }

    #[test]
    fn wireguard_by_type_zeros_and_size() {
        for (start, size) in [
            ("01000000", 148),
            ("02000000", 92),
            ("03000000", 64),
            ("04000000 11223344 0000000000000000", 32),
            ("04000000 11223344 0700000000000000", 1424),
        ] {
            assert_eq!(
                anywhere(&of_size(start, size)),
                Some(Tunnel::WireGuard),
                "{start}"
            );
            assert_eq!(anywhere(&of_size(start, size + 1)), None, "{start}");
            let mut unreserved = of_size(start, size);
            unreserved[2] = 1;
            assert_eq!(anywhere(&unreserved), None, "{start}");
        }
        assert_eq!(
            anywhere(&of_size("04000000 11223344 a5a5a5a5a5a5a5a5", 64)),
            None,
            "no such counter"
        );
    }

    #[test]
    fn ipsec_by_header_and_port() {
        // IKE_SA_INIT request, 40 bytes in all.
        let ike = of_size(
            "1122334455667788 0000000000000000 21 20 22 08 00000000 00000028",
            40,
        );
        assert_eq!(anywhere(&ike), Some(Tunnel::Ike));
        assert_eq!(anywhere(&ike[..39]), None);
        assert_eq!(
            recognise_udp(&ike[..39], 500, 500),
            Some(Tunnel::Ike),
            "cut by the capture"
        );
        let marked = [&[0; 4][..], &ike].concat();
        assert_eq!(recognise_udp(&marked, 40000, 4500), Some(Tunnel::Ike));
        assert_eq!(recognise_udp(&[0xff], 4500, 40000), Some(Tunnel::EspInUdp));
        let esp = of_size("c0ffee01 00000001", 100);
        assert_eq!(recognise_udp(&esp, 4500, 4500), Some(Tunnel::EspInUdp));
        assert_eq!(anywhere(&esp), None);
        assert_eq!(recognise_udp(&esp[..99], 4500, 4500), None);
        let mut no_ike = ike.clone();
        no_ike[18] = 7;
        assert_eq!(recognise_udp(&no_ike, 500, 500), None, "no such exchange");
        // IKEv1 identity protection
        let main_mode = of_size(
            "1122334455667788 0000000000000000 01 10 02 00 00000000 00000050",
            80,
        );
        assert_eq!(recognise_udp(&main_mode, 500, 500), Some(Tunnel::Ike));
    }

    #[test]
    fn overlays_of_their_own_kind() {
        let ping = of_size("5453f09f92ac", 100);
        assert_eq!(anywhere(&ping), Some(Tunnel::Tailscale));
        assert_eq!(anywhere(&ping[..60]), None);
        let hello = of_size("0102030405060708 1122334455 6677889900 00", 60);
        assert_eq!(recognise_udp(&hello, 9993, 30000), Some(Tunnel::ZeroTier));
        assert_eq!(anywhere(&hello), None);
        let piece = of_size("0102030405060708 1122334455 ff21889900", 60);
        assert_eq!(recognise_udp(&piece, 9993, 9993), Some(Tunnel::ZeroTier));
        for no in [
            "0102030405060708 0000000000 6677889900",
            "0102030405060708 1122334455 1122334455",
        ] {
            assert_eq!(recognise_udp(&of_size(no, 60), 9993, 9993), None, "{no}");
        }
    }

    #[test]
    fn ssh_opens_with_its_name() {
        assert_eq!(
            recognise_tcp(b"SSH-2.0-OpenSSH_9.6\r\n", 40000, 2222),
            Some(StreamOpening::Ssh)
        );
        assert_eq!(recognise_tcp(b"SSH", 40000, 22), None);
        assert_eq!(
            recognise_tcp(b"IKETCP\x00\x2c", 40000, 4500),
            Some(StreamOpening::Ipsec)
        );
        // Start-Control-Connection-Request (RFC 2637 §2.1).
        let request = of_size("009c 0001 1a2b3c4d 0001 0000 0100", 156);
        assert_eq!(
            recognise_tcp(&request, 40000, 1723),
            Some(StreamOpening::Pptp)
        );
    }

    #[test]
    fn what_is_no_tunnel() {
        let mut dns = hex("0100000000010000000000000377777707657861 6d706c65");
        dns.extend(hex("00 0001 0001"));
        let mut dns_148 = hex("01000000000100000000000133"); // a name that fills the message up to 148 bytes
        dns_148.resize(13 + 51, b'a');
        dns_148.push(50);
        dns_148.resize(65 + 50, b'b');
        dns_148.extend(hex("00 0001 0001 00 0029 04d0 00000000 0011 000a 000d"));
        dns_148.resize(148, 0);
        assert!(
            is_wireguard(&dns_148),
            "it has the shape, and is DNS all the same"
        );
        let others = [
            dns,
            dns_148,
            of_size("c000000001088394c8f03e5157080000449e7b9aec34", 1200), // QUIC Initial, RFC 9001 A.2
            of_size("4c", 1200),                                           // QUIC short header
            of_size("8060000100000000deadbeef", 1200),                     // RTP
            of_size("80c80006deadbeef", 28),                               // RTCP
            hex("551904e40403e0150004059afee1fedffe8000000020018083"),     // DUML
            hex("08803add0000006f"),                                       // DJI wrapper
            hex("fd0900000001010000000000000002030003034f5b"),             // MAVLink 2
            hex("fe0900010100000000000203000303d598"),                     // MAVLink 1
            hex("cc58007c685400e401c216"),                                 // Tello
            hex("0101000c2112a442414141414141414141414141002000080001e2420e13a641"), // STUN
            of_size("2300062000000000", 48),                               // NTP client
            of_size("16fefd0000000000000000", 120),                        // DTLS
            hex("00000000 0001 0000 00000000"), // mDNS with nothing in it
            b"M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\n\r\n".to_vec(),
            b"$GPRMC,123519,A,4807.038,N".to_vec(),
            vec![0; 148],
            Vec::new(),
        ];
        for other in &others {
            assert_eq!(anywhere(other), None, "{other:02x?}");
            assert_eq!(recognise_tcp(other, 40000, 40001), None, "{other:02x?}");
        }
        let mut noise = Noise(3);
        for round in 0..50_000 {
            let length = [14, 26, 28, 32, 42, 54, 64, 66, 86, 92, 148][round % 11];
            let mut bytes = noise.bytes(length);
            bytes[0] = [0x38, 0x40, 0x50, 0x20, 0x28, 4][round % 6];
            assert_eq!(anywhere(&bytes), None, "{bytes:02x?}");
            assert_eq!(recognise_tcp(&bytes, 40000, 443), None, "{bytes:02x?}");
        }
    }
}
