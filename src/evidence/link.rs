//! What several series of one session know together.
//!
//! Captures that were made at the same time are series of their own: what they count is never summed, and each keeps its own gaps. What they
//! say of the site and of names is no count, and holds for all of them: who routes and whose address is whose on a link that two of them
//! stand on, and which name an address stood for when the machine that had asked for it used it. A recording of port 53 beside one of port
//! 443 names what the other one shows.
//!
//! Whether two series stand on one link, their machines say: one that is in both captures at the same time, or two at any time. A single one
//! may have moved on, later, to a site where the same private addresses are other machines'. Checksums are not shared: which are wrong for
//! what reason depends on where a packet was recorded. Nothing here depends on the order of the series.

use super::Series;
use super::flow::{NameSource, Named, Side};
use super::ledger::{NameEvent, Station};
use super::row::{Resolved, Row, RowKey};
use crate::ground::mac::Mac;
use crate::ground::moment::{Moment, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

/// Machines that two series have in common when they stand on one link, whenever they were made.
const COMMON: usize = 2;

/// When a MAC sent from an address: first and last time.
pub(crate) type Spoken = BTreeMap<(Mac, IpAddr), (Timestamp, Timestamp)>;

/// When each MAC sent from each address, in the series of a link. Of a flow that several MACs sent it is the first: copies of a router come
/// behind what it passes on.
pub(crate) fn spoken<'s>(link: impl Iterator<Item = &'s Series>) -> Spoken {
    let mut out = Spoken::new();
    let rows = link.flat_map(|series| &series.rows);
    for (key, row) in rows.filter(|(key, _)| key.folded.is_none()) {
        for side in Side::BOTH {
            let its = key.link.of(side);
            let Some(mac) = its.source else {
                continue;
            };
            for span in row
                .spans
                .iter()
                .filter(|s| s.total.sent.of(side).packets > 0)
            {
                let (first, last) = (span.total.first.time, span.total.last.time);
                let (from, to) = out.entry((mac, key.key.ip(side))).or_insert((first, last));
                (*from, *to) = ((*from).min(first), (*to).max(last));
            }
        }
    }
    out
}

/// Lets each series know what the others know of its link, and of the names of its flows.
pub(crate) fn share(series: &mut [Series]) {
    if series.len() < 2 {
        return;
    }
    for link in links(series) {
        share_link(series, &link);
    }
    share_names(series);
    share_offers(series);
}

/// Places of series that stand on one link; those that stand alone are left out.
fn links(series: &[Series]) -> Vec<Vec<usize>> {
    let seen: Vec<Seen> = series.iter().map(Seen::of).collect();
    let mut links: Vec<Vec<usize>> = Vec::new();
    for (place, own) in seen.iter().enumerate() {
        let together = |other: &usize| seen.get(*other).is_some_and(|it| own.meets(it));
        // Two links that this one joins are one.
        let (joined, apart): (Vec<_>, Vec<_>) = links
            .into_iter()
            .partition(|link| link.iter().any(together));
        links = apart;
        links.push(joined.into_iter().flatten().chain([place]).collect());
    }
    links.retain(|link| link.len() > 1);
    links
}

/// The machines that a series shows, and when.
struct Seen {
    /// Those that sent, or that something was sent to: a tap shows one direction.
    machines: BTreeSet<Mac>,
    /// From the first to the last packet.
    extent: Option<(Timestamp, Timestamp)>,
}

impl Seen {
    fn of(series: &Series) -> Self {
        let mut machines: BTreeSet<Mac> = series.ledger.stations.keys().copied().collect();
        for (key, _) in &series.rows {
            let ends = Side::BOTH.map(|side| *key.link.of(side));
            let macs = ends.iter().flat_map(|end| [end.source, end.target]);
            machines.extend(macs.flatten().filter(|mac| !mac.is_group()));
        }
        let extents = series.extents.values();
        let extents = extents.map(|extent| (extent.first.time, extent.last.time));
        Self {
            machines,
            extent: extents.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1))),
        }
    }

    /// True if both are of one link.
    fn meets(&self, other: &Self) -> bool {
        let common = self.machines.intersection(&other.machines);
        match (common.take(COMMON).count(), self.extent, other.extent) {
            (COMMON, ..) => true,
            (1, Some(a), Some(b)) => a.0 <= b.1 && b.0 <= a.1,
            _ => false,
        }
    }
}

