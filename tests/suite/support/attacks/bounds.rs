//! Attacks each of which is aimed at one limit: what is beyond it is not looked at, and the report has to say so.

use super::super::craft::{
    DRONE, PHONE, PSH, SYN, at, checksum, client_hello, hex, ip, mac, tcp, udp,
};
use super::{
    Attack, Maker, SERVER, WIFI, XZ_HEADER, alone, as_pcapng, block, datagrams, file, fragment,
    frames, labelled, packets, repeated, streams, words, zstd,
};

/// All of them.
pub(super) fn all() -> Vec<Attack> {
    [of_files(), of_packets(), of_handshakes(), of_heads()]
        .into_iter()
        .flatten()
        .collect()
}

fn of_files() -> Vec<Attack> {
    vec![
        file("zstd-window-of-a-gigabyte", |c, bytes| {
            // RFC 8878 §3.1.1.1: a window of 2^30, then an empty last block.
            repeated(zstd(c.bytes()), bytes, |_| hex("28b52ffd 00 a0 010000"))
        }),
        alone(file("xz-dictionary-of-gigabytes", |_, bytes| {
            // The header of a pcap file, and a stream whose filter asks for 4 GiB (.xz format 1.2.0, section 5.3.1).
            let mut block = hex("0200 2101 28 000000");
            let mut crc = flate2::Crc::new();
            crc.update(&block);
            block.extend(crc.sum().to_le_bytes());
            let start = hex("fd377a585a0000016922de36");
            let more = [start, block, vec![0; 64]].concat();
            repeated(hex(XZ_HEADER), bytes, |_| more.clone())
        })),
        file("pcapng-app-names", |c, bytes| {
            repeated(as_pcapng(&c), bytes, |n| {
                let name = format!("n{n:07}");
                let mut body = words(&[62_652]);
                body.extend([1, 0, 1, 0]);
                body.extend(words(&[20_000 + n]));
                body.extend([name.len() as u8, 0]);
                body.extend(name.as_bytes());
                block(0xbad, &body)
            })
        }),
        file("pcapng-secrets", |c, bytes| {
            repeated(as_pcapng(&c), bytes, |n| {
                let mut lines = String::new();
                for line in 0..(bytes / 200).min(2000) {
                    lines += &format!("CLIENT_RANDOM {n:032x}{line:032x} {:096x}\n", line);
                }
                let mut body = words(&[0x544c_534b, lines.len() as u32]);
                body.extend(lines.as_bytes());
                block(10, &body)
            })
        }),
        frames("wifi-small-packets-in-a-frame", WIFI, || {
            // A-MSDU (IEEE 802.11-2020 §9.3.2.2): subframes of 14 bytes and what is inside, padded to four.
            let inside = [
                &hex("aaaa03 000000 0800")[..],
                &udp(&format!("{PHONE}:9"), &format!("{DRONE}:9"), b""),
            ]
            .concat();
            let mut sub = [mac(at(DRONE)), mac(at(PHONE))].concat();
            sub.extend((inside.len() as u16).to_be_bytes());
            sub.extend(&inside);
            sub.resize(sub.len().next_multiple_of(4), 0);
            let mut frame = hex("8801 0000 0a0000000001");
            frame.extend(mac(at(PHONE)));
            frame.extend(mac(at(DRONE)));
            frame.extend([0, 0, 0x80, 0]);
            frame.extend(sub.repeat(4200));
            Box::new(move |_| frame.clone())
        }),
    ]
}

