//! Bounds and damage: nothing panics, nothing is lost from the accounts, and no damage acquits.

use crate::support::craft::{
    ACK, Capture, PHONE, PSH, SYN, client_hello, session_in_flight, tcp, udp,
};
use crate::support::{accounted, assert_adds_up, check_here, fixtures, gaps};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::Value;
use std::cell::Cell;
use std::net::Ipv4Addr;
use std::path::Path;
use tempfile::TempDir;

/// Packets, bytes and flows of all rows of a scope.
fn sums(report: &Value, scope: &str) -> (u64, u64, u64) {
    let rows = report["destinations"]
        .as_array()
        .expect("destinations")
        .iter()
        .filter(|d| d["scope"] == scope);
    rows.fold((0, 0, 0), |(packets, bytes, flows), d| {
        let of = |name: &str| d[name].as_u64().expect("a count");
        (
            packets + of("packets_out") + of("packets_in"),
            bytes + of("bytes_out") + of("bytes_in"),
            flows + of("flows"),
        )
    })
}

/// More than the program keeps apart, and one vendor session in the middle of it.
fn crowd(destinations: u32) -> (Capture, u64) {
    let mut capture = Capture::new();
    let hello = client_hello("flysafe-api.dji.com");
    let mut bytes = 0;
    for n in 0..destinations {
        let at = f64::from(n) / 5000.0;
        let address = Ipv4Addr::from(0x0b00_0000 + n);
        let from = format!("{PHONE}:{}", 1024 + n % 60_000);
        capture.ip(at, &udp(&from, &format!("{address}:9999"), b"x"));
        bytes += 1;
        if n == destinations / 2 {
            let (from, to) = (format!("{PHONE}:500"), "47.88.60.14:443");
            capture.ip(at, &tcp(&from, to, (1000, 0), SYN, b""));
            capture.ip(at, &tcp(&from, to, (1001, 1), PSH | ACK, &hello));
            bytes += hello.len() as u64;
        }
    }
    (capture, bytes)
}

fn crowd_is_folded(destinations: u32) {
    let (capture, bytes) = crowd(destinations);
    let scratch = TempDir::new().expect("a scratch folder");
    let (code, report) =
        check_here(&capture.save(scratch.path()), &[], scratch.path()).expect("it is a capture");
    assert_adds_up(&report);
    let rows = report["destinations"].as_array().expect("destinations");
    assert_eq!(code, 1, "what accuses is never folded away");
    assert_eq!(
        (&rows[0]["host"], &rows[0]["attribution"]),
        (&"flysafe-api.dji.com".into(), &"vendor".into())
    );
    assert!(
        rows.len() < destinations as usize,
        "rows are bounded: {}",
        rows.len()
    );
    assert!(gaps(&report).contains(&"limits-reached"));
    assert_eq!(accounted(&report, "internet"), capture.packets);
    assert_eq!(
        sums(&report, "internet"),
        (capture.packets, bytes, u64::from(destinations) + 1),
        "packets, bytes, flows"
    );
}

#[test]
fn more_destinations_than_rows_are_folded_and_none_is_lost() {
    crowd_is_folded(6_000);
}

#[test]
fn more_flows_than_the_table_holds_are_folded_and_none_is_lost() {
    crowd_is_folded(drone_audit::parts::FLOWS_MAX as u32 + 2_000);
}

#[test]
fn hundreds_of_names_on_a_connection_do_not_hide_the_vendors() {
    use crate::support::craft::Connection;
    let mut capture = Capture::new();
    let mut c = Connection::open(&mut capture, 0.0, 40001, "47.88.60.14:80");
    for n in 0..300 {
        let host = if n == 250 {
            "flysafe-api.dji.com".to_owned()
        } else {
            format!("host-{n:03}.example.net")
        };
        c.say(
            &mut capture,
            1.0 + f64::from(n) / 100.0,
            format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n").as_bytes(),
        );
    }
    let scratch = TempDir::new().expect("a scratch folder");
    let (code, report) =
        check_here(&capture.save(scratch.path()), &[], scratch.path()).expect("it is a capture");
    let d = &report["destinations"][0];
    assert_eq!(
        (code, &d["host"], &d["attribution"]),
        (1, &"flysafe-api.dji.com".into(), &"vendor".into())
    );
}

