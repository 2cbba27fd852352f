//! What a shell is offered behind options and arguments. The program says it itself: it knows its formats, its ids, and
//! the reports that lie in the folder.
//!
//! The scripts that `emit completions` writes for bash, zsh and fish call the program with [`ASKED`] in the environment
//! and the words so far; it answers and ends. The engine is clap_complete's `unstable-dynamic`. Its scripts written ahead
//! of time cannot know values, and that for bash offers nothing behind the subcommands of a program with a hyphen in its
//! name (clap-rs issue 6421). The version is pinned by the lock file, and the real shells are asked in the tests.

use super::Cli;
use crate::judge::claim::definition::shipped;
use crate::tell::explain::library;
use crate::tell::report::format::Format;
use clap::{Command, CommandFactory};
use clap_complete::engine::{
    ArgValueCandidates, ArgValueCompleter, CompletionCandidate, PathCompleter, ValueCompleter,
};
use clap_complete::env::{CompleteEnv, Shells};
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::io::Read;
use std::path::Path;

/// The variable of the environment by which a shell asks for completions. No other command looks at it.
const ASKED: &str = "DRONE_AUDIT_COMPLETE";
/// The name of the program in scripts.
const PROGRAM: &str = "drone-audit";
/// Reports that are looked into for the apps they name, and their size: a shell waits for the answer.
const REPORTS_MAX: usize = 16;
const REPORT_BYTES_MAX: u64 = 8 << 20;

/// Answers a shell that asks for completions, and ends the program then.
pub fn complete_if_asked() {
    CompleteEnv::with_factory(Cli::command)
        .var(ASKED)
        .complete();
}

/// The script for a shell, if the program itself answers it.
pub(crate) fn script(shell: &str) -> Option<Vec<u8>> {
    let shells = Shells::builtins();
    let shell = shells.completer(shell)?;
    let mut script = Vec::new();
    let written = shell.write_registration(ASKED, PROGRAM, PROGRAM, PROGRAM, &mut script);
    written.ok().map(|()| script)
}

fn told(value: impl Into<String>, help: &str) -> CompletionCandidate {
    CompletionCandidate::new(value.into()).help(Some(help.to_owned().into()))
}

/// Claims, with their other wordings.
pub(super) fn claims() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        let mut all = vec![told("all", "every claim")];
        for claim in shipped() {
            all.push(told(&claim.id, &claim.statement));
            let presets = claim.presets.iter();
            all.extend(presets.map(|p| told(format!("{}:{}", claim.id, p.name), &p.statement)));
        }
        all
    })
}

/// Formats, and behind `=` files.
pub(super) fn formats(formats: Vec<Format>) -> ArgValueCompleter {
    ArgValueCompleter::new(move |current: &OsStr| {
        let typed = current.to_string_lossy();
        if let Some((format, path)) = typed.split_once('=') {
            let files = PathCompleter::any().complete(OsStr::new(path));
            let files = files.into_iter();
            return files
                .map(|file| file.add_prefix(format!("{format}=")))
                .collect();
        }
        let named = formats.iter().filter(|f| f.name.starts_with(&*typed));
        named.map(|f| told(f.name, f.purpose)).collect()
    })
}

/// Everything that `explain` has a text for.
pub(super) fn ids() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        let entries = library().map(|library| library.entries());
        let entries = entries.unwrap_or_default().iter();
        entries.map(|entry| told(&entry.id, &entry.title)).collect()
    })
}

/// Commands with a manual page, and shells.
pub(super) fn names() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        let program: Command = Cli::command();
        let commands = program
            .get_subcommands()
            .map(|of| told(of.get_name(), "manual page"));
        let shells = Shells::builtins();
        let shells = shells.iter().map(|shell| told(shell.name(), "completions"));
        commands.chain(shells).collect()
    })
}

/// Apps that the JSON reports in this folder have seen.
pub(super) fn apps() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        let seen = apps_of(Path::new("."));
        let seen = seen.iter();
        seen.map(|app| told(app, "seen in a report of this folder"))
            .collect()
    })
}

fn apps_of(folder: &Path) -> BTreeSet<String> {
    let mut reports: Vec<_> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "json"))
        .collect();
    reports.sort();
    let mut seen = BTreeSet::new();
    for path in reports.iter().take(REPORTS_MAX) {
        let Ok(file) = fs::File::open(path) else {
            continue;
        };
        let mut text = String::new();
        let read = file.take(REPORT_BYTES_MAX).read_to_string(&mut text);
        let report: serde_json::Value = match (read, serde_json::from_str(&text)) {
            (Ok(_), Ok(report)) => report,
            _ => continue,
        };
        let sessions = report.get("sessions").and_then(|all| all.as_array());
        for report in std::iter::once(&report).chain(sessions.into_iter().flatten()) {
            let apps = report
                .pointer("/scope/apps_seen")
                .and_then(|all| all.as_array());
            let names = apps
                .into_iter()
                .flatten()
                .filter_map(|app| app.get("name")?.as_str());
            // What no shell would have to quote: a name of a capture is anybody's.
            let plain = |c: char| c.is_ascii_alphanumeric() || "._-:".contains(c);
            seen.extend(
                names
                    .filter(|name| name.chars().all(plain))
                    .map(str::to_owned),
            );
        }
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn apps_come_from_reports_and_from_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        write(
            "report.json",
            r#"{"scope":{"apps_seen":[{"name":"dji.go.v5"},{"name":"$(x)"}]},
                "sessions":[{"scope":{"apps_seen":[{"name":"dji.pilot"},{"uid":1}]}}]}"#,
        );
        write("other.json", "[1, 2]");
        write("broken.json", "{");
        write("notes.txt", "{}");
        let seen: Vec<String> = apps_of(folder.path()).into_iter().collect();
        assert_eq!(seen, ["dji.go.v5", "dji.pilot"]);
    }

    #[test]
    fn shells_that_ask_the_program_have_a_script() {
        for shell in ["bash", "zsh", "fish"] {
            let script = String::from_utf8(script(shell).unwrap()).unwrap();
            assert!(script.contains(ASKED), "{shell}");
        }
        assert_eq!(script("tcsh"), None);
    }
}
