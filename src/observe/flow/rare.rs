//! A part of a flow in which most flows have nothing: it takes room once something is written.
//!
//! Tables hold tens of thousands of flows, and a flood opens one per packet; what such a flow never has should cost it a word.

use super::Carried;
use super::overhead::OverheadBytes;
use super::part::{Label, Lent};
use super::sequence::Rest;
use crate::evidence::flow::{Facts, Pair};
use crate::evidence::ledger::apps::AppId;
use std::ops::{Deref, DerefMut};

/// A value that begins as nothing.
pub trait Blank: Default + 'static {
    /// The value of everybody who has nothing.
    fn blank() -> &'static Self;
}

/// A value that takes room once it is written to. To read it takes none.
#[derive(Debug, Clone)]
pub struct Rare<T>(Option<Box<T>>);

impl<T> Default for Rare<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T: Blank> Rare<T> {
    /// What was written, to change it; nothing is made for it.
    pub fn written(&mut self) -> Option<&mut T> {
        self.0.as_deref_mut()
    }

    /// Takes out what was written, if something was.
    #[inline]
    pub fn take_written(&mut self) -> Option<T> {
        self.0.take().map(|written| *written)
    }

    /// Takes out what was written.
    pub fn take(&mut self) -> T {
        self.0.take().map_or_else(T::default, |written| *written)
    }
}

impl<T: Blank> Deref for Rare<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.0.as_deref().unwrap_or_else(|| T::blank())
    }
}

impl<T: Blank> DerefMut for Rare<T> {
    fn deref_mut(&mut self) -> &mut T {
        self.0.get_or_insert_default()
    }
}

macro_rules! blank {
    ($($of:ty = $value:expr;)*) => {
        $(impl Blank for $of {
            fn blank() -> &'static Self {
                static BLANK: $of = $value;
                &BLANK
            }
        })*
    };
}

blank! {
    Facts = Facts::NOTHING;
    Rest = Rest::NOTHING;
    Pair<OverheadBytes> = Pair { a: OverheadBytes::NOTHING, b: OverheadBytes::NOTHING };
    Vec<Carried> = Vec::new();
    Vec<AppId> = Vec::new();
    Lent = Lent { marks: 0, streams: Vec::new() };
    Pair<Vec<Label>> = Pair { a: Vec::new(), b: Vec::new() };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_only_read_takes_no_room() {
        let mut facts: Rare<Facts> = Rare::default();
        assert_eq!(*facts, Facts::default());
        assert!(facts.written().is_none());
        facts.conflict = true;
        assert!(facts.conflict && facts.written().is_some());
        assert!(facts.take().conflict);
        assert_eq!(*facts, Facts::default());
    }
}
