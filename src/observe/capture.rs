//! Opening captures and lending their packets one at a time.
//!
//! Reads pcap (draft-ietf-opsawg-pcap) and pcapng (draft-ietf-opsawg-pcapng), plain or compressed
//! (gzip, zstd, lz4, xz), from files and pipes, in one pass and constant memory; several files one
//! behind the other (`cat`) are read through. Hands over a [`Frame`]: the bytes with their
//! circumstances. Knows no protocol. Damage is counted, skipped where possible and reported as a
//! gap; only a file that is no capture at all is an error.

mod bytes;
mod compressed;
pub mod excerpt;
mod facts;
mod foreign;
mod format;
pub(crate) mod hash;
mod means;
mod newlines;
mod pcap;
mod pcapng;
pub mod raw;
pub mod series;
pub mod sidecar;
mod source;
mod tail;
#[cfg(test)]
mod tests;

use crate::evidence::input::{InputFacts, Interface, Remark};
use crate::ground::cause::{FileCause, RecorderSays};
use crate::ground::error::{Error, reason};
use crate::ground::gaps::{GapId, GapKey, Gaps};
use crate::ground::label::Label;
use crate::ground::moment::{FrameRef, Moment, Timestamp};
use crate::ground::progress::Progress;
use bytes::ByteStream;
use compressed::{Compression, TeeReader};
use facts::{Collected, Interfaces};
use format::Format;
pub use means::Means;
use raw::{AtHand, Beside, Raw};
use sidecar::Sidecar;
pub use source::{Declared, Source};
use std::cell::RefCell;
use std::io::{ErrorKind, Read};
use std::rc::Rc;

/// The most bytes one packet record may hold: libpcap's MAXIMUM_SNAPLEN. A larger length is
/// damage, not a packet.
pub const RECORD_MAX: usize = 262_144;

/// Which way a packet went, as the record itself says (pcapng EPB flags, cooked packet types).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// Received by the capturing machine.
    In,
    /// Sent by the capturing machine.
    Out,
}

/// One captured packet with its circumstances.
#[derive(Debug, Clone, Copy)]
pub struct Frame<'a> {
    /// When, and which packet record of which input.
    pub moment: Moment,
    /// Index in [`Capture::interfaces`].
    pub interface: u32,
    /// What the record says about direction.
    pub direction: Option<Direction>,
    /// The record says that checksums were not computed yet (pcapng EPB flag bit 9).
    pub checksum_pending: bool,
    /// The program that the record names.
    pub label: Option<Label<'a>>,
    /// Length on the wire in bytes, link header included.
    pub original_len: u32,
    /// The bytes that were captured, link header first, a frame check sequence that is right removed.
    pub data: &'a [u8],
}

impl Frame<'_> {
    /// Bytes of the packet that the capture cut off.
    pub fn cut(&self) -> usize {
        (self.original_len as usize).saturating_sub(self.data.len())
    }
}

/// A capture being read.
pub struct Capture {
    source: Source,
    input: u32,
    stream: ByteStream,
    tap: Option<Rc<RefCell<TeeReader>>>,
    progress: Progress,
    format: Format,
    /// The format that the input begins with.
    began_as: &'static str,
    interfaces: Interfaces,
    collected: Collected,
    gaps: Gaps,
    /// Nanoseconds to add to times, as the case file declares.
    shift: i64,
    packets: u64,
    first: Timestamp,
    last: Timestamp,
    /// First time that is known, and the latest.
    span: (Timestamp, Timestamp),
    truncated: u64,
    damaged: bool,
    sidecar: Option<Sidecar>,
    /// The packet returned last.
    at_hand: Option<AtHand>,
}

/// What a format's reader writes to while it walks the file.
struct Walk<'a> {
    stream: &'a mut ByteStream,
    interfaces: &'a mut Interfaces,
    collected: &'a mut Collected,
    notes: Notes<'a>,
}

/// Damage and counters that a reader notices; separate from the stream so that both can be
/// borrowed at once.
struct Notes<'a> {
    gaps: &'a mut Gaps,
    damaged: &'a mut bool,
    input: u32,
    packets: u64,
    last: Timestamp,
}

