//! Every limit is reached by an attack, the report says so, and the contact with the vendor in the middle of the flood is still found.
//!
//! `tests/limits.tsv` lists the named limits of the program with what reaches each.

use crate::support::attacks::all;
use crate::support::{assert_adds_up, check_here};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// Attack, bytes of its file, and what the report has to name as not looked at.
const REACHED: &[(&str, usize, &[&str])] = &[
    (
        "gzip-bomb",
        400_000,
        &[
            "the compressed stream grows out of all proportion to its file; nothing behind that is read",
        ],
    ),
    (
        "zstd-bomb",
        400_000,
        &[
            "the compressed stream grows out of all proportion to its file; nothing behind that is read",
        ],
    ),
    (
        "zstd-window-of-a-gigabyte",
        4_000,
        &[
            "the compressed stream needs more memory than this program gives; nothing behind that is read",
        ],
    ),
    (
        "xz-dictionary-of-gigabytes",
        4_000,
        &[
            "the compressed stream needs more memory than this program gives; nothing behind that is read",
        ],
    ),
    (
        "pcap-times-at-the-ends",
        1_200_000,
        &["more silences and steps of the clock than are kept"],
    ),
    (
        "pcapng-interfaces",
        1_500_000,
        &["more interfaces than this program keeps"],
    ),
    (
        "pcapng-processes",
        800_000,
        &["more processes than this program keeps"],
    ),
    (
        "pcapng-app-names",
        800_000,
        &["more app names than this program keeps"],
    ),
    (
        "pcapng-secrets",
        18_000_000,
        &["more keys stand in the capture than are kept"],
    ),
    (
        "wifi-small-packets-in-a-frame",
        400_000,
        &["more packets in a frame than are followed"],
    ),
    ("labels", 600_000, &["more app labels than are kept"]),
    (
        "labels-of-one-flow",
        20_000,
        &["more app labels on a connection than are kept"],
    ),
    (
        "arp-senders",
        4_500_000,
        &["more pairs of MAC and IP address than are kept"],
    ),
    (
        "prefixes-of-translators",
        20_000,
        &["more prefixes of translators than are kept"],
    ),
    (
        "fragments-never-completed",
        100_000,
        &["more fragments wait than are kept"],
    ),
    (
        "fragments-in-many-versions",
        20_000,
        &["more copies of a fragment that differ than are read in every way"],
    ),
    (
        "tunnels-1000-deep",
        80_000,
        &["packets are nested too deeply"],
    ),
    (
        "udp-flood",
        3_000_000,
        &[
            "more flows were open than are kept",
            "more conversations than rows are kept",
            "more destinations than the report lists: the rest is folded",
        ],
    ),
    (
        "quic-small-initials",
        4_500_000,
        &["more flows were open than are kept; one was being read"],
    ),
    (
        "proxy-targets",
        5_000_000,
        &["more names of a destination than are kept"],
    ),
    (
        "dns-resolvers",
        1_200_000,
        &["more names were looked up than rows are kept"],
    ),
    (
        "dns-alias-chains",
        200_000,
        &["more DNS answers than are kept"],
    ),
    (
        "dhcp-routers",
        10_000,
        &["more routers were named than are kept"],
    ),
    (
        "segments-with-holes",
        60_000,
        &["more holes in a TCP stream than are kept"],
    ),
    (
        "overlapping-segments",
        100_000,
        &["more holes in a TCP stream than are kept"],
    ),
    (
        "conflicting-copies",
        400_000,
        &["more differing copies of a connection's bytes than are read"],
    ),
    (
        "pieces-behind-holes",
        30_000_000,
        &["the memory for reassembly was used up"],
    ),
    (
        "capture-in-a-stream-long-record",
        600_000,
        &["a message is longer than is kept"],
    ),
    (
        "http-hosts",
        100_000,
        &["more names on a connection than are kept"],
    ),
    (
        "dns-names-of-one-address",
        3_000_000,
        &[
            "more DNS answers than are kept",
            "more names were looked up than rows are kept",
            "more lookups than the report lists",
        ],
    ),
    (
        "dtls-messages",
        8_000,
        &["more DTLS handshake messages at a time between two endpoints than are kept"],
    ),
    (
        "dtls-fragments",
        20_000,
        &["a DTLS hello comes in more pieces than are looked at"],
    ),
    (
        "dtls-pieces-apart",
        60_000,
        &["more of a DTLS handshake message than is kept"],
    ),
    (
        "dtls-records",
        8_000,
        &["more DTLS records in a datagram than are looked at"],
    ),
    (
        "quic-packets-in-a-datagram",
        16_000,
        &["more QUIC packets in a datagram than are looked at"],
    ),
    (
        "quic-ids-of-one-flow",
        80_000,
        &["more QUIC packets that do not open than are tried"],
    ),
    (
        "tls-small-records",
        40_000,
        &["a TLS handshake message is longer than is kept"],
    ),
    (
        "http-head-without-end",
        160_000,
        &["a request head is longer than is read"],
    ),
    (
        "sip-head-without-end",
        160_000,
        &["a request head is longer than is read"],
    ),
    (
        "http2-head-without-end",
        200_000,
        &["a request head is longer than is read"],
    ),
    (
        "http2-large-table",
        60_000,
        &["an HTTP/2 header table is larger than is kept"],
    ),
    (
        "http2-lookups",
        40_000,
        &["more lookups at a time on a connection than are kept"],
    ),
    (
        "http2-hosts",
        8_000,
        &["a request names more or longer hosts than are kept"],
    ),
    (
        "http-lookups-in-one-request",
        8_000,
        &["a request looks up more names than are kept"],
    ),
    (
        "rtmp-chunk-streams",
        16_000,
        &["more RTMP chunk streams than are followed"],
    ),
    (
        "rtmp-long-connect",
        60_000,
        &["an RTMP connect command is longer than is read"],
    ),
    (
        "body-gzip-bombs",
        100_000,
        &["more comes out of compressed payload than is looked at"],
    ),
];

