//! Texts for an auditor: guides, and what each id of a report means, what raises it, how it can be
//! wrong, and how to record so that silence counts.
//!
//! The texts are data: Markdown under `src/tell/explain/texts/`, one file per kind and one per guide,
//! read by `grammar` and checked against what its kind needs. What the code knows better (whether a gap forbids
//! `consistent`, whether a claim is judged by this version) is said from the code, in
//! [`Entry::facts`].
//!
//! Cannot say whether a text is true. That every id has one, a test does say.

mod grammar;
mod kind;
use crate::ground::near;
pub mod markdown;
pub mod plain;
mod table;
#[cfg(test)]
mod tests;

pub use grammar::{Block, Section};
pub use kind::IdKind;

use crate::ground::error::Error;
use crate::ground::gaps::GapId;
use crate::judge::claim::definition::shipped;
use crate::judge::classify::attribution::Attribution;
use crate::judge::classify::catalog::{Role, RoleAttribution, roles};
use grammar::{Slip, Written};
use std::sync::OnceLock;

/// The text of an id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What the id stands for.
    pub kind: IdKind,
    /// The id.
    pub id: String,
    /// It in a few words.
    pub title: String,
    /// For a gap: what to change in the next recording, in one or two sentences.
    pub next: Option<String>,
    /// For a claim: the sentence that is tested, and who said it.
    pub said: Option<(String, String)>,
    /// The rest.
    pub sections: Vec<Section>,
}

impl Entry {
    /// The section of this key.
    pub fn section(&self, key: &str) -> Option<&Section> {
        self.sections.iter().find(|s| s.key == key)
    }

    /// What the program itself knows of the id, one sentence each.
    pub fn facts(&self) -> Vec<String> {
        match self.kind {
            IdKind::Claim => {
                let mut facts = Vec::new();
                if let Some((statement, source)) = &self.said {
                    facts.push(format!("Statement: {statement}"));
                    facts.push(format!("Source: {source}"));
                }
                match shipped().iter().find(|c| c.id == self.id) {
                    None => facts
                        .push("This version of the program does not judge this claim.".to_owned()),
                    Some(claim) => facts.extend(claim.presets.iter().map(|preset| {
                        format!(
                            "Wording `{}`: {} ({})",
                            preset.name, preset.statement, preset.source
                        )
                    })),
                }
                facts
            }
            IdKind::Gap => {
                let gap = GapId::ALL.iter().find(|g| g.id() == self.id);
                let forbids = match gap.map(|g| g.blocks()) {
                    Some(true) => "Forbids `consistent`: yes. It never forbids `contradicted`.",
                    Some(false) => "Forbids `consistent`: no.",
                    None => return Vec::new(),
                };
                vec![forbids.to_owned()]
            }
            IdKind::Attribution => {
                let whose = ATTRIBUTIONS.iter().find(|a| a.id() == self.id);
                let effect = match whose {
                    Some(a) if a.accuses() => "contradicts",
                    Some(a) if a.is_suspect() => {
                        "is suspect: inconclusive (`unattributed-internet`)"
                    }
                    Some(_) => "is listed, and does not affect the verdict",
                    None => return Vec::new(),
                };
                vec![format!("In `local-data-mode` such traffic {effect}.")]
            }
            _ => Vec::new(),
        }
    }
}

/// Every attribution.
const ATTRIBUTIONS: [Attribution; 8] = [
    Attribution::App,
    Attribution::Vendor,
    Attribution::ThirdParty,
    Attribution::Shared,
    Attribution::Os,
    Attribution::OtherApp,
    Attribution::OtherDevice,
    Attribution::Unknown,
];

/// All texts.
#[derive(Debug)]
pub struct Library {
    entries: Vec<Entry>,
}

impl Library {
    /// All entries, by kind, then in the order of the contract.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The entries of an id, written exactly: one, or one per kind that uses the word.
    ///
    /// # Errors
    /// When there is none, naming those that were perhaps meant.
    pub fn find(&self, id: &str) -> Result<Vec<&Entry>, Error> {
        let found: Vec<&Entry> = self.entries.iter().filter(|e| e.id == id).collect();
        if !found.is_empty() {
            return Ok(found);
        }
        let ids = self.entries.iter().map(|e| e.id.as_str());
        let shown = crate::ground::text::shorten(id, SHOWN_MAX);
        let error = Error::at(format!("explain {shown}"), "no such id");
        let meant = near::meant(id, ids);
        Err(error.advise(meant.unwrap_or_else(|| "'drone-audit explain' lists them".to_owned())))
    }

