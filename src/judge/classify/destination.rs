//! Destinations: rows grouped by where they went and under which name.
//!
//! A destination is one scope, address, port, transport, best name and machine. What several
//! vantages saw of it is kept apart and never summed.

use super::attribution::{
    Attributed, Attribution, Grounds, by_evidence, by_evidence_of_lookup, by_looked_up_name,
    by_name,
};
use super::catalog::{Catalog, RoleAttribution};
use super::dns_tunnel;
use super::labels::Labelling;
pub use super::note::Note;
pub use super::traffic::{Traffic, View};
use super::{Basis, Scope, Stage};
use crate::evidence::content::{Hit, Hits, Kind};
use crate::evidence::flow::{NameSource, Named, Opening, Relay, Side};
use crate::evidence::row::{Conversation, FRAMES_MAX, Row, RowKey};
use crate::ground::mac::Mac;
use crate::ground::moment::{FrameRef, Moment};
use crate::ground::public_name::is_public_name;
use crate::ground::translation::Translators;
use crate::judge::identity::Whose;
use crate::judge::locate::Place;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

/// Names kept per destination, and as many again that accuse.
const NAMES_MAX: usize = 512;

/// Fingerprints kept per destination: programs that open it, and the few settings that each has.
const JA4_MAX: usize = 16;

/// More than this out to one resolver is payload, whatever it asks for (contract, "Stages").
const LOOKUPS_OUT_MAX: u64 = 64_000;

/// What destinations are told apart by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// Internet or relayed.
    pub scope: Scope,
    /// The far address; of a relay's target only if the request named it.
    pub ip: Option<IpAddr>,
    /// The far port; of a relayed destination none is known.
    pub port: Option<u16>,
    /// Protocol number.
    pub transport: u8,
    /// The local relay.
    pub via: Option<(IpAddr, u16)>,
    /// Best name.
    pub host: Option<Arc<str>>,
    /// Where it comes from.
    pub host_source: Option<NameSource>,
    /// Nothing but lookups, in clear or encrypted.
    pub lookups_only: bool,
    /// The far end asked and our side answered, as a server does.
    pub served: bool,
    /// The declared device, another machine, or untold.
    pub(super) whose: u8,
    /// The app, by the capture's label.
    pub app: Option<Arc<Labelling>>,
    /// Stands for many.
    pub folded: bool,
}

/// A machine of our side, as far as rows tell machines apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Client {
    /// The device or app under audit.
    Subject,
    /// By its MAC, where that stands for one machine.
    Mac(Mac),
    /// By its address.
    Address(IpAddr),
}

/// Where traffic went.
#[derive(Debug, Clone)]
pub struct Destination {
    /// Identity.
    pub key: Key,
    /// Whose traffic it is.
    pub attributed: Attributed,
    /// Where the address is.
    pub place: Option<Place>,
    /// All names with their first frame.
    pub names: BTreeMap<Named, Moment>,
    /// Where a name was first left out because there were too many.
    pub names_folded: Option<Moment>,
    /// Application protocols seen.
    pub protocols: BTreeSet<&'static str>,
    /// Flows of the fullest view.
    pub flows: u64,
    /// Per series.
    pub views: BTreeMap<usize, View>,
    /// What counts as traffic, by the machine of our side, per series and interval.
    pub(super) shares: BTreeMap<(usize, Client), Vec<(u32, Traffic)>>,
    /// Exemplar frames.
    pub frames: BTreeSet<FrameRef>,
    /// Addresses of our side.
    pub clients: BTreeSet<IpAddr>,
    /// The host opens in browsers too.
    pub browsable: bool,
    /// Fingerprints of the clients' hellos.
    pub ja4: BTreeSet<Arc<str>>,
    /// Remarks for the reader.
    pub notes: BTreeSet<Note>,
    /// Personal data that went out in clear, per series.
    pub content: BTreeMap<usize, Hits>,
    whose: Whose,
    aliases: BTreeSet<Arc<str>>,
    looked_up: BTreeSet<Arc<str>>,
    hidden: Option<&'static str>,
    flows_per_view: BTreeMap<usize, u64>,
    /// The conversations of each series, where there are several series; `None` if not all are known.
    pub(super) conversations: BTreeMap<usize, Option<BTreeSet<Conversation>>>,
}