#[test]
fn more_lookups_than_are_listed_do_not_hide_the_vendors() {
    use crate::support::craft::{ROUTER, dns_question};
    let mut capture = Capture::new();
    for n in 0..4_500u32 {
        let name = if n == 4_400 {
            "flysafe-api.dji.com".to_owned()
        } else {
            format!("host-{n}.example.net")
        };
        let from = format!("{PHONE}:{}", 6000 + n);
        capture.ip(
            f64::from(n) / 1000.0,
            &udp(
                &from,
                &format!("{ROUTER}:53"),
                &dns_question(n as u16, &name),
            ),
        );
    }
    let scratch = TempDir::new().expect("a scratch folder");
    let (code, report) =
        check_here(&capture.save(scratch.path()), &[], scratch.path()).expect("it is a capture");
    assert_adds_up(&report);
    let lookups = report["lookups"].as_array().expect("lookups");
    assert_eq!((code, accounted(&report, "relayed")), (1, capture.packets));
    assert!(lookups.len() < 4_500 && lookups.iter().any(|l| l["attribution"] == "vendor"));
    assert!(gaps(&report).contains(&"limits-reached"));
}

#[test]
fn a_compressed_capture_that_breaks_off_is_never_consistent() {
    let plain =
        std::fs::read(fixtures().join("honest-flight.pcap")).expect("the fixture can be read");
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    std::io::Write::write_all(&mut gzip, &plain).expect("it compresses");
    let zstd =
        ruzstd::encoding::compress_to_vec(&plain[..], ruzstd::encoding::CompressionLevel::Fastest);
    let scratch = TempDir::new().expect("a scratch folder");
    for (name, bytes) in [
        ("flight.pcap.gz", gzip.finish().expect("it compresses")),
        ("flight.pcap.zst", zstd),
    ] {
        let path = scratch.path().join(name);
        std::fs::write(&path, &bytes).expect("the capture can be written");
        let (code, report) = check_here(&path, &[], scratch.path()).expect("it is a capture");
        assert_eq!(
            (code, &report["inputs"][0]["packets"]),
            (0, &38.into()),
            "{name}"
        );
        for length in
            (0..bytes.len())
                .step_by(7)
                .chain([bytes.len() - 1, bytes.len() - 4, bytes.len() - 8])
        {
            std::fs::write(&path, &bytes[..length]).expect("the capture can be written");
            if let Ok((code, report)) = check_here(&path, &[], scratch.path()) {
                assert_eq!(
                    code,
                    3,
                    "{name}: {length} of {} bytes: {:#}",
                    bytes.len(),
                    report["coverage"]
                );
                assert_adds_up(&report);
            }
        }
    }
}

/// A change of the file's bytes.
#[derive(Debug, Clone)]
enum Change {
    Flip(prop::sample::Index, u8),
    Insert(prop::sample::Index, Vec<u8>),
    Delete(prop::sample::Index, usize),
    Cut(prop::sample::Index),
}

impl Change {
    fn any() -> impl Strategy<Value = Self> {
        let place = any::<prop::sample::Index>;
        prop_oneof![
            6 => (place(), 0u8..8).prop_map(|(at, bit)| Self::Flip(at, bit)),
            2 => (place(), prop::collection::vec(any::<u8>(), 1..40)).prop_map(|(at, bytes)| Self::Insert(at, bytes)),
            2 => (place(), 1usize..200).prop_map(|(at, count)| Self::Delete(at, count)),
            1 => place().prop_map(Self::Cut),
        ]
    }

    fn apply(&self, bytes: &mut Vec<u8>) {
        match self {
            _ if bytes.is_empty() => {}
            Self::Flip(at, bit) => {
                let at = at.index(bytes.len());
                bytes[at] ^= 1 << bit;
            }
            Self::Insert(at, more) => {
                let at = at.index(bytes.len());
                bytes.splice(at..at, more.iter().copied());
            }
            Self::Delete(at, count) => {
                let at = at.index(bytes.len());
                bytes.drain(at..(at + count).min(bytes.len()));
            }
            Self::Cut(at) => bytes.truncate(at.index(bytes.len())),
        }
    }
}

