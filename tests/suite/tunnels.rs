//! Packets in packets: what is in clear is opened and judged by where it goes, what is not keeps a
//! name, and every frame counts once.

use crate::support::craft::{
    ACK, Capture, Connection, DRONE, PHONE, PSH, ROUTER, SYN, bad_header, checksum, client_hello,
    dns_question, ethernet, ip, mac, tcp, tls_data, udp,
};
use crate::support::{accounted, assert_adds_up, check_here, destination, gaps, ids, reasons};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::net::{IpAddr, Ipv6Addr};
use tempfile::TempDir;

const VENDOR: &str = "flysafe-api.dji.com";
const SERVER: &str = "47.88.60.14:443";
/// A box on the site that ends tunnels, and one on the internet.
const BOX: &str = "192.168.2.254";
const FAR: &str = "52.85.61.9";
/// The phone's address inside the tunnel.
const INNER: &str = "10.9.0.2";

fn judged(capture: &Capture, options: &[&str]) -> (u8, Value) {
    let scratch = TempDir::new().expect("a scratch folder");
    let judged = check_here(&capture.save(scratch.path()), options, scratch.path())
        .expect("it is a capture");
    assert_adds_up(&judged.1);
    assert_eq!(judged.1["inputs"][0]["packets"], capture.packets);
    judged
}

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

fn at(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// Deterministic bytes without pattern.
fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed | 1;
    (0..length)
        .map(|_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 56) as u8
        })
        .collect()
}

/// A tunnel: what it puts around a packet from one end to the other.
type Wrap = fn(from: &str, to: &str, packet: &[u8]) -> Vec<u8>;

fn numbered(from: &str, to: &str, number: u8, header: &str, inside: &[u8]) -> Vec<u8> {
    ip(
        at(from),
        at(to),
        number,
        &[&hex(header)[..], inside].concat(),
    )
}

/// In UDP, from a port of the sender's to the tunnel's.
fn over(from: &str, to: &str, port: u16, header: &str, inside: &[u8]) -> Vec<u8> {
    let payload = [&hex(header)[..], inside].concat();
    udp(&format!("{from}:40007"), &format!("{to}:{port}"), &payload)
}

fn framed(packet: &[u8]) -> Vec<u8> {
    ethernet([2, 9, 9, 9, 9, 1], [2, 9, 9, 9, 9, 2], packet)
}

fn ppp(packet: &[u8]) -> Vec<u8> {
    let protocol = if packet[0] >> 4 == 4 { 0x21 } else { 0x57 };
    [&[0xff, 0x03, 0x00, protocol][..], packet].concat()
}

fn gtp(flags: u8, optional: &str, packet: &[u8]) -> Vec<u8> {
    let optional = hex(optional);
    let length = (optional.len() + packet.len()) as u16;
    let head = [&[flags, 0xff][..], &length.to_be_bytes(), &[0, 0, 0, 7]].concat();
    [&head[..], &optional, packet].concat()
}

/// An 802.11 data frame from a station to its access point.
fn wifi(packet: &[u8]) -> Vec<u8> {
    let kind = if packet[0] >> 4 == 4 { "0800" } else { "86dd" };
    let header = "0801 0000 020000000011 020000000020 0200000000fe 0000 aaaa03 000000";
    [hex(header), hex(kind), packet.to_vec()].concat()
}

