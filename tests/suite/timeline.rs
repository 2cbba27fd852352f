//! The time line: every packet with a time, in the slot of its time and in its scope.

use crate::support::craft::{
    Capture, DRONE, PHONE, ROUTER, bad_header, dns_question, ethernet, mac, udp,
};
use crate::support::{assert_adds_up, check_here, fixtures};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use tempfile::TempDir;

/// First packet of crafted captures, in seconds of Unix time.
const START: i64 = 1_740_823_200;
const SCOPES: [&str; 5] = ["local", "internet", "relayed", "not_ip", "unreadable"];

/// A packet of a scope, on a flow of its own kind.
fn packet(capture: &mut Capture, at: f64, scope: usize, port: u16) {
    let from = format!("{PHONE}:{port}");
    let local = udp(&from, &format!("{DRONE}:7000"), b"to the aircraft");
    match scope {
        0 => capture.ip(at, &local),
        1 => capture.ip(at, &udp(&from, "47.88.60.14:7000", b"beyond")),
        2 => {
            let question = dns_question(port, "edge.example.net");
            capture.ip(at, &udp(&from, &format!("{ROUTER}:53"), &question));
        }
        3 => {
            // Who has the aircraft's address (RFC 826).
            let mut arp = ethernet([2; 6], [0xff; 6], &local);
            arp.truncate(14);
            arp[12..14].copy_from_slice(&[8, 6]);
            arp.extend([0, 1, 8, 0, 6, 4, 0, 1, 2, 2, 2, 2, 2, 2, 192, 168, 2, 20]);
            arp.extend([0, 0, 0, 0, 0, 0, 192, 168, 2, 1]);
            capture.frame(at, &arp);
        }
        _ => {
            // A sender of its own, whose headers are mostly right.
            let whole = udp("192.168.2.77:1", &format!("{DRONE}:7000"), b"whole");
            let ends = (mac(PHONE.parse().unwrap()), mac(DRONE.parse().unwrap()));
            capture.frame(at, &ethernet([4; 6], ends.1, &bad_header(whole)));
        }
    }
}

/// Senders of wrong headers are believed if all of theirs are wrong: right ones first.
fn right_headers(capture: &mut Capture, count: usize) {
    for _ in 0..count {
        let whole = udp("192.168.2.77:1", &format!("{DRONE}:7000"), b"whole");
        let target = mac(DRONE.parse().unwrap());
        capture.frame(0.0, &ethernet([4; 6], target, &whole));
    }
}

#[test]
fn every_packet_is_in_the_slot_of_its_time_and_in_its_scope() {
    let packets = prop::collection::vec((0u32..20, 0usize..5, 0u16..9, 0u32..1000), 1..120);
    let mut runner = TestRunner::new_with_rng(
        Config {
            cases: 24,
            failure_persistence: None,
            ..Config::default()
        },
        TestRng::deterministic_rng(RngAlgorithm::ChaCha),
    );
    let scratch = TempDir::new().expect("a scratch folder");
    let tried = runner.run(&packets, |packets| {
        let mut capture = Capture::new();
        let wrong = packets.iter().filter(|(_, scope, ..)| *scope == 4).count();
        right_headers(&mut capture, wrong + 1);
        let mut want: BTreeMap<(i64, usize), u64> = BTreeMap::new();
        *want.entry((START, 0)).or_default() += wrong as u64 + 1;
        for (digits, scope, port, fraction) in packets {
            // From seconds to a week, in any order, and before the first packet.
            let ahead = (1i64 << digits) - 4;
            let at = ahead as f64 + f64::from(fraction) / 1000.0;
            packet(&mut capture, at, scope, 40_000 + port);
            *want.entry((START + ahead, scope)).or_default() += 1;
        }
        let path = capture.save(scratch.path());
        let (_, report) = check_here(&path, &[], scratch.path()).expect("it is a capture");
        assert_adds_up(&report);
        let line = &report["timeline"];
        let step = line["step_seconds"].as_i64().expect("a length");
        let start: jiff::Timestamp = line["start"].as_str().expect("a start").parse().unwrap();
        let mut coarse: BTreeMap<(i64, usize), u64> = BTreeMap::new();
        for ((second, scope), count) in want {
            let slot = (second - start.as_second()).div_euclid(step);
            *coarse.entry((slot, scope)).or_default() += count;
        }
        let mut told: BTreeMap<(i64, usize), u64> = BTreeMap::new();
        for slot in line["slots"].as_array().expect("slots") {
            for (index, scope) in SCOPES.iter().enumerate() {
                let count = slot[*scope].as_u64().expect("a count");
                let at = slot["slot"].as_i64().expect("a number");
                prop_assert!((0..240).contains(&at));
                if count > 0 {
                    told.insert((at, index), count);
                }
            }
        }
        prop_assert_eq!(told, coarse);
        Ok(())
    });
    tried.expect("every packet is in its slot");
}

#[test]
fn packets_without_a_time_are_in_no_slot() {
    let scratch = TempDir::new().expect("a scratch folder");
    let capture = fixtures().join("link/simple-packets.pcapng");
    let (_, report) = check_here(&capture, &[], scratch.path()).expect("it is a capture");
    let empty = json!({ "start": Value::Null, "step_seconds": 0, "slots": [], "groups": [] });
    assert_eq!(report["timeline"], empty);
}
