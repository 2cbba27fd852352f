//! Who is who: which end of a flow is ours, whether it is the declared device, and what the other
//! end is called.
//!
//! Knows no database and no policy: names come with their source, machines with their MAC.

pub mod oui;
pub mod topology;

use crate::evidence::flow::{Behind, Key, LinkFacts, Opening, Pair, Side};
use crate::evidence::ledger::Station;
use crate::evidence::link::{Spoken, spoken};
use crate::evidence::row::RowKey;
use crate::evidence::{Devices, Series};
use crate::ground::address::{Class, classify};
use crate::ground::mac::Mac;
use crate::ground::moment::Timestamp;
use std::collections::BTreeSet;
use std::net::IpAddr;
use topology::{Topology, is_of_site};

/// Whether a machine is the declared device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceMatch {
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
    /// A declared address was used by several machines, or what its MAC sends may be anybody's: it is
    /// a router's, or two addresses speak behind it in turn.
    pub ambiguous: bool,
    /// Declared addresses that went to another machine while the device went on under another one.
    moved: BTreeSet<(IpAddr, Mac)>,
    /// Declared MACs that send for others too: what they send from outside addresses may be anybody's.
    forwards: BTreeSet<Mac>,
    /// Addresses of the device from which another MAC sends as well while its own do: a repeater, another radio, or another machine.
    shared: BTreeSet<(IpAddr, Mac)>,
    /// Addresses of the site of which no single MAC is known, as where copies of a router were recorded too: other machines sent from them, and
    /// the device did not.
    others: BTreeSet<IpAddr>,
    /// MACs that took over an address of a declared MAC which was not seen again, and may be the same
    /// machine's.
    heirs: BTreeSet<Mac>,
    /// The recording machine is the device: directions say that the device's packets were sent by it.
    recorder: bool,
}

impl DeviceView {
    /// Binds the declared addresses to the machines of a series, by all series of `all` that stand on its link.
    pub fn new(
        devices: &Devices,
        series: &Series,
        all: &[Series],
        topology: &Topology<'_>,
    ) -> Self {
        if !devices.any() {
            return Self::default();
        }
        let mut view = Self {
            all: devices.all,
            ips: devices.ips.clone(),
            macs: devices.macs.iter().copied().collect(),
            ..Self::default()
        };
        let spoken = match devices.all {
            true => Spoken::new(),
            false => spoken(all.iter().filter(|other| other.link == series.link)),
        };
        if !devices.all {
            for ip in &devices.ips {
                view.bind(*ip, series, &spoken);
            }
            for mac in view.macs.clone() {
                view.ambiguous |= in_turn(mac, &spoken, &is_of_site);
                if topology.is_router(mac) || in_turn(mac, &spoken, &|_| true) {
                    // A hotspot that was declared by its MAC has addresses of its own.
                    if devices.macs.contains(&mac) {
                        view.forwards.insert(mac);
                    } else {
                        view.ambiguous = true;
                    }
                }
            }
            for mac in &devices.macs {
                view.heirs.extend(heirs(*mac, series, &spoken));
            }
            view.heirs.retain(|mac| !view.macs.contains(mac));
        }
        let seen = |ip: &IpAddr| {
            Side::BOTH
                .iter()
                .any(|side| series.rows.iter().any(|(key, _)| key.key.ip(*side) == *ip))
        };
        view.addresses = devices.ips.iter().copied().filter(seen).collect();
        view.unseen = devices
            .ips
            .iter()
            .filter(|ip| !view.addresses.contains(ip))
            .map(ToString::to_string)
            .chain(
                devices
                    .macs
                    .iter()
                    .filter(|mac| !series.ledger.stations.contains_key(mac))
                    .map(ToString::to_string),
            )
            .collect();
        if !view.ambiguous {
            for mac in &view.macs {
                if let Some(station) = series.ledger.stations.get(mac) {
                    let own = |ip: &&IpAddr| !view.forwards.contains(mac) || is_of_site(**ip);
                    view.addresses.extend(station.sources.iter().filter(own));
                }
            }
        }
        view.shared = view.shared(&spoken);
        view.others = view.others(series);
        view.recorder = view.records(series);
        view
    }

