//! `check`: judges the claims on the captures.

use super::plan::Plan;
use super::screen::{means, note, style};
use super::session::{Agreed, NO_SIDECARS, Session, declared, local, run_block};
use super::{catalog, locator, tables};
use crate::app::cli::{Check, Terminal};
use crate::ground::error::Error;
use crate::ground::interval::Schedule;
use crate::ground::parallel::in_order;
use crate::judge::claim::baseline::{Baseline, steps};
use crate::judge::claim::definition::Traffic;
use crate::judge::claim::judge;
use crate::judge::classify::catalog::Catalog;
use crate::judge::locate::Locator;
use crate::observe::capture::sidecar::Sidecar;
use crate::observe::capture::{Means, Source};
use crate::observe::content::Policy;
use crate::tell::report::against::Against;
use crate::tell::report::format::{Format, Setting, writer};
use crate::tell::report::output::check_targets;
use crate::tell::report::redact::redact;
use crate::tell::report::{build, v1, weight};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

pub(super) fn run(options: &Check, terminal: &Terminal) -> Result<u8, Error> {
    let started = (jiff::Timestamp::now(), Instant::now());
    let plan = Plan::of(options)?;
    check_targets(&options.outputs, &plan.inputs(options))?;
    let against = options.against.as_deref().map(Against::read).transpose()?;
    let report = judge_all(options, &plan, against.as_ref(), started, means(terminal))?;
    for what in &plan.keys.notes {
        note(terminal, what);
    }
    for warning in build::warnings(&report) {
        note(terminal, &warning);
    }
    if let Some(against) = &against {
        for claim in against.unjudged(&report) {
            let what = "the report given by --against did not judge";
            note(
                terminal,
                &format!("{what} {claim}: its findings are all new"),
            );
        }
    }
    for output in &options.outputs {
        if let Some(folder) = output.path.as_deref().filter(|_| output.format.is_folder()) {
            tables::write(folder, output.format, options, &report)?;
            continue;
        }
        let setting = Setting {
            style: style(terminal, output.path.is_some()),
            anchor: options.annotate.as_ref(),
        };
        let format = match output.format {
            Format::TABLE if terminal.verbose > 0 => Format::FULL,
            format => format,
        };
        output.write(|out| writer(format)(&report, &setting, out))?;
    }
    let code = weight::exit_code(&report);
    super::leave(report);
    Ok(code)
}

/// The report of these options; writes nothing and says nothing.
pub(super) fn report(options: &Check, terminal: &Terminal) -> Result<v1::Report, Error> {
    let started = (jiff::Timestamp::now(), Instant::now());
    let plan = Plan::of(options)?;
    let against = options.against.as_deref().map(Against::read).transpose()?;
    judge_all(options, &plan, against.as_ref(), started, means(terminal))
}

/// The report of a run; writes nothing.
///
/// # Errors
/// What keeps it from being done.
pub(super) fn judge_all(
    options: &Check,
    plan: &Plan,
    against: Option<&Against>,
    started: (jiff::Timestamp, Instant),
    means: Means,
) -> Result<v1::Report, Error> {
    let catalog = Arc::new(catalog(&plan.catalogs)?);
    plan.check_owners(&catalog)?;
    let locator = locator(&plan.geo)?;
    judge_with(options, plan, against, started, means, (&catalog, &locator))
}

/// As [`judge_all`], with what addresses and names are looked up in: it takes long to make, and many runs can share
/// it.
///
/// # Errors
/// What keeps it from being done.
pub(super) fn judge_with(
    options: &Check,
    plan: &Plan,
    against: Option<&Against>,
    started: (jiff::Timestamp, Instant),
    means: Means,
    (catalog, locator): (&Arc<Catalog>, &Locator),
) -> Result<v1::Report, Error> {
    let run = Run {
        options,
        plan,
        catalog,
        locator,
        against,
        sidecars: sidecars(plan, &options.counters)?,
        started,
        means,
    };
    let baseline = run.baseline()?;
    let baseline = baseline.as_ref();
    let mut report = if options.each && plan.sources.len() > 1 {
        build::combined(
            sorted(run.each(baseline)?),
            run_block(&plan.captures, started),
        )
        .ok_or_else(|| Error::new("no session could be judged"))?
    } else {
        run.audit(
            &plan.sources,
            || run_block(&plan.captures, started),
            baseline,
        )?
    };
    if options.redact {
        redact(&mut report);
    }
    Ok(report)
}

/// What recorders wrote beside the captures, by source.
fn sidecars(plan: &Plan, counters: &[PathBuf]) -> Result<BTreeMap<Source, Sidecar>, Error> {
    let by_path = super::sidecars(&plan.captures, counters)?;
    let sources = plan.captures.iter().zip(&plan.sources);
    Ok(sources
        .filter_map(|(path, source)| {
            let sidecar = by_path.get(&Source::of(path))?;
            Some((source.clone(), sidecar.clone()))
        })
        .collect())
}

