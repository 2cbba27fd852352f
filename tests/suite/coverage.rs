//! When silence counts: the edges of each gap.

use crate::support::craft::{
    Capture, DRONE, PHONE, ROUTER, SYN, duml, ethernet, ip, mac, tcp, udp,
};
use crate::support::{accounted, assert_adds_up, check_here, destination, gaps, reasons, run};
use serde_json::{Value, json};
use std::path::PathBuf;
use tempfile::TempDir;

fn judged(capture: &Capture, options: &[&str]) -> (u8, Value) {
    let scratch = TempDir::new().expect("a scratch folder");
    let judged = check_here(&capture.save(scratch.path()), options, scratch.path())
        .expect("it is a capture");
    assert_adds_up(&judged.1);
    judged
}

/// A valid drone-link frame, and its answer.
fn link(capture: &mut Capture, at: f64) {
    let (app, aircraft) = (format!("{PHONE}:12346"), format!("{DRONE}:9003"));
    capture.ip(at, &udp(&app, &aircraft, &duml(1, 2, 3, b"")));
    capture.ip(at, &udp(&aircraft, &app, &duml(1, 3, 2, b"")));
}

/// Something local that is no activity of the app.
fn chatter(capture: &mut Capture, at: f64) {
    capture.ip(
        at,
        &udp("192.168.2.30:49000", "192.168.2.31:49001", b"chatter"),
    );
}

fn flight_of(times: &[f64]) -> Capture {
    let mut capture = Capture::new();
    for &at in times {
        link(&mut capture, at);
    }
    capture
}

#[test]
fn sixty_seconds_are_enough_and_less_is_not() {
    for (last, verdict) in [(59.999_999, vec!["too-short"]), (60.0, vec![])] {
        let (_, report) = judged(&flight_of(&[0.0, 20.0, 40.0, last]), &[]);
        assert_eq!(reasons(&report), verdict, "{last}");
    }
    // A window is measured by its packets, not by its bounds.
    let (_, report) = judged(
        &flight_of(&[0.0, 20.0, 40.0, 59.0, 80.0, 100.0]),
        &["--window", "+10/+75"],
    );
    assert_eq!(reasons(&report), ["too-short"], "39 seconds are covered");
}

#[test]
fn three_different_slots_of_activity_are_needed() {
    for (times, verdict) in [
        (&[0.0, 9.9, 10.0][..], vec!["no-app-activity"]),
        (&[0.0, 10.0, 19.9], vec!["no-app-activity"]),
        (&[0.0, 10.0, 60.0], vec![]),
        // Enough slots, and the subject is gone before a minute is over.
        (&[0.0, 10.0, 20.0, 59.9], vec!["too-short"]),
    ] {
        let mut capture = flight_of(times);
        for at in [30.0, 60.0] {
            chatter(&mut capture, at);
        }
        assert_eq!(reasons(&judged(&capture, &[]).1), verdict, "{times:?}");
    }
    // A frame whose checksum is wrong is no drone link.
    let mut broken = Capture::new();
    for at in [0.0, 20.0, 40.0, 60.0] {
        let mut frame = duml(1, 2, 3, b"");
        frame[8] ^= 1;
        broken.ip(
            at,
            &udp(&format!("{PHONE}:12346"), &format!("{DRONE}:9003"), &frame),
        );
    }
    assert_eq!(reasons(&judged(&broken, &[]).1), ["no-app-activity"]);
    assert_eq!(
        reasons(&judged(&broken, &["--device", PHONE]).1),
        ["one-direction"],
        "packets of the device are activity"
    );
}

