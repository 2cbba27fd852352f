//! Completions in the real shells, where they are installed: what a person gets who presses the tabulator.

use crate::support::{fixtures, run};
use std::io::Write;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

/// Words typed so far, and what has to be among the offers.
const TYPED: [(&str, &[&str]); 9] = [
    ("drone-audit ch", &["check"]),
    ("drone-audit check --cl", &["--claim"]),
    ("drone-audit check --claim ", &["local-data-mode", "all"]),
    ("drone-audit check --claim no-cn", &["no-cn-hk-tw"]),
    ("drone-audit check -o ", &["sarif", "html", "json"]),
    ("drone-audit diff -o ", &["markdown"]),
    ("drone-audit explain kernel", &["kernel-drops"]),
    ("drone-audit explain recipe-", &["recipe-ios"]),
    ("drone-audit check --app dji", &["dji.go.v5"]),
];

/// A folder with the script of a shell and a report that names an app.
fn folder(shell: &str) -> TempDir {
    let folder = TempDir::new().expect("a scratch folder");
    let script = run(["emit", "completions", shell]);
    assert_eq!(script.code, 0, "{script:?}");
    std::fs::write(folder.path().join("script"), &script.out).expect("the script");
    let report = r#"{"scope":{"apps_seen":[{"name":"dji.go.v5"}]}}"#;
    std::fs::write(folder.path().join("report.json"), report).expect("the report");
    folder
}

/// Runs a program of the shell's own; `None`, said aloud, where the shell is not installed.
fn ask(shell: &str, folder: &Path, arguments: &[&str], typed: &str) -> Option<String> {
    let program = Path::new(env!("CARGO_BIN_EXE_drone-audit"));
    let own = program.parent().expect("a folder").display();
    let ran = Command::new(shell)
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .env("PATH", format!("{own}:/usr/local/bin:/usr/bin:/bin"))
        .env("HOME", folder)
        .env("TERM", "dumb")
        .env("TYPED", typed)
        .output();
    match ran {
        Ok(ran) => {
            let errors = String::from_utf8_lossy(&ran.stderr);
            assert!(ran.status.success(), "{shell}, {typed:?}: {errors}");
            Some(String::from_utf8_lossy(&ran.stdout).into_owned())
        }
        Err(error) => {
            let line = format!("SKIPPED: {shell} cannot be run here: {error}\n");
            std::io::stderr()
                .write_all(line.as_bytes())
                .expect("standard error");
            None
        }
    }
}

fn offers(shell: &str, arguments: &[&str]) {
    assert!(fixtures().is_dir());
    let folder = folder(shell);
    for (typed, wanted) in TYPED {
        let Some(offered) = ask(shell, folder.path(), arguments, typed) else {
            return;
        };
        for word in wanted {
            assert!(
                offered
                    .split(|c: char| c.is_whitespace())
                    .any(|o| o == *word),
                "{shell}, {typed:?}: no {word} in\n{offered}"
            );
        }
    }
}

#[test]
fn bash_completes_commands_options_and_values() {
    // What readline does: it calls the function that `complete` named, with the words so far.
    let script = r#"
        source ./script
        read -r _ _ function _ < <(complete -p drone-audit | sed 's/.*-F/x x/')
        IFS=' ' read -r -a COMP_WORDS <<< "$TYPED"
        [[ "$TYPED" == *' ' ]] && COMP_WORDS+=('')
        COMP_CWORD=$((${#COMP_WORDS[@]} - 1)) COMP_TYPE=9 COMP_LINE=$TYPED COMP_POINT=${#TYPED}
        $function drone-audit "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}" 2>/dev/null
        printf '%s\n' "${COMPREPLY[@]}"
    "#;
    offers("bash", &["--norc", "--noprofile", "-c", script]);
}

#[test]
fn fish_completes_commands_options_and_values() {
    offers(
        "fish",
        &[
            "--no-config",
            "-c",
            "source ./script; complete -C \"$TYPED\"",
        ],
    );
}

#[test]
fn zsh_completes_commands_options_and_values() {
    // The line editor needs a terminal, which zsh/zpty gives it: the list that it shows is read back.
    let script = r#"
        zmodload zsh/zpty
        zpty shell zsh -f -i
        zpty -w shell "PS1= PROMPT_EOL_MARK=; autoload -Uz compinit; compinit -u -d $HOME/dump; LISTMAX=10000; zstyle ':completion:*' list-prompt ''; bindkey '^I' list-choices; source ./script; print READY"
        zpty -r shell line '*READY*READY*'
        zpty -w -n shell "$TYPED"$'\t'
        sleep 1
        zpty -w -n shell $'\C-U'$'print DO''NE\n'
        zpty -r shell line '*DONE*'
        print -r -- "$line" | sed 's/\x1b\[[0-9;?]*[A-Za-z]//g'
        zpty -d shell
    "#;
    offers("zsh", &["-f", "-c", script]);
}
