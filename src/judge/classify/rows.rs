//! Rows judged one by one: which scope, which side is ours, which name, and what hides in them.

use super::destination::{Client, Destination, DestinationKey};
use super::directions::{self, Directions};
use super::group::{Of, RowVerdict, asked_us, askers, group, serves};
use super::labels::{Labelling, Labels};
use super::lookup::{Lookup, lookup};
use super::reach::scope_of;
use super::subject::Labelled;
use super::vantages::Shown;
use super::{Basis, Scope, certificate};
use crate::evidence::Series;
use crate::evidence::bins::Bins;
use crate::evidence::flow::{HiddenLookups, NameSource, Named, Relay, Side};
use crate::evidence::row::{Row, RowKey, RowSpan};
use crate::ground::address::{Class, classify};
use crate::ground::mac::Mac;
use crate::ground::moment::Moment;
use crate::ground::protocol;
use crate::judge::identity::topology::{Local, Proof, Topology};
use crate::judge::identity::{DeviceMatch, DeviceView, mac_of};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

/// What one series amounts to.
#[derive(Default)]
pub struct Judged {
    /// Destinations.
    pub destinations: Vec<Destination>,
    /// Lookups.
    pub lookups: Vec<Lookup>,
    /// Packets per input and scope.
    pub counted: BTreeMap<(u32, Scope), u64>,
    /// The same over time, all inputs together.
    pub over_time: BTreeMap<Scope, Bins>,
    /// Public addresses that the link proves to be local.
    pub proven: BTreeMap<IpAddr, Proof>,
    /// The device as each series shows it.
    pub devices: Vec<DeviceView>,
    /// What the labels of each series say.
    pub labels: Vec<Labels>,
    /// Local flows that are opaque tunnels: name, series, first moment per interval.
    pub opaque: Vec<Opaque>,
    /// Flows whose names are hidden: first moment per interval.
    pub hidden: Vec<(Moment, u32, Hidden)>,
    /// Conversations between public addresses of which nothing but a port says which end is ours: first moment per interval.
    pub side_unknown: Vec<(Moment, u32)>,
    /// What each series says of the two directions of its flows, per interval.
    pub directions: Vec<BTreeMap<u32, Directions>>,
    /// What each series shows of the subject, where there are several.
    pub shown: Vec<Shown>,
}

/// A tunnel that cannot be looked into, to a local host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opaque {
    /// Index of the series.
    pub series: usize,
    /// The interval.
    pub interval: u32,
    /// First packet.
    pub first: Moment,
    /// Packets.
    pub packets: u64,
    /// What it is.
    pub what: Sealed,
}

/// What could carry packets that nobody can look into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sealed {
    /// A tunnel of this kind.
    Tunnel(&'static str),
    /// An IP protocol, by its number.
    Protocol(u8),
}

/// How names are hidden.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Hidden {
    /// By lookups of this kind.
    Lookups(HiddenLookups),
    /// By an encrypted server name, behind this one.
    Behind(Arc<str>),
    /// By an encrypted server name of the older kind (ESNI).
    Esni,
}

/// Groups and judges the rows and lookups of all series.
pub fn judge(basis: &Basis<'_>) -> Judged {
    let mut out = Judged {
        destinations: Vec::new(),
        lookups: Vec::new(),
        counted: BTreeMap::new(),
        over_time: BTreeMap::new(),
        proven: BTreeMap::new(),
        devices: Vec::new(),
        labels: Vec::new(),
        opaque: Vec::new(),
        hidden: Vec::new(),
        side_unknown: Vec::new(),
        directions: Vec::new(),
        shown: Vec::new(),
    };
    let several = basis.evidence.series.len() > 1;
    let mut destinations: BTreeMap<DestinationKey, Destination> = BTreeMap::new();
    let mut lookups = BTreeMap::new();
    for (index, series) in basis.evidence.series.iter().enumerate() {
        let topology = Topology::new(series, &basis.evidence.series, basis.local);
        let device = DeviceView::new(basis.devices, series, &basis.evidence.series, &topology);
        let labels = Labels::new(series, basis);
        let mut directions = BTreeMap::new();
        let mut shown = Shown::default();
        for (key, row) in &series.rows {
            let judged = RowJudge {
                basis,
                series,
                index,
                topology: &topology,
                device: &device,
                labels: &labels,
            }
            .row(key, row, &mut out);
            directions::note(&mut directions, key, row, &judged);
            if several {
                shown.note(key, row, &judged, &topology);
            }
            if judged.scope == Scope::Local {
                continue;
            }
            group(
                &mut destinations,
                key,
                row,
                judged,
                Of {
                    series: index,
                    several,
                },
                basis.catalog,
            );
        }
        for (key, asked) in &series.ledger.lookups {
            lookup(&mut lookups, key, asked, &topology, &device, &labels, basis);
        }
        out.labels.push(labels);
        out.devices.push(device);
        out.directions.push(directions);
        out.shown.push(shown);
    }
    super::vantages::join(&mut destinations);
    out.destinations = destinations.into_values().collect();
    let translators = basis.translators();
    for destination in &mut out.destinations {
        super::naming::finish(destination, basis, &translators);
    }
    super::overhead::weigh(&mut out.destinations);
    out.lookups = lookups.into_values().collect();
    out
}

