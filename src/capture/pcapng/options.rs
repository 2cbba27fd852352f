//! Sections, interfaces and statistics: the blocks beside the packets, and their options (§3.5).
//!
//! The blocks go through pcap-parser; signed, big-endian and power-of-two option values are decoded
//! here, since it gets those wrong.

use super::super::Interface;
use crate::evidence::Timestamp;
use pcap_parser::{Block, OptionCode, PcapNGOption};

const OPT_END: u16 = 0;
const SHB_USERAPPL: u16 = 4;
const IF_TSRESOL: u16 = 9;
const IF_FILTER: u16 = 11;
const IF_TSOFFSET: u16 = 14;
const ISB_IFDROP: u16 = 5;
const ISB_OSDROP: u16 = 7;

/// Programs that write a capture anew; what they removed leaves no mark of its own.
const EDITORS: [&str; 6] = [
    "editcap",
    "mergecap",
    "reordercap",
    "text2pcap",
    "tcprewrite",
    "tracewrangler",
];

/// The clock of an interface (§4.2 if_tsresol, if_tsoffset).
#[derive(Clone, Copy)]
pub(super) struct Clock {
    /// Ticks per second; 0 when the file states a resolution that cannot be.
    pub(super) ticks: u128,
    pub(super) offset_seconds: i64,
}

impl Clock {
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

pub(super) fn word(bytes: &[u8], at: usize, big: bool) -> Option<u32> {
    let b = bytes.get(at..)?.first_chunk::<4>().copied()?;
    Some(if big {
        u32::from_be_bytes(b)
    } else {
        u32::from_le_bytes(b)
    })
}

/// An unsigned option value of 1, 2, 4 or 8 bytes.
pub(super) fn int(bytes: &[u8], big: bool) -> Option<u64> {
    if !matches!(bytes.len(), 1 | 2 | 4 | 8) {
        return None;
    }
    let fold = |acc: u64, b: &u8| (acc << 8) | u64::from(*b);
    Some(if big {
        bytes.iter().fold(0, fold)
    } else {
        bytes.iter().rev().fold(0, fold)
    })
}

/// The byte order of the section that a header opens (§4.1), if its magic is one.
pub(super) fn section_order(block: &[u8]) -> Option<bool> {
    match block.get(8..12)? {
        [0x1a, 0x2b, 0x3c, 0x4d] => Some(true),
        [0x4d, 0x3c, 0x2b, 0x1a] => Some(false),
        _ => None,
    }
}

/// Options of a block (§3.5); an option list may end without opt_endofopt.
pub(super) struct Options<'a> {
    rest: &'a [u8],
    big: bool,
}

impl<'a> Options<'a> {
    pub(super) fn new(rest: &'a [u8], big: bool) -> Self {
        Self { rest, big }
    }
}

impl<'a> Iterator for Options<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let half = |at: usize| {
            let b = self.rest.get(at..)?.first_chunk::<2>().copied()?;
            Some(if self.big {
                u16::from_be_bytes(b)
            } else {
                u16::from_le_bytes(b)
            })
        };
        let (code, len) = (half(0)?, usize::from(half(2)?));
        if code == OPT_END {
            return None;
        }
        let value = self.rest.get(4..4 + len)?;
        self.rest = self
            .rest
            .get(4 + len.next_multiple_of(4)..)
            .unwrap_or_default();
        Some((code, value))
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

fn option<'a>(options: &'a [PcapNGOption<'a>], code: u16) -> Option<&'a [u8]> {
    options
        .iter()
        .find(|o| o.code == OptionCode(code))
        .map(|o| o.value.get(..usize::from(o.len)).unwrap_or(&o.value))
}

pub(super) fn section_editor(block: &[u8], big: bool) -> Option<String> {
    let Some(Block::SectionHeader(section)) = parse(block, big) else {
        return None;
    };
    let program = String::from_utf8_lossy(option(&section.options, SHB_USERAPPL)?).into_owned();
    let lower = program.to_ascii_lowercase();
    EDITORS
        .iter()
        .any(|e| lower.starts_with(e))
        .then_some(program)
}

pub(super) struct Described {
    pub(super) interface: Interface,
    pub(super) clock: Clock,
    pub(super) snaplen: u32,
    pub(super) filter: Option<String>,
}

pub(super) fn describe_interface(block: &[u8], big: bool, section_big: bool) -> Option<Described> {
    let Some(Block::InterfaceDescription(idb)) = parse(block, big) else {
        return None;
    };
    let resolution = option(&idb.options, IF_TSRESOL)
        .and_then(|v| v.first().copied())
        .unwrap_or(6);
    let exponent = u32::from(resolution & 0x7f);
    // Above these no tick fits into the 64 bits of a timestamp's second: the clock means nothing.
    let ticks = if resolution & 0x80 != 0 {
        (exponent < 64).then(|| 1u128 << exponent)
    } else {
        (exponent < 20).then(|| 10u128.pow(exponent))
    };
    let offset_seconds = option(&idb.options, IF_TSOFFSET)
        .and_then(|v| v.first_chunk::<8>())
        .map_or(0, |b| {
            if section_big {
                i64::from_be_bytes(*b)
            } else {
                i64::from_le_bytes(*b)
            }
        });
    let filter = option(&idb.options, IF_FILTER)
        .filter(|v| v.len() > 1)
        .map(|v| match v.split_first() {
            Some((0, text)) => String::from_utf8_lossy(text)
                .trim_end_matches('\0')
                .to_owned(),
            _ => "a compiled program".to_owned(),
        })
        .filter(|text| !text.trim().is_empty());
    let digits = if resolution & 0x80 != 0 {
        9
    } else {
        exponent.min(9)
    };
    Some(Described {
        interface: Interface {
            link_type: u16::try_from(idb.linktype.0).ok(),
            fcs_len: 0,
            digits: u8::try_from(digits).unwrap_or(9),
            dropped: None,
        },
        clock: Clock {
            ticks: ticks.unwrap_or(0),
            offset_seconds,
        },
        snaplen: idb.snaplen,
        filter,
    })
}

/// (interface, packets lost) of an Interface Statistics Block (§4.6).
pub(super) fn statistics(body: &[u8], big: bool) -> Option<(u32, u64)> {
    let id = word(body, 0, big)?;
    let mut drops = 0u64;
    for (code, value) in Options::new(body.get(12..)?, big) {
        if matches!(code, ISB_IFDROP | ISB_OSDROP) {
            drops = drops.saturating_add(int(value, big).unwrap_or(0));
        }
    }
    Some((id, drops))
}
