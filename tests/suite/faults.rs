//! What goes wrong around a run: no room, no memory, a folder that takes nothing, an input that changes while it is read, a poor
//! environment. Right exit code, one line that says it, nothing half-written, and never an all-clear. Signals and the limit on the size of
//! one file of a report: `interrupted.rs`; closed pipes: `cli.rs`.

use crate::support::{fixtures, program, run};
use serde_json::Value;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

/// Runs the program by a line of the shell: `$0` is the program, `$1` a folder of its own.
fn by_shell(line: &str, folder: &Path) -> Output {
    Command::new("sh")
        .args(["-c", line, env!("CARGO_BIN_EXE_drone-audit")])
        .arg(folder)
        .env("TMPDIR", folder)
        .current_dir(fixtures())
        .stdin(Stdio::null())
        .output()
        .expect("a shell")
}

/// Files at any depth.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut out = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        match path.is_dir() {
            true => out.extend(files(&path)),
            false => out.push(path),
        }
    }
    out
}

fn assert_one_line(ran: &Output, what: &str) {
    let told = String::from_utf8_lossy(&ran.stderr);
    assert_eq!(ran.status.code(), Some(2), "{what}: {told}");
    assert_eq!(told.lines().count(), 1, "{what}: {told}");
    assert!(told.starts_with("drone-audit: error: "), "{what}: {told}");
}

#[test]
fn standard_output_without_room_is_an_error_in_a_line() {
    if !Path::new("/dev/full").exists() {
        return;
    }
    let folder = TempDir::new().expect("a folder");
    for command in [
        "check tls-vendor-session.pcap",
        "check -o json tls-vendor-session.pcap",
        "check -o html tls-vendor-session.pcap",
        "flows lab/mqtt.pcap",
        "diff honest-flight.pcap tls-vendor-session.pcap",
        "explain pipelines",
        "emit completions bash",
        "--help",
        "check --help",
        "--version",
    ] {
        let ran = by_shell(&format!("exec \"$0\" {command} > /dev/full"), folder.path());
        assert_one_line(&ran, command);
        assert_eq!(files(folder.path()), [] as [PathBuf; 0], "{command}");
    }
}

#[test]
fn what_may_not_grow_leaves_no_half_of_anything() {
    for command in [
        "check -q -o tables=\"$1\"/tables tls-vendor-session.pcap",
        "check -q -o json=\"$1\"/report.json -o html=\"$1\"/report.html tls-vendor-session.pcap",
        "extract -q --output=\"$1\"/packets.pcapng lab/mqtt.pcap",
        "check -q - tls-vendor-session.pcap < lab/mqtt.pcap",
        "diff -q - tls-vendor-session.pcap < lab/mqtt.pcap",
    ] {
        let folder = TempDir::new().expect("a folder");
        // One block of 512 bytes. Standard error is a pipe here, which has no such limit.
        let ran = by_shell(
            &format!("ulimit -f 1 && exec \"$0\" {command}"),
            folder.path(),
        );
        assert_one_line(&ran, command);
        assert_eq!(files(folder.path()), [] as [PathBuf; 0], "{command}");
    }
}

#[test]
fn folders_that_take_nothing_are_an_error_in_a_line() {
    // Where nobody may make a file, not even who may do everything else.
    let closed = Path::new("/proc");
    if !closed.join("self").exists() {
        return;
    }
    let folder = TempDir::new().expect("a folder");
    for line in [
        "exec \"$0\" check -q -o json=/proc/report.json tls-vendor-session.pcap",
        "exec \"$0\" check -q -o tables=/proc/tables tls-vendor-session.pcap",
        "exec \"$0\" extract -q --output=/proc/packets.pcapng lab/mqtt.pcap",
        "TMPDIR=/proc exec \"$0\" check -q - tls-vendor-session.pcap < lab/mqtt.pcap",
        "exec \"$0\" check -q - <&-",
    ] {
        let ran = by_shell(line, folder.path());
        assert_one_line(&ran, line);
    }
}

