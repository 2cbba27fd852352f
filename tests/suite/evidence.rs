//! What a packet is believed: checksums left to the card, bytes acknowledged, bytes that no packet holds, names behind noise.

use crate::support::craft::{
    ACK, Capture, Connection, DRONE, PHONE, PSH, ROUTER, RST, checksum, client_hello, forged, tcp,
    udp,
};
use crate::support::random::Random;
use crate::support::{assert_adds_up, check_here, gaps, reasons};
use serde_json::Value;
use tempfile::TempDir;

const VENDOR: &str = "flysafe-api.dji.com";
const HOST: &str = "47.88.60.14:443";

fn judged(capture: Capture) -> (u8, Value) {
    let scratch = TempDir::new().expect("a scratch folder");
    let path = capture.in_order().save(scratch.path());
    let judged = check_here(&path, &[], scratch.path()).expect("it is a capture");
    assert_adds_up(&judged.1);
    judged
}

fn flight() -> Capture {
    let mut capture = Capture::new();
    capture.flight(0, 70);
    capture
}

fn named(report: &Value) -> Vec<&str> {
    let all = report["destinations"].as_array().into_iter().flatten();
    let names = all.flat_map(|d| d["names"].as_array().into_iter().flatten());
    names.filter_map(|n| n["name"].as_str()).collect()
}

/// The checksum field as it is left to a network card: the sum of the pseudo header.
fn left_to_the_card(mut packet: Vec<u8>) -> Vec<u8> {
    let v4 = packet[0] >> 4 == 4;
    let (head, ends, next) = match v4 {
        true => (20, 12..20, packet[9]),
        false => (40, 8..40, packet[6]),
    };
    let length = (packet.len() - head) as u16;
    let sum = !checksum(&[&packet[ends], &[0, next], &length.to_be_bytes()]);
    let at = head + if next == 6 { 16 } else { 6 };
    packet[at..at + 2].copy_from_slice(&sum.to_be_bytes());
    packet
}

#[test]
fn a_checksum_left_to_the_card_is_told_packet_by_packet() {
    let ends = [
        (format!("{PHONE}:40001"), HOST.to_owned()),
        (
            "[fd00::20]:40001".to_owned(),
            "[2408:4002::9]:443".to_owned(),
        ),
    ];
    for (from, to) in ends {
        let hello = tcp(&from, &to, (1001, 9001), PSH | ACK, &client_hello(VENDOR));
        for (packet, believed) in [
            (left_to_the_card(hello.clone()), true),
            (
                {
                    let mut wrong = left_to_the_card(hello.clone());
                    let at = if wrong[0] >> 4 == 4 { 37 } else { 57 };
                    wrong[at] ^= 1;
                    wrong
                },
                false,
            ),
        ] {
            let mut capture = flight();
            // The sender's other sums are right.
            let near = from.replace("40001", "5000");
            for n in 0..6 {
                if near.starts_with('[') {
                    let said = udp(&near, "[fd00::fe]:5001", b"\xff\xfe");
                    capture.ip(20.0 + f64::from(n), &said);
                }
            }
            capture.ip(31.0, &packet);
            let (code, report) = judged(capture);
            assert_eq!(named(&report) == [VENDOR], believed, "{to}");
            assert_eq!(code == 1, believed, "{to}");
            assert_eq!(gaps(&report).contains(&"unreadable-packets"), !believed);
        }
    }
}

#[test]
fn a_wrong_checksum_is_believed_when_its_bytes_are_acknowledged_and_no_good_copy_was_captured() {
    for (acknowledged, good_copy) in [(true, false), (false, false), (true, true)] {
        let mut capture = flight();
        let mut c = Connection::open(&mut capture, 31.0, 40001, HOST);
        let hello = client_hello(VENDOR);
        capture.ip(31.1, &forged(c.out(PSH | ACK, &hello)));
        if good_copy {
            capture.ip(
                31.2,
                &c.out(PSH | ACK, &client_hello("www.our-example.org")),
            );
        }
        c.sent += hello.len() as u32;
        if acknowledged {
            let numbers = (c.received, c.sent);
            capture.ip(31.3, &tcp(&c.server, &c.client, numbers, ACK, b""));
        }
        let (code, report) = judged(capture);
        let believed = acknowledged && !good_copy;
        assert_eq!(code == 1, believed, "{acknowledged} {good_copy}");
        assert_eq!(named(&report).contains(&VENDOR), believed);
        // Believed or not, its bytes may have been changed on the way to the recorder.
        let told = gaps(&report).contains(&"unreadable-packets");
        assert!(told, "{acknowledged} {good_copy}");
    }
}

