//! The way back into a pcapng after bytes that cannot be right.

use super::super::bytes::{ByteStream, NEED_MAX};
use super::super::pcap;
use super::options::word;
use super::section::section_order;
use super::{
    BLOCK_MAX, CUSTOM, CUSTOM_ONCE, ENHANCED, IDB, NAMES, PACKET, PROCESS, SECRETS, SHB, SIMPLE,
    STATISTICS, section_begins,
};
use crate::ground::work::looks_at;

/// systemd journal entries (§11.1).
const JOURNAL: u32 = 9;

/// Block types that exist (§11.1).
const KNOWN: [u32; 12] = [
    SHB,
    IDB,
    PACKET,
    SIMPLE,
    NAMES,
    STATISTICS,
    ENHANCED,
    JOURNAL,
    SECRETS,
    CUSTOM,
    CUSTOM_ONCE,
    PROCESS,
];

/// The byte order that a block's length is written in.
fn order(block: &[u8], kind: u32, big: bool) -> Option<bool> {
    if kind == SHB {
        section_order(block)
    } else {
        Some(big)
    }
}

/// The length of a block of a known type, if it is sane; the trailing length is not looked at.
fn length(bytes: &[u8], big: bool) -> Option<(u32, bool)> {
    let kind = word(bytes, 0, big).filter(|kind| KNOWN.contains(kind) && bytes.len() >= 12)?;
    let big = order(bytes, kind, big)?;
    let len = word(bytes, 4, big)?;
    (len.is_multiple_of(4) && (12..=BLOCK_MAX).contains(&len)).then_some((len, big))
}

/// True when `bytes` begin like a block of a known type.
pub(super) fn believable(bytes: &[u8], big: bool) -> bool {
    length(bytes, big).is_some()
}

/// True when a block that makes sense, another file, or the end of the input lies `len` bytes
/// ahead.
pub(super) fn follows(stream: &mut ByteStream, len: usize, big: bool) -> bool {
    match stream.need(len + pcap::HEADER).get(len..) {
        Some([]) => true,
        Some(next) => believable(next, big) || pcap::another_file(next),
        None => false,
    }
}

/// Moves to the next block whose lengths agree, or to another file; false at the end of the input.
pub(super) fn forward(stream: &mut ByteStream, big: bool) -> bool {
    stream.consume(1);
    loop {
        let have = stream.need(NEED_MAX);
        if have.len() < 12 {
            let left = have.len();
            stream.consume(left);
            return false;
        }
        let ended = have.len() < NEED_MAX;
        let last = if ended {
            have.len() - 11
        } else {
            have.len() / 2
        };
        looks_at(last);
        let found = (0..last).find(|&at| {
            let bytes = have.get(at..).unwrap_or_default();
            match length(bytes, big) {
                Some((len, big)) => word(bytes, (len as usize).saturating_sub(4), big) == Some(len),
                None => pcap::another_file(bytes) && !section_begins(bytes),
            }
        });
        match found {
            Some(at) => {
                stream.consume(at);
                return true;
            }
            None => stream.consume(last.max(1)),
        }
    }
}
