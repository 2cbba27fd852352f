//! Nothing is claimed, not understood and forgotten: a walk over all protocols.
//!
//! Each protocol of the registries has a message here that it claims and then cannot read. Through probing and reassembly as in a
//! capture, towards a local host, it has to leave a fact: a gap, an opaque tunnel, or payload that nothing has read. A protocol
//! without a message fails the walk.

use super::conversation::Conversation;
use super::http1::HTTP2_PREFACE;
use super::wire::test_bytes::hex;
use super::{DATAGRAMS, Protocol, STREAMS};
use crate::observe::flow::Carries;

/// What the message must leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Leaves {
    /// A gap or a tunnel: it could have named another destination.
    Gap,
    /// At the least payload that is counted as unread: the protocol names nobody.
    Payload,
}

struct Sample {
    /// Port of the local server.
    port: u16,
    /// What is said, segment by segment or datagram by datagram. The first is claimed.
    said: Vec<Vec<u8>>,
    leaves: Leaves,
}

fn sample(port: u16, leaves: Leaves, said: &[&[u8]]) -> Sample {
    Sample {
        port,
        said: said.iter().map(|one| one.to_vec()).collect(),
        leaves,
    }
}

const GARBAGE: [u8; 64] = [0xa5; 64];

fn long() -> String {
    "a".repeat(300)
}

/// Packets one behind the other: IPv4 with UDP, header checksums right.
fn packets() -> Vec<u8> {
    let header = |id: u16| {
        let mut words = [
            0x4500, 0x001c, id, 0, 0x4011, 0, 0xc0a8, 0x0214, 0x2f58, 0x3c0e,
        ];
        let sum: u32 = words.iter().map(|word| u32::from(*word)).sum();
        let folded = (sum & 0xffff) + (sum >> 16);
        words[5] = !u16::try_from((folded & 0xffff) + (folded >> 16)).unwrap_or(0);
        words
    };
    let datagram = [0x9c40, 0x0035, 0x0008, 0x0000];
    let all = (1..=6).flat_map(|id| header(id).into_iter().chain(datagram));
    all.flat_map(u16::to_be_bytes).collect()
}

fn of_stream(id: &str) -> Option<Sample> {
    use Leaves::{Gap, Payload};
    let long = long();
    Some(match id {
        // A hello of one byte.
        "tls" => sample(443, Gap, &[&hex("16 0301 0005 01 000001 00")]),
        "http" => sample(
            80,
            Gap,
            &[format!("GET http://{long}/ HTTP/1.1\r\n\r\n").as_bytes()],
        ),
        // An index beyond the table.
        "http2" => sample(
            80,
            Gap,
            &[HTTP2_PREFACE, &hex("000002 01 05 00000001 ff7f")],
        ),
        "rtmp" => sample(1935, Payload, &[&[3; 4000], &[0xff; 4000]]),
        "rtsp" => sample(
            554,
            Gap,
            &[format!("PLAY rtsp://{long}/ RTSP/1.0\r\n\r\n").as_bytes()],
        ),
        "sip" => sample(
            5060,
            Gap,
            &[format!("INVITE sip:{long} SIP/2.0\r\n\r\n").as_bytes()],
        ),
        "mqtt" => sample(
            1883,
            Payload,
            &[&hex("10 0d 0004 4d515454 04 02 003c 0001 61"), &GARBAGE],
        ),
        "stun" => sample(
            3478,
            Payload,
            &[
                &hex("0001 0000 2112a442 000102030405060708090a0b"),
                &GARBAGE,
            ],
        ),
        "dns" => sample(
            53,
            Gap,
            &[
                &hex("001b 0007 0100 0001 0000 0000 0000 01 61 07 6578616d706c65 00 0001 0001"),
                &hex("0004 ffffffff"),
            ],
        ),
        "socks" => sample(1080, Gap, &[&hex("05 01 01"), &hex("01 01 0004 deadbeef")]),
        "proxy-protocol" => {
            let fields = [&hex("02 012c")[..], long.as_bytes()].concat();
            let head = hex("0d0a0d0a000d0a515549540a 21 00");
            let length = u16::try_from(fields.len()).unwrap_or(0).to_be_bytes();
            sample(443, Gap, &[&[&head[..], &length, &fields].concat()])
        }
        "smtp" => sample(25, Payload, &[b"EHLO phone.example\r\n", &GARBAGE]),
        "imap" => sample(143, Payload, &[b"a001 CAPABILITY\r\n", &GARBAGE]),
        "pop3" => sample(110, Payload, &[b"CAPA\r\n", &GARBAGE]),
        "ftp" => sample(21, Payload, &[b"FEAT\r\n", &GARBAGE]),
        "postgresql" => sample(5432, Payload, &[&hex("00000008 04d2162f"), &GARBAGE]),
        "mysql" => {
            let request = [&hex("20 0000 01 05aeff01 00000001 21")[..], &[0; 23]].concat();
            sample(3306, Payload, &[&request, &GARBAGE])
        }
        "ldap" => {
            let request = [
                &hex("30 1d 02 01 01 77 18 80 16")[..],
                b"1.3.6.1.4.1.1466.20037",
            ]
            .concat();
            sample(389, Payload, &[&request, &GARBAGE])
        }
        "xmpp" => sample(
            5222,
            Gap,
            &[format!("<stream:stream to='{long}'>").as_bytes()],
        ),
        "drone-link" => sample(
            9000,
            Payload,
            &[
                &hex("551904e40403e0150004059afee1fedffe8000000020018083"),
                &GARBAGE,
            ],
        ),
        "capture-stream" => {
            let head = hex("d4c3b2a1 0200 0400 00000000 00000000 ffff0000 01000000");
            sample(9000, Gap, &[&head, &GARBAGE])
        }
        "ip-in-stream" => sample(9000, Gap, &[&packets(), &GARBAGE]),
        "tunnel" => sample(4500, Gap, &[b"IKETCP\x00\x2c"]),
        "ssh" => sample(22, Payload, &[b"SSH-2.0-x\r\n", &GARBAGE]),
        "pptp" => {
            let request = [
                &hex("009c 0001 1a2b3c4d 0001 0000 0100 0000")[..],
                &[0; 140],
            ]
            .concat();
            sample(1723, Payload, &[&request, &GARBAGE])
        }
        "coap" => sample(5683, Gap, &[&hex("30 e1 22 0500"), &hex("10 01 3f")]),
        _ => return None,
    })
}

