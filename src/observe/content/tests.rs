//! Whole conversations: what is found, where, in which packet, and how much was read.

use super::{Framing, Payload, Policy, Slot};
use crate::evidence::content::{Kind, TrafficPart};
use crate::evidence::flow::{Key, Side};
use crate::evidence::ledger::{Ends, Ledger};
use crate::ground::budget::Budget;
use crate::ground::moment::Moment;
use crate::ground::protocol;
use crate::observe::dissect::reading::Readings;
use crate::observe::dissect::wire::test_bytes::hex;
use crate::observe::dissect::{DATAGRAMS, STREAMS, Sink};
use crate::observe::flow::part::{Lent, Loan};
use crate::observe::flow::table::Table;
use crate::observe::open::keylog::Keylog;
use std::sync::Arc;

/// A client at 192.168.2.20 and what its payload is taken for.
pub(super) struct Talk {
    table: Table,
    slot: u32,
    content: Slot,
    readings: Readings,
    ledger: Ledger,
    side: Side,
    next: u32,
    at: Moment,
    read: u64,
}

impl Talk {
    /// One whose TLS is opened with these secrets.
    fn keyed(server: &str, keys: &Arc<Keylog>) -> Self {
        Self {
            readings: Readings::with(keys),
            ..Self::tcp(server, None)
        }
    }

    fn new(server: &str, number: u8, what: Option<&'static str>) -> Self {
        let server: std::net::SocketAddr = server.parse().expect("an address");
        let (key, side) = Key::new(
            ([192, 168, 2, 20].into(), 40001),
            (server.ip(), server.port()),
            number,
        );
        let mut table = Table::default();
        let (slot, _) = table.open(key, 0, Moment::NONE);
        let flow = table.flow(slot).expect("open");
        let rows = STREAMS.iter().chain(DATAGRAMS);
        if let Some(row) = rows.into_iter().find(|row| Some(row.id) == what) {
            flow.speaks(row.id, row.payload);
        }
        let content = Slot::new(&key, Policy::Revealed, &Budget::default());
        flow.heard = content.hears();
        Self {
            content,
            table,
            slot,
            readings: Readings::default(),
            ledger: Ledger::default(),
            side,
            next: 77,
            at: Moment::NONE,
            read: 0,
        }
    }

    /// The server says this.
    fn hear(&mut self, sequence: u32, bytes: &[u8]) {
        self.at.at.frame += 1;
        let flow = self.table.flow(self.slot).expect("open");
        let end = |side: Side| (flow.key.ip(side), flow.key.port(side));
        let side = self.side.other();
        let ends = Ends {
            side,
            sender: end(side),
            receiver: end(self.side),
        };
        let mut sink = Sink::new(flow, &mut self.ledger, (self.at, 0), ends, None);
        self.readings
            .segment(self.slot, sequence, None, bytes, &mut sink);
    }

    pub(super) fn tcp(server: &str, what: Option<&'static str>) -> Self {
        Self::new(server, protocol::TCP, what)
    }

    fn say(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        let bytes = bytes.as_ref();
        self.at.at.frame += 1;
        let payload = Payload {
            bytes,
            side: self.side,
            at: self.at,
            interval: 0,
        };
        let mut credits = Vec::new();
        let flow = self.table.flow(self.slot).expect("open");
        let tcp = flow.key.protocol() == protocol::TCP;
        if tcp {
            let end = |side: Side| (flow.key.ip(side), flow.key.port(side));
            let ends = Ends {
                side: self.side,
                sender: end(self.side),
                receiver: end(self.side.other()),
            };
            let mut sink = Sink::new(flow, &mut self.ledger, (self.at, 0), ends, None);
            self.readings
                .segment(self.slot, self.next, None, bytes, &mut sink);
        }
        let mut framing = Framing::default();
        if tcp {
            framing.labels = flow.take_labels(self.side);
            let reading = self.readings.get(self.slot);
            framing.undecided = reading.and_then(|reading| reading.undecided(self.side));
        }
        if let Slot::On(watch) = &mut self.content {
            if tcp {
                watch.segment(payload, self.next, None, flow, framing, &mut credits);
            } else {
                watch.datagram(payload, TrafficPart::UdpPayload, flow, &mut credits);
            }
        }
        flow.heard = self.content.hears();
        self.next = self.next.wrapping_add(bytes.len() as u32);
        self.read += credits.iter().map(|c| c.bytes).sum::<u64>();
        self
    }

