//! pcapng (draft-ietf-opsawg-pcapng): sections, interfaces, packets, statistics.
//!
//! Blocks are cut by their own length first, then read; a block that does not hold together is
//! counted and skipped, and after a length that cannot be right the walk looks for the next block
//! whose leading and trailing lengths agree. Enhanced, simple and obsolete packet blocks are read
//! here (no allocation per packet, and pcap-parser takes an inner length that overruns its block
//! for a file that needs more bytes, and ends); section header and interface blocks go through
//! pcap-parser. Signed, big-endian and power-of-two values of its options are decoded here, since
//! it gets those wrong. Name resolution blocks are what the capturing machine believed, no
//! evidence: skipped. Comments and secrets are not read yet.

mod options;

use super::bytes::{ByteStream, NEED_MAX};
use super::{Direction, Interface, RECORD_MAX, Record, Walk};
use crate::coverage::GapId;
use crate::evidence::Timestamp;
use options::{
    Clock, Described, Options, describe_interface, int, section_editor, section_order, statistics,
    word,
};

pub(super) const SECTION_HEADER_BYTES: [u8; 4] = [0x0a, 0x0d, 0x0d, 0x0a];
/// Type, length, byte-order magic, version, section length, trailing length (§4.1).
pub(super) const SECTION_HEADER_MIN: usize = 28;

/// The longest block that is held in memory; a longer one (a key log, a journal) is skipped by
/// its length. Every packet block with [`RECORD_MAX`] bytes and generous options fits.
const BLOCK_HELD_MAX: usize = NEED_MAX - 4096;

/// The longest block length believed at all; beyond it the length is damage.
const BLOCK_MAX: u32 = 1 << 30;

/// Interfaces per section; libpcap has no bound, an honest file has a few dozen.
const INTERFACES_MAX: usize = 4096;

const SHB: u32 = 0x0a0d_0d0a;
const IDB: u32 = 1;
const PACKET: u32 = 2;
const SIMPLE: u32 = 3;
const STATISTICS: u32 = 5;
const ENHANCED: u32 = 6;

/// Block types that exist (§11.1), for finding the way back after damage.
const KNOWN: [u32; 12] = [
    SHB,
    IDB,
    PACKET,
    SIMPLE,
    4,
    STATISTICS,
    ENHANCED,
    9,
    10,
    0xbad,
    0x4000_0bad,
    0x8000_0001,
];

const EPB_FLAGS: u16 = 2;
const EPB_DROPCOUNT: u16 = 4;

/// Why a file that begins like pcapng was refused.
pub(super) enum Refused {
    /// It ends inside its first block, after so many bytes.
    Short(usize),
    /// Its first block cannot be right.
    Malformed(&'static str),
}

struct LocalInterface {
    /// Index in the capture's interface list, which spans all sections.
    global: u32,
    clock: Clock,
    snaplen: u32,
    drops: u64,
}

pub(super) struct Pcapng {
    big: bool,
    section: Vec<LocalInterface>,
}

impl Pcapng {
    /// Checks the first section header; it stays unread, [`next`](Self::next) takes it.
    pub(super) fn open(stream: &mut ByteStream) -> Result<Self, Refused> {
        let head = stream.need(SECTION_HEADER_MIN);
        let big = section_order(head).ok_or(Refused::Malformed(
            "the section header has no valid byte-order magic",
        ))?;
        let len = word(head, 4, big).ok_or(Refused::Short(head.len()))?;
        let whole = usize::try_from(len).unwrap_or(usize::MAX);
        if whole < SECTION_HEADER_MIN || !whole.is_multiple_of(4) || whole > BLOCK_HELD_MAX {
            return Err(Refused::Malformed(
                "the section header has an impossible length",
            ));
        }
        let have = stream.need(whole).len();
        if have < whole {
            return Err(Refused::Short(have));
        }
        Ok(Self {
            big,
            section: Vec::new(),
        })
    }

