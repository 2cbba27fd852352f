//! The labels of a series, judged once each: which app they name and what that says.

use super::Basis;
use super::subject::{Labelled, Names};
use crate::evidence::Series;
use crate::evidence::ledger::apps::AppId;
use crate::ground::label::LabelSource;
use crate::ground::moment::Moment;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// An app as a capture's label names it. Process ids do not tell apps apart: they change with
/// every start.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Labelling {
    /// The name that reports show: the acting process, else the owner of the socket.
    pub name: Option<String>,
    /// User id.
    pub uid: Option<u32>,
    /// Who wrote the label.
    pub source: LabelSource,
    /// The owner of the socket, where another process is named as acting.
    pub owner: Option<String>,
    /// Further names of the same app: title beside package, or several packages of one user id.
    pub also: Vec<String>,
    /// The name filled its field: it may be longer.
    pub cut: bool,
    /// What it says.
    pub says: Labelled,
}

/// A label as reports list it.
#[derive(Debug, Clone)]
pub struct Seen {
    /// The app.
    pub app: Arc<Labelling>,
    /// First packet.
    pub first: Moment,
    /// Packets.
    pub packets: u64,
}

/// The labels of a series.
#[derive(Debug, Default)]
pub struct Labels {
    of: BTreeMap<AppId, Arc<Labelling>>,
    /// Apps, each once.
    pub seen: Vec<Seen>,
}

impl Labels {
    /// Judges the labels of a series.
    pub fn new(series: &Series, basis: &Basis<'_>) -> Self {
        let mut of: BTreeMap<AppId, Arc<Labelling>> = BTreeMap::new();
        let mut seen: BTreeMap<Arc<Labelling>, (Moment, u64)> = BTreeMap::new();
        let inputs = &basis.evidence.inputs;
        // Whatever else runs under the app's user id is the app's.
        let own: BTreeSet<(u32, u32)> = series
            .ledger
            .apps
            .list()
            .iter()
            .filter_map(|app| Some((app.input, basis.subject.own_uid(app, inputs)?)))
            .collect();
        for (id, app) in series.ledger.apps.iter() {
            let names = Names::of(app, &basis.evidence.inputs);
            let acting = !names.effective.is_empty();
            let owner = names.process.first().map(|(n, _)| n.clone());
            let shown = names.shown().map(str::to_owned);
            let labelling = Arc::new(Labelling {
                also: names
                    .process
                    .iter()
                    .skip(1)
                    .filter(|_| !acting)
                    .map(|(n, _)| n.clone())
                    .collect(),
                owner: owner.filter(|owner| Some(owner) != shown.as_ref()),
                name: shown,
                uid: app.uid,
                source: app.source,
                cut: if acting {
                    app.effective.cut
                } else {
                    app.process.cut
                },
                says: match app.uid {
                    Some(uid) if own.contains(&(app.input, uid)) => Labelled::Subject,
                    _ => basis.subject.says(app, inputs),
                },
            });
            let counted = seen.entry(Arc::clone(&labelling)).or_insert((app.first, 0));
            counted.0 = counted.0.min(app.first);
            counted.1 += app.packets;
            of.insert(id, labelling);
        }
        let mut seen: Vec<Seen> = seen
            .into_iter()
            .map(|(app, (first, packets))| Seen {
                app,
                first,
                packets,
            })
            .collect();
        seen.sort_by(|a, b| (a.first, &a.app).cmp(&(b.first, &b.app)));
        Self { of, seen }
    }

    /// The app of a flow: of several labels the one that says most.
    pub fn of(&self, apps: &[AppId]) -> Option<Arc<Labelling>> {
        apps.iter()
            .filter_map(|id| self.of.get(id))
            .max_by_key(|l| (l.says, std::cmp::Reverse(Arc::clone(l))))
            .cloned()
    }

    /// True if the label means the app under audit.
    pub fn is_subject(&self, id: AppId) -> bool {
        self.of
            .get(&id)
            .is_some_and(|l| l.says == Labelled::Subject)
    }
}

#[cfg(test)]
mod tests;
