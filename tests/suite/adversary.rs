//! Whatever is done around a known contact, the answer is never `consistent`.
//!
//! A seeded adversary takes one contact with the vendor (a lookup, a session, a request to a relay on
//! the LAN) and combines what an audited party, a strange network or a careless recorder could do to
//! hide it: odd segments, rival copies, tunnels, tags, link types, labels, windows, floods, damage.
//! Each combination leaves something to see, so that silence is no honest answer to any.
//!
//! A sample runs with the tests; `ADVERSARY_RUNS=20000 cargo test --release --test suite adversary`
//! runs that many. A failure names the number that makes it again, and `ADVERSARY_ONLY` runs that one
//! alone and keeps its capture.

use crate::support::craft::{
    ACK, Capture, DRONE, PHONE, PSH, ROUTER, RST, SYN, at, checksum, client_hello, dns_question,
    duml, ethernet, forged, hex, ip, mac, tcp, tls_data, udp,
};
use crate::support::random::Random;
use crate::support::{assert_adds_up, check_here, gaps};
use std::fs;
use std::net::IpAddr;
use tempfile::TempDir;

const VENDOR: &str = "flysafe-api.dji.com";
const SERVER: &str = "47.88.1.7";
/// A box on the site that serves as relay and ends tunnels.
const BOX: &str = "192.168.2.254";
/// The app that labelled captures name.
const APP: &str = "dji.go.v5";
/// Seconds of each capture; the contact begins at 35.
const LENGTH: u32 = 90;
const CONTACT: f64 = 35.0;
/// Combinations in an ordinary run of the tests.
const SAMPLE: u64 = 400;

/// Packets of a contact: seconds after its beginning, and an IP packet.
type Packets = Vec<(f64, Vec<u8>)>;

/// What is said to whom over TCP, or which packets go out.
enum Contact {
    Stream {
        server: String,
        says: Vec<Vec<u8>>,
        hears: Vec<u8>,
    },
    Packets(Packets),
}