#[test]
fn a_name_behind_many_segments_or_datagrams_of_noise_is_read() {
    let mut random = Random(11);
    let mut noise = |length: usize| [vec![0xff], random.noise(length)].concat();
    let connect = format!("CONNECT {VENDOR}:443 HTTP/1.1\r\nHost: {VENDOR}:443\r\n\r\n");
    for request in [client_hello(VENDOR), connect.into_bytes()] {
        let mut capture = flight();
        let mut c = Connection::open(&mut capture, 20.0, 40001, &format!("{ROUTER}:3128"));
        for n in 0..40 {
            c.say(&mut capture, 21.0 + f64::from(n) / 10.0, &noise(300));
        }
        c.say(&mut capture, 26.0, &request);
        let (code, report) = judged(capture);
        assert_eq!((code, reasons(&report)), (1, vec!["vendor-contact"]));
    }
    // All within a second.
    let (from, to) = (format!("{PHONE}:5000"), format!("{ROUTER}:5001"));
    let proxy_uri = format!("coap://{VENDOR}");
    let length = proxy_uri.len() as u8;
    let coap = [
        &[0x40, 1, 0x12, 0x34, 0xdd, 35 - 13, length - 13][..],
        proxy_uri.as_bytes(),
    ]
    .concat();
    for (request, code) in [(coap, 1), (noise(40), 0)] {
        let mut capture = flight();
        for n in 0..40 {
            capture.ip(20.0 + f64::from(n) / 100.0, &udp(&from, &to, &noise(300)));
        }
        capture.ip(20.5, &udp(&from, &to, &request));
        let judged = judged(capture);
        assert_eq!((judged.0, named(&judged.1).len()), (code, code as usize));
    }
}

#[test]
fn bytes_acknowledged_that_no_packet_holds_are_lost_packets() {
    let server = format!("{DRONE}:9000");
    let said = |drop: Option<usize>, late: bool, from: usize, reset: bool| {
        let mut capture = flight();
        let mut c = Connection {
            client: format!("{PHONE}:40001"),
            server: server.clone(),
            sent: 1001,
            received: 9001,
        };
        if from == 0 {
            c = Connection::open(&mut capture, 20.0, 40001, &server);
        }
        let mut missing = None;
        for n in 0..12 {
            let at = 21.0 + n as f64 / 10.0;
            let payload = [b"state of the link ", &[b'a' + n as u8; 80][..]].concat();
            let segment = c.out(PSH | ACK, &payload);
            c.sent += payload.len() as u32;
            if n < from {
                continue;
            }
            if drop == Some(n) {
                missing = Some(segment);
            } else {
                capture.ip(at, &segment);
            }
            // What was lost on the way is acknowledged when it has come again.
            let numbers = (c.received, c.sent);
            if missing.is_none() || !late {
                capture.ip(at + 0.01, &tcp(&server, &c.client, numbers, ACK, b""));
            }
        }
        if let (Some(segment), true) = (missing, late) {
            capture.ip(22.5, &segment);
            let numbers = (c.received, c.sent);
            capture.ip(22.6, &tcp(&server, &c.client, numbers, ACK, b""));
        }
        if reset {
            let numbers = (c.received, c.sent + 5000);
            capture.ip(23.0, &tcp(&server, &c.client, numbers, RST | ACK, b""));
        }
        let (code, report) = judged(capture);
        let lost = gaps(&report).contains(&"lost-packets");
        assert_eq!(code, if lost { 3 } else { 0 }, "{:?}", gaps(&report));
        lost
    };
    assert!(said(Some(5), false, 0, false), "a dropped segment");
    assert!(!said(None, false, 0, false), "nothing dropped");
    assert!(!said(Some(5), true, 0, false), "sent again later");
    assert!(!said(None, false, 4, false), "the capture starts inside");
    assert!(!said(None, false, 0, true), "the tail of a reset");
}