#[test]
#[cfg(target_os = "linux")]
fn little_memory_gives_the_whole_answer_or_none() {
    let whole = run(["check", "-q", "-o", "json", "tls-vendor-session.pcap"]).report();
    let mut answered = 0;
    // KiB of address space, from less than the program itself takes.
    for most in [20_000, 40_000, 80_000, 160_000, 400_000, 1_000_000] {
        let folder = TempDir::new().expect("a folder");
        let line = format!(
            "ulimit -v {most} && exec \"$0\" check -q -o json=\"$1\"/report.json tls-vendor-session.pcap"
        );
        let ran = by_shell(&line, folder.path());
        let left = files(folder.path());
        match ran.status.code() {
            Some(1) => {
                answered += 1;
                let report = fs::read(folder.path().join("report.json")).expect("a report");
                let report: Value = serde_json::from_slice(&report).expect("JSON");
                assert_eq!(report["claims"], whole["claims"], "{most}");
                assert_eq!(left.len(), 1, "{left:?}");
            }
            // Not a verdict: an error, the loader's, or the end that the system made.
            other => {
                assert!(other.is_none_or(|code| code == 2 || code > 3), "{other:?}");
                assert!(!left.iter().any(|f| f.ends_with("report.json")), "{left:?}");
            }
        }
    }
    assert!(answered > 0, "a gigabyte is enough");
}

#[test]
fn pipes_beside_files_are_read_once_and_judged_like_files() {
    let files = by_shell(
        "exec \"$0\" check -q -o json lab/mqtt.pcap tls-vendor-session.pcap",
        Path::new("/"),
    );
    let whole: Value = serde_json::from_slice(&files.stdout).expect("a report");
    let folder = TempDir::new().expect("a folder");
    let pipes = ["one", "other"].map(|name| folder.path().join(name));
    let made = Command::new("mkfifo").args(&pipes).status();
    assert!(made.expect("mkfifo").success());
    let line = "cat lab/mqtt.pcap > \"$1\"/one & cat tls-vendor-session.pcap > \"$1\"/other & \
        exec \"$0\" check -q -o json \"$1\"/one \"$1\"/other";
    let piped = by_shell(line, folder.path());
    let told = String::from_utf8_lossy(&piped.stderr);
    let report: Value =
        serde_json::from_slice(&piped.stdout).unwrap_or_else(|e| panic!("{e}: {told}"));
    assert_eq!(piped.status.code(), files.status.code());
    assert_eq!(report["verdict"], whole["verdict"]);
    let read = |report: &Value| -> Vec<(Value, Value)> {
        let inputs = report["inputs"].as_array().expect("inputs");
        inputs
            .iter()
            .map(|i| (i["sha256"].clone(), i["packets"].clone()))
            .collect()
    };
    assert_eq!(read(&report), read(&whole));
}

/// Runs `check` on a pipe and a file, and changes the file while the pipe is waited for.
fn changed_on_the_way(change: impl FnOnce(&Path)) -> (Option<i32>, Option<Value>, String) {
    let folder = TempDir::new().expect("a folder");
    let [pipe, file] = ["pipe.pcap", "flight.pcap"].map(|name| folder.path().join(name));
    let made = Command::new("mkfifo").arg(&pipe).status();
    assert!(made.expect("mkfifo").success());
    fs::copy(fixtures().join("honest-flight.pcap"), &file).expect("a copy");
    let child = program()
        .args(["check", "-q", "-o", "json"])
        .args([&pipe, &file])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    // Opening it for writing waits for the reader.
    let mut writer = fs::OpenOptions::new()
        .write(true)
        .open(&pipe)
        .expect("a reader");
    let flight = fs::read(fixtures().join("honest-flight.pcap")).expect("the fixture");
    let (begin, rest) = flight.split_at(1000);
    writer.write_all(begin).expect("it reads");
    change(&file);
    writer.write_all(rest).expect("it reads");
    drop(writer);
    let ended = child.wait_with_output().expect("it ends");
    (
        ended.status.code(),
        serde_json::from_slice(&ended.stdout).ok(),
        String::from_utf8_lossy(&ended.stderr).into_owned(),
    )
}

