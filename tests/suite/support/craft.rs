//! Packets that a test states itself: headers, checksums and just enough of each protocol.
//!
//! Written from the documents, not from the program: what both sides of a test share proves nothing.

use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

/// The phone under audit, the aircraft, and the router behind which the internet is.
pub(crate) const PHONE: &str = "192.168.2.20";
pub(crate) const DRONE: &str = "192.168.2.1";
pub(crate) const ROUTER: &str = "192.168.2.254";

/// First packet: 2025-03-01T10:00:00Z.
const START: u64 = 1_740_823_200;

/// TCP flags (RFC 9293 §3.1).
pub(crate) const FIN: u8 = 1;
pub(crate) const SYN: u8 = 2;
pub(crate) const RST: u8 = 4;
pub(crate) const PSH: u8 = 8;
pub(crate) const ACK: u8 = 16;

/// A classic pcap file of Ethernet frames, little-endian, microseconds.
pub(crate) struct Capture {
    bytes: Vec<u8>,
    pub(crate) packets: u64,
}

impl Capture {
    pub(crate) fn new() -> Self {
        Self::of_link(1)
    }

    /// Frames of another link type (LINKTYPE_ values of the tcpdump group).
    pub(crate) fn of_link(link: u32) -> Self {
        let mut bytes = Vec::new();
        for word in [0xa1b2_c3d4u32, 0x0004_0002, 0, 0, 262_144, link] {
            bytes.extend(word.to_le_bytes());
        }
        Self { bytes, packets: 0 }
    }

    /// An Ethernet frame, `at` seconds from the start.
    pub(crate) fn frame(&mut self, at: f64, frame: &[u8]) {
        self.cut_frame(at, frame, frame.len());
    }

    /// A frame of which only the first `kept` bytes were captured.
    pub(crate) fn cut_frame(&mut self, at: f64, frame: &[u8], kept: usize) {
        let micros = (at * 1e6).round() as i64;
        let seconds = START.saturating_add_signed(micros.div_euclid(1_000_000));
        for word in [
            seconds as u32,
            micros.rem_euclid(1_000_000) as u32,
            kept as u32,
            frame.len() as u32,
        ] {
            self.bytes.extend(word.to_le_bytes());
        }
        self.bytes.extend(&frame[..kept]);
        self.packets += 1;
    }

    /// An IP packet on Ethernet, by the MAC addresses of this site.
    pub(crate) fn ip(&mut self, at: f64, packet: &[u8]) {
        let (source, target) = ends(packet);
        self.frame(at, &ethernet(mac(source), mac(target), packet));
    }

    /// The drone link, both ways, every five seconds from `from` to `to`: the app is at work.
    pub(crate) fn flight(&mut self, from: u32, to: u32) {
        for at in (from..=to).step_by(5) {
            let (app, aircraft) = (format!("{PHONE}:12346"), format!("{DRONE}:9003"));
            self.ip(
                f64::from(at),
                &udp(&app, &aircraft, &duml(at as u16, 2, 3, b"")),
            );
            self.ip(
                f64::from(at) + 0.02,
                &udp(
                    &aircraft,
                    &app,
                    &duml(at as u16, 3, 2, b"state of the aircraft"),
                ),
            );
        }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The records in the order of their times.
    pub(crate) fn in_order(self) -> Self {
        const HEAD: usize = 24;
        let word = |at: usize| -> u32 {
            u32::from_le_bytes(self.bytes[at..at + 4].try_into().expect("four bytes"))
        };
        let mut records = Vec::new();
        let mut at = HEAD;
        while at < self.bytes.len() {
            let end = at + 16 + word(at + 8) as usize;
            records.push(((word(at), word(at + 4)), &self.bytes[at..end]));
            at = end;
        }
        records.sort_by_key(|(time, _)| *time);
        let mut bytes = self.bytes[..HEAD].to_vec();
        for (_, record) in records {
            bytes.extend(record);
        }
        Self {
            bytes,
            packets: self.packets,
        }
    }

    pub(crate) fn save(&self, folder: &Path) -> PathBuf {
        let path = folder.join("crafted.pcap");
        fs::write(&path, &self.bytes).expect("the capture can be written");
        path
    }
}

fn ends(packet: &[u8]) -> (IpAddr, IpAddr) {
    if packet[0] >> 4 == 4 {
        let at = |from: usize| IpAddr::from(<[u8; 4]>::try_from(&packet[from..from + 4]).unwrap());
        (at(12), at(16))
    } else {
        let at =
            |from: usize| IpAddr::from(<[u8; 16]>::try_from(&packet[from..from + 16]).unwrap());
        (at(8), at(24))
    }
}

/// Phone and aircraft have cards of their own; everything else is behind the router.
pub(crate) fn mac(ip: IpAddr) -> [u8; 6] {
    match ip.to_string().as_str() {
        PHONE => [2, 0, 0, 0, 0, 0x20],
        DRONE => [0x60, 0x60, 0x1f, 0, 0, 1],
        _ => [2, 0, 0, 0, 0, 0xfe],
    }
}

pub(crate) fn ethernet(source: [u8; 6], target: [u8; 6], packet: &[u8]) -> Vec<u8> {
    let kind = if packet[0] >> 4 == 4 {
        [8, 0]
    } else {
        [0x86, 0xdd]
    };
    [&target[..], &source, &kind, packet].concat()
}

/// The internet checksum (RFC 1071).
pub(crate) fn checksum(parts: &[&[u8]]) -> u16 {
    let bytes = parts.concat();
    let mut sum: u32 = bytes
        .chunks(2)
        .map(|pair| u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0)))
        .sum();
    while sum > 0xffff {
        sum = (sum >> 16) + (sum & 0xffff);
    }
    !(sum as u16)
}