/// A contact that nobody could call local, by name or by address.
fn contact(random: &mut Random, story: &mut String) -> Contact {
    let relay = |port: u16| format!("{BOX}:{port}");
    let stream = |server: String, says: Vec<Vec<u8>>, hears: &[u8]| Contact::Stream {
        server,
        says,
        hears: hears.to_vec(),
    };
    let (id, it) = match random.below(18) {
        0 => {
            let question = udp(
                &format!("{PHONE}:40001"),
                &format!("{ROUTER}:53"),
                &dns_question(7, VENDOR),
            );
            ("lookup", Contact::Packets(vec![(0.0, question)]))
        }
        1 => {
            let question = dns_question(7, VENDOR);
            let framed = [&(question.len() as u16).to_be_bytes()[..], &question].concat();
            ("lookup over TCP", stream(relay(53), vec![framed], b""))
        }
        2 => {
            let says = vec![client_hello(VENDOR), tls_data(300)];
            ("TLS", stream(format!("{SERVER}:443"), says, &tls_data(100)))
        }
        3 => {
            let says = vec![client_hello(VENDOR), tls_data(300)];
            (
                "TLS to a LAN host",
                stream(relay(8443), says, &tls_data(100)),
            )
        }
        4 => {
            let head =
                format!("POST /log HTTP/1.1\r\nHost: {VENDOR}\r\nContent-Length: 5\r\n\r\nhello");
            (
                "HTTP",
                stream(
                    format!("{SERVER}:80"),
                    vec![head.into_bytes()],
                    b"HTTP/1.1 204 No\r\n\r\n",
                ),
            )
        }
        5 => {
            let head = format!("GET http://{VENDOR}/x HTTP/1.1\r\nHost: {VENDOR}\r\n\r\n");
            (
                "HTTP by proxy",
                stream(
                    relay(8080),
                    vec![head.into_bytes()],
                    b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
                ),
            )
        }
        6 => {
            let head = format!("CONNECT {VENDOR}:443 HTTP/1.1\r\nHost: {VENDOR}:443\r\n\r\n");
            let says = vec![head.into_bytes(), client_hello(VENDOR), tls_data(200)];
            (
                "CONNECT",
                stream(relay(3128), says, b"HTTP/1.1 200 OK\r\n\r\n"),
            )
        }
        7 => {
            let ask = [
                &hex("05 01 00 03")[..],
                &[VENDOR.len() as u8],
                VENDOR.as_bytes(),
                &hex("01bb"),
            ]
            .concat();
            (
                "SOCKS 5",
                stream(
                    relay(1080),
                    vec![hex("05 01 00"), ask, client_hello(VENDOR)],
                    &hex("05 00"),
                ),
            )
        }
        8 => {
            let ask = [
                &hex("04 01 01bb 00000001")[..],
                b"me\0",
                VENDOR.as_bytes(),
                b"\0",
            ]
            .concat();
            (
                "SOCKS 4a",
                stream(relay(1080), vec![ask], &hex("00 5a 0000 00000000")),
            )
        }
        9 => {
            let packet = udp(
                &format!("{PHONE}:40002"),
                &format!("{SERVER}:9999"),
                &random.noise(200),
            );
            (
                "UDP without a name",
                Contact::Packets(vec![(0.0, packet.clone()), (0.2, packet)]),
            )
        }
        10 => {
            let syn = tcp(
                &format!("{PHONE}:40003"),
                &format!("{SERVER}:443"),
                (5, 0),
                SYN,
                b"",
            );
            ("a SYN", Contact::Packets(vec![(0.0, syn)]))
        }
        11 => {
            let mut body = [&hex("0800 0000 0001 0001")[..], &random.noise(48)].concat();
            let sum = checksum(&[&body]);
            body[2..4].copy_from_slice(&sum.to_be_bytes());
            (
                "an echo request",
                Contact::Packets(vec![(0.0, ip(at(PHONE), at(SERVER), 1, &body))]),
            )
        }
        12 => {
            let says = vec![
                hex("10 0d 0004 4d515454 04 02 003c 0001 61"),
                hex("30 06 0001 61 010203"),
            ];
            (
                "MQTT",
                stream(format!("{SERVER}:1883"), says, &hex("20 02 00 00")),
            )
        }
        13 => {
            let says = vec![
                b"EHLO phone\r\n".to_vec(),
                b"MAIL FROM:<app@phone.local>\r\n".to_vec(),
                b"RCPT TO:<logs@dji.com>\r\n".to_vec(),
                b"DATA\r\n".to_vec(),
            ];
            (
                "mail by a LAN relay",
                stream(relay(25), says, b"250 ok\r\n"),
            )
        }
        14 => {
            let head = format!(
                "GET /.well-known/masque/udp/{VENDOR}/443/ HTTP/1.1\r\nHost: relay.lan\r\nConnection: Upgrade\r\nUpgrade: connect-udp\r\n\r\n"
            );
            (
                "connect-udp",
                stream(
                    relay(8080),
                    vec![head.into_bytes()],
                    b"HTTP/1.1 101 Switching\r\nUpgrade: connect-udp\r\n\r\n",
                ),
            )
        }
        15 => {
            // Heads that a lenient server reads.
            let line = match random.below(8) {
                0 => format!("GET http://{VENDOR}/a b HTTP/1.1"),
                1 => format!("get http://{VENDOR}/ HTTP/1.1"),
                2 => format!("GET http://{VENDOR}/ HTTP/1.1 "),
                3 => format!("\r\n\r\n\r\nGET http://{VENDOR}/ HTTP/1.1"),
                4 => format!("CONNECT {VENDOR}:443 now HTTP/1.1"),
                5 => format!("GET http://{VENDOR}/{} HTTP/1.1", "a".repeat(9000)),
                6 => format!("GET http://{VENDOR}/ HTTP/3.0"),
                _ => format!("GET http://{VENDOR}/\u{e9}\u{7f} HTTP/1.1"),
            };
            let head = format!("{line}\r\nHost: {VENDOR}\r\n\r\n");
            (
                "an odd head by proxy",
                stream(
                    relay(8080),
                    vec![head.into_bytes()],
                    b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
                ),
            )
        }
        16 => {
            let head = format!("OPTIONS rtsp://{VENDOR}/live RTSP/1.0\r\nCSeq: 1\r\n\r\n");
            (
                "RTSP to a LAN host",
                stream(
                    relay(554),
                    vec![head.into_bytes()],
                    b"RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n",
                ),
            )
        }
        _ => {
            // Asked after a good local request on the same connection.
            let head = format!(
                "GET / HTTP/1.1\r\nHost: box.lan\r\n\r\nGET http://{VENDOR}/ HTTP/1.1\r\nHost: {VENDOR}\r\n\r\n"
            );
            (
                "a second request",
                stream(
                    relay(80),
                    vec![head.into_bytes()],
                    b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
                ),
            )
        }
    };
    story.push_str(id);
    it
}

