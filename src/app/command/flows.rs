//! `flows`: the inventory without judgement.

use super::screen::{means, note};
use super::session::{accuses, accusing};
use super::{devices, keys, locator, sources};
use crate::app::cli::{self, Flows, Terminal};
use crate::evidence::Evidence;
use crate::ground::error::Error;
use crate::judge::claim::coverage::TIME_GAP;
use crate::judge::classify::Basis;
use crate::judge::classify::catalog::Catalog;
use crate::judge::classify::subject::Subject;
use crate::judge::locate::Locator;
use crate::observe::capture::{Means, Source};
use crate::observe::link::WifiKey;
use crate::observe::open::keylog::Keylog;
use crate::observe::session::{Settings, read};
use crate::tell::report::flows::{self, FlowRow};
use crate::tell::report::output::check_targets;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Flows listed: at about a kilobyte each the list is held in memory until its end, because scope
/// and names are known only then.
const FLOWS_MAX: usize = 200_000;

pub(super) fn run(options: &Flows, terminal: &Terminal) -> Result<u8, Error> {
    check_targets(&options.outputs, &options.captures)?;
    let given = keys::given(&options.keys, &[])?;
    for what in &given.notes {
        note(terminal, what);
    }
    let catalog = Arc::new(Catalog::embedded().clone());
    let locator = locator(&options.sources.geo)?;
    let sources = sources(&options.captures);
    let (rows, evidence) = inventory(
        &sources,
        &options.subject,
        (given.wifi, given.keylog),
        means(terminal),
        (&catalog, &locator),
    )?;
    for output in &options.outputs {
        output.write(|out| flows::write_as(output.format, &rows, out))?;
    }
    let folded: u64 = evidence.series.iter().map(|s| s.folded).sum();
    if folded > 0 {
        let what = "are folded into shared lines without a far address";
        note(
            terminal,
            &format!("{folded} flows beyond the first {FLOWS_MAX} {what}"),
        );
    }
    super::leave((rows, evidence));
    Ok(0)
}

/// The flows of a session, and what they were read from.
///
/// # Errors
/// A capture that cannot be read.
pub(super) fn inventory(
    sources: &[Source],
    of: &cli::Subject,
    (wifi, keylog): (Arc<[WifiKey]>, Arc<Keylog>),
    means: Means,
    (catalog, locator): (&Arc<Catalog>, &Locator),
) -> Result<(Vec<FlowRow>, Evidence), Error> {
    let devices = devices(of);
    let subject = Arc::new(Subject::new(&of.apps));
    let settings = Settings {
        schedule: crate::ground::interval::Schedule::default(),
        devices: devices.clone(),
        local: of.local_networks.clone(),
        time_gap: TIME_GAP,
        hash: false,
        means,
        sidecars: BTreeMap::new(),
        one_row_per_flow: Some(FLOWS_MAX),
        content: crate::observe::content::Policy::Off,
        observer: None,
        accuses: accuses(catalog, &subject),
        names: accusing(catalog),
        wifi,
        keylog,
    };
    let evidence = read(sources, &settings)?;
    let basis = Basis {
        evidence: &evidence,
        catalog,
        locator,
        local: &of.local_networks,
        devices: &devices,
        subject: &subject,
    };
    let rows = flows::rows(&basis);
    Ok((rows, evidence))
}