#[test]
fn silence_longer_than_a_minute_and_steps_of_the_clock_are_gaps() {
    for (times, verdict) in [
        (&[0.0, 15.0, 30.0, 90.0][..], vec![]),
        // What silence takes out is missing from the subject's time as well.
        (
            &[0.0, 15.0, 30.0, 90.000_001],
            vec!["too-short", "time-gap"],
        ),
        (&[100.0, 115.0, 130.0, 160.0, 100.0], vec![]),
        (&[100.0, 115.0, 130.0, 160.1, 100.0], vec!["time-gap"]),
    ] {
        assert_eq!(
            reasons(&judged(&flight_of(times), &[]).1),
            verdict,
            "{times:?}"
        );
    }
    // Of a silence only the part inside the window counts.
    let capture = flight_of(&[0.0, 15.0, 30.0, 45.0, 62.0, 150.0, 160.0, 170.0]);
    assert_eq!(
        reasons(&judged(&capture, &["--window", "+0/+63"]).1),
        [] as [&str; 0]
    );
    assert_eq!(
        reasons(&judged(&capture, &["--window", "+0/+130"]).1),
        ["time-gap"]
    );
}

fn saved(scratch: &TempDir, name: &str, capture: &Capture) -> PathBuf {
    let path = scratch.path().join(name);
    std::fs::write(&path, capture.bytes()).expect("the capture can be written");
    path
}

#[test]
fn a_hole_between_rotated_files_is_a_gap_of_their_series() {
    let scratch = TempDir::new().expect("a scratch folder");
    let first = saved(&scratch, "a.pcap", &flight_of(&[0.0, 15.0, 30.0, 45.0]));
    for (start, verdict) in [(100.0, vec![]), (106.0, vec!["time-gap"])] {
        let second = saved(&scratch, "b.pcap", &flight_of(&[start, start + 15.0]));
        let report = run([
            PathBuf::from("check"),
            "-o".into(),
            "json".into(),
            second,
            first.clone(),
        ])
        .report();
        assert_eq!(reasons(&report), verdict, "{start}");
        assert_eq!(
            report["inputs"][0]["path"], "a.pcap",
            "by time, not by command line"
        );
    }
}

#[test]
fn another_vantage_makes_up_for_a_gap_only_if_it_covers_the_window() {
    let scratch = TempDir::new().expect("a scratch folder");
    let holed = saved(
        &scratch,
        "holed.pcap",
        &flight_of(&[0.0, 10.0, 20.0, 90.0, 100.0]),
    );
    let whole = saved(
        &scratch,
        "whole.pcap",
        &flight_of(&[0.5, 10.5, 20.5, 50.5, 90.5, 100.5]),
    );
    let part = saved(&scratch, "part.pcap", &flight_of(&[40.0, 50.0, 60.0]));
    let together = |other: PathBuf| {
        run([
            PathBuf::from("check"),
            "-o".into(),
            "json".into(),
            holed.clone(),
            other,
        ])
        .report()
    };
    assert_eq!(reasons(&together(whole)), [] as [&str; 0]);
    assert_eq!(reasons(&together(part)), ["time-gap"]);
}

#[test]
fn damage_is_skipped_reported_and_blocks() {
    let mut before = Capture::new();
    before.flight(0, 30);
    let good = before.bytes().len();
    before.flight(35, 70);
    let mut bytes = before.bytes().to_vec();
    // A record in the middle claims more than any packet can hold.
    bytes[good + 8..good + 12].copy_from_slice(&0x7fff_ffffu32.to_le_bytes());
    let scratch = TempDir::new().expect("a scratch folder");
    let path = scratch.path().join("damaged.pcap");
    std::fs::write(&path, &bytes).expect("the capture can be written");
    let (code, report) = check_here(&path, &[], scratch.path()).expect("it is a capture");
    assert_eq!((code, reasons(&report)), (3, vec!["damaged-file"]));
    assert_eq!(report["inputs"][0]["damaged"], true);
    assert_eq!(
        report["inputs"][0]["packets"],
        before.packets - 1,
        "what follows is recovered"
    );
    // Cut inside the last record: truncated, which is not damage.
    std::fs::write(&path, &before.bytes()[..before.bytes().len() - 1])
        .expect("the capture can be written");
    let (code, report) = check_here(&path, &[], scratch.path()).expect("it is a capture");
    assert_eq!((code, reasons(&report)), (3, vec!["truncated-file"]));
    assert_eq!(report["inputs"][0]["packets"], before.packets - 1);
}

