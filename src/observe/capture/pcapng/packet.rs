//! Packet blocks: enhanced (§4.3), simple (§4.4), and the obsolete one (appendix A).
//!
//! Read here and not by pcap-parser: no allocation per packet, and it takes an inner length that
//! overruns its block for a file that needs more bytes, and ends.

use super::super::{Direction, RECORD_MAX, Record};
use super::interface::LocalInterface;
use super::label::Claims;
use super::options::{Options, half, int, word};
use crate::ground::cause::FileCause;
use crate::ground::moment::Timestamp;

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
    /// What of it cannot be right though its packet is there: a sentence.
    pub(super) broken: Option<FileCause>,
}

/// The shortest packet that a block is taken to hold whose type does not say so: an Ethernet header
/// and something.
const HIDDEN_MIN: usize = 15;

impl Packet {
    /// The flags word (§4.3.1).
    fn flags(&mut self, value: &[u8], big: bool) {
        let flags = int(value, big).unwrap_or(0);
        self.record.direction = match flags & 0b11 {
            1 => Some(Direction::In),
            2 => Some(Direction::Out),
            _ => None,
        };
        // Bit 9: checksum not ready (offload).
        self.record.checksum_pending = flags & (1 << 9) != 0;
    }
}

impl<'a> Scene<'a> {
    fn local(self, id: u32) -> Option<(usize, &'a LocalInterface)> {
        let at = usize::try_from(id).ok()?;
        Some((at, self.interfaces.get(at)?))
    }

    /// What it says about the program goes to `claims`.
    pub(super) fn enhanced(self, body: &[u8], claims: &mut Claims) -> Result<Packet, FileCause> {
        let id = word(body, 0, self.big).ok_or(FileCause::PacketBlockShort)?;
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
                EPB_FLAGS => packet.flags(option.value, self.big),
                EPB_DROPCOUNT => packet.lost = int(option.value, self.big),
                _ => packet.claimed |= claims.take(option, 8 + list, self.big),
            }
        }
        packet.broken = options.broken().then_some(FileCause::PacketBlockOptions);
        Ok(packet)
    }

    /// No time, always the first interface, cut at its snaplen. What the block holds is its packet,
    /// whatever the lengths beside it say.
    pub(super) fn simple(self, body: &[u8]) -> Result<Packet, FileCause> {
        let original = word(body, 0, self.big).ok_or(FileCause::PacketBlockShort)?;
        let local = self.local(0);
        let snaplen = match local.map(|(_, l)| l.snaplen) {
            None | Some(0) => usize::MAX,
            Some(limit) => usize::try_from(limit).unwrap_or(usize::MAX),
        };
        let held = body.len() - 4;
        let whole = usize::try_from(original).unwrap_or(usize::MAX);
        // The padding to four bytes is no packet.
        let holds = |len: usize| len <= held && held - len < 4;
        let (captured, broken) = if holds(whole.min(snaplen)) {
            (whole.min(snaplen), None)
        } else if holds(whole) {
            (whole, None)
        } else {
            let cause = FileCause::PacketBlockLength;
            (held, Some(cause))
        };
        if captured > RECORD_MAX {
            return Err(FileCause::PacketBlockPastEnd);
        }
        Ok(Packet {
            record: Record {
                time: Timestamp::UNKNOWN,
                interface: local.map_or(0, |(_, l)| l.global),
                direction: None,
                checksum_pending: false,
                start: 8 + 4,
                captured,
                original_len: original.max(u32::try_from(captured).unwrap_or(0)),
                total: 0,
            },
            local: local.map(|(at, _)| at),
            lost: None,
            claimed: false,
            broken,
        })
    }

    /// As the enhanced block, but with 16 bits each for interface and drop count. Of its options the
    /// flags are read, which have the same form; none names a program.
    pub(super) fn obsolete(self, body: &[u8]) -> Result<Packet, FileCause> {
        const NO_DROP_COUNT: u16 = 0xffff;
        let (Some(id), Some(drops)) = (half(body, 0, self.big), half(body, 2, self.big)) else {
            return Err(FileCause::PacketBlockShort);
        };
        // Zero is also what a writer leaves that counts nothing.
        let lost = (drops != NO_DROP_COUNT && drops > 0).then_some(u64::from(drops));
        let mut packet = self.stamped(body, u32::from(id))?;
        let list = (FIXED + packet.record.captured).next_multiple_of(4);
        let mut options = Options::new(body.get(list..).unwrap_or_default(), self.big);
        for option in options.by_ref() {
            if option.code == EPB_FLAGS {
                packet.flags(option.value, self.big);
            }
        }
        packet.broken = options.broken().then_some(FileCause::PacketBlockOptions);
        Ok(Packet { lost, ..packet })
    }

    /// True for the body of a block that is no packet block by its type and has the form of one: its
    /// type may have been written over. Custom blocks have a number before their content.
    pub(super) fn hides(self, body: &[u8]) -> bool {
        [body, body.get(4..).unwrap_or_default()]
            .into_iter()
            .any(|body| self.like_enhanced(body) || self.like_simple(body))
    }

    fn like_enhanced(self, body: &[u8]) -> bool {
        let (Some(id), Some(captured), Some(original)) = (
            word(body, 0, self.big),
            word(body, 12, self.big),
            word(body, 16, self.big),
        ) else {
            return false;
        };
        let captured = usize::try_from(captured).unwrap_or(usize::MAX);
        let Some(options) = FIXED
            .checked_add(captured)
            .and_then(|end| body.get(end.checked_next_multiple_of(4)?..))
        else {
            return false;
        };
        let mut options = Options::new(options, self.big);
        self.local(id).is_some()
            && captured >= HIDDEN_MIN
            && original as usize >= captured
            && options.by_ref().count() < usize::MAX
            && !options.broken()
    }

    fn like_simple(self, body: &[u8]) -> bool {
        let original = word(body, 0, self.big).map_or(0, |o| o as usize);
        original >= HIDDEN_MIN && original.checked_next_multiple_of(4) == body.len().checked_sub(4)
    }

    /// What enhanced and obsolete blocks share: time, lengths, data.
    fn stamped(self, body: &[u8], id: u32) -> Result<Packet, FileCause> {
        let word = |at| word(body, at, self.big).ok_or(FileCause::PacketBlockShort);
        let (high, low, captured, original) = (word(4)?, word(8)?, word(12)?, word(16)?);
        let captured = usize::try_from(captured).unwrap_or(usize::MAX);
        if captured > RECORD_MAX || FIXED.saturating_add(captured) > body.len() {
            return Err(FileCause::PacketBlockPastEnd);
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
            broken: None,
        })
    }
}
