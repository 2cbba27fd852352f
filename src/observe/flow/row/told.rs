//! What a closed flow tells, compared with rows where it lies: the key of a row is made only for a row that is new.

use super::{Rank, name_bytes};
use crate::evidence::flow::{Key, LinkFacts, Named, Opening, Pair, Relay, Side, Turned};
use crate::evidence::ledger::apps::AppId;
use crate::evidence::ledger::{Ledger, NameEvent};
use crate::evidence::row::{Folded, Resolved, RowKey};
use crate::ground::address::{Class, classify};
use crate::ground::moment::Moment;
use crate::observe::flow::Flow;
use crate::observe::flow::table::Closed;
use foldhash::fast::RandomState;
use std::hash::{BuildHasher, Hash, Hasher};
use std::net::IpAddr;
use std::sync::Arc;

/// What a row would be told apart by, as far as a flow tells it.
pub(super) struct Told<'f> {
    flow: &'f Flow,
    key: Key,
    started: Option<Moment>,
    opener: (Side, Opening),
    turned: Option<Turned>,
    /// By who asked, sorted.
    names: Pair<Vec<&'f Named>>,
    events: Pair<Vec<&'f NameEvent>>,
    /// Sorted.
    apps: Vec<AppId>,
}

impl<'f> Told<'f> {
    pub(super) fn of(closed: &'f Closed, ledger: &'f Ledger, keep_ports: bool) -> Self {
        let flow = &*closed.flow;
        let opener = flow.opener();
        let mut names: Pair<Vec<&Named>> = Pair::default();
        for said in &flow.facts.names {
            names.of_mut(said.asker).push(&said.named);
        }
        names.a.sort();
        names.b.sort();
        let mut apps = flow.apps.to_vec();
        apps.sort_unstable();
        Self {
            key: match keep_ports {
                true => flow.key,
                false => flow.key.without_port(opener.0),
            },
            started: keep_ports.then_some(flow.started),
            opener,
            turned: flow.turned(),
            names,
            events: Pair {
                a: resolved(flow, Side::A, ledger),
                b: resolved(flow, Side::B, ledger),
            },
            apps,
            flow,
        }
    }

    /// The names that the address of `side` had for the other side when the flow began, newest last.
    pub(super) fn events(&self, side: Side) -> &[&'f NameEvent] {
        self.events.of(side)
    }

