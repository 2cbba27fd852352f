//! Cases of the list in `edge_cases.rs` that ask for packets of their own: what each is counted as, to the byte, and that none of it passes.

use crate::support::craft::{Capture, Connection, PHONE, at, checksum, ip, tls_data, udp};
use crate::support::{accounted, assert_adds_up, check_here, reasons};
use serde_json::Value;
use tempfile::TempDir;

const SERVER: &str = "203.0.113.9";

/// A flight with these packets in it, judged.
fn judged(fill: impl FnOnce(&mut Capture)) -> (u8, Value) {
    let mut capture = Capture::new();
    capture.flight(0, 30);
    fill(&mut capture);
    capture.flight(35, 70);
    let scratch = TempDir::new().expect("a scratch folder");
    let path = capture.save(scratch.path());
    let judged = check_here(&path, &[], scratch.path()).expect("it is a capture");
    assert_adds_up(&judged.1);
    assert_eq!(judged.1["inputs"][0]["packets"], capture.packets);
    judged
}

/// The rows of what left.
fn outside(report: &Value) -> Vec<&Value> {
    let rows = report["destinations"].as_array().expect("destinations");
    rows.iter().filter(|d| d["scope"] == "internet").collect()
}

#[test]
fn datagrams_to_the_port_of_quic_that_are_none_are_internet_without_a_protocol() {
    // Neither the form nor the fixed bit of QUIC (RFC 9000 §17), nor the header of DTLS.
    for first in [0x00u8, 0x3f, 0x80, 0x8f, 0xff] {
        let said = |n: u8| [&[first, n][..], b"some words of its own"].concat();
        let (code, report) = judged(|capture| {
            let (ours, theirs) = (format!("{PHONE}:40001"), format!("{SERVER}:443"));
            for n in 0..20 {
                let when = 31.0 + f64::from(n) / 20.0;
                capture.ip(when, &udp(&ours, &theirs, &said(n)));
                capture.ip(when + 0.01, &udp(&theirs, &ours, &said(n)));
            }
        });
        assert_eq!(code, 3, "first byte {first:#x}: nobody knows what that was");
        assert_eq!(accounted(&report, "internet"), 40);
        let rows = outside(&report);
        assert_eq!(rows.len(), 1);
        let row = rows[0];
        assert_eq!(row["ip"], SERVER);
        assert!(row["host"].is_null(), "{row:#}");
        let named = row.to_string();
        assert!(!named.contains("quic"), "{first:#x}: {named}");
        assert_eq!(
            (&row["bytes_out"], &row["bytes_in"]),
            (&(20 * said(0).len()).into(), &(20 * said(0).len()).into())
        );
    }
}

#[test]
fn an_address_that_nobody_ever_asked_for_is_internet_by_address_alone() {
    // As with a line in a hosts file: no lookup, and TLS whose hello was not captured.
    let (code, report) = judged(|capture| {
        let mut session = Connection::open(capture, 31.0, 40001, &format!("{SERVER}:443"));
        session.say(capture, 31.1, &tls_data(400));
        session.hear(capture, 31.2, &tls_data(40));
    });
    assert_eq!(code, 3, "{:#}", report["claims"]);
    assert_eq!(report["lookups"].as_array().map_or(0, Vec::len), 0);
    let rows = outside(&report);
    assert_eq!(rows.len(), 1);
    assert!(rows[0]["host"].is_null());
    assert_eq!(rows[0]["ip"], SERVER);
    assert_eq!(rows[0]["attribution"], "unknown");
    assert_eq!(rows[0]["bytes_out"], 405);
    assert!(!reasons(&report).is_empty());
}

#[test]
fn every_protocol_number_of_ip_to_a_public_address_is_internet() {
    // HOPOPT's number in IPv4, DCCP, SCTP, UDP-Lite, unassigned ones, reserved.
    let numbers = [0u8, 33, 61, 99, 114, 132, 136, 143, 200, 253, 255];
    let (code, report) = judged(|capture| {
        for (n, protocol) in numbers.into_iter().enumerate() {
            let body = [protocol; 48];
            let packet = ip(at(PHONE), at(SERVER), protocol, &body);
            capture.ip(31.0 + n as f64 / 10.0, &packet);
        }
    });
    assert_ne!(code, 0, "what nobody can read is no pass");
    assert_eq!(accounted(&report, "internet"), numbers.len() as u64);
    assert_eq!(accounted(&report, "unreadable"), 0);
    let rows = outside(&report);
    let packets: u64 = rows.iter().filter_map(|d| d["packets_out"].as_u64()).sum();
    assert_eq!(packets, numbers.len() as u64);
    assert!(rows.iter().all(|d| d["ip"] == SERVER), "{rows:#?}");
}

#[test]
fn packets_larger_than_any_link_count_to_the_byte() {
    // A network card joins segments before the capture sees them: up to 65,535 bytes by the field (RFC 791 §3.1), and beyond it with a
    // total length of zero, where the length of the record counts.
    const EACH: usize = 65_000;
    let (code, report) = judged(|capture| {
        let mut session = Connection::open(capture, 31.0, 40001, &format!("{SERVER}:443"));
        for n in 0..8 {
            session.say(capture, 31.1 + f64::from(n) / 10.0, &[0xa5; EACH]);
        }
        session.hear(capture, 32.0, &[0x5a; EACH]);
        // 100,000 bytes behind a total length of zero, with what the system leaves to the card in the place of the checksum.
        let mut large = session.out(24, &[0xa5; EACH]);
        large.extend([0xa5; 35_000]);
        let length = (large.len() - 20) as u32;
        let left = !checksum(&[&large[12..20], &[0, 6], &length.to_be_bytes()]);
        large[36..38].copy_from_slice(&left.to_be_bytes());
        large[2..4].fill(0);
        large[10..12].fill(0);
        let sum = checksum(&[&large[..20]]);
        large[10..12].copy_from_slice(&sum.to_be_bytes());
        capture.ip(33.0, &large);
    });
    assert_ne!(code, 0);
    let rows = outside(&report);
    assert_eq!(rows.len(), 1);
    assert_eq!(
        (&rows[0]["bytes_out"], &rows[0]["bytes_in"]),
        (&(8 * EACH + 100_000).into(), &EACH.into())
    );
}
