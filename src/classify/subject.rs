//! Which labels mean the app under audit, which mean another app, and which say nothing.
//!
//! A label outranks every name, in both directions, so it is believed only as far as it goes: a
//! name that the format cut short, a user id without a name, or a system agent that works for
//! others (name resolution, background transfers) explains nothing by itself. The process that is
//! named as acting beats the owner of the socket; the owner still accuses when it is the app.

use super::app_pattern::{Match, Pattern};
use super::apps;
use super::system_agents::is_agent;
use crate::capture::InputFacts;
use crate::ledger::apps::{App, Named};
use std::collections::BTreeSet;

/// What a label says about whose traffic it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Labelled {
    /// Another app, positively.
    Other,
    /// Nothing that decides: the names do.
    Unsaid,
    /// The app under audit.
    Subject,
}

/// The app under audit.
#[derive(Debug, Clone)]
pub struct Subject {
    patterns: Vec<Pattern>,
    given: Vec<String>,
}

impl Subject {
    /// The apps that were asked for; none stands for the shipped list of drone apps.
    pub fn new(given: &[Pattern]) -> Self {
        Self {
            given: given.iter().map(|p| p.text().to_owned()).collect(),
            patterns: if given.is_empty() {
                apps::drone_apps().to_vec()
            } else {
                given.to_vec()
            },
        }
    }

    /// The patterns as given; empty when the shipped list stands in.
    pub fn given(&self) -> &[String] {
        &self.given
    }

    /// What a label says.
    pub fn says(&self, app: &App, inputs: &[InputFacts]) -> Labelled {
        let names = Names::of(app, inputs);
        let by = |process: &[(String, bool)], uid: Option<u32>| self.by(process, uid);
        let effective = by(&names.effective, None);
        let owner_is_agent = names
            .process
            .iter()
            .any(|(name, _)| is_agent(Some(name.as_str()), None))
            || is_agent(None, app.uid);
        if effective == Match::Yes {
            return Labelled::Subject;
        }
        let owner = by(&names.process, app.uid);
        if owner == Match::Yes {
            return Labelled::Subject;
        }
        if !names.effective.is_empty() {
            let agent = names
                .effective
                .iter()
                .any(|(name, _)| is_agent(Some(name.as_str()), None));
            // The acting process decides, unless it is an agent itself.
            return match effective {
                Match::No if !agent => Labelled::Other,
                _ => Labelled::Unsaid,
            };
        }
        match owner {
            Match::No if !owner_is_agent => Labelled::Other,
            _ => Labelled::Unsaid,
        }
    }

    fn by(&self, names: &[(String, bool)], uid: Option<u32>) -> Match {
        let mut best = Match::No;
        for pattern in &self.patterns {
            let found = match (pattern.uid(), uid) {
                (Some(want), Some(have)) if want == have => Match::Yes,
                (Some(_), Some(_)) => Match::No,
                // Which user a nameless or uid-less label stands for is not known.
                (Some(_), None) => Match::Maybe,
                (None, _) if names.is_empty() => Match::Maybe,
                (None, _) => names
                    .iter()
                    .map(|(name, cut)| pattern.matches(name, *cut))
                    .max()
                    .unwrap_or(Match::No),
            };
            best = best.max(found);
        }
        best
    }

    /// What was asked for and matches no label, with names that come near.
    pub fn unmatched(&self, seen: &[(&App, Vec<String>)]) -> Vec<(String, Vec<String>)> {
        self.patterns
            .iter()
            .filter(|_| !self.given.is_empty())
            .filter(|pattern| {
                !seen.iter().any(|(app, names)| {
                    pattern.uid().is_some_and(|uid| app.uid == Some(uid))
                        || names
                            .iter()
                            .any(|name| pattern.matches(name, false) == Match::Yes)
                })
            })
            .map(|pattern| {
                let names: BTreeSet<&str> = seen
                    .iter()
                    .flat_map(|(_, names)| names.iter().map(String::as_str))
                    .collect();
                let names: Vec<&str> = names.into_iter().collect();
                let near = pattern.near(&names);
                (
                    pattern.text().to_owned(),
                    near.into_iter().map(str::to_owned).collect(),
                )
            })
            .collect()
    }
}

/// Every name that a label gives, each with whether the format may have cut it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names {
    /// Of the owner of the socket: process, package, title.
    pub process: Vec<(String, bool)>,
    /// Of the process that it acts for.
    pub effective: Vec<(String, bool)>,
}

impl Names {
    /// The names of a label; a user id is looked up in what its own input says about it.
    pub fn of(app: &App, inputs: &[InputFacts]) -> Self {
        let named = |n: &Named| {
            n.name
                .iter()
                .map(|name| (name.to_string(), n.cut))
                .collect::<Vec<_>>()
        };
        let mut process = named(&app.process);
        if let Some(uid) = app.uid
            && let Some(input) = inputs.get(app.input as usize)
        {
            for of in input.uid_names.get(&uid).into_iter().flatten() {
                for name in [&of.package, &of.app] {
                    if !name.is_empty() && !process.iter().any(|(n, _)| n == name) {
                        process.push((name.clone(), false));
                    }
                }
            }
        }
        Self {
            process,
            effective: named(&app.effective),
        }
    }

    /// The name that reports show: the acting process, else the owner.
    pub fn shown(&self) -> Option<&str> {
        self.effective
            .first()
            .or(self.process.first())
            .map(|(name, _)| name.as_str())
    }
}
