//! Packet blocks: enhanced (§4.3), simple (§4.4), and the obsolete one (appendix A).
//!
//! Read here and not by pcap-parser: no allocation per packet, and it takes an inner length that
//! overruns its block for a file that needs more bytes, and ends.

use super::super::{Direction, RECORD_MAX, Record};
use super::interface::LocalInterface;
use super::label::Claims;
use super::options::{Options, half, int, word};
use crate::evidence::Timestamp;

const EPB_FLAGS: u16 = 2;
const EPB_DROPCOUNT: u16 = 4;

/// Fixed fields of enhanced and obsolete blocks.
const FIXED: usize = 20;

/// The section that a packet block is read in.
#[derive(Clone, Copy)]
pub(super) struct Scene<'a> {
    pub(super) interfaces: &'a [LocalInterface],
    pub(super) big: bool,
}

/// A packet block, read.
pub(super) struct Packet {
    pub(super) record: Record,
    /// Index of its interface in the section; `None` when the section does not describe it.
    pub(super) local: Option<usize>,
    /// Packets lost between this one and the one before on its interface, if the block says so.
    pub(super) lost: Option<u64>,
    /// It says something about the program.
    pub(super) claimed: bool,
    /// Its options run past its end.
    pub(super) broken: bool,
}

impl<'a> Scene<'a> {
    fn local(self, id: u32) -> Option<(usize, &'a LocalInterface)> {
        let at = usize::try_from(id).ok()?;
        Some((at, self.interfaces.get(at)?))
    }

    /// What it says about the program goes to `claims`.
    pub(super) fn enhanced(self, body: &[u8], claims: &mut Claims) -> Result<Packet, &'static str> {
        let id = word(body, 0, self.big).ok_or("a packet block that is too short")?;
        let mut packet = self.stamped(body, id)?;
        let data_end = FIXED + packet.record.captured;
        let list = data_end.next_multiple_of(4);
        let options = body.get(list..).unwrap_or_default();
        if options.is_empty() {
            return Ok(packet);
        }
        let mut options = Options::new(options, self.big);
        *claims = Claims::default();
        for option in options.by_ref() {
            match option.code {
                EPB_FLAGS => {
                    let flags = int(option.value, self.big).unwrap_or(0);
                    packet.record.direction = match flags & 0b11 {
                        1 => Some(Direction::In),
                        2 => Some(Direction::Out),
                        _ => None,
                    };
                    // Bit 9: checksum not ready (offload), §4.3.1.
                    packet.record.checksum_pending = flags & (1 << 9) != 0;
                }
                EPB_DROPCOUNT => packet.lost = int(option.value, self.big),
                _ => packet.claimed |= claims.take(option, 8 + list, self.big),
            }
        }
        packet.broken = options.broken();
        Ok(packet)
    }

    /// No time, always the first interface, cut at its snaplen.
    pub(super) fn simple(self, body: &[u8]) -> Result<Packet, &'static str> {
        let original = word(body, 0, self.big).ok_or("a packet block that is too short")?;
        let local = self.local(0);
        let snaplen = local.map_or(0, |(_, l)| l.snaplen);
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
        Ok(Packet {
            record: Record {
                time: Timestamp::UNKNOWN,
                interface: local.map_or(0, |(_, l)| l.global),
                direction: None,
                checksum_pending: false,
                start: 8 + 4,
                captured,
                original_len: original,
                total: 0,
            },
            local: local.map(|(at, _)| at),
            lost: None,
            claimed: false,
            broken: false,
        })
    }

    /// As the enhanced block, but with 16 bits each for interface and drop count. Its options have
    /// other meanings and are not read.
    pub(super) fn obsolete(self, body: &[u8]) -> Result<Packet, &'static str> {
        const NO_DROP_COUNT: u16 = 0xffff;
        let (Some(id), Some(drops)) = (half(body, 0, self.big), half(body, 2, self.big)) else {
            return Err("a packet block that is too short");
        };
        // Zero is also what a writer leaves that counts nothing.
        let lost = (drops != NO_DROP_COUNT && drops > 0).then_some(u64::from(drops));
        let packet = self.stamped(body, u32::from(id))?;
        Ok(Packet { lost, ..packet })
    }

    /// What enhanced and obsolete blocks share: time, lengths, data.
    fn stamped(self, body: &[u8], id: u32) -> Result<Packet, &'static str> {
        let word = |at| word(body, at, self.big).ok_or("a packet block that is too short");
        let (high, low, captured, original) = (word(4)?, word(8)?, word(12)?, word(16)?);
        let captured = usize::try_from(captured).unwrap_or(usize::MAX);
        if captured > RECORD_MAX || FIXED.saturating_add(captured) > body.len() {
            return Err("a packet block whose captured length runs past its end");
        }
        let local = self.local(id);
        Ok(Packet {
            record: Record {
                time: local.map_or(Timestamp::UNKNOWN, |(_, l)| l.clock.time(high, low)),
                interface: local.map_or(0, |(_, l)| l.global),
                direction: None,
                checksum_pending: false,
                start: 8 + FIXED,
                captured,
                original_len: original.max(u32::try_from(captured).unwrap_or(0)),
                total: 0,
            },
            local: local.map(|(at, _)| at),
            lost: None,
            claimed: false,
            broken: false,
        })
    }
}
