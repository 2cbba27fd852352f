//! pcapng (draft-ietf-opsawg-pcapng): sections, interfaces, packets, and what stands beside them.
//!
//! Blocks are cut by their own length first, then read; a block that does not hold together is
//! counted and skipped, and after a length that cannot be right the walk looks for the next block
//! whose leading and trailing lengths agree. Interfaces and processes are numbered per section, in
//! the order of their blocks, so every such block takes its place even if it cannot be read.
//! Journal entries and the blocks of strangers are skipped: types that are assigned (`blocks.tsv`)
//! or left to local use carry no packets. A block of no such type, or one that has the form of a
//! packet block, may be a packet block whose type was written over, and is damage.

mod beside;
mod comment;
mod interface;
mod label;
pub(super) mod options;
mod packet;
mod process;
mod resync;
mod section;
mod types;

use super::bytes::{ByteStream, NEED_MAX};
use super::raw::BesideKind;
use super::{Record, Step, Walk, pcap};
use crate::evidence::input::Remark;
use crate::ground::cause::FileCause;
use crate::ground::gaps::GapId;
use crate::ground::label::Label;
use beside::Custom;
use interface::SectionInterfaces;
use label::Claims;
use options::word;
use packet::{Packet, Scene};
use process::{Kept, Processes};
use section::{describe_interface, describe_section, section_order, statistics};

pub(super) const SECTION_HEADER_BYTES: [u8; 4] = [0x0a, 0x0d, 0x0d, 0x0a];
/// Type, length, byte-order magic, version, section length, trailing length (§4.1).
pub(super) const SECTION_HEADER_MIN: usize = 28;

/// The longest block that is held in memory; a longer one (a key log, a journal) is read in pieces
/// or skipped by its length. Every packet block with [`RECORD_MAX`](super::RECORD_MAX) bytes and
/// generous options fits.
const BLOCK_HELD_MAX: usize = NEED_MAX - 4096;

/// The longest block length believed at all; beyond it the length is damage.
const BLOCK_MAX: u32 = 1 << 30;

const SHB: u32 = 0x0a0d_0d0a;
const IDB: u32 = 1;
const PACKET: u32 = 2;
const SIMPLE: u32 = 3;
const NAMES: u32 = 4;
const STATISTICS: u32 = 5;
const ENHANCED: u32 = 6;
const SECRETS: u32 = 10;
const CUSTOM: u32 = 0xbad;
/// A custom block that tools are asked not to copy; for reading it is the same.
const CUSTOM_ONCE: u32 = 0x4000_0bad;
const PROCESS: u32 = 0x8000_0001;

/// Why a file that begins like pcapng was refused.
pub(super) enum Refused {
    /// It ends inside its first block, after so many bytes.
    Short(usize),
    /// Its first block cannot be right.
    Malformed(&'static str),
}

#[derive(Default)]
pub(super) struct Pcapng {
    big: bool,
    sections: u64,
    interfaces: SectionInterfaces,
    processes: Processes,
    claims: Claims,
    /// `claims` are those of the packet returned last.
    claimed: bool,
    /// Packets that name a process which the file does not describe.
    nameless: u64,
}

/// True when `bytes` begin a section header: type, sensible length, byte-order magic.
pub(super) fn section_begins(bytes: &[u8]) -> bool {
    bytes.starts_with(&SECTION_HEADER_BYTES)
        && section_order(bytes)
            .and_then(|big| word(bytes, 4, big))
            .is_some_and(|n| {
                n.is_multiple_of(4) && (SECTION_HEADER_MIN..=BLOCK_HELD_MAX).contains(&(n as usize))
            })
}

impl Pcapng {
    /// Checks the first section header; it stays unread, [`next`](Self::next) takes it.
    pub(super) fn open(stream: &mut ByteStream) -> Result<Self, Refused> {
        let head = stream.need(SECTION_HEADER_MIN);
        let big = section_order(head).ok_or(Refused::Malformed(
            "the section header has no valid byte-order magic",
        ))?;
        let len = word(head, 4, big).ok_or(Refused::Short(head.len()))?;
        if !section_begins(head) {
            return Err(Refused::Malformed(
                "the section header has an impossible length",
            ));
        }
        let whole = usize::try_from(len).unwrap_or(usize::MAX);
        let have = stream.need(whole).len();
        if have < whole {
            return Err(Refused::Short(have));
        }
        Ok(Self {
            big,
            ..Self::default()
        })
    }

    /// The label of the packet returned last; `held` is its block.
    pub(super) fn label<'a>(&'a self, held: &'a [u8]) -> Option<Label<'a>> {
        if !self.claimed {
            return None;
        }
        self.claims.label(held, &self.processes)
    }

    /// Byte order of the section at hand.
    pub(super) fn big(&self) -> bool {
        self.big
    }

    /// Packets that name a process which the file does not describe.
    pub(super) fn nameless(&self) -> u64 {
        self.nameless
    }

    pub(super) fn next(&mut self, walk: &mut Walk<'_>) -> Step {
        let step = self.step(walk);
        if !matches!(step, Step::Packet(_)) {
            self.interfaces.settle(walk.interfaces, &mut walk.notes);
        }
        step
    }