    /// Names that either end asked under.
    fn names(&self) -> impl Iterator<Item = &'f Named> {
        self.names.a.iter().chain(&self.names.b).copied()
    }

    pub(super) fn opener_port(&self) -> u16 {
        self.flow.key.port(self.opener.0)
    }

    fn newest(&self, side: Side) -> Option<&'f NameEvent> {
        self.events(side).last().copied()
    }

    /// Bytes that names take in its key.
    pub(super) fn name_bytes(&self) -> usize {
        let newest = [self.newest(Side::A), self.newest(Side::B)];
        let aliases = newest
            .into_iter()
            .flatten()
            .flat_map(|event| &*event.aliases);
        let own = self.names().map(|named| &named.name);
        let bytes = own.chain(aliases).map(|name| name_bytes(name));
        bytes.fold(0, usize::saturating_add)
    }

    /// The same of two flows that have the same row.
    pub(super) fn hash(&self, hasher: &RandomState) -> u64 {
        let facts = &self.flow.facts;
        let apart = Apart {
            key: &self.key,
            opener: self.opener,
            folded: None,
            started: self.started,
            link: self.flow.link,
            relay: facts.relay.as_ref(),
            literal: facts.literal,
            target_port: facts.target_port,
            apps: &self.apps,
        };
        let asked = |side| {
            self.newest(side)
                .map(|event| (&*event.name, &*event.aliases))
        };
        let asked = [asked(Side::A), asked(Side::B)];
        hash(hasher, &apart, self.names(), asked)
    }

    /// True if this is the key of its row.
    pub(super) fn is(&self, row: &RowKey) -> bool {
        let facts = &self.flow.facts;
        // All fields, so that none is forgotten.
        let RowKey {
            key,
            started,
            folded,
            transport,
            opener,
            turned,
            link,
            names,
            resolved,
            protocol,
            relay,
            relays,
            literal,
            target_port,
            link_only,
            only_lookups,
            public_lookup,
            tunnel,
            hidden,
            ech,
            esni,
            apps,
        } = row;
        *key == self.key
            && *started == self.started
            && folded.is_none()
            && *transport == self.flow.key.protocol()
            && *opener == self.opener
            && *turned == self.turned
            && *link == self.flow.link
            && *protocol == facts.protocol
            && *relay == facts.relay
            && *relays == facts.relays
            && *literal == facts.literal
            && *target_port == facts.target_port
            && *link_only == (facts.link_only == Some(true))
            && *only_lookups == facts.only_lookups
            && *public_lookup == facts.public_lookup
            && *tunnel == facts.tunnel
            && *hidden == facts.hidden
            && *ech == facts.ech
            && *esni == facts.esni
            && *apps == self.apps
            && Side::BOTH.into_iter().all(|side| {
                let (have, told) = (names.of(side), self.names.of(side));
                have.len() == told.len()
                    && have.iter().zip(told).all(|(a, b)| a == *b)
                    && is_resolved(resolved.of(side), self.newest(side))
            })
    }

    pub(super) fn key(&self) -> RowKey {
        let facts = &self.flow.facts;
        let cloned = |side| self.names.of(side).iter().copied().cloned().collect();
        let resolved = |side| match self.newest(side) {
            Some(event) => Resolved {
                asked: Some(Arc::clone(&event.name)),
                aliases: Arc::clone(&event.aliases),
            },
            None => Resolved::default(),
        };
        RowKey {
            key: self.key,
            started: self.started,
            folded: None,
            transport: self.flow.key.protocol(),
            opener: self.opener,
            turned: self.turned,
            link: self.flow.link,
            names: Pair {
                a: cloned(Side::A),
                b: cloned(Side::B),
            },
            resolved: Pair {
                a: resolved(Side::A),
                b: resolved(Side::B),
            },
            protocol: facts.protocol,
            relay: facts.relay.clone(),
            relays: facts.relays,
            literal: facts.literal,
            target_port: facts.target_port,
            link_only: facts.link_only == Some(true),
            only_lookups: facts.only_lookups,
            public_lookup: facts.public_lookup,
            tunnel: facts.tunnel,
            hidden: facts.hidden,
            ech: facts.ech,
            esni: facts.esni,
            apps: self.apps.clone(),
        }
    }

    pub(super) fn accuses(&self, ledger: &Ledger, accuses: &Rank) -> bool {
        let newest = [self.newest(Side::A), self.newest(Side::B)];
        let resolved = newest
            .into_iter()
            .flatten()
            .flat_map(|event| std::iter::once(&event.name).chain(&*event.aliases));
        let mut names = self.names().map(|named| &named.name);
        let mut names = names.by_ref().chain(resolved).map(|name| &**name);
        accuses(&self.apps, &mut names, ledger)
    }
}

/// What a row of everything is told apart by that is like one flow at the near end.
pub(super) struct FoldedTold {
    key: Key,
    folded: Folded,
    transport: u8,
    opener: (Side, Opening),
    turned: Option<Turned>,
    relayed: bool,
    relays: Pair<bool>,
    link_only: bool,
    only_lookups: bool,
    public_lookup: Pair<bool>,
    tunnel: Option<&'static str>,
    apps: Vec<AppId>,
}

