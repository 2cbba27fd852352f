//! What holds whatever the input is. Each function takes any bytes and panics where something does not hold; the fuzz targets in
//! `tests/fuzz` and the property tests in `tests/suite/invariants.rs` call the same ones.
//!
//! Knows the program by what users get: arguments in, exit code and report out.

use super::craft::{ACK, Capture, DRONE, PHONE, PSH, ROUTER, SYN, ethernet, tcp, udp};
use drone_audit::parts::work;
use serde_json::Value;
use std::fs;
use std::path::Path;
use tempfile::TempDir;

/// Steps per byte that no input may cost, and those that a run costs by itself.
const STEPS_EACH: usize = 4000;
const STEPS_FREE: usize = 400_000;
/// Steps that a compressed input may cost besides: what it holds is read, and may grow by so many bytes before their number is held
/// against it (`observe/capture/compressed.rs`).
const STEPS_UNPACKED: usize = 300 << 20;
/// How compressed files begin: gzip, Zstandard, xz, and LZ4 in two forms; and, from their second byte on, frames to skip.
const COMPRESSED: [&[u8]; 5] = [
    &[0x1f, 0x8b],
    &[0x28, 0xb5, 0x2f, 0xfd],
    &[0xfd, 0x37, 0x7a, 0x58, 0x5a],
    &[0x04, 0x22, 0x4d, 0x18],
    &[0x02, 0x21, 0x4c, 0x18],
];
const SKIPPED: [u8; 3] = [0x2a, 0x4d, 0x18];
/// A report is read by others: nothing in it may be longer than this for a small input.
const REPORT_MAX: usize = 16 << 20;

/// A run in this process: exit code and report, or the message of exit code 2.
fn run(arguments: &[String], report: &Path) -> Result<(u8, Vec<u8>), String> {
    let named = std::iter::once("drone-audit".to_owned()).chain(arguments.iter().cloned());
    let cli = drone_audit::parse(named).map_err(|e| format!("{e:?}"))?;
    let code = drone_audit::run(&cli).map_err(|e| e.to_string());
    let written = fs::read(report);
    match code {
        Ok(code) => {
            assert!(code != 2, "a run that ends well has a verdict");
            Ok((code, written.expect("a report was written")))
        }
        Err(why) => {
            assert!(written.is_err(), "a run that fails leaves no report");
            assert!(!why.trim().is_empty(), "an error says what it is");
            Err(why)
        }
    }
}

/// Audits files with further options.
fn audit(files: &[&Path], options: &[&str], folder: &Path) -> Result<(u8, Value), String> {
    let target = folder.join("report.json");
    let _ = fs::remove_file(&target);
    let mut arguments = vec!["check".to_owned(), "-q".to_owned()];
    arguments.extend(["--threads", "1", "--claim", "all"].map(str::to_owned));
    arguments.extend(options.iter().map(|o| (*o).to_owned()));
    arguments.push(format!("--output=json={}", target.display()));
    arguments.extend(files.iter().map(|f| f.display().to_string()));
    let mut ended = None;
    let steps = work::of(|| ended = Some(run(&arguments, &target)));
    let length: u64 = files
        .iter()
        .filter_map(|f| fs::metadata(f).ok())
        .map(|m| m.len())
        .sum();
    if let Some(steps) = steps {
        let unpacked = files.iter().any(|f| is_compressed(f));
        let free = STEPS_FREE + usize::from(unpacked) * STEPS_UNPACKED;
        let most = free + STEPS_EACH * length as usize;
        assert!(steps <= most, "{steps} steps for {length} bytes");
    }
    let (code, bytes) = ended.expect("it ran")?;
    // Whatever the capture says: nothing in the report drives a terminal, turns a line around, ends it or is invisible.
    let text = std::str::from_utf8(&bytes).expect("the report is UTF-8");
    let odd = text.chars().find(|c| !is_plain(*c));
    assert!(odd.is_none(), "the report holds {odd:?}");
    assert!(bytes.len() <= REPORT_MAX, "{} bytes of report", bytes.len());
    let report: Value = serde_json::from_slice(&bytes).expect("the report is JSON");
    assert_holds(code, &report);
    Ok((code, report))
}

