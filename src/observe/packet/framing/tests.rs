use super::*;

fn sum(bytes: &[u8]) -> u16 {
    let mut total = 0u32;
    for pair in bytes.chunks(2) {
        total += u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0));
    }
    while total > 0xffff {
        total = (total & 0xffff) + (total >> 16);
    }
    !u16::try_from(total).unwrap()
}

/// A UDP datagram in IPv4; its header checksum is right, and that of UDP if `checked`.
fn four(size: usize, checked: bool) -> Vec<u8> {
    let udp = u16::try_from(8 + size).unwrap();
    let ends = [192, 0, 2, 1, 198, 51, 100, 7];
    let mut ip = vec![0x45, 0];
    ip.extend((20 + udp).to_be_bytes());
    ip.extend([0, 1, 0, 0, 64, 17, 0, 0]);
    ip.extend(ends);
    let header = sum(&ip).to_be_bytes();
    ip[10..12].copy_from_slice(&header);
    let mut datagram = [&[0x9c, 0x40, 0x01, 0xbb][..], &udp.to_be_bytes(), &[0, 0]].concat();
    datagram.extend((0..size).map(|n| u8::try_from(n % 251).unwrap()));
    let pseudo = [&ends[..], &[0, 17], &udp.to_be_bytes(), &datagram].concat();
    let right = sum(&pseudo).to_be_bytes();
    datagram[6..8].copy_from_slice(if checked { &right } else { &[0x12, 0x34] });
    [ip, datagram].concat()
}

/// The same in IPv6.
fn six(size: usize) -> Vec<u8> {
    let udp = u16::try_from(8 + size).unwrap();
    let mut ends = vec![0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7];
    ends.extend_from_within(..);
    let mut ip = vec![0x60, 0, 0, 0];
    ip.extend(udp.to_be_bytes());
    ip.extend([17, 64]);
    ip.extend(&ends);
    let mut datagram = [&[0x9c, 0x40, 0x01, 0xbb][..], &udp.to_be_bytes(), &[0, 0]].concat();
    datagram.extend(vec![0xc0; size]);
    let pseudo = [&ends[..], &[0, 17], &udp.to_be_bytes(), &datagram].concat();
    let right = sum(&pseudo).to_be_bytes();
    datagram[6..8].copy_from_slice(&right);
    [ip, datagram].concat()
}

fn hdlc(frame: &[u8]) -> Vec<u8> {
    let crc = !frame.iter().fold(0xffffu16, |sum, byte| {
        (0..8).fold(sum ^ u16::from(*byte), |sum, _| {
            if sum & 1 != 0 {
                sum >> 1 ^ 0x8408
            } else {
                sum >> 1
            }
        })
    });
    let mut out = vec![0x7e];
    for byte in [frame, &crc.to_le_bytes()].concat() {
        if byte < 0x20 || byte == 0x7d || byte == 0x7e {
            out.extend([0x7d, byte ^ 0x20]);
        } else {
            out.push(byte);
        }
    }
    out.push(0x7e);
    out
}

fn slip(packet: &[u8]) -> Vec<u8> {
    let mut out = vec![0xc0];
    for byte in packet {
        match byte {
            0xc0 => out.extend([0xdb, 0xdc]),
            0xdb => out.extend([0xdb, 0xdd]),
            other => out.push(*other),
        }
    }
    out.push(0xc0);
    out
}

fn websocket(payload: &[u8], mask: Option<[u8; 4]>) -> Vec<u8> {
    let length = u16::try_from(payload.len()).unwrap();
    let flag = if mask.is_some() { 0x80 } else { 0 };
    let mut out = vec![0x82];
    if length < 126 {
        out.push(u8::try_from(length).unwrap() | flag);
    } else {
        out.push(126 | flag);
        out.extend(length.to_be_bytes());
    }
    let key = mask.unwrap_or_default();
    out.extend(mask.iter().flatten());
    out.extend(payload.iter().zip(key.iter().cycle()).map(|(b, m)| b ^ m));
    out
}

type Wrap = fn(&[u8]) -> Vec<u8>;

fn low(n: usize) -> u16 {
    u16::try_from(n).unwrap()
}

/// Every way in which packets are framed in a stream.
const WAYS: [(&str, Wrap); 16] = [
    ("bare", |p| p.to_vec()),
    ("length", |p| [&low(p.len()).to_be_bytes(), p].concat()),
    ("length, little", |p| {
        [&low(p.len()).to_le_bytes(), p].concat()
    }),
    ("length, wide", |p| {
        [&u32::from(low(p.len())).to_be_bytes(), p].concat()
    }),
    ("length, wide and little", |p| {
        [&u32::from(low(p.len())).to_le_bytes(), p].concat()
    }),
    ("length of all", |p| {
        [&low(p.len() + 2).to_be_bytes(), p].concat()
    }),
    ("packet information", |p| [&[0, 0, 8, 0], p].concat()),
    ("address family", |p| [&[0, 0, 0, 2], p].concat()),
    ("ethernet", |p| {
        [&[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0], p].concat()
    }),
    ("ethernet behind a length", |p| {
        let frame = [&[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0], p].concat();
        [&u32::from(low(frame.len())).to_be_bytes()[..], &frame].concat()
    }),
    ("a type and a length", |p| {
        [&[7, 1][..], &low(p.len()).to_be_bytes(), p].concat()
    }),
    ("ppp", |p| [&[0xff, 3, 0, 0x21], p].concat()),
    ("ppp in hdlc", |p| hdlc(&[&[0xff, 3, 0, 0x21], p].concat())),
    ("slip", slip),
    ("websocket", |p| websocket(p, None)),
    ("websocket, masked", |p| {
        websocket(p, Some([0xa5, 0x45, 3, 0x81]))
    }),
];