impl FoldedTold {
    pub(super) fn of(told: &Told<'_>, keep_near: bool) -> Self {
        let key = &told.flow.key;
        let facts = &told.flow.facts;
        let link_only = facts.link_only == Some(true);
        let class = |side| classify(key.ip(side));
        let (a, b) = (class(Side::A), class(Side::B));
        let (local_a, local_b) = (a.is_local_source(), b.is_local_source());
        let group = a.class == Class::MulticastLocal || b.class == Class::MulticastLocal;
        let near = match (local_a, local_b) {
            _ if !keep_near => None,
            (true, _) => Some(Side::A),
            (false, true) => Some(Side::B),
            (false, false) => None,
        };
        Self {
            key: told.key.folded(near),
            folded: match (local_a && local_b) || group || link_only {
                true => Folded::Local,
                false => Folded::Beyond,
            },
            transport: key.protocol(),
            opener: told.opener,
            turned: told.turned,
            relayed: facts.relay.is_some(),
            relays: facts.relays,
            link_only,
            only_lookups: facts.only_lookups,
            public_lookup: facts.public_lookup,
            tunnel: facts.tunnel,
            // Whose it was says how a folded row is judged, as the near end does.
            apps: match keep_near {
                true => told.apps.clone(),
                false => Vec::new(),
            },
        }
    }

    /// The same of two flows that have the same row.
    pub(super) fn hash(&self, hasher: &RandomState) -> u64 {
        let apart = Apart {
            key: &self.key,
            opener: self.opener,
            folded: Some(self.folded),
            started: None,
            link: Pair::default(),
            relay: self.relayed.then_some(&Relay::Lookup),
            literal: None,
            target_port: None,
            apps: &self.apps,
        };
        hash(hasher, &apart, std::iter::empty(), [None, None])
    }

    /// True if this is the key of its row. What is not compared is empty in every folded row.
    pub(super) fn is(&self, row: &RowKey) -> bool {
        row.folded == Some(self.folded)
            && row.key == self.key
            && row.transport == self.transport
            && row.opener == self.opener
            && row.turned == self.turned
            && row.relay.is_some() == self.relayed
            && row.relays == self.relays
            && row.link_only == self.link_only
            && row.only_lookups == self.only_lookups
            && row.public_lookup == self.public_lookup
            && row.tunnel == self.tunnel
            && row.apps == self.apps
    }

    pub(super) fn key(&self) -> RowKey {
        RowKey {
            key: self.key,
            started: None,
            folded: Some(self.folded),
            transport: self.transport,
            opener: self.opener,
            turned: self.turned,
            link: Pair::default(),
            names: Pair::default(),
            resolved: Pair::default(),
            protocol: None,
            relay: self.relayed.then_some(Relay::Lookup),
            relays: self.relays,
            literal: None,
            target_port: None,
            link_only: self.link_only,
            only_lookups: self.only_lookups,
            public_lookup: self.public_lookup,
            tunnel: self.tunnel,
            hidden: None,
            ech: false,
            esni: false,
            apps: self.apps.clone(),
        }
    }
}

/// Fields of a key that are hashed as they are.
#[derive(Hash)]
struct Apart<'k> {
    key: &'k Key,
    opener: (Side, Opening),
    folded: Option<Folded>,
    started: Option<Moment>,
    link: Pair<LinkFacts>,
    relay: Option<&'k Relay>,
    literal: Option<IpAddr>,
    target_port: Option<u16>,
    apps: &'k [AppId],
}

/// A name that was asked for, and its aliases.
type Asked<'k> = (&'k str, &'k [Arc<str>]);

/// The hash of what a row is told apart by: of all fields that somebody who sends packets can make as many different ones of as they
/// like. Rows that differ in others alone are few, and share a hash.
fn hash<'n>(
    hasher: &RandomState,
    apart: &Apart<'_>,
    names: impl Iterator<Item = &'n Named>,
    asked: [Option<Asked<'_>>; 2],
) -> u64 {
    let mut state = hasher.build_hasher();
    apart.hash(&mut state);
    for name in names {
        name.hash(&mut state);
    }
    for name in asked.into_iter().flatten() {
        name.hash(&mut state);
    }
    state.finish()
}