impl Destination {
    /// The view of the series that saw most, and its index.
    pub fn fullest(&self) -> Option<(usize, Traffic)> {
        self.views
            .iter()
            .filter_map(|(index, view)| {
                Some((*index, View::sum(view.total.iter().map(|(_, t)| t))?))
            })
            .max_by_key(|(index, t)| {
                (
                    t.packets_out + t.packets_in,
                    t.bytes_out + t.bytes_in,
                    std::cmp::Reverse(*index),
                )
            })
    }

    /// How far it went in the intervals that `inside` accepts; `None` without traffic that counts.
    pub fn stage_in(&self, inside: &dyn Fn(u32) -> bool) -> Option<(Stage, Traffic)> {
        self.views
            .values()
            .filter_map(|view| {
                View::sum(
                    view.active
                        .iter()
                        .filter(|(e, _)| inside(*e))
                        .map(|(_, t)| t),
                )
            })
            .map(|t| (self.graded(&t), t))
            .max_by_key(|(stage, t)| (*stage, t.bytes_out, t.packets_out))
    }

    /// What each machine of our side sent and got, per series, in the intervals that `inside` accepts.
    pub fn shares_in(&self, inside: &dyn Fn(u32) -> bool) -> Vec<((usize, Client), Traffic)> {
        let of = |(of, list): (&(usize, Client), &Vec<(u32, Traffic)>)| {
            let inside = list.iter().filter(|(interval, _)| inside(*interval));
            Some((*of, View::sum(inside.map(|(_, t)| t))?))
        };
        self.shares.iter().filter_map(of).collect()
    }

    /// Application payload out that nothing could read, in the intervals that `inside` accepts, by the vantage that shows most.
    pub fn unread_out(&self, inside: &dyn Fn(u32) -> bool) -> u64 {
        self.views
            .values()
            .map(|view| {
                let inside = view.active.iter().filter(|(interval, _)| inside(*interval));
                inside.map(|(_, t)| t.unread_out).sum()
            })
            .max()
            .unwrap_or(0)
    }

    /// Personal data that went out in clear, in the intervals that `inside` accepts, in a fixed order. What several vantages saw
    /// of it is not summed.
    pub fn content_in(&self, inside: &dyn Fn(u32) -> bool) -> Vec<Hit> {
        type Text<'h> = (Kind, &'h str, Option<&'h str>, &'static str);
        let mut all: BTreeMap<Text<'_>, Hit> = BTreeMap::new();
        for hits in self.content.values() {
            let mut seen: BTreeMap<Text<'_>, Hit> = BTreeMap::new();
            for hit in hits.iter().filter(|hit| inside(hit.interval)) {
                let key = (hit.kind, hit.text.as_str(), hit.plain.as_deref(), hit.place);
                match seen.get_mut(&key) {
                    Some(have) => {
                        have.count = have.count.saturating_add(hit.count);
                        have.first = have.first.min(hit.first);
                    }
                    None => {
                        seen.insert(key, hit.clone());
                    }
                }
            }
            for (key, hit) in seen {
                match all.get_mut(&key) {
                    Some(have) if have.count >= hit.count => {}
                    _ => {
                        all.insert(key, hit);
                    }
                }
            }
        }
        all.into_values().collect()
    }

    /// How far it went over the whole capture.
    pub fn stage(&self) -> Stage {
        let counted = self.stage_in(&|_| true).map(|(stage, _)| stage);
        counted
            .or_else(|| self.fullest().map(|(_, t)| self.graded(&t)))
            .unwrap_or(Stage::Unsolicited)
    }

    fn graded(&self, traffic: &Traffic) -> Stage {
        let stage = traffic.stage();
        if self.key.lookups_only {
            stage.min(Stage::Lookup)
        } else {
            stage
        }
    }
}

impl Destination {
    /// Flows that a vantage shows.
    pub(super) fn flows_in(&self, index: usize) -> u64 {
        self.flows_per_view.get(&index).copied().unwrap_or(0)
    }

