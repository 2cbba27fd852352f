//! Whatever carries an upload to China, and whatever its packets call themselves, no claim about
//! places, uploads or content is `consistent` over it.
//!
//! A sample runs with the tests; `CARRIER_RUNS=2000` makes that many, `CARRIER_ONLY` runs one alone and
//! keeps its capture.

use crate::support::craft::{
    ACK, Capture, PHONE, PSH, RST, SYN, at, checksum, client_hello, dns_question, hex, ip, tcp, udp,
};
use crate::support::random::Random;
use crate::support::{assert_adds_up, check_here};
use std::fs;
use tempfile::TempDir;

/// Seconds of each capture; the upload begins at 35.
const LENGTH: u32 = 90;
const CONTACT: f64 = 35.0;

/// An address in China, by all databases.
const FAR: &str = "114.55.20.1";

/// Ways to carry bytes to [`FAR`], whatever the packets call themselves: from a port, some bytes.
type Carrier = fn(port: u16, piece: &[u8], random: &mut Random) -> Vec<u8>;

/// A datagram to a port of the far end.
fn datagram(port: u16, to: u16, payload: &[u8]) -> Vec<u8> {
    udp(&format!("{PHONE}:{port}"), &format!("{FAR}:{to}"), payload)
}

/// An IP packet of another protocol.
fn numbered(protocol: u8, body: &[&[u8]]) -> Vec<u8> {
    ip(at(PHONE), at(FAR), protocol, &body.concat())
}

/// An ICMP message with its checksum.
fn icmp(head: &str, piece: &[u8]) -> Vec<u8> {
    let mut body = [&hex(head)[..], piece].concat();
    let sum = checksum(&[&body]);
    body[2..4].copy_from_slice(&sum.to_be_bytes());
    ip(at(PHONE), at(FAR), 1, &body)
}

fn base32(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    bytes
        .iter()
        .map(|b| char::from(DIGITS[usize::from(b & 31)]))
        .collect()
}

