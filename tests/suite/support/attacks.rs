//! What somebody who writes a part of the capture can do to make the audit slow, large or blind: each attack as a file of any size, with one
//! contact with the vendor in it.
//!
//! Packets come from a maker that is asked for one after the other, so that an attack of `n` bytes and one of `2 n` begin alike.

mod bounds;

use super::craft::{
    ACK, Capture, Connection, DRONE, PHONE, PSH, ROUTER, SYN, at, client_hello, dns_answer,
    dns_question, ethernet, hex, ip, mac, tcp, tls_data, udp,
};
use super::random::Random;
use std::io::Write;

/// Whom the contact is with.
pub(crate) const VENDOR: &str = "flysafe-api.dji.com";
const VENDOR_ADDRESS: &str = "47.88.1.7:443";
/// Link type of IEEE 802.11 frames.
const WIFI: u32 = 105;
/// A server that nobody knows.
const SERVER: &str = "45.33.92.2";

/// Gives the packet with this number.
type Maker = Box<dyn FnMut(u32) -> Vec<u8>>;

enum Make {
    /// IP packets on Ethernet.
    Packets(fn() -> Maker),
    /// Frames of the attack's link type.
    Frames(fn() -> Maker),
    /// A whole file of about so many bytes, behind the records of the contact.
    File(fn(Capture, usize) -> Vec<u8>),
}

/// An attack.
pub(crate) struct Attack {
    pub(crate) name: &'static str,
    link: u32,
    make: Make,
    contact: bool,
}

impl Attack {
    /// The attack in about so many bytes, with the contact in the middle (whole files: at the beginning).
    pub(crate) fn file(&self, bytes: usize) -> Vec<u8> {
        let mut capture = Capture::of_link(self.link);
        let (mut maker, packets) = match &self.make {
            Make::Packets(maker) => (maker(), true),
            Make::Frames(maker) => (maker(), false),
            Make::File(make) => {
                contact(&mut capture, 0.0, self.link);
                return make(capture, bytes);
            }
        };
        let mut told = !self.contact;
        for number in 0.. {
            let when = f64::from(number) / 10_000.0;
            if !told && capture.bytes().len() >= bytes / 2 {
                contact(&mut capture, when, self.link);
                told = true;
            }
            if capture.bytes().len() >= bytes {
                break;
            }
            let made = maker(number);
            if packets {
                capture.ip(when, &made);
            } else {
                capture.frame(when, &made);
            }
        }
        capture.bytes().to_vec()
    }

    /// Whether the contact is in it.
    pub(crate) fn has_contact(&self) -> bool {
        self.contact
    }
}

/// The contact, on Ethernet or in the air (IEEE 802.11-2020 §9.3.2.1: data to an access point).
fn contact(capture: &mut Capture, when: f64, link: u32) {
    if link == WIFI {
        let mut wired = Capture::new();
        contact(&mut wired, when, 1);
        for frame in records(&wired) {
            let (ends, inside) = frame.split_at(12);
            let (target, source) = ends.split_at(6);
            let mut air = hex("0801 0000 0a0000000001");
            air.extend([source, target, &[0, 0]].concat());
            air.extend(hex("aaaa03 000000"));
            air.extend(inside);
            capture.frame(when, &air);
        }
        return;
    }
    let mut session = Connection::open(capture, when, 50_001, VENDOR_ADDRESS);
    session.say(capture, when, &client_hello(VENDOR));
    session.say(capture, when, &tls_data(100));
    session.hear(capture, when, &tls_data(40));
}

/// Connections, one behind the other, that say `bytes` in segments of `size`.
fn streams(port: u16, bytes: Vec<u8>, size: usize) -> Maker {
    let pieces = bytes.len().div_ceil(size) as u32;
    Box::new(move |number| {
        let (connection, piece) = (number / (pieces + 1), number % (pieces + 1));
        let from = format!("{PHONE}:{}", 10_000 + connection % 40_000);
        let to = format!("{SERVER}:{port}");
        let base = 1000u32.wrapping_add(connection.wrapping_mul(0x9e37_79b9));
        match (piece as usize).checked_sub(1) {
            None => tcp(&from, &to, (base, 0), SYN, b""),
            Some(n) => {
                let said = &bytes[n * size..bytes.len().min((n + 1) * size)];
                let seq = base.wrapping_add(1 + (n * size) as u32);
                tcp(&from, &to, (seq, 1), PSH | ACK, said)
            }
        }
    })
}

/// Datagrams to a server, each with the bytes that `say` gives.
fn datagrams(port: u16, mut say: impl FnMut(u32) -> Vec<u8> + 'static) -> Maker {
    Box::new(move |number| {
        let from = format!("{PHONE}:{}", 10_000 + number % 50_000);
        udp(&from, &format!("{SERVER}:{port}"), &say(number))
    })
}

fn head(line: &str) -> Vec<u8> {
    let mut head = format!("{line}\r\n").into_bytes();
    while head.len() < 60_000 {
        head.extend(b"X-Field: some value of a field\r\n");
    }
    head.extend(b"\r\n");
    head
}

fn post(fields: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "POST /up HTTP/1.1\r\nHost: a.example\r\n{fields}Content-Length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    writer.write_all(bytes).expect("it compresses");
    writer.finish().expect("it compresses")
}

/// A fragment of an IPv4 datagram: identification, offset in bytes, whether more follow.
fn fragment(id: u16, offset: usize, more: bool, body: &[u8]) -> Vec<u8> {
    let mut packet = ip(at(PHONE), at(SERVER), 17, body);
    packet[4..6].copy_from_slice(&id.to_be_bytes());
    let field = (offset / 8) as u16 | if more { 0x2000 } else { 0 };
    packet[6..8].copy_from_slice(&field.to_be_bytes());
    packet[10..12].fill(0);
    let sum = super::craft::checksum(&[&packet[..20]]);
    packet[10..12].copy_from_slice(&sum.to_be_bytes());
    packet
}