    fn step(&mut self, walk: &mut Walk<'_>) -> Step {
        self.claimed = false;
        loop {
            let have = walk.stream.need(12);
            if have.is_empty() {
                return Step::End;
            }
            let Some(kind) = word(have, 0, self.big).filter(|_| have.len() >= 12) else {
                walk.notes.truncated(FileCause::BlockHeaderCut);
                let left = have.len();
                walk.stream.consume(left);
                return Step::End;
            };
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
            if kind > CUSTOM && kind != SHB && pcap::another_file(walk.stream.need(pcap::HEADER)) {
                return Step::AnotherFile;
            }
            let (Some(big), Some(len)) = (order, len) else {
                walk.notes.damage(FileCause::BlockLength);
                if self.resync(walk) {
                    continue;
                }
                return Step::End;
            };
            let padded = len.next_multiple_of(4) as usize;
            if !len.is_multiple_of(4) {
                walk.notes.damage(FileCause::BlockLengthOdd);
            }
            if padded > BLOCK_HELD_MAX {
                if !self.take_long(walk, kind, padded) {
                    return Step::End;
                }
                continue;
            }
            let have = walk.stream.need(padded).len();
            if have < padded {
                if resync::believable(walk.stream.need(padded), self.big) {
                    walk.notes.truncated(FileCause::LastBlockCut);
                } else {
                    walk.notes.damage(FileCause::BlockPastEnd);
                    if self.resync(walk) {
                        continue;
                    }
                }
                let left = walk.stream.need(1).len();
                walk.stream.consume(left);
                return Step::End;
            }
            let block = walk.stream.need(padded).get(..padded).unwrap_or_default();
            if word(block, padded - 4, big) != Some(len) {
                // Either length may be the wrong one. If a block follows where this one says it
                // ends, the leading one is right and the block can be used.
                let follows = resync::follows(walk.stream, padded, self.big);
                walk.notes.damage(FileCause::BlockLengthsDiffer);
                if !follows {
                    if self.resync(walk) {
                        continue;
                    }
                    return Step::End;
                }
            }
            let block = walk.stream.need(padded).get(..padded).unwrap_or_default();
            let body = block.get(8..padded - 4).unwrap_or_default();
            let scene = Scene {
                interfaces: self.interfaces.as_slice(),
                big: self.big,
            };
            let found = match kind {
                ENHANCED => scene.enhanced(body, &mut self.claims),
                SIMPLE => scene.simple(body),
                PACKET => scene.obsolete(body),
                SECRETS => {
                    walk.collected.keep(BesideKind::Secrets, self.big, block);
                    let kept = &mut walk.collected.secrets;
                    if !beside::secrets(walk.stream, padded, self.big, kept) {
                        walk.notes.damage(FileCause::SecretsPastEnd);
                    }
                    continue;
                }
                _ => {
                    self.big = big;
                    self.beside(walk, kind, padded);
                    walk.stream.consume(padded);
                    continue;
                }
            };
            match found {
                Ok(packet) => return Step::Packet(self.admit(walk, packet, padded)),
                Err(cause) => {
                    walk.notes.damage(cause);
                    walk.stream.consume(padded);
                }
            }
        }
    }

    /// What a packet block says beside its packet.
    fn admit(&mut self, walk: &mut Walk<'_>, packet: Packet, padded: usize) -> Record {
        let Packet {
            mut record, local, ..
        } = packet;
        record.total = padded;
        let here = walk.notes.next_packet(record.time);
        self.interfaces.packet(local);
        if local.is_none() {
            record.interface = walk.interfaces.unknown();
            walk.notes.damage_at(here, FileCause::PacketOfNoInterface);
        }
        if let Some(cause) = packet.broken {
            walk.notes.damage_at(here, cause);
        }
        if let Some(lost) = packet.lost {
            let more = self.interfaces.lost_before(local, lost);
            walk.interfaces.lost(record.interface, more);
            if more > 0 {
                let title = walk.interfaces.title(record.interface);
                let cause = FileCause::LostBefore(title);
                walk.notes
                    .gap_at(GapId::KernelDrops, more, cause, Some(here));
            }
        }
        if packet.claimed {
            self.claimed = true;
            if self.claims.dangling(&self.processes) {
                self.nameless = self.nameless.saturating_add(1);
            }
        }
        record
    }

