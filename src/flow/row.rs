//! Rows: what is left of flows once they are over, merged where only the opener's port differs.
//!
//! Nothing that decides scope or attribution later is merged away: addresses, link facts, names,
//! relay requests and who opened stay in the key. The number of rows is bounded; what is over is
//! folded by the end that is near, and what a [`Rank`] calls accusing is kept before what is not.

use super::bins::Bins;
use super::table::Closed;
use super::{Key, LinkFacts, NameSource, Named, Opening, Pair, Relay, Side, Span};
use crate::evidence::{FrameRef, Moment};
use crate::ledger::apps::AppId;
use crate::ledger::{Ledger, NameEvent};
use crate::packet::address::{Class, classify};
use crate::personal::Hits;
use foldhash::fast::RandomState;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

/// Rows kept of a series before folding begins; at about a kilobyte each.
const ROWS_MAX: usize = 12_000;
/// Rows kept that accuse, beyond which even those are folded.
const ACCUSING_MAX: usize = 2 * ROWS_MAX;
/// Folded rows with a near end of their own.
const FOLDED_MAX: usize = 2_000;
/// Frames listed of a row: first, last, and those that say a name.
pub const FRAMES_MAX: usize = 32;
/// Names listed of a row, and as many again that accuse.
const NAMES_MAX: usize = 512;

/// Ports of the opener kept of a row: what tells its flows apart in another vantage.
const PORTS_MAX: usize = 64;

/// Fingerprints listed of a row: programs on one device, and the few settings that each has.
const JA4_MAX: usize = 16;

/// The names that DNS gave an address when a flow began.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Resolved {
    /// The name asked for last; with its aliases.
    pub asked: Option<Arc<str>>,
    /// Aliases between that name and the address.
    pub aliases: Vec<Arc<str>>,
}

/// Whether a folded row leaves the site, by its addresses alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Folded {
    /// Both ends were local by their number.
    Local,
    /// One end was not.
    Beyond,
}

/// What rows are told apart by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowKey {
    /// Endpoints, the opener's port left out.
    pub key: Key,
    /// Start of the flow, where every flow has a row of its own.
    pub started: Option<Moment>,
    /// Set when the row stands for many that differ in their far ends; its far address means nothing.
    pub folded: Option<Folded>,
    /// Protocol number.
    pub transport: u8,
    /// Who opened it, and how that is known.
    pub opener: (Side, Opening),
    /// Link facts of each side.
    pub link: Pair<LinkFacts>,
    /// Names that the flow itself said, sorted.
    pub names: Vec<Named>,
    /// Names that DNS gave for the address of each side.
    pub resolved: Pair<Resolved>,
    /// Application protocol.
    pub protocol: Option<&'static str>,
    /// The flow asked a relay.
    pub relay: Option<Relay>,
    /// An address in place of a host name.
    pub literal: Option<IpAddr>,
    /// Port that a proxy was asked to connect to.
    pub target_port: Option<u16>,
    /// Discovery and group membership that stay on the link.
    pub link_only: bool,
    /// Nothing but DNS in clear.
    pub only_lookups: bool,
    /// A public name was looked up.
    pub public_lookup: bool,
    /// Opaque tunnel.
    pub tunnel: Option<&'static str>,
    /// Names are hidden.
    pub hidden: Option<&'static str>,
    /// An encrypted hello was offered.
    pub ech: bool,
    /// The server name was sent encrypted.
    pub esni: bool,
    /// Programs that labels name, sorted.
    pub apps: Vec<AppId>,
}

/// The ends of a flow, as every vantage shows them that is not behind a translator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Conversation {
    /// Who opened it.
    pub from: (IpAddr, u16),
    /// Who was asked.
    pub to: (IpAddr, u16),
    /// Protocol number.
    pub protocol: u8,
}

/// Counters of a row in one epoch of one input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowSpan {
    /// The epoch.
    pub epoch: u32,
    /// The input.
    pub input: u32,
    /// Everything.
    pub total: Tally,
    /// What counts as traffic of this epoch (see [`Span::counts`]); `None` if nothing does.
    pub active: Option<Tally>,
}

/// Counters over several flows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tally {
    /// Frames that are accounted here.
    pub frames: u64,
    /// Packets of each side.
    pub packets: Pair<u64>,
    /// Packets of each side that can answer something.
    pub answers: Pair<u64>,
    /// Payload bytes of each side.
    pub bytes: Pair<u64>,
    /// Application payload of each side that nothing could read.
    pub unread: Pair<u64>,
    /// Application payload was sent.
    pub application: Pair<bool>,
    /// Largest request body that each side declared, bytes.
    pub declared: Pair<u64>,
    /// Bytes that protocols took for themselves, of flows in which the side sent no application payload.
    pub spared: Pair<u64>,
    /// Of those flows the ones whose other end sent payload too.
    pub answered: Pair<u64>,
    /// Bytes quoted in ICMP errors.
    pub quoted: Pair<u64>,
    /// Bytes that one side acknowledged and no packet of the other holds.
    pub lost: u64,
    /// First packet.
    pub first: Moment,
    /// Last packet.
    pub last: Moment,
}