    pub(super) fn pieces(&mut self, bytes: &[u8], size: usize) -> &mut Self {
        for piece in bytes.chunks(size) {
            self.say(piece);
        }
        self
    }

    /// Ends the flow: kinds with their places and frames, and the bytes read.
    fn end(&mut self) -> (Vec<(Kind, TrafficPart, u64)>, u64) {
        let mut credits = Vec::new();
        let flow = self.table.flow(self.slot).expect("open");
        let (ledger, at, side) = (&mut self.ledger, self.at, self.side);
        self.readings.end(self.slot, |of, read| {
            let end = |side: Side| (flow.key.ip(side), flow.key.port(side));
            let ends = Ends {
                side: of,
                sender: end(of),
                receiver: end(of.other()),
            };
            read(&mut Sink::new(flow, ledger, (at, 0), ends, None));
        });
        let Slot::On(mut watch) = std::mem::take(&mut self.content) else {
            return (Vec::new(), 0);
        };
        let labels = flow.take_labels(side);
        watch.end(side, flow, labels, (self.at, 0), &mut credits);
        self.read += credits.iter().map(|c| c.bytes).sum::<u64>();
        let hits = watch.hits().iter();
        (
            hits.map(|h| (h.kind, h.place.part, h.first.at.frame))
                .collect(),
            self.read,
        )
    }

    pub(super) fn kinds(&mut self) -> (Vec<Kind>, u64) {
        let (hits, read) = self.end();
        (hits.into_iter().map(|h| h.0).collect(), read)
    }
}

const SERVER: &str = "47.88.2.11:80";
const REPORT: &str =
    r#"{"email":"pilot.jones@example.org","latitude":38.897676,"longitude":-77.036529}"#;
const BOTH: [Kind; 2] = [Kind::Position, Kind::Email];

