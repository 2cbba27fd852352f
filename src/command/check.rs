//! `check`: judges the claims on the captures.

use super::screen::style;
use super::session::{Session, declared, local, run_block};
use super::{catalog, locator, sources};
use crate::capture::Source;
use crate::claim::definition::{Definition, shipped};
use crate::claim::{Verdict, judge};
use crate::classify::catalog::Catalog;
use crate::cli::{Check, Terminal};
use crate::epoch::Schedule;
use crate::error::Error;
use crate::locate::Locator;
use crate::report::output::{Format, check_targets};
use crate::report::{build, json, table, v1};
use std::sync::Arc;
use std::time::Instant;

pub(super) fn run(options: &Check, terminal: &Terminal) -> Result<u8, Error> {
    let started = (jiff::Timestamp::now(), Instant::now());
    let chosen = claims(&options.claims)?;
    check_targets(&options.outputs, &options.captures)?;
    let catalog = Arc::new(catalog(&options.catalogs)?);
    let locator = locator(&options.sources)?;
    let all = sources(&options.captures);
    let session =
        |sources: &[Source]| audit(sources, options, &chosen, &catalog, &locator, started);
    let report = if options.each && all.len() > 1 {
        let sessions: Vec<v1::Report> = all
            .iter()
            .map(|source| session(std::slice::from_ref(source)))
            .collect::<Result<_, _>>()?;
        build::combined(sorted(sessions), run_block(&options.captures, started))
            .ok_or_else(|| Error::new("no session could be judged"))?
    } else {
        session(&all)?
    };
    for output in &options.outputs {
        output.write(|out| match output.format {
            Format::Table => table::write(&report, style(terminal, output.path.is_some()), out),
            _ => json::write(&report, out),
        })?;
    }
    Ok(exit_code(&report, options))
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

/// The chosen claims, `ID` or `ID:PRESET`, in the order of their ids.
fn claims(ids: &[String]) -> Result<Vec<Definition>, Error> {
    let mut chosen: Vec<Definition> = Vec::new();
    for given in ids {
        let (id, preset) = match given.split_once(':') {
            Some((id, preset)) => (id, Some(preset)),
            None => (given.as_str(), None),
        };
        let found: Vec<&Definition> = shipped()
            .iter()
            .filter(|c| id == "all" && preset.is_none() || c.id == id)
            .collect();
        let place = || format!("--claim {}", crate::report::text::terminal(given));
        if found.is_empty() {
            let known: Vec<&str> = shipped().iter().map(|c| c.id.as_str()).collect();
            return Err(Error::at(place(), "no such claim")
                .advise(format!("use one of: {}, all", known.join(", "))));
        }
        for claim in found {
            let claim = match preset {
                None => claim.clone(),
                Some(name) => claim.in_words_of(name).ok_or_else(|| {
                    let known: Vec<&str> = claim.presets.iter().map(|p| p.name.as_str()).collect();
                    Error::at(place(), "this claim has no such wording").advise(
                        if known.is_empty() {
                            format!("it has one only: --claim {id}")
                        } else {
                            format!("use one of: {}", known.join(", "))
                        },
                    )
                })?,
            };
            if !chosen
                .iter()
                .any(|c| c.id == claim.id && c.chosen == claim.chosen)
            {
                chosen.push(claim);
            }
        }
    }
    chosen.sort_by(|a, b| (&a.id, &a.chosen).cmp(&(&b.id, &b.chosen)));
    Ok(chosen)
}

/// One session, from its captures to its report.
fn audit(
    sources: &[Source],
    options: &Check,
    claims: &[Definition],
    catalog: &Arc<Catalog>,
    locator: &Locator,
    started: (jiff::Timestamp, Instant),
) -> Result<v1::Report, Error> {
    let session = Session {
        sources,
        subject: &options.subject,
        schedule: &Schedule::of(&options.windows),
        hash: !options.no_hash,
        catalog,
        locator,
    };
    session.read(|case, devices| {
        let outcomes: Vec<_> = claims.iter().map(|claim| judge(claim, case)).collect();
        let mut softened = Vec::new();
        if options.exit_zero {
            softened.push("--exit-zero".to_owned());
        }
        if options.allow_inconclusive {
            softened.push("--allow-inconclusive".to_owned());
        }
        let request = build::Request {
            declared: declared(&options.subject),
            local: local(&options.subject),
            softened,
            run: run_block(&options.captures, started),
            devices,
        };
        build::report(case, &outcomes, request)
    })
}

fn exit_code(report: &v1::Report, options: &Check) -> u8 {
    if options.exit_zero {
        return 0;
    }
    let inconclusive = Verdict::Inconclusive.id();
    match report.verdict.as_str() {
        v if v == Verdict::Contradicted.id() => 1,
        v if v == inconclusive && options.allow_inconclusive => 0,
        v if v == inconclusive => 3,
        _ => 0,
    }
}
