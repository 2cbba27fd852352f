//! Files that are not finished: whole at their place in the end, or gone, also when the program is
//! interrupted.
//!
//! Reports, manual pages and what is kept of standard input are written under temporary names. Each
//! is listed here from before it exists until it was renamed or removed, so that
//! [`clean_up_on_signals`] can remove what a user's Ctrl-C or a pipeline's time limit would leave:
//! half a report, or a copy of evidence in a folder for temporary files.
//!
//! A signal that cannot be caught (SIGKILL, an ended task or a closed window of Windows) still leaves them; on
//! Windows not what is kept of standard input, which the system removes with the program.

use crate::ground::progress;
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tempfile::{Builder, NamedTempFile, TempDir};

/// The files that exist and are not finished. Signals concern the process, and so does this list.
static LISTED: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

fn listed() -> MutexGuard<'static, BTreeSet<PathBuf>> {
    // Paths stay right whatever happened to who held them.
    LISTED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A file under a temporary name; removed with this value, unless it was [put in place](Self::persist).
#[derive(Debug)]
pub(crate) struct Unfinished {
    path: PathBuf,
    /// `None` only while it is renamed or removed.
    file: Option<NamedTempFile>,
}

impl Unfinished {
    /// A file in the folder for temporary files, which only this user can read.
    pub(crate) fn private() -> io::Result<Self> {
        #[cfg(windows)]
        return Self::create(|| Builder::new().make(windows::gone_with_the_program));
        #[cfg(not(windows))]
        Self::create(NamedTempFile::new)
    }

    /// A file in `folder` that is to be renamed: with the mode that any new file would get there.
    pub(crate) fn inside(folder: &Path) -> io::Result<Self> {
        let mut builder = Builder::new();
        builder.prefix(".drone-audit-");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            // As any new file: what the user's umask allows, not the private mode of a scratch file.
            builder.permissions(fs::Permissions::from_mode(0o666));
        }
        Self::create(|| builder.tempfile_in(folder))
    }

    fn create(make: impl FnOnce() -> io::Result<NamedTempFile>) -> io::Result<Self> {
        // Held meanwhile: a signal finds the file in the list, or not yet made.
        let mut listed = listed();
        let file = make()?;
        let path = file.path().to_owned();
        listed.insert(path.clone());
        Ok(Self {
            path,
            file: Some(file),
        })
    }

    /// Where it is for now.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The open file.
    ///
    /// # Errors
    /// Never: it is there until this value is gone.
    pub(crate) fn file(&self) -> io::Result<&File> {
        let file = self.file.as_ref().map(NamedTempFile::as_file);
        file.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
    }

    /// Writes it to disk and gives it its name, replacing what was there.
    ///
    /// # Errors
    /// When that is impossible; what was there is then as it was, and this file is gone.
    pub(crate) fn persist(mut self, target: &Path) -> io::Result<()> {
        self.file()?.sync_all()?;
        let mut listed = listed();
        if let Some(file) = self.file.take() {
            // A file that could not be renamed is removed with the error that holds it.
            file.persist(target).map_err(|failed| failed.error)?;
        }
        listed.remove(&self.path);
        Ok(())
    }
}

impl Write for Unfinished {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file()?.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file()?.flush()
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        let mut listed = listed();
        drop(self.file.take());
        listed.remove(&self.path);
    }
}

/// A folder under a temporary name; removed with all in it, unless it was [put in place](Self::persist).
#[derive(Debug)]
pub(crate) struct UnfinishedFolder {
    path: PathBuf,
    /// `None` only while it is renamed or removed.
    folder: Option<TempDir>,
}