fn of_datagram(id: &str) -> Option<Sample> {
    use Leaves::{Gap, Payload};
    let long = long();
    Some(match id {
        "dns" => sample(
            53,
            Gap,
            &[
                &hex("0007 0100 0001 0000 0000 0000 01 61 07 6578616d706c65 00 0001 0001"),
                &hex("ffffffff"),
            ],
        ),
        "drone-link" => sample(
            9000,
            Payload,
            &[
                &hex("551904e40403e0150004059afee1fedffe8000000020018083"),
                &GARBAGE,
            ],
        ),
        "quic" => {
            // A client's Initial whose tag is wrong.
            let head = hex("c0 00000001 08 0102030405060708 00 00 449e");
            sample(443, Gap, &[&[&head[..], &[0x5a; 1182]].concat()])
        }
        // A hello of one byte.
        "dtls" => sample(
            5684,
            Gap,
            &[&hex(
                "16 fefd 0000 000000000000 000d 01 000001 0000 000000 000001 00",
            )],
        ),
        "stun" => sample(
            3478,
            Payload,
            &[
                &hex("0001 0000 2112a442 000102030405060708090a0b"),
                &GARBAGE,
            ],
        ),
        "sip" => sample(
            5060,
            Gap,
            &[format!("INVITE sip:{long} SIP/2.0\r\n\r\n").as_bytes()],
        ),
        "ntp" => {
            let request = [
                &[0x23, 0, 6, 0x20][..],
                &[0; 36],
                &[0xe9, 0, 0, 0, 0, 0, 0, 0],
            ]
            .concat();
            sample(123, Payload, &[&request, &[GARBAGE, GARBAGE].concat()])
        }
        "ssdp" => sample(1900, Payload, &[b"M-SEARCH * HTTP/1.1\r\n", &GARBAGE]),
        "tunnel" => {
            let initiation = [&[1, 0, 0, 0][..], &[0x5a; 144]].concat();
            sample(51820, Gap, &[&initiation])
        }
        "sflow" => sample(
            6343,
            Gap,
            &[&hex(
                "00000005 00000001 c0a80201 00000000 00000001 00000001 00000001 00000001 000000ff",
            )],
        ),
        "ip-in-stream" => sample(9000, Gap, &[&packets()]),
        "coap" => sample(5683, Gap, &[&hex("40 01 0001"), &hex("40 01 0002 3f")]),
        "socks-udp" => sample(
            1080,
            Gap,
            &[
                &hex("0000 00 03 09 612e6578616d706c65 0035 6162"),
                &hex("0000 00 09 ff"),
            ],
        ),
        _ => return None,
    })
}

fn walk(protocol: &Protocol, sample: &Sample, mut talk: Conversation) {
    let id = protocol.id;
    let mut longest = 0;
    for (at, bytes) in sample.said.iter().enumerate() {
        talk.say(bytes);
        longest = longest.max(bytes.len());
        if at == 0 {
            let claimed = talk.protocol().is_some() || !talk.gaps().is_empty();
            assert!(claimed, "{id}: its message is not claimed");
        }
    }
    talk.end();
    // Packets inside are read like those outside.
    let inside = !talk.flow().inside.is_empty();
    let tells = inside || !talk.gaps().is_empty() || talk.facts().tunnel.is_some();
    let side = talk.client();
    // What a reader has understood to the last byte is no unread payload.
    let unread = *talk.flow().carries.of(side) == Carries::Application
        && !crate::observe::content::is_dissected(talk.flow(), longest as u64);
    match sample.leaves {
        Leaves::Gap => assert!(
            tells,
            "{id}: a message that is claimed and not read leaves no gap"
        ),
        Leaves::Payload => assert!(tells || unread, "{id}: nothing is left of its payload"),
    }
}

#[test]
fn every_protocol_leaves_a_fact_of_what_it_claims_and_cannot_read() {
    for protocol in STREAMS {
        let sample = of_stream(protocol.id)
            .unwrap_or_else(|| panic!("no message for the stream protocol {}", protocol.id));
        let talk = Conversation::tcp(&format!("192.168.2.254:{}", sample.port));
        walk(protocol, &sample, talk);
    }
    for protocol in DATAGRAMS {
        let sample = of_datagram(protocol.id)
            .unwrap_or_else(|| panic!("no message for the datagram protocol {}", protocol.id));
        let talk = Conversation::udp(&format!("192.168.2.254:{}", sample.port));
        walk(protocol, &sample, talk);
    }
}

/// A session that claims and never reads: the loop ends, the bytes are passed over, and that is told.
#[test]
fn a_circle_ends_in_a_gap() {
    let mut talk = Conversation::tcp("192.168.2.254:80");
    let head = "GET /a b HTTP/1.1\r\nHost: a.example\r\n\r\n";
    for _ in 0..100 {
        talk.say([head.as_bytes(), &GARBAGE].concat());
    }
    assert_eq!(talk.names().len(), 1);
}
