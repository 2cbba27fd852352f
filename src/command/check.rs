//! `check`: judges the claims on the captures.

use super::{catalog, devices, locator, sources};
use crate::audit::{Settings, read};
use crate::capture::Source;
use crate::claim::{CLAIMS, Case, Claim, Verdict, coverage, judge};
use crate::classify::catalog::{Catalog, RoleAttribution};
use crate::classify::subject::{Labelled, Subject};
use crate::classify::{Basis, rows};
use crate::cli::{Check, Color, Device, Terminal};
use crate::error::Error;
use crate::evidence::Timestamp;
use crate::flow::row::{Rank, RowKey};
use crate::ledger::Ledger;
use crate::locate::Locator;
use crate::report::output::{Format, check_targets};
use crate::report::{build, json, table, v1};
use std::io::IsTerminal;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

/// Silence, or a step of the clock, longer than this is a gap (contract: 60 seconds).
pub(super) const TIME_GAP: i64 = 60 * Timestamp::SECOND;

/// Columns when the terminal does not say.
const WIDTH: usize = 100;

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
        build::combined(sorted(sessions), run_block(options, started))
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

fn claims(ids: &[String]) -> Result<Vec<&'static Claim>, Error> {
    let known = || {
        CLAIMS
            .iter()
            .map(|c| c.description.id)
            .collect::<Vec<_>>()
            .join(", ")
    };
    let mut chosen: Vec<&'static Claim> = Vec::new();
    for id in ids {
        let found: Vec<&'static Claim> = CLAIMS
            .iter()
            .filter(|c| id == "all" || c.description.id == id)
            .collect();
        if found.is_empty() {
            let shown = crate::report::text::terminal(id).into_owned();
            return Err(Error::at(format!("--claim {shown}"), "no such claim")
                .advise(format!("use one of: {}, all", known())));
        }
        for claim in found {
            if !chosen
                .iter()
                .any(|c| c.description.id == claim.description.id)
            {
                chosen.push(claim);
            }
        }
    }
    chosen.sort_by_key(|c| c.description.id);
    Ok(chosen)
}

/// One session, from its captures to its report.
fn audit(
    sources: &[Source],
    options: &Check,
    claims: &[&'static Claim],
    catalog: &Arc<Catalog>,
    locator: &Locator,
    started: (jiff::Timestamp, Instant),
) -> Result<v1::Report, Error> {
    let devices = devices(&options.subject);
    let subject = Rc::new(Subject::new(&options.subject.apps));
    let settings = Settings {
        windows: options.windows.clone(),
        devices: devices.clone(),
        time_gap: TIME_GAP,
        hash: !options.no_hash,
        one_row_per_flow: None,
        accuses: accuses(catalog, &subject),
    };
    let evidence = read(sources, &settings)?;
    let basis = Basis {
        evidence: &evidence,
        catalog,
        locator,
        local: &options.subject.local_networks,
        devices: &devices,
        subject: &subject,
    };
    let judged = rows::judge(&basis);
    let windows = coverage::windows(&basis, &judged, TIME_GAP);
    let case = Case {
        judged: &judged,
        basis: &basis,
        windows,
    };
    let outcomes: Vec<_> = claims.iter().map(|claim| judge(claim, &case)).collect();
    let mut softened = Vec::new();
    if options.exit_zero {
        softened.push("--exit-zero".to_owned());
    }
    if options.allow_inconclusive {
        softened.push("--allow-inconclusive".to_owned());
    }
    let declared = options.subject.devices.iter().map(declared).collect();
    Ok(build::report(
        &case,
        &outcomes,
        build::Request {
            declared,
            local: options
                .subject
                .local_networks
                .iter()
                .map(ToString::to_string)
                .collect(),
            softened,
            run: run_block(options, started),
            devices: &devices,
        },
    ))
}

/// Rows that accuse are kept when rows run out: a vendor's or an SDK's name.
pub(super) fn accuses(catalog: &Arc<Catalog>, subject: &Rc<Subject>) -> Rc<Rank> {
    let (catalog, subject) = (Arc::clone(catalog), Rc::clone(subject));
    Rc::new(move |row: &RowKey, ledger: &Ledger| {
        // Names of user ids may still come; by then what was folded stays folded.
        let labelled = row
            .apps
            .iter()
            .filter_map(|id| ledger.apps.get(*id))
            .any(|app| subject.says(app, &[]) == Labelled::Subject);
        if labelled {
            return true;
        }
        let asked = [&row.resolved.a.asked, &row.resolved.b.asked];
        let aliases = row.resolved.a.aliases.iter().chain(&row.resolved.b.aliases);
        row.names
            .iter()
            .map(|n| &n.name)
            .chain(asked.into_iter().flatten())
            .chain(aliases)
            .filter_map(|name| catalog.lookup(name))
            .any(|host| host.attribution >= RoleAttribution::ThirdParty)
    })
}

fn declared(device: &Device) -> String {
    match device {
        Device::All => "all".into(),
        Device::Ip(ip) => ip.to_string(),
        Device::Mac(mac) => mac.to_string(),
    }
}

fn run_block(options: &Check, (at, clock): (jiff::Timestamp, Instant)) -> v1::Run {
    v1::Run {
        started: at.to_string(),
        seconds: clock.elapsed().as_secs_f64(),
        arguments: std::env::args_os()
            .skip(1)
            .map(|a| a.to_string_lossy().into_owned())
            .collect(),
        paths: options
            .captures
            .iter()
            .map(|p| p.display().to_string())
            .collect(),
    }
}

fn style(terminal: &Terminal, to_file: bool) -> table::Style {
    let stdout = std::io::stdout();
    let shown = !to_file && stdout.is_terminal();
    let terminal_columns = shown
        .then(terminal_size::terminal_size)
        .flatten()
        .map(|(width, _)| usize::from(width.0));
    // COLUMNS is a wish, for pipes too.
    let columns = std::env::var("COLUMNS").ok().and_then(|c| c.parse().ok());
    table::Style {
        width: if to_file {
            WIDTH
        } else {
            columns.or(terminal_columns).unwrap_or(WIDTH)
        },
        color: match terminal.color {
            Color::Always => true,
            Color::Never => false,
            // https://no-color.org
            Color::Auto => shown && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty()),
        },
    }
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
