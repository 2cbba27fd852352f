//! What stops an audit: one line for a person, exit code 2.
//!
//! Only for what makes a verdict impossible (unreadable input, bad option, cannot write).
//! Anything inside a capture that cannot be read is [coverage](crate::ground::gaps), not an error.

use std::fmt;
use std::io::{self, ErrorKind};

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
pub(crate) fn reason(e: &io::Error) -> String {
    let text = e.to_string();
    match text.split_once(" (os error") {
        Some((words, _)) => elsewhere(e.kind()).unwrap_or(words).to_owned(),
        None => text,
    }
}

/// Windows says these in other words, and in the language of its user: a message is the same on every system.
fn elsewhere(kind: ErrorKind) -> Option<&'static str> {
    if !cfg!(windows) {
        return None;
    }
    match kind {
        ErrorKind::NotFound => Some("No such file or directory"),
        ErrorKind::PermissionDenied => Some("Permission denied"),
        ErrorKind::StorageFull => Some("No space left on device"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_of_the_system_have_no_number_and_one_wording() {
        let missing = std::fs::File::open("no such folder/file").unwrap_err();
        assert_eq!(reason(&missing), "No such file or directory");
        assert_eq!(reason(&io::Error::other("out of ink")), "out of ink");
    }
}
