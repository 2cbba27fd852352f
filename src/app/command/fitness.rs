//! `fitness`: could these captures support `consistent`, and what to change in the next recording.

use super::screen::{means, note, style};
use super::session::{Agreed, Session, declared, local, run_block};
use super::{catalog, keys, locator, sidecars, sources};
use crate::app::cli::{Fitness, Terminal};
use crate::ground::error::Error;
use crate::ground::interval::Schedule;
use crate::judge::claim::coverage::Needs;
use crate::observe::content::Policy;
use crate::tell::explain::library;
use crate::tell::report::format::Format;
use crate::tell::report::output::check_targets;
use crate::tell::report::{build, fitness, table};
use std::sync::Arc;
use std::time::Instant;

/// The exit code of captures that cannot support `consistent`.
const UNFIT: u8 = 3;

pub(super) fn run(options: &Fitness, terminal: &Terminal) -> Result<u8, Error> {
    let started = (jiff::Timestamp::now(), Instant::now());
    check_targets(&options.outputs, &options.captures)?;
    let given = keys::given(&options.keys, &[])?;
    for what in &given.notes {
        note(terminal, what);
    }
    let texts = library()?;
    let catalog = Arc::new(catalog(&[])?);
    let locator = locator(&[])?;
    let session = Session {
        sources: &sources(&options.captures),
        subject: &options.subject,
        schedule: &Schedule::of(&options.windows),
        needs: Needs::default(),
        agreed: Agreed::default(),
        content: Policy::Off,
        baseline: None,
        hash: !options.no_hash,
        means: means(terminal),
        sidecars: &sidecars(&options.captures, &options.counters)?,
        wifi: &given.wifi,
        keylog: &given.keylog,
        catalog: &catalog,
        locator: &locator,
    };
    let result = session.read(|case, devices| {
        let request = build::Request {
            declared: declared(&options.subject),
            local: local(&options.subject),
            keylogs: given.files.clone(),
            softened: Vec::new(),
            run: run_block(&options.captures, started),
            devices,
            case: None,
            baseline: None,
        };
        build::fitness(case, texts, request)
    })?;
    for output in &options.outputs {
        output.write(|out| {
            if output.format == Format::TABLE {
                table::fitness::write(&result, style(terminal, output.path.is_some()), out)
            } else {
                fitness::write_json(&result, out)
            }
        })?;
    }
    Ok(if result.fit { 0 } else { UNFIT })
}
