//! `verify`: whether a report reproduces.
//!
//! The recorded arguments are read with the program's own definition of the command line, the files
//! that they name are replaced by those found by name and hash, and the audit runs again. Of the
//! arguments only options of judging are acted on: no output that they name is ever written.

use super::check::judge_all;
use super::found::{Finder, Found, hash, hashed};
use super::keys;
use super::plan::Plan;
use super::screen::means;
use crate::app::cli::{Check, Cli, Command, Terminal, Verify, assign, parse};
use crate::ground::error::Error;
use crate::ground::text;
use crate::observe::capture::Means;
use crate::tell::report::against::Against;
use crate::tell::report::difference::{Difference, of_content, of_tool};
use crate::tell::report::format::Format;
use crate::tell::report::json::digest_of_value;
use crate::tell::report::output::Output;
use crate::tell::report::{read, v1};
use serde_json::Value;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// The exit code of a report that does not reproduce.
const DIFFERS: u8 = 1;

pub(super) fn run(options: &Verify, terminal: &Terminal) -> Result<u8, Error> {
    let place = options.report.display().to_string();
    let bytes = read::bytes(&options.report)?;
    let read = read::unchecked(&place, &bytes)?;
    drop(bytes);
    let outcome = if read.is_whole {
        verify(options, &place, &read, means(terminal))?
    } else {
        Outcome::Differs(vec![read::EDITED.to_owned()])
    };
    let shown = text::terminal(&place).into_owned();
    Output::stdout(Format::TABLE).write(|out| match &outcome {
        Outcome::Reproduces(digest) => writeln!(out, "{shown}: reproduces: digest {digest}"),
        Outcome::Differs(lines) => lines
            .iter()
            .try_for_each(|line| writeln!(out, "{shown}: differs: {}", text::terminal(line))),
    })?;
    Ok(match outcome {
        Outcome::Reproduces(_) => 0,
        Outcome::Differs(_) => DIFFERS,
    })
}

/// What came of it.
enum Outcome {
    /// The digest of both.
    Reproduces(String),
    /// What differs, in sentences.
    Differs(Vec<String>),
}

fn verify(
    options: &Verify,
    place: &str,
    read: &read::Unchecked,
    means: Means,
) -> Result<Outcome, Error> {
    let report = &read.report;
    let mut check = arguments(report, place, &options.labels)?;
    check.keys = keys::again(check.keys, &options.keys, place)?;
    let finder = Finder::new(
        options.root.as_deref(),
        &options.report,
        &given(&check, report),
    );
    let given = &check.keys.keylogs;
    let logs = if options.keys.keylogs.is_empty() {
        &[][..]
    } else {
        given
    };
    let files = match Files::find(report, &finder, place, logs)? {
        Ok(files) => files,
        Err(differs) => return Ok(Outcome::Differs(vec![differs])),
    };
    let started = (jiff::Timestamp::now(), Instant::now());
    let check = files.put_into(check, report, &finder, place)?;
    let mut plan = Plan::moved(&check, &|path| files.now(path, &finder))?;
    // They are known by their hashes, whatever they are called now.
    for log in &mut plan.keys.files {
        if let Some(said) = keylogs(report).find(|said| said.sha256 == log.sha256) {
            log.path.clone_from(&said.path);
        }
    }
    let against = check.against.as_deref().map(Against::read).transpose()?;
    let again = judge_all(&check, &plan, against.as_ref(), started, means)?;
    let mut again = serde_json::to_value(&again)
        .map_err(|e| Error::at(place, format!("cannot be compared: {e}")))?;
    let digest = digest_of_value(&mut again);
    if digest == report.digest {
        return Ok(Outcome::Reproduces(digest));
    }
    Ok(Outcome::Differs(differences(&read.value, &again)))
}

