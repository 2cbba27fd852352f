//! TLS whose secrets are at hand: sealed without them, read with them, and never more than what opened whole. The captures are those of
//! `fixtures/open/sessions.py`.

use crate::support::{Ran, check, fixtures, program, reasons, run};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

const CLAIM: [&str; 2] = ["--claim", "no-personal-data"];

fn file(name: &str) -> PathBuf {
    fixtures().join("open").join(name)
}

/// The verdict, its reasons, and the report.
fn judged(capture: &Path, keylog: Option<&Path>) -> (String, Vec<String>, Value) {
    let option = keylog.map(|path| format!("--keylog={}", path.display()));
    let options: Vec<&str> = CLAIM.into_iter().chain(option.as_deref()).collect();
    let (_, report) = check(capture, &options);
    let reasons = reasons(&report).into_iter().map(str::to_owned).collect();
    let verdict = report["claims"][0]["verdict"].as_str().unwrap_or_default();
    (verdict.to_owned(), reasons, report)
}

/// A key log of these lines.
fn log(folder: &TempDir, lines: impl IntoIterator<Item = String>) -> PathBuf {
    let path = folder.path().join("some.log");
    let text: Vec<String> = lines.into_iter().collect();
    fs::write(&path, text.join("\n") + "\n").expect("a file");
    path
}

fn lines() -> Vec<String> {
    let text = fs::read_to_string(file("keys.log")).expect("the key log");
    text.lines().map(str::to_owned).collect()
}

#[test]
fn the_same_session_sealed_and_opened() {
    let keys = file("keys.log");
    for (name, opened) in [
        ("tls13-personal", "contradicted"),
        ("tls12-personal", "contradicted"),
        ("tls13-long", "contradicted"),
        ("h2-personal", "contradicted"),
        ("tls13-plain", "consistent"),
        ("tls12-cbc-plain", "consistent"),
    ] {
        let capture = file(&format!("{name}.pcap"));
        let (sealed, reasons, _) = judged(&capture, None);
        assert_eq!(sealed, "inconclusive", "{name}");
        assert_eq!(reasons, ["payload-unread"], "{name}");
        let (verdict, ..) = judged(&capture, Some(&keys));
        assert_eq!(verdict, opened, "{name}");
    }
}

/// Opened out and in, and what stayed sealed by reason, of the destination of the vendor.
fn account(report: &Value) -> (u64, u64, Vec<(String, u64)>) {
    let all = report["destinations"].as_array().expect("destinations");
    let is_vendor = |d: &&Value| d["ip"] == "47.88.2.11";
    let vendor = all.iter().find(is_vendor).expect("the vendor's row");
    let number = |value: &Value| value.as_u64().expect("a number");
    let sealed = vendor["sealed"].as_array().expect("a list").iter();
    let sealed: Vec<(String, u64)> = sealed
        .map(|s| {
            let reason = s["reason"].as_str().expect("a reason");
            (reason.to_owned(), number(&s["bytes"]))
        })
        .collect();
    let of = |name: &str| number(&vendor[name]);
    let sum: u64 = sealed.iter().map(|(_, bytes)| bytes).sum();
    let opened = of("bytes_opened_out") + of("bytes_opened_in");
    assert!(opened + sum <= of("bytes_out") + of("bytes_in"), "{vendor}");
    assert!(of("bytes_opened_out") <= of("bytes_out"), "{vendor}");
    (of("bytes_opened_out"), of("bytes_opened_in"), sealed)
}

