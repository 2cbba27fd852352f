//! Every id that a report can hold has a text, and the texts say nothing that is not there.

use super::*;
use crate::evidence::content;
use crate::evidence::flow::NameSource;
use crate::evidence::ledger::clocks::ClockKind;
use crate::ground::label::LabelSource;
use crate::ground::vocabulary::Vocabulary;
use crate::judge::classify::subject::Labelled;
use crate::judge::identity::oui::MakerKind;
use crate::judge::{claim, classify, locate};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

fn texts() -> &'static Library {
    library().unwrap()
}

fn has(kind: IdKind, id: &str) -> bool {
    texts()
        .entries()
        .iter()
        .any(|e| e.kind == kind && e.id == id)
}

#[track_caller]
fn assert_has(kind: IdKind, id: &str) {
    assert!(
        has(kind, id),
        "no text for the {} '{id}': add it to src/tell/explain/texts/",
        kind.word()
    );
}

/// Every word of a vocabulary has a text.
fn assert_all<V: Vocabulary>(kind: IdKind) {
    for one in V::EVERY {
        assert_has(kind, one.word());
    }
}

#[test]
fn every_id_of_the_code_has_a_text() {
    for claim in shipped() {
        assert_has(IdKind::Claim, &claim.id);
    }
    for role in roles() {
        assert_has(IdKind::Role, role.id);
    }
    for one in Attribution::ALL {
        assert!(ATTRIBUTIONS.contains(one), "{one:?}");
    }
    assert_all::<GapId>(IdKind::Gap);
    assert_all::<Attribution>(IdKind::Attribution);
    assert_all::<classify::Stage>(IdKind::Stage);
    assert_all::<classify::Scope>(IdKind::Scope);
    assert_all::<claim::Verdict>(IdKind::Verdict);
    assert_all::<claim::Confidence>(IdKind::Confidence);
    assert_all::<locate::Confidence>(IdKind::Place);
    assert_all::<NameSource>(IdKind::HostSource);
    assert_all::<MakerKind>(IdKind::Maker);
    assert_all::<content::Kind>(IdKind::Datum);
    assert_all::<ClockKind>(IdKind::Clock);
    assert_all::<claim::baseline::BaselineUse>(IdKind::Baseline);
    assert_all::<LabelSource>(IdKind::Label);
    assert_all::<Labelled>(IdKind::Says);
}

#[test]
fn every_id_of_the_contract_and_of_the_model_has_a_text() {
    let contract: [(IdKind, &str); 7] = [
        (IdKind::Says, "subject other unsaid"),
        (
            IdKind::Claim,
            "local-data-mode us-storage no-cn-hk-tw no-unshared-upload no-personal-data",
        ),
        (
            IdKind::Rule,
            "unattributed-internet no-upload-seen upload-unsure place-unsure payload-unread beacon-missing",
        ),
        (IdKind::Scope, "local internet relayed not_ip unreadable"),
        (
            IdKind::HostSource,
            "tls-sni quic-sni dtls-sni http-host http-connect http2-authority socks rtmp rtsp sip xmpp \
             certificate dns none",
        ),
        (IdKind::Place, "agreed conflict anycast single unknown"),
        (
            IdKind::Recipe,
            "recipe-android recipe-ios recipe-controller recipe-wifi recipe-usb",
        ),
    ];
    for (kind, ids) in contract {
        for id in ids.split_whitespace() {
            assert_has(kind, id);
        }
    }
}

/// Words in quotes of two or more parts joined by `-`, as rules and reasons are written.
fn quoted_ids(code: &str) -> BTreeSet<&str> {
    let parts = code.split('"');
    parts.skip(1).step_by(2).filter(|w| is_kebab(w)).collect()
}

fn is_kebab(word: &str) -> bool {
    word.contains('-')
        && word.split('-').all(|part| {
            !part.is_empty()
                && part
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        })
}

