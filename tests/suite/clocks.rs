//! Clocks in the packets against the capture's own.

use crate::support::check_here;
use crate::support::craft::{Capture, Connection, DRONE, PHONE, udp};
use serde_json::{Value, json};
use tempfile::TempDir;

/// First packet of crafted captures, in seconds of NTP's first era.
const START: u64 = 1_740_823_200 + 2_208_988_800;

/// Asks a time server whose clock is `ahead` seconds ahead of the capture's.
fn ask_the_time(capture: &mut Capture, at: u32, ahead: u64) {
    let (phone, server) = (format!("{PHONE}:40123"), "45.33.92.7:123");
    let (mut question, mut answer) = ([0; 48], [0; 48]);
    question[0] = 0x23;
    question[40..].copy_from_slice(&[9; 8]);
    answer[..2].copy_from_slice(&[0x24, 2]);
    answer[24..32].copy_from_slice(&[9; 8]);
    let said = (START + u64::from(at) + ahead) << 32;
    answer[40..].copy_from_slice(&said.to_be_bytes());
    capture.ip(f64::from(at), &udp(&phone, server, &question));
    capture.ip(f64::from(at) + 0.125, &udp(server, &phone, &answer));
}

/// Fetches a page from a server that says that it is this time.
fn fetch(capture: &mut Capture, at: f64, port: u16, server: &str, date: &str) {
    let mut c = Connection::open(capture, at, port, server);
    c.say(
        capture,
        at + 0.1,
        b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n",
    );
    let answer = format!("HTTP/1.1 200 OK\r\nDate: {date}\r\nContent-Length: 0\r\n\r\n");
    c.hear(capture, at + 0.25, answer.as_bytes());
}

fn judged(capture: &Capture) -> Value {
    let scratch = TempDir::new().expect("a scratch folder");
    let path = capture.save(scratch.path());
    let judged = check_here(&path, &[], scratch.path());
    judged.expect("it is a capture").1
}

fn sentence(report: &Value) -> Option<&str> {
    let limits = report["limits"].as_array().expect("limits");
    limits
        .iter()
        .filter_map(Value::as_str)
        .find(|l| l.contains("wall-clock"))
}

#[test]
fn a_capture_an_hour_slow_is_told_by_the_clocks_in_it() {
    let mut capture = Capture::new();
    capture.flight(0, 20);
    ask_the_time(&mut capture, 21, 3600);
    fetch(
        &mut capture,
        22.0,
        40001,
        "45.33.92.2:80",
        "Sat, 01 Mar 2025 11:00:22 GMT",
    );
    // The aircraft does not know what time it is.
    let unset = "Thu, 01 Jan 1970 00:10:00 GMT";
    fetch(&mut capture, 23.0, 40002, &format!("{DRONE}:80"), unset);
    ask_the_time(&mut capture, 25, 3601);
    capture.flight(30, 70);
    let report = judged(&capture);
    let clocks: Vec<Value> = report["clocks"]
        .as_array()
        .expect("clocks")
        .iter()
        .map(|c| {
            json!([
                c["source"],
                c["server"],
                c["offset_least"],
                c["offset_most"],
                c["count"]
            ])
        })
        .collect();
    assert_eq!(
        json!(clocks),
        json!([
            ["http-date", "45.33.92.2", 3599.75, 3599.75, 1],
            ["http-date", DRONE, -1_740_822_623.25, -1_740_822_623.25, 1],
            ["ntp", "45.33.92.7", 3599.875, 3600.875, 2],
        ])
    );
    let said = sentence(&report).expect("it is told");
    let slow =
        "the clock of the capture is 3600 to 3601 seconds behind by the clocks in its packets";
    assert!(said.contains(slow), "{said}");
}

#[test]
fn a_capture_whose_clock_is_right_is_not_accused() {
    let mut capture = Capture::new();
    capture.flight(0, 20);
    ask_the_time(&mut capture, 21, 1);
    fetch(
        &mut capture,
        22.0,
        40001,
        "45.33.92.2:80",
        "Sat, 01 Mar 2025 10:00:18 GMT",
    );
    capture.flight(30, 70);
    let report = judged(&capture);
    assert_eq!(report["clocks"].as_array().map(Vec::len), Some(2));
    assert_eq!(sentence(&report), None);
}
