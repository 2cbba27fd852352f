//! Which addresses are local on a link, fail closed.
//!
//! By number (IANA registries, [`crate::ground::address`]), by declaration (`--local`), or, for an
//! address that is public by number, by proof on the link: a router advertisement or DHCP mask
//! that covers it, or ARP or neighbour discovery that names it beside another host of its network,
//! together with frames that really went to a MAC that answers for nobody else. Without link
//! addresses nothing can be proven.
//!
//! A declaration never covers an address that a public name stands for, whenever and however that
//! was learnt: by the client's word, a certificate, a lookup or a reverse one.

use crate::evidence::Series;
use crate::evidence::flow::{Key, LinkFacts, NameSource, Opening, Pair, Side};
use crate::evidence::ledger::{Ledger, OnLink, Station};
use crate::evidence::row::RowKey;
use crate::ground::address::{Class, classify};
use crate::ground::mac::Mac;
use crate::ground::public_name::is_public_name;
use crate::ground::translation::Translators;
use ipnet::IpNet;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// What the link of one series proves.
pub struct Topology<'a> {
    ledger: &'a Ledger,
    declared: &'a [IpNet],
    routers: BTreeSet<Mac>,
    /// Networks of public addresses, and the hosts that have one there and route for nobody.
    hosts: BTreeMap<Network, BTreeSet<Mac>>,
    /// MACs that opened conversations with other hosts of the site.
    clients: BTreeSet<Mac>,
    /// Declared addresses that a public name stands for.
    named: BTreeSet<IpAddr>,
    /// What every capture of the run shows of translators. A prefix only takes addresses beyond the site: whoever shows it, it holds for
    /// all.
    translators: Vec<&'a Translators>,
    /// Networks that take part in nearly all conversations between public addresses.
    centres: BTreeSet<Network>,
}

/// Why an address is local.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Local {
    /// By its number.
    Special,
    /// By `--local`.
    Declared,
    /// By proof on the link.
    Proven(Proof),
}

/// What the link shows of a public address; a frame is the first that shows the network to be on the link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// It is the broadcast address of a network on the link.
    Broadcast(OnLink, u64),
    /// It lies in a network on the link, and its frames use this MAC, which is not the router's.
    OnLink(OnLink, u64, Mac),
    /// This MAC claims it by ARP or neighbour discovery, sends for no other public address, and another host has an
    /// address in the same network.
    Claimed(Mac),
}

impl<'a> Topology<'a> {
    /// Reads the neighbours of a series. `all` are the series of the run: a name that one of them
    /// shows holds for each, and so does a translator.
    pub fn new(series: &'a Series, all: &'a [Series], declared: &'a [IpNet]) -> Self {
        let ledger = &series.ledger;
        let routers: BTreeSet<Mac> = ledger
            .stations
            .iter()
            .filter(|(_, station)| routes(station, ledger))
            .map(|(mac, _)| *mac)
            .collect();
        let mut hosts: BTreeMap<Network, BTreeSet<Mac>> = BTreeMap::new();
        for (mac, station) in &ledger.stations {
            if routers.contains(mac) || station.leases {
                continue;
            }
            for ip in &station.sources {
                if classify(*ip).class == Class::Global {
                    hosts.entry(Network::of(*ip)).or_default().insert(*mac);
                }
            }
        }
        Self {
            ledger,
            declared,
            routers,
            hosts,
            clients: clients(series),
            named: publicly_named(all, declared),
            translators: std::iter::once(series)
                .chain(all)
                .map(|one| &one.ledger.translators)
                .collect(),
            centres: centres(series, declared),
        }
    }

    /// True for MACs that forward for others.
    pub fn is_router(&self, mac: Mac) -> bool {
        self.routers.contains(&mac)
    }

    /// True for a MAC that asks other hosts of the site, sends from no public address, and neither
    /// routes nor leases: a router answers on its site, and sends for everybody outside.
    pub fn is_at_home(&self, mac: Mac) -> bool {
        self.clients.contains(&mac)
            && !self.is_router(mac)
            && self
                .ledger
                .stations
                .get(&mac)
                .is_some_and(|s| !s.leases && globals(s).next().is_none())
    }