/// What it was made with first, then what it says.
fn differences(one: &Value, other: &Value) -> Vec<String> {
    let tool = of_tool(one, other);
    let content = of_content(one, other);
    let mut out: Vec<String> = Vec::new();
    let same = tool.is_some() && content.is_none();
    out.extend(tool.iter().chain(&content).map(Difference::to_string));
    if same {
        out.push("only what it was made with: all else is the same".to_owned());
    }
    if out.is_empty() {
        // Sessions with other digests than their content says.
        out.push("the digests differ, and nothing else does".to_owned());
    }
    out
}

/// The options that the report was made with.
fn arguments(
    report: &v1::Report,
    place: &str,
    labels: &[(String, String)],
) -> Result<Check, Error> {
    let cannot = |what: String| {
        Error::at(place, what).advise("it can be checked only by auditing the captures anew")
    };
    let mut said = report.run.arguments.clone();
    for (label, value) in labels {
        for argument in &mut said {
            *argument = put_label(argument, label, value);
        }
    }
    let line = std::iter::once("drone-audit".to_owned()).chain(said.iter().cloned());
    let parsed = parse(line.map(OsString::from));
    match parsed {
        Ok(Cli {
            command: Command::Check(check),
            ..
        }) => Ok(check),
        Ok(_) => Err(cannot(
            "its recorded arguments are not those of the command check".to_owned(),
        )),
        Err(_) if report.scope.redacted => Err(Error::at(
            place,
            format!(
                "its recorded arguments are redacted and cannot be used: {}",
                text::terminal(&said.join(" "))
            ),
        )
        .advise("say what the labels stand for: --label private-1=192.168.1.50")),
        Err(_) => Err(cannot("its recorded arguments cannot be read".to_owned())),
    }
}

/// Puts a value where a label stands as a whole word.
fn put_label(argument: &str, label: &str, value: &str) -> String {
    let part = |c: char| c.is_alphanumeric() || c == '-' || c == '_';
    let mut out = String::new();
    let mut rest = argument;
    while let Some(at) = rest.find(label) {
        let (before, from) = rest.split_at_checked(at).unwrap_or((rest, ""));
        let behind = from.get(label.len()..).unwrap_or_default();
        let whole = !before.ends_with(part) && !behind.starts_with(part);
        out.push_str(before);
        out.push_str(if whole { value } else { label });
        rest = behind;
    }
    out.push_str(rest);
    out
}

/// Every path that the arguments name.
fn given(check: &Check, report: &v1::Report) -> Vec<String> {
    let files = check
        .captures
        .iter()
        .chain(&check.baselines)
        .chain(&check.sources.geo)
        .chain(&check.catalogs)
        .chain(&check.keys.keylogs)
        .chain(&check.case)
        .chain(&check.against);
    let files = files.map(|path| path.display().to_string());
    files.chain(report.run.paths.iter().cloned()).collect()
}

/// The files of a report whose hashes it says.
#[derive(Default)]
struct Files {
    /// Where they lie, by name; several can share one.
    captures: BTreeMap<String, Vec<PathBuf>>,
    baselines: BTreeMap<String, Vec<PathBuf>>,
    geo: BTreeMap<String, PathBuf>,
    case: Option<PathBuf>,
    keylogs: BTreeMap<String, PathBuf>,
}

