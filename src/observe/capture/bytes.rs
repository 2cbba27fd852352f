//! A window over a stream of file bytes, in recycled blocks.
//!
//! One `read` fills a block, the [hasher](super::hash) takes the same block, and records are lent
//! from it as slices. Only the unread tail of a block is copied, to the front of the next one.
//! Files, pipes and decompressed streams go through the same code; memory does not depend on the
//! length of the input. No memory map: it would be `unsafe`, and a file that changes under it is
//! undefined behaviour.

use super::hash::{Block, Hasher};
use crate::ground::work::looks_at;
use std::io::{self, Read};
use std::sync::Arc;

/// Bytes read at a time: large enough to make system calls cheap, small enough for the cache of one core: what was read is looked at
/// at once.
const BLOCK: usize = 1 << 18;

/// The most that [`ByteStream::need`] can be asked for: a record is far smaller, and what is
/// longer (a pcapng block of megabytes) is skipped, not held.
pub(super) const NEED_MAX: usize = 1 << 19;

/// How many spare blocks are kept; more only come into being while the hasher is behind.
const SPARE: usize = 6;

/// Bytes of an input, lent in order.
pub(super) struct ByteStream {
    source: Box<dyn Read>,
    hasher: Option<Hasher>,
    block: Block,
    start: usize,
    end: usize,
    spare: Vec<Block>,
    offset: u64,
    ended: bool,
    failed: Option<io::Error>,
}

impl ByteStream {
    /// Reads from `source`; what is read is hashed if a hasher is given.
    pub(super) fn new(source: Box<dyn Read>, hasher: Option<Hasher>) -> Self {
        Self {
            source,
            hasher,
            block: Arc::new(Vec::new()),
            start: 0,
            end: 0,
            spare: Vec::new(),
            offset: 0,
            ended: false,
            failed: None,
        }
    }

    /// Offset of the next unread byte.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// The unread bytes, at least `want` of them unless the input ends before.
    /// `want` above [`NEED_MAX`] is treated as [`NEED_MAX`].
    #[inline]
    pub(super) fn need(&mut self, want: usize) -> &[u8] {
        let want = want.min(NEED_MAX);
        if self.end - self.start < want && !self.ended {
            self.refill(want);
        }
        let held = self.block.get(self.start..self.end).unwrap_or_default();
        match held.get(..NEED_MAX) {
            // Who asks for all that may be held gets as much of a file as of a pipe.
            Some(most) if want == NEED_MAX => most,
            _ => held,
        }
    }

    /// The unread bytes that are in memory.
    #[inline]
    pub(super) fn held(&self) -> &[u8] {
        self.block.get(self.start..self.end).unwrap_or_default()
    }

    /// Exactly `len` unread bytes if they are all there; they stay unread.
    pub(super) fn exact(&mut self, len: usize) -> Option<&[u8]> {
        self.need(len).get(..len)
    }

    /// The last `len` bytes that were consumed; they stay in memory until the next call of
    /// [`need`](Self::need). This is how a record is lent after the walk moved past it.
    #[inline]
    pub(super) fn before(&self, len: usize) -> &[u8] {
        self.start
            .checked_sub(len)
            .and_then(|from| self.block.get(from..self.start))
            .unwrap_or_default()
    }

    /// Marks `len` held bytes as read.
    #[inline]
    pub(super) fn consume(&mut self, len: usize) {
        let len = len.min(self.end - self.start);
        self.start += len;
        self.offset += len as u64;
    }

    /// Skips `len` bytes, held or not; returns how many there were.
    pub(super) fn skip(&mut self, len: u64) -> u64 {
        let mut left = len;
        while left > 0 {
            if self.need(1).is_empty() {
                break;
            }
            let step = usize::try_from(left)
                .unwrap_or(usize::MAX)
                .min(self.end - self.start);
            self.consume(step);
            left -= step as u64;
        }
        len - left
    }

    /// The read error that ended the input, if one did.
    pub(super) fn failure(&mut self) -> Option<io::Error> {
        self.failed.take()
    }

