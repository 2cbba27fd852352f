//! Names: every way one is said, and what it comes to in the report.
//!
//! Each conversation is put behind an honest flight, so that missing it would give `consistent`.

use crate::support::craft::{
    Capture, Connection, PHONE, ROUTER, client_hello, dns_answer, dns_question, tls_data, udp,
};
use crate::support::{accounted, assert_adds_up, check_here, gaps, reasons};
use serde_json::{Value, json};
use tempfile::TempDir;

const VENDOR: &str = "flysafe-api.dji.com";
const HOST: &str = "47.88.60.14";

fn judged(capture: &Capture) -> (u8, Value) {
    let scratch = TempDir::new().expect("a scratch folder");
    let judged =
        check_here(&capture.save(scratch.path()), &[], scratch.path()).expect("it is a capture");
    assert_adds_up(&judged.1);
    judged
}

/// An honest flight, then datagrams to and fro, then a connection on which the phone says this.
fn after_a_flight(datagrams: &[Vec<u8>], server: &str, says: &[&[u8]]) -> (u8, Value) {
    let mut capture = Capture::new();
    capture.flight(0, 70);
    for (at, datagram) in datagrams.iter().enumerate() {
        capture.ip(70.5 + at as f64 / 1000.0, datagram);
    }
    let mut c = Connection::open(&mut capture, 71.0, 40001, server);
    for (at, bytes) in says.iter().enumerate() {
        c.say(&mut capture, 72.0 + at as f64, bytes);
        c.hear(&mut capture, 72.5 + at as f64, &tls_data(40));
    }
    judged(&capture)
}

fn to_router(message: &[u8]) -> Vec<u8> {
    udp(&format!("{PHONE}:40000"), &format!("{ROUTER}:53"), message)
}

fn from_router(message: &[u8]) -> Vec<u8> {
    udp(&format!("{ROUTER}:53"), &format!("{PHONE}:40000"), message)
}

/// The answer to a question for HTTPS records: one record whose key configuration has this public name (RFC 9460 §2.2, RFC 9849 §4).
fn https_answer(id: u16, name: &str, public: &str) -> Vec<u8> {
    let sized = |bytes: &[u8]| [&(bytes.len() as u16).to_be_bytes()[..], bytes].concat();
    let contents = [
        &[7, 0, 0x20][..],
        &sized(&[9; 32]),
        &sized(&[0, 1, 0, 1]),
        &[0, public.len() as u8],
        public.as_bytes(),
        &[0, 0],
    ]
    .concat();
    let configs = sized(&[&[0xfe, 0x0d], &sized(&contents)[..]].concat());
    let data = [&[0, 1, 0, 0, 5][..], &sized(&configs)].concat();
    let mut message = dns_question(id, name);
    message[2..8].copy_from_slice(&[0x81, 0x80, 0, 1, 0, 1]);
    let question_type = message.len() - 3;
    message[question_type] = 65;
    message.extend([0xc0, 12, 0, 65, 0, 1, 0, 0, 0, 60]);
    message.extend(sized(&data));
    message
}

/// A hello with one more extension.
fn hello_with(name: &str, kind: u16, body: &[u8]) -> Vec<u8> {
    let mut hello = client_hello(name);
    let extension = [
        &kind.to_be_bytes()[..],
        &(body.len() as u16).to_be_bytes(),
        body,
    ]
    .concat();
    // Record, message and extension block grow alike (RFC 8446 §4.1.2, §5.1).
    for at in [3, 7, 50] {
        let grown = u16::from_be_bytes([hello[at], hello[at + 1]]) + extension.len() as u16;
        hello[at..at + 2].copy_from_slice(&grown.to_be_bytes());
    }
    hello.extend(extension);
    hello
}

/// RFC 9849 §5: outer, with an empty key and an empty payload.
const ECH: [u8; 10] = [0, 0, 1, 0, 1, 7, 0, 0, 0, 0];