    pub(super) fn next(&mut self, walk: &mut Walk<'_>) -> Option<Record> {
        loop {
            let have = walk.stream.need(12);
            if have.is_empty() {
                return None;
            }
            if have.len() < 12 {
                walk.notes.truncated("the file ends inside a block header");
                let left = have.len();
                walk.stream.consume(left);
                return None;
            }
            let kind = word(have, 0, self.big)?;
            // The type of a section header reads the same in both orders, and it sets the order
            // that its own length is written in.
            let order = if kind == SHB {
                section_order(have)
            } else {
                Some(self.big)
            };
            let len = order
                .and_then(|big| word(have, 4, big))
                .filter(|&n| (12..=BLOCK_MAX).contains(&n));
            let (Some(big), Some(len)) = (order, len) else {
                walk.notes.damage("a block with an impossible length");
                if self.resync(walk) {
                    continue;
                }
                return None;
            };
            let padded = len.next_multiple_of(4) as usize;
            if !len.is_multiple_of(4) {
                walk.notes
                    .damage("a block whose length is no multiple of four");
            }
            if padded > BLOCK_HELD_MAX {
                if !self.skip_long(walk, kind, padded) {
                    return None;
                }
                continue;
            }
            let have = walk.stream.need(padded).len();
            if have < padded {
                if self.believable(walk.stream.need(padded), 12) {
                    walk.notes.truncated("the last block is cut off");
                } else {
                    walk.notes
                        .damage("a block that runs past the end of the file");
                    if self.resync(walk) {
                        continue;
                    }
                }
                let left = walk.stream.need(1).len();
                walk.stream.consume(left);
                return None;
            }
            let block = walk.stream.need(padded).get(..padded).unwrap_or_default();
            let trailing = word(block, padded - 4, big);
            if trailing != Some(len) {
                // Either length may be the wrong one. If a block follows where this one says it
                // ends, the leading one is right and the block can be used.
                let follows = self.follows(walk, padded);
                walk.notes.damage("a block whose two lengths differ");
                if !follows {
                    if self.resync(walk) {
                        continue;
                    }
                    return None;
                }
            }
            let block = walk.stream.need(padded).get(..padded).unwrap_or_default();
            let body = block.get(8..padded - 4).unwrap_or_default();
            let found = match kind {
                SHB => {
                    self.big = big;
                    let editor = section_editor(block, big);
                    self.section.clear();
                    if let Some(editor) = editor {
                        walk.notes.gap(
                            GapId::EditedFile,
                            1,
                            format!("the file says that it was written by {editor}"),
                        );
                    }
                    Ok(None)
                }
                IDB => {
                    let described = describe_interface(block, big, self.big);
                    self.add_interface(walk, described)
                }
                STATISTICS => {
                    let counted = statistics(body, self.big);
                    self.count_drops(walk, counted)
                }
                ENHANCED => self.enhanced(body),
                SIMPLE => self.simple(body),
                PACKET => self.obsolete(body),
                _ => Ok(None),
            };
            match found {
                Ok(Some(packet)) => {
                    let Packet {
                        record,
                        lost,
                        known_interface,
                    } = packet;
                    if lost > 0 {
                        walk.notes.gap(
                            GapId::KernelDrops,
                            lost,
                            "packet records say that packets before them were lost",
                        );
                        if let Some(i) = walk.interfaces.get_mut(record.interface as usize) {
                            i.dropped = Some(i.dropped.unwrap_or(0).saturating_add(lost));
                        }
                    }
                    if known_interface {
                        return Some(Record {
                            total: padded,
                            ..record
                        });
                    }
                    walk.notes
                        .damage("a packet of an interface that the section does not describe");
                    let interface = unknown_interface(walk.interfaces);
                    return Some(Record {
                        total: padded,
                        interface,
                        ..record
                    });
                }
                Ok(None) => {}
                Err(cause) => {
                    walk.notes.damage(cause);
                }
            }
            walk.stream.consume(padded);
        }
    }

    fn skip_long(&self, walk: &mut Walk<'_>, kind: u32, padded: usize) -> bool {
        if matches!(kind, SHB | IDB | PACKET | SIMPLE | ENHANCED | STATISTICS) {
            walk.notes.damage("a block that is too long for its type");
            return self.resync(walk);
        }
        let skipped = walk.stream.skip(padded as u64);
        if skipped < padded as u64 {
            walk.notes.truncated("the last block is cut off");
            return false;
        }
        true
    }

