//! What is counted of a flow: payload once, evidence only from packets that can be believed.

use crate::support::craft::{
    ACK, Capture, Connection, DRONE, FIN, PHONE, PSH, RST, SYN, bad_header, client_hello,
    dns_answer, dns_question, forged, session_in_flight, tcp, tls_data, udp,
};
use crate::support::{
    accounted, assert_adds_up, check_here, destination, gaps, reasons, run_on_stdin,
};
use drone_audit::parts::{FrameRef, Key, Moment, Table, Timestamp};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use tempfile::TempDir;

const SERVER: &str = "47.88.60.14:443";

/// Judges a crafted capture.
fn judged(capture: &Capture, options: &[&str]) -> (u8, Value) {
    let scratch = TempDir::new().expect("a scratch folder");
    let path = capture.save(scratch.path());
    let judged = check_here(&path, options, scratch.path()).expect("it is a capture");
    assert_adds_up(&judged.1);
    assert_eq!(judged.1["inputs"][0]["packets"], capture.packets);
    judged
}

#[test]
fn payload_counts_once_however_often_and_in_whatever_cuts_it_is_sent() {
    let mut capture = Capture::new();
    let mut c = Connection::open(&mut capture, 0.0, 40001, SERVER);
    let payload: Vec<u8> = (0..200).collect();
    let segment = |c: &Connection, from: usize, to: usize| {
        tcp(
            &c.client,
            &c.server,
            (c.sent + from as u32, c.received),
            PSH | ACK,
            &payload[from..to],
        )
    };
    for (from, to) in [
        (0, 100),
        (0, 100),
        (150, 200),
        (50, 150),
        (0, 200),
        (199, 200),
    ] {
        capture.ip(1.0, &segment(&c, from, to));
    }
    c.hear(&mut capture, 2.0, &[1; 30]);
    c.received -= 30;
    c.hear(&mut capture, 3.0, &[1; 30]);
    let (_, report) = judged(&capture, &[]);
    let d = destination(&report);
    assert_eq!(
        (&d["bytes_out"], &d["bytes_in"]),
        (&json!(200), &json!(30)),
        "{d:#}"
    );
    assert_eq!(
        (&d["packets_out"], &d["packets_in"]),
        (&json!(10), &json!(3))
    );
}

/// A vendor session before the mode was on (from second 60), then `after` in the window.
fn before_the_window(after: impl FnOnce(&mut Capture, &mut Connection)) -> (u8, Value) {
    let mut capture = Capture::new();
    capture.flight(0, 5);
    let mut c = Connection::open(&mut capture, 6.0, 40001, SERVER);
    c.say(&mut capture, 6.1, &client_hello("flysafe-api.dji.com"));
    c.say(&mut capture, 6.2, &tls_data(100));
    c.hear(&mut capture, 6.3, &tls_data(40));
    capture.flight(10, 60);
    after(&mut capture, &mut c);
    capture.flight(75, 140);
    judged(&capture, &["--window", "+60/+150"])
}

#[test]
fn a_flow_from_before_the_window_counts_only_with_new_payload() {
    let tail = |_: &Capture, c: &Connection| {
        vec![
            // A bare ACK, a keep-alive of one byte that was sent before, retransmissions, the end.
            c.out(ACK, b""),
            tcp(&c.client, &c.server, (c.sent - 1, c.received), ACK, b"\xa5"),
            tcp(
                &c.client,
                &c.server,
                (c.sent - 105, c.received),
                PSH | ACK,
                &tls_data(100),
            ),
            tcp(
                &c.server,
                &c.client,
                (c.received - 45, c.sent),
                PSH | ACK,
                &tls_data(40),
            ),
            c.out(FIN | ACK, b""),
            tcp(
                &c.server,
                &c.client,
                (c.received, c.sent + 1),
                FIN | ACK,
                b"",
            ),
            c.out(RST, b""),
        ]
    };
    let (code, report) = before_the_window(|capture, c| {
        for packet in tail(capture, c) {
            capture.ip(70.0, &packet);
        }
    });
    assert_eq!(
        (code, &report["verdict"]),
        (0, &json!("consistent")),
        "{:#}",
        report["claims"]
    );
    assert_eq!(
        destination(&report)["stage"],
        "transferred",
        "the whole capture is listed"
    );

    let (code, report) = before_the_window(|capture, c| c.say(capture, 70.0, b"\xa5"));
    assert_eq!(
        (code, reasons(&report)),
        (1, vec!["vendor-contact"]),
        "one new byte out"
    );
    assert_eq!(
        report["findings"][0]["first"],
        "2025-03-01T10:01:10.000000Z"
    );

    let (code, report) = before_the_window(|capture, c| c.hear(capture, 70.0, b"\xa5"));
    assert_eq!(
        (code, reasons(&report)),
        (1, vec!["vendor-contact"]),
        "one new byte in"
    );
}