impl UnfinishedFolder {
    /// A folder in `parent`, with the mode that any new folder would get there.
    pub(crate) fn inside(parent: &Path) -> io::Result<Self> {
        let mut builder = Builder::new();
        builder.prefix(".drone-audit-");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            builder.permissions(fs::Permissions::from_mode(0o777));
        }
        let mut listed = listed();
        let folder = builder.tempdir_in(parent)?;
        let path = folder.path().to_owned();
        listed.insert(path.clone());
        Ok(Self {
            path,
            folder: Some(folder),
        })
    }

    /// Where it is for now.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Gives it its name.
    ///
    /// # Errors
    /// When that is impossible, or something is there; this folder is then gone.
    pub(crate) fn persist(mut self, target: &Path) -> io::Result<()> {
        let mut listed = listed();
        if fs::symlink_metadata(target).is_ok() {
            drop(listed);
            return Err(io::Error::from(io::ErrorKind::AlreadyExists));
        }
        let renamed = fs::rename(&self.path, target);
        if let (Ok(()), Some(folder)) = (&renamed, self.folder.take()) {
            // It is elsewhere now: nothing is left to be removed.
            let _ = folder.keep();
            listed.remove(&self.path);
        }
        drop(listed);
        renamed
    }
}

impl Drop for UnfinishedFolder {
    fn drop(&mut self) {
        let mut listed = listed();
        drop(self.folder.take());
        listed.remove(&self.path);
    }
}

/// True while the first signal only asks for an end.
static GENTLE: AtomicBool = AtomicBool::new(false);
/// What the program exits with once it has come to that end; 0 as long as no signal came.
static ASKED: AtomicI32 = AtomicI32::new(0);

/// From now on the first signal only asks for an end, for somebody who looks at [`asked_to_end`] and has something
/// to put in order; the second one ends the program as before.
pub(crate) fn end_gently() {
    GENTLE.store(true, Ordering::Relaxed);
}

/// The exit code of the signal that asked for an end, if one did.
pub(crate) fn asked_to_end() -> Option<u8> {
    let code = ASKED.load(Ordering::Relaxed);
    u8::try_from(code).ok().filter(|code| *code > 0)
}

/// From now on SIGINT, SIGTERM and SIGHUP remove what is unfinished and end the program with exit
/// code 128 + signal (130, 143, 129). A signal that was ignored when the program began (`nohup`, a
/// job in the background of a script) stays so. On Windows Ctrl-C and
/// Ctrl-Break do that (130).
pub fn clean_up_on_signals() {
    #[cfg(unix)]
    unix::watch();
    #[cfg(windows)]
    windows::watch();
}

/// What shells make of a program that a signal ended.
const SIGNALLED: i32 = 128;

/// A signal came: the first one may only ask for an end.
fn caught(signal: i32) {
    let code = SIGNALLED.saturating_add(signal);
    let first = ASKED.swap(code, Ordering::Relaxed) == 0;
    if !first || !GENTLE.load(Ordering::Relaxed) {
        abandon(code);
    }
}

/// Removes what is unfinished and ends the program; no new file can come into being meanwhile.
fn abandon(code: i32) -> ! {
    let listed = listed();
    for path in &*listed {
        // What is gone already needs no removal.
        if fs::remove_file(path).is_err() {
            let _ = fs::remove_dir_all(path);
        }
    }
    progress::wipe();
    std::process::exit(code);
}

#[cfg(unix)]
mod unix {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ};
    use signal_hook::iterator::Signals;
    use std::sync::mpsc::channel;

    /// A write beyond the limit of a file's size (`ulimit -f`) fails then, and is told as any other; by default
    /// SIGXFSZ ends the program without a word (setrlimit(2), RLIMIT_FSIZE).
    fn tell_of_the_size_limit() {
        let unread = std::sync::Arc::default();
        let _ = signal_hook::flag::register(SIGXFSZ, unread);
    }

    pub(super) fn watch() {
        tell_of_the_size_limit();
        let ignored = std::fs::read_to_string("/proc/self/status").ok();
        let ignored = ignored.as_deref().and_then(ignored_signals);
        let wanted = [SIGHUP, SIGINT, SIGTERM].into_iter().filter(|signal| {
            // Without the list nobody knows whether `nohup` is at work.
            ignored.map_or(*signal != SIGHUP, |set| {
                set.checked_shr(signal.unsigned_abs().saturating_sub(1))
                    .is_some_and(|bits| bits & 1 == 0)
            })
        });
        let wanted: Vec<i32> = wanted.collect();
        let (ready, waiting) = channel();
        // It sleeps until a signal comes. Without it an interrupted run leaves its files, as others do.
        let _ = std::thread::Builder::new()
            .name("signals".into())
            .spawn(move || {
                let Ok(mut signals) = Signals::new(wanted) else {
                    return;
                };
                // Who started this goes on in any case.
                let _ = ready.send(());
                for signal in signals.forever() {
                    super::caught(signal);
                }
            });
        // Ends at once if the thread does.
        let _ = waiting.recv();
    }

    /// The set of ignored signals in `/proc/self/status` (proc_pid_status(5), `SigIgn`): bit 0 is
    /// signal 1.
    fn ignored_signals(status: &str) -> Option<u64> {
        let set = status.lines().find_map(|l| l.strip_prefix("SigIgn:"))?;
        u64::from_str_radix(set.trim(), 16).ok()
    }

    #[cfg(test)]
    mod tests {
        #[test]
        fn the_set_of_ignored_signals_is_read() {
            let status = "SigBlk:\t0000000000000000\nSigIgn:\t0000000000001001\nSigCgt:\t0\n";
            assert_eq!(super::ignored_signals(status), Some(0x1001));
            assert_eq!(super::ignored_signals("Name:\tx\n"), None);
        }
    }
}

