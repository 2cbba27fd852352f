//! One session, from its captures to a case that can be judged or measured.

use super::{devices, keys};
use crate::app::cli;
use crate::app::cli::Device;
use crate::evidence::Devices;
use crate::evidence::ledger::apps::AppId;
use crate::evidence::ledger::{Accusing, Ledger};
use crate::ground::error::Error;
use crate::ground::interval::{Bound, Schedule, WindowSpec};
use crate::ground::moment::Timestamp;
use crate::judge::case::CaseFile;
use crate::judge::claim::baseline::Baseline;
use crate::judge::claim::coverage::Needs;
use crate::judge::claim::{Case, coverage};
use crate::judge::classify::catalog::{Catalog, RoleAttribution};
use crate::judge::classify::subject::{Labelled, Subject};
use crate::judge::classify::{Basis, rows};
use crate::judge::locate::Locator;
use crate::observe::capture::sidecar::Sidecar;
use crate::observe::capture::{Means, Source};
use crate::observe::content::Policy;
use crate::observe::flow::row::Rank;
use crate::observe::link::WifiKey;
use crate::observe::open::keylog::Keylog;
use crate::observe::session::{Settings, read};
use crate::tell::report::v1;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

/// No counters beside the captures.
pub(super) static NO_SIDECARS: BTreeMap<Source, Sidecar> = BTreeMap::new();

/// What a session is read with.
pub(super) struct Session<'a> {
    pub(super) sources: &'a [Source],
    pub(super) subject: &'a cli::Subject,
    pub(super) schedule: &'a Schedule,
    pub(super) needs: Needs,
    pub(super) hash: bool,
    pub(super) means: Means,
    /// Whether payload is looked into for personal data.
    pub(super) content: Policy,
    pub(super) sidecars: &'a BTreeMap<Source, Sidecar>,
    /// Keys of Wi-Fi networks.
    pub(super) wifi: &'a Arc<[WifiKey]>,
    pub(super) keylog: &'a Arc<Keylog>,
    pub(super) catalog: &'a Arc<Catalog>,
    pub(super) locator: &'a Locator,
    /// What a case file adds.
    pub(super) agreed: Agreed<'a>,
    /// What it is set against.
    pub(super) baseline: Option<&'a Baseline>,
}

/// What a case file adds to the judging.
#[derive(Clone, Copy, Default)]
pub(super) struct Agreed<'a> {
    pub(super) file: Option<&'a CaseFile>,
    pub(super) country: Option<&'a str>,
}

impl Session<'_> {
    /// Reads the captures, judges rows and coverage, and hands the case to `then`.
    pub(super) fn read<T>(&self, then: impl FnOnce(&Case<'_>, &Devices) -> T) -> Result<T, Error> {
        let devices = devices(self.subject);
        let subject = Arc::new(Subject::new(&self.subject.apps));
        let settings = Settings {
            schedule: self.schedule.clone(),
            devices: devices.clone(),
            local: self.subject.local_networks.clone(),
            time_gap: self.needs.time_gap,
            hash: self.hash,
            means: self.means.clone(),
            sidecars: self.sidecars.clone(),
            one_row_per_flow: None,
            content: self.content,
            observer: None,
            accuses: accuses(self.catalog, &subject),
            names: accusing(self.catalog),
            wifi: Arc::clone(self.wifi),
            keylog: Arc::clone(self.keylog),
        };
        let evidence = read(self.sources, &settings)?;
        if let Some(case) = self.agreed.file {
            let inputs = evidence.inputs.iter();
            case.verify_inputs(inputs.map(|i| (i.path.as_path(), i.sha256.as_deref())))?;
            // Windows relative to the first packet can be compared with the others only now.
            let first = evidence.inputs.iter().map(|i| i.first);
            let first = first.filter(|t| *t != Timestamp::UNKNOWN).min();
            case.resolve(first.unwrap_or(Timestamp::UNKNOWN))?;
        }
        let basis = Basis {
            evidence: &evidence,
            catalog: self.catalog,
            locator: self.locator,
            local: &self.subject.local_networks,
            devices: &devices,
            subject: &subject,
        };
        let judged = rows::judge(&basis);
        let windows = coverage::windows(&basis, &judged, self.needs);
        let case = Case {
            judged: &judged,
            basis: &basis,
            windows,
            needs: self.needs,
            baseline: self.baseline,
            sent: Default::default(),
            allowances: self.agreed.file.map_or(&[], |c| &c.allowances),
            beacons: self.agreed.file.map_or(&[], |c| &c.beacons),
            operator_country: self.agreed.country,
        };
        Ok(then(&case, &devices))
    }
}