impl Notes<'_> {
    /// Something in the file cannot be right; the frame before it says where.
    fn damage(&mut self, cause: FileCause) {
        *self.damaged = true;
        self.gap(GapId::DamagedFile, 1, cause);
    }

    /// As [`damage`](Self::damage), of something that belongs to the packet `here`.
    fn damage_at(&mut self, here: Moment, cause: FileCause) {
        *self.damaged = true;
        self.gap_at(GapId::DamagedFile, 1, cause, Some(here));
    }

    fn truncated(&mut self, cause: FileCause) {
        self.gap(GapId::TruncatedFile, 1, cause);
    }

    /// A gap behind the packet read last.
    fn gap(&mut self, id: GapId, count: u64, cause: FileCause) {
        let near = (self.packets > 0).then_some(Moment {
            time: self.last,
            at: FrameRef {
                input: self.input,
                frame: self.packets,
            },
        });
        self.gap_at(id, count, cause, near);
    }

    fn gap_at(&mut self, id: GapId, count: u64, cause: FileCause, place: Option<Moment>) {
        self.gaps.add(
            GapKey {
                id,
                input: self.input,
                cause: cause.into(),
                interval: None,
            },
            count,
            place,
        );
    }

    /// Where the packet stands that is being read.
    fn next_packet(&self, time: Timestamp) -> Moment {
        Moment {
            time,
            at: FrameRef {
                input: self.input,
                frame: self.packets.saturating_add(1),
            },
        }
    }
}

/// Length of the check sequence at the end of a packet, of which a file header says that it is there:
/// believed if it is right (the CRC of IEEE 802.3), because writers say so of packets without one.
fn check_sequence(data: &[u8], said: usize) -> usize {
    const LENGTH: usize = 4;
    if said != LENGTH {
        return 0;
    }
    let Some((covered, sequence)) = data.split_last_chunk::<LENGTH>() else {
        return 0;
    };
    let mut crc = flate2::Crc::new();
    crc.update(covered);
    if crc.sum() == u32::from_le_bytes(*sequence) {
        LENGTH
    } else {
        0
    }
}

/// A record found by a format's reader; its bytes are held by the stream.
struct Record {
    time: Timestamp,
    interface: u32,
    direction: Option<Direction>,
    checksum_pending: bool,
    /// Offset of the packet bytes in the held bytes.
    start: usize,
    /// Captured bytes.
    captured: usize,
    original_len: u32,
    /// Held bytes to consume before the next record.
    total: usize,
}

/// What a format's reader came to.
enum Step {
    /// A packet.
    Packet(Record),
    /// The header of another capture file, not read yet.
    AnotherFile,
    /// The end of the input.
    End,
}

impl Capture {
    /// Opens a capture as input number `input`; hashes it if so wished.
    ///
    /// # Errors
    /// A file that cannot be read, is empty, is no capture, whose file header is cut short, or whose
    /// header was destroyed on the way.
    pub fn open(source: &Source, input: u32, hash: bool, means: &Means) -> Result<Self, Error> {
        means.progress.file(&source.name());
        let raw = means.progress.reader(source.open()?);
        Self::over(source, raw, input, hash, means)
    }

