//! Transfer blocks of CDC NCM (NCM 1.0 §3) and of MBIM (MBIM 1.0 §7), with 16-bit and 32-bit
//! fields: datagrams anywhere in the block, found through tables of pointers that form a chain.
//!
//! NCM carries Ethernet frames, MBIM IP packets; streams of MBIM device services are no IP. Several
//! blocks may follow one another in a transfer. Nothing is read twice but what a table lists twice.
//! The check sequence that NCM may append to frames is taken off, not verified.

mod block;

use super::{END, Ending, Steps, Transfer, lost};
use crate::observe::link::{Content, Unwrapped};
use block::{BLOCKS_MAX, Block, Layout};

/// Bits of a position in a bundle for the number of an entry. A table has fewer: its length has
/// 16 bits and an entry takes at least four bytes.
const ENTRY_BITS: u32 = 14;
/// ... and for the number of a table, one more than there can be.
const TABLE_BITS: u32 = 6;

const STEPS: Steps = Steps {
    whole: |bytes, at| step(bytes, at, Ending::Whole),
    last_cut: |bytes, at| step(bytes, at, Ending::LastCut),
    more_lost: |bytes, at| step(bytes, at, Ending::MoreLost),
};

/// The datagrams of a transfer that begins with a block.
pub(super) fn read<'a>(transfer: &Transfer<'a>) -> Option<Content<'a>> {
    Layout::of(transfer.data)?;
    Some(transfer.bundle(reach(transfer.data), &STEPS))
}

/// Where the last block that begins in `bytes` ends.
fn reach(bytes: &[u8]) -> usize {
    for ordinal in 0..BLOCKS_MAX {
        match Block::nth(bytes, ordinal) {
            Ok(Some(block)) if block.end >= bytes.len() => return block.end,
            Ok(Some(_)) => {}
            Ok(None) | Err(_) => break,
        }
    }
    bytes.len()
}

/// Which datagram of which table of which block comes next.
#[derive(Clone, Copy, Default)]
struct Cursor {
    block: usize,
    table: usize,
    entry: usize,
}

impl Cursor {
    fn of(at: usize) -> Self {
        let low = |bits: u32| (1usize << bits) - 1;
        Self {
            block: at >> (ENTRY_BITS + TABLE_BITS),
            table: (at >> ENTRY_BITS) & low(TABLE_BITS),
            entry: at & low(ENTRY_BITS),
        }
    }

    fn at(self) -> usize {
        (self.block << (ENTRY_BITS + TABLE_BITS)) | (self.table << ENTRY_BITS) | self.entry
    }

    fn next_block(self) -> Self {
        Self {
            block: self.block.saturating_add(1),
            ..Self::default()
        }
    }

    fn next_table(self) -> Self {
        Self {
            table: self.table.saturating_add(1),
            entry: 0,
            ..self
        }
    }

    fn next_entry(self) -> Self {
        Self {
            entry: self.entry.saturating_add(1),
            ..self
        }
    }
}

