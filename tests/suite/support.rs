//! Runs the program in a scrubbed environment, and reads what it says.

pub(crate) mod attacks;
pub(crate) mod craft;
pub(crate) mod damage;
pub(crate) mod invariants;
pub(crate) mod random;

use serde_json::Value;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// Where the captures are.
pub(crate) fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

/// The program, with nothing from the environment of whoever runs the tests, among the fixtures.
pub(crate) fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_drone-audit"));
    command
        .env_clear()
        .current_dir(fixtures())
        .stdin(Stdio::null());
    command
}

/// What a run left behind.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: Vec<u8>,
    pub(crate) err: String,
}

impl Ran {
    fn of(output: Output) -> Self {
        Self {
            code: output.status.code().expect("ended by a signal"),
            out: output.stdout,
            err: String::from_utf8(output.stderr).expect("messages are UTF-8"),
        }
    }

    /// The JSON report on standard output.
    pub(crate) fn report(&self) -> Value {
        serde_json::from_slice(&self.out)
            .unwrap_or_else(|e| panic!("no JSON report: {e}; {self:?}"))
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.out).expect("output is UTF-8")
    }
}

/// Runs the program with these arguments.
pub(crate) fn run<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Ran {
    Ran::of(
        program()
            .args(arguments)
            .output()
            .expect("the program starts"),
    )
}

/// Runs the program with a file as its standard input.
pub(crate) fn run_on_stdin(file: &Path, arguments: &[&str]) -> Ran {
    let stdin = fs::File::open(file).expect("the fixture opens");
    Ran::of(
        program()
            .args(arguments)
            .stdin(stdin)
            .output()
            .expect("the program starts"),
    )
}

/// Judges a capture and returns exit code and report.
pub(crate) fn check(capture: &Path, options: &[&str]) -> (i32, Value) {
    let mut command = program();
    let ran = Ran::of(
        command
            .args(["check", "-o", "json"])
            .args(options)
            .arg(capture)
            .output()
            .expect("starts"),
    );
    assert_eq!(ran.err, "", "{}", capture.display());
    (ran.code, ran.report())
}

/// Judges a capture inside this process: fast enough for hundreds of captures. `Err` is what would
/// be exit code 2.
pub(crate) fn check_here(
    capture: &Path,
    options: &[&str],
    scratch: &Path,
) -> Result<(u8, Value), String> {
    let target = scratch.join("report.json");
    let mut arguments = vec!["drone-audit".to_owned(), "check".to_owned()];
    arguments.extend(options.iter().map(|o| (*o).to_owned()));
    arguments.push(format!("--output=json={}", target.display()));
    arguments.push(capture.display().to_string());
    let cli = drone_audit::parse(arguments).map_err(|e| format!("{e:?}"))?;
    let code = drone_audit::run(&cli).map_err(|e| e.to_string())?;
    let report = fs::read(&target).expect("the report was written");
    fs::remove_file(&target).expect("the report can be removed");
    Ok((
        code,
        serde_json::from_slice(&report).expect("the report is JSON"),
    ))
}

/// The ids in a list of objects, in order, without repeats.
pub(crate) fn ids(list: &Value) -> Vec<&str> {
    let mut out = Vec::new();
    for item in list.as_array().expect("a list") {
        let id = item["id"].as_str().expect("an id");
        if !out.contains(&id) {
            out.push(id);
        }
    }
    out
}

/// Ids of the reasons of the first claim.
pub(crate) fn reasons(report: &Value) -> Vec<&str> {
    ids(&report["claims"][0]["reasons"])
}

/// Ids of the gaps.
pub(crate) fn gaps(report: &Value) -> Vec<&str> {
    ids(&report["coverage"]["gaps"])
}

/// The only destination of a report.
pub(crate) fn destination(report: &Value) -> &Value {
    match report["destinations"].as_array().map(Vec::as_slice) {
        Some([only]) => only,
        other => panic!("not one destination: {other:#?}"),
    }
}

/// The destination of a report under this name.
pub(crate) fn destination_of<'r>(report: &'r Value, host: &str) -> &'r Value {
    let mut all = report["destinations"].as_array().expect("a list").iter();
    all.find(|d| d["host"] == host)
        .unwrap_or_else(|| panic!("no destination {host}"))
}

/// Packets per scope, summed over the inputs.
pub(crate) fn accounted(report: &Value, scope: &str) -> u64 {
    let inputs = report["inputs"].as_array().expect("inputs");
    inputs
        .iter()
        .map(|i| i["accounting"][scope].as_u64().expect("a count"))
        .sum()
}

/// Every packet is in exactly one scope, for every input (contract, "Scope of a packet").
pub(crate) fn assert_adds_up(report: &Value) {
    for input in report["inputs"].as_array().expect("inputs") {
        let scopes = input["accounting"].as_object().expect("scopes");
        assert_eq!(scopes.len(), 5, "{input:#}");
        let sum: u64 = scopes.values().map(|n| n.as_u64().expect("a count")).sum();
        assert_eq!(input["packets"].as_u64(), Some(sum), "{input:#}");
    }
    for (scope, drawn, counted) in drawn(report) {
        assert!(drawn <= counted, "{scope}: {drawn} of {counted} in slots");
    }
}

/// Packets per scope in the slots of the time line, and all of them. A packet without a time is in
/// no slot.
pub(crate) fn drawn(report: &Value) -> impl Iterator<Item = (&'static str, u64, u64)> {
    let slots = report["timeline"]["slots"].as_array().expect("slots");
    ["local", "internet", "relayed", "not_ip", "unreadable"]
        .map(|scope| {
            let drawn = slots.iter().map(|s| s[scope].as_u64().expect("a count"));
            (scope, drawn.sum(), accounted(report, scope))
        })
        .into_iter()
}
