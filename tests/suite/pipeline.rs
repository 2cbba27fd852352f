//! What pipelines use of this repository: the GitHub action and the hook for case files. The shell
//! part of the action runs here as a runner would run it.

use crate::support::{fixtures, run};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// A step of a job.
struct Step {
    code: i32,
    said: String,
    summary: String,
    outputs: String,
    sarif: Option<String>,
}

fn step(inputs: &[(&str, &str)]) -> Step {
    let scratch = TempDir::new().expect("a scratch folder");
    let at = |name: &str| scratch.path().join(name);
    fs::create_dir(at("temp")).expect("a folder");
    let ran = Command::new("bash")
        .arg(root().join(".ci/action"))
        .arg("audit")
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("PROGRAM", env!("CARGO_BIN_EXE_drone-audit"))
        .env("RUNNER_TEMP", at("temp"))
        .env("GITHUB_STEP_SUMMARY", at("summary.md"))
        .env("GITHUB_OUTPUT", at("outputs"))
        .env("SARIF", at("out.sarif"))
        .env("REPORT", at("out.json"))
        .envs(inputs.iter().copied())
        .current_dir(fixtures())
        .output()
        .expect("bash");
    assert_eq!(fs::read_dir(at("temp")).expect("the folder").count(), 0);
    let read = |name: &str| fs::read_to_string(at(name)).unwrap_or_default();
    Step {
        code: ran.status.code().expect("no signal"),
        said: String::from_utf8_lossy(&ran.stdout).into_owned()
            + &String::from_utf8_lossy(&ran.stderr),
        summary: read("summary.md"),
        outputs: read("outputs"),
        sarif: fs::read_to_string(at("out.sarif")).ok(),
    }
}

#[test]
fn the_action_passes_verdicts_on() {
    for (capture, code, verdict) in [
        ("tls-vendor-session.pcap", 1, "contradicted"),
        ("honest-flight.pcap", 0, "consistent"),
        ("unexplained-session.pcap", 3, "inconclusive"),
    ] {
        let step = step(&[("CAPTURES", capture)]);
        assert_eq!(step.code, code, "{}", step.said);
        assert_eq!(
            step.outputs,
            format!("exit-code={code}\nverdict={verdict}\n")
        );
        assert!(step.said.starts_with(verdict), "{}", step.said);
        assert_eq!(step.said.contains("::error"), code == 1, "{}", step.said);
        assert!(step.summary.contains(verdict), "{}", step.summary);
        let sarif: serde_json::Value =
            serde_json::from_str(&step.sarif.expect("SARIF")).expect("JSON");
        assert_eq!(sarif["version"], "2.1.0");
    }
}

#[test]
fn the_action_hands_every_input_over_and_runs_none_of_it() {
    let folder = TempDir::new().expect("a scratch folder");
    let hostile = folder.path().join("a flight $(touch owned) `x` \"'.pcap");
    fs::copy(fixtures().join("honest-flight.pcap"), &hostile).expect("a copy");
    let step_of = |inputs: &[(&str, &str)]| step(inputs);
    let hostile = hostile.display().to_string();
    let kept = step_of(&[
        ("CAPTURES", &format!("{hostile}\n\n")),
        ("CLAIMS", "local-data-mode  us-storage\nno-cn-hk-tw"),
        ("ARGS", "--window\n+0/+70\n--allow-inconclusive\n"),
        ("SUMMARY", "false"),
    ]);
    assert_eq!(kept.code, 0, "{}", kept.said);
    assert_eq!(kept.summary, "");
    for claim in ["local-data-mode", "us-storage", "no-cn-hk-tw"] {
        assert!(kept.said.contains(claim), "{}", kept.said);
    }
    assert!(!fixtures().join("owned").exists());

    let pattern = step_of(&[("CAPTURES", "labelled/rotated-two-files_*.pcap")]);
    assert_eq!(pattern.code, 1, "{}", pattern.said);

    for (inputs, named) in [
        (&[("CAPTURES", "no such*.pcap")][..], "no such*.pcap"),
        (&[("CAPTURES", "--exit-zero")], "--exit-zero"),
        (&[("CASE", "no-case.toml")], "no-case.toml"),
        (
            &[("CLAIMS", "*"), ("CAPTURES", "honest-flight.pcap")],
            "--claim *",
        ),
    ] {
        let refused = step_of(inputs);
        assert_eq!(refused.code, 2, "{}", refused.said);
        assert!(refused.said.contains(named), "{}", refused.said);
        assert!(refused.summary.contains("could not do the audit"));
        assert_eq!(refused.outputs, "exit-code=2\nverdict=\n");
        assert!(refused.sarif.is_none());
    }
}

