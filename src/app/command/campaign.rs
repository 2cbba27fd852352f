//! `campaign`: many sessions, each judged alone, into one dataset of tables.
//!
//! Each session is isolated: a file that is no capture, an option that does not fit it, a bound of time, and even
//! a mistake of the program cost that session alone and become a row with its error. What is done is in a journal
//! at once, so that a run that was ended in any way goes on where it was; in the end the journal and what the
//! folder held before become one dataset, in the order of session ids, which depend on nothing but what was
//! audited with what. Memory holds the sessions at work and the list of what there is to do.

mod list;
mod session;

use super::screen::{error, means, note, style};
use super::tables::{forms, refuse_others};
use crate::app::cli::{Campaign, CampaignCommand, FailOn, Merge, Terminal};
use crate::ground::error::{Error, reason};
use crate::ground::parallel::{Threads, in_order};
use crate::ground::text;
use crate::ground::unfinished::{UnfinishedFolder, asked_to_end, end_gently};
use crate::judge::claim::Verdict;
use crate::observe::capture::{Means, Source};
use crate::tell::campaign::summary::{Summary, Tally};
use crate::tell::campaign::{self, Shown};
use crate::tell::report::format::{Format, Setting};
use crate::tell::report::output::{Output, check_targets};
use crate::tell::tables::dataset::{self, Dataset, Merged, Sorted};
use crate::tell::tables::entry::Entry;
use crate::tell::tables::journal::{self, Journal};
use session::{Auditor, Done};
use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc::sync_channel;
use std::sync::{Mutex, PoisonError};

/// Sessions of the journal that are read ahead of what is written.
const AHEAD: usize = 64;

/// Ids of sessions, which are 32 hexadecimal digits.
type Ids = HashSet<u128>;

fn number(id: &str) -> u128 {
    u128::from_str_radix(id, 16).unwrap_or(0)
}

pub(super) fn run(options: &Campaign, terminal: &Terminal) -> Result<u8, Error> {
    if let Some(CampaignCommand::Merge(merge)) = &options.command {
        return together(merge, terminal);
    }
    let specs = list::sessions(options, terminal)?;
    let captures: Vec<PathBuf> = specs.iter().flat_map(|s| s.captures.clone()).collect();
    check_targets(&options.outputs, &captures)?;
    let place = Place::of(&options.outputs)?;
    let root = place.path();
    let had = Dataset::open(root)?;
    if had.is_none() && !journal::is_there(root) {
        refuse_others(root)?;
    }
    let reports = options.reports.as_deref().map(folder).transpose()?;
    let journal = Journal::open(root)?;
    let known = known(had.as_ref(), &journal)?;
    if !known.is_empty() {
        let what = "sessions were audited before; what is the same is not audited again";
        note(terminal, &format!("{} {what}", known.len()));
    }
    let jobs = options.jobs.or(terminal.threads);
    let means = Means {
        threads: jobs.map_or_else(Threads::default, Threads::at_most),
        ..means(terminal)
    };
    let auditor = Auditor::new(options, means.clone(), &known, reports.as_deref())?;
    end_gently();
    let sources: Vec<Source> = captures.iter().map(|path| Source::of(path)).collect();
    means.sessions(&sources);
    let ids: Mutex<Ids> = Mutex::new(Ids::new());
    in_order(&specs, &means.threads, |_, spec| {
        if asked_to_end().is_some() {
            return Ok(());
        }
        means.progress.session();
        let done = auditor.session(spec)?;
        let id = match done {
            Done::Before(id) => id,
            Done::Now(entry) => {
                journal.add(&entry)?;
                entry.session
            }
        };
        let mut ids = ids.lock().unwrap_or_else(PoisonError::into_inner);
        ids.insert(number(&id));
        Ok::<(), Error>(())
    })?;
    means.progress.clear();
    let ids = ids.into_inner().unwrap_or_else(PoisonError::into_inner);
    let mut summary = Summary::default();
    let forms = forms(Format::TABLES, options.zstd);
    std::thread::scope(|scope| {
        let mut parts: Vec<Sorted<'_>> = Vec::new();
        if let Some(had) = &had {
            parts.push(Box::new(had.entries()?));
        }
        match means.threads.lend() {
            // Read ahead while what was read is written.
            Some(lent) => {
                let (send, receive) = sync_channel(AHEAD);
                let journal = &journal;
                scope.spawn(move || {
                    let mut entries = journal.entries();
                    while entries.next().is_some_and(|entry| send.send(entry).is_ok()) {}
                    drop(lent);
                });
                parts.push(Box::new(receive.into_iter()));
            }
            None => parts.push(Box::new(journal.entries())),
        }
        dataset::write(root, &forms, Merged::of(parts), |entry| {
            if !ids.contains(&number(&entry.session)) {
                return Ok(());
            }
            complain(entry);
            summary.add(entry)
        })
    })?;
    journal.remove()?;
    tell(
        root,
        Some(&ids),
        &summary,
        &options.outputs,
        reports.as_deref(),
        terminal,
    )?;
    if let Some(code) = asked_to_end() {
        let left = specs.len().saturating_sub(ids.len());
        note(
            terminal,
            &format!("ended with {left} sessions to do; the same command goes on with them"),
        );
        return Ok(code);
    }
    Ok(exit_code(&summary.tally, &options.fail_on))
}