    /// Takes over what another vantage saw of the same traffic.
    pub(super) fn absorb(&mut self, other: Self) {
        for (named, at) in other.names {
            let first = self.names.entry(named).or_insert(at);
            *first = (*first).min(at);
        }
        self.protocols.extend(other.protocols);
        self.views.extend(other.views);
        self.shares.extend(other.shares);
        self.frames.extend(other.frames);
        while self.frames.len() > FRAMES_MAX {
            self.frames.pop_last();
        }
        self.clients.extend(other.clients);
        self.ja4.extend(other.ja4);
        while self.ja4.len() > JA4_MAX {
            self.ja4.pop_last();
        }
        self.notes.extend(other.notes);
        self.content.extend(other.content);
        self.notes.insert(Note::LabelOfAnotherVantage);
        self.aliases.extend(other.aliases);
        self.looked_up.extend(other.looked_up);
        self.hidden = self.hidden.or(other.hidden);
        self.flows_per_view.extend(other.flows_per_view);
        self.conversations.extend(other.conversations);
    }

    /// True where everything was DNS in clear, whether mere lookups or more.
    fn is_dns(&self) -> bool {
        let mut protocols = self.protocols.iter().peekable();
        self.key.lookups_only || (protocols.peek().is_some() && protocols.all(|p| *p == "dns"))
    }

    /// These lookups are more than that: what went out is payload.
    fn is_payload(&mut self) {
        self.key.lookups_only = false;
        for view in self.views.values_mut() {
            let counted = view.total.iter_mut().chain(&mut view.active);
            counted.for_each(|(_, traffic)| traffic.application_out |= traffic.bytes_out > 0);
        }
    }

    /// True for encrypted DNS, and where no question could be read: nothing stands in the lookups.
    pub fn looked_up_nothing(&self) -> bool {
        self.hidden.is_some() || self.looked_up.is_empty()
    }
}

#[cfg(test)]
impl Destination {
    /// A destination by hand, for tests of what judges destinations: one view, all of it in `interval`.
    pub(crate) fn by_hand(
        (host, ip): (Option<&str>, Option<IpAddr>),
        scope: Scope,
        whose: Attribution,
        (interval, traffic): (u32, Traffic),
        place: Option<Place>,
    ) -> Self {
        let all = vec![(interval, traffic)];
        let view = View {
            total: all.clone(),
            active: all.clone(),
        };
        Self {
            key: Key {
                scope,
                ip,
                port: Some(443),
                transport: crate::ground::protocol::TCP,
                via: None,
                host: host.map(Arc::from),
                host_source: host.map(|_| NameSource::TlsSni),
                lookups_only: false,
                served: false,
                whose: 0,
                app: None,
                folded: false,
            },
            attributed: Attributed {
                whose,
                why: Grounds::ByHand,
            },
            place,
            names: BTreeMap::new(),
            protocols: BTreeSet::new(),
            flows: 1,
            views: BTreeMap::from([(0, view)]),
            names_folded: None,
            shares: BTreeMap::from([((0, Client::Subject), all)]),
            frames: BTreeSet::new(),
            clients: BTreeSet::new(),
            browsable: false,
            notes: BTreeSet::new(),
            whose: Whose::Unsure,
            aliases: BTreeSet::new(),
            looked_up: BTreeSet::new(),
            hidden: None,
            flows_per_view: BTreeMap::from([(0, 1)]),
            conversations: BTreeMap::new(),
            ja4: BTreeSet::new(),
            content: Default::default(),
        }
    }
}

/// What is decided about one row.
pub(super) struct RowVerdict {
    pub(super) scope: Scope,
    pub(super) ours: Side,
    pub(super) whose: Whose,
    pub(super) client: Client,
    pub(super) app: Option<Arc<Labelling>>,
    pub(super) ip: Option<IpAddr>,
    pub(super) port: Option<u16>,
    pub(super) via: Option<(IpAddr, u16)>,
    pub(super) host: Option<Named>,
    pub(super) lookups_only: bool,
    pub(super) served: bool,
    pub(super) hidden: Option<&'static str>,
    pub(super) folded: bool,
}

