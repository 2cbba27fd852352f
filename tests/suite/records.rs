//! Records and blocks of capture files: odd ones are read, impossible ones are told, blocks that a
//! packet could hide in acquit nothing, and none of it takes longer than the file is long.

use crate::support::craft::{self, Capture};
use crate::support::{accounted, assert_adds_up, check_here, gaps};
use serde_json::Value;
use std::fs;
use std::time::Instant;
use tempfile::TempDir;

const FLIGHT: u32 = 90;

fn judge(file: &[u8]) -> (u8, Value) {
    let scratch = TempDir::new().expect("a scratch folder");
    let path = scratch.path().join("capture");
    fs::write(&path, file).expect("the capture can be written");
    let (code, report) = check_here(&path, &[], scratch.path()).expect("it is a capture");
    assert_adds_up(&report);
    (code, report)
}

/// The records of a classic pcap: seconds, fraction, bytes.
fn records(file: &[u8]) -> Vec<(u32, u32, Vec<u8>)> {
    let word = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().unwrap());
    let mut out = Vec::new();
    let mut at = 24;
    while at < file.len() {
        let captured = word(at + 8) as usize;
        let bytes = file[at + 16..at + 16 + captured].to_vec();
        out.push((word(at), word(at + 4), bytes));
        at += 16 + captured;
    }
    out
}

fn flight() -> Vec<(u32, u32, Vec<u8>)> {
    let mut capture = Capture::new();
    capture.flight(0, FLIGHT);
    records(capture.bytes())
}

fn leak() -> Vec<(u32, u32, Vec<u8>)> {
    records(craft::session_in_flight("flysafe-api.dji.com", "203.0.113.11:443").bytes())
}

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|w| w.to_le_bytes()).collect()
}

/// A classic pcap whose record headers are made by `head` of seconds, fraction and length.
fn pcap(
    magic: u32,
    records: &[(u32, u32, Vec<u8>)],
    head: impl Fn(u32, u32, u32) -> Vec<u8>,
) -> Vec<u8> {
    let mut out = words(&[magic, 0x0004_0002, 0, 0, 262_144, 1]);
    for (seconds, fraction, bytes) in records {
        out.extend(head(*seconds, *fraction, bytes.len() as u32));
        out.extend(bytes);
    }
    out
}

const MICRO: u32 = 0xa1b2_c3d4;
const MODIFIED: u32 = 0xa1b2_cd34;

#[test]
fn odd_records_are_all_read() {
    let leak = leak();
    type Head = fn(u32, u32, u32) -> Vec<u8>;
    let heads: [(&str, u32, Head, bool); 8] = [
        ("plain", MICRO, |s, f, n| words(&[s, f, n, n]), false),
        (
            "no original length",
            MICRO,
            |s, f, n| words(&[s, f, n, 0]),
            false,
        ),
        (
            "half of it",
            MICRO,
            |s, f, n| words(&[s, f, n, n / 2]),
            false,
        ),
        (
            "nanoseconds",
            MICRO,
            |s, f, n| words(&[s, f * 1000, n, n]),
            true,
        ),
        (
            "no fraction at all",
            MICRO,
            |s, _, n| words(&[s, u32::MAX, n, n]),
            true,
        ),
        (
            "1999-04-17",
            MICRO,
            |s, f, n| words(&[s, f, n, n, 2, 8]),
            false,
        ),
        ("Nokia", MICRO, |s, f, n| words(&[s, f, n, n, 7]), false),
        (
            "1999-09-15",
            MODIFIED,
            |s, f, n| words(&[s, f, n, n, 2, 8, 1]),
            false,
        ),
    ];
    for (name, magic, head, told) in heads {
        let (code, report) = judge(&pcap(magic, &leak, head));
        assert_eq!(report["inputs"][0]["packets"], leak.len(), "{name}");
        assert_eq!(code, 1, "{name}");
        assert_eq!(gaps(&report).contains(&"damaged-file"), told, "{name}");
    }
}

#[test]
fn nanoseconds_under_the_magic_of_microseconds_do_not_move_the_clock() {
    let file = pcap(MICRO, &flight(), |s, f, n| words(&[s, f * 1000 + 1, n, n]));
    let (_, report) = judge(&file);
    let last = report["inputs"][0]["last"].as_str().unwrap();
    assert!(last.starts_with("2025-03-01T10:01:30.02"), "{last}");
    assert!(!gaps(&report).contains(&"time-gap"));
}

/// Bytes of the files that would take minutes if each record searched the rest of the file.
const LONG: usize = 1 << 20;
/// Seconds that each of them may take in a build without optimisation, on a busy machine.
const SECONDS: u64 = 30;