/// Sessions in the order of the contract's inputs: first packet, hash, name.
fn sorted(mut sessions: Vec<v1::Report>) -> Vec<v1::Report> {
    sessions.sort_by_cached_key(|s| {
        s.inputs
            .first()
            .map(|i| (i.first.clone(), i.sha256.clone(), i.path.clone()))
    });
    sessions
}

/// What all sessions of a run share.
struct Run<'a> {
    options: &'a Check,
    plan: &'a Plan,
    catalog: &'a Arc<Catalog>,
    locator: &'a Locator,
    against: Option<&'a Against>,
    sidecars: BTreeMap<Source, Sidecar>,
    started: (jiff::Timestamp, Instant),
    means: Means,
}

impl Run<'_> {
    fn session<'a>(&'a self, sources: &'a [Source], schedule: &'a Schedule) -> Session<'a> {
        Session {
            sources,
            subject: &self.plan.subject,
            schedule,
            needs: self.plan.needs,
            hash: !self.options.no_hash,
            means: self.means.clone(),
            wifi: &self.plan.keys.wifi,
            keylog: &self.plan.keys.keylog,
            catalog: self.catalog,
            locator: self.locator,
            sidecars: &NO_SIDECARS,
            content: self.content(),
            agreed: Agreed::default(),
            baseline: None,
        }
    }

    /// Payload is looked into only where a claim asks for it.
    fn content(&self) -> Policy {
        let mut rules = self.plan.claims.iter().flat_map(|claim| &claim.rules);
        if !rules.any(|rule| matches!(rule.traffic, Traffic::Content | Traffic::Unread)) {
            Policy::Off
        } else if self.options.reveal {
            Policy::Revealed
        } else {
            Policy::Masked
        }
    }

    /// The recording that the sessions are set against.
    fn baseline(&self) -> Result<Option<(Baseline, v1::Baseline)>, Error> {
        let Some((sources, kind)) = &self.plan.baseline else {
            return Ok(None);
        };
        // Windows and events are of the session; a baseline counts as a whole.
        let whole = steps();
        let session = self.session(sources, &whole);
        session.read(|case, _| {
            if let Some(file) = &self.plan.case {
                let inputs = case.basis.evidence.inputs.iter();
                file.verify_inputs(inputs.map(|i| (i.path.as_path(), i.sha256.as_deref())))?;
            }
            let baseline = Baseline::of(case, *kind);
            let told = build::baseline(case, &baseline);
            Ok(Some((baseline, told)))
        })?
    }

    /// A session for every input, as many at once as there are threads, in the order of the inputs.
    ///
    /// Of the run a session's report says what is its own: the command line, which names the inputs of all, stands
    /// once, in the report over the sessions.
    fn each(&self, baseline: Option<&(Baseline, v1::Baseline)>) -> Result<Vec<v1::Report>, Error> {
        let inputs: Vec<(&PathBuf, &Source)> =
            self.plan.captures.iter().zip(&self.plan.sources).collect();
        self.means.sessions(&self.plan.sources);
        in_order(&inputs, &self.means.threads, |_, (path, source)| {
            self.means.progress.session();
            let run = || v1::Run {
                arguments: Vec::new(),
                ..run_block(std::slice::from_ref(path), self.started)
            };
            self.audit(std::slice::from_ref(source), run, baseline)
        })
    }

    /// One session, from its captures to its report.
    fn audit(
        &self,
        sources: &[Source],
        run: impl FnOnce() -> v1::Run,
        baseline: Option<&(Baseline, v1::Baseline)>,
    ) -> Result<v1::Report, Error> {
        let session = Session {
            agreed: Agreed {
                file: self.plan.case.as_ref(),
                country: self.plan.country(),
            },
            sidecars: &self.sidecars,
            baseline: baseline.map(|(baseline, _)| baseline),
            ..self.session(sources, &self.plan.schedule)
        };
        session.read(|case, devices| {
            let mut outcomes = self.plan.claims.iter().map(|claim| judge(claim, case));
            let mut softened = Vec::new();
            if self.options.exit_zero {
                softened.push("--exit-zero".to_owned());
            }
            if self.options.allow_inconclusive {
                softened.push("--allow-inconclusive".to_owned());
            }
            let request = build::Request {
                declared: declared(&self.plan.subject),
                local: local(&self.plan.subject),
                softened,
                keylogs: self.plan.keys.files.clone(),
                run: run(),
                devices,
                case: self.plan.case.as_ref(),
                baseline: baseline.map(|(_, told)| told.clone()),
            };
            let mut report = build::report(case, &mut outcomes, request);
            if let Some(against) = self.against {
                against.mark(&mut report);
            }
            report
        })
    }
}
