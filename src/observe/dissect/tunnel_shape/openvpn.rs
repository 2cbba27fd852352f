//! OpenVPN packets: opcode and key id, then session id, acknowledgements and packet number in clear or behind an HMAC.
//!
//! As in OpenVPN's `ssl_pkt.h` and the openvpn-rfc wire protocol draft. Strong signs are the resets that open a session, whose layout is fixed in
//! each of the three modes (plain, tls-auth, tls-crypt), and a plain control packet that carries a TLS record.

use crate::observe::dissect::wire::Reader;

/// Registered port (IANA), UDP and TCP.
pub(super) const PORT: u16 = 1194;

mod opcode {
    pub(super) const CONTROL_V1: u8 = 4;
    pub(super) const ACK_V1: u8 = 5;
    pub(super) const DATA_V1: u8 = 6;
    pub(super) const RESET_CLIENT_V2: u8 = 7;
    pub(super) const RESET_SERVER_V2: u8 = 8;
    pub(super) const DATA_V2: u8 = 9;
    pub(super) const RESET_CLIENT_V3: u8 = 10;
    /// Resets of version 1 are 1 and 2, the soft reset is 3, the control packet with a wrapped key is the last.
    pub(super) const ALL: std::ops::RangeInclusive<u8> = 1..=11;
}

/// HMAC sizes of tls-auth: MD5, SHA-1, SHA-256, SHA-384, SHA-512.
const HMAC_SIZES: [usize; 5] = [16, 20, 32, 48, 64];
/// tls-crypt: opcode, session id, packet id and time (8), HMAC-SHA-256 (32).
const CRYPT_HEADER_LEN: usize = 1 + 8 + 8 + 32;
/// Opcode, session id, an empty list of acknowledgements, packet number 0.
const CLIENT_RESET_LEN: usize = 1 + 8 + 5;
/// The server acknowledges packet 0 and names the client's session.
const SERVER_RESET_LEN: usize = 1 + 8 + 17;
/// Longest TCP frame: OpenVPN's buffers hold a tunnel MTU and its overhead.
const FRAME_MAX: usize = 16 * 1024;

/// Recognises one packet. On the registered port a valid opcode and enough bytes are taken as a sign.
pub(super) fn is_datagram(packet: &[u8], at_home: bool) -> bool {
    is_reset(packet) || is_plain_control(packet) || (at_home && could_be(packet))
}

/// Recognises the start of a stream: a length, and a packet of that length as far as it is there.
pub(super) fn is_stream(first: &[u8], at_home: bool) -> bool {
    let mut reader = Reader::new(first);
    let Some(length) = reader.u16().map(usize::from) else {
        return false;
    };
    let rest = reader.rest();
    match rest.get(..length) {
        Some(packet) => is_datagram(packet, at_home),
        None => at_home && length <= FRAME_MAX && could_be(rest),
    }
}

fn split(packet: &[u8]) -> Option<(u8, u8)> {
    packet.first().map(|first| (first >> 3, first & 0x07))
}

fn could_be(packet: &[u8]) -> bool {
    // Opcode, peer id, packet number and tag are the least that a data packet has.
    const DATA_MIN: usize = 1 + 3 + 4 + 16;
    match split(packet) {
        Some((opcode::DATA_V1 | opcode::DATA_V2, _)) => packet.len() >= DATA_MIN,
        Some((opcode, _)) => opcode::ALL.contains(&opcode) && packet.len() >= CLIENT_RESET_LEN,
        None => false,
    }
}

/// The packets that open a session, in every mode; their key id is 0.
fn is_reset(packet: &[u8]) -> bool {
    match split(packet) {
        Some((opcode::RESET_CLIENT_V2, 0)) => {
            tail_holds(packet, CLIENT_RESET_LEN, is_client_reset_tail)
                || (packet.len() == CRYPT_HEADER_LEN + 5 && replay_holds(packet, 9))
        }
        Some((opcode::RESET_SERVER_V2, 0)) => {
            tail_holds(packet, SERVER_RESET_LEN, is_server_reset_tail)
                || (packet.len() == CRYPT_HEADER_LEN + 17 && replay_holds(packet, 9))
        }
        // tls-crypt-v2: the wrapped client key follows and ends in its own length.
        Some((opcode::RESET_CLIENT_V3, 0)) => {
            let wrapped = packet
                .split_last_chunk::<2>()
                .map(|(_, length)| usize::from(u16::from_be_bytes(*length)));
            wrapped
                .is_some_and(|length| length > 32 && packet.len() == CRYPT_HEADER_LEN + 5 + length)
                && replay_holds(packet, 9)
        }
        _ => false,
    }
}

/// Plain: the tail follows the session id. tls-auth: HMAC, packet id and time stand between.
fn tail_holds(packet: &[u8], plain_len: usize, tail: impl Fn(&[u8]) -> bool) -> bool {
    let extra = packet.len().wrapping_sub(plain_len);
    let authenticated = HMAC_SIZES.iter().find(|&&hmac| hmac + 8 == extra);
    let replayed = match authenticated {
        Some(hmac) => replay_holds(packet, 9 + hmac),
        None => extra == 0,
    };
    let tail_len = plain_len - 9;
    replayed
        && packet
            .len()
            .checked_sub(tail_len)
            .and_then(|at| packet.get(at..))
            .is_some_and(tail)
}

