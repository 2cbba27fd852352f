//! A dataset: a folder of tables, and `dataset.json`, which lists their parts.
//!
//! What counts is the list: it is replaced in one step when all parts it names are whole, and files that it does
//! not name are remains of an interrupted run. Reading goes session by session through all tables at once, for
//! all of them are in the order of session ids; so memory holds one session, however many there are.

use super::entry::Entry;
use super::parts::{Form, Writer};
use super::{SCHEMA, SESSIONS, TABLES};
use crate::ground::error::{Error, reason};
use crate::ground::text;
use crate::ground::unfinished::Unfinished;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::iter::Peekable;
use std::path::{Path, PathBuf};

/// The file that lists the parts.
pub const LIST: &str = "dataset.json";

/// Longest row that is read back: a finding's text and frames are far below; more is no row of ours.
const ROW_MAX: u64 = 16 << 20;

/// What `dataset.json` holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    /// Always [`SCHEMA`].
    pub schema: String,
    /// The tables.
    pub tables: BTreeMap<String, Parts>,
}

/// The files of a table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parts {
    /// Its rows.
    pub rows: u64,
    /// Its files with a JSON object a line, in the order of sessions.
    pub ndjson: Vec<String>,
    /// Its Parquet files, in the order of sessions.
    pub parquet: Vec<String>,
}

impl Default for Listed {
    fn default() -> Self {
        Self {
            schema: SCHEMA.to_owned(),
            tables: BTreeMap::new(),
        }
    }
}

fn broken(path: &Path, what: &str) -> Error {
    Error::at(
        text::terminal(&path.display().to_string()).into_owned(),
        what,
    )
}

fn failed(path: &Path, doing: &str, error: &io::Error) -> Error {
    broken(path, &format!("cannot {doing}: {}", reason(error)))
}

/// A dataset that is there.
#[derive(Debug)]
pub struct Dataset {
    root: PathBuf,
    listed: Listed,
}

impl Dataset {
    /// The dataset in a folder; `None` if the folder is missing or holds none.
    ///
    /// # Errors
    /// A list that cannot be read, or is another program's.
    pub fn open(root: &Path) -> Result<Option<Self>, Error> {
        let path = root.join(LIST);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(failed(&path, "read", &e)),
        };
        let listed: Listed = serde_json::from_str(&text)
            .map_err(|e| broken(&path, &format!("is no list of tables: {e}")))?;
        if listed.schema != SCHEMA {
            let what = format!(
                "holds tables of another kind ('{}')",
                text::terminal(&listed.schema)
            );
            return Err(broken(&path, &what).advise("choose another folder"));
        }
        Ok(Some(Self {
            root: root.to_owned(),
            listed,
        }))
    }

    /// The sessions in the order of their ids.
    ///
    /// # Errors
    /// A table without the files that can be read back.
    pub fn entries(&self) -> Result<Entries, Error> {
        let mut tables = BTreeMap::new();
        for (name, parts) in &self.listed.tables {
            if parts.rows > 0 && parts.ndjson.is_empty() {
                return Err(broken(
                    &self.root,
                    &format!("holds the table {name} as Parquet only"),
                )
                .advise(
                    "name another folder: only what -o tables=DIR wrote can grow or be merged",
                ));
            }
            tables.insert(name.clone(), Lines::new(&self.root, &parts.ndjson)?);
        }
        Ok(Entries {
            root: self.root.clone(),
            tables,
        })
    }
}

/// The lines of a table's parts, one after the other.
struct Lines {
    parts: VecDeque<PathBuf>,
    open: Option<Box<dyn BufRead + Send>>,
    next: Option<Box<RawValue>>,
}

impl Lines {
    fn new(root: &Path, parts: &[String]) -> Result<Self, Error> {
        let mut paths = VecDeque::new();
        for part in parts {
            let path = Path::new(part);
            // A list may have been edited: it opens nothing outside of its folder.
            let inside = path
                .components()
                .all(|c| matches!(c, std::path::Component::Normal(_)));
            if !inside {
                return Err(broken(
                    &root.join(LIST),
                    "names a file outside of its folder",
                ));
            }
            paths.push_back(root.join(path));
        }
        Ok(Self {
            parts: paths,
            open: None,
            next: None,
        })
    }

