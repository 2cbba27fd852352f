//! Honest recordings of unusual but sound networks: the app flies, nothing leaves, and the answer is
//! `consistent`. What a stricter rule gets wrong here is a false alarm.

use crate::support::craft::{
    ACK, Capture, Connection, DRONE, PHONE, PSH, ROUTER, RST, SYN, at, checksum, client_hello,
    dns_answer, dns_question, duml, ethernet, hex, ip, mac, tcp, tls_data, udp,
};
use crate::support::{assert_adds_up, check_here, gaps};
use std::net::IpAddr;
use tempfile::TempDir;

/// Seconds of each recording.
const LENGTH: u32 = 90;

/// A recording, and the options it is judged with.
struct Recording {
    what: &'static str,
    options: Vec<String>,
    capture: Capture,
}

/// Bytes without a pattern, the same each time.
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

/// The machine with this number on the site.
fn machine(number: u8) -> [u8; 6] {
    [2, 0, 0, 0, 0, number]
}

/// An Ethernet frame of another type than IP.
fn typed(kind: u16, source: [u8; 6], target: [u8; 6], body: &[u8]) -> Vec<u8> {
    [&target[..], &source, &kind.to_be_bytes(), body].concat()
}

const BROADCAST: [u8; 6] = [0xff; 6];
const MULTICAST4: [u8; 6] = [1, 0, 0x5e, 0, 0, 0xfb];
const MULTICAST6: [u8; 6] = [0x33, 0x33, 0, 0, 0, 1];

/// An ICMPv6 message with its checksum (RFC 4443 §2.3) and the hop limit 255 of neighbour discovery.
fn neighbour(source: &str, target: &str, message: &[u8]) -> Vec<u8> {
    let octets = |text: &str| match at(text) {
        IpAddr::V6(v6) => v6.octets(),
        IpAddr::V4(_) => panic!("IPv6 only"),
    };
    let mut body = message.to_vec();
    body[2..4].fill(0);
    let length = (body.len() as u32).to_be_bytes();
    let sum = checksum(&[
        &octets(source),
        &octets(target),
        &length,
        &[0, 0, 0, 58],
        &body,
    ]);
    body[2..4].copy_from_slice(&sum.to_be_bytes());
    let mut packet = ip(at(source), at(target), 58, &body);
    packet[7] = 255;
    packet
}

/// The drone link between two sockets, every three seconds, handed to `put`.
fn link(phone: &str, drone: &str, mut put: impl FnMut(f64, Vec<u8>)) {
    for second in (0..=LENGTH).step_by(3) {
        let number = second as u16;
        let sent = udp(phone, drone, &duml(number, 2, 3, b""));
        put(f64::from(second), sent);
        let state = udp(
            drone,
            phone,
            &duml(number, 3, 2, &noise(7 + u64::from(second), 40)),
        );
        put(f64::from(second) + 0.02, state);
    }
}

fn usual() -> Capture {
    let mut capture = Capture::new();
    capture.flight(0, LENGTH);
    capture
}

fn plain(what: &'static str, capture: Capture) -> Recording {
    Recording {
        what,
        options: Vec::new(),
        capture,
    }
}

