//! Rows: what is left of flows once they are over, merged where only the opener's port differs.
//!
//! Nothing that decides scope or attribution later is merged away: addresses, link facts, names,
//! relay requests and who opened stay in the key. The number of rows is bounded; what is over is
//! folded by the end that is near, and what a [`Rank`] calls accusing is kept before what is not.

use super::table::Closed;
use crate::evidence::bins::Bins;
use crate::evidence::content::Hits;
use crate::evidence::flow::{NameSource, Named, Pair, Relay, Side};
use crate::evidence::ledger::{Ledger, NameEvent};
use crate::evidence::row::{Folded, PORTS_MAX, Resolved, Row, RowKey};
use crate::ground::address::{Class, classify};
use crate::ground::moment::Moment;
use foldhash::fast::RandomState;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// Rows kept of a series before folding begins; at about a kilobyte each.
const ROWS_MAX: usize = 12_000;
/// Rows kept that accuse, beyond which even those are folded.
const ACCUSING_MAX: usize = 2 * ROWS_MAX;
/// Folded rows with a near end of their own.
const FOLDED_MAX: usize = 2_000;
/// Names listed of a row, and as many again that accuse.
const NAMES_MAX: usize = 512;

/// Fingerprints listed of a row: programs on one device, and the few settings that each has.
const JA4_MAX: usize = 16;

/// How much a row accuses: the higher, the longer it is kept.
pub type Rank = dyn Fn(&RowKey, &Ledger) -> bool + Send + Sync;

/// The rows of a series.
#[derive(Debug, Default)]
pub struct Rows {
    rows: HashMap<RowKey, Row, RandomState>,
    /// Flows that were folded.
    pub folded: u64,
    /// Names of rows that were left out.
    pub names_folded: u64,
    keep_ports: bool,
    limit: Option<usize>,
}

impl Rows {
    /// Rows that are never merged: one per flow, at most `limit`.
    pub fn one_per_flow(limit: usize) -> Self {
        Self {
            keep_ports: true,
            limit: Some(limit),
            ..Self::default()
        }
    }

    /// Takes a closed flow in. Names are resolved against the ledger as it is now.
    pub fn add(&mut self, closed: Closed, ledger: &Ledger, accuses: &Rank) {
        let mut key = self.key_of(&closed, ledger);
        let known = self.rows.contains_key(&key);
        if !known {
            let limit = self.limit.unwrap_or(ROWS_MAX);
            let full = self.rows.len() >= limit;
            if full && (self.rows.len() >= limit.max(ACCUSING_MAX) || !accuses(&key, ledger)) {
                // The near end is kept apart while there is room for it.
                key = fold(&key, self.rows.len() < limit.max(ACCUSING_MAX) + FOLDED_MAX);
                self.folded += 1;
            }
        }
        let opener = closed.flow.key.port(key.opener.0);
        let row = self.rows.entry(key).or_insert_with(|| Row {
            flows: 0,
            opener_port: Some(opener),
            opener_ports: BTreeSet::new(),
            spans: Vec::new(),
            said: BTreeMap::new(),
            resolved: Pair::default(),
            lookups: BTreeSet::new(),
            ja4: BTreeSet::new(),
            client_subnet: false,
            frames: BTreeSet::new(),
            quoted: false,
            conflict: false,
            joined_late: 0,
            bins: Bins::default(),
            content: Hits::default(),
        });
        row.flows += 1;
        row.bins.merge(&closed.flow.bins);
        if row.opener_port != Some(opener) {
            row.opener_port = None;
        }
        if row.opener_ports.len() <= PORTS_MAX {
            row.opener_ports.insert(opener);
        }
        row.quoted |= closed.flow.facts.quoted;
        row.conflict |= closed.flow.facts.conflict;
        row.client_subnet |= closed.flow.facts.client_subnet;
        for ja4 in &closed.flow.facts.ja4 {
            if row.ja4.len() < JA4_MAX {
                row.ja4.insert(Arc::clone(ja4));
            }
        }
        row.joined_late += u64::from(closed.flow.joined_late);
        if let Some(hits) = closed.flow.personal.hits() {
            row.content.merge(hits);
        }
        for (named, at) in &closed.flow.facts.names {
            row.frame(at.at);
            self.names_folded += u64::from(!say(&mut row.said, named.clone(), *at, ledger));
        }
        for side in Side::BOTH {
            for event in resolved_events(&closed, side, ledger) {
                let named = |name: &Arc<str>, source| Named {
                    name: Arc::clone(name),
                    source,
                };
                let names = row.resolved.of_mut(side);
                let asked = named(&event.name, NameSource::Dns);
                let aliases = event.aliases.iter();
                let aliases = aliases.map(|alias| named(alias, NameSource::DnsAlias));
                for name in std::iter::once(asked).chain(aliases) {
                    self.names_folded += u64::from(!say(names, name, event.at, ledger));
                }
            }
        }
        for name in &closed.flow.facts.lookups {
            let kept = row.lookups.len();
            if kept < NAMES_MAX || (kept < 2 * NAMES_MAX && ledger.accusing.says(name)) {
                row.lookups.insert(Arc::clone(name));
            } else if !row.lookups.contains(name) {
                self.names_folded += 1;
            }
        }
        for span in &closed.spans {
            row.count(span);
        }
    }

