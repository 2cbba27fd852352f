//! Every header, byte by byte.

use super::*;
use crate::observe::dissect::wire::test_bytes::{Noise, hex};

/// The first bytes of a packet: what is behind a header is not read here.
const PACKET: [u8; 24] = [
    0x45, 0, 0, 24, 0, 1, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 1, 2, 3, 4,
];

fn with_packet(header: &str) -> Vec<u8> {
    [&hex(header)[..], &PACKET].concat()
}

fn numbered(protocol: u8, bytes: &[u8]) -> (&'static str, Inner<'_>) {
    let tunnel = by_number(protocol, bytes).expect("a tunnel");
    assert_eq!(tunnel.proof, Proof::Number);
    (tunnel.name, tunnel.inner)
}

fn message(port: u16, payload: &[u8]) -> Message<'_> {
    Message {
        source_port: 40000,
        destination_port: port,
        payload,
        wire_len: payload.len(),
    }
}

/// The tunnels that a datagram to `port` may be.
fn seen(port: u16, payload: &[u8]) -> Vec<(&'static str, Proof, Inner<'_>)> {
    in_datagram(message(port, payload))
        .map(|t| (t.name, t.proof, t.inner))
        .collect()
}

#[test]
fn gre_with_all_its_options() {
    let packet: &[u8] = &PACKET;
    let typed = |kind| ("gre", Inner::Typed(kind, packet));
    for (header, inner) in [
        ("0000 0800", typed(0x0800)),
        // Checksum, key, sequence.
        ("b000 86dd 0102 0000 00000009 00000001", typed(0x86dd)),
        ("2000 8847 00000007", typed(0x8847)),
        // A source route (RFC 1701): one entry of four bytes, then the end.
        (
            "4000 0800 0000 0000 0800 0004 0a000001 00000000",
            typed(0x0800),
        ),
        ("0000 6558", ("gre", Inner::Ethernet(packet))),
        ("0000 880b", ("gre", Inner::Ppp(packet))),
        ("0000 883e", ("gre", Inner::Packet(packet))),
        ("0000 883e 00000000", ("gre", Inner::Packet(packet))),
        ("0000 2001", ("gre", Inner::Nothing)),
        ("0000 0007", ("gre", Inner::Closed)),
        ("0002 0800", ("gre", Inner::Closed)),
        // ERSPAN type I, II, III, III with a platform's header, III with bare IP.
        ("0000 88be", ("erspan", Inner::Ethernet(packet))),
        (
            "1000 88be 00000001 1001 0064 00000000",
            ("erspan", Inner::Ethernet(packet)),
        ),
        (
            "1000 22eb 00000001 2001 0064 00000000 0000 0000",
            ("erspan", Inner::Ethernet(packet)),
        ),
        (
            "1000 22eb 00000001 2001 0064 00000000 0000 0001 0000000000000000",
            ("erspan", Inner::Ethernet(packet)),
        ),
        (
            "1000 22eb 00000001 2001 0064 00000000 0000 0800",
            ("erspan", Inner::Packet(packet)),
        ),
    ] {
        let bytes = with_packet(header);
        assert_eq!(numbered(47, &bytes), inner, "{header}");
        let copies = by_number(47, &bytes).expect("a tunnel").copies;
        assert_eq!(copies, inner.0 == "erspan", "{header}");
    }
    assert_eq!(
        numbered(47, &[0, 0, 0, 0]),
        ("gre", Inner::Nothing),
        "a keep-alive"
    );
    for closed in [
        "",
        "0000 08",
        "0000 0800",
        "2000 0800 0000",
        "4000 0800 00000000 0800 0000",
    ] {
        assert_eq!(
            numbered(47, &hex(closed)),
            ("gre", Inner::Closed),
            "{closed}"
        );
    }
}