    /// The next row, which is kept until it is taken.
    fn peek(&mut self) -> Result<Option<&RawValue>, Error> {
        while self.next.is_none() {
            let Some(reader) = &mut self.open else {
                let Some(path) = self.parts.front() else {
                    return Ok(None);
                };
                let file = File::open(path).map_err(|e| failed(path, "read", &e))?;
                let reader: Box<dyn BufRead + Send> =
                    if path.extension().is_some_and(|e| e == "zst") {
                        Box::new(BufReader::new(Frames::new(file)))
                    } else {
                        Box::new(BufReader::new(file))
                    };
                self.open = Some(reader);
                continue;
            };
            let path = self.parts.front().cloned().unwrap_or_default();
            let mut line = String::new();
            let read = reader
                .by_ref()
                .take(ROW_MAX)
                .read_line(&mut line)
                .map_err(|e| failed(&path, "read", &e))?;
            if read == 0 {
                self.open = None;
                self.parts.pop_front();
                continue;
            }
            let line = line.trim_end_matches('\n').to_owned();
            let row = RawValue::from_string(line)
                .map_err(|e| broken(&path, &format!("holds a row that cannot be read: {e}")))?;
            self.next = Some(row);
        }
        Ok(self.next.as_deref())
    }

    /// The rows of a session, if they come next.
    fn of(&mut self, session: &str) -> Result<Vec<Box<RawValue>>, Error> {
        let mut rows = Vec::new();
        while let Some(row) = self.peek()? {
            if key(row) != session {
                break;
            }
            rows.extend(self.next.take());
        }
        Ok(rows)
    }
}

/// Zstandard frames, one after the other.
struct Frames {
    decoder: Option<
        Box<ruzstd::decoding::StreamingDecoder<BufReader<File>, ruzstd::decoding::FrameDecoder>>,
    >,
    file: Option<BufReader<File>>,
}

impl Frames {
    fn new(file: File) -> Self {
        Self {
            decoder: None,
            file: Some(BufReader::new(file)),
        }
    }
}

impl Read for Frames {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            if let Some(decoder) = &mut self.decoder {
                let read = decoder.read(into)?;
                if read > 0 || into.is_empty() {
                    return Ok(read);
                }
            }
            if let Some(done) = self.decoder.take() {
                self.file = Some(done.into_inner());
            }
            let Some(mut file) = self.file.take() else {
                return Ok(0);
            };
            if file.fill_buf()?.is_empty() {
                return Ok(0);
            }
            let decoder =
                ruzstd::decoding::StreamingDecoder::new(file).map_err(io::Error::other)?;
            self.decoder = Some(Box::new(decoder));
        }
    }
}

/// The id that a row begins with; nothing for a row that has none.
fn key(row: &RawValue) -> String {
    #[derive(Deserialize)]
    struct Key {
        session: String,
    }
    serde_json::from_str::<Key>(row.get()).map_or_else(|_| String::new(), |key| key.session)
}

/// The sessions of a dataset, read one by one.
pub struct Entries {
    root: PathBuf,
    tables: BTreeMap<String, Lines>,
}

impl Iterator for Entries {
    type Item = Result<Entry, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let session = match self.tables.get_mut(SESSIONS)?.peek() {
            Ok(Some(row)) => key(row),
            Ok(None) => return self.left_over().map(Err),
            Err(error) => return Some(Err(error)),
        };
        let mut tables = BTreeMap::new();
        for (name, lines) in &mut self.tables {
            match lines.of(&session) {
                Ok(rows) => tables.insert(name.clone(), rows),
                Err(error) => return Some(Err(error)),
            };
        }
        Some(Ok(Entry { session, tables }))
    }
}

impl Entries {
    /// Rows whose session never came: the tables are not those that were written together.
    fn left_over(&mut self) -> Option<Error> {
        for (name, lines) in &mut self.tables {
            match lines.peek() {
                Ok(None) => {}
                Ok(Some(_)) => {
                    lines.parts.clear();
                    lines.open = None;
                    lines.next = None;
                    let what = format!(
                        "the table {name} has rows of sessions that are not there, or in another order"
                    );
                    return Some(broken(&self.root, &what).advise("write the dataset anew"));
                }
                Err(error) => return Some(error),
            }
        }
        None
    }
}

/// Sessions in the order of their ids.
pub type Sorted<'a> = Box<dyn Iterator<Item = Result<Entry, Error>> + 'a>;

/// Sessions from several sources, each in the order of ids, as one; of a session that comes twice the better
/// account is kept.
pub struct Merged<'a> {
    sources: Vec<Peekable<Sorted<'a>>>,
}

impl<'a> Merged<'a> {
    /// Of these sources.
    pub fn of(sources: Vec<Sorted<'a>>) -> Self {
        Self {
            sources: sources.into_iter().map(Iterator::peekable).collect(),
        }
    }
}

impl Iterator for Merged<'_> {
    type Item = Result<Entry, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut lowest: Option<String> = None;
        for source in &mut self.sources {
            match source.peek() {
                Some(Ok(entry)) if lowest.as_ref().is_none_or(|low| entry.session < *low) => {
                    lowest = Some(entry.session.clone());
                }
                Some(Err(_)) => return source.next(),
                Some(Ok(_)) | None => {}
            }
        }
        let lowest = lowest?;
        let mut merged: Option<Entry> = None;
        for source in &mut self.sources {
            while let Some(Ok(entry)) =
                source.next_if(|next| matches!(next, Ok(entry) if entry.session == lowest))
            {
                merged = Some(match merged {
                    None => entry,
                    Some(have) => have.or(entry),
                });
            }
        }
        merged.map(Ok)
    }
}

