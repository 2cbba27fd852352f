//! Damaged copies of captures that are known to be whole.

use super::random::Random;

/// Captures that are not `consistent`, of both formats and several link types; short, because
/// there are many runs. All their checksums are valid (class (d) needs that).
pub(crate) const CAPTURES: &[&str] = &[
    "labelled/lookup-only.pcap",
    "labelled/dns-over-tcp.pcap",
    "labelled/syn-without-answer.pcap",
    "labelled/tls-fast-open.pcap",
    "labelled/link-vlan.pcap",
    "labelled/link-sll2.pcap",
    "labelled/wrapped-unnamed-null-ng.pcapng",
    "labelled/wireguard-to-private.pcap",
    "labelled/http-connect-through-lan-proxy.pcap",
    "labelled/device-by-ip-sends-over-ipv6.pcap",
];

/// Where the packets of a little-endian classic pcap or a pcapng lie: offset and length.
pub(crate) fn packets(file: &[u8]) -> Vec<(usize, usize)> {
    let word = |at: usize, big: bool| -> usize {
        let b: [u8; 4] = file[at..at + 4].try_into().expect("four bytes");
        (if big {
            u32::from_be_bytes(b)
        } else {
            u32::from_le_bytes(b)
        }) as usize
    };
    let mut out = Vec::new();
    if file[..4] == [0x0a, 0x0d, 0x0d, 0x0a] {
        let big = file[8..12] == [0x1a, 0x2b, 0x3c, 0x4d];
        let mut at = 0;
        while at + 12 <= file.len() {
            let (kind, len) = (word(at, big), word(at + 4, big));
            if kind == 6 {
                out.push((at + 28, word(at + 20, big)));
            }
            at += len;
        }
    } else {
        let big = file[0] == 0xa1;
        let mut at = 24;
        while at + 16 <= file.len() {
            let len = word(at + 8, big);
            out.push((at + 16, len));
            at += 16 + len;
        }
    }
    out
}

/// Offset of the IP header in a frame, by the link types of the captures above.
fn network(frame: &[u8]) -> Option<usize> {
    [14usize, 18, 20, 4, 16, 0].into_iter().find(|at| {
        let Some(rest) = frame.get(*at..) else {
            return false;
        };
        match rest.first().map(|b| b >> 4) {
            Some(4) => {
                rest.len() >= 20
                    && usize::from(u16::from_be_bytes([rest[2], rest[3]])) <= rest.len()
                    && rest[0] & 15 >= 5
            }
            Some(6) => {
                rest.len() >= 40
                    && usize::from(u16::from_be_bytes([rest[4], rest[5]])) + 40 <= rest.len()
            }
            _ => false,
        }
    })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// (a) The file is cut inside a record.
    Cut,
    /// (b) A length, type, version, offset or count field is overwritten.
    Field,
    /// (c) Bytes are inserted or deleted.
    Shift,
    /// (d) Bits are flipped in packets.
    Flip,
}

/// A damaged copy, and what was done to it.
pub(crate) fn mutate(file: &[u8], class: Class, random: &mut Random) -> (Vec<u8>, String) {
    let packets = packets(file);
    let mut out = file.to_vec();
    let (at, len) = packets[random.below(packets.len())];
    let what = match class {
        Class::Cut => {
            let cut = at + random.below(len.max(1));
            out.truncate(cut);
            format!("cut at {cut}")
        }
        Class::Field => {
            let ng = file[..4] == [0x0a, 0x0d, 0x0d, 0x0a];
            let ip = network(&file[at..at + len]).map(|n| at + n);
            let mut fields: Vec<(usize, usize)> = Vec::new();
            if ng {
                fields.extend([
                    (4, 4),
                    (8, 4),
                    (12, 4),
                    (at - 28, 4),
                    (at - 24, 4),
                    (at - 8, 4),
                ]);
            } else {
                fields.extend([(0, 4), (4, 2), (16, 4), (20, 4), (at - 8, 4), (at - 4, 4)]);
            }
            if let Some(ip) = ip {
                if ip >= at + 2 {
                    fields.push((ip - 2, 2));
                }
                fields.push((ip, 1));
                if file[ip] >> 4 == 4 {
                    fields.extend([(ip + 2, 2), (ip + 6, 2), (ip + 9, 1)]);
                    let transport = ip + usize::from(file[ip] & 15) * 4;
                    match file[ip + 9] {
                        6 => fields.push((transport + 12, 1)),
                        17 => fields.push((transport + 4, 2)),
                        _ => {}
                    }
                } else {
                    fields.extend([(ip + 4, 2), (ip + 6, 1)]);
                }
            }
            let (place, width) = fields[random.below(fields.len())];
            for byte in &mut out[place..place + width] {
                *byte = match random.below(4) {
                    0 => 0,
                    1 => 0xff,
                    _ => random.next() as u8,
                };
            }
            format!("{width} bytes overwritten at {place}")
        }
        Class::Shift => {
            let place = random.below(file.len());
            let count = 1 + random.below(64);
            if random.below(2) == 0 {
                let bytes: Vec<u8> = (0..count).map(|_| random.next() as u8).collect();
                out.splice(place..place, bytes);
                format!("{count} bytes inserted at {place}")
            } else {
                let end = (place + count).min(out.len());
                out.drain(place..end);
                format!("{count} bytes deleted at {place}")
            }
        }
        Class::Flip => {
            let flips = 1 + random.below(3);
            let mut places = Vec::new();
            for _ in 0..flips {
                let place = at + random.below(len.max(1));
                out[place] ^= 1 << random.below(8);
                places.push(place);
            }
            format!("bits flipped at {places:?}")
        }
    };
    (out, what)
}