/// Datagrams and packets that carry a piece each.
fn datagram_carriers() -> Vec<(&'static str, Carrier)> {
    vec![
        ("UDP", |port, piece, _| datagram(port, 9000, piece)),
        ("bytes behind a DNS question", |port, piece, _| {
            datagram(
                port,
                53,
                &[&dns_question(7, "time.android.com")[..], piece].concat(),
            )
        }),
        ("a private EDNS option", |port, piece, _| {
            let mut message = dns_question(7, "pool.ntp.org");
            message[11] = 1;
            message.extend(hex("00 0029 04d0 00000000"));
            message.extend((piece.len() as u16 + 4).to_be_bytes());
            message.extend(65_001_u16.to_be_bytes());
            message.extend((piece.len() as u16).to_be_bytes());
            datagram(port, 53, &[&message[..], piece].concat())
        }),
        ("names of a DNS tunnel", |port, piece, _| {
            let labels: Vec<String> = piece.chunks(58).take(3).map(base32).collect();
            datagram(
                port,
                53,
                &dns_question(7, &format!("{}.cdn.example.net", labels.join("."))),
            )
        }),
        ("STUN padding", |port, piece, _| {
            let length = piece.len() as u16;
            let mut message = hex("0001");
            message.extend((length + 4).to_be_bytes());
            message.extend(hex("2112a442 000102030405060708090a0b 0026"));
            message.extend(length.to_be_bytes());
            message.extend(piece);
            datagram(port, 3478, &message)
        }),
        ("NTP with a tail", |port, piece, _| {
            let mut message = vec![0x23];
            message.resize(48, 0);
            datagram(port, 123, &[&message[..], piece].concat())
        }),
        ("QUIC Handshake packets", |port, piece, _| {
            let length = 0x4000 | (piece.len() as u16);
            let head = [
                &hex("e0 00000001 08 0102030405060708 04 01020304")[..],
                &length.to_be_bytes(),
            ]
            .concat();
            datagram(port, 443, &[&head[..], piece].concat())
        }),
        (
            "QUIC Initial packets that nobody can open",
            |port, piece, _| {
                let length = 0x4000 | (piece.len() as u16);
                let head = [
                    &hex("c0 00000001 08 0102030405060708 04 01020304 00")[..],
                    &length.to_be_bytes(),
                ]
                .concat();
                datagram(port, 443, &[&head[..], piece].concat())
            },
        ),
        ("sealed DTLS handshake records", |port, piece, random| {
            let head = [
                &hex("16 fefd 0001 0000")[..],
                &(random.next() as u32).to_be_bytes(),
                &(piece.len() as u16).to_be_bytes(),
            ]
            .concat();
            datagram(port, 4433, &[&head[..], piece].concat())
        }),
        ("echo requests", |_, piece, _| {
            icmp("0800 0000 0001 0001", piece)
        }),
        ("ICMP errors", |_, piece, _| {
            let quoted = udp(&format!("{FAR}:4000"), &format!("{PHONE}:5000"), piece);
            icmp("0303 0000 00000000", &quoted)
        }),
        ("ICMP of an unknown type", |_, piece, _| {
            icmp("fd00 0000 00000000", piece)
        }),
        ("an unknown protocol", |_, piece, _| numbered(253, &[piece])),
        ("options of IP", |port, piece, _| {
            // Forty bytes at most (RFC 791 §3.1): the header of a datagram without payload is made anew.
            let option = [&[222, 38][..], &piece[..36], &[0, 0]].concat();
            let packet = datagram(port, 9000, b"");
            let mut header = packet[..20].to_vec();
            header[0] = 0x4f;
            let total = (packet.len() + option.len()) as u16;
            header[2..4].copy_from_slice(&total.to_be_bytes());
            header[10..12].fill(0);
            header.extend(option);
            let sum = checksum(&[&header]);
            header[10..12].copy_from_slice(&sum.to_be_bytes());
            [&header[..], &packet[20..]].concat()
        }),
        ("UDP-Lite", |port, piece, _| {
            numbered(136, &[&port.to_be_bytes(), &hex("2328 0008 0000"), piece])
        }),
        ("ESP", |_, piece, _| {
            numbered(50, &[&hex("00000007 00000001"), piece])
        }),
        ("GRE without IP in it", |_, piece, _| {
            numbered(47, &[&hex("0000 6003"), piece])
        }),
        ("STUN user names", |port, piece, _| {
            let name = &piece[..128];
            let head = hex("0001 0084 2112a442 000102030405060708090a0b 0006 0080");
            datagram(port, 3478, &[&head[..], name].concat())
        }),
        ("TURN channel data", |port, piece, _| {
            let length = (piece.len() as u16).to_be_bytes();
            datagram(port, 3478, &[&hex("4001")[..], &length, piece].concat())
        }),
        ("RTP", |port, piece, random| {
            let counted = (random.next() as u32).to_be_bytes();
            let head = [&hex("8060")[..], &counted[..2], &counted, &hex("01020304")].concat();
            datagram(port, 5004, &[&head[..], piece].concat())
        }),
        ("DTLS application data", |port, piece, random| {
            let counted = (random.next() as u32).to_be_bytes();
            let length = (piece.len() as u16).to_be_bytes();
            let head = [&hex("17 fefd 0001 0000")[..], &counted, &length].concat();
            datagram(port, 4433, &[&head[..], piece].concat())
        }),
        ("DTLS alerts", |port, piece, random| {
            let counted = (random.next() as u32).to_be_bytes();
            let length = (piece.len() as u16).to_be_bytes();
            let head = [&hex("15 fefd 0001 0000")[..], &counted, &length].concat();
            datagram(port, 4433, &[&head[..], piece].concat())
        }),
        ("ESP in UDP", |port, piece, _| {
            datagram(port, 4500, &[&hex("00000007 00000001")[..], piece].concat())
        }),
        ("chunks of SCTP", |port, piece, _| {
            let length = (piece.len() as u16 + 16).to_be_bytes();
            let head = [
                &port.to_be_bytes()[..],
                &hex("2328 00000001 00000000 00 03"),
            ]
            .concat();
            let rest = hex("00000001 0000 0000 00000000");
            numbered(132, &[&head, &length, &rest, piece])
        }),
        ("ICMP errors of all codes", |port, piece, _| {
            let quoted = udp(&format!("{FAR}:4000"), &format!("{PHONE}:5000"), piece);
            icmp(&format!("03{:02x} 0000 00000000", port % 16), &quoted)
        }),
        ("time stamps", |_, piece, _| {
            icmp("0d00 0000 0001 0001", piece)
        }),
        ("AH", |_, piece, _| {
            numbered(
                51,
                &[
                    &hex("fd 04 0000 00000007 00000001 010203040506070809101112"),
                    piece,
                ],
            )
        }),
        ("SYNs with payload", |port, piece, random| {
            tcp(
                &format!("{PHONE}:{port}"),
                &format!("{FAR}:443"),
                (random.next() as u32, 0),
                SYN,
                piece,
            )
        }),
        ("resets with payload", |port, piece, random| {
            tcp(
                &format!("{PHONE}:{port}"),
                &format!("{FAR}:443"),
                (random.next() as u32, 1),
                RST | ACK,
                piece,
            )
        }),
    ]
}