/// Rules and reasons are plain words in the claims' code: whatever looks like one needs a text.
#[test]
fn every_rule_and_reason_in_the_code_of_the_claims_has_a_text() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let code: Vec<String> = [
        "src/judge/claim.rs",
        "src/judge/claim/rule.rs",
        "src/judge/claim/agreed.rs",
    ]
    .iter()
    .filter_map(|file| fs::read_to_string(here.join(file)).ok())
    .collect();
    for claim in shipped() {
        for id in claim.rules.iter().flat_map(|rule| rule.id.all()) {
            assert_has(IdKind::Rule, id);
        }
    }
    let mut rules = 0;
    for text in &code {
        for id in quoted_ids(text) {
            assert!(
                has(IdKind::Rule, id) || has(IdKind::Claim, id) || has(IdKind::Gap, id),
                "no text for '{id}': add it to src/tell/explain/texts/rules.md"
            );
            rules += usize::from(has(IdKind::Rule, id));
        }
    }
    assert!(rules >= 5, "{rules}");
}

#[test]
fn no_id_is_there_twice_in_a_kind_and_titles_are_short() {
    let mut met = BTreeSet::new();
    for entry in texts().entries() {
        assert!(met.insert((entry.kind, &entry.id)), "{}", entry.id);
        assert!(entry.title.chars().count() <= 90, "{}: title", entry.id);
        assert!(!entry.title.ends_with('.'), "{}: title", entry.id);
    }
}

#[test]
fn claims_that_ship_are_quoted_as_the_code_quotes_them() {
    for claim in shipped() {
        let entries = texts().find(&claim.id).unwrap();
        let (statement, source) = entries[0].said.clone().unwrap();
        assert_eq!(
            (statement.as_str(), source.as_str()),
            (claim.statement.as_str(), claim.source.as_str())
        );
        assert!(
            !entries[0]
                .facts()
                .iter()
                .any(|f| f.contains("does not judge"))
        );
    }
}

#[test]
fn every_wording_of_a_claim_is_quoted_with_its_source() {
    for claim in shipped() {
        let entries = texts().find(&claim.id).unwrap();
        let facts = entries[0].facts();
        for preset in &claim.presets {
            let wording = format!("Wording `{}`: {} (", preset.name, preset.statement);
            let told = facts.iter().find(|f| f.starts_with(&wording));
            assert!(
                told.is_some_and(|f| f.contains(&preset.source)),
                "{facts:#?}"
            );
        }
    }
}

#[test]
fn what_to_change_is_said_in_one_or_two_sentences() {
    for gap in GapId::ALL {
        let next = texts().next(*gap);
        assert!(next.ends_with('.') && next.len() <= 260, "{next}");
        assert!(next.matches(". ").count() <= 1, "{next}");
        assert_ne!(next, gap.meaning());
    }
}

/// Words in backticks that look like an id are one, or are known to be something else.
#[test]
fn ids_that_texts_name_exist() {
    const NO_IDS: [&str; 8] = [
        "drone-audit",
        "drone-audit-case",
        "drone-audit-case-installed",
        "exec-out",
        "ap-east-1",
        "oss-cn-hangzhou",
        "recipe-",
        "fitness-schema",
    ];
    let known: BTreeSet<&str> = texts().entries().iter().map(|e| e.id.as_str()).collect();
    for entry in texts().entries() {
        let words = entry.sections.iter().flat_map(|s| &s.blocks);
        for block in words {
            let texts: Vec<&String> = match block {
                Block::Paragraph(text) | Block::Item(text) => vec![text],
                Block::Table(rows) => rows.iter().flatten().collect(),
                Block::Code(_) => continue,
            };
            for text in texts {
                assert_eq!(text.matches('`').count() % 2, 0, "{}: {text}", entry.id);
                for word in text.split('`').skip(1).step_by(2) {
                    let id = is_kebab(word) || word.starts_with("recipe-");
                    assert!(
                        !id || known.contains(word) || NO_IDS.contains(&word),
                        "{}: `{word}` is no id",
                        entry.id
                    );
                }
            }
        }
    }
}

