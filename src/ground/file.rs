//! Files where systems differ: folders, devices, names that are the same file.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// Opens a file for reading.
///
/// # Errors
/// When that is impossible. A folder is refused as what it is: Windows would say that access is denied, Unix nothing
/// before it is read.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    if path.is_dir() {
        return Err(io::Error::from(ErrorKind::IsADirectory));
    }
    File::open(path)
}

/// True for a name that stands for a device on Windows, in whatever folder (`NUL`, `COM1`, `\\.\pipe\x`). Nothing can
/// take its place, and nothing can be asked about it without opening it.
///
/// `nul.json` is the same to some versions, but is meant as a file: it is refused there, and not written to nowhere.
#[cfg(windows)]
pub(crate) fn is_device(path: &Path) -> bool {
    use std::ffi::OsString;
    use std::path::{Component, Prefix};
    let device = |path: &Path| -> Option<OsString> {
        match path.components().next()? {
            Component::Prefix(prefix) => match prefix.kind() {
                // With a colon it is a volume: files lie on that.
                Prefix::DeviceNS(name) if !name.to_string_lossy().contains(':') => {
                    Some(name.to_owned())
                }
                _ => None,
            },
            _ => None,
        }
    };
    // Which names these are differs between versions: the system is asked.
    let named = std::path::absolute(path).ok();
    let named = named.and_then(|whole| device(&whole));
    named.is_some_and(|name| {
        device(path).is_some()
            || path
                .file_name()
                .is_some_and(|n| n.eq_ignore_ascii_case(&name))
    })
}

/// Elsewhere devices are files, and are asked what they are.
#[cfg(not(windows))]
pub(crate) fn is_device(_path: &Path) -> bool {
    false
}

/// The name as it is told from others in its folder: on Windows without regard to case, nor to dots and blanks
/// at its end.
pub(crate) fn folded(path: PathBuf) -> PathBuf {
    if !cfg!(windows) {
        return path;
    }
    let text = path.to_string_lossy().to_lowercase();
    PathBuf::from(text.trim_end_matches(['.', ' ']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_no_file_to_read() {
        let folder = tempfile::tempdir().unwrap();
        let refused = open(folder.path()).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::IsADirectory);
        let missing = open(&folder.path().join("x")).unwrap_err();
        assert_eq!(missing.kind(), ErrorKind::NotFound);
    }

    #[test]
    fn devices_of_windows_are_told_from_files() {
        for name in ["NUL", "nul", "COM1", r"\\.\pipe\x"] {
            assert_eq!(is_device(Path::new(name)), cfg!(windows), "{name}");
        }
        for name in [
            "null",
            "report.json",
            "nul.json",
            "x/NULL.json",
            r"\\.\C:\report.json",
            "-",
        ] {
            assert!(!is_device(Path::new(name)), "{name}");
        }
    }

    #[test]
    fn names_that_windows_takes_for_one_are_one_there() {
        let folded = |name: &str| folded(PathBuf::from(name));
        assert_eq!(folded("A.json") == folded("a.JSON. "), cfg!(windows));
        assert_ne!(folded("a.json"), folded("b.json"));
    }
}