/// What is put around a piece in a stream.
type Framing = fn(&[u8]) -> Vec<u8>;

/// Records of a TLS stream that carry a piece each.
fn stream_carriers() -> Vec<(&'static str, Framing)> {
    fn record(kind: u8, piece: &[u8]) -> Vec<u8> {
        [
            &[kind, 3, 3][..],
            &(piece.len() as u16).to_be_bytes(),
            piece,
        ]
        .concat()
    }
    vec![
        ("heartbeats", |piece| record(24, piece)),
        ("change-cipher records", |piece| record(20, piece)),
        ("alerts", |piece| record(21, piece)),
        ("handshake records", |piece| record(22, piece)),
        ("application data", |piece| record(23, piece)),
        ("records of no type", |piece| record(99, piece)),
        ("bytes of no protocol", <[u8]>::to_vec),
        ("HTTP header fields", |piece| {
            format!(
                "GET / HTTP/1.1\r\nHost: {FAR}\r\nX-A: {}\r\n\r\n",
                base32(piece)
            )
            .into_bytes()
        }),
        ("DNS over TCP", |piece| {
            let message = [&dns_question(7, "pool.ntp.org")[..], piece].concat();
            [&(message.len() as u16).to_be_bytes()[..], &message].concat()
        }),
        ("MQTT messages", |piece| {
            let length = piece.len() + 3;
            let sized = [0x30, length as u8 | 0x80, (length >> 7) as u8, 0, 1, b'a'];
            [&sized[..], piece].concat()
        }),
        ("SSH packets", |piece| {
            [&(piece.len() as u32).to_be_bytes()[..], piece].concat()
        }),
        ("WebSocket frames", |piece| {
            [
                &[0x82, 0xfe][..],
                &(piece.len() as u16).to_be_bytes(),
                &[0, 0, 0, 0],
                piece,
            ]
            .concat()
        }),
    ]
}

