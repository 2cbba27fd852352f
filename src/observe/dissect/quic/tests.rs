//! Sessions fed with packets that are made here.

use super::hello::build::hello;
use super::keys::seal::Initial;
use super::*;
use crate::evidence::flow::{Key, Opening};
use crate::evidence::ledger::{Ends, Ledger};
use crate::ground::moment::{FrameRef, Timestamp};
use crate::observe::dissect::wire::test_bytes::{Noise, hex};
use crate::observe::flow::table::Table;
use proptest::prelude::*;
use std::net::IpAddr;

const CLIENT: (&str, u16) = ("192.168.1.9", 50_000);
const SERVER: (&str, u16) = ("203.0.113.5", 8443);

/// A series of flows, and what sessions made of them.
#[derive(Default)]
struct Series {
    table: Table,
    ledger: Ledger,
    frame: u64,
}

/// One flow of it.
struct Reading {
    slot: u32,
    session: Box<dyn Session>,
}

impl Series {
    fn with<R>(
        &mut self,
        slot: Option<u32>,
        from: (&str, u16),
        to: (&str, u16),
        read: impl FnOnce(&mut Sink<'_>) -> R,
    ) -> (u32, R) {
        let end = |(ip, port): (&str, u16)| (ip.parse::<IpAddr>().unwrap(), port);
        let (key, side) = Key::new(end(from), end(to), 17);
        self.frame += 1;
        let at = Moment {
            at: FrameRef {
                input: 0,
                frame: self.frame,
            },
            time: Timestamp::from_nanos(self.frame.into()),
        };
        let slot = slot.unwrap_or_else(|| self.table.open(key, 0, at).0);
        let flow = self.table.flow(slot).unwrap();
        let mut sink = Sink::new(
            flow,
            &mut self.ledger,
            (at, 0),
            Ends {
                side,
                sender: end(from),
                receiver: end(to),
            },
            None,
        );
        sink.carries(Carries::Undecided);
        (slot, read(&mut sink))
    }

    /// A new flow; what its first datagram carries.
    fn open(&mut self, from: (&str, u16), to: (&str, u16), bytes: &[u8]) -> (Reading, Carries) {
        let (slot, session) = self.with(None, from, to, |sink| {
            let mut session = continued(bytes, sink).unwrap_or_else(|| {
                sink.flow.facts.protocol = Some(QUIC.id);
                (QUIC.open)()
            });
            session.read(bytes, sink);
            (session, *sink.flow.carries.of(sink.ends.side))
        });
        (
            Reading {
                slot,
                session: session.0,
            },
            session.1,
        )
    }

    /// A further datagram; what it carries.
    fn next(
        &mut self,
        reading: &mut Reading,
        from: (&str, u16),
        to: (&str, u16),
        bytes: &[u8],
    ) -> Carries {
        let session = &mut reading.session;
        self.with(Some(reading.slot), from, to, |sink| {
            session.read(bytes, sink);
            *sink.flow.carries.of(sink.ends.side)
        })
        .1
    }

    fn flow(&mut self, reading: &Reading) -> &crate::observe::flow::Flow {
        self.table.flow(reading.slot).unwrap()
    }

    fn names(&mut self, reading: &Reading) -> Vec<(String, u64)> {
        let names = &self.flow(reading).facts.names;
        assert!(
            names
                .iter()
                .all(|said| said.named.source == NameSource::QuicSni)
        );
        names
            .iter()
            .map(|said| (said.named.name.to_string(), said.at.at.frame))
            .collect()
    }
}

const SEED: &[u8] = &[0x83, 0x94, 0xc8, 0xf0, 0x3e, 0x51, 0x57, 0x08];
const SERVER_ID: &[u8] = &[0xf0, 0x67, 0xa5, 0x50, 0x2a, 0x42, 0x62, 0xb5];

fn from_client(version: u32, number: u64) -> Initial<'static> {
    Initial {
        version,
        seed: SEED,
        sender: Sender::Client,
        destination_id: SEED,
        source_id: &[],
        token: &[],
        number,
    }
}

