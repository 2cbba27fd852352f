//! SHA-256 of the evidence as it lies on disk, computed on a second thread from the very blocks
//! that the auditor reads: no byte is copied and the file is read once. Where one thread is all that
//! is allowed, the reader computes it between two blocks.

use crate::ground::hex::hex;
use sha2::{Digest, Sha256};
use std::ops::Range;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

/// Blocks in flight between reader and hasher; with blocks of a mebibyte this bounds memory.
const IN_FLIGHT: usize = 4;

/// A block of file bytes that reader and hasher may hold at once.
pub(super) type Block = Arc<Vec<u8>>;

/// Computes the hash of an input.
pub(super) enum Hasher {
    /// On its own thread.
    Beside(Beside),
    /// On the thread that reads.
    Here(Sha256),
}

/// The hashing thread.
pub(super) struct Beside {
    to: SyncSender<(Block, Range<usize>)>,
    back: Receiver<Block>,
    thread: JoinHandle<[u8; 32]>,
}

impl Hasher {
    /// Hashes on the calling thread.
    pub(super) fn here() -> Self {
        Self::Here(Sha256::new())
    }

    /// Hashes on a thread of its own.
    pub(super) fn start() -> std::io::Result<Self> {
        let (to, work) = sync_channel::<(Block, Range<usize>)>(IN_FLIGHT);
        // Room for every block that can exist, so that the hasher never waits for the reader.
        let (done, back) = sync_channel::<Block>(2 * IN_FLIGHT + 2);
        let thread = std::thread::Builder::new()
            .name("sha256".into())
            .spawn(move || {
                let mut digest = Sha256::new();
                for (block, range) in work {
                    digest.update(block.get(range).unwrap_or_default());
                    // A reader that went away no longer wants its blocks back.
                    let _ = done.try_send(block);
                }
                digest.finalize().into()
            })?;
        Ok(Self::Beside(Beside { to, back, thread }))
    }

    /// True if blocks are kept after [`push`](Self::push), until they [come back](Self::recycled).
    pub(super) fn keeps(&self) -> bool {
        matches!(self, Self::Beside(_))
    }

    /// Queues a range of a block; waits while the hasher is `IN_FLIGHT` blocks behind.
    pub(super) fn push(&mut self, block: &Block, range: Range<usize>) {
        match self {
            // Sending fails only when the thread is gone; `finish` then reports no digest.
            Self::Beside(beside) => {
                let _ = beside.to.send((Arc::clone(block), range));
            }
            Self::Here(digest) => digest.update(block.get(range).unwrap_or_default()),
        }
    }

    /// A block that the hasher is done with, if any has come back.
    pub(super) fn recycled(&mut self) -> Option<Block> {
        match self {
            Self::Beside(beside) => beside.back.try_recv().ok(),
            Self::Here(_) => None,
        }
    }

    /// The digest in lower-case hexadecimal, or `None` if the thread died.
    pub(super) fn finish(self) -> Option<String> {
        match self {
            Self::Beside(Beside { to, thread, .. }) => {
                drop(to);
                Some(hex(&thread.join().ok()?))
            }
            Self::Here(digest) => Some(hex(&digest.finalize())),
        }
    }
}