    /// Finds the machine of a declared address: the one that had it first. Another MAC that takes the
    /// address over is another machine if the first one goes on under its own MAC; else it may be the
    /// same one under a new MAC, as telephones make them up.
    fn bind(&mut self, ip: IpAddr, series: &Series, spoken: &Spoken) {
        let mut senders: Vec<(Option<Timestamp>, Mac)> = series
            .ledger
            .stations
            .iter()
            .filter(|(_, station)| station.sources.contains(&ip))
            .map(|(mac, _)| (spoken.get(&(*mac, ip)).map(|(first, _)| *first), *mac))
            .collect();
        senders.sort();
        let owner = senders.iter().find(|(first, _)| first.is_some()).copied();
        let Some((_, owner)) = owner else {
            self.ambiguous |= senders.len() > 1;
            self.macs.extend(senders.iter().map(|(_, mac)| *mac));
            return;
        };
        self.macs.insert(owner);
        let passes_on = |mac: &Mac| {
            let station = series.ledger.stations.get(mac);
            station.is_some_and(|station| station.forwards || passes_on(station))
        };
        for (first, mac) in senders {
            // The owner, or one that was declared too.
            if self.macs.contains(&mac) {
                continue;
            }
            // It never sent first, and sends for others: what it sent from the address are copies.
            if first.is_none() && passes_on(&mac) {
                continue;
            }
            let still = |only: Option<IpAddr>| {
                first.is_none_or(|first| {
                    spoken
                        .iter()
                        .filter(|((of, from), _)| *of == owner && only.is_none_or(|ip| ip == *from))
                        .any(|(_, (_, last))| *last > first)
                })
            };
            if still(Some(ip)) {
                self.ambiguous = true;
                self.macs.insert(mac);
            } else if still(None) {
                self.moved.insert((ip, mac));
            } else {
                self.macs.insert(mac);
            }
        }
    }

    /// Finds who else sends from the device's addresses while it does.
    fn shared(&self, spoken: &Spoken) -> BTreeSet<(IpAddr, Mac)> {
        let others = spoken.iter().filter(|((mac, ip), _)| {
            !self.macs.contains(mac) && self.addresses.contains(ip) && is_of_site(*ip)
        });
        let shared = others.filter(|((_, ip), times)| {
            let own = |mac: &Mac| spoken.get(&(*mac, *ip));
            // One that begins and ends while the other goes on is no late packet of a change.
            let within = |own: (Timestamp, Timestamp)| own.0 < times.0 && times.1 < own.1;
            let mut owns = self.macs.iter().filter_map(own);
            owns.any(|own| within(*own) || overlap(*own, **times))
        });
        shared.map(|((mac, ip), _)| (*ip, *mac)).collect()
    }

    /// Finds the addresses of those whose packets came from several MACs, or behind a translator, and from which only others sent.
    fn others(&self, series: &Series) -> BTreeSet<IpAddr> {
        let stations = &series.ledger.stations;
        let own = || self.macs.iter().chain(&self.heirs);
        let own: Vec<&Station> = own().filter_map(|mac| stations.get(mac)).collect();
        // Of one that sends for many not all addresses are listed.
        if own.is_empty() || own.iter().any(|station| station.forwards) {
            return BTreeSet::new();
        }
        let rows = series.rows.iter().filter(|(key, _)| key.folded.is_none());
        let asked = rows.flat_map(|(key, _)| {
            Side::BOTH.into_iter().flat_map(|side| {
                let its = key.link.of(side);
                let own = its.mixed.then_some(key.key.ip(side));
                own.into_iter().chain(its.behind.map(Behind::ip))
            })
        });
        let foreign = |ip: &IpAddr| {
            let its = own.iter().any(|station| station.sources.contains(ip));
            is_of_site(*ip) && !its && !self.addresses.contains(ip)
        };
        let mut others: BTreeSet<IpAddr> = asked.filter(foreign).collect();
        let sent: BTreeSet<IpAddr> = stations
            .values()
            .flat_map(|station| station.sources.intersection(&others))
            .copied()
            .collect();
        others.retain(|ip| sent.contains(ip));
        others
    }

    /// Directions say that what the device sends is sent by the recording machine, and never that it
    /// was received by it.
    fn records(&self, series: &Series) -> bool {
        let (mut sent, mut received) = (false, false);
        for (key, _) in series.rows.iter().filter(|(key, _)| key.folded.is_none()) {
            for side in Side::BOTH {
                let its = key.link.of(side);
                if key.key.ip(side.other()).is_multicast() {
                    continue;
                }
                if self.whose(key.key.ip(side), mac_of(&key.link, side)) == DeviceMatch::Device {
                    sent |= its.sent;
                    received |= its.received;
                }
            }
        }
        sent && !received
    }

