//! What a run is to do: the case file's word, and the flags', which override it.

use super::keys;
use super::keys::Given;
use crate::app::cli::{Check, DEFAULT_CLAIM, Subject};
use crate::ground::error::Error;
use crate::ground::interval::{PlannedWindow, Schedule, WindowSpec};
use crate::ground::moment::Timestamp;
use crate::ground::{near, text};
use crate::judge::case;
use crate::judge::case::{BaselineKind, CaseFile};
use crate::judge::claim::agreed::BEACON_SECONDS;
use crate::judge::claim::baseline::BaselineUse;
use crate::judge::claim::coverage::Needs;
use crate::judge::claim::definition::{Definition, shipped};
use crate::judge::classify::catalog::Catalog;
use crate::observe::capture::{Declared, Source};
use std::path::{Path, PathBuf};

/// A run of `check`.
pub(super) struct Plan {
    /// The case file.
    pub(super) case: Option<CaseFile>,
    /// The captures as they are named.
    pub(super) captures: Vec<PathBuf>,
    /// The captures to audit.
    pub(super) sources: Vec<Source>,
    /// The captures to set them against, and what they were declared to be.
    pub(super) baseline: Option<(Vec<Source>, Option<BaselineUse>)>,
    /// Whose traffic it is.
    pub(super) subject: Subject,
    /// Windows, phases, events.
    pub(super) schedule: Schedule,
    /// What silence needs to count.
    pub(super) needs: Needs,
    /// What is judged.
    pub(super) claims: Vec<Definition>,
    /// Address databases.
    pub(super) geo: Vec<PathBuf>,
    /// Host rows.
    pub(super) catalogs: Vec<PathBuf>,
    /// Keys of Wi-Fi networks.
    pub(super) keys: Given,
}

impl Plan {
    /// Reads the case file, if there is one, and lets the options override it.
    ///
    /// # Errors
    /// A case file that is not as it has to be, or a claim that cannot be chosen.
    pub(super) fn of(options: &Check) -> Result<Self, Error> {
        Self::moved(options, &|_| None)
    }

    /// As [`of`](Self::of), where `find` says where the files of the case file lie now.
    ///
    /// # Errors
    /// As [`of`](Self::of).
    pub(super) fn moved(
        options: &Check,
        find: &dyn Fn(&Path) -> Option<PathBuf>,
    ) -> Result<Self, Error> {
        let load = |path| case::load_moved(path, find);
        let case = options.case.as_deref().map(load).transpose()?;
        if let Some(case) = &case {
            let ids: Vec<&str> = shipped().iter().map(|c| c.id.as_str()).collect();
            case.check_claims(&ids)?;
        }
        let given = case.as_ref();
        let (captures, sources) = if options.captures.is_empty() {
            of_case(given, case_sources)
        } else {
            let sources = options
                .captures
                .iter()
                .map(|p| named_source(p, given))
                .collect();
            (options.captures.clone(), sources)
        };
        if sources.is_empty() {
            let place = given.map_or("--case".to_owned(), |c| {
                text::terminal(&c.path).into_owned()
            });
            return Err(Error::at(place, "names no capture to audit")
                .advise("add [[captures]] with a path, or name captures on the command line"));
        }
        let baseline = baseline(options, given)?;
        Ok(Self {
            captures,
            sources,
            baseline,
            subject: subject(options, given),
            schedule: schedule(options, given),
            needs: given.map_or_else(Needs::default, |c| Needs {
                minimum_seconds: c.limits.minimum_seconds as f64,
                time_gap: seconds(c.limits.time_gap_seconds),
            }),
            claims: claims(options, given)?,
            geo: or(&options.sources.geo, given.map(|c| &c.geo)),
            catalogs: or(&options.catalogs, given.map(|c| &c.catalog)),
            keys: keys::given(&options.keys, given.map_or(&[], |c| &c.keylog))?,
            case,
        })
    }

    /// The operator's country.
    pub(super) fn country(&self) -> Option<&str> {
        self.case.as_ref()?.operator_country.as_deref()
    }

    /// Refuses claims about owners that the catalog does not know.
    ///
    /// # Errors
    /// The first such owner.
    pub(super) fn check_owners(&self, catalog: &Catalog) -> Result<(), Error> {
        for claim in &self.claims {
            let Some(owner) = claim.unknown_owner(catalog) else {
                continue;
            };
            let what = format!(
                "no row of the host catalog has the owner '{}'",
                text::terminal(owner)
            );
            let mut own = self.case.iter().flat_map(|case| &case.claims);
            let error = match own.find(|own| own.id == claim.id) {
                Some(own) => own.place.error(what),
                None => Error::at(format!("claim {}", claim.id), what),
            };
            return Err(error.advise(
                "write it as the catalog does (src/judge/classify/hosts.tsv), or add rows with --catalog",
            ));
        }
        Ok(())
    }

