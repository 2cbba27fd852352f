//! That bytes are not looked at again for having come in small segments: work is counted in bytes looked at, and grows with bytes and segments.

use super::conversation::Conversation;
use super::http1::HEAD_MAX;
use super::wire::test_bytes::Noise;
use super::{STREAMS, reading};
use crate::evidence::flow::Side;
use crate::evidence::ledger::Ends;
use crate::ground::work;
use crate::observe::flow::stream::Waiting;

/// Bytes looked at per byte and per segment that any stream may cost: all protocols are asked about a few bytes each, and what waits for a
/// decision is looked at by a few of them until it is settled.
const EACH: usize = 1600;

/// Steps of `work`; without a meter none, and then there is nothing to compare.
fn steps(work: impl FnOnce()) -> usize {
    work::of(work).unwrap_or(0)
}

/// A head of so many fields as fit in.
fn head(line: &str) -> Vec<u8> {
    let mut head = line.as_bytes().to_vec();
    while head.len() < HEAD_MAX - 100 {
        head.extend_from_slice(b"X-Field: some value of a field\r\n");
    }
    head.extend_from_slice(b"\r\n");
    head
}

fn streams() -> Vec<(&'static str, Vec<u8>)> {
    let long = |text: &str| [text.as_bytes(), &[b'a'; 12_000]].concat();
    let mut noise = Noise(5);
    let rtmp = [&[3][..], &[0x5a; 8000], &[0; 20_000]].concat();
    vec![
        ("http", head("GET /path HTTP/1.1\r\nHost: a.example\r\n")),
        ("http line", long("GET /path?")),
        ("http odd line", long("GET \u{80}/path?")),
        (
            "http refused",
            [
                &head("GET /path HTTP/1.1\r\n: x\r\n")[..],
                &[b'a'; HEAD_MAX],
            ]
            .concat(),
        ),
        ("rtsp", head("DESCRIBE rtsp://a.example/ RTSP/1.0\r\n")),
        ("rtsp line", long("DESCRIBE rtsp://a.example/")),
        ("sip", head("INVITE sip:b@a.example SIP/2.0\r\n")),
        ("sip line", long("INVITE sip:b@a.example")),
        (
            "smtp",
            "MAIL FROM:<a@b.example>\r\n".repeat(500).into_bytes(),
        ),
        ("smtp line", long("EHLO ")),
        ("xmpp", long("<?xml version='1.0'?><stream:stream to='")),
        ("rtmp", rtmp),
        ("text", "a line of text\n".repeat(800).into_bytes()),
        ("noise", noise.bytes(12_000)),
    ]
}

#[test]
fn any_stream_in_segments_of_any_size_costs_as_much_per_byte() {
    for (what, bytes) in streams() {
        for size in [1, 10, 1000] {
            let cost = steps(|| {
                let mut talk = Conversation::tcp("45.33.92.2:8080");
                talk.say_in_pieces(&bytes, size).end();
            });
            let units = bytes.len() + bytes.len() / size;
            assert!(
                cost <= units * EACH,
                "{what} by {size}: {} each",
                cost / units
            );
        }
    }
}

#[test]
fn an_answer_in_small_segments_is_searched_once() {
    let answer = head("HTTP/1.1 200 OK\r\n");
    let cost = steps(|| {
        let mut talk = Conversation::tcp("45.33.92.2:8080");
        talk.say("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n");
        for byte in &answer {
            talk.hear([*byte]);
        }
    });
    assert!(cost <= answer.len() * EACH, "{}", cost / answer.len());
}

#[test]
fn differing_copies_cost_no_more_than_is_read_of_them() {
    let head = &head("GET /path HTTP/1.1\r\nHost: a.example\r\n")[..16_000];
    let mut talk = Conversation::tcp("45.33.92.2:8080");
    talk.say_at(1000, 1000, head);
    let copies = 50_000;
    let cost = steps(|| {
        for copy in 0..copies {
            let at = copy % 16_000;
            talk.say_at(1000, 1000 + at, &[1]);
        }
    });
    assert!(cost <= copies as usize * EACH, "{}", cost / copies as usize);
    assert!(talk.facts().conflict);
    assert_eq!(talk.gaps(), ["limits-reached"]);
}

#[test]
fn looking_in_vain_is_left_out_and_nothing_else_is() {
    let ends = Ends {
        side: Side::A,
        sender: ([192, 168, 2, 20].into(), 40001),
        receiver: ([45, 33, 92, 2].into(), 8080),
    };
    let registry = reading::Registry::default();
    let mut noise = Noise(71);
    let starts: Vec<Vec<u8>> = streams().into_iter().map(|(_, bytes)| bytes).collect();
    for turn in 0..14 {
        let start = &starts[turn % starts.len()];
        let length = start.len().min(40 + noise.below(5000));
        let mut bytes = noise.damage(&start[..length]);
        bytes.extend(noise.bytes(200));
        let mut waiting = Waiting::default();
        for cut in 1..bytes.len().min(6000) {
            let bytes = &bytes[..cut];
            let plain = registry.stream(bytes, &ends, &mut 0);
            let ask = |bytes: &[u8], refused: &mut u64| registry.stream(bytes, &ends, refused);
            let with = reading::again(&mut waiting, bytes, ask);
            let plain = plain.map(|p| p.id).map_err(|undecided| undecided.may());
            assert_eq!(with.map(|p| p.id), plain, "{turn} {cut}");
            if plain != Err(true) {
                break;
            }
        }
    }
    assert!(STREAMS.len() <= 64, "a bit each");
}

#[test]
fn twice_the_bytes_cost_no_more_than_twice() {
    for front in ["GET /path?", "DESCRIBE rtsp://a.example/", "EHLO "] {
        let cost = |length: usize| {
            let bytes = [front.as_bytes(), &vec![b'a'; length]].concat();
            steps(|| {
                let mut talk = Conversation::tcp("45.33.92.2:8080");
                talk.say_in_pieces(&bytes, 1).end();
            })
        };
        let mut before = cost(750);
        for length in [1500, 3000, 6000] {
            let now = cost(length);
            assert!(
                now * 10 <= before * 22,
                "{front} {length}: {now} after {before}"
            );
            before = now;
        }
    }
}