    /// True for a MAC that sends from an address of the site.
    pub fn is_on_site(&self, mac: Mac) -> bool {
        self.ledger
            .stations
            .get(&mac)
            .is_some_and(|s| s.sources.iter().any(|ip| is_of_site(*ip)))
    }

    /// True for an address that takes part in nearly all conversations between public addresses.
    pub fn is_centre(&self, ip: IpAddr) -> bool {
        self.centres.contains(&Network::end(ip))
    }

    /// True for an address that answers as soon as the recording machine itself would.
    pub fn is_near(&self, ip: IpAddr) -> bool {
        self.ledger.nearness.get(&ip).is_some_and(|n| n.is_near())
    }

    /// Whether the address of a side of a flow is local, and why; `None` if not.
    pub fn local(
        &self,
        key: &Key,
        side: Side,
        link: &Pair<LinkFacts>,
        opener: (Side, Opening),
    ) -> Option<Local> {
        let ip = key.ip(side).to_canonical();
        // A site's own numbers, but the way out: the IPv4 address inside is where it goes.
        if self.translators.iter().any(|known| known.leaves(ip)) {
            return None;
        }
        let special = classify(ip);
        // The CLAT address of 464XLAT is the phone's own, as a source: as a destination it is the
        // carrier's side of DS-Lite (RFC 6333 §5.7).
        if special.class == Class::Clat {
            let asks = opener.0 == side && opener.1 >= Opening::Request;
            let asked = !asks && classify(key.ip(side.other())).is_local_source();
            return (!asked).then_some(Local::Special);
        }
        if special.is_local() {
            return Some(Local::Special);
        }
        if self.declared.iter().any(|net| net.contains(&ip)) && !self.named.contains(&ip) {
            return Some(Local::Declared);
        }
        if special.class != Class::Global {
            return None;
        }
        self.proven(key.ip(side), link.of(side), link.of(side.other()))
            .map(Local::Proven)
    }

    /// True for a flow that cannot leave the link, whatever its addresses are: multicast of link or
    /// site scope, broadcast, discovery; and what a link-local address says to a host of the link.
    pub fn stays(&self, key: &RowKey) -> bool {
        let class = |side| classify(key.key.ip(side)).class;
        if key.link_only
            || Side::BOTH
                .iter()
                .any(|s| class(*s) == Class::MulticastLocal)
        {
            return true;
        }
        Side::BOTH
            .iter()
            .any(|side| class(*side) == Class::LinkLocal && self.is_neighbour(key, side.other()))
    }

    /// The far end of a link-local address is a host of the link: no router passes such packets on
    /// (RFC 4291 §2.5.6, RFC 3927 §2.7), unless one does all the same, for which its MAC or a public
    /// name would speak. RFC 3927 hosts may send to any address through ARP, so that IPv4 needs a MAC.
    fn is_neighbour(&self, key: &RowKey, side: Side) -> bool {
        let asked = key.names.of(side.other()).iter();
        let public = asked.map(|n| &n.name).any(|name| is_public_name(name))
            || key.resolved.of(side).asked.is_some();
        let mac = super::mac_of(&key.link, side);
        !public
            && match mac {
                Some(mac) => {
                    let claims = |s: &Station| {
                        s.claims.contains(&key.key.ip(side)) || key.key.ip(side).is_ipv6()
                    };
                    !self.is_router(mac) && self.ledger.stations.get(&mac).is_some_and(claims)
                }
                None => key.key.is_v6() && !key.link.of(side).mixed,
            }
    }