#[test]
fn a_window_holds_its_start_and_not_its_end() {
    let mut capture = Capture::new();
    capture.flight(0, 95);
    capture.ip(
        100.0,
        &udp(&format!("{PHONE}:5000"), "47.88.60.14:9999", b"payload"),
    );
    capture.flight(100, 200);
    for (window, verdict) in [
        ("+20/+100", "consistent"),
        ("+20/+100.000001", "inconclusive"),
        ("+100/+200", "inconclusive"),
        ("+100.000001/+200", "consistent"),
    ] {
        let (_, report) = judged(&capture, &["--window", window]);
        assert_eq!(report["verdict"], verdict, "{window}");
    }
    let (_, report) = judged(&capture, &["--window", "+0/+80", "--window", "+90/+190"]);
    assert_eq!(
        report["verdict"], "inconclusive",
        "the worst of the windows"
    );
}

#[test]
fn a_forged_segment_is_no_evidence_wherever_it_stands() {
    // The decoy is the sender's very first packet: nothing is known of its checksums yet.
    for first in [true, false] {
        let mut capture = Capture::new();
        let decoy = forged(tcp(
            "192.168.2.20:40001",
            SERVER,
            (1001, 9001),
            PSH | ACK,
            &client_hello("honest.example.org"),
        ));
        if first {
            capture.ip(0.0, &decoy);
        }
        capture.flight(1, 31);
        let mut c = Connection::open(&mut capture, 32.0, 40001, SERVER);
        if !first {
            capture.ip(32.5, &decoy);
        }
        c.say(&mut capture, 33.0, &client_hello("flysafe-api.dji.com"));
        capture.flight(35, 70);
        let (code, report) = judged(&capture, &[]);
        assert_eq!(
            (code, reasons(&report)),
            (1, vec!["vendor-contact"]),
            "decoy first: {first}"
        );
        let named: BTreeSet<&str> = report["destinations"]
            .as_array()
            .into_iter()
            .flatten()
            .flat_map(|d| d["names"].as_array().into_iter().flatten())
            .filter_map(|n| n["name"].as_str())
            .collect();
        assert_eq!(
            named,
            BTreeSet::from(["flysafe-api.dji.com"]),
            "decoy first: {first}"
        );
        // A pipe cannot be read twice: what is then not known is said.
        let scratch = TempDir::new().expect("a scratch folder");
        let piped = run_on_stdin(&capture.save(scratch.path()), &["check", "-o", "json", "-"]);
        assert_eq!(piped.code, 1, "decoy first: {first}");
        assert_eq!(gaps(&piped.report()).contains(&"limits-reached"), first);
    }
}

#[test]
fn a_sender_whose_checksums_are_mostly_wrong_is_believed() {
    // A card that computes checksums leaves wrong ones in what its own machine captures.
    let mut capture = Capture::new();
    let (client, server) = ("192.168.2.20:40001", SERVER);
    let hello = client_hello("flysafe-api.dji.com");
    capture.ip(0.0, &tcp(client, server, (1000, 0), SYN, b""));
    capture.ip(0.1, &tcp(server, client, (9000, 1001), SYN | ACK, b""));
    capture.ip(0.2, &forged(tcp(client, server, (1001, 9001), ACK, b"")));
    capture.ip(
        0.3,
        &forged(tcp(client, server, (1001, 9001), PSH | ACK, &hello)),
    );
    capture.ip(
        0.4,
        &forged(tcp(
            client,
            server,
            (1001 + hello.len() as u32, 9001),
            PSH | ACK,
            &tls_data(20),
        )),
    );
    let (code, report) = judged(&capture, &[]);
    let d = destination(&report);
    assert_eq!(code, 1);
    assert_eq!(
        (&d["host"], &d["stage"], &d["bytes_out"]),
        (
            &json!("flysafe-api.dji.com"),
            &json!("transferred"),
            &json!(hello.len() + 25)
        )
    );
}

