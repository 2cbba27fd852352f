//! One block of NCM or MBIM: its header, the chain of its tables, the datagrams that they point to.

use super::super::{Ending, le16, le32, lost, zeros};
use crate::ground::cause::LinkCause;
use crate::ground::gaps::GapId;
use crate::observe::link::{Content, Unwrapped, ethernet};

/// Blocks of a transfer that are read: Linux's gadgets and hosts put one or two into one.
pub(super) const BLOCKS_MAX: usize = 32;
/// Tables of a block that are read: one for each connection of MBIM, of which devices have a few.
pub(super) const TABLES_MAX: usize = 32;
/// CRC-32 behind a frame (NCM 1.0 §3.3.3).
const CHECK: usize = 4;

/// Why something in a block cannot be read.
pub(super) enum Fault {
    /// It lies behind the captured bytes.
    Missing,
    Malformed(LinkCause),
    TooMany(LinkCause),
}

impl Fault {
    pub(super) fn say<'a>(self, ending: Ending) -> Unwrapped<'a> {
        match self {
            Self::Missing => lost(ending),
            Self::Malformed(cause) => Unwrapped::unreadable(cause),
            Self::TooMany(cause) => {
                Unwrapped::bare(Content::Unreadable(GapId::LimitsReached, cause))
            }
        }
    }
}

/// The two sizes of fields (NCM 1.0 §3.1): offsets and lengths of 16 or of 32 bits.
#[derive(Clone, Copy)]
pub(super) struct Layout {
    wide: bool,
    /// Length of the header of the block.
    header: usize,
    /// Length of the header of a table, of an entry in it, and where the next table is named.
    table: usize,
    entry: usize,
    next: usize,
}

impl Layout {
    const NARROW: Self = Self {
        wide: false,
        header: 12,
        table: 8,
        entry: 4,
        next: 6,
    };
    const WIDE: Self = Self {
        wide: true,
        header: 16,
        table: 16,
        entry: 8,
        next: 8,
    };

    pub(super) fn of(bytes: &[u8]) -> Option<Self> {
        match bytes.first_chunk::<4>()? {
            b"NCMH" => Some(Self::NARROW),
            b"ncmh" => Some(Self::WIDE),
            _ => None,
        }
    }

    /// An offset or length.
    fn field(self, bytes: &[u8], at: usize) -> Option<usize> {
        if self.wide {
            le32(bytes, at)
        } else {
            le16(bytes, at).map(usize::from)
        }
    }

    /// The field behind it.
    fn second(self, bytes: &[u8], at: usize) -> Option<usize> {
        self.field(bytes, at.checked_add(self.entry / 2)?)
    }
}

pub(super) struct Block<'a> {
    layout: Layout,
    /// What of it was captured.
    bytes: &'a [u8],
    /// Its length by its header; without bound when that leaves it to the transfer.
    len: usize,
    /// Where it ends in the transfer.
    pub(super) end: usize,
    first_table: usize,
}

/// A table of datagram pointers.
pub(super) struct Table {
    at: usize,
    entries: usize,
    holds: Holds,
}

/// What the datagrams of a table are, by its signature.
enum Holds {
    Frames,
    FramesWithCheck,
    Packets,
    ServiceStream,
    Unknown,
}

impl<'a> Block<'a> {
    /// The block of this number; none behind the last one.
    pub(super) fn nth(bytes: &'a [u8], ordinal: usize) -> Result<Option<Self>, Fault> {
        let mut start = 0usize;
        for number in 0..=BLOCKS_MAX {
            let rest = bytes.get(start..).unwrap_or_default();
            let Some(layout) = Layout::of(rest) else {
                return match rest {
                    // Padding keeps the last USB packet from being a full one.
                    _ if zeros(rest) => Ok(None),
                    [] | [_] | [_, _] | [_, _, _] => Err(Fault::Missing),
                    _ => Err(Fault::Malformed(LinkCause::NcmTrailing)),
                };
            };
            if number == BLOCKS_MAX {
                break;
            }
            let block = Self::first(rest, layout, start)?;
            if number == ordinal {
                return Ok(Some(block));
            }
            start = block.end;
        }
        Err(Fault::TooMany(LinkCause::NcmBlocksOver))
    }

    /// The block at the start of `rest`, which lies at `start` of the transfer.
    fn first(rest: &'a [u8], layout: Layout, start: usize) -> Result<Self, Fault> {
        let header_len = le16(rest, 4).ok_or(Fault::Missing)?;
        let len = layout.field(rest, 8).ok_or(Fault::Missing)?;
        let first_table = layout.second(rest, 8).ok_or(Fault::Missing)?;
        // Zero: the block ends with the transfer (NCM 1.0 §3.2.1).
        let len = if len == 0 { usize::MAX } else { len };
        if usize::from(header_len) != layout.header || len < layout.header {
            return Err(Fault::Malformed(LinkCause::NcmBlockHeader));
        }
        Ok(Self {
            layout,
            bytes: rest.get(..len).unwrap_or(rest),
            len,
            end: start.saturating_add(len),
            first_table,
        })
    }