/// Which of a contact's packets may be lost without the capture being honestly silent.
struct Laid {
    packets: Packets,
    /// A data segment that the other end acknowledges.
    lost_possible: bool,
}

/// The packets of a connection, as an adversary would cut, order and repeat them.
fn lay(it: Contact, random: &mut Random, story: &mut String) -> Laid {
    let (server, says, hears) = match it {
        Contact::Packets(packets) => {
            return Laid {
                packets,
                lost_possible: false,
            };
        }
        Contact::Stream {
            server,
            says,
            hears,
        } => (server, says, hears),
    };
    let client = format!("{PHONE}:{}", 41000 + random.below(9000));
    let mut packets: Packets = Vec::new();
    let mut when = 0.0;
    let mut put = |packet: Vec<u8>| {
        packets.push((when, packet));
        when += 0.002;
    };
    let (mut ours, mut theirs) = (random.next() as u32, random.next() as u32);
    let opening = random.below(6);
    match opening {
        0 => story.push_str(", no handshake"),
        1 => {
            story.push_str(", a reset first");
            put(tcp(
                &client,
                &server,
                (ours.wrapping_sub(70_000), 0),
                RST,
                b"",
            ));
        }
        2 => {
            story.push_str(", two SYNs");
            put(tcp(&client, &server, (ours.wrapping_add(9), 0), SYN, b""));
        }
        _ => {}
    }
    if opening != 0 {
        put(tcp(&client, &server, (ours, 0), SYN, b""));
        ours = ours.wrapping_add(1);
        put(tcp(&server, &client, (theirs, ours), SYN | ACK, b""));
        theirs = theirs.wrapping_add(1);
        put(tcp(&client, &server, (ours, theirs), ACK, b""));
    }
    // A recording that starts inside an upload: nothing of it can be recognised.
    if opening == 0 && random.one_in(3) {
        let count = 24 + random.below(20);
        story.push_str(&format!(", {count} segments of noise first"));
        for _ in 0..count {
            let noise = random.noise(300);
            put(tcp(&client, &server, (ours, theirs), ACK, &noise));
            ours = ours.wrapping_add(300);
            put(tcp(&server, &client, (theirs, ours), ACK, b""));
        }
    }
    let manner = random.below(8);
    story.push_str(match manner {
        0 => ", segments of one byte",
        1 => ", last segment first",
        2 => ", every segment twice",
        3 => ", a rival copy first",
        4 => ", a forged copy first",
        5 => ", cut at random",
        6 => ", the answer first",
        _ => "",
    });
    for (n, said) in says.iter().enumerate() {
        let mut cuts: Vec<usize> = match manner {
            0 if said.len() < 400 => (1..said.len()).collect(),
            0 | 1 | 5 => (0..2 + random.below(4))
                .map(|_| 1 + random.below(said.len() - 1))
                .collect(),
            _ => (1..said.len().div_ceil(1400)).map(|k| k * 1400).collect(),
        };
        cuts.extend([0, said.len()]);
        cuts.sort_unstable();
        cuts.dedup();
        let mut segments: Vec<(u32, &[u8])> = cuts
            .windows(2)
            .map(|w| (ours.wrapping_add(w[0] as u32), &said[w[0]..w[1]]))
            .collect();
        if manner == 1 {
            segments.reverse();
        }
        let after = ours.wrapping_add(said.len() as u32);
        if manner == 6 && n == 0 {
            put(tcp(&server, &client, (theirs, after), PSH | ACK, &hears));
        }
        for (seq, bytes) in segments {
            let segment = tcp(&client, &server, (seq, theirs), PSH | ACK, bytes);
            if manner == 3 {
                let rival: Vec<u8> = bytes
                    .iter()
                    .map(|b| if b.is_ascii_lowercase() { b'a' } else { *b })
                    .collect();
                put(tcp(&client, &server, (seq, theirs), PSH | ACK, &rival));
            }
            if manner == 4 {
                put(forged(tcp(
                    &client,
                    &server,
                    (seq, theirs),
                    PSH | ACK,
                    &random.noise(bytes.len()),
                )));
            }
            put(segment.clone());
            if manner == 2 {
                put(segment);
            }
        }
        ours = after;
        put(tcp(&server, &client, (theirs, ours), ACK, b""));
        if n == 0 && manner != 6 && !hears.is_empty() {
            put(tcp(&server, &client, (theirs, ours), PSH | ACK, &hears));
        }
        if n == 0 {
            theirs = theirs.wrapping_add(hears.len() as u32);
            put(tcp(&client, &server, (ours, theirs), ACK, b""));
        }
    }
    Laid {
        packets,
        // Behind a handshake, so that the first byte of the stream is known.
        lost_possible: opening > 2 && !matches!(manner, 2..=4),
    }
}