#[test]
fn a_wrong_ipv4_header_checksum_makes_a_packet_unreadable_unless_most_of_the_senders_are_wrong() {
    let stray = udp(&format!("{PHONE}:5000"), "47.88.60.14:9999", b"payload");
    let mut capture = Capture::new();
    capture.flight(0, 70);
    capture.ip(71.0, &bad_header(stray.clone()));
    let (code, report) = judged(&capture, &[]);
    assert_eq!((code, reasons(&report)), (3, vec!["unreadable-packets"]));
    assert_eq!(
        (
            accounted(&report, "unreadable"),
            accounted(&report, "internet")
        ),
        (1, 0)
    );

    let mut capture = Capture::new();
    for at in 0..5 {
        capture.ip(f64::from(at), &bad_header(stray.clone()));
    }
    capture.ip(6.0, &stray);
    let (_, report) = judged(&capture, &[]);
    assert_eq!(
        (
            accounted(&report, "unreadable"),
            accounted(&report, "internet")
        ),
        (0, 6)
    );
}

/// Two hellos of the same length whose second parts are sent as copies of the same bytes.
fn conflicting_copies(in_order: bool) {
    let vendor = "flysafe-api.dji.com";
    let (one, two) = (client_hello(vendor), client_hello("weather.example.org"));
    assert_eq!(one.len(), two.len());
    for copies in [[&one, &two], [&two, &one]] {
        let mut capture = Capture::new();
        let c = Connection::open(&mut capture, 0.0, 40001, SERVER);
        let part = |offset: u32, bytes: &[u8]| {
            tcp(
                &c.client,
                &c.server,
                (c.sent + offset, c.received),
                PSH | ACK,
                bytes,
            )
        };
        if in_order {
            capture.ip(1.0, &part(0, &one[..40]));
        }
        for copy in copies {
            capture.ip(2.0, &part(40, &copy[40..]));
        }
        capture.ip(3.0, &part(0, &one[..40]));
        let (code, report) = judged(&capture, &[]);
        let d = destination(&report);
        let names = d["names"].as_array().expect("names");
        let named: BTreeSet<&str> = names.iter().filter_map(|n| n["name"].as_str()).collect();
        assert_eq!(named, BTreeSet::from([vendor, "weather.example.org"]));
        assert_eq!(
            (code, &d["host"], &d["attribution"]),
            (1, &json!(vendor), &json!("vendor"))
        );
        assert_eq!(d["bytes_out"], one.len(), "the bytes count once");
    }
}

#[test]
fn of_conflicting_copies_every_name_is_listed_and_the_strongest_counts() {
    conflicting_copies(true);
}

#[test]
fn of_conflicting_copies_behind_a_hole_every_name_is_listed() {
    conflicting_copies(false);
}

#[test]
fn stages_grow_with_what_goes_out_and_comes_back() {
    let phone = format!("{PHONE}:40001");
    let attempt = tcp(&phone, SERVER, (1000, 0), SYN, b"");
    let refused = tcp(SERVER, &phone, (0, 1001), RST | ACK, b"");
    let accepted = tcp(SERVER, &phone, (9000, 1001), SYN | ACK, b"");
    let hello = tcp(
        &phone,
        SERVER,
        (1001, 9001),
        PSH | ACK,
        &client_hello("edge.example.net"),
    );
    let data = tcp(&phone, SERVER, (1001, 9001), PSH | ACK, b"PUT everything");
    let answer = tcp(SERVER, &phone, (9001, 1001), PSH | ACK, b"250 hello");
    let question = udp(
        &format!("{PHONE}:5000"),
        "198.51.100.53:53",
        &dns_question(1, "edge.example.net"),
    );
    let cases: [(&str, Vec<&Vec<u8>>, &str); 8] = [
        ("a reset alone", vec![&refused], "unsolicited"),
        ("only packets in", vec![&accepted, &answer], "unsolicited"),
        ("a question", vec![&question], "lookup"),
        ("no answer", vec![&attempt, &attempt], "attempted"),
        (
            "a reset is no answer",
            vec![&attempt, &refused],
            "attempted",
        ),
        (
            "no payload of ours",
            vec![&attempt, &accepted, &answer],
            "connected",
        ),
        (
            "a handshake is none",
            vec![&attempt, &accepted, &hello],
            "connected",
        ),
        (
            "payload out",
            vec![&attempt, &accepted, &data],
            "transferred",
        ),
    ];
    for (what, packets, stage) in cases {
        let mut capture = Capture::new();
        for (at, packet) in packets.into_iter().enumerate() {
            capture.ip(at as f64, packet);
        }
        let (_, report) = judged(&capture, &[]);
        assert_eq!(destination(&report)["stage"], stage, "{what}");
    }
    let mut capture = Capture::new();
    capture.ip(
        0.0,
        &udp(&format!("{PHONE}:5000"), "47.88.60.14:9999", b"x"),
    );
    assert_eq!(
        destination(&judged(&capture, &[]).1)["stage"],
        "transferred",
        "UDP payload, even if nothing comes back"
    );
}

