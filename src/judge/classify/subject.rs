//! Which labels mean the app under audit, which mean another app, and which say nothing.
//!
//! A label outranks every name, in both directions, so it is believed only as far as it goes: a
//! name that the format cut short, a user id without a name, or a system agent that works for
//! others (name resolution, background transfers) explains nothing by itself. The process that is
//! named as acting beats the owner of the socket; the owner still accuses when it is the app.

use super::app_pattern::{Fit, Name, Pattern};
use super::apps::{NameKind, drone_app};
use super::system_agents::system_agent;
use crate::evidence::input::InputFacts;
use crate::evidence::ledger::apps::{App, Named};
use crate::vocabulary;
use std::collections::BTreeSet;

vocabulary! {
    /// What a label says about whose traffic it is.
    "meaning of a label" pub enum Labelled {
        /// Another app, positively.
        Other = "other",
        /// Nothing that decides: the names do.
        Unsaid = "unsaid",
        /// The app under audit.
        Subject = "subject",
    }
}

/// The app under audit.
#[derive(Debug, Clone)]
pub struct Subject {
    /// As asked for; empty stands for the shipped list of drone apps.
    patterns: Vec<Pattern>,
    given: Vec<String>,
}

impl Subject {
    /// The apps that were asked for; none stands for the shipped list of drone apps.
    pub fn new(given: &[Pattern]) -> Self {
        Self {
            given: given.iter().map(|p| p.as_str().to_owned()).collect(),
            patterns: given.to_vec(),
        }
    }

    /// The patterns as given; empty when the shipped list stands in.
    pub fn given(&self) -> &[String] {
        &self.given
    }

    /// What a label says.
    pub fn says(&self, app: &App, inputs: &[InputFacts]) -> Labelled {
        let names = Names::of(app, inputs);
        // Which kind of name a label holds is not always what its format says: a trailer made for
        // titles holds packages too. So every list is asked for every kind.
        let kind = None;
        let effective = if names.effective.is_empty() {
            None
        } else {
            Some(self.fit(None, &names.effective, kind))
        };
        let owner = self.fit(app.uid, &names.process, kind);
        if effective == Some(Fit::Yes) || owner == Fit::Yes {
            return Labelled::Subject;
        }
        let agent = |uid, names: &[(String, bool)]| {
            system_agent(uid, None, kind).is_some()
                || names
                    .iter()
                    .any(|name| system_agent(None, Some(as_name(name)), kind).is_some())
        };
        // The acting process decides, unless it is an agent itself.
        let (fit, acts) = match effective {
            Some(fit) => (fit, agent(None, &names.effective)),
            None => (owner, agent(app.uid, &names.process)),
        };
        if fit == Fit::No && !acts {
            Labelled::Other
        } else {
            Labelled::Unsaid
        }
    }

    /// The user id that a label of the app under audit shows to be the app's own: Android gives each app
    /// one. Ids below that range are shared, and the owner has to be the app itself, not one acting for it.
    pub fn own_uid(&self, app: &App, inputs: &[InputFacts]) -> Option<u32> {
        /// Ids of one Android user, and the range of them that apps get (`AID_APP_START` to `AID_APP_END`).
        const PER_USER: u32 = 100_000;
        const APPS: std::ops::RangeInclusive<u32> = 10_000..=19_999;
        let uid = app.uid.filter(|uid| APPS.contains(&(uid % PER_USER)))?;
        let names = Names::of(app, inputs);
        (self.fit(app.uid, &names.process, None) == Fit::Yes).then_some(uid)
    }

    fn fit(&self, uid: Option<u32>, names: &[(String, bool)], kind: Option<NameKind>) -> Fit {
        if !self.given.is_empty() {
            let names: Vec<Name<'_>> = names.iter().flat_map(as_names).collect();
            return self
                .patterns
                .iter()
                .map(|pattern| pattern.matches(uid, &names))
                .max()
                .unwrap_or(Fit::No);
        }
        // A user id without a name may be any app.
        names
            .iter()
            .flat_map(as_names)
            .map(|name| drone_app(name, kind).map_or(Fit::No, |(_, fit)| fit))
            .max()
            .unwrap_or(Fit::Maybe)
    }

    /// What was asked for and matches no label, with names that come near.
    pub fn unmatched(&self, seen: &[(&App, Vec<String>)]) -> Vec<(String, Vec<String>)> {
        self.patterns
            .iter()
            .filter(|pattern| {
                !seen.iter().any(|(app, names)| {
                    let names: Vec<Name<'_>> = names
                        .iter()
                        .flat_map(|n| {
                            let package = package_of(n).map(Name::whole);
                            std::iter::once(Name::whole(n)).chain(package)
                        })
                        .collect();
                    pattern.matches(app.uid, &names) == Fit::Yes
                })
            })
            .map(|pattern| {
                let mut names: BTreeSet<String> = seen
                    .iter()
                    .flat_map(|(_, names)| names.iter().cloned())
                    .collect();
                names.extend(
                    seen.iter()
                        .filter_map(|(app, _)| Some(format!("uid:{}", app.uid?))),
                );
                let near = pattern.near(names.iter().map(String::as_str));
                (
                    pattern.as_str().to_owned(),
                    near.into_iter().map(str::to_owned).collect(),
                )
            })
            .collect()
    }
}

/// A name, and the package before the colon: Android calls the further processes of an app
/// `PACKAGE:NAME` (`android:process` of its manifest), and they are the app's like the first.
fn as_names(named: &(String, bool)) -> impl Iterator<Item = Name<'_>> {
    let package = package_of(&named.0).map(Name::whole);
    std::iter::once(as_name(named)).chain(package)
}

/// What stands before the colon of a process name; text with blanks behind it is none.
fn package_of(name: &str) -> Option<&str> {
    let (package, process) = name.split_once(':')?;
    let whole = !package.is_empty() && !process.is_empty();
    (whole && !process.contains(char::is_whitespace)).then_some(package)
}

fn as_name((text, cut): &(String, bool)) -> Name<'_> {
    if *cut {
        Name::cut(text)
    } else {
        Name::whole(text)
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

#[cfg(test)]
mod tests;
