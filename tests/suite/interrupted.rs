//! Signals, and the line that says how far the reading is. Both on the real program, which waits for
//! its standard input.

use crate::support::{fixtures, program};
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};
use tempfile::TempDir;

const SIGNALS: [(&str, i32); 3] = [("INT", 130), ("TERM", 143), ("HUP", 129)];

/// Bytes of a capture that are given before the input stalls: some packets, and half of one.
const BEGIN: usize = 2_000;

fn files_in(folder: &Path) -> usize {
    fs::read_dir(folder).expect("the folder").count()
}

/// Signals that this process was started to ignore (`nohup`, a job in the background of a script) would be
/// ignored by what it starts too. A handler here makes them usual there (signal(7): exec resets what is handled).
fn mind_signals() {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))
        .and_then(|set| u64::from_str_radix(set.trim(), 16).ok())
        .unwrap_or(0);
    for signal in [SIGHUP, SIGINT, SIGTERM] {
        if ignored >> (signal - 1) & 1 == 1 {
            signal_hook::flag::register(signal, Arc::default()).expect("a handler");
        }
    }
}

/// A run with its scratch files in `folder`, waiting for its input.
fn waiting(mut command: Command, folder: &Path) -> Child {
    mind_signals();
    command
        .env("TMPDIR", folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts")
}

/// Waits until the run has a scratch file, which is long after it minds signals.
fn until_a_file_is_there(folder: &Path) {
    let begun = Instant::now();
    while files_in(folder) == 0 {
        assert!(begun.elapsed() < Duration::from_secs(60), "no scratch file");
        sleep(Duration::from_millis(5));
    }
}

fn send(child: &Child, signal: &str) {
    let sent = Command::new("kill")
        .args([&format!("-{signal}"), &child.id().to_string()])
        .status();
    assert!(sent.expect("kill").success());
}

#[test]
fn a_signal_ends_the_run_and_leaves_no_file() {
    let capture = fixtures().join("honest-flight.pcap");
    let begin = &fs::read(&capture).expect("the fixture")[..BEGIN];
    // Beside another input, and as a side of a comparison, standard input is kept in a file.
    let runs: [&[&str]; 2] = [
        &["check", "-", "tls-vendor-session.pcap"],
        &["diff", "-", "tls-vendor-session.pcap"],
    ];
    for (signal, code) in SIGNALS {
        for arguments in runs {
            let scratch = TempDir::new().expect("a scratch folder");
            let [kept, reports] = ["kept", "reports"].map(|name| scratch.path().join(name));
            for folder in [&kept, &reports] {
                fs::create_dir(folder).expect("a folder");
            }
            let report = format!("json={}", reports.join("report.json").display());
            let mut command = program();
            command.args(arguments).args(["-o", &report]);
            let mut child = waiting(command, &kept);
            let mut stdin = child.stdin.take().expect("a pipe");
            stdin.write_all(begin).expect("it reads");
            until_a_file_is_there(&kept);
            send(&child, signal);
            let ended = child.wait_with_output().expect("it ends");
            assert_eq!(ended.status.code(), Some(code), "{signal} {arguments:?}");
            assert_eq!((files_in(&kept), files_in(&reports)), (0, 0), "{signal}");
            assert!(ended.stdout.is_empty() && ended.stderr.is_empty());
        }
    }
}

#[test]
fn a_single_input_that_does_not_end_can_be_interrupted() {
    let scratch = TempDir::new().expect("a scratch folder");
    let pipe = scratch.path().join("pipe");
    let made = Command::new("mkfifo").arg(&pipe).status();
    assert!(made.expect("mkfifo").success());
    let report = format!("json={}", scratch.path().join("report.json").display());
    let mut command = program();
    command.args(["check", "-o", &report]).arg(&pipe);
    let child = waiting(command, scratch.path());
    // Opening it for writing waits for the reader.
    let mut writer = fs::OpenOptions::new()
        .write(true)
        .open(&pipe)
        .expect("a reader");
    let capture = fs::read(fixtures().join("honest-flight.pcap")).expect("the fixture");
    writer.write_all(&capture[..BEGIN]).expect("it reads");
    send(&child, "INT");
    let ended = child.wait_with_output().expect("it ends");
    assert_eq!(ended.status.code(), Some(130));
    assert_eq!(files_in(scratch.path()), 1, "the pipe alone");
}

#[test]
fn a_signal_that_was_ignored_before_stays_ignored() {
    // As `nohup` does it, and as shells do it for jobs in the background of a script.
    if !Path::new("/proc/self/status").exists() {
        return;
    }
    let scratch = TempDir::new().expect("a scratch folder");
    let mut command = Command::new("sh");
    command
        .args(["-c", "trap '' HUP INT; exec \"$0\" \"$@\""])
        .arg(env!("CARGO_BIN_EXE_drone-audit"))
        .args(["check", "-", "tls-vendor-session.pcap"])
        .current_dir(fixtures());
    let mut child = waiting(command, scratch.path());
    let stdin = child.stdin.take().expect("a pipe");
    until_a_file_is_there(scratch.path());
    send(&child, "HUP");
    send(&child, "INT");
    sleep(Duration::from_millis(200));
    assert_eq!(
        child.try_wait().expect("it can be asked"),
        None,
        "it still runs"
    );
    send(&child, "TERM");
    let ended = child.wait_with_output().expect("it ends");
    drop(stdin);
    assert_eq!(ended.status.code(), Some(143));
    assert_eq!(files_in(scratch.path()), 0);
}

/// What is on standard error if the input takes longer than a second.
fn said(options: &[&str]) -> String {
    let scratch = TempDir::new().expect("a scratch folder");
    let mut command = program();
    command.arg("check").args(options).arg("-");
    let mut child = waiting(command, scratch.path());
    let mut stdin = child.stdin.take().expect("a pipe");
    let capture = fs::read(fixtures().join("honest-flight.pcap")).expect("the fixture");
    let (begin, rest) = capture.split_at(BEGIN);
    stdin.write_all(begin).expect("it reads");
    sleep(Duration::from_millis(1_300));
    stdin.write_all(rest).expect("it reads");
    drop(stdin);
    let ended = child.wait_with_output().expect("it ends");
    assert_eq!(ended.status.code(), Some(0));
    assert!(ended.stdout.starts_with(b"consistent"));
    String::from_utf8(ended.stderr).expect("UTF-8")
}

#[test]
fn progress_is_said_where_it_is_asked_for_and_nowhere_else() {
    assert_eq!(said(&[]), "", "standard error is no terminal");
    assert_eq!(said(&["--no-progress"]), "");
    assert_eq!(said(&["--progress", "-q"]), "");
    let asked = said(&["--progress"]);
    assert!(asked.starts_with("drone-audit: reading -: "), "{asked}");
    assert!(
        !asked
            .trim_end()
            .contains(|c: char| c.is_control() && c != '\n')
    );
    assert!(asked.lines().count() <= 2, "{asked}");
}

#[test]
fn a_file_that_may_not_grow_is_an_error_in_a_line() {
    let folder = TempDir::new().expect("a folder");
    let report = folder.path().join("report.json");
    // One block of 512 bytes (POSIX `ulimit -f`): no report fits.
    let script = "ulimit -f 1 && exec \"$0\" check -o \"json=$1\" tls-vendor-session.pcap";
    let ran = Command::new("sh")
        .args(["-c", script, env!("CARGO_BIN_EXE_drone-audit")])
        .arg(&report)
        .current_dir(fixtures())
        .output()
        .expect("a shell");
    let told = String::from_utf8(ran.stderr).expect("UTF-8");
    assert_eq!(ran.status.code(), Some(2), "{told}");
    assert_eq!(told.lines().count(), 1, "{told}");
    assert!(told.contains("report.json"), "{told}");
    assert_eq!(files_in(folder.path()), 0);
}