/// Every tunnel in clear, with the name that it has in reports.
fn tunnels() -> Vec<(&'static str, Wrap)> {
    fn around(packet: &[u8]) -> u8 {
        if packet[0] >> 4 == 4 { 4 } else { 41 }
    }
    fn kind(packet: &[u8]) -> &'static str {
        if packet[0] >> 4 == 4 { "0800" } else { "86dd" }
    }
    vec![
        ("", |f, t, p| numbered(f, t, around(p), "", p)),
        // An echo request whose data is a packet.
        ("ip-in-icmp", |f, t, p| {
            let mut body = [&hex("0800 0000 0001 0001")[..], p].concat();
            let sum = checksum(&[&body]);
            body[2..4].copy_from_slice(&sum.to_be_bytes());
            ip(at(f), at(t), 1, &body)
        }),
        ("gre", |f, t, p| {
            numbered(f, t, 47, &format!("0000 {}", kind(p)), p)
        }),
        ("gre", |f, t, p| {
            let header = format!("b000 {} 0000 0000 00000005 00000001", kind(p));
            numbered(f, t, 47, &header, p)
        }),
        ("gre", |f, t, p| {
            numbered(f, t, 47, "2000 6558 00007b00", &framed(p))
        }),
        ("gre", |f, t, p| numbered(f, t, 47, "0000 8847 00010140", p)),
        ("gre", |f, t, p| numbered(f, t, 47, "0000 880b", &ppp(p))),
        ("pptp", |f, t, p| {
            let inside = ppp(p);
            let header = format!("3081 880b {:04x} 0007 00000001 00000002", inside.len());
            numbered(f, t, 47, &header, &inside)
        }),
        ("erspan", |f, t, p| {
            numbered(f, t, 47, "0000 88be", &framed(p))
        }),
        ("erspan", |f, t, p| {
            numbered(
                f,
                t,
                47,
                "1000 88be 00000001 1001 0064 00000000",
                &framed(p),
            )
        }),
        ("erspan", |f, t, p| {
            let header = "1000 22eb 00000001 2001 0064 00000000 0000 0001 0000000000000000";
            numbered(f, t, 47, header, &framed(p))
        }),
        ("etherip", |f, t, p| numbered(f, t, 97, "3000", &framed(p))),
        ("mpls", |f, t, p| {
            numbered(f, t, 137, "0001 0040 0002 0140", p)
        }),
        // An authentication header before IP in IP: readable.
        ("", |f, t, p| {
            let header = format!(
                "{:02x}04 0000 00000100 00000001 {}",
                around(p),
                "a5".repeat(12)
            );
            numbered(f, t, 51, &header, p)
        }),
        ("l2tp", |f, t, p| {
            numbered(f, t, 115, "00000009 0102030405060708", &framed(p))
        }),
        ("l2tp", |f, t, p| {
            over(f, t, 1701, "0002 0001 0001", &ppp(p))
        }),
        ("l2tp", |f, t, p| {
            let inside = ppp(p);
            let header = format!(
                "4a02 {:04x} 0001 0001 0003 0004 0002 0000",
                inside.len() + 16
            );
            over(f, t, 1701, &header, &inside)
        }),
        ("l2tp", |f, t, p| {
            over(f, t, 1701, "0003 0000 00000009 01020304", &framed(p))
        }),
        ("vxlan", |f, t, p| {
            over(f, t, 4789, "08000000 00007b00", &framed(p))
        }),
        ("vxlan", |f, t, p| {
            over(f, t, 8472, "08000000 00007b00", &framed(p))
        }),
        ("vxlan-gpe", |f, t, p| {
            let header = if around(p) == 4 {
                "0c000001 00007b00"
            } else {
                "0c000002 00007b00"
            };
            over(f, t, 4790, header, p)
        }),
        ("geneve", |f, t, p| {
            over(f, t, 6081, "0000 6558 00000100", &framed(p))
        }),
        ("geneve", |f, t, p| {
            let header = format!("0240 {} 00000100 010280010a0b0c0d", kind(p));
            over(f, t, 6081, &header, p)
        }),
        ("gtp-u", |f, t, p| over(f, t, 2152, "", &gtp(0x30, "", p))),
        ("gtp-u", |f, t, p| {
            over(f, t, 2152, "", &gtp(0x34, "0000 00 85 01 1009 00", p))
        }),
        ("mpls", |f, t, p| over(f, t, 6635, "00010140", p)),
        ("gue", |f, t, p| {
            over(f, t, 6080, &format!("00{:02x} 0000", around(p)), p)
        }),
        ("gue", |f, t, p| over(f, t, 6080, "", p)),
        ("gre", |f, t, p| {
            over(f, t, 4754, &format!("0000 {}", kind(p)), p)
        }),
        ("lisp", |f, t, p| over(f, t, 4341, "88000001 00000001", p)),
        ("ip-in-udp", |f, t, p| over(f, t, 5555, "", p)),
        ("vxlan", |f, t, p| {
            over(f, t, 7777, "08000000 00007b00", &framed(p))
        }),
        ("tzsp", |f, t, p| {
            over(f, t, 37008, "01 00 0001 01", &framed(p))
        }),
        ("tzsp", |f, t, p| {
            over(f, t, 37008, "01 00 0012 0a01d5 120106 01", &wifi(p))
        }),
        ("capwap", |f, t, p| {
            over(f, t, 5247, "00 10 02 00 0000 0000", &framed(p))
        }),
    ]
}

fn gre() -> Wrap {
    let mut all = tunnels().into_iter();
    all.find(|(name, _)| *name == "gre").expect("one").1
}

/// A session of the phone, packet by packet: who sends it, and the packet.
fn session(client: &str, server: &str, hello: &[u8]) -> Vec<(bool, Vec<u8>)> {
    let segment = |numbers, flags, payload: &[u8]| tcp(client, server, numbers, flags, payload);
    let back = |numbers, flags, payload: &[u8]| tcp(server, client, numbers, flags, payload);
    let next = 1001 + hello.len() as u32;
    vec![
        (true, segment((1000, 0), SYN, b"")),
        (false, back((9000, 1001), SYN | ACK, b"")),
        (true, segment((1001, 9001), ACK, b"")),
        (true, segment((1001, 9001), PSH | ACK, hello)),
        (false, back((9001, next), PSH | ACK, &tls_data(40))),
        (true, segment((next, 9046), PSH | ACK, &tls_data(90))),
        (false, back((9046, next + 95), ACK, b"")),
    ]
}

/// A flight, and in it these packets inside a tunnel between the phone and its far end.
fn tunnelled(wrap: Wrap, far: &str, packets: &[(bool, Vec<u8>)]) -> Capture {
    let mut capture = Capture::new();
    capture.flight(0, 70);
    for (n, (out, packet)) in packets.iter().enumerate() {
        let (from, to) = if *out { (PHONE, far) } else { (far, PHONE) };
        capture.ip(71.0 + n as f64 / 10.0, &wrap(from, to, packet));
    }
    capture
}

fn vendor_session() -> Vec<(bool, Vec<u8>)> {
    session(&format!("{INNER}:40001"), SERVER, &client_hello(VENDOR))
}