#[test]
fn pptp_carries_ppp_where_it_is_numbered() {
    // RFC 2637 §4.1: key, sequence, version 1; payload of 4 bytes for call 7; then with an acknowledgement.
    let payload = "3001 880b 0004 0007 00000001 ff030021 eeee";
    assert_eq!(
        numbered(47, &hex(payload)),
        ("pptp", Inner::Ppp(&hex("ff030021")))
    );
    let both = "3081 880b 0004 0007 00000001 00000009 ff030021";
    assert_eq!(
        numbered(47, &hex(both)),
        ("pptp", Inner::Ppp(&hex("ff030021")))
    );
    let acknowledgement = "2081 880b 0000 0007 00000009";
    assert_eq!(
        numbered(47, &hex(acknowledgement)),
        ("pptp", Inner::Nothing)
    );
    for closed in [
        "3001 880b 0004 0007",
        "3001 0800 0004 0007 00000001 45",
        "1001 880b 00000001 21",
    ] {
        assert_eq!(
            numbered(47, &hex(closed)),
            ("pptp", Inner::Closed),
            "{closed}"
        );
    }
}

#[test]
fn other_protocol_numbers() {
    let packet: &[u8] = &PACKET;
    let (etherip, swapped) = (with_packet("3000"), with_packet("0300"));
    let (session, control) = (with_packet("00000009"), with_packet("00000000"));
    for (number, bytes, inner) in [
        (4, packet, ("ip-in-ip", Inner::Packet(packet))),
        (41, packet, ("ipv6-in-ip", Inner::Packet(packet))),
        (94, packet, ("ip-in-ip", Inner::Packet(packet))),
        (94, &[0; 24], ("ip-in-ip", Inner::Closed)),
        (97, &etherip, ("etherip", Inner::Ethernet(packet))),
        (97, &swapped, ("etherip", Inner::Ethernet(packet))),
        (97, packet, ("etherip", Inner::Closed)),
        (115, &session, ("l2tp", Inner::Agreed(packet))),
        (115, &control, ("l2tp", Inner::Nothing)),
        (137, packet, ("mpls", Inner::Labels(packet))),
        (143, packet, ("ethernet-in-ip", Inner::Ethernet(packet))),
        (4, &[], ("ip-in-ip", Inner::Closed)),
        (115, &[1, 2], ("l2tp", Inner::Closed)),
    ] {
        assert_eq!(numbered(number, bytes), inner, "{number}");
    }
    for none in [6, 17, 50, 51, 55, 108, 132] {
        assert_eq!(by_number(none, packet), None, "{none}");
    }
}

