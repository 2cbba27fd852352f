//! One TLS session in every wrapping that carries packets: what is said of it is always the same.

use crate::support::{assert_adds_up, check_here, fixtures};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// Where a larger set of wrappings of the same session may be, if not beside the checkout.
const ENV: &str = "DRONE_AUDIT_WRAPPINGS";
const BESIDE: &str = "../shared/captures/lab/link-types";

/// Captures, by the start of their names, whose packets are cut before the name.
const CUT: [&str; 2] = ["drops-filter-snaplen", "isb_drops_filter"];
/// Captures of which nothing can be read.
const PROTECTED: [&str; 2] = ["wifi-protected", "wifi105_protected"];

fn captures(folder: &Path) -> BTreeSet<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    entries.map(|e| e.expect("an entry").path()).collect()
}

/// Says of each capture in a folder whether it tells the session as it was.
fn same_in_each(folder: &Path, at_least: usize) {
    let captures = captures(folder);
    assert!(captures.len() >= at_least, "{}", folder.display());
    let scratch = TempDir::new().expect("a scratch folder");
    for capture in captures {
        let name = capture.file_name().unwrap().to_str().expect("a name");
        let of = |list: &[&str]| list.iter().any(|start| name.starts_with(start));
        let (_, report) = check_here(&capture, &[], scratch.path()).expect("it is a capture");
        assert_adds_up(&report);
        let told: Vec<Value> = report["destinations"]
            .as_array()
            .expect("destinations")
            .iter()
            .map(|d| {
                json!([
                    d["host"],
                    d["ip"],
                    d["port"],
                    d["transport"],
                    d["bytes_out"],
                    d["bytes_in"]
                ])
            })
            .collect();
        let host = if of(&CUT) {
            Value::Null
        } else {
            "flysafe-api.dji.com".into()
        };
        let want = match of(&PROTECTED) {
            true => json!([]),
            false => json!([[host, "203.0.113.11", 443, "tcp", 442, 5786]]),
        };
        assert_eq!(json!(told), want, "{name}");
    }
}

#[test]
fn a_session_is_the_same_in_every_wrapping() {
    same_in_each(&fixtures().join("link"), 34);
}

#[test]
fn so_it_is_in_the_larger_set_where_there_is_one() {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join(BESIDE);
    match std::env::var_os(ENV) {
        Some(folder) => same_in_each(Path::new(&folder), 45),
        None if beside.is_dir() => same_in_each(&beside, 45),
        None => {}
    }
}
