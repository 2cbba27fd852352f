//! `--counters`: what the recorder said of lost packets, beside the capture.

use crate::support::craft::Capture;
use crate::support::{Ran, gaps, reasons, run};
use serde_json::{Value, json};
use std::path::PathBuf;
use tempfile::TempDir;

/// Runs a command on an honest flight, whose recorder said this.
fn told(command: &str, text: &str) -> Ran {
    let scratch = TempDir::new().expect("a scratch folder");
    let mut capture = Capture::new();
    capture.flight(0, 70);
    let path = capture.save(scratch.path());
    let beside = scratch.path().join("flight.log");
    let text = text.replace("ALL", &capture.packets.to_string());
    std::fs::write(&beside, text).expect("the text can be written");
    let arguments = [command, "-o", "json", "--counters"].map(PathBuf::from);
    run(arguments.into_iter().chain([beside, path]))
}

fn tcpdump(captured: &str, dropped: u32) -> String {
    format!(
        "tcpdump: listening on wlan0, link-type EN10MB (Ethernet), snapshot length 262144 bytes\n\
         {captured} packets captured\n50 packets received by filter\n{dropped} packets dropped by kernel\n"
    )
}

fn notes(report: &Value) -> usize {
    let limits = report["limits"].as_array().expect("limits").iter();
    let of = limits.filter(|l| l.as_str().is_some_and(|l| l.contains("flight.log")));
    of.count()
}

#[test]
fn no_loss_is_known_then_and_a_loss_forbids_consistent() {
    let ran = told("check", &tcpdump("ALL", 0));
    let report = ran.report();
    assert_eq!((ran.code, gaps(&report)), (0, vec![]), "{report:#}");
    assert_eq!(report["inputs"][0]["dropped"], 0);
    assert_eq!(notes(&report), 1);

    let ran = told("check", &tcpdump("ALL", 12));
    let report = ran.report();
    assert_eq!((ran.code, reasons(&report)), (3, vec!["kernel-drops"]));
    assert_eq!(gaps(&report), ["kernel-drops"]);
    let gap = &report["coverage"]["gaps"][0];
    assert_eq!((&gap["count"], &gap["input"]), (&json!(12), &json!(0)));
    let text = gap["text"].as_str().expect("a text");
    assert!(text.contains("12 dropped by the kernel"), "{text}");
    assert_eq!(report["inputs"][0]["dropped"], 12);

    let fit = told("fitness", &tcpdump("ALL", 0));
    assert_eq!((fit.code, fit.report()["gaps"].clone()), (0, json!([])));
    let unfit = told("fitness", &tcpdump("ALL", 1));
    assert_eq!(unfit.code, 3);
    assert_eq!(unfit.report()["gaps"][0]["id"], "kernel-drops");
}

#[test]
fn a_text_that_counts_other_packets_clears_nothing() {
    let ran = told("check", &tcpdump("7", 0));
    let report = ran.report();
    assert_eq!((ran.code, gaps(&report)), (0, vec!["drops-unknown"]));
    assert_eq!(report["inputs"][0]["dropped"], Value::Null);
    assert_eq!(notes(&report), 2);
    // But what it counts as lost is told all the same.
    let ran = told("check", &tcpdump("7", 3));
    assert_eq!(
        (ran.code, reasons(&ran.report())),
        (3, vec!["kernel-drops"])
    );
}

#[test]
fn a_text_without_counters_or_without_a_capture_is_an_error() {
    for text in ["", "10 packets captured\n", &tcpdump("ALL", 0).repeat(2)] {
        let ran = told("check", text);
        assert_eq!((ran.code, ran.out.len()), (2, 0), "{text}");
        assert_eq!(ran.err.lines().count(), 1, "{}", ran.err);
    }
    let two = ["honest-flight.pcap", "unexplained-session.pcap"];
    let given = |counters: &str| run(["check", "--counters", counters].into_iter().chain(two));
    let unassigned = given("README.md");
    assert_eq!(unassigned.code, 2);
    assert!(
        unassigned.err.contains("CAPTURE=FILE"),
        "{}",
        unassigned.err
    );
    let missing = given("honest-flight.pcap=no-such.log");
    assert_eq!(missing.code, 2);
    assert!(missing.err.contains("no-such.log"), "{}", missing.err);
}

#[test]
fn each_of_several_captures_has_its_own_text() {
    let scratch = TempDir::new().expect("a scratch folder");
    let beside = scratch.path().join("second.log");
    std::fs::write(&beside, "4 packets dropped by kernel\n").expect("the text can be written");
    let counters = format!("unexplained-session.pcap={}", beside.display());
    let captures = ["honest-flight.pcap", "unexplained-session.pcap"];
    for each in [&["--each"][..], &[]] {
        let options = ["check", "-o", "json", "--counters", counters.as_str()];
        let ran = run(options.iter().chain(each).copied().chain(captures));
        let dropped: Vec<(Value, Value)> = ran.report()["inputs"]
            .as_array()
            .expect("inputs")
            .iter()
            .map(|i| (i["path"].clone(), i["dropped"].clone()))
            .collect();
        assert!(dropped.contains(&("honest-flight.pcap".into(), Value::Null)));
        assert!(dropped.contains(&("unexplained-session.pcap".into(), 4.into())));
    }
}