#[test]
fn a_destination_says_what_was_opened_and_why_the_rest_was_not() {
    let keys = file("keys.log");
    for name in [
        "tls13-personal",
        "tls12-personal",
        "tls13-long",
        "h2-personal",
        "tls12-cbc-plain",
    ] {
        let capture = file(&format!("{name}.pcap"));
        let (out, back, sealed) = account(&judged(&capture, None).2);
        assert_eq!((out, back), (0, 0), "{name}");
        assert_eq!(sealed.len(), 1, "{name} {sealed:?}");
        assert_eq!(sealed[0].0, "no-key", "{name}");
        let (out, back, rest) = account(&judged(&capture, Some(&keys)).2);
        assert_eq!(rest, [], "{name}");
        // Records of a handshake that is sealed itself look like data from outside; the client's last one is known by its length.
        let known = sealed[0].1.saturating_sub(out + back);
        assert!(out > 0 && back > 0 && known < 200, "{name} {known}");
    }
    let (out, _, sealed) = account(&judged(&file("tls13-lost.pcap"), Some(&keys)).2);
    assert!(out > 16_000, "{out}");
    assert_eq!(sealed.len(), 1, "{sealed:?}");
    assert_eq!(sealed[0].0, "lost-packets");
    let folder = TempDir::new().expect("a folder");
    let some = lines()
        .into_iter()
        .filter(|line| !line.starts_with("CLIENT_TRAFFIC_SECRET_0"));
    let half = judged(&file("tls13-personal.pcap"), Some(&log(&folder, some)));
    let (out, back, sealed) = account(&half.2);
    assert!(out == 0 && back > 0, "{out} {back}");
    assert_eq!(sealed[0].0, "no-key");
    let turned = lines().into_iter().map(|line| {
        let (rest, secret) = line.rsplit_once(' ').expect("three words");
        let turned: String = secret.chars().rev().collect();
        format!("{rest} {turned}")
    });
    let wrong = judged(&file("tls13-personal.pcap"), Some(&log(&folder, turned)));
    let (out, back, sealed) = account(&wrong.2);
    assert_eq!((out, back, sealed.len()), (0, 0, 1), "{sealed:?}");
    assert_eq!(sealed[0].0, "failed-tag");
    let capture = file("tls13-personal.pcap").display().to_string();
    let keys = keys.display().to_string();
    for format in ["full", "html", "markdown"] {
        let ran = run([
            "check",
            "--claim=no-personal-data",
            "--keylog",
            &keys,
            "-o",
            format,
            &capture,
        ]);
        let text = ran.text();
        let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words.contains("opened with keys:"), "{format} {words}");
    }
}

#[test]
fn names_inside_are_those_of_the_destination() {
    let keys = file("keys.log");
    for (name, source) in [
        ("tls13-plain", "http-host"),
        ("h2-personal", "http2-authority"),
    ] {
        let (_, _, report) = judged(&file(&format!("{name}.pcap")), Some(&keys));
        let text = report["destinations"].to_string();
        assert!(text.contains("inner.example"), "{name}");
        assert!(text.contains(source), "{name}");
        let (_, _, sealed) = judged(&file(&format!("{name}.pcap")), None);
        assert!(!sealed.to_string().contains("inner.example"), "{name}");
    }
}

/// The packets of a pcap file without its segments of at least 1,200 bytes from the vendor.
fn without_long_answers(pcap: &[u8]) -> Vec<u8> {
    let (mut out, mut rest) = (pcap[..24].to_vec(), &pcap[24..]);
    while let Some(length) = rest.get(8..12) {
        let length = u32::from_le_bytes(length.try_into().expect("four bytes")) as usize;
        let (record, behind) = rest.split_at(16 + length);
        if length < 1_200 || record[42..46] != [47, 88, 2, 11] {
            out.extend_from_slice(record);
        }
        rest = behind;
    }
    out
}

/// TLS 1.3 and QUIC: the certificate comes sealed, by itself or compressed (RFC 8879), and the client names nobody.
#[test]
fn certificates_that_are_opened_name_the_server() {
    let folder = TempDir::new().expect("a folder");
    for (log, name) in [
        ("certificates", "in-certificate"),
        ("certificates", "quic-certificate"),
        ("compressed", "in-compressed-zlib"),
        ("compressed", "in-compressed-brotli"),
        ("compressed", "in-compressed-zstd"),
        ("compressed", "quic-compressed-zlib"),
        ("compressed", "quic-compressed-brotli"),
        ("compressed", "quic-compressed-zstd"),
    ] {
        let keys = file(&format!("{log}.log"));
        let capture = file(&format!("{name}.pcap"));
        let (_, _, report) = judged(&capture, Some(&keys));
        let all = report["destinations"].as_array().expect("destinations");
        let vendor = all.iter().find(|d| d["ip"] == "47.88.2.11").expect("a row");
        assert_eq!(vendor["host_source"], "certificate", "{name}");
        let names = vendor["names"].as_array().expect("names");
        let said: Vec<&str> = names.iter().filter_map(|n| n["name"].as_str()).collect();
        assert!(said.contains(&"log-up.djiservice.org"), "{name} {said:?}");
        assert_eq!(said.len(), 16, "a bound: {name} {said:?}");
        let (_, _, sealed) = judged(&capture, None);
        assert!(!sealed.to_string().contains("djiservice"), "{name}");
        // With a piece of it missing it is not guessed at.
        let torn = folder.path().join("torn.pcap");
        let bytes = fs::read(&capture).expect("a capture");
        fs::write(&torn, without_long_answers(&bytes)).expect("a file");
        let (_, _, report) = judged(&torn, Some(&keys));
        assert!(!report.to_string().contains("djiservice"), "{name}");
    }
}

