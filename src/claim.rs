//! From destinations, lookups and coverage to a verdict per claim.
//!
//! A claim lists what contradicts it and what is suspect; [`verdict`] is the one place that turns
//! that and the gaps into a word. It cannot say `consistent` while anything blocks it.

pub mod coverage;
pub mod local_data_mode;

use crate::classify::attribution::Attribution;
use crate::classify::destination::Destination;
use crate::classify::lookup::Lookup;
use crate::classify::rows::Judged;
use crate::classify::{Basis, Stage};
use crate::evidence::{FrameRef, Moment};
use coverage::WindowCoverage;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// What can be said of a claim, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// The capture was fit to show a contradiction and shows none.
    Consistent,
    /// Neither, with reasons.
    Inconclusive,
    /// Packets cannot be squared with the statement.
    Contradicted,
}

impl Verdict {
    /// The id in reports.
    pub fn id(self) -> &'static str {
        match self {
            Self::Consistent => "consistent",
            Self::Inconclusive => "inconclusive",
            Self::Contradicted => "contradicted",
        }
    }
}

/// How sure a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Confidence {
    /// Something else explains it as well.
    Low,
    /// Something else could explain it.
    Medium,
    /// The packets say so themselves.
    High,
}

impl Confidence {
    /// The id in reports.
    pub fn id(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

/// What a finding is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum About {
    /// Index of a destination.
    Destination(usize),
    /// Index of a lookup.
    Lookup(usize),
}

/// Something in the evidence that bears on a claim.
#[derive(Debug, Clone)]
pub struct Finding {
    /// Stable id of the rule.
    pub rule: &'static str,
    /// It contradicts the claim; otherwise it only makes it inconclusive.
    pub contradicts: bool,
    /// What it is about.
    pub about: About,
    /// Whose traffic.
    pub attribution: Attribution,
    /// How far it went, inside the windows.
    pub stage: Stage,
    /// How sure.
    pub confidence: Confidence,
    /// In words.
    pub text: String,
    /// First packet inside the windows.
    pub first: Moment,
    /// Exemplar frames inside the windows.
    pub frames: Vec<FrameRef>,
}

/// Why a verdict is what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// Rule or gap.
    pub id: String,
    /// In words.
    pub text: String,
}

/// A claim, judged.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The claim's description.
    pub claim: &'static Description,
    /// The verdict over all windows.
    pub verdict: Verdict,
    /// Why.
    pub reasons: Vec<Reason>,
    /// What bears on it.
    pub findings: Vec<Finding>,
}

/// What a claim says and who said it.
#[derive(Debug)]
pub struct Description {
    /// Stable id.
    pub id: &'static str,
    /// The sentence that is tested, as it was said.
    pub statement: &'static str,
    /// Who said it, where and when.
    pub source: &'static str,
}

/// Everything a claim may look at.
pub struct Case<'a> {
    /// Destinations and lookups.
    pub judged: &'a Judged,
    /// Evidence and data behind them.
    pub basis: &'a Basis<'a>,
    /// The windows, each with its coverage; one for the whole capture if none was given.
    pub windows: Vec<WindowCoverage>,
}

impl Case<'_> {
    /// The destinations.
    pub fn destinations(&self) -> &[Destination] {
        &self.judged.destinations
    }

    /// The lookups.
    pub fn lookups(&self) -> &[Lookup] {
        &self.judged.lookups
    }
}

/// A claim.
pub struct Claim {
    /// What it says.
    pub description: Description,
    /// What contradicts it or is suspect in a window.
    pub findings: fn(&Case<'_>, &WindowCoverage) -> Vec<Finding>,
}

/// Every claim that ships, in the order of ids.
pub static CLAIMS: &[Claim] = &[local_data_mode::CLAIM];

/// Judges a claim over all windows.
pub fn judge(claim: &'static Claim, case: &Case<'_>) -> Outcome {
    let mut merged: BTreeMap<(About, &'static str), Finding> = BTreeMap::new();
    let mut reasons: Vec<Reason> = Vec::new();
    let mut worst = Verdict::Consistent;
    let several = case.windows.len() > 1;
    for window in &case.windows {
        let found = (claim.findings)(case, window);
        let (word, why) = verdict(&found, window);
        worst = worst.max(word);
        for reason in why {
            let text = match (several, window.window) {
                (true, Some(of)) => format!("{}: {}", coverage::describe(&of), reason.text),
                _ => reason.text,
            };
            if !reasons.iter().any(|r| r.id == reason.id && r.text == text) {
                reasons.push(Reason {
                    id: reason.id,
                    text,
                });
            }
        }
        merge(&mut merged, found);
    }
    let findings: Vec<Finding> = merged.into_values().collect();
    if worst == Verdict::Contradicted {
        // The reasons of windows that are merely inconclusive do not explain a contradiction.
        let rules: Vec<&str> = findings
            .iter()
            .filter(|f| f.contradicts)
            .map(|f| f.rule)
            .collect();
        reasons.retain(|r| rules.contains(&r.id.as_str()));
    }
    Outcome {
        claim: &claim.description,
        verdict: worst,
        reasons,
        findings,
    }
}

/// The one place where a verdict is made.
pub fn verdict(findings: &[Finding], window: &WindowCoverage) -> (Verdict, Vec<Reason>) {
    let say = |contradicts: bool| {
        let mut reasons: Vec<Reason> = Vec::new();
        let mut rules: Vec<&str> = findings
            .iter()
            .filter(|f| f.contradicts == contradicts)
            .map(|f| f.rule)
            .collect();
        rules.sort_unstable();
        rules.dedup();
        for rule in rules {
            let of: Vec<&Finding> = findings
                .iter()
                .filter(|f| f.contradicts == contradicts && f.rule == rule)
                .collect();
            let text = match of.as_slice() {
                [only] => only.text.clone(),
                [first, rest @ ..] => format!("{} (and {} more)", first.text, rest.len()),
                [] => continue,
            };
            reasons.push(Reason {
                id: rule.to_owned(),
                text,
            });
        }
        reasons
    };
    let contradicting = say(true);
    if !contradicting.is_empty() {
        return (Verdict::Contradicted, contradicting);
    }
    let mut reasons = say(false);
    for gap in window.gaps.iter().filter(|g| g.id.blocks()) {
        let reason = Reason {
            id: gap.id.id().to_owned(),
            text: gap.text.clone(),
        };
        if !reasons.contains(&reason) {
            reasons.push(reason);
        }
    }
    if reasons.is_empty() {
        (Verdict::Consistent, Vec::new())
    } else {
        (Verdict::Inconclusive, reasons)
    }
}

/// One finding per thing, whatever the windows: the furthest stage, the first time.
fn merge(findings: &mut BTreeMap<(About, &'static str), Finding>, more: Vec<Finding>) {
    for new in more {
        match findings.entry((new.about, new.rule)) {
            Entry::Vacant(place) => {
                place.insert(new);
            }
            Entry::Occupied(mut place) => {
                let have = place.get_mut();
                if new.stage > have.stage {
                    have.stage = new.stage;
                    have.text = new.text;
                }
                have.first = have.first.min(new.first);
                have.frames.extend(new.frames);
                have.frames.sort();
                have.frames.dedup();
                have.frames.truncate(crate::flow::row::FRAMES_MAX);
            }
        }
    }
}