#[test]
fn a_tunnel_on_the_site_is_judged_by_what_is_inside() {
    let session = vendor_session();
    for (n, (name, wrap)) in tunnels().into_iter().enumerate() {
        let (code, report) = judged(&tunnelled(wrap, BOX, &session), &[]);
        let what = format!("{n} {name}: {report:#}");
        assert_eq!(
            (code, reasons(&report)),
            (1, vec!["vendor-contact"]),
            "{what}"
        );
        assert_eq!(gaps(&report), ["drops-unknown"], "{what}");
        assert_eq!(
            accounted(&report, "relayed"),
            session.len() as u64,
            "{what}"
        );
        assert_eq!(accounted(&report, "local"), 30, "{what}");
        // In UDP the way back is a flow of its own, to the tunnel's port on the phone.
        let destinations = report["destinations"].as_array().expect("a list");
        assert!((2..=3).contains(&destinations.len()), "{what}");
        let of = |scope: &str| {
            let mut of = destinations
                .iter()
                .filter(|d| d["scope"] == scope && d["via"]["ip"] != PHONE);
            of.next().unwrap_or_else(|| panic!("no {scope}: {what}"))
        };
        let inner = of("internet");
        assert_eq!(
            (
                &inner["ip"],
                &inner["host"],
                &inner["stage"],
                &inner["bytes_out"]
            ),
            (
                &json!("47.88.60.14"),
                &json!(VENDOR),
                &json!("transferred"),
                &json!(client_hello(VENDOR).len() + 95)
            ),
            "{what}"
        );
        let outer = of("relayed");
        assert_eq!(
            (&outer["via"]["ip"], &outer["ip"]),
            (&json!(BOX), &json!(null)),
            "{what}"
        );
        if !name.is_empty() {
            assert_eq!(outer["protocol"], name, "{what}");
        }
        assert_eq!(outer["packets_out"], 4, "{what}");
    }
}

#[test]
fn a_tunnel_to_the_internet_stays_there_and_its_inside_is_named() {
    let session = vendor_session();
    for (n, (name, wrap)) in tunnels().into_iter().enumerate() {
        let (code, report) = judged(&tunnelled(wrap, FAR, &session), &[]);
        let what = format!("{n} {name}: {:#}", report["destinations"]);
        assert_eq!(code, 1, "{what}");
        assert_eq!(
            accounted(&report, "internet"),
            session.len() as u64,
            "{what}"
        );
        let mut found: Vec<&Value> = Vec::new();
        found.extend(report["destinations"].as_array().expect("a list"));
        assert!(found.iter().any(|d| d["host"] == VENDOR), "{what}");
        assert!(found.iter().any(|d| d["ip"] == FAR), "{what}");
    }
}

#[test]
fn a_tunnel_that_stays_on_the_site_is_local_traffic() {
    let client = format!("{INNER}:40001");
    let session = session(
        &client,
        "10.9.0.1:8080",
        b"GET / HTTP/1.1\r\nHost: box.local\r\n\r\n",
    );
    for (n, (name, wrap)) in tunnels().into_iter().enumerate() {
        let (code, report) = judged(&tunnelled(wrap, BOX, &session), &[]);
        let what = format!("{n} {name}: {:#}", report["coverage"]);
        assert_eq!((code, gaps(&report)), (0, vec!["drops-unknown"]), "{what}");
        assert_eq!(
            accounted(&report, "local"),
            30 + session.len() as u64,
            "{what}"
        );
        assert_eq!(report["destinations"], json!([]), "{what}");
    }
}

#[test]
fn a_lookup_inside_a_tunnel_makes_it_relayed() {
    let question = dns_question(7, VENDOR);
    let asked = vec![(
        true,
        udp(&format!("{INNER}:5000"), "10.9.0.1:53", &question),
    )];
    for (name, wrap) in tunnels() {
        let (code, report) = judged(&tunnelled(wrap, BOX, &asked), &[]);
        assert_eq!(
            (code, reasons(&report)),
            (1, vec!["vendor-lookup"]),
            "{name}"
        );
        assert_eq!(accounted(&report, "relayed"), 1, "{name} {report:#}");
        assert_eq!(report["lookups"][0]["resolver"], "10.9.0.1", "{name}");
    }
}

