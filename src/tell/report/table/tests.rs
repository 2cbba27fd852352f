//! Whole tables of hand-built reports.

use super::*;
use crate::ground::text;
use crate::tell::report::sample::word;
use crate::tell::report::sample::{STATEMENT, claim, destination, finding, report};
use crate::tell::report::v1;

fn drawn(report: &v1::Report, width: usize, color: bool) -> String {
    let mut out = Vec::new();
    write_full(report, Style { width, color }, &mut out).unwrap();
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
            // The end of the name is there, on whatever line.
            assert!(shown.contains("attacker."), "{shown}");
            assert!(!shown.contains('\u{430}') && shown.contains(r"\u{430}pi.dji.com"));
        }
    }
}

fn short(report: &v1::Report, width: usize) -> String {
    let mut out = Vec::new();
    let color = false;
    write(report, Style { width, color }, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn the_answer_stands_on_one_screen_and_ends_with_the_verdict() {
    let mut each = report();
    each.sessions = vec![report(), report()];
    for report in [report(), each] {
        for width in [40, 80, 100, 140] {
            let shown = short(&report, width);
            for line in shown.lines() {
                assert!(text::width(line) <= width, "{width}: {line}\n{shown}");
                assert_eq!(line, line.trim_end(), "trailing blanks");
            }
            let printed =
                |c: char| c == '\n' || text::terminal(&c.to_string()).len() == c.len_utf8();
            assert!(shown.chars().all(printed), "{shown}");
            assert!(width < 80 || shown.lines().count() <= 40, "{shown}");
            let last = shown
                .rsplit("\n")
                .find(|line| !line.starts_with(' ') && !line.is_empty());
            assert!(last.unwrap().starts_with("contradicted · "), "{shown}");
        }
    }
}

#[test]
fn the_short_form_says_each_thing_once_and_counts_the_rest() {
    let mut report = report();
    report.findings = (0..30)
        .map(|n| finding(&format!("f{n}"), if n < 29 { "unknown" } else { "vendor" }))
        .collect();
    for (n, finding) in report.findings.iter_mut().enumerate() {
        finding.filter = format!("ip.addr == 203.0.113.{n}");
    }
    let ids: Vec<&str> = report.findings.iter().map(|f| f.id.as_str()).collect();
    let mut first = claim("local-data-mode", "contradicted", &ids);
    let gap = |n: u32| v1::Reason {
        id: "time-gap".to_owned(),
        text: format!("{n} seconds without a packet"),
    };
    first.reasons = (61..101).map(gap).collect();
    let second = claim("us-storage", "inconclusive", &[ids[29]]);
    report.claims = vec![first, second];
    let shown = flat(&short(&report, 100));
    for part in [
        "vendor · ",
        "and 24 more findings: 24 unknown",
        "time-gap (40 times, the first): 61 seconds without a packet",
        "vendor · as F1 above · vendor-contact",
        "contradicted · over 2 claims: 1 contradicted, 1 inconclusive",
    ] {
        assert!(shown.contains(part), "{part}\n{shown}");
    }
    assert_eq!(shown.matches("api.dji.com").count(), 6, "{shown}");
}

#[test]
fn sessions_are_a_line_each_and_the_worst_stands_last() {
    let mut each = report();
    let mut good = report();
    good.verdict = word("consistent");
    good.inputs[0].path = "good.pcap".to_owned();
    good.claims = vec![claim("local-data-mode", "consistent", &[])];
    let mut bad = report();
    bad.inputs[0].path = "bad.pcap".to_owned();
    each.sessions = vec![bad];
    each.sessions.extend((0..29).map(|_| good.clone()));
    let shown = short(&each, 100);
    assert!(shown.lines().count() <= 42, "{shown}");
    assert!(shown.contains("\nconsistent · 2 good.pcap"), "{shown}");
    assert!(shown.contains("\ncontradicted · 1 bad.pcap"), "{shown}");
    assert!(
        shown.contains("  1 contradicted, 29 consistent\n"),
        "{shown}"
    );
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
            "the capture shows traffic that the statement rules out",
            "Why",
            "- vendor-contact: F",
            "2 findings",
            "first 2025-03-01 10:00:00.123456 UTC frames 0:123 0:124",
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
        report.verdict = word(verdict);
        report.claims = vec![claim("local-data-mode", verdict, &[])];
        report.claims[0].reasons.clear();
        let flat = flat(&drawn(&report, 80, false)).to_lowercase();
        assert!(flat.starts_with(&format!("{verdict} · local-data-mode")));
        assert_eq!(flat.contains("rules out"), verdict == "contradicted");
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
                row.stage = word("attempted");
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
    second.verdict = word("consistent");
    second.inputs[0].path = "second.pcap".to_owned();
    second.claims = vec![claim("local-data-mode", "consistent", &[])];
    each.sessions = vec![report(), second];
    let shown = drawn(&each, 100, false);
    assert!(
        shown.starts_with("2 sessions: 1 contradicted, 1 consistent\n"),
        "{shown}"
    );
    assert!(shown.contains("\n\ncontradicted · local-data-mode\n"));
    assert!(shown.contains("── Session 2 of 2: second.pcap ─"));
    assert_eq!(shown.matches("── Destinations").count(), 2);
    assert_eq!(shown.matches("── Program and data").count(), 1);
    assert_eq!(shown.matches("── Scope of the audit").count(), 3);
}

#[test]
fn an_empty_report_is_still_a_page() {
    let mut empty = report();
    empty.verdict = word("inconclusive");
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