/// A record of PCAPdroid, with the label of a program of this number.
fn labelled(packet: &[u8], app: u32) -> Vec<u8> {
    let mut record = [&[0; 12][..], &[8, 0], packet].concat();
    record.resize(record.len().next_multiple_of(4), 0);
    record.extend(hex("01072021"));
    record.extend(app.to_be_bytes());
    record.extend(format!("app.n{app:014}\0").as_bytes());
    let mut crc = flate2::Crc::new();
    crc.update(&record);
    record.extend(crc.sum().to_le_bytes());
    record
}

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|w| w.to_le_bytes()).collect()
}

fn block(kind: u32, body: &[u8]) -> Vec<u8> {
    let padded = body.len().next_multiple_of(4);
    let length = words(&[padded as u32 + 12]);
    let padding = vec![0; padded - body.len()];
    [&words(&[kind]), &length, body, &padding, &length].concat()
}

const SECTION: [u32; 4] = [0x1a2b_3c4d, 1, u32::MAX, u32::MAX];

fn section() -> Vec<u8> {
    let mut out = block(0x0a0d_0d0a, &words(&SECTION));
    out.extend(block(1, &words(&[1, 0])));
    out
}

fn enhanced(interface: u32, bytes: &[u8], options: &[u8]) -> Vec<u8> {
    let time = 1_740_823_200_000_000u64;
    let n = bytes.len() as u32;
    let mut body = words(&[interface, (time >> 32) as u32, time as u32, n, n]);
    body.extend(bytes);
    body.resize(body.len().next_multiple_of(4), 0);
    block(6, &[&body, options].concat())
}

/// The frames of a classic pcap.
fn records(capture: &Capture) -> Vec<&[u8]> {
    let bytes = capture.bytes();
    let (mut out, mut at) = (Vec::new(), 24);
    while at < bytes.len() {
        let length = u32::from_le_bytes(bytes[at + 8..at + 12].try_into().expect("four")) as usize;
        out.push(&bytes[at + 16..at + 16 + length]);
        at += 16 + length;
    }
    out
}

/// The records of a classic pcap as blocks of a pcapng.
fn as_pcapng(capture: &Capture) -> Vec<u8> {
    let mut out = section();
    for frame in records(capture) {
        out.extend(enhanced(0, frame, &[]));
    }
    out
}

/// Behind the contact, the same over and over.
fn repeated(start: Vec<u8>, bytes: usize, mut next: impl FnMut(u32) -> Vec<u8>) -> Vec<u8> {
    let mut out = start;
    for number in 0.. {
        if out.len() >= bytes {
            break;
        }
        out.extend(next(number));
    }
    out
}

fn small_frame() -> Vec<u8> {
    let packet = udp(
        &format!("{PHONE}:5000"),
        &format!("{DRONE}:9003"),
        b"a datagram",
    );
    ethernet(mac(at(PHONE)), mac(at(DRONE)), &packet)
}

/// Records that fit no frame: zeroes that compress a thousandfold, or nearly.
const PUFF: usize = 1 << 20;

/// A contact, and behind it streams that grow.
fn bomb(capture: &Capture, bytes: usize, compress: fn(&[u8]) -> Vec<u8>) -> Vec<u8> {
    let head = words(&[1_740_823_200, 0, 200_000, 200_000]);
    let record = [&head[..], &[0; 200_000]].concat();
    let puff = compress(&record.repeat(PUFF / record.len()));
    repeated(compress(capture.bytes()), bytes, |_| puff.clone())
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest)
}

fn lz4(bytes: &[u8]) -> Vec<u8> {
    let mut writer = lz4_flex::frame::FrameEncoder::new(Vec::new());
    writer.write_all(bytes).expect("it compresses");
    writer.finish().expect("it compresses")
}

/// The header of a pcap file as a stream of xz, and one that holds a mebibyte of zeroes.
const XZ_HEADER: &str = "\
    fd377a585a0000016922de360200210116000000742fe5a3e0001700115d006a30d1c87d8bf8099baf1fcc7903e588000000\
    000021d94d3e0001291896b2ac779042990d010000000001595a\
";
const XZ_ZEROES: &str = "\
    fd377a585a0000016922de360200210116000000742fe5a3efffff00d95d00006ffdffffa3b7ff473e481572396151b89228\
    e6a38607f9eee41e82d32fc53a3c014bb17ec98a8a4d2fa30dd97fa6e38c231153e05918c5758ae277f8b6947f0c6ac0de74\
    4964e2e95c53b204d8f7440cab5f0d6d46e9e5c37688b79657acb64de1691d6ffb4b88106c42cb883f5c008fd04eaf262894\
    711f3d8f24e1709ea7235fec28cb85d195988a7e2a91f22775f719c006984d98fdd8afd5900fc42553f8f591363105a5b0ee\
    6fc1704d470cd19111aaad601dbaceb127185c5986e9665258bee976ac59e4e55b0508f9c7daadfcfb522af7e49525000000\
    00001cea38a70001f101808040006fd5eedc3e300d8b020000000001595a\
";

fn attack(name: &'static str, link: u32, make: Make) -> Attack {
    Attack {
        name,
        link,
        make,
        contact: true,
    }
}

fn packets(name: &'static str, maker: fn() -> Maker) -> Attack {
    attack(name, 1, Make::Packets(maker))
}