fn post(fields: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "POST /report HTTP/1.1\r\nHost: a.example\r\n{fields}Content-Length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

fn sealed(count: usize) -> Vec<u8> {
    crate::observe::dissect::wire::test_bytes::Noise(77).bytes(count)
}

#[test]
fn requests_on_one_connection_in_any_pieces() {
    let chunked = b"POST /c HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n16\r\n{\"imei\":\"4901542032375\r\n5\r\n18\"}\n\r\n0\r\n\r\n";
    let login = b"GET /w?lat=48.13712&lng=11.57540 HTTP/1.1\r\nAuthorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n\r\n";
    let bytes = [
        post("", REPORT.as_bytes()),
        login.to_vec(),
        chunked.to_vec(),
        post("", &sealed(900)),
        post("Content-Encoding: br\r\n", REPORT.as_bytes()),
    ]
    .concat();
    for size in [1, 2, 13, 100, 1460, 100_000] {
        let (kinds, read) = Talk::tcp(SERVER, Some("http")).pieces(&bytes, size).kinds();
        let all = [
            Kind::Position,
            Kind::Email,
            Kind::Position,
            Kind::Credential,
            Kind::Imei,
        ];
        assert_eq!(kinds, all, "{size}");
        assert_eq!(read as usize, bytes.len() - 900 - REPORT.len(), "{size}");
    }
}

#[test]
fn the_frame_is_the_one_that_completes_it() {
    let request = post("", REPORT.as_bytes());
    let (head, body) = request.split_at(request.len() - REPORT.len());
    let mut talk = Talk::tcp(SERVER, Some("http"));
    talk.say(head).pieces(body, 40);
    let (hits, _) = talk.end();
    let at = |needle: &str| 2 + (REPORT.find(needle).unwrap_or(0) + needle.len() - 1) as u64 / 40;
    assert_eq!(
        hits,
        [
            (Kind::Position, TrafficPart::HttpBody, at("-77.036529")),
            (
                Kind::Email,
                TrafficPart::HttpBody,
                at("pilot.jones@example.org")
            )
        ]
    );
}

#[test]
fn what_is_behind_a_hole_is_read_anew() {
    let mut talk = Talk::tcp(SERVER, Some("http"));
    let first = post("", &[b'a'; 500]);
    talk.say(first.get(..200).unwrap_or_default());
    talk.next += 400;
    talk.say(post("", REPORT.as_bytes()));
    let (kinds, _) = talk.kinds();
    assert_eq!(kinds, BOTH);
}

#[test]
fn forms_with_files() {
    let photo = super::jpeg::samples::jpeg(&super::exif::samples::gps(), 4000);
    let mut body = b"--x\r\nContent-Disposition: form-data; name=\"device_sn\"\r\n\r\n1ZNBJ1900C00GU\r\n--x\r\n".to_vec();
    body.extend(b"Content-Disposition: form-data; name=\"file\"; filename=\"DJI_0001.JPG\"\r\nContent-Type: image/jpeg\r\n\r\n");
    body.extend(&photo);
    body.extend(sealed(3000));
    body.extend(b"\r\n--x--\r\n");
    let bytes = post("Content-Type: multipart/form-data; boundary=x\r\n", &body);
    for size in [100, 1460] {
        let (kinds, _) = Talk::tcp(SERVER, Some("http")).pieces(&bytes, size).kinds();
        assert_eq!(kinds, [Kind::SerialNumber, Kind::Image, Kind::Position]);
    }
}

#[test]
fn web_sockets_masked_and_packed() {
    use std::io::Write as _;
    let upgrade =
        "GET /ws HTTP/1.1\r\nHost: a.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
    let frame = |first: u8, payload: &[u8]| {
        let mask = [0x37, 0xfa, 0x21, 0x3d];
        let length = payload.len() as u8;
        assert!(length < 126);
        let masked = payload.iter().zip(mask.iter().cycle()).map(|(b, m)| b ^ m);
        [&[first, 0x80 | length][..], &mask]
            .concat()
            .into_iter()
            .chain(masked)
            .collect::<Vec<u8>>()
    };
    // RFC 7692 §7.2.3.2: two messages that share a window.
    let mut encoder =
        flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
    let mut packed = |text: &str| {
        encoder
            .write_all(text.as_bytes())
            .and_then(|()| encoder.flush())
            .expect("in memory");
        let mut out = std::mem::take(encoder.get_mut());
        out.truncate(out.len() - 4);
        out
    };
    let (one, two) = (
        packed(REPORT),
        packed(&REPORT.replace("38.897676", "37.123456")),
    );
    let half = REPORT.len() / 2;
    let bytes = [
        upgrade.as_bytes(),
        &frame(0x01, REPORT.get(..half).unwrap_or_default().as_bytes()),
        &frame(0x89, b"ping"),
        &frame(0x80, REPORT.get(half..).unwrap_or_default().as_bytes()),
        &frame(0xc1, &one),
        &frame(0xc1, &two),
        &frame(0x82, &sealed(100)),
    ]
    .concat();
    for size in [1, 50, 5000] {
        let (hits, read) = Talk::tcp(SERVER, Some("http")).pieces(&bytes, size).end();
        let kinds: Vec<Kind> = hits.iter().map(|h| h.0).collect();
        assert_eq!(
            kinds,
            [Kind::Position, Kind::Email, Kind::Position],
            "{size}"
        );
        assert_eq!(read as usize, bytes.len() - 100);
    }
}

#[test]
fn mqtt_logins_and_publications() {
    // CONNECT with client id a, user pilot, password secret1; PUBLISH with topic t.
    let connect = hex("10 1d 0004 4d515454 04 c2 003c 0001 61 0005 70696c6f74 0007 73656372657431");
    let body = [&[0, 1, b't'][..], REPORT.as_bytes()].concat();
    let publish = [&[0x30, body.len() as u8][..], &body].concat();
    for size in [1, 30, 500] {
        let bytes = [connect.clone(), publish.clone()].concat();
        let (kinds, read) = Talk::tcp("47.88.2.11:1883", Some("mqtt"))
            .pieces(&bytes, size)
            .kinds();
        assert_eq!(
            kinds,
            [Kind::Credential, Kind::Position, Kind::Email],
            "{size}"
        );
        assert_eq!(read as usize, bytes.len(), "{size}");
    }
}

#[test]
fn http2_streams_interleaved() {
    use crate::observe::dissect::http1::HTTP2_PREFACE;
    let frame = |kind: u8, flags: u8, stream: u8, body: &[u8]| {
        [
            &[0, 0, body.len() as u8, kind, flags, 0, 0, 0, stream][..],
            body,
        ]
        .concat()
    };
    let (half, rest) = REPORT.split_at(40);
    // RFC 7541 C.3.1, then the path as a literal that is not indexed.
    let path = b"/w?imei=490154203237518";
    let fields = [&hex("82 86 04")[..], &[path.len() as u8], path].concat();
    let padded = [&[3][..], rest.as_bytes(), &[0; 3]].concat();
    let bytes = [
        HTTP2_PREFACE,
        &frame(4, 0, 0, &[]),
        &frame(1, 4, 1, &fields),
        &frame(0, 0, 1, half.as_bytes()),
        &frame(0, 1, 3, &sealed(100)),
        &frame(0, 9, 1, &padded),
    ]
    .concat();
    for size in [1, 40, 5000] {
        let (kinds, read) = Talk::tcp(SERVER, Some("http2"))
            .pieces(&bytes, size)
            .kinds();
        assert_eq!(kinds, [Kind::Imei, Kind::Position, Kind::Email], "{size}");
        assert_eq!(read as usize, bytes.len() - 100, "{size}");
    }
}

/// What is said in turn, and whether by the client.
type Wire = Vec<(bool, Vec<u8>)>;

/// Sessions of every version and suite that is opened: their key logs, and what is on the wire, in turn.
fn sessions() -> Vec<(String, String, Wire)> {
    let text = include_str!(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/fixtures/open/tls.txt"
    ));
    let mut out = Vec::new();
    for line in text.lines() {
        let (word, rest) = line.split_once(' ').expect("a word");
        match (word, out.last_mut()) {
            ("case", _) => out.push((rest.to_owned(), String::new(), Vec::new())),
            ("c", Some((_, _, wire))) => wire.push((true, hex(rest))),
            ("s", Some((_, _, wire))) => wire.push((false, hex(rest))),
            (_, Some((_, log, _))) => log.push_str(&format!("{line}\n")),
            _ => panic!("no session"),
        }
    }
    out
}

