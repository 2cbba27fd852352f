//! The commands: options in, exit code out. Parsing is [`crate::app::cli`]'s, judging the stages'.

mod case;
mod check;
mod diff;
mod emit;
mod explain;
mod extract;
mod fitness;
mod flows;
mod found;
mod plan;
mod screen;
mod session;
mod verify;

use crate::app::cli::{self, Cli, Command, Device, Subject, assign};
use crate::evidence::Devices;
use crate::ground::error::Error;
use crate::judge::classify::catalog::Catalog;
use crate::judge::locate::Locator;
use crate::observe::capture::Source;
use crate::observe::capture::sidecar::Sidecar;
use crate::tell::report::v1;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

/// Runs a command; returns the exit code.
///
/// # Errors
/// What keeps it from being done: exit code 2.
pub fn run(cli: &Cli) -> Result<u8, Error> {
    match &cli.command {
        Command::Check(options) => check::run(options, &cli.terminal),
        Command::Case(options) => case::run(options, &cli.terminal),
        Command::Flows(options) => flows::run(options, &cli.terminal),
        Command::Diff(options) => diff::run(options, &cli.terminal),
        Command::Fitness(options) => fitness::run(options, &cli.terminal),
        Command::Extract(options) => extract::run(options, &cli.terminal),
        Command::Verify(options) => verify::run(options, &cli.terminal),
        Command::Explain(options) => explain::run(options),
        Command::Emit(options) => emit::run(options),
    }
}

/// Audits captures: takes what the command `check` takes behind its name, and writes nothing.
///
/// The captures are read whole. The verdicts are in [`Report::claims`](crate::Report::claims), each with
/// its reasons and with the ids of its findings.
///
/// # Errors
/// Arguments that are not understood, and what keeps the captures from being read.
pub fn check<I>(arguments: I) -> Result<v1::Report, Error>
where
    I: IntoIterator,
    I::Item: Into<OsString>,
{
    let command = ["drone-audit", "check", "--quiet"].map(OsString::from);
    let line = command
        .into_iter()
        .chain(arguments.into_iter().map(Into::into));
    let cli = cli::parse(line).map_err(|exit| match exit {
        cli::Exit::Usage(error) => error,
        cli::Exit::Text(_) => Error::new("help and version are no audit"),
    })?;
    match &cli.command {
        Command::Check(options) => check::report(options, &cli.terminal),
        _ => Err(Error::new("the arguments are those of another command")),
    }
}

fn sources(captures: &[PathBuf]) -> Vec<Source> {
    captures.iter().map(|path| Source::of(path)).collect()
}

/// The texts beside the captures, read.
fn sidecars(captures: &[PathBuf], given: &[PathBuf]) -> Result<BTreeMap<Source, Sidecar>, Error> {
    let assigned = assign(captures, given)?;
    assigned
        .into_iter()
        .map(|(capture, text)| Ok((Source::of(capture), Sidecar::open(&text)?)))
        .collect()
}

fn devices(subject: &Subject) -> Devices {
    let mut devices = Devices::default();
    for device in &subject.devices {
        match device {
            Device::All => devices.all = true,
            Device::Ip(ip) => devices.ips.push(*ip),
            Device::Mac(mac) => devices.macs.push(*mac),
        }
    }
    devices
}

fn locator(geo: &[PathBuf]) -> Result<Locator, Error> {
    let located = if geo.is_empty() {
        Locator::embedded()
    } else {
        Locator::with_databases(geo)
    };
    located.map_err(|e| Error::new(e.to_string()))
}

fn catalog(files: &[PathBuf]) -> Result<Catalog, Error> {
    let mut catalog = Catalog::embedded().clone();
    for path in files {
        let place = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|e| {
            Error::at(
                &place,
                format!(
                    "cannot read the catalog: {}",
                    crate::ground::error::reason(&e)
                ),
            )
            .advise("check the path; the file has to be UTF-8 text")
        })?;
        catalog
            .extend(&text, &place)
            .map_err(|e| match e.problems.as_slice() {
                [] => Error::at(&place, "unusable catalog"),
                [first, rest @ ..] => {
                    let more = if rest.is_empty() {
                        String::new()
                    } else {
                        format!("; {} more lines have problems", rest.len())
                    };
                    Error::at(
                        format!("{place}: line {}", first.line),
                        format!("{}{more}", first.text),
                    )
                }
            })?;
    }
    Ok(catalog)
}