fn is_resolved(have: &Resolved, newest: Option<&NameEvent>) -> bool {
    match (&have.asked, newest) {
        (Some(asked), Some(event)) => *asked == event.name && have.aliases == event.aliases,
        (None, None) => true,
        _ => false,
    }
}

fn resolved<'l>(flow: &Flow, side: Side, ledger: &'l Ledger) -> Vec<&'l NameEvent> {
    let client = side.other();
    let mac = flow.link.of(client).source.or(flow.link.of(side).target);
    ledger.names_of(
        flow.key.ip(side),
        flow.key.ip(client),
        mac,
        flow.started.time,
    )
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::evidence::flow::Behind;
    use crate::evidence::ledger::apps::Apps;
    use crate::ground::label::{Label, LabelSource};
    use crate::ground::mac::Mac;

    /// The hash under which a flow with this key finds its row.
    fn hash_of(row: &RowKey, hasher: &RandomState) -> u64 {
        let apart = Apart {
            key: &row.key,
            opener: row.opener,
            folded: row.folded,
            started: row.started,
            link: row.link,
            relay: row.relay.as_ref(),
            literal: row.literal,
            target_port: row.target_port,
            apps: &row.apps,
        };
        let asked = |side| {
            let resolved = row.resolved.of(side);
            let asked = resolved.asked.as_deref();
            asked.map(|name| (name, &*resolved.aliases))
        };
        let asked = [asked(Side::A), asked(Side::B)];
        hash(
            hasher,
            &apart,
            row.names.a.iter().chain(&row.names.b),
            asked,
        )
    }

    /// What the senders of packets choose must not put many rows under one hash: each new flow would be compared with all of them.
    #[test]
    fn rows_that_differ_in_what_a_sender_chooses_differ_in_their_hash() {
        let ends = |host: u8| ([192, 0, 2, host].into(), 9);
        let (key, side) = Key::new(ends(1), ends(2), 17);
        let row = FoldedTold {
            key,
            folded: Folded::Beyond,
            transport: 17,
            opener: (side, Opening::HigherPort),
            turned: None,
            relayed: false,
            relays: Pair::default(),
            link_only: false,
            only_lookups: false,
            public_lookup: Pair::default(),
            tunnel: None,
            apps: Vec::new(),
        }
        .key();
        let mut apps = Apps::default();
        let app = |uid: u32, apps: &mut Apps| {
            let label = Label {
                uid: Some(uid),
                ..Label::of(LabelSource::PcapdroidTrailer)
            };
            apps.packet(&label, 0, Moment::NONE).ok().flatten().unwrap()
        };
        let (one, other) = (app(1, &mut apps), app(2, &mut apps));
        let changed = |change: &dyn Fn(&mut RowKey)| {
            let mut row = row.clone();
            change(&mut row);
            row
        };
        let rows = [
            row.clone(),
            changed(&|r| r.apps = vec![one]),
            changed(&|r| r.apps = vec![other]),
            changed(&|r| r.apps = vec![one, other]),
            changed(&|r| r.link.a.source = Some(Mac([2; 6]))),
            changed(&|r| r.link.b.source = Some(Mac([2; 6]))),
            changed(&|r| r.link.a.behind = Some(Behind::Tunnel([192, 0, 2, 7].into()))),
            changed(&|r| r.relay = Some(Relay::Proxy(Some([192, 0, 2, 8].into())))),
            changed(&|r| r.relay = Some(Relay::Proxy(Some([192, 0, 2, 9].into())))),
            changed(&|r| r.literal = Some([192, 0, 2, 8].into())),
            changed(&|r| r.target_port = Some(80)),
            changed(&|r| r.target_port = Some(81)),
            changed(&|r| r.resolved.a.asked = Some("a.example".into())),
        ];
        let hasher = RandomState::default();
        let mut hashes: Vec<u64> = rows.iter().map(|row| hash_of(row, &hasher)).collect();
        hashes.sort_unstable();
        hashes.dedup();
        assert_eq!(hashes.len(), rows.len());
    }
}