#[test]
fn declared_networks_are_local_inside_a_tunnel_too() {
    let session = session(&format!("{INNER}:40001"), "47.88.60.14:9999", b"hello");
    let capture = tunnelled(gre(), BOX, &session);
    let (code, report) = judged(&capture, &["--local", "47.88.60.0/24"]);
    assert_eq!((code, accounted(&report, "local")), (0, 37), "{report:#}");
    let (code, report) = judged(&capture, &[]);
    assert_eq!((code, accounted(&report, "relayed")), (3, 7));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Whatever is nested in whatever: every frame counts once, where the worst layer goes, and the
    /// destination inside is listed by name.
    #[test]
    fn any_nesting_counts_once_and_names_the_innermost(
        layers in proptest::collection::vec((0usize..35, any::<bool>()), 1..=8),
        bundled in any::<bool>(),
    ) {
        let all = tunnels();
        let mut session = vendor_session();
        let mut public = false;
        for (depth, (which, far)) in layers.iter().enumerate() {
            let (_, wrap) = all[which % all.len()];
            // The outermost one is the phone's own; those inside have ends of their own.
            let outermost = depth + 1 == layers.len();
            let near = if outermost { PHONE.to_owned() } else { format!("10.{depth}.0.2") };
            let far_end = match (far, outermost) {
                (true, _) => format!("52.85.61.{}", depth + 1),
                (false, true) => BOX.to_owned(),
                (false, false) => format!("10.{depth}.0.1"),
            };
            public |= *far && outermost;
            for (out, packet) in &mut session {
                let (from, to) = if *out { (&near, &far_end) } else { (&far_end, &near) };
                *packet = wrap(from, to, packet);
            }
        }
        let mut capture = Capture::new();
        capture.flight(0, 70);
        for (n, (_, packet)) in session.iter().enumerate() {
            capture.ip(71.0 + n as f64 / 10.0, packet);
            if bundled {
                // The same frame again: a retransmission is another frame.
                capture.ip(71.05 + n as f64 / 10.0, packet);
            }
        }
        let frames = session.len() as u64 * if bundled { 2 } else { 1 };
        let (code, report) = judged(&capture, &[]);
        prop_assert_eq!(code, 1, "{:?} {:#}", &layers, &report);
        let scope = if public { "internet" } else { "relayed" };
        prop_assert_eq!(accounted(&report, scope), frames, "{:?}", &layers);
        prop_assert_eq!(accounted(&report, "local"), 30);
        let found = report["destinations"].as_array().expect("a list").iter().any(|d| {
            d["ip"] == "47.88.60.14" && d["host"] == VENDOR && d["scope"] == "internet"
        });
        prop_assert!(found, "{:?} {:#}", &layers, &report["destinations"]);
    }

    /// Noise on every tunnel's port to the aircraft: it may be a gap, never a crash, and never
    /// internet traffic.
    #[test]
    fn damaged_tunnels_invent_nothing(
        which in 0usize..35,
        flips in proptest::collection::vec((any::<u16>(), 0u8..8), 1..6),
        kept in 0usize..200,
    ) {
        let all = tunnels();
        let (_, wrap) = all[which % all.len()];
        let mut capture = Capture::new();
        for (n, (out, packet)) in vendor_session().iter().enumerate() {
            let (from, to) = if *out { (PHONE, DRONE) } else { (DRONE, PHONE) };
            let mut outer = wrap(from, to, packet);
            let header = 20;
            for (place, bit) in &flips {
                let room = outer.len() - header;
                outer[header + usize::from(*place) % room] ^= 1 << bit;
            }
            let frame = ethernet(mac(at(from)), mac(at(to)), &outer);
            let kept = (14 + 20 + kept).min(frame.len());
            capture.cut_frame(n as f64, &frame, kept);
        }
        let (code, report) = judged(&capture, &[]);
        prop_assert_ne!(code, 0);
        prop_assert_eq!(accounted(&report, "internet"), 0, "the outer addresses are local");
    }
}

#[test]
fn fragments_of_a_tunnel_count_each_and_are_read_together() {
    for (name, wrap) in tunnels() {
        let mut capture = Capture::new();
        capture.flight(0, 70);
        let mut frames = 0;
        for (n, (out, packet)) in vendor_session().iter().enumerate() {
            let (from, to) = if *out { (PHONE, BOX) } else { (BOX, PHONE) };
            let whole = wrap(from, to, packet);
            let (header, body) = whole.split_at(20);
            let cut = body.len() / 16 * 8;
            for (offset, piece) in [(0, &body[..cut]), (cut, &body[cut..])] {
                let mut head = header.to_vec();
                let more = u16::from(offset == 0) << 13;
                head[2..4].copy_from_slice(&(20 + piece.len() as u16).to_be_bytes());
                head[4..6].copy_from_slice(&(100 + n as u16).to_be_bytes());
                head[6..8].copy_from_slice(&(more | (offset / 8) as u16).to_be_bytes());
                head[10..12].fill(0);
                let sum = checksum(&[&head]);
                head[10..12].copy_from_slice(&sum.to_be_bytes());
                let at = 71.0 + n as f64 / 10.0 + offset as f64 / 1e5;
                capture.ip(at, &[&head[..], piece].concat());
                frames += 1;
            }
        }
        let (code, report) = judged(&capture, &[]);
        assert_eq!(
            (code, accounted(&report, "relayed")),
            (1, frames),
            "{name} {report:#}"
        );
        assert_eq!(gaps(&report), ["drops-unknown"], "{name}");
    }
}

#[test]
fn deeper_than_is_followed_is_told() {
    let deep = |layers: usize| {
        let mut packet = vendor_session().remove(3).1;
        for _ in 0..layers {
            packet = ip(at(PHONE), at(BOX), 4, &packet);
        }
        tunnelled(|_, _, p| p.to_vec(), BOX, &[(true, packet)])
    };
    let (code, report) = judged(&deep(8), &[]);
    assert_eq!((code, accounted(&report, "relayed")), (1, 1), "{report:#}");
    let (code, report) = judged(&deep(9), &[]);
    assert_eq!((code, accounted(&report, "local")), (3, 31));
    assert!(gaps(&report).contains(&"limits-reached"));
}