/// Writes sessions, which come in the order of their ids, as the dataset of a folder; what was its dataset
/// before is gone then. `told` sees each.
///
/// # Errors
/// When a session cannot be read or a file not be written; the folder then has the dataset that it had, and nothing else of ours.
pub fn write(
    root: &Path,
    forms: &[Form],
    entries: impl Iterator<Item = Result<Entry, Error>>,
    told: impl FnMut(&Entry) -> Result<(), Error>,
) -> Result<(), Error> {
    let cannot = |e: io::Error| failed(root, "write", &e);
    let had = Dataset::open(root)?.map(|had| had.listed);
    let is_new = !root.exists();
    fs::create_dir_all(root).map_err(cannot)?;
    match put(root, forms, entries, told) {
        Ok(listed) => clean(root, &listed).map_err(cannot),
        Err(error) => {
            // Why it failed is what is told; what cannot be removed now goes when the next dataset is written here.
            let _ = clean(root, &had.unwrap_or_default());
            if is_new {
                let _ = fs::remove_dir(root);
            }
            Err(error)
        }
    }
}

/// Writes the parts, and then their list.
fn put(
    root: &Path,
    forms: &[Form],
    entries: impl Iterator<Item = Result<Entry, Error>>,
    mut told: impl FnMut(&Entry) -> Result<(), Error>,
) -> Result<Listed, Error> {
    let cannot = |e: io::Error| failed(root, "write", &e);
    let mut writers: Vec<(&'static str, Form, Writer)> = Vec::new();
    for table in TABLES {
        for form in forms {
            let folder = root.join(form.folder());
            writers.push((table.name, *form, Writer::new(table, *form, &folder)));
        }
    }
    let mut listed = Listed::default();
    for entry in entries {
        let entry = entry?;
        for (name, _, writer) in &mut writers {
            for row in entry.rows(name) {
                writer.row(row.get()).map_err(cannot)?;
            }
        }
        for (name, rows) in &entry.tables {
            let parts = listed.tables.entry(name.clone()).or_default();
            parts.rows = parts.rows.saturating_add(rows.len() as u64);
        }
        told(&entry)?;
    }
    for (name, form, writer) in writers {
        let files = writer.finish().map_err(cannot)?;
        let parts = listed.tables.entry(name.to_owned()).or_default();
        match form {
            Form::Ndjson | Form::NdjsonZstd => parts.ndjson = files,
            #[cfg(feature = "parquet")]
            Form::Parquet => parts.parquet = files,
        }
    }
    // What was asked for by nobody is no empty table.
    listed
        .tables
        .retain(|name, parts| name != super::FLOWS || parts.rows > 0);
    let mut script = Unfinished::inside(root).map_err(cannot)?;
    script
        .write_all(super::duckdb::script(&listed).as_bytes())
        .map_err(cannot)?;
    let mut list = Unfinished::inside(root).map_err(cannot)?;
    serde_json::to_writer_pretty(&mut list, &listed)
        .map_err(|e| cannot(e.into()))
        .and_then(|()| list.write_all(b"\n").map_err(cannot))?;
    // Both are whole before either takes the place of another.
    script
        .persist(&root.join(super::duckdb::SCRIPT))
        .and_then(|()| list.persist(&root.join(LIST)))
        .map_err(cannot)?;
    Ok(listed)
}

/// Removes parts that the list does not name, all that can be.
fn clean(root: &Path, listed: &Listed) -> io::Result<()> {
    let named = listed.tables.values();
    let named: BTreeSet<PathBuf> = named
        .flat_map(|parts| parts.ndjson.iter().chain(&parts.parquet))
        .map(|part| root.join(part))
        .collect();
    let mut cleaned = Ok(());
    for form in ["ndjson", "parquet"] {
        for table in TABLES {
            let folder = root.join(form).join(table.name);
            let Ok(files) = fs::read_dir(&folder) else {
                continue;
            };
            for file in files {
                let path = file?.path();
                let ours = path
                    .file_name()
                    .and_then(|name| name.to_str())
                    .is_some_and(|name| {
                        name.starts_with("part-") || name.starts_with(".drone-audit-")
                    });
                if ours && !named.contains(&path) {
                    cleaned = cleaned.and(fs::remove_file(&path));
                }
            }
            // A table that has no part any more needs no folder; one with other files stays.
            let _ = fs::remove_dir(&folder);
        }
        let _ = fs::remove_dir(root.join(form));
    }
    cleaned
}
