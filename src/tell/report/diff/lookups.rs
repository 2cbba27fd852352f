//! Lookups of two reports, paired by name.
//!
//! The resolver is not part of it, as the site chooses it; whether it is local is a change.

use super::changes::{change, of_asked};
use super::rows::{Identity, Rows, all, app, earlier, union};
use super::{Asked, Counts, LookupChange, Status};
use crate::ground::moment::FrameRef;
use crate::judge::classify::Scope;
use crate::tell::report::v1::{Lookup, Report};
use std::collections::{BTreeMap, BTreeSet};

/// Addresses and resolvers kept of a name.
const LISTED_MAX: usize = 32;
/// Frames listed of a name.
const FRAMES_MAX: usize = 4;

/// What was asked for a name.
#[derive(Debug)]
pub(super) struct Name {
    asked: Asked,
    owner: Option<String>,
    role: Option<String>,
}

/// All names that a side asked for. A name that was asked on the link only (mDNS, a local name) is
/// apart from the same name asked beyond it.
pub(super) type Names = BTreeMap<(String, bool), Name>;

pub(super) fn names(report: &Report) -> Names {
    let mut names = Names::new();
    for (session, offset) in all(report) {
        for lookup in &session.lookups {
            let key = (lookup.name.clone(), lookup.scope == Scope::Local);
            let more = one(lookup, offset);
            match names.get_mut(&key) {
                Some(have) => have.add(more),
                None => {
                    names.insert(key, more);
                }
            }
        }
    }
    for name in names.values_mut() {
        name.asked.answers.truncate(LISTED_MAX);
        name.asked.resolvers.truncate(LISTED_MAX);
    }
    names
}

/// The names alone, those asked beyond the link.
pub(super) fn beyond(names: &Names) -> BTreeSet<String> {
    let beyond = names.keys().filter(|(_, local)| !local);
    beyond.map(|(name, _)| name.clone()).collect()
}

fn one(lookup: &Lookup, offset: u32) -> Name {
    let sorted = |mut list: Vec<String>| {
        list.sort();
        list.dedup();
        list
    };
    Name {
        owner: lookup.owner.clone(),
        role: lookup.role.clone(),
        asked: Asked {
            attribution: lookup.attribution,
            scopes: vec![lookup.scope],
            resolvers: vec![lookup.resolver.clone()],
            types: sorted(lookup.types.clone()),
            answers: sorted(lookup.answers.clone()),
            apps: lookup.app.as_ref().map(app).into_iter().collect(),
            count: lookup.count,
            first: lookup.first.clone(),
            frames: vec![FrameRef {
                input: lookup.input.saturating_add(offset),
                frame: lookup.frame,
            }],
        },
    }
}

impl Name {
    fn add(&mut self, other: Self) {
        let Asked {
            attribution,
            scopes,
            resolvers,
            types,
            answers,
            apps,
            count,
            first,
            frames,
        } = other.asked;
        let have = &mut self.asked;
        have.attribution = have.attribution.max(attribution);
        union(&mut have.scopes, scopes);
        have.scopes.sort_by_key(|scope| scope.id());
        union(&mut have.resolvers, resolvers);
        union(&mut have.types, types);
        union(&mut have.answers, answers);
        union(&mut have.apps, apps);
        have.count = have.count.saturating_add(count);
        have.first = earlier(have.first.take(), first);
        union(&mut have.frames, frames);
        have.frames.truncate(FRAMES_MAX);
        self.owner = self.owner.take().or(other.owner);
        self.role = self.role.take().or(other.role);
    }
}

/// Pairs all names; what is the same is only counted.
pub(super) fn compare(
    mut before: Names,
    after: Names,
    contacted: (&Rows, &Rows),
) -> (Vec<LookupChange>, Counts) {
    let contacted = (hosts(contacted.0), hosts(contacted.1));
    let (mut rows, mut counts) = (Vec::new(), Counts::default());
    for ((name, local), is) in after {
        let row = match before.remove(&(name.clone(), local)) {
            None if !local && contacted.0.contains(&name) => {
                let seen = change(
                    "stage",
                    false,
                    "the baseline contacted this name without a lookup to be seen",
                );
                let mut row = row(Status::Changed, name, &is);
                row.changes = vec![seen];
                Some(row)
            }
            None => {
                let mut row = row(Status::New, name, &is);
                // A name asked on the link does not leave it.
                row.news = !local;
                Some(row)
            }
            Some(was) => {
                let changes = of_asked(&was.asked, &is.asked);
                (!changes.is_empty()).then(|| LookupChange {
                    news: changes.iter().any(|c| c.news),
                    changes,
                    before: Some(was.asked),
                    ..row(Status::Changed, name, &is)
                })
            }
        };
        match row {
            Some(row) => {
                counts.count(row.status);
                rows.push(LookupChange {
                    after: Some(is.asked),
                    ..row
                });
            }
            None => counts.same = counts.same.saturating_add(1),
        }
    }
    for ((name, local), was) in before {
        let mut row = row(Status::Gone, name, &was);
        if !local && contacted.1.contains(&row.name) {
            let note = "the capture contacted this name without a lookup to be seen";
            row.notes.push(note.to_owned());
        }
        counts.count(row.status);
        rows.push(LookupChange {
            before: Some(was.asked),
            ..row
        });
    }
    rows.sort_by_cached_key(order);
    (rows, counts)
}

fn hosts(rows: &Rows) -> BTreeSet<String> {
    let names = rows.keyed.keys().filter_map(|key| match &key.identity {
        Identity::Name(name) => Some(name.clone()),
        _ => None,
    });
    names.collect()
}

fn row(status: Status, name: String, of: &Name) -> LookupChange {
    LookupChange {
        status,
        news: false,
        name,
        owner: of.owner.clone(),
        role: of.role.clone(),
        changes: Vec::new(),
        notes: Vec::new(),
        before: None,
        after: None,
    }
}

fn order(row: &LookupChange) -> impl Ord + use<> {
    let seen = row.after.as_ref().or(row.before.as_ref());
    (
        row.status,
        !row.news,
        seen.map(|t| std::cmp::Reverse(t.attribution)),
        row.name.clone(),
        seen.map(|t| t.scopes.iter().map(|s| s.id()).collect::<Vec<_>>()),
    )
}
