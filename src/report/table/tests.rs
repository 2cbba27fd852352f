//! Whole tables of hand-built reports.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

use super::*;
use crate::evidence::FrameRef;
use crate::report::text;
use crate::report::v1;

const STATEMENT: &str =
    "Local Data Mode stops all internet traffic to and from the DJI Pilot flight control app";

fn fly() -> v1::App {
    v1::App {
        name: some("dji.go.v5"),
        uid: Some(10123),
        source: "pcapdroid-trailer".to_owned(),
        acts_through: None,
        also: Vec::new(),
        cut: false,
    }
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn destination(id: &str, attribution: &str, host: &str) -> v1::Destination {
    v1::Destination {
        id: id.to_owned(),
        scope: "internet".to_owned(),
        ip: some("203.0.113.7"),
        port: Some(443),
        via: None,
        transport: "tcp".to_owned(),
        protocol: some("tls"),
        host: some(host),
        host_source: "tls-sni".to_owned(),
        names: vec![v1::Name {
            name: host.to_owned(),
            source: "tls-sni".to_owned(),
            input: 0,
            frame: 123,
        }],
        owner: some("DJI"),
        role: some("vendor-backend"),
        jurisdiction: some("CN"),
        attribution: attribution.to_owned(),
        attribution_reason: "the server name is in the vendor's catalog".to_owned(),
        country: some("US"),
        country_confidence: "agreed".to_owned(),
        country_candidates: vec!["US".to_owned()],
        asn: Some(64500),
        organisation: some("Example Hosting Corporation"),
        cloud: None,
        app: None,
        stage: "transferred".to_owned(),
        flows: 3,
        packets_out: 10,
        packets_in: 9,
        bytes_out: 5_000_000,
        bytes_in: 700,
        first: some("2025-03-01T10:00:00.123456Z"),
        last: some("2025-03-01T10:09:00.123456Z"),
        clients: vec!["192.168.1.50".to_owned()],
        notes: vec![],
        inputs: vec![0],
    }
}

fn finding(id: &str, attribution: &str) -> v1::Finding {
    v1::Finding {
        id: id.to_owned(),
        rule: "vendor-contact".to_owned(),
        claims: vec!["local-data-mode".to_owned()],
        attribution: attribution.to_owned(),
        stage: "transferred".to_owned(),
        confidence: "high".to_owned(),
        destination: some("D1"),
        text: "5000000 bytes of application payload went to api.dji.com, a host of the drone vendor.".to_owned(),
        first: some("2025-03-01T10:00:00.123456Z"),
        frames: (0..12).map(|n| FrameRef { input: 0, frame: 123 + n }).collect(),
        filter: "ip.addr == 203.0.113.7 && tcp.port == 443 && tls.handshake.extensions_server_name == \"api.dji.com\"".to_owned(),
    }
}

fn gap(id: &str, blocking: bool, text: &str) -> v1::Gap {
    v1::Gap {
        id: id.to_owned(),
        count: 12,
        text: text.to_owned(),
        input: Some(0),
        frame: Some(77),
        blocking,
    }
}

fn claim(id: &str, verdict: &str, findings: &[&str]) -> v1::Claim {
    v1::Claim {
        id: id.to_owned(),
        statement: STATEMENT.to_owned(),
        source: "DJI, 30 Nov 2017".to_owned(),
        verdict: verdict.to_owned(),
        reasons: vec![v1::Reason {
            id: "vendor-contact".to_owned(),
            text: "traffic to hosts of the vendor inside a window".to_owned(),
        }],
        findings: findings.iter().map(|id| (*id).to_owned()).collect(),
    }
}

fn report() -> v1::Report {
    let hostile = "www.dji.com.\u{202e}moc\u{1b}[2J.\u{7f}a-very-long-label-that-goes-on-and-on.and-another-one.attacker.test";
    let mut relayed = destination("D3", "unknown", "push.example.test");
    relayed.scope = "relayed".to_owned();
    relayed.ip = None;
    relayed.country = None;
    relayed.country_confidence = "unknown".to_owned();
    relayed.country_candidates.clear();
    relayed.via = Some(v1::Via {
        ip: "fd00::1".to_owned(),
        port: Some(3128),
    });
    let mut conflict = destination("D4", "vendor", "oss-cn-hangzhou.aliyuncs.com");
    conflict.country_confidence = "conflict".to_owned();
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
        verdict: "contradicted".to_owned(),
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
            apps_seen: vec![v1::SeenApp { app: fly(), says: "subject".into(), packets: 3, input: 0, frame: 1 }],
            device: Some(v1::Device {
                declared: vec!["192.168.1.50".to_owned()],
                macs: vec!["02:00:00:00:00:01".to_owned()],
                addresses: vec!["192.168.1.50".to_owned(), "fe80::1".to_owned()],
                ambiguous: true,
            }),
            windows: vec![v1::Window {
                start: some("2025-03-01T10:01:00Z"),
                end: some("2025-03-01T10:11:00Z"),
                first: some("2025-03-01T10:01:00.5Z"),
                last: some("2025-03-01T10:10:00.123456Z"),
                seconds: 539.623456,
            }],
            local_networks: vec!["203.0.114.0/24".to_owned()],
            proven_local: vec![],
            machines: Vec::new(),
            softened: vec!["--exit-zero".to_owned()],
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
            scope: "relayed".to_owned(),
            answers: (1..8).map(|n| format!("203.0.113.{n}")).collect(),
            owner: None,
            role: None,
            attribution: "unknown".to_owned(),
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
    }
}

