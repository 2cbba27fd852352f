//! Classic pcap (draft-ietf-opsawg-pcap §4, §5), both byte orders, micro- and nanoseconds, and
//! Kuznetzov's modified format (magic a1b2cd34, 24-byte record headers). Records that are longer
//! than their magic says (that format's older forms under either magic, Nokia's with four bytes
//! more) are read once the first few follow one another in no other way.
//!
//! A fraction of a second or more is a writer's mistake, and no reason to doubt the lengths: the
//! record is read, the mistake told. Below 10^9 such a fraction is taken for nanoseconds under the
//! magic of microseconds, and so are the later ones of that file.
//!
//! The file header goes through pcap-parser; record headers are walked here, because its reader
//! refuses the big-endian modified format, never checks captured against original length, and
//! stops for good at the first record that it does not like. After damage the walk looks for the
//! next place where several record headers in a row make sense, so that what follows is audited.
//! Another file that begins at a record boundary (`cat a.pcap b.pcap`) is no damage: the walk ends
//! there and [`Format`](super::format::Format) takes over.
//! Classic pcap records no drops, no filter and no interface.

mod doubt;

use super::bytes::{ByteStream, NEED_MAX};
use super::facts::Interfaces;
use super::{RECORD_MAX, Record, Step, Walk, pcapng};
use crate::evidence::input::{Interface, Remark};
use crate::ground::cause::FileCause;
use crate::ground::moment::Timestamp;
use doubt::Doubt;
pub(super) use doubt::header_translated;

/// Length of the file header.
pub(super) const HEADER: usize = 24;

/// Record headers that must make sense in a row before damage is taken to be over (or the end
/// of the file right behind one).
const RESYNC_CHAIN: usize = 3;

/// How far from the last good record's time a record may lie to be believed after damage: a day.
const RESYNC_SECONDS: u32 = 86_400;

/// Lengths of record headers that are tried when the first records do not follow one another, by
/// the magic: the standard one (Kuznetzov's form of 1999-04-17, Nokia's), the modified one (the
/// form of 1999-09-15).
const OTHER_HEADERS: [usize; 2] = [24, 20];
const OTHER_MODIFIED_HEADERS: [usize; 1] = [28];

/// No fraction of a second is larger in nanoseconds.
const NANOS: u32 = 1_000_000_000;

/// Bits 0-15 of the last header word are the link type (§4); above them lie the FCS length and flags.
const LINK_TYPE_MASK: u32 = 0xffff;

/// Bit 26: the FCS length in bits 28-31 is valid (§4, field "P").
const FCS_PRESENT: u32 = 1 << 26;

/// The layout of a file's records.
#[derive(Clone, Copy)]
struct Layout {
    big: bool,
    nanos: bool,
    modified: bool,
    /// Length of a record header.
    record_header: usize,
    /// Files of libpcap before 2.3 wrote the two lengths the other way round; 2.3 wrote either.
    swapped: bool,
    maybe_swapped: bool,
}

pub(super) struct Pcap {
    layout: Layout,
    /// Index of its interface in the capture's list.
    interface: u32,
    last_seconds: Option<u32>,
    /// A fraction was met that can only be one in nanoseconds.
    finer: bool,
    doubt: Doubt,
}

/// A record header, decoded.
#[derive(Clone, Copy, Default)]
struct Head {
    seconds: u32,
    fraction: u32,
    captured: u32,
    original: u32,
}

/// True when `bytes` begin another capture file: a header that makes sense from end to end.
pub(super) fn another_file(bytes: &[u8]) -> bool {
    match bytes.first_chunk() {
        Some(&pcapng::SECTION_HEADER_BYTES) => pcapng::section_begins(bytes),
        Some(&magic) => Pcap::is(magic) && Layout::of(bytes).is_some() && zeroed(bytes),
        None => false,
    }
}

/// The time zone and accuracy of a file header, which every writer leaves zero (§4). A record whose
/// seconds look like the magic would have no captured and no original bytes.
fn zeroed(header: &[u8]) -> bool {
    header.get(8..16).is_some_and(|b| b.iter().all(|&b| b == 0))
}