fn from_server(version: u32) -> Initial<'static> {
    Initial {
        sender: Sender::Server,
        destination_id: &[],
        source_id: SERVER_ID,
        ..from_client(version, 0)
    }
}

/// A CRYPTO frame with a part of a handshake.
fn crypto(kind: u8, handshake: &[u8], from: usize, to: usize) -> Vec<u8> {
    let mut frame = vec![kind];
    for number in [from, to - from] {
        frame.extend((u16::try_from(number).unwrap() | 0x4000).to_be_bytes());
    }
    frame.extend(&handshake[from..to]);
    frame
}

fn whole(handshake: &[u8]) -> Vec<u8> {
    crypto(6, handshake, 0, handshake.len())
}

fn named(name: &str, frame: u64) -> (String, u64) {
    (name.to_owned(), frame)
}

#[test]
fn hello_over_two_packets_in_any_order() {
    let mut series = Series::default();
    // The name is in the second packet, which comes first and has its pieces last first.
    let message = hello("one.example", "h3", 1500);
    let len = message.len();
    let pieces = [
        crypto(6, &message, len - 40, len),
        vec![0, 1],
        crypto(6, &message, 900, len - 30),
    ]
    .concat();
    let second = from_client(1, 1).seal(&pieces, 1250);
    let (mut reading, carries) = series.open(CLIENT, SERVER, &second);
    assert_eq!(
        (carries, series.names(&reading)),
        (Carries::Handshake, vec![]),
        "one of a handshake that began earlier"
    );
    // Behind the first one stands something that is no packet.
    let mut first = from_client(1, 0).seal(&crypto(6, &message, 0, 1000), 1200);
    first.extend(b"\x3fgarbage");
    series.next(&mut reading, CLIENT, SERVER, &first);
    assert_eq!(series.names(&reading), [named("one.example", 2)]);
    // Sent again, it is nothing new.
    series.next(&mut reading, CLIENT, SERVER, &first);
    series.next(&mut reading, CLIENT, SERVER, &second);
    let flow = series.flow(&reading);
    assert!(flow.facts.names.len() == 1 && !flow.facts.conflict && !flow.joined_late);
    let client = Key::new(
        ("192.168.1.9".parse().unwrap(), 50_000),
        ("203.0.113.5".parse().unwrap(), 8443),
        17,
    )
    .1;
    assert_eq!(flow.opened_by, Some((client, Opening::Request)));
    // A Handshake packet is none, 0-RTT and short headers are application data.
    let behind = |first: u8| [&[first], &hex("00000001 00 00 4020")[..], &[9; 32]].concat();
    for (first, carries) in [(0xe0, Carries::Handshake), (0xd0, Carries::Application)] {
        assert_eq!(
            series.next(&mut reading, CLIENT, SERVER, &behind(first)),
            carries
        );
    }
    let short = [0x45; 40];
    assert_eq!(
        series.next(&mut reading, CLIENT, SERVER, &short),
        Carries::Application
    );
    assert!(series.ledger.gaps.iter().next().is_none());
}

#[test]
fn a_hello_to_a_relay_of_which_a_part_is_missing_is_told_when_it_is_over() {
    let message = hello("one.example", "h3", 1500);
    let parts = [(0, 1000), (900, message.len())];
    let finished = [&[0xe0][..], &hex("00000001 00 00 4020"), &[9; 32]].concat();
    let gaps = |server: (&str, u16), came: &[usize]| {
        let mut series = Series::default();
        let part = |at: usize| {
            let (from, to) = parts[at];
            from_client(1, at as u64).seal(&crypto(6, &message, from, to), 1200)
        };
        let (mut reading, _) = series.open(CLIENT, server, &part(came[0]));
        for at in &came[1..] {
            series.next(&mut reading, CLIENT, server, &part(*at));
        }
        let gaps = |series: &Series| series.ledger.gaps.iter().count();
        assert_eq!(gaps(&series), 0);
        for _ in 0..2 {
            series.next(&mut reading, CLIENT, server, &finished);
        }
        gaps(&series)
    };
    let relay = ("192.168.1.1", 8443);
    assert_eq!(gaps(relay, &[1]), 1);
    assert_eq!(gaps(SERVER, &[1]), 0);
    assert_eq!(gaps(relay, &[1, 0]), 0);
}