/// True for files that begin as compressed ones do.
fn is_compressed(file: &Path) -> bool {
    let bytes = fs::read(file).unwrap_or_default();
    // The first byte of a frame to skip says which of sixteen it is.
    let skipped = bytes.get(1..).unwrap_or_default();
    skipped.starts_with(&SKIPPED) || COMPRESSED.iter().any(|magic| bytes.starts_with(magic))
}

/// Letters and signs that stand for themselves (Unicode 16, categories Cc, Cf, Zl, Zp and Co are none).
fn is_plain(c: char) -> bool {
    const ODD: [std::ops::RangeInclusive<char>; 11] = [
        '\u{ad}'..='\u{ad}',
        '\u{600}'..='\u{605}',
        '\u{61c}'..='\u{61c}',
        '\u{180e}'..='\u{180e}',
        '\u{200b}'..='\u{200f}',
        '\u{2028}'..='\u{202e}',
        '\u{2060}'..='\u{206f}',
        '\u{e000}'..='\u{f8ff}',
        '\u{feff}'..='\u{feff}',
        '\u{fff9}'..='\u{fffb}',
        '\u{e0000}'..='\u{10ffff}',
    ];
    c == '\n' || !(c.is_control() || ODD.iter().any(|odd| odd.contains(&c)))
}

/// Gaps that say that something was not seen, or not looked at.
const BLOCKING: [&str; 8] = [
    "damaged-file",
    "truncated-file",
    "unreadable-packets",
    "unsupported-link",
    "limits-reached",
    "snaplen-cut",
    "encrypted-wifi",
    "opaque-tunnel",
];

/// What every report of a capture as a whole holds to.
fn assert_holds(code: u8, report: &Value) {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    for input in list(&report["inputs"]) {
        let scopes = input["accounting"].as_object().expect("scopes");
        assert_eq!(scopes.len(), 5);
        let sum: u64 = scopes.values().filter_map(Value::as_u64).sum();
        assert_eq!(input["packets"].as_u64(), Some(sum), "the five add up");
    }
    let gaps = list(&report["coverage"]["gaps"]);
    let blocking = gaps.iter().find(|gap| {
        let id = gap["id"].as_str().expect("an id");
        BLOCKING.contains(&id)
    });
    let unreadable = list(&report["inputs"])
        .iter()
        .any(|input| input["accounting"]["unreadable"] != 0);
    let mut worst = 0;
    for claim in list(&report["claims"]) {
        let verdict = claim["verdict"].as_str().expect("a verdict");
        match verdict {
            "contradicted" => {
                worst = worst.max(2);
                let findings = list(&claim["findings"]);
                assert!(!findings.is_empty(), "an accusation shows its packets");
            }
            "inconclusive" => {
                worst = worst.max(1);
                let reasons = list(&claim["reasons"]);
                assert!(!reasons.is_empty(), "it says why");
            }
            "consistent" => {
                assert!(blocking.is_none(), "consistent beside {blocking:?}");
                assert!(!unreadable, "consistent beside what was not read");
            }
            other => panic!("a verdict {other}"),
        }
    }
    let expected = [0, 3, 1][worst];
    assert_eq!(code, expected, "the exit code is that of the worst claim");
}

/// Without the time of the run, which alone may differ.
fn timeless(judged: Result<(u8, Value), String>) -> Result<(u8, Value), String> {
    judged.map(|(code, mut report)| {
        report["run"] = Value::Null;
        (code, report)
    })
}

fn saved(folder: &Path, name: &str, bytes: &[u8]) -> std::path::PathBuf {
    let path = folder.join(name);
    fs::write(&path, bytes).expect("a file can be written");
    path
}

fn folder() -> TempDir {
    // In memory where there is such a place: thousands of files a minute.
    TempDir::new_in("/dev/shm")
        .or_else(|_| TempDir::new())
        .expect("a scratch folder")
}

/// Secrets of sealed fixtures.
const SECRETS: [&[u8]; 4] = [
    include_bytes!("../../../fixtures/open/keys.log"),
    include_bytes!("../../../fixtures/open/inner.log"),
    include_bytes!("../../../fixtures/open/more.log"),
    include_bytes!("../../../fixtures/open/quic.log"),
];