fn of_packets() -> Vec<Attack> {
    vec![
        frames("labels-of-one-flow", 1, || {
            Box::new(|n| {
                let packet = udp(&format!("{PHONE}:1024"), &format!("{SERVER}:9"), b"label");
                labelled(&packet, n % 4000)
            })
        }),
        packets("fragments-in-many-versions", || {
            Box::new(|n| {
                let (id, version) = ((n / 24) as u16, (n % 24) as u8);
                match version {
                    23 => fragment(id, 8, false, &[1; 8]),
                    _ => fragment(id, 0, true, &[version + 1; 8]),
                }
            })
        }),
        packets("prefixes-of-translators", || {
            Box::new(|n| {
                // A router's advertisement with a PREF64 option (RFC 8781 §4).
                let mut body = hex("8600 0000 4000 0708 00000000 00000000");
                body.extend(hex("2602 0708"));
                body.extend([0x20, 1, 0xd, 0xb8]);
                body.extend(n.to_be_bytes());
                body.extend([0; 4]);
                let (router, all) = (at("fe80::1"), at("ff02::1"));
                let octets = |ip: std::net::IpAddr| match ip {
                    std::net::IpAddr::V6(ip) => ip.octets(),
                    std::net::IpAddr::V4(ip) => ip.to_ipv6_mapped().octets(),
                };
                let length = (body.len() as u32).to_be_bytes();
                let sum = checksum(&[
                    &octets(router),
                    &octets(all),
                    &length,
                    &[0, 0, 0, 58],
                    &body,
                ]);
                body[2..4].copy_from_slice(&sum.to_be_bytes());
                let mut packet = ip(router, all, 58, &body);
                packet[7] = 255;
                packet
            })
        }),
        packets("hellos-to-one-server", || {
            Box::new(|n| {
                let from = format!("{PHONE}:{}", 10_000 + n / 2 % 50_000);
                let to = format!("{SERVER}:443");
                match n % 2 {
                    0 => tcp(&from, &to, (n, 0), SYN, b""),
                    _ => {
                        let hello = client_hello(&format!("n{}.example.net", n / 2));
                        tcp(&from, &to, (n, 1), PSH, &hello)
                    }
                }
            })
        }),
        packets("pieces-behind-holes", || {
            // What waits of each connection is just below what one may hold.
            const PIECES: u32 = 46;
            Box::new(|n| {
                let (connection, piece) = (n / (PIECES + 1), n % (PIECES + 1));
                let from = format!("{PHONE}:{}", 10_000 + connection % 50_000);
                let to = format!("{SERVER}:8080");
                match piece {
                    0 => tcp(&from, &to, (999, 0), SYN, b""),
                    _ => tcp(&from, &to, (2000 + 1400 * piece, 1), PSH, &[b'x'; 1400]),
                }
            })
        }),
    ]
}

fn of_handshakes() -> Vec<Attack> {
    /// A fragment of a hello of DTLS 1.2 (RFC 6347 §4.2.2): number of the record and of the message, place of a byte.
    fn hello(record: u32, message: u16, place: u32) -> Vec<u8> {
        let mut out = hex("16 fefd 0000 0000");
        out.extend(record.to_be_bytes());
        out.extend(hex("000d 01 004000"));
        out.extend(message.to_be_bytes());
        out.extend(&place.to_be_bytes()[1..]);
        out.extend(hex("000001 61"));
        udp(&format!("{PHONE}:40002"), &format!("{SERVER}:4433"), &out)
    }
    vec![
        packets("dtls-messages", || Box::new(|n| hello(n, n as u16, 0))),
        packets("dtls-pieces-apart", || {
            Box::new(|n| hello(n, 0, 2 + 2 * (n % 8000)))
        }),
        packets("dtls-records", || {
            // A record of a handshake, alerts, and a hello behind them.
            let mut said = hex("16 fefd 0000 000000000001 000d 01 004000 0000 000000 000001 61");
            said.extend(hex("15 fefd 0000 000000000002 0002 0100").repeat(70));
            datagrams(4433, move |_| said.clone())
        }),
        packets("quic-packets-in-a-datagram", || {
            let mut initial = hex("c3 00000001 08 0102030405060708 00 00 4014");
            initial.resize(initial.len() + 20, 0x5a);
            let said = initial.repeat(30);
            datagrams(443, move |_| said.clone())
        }),
        packets("quic-ids-of-one-flow", || {
            let mut maker: Maker = datagrams(443, |n| {
                let mut initial = hex("c3 00000001 08");
                initial.extend((u64::from(n) << 20 | 0x5a5a5).to_be_bytes());
                initial.extend(hex("00 00 4020"));
                initial.resize(initial.len() + 32, 0x5a);
                initial
            });
            Box::new(move |n| maker(n * 50_000))
        }),
    ]
}