#[test]
fn no_record_costs_more_than_its_bytes() {
    let frame = craft::ethernet(
        [2; 6],
        [4; 6],
        &craft::udp("10.0.0.1:1", "10.0.0.2:2", b"x"),
    );
    let n = frame.len() as u32;
    let of = |heads: &dyn Fn(u32) -> Vec<u8>, body: &[u8]| {
        let mut out = pcap(MICRO, &flight(), |s, f, n| words(&[s, f, n, n]));
        let mut at = 0u32;
        while out.len() < LONG {
            out.extend(heads(at));
            out.extend(body);
            at += 1;
        }
        out
    };
    let time = 1_740_823_290;
    let wild = |at: u32| at.wrapping_mul(0x9e37_79b9);
    let (header, none) = (words(&[MICRO, 0x0004_0002, 0, 0, 262_144, 1]), &[][..]);
    let files = [
        (
            "no original length",
            of(&|_| words(&[time, 0, n, 0]), &frame),
        ),
        ("zeros", of(&|_| vec![0; 16], none)),
        ("any time", of(&|at| words(&[wild(at), 0, n, n]), &frame)),
        (
            "any fraction",
            of(&|at| words(&[time, wild(at), n, n]), &frame),
        ),
        ("empty records", of(&|at| words(&[wild(at), 0, 0, 0]), none)),
        (
            "lengths that reach far",
            of(&|_| words(&[time, 0, 262_144, 262_144]), &frame),
        ),
        (
            "lengths beyond the bound",
            of(&|_| words(&[time, 0, 300_000, 300_000]), &frame),
        ),
        ("file headers", of(&|_| header.clone(), none)),
        ("no sense", of(&|at| words(&[wild(at), wild(at ^ 5)]), none)),
    ];
    for (name, file) in files {
        let start = Instant::now();
        let (code, _) = judge(&file);
        assert_ne!(code, 1, "{name}");
        assert!(start.elapsed().as_secs() < SECONDS, "{name}");
    }
}

fn block(kind: u32, body: &[u8]) -> Vec<u8> {
    let padded = body.len().next_multiple_of(4);
    let length = words(&[padded as u32 + 12]);
    let padding = vec![0; padded - body.len()];
    [&words(&[kind]), &length, body, &padding, &length].concat()
}

/// The body of an Enhanced Packet Block with a list of options behind the packet.
fn enhanced((seconds, fraction, bytes): &(u32, u32, Vec<u8>), options: &[u8]) -> Vec<u8> {
    let time = u64::from(*seconds) * 1_000_000 + u64::from(*fraction);
    let n = bytes.len() as u32;
    let mut body = words(&[0, (time >> 32) as u32, time as u32, n, n]);
    body.extend(bytes);
    body.resize(body.len().next_multiple_of(4), 0);
    [&body, options].concat()
}

/// The honest flight as a pcapng, with blocks in the middle.
fn pcapng(extra: &[u8]) -> Vec<u8> {
    let mut out = block(0x0a0d_0d0a, &words(&[0x1a2b_3c4d, 1, u32::MAX, u32::MAX]));
    out.extend(block(1, &words(&[1, 0])));
    let flight = flight();
    for (at, record) in flight.iter().enumerate() {
        out.extend(block(6, &enhanced(record, &[])));
        if at == flight.len() / 2 {
            out.extend(extra);
        }
    }
    out
}

#[test]
fn blocks_that_a_packet_could_hide_in_acquit_nothing() {
    let hidden = &leak()[0];
    let packet = enhanced(hidden, &[]);
    let simple = [&words(&[hidden.2.len() as u32])[..], &hidden.2].concat();
    let behind = |number: &[u8], body: &[u8]| [number, body].concat();
    for (name, extra) in [
        ("type 0", block(0, &packet)),
        ("type 0 and empty", block(0, &[])),
        ("no such type", block(0x77, b"anything at all")),
        ("one bit off", block(6 << 24, &packet)),
        ("name resolution", block(4, &packet)),
        ("a journal", block(9, &packet)),
        ("local use", block(0x8000_0005, &packet)),
        ("local use, simple", block(0x8000_0005, &simple)),
        (
            "a stranger's",
            block(0xbad, &behind(&words(&[4711]), &packet)),
        ),
        (
            "options behind their end",
            block(6, &enhanced(hidden, &words(&[0, 0x0004_0001, 7]))),
        ),
        (
            "an end with a length",
            block(6, &enhanced(hidden, &words(&[0x0004_0000, 7]))),
        ),
        (
            "a simple packet too short",
            block(3, &behind(&words(&[1400]), &hidden.2)),
        ),
        (
            "a simple packet too long",
            block(3, &behind(&words(&[20]), &hidden.2)),
        ),
        (
            "a simple packet of nothing",
            block(3, &behind(&words(&[0]), &hidden.2)),
        ),
    ] {
        let (code, report) = judge(&pcapng(&extra));
        assert!(code == 3 || code == 1, "{name}");
        assert!(gaps(&report).contains(&"damaged-file"), "{name}");
        let packets = accounted(&report, "local") as usize;
        assert!(packets >= flight().len(), "{name}");
    }
    for (name, extra) in [
        ("nothing", vec![]),
        ("a stranger's text", block(0xbad, b"\x67\x12\0\0a remark")),
        (
            "a journal",
            block(9, b"__REALTIME_TIMESTAMP=1740823200000000\nMESSAGE=x\n\n"),
        ),
        ("local use", block(0x8000_0005, b"settings of the recorder")),
        (
            "names",
            block(4, b"\x01\0\x0c\0\xc0\xa8\x02\x01drone.x\0\0\0\0\0"),
        ),
    ] {
        let (code, report) = judge(&pcapng(&extra));
        assert_eq!(
            (code, gaps(&report).contains(&"damaged-file")),
            (0, false),
            "{name}"
        );
    }
}
