//! Captures and the other files that a case file names, and their declared hashes.

use super::raw::{BaselineKind, Role};
use super::source::{Spot, Text, quoted};
use super::{CaseFile, Ids, all, optional, raw, value};
use crate::ground::error::{Error, reason};
use crate::ground::place::Place;
use crate::ground::text;
use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// A file that the case file names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// The file, by a path that starts where that of the case file starts.
    pub path: PathBuf,
    /// Where it is named.
    pub place: Place,
}

/// A capture.
#[derive(Debug, Clone, PartialEq)]
pub struct Capture {
    /// The file.
    pub file: Named,
    /// Its SHA-256 as declared.
    pub sha256: Option<Declared>,
    /// Nanoseconds to add to its times.
    pub clock_offset: i64,
    /// Name of its series.
    pub series: Option<String>,
    /// What it is for.
    pub purpose: Purpose,
}

/// A declared hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declared {
    /// 64 hexadecimal digits, small letters.
    pub sha256: String,
    /// Where it stands.
    pub place: Place,
}

/// What a capture is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// It is audited.
    Session,
    /// It is compared with.
    Baseline(BaselineKind),
}

impl CaseFile {
    /// Compares declared hashes with those of the files as they were read: path as it was opened, and
    /// SHA-256 in small hexadecimal digits, if it was computed. Captures that were not read (because
    /// the command line named others) are not compared.
    ///
    /// # Errors
    /// Where a hash is declared: another one was computed, or none.
    pub fn verify_inputs<'a>(
        &self,
        read: impl IntoIterator<Item = (&'a Path, Option<&'a str>)>,
    ) -> Result<(), Error> {
        let read: Vec<(PathBuf, Option<&str>)> = read
            .into_iter()
            .map(|(path, computed)| (identity(path), computed))
            .collect();
        for capture in &self.captures {
            let Some(declared) = &capture.sha256 else {
                continue;
            };
            let own = identity(&capture.file.path);
            for (_, computed) in read.iter().filter(|(path, _)| *path == own) {
                let name = quoted(&capture.file.path.display().to_string());
                match computed {
                    Some(computed) if *computed == declared.sha256 => {}
                    Some(computed) => {
                        let what =
                            format!("{name} has another SHA-256: {}", text::terminal(computed));
                        return Err(declared.place.error(what).advise(
                            "the file was changed after it was secured, or the hash is another file's",
                        ));
                    }
                    None => {
                        let what = format!("the SHA-256 of {name} was not computed");
                        return Err(declared
                            .place
                            .error(what)
                            .advise("leave out --no-hash; a declared hash has to be compared"));
                    }
                }
            }
        }
        Ok(())
    }

    /// Refuses names of files that are not there.
    pub(super) fn check_files(&self) -> Result<(), Error> {
        let captures = self.captures.iter().map(|capture| &capture.file);
        let others = [&self.geo, &self.catalog, &self.keylog];
        for file in captures.chain(others.into_iter().flatten()) {
            let name = quoted(&file.path.display().to_string());
            match fs::metadata(&file.path) {
                Ok(about) if about.is_dir() => {
                    let what = format!("{name} is a folder");
                    return Err(file
                        .place
                        .error(what)
                        .advise("name the files in it, each on its own"));
                }
                Ok(_) => {}
                Err(e) => {
                    let advice = match e.kind() {
                        ErrorKind::NotFound => "paths start from the folder of the case file",
                        _ => "check the file",
                    };
                    let what = format!("cannot open {name}: {}", reason(&e));
                    return Err(file.place.error(what).advise(advice));
                }
            }
        }
        Ok(())
    }
}

/// The file behind a path, as far as it exists.
fn identity(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

pub(super) fn named(
    text: &Text,
    key: &str,
    folder: &Path,
    spot: &Spot<String>,
) -> Result<Named, Error> {
    let path = value::filled(text, key, spot)?;
    if path == "-" {
        return Err(text
            .error(&spot.span, "a case file cannot name standard input")
            .advise("name a file"));
    }
    if path.contains('\0') {
        return Err(text
            .error(&spot.span, format!("{key} holds a NUL, and no path does"))
            .advise("name a file"));
    }
    Ok(Named {
        path: folder.join(path),
        place: text.place(spot.span.start),
    })
}

pub(super) fn captures(
    text: &Text,
    folder: &Path,
    raw: &[raw::Capture],
) -> Result<Vec<Capture>, Error> {
    let mut ids = Ids::default();
    let mut roles: BTreeMap<String, Purpose> = BTreeMap::new();
    all(raw, |raw| {
        ids.add(text, "the capture", &raw.path)?;
        let role = raw.role.as_ref().map_or(Role::Session, |role| role.value);
        let purpose = match (role, &raw.kind) {
            (Role::Session, None) => Purpose::Session,
            (Role::Baseline, Some(kind)) => Purpose::Baseline(kind.value),
            (Role::Session, Some(kind)) => {
                return Err(text
                    .error(&kind.span, "only a baseline has a kind")
                    .advise("add role = \"baseline\", or leave out kind"));
            }
            (Role::Baseline, None) => {
                let span = raw.role.as_ref().map_or(&raw.path.span, |role| &role.span);
                return Err(text
                    .error(span, "a baseline has to say what it was recorded without")
                    .advise("add kind = \"without-app\" or kind = \"without-mode\""));
            }
        };
        let series = optional(&raw.series, |series| {
            let name = value::word(text, "series", series)?;
            if *roles.entry(name.clone()).or_insert(purpose) != purpose {
                let what = format!("the series '{name}' has captures of another role or kind");
                return Err(text
                    .error(&series.span, what)
                    .advise("give sessions and baselines different series"));
            }
            Ok(name)
        })?;
        Ok(Capture {
            file: named(text, "path", folder, &raw.path)?,
            sha256: optional(&raw.sha256, |spot| {
                Ok(Declared {
                    sha256: value::sha256(text, spot)?,
                    place: text.place(spot.span.start),
                })
            })?,
            clock_offset: optional(&raw.clock_offset, |spot| value::offset(text, spot))?
                .unwrap_or(0),
            series,
            purpose,
        })
    })
}
