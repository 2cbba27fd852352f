//! `flows`: the inventory without judgement.

use super::screen::{means, note};
use super::session::{accuses, accusing};
use super::{devices, keys, locator, sources};
use crate::app::cli::{Flows, Terminal};
use crate::ground::error::Error;
use crate::judge::claim::coverage::TIME_GAP;
use crate::judge::classify::Basis;
use crate::judge::classify::catalog::Catalog;
use crate::judge::classify::subject::Subject;
use crate::observe::session::{Settings, read};
use crate::tell::report::flows;
use crate::tell::report::output::check_targets;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Flows listed: at about a kilobyte each the list is held in memory until its end, because scope
/// and names are known only then.
const FLOWS_MAX: usize = 200_000;

pub(super) fn run(options: &Flows, terminal: &Terminal) -> Result<u8, Error> {
    check_targets(&options.outputs, &options.captures)?;
    let given = keys::given(&options.keys)?;
    for what in &given.notes {
        note(terminal, what);
    }
    let catalog = Arc::new(Catalog::embedded().clone());
    let locator = locator(&options.sources.geo)?;
    let devices = devices(&options.subject);
    let subject = Arc::new(Subject::new(&options.subject.apps));
    let settings = Settings {
        schedule: crate::ground::interval::Schedule::default(),
        devices: devices.clone(),
        local: options.subject.local_networks.clone(),
        time_gap: TIME_GAP,
        hash: false,
        means: means(terminal),
        sidecars: BTreeMap::new(),
        one_row_per_flow: Some(FLOWS_MAX),
        content: crate::observe::content::Policy::Off,
        observer: None,
        accuses: accuses(&catalog, &subject),
        names: accusing(&catalog),
        wifi: given.wifi,
    };
    let evidence = read(&sources(&options.captures), &settings)?;
    let basis = Basis {
        evidence: &evidence,
        catalog: &catalog,
        locator: &locator,
        local: &options.subject.local_networks,
        devices: &devices,
        subject: &subject,
    };
    let rows = flows::rows(&basis);
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
