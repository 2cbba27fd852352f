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