impl Layout {
    /// From a file header, if it is one.
    fn of(header: &[u8]) -> Option<Self> {
        let (big, nanos, modified) = Pcap::magic(*header.first_chunk()?)?;
        // pcap-parser knows every magic but the big-endian modified one: show it the plain one.
        let mut plain = [0u8; HEADER];
        plain.copy_from_slice(header.get(..HEADER)?);
        if modified && big {
            plain[..4].copy_from_slice(&[0xa1, 0xb2, 0xc3, 0xd4]);
        }
        let (_, parsed) = pcap_parser::parse_pcap_header(&plain).ok()?;
        (parsed.version_major == 2).then_some(Self {
            big,
            nanos,
            modified,
            record_header: if modified { 24 } else { 16 },
            swapped: parsed.version_minor < 3,
            maybe_swapped: parsed.version_minor == 3,
        })
    }

    fn word(self, bytes: &[u8], at: usize) -> Option<u32> {
        let b = bytes.get(at..)?.first_chunk::<4>().copied()?;
        Some(if self.big {
            u32::from_be_bytes(b)
        } else {
            u32::from_le_bytes(b)
        })
    }

    /// The record header that `bytes` begin, if they are long enough.
    fn head(self, bytes: &[u8]) -> Option<Head> {
        let bytes = bytes.get(..self.record_header)?;
        let (mut captured, mut original) = (self.word(bytes, 8)?, self.word(bytes, 12)?);
        if self.swapped || (self.maybe_swapped && captured > original) {
            std::mem::swap(&mut captured, &mut original);
        }
        Some(Head {
            seconds: self.word(bytes, 0)?,
            fraction: self.word(bytes, 4)?,
            captured,
            original,
        })
    }

    /// A header of four words, as they stand.
    #[inline]
    fn plain(self, header: &[u8; 16]) -> Head {
        let ([a, b, c, d], _) = header.as_chunks::<4>() else {
            // Four words are in it.
            return Head::default();
        };
        let word = |bytes: &[u8; 4]| match self.big {
            true => u32::from_be_bytes(*bytes),
            false => u32::from_le_bytes(*bytes),
        };
        Head {
            seconds: word(a),
            fraction: word(b),
            captured: word(c),
            original: word(d),
        }
    }

    fn fraction_limit(self) -> u32 {
        if self.nanos { NANOS } else { 1_000_000 }
    }

    /// The lax test: a record can be like this.
    fn possible(self, head: Head) -> bool {
        head.captured as usize <= RECORD_MAX && head.fraction < NANOS
    }

    /// The strict test, used after damage: everything about the header must make sense. A time near
    /// that of the record before says more than the fraction does.
    fn believable(self, head: Head, last_seconds: Option<u32>) -> bool {
        let timed = match last_seconds {
            Some(last) => head.seconds.abs_diff(last) <= RESYNC_SECONDS,
            None => head.fraction < NANOS,
        };
        timed
            && (1..=RECORD_MAX).contains(&(head.captured as usize))
            && head.captured <= head.original
    }

    /// True when a few records in a row make sense, or at least `least` up to the end of the input.
    fn chain(
        self,
        mut bytes: &[u8],
        mut last_seconds: Option<u32>,
        ended: bool,
        least: usize,
    ) -> bool {
        for seen in 1..=RESYNC_CHAIN {
            let Some(head) = self.head(bytes) else {
                return false;
            };
            if !self.believable(head, last_seconds) {
                return false;
            }
            last_seconds = Some(head.seconds);
            match bytes.get(self.record_header + head.captured as usize..) {
                Some([]) if ended => return seen >= least,
                Some(rest) => bytes = rest,
                None => return false,
            }
        }
        true
    }
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

    /// From a file header; the interface that it describes is added.
    pub(super) fn open(header: &[u8], interfaces: &mut Interfaces) -> Option<Self> {
        let layout = Layout::of(header)?;
        let word = layout.word(header, 20)?;
        let fcs_len = if word & FCS_PRESENT != 0 {
            (word >> 28) * 2
        } else {
            0
        };
        let interface = Interface {
            link_type: u16::try_from(word & LINK_TYPE_MASK).ok(),
            fcs_len: u8::try_from(fcs_len).unwrap_or(0),
            digits: if layout.nanos { 9 } else { 6 },
            snaplen: layout.word(header, 16)?,
            ..Interface::default()
        };
        let interface = match interfaces.add(interface) {
            Some(at) => at,
            None => interfaces.unknown(),
        };
        Some(Self {
            layout,
            interface,
            last_seconds: None,
            finer: false,
            doubt: Doubt::default(),
        })
    }