/// The guide's tables are whole, and say of gaps what the code does.
#[test]
fn the_guide_lists_every_gap_attribution_stage_and_scope() {
    let guide = texts().find("guide").unwrap();
    let mut rows = BTreeSet::new();
    for block in guide[0].sections.iter().flat_map(|s| &s.blocks) {
        if let Block::Table(table) = block {
            rows.extend(table.iter().map(|r| (r[0].as_str(), r[1].as_str())));
        }
    }
    for gap in GapId::ALL {
        let blocks = if gap.blocks() { "yes" } else { "no" };
        let id = format!("`{}`", gap.id());
        assert!(rows.contains(&(id.as_str(), blocks)), "{id}");
    }
    for entry in texts().entries() {
        let listed = [
            IdKind::Attribution,
            IdKind::Stage,
            IdKind::Scope,
            IdKind::Verdict,
        ];
        let id = format!("`{}`", entry.id);
        assert!(
            !listed.contains(&entry.kind) || rows.iter().any(|(first, _)| *first == id),
            "{id}"
        );
    }
}

#[test]
fn commands_fit_on_a_line_of_eighty_columns() {
    for entry in texts().entries() {
        for block in entry.sections.iter().flat_map(|s| &s.blocks) {
            let Block::Code(lines) = block else { continue };
            for line in lines {
                assert!(line.len() <= 76 && line.is_ascii(), "{}: {line}", entry.id);
            }
        }
    }
}

#[test]
fn running_text_is_wrapped_and_commands_are_not() {
    let all: Vec<&Entry> = texts().entries().iter().collect();
    for width in [1, 40, 60, 80, 200] {
        let mut out = Vec::new();
        plain::entries(&all, width, &mut out).unwrap();
        let mut listed = Vec::new();
        plain::list(texts(), width, &mut listed).unwrap();
        let out = String::from_utf8(out).unwrap();
        let listed = String::from_utf8(listed).unwrap();
        let commands: BTreeSet<&str> = all
            .iter()
            .flat_map(|e| e.sections.iter().flat_map(|s| &s.blocks))
            .filter_map(|b| match b {
                Block::Code(lines) => Some(lines),
                _ => None,
            })
            .flatten()
            .map(String::as_str)
            .collect();
        for line in out.lines().chain(listed.lines()) {
            assert_eq!(line, line.trim_end());
            let fits = crate::ground::text::width(line) <= width.max(40);
            let command = line
                .strip_prefix("    ")
                .is_some_and(|l| commands.contains(l));
            assert!(fits || command, "{width}: {line}");
        }
        for command in commands {
            assert!(out.contains(command), "{command}");
        }
        for entry in &all {
            assert!(listed.contains(&entry.id), "{}", entry.id);
        }
    }
}

#[test]
fn an_entry_as_it_is_printed() {
    let mut out = Vec::new();
    plain::entries(&texts().find("capture-filter").unwrap(), 60, &mut out).unwrap();
    let out = String::from_utf8(out).unwrap();
    assert!(
        out.starts_with(
            "capture-filter (gap)\nThe file records a capture filter\n\n\
             Forbids `consistent`: yes. It never forbids\n  `contradicted`.\n\n\
             What it means\n  What the filter hid is not in the file, whatever it was.\n\n\
             Seen when\n  - A pcapng interface description carries a filter\n    (if_filter).\n\n\
             Not this gap\n  - Labels by app"
        ),
        "{out}"
    );
    assert!(out.contains("\n\nIn the next recording\n  Record without a capture filter;"));
}

#[test]
fn an_unknown_id_is_answered_with_what_was_perhaps_meant() {
    let said = |id: &str| texts().find(id).unwrap_err().to_string();
    assert_eq!(
        said("kernel-drop"),
        "explain kernel-drop: no such id (did you mean 'kernel-drops'?)"
    );
    assert_eq!(
        said("vendor-contract"),
        "explain vendor-contract: no such id (did you mean 'vendor-contact'?)"
    );
    let android = said("android");
    assert!(
        android.contains("'recipe-android'") && android.contains("'android-id'"),
        "{android}"
    );
    assert!(said("Kernel-Drops").ends_with("(did you mean 'kernel-drops'?)"));
    assert!(said("").ends_with("('drone-audit explain' lists them)"));
    assert_eq!(said("\n\u{1b}[2J").lines().count(), 1);
    assert_eq!(texts().find("unknown").unwrap().len(), 3);
}