/// A report on an attack: exit code, and the texts of what was beyond a limit.
fn beyond(file: &[u8]) -> (u8, Vec<String>) {
    let scratch = TempDir::new().expect("a scratch folder");
    let path = scratch.path().join("capture");
    fs::write(&path, file).expect("the capture can be written");
    let (code, report) = check_here(&path, &["--claim", "all"], scratch.path()).expect("a capture");
    assert_adds_up(&report);
    for claim in report["claims"].as_array().expect("claims") {
        assert_ne!(claim["verdict"], "consistent", "{claim:#}");
    }
    let gaps = report["coverage"]["gaps"].as_array().expect("gaps");
    let of_limits = gaps.iter().filter(|gap| gap["id"] == "limits-reached");
    let text = |gap: &serde_json::Value| gap["text"].as_str().expect("a text").to_owned();
    (code, of_limits.map(text).collect())
}

#[test]
fn every_flood_that_reaches_a_limit_is_told_and_hides_no_contact() {
    let attacks = all();
    let mut wrong = Vec::new();
    for (name, bytes, causes) in REACHED {
        let attack = attacks.iter().find(|a| a.name == *name);
        let attack = attack.unwrap_or_else(|| panic!("no attack is called {name}"));
        let (code, told) = beyond(&attack.file(*bytes));
        let expected = if attack.has_contact() { 1 } else { 3 };
        if code != expected {
            wrong.push(format!("{name}: exit code {code}, the contact is not seen"));
        }
        for cause in *causes {
            if !told.iter().any(|t| t == cause) {
                wrong.push(format!("{name}: {cause:?} is not among {told:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The named limits of a file: constants with MAX in their name. Tests are left out.
fn limits_of(source: &str) -> Vec<String> {
    const TESTS: &str = "\n#[cfg(test)]\n";
    let inside = |(at, _): &(usize, &str)| {
        let line = source[at + TESTS.len()..].lines().next();
        line.is_some_and(|line| line.contains("mod ") && line.ends_with('{'))
    };
    let end = source.match_indices(TESTS).find(inside);
    let code = &source[..end.map_or(source.len(), |(at, _)| at)];
    let mut out = Vec::new();
    for line in code.lines().map(str::trim_start) {
        let Some(at) = line.find("const ") else {
            continue;
        };
        let before = line[..at].trim_end();
        let declares = before.is_empty() || before.starts_with("pub");
        let Some((name, value)) = line[at + 6..].split_once(": ") else {
            continue;
        };
        let counts = !value.starts_with('&') && !value.starts_with('[');
        if declares && counts && name.contains("MAX") {
            out.push(name.to_owned());
        }
    }
    out
}

fn sources(folder: &Path, out: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, out);
        } else if path.extension().is_some_and(|e| e == "rs") {
            out.push(path);
        }
    }
}

#[test]
fn every_named_limit_is_listed_with_what_reaches_it() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    sources(&root.join("src"), &mut files);
    let mut named = BTreeMap::new();
    let mut tests = String::new();
    for path in &files {
        let text = fs::read_to_string(path).expect("a source file");
        let short = path.strip_prefix(root).expect("inside");
        let short = short.display().to_string().replace('\\', "/");
        // What pages and tables leave out stands in the report.
        let page = short.starts_with("src/tell/")
            && !short.starts_with("src/tell/report/build")
            && !short.ends_with("report/read.rs");
        if !page && !short.contains("/tests") {
            for limit in limits_of(&text) {
                *named.entry((short.clone(), limit)).or_insert(0) += 1;
            }
        }
        tests += &text;
    }
    let mut suite = Vec::new();
    sources(&root.join("tests/suite"), &mut suite);
    for path in &suite {
        tests += &fs::read_to_string(path).expect("a source file");
    }
    let attacks: Vec<&str> = all().iter().map(|a| a.name).collect();
    let list = fs::read_to_string(root.join("tests/limits.tsv")).expect("the list");
    let mut wrong = Vec::new();
    for line in list.lines().filter(|l| !l.starts_with('#')) {
        let cells: Vec<&str> = line.split('\t').collect();
        let [file, limit, how, by] = cells[..] else {
            wrong.push(format!("four cells: {line}"));
            continue;
        };
        if named.remove(&(file.to_owned(), limit.to_owned())).is_none() {
            wrong.push(format!("{file} names no limit {limit}, or twice here"));
        }
        let known = match how {
            "attack" => by.split(", ").all(|name| attacks.contains(&name)),
            "test" => by
                .split(", ")
                .all(|name| tests.contains(&format!("fn {name}("))),
            "form" | "shown" | "measure" | "open" => by.len() > 10,
            _ => false,
        };
        if !known {
            wrong.push(format!("{how} {by}: nothing is called so ({line})"));
        }
    }
    for ((file, limit), _) in named {
        wrong.push(format!("{file}: {limit} is not in tests/limits.tsv"));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
