//! Destinations and lookups: rows grouped by where they went and under which name.
//!
//! A destination is one scope, address, port, transport, best name and machine. What several
//! vantages saw of it is kept apart and never summed.

use super::attribution::{Attributed, Attribution, by_device, by_looked_up_name, by_name};
use super::scope::{Local, Topology};
use super::{Basis, Scope, Stage};
use crate::audit::Series;
use crate::dissect::public_name::is_public_name;
use crate::evidence::{FrameRef, Moment};
use crate::flow::row::{FRAMES_MAX, Folded, Row, RowKey, Tally};
use crate::flow::{NameSource, Named, Pair, Relay, Side};
use crate::identity::{DeviceView, Whose, mac_of, our_side};
use crate::ledger::Lookup as Asked;
use crate::locate::Place;
use crate::packet::address::{Class, classify};
use crate::packet::transport::protocol;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

/// Names kept per destination.
const NAMES_MAX: usize = 64;

/// Counters of one side pair, turned so that out is away from us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Traffic {
    /// Packets out.
    pub packets_out: u64,
    /// Packets in.
    pub packets_in: u64,
    /// Packets out that can answer something.
    pub answers_out: u64,
    /// Packets in that can answer something.
    pub answers_in: u64,
    /// Payload out.
    pub bytes_out: u64,
    /// Payload in.
    pub bytes_in: u64,
    /// Application payload went out.
    pub application_out: bool,
    /// First packet.
    pub first: Moment,
    /// Last packet.
    pub last: Moment,
}

impl Traffic {
    fn of(tally: &Tally, ours: Side) -> Self {
        let theirs = ours.other();
        Self {
            packets_out: *tally.packets.of(ours),
            packets_in: *tally.packets.of(theirs),
            answers_out: *tally.answers.of(ours),
            answers_in: *tally.answers.of(theirs),
            bytes_out: *tally.bytes.of(ours),
            bytes_in: *tally.bytes.of(theirs),
            application_out: *tally.application.of(ours),
            first: tally.first,
            last: tally.last,
        }
    }

    fn add(&mut self, other: &Self) {
        self.packets_out += other.packets_out;
        self.packets_in += other.packets_in;
        self.answers_out += other.answers_out;
        self.answers_in += other.answers_in;
        self.bytes_out += other.bytes_out;
        self.bytes_in += other.bytes_in;
        self.application_out |= other.application_out;
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
    }

    /// How far it went (contract, "Stages").
    pub fn stage(&self) -> Stage {
        if self.answers_out == 0 && self.bytes_out == 0 {
            Stage::Unsolicited
        } else if self.application_out {
            Stage::Transferred
        } else if self.answers_in > 0 {
            Stage::Connected
        } else {
            Stage::Attempted
        }
    }
}

/// What one series saw of a destination.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct View {
    /// Per epoch, in order: everything.
    pub total: Vec<(u32, Traffic)>,
    /// Per epoch, in order: what counts as traffic of it.
    pub active: Vec<(u32, Traffic)>,
}

impl View {
    /// The sum over epochs.
    pub fn sum<'t>(traffic: impl Iterator<Item = &'t Traffic>) -> Option<Traffic> {
        traffic.fold(None, |sum: Option<Traffic>, t| match sum {
            Some(mut sum) => {
                sum.add(t);
                Some(sum)
            }
            None => Some(*t),
        })
    }

    fn add(list: &mut Vec<(u32, Traffic)>, epoch: u32, traffic: Traffic) {
        match list.binary_search_by_key(&epoch, |(e, _)| *e) {
            Ok(at) => {
                if let Some((_, have)) = list.get_mut(at) {
                    have.add(&traffic);
                }
            }
            Err(at) => list.insert(at, (epoch, traffic)),
        }
    }
}

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
    /// The declared device, another machine, or untold.
    whose: u8,
    /// Stands for many.
    pub folded: bool,
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
    /// Application protocols seen.
    pub protocols: BTreeSet<&'static str>,
    /// Flows of the fullest view.
    pub flows: u64,
    /// Per series.
    pub views: BTreeMap<usize, View>,
    /// Exemplar frames.
    pub frames: BTreeSet<FrameRef>,
    /// Addresses of our side.
    pub clients: BTreeSet<IpAddr>,
    /// The host opens in browsers too.
    pub browsable: bool,
    /// Remarks for the reader.
    pub notes: BTreeSet<String>,
    whose: Whose,
    aliases: BTreeSet<Arc<str>>,
    looked_up: BTreeSet<Arc<str>>,
    hidden: Option<&'static str>,
    flows_per_view: BTreeMap<usize, u64>,
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

    /// How far it went in the epochs that `inside` accepts; `None` without traffic that counts.
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

