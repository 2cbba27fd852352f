//! What several vantages saw of the same traffic: joined where one carries labels and the other
//! does not, and compared where one misses what the other shows.

use super::destination::{Destination, DestinationKey, Traffic, View};
use super::group::RowVerdict;
use super::subject::Labelled;
use super::{Scope, Stage};
use crate::evidence::flow::Side;
use crate::evidence::row::{Conversation, Row, RowKey};
use crate::ground::mac::Mac;
use crate::ground::moment::Timestamp;
use crate::judge::identity::topology::Topology;
use crate::judge::identity::{DeviceMatch, mac_of};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// An access point cannot know which app sent a packet; the phone's own capture of the same minutes
/// can. A destination without a label takes the one of its twin in another vantage when it shows the
/// very same flows, by ends, ports and time, and no more of them than that did.
pub(super) fn join(destinations: &mut BTreeMap<DestinationKey, Destination>) {
    // By what they are without the label: looking through all for each would be quadratic.
    let mut labelled: BTreeMap<DestinationKey, Vec<DestinationKey>> = BTreeMap::new();
    for key in destinations.keys().filter(|key| key.app.is_some()) {
        let plain = DestinationKey {
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
        let twins: Vec<&DestinationKey> = with
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
    let mut own = plain.views.iter();
    let apart = own.all(|view| labelled.view(view.series).is_none());
    let (Some((p, few)), Some((l, many))) = (plain.fullest(), labelled.fullest()) else {
        return false;
    };
    let (Some(plain_view), Some(labelled_view)) = (plain.view(p), labelled.view(l)) else {
        return false;
    };
    let same = labelled_view.conversations.as_ref().is_some_and(|all| {
        plain.views.iter().all(|view| {
            let own = view.conversations.as_ref();
            own.is_some_and(|own| own.is_subset(all))
        })
    });
    apart
        && same
        && plain_view.flows <= labelled_view.flows
        && few.out.bytes <= many.out.bytes
        && few.back.bytes <= many.back.bytes
        && within(&few, &many)
}

/// Two clocks of one session agree to a second.
fn within(inner: &Traffic, outer: &Traffic) -> bool {
    const CLOCKS: i64 = crate::ground::moment::Timestamp::SECOND;
    let early = outer.first.time.since(inner.first.time);
    let late = inner.last.time.since(outer.last.time);
    early.is_some_and(|d| d <= CLOCKS) && late.is_some_and(|d| d <= CLOCKS)
}

/// Destinations of the subject that vantage `a` shows between two moments, and `b` does not, in
/// the order of the destinations.
pub fn missed(
    destinations: &[Destination],
    (a, b): (usize, usize),
    inside: &dyn Fn(u32) -> bool,
    overlap: (
        crate::ground::moment::Timestamp,
        crate::ground::moment::Timestamp,
    ),
) -> Vec<(DestinationKey, crate::ground::moment::Moment)> {
    let seen_in = |d: &Destination, index: usize| -> Option<Traffic> {
        let view = d.view(index)?;
        View::sum(
            view.active
                .iter()
                .filter(|(interval, _)| inside(*interval))
                .map(|(_, t)| t),
        )
    };
    let shown_by_b = || destinations.iter().filter(|d| d.view(b).is_some());
    let addresses: BTreeSet<IpAddr> = shown_by_b().filter_map(|d| d.key.ip).collect();
    let names: BTreeSet<&str> = shown_by_b().filter_map(|d| d.key.host.as_deref()).collect();
    // Where no request said an address, the relay is all that is known of the far end.
    let relays: BTreeSet<(IpAddr, u16)> = shown_by_b()
        .filter(|d| d.key.ip.is_none())
        .filter_map(|d| d.key.via)
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
            let there = match d.key.ip {
                Some(ip) => addresses.contains(&ip),
                None => d.key.via.is_some_and(|via| relays.contains(&via)),
            };
            !there
                && d.key
                    .host
                    .as_deref()
                    .is_none_or(|host| !names.contains(host))
        })
        .map(|(d, t)| (d.key.clone(), t.first))
        .collect()
}

/// What a vantage shows of the subject, to tell whether it makes up for a gap of another one.
#[derive(Debug, Default)]
pub struct Shown {
    /// All conversations between single hosts.
    all: BTreeMap<Conversation, Sighting>,
    /// Those of the declared device, or labelled with the app under audit.
    subject: BTreeMap<Conversation, Sighting>,
    /// MACs of the subject, each with that of a router that it spoke to.
    links: BTreeSet<(Mac, Mac)>,
    /// First and last packet of the subject per interval.
    spans: BTreeMap<u32, (Timestamp, Timestamp)>,
}

