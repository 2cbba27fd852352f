//! `--redact`: nothing of the site is left in any format, and everything else is as it was.

use crate::support::craft::{Capture, dns_answer, dns_question, session_in_flight, udp};
use crate::support::{ids, run};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;

/// A flight with a TLS session, and lookups of local names.
fn capture(folder: &Path) -> String {
    let mut capture: Capture = session_in_flight("flysafe-api.dji.com", "203.0.113.11:443");
    let (phone, router) = ("192.168.2.20:40100", "192.168.2.254:53");
    for (at, name) in [
        (75.0, "nas.home.arpa"),
        (76.0, "printer"),
        (77.0, "api.dji.com"),
    ] {
        capture.ip(at, &udp(phone, router, &dns_question(at as u16, name)));
        let answer = dns_answer(at as u16, name, [192, 168, 2, 77]);
        capture.ip(at + 0.1, &udp(router, phone, &answer));
    }
    capture.save(folder).display().to_string()
}

/// What tells the site: addresses, MAC addresses, names.
const SITE: [&str; 6] = [
    "192.168.",
    "02:00:00:00:00:20",
    "60:60:1f:00:00:01",
    "02:00:00:00:00:fe",
    "nas.home",
    "printer",
];

#[test]
fn no_format_tells_the_site() {
    let scratch = tempfile::tempdir().expect("a folder");
    let capture = capture(scratch.path());
    for format in [
        "table", "json", "ndjson", "csv", "markdown", "html", "sarif", "junit", "github", "intoto",
    ] {
        let line = ["check", "-o", format, "--device", "192.168.2.20", &capture];
        let open = run(line);
        let mut hidden = line.to_vec();
        hidden.insert(1, "--redact");
        let ran = run(hidden);
        assert_eq!((ran.code, ran.err.as_str()), (open.code, ""), "{format}");
        for told in SITE {
            assert!(
                !ran.text().contains(told),
                "{format} tells {told}: {}",
                ran.text()
            );
        }
        if format == "json" {
            for told in SITE {
                assert!(open.text().contains(told), "the capture has no {told}");
            }
        }
    }
}

/// A value without the strings that labels stand in.
fn shape(value: &Value) -> Value {
    match value {
        Value::String(text) if SITE.iter().any(|told| text.contains(told)) => "site".into(),
        Value::String(text)
            if ["mac-", "private-", "local-name-"]
                .iter()
                .any(|l| text.contains(l)) =>
        {
            "site".into()
        }
        Value::Array(list) => list.iter().map(shape).collect(),
        Value::Object(fields) => {
            let kept = fields.iter().filter(|(key, _)| {
                !["run", "digest", "limits", "redacted", "filter"].contains(&key.as_str())
            });
            kept.map(|(key, value)| (key.clone(), shape(value)))
                .collect()
        }
        other => other.clone(),
    }
}

#[test]
fn everything_else_is_as_it_was() {
    let scratch = tempfile::tempdir().expect("a folder");
    let capture = capture(scratch.path());
    let line = ["check", "-o", "json", "--device", "192.168.2.20", &capture];
    let open = run(line).report();
    let mut hidden = line.to_vec();
    hidden.push("--redact");
    let report = run(&hidden).report();
    assert_eq!(shape(&report), shape(&open));
    assert_eq!(
        (&report["scope"]["redacted"], &open["scope"]["redacted"]),
        (&true.into(), &false.into())
    );
    assert_eq!(ids(&report["findings"]), ids(&open["findings"]));
    // The same thing has the same label everywhere; another run gives the same ones.
    assert_eq!(run(&hidden).report()["digest"], report["digest"]);
    let device = &report["scope"]["device"];
    assert_eq!(device["declared"], device["addresses"]);
    let machines = report["scope"]["machines"].as_array().expect("machines");
    let its = machines
        .iter()
        .find(|m| m["device"] == true)
        .expect("the device");
    assert_eq!(its["mac"], device["macs"][0]);
    let labels: BTreeSet<&str> = machines.iter().filter_map(|m| m["mac"].as_str()).collect();
    assert!(
        labels.len() == machines.len() && labels.iter().all(|l| l.starts_with("mac-")),
        "{labels:?}"
    );
    // Filters are still filters, and it is said that they select more.
    let filters: Vec<&str> = report["findings"]
        .as_array()
        .expect("findings")
        .iter()
        .filter_map(|f| f["filter"].as_str())
        .collect();
    assert!(
        filters.contains(&"ip.addr == 203.0.113.11 && tcp.port == 443"),
        "{filters:?}"
    );
    assert!(
        filters.iter().all(|f| !f.contains("private-")),
        "{filters:?}"
    );
    let limits = report["limits"].to_string();
    assert!(limits.contains("Display filters are partial"), "{limits}");
}

#[test]
fn sessions_share_their_labels() {
    let scratch = tempfile::tempdir().expect("a folder");
    let one = capture(scratch.path());
    let two = scratch.path().join("again.pcap").display().to_string();
    std::fs::copy(&one, &two).expect("copied");
    let report = run(["check", "-o", "json", "--each", "--redact", &one, &two]).report();
    let sessions = report["sessions"].as_array().expect("sessions");
    assert_eq!(
        sessions[0]["scope"]["machines"],
        sessions[1]["scope"]["machines"]
    );
    for told in SITE {
        assert!(!report.to_string().contains(told), "{told}");
    }
    for session in sessions {
        let mut without = session.clone();
        let digest = drone_audit::parts::digest_of_value(&mut without);
        assert_eq!(session["digest"], digest.as_str());
    }
    let ran = run(["check", "--redact", "--reveal", &one]);
    assert_eq!(ran.code, 2, "{}", ran.err);
}
