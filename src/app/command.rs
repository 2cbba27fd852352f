//! The commands: options in, exit code out. Parsing is [`crate::app::cli`]'s, judging the stages'.

mod campaign;
mod case;
mod check;
mod diff;
mod emit;
mod explain;
mod extract;
mod fitness;
mod flows;
mod found;
mod keys;
mod plan;
mod screen;
mod session;
mod tables;
mod verify;

use crate::app::cli::{self, Cli, Command, Device, Subject, assign};
use crate::evidence::Devices;
use crate::ground::error::Error;
use crate::ground::file;
use crate::judge::classify::catalog::Catalog;
use crate::judge::locate::Locator;
use crate::observe::capture::Source;
use crate::observe::capture::sidecar::Sidecar;
use crate::tell::report::v1;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Runs a command; returns the exit code.
///
/// # Errors
/// What keeps it from being done: exit code 2.
pub fn run(cli: &Cli) -> Result<u8, Error> {
    match &cli.command {
        Command::Check(options) => check::run(options, &cli.terminal),
        Command::Campaign(options) => campaign::run(options, &cli.terminal),
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

/// Leaves a value to the system, which takes the memory back whole when the process ends. Only for what a command of the
/// program holds last: to give back millions of small pieces one by one before that takes a sixth of the run.
fn leave<T>(value: T) {
    std::mem::forget(value);
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

/// Largest catalog of a user's in bytes: eighty times the embedded one. In memory it takes some seven times as
/// much; what is larger is another file, named by mistake.
const CATALOG_MAX: u64 = 8 << 20;

/// The text of a catalog of at most `most` bytes; `place` is for messages.
fn catalog_text(path: &Path, place: &str, most: u64) -> Result<String, Error> {
    let refuse = |e: std::io::Error| {
        let reason = crate::ground::error::reason(&e);
        Error::at(place, format!("cannot read the catalog: {reason}"))
            .advise("check the path; the file has to be UTF-8 text")
    };
    let mut bytes = Vec::new();
    let file = file::open(path).map_err(refuse)?;
    file.take(most.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(refuse)?;
    if bytes.len() as u64 > most {
        let what = format!("is larger than a catalog can be ({most} bytes)");
        return Err(Error::at(place, what)
            .advise("name a file of host rows, in the form of the embedded catalog"));
    }
    String::from_utf8(bytes).map_err(|_| {
        // As the standard library says it of a file that it reads as text.
        refuse(std::io::Error::new(
            std::io::ErrorKind::InvalidData,
            "stream did not contain valid UTF-8",
        ))
    })
}

fn catalog(files: &[PathBuf]) -> Result<Catalog, Error> {
    let mut catalog = Catalog::embedded().clone();
    for path in files {
        let place = path.display().to_string();
        let text = catalog_text(path, &place, CATALOG_MAX)?;
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_catalog_has_a_size_beyond_which_it_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hosts.tsv");
        std::fs::write(&path, "0123456789").unwrap();
        let read = |most| catalog_text(&path, "hosts.tsv", most).map_err(|e| e.to_string());
        assert_eq!(read(10).unwrap(), "0123456789");
        let refused = read(9).unwrap_err();
        assert!(refused.starts_with("hosts.tsv: is larger than a catalog can be (9 bytes)"));
        assert_eq!(refused.lines().count(), 1);
        std::fs::write(&path, b"a\xffb").unwrap();
        assert!(read(10).unwrap_err().contains("valid UTF-8"));
    }
}