/// What is read of a session's client in segments of `size`, of which the one with the number `lost` is missing; and of how many bytes.
fn opened(log: &str, wire: &[(bool, Vec<u8>)], size: usize, lost: usize) -> (u64, u64, usize) {
    let mut keys = Keylog::default();
    keys.read(&mut log.as_bytes()).expect("in memory");
    let mut talk = Talk::keyed("47.88.2.11:443", &Arc::new(keys));
    let (mut heard, mut all, mut segments) = (5000u32, 0u64, 0usize);
    for (client, bytes) in wire {
        for piece in bytes.chunks(size) {
            if !*client {
                talk.hear(heard, piece);
                heard = heard.wrapping_add(piece.len() as u32);
                continue;
            }
            all += piece.len() as u64;
            segments += 1;
            if segments == lost {
                talk.next = talk.next.wrapping_add(piece.len() as u32);
            } else {
                talk.say(piece);
            }
        }
    }
    (talk.end().1, all, segments)
}

#[test]
fn what_tls_holds_is_read_to_the_last_byte_in_any_segments() {
    for (title, log, wire) in sessions() {
        // The hello is counted as a handshake, where packets are.
        let (_, hello) = &wire[0];
        for size in [97, 1400] {
            let (read, all, segments) = opened(&log, &wire, size, usize::MAX);
            assert_eq!(read, all - hello.len() as u64, "{title}, {size}");
            for lost in (1..=segments).step_by(if size < 1000 { 37 } else { 1 }) {
                let (read, ..) = opened(&log, &wire, size, lost);
                assert!(read < all, "{title}, {size}, without {lost}");
            }
        }
        let (read, all, _) = opened("", &wire, 1400, usize::MAX);
        assert_eq!(read, 0, "{title}, without keys");
        let half: String = log
            .lines()
            .take(1)
            .map(|line| format!("{line}\n"))
            .collect();
        let (read, ..) = opened(&half, &wire, 1400, usize::MAX);
        assert!(read <= all);
    }
}