/// Puts the packets into a tunnel to a box on the site, in clear or such that it only shows itself.
fn tunnel(packets: Packets, random: &mut Random, story: &mut String) -> Packets {
    let choice = random.below(22);
    let wrap = |header: Vec<u8>, number: u8| -> Packets {
        let around =
            |packet: &[u8]| ip(at(PHONE), at(BOX), number, &[&header[..], packet].concat());
        packets.iter().map(|(when, p)| (*when, around(p))).collect()
    };
    let over = |port: u16, header: &dyn Fn(&[u8]) -> Vec<u8>| -> Packets {
        let around = |p: &[u8]| {
            let payload = [&header(p)[..], p].concat();
            udp(
                &format!("{PHONE}:40007"),
                &format!("{BOX}:{port}"),
                &payload,
            )
        };
        packets.iter().map(|(when, p)| (*when, around(p))).collect()
    };
    let mut stream = |port: u16, frame: &dyn Fn(&[u8]) -> Vec<u8>| -> Packets {
        let (client, server) = (format!("{PHONE}:40008"), format!("{BOX}:{port}"));
        let mut seq = random.next() as u32;
        let mut out = vec![(
            -0.02,
            tcp(&client, &server, (seq.wrapping_sub(1), 0), SYN, b""),
        )];
        out.push((-0.01, tcp(&server, &client, (99, seq), SYN | ACK, b"")));
        for (when, packet) in &packets {
            let bytes = frame(packet);
            out.push((*when, tcp(&client, &server, (seq, 100), PSH | ACK, &bytes)));
            seq = seq.wrapping_add(bytes.len() as u32);
            out.push((when + 0.0005, tcp(&server, &client, (100, seq), ACK, b"")));
        }
        out
    };
    let inner = |p: &[u8]| ethernet([2, 9, 9, 9, 9, 1], [2, 9, 9, 9, 9, 2], p);
    let (id, packets) = match choice {
        0 => ("IP in IP", wrap(vec![], 4)),
        1 => ("GRE", wrap(hex("0000 0800"), 47)),
        2 => (
            "VXLAN",
            over(4789, &|_| {
                [
                    hex("08000000 00007b00"),
                    hex("020909090902 020909090901 0800"),
                ]
                .concat()
            }),
        ),
        3 => ("a TUN header in UDP", over(5555, &|_| hex("0000 0800"))),
        4 => (
            "an Ethernet header in UDP",
            over(5556, &|_| hex("020909090902 020909090901 0800")),
        ),
        5 => ("IP in UDP", over(5557, &|_| vec![])),
        6 => ("IP in a stream", stream(5558, &|p| p.to_vec())),
        7 => (
            "lengths and IP in a stream",
            stream(5559, &|p| [&(p.len() as u16).to_be_bytes()[..], p].concat()),
        ),
        8 => (
            "lengths of four bytes and IP in a stream",
            stream(5560, &|p| [&(p.len() as u32).to_be_bytes()[..], p].concat()),
        ),
        9 => (
            "Ethernet in a stream",
            stream(5561, &|p| {
                let frame = inner(p);
                [&(frame.len() as u32).to_be_bytes()[..], &frame].concat()
            }),
        ),
        10 => (
            "SLIP in a stream",
            stream(5562, &|p| {
                let mut out = vec![0xc0];
                for byte in p {
                    match byte {
                        0xc0 => out.extend([0xdb, 0xdc]),
                        0xdb => out.extend([0xdb, 0xdd]),
                        other => out.push(*other),
                    }
                }
                out.push(0xc0);
                out
            }),
        ),
        11 => ("a shim in an echo request", {
            let around = |p: &[u8]| {
                let mut body = [&hex("0800 0000 0001 0001 01020304")[..], p].concat();
                let sum = checksum(&[&body]);
                body[2..4].copy_from_slice(&sum.to_be_bytes());
                ip(at(PHONE), at(BOX), 1, &body)
            };
            packets.iter().map(|(when, p)| (*when, around(p))).collect()
        }),
        12 => ("an unknown protocol", wrap(vec![], 253)),
        13 => (
            "GTP-U",
            over(2152, &|p| {
                [
                    &hex("30 ff")[..],
                    &(p.len() as u16).to_be_bytes(),
                    &hex("00000007"),
                ]
                .concat()
            }),
        ),
        14 => ("PIM Register", wrap(hex("2100 deff 00000000"), 103)),
        _ => return packets,
    };
    story.push_str(", in ");
    story.push_str(id);
    packets
}

