//! A record whose successor makes no sense: two causes that can be proved from the bytes.
//!
//! Either the file it belongs to was cut inside it and another file was appended (`cat`, or a
//! recorder restarted onto the same file): then the other file's header lies inside the record.
//! Or line ends were translated: then undoing that makes the records follow one another again.

use super::super::bytes::{ByteStream, NEED_MAX};
use super::super::newlines::{TRANSLATIONS, undo};
use super::{HEADER, Head, Layout, another_file};
use crate::ground::work::looks_at;

/// Bytes behind a record that are looked at: a file header and the record header behind it.
pub(super) const AHEAD: usize = 2 * HEADER;

/// Bytes in which a translation is undone for the proof: dozens of records.
const PROOF: usize = 1 << 16;

/// Places in a file where a translation is looked for; a file full of oddities is not copied again
/// and again.
const PROOFS: u8 = 8;

/// Whether the line ends of a file were translated.
#[derive(Default)]
pub(super) struct Doubt {
    proofs: u8,
    translated: bool,
}

impl Doubt {
    /// True when the records from here on only follow one another once a translation of line ends
    /// is undone; once proved, it holds for the file.
    pub(super) fn translated(&mut self, layout: Layout, stream: &mut ByteStream) -> bool {
        if self.translated || self.proofs >= PROOFS {
            return self.translated;
        }
        self.proofs += 1;
        let held = stream.need(NEED_MAX);
        let window = held.get(..PROOF).unwrap_or(held);
        looks_at(window.len() * TRANSLATIONS.len());
        let ended = window.len() == held.len() && held.len() < NEED_MAX;
        self.translated = TRANSLATIONS
            .into_iter()
            .filter_map(|crs| undo(window, crs))
            .any(|undone| follow(layout, &undone, ended));
        self.translated
    }
}

/// True when `bytes` are records one behind the other, at least two, or one that ends the input.
fn follow(layout: Layout, mut bytes: &[u8], ended: bool) -> bool {
    let mut last = None;
    for _ in 0..2 {
        let Some(head) = layout.head(bytes) else {
            return false;
        };
        if !layout.believable(head, last) {
            return false;
        }
        last = Some(head.seconds);
        match bytes.get(layout.record_header + head.captured as usize..) {
            Some([]) => return ended,
            Some(rest) => bytes = rest,
            None => return false,
        }
    }
    true
}

/// Where in a record of `total` bytes (its header included) another file begins; what follows its
/// header must fit. Looks at no byte behind the record but for that: each byte of a file is searched
/// once, however many records are odd.
pub(super) fn swallowed(bytes: &[u8], header: usize, total: usize) -> Option<usize> {
    looks_at(total.min(bytes.len()));
    (header..total.min(bytes.len())).find(|&at| {
        let rest = bytes.get(at..).unwrap_or_default();
        another_file(rest)
            && match Layout::of(rest) {
                None => true,
                Some(layout) => match rest.get(HEADER..) {
                    None | Some([]) => true,
                    Some(rest) => match layout.head(rest) {
                        Some(head) => layout.believable(head, None),
                        // The input ends inside a record header.
                        None => true,
                    },
                },
            }
    })
}

/// True when a pcap file header itself was translated: as it stands the first record makes no
/// sense, and once the translation is undone both do. `start` holds more than both.
pub(in super::super) fn header_translated(start: &[u8]) -> bool {
    let touched = start
        .get(..HEADER)
        .is_some_and(|h| h.windows(2).any(|w| w == b"\r\n"));
    if !touched {
        return false;
    }
    let sensible = |bytes: &[u8]| {
        let Some(layout) = Layout::of(bytes) else {
            return false;
        };
        let head: Option<Head> = bytes.get(HEADER..).and_then(|b| layout.head(b));
        head.is_some_and(|h| layout.believable(h, None))
    };
    !sensible(start)
        && TRANSLATIONS
            .into_iter()
            .filter_map(|crs| undo(start, crs))
            .any(|undone| another_file(&undone) && sensible(&undone))
}