#[test]
fn what_is_cut_behind_the_ip_header_keeps_its_scope() {
    let mut capture = Capture::new();
    capture.flight(0, 70);
    let hello = tcp(
        &format!("{PHONE}:40001"),
        "47.88.60.14:443",
        (1, 1),
        24,
        &[0x16; 400],
    );
    let frame = ethernet(
        mac(PHONE.parse().unwrap()),
        mac(ROUTER.parse().unwrap()),
        &hello,
    );
    for (kept, scope) in [(34, "internet"), (60, "internet"), (20, "unreadable")] {
        let mut cut = Capture::new();
        cut.flight(0, 70);
        cut.cut_frame(71.0, &frame, kept);
        let (code, report) = judged(&cut, &[]);
        assert_eq!(
            (code, accounted(&report, scope)),
            (3, 1),
            "{kept} bytes kept"
        );
        assert!(gaps(&report).contains(&"snaplen-cut"), "{kept} bytes kept");
        assert_eq!(report["inputs"][0]["truncated"], 1);
    }
}

/// An honest flight with one packet more.
fn flight_and(packet: &[u8]) -> (u8, Value) {
    let mut capture = Capture::new();
    capture.flight(0, 70);
    capture.ip(71.0, packet);
    judged(&capture, &[])
}

#[test]
fn nothing_that_could_reach_the_internet_passes_in_silence() {
    let (phone, router) = (PHONE.parse().unwrap(), ROUTER.parse().unwrap());
    let inner = tcp(
        &format!("{PHONE}:40001"),
        "47.88.60.14:443",
        (1, 1),
        24,
        b"inside",
    );
    let gre = [&[0, 0, 8, 0][..], &inner].concat();
    let wireguard = [&[1, 0, 0, 0][..], &[9; 144]].concat();
    for (what, packet) in [
        ("a clear tunnel, IP in IP", ip(phone, router, 4, &inner)),
        ("a clear tunnel, GRE", ip(phone, router, 47, &gre)),
        ("ESP", ip(phone, router, 50, &[7; 100])),
        (
            "an unknown IP protocol",
            ip(phone, router, 253, b"who knows"),
        ),
        (
            "WireGuard to a local host",
            udp(
                &format!("{PHONE}:5000"),
                &format!("{ROUTER}:51820"),
                &wireguard,
            ),
        ),
        (
            "a public name at a local resolver",
            udp(
                &format!("{PHONE}:5000"),
                &format!("{ROUTER}:53"),
                &crate::support::craft::dns_question(1, "edge.example.net"),
            ),
        ),
        (
            "a SYN to the internet",
            tcp(
                &format!("{PHONE}:40001"),
                "47.88.60.14:443",
                (1, 0),
                SYN,
                b"",
            ),
        ),
        (
            "a datagram to the shared address space",
            udp(&format!("{PHONE}:5000"), "100.64.1.1:9", b"x"),
        ),
        (
            "a datagram to a documentation address",
            udp(&format!("{PHONE}:5000"), "192.0.2.1:9", b"x"),
        ),
        (
            "a datagram to a reserved address",
            udp(&format!("{PHONE}:5000"), "240.0.0.1:9", b"x"),
        ),
        (
            "a datagram to global multicast",
            udp(&format!("{PHONE}:5000"), "224.0.1.129:9", b"x"),
        ),
    ] {
        let (code, report) = flight_and(&packet);
        assert_eq!(code, 3, "{what}: {:#}", report["claims"]);
    }
    for (what, packet) in [
        (
            "a local name at a local resolver",
            udp(
                &format!("{PHONE}:5000"),
                &format!("{ROUTER}:53"),
                &crate::support::craft::dns_question(1, "printer.home.arpa"),
            ),
        ),
        ("link-local", udp("169.254.3.4:5000", "169.254.3.5:9", b"x")),
        ("loopback", udp("127.0.0.1:5000", "127.0.0.1:9", b"x")),
        (
            "multicast DNS",
            udp(
                &format!("{PHONE}:5353"),
                "224.0.0.251:5353",
                &crate::support::craft::dns_question(0, "drone.local"),
            ),
        ),
    ] {
        let (code, report) = flight_and(&packet);
        assert_eq!(code, 0, "{what}: {:#}", report["claims"]);
    }
}