/// An encrypted hello whose secret and configuration are in the log names whom the client asked for, beside the name outside.
#[test]
fn the_name_in_an_encrypted_hello_is_read() {
    let keys = file("ech.log");
    let text = fs::read_to_string(&keys).expect("the key log");
    let folder = TempDir::new().expect("a folder");
    for (name, source) in [
        ("in-ech", "tls-sni"),
        ("in-ech-retried", "tls-sni"),
        ("quic-ech", "quic-sni"),
        ("quic-ech-retried", "quic-sni"),
    ] {
        let capture = file(&format!("{name}.pcap"));
        let (_, _, report) = judged(&capture, Some(&keys));
        let all = report["destinations"].as_array().expect("destinations");
        let vendor = all.iter().find(|d| d["ip"] == "47.88.2.11").expect("a row");
        let names = vendor["names"].as_array().expect("names").iter();
        let said: Vec<_> = names
            .map(|n| (n["name"].as_str(), n["source"].as_str()))
            .collect();
        for host in ["log-up.djiservice.org", "public.example"] {
            assert!(
                said.contains(&(Some(host), Some(source))),
                "{name} {said:?}"
            );
        }
        assert_eq!(vendor["host"], "log-up.djiservice.org", "{name}");
        // Neither without the log nor with half of it.
        for label in ["", "ECH_SECRET", "ECH_CONFIG"] {
            let half = text
                .lines()
                .filter(|l| !label.is_empty() && l.starts_with(label));
            let half = log(&folder, half.map(str::to_owned));
            let half = Some(&*half).filter(|_| !label.is_empty());
            let (_, _, report) = judged(&capture, half);
            assert!(!report.to_string().contains("djiservice"), "{name} {label}");
        }
    }
}

#[test]
fn what_is_not_opened_whole_stays_unread() {
    let keys = file("keys.log");
    let (verdict, reasons, _) = judged(&file("in-torn-plain.pcap"), Some(&file("more.log")));
    assert_eq!(verdict, "inconclusive", "a packet is missing");
    assert!(
        reasons.contains(&"payload-unread".to_owned()),
        "{reasons:?}"
    );
    let folder = TempDir::new().expect("a folder");
    let plain = file("tls13-plain.pcap");
    for (what, kept) in [
        ("without the client's secret", "CLIENT_TRAFFIC_SECRET_0"),
        (
            "without those of the handshake",
            "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
        ),
    ] {
        let some = lines().into_iter().filter(|line| !line.starts_with(kept));
        let (verdict, ..) = judged(&plain, Some(&log(&folder, some)));
        assert_eq!(verdict, "inconclusive", "{what}");
    }
    // Secrets of other sessions under the right randoms.
    let turned = lines().into_iter().map(|line| {
        let (rest, secret) = line.rsplit_once(' ').expect("three words");
        let turned: String = secret.chars().rev().collect();
        format!("{rest} {turned}")
    });
    let (verdict, reasons, report) = judged(&plain, Some(&log(&folder, turned)));
    assert_eq!(
        (&*verdict, &*reasons),
        ("inconclusive", &["payload-unread".to_owned()][..])
    );
    assert!(!report.to_string().contains("inner.example"));
    // Two bytes of a sealed record have changed places, which no checksum of TCP sees: its content is none. It is the last long one.
    let mut bytes = fs::read(file("tls13-personal.pcap")).expect("a capture");
    let length = |at: usize| u16::from_be_bytes([bytes[at + 3], bytes[at + 4]]);
    let at = (54..bytes.len() - 150)
        .rfind(|at| bytes[*at..].starts_with(&[23, 3, 3]) && (150..400).contains(&length(*at)))
        .expect("a record");
    let from = (at + 20..at + 100)
        .find(|from| bytes[*from] != bytes[from + 2])
        .expect("sealed bytes differ");
    bytes.swap(from, from + 2);
    let path = folder.path().join("swapped.pcap");
    fs::write(&path, &bytes).expect("a file");
    let (verdict, ..) = judged(&path, Some(&keys));
    assert_eq!(verdict, "inconclusive");
}

fn quic(name: &str, opened: bool) -> (String, Vec<String>, Value) {
    let keys = file("quic.log");
    judged(
        &file(&format!("quic-{name}.pcap")),
        opened.then_some(&*keys),
    )
}

