//! Classic pcap (draft-ietf-opsawg-pcap §4, §5), both byte orders, micro- and nanoseconds, and
//! Kuznetzov's modified format (magic a1b2cd34, 24-byte record headers).
//!
//! The file header goes through pcap-parser; record headers are walked here, because its reader
//! refuses the big-endian modified format, never checks captured against original length, and
//! stops for good at the first record that it does not like. After damage the walk looks for the
//! next place where several record headers in a row make sense, so that what follows is audited.
//! Classic pcap records no drops, no filter and no interface.

use super::bytes::NEED_MAX;
use super::{Interface, RECORD_MAX, Record, Walk};
use crate::evidence::Timestamp;

/// Length of the file header.
pub(super) const HEADER: usize = 24;

/// Record headers that must make sense in a row before damage is taken to be over (or the end
/// of the file right behind one).
const RESYNC_CHAIN: usize = 3;

/// How far from the last good record's time a record may lie to be believed after damage: a day.
const RESYNC_SECONDS: u32 = 86_400;

/// Bits 0-15 of the last header word are the link type (§4); above them lie the FCS length and flags.
const LINK_TYPE_MASK: u32 = 0xffff;

/// Bit 26: the FCS length in bits 28-31 is valid (§4, field "P").
const FCS_PRESENT: u32 = 1 << 26;

pub(super) struct Pcap {
    big: bool,
    nanos: bool,
    modified: bool,
    /// Files of libpcap before 2.3 wrote the two lengths the other way round; 2.3 wrote either.
    swapped: bool,
    maybe_swapped: bool,
    last_seconds: Option<u32>,
}

/// A record header, decoded.
#[derive(Clone, Copy)]
struct Head {
    seconds: u32,
    fraction: u32,
    captured: u32,
    original: u32,
}

impl Pcap {
    /// True for the magic numbers of this format.
    pub(super) fn is(magic: [u8; 4]) -> bool {
        Self::magic(magic).is_some()
    }

    /// (big endian, nanoseconds, modified)
    fn magic(magic: [u8; 4]) -> Option<(bool, bool, bool)> {
        Some(match magic {
            [0xa1, 0xb2, 0xc3, 0xd4] => (true, false, false),
            [0xd4, 0xc3, 0xb2, 0xa1] => (false, false, false),
            [0xa1, 0xb2, 0x3c, 0x4d] => (true, true, false),
            [0x4d, 0x3c, 0xb2, 0xa1] => (false, true, false),
            [0xa1, 0xb2, 0xcd, 0x34] => (true, false, true),
            [0x34, 0xcd, 0xb2, 0xa1] => (false, false, true),
            _ => return None,
        })
    }

    pub(super) fn open(header: &[u8]) -> Option<(Self, Interface)> {
        let (big, nanos, modified) = Self::magic(*header.first_chunk()?)?;
        // pcap-parser knows every magic but the big-endian modified one: show it the plain one.
        let mut plain = [0u8; HEADER];
        plain.copy_from_slice(header.get(..HEADER)?);
        if modified && big {
            plain[..4].copy_from_slice(&[0xa1, 0xb2, 0xc3, 0xd4]);
        }
        let (_, parsed) = pcap_parser::parse_pcap_header(&plain).ok()?;
        if parsed.version_major != 2 {
            return None;
        }
        let word = header.get(20..24)?.first_chunk::<4>().copied()?;
        let word = if big {
            u32::from_be_bytes(word)
        } else {
            u32::from_le_bytes(word)
        };
        let fcs_len = if word & FCS_PRESENT != 0 {
            (word >> 28) * 2
        } else {
            0
        };
        let interface = Interface {
            link_type: u16::try_from(word & LINK_TYPE_MASK).ok(),
            fcs_len: u8::try_from(fcs_len).unwrap_or(0),
            digits: if nanos { 9 } else { 6 },
            dropped: None,
        };
        let format = Self {
            big,
            nanos,
            modified,
            swapped: parsed.version_minor < 3,
            maybe_swapped: parsed.version_minor == 3,
            last_seconds: None,
        };
        Some((format, interface))
    }

    fn record_header(&self) -> usize {
        if self.modified { 24 } else { 16 }
    }

    fn head(&self, bytes: &[u8]) -> Option<Head> {
        let word = |at: usize| {
            let b = bytes.get(at..)?.first_chunk::<4>().copied()?;
            Some(if self.big {
                u32::from_be_bytes(b)
            } else {
                u32::from_le_bytes(b)
            })
        };
        let (mut captured, mut original) = (word(8)?, word(12)?);
        if self.swapped || (self.maybe_swapped && captured > original) {
            std::mem::swap(&mut captured, &mut original);
        }
        Some(Head {
            seconds: word(0)?,
            fraction: word(4)?,
            captured,
            original,
        })
    }

    fn fraction_limit(&self) -> u32 {
        if self.nanos { 1_000_000_000 } else { 1_000_000 }
    }

    /// The strict test used after damage: everything about the header must make sense.
    fn believable(&self, head: Head) -> bool {
        let near = self
            .last_seconds
            .is_none_or(|last| head.seconds.abs_diff(last) <= RESYNC_SECONDS);
        head.captured as usize <= RECORD_MAX
            && head.captured > 0
            && head.captured <= head.original
            && head.fraction < self.fraction_limit()
            && near
    }