    /// As [`open`](Self::open), where the bytes of the source are at hand.
    fn over(
        source: &Source,
        mut raw: Box<dyn Read>,
        input: u32,
        hash: bool,
        means: &Means,
    ) -> Result<Self, Error> {
        let mut magic = Vec::with_capacity(4);
        let read = raw.by_ref().take(4).read_to_end(&mut magic);
        if let Err(e) = read {
            return Err(Error::at(
                source.display(),
                format!("cannot read: {}", reason(&e)),
            ));
        }
        if magic.is_empty() {
            return Err(Error::at(
                source.display(),
                "is empty (zero bytes), so it is no capture",
            )
            .advise("record again, or leave it out"));
        }
        let hasher = hash.then(|| means.hasher());
        let compression = Compression::of(&magic);
        let whole: Box<dyn Read> = Box::new(std::io::Cursor::new(magic).chain(raw));
        let (mut stream, tap) = match compression {
            None => (ByteStream::new(whole, hasher), None),
            Some(kind) => {
                let tap = TeeReader::new(whole, hasher, kind);
                (
                    ByteStream::new(compressed::decoder(kind, &tap), None),
                    Some(tap),
                )
            }
        };
        let mut interfaces = Interfaces::default();
        let format = Format::detect(source, &mut stream, &mut interfaces, compression)?;
        Ok(Self {
            source: source.clone(),
            input,
            stream,
            tap,
            progress: means.progress.clone(),
            began_as: format.id(),
            format,
            interfaces,
            collected: Collected::default(),
            gaps: Gaps::default(),
            shift: source.shift(),
            packets: 0,
            first: Timestamp::UNKNOWN,
            last: Timestamp::UNKNOWN,
            span: (Timestamp::UNKNOWN, Timestamp::UNKNOWN),
            truncated: 0,
            damaged: false,
            sidecar: None,
            at_hand: None,
        })
    }

    /// Keeps the blocks beside the packets, for [`take_beside`](Self::take_beside).
    pub fn keep_beside(&mut self) {
        self.collected.kept = Some(raw::Kept::default());
    }

    /// The blocks that stood beside the packets since this was asked last, in the order of the file.
    ///
    /// # Errors
    /// When there were more than are held.
    pub fn take_beside(&mut self) -> Result<Vec<Beside>, Error> {
        match &mut self.collected.kept {
            Some(kept) if kept.over => Err(Error::at(
                self.source.display(),
                "holds more blocks between two packets than can be copied",
            )),
            Some(kept) => Ok(kept.take()),
            None => Ok(Vec::new()),
        }
    }