/// A tag or header between the addresses of an Ethernet frame and the packet.
fn tag(random: &mut Random, story: &mut String) -> Vec<u8> {
    let tags: [(&str, &str); 16] = [
        ("a VLAN tag", "8100 0064 0800"),
        ("two VLAN tags", "88a8 0064 8100 0065 0800"),
        ("MPLS", "8847 00010140"),
        ("PPPoE", "8864 1100 0007 ffff 0021"),
        ("a Realtek tag", "8899 a1 00 0800"),
        ("an E-tag", "893f 0000 0000 0000 0800"),
        ("a VN-tag", "8926 0000 0000 0800"),
        ("Cisco metadata", "8909 0101 0001 0005 0800"),
        ("LLC and SNAP", "05dc aaaa03 000000 0800"),
        ("SNAP with another organisation", "05dc aaaa03 0000f8 0800"),
        (
            "SNAP, bridged",
            "05dc aaaa03 0080c2 0007 0000 020909090902 020909090901 0800",
        ),
        ("a type nobody knows", "a1b2"),
        ("a type nobody knows and four bytes", "a1b3 01020304"),
        ("EDSA", "dada 0000 c0000001 0800"),
        ("a service tag of another type", "9100 0064 0800"),
        ("MACsec without encryption", "88e5 0000 00000001 0800"),
    ];
    let (id, header) = random.pick(&tags);
    story.push_str(", behind ");
    story.push_str(id);
    hex(header)
}

/// Puts PCAPdroid's trailer behind an Ethernet frame (user guide, "Dump extensions").
fn labelled(mut frame: Vec<u8>, uid: u32, name: &str) -> Vec<u8> {
    frame.resize(frame.len().next_multiple_of(4), 0);
    frame.extend(0x0107_2021_u32.to_be_bytes());
    frame.extend(uid.to_be_bytes());
    let mut label = name.as_bytes().to_vec();
    label.resize(20, 0);
    frame.extend(label);
    let crc = !frame.iter().fold(!0_u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ if crc & 1 == 1 { 0xedb8_8320 } else { 0 }
        })
    });
    frame.extend(crc.to_le_bytes());
    frame
}

/// How frames are wrapped.
#[derive(Clone, Copy, PartialEq)]
enum Link {
    Ethernet,
    Raw,
    Cooked,
    Cooked2,
    Null,
    Wifi,
}

impl Link {
    fn number(self) -> u32 {
        match self {
            Self::Null => 0,
            Self::Ethernet => 1,
            Self::Raw => 101,
            Self::Wifi => 127,
            Self::Cooked => 113,
            Self::Cooked2 => 276,
        }
    }