impl Files {
    /// Looks for them. `Err` in `Ok`: a sentence about one that is another than it was.
    fn find(
        report: &v1::Report,
        finder: &Finder,
        place: &str,
        logs: &[PathBuf],
    ) -> Result<Result<Self, String>, Error> {
        let mut out = Self::default();
        let baselines = report.baseline.iter().flat_map(|b| &b.inputs);
        for (field, inputs) in [
            ("inputs", hashed(place, &report.inputs)?),
            ("baseline.inputs", hashed(place, baselines)?),
        ] {
            for (index, (name, sha256)) in inputs.into_iter().enumerate() {
                let path = match finder.find(name, sha256)? {
                    Found::Here(path) => path,
                    Found::Nowhere => return Err(finder.nowhere("capture", name)),
                    Found::Other(path, computed) => {
                        let at = format!("{field}[{index}].sha256");
                        return Ok(Err(changed(&at, &path, sha256, &computed)));
                    }
                };
                let kept = if field == "inputs" {
                    &mut out.captures
                } else {
                    &mut out.baselines
                };
                kept.entry(name.to_owned()).or_default().push(path);
            }
        }
        for (index, geo) in report.tool.geo.iter().enumerate() {
            /// How reports call the database inside the program.
            const EMBEDDED: &str = "embedded";
            if geo.source == EMBEDDED {
                continue;
            }
            match finder.find(&geo.source, &geo.sha256)? {
                Found::Here(path) => {
                    out.geo.insert(geo.source.clone(), path);
                }
                Found::Nowhere => return Err(finder.nowhere("address database", &geo.source)),
                Found::Other(path, computed) => {
                    let at = format!("another address database: tool.geo[{index}].sha256");
                    return Ok(Err(changed(&at, &path, &geo.sha256, &computed)));
                }
            }
        }
        for (index, log) in keylogs(report).enumerate() {
            let given = logs.iter().map(|path| Ok((path, hash(path)?)));
            let given: Vec<(&PathBuf, String)> = given.collect::<Result<_, Error>>()?;
            let found = match given.iter().find(|(_, sha256)| *sha256 == log.sha256) {
                Some((path, _)) => Found::Here((*path).clone()),
                None => match given.get(index) {
                    Some((path, sha256)) => Found::Other((*path).clone(), sha256.clone()),
                    None => finder.find(&log.path, &log.sha256)?,
                },
            };
            match found {
                Found::Here(path) => {
                    out.keylogs.insert(log.path.clone(), path);
                }
                Found::Nowhere => return Err(finder.nowhere("key log", &log.path)),
                Found::Other(path, computed) => {
                    let at = format!("another key log: scope.keylogs[{index}].sha256");
                    return Ok(Err(changed(&at, &path, &log.sha256, &computed)));
                }
            }
        }
        if let Some(case) = &report.case {
            match finder.find(&case.path, &case.sha256)? {
                Found::Here(path) => out.case = Some(path),
                Found::Nowhere => return Err(finder.nowhere("case file", &case.path)),
                Found::Other(path, computed) => {
                    return Ok(Err(changed("case.sha256", &path, &case.sha256, &computed)));
                }
            }
        }
        Ok(Ok(out))
    }

    /// The options with the files where they lie now.
    fn put_into(
        &self,
        mut check: Check,
        report: &v1::Report,
        finder: &Finder,
        place: &str,
    ) -> Result<Check, Error> {
        let counters: Vec<(PathBuf, PathBuf)> = assign(&check.captures, &check.counters)?
            .into_iter()
            .map(|(capture, text)| (capture.to_owned(), text))
            .collect();
        let mut moved: BTreeMap<PathBuf, PathBuf> = BTreeMap::new();
        let mut captures = self.captures.clone();
        for path in &mut check.captures {
            let now = take(&mut captures, path).ok_or_else(|| unhashed(place, "capture", path))?;
            moved.insert(path.clone(), now.clone());
            *path = now;
        }
        let mut baselines = self.baselines.clone();
        for path in &mut check.baselines {
            *path = take(&mut baselines, path).ok_or_else(|| unhashed(place, "baseline", path))?;
        }
        for path in &mut check.sources.geo {
            let name = name_of(path);
            let now = self.geo.get(&name);
            *path = now
                .ok_or_else(|| unhashed(place, "address database", path))?
                .clone();
        }
        if let Some(path) = &mut check.case {
            let now = self.case.as_ref();
            *path = now
                .ok_or_else(|| unhashed(place, "case file", path))?
                .clone();
        }
        let by_name = |path: &Path, what| {
            let name = name_of(path);
            let now = finder.by_name(path);
            now.ok_or_else(|| finder.nowhere(what, &name))
        };
        for path in &mut check.catalogs {
            *path = by_name(path, "catalog")?;
        }
        for path in &mut check.keys.wifi_files {
            // Given anew, or as recorded, where one of that name lies now.
            if !path.is_file() {
                *path = by_name(path, "file of keys")?;
            }
        }
        for path in &mut check.keys.keylogs {
            // Those that were given anew are the report's by their hashes.
            if !self.keylogs.values().any(|known| known == path) {
                let now = self.keylogs.get(&name_of(path));
                *path = now.ok_or_else(|| unhashed(place, "key log", path))?.clone();
            }
        }
        if let Some(path) = &mut check.against {
            *path = self.against(report, finder, path)?;
        }
        check.counters = counters
            .into_iter()
            .map(|(capture, text)| {
                let text = by_name(&text, "text of counters")?;
                let capture = moved.get(&capture).unwrap_or(&capture);
                let mut both = capture.clone().into_os_string();
                both.push("=");
                both.push(text);
                Ok(PathBuf::from(both))
            })
            .collect::<Result<_, Error>>()?;
        check.outputs.clear();
        Ok(check)
    }

