//! Internet use by way of a private address: every form of asking a proxy or a resolver counts.
//!
//! Each conversation is put behind an honest flight, so that missing it would give `consistent`.

use crate::support::craft::{Capture, Connection, PHONE, ROUTER, client_hello, dns_question, udp};
use crate::support::{accounted, assert_adds_up, check_here, reasons};
use serde_json::{Value, json};
use tempfile::TempDir;

const VENDOR: &str = "flysafe-api.dji.com";

/// What the two ends of a connection say, in turn.
enum Turn {
    Phone(Vec<u8>),
    Router(Vec<u8>),
}
use Turn::{Phone, Router};

fn phone(bytes: impl AsRef<[u8]>) -> Turn {
    Phone(bytes.as_ref().to_vec())
}

fn router(bytes: impl AsRef<[u8]>) -> Turn {
    Router(bytes.as_ref().to_vec())
}

fn judged(capture: &Capture) -> (u8, Value) {
    let scratch = TempDir::new().expect("a scratch folder");
    let judged =
        check_here(&capture.save(scratch.path()), &[], scratch.path()).expect("it is a capture");
    assert_adds_up(&judged.1);
    judged
}

/// An honest flight, then this conversation with the router.
fn conversation(port: u16, turns: Vec<Turn>) -> (u8, Value) {
    let mut capture = Capture::new();
    capture.flight(0, 70);
    let mut c = Connection::open(&mut capture, 71.0, 40001, &format!("{ROUTER}:{port}"));
    for (at, turn) in turns.into_iter().enumerate() {
        let at = 72.0 + at as f64 / 100.0;
        match turn {
            Phone(bytes) => c.say(&mut capture, at, &bytes),
            Router(bytes) => c.hear(&mut capture, at, &bytes),
        }
    }
    judged(&capture)
}

/// A SOCKS 5 request (RFC 1928 §4) for the vendor's host.
fn socks_request() -> Vec<u8> {
    [
        &[5, 1, 0, 3, VENDOR.len() as u8][..],
        VENDOR.as_bytes(),
        &[1, 0xbb],
    ]
    .concat()
}

/// A SOCKS request for an address.
fn socks_address(version: u8) -> Vec<u8> {
    match version {
        5 => vec![5, 1, 0, 1, 47, 88, 60, 14, 1, 0xbb],
        _ => vec![4, 1, 1, 0xbb, 47, 88, 60, 14, b'u', 0],
    }
}

/// An HTTP/2 connection with one request: literals that are not indexed, with names of the static table (RFC 9113 §3.4, §6.2,
/// RFC 7541 §6.2.2).
fn http2(fields: &[(u8, &str)]) -> Vec<u8> {
    let block: Vec<u8> = fields
        .iter()
        .flat_map(|(name, value)| [&[*name, value.len() as u8], value.as_bytes()].concat())
        .collect();
    [
        &b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..],
        &[0, 0, 0, 4, 0, 0, 0, 0, 0],
        &[0, 0, block.len() as u8, 1, 5, 0, 0, 0, 1],
        &block,
    ]
    .concat()
}

/// The client's side of an RTMP handshake and its connect command, in one chunk of 128 bytes (Adobe RTMP 1.0 §5.2, §5.3, §7.2.1.1).
fn rtmp(url: &str) -> Vec<u8> {
    let sized = |text: &str| [&(text.len() as u16).to_be_bytes(), text.as_bytes()].concat();
    let command = [
        &[2][..],
        &sized("connect"),
        &[0, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0, 3],
        &sized("tcUrl"),
        &[2],
        &sized(url),
        &[0, 0, 9],
    ]
    .concat();
    let header = [3, 0, 0, 0, 0, 0, command.len() as u8, 20, 0, 0, 0, 0];
    [&[3][..], &[0x5a; 2 * 1536], &header, &command].concat()
}

