//! Rows grouped into destinations: the same place under the same name, by the same machine.

use super::Scope;
use super::catalog::{Catalog, RoleAttribution};
use super::destination::{
    Client, Destination, DestinationKey, JA4_MAX, Note, Share, Traffic, View,
};
use super::labels::Labelling;
use crate::evidence::content::Hit;
use crate::evidence::flow::{HiddenLookups, NameSource, Named, Opening, Relay, Side, Turned};
use crate::evidence::row::{FRAMES_MAX, Row, RowKey};
use crate::judge::identity::DeviceMatch;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

/// Names kept per destination, and as many again that accuse.
const NAMES_MAX: usize = 512;

/// What is decided about one row.
pub(super) struct RowVerdict {
    pub(super) scope: Scope,
    pub(super) ours: Side,
    pub(super) whose: DeviceMatch,
    pub(super) client: Client,
    pub(super) app: Option<Arc<Labelling>>,
    pub(super) ip: Option<IpAddr>,
    pub(super) port: Option<u16>,
    pub(super) via: Option<(IpAddr, u16)>,
    pub(super) host: Option<Named>,
    pub(super) lookups_only: bool,
    pub(super) served: bool,
    pub(super) hidden: Option<HiddenLookups>,
    pub(super) folded: bool,
    /// Nothing but a port says which side is ours.
    pub(super) guessed: bool,
}

/// The sides whose names are names of the far end: what it calls our side is none of them.
pub(super) fn askers(theirs: Side, guessed: bool) -> impl Iterator<Item = Side> {
    let may_be_ours = move |side: &Side| guessed || *side != theirs;
    Side::BOTH.into_iter().filter(may_be_ours)
}

/// The far end asked, and our side did not: the names in it are what it called our side.
pub(super) fn asked_us(key: &RowKey, theirs: Side) -> bool {
    let (asker, how) = key.asker();
    key.turned != Some(Turned::BothAsk) && asker == theirs && how >= Opening::Request
}

/// The far end opened the flow and asked: our side is a server, and no client.
pub(super) fn serves(key: &RowKey, theirs: Side) -> bool {
    key.opener.0 == theirs && asked_us(key, theirs)
}

/// The series that a row is of.
#[derive(Clone, Copy)]
pub(super) struct Of {
    /// Its index.
    pub(super) series: usize,
    /// There are several: which conversations it shows is kept.
    pub(super) several: bool,
}

/// Adds a row to its destination.
pub(super) fn group(
    destinations: &mut BTreeMap<DestinationKey, Destination>,
    key: &RowKey,
    row: &Row,
    judged: RowVerdict,
    of: Of,
    catalog: &Catalog,
) {
    let place = DestinationKey {
        scope: judged.scope,
        ip: judged.ip,
        port: judged.port,
        transport: key.transport,
        via: judged.via,
        host: judged.host.as_ref().map(|h| Arc::clone(&h.name)),
        host_source: judged.host.as_ref().map(|h| h.source),
        lookups_only: judged.lookups_only,
        served: judged.served,
        whose: match judged.whose {
            DeviceMatch::Device => 0,
            DeviceMatch::Unsure => 1,
            DeviceMatch::Other => 2,
        },
        app: judged.app.clone(),
        folded: judged.folded,
    };
    let destination = destinations
        .entry(place)
        .or_insert_with_key(|place| Destination::new(place.clone(), judged.whose));
    destination.name(key, row, &judged, catalog);
    destination.remark(key, row);
    let theirs = judged.ours.other();
    let asked = |asker: &Side| askers(theirs, judged.guessed).any(|side| side == *asker);
    let lookups = row.lookups.iter().filter(|(asker, _)| asked(asker));
    destination
        .looked_up
        .extend(lookups.map(|(_, name)| Arc::clone(name)));
    destination.hidden = destination.hidden.or(judged.hidden);
    if !judged.folded {
        let client = key.key.ip(judged.ours);
        if destination.clients.last() != Some(&client) {
            destination.clients.push(client);
        }
    }
    for ja4 in &row.ja4 {
        if destination.ja4.len() < JA4_MAX {
            destination.ja4.insert(Arc::clone(ja4));
        }
    }
    if let Some(protocol) = key.protocol
        && let Err(at) = destination.protocols.binary_search(&protocol)
    {
        destination.protocols.insert(at, protocol);
    }
    for frame in &row.frames {
        if destination.frames.len() < FRAMES_MAX
            && let Err(at) = destination.frames.binary_search(frame)
        {
            destination.frames.insert(at, *frame);
        }
    }
    destination.over_time.merge(&row.bins);
    destination.count(key, row, &judged, of);
}