    fn proven(&self, ip: IpAddr, its: &LinkFacts, others: &LinkFacts) -> Option<Proof> {
        if its.mixed || others.mixed {
            return None;
        }
        // The MAC that the frames show for this address, as sender and as receiver.
        let mac = match (its.source, others.target) {
            (Some(a), Some(b)) if a != b => return None,
            (Some(mac), _) | (None, Some(mac)) => mac,
            (None, None) => return None,
        };
        let mut nets = self.ledger.on_link.iter();
        let net = nets.find(|(net, _)| net.contains(ip));
        if mac.is_group() {
            // Broadcast to all hosts of a network on the link, in a frame to all of them.
            let (net, at) = net.filter(|(net, _)| net.is_broadcast(ip))?;
            return Some(Proof::Broadcast(*net, at.at.frame));
        }
        if self.is_router(mac) {
            return None;
        }
        let station = self.ledger.stations.get(&mac)?;
        // Who leases addresses decides what the others take for their network.
        if station.leases || (!station.sources.contains(&ip) && !station.claims.contains(&ip)) {
            return None;
        }
        if answers_for_several(station, ip, net.map(|(net, _)| *net)) {
            return None;
        }
        if let Some((net, at)) = net {
            return Some(Proof::OnLink(*net, at.at.frame, mac));
        }
        // A proxy for others would claim several, or one that no host beside it has a network with.
        let beside = self
            .hosts
            .get(&Network::of(ip))
            .is_some_and(|hosts| hosts.iter().any(|host| *host != mac));
        let sole = beside
            && station.claims.contains(&ip)
            && globals(station).all(|other| other == ip || other.is_ipv4() != ip.is_ipv4());
        sole.then_some(Proof::Claimed(mac))
    }
}

/// What addresses are compared by where no mask is known: 24 bits of IPv4, 64 of IPv6.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Network {
    V4(u32),
    V6(u64),
}

impl Network {
    fn of(ip: IpAddr) -> Self {
        match ip {
            IpAddr::V4(v4) => Self::V4(v4.to_bits() >> 8),
            // The upper half of 128 bits.
            IpAddr::V6(v6) => Self::V6((v6.to_bits() >> 64) as u64),
        }
    }

    /// What tells ends apart: all of IPv4, and of IPv6 the 64 bits that privacy addresses share.
    fn end(ip: IpAddr) -> Self {
        match ip {
            IpAddr::V4(v4) => Self::V4(v4.to_bits()),
            IpAddr::V6(_) => Self::of(ip),
        }
    }
}

/// A machine with an IPv4 address of another network besides: a host has one, and who answers for
/// addresses of two is a proxy. Its link-local address does not count.
fn answers_for_several(station: &Station, ip: IpAddr, net: Option<OnLink>) -> bool {
    let beside = |other: &IpAddr| {
        let apart = match net {
            Some(net) => !net.contains(*other),
            None => Network::of(*other) != Network::of(ip),
        };
        let usual = matches!(
            classify(*other).class,
            Class::LinkLocal | Class::Unspecified | Class::Loopback | Class::Clat
        );
        other.is_ipv4() && apart && !usual
    };
    ip.is_ipv4() && station.sources.iter().chain(&station.claims).any(beside)
}

fn globals(station: &Station) -> impl Iterator<Item = IpAddr> + '_ {
    station
        .sources
        .iter()
        .chain(&station.claims)
        .copied()
        .filter(|ip| classify(*ip).class == Class::Global)
}

/// True for stations that forward for others.
fn routes(station: &Station, ledger: &Ledger) -> bool {
    /// Networks of public addresses off the link that one station sends for before it must be a
    /// router: a host has its own address in one.
    const NETWORKS_OF_A_HOST: usize = 2;
    if station.router || station.forwards {
        return true;
    }
    if station
        .sources
        .iter()
        .chain(&station.claims)
        .any(|ip| ledger.routers.contains(ip))
    {
        return true;
    }
    let mut networks: BTreeSet<Network> = BTreeSet::new();
    for ip in globals(station) {
        if !ledger.on_link.keys().any(|net| net.contains(ip)) {
            networks.insert(Network::of(ip));
        }
    }
    networks.len() >= NETWORKS_OF_A_HOST
}

