//! Keys, spans and what dissectors say of a flow, by hand.

use super::*;
use crate::ground::moment::{FrameRef, Timestamp};
use std::collections::BTreeSet;
use std::hash::DefaultHasher;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn at(frame: u64) -> Moment {
    Moment {
        time: Timestamp::UNKNOWN,
        at: FrameRef { input: 0, frame },
    }
}

#[test]
fn a_key_is_the_same_both_ways_and_folds_to_the_near_end() {
    let (low, high) = (ip("10.0.0.1"), ip("10.0.0.2"));
    let (key, out) = Key::new((low, 443), (high, 5), 6);
    assert_eq!((key, out), (Key::new((high, 5), (low, 443), 6).0, Side::A));
    assert_eq!(Key::new((high, 5), (low, 443), 6).1, Side::B);
    // Of one address the port decides; who sends to itself is the first end.
    for (from, to, side) in [(5, 6, Side::A), (6, 5, Side::B), (5, 5, Side::A)] {
        assert_eq!(Key::new((low, from), (low, to), 6).1, side);
    }
    let none = ip("0.0.0.0");
    for (near, ends) in [
        (Some(Side::A), [low, none]),
        (Some(Side::B), [none, high]),
        (None, [none, none]),
    ] {
        let folded = key.folded(near);
        assert_eq!(Side::BOTH.map(|side| folded.ip(side)), ends);
        assert_eq!(Side::BOTH.map(|side| folded.port(side)), [0, 0]);
    }
}

/// Keys of one port or one half of an address would else fall into one place of a table.
#[test]
fn all_that_tells_keys_apart_goes_into_their_hash() {
    let keys = [
        ("10.0.0.1", 1, "10.0.0.9", 2, 6),
        ("10.0.0.2", 1, "10.0.0.9", 2, 6),
        ("10.0.0.1", 1, "10.0.0.8", 2, 6),
        ("10.0.0.1", 3, "10.0.0.9", 2, 6),
        ("10.0.0.1", 1, "10.0.0.9", 3, 6),
        ("10.0.0.1", 1, "10.0.0.9", 2, 17),
        ("2001:db8::1", 1, "2001:db8::9", 2, 6),
        ("2001:db7::1", 1, "2001:db8::9", 2, 6),
        ("2001:db8::1", 1, "2001:db9::9", 2, 6),
        ("2001:db8::1", 1, "2001:db8::9", 3, 6),
    ];
    let hash = |(from, own, to, other, protocol)| {
        let mut state = DefaultHasher::new();
        let (key, _) = Key::new((ip(from), own), (ip(to), other), protocol);
        key.hash(&mut state);
        state.finish()
    };
    let hashes: BTreeSet<u64> = keys.into_iter().map(hash).collect();
    assert_eq!(hashes.len(), keys.len());
}

#[test]
fn of_a_flow_that_is_over_the_payload_was_read_or_not_and_the_handshakes_answered_or_not() {
    let over = |application, bytes, read, spared, back| {
        let mut span = Span::new(0, at(1));
        let sent = span.sent(Side::A);
        (sent.application, sent.bytes, sent.spared) = (application, bytes, spared);
        span.sent(Side::B).bytes = back;
        span.read.a = read;
        let sent = span.over().sent.a;
        (sent.unread, sent.spared, sent.answered)
    };
    // Where the application spoke, what protocols took for themselves no longer counts.
    assert_eq!(over(true, 100, 30, 7, 1), (70, 0, 0));
    assert_eq!(over(true, 30, 100, 7, 1), (0, 0, 0));
    assert_eq!(over(false, 100, 30, 7, 1), (0, 7, 1));
    assert_eq!(over(false, 100, 30, 7, 0), (0, 7, 0));
    assert_eq!(over(false, 100, 30, 0, 1), (0, 0, 0));
}

#[test]
fn a_flow_counts_where_it_was_opened_or_brought_payload_or_was_quoted() {
    for (opened, [a, b], counts) in [
        (false, [(0, 0), (0, 0)], false),
        (true, [(0, 0), (0, 0)], true),
        (false, [(1, 0), (0, 0)], true),
        (false, [(0, 0), (1, 0)], true),
        (false, [(0, 1), (0, 0)], true),
        (false, [(0, 0), (0, 1)], true),
    ] {
        let mut span = Span::new(0, at(1));
        span.opened = opened;
        for (side, (bytes, quoted)) in [(Side::A, a), (Side::B, b)] {
            let sent = span.sent(side);
            (sent.packets, sent.bytes, sent.quoted) = (1, bytes, quoted);
        }
        assert_eq!(span.counts(), counts, "{opened} {a:?} {b:?}");
    }
}