    /// The record that nearly all are: whole, in memory, with a header that makes sense, and another such header behind it. All else is
    /// left to [`next`](Self::next), which would find the same record here.
    #[inline]
    pub(super) fn plain(&mut self, stream: &ByteStream) -> Option<Record> {
        const HEADER: usize = 16;
        let (layout, last) = (self.layout, self.last_seconds?);
        if layout.record_header != HEADER || layout.swapped || layout.maybe_swapped {
            return None;
        }
        let (header, behind) = stream.held().split_first_chunk::<HEADER>()?;
        let head = layout.plain(header);
        let following = behind.get(head.captured as usize..)?.first_chunk()?;
        let magic = *header.first_chunk()?;
        let sensible = head.fraction < layout.fraction_limit()
            && layout.believable(head, Some(last))
            && layout.believable(layout.plain(following), Some(head.seconds))
            && !Self::is(magic)
            && magic != pcapng::SECTION_HEADER_BYTES;
        sensible.then(|| self.record(head, HEADER))
    }

    fn record(&mut self, head: Head, header: usize) -> Record {
        self.last_seconds = Some(head.seconds);
        let captured = head.captured as usize;
        Record {
            time: self.time(head),
            interface: self.interface,
            direction: None,
            checksum_pending: false,
            start: header,
            captured,
            // Some writers leave the original length 0 or below the captured one.
            original_len: head.original.max(head.captured),
            total: header + captured,
        }
    }

    pub(super) fn next(&mut self, walk: &mut Walk<'_>) -> Step {
        if self.last_seconds.is_none() {
            self.measure(walk);
        }
        let layout = self.layout;
        let header = layout.record_header;
        loop {
            let have = walk.stream.need(header);
            if have.is_empty() {
                return Step::End;
            }
            let magic = have.first_chunk().copied();
            if magic.is_some_and(|m| Self::is(m) || m == pcapng::SECTION_HEADER_BYTES)
                && another_file(walk.stream.need(pcapng::SECTION_HEADER_MIN))
            {
                return Step::AnotherFile;
            }
            let have = walk.stream.need(header);
            let Some(head) = layout.head(have) else {
                walk.notes.truncated(FileCause::RecordHeaderCut);
                let left = have.len();
                walk.stream.consume(left);
                return Step::End;
            };
            let captured = head.captured as usize;
            if captured > RECORD_MAX {
                if self.lose(walk, FileCause::RecordLength) {
                    continue;
                }
                return Step::End;
            }
            let total = header + captured;
            let seen = self.last_seconds.is_some();
            if walk.stream.need(total).len() < total {
                // A length that is possible but runs past the end: cut, or damage whose true
                // continuation still lies in the file.
                if let Some(at) = doubt::swallowed(walk.stream.need(total), header, total) {
                    walk.notes.truncated(FileCause::RecordCutByAnotherFile);
                    walk.stream.consume(at);
                    continue;
                }
                if seen && !layout.believable(head, self.last_seconds) {
                    if self.lose(walk, FileCause::RecordHeaderSenseless) {
                        continue;
                    }
                    return Step::End;
                }
                walk.notes.truncated(FileCause::LastRecordCut);
                let left = walk.stream.need(header).len();
                walk.stream.consume(left);
                return Step::End;
            }
            if seen
                && !layout.believable(head, self.last_seconds)
                && !self.followed_by_sense(walk, head.seconds, total)
            {
                if self.lose(walk, FileCause::RecordHeaderSenseless) {
                    continue;
                }
                return Step::End;
            }
            if !self.followed(walk, head, total) {
                // Mostly an honest oddity, or damage that begins behind this record.
                let ahead = total + doubt::AHEAD;
                let held = walk.stream.need(ahead);
                let held = held.get(..ahead).unwrap_or(held);
                if let Some(at) = doubt::swallowed(held, header, total) {
                    walk.notes.truncated(FileCause::RecordCutByAnotherFile);
                    walk.stream.consume(at);
                    continue;
                }
                if self.doubt.translated(layout, walk.stream) {
                    walk.notes.damage(FileCause::TerminalInsertedBytes);
                    walk.stream.consume(header);
                    if self.resync(walk) {
                        continue;
                    }
                    return Step::End;
                }
            }
            if head.fraction >= layout.fraction_limit() {
                walk.notes.damage(FileCause::RecordFraction);
            }
            return Step::Packet(self.record(head, header));
        }
    }