#[test]
fn overlays_on_and_off_their_ports() {
    let packet: &[u8] = &PACKET;
    let (ethernet, bare) = (Inner::Ethernet(packet), Inner::Packet(packet));
    for (port, header, name, proof, inner) in [
        (4789, "08000000 00007b00", "vxlan", Proof::Header, ethernet),
        (8472, "08000000 00007b00", "vxlan", Proof::Header, ethernet),
        (
            9999,
            "08000000 00007b00",
            "vxlan",
            Proof::Checksum,
            ethernet,
        ),
        // Group policy (draft-smith-vxlan-group-policy).
        (4789, "88000009 00007b00", "vxlan", Proof::Inside, ethernet),
        (4790, "0c000001 00007b00", "vxlan-gpe", Proof::Header, bare),
        (
            4790,
            "0c000003 00007b00",
            "vxlan-gpe",
            Proof::Header,
            ethernet,
        ),
        (
            4790,
            "08000000 00007b00",
            "vxlan-gpe",
            Proof::Header,
            ethernet,
        ),
        (
            4790,
            "0c000005 00007b00",
            "vxlan-gpe",
            Proof::Header,
            Inner::Labels(packet),
        ),
        (
            4790,
            "0d000000 00007b00",
            "vxlan-gpe",
            Proof::Header,
            Inner::Nothing,
        ),
        (
            4790,
            "0c000009 00007b00",
            "vxlan-gpe",
            Proof::Header,
            Inner::Closed,
        ),
        // A service header of type 2 without metadata (RFC 8300): two words, then IPv4.
        (
            4790,
            "0c000004 00007b00 0fc2 0201 000001ff",
            "vxlan-gpe",
            Proof::Header,
            bare,
        ),
        (
            6081,
            "0000 6558 00000100",
            "geneve",
            Proof::Header,
            ethernet,
        ),
        (
            6081,
            "0240 0800 00000100 010280010a0b0c0d",
            "geneve",
            Proof::Header,
            bare,
        ),
        (
            6081,
            "0000 8847 00000100",
            "geneve",
            Proof::Header,
            Inner::Typed(0x8847, packet),
        ),
        (9999, "0000 86dd 00000100", "geneve", Proof::Checksum, bare),
    ] {
        let bytes = with_packet(header);
        let all = seen(port, &bytes);
        assert!(
            all.contains(&(name, proof, inner)),
            "{port} {header}: {all:?}"
        );
    }
    let options = hex("3f00 0800 00000100");
    assert_eq!(
        seen(6081, &options),
        [("geneve", Proof::Header, Inner::Closed)]
    );
    for (port, none) in [
        (4789, "00000000 00007b00"),
        (4789, "08000000 00007b01"),
        (4790, "0c010001 00007b00"),
        (4790, "1c000001 00007b00"),
        (6081, "4000 6558 00000100"),
        (6081, "0001 6558 00000100"),
        (6081, "0000 6558 00000101"),
        (6081, "0000 0123 00000100"),
        (9999, "0000 9999 00000100"),
    ] {
        assert_eq!(seen(port, &with_packet(none)), [], "{port} {none}");
    }
}

#[test]
fn gtp_passes_over_its_extension_headers() {
    let packet: &[u8] = &PACKET;
    for header in [
        "30ff 0018 00000001",
        // A sequence number; then a PDU session container (§5.2.2.7) and a header of two words.
        "32ff 001c 00000001 0007 00 00",
        "34ff 0028 00000001 0000 00 85 01 1009 c0 02 000000000000 00",
    ] {
        let bytes = with_packet(header);
        let inner = Inner::Packet(packet);
        assert_eq!(
            seen(2152, &bytes),
            [("gtp-u", Proof::Header, inner)],
            "{header}"
        );
        assert_eq!(
            seen(2200, &bytes),
            [("gtp-u", Proof::Checksum, inner)],
            "{header}"
        );
    }
    let echo = hex("3201 0004 00000000 0001 0000");
    assert_eq!(
        seen(2152, &echo),
        [("gtp-u", Proof::Header, Inner::Nothing)]
    );
    assert_eq!(seen(2200, &echo), []);
    let ethernet = hex("30ff 0004 00000001 02000000");
    let agreed = Inner::Agreed(&ethernet[8..]);
    assert_eq!(seen(2152, &ethernet), [("gtp-u", Proof::Header, agreed)]);
    for closed in [
        "30ff 0000 00000001",
        "34ff 0008 00000001 0000 00 85 00 1009 00",
    ] {
        let bytes = hex(closed);
        assert_eq!(
            seen(2152, &bytes),
            [("gtp-u", Proof::Header, Inner::Closed)],
            "{closed}"
        );
    }
    let padded = with_packet("30ff 0010 00000001");
    let inner = Inner::Packet(&packet[..16]);
    assert_eq!(seen(2152, &padded), [("gtp-u", Proof::Inside, inner)]);
    for none in [
        "30ff 0019 00000001",
        "20ff 0018 00000001",
        "50ff 0018 00000001",
        "3077 0018 00000001",
    ] {
        assert_eq!(seen(2152, &with_packet(none)), [], "{none}");
    }
}