impl Destination {
    /// What it was called in a row.
    fn name(&mut self, key: &RowKey, row: &Row, judged: &RowVerdict, catalog: &Catalog) {
        let theirs = judged.ours.other();
        if !judged.guessed && !row.said.of(theirs).is_empty() {
            self.notes.insert(Note::AskedByTheFarEnd);
        }
        let said = askers(theirs, judged.guessed).flat_map(|asker| row.said.of(asker).iter());
        for (named, at) in said.chain(row.resolved.of(theirs).iter()) {
            let kept = self.names.len();
            let accuses = || {
                let row = catalog.lookup(&named.name);
                row.is_some_and(|row| row.attribution >= RoleAttribution::ThirdParty)
            };
            if kept < NAMES_MAX || self.names.contains(named) || (kept < 2 * NAMES_MAX && accuses())
            {
                self.names.say(named.clone(), *at);
            } else {
                self.names_folded = self.names_folded.or(Some(*at));
            }
        }
        // They are aliases of the name that was asked for: of one that the client names itself only if it is the same.
        let resolved = key.resolved.of(theirs);
        if judged.host.as_ref().is_none_or(|host| {
            host.source == NameSource::Dns || resolved.asked.as_ref() == Some(&host.name)
        }) {
            self.aliases.extend(resolved.aliases.iter().cloned());
        }
    }

    /// What a reader should know of a row.
    fn remark(&mut self, key: &RowKey, row: &Row) {
        let tunnel = key.tunnel.map(Note::OpaqueTunnel);
        let clear = (key.relay == Some(Relay::Tunnel)).then_some(Note::ClearTunnel);
        let remarks = [
            row.client_subnet.then_some(Note::ClientSubnet),
            row.conflict.then_some(Note::CopiesDiffer),
            row.quoted.then_some(Note::Quoted),
            row.routed.then_some(Note::Routed),
            clear,
            tunnel,
        ];
        self.notes.extend(remarks.into_iter().flatten());
    }

    /// What went, and what was readable in it.
    fn count(&mut self, key: &RowKey, row: &Row, judged: &RowVerdict, of: Of) {
        // Series come one after the other.
        if self.views.last().is_none_or(|v| v.series != of.series) {
            if self.views.is_empty() {
                self.views.reserve_exact(1);
            }
            self.views.push(View::new(of.series, of.several));
        }
        let Some(view) = self.views.last_mut() else {
            return;
        };
        view.flows += row.flows;
        if of.several {
            match (view.conversations.as_mut(), row.conversations(key)) {
                (Some(kept), Some(more)) => kept.extend(more),
                _ => view.conversations = None,
            }
        }
        let sent = row.content.iter().filter(|hit| hit.side == judged.ours);
        // From here on only the interval and the text tell hits apart: all of them went out.
        view.content.take(sent.map(|hit| Hit {
            side: Side::A,
            ..hit.clone()
        }));
        if self.shares.is_empty() {
            self.shares.reserve_exact(1);
        }
        for span in &row.spans {
            let total = Traffic::of(&span.total, judged.ours);
            View::add(&mut view.total, span.interval, total);
            if let Some(active) = span.active() {
                let traffic = Traffic::of(active, judged.ours);
                View::add(&mut view.active, span.interval, traffic);
                self.shares.push(Share {
                    series: of.series,
                    client: judged.client,
                    interval: span.interval,
                    traffic,
                });
            }
        }
    }
}

#[cfg(test)]
mod tests;