#[test]
fn a_lookup_is_one_whatever_port_it_is_asked_from() {
    let question = crate::support::craft::dns_question(1, "flysafe-api.dji.com");
    for port in [40000, 53, 443, 5355, 5353, 137] {
        let (code, report) = flight_and(&udp(
            &format!("{PHONE}:{port}"),
            &format!("{ROUTER}:53"),
            &question,
        ));
        assert_eq!(
            (code, reasons(&report)),
            (1, vec!["vendor-lookup"]),
            "from port {port}"
        );
        assert_eq!(
            (
                accounted(&report, "relayed"),
                &report["lookups"][0]["scope"]
            ),
            (1, &json!("relayed")),
            "from port {port}"
        );
    }
}

#[test]
fn clear_tunnels_over_udp_do_not_pass_in_silence() {
    let inner = tcp(
        &format!("{PHONE}:40001"),
        "47.88.60.14:443",
        (1, 1),
        24,
        b"inside",
    );
    let framed = ethernet([2; 6], [4; 6], &inner);
    let length = (inner.len() as u16).to_be_bytes();
    for (what, port, payload) in [
        (
            "VXLAN",
            4789,
            [&[8, 0, 0, 0, 0, 0, 7, 0][..], &framed].concat(),
        ),
        (
            "Geneve",
            6081,
            [&[0, 0, 0x65, 0x58, 0, 0, 7, 0][..], &framed].concat(),
        ),
        (
            "GTP-U",
            2152,
            [&[0x30, 0xff][..], &length, &[0, 0, 0, 9], &inner].concat(),
        ),
        (
            "L2TP",
            1701,
            [&[0, 2, 0, 1, 0, 1, 0xff, 3, 0, 0x21][..], &inner].concat(),
        ),
    ] {
        let (code, report) = flight_and(&udp(
            &format!("{PHONE}:5000"),
            &format!("{ROUTER}:{port}"),
            &payload,
        ));
        assert_ne!(code, 0, "{what}: {:#}", report["claims"]);
    }
}

#[test]
fn an_attempt_that_only_an_icmp_error_quotes_does_not_pass_in_silence() {
    let attempt = tcp(
        &format!("{PHONE}:40001"),
        "47.88.60.14:443",
        (1, 0),
        SYN,
        b"",
    );
    let mut error = [&[3, 13, 0, 0, 0, 0, 0, 0][..], &attempt].concat();
    let sum = crate::support::craft::checksum(&[&error]);
    error[2..4].copy_from_slice(&sum.to_be_bytes());
    let (code, report) = flight_and(&ip(
        ROUTER.parse().unwrap(),
        PHONE.parse().unwrap(),
        1,
        &error,
    ));
    assert_eq!(code, 3, "{:#}", report["claims"]);
    assert_eq!(destination(&report)["stage"], "attempted");
    assert_eq!(destination(&report)["ip"], "47.88.60.14");
}