#[test]
fn little_os_traffic_at_its_operator_acquits_and_much_does_not() {
    for (rounds, server, code, attribution) in [
        (1, "142.250.72.3:80", 0, "os"),
        (60, "142.250.72.3:80", 3, "shared"),
        (1, "47.88.122.4:80", 3, "shared"),
    ] {
        let mut capture = Capture::new();
        capture.flight(0, 70);
        let mut c = Connection::open(&mut capture, 71.0, 40001, server);
        c.say(
            &mut capture,
            71.1,
            b"GET /generate_204 HTTP/1.1\r\nHost: connectivitycheck.gstatic.com\r\n\r\n",
        );
        for round in 1..rounds {
            c.say(&mut capture, 71.2 + f64::from(round) / 100.0, &[0x41; 1200]);
        }
        let (got, report) = judged(&capture, &[]);
        let whose = destination(&report)["attribution"]
            .as_str()
            .expect("an attribution");
        assert_eq!(got, code, "{rounds} {server}: {whose}");
        // "else `unknown` or `shared`"
        assert!(
            whose == attribution || (code == 3 && whose == "unknown"),
            "{rounds} {server}: {whose}"
        );
    }
}

#[test]
fn a_dns_name_lends_itself_to_the_address_that_was_answered() {
    let (phone, resolver) = (format!("{PHONE}:5000"), "192.168.2.254:53");
    let mut capture = Capture::new();
    capture.ip(
        0.0,
        &udp(&phone, resolver, &dns_question(9, "mqtt.djiservice.org")),
    );
    capture.ip(
        0.1,
        &udp(
            resolver,
            &phone,
            &dns_answer(9, "mqtt.djiservice.org", [47, 88, 60, 14]),
        ),
    );
    let mut c = Connection::open(&mut capture, 1.0, 40001, "47.88.60.14:1883");
    c.say(
        &mut capture,
        1.1,
        b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x3c\x00\x00",
    );
    let (code, report) = judged(&capture, &[]);
    assert_eq!(
        (code, reasons(&report)),
        (1, vec!["vendor-contact", "vendor-lookup"])
    );
    let d = report["destinations"]
        .as_array()
        .expect("destinations")
        .iter()
        .find(|d| d["scope"] == "internet")
        .expect("one");
    assert_eq!(
        (&d["host"], &d["host_source"], &d["port"]),
        (&json!("mqtt.djiservice.org"), &json!("dns"), &json!(1883))
    );
    assert_eq!(report["lookups"][0]["answers"], json!(["47.88.60.14"]));
    assert_eq!(accounted(&report, "relayed"), 2, "question and answer");
}

#[test]
fn idle_flows_expire_and_full_tables_evict() {
    let at = |seconds: i64, frame: u64| Moment {
        time: Timestamp::from_nanos(i128::from(seconds) * i128::from(Timestamp::SECOND)),
        at: FrameRef { input: 0, frame },
    };
    let key = |port: u16| Key::new(([10, 0, 0, 1].into(), port), ([10, 0, 0, 2].into(), 9), 17).0;
    let mut table = Table::with_limit(2);
    assert!(table.open(key(1), 0, at(0, 1)).1.is_none());
    assert!(table.open(key(2), 0, at(1, 2)).1.is_none());
    let (_, evicted) = table.open(key(3), 0, at(2, 3));
    let evicted = evicted.expect("the table was full");
    assert!(
        evicted.evicted && evicted.flow.key == key(1),
        "the flow seen longest ago has to go"
    );
    assert_eq!(table.len(), 2);
    // UDP is forgotten after ten minutes of capture time, and that loses nothing.
    let later = at(700, 4).time;
    let expired: Vec<_> = (0..4096).flat_map(|_| table.sweep(later)).collect();
    assert_eq!(expired.len(), 2);
    assert!(expired.iter().all(|c| !c.evicted) && table.is_empty());
}