    fn frame(self, packet: &[u8], tag: &[u8]) -> Vec<u8> {
        let source = IpAddr::from(<[u8; 4]>::try_from(&packet[12..16]).expect("IPv4"));
        let target = IpAddr::from(<[u8; 4]>::try_from(&packet[16..20]).expect("IPv4"));
        let out = source == at(PHONE);
        match self {
            Self::Ethernet => match tag {
                [] => ethernet(mac(source), mac(target), packet),
                tag => [&mac(target)[..], &mac(source), tag, packet].concat(),
            },
            Self::Raw => packet.to_vec(),
            Self::Null => [&hex("02000000")[..], packet].concat(),
            Self::Cooked => {
                let kind: &[u8] = if out { &[0, 4] } else { &[0, 0] };
                [
                    kind,
                    &hex("0001 0006"),
                    &mac(source),
                    &hex("0000 0800"),
                    packet,
                ]
                .concat()
            }
            Self::Cooked2 => {
                let kind = if out { 4 } else { 0 };
                [
                    &hex("0800 0000 00000002 0001")[..],
                    &[kind, 6],
                    &mac(source),
                    &[0, 0],
                    packet,
                ]
                .concat()
            }
            Self::Wifi => {
                let head = [
                    &hex("0000 0800 00000000 0802 2c00")[..],
                    &mac(target),
                    &hex("020000000001"),
                    &mac(source),
                    &hex("1000 aaaa03 000000 0800"),
                ]
                .concat();
                [&head[..], packet].concat()
            }
        }
    }
}

/// A combination: the capture, its options, and how it came about.
struct Combination {
    file: Vec<u8>,
    options: Vec<String>,
    story: String,
}

fn combination(number: u64) -> Combination {
    let mut random = Random(number.wrapping_mul(0x2545_f491_4f6c_dd1d) ^ 0x5eed);
    let mut story = String::new();
    let mut options: Vec<String> = Vec::new();
    let random = &mut random;

    let laid = {
        let it = contact(random, &mut story);
        lay(it, random, &mut story)
    };
    let (lost_possible, mut packets) = (laid.lost_possible, laid.packets);
    let before = packets.len();
    packets = tunnel(packets, random, &mut story);
    let tunnelled = packets.len() != before || story.contains(", in ");

    // Damage that leaves a trace.
    let mut flip = None;
    let mut cut = None;
    match random.below(6) {
        0 => {
            // Only an acknowledged data segment to somebody on the LAN: what it said is lost, not that it was.
            let data: Vec<usize> = (0..packets.len())
                .filter(|n| {
                    let p = &packets[*n].1;
                    p[9] == 6 && p[12..16] == [192, 168, 2, 20] && p.len() > 40
                })
                .collect();
            if lost_possible && !tunnelled && data.len() > 1 {
                let gone = random.pick(&data);
                story.push_str(&format!(", packet {gone} lost"));
                packets.remove(gone);
            }
        }
        1 => flip = Some(random.below(packets.len())),
        2 => cut = Some(random.below(packets.len())),
        _ => {}
    }

    let link = random.pick(&[
        Link::Ethernet,
        Link::Ethernet,
        Link::Ethernet,
        Link::Raw,
        Link::Cooked,
        Link::Cooked2,
        Link::Null,
        Link::Wifi,
    ]);
    let mut around = Vec::new();
    let mut label = None;
    if link == Link::Ethernet {
        match random.below(4) {
            0 => around = tag(random, &mut story),
            1 => {
                label = Some(random.below(3));
                options.extend(["--app".into(), APP.into()]);
                story.push_str(match label {
                    Some(0) => ", labelled",
                    Some(1) => ", the contact without a label",
                    _ => ", the contact labelled as a system agent's",
                });
            }
            _ => {}
        }
    } else {
        story.push_str(&format!(", link type {}", link.number()));
    }

    // Floods before the contact, to fill whatever has a bound.
    let mut flood: Packets = Vec::new();
    match random.below(8) {
        0 => {
            story.push_str(", after many lookups");
            for n in 0..200u16 {
                let name = format!("printer{n}.local");
                let packet = udp(
                    &format!("{PHONE}:5353"),
                    "224.0.0.251:5353",
                    &dns_question(n, &name),
                );
                flood.push((5.0 + f64::from(n) * 0.05, packet));
            }
        }
        1 => {
            story.push_str(", after many local flows");
            for n in 0..400u16 {
                let packet = udp(
                    &format!("{PHONE}:{}", 20_000 + n),
                    &format!("{DRONE}:{}", 7000 + n % 50),
                    &n.to_be_bytes(),
                );
                flood.push((5.0 + f64::from(n) * 0.05, packet));
            }
        }
        _ => {}
    }

    let mut all: Vec<(f64, Vec<u8>, bool)> = Vec::new();
    for second in (0..=LENGTH).step_by(3) {
        let (app, aircraft) = (format!("{PHONE}:12346"), format!("{DRONE}:9003"));
        let when = f64::from(second);
        all.push((
            when,
            udp(&app, &aircraft, &duml(second as u16, 2, 3, b"")),
            false,
        ));
        all.push((
            when + 0.02,
            udp(&aircraft, &app, &duml(second as u16, 3, 2, b"state")),
            false,
        ));
    }
    all.extend(
        flood
            .into_iter()
            .map(|(when, packet)| (when, packet, false)),
    );
    let first_of_contact = all.len();
    all.extend(
        packets
            .into_iter()
            .map(|(when, packet)| (CONTACT + when, packet, true)),
    );

    let mut capture = Capture::of_link(link.number());
    for (n, (when, packet, is_contact)) in all.iter().enumerate() {
        let tag: &[u8] = if *is_contact { &around } else { &[] };
        let mut frame = link.frame(packet, tag);
        frame = match (label, is_contact) {
            (None, _) | (Some(1), true) => frame,
            (Some(2), true) => labelled(frame, 1051, "netd"),
            _ => labelled(frame, 10_123, APP),
        };
        let mine = n.checked_sub(first_of_contact);
        if flip.is_some() && flip == mine {
            // In the IP packet: what is in front of it may be wrong and still read.
            let start = frame.len() - if label.is_some() { 0 } else { packet.len() };
            let from = if label.is_some() { 14 } else { start };
            let place = from + random.below(packet.len());
            story.push_str(&format!(", a bit of byte {place} of a packet flipped"));
            frame[place] ^= 1 << random.below(8);
        }
        let kept = if cut.is_some() && cut == mine {
            let kept = 1 + random.below(frame.len() - 1);
            story.push_str(&format!(", a packet cut to {kept}"));
            kept
        } else {
            frame.len()
        };
        capture.cut_frame(*when, &frame, kept);
    }
    let capture = capture.in_order();

    match random.below(4) {
        0 => options.extend(["--window".into(), "+0/+95".into()]),
        1 => options.extend(["--window".into(), "+10/+90".into()]),
        2 if label.is_none() && random.one_in(2) => {
            let has_macs = !matches!(link, Link::Raw | Link::Null);
            if has_macs {
                options.extend(["--device".into(), PHONE.into()]);
            }
        }
        _ => {}
    }
    let mut file = capture.bytes().to_vec();
    if random.one_in(12) {
        let gone = 1 + random.below(60);
        file.truncate(file.len() - gone);
        story.push_str(&format!(", the last {gone} bytes of the file missing"));
    }
    story.push_str(&format!(" {options:?}"));
    Combination {
        file,
        options,
        story,
    }
}

