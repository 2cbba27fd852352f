//! IP fragment reassembly (RFC 791 §3.2, RFC 8200 §4.5), bounded in datagrams, bytes and time.
//!
//! Ours and not etherparse's: that pool has no bound, needs strictly parsed packets and lets the
//! last copy win. Receivers differ in which copy of a byte they take (RFC 5722 has the datagram thrown
//! away, and not all do): here each is taken in turn, and every reading of the datagram is handed on
//! (see [`rivals`]). Fragments that never become whole are handed back, so that each is still counted
//! for the addresses it carries; those that come again behind their datagram (mirror ports, captures
//! on all interfaces) are known by it (see [`past`]).

mod past;
mod rivals;

use super::{Datagram, Fragment, reassembled};
use crate::ground::moment::{Moment, Timestamp};
use crate::ground::work::looks_at;
use past::Past;
use rivals::Rivals;
pub use rivals::Variant;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::ops::Bound;
use std::sync::Arc;

/// Datagrams waiting at a time: an honest capture has a handful.
const WAITING_MAX: usize = 256;
/// Bytes waiting at a time over all datagrams.
const BYTES_MAX: usize = 4 << 20;
/// Fragments of one datagram: a datagram of 64 KiB on a link with the smallest IPv4 MTU (RFC 791
/// §3.2, 68 bytes) has 1366; with the number of datagrams this bounds memory to some 40 MB.
const PIECES_MAX: usize = 1536;
/// The largest IPv4 datagram (RFC 791 §3.1).
const DATAGRAM_MAX: usize = 65_535;
/// RFC 8200 §4.5: reassembly is given up after 60 seconds.
const LIFETIME: i64 = 60 * Timestamp::SECOND;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct DatagramId {
    source: IpAddr,
    destination: IpAddr,
    /// Of IPv6 none: there the first fragment alone says it (RFC 8200 §4.5).
    protocol: Option<u8>,
    id: u32,
}

/// A fragment that was seen: what has to be counted for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece {
    /// Its frame.
    pub moment: Moment,
    /// The interval it fell in.
    pub interval: u32,
    /// Its frame is accounted where the datagram goes.
    pub accounted: bool,
    /// Bytes of options that its sender chose.
    pub chosen: usize,
    /// Its destination is the last hop of a source route.
    pub routed: bool,
}

impl Piece {
    /// A piece of a packet whose frame is accounted elsewhere.
    pub fn uncounted(moment: Moment, interval: u32) -> Self {
        Self {
            moment,
            interval,
            accounted: false,
            chosen: 0,
            routed: false,
        }
    }
}

#[derive(Debug)]
struct Waiting {
    born: u64,
    since: Timestamp,
    /// Offset to bytes; ranges never overlap.
    parts: BTreeMap<usize, Vec<u8>>,
    /// Payload bytes on the wire, known from the fragment without "more".
    whole: Option<usize>,
    /// By the fragment at the start, else by the one seen first.
    protocol: u8,
    pieces: Vec<Piece>,
    hop_limit: u8,
    id: Option<u16>,
    /// Fragments of which some bytes were there already, and were others.
    rivals: Rivals,
    /// A datagram of the same key that was whole not long ago: what waits may be rival copies of its fragments.
    before: Option<Before>,
}

/// A datagram that was whole, and the copies of its fragments that differed.
type Before = (Arc<Vec<u8>>, Arc<Rivals>);

/// A datagram put together, or given up.
#[derive(Debug)]
pub struct Joined {
    /// Source address.
    pub source: IpAddr,
    /// Destination address.
    pub destination: IpAddr,
    /// Protocol of the payload.
    pub protocol: u8,
    /// Identification field of IPv4.
    pub id: Option<u16>,
    /// Time to live or hop limit of the first fragment seen.
    pub hop_limit: u8,
    /// The payload from its start up to the first missing byte, of the copies that came first.
    pub payload: Arc<Vec<u8>>,
    /// Payload bytes on the wire.
    pub wire_len: usize,
    /// Every fragment, in the order of arrival.
    pub pieces: Vec<Piece>,
    /// True when it was thrown out to keep within bounds, not because its time was over.
    pub evicted: bool,
    /// False when fragments are missing.
    pub complete: bool,
    /// Fragments that came again behind their datagram, which is handed on again with them: they say nothing new.
    pub repeated: bool,
    /// What the datagram reads where other copies are taken.
    pub rivals: Vec<Variant>,
    /// There were more copies that differ than are read in every way.
    pub folded: bool,
    copies: Arc<Rivals>,
    before: Option<Before>,
    parts: BTreeMap<usize, Vec<u8>>,
}

