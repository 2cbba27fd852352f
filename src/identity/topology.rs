//! Which addresses are local on a link, fail closed.
//!
//! By number (IANA registries, [`crate::packet::address`]), by declaration (`--local`), or, for an
//! address that is public by number, by proof on the link: a router advertisement or DHCP mask
//! that covers it, or ARP or neighbour discovery that names it, together with frames that really
//! went to a MAC that is not the router's. Without link addresses nothing can be proven.

use crate::flow::{Key, LinkFacts, Pair, Side};
use crate::ledger::{Ledger, Station};
use crate::link::Mac;
use crate::packet::address::{Class, classify};
use ipnet::IpNet;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// What the link of one series proves.
pub struct Topology<'a> {
    ledger: &'a Ledger,
    declared: &'a [IpNet],
    routers: BTreeSet<Mac>,
}

/// Why an address is local.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Local {
    /// By its number.
    Special,
    /// By `--local`.
    Declared,
    /// By proof on the link, in words.
    Proven(String),
}

impl<'a> Topology<'a> {
    /// Reads the neighbours of a series.
    pub fn new(ledger: &'a Ledger, declared: &'a [IpNet]) -> Self {
        let routers = ledger
            .stations
            .iter()
            .filter(|(_, station)| routes(station, ledger))
            .map(|(mac, _)| *mac)
            .collect();
        Self {
            ledger,
            declared,
            routers,
        }
    }

    /// True for MACs that forward for others.
    pub fn is_router(&self, mac: Mac) -> bool {
        self.routers.contains(&mac)
    }

    /// Whether the address of a side of a flow is local, and why; `None` if not.
    pub fn local(&self, key: &Key, side: Side, link: &Pair<LinkFacts>) -> Option<Local> {
        let ip = key.ip(side).to_canonical();
        // A site's own numbers, but the way out: the IPv4 address inside is where it goes.
        if self.ledger.translators.leaves(ip) {
            return None;
        }
        let special = classify(ip);
        // The CLAT address of 464XLAT is the phone's own.
        if special.is_local_source() {
            return Some(Local::Special);
        }
        if self.declared.iter().any(|net| net.contains(&ip)) {
            return Some(Local::Declared);
        }
        if special.class != Class::Global {
            return None;
        }
        self.proven(key.ip(side), link.of(side), link.of(side.other()))
            .map(Local::Proven)
    }

    fn proven(&self, ip: IpAddr, its: &LinkFacts, others: &LinkFacts) -> Option<String> {
        if its.mixed || others.mixed {
            return None;
        }
        // The MAC that the frames show for this address, as sender and as receiver.
        let mac = match (its.source, others.target) {
            (Some(a), Some(b)) if a != b => return None,
            (Some(mac), _) | (None, Some(mac)) => mac,
            (None, None) => return None,
        };
        if mac.is_group() || self.is_router(mac) {
            return None;
        }
        let station = self.ledger.stations.get(&mac)?;
        if !station.sources.contains(&ip) && !station.claims.contains(&ip) {
            return None;
        }
        if let Some((net, at)) = self.ledger.on_link.iter().find(|(net, _)| net.contains(ip)) {
            return Some(format!(
                "{ip} lies in {}/{}, which frame {} shows to be on the link, and its frames use {mac}, which is not the router's",
                net.network, net.bits, at.at.frame
            ));
        }
        // A proxy for others would claim several.
        let sole = station.claims.contains(&ip)
            && globals(station).all(|other| other == ip || other.is_ipv4() != ip.is_ipv4());
        sole.then(|| format!("{mac} claims {ip} by ARP or neighbour discovery and sends for no other public address"))
    }
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
    let mut networks: BTreeMap<u128, ()> = BTreeMap::new();
    for ip in globals(station) {
        if ledger.on_link.keys().any(|net| net.contains(ip)) {
            continue;
        }
        let network = match ip {
            IpAddr::V4(v4) => u128::from(v4.to_bits() >> 8),
            IpAddr::V6(v6) => v6.to_bits() >> 64,
        };
        networks.insert(network, ());
    }
    networks.len() >= NETWORKS_OF_A_HOST
}