#[test]
#[allow(clippy::print_stderr)]
fn nothing_around_a_known_contact_makes_the_answer_consistent() {
    let number = |name| {
        std::env::var(name)
            .ok()
            .and_then(|n: String| n.parse::<u64>().ok())
    };
    let only = number("ADVERSARY_ONLY");
    let runs = number("ADVERSARY_RUNS").unwrap_or(SAMPLE);
    let scratch = TempDir::new().expect("a scratch folder");
    let path = scratch.path().join("crafted.pcap");
    let mut acquitted = Vec::new();
    // Several runs can share the numbers.
    let from = number("ADVERSARY_FROM").unwrap_or(0);
    for n in only.map_or(from..from + runs, |one| one..one + 1) {
        let Combination {
            file,
            options,
            story,
        } = combination(n);
        fs::write(&path, &file).expect("written");
        if only.is_some() {
            let kept = std::env::temp_dir().join(format!("adversary-{n}.pcap"));
            fs::write(kept, &file).expect("written");
        }
        let options: Vec<&str> = ["--no-hash"]
            .into_iter()
            .chain(options.iter().map(String::as_str))
            .collect();
        match check_here(&path, &options, scratch.path()) {
            Ok((0, _)) => acquitted.push(format!("{n}: {story}")),
            Ok((_, report)) => {
                assert_adds_up(&report);
                if only.is_some() {
                    let reasons = &report["claims"][0]["reasons"];
                    eprintln!("{story}\n{reasons:#} {:?}", gaps(&report));
                }
            }
            Err(message) => panic!("{n}: {story}: {message}"),
        }
    }
    assert!(
        acquitted.is_empty(),
        "{} of {runs} became consistent:\n{}",
        acquitted.len(),
        acquitted[..acquitted.len().min(40)].join("\n")
    );
}