impl Joined {
    /// A reading as a datagram, behind the headers that were fragmented with it.
    pub fn reading<'a>(&self, protocol: u8, payload: &'a [u8], wire_len: usize) -> Datagram<'a> {
        reassembled(Datagram {
            source: self.source,
            destination: self.destination,
            routed: false,
            over: None,
            hop_limit: self.hop_limit,
            protocol,
            payload,
            wire_len,
            fragment: None,
            id: self.id,
            unsegmented: false,
            chosen: 0,
        })
    }

    /// What it reads of the copies that came first.
    pub fn first(&self) -> Datagram<'_> {
        self.reading(self.protocol, &self.payload, self.wire_len)
    }

    /// What the datagram of the same key that was whole before reads with these fragments in place of its own.
    pub fn with_past(&self) -> Vec<Variant> {
        let Some((before, copies)) = &self.before else {
            return Vec::new();
        };
        let parts = self.parts.iter().map(|(at, part)| (*at, &**part, None));
        let others = copies.each().chain(parts).chain(self.copies.each());
        rivals::readings(before, others, self.protocol).0
    }
}

/// Fragments waiting for the rest of their datagram.
#[derive(Debug, Default)]
pub struct Fragments {
    waiting: BTreeMap<DatagramId, Waiting>,
    /// Those that wait, in the order in which they began to.
    order: BTreeMap<u64, DatagramId>,
    /// And by the time of their first fragment; clocks go back.
    ages: BTreeSet<(Timestamp, u64)>,
    past: Past,
    bytes: usize,
    births: u64,
}

impl Fragments {
    /// Takes a fragment; returns what became whole or had to be given up by it.
    pub fn add(
        &mut self,
        datagram: &Datagram<'_>,
        fragment: Fragment,
        piece: Piece,
    ) -> Vec<Joined> {
        looks_at(datagram.payload.len());
        let mut out = self.expire(piece.moment.time);
        let key = DatagramId {
            source: datagram.source,
            destination: datagram.destination,
            protocol: datagram.source.is_ipv4().then_some(datagram.protocol),
            id: fragment.id,
        };
        let mut before = None;
        if !self.waiting.contains_key(&key)
            && let Some(past) = self.past.of(&key, piece.moment.time)
        {
            before = Some((Arc::clone(&past.payload), Arc::clone(&past.copies)));
            if past.repeats(datagram, fragment) {
                out.push(Joined {
                    protocol: past.protocol,
                    wire_len: past.payload.len(),
                    payload: Arc::clone(&past.payload),
                    repeated: true,
                    complete: true,
                    ..Joined::empty(key, datagram.id, datagram.hop_limit, vec![piece])
                });
                return out;
            }
        }
        while self.waiting.len() >= WAITING_MAX || self.bytes > BYTES_MAX {
            let oldest = self.order.first_key_value().map(|(_, key)| *key);
            match oldest.and_then(|k| self.take(k)) {
                Some(mut given_up) => {
                    given_up.evicted = true;
                    out.push(given_up);
                }
                None => break,
            }
        }
        if !self.waiting.contains_key(&key) {
            self.births += 1;
            self.order.insert(self.births, key);
            self.ages.insert((piece.moment.time, self.births));
        }
        let waiting = self.waiting.entry(key).or_insert_with(|| Waiting {
            born: self.births,
            since: piece.moment.time,
            parts: BTreeMap::new(),
            whole: None,
            protocol: datagram.protocol,
            pieces: Vec::new(),
            hop_limit: datagram.hop_limit,
            id: datagram.id,
            rivals: Rivals::default(),
            before,
        });
        waiting.pieces.push(piece);
        if !fragment.more {
            waiting
                .whole
                .get_or_insert(fragment.offset + datagram.wire_len);
        }
        if fragment.offset + datagram.payload.len() <= DATAGRAM_MAX {
            self.bytes += waiting.insert(fragment.offset, datagram.payload, datagram.protocol);
        }
        let complete = waiting.complete();
        if complete || waiting.pieces.len() >= PIECES_MAX {
            let joined = self.take(key).map(|joined| Joined {
                evicted: !complete,
                ..joined
            });
            if let (true, Some(joined)) = (complete, &joined) {
                let payload = Arc::clone(&joined.payload);
                let copies = Arc::clone(&joined.copies);
                self.past
                    .keep(key, payload, copies, joined.protocol, piece.moment.time);
            }
            out.extend(joined);
        }
        out
    }

