//! The files of a table: parts of bounded size, named by their number and by a hash of what they hold.
//!
//! A part is written under a temporary name, and gets its own once it is whole; the same rows give the same
//! names and bytes.

use super::Table;
use crate::ground::hex::hex;
use crate::ground::unfinished::Unfinished;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};
use sha2::{Digest, Sha256};
use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// Rows of a part: engines that read in parallel take a part each.
const ROWS_MAX: u64 = 1 << 18;
/// Bytes of a part before compression.
const BYTES_MAX: u64 = 64 << 20;
/// Bytes that are compressed at once: each piece is a frame of its own (RFC 8878 §3.1 allows several in a file).
const FRAME: usize = 1 << 20;

/// How the rows of a table become files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Form {
    /// One JSON object a line.
    Ndjson,
    /// The same, compressed with Zstandard.
    NdjsonZstd,
    /// Apache Parquet.
    #[cfg(feature = "parquet")]
    Parquet,
}

impl Form {
    /// The folder of such files in a dataset.
    pub fn folder(self) -> &'static str {
        match self {
            Self::Ndjson | Self::NdjsonZstd => "ndjson",
            #[cfg(feature = "parquet")]
            Self::Parquet => "parquet",
        }
    }

    fn ending(self) -> &'static str {
        match self {
            Self::Ndjson => "ndjson",
            Self::NdjsonZstd => "ndjson.zst",
            #[cfg(feature = "parquet")]
            Self::Parquet => "parquet",
        }
    }
}

/// Hashes what passes through.
struct Hashed {
    to: BufWriter<Unfinished>,
    hash: Sha256,
}

impl Write for Hashed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.to.write(bytes)?;
        self.hash.update(bytes.get(..written).unwrap_or(bytes));
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

/// The file that is being written.
enum Open {
    Plain(Hashed),
    Zstd(Hashed, Vec<u8>),
    #[cfg(feature = "parquet")]
    Parquet(Box<super::parquet::Writer<HashedFile>>),
}

/// What a Parquet writer owns: it wants more of its sink than to be written to.
#[cfg(feature = "parquet")]
pub struct HashedFile(Hashed);

#[cfg(feature = "parquet")]
impl Write for HashedFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Writes a table in one form.
pub struct Writer {
    table: &'static Table,
    form: Form,
    /// The folder of the form.
    root: PathBuf,
    open: Option<Open>,
    rows: u64,
    bytes: u64,
    parts: Vec<String>,
}

impl Writer {
    /// Writes into the folder `root` of a form, where the table gets a folder of its own.
    pub fn new(table: &'static Table, form: Form, root: &Path) -> Self {
        Self {
            table,
            form,
            root: root.to_owned(),
            open: None,
            rows: 0,
            bytes: 0,
            parts: Vec::new(),
        }
    }

    /// Writes a row, which is JSON on one line.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn row(&mut self, row: &str) -> io::Result<()> {
        if self.rows >= ROWS_MAX || self.bytes >= BYTES_MAX {
            self.close()?;
        }
        let open = match &mut self.open {
            Some(open) => open,
            None => {
                let open = Self::begin(self.table, self.form, &self.root)?;
                self.open.insert(open)
            }
        };
        self.rows = self.rows.saturating_add(1);
        self.bytes = self.bytes.saturating_add(row.len() as u64);
        match open {
            Open::Plain(file) => {
                file.write_all(row.as_bytes())?;
                file.write_all(b"\n")
            }
            Open::Zstd(file, waiting) => {
                waiting.extend_from_slice(row.as_bytes());
                waiting.push(b'\n');
                if waiting.len() >= FRAME {
                    compress(file, waiting)?;
                }
                Ok(())
            }
            #[cfg(feature = "parquet")]
            Open::Parquet(writer) => writer.row(row),
        }
    }

    fn begin(table: &'static Table, form: Form, root: &Path) -> io::Result<Open> {
        let folder = root.join(table.name);
        fs::create_dir_all(&folder)?;
        let file = Hashed {
            to: BufWriter::new(Unfinished::inside(&folder)?),
            hash: Sha256::new(),
        };
        Ok(match form {
            Form::Ndjson => Open::Plain(file),
            Form::NdjsonZstd => Open::Zstd(file, Vec::new()),
            #[cfg(feature = "parquet")]
            Form::Parquet => Open::Parquet(Box::new(super::parquet::Writer::new(
                table,
                HashedFile(file),
            )?)),
        })
    }

    fn close(&mut self) -> io::Result<()> {
        let Some(open) = self.open.take() else {
            return Ok(());
        };
        let file = match open {
            Open::Plain(file) => file,
            Open::Zstd(mut file, mut waiting) => {
                compress(&mut file, &mut waiting)?;
                file
            }
            #[cfg(feature = "parquet")]
            Open::Parquet(writer) => writer.finish()?.0,
        };
        let hash = hex(&file.hash.finalize());
        let name = format!(
            "part-{:05}-{}.{}",
            self.parts.len(),
            hash.get(..8).unwrap_or(&hash),
            self.form.ending()
        );
        let unfinished = file
            .to
            .into_inner()
            .map_err(io::IntoInnerError::into_error)?;
        unfinished.persist(&self.root.join(self.table.name).join(&name))?;
        self.parts
            .push(format!("{}/{}/{name}", self.form.folder(), self.table.name));
        (self.rows, self.bytes) = (0, 0);
        Ok(())
    }

    /// Ends the last part; the names of all, as they stand in the dataset.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn finish(mut self) -> io::Result<Vec<String>> {
        self.close()?;
        Ok(self.parts)
    }
}

fn compress(file: &mut Hashed, waiting: &mut Vec<u8>) -> io::Result<()> {
    if !waiting.is_empty() {
        file.write_all(&compress_to_vec(
            waiting.as_slice(),
            CompressionLevel::Fastest,
        ))?;
        waiting.clear();
    }
    Ok(())
}
