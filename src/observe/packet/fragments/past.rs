//! Datagrams that became whole not long ago: by them fragments are known that come again.

use super::{DatagramId, Rivals};
use crate::ground::moment::Timestamp;
use crate::observe::packet::{Datagram, Fragment};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// Datagrams remembered, and their bytes: what a link lets through in a second or so. A copy is microseconds behind, or as far as two
/// recorders' clocks differ.
const DATAGRAMS_MAX: usize = 256;
const BYTES_MAX: usize = 1 << 20;
/// How long: an identification is not used again while a packet may be under way (RFC 6864 §4), and busy senders do so after seconds.
const LIFETIME: i64 = 10 * Timestamp::SECOND;
/// Times that a datagram is seen again: interfaces, bridges and mirror ports that a packet passes. More of the same are datagrams of
/// their own, by a sender that does not number them.
const AGAIN_MAX: usize = 4;

/// A datagram that was whole.
#[derive(Debug)]
pub(super) struct Whole {
    pub(super) payload: Arc<Vec<u8>>,
    /// Copies of its fragments that differed.
    pub(super) copies: Arc<Rivals>,
    pub(super) protocol: u8,
    at: Timestamp,
    birth: u64,
    /// Bytes of it that came again.
    again: usize,
}

impl Whole {
    fn held(&self) -> usize {
        self.payload.len() + self.copies.held()
    }

    /// True if a fragment is one of this datagram's, once more.
    pub(super) fn repeats(&mut self, datagram: &Datagram<'_>, fragment: Fragment) -> bool {
        let length = self.payload.len();
        let captured = fragment.offset..fragment.offset + datagram.payload.len();
        let end = fragment.offset + datagram.wire_len;
        let fits = if fragment.more {
            end < length
        } else {
            end == length
        };
        let same = fits
            && self.payload.get(captured) == Some(datagram.payload)
            && (fragment.offset > 0 || datagram.protocol == self.protocol)
            && self.again + datagram.wire_len <= AGAIN_MAX * length;
        if same {
            self.again += datagram.wire_len;
        }
        same
    }
}

/// The datagrams that were whole lately.
#[derive(Debug, Default)]
pub(super) struct Past {
    of: BTreeMap<DatagramId, Whole>,
    /// Oldest first; a key that was used again stands here twice.
    order: VecDeque<(u64, DatagramId)>,
    bytes: usize,
    births: u64,
}

impl Past {
    pub(super) fn of(&mut self, key: &DatagramId, now: Timestamp) -> Option<&mut Whole> {
        let whole = self.of.get_mut(key)?;
        let age = now.since(whole.at).map(i64::saturating_abs);
        age.is_some_and(|age| age <= LIFETIME).then_some(whole)
    }

    pub(super) fn keep(
        &mut self,
        key: DatagramId,
        payload: Arc<Vec<u8>>,
        copies: Arc<Rivals>,
        protocol: u8,
        at: Timestamp,
    ) {
        self.births += 1;
        let birth = self.births;
        let whole = Whole {
            payload,
            copies,
            protocol,
            at,
            birth,
            again: 0,
        };
        self.bytes += whole.held();
        if let Some(before) = self.of.insert(key, whole) {
            self.bytes = self.bytes.saturating_sub(before.held());
        }
        self.order.push_back((birth, key));
        while self.order.len() > DATAGRAMS_MAX || self.bytes > BYTES_MAX {
            let Some((birth, key)) = self.order.pop_front() else {
                break;
            };
            if self.of.get(&key).is_some_and(|w| w.birth == birth)
                && let Some(old) = self.of.remove(&key)
            {
                self.bytes = self.bytes.saturating_sub(old.held());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(id: u32) -> DatagramId {
        DatagramId {
            source: [10, 0, 0, 1].into(),
            destination: [10, 0, 0, 2].into(),
            protocol: Some(17),
            id,
        }
    }

    fn kept(past: &mut Past, id: u32, length: usize) {
        let (payload, at) = (Arc::new(vec![7; length]), Timestamp::from_nanos(0));
        past.keep(key(id), payload, Arc::default(), 17, at);
    }

    #[test]
    fn the_latest_datagrams_are_remembered() {
        let mut past = Past::default();
        let many = u32::try_from(DATAGRAMS_MAX).unwrap();
        (0..=many).for_each(|id| kept(&mut past, id, 10));
        let now = Timestamp::from_nanos(1);
        assert!(past.of(&key(0), now).is_none() && past.of(&key(1), now).is_some());
        let mut past = Past::default();
        (0..3).for_each(|id| kept(&mut past, id, BYTES_MAX / 2));
        assert!(past.of(&key(0), now).is_none() && past.of(&key(1), now).is_some());
        assert_eq!(past.bytes, BYTES_MAX);
    }

    #[test]
    fn a_datagram_comes_again_a_few_times() {
        let mut past = Past::default();
        kept(&mut past, 1, 10);
        let datagram = Datagram {
            source: [10, 0, 0, 1].into(),
            destination: [10, 0, 0, 2].into(),
            routed: false,
            over: None,
            hop_limit: 64,
            protocol: 17,
            payload: &[7; 10],
            wire_len: 10,
            fragment: None,
            id: None,
            unsegmented: false,
            chosen: 0,
        };
        let (id, offset, more) = (1, 0, false);
        let fragment = Fragment { id, offset, more };
        let whole = past.of(&key(1), Timestamp::from_nanos(1)).unwrap();
        let copies = (0..10).filter(|_| whole.repeats(&datagram, fragment));
        assert_eq!(copies.count(), AGAIN_MAX);
    }
}