#[test]
fn all_versions() {
    for version in [
        1,
        0x6b33_43cf,
        0x709a_50c4,
        0xff00_0016,
        0xff00_001b,
        0xff00_0020,
        0xff00_0022,
        0xface_b002,
        0xface_b001,
    ] {
        let mut series = Series::default();
        let datagram = from_client(version, 3).seal(&whole(&hello("v.example", "h3", 0)), 1200);
        let (reading, _) = series.open(CLIENT, SERVER, &datagram);
        assert_eq!(
            series.names(&reading),
            [named("v.example", 1)],
            "{version:08x}"
        );
    }
    for (version, message) in [
        (version::Q050, gquic::build::hello(b"v.example", 700)),
        (version::T050, hello("v.example", "h3-T050", 0)),
        (version::T051, hello("v.example", "h3-T051", 0)),
    ] {
        let mut series = Series::default();
        let frame = crypto(8, &message, 0, message.len());
        let datagram = from_client(version, 1).seal(&frame, 1200);
        let (reading, _) = series.open(CLIENT, SERVER, &datagram);
        assert_eq!(
            series.names(&reading),
            [named("v.example", 1)],
            "{version:08x}"
        );
    }
}

#[test]
fn google_versions_in_clear() {
    for header in [
        "0d 0102030405060708 51303433 01",
        "c3 51303436 50 0102030405060708 00000001",
    ] {
        let mut series = Series::default();
        let message = gquic::build::hello(b"g.example", 900);
        let mut frames = hex("a0 01");
        frames.extend(u16::try_from(message.len()).unwrap().to_be_bytes());
        frames.extend(&message);
        let sent = gquic::build::packet(&hex(header), &frames, b"Client");
        let (mut reading, carries) = series.open(CLIENT, SERVER, &sent);
        assert_eq!(carries, Carries::Handshake);
        assert_eq!(series.names(&reading), [named("g.example", 1)]);
        // The answer has no version; what is encrypted has no checksum.
        let answer = gquic::build::packet(&hex("08 0102030405060708 01"), b"\x07", b"Server");
        assert_eq!(
            series.next(&mut reading, SERVER, CLIENT, &answer),
            Carries::Handshake
        );
        let data = [&hex("08 0102030405060708 02")[..], &[0x5a; 60]].concat();
        assert_eq!(
            series.next(&mut reading, CLIENT, SERVER, &data),
            Carries::Application
        );
        // From another port the id is the same.
        let moved = (CLIENT.0, 50_001);
        let (reading, carries) = series.open(moved, SERVER, &data);
        assert_eq!(carries, Carries::Application);
        assert_eq!(series.names(&reading), [named("g.example", 1)]);
    }
}

#[test]
fn retry_and_change_of_version_change_the_keys() {
    let mut series = Series::default();
    let message = |name: &str| whole(&hello(name, "h3", 0));
    let (mut reading, _) = series.open(
        CLIENT,
        SERVER,
        &from_client(1, 0).seal(&message("a.example"), 1200),
    );
    // RFC 9001 A.4; the client comes again under the id that the Retry gave.
    let retry = hex("ff000000010008f067a5502a4262b5746f6b656e04a265ba2eff4d829058fb3f0f2496ba");
    assert_eq!(
        series.next(&mut reading, SERVER, CLIENT, &retry),
        Carries::Handshake
    );
    let again = Initial {
        seed: SERVER_ID,
        destination_id: SERVER_ID,
        token: b"token",
        ..from_client(1, 1)
    };
    series.next(
        &mut reading,
        CLIENT,
        SERVER,
        &again.seal(&message("b.example"), 1200),
    );
    // The server answers in version 2 under an id of its own, and the client follows (RFC 9368 §2.3).
    let answer = Initial {
        seed: SERVER_ID,
        source_id: &[0xa1, 0xb2, 0xc3, 0xd4, 0xe5, 0xf6, 0x17, 0x28],
        ..from_server(0x6b33_43cf)
    };
    series.next(&mut reading, SERVER, CLIENT, &answer.seal(&[1], 100));
    let moved = Initial {
        version: 0x6b33_43cf,
        destination_id: answer.source_id,
        number: 2,
        ..again
    };
    series.next(
        &mut reading,
        CLIENT,
        SERVER,
        &moved.seal(&message("c.example"), 1200),
    );
    // Version Negotiation: the client begins anew in another version, under the same id and with another hello.
    let versions = hex("80 00000000 00 08 8394c8f03e515708 ff00001d 1a2a3a4a");
    assert_eq!(
        series.next(&mut reading, SERVER, CLIENT, &versions),
        Carries::Handshake
    );
    series.next(
        &mut reading,
        CLIENT,
        SERVER,
        &from_client(0xff00_001d, 0).seal(&message("d.example"), 1200),
    );
    let expected = [
        named("a.example", 1),
        named("b.example", 3),
        named("c.example", 5),
        named("d.example", 7),
    ];
    assert_eq!(series.names(&reading), expected);
    assert!(!series.flow(&reading).facts.conflict && series.ledger.gaps.iter().next().is_none());
}