    /// The record of the packet that was returned last, as it stands in the file.
    pub fn record(&self) -> Option<Raw<'_>> {
        let at = self.at_hand?;
        let held = self.stream.before(at.total);
        Some(match &self.format {
            Format::Pcap(_) => Raw::Pcap {
                interface: at.interface,
                time: at.time,
                original_len: at.original_len,
                data: held.get(at.start..)?.get(..at.captured)?,
            },
            Format::Pcapng(format) => Raw::Pcapng {
                big: format.big(),
                block: held,
            },
        })
    }

    /// The first time that is known, and the latest, of the packets so far.
    fn span(&self) -> (Timestamp, Timestamp) {
        self.span
    }

    /// Where the packet returned last ends, in the file as it lies on disk; `None` in a compressed one.
    fn offset(&self) -> Option<u64> {
        self.tap.is_none().then(|| self.stream.offset())
    }

    /// The interfaces seen so far.
    pub fn interfaces(&self) -> &[Interface] {
        self.interfaces.as_slice()
    }

    /// The next packet, or `None` at the end.
    pub fn next_frame(&mut self) -> Option<Frame<'_>> {
        self.at_hand = None;
        let plain = match &mut self.format {
            Format::Pcap(format) => format.plain(&self.stream),
            Format::Pcapng(_) => None,
        };
        let mut record = match plain {
            Some(record) => record,
            None => self.next_record()?,
        };
        self.packets += 1;
        self.progress.packet(self.packets);
        self.at_hand = Some(AtHand {
            interface: record.interface,
            time: record.time,
            start: record.start,
            captured: record.captured,
            original_len: record.original_len,
            total: record.total,
        });
        if self.shift != 0 {
            record.time = record.time.plus(self.shift);
        }
        if self.packets == 1 {
            self.first = record.time;
        }
        self.last = record.time;
        if self.span.0 == Timestamp::UNKNOWN {
            self.span.0 = record.time;
        }
        self.span.1 = self.span.1.max(record.time);
        if (record.captured as u64) < u64::from(record.original_len) {
            self.truncated += 1;
        }
        let fcs = self
            .interfaces
            .get(record.interface)
            .map_or(0, |i| usize::from(i.fcs_len));
        // The slice is lent from the stream, which forgets the record now but keeps its bytes
        // until the next call.
        self.stream.consume(record.total);
        let held = self.stream.before(record.total);
        let data = held
            .get(record.start..)
            .and_then(|d| d.get(..record.captured))
            .unwrap_or_default();
        // Of a cut packet it may be gone, and another packet may never have had it.
        let whole = record.original_len as usize <= data.len();
        let fcs = if whole { check_sequence(data, fcs) } else { 0 };
        Some(Frame {
            moment: Moment {
                time: record.time,
                at: FrameRef {
                    input: self.input,
                    frame: self.packets,
                },
            },
            interface: record.interface,
            direction: record.direction,
            checksum_pending: record.checksum_pending,
            label: match &self.format {
                Format::Pcapng(format) => format.label(held),
                Format::Pcap(_) => None,
            },
            original_len: record
                .original_len
                .saturating_sub(u32::try_from(fcs).unwrap_or(0)),
            data: data.get(..data.len() - fcs).unwrap_or(data),
        })
    }

    /// The next packet's record, wherever it lies and whatever has to be said of what is before it.
    fn next_record(&mut self) -> Option<Record> {
        loop {
            let mut walk = Walk {
                stream: &mut self.stream,
                interfaces: &mut self.interfaces,
                collected: &mut self.collected,
                notes: Notes {
                    gaps: &mut self.gaps,
                    damaged: &mut self.damaged,
                    input: self.input,
                    packets: self.packets,
                    last: self.last,
                },
            };
            let step = match &mut self.format {
                Format::Pcap(format) => format.next(&mut walk),
                Format::Pcapng(format) => format.next(&mut walk),
            };
            match step {
                Step::Packet(record) => return Some(record),
                Step::End => return None,
                Step::AnotherFile => {
                    self.collected.joined(self.packets);
                    if let Format::Pcapng(format) = &self.format {
                        self.collected.nameless(format.nameless());
                    }
                    let detected = Format::detect(
                        &self.source,
                        &mut self.stream,
                        &mut self.interfaces,
                        self.tap.as_ref().map(|t| t.borrow().kind()),
                    );
                    match detected {
                        Ok(format) => self.format = format,
                        Err(_) => {
                            // Its header began well: the input ends inside it.
                            self.broke_off(GapId::TruncatedFile, FileCause::HeaderOfAnotherFileCut);
                            self.stream.skip(u64::MAX);
                            return None;
                        }
                    }
                }
            }
        }
    }

    /// Reads to the end, closes the input, and says what it was.
    ///
    /// # Errors
    /// When reading failed on the way (a disk or network error, not damage of the file).
    pub fn finish(mut self) -> Result<(InputFacts, Gaps), Error> {
        while self.next_frame().is_some() {}
        if let Some(e) = self.stream.failure() {
            self.judge_failure(e)?;
        }
        let dropped_beside = self.judge_sidecar();
        self.judge_counters(dropped_beside.is_some());
        if let Format::Pcapng(format) = &self.format {
            self.collected.nameless(format.nameless());
        }
        self.collected.tell_joined();
        let (bytes, sha256) = match &self.tap {
            Some(tap) => {
                drop(self.stream);
                TeeReader::finish(tap)
            }
            None => self.stream.finish(),
        };
        let format = match &self.tap {
            None => self.began_as.to_owned(),
            Some(tap) => format!("{}+{}", self.began_as, tap.borrow().kind().id()),
        };
        let interfaces = self.interfaces.into_vec();
        Ok((
            InputFacts {
                name: self.source.name(),
                path: self.source.path(),
                sha256,
                bytes,
                format,
                digits: interfaces.iter().map(|i| i.digits).max().unwrap_or(6),
                interfaces,
                dropped_beside,
                packets: self.packets,
                first: self.first,
                last: self.last,
                span: self.span,
                truncated: self.truncated,
                damaged: self.damaged,
                recorders: self.collected.recorders,
                uid_names: self.collected.uid_names,
                secrets: self.collected.secrets,
                hints: self.collected.hints,
                remarks: self.collected.remarks,
            },
            self.gaps,
        ))
    }

    /// What a stream that could not be read to its end means.
    fn judge_failure(&mut self, e: std::io::Error) -> Result<(), Error> {
        let (place, broken) = match &self.tap {
            Some(tap) => {
                let mut tap = tap.borrow_mut();
                (tap.bytes(), tap.broken())
            }
            None => (self.stream.offset(), Some(e.kind().into())),
        };
        // The file itself failed, which is no fault of what it holds.
        if let Some(broken) = broken {
            let e = if self.tap.is_some() { &broken } else { &e };
            return Err(Error::at(
                format!("{}: offset {place}", self.source.display()),
                format!("reading failed: {}", reason(e)),
            )
            .advise("the audit was not done; check the disk and run it again"));
        }
        match e.kind() {
            ErrorKind::UnexpectedEof => {
                self.broke_off(GapId::TruncatedFile, FileCause::CompressedStreamCut)
            }
            ErrorKind::QuotaExceeded => {
                self.broke_off(GapId::LimitsReached, FileCause::CompressedStreamGrows)
            }
            ErrorKind::OutOfMemory => {
                self.broke_off(GapId::LimitsReached, FileCause::CompressedStreamNeedsMemory)
            }
            _ => {
                self.damaged = true;
                self.broke_off(GapId::DamagedFile, FileCause::CompressedStreamDamaged);
            }
        }
        Ok(())
    }

    /// Takes the counters that its recorder wrote beside it.
    pub fn beside(&mut self, sidecar: Sidecar) {
        self.sidecar = Some(sidecar);
    }

    /// What a text beside the capture says of lost packets, as far as it can be taken for it.
    fn judge_sidecar(&mut self) -> Option<u64> {
        let sidecar = self.sidecar.take()?;
        let (name, counters) = (&sidecar.name, &sidecar.counters);
        let lost = counters.lost()?;
        let own = self.interfaces.as_slice().iter();
        let own = own.filter_map(|i| i.dropped).fold(0, u64::saturating_add);
        let said = || RecorderSays {
            name: name.as_str().into(),
            counters: *counters,
        };
        self.collected.remark(Remark::CountersBeside(said()));
        let fits = sidecar.fits(self.packets);
        if !fits {
            let of_another = Remark::CountersOfAnother(name.as_str().into(), self.packets);
            self.collected.remark(of_another);
        }
        // What the text counts beyond its own losses, and the file does not hold.
        let missing = sidecar::left_behind(
            counters.received.unwrap_or(0),
            counters.captured.unwrap_or(0),
            self.packets,
        )
        .saturating_sub(lost.max(own));
        if missing > 0 {
            let cause = FileCause::RecorderCountsMore(said(), self.packets);
            self.gaps
                .whole(GapId::KernelDrops, self.input, missing, None, cause);
        }
        if lost > own {
            let cause = FileCause::RecorderCountsLost(said());
            self.gaps
                .whole(GapId::KernelDrops, self.input, lost, None, cause);
        }
        (fits || lost > 0 || missing > 0).then_some(lost.saturating_add(missing))
    }

    /// Says for which interfaces nobody counted what was lost.
    fn judge_counters(&mut self, beside: bool) {
        if beside {
            return;
        }
        let described = self.interfaces.as_slice().iter();
        let (kept, all) = described
            .filter(|i| i.link_type.is_some())
            .fold((0u64, 0u64), |(kept, all), i| {
                (kept + u64::from(i.dropped.is_some()), all + 1)
            });
        if kept > 0 && kept == all {
            return;
        }
        let cause = match kept {
            0 => FileCause::NoCounters,
            _ => FileCause::InterfacesWithoutCounters {
                without: all - kept,
                all,
            },
        };
        self.gaps
            .whole(GapId::DropsUnknown, self.input, 1, None, cause);
    }

    fn broke_off(&mut self, id: GapId, cause: FileCause) {
        self.gaps.whole(id, self.input, 1, None, cause);
    }
}