/// Outer names that stand for other hosts under ECH (RFC 9849 §4): nobody goes there for the name's own sake. Cloudflare offers one such name
/// for all its customers (developers.cloudflare.com/ssl/edge-certificates/ech).
const SUBSTITUTES: [&str; 1] = ["cloudflare-ech.com"];

/// The role of public resolvers in the catalog.
const RESOLVER: &str = "dns-resolver";

struct RowJudge<'a> {
    basis: &'a Basis<'a>,
    series: &'a Series,
    index: usize,
    topology: &'a Topology<'a>,
    device: &'a DeviceView,
    labels: &'a Labels,
}

impl RowJudge<'_> {
    fn row(&self, key: &RowKey, row: &Row, out: &mut Judged) -> RowVerdict {
        for side in Side::BOTH {
            if let Some(Local::Proven(proof)) =
                self.topology.local(&key.key, side, &key.link, key.asker())
            {
                out.proven.entry(key.key.ip(side)).or_insert(proof);
            }
        }
        let (scope, mut ours, sure) = scope_of(key, self.topology, self.device);
        let mut guessed = false;
        if !sure && scope == Scope::Internet {
            match Side::BOTH.map(|side| row.has_sent(side)) {
                // Silence would be a pass for whoever has the lower port: who speaks may be ours.
                [true, false] => ours = Side::A,
                [false, true] => ours = Side::B,
                _ => {
                    guessed = true;
                    let spans = row.spans.iter();
                    let first = |span: &RowSpan| (span.total.first, span.interval);
                    out.side_unknown.extend(spans.map(first));
                }
            }
        }
        let theirs = ours.other();
        for span in &row.spans {
            *out.counted.entry((span.input, scope)).or_insert(0) += span.total.frames;
        }
        out.over_time.entry(scope).or_default().merge(&row.bins);
        let host = self.host(key, theirs, guessed);
        let hidden = key.hidden.or_else(|| self.over_https(key, theirs));
        self.note_opaque(key, row, scope, theirs, out);
        self.note_hidden(key, row, (scope, theirs), host.as_ref(), hidden, out);
        let port = match key.opener.0 {
            opener if opener == theirs => row.opener_port.filter(|_| key.folded.is_none()),
            _ => Some(key.key.port(theirs)),
        };
        let port = port.filter(|p| *p != 0 && has_ports(key.transport));
        let address = key.key.ip(theirs);
        let folded = key.folded.is_some();
        // What a program did is not known where its own end is not.
        let app = self.labels.of(&key.apps).filter(|_| !guessed);
        let whose = self.device.whose(key.key.ip(ours), mac_of(&key.link, ours));
        let client = self.client(key, ours, whose, app.as_deref());
        let (ip, port, via) = match scope {
            Scope::Relayed => (
                key.literal.filter(|ip| !classify(*ip).is_local()),
                key.target_port,
                (!folded).then(|| (address, port.unwrap_or(0))),
            ),
            _ => ((!folded).then_some(address), port, None),
        };
        let whose = whose_asks(key, ours, self.device);
        RowVerdict {
            scope,
            ours,
            app,
            whose,
            client,
            served: scope == Scope::Internet && serves(key, theirs),
            ip,
            port,
            via,
            host,
            // Answers that our side gives to somebody outside are no lookups of ours.
            lookups_only: !(scope == Scope::Internet && asked_us(key, theirs))
                && (key.only_lookups
                    || (hidden.is_some()
                        && scope == Scope::Relayed
                        && matches!(key.relay, None | Some(Relay::Lookup)))),
            hidden,
            folded,
            guessed,
        }
    }

    /// The machine of our side: a MAC that sends for several IPv4 addresses, or routes, may be many.
    fn client(
        &self,
        key: &RowKey,
        ours: Side,
        whose: DeviceMatch,
        app: Option<&Labelling>,
    ) -> Client {
        let address = key.key.ip(ours);
        if whose == DeviceMatch::Device || app.is_some_and(|a| a.says == Labelled::Subject) {
            return Client::Subject;
        }
        let single = |mac: &Mac| {
            let station = self.series.ledger.stations.get(mac);
            station.is_some_and(|s| {
                let mut v4 = s.sources.iter().filter(|ip| ip.is_ipv4());
                !s.router && !s.forwards && v4.nth(1).is_none()
            })
        };
        match mac_of(&key.link, ours).filter(single) {
            Some(mac) => Client::Mac(mac),
            None => Client::Address(address),
        }
    }

    /// The strongest name (contract, `host`): asserted by the client, then asked for in DNS, then
    /// the certificate. Under an encrypted hello whose outer name is a substitute: the name asked.
    fn host(&self, key: &RowKey, theirs: Side, guessed: bool) -> Option<Named> {
        let asked = key.resolved.of(theirs).asked.as_ref().map(|name| Named {
            name: Arc::clone(name),
            source: NameSource::Dns,
        });
        let said = || askers(theirs, guessed).flat_map(|asker| key.names.of(asker));
        let asserted = said().filter(|n| n.is_asserted_name());
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
            let said = said().filter(|n| n.source == NameSource::Certificate);
            certificate::owner(said, self.basis.catalog).cloned()
        })
    }

    /// An encrypted connection to a resolver of the catalog, by its name or, where none was said, by its address. What else such a host
    /// serves is asked for by few; what was asked of it is hidden either way.
    fn over_https(&self, key: &RowKey, theirs: Side) -> Option<HiddenLookups> {
        // What was opened, and held nothing but lookups, hides none.
        let read = key.only_lookups;
        if read || !matches!(key.protocol, Some("tls" | "quic")) || asked_us(key, theirs) {
            return None;
        }
        let said = key.names.of(theirs.other()).iter();
        let mut said = said.filter(|n| n.is_asserted_name()).peekable();
        let catalog = self.basis.catalog;
        let resolver = if said.peek().is_some() {
            said.all(|n| catalog.lookup(&n.name).is_some_and(|h| h.role == RESOLVER))
        } else {
            let row = catalog.lookup_ip(key.key.ip(theirs));
            row.is_some_and(|h| h.role == RESOLVER)
        };
        resolver.then_some(HiddenLookups::Https)
    }

    fn note_opaque(&self, key: &RowKey, row: &Row, scope: Scope, theirs: Side, out: &mut Judged) {
        if scope == Scope::Internet
            || key.key.ip(theirs).is_multicast()
            || key.key.ip(theirs.other()).is_multicast()
        {
            return;
        }
        let what = match (key.tunnel, key.transport) {
            (Some(name), _) => Sealed::Tunnel(name),
            (None, number) if could_carry_packets(number) => Sealed::Protocol(number),
            _ => return,
        };
        for span in &row.spans {
            out.opaque.push(Opaque {
                series: self.index,
                interval: span.interval,
                first: span.total.first,
                packets: span.total.sent.a.packets + span.total.sent.b.packets,
                what,
            });
        }
    }

    fn note_hidden(
        &self,
        key: &RowKey,
        row: &Row,
        (scope, theirs): (Scope, Side),
        host: Option<&Named>,
        hidden: Option<HiddenLookups>,
        out: &mut Judged,
    ) {
        if scope == Scope::Local {
            return;
        }
        // Dummies of ECH look like the real thing (RFC 9849 §6.2): only a name that is known to stand for others, by an HTTPS record
        // seen here or by what it is, tells them apart.
        let asked = host.is_some_and(|h| h.source == NameSource::Dns);
        let said = key.names.of(theirs.other()).iter();
        let outer = said.filter(|n| n.is_asserted_name()).find(|n| {
            SUBSTITUTES.contains(&&*n.name)
                || (asked && self.series.ledger.ech.contains_key(&n.name))
        });
        let what = match (hidden, key.ech, outer) {
            (Some(hidden), ..) => Hidden::Lookups(hidden),
            (None, true, Some(outer)) => Hidden::Behind(Arc::clone(&outer.name)),
            _ if key.esni => Hidden::Esni,
            _ => return,
        };
        for span in &row.spans {
            out.hidden
                .push((span.total.first, span.interval, what.clone()));
        }
    }
}