/// Versions 1 and 2, from one to the other, all suites, a key update, early data, and a client that moves to another port under another id.
#[test]
fn the_same_quic_session_sealed_and_opened() {
    for (name, opened) in [
        ("personal", "contradicted"),
        ("v2-personal", "contradicted"),
        ("early-personal", "contradicted"),
        ("moves", "contradicted"),
        ("plain", "consistent"),
        ("to-v2-plain", "consistent"),
        ("long-plain", "consistent"),
    ] {
        let (sealed, reasons, report) = quic(name, false);
        assert_eq!(sealed, "inconclusive", "{name}");
        assert_eq!(reasons, ["payload-unread"], "{name}");
        let (out, back, rest) = account(&report);
        assert_eq!((out, back), (0, 0), "{name}");
        assert!(rest.iter().all(|(reason, _)| reason == "no-key"), "{name}");
        let (verdict, reasons, report) = quic(name, true);
        assert_eq!(verdict, opened, "{name} {reasons:?}");
        let (out, back, rest) = account(&report);
        assert!(out > 1000 && back > 300 && rest.is_empty(), "{name}");
        assert!(
            report["destinations"]
                .to_string()
                .contains("http2-authority")
        );
    }
    for name in ["plain", "moves"] {
        let inner = |opened| quic(name, opened).2["destinations"].to_string();
        assert!(inner(true).contains("inner.example"), "{name}");
        assert!(!inner(false).contains("inner.example"), "{name}");
    }
}

/// Ways into TLS and insides of it, and DTLS.
#[test]
fn what_is_inside_and_around_is_followed() {
    let keys = file("inner.log");
    for (name, inner) in [
        ("by-id", "inner.example"),
        ("by-ticket", "inner.example"),
        ("by-psk", "inner.example"),
        ("connect", "inner.example"),
        ("websocket", "inner.example"),
        ("dtls-coap", "inner.example"),
        ("retry", "http-host"),
        ("early", "http-host"),
        ("starttls", "statistical-report"),
        ("mqtt", "statistical-report"),
    ] {
        let capture = file(&format!("in-{name}.pcap"));
        let (verdict, reasons, sealed) = judged(&capture, None);
        assert_eq!(verdict, "inconclusive", "{name}");
        assert_eq!(reasons, ["payload-unread"], "{name}");
        let (verdict, reasons, report) = judged(&capture, Some(&keys));
        assert_eq!(verdict, "contradicted", "{name} {reasons:?}");
        let (out, _, rest) = account(&report);
        assert!(out > 100 && rest.is_empty(), "{name}");
        assert!(report["destinations"].to_string().contains(inner), "{name}");
        let before = sealed["destinations"].to_string();
        assert!(
            inner != "inner.example" || !before.contains(inner),
            "{name}"
        );
    }
}

/// A live stream over RTMP in TLS: its name, and that it is a video.
#[test]
fn a_live_stream_inside_is_told_like_one_outside() {
    for name in ["in-live-12", "in-live-13"] {
        let capture = file(&format!("{name}.pcap"));
        let (verdict, _, sealed) = judged(&capture, None);
        assert_eq!(verdict, "inconclusive", "{name}");
        assert!(
            !sealed.to_string().contains("live.djiservice.org"),
            "{name}"
        );
        let (verdict, reasons, report) = judged(&capture, Some(&file("live.log")));
        assert_eq!(verdict, "contradicted", "{name} {reasons:?}");
        let text = report.to_string();
        for what in ["live.djiservice.org", "video live stream over RTMP"] {
            assert!(text.contains(what), "{name} {what}");
        }
    }
}

/// Over TLS, HTTPS in HTTP/2, QUIC and DTLS.
#[test]
fn lookups_that_are_opened_are_lookups_like_any_other() {
    for (name, keys, hidden, answered) in [
        ("in-dot", "inner.log", true, true),
        ("in-doh", "inner.log", false, true),
        ("in-doh-1", "more.log", false, true),
        ("quic-doh", "more.log", false, true),
        ("quic-doq", "quic.log", true, true),
        ("in-dtls-dns", "inner.log", true, false),
    ] {
        let capture = file(&format!("{name}.pcap"));
        let hides = |report: &Value| report["coverage"].to_string().contains("names-hidden");
        let (verdict, _, sealed) = judged(&capture, None);
        assert_eq!(
            (&*verdict, hides(&sealed)),
            ("inconclusive", hidden),
            "{name}"
        );
        assert_eq!(sealed["lookups"].to_string(), "[]", "{name}");
        let (verdict, reasons, report) = judged(&capture, Some(&file(keys)));
        assert_eq!(
            (&*verdict, hides(&report)),
            ("consistent", false),
            "{name} {reasons:?}"
        );
        let lookups = report["lookups"].to_string();
        assert!(lookups.contains("asked.example"), "{name}");
        assert_eq!(lookups.contains("203.0.113.77"), answered, "{name}");
        let rows = report["destinations"].as_array().expect("destinations");
        let row = rows
            .iter()
            .find(|row| row["ip"] == "47.88.2.11")
            .expect("the vendor's row");
        assert_eq!(row["stage"], "lookup", "{name}");
        assert_eq!(
            row["attribution"], "vendor",
            "{name}: the name outside accuses"
        );
    }
}

