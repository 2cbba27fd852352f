//! The AVS header (LINKTYPE 163, and in files that state Prism): a magic number and a version, then
//! the length of the header, both big-endian. It says nothing of the check sequence.

use super::{Reception, behind, frame};
use crate::ground::cause::LinkCause;
use crate::observe::capture::Frame;
use crate::observe::link::Unwrapped;

/// The magic number; its low bits are the version.
const MAGIC: u32 = 0x8021_1000;
const VERSION: u32 = 0x0fff;

/// Magic number and length: what the header has at least.
const MIN: usize = 8;

/// True if an AVS header stands here.
pub(super) fn is(data: &[u8]) -> bool {
    data.first_chunk()
        .is_some_and(|b| u32::from_be_bytes(*b) & !VERSION == MAGIC)
}

pub(super) fn read<'a>(outer: &Frame<'a>) -> Unwrapped<'a> {
    if !is(outer.data) {
        return Unwrapped::unreadable(LinkCause::AvsMissing);
    }
    let length = outer.data.get(4..).and_then(|b| b.first_chunk());
    let length = length.and_then(|b| usize::try_from(u32::from_be_bytes(*b)).ok());
    match length.filter(|n| *n >= MIN).and_then(|n| behind(outer, n)) {
        Some(inner) => frame::read(inner.data, inner.cut(), Reception::default()),
        None => Unwrapped::unreadable(LinkCause::AvsCut),
    }
}