/// A name that was asked for.
#[derive(Debug, Clone)]
pub struct Lookup {
    /// The name.
    pub name: Arc<str>,
    /// Who was asked.
    pub resolver: IpAddr,
    /// Local, relayed or internet.
    pub scope: Scope,
    /// Whose lookup it is.
    pub attributed: Attributed,
    /// Who asked.
    pub clients: BTreeSet<IpAddr>,
    /// Record types.
    pub types: BTreeSet<u16>,
    /// Addresses answered.
    pub answers: BTreeSet<IpAddr>,
    /// Per epoch: how often, first, last.
    pub asked: BTreeMap<u32, (u64, Moment, Moment)>,
}

/// What one series amounts to.
pub struct Judged {
    /// Destinations.
    pub destinations: Vec<Destination>,
    /// Lookups.
    pub lookups: Vec<Lookup>,
    /// Packets per input and scope.
    pub counted: BTreeMap<(u32, Scope), u64>,
    /// Public addresses that the link proves to be local.
    pub proven: BTreeMap<IpAddr, String>,
    /// The device as each series shows it.
    pub devices: Vec<DeviceView>,
    /// Local flows that are opaque tunnels: name, series, first moment per epoch.
    pub opaque: Vec<Opaque>,
    /// Flows whose names are hidden.
    pub hidden: Vec<(Moment, u32, String)>,
    /// What each series says of the two directions of its flows, per epoch.
    pub directions: Vec<BTreeMap<u32, Directions>>,
}

/// A tunnel that cannot be looked into, to a local host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opaque {
    /// Index of the series.
    pub series: usize,
    /// The epoch.
    pub epoch: u32,
    /// First packet.
    pub first: Moment,
    /// Packets.
    pub packets: u64,
    /// What it is.
    pub name: String,
}

/// Which directions of the subject were recorded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Directions {
    /// Packets that the declared device sent to single hosts.
    pub device_out: u64,
    /// Packets that it received from single hosts.
    pub device_in: u64,
    /// TCP flows with payload of which both sides were seen.
    pub whole: u64,
    /// TCP flows with payload of which one side was seen.
    pub half: u64,
}

/// Groups and judges the rows and lookups of all series.
pub fn judge(basis: &Basis<'_>) -> Judged {
    let mut out = Judged {
        destinations: Vec::new(),
        lookups: Vec::new(),
        counted: BTreeMap::new(),
        proven: BTreeMap::new(),
        devices: Vec::new(),
        opaque: Vec::new(),
        hidden: Vec::new(),
        directions: Vec::new(),
    };
    let mut destinations: BTreeMap<Key, Destination> = BTreeMap::new();
    let mut lookups = BTreeMap::new();
    for (index, series) in basis.evidence.series.iter().enumerate() {
        let topology = Topology::new(&series.ledger, basis.local);
        let device = DeviceView::new(basis.devices, series, &topology);
        let mut directions = BTreeMap::new();
        for (key, row) in &series.rows {
            let judged = RowJudge {
                series,
                index,
                topology: &topology,
                device: &device,
            }
            .row(key, row, &mut out);
            note_directions(&mut directions, key, row, &judged);
            if judged.scope == Scope::Local {
                continue;
            }
            group(&mut destinations, key, row, &judged, index);
        }
        for (key, asked) in &series.ledger.lookups {
            lookup(&mut lookups, key, asked, &topology, &device, basis);
        }
        out.devices.push(device);
        out.directions.push(directions);
    }
    out.destinations = destinations.into_values().collect();
    for destination in &mut out.destinations {
        finish(destination, basis);
    }
    out.lookups = lookups.into_values().collect();
    out
}

struct RowJudge<'a> {
    series: &'a Series,
    index: usize,
    topology: &'a Topology<'a>,
    device: &'a DeviceView,
}

/// What is decided about one row.
struct RowVerdict {
    scope: Scope,
    ours: Side,
    whose: Whose,
    ip: Option<IpAddr>,
    port: Option<u16>,
    via: Option<(IpAddr, u16)>,
    host: Option<Named>,
    lookups_only: bool,
    folded: bool,
}

