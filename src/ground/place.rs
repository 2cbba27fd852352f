//! Where something stands in a text file, so that an error can be clicked on.

use super::error::Error;
use super::text;
use std::fmt;

/// A place in a text file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file, as it was named.
    pub file: String,
    /// Its line, from 1.
    pub line: usize,
    /// The character in the line, from 1.
    pub column: usize,
}

impl fmt::Display for Place {
    /// `file:line:column`, safe on a terminal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = text::terminal(&self.file);
        write!(f, "{file}:{}:{}", self.line, self.column)
    }
}

impl Place {
    /// An error here.
    pub fn error(&self, what: impl Into<String>) -> Error {
        Error::at(self.to_string(), what)
    }
}