    /// The table of this number in the chain; none behind the last one.
    pub(super) fn table(&self, ordinal: usize) -> Result<Option<Table>, Fault> {
        let layout = self.layout;
        let mut at = self.first_table;
        let mut seen = [0usize; TABLES_MAX];
        for number in 0..=TABLES_MAX {
            if at == 0 && number > 0 {
                return Ok(None);
            }
            if seen
                .get(..number)
                .is_some_and(|before| before.contains(&at))
            {
                return Err(Fault::Malformed(LinkCause::NcmTablesCircle));
            }
            let Some(slot) = seen.get_mut(number) else {
                break;
            };
            *slot = at;
            let inside = at
                .checked_add(layout.table)
                .is_some_and(|end| end <= self.len);
            if at < layout.header || !inside {
                return Err(Fault::Malformed(LinkCause::NcmWithoutTable));
            }
            let table = self.bytes.get(at..).ok_or(Fault::Missing)?;
            let next = layout.field(table, layout.next).ok_or(Fault::Missing)?;
            if number == ordinal {
                return self.read_table(table, at).map(Some);
            }
            at = next;
        }
        Err(Fault::TooMany(LinkCause::NcmTablesOver))
    }

    fn read_table(&self, table: &[u8], at: usize) -> Result<Table, Fault> {
        let signature = table.first_chunk::<4>().ok_or(Fault::Missing)?;
        let len = usize::from(le16(table, 4).ok_or(Fault::Missing)?);
        let entries = len
            .checked_sub(self.layout.table)
            .map(|l| l / self.layout.entry);
        Ok(Table {
            at,
            entries: entries.ok_or(Fault::Malformed(LinkCause::NcmTableShort))?,
            holds: match (signature, self.layout.wide) {
                (b"NCM0", false) | (b"ncm0", true) => Holds::Frames,
                (b"NCM1", false) | (b"ncm1", true) => Holds::FramesWithCheck,
                // Then the number of the connection or stream.
                ([b'I', b'P', b'S', _], false) | ([b'i', b'p', b's', _], true) => Holds::Packets,
                ([b'D', b'S', b'S', _], false) | ([b'd', b's', b's', _], true) => {
                    Holds::ServiceStream
                }
                _ => Holds::Unknown,
            },
        })
    }

    /// Offset and length of a datagram; none behind the last one, which an entry of zeros follows.
    pub(super) fn entry(
        &self,
        table: &Table,
        number: usize,
    ) -> Result<Option<(usize, usize)>, Fault> {
        if number >= table.entries {
            return Ok(None);
        }
        let layout = self.layout;
        let at = number
            .saturating_mul(layout.entry)
            .saturating_add(table.at)
            .saturating_add(layout.table);
        let start = layout.field(self.bytes, at).ok_or(Fault::Missing)?;
        let len = layout.second(self.bytes, at).ok_or(Fault::Missing)?;
        Ok((start != 0 && len != 0).then_some((start, len)))
    }

    pub(super) fn datagram(
        &self,
        table: &Table,
        place: (usize, usize),
        ending: Ending,
    ) -> Unwrapped<'a> {
        let (start, len) = place;
        let Some(end) = start.checked_add(len).filter(|end| *end <= self.len) else {
            return Unwrapped::unreadable(LinkCause::NcmDatagramOutside);
        };
        if start < self.layout.header {
            return Unwrapped::unreadable(LinkCause::NcmDatagramInHeader);
        }
        let captured = self.bytes.len();
        let here = self.bytes.get(start..end.min(captured));
        let Some(datagram) = here.filter(|_| end <= captured || ending != Ending::Whole) else {
            return lost(ending);
        };
        if datagram.is_empty() {
            return lost(ending);
        }
        match table.holds {
            Holds::Frames => ethernet::frame(datagram),
            Holds::FramesWithCheck => {
                let frame = datagram.get(..len.saturating_sub(CHECK));
                ethernet::frame(frame.unwrap_or(datagram))
            }
            Holds::Packets => Unwrapped::bare(Content::Ip(datagram)),
            Holds::ServiceStream => {
                Unwrapped::bare(Content::NotIp("stream of a MBIM device service"))
            }
            Holds::Unknown => Unwrapped::unreadable(LinkCause::NcmTableKind),
        }
    }
}