/// An IPv4 or IPv6 packet without options (RFC 791 §3.1, RFC 8200 §3).
pub(crate) fn ip(source: IpAddr, target: IpAddr, protocol: u8, body: &[u8]) -> Vec<u8> {
    match (source, target) {
        (IpAddr::V4(source), IpAddr::V4(target)) => {
            let length = (20 + body.len()) as u16;
            let mut head = vec![0x45, 0];
            head.extend(length.to_be_bytes());
            head.extend([0, 1, 0x40, 0, 64, protocol, 0, 0]);
            head.extend(source.octets());
            head.extend(target.octets());
            let sum = checksum(&[&head]);
            head[10..12].copy_from_slice(&sum.to_be_bytes());
            [head, body.to_vec()].concat()
        }
        (IpAddr::V6(source), IpAddr::V6(target)) => {
            let mut head = vec![0x60, 0, 0, 0];
            head.extend((body.len() as u16).to_be_bytes());
            head.extend([protocol, 64]);
            head.extend(source.octets());
            head.extend(target.octets());
            [head, body.to_vec()].concat()
        }
        mixed => panic!("two families in one packet: {mixed:?}"),
    }
}

fn transport(from: &str, to: &str, protocol: u8, mut segment: Vec<u8>, sum_at: usize) -> Vec<u8> {
    let (from, to): (SocketAddr, SocketAddr) = (from.parse().unwrap(), to.parse().unwrap());
    let octets = |ip: IpAddr| match ip {
        IpAddr::V4(ip) => ip.octets().to_vec(),
        IpAddr::V6(ip) => ip.octets().to_vec(),
    };
    segment[..2].copy_from_slice(&from.port().to_be_bytes());
    segment[2..4].copy_from_slice(&to.port().to_be_bytes());
    let length = (segment.len() as u16).to_be_bytes();
    let sum = checksum(&[
        &octets(from.ip()),
        &octets(to.ip()),
        &[0, protocol],
        &length,
        &segment,
    ]);
    segment[sum_at..sum_at + 2].copy_from_slice(&sum.to_be_bytes());
    ip(from.ip(), to.ip(), protocol, &segment)
}