    pub(super) fn next(&mut self, walk: &mut Walk<'_>) -> Option<Record> {
        let header = self.record_header();
        loop {
            let have = walk.stream.need(header);
            if have.is_empty() {
                return None;
            }
            let Some(head) = have.get(..header).and_then(|h| self.head(h)) else {
                walk.notes.truncated("the file ends inside a record header");
                let left = have.len();
                walk.stream.consume(left);
                return None;
            };
            let captured = head.captured as usize;
            if captured > RECORD_MAX {
                walk.notes
                    .damage("a record header with an impossible length");
                if !self.resync(walk) {
                    return None;
                }
                continue;
            }
            if walk.stream.need(header + captured).len() < header + captured {
                // A length that is possible but runs past the end: cut, or damage whose
                // true continuation still lies in the file.
                if self.last_seconds.is_some() && !self.believable(head) {
                    walk.notes.damage("a record header that makes no sense");
                    if self.resync(walk) {
                        continue;
                    }
                    return None;
                }
                walk.notes.truncated("the last record is cut off");
                let left = walk.stream.need(header).len();
                walk.stream.consume(left);
                return None;
            }
            if self.last_seconds.is_some()
                && !self.believable(head)
                && !self.followed_by_sense(walk, header + captured)
            {
                walk.notes.damage("a record header that makes no sense");
                if self.resync(walk) {
                    continue;
                }
                return None;
            }
            if head.fraction >= self.fraction_limit() {
                walk.notes
                    .damage("a record whose fraction of a second exceeds one second");
            }
            self.last_seconds = Some(head.seconds);
            let unit: i128 = if self.nanos { 1 } else { 1000 };
            return Some(Record {
                time: Timestamp::from_nanos(
                    i128::from(head.seconds) * i128::from(Timestamp::SECOND)
                        + i128::from(head.fraction) * unit,
                ),
                interface: 0,
                direction: None,
                checksum_pending: false,
                start: header,
                captured,
                // Some writers leave the original length 0 or below the captured one.
                original_len: head.original.max(head.captured),
                total: header + captured,
            });
        }
    }

    /// True when the record behind `total` bytes has a sensible header, or the input ends there:
    /// then an odd record is the writer's habit (no original length, a clock that stepped).
    fn followed_by_sense(&self, walk: &mut Walk<'_>, total: usize) -> bool {
        let header = self.record_header();
        let have = walk.stream.need(total + header);
        match have.get(total..) {
            Some([]) => true,
            Some(rest) => rest
                .get(..header)
                .and_then(|h| self.head(h))
                .is_some_and(|h| {
                    h.captured as usize <= RECORD_MAX && h.fraction < self.fraction_limit()
                }),
            None => false,
        }
    }

    /// Moves to the next byte where a chain of records makes sense; false at the end of the input.
    fn resync(&self, walk: &mut Walk<'_>) -> bool {
        walk.stream.consume(1);
        loop {
            // As much as can be held, so that a chain of ordinary records fits in.
            let have = walk.stream.need(NEED_MAX);
            if have.len() < self.record_header() {
                let left = have.len();
                walk.stream.consume(left);
                return false;
            }
            let ended = have.len() < NEED_MAX;
            // Without more input a candidate anywhere may end with the file; otherwise only
            // candidates in the first half have room for their chain.
            let last = if ended { have.len() } else { have.len() / 2 };
            match (0..last).find(|&at| self.chain(have.get(at..).unwrap_or_default(), ended)) {
                Some(at) => {
                    walk.stream.consume(at);
                    return true;
                }
                None => walk.stream.consume(last),
            }
        }
    }

    fn chain(&self, mut bytes: &[u8], ended: bool) -> bool {
        for _ in 0..RESYNC_CHAIN {
            let Some(head) = bytes.get(..self.record_header()).and_then(|h| self.head(h)) else {
                return false;
            };
            if !self.believable(head) {
                return false;
            }
            match bytes.get(self.record_header() + head.captured as usize..) {
                Some([]) if ended => return true,
                Some(rest) => bytes = rest,
                None => return false,
            }
        }
        true
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;

    fn header(magic: [u8; 4], big: bool, link: u32) -> Vec<u8> {
        let w = |v: u32| {
            if big {
                v.to_be_bytes()
            } else {
                v.to_le_bytes()
            }
        };
        let h = |v: u16| {
            if big {
                v.to_be_bytes()
            } else {
                v.to_le_bytes()
            }
        };
        let mut out = magic.to_vec();
        out.extend(h(2));
        out.extend(h(4));
        out.extend([0; 8]);
        out.extend(w(65535));
        out.extend(w(link));
        out
    }

    #[test]
    fn six_magics_and_the_bits_above_the_link_type() {
        for (magic, big, digits) in [
            ([0xa1, 0xb2, 0xc3, 0xd4], true, 6),
            ([0xd4, 0xc3, 0xb2, 0xa1], false, 6),
            ([0xa1, 0xb2, 0x3c, 0x4d], true, 9),
            ([0x4d, 0x3c, 0xb2, 0xa1], false, 9),
            ([0xa1, 0xb2, 0xcd, 0x34], true, 6),
            ([0x34, 0xcd, 0xb2, 0xa1], false, 6),
        ] {
            // draft-ietf-opsawg-pcap §4: FCS of 4 bytes (2 units of 16 bits) on Ethernet.
            let (_, interface) = Pcap::open(&header(magic, big, 0x2400_0001)).unwrap();
            assert_eq!(
                (interface.link_type, interface.fcs_len, interface.digits),
                (Some(1), 4, digits)
            );
        }
        assert!(Pcap::open(&header([0x0a, 0x0d, 0x0d, 0x0a], true, 1)).is_none());
    }
}