fn step(bytes: &[u8], at: usize, ending: Ending) -> Option<(Unwrapped<'_>, usize)> {
    if at == END {
        return None;
    }
    let mut cursor = Cursor::of(at);
    // Each round goes to a later table or block, of which there are few.
    loop {
        let block = match Block::nth(bytes, cursor.block) {
            Ok(Some(block)) => block,
            Ok(None) => return (ending == Ending::MoreLost).then(|| (lost(ending), END)),
            Err(fault) => return Some((fault.say(ending), END)),
        };
        let table = match block.table(cursor.table) {
            Ok(Some(table)) => table,
            Ok(None) => {
                cursor = cursor.next_block();
                continue;
            }
            Err(fault) => return Some((fault.say(ending), cursor.next_block().at())),
        };
        return Some(match block.entry(&table, cursor.entry) {
            Ok(Some(place)) => (
                block.datagram(&table, place, ending),
                cursor.next_entry().at(),
            ),
            Ok(None) if cursor.entry == 0 => {
                let empty = Content::NotIp("NCM table without datagrams");
                (Unwrapped::bare(empty), cursor.next_table().at())
            }
            Ok(None) => {
                cursor = cursor.next_table();
                continue;
            }
            Err(fault) => (fault.say(ending), cursor.next_table().at()),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::block::TABLES_MAX;
    use super::*;
    use crate::ground::cause::LinkCause;
    use crate::observe::link::usb::sample::{contents, cut, ethernet as around, ipv4, whole};

    /// A table: signature, next table, pointers; with the entry of zeros that ends it.
    fn table(wide: bool, signature: &[u8; 4], next: u32, places: &[(u32, u32)]) -> Vec<u8> {
        let mut table = signature.to_vec();
        let number = |n: u32| match wide {
            true => n.to_le_bytes().to_vec(),
            false => n.to_le_bytes()[..2].to_vec(),
        };
        let (header, entry) = if wide { (16, 8) } else { (8, 4) };
        let len = u16::try_from(header + entry * (places.len() + 1)).unwrap();
        table.extend(len.to_le_bytes());
        if wide {
            table.extend([0; 2]);
        }
        table.extend(number(next));
        if wide {
            table.extend([0; 4]);
        }
        for &(start, len) in places.iter().chain([&(0, 0)]) {
            table.extend(number(start));
            table.extend(number(len));
        }
        table
    }

    /// A block: its header, `parts` behind one another, the length by its header if not theirs.
    fn block(wide: bool, first_table: u32, parts: &[&[u8]], len: Option<u32>) -> Vec<u8> {
        let body = parts.concat();
        let header: u16 = if wide { 16 } else { 12 };
        let len = len.unwrap_or(u32::try_from(body.len()).unwrap() + u32::from(header));
        let mut block = if wide { *b"ncmh" } else { *b"NCMH" }.to_vec();
        block.extend(header.to_le_bytes());
        block.extend([7, 0]);
        for number in [len, first_table] {
            let size = if wide { 4 } else { 2 };
            block.extend(&number.to_le_bytes()[..size]);
        }
        block.extend(body);
        block
    }

    /// What is no packet.
    #[derive(Debug, Clone, Copy, PartialEq)]
    enum Other {
        Unread(LinkCause),
        NotIp(&'static str),
    }
    use Other::{NotIp, Unread};

    /// Lengths of the packets, and what is none.
    fn outline(transfer: &Transfer<'_>) -> Vec<Result<usize, Other>> {
        let outline = |content| match content {
            Content::Ip(packet) => Ok(packet.len()),
            Content::Unreadable(_, cause) => Err(Unread(cause)),
            Content::NotIp(name) => Err(NotIp(name)),
            other => panic!("{other:?}"),
        };
        let contents = contents(transfer.read(None));
        contents.into_iter().map(outline).collect()
    }

    #[test]
    fn tables_lead_to_the_datagrams_wherever_they_stand() {
        let (one, two) = (around(0x0800, &ipv4(60)), around(0x0800, &ipv4(34)));
        // 16 bits: the table in front, then two frames of 74 and 48 bytes.
        let places = [(32, 74), (106, 48)];
        let front = block(
            false,
            12,
            &[&table(false, b"NCM0", 0, &places), &one, &two],
            None,
        );
        assert_eq!(outline(&whole(&front)), [Ok(60), Ok(34)]);
        // The length left to the transfer, and a byte that keeps a USB packet from being full.
        let mut open = front.clone();
        open[8..10].copy_from_slice(&[0, 0]);
        assert_eq!(outline(&whole(&open)), [Ok(60), Ok(34)]);
        let padded = [&front[..], &[0]].concat();
        assert_eq!(outline(&whole(&padded)), [Ok(60), Ok(34)]);
        let twice = [&front[..], &front, &[0]].concat();
        assert_eq!(outline(&whole(&twice)), [Ok(60), Ok(34), Ok(60), Ok(34)]);
        let stranger = [&front[..], &[1; 9]].concat();
        let none = Unread(LinkCause::NcmTrailing);
        assert_eq!(outline(&whole(&stranger)), [Ok(60), Ok(34), Err(none)]);
        // 32 bits: frames with check sequences, the tables behind them, the later one first.
        let (first, second) = (
            table(true, b"ncm1", 16 + 130, &[(16, 78)]),
            table(true, b"ncm1", 0, &[(94, 52)]),
        );
        let back = block(
            true,
            16 + 130 + 32,
            &[&one, &[9; 4], &two, &[9; 4], &second, &first],
            None,
        );
        assert_eq!(outline(&whole(&back)), [Ok(60), Ok(34)]);
    }

    #[test]
    fn mbim_carries_packets_and_streams_of_services() {
        let packet = ipv4(40);
        let bytes = block(
            false,
            12,
            &[
                &table(false, b"IPS\x00", 28, &[(44, 40)]),
                &table(false, b"DSS\x05", 0, &[(44, 7)]),
                &packet,
            ],
            None,
        );
        let stream = NotIp("stream of a MBIM device service");
        assert_eq!(outline(&whole(&bytes)), [Ok(40), Err(stream)]);
        let mut wrong = bytes.clone();
        wrong[12] = b'X';
        let unknown = Unread(LinkCause::NcmTableKind);
        assert_eq!(outline(&whole(&wrong)), [Err(unknown), Err(stream)]);
    }

    #[test]
    fn pointers_never_leave_the_block_and_chains_end() {
        let one = around(0x0800, &ipv4(60));
        let of = |table: &[u8], first: u32| block(false, first, &[table, &one], None);
        let circle = of(&table(false, b"NCM0", 12, &[(28, 74)]), 12);
        let twice = Unread(LinkCause::NcmTablesCircle);
        assert_eq!(outline(&whole(&circle)), [Ok(60), Err(twice)]);
        let far = of(&table(false, b"NCM0", 0, &[(29, 74)]), 12);
        assert_eq!(
            outline(&whole(&far)),
            [Err(Unread(LinkCause::NcmDatagramOutside))]
        );
        let header = of(&table(false, b"NCM0", 0, &[(4, 30)]), 12);
        assert_eq!(
            outline(&whole(&header)),
            [Err(Unread(LinkCause::NcmDatagramInHeader))]
        );
        let empty = of(&table(false, b"NCM0", 0, &[]), 12);
        assert_eq!(
            outline(&whole(&empty)),
            [Err(NotIp("NCM table without datagrams"))]
        );
        for first in [0, 4, 96, 0xffff] {
            let lost = of(&table(false, b"NCM0", 0, &[(28, 74)]), first);
            assert_eq!(
                outline(&whole(&lost)),
                [Err(Unread(LinkCause::NcmWithoutTable))]
            );
        }
        let chain: Vec<u8> = (1..40)
            .flat_map(|n| table(false, b"NCM0", 12 + n * 12, &[]))
            .collect();
        let many = outline(&whole(&of(&chain, 12)));
        let told = Unread(LinkCause::NcmTablesOver);
        assert_eq!(
            (many.len(), many.last()),
            (TABLES_MAX + 1, Some(&Err(told)))
        );
        let tiny = block(false, 12, &[&table(false, b"NCM0", 0, &[])], None).repeat(40);
        let many = outline(&whole(&tiny));
        let told = Unread(LinkCause::NcmBlocksOver);
        assert_eq!(
            (many.len(), many.last()),
            (BLOCKS_MAX + 1, Some(&Err(told)))
        );
    }

    #[test]
    fn what_the_capture_or_the_transfer_cuts_off_is_told() {
        let one = around(0x0800, &ipv4(60));
        let places = [(32, 74), (106, 74)];
        let front = block(
            false,
            12,
            &[&table(false, b"NCM0", 0, &places), &one, &one],
            None,
        );
        let (capture, transfer) = (
            Err(Unread(LinkCause::UsbTransferCut)),
            Err(Unread(LinkCause::UsbPacketGoesOn)),
        );
        assert_eq!(outline(&cut(&front, 150, true)), [Ok(60), Ok(30)]);
        assert_eq!(outline(&cut(&front, 150, false)), [Ok(60), Ok(30), capture]);
        assert_eq!(outline(&whole(&front[..150])), [Ok(60), transfer]);
        assert_eq!(outline(&cut(&front, 100, true)), [Ok(54), capture]);
        assert_eq!(outline(&cut(&front, 22, true)), [capture]);
        let back = block(
            false,
            12 + 74,
            &[&one, &table(false, b"NCM0", 0, &[(12, 74)])],
            None,
        );
        assert_eq!(outline(&whole(&back)), [Ok(60)]);
        assert_eq!(outline(&cut(&back, 80, true)), [capture]);
        let two = [&front[..], &front].concat();
        assert_eq!(outline(&cut(&two, 190, true)), [Ok(60), Ok(60), capture]);
    }
}