fn is_client_reset_tail(tail: &[u8]) -> bool {
    tail == [0; 5]
}

/// One acknowledgement, of packet 0; the client's session; packet number 0.
fn is_server_reset_tail(tail: &[u8]) -> bool {
    tail.starts_with(&[1, 0, 0, 0, 0]) && tail.ends_with(&[0; 4])
}

/// Packet id and time against replay: ids start at 1, and versions from 2.6 set the upper byte to 0x0f to say what they can.
fn replay_holds(packet: &[u8], at: usize) -> bool {
    /// A few resets are lost at most.
    const ID_MAX: u32 = 64;
    /// Unix time from 2004, when the field came, to 2106, when it ends.
    const TIME_MIN: u32 = 0x4000_0000;
    let Some(mut reader) = Reader::at(packet, at) else {
        return false;
    };
    let (Some(id), Some(time)) = (reader.u32(), reader.u32()) else {
        return false;
    };
    (1..=ID_MAX).contains(&(id & 0x00ff_ffff)) && matches!(id >> 24, 0 | 0x0f) && time >= TIME_MIN
}

/// A control packet in plain mode: acknowledgements, the packet number, and a TLS record.
fn is_plain_control(packet: &[u8]) -> bool {
    /// Acknowledgements in one packet (`CONTROL_SEND_ACK_MAX` is 4; the wire allows 8).
    const ACKS_MAX: usize = 8;
    /// Handshakes take some dozen packets.
    const NUMBER_MAX: u32 = 1 << 16;
    let Some((kind @ (opcode::CONTROL_V1 | opcode::ACK_V1), _)) = split(packet) else {
        return false;
    };
    let mut reader = Reader::new(packet);
    let Some(acks) = reader
        .take(9)
        .and_then(|_| reader.u8())
        .map(usize::from)
        .filter(|&acks| acks <= ACKS_MAX)
    else {
        return false;
    };
    for _ in 0..acks {
        if reader.u32().is_none_or(|number| number >= NUMBER_MAX) {
            return false;
        }
    }
    if acks > 0 && reader.take(8).is_none() {
        return false;
    }
    if kind == opcode::ACK_V1 {
        return acks > 0 && reader.is_empty();
    }
    let Some(number) = reader.u32() else {
        return false;
    };
    number < NUMBER_MAX && matches!(reader.rest(), [20..=23, 3, 0..=4, ..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::dissect::wire::test_bytes::hex;

    const SESSION: &str = "0102030405060708";
    /// Packet id 1 and a time in 2024.
    const REPLAY: &str = "00000001 66000000";

    fn packet(parts: &[&str]) -> Vec<u8> {
        hex(&parts.concat())
    }

    #[test]
    fn resets_of_every_mode() {
        let ack = format!("01 00000000 {SESSION} 00000000");
        let mut resets = vec![
            packet(&["38", SESSION, "00 00000000"]),
            packet(&["40", SESSION, &ack]),
        ];
        for hmac in HMAC_SIZES {
            let hmac = "a7".repeat(hmac);
            resets.push(packet(&["38", SESSION, &hmac, REPLAY, "00 00000000"]));
            resets.push(packet(&["40", SESSION, &hmac, REPLAY, &ack]));
        }
        let hmac = "a7".repeat(32);
        resets.push(packet(&["38", SESSION, REPLAY, &hmac, "5a5a5a5a5a"]));
        resets.push(packet(&[
            "38",
            SESSION,
            "0f000001 66000000",
            &hmac,
            "5a5a5a5a5a",
        ]));
        resets.push(packet(&["40", SESSION, REPLAY, &hmac, &"5a".repeat(17)]));
        resets.push(packet(&[
            "50",
            SESSION,
            REPLAY,
            &hmac,
            "5a5a5a5a5a",
            &"c3".repeat(288),
            "0122",
        ]));
        for reset in &resets {
            assert!(is_datagram(reset, false), "{reset:02x?}");
            let stream = [
                &u16::try_from(reset.len()).unwrap().to_be_bytes()[..],
                reset,
            ]
            .concat();
            assert!(is_stream(&stream, false));
            for cut in 0..reset.len() {
                assert!(
                    !is_datagram(&reset[..cut], false),
                    "{reset:02x?} cut at {cut}"
                );
            }
        }
    }

    #[test]
    fn control_packets_with_tls_inside_and_data_at_home() {
        let control = packet(&[
            "20",
            SESSION,
            "01 00000001",
            SESSION,
            "00000002 16030300500b",
        ]);
        assert!(is_datagram(&control, false));
        assert!(is_datagram(
            &packet(&["28", SESSION, "02 00000001 00000002", SESSION]),
            false
        ));
        assert!(!is_datagram(
            &packet(&["20", SESSION, "00 00000002 474554202f"]),
            false
        ));
        let data = packet(&["48 000000", &"9c".repeat(100)]);
        assert!(is_datagram(&data, true) && !is_datagram(&data, false));
        assert!(
            !is_datagram(&packet(&["80", &"9c".repeat(100)]), true),
            "no such opcode"
        );
        assert!(!is_datagram(&[], true));
    }
}