/// Names that accuse are kept when names run out: a vendor's or an SDK's.
pub(super) fn accusing(catalog: &Arc<Catalog>) -> Accusing {
    let catalog = Arc::clone(catalog);
    Accusing::by(move |name| {
        let host = catalog.lookup(name);
        host.is_some_and(|host| host.attribution >= RoleAttribution::ThirdParty)
    })
}

/// Rows that accuse are kept when rows run out: a vendor's or an SDK's name.
pub(super) fn accuses(catalog: &Arc<Catalog>, subject: &Arc<Subject>) -> Arc<Rank> {
    let (catalog, subject) = (Arc::clone(catalog), Arc::clone(subject));
    Arc::new(
        move |apps: &[AppId], names: &mut dyn Iterator<Item = &str>, ledger: &Ledger| {
            // Names of user ids may still come; by then what was folded stays folded.
            let mut apps = apps.iter().filter_map(|id| ledger.apps.get(*id));
            apps.any(|app| subject.says(app, &[]) == Labelled::Subject)
                || names
                    .filter_map(|name| catalog.lookup(name))
                    .any(|host| host.attribution >= RoleAttribution::ThirdParty)
        },
    )
}

/// The declared devices as they were written.
pub(super) fn declared(subject: &cli::Subject) -> Vec<String> {
    let shown = |device: &Device| match device {
        Device::All => "all".into(),
        Device::Ip(ip) => ip.to_string(),
        Device::Mac(mac) => mac.to_string(),
    };
    subject.devices.iter().map(shown).collect()
}

/// The networks declared local, as they are written in a report.
pub(super) fn local(subject: &cli::Subject) -> Vec<String> {
    let networks = subject.local_networks.iter();
    networks.map(ToString::to_string).collect()
}

/// The options that a result depends on, as tables record them: of files the names alone, so that machines agree.
pub(super) fn recorded(options: &cli::Check) -> Vec<String> {
    let mut out = Vec::new();
    let mut add = |option: &str, values: &mut dyn Iterator<Item = String>| {
        for value in values {
            out.extend([option.to_owned(), value]);
        }
    };
    let name = |path: &PathBuf| {
        let name = path.file_name().unwrap_or(path.as_os_str());
        name.to_string_lossy().into_owned()
    };
    let subject = &options.subject;
    add("--case", &mut options.case.iter().map(name));
    add("--claim", &mut options.claims.iter().cloned());
    add(
        "--app",
        &mut subject.apps.iter().map(|app| app.as_str().to_owned()),
    );
    add("--device", &mut declared(subject).into_iter());
    add("--local", &mut local(subject).into_iter());
    add("--window", &mut options.windows.iter().map(window));
    add("--counters", &mut options.counters.iter().map(name));
    add("--geo", &mut options.sources.geo.iter().map(name));
    add("--catalog", &mut options.catalogs.iter().map(name));
    add("--baseline", &mut options.baselines.iter().map(name));
    let kind = options.baseline_kind.map(|kind| kind.id().to_owned());
    add("--baseline-kind", &mut kind.into_iter());
    add("--against", &mut options.against.iter().map(name));
    for (option, given) in [("--reveal", options.reveal), ("--redact", options.redact)] {
        if given {
            out.push(option.to_owned());
        }
    }
    out
}

/// A window as it is written on a command line.
fn window(window: &WindowSpec) -> String {
    let bound = |bound: Bound| match bound {
        Bound::At(time) => time.rfc3339(9).unwrap_or_default(),
        Bound::After(nanos) => {
            let (whole, rest) = (nanos / Timestamp::SECOND, nanos % Timestamp::SECOND);
            let text = format!("+{whole}.{rest:09}");
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        }
    };
    format!("{}/{}", bound(window.start), bound(window.end))
}

/// What differs between two runs.
pub(super) fn run_block<P: AsRef<Path>>(
    captures: &[P],
    (at, clock): (jiff::Timestamp, Instant),
) -> v1::Run {
    v1::Run {
        started: at.to_string(),
        seconds: clock.elapsed().as_secs_f64(),
        arguments: keys::withheld(
            std::env::args_os()
                .skip(1)
                .map(|a| a.to_string_lossy().into_owned()),
        ),
        paths: captures
            .iter()
            .map(|p| p.as_ref().display().to_string())
            .collect(),
    }
}