#[test]
fn encrypted_hellos_are_told_from_dummies_by_what_dns_said() {
    let dns = |name: &str, public: Option<&str>| {
        let mut said = vec![
            to_router(&dns_question(1, name)),
            from_router(&dns_answer(1, name, [47, 88, 60, 14])),
        ];
        if let Some(public) = public {
            let mut question = dns_question(2, name);
            let kind = question.len() - 3;
            question[kind] = 65;
            said.push(to_router(&question));
            said.push(from_router(&https_answer(2, name, public)));
        }
        said
    };
    let server = format!("{HOST}:443");
    let asked = "hidden.example.com";
    let told = |datagrams: &[Vec<u8>], outer: &str| {
        let hello = hello_with(outer, 0xfe0d, &ECH);
        let (_, report) = after_a_flight(datagrams, &server, &[&hello, &tls_data(100)]);
        let list = report["destinations"].as_array().expect("destinations");
        let d = list.iter().find(|d| d["ip"] == HOST).expect("the host");
        let hidden = gaps(&report).contains(&"names-hidden");
        (
            d["host"].as_str().map(str::to_owned),
            d["host_source"].clone(),
            hidden,
        )
    };
    let outer = "public.example.net";
    assert_eq!(
        told(&dns(asked, Some(outer)), outer),
        (Some(asked.into()), json!("dns"), true),
        "the record says that the outer name stands for others"
    );
    assert_eq!(
        told(&dns(asked, None), asked),
        (Some(asked.into()), json!("tls-sni"), false),
        "a dummy"
    );
    assert_eq!(
        told(&dns(asked, None), outer),
        (Some(outer.into()), json!("tls-sni"), false),
        "untold: the name that was said counts"
    );
    let known = "cloudflare-ech.com";
    assert_eq!(
        told(&[], known),
        (Some(known.into()), json!("tls-sni"), true),
        "known to stand for others, and nothing says for whom"
    );
    let esni = hello_with("", 0xffce, &[0; 8]);
    let (_, report) = after_a_flight(&[], &server, &[&esni]);
    assert!(gaps(&report).contains(&"names-hidden"));
}

#[test]
fn dns_over_https_hides_what_it_asks_and_a_vendors_name_accuses_all_the_same() {
    let (code, report) = after_a_flight(&[], "8.8.8.8:443", &[&client_hello("dns.google")]);
    let d = &report["destinations"][0];
    assert_eq!(
        (code, &d["scope"], &d["attribution"]),
        (3, &json!("internet"), &json!("unknown"))
    );
    assert!(gaps(&report).contains(&"names-hidden"));
    let (code, report) = after_a_flight(
        &[],
        &format!("{ROUTER}:443"),
        &[&client_hello("dns.google"), &tls_data(100)],
    );
    let d = &report["destinations"][0];
    assert_eq!(
        (code, &d["scope"], &d["attribution"], &d["stage"]),
        (3, &json!("relayed"), &json!("unknown"), &json!("lookup"))
    );
    assert!(gaps(&report).contains(&"names-hidden"));
    let (code, report) = after_a_flight(&[], &format!("{HOST}:853"), &[&client_hello(VENDOR)]);
    assert_eq!(
        (code, reasons(&report)),
        (1, vec!["vendor-contact"]),
        "on the port of DNS over TLS"
    );
}

#[test]
fn an_answer_that_nobody_asked_for_is_listed_and_accuses_nobody() {
    let answer = dns_answer(7, VENDOR, [203, 0, 113, 9]);
    let (code, report) = after_a_flight(&[from_router(&answer)], &format!("{ROUTER}:80"), &[]);
    let lookup = &report["lookups"][0];
    assert_eq!(
        (&lookup["name"], &lookup["count"]),
        (&json!(VENDOR), &json!(0))
    );
    assert_eq!(
        (code, reasons(&report).len()),
        (0, 0),
        "{:#}",
        report["claims"]
    );
    // With its question it is a lookup like any other.
    let asked = [to_router(&dns_question(7, VENDOR)), from_router(&answer)];
    let (code, report) = after_a_flight(&asked, &format!("{ROUTER}:80"), &[]);
    assert_eq!((code, reasons(&report)), (1, vec!["vendor-lookup"]));
}

