//! Fragments whose copies differ, and fragments that come twice.

use crate::support::craft::{Capture, DRONE, PHONE, ROUTER, checksum, dns_question, udp};
use crate::support::{accounted, assert_adds_up, check_here, gaps, reasons};
use serde_json::Value;
use tempfile::TempDir;

const VENDOR: &str = "flysafe-api.dji.com";
/// As long as the vendor's.
const OTHER: &str = "www.our-example.org";

fn judged(capture: &Capture) -> (u8, Value) {
    let scratch = TempDir::new().expect("a scratch folder");
    let judged =
        check_here(&capture.save(scratch.path()), &[], scratch.path()).expect("it is a capture");
    assert_adds_up(&judged.1);
    judged
}

/// A packet in two fragments, the first with `first` bytes of its payload (RFC 791 §3.2, RFC 8200 §4.5).
fn halves(packet: &[u8], id: u16, first: usize) -> [Vec<u8>; 2] {
    let head = if packet[0] >> 4 == 4 { 20 } else { 40 };
    let (one, two) = packet[head..].split_at(first);
    [(0, one, true), (first, two, false)].map(|(offset, bytes, more)| {
        let mut piece = packet[..head].to_vec();
        if head == 20 {
            piece[2..4].copy_from_slice(&((20 + bytes.len()) as u16).to_be_bytes());
            piece[4..6].copy_from_slice(&id.to_be_bytes());
            let field = (offset / 8) as u16 | u16::from(more) << 13;
            piece[6..8].copy_from_slice(&field.to_be_bytes());
            piece[10..12].copy_from_slice(&[0, 0]);
            let sum = checksum(&[&piece]);
            piece[10..12].copy_from_slice(&sum.to_be_bytes());
        } else {
            piece[4..6].copy_from_slice(&((8 + bytes.len()) as u16).to_be_bytes());
            let next = std::mem::replace(&mut piece[6], 44);
            let field = offset as u16 | u16::from(more);
            piece.extend([next, 0]);
            piece.extend(field.to_be_bytes());
            piece.extend([0, 0]);
            piece.extend(id.to_be_bytes());
        }
        piece.extend(bytes);
        piece
    })
}

#[test]
fn of_fragments_that_differ_every_reading_counts() {
    let families = [
        (format!("{PHONE}:40000"), format!("{ROUTER}:53")),
        ("[fd00::20]:40000".to_owned(), "[fd00::fe]:53".to_owned()),
    ];
    for (from, to) in families {
        let ask = |name| halves(&udp(&from, &to, &dns_question(7, name)), 77, 24);
        let ([v1, v2], [o1, o2]) = (ask(VENDOR), ask(OTHER));
        let orders: [&[&Vec<u8>]; 8] = [
            &[&v1, &o1, &v2, &o2],
            &[&o1, &v1, &o2, &v2],
            &[&o1, &v1, &v2, &o2],
            &[&v1, &o1, &o2, &v2],
            &[&o1, &o2, &v1, &v2],
            &[&o1, &v2, &v1, &o2],
            &[&v2, &o2, &o1, &v1],
            &[&o2, &v1, &v2, &o1],
        ];
        for (n, order) in orders.iter().enumerate() {
            let mut capture = Capture::new();
            capture.flight(0, 70);
            for (at, piece) in order.iter().enumerate() {
                capture.ip(30.1 + at as f64 / 1000.0, piece);
            }
            let (code, report) = judged(&capture.in_order());
            // Pieces of different lengths put together have bytes behind the question, which are payload.
            assert_eq!(code, 1, "{to} order {n}");
            assert!(
                reasons(&report).contains(&"vendor-lookup"),
                "{to} order {n}"
            );
            let all = report["lookups"].as_array().expect("a list");
            let mut names: Vec<&str> = all.iter().filter_map(|l| l["name"].as_str()).collect();
            names.sort_unstable();
            assert_eq!(names, [VENDOR, OTHER], "{to} order {n}");
            assert_eq!(accounted(&report, "relayed"), 4, "{to} order {n}");
        }
    }
}

#[test]
fn a_mirrored_fragment_is_no_lost_one() {
    // A mirror port gives each fragment twice at once; a bridge gives the whole datagram again.
    for at_once in [true, false] {
        let mut capture = Capture::new();
        capture.flight(0, 70);
        for n in 0..60u16 {
            let state: Vec<u8> = (0..1800u32).map(|i| (i * 7 + u32::from(n)) as u8).collect();
            let datagram = udp(&format!("{DRONE}:7000"), &format!("{PHONE}:7001"), &state);
            let [one, two] = halves(&datagram, 100 + n, 1480);
            let order = if at_once {
                [&one, &one, &two, &two]
            } else {
                [&one, &two, &one, &two]
            };
            for (m, piece) in order.into_iter().enumerate() {
                capture.ip(5.0 + f64::from(n) + m as f64 / 10_000.0, piece);
            }
        }
        let capture = capture.in_order();
        let (code, report) = judged(&capture);
        assert_eq!(gaps(&report), ["drops-unknown"], "{at_once}");
        assert_eq!((code, accounted(&report, "local")), (0, capture.packets));
    }
}