/// A single host's address on the site.
pub fn is_of_site(ip: IpAddr) -> bool {
    matches!(
        classify(ip).class,
        Class::Private | Class::UniqueLocal | Class::LinkLocal
    )
}

/// MACs that opened conversations between single hosts of the site.
fn clients(series: &Series) -> BTreeSet<Mac> {
    let own = |key: &RowKey| {
        let opener = key.opener.0;
        let both = Side::BOTH.iter().all(|side| is_of_site(key.key.ip(*side)));
        let its = key.link.of(opener);
        its.source.filter(|_| both && !its.mixed && !key.link_only)
    };
    series.rows.iter().filter_map(|(key, _)| own(key)).collect()
}

/// Declared addresses that a public name stands for, in any series.
fn publicly_named(all: &[Series], declared: &[IpNet]) -> BTreeSet<IpAddr> {
    let mut out = BTreeSet::new();
    if declared.is_empty() {
        return out;
    }
    let is_declared = |ip: &IpAddr| declared.iter().any(|net| net.contains(ip));
    for series in all {
        out.extend(series.ledger.publicly_named().filter(is_declared));
        for (key, _) in &series.rows {
            // Names are of the end that was asked.
            let says = |n: &crate::evidence::flow::Named| {
                (n.is_asserted_name() || n.source == NameSource::Certificate)
                    && is_public_name(&n.name)
            };
            for asker in Side::BOTH {
                let ip = key.key.ip(asker.other()).to_canonical();
                if is_declared(&ip) && key.names.of(asker).iter().any(says) {
                    out.insert(ip);
                }
            }
        }
    }
    out
}

/// Per family the network that nearly all conversations between public addresses have in common:
/// the address of the recording machine, with its privacy addresses. One conversation has no centre,
/// and neither have those of a server with several clients: what opens none and answers all may stand
/// at the far end.
fn centres(series: &Series, declared: &[IpNet]) -> BTreeSet<Network> {
    /// Of ten conversations so many.
    const NEARLY_ALL: usize = 9;
    let mut pairs: BTreeSet<(Network, Network)> = BTreeSet::new();
    let (mut opens, mut answers) = (BTreeSet::new(), BTreeSet::new());
    for (key, row) in series.rows.iter().filter(|(key, _)| key.folded.is_none()) {
        let (a, b) = (key.key.ip(Side::A), key.key.ip(Side::B));
        let counts = |ip: IpAddr| {
            let special = classify(ip);
            !special.is_local_source()
                && special.class != Class::MulticastGlobal
                && !declared.iter().any(|net| net.contains(&ip))
        };
        if counts(a) && counts(b) {
            let (a, b) = (Network::end(a), Network::end(b));
            pairs.insert((a.min(b), a.max(b)));
            let (opener, how) = key.opener;
            if how >= Opening::Request {
                opens.insert(Network::end(key.key.ip(opener)));
            }
            let asked = opener.other();
            // Whose port alone says so may have asked itself.
            let answered = how >= Opening::Request;
            if answered && row.spans.iter().any(|s| s.total.sent.of(asked).application) {
                answers.insert(Network::end(key.key.ip(asked)));
            }
        }
    }
    let mut out = BTreeSet::new();
    for v6 in [false, true] {
        let of: Vec<&(Network, Network)> = pairs
            .iter()
            .filter(|(a, _)| matches!(a, Network::V6(_)) == v6)
            .collect();
        let mut count: BTreeMap<Network, usize> = BTreeMap::new();
        for (a, b) in &of {
            *count.entry(*a).or_insert(0) += 1;
            if a != b {
                *count.entry(*b).or_insert(0) += 1;
            }
        }
        let mut common = count
            .into_iter()
            .filter(|(_, n)| of.len() > 1 && n * 10 >= of.len() * NEARLY_ALL);
        if let (Some((centre, _)), None) = (common.next(), common.next())
            && (opens.contains(&centre) || !answers.contains(&centre))
        {
            out.insert(centre);
        }
    }
    out
}

#[cfg(test)]
mod tests;