/// TLS 1.2 and a second handshake inside, with keys and a random of its own.
#[test]
fn another_handshake_inside_a_connection_is_followed() {
    let keys = file("more.log");
    let capture = file("in-renegotiated.pcap");
    let (verdict, reasons, _) = judged(&capture, None);
    assert_eq!(
        (&*verdict, &*reasons[0]),
        ("inconclusive", "payload-unread")
    );
    let (verdict, reasons, report) = judged(&capture, Some(&keys));
    assert_eq!(verdict, "contradicted", "{reasons:?}");
    let (out, _, rest) = account(&report);
    assert!(out > 300 && rest.is_empty(), "{out} {rest:?}");
    assert!(report["destinations"].to_string().contains("inner.example"));
    // With the secrets of the first handshake alone, what follows the second one stays sealed.
    let text = fs::read_to_string(&keys).expect("the key log");
    let bytes = fs::read(&capture).expect("a capture");
    let random = bytes
        .windows(11)
        .position(|w| w.starts_with(&[22, 3, 1]) && w[5] == 1 && w[9..] == [3, 3])
        .expect("a hello");
    let random: String = bytes[random + 11..random + 43]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let folder = TempDir::new().expect("a folder");
    let first = text.lines().filter(|line| line.contains(&random));
    let first = log(&folder, first.map(str::to_owned));
    let (verdict, _, report) = judged(&capture, Some(&first));
    let (out, _, rest) = account(&report);
    assert_eq!(verdict, "inconclusive");
    assert!(out > 100, "{out}");
    assert_eq!(rest.len(), 1, "{rest:?}");
    assert_eq!(rest[0].0, "no-key");
}

/// A segment is missing that held the end of one request, and the beginning of another one.
#[test]
fn behind_a_hole_records_are_found_again_and_what_the_hole_tore_stays_sealed() {
    let keys = file("more.log");
    for (name, opened) in [
        ("torn-personal", "contradicted"),
        ("torn-12-personal", "contradicted"),
        ("torn-cbc-personal", "contradicted"),
        ("torn-plain", "inconclusive"),
    ] {
        let capture = file(&format!("in-{name}.pcap"));
        let (verdict, reasons, report) = judged(&capture, Some(&keys));
        assert_eq!(verdict, opened, "{name} {reasons:?}");
        let text = report["destinations"].to_string();
        assert!(text.contains("inner.example"), "{name}: the last request");
        let (out, _, rest) = account(&report);
        assert_eq!(rest.len(), 1, "{name} {rest:?}");
        assert_eq!(rest[0].0, "lost-packets", "{name}");
        assert!(out > 17_000 && rest[0].1 < 3000, "{name} {out} {rest:?}");
    }
}

/// Messages that belong to no stream (RFC 9221), and what places are called.
#[test]
fn datagrams_in_quic_are_read_and_places_say_what_was_opened() {
    for (name, keys, place) in [
        ("quic-datagrams", "more.log", "opened quic"),
        ("quic-personal", "quic.log", "http body in opened quic"),
        ("in-dtls-coap", "inner.log", "opened dtls"),
        ("tls13-personal", "keys.log", "http body in opened tls"),
    ] {
        let (verdict, _, report) = judged(&file(&format!("{name}.pcap")), Some(&file(keys)));
        assert_eq!(verdict, "contradicted", "{name}");
        let findings = report["findings"].to_string();
        let place = format!("\"place\":\"{place}\"");
        assert!(findings.contains(&place), "{name} {findings}");
        assert!(findings.contains("readable: "), "{name} {findings}");
    }
}

/// Packets of the vendor's connection, with a bit turned in each third from the third on.
fn with_turned_bits(name: &str, folder: &TempDir) -> PathBuf {
    let mut bytes = fs::read(file(name)).expect("a capture");
    let length = |bytes: &[u8], at: usize| {
        u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes")) as usize
    };
    let (mut at, mut met) = (24, 0);
    while at + 16 < bytes.len() {
        let (begin, end) = (at + 16, at + 16 + length(&bytes, at + 8));
        let vendor = [47, 88, 2, 11];
        let its =
            bytes[begin + 26..begin + 30] == vendor || bytes[begin + 30..begin + 34] == vendor;
        if its && bytes[begin + 23] == 17 {
            met += 1;
            if met > 2 {
                // No checksum, as is allowed over IPv4.
                bytes[begin + 40..begin + 42].fill(0);
                bytes[end - 3] ^= 0x10;
            }
        }
        at = end;
    }
    let path = folder.path().join(name);
    fs::write(&path, &bytes).expect("a file");
    path
}