/// A file of any bytes.
pub(crate) fn any_file(bytes: &[u8]) {
    let folder = folder();
    let path = saved(folder.path(), "capture", bytes);
    // Now and then with the secrets of the sealed fixtures, which are among the seeds.
    let secrets = folder.path().join("secrets");
    let option = format!("--keylog={}", secrets.display());
    let mut options = Vec::new();
    if bytes.len() % 4 == 1 {
        let all = SECRETS.concat();
        fs::write(&secrets, all).expect("a file can be written");
        options.push(option.as_str());
    }
    let first = audit(&[&path], &options, folder.path());
    // Now and then twice: the same in, the same out.
    if bytes.len() % 16 == 7 {
        let second = audit(&[&path], &options, folder.path());
        assert_eq!(timeless(second), timeless(first));
    }
}

/// The verdicts on a file by claim; `None` if it is refused. What holds of every report is checked.
pub(crate) fn verdicts(bytes: &[u8], options: &[&str]) -> Option<Vec<(String, String)>> {
    let folder = folder();
    let path = saved(folder.path(), "capture", bytes);
    let (_, report) = audit(&[&path], options, folder.path()).ok()?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let claims = report["claims"].as_array()?;
    Some(
        claims
            .iter()
            .map(|c| (text(&c["id"]), text(&c["verdict"])))
            .collect(),
    )
}

/// Takes bytes from the front.
struct Taken<'b>(&'b [u8]);

impl<'b> Taken<'b> {
    fn byte(&mut self) -> u8 {
        match self.0.split_first() {
            Some((first, rest)) => {
                self.0 = rest;
                *first
            }
            None => 0,
        }
    }

    fn word(&mut self) -> u16 {
        u16::from_be_bytes([self.byte(), self.byte()])
    }

    /// As many as the next byte or two say, and there are.
    fn some(&mut self) -> &'b [u8] {
        let wanted = match self.byte() {
            n if n < 0xc0 => usize::from(n),
            n => usize::from(n & 0x07) << 8 | usize::from(self.byte()),
        };
        let (taken, rest) = self.0.split_at(wanted.min(self.0.len()));
        self.0 = rest;
        taken
    }
}

/// Packets of a small file at most.
const PACKETS_MAX: usize = 400;

fn audited(capture: &Capture) {
    let folder = folder();
    let path = saved(folder.path(), "capture", capture.bytes());
    let judged = audit(&[&path], &[], folder.path());
    let (_, report) = judged.expect("a file of whole records is a capture");
    assert_eq!(report["inputs"][0]["packets"], capture.packets);
}

/// Frames of any link type: a number, then frames with their lengths.
pub(crate) fn any_link(bytes: &[u8]) {
    let mut taken = Taken(bytes);
    let mut capture = Capture::of_link(u32::from(taken.word() % 320));
    for number in 0..PACKETS_MAX {
        if taken.0.is_empty() {
            break;
        }
        capture.frame(number as f64 / 3.0, taken.some());
    }
    audited(&capture);
}

/// IP packets behind whole Ethernet headers, with their lengths and checksums put right if the first byte of each is even.
pub(crate) fn any_packets(bytes: &[u8]) {
    let mut taken = Taken(bytes);
    let mut capture = Capture::new();
    for number in 0..PACKETS_MAX {
        if taken.0.is_empty() {
            break;
        }
        let right = taken.byte() % 2 == 0;
        let mut packet = taken.some().to_vec();
        if right && packet.len() >= 20 {
            let length = packet.len();
            match packet[0] >> 4 {
                4 => {
                    packet[0] = 0x45;
                    packet[2..4].copy_from_slice(&(length as u16).to_be_bytes());
                    packet[10..12].fill(0);
                    let sum = super::craft::checksum(&[&packet[..20]]);
                    packet[10..12].copy_from_slice(&sum.to_be_bytes());
                }
                6 if length >= 40 => {
                    packet[4..6].copy_from_slice(&((length - 40) as u16).to_be_bytes());
                }
                _ => {}
            }
        }
        if packet.is_empty() {
            packet.push(0x45);
        }
        capture.frame(
            number as f64 / 3.0,
            &ethernet([2, 0, 0, 0, 0, 0x20], [2, 0, 0, 0, 0, 0xfe], &packet),
        );
    }
    audited(&capture);
}

