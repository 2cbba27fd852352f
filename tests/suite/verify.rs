//! `verify`: whether a report reproduces.

use crate::support::{Ran, fixtures, program, run};
use drone_audit::parts::digest_of_value;
use serde_json::Value;
use std::fs;
use std::path::Path;

fn text(path: &Path) -> String {
    path.display().to_string()
}

/// Audits among the fixtures, and keeps the report.
fn report(arguments: &[&str], path: &Path) {
    let output = format!("json={}", text(path));
    let ran = run([&["check", "-q", "-o", &output], arguments].concat());
    assert!(ran.code != 2, "{}", ran.err);
}

fn verify(arguments: &[&str]) -> Ran {
    run([&["verify"], arguments].concat())
}

/// Changes a report and gives it the digest of what it then says.
fn change(path: &Path, change: impl FnOnce(&mut Value)) {
    let mut value: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    change(&mut value);
    value["digest"] = digest_of_value(&mut value.clone()).into();
    fs::write(path, value.to_string()).unwrap();
}

#[test]
fn a_report_reproduces_wherever_its_files_lie() {
    let scratch = tempfile::tempdir().expect("a folder");
    let path = scratch.path().join("report.json");
    let leaking = "examples/mode-on-leaking/case.toml";
    let cases: [&[&str]; 8] = [
        &["tls-vendor-session.pcap"],
        &[
            "--window",
            "+60/+150",
            "labelled/window-old-flow-new-payload.pcap",
        ],
        &[
            "--device",
            "192.168.2.20",
            "--claim",
            "all",
            "--exit-zero",
            "labelled/device-lease-changed.pcap",
        ],
        &[
            "--each",
            "labelled/each-clean-and-dirty_1.pcap",
            "labelled/each-clean-and-dirty_2.pcap",
        ],
        &[
            "labelled/rotated-two-files_2.pcap",
            "labelled/rotated-two-files_1.pcap",
        ],
        &[
            "--baseline",
            "honest-flight.pcap",
            "tls-vendor-session.pcap",
        ],
        &["--redact", "tls-vendor-session.pcap"],
        &["--case", leaking],
    ];
    for arguments in cases {
        report(arguments, &path);
        // As it stands, from the folder where it was made.
        let ran = verify(&[&text(&path)]);
        assert_eq!(ran.code, 0, "{arguments:?}: {}{}", ran.text(), ran.err);
        assert!(
            ran.text().contains("report.json: reproduces: digest "),
            "{}",
            ran.text()
        );
        assert_eq!(ran.err, "");
        // Somewhere else, the files in one folder.
        let moved = tempfile::tempdir().expect("a folder");
        for file in arguments
            .iter()
            .filter(|a| a.contains(".pcap") || a.contains(".toml"))
        {
            let file = fixtures().join(file);
            fs::copy(&file, moved.path().join(file.file_name().unwrap())).expect("copied");
        }
        if arguments.contains(&leaking) {
            let folder = fixtures().join("examples/mode-on-leaking");
            for entry in fs::read_dir(folder).unwrap() {
                let file = entry.unwrap().path();
                fs::copy(&file, moved.path().join(file.file_name().unwrap())).expect("copied");
            }
        }
        let there = program()
            .args(["verify", &text(&path), "--root", &text(moved.path())])
            .current_dir("/")
            .output()
            .expect("the program starts");
        let said = String::from_utf8_lossy(&there.stdout).into_owned();
        assert_eq!(
            there.status.code(),
            Some(0),
            "{arguments:?}: {said}{}",
            String::from_utf8_lossy(&there.stderr)
        );
    }
}

#[test]
fn nothing_is_written_that_the_arguments_name() {
    let scratch = tempfile::tempdir().expect("a folder");
    let path = scratch.path().join("report.json");
    let page = scratch.path().join("page.html");
    report(
        &[
            "-o",
            &format!("html={}", text(&page)),
            "tls-vendor-session.pcap",
        ],
        &path,
    );
    fs::remove_file(&page).expect("removed");
    let before = fs::read(&path).expect("the report");
    assert_eq!(verify(&[&text(&path)]).code, 0);
    assert!(!page.exists());
    assert_eq!(fs::read(&path).expect("the report"), before);
}