    fn add_interface(
        &mut self,
        walk: &mut Walk<'_>,
        described: Option<Described>,
    ) -> Result<Option<Packet>, &'static str> {
        let Some(described) = described else {
            // It still takes its place in the numbering, or later packets would get a wrong one.
            self.section.push(LocalInterface {
                global: unknown_interface(walk.interfaces),
                clock: Clock {
                    ticks: 0,
                    offset_seconds: 0,
                },
                snaplen: 0,
                drops: 0,
            });
            return Err("an interface description that cannot be read");
        };
        if self.section.len() >= INTERFACES_MAX {
            walk.notes.gap(
                GapId::LimitsReached,
                1,
                "more interfaces than this program keeps",
            );
            return Ok(None);
        }
        if let Some(filter) = described.filter {
            walk.notes.gap(
                GapId::CaptureFilter,
                1,
                format!("the interface was captured with the filter \"{filter}\""),
            );
        }
        let global = u32::try_from(walk.interfaces.len()).unwrap_or(u32::MAX);
        walk.interfaces.push(described.interface);
        self.section.push(LocalInterface {
            global,
            clock: described.clock,
            snaplen: described.snaplen,
            drops: 0,
        });
        Ok(None)
    }

    fn count_drops(
        &mut self,
        walk: &mut Walk<'_>,
        counted: Option<(u32, u64)>,
    ) -> Result<Option<Packet>, &'static str> {
        let (id, drops) = counted.ok_or("interface statistics that cannot be read")?;
        let Some(local) = self.section.get_mut(id as usize) else {
            return Err("statistics of an interface that the section does not describe");
        };
        // Counters run from the start of the capture: a later block repeats what an earlier said.
        let more = drops.saturating_sub(local.drops);
        local.drops = local.drops.max(drops);
        if let Some(i) = walk.interfaces.get_mut(local.global as usize) {
            i.dropped = Some(i.dropped.unwrap_or(0).saturating_add(more));
        }
        if more > 0 {
            walk.notes.gap(
                GapId::KernelDrops,
                more,
                "the interface statistics say that packets were lost",
            );
        }
        Ok(None)
    }

    /// Enhanced Packet Block (§4.3).
    fn enhanced(&self, body: &[u8]) -> Result<Option<Packet>, &'static str> {
        const FIXED: usize = 20;
        let word = |at| word(body, at, self.big).ok_or("a packet block that is too short");
        let (id, high, low, captured, original) =
            (word(0)?, word(4)?, word(8)?, word(12)?, word(16)?);
        let captured = usize::try_from(captured).unwrap_or(usize::MAX);
        let data_end = FIXED.saturating_add(captured);
        if captured > RECORD_MAX || data_end > body.len() {
            return Err("a packet block whose captured length runs past its end");
        }
        let mut direction = None;
        let mut checksum_pending = false;
        let mut lost = 0;
        let options = body.get(data_end.next_multiple_of(4)..).unwrap_or_default();
        if !options.is_empty() {
            for (code, value) in Options::new(options, self.big) {
                match code {
                    EPB_FLAGS => {
                        let flags = int(value, self.big).unwrap_or(0);
                        direction = match flags & 0b11 {
                            1 => Some(Direction::In),
                            2 => Some(Direction::Out),
                            _ => None,
                        };
                        // Bit 9: checksum not ready (offload), §4.3.1.
                        checksum_pending = flags & (1 << 9) != 0;
                    }
                    EPB_DROPCOUNT => lost = int(value, self.big).unwrap_or(0),
                    _ => {}
                }
            }
        }
        let local = self.section.get(id as usize);
        Ok(Some(Packet {
            record: Record {
                time: local.map_or(Timestamp::UNKNOWN, |l| l.clock.time(high, low)),
                interface: local.map_or(0, |l| l.global),
                direction,
                checksum_pending,
                start: 8 + FIXED,
                captured,
                original_len: original.max(u32::try_from(captured).unwrap_or(0)),
                total: 0,
            },
            lost,
            known_interface: local.is_some(),
        }))
    }

    /// Simple Packet Block (§4.4): no time, always the first interface, cut at its snaplen.
    fn simple(&self, body: &[u8]) -> Result<Option<Packet>, &'static str> {
        let original = word(body, 0, self.big).ok_or("a packet block that is too short")?;
        let local = self.section.first();
        let snaplen = local.map_or(0, |l| l.snaplen);
        let limit = if snaplen == 0 {
            original
        } else {
            original.min(snaplen)
        };
        let held = body.len() - 4;
        let captured = usize::try_from(limit).unwrap_or(usize::MAX);
        if captured > held || captured > RECORD_MAX {
            return Err("a packet block whose captured length runs past its end");
        }
        Ok(Some(Packet {
            record: Record {
                time: Timestamp::UNKNOWN,
                interface: local.map_or(0, |l| l.global),
                direction: None,
                checksum_pending: false,
                start: 8 + 4,
                captured,
                original_len: original,
                total: 0,
            },
            lost: 0,
            known_interface: local.is_some(),
        }))
    }

    /// The obsolete Packet Block (appendix A): 16-bit interface and drop count.
    fn obsolete(&self, body: &[u8]) -> Result<Option<Packet>, &'static str> {
        const NO_DROP_COUNT: u16 = 0xffff;
        let half = |at: usize| {
            let b = body.get(at..)?.first_chunk::<2>().copied()?;
            Some(if self.big {
                u16::from_be_bytes(b)
            } else {
                u16::from_le_bytes(b)
            })
        };
        let (Some(id), Some(drops)) = (half(0), half(2)) else {
            return Err("a packet block that is too short");
        };
        let patched = self.enhanced_from(body, u32::from(id))?;
        let lost = if drops == NO_DROP_COUNT {
            0
        } else {
            u64::from(drops)
        };
        Ok(patched.map(|p| Packet { lost, ..p }))
    }

    /// The obsolete block has the enhanced block's layout but for the first word.
    fn enhanced_from(&self, body: &[u8], id: u32) -> Result<Option<Packet>, &'static str> {
        let found = self.enhanced(body)?;
        let local = self.section.get(id as usize);
        let (Some(high), Some(low)) = (word(body, 4, self.big), word(body, 8, self.big)) else {
            return Ok(None);
        };
        Ok(found.map(|p| Packet {
            record: Record {
                time: local.map_or(Timestamp::UNKNOWN, |l| l.clock.time(high, low)),
                interface: local.map_or(0, |l| l.global),
                ..p.record
            },
            lost: 0,
            known_interface: local.is_some(),
        }))
    }

    /// True when a block header that makes sense, or the end of the input, lies `len` bytes ahead.
    fn follows(&self, walk: &mut Walk<'_>, len: usize) -> bool {
        let ahead = walk.stream.need(len + 12);
        match ahead.get(len..) {
            Some([]) => true,
            Some(next) => self.believable(next, 12),
            None => false,
        }
    }

    /// The test used after damage: a known type and a sane length; the trailing length is checked
    /// by the caller where it is in reach.
    fn believable(&self, bytes: &[u8], min: usize) -> bool {
        if bytes.len() < min {
            return false;
        }
        let Some(kind) = word(bytes, 0, self.big) else {
            return false;
        };
        let big = if kind == SHB {
            section_order(bytes)
        } else {
            Some(self.big)
        };
        KNOWN.contains(&kind)
            && big
                .and_then(|b| word(bytes, 4, b))
                .is_some_and(|n| n.is_multiple_of(4) && (12..=BLOCK_MAX).contains(&n))
    }

    /// Moves to the next block whose lengths agree; false at the end of the input.
    fn resync(&self, walk: &mut Walk<'_>) -> bool {
        walk.stream.consume(1);
        loop {
            let have = walk.stream.need(NEED_MAX);
            if have.len() < 12 {
                let left = have.len();
                walk.stream.consume(left);
                return false;
            }
            let ended = have.len() < NEED_MAX;
            let last = if ended {
                have.len() - 11
            } else {
                have.len() / 2
            };
            let found = (0..last).find(|&at| {
                let bytes = have.get(at..).unwrap_or_default();
                if !self.believable(bytes, 12) {
                    return false;
                }
                let kind = word(bytes, 0, self.big);
                let big = if kind == Some(SHB) {
                    section_order(bytes).unwrap_or(self.big)
                } else {
                    self.big
                };
                let len = word(bytes, 4, big).unwrap_or(0);
                word(bytes, (len as usize).saturating_sub(4), big) == Some(len)
            });
            match found {
                Some(at) => {
                    walk.stream.consume(at);
                    return true;
                }
                None => walk.stream.consume(last.max(1)),
            }
        }
    }
}

struct Packet {
    record: Record,
    lost: u64,
    known_interface: bool,
}

/// The stand-in for packets whose interface is not described: one per capture, read by nobody.
fn unknown_interface(interfaces: &mut Vec<Interface>) -> u32 {
    let at = interfaces
        .iter()
        .position(|i| i.link_type.is_none())
        .unwrap_or_else(|| {
            interfaces.push(Interface {
                link_type: None,
                fcs_len: 0,
                digits: 0,
                dropped: None,
            });
            interfaces.len() - 1
        });
    u32::try_from(at).unwrap_or(0)
}