/// The packets of a stream that begins so, as far as the walk gets.
fn packets(stream: &[u8]) -> Option<Vec<Vec<u8>>> {
    let Recognised::Yes(framing) = recognise(stream) else {
        return None;
    };
    let (mut out, mut rest) = (Vec::new(), stream);
    while !rest.is_empty() {
        match framing.next(rest) {
            Next::Frame(used, held) => {
                assert!(used > 0 && used <= rest.len());
                rest = &rest[used..];
                match held {
                    Held::Packet(bytes) => out.push(bytes.into_owned()),
                    Held::Ppp(bytes) => out.push(bytes[4..].to_vec()),
                    Held::Other => {}
                }
            }
            Next::More => break,
            Next::Broken => panic!("lost its step in {rest:02x?}"),
        }
    }
    Some(out)
}

#[test]
fn packets_come_out_of_every_framing() {
    let all = [four(40, true), six(30), four(200, true), four(0, true)];
    for (way, wrap) in WAYS {
        let stream: Vec<u8> = all.iter().flat_map(|p| wrap(p)).collect();
        assert_eq!(packets(&stream).unwrap(), all, "{way}");
        // However much of the first frame is there, it is never refused for good before it is whole.
        let first = wrap(&all[0]).len();
        for cut in 24 + BEFORE_MAX.min(first)..first {
            assert_ne!(recognise(&stream[..cut]), Recognised::No, "{way} {cut}");
        }
    }
}

#[test]
fn header_checksums_are_enough_for_two_in_a_row() {
    let stream = [four(40, false), four(50, false)].concat();
    assert_eq!(packets(&stream).unwrap().len(), 2);
    let mut broken = stream.clone();
    broken[10] ^= 1;
    assert_eq!(recognise(&broken), Recognised::No);
}

#[test]
fn frames_without_a_packet_are_passed_over_by_their_length() {
    let wrap: Wrap = |p| [&low(p.len()).to_be_bytes(), p].concat();
    let stream = [
        wrap(&four(40, true)),
        wrap(b"keep alive"),
        wrap(&[7; 90]),
        wrap(&six(8)),
    ]
    .concat();
    assert_eq!(packets(&stream).unwrap().len(), 2);
}

#[test]
fn one_packet_in_a_datagram_behind_anything_short() {
    let packet = four(60, false);
    for before in [0, 4, 14, 30, BEFORE_MAX] {
        for behind in [0, 4, 16] {
            let bytes = [vec![0x11; before], packet.clone(), vec![9; behind]].concat();
            let found = embedded_whole(&bytes, bytes.len()).unwrap();
            assert!(found.starts_with(&packet), "{before} {behind}");
        }
    }
    let far = [vec![0x11; BEFORE_MAX + 1], packet.clone()].concat();
    assert_eq!(embedded_whole(&far, far.len()), None);
    assert_eq!(
        embedded_whole(&packet[..40], packet.len()),
        Some(&packet[..40]),
        "cut by the capture"
    );
    let mut wrong = packet;
    wrong[11] ^= 1;
    assert_eq!(embedded_whole(&wrong, wrong.len()), None);
    let six = [vec![0; 4], six(9)].concat();
    assert_eq!(embedded_whole(&six, six.len()), Some(&six[4..]));
}

#[test]
fn other_streams_are_none() {
    use crate::observe::dissect::wire::test_bytes::Noise;
    let mut noise = Noise(23);
    for round in 0..60_000 {
        let mut bytes = noise.bytes(24 + round % 120);
        match round % 6 {
            0 => bytes[0] = 0x45,
            1 => bytes[0] = 0x7e,
            2 => bytes[0] = 0xc0,
            3 => bytes[0] = 0x82,
            4 => bytes[4] = 0x60,
            _ => {}
        }
        assert!(
            !matches!(recognise(&bytes), Recognised::Yes(_)),
            "{bytes:02x?}"
        );
        assert_eq!(embedded_whole(&bytes, bytes.len()), None);
        assert_eq!(embedded(&bytes), None);
    }
    // Damage never loops nor panics.
    for (_, wrap) in WAYS {
        let good: Vec<u8> = [four(40, true), six(30)]
            .iter()
            .flat_map(|p| wrap(p))
            .collect();
        for _ in 0..300 {
            let bad = noise.damage(&good);
            if let Recognised::Yes(framing) = recognise(&bad) {
                let mut rest = &bad[..];
                while let Next::Frame(used, _) = framing.next(rest) {
                    assert!(used > 0);
                    rest = rest.get(used..).unwrap_or_default();
                    if rest.is_empty() {
                        break;
                    }
                }
            }
        }
    }
}