#[test]
fn a_vantage_that_misses_flows_of_the_subject_is_a_gap() {
    let scratch = TempDir::new().expect("a scratch folder");
    let flight = |also: &[(f64, &str)]| {
        let mut capture = Capture::new();
        let mut also = also.iter().peekable();
        for at in [0.0, 20.0, 40.0, 60.0, 80.0] {
            while let Some((when, to)) = also.next_if(|(when, _)| *when < at) {
                capture.ip(
                    *when,
                    &udp(&format!("{PHONE}:6000"), to, b"one vantage has it"),
                );
            }
            link(&mut capture, at);
        }
        capture
    };
    let together = |one: &[(f64, &str)], other: &[(f64, &str)]| {
        let one = saved(&scratch, "a.pcap", &flight(one));
        let other = saved(&scratch, "b.pcap", &flight(other));
        let arguments = ["check", "-o", "json"].map(PathBuf::from);
        run(arguments.into_iter().chain([one, other])).report()
    };
    let (beyond, elsewhere) = ("47.88.60.14:6001", "47.88.60.15:6001");
    let missed = together(&[(30.0, beyond)], &[]);
    assert_eq!(
        reasons(&missed),
        ["unattributed-internet", "vantage-mismatch"]
    );
    let gap = missed["coverage"]["gaps"]
        .as_array()
        .expect("gaps")
        .iter()
        .find(|g| g["id"] == "vantage-mismatch")
        .expect("the gap");
    assert_eq!((&gap["blocking"], &gap["count"]), (&json!(true), &json!(1)));
    assert!(
        gap["text"]
            .as_str()
            .expect("a text")
            .contains("47.88.60.14"),
        "{gap:#}"
    );
    // Each misses what the other shows.
    let both = together(&[(30.0, beyond)], &[(30.0, elsewhere)]);
    let mismatches = both["coverage"]["gaps"].as_array().expect("gaps").iter();
    let mismatches = mismatches.filter(|g| g["id"] == "vantage-mismatch");
    assert_eq!(mismatches.count(), 2);
    // Both show it; it never leaves the site.
    for (one, other) in [
        (&[(30.0, beyond)][..], &[(31.0, beyond)][..]),
        (&[(30.0, "192.168.2.40:6001")], &[]),
    ] {
        let report = together(one, other);
        assert!(!gaps(&report).contains(&"vantage-mismatch"), "{one:?}");
    }
}

#[test]
fn vantages_are_compared_in_their_common_time_only() {
    let scratch = TempDir::new().expect("a scratch folder");
    for (at, mismatch) in [(50.0, true), (70.0, false)] {
        let mut longer = flight_of(&[0.0, 20.0, 40.0]);
        longer.ip(
            at,
            &udp(&format!("{PHONE}:6000"), "47.88.60.14:6001", b"late"),
        );
        link(&mut longer, 100.0);
        let longer = saved(&scratch, "a.pcap", &longer);
        let shorter = saved(&scratch, "b.pcap", &flight_of(&[0.0, 20.0, 40.0, 60.0]));
        let arguments = ["check", "-o", "json"].map(PathBuf::from);
        let report = run(arguments.into_iter().chain([longer, shorter])).report();
        assert_eq!(
            gaps(&report).contains(&"vantage-mismatch"),
            mismatch,
            "{at}"
        );
    }
}

#[test]
fn a_window_without_packets_is_no_silence() {
    let capture = flight_of(&[0.0, 20.0, 40.0, 60.0]);
    let (code, report) = judged(
        &capture,
        &["--window", "2030-01-01T00:00:00Z/2030-01-01T01:00:00Z"],
    );
    assert_eq!(
        (code, reasons(&report)),
        (3, vec!["no-app-activity", "too-short", "time-gap"])
    );
    assert_eq!(report["scope"]["windows"][0]["first"], Value::Null);
    // The same window in both notations is the same window.
    let (_, relative) = judged(&capture, &["--window", "+0/+61"]);
    let (_, absolute) = judged(
        &capture,
        &["--window", "2025-03-01T11:00:00+01:00/2025-03-01T10:01:01Z"],
    );
    assert_eq!(relative["digest"], absolute["digest"]);
    assert_eq!(relative["verdict"], "consistent");
}