/// Judges `cases` seeded mutations of `original`. A panic anywhere fails the test.
fn mutated(original: &[u8], name: &str, cases: u32, judge: impl Fn(&Result<(u8, Value), String>)) {
    let scratch = TempDir::new().expect("a scratch folder");
    let path = scratch.path().join(name);
    let config = Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    };
    let mut runner =
        TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let changes = prop::collection::vec(Change::any(), 1..4);
    runner
        .run(&changes, |changes| {
            let mut bytes = original.to_vec();
            changes.iter().for_each(|c| c.apply(&mut bytes));
            std::fs::write(&path, &bytes).expect("the capture can be written");
            let judged = check_here(&path, &[], scratch.path());
            if let Ok((_, report)) = &judged {
                assert_adds_up(report);
            }
            judge(&judged);
            Ok(())
        })
        .unwrap_or_else(|e| panic!("{name}: {e}"));
}

fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(fixtures().join(name)).expect("the fixture can be read")
}

#[test]
fn damage_never_panics_and_every_packet_stays_accounted() {
    for (name, cases) in [
        ("link/two-sections.pcapng", 120),
        ("labelled/addr-gua-on-link-drone.pcap", 80),
        ("labelled/dns-https-record-hint.pcap", 80),
        ("edge/fragments.pcap", 80),
        ("edge/socks5-name.pcap", 60),
        ("link/raw.pcap.gz", 40),
        ("link/raw.pcap.zst", 40),
    ] {
        let short = Path::new(name)
            .file_name()
            .expect("a name")
            .to_str()
            .expect("a plain name");
        let (read, refused) = (Cell::new(0), Cell::new(0));
        mutated(&fixture(name), short, cases, |judged| {
            let count = if judged.is_ok() { &read } else { &refused };
            count.set(count.get() + 1);
        });
        // Of a small compressed file nothing at all is left after most changes.
        let compressed = name.ends_with("gz") || name.ends_with("zst");
        let (read, refused) = (read.get(), refused.get());
        assert!(
            compressed || read > refused,
            "{name}: {read} read, {refused} refused"
        );
    }
}

#[test]
fn damage_never_acquits() {
    let vendor = session_in_flight("flysafe-api.dji.com", "47.88.60.14:443");
    let unknown = session_in_flight("edge.example.net", "203.0.113.9:443");
    for (name, capture) in [("vendor.pcap", &vendor), ("unknown.pcap", &unknown)] {
        mutated(capture.bytes(), name, 150, |judged| {
            if let Ok((_, report)) = judged {
                assert_ne!(report["verdict"], "consistent", "{:#}", report["coverage"]);
            }
        });
    }
}

#[test]
fn damage_to_an_honest_flight_accuses_nobody() {
    let mut flight = Capture::new();
    flight.flight(0, 70);
    mutated(flight.bytes(), "honest.pcap", 150, |judged| {
        if let Ok((_, report)) = judged {
            assert_ne!(
                report["verdict"], "contradicted",
                "{:#}",
                report["findings"]
            );
        }
    });
}

#[test]
fn a_truncated_prefix_of_any_length_is_refused_or_judged() {
    let bytes = session_in_flight("flysafe-api.dji.com", "47.88.60.14:443")
        .bytes()
        .to_vec();
    let scratch = TempDir::new().expect("a scratch folder");
    let path = scratch.path().join("prefix.pcap");
    for length in (0..60).chain((60..bytes.len()).step_by(97)) {
        std::fs::write(&path, &bytes[..length]).expect("the capture can be written");
        match check_here(&path, &[], scratch.path()) {
            Ok((code, report)) => {
                assert!(length >= 24, "a file header cut short is no capture");
                assert_adds_up(&report);
                assert_ne!(code, 0, "{length} bytes");
            }
            Err(why) => assert!(length < 24, "{length} bytes: {why}"),
        }
    }
}
