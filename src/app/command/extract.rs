//! `extract`: the packets behind the findings of a report, as pcapng, or as a bundle to hand on.

use super::found::{Finder, Found, hash, hashed};
use super::keys;
use super::screen::{means, note};
use crate::app::cli::{Extract, STDIN, Terminal};
use crate::app::extract::{Failure, Ready, Session, Written, write};
use crate::ground::error::{Error, reason};
use crate::ground::text;
use crate::ground::unfinished::UnfinishedFolder;
use crate::observe::capture::Means;
use crate::observe::link::WifiKey;
use crate::observe::open::keylog::Keylog;
use crate::tell::report::format::{Format, Setting};
use crate::tell::report::output::{Output, check_targets};
use crate::tell::report::{html, read, table, v1};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fs, io};

/// A page in a folder has no terminal and no repository.
const AS_A_FILE: Setting<'static> = Setting {
    style: table::Style {
        width: 100,
        color: false,
    },
    anchor: None,
};

/// The form of what is written; no report is.
const PCAPNG: Format = Format::new("pcapng", "packets of findings");

/// Names in a bundle.
const PACKETS: &str = "findings.pcapng";
const REPORT: &str = "report.json";
const PAGE: &str = "report.html";
const CASE: &str = "case.toml";
const SUMS: &str = "SHA256SUMS";

pub(super) fn run(options: &Extract, terminal: &Terminal) -> Result<u8, Error> {
    let place = options.report.display().to_string();
    let bytes = read::bytes(&options.report)?;
    let report = read::parse(&place, &bytes)?;
    if report.scope.redacted {
        return Err(Error::at(
            place,
            "is redacted: it no longer says which packets its findings have",
        )
        .advise("use the report that was made without --redact"));
    }
    let wanted = wanted(options, &report)?;
    if keys::used(&report.run.arguments) && keys::none(&options.keys) {
        return Err(keys::needed(&place));
    }
    let given = keys::given(&options.keys, &[])?;
    for what in &given.notes {
        note(terminal, what);
    }
    let finder = Finder::new(options.root.as_deref(), &options.report, &report.run.paths);
    let sessions = sessions(&report, &finder, &place, &given.wifi)?;
    let case = case_file(&report, &finder)?;
    let output = output(options)?;
    let mut evidence: Vec<PathBuf> = sessions.iter().flat_map(|s| s.paths.clone()).collect();
    evidence.push(options.report.clone());
    evidence.extend(case.clone());
    check_targets(output.as_slice(), &evidence)?;
    if let Some(bundle) = &options.bundle {
        check_bundle(bundle)?;
    }
    let means = means(terminal);
    let ready: Vec<Ready<'_>> = sessions
        .iter()
        .map(|session| session.choose(wanted.as_ref(), &means))
        .collect::<Result<_, _>>()?;
    let packets = Packets {
        ready: &ready,
        digest: &report.digest,
        secrets: options.secrets.then_some(&*given.keylog),
        means: &means,
    };
    let mut written = Written::default();
    if let Some(output) = &output {
        written = packets.to(output)?;
    }
    if let Some(bundle) = &options.bundle {
        let content = Bundle {
            packets: &packets,
            report: &report,
            bytes: &bytes,
            case: case.as_deref(),
        };
        written = content.write(bundle)?;
        if report.case.is_some() && case.is_none() {
            note(
                terminal,
                "the case file was not found: the bundle is without it",
            );
        }
    }
    let file = output.as_ref().and_then(|output| output.path.as_deref());
    tell(terminal, &written, options.bundle.as_deref().or(file));
    Ok(0)
}

/// The findings asked for; `None` for all.
fn wanted(options: &Extract, report: &v1::Report) -> Result<Option<BTreeSet<String>>, Error> {
    let all = std::iter::once(report).chain(&report.sessions);
    let known: BTreeSet<&str> = all
        .flat_map(|r| &r.findings)
        .map(|f| f.id.as_str())
        .collect();
    if known.is_empty() {
        return Err(Error::at(
            options.report.display().to_string(),
            "has no finding, so there are no packets to extract",
        ));
    }
    let strange = options
        .findings
        .iter()
        .find(|id| !known.contains(id.as_str()));
    if let Some(id) = strange {
        /// Ids that a message lists.
        const LISTED_MAX: usize = 8;
        let some: Vec<&str> = known.iter().copied().take(LISTED_MAX).collect();
        return Err(Error::at(
            format!("--finding {}", text::terminal(id)),
            "the report has no such finding",
        )
        .advise(format!("use one of: {}", text::terminal(&some.join(", ")))));
    }
    let wanted: BTreeSet<String> = options.findings.iter().cloned().collect();
    Ok((!wanted.is_empty()).then_some(wanted))
}

/// The sessions of a report, each with its captures found and hashed.
fn sessions<'r>(
    report: &'r v1::Report,
    finder: &Finder,
    place: &str,
    wifi: &Arc<[WifiKey]>,
) -> Result<Vec<Session<'r>>, Error> {
    let each: Vec<&v1::Report> = if report.sessions.is_empty() {
        vec![report]
    } else {
        report.sessions.iter().collect()
    };
    let session = |report: &'r v1::Report| {
        let paths = hashed(place, &report.inputs)?
            .into_iter()
            .map(|(name, sha256)| capture(finder, name, sha256))
            .collect::<Result<_, _>>()?;
        Ok(Session {
            report,
            paths,
            wifi: Arc::clone(wifi),
        })
    };
    each.into_iter().map(session).collect()
}