/// A hundred thousand bytes to China from the declared phone, in a flight.
fn upload(number: u64) -> (Capture, String) {
    let mut random = Random(number.wrapping_mul(0x9e6c_63d0_876a_46ad) ^ 0xb17e);
    let random = &mut random;
    let mut capture = Capture::new();
    capture.flight(0, LENGTH);
    let size = random.pick(&[300, 700, 1200]);
    let pieces = 100_000 / size + 1;
    let (datagrams, streams) = (datagram_carriers(), stream_carriers());
    let choice = random.below(datagrams.len() + streams.len());
    let story;
    if let Some((id, carry)) = datagrams.get(choice) {
        let ports = random.pick(&[1, 1, 40, 300]);
        story = format!("{number}: {id}, {size} bytes each, from {ports} ports");
        for n in 0..pieces {
            // A name has room for 170 bytes or so, options for 36.
            let times = if id.contains("names") {
                size / 128 + 1
            } else if id.contains("options") {
                size / 36 + 1
            } else {
                1
            };
            for k in 0..times {
                let piece = random.noise(size);
                let packet = carry(42_000 + ((n * times + k) % ports) as u16, &piece, random);
                capture.ip(CONTACT + n as f64 * 0.01 + k as f64 * 0.001, &packet);
            }
        }
    } else {
        let (id, frame) = streams[choice - datagrams.len()];
        let flows = random.pick(&[1, 1, 10]);
        story = format!("{number}: {id}, {size} bytes each, in {flows} connections");
        for flow in 0..flows {
            let client = format!("{PHONE}:{}", 43_000 + flow);
            let server = format!("{FAR}:443");
            let (mut seq, start) = (random.next() as u32, CONTACT + f64::from(flow as u32));
            capture.ip(start, &tcp(&client, &server, (seq, 0), SYN, b""));
            seq = seq.wrapping_add(1);
            capture.ip(
                start + 0.001,
                &tcp(&server, &client, (77, seq), SYN | ACK, b""),
            );
            let opening = match id {
                "SSH packets" => b"SSH-2.0-OpenSSH_9.6\r\n".to_vec(),
                "WebSocket frames" => format!("GET /s HTTP/1.1\r\nHost: {FAR}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n").into_bytes(),
                "MQTT messages" => hex("10 0d 0004 4d515454 04 02 003c 0001 61"),
                "bytes of no protocol" | "HTTP header fields" | "DNS over TCP" => Vec::new(),
                _ => client_hello("cdn.example.net"),
            };
            let said = std::iter::once(opening)
                .chain((0..=pieces / flows).map(|_| frame(&random.noise(size))));
            for (n, bytes) in said.enumerate().filter(|(_, bytes)| !bytes.is_empty()) {
                let when = start + 0.01 + n as f64 * 0.01;
                capture.ip(when, &tcp(&client, &server, (seq, 78), PSH | ACK, &bytes));
                seq = seq.wrapping_add(bytes.len() as u32);
                capture.ip(when + 0.001, &tcp(&server, &client, (78, seq), ACK, b""));
            }
        }
    }
    (capture.in_order(), story)
}

#[test]
fn no_carrier_takes_an_upload_to_china_without_a_word() {
    let number = |name| {
        std::env::var(name)
            .ok()
            .and_then(|n: String| n.parse::<u64>().ok())
    };
    let only = number("CARRIER_ONLY");
    let runs = number("CARRIER_RUNS").unwrap_or(90);
    let scratch = TempDir::new().expect("a scratch folder");
    let mut acquitted = Vec::new();
    for n in only.map_or(0..runs, |one| one..one + 1) {
        let (capture, story) = upload(n);
        let path = capture.save(scratch.path());
        if only.is_some() {
            fs::copy(
                &path,
                std::env::temp_dir().join(format!("carrier-{n}.pcap")),
            )
            .expect("copied");
        }
        for claim in [
            "no-cn-hk-tw",
            "no-unshared-upload",
            "no-personal-data",
            "local-data-mode",
        ] {
            let options = ["--no-hash", "--device", PHONE, "--claim", claim];
            let (code, report) = check_here(&path, &options, scratch.path()).expect("a capture");
            assert_adds_up(&report);
            if code == 0 {
                acquitted.push(format!("{story}: {claim}"));
            }
        }
    }
    assert!(
        acquitted.is_empty(),
        "{} of {runs} became consistent:\n{}",
        acquitted.len(),
        acquitted[..acquitted.len().min(60)].join("\n")
    );
}