/// Ports at which protocols are found that have one.
const PORTS: [u16; 24] = [
    80, 443, 53, 8080, 8443, 554, 1935, 5060, 1883, 8883, 25, 587, 853, 1080, 3128, 22, 5222, 123,
    3478, 5353, 1900, 9003, 14550, 8889,
];
const PEERS: [&str; 4] = ["45.33.92.2", ROUTER, DRONE, "47.88.1.7"];

/// Datagrams both ways between the phone and somebody.
pub(crate) fn any_datagrams(bytes: &[u8]) {
    let mut taken = Taken(bytes);
    let mut capture = Capture::new();
    for number in 0..PACKETS_MAX {
        if taken.0.is_empty() {
            break;
        }
        let how = taken.byte();
        let port = PORTS[usize::from(how >> 3) % PORTS.len()];
        let ours = format!("{PHONE}:{}", 40_000 + u16::from(how & 1));
        let theirs = format!("{}:{port}", PEERS[usize::from(taken.byte() & 3)]);
        let said = taken.some();
        let packet = match how & 4 {
            0 => udp(&ours, &theirs, said),
            _ => udp(&theirs, &ours, said),
        };
        capture.ip(number as f64 / 3.0, &packet);
    }
    audited(&capture);
}

/// A connection: what both sides say, in segments that come late, again or never.
pub(crate) fn any_stream(bytes: &[u8]) {
    let mut taken = Taken(bytes);
    let mut capture = Capture::new();
    let ours = format!("{PHONE}:40000");
    let port = PORTS[usize::from(taken.byte()) % PORTS.len()];
    let theirs = format!("{}:{port}", PEERS[usize::from(taken.byte() & 3)]);
    let (mut sent, mut heard) = (1001u32, 9001u32);
    capture.ip(0.0, &tcp(&ours, &theirs, (1000, 0), SYN, b""));
    capture.ip(0.1, &tcp(&theirs, &ours, (9000, 1001), SYN | ACK, b""));
    for number in 1..PACKETS_MAX {
        if taken.0.is_empty() {
            break;
        }
        let how = taken.byte();
        let said = taken.some();
        let back = match how & 0x18 {
            // Again, or behind a hole.
            0x08 => 0u32.wrapping_sub(u32::from(how >> 5)),
            0x10 => u32::from(how >> 5),
            _ => 0,
        };
        let flags = match how & 0x06 {
            0x06 => how >> 3,
            _ => PSH | ACK,
        };
        let packet = match how & 1 {
            0 => {
                let packet = tcp(
                    &ours,
                    &theirs,
                    (sent.wrapping_add(back), heard),
                    flags,
                    said,
                );
                sent = sent.wrapping_add(said.len() as u32);
                packet
            }
            _ => {
                let packet = tcp(
                    &theirs,
                    &ours,
                    (heard.wrapping_add(back), sent),
                    flags,
                    said,
                );
                heard = heard.wrapping_add(said.len() as u32);
                packet
            }
        };
        capture.ip(f64::from(number as u32) / 3.0, &packet);
    }
    audited(&capture);
}

/// A request whose bytes come in any segmentation, order and repetition: the name in it is read, as whoever puts the bytes in their
/// places would.
pub(crate) fn any_segmentation(bytes: &[u8]) {
    const SAID: &[u8] = b"POST /a/path?with=things HTTP/1.1\r\nHost: host.example.net\r\nX-Field: value\r\nContent-Length: 5\r\n\r\nhello";
    let mut taken = Taken(bytes);
    let (ours, theirs) = (format!("{PHONE}:40000"), "45.33.92.2:80");
    let start = u32::from(taken.word()) << 16 | u32::from(taken.word());
    let mut capture = Capture::new();
    capture.ip(0.0, &tcp(&ours, theirs, (start, 0), SYN, b""));
    capture.ip(
        0.1,
        &tcp(theirs, &ours, (1, start.wrapping_add(1)), SYN | ACK, b""),
    );
    let mut seen = [false; SAID.len()];
    let mut number = 0;
    let mut say = |from: usize, to: usize, capture: &mut Capture| {
        number += 1;
        let seq = start.wrapping_add(1 + from as u32);
        let segment = tcp(&ours, theirs, (seq, 2), PSH | ACK, &SAID[from..to]);
        capture.ip(0.1 + f64::from(number) / 100.0, &segment);
    };
    // Fewer than a reader keeps that waits for what is missing.
    for _ in 0..40 {
        if taken.0.is_empty() {
            break;
        }
        let from = usize::from(taken.byte()) % SAID.len();
        let to = (from + 1 + usize::from(taken.byte()) % 60).min(SAID.len());
        say(from, to, &mut capture);
        seen[from..to].fill(true);
    }
    // What did not come yet comes now.
    let mut from = 0;
    while let Some(hole) = seen[from..].iter().position(|s| !s) {
        let at = from + hole;
        let length = seen[at..].iter().position(|s| *s);
        let to = length.map_or(SAID.len(), |n| at + n);
        say(at, to, &mut capture);
        from = to;
    }
    let folder = folder();
    let path = saved(folder.path(), "capture", capture.bytes());
    let (_, report) = audit(&[&path], &[], folder.path()).expect("a capture");
    let named = |d: &Value| d["host"] == "host.example.net";
    let rows = report["destinations"].as_array().expect("destinations");
    assert!(rows.iter().any(named), "the request is read: {rows:#?}");
}

