//! Sessions as rows of tables: their ids, what they were audited with, and the folder that they go to.

use super::found::hash;
use super::session::recorded;
use crate::app::cli::Check;
use crate::ground::error::{Error, reason};
use crate::ground::text;
use crate::tell::report::flows::FlowRow;
use crate::tell::report::format::Format;
use crate::tell::report::{v1, weight};
use crate::tell::tables::dataset::{self, Dataset, Merged, Sorted};
use crate::tell::tables::entry::Entry;
use crate::tell::tables::parts::Form;
use crate::tell::tables::session::{File, Labels, Outcome, Session, id};
use std::fs;
use std::path::Path;

/// Writes a report, or that of each session in it, into the dataset of a folder, beside the sessions that are there.
///
/// # Errors
/// A folder that holds other things, and what cannot be written.
pub(super) fn write(
    folder: &Path,
    format: Format,
    options: &Check,
    report: &v1::Report,
) -> Result<(), Error> {
    let had = Dataset::open(folder)?;
    if had.is_none() {
        refuse_others(folder)?;
    }
    let beside = beside(options);
    let sessions = weight::sessions(report).into_iter();
    let mut entries: Vec<Entry> = sessions
        .map(|session| audited(options, &beside, &Labels::default(), session.report, None))
        .collect::<Result<_, _>>()?;
    entries.sort_by(|a, b| a.session.cmp(&b.session));
    entries.dedup_by(|a, b| a.session == b.session);
    let mut parts: Vec<Sorted<'_>> = vec![Box::new(entries.into_iter().map(Ok))];
    if let Some(had) = &had {
        parts.push(Box::new(had.entries()?));
    }
    let all = Merged::of(parts);
    dataset::write(folder, &forms(format, false), all, |_| Ok(()))
}

/// The rows of a session that was audited.
///
/// # Errors
/// Never for a report of this program.
pub(super) fn audited(
    options: &Check,
    beside: &[File],
    labels: &Labels,
    report: &v1::Report,
    flows: Option<&[FlowRow]>,
) -> Result<Entry, Error> {
    let arguments = recorded(options);
    let inputs = report.inputs.iter().map(|input| File {
        name: input.path.clone(),
        sha256: input.sha256.clone(),
        bytes: None,
    });
    let files: Vec<File> = inputs.chain(beside.iter().cloned()).collect();
    Entry::of(&Session {
        id: &id(&files, &arguments, labels, &report.tool),
        labels: &labels.clone().or_reported(report),
        arguments: &arguments,
        tool: &report.tool,
        outcome: Outcome::Audited(report),
        flows,
    })
    .map_err(|e| Error::new(e.to_string()))
}

/// Files beside the captures that a result depends on. The catalog and the databases tell of themselves.
pub(super) fn beside(options: &Check) -> Vec<File> {
    let role = |role: &'static str| move |path: &std::path::PathBuf| file(role, path);
    let mut all: Vec<File> = Vec::new();
    all.extend(options.case.iter().map(role("case")));
    all.extend(options.counters.iter().map(role("counters")));
    all.extend(options.baselines.iter().map(role("baseline")));
    all.extend(options.against.iter().map(role("against")));
    all
}

/// A file by its name and hash; `role` keeps it apart from captures.
pub(super) fn file(role: &str, path: &Path) -> File {
    let name = name(path);
    let meta = fs::metadata(path).ok().filter(fs::Metadata::is_file);
    File {
        name: match role {
            "" => name,
            role => format!("{role}: {name}"),
        },
        sha256: meta.as_ref().and_then(|_| hash(path).ok()),
        bytes: meta.map(|meta| meta.len()),
    }
}

/// The name of a file without its folder.
pub(super) fn name(path: &Path) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str());
    name.to_string_lossy().into_owned()
}

/// The files of a dataset in this format.
pub(super) fn forms(format: Format, zstd: bool) -> Vec<Form> {
    #[cfg(feature = "parquet")]
    if format == Format::PARQUET {
        return vec![Form::Parquet];
    }
    let _ = format;
    vec![
        if zstd { Form::NdjsonZstd } else { Form::Ndjson },
        #[cfg(feature = "parquet")]
        Form::Parquet,
    ]
}

/// A folder that holds other things than a dataset is not mixed with one.
///
/// # Errors
/// Such a folder, or a file of that name.
pub(super) fn refuse_others(root: &Path) -> Result<(), Error> {
    let place = || text::terminal(&root.display().to_string()).into_owned();
    match fs::read_dir(root) {
        Ok(mut entries) => match entries.next() {
            Some(_) => Err(Error::at(place(), "holds other files than a dataset")
                .advise("name a new folder, or that of a dataset")),
            None => Ok(()),
        },
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(e) => Err(
            Error::at(place(), format!("cannot be a dataset: {}", reason(&e)))
                .advise("name a folder"),
        ),
    }
}
