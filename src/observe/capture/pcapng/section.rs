//! Sections, interfaces and statistics: the blocks beside the packets (§4.1, §4.2, §4.6).
//!
//! Their fixed fields go through pcap-parser. Options are walked here: it drops what follows a
//! malformed one without a word, goes on behind opt_endofopt, and gets signed, big-endian and
//! power-of-two values wrong.

use super::super::excerpt::PROGRAM;
use super::super::facts::text;
use super::options::{OPT_COMMENT, Options, int, word};
use crate::evidence::input::{Interface, Recorder};
use crate::ground::cause::FileCause;
use crate::ground::moment::Timestamp;
use pcap_parser::Block;

const SHB_HARDWARE: u16 = 2;
const SHB_OS: u16 = 3;
const SHB_USERAPPL: u16 = 4;
const IF_NAME: u16 = 2;
const IF_DESCRIPTION: u16 = 3;
const IF_TSRESOL: u16 = 9;
const IF_FILTER: u16 = 11;
const IF_OS: u16 = 12;
const IF_TSOFFSET: u16 = 14;
const IF_HARDWARE: u16 = 15;
const ISB_IFDROP: u16 = 5;
const ISB_FILTERACCEPT: u16 = 6;
const ISB_OSDROP: u16 = 7;
const ISB_USRDELIV: u16 = 8;

/// Programs that write a capture anew; what they removed leaves no mark of its own. Wireshark and
/// TShark are among them, because what they record is written by Dumpcap, which names itself:
/// their own name stands in files that they made from others.
const EDITORS: [&str; 8] = [
    "editcap",
    "mergecap",
    "reordercap",
    "text2pcap",
    "tcprewrite",
    "tracewrangler",
    "tshark",
    "wireshark",
];

/// What mergecap writes into the comment of a section, whatever program the section names.
const MERGED: &[u8] = b"File created by merging:";

/// The clock of an interface (§4.2 if_tsresol, if_tsoffset).
#[derive(Clone, Copy)]
pub(super) struct Clock {
    /// Ticks per second; 0 when the file states a resolution that cannot be.
    pub(super) ticks: u128,
    pub(super) offset_seconds: i64,
}

impl Clock {
    /// Of an interface that is not described.
    pub(super) const STOPPED: Self = Self {
        ticks: 0,
        offset_seconds: 0,
    };

    pub(super) fn time(self, high: u32, low: u32) -> Timestamp {
        let ticks = (u64::from(high) << 32) | u64::from(low);
        let second = Timestamp::SECOND as u128;
        let nanos = u128::from(ticks)
            .checked_mul(second)
            .and_then(|n| n.checked_div(self.ticks));
        match nanos.and_then(|n| i128::try_from(n).ok()) {
            Some(n) => Timestamp::from_nanos(
                n + i128::from(self.offset_seconds) * i128::from(Timestamp::SECOND),
            ),
            None => Timestamp::UNKNOWN,
        }
    }
}

/// The byte order of the section that a header opens (§4.1), if its magic is one.
pub(in super::super) fn section_order(block: &[u8]) -> Option<bool> {
    match block.get(8..12)? {
        [0x1a, 0x2b, 0x3c, 0x4d] => Some(true),
        [0x4d, 0x3c, 0x2b, 0x1a] => Some(false),
        _ => None,
    }
}

/// A block through pcap-parser; its streaming parsers want a whole block, which it is.
fn parse(block: &[u8], big: bool) -> Option<Block<'_>> {
    let parsed = if big {
        pcap_parser::parse_block_be(block)
    } else {
        pcap_parser::parse_block_le(block)
    };
    parsed.ok().map(|(_, block)| block)
}

/// Options of a block behind `fixed` bytes of its body.
fn options(block: &[u8], fixed: usize, big: bool) -> Options<'_> {
    let end = block.len().saturating_sub(4);
    Options::new(block.get(8 + fixed..end).unwrap_or_default(), big)
}

/// A section header.
pub(super) struct Section {
    pub(super) recorder: Recorder,
    /// What says that the file is no first recording.
    pub(super) edited: Option<FileCause>,
    /// This program wrote it and left packets out.
    pub(super) excerpt: bool,
    /// Its options run past its end.
    pub(super) broken: bool,
}