    /// Finds out how long record headers are, if the first records do not follow one another as the
    /// magic says.
    fn measure(&mut self, walk: &mut Walk<'_>) {
        let held = walk.stream.need(NEED_MAX);
        let ended = held.len() < NEED_MAX;
        let others: &[usize] = match self.layout.modified {
            true => &OTHER_MODIFIED_HEADERS,
            false => &OTHER_HEADERS,
        };
        let chain = |record_header| {
            let layout = Layout {
                record_header,
                ..self.layout
            };
            layout.chain(held, None, ended, 2)
        };
        if held.is_empty() || chain(self.layout.record_header) {
            return;
        }
        if let Some(length) = others.iter().find(|length| chain(**length)) {
            self.layout.record_header = *length;
            walk.collected.remark(Remark::RecordHeaders(*length));
        }
    }

    #[inline]
    fn time(&mut self, head: Head) -> Timestamp {
        self.finer |= (self.layout.fraction_limit()..NANOS).contains(&head.fraction);
        let unit: i64 = if self.layout.nanos || self.finer {
            1
        } else {
            1000
        };
        // What is no fraction in any unit says nothing.
        let fraction = Some(head.fraction).filter(|f| *f < NANOS).unwrap_or(0);
        // Seconds of 32 bits fit.
        let nanos = i64::from(head.seconds) * Timestamp::SECOND + i64::from(fraction) * unit;
        Timestamp::from_nanos(nanos.into())
    }

    /// Reports damage at this record and goes on behind it; false at the end of the input.
    fn lose(&mut self, walk: &mut Walk<'_>, cause: FileCause) -> bool {
        let cause = if self.doubt.translated(self.layout, walk.stream) {
            FileCause::TerminalInsertedBytes
        } else {
            cause
        };
        walk.notes.damage(cause);
        self.resync(walk)
    }

    /// True when what lies behind `total` bytes is a record that goes with `head`, another file, or
    /// the end of the input.
    fn followed(&self, walk: &mut Walk<'_>, head: Head, total: usize) -> bool {
        let header = self.layout.record_header;
        match walk.stream.need(total + header).get(total..) {
            Some([]) => true,
            Some(rest) => match self.layout.head(rest) {
                Some(next) if self.layout.believable(next, Some(head.seconds)) => true,
                _ => another_file(
                    walk.stream
                        .need(total + pcapng::SECTION_HEADER_MIN)
                        .get(total..)
                        .unwrap_or_default(),
                ),
            },
            None => false,
        }
    }

    /// True when the record behind `total` bytes has a sensible header, or the input ends there:
    /// then an odd record is the writer's habit (no original length, a clock that stepped).
    fn followed_by_sense(&self, walk: &mut Walk<'_>, seconds: u32, total: usize) -> bool {
        let have = walk.stream.need(total + self.layout.record_header);
        match have.get(total..) {
            Some([]) => true,
            Some(rest) => self.layout.head(rest).is_some_and(|next| {
                self.layout.possible(next) || self.layout.believable(next, Some(seconds))
            }),
            None => false,
        }
    }

    /// Moves to the next byte where a chain of records makes sense, or another file begins; false
    /// at the end of the input.
    fn resync(&self, walk: &mut Walk<'_>) -> bool {
        walk.stream.consume(1);
        loop {
            // As much as can be held, so that a chain of ordinary records fits in.
            let have = walk.stream.need(NEED_MAX);
            if have.len() < self.layout.record_header {
                let left = have.len();
                walk.stream.consume(left);
                return false;
            }
            let ended = have.len() < NEED_MAX;
            // Without more input a candidate anywhere may end with the file; otherwise only
            // candidates in the first half have room for their chain.
            let last = if ended { have.len() } else { have.len() / 2 };
            let found = (0..last).find(|&at| {
                let bytes = have.get(at..).unwrap_or_default();
                self.layout.chain(bytes, self.last_seconds, ended, 1) || another_file(bytes)
            });
            match found {
                Some(at) => {
                    walk.stream.consume(at);
                    return true;
                }
                None => walk.stream.consume(last),
            }
        }
    }
}

#[cfg(test)]
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
            let mut interfaces = Interfaces::default();
            Pcap::open(&header(magic, big, 0x2400_0001), &mut interfaces).unwrap();
            let interface = interfaces.get(0).unwrap();
            assert_eq!(
                (interface.link_type, interface.fcs_len, interface.digits),
                (Some(1), 4, digits)
            );
            assert_eq!(interface.snaplen, 65535);
        }
        let other = header([0x0a, 0x0d, 0x0d, 0x0a], true, 1);
        assert!(Pcap::open(&other, &mut Interfaces::default()).is_none());
    }
}