fn networks() -> Vec<Recording> {
    let mut all = Vec::new();

    // A mesh between phone and aircraft: batman-adv unicast around each frame, and its own messages.
    let mut mesh = Capture::new();
    link("192.168.2.20:12346", "192.168.2.1:9003", |when, packet| {
        let inner = ethernet(mac(at(PHONE)), mac(at(DRONE)), &packet);
        let body = [&hex("40 0f 32 01 60601f000001")[..], &inner].concat();
        mesh.frame(when, &typed(0x4305, machine(1), machine(2), &body));
        let originator = hex("00 0f 32 00 00000001 020000000001 020000000001 00ff 0000 0000");
        mesh.frame(
            when + 0.5,
            &typed(0x4305, machine(1), BROADCAST, &originator),
        );
    });
    all.push(plain("a mesh (batman-adv)", mesh));

    // The phone is the access point, and gives the aircraft its address.
    let mut hotspot = Capture::new();
    let offer = |message: u8| {
        let mut body =
            hex("02 01 06 00 12345678 0000 0000 00000000 c0a82b73 c0a82b01 00000000 60601f000001");
        body.resize(236, 0);
        body.extend(hex("63825363 3501"));
        body.push(message);
        body.extend(hex("0104ffffff00 0304c0a82b01 0604c0a82b01 ff"));
        body
    };
    for (when, message) in [(0.1, 2), (0.2, 5)] {
        let packet = udp("192.168.43.1:67", "255.255.255.255:68", &offer(message));
        hotspot.frame(when, &ethernet(machine(0x20), BROADCAST, &packet));
    }
    link(
        "192.168.43.1:12346",
        "192.168.43.115:9003",
        |when, packet| {
            let from_phone = packet[15] == 1;
            let (a, b) = (machine(0x20), [0x60, 0x60, 0x1f, 0, 0, 1]);
            let (source, target) = if from_phone { (a, b) } else { (b, a) };
            hotspot.frame(when, &ethernet(source, target, &packet));
        },
    );
    all.push(plain("the phone's own hotspot", hotspot));

    // Tethering: IP without a link header.
    let mut tether = Capture::of_link(101);
    link(
        "192.168.42.129:12346",
        "192.168.42.2:9003",
        |when, packet| {
            tether.frame(when, &packet);
        },
    );
    all.push(plain("tethering, raw IP", tether));

    // IPv6 only, with a NAT64 prefix that the router announces (RFC 8781) and that nothing uses but
    // the system's own question for it (RFC 7050).
    let mut v6 = Capture::new();
    let router = "fe80::fe";
    let advertisement = hex("86 00 0000 40 00 0708 00000000 00000000
         03 04 40 c0 00015180 00003840 00000000 fd12345678900001 0000000000000000
         26 02 0708 0064ff9b 0000000000000000");
    v6.frame(
        0.1,
        &ethernet(
            machine(0xfe),
            MULTICAST6,
            &neighbour(router, "ff02::1", &advertisement),
        ),
    );
    for when in [1.0, 40.0] {
        let solicitation =
            hex("87 00 0000 00000000 fd123456789000010000000000000001 0101 020000000020");
        let packet = neighbour("fd12:3456:7890:1::20", "ff02::1:ff00:1", &solicitation);
        v6.frame(when, &ethernet(machine(0x20), MULTICAST6, &packet));
        let answer = hex("88 00 0000 60000000 fd123456789000010000000000000001 0201 60601f000001");
        let packet = neighbour("fd12:3456:7890:1::1", "fd12:3456:7890:1::20", &answer);
        v6.frame(
            when + 0.01,
            &ethernet([0x60, 0x60, 0x1f, 0, 0, 1], machine(0x20), &packet),
        );
    }
    let mut question = dns_question(5, "ipv4only.arpa");
    let type_at = question.len() - 3;
    question[type_at] = 28;
    let asked = udp("[fd12:3456:7890:1::20]:40100", "[fe80::fe]:53", &question);
    v6.frame(2.0, &ethernet(machine(0x20), machine(0xfe), &asked));
    link(
        "[fd12:3456:7890:1::20]:12346",
        "[fd12:3456:7890:1::1]:9003",
        |when, packet| {
            v6.frame(
                when,
                &ethernet(machine(0x20), [0x60, 0x60, 0x1f, 0, 0, 1], &packet),
            );
        },
    );
    all.push(plain("IPv6 only, with NAT64", v6));

    // A prefix of global addresses that the router announces, and both ends answer for theirs.
    let mut global = Capture::new();
    let advertisement = hex("86 00 0000 40 00 0708 00000000 00000000
         03 04 40 c0 00015180 00003840 00000000 2a02081012340001 0000000000000000");
    for when in [0.1, 45.0] {
        let packet = neighbour(router, "ff02::1", &advertisement);
        global.frame(when, &ethernet(machine(0xfe), MULTICAST6, &packet));
        for (own, other, card, to) in [
            (
                "2a02:810:1234:1::20",
                "2a02:810:1234:1::1",
                machine(0x20),
                [0x60, 0x60, 0x1f, 0, 0, 1],
            ),
            (
                "2a02:810:1234:1::1",
                "2a02:810:1234:1::20",
                [0x60, 0x60, 0x1f, 0, 0, 1],
                machine(0x20),
            ),
        ] {
            let IpAddr::V6(address) = at(own) else {
                continue;
            };
            let answer = [
                &hex("88 00 0000 60000000")[..],
                &address.octets(),
                &[2, 1],
                &card,
            ]
            .concat();
            let packet = neighbour(own, other, &answer);
            global.frame(when + 0.1, &ethernet(card, to, &packet));
        }
    }
    link(
        "[2a02:810:1234:1::20]:12346",
        "[2a02:810:1234:1::1]:9003",
        |when, packet| {
            let from_phone = packet[23] == 0x20;
            let (a, b) = (machine(0x20), [0x60, 0x60, 0x1f, 0, 0, 1]);
            let (source, target) = if from_phone { (a, b) } else { (b, a) };
            global.frame(when, &ethernet(source, target, &packet));
        },
    );
    all.push(plain("global addresses on the link", global));

    // Monitor mode on an open network: beacons, acknowledgements, retries.
    let mut monitor = Capture::of_link(127);
    let tap = hex("00 00 08 00 00000000");
    link("192.168.2.20:12346", "192.168.2.1:9003", |when, packet| {
        let beacon = hex(
            "8000 0000 ffffffffffff 020000000001 020000000001 1000 0000000000000000 6400 0100 0004 74657374 0101 82",
        );
        monitor.frame(when, &[&tap[..], &beacon].concat());
        let head = hex("0801 2c00 60601f000001 020000000020 60601f000001 2000 aaaa03 000000 0800");
        monitor.frame(when + 0.001, &[&tap[..], &head, &packet].concat());
        monitor.frame(
            when + 0.002,
            &[&tap[..], &hex("d400 0000 020000000020")].concat(),
        );
        let request =
            hex("4000 0000 ffffffffffff 020000000020 ffffffffffff 3000 0000 0104 02040b16");
        monitor.frame(when + 0.003, &[&tap[..], &request].concat());
    });
    all.push(plain("Wi-Fi monitor of an open network", monitor));

    // A camera of the household talks to its cloud; the phone is declared.
    let mut camera = usual();
    let (own, cloud) = ("192.168.2.50:40100", "18.185.10.20:443");
    for (when, packet, out) in [
        (20.0, tcp(own, cloud, (1000, 0), SYN, b""), true),
        (20.1, tcp(cloud, own, (9000, 1001), SYN | ACK, b""), false),
        (20.2, tcp(own, cloud, (1001, 9001), ACK, b""), true),
        (
            20.3,
            tcp(own, cloud, (1001, 9001), ACK | PSH, &tls_data(200)),
            true,
        ),
        (20.4, tcp(cloud, own, (9001, 1206), ACK, b""), false),
    ] {
        let (source, target) = match out {
            true => (machine(0x50), machine(0xfe)),
            false => (machine(0xfe), machine(0x50)),
        };
        camera.frame(when, &ethernet(source, target, &packet));
    }
    all.push(Recording {
        what: "a camera of the household",
        options: vec!["--device".into(), PHONE.into()],
        capture: camera,
    });

    // Two interfaces of one phone in one pcapng are in `two_interfaces`.
    all
}

fn households() -> Vec<Recording> {
    let mut all = Vec::new();

    // Service discovery of a full household.
    let mut discovery = usual();
    let multicast = |capture: &mut Capture, when: f64, from: u8, to: &str, payload: &[u8]| {
        let packet = udp(&format!("192.168.2.{from}:5353"), to, payload);
        capture.frame(when, &ethernet(machine(from), MULTICAST4, &packet));
    };
    for (n, name) in [
        "_googlecast._tcp.local",
        "_airplay._tcp.local",
        "_ipp._tcp.local",
        "Kitchen-Speaker.local",
    ]
    .into_iter()
    .enumerate()
    {
        let when = 5.0 + n as f64;
        let mut question = dns_question(0, name);
        question[2] = 0;
        multicast(&mut discovery, when, 0x20, "224.0.0.251:5353", &question);
        let mut answer = dns_answer(0, name, [192, 168, 2, 60 + n as u8]);
        answer[2] = 0x84;
        multicast(
            &mut discovery,
            when + 0.1,
            60 + n as u8,
            "224.0.0.251:5353",
            &answer,
        );
    }
    let search = b"M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: \"ssdp:discover\"\r\nMX: 2\r\nST: ssdp:all\r\n\r\n";
    multicast(&mut discovery, 12.0, 0x20, "239.255.255.250:1900", search);
    let found = b"HTTP/1.1 200 OK\r\nCACHE-CONTROL: max-age=1800\r\nLOCATION: http://192.168.2.61:49152/root.xml\r\nST: upnp:rootdevice\r\n\r\n";
    let answer = udp("192.168.2.61:1900", "192.168.2.20:5353", found);
    discovery.frame(12.2, &ethernet(machine(61), machine(0x20), &answer));
    multicast(
        &mut discovery,
        13.0,
        62,
        "224.0.0.252:5355",
        &dns_question(9, "printer"),
    );
    multicast(&mut discovery, 14.0, 62, "239.255.255.250:3702", b"<?xml version=\"1.0\" encoding=\"utf-8\"?><soap:Envelope><soap:Body><wsd:Probe/></soap:Body></soap:Envelope>");
    let netbios = hex(
        "8001 0110 0001 0000 0000 0000 20 434b414141414141414141414141414141414141414141414141414141414141 00 0021 0001",
    );
    let packet = udp("192.168.2.62:137", "192.168.2.255:137", &netbios);
    discovery.frame(15.0, &ethernet(machine(62), BROADCAST, &packet));
    all.push(plain("a LAN full of service discovery", discovery));

    // What switches, routers and boxes say to each other below IP.
    let mut chatter = usual();
    for (n, kind) in [
        0x88cc_u16, 0x88d9, 0x886c, 0x886f, 0x88bf, 0x88f5, 0x6970, 0x88b7, 0x88ab, 0x88f8, 0x9000,
        0x88e1, 0x88f7, 0x0842, 0x888e, 0x8892, 0x8902,
    ]
    .into_iter()
    .enumerate()
    {
        let body = [&hex("0207 0400112233445566 0406 0500")[..], &[0; 46]].concat();
        chatter.frame(10.0 + n as f64, &typed(kind, machine(3), BROADCAST, &body));
    }
    let tree = hex(
        "0026 424203 0000000000 8000020000000001 00000000 8000020000000001 8001 0000 1400 0200 0f00 0000000000000000",
    );
    chatter.frame(
        40.0,
        &[&hex("0180c2000000 020000000003")[..], &tree].concat(),
    );
    let neighbour = hex(
        "0024 aaaa03 00000c 2000 02b4 0000 0001 000a 737769746368 0003 0008 45746830 0004 0008 00000001",
    );
    chatter.frame(
        41.0,
        &[&hex("01000ccccccc 020000000003")[..], &neighbour].concat(),
    );
    let report = ip(
        at("192.168.2.20"),
        at("224.0.0.22"),
        2,
        &hex("2200 f9fd 0000 0001 04000000 e00000fb"),
    );
    chatter.frame(42.0, &ethernet(machine(0x20), MULTICAST4, &report));
    let router = udp(
        "192.168.2.254:5678",
        "255.255.255.255:5678",
        &hex("0000 0000 0001 0006 0200000000fe"),
    );
    chatter.frame(43.0, &ethernet(machine(0xfe), BROADCAST, &router));
    all.push(plain("switches, printers and boxes below IP", chatter));

    // A phone's own background: a connectivity check and the time, each at its operator's address.
    let mut system = usual();
    let router = format!("{ROUTER}:53");
    for (n, name, address) in [
        (1u16, "connectivitycheck.gstatic.com", [142, 250, 72, 3]),
        (2, "time.android.com", [216, 239, 35, 0]),
    ] {
        let client = format!("{PHONE}:{}", 40200 + n);
        system.ip(
            20.0 + f64::from(n),
            &udp(&client, &router, &dns_question(n, name)),
        );
        system.ip(
            20.1 + f64::from(n),
            &udp(&router, &client, &dns_answer(n, name, address)),
        );
    }
    let mut check = Connection::open(&mut system, 24.0, 40300, "142.250.72.3:80");
    check.say(&mut system, 24.1, b"GET /generate_204 HTTP/1.1\r\nHost: connectivitycheck.gstatic.com\r\nConnection: close\r\n\r\n");
    check.hear(
        &mut system,
        24.2,
        b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n",
    );
    let mut ask = vec![0x23];
    ask.resize(48, 0);
    system.ip(
        25.0,
        &udp(&format!("{PHONE}:40400"), "216.239.35.0:123", &ask),
    );
    ask[0] = 0x24;
    ask[1] = 1;
    system.ip(
        25.1,
        &udp("216.239.35.0:123", &format!("{PHONE}:40400"), &ask),
    );
    all.push(plain("the phone's own background", system));

    // Tagged frames throughout.
    let mut tagged = Capture::new();
    link("192.168.2.20:12346", "192.168.2.1:9003", |when, packet| {
        let body = [&hex("0064 0800")[..], &packet].concat();
        tagged.frame(when, &typed(0x8100, mac(at(PHONE)), mac(at(DRONE)), &body));
    });
    all.push(plain("a tagged LAN", tagged));

    // A capture on all interfaces: each packet of a bridge twice.
    let mut any = Capture::of_link(113);
    link("192.168.2.20:12346", "192.168.2.1:9003", |when, packet| {
        let out = packet[15] == 20;
        let head = if out {
            "0004 0001 0006 020000000020 0000 0800"
        } else {
            "0000 0001 0006 60601f000001 0000 0800"
        };
        any.frame(when, &[&hex(head)[..], &packet].concat());
        any.frame(when + 0.0001, &[&hex(head)[..], &packet].concat());
    });
    all.push(plain("a capture on all interfaces", any));
    all
}

fn local_traffic() -> Vec<Recording> {
    let mut all = Vec::new();
    let on_drone = |port: u16| format!("{DRONE}:{port}");

    // Video over RTSP and RTP.
    let mut video = usual();
    let mut session = Connection::open(&mut video, 5.0, 40500, &on_drone(554));
    session.say(
        &mut video,
        5.1,
        b"OPTIONS rtsp://192.168.2.1/live RTSP/1.0\r\nCSeq: 1\r\n\r\n",
    );
    session.hear(
        &mut video,
        5.2,
        b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nPublic: DESCRIBE, SETUP, PLAY\r\n\r\n",
    );
    session.say(
        &mut video,
        5.3,
        b"PLAY rtsp://192.168.2.1/live RTSP/1.0\r\nCSeq: 2\r\nSession: 7\r\n\r\n",
    );
    session.hear(
        &mut video,
        5.4,
        b"RTSP/1.0 200 OK\r\nCSeq: 2\r\nSession: 7\r\n\r\n",
    );
    for n in 0..40u16 {
        let when = 6.0 + f64::from(n);
        let packet = [
            &hex("2400 0204")[..],
            &hex("8060"),
            &n.to_be_bytes(),
            &noise(u64::from(n), 512),
        ]
        .concat();
        session.hear(&mut video, when, &packet);
    }
    all.push(plain("video over RTSP, interleaved", video));

    let mut stream = usual();
    for n in 0..800u16 {
        let packet = [
            &hex("8060")[..],
            &n.to_be_bytes(),
            &noise(u64::from(n) * 77, 1200),
        ]
        .concat();
        stream.ip(
            5.0 + f64::from(n) * 0.1,
            &udp(&on_drone(5600), &format!("{PHONE}:5600"), &packet),
        );
    }
    all.push(plain("video over RTP", stream));

    let mut sealed = usual();
    let mut session = Connection::open(&mut sealed, 10.0, 40501, &on_drone(8443));
    session.say(&mut sealed, 10.1, &client_hello("drone.local"));
    for n in 0..20 {
        session.say(&mut sealed, 11.0 + f64::from(n), &tls_data(900));
        session.hear(&mut sealed, 11.5 + f64::from(n), &tls_data(400));
    }
    all.push(plain("TLS with the aircraft", sealed));

    let mut media = usual();
    let mut session = Connection::open(&mut media, 10.0, 40502, &on_drone(80));
    for n in 0..12u64 {
        let when = 11.0 + n as f64;
        session.say(&mut media, when, b"GET /v2?storage=sd&path=DCIM/DJI_0001.JPG HTTP/1.1\r\nHost: 192.168.2.1\r\nRange: bytes=0-1199\r\n\r\n");
        session.hear(&mut media, when + 0.2, b"HTTP/1.1 206 Partial Content\r\nContent-Type: image/jpeg\r\nContent-Length: 1200\r\n\r\n");
        session.hear(&mut media, when + 0.4, &noise(n, 1200));
    }
    all.push(plain("media fetched over HTTP", media));

    let mut files = usual();
    let mut session = Connection::open(&mut files, 10.0, 40503, &on_drone(21));
    session.hear(&mut files, 10.1, b"220 ready\r\n");
    for (n, (ask, answer)) in [
        (&b"USER anonymous\r\n"[..], &b"331 password\r\n"[..]),
        (b"PASS guest\r\n", b"230 logged in\r\n"),
        (
            b"PASV\r\n",
            b"227 Entering Passive Mode (192,168,2,1,195,80)\r\n",
        ),
        (b"RETR flight.dat\r\n", b"150 opening\r\n"),
        (b"QUIT\r\n", b"221 bye\r\n"),
    ]
    .into_iter()
    .enumerate()
    {
        session.say(&mut files, 11.0 + n as f64, ask);
        session.hear(&mut files, 11.5 + n as f64, answer);
    }
    let mut data = Connection::open(&mut files, 14.1, 40504, &on_drone(50000));
    for n in 0..10 {
        data.hear(
            &mut files,
            14.6 + f64::from(n) * 0.1,
            &noise(90 + n as u64, 1000),
        );
    }
    all.push(plain("files over FTP", files));

    // Lossy air: retransmissions, late segments, keep-alives, resets.
    let mut lossy = usual();
    let mut session = Connection::open(&mut lossy, 10.0, 40505, &on_drone(8080));
    for n in 0..30u64 {
        let when = 11.0 + n as f64;
        let bytes = noise(n, 700);
        let whole = session.out(PSH | ACK, &bytes);
        if n % 3 == 0 {
            lossy.ip(when, &whole);
        }
        if n % 4 == 1 {
            let mut later = Connection {
                sent: session.sent + 300,
                ..session_copy(&session)
            };
            lossy.ip(when, &later.out(PSH | ACK, &bytes[300..]));
            later.sent = session.sent;
            lossy.ip(when + 0.01, &later.out(PSH | ACK, &bytes[..300]));
        }
        session.say(&mut lossy, when + 0.1, &bytes);
        let alive = Connection {
            sent: session.sent - 1,
            ..session_copy(&session)
        };
        lossy.ip(when + 0.5, &alive.out(ACK, b"\0"));
    }
    lossy.ip(50.0, &session.out(RST, b""));
    all.push(plain("a lossy link", lossy));

    // The recording starts inside a transfer.
    let mut inside = Capture::new();
    let mut session = Connection {
        client: format!("{PHONE}:40506"),
        server: on_drone(9000),
        sent: 70_000,
        received: 80_000,
    };
    for n in 0..60u64 {
        session.hear(&mut inside, 0.5 + n as f64, &noise(n + 5, 900));
    }
    inside.flight(1, LENGTH);
    all.push(plain("a recording that starts inside a transfer", inside));

    // Checksums left to the card: the field holds the sum of the pseudo-header.
    let mut offload = Capture::new();
    link(
        "192.168.2.20:12346",
        "192.168.2.1:9003",
        |when, mut packet| {
            if packet[15] == 20 {
                let length = (packet.len() as u16 - 20).to_be_bytes();
                let sum = !checksum(&[&packet[12..20], &[0, 17], &length]);
                packet[26..28].copy_from_slice(&sum.to_be_bytes());
            }
            offload.ip(when, &packet);
        },
    );
    all.push(plain("checksums left to the network card", offload));

    // Other drones than DJI's.
    let mut mavlink = Capture::new();
    for second in 0..=LENGTH {
        let mut frame = vec![0xfe, 9, second as u8, 1, 1, 0, 0, 0, 0, 0, 2, 12, 81, 4, 3];
        let sum = frame[1..]
            .iter()
            .chain(&[50])
            .fold(0xffff_u16, |crc, byte| {
                let low = byte ^ (crc as u8);
                let low = low ^ (low << 4);
                (crc >> 8) ^ (u16::from(low) << 8) ^ (u16::from(low) << 3) ^ (u16::from(low) >> 4)
            });
        frame.extend(sum.to_le_bytes());
        let beat = udp(&on_drone(14550), &format!("{PHONE}:14550"), &frame);
        mavlink.ip(f64::from(second), &beat);
        mavlink.ip(
            f64::from(second) + 0.1,
            &udp(&format!("{PHONE}:14550"), &on_drone(14550), &frame),
        );
    }
    all.push(plain("MAVLink", mavlink));

    let mut tello = Capture::new();
    for second in (0..=LENGTH).step_by(2) {
        let when = f64::from(second);
        let (phone, aircraft) = (format!("{PHONE}:8889"), on_drone(8889));
        tello.ip(when, &udp(&phone, &aircraft, b"command"));
        tello.ip(when + 0.1, &udp(&aircraft, &phone, b"ok"));
        let state = b"pitch:0;roll:0;yaw:0;vgx:0;vgy:0;vgz:0;templ:60;temph:62;tof:10;h:0;bat:87;baro:164.26;time:0;agx:-7.00;agy:-3.00;agz:-998.00;\r\n";
        tello.ip(
            when + 0.2,
            &udp(&on_drone(8889), &format!("{PHONE}:8890"), state),
        );
    }
    all.push(plain("Tello text commands", tello));

    // A data connection of its own protocol, from the first byte to the last.
    let mut own = usual();
    let mut session = Connection::open(&mut own, 10.0, 40507, &on_drone(7000));
    for n in 0..200u64 {
        session.say(&mut own, 11.0 + n as f64 * 0.2, &noise(n * 3 + 1, 350));
    }
    all.push(plain("a protocol of the aircraft's own over TCP", own));

    let mut names = usual();
    let mut session = Connection::open(&mut names, 10.0, 40508, "192.168.2.60:8009");
    session.say(&mut names, 10.1, &client_hello("speaker.local"));
    session.say(&mut names, 10.2, &tls_data(300));
    let mut session = Connection::open(&mut names, 12.0, 40509, "192.168.2.61:80");
    session.say(
        &mut names,
        12.1,
        b"GET /root.xml HTTP/1.1\r\nHost: 192.168.2.61:80\r\n\r\n",
    );
    session.hear(
        &mut names,
        12.2,
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n<a/>\n",
    );
    let mut session = Connection::open(&mut names, 14.0, 40510, "192.168.2.62:1883");
    session.say(
        &mut names,
        14.1,
        &hex("10 0d 0004 4d515454 04 02 003c 0001 61"),
    );
    session.hear(&mut names, 14.2, &hex("20 02 00 00"));
    all.push(plain(
        "machines of the household that the phone talks to",
        names,
    ));

    let mut ping = usual();
    for n in 0..30u16 {
        let mut body = [
            &hex("0800 0000 0001")[..],
            &n.to_be_bytes(),
            &(0u8..56).collect::<Vec<_>>(),
        ]
        .concat();
        let sum = checksum(&[&body]);
        body[2..4].copy_from_slice(&sum.to_be_bytes());
        ping.ip(10.0 + f64::from(n), &ip(at(PHONE), at(DRONE), 1, &body));
        body[0] = 0;
        body[2..4].fill(0);
        let sum = checksum(&[&body]);
        body[2..4].copy_from_slice(&sum.to_be_bytes());
        ping.ip(10.1 + f64::from(n), &ip(at(DRONE), at(PHONE), 1, &body));
    }
    all.push(plain("pings between phone and aircraft", ping));
    all
}

/// Connections that were open before, ends that left, and a telephone that serves others.
fn machines() -> Vec<Recording> {
    const NAS: &str = "192.168.2.30:8883";
    let app = format!("{PHONE}:40100");
    let mut all = Vec::new();

    // The first sight of a connection is a keep-alive without a byte, one number below what was sent.
    let mut kept = usual();
    kept.ip(1.0, &tcp(&app, NAS, (999, 500), ACK, b""));
    kept.ip(1.1, &tcp(NAS, &app, (500, 1000), ACK, b""));
    for (when, number) in [(5.0, 0), (40.0, 1)] {
        let (sent, got) = (1000 + 60 * number, 500 + 60 * number);
        let body = noise(u64::from(number) + 3, 60);
        kept.ip(when, &tcp(&app, NAS, (sent, got), ACK | PSH, &body));
        kept.ip(
            when + 0.1,
            &tcp(NAS, &app, (got, sent + 60), ACK | PSH, &body),
        );
        kept.ip(when + 0.2, &tcp(&app, NAS, (sent + 60, got + 60), ACK, b""));
    }
    all.push(plain("a keep-alive before anything else", kept));

    // A box that was switched off: what was under way is sent again and again.
    let mut left = usual();
    for n in 0..5 {
        let packet = tcp(&app, NAS, (1000, 500), ACK | PSH, &noise(9, 60));
        left.ip(f64::from(1 << n), &packet);
    }
    all.push(plain("a box that left", left));

    // The declared telephone is the hotspot of a laptop, and sends to it for the internet.
    let (phone, laptop) = (machine(0x20), machine(0x99));
    let mut hotspot = usual();
    let advertisement = hex("86 00 0000 40 00 0708 00000000 00000000
         03 04 40 c0 00015180 00003840 00000000 2a02081012340001 0000000000000000");
    let packet = neighbour("fe80::20", "ff02::1", &advertisement);
    hotspot.frame(0.1, &ethernet(phone, MULTICAST6, &packet));
    for (when, inside, outside) in [
        (10.0, "192.168.2.99:50000", "192.0.2.9:443"),
        (20.0, "192.168.2.99:50000", "198.51.100.9:443"),
        (
            30.0,
            "[2a02:810:1234:1::99]:50000",
            "[2a00:1450:4001::9]:443",
        ),
    ] {
        let packet = tcp(
            inside,
            outside,
            (1, 1),
            ACK | PSH,
            &client_hello("example.org"),
        );
        hotspot.frame(when, &ethernet(laptop, phone, &packet));
        let packet = tcp(outside, inside, (1, 300), ACK | PSH, &tls_data(900));
        hotspot.frame(when + 0.1, &ethernet(phone, laptop, &packet));
    }
    all.push(Recording {
        what: "a declared telephone that is a hotspot",
        options: vec!["--device".to_owned(), "02:00:00:00:00:20".to_owned()],
        capture: hotspot,
    });
    all
}

fn session_copy(of: &Connection) -> Connection {
    Connection {
        client: of.client.clone(),
        server: of.server.clone(),
        sent: of.sent,
        received: of.received,
    }
}

#[test]
fn honest_recordings_of_unusual_networks_are_consistent() {
    let scratch = TempDir::new().expect("a scratch folder");
    let mut wrong = Vec::new();
    let all = [networks(), households(), local_traffic(), machines()]
        .into_iter()
        .flatten();
    let mut count = 0;
    for Recording {
        what,
        options,
        capture,
    } in all
    {
        let options: Vec<&str> = options.iter().map(String::as_str).collect();
        let (code, report) = check_here(
            &capture.in_order().save(scratch.path()),
            &options,
            scratch.path(),
        )
        .expect("it is a capture");
        assert_adds_up(&report);
        count += 1;
        if code != 0 {
            let told: Vec<&str> = report["claims"][0]["reasons"]
                .as_array()
                .expect("reasons")
                .iter()
                .filter_map(|r| r["text"].as_str())
                .collect();
            wrong.push(format!(
                "{what}: {} {told:?} {:?}",
                report["verdict"],
                gaps(&report)
            ));
        }
    }
    assert!(count >= 20);
    assert!(
        wrong.is_empty(),
        "{} of {count}:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}