    /// The other report, which is known by its digest and not by its hash.
    fn against(&self, report: &v1::Report, finder: &Finder, path: &Path) -> Result<PathBuf, Error> {
        let name = name_of(path);
        let mut found = finder.named(&name);
        let digest = report.against.as_ref().map(|a| a.digest.as_str());
        let same = found.iter().position(|path| {
            let digest_of = read::report(path).map(|r| r.digest).ok();
            digest_of.as_deref() == digest
        });
        match same {
            Some(at) => Ok(found.swap_remove(at)),
            // The comparison then says that it is another one.
            None => found
                .into_iter()
                .next()
                .ok_or_else(|| finder.nowhere("other report", &name)),
        }
    }

    /// Where a file that the case file names lies now, unless where it says.
    fn now(&self, path: &Path, finder: &Finder) -> Option<PathBuf> {
        let name = name_of(path);
        let known = [&self.captures, &self.baselines]
            .into_iter()
            .filter_map(|files| files.get(&name))
            .flatten();
        let others = self
            .geo
            .get(&name)
            .into_iter()
            .chain(self.keylogs.get(&name));
        let known: Vec<&PathBuf> = known.chain(others).collect();
        match known.as_slice() {
            [only] => Some((*only).clone()),
            // Of several with one name, the one that it names, if that is among them.
            [] | [_, ..] if path.is_file() => None,
            [] => finder.by_name(path),
            [first, ..] => Some((*first).clone()),
        }
    }
}

/// The key logs that a report was made with; of several sessions each says the same.
fn keylogs(report: &v1::Report) -> impl Iterator<Item = &v1::KeyFile> {
    let all = std::iter::once(report).chain(&report.sessions);
    let said = all.map(|r| &r.scope.keylogs).find(|k| !k.is_empty());
    said.into_iter().flatten()
}

fn take(files: &mut BTreeMap<String, Vec<PathBuf>>, path: &Path) -> Option<PathBuf> {
    let of_name = files.get_mut(&name_of(path))?;
    let same = of_name.iter().position(|have| have == path).unwrap_or(0);
    (same < of_name.len()).then(|| of_name.remove(same))
}

fn name_of(path: &Path) -> String {
    path.file_name().map_or_else(
        || path.display().to_string(),
        |name| name.to_string_lossy().into_owned(),
    )
}

fn changed(at: &str, path: &Path, said: &str, computed: &str) -> String {
    format!(
        "{at} is \"{said}\" in the report and \"{computed}\" here: {} is another file than it was",
        path.display()
    )
}

/// An argument that names a file of which the report says nothing.
fn unhashed(place: &str, what: &str, path: &Path) -> Error {
    let name = name_of(path);
    Error::at(
        place,
        format!(
            "its arguments name the {what} {}, of which it holds no hash",
            text::terminal(&name)
        ),
    )
    .advise("it was put together by hand, or its arguments were changed")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_put_in_as_whole_words() {
        assert_eq!(
            put_label("--device=private-1", "private-1", "10.0.0.1"),
            "--device=10.0.0.1"
        );
        assert_eq!(
            put_label("private-12", "private-1", "10.0.0.1"),
            "private-12"
        );
        assert_eq!(
            put_label("x-private-1 private-1/24", "private-1", "a"),
            "x-private-1 a/24"
        );
    }
}
