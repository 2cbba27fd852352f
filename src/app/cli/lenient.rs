//! Command lines as people type them first: a capture without a command, `help check`, options in
//! front of the command.
//!
//! Nothing is guessed: a line is changed only where it can mean one thing, and what cannot be meant
//! is answered with the line to type.

use crate::ground::error::Error;
use crate::ground::text;
use clap::CommandFactory;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

/// What follows the name of a capture: files of this kind have one of these endings.
const ENDINGS: [&str; 6] = ["cap", "dmp", "gz", "zst", "lz4", "xz"];

/// The arguments as the program reads them.
///
/// # Errors
/// When options stand in front of a command, with the order to type.
pub(super) fn arguments(given: Vec<OsString>) -> Result<Vec<OsString>, Error> {
    let Some(first) = given.get(1) else {
        return Ok(given);
    };
    if first == "help" {
        return Ok(help(given));
    }
    if is_command(first) {
        return Ok(given);
    }
    let command = given.iter().skip(1).position(|a| is_command(a));
    if is_capture(first) {
        return Ok(match command {
            // `drone-audit x.pcap check` can only be a slip of the order.
            Some(at) => moved(given, at.saturating_add(1)),
            None => with_check(given),
        });
    }
    // An option in front: which words are its values is known to its command alone.
    if !first.to_string_lossy().starts_with('-') || is_general(first) {
        return Ok(given);
    }
    let name = match command.and_then(|at| given.get(at.saturating_add(1))) {
        Some(command) => command.to_string_lossy().into_owned(),
        None if given.iter().skip(1).any(|a| is_capture(a)) => "check".to_owned(),
        None => return Ok(given),
    };
    let option = text::terminal(&first.to_string_lossy()).into_owned();
    Err(Error::at(&option, "options stand behind the command")
        .advise(format!("type: drone-audit {name} {option} ...")))
}

/// The files that patterns of paths fit, in order, in the place of these. What fits none stays as it was given, and is told
/// as a file that is not there.
///
/// For Windows, whose shells leave it to the program, and where no name of a file holds `*` or `?`.
pub(super) fn expanded(given: Vec<PathBuf>) -> Vec<PathBuf> {
    let options = glob::MatchOptions {
        case_sensitive: false,
        ..glob::MatchOptions::new()
    };
    let fitting = |path: &PathBuf| -> Option<Vec<PathBuf>> {
        let text = path.to_str()?;
        // What begins so is taken by the letter.
        if !text.contains(['*', '?']) || text.starts_with(r"\\?\") {
            return None;
        }
        // Brackets may stand in names.
        let pattern = text.replace('[', "[[]");
        let files = glob::glob_with(&pattern, options).ok()?.flatten();
        let files: Vec<PathBuf> = files.filter(|path| path.is_file()).collect();
        (!files.is_empty()).then_some(files)
    };
    let each = given.into_iter();
    each.flat_map(|path| fitting(&path).unwrap_or_else(|| vec![path]))
        .collect()
}

fn is_command(word: &OsStr) -> bool {
    super::Cli::command()
        .get_subcommands()
        .any(|command| *word == *command.get_name())
}

/// Options of the program itself may stand anywhere.
fn is_general(word: &OsStr) -> bool {
    let word = word.to_string_lossy();
    let name = word.split('=').next().unwrap_or_default();
    let program = super::Cli::command();
    let mut own = program.get_arguments().flat_map(|argument| {
        let long = argument.get_long().map(|long| format!("--{long}"));
        long.into_iter()
            .chain(argument.get_short().map(|short| format!("-{short}")))
    });
    ["-h", "--help", "-V", "--version"].contains(&name) || own.any(|known| known == name)
}

fn is_capture(word: &OsStr) -> bool {
    let path = std::path::Path::new(word);
    word == super::STDIN
        || path.extension().and_then(OsStr::to_str).is_some_and(|end| {
            ENDINGS.iter().any(|known| end.eq_ignore_ascii_case(known))
                // pcapng, and rotated files with a number behind.
                || end.to_ascii_lowercase().starts_with("pcap")
                || end.bytes().all(|b| b.is_ascii_digit())
        })
}

/// `help check` is `check --help`.
fn help(mut given: Vec<OsString>) -> Vec<OsString> {
    given.remove(1);
    given.truncate(2);
    given.push("--help".into());
    given
}

fn with_check(mut given: Vec<OsString>) -> Vec<OsString> {
    given.insert(1, "check".into());
    given
}

fn moved(mut given: Vec<OsString>, at: usize) -> Vec<OsString> {
    if at < given.len() {
        let command = given.remove(at);
        given.insert(1, command);
    }
    given
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<String, String> {
        let given = line.split(' ').map(OsString::from).collect();
        let read = arguments(given).map_err(|e| e.to_string())?;
        let words: Vec<&str> = read.iter().map(|a| a.to_str().unwrap()).collect();
        Ok(words.join(" "))
    }

    #[test]
    fn patterns_become_files_and_other_paths_stay() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in ["b.pcap", "a.pcap", "a[1].pcapng", "notes.txt"] {
            std::fs::write(at(name), "x").unwrap();
        }
        std::fs::create_dir(at("c.pcap")).unwrap();
        let found = |given: &[&str]| expanded(given.iter().map(|name| at(name)).collect());
        assert_eq!(found(&["*.pcap"]), [at("a.pcap"), at("b.pcap")]);
        assert_eq!(found(&["a[1].*"]), [at("a[1].pcapng")]);
        assert_eq!(found(&["b.pcap", "?.pcap"]).len(), 3);
        assert_eq!(found(&["*.cap", "x.pcap"]), [at("*.cap"), at("x.pcap")]);
        assert_eq!(expanded(vec!["-".into()]), [PathBuf::from("-")]);
    }

    #[test]
    fn lines_that_mean_one_thing_are_read() {
        for (typed, meant) in [
            ("drone-audit x.pcap", "drone-audit check x.pcap"),
            ("drone-audit -", "drone-audit check -"),
            (
                "drone-audit a/x.PCAPNG -o json",
                "drone-audit check a/x.PCAPNG -o json",
            ),
            ("drone-audit dump.pcap3", "drone-audit check dump.pcap3"),
            ("drone-audit dump.pcap.3", "drone-audit check dump.pcap.3"),
            ("drone-audit x.pcap flows", "drone-audit flows x.pcap"),
            ("drone-audit help check", "drone-audit check --help"),
            ("drone-audit help", "drone-audit --help"),
            ("drone-audit check x.pcap", "drone-audit check x.pcap"),
            ("drone-audit chekc x.pcap", "drone-audit chekc x.pcap"),
            ("drone-audit -q check x.pcap", "drone-audit -q check x.pcap"),
            ("drone-audit --version", "drone-audit --version"),
        ] {
            assert_eq!(read(typed).unwrap(), meant);
        }
    }

    #[test]
    fn options_in_front_of_the_command_are_told_where_they_stand() {
        for (typed, told) in [
            (
                "drone-audit --device 10.0.0.1 check x.pcap",
                "drone-audit check --device ...",
            ),
            ("drone-audit -o json x.pcap", "drone-audit check -o ..."),
        ] {
            let error = read(typed).unwrap_err();
            assert!(error.contains(told), "{error}");
        }
    }
}