    /// Every input: what must not be overwritten.
    pub(super) fn inputs(&self, options: &Check) -> Vec<PathBuf> {
        let mut out = self.captures.clone();
        out.extend(options.case.clone());
        out.extend(options.against.clone());
        out.extend(options.keys.wifi_files.iter().cloned());
        out.extend(options.keys.keylogs.iter().cloned());
        out.extend(options.baselines.iter().cloned());
        if let Some(case) = &self.case {
            out.extend(case.captures.iter().map(|c| c.file.path.clone()));
            out.extend(case.keylog.iter().map(|named| named.path.clone()));
        }
        out
    }
}

fn seconds(count: u64) -> i64 {
    i64::try_from(count)
        .unwrap_or(i64::MAX)
        .saturating_mul(Timestamp::SECOND)
}

fn or(flags: &[PathBuf], case: Option<&Vec<case::Named>>) -> Vec<PathBuf> {
    match case {
        Some(named) if flags.is_empty() => named.iter().map(|n| n.path.clone()).collect(),
        _ => flags.to_vec(),
    }
}

fn source(capture: &case::Capture) -> Source {
    as_declared(capture.file.path.clone(), capture)
}

/// A file with what the case file says of it.
fn as_declared(path: PathBuf, capture: &case::Capture) -> Source {
    if capture.clock_offset == 0 && capture.series.is_none() {
        return Source::File(path);
    }
    let declared = Declared {
        shift: capture.clock_offset,
        series: capture.series.clone(),
    };
    Source::Declared(path, declared)
}

/// A capture of the command line: what the case file says of the same file holds for it too.
fn named_source(path: &Path, case: Option<&CaseFile>) -> Source {
    let identity = |path: &Path| match Source::of(path) {
        Source::Stdin => None,
        _ => std::fs::canonicalize(path).ok(),
    };
    let own = identity(path);
    let listed = case.into_iter().flat_map(|c| &c.captures);
    let mut same = listed.filter(|c| own.is_some() && identity(&c.file.path) == own);
    match same.next() {
        Some(capture) => as_declared(path.to_owned(), capture),
        None => Source::of(path),
    }
}

fn case_sources(case: &CaseFile) -> Vec<(PathBuf, Source)> {
    case.sessions()
        .map(|c| (c.file.path.clone(), source(c)))
        .collect()
}

fn of_case(
    case: Option<&CaseFile>,
    list: fn(&CaseFile) -> Vec<(PathBuf, Source)>,
) -> (Vec<PathBuf>, Vec<Source>) {
    case.map(list).unwrap_or_default().into_iter().unzip()
}

type Against = Option<(Vec<Source>, Option<BaselineUse>)>;

fn baseline(options: &Check, case: Option<&CaseFile>) -> Result<Against, Error> {
    if !options.baselines.is_empty() {
        let sources = options
            .baselines
            .iter()
            .map(|p| named_source(p, case))
            .collect();
        let declared = options.baseline_kind.map(kind_of);
        return Ok(Some((
            sources,
            declared.or_else(|| listed_kind(options, case)),
        )));
    }
    let listed: Vec<(&case::Capture, BaselineKind)> =
        case.map(|c| c.baselines().collect()).unwrap_or_default();
    let Some((_, kind)) = listed.first() else {
        return Ok(None);
    };
    if let Some((other, _)) = listed.iter().find(|(_, k)| k != kind) {
        return Err(other
            .file
            .place
            .error("baselines of two kinds in one case")
            .advise("audit each against its own: one without the app explains, one without the mode contrasts"));
    }
    Ok(Some((
        listed.iter().map(|(c, _)| source(c)).collect(),
        Some(kind_of(*kind)),
    )))
}

/// The kind that a case file declares for the baselines of the command line, if it lists them all.
fn listed_kind(options: &Check, case: Option<&CaseFile>) -> Option<BaselineUse> {
    let of = |path: &PathBuf| {
        let own = std::fs::canonicalize(path).ok()?;
        let mut listed = case.into_iter().flat_map(CaseFile::baselines);
        listed
            .find(|(c, _)| std::fs::canonicalize(&c.file.path).is_ok_and(|listed| listed == own))
            .map(|(_, kind)| kind_of(kind))
    };
    let mut kinds = options.baselines.iter().map(of);
    let first = kinds.next()??;
    kinds.all(|kind| kind == Some(first)).then_some(first)
}

fn kind_of(declared: BaselineKind) -> BaselineUse {
    match declared {
        BaselineKind::WithoutApp => BaselineUse::WithoutApp,
        BaselineKind::WithoutMode => BaselineUse::WithoutMode,
    }
}