#[test]
fn a_proxy_on_the_site_is_asked_for_the_vendor_in_many_ways() {
    let text = |text: &str| phone(text.replace('@', VENDOR));
    let ok = || router("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    let local = "GET / HTTP/1.1\r\nHost: box.local\r\n\r\n";
    let byte_by_byte = |bytes: &[u8]| bytes.iter().map(|b| phone([*b])).collect::<Vec<_>>();
    let cases: Vec<(&str, u16, Vec<Turn>)> = vec![
        (
            "CONNECT",
            3128,
            vec![text("CONNECT @:443 HTTP/1.1\r\n\r\n")],
        ),
        (
            "CONNECT with another word for a version",
            3128,
            vec![text("CONNECT @:443 HTTR/1.1\r\n\r\n")],
        ),
        (
            "a whole URI with another word for a version",
            3128,
            vec![text("GET http://@/x 1.1\r\n\r\n")],
        ),
        (
            "CONNECT in pieces",
            3128,
            vec![phone("CONN"), text("ECT @:4"), phone("43 HTTP/1.1\r\n\r\n")],
        ),
        (
            "an absolute URI",
            3128,
            vec![text("GET http://@/x HTTP/1.1\r\nHost: @\r\n\r\n")],
        ),
        (
            "an absolute URI against its Host",
            3128,
            vec![text("GET http://@/x HTTP/1.1\r\nHost: printer\r\n\r\n")],
        ),
        (
            "an absolute URI without Host",
            3128,
            vec![text("GET http://@/ HTTP/1.0\r\n\r\n")],
        ),
        (
            "another method",
            3128,
            vec![text("PROPFIND http://@/ HTTP/1.1\r\n\r\n")],
        ),
        (
            "a Host alone",
            80,
            vec![text("POST /up HTTP/1.1\r\nHost: @\r\n\r\n")],
        ),
        (
            "a second request",
            80,
            vec![
                phone(local),
                ok(),
                text("GET http://@/ HTTP/1.1\r\nHost: @\r\n\r\n"),
            ],
        ),
        (
            "a request behind a body",
            80,
            vec![text(
                "POST / HTTP/1.1\r\nHost: box.local\r\nContent-Length: 5\r\n\r\nabcdeCONNECT @:443 HTTP/1.1\r\n\r\n",
            )],
        ),
        (
            "a request behind chunks",
            80,
            vec![
                phone(
                    "POST / HTTP/1.1\r\nHost: box.local\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n",
                ),
                ok(),
                text("CONNECT @:443 HTTP/1.1\r\n\r\n"),
            ],
        ),
        (
            "SOCKS 5",
            1080,
            vec![phone([5, 1, 0]), router([5, 0]), phone(socks_request())],
        ),
        (
            "SOCKS 5 on another port",
            9050,
            vec![phone([5, 1, 0]), router([5, 0]), phone(socks_request())],
        ),
        (
            "SOCKS 5 with a password",
            1080,
            vec![
                phone([5, 2, 0, 2]),
                router([5, 2]),
                phone([1, 1, b'u', 1, b'p']),
                router([1, 0]),
                phone(socks_request()),
            ],
        ),
        (
            "SOCKS 5 byte by byte",
            1080,
            [byte_by_byte(&[5, 1, 0]), byte_by_byte(&socks_request())]
                .into_iter()
                .flatten()
                .collect(),
        ),
        (
            "SOCKS 4a",
            1080,
            vec![phone(
                [
                    &[4, 1, 1, 0xbb, 0, 0, 0, 1, b'u', 0][..],
                    VENDOR.as_bytes(),
                    &[0],
                ]
                .concat(),
            )],
        ),
        (
            "TLS to a private address",
            8443,
            vec![phone(client_hello(VENDOR))],
        ),
        ("HTTP/2", 8081, vec![phone(http2(&[(1, VENDOR)]))]),
        (
            "HTTP/2 CONNECT byte by byte",
            3128,
            byte_by_byte(&http2(&[(2, "CONNECT"), (1, &format!("{VENDOR}:443"))])),
        ),
        (
            "RTMP",
            1935,
            vec![phone(rtmp(&format!("rtmp://{VENDOR}/live")))],
        ),
        (
            "RTMP on another port, in pieces",
            8000,
            rtmp(&format!("rtmp://{VENDOR}/live"))
                .chunks(700)
                .map(phone)
                .collect(),
        ),
        (
            "RTSP",
            554,
            vec![text("DESCRIBE rtsp://@/live RTSP/1.0\r\nCSeq: 1\r\n\r\n")],
        ),
        (
            "SIP over TCP",
            5060,
            vec![text(
                "REGISTER sip:@ SIP/2.0\r\nCSeq: 1 REGISTER\r\nl: 0\r\n\r\n",
            )],
        ),
        (
            "TLS inside a tunnel to a local name",
            3128,
            vec![
                phone("CONNECT box.local:443 HTTP/1.1\r\n\r\n"),
                ok(),
                phone(client_hello(VENDOR)),
            ],
        ),
    ];
    for (what, port, turns) in cases {
        let (code, report) = conversation(port, turns);
        assert_eq!(
            (code, reasons(&report)),
            (1, vec!["vendor-contact"]),
            "{what}"
        );
        let d = &report["destinations"][0];
        assert_eq!(
            (&d["scope"], &d["host"], &d["attribution"]),
            (&json!("relayed"), &json!(VENDOR), &json!("vendor")),
            "{what}"
        );
        assert_eq!(d["via"], json!({"ip": ROUTER, "port": port}), "{what}");
        let named = what.starts_with("SOCKS") || what.contains("CONNECT");
        if named {
            assert_eq!(d["port"], 443, "{what}: the port of the target");
        }
        assert_eq!(
            accounted(&report, "local"),
            30,
            "{what}: all packets of the flow are relayed"
        );
    }
}

#[test]
fn a_proxy_that_is_given_an_address_says_where_it_goes() {
    for (what, ip, turns) in [
        (
            "CONNECT",
            "47.88.60.14",
            vec![phone("CONNECT 47.88.60.14:443 HTTP/1.1\r\n\r\n")],
        ),
        (
            "CONNECT, IPv6",
            "2606:4700::1",
            vec![phone("CONNECT [2606:4700::1]:443 HTTP/1.1\r\n\r\n")],
        ),
        (
            "SOCKS 5",
            "47.88.60.14",
            vec![phone([5, 1, 0]), router([5, 0]), phone(socks_address(5))],
        ),
        ("SOCKS 4", "47.88.60.14", vec![phone(socks_address(4))]),
    ] {
        let (code, report) = conversation(3128, turns);
        let d = &report["destinations"][0];
        assert_eq!(
            (code, &d["scope"], &d["ip"], &d["attribution"]),
            (3, &json!("relayed"), &json!(ip), &json!("unknown")),
            "{what}"
        );
    }
    let (code, report) = conversation(
        3128,
        vec![phone("CONNECT 192.168.2.9:443 HTTP/1.1\r\n\r\n")],
    );
    assert_eq!(
        (code, accounted(&report, "relayed")),
        (0, 0),
        "a target on the site"
    );
}

#[test]
fn a_resolver_on_the_site_is_asked_on_any_port_and_in_any_form() {
    let question = dns_question(7, VENDOR);
    let ask = |port: u16, message: &[u8]| {
        let mut capture = Capture::new();
        capture.flight(0, 70);
        capture.ip(
            71.0,
            &udp(
                &format!("{PHONE}:40000"),
                &format!("{ROUTER}:{port}"),
                message,
            ),
        );
        judged(&capture)
    };
    let mut update = question.clone();
    update[2] = 0x28;
    let mut second = dns_question(7, "printer.local");
    second[5] = 2;
    second.extend(&question[12..]);
    for (what, port, message) in [
        ("port 53", 53, question.clone()),
        ("another port", 5300, question.clone()),
        ("a port of something else", 443, question.clone()),
        (
            "bytes behind the question",
            53,
            [&question[..], &[0xff; 9]].concat(),
        ),
        ("another operation", 53, update),
        ("as the second question", 53, second),
    ] {
        let (code, report) = ask(port, &message);
        // What stands behind a message is payload, beside the lookup.
        let expected = match what {
            "bytes behind the question" => vec!["vendor-contact", "vendor-lookup"],
            _ => vec!["vendor-lookup"],
        };
        assert_eq!((code, reasons(&report)), (1, expected), "{what}");
        assert_eq!(accounted(&report, "relayed"), 1, "{what}");
    }
    let over_tcp = [&(question.len() as u16).to_be_bytes()[..], &question].concat();
    for turns in [
        vec![phone(&over_tcp)],
        over_tcp.iter().map(|b| phone([*b])).collect(),
    ] {
        let (code, report) = conversation(53, turns);
        assert_eq!(
            (code, reasons(&report)),
            (1, vec!["vendor-lookup"]),
            "over TCP"
        );
    }
}

#[test]
fn a_socks_client_that_does_not_wait_is_seen() {
    let (code, report) = conversation(
        1080,
        vec![phone([&[5, 1, 0][..], &socks_request()].concat())],
    );
    assert_eq!((code, reasons(&report)), (1, vec!["vendor-contact"]));
}

#[test]
fn a_request_head_beyond_the_bound_is_a_limit_that_was_reached() {
    let mut turns = vec![phone("GET / HTTP/1.1\r\nX: ")];
    turns.extend((0..150).map(|_| phone([b'a'; 1400])));
    turns.push(phone(format!("\r\nHost: {VENDOR}\r\n\r\n")));
    let (code, report) = conversation(3128, turns);
    assert_ne!(code, 0, "{:#}", report["coverage"]);
}

#[test]
fn sip_towards_a_private_address_asserts_a_name_too() {
    let register = format!(
        "REGISTER sip:{VENDOR} SIP/2.0\r\nVia: SIP/2.0/UDP {PHONE}\r\nCSeq: 1 REGISTER\r\n\r\n"
    );
    let mut capture = Capture::new();
    capture.flight(0, 70);
    capture.ip(
        71.0,
        &udp(
            &format!("{PHONE}:5060"),
            &format!("{ROUTER}:5060"),
            register.as_bytes(),
        ),
    );
    assert_eq!(judged(&capture).0, 1);
}

#[test]
fn a_turn_server_on_the_site_that_reaches_beyond_it_is_a_relay() {
    // CreatePermission (RFC 8656 §9) for 47.88.60.14, the address under the magic cookie (RFC 8489 §14.2).
    let peer: Vec<u8> = [47, 88, 60, 14]
        .iter()
        .zip([0x21, 0x12, 0xa4, 0x42])
        .map(|(a, b)| a ^ b)
        .collect();
    let message = [
        &[
            0, 8, 0, 12, 0x21, 0x12, 0xa4, 0x42, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11,
        ][..],
        &[0, 0x12, 0, 8, 0, 1, 0x12, 0x34],
        &peer,
    ]
    .concat();
    let mut capture = Capture::new();
    capture.flight(0, 70);
    let (phone, router) = (format!("{PHONE}:50000"), format!("{ROUTER}:3478"));
    capture.ip(71.0, &udp(&phone, &router, &message));
    let (code, report) = judged(&capture);
    let d = &report["destinations"][0];
    assert_eq!(
        (code, &d["scope"], &d["ip"]),
        (3, &json!("relayed"), &json!("47.88.60.14"))
    );
}

#[test]
fn a_datagram_that_never_became_whole_is_not_silence() {
    let whole = udp(
        &format!("{PHONE}:40000"),
        &format!("{ROUTER}:53"),
        &dns_question(7, VENDOR),
    );
    let mut capture = Capture::new();
    capture.flight(0, 70);
    // The first 24 bytes of the datagram, with more to follow (RFC 791 §3.1).
    let mut first = whole[..44].to_vec();
    first[2..4].copy_from_slice(&44u16.to_be_bytes());
    first[6..8].copy_from_slice(&[0x20, 0]);
    first[10..12].copy_from_slice(&[0, 0]);
    let sum = crate::support::craft::checksum(&[&first[..20]]);
    first[10..12].copy_from_slice(&sum.to_be_bytes());
    capture.ip(71.0, &first);
    let (code, report) = judged(&capture);
    assert_ne!(code, 0, "{:#}", report["coverage"]);
}