#[test]
fn wrong_and_half_logs_and_turned_bits_open_nothing_of_datagrams() {
    let folder = TempDir::new().expect("a folder");
    for (name, keys, inner) in [
        ("quic-personal.pcap", "quic.log", "http2-authority"),
        ("quic-v2-personal.pcap", "quic.log", "http2-authority"),
        ("in-dtls-coap.pcap", "inner.log", "inner.example"),
    ] {
        let capture = file(name);
        let text = fs::read_to_string(file(keys)).expect("a key log");
        let turned = text.lines().map(|line| {
            let (rest, secret) = line.rsplit_once(' ').expect("three words");
            let turned: String = secret.chars().rev().collect();
            format!("{rest} {turned}")
        });
        let half = text.lines().filter(|line| {
            !line.starts_with("CLIENT_TRAFFIC") && !line.starts_with("CLIENT_RANDOM")
        });
        let (_, _, sealed) = judged(&capture, None);
        for (what, keys, why) in [
            ("turned", log(&folder, turned), "failed-tag"),
            ("of other sessions", file("keys.log"), "no-key"),
        ] {
            let (verdict, reasons, report) = judged(&capture, Some(&keys));
            assert_eq!(verdict, "inconclusive", "{name} {what}");
            assert_eq!(reasons, ["payload-unread"], "{name} {what}");
            let (out, back, rest) = account(&report);
            assert_eq!((out, back), (0, 0), "{name} {what}");
            assert!(!rest.is_empty(), "{name} {what}");
            assert!(rest.iter().all(|(r, _)| r == why), "{name} {what} {rest:?}");
            assert!(
                !report["destinations"].to_string().contains(inner),
                "{name}"
            );
            if what != "turned" {
                assert_eq!(report["destinations"], sealed["destinations"], "{name}");
            }
        }
        let keys_of_half: Vec<String> = half.map(str::to_owned).collect();
        if !keys_of_half.is_empty() {
            let (verdict, _, report) = judged(&capture, Some(&log(&folder, keys_of_half)));
            assert_eq!(verdict, "inconclusive", "{name}");
            assert_eq!(account(&report).0, 0, "{name}");
        }
        let turned = with_turned_bits(name, &folder);
        let (verdict, _, report) = judged(&turned, Some(&file(keys)));
        assert_eq!(verdict, "inconclusive", "{name}");
        let (out, back, rest) = account(&report);
        assert_eq!((out, back), (0, 0), "{name}");
        assert!(
            rest.iter().any(|(r, _)| r == "failed-tag"),
            "{name} {rest:?}"
        );
        assert!(
            !report["destinations"].to_string().contains(inner),
            "{name}"
        );
    }
}

#[test]
fn a_quic_stream_with_a_hole_is_not_whole() {
    let (verdict, reasons, report) = quic("lost", true);
    assert_eq!(verdict, "inconclusive", "{reasons:?}");
    let gaps = report["coverage"]["gaps"].to_string();
    assert!(gaps.contains("lost-packets"), "{gaps}");
}

#[test]
fn keys_in_a_capture_open_what_stands_before_them() {
    let (verdict, ..) = judged(&file("keys-behind.pcapng"), None);
    assert_eq!(verdict, "contradicted");
}