fn subject(options: &Check, case: Option<&CaseFile>) -> Subject {
    let mut subject = options.subject.clone();
    if let Some(case) = case {
        if subject.apps.is_empty() {
            subject.apps.clone_from(&case.subject.apps);
        }
        if subject.devices.is_empty() {
            subject.devices.clone_from(&case.subject.devices);
        }
        if subject.local_networks.is_empty() {
            subject
                .local_networks
                .clone_from(&case.subject.local_networks);
        }
    }
    subject
}

fn schedule(options: &Check, case: Option<&CaseFile>) -> Schedule {
    let mut schedule = Schedule::of(&options.windows);
    let Some(case) = case else { return schedule };
    if schedule.windows.is_empty() {
        schedule.windows = case
            .windows
            .iter()
            .map(|w| PlannedWindow {
                spec: w.spec,
                name: Some(w.name.clone()),
                grace: w.grace,
                phases: w.phases.iter().map(|p| (p.name.clone(), p.spec)).collect(),
            })
            .collect();
    }
    schedule.marks = case
        .events
        .iter()
        .filter_map(|e| {
            let spec = WindowSpec {
                start: e.at,
                end: e.until?,
            };
            Some((e.kind.id().to_owned(), spec))
        })
        .collect();
    if !case.beacons.is_empty() {
        schedule.ends = BEACON_SECONDS * Timestamp::SECOND;
    }
    schedule
}

/// The chosen claims, in the order of their ids.
fn claims(options: &Check, case: Option<&CaseFile>) -> Result<Vec<Definition>, Error> {
    let listed = case.map(|c| c.claims.as_slice()).unwrap_or_default();
    let own: Vec<Definition> = listed
        .iter()
        .map(case::Claim::to_judge)
        .collect::<Result<_, _>>()?;
    if let Some(case) = case {
        for (claim, definition) in listed.iter().zip(&own).filter(|(claim, _)| claim.is_new()) {
            case.check_events(claim, definition)?;
        }
    }
    let mut chosen: Vec<Definition> = Vec::new();
    let mut add = |claim: Definition| {
        if !chosen
            .iter()
            .any(|c| c.id == claim.id && c.chosen == claim.chosen)
        {
            chosen.push(claim);
        }
    };
    if options.claims.is_empty() {
        if own.is_empty() {
            for claim in named(DEFAULT_CLAIM, &own)? {
                add(claim);
            }
        }
        own.into_iter().for_each(&mut add);
    } else {
        for given in &options.claims {
            for claim in named(given, &own)? {
                add(claim);
            }
        }
    }
    chosen.sort_by(|a, b| (&a.id, &a.chosen).cmp(&(&b.id, &b.chosen)));
    Ok(chosen)
}

fn wordings(claim: &Definition, name: &str) -> String {
    let known: Vec<&str> = claim.presets.iter().map(|p| p.name.as_str()).collect();
    if let Some(meant) = near::meant(name, known.iter().copied()) {
        meant
    } else if known.is_empty() {
        format!(
            "it has one wording only: leave out the preset of {}",
            claim.id
        )
    } else {
        format!("use one of: {}", known.join(", "))
    }
}

/// Claims by a flag: `ID`, `ID:PRESET` or `all`. Those of the case file come before shipped ones.
fn named(given: &str, own: &[Definition]) -> Result<Vec<Definition>, Error> {
    let (id, preset) = match given.split_once(':') {
        Some((id, preset)) => (id, Some(preset)),
        None => (given, None),
    };
    let place = || format!("--claim {}", text::terminal(given));
    if id == "all" && preset.is_none() {
        let mut all: Vec<Definition> = own.to_vec();
        let more = shipped()
            .iter()
            .filter(|s| !own.iter().any(|o| o.id == s.id));
        all.extend(more.cloned());
        return Ok(all);
    }
    if preset.is_none() {
        let listed: Vec<Definition> = own.iter().filter(|c| c.id == id).cloned().collect();
        if !listed.is_empty() {
            return Ok(listed);
        }
    }
    let Some(claim) = shipped().iter().find(|c| c.id == id) else {
        let known: Vec<&str> = own.iter().chain(shipped()).map(|c| c.id.as_str()).collect();
        let meant = near::meant(id, known.iter().copied().chain(["all"]));
        return Err(Error::at(place(), "no such claim")
            .advise(meant.unwrap_or_else(|| format!("use one of: {}, all", known.join(", ")))));
    };
    match preset {
        None => Ok(vec![claim.clone()]),
        Some(name) => {
            match claim.in_words_of(name) {
                Some(claim) => Ok(vec![claim]),
                None => Err(Error::at(place(), "this claim has no such wording")
                    .advise(wordings(claim, name))),
            }
        }
    }
}
