//! The last packets of a file, without those before them: for how long a capture went on.
//!
//! A pcap record (draft-ietf-opsawg-pcap, section 5) says where the next one begins, but not where the last
//! one did. So places near the end are tried from behind: a place can be that of a record if a plausible length
//! there leads to the end of the file, or to such a place; the longest chain wins. A pcapng block
//! (draft-ietf-opsawg-pcapng, section 3.1) ends with its length, and is walked backwards.
//!
//! What comes out is a guess: a chain can be forged, an interface can be described in the middle, the latest
//! packet need not stand at the end. Whoever uses it has to compare it with what the whole file says once that
//! was read. Where there is none (a file that breaks off, rare forms, compressed ones) the file has to be read.

use super::RECORD_MAX;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

/// Bytes at the end that are looked at: several records of the largest kind, and some thousand of those that
/// there are. A file that is not much larger is read.
const WINDOW: usize = 1 << 20;
/// Files up to this size are read whole: as fast, and exact.
pub(super) const WHOLE_MAX: u64 = 4 << 20;
/// Most bytes up to the end of the first packet.
const HEAD_MAX: u64 = 1 << 20;
/// Bytes of a pcap file header, and of a record header.
const PCAP_HEADER: usize = 24;
const PCAP_RECORD: usize = 16;
/// Bytes of the smallest pcapng block.
const BLOCK_MIN: usize = 12;

/// The start of a file, and the whole records at its end: a capture of its own. `head` is where the first packet
/// ends.
///
/// `None` where they cannot be found.
pub(super) fn spliced(path: &Path, head: u64) -> Option<Vec<u8>> {
    let mut file = File::open(path).ok()?;
    let size = file.metadata().ok()?.len();
    if size <= WHOLE_MAX || head > HEAD_MAX {
        return None;
    }
    let start = part(&mut file, 0, usize::try_from(head).ok()?).ok()?;
    let window = part(&mut file, size.checked_sub(WINDOW as u64)?, WINDOW).ok()?;
    let (kept, from) = match start.first_chunk::<4>()? {
        [0xd4, 0xc3, 0xb2, 0xa1] | [0x4d, 0x3c, 0xb2, 0xa1] => {
            (PCAP_HEADER, pcap(&window, u32::from_le_bytes)?)
        }
        [0xa1, 0xb2, 0xc3, 0xd4] | [0xa1, 0xb2, 0x3c, 0x4d] => {
            (PCAP_HEADER, pcap(&window, u32::from_be_bytes)?)
        }
        [0x0a, 0x0d, 0x0d, 0x0a] => {
            let order = start.get(8..)?.first_chunk::<4>()?;
            let from = match order {
                [0x4d, 0x3c, 0x2b, 0x1a] => pcapng(&window, u32::from_le_bytes)?,
                _ => pcapng(&window, u32::from_be_bytes)?,
            };
            (start.len(), from)
        }
        _ => return None,
    };
    let mut out = start.get(..kept)?.to_vec();
    out.extend_from_slice(window.get(from..)?);
    Some(out)
}

fn part(file: &mut File, from: u64, length: usize) -> io::Result<Vec<u8>> {
    file.seek(SeekFrom::Start(from))?;
    // Both lengths are bounded by the constants above.
    let mut bytes = vec![0; length];
    file.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn number(bytes: &[u8], at: usize, read: fn([u8; 4]) -> u32) -> Option<usize> {
    let field = bytes.get(at..)?.first_chunk::<4>()?;
    usize::try_from(read(*field)).ok()
}

/// Where the longest chain of records begins that ends with the window.
fn pcap(window: &[u8], read: fn([u8; 4]) -> u32) -> Option<usize> {
    /// A single length that leads to the end may be chance.
    const CHAIN_MIN: u32 = 2;
    let mut chains = vec![0u32; window.len()];
    let (mut longest, mut best) = (0, None);
    for at in (0..window.len().checked_sub(PCAP_RECORD)?).rev() {
        let captured = number(window, at.saturating_add(8), read)?;
        let original = number(window, at.saturating_add(12), read)?;
        if captured == 0 || captured > RECORD_MAX || captured > original {
            continue;
        }
        let next = at.saturating_add(PCAP_RECORD).saturating_add(captured);
        let behind = match chains.get(next) {
            Some(0) => continue,
            Some(behind) => *behind,
            None if next == window.len() => 0,
            None => continue,
        };
        let chain = behind.saturating_add(1);
        if let Some(place) = chains.get_mut(at) {
            *place = chain;
        }
        if chain >= longest {
            (longest, best) = (chain, Some(at));
        }
    }
    best.filter(|_| longest >= CHAIN_MIN)
}

/// Where the first of the blocks begins that lie whole in the window.
fn pcapng(window: &[u8], read: fn([u8; 4]) -> u32) -> Option<usize> {
    let mut from = window.len();
    while let Some(length) = from.checked_sub(4).and_then(|at| number(window, at, read)) {
        let Some(at) = from.checked_sub(length) else {
            break;
        };
        let same = number(window, at.saturating_add(4), read) == Some(length);
        if length < BLOCK_MIN || length % 4 != 0 || !same {
            return None;
        }
        from = at;
    }
    (from < window.len()).then_some(from)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn record(seconds: u32, data: &[u8]) -> Vec<u8> {
        let length = u32::try_from(data.len()).unwrap();
        let fields = [seconds, 0, length, length].map(u32::to_le_bytes);
        [fields.as_flattened(), data].concat()
    }

    fn block(kind: u32, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(body.len() + BLOCK_MIN).unwrap().to_le_bytes();
        [&kind.to_le_bytes(), &length[..], body, &length].concat()
    }

    #[test]
    fn the_last_records_of_a_pcap_are_found_by_their_lengths() {
        let lengths = [60usize, 1, 1514, 200, 64];
        let records = lengths.map(|n| record(u32::try_from(n).unwrap(), &vec![0; n]));
        let all = records.concat();
        assert_eq!(pcap(&all, u32::from_le_bytes), Some(0));
        // The window begins in the midst of one.
        let cut = all.get(30..).unwrap();
        let first = records.first().unwrap().len() - 30;
        assert_eq!(pcap(cut, u32::from_le_bytes), Some(first));
        // It ends in the midst of one, or holds none, or one alone.
        assert_eq!(
            pcap(all.get(..all.len() - 1).unwrap(), u32::from_le_bytes),
            None
        );
        assert_eq!(pcap(&[0; 4096], u32::from_le_bytes), None);
        assert_eq!(pcap(&[0xff; 4096], u32::from_le_bytes), None);
        assert_eq!(pcap(records.first().unwrap(), u32::from_le_bytes), None);
        assert_eq!(pcap(b"", u32::from_le_bytes), None);
    }

    #[test]
    fn the_last_blocks_of_a_pcapng_are_walked_backwards() {
        let blocks = [block(6, &[0; 40]), block(5, &[1; 20]), block(6, &[2; 8])];
        let all = blocks.concat();
        assert_eq!(pcapng(&all, u32::from_le_bytes), Some(0));
        let cut = all.get(5..).unwrap();
        assert_eq!(pcapng(cut, u32::from_le_bytes), Some(52 - 5));
        assert_eq!(
            pcapng(all.get(..all.len() - 4).unwrap(), u32::from_le_bytes),
            None
        );
        assert_eq!(pcapng(&[0; 64], u32::from_le_bytes), None);
        assert_eq!(pcapng(b"", u32::from_le_bytes), None);
    }
}