impl RowJudge<'_> {
    fn row(&self, key: &RowKey, row: &Row, out: &mut Judged) -> RowVerdict {
        for side in Side::BOTH {
            if let Some(Local::Proven(text)) = self.topology.local(&key.key, side, &key.link) {
                out.proven.entry(key.key.ip(side)).or_insert(text);
            }
        }
        let (scope, ours) = scope_of(key, self.topology, self.device);
        let theirs = ours.other();
        for span in &row.spans {
            *out.counted.entry((span.input, scope)).or_insert(0) +=
                span.total.packets.a + span.total.packets.b;
        }
        let host = self.host(key, theirs);
        self.note_opaque(key, row, scope, theirs, out);
        self.note_hidden(key, row, scope, host.as_ref(), out);
        let port = match key.opener.0 {
            opener if opener == theirs => row.opener_port.filter(|_| key.folded.is_none()),
            _ => Some(key.key.port(theirs)),
        };
        let port = port.filter(|p| *p != 0 && has_ports(key.transport));
        let address = key.key.ip(theirs);
        let folded = key.folded.is_some();
        let (ip, port, via) = match scope {
            Scope::Relayed => (
                key.literal.filter(|ip| !classify(*ip).is_local()),
                None,
                (!folded).then(|| (address, port.unwrap_or(0))),
            ),
            _ => ((!folded).then_some(address), port, None),
        };
        RowVerdict {
            scope,
            ours,
            whose: self.device.whose(key.key.ip(ours), mac_of(&key.link, ours)),
            ip,
            port,
            via,
            host,
            lookups_only: key.only_lookups
                || (key.hidden.is_some()
                    && scope == Scope::Relayed
                    && key.relay == Some(Relay::Lookup)),
            folded,
        }
    }

    /// The strongest name (contract, `host`): asserted by the client, then asked for in DNS, then
    /// the certificate. Under an encrypted hello whose outer name is a substitute: the name asked.
    fn host(&self, key: &RowKey, theirs: Side) -> Option<Named> {
        let asked = key.resolved.of(theirs).asked.as_ref().map(|name| Named {
            name: Arc::clone(name),
            source: NameSource::Dns,
        });
        let asserted = key.names.iter().filter(|n| n.is_asserted_name());
        // `judge` of several asserted names needs the catalog; the caller's order is by source and
        // name, and the strongest attribution is found in `finish`.
        let best = asserted.max_by_key(|n| (n.source, std::cmp::Reverse(&n.name)));
        if let Some(best) = best {
            if let (true, Some(offered), Some(asked)) =
                (key.ech, self.series.ledger.ech.get(&best.name), &asked)
                && offered.contains(&asked.name)
            {
                return Some(asked.clone());
            }
            return Some(best.clone());
        }
        asked.or_else(|| {
            key.names
                .iter()
                .find(|n| n.source == NameSource::Certificate)
                .cloned()
        })
    }

    fn note_opaque(&self, key: &RowKey, row: &Row, scope: Scope, theirs: Side, out: &mut Judged) {
        if scope == Scope::Internet
            || key.key.ip(theirs).is_multicast()
            || key.key.ip(theirs.other()).is_multicast()
        {
            return;
        }
        let name = match (key.tunnel, key.transport) {
            (Some(name), _) => name.to_owned(),
            (None, number) if could_carry_packets(number) => format!("IP protocol {number}"),
            _ => return,
        };
        for span in &row.spans {
            out.opaque.push(Opaque {
                series: self.index,
                epoch: span.epoch,
                first: span.total.first,
                packets: span.total.packets.a + span.total.packets.b,
                name: name.clone(),
            });
        }
    }

    fn note_hidden(
        &self,
        key: &RowKey,
        row: &Row,
        scope: Scope,
        host: Option<&Named>,
        out: &mut Judged,
    ) {
        if scope == Scope::Local {
            return;
        }
        let outer = key
            .names
            .iter()
            .filter(|n| n.is_asserted_name())
            .find(|n| self.series.ledger.ech.contains_key(&n.name));
        let what = match (key.hidden, key.ech, outer) {
            (Some(hidden), ..) => hidden.to_owned(),
            (None, true, Some(outer)) if host.is_some_and(|h| h.source == NameSource::Dns) => {
                format!("an encrypted server name behind {}", outer.name)
            }
            _ => return,
        };
        for span in &row.spans {
            out.hidden
                .push((span.total.first, span.epoch, what.clone()));
        }
    }
}