#[test]
fn the_same_session_says_the_same_whoever_is_at_the_lower_address() {
    // Addresses and ports on both sides of the phone's: which end is ours never depends on order.
    for server in ["8.8.4.4:443", "223.5.5.5:443", "47.88.60.14:65000"] {
        let (code, report) = judged(&session_in_flight("flysafe-api.dji.com", server), &[]);
        let d = destination(&report);
        assert_eq!(code, 1, "{server}");
        assert_eq!(
            (&d["packets_out"], &d["packets_in"], &d["bytes_in"]),
            (&json!(5), &json!(4), &json!(45)),
            "{server}"
        );
        assert_eq!(d["clients"], json!([PHONE]));
        assert_eq!(accounted(&report, "local"), 30, "the link to {DRONE}");
    }
}

#[test]
fn handshakes_over_udp_are_no_payload_and_early_data_is() {
    let (phone, server) = (format!("{PHONE}:40001"), "203.0.113.9:443");
    // RFC 9000 §17.2: version 1, connection ids of eight and no bytes, length, then sealed bytes.
    let long = |kind: u8, body: usize| {
        let token: &[u8] = if kind == 0 { &[0] } else { &[] };
        let length = 0x4000u16 | body as u16;
        [
            &[0xc0 | kind << 4, 0, 0, 0, 1, 8, 1, 2, 3, 4, 5, 6, 7, 8, 0][..],
            token,
            &length.to_be_bytes(),
            &vec![0x5a; body],
        ]
        .concat()
    };
    let stun = [&[0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42][..], &[7; 12]].concat();
    let out = |payload: &[u8]| udp(&phone, server, payload);
    let back = |payload: &[u8]| udp(server, &phone, payload);
    let cases: [(&str, Vec<Vec<u8>>, &str); 6] = [
        ("a QUIC Initial", vec![out(&long(0, 1180))], "attempted"),
        (
            "answered",
            vec![
                out(&long(0, 1180)),
                back(&long(0, 1180)),
                out(&long(2, 100)),
            ],
            "connected",
        ),
        (
            "with 0-RTT data",
            vec![out(&[long(0, 600), long(1, 500)].concat())],
            "transferred",
        ),
        (
            "with a short header",
            vec![
                out(&long(0, 1180)),
                back(&long(0, 1180)),
                out(&[&[0x41][..], &[1; 40]].concat()),
            ],
            "transferred",
        ),
        ("STUN", vec![out(&stun)], "attempted"),
        (
            "unknown payload",
            vec![out(b"anything else")],
            "transferred",
        ),
    ];
    for (what, packets, stage) in cases {
        let mut capture = Capture::new();
        for (at, packet) in packets.iter().enumerate() {
            capture.ip(at as f64, packet);
        }
        assert_eq!(
            destination(&judged(&capture, &[]).1)["stage"],
            stage,
            "{what}"
        );
    }
}

#[test]
fn a_finding_keeps_its_fingerprint_when_only_its_position_changes() {
    let id = |capture: &Capture| {
        judged(capture, &[]).1["findings"][0]["id"]
            .as_str()
            .expect("an id")
            .to_owned()
    };
    let one = session_in_flight("flysafe-api.dji.com", SERVER);
    let mut moved = Capture::new();
    moved.flight(0, 100);
    let mut c = Connection::open(&mut moved, 101.0, 50123, SERVER);
    c.say(&mut moved, 101.1, &client_hello("flysafe-api.dji.com"));
    c.say(&mut moved, 101.2, &tls_data(3000));
    assert_eq!(id(&one), id(&moved), "time, port and amount are no meaning");
    assert_ne!(id(&one), id(&session_in_flight("active.dji.com", SERVER)));
}
