//! Whole command lines.

use super::*;
use crate::ground::mac::Mac;
use clap::CommandFactory;
use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::path::Path;

fn run(line: &str) -> Result<Cli, Exit> {
    parse(
        format!("drone-audit {line}")
            .split(' ')
            .filter(|word| !word.is_empty())
            .map(OsString::from)
            .collect::<Vec<_>>(),
    )
}

fn check(line: &str) -> Check {
    match run(line).unwrap().command {
        Command::Check(check) => check,
        other => panic!("{other:?}"),
    }
}

fn usage(line: &str) -> String {
    match run(line) {
        Err(Exit::Usage(error)) => {
            let line = error.to_string();
            assert_eq!(line.lines().count(), 1, "{line}");
            line
        }
        other => panic!("{line}: {other:?}"),
    }
}

#[test]
fn the_definition_holds_together() {
    Cli::command().debug_assert();
}

#[test]
fn defaults_are_the_contracts() {
    let check = check("check flight.pcap -");
    assert_eq!(check.captures, [Path::new("flight.pcap"), Path::new("-")]);
    assert!(check.claims.is_empty() && check.case.is_none());
    assert_eq!(check.outputs, [Output::stdout(Format::TABLE)]);
    assert!(check.windows.is_empty() && !check.each && !check.exit_zero && !check.no_hash);
}

#[test]
fn repeated_options_take_one_value_each_and_leave_the_captures() {
    let check = check(
        "check --claim us-storage --claim all --device 192.168.1.5 --device AA-bb-00-11-22-33 \
         --local 203.0.113.9/24 --geo a.mmdb --geo b.mmdb --catalog c.tsv --each --no-hash \
         -o table -o json=out.json --exit-zero --allow-inconclusive one.pcap two.pcap",
    );
    assert_eq!(check.claims, ["us-storage", "all"]);
    let mac = Mac([0xaa, 0xbb, 0, 0x11, 0x22, 0x33]);
    let ip = IpAddr::from([192, 168, 1, 5]);
    assert_eq!(check.subject.devices, [Device::Ip(ip), Device::Mac(mac)]);
    assert_eq!(
        check.subject.local_networks,
        ["203.0.113.0/24".parse().unwrap()]
    );
    assert_eq!(
        check.sources.geo,
        [Path::new("a.mmdb"), Path::new("b.mmdb")]
    );
    assert_eq!(
        check.captures,
        [Path::new("one.pcap"), Path::new("two.pcap")]
    );
    assert_eq!(check.outputs.len(), 2);
}

#[test]
fn no_flag_is_taken_for_a_value() {
    for option in [
        "--claim",
        "--device",
        "--local",
        "--window",
        "--geo",
        "--catalog",
        "-o",
        "--annotate",
        "--color",
        "--threads",
    ] {
        let line = usage(&format!("check x {option} --each"));
        assert!(line.contains("a value is missing"), "{line}");
    }
}