pub(super) fn describe_section(block: &[u8], big: bool) -> Section {
    let mut recorder = Recorder::default();
    let mut merged = false;
    let mut options = options(block, 16, big);
    for option in options.by_ref() {
        let target = match option.code {
            SHB_HARDWARE => &mut recorder.hardware,
            SHB_OS => &mut recorder.os,
            SHB_USERAPPL => &mut recorder.application,
            OPT_COMMENT => {
                merged |= option.value.windows(MERGED.len()).any(|w| w == MERGED);
                continue;
            }
            _ => continue,
        };
        if target.is_none() {
            *target = text(option.value);
        }
    }
    let program = recorder.application.as_deref().unwrap_or_default();
    let lower = program.to_ascii_lowercase();
    let excerpt = program.starts_with(PROGRAM);
    let edited = if excerpt || EDITORS.iter().any(|e| lower.starts_with(e)) {
        Some(FileCause::WrittenBy(program.into()))
    } else if merged {
        Some(FileCause::Merged)
    } else {
        None
    };
    Section {
        recorder,
        edited,
        excerpt,
        broken: options.broken(),
    }
}

/// An interface description.
pub(super) struct Described {
    pub(super) interface: Interface,
    pub(super) clock: Clock,
    /// Its options run past its end.
    pub(super) broken: bool,
}

pub(super) fn describe_interface(block: &[u8], big: bool) -> Option<Described> {
    let Some(Block::InterfaceDescription(idb)) = parse(block, big) else {
        return None;
    };
    let mut interface = Interface {
        link_type: u16::try_from(idb.linktype.0).ok(),
        snaplen: idb.snaplen,
        ..Interface::default()
    };
    let (mut resolution, mut offset_seconds) = (None, None);
    let mut options = options(block, 8, big);
    for option in options.by_ref() {
        let value = option.value;
        match option.code {
            IF_NAME if interface.name.is_none() => interface.name = text(value),
            IF_DESCRIPTION if interface.description.is_none() => {
                interface.description = text(value);
            }
            IF_OS if interface.os.is_none() => interface.os = text(value),
            IF_HARDWARE if interface.hardware.is_none() => interface.hardware = text(value),
            IF_FILTER if interface.filter.is_none() => interface.filter = filter(value),
            IF_TSRESOL if resolution.is_none() => resolution = value.first().copied(),
            IF_TSOFFSET if offset_seconds.is_none() => {
                offset_seconds = value.first_chunk::<8>().map(|b| {
                    if big {
                        i64::from_be_bytes(*b)
                    } else {
                        i64::from_le_bytes(*b)
                    }
                });
            }
            _ => {}
        }
    }
    let resolution = resolution.unwrap_or(6);
    let exponent = u32::from(resolution & 0x7f);
    // Above these no tick fits into the 64 bits of a timestamp's second: the clock means nothing.
    let ticks = if resolution & 0x80 != 0 {
        (exponent < 64).then(|| 1u128 << exponent)
    } else {
        (exponent < 20).then(|| 10u128.pow(exponent))
    };
    let digits = if resolution & 0x80 != 0 {
        9
    } else {
        exponent.min(9)
    };
    interface.digits = u8::try_from(digits).unwrap_or(9);
    Some(Described {
        interface,
        clock: Clock {
            ticks: ticks.unwrap_or(0),
            offset_seconds: offset_seconds.unwrap_or(0),
        },
        broken: options.broken(),
    })
}

/// The capture filter (§4.2 if_filter): its first byte says whether it is text.
fn filter(value: &[u8]) -> Option<String> {
    match value.split_first() {
        Some((0, filter)) => text(filter),
        Some((_, [_, ..])) => Some("a compiled program".to_owned()),
        _ => None,
    }
}

/// Interface statistics.
pub(super) struct Statistics {
    pub(super) interface: u32,
    /// Packets lost since the capture began; `None` when the block does not say.
    pub(super) lost: Option<u64>,
    /// Packets that the filter let through.
    pub(super) accepted: Option<u64>,
    /// Packets handed to the recorder.
    pub(super) delivered: Option<u64>,
    /// Its options run past its end.
    pub(super) broken: bool,
}

/// An Interface Statistics Block (§4.6).
pub(super) fn statistics(body: &[u8], big: bool) -> Option<Statistics> {
    let interface = word(body, 0, big)?;
    let mut options = Options::new(body.get(12..)?, big);
    let (mut lost, mut accepted, mut delivered) = (None::<u64>, None, None);
    for option in options.by_ref() {
        // All ones is how writers say that they do not know.
        let count = int(option.value, big).filter(|&n| n != u64::MAX);
        match option.code {
            ISB_FILTERACCEPT => accepted = count.or(accepted),
            ISB_USRDELIV => delivered = count.or(delivered),
            _ => {}
        }
        if matches!(option.code, ISB_IFDROP | ISB_OSDROP) {
            lost = match (lost, count) {
                (Some(a), Some(b)) => Some(a.saturating_add(b)),
                (a, b) => a.or(b),
            };
        }
    }
    Some(Statistics {
        interface,
        lost,
        accepted,
        delivered,
        broken: options.broken(),
    })
}