/// The far end opened the flow: the names in it are what it called our side.
pub(super) fn asked_us(key: &RowKey, theirs: Side) -> bool {
    key.opener.0 == theirs && key.opener.1 >= Opening::Request
}

pub(super) fn group(
    destinations: &mut BTreeMap<Key, Destination>,
    key: &RowKey,
    row: &Row,
    judged: &RowVerdict,
    (index, several): (usize, bool),
    catalog: &Catalog,
) {
    let whose = match judged.whose {
        Whose::Device => 0,
        Whose::Unsure => 1,
        Whose::Other => 2,
    };
    let group_key = Key {
        scope: judged.scope,
        ip: judged.ip,
        port: judged.port,
        transport: key.transport,
        via: judged.via,
        host: judged.host.as_ref().map(|h| Arc::clone(&h.name)),
        host_source: judged.host.as_ref().map(|h| h.source),
        lookups_only: judged.lookups_only,
        served: judged.served,
        whose,
        app: judged.app.clone(),
        folded: judged.folded,
    };
    let destination = destinations
        .entry(group_key.clone())
        .or_insert_with(|| Destination {
            key: group_key,
            attributed: Attributed {
                whose: Attribution::Unknown,
                why: Grounds::Unnamed,
            },
            place: None,
            names: BTreeMap::new(),
            protocols: BTreeSet::new(),
            flows: 0,
            names_folded: None,
            views: BTreeMap::new(),
            shares: BTreeMap::new(),
            frames: BTreeSet::new(),
            clients: BTreeSet::new(),
            browsable: false,
            ja4: BTreeSet::new(),
            notes: BTreeSet::new(),
            content: BTreeMap::new(),
            whose: judged.whose,
            aliases: BTreeSet::new(),
            looked_up: BTreeSet::new(),
            hidden: None,
            flows_per_view: BTreeMap::new(),
            conversations: BTreeMap::new(),
        });
    let theirs = judged.ours.other();
    let empty = BTreeMap::new();
    let said = if asked_us(key, theirs) {
        &empty
    } else {
        &row.said
    };
    if said.len() < row.said.len() {
        destination.notes.insert(Note::OpenedByTheFarEnd);
    }
    for (named, at) in said.iter().chain(row.resolved.of(theirs)) {
        let kept = destination.names.len();
        let accuses = || {
            let row = catalog.lookup(&named.name);
            row.is_some_and(|row| row.attribution >= RoleAttribution::ThirdParty)
        };
        if kept < NAMES_MAX
            || destination.names.contains_key(named)
            || (kept < 2 * NAMES_MAX && accuses())
        {
            let first = destination.names.entry(named.clone()).or_insert(*at);
            *first = (*first).min(*at);
        } else {
            destination.names_folded = destination.names_folded.or(Some(*at));
        }
    }
    if judged
        .host
        .as_ref()
        .is_some_and(|h| h.source == NameSource::Dns)
        || judged.host.is_none()
    {
        destination
            .aliases
            .extend(key.resolved.of(theirs).aliases.iter().cloned());
    }
    destination.protocols.extend(key.protocol);
    *destination.flows_per_view.entry(index).or_insert(0) += row.flows;
    if several {
        let kept = destination.conversations.entry(index);
        let kept = kept.or_insert_with(|| Some(BTreeSet::new()));
        match (kept.as_mut(), row.conversations(key)) {
            (Some(kept), Some(more)) => kept.extend(more),
            _ => *kept = None,
        }
    }
    destination.looked_up.extend(row.lookups.iter().cloned());
    destination.hidden = destination.hidden.or(judged.hidden);
    if !judged.folded {
        destination.clients.insert(key.key.ip(judged.ours));
    }
    for ja4 in &row.ja4 {
        if destination.ja4.len() < JA4_MAX {
            destination.ja4.insert(Arc::clone(ja4));
        }
    }
    if row.client_subnet {
        destination.notes.insert(Note::ClientSubnet);
    }
    if row.conflict {
        destination.notes.insert(Note::CopiesDiffer);
    }
    if row.quoted {
        destination.notes.insert(Note::Quoted);
    }
    if key.relay == Some(Relay::Tunnel) {
        destination.notes.insert(Note::ClearTunnel);
    }
    if let Some(tunnel) = key.tunnel {
        destination.notes.insert(Note::OpaqueTunnel(tunnel));
    }
    for frame in &row.frames {
        if destination.frames.len() < FRAMES_MAX {
            destination.frames.insert(*frame);
        }
    }
    for hit in row.content.iter().filter(|hit| hit.side == judged.ours) {
        let content = destination.content.entry(index).or_default();
        // From here on only the interval and the text tell hits apart: all of them went out.
        content.add(Hit {
            side: Side::A,
            ..hit.clone()
        });
    }
    let view = destination.views.entry(index).or_default();
    let share = destination
        .shares
        .entry((index, judged.client))
        .or_default();
    for span in &row.spans {
        View::add(
            &mut view.total,
            span.interval,
            Traffic::of(&span.total, judged.ours),
        );
        if let Some(active) = &span.active {
            let traffic = Traffic::of(active, judged.ours);
            View::add(&mut view.active, span.interval, traffic);
            View::add(share, span.interval, traffic);
        }
    }
}