    /// Gives up everything that still waits.
    pub fn finish(&mut self) -> Vec<Joined> {
        let keys: Vec<DatagramId> = self.waiting.keys().copied().collect();
        keys.into_iter().filter_map(|k| self.take(k)).collect()
    }

    fn expire(&mut self, now: Timestamp) -> Vec<Joined> {
        let aged = |since: Timestamp| now.since(since).is_some_and(|age| age > LIFETIME);
        // What came at no known time stands before all others, and is never too old.
        let known = (
            Bound::Excluded((Timestamp::UNKNOWN, u64::MAX)),
            Bound::Unbounded,
        );
        let old = self.ages.range(known).take_while(|(since, _)| aged(*since));
        let mut old: Vec<DatagramId> = old
            .filter_map(|(_, born)| self.order.get(born).copied())
            .collect();
        looks_at(old.len());
        old.sort_unstable();
        old.into_iter().filter_map(|k| self.take(k)).collect()
    }

    fn take(&mut self, key: DatagramId) -> Option<Joined> {
        let mut waiting = self.waiting.remove(&key)?;
        self.order.remove(&waiting.born);
        self.ages.remove(&(waiting.since, waiting.born));
        let held: usize = waiting.parts.values().map(Vec::len).sum();
        let held = held + waiting.rivals.held();
        self.bytes = self.bytes.saturating_sub(held);
        let complete = waiting.complete();
        let end = waiting
            .parts
            .iter()
            .next_back()
            .map_or(0, |(at, part)| at + part.len());
        let wire_len = waiting.whole.unwrap_or(end).max(end);
        let mut payload = Vec::new();
        for (at, part) in &waiting.parts {
            if *at != payload.len() {
                break;
            }
            payload.extend_from_slice(part);
        }
        looks_at(payload.len());
        let (rivals, folded) = waiting.rivals.readings(&payload, waiting.protocol);
        let before = waiting.before.take();
        let again = |(before, _): &Before| {
            let mut parts = waiting.parts.iter();
            parts.all(|(at, part)| before.get(*at..at + part.len()) == Some(&**part))
        };
        let repeated = !complete && rivals.is_empty() && before.as_ref().is_some_and(again);
        let mut joined = Joined {
            protocol: waiting.protocol,
            payload: Arc::new(payload),
            wire_len,
            complete,
            repeated,
            rivals,
            folded,
            copies: Arc::new(waiting.rivals),
            ..Joined::empty(key, waiting.id, waiting.hop_limit, waiting.pieces)
        };
        match before {
            Some((whole, _)) if repeated => {
                joined.wire_len = whole.len();
                joined.payload = whole;
            }
            before => {
                joined.parts = match before {
                    Some(_) => waiting.parts,
                    None => BTreeMap::new(),
                };
                joined.before = before;
            }
        }
        Some(joined)
    }
}

impl Joined {
    fn empty(key: DatagramId, id: Option<u16>, hop_limit: u8, pieces: Vec<Piece>) -> Self {
        Self {
            source: key.source,
            destination: key.destination,
            protocol: 0,
            id,
            hop_limit,
            payload: Arc::default(),
            wire_len: 0,
            pieces,
            evicted: false,
            complete: false,
            repeated: false,
            rivals: Vec::new(),
            folded: false,
            copies: Arc::default(),
            before: None,
            parts: BTreeMap::new(),
        }
    }
}

