//! `explain`: guides, and a text for whatever a report says.

use crate::support::{fixtures, program, run};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;

#[test]
fn without_an_id_the_list_is_printed_by_kind() {
    let ran = run(["explain"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    let list = ran.text();
    let at = |part: &str| {
        list.find(part)
            .unwrap_or_else(|| panic!("no {part} in\n{list}"))
    };
    let order = [
        "Guides\n",
        "  threat-model ",
        "Claims\n",
        "  local-data-mode ",
        "  us-storage ",
        "Rules and reasons\n",
        "  vendor-contact ",
        "Gaps\n",
        "  no-app-activity ",
        "  edited-file ",
        "Attributions",
        "Recording recipes\n",
        "  recipe-usb ",
        "'drone-audit explain ID'",
    ];
    assert!(order.is_sorted_by_key(|part| at(part)), "{list}");
    assert!(list.lines().all(|line| line.chars().count() <= 80));
}

#[test]
fn an_id_gives_its_text_at_the_width_that_was_asked_for() {
    for (id, parts) in [
        (
            "local-data-mode",
            &[
                "local-data-mode (claim)\n",
                "Statement: Local Data Mode stops all internet traffic",
                "\nContradicted by\n",
                "\nNot contradicted by\n",
                "\nWhat a capture must contain\n",
                "\nKnown ways to be wrong\n",
                "\nReferences\n",
                "github.com/dji-sdk/Mobile-SDK-iOS/issues/249",
            ][..],
        ),
        (
            "guide",
            &[
                "guide (guide)\n",
                "\nExit codes of check\n  code  meaning\n  ----  ---",
                "\n    drone-audit fitness --window +60/+660 flight.pcapng\n",
            ],
        ),
        (
            "no-personal-data",
            &["No personal data leaves in readable form"],
        ),
        (
            "kernel-drops",
            &["Forbids `consistent`: yes", "\nIn the next recording\n"],
        ),
        ("drops-unknown", &["Forbids `consistent`: no."]),
        ("vendor", &["such traffic contradicts."]),
        ("shared", &["is suspect: inconclusive"]),
        (
            "unknown",
            &[
                "unknown (attribution)\n",
                "\n\nunknown (confidence in a country)\n",
            ],
        ),
        ("vendor-geofence", &["vendor-geofence (role of a host)\n"]),
        (
            "recipe-android",
            &[
                "\nWhat it cannot see\n",
                "\n    adb shell am start -e action start -e pcap_dump_mode pcap_file \\\n",
            ],
        ),
    ] {
        let ran = run(["explain", id]);
        assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{id}");
        for part in parts {
            assert!(
                ran.text().contains(part),
                "{id}: no {part} in\n{}",
                ran.text()
            );
        }
        assert!(
            ran.text().lines().all(|line| line.chars().count() <= 80),
            "{id}"
        );
    }
    let narrow = program()
        .args(["explain", "local-data-mode"])
        .env("COLUMNS", "50")
        .output()
        .expect("starts");
    let narrow = String::from_utf8(narrow.stdout).expect("UTF-8");
    let longest = narrow.lines().map(|line| line.chars().count()).max();
    assert!(longest.is_some_and(|n| n <= 50 && n > 40), "{narrow}");
}

#[test]
fn an_unknown_id_is_one_line_with_what_was_perhaps_meant() {
    for (id, meant) in [
        ("kernel-drop", "(did you mean 'kernel-drops'?)"),
        ("Too-Short", "(did you mean 'too-short'?)"),
        ("drops", "(did you mean 'drops-unknown' or 'kernel-drops'?)"),
        (
            "no\nsuch\u{1b}[2Jthing at all",
            "('drone-audit explain' lists them)",
        ),
    ] {
        let ran = run(["explain", id]);
        assert_eq!((ran.code, ran.out.len()), (2, 0), "{ran:?}");
        assert_eq!(ran.err.lines().count(), 1, "{ran:?}");
        assert!(
            ran.err.starts_with("drone-audit: error: explain "),
            "{ran:?}"
        );
        assert!(ran.err.trim_end().ends_with(meant), "{ran:?}");
        assert!(!ran.err.trim_end().contains(char::is_control), "{ran:?}");
    }
}

/// Every id that stands in a field of a report, with the field.
fn ids(report: &Value, out: &mut BTreeSet<(String, String)>) {
    const FIELDS: [&str; 11] = [
        "rule",
        "verdict",
        "attribution",
        "stage",
        "confidence",
        "scope",
        "host_source",
        "country_confidence",
        "role",
        "says",
        "maker_kind",
    ];
    match report {
        Value::Array(items) => items.iter().for_each(|item| ids(item, out)),
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::String(id) if FIELDS.contains(&name.as_str()) => {
                        out.insert((name.clone(), id.clone()));
                    }
                    _ => {}
                }
                if matches!(name.as_str(), "reasons" | "gaps" | "claims")
                    && let Some(list) = value.as_array()
                {
                    let named = list.iter().filter_map(|one| one["id"].as_str());
                    out.extend(named.map(|id| (name.clone(), id.to_owned())));
                }
                if name == "accounting"
                    && let Some(scopes) = value.as_object()
                {
                    out.extend(scopes.keys().map(|id| (name.clone(), id.clone())));
                }
                // There `attribution` is whom to name for the data.
                if name != "tool" {
                    ids(value, out);
                }
            }
        }
        _ => {}
    }
}

#[test]
fn whatever_the_reports_of_the_fixtures_say_can_be_explained() {
    let cases = fs::read_to_string(fixtures().join("cases.jsonl")).expect("the cases");
    let scratch = tempfile::TempDir::new().expect("a scratch folder");
    let mut met = BTreeSet::new();
    for case in cases.lines() {
        let case: Value = serde_json::from_str(case).expect("a case");
        let Some([file]) = case["files"].as_array().map(Vec::as_slice) else {
            continue;
        };
        let file = fixtures().join(file.as_str().expect("a name"));
        let options: Vec<&str> = case["args"]
            .as_array()
            .expect("options")
            .iter()
            .filter_map(Value::as_str)
            .collect();
        if let Ok((_, report)) = crate::support::check_here(&file, &options, scratch.path()) {
            ids(&report, &mut met);
        }
    }
    assert!(met.len() > 60, "{}", met.len());
    let library = drone_audit::parts::library().expect("the texts can be read");
    for (field, id) in &met {
        assert!(
            library.find(id).is_ok(),
            "a report says {field} '{id}', and no text explains it"
        );
    }
}

/// The guide to recording leads to every recipe, so that none is found by chance only.
#[test]
fn the_guide_to_recording_names_every_recipe() {
    let guide = run(["explain", "recording"]);
    let list = run(["explain"]);
    let (_, recipes) = list
        .text()
        .split_once("Recording recipes\n")
        .expect("the recipes");
    let ids: Vec<&str> = recipes
        .lines()
        .filter_map(|line| line.strip_prefix("  recipe-")?.split(' ').next())
        .collect();
    assert!(ids.len() >= 6, "{ids:?}");
    for id in ids {
        assert!(guide.text().contains(&format!("`recipe-{id}`")), "{id}");
    }
}
