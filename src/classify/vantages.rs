//! What several vantages saw of the same traffic: joined where one carries labels and the other
//! does not, and compared where one misses what the other shows.

use super::destination::{Destination, Key, Traffic, View};
use super::{Scope, Stage};
use std::collections::BTreeMap;
use std::sync::Arc;

/// An access point cannot know which app sent a packet; the phone's own capture of the same minutes
/// can. A destination without a label takes the one of its twin in another vantage when it shows no
/// more than that did: no flow, byte or moment that the label does not cover.
pub(super) fn join(destinations: &mut BTreeMap<Key, Destination>) {
    // By what they are without the label: looking through all for each would be quadratic.
    let mut labelled: BTreeMap<Key, Vec<Key>> = BTreeMap::new();
    for key in destinations.keys().filter(|key| key.app.is_some()) {
        let plain = Key {
            app: None,
            ..key.clone()
        };
        labelled.entry(plain).or_default().push(key.clone());
    }
    for (key, with) in labelled {
        if key.folded {
            continue;
        }
        let Some(plain) = destinations.get(&key) else {
            continue;
        };
        let twins: Vec<&Key> = with
            .iter()
            .filter(|other| destinations.get(*other).is_some_and(|d| covered(plain, d)))
            .collect();
        // Of two labelled twins neither explains it.
        let [twin] = twins.as_slice() else { continue };
        if let Some(plain) = destinations.remove(&key)
            && let Some(labelled) = destinations.get_mut(*twin)
        {
            labelled.absorb(plain);
        }
    }
}

/// Every vantage of `plain` differs from those of `labelled`, and shows no more than it.
fn covered(plain: &Destination, labelled: &Destination) -> bool {
    let apart = plain
        .views
        .keys()
        .all(|index| !labelled.views.contains_key(index));
    let (Some((p, few)), Some((l, many))) = (plain.fullest(), labelled.fullest()) else {
        return false;
    };
    apart
        && plain.flows_in(p) <= labelled.flows_in(l)
        && few.bytes_out <= many.bytes_out
        && few.bytes_in <= many.bytes_in
        && within(&few, &many)
}

/// Two clocks of one session agree to a second.
fn within(inner: &Traffic, outer: &Traffic) -> bool {
    const CLOCKS: i64 = crate::evidence::Timestamp::SECOND;
    let early = outer.first.time.since(inner.first.time);
    let late = inner.last.time.since(outer.last.time);
    early.is_some_and(|d| d <= CLOCKS) && late.is_some_and(|d| d <= CLOCKS)
}

/// Destinations of the subject that vantage `a` shows between two moments, and `b` does not: in
/// words, in the order of the destinations.
pub fn missed(
    destinations: &[Destination],
    (a, b): (usize, usize),
    inside: &dyn Fn(u32) -> bool,
    overlap: (crate::evidence::Timestamp, crate::evidence::Timestamp),
) -> Vec<(String, crate::evidence::Moment)> {
    let seen_in = |d: &Destination, index: usize| -> Option<Traffic> {
        let view = d.views.get(&index)?;
        View::sum(
            view.active
                .iter()
                .filter(|(epoch, _)| inside(*epoch))
                .map(|(_, t)| t),
        )
    };
    let shown_by_b: Vec<&Destination> = destinations
        .iter()
        .filter(|d| d.views.contains_key(&b))
        .collect();
    destinations
        .iter()
        .filter(|d| d.key.scope != Scope::Local && !d.key.folded)
        .filter(|d| d.attributed.whose.accuses() || d.attributed.whose.is_suspect())
        .filter_map(|d| Some((d, seen_in(d, a)?)))
        .filter(|(_, t)| {
            t.stage() > Stage::Unsolicited && t.last.time >= overlap.0 && t.first.time <= overlap.1
        })
        .filter(|(d, _)| {
            !shown_by_b.iter().any(|other| {
                let named = |d: &Destination| d.key.host.as_ref().map(Arc::clone);
                (d.key.ip.is_some() && other.key.ip == d.key.ip)
                    || (d.key.host.is_some() && named(other) == named(d))
            })
        })
        .map(|(d, t)| (d.describe(), t.first))
        .collect()
}