/// Kinds of blocks that are met more often than others.
pub(crate) const KINDS: [u32; 12] = [
    1,
    2,
    3,
    4,
    5,
    6,
    6,
    10,
    0xbad,
    0x4000_0bad,
    0x8000_0001,
    0x0a0d_0d0a,
];

/// Blocks of a pcapng with right lengths and anything in them.
pub(crate) fn any_blocks(bytes: &[u8]) {
    let mut taken = Taken(bytes);
    let order = taken.byte();
    let word = |n: u32| match order & 1 {
        0 => n.to_le_bytes(),
        _ => n.to_be_bytes(),
    };
    let half = |n: u16| match order & 1 {
        0 => n.to_le_bytes(),
        _ => n.to_be_bytes(),
    };
    let mut file = Vec::new();
    let mut put = |kind: u32, body: &[u8]| {
        let padded = body.len().next_multiple_of(4);
        file.extend(word(kind));
        file.extend(word(padded as u32 + 12));
        file.extend(body);
        file.resize(file.len() + padded - body.len(), 0);
        file.extend(word(padded as u32 + 12));
    };
    put(
        0x0a0d_0d0a,
        &[&word(0x1a2b_3c4d)[..], &half(1), &half(0), &[0xff; 8]].concat(),
    );
    put(1, &[&half(1)[..], &[0; 6]].concat());
    for _ in 0..PACKETS_MAX {
        if taken.0.is_empty() {
            break;
        }
        let kind = taken.byte();
        let body = taken.some();
        let kind = match KINDS.get(usize::from(kind % 16)) {
            Some(kind) => *kind,
            None => u32::from(kind),
        };
        put(kind, body);
    }
    any_file(&file);
}

/// The flight and a contact with somebody.
fn whole() -> Capture {
    super::craft::session_in_flight("edge.example.net", "203.0.113.9:443")
}

/// A file in two: at a share of its bytes, or of its records where it is a classic pcap, and then both parts have its header.
fn halves(share: u8, file: &[u8]) -> (Vec<u8>, Vec<u8>) {
    const HEADER: usize = 24;
    let at = usize::from(share) * file.len() / 256;
    let (one, other) = file.split_at(at);
    let Some(header) = file.get(..HEADER).filter(|h| h.starts_with(&PCAP)) else {
        return (one.to_vec(), other.to_vec());
    };
    let mut end = HEADER;
    while end < at {
        let length = file.get(end + 8..).and_then(|rest| rest.first_chunk());
        let Some(length) = length.map(|length| u32::from_le_bytes(*length)) else {
            break;
        };
        end = end.saturating_add(16).saturating_add(length as usize);
    }
    let (one, other) = file.split_at(end.min(file.len()));
    (one.to_vec(), [header, other].concat())
}

/// How a classic pcap of this machine's byte order begins.
const PCAP: [u8; 4] = [0xd4, 0xc3, 0xb2, 0xa1];