#[test]
fn what_is_asked_for_in_dns_was_not_said_on_the_connection() {
    let asserted = NameSource::ALL.iter().filter(|source| source.asserted());
    assert_eq!(asserted.count(), NameSource::ALL.len() - 3);
    assert!(!NameSource::Dns.asserted() && NameSource::Xmpp.asserted());
}

#[test]
fn looked_up_names_have_a_bound_and_those_that_accuse_a_wider_one() {
    let name = |n: usize| Arc::from(format!("{n}.example"));
    let mut full = Facts::NOTHING;
    for n in 0..LOOKUPS_MAX {
        assert_eq!(full.public_lookup.a, n > 3);
        full.looked_up(Side::A, &name(n), n == 3, |_| false);
    }
    // One that is known takes no place.
    full.looked_up(Side::A, &name(0), false, |_| false);
    assert_eq!(
        (full.lookups.len(), full.names_folded),
        (LOOKUPS_MAX, false)
    );
    let mut more = full.clone();
    more.looked_up(Side::A, &name(LOOKUPS_MAX), false, |_| false);
    assert_eq!((more.lookups.len(), more.names_folded), (LOOKUPS_MAX, true));
    for n in LOOKUPS_MAX..2 * LOOKUPS_MAX {
        full.looked_up(Side::A, &name(n), false, |_| true);
    }
    let most = 2 * LOOKUPS_MAX;
    assert_eq!((full.lookups.len(), full.names_folded), (most, false));
    full.looked_up(Side::A, &name(most), false, |_| true);
    assert_eq!((full.lookups.len(), full.names_folded), (most, true));
}

#[test]
fn the_first_fingerprints_are_kept_each_once() {
    let mut facts = Facts::NOTHING;
    facts.fingerprint(None);
    for n in 0..JA4_MAX + 2 {
        for _ in 0..2 {
            facts.fingerprint(Some(format!("hello {n}")));
        }
    }
    let first: Vec<Arc<str>> = (0..JA4_MAX).map(|n| format!("hello {n}").into()).collect();
    assert_eq!(facts.ja4, first);
}

#[test]
fn a_name_is_kept_by_who_said_it_with_the_first_frame() {
    use NameSource::{Certificate, TlsSni};
    let mut facts = Facts::NOTHING;
    for (frame, asker, name, source) in [
        (1, Side::A, "a.example", TlsSni),
        (2, Side::A, "b.example", TlsSni),
        (3, Side::A, "a.example", Certificate),
        (4, Side::A, "a.example", TlsSni),
        (5, Side::A, "b.example", TlsSni),
        (6, Side::B, "b.example", TlsSni),
    ] {
        facts.name(asker, name, source, at(frame));
    }
    let said = facts.names.iter();
    let frames: Vec<u64> = said.map(|said| said.at.at.frame).collect();
    assert_eq!(frames, [1, 2, 3, 6]);
    assert!(!facts.names_folded);
}

#[test]
fn names_of_a_flow_have_a_bound_and_those_that_accuse_a_wider_one() {
    let mut full = Facts::NOTHING;
    let add = |facts: &mut Facts, n: usize, accuses: bool| {
        let name = format!("{n}.example");
        facts.name_of_rank(Side::A, &name, NameSource::Certificate, at(1), |_| accuses);
        (facts.names.len(), facts.names_folded)
    };
    for n in 0..NAMES_MAX {
        assert_eq!(add(&mut full, n, false), (n + 1, false));
    }
    // One that is known takes no place.
    assert_eq!(add(&mut full, 0, true), (NAMES_MAX, false));
    assert_eq!(add(&mut full.clone(), NAMES_MAX, false), (NAMES_MAX, true));
    for n in NAMES_MAX..2 * NAMES_MAX {
        assert_eq!(add(&mut full, n, true), (n + 1, true));
    }
    let most = 2 * NAMES_MAX;
    assert_eq!(add(&mut full, most, true), (most, true));
}

#[test]
fn the_first_packet_says_the_link_addresses_and_another_that_they_are_mixed() {
    let mac = |last| Some(Mac([0, 0, 0, 0, 0, last]));
    for (source, target, mixed) in [
        (mac(1), mac(2), false),
        (mac(3), mac(2), true),
        (mac(1), mac(3), true),
        (mac(1), None, true),
    ] {
        let mut facts = LinkFacts::default();
        note_link(&mut facts, mac(1), mac(2), true);
        note_link(&mut facts, source, target, false);
        let expected = LinkFacts {
            source: mac(1),
            target: mac(2),
            mixed,
            ..LinkFacts::default()
        };
        assert_eq!(facts, expected);
    }
}