#[test]
fn l2tp_in_both_versions() {
    let packet: &[u8] = &PACKET;
    let ppp = |bytes| Inner::Ppp(bytes);
    let framed = with_packet("ff030021");
    for header in [
        "0002 0001 0001",
        "4002 0024 0001 0001",
        "4802 0028 0001 0001 0003 0004",
        "4a02 002d 0001 0001 0003 0004 0003 aaaaaa",
    ] {
        let bytes = [&hex(header)[..], &framed].concat();
        // Its length may look like that of an IP packet; that one has no right checksum.
        for (port, proof) in [(1701, Proof::Header), (2000, Proof::Checksum)] {
            let first = seen(port, &bytes).into_iter().next();
            assert_eq!(first, Some(("l2tp", proof, ppp(&framed))), "{header}");
        }
    }
    for control in [
        "c802 000c 0001 0000 0002 0001",
        "c803 0010 00000001 0002 0001 00000006",
    ] {
        let bytes = hex(control);
        assert_eq!(
            seen(1701, &bytes),
            [("l2tp", Proof::Header, Inner::Nothing)]
        );
        assert_eq!(seen(2000, &bytes), []);
    }
    let third = with_packet("0003 0000 00000009");
    assert_eq!(
        seen(1701, &third),
        [("l2tp", Proof::Header, Inner::Agreed(packet))]
    );
    for none in [
        "c802 000d 0001 0000 0002 0001",
        "0012 0001 0001 ff030021",
        "0004 0001 0001 ff030021",
        "68656c6c6f206c327470",
    ] {
        assert_eq!(seen(1701, &hex(none)), [], "{none}");
    }
}

#[test]
fn teredo_behind_its_headers() {
    let mut v6 = hex(
        "60000000 0004 3b40 20010000 4136e378 8000 63bf 3ffffdd2 2a05d014 00000000 00000000 00000001",
    );
    v6.extend([1, 2, 3, 4]);
    let inner = Inner::Packet(&v6);
    // RFC 4380 §5.1.1: authentication without id, with a nonce and a confirmation byte; then the origin.
    for header in [
        "",
        "0001 00 00 0102030405060708 00",
        "0001 02 03 aabb ccddee 0102030405060708 01",
        "0000 6d3d cdefdfe5",
        "0001 00 00 0102030405060708 00 0000 6d3d cdefdfe5",
    ] {
        let bytes = [&hex(header)[..], &v6].concat();
        let all = seen(3544, &bytes);
        assert!(
            all.contains(&("teredo", Proof::Inside, inner)),
            "{header}: {all:?}"
        );
        let relayed = seen(50000, &bytes);
        assert!(
            relayed.contains(&("teredo", Proof::Inside, inner)),
            "{header}"
        );
        // A trailer (RFC 6081) follows on the server's port only.
        let trailed = [&bytes[..], &[1, 4, 0, 0, 0, 0]].concat();
        assert!(
            seen(3544, &trailed).contains(&("teredo", Proof::Inside, inner)),
            "{header}"
        );
        assert_eq!(seen(50000, &trailed), [], "{header}");
    }
    let mut foreign = v6.clone();
    foreign[8] = 0x30;
    assert_eq!(
        seen(50000, &foreign),
        [("ip-in-udp", Proof::Checksum, Inner::Packet(&foreign))]
    );
}

