//! `diff`: what is new, gone or changed between two captures or reports.

use super::screen::{means, style};
use super::session::{Agreed, NO_SIDECARS, Session, declared, local, run_block};
use super::{catalog, keys, locator};
use crate::app::cli::{DEFAULT_CLAIM, Diff, STDIN, Subject, Terminal};
use crate::ground::error::{Error, reason};
use crate::ground::interval::Schedule;
use crate::ground::unfinished::Unfinished;
use crate::judge::claim::coverage::Needs;
use crate::judge::claim::definition::shipped;
use crate::judge::claim::judge;
use crate::judge::classify::catalog::Catalog;
use crate::judge::locate::Locator;
use crate::observe::capture::{Means, Source};
use crate::observe::content::Policy;
use crate::tell::report::format::Format;
use crate::tell::report::output::check_targets;
use crate::tell::report::{build, diff, markdown, read, table};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

/// The exit code of a capture that shows something new.
const NEWS: u8 = 1;
/// Bytes that are looked at to tell a report from a capture: blanks may stand before the brace.
const LOOK: u64 = 4_096;

pub(super) fn run(options: &Diff, terminal: &Terminal) -> Result<u8, Error> {
    let given = [options.baseline.clone(), options.capture.clone()];
    check_targets(&options.outputs, &given)?;
    let [baseline, capture] = [side(&options.baseline)?, side(&options.capture)?];
    refuse_idle_options(options, baseline.is_report() && capture.is_report())?;
    let data = if baseline.is_report() && capture.is_report() {
        None
    } else {
        Some((
            Arc::new(catalog(&options.catalogs)?),
            locator(&options.sources.geo)?,
        ))
    };
    let means = means(terminal);
    let [baseline, capture] = [
        baseline.judge(options, data.as_ref(), &means)?,
        capture.judge(options, data.as_ref(), &means)?,
    ];
    let result = diff::between(&baseline, &capture);
    for output in &options.outputs {
        output.write(|out| {
            if output.format == Format::TABLE {
                table::diff::write(&result, style(terminal, output.path.is_some()), out)
            } else if output.format == markdown::FORMAT {
                diff::markdown::write(&result, out)
            } else {
                diff::write_json(&result, out)
            }
        })?;
    }
    Ok(if result.news { NEWS } else { 0 })
}

/// Options of judging say nothing about reports, which were judged with their own.
fn refuse_idle_options(options: &Diff, only_reports: bool) -> Result<(), Error> {
    let Subject {
        apps,
        devices,
        local_networks,
    } = &options.subject;
    let set = [
        ("--app", !apps.is_empty()),
        ("--device", !devices.is_empty()),
        ("--local", !local_networks.is_empty()),
        ("--geo", !options.sources.geo.is_empty()),
        ("--wifi-key", !options.keys.is_empty()),
        ("--catalog", !options.catalogs.is_empty()),
        ("--no-hash", options.no_hash),
    ];
    match set.iter().find(|(_, set)| *set && only_reports) {
        None => Ok(()),
        Some((name, _)) => Err(Error::at(
            *name,
            "both sides are reports, which were judged with their own options",
        )
        .advise("leave it out, or name the captures")),
    }
}

/// A side before it is judged.
enum Given {
    Report(Box<crate::tell::report::v1::Report>),
    Capture(Source),
}

struct Unjudged {
    kind: Given,
    /// As it was given.
    path: PathBuf,
    /// What had to be written down to be read twice; deleted with this.
    _kept: Option<Unfinished>,
}