#[test]
fn a_case_file_names_key_logs() {
    let folder = TempDir::new().expect("a folder");
    for name in ["tls13-plain.pcap", "keys.log"] {
        fs::copy(file(name), folder.path().join(name)).expect("a copy");
    }
    let case = folder.path().join("case.toml");
    let text = "audit.keylog = ['keys.log']\n[[captures]]\npath = 'tls13-plain.pcap'\n[[claims]]\nid = 'no-personal-data'\n";
    fs::write(&case, text).expect("a case");
    let case = case.display().to_string();
    let ran = run(["check", "--case", &case, "-o", "json"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
}

#[test]
fn a_key_log_that_holds_nothing_is_refused_and_bad_lines_are_named() {
    let folder = TempDir::new().expect("a folder");
    let capture = file("tls13-plain.pcap").display().to_string();
    let with = |path: &Path| -> Ran {
        let option = format!("--keylog={}", path.display());
        run(["check", "--claim=no-personal-data", &option, &capture])
    };
    let nothing = with(&log(&folder, ["# nothing".to_owned()]));
    assert_eq!(nothing.code, 2);
    assert!(nothing.err.contains("holds no secret"), "{}", nothing.err);
    let secret = "00112233445566778899";
    let bad = with(&log(&folder, [format!("CLIENT_RANDOM 00 {secret}")]));
    assert_eq!(bad.code, 2);
    assert!(
        bad.err.contains("line 1") && !bad.err.contains(secret),
        "{}",
        bad.err
    );
    let mixed = lines().into_iter().chain(["nonsense".to_owned()]);
    let mixed = with(&log(&folder, mixed));
    assert_eq!(mixed.code, 0, "{}", mixed.err);
    assert!(mixed.err.contains("line"), "{}", mixed.err);
}

/// All that tells something of secrets: their digits in either case, their bytes, and both halves of them.
fn traces<'s>(secrets: impl Iterator<Item = &'s str>) -> Vec<Vec<u8>> {
    let mut out = Vec::new();
    for secret in secrets {
        let pair = |at: usize| u8::from_str_radix(&secret[at..at + 2], 16).expect("digits");
        let raw: Vec<u8> = (0..secret.len()).step_by(2).map(pair).collect();
        for half in [&secret[..secret.len() / 2], &secret[secret.len() / 2..]] {
            out.push(half.to_lowercase().into_bytes());
            out.push(half.to_uppercase().into_bytes());
        }
        out.push(raw[..raw.len() / 2].to_vec());
        out.push(raw[raw.len() / 2..].to_vec());
    }
    out
}

#[test]
fn no_secret_and_nothing_that_was_opened_is_in_any_output_file_or_bundle() {
    let folder = TempDir::new().expect("a folder");
    let scratch = TempDir::new().expect("a folder");
    let logs = [
        "keys.log",
        "quic.log",
        "inner.log",
        "more.log",
        "certificates.log",
        "compressed.log",
        "ech.log",
        "live.log",
    ];
    let all: Vec<String> = logs
        .iter()
        .flat_map(|name| {
            let text = fs::read_to_string(file(name)).expect("a log");
            text.lines().map(str::to_owned).collect::<Vec<_>>()
        })
        .collect();
    let mut traces = traces(all.iter().filter_map(|line| line.rsplit(' ').next()));
    let opened = ["pilot.jones", "38.897676", "77.036529"];
    traces.extend(opened.map(|text| text.as_bytes().to_vec()));
    let traces: Vec<_> = traces.iter().map(memchr::memmem::Finder::new).collect();
    let keys = log(&folder, all.iter().cloned());
    let keys = format!("--keylog={}", keys.display());
    let run = |arguments: &[&str]| {
        let output = program()
            .args(arguments)
            .env("TMPDIR", scratch.path())
            .output()
            .expect("the program starts");
        [output.stdout, output.stderr].concat()
    };
    let silent = |bytes: &[u8], what: &str| {
        for trace in &traces {
            assert!(trace.find(bytes).is_none(), "{what}: {:?}", trace.needle());
        }
    };
    for name in [
        "tls13-personal.pcap",
        "tls12-personal.pcap",
        "keys-behind.pcapng",
        "quic-personal.pcap",
        "quic-datagrams.pcap",
        "in-dtls-coap.pcap",
        "in-renegotiated.pcap",
        "in-torn-personal.pcap",
        "in-certificate.pcap",
        "quic-certificate.pcap",
        "in-compressed-brotli.pcap",
        "quic-compressed-zstd.pcap",
    ] {
        let capture = file(name).display().to_string();
        let formats = [
            "json", "full", "html", "table", "markdown", "csv", "ndjson", "sarif", "junit",
            "intoto",
        ];
        // Each kind in the long forms, one in all.
        let tried = if name == "quic-personal.pcap" { 10 } else { 3 };
        for format in &formats[..tried] {
            let out = run(&["check", "--claim=all", "-vv", &keys, "-o", format, &capture]);
            silent(&out, &format!("{name} {format}"));
        }
        silent(&run(&["flows", &keys, &capture]), name);
        silent(&run(&["fitness", &keys, &capture]), name);
        // A bundle holds the packets, which are sealed, and no secret unless asked.
        let report = folder.path().join("report.json").display().to_string();
        let bundle = folder.path().join("some.pcapng");
        let to = format!("json={report}");
        let root = format!("--root={}", file("").display());
        let out = bundle.display().to_string();
        run(&[
            "check",
            "--claim=no-personal-data",
            "-q",
            &keys,
            "-o",
            &to,
            &capture,
        ]);
        silent(&run(&["extract", "-o", &out, &root, &keys, &report]), name);
        silent(&fs::read(&bundle).expect("a bundle"), name);
        silent(&run(&["verify", &root, &keys, &report]), name);
        let folder = folder.path().join(format!("{name}.bundle"));
        let to = folder.display().to_string();
        silent(
            &run(&["extract", "--bundle", &to, &root, &keys, &report]),
            name,
        );
        let entries: Vec<_> = fs::read_dir(&folder).expect("a bundle").collect();
        assert!(entries.len() > 1, "{name}");
        for entry in entries {
            let path = entry.expect("an entry").path();
            silent(
                &fs::read(&path).expect("a file"),
                &path.display().to_string(),
            );
        }
        let left: Vec<_> = fs::read_dir(scratch.path()).expect("a folder").collect();
        assert!(left.is_empty(), "{name} {left:?}");
    }
}

/// The lines of secrets in the blocks for them of a little-endian pcapng.
fn secrets_in(bytes: &[u8]) -> Vec<String> {
    let word =
        |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes")) as usize;
    let (mut at, mut out) = (0, Vec::new());
    while at + 12 <= bytes.len() {
        if word(at) == 10 {
            let text = &bytes[at + 16..at + 16 + word(at + 12)];
            out.extend(String::from_utf8_lossy(text).lines().map(str::to_owned));
        }
        at += word(at + 4);
    }
    out
}

#[test]
fn an_extract_takes_the_secrets_of_its_sessions_along_where_asked() {
    let folder = TempDir::new().expect("a folder");
    let all = [file("keys.log"), file("quic.log"), file("inner.log")]
        .map(|path| fs::read_to_string(path).expect("a log"));
    let keys = log(&folder, all.concat().lines().map(str::to_owned));
    let keys = format!("--keylog={}", keys.display());
    for (name, given) in [
        ("tls13-personal.pcap", true),
        ("quic-personal.pcap", true),
        ("in-dtls-coap.pcap", true),
        ("keys-behind.pcapng", false),
    ] {
        let capture = file(name).display().to_string();
        let report = folder.path().join("report.json").display().to_string();
        let excerpt = folder.path().join("some.pcapng");
        let out = excerpt.display().to_string();
        let to = format!("json={report}");
        let root = format!("--root={}", file("").display());
        let keys: Vec<&str> = given.then_some(keys.as_str()).into_iter().collect();
        let check = [
            "check",
            "--claim=no-personal-data",
            "-q",
            "-o",
            &to,
            &capture,
        ];
        let ran = run(check.iter().chain(&keys));
        assert_eq!(ran.code, 1, "{name}: {}", ran.err);
        let line = ["extract", "-q", "-o", &out, &root, &report];
        let ran = run(line.iter().chain(&keys));
        assert_eq!(ran.code, 0, "{name}: {}", ran.err);
        let bytes = fs::read(&excerpt).expect("an excerpt");
        assert!(secrets_in(&bytes).is_empty(), "{name}");
        let ran = run(line.iter().chain(&keys).chain(&["--secrets"]));
        assert_eq!(ran.code, 0, "{name}: {}", ran.err);
        let lines = secrets_in(&fs::read(&excerpt).expect("an excerpt"));
        let randoms: std::collections::BTreeSet<&str> = lines
            .iter()
            .filter_map(|line| line.split(' ').nth(1))
            .collect();
        assert_eq!(randoms.len(), 1, "{name}: one session is in it {lines:?}");
        // One secret is all that there is up to TLS 1.2.
        assert!(
            lines.len() >= if name.contains("dtls") { 1 } else { 4 },
            "{name}"
        );
        // They open it.
        let again = run([
            "check",
            "--claim=no-personal-data",
            "-q",
            "-o",
            "json",
            &out,
        ]);
        assert_eq!(again.code, 1, "{name}: {}", again.err);
    }
}

#[test]
fn verify_knows_key_logs_by_their_hashes() {
    let folder = TempDir::new().expect("a folder");
    for name in ["tls13-personal.pcap", "keys.log"] {
        fs::copy(file(name), folder.path().join(name)).expect("a copy");
    }
    let at = |name: &str| folder.path().join(name).display().to_string();
    let (report, keys) = (at("report.json"), at("keys.log"));
    let to = format!("json={report}");
    let capture = at("tls13-personal.pcap");
    let check = [
        "check",
        "--claim=no-personal-data",
        "--keylog",
        &keys,
        "-q",
        "-o",
        &to,
        &capture,
    ];
    assert_eq!(run(check).code, 1);
    let text = fs::read_to_string(&report).expect("a report");
    assert!(text.contains("\"keylogs\""), "its hash is in the report");
    assert_eq!(run(["verify", &report]).code, 0);
    // Under another name, and another file under the name.
    let moved = at("moved.log");
    fs::rename(&keys, &moved).expect("renamed");
    assert_eq!(run(["verify", &report]).code, 2, "it is not there");
    assert_eq!(run(["verify", "--keylog", &moved, &report]).code, 0);
    fs::copy(file("quic.log"), &keys).expect("a copy");
    let ran = run(["verify", &report]);
    assert_eq!(ran.code, 1);
    assert!(ran.text().contains("another key log"), "{}", ran.text());
}