/// An IP packet with a TCP segment (RFC 9293 §3.1).
pub(crate) fn tcp(
    from: &str,
    to: &str,
    (seq, ack): (u32, u32),
    flags: u8,
    payload: &[u8],
) -> Vec<u8> {
    let mut segment = vec![0; 4];
    segment.extend(seq.to_be_bytes());
    segment.extend(ack.to_be_bytes());
    segment.extend([0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
    segment.extend(payload);
    transport(from, to, 6, segment, 16)
}

/// An IP packet with a UDP datagram (RFC 768).
pub(crate) fn udp(from: &str, to: &str, payload: &[u8]) -> Vec<u8> {
    let mut datagram = vec![0; 4];
    datagram.extend((8 + payload.len() as u16).to_be_bytes());
    datagram.extend([0, 0]);
    datagram.extend(payload);
    transport(from, to, 17, datagram, 6)
}

/// The packet with its transport checksum made wrong.
pub(crate) fn forged(mut packet: Vec<u8>) -> Vec<u8> {
    let at = 20 + if packet[9] == 6 { 16 } else { 6 };
    packet[at] ^= 0x5a;
    packet
}

/// The packet with its IPv4 header checksum made wrong.
pub(crate) fn bad_header(mut packet: Vec<u8>) -> Vec<u8> {
    packet[10] ^= 0x5a;
    packet
}

/// A TLS record with a ClientHello that names a server (RFC 8446 §4.1.2, RFC 6066 §3).
pub(crate) fn client_hello(name: &str) -> Vec<u8> {
    let sized = |n: usize| (n as u16).to_be_bytes();
    let name = name.as_bytes();
    let server_name = [&sized(name.len() + 3)[..], &[0], &sized(name.len()), name].concat();
    let extension =
        |kind: u16, body: &[u8]| [&kind.to_be_bytes()[..], &sized(body.len()), body].concat();
    let extensions = [
        extension(0, &server_name),
        extension(43, &[4, 3, 4, 3, 3]),
        extension(10, &[0, 2, 0, 29]),
    ]
    .concat();
    let body = [
        &[3, 3][..],
        &[7; 32],
        &[0],
        &[0, 2, 0x13, 1],
        &[1, 0],
        &sized(extensions.len()),
        &extensions,
    ]
    .concat();
    let handshake = [&[1, 0][..], &sized(body.len()), &body].concat();
    [&[22, 3, 1][..], &sized(handshake.len()), &handshake].concat()
}

/// A TLS record of application data.
pub(crate) fn tls_data(length: u16) -> Vec<u8> {
    [
        &[23, 3, 3][..],
        &length.to_be_bytes(),
        &vec![0xa5; usize::from(length)],
    ]
    .concat()
}

/// A DNS question for an address (RFC 1035 §4).
pub(crate) fn dns_question(id: u16, name: &str) -> Vec<u8> {
    let mut message = id.to_be_bytes().to_vec();
    message.extend([1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    for label in name.split('.') {
        message.push(label.len() as u8);
        message.extend(label.bytes());
    }
    message.extend([0, 0, 1, 0, 1]);
    message
}

/// The answer to [`dns_question`]: one address.
pub(crate) fn dns_answer(id: u16, name: &str, address: [u8; 4]) -> Vec<u8> {
    let mut message = dns_question(id, name);
    message[2..8].copy_from_slice(&[0x81, 0x80, 0, 1, 0, 1]);
    message.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
    message.extend(address);
    message
}

/// A DUML frame with both checksums (o-gs/dji-firmware-tools, "MB protocol v1").
pub(crate) fn duml(sequence: u16, sender: u8, receiver: u8, payload: &[u8]) -> Vec<u8> {
    let reflected = |seed: u16, polynomial: u16, bytes: &[u8]| {
        bytes.iter().fold(seed, |crc, &byte| {
            (0..8).fold(crc ^ u16::from(byte), |crc, _| {
                (crc >> 1) ^ if crc & 1 == 1 { polynomial } else { 0 }
            })
        })
    };
    let mut frame = vec![0x55];
    frame.extend(((13 + payload.len()) as u16 | 1 << 10).to_le_bytes());
    frame.push(reflected(0x77, 0x8c, &frame) as u8);
    frame.extend([sender, receiver]);
    frame.extend(sequence.to_le_bytes());
    frame.extend([0x40, 3, 0x43]);
    frame.extend(payload);
    frame.extend(reflected(0x3692, 0x8408, &frame).to_le_bytes());
    frame
}

/// A TCP connection from the phone, with both sequence numbers kept.
pub(crate) struct Connection {
    pub(crate) client: String,
    pub(crate) server: String,
    pub(crate) sent: u32,
    pub(crate) received: u32,
}

impl Connection {
    /// A handshake at `at`.
    pub(crate) fn open(capture: &mut Capture, at: f64, client_port: u16, server: &str) -> Self {
        let mut it = Self {
            client: format!("{PHONE}:{client_port}"),
            server: server.to_owned(),
            sent: 1000,
            received: 9000,
        };
        capture.ip(at, &tcp(&it.client, &it.server, (it.sent, 0), SYN, b""));
        it.sent += 1;
        capture.ip(
            at + 0.01,
            &tcp(
                &it.server,
                &it.client,
                (it.received, it.sent),
                SYN | ACK,
                b"",
            ),
        );
        it.received += 1;
        capture.ip(at + 0.02, &it.out(ACK, b""));
        it
    }

    /// A segment of ours with the current numbers.
    pub(crate) fn out(&self, flags: u8, payload: &[u8]) -> Vec<u8> {
        tcp(
            &self.client,
            &self.server,
            (self.sent, self.received),
            flags,
            payload,
        )
    }

    /// Sends payload, which is acknowledged.
    pub(crate) fn say(&mut self, capture: &mut Capture, at: f64, payload: &[u8]) {
        capture.ip(at, &self.out(PSH | ACK, payload));
        self.sent += payload.len() as u32;
        capture.ip(
            at + 0.01,
            &tcp(
                &self.server,
                &self.client,
                (self.received, self.sent),
                ACK,
                b"",
            ),
        );
    }

    /// Receives payload, which is acknowledged.
    pub(crate) fn hear(&mut self, capture: &mut Capture, at: f64, payload: &[u8]) {
        capture.ip(
            at,
            &tcp(
                &self.server,
                &self.client,
                (self.received, self.sent),
                PSH | ACK,
                payload,
            ),
        );
        self.received += payload.len() as u32;
        capture.ip(at + 0.01, &self.out(ACK, b""));
    }
}

/// A flight of 70 seconds with a TLS session to `name` in its middle.
pub(crate) fn session_in_flight(name: &str, server: &str) -> Capture {
    let mut capture = Capture::new();
    capture.flight(0, 30);
    let mut session = Connection::open(&mut capture, 31.0, 40001, server);
    session.say(&mut capture, 31.1, &client_hello(name));
    session.say(&mut capture, 31.2, &tls_data(100));
    session.hear(&mut capture, 31.3, &tls_data(40));
    capture.flight(35, 70);
    capture
}

/// An address.
pub(crate) fn at(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

/// Bytes from hexadecimal digits; anything else between them is free.
pub(crate) fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).expect("ASCII"), 16).expect("hex"))
        .collect()
}
