//! Who is who: which end of a flow is ours, whether it is the declared device, and what the other
//! end is called.
//!
//! Knows no database and no policy: names come with their source, machines with their MAC.

pub mod oui;
pub mod topology;

use crate::audit::{Devices, Series};
use crate::flow::row::RowKey;
use crate::flow::{LinkFacts, Opening, Pair, Side};
use crate::link::Mac;
use std::collections::BTreeSet;
use std::net::IpAddr;
use topology::Topology;

/// Whether a machine is the declared device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// It is.
    Device,
    /// It is positively another machine.
    Other,
    /// It cannot be told, or no device was declared.
    Unsure,
}

/// The declared device as one series shows it: a machine with its MACs and all their addresses.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeviceView {
    all: bool,
    ips: Vec<IpAddr>,
    /// MACs seen with it.
    pub macs: BTreeSet<Mac>,
    /// Addresses that those sent from.
    pub addresses: BTreeSet<IpAddr>,
    /// Declared addresses of which no packet was seen.
    pub unseen: BTreeSet<String>,
    /// A declared address was used by several machines, or its MAC is a router's: what that MAC
    /// sends may be anybody's.
    pub ambiguous: bool,
}

impl DeviceView {
    /// Binds the declared addresses to the machines of a series.
    pub fn new(devices: &Devices, series: &Series, topology: &Topology<'_>) -> Self {
        let mut macs: BTreeSet<Mac> = devices.macs.iter().copied().collect();
        let mut ambiguous = false;
        for ip in &devices.ips {
            let senders: Vec<Mac> = series
                .ledger
                .stations
                .iter()
                .filter(|(_, station)| station.sources.contains(ip))
                .map(|(mac, _)| *mac)
                .collect();
            ambiguous |= senders.len() > 1;
            macs.extend(senders);
        }
        ambiguous |= macs
            .iter()
            .any(|mac| topology.is_router(*mac) && !devices.macs.contains(mac));
        let seen = |ip: &IpAddr| {
            Side::BOTH
                .iter()
                .any(|side| series.rows.iter().any(|(key, _)| key.key.ip(*side) == *ip))
        };
        let mut addresses: BTreeSet<IpAddr> = devices.ips.iter().copied().filter(seen).collect();
        let unseen: BTreeSet<String> = devices
            .ips
            .iter()
            .filter(|ip| !addresses.contains(ip))
            .map(ToString::to_string)
            .chain(
                devices
                    .macs
                    .iter()
                    .filter(|mac| !series.ledger.stations.contains_key(mac))
                    .map(ToString::to_string),
            )
            .collect();
        if !ambiguous {
            for mac in &macs {
                if let Some(station) = series.ledger.stations.get(mac) {
                    addresses.extend(&station.sources);
                }
            }
        }
        Self {
            all: devices.all,
            ips: devices.ips.clone(),
            macs,
            addresses,
            unseen,
            ambiguous,
        }
    }

    /// Whose machine sent or received under this address and MAC.
    pub fn whose(&self, ip: IpAddr, mac: Option<Mac>) -> Whose {
        if self.all || self.ips.contains(&ip) {
            return Whose::Device;
        }
        match mac {
            Some(mac) if self.macs.contains(&mac) => {
                if self.ambiguous {
                    Whose::Unsure
                } else {
                    Whose::Device
                }
            }
            // Another MAC is another machine once the device's own is known.
            Some(_) if !self.macs.is_empty() => Whose::Other,
            _ if self.addresses.contains(&ip) => Whose::Device,
            _ => Whose::Unsure,
        }
    }
}

/// The MAC of the machine at a side, if the link shows one.
pub fn mac_of(link: &Pair<LinkFacts>, side: Side) -> Option<Mac> {
    let its = link.of(side);
    if its.mixed {
        return None;
    }
    its.source
        .or(link.of(side.other()).target)
        .filter(|mac| !mac.is_group())
}

/// Our side of a flow (contract, "Who sent it"): the declared device, else the local end, else the
/// end that the MAC or the direction flag shows, else the end that opened it.
pub fn our_side(
    row: &RowKey,
    local: Pair<bool>,
    device: &DeviceView,
    topology: &Topology<'_>,
) -> Side {
    if !device.all {
        let is_device =
            |side| device.whose(row.key.ip(side), mac_of(&row.link, side)) == Whose::Device;
        match (is_device(Side::A), is_device(Side::B)) {
            (true, false) => return Side::A,
            (false, true) => return Side::B,
            _ => {}
        }
    }
    match (local.a, local.b) {
        (true, false) => return Side::A,
        (false, true) => return Side::B,
        // Both on the site: who asked.
        (true, true) => return row.opener.0,
        (false, false) => {}
    }
    for side in Side::BOTH {
        let (its, others) = (row.link.of(side), row.link.of(side.other()));
        if (its.sent && !its.received) || (others.received && !others.sent) {
            return side;
        }
    }
    let routed = |side| mac_of(&row.link, side).map(|mac| topology.is_router(mac));
    match (routed(Side::A), routed(Side::B)) {
        (Some(false), Some(true)) => return Side::A,
        (Some(true), Some(false)) => return Side::B,
        _ => {}
    }
    // Ports alone prove little, but the contract ends there.
    let (side, _how): (Side, Opening) = row.opener;
    side
}