#[test]
fn what_cannot_be_opened_keeps_its_name() {
    let sealed = noise(3, 120);
    let ppp_sealed = [&[0xff, 3, 0, 0xfd][..], &sealed].concat();
    let macsec = [
        &[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x88, 0xe5][..],
        &sealed,
    ]
    .concat();
    let key = |length: usize| format!("3001 880b {length:04x} 0007 00000001");
    let ike = "1122334455667788 0000000000000000 21 20 22 08 00000000 0000001c";
    let phone = format!("{PHONE}:40007");
    let to = |port: u16, payload: Vec<u8>| udp(&phone, &format!("{BOX}:{port}"), &payload);
    let wireguard = |kind: u8, size: usize| {
        let mut bytes = noise(5, size);
        bytes[..4].copy_from_slice(&[kind, 0, 0, 0]);
        bytes[8..16].fill(0);
        bytes
    };
    let by_number = |number, header: &str| numbered(PHONE, BOX, number, header, &sealed);
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("pptp", numbered(PHONE, BOX, 47, &key(124), &ppp_sealed)),
        (
            "l2tp",
            over(PHONE, BOX, 1701, "0002 0001 0001", &ppp_sealed),
        ),
        ("l2tp", by_number(115, "00000009")),
        (
            "vxlan",
            over(PHONE, BOX, 4789, "08000000 00007b00", &macsec),
        ),
        (
            "geneve",
            over(PHONE, BOX, 6081, "0000 6558 00000100", &macsec),
        ),
        ("gtp-u", over(PHONE, BOX, 2152, "", &gtp(0x30, "", &sealed))),
        ("gre", by_number(47, "0000 1234")),
        ("gre", by_number(47, "0003 0800")),
        ("etherip", by_number(97, "1000")),
        ("ESP", by_number(50, "c0ffee01 00000001")),
        ("minimal", by_number(55, "0680 1234 0a090002 2f583c0e")),
        ("IP protocol 253", by_number(253, "")),
        ("IPComp", by_number(108, "06 00 0002")),
        ("ike", to(500, hex(ike))),
        ("ike", to(4500, [vec![0; 4], hex(ike)].concat())),
        (
            "esp-in-udp",
            to(4500, [hex("c0ffee01 00000001"), noise(9, 100)].concat()),
        ),
        ("wireguard", to(51820, wireguard(1, 148))),
        ("wireguard", to(33333, wireguard(4, 96))),
        ("openvpn", to(1194, hex("38 0102030405060708 00 00000000"))),
        (
            "openvpn",
            to(1194, [hex("48 000000"), noise(11, 100)].concat()),
        ),
        (
            "tailscale",
            to(41641, [hex("5453f09f92ac"), noise(13, 100)].concat()),
        ),
        (
            "zerotier",
            to(
                9993,
                [
                    hex("0102030405060708 1122334455 6677889900 00"),
                    noise(15, 80),
                ]
                .concat(),
            ),
        ),
        (
            "capwap",
            to(
                5247,
                [
                    hex("01000000 17 fefd 0001000000000001 0064"),
                    noise(17, 100),
                ]
                .concat(),
            ),
        ),
    ];
    for (name, packet) in cases {
        let mut capture = Capture::new();
        capture.flight(0, 70);
        capture.ip(71.0, &packet);
        let (code, report) = judged(&capture, &[]);
        let what = format!("{name}: {:#}", report["coverage"]);
        assert_eq!(
            (code, reasons(&report)),
            (3, vec!["opaque-tunnel"]),
            "{what}"
        );
        assert_eq!(accounted(&report, "local"), 31, "{what}");
        let gap = report["coverage"]["gaps"].as_array().expect("gaps");
        let text = gap.iter().find(|g| g["id"] == "opaque-tunnel").expect("it");
        assert!(text["text"].as_str().unwrap().contains(name), "{what}");
        assert_eq!(text["count"], 1, "{what}");
    }
}

#[test]
fn openvpn_and_ipsec_over_tcp_are_opaque_and_ssh_is_not() {
    let cases: [(u16, Vec<u8>, u8); 4] = [
        (1194, hex("000e 38 0102030405060708 00 00000000"), 3),
        (
            4500,
            [
                &b"IKETCP"[..],
                &hex("0020 c0ffee01 00000001"),
                &noise(3, 22),
            ]
            .concat(),
            3,
        ),
        (22, b"SSH-2.0-OpenSSH_9.6\r\n".to_vec(), 0),
        (
            1723,
            [hex("009c 0001 1a2b3c4d 0001 0000 0100 0000"), vec![0; 142]].concat(),
            0,
        ),
    ];
    for (port, opening, want) in cases {
        let mut capture = Capture::new();
        capture.flight(0, 70);
        let mut c = Connection::open(&mut capture, 71.0, 40001, &format!("{BOX}:{port}"));
        c.say(&mut capture, 71.1, &opening);
        let (code, report) = judged(&capture, &[]);
        assert_eq!(code, want, "{port}: {:#}", report["coverage"]);
        assert_eq!(
            gaps(&report).contains(&"opaque-tunnel"),
            want == 3,
            "{port}"
        );
    }
}

#[test]
fn plain_datagrams_on_the_ports_of_tunnels_are_no_tunnels() {
    let ports: [u16; 12] = [
        3544, 4341, 4754, 4789, 4790, 6080, 6081, 6635, 8472, 2152, 37008, 5555,
    ];
    let mut capture = Capture::new();
    capture.flight(0, 70);
    let mut sent = 0;
    for port in ports {
        for n in 0..40u64 {
            // Video of the aircraft, and a text protocol.
            let payload = match n % 4 {
                0 => b"battery?".to_vec(),
                _ => noise(n * 7919 + u64::from(port), 40 + 30 * n as usize),
            };
            let packet = udp(
                &format!("{DRONE}:{port}"),
                &format!("{PHONE}:{port}"),
                &payload,
            );
            capture.ip(71.0 + f64::from(sent) / 100.0, &packet);
            sent += 1;
        }
    }
    let (code, report) = judged(&capture, &[]);
    assert_eq!(
        (code, gaps(&report)),
        (0, vec!["drops-unknown"]),
        "{:#}",
        report["coverage"]
    );
    assert_eq!(accounted(&report, "local"), 30 + sent as u64);
}