/// The sessions that are in a dataset or a journal and are not to be tried again.
fn known(had: Option<&Dataset>, journal: &Journal) -> Result<Ids, Error> {
    let mut known = Ids::new();
    let mut add = |entry: Entry| {
        // What ran out of time, or into a mistake of the program, may end otherwise.
        let again = matches!(
            entry.ending().error.as_deref(),
            Some("timeout" | "internal")
        );
        if !again {
            known.insert(number(&entry.session));
        }
    };
    if let Some(had) = had {
        for entry in had.entries()? {
            add(entry?);
        }
    }
    for entry in journal.entries() {
        add(entry?);
    }
    Ok(known)
}

fn together(options: &Merge, terminal: &Terminal) -> Result<u8, Error> {
    let place = Place::of(&options.outputs)?;
    let root = place.path();
    let mut had = Vec::new();
    for path in &options.datasets {
        let place = text::terminal(&path.display().to_string()).into_owned();
        let dataset = Dataset::open(path)?.ok_or_else(|| {
            Error::at(place, "holds no dataset").advise("name a folder that -o tables=DIR wrote")
        })?;
        had.push(dataset);
    }
    let into = Dataset::open(root)?;
    if into.is_none() {
        refuse_others(root)?;
    }
    let mut summary = Summary::default();
    {
        let mut parts: Vec<Sorted<'_>> = Vec::new();
        for dataset in had.iter().chain(&into) {
            parts.push(Box::new(dataset.entries()?));
        }
        dataset::write(
            root,
            &forms(Format::TABLES, options.zstd),
            Merged::of(parts),
            |entry| summary.add(entry),
        )?;
    }
    tell(root, None, &summary, &options.outputs, None, terminal)?;
    Ok(exit_code(&summary.tally, &options.fail_on))
}

/// Where the dataset is written: the folder that was named, or one that goes with the run.
enum Place {
    Named(PathBuf),
    Unnamed(UnfinishedFolder),
}

impl Place {
    fn of(outputs: &[Output]) -> Result<Self, Error> {
        match outputs
            .iter()
            .find(|o| o.format.is_folder())
            .and_then(|o| o.path.as_ref())
        {
            Some(path) => Ok(Self::Named(path.clone())),
            None => UnfinishedFolder::inside(&std::env::temp_dir())
                .map(Self::Unnamed)
                .map_err(|e| {
                    Error::new(format!("cannot write temporary files: {}", reason(&e)))
                        .advise("name a folder with -o tables=DIR")
                }),
        }
    }

    fn path(&self) -> &Path {
        match self {
            Self::Named(path) => path,
            Self::Unnamed(folder) => folder.path(),
        }
    }
}

fn folder(path: &Path) -> Result<PathBuf, Error> {
    fs::create_dir_all(path).map_err(|e| {
        let place = text::terminal(&path.display().to_string()).into_owned();
        Error::at(place, format!("cannot write: {}", reason(&e)))
    })?;
    Ok(path.to_owned())
}

/// Says that a session could not be audited, and why.
fn complain(entry: &Entry) {
    if let Some((name, text)) = entry.failure() {
        error(&Error::at(text::terminal(&name).into_owned(), text));
    }
}

/// Writes what is no folder.
fn tell(
    root: &Path,
    ids: Option<&Ids>,
    summary: &Summary,
    outputs: &[Output],
    reports: Option<&Path>,
    terminal: &Terminal,
) -> Result<(), Error> {
    let each = |told: &mut dyn FnMut(&Entry) -> Result<(), Error>| -> Result<(), Error> {
        let Some(dataset) = Dataset::open(root)? else {
            return Ok(());
        };
        for entry in dataset.entries()? {
            let entry = entry?;
            if ids.is_none_or(|ids| ids.contains(&number(&entry.session))) {
                told(&entry)?;
            }
        }
        Ok(())
    };
    let reports = reports.map(|path| path.to_string_lossy().into_owned());
    let shown = Shown {
        summary,
        reports: reports.as_deref(),
    };
    for output in outputs.iter().filter(|o| !o.format.is_folder()) {
        let setting = Setting {
            style: style(terminal, output.path.is_some()),
            anchor: None,
        };
        output.write(|out| campaign::write(output.format, &shown, &each, &setting, out))?;
    }
    Ok(())
}

/// The exit code of these sessions.
fn exit_code(tally: &Tally, given: &[FailOn]) -> u8 {
    let counts = |what| given.is_empty() || given.contains(&what);
    if tally.errors > 0 && counts(FailOn::Error) {
        return 2;
    }
    match tally.worst() {
        Some(Verdict::Contradicted) if counts(FailOn::Contradicted) => 1,
        // Of sessions that are left out of the count, the others still count.
        Some(Verdict::Contradicted | Verdict::Inconclusive)
            if tally.inconclusive > 0 && counts(FailOn::Inconclusive) =>
        {
            3
        }
        _ => 0,
    }
}