/// The scope of a row's packets, and which side is ours.
pub fn scope_of(key: &RowKey, topology: &Topology<'_>, device: &DeviceView) -> (Scope, Side) {
    let by_link = |side| topology.local(&key.key, side, &key.link).is_some();
    let local = match key.folded {
        None => Pair {
            a: by_link(Side::A),
            b: by_link(Side::B),
        },
        Some(Folded::Local) => Pair { a: true, b: true },
        // The near address was kept, the far one was not.
        Some(Folded::Beyond) => Pair {
            a: !key.key.ip(Side::A).is_unspecified(),
            b: !key.key.ip(Side::B).is_unspecified() && key.key.ip(Side::A).is_unspecified(),
        },
    };
    let ours = our_side(key, local, device, topology);
    let theirs = ours.other();
    let scope = if local.a && local.b {
        let group = key.key.ip(theirs).is_multicast();
        if !group && relayed(key) {
            Scope::Relayed
        } else {
            Scope::Local
        }
    } else if is_fake(key.key.ip(theirs)) && public_name_seen(key, theirs) {
        Scope::Relayed
    } else {
        Scope::Internet
    };
    (scope, ours)
}

/// The request made to a private address is internet use.
fn relayed(key: &RowKey) -> bool {
    match &key.relay {
        Some(Relay::Lookup) => {
            if key.public_lookup || key.hidden.is_some() || key.folded.is_some() {
                return true;
            }
        }
        Some(Relay::Proxy(Some(ip))) if !classify(*ip).is_local() => return true,
        Some(Relay::Proxy(_)) | None => {}
    }
    let said_public = key
        .names
        .iter()
        .any(|n| n.is_asserted_name() && is_public_name(&n.name));
    said_public || key.literal.is_some_and(|ip| !classify(ip).is_local())
}

/// 198.18.0.0/15: VPN apps hand out addresses from it in place of real ones.
fn is_fake(ip: IpAddr) -> bool {
    classify(ip).class == Class::Benchmark
}

fn public_name_seen(key: &RowKey, theirs: Side) -> bool {
    key.names.iter().any(|n| is_public_name(&n.name))
        || key
            .resolved
            .of(theirs)
            .asked
            .as_ref()
            .is_some_and(|n| is_public_name(n))
}

fn has_ports(number: u8) -> bool {
    matches!(number, protocol::TCP | protocol::UDP)
}

/// IP protocols that are no tunnel: ICMP, IGMP, TCP, UDP, DCCP, ICMPv6, EIGRP, OSPF, PIM, VRRP,
/// SCTP, UDP-Lite, no-next-header. Every other one to a local host could carry packets.
fn could_carry_packets(number: u8) -> bool {
    !matches!(
        number,
        1 | 2 | 6 | 17 | 33 | 58 | 59 | 88 | 89 | 103 | 112 | 132 | 136
    )
}

fn note_directions(
    directions: &mut BTreeMap<u32, Directions>,
    key: &RowKey,
    row: &Row,
    judged: &RowVerdict,
) {
    if key.key.ip(Side::A).is_multicast() || key.key.ip(Side::B).is_multicast() {
        return;
    }
    let theirs = judged.ours.other();
    for span in &row.spans {
        let of = directions.entry(span.epoch).or_default();
        let (sent, received) = (
            *span.total.packets.of(judged.ours),
            *span.total.packets.of(theirs),
        );
        // Between two hosts of the site either may be the device; `ours` prefers it.
        if judged.whose == Whose::Device && !is_broadcast(key.key.ip(theirs)) {
            of.device_out += sent;
            of.device_in += received;
        }
        if key.transport == protocol::TCP && span.total.bytes.a + span.total.bytes.b > 0 {
            if sent > 0 && received > 0 {
                of.whole += row.flows;
            } else {
                of.half += row.flows;
            }
        }
    }
}

fn is_broadcast(ip: IpAddr) -> bool {
    matches!(ip, IpAddr::V4(v4) if v4.is_broadcast() || v4.octets().ends_with(&[255]))
}