proptest::proptest! {
    /// Bytes that come late, twice, or in other pieces are read once; what is found is the same.
    #[test]
    fn any_order_and_any_copies_of_segments_count_once(
        cuts in proptest::collection::vec(1usize..90, 1..60),
        moves in proptest::collection::vec((0usize..60, 0usize..5), 0..20),
    ) {
        let bytes = [
            post("", REPORT.as_bytes()),
            b"POST /c HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n16\r\n{\"imei\":\"4901542032375\r\n5\r\n18\"}\n\r\n0\r\n\r\n".to_vec(),
            post("", &sealed(200)),
            b"GET /ws HTTP/1.1\r\nUpgrade: websocket\r\n\r\n\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58".to_vec(),
        ]
        .concat();
        let mut segments = Vec::new();
        let (mut at, mut cuts) = (0, cuts.into_iter().cycle());
        while at < bytes.len() {
            let end = (at + cuts.next().expect("endless")).min(bytes.len());
            segments.push((at, end));
            at = end;
        }
        for (from, by) in moves {
            let from = from % segments.len();
            let to = (from + by).min(segments.len() - 1);
            // The first byte stays first: what begins in the middle may be read otherwise.
            if from > 0 {
                segments.swap(from, to);
                let copy = segments[to];
                segments.insert(to, copy);
            }
        }
        let mut talk = Talk::tcp(SERVER, None);
        let start = talk.next;
        for (from, end) in segments {
            talk.next = start.wrapping_add(from as u32);
            talk.say(&bytes[from..end]);
        }
        let (mut kinds, read) = talk.kinds();
        kinds.sort_unstable();
        kinds.dedup();
        let mut all = vec![Kind::Position, Kind::Email, Kind::Imei];
        all.sort_unstable();
        proptest::prop_assert_eq!(kinds, all);
        proptest::prop_assert_eq!(read as usize, bytes.len() - 200);
    }
}

#[test]
fn plain_streams_and_logins() {
    let mut talk = Talk::tcp("47.88.2.11:21", None);
    talk.say("USER pilot\r\n")
        .say("PASS geh")
        .say("eim\r\n")
        .say("CWD logs\r\n");
    assert_eq!(
        talk.end(),
        (vec![(Kind::Credential, TrafficPart::TcpPayload, 3)], 35)
    );
    let mut talk = Talk::tcp("47.88.2.11:9000", None);
    talk.pieces(&sealed(20_000), 1460);
    assert_eq!(talk.end(), (vec![], 0));
    // A greeting, then TLS: nothing behind it is read.
    let mut talk = Talk::tcp("47.88.2.11:25", None);
    talk.say("EHLO a.example\r\n")
        .say("STARTTLS\r\n")
        .say(hex("16 0301 0005 01 000001 00"))
        .say(sealed(100));
    assert_eq!(talk.end().1, 26);
}

#[test]
fn datagrams() {
    let mut talk = Talk::new("47.88.2.11:514", protocol::UDP, None);
    talk.say("$GPGGA,123519,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,*47")
        .say(sealed(500));
    assert_eq!(
        talk.end(),
        (vec![(Kind::Position, TrafficPart::UdpPayload, 1)], 65)
    );
    let sps = hex("67 64 00 28 ac d9 40 78 02 27 e5");
    let mut talk = Talk::new("47.88.2.11:5004", protocol::UDP, None);
    talk.say([hex("80 60 0001 00000001 12345678"), sps.clone()].concat());
    talk.say([hex("80 60 0300 00000001 12345678"), sps].concat());
    assert_eq!(talk.kinds().0, [Kind::Video]);
    let mut talk = Talk::new("47.88.2.11:443", protocol::UDP, Some("quic"));
    talk.say(REPORT);
    assert_eq!(talk.end(), (vec![], 0));
}

#[test]
fn within_the_site_only_requests_to_a_relay() {
    // A request to a proxy on the site goes on to the internet; a video link does not.
    let mut talk = Talk::tcp("192.168.2.254:8080", None);
    talk.pieces(&post("", REPORT.as_bytes()), 7);
    assert_eq!(talk.kinds().0, BOTH);
    let mut talk = Talk::tcp("192.168.2.1:9003", None);
    talk.pieces(&[sealed(3000), REPORT.as_bytes().to_vec()].concat(), 1000);
    assert_eq!(talk.end(), (vec![], 0));
    let talk = Talk::new("192.168.2.1:9003", protocol::UDP, None);
    assert!(matches!(talk.content, Slot::Off));
}

#[test]
fn streams_beyond_those_looked_into_at_a_time_give_way() {
    let (first, rest) = REPORT.split_at(24);
    for (others, kinds) in [(200, 2), (300, 1)] {
        let mut talk = Talk::new("47.88.2.11:443", protocol::UDP, None);
        let loan = |stream: u64, number: usize, bytes: &str| Loan {
            side: talk.side,
            stream: (0, stream),
            begin: 0,
            number: number as u32,
            bytes: bytes.into(),
            labels: Vec::new(),
            undecided: None,
            over: false,
        };
        let mut streams = vec![loan(0, 0, first)];
        streams.extend((1..=others).map(|n| loan(n, 0, "a=b")));
        streams.push(loan(0, 24, rest));
        let Slot::On(watch) = &mut talk.content else {
            panic!("a flow to a server is watched");
        };
        let flow = talk.table.flow(talk.slot).expect("open");
        let (lent, when) = (Lent { marks: 0, streams }, (Moment::NONE, 0));
        watch.lend(talk.side, lent, flow, when, &mut Vec::new());
        let (found, _) = talk.kinds();
        assert_eq!(found.len(), kinds, "{others}: {found:?}");
    }
}