#[test]
fn names_asked_of_httpdns_are_lookups() {
    let request = format!("GET /100000/d?host={VENDOR} HTTP/1.1\r\nHost: 203.107.1.33\r\n\r\n");
    let (code, report) = after_a_flight(&[], "203.107.1.33:80", &[request.as_bytes()]);
    assert_eq!(code, 1);
    assert!(reasons(&report).contains(&"vendor-lookup"));
    let lookup = &report["lookups"][0];
    assert_eq!(
        (&lookup["name"], &lookup["types"], &lookup["scope"]),
        (&json!(VENDOR), &json!(["A"]), &json!("internet"))
    );
    let local = after_a_flight(&[], &format!("{ROUTER}:80"), &[request.as_bytes()]).1;
    assert_eq!(local["lookups"][0]["scope"], "relayed");
    assert_eq!(accounted(&local, "local"), 30);
}

#[test]
fn data_in_labels_counts_as_sent() {
    let tunnelled: Vec<Vec<u8>> = (0..40)
        .map(|n: u16| {
            let name = format!("{n:04}{}.t.example.com", "qz7k".repeat(11));
            to_router(&dns_question(n, &name))
        })
        .collect();
    let (code, report) = after_a_flight(&tunnelled, &format!("{ROUTER}:80"), &[]);
    let d = &report["destinations"][0];
    assert_eq!(
        (code, &d["scope"], &d["stage"], &d["attribution"]),
        (
            3,
            &json!("relayed"),
            &json!("transferred"),
            &json!("unknown")
        )
    );
    let note = d["notes"][0].as_str().expect("a note");
    assert!(
        note.contains("example.com") && note.contains("40 names"),
        "{note}"
    );
    // Another lookup of the same resolver accuses by itself; the flow stays one that carried payload.
    let mut beside = tunnelled;
    beside.push(to_router(&dns_question(99, VENDOR)));
    let (code, report) = after_a_flight(&beside, &format!("{ROUTER}:80"), &[]);
    assert_eq!((code, reasons(&report)[0]), (1, "vendor-lookup"));
    let d = &report["destinations"][0];
    assert_eq!(
        (&d["stage"], d["notes"].as_array().map(Vec::len)),
        (&json!("transferred"), Some(1))
    );
}

#[test]
fn a_hello_behind_a_request_for_tls_accuses_and_leaves_its_fingerprint() {
    let hello = client_hello(VENDOR);
    for (what, port, greeting) in [
        ("SMTP", 587, &b"EHLO phone\r\nSTARTTLS\r\n"[..]),
        ("PostgreSQL", 5432, &[0, 0, 0, 8, 4, 0xd2, 0x16, 0x2f]),
        (
            "PROXY",
            443,
            b"PROXY TCP4 192.0.2.7 192.0.2.9 56324 443\r\n",
        ),
        ("anything", 9000, b"\x01\x02hello\n"),
    ] {
        let (code, report) = after_a_flight(&[], &format!("{HOST}:{port}"), &[greeting, &hello]);
        let d = &report["destinations"][0];
        assert_eq!((code, &d["host"]), (1, &json!(VENDOR)), "{what}");
        assert_eq!(
            d["ja4"],
            json!(["t13d010300_0f2cb44170f4_b0ac53b37fa7"]),
            "{what}"
        );
    }
}

#[test]
fn client_subnets_in_lookups_are_remarked() {
    let mut question = dns_question(5, "www.example.com");
    question[11] = 1;
    // OPT with a client subnet (RFC 6891 §6.1.2, RFC 7871 §6).
    question.extend([
        0, 0, 41, 4, 0xd0, 0, 0, 0, 0, 0, 11, 0, 8, 0, 7, 0, 1, 24, 0, 10, 1, 2,
    ]);
    let (_, report) = after_a_flight(&[to_router(&question)], &format!("{ROUTER}:80"), &[]);
    let notes = report["destinations"][0]["notes"]
        .as_array()
        .expect("notes");
    assert!(
        notes
            .iter()
            .any(|n| n.as_str().is_some_and(|n| n.contains("client subnet"))),
        "{notes:?}"
    );
}