impl Tally {
    fn of(span: &Span) -> Self {
        let spared = |side| match span.application.of(side) {
            true => 0,
            false => *span.spared.of(side),
        };
        let answered = |side: Side| u64::from(spared(side) > 0 && *span.bytes.of(side.other()) > 0);
        Self {
            frames: span.frames,
            packets: span.packets,
            answers: span.answers,
            bytes: span.bytes,
            unread: Pair {
                a: span.unread(Side::A),
                b: span.unread(Side::B),
            },
            application: span.application,
            declared: span.declared,
            spared: Pair {
                a: spared(Side::A),
                b: spared(Side::B),
            },
            answered: Pair {
                a: answered(Side::A),
                b: answered(Side::B),
            },
            quoted: span.quoted,
            lost: span.lost,
            first: span.first,
            last: span.last,
        }
    }

    /// Adds the counters of another.
    pub fn add(&mut self, other: &Self) {
        self.frames = self.frames.saturating_add(other.frames);
        for side in Side::BOTH {
            let sum = |a: &mut Pair<u64>, b: &Pair<u64>| {
                let a = a.of_mut(side);
                *a = a.saturating_add(*b.of(side));
            };
            sum(&mut self.packets, &other.packets);
            sum(&mut self.answers, &other.answers);
            sum(&mut self.bytes, &other.bytes);
            sum(&mut self.unread, &other.unread);
            sum(&mut self.spared, &other.spared);
            sum(&mut self.answered, &other.answered);
            sum(&mut self.quoted, &other.quoted);
            *self.application.of_mut(side) |= *other.application.of(side);
            let most = self.declared.of_mut(side);
            *most = (*most).max(*other.declared.of(side));
        }
        self.lost = self.lost.saturating_add(other.lost);
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
    }

    /// The sum of several; `None` of none.
    pub fn sum<'t>(tallies: impl IntoIterator<Item = &'t Self>) -> Option<Self> {
        let mut sum: Option<Self> = None;
        for tally in tallies {
            match &mut sum {
                Some(sum) => sum.add(tally),
                None => sum = Some(*tally),
            }
        }
        sum
    }
}

/// Flows merged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Number of flows.
    pub flows: u64,
    /// The opener's port, if it was always the same one.
    pub opener_port: Option<u16>,
    /// The ports that the opener used; more than [`PORTS_MAX`] are not kept, and then none speaks for
    /// the row.
    pub opener_ports: BTreeSet<u16>,
    /// Counters per epoch and input, in that order. A list, because most rows have one entry and
    /// there are many rows.
    pub spans: Vec<RowSpan>,
    /// Where each name that the flow said was said first.
    pub said: BTreeMap<Named, Moment>,
    /// Where each name was said that DNS gave the address of a side.
    pub resolved: Pair<BTreeMap<Named, Moment>>,
    /// Names looked up in the flow.
    pub lookups: BTreeSet<Arc<str>>,
    /// Fingerprints of the clients' hellos.
    pub ja4: BTreeSet<Arc<str>>,
    /// Lookups carried a part of the asker's address.
    pub client_subnet: bool,
    /// Exemplar frames.
    pub frames: BTreeSet<FrameRef>,
    /// It was first seen as a quote in an ICMP error.
    pub quoted: bool,
    /// Copies of the same bytes differed.
    pub conflict: bool,
    /// A flow was open at its first packet.
    pub joined_late: u64,
    /// Accounted frames over time.
    pub bins: Bins,
    /// Personal data in clear.
    pub content: Hits,
}

/// How much a row accuses: the higher, the longer it is kept.
pub type Rank = dyn Fn(&RowKey, &Ledger) -> bool;

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

impl Row {
    /// The conversations of the row, opener first, if all of them are known.
    pub fn conversations<'r>(
        &'r self,
        key: &'r RowKey,
    ) -> Option<impl Iterator<Item = Conversation> + 'r> {
        let (opener, asked) = (key.opener.0, key.opener.0.other());
        let known = key.folded.is_none() && self.opener_ports.len() <= PORTS_MAX;
        known.then(|| {
            self.opener_ports.iter().map(move |port| Conversation {
                from: (key.key.ip(opener), *port),
                to: (key.key.ip(asked), key.key.port(asked)),
                protocol: key.transport,
            })
        })
    }

    fn frame(&mut self, at: FrameRef) {
        self.frames.insert(at);
        while self.frames.len() > FRAMES_MAX {
            // Keep the first ones and the very last.
            let second_last = self.frames.iter().nth_back(1).copied();
            match second_last {
                Some(frame) => self.frames.remove(&frame),
                None => break,
            };
        }
    }

    fn count(&mut self, span: &Span) {
        self.frame(span.first.at);
        self.frame(span.last.at);
        let tally = Tally::of(span);
        let active = span.counts().then_some(tally);
        let place = self
            .spans
            .binary_search_by_key(&(span.epoch, span.input), |s| (s.epoch, s.input));
        match place {
            Err(at) => self.spans.insert(
                at,
                RowSpan {
                    epoch: span.epoch,
                    input: span.input,
                    total: tally,
                    active,
                },
            ),
            Ok(at) => {
                let Some(have) = self.spans.get_mut(at) else {
                    return;
                };
                have.total.add(&tally);
                match (&mut have.active, active) {
                    (Some(sum), Some(more)) => sum.add(&more),
                    (None, more) => have.active = more,
                    (Some(_), None) => {}
                }
            }
        }
    }
}