    /// Whose machine sent or received at a side of a flow.
    pub fn of(&self, key: &Key, link: &Pair<LinkFacts>, side: Side) -> DeviceMatch {
        let its = link.of(side);
        // Of several MACs the first is the sender's, and those of copies come behind it.
        let first = its.source.filter(|_| its.mixed);
        if first.is_some_and(|mac| self.moved.contains(&(key.ip(side), mac))) {
            return DeviceMatch::Other;
        }
        let mut whose = self.whose(key.ip(side), mac_of(link, side));
        // What a tunnel brings is its sender's, whatever addresses it has inside; and so is what a translator sends on.
        if whose == DeviceMatch::Unsure
            && let Some(behind) = its.behind
        {
            if self.whose(behind.ip(), None) == DeviceMatch::Device {
                whose = DeviceMatch::Device;
            } else if let Behind::Translated(ip) = behind
                && self.others.contains(&ip)
            {
                // Who sends a tunnel may do it for many.
                whose = DeviceMatch::Other;
            }
        }
        if whose == DeviceMatch::Unsure && its.mixed && self.others.contains(&key.ip(side)) {
            whose = DeviceMatch::Other;
        }
        if !self.recorder || whose == DeviceMatch::Device {
            return whose;
        }
        let others = link.of(side.other());
        match (its.sent, its.received) {
            (true, false) => DeviceMatch::Device,
            (false, true) => DeviceMatch::Other,
            // Nothing of it was seen but what the recording machine sent to it, or received for it.
            (false, false) if others.sent && !others.received => DeviceMatch::Other,
            (true, true) => DeviceMatch::Unsure,
            _ => whose,
        }
    }

    /// Whose machine sent or received under this address and MAC.
    pub fn whose(&self, ip: IpAddr, mac: Option<Mac>) -> DeviceMatch {
        if mac.is_some_and(|mac| self.moved.contains(&(ip, mac))) {
            return DeviceMatch::Other;
        }
        if self.all || self.ips.contains(&ip) {
            return DeviceMatch::Device;
        }
        match mac {
            Some(mac) if self.heirs.contains(&mac) => DeviceMatch::Unsure,
            Some(mac) if self.shared.contains(&(ip, mac)) => DeviceMatch::Unsure,
            Some(mac) if self.macs.contains(&mac) => {
                if self.ambiguous || (self.forwards.contains(&mac) && !is_of_site(ip)) {
                    DeviceMatch::Unsure
                } else {
                    DeviceMatch::Device
                }
            }
            // Another MAC is another machine once the device's own is known.
            Some(_) if !self.macs.is_empty() => DeviceMatch::Other,
            _ if self.addresses.contains(&ip) => DeviceMatch::Device,
            _ => DeviceMatch::Unsure,
        }
    }
}

/// It sends from several addresses of IPv4: those of hosts of the site, or of the internet.
fn passes_on(station: &Station) -> bool {
    let hosts = station.sources.iter().filter(|ip| {
        let class = classify(**ip).class;
        ip.is_ipv4() && matches!(class, Class::Private | Class::Global)
    });
    hosts.count() > 1
}

/// MACs that sent from an address of this one after it fell silent (perhaps it itself), if one of the two is a number that
/// its machine made up (the locally administered bit, IEEE 802): a telephone changes it on the way.
fn heirs(mac: Mac, series: &Series, spoken: &Spoken) -> BTreeSet<Mac> {
    let stations = &series.ledger.stations;
    let made_up = |mac: Mac| mac.0[0] & 2 != 0;
    let Some(own) = stations.get(&mac) else {
        return BTreeSet::new();
    };
    let last = spoken
        .iter()
        .filter(|((of, _), _)| *of == mac)
        .map(|(_, (_, last))| *last)
        .max();
    let single = |ip: &IpAddr| {
        matches!(
            classify(*ip).class,
            Class::Private | Class::UniqueLocal | Class::Global
        )
    };
    let took = |other: Mac, station: &Station| {
        let shared = station.sources.intersection(&own.sources);
        shared.filter(|ip| single(ip)).any(|ip| {
            let first = spoken.get(&(other, *ip)).map(|(first, _)| *first);
            last.is_none_or(|last| first.is_some_and(|first| first >= last))
        })
    };
    stations
        .iter()
        .filter(|(other, station)| (made_up(mac) || made_up(**other)) && took(**other, station))
        .map(|(other, _)| *other)
        .collect()
}

