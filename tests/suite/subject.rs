//! Who sent it and where it went: the declared device, names, and what is local.

use crate::support::craft::{Capture, PHONE, ROUTER, SYN, duml, ethernet, mac, tcp, udp};
use crate::support::{accounted, assert_adds_up, check_here, destination, reasons};
use serde_json::{Value, json};
use tempfile::TempDir;

fn judged(capture: &Capture, options: &[&str]) -> (u8, Value) {
    let scratch = TempDir::new().expect("a scratch folder");
    let judged = check_here(&capture.save(scratch.path()), options, scratch.path())
        .expect("it is a capture");
    assert_adds_up(&judged.1);
    judged
}

#[test]
fn the_declared_device_is_a_machine_and_not_an_address() {
    let laptop = [2, 0, 0, 0, 0, 0x99];
    let router = mac(ROUTER.parse().unwrap());
    let phone = mac(PHONE.parse().unwrap());
    let to_internet = |from: &str, to: &str| udp(&format!("{from}:5000"), to, b"payload");
    let mut capture = Capture::new();
    capture.flight(0, 70);
    // Another machine with a vendor's name, and an address that the phone takes later.
    let vendor = tcp(
        "192.168.2.77:40001",
        "47.88.60.14:443",
        (1, 1),
        24,
        &crate::support::craft::client_hello("forum.dji.com"),
    );
    capture.frame(71.0, &ethernet(laptop, router, &vendor));
    let (code, report) = judged(&capture, &["--device", PHONE]);
    assert_eq!(
        (code, &destination(&report)["attribution"]),
        (0, &json!("other-device"))
    );
    let (code, report) = judged(&capture, &[]);
    assert_eq!(
        (code, &report["findings"][0]["confidence"]),
        (1, &json!("medium")),
        "a browser could have done it"
    );
    assert!(
        report["findings"][0]["text"]
            .as_str()
            .expect("a text")
            .contains("browser")
    );
    for (device, code) in [
        (PHONE, 1),
        ("02:00:00:00:00:20", 1),
        ("all", 1),
        ("192.168.2.77", 1),
        ("192.168.2.200", 0),
    ] {
        let mut capture = Capture::new();
        capture.flight(0, 70);
        capture.frame(
            72.0,
            &ethernet(
                phone,
                router,
                &to_internet("192.168.2.201", "203.0.113.9:9"),
            ),
        );
        capture.frame(
            73.0,
            &ethernet(
                laptop,
                router,
                &to_internet("192.168.2.77", "203.0.113.10:9"),
            ),
        );
        // A device that is nowhere in the capture leaves every client unsure.
        let expected = if device == "192.168.2.200" { 3 } else { code };
        let (got, report) = judged(&capture, &["--device", device]);
        assert_eq!(got, expected, "{device}: {:#}", report["claims"]);
    }
}

#[test]
fn a_shared_address_is_ambiguous_and_acquits_nobody() {
    let (laptop, router) = ([2, 0, 0, 0, 0, 0x99], mac(ROUTER.parse().unwrap()));
    let mut capture = Capture::new();
    capture.flight(0, 70);
    // Two machines use the declared address.
    let same = udp(
        &format!("{PHONE}:7000"),
        &format!("{ROUTER}:7001"),
        b"mine too",
    );
    capture.frame(71.0, &ethernet(laptop, router, &same));
    capture.frame(
        72.0,
        &ethernet(
            laptop,
            router,
            &udp("192.168.2.77:5000", "203.0.113.9:9", b"payload"),
        ),
    );
    capture.flight(75, 80);
    let (code, report) = judged(&capture, &["--device", PHONE]);
    assert_eq!(
        report["scope"]["device"]["ambiguous"], true,
        "{:#}",
        report["scope"]
    );
    assert_ne!(destination(&report)["attribution"], "other-device");
    assert_ne!(code, 0);
}

#[test]
fn a_new_mac_under_the_same_address_may_be_the_declared_machine() {
    let router = mac(ROUTER.parse().unwrap());
    // Made up by a telephone on the way, or another maker's card that took a lease over.
    for (card, code) in [([0xda, 0, 0, 0, 0, 0x21], 3), ([0xa4, 0, 0, 0, 0, 0x21], 0)] {
        let mut capture = Capture::new();
        let declared = [0x3c, 0, 0, 0, 0, 0x20];
        for at in (0..=70u16).step_by(5) {
            let link = duml(at, 2, 3, b"");
            let packet = udp(&format!("{PHONE}:12346"), "192.168.2.1:9003", &link);
            capture.frame(f64::from(at), &ethernet(declared, router, &packet));
            let packet = udp("192.168.2.1:9003", &format!("{PHONE}:12346"), &link);
            capture.frame(f64::from(at) + 0.1, &ethernet(router, declared, &packet));
        }
        let packet = udp(&format!("{PHONE}:5000"), "203.0.113.9:9", b"payload");
        capture.frame(72.0, &ethernet(card, router, &packet));
        let (got, report) = judged(&capture, &["--device", "3c:00:00:00:00:20"]);
        assert_eq!(got, code, "{card:x?}: {:#}", report["destinations"]);
    }
}

