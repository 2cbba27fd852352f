//! Where the files of a report lie now: found by name, known by hash.

use crate::ground::error::{Error, reason};
use crate::ground::hex::hex;
use crate::ground::text;
use crate::tell::report::v1;
use sha2::{Digest, Sha256};
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Component, Path, PathBuf};

/// Bytes that are hashed at a time.
const BLOCK: usize = 1 << 20;

/// Looks for the files of a report.
pub(super) struct Finder {
    /// Folders where they are looked for.
    folders: Vec<PathBuf>,
    /// Paths under which they were given when the report was made.
    given: Vec<PathBuf>,
    /// A folder was named: nothing is looked for elsewhere.
    rooted: bool,
}

/// What became of a search.
#[derive(Debug)]
pub(super) enum Found {
    /// It is there.
    Here(PathBuf),
    /// A file of that name is there, with another hash.
    Other(PathBuf, String),
    /// There is none.
    Nowhere,
}

impl Finder {
    /// For the report at `report`, which was made with files at `given`; with a `root` only there.
    pub(super) fn new(root: Option<&Path>, report: &Path, given: &[String]) -> Self {
        let beside = match report.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
            _ => PathBuf::from("."),
        };
        Self {
            folders: vec![root.map_or(beside, Path::to_owned)],
            given: given.iter().map(PathBuf::from).collect(),
            rooted: root.is_some(),
        }
    }

    /// Regular files of this name, the likeliest first.
    pub(super) fn named(&self, name: &str) -> Vec<PathBuf> {
        // The report says the name alone; anything else would be a path to any file of this machine.
        let mut parts = Path::new(name).components();
        let (Some(Component::Normal(name)), None) = (parts.next(), parts.next()) else {
            return Vec::new();
        };
        let same = |path: &&PathBuf| path.file_name() == Some(name);
        let mut out: Vec<PathBuf> = self.folders.iter().map(|f| f.join(name)).collect();
        if self.rooted {
            let inside = |path: &&PathBuf| {
                let mut parts = path.components();
                parts.all(|c| matches!(c, Component::Normal(_) | Component::CurDir))
            };
            let below = self.given.iter().filter(same).filter(inside);
            out.extend(below.flat_map(|path| self.folders.iter().map(move |f| f.join(path))));
        } else {
            out.extend(self.given.iter().filter(same).cloned());
        }
        let mut met = Vec::new();
        out.retain(|path| {
            let real = fs::canonicalize(path).unwrap_or_else(|_| path.clone());
            let new = !met.contains(&real);
            met.push(real);
            // A pipe or a device would keep us waiting, or never end.
            new && fs::metadata(path).is_ok_and(|about| about.is_file())
        });
        out
    }

    /// The file of this name and hash.
    ///
    /// # Errors
    /// A file of that name that cannot be read.
    pub(super) fn find(&self, name: &str, sha256: &str) -> Result<Found, Error> {
        let mut other = None;
        for path in self.named(name) {
            let computed = hash(&path)?;
            if computed == sha256 {
                return Ok(Found::Here(path));
            }
            other.get_or_insert((path, computed));
        }
        Ok(match other {
            Some((path, computed)) => Found::Other(path, computed),
            None => Found::Nowhere,
        })
    }

    /// Where one of the program's own arguments lies now: a file of that name. Nothing says its hash.
    pub(super) fn by_name(&self, path: &Path) -> Option<PathBuf> {
        self.named(path.file_name().and_then(OsStr::to_str)?)
            .into_iter()
            .next()
    }

    /// Why a file is not there.
    pub(super) fn nowhere(&self, what: &str, name: &str) -> Error {
        let advice = if name == "-" {
            "it came from standard input: save it to a file and audit that".to_owned()
        } else if self.rooted {
            "name the folder where it lies by --root".to_owned()
        } else {
            "it is neither beside the report nor where it was; name its folder by --root".to_owned()
        };
        Error::at(
            text::terminal(name).into_owned(),
            format!("the {what} is not found"),
        )
        .advise(advice)
    }
}

/// SHA-256 of a file.
///
/// # Errors
/// When it cannot be read.
pub(super) fn hash(path: &Path) -> Result<String, Error> {
    let refuse = |e: std::io::Error| {
        Error::at(
            path.display().to_string(),
            format!("cannot read: {}", reason(&e)),
        )
    };
    let mut file = File::open(path).map_err(refuse)?;
    let mut digest = Sha256::new();
    let mut block = vec![0; BLOCK];
    loop {
        match file.read(&mut block) {
            Ok(0) => return Ok(hex(&digest.finalize())),
            Ok(read) => digest.update(block.get(..read).unwrap_or_default()),
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            Err(e) => return Err(refuse(e)),
        }
    }
}

/// The hashes of the captures, or why there are none.
///
/// # Errors
/// A report that was made with `--no-hash`.
pub(super) fn hashed<'r>(
    place: &str,
    inputs: impl IntoIterator<Item = &'r v1::Input>,
) -> Result<Vec<(&'r str, &'r str)>, Error> {
    let all = inputs.into_iter().map(|input| {
        let sha256 = input.sha256.as_deref().ok_or_else(|| {
            Error::at(
                place,
                "was made with --no-hash, so nothing ties it to its captures",
            )
            .advise("audit them again without --no-hash")
        })?;
        Ok((input.path.as_str(), sha256))
    });
    all.collect()
}
