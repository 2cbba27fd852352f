//! Lookups: names that our side asked for, whose they are, and whether they left the site.

use super::attribution::{Attributed, by_evidence_of_lookup, by_looked_up_name};
use super::labels::{Labelling, Labels};
use super::reach::is_fake;
use super::{Basis, Scope};
use crate::evidence::flow::{Opening, Pair, Side};
use crate::evidence::ledger::{FOLDED_NAME, Lookup as Asked};
use crate::ground::moment::Moment;
use crate::ground::protocol;
use crate::ground::public_name::is_public_name;
use crate::judge::identity::topology::Topology;
use crate::judge::identity::{DeviceMatch, DeviceView, our_end};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

/// A name that was asked for.
#[derive(Debug, Clone)]
pub struct Lookup {
    /// The name.
    pub name: Arc<str>,
    /// Who was asked.
    pub resolver: IpAddr,
    /// Local, relayed or internet.
    pub scope: Scope,
    /// The app, by the capture's label.
    pub app: Option<Arc<Labelling>>,
    /// Whose lookup it is.
    pub attributed: Attributed,
    /// Who asked.
    pub clients: BTreeSet<IpAddr>,
    /// Record types.
    pub types: BTreeSet<u16>,
    /// Addresses answered.
    pub answers: BTreeSet<IpAddr>,
    /// Per interval: how often, first, last.
    pub asked: BTreeMap<u32, (u64, Moment, Moment)>,
    /// The first answer of which no question was seen: it moves no verdict.
    pub told: Option<Moment>,
}

impl Lookup {
    /// The first packet about it.
    pub fn first(&self) -> Moment {
        let asked = self.asked.values().map(|(_, first, _)| *first).min();
        asked.or(self.told).unwrap_or(Moment::NONE)
    }
}

type LookupGroup = (Arc<str>, IpAddr, u8, Scope, Option<Arc<Labelling>>);

pub(super) fn lookup(
    lookups: &mut BTreeMap<LookupGroup, Lookup>,
    key: &crate::evidence::ledger::LookupKey,
    asked: &Asked,
    topology: &Topology<'_>,
    device: &DeviceView,
    labels: &Labels,
    basis: &Basis<'_>,
) {
    let (flow, side) =
        crate::evidence::flow::Key::new((key.client, 0), (key.resolver, key.port), protocol::UDP);
    let mut link = Pair::default();
    *link.of_mut(side) = asked.link;
    let group = key.resolver.is_multicast();
    let is_local = |s| {
        topology
            .local(&flow, s, &link, (side, Opening::Request))
            .is_some()
    };
    let folded = &*key.name == FOLDED_NAME;
    let local = Pair {
        a: is_local(Side::A),
        b: is_local(Side::B),
    };
    // Somebody outside asks a server of ours: it is no lookup of our side.
    let inside = local.a && local.b;
    if !group && !inside && !folded && our_end(&flow, &link, side, local, device, topology) != side
    {
        return;
    }
    let public = folded || is_public_name(&key.name);
    // A virtual resolver of a VPN app asks somebody outside, as one on the site does.
    let local = is_local(side.other()) || (is_fake(key.resolver) && public);
    let scope = if !local {
        Scope::Internet
    } else if group || !public {
        Scope::Local
    } else {
        Scope::Relayed
    };
    let whose = if folded {
        DeviceMatch::Unsure
    } else {
        let whose = device.of(&flow, &link, side);
        // Who asks the device is another machine, but a machine can ask itself.
        let itself = key.client == key.resolver || key.client.is_loopback();
        let served = inside && device.of(&flow, &link, side.other()) == DeviceMatch::Device;
        if whose == DeviceMatch::Unsure && served && !itself {
            DeviceMatch::Other
        } else {
            whose
        }
    };
    let app = key.app.and_then(|app| labels.of(&[app]));
    let attributed = by_evidence_of_lookup(whose, app.as_ref())
        .unwrap_or_else(|| by_looked_up_name(&key.name, basis.catalog));
    let group = (
        Arc::clone(&key.name),
        key.resolver,
        match whose {
            DeviceMatch::Device => 0,
            DeviceMatch::Unsure => 1,
            DeviceMatch::Other => 2,
        },
        scope,
        app.clone(),
    );
    let lookup = lookups.entry(group).or_insert_with(|| Lookup {
        name: Arc::clone(&key.name),
        resolver: key.resolver,
        scope,
        app,
        attributed,
        clients: BTreeSet::new(),
        types: BTreeSet::new(),
        answers: BTreeSet::new(),
        asked: BTreeMap::new(),
        told: None,
    });
    lookup.told = match (lookup.told, asked.told) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    };
    lookup.clients.insert(key.client);
    lookup.types.extend(&asked.types);
    lookup.answers.extend(&asked.answers);
    for (interval, of) in &asked.asked {
        lookup
            .asked
            .entry(*interval)
            .and_modify(|(count, first, last)| {
                *count += of.count;
                *first = (*first).min(of.first);
                *last = (*last).max(of.last);
            })
            .or_insert((of.count, of.first, of.last));
    }
}

#[cfg(test)]
mod tests;
