//! SHA-256 of the evidence as it lies on disk, computed on a second thread from the very blocks
//! that the auditor reads: no byte is copied and the file is read once. Where no thread is free (one is
//! all that is allowed, or the others read other inputs), the reader computes it between two blocks.

use crate::ground::hex::hex;
use crate::ground::parallel::{Lent, Threads};
use sha2::{Digest, Sha256};
use std::ops::Range;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

/// Blocks in flight between reader and hasher; with blocks of a quarter of a mebibyte this bounds memory.
const IN_FLIGHT: usize = 8;

/// A block of file bytes that reader and hasher may hold at once.
pub(super) type Block = Arc<Vec<u8>>;

/// Computes the hash of an input.
pub(super) enum Hasher {
    /// On its own thread.
    Beside(Beside),
    /// On the thread that reads, until there is another.
    Here(Sha256, Threads),
}

/// The hashing thread.
pub(super) struct Beside {
    to: SyncSender<(Block, Range<usize>)>,
    back: Receiver<Block>,
    thread: JoinHandle<[u8; 32]>,
    _lent: Lent,
}

impl Beside {
    /// Goes on with a digest on a thread of its own; `None` where the system has none left.
    fn start(mut digest: Sha256, lent: Lent) -> Option<Self> {
        let (to, work) = sync_channel::<(Block, Range<usize>)>(IN_FLIGHT);
        // Room for every block that can exist, so that the hasher never waits for the reader.
        let (done, back) = sync_channel::<Block>(2 * IN_FLIGHT + 2);
        let thread = std::thread::Builder::new()
            .name("sha256".into())
            .spawn(move || {
                for (block, range) in work {
                    digest.update(block.get(range).unwrap_or_default());
                    // A reader that went away no longer wants its blocks back.
                    let _ = done.try_send(block);
                }
                digest.finalize().into()
            })
            .ok()?;
        Some(Self {
            to,
            back,
            thread,
            _lent: lent,
        })
    }
}

impl Hasher {
    /// Hashes on a thread of its own as soon as one of these is free, and until then on the calling thread.
    pub(super) fn new(threads: Threads) -> Self {
        Self::Here(Sha256::new(), threads)
    }

    /// True if blocks are kept after [`push`](Self::push), until they [come back](Self::recycled).
    pub(super) fn keeps(&self) -> bool {
        matches!(self, Self::Beside(_))
    }

    /// Queues a range of a block; waits while the hasher is `IN_FLIGHT` blocks behind.
    pub(super) fn push(&mut self, block: &Block, range: Range<usize>) {
        if let Self::Here(digest, threads) = self
            && let Some(lent) = threads.lend()
            && let Some(beside) = Beside::start(digest.clone(), lent)
        {
            *self = Self::Beside(beside);
        }
        match self {
            // Sending fails only when the thread is gone; `finish` then reports no digest.
            Self::Beside(beside) => {
                let _ = beside.to.send((Arc::clone(block), range));
            }
            Self::Here(digest, _) => digest.update(block.get(range).unwrap_or_default()),
        }
    }

    /// A block that the hasher is done with, if any has come back.
    pub(super) fn recycled(&mut self) -> Option<Block> {
        match self {
            Self::Beside(beside) => beside.back.try_recv().ok(),
            Self::Here(..) => None,
        }
    }

    /// The digest in lower-case hexadecimal, or `None` if the thread died.
    pub(super) fn finish(self) -> Option<String> {
        match self {
            Self::Beside(Beside { to, thread, .. }) => {
                drop(to);
                Some(hex(&thread.join().ok()?))
            }
            Self::Here(digest, _) => Some(hex(&digest.finalize())),
        }
    }
}