/// Two of the addresses that `counts` takes, both IPv4, speak from one MAC in turn, as behind a
/// repeater or router: a host changes its address and does not go back. Its own besides (no address
/// yet, link-local, 464XLAT) do not count.
fn in_turn(mac: Mac, spoken: &Spoken, counts: &dyn Fn(IpAddr) -> bool) -> bool {
    let times: Vec<(Timestamp, Timestamp)> = spoken
        .iter()
        .filter(|((of, ip), _)| {
            let own = matches!(
                classify(*ip).class,
                Class::Unspecified | Class::LinkLocal | Class::Loopback | Class::Clat
            );
            *of == mac && ip.is_ipv4() && !own && counts(*ip)
        })
        .map(|(_, times)| *times)
        .collect();
    times.iter().enumerate().any(|(at, one)| {
        let mut others = times.iter().skip(at + 1);
        others.any(|other| overlap(*one, *other))
    })
}

/// Two times, from first to last, lie over each other by more than what is sent late from an address that was given up.
fn overlap(one: (Timestamp, Timestamp), other: (Timestamp, Timestamp)) -> bool {
    const TAIL: i64 = 5 * Timestamp::SECOND;
    let after = |a: Timestamp, b: Timestamp| a.since(b).is_some_and(|d| d > TAIL);
    after(one.1, other.0) && after(other.1, one.0)
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
/// end that the MAC or the direction flag shows, else the address in nearly all conversations, else
/// the one that answers as only the recording machine can, else the end that opened it. False if its port alone says so.
pub fn our_side(
    row: &RowKey,
    local: Pair<bool>,
    device: &DeviceView,
    topology: &Topology<'_>,
) -> (Side, bool) {
    if let Some(side) = shown_end(&row.key, &row.link, row.asker().0, local, device, topology) {
        return (side, true);
    }
    let (opener, how) = row.opener;
    if how >= Opening::Request {
        return (opener, true);
    }
    // Who looked the other one up; and nobody is a group.
    let asked = either(&|side| row.resolved.of(side.other()).asked.is_some());
    let single = || either(&|side| !row.key.ip(side).is_multicast());
    match asked.or_else(single) {
        Some(side) => (side, true),
        // Ports alone prove little, but the contract ends there.
        None => (opener, false),
    }
}

/// The same for a flow by its parts, of which it is known who asked.
pub fn our_end(
    key: &Key,
    link: &Pair<LinkFacts>,
    asker: Side,
    local: Pair<bool>,
    device: &DeviceView,
    topology: &Topology<'_>,
) -> Side {
    shown_end(key, link, asker, local, device, topology).unwrap_or(asker)
}

/// The side of which alone something holds.
fn either(is: &dyn Fn(Side) -> bool) -> Option<Side> {
    match (is(Side::A), is(Side::B)) {
        (true, false) => Some(Side::A),
        (false, true) => Some(Side::B),
        _ => None,
    }
}

/// Our side, if more than who asked shows it.
fn shown_end(
    key: &Key,
    link: &Pair<LinkFacts>,
    opener: Side,
    local: Pair<bool>,
    device: &DeviceView,
    topology: &Topology<'_>,
) -> Option<Side> {
    let device = either(&|side| device.of(key, link, side) == DeviceMatch::Device);
    if device.is_some() {
        return device;
    }
    match (local.a, local.b) {
        (true, false) => return Some(Side::A),
        (false, true) => return Some(Side::B),
        (true, true) | (false, false) => {}
    }
    for side in Side::BOTH {
        let (its, others) = (link.of(side), link.of(side.other()));
        if (its.sent && !its.received) || (others.received && !others.sent) {
            return Some(side);
        }
    }
    if local.a && local.b {
        // Both on the site: who asked.
        return Some(opener);
    }
    // Inside a tunnel: the end whose packets come in those of a machine on the site, or do not come in those of one beyond.
    let behind = |side: Side| {
        let behind = link.of(side).behind;
        behind.map(|behind| classify(behind.ip()).is_local())
    };
    let carried = either(&|side| behind(side) == Some(true))
        .or_else(|| either(&|side| behind(side.other()) == Some(false)));
    if carried.is_some() {
        return carried;
    }
    let macs = |is: &dyn Fn(Mac) -> bool| either(&|side| mac_of(link, side).is_some_and(is));
    macs(&|mac| !topology.is_router(mac))
        .filter(|side| mac_of(link, side.other()).is_some())
        // Who is at home speaks only against somebody who is not: a telephone has addresses of both kinds.
        .or_else(|| {
            macs(&|mac| topology.is_at_home(mac)).filter(|side| {
                mac_of(link, side.other()).is_some_and(|mac| !topology.is_on_site(mac))
            })
        })
        .or_else(|| either(&|side| topology.is_centre(key.ip(side))))
        .or_else(|| either(&|side| topology.is_near(key.ip(side))))
}

#[cfg(test)]
mod tests;
