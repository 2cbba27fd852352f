//! Fragments of one datagram whose bytes differ: each way to read it.
//!
//! A receiver may take any of the copies, by whatever rule its stack has (first, last, the one that begins further to the left). Up to
//! three rivals are tried in every combination; of more each alone, and all together, which is told.

use std::sync::Arc;

/// Rival fragments kept of a datagram: honest ones have none, and a sender who wants to be read in two ways needs one.
pub(super) const RIVALS_MAX: usize = 16;
/// Rivals that are tried in every combination: eight readings of at most 64 KiB.
const COMBINED_MAX: usize = 3;

/// One way to read a datagram.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variant {
    /// Protocol of the payload.
    pub protocol: u8,
    /// The payload.
    pub payload: Arc<Vec<u8>>,
    /// The rival fragments taken for it, a bit for each.
    pub taken: u32,
}

#[derive(Debug)]
struct Rival {
    start: usize,
    bytes: Vec<u8>,
    protocol: u8,
}

/// The rival fragments of a datagram, in the order of arrival.
#[derive(Debug, Default)]
pub(super) struct Rivals {
    all: Vec<Rival>,
    folded: bool,
}

impl Rivals {
    /// Keeps a fragment; returns how many bytes are held for it.
    pub(super) fn add(&mut self, start: usize, bytes: &[u8], protocol: u8) -> usize {
        let known = |r: &Rival| (r.start, &*r.bytes, r.protocol) == (start, bytes, protocol);
        if self.all.iter().any(known) {
            return 0;
        }
        if self.all.len() >= RIVALS_MAX {
            self.folded = true;
            return 0;
        }
        self.all.push(Rival {
            start,
            bytes: bytes.to_vec(),
            protocol,
        });
        bytes.len()
    }

    pub(super) fn held(&self) -> usize {
        self.all.iter().map(|r| r.bytes.len()).sum()
    }

    /// What `base` reads with them; true if not everything was tried.
    pub(super) fn readings(&self, base: &[u8], protocol: u8) -> (Vec<Variant>, bool) {
        if self.all.is_empty() {
            return (Vec::new(), false);
        }
        let (found, some) = readings(base, self.each(), protocol);
        (found, some || self.folded)
    }

    /// Start, bytes and, at the start of the datagram, the protocol of each.
    pub(super) fn each(&self) -> impl Iterator<Item = (usize, &[u8], Option<u8>)> {
        let all = self.all.iter();
        all.map(|r| (r.start, &*r.bytes, (r.start == 0).then_some(r.protocol)))
    }
}

/// What `base` reads with other fragments in place of its bytes: start, bytes and, at the start, the protocol of each. True if there are
/// more combinations than are tried.
pub(super) fn readings<'a>(
    base: &[u8],
    others: impl Iterator<Item = (usize, &'a [u8], Option<u8>)>,
    protocol: u8,
) -> (Vec<Variant>, bool) {
    let others: Vec<_> = others.take(RIVALS_MAX).collect();
    let count = others.len();
    let every: u32 = (1 << count) - 1;
    let folded = count > COMBINED_MAX;
    let taken: Vec<u32> = if folded {
        (0..count).map(|n| 1 << n).chain([every]).collect()
    } else {
        (1..=every).collect()
    };
    let mut found: Vec<Variant> = Vec::new();
    for taken in taken {
        let mut reading = (protocol, base.to_vec());
        for (n, (start, bytes, says)) in others.iter().enumerate() {
            if taken >> n & 1 == 1 {
                overlay(&mut reading.1, *start, bytes);
                reading.0 = says.unwrap_or(reading.0);
            }
        }
        let (said, payload) = reading;
        let known = |r: &Variant| (r.protocol, &**r.payload) == (said, &*payload);
        if found.iter().any(known) || (said, &*payload) == (protocol, base) {
            continue;
        }
        found.push(Variant {
            protocol: said,
            payload: Arc::new(payload),
            taken,
        });
    }
    (found, folded)
}

/// Puts `bytes` at `start`, if no hole is left before it.
fn overlay(payload: &mut Vec<u8>, start: usize, bytes: &[u8]) {
    if start > payload.len() {
        return;
    }
    let (over, beyond) = bytes.split_at(bytes.len().min(payload.len() - start));
    if let Some(room) = payload.get_mut(start..start + over.len()) {
        room.copy_from_slice(over);
    }
    payload.extend_from_slice(beyond);
}