/// Attribution and place, once all rows of a destination are known.
pub(super) fn finish(destination: &mut Destination, basis: &Basis<'_>, translators: &Translators) {
    let place = destination
        .key
        .ip
        .and_then(|ip| basis.place(ip, translators));
    let fullest = destination.fullest();
    if let Some((index, _)) = fullest {
        destination.flows = destination.flows_per_view.get(&index).copied().unwrap_or(0);
    }
    let bytes_out = fullest.map_or(0, |(_, t)| t.bytes_out);
    choose_host(destination, place.as_ref(), bytes_out, basis);
    let by_its_name = by_its_name(destination, place.as_ref(), bytes_out, basis);
    destination.place = place;
    destination.browsable = browsable(destination, basis);
    let whose = match destination.whose {
        // What the far end asked of the device is no doing of the device: a name may still accuse.
        Whose::Device if destination.key.served => Whose::Unsure,
        whose => whose,
    };
    let by_its_name = if destination.key.served && !by_its_name.whose.accuses() {
        Attributed::unknown(Grounds::Served)
    } else {
        by_its_name
    };
    let by_evidence = if destination.key.lookups_only {
        by_evidence_of_lookup
    } else {
        by_evidence
    };
    destination.attributed =
        by_evidence(whose, destination.key.app.as_ref()).unwrap_or(by_its_name);
    note_disagreement(destination);
}

/// Of several asserted names the one with the strongest attribution is the host.
fn choose_host(
    destination: &mut Destination,
    place: Option<&Place>,
    bytes_out: u64,
    basis: &Basis<'_>,
) {
    // Under an encrypted hello with a substituted name the host is what was asked for.
    if destination.key.host_source == Some(NameSource::Dns) {
        return;
    }
    let ip = destination.key.ip;
    let asserted = destination.names.keys().filter(|n| n.is_asserted_name());
    let strength = |named: &Named| {
        let by = by_name(Some(&named.name), [], ip, place, bytes_out, basis.catalog);
        by.whose
    };
    let strongest = asserted.max_by_key(|n| (strength(n), n.source, std::cmp::Reverse(&n.name)));
    if let Some(named) = strongest {
        destination.key.host = Some(Arc::clone(&named.name));
        destination.key.host_source = Some(named.source);
    }
}