#[test]
fn control_of_tunnels_carries_nothing() {
    let mut capture = Capture::new();
    capture.flight(0, 70);
    let echo = hex("3201 0004 00000000 0001 0000");
    let hello = hex("c802 0014 0001 0000 0002 0001 8008 0000 0000 0006");
    let arp = hex(
        "ffffffffffff 020000000001 0806 0001 0800 06 04 0001 020000000001 0a090001 000000000000 0a090002",
    );
    for packet in [
        over(PHONE, BOX, 2152, "", &echo),
        over(PHONE, BOX, 1701, "", &hello),
        over(PHONE, BOX, 4789, "08000000 00007b00", &arp),
        numbered(PHONE, BOX, 47, "2081 880b 0000 0007 00000009", b""),
        numbered(
            PHONE,
            BOX,
            47,
            "3001 880b 0008 0007 00000001 ff03c021 01010004",
            b"",
        ),
        numbered(PHONE, BOX, 47, "0000 0000", b""),
    ] {
        capture.ip(71.0, &packet);
    }
    let (code, report) = judged(&capture, &[]);
    assert_eq!(
        (code, gaps(&report)),
        (0, vec!["drops-unknown"]),
        "{:#}",
        report["coverage"]
    );
}

#[test]
fn what_a_cut_tunnel_held_is_missed() {
    for (n, (name, wrap)) in tunnels().into_iter().enumerate() {
        // Data of an echo message is no header: nothing says that a packet was in it.
        if name == "ip-in-icmp" {
            continue;
        }
        // Within the inner headers of whatever tunnel.
        for kept in [14 + 20 + 8 + 3, 14 + 20 + 8 + 30] {
            let packet = wrap(PHONE, BOX, &vendor_session()[3].1);
            let mut capture = Capture::new();
            capture.flight(0, 70);
            let frame = ethernet(mac(at(PHONE)), mac(at(BOX)), &packet);
            capture.cut_frame(71.0, &frame, kept.min(frame.len()));
            let (code, report) = judged(&capture, &[]);
            assert_eq!(code, 3, "{n} {name} {kept}: {report:#}");
        }
    }
}

#[test]
fn a_wrong_header_checksum_inside_a_tunnel_is_not_believed() {
    let mut session = vendor_session();
    let forged = bad_header(session[3].1.clone());
    session.truncate(3);
    session.push((true, forged));
    let (code, report) = judged(&tunnelled(gre(), BOX, &session), &[]);
    assert_eq!(code, 3, "the name was in the forged one: {report:#}");
    assert!(gaps(&report).contains(&"unreadable-packets"));
}

/// A router advertisement (RFC 4861 §4.2) with these options, its checksum right.
fn advertisement(source: &str, options: &[u8]) -> Vec<u8> {
    let (source, target) = (at(source), at("ff02::1"));
    let mut body = [&hex("86 00 0000 40 00 0708 00000000 00000000")[..], options].concat();
    let octets = |ip: IpAddr| match ip {
        IpAddr::V6(ip) => ip.octets(),
        IpAddr::V4(_) => unreachable!(),
    };
    let length = (body.len() as u32).to_be_bytes();
    let sum = checksum(&[
        &octets(source),
        &octets(target),
        &length,
        &[0, 0, 0, 58],
        &body,
    ]);
    body[2..4].copy_from_slice(&sum.to_be_bytes());
    let mut packet = ip(source, target, 58, &body);
    packet[7] = 255;
    packet
}

/// Prefix information with the on-link flag (RFC 4861 §4.6.2).
fn prefix_information(prefix: &str) -> Vec<u8> {
    let octets = prefix.parse::<Ipv6Addr>().unwrap().octets();
    [&hex("03 04 40 c0 00015180 00003840 00000000")[..], &octets].concat()
}

/// PREF64 (RFC 8781 §4): a lifetime of 1800 seconds, 96 bits.
fn pref64(prefix: &str) -> Vec<u8> {
    let octets = prefix.parse::<Ipv6Addr>().unwrap().octets();
    [&[38, 2, 0x07, 0x08][..], &octets[..12]].concat()
}

#[test]
fn what_is_said_inside_a_tunnel_proves_nothing_of_the_link() {
    // A router somewhere else announces the very network that the phone then talks to.
    let told = advertisement("fe80::1", &prefix_information("2a05:d014:77:8::"));
    let server = "[2a05:d014:77:8::99]:443";
    let capture = |inside: bool| {
        let mut capture = Capture::new();
        capture.flight(0, 70);
        let packet = match inside {
            true => numbered(BOX, PHONE, 41, "", &told),
            false => told.clone(),
        };
        capture.ip(70.5, &packet);
        for n in 0..3u32 {
            // A machine with a card of its own, as the aircraft is.
            let client = "[2a05:d014:77:8::20]:40001";
            let out = tcp(client, server, (1000 + n, 9000), PSH | ACK, b"x");
            let back = tcp(server, client, (9000 + n, 1001), PSH | ACK, b"y");
            let (phone, other) = ([2, 0, 0, 0, 0, 0x20], [0x60, 0x60, 0x1f, 0, 0, 1]);
            capture.frame(71.0 + f64::from(n), &ethernet(phone, other, &out));
            capture.frame(71.5 + f64::from(n), &ethernet(other, phone, &back));
        }
        judged(&capture, &[]).1
    };
    assert_eq!(
        accounted(&capture(false), "internet"),
        0,
        "announced on the link itself"
    );
    assert_eq!(accounted(&capture(true), "internet"), 6);
}