/// Tells a report from a capture by its content.
fn side(path: &Path) -> Result<Unjudged, Error> {
    let kept = keep(path)?;
    let (source, readable) = match &kept {
        Some(file) => {
            let given = Box::new(Source::of(path));
            (Source::Spooled(file.path().to_owned(), given), file.path())
        }
        None => (Source::of(path), path),
    };
    let mut start = Vec::new();
    // What cannot be opened is told by who opens captures.
    let looked = File::open(readable).and_then(|f| f.take(LOOK).read_to_end(&mut start));
    let kind = if looked.is_ok() && read::is_json(&start) {
        let report = match &kept {
            None => read::report(path)?,
            Some(file) => {
                let mut bytes = Vec::new();
                file.file()
                    .and_then(|mut file| {
                        file.seek(SeekFrom::Start(0))?;
                        file.take(read::REPORT_MAX.saturating_add(1))
                            .read_to_end(&mut bytes)
                    })
                    .map_err(|e| Error::at(source.display(), reason(&e)))?;
                read::parse(&source.display(), &bytes)?
            }
        };
        Given::Report(Box::new(report))
    } else {
        Given::Capture(source)
    };
    Ok(Unjudged {
        kind,
        path: path.to_owned(),
        _kept: kept,
    })
}

/// Standard input and pipes can be read once only: they are written down first.
fn keep(path: &Path) -> Result<Option<Unfinished>, Error> {
    let stdin = path.as_os_str() == STDIN;
    let piped = || std::fs::metadata(path).is_ok_and(|about| !about.is_file() && !about.is_dir());
    if !stdin && !piped() {
        return Ok(None);
    }
    let refuse = |e: std::io::Error| {
        Error::at(
            path.display().to_string(),
            format!("cannot be kept in a temporary file: {}", reason(&e)),
        )
        .advise("save it to a file and name that")
    };
    let mut kept = Unfinished::private().map_err(refuse)?;
    let copied = if stdin {
        std::io::copy(&mut std::io::stdin().lock(), &mut kept)
    } else {
        File::open(path).and_then(|mut pipe| std::io::copy(&mut pipe, &mut kept))
    };
    copied.map_err(refuse)?;
    Ok(Some(kept))
}

impl Unjudged {
    fn is_report(&self) -> bool {
        matches!(self.kind, Given::Report(_))
    }

    fn judge(
        self,
        options: &Diff,
        data: Option<&(Arc<Catalog>, Locator)>,
        means: &Means,
    ) -> Result<diff::Given, Error> {
        let path = self.path.file_name().map_or_else(
            || self.path.display().to_string(),
            |name| name.to_string_lossy().into_owned(),
        );
        let (report, as_report) = match self.kind {
            Given::Report(report) => (*report, true),
            Given::Capture(source) => {
                let (catalog, locator) =
                    data.ok_or_else(|| Error::new("no data to judge a capture with"))?;
                let given = keys::given(&options.keys, &[])?;
                let session = Session {
                    sources: &[source],
                    subject: &options.subject,
                    schedule: &Schedule::default(),
                    needs: Needs::default(),
                    agreed: Agreed::default(),
                    content: Policy::Off,
                    baseline: None,
                    sidecars: &NO_SIDECARS,
                    hash: !options.no_hash,
                    means: means.clone(),
                    wifi: &given.wifi,
                    keylog: &given.keylog,
                    catalog,
                    locator,
                };
                let started = (jiff::Timestamp::now(), Instant::now());
                // As `check` does without --claim, so that a capture and its report compare alike.
                let judged = shipped().iter().filter(|c| c.id == DEFAULT_CLAIM);
                let judged: Vec<_> = judged.collect();
                let report = session.read(|case, devices| {
                    let mut outcomes = judged.iter().map(|claim| judge(claim, case));
                    let request = build::Request {
                        keylogs: given.files.clone(),
                        declared: declared(&options.subject),
                        local: local(&options.subject),
                        softened: Vec::new(),
                        run: run_block(std::slice::from_ref(&self.path), started),
                        devices,
                        case: None,
                        baseline: None,
                    };
                    build::report(case, &mut outcomes, request)
                })?;
                (report, false)
            }
        };
        Ok(diff::Given {
            report,
            as_report,
            path,
        })
    }
}