#[test]
fn what_does_not_open_is_no_evidence() {
    let mut series = Series::default();
    let sealed = from_client(1, 0).seal(&whole(&hello("a.example", "doq", 0)), 1200);
    let mut forged = sealed.clone();
    forged[700] ^= 1;
    let (mut reading, carries) = series.open(CLIENT, SERVER, &forged);
    series.next(&mut reading, CLIENT, SERVER, &sealed[..900]);
    assert_eq!(
        (carries, series.names(&reading)),
        (Carries::Handshake, vec![])
    );
    assert_eq!(series.flow(&reading).opened_by, None);
    assert_eq!(series.flow(&reading).facts.hidden, None);
    for _ in 0..2 * UNOPENED_MAX {
        series.next(&mut reading, CLIENT, SERVER, &forged);
    }
    assert!(series.ledger.gaps.iter().next().is_some());
}

#[test]
fn copies_that_differ_are_both_named() {
    let mut series = Series::default();
    let [a, b] = ["a.example", "b.example"].map(|name| whole(&hello(name, "h3", 0)));
    let (mut reading, _) = series.open(CLIENT, SERVER, &from_client(1, 0).seal(&a, 1200));
    assert!(!series.flow(&reading).facts.conflict);
    series.next(
        &mut reading,
        CLIENT,
        SERVER,
        &from_client(1, 0).seal(&b, 1200),
    );
    assert_eq!(
        series.names(&reading),
        [named("a.example", 1), named("b.example", 2)]
    );
    assert!(series.flow(&reading).facts.conflict);
}

#[test]
fn dns_over_quic_by_port_or_protocol() {
    for (server, alpn) in [
        ((SERVER.0, 853), "h3"),
        (SERVER, "doq"),
        (SERVER, "doq-i11"),
    ] {
        let mut series = Series::default();
        let datagram = from_client(1, 0).seal(&whole(&hello("dns.example", alpn, 0)), 1200);
        let (reading, _) = series.open(CLIENT, server, &datagram);
        let facts = &series.flow(&reading).facts;
        assert_eq!(
            (facts.protocol, &facts.relay),
            (Some("doq"), &Some(Relay::Lookup))
        );
        assert!(facts.hidden.is_some());
    }
}

#[test]
fn a_connection_goes_on_elsewhere() {
    let mut series = Series::default();
    let message = hello("a.example", "h3", 0);
    let (mut reading, _) = series.open(
        CLIENT,
        SERVER,
        &from_client(1, 0).seal(&whole(&message), 1200),
    );
    let data = [&[0x41], SERVER_ID, &[0x77; 30]].concat();
    let other_port = (CLIENT.0, 50_001);
    // Before the server's packet opened, its id is a rumour.
    let mut forged = from_server(1).seal(&[1], 100);
    forged[60] ^= 1;
    series.next(&mut reading, SERVER, CLIENT, &forged);
    let (early, _) = series.open(other_port, SERVER, &data);
    assert_eq!(series.names(&early), []);
    series.next(
        &mut reading,
        SERVER,
        CLIENT,
        &from_server(1).seal(&[1], 100),
    );
    let (late, carries) = series.open((CLIENT.0, 50_002), SERVER, &data);
    assert_eq!(carries, Carries::Application);
    assert_eq!(series.names(&late), [named("a.example", 1)]);
    assert!(series.flow(&late).opened_by.is_some());
    // Both ends are others: by chance, or somebody's trick.
    let (strange, _) = series.open(("192.168.1.10", 1), ("203.0.113.6", 443), &data);
    assert_eq!(series.names(&strange), []);
}