#[test]
fn copies_of_frames() {
    let packet: &[u8] = &PACKET;
    for (header, inner) in [
        ("01 00 0001 01", Inner::Ethernet(packet)),
        ("01 01 0001 00 00 01", Inner::Ethernet(packet)),
        // Signal, channel, time, then the end.
        (
            "01 00 0012 0a01d5 120106 0d0400000001 01",
            Inner::Wifi(Reception::Plain, packet),
        ),
        ("01 00 0077 01", Inner::Wifi(Reception::Prism, packet)),
        ("01 00 007f 01", Inner::Wifi(Reception::Avs, packet)),
        ("01 00 0005 01", Inner::Closed),
        ("01 04 0000 01", Inner::Nothing),
    ] {
        let bytes = with_packet(header);
        assert_eq!(
            seen(37008, &bytes),
            [("tzsp", Proof::Header, inner)],
            "{header}"
        );
    }
    assert_eq!(
        seen(37008, &hex("01 00 0001 0a")),
        [("tzsp", Proof::Header, Inner::Closed)]
    );
    let copied = with_packet("01 00 0001 01");
    let first = in_datagram(message(37008, &copied))
        .next()
        .expect("a tunnel");
    assert!(first.copies);
    // RFC 5415 §4.3: two words, 802.11 binding; Ethernet and 802.11; a keep-alive; a DTLS record.
    for (header, inner) in [
        ("00 10 02 00 0000 0000", Inner::Ethernet(packet)),
        (
            "00 10 03 00 0000 0000",
            Inner::Wifi(Reception::Plain, packet),
        ),
    ] {
        let bytes = with_packet(header);
        let all = seen(5247, &bytes);
        assert!(
            all.contains(&("capwap", Proof::Inside, inner)),
            "{header} {all:?}"
        );
    }
    assert_eq!(seen(5247, &with_packet("00 10 02 08 0000 0000")), []);
    let sealed = hex("01000000 17 fefd 0001000000000001 0010");
    assert!(seen(5247, &sealed).contains(&("capwap", Proof::Header, Inner::Closed)));
}

#[test]
fn packets_behind_next_to_nothing() {
    let packet: &[u8] = &PACKET;
    let inner = Inner::Packet(packet);
    for (port, header, name) in [
        (4341, "88000001 00000001", "lisp"),
        (6080, "0004 0000", "gue"),
        (6080, "0129 0001 00000000", "gue"),
        (6080, "", "gue"),
    ] {
        let bytes = with_packet(header);
        let all = seen(port, &bytes);
        assert!(
            all.contains(&(name, Proof::Inside, inner)),
            "{port} {header}: {all:?}"
        );
    }
    let labels = with_packet("00010140");
    assert!(seen(6635, &labels).contains(&("mpls", Proof::Inside, Inner::Labels(&labels))));
    let gre = with_packet("0000 0800");
    assert!(seen(4754, &gre).contains(&("gre", Proof::Inside, Inner::Typed(0x0800, packet))));
    assert_eq!(seen(5555, packet), [("ip-in-udp", Proof::Checksum, inner)]);
    assert_eq!(seen(5555, &packet[..23]), [], "not to the byte");
}

/// What is met on foreign ports, and any damage to what is not: nothing is taken for a tunnel
/// without asking for a packet inside.
#[test]
fn noise_is_never_more_than_a_question() {
    let mut noise = Noise(7);
    let samples: Vec<Vec<u8>> = [
        "08000000 00007b00",
        "30ff 0018 00000001",
        "0002 0001 0001 ff030021",
        "01 00 0001 01",
    ]
    .iter()
    .map(|header| with_packet(header))
    .collect();
    for round in 0..40_000usize {
        let bytes = match round % 2 {
            0 => noise.damage(&samples[round / 2 % samples.len()]),
            _ => {
                let length = noise.below(90);
                noise.bytes(length)
            }
        };
        for tunnel in in_datagram(message(40001, &bytes)) {
            assert!(
                matches!(tunnel.proof, Proof::Checksum | Proof::Inside),
                "{tunnel:?}"
            );
        }
        for port in [
            1701, 2152, 3544, 4341, 4754, 4789, 4790, 5247, 6080, 6081, 6635, 37008,
        ] {
            for tunnel in in_datagram(message(port, &bytes)) {
                assert!(tunnel.proof != Proof::Number, "{tunnel:?}");
            }
        }
        for number in [4, 41, 47, 94, 97, 115, 137, 143] {
            assert!(by_number(number, &bytes).is_some());
        }
    }
}