fn drawn(report: &v1::Report, width: usize, color: bool) -> String {
    let mut out = Vec::new();
    write(report, Style { width, color }, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// The text without box drawing and line breaks, so that wrapping does not matter.
fn flat(text: &str) -> String {
    text.replace(['│', '\n'], " ")
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}

#[test]
fn every_line_fits_and_nothing_of_the_capture_reaches_the_terminal_raw() {
    let mut each = report();
    each.sessions = vec![report(), report()];
    for report in [report(), each] {
        for width in [40, 60, 80, 100, 140, 200] {
            let shown = drawn(&report, width, false);
            for line in shown.lines() {
                assert!(text::width(line) <= width, "{width}: {line}\n{shown}");
                assert_eq!(line, line.trim_end(), "trailing blanks");
            }
            let printed =
                |c: char| c == '\n' || text::terminal(&c.to_string()).len() == c.len_utf8();
            assert!(shown.chars().all(printed), "{shown}");
            assert!(shown.contains(".attacker.test"), "{shown}");
            assert!(
                width > 100 || shown.contains("A name that begins with …"),
                "{shown}"
            );
            assert!(!shown.contains('\u{430}') && shown.contains(r"\u{430}pi.dji.com"));
        }
    }
}

#[test]
fn the_verdict_and_what_it_means_come_first_and_the_rest_in_order() {
    for width in [60, 100, 200] {
        let shown = drawn(&report(), width, false);
        assert!(
            shown.starts_with("contradicted · local-data-mode\n"),
            "{shown}"
        );
        let flat = flat(&shown);
        let parts = [
            &format!("\"{STATEMENT}\" Source: DJI, 30 Nov 2017"),
            "packets in the capture cannot be squared with the statement",
            "Why",
            "- vendor-contact: traffic to hosts",
            "2 findings",
            "first 2025-03-01T10:00:00.123456Z frames 0:123 0:124",
            "and 4 more in the JSON report",
            "filter ip.addr == 203.0.113.7 && tcp.port == 443",
            "── Destinations",
            "api.dji.com",
            "5000000 B",
            "700 B",
            "── Lookups",
            "── Coverage",
            "1000 = 900 local + 80 internet + 10 relayed + 10 not IP + 0 unreadable",
            "kernel-drops",
            "Gaps that do not forbid it",
            "started-late",
            "── What these captures cannot show",
            "── Scope of the audit",
            "── Program and data",
            "CC BY-SA 4.0",
        ];
        let mut rest = flat.as_str();
        for part in parts {
            let at = rest.find(part);
            assert!(
                at.is_some(),
                "{part} is not behind what precedes it\n{shown}"
            );
            rest = &rest[at.unwrap()..];
        }
        assert!(rest.replace(' ', "").ends_with(&"d1".repeat(32)), "{rest}");
    }
    // The vendor's finding before that of a third party, whatever the report's order.
    let shown = drawn(&report(), 100, false);
    assert!(
        shown.find("vendor · transferred").unwrap()
            < shown.find("third-party · transferred").unwrap()
    );
}

#[test]
fn gap_texts_and_places_are_said_in_words() {
    for width in [60, 100, 200] {
        let flat = flat(&drawn(&report(), width, false));
        for part in [
            "unsure: CN or SG",
            "behind a relay",
            "via [fd00::1]:3128",
            "0:77",
        ] {
            assert!(flat.contains(part), "{width} {part}");
        }
    }
    let wide = flat(&drawn(&report(), 200, false));
    assert!(wide.contains("The capture's own counters report 12 lost packets."));
    assert!(wide.contains("4.7 MiB"));
}

#[test]
fn no_verdict_claims_more_than_it_may() {
    for verdict in ["consistent", "inconclusive", "contradicted"] {
        let mut report = report();
        report.verdict = verdict.to_owned();
        report.claims = vec![claim("local-data-mode", verdict, &[])];
        report.claims[0].reasons.clear();
        let flat = flat(&drawn(&report, 80, false)).to_lowercase();
        assert!(flat.starts_with(&format!("{verdict} · local-data-mode")));
        assert_eq!(
            flat.contains("cannot be squared"),
            verdict == "contradicted"
        );
        assert_eq!(flat.contains("shows none"), verdict == "consistent");
        for word in ["proved", "passed", "guarantee", "safe"] {
            assert!(!flat.contains(word), "{verdict}: {word}");
        }
    }
}

#[test]
fn colour_only_when_asked_for_and_only_on_verdicts_and_attributions() {
    let plain = drawn(&report(), 100, false);
    assert!(!plain.contains('\u{1b}'));
    let colored = drawn(&report(), 100, true);
    let mut stripped = String::new();
    let mut words = Vec::new();
    let mut rest = colored.as_str();
    let mut painted = String::new();
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        stripped.push_str(before);
        painted.push_str(before);
        let (code, tail) = after.split_once('m').unwrap();
        let opens = code != "[0" && code != "[39" && code != "[22";
        if !opens && !painted.is_empty() {
            words.push(std::mem::take(&mut painted));
        } else {
            painted.clear();
        }
        rest = tail;
    }
    stripped.push_str(rest);
    assert_eq!(stripped, plain);
    let known = ["contradicted", "vendor", "third-party", "unknown", "shared"];
    assert!(!words.is_empty());
    assert!(
        words.iter().all(|word| known.contains(&word.as_str())),
        "{words:?}"
    );
}

#[test]
fn several_claims_begin_with_the_worst_and_show_each_finding_once() {
    let mut report = report();
    report.claims = vec![
        claim("local-data-mode", "contradicted", &["f2"]),
        claim("us-storage", "inconclusive", &["f2"]),
    ];
    let shown = drawn(&report, 100, false);
    assert!(
        shown.starts_with("contradicted · over 2 claims: 1 contradicted, 1 inconclusive\n"),
        "{shown}"
    );
    assert!(shown.contains("\ninconclusive · us-storage\n"));
    assert_eq!(shown.matches("filter ip.addr").count(), 1);
    assert_eq!(shown.matches("Details are above").count(), 1);
}

#[test]
fn long_lists_are_cut_where_it_matters_least_and_say_so() {
    let mut report = report();
    report.destinations = (0..40)
        .map(|n| {
            let mut row = destination(&format!("D{n}"), "vendor", &format!("h{n}.dji.com"));
            if n < 39 {
                row.stage = "attempted".to_owned();
            }
            row
        })
        .collect();
    report.findings = (0..30)
        .map(|n| finding(&format!("f{n}"), if n < 29 { "unknown" } else { "vendor" }))
        .collect();
    report.claims = vec![claim("local-data-mode", "contradicted", &[])];
    report.claims[0].findings = report
        .findings
        .iter()
        .map(|finding| finding.id.clone())
        .collect();
    let shown = drawn(&report, 100, false);
    assert!(shown.contains("h39.dji.com") && !shown.contains("h38.dji.com"));
    assert!(
        shown.contains(
            "… 15 more destinations not shown here; the JSON report (-o json) has all 40."
        )
    );
    assert!(
        shown.contains("id     f29") && shown.contains("… 10 more findings not shown here"),
        "{shown}"
    );
}

#[test]
fn sessions_come_as_a_summary_and_then_one_by_one() {
    let mut each = report();
    let mut second = report();
    second.verdict = "consistent".to_owned();
    second.inputs[0].path = "second.pcap".to_owned();
    second.claims = vec![claim("local-data-mode", "consistent", &[])];
    each.sessions = vec![report(), second];
    let shown = drawn(&each, 100, false);
    assert!(shown.starts_with("contradicted · local-data-mode\n"));
    assert!(
        shown.contains("2 sessions: 1 contradicted, 1 consistent"),
        "{shown}"
    );
    assert!(shown.contains("── Session 2 of 2: second.pcap ─"));
    assert_eq!(shown.matches("── Destinations").count(), 2);
    assert_eq!(shown.matches("── Program and data").count(), 1);
    assert_eq!(shown.matches("── Scope of the audit").count(), 3);
}

#[test]
fn an_empty_report_is_still_a_page() {
    let mut empty = report();
    empty.verdict = "inconclusive".to_owned();
    empty.claims.clear();
    empty.findings.clear();
    empty.destinations.clear();
    empty.lookups.clear();
    empty.inputs.clear();
    empty.coverage.gaps.clear();
    let shown = drawn(&empty, 60, false);
    assert!(shown.starts_with("inconclusive · no claim was judged\n"));
    assert!(shown.contains("No readable traffic beyond the local network"));
    assert!(shown.contains("none seen"));
}