#[test]
fn usage_errors_say_what_where_and_what_to_do() {
    let lines = [
        (
            "",
            "no command is given (use one of: check, campaign, case, flows, fitness, diff, extract, verify, explain, emit; see 'drone-audit --help')",
        ),
        (
            "chek x",
            "chek: this command is not known (did you mean 'check'?)",
        ),
        (
            "check",
            "no capture is given (name at least one file, or '-' for standard input; see 'drone-audit check --help')",
        ),
        (
            "flows",
            "no capture is given (name at least one file, or '-' for standard input; see 'drone-audit flows --help')",
        ),
        (
            "check x --eech",
            "--eech: this argument is not known (did you mean '--each'?)",
        ),
        (
            "check x -o jsn",
            "--output <FORMAT[=PATH]>: 'jsn' is no output format here (did you mean 'json'?)",
        ),
        (
            "check x --color neve",
            "--color <WHEN>: 'neve' is not known (did you mean 'never'?)",
        ),
        (
            "check x -q -v",
            "--quiet: cannot be used together with --verbose... (see 'drone-audit check --help')",
        ),
        (
            "check - -",
            "-: standard input can be read only once (give '-' a single time)",
        ),
        (
            "check x --device all --device 10.0.0.1",
            "--device all: says that there is no other device, but another is declared (give either 'all' or addresses)",
        ),
        (
            "check x -o table -o json",
            "--output: two reports would be mixed on standard output (give all but one a file: FORMAT=PATH)",
        ),
        (
            "check x --no-hash -o intoto",
            "--no-hash: an in-toto statement needs the SHA-256 of every capture (leave out --no-hash, or -o intoto)",
        ),
        (
            "check x --annotate ../case.toml:3",
            "--annotate <PATH[:LINE]>: '../case.toml:3' is no path inside a repository (relative to its root, with '/', without '..')",
        ),
        (
            "check x --local 0.0.0.0/0",
            "--local <CIDR>: '0.0.0.0/0' covers every address, so nothing would be left to judge",
        ),
        (
            "fitness",
            "no capture is given (name at least one file, or '-' for standard input; see 'drone-audit fitness --help')",
        ),
        (
            "explain a b",
            "b: this argument is not known (see 'drone-audit explain --help')",
        ),
        (
            "diff a",
            "<CAPTURE> is missing (see 'drone-audit diff --help')",
        ),
        (
            "diff",
            "<BASELINE>, <CAPTURE> are missing (see 'drone-audit diff --help')",
        ),
        (
            "diff - -",
            "-: standard input can be read only once (give '-' a single time)",
        ),
        ("emit", "<WHAT> is missing (see 'drone-audit emit --help')"),
        (
            "emit recipes",
            "<WHAT>: 'recipes' is not known (use one of: schema, fitness-schema, case-schema, diff-schema, man, completions, geo, tables, spark-job)",
        ),
        (
            "emit schema check",
            "check: has no use here (only 'man' and 'completions' take a name)",
        ),
        (
            "emit completions bash --dir x",
            "--dir: has no use here (it is for 'emit man')",
        ),
        (
            "emit man check --dir x",
            "--dir: has no use here (it writes the pages of all commands: leave out the name)",
        ),
        (
            "check x --threads 0",
            "--threads <N>: '0' is no number of threads (1 or more)",
        ),
        (
            "case",
            "<FILE>... is missing (see 'drone-audit case --help')",
        ),
    ];
    for (line, said) in lines {
        assert_eq!(usage(line), said);
    }
    assert!(usage("check x --device 10.0.0").contains("no IP address and no MAC"));
    assert!(usage("check x --local 192.168.1.0").contains("no prefix length"));
    assert!(usage("flows x -o table").contains("use one of: ndjson, csv"));
}

#[test]
fn the_last_word_on_progress_counts() {
    let asked = |line: &str| {
        let terminal = run(line).unwrap().terminal;
        (terminal.progress, terminal.no_progress)
    };
    assert_eq!(asked("check x"), (false, false));
    assert_eq!(asked("check x --no-progress --progress"), (true, false));
    assert_eq!(asked("check x --progress --no-progress"), (false, true));
    let threads = |line: &str| run(line).unwrap().terminal.threads.map(NonZeroUsize::get);
    assert_eq!(threads("check x --threads 3"), Some(3));
    assert_eq!(threads("--threads 1 flows x"), Some(1));
}

#[test]
fn hostile_arguments_stay_on_one_line() {
    let Err(Exit::Usage(error)) = parse(["drone-audit", "check", "--no\n\u{1b}[2J"]) else {
        panic!("accepted");
    };
    assert!(error.to_string().contains(r"--no\u{a}\u{1b}[2J"), "{error}");
}

#[test]
fn help_and_version_are_text_for_standard_output() {
    let Err(Exit::Text(help)) = run("check --help") else {
        panic!("no help")
    };
    for part in [
        "Exit codes:",
        "3  nothing is contradicted",
        "--window +60/+660",
        "--allow-inconclusive",
        "sarif     code scanning",
    ] {
        assert!(help.contains(part), "{help}");
    }
    assert!(!help.contains('\u{1b}'));
    assert!(matches!(run("--help"), Err(Exit::Text(help)) if help.contains("flows")));
    let Err(Exit::Text(version)) = run("--version") else {
        panic!("no version")
    };
    assert_eq!(
        version.trim_end(),
        format!("drone-audit {}", env!("CARGO_PKG_VERSION"))
    );
}
