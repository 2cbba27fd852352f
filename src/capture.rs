//! Opening captures and lending their packets one at a time.
//!
//! Reads pcap (draft-ietf-opsawg-pcap) and pcapng (draft-ietf-opsawg-pcapng), plain, gzip or zstd,
//! from files and pipes, in one pass and constant memory. Hands over a [`Frame`]: the bytes with
//! their circumstances. Knows no protocol. Damage is counted, skipped where possible and reported
//! as a gap; only a file that is no capture at all is an error.

mod bytes;
mod compressed;
pub(crate) mod hash;
mod pcap;
mod pcapng;
pub mod series;

use crate::coverage::{GapId, GapKey, Gaps};
use crate::error::Error;
use crate::evidence::{FrameRef, Moment, Timestamp};
use crate::label::Label;
use bytes::ByteStream;
use compressed::{Compression, Tap};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
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
    /// The bytes that were captured, link header first, frame check sequence removed.
    pub data: &'a [u8],
}

impl Frame<'_> {
    /// Bytes of the packet that the capture cut off.
    pub fn cut(&self) -> usize {
        (self.original_len as usize).saturating_sub(self.data.len())
    }
}

/// An interface of a capture; a classic pcap has exactly one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    /// LINKTYPE value (IANA "PCAP LINKTYPE" registry); `None` when a packet names no known interface.
    pub link_type: Option<u16>,
    /// Bytes of frame check sequence at the end of every packet.
    pub fcs_len: u8,
    /// Digits of the fraction of a second that its clock writes.
    pub digits: u8,
    /// Packets lost by its own counters, if it keeps any.
    pub dropped: Option<u64>,
}

/// What a whole input turned out to be, once read to its end.
#[derive(Debug, Clone)]
pub struct InputFacts {
    /// The file name alone, so that machines agree; `-` for standard input.
    pub name: String,
    /// The path as it was given.
    pub path: PathBuf,
    /// SHA-256 of the file as it lies on disk; `None` with `--no-hash`.
    pub sha256: Option<String>,
    /// Size of the file in bytes.
    pub bytes: u64,
    /// `pcap`, `pcapng`, with `+gzip` or `+zstd`.
    pub format: String,
    /// Interfaces in the order of the file.
    pub interfaces: Vec<Interface>,
    /// Packet records read.
    pub packets: u64,
    /// First packet in file order.
    pub first: Timestamp,
    /// Last packet in file order.
    pub last: Timestamp,
    /// Digits of the fraction of a second: the finest of its interfaces.
    pub digits: u8,
    /// Packets whose captured bytes are fewer than their length on the wire.
    pub truncated: u64,
    /// Records or blocks that cannot be right, or a stream that broke off.
    pub damaged: bool,
    /// What the file says about the apps behind user ids.
    pub uid_names: BTreeMap<u32, BTreeSet<UidName>>,
}

/// An app that a file names for a user id.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct UidName {
    /// Package name; may be empty.
    pub package: String,
    /// Title; may be empty.
    pub app: String,
}

impl InputFacts {
    /// Packets lost by the capture's own counters, if it keeps any.
    pub fn dropped(&self) -> Option<u64> {
        self.interfaces
            .iter()
            .filter_map(|i| i.dropped)
            .fold(None, |sum, d| Some(sum.unwrap_or(0u64).saturating_add(d)))
    }
}

/// Where a capture comes from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// A file.
    File(PathBuf),
    /// Standard input, `-` on the command line.
    Stdin,
    /// Standard input, written to a file first because it has to be read twice.
    Spooled(PathBuf),
}

impl Source {
    /// From a command-line argument.
    pub fn of(argument: &Path) -> Self {
        if argument.as_os_str() == "-" {
            Self::Stdin
        } else {
            Self::File(argument.to_owned())
        }
    }

    /// The file name alone.
    pub fn name(&self) -> String {
        match self {
            Self::File(path) => path.file_name().map_or_else(
                || path.display().to_string(),
                |n| n.to_string_lossy().into_owned(),
            ),
            Self::Stdin | Self::Spooled(_) => "-".into(),
        }
    }

    /// The path for messages.
    pub fn display(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Stdin | Self::Spooled(_) => "standard input".into(),
        }
    }

    fn open(&self) -> Result<Box<dyn Read>, Error> {
        let path = match self {
            Self::Stdin => return Ok(Box::new(std::io::stdin().lock())),
            Self::File(path) | Self::Spooled(path) => path,
        };
        let refuse = |e: std::io::Error| {
            let advice = match e.kind() {
                std::io::ErrorKind::NotFound => "check the path",
                std::io::ErrorKind::PermissionDenied => "make it readable for this user",
                _ => "check the file",
            };
            Error::at(
                self.display(),
                format!("cannot open the capture: {}", reason(&e)),
            )
            .advise(advice)
        };
        let file = File::open(path).map_err(refuse)?;
        let about = file.metadata().map_err(refuse)?;
        if about.is_dir() {
            return Err(Error::at(self.display(), "is a directory, not a capture")
                .advise("name the capture files in it, e.g. with a shell wildcard"));
        }
        Ok(Box::new(file))
    }
}