impl Waiting {
    /// Adds the bytes of a fragment that are not there yet, and the whole of it if others of its bytes differ; returns how many bytes
    /// are held for it.
    fn insert(&mut self, start: usize, bytes: &[u8], protocol: u8) -> usize {
        let end = start + bytes.len();
        let mut added = 0;
        let mut at = start;
        let begun = self.parts.contains_key(&0);
        let mut differs = start == 0 && begun && protocol != self.protocol;
        if start == 0 && !begun {
            self.protocol = protocol;
        }
        while at < end {
            // The part that begins at or before `at`, if it reaches beyond it.
            if let Some((have, part)) = self.parts.range(..=at).next_back()
                && have + part.len() > at
            {
                let reach = (have + part.len()).min(end);
                differs |=
                    part.get(at - have..reach - have) != bytes.get(at - start..reach - start);
                at = have + part.len();
                continue;
            }
            let stop = self
                .parts
                .range(at..end)
                .next()
                .map_or(end, |(next, _)| *next);
            let Some(fresh) = bytes.get(at - start..stop - start) else {
                break;
            };
            added += fresh.len();
            self.parts.insert(at, fresh.to_vec());
            at = stop;
        }
        if differs {
            added += self.rivals.add(start, bytes, protocol);
        }
        added
    }

