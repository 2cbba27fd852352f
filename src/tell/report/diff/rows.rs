//! Destinations of a report, grouped by what another recording would show the same.
//!
//! Told apart by scope, name (else address), port, transport, operator and whether they are
//! positively another machine's. Names stay together over the addresses of one operator (its
//! autonomous system), because clouds hand out others each time; the same name at another operator
//! is another row. Apps by label are kept apart inside a row.

use super::Traffic;
use crate::ground::moment::FrameRef;
use crate::judge::classify::Scope;
use crate::judge::classify::attribution::Attribution;
use crate::tell::report::meaning;
use crate::tell::report::v1::{App, Destination, Report};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// Frames listed of a row: enough to find it in Wireshark.
const FRAMES_MAX: usize = 4;

/// Who a destination is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Identity {
    /// By name.
    Name(String),
    /// By address, without a name.
    Address(String),
    /// A local relay that was told neither.
    Relay,
    /// Many that the report folded: attribution and country.
    Folded(Attribution, Option<String>),
}

/// Who runs the addresses of a name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Operator {
    /// It has no address, or is one address.
    Untold,
    /// By autonomous system.
    System(u32),
    /// No database knows the address.
    Address(String),
}

/// What rows are told apart by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct RowKey {
    pub(super) scope: Scope,
    pub(super) identity: Identity,
    pub(super) operator: Operator,
    pub(super) port: Port,
    pub(super) transport: String,
    /// Positively another machine's than the device under audit.
    pub(super) other_machine: bool,
}

/// A port, as far as it says something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Port {
    /// There is none.
    None,
    /// This one.
    Fixed(u16),
    /// Picked for the moment.
    Dynamic,
}

/// Destinations of one key and one app, summed.
#[derive(Debug, Clone)]
pub(super) struct Group {
    pub(super) traffic: Traffic,
    pub(super) asn: Option<u32>,
    pub(super) organisation: Option<String>,
    pub(super) owner: Option<String>,
    pub(super) role: Option<String>,
    /// Every name of it, the best and the others.
    pub(super) names: BTreeSet<String>,
}

/// All destinations of one side: per key, per app (`None` without a label).
#[derive(Debug, Default)]
pub(super) struct Rows {
    pub(super) keyed: BTreeMap<RowKey, BTreeMap<Option<String>, Group>>,
}

/// Which autonomous system an address lies in, by either side: where the sides used different
/// databases, the same address must not look like another operator.
#[derive(Debug, Default)]
pub(super) struct Systems(BTreeMap<String, u32>);

impl Systems {
    /// What is known first stays.
    pub(super) fn learn(&mut self, report: &Report) {
        for destination in all(report).flat_map(|(r, _)| &r.destinations) {
            if let (Some(ip), Some(asn)) = (&destination.ip, destination.asn) {
                self.0.entry(address(ip)).or_insert(asn);
            }
        }
    }
}

/// The report, or with `--each` its sessions, and how many inputs come before each.
pub(super) fn all(report: &Report) -> impl Iterator<Item = (&Report, u32)> {
    let mut before = 0u32;
    let alone = report.sessions.is_empty().then_some(report);
    alone
        .into_iter()
        .chain(&report.sessions)
        .map(move |session| {
            let offset = before;
            let inputs = u32::try_from(session.inputs.len()).unwrap_or(u32::MAX);
            before = before.saturating_add(inputs);
            (session, offset)
        })
}

/// An address that means the same in another network; what is none stays as it is.
pub(super) fn address(text: &str) -> String {
    text.parse::<IpAddr>()
        .map_or_else(|_| text.to_owned(), |ip| meaning::address(ip).to_string())
}

/// An app by the name of its label, else by its user id.
pub(super) fn app(app: &App) -> String {
    match (&app.name, app.uid) {
        (Some(name), _) => name.clone(),
        (None, Some(uid)) => format!("uid:{uid}"),
        (None, None) => "unnamed".to_owned(),
    }
}

impl Rows {
    pub(super) fn of(report: &Report, systems: &Systems) -> Self {
        let mut rows = Self::default();
        for (session, offset) in all(report) {
            let frames = frames(session);
            for destination in &session.destinations {
                let key = key(destination, systems);
                let named = frames.get(destination.id.as_str());
                let group = group(destination, named, offset, !report.sessions.is_empty());
                let apps = rows.keyed.entry(key).or_default();
                let label = destination.app.as_ref().map(app);
                match apps.get_mut(&label) {
                    Some(have) => have.add(group),
                    None => {
                        apps.insert(label, group);
                    }
                }
            }
        }
        rows
    }
}

