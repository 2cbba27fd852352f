//! IP fragment reassembly (RFC 791 §3.2, RFC 8200 §4.5), bounded in datagrams, bytes and time.
//!
//! Ours and not etherparse's: that pool has no bound, needs strictly parsed packets and lets the
//! last copy win. Here the first copy of a byte wins, and fragments that never become whole are
//! handed back, so that each is still counted for the addresses it carries.

use super::{Datagram, Fragment};
use crate::evidence::{Moment, Timestamp};
use std::collections::BTreeMap;
use std::net::IpAddr;

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
struct Key {
    source: IpAddr,
    destination: IpAddr,
    protocol: u8,
    id: u32,
}

/// A fragment that was seen: what has to be counted for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece {
    /// Its frame.
    pub moment: Moment,
    /// The epoch it fell in.
    pub epoch: u32,
    /// Its frame is accounted where the datagram goes.
    pub accounted: bool,
}

#[derive(Debug)]
struct Waiting {
    born: u64,
    since: Timestamp,
    /// Offset to bytes; ranges never overlap.
    parts: BTreeMap<usize, Vec<u8>>,
    /// Payload bytes on the wire, known from the fragment without "more".
    whole: Option<usize>,
    pieces: Vec<Piece>,
    hop_limit: u8,
    id: Option<u16>,
}

/// A datagram put together, or given up.
#[derive(Debug, PartialEq, Eq)]
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
    /// The payload from its start up to the first missing byte.
    pub payload: Vec<u8>,
    /// Payload bytes on the wire.
    pub wire_len: usize,
    /// Every fragment, in the order of arrival.
    pub pieces: Vec<Piece>,
    /// True when it was thrown out to keep within bounds, not because its time was over.
    pub evicted: bool,
    /// False when fragments are missing.
    pub complete: bool,
}

/// Fragments waiting for the rest of their datagram.
#[derive(Debug, Default)]
pub struct Fragments {
    waiting: BTreeMap<Key, Waiting>,
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
        let mut out = self.expire(piece.moment.time);
        let key = Key {
            source: datagram.source,
            destination: datagram.destination,
            protocol: datagram.protocol,
            id: fragment.id,
        };
        while self.waiting.len() >= WAITING_MAX || self.bytes > BYTES_MAX {
            let oldest = self
                .waiting
                .iter()
                .min_by_key(|(_, w)| w.born)
                .map(|(k, _)| *k);
            match oldest.and_then(|k| self.take(k)) {
                Some(mut given_up) => {
                    given_up.evicted = true;
                    out.push(given_up);
                }
                None => break,
            }
        }
        self.births += 1;
        let born = self.births;
        let waiting = self.waiting.entry(key).or_insert_with(|| Waiting {
            born,
            since: piece.moment.time,
            parts: BTreeMap::new(),
            whole: None,
            pieces: Vec::new(),
            hop_limit: datagram.hop_limit,
            id: datagram.id,
        });
        waiting.pieces.push(piece);
        if !fragment.more {
            waiting
                .whole
                .get_or_insert(fragment.offset + datagram.wire_len);
        }
        if fragment.offset + datagram.payload.len() <= DATAGRAM_MAX {
            self.bytes += waiting.insert(fragment.offset, datagram.payload);
        }
        let complete = waiting.complete();
        if complete || waiting.pieces.len() >= PIECES_MAX {
            out.extend(self.take(key).map(|joined| Joined {
                evicted: !complete,
                ..joined
            }));
        }
        out
    }

    /// Gives up everything that still waits.
    pub fn finish(&mut self) -> Vec<Joined> {
        let keys: Vec<Key> = self.waiting.keys().copied().collect();
        keys.into_iter().filter_map(|k| self.take(k)).collect()
    }

    fn expire(&mut self, now: Timestamp) -> Vec<Joined> {
        let old: Vec<Key> = self
            .waiting
            .iter()
            .filter(|(_, w)| now.since(w.since).is_some_and(|age| age > LIFETIME))
            .map(|(k, _)| *k)
            .collect();
        old.into_iter().filter_map(|k| self.take(k)).collect()
    }

    fn take(&mut self, key: Key) -> Option<Joined> {
        let waiting = self.waiting.remove(&key)?;
        let held: usize = waiting.parts.values().map(Vec::len).sum();
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
        Some(Joined {
            source: key.source,
            destination: key.destination,
            protocol: key.protocol,
            id: waiting.id,
            hop_limit: waiting.hop_limit,
            payload,
            wire_len,
            pieces: waiting.pieces,
            evicted: false,
            complete,
        })
    }
}

impl Waiting {
    /// Adds the bytes of a fragment that are not there yet; returns how many.
    fn insert(&mut self, start: usize, bytes: &[u8]) -> usize {
        let end = start + bytes.len();
        let mut added = 0;
        let mut at = start;
        while at < end {
            // The part that begins at or before `at`, if it reaches beyond it.
            if let Some((have, part)) = self.parts.range(..=at).next_back()
                && have + part.len() > at
            {
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
        added
    }

    fn complete(&self) -> bool {
        let Some(whole) = self.whole else {
            return false;
        };
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
#[allow(clippy::indexing_slicing, clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::evidence::FrameRef;
    use proptest::prelude::*;

    fn piece(n: u64) -> Piece {
        Piece {
            moment: Moment {
                time: Timestamp::from_nanos(i128::from(n)),
                at: FrameRef { input: 0, frame: n },
            },
            epoch: 0,
            accounted: true,
        }
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
                    hop_limit: 64,
                    protocol: 17,
                    payload: &data[from..to],
                    wire_len: to - from,
                    fragment: None,
                    id: Some(7),
                    unsegmented: false,
                };
                let fragment = Fragment { id: 7, offset: from, more: to < data.len() };
                joined.extend(pool.add(&datagram, fragment, piece(n as u64 + 1)));
            }
            joined.extend(pool.finish());
            let counted: usize = joined.iter().map(|j| j.pieces.len()).sum();
            prop_assert_eq!(counted, order.len());
            let whole: Vec<_> = joined.iter().filter(|j| j.complete).collect();
            prop_assert!(!whole.is_empty());
            prop_assert_eq!(&whole[0].payload, &data);
            prop_assert_eq!(pool.bytes, 0);
        }
    }
}