fn frames(name: &'static str, link: u32, maker: fn() -> Maker) -> Attack {
    attack(name, link, Make::Frames(maker))
}

fn file(name: &'static str, make: fn(Capture, usize) -> Vec<u8>) -> Attack {
    attack(name, 1, Make::File(make))
}

/// Without the contact.
fn alone(attack: Attack) -> Attack {
    Attack {
        contact: false,
        ..attack
    }
}

/// All of them.
pub(crate) fn all() -> Vec<Attack> {
    [
        of_files(),
        of_packets(),
        of_streams(),
        of_content(),
        bounds::all(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// On the file around the packets.
fn of_files() -> Vec<Attack> {
    const TIME: u32 = 1_740_823_290;
    fn wild(number: u32) -> u32 {
        number.wrapping_mul(0x9e37_79b9)
    }
    fn record(head: &[u32], body: &[u8]) -> Vec<u8> {
        [&words(head), body].concat()
    }
    fn pcap(capture: Capture, bytes: usize, next: impl FnMut(u32) -> Vec<u8>) -> Vec<u8> {
        repeated(capture.bytes().to_vec(), bytes, next)
    }
    fn pcapng(capture: Capture, bytes: usize, next: impl FnMut(u32) -> Vec<u8>) -> Vec<u8> {
        repeated(as_pcapng(&capture), bytes, next)
    }
    vec![
        file("pcap-no-original-length", |c, bytes| {
            let frame = small_frame();
            let n = frame.len() as u32;
            pcap(c, bytes, |_| record(&[TIME, 0, n, 0], &frame))
        }),
        file("pcap-zeros", |c, bytes| pcap(c, bytes, |_| vec![0; 16])),
        file("pcap-empty-records", |c, bytes| {
            pcap(c, bytes, |n| record(&[wild(n), 0, 0, 0], &[]))
        }),
        file("pcap-wild-times", |c, bytes| {
            let frame = small_frame();
            let n = frame.len() as u32;
            pcap(c, bytes, |at| record(&[wild(at), 0, n, n], &frame))
        }),
        file("pcap-times-at-the-ends", |c, bytes| {
            let frame = small_frame();
            let n = frame.len() as u32;
            pcap(c, bytes, |at| {
                record(
                    &[if at % 2 == 0 { 0 } else { u32::MAX }, 999_999, n, n],
                    &frame,
                )
            })
        }),
        file("pcap-far-lengths", |c, bytes| {
            let frame = small_frame();
            pcap(c, bytes, |_| record(&[TIME, 0, 262_144, 262_144], &frame))
        }),
        file("pcap-file-headers", |c, bytes| {
            pcap(c, bytes, |_| {
                words(&[0xa1b2_c3d4, 0x0004_0002, 0, 0, 262_144, 1])
            })
        }),
        file("pcap-noise", |c, bytes| {
            let mut random = Random(7);
            pcap(c, bytes, move |_| random.noise(64))
        }),
        file("pcapng-4-GiB-blocks", |c, bytes| {
            pcapng(c, bytes, |_| words(&[6, 0xffff_fffc, 0, 0, 0, 0]))
        }),
        file("pcapng-interfaces", |c, bytes| {
            pcapng(c, bytes, |_| block(1, &words(&[1, 0])))
        }),
        file("pcapng-interfaces-used", |c, bytes| {
            let frame = small_frame();
            pcapng(c, bytes, move |at| {
                [block(1, &words(&[1, 0])), enhanced(at + 1, &frame, &[])].concat()
            })
        }),
        file("pcapng-sections", |c, bytes| {
            let frame = small_frame();
            pcapng(c, bytes, move |_| {
                [section(), enhanced(0, &frame, &[])].concat()
            })
        }),
        file("pcapng-options", |c, bytes| {
            let (frame, options) = (small_frame(), words(&[2988; 1000]));
            pcapng(c, bytes, move |_| enhanced(0, &frame, &options))
        }),
        file("pcapng-comments", |c, bytes| {
            let comment = [&words(&[0x0008_0001])[..], b"u:1000\0\0"]
                .concat()
                .repeat(100);
            let frame = small_frame();
            pcapng(c, bytes, move |_| enhanced(0, &frame, &comment))
        }),
        file("pcapng-names", |c, bytes| {
            pcapng(c, bytes, |at| {
                let name = format!("host-{at:08}.example\0");
                let mut body = words(&[1 | (4 + name.len() as u32) << 16]);
                body.extend([45, 33, 92, at as u8]);
                body.extend(name.as_bytes());
                body.resize(body.len().next_multiple_of(4), 0);
                body.extend(words(&[0]));
                block(4, &body)
            })
        }),
        file("pcapng-unknown-blocks", |c, bytes| {
            pcapng(c, bytes, |at| block(0x1000 + at % 10_000, b"any"))
        }),
        file("pcapng-processes", |c, bytes| {
            pcapng(c, bytes, |at| block(0x8000_0001, &words(&[at])))
        }),
        file("gzip-bomb", |c, bytes| bomb(&c, bytes, gzip)),
        file("zstd-bomb", |c, bytes| bomb(&c, bytes, zstd)),
        file("lz4-bomb", |c, bytes| bomb(&c, bytes, lz4)),
        alone(file("xz-bomb", |_, bytes| {
            let zeroes = hex(XZ_ZEROES);
            repeated(hex(XZ_HEADER), bytes, |_| zeroes.clone())
        })),
        file("gzip-members", |c, bytes| {
            let member = gzip(b"");
            repeated(gzip(c.bytes()), bytes, |_| member.clone())
        }),
    ]
}

/// On links, addresses and transports.
fn of_packets() -> Vec<Attack> {
    fn random_v4(random: &mut Random) -> String {
        let n = random.next().to_be_bytes();
        format!("{}.{}.{}.{}", 11 + n[0] % 100, n[1], n[2], n[3])
    }
    vec![
        packets("syn-flood", || {
            let mut random = Random(1);
            Box::new(move |n| {
                let from = format!("{PHONE}:{}", 1024 + n % 60_000);
                tcp(
                    &from,
                    &format!("{}:443", random_v4(&mut random)),
                    (n, 0),
                    SYN,
                    b"",
                )
            })
        }),
        packets("syn-flood-one-server", || {
            Box::new(|n| {
                let from = format!("10.{}.{}.{}:77", n >> 16 & 255, n >> 8 & 255, n & 255);
                tcp(&from, &format!("{SERVER}:443"), (n, 0), SYN, b"")
            })
        }),
        packets("udp-flood", || {
            let mut random = Random(2);
            Box::new(move |n| {
                let from = format!("{PHONE}:{}", 1024 + n % 60_000);
                udp(&from, &format!("{}:9999", random_v4(&mut random)), b"x")
            })
        }),
        packets("overlapping-segments", || {
            let mut random = Random(3);
            Box::new(move |n| {
                let (from, to) = (format!("{PHONE}:40001"), format!("{SERVER}:8080"));
                let said = [n as u8; 8];
                tcp(
                    &from,
                    &to,
                    (1000 + random.below(60_000) as u32, 1),
                    PSH | ACK,
                    &said,
                )
            })
        }),
        packets("segments-with-holes", || {
            Box::new(|n| {
                let (from, to) = (format!("{PHONE}:40001"), format!("{SERVER}:8080"));
                tcp(
                    &from,
                    &to,
                    (1000u32.wrapping_add(2 * n), 1),
                    PSH | ACK,
                    b"x",
                )
            })
        }),
        packets("segments-backwards", || {
            Box::new(|n| {
                let (from, to) = (format!("{PHONE}:40001"), format!("{SERVER}:8080"));
                tcp(
                    &from,
                    &to,
                    (0x7000_0000u32.wrapping_sub(n), 1),
                    PSH | ACK,
                    b"x",
                )
            })
        }),
        packets("fragments-never-completed", || {
            Box::new(|n| fragment(n as u16, 0, true, &[n as u8; 8]))
        }),
        packets("fragments-of-many-flows", || {
            let mut random = Random(4);
            Box::new(move |n| {
                let to = format!("{}:9999", random_v4(&mut random));
                let mut packet = udp(&format!("{PHONE}:{}", 1024 + n % 60_000), &to, &[0; 8]);
                packet[4..6].copy_from_slice(&(n as u16).to_be_bytes());
                packet[6] = 0x20;
                packet[10..12].fill(0);
                let sum = super::craft::checksum(&[&packet[..20]]);
                packet[10..12].copy_from_slice(&sum.to_be_bytes());
                packet
            })
        }),
        packets("fragments-backwards", || {
            Box::new(|n| {
                let place = 8000 - n % 8000;
                fragment((n / 8000) as u16, place as usize * 8, true, &[7; 8])
            })
        }),
        packets("fragments-that-differ", || {
            Box::new(|n| fragment(1, (n % 64) as usize * 8, n % 64 != 63, &[(n / 64) as u8; 8]))
        }),
        frames("arp-senders", 1, || {
            Box::new(|n| {
                let (hi, lo) = ((n >> 8) as u8, n as u8);
                let sender = [2, 1, (n >> 24) as u8, (n >> 16) as u8, hi, lo];
                let mut arp = hex("0001 0800 06 04 0002");
                arp.extend(sender);
                arp.extend([192, 168, hi, lo]);
                arp.extend([0; 10]);
                [&[0xff; 6][..], &sender, &[8, 6], &arp].concat()
            })
        }),
        frames("vlan-tags", 1, || {
            Box::new(|_| [&[2; 12][..], &hex("8100 0001").repeat(400)].concat())
        }),
        frames("mpls-labels", 1, || {
            Box::new(|_| [&[2; 12][..], &hex("8847"), &hex("00001 0 40").repeat(400)].concat())
        }),
        packets("tunnels-1000-deep", || {
            let mut packet = udp(&format!("{PHONE}:1"), &format!("{SERVER}:9"), b"x");
            for _ in 0..1000 {
                packet = ip(at(PHONE), at(SERVER), 4, &packet);
            }
            Box::new(move |_| packet.clone())
        }),
        packets("ipv6-extension-headers", || {
            let mut body = Vec::new();
            for _ in 0..170 {
                body.extend(hex("3c 00 0104 00000000"));
            }
            let packet = ip(at("fe80::1"), at("2600::1"), 60, &body);
            Box::new(move |_| packet.clone())
        }),
        packets("icmp-errors", || {
            Box::new(|n| {
                let from = format!("{PHONE}:{}", n % 60_000);
                let quoted = tcp(
                    &from,
                    &format!("11.{}.{}.1:443", n >> 8 & 255, n & 255),
                    (n, 0),
                    SYN,
                    b"",
                );
                let mut body = [&hex("0301 0000 0000 0000")[..], &quoted].concat();
                let sum = super::craft::checksum(&[&body]);
                body[2..4].copy_from_slice(&sum.to_be_bytes());
                ip(at(ROUTER), at(PHONE), 1, &body)
            })
        }),
        frames("wifi-beacons", WIFI, || {
            Box::new(|n| {
                let station = [
                    2,
                    9,
                    (n >> 24) as u8,
                    (n >> 16) as u8,
                    (n >> 8) as u8,
                    n as u8,
                ];
                let name = format!("net-{n:08}");
                let mut frame = hex("8000 0000 ffffffffffff");
                frame.extend(station);
                frame.extend(station);
                frame.extend([0; 14]);
                frame.extend([0, name.len() as u8]);
                frame.extend(name.as_bytes());
                frame
            })
        }),
        frames("wifi-protected", WIFI, || {
            Box::new(|n| {
                let station = [
                    2,
                    9,
                    (n >> 24) as u8,
                    (n >> 16) as u8,
                    (n >> 8) as u8,
                    n as u8,
                ];
                let mut frame = hex("8841 0000 0a0000000001");
                frame.extend(station);
                frame.extend([2; 6]);
                frame.extend([0; 4]);
                frame.extend([n as u8, 0, 0, 0x20, 0, 0, 0, 0]);
                frame.extend([0x5a; 40]);
                frame
            })
        }),
        frames("labels", 1, || {
            Box::new(|n| {
                let from = format!("{PHONE}:{}", 1024 + n % 60_000);
                labelled(&udp(&from, &format!("{SERVER}:9"), b"label"), n)
            })
        }),
        frames("label-pairs", 1, || {
            Box::new(|n| {
                // Two packets of each flow, with labels of two programs.
                let (flow, app) = (
                    n / 2,
                    if n % 2 == 0 {
                        n / 2 % 2000
                    } else {
                        n / 2 / 2000
                    },
                );
                let from = format!("{PHONE}:{}", 1024 + flow % 60_000);
                labelled(&udp(&from, &format!("{SERVER}:9"), b"label"), app)
            })
        }),
        frames("senders-of-one-address", 1, || {
            Box::new(|n| {
                let from = format!("{PHONE}:{}", 1024 + n % 60_000);
                let packet = udp(&from, &format!("{SERVER}:9"), b"x");
                let n = n.to_be_bytes();
                ethernet(
                    [2, 7, n[0], n[1], n[2], n[3]],
                    [2, 0, 0, 0, 0, 0xfe],
                    &packet,
                )
            })
        }),
        packets("proxy-targets", || {
            Box::new(|n| {
                let (from, to) = (
                    format!("{PHONE}:{}", 1024 + n / 2 % 60_000),
                    format!("{ROUTER}:1080"),
                );
                let ask = format!(
                    "CONNECT 11.{}.{}.7:{} HTTP/1.1\r\n\r\n",
                    n >> 10 & 255,
                    n >> 2 & 255,
                    1 + n % 60_000
                );
                match n % 2 {
                    0 => tcp(&from, &to, (n, 0), SYN, b""),
                    _ => tcp(&from, &to, (n, 1), PSH | ACK, ask.as_bytes()),
                }
            })
        }),
        packets("dns-resolvers", || {
            Box::new(|n| {
                let [_, a, b, c] = n.to_be_bytes();
                let question = dns_question(n as u16, &format!("h{n}.example"));
                udp(
                    &format!("{PHONE}:4000"),
                    &format!("45.{a}.{b}.{c}:53"),
                    &question,
                )
            })
        }),
        packets("dns-names-of-many", || {
            Box::new(|n| {
                // Each asks for fewer names than are kept of it.
                let [_, a, b, c] = (n / 400).to_be_bytes();
                let name = format!("{n:060}.{n:060}.{n:060}.example");
                udp(
                    &format!("10.{a}.{b}.{c}:4000"),
                    "45.1.2.3:53",
                    &dns_question(n as u16, &name),
                )
            })
        }),
        packets("dns-alias-chains", || {
            Box::new(|n| {
                let (name, us) = (format!("h{}.example", n / 2), format!("{PHONE}:4000"));
                let (id, resolver) = ((n / 2) as u16, format!("{ROUTER}:53"));
                match n % 2 {
                    0 => udp(&us, &resolver, &dns_question(id, &name)),
                    _ => udp(&resolver, &us, &alias_chain(id, &name, n)),
                }
            })
        }),
        packets("dhcp-routers", || {
            Box::new(|n| {
                let mut message = hex("0201 0600 00000001 0000 0000 00000000 c0a80214");
                message.extend([0; 8 + 16 + 64 + 128]);
                message.extend(hex("63825363 350105 0104ffffff00 03f0"));
                let router = |k: u32| (n * 60 + k + (10 << 24)).to_be_bytes();
                message.extend((0..60).flat_map(router));
                message.push(255);
                udp(&format!("{ROUTER}:67"), &format!("{PHONE}:68"), &message)
            })
        }),
        packets("the-same-packet", || {
            Box::new(|_| udp(&format!("{PHONE}:1000"), &format!("{SERVER}:9"), b"again"))
        }),
    ]
}

/// An answer with the longest names in a chain of 24 aliases, and a thousand addresses at its end.
fn alias_chain(id: u16, name: &str, n: u32) -> Vec<u8> {
    let mut out = dns_question(id, name);
    out[2..4].copy_from_slice(&[0x81, 0x80]);
    let count = 24 + 1000u16;
    out[6..8].copy_from_slice(&count.to_be_bytes());
    let record = |out: &mut Vec<u8>, owner: u16, kind: u8, data: &[u8]| {
        out.extend((0xc000 | owner).to_be_bytes());
        out.extend([0, kind, 0, 1, 0, 0, 0, 60]);
        out.extend((data.len() as u16).to_be_bytes());
        out.extend(data);
    };
    // The first alias says the long part, the others point to it.
    let label = |length: u8| [&[length][..], &vec![b'a'; length.into()]].concat();
    let long = [label(63), label(63), label(63), label(50), vec![0]].concat();
    let (mut owner, base) = (12, out.len() as u16 + 12 + 4);
    for alias in 0..24u16 {
        let own = [3, b'a' + alias as u8, b'-', b'-'];
        let at = out.len() as u16 + 12;
        match alias {
            0 => record(&mut out, owner, 5, &[&own, &long[..]].concat()),
            _ => record(
                &mut out,
                owner,
                5,
                &[&own[..], &(0xc000 | base).to_be_bytes()].concat(),
            ),
        }
        owner = at;
    }
    for address in 0..1000 {
        let address = ((n / 2).wrapping_mul(1000) + address + (46 << 24)).to_be_bytes();
        record(&mut out, owner, 1, &address);
    }
    out
}

/// On protocols.
fn of_streams() -> Vec<Attack> {
    fn mqtt() -> Vec<u8> {
        let mut out = hex("10 0d 0004 4d515454 04 02 003c 0001 61");
        out.extend(hex("30 03 0001 61").repeat(10_000));
        out
    }
    fn hpack() -> Vec<u8> {
        let mut out = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
        out.extend(hex("000000 04 00 00000000"));
        let frame = |stream: u32, block: &[u8]| {
            let mut frame = (block.len() as u32).to_be_bytes()[1..].to_vec();
            frame.extend([1, 4]);
            frame.extend(stream.to_be_bytes());
            frame.extend(block);
            frame
        };
        // A field of 4,000 bytes goes into the table, and is named over and over.
        let long = [&hex("40 01 61 7f a1 1e")[..], &[b'b'; 4000]].concat();
        out.extend(frame(1, &long));
        for stream in 1..20 {
            out.extend(frame(2 * stream + 1, &[0xbe; 8000]));
        }
        out
    }
    fn certificates() -> Vec<u8> {
        let mut out = client_hello("a.example");
        for _ in 0..1000 {
            out.extend(hex("16 0303 0001 0b"));
        }
        out
    }
    fn long_hello() -> Vec<u8> {
        let extensions = hex("fafa 0000").repeat(4000);
        let sized = |n: usize| (n as u16).to_be_bytes();
        let body = [
            &[3, 3][..],
            &[7; 32],
            &[0, 0, 2, 0x13, 1, 1, 0],
            &sized(extensions.len()),
            &extensions,
        ]
        .concat();
        let handshake = [&[1, 0][..], &sized(body.len()), &body].concat();
        handshake
            .chunks(50)
            .flat_map(|part| [&[22, 3, 1][..], &sized(part.len()), part].concat())
            .collect()
    }
    vec![
        packets("http-head-by-1", || {
            streams(8080, head("GET / HTTP/1.1\r\nHost: a.example"), 1)
        }),
        packets("http-refused-by-1", || {
            streams(
                8080,
                [head("GET / HTTP/1.1\r\n: x"), vec![b'a'; 60_000]].concat(),
                1,
            )
        }),
        packets("http-requests", || {
            streams(
                80,
                b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n".repeat(2000),
                1400,
            )
        }),
        packets("http-hosts", || {
            let mut said = Vec::new();
            for n in 0..3000 {
                said.extend(format!("GET / HTTP/1.1\r\nHost: h{n}.example\r\n\r\n").as_bytes());
            }
            streams(80, said, 1400)
        }),
        packets("http-findings-of-long-names", || {
            // Everybody gets all kinds of personal data under a name of its own.
            Box::new(|n| {
                let [a, b, c, d] = n.wrapping_mul(0x9e37_79b9).to_be_bytes();
                let to = format!("{}.{b}.{c}.{d}:80", 60 + a % 60);
                let label = format!("{n:060}");
                let query = format!(
                    "sn=1581F4AB{n:012}&lat=40.{n:06}&lon=-7.12345&mail=a{n}@b.cd&imei=358240051111110&password=geheim{n}"
                );
                let said = format!(
                    "GET /?{query} HTTP/1.1\r\nHost: {label}.{label}.{label}.{label}.exampl\r\n\r\n"
                );
                let from = format!("{PHONE}:{}", 1024 + n % 60_000);
                tcp(&from, &to, (1000, 1), PSH | ACK, said.as_bytes())
            })
        }),
        packets("rtsp-head-by-1", || {
            streams(554, head("DESCRIBE rtsp://a.example/ RTSP/1.0"), 1)
        }),
        packets("rtsp-in-http-by-1", || {
            // A request whose head goes on and on, in Base64.
            let mut said = b"POST /live HTTP/1.0\r\nContent-Type: application/x-rtsp-tunnelled\r\nContent-Length: 32767\r\n\r\n".to_vec();
            said.extend(b"T1BUSU9OUyBydHNwOi8vYS5leGFtcGxlL2xpdmUgUlRTUC8xLjANClhY");
            said.extend(b"YWFh".repeat(20_000));
            streams(80, said, 1)
        }),
        packets("sip-head-by-1", || {
            streams(5060, head("INVITE sip:b@a.example SIP/2.0"), 1)
        }),
        packets("smtp-by-1", || {
            streams(25, b"MAIL FROM:<a@b.example>\r\n".repeat(2000), 1)
        }),
        packets("xmpp-by-1", || {
            streams(
                5222,
                [
                    &b"<?xml version='1.0'?><stream:stream to='"[..],
                    &[b'a'; 50_000],
                ]
                .concat(),
                1,
            )
        }),
        packets("rtmp-by-1", || {
            streams(1935, [&[3][..], &[0x5a; 8000], &[0; 50_000]].concat(), 1)
        }),
        packets("noise-by-1", || streams(7777, Random(9).noise(60_000), 1)),
        packets("conflicting-copies", || {
            Box::new(|n| {
                let (from, to) = (format!("{PHONE}:40001"), format!("{SERVER}:8080"));
                let text = &head("GET / HTTP/1.1\r\nHost: a.example")[..16_000];
                match n {
                    0 => tcp(&from, &to, (999, 0), SYN, b""),
                    1..=16 => {
                        let place = (n as usize - 1) * 1000;
                        tcp(
                            &from,
                            &to,
                            (1000 + place as u32, 1),
                            PSH | ACK,
                            &text[place..place + 1000],
                        )
                    }
                    _ => tcp(&from, &to, (1000 + n % 16_000, 1), PSH | ACK, &[1]),
                }
            })
        }),
        packets("http2-hpack", || streams(8080, hpack(), 1400)),
        packets("tls-long-hello", || streams(443, long_hello(), 1400)),
        packets("tls-long-hello-by-1", || streams(443, long_hello(), 1)),
        packets("tls-small-records", || streams(443, certificates(), 1400)),
        packets("mqtt-small-packets", || streams(1883, mqtt(), 1400)),
        packets("websocket-by-1", || {
            let mut said = b"GET /ws HTTP/1.1\r\nHost: a.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n".to_vec();
            said.extend(hex("8281 00000000 61").repeat(8000));
            streams(80, said, 100)
        }),
        packets("dns-loops", || {
            datagrams(53, |n| {
                let mut message = (n as u16).to_be_bytes().to_vec();
                message.extend(hex("8180 0064 0064 0000 0000"));
                message.extend(hex("c00c 0001 0001").repeat(100));
                message.extend(hex("c00e c00c 0001 0001 00000000 0004 01020304").repeat(30));
                message
            })
        }),
        packets("dns-long-names", || {
            datagrams(53, |n| {
                let name = [&"a".repeat(60)[..]; 4].join(".");
                let mut message = dns_question(n as u16, &name);
                message[2..8].copy_from_slice(&hex("8180 0001 0050"));
                message.extend(hex("c00c 0001 0001 0000003c 0004 2d215c02").repeat(80));
                message
            })
        }),
        packets("dns-names-of-one-address", || {
            Box::new(|n| {
                let (phone, router) = (format!("{PHONE}:5353"), format!("{ROUTER}:53"));
                let name = format!("n{}.example.net", n / 2);
                if n % 2 == 0 {
                    udp(&phone, &router, &dns_question(n as u16, &name))
                } else {
                    udp(
                        &router,
                        &phone,
                        &dns_answer(n as u16 - 1, &name, [45, 33, 92, 2]),
                    )
                }
            })
        }),
        packets("quic-ids", || {
            datagrams(443, |n| {
                let mut initial = hex("c3 00000001 08");
                initial.extend(
                    u64::from(n)
                        .wrapping_mul(0x9e37_79b9_7f4a_7c15)
                        .to_be_bytes(),
                );
                initial.extend(hex("00 00 4496"));
                initial.resize(1200, 0x5a);
                initial
            })
        }),
        packets("quic-small-initials", || {
            datagrams(443, |n| {
                let mut initial = hex("c3 00000001 08");
                initial.extend(
                    u64::from(n)
                        .wrapping_mul(0x9e37_79b9_7f4a_7c15)
                        .to_be_bytes(),
                );
                initial.extend(hex("00 00 4020"));
                initial.resize(initial.len() + 32, 0x5a);
                initial
            })
        }),
        packets("quic-coalesced", || {
            datagrams(443, |n| {
                let one = |k: u32| {
                    let mut initial = hex("c3 00000001 08");
                    initial.extend(u64::from(n * 64 + k).to_be_bytes());
                    initial.extend(hex("00 00 4014"));
                    initial.resize(initial.len() + 20, 0x5a);
                    initial
                };
                (0..30).flat_map(one).collect()
            })
        }),
        packets("dtls-fragments", || {
            Box::new(|n| {
                let mut record = hex("16 fefd 0000 0000");
                record.extend(n.to_be_bytes());
                record.extend(hex("000d 01 004000 0000"));
                record.extend([0, (n >> 8) as u8, n as u8, 0, 0, 1, 0x61]);
                udp(
                    &format!("{PHONE}:40002"),
                    &format!("{SERVER}:4433"),
                    &record,
                )
            })
        }),
        packets("stun-attributes", || {
            datagrams(3478, |_| {
                [
                    &hex("0001 0500 2112a442")[..],
                    &[1; 12],
                    &hex("8000 0000").repeat(320),
                ]
                .concat()
            })
        }),
        packets("duml-starts", || {
            Box::new(|_| {
                let said = hex("55 ff07 00").repeat(350);
                udp(&format!("{PHONE}:12346"), &format!("{DRONE}:9003"), &said)
            })
        }),
        packets("mavlink-starts", || {
            Box::new(|_| {
                let said = hex("fd ff 00 00 fe ff").repeat(230);
                udp(&format!("{PHONE}:14550"), &format!("{DRONE}:14550"), &said)
            })
        }),
    ]
}

/// On the readers of what goes out in clear.
fn of_content() -> Vec<Attack> {
    fn body(text: &[u8]) -> Maker {
        let body = text.repeat(200_000 / text.len() + 1);
        streams(80, post("Content-Type: text/plain\r\n", &body), 1400)
    }
    /// Compressed, in base64, in a form, over and over: bodies grow as far as anything is opened.
    fn packed_text(text: &[u8]) -> Maker {
        use base64::Engine;
        let inner = base64::engine::general_purpose::STANDARD.encode(gzip(text));
        let times = 200_000 / inner.len() + 1;
        streams(
            80,
            post("", format!("d={inner}&").repeat(times).as_bytes()),
            1400,
        )
    }
    fn packed(text: &[u8]) -> Maker {
        packed_text(&text.repeat(480_000 / text.len()))
    }
    /// The digits of so many names of fields, compressed.
    fn digits_of_bomb(fields: usize) -> String {
        use base64::Engine;
        base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(gzip(&b"lat=".repeat(fields)))
    }
    vec![
        packets("body-at-signs", || body(b"a@b.cd ")),
        packets("body-no-end-of-mail", || body(b"a.b-c@")),
        packets("body-digits", || body(b"358240051111110 ")),
        packets("body-positions", || body(b"lat=40.12345&lon=-74.54321&")),
        packets("body-brackets", || body(b"[{\"a\":")),
        packets("body-percent", || body(b"%2525252525")),
        packets("body-base64", || body(b"ZXlKaFltTm")),
        packets("body-base64-by-lines", || {
            body(b"QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2xtbm9wcXJz\r\n")
        }),
        packets("body-backslashes", || body(b"\\\"\\u0041")),
        packets("body-nmea", || {
            body(b"$GPGGA,123519,4807.038,N,01131.000,E,")
        }),
        packets("body-commas", || body(b"1,2,3,4.5,")),
        packets("body-tags", || body(b"<a><b c=\"d\">")),
        packets("body-by-1", || {
            streams(80, post("", &b"name=a&mail=a@b.example&".repeat(2000)), 1)
        }),
        packets("body-gzip-bombs", || {
            let one = post(
                "Content-Encoding: gzip\r\n",
                &gzip(&b"lat=1.0 ".repeat(130_000)),
            );
            streams(80, one.repeat(50), 1400)
        }),
        packets("body-gzip-in-base64", || packed(b"lat=1.0 ")),
        packets("packed-values-in-values", || packed(b"lat:")),
        packets("packed-secrets-in-secrets", || packed(b"pwd:")),
        packets("packed-addresses-in-fields", || packed(b"mail=a@b.cd&")),
        packets("packed-fields-and-addresses", || {
            packed_text(&[b"user=1&".repeat(34_000), b"ax@b.cd ".repeat(30_000)].concat())
        }),
        packets("packed-ids-of-sessions", || {
            packed(b"sid=a1b2c3d4e5f6g7h8&")
        }),
        packets("packed-numbers-in-fields", || {
            packed(b"imei=358240051111110&")
        }),
        packets("packed-addresses-quoted", || {
            let all: String = (0..40_000).map(|n| format!("a{n}@b.cd ")).collect();
            packed_text(format!("=3D {all}").as_bytes())
        }),
        packets("body-credentials-in-credentials", || {
            body(b"authorization:a1b2")
        }),
        packets("body-packed-zip-entries", || {
            let entry = hex(
                "504b0304 1400 0000 0800 0000 0000 00000000 03000000 01000000 0100 0000 61 4b0400",
            );
            let zip = entry.repeat(256);
            let one = post("Content-Encoding: gzip\r\n", &gzip(&zip));
            streams(80, one.repeat(200), 1400)
        }),
        packets("body-zip-entries-packed", || {
            let entry = hex(
                "504b0304 1400 0000 0800 0000 0000 00000000 03000000 01000000 0100 0000 61 4b0400",
            );
            let one = post("Content-Type: application/zip\r\n", &entry.repeat(256));
            streams(80, one.repeat(20), 1400)
        }),
        packets("packed-texts-in-digits", || {
            packed(b"\"YWFhYWFhYWFhYWFhYWFhYQ==\",")
        }),
        packets("packed-addresses", || packed(b"a@b.cd ")),
        packets("body-names-of-parts", || body(b"name=name=")),
        packets("body-secrets-in-secrets", || body(b"pwd:")),
        packets("dns-packed-names", || {
            let digits = digits_of_bomb(30_000);
            datagrams(53, move |n| {
                let labels: Vec<&str> = digits
                    .as_bytes()
                    .chunks(63)
                    .map(|label| std::str::from_utf8(label).expect("digits"))
                    .collect();
                dns_question(n as u16, &format!("{}.t.example.net", labels.join(".")))
            })
        }),
        packets("stun-packed-texts", || {
            let digits = digits_of_bomb(120_000);
            datagrams(3478, move |n| {
                let mut texts = hex("0006");
                texts.extend((digits.len() as u16).to_be_bytes());
                texts.extend(digits.as_bytes());
                texts.resize(texts.len().next_multiple_of(4), 0);
                let mut message = hex("0001");
                message.extend((texts.len() as u16).to_be_bytes());
                message.extend(hex("2112a442 0000000000000000"));
                message.extend(n.to_be_bytes());
                [message, texts].concat()
            })
        }),
        packets("body-parts", || {
            let part = b"--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nb\r\n";
            streams(
                80,
                post(
                    "Content-Type: multipart/form-data; boundary=x\r\n",
                    &part.repeat(4000),
                ),
                1400,
            )
        }),
        packets("body-jpeg-segments", || {
            let body = [
                &hex("ffd8")[..],
                &hex("ffe1 0008 457869660000").repeat(20_000),
            ]
            .concat();
            streams(80, post("Content-Type: image/jpeg\r\n", &body), 1400)
        }),
        packets("body-zip-entries", || {
            let entry =
                hex("504b0304 1400 0000 0000 0000 0000 00000000 01000000 01000000 0100 0000 61 62");
            streams(
                80,
                post("Content-Type: application/zip\r\n", &entry.repeat(6000)),
                1400,
            )
        }),
        packets("datagrams-of-text", || {
            datagrams(9999, |n| {
                format!("{{\"sn\":\"1581F4AB{n:08}\",\"lat\":40.1,\"lon\":-7.5}}").into_bytes()
            })
        }),
    ]
}
