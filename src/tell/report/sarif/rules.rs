//! The rules of the log: every rule, reason and gap that the program explains, always all of them
//! and in the same order, as rules should differ between logs only when the program does.

use crate::tell::explain::{Block, Entry, IdKind, library, markdown, plain};
use crate::tell::report::v1::Report;
use crate::tell::report::weight::sessions;
use serde_json::{Value, json};

/// Characters of a description that GitHub keeps.
const DESCRIPTION_MAX: usize = 1_024;
/// Columns of help as plain text.
const HELP_WIDTH: usize = 100;

/// What a result of a rule does to a claim, if nothing softens it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Effect {
    Contradicts,
    Opens,
    Describes,
}

impl Effect {
    fn level(self) -> &'static str {
        match self {
            Self::Contradicts => "error",
            Self::Opens => "warning",
            Self::Describes => "note",
        }
    }

    /// A rank on GitHub's scale: high, medium, low. From 7.0 on a check fails by default, which is
    /// what exit code 1 is.
    fn severity(self) -> &'static str {
        match self {
            Self::Contradicts => "8.0",
            Self::Opens => "5.0",
            Self::Describes => "2.0",
        }
    }
}

/// The rules, each with its id.
pub(super) struct Rules(Vec<(String, Value)>);

impl Rules {
    /// All rules that are explained, then those of this report that are not.
    pub(super) fn of(report: &Report) -> Self {
        let mut rules = Self(Vec::new());
        let entries = library().map(|texts| texts.entries()).unwrap_or_default();
        for entry in entries {
            let effect = match entry.kind {
                IdKind::Rule => of_rule(entry),
                IdKind::Gap if forbids(entry) => Effect::Opens,
                IdKind::Gap => Effect::Describes,
                _ => continue,
            };
            rules.add(&entry.id, || explained(entry, effect));
        }
        for session in sessions(report) {
            let reasons = session.report.claims.iter().flat_map(|c| &c.reasons);
            let ids = reasons.map(|r| &r.id);
            let ids = ids.chain(session.report.findings.iter().map(|f| &f.rule));
            for id in ids {
                rules.add(id, || unexplained(id));
            }
        }
        rules
    }

    fn add(&mut self, id: &str, rule: impl FnOnce() -> Value) {
        if self.index(id).is_none() {
            self.0.push((id.to_owned(), rule()));
        }
    }

    /// Where a rule stands.
    pub(super) fn index(&self, id: &str) -> Option<usize> {
        self.0.iter().position(|(have, _)| have == id)
    }

    /// The `reportingDescriptor` objects.
    pub(super) fn descriptors(&self) -> Vec<&Value> {
        self.0.iter().map(|(_, rule)| rule).collect()
    }
}

/// The text of a rule says itself what it does.
fn of_rule(entry: &Entry) -> Effect {
    let means = paragraph(entry, "means");
    if means.contains("ontradicts.") || means.contains("it contradicts") {
        Effect::Contradicts
    } else {
        Effect::Opens
    }
}

fn forbids(entry: &Entry) -> bool {
    use crate::ground::gaps::GapId;
    GapId::ALL
        .iter()
        .any(|gap| gap.id() == entry.id && gap.blocks())
}

fn paragraph(entry: &Entry, key: &str) -> String {
    let blocks = entry.section(key).map(|s| s.blocks.as_slice());
    let words = blocks
        .unwrap_or_default()
        .iter()
        .find_map(|block| match block {
            Block::Paragraph(words) => Some(words.as_str()),
            _ => None,
        });
    words.unwrap_or(&entry.title).to_owned()
}

fn explained(entry: &Entry, effect: Effect) -> Value {
    let mut help = Vec::new();
    // Writing to memory cannot fail; an empty help would be seen by a test.
    let _ = plain::entries(&[entry], HELP_WIDTH, &mut help);
    let help = String::from_utf8(help).unwrap_or_default();
    let cut = |text: &str| text.chars().take(DESCRIPTION_MAX).collect::<String>();
    json!({
        "id": entry.id,
        "name": name(&entry.id),
        "shortDescription": { "text": cut(&entry.title) },
        "fullDescription": { "text": cut(&paragraph(entry, "means")) },
        "help": { "text": help, "markdown": markdown::entry(entry) },
        "defaultConfiguration": { "level": effect.level() },
        "properties": properties(effect),
    })
}

/// A rule of a report that this program did not write, or of a later claim.
fn unexplained(id: &str) -> Value {
    let says = format!("The rule {id} of the report, which this version does not explain.");
    let says = super::plain(&says);
    json!({
        "id": id,
        "name": name(id),
        "shortDescription": { "text": says },
        "fullDescription": { "text": says },
        "help": { "text": says },
        "defaultConfiguration": { "level": Effect::Opens.level() },
        "properties": properties(Effect::Opens),
    })
}

fn properties(effect: Effect) -> Value {
    json!({
        "tags": ["security", "privacy", "network"],
        "precision": if effect == Effect::Contradicts { "high" } else { "medium" },
        "problem.severity": match effect {
            Effect::Contradicts => "error",
            Effect::Opens => "warning",
            Effect::Describes => "recommendation",
        },
        "security-severity": effect.severity(),
    })
}

/// `vendor-contact` as `VendorContact`: names of rules are in Pascal case (§3.49.7).
fn name(id: &str) -> String {
    let mut out = String::new();
    for word in id.split('-') {
        let mut letters = word.chars();
        out.extend(letters.next().map(|c| c.to_ascii_uppercase()));
        out.push_str(letters.as_str());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rules_that_contradict_are_those_of_the_contract() {
        let texts = library().unwrap().entries().iter();
        let rules = texts.filter(|e| e.kind == IdKind::Rule);
        let contradicting: Vec<&str> = rules
            .filter(|e| of_rule(e) == Effect::Contradicts)
            .map(|e| e.id.as_str())
            .collect();
        for id in [
            "app-contact",
            "app-lookup",
            "vendor-contact",
            "vendor-lookup",
        ] {
            assert!(contradicting.contains(&id), "{id}");
        }
        for id in [
            "unattributed-internet",
            "no-upload-seen",
            "upload-unsure",
            "place-unsure",
            "payload-unread",
            "not-testable",
        ] {
            assert!(!contradicting.contains(&id), "{id}");
        }
    }
}