/// Whose traffic it is by the names that it goes by, or that were asked for.
fn by_its_name(
    destination: &mut Destination,
    place: Option<&Place>,
    bytes_out: u64,
    basis: &Basis<'_>,
) -> Attributed {
    let by_host = |of: &Destination| {
        let (host, ip) = (of.key.host.as_ref(), of.key.ip);
        by_name(host, &of.aliases, ip, place, bytes_out, basis.catalog)
    };
    let too_much = destination.key.lookups_only && bytes_out > LOOKUPS_OUT_MAX;
    if destination.hidden.is_some() {
        if too_much {
            destination.is_payload();
        }
        // A name that accuses is not hidden by what it is used for.
        let named = by_host(destination);
        return match named.whose {
            Attribution::Vendor => named,
            _ => Attributed::unknown(Grounds::HiddenLookups),
        };
    }
    if !destination.is_dns() {
        return by_host(destination);
    }
    // A resolver's row takes the strongest attribution among the lookups, and of several such names the last.
    let internet = destination.key.scope == Scope::Internet;
    let strongest = destination
        .looked_up
        .iter()
        .filter(|name| internet || is_public_name(name))
        .map(|name| by_looked_up_name(name, basis.catalog))
        .max_by_key(|by| by.whose)
        .unwrap_or(Attributed::unknown(Grounds::UnreadLookups));
    let tunnel = note_dns_tunnels(destination, strongest.whose, basis);
    // A tunnel has made payload of it already.
    if destination.key.lookups_only && too_much {
        destination.is_payload();
        destination.notes.insert(Note::MuchInLookups(bytes_out));
    }
    let own = match tunnel {
        Some(domain) => by_looked_up_name(&domain, basis.catalog),
        None => strongest,
    };
    // What is no mere lookup is acquitted by its name only together with the address.
    if !destination.key.lookups_only && own.whose == Attribution::Os {
        os_at_its_address(destination, place, bytes_out, basis)
    } else {
        own
    }
}

/// True if a browser could have gone there: every vendor's host among what names the destination (its host and
/// aliases; for a resolver what was asked of it) is one that people also open in browsers.
fn browsable(destination: &Destination, basis: &Basis<'_>) -> bool {
    let named = destination.key.host.iter().chain(&destination.aliases);
    let asked = destination
        .looked_up
        .iter()
        .filter(|_| destination.is_dns());
    let mut vendors = named
        .chain(asked)
        .filter_map(|name| basis.catalog.lookup(name))
        .filter(|host| host.attribution == RoleAttribution::Vendor)
        .peekable();
    vendors.peek().is_some() && vendors.all(|host| host.browsable)
}

/// Lookups that carry data are a transfer and no mere lookups. Where other lookups of the same resolver accuse more than they do, the domain
/// is returned: what they carried is not laid to another's charge.
fn note_dns_tunnels(
    destination: &mut Destination,
    strongest: Attribution,
    basis: &Basis<'_>,
) -> Option<Arc<str>> {
    let mut own: Option<(Attribution, Arc<str>)> = None;
    for tunnel in dns_tunnel::seen(&destination.looked_up) {
        let domain: Arc<str> = tunnel.domain.into();
        destination.notes.insert(Note::DnsTunnel {
            domain: Arc::clone(&domain),
            names: tunnel.names.len(),
            bytes: tunnel.bytes,
        });
        destination.is_payload();
        for view in destination.views.values_mut() {
            let counted = view.total.iter_mut().chain(&mut view.active);
            // The names were read, and what they stand for was not.
            counted.for_each(|(_, traffic)| traffic.unread_out = traffic.bytes_out);
        }
        let whose = by_looked_up_name(&domain, basis.catalog).whose;
        if own.as_ref().is_none_or(|(have, _)| *have < whose) {
            own = Some((whose, domain));
        }
    }
    own.filter(|(whose, _)| *whose < strongest)
        .map(|(_, domain)| domain)
}

/// Lookups of `os` names that carry payload: the system's only if each name's operator is who was asked.
fn os_at_its_address(
    destination: &Destination,
    place: Option<&Place>,
    bytes_out: u64,
    basis: &Basis<'_>,
) -> Attributed {
    let ip = destination.key.ip;
    let each = destination
        .looked_up
        .iter()
        .map(|name| by_name(Some(name), [], ip, place, bytes_out, basis.catalog));
    each.max_by_key(|by| by.whose)
        .unwrap_or(Attributed::unknown(Grounds::UnreadLookups))
}

/// What names and address say against each other.
fn note_disagreement(destination: &mut Destination) {
    let Some(host) = destination.key.host.clone() else {
        return;
    };
    if destination.key.scope == Scope::Internet && !is_public_name(&host) {
        destination
            .notes
            .insert(Note::LocalNameAtPublicAddress(Arc::clone(&host)));
    }
    if destination.key.scope == Scope::Relayed && !destination.key.lookups_only {
        destination
            .notes
            .insert(Note::PublicNameAtPrivateAddress(host));
    }
}
