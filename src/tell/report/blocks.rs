//! Small writes gathered into blocks.
//!
//! A serializer writes every bracket and every number by itself. Behind a `dyn Write` each of them is a call that
//! nothing can be seen through; here it is a copy into a list of bytes.

use std::io::{self, Write};

/// Bytes that are gathered before they go on: what stays in a core's cache.
const BLOCK: usize = 64 << 10;

/// A writer that hands on whole blocks. What was written last stands in it until [`Self::finish`].
pub(super) struct Blocks<'a> {
    kept: Vec<u8>,
    out: &'a mut dyn Write,
}

impl<'a> Blocks<'a> {
    pub(super) fn new(out: &'a mut dyn Write) -> Self {
        Self {
            kept: Vec::with_capacity(BLOCK),
            out,
        }
    }

    /// Hands on the rest.
    ///
    /// # Errors
    /// When the writer fails.
    pub(super) fn finish(mut self) -> io::Result<()> {
        self.hand_on()
    }

    fn hand_on(&mut self) -> io::Result<()> {
        self.out.write_all(&self.kept)?;
        self.kept.clear();
        Ok(())
    }
}

impl Write for Blocks<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.kept.extend_from_slice(bytes);
        if self.kept.len() >= BLOCK {
            self.hand_on()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.hand_on()?;
        self.out.flush()
    }
}