/// Not a reader of YAML: what could drift apart is compared by its text.
#[test]
fn the_action_declares_what_its_script_reads() {
    let action = fs::read_to_string(root().join("action.yml")).expect("action.yml");
    let script = fs::read_to_string(root().join(".ci/action")).expect("the script");
    let (inputs, rest) = action.split_once("\noutputs:\n").expect("outputs");
    let (_, inputs) = inputs.split_once("\ninputs:\n").expect("inputs");
    let declared: Vec<&str> = inputs
        .lines()
        .filter(|l| l.starts_with("  ") && !l.starts_with("   "))
        .filter_map(|l| l.trim().strip_suffix(':'))
        .collect();
    assert!(declared.len() >= 8, "{declared:?}");
    for input in &declared {
        assert!(
            rest.contains(&format!("${{{{ inputs.{input} }}}}")),
            "{input} is not used"
        );
        let variable = input.to_uppercase();
        assert!(
            rest.contains(&format!("        {variable}: ${{{{ inputs.{input} }}}}")),
            "{input}"
        );
        assert!(
            script.contains(&format!("${{{variable}:")),
            "{variable} is not read"
        );
    }
    for used in rest.split("inputs.").skip(1) {
        let name = used.split(' ').next().unwrap_or_default();
        assert!(declared.contains(&name), "{name}");
    }
    // Nothing of a user stands in a script.
    for run in rest.split("run: ").skip(1) {
        assert!(
            !run.lines().next().unwrap_or_default().contains("${{"),
            "{run}"
        );
    }
}

#[test]
fn the_hook_refuses_case_files_that_are_not_in_order() {
    let hooks = fs::read_to_string(root().join(".pre-commit-hooks.yaml")).expect("the hooks");
    assert!(hooks.contains("\n  entry: drone-audit case\n"), "{hooks}");
    let folder = TempDir::new().expect("a scratch folder");
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).expect("it can be written");
        path.display().to_string()
    };
    // The capture is not there: case files are committed, captures often are not.
    let good = file(
        "case.toml",
        "[[captures]]\npath = \"flight.pcap\"\n\n[[claims]]\nid = \"local-data-mode\"\n",
    );
    let typo = file("typo.case.toml", "[[capture]]\npath = \"flight.pcap\"\n");
    let claim = file(
        "claim.case.toml",
        "[[captures]]\npath = \"flight.pcap\"\n\n[[claims]]\nid = \"us-storag\"\n",
    );
    let ran = run(["case", "-q", &good]);
    assert_eq!((ran.code, ran.text(), ran.err.as_str()), (0, "", ""));
    let ran = run(["case", &good]);
    assert_eq!((ran.code, ran.text()), (0, ""));
    assert!(
        ran.err
            .contains("case.toml: in order: 1 capture, 0 windows, 1 claim"),
        "{}",
        ran.err
    );
    let ran = run(["case", "-q", &typo, &good, &claim]);
    assert_eq!(ran.code, 2, "{}", ran.err);
    let lines: Vec<&str> = ran.err.lines().collect();
    assert_eq!(lines.len(), 2, "{}", ran.err);
    assert!(
        lines[0].contains("typo.case.toml:1:") && lines[0].contains("did you mean 'captures'?")
    );
    assert!(lines[1].contains("claim.case.toml:5:"), "{}", lines[1]);
    assert!(
        lines[1].contains("did you mean 'us-storage'?"),
        "{}",
        lines[1]
    );
    assert!(!Path::new(&format!("{good}.out")).exists());
}