#[test]
fn a_flow_that_begins_with_the_handshake_was_joined_late() {
    let mut series = Series::default();
    let handshake = [&hex("e0 00000001 00 00 4020")[..], &[9; 32]].concat();
    let (reading, _) = series.open(SERVER, CLIENT, &handshake);
    assert!(series.flow(&reading).joined_late);
}

#[test]
fn unfinished_handshakes_are_bounded_and_noise_is_borne() {
    let mut series = Series::default();
    let message = hello("a.example", "h3", 0);
    let half = crypto(6, &message, 0, 30);
    let ids: Vec<[u8; 8]> = (0..=u8::try_from(CONNECTIONS_MAX).unwrap())
        .map(|n| [n, 1, 2, 3, 4, 5, 6, 7])
        .collect();
    let sealed: Vec<Vec<u8>> = ids
        .iter()
        .map(|id| {
            let packet = Initial {
                seed: id,
                destination_id: id,
                ..from_client(1, 0)
            };
            packet.seal(&half, 1200)
        })
        .collect();
    let (mut reading, _) = series.open(CLIENT, SERVER, &sealed[0]);
    for datagram in &sealed[1..CONNECTIONS_MAX] {
        series.next(&mut reading, CLIENT, SERVER, datagram);
    }
    assert!(series.ledger.gaps.iter().next().is_none());
    series.next(&mut reading, CLIENT, SERVER, &sealed[CONNECTIONS_MAX]);
    assert!(series.ledger.gaps.iter().next().is_some());
    let mut noise = Noise(41);
    for _ in 0..2_000 {
        let mut datagram = noise.damage(&sealed[0]);
        datagram.extend(noise.bytes(40));
        series.next(&mut reading, SERVER, CLIENT, &datagram);
        series.next(&mut reading, CLIENT, SERVER, &datagram);
    }
    assert_eq!(series.names(&reading), []);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// However a hello is cut into frames, scattered over packets, shuffled and repeated, the same is read of it.
    #[test]
    fn any_pieces_in_any_order_say_the_same(
        pieces in proptest::collection::vec((0usize..1500, 1usize..400), 0..12),
        order in proptest::collection::vec(any::<u64>(), 60),
        per_packet in 1usize..5,
    ) {
        let message = hello("cut.example", "h3", 1300);
        let rest = (0..message.len()).step_by(193).map(|at| (at, 193));
        let mut all: Vec<(u64, Vec<u8>)> = pieces
            .into_iter()
            .chain(rest)
            .zip(&order)
            .map(|((at, len), order)| {
                let from = at.min(message.len() - 1);
                let to = (from + len).min(message.len());
                (*order, crypto(6, &message, from, to))
            })
            .collect();
        all.sort_unstable();
        let frames: Vec<Vec<u8>> = all.into_iter().map(|(_, frame)| frame).collect();
        let mut packets = frames
            .chunks(per_packet)
            .zip(0..)
            .map(|(frames, number)| from_client(1, number).seal(&frames.concat(), 1200));
        let mut series = Series::default();
        let (mut reading, _) = series.open(CLIENT, SERVER, &packets.next().unwrap());
        for packet in packets {
            series.next(&mut reading, CLIENT, SERVER, &packet);
        }
        let names: Vec<String> = series.names(&reading).into_iter().map(|(n, _)| n).collect();
        prop_assert_eq!(names, ["cut.example"]);
        let facts = &series.flow(&reading).facts;
        prop_assert!(facts.ja4.len() == 1 && facts.ja4[0].starts_with("q12d0103h3_"));
        prop_assert!(!facts.conflict && series.ledger.gaps.iter().next().is_none());
    }
}