    fn key_of(&self, closed: &Closed, ledger: &Ledger) -> RowKey {
        let flow = &closed.flow;
        let opener = flow.opener();
        let mut names: Vec<Named> = flow.facts.names.iter().map(|(n, _)| n.clone()).collect();
        names.sort();
        let newest = |side| {
            resolved_events(closed, side, ledger)
                .last()
                .map(|e| Resolved {
                    asked: Some(Arc::clone(&e.name)),
                    aliases: e.aliases.clone(),
                })
                .unwrap_or_default()
        };
        RowKey {
            key: if self.keep_ports {
                flow.key
            } else {
                flow.key.without_port(opener.0)
            },
            started: self.keep_ports.then_some(flow.started),
            folded: None,
            transport: flow.key.protocol(),
            opener,
            link: flow.link,
            names,
            resolved: Pair {
                a: newest(Side::A),
                b: newest(Side::B),
            },
            protocol: flow.facts.protocol,
            relay: flow.facts.relay.clone(),
            literal: flow.facts.literal,
            target_port: flow.facts.target_port,
            link_only: flow.facts.link_only == Some(true),
            only_lookups: flow.facts.only_lookups,
            public_lookup: flow.facts.public_lookup,
            tunnel: flow.facts.tunnel,
            hidden: flow.facts.hidden,
            ech: flow.facts.ech,
            esni: flow.facts.esni,
            apps: {
                let mut apps = flow.apps.clone();
                apps.sort_unstable();
                apps
            },
        }
    }

    /// The frames of each row over time, in no order.
    pub fn bins_mut(&mut self) -> impl Iterator<Item = &mut Bins> {
        self.rows.values_mut().map(|row| &mut row.bins)
    }

    /// The rows in a fixed order.
    pub fn into_sorted(self) -> Vec<(RowKey, Row)> {
        let mut rows: Vec<(RowKey, Row)> = self.rows.into_iter().collect();
        rows.sort_by(|a, b| a.0.cmp(&b.0));
        rows
    }
}

/// The names that the address of `side` had for the other side when the flow began.
fn resolved_events<'l>(closed: &Closed, side: Side, ledger: &'l Ledger) -> Vec<&'l NameEvent> {
    let flow = &closed.flow;
    let client = side.other();
    let mac = flow.link.of(client).source.or(flow.link.of(side).target);
    ledger.names_of(
        flow.key.ip(side),
        flow.key.ip(client),
        mac,
        flow.started.time,
    )
}

/// A row of everything that is like this one at the near end.
fn fold(key: &RowKey, keep_near: bool) -> RowKey {
    let local = |side| classify(key.key.ip(side)).is_local_source();
    let group = |side| classify(key.key.ip(side)).class == Class::MulticastLocal;
    let folded =
        if local(Side::A) && local(Side::B) || group(Side::A) || group(Side::B) || key.link_only {
            Folded::Local
        } else {
            Folded::Beyond
        };
    let near = Side::BOTH
        .into_iter()
        .find(|side| keep_near && local(*side));
    RowKey {
        key: key.key.folded(near),
        started: None,
        folded: Some(folded),
        transport: key.transport,
        opener: key.opener,
        link: Pair::default(),
        names: Vec::new(),
        resolved: Pair::default(),
        protocol: None,
        relay: key.relay.as_ref().map(|_| Relay::Lookup),
        literal: None,
        target_port: None,
        link_only: key.link_only,
        only_lookups: key.only_lookups,
        public_lookup: key.public_lookup,
        tunnel: key.tunnel,
        hidden: None,
        ech: false,
        esni: false,
        // Whose it was says how a folded row is judged, as the near end does.
        apps: if keep_near {
            key.apps.clone()
        } else {
            Vec::new()
        },
    }
}

/// Lists a name; false if there was no room.
fn say(names: &mut BTreeMap<Named, Moment>, named: Named, at: Moment, ledger: &Ledger) -> bool {
    let kept = names.len();
    let room = kept < NAMES_MAX
        || names.contains_key(&named)
        || (kept < 2 * NAMES_MAX && ledger.accusing.says(&named.name));
    if room {
        let first = names.entry(named).or_insert(at);
        if at.at < first.at {
            *first = at;
        }
    }
    room
}