/// Puts together what the series of a link know of it.
fn share_link(series: &mut [Series], link: &[usize]) {
    let first = link.iter().min().copied().unwrap_or_default();
    let members = || link.iter().copied();
    let mut stations: BTreeMap<Mac, Station> = BTreeMap::new();
    let mut on_link = BTreeMap::new();
    let (mut routers, mut reverse) = (BTreeSet::new(), BTreeSet::new());
    let (mut macs, mut addresses) = (BTreeSet::new(), BTreeSet::new());
    for of in members().filter_map(|at| series.get(at)) {
        let ledger = &of.ledger;
        for (mac, station) in &ledger.stations {
            stations.entry(*mac).or_default().learn(station);
        }
        for (network, at) in &ledger.on_link {
            let first: &mut Moment = on_link.entry(*network).or_insert(*at);
            *first = (*first).min(*at);
        }
        routers.extend(ledger.routers.iter().copied());
        reverse.extend(ledger.reverse.iter().copied());
        macs.extend(ledger.device_macs.iter().copied());
        addresses.extend(ledger.device_seen.iter().copied());
    }
    for at in members() {
        let Some(of) = series.get_mut(at) else {
            continue;
        };
        of.link = first;
        let ledger = &mut of.ledger;
        ledger.stations.clone_from(&stations);
        ledger.on_link.clone_from(&on_link);
        ledger.routers.clone_from(&routers);
        ledger.reverse.clone_from(&reverse);
        ledger.device_macs.clone_from(&macs);
        ledger.device_seen.clone_from(&addresses);
    }
}

/// Names the ends of rows that their own series has no name for.
fn share_names(series: &mut [Series]) {
    let mut found: Vec<(usize, usize, Side, Vec<NameEvent>)> = Vec::new();
    for (place, of) in series.iter().enumerate() {
        for (at, (key, row)) in of.rows.iter().enumerate() {
            for side in Side::BOTH {
                let events = elsewhere(series, place, key, row, side);
                if !events.is_empty() {
                    found.push((place, at, side, events));
                }
            }
        }
    }
    for (place, at, side, events) in found {
        let row = series.get_mut(place).and_then(|of| of.rows.get_mut(at));
        if let Some((key, row)) = row {
            name(key, row, side, events);
        }
    }
}

/// Which names stand for others under an encrypted hello is the same for everybody.
fn share_offers(series: &mut [Series]) {
    let mut all: BTreeMap<Arc<str>, BTreeSet<Arc<str>>> = BTreeMap::new();
    for (outer, asked) in series.iter().flat_map(|of| &of.ledger.ech) {
        all.entry(Arc::clone(outer))
            .or_default()
            .extend(asked.iter().map(Arc::clone));
    }
    for of in series {
        of.ledger.ech.clone_from(&all);
    }
}

/// What other series say that the address of a side was called when the row began, newest last.
fn elsewhere(
    series: &[Series],
    place: usize,
    key: &RowKey,
    row: &Row,
    side: Side,
) -> Vec<NameEvent> {
    let spans = row.spans.iter();
    let began: Option<Timestamp> = spans.map(|span| span.total.first.time).min();
    let (Some(began), None, None) = (began, key.folded, &key.resolved.of(side).asked) else {
        return Vec::new();
    };
    let client = side.other();
    let link = key.link.of(client).source.or(key.link.of(side).target);
    let asker: (IpAddr, Option<Mac>) = (key.key.ip(client), link);
    let others = series.iter().enumerate().filter(|(at, _)| *at != place);
    let events = others.flat_map(|(_, other)| {
        let address = key.key.ip(side);
        other.ledger.names_asked_by(address, asker, began)
    });
    let mut events: Vec<NameEvent> = events.cloned().collect();
    events.sort_by(|a, b| (a.at, &a.name).cmp(&(b.at, &b.name)));
    events
}

fn name(key: &mut RowKey, row: &mut Row, side: Side, events: Vec<NameEvent>) {
    for event in events {
        let said = row.resolved.of_mut(side);
        let asked = (Arc::clone(&event.name), NameSource::Dns);
        let aliases = event.aliases.iter();
        let aliases = aliases.map(|alias| (Arc::clone(alias), NameSource::DnsAlias));
        for (name, source) in std::iter::once(asked).chain(aliases) {
            said.say(Named { name, source }, event.at);
        }
        *key.resolved.of_mut(side) = Resolved {
            asked: Some(event.name),
            aliases: event.aliases,
        };
    }
}

#[cfg(test)]
mod tests;