    /// Reads to the end and returns the SHA-256, if one was asked for.
    pub(super) fn finish(mut self) -> (u64, Option<String>) {
        self.skip(u64::MAX);
        (self.offset, self.hasher.and_then(Hasher::finish))
    }

    #[cold]
    fn refill(&mut self, want: usize) {
        let tail = self.end - self.start;
        let mut next = self.take_block();
        let Some(bytes) = Arc::get_mut(&mut next) else {
            // `take_block` hands out unshared blocks only.
            return;
        };
        if let (Some(to), Some(from)) =
            (bytes.get_mut(..tail), self.block.get(self.start..self.end))
        {
            to.copy_from_slice(from);
        }
        // Behind much that is wanted there is always room for as much that is new, so that what waits is not copied for a few bytes.
        let room = match want > BLOCK / 2 {
            true => want + BLOCK,
            false => BLOCK,
        };
        let mut filled = tail;
        // A pipe gives little at a time: stop as soon as the caller has what it needs, but let a
        // file fill the block.
        while filled < want || (filled < BLOCK && filled - tail >= BLOCK / 2) {
            let Some(room) = bytes.get_mut(filled..room) else {
                break;
            };
            if room.is_empty() {
                break;
            }
            match self.source.read(room) {
                Ok(0) => {
                    self.ended = true;
                    break;
                }
                Ok(n) => filled += n.min(room.len()),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => {
                    self.failed = Some(e);
                    self.ended = true;
                    break;
                }
            }
        }
        if let Some(hasher) = &mut self.hasher {
            hasher.push(&next, tail..filled);
        }
        looks_at(filled);
        let old = std::mem::replace(&mut self.block, next);
        self.start = 0;
        self.end = filled;
        // The very first block is an empty stand-in.
        if !self.hasher.as_ref().is_some_and(Hasher::keeps) && !old.is_empty() {
            self.spare.push(old);
        }
    }

    fn take_block(&mut self) -> Block {
        if let Some(hasher) = &mut self.hasher {
            while let Some(block) = hasher.recycled() {
                if self.spare.len() < SPARE {
                    self.spare.push(block);
                }
            }
        }
        let free = self.spare.iter().position(|b| Arc::strong_count(b) == 1);
        match free {
            Some(i) => self.spare.swap_remove(i),
            None => Arc::new(vec![0; BLOCK + NEED_MAX]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ground::parallel::Threads;
    use sha2::{Digest, Sha256};

    /// A source that gives a few bytes at a time, as a pipe does.
    struct Drip(Vec<u8>, usize, usize);
    impl Read for Drip {
        fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
            let n = self.2.min(buf.len()).min(self.0.len() - self.1);
            buf[..n].copy_from_slice(&self.0[self.1..self.1 + n]);
            self.1 += n;
            Ok(n)
        }
    }

    #[test]
    fn every_byte_is_lent_once_and_hashed_whatever_the_read_size() {
        let data: Vec<u8> = (0..3_500_000u32)
            .map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8)
            .collect();
        let want = crate::ground::hex::hex(&Sha256::digest(&data));
        let own = [1usize << 16, 7919, 1 << 22].map(|step| (step, Hasher::new(Threads::default())));
        let one = Threads::at_most(std::num::NonZeroUsize::MIN);
        let here = [1usize << 16, 1 << 22].map(|step| (step, Hasher::new(one.clone())));
        for (step, hasher) in own.into_iter().chain(here) {
            let source = Box::new(Drip(data.clone(), 0, step));
            let mut stream = ByteStream::new(source, Some(hasher));
            let mut seen = Vec::new();
            let mut size = 1;
            loop {
                let have = stream.need(size);
                if have.is_empty() {
                    break;
                }
                let take = size.min(have.len());
                seen.extend_from_slice(&have[..take]);
                stream.consume(take);
                size = size * 3 % 70_001 + 1;
            }
            assert!(seen == data, "step {step}");
            assert_eq!(stream.offset(), data.len() as u64);
            assert_eq!(stream.finish(), (data.len() as u64, Some(want.clone())));
        }
    }
}