#[cfg(windows)]
mod windows {
    use std::fs::{File, OpenOptions};
    use std::io;
    use std::os::windows::fs::OpenOptionsExt;
    use std::path::Path;

    /// `FILE_FLAG_DELETE_ON_CLOSE` (CreateFileW): whoever ends the program, the system closes its files.
    const DELETE_ON_CLOSE: u32 = 0x0400_0000;

    /// A new file that lasts as long as it is open.
    pub(super) fn gone_with_the_program(path: &Path) -> io::Result<File> {
        OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .custom_flags(DELETE_ON_CLOSE)
            .open(path)
    }

    /// What Ctrl-C is elsewhere. Which of the keys was pressed is not told.
    const SIGINT: i32 = 2;

    pub(super) fn watch() {
        // Without it an interrupted run leaves its files, as others do.
        let _ = ctrlc::set_handler(|| super::caught(SIGINT));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_for_a_second_reading_can_be_read_meanwhile() {
        let mut kept = Unfinished::private().unwrap();
        kept.write_all(b"packets").unwrap();
        let path = kept.path().to_owned();
        assert_eq!(fs::read(&path).unwrap(), b"packets");
        assert_eq!(fs::read(&path).unwrap(), b"packets");
        drop(kept);
        assert!(!path.exists() && !listed().contains(&path));
    }

    #[test]
    fn a_folder_takes_no_place_that_is_taken() {
        let parent = tempfile::tempdir().unwrap();
        let target = parent.path().join("bundle");
        let folder = UnfinishedFolder::inside(parent.path()).unwrap();
        fs::write(folder.path().join("x"), "x").unwrap();
        let path = folder.path().to_owned();
        assert!(listed().contains(&path));
        folder.persist(&target).unwrap();
        assert!(!listed().contains(&path) && target.join("x").exists());

        let folder = UnfinishedFolder::inside(parent.path()).unwrap();
        let path = folder.path().to_owned();
        assert!(folder.persist(&target).is_err());
        assert!(!listed().contains(&path) && !path.exists());
        assert!(target.join("x").exists());
    }

    #[test]
    fn a_file_is_listed_until_it_is_in_place_or_gone() {
        let folder = tempfile::tempdir().unwrap();
        let count = || fs::read_dir(folder.path()).unwrap().count();
        let dropped = Unfinished::inside(folder.path()).unwrap();
        let path = dropped.path().to_owned();
        assert!(listed().contains(&path) && path.exists());
        drop(dropped);
        assert!(!listed().contains(&path) && !path.exists());

        let mut kept = Unfinished::inside(folder.path()).unwrap();
        kept.write_all(b"whole").unwrap();
        let path = kept.path().to_owned();
        kept.persist(&folder.path().join("report")).unwrap();
        assert!(!listed().contains(&path));
        assert_eq!(fs::read(folder.path().join("report")).unwrap(), b"whole");

        let refused = Unfinished::inside(folder.path()).unwrap();
        let path = refused.path().to_owned();
        assert!(refused.persist(&folder.path().join("no/report")).is_err());
        assert!(!listed().contains(&path));
        assert_eq!(count(), 1);
    }
}