#[test]
fn a_translator_of_the_site_leads_to_the_internet() {
    let inside = |prefix: &str| format!("[{prefix}47.88.60.14]:443");
    let client = "[fd00:9::20]:40001";
    let hello = client_hello("edge.example.net");
    let capture = |told: Option<Vec<u8>>, prefix: &str| {
        let mut capture = Capture::new();
        capture.flight(0, 70);
        if let Some(packet) = told {
            capture.ip(70.5, &packet);
        }
        for (n, (_, packet)) in session(client, &inside(prefix), &hello).iter().enumerate() {
            capture.ip(71.0 + n as f64 / 10.0, packet);
        }
        judged(&capture, &[]).1
    };
    let local = capture(None, "fd00:64::");
    assert_eq!(
        accounted(&local, "internet"),
        0,
        "nobody announced a translator"
    );
    let announced = capture(
        Some(advertisement("fe80::fe", &pref64("fd00:64::"))),
        "fd00:64::",
    );
    assert_eq!(accounted(&announced, "internet"), 7, "{announced:#}");
    let d = destination(&announced);
    assert_eq!(
        (&d["ip"], &d["country"]),
        (&json!("fd00:64::2f58:3c0e"), &json!("US"))
    );
    // The well-known prefixes need no announcement.
    for prefix in ["64:ff9b::", "64:ff9b:1:fffe::"] {
        let report = capture(None, prefix);
        assert_eq!(accounted(&report, "internet"), 7);
        assert_eq!(destination(&report)["country"], "US", "{prefix}");
    }
}

/// The answer to a question for IPv6 addresses.
fn dns_answer_v6(id: u16, name: &str, address: &str) -> Vec<u8> {
    let mut message = dns_question(id, name);
    let kind = message.len() - 3;
    message[kind] = 28;
    message[2..8].copy_from_slice(&[0x81, 0x80, 0, 1, 0, 1]);
    message.extend(hex("c00c 001c 0001 0000003c 0010"));
    message.extend(address.parse::<Ipv6Addr>().unwrap().octets());
    message
}

#[test]
fn an_answer_names_a_translator_and_does_not_move_its_servers() {
    let run = |prefix: &str| {
        let mut capture = Capture::new();
        capture.flight(0, 70);
        let mut question = dns_question(9, "ipv4only.arpa");
        let kind = question.len() - 3;
        question[kind] = 28;
        capture.ip(
            70.05,
            &udp(&format!("{PHONE}:5353"), &format!("{ROUTER}:53"), &question),
        );
        let answer = dns_answer_v6(9, "ipv4only.arpa", &format!("{prefix}192.0.0.170"));
        capture.ip(
            70.1,
            &udp(&format!("{ROUTER}:53"), &format!("{PHONE}:5353"), &answer),
        );
        let server = format!("[{prefix}47.88.60.14]:443");
        let hello = client_hello("edge.example.net");
        for (n, (_, packet)) in session("[fd00:9::20]:40001", &server, &hello)
            .iter()
            .enumerate()
        {
            capture.ip(71.0 + n as f64 / 10.0, packet);
        }
        let (_, report) = judged(&capture, &[]);
        let destinations = report["destinations"].as_array().expect("a list").clone();
        let mut far = destinations
            .into_iter()
            .filter(|d| d["scope"] == "internet");
        far.next().expect("one on the internet")
    };
    let ours = run("fd00:64::");
    assert_eq!(
        (&ours["country"], &ours["country_candidates"]),
        (&json!("US"), &json!(["US"]))
    );
    // Under a prefix whose own addresses are somewhere else, both opinions stand.
    let theirs = run("240e:1:2:3::");
    assert_eq!(theirs["country_confidence"], "conflict", "{theirs:#}");
    assert_eq!(theirs["country_candidates"], json!(["CN", "US"]));
}

#[test]
fn addresses_that_vpn_apps_hand_out_are_relayed_under_a_public_name() {
    let mut capture = Capture::new();
    capture.flight(0, 70);
    let mut c = Connection::open(&mut capture, 71.0, 40001, "198.18.0.5:443");
    c.say(&mut capture, 71.1, &client_hello(VENDOR));
    let (code, report) = judged(&capture, &[]);
    assert_eq!((code, accounted(&report, "relayed")), (1, 5), "{report:#}");
    let d = destination(&report);
    assert_eq!(
        (&d["ip"], &d["via"], &d["host"], &d["country"]),
        (
            &json!(null),
            &json!({"ip": "198.18.0.5", "port": 443}),
            &json!(VENDOR),
            &json!(null)
        )
    );

    let mut capture = Capture::new();
    capture.flight(0, 70);
    let mut c = Connection::open(&mut capture, 71.0, 40001, "198.18.0.6:9000");
    c.say(&mut capture, 71.1, b"anything");
    let (code, report) = judged(&capture, &[]);
    assert_eq!(
        (code, accounted(&report, "internet")),
        (3, 5),
        "without a name"
    );
    assert_eq!(destination(&report)["country"], json!(null));

    // Their resolvers: of such a range, and PCAPdroid's.
    for (client, resolver) in [
        (PHONE, "198.18.0.2:53"),
        ("10.215.173.1", "10.215.173.2:53"),
    ] {
        let mut capture = Capture::new();
        capture.flight(0, 70);
        capture.ip(
            71.0,
            &udp(
                &format!("{client}:5000"),
                resolver,
                &dns_question(3, VENDOR),
            ),
        );
        let (code, report) = judged(&capture, &[]);
        assert_eq!(
            (code, reasons(&report)),
            (1, vec!["vendor-lookup"]),
            "{resolver}"
        );
        assert_eq!(accounted(&report, "relayed"), 1, "{resolver}");
        assert_eq!(report["lookups"][0]["scope"], "relayed", "{resolver}");
    }
}