    /// A block without packet that is held: the next `padded` bytes.
    fn beside(&mut self, walk: &mut Walk<'_>, kind: u32, padded: usize) {
        let block = walk.stream.need(padded).get(..padded).unwrap_or_default();
        let body = block.get(8..padded - 4).unwrap_or_default();
        let scene = Scene {
            interfaces: self.interfaces.as_slice(),
            big: self.big,
        };
        if !matches!(kind, SHB | IDB) && scene.hides(body) {
            walk.notes.damage(FileCause::BlockTypeDisguised);
        } else if !types::assigned(kind) {
            walk.notes.damage(FileCause::BlockTypeUnassigned);
        }
        let block = walk.stream.need(padded).get(..padded).unwrap_or_default();
        let body = block.get(8..padded - 4).unwrap_or_default();
        match kind {
            SHB => {
                walk.collected.keep(BesideKind::Section, self.big, block);
                let described = describe_section(block, self.big);
                self.interfaces.settle(walk.interfaces, &mut walk.notes);
                self.interfaces.clear();
                self.processes.clear();
                self.sections += 1;
                if self.sections > 1 {
                    walk.collected.joined(walk.notes.packets);
                }
                walk.collected.recorder(described.recorder);
                if let Some(cause) = described.edited {
                    walk.notes.gap(GapId::EditedFile, 1, cause);
                }
                if described.excerpt {
                    walk.notes.gap(GapId::CaptureFilter, 1, FileCause::Extract);
                }
                if described.broken {
                    walk.notes.damage(FileCause::SectionOptions);
                }
            }
            IDB => match describe_interface(block, self.big) {
                Some(described) => {
                    walk.collected.keep(BesideKind::Interface, self.big, block);
                    if described.broken {
                        walk.notes.damage(FileCause::InterfaceOptions);
                    }
                    self.interfaces
                        .add(walk.interfaces, &mut walk.notes, described);
                }
                None => {
                    walk.collected
                        .keep(BesideKind::UnreadInterface, self.big, &[]);
                    self.interfaces.add_unread(walk.interfaces);
                    walk.notes.damage(FileCause::InterfaceUnreadable);
                }
            },
            STATISTICS => match statistics(body, self.big) {
                Some(counted) => {
                    if counted.broken {
                        walk.notes.damage(FileCause::StatisticsOptions);
                    }
                    self.interfaces
                        .counted(walk.interfaces, &mut walk.notes, &counted);
                }
                None => walk.notes.damage(FileCause::StatisticsUnreadable),
            },
            NAMES => match beside::names(body, self.big) {
                Some(names) => {
                    let hints = &mut walk.collected.hints;
                    hints.names = hints.names.saturating_add(names);
                }
                None => walk.notes.damage(FileCause::NamesPastEnd),
            },
            PROCESS => {
                let before = self.processes.count();
                let kept = self.processes.add(Some(body), self.big);
                if self.processes.count() > before {
                    walk.collected.keep(BesideKind::Process, self.big, block);
                }
                walk.notes.process(kept);
            }
            CUSTOM | CUSTOM_ONCE => match beside::custom(body, self.big, walk.collected) {
                Custom::Taken => {
                    if beside::is_pcapdroid(body, self.big) {
                        walk.collected.keep(BesideKind::AppName, self.big, block);
                    }
                }
                Custom::Unknown => walk.collected.remark(Remark::AppNamesOfLaterVersion),
                Custom::Malformed => walk.notes.damage(FileCause::AppNameUnreadable),
                Custom::TooMany => walk
                    .notes
                    .gap(GapId::LimitsReached, 1, FileCause::AppNamesOver),
            },
            _ => {}
        }
    }

    /// A block that is too long to be held; false at the end of the input.
    fn take_long(&mut self, walk: &mut Walk<'_>, kind: u32, padded: usize) -> bool {
        if matches!(kind, SHB | IDB | PACKET | SIMPLE | ENHANCED | STATISTICS) {
            walk.notes.damage(FileCause::BlockTooLong);
            return self.resync(walk);
        }
        if !types::assigned(kind) {
            walk.notes.damage(FileCause::BlockTypeUnassigned);
        }
        let start = walk.stream.offset();
        match kind {
            SECRETS => {
                walk.collected.keep(BesideKind::LongSecrets, self.big, &[]);
                let kept = &mut walk.collected.secrets;
                if !beside::secrets(walk.stream, padded, self.big, kept) {
                    walk.notes.damage(FileCause::SecretsPastEnd);
                }
            }
            PROCESS => {
                let before = self.processes.count();
                let kept = self.processes.add(None, self.big);
                if self.processes.count() > before {
                    walk.collected
                        .keep(BesideKind::UnreadProcess, self.big, &[]);
                }
                walk.notes.process(kept);
            }
            NAMES => walk.collected.remark(Remark::NamesTooLong),
            _ => {}
        }
        let read = walk.stream.offset().saturating_sub(start);
        let left = (padded as u64).saturating_sub(read);
        if walk.stream.skip(left) < left {
            walk.notes.truncated(FileCause::LastBlockCut);
            return false;
        }
        true
    }

    /// Moves to the next block whose lengths agree, or to another file; false at the end of the
    /// input.
    fn resync(&mut self, walk: &mut Walk<'_>) -> bool {
        self.processes.lose_count();
        resync::forward(walk.stream, self.big)
    }
}

impl super::Notes<'_> {
    /// What a process block that was not kept means.
    fn process(&mut self, kept: Kept) {
        match kept {
            Kept::Yes => {}
            Kept::Malformed => self.damage(FileCause::ProcessUnreadable),
            Kept::TooMany => self.gap(GapId::LimitsReached, 1, FileCause::ProcessesOver),
        }
    }
}
