//! The inventory: one line a flow, with ids that other tools know.

use crate::support::craft::{ACK, Capture, FIN, SYN, dns_question, tcp, udp};
use crate::support::{accounted, assert_adds_up, check, check_here, destination, fixtures, run};
use serde_json::Value;
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

/// The published vectors of Community ID version 1, seed 0 (corelight/community-id-spec, `baseline`).
#[test]
fn community_ids_are_the_specifications() {
    let mut capture = Capture::new();
    capture.ip(
        0.0,
        &tcp(
            "128.232.110.120:34855",
            "66.35.250.204:80",
            (1, 0),
            SYN,
            b"",
        ),
    );
    capture.ip(
        0.1,
        &tcp(
            "66.35.250.204:80",
            "128.232.110.120:34855",
            (1, 2),
            SYN | ACK,
            b"",
        ),
    );
    capture.ip(
        1.0,
        &udp(
            "192.168.1.52:54585",
            "8.8.8.8:53",
            &dns_question(1, "edge.example.net"),
        ),
    );
    let scratch = TempDir::new().expect("a scratch folder");
    let path = capture.save(scratch.path()).display().to_string();
    let ran = run(["flows", "-o", "ndjson", &path]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    let rows: Vec<Value> = ran
        .text()
        .lines()
        .map(|l| serde_json::from_str(l).expect("a JSON object a line"))
        .collect();
    let ids: Vec<&str> = rows
        .iter()
        .filter_map(|r| r["community_id"].as_str())
        .collect();
    assert_eq!(
        ids,
        [
            "1:LQU9qZlK+B5F3KDmev6m5PMibrg=",
            "1:d/FP5EW3wiY1vCndhwleRRKHowQ="
        ]
    );
}

#[test]
fn the_inventory_has_one_line_a_flow_with_the_contracts_fields() {
    let ran = run(["flows", "lab/chrome.pcap"]);
    let rows: Vec<Value> = ran
        .text()
        .lines()
        .map(|l| serde_json::from_str(l).expect("a JSON object a line"))
        .collect();
    // Two TCP connections and one QUIC connection, as the recording's own five-tuples say.
    assert_eq!(rows.len(), 3);
    let fields = "input transport protocol client_ip client_port server_ip server_port scope host host_source app country asn \
                  packets_out packets_in bytes_out bytes_in first last first_frame community_id";
    for row in &rows {
        let have: BTreeSet<&str> = row
            .as_object()
            .expect("an object")
            .keys()
            .map(String::as_str)
            .collect();
        assert_eq!(have, fields.split_whitespace().collect(), "{row}");
    }
    let sum = |of: &str| {
        rows.iter()
            .map(|r| r[of].as_u64().expect("a count"))
            .sum::<u64>()
    };
    let (_, report) = check(&fixtures().join("lab/chrome.pcap"), &[]);
    assert_eq!(
        sum("packets_out") + sum("packets_in"),
        report["inputs"][0]["packets"].as_u64().expect("a count")
    );
    assert_eq!(
        rows.iter()
            .filter(|r| r["host"] == "www.skypixel.com" && r["host_source"] == "tls-sni")
            .count(),
        2
    );
}

/// Two connections with the same addresses and ports, one after the other.
fn reused_ports() -> Capture {
    let mut capture = Capture::new();
    for (at, isn) in [(0.0, 1000), (5.0, 900_000)] {
        let (client, server) = ("192.168.2.20:40001", SERVER);
        capture.ip(at, &tcp(client, server, (isn, 0), SYN, b""));
        capture.ip(at + 0.1, &tcp(server, client, (7, isn + 1), SYN | ACK, b""));
        capture.ip(at + 0.2, &tcp(client, server, (isn + 1, 8), FIN | ACK, b""));
    }
    capture
}

#[test]
fn a_new_connection_on_the_same_ports_is_another_flow() {
    assert_eq!(destination(&judged(&reused_ports(), &[]).1)["flows"], 2);
}

#[test]
fn a_new_connection_on_the_same_ports_is_another_line() {
    let scratch = TempDir::new().expect("a scratch folder");
    let path = reused_ports().save(scratch.path()).display().to_string();
    assert_eq!(run(["flows", &path]).text().lines().count(), 2);
}

#[test]
fn the_inventory_and_the_accounts_agree() {
    for folder in ["edge", "lab", "labelled"] {
        for entry in std::fs::read_dir(fixtures().join(folder)).expect("a folder") {
            let path = entry.expect("an entry").path();
            let name = path.display().to_string();
            if folder == "labelled"
                && !["/dns-", "/dot-", "/relayed-", "/addr-", "/tls-ech"]
                    .iter()
                    .any(|part| name.contains(part))
            {
                continue;
            }
            let (_, report) = check(&path, &[]);
            let ran = run(["flows", &name]);
            let rows: Vec<Value> = ran
                .text()
                .lines()
                .map(|l| serde_json::from_str(l).expect("JSON"))
                .collect();
            for scope in ["local", "internet", "relayed"] {
                let packets: u64 = rows
                    .iter()
                    .filter(|r| r["scope"] == scope)
                    .flat_map(|r| [&r["packets_out"], &r["packets_in"]])
                    .map(|n| n.as_u64().expect("a count"))
                    .sum();
                let frames = accounted(&report, scope);
                // A frame of several packets is accounted once, and a packet inside a packet not at
                // all; every flow's packets are counted.
                let nested = ["amsdu", "ncm", "gre", "ipip"]
                    .iter()
                    .any(|n| name.contains(n));
                if !nested {
                    assert_eq!(packets, frames, "{name}: {scope}");
                }
            }
        }
    }
}