    /// What to change in the next recording to avoid a gap.
    pub fn next(&self, gap: GapId) -> &str {
        self.entries
            .iter()
            .find(|e| e.kind == IdKind::Gap && e.id == gap.id())
            .and_then(|e| e.next.as_deref())
            // A test rules this out; the gap's meaning is still better than nothing.
            .unwrap_or_else(|| gap.meaning())
    }
}

/// Columns of an unknown id that an error message repeats.
const SHOWN_MAX: usize = 60;

/// The texts.
///
/// # Errors
/// When a file has a slip, which a test rules out.
pub fn library() -> Result<&'static Library, Error> {
    static LIBRARY: OnceLock<Result<Library, Error>> = OnceLock::new();
    LIBRARY.get_or_init(load).as_ref().map_err(Clone::clone)
}

fn load() -> Result<Library, Error> {
    let mut entries = Vec::new();
    for kind in IdKind::ALL {
        for (name, text) in kind.files() {
            let read = grammar::read(name, text)
                .and_then(|all| all.into_iter().map(|e| entry(kind, e)).collect());
            let read: Vec<Entry> =
                read.map_err(|slip| Error::at(format!("texts/{name}.md"), slip.to_string()))?;
            entries.extend(read);
        }
        if kind == IdKind::Role {
            entries.extend(roles().iter().map(of_role));
        }
    }
    Ok(Library { entries })
}

/// Checks an entry against what its kind needs.
fn entry(kind: IdKind, written: Written) -> Result<Entry, Slip> {
    let Written {
        id,
        line,
        fields,
        mut sections,
    } = written;
    let slip = |what: String| Slip::new(line, format!("{id}: {what}"));
    let keys: Vec<&str> = fields.iter().map(|(key, _)| key.as_str()).collect();
    if keys != kind.fields() {
        return Err(slip(format!("the fields are not {:?}", kind.fields())));
    }
    let value = |key: &str| {
        let found = fields.iter().find(|(have, _)| have == key);
        found.map(|(_, value)| value.clone())
    };
    let next = value("next");
    if let Some(next) = &next {
        let at = sections.iter().position(|s| s.key == "wrong");
        let section = Section {
            key: "capture".to_owned(),
            blocks: vec![Block::Paragraph(next.clone())],
        };
        sections.insert(at.unwrap_or(sections.len()), section);
    }
    let mut slots = kind.slots().iter();
    for section in &sections {
        if section.blocks.is_empty() {
            return Err(slip(format!("section '{}' is empty", section.key)));
        }
        if kind.is_free() {
            continue;
        }
        loop {
            match slots.next() {
                Some(slot) if slot.key == section.key => break,
                Some(slot) if slot.optional => {}
                Some(slot) => return Err(slip(format!("section '{}' is missing", slot.key))),
                None => return Err(slip(format!("section '{}' is out of place", section.key))),
            }
        }
    }
    if let Some(slot) = slots.find(|slot| !slot.optional) {
        return Err(slip(format!("section '{}' is missing", slot.key)));
    }
    Ok(Entry {
        title: value("title").unwrap_or_default(),
        said: value("statement").zip(value("source")),
        kind,
        id,
        next,
        sections,
    })
}

fn of_role(role: &Role) -> Entry {
    let whose = match role.attribution {
        RoleAttribution::None => {
            "The role only describes: traffic to such a host stays `unknown`.".to_owned()
        }
        RoleAttribution::Os => "Traffic to such a host is `os`, if the address is its operator's and little was sent; else `unknown`.".to_owned(),
        other => format!("Traffic to such a host is `{}`.", other.id()),
    };
    let means = format!(
        "What a host is for, by the host catalog. {whose} A label of the capture, or a declared device, outranks that."
    );
    Entry {
        kind: IdKind::Role,
        id: role.id.to_owned(),
        title: role.meaning.to_owned(),
        next: None,
        said: None,
        sections: vec![Section {
            key: "means".to_owned(),
            blocks: vec![Block::Paragraph(means)],
        }],
    }
}