/// When a conversation was seen, and which MAC its opener had.
#[derive(Debug, Clone, Copy)]
struct Sighting {
    first: Timestamp,
    last: Timestamp,
    mac: Option<Mac>,
    /// Packets of the opener and of the other end were seen.
    sent: (bool, bool),
}

impl Sighting {
    /// The same conversation may have been seen at both: at the same time, and from the same MAC where
    /// both links have MACs. Two sites with the same private numbers differ there.
    fn agrees(&self, other: &Self) -> bool {
        const CLOCKS: i64 = Timestamp::SECOND;
        let apart = |a: Timestamp, b: Timestamp| a.since(b).is_none_or(|d| d > CLOCKS);
        let together = !apart(self.first, other.last) && !apart(other.first, self.last);
        let same = match (self.mac, other.mac) {
            (Some(a), Some(b)) => a == b,
            _ => true,
        };
        together && same
    }
}

impl Shown {
    /// Takes a row in.
    pub(super) fn note(
        &mut self,
        key: &RowKey,
        row: &Row,
        judged: &RowVerdict,
        topology: &Topology<'_>,
    ) {
        let group = Side::BOTH
            .iter()
            .any(|side| key.key.ip(*side).is_multicast());
        let (Some(conversations), false) = (row.conversations(key), group || key.link_only) else {
            return;
        };
        let times = row
            .spans
            .iter()
            .map(|s| (s.total.first.time, s.total.last.time));
        let Some((first, last)) = times.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1))) else {
            return;
        };
        let sent = |side| row.spans.iter().any(|s| s.total.sent.of(side).packets > 0);
        let seen = Sighting {
            first,
            last,
            mac: mac_of(&key.link, key.opener.0),
            sent: (sent(key.opener.0), sent(key.opener.0.other())),
        };
        let subject = judged.whose == DeviceMatch::Device
            || judged
                .app
                .as_ref()
                .is_some_and(|app| app.says == Labelled::Subject);
        for conversation in conversations {
            add(&mut self.all, conversation, seen);
            if subject {
                add(&mut self.subject, conversation, seen);
            }
        }
        if !subject {
            return;
        }
        for span in &row.spans {
            let (from, to) = (span.total.first.time, span.total.last.time);
            let (first, last) = self.spans.entry(span.interval).or_insert((from, to));
            (*first, *last) = ((*first).min(from), (*last).max(to));
        }
        let ours = mac_of(&key.link, judged.ours);
        let theirs = mac_of(&key.link, judged.ours.other());
        if let (Some(ours), Some(router)) = (ours, theirs)
            && topology.is_router(router)
        {
            self.links.insert((ours, router));
        }
    }

    /// True if this vantage stands on the link of the other one and shows the subject: they share
    /// conversations of it, or it has the same MAC towards the same router in both. Where nothing says
    /// who the subject is, any conversation counts.
    pub fn shares(&self, other: &Self) -> bool {
        let common = |ours: &BTreeMap<Conversation, Sighting>,
                      theirs: &BTreeMap<Conversation, Sighting>| {
            ours.iter()
                .any(|(key, seen)| theirs.get(key).is_some_and(|same| same.agrees(seen)))
        };
        if self.subject.is_empty() && other.subject.is_empty() {
            return common(&self.all, &other.all);
        }
        common(&self.subject, &other.all)
            || common(&self.all, &other.subject)
            || self.links.intersection(&other.links).next().is_some()
    }

    /// True if nothing that the other one shows of the subject is missing here: no conversation, and no direction of one. What was recorded
    /// of a part of the traffic, or of one direction, makes up for nothing.
    pub fn shows_all_of(&self, other: &Self) -> bool {
        let theirs = match other.subject.is_empty() && self.subject.is_empty() {
            true => &other.all,
            false => &other.subject,
        };
        theirs.iter().all(|(conversation, seen)| {
            let own = self.all.get(conversation);
            own.is_some_and(|own| {
                own.agrees(seen) && own.sent.0 >= seen.sent.0 && own.sent.1 >= seen.sent.1
            })
        })
    }

    /// First and last packet of the subject in the intervals that `inside` accepts.
    pub fn span(&self, inside: &dyn Fn(u32) -> bool) -> Option<(Timestamp, Timestamp)> {
        let spans = self.spans.iter().filter(|(interval, _)| inside(**interval));
        spans
            .map(|(_, span)| *span)
            .reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
    }
}

fn add(to: &mut BTreeMap<Conversation, Sighting>, conversation: Conversation, seen: Sighting) {
    let have = to.entry(conversation).or_insert(seen);
    have.first = have.first.min(seen.first);
    have.last = have.last.max(seen.last);
    have.mac = have.mac.or(seen.mac);
    have.sent = (have.sent.0 | seen.sent.0, have.sent.1 | seen.sent.1);
}

#[cfg(test)]
mod tests;