#[test]
fn an_input_that_is_cut_while_it_waits_is_no_all_clear() {
    let whole = fs::read(fixtures().join("honest-flight.pcap")).expect("the fixture");
    // Where a record ends, nothing would show that others followed.
    for left in [0, 10, 30, whole.len() / 2 + 1, whole.len() - 1] {
        let (code, report, told) = changed_on_the_way(|file| {
            fs::OpenOptions::new()
                .write(true)
                .open(file)
                .and_then(|f| f.set_len(left as u64))
                .expect("it is cut");
        });
        match code {
            Some(2) => assert_eq!(told.lines().count(), 1, "{left}: {told}"),
            code => {
                let report = report.expect("a report");
                let gaps = report["coverage"]["gaps"].as_array().expect("gaps");
                let cut = gaps
                    .iter()
                    .find(|gap| gap["id"] == "truncated-file" || gap["id"] == "damaged-file");
                let cut = cut.unwrap_or_else(|| panic!("{left} bytes left: {gaps:#?}"));
                // What is missing may stand in the other capture of the same minutes.
                assert!(
                    code == Some(3) || (code == Some(0) && !cut["covered_by"].is_null()),
                    "{left} bytes left: {gaps:#?}"
                );
            }
        }
    }
}

#[test]
fn an_input_that_is_replaced_while_it_waits_is_judged_as_what_was_read() {
    let other = fs::read(fixtures().join("tls-vendor-session.pcap")).expect("the fixture");
    let (code, report, told) =
        changed_on_the_way(|file| fs::write(file, &other).expect("it is replaced"));
    let report = report.unwrap_or_else(|| panic!("a report: {code:?} {told}"));
    let inputs = report["inputs"].as_array().expect("inputs");
    let read = inputs
        .iter()
        .find(|i| {
            i["name"]
                .as_str()
                .or(i["path"].as_str())
                .is_some_and(|n| n.ends_with("flight.pcap"))
        })
        .unwrap_or_else(|| panic!("the file: {inputs:#?}"));
    // The hash is that of the bytes that were judged.
    let known = |name: &str| {
        let alone = run(["check", "-q", "-o", "json", name]).report();
        (
            alone["inputs"][0]["sha256"].clone(),
            alone["inputs"][0]["packets"].clone(),
        )
    };
    let now = (read["sha256"].clone(), read["packets"].clone());
    let (before, after) = (
        known("honest-flight.pcap"),
        known("tls-vendor-session.pcap"),
    );
    assert!(now == before || now == after, "{now:?}");
    assert_eq!(code, Some(if now == after { 1 } else { 0 }));
}

#[test]
fn no_language_no_terminal_and_no_home_change_nothing() {
    let said = |variables: &[(&str, &str)]| {
        let ran = program()
            .args(["check", "labelled/claim-personal-json-clear.pcap"])
            .envs(variables.iter().copied())
            .output()
            .expect("the program starts");
        (ran.status.code(), ran.stdout, ran.stderr)
    };
    let plain = said(&[]);
    for variables in [
        &[("LANG", "C")][..],
        &[("LC_ALL", "C"), ("LANG", "C")],
        &[("LC_ALL", "POSIX"), ("TERM", "dumb")],
        &[("LC_ALL", "no-such-language"), ("TERM", "no-such-terminal")],
        &[("HOME", "/nowhere"), ("PATH", ""), ("TMPDIR", "/nowhere")],
    ] {
        assert_eq!(said(variables), plain, "{variables:?}");
    }
}