#[test]
fn a_drone_protocol_towards_a_public_address_is_internet_traffic() {
    let mut capture = Capture::new();
    for at in [0.0, 20.0, 40.0, 60.0] {
        capture.ip(
            at,
            &udp(
                &format!("{PHONE}:12346"),
                "203.0.113.9:9003",
                &duml(1, 2, 3, b""),
            ),
        );
    }
    let (code, report) = judged(&capture, &[]);
    assert_eq!((code, accounted(&report, "internet")), (3, 4));
    let (code, report) = judged(&capture, &["--local", "203.0.113.0/24"]);
    assert_eq!(
        (code, accounted(&report, "local")),
        (0, 4),
        "declared local, and recorded"
    );
    assert_eq!(report["scope"]["local_networks"], json!(["203.0.113.0/24"]));
}

#[test]
fn a_public_name_makes_a_private_address_a_relay() {
    use crate::support::craft::session_in_flight;
    // Private, benchmark range, declared local: the name says that it is internet use all the same. What was declared covers
    // no public name: the address is what it is.
    for (server, options, scope) in [
        ("192.168.2.40:443", &[][..], "relayed"),
        ("198.18.0.9:443", &[], "relayed"),
        ("47.88.60.14:443", &["--local", "47.88.0.0/16"], "internet"),
    ] {
        for (name, code, attribution) in [
            ("flysafe-api.dji.com", 1, "vendor"),
            ("edge.example.net", 3, "unknown"),
        ] {
            let (got, report) = judged(&session_in_flight(name, server), options);
            let d = destination(&report);
            assert_eq!(
                (got, &d["scope"], &d["attribution"]),
                (code, &json!(scope), &json!(attribution)),
                "{name} at {server}"
            );
            assert_eq!(accounted(&report, scope), 9, "handshake and answers too");
            let address = json!(server.split(':').next());
            let wanted = match scope {
                "relayed" => (Value::Null, address),
                _ => (address, Value::Null),
            };
            assert_eq!((&d["ip"], &d["via"]["ip"]), (&wanted.0, &wanted.1));
        }
        let (code, report) = judged(&session_in_flight("camera.home.arpa", server), options);
        // Without a public name the benchmark range is not local.
        let expected = if server.starts_with("198.18.") { 3 } else { 0 };
        assert_eq!(
            code, expected,
            "a local name at {server}: {:#}",
            report["claims"]
        );
    }
}

#[test]
fn a_declared_device_outranks_every_name() {
    use crate::support::craft::session_in_flight;
    let (code, report) = judged(
        &session_in_flight("forum.dji.com", "47.88.60.14:443"),
        &["--device", PHONE],
    );
    assert_eq!((code, reasons(&report)), (1, vec!["app-contact"]));
    assert_eq!(report["findings"][0]["confidence"], "high");
    let mut capture = Capture::new();
    capture.flight(0, 70);
    capture.ip(
        71.0,
        &udp(
            &format!("{PHONE}:5000"),
            &format!("{ROUTER}:53"),
            &crate::support::craft::dns_question(1, "time.android.com"),
        ),
    );
    assert_eq!(
        judged(&capture, &[]).0,
        0,
        "for a mere lookup the catalogued name is enough"
    );
    let (code, report) = judged(&capture, &["--device", PHONE]);
    assert_eq!(
        (code, reasons(&report)),
        (1, vec!["app-lookup"]),
        "system traffic of a declared device is the app's"
    );
}

#[test]
fn names_that_only_look_like_the_vendors_accuse_nobody() {
    use crate::support::craft::session_in_flight;
    for name in [
        "dji.com.example.net",
        "notdji.com",
        "dji-com.example.org",
        "dji.community",
        "xn--dji-com.example",
    ] {
        let (code, report) = judged(&session_in_flight(name, "47.88.60.14:443"), &[]);
        assert_eq!(
            (code, &destination(&report)["attribution"]),
            (3, &json!("unknown")),
            "{name}"
        );
    }
    for name in [
        "DJI.com",
        "a.b.c.dji.com",
        "dji.com.",
        "FlySafe-API.dji.COM",
    ] {
        let (code, report) = judged(&session_in_flight(name, "47.88.60.14:443"), &[]);
        assert_eq!(
            (code, &destination(&report)["attribution"]),
            (1, &json!("vendor")),
            "{name}"
        );
    }
}

#[test]
fn what_only_came_in_moves_nothing_until_it_is_answered() {
    let (scanner, phone) = ("203.0.113.50:6000", format!("{PHONE}:22"));
    let knock = tcp(scanner, &phone, (1, 0), SYN, b"");
    let reset = tcp(
        &phone,
        scanner,
        (0, 2),
        crate::support::craft::RST | crate::support::craft::ACK,
        b"",
    );
    let accept = tcp(
        &phone,
        scanner,
        (7, 2),
        SYN | crate::support::craft::ACK,
        b"",
    );
    for (what, answer, code, stage) in [
        ("nothing", None, 0, "unsolicited"),
        ("a reset", Some(reset), 0, "unsolicited"),
        ("an open door", Some(accept), 3, "connected"),
    ] {
        let mut capture = Capture::new();
        capture.flight(0, 70);
        capture.ip(71.0, &knock);
        for packet in answer.iter() {
            capture.ip(71.1, packet);
        }
        let (got, report) = judged(&capture, &[]);
        assert_eq!(
            (got, &destination(&report)["stage"]),
            (code, &json!(stage)),
            "answered with {what}"
        );
    }
}