/// An operating system error without its number, which differs between machines.
pub(crate) fn reason(e: &std::io::Error) -> String {
    let text = e.to_string();
    match text.find(" (os error") {
        Some(at) => text
            .chars()
            .take(text.get(..at).map_or(0, |t| t.chars().count()))
            .collect(),
        None => text,
    }
}

enum Format {
    Pcap(pcap::Pcap),
    Pcapng(Box<pcapng::Pcapng>),
}

/// A capture being read.
pub struct Capture {
    source: Source,
    input: u32,
    stream: ByteStream,
    tap: Option<Rc<RefCell<Tap>>>,
    compression: Option<Compression>,
    format: Format,
    interfaces: Vec<Interface>,
    gaps: Gaps,
    packets: u64,
    first: Timestamp,
    last: Timestamp,
    truncated: u64,
    damaged: bool,
}

/// What a format's reader writes to while it walks the file.
struct Walk<'a> {
    stream: &'a mut ByteStream,
    interfaces: &'a mut Vec<Interface>,
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
    fn damage(&mut self, cause: &'static str) {
        *self.damaged = true;
        self.gap(GapId::DamagedFile, 1, cause);
    }

    fn truncated(&mut self, cause: &'static str) {
        self.gap(GapId::TruncatedFile, 1, cause);
    }

    fn gap(&mut self, id: GapId, count: u64, cause: impl Into<std::borrow::Cow<'static, str>>) {
        let near = (self.packets > 0).then_some(Moment {
            time: self.last,
            at: FrameRef {
                input: self.input,
                frame: self.packets,
            },
        });
        self.gaps.add(
            GapKey {
                id,
                input: self.input,
                cause: cause.into(),
                epoch: None,
            },
            count,
            near,
        );
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

impl Capture {
    /// Opens a capture as input number `input`.
    ///
    /// # Errors
    /// A file that cannot be read, is empty, is no capture, or whose file header is cut short.
    pub fn open(source: &Source, input: u32, hash: bool) -> Result<Self, Error> {
        let mut raw = source.open()?;
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
        let hasher = match hash {
            true => Some(hash::Hasher::start().map_err(|e| {
                Error::new(format!("cannot start the hashing thread: {}", reason(&e)))
            })?),
            false => None,
        };
        let compression = Compression::of(&magic);
        let whole: Box<dyn Read> = Box::new(std::io::Cursor::new(magic).chain(raw));
        let (mut stream, tap) = match compression {
            None => (ByteStream::new(whole, hasher), None),
            Some(kind) => {
                let tap = Tap::new(whole, hasher);
                (
                    ByteStream::new(compressed::decoder(kind, &tap), None),
                    Some(tap),
                )
            }
        };
        let mut interfaces = Vec::new();
        let format = Self::detect(source, &mut stream, &mut interfaces)?;
        Ok(Self {
            source: source.clone(),
            input,
            stream,
            tap,
            compression,
            format,
            interfaces,
            gaps: Gaps::default(),
            packets: 0,
            first: Timestamp::UNKNOWN,
            last: Timestamp::UNKNOWN,
            truncated: 0,
            damaged: false,
        })
    }

    fn detect(
        source: &Source,
        stream: &mut ByteStream,
        interfaces: &mut Vec<Interface>,
    ) -> Result<Format, Error> {
        let magic = stream.need(4).first_chunk::<4>().copied();
        let short = |what: &str, have: usize| {
            Error::at(
                source.display(),
                format!("the {what} is cut short: the file ends after {have} bytes"),
            )
            .advise("the capture was not written completely; record or copy it again")
        };
        match magic {
            Some(m) if pcap::Pcap::is(m) => {
                let have = stream.need(pcap::HEADER).len();
                if have < pcap::HEADER {
                    return Err(short("pcap file header", have));
                }
                let header = stream.exact(pcap::HEADER).unwrap_or_default();
                match pcap::Pcap::open(header) {
                    Some((format, interface)) => {
                        interfaces.push(interface);
                        stream.consume(pcap::HEADER);
                        Ok(Format::Pcap(format))
                    }
                    None => Err(Error::at(
                        source.display(),
                        "the pcap file header names a version that does not exist",
                    )
                    .advise("only pcap 2.x is known")),
                }
            }
            Some(pcapng::SECTION_HEADER_BYTES) => {
                let have = stream.need(pcapng::SECTION_HEADER_MIN).len();
                if have < pcapng::SECTION_HEADER_MIN {
                    return Err(short("pcapng section header", have));
                }
                match pcapng::Pcapng::open(stream) {
                    Ok(format) => Ok(Format::Pcapng(Box::new(format))),
                    Err(pcapng::Refused::Short(have)) => Err(short("pcapng section header", have)),
                    Err(pcapng::Refused::Malformed(what)) => {
                        Err(Error::at(format!("{}: offset 0", source.display()), what)
                            .advise("the file is damaged at its very start"))
                    }
                }
            }
            _ => {
                let have = stream.need(4).len();
                if let Some(e) = stream.failure() {
                    return Err(Error::at(
                        source.display(),
                        format!("cannot be decompressed: {}", reason(&e)),
                    )
                    .advise("the compressed file is damaged at its start"));
                }
                if have == 0 {
                    return Err(Error::at(
                        source.display(),
                        "holds nothing once decompressed, so it is no capture",
                    ));
                }
                Err(Error::at(
                    source.display(),
                    "is not a capture: neither pcap nor pcapng (plain, gzip or zstd)",
                )
                .advise("export it as pcapng, e.g. from Wireshark"))
            }
        }
    }

    /// The interfaces seen so far.
    pub fn interfaces(&self) -> &[Interface] {
        &self.interfaces
    }

    /// The name of the input, for messages.
    pub fn name(&self) -> String {
        self.source.name()
    }

    /// The next packet, or `None` at the end.
    pub fn next_frame(&mut self) -> Option<Frame<'_>> {
        let mut walk = Walk {
            stream: &mut self.stream,
            interfaces: &mut self.interfaces,
            notes: Notes {
                gaps: &mut self.gaps,
                damaged: &mut self.damaged,
                input: self.input,
                packets: self.packets,
                last: self.last,
            },
        };
        let record = match &mut self.format {
            Format::Pcap(format) => format.next(&mut walk),
            Format::Pcapng(format) => format.next(&mut walk),
        }?;
        self.packets += 1;
        if self.packets == 1 {
            self.first = record.time;
        }
        self.last = record.time;
        if (record.captured as u64) < u64::from(record.original_len) {
            self.truncated += 1;
        }
        let fcs = self
            .interfaces
            .get(record.interface as usize)
            .map_or(0, |i| usize::from(i.fcs_len));
        // The check sequence is the tail of the packet on the wire: a cut packet may have lost it.
        let cut = (record.original_len as usize).saturating_sub(record.captured);
        let drop = fcs.saturating_sub(cut).min(record.captured);
        // The slice is lent from the stream, which forgets the record now but keeps its bytes
        // until the next call.
        self.stream.consume(record.total);
        let held = self.stream.before(record.total);
        let data = held
            .get(record.start..)
            .and_then(|d| d.get(..record.captured - drop))
            .unwrap_or_default();
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
            label: None,
            original_len: record
                .original_len
                .saturating_sub(u32::try_from(fcs).unwrap_or(0)),
            data,
        })
    }

    /// Reads to the end, closes the input, and says what it was.
    ///
    /// # Errors
    /// When reading failed on the way (a disk or network error, not damage of the file).
    pub fn finish(mut self) -> Result<(InputFacts, Gaps), Error> {
        while self.next_frame().is_some() {}
        if let Some(e) = self.stream.failure() {
            match (self.compression, e.kind()) {
                (Some(_), std::io::ErrorKind::UnexpectedEof) => self.broke_off(
                    GapId::TruncatedFile,
                    "the compressed stream ends in the middle",
                ),
                (Some(_), _) => {
                    self.damaged = true;
                    self.broke_off(
                        GapId::DamagedFile,
                        "the compressed stream is damaged; nothing behind that can be read",
                    );
                }
                (None, _) => {
                    return Err(Error::at(
                        format!("{}: offset {}", self.source.display(), self.stream.offset()),
                        format!("reading failed: {}", reason(&e)),
                    )
                    .advise("the audit was not done; check the disk and run it again"));
                }
            }
        }
        let counters = self.interfaces.iter().any(|i| i.dropped.is_some());
        if !counters {
            self.gaps.whole(
                GapId::DropsUnknown,
                self.input,
                1,
                None,
                "the file keeps no counters of lost packets",
            );
        }
        let (bytes, sha256) = match &self.tap {
            Some(tap) => {
                drop(self.stream);
                Tap::finish(tap)
            }
            None => self.stream.finish(),
        };
        let base = match self.format {
            Format::Pcap(_) => "pcap",
            Format::Pcapng(_) => "pcapng",
        };
        let format = match self.compression {
            None => base.to_owned(),
            Some(Compression::Gzip) => format!("{base}+gzip"),
            Some(Compression::Zstd) => format!("{base}+zstd"),
        };
        let path = match &self.source {
            Source::File(path) => path.clone(),
            Source::Stdin | Source::Spooled(_) => PathBuf::from("-"),
        };
        Ok((
            InputFacts {
                name: self.source.name(),
                path,
                sha256,
                bytes,
                format,
                digits: self.interfaces.iter().map(|i| i.digits).max().unwrap_or(6),
                interfaces: self.interfaces,
                packets: self.packets,
                first: self.first,
                last: self.last,
                truncated: self.truncated,
                damaged: self.damaged,
                uid_names: BTreeMap::new(),
            },
            self.gaps,
        ))
    }

    fn broke_off(&mut self, id: GapId, cause: &'static str) {
        self.gaps.whole(id, self.input, 1, None, cause);
    }
}