fn group(
    destinations: &mut BTreeMap<Key, Destination>,
    key: &RowKey,
    row: &Row,
    judged: &RowVerdict,
    index: usize,
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
        whose,
        folded: judged.folded,
    };
    let destination = destinations
        .entry(group_key.clone())
        .or_insert_with(|| Destination {
            key: group_key,
            attributed: Attributed {
                whose: Attribution::Unknown,
                reason: String::new(),
            },
            place: None,
            names: BTreeMap::new(),
            protocols: BTreeSet::new(),
            flows: 0,
            views: BTreeMap::new(),
            frames: BTreeSet::new(),
            clients: BTreeSet::new(),
            browsable: false,
            notes: BTreeSet::new(),
            whose: judged.whose,
            aliases: BTreeSet::new(),
            looked_up: BTreeSet::new(),
            hidden: None,
            flows_per_view: BTreeMap::new(),
        });
    let theirs = judged.ours.other();
    for (named, at) in row.said.iter().chain(row.resolved.of(theirs)) {
        if destination.names.len() < NAMES_MAX || destination.names.contains_key(named) {
            let first = destination.names.entry(named.clone()).or_insert(*at);
            *first = (*first).min(*at);
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
    destination.looked_up.extend(row.lookups.iter().cloned());
    destination.hidden = destination.hidden.or(key.hidden);
    if !judged.folded {
        destination.clients.insert(key.key.ip(judged.ours));
    }
    if row.conflict {
        destination
            .notes
            .insert("copies of the same bytes differ: both readings are listed".into());
    }
    if let Some(tunnel) = key.tunnel {
        destination.notes.insert(format!(
            "an opaque tunnel ({tunnel}): what is inside cannot be seen"
        ));
    }
    for frame in &row.frames {
        if destination.frames.len() < FRAMES_MAX {
            destination.frames.insert(*frame);
        }
    }
    let view = destination.views.entry(index).or_default();
    for span in &row.spans {
        View::add(
            &mut view.total,
            span.epoch,
            Traffic::of(&span.total, judged.ours),
        );
        if let Some(active) = &span.active {
            View::add(
                &mut view.active,
                span.epoch,
                Traffic::of(active, judged.ours),
            );
        }
    }
}

/// Attribution and place, once all rows of a destination are known.
fn finish(destination: &mut Destination, basis: &Basis<'_>) {
    let ip = destination.key.ip;
    destination.place = ip
        .filter(|ip| classify(*ip).has_country())
        .map(|ip| basis.locator.place(ip));
    if let Some((index, _)) = destination.fullest() {
        destination.flows = destination.flows_per_view.get(&index).copied().unwrap_or(0);
    }
    let bytes_out = destination.fullest().map_or(0, |(_, t)| t.bytes_out);
    let judge_name = |name: Option<&str>, aliases: &[&str]| {
        by_name(
            name,
            aliases,
            ip,
            destination.place.as_ref(),
            bytes_out,
            basis.catalog,
        )
    };
    // Of several asserted names the one with the strongest attribution is the host.
    let mut asserted: Vec<(Attributed, Named)> = destination
        .names
        .keys()
        .filter(|n| n.is_asserted_name())
        .map(|n| (judge_name(Some(&n.name), &[]), n.clone()))
        .collect();
    asserted
        .sort_by(|(a, m), (b, n)| (b.whose, n.source, &m.name).cmp(&(a.whose, m.source, &n.name)));
    let is_outer = destination.key.host_source == Some(NameSource::Dns);
    if let (Some((_, named)), false) = (asserted.first(), is_outer) {
        destination.key.host = Some(Arc::clone(&named.name));
        destination.key.host_source = Some(named.source);
    }
    let aliases: Vec<&str> = destination.aliases.iter().map(|a| &**a).collect();
    let by_its_name = if destination.hidden.is_some() {
        Attributed {
            whose: Attribution::Unknown,
            reason: "encrypted DNS: what was asked for is hidden".into(),
        }
    } else if destination.key.lookups_only {
        // A resolver's row takes the strongest attribution among the lookups.
        destination
            .looked_up
            .iter()
            .filter(|name| is_public_name(name) || destination.key.scope == Scope::Internet)
            .map(|name| by_looked_up_name(name, basis.catalog))
            .max()
            .unwrap_or(Attributed {
                whose: Attribution::Unknown,
                reason: "no name that was asked for could be read".into(),
            })
    } else {
        judge_name(destination.key.host.as_deref(), &aliases)
    };
    destination.browsable = destination
        .key
        .host
        .as_deref()
        .and_then(|name| basis.catalog.lookup(name))
        .is_some_and(|host| host.browsable);
    destination.attributed = by_device(destination.whose).unwrap_or(by_its_name);
    note_disagreement(destination);
}

/// What names and address say against each other.
fn note_disagreement(destination: &mut Destination) {
    let Some(host) = destination.key.host.clone() else {
        return;
    };
    if destination.key.scope == Scope::Internet && !is_public_name(&host) {
        destination.notes.insert(format!(
            "{host} is a local name, but the address is public: the address decides"
        ));
    }
    if destination.key.scope == Scope::Relayed && !destination.key.lookups_only {
        destination.notes.insert(format!(
            "{host} is a public name that was asked of a private address"
        ));
    }
}

type LookupGroup = (Arc<str>, IpAddr, u8, Scope);

fn lookup(
    lookups: &mut BTreeMap<LookupGroup, Lookup>,
    key: &crate::ledger::LookupKey,
    asked: &Asked,
    topology: &Topology<'_>,
    device: &DeviceView,
    basis: &Basis<'_>,
) {
    let (flow, side) =
        crate::flow::Key::new((key.client, 0), (key.resolver, key.port), protocol::UDP);
    let mut link = Pair::default();
    *link.of_mut(side) = asked.link;
    let is_local = |s| topology.local(&flow, s, &link).is_some();
    let scope = if !is_local(side.other()) {
        Scope::Internet
    } else if key.resolver.is_multicast() || !is_public_name(&key.name) {
        Scope::Local
    } else {
        Scope::Relayed
    };
    let whose = device.whose(key.client, mac_of(&link, side));
    let attributed =
        by_device(whose).unwrap_or_else(|| by_looked_up_name(&key.name, basis.catalog));
    let group = (
        Arc::clone(&key.name),
        key.resolver,
        match whose {
            Whose::Device => 0,
            Whose::Unsure => 1,
            Whose::Other => 2,
        },
        scope,
    );
    let lookup = lookups.entry(group).or_insert_with(|| Lookup {
        name: Arc::clone(&key.name),
        resolver: key.resolver,
        scope,
        attributed,
        clients: BTreeSet::new(),
        types: BTreeSet::new(),
        answers: BTreeSet::new(),
        asked: BTreeMap::new(),
    });
    lookup.clients.insert(key.client);
    lookup.types.extend(&asked.types);
    lookup.answers.extend(&asked.answers);
    for (epoch, of) in &asked.asked {
        lookup
            .asked
            .entry(*epoch)
            .and_modify(|(count, first, last)| {
                *count += of.count;
                *first = (*first).min(of.first);
                *last = (*last).max(of.last);
            })
            .or_insert((of.count, of.first, of.last));
    }
}

impl Destination {
    /// True for encrypted DNS, and where no question could be read: nothing stands in the lookups.
    pub fn looked_up_nothing(&self) -> bool {
        self.hidden.is_some() || self.looked_up.is_empty()
    }

    /// What it is, in a few words.
    pub fn describe(&self) -> String {
        let transport = transport_name(self.key.transport);
        let port = self
            .key
            .port
            .map_or(String::new(), |p| format!(" port {p}"));
        let mut out = match (&self.key.host, self.key.ip) {
            (Some(host), Some(ip)) => format!("{host} at {ip} ({transport}{port})"),
            (Some(host), None) => format!("{host} ({transport}{port})"),
            (None, Some(ip)) => format!("{ip} ({transport}{port})"),
            (None, None) if self.key.folded => format!("several destinations ({transport})"),
            (None, None) => format!("an unnamed destination ({transport})"),
        };
        if let Some((ip, port)) = self.key.via {
            out.push_str(&format!(" through {ip}"));
            if port != 0 {
                out.push_str(&format!(" port {port}"));
            }
        }
        out
    }
}

/// The name of a protocol number.
pub fn transport_name(number: u8) -> String {
    match number {
        protocol::TCP => "tcp".into(),
        protocol::UDP => "udp".into(),
        protocol::ICMP => "icmp".into(),
        protocol::ICMPV6 => "icmpv6".into(),
        132 => "sctp".into(),
        47 => "gre".into(),
        50 => "esp".into(),
        51 => "ah".into(),
        n => format!("ip-{n}"),
    }
}
