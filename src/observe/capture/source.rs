//! Where a capture comes from: a file, a pipe, or standard input.

use crate::ground::error::{Error, reason};
#[cfg(not(unix))]
use crate::ground::file;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// What a case file says of a capture.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Declared {
    /// Nanoseconds to add to its times.
    pub shift: i64,
    /// The series that it is a part of.
    pub series: Option<String>,
}

/// Where a capture comes from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// A file.
    File(PathBuf),
    /// A file of which a case file says more.
    Declared(PathBuf, Declared),
    /// Standard input, `-` on the command line.
    Stdin,
    /// Standard input or a pipe, written to this file first because it has to be read twice.
    Spooled(PathBuf, Box<Source>),
}

#[cfg(unix)]
fn is_pipe(path: &Path) -> bool {
    use std::os::unix::fs::FileTypeExt;
    std::fs::metadata(path).is_ok_and(|about| about.file_type().is_fifo())
}

#[cfg(not(unix))]
fn is_pipe(path: &Path) -> bool {
    file::is_device(path)
}

impl Source {
    /// From a command-line argument.
    pub fn of(argument: &Path) -> Self {
        if argument.as_os_str() == "-" {
            Self::Stdin
        } else {
            Self::File(argument.to_owned())
        }
    }

    /// The file name alone.
    pub fn name(&self) -> String {
        match self {
            Self::File(path) | Self::Declared(path, _) => path.file_name().map_or_else(
                || path.display().to_string(),
                |n| n.to_string_lossy().into_owned(),
            ),
            Self::Stdin => "-".into(),
            Self::Spooled(_, given) => given.name(),
        }
    }

    /// The path for messages.
    pub fn display(&self) -> String {
        match self {
            Self::File(path) | Self::Declared(path, _) => path.display().to_string(),
            Self::Stdin => "standard input".into(),
            Self::Spooled(_, given) => given.display(),
        }
    }

    /// Nanoseconds to add to its times.
    pub(super) fn shift(&self) -> i64 {
        match self {
            Self::Declared(_, declared) => declared.shift,
            Self::File(_) | Self::Stdin => 0,
            Self::Spooled(_, given) => given.shift(),
        }
    }

    /// The series that it was declared to be a part of.
    pub(super) fn series(&self) -> Option<&str> {
        match self {
            Self::Declared(_, declared) => declared.series.as_deref(),
            Self::File(_) | Self::Stdin => None,
            Self::Spooled(_, given) => given.series(),
        }
    }

    /// The path as it was given, `-` for standard input.
    pub(super) fn path(&self) -> PathBuf {
        match self {
            Self::File(path) | Self::Declared(path, _) => path.clone(),
            Self::Stdin => PathBuf::from("-"),
            Self::Spooled(_, given) => given.path(),
        }
    }

    /// It can be read once only: standard input, a named pipe, what a shell puts in the place of `<(command)`.
    pub(in crate::observe) fn runs_dry(&self) -> bool {
        match self {
            Self::Stdin => true,
            Self::File(path) | Self::Declared(path, _) => is_pipe(path),
            Self::Spooled(..) => false,
        }
    }

    /// How many bytes will be read, if that is known beforehand.
    pub(super) fn bytes(&self) -> Option<u64> {
        match self {
            Self::Stdin => None,
            Self::File(path) | Self::Declared(path, _) | Self::Spooled(path, _) => {
                let about = std::fs::metadata(path).ok()?;
                about.is_file().then_some(about.len())
            }
        }
    }

    pub(super) fn open(&self) -> Result<Box<dyn Read>, Error> {
        let path = match self {
            Self::Stdin => return Ok(Box::new(std::io::stdin().lock())),
            Self::File(path) | Self::Declared(path, _) | Self::Spooled(path, _) => path,
        };
        let refuse = |e: std::io::Error| {
            let advice = match e.kind() {
                std::io::ErrorKind::NotFound => "check the path",
                std::io::ErrorKind::PermissionDenied => "make it readable for this user",
                _ => "check the file",
            };
            Error::at(
                self.display(),
                format!("cannot open the capture: {}", reason(&e)),
            )
            .advise(advice)
        };
        // Asked before: Windows would say that access to it is denied.
        if path.is_dir() {
            return Err(Error::at(self.display(), "is a directory, not a capture")
                .advise("name the capture files in it, e.g. with a shell wildcard"));
        }
        Ok(Box::new(File::open(path).map_err(refuse)?))
    }
}
