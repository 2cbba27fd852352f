//! What is done of a campaign that is not over: the rows of each session, appended as one line as soon as it is
//! done, so that a run that was ended in any way goes on where it was.
//!
//! Lines lie in 256 files by the first byte of the session's id: each can be put in order by itself, whatever the
//! number of sessions. A line that was cut off is taken away when the journal is opened again.

use super::entry::Entry;
use crate::ground::error::{Error, reason};
use crate::ground::text;
use serde::Deserialize;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// The folder in that of the dataset.
const FOLDER: &str = "journal";

/// Files that the lines are spread over.
const FILES: u16 = 256;

/// The journal in a folder.
#[derive(Debug)]
pub struct Journal {
    folder: PathBuf,
}

/// Where the line of a session lies.
struct Place {
    session: String,
    at: u64,
    length: usize,
}

/// What is read of a line to know whose it is, and whether it is to be tried again.
#[derive(Deserialize)]
struct Head {
    session: String,
}

fn cannot(path: &Path, doing: &str, error: &io::Error) -> Error {
    Error::at(
        text::terminal(&path.display().to_string()).into_owned(),
        format!("cannot {doing}: {}", reason(error)),
    )
}

impl Journal {
    /// The journal in the folder of a dataset; made if there is none. Cut lines are taken away.
    ///
    /// # Errors
    /// When the folder cannot be made or its files not be read.
    pub fn open(root: &Path) -> Result<Self, Error> {
        let folder = root.join(FOLDER);
        fs::create_dir_all(&folder).map_err(|e| cannot(&folder, "write", &e))?;
        let journal = Self { folder };
        for number in 0..FILES {
            journal.mend(number)?;
        }
        Ok(journal)
    }

    fn path(&self, number: u16) -> PathBuf {
        self.folder.join(format!("{number:02x}.ndjson"))
    }

    /// Takes away a line without an end.
    fn mend(&self, number: u16) -> Result<(), Error> {
        /// Bytes looked at in one step, from the end.
        const STEP: u64 = 64 << 10;
        let path = self.path(number);
        let Ok(mut file) = OpenOptions::new().read(true).write(true).open(&path) else {
            return Ok(());
        };
        let mut mend = || -> io::Result<()> {
            let length = file.metadata()?.len();
            let mut end = length;
            while end > 0 {
                let start = end.saturating_sub(STEP);
                let mut bytes = Vec::new();
                file.seek(SeekFrom::Start(start))?;
                Read::by_ref(&mut file)
                    .take(end - start)
                    .read_to_end(&mut bytes)?;
                if let Some(at) = bytes.iter().rposition(|b| *b == b'\n') {
                    end = start.saturating_add(at as u64).saturating_add(1);
                    break;
                }
                end = start;
            }
            if end < length {
                file.set_len(end)
            } else {
                Ok(())
            }
        };
        mend().map_err(|e| cannot(&path, "mend", &e))
    }

    /// Adds a session.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn add(&self, entry: &Entry) -> Result<(), Error> {
        let mut line = Vec::new();
        serde_json::to_writer(&mut line, entry)
            .map_err(|e| cannot(&self.folder, "write", &e.into()))?;
        line.push(b'\n');
        let number = entry
            .session
            .get(..2)
            .and_then(|digits| u16::from_str_radix(digits, 16).ok())
            .unwrap_or(0);
        let path = self.path(number);
        // Opened anew each time: a session takes far longer, and hundreds of open files are more than some systems allow.
        let written = OpenOptions::new()
            .append(true)
            .create(true)
            .open(&path)
            .and_then(|mut file| file.write_all(&line));
        written.map_err(|e| cannot(&path, "write", &e))
    }

    /// The sessions in the order of their ids.
    pub fn entries(&self) -> impl Iterator<Item = Result<Entry, Error>> + '_ {
        (0..FILES).flat_map(|number| self.of_file(number))
    }

    fn of_file(&self, number: u16) -> Box<dyn Iterator<Item = Result<Entry, Error>> + '_> {
        let path = self.path(number);
        if !path.exists() {
            return Box::new(std::iter::empty());
        }
        let places = match places(&path) {
            Ok(places) => places,
            Err(e) => return Box::new(std::iter::once(Err(cannot(&path, "read", &e)))),
        };
        let mut file = match File::open(&path) {
            Ok(file) => file,
            Err(e) => return Box::new(std::iter::once(Err(cannot(&path, "read", &e)))),
        };
        let mut places = places.into_iter().peekable();
        Box::new(std::iter::from_fn(move || {
            let first = places.next()?;
            let mut read = |place: &Place| -> io::Result<Entry> {
                let mut line = vec![0; place.length];
                file.seek(SeekFrom::Start(place.at))?;
                file.read_exact(&mut line)?;
                Ok(serde_json::from_slice(&line)?)
            };
            let mut best = read(&first);
            // The same session twice: two copies of a capture, or one that was tried again.
            while let Some(again) = places.next_if(|next| next.session == first.session) {
                best = match (best, read(&again)) {
                    (Ok(a), Ok(b)) => Ok(a.or(b)),
                    (Err(e), _) | (_, Err(e)) => Err(e),
                };
            }
            Some(best.map_err(|e| cannot(&path, "read", &e)))
        }))
    }

    /// The journal is part of a dataset now.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub fn remove(self) -> Result<(), Error> {
        fs::remove_dir_all(&self.folder).map_err(|e| cannot(&self.folder, "remove", &e))
    }
}

/// True if a folder holds a journal.
pub fn is_there(root: &Path) -> bool {
    root.join(FOLDER).is_dir()
}

/// The id of a line as this program writes it, without reading the rest.
fn begins(line: &[u8]) -> Option<String> {
    const FRONT: &[u8] = b"{\"session\":\"";
    let rest = line.strip_prefix(FRONT)?;
    let (id, rest) = rest.split_at_checked(32)?;
    let plain = id.iter().all(u8::is_ascii_hexdigit) && rest.starts_with(b"\"");
    plain.then(|| String::from_utf8_lossy(id).into_owned())
}

/// The lines of a file, by session, then as they stand.
fn places(path: &Path) -> io::Result<Vec<Place>> {
    let mut reader = BufReader::new(File::open(path)?);
    let mut out = Vec::new();
    let mut at = 0u64;
    let mut line = Vec::new();
    loop {
        line.clear();
        let length = reader.read_until(b'\n', &mut line)?;
        if length == 0 {
            break;
        }
        let session = match begins(&line) {
            Some(session) => session,
            None => serde_json::from_slice::<Head>(&line)?.session,
        };
        out.push(Place {
            session,
            at,
            length,
        });
        at = at.saturating_add(length as u64);
    }
    out.sort_by(|a, b| (&a.session, a.at).cmp(&(&b.session, b.at)));
    Ok(out)
}
