//! What is built into the program: manual pages and completions say all, and nothing of the machine.

use crate::support::{program, run};
use clap::{Command, CommandFactory};
use drone_audit::Cli;
use std::collections::BTreeMap;
use std::fs;
use tempfile::TempDir;

fn commands() -> Command {
    let mut program = Cli::command();
    program.build();
    program
}

/// The long options of a command.
fn options(command: &Command) -> Vec<String> {
    let long = command.get_arguments().filter_map(|a| a.get_long());
    long.map(str::to_owned).collect()
}

/// Written on this machine and on one that looks different.
fn emitted(arguments: &[&str]) -> String {
    let here = run(arguments);
    assert_eq!((here.code, here.err.as_str()), (0, ""), "{arguments:?}");
    let there = program()
        .args(arguments)
        .current_dir("/")
        .envs([
            ("HOME", "/home/somebody"),
            ("USER", "somebody"),
            ("HOSTNAME", "elsewhere"),
            ("TZ", "Asia/Kathmandu"),
            ("LC_ALL", "tr_TR.UTF-8"),
            ("COLUMNS", "30"),
            ("SOURCE_DATE_EPOCH", "1"),
        ])
        .output()
        .expect("the program starts");
    assert_eq!(there.stdout, here.out, "{arguments:?}");
    let text = here.text().to_owned();
    for fact in [
        env!("CARGO_MANIFEST_DIR"),
        env!("CARGO_BIN_EXE_drone-audit"),
        "somebody",
    ] {
        assert!(!text.contains(fact), "{arguments:?} says {fact}");
    }
    text
}

#[test]
fn manual_pages_name_every_option_of_their_command() {
    let program = commands();
    let mut pages = BTreeMap::new();
    for command in std::iter::once(&program).chain(program.get_subcommands()) {
        let name = command.get_name();
        let own = [name];
        let of: &[&str] = if name == "drone-audit" { &[] } else { &own };
        let page = emitted(&[&["emit", "man"], of].concat());
        let file = command.get_display_name().unwrap_or(name);
        assert!(page.contains(&format!(".TH {file} 1")), "{page}");
        assert!(options(command).len() >= 4, "{name}");
        for option in options(command) {
            let written = format!("\\-\\-{}", option.replace('-', "\\-"));
            assert!(page.contains(&written), "{name}: {option}\n{page}");
        }
        pages.insert(format!("{file}.1"), page);
    }
    assert!(pages["drone-audit-check.1"].contains("contradicted"));

    let folder = TempDir::new().expect("a scratch folder");
    let path = folder.path().display().to_string();
    let ran = run(["emit", "man", "--dir", &path]);
    assert_eq!((ran.code, ran.text(), ran.err.as_str()), (0, "", ""));
    let written: BTreeMap<String, String> = fs::read_dir(folder.path())
        .expect("the folder")
        .map(|entry| {
            let entry = entry.expect("an entry");
            let text = fs::read_to_string(entry.path()).expect("a page");
            (entry.file_name().to_string_lossy().into_owned(), text)
        })
        .collect();
    assert_eq!(written, pages);
    let ran = run(["emit", "man", "--dir", &format!("{path}/none")]);
    assert_eq!((ran.code, ran.err.lines().count()), (2, 1), "{ran:?}");
    assert!(ran.err.contains("none: cannot write: "), "{}", ran.err);
}

#[test]
fn completions_name_every_command_and_option() {
    let program = commands();
    // These ask the program, and are tried in the shells themselves.
    for shell in ["bash", "zsh", "fish"] {
        let script = emitted(&["emit", "completions", shell]);
        assert!(script.contains("DRONE_AUDIT_COMPLETE"), "{shell}");
    }
    for shell in ["powershell", "elvish"] {
        let script = emitted(&["emit", "completions", shell]);
        for command in program.get_subcommands() {
            assert!(script.contains(command.get_name()), "{shell}");
            for option in options(command) {
                let written = format!("--{option}");
                assert!(script.contains(&written), "{shell}: {option}");
            }
        }
    }
}

#[test]
fn mistyped_words_are_answered_with_what_was_meant() {
    for (arguments, said) in [
        (
            &["emit", "man", "chek"][..],
            "chek: this command is not known (did you mean 'check'?)",
        ),
        (
            &["emit", "man", "x"],
            "x: this command is not known (use one of: check, ",
        ),
        (
            &["emit", "completions", "bsh"],
            "bsh: there are no completions for this shell (did you mean 'bash' or 'zsh'?)",
        ),
        (
            &["emit", "completions"],
            "no shell is named (use one of: bash, ",
        ),
        (
            &["emit", "schem"],
            "'schem' is not known (did you mean 'schema'?)",
        ),
        (
            &["explain", "kernel-drop"],
            "(did you mean 'kernel-drops'?)",
        ),
        (
            &["check", "--claim", "local-data-mod", "honest-flight.pcap"],
            "--claim local-data-mod: no such claim (did you mean 'local-data-mode'?)",
        ),
        (
            &["check", "--claim", "US_Storage", "honest-flight.pcap"],
            "(did you mean 'us-storage'?)",
        ),
        (
            &["check", "--claim", "no-such-claim", "honest-flight.pcap"],
            "no such claim (use one of: ",
        ),
        (&["chekc", "x"], "did you mean 'check'?"),
        (&["check", "--no-hsh", "x"], "did you mean '--no-hash'?"),
        (
            &["diff", "a", "b", "-o", "markdwon"],
            "did you mean 'markdown'?",
        ),
    ] {
        let ran = run(arguments);
        assert_eq!((ran.code, ran.err.lines().count()), (2, 1), "{ran:?}");
        assert!(ran.err.contains(said), "{arguments:?}: {}", ran.err);
    }
}
