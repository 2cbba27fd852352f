//! Where something stands in a case file: line and column, so that an error can be clicked on.

use crate::ground::error::Error;
use crate::ground::place::Place;
use crate::ground::text;
use serde::{Deserialize, Deserializer};
use std::ops::Range;

/// A value and the bytes of the file that it was read from.
#[derive(Debug, Clone)]
pub(super) struct Spot<T> {
    pub(super) value: T,
    pub(super) span: Range<usize>,
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Spot<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let spanned = toml::Spanned::deserialize(from)?;
        let span = spanned.span();
        let value = spanned.into_inner();
        Ok(Self { value, span })
    }
}

/// A case file's text under its name.
#[derive(Debug)]
pub(super) struct Text {
    pub(super) file: String,
    pub(super) text: String,
    /// Where lines start.
    lines: Vec<usize>,
}

impl Text {
    pub(super) fn new(file: &str, text: &str) -> Self {
        let breaks = text.match_indices('\n').map(|(at, _)| at.saturating_add(1));
        Self {
            file: file.to_owned(),
            text: text.to_owned(),
            lines: std::iter::once(0).chain(breaks).collect(),
        }
    }

    /// The place of a byte; past the end, the end.
    pub(super) fn place(&self, offset: usize) -> Place {
        let offset = offset.min(self.text.len());
        let line = self.lines.partition_point(|start| *start <= offset);
        let start = self.lines.get(line.saturating_sub(1)).copied().unwrap_or(0);
        let before = self.text.get(start..offset).unwrap_or_default();
        Place {
            file: self.file.clone(),
            line,
            column: before.chars().count().saturating_add(1),
        }
    }

    /// An error at the beginning of some bytes.
    pub(super) fn error(&self, span: &Range<usize>, what: impl Into<String>) -> Error {
        self.place(span.start).error(what)
    }

    /// What was written there.
    pub(super) fn written(&self, span: &Range<usize>) -> &str {
        self.text.get(span.clone()).unwrap_or_default()
    }
}

/// A text in quotes, on one line and of a length that leaves room for the sentence around it.
pub(super) fn quoted(value: &str) -> String {
    /// Longer ones are cut: the place says where the rest is.
    const SHOWN_MAX: usize = 60;
    format!("'{}'", text::shorten(value, SHOWN_MAX))
}