/// Two files of one recording, behind the share of the first: what each holds is counted once, in whatever order they are given.
pub(crate) fn any_two(bytes: &[u8]) {
    let mut taken = Taken(bytes);
    let (one, other) = halves(taken.byte(), taken.0);
    let folder = folder();
    let (a, b) = (
        saved(folder.path(), "a", &one),
        saved(folder.path(), "b", &other),
    );
    let packets = |judged: &Result<(u8, Value), String>| -> Option<u64> {
        let (_, report) = judged.as_ref().ok()?;
        let inputs = report["inputs"].as_array()?;
        Some(inputs.iter().filter_map(|i| i["packets"].as_u64()).sum())
    };
    let both = audit(&[&a, &b], &[], folder.path());
    let turned = audit(&[&b, &a], &[], folder.path());
    assert_eq!(packets(&both), packets(&turned));
    let verdict =
        |judged: &Result<(u8, Value), String>| judged.as_ref().ok().map(|(code, _)| *code);
    assert_eq!(verdict(&both), verdict(&turned), "the order says nothing");
}

/// A file that goes beside a good capture: the option names what it is.
fn beside(option: &str, bytes: &[u8]) {
    let folder = folder();
    let capture = saved(folder.path(), "capture", whole().bytes());
    let path = saved(folder.path(), "beside", bytes);
    let path = path.display().to_string();
    if let Ok((code, _)) = audit(&[&capture], &[option, &path], folder.path()) {
        assert_ne!(code, 0, "a contact is there");
    }
}

/// A case file of any text, which may name its captures itself: there is one called `capture` beside it.
pub(crate) fn any_case(bytes: &[u8]) {
    beside("--case", bytes);
    let folder = folder();
    saved(folder.path(), "capture", whole().bytes());
    let path = saved(folder.path(), "case.toml", bytes);
    let option = format!("--case={}", path.display());
    let _ = audit(&[], &[&option], folder.path());
}

/// A catalog of any text.
pub(crate) fn any_catalog(bytes: &[u8]) {
    beside("--catalog", bytes);
}

/// An address database that says one thing of every address (MaxMind DB format 2.0): a tree of one node, a record, and what it is.
pub(crate) fn small_database() -> Vec<u8> {
    let text = |text: &str| [&[0x40 | text.len() as u8], text.as_bytes()].concat();
    let half = |n: u8| vec![0xa1, n];
    let mut file = vec![0, 0, 17, 0, 0, 17];
    file.extend([0; 16]);
    for part in [
        vec![0xe1],
        text("country"),
        vec![0xe1],
        text("iso_code"),
        text("US"),
    ] {
        file.extend(part);
    }
    file.extend(b"\xab\xcd\xefMaxMind.com");
    for part in [
        vec![0xe9],
        text("node_count"),
        vec![0xc1, 1],
        text("record_size"),
        half(24),
        text("ip_version"),
        half(4),
        text("database_type"),
        text("Small-Country"),
        text("languages"),
        vec![1, 4],
        text("en"),
        text("binary_format_major_version"),
        half(2),
        text("binary_format_minor_version"),
        vec![0xa0],
        text("build_epoch"),
        vec![4, 2, 0x67, 0, 0, 0],
        text("description"),
        vec![0xe0],
    ] {
        file.extend(part);
    }
    file
}

/// An address database of any bytes.
pub(crate) fn any_database(bytes: &[u8]) {
    beside("--geo", bytes);
}

/// A file of keys of any bytes, behind one that says of what: keys of Wi-Fi, or secrets of TLS over TCP or of QUIC. The capture is one
/// that such keys open.
pub(crate) fn any_keys(bytes: &[u8]) {
    const OPENED: [(&str, &[u8]); 4] = [
        (
            "--wifi-keys",
            include_bytes!("../../../fixtures/wifi/psk-ccmp.pcap"),
        ),
        (
            "--keylog",
            include_bytes!("../../../fixtures/open/tls13-personal.pcap"),
        ),
        (
            "--keylog",
            include_bytes!("../../../fixtures/open/tls12-personal.pcap"),
        ),
        (
            "--keylog",
            include_bytes!("../../../fixtures/open/quic-personal.pcap"),
        ),
    ];
    let mut taken = Taken(bytes);
    let (option, sealed) = OPENED[usize::from(taken.byte()) % OPENED.len()];
    let folder = folder();
    let capture = saved(folder.path(), "capture", sealed);
    let path = saved(folder.path(), "keys", taken.0);
    let option = format!("{option}={}", path.display());
    if let Ok((code, _)) = audit(&[&capture], &[&option], folder.path()) {
        assert_ne!(code, 0, "a contact is there, or it stays sealed");
    }
}

