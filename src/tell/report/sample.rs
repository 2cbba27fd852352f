//! A hand-built report with everything that formats trip over: hostile names, a relay, conflicting
//! places, several attributions. For tests of the formats.

use crate::ground::moment::FrameRef;
use crate::tell::report::v1;
use std::collections::BTreeMap;

pub(in crate::tell::report) const STATEMENT: &str =
    "Local Data Mode stops all internet traffic to and from the DJI Pilot flight control app";

pub(in crate::tell::report) fn fly() -> v1::App {
    v1::App {
        name: some("dji.go.v5"),
        uid: Some(10123),
        source: word("pcapdroid-trailer"),
        acts_through: None,
        also: Vec::new(),
        cut: false,
    }
}

/// A word of a vocabulary.
pub(in crate::tell::report) fn word<W: for<'de> serde::Deserialize<'de>>(word: &str) -> W {
    serde_json::from_value(word.into()).unwrap()
}

pub(in crate::tell::report) fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

pub(in crate::tell::report) fn destination(
    id: &str,
    attribution: &str,
    host: &str,
) -> v1::Destination {
    v1::Destination {
        id: id.to_owned(),
        scope: word("internet"),
        ip: some("203.0.113.7"),
        port: Some(443),
        via: None,
        transport: "tcp".to_owned(),
        protocol: some("tls"),
        host: some(host),
        host_source: word("tls-sni"),
        names: vec![v1::Name {
            name: host.to_owned(),
            source: word("tls-sni"),
            input: 0,
            frame: 123,
        }],
        owner: some("DJI"),
        role: some("vendor-backend"),
        jurisdiction: some("CN"),
        attribution: word(attribution),
        attribution_reason: "the server name is in the vendor's catalog".to_owned(),
        country: some("US"),
        country_confidence: word("agreed"),
        country_candidates: vec!["US".to_owned()],
        asn: Some(64500),
        organisation: some("Example Hosting Corporation"),
        cloud: None,
        app: None,
        stage: word("transferred"),
        flows: 3,
        packets_out: 10,
        packets_in: 9,
        bytes_out: 5_000_000,
        bytes_in: 700,
        bytes_opened_out: 0,
        bytes_opened_in: 0,
        sealed: vec![],
        first: some("2025-03-01T10:00:00.123456Z"),
        last: some("2025-03-01T10:09:00.123456Z"),
        clients: vec!["192.168.1.50".to_owned()],
        ja4: vec![],
        explained: None,
        notes: vec![],
        inputs: vec![0],
    }
}

pub(in crate::tell::report) fn finding(id: &str, attribution: &str) -> v1::Finding {
    v1::Finding {
        id: id.to_owned(),
        rule: "vendor-contact".to_owned(),
        claims: vec!["local-data-mode".to_owned()],
        attribution: word(attribution),
        stage: word("transferred"),
        confidence: word("high"),
        destination: some("D1"),
        lookup: None,
        grace: false,
        allowed: None,
        known: None,
        content: Vec::new(),
        text: "5000000 bytes of application payload went to api.dji.com, a host of the drone vendor.".to_owned(),
        bytes_out: Some(5_000_000),
        first: some("2025-03-01T10:00:00.123456Z"),
        frames: (0..12).map(|n| FrameRef { input: 0, frame: 123 + n }).collect(),
        filter: "ip.addr == 203.0.113.7 && tcp.port == 443 && tls.handshake.extensions_server_name == \"api.dji.com\"".to_owned(),
    }
}

pub(in crate::tell::report) fn gap(id: &str, blocking: bool, text: &str) -> v1::Gap {
    v1::Gap {
        id: word(id),
        count: 12,
        text: text.to_owned(),
        input: Some(0),
        frame: Some(77),
        blocking,
        covered_by: None,
    }
}

pub(in crate::tell::report) fn claim(id: &str, verdict: &str, findings: &[&str]) -> v1::Claim {
    v1::Claim {
        id: id.to_owned(),
        statement: STATEMENT.to_owned(),
        source: "DJI, 30 Nov 2017".to_owned(),
        verdict: word(verdict),
        reasons: vec![v1::Reason {
            id: "vendor-contact".to_owned(),
            text: "traffic to hosts of the vendor inside a window".to_owned(),
        }],
        findings: findings.iter().map(|id| (*id).to_owned()).collect(),
        preset: None,
        parameters: BTreeMap::new(),
        silence: None,
        next_capture: None,
        not_testable: Vec::new(),
    }
}