#[test]
fn a_gap_outside_all_windows_is_counted_whole_and_blocks_nothing() {
    let mut capture = Capture::new();
    // Its header has a wrong checksum.
    let mut stray = udp(&format!("{PHONE}:5000"), "47.88.60.14:9999", b"payload");
    stray[10] ^= 1;
    capture.ip(1.0, &stray);
    for slot in 1..=9 {
        link(&mut capture, f64::from(slot) * 10.0);
    }
    capture.ip(95.0, &stray);
    for (window, verdict, count) in [
        ("+5/+85", vec![], 2),
        ("+5/+100", vec!["unreadable-packets"], 1),
    ] {
        let (_, report) = judged(&capture, &["--window", window]);
        assert_eq!(reasons(&report), verdict, "{window}");
        let gaps = report["coverage"]["gaps"].as_array().expect("gaps");
        let unreadable: Vec<&Value> = gaps
            .iter()
            .filter(|gap| gap["id"] == "unreadable-packets")
            .collect();
        let [gap] = unreadable.as_slice() else {
            panic!("{gaps:#?}");
        };
        assert_eq!(
            (&gap["count"], &gap["blocking"]),
            (&count.into(), &(!verdict.is_empty()).into())
        );
    }
}

#[test]
fn a_declared_window_has_to_be_recorded_from_end_to_end() {
    let times: Vec<f64> = (0..=20).map(|slot| f64::from(slot) * 10.0).collect();
    for (window, verdict) in [
        ("+0/+260", vec![]),
        ("+0/+260.000001", vec!["time-gap"]),
        ("+0/+3600", vec!["time-gap"]),
        ("2025-03-01T09:59:00Z/2025-03-01T10:02:00Z", vec![]),
        (
            "2025-03-01T09:58:59Z/2025-03-01T10:02:00Z",
            vec!["time-gap"],
        ),
    ] {
        let (_, report) = judged(&flight_of(&times), &["--window", window]);
        assert_eq!(reasons(&report), verdict, "{window}");
    }
}

#[test]
fn a_step_back_over_the_edge_of_a_window_is_a_gap() {
    for (late, verdict) in [(55.1, vec![]), (54.9, vec!["time-gap"])] {
        let times: Vec<f64> = (0..=14).map(|slot| f64::from(slot) * 10.0).collect();
        let mut capture = flight_of(&times[..7]);
        // It comes behind the packet of second 60, and its clock stands earlier.
        chatter(&mut capture, late);
        for &at in &times[7..] {
            link(&mut capture, at);
        }
        let (_, report) = judged(&capture, &["--window", "+58/+139"]);
        assert_eq!(reasons(&report), verdict, "{late}");
        let (_, report) = judged(&capture, &["--window", "+20/+139"]);
        assert_eq!(reasons(&report), [] as [&str; 0], "no edge between");
    }
}

#[test]
fn others_drone_links_are_no_sign_of_a_declared_device() {
    let mut capture = Capture::new();
    for at in (0..=90).step_by(5) {
        let (other, aircraft) = ("192.168.2.77:12346", format!("{DRONE}:9003"));
        let frame = duml(at, 2, 3, b"");
        capture.ip(f64::from(at), &udp(other, &aircraft, &frame));
        if at < 10 {
            let (phone, drone) = (format!("{PHONE}:5000"), format!("{DRONE}:5001"));
            capture.ip(f64::from(at), &udp(&phone, &drone, b"x"));
            capture.ip(f64::from(at), &udp(&drone, &phone, b"x"));
        }
    }
    assert_eq!(reasons(&judged(&capture, &[]).1), [] as [&str; 0]);
    let (_, report) = judged(&capture, &["--device", PHONE]);
    assert_eq!(reasons(&report), ["no-app-activity"]);
}