fn capture(finder: &Finder, name: &str, sha256: &str) -> Result<PathBuf, Error> {
    match finder.find(name, sha256)? {
        Found::Here(path) => Ok(path),
        Found::Other(path, computed) => Err(Error::at(
            path.display().to_string(),
            format!("is not the capture of the report: its SHA-256 is {computed}, the report says {sha256}"),
        )
        .advise("name the folder of the captures by --root")),
        Found::Nowhere => Err(finder.nowhere("capture", name)),
    }
}

fn case_file(report: &v1::Report, finder: &Finder) -> Result<Option<PathBuf>, Error> {
    let Some(case) = &report.case else {
        return Ok(None);
    };
    let given = given_case(&report.run.arguments);
    let beside = match finder.find(&case.path, &case.sha256)? {
        Found::Here(path) => Some(path),
        Found::Other(..) | Found::Nowhere => None,
    };
    let elsewhere = given.filter(|path| {
        fs::metadata(path).is_ok_and(|about| about.is_file())
            && hash(path).is_ok_and(|computed| computed == case.sha256)
    });
    Ok(beside.or(elsewhere))
}

/// The case file as the recorded arguments name it.
fn given_case(arguments: &[String]) -> Option<PathBuf> {
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        if let Some(path) = argument.strip_prefix("--case=") {
            return Some(path.into());
        }
        if argument == "--case" {
            return rest.next().map(PathBuf::from);
        }
    }
    None
}

/// Where the packets go, beside a bundle.
fn output(options: &Extract) -> Result<Option<Output>, Error> {
    let path = match (&options.output, &options.bundle) {
        (Some(path), _) if path.as_os_str() == STDIN => return Ok(Some(Output::stdout(PCAPNG))),
        (Some(path), _) => path.clone(),
        (None, Some(_)) => return Ok(None),
        (None, None) => options.report.with_extension("findings.pcapng"),
    };
    Ok(Some(Output {
        format: PCAPNG,
        path: Some(path),
    }))
}

fn check_bundle(bundle: &Path) -> Result<(), Error> {
    if fs::symlink_metadata(bundle).is_ok() {
        return Err(Error::at(
            format!("--bundle {}", text::terminal(&bundle.display().to_string())),
            "is there already",
        )
        .advise("name a new folder: a bundle is written whole or not at all"));
    }
    Ok(())
}

/// Packets that are ready to be written.
struct Packets<'a> {
    ready: &'a [Ready<'a>],
    digest: &'a str,
    secrets: Option<&'a Keylog>,
    means: &'a Means,
}

impl Packets<'_> {
    fn to(&self, output: &Output) -> Result<Written, Error> {
        let mut result = Ok(Written::default());
        let done = output.write(|out| {
            match write(self.ready, self.digest, self.secrets, self.means, out) {
                Ok(written) => result = Ok(written),
                Err(Failure::Output(e)) => return Err(e),
                Err(Failure::Input(e)) => {
                    result = Err(e);
                    // So that nothing is put in its place.
                    return Err(io::Error::other("the captures cannot be read"));
                }
            }
            Ok(())
        });
        // What the captures say comes before that nothing was written because of it.
        let written = result?;
        done?;
        Ok(written)
    }
}

/// What goes into a bundle.
struct Bundle<'a> {
    packets: &'a Packets<'a>,
    report: &'a v1::Report,
    /// The report as it lies on disk.
    bytes: &'a [u8],
    case: Option<&'a Path>,
}

impl Bundle<'_> {
    /// Writes the folder beside its place and moves it there.
    fn write(&self, bundle: &Path) -> Result<Written, Error> {
        let refuse = |e: io::Error| {
            Error::at(
                text::terminal(&bundle.display().to_string()).into_owned(),
                format!("cannot write the bundle: {}", reason(&e)),
            )
        };
        let parent = match bundle.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let folder = UnfinishedFolder::inside(parent).map_err(refuse)?;
        let place = |name: &str| folder.path().join(name);
        let file = |name: &str| Output {
            format: PCAPNG,
            path: Some(place(name)),
        };
        let written = self.packets.to(&file(PACKETS))?;
        file(REPORT).write(|out| out.write_all(self.bytes))?;
        file(PAGE).write(|out| html::write(self.report, &AS_A_FILE, out))?;
        let mut names = vec![PACKETS, PAGE, REPORT];
        if let Some(case) = self.case {
            fs::copy(case, place(CASE)).map_err(refuse)?;
            names.insert(0, CASE);
        }
        let mut sums = String::new();
        for name in names {
            sums.push_str(&format!("{}  {name}\n", hash(&place(name))?));
        }
        file(SUMS).write(|out| out.write_all(sums.as_bytes()))?;
        folder.persist(bundle).map_err(refuse)?;
        Ok(written)
    }
}

/// What was written and where; without a place it went to standard output.
fn tell(terminal: &Terminal, written: &Written, place: Option<&Path>) {
    let packets = match written.packets {
        1 => "1 packet of findings".to_owned(),
        many => format!("{many} packets of findings"),
    };
    let place = place.map(|place| format!(": {}", text::terminal(&place.display().to_string())));
    note(
        terminal,
        &format!(
            "{packets}, and {} that they rest on{}",
            written.context,
            place.unwrap_or_default()
        ),
    );
    for id in &written.empty {
        note(
            terminal,
            &format!(
                "finding {id}: its filter selects no packet; what the report lists of it was written"
            ),
        );
    }
    if written.other_secrets > 0 {
        note(
            terminal,
            &format!(
                "{} blocks of decryption secrets are no key logs of TLS: it is not known whose they are, and they were not copied",
                written.other_secrets
            ),
        );
    }
    if written.long_secrets > 0 {
        note(
            terminal,
            &format!(
                "{} blocks of decryption secrets are too long to be copied",
                written.long_secrets
            ),
        );
    }
}
