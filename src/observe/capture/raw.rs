//! What a copy of some packets has to take along: the record of a packet as it stands in its file,
//! and the blocks beside the packets that give it its meaning.
//!
//! Blocks are kept only where [`Capture::keep_beside`](super::Capture::keep_beside) asked for it.
//! Kept are the blocks that the reader itself took: those that it skipped are no part of what was
//! audited. Left out are counters of lost packets, names of addresses and the blocks of strangers.

use crate::ground::moment::Timestamp;

/// Bytes of blocks that are held between two packets: a phone's processes and app names take less
/// than a mebibyte, its key log at most sixteen.
const HELD_MAX: usize = 64 << 20;

/// What a block beside the packets is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BesideKind {
    /// A section begins (§4.1).
    Section,
    /// An interface (§4.2); packets refer to it by its place.
    Interface,
    /// A place in the numbering of interfaces whose description cannot be read.
    UnreadInterface,
    /// A process (Darwin); packets refer to it by its place.
    Process,
    /// A place in the numbering of processes whose description was not held.
    UnreadProcess,
    /// PCAPdroid's name of a user id.
    AppName,
    /// Secrets that open recorded sessions (§4.7).
    Secrets,
    /// Secrets in a block too long to be held.
    LongSecrets,
}

/// A block beside the packets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Beside {
    /// What it is.
    pub kind: BesideKind,
    /// Byte order of its section.
    pub big: bool,
    /// The block, from its type to its trailing length.
    pub block: Vec<u8>,
}

/// The record of a packet as it stands in its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Raw<'a> {
    /// Of a pcap.
    Pcap {
        /// Index of its interface in the capture.
        interface: u32,
        /// Its time by the file, no correction added.
        time: Timestamp,
        /// Length on the wire.
        original_len: u32,
        /// The captured bytes, frame check sequence included.
        data: &'a [u8],
    },
    /// Of a pcapng: a packet block of any kind, from its type to its trailing length.
    Pcapng {
        /// Byte order of its section.
        big: bool,
        /// The block.
        block: &'a [u8],
    },
}

/// The place of the packet at hand in the held bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct AtHand {
    pub(super) interface: u32,
    pub(super) time: Timestamp,
    pub(super) start: usize,
    pub(super) captured: usize,
    pub(super) original_len: u32,
    pub(super) total: usize,
}

/// Blocks kept since they were taken last.
#[derive(Debug, Default)]
pub(super) struct Kept {
    pub(super) blocks: Vec<Beside>,
    bytes: usize,
    /// Something was left out: there was more than is held.
    pub(super) over: bool,
}

impl Kept {
    pub(super) fn add(&mut self, kind: BesideKind, big: bool, block: &[u8]) {
        if self.bytes.saturating_add(block.len()) > HELD_MAX {
            self.over = true;
            return;
        }
        // An empty block takes its place too.
        self.bytes += block.len() + size_of::<Beside>();
        self.blocks.push(Beside {
            kind,
            big,
            block: block.to_vec(),
        });
    }

    pub(super) fn take(&mut self) -> Vec<Beside> {
        self.bytes = 0;
        std::mem::take(&mut self.blocks)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_beyond_what_is_held_are_left_out_and_that_is_known() {
        let mut kept = Kept::default();
        kept.add(BesideKind::Secrets, false, &[7; 12]);
        kept.bytes = HELD_MAX - 12;
        kept.add(BesideKind::Secrets, false, &[7; 16]);
        assert_eq!((kept.blocks.len(), kept.over), (1, true));
        kept.add(BesideKind::AppName, false, &[7; 12]);
        assert_eq!(kept.take().len(), 2);
        kept.add(BesideKind::Secrets, false, &[7; 16]);
        assert_eq!((kept.take().len(), kept.over), (1, true));
    }
}