#[test]
fn differences_are_named_and_their_likeliest_cause_first() {
    let scratch = tempfile::tempdir().expect("a folder");
    let path = scratch.path().join("report.json");
    let name = text(&path);
    let differs = |said: &[&str]| {
        let ran = verify(&[&name]);
        assert_eq!(ran.code, 1, "{}{}", ran.text(), ran.err);
        let lines: Vec<&str> = ran.text().lines().collect();
        assert_eq!(lines.len(), said.len(), "{lines:#?}");
        for (line, said) in lines.iter().zip(said) {
            assert!(
                line.contains("report.json: differs: ") && line.contains(said),
                "{line}"
            );
        }
    };
    report(&["tls-vendor-session.pcap"], &path);
    // Edited by hand, the digest left alone.
    let edited = fs::read_to_string(&path)
        .unwrap()
        .replacen("contradicted", "consistent", 1);
    fs::write(&path, edited).unwrap();
    differs(&["its digest does not match its content"]);

    report(&["tls-vendor-session.pcap"], &path);
    change(&path, |report| report["verdict"] = "consistent".into());
    differs(&["verdict is \"consistent\" in the report and \"contradicted\" here"]);

    report(&["tls-vendor-session.pcap"], &path);
    change(&path, |report| report["tool"]["version"] = "0.0.9".into());
    let version = "another version of the program: tool.version is \"0.0.9\" in the report";
    differs(&[version, "only what it was made with"]);
    change(&path, |report| {
        report["tool"]["geo"][0]["sha256"] = "00".into();
        report["findings"][0]["stage"] = "lookup".into();
    });
    differs(&[version, "findings[0].stage is \"lookup\""]);
    change(&path, |report| {
        report["tool"]["version"] = env!("CARGO_PKG_VERSION").into()
    });
    differs(&[
        "another address database: tool.geo[0].sha256",
        "findings[0].stage",
    ]);

    // Arguments stand outside the digest: other ones are found out by what they lead to.
    report(&["tls-vendor-session.pcap"], &path);
    change(&path, |report| {
        let arguments = report["run"]["arguments"].as_array_mut().unwrap();
        arguments.push("--exit-zero".into());
    });
    differs(&["scope.softened[0] is nothing in the report and \"--exit-zero\" here"]);
}

#[test]
fn what_cannot_be_run_again_says_why() {
    let scratch = tempfile::tempdir().expect("a folder");
    let path = scratch.path().join("report.json");
    let capture = scratch.path().join("flight.pcap");
    fs::copy(fixtures().join("tls-vendor-session.pcap"), &capture).expect("copied");
    let cannot = |said: &str| {
        let ran = verify(&[&text(&path)]);
        assert_eq!((ran.code, ran.text()), (2, ""), "{}", ran.err);
        assert!(
            ran.err.contains(said) && ran.err.lines().count() == 1,
            "{}",
            ran.err
        );
    };
    report(&["--no-hash", &text(&capture)], &path);
    cannot("was made with --no-hash");
    report(&[&text(&capture)], &path);
    let whole = fs::read(&path).unwrap();
    for (arguments, said) in [
        (
            vec!["flows".to_owned(), text(&capture)],
            "not those of the command check",
        ),
        (
            vec!["check".into(), "--frobnicate".into()],
            "cannot be read",
        ),
        (vec!["check".into(), "/etc/passwd".into()], "holds no hash"),
    ] {
        change(&path, |report| {
            report["run"]["arguments"] = arguments.into()
        });
        cannot(said);
    }
    change(&path, |report| {
        report["inputs"][0]["path"] = "../../../etc/passwd".into()
    });
    cannot("is not found");
    fs::write(&path, whole).unwrap();
    let mut edited = fs::read(&capture).unwrap();
    *edited.last_mut().unwrap() ^= 1;
    fs::write(&capture, edited).unwrap();
    let ran = verify(&[&text(&path)]);
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert!(
        ran.text().contains("inputs[0].sha256 is "),
        "{}",
        ran.text()
    );
    fs::remove_file(&capture).unwrap();
    cannot("flight.pcap: the capture is not found");
    fs::write(&path, "{}").unwrap();
    cannot("no report");
}

#[test]
fn a_redacted_report_is_checked_with_what_its_labels_stand_for() {
    let scratch = tempfile::tempdir().expect("a folder");
    let path = scratch.path().join("report.json");
    let capture = "labelled/device-declared-unknown-host.pcap";
    report(&["--redact", "--device", "192.168.2.20", capture], &path);
    let ran = verify(&[&text(&path)]);
    assert_eq!(ran.code, 2, "{}", ran.text());
    assert!(ran.err.contains("--label"), "{}", ran.err);
    let value: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let label = value["scope"]["device"]["declared"][0].as_str().unwrap();
    let right = verify(&[&text(&path), "--label", &format!("{label}=192.168.2.20")]);
    assert_eq!(right.code, 0, "{}{}", right.text(), right.err);
    let wrong = verify(&[&text(&path), "--label", &format!("{label}=192.168.2.21")]);
    assert_eq!(wrong.code, 1, "{}{}", wrong.text(), wrong.err);
}
