//! What stops an audit: one line for a person, exit code 2.
//!
//! Only for what makes a verdict impossible (unreadable input, bad option, cannot write).
//! Anything inside a capture that cannot be read is [coverage](crate::ground::gaps), not an error.

use std::fmt;

/// A reason to stop, with the place and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    place: Option<String>,
    what: String,
    advice: Option<String>,
}

impl Error {
    /// An error that concerns no file or option in particular.
    pub fn new(what: impl Into<String>) -> Self {
        Self {
            place: None,
            what: what.into(),
            advice: None,
        }
    }

    /// An error at a place: a file (with an offset or a line), or an option.
    pub fn at(place: impl Into<String>, what: impl Into<String>) -> Self {
        Self {
            place: Some(place.into()),
            what: what.into(),
            advice: None,
        }
    }

    /// Adds what the user can do.
    #[must_use]
    pub fn advise(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into());
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.place {
            write!(f, "{place}: ")?;
        }
        f.write_str(&self.what)?;
        if let Some(advice) = &self.advice {
            write!(f, " ({advice})")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}

/// An operating system error without its number, which differs between machines.
pub(crate) fn reason(e: &std::io::Error) -> String {
    let text = e.to_string();
    match text.find(" (os error") {
        Some(at) => text
            .chars()
            .take(text.get(..at).map_or(0, |t| t.chars().count()))
            .collect(),
        None => text,
    }
}