    fn complete(&self) -> bool {
        let Some(whole) = self.whole else {
            return false;
        };
        looks_at(self.parts.len());
        let mut at = 0;
        for (start, part) in &self.parts {
            if *start > at {
                return false;
            }
            at = at.max(start + part.len());
        }
        at >= whole
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ground::moment::FrameRef;
    use proptest::prelude::*;

    fn piece(n: u64) -> Piece {
        Piece {
            moment: Moment {
                time: Timestamp::from_nanos(i128::from(n)),
                at: FrameRef { input: 0, frame: n },
            },
            interval: 0,
            accounted: true,
            chosen: 0,
            routed: false,
        }
    }

    /// Fragments of one datagram, one a second: offset, more, bytes, protocol. Every reading of each that came out, and what it was.
    fn fed(source: &str, fragments: &[(usize, bool, &str, u8)]) -> Vec<Joined> {
        let mut pool = Fragments::default();
        let mut out = vec![];
        for (n, (offset, more, bytes, protocol)) in fragments.iter().enumerate() {
            let datagram = Datagram {
                source: source.parse().unwrap(),
                destination: source.parse().unwrap(),
                routed: false,
                over: None,
                hop_limit: 64,
                protocol: *protocol,
                payload: bytes.as_bytes(),
                wire_len: bytes.len(),
                fragment: None,
                id: None,
                unsegmented: false,
                chosen: 0,
            };
            let fragment = Fragment {
                id: 7,
                offset: *offset,
                more: *more,
            };
            let mut at = piece(n as u64 + 1);
            at.moment.time = Timestamp::from_nanos((n as i128) * 1_000_000_000);
            out.extend(pool.add(&datagram, fragment, at));
        }
        out.extend(pool.finish());
        assert_eq!(pool.bytes, 0);
        let counted: usize = out.iter().map(|j| j.pieces.len()).sum();
        assert_eq!(counted, fragments.len(), "each is counted once");
        out
    }

    fn text(bytes: &[u8]) -> &str {
        std::str::from_utf8(bytes).unwrap()
    }

    fn rivals(joined: &Joined) -> Vec<&str> {
        joined.rivals.iter().map(|r| text(&r.payload)).collect()
    }

    #[test]
    fn each_copy_of_a_fragment_is_read() {
        for source in ["10.0.0.1", "fd00::1"] {
            let copies = [
                (0, true, "aaaaaaaa", 17),
                (0, true, "AAAAAAAA", 17),
                (8, true, "bbbbbbbb", 17),
                (8, true, "BBBBBBBB", 17),
                (0, true, "aaaaaaaa", 17),
                (16, false, "c", 17),
            ];
            let [joined] = &fed(source, &copies)[..] else {
                panic!("one datagram");
            };
            assert_eq!(text(&joined.payload), "aaaaaaaabbbbbbbbc");
            let others = [
                "AAAAAAAAbbbbbbbbc",
                "aaaaaaaaBBBBBBBBc",
                "AAAAAAAABBBBBBBBc",
            ];
            assert_eq!(rivals(joined), others);
            assert!(joined.complete && !joined.folded);

            // One that reaches over two others.
            let over = [
                (0, true, "aaaaaaaa", 17),
                (16, false, "cccc", 17),
                (0, true, "AAAAAAAABBBBBBBBCC", 17),
            ];
            let [joined] = &fed(source, &over)[..] else {
                panic!("one datagram");
            };
            assert_eq!(text(&joined.payload), "aaaaaaaaBBBBBBBBcccc");
            assert_eq!(rivals(joined), ["AAAAAAAABBBBBBBBCCcc"]);
        }
    }

    #[test]
    fn more_copies_than_are_combined_are_told() {
        let copies: Vec<String> = (0..20u8)
            .map(|n| char::from(b'a' + n).to_string().repeat(8))
            .collect();
        let mut fragments: Vec<_> = copies.iter().map(|c| (0, true, c.as_str(), 17)).collect();
        fragments.push((8, false, "z", 17));
        let [joined] = &fed("10.0.0.1", &fragments)[..] else {
            panic!("one datagram");
        };
        assert!(joined.folded && joined.rivals.len() == rivals::RIVALS_MAX);
        fragments.drain(3..20);
        let [joined] = &fed("10.0.0.1", &fragments)[..] else {
            panic!("one datagram");
        };
        assert!(!joined.folded && joined.rivals.len() == 2);
    }

    #[test]
    fn copies_behind_the_datagram_are_known_by_it() {
        let (one, two) = ((0, true, "aaaaaaaa", 17), (8, false, "bb", 17));
        let twice = fed("10.0.0.1", &[one, one, two, two]);
        assert_eq!(twice.len(), 2);
        assert!(twice[1].repeated && twice.iter().all(|j| j.complete));
        let again = fed("10.0.0.1", &[one, two, one, two]);
        assert_eq!(again.iter().filter(|j| j.repeated).count(), 2);

        // Rival copies: one alone, which says something in place of the first; both, which are a datagram of their own and may have
        // been meant to be read with the fragments before.
        let (other, last) = ((0, true, "AAAAAAAA", 17), (8, false, "BB", 17));
        let late = fed("10.0.0.1", &[one, two, other]);
        assert!(!late[1].complete && !late[1].repeated);
        let with_past = |j: &Joined| -> Vec<String> {
            j.with_past()
                .iter()
                .map(|r| text(&r.payload).to_owned())
                .collect()
        };
        assert_eq!(with_past(&late[1]), ["AAAAAAAAbb"]);
        let both = fed("10.0.0.1", &[one, last, other, two]);
        assert!(both.len() == 2 && both[1].complete);
        assert_eq!(text(&both[1].payload), "AAAAAAAAbb");
        assert_eq!(
            with_past(&both[1]),
            ["AAAAAAAABB", "aaaaaaaabb", "AAAAAAAAbb"]
        );

        // A sender that does not number them: more of the same are datagrams.
        let flood: Vec<_> = std::iter::repeat_n([one, two], 12).flatten().collect();
        let flood = fed("10.0.0.1", &flood);
        assert_eq!(flood.iter().filter(|j| !j.repeated).count(), 3);
        // And after the time-out.
        let mut later = vec![one, two];
        later.extend(std::iter::repeat_n((0, true, "cccccccc", 17), 12));
        assert!(
            fed("10.0.0.1", &later)
                .last()
                .is_some_and(|j| !j.complete && !j.repeated)
        );
    }

    #[test]
    fn the_first_fragment_says_what_an_ipv6_datagram_holds() {
        let parts = [(8, false, "bb", 6), (0, true, "aaaaaaaa", 17)];
        let [joined] = &fed("fd00::1", &parts)[..] else {
            panic!("one datagram");
        };
        assert_eq!((joined.protocol, joined.complete), (17, true));
        let two_first = [
            (0, true, "aaaaaaaa", 17),
            (0, true, "aaaaaaaa", 6),
            (8, false, "bb", 17),
        ];
        let [joined] = &fed("fd00::1", &two_first)[..] else {
            panic!("one datagram");
        };
        assert_eq!(joined.rivals[0].protocol, 6);
        assert_eq!(
            fed("10.0.0.1", &parts).len(),
            2,
            "IPv4 numbers each protocol alone"
        );
    }

    proptest! {
        /// Whatever the cuts, the order and the repeats: the datagram comes out once, whole, and
        /// every fragment is counted once.
        #[test]
        fn any_fragmentation_gives_the_datagram_back(
            data in proptest::collection::vec(any::<u8>(), 1..3000),
            sizes in proptest::collection::vec(1usize..40, 1..40),
            seed in any::<u64>(),
        ) {
            let mut cuts = vec![];
            let mut at = 0;
            for size in sizes.iter().cycle() {
                let end = (at + size * 8).min(data.len());
                cuts.push((at, end));
                at = end;
                if at == data.len() { break; }
            }
            // A seeded shuffle, and every third fragment twice.
            let mut order: Vec<usize> = (0..cuts.len()).flat_map(|i| std::iter::repeat_n(i, 1 + usize::from(i % 3 == 0))).collect();
            let mut state = seed | 1;
            for i in (1..order.len()).rev() {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                order.swap(i, (state >> 33) as usize % (i + 1));
            }
            let mut pool = Fragments::default();
            let mut joined = vec![];
            for (n, &i) in order.iter().enumerate() {
                let (from, to) = cuts[i];
                let datagram = Datagram {
                    source: "10.0.0.1".parse().unwrap(),
                    destination: "10.0.0.2".parse().unwrap(),
                    routed: false,
                    over: None,
                    hop_limit: 64,
                    protocol: 17,
                    payload: &data[from..to],
                    wire_len: to - from,
                    fragment: None,
                    id: Some(7),
                    unsegmented: false,
                    chosen: 0,
                };
                let fragment = Fragment { id: 7, offset: from, more: to < data.len() };
                joined.extend(pool.add(&datagram, fragment, piece(n as u64 + 1)));
            }
            joined.extend(pool.finish());
            let counted: usize = joined.iter().map(|j| j.pieces.len()).sum();
            prop_assert_eq!(counted, order.len());
            let whole: Vec<_> = joined.iter().filter(|j| !j.repeated).collect();
            prop_assert_eq!(whole.len(), 1);
            prop_assert!(joined.iter().all(|j| j.complete && j.rivals.is_empty()));
            prop_assert_eq!(&*whole[0].payload, &data);
            prop_assert_eq!(pool.bytes, 0);
        }
    }
    #[test]
    fn the_oldest_give_way_when_pieces_or_bytes_are_too_many() {
        let bytes = vec![7; 60_000];
        let datagram = |length: usize| Datagram {
            source: [10, 0, 0, 1].into(),
            destination: [10, 0, 0, 2].into(),
            routed: false,
            over: None,
            hop_limit: 64,
            protocol: 17,
            payload: bytes.get(..length).unwrap(),
            wire_len: length,
            fragment: None,
            id: None,
            unsegmented: false,
            chosen: 0,
        };
        let fragment = |id, offset| Fragment {
            id,
            offset,
            more: true,
        };
        // Of one datagram: the same fragment over and over.
        let mut pool = Fragments::default();
        let given_up = (1..=PIECES_MAX).find_map(|n| {
            let out = pool.add(&datagram(8), fragment(7, 0), piece(n as u64));
            out.into_iter().next().map(|joined| (n, joined))
        });
        let (n, joined) = given_up.unwrap();
        assert_eq!((n, joined.pieces.len()), (PIECES_MAX, PIECES_MAX));
        assert!(joined.evicted && !joined.complete && pool.bytes == 0);
        // Of all: long ones that are never complete.
        let mut pool = Fragments::default();
        let mut most = 0;
        let given_up = (0..100).find_map(|n| {
            let out = pool.add(&datagram(60_000), fragment(n, 0), piece(n.into()));
            most = most.max(pool.bytes);
            out.into_iter().next()
        });
        assert!(given_up.is_some_and(|joined| joined.evicted && joined.pieces.len() == 1));
        assert!(most <= BYTES_MAX + 60_000, "{most}");
    }
}