/// Reads what may be a report in every way in which reports are read.
fn read_as_report(folder: &Path, bytes: &[u8]) {
    let capture = saved(folder, "capture.pcap", whole().bytes());
    let given = saved(folder, "given.json", bytes).display().to_string();
    let _ = audit(&[&capture], &["--against", &given], folder);
    let target = folder.join("difference.json");
    for (one, other) in [(&given, &given), (&capture.display().to_string(), &given)] {
        let _ = fs::remove_file(&target);
        let arguments = [
            "diff",
            "-q",
            &format!("--output=json={}", target.display()),
            one,
            other,
        ]
        .map(str::to_owned);
        if let Ok((_, bytes)) = run_any(&arguments, &target) {
            let _: Value = serde_json::from_slice(&bytes).expect("the comparison is JSON");
        }
    }
    let packets = folder.join("packets.pcapng");
    let arguments = [
        "extract",
        "-q",
        &format!("--output={}", packets.display()),
        &given,
    ]
    .map(str::to_owned);
    let _ = run_any(&arguments, &packets);
}

/// As [`run`], of a command whose codes mean other things.
fn run_any(arguments: &[String], target: &Path) -> Result<(u8, Vec<u8>), String> {
    let named = std::iter::once("drone-audit".to_owned()).chain(arguments.iter().cloned());
    let cli = drone_audit::parse(named).map_err(|e| format!("{e:?}"))?;
    let code = drone_audit::run(&cli).map_err(|e| e.to_string());
    match code {
        Ok(code) => Ok((code, fs::read(target).map_err(|e| e.to_string())?)),
        Err(why) => {
            assert!(!target.exists(), "a run that fails leaves nothing");
            Err(why)
        }
    }
}

/// A report of any bytes.
pub(crate) fn any_report(bytes: &[u8]) {
    let folder = folder();
    read_as_report(folder.path(), bytes);
}

/// The value that these choices lead to, as far as there is something inside.
fn inside<'v>(value: &'v mut Value, steps: &[usize]) -> &'v mut Value {
    let Some((step, rest)) = steps.split_first() else {
        return value;
    };
    let count = match value {
        Value::Array(list) => list.len(),
        Value::Object(fields) => fields.len(),
        _ => 0,
    };
    if count == 0 {
        return value;
    }
    let at = step % count;
    let next = match value {
        Value::Array(list) => list.get_mut(at),
        Value::Object(fields) => fields.values_mut().nth(at),
        _ => None,
    };
    inside(next.expect("it is there"), rest)
}

/// Parts of a forged report that come twice: a report of a hundred kilobytes grows to some megabytes.
const DOUBLED_MAX: u32 = 5;

/// A report that says other things than it did, with a digest that is right: pairs of a place and a value.
pub(crate) fn any_forgery(bytes: &[u8]) {
    let folder = folder();
    let capture = saved(folder.path(), "capture.pcap", whole().bytes());
    let Ok((_, mut report)) = audit(&[&capture], &[], folder.path()) else {
        return;
    };
    let mut taken = Taken(bytes);
    // Twice the same, over and over, is more than any memory.
    let mut doubled = 0;
    while !taken.0.is_empty() {
        let steps: Vec<usize> = (0..=taken.byte() % 6)
            .map(|_| usize::from(taken.byte()))
            .collect();
        let place = inside(&mut report, &steps);
        *place = match taken.byte() % 8 {
            0 => Value::Null,
            1 => Value::from(u64::MAX),
            2 => Value::from(-1),
            3 if doubled < DOUBLED_MAX => {
                doubled += 1;
                Value::Array(vec![place.clone(), place.clone()])
            }
            4 => Value::from(String::from_utf8_lossy(taken.some()).into_owned()),
            5 => Value::from("../../../../etc/hostname"),
            6 => serde_json::json!({}),
            _ => Value::from(true),
        };
    }
    if report.is_object() {
        let digest = drone_audit::parts::digest_of_value(&mut report.clone());
        report["digest"] = digest.into();
    }
    read_as_report(folder.path(), report.to_string().as_bytes());
}