fn of_heads() -> Vec<Attack> {
    fn long(line: &str) -> Vec<u8> {
        let mut head = format!("{line}\r\n").into_bytes();
        while head.len() < 70_000 {
            head.extend(b"X-Field: some value of a field\r\n");
        }
        head.extend(b"\r\n");
        head
    }
    fn frame(kind: u8, flags: u8, stream: u32, block: &[u8]) -> Vec<u8> {
        let mut frame = (block.len() as u32).to_be_bytes()[1..].to_vec();
        frame.extend([kind, flags]);
        frame.extend(stream.to_be_bytes());
        frame.extend(block);
        frame
    }
    fn http2(frames: impl IntoIterator<Item = Vec<u8>>) -> Vec<u8> {
        let mut out = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
        out.extend(frame(4, 0, 0, &[]));
        out.extend(frames.into_iter().flatten());
        out
    }
    fn rtmp(chunks: &[u8]) -> Vec<u8> {
        [&[3][..], &[0; 3072], chunks].concat()
    }
    fn literal(name: u8, value: &[u8]) -> Vec<u8> {
        [&[name, value.len() as u8][..], value].concat()
    }
    vec![
        packets("http-head-without-end", || {
            streams(8080, long("GET / HTTP/1.1\r\nHost: a.example"), 1400)
        }),
        packets("sip-head-without-end", || {
            streams(5060, long("INVITE sip:b@a.example SIP/2.0"), 1400)
        }),
        packets("http2-head-without-end", || {
            let first = [frame(1, 0, 1, &[0x82; 8000])];
            let more = (0..10).map(|_| frame(9, 0, 1, &[0x82; 8000]));
            streams(8080, http2(first.into_iter().chain(more)), 1400)
        }),
        packets("http2-large-table", || {
            // An update to 64 KiB (RFC 7541 §6.3), and fields that fill it.
            let mut block = hex("3fe1ff03");
            for _ in 0..5 {
                block.extend([&hex("40 01 61 7f a1 1e")[..], &[b'b'; 4000]].concat());
            }
            streams(8080, http2([frame(1, 4, 1, &block)]), 1400)
        }),
        packets("http2-lookups", || {
            // POST, /, http, an authority, and a content type (RFC 8484 §4.1).
            let mut block = vec![0x83, 0x84, 0x86];
            block.extend(literal(0x01, b"a.example"));
            block.extend([&[0x0f][..], &literal(0x10, b"application/dns-message")].concat());
            let asked = (0..200).map(move |n| frame(1, 4, 2 * n + 1, &block));
            streams(8080, http2(asked), 1400)
        }),
        packets("http2-hosts", || {
            let mut block = vec![0x82, 0x84, 0x86];
            for n in 0..12 {
                block.extend(literal(0x01, format!("h{n}.example").as_bytes()));
            }
            streams(8080, http2([frame(1, 4, 1, &block)]), 1400)
        }),
        packets("http-lookups-in-one-request", || {
            let names: Vec<String> = (0..40).map(|n| format!("n{n}.example")).collect();
            let line = format!(
                "GET /d?host={} HTTP/1.1\r\nHost: {SERVER}\r\n\r\n",
                names.join(",")
            );
            streams(80, line.into_bytes(), 1400)
        }),
        packets("rtmp-chunk-streams", || {
            let chunk = |id: u8| [&[id][..], &hex("000000 000001 08 00000000 00")].concat();
            let chunks: Vec<u8> = (3..40).flat_map(chunk).collect();
            streams(1935, rtmp(&chunks), 1400)
        }),
        packets("rtmp-long-connect", || {
            let pad = [b'x'; 18_000];
            let command = [
                &hex("02 0007 636f6e6e656374 00 3ff0000000000000 03 0003 706164 02")[..],
                &(pad.len() as u16).to_be_bytes(),
                &pad,
                &hex("0005 746355726c 02"),
                &[0, 22],
                b"rtmp://a.example/live1",
                &hex("000009"),
            ]
            .concat();
            let mut chunks = hex("03 000000");
            chunks.extend(&(command.len() as u32).to_be_bytes()[1..]);
            chunks.extend(hex("14 00000000"));
            for (number, piece) in command.chunks(128).enumerate() {
                if number > 0 {
                    chunks.push(0xc3);
                }
                chunks.extend(piece);
            }
            streams(1935, rtmp(&chunks), 1400)
        }),
        packets("capture-in-a-stream-long-record", || {
            let head = words(&[0xa1b2_c3d4, 0x0004_0002, 0, 0, 262_144, 1]);
            let record = words(&[1_740_823_200, 0, 200_000, 200_000]);
            // In segments that end where what may wait ends.
            streams(9999, [head, record, vec![0; 200_000]].concat(), 56)
        }),
    ]
}