#[test]
fn damaged_traffic_is_survived() {
    let good = [
        post("Content-Encoding: gzip\r\n", &sealed(50)),
        post("", REPORT.as_bytes()),
        b"GET /ws HTTP/1.1\r\nUpgrade: websocket\r\n\r\n\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58".to_vec(),
    ]
    .concat();
    let mut noise = crate::observe::dissect::wire::test_bytes::Noise(31);
    for _ in 0..300 {
        let bytes = noise.damage(&good);
        let size = 1 + noise.below(400);
        let (_, read) = Talk::tcp(SERVER, Some("http")).pieces(&bytes, size).end();
        assert!(read as usize <= bytes.len());
        let (_, read) = Talk::tcp(SERVER, Some("mqtt")).pieces(&bytes, size).end();
        assert!(read as usize <= bytes.len());
    }
}

/// Hits with their counts, and bytes unread.
type Told = (Vec<(Kind, String, u64)>, u64);

/// What is known of a fixture's only destination: hits, and bytes unread, inside the window or before it.
fn judged(name: &str, window: std::ops::Range<i64>) -> [Told; 2] {
    use crate::evidence::Devices;
    use crate::ground::interval::{Bound, Schedule, WindowSpec};
    use crate::judge::classify::catalog::Catalog;
    use crate::judge::classify::subject::Subject;
    use crate::judge::classify::{Basis, rows};
    use crate::observe::session::{Settings, read};
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/labelled");
    let settings = Settings {
        schedule: Schedule::of(&[WindowSpec {
            start: Bound::After(window.start),
            end: Bound::After(window.end),
        }]),
        local: Vec::new(),
        sidecars: Default::default(),
        means: Default::default(),
        observer: None,
        devices: Devices::default(),
        time_gap: 60_000_000_000,
        hash: false,
        one_row_per_flow: None,
        content: Policy::Masked,
        accuses: std::sync::Arc::new(|_, _, _| false),
        names: Default::default(),
        wifi: Default::default(),
        keylog: Default::default(),
    };
    let source = crate::observe::capture::Source::File(path.join(name));
    let evidence = read(&[source], &settings).expect("a capture");
    let locator = crate::judge::locate::Locator::embedded().expect("the database");
    let judged = rows::judge(&Basis {
        evidence: &evidence,
        catalog: Catalog::embedded(),
        locator: &locator,
        local: &[],
        devices: &settings.devices,
        subject: &Subject::new(&[]),
    });
    let [destination] = judged
        .destinations
        .iter()
        .filter(|d| !d.key.lookups_only)
        .collect::<Vec<_>>()[..]
    else {
        panic!("one destination");
    };
    let inside = evidence.intervals.within(&evidence.intervals.windows()[0]);
    let of = |inside: &dyn Fn(u32) -> bool| {
        let hits = destination.content_in(inside);
        let hits = hits
            .into_iter()
            .map(|h| (h.kind, h.text, h.first.at.frame))
            .collect();
        (hits, destination.unread_out(inside))
    };
    [of(&inside), of(&|interval| !inside(interval))]
}

#[test]
fn destinations_know_what_left_and_what_could_not_be_read() {
    let found = vec![
        (Kind::Position, "about 39°N 77°W".to_owned(), 14),
        (Kind::Email, "p***@e***.org".to_owned(), 14),
        (Kind::Imei, "4***8".to_owned(), 14),
    ];
    let hour = 3_600_000_000_000;
    let clear = "claim-personal-json-clear.pcap";
    assert_eq!(judged(clear, 0..hour), [(found.clone(), 0), (vec![], 0)]);
    assert_eq!(judged(clear, hour..2 * hour), [(vec![], 0), (found, 0)]);
    let [(hits, unread), _] = judged("claim-personal-inside-tls.pcap", 0..hour);
    assert!(hits.is_empty() && unread > 0);
}