/// Whose machine our side is. Who asks the device for something is not the device, though nothing else
/// be known of it; but a machine can ask itself.
fn whose_asks(key: &RowKey, ours: Side, device: &DeviceView) -> DeviceMatch {
    let whose = device.of(&key.key, &key.link, ours);
    let itself = classify(key.key.ip(ours)).class == Class::Loopback
        || key.key.ip(ours) == key.key.ip(ours.other());
    // The device is not our side only where somebody on the site asked it for the internet (see `scope_of`).
    let served = whose == DeviceMatch::Unsure
        && key.folded.is_none()
        && !itself
        && device.of(&key.key, &key.link, ours.other()) == DeviceMatch::Device;
    if served { DeviceMatch::Other } else { whose }
}

fn has_ports(number: u8) -> bool {
    matches!(
        number,
        protocol::TCP | protocol::UDP | protocol::UDP_LITE | protocol::SCTP
    )
}

/// IP protocols that are no tunnel: ICMP, IGMP, TCP, UDP, ICMPv6, EIGRP, OSPF, PIM, VRRP,
/// SCTP, UDP-Lite, no-next-header; and those that are opened
/// ([`protocol::tunnel`]), whose flows say themselves when one was not.
/// Every other one to a local host could carry packets.
fn could_carry_packets(number: u8) -> bool {
    !matches!(
        number,
        1 | 2 | 6 | 17 | 58 | 59 | 88 | 89 | 103 | 112 | 132 | 136
    ) && !protocol::tunnel::ALL.contains(&number)
}

#[cfg(test)]
mod tests;