pub(in crate::tell) fn report() -> v1::Report {
    let hostile = "www.dji.com.\u{202e}moc\u{1b}[2J.\u{7f}a-very-long-label-that-goes-on-and-on.and-another-one.attacker.test";
    let mut relayed = destination("D3", "unknown", "push.example.test");
    relayed.scope = word("relayed");
    relayed.ip = None;
    relayed.country = None;
    relayed.country_confidence = word("unknown");
    relayed.country_candidates.clear();
    relayed.via = Some(v1::Via {
        ip: "fd00::1".to_owned(),
        port: Some(3128),
    });
    let mut conflict = destination("D4", "vendor", "oss-cn-hangzhou.aliyuncs.com");
    conflict.country_confidence = word("conflict");
    conflict.country_candidates = vec!["CN".to_owned(), "SG".to_owned()];
    conflict.cloud = Some(v1::Cloud {
        provider: "alibaba".to_owned(),
        region: some("cn-hangzhou"),
    });
    conflict.app = Some(fly());
    conflict.notes = vec!["the certificate names another host".to_owned()];
    v1::Report {
        schema: v1::SCHEMA.to_owned(),
        tool: v1::Tool {
            name: "drone-audit".to_owned(),
            version: "0.1.0".to_owned(),
            commit: None,
            claims_sha256: "c1".repeat(32),
            catalog_sha256: "c0".repeat(32),
            geo: vec![v1::Geo {
                source: "embedded".to_owned(),
                kind: "DroneAudit-Country-ASN".to_owned(),
                built: some("2026-09-23T00:00:00Z"),
                sha256: "aa".repeat(32),
                attribution: "Contains data of the Example Registry, CC BY-SA 4.0.".to_owned(),
            }],
        },
        run: v1::Run { started: String::new(), seconds: 0.0, arguments: vec![], paths: vec![] },
        digest: "d1".repeat(32),
        verdict: word("contradicted"),
        case: None,
        baseline: None,
        timeline: v1::Timeline {
            start: some("2025-03-01T10:00:00Z"),
            step_seconds: 10,
            slots: vec![
                v1::Slot { slot: 0, local: 600, internet: 50, ..v1::Slot::default() },
                v1::Slot { slot: 54, local: 300, internet: 30, relayed: 10, not_ip: 10, unreadable: 0 },
            ],
            groups: vec![v1::Group {
                name: some("DJI"),
                attribution: word("vendor"),
                destinations: 1,
                bytes_out: 5_000_000,
                bytes_in: 700,
                slots: vec![v1::GroupSlot { slot: 0, packets: 19 }],
            }],
        },
        clocks: Vec::new(),
        inputs: vec![v1::Input {
            path: "flight\u{1b}]0;x\u{7}.pcapng".to_owned(),
            sha256: some(&"5a".repeat(32)),
            bytes: 1_234_567,
            format: "pcapng".to_owned(),
            link_types: vec!["ethernet".to_owned()],
            packets: 1000,
            first: some("2025-03-01T10:00:00.123456Z"),
            last: some("2025-03-01T10:10:00.123456Z"),
            dropped: Some(12),
            truncated: 1,
            damaged: true,
            accounting: v1::Accounting { local: 900, internet: 80, relayed: 10, not_ip: 10, unreadable: 0 },
        }],
        scope: v1::Scope {
            app: None,
            apps_seen: vec![v1::SeenApp { app: fly(), says: word("subject"), packets: 3, input: 0, frame: 1 }],
            device: Some(v1::Device {
                declared: vec!["192.168.1.50".to_owned()],
                macs: vec!["02:00:00:00:00:01".to_owned()],
                addresses: vec!["192.168.1.50".to_owned(), "fe80::1".to_owned()],
                ambiguous: true,
            }),
            windows: vec![v1::Window {
                name: None,
                grace_seconds: 0.0,
                phases: Vec::new(),
                start: some("2025-03-01T10:01:00Z"),
                end: some("2025-03-01T10:11:00Z"),
                first: some("2025-03-01T10:01:00.5Z"),
                last: some("2025-03-01T10:10:00.123456Z"),
                seconds: 539.623456,
            }],
            minimum_seconds: 60.0,
            time_gap_seconds: 60.0,
            local_networks: vec!["203.0.114.0/24".to_owned()],
            proven_local: vec![],
            machines: Vec::new(),
            softened: vec!["--exit-zero".to_owned()],
            redacted: false,
            keylogs: vec![],
        },
        claims: vec![claim("local-data-mode", "contradicted", &["f1", "f2"])],
        findings: vec![finding("f1", "third-party"), finding("f2", "vendor")],
        destinations: vec![
            destination("D1", "vendor", "api.dji.com"),
            destination("D2", "shared", hostile),
            relayed,
            conflict,
        ],
        lookups: vec![v1::Lookup {
            app: None,
            name: "\u{430}pi.dji.com".to_owned(),
            types: vec!["A".to_owned(), "HTTPS".to_owned()],
            resolver: "192.168.1.1".to_owned(),
            clients: vec![],
            scope: word("relayed"),
            answers: (1..8).map(|n| format!("203.0.113.{n}")).collect(),
            owner: None,
            role: None,
            attribution: word("unknown"),
            count: 4,
            first: None,
            input: 0,
            frame: 9,
        }],
        coverage: v1::Coverage {
            gaps: vec![
                gap("started-late", false, "Connections were already open at the first packet."),
                gap("kernel-drops", true, "The capture's own counters report 12 lost packets."),
            ],
            drone_links: vec!["duml".to_owned()],
        },
        limits: vec!["A capture on the phone does not show what the aircraft sends over its own mobile modem.".to_owned()],
        sessions: vec![],
        against: None,
    }
}