#[test]
fn an_error_that_quotes_a_tunnel_shows_the_attempt_inside() {
    let attempt = tcp(&format!("{INNER}:40001"), SERVER, (1000, 0), SYN, b"");
    for (n, (name, wrap)) in tunnels().into_iter().enumerate() {
        let mut quote = wrap(PHONE, BOX, &attempt);
        // Of long headers eight bytes of the inner segment are enough.
        quote.truncate(quote.len() - 8);
        let mut body = [&hex("0301 0000 00000000")[..], &quote].concat();
        let sum = checksum(&[&body]);
        body[2..4].copy_from_slice(&sum.to_be_bytes());
        let mut capture = Capture::new();
        capture.ip(0.0, &ip(at(ROUTER), at(PHONE), 1, &body));
        let (_, report) = judged(&capture, &[]);
        assert_eq!(accounted(&report, "local"), 1);
        let found = report["destinations"].as_array().expect("a list");
        let inner = found.iter().find(|d| d["ip"] == "47.88.60.14");
        // Without its last bytes no checksum speaks for a packet on a foreign port.
        if matches!(name, "ip-in-udp" | "ip-in-icmp") || n == 31 {
            continue;
        }
        let inner = inner.unwrap_or_else(|| panic!("{n} {name}: {report:#}"));
        assert_eq!(
            (&inner["stage"], &inner["port"]),
            (&json!("attempted"), &json!(443))
        );
    }
}

#[test]
fn copies_of_frames_tell_whose_they_are() {
    // A router sends copies of what passes it to the machine that records.
    let copies = |client: &str, source: [u8; 6]| {
        let mut capture = Capture::new();
        capture.flight(0, 70);
        let router = [2, 0, 0, 0, 0, 0xfe];
        let packets = session(client, "52.85.61.9:443", &client_hello("edge.example.net"));
        for (n, (out, packet)) in packets.iter().enumerate() {
            let (from, to) = if *out {
                (source, router)
            } else {
                (router, source)
            };
            let copied = ethernet(from, to, packet);
            let carried = over(BOX, "192.168.2.30", 37008, "01 00 0001 01", &copied);
            let recorder = [2, 0, 0, 0, 0, 0x30];
            capture.frame(
                71.0 + n as f64 / 10.0,
                &ethernet(router, recorder, &carried),
            );
        }
        judged(&capture, &["--device", "02:00:00:00:00:20"])
    };
    let whose = |report: &Value| {
        let found = report["destinations"].as_array().expect("a list");
        let inner = found.iter().find(|d| d["ip"] == "52.85.61.9").expect("it");
        inner["attribution"].as_str().expect("one").to_owned()
    };
    let (code, report) = copies("192.168.2.20:40001", [2, 0, 0, 0, 0, 0x20]);
    assert_eq!((code, whose(&report)), (1, "app".to_owned()), "{report:#}");
    let (_, report) = copies("192.168.2.21:40001", [2, 0, 0, 0, 0, 0x21]);
    assert_eq!(whose(&report), "other-device");
    assert!(ids(&report["coverage"]["gaps"]).contains(&"drops-unknown"));
}

/// What a tunnel brings is its sender's: a device's inner addresses are its own, and an inner datagram without a sign of who began
/// goes the way its carrier goes.
#[test]
fn inside_a_tunnel_our_side_is_the_carriers() {
    // The far end stands in China by the address inside, and has the higher port.
    let (near, far) = ("2001:db8:1::20", "2002:7237:1401::1");
    let inside = |seed| {
        let (from, to) = (format!("[{near}]:5000"), format!("[{far}]:9000"));
        (true, udp(&from, &to, &noise(seed, 400)))
    };
    let wrap: Wrap = |f, t, p| numbered(f, t, 41, "", p);
    let capture = tunnelled(wrap, FAR, &[inside(3), inside(5)]);
    let claim = ["--claim", "no-cn-hk-tw"];
    let declared = [&claim[..], &["--device", PHONE]].concat();
    for (options, code, attribution) in [(&claim[..], 3, "unknown"), (&declared[..], 1, "app")] {
        let (got, report) = judged(&capture, options);
        let all = report["destinations"].as_array().expect("a list");
        let inner = all.iter().find(|d| d["ip"] == far).expect("the far end");
        assert_eq!((got, &inner["attribution"]), (code, &json!(attribution)));
        assert_eq!(
            (&inner["bytes_out"], &inner["bytes_in"]),
            (&json!(800), &json!(0))
        );
    }
}