fn key(destination: &Destination, systems: &Systems) -> RowKey {
    let ip = destination.ip.as_deref().map(address);
    let identity = match (&destination.host, &ip) {
        (Some(host), _) => Identity::Name(host.clone()),
        (None, Some(ip)) => Identity::Address(ip.clone()),
        (None, None) if destination.scope == Scope::Relayed => Identity::Relay,
        (None, None) => Identity::Folded(destination.attribution, destination.country.clone()),
    };
    let operator = match (&identity, ip) {
        (Identity::Name(_), Some(ip)) => match systems.0.get(&ip) {
            Some(asn) => Operator::System(*asn),
            None => Operator::Address(ip),
        },
        _ => Operator::Untold,
    };
    let via = destination.via.as_ref().and_then(|via| via.port);
    let port = match destination.port.or(via) {
        None => Port::None,
        Some(port) if meaning::is_dynamic(port) => Port::Dynamic,
        Some(port) => Port::Fixed(port),
    };
    RowKey {
        scope: destination.scope,
        identity,
        operator,
        port,
        transport: destination.transport.clone(),
        other_machine: destination.attribution == Attribution::OtherDevice,
    }
}

/// Frames that findings name, by destination.
fn frames(report: &Report) -> BTreeMap<&str, Vec<FrameRef>> {
    let mut frames: BTreeMap<&str, Vec<FrameRef>> = BTreeMap::new();
    for finding in &report.findings {
        if let Some(destination) = &finding.destination {
            let have = frames.entry(destination).or_default();
            have.extend(&finding.frames);
        }
    }
    frames
}

fn group(
    destination: &Destination,
    named: Option<&Vec<FrameRef>>,
    offset: u32,
    several: bool,
) -> Group {
    let of_names = destination.names.iter().map(|name| FrameRef {
        input: name.input,
        frame: name.frame,
    });
    let moved = |at: FrameRef| FrameRef {
        input: at.input.saturating_add(offset),
        ..at
    };
    let frames: BTreeSet<FrameRef> = of_names
        .chain(named.into_iter().flatten().copied())
        .map(moved)
        .collect();
    let list = |one: Option<String>| one.into_iter().collect::<Vec<_>>();
    let countries = match destination.country_candidates.as_slice() {
        [] => list(destination.country.clone()),
        several => several.to_vec(),
    };
    let region = destination.cloud.as_ref().and_then(|cloud| {
        let region = cloud.region.as_ref()?;
        Some(format!("{} {region}", cloud.provider))
    });
    let names = destination.names.iter().map(|name| name.name.clone());
    Group {
        asn: destination.asn,
        organisation: destination.organisation.clone(),
        owner: destination.owner.clone(),
        role: destination.role.clone(),
        names: names.chain(destination.host.clone()).collect(),
        traffic: Traffic {
            stage: destination.stage,
            attribution: destination.attribution,
            flows: destination.flows,
            packets_out: destination.packets_out,
            packets_in: destination.packets_in,
            bytes_out: destination.bytes_out,
            bytes_in: destination.bytes_in,
            addresses: list(destination.ip.as_deref().map(address)),
            countries,
            regions: list(region),
            apps: list(destination.app.as_ref().map(app)),
            first: destination.first.clone(),
            last: destination.last.clone(),
            frames: frames.into_iter().take(FRAMES_MAX).collect(),
            // Ids mean something in one report only, and sessions have one each.
            destinations: if several {
                Vec::new()
            } else {
                vec![destination.id.clone()]
            },
        },
    }
}

/// Both lists, in order and without repeats.
pub(super) fn union<T: Ord>(have: &mut Vec<T>, more: Vec<T>) {
    have.extend(more);
    have.sort();
    have.dedup();
}

/// The earlier of two times; an unknown one says nothing.
pub(super) fn earlier(a: Option<String>, b: Option<String>) -> Option<String> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

impl Group {
    pub(super) fn add(&mut self, other: Self) {
        let Traffic {
            stage,
            attribution,
            flows,
            packets_out,
            packets_in,
            bytes_out,
            bytes_in,
            addresses,
            countries,
            regions,
            apps,
            first,
            last,
            frames,
            destinations,
        } = other.traffic;
        let have = &mut self.traffic;
        have.stage = have.stage.max(stage);
        have.attribution = have.attribution.max(attribution);
        for (have, more) in [
            (&mut have.flows, flows),
            (&mut have.packets_out, packets_out),
            (&mut have.packets_in, packets_in),
            (&mut have.bytes_out, bytes_out),
            (&mut have.bytes_in, bytes_in),
        ] {
            *have = have.saturating_add(more);
        }
        union(&mut have.addresses, addresses);
        union(&mut have.countries, countries);
        union(&mut have.regions, regions);
        union(&mut have.apps, apps);
        have.first = earlier(have.first.take(), first);
        have.last = have.last.take().max(last);
        union(&mut have.frames, frames);
        have.frames.truncate(FRAMES_MAX);
        // As the report numbers them: D2 before D10.
        have.destinations.extend(destinations);
        self.asn = self.asn.or(other.asn);
        self.organisation = self.organisation.take().or(other.organisation);
        self.owner = self.owner.take().or(other.owner);
        self.role = self.role.take().or(other.role);
        self.names.extend(other.names);
    }

    /// All of them as one; `None` of none.
    pub(super) fn sum(groups: impl IntoIterator<Item = Self>) -> Option<Self> {
        groups.into_iter().reduce(|mut sum, more| {
            sum.add(more);
            sum
        })
    }
}
