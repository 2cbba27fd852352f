//! Destinations and lookups in the report: order, wording, bounds.

use super::Times;
use crate::evidence::seal::{Seal, Sealed};
use crate::ground::protocol;
use crate::ground::record_type as rtype;
use crate::judge::claim::Case;
use crate::judge::classify::attribution::Attribution;
use crate::judge::classify::destination::{Destination, Traffic, View};
use crate::judge::classify::labels::Labelling;
use crate::judge::classify::lookup::Lookup;
use crate::judge::classify::{Scope, Stage};
use crate::judge::locate::Confidence;
use crate::judge::locate::cloud::cloud_of_name;
use crate::tell::report::{grounds, sentences, v1};
use std::collections::{BTreeMap, BTreeSet};

/// Destinations listed; what is over is folded, what accuses last (contract, "Rows are bounded").
pub(super) const DESTINATIONS_MAX: usize = 4000;
/// Lookups listed.
pub(super) const LOOKUPS_MAX: usize = 4000;
/// Answers listed per lookup.
const ANSWERS_MAX: usize = 32;
/// Our addresses listed per destination.
const CLIENTS_MAX: usize = 16;

/// What accuses first, then what is suspect, then the rest; the furthest stage first.
pub(super) fn order(destinations: &[Destination]) -> Vec<usize> {
    let rank = |d: &Destination| {
        (
            std::cmp::Reverse(d.attributed.whose),
            std::cmp::Reverse(d.stage()),
            d.fullest().map(|(_, t)| t.first.time),
        )
    };
    let mut order: Vec<_> = destinations
        .iter()
        .enumerate()
        .map(|(index, d)| (rank(d), &d.key, index))
        .collect();
    order.sort_unstable();
    order.into_iter().map(|(.., index)| index).collect()
}

/// An app as the report writes it.
pub(super) fn app(labelling: &Labelling) -> v1::App {
    v1::App {
        name: labelling.name.clone(),
        uid: labelling.uid,
        source: labelling.source.into(),
        acts_through: labelling.owner.clone(),
        also: labelling.also.clone(),
        cut: labelling.cut,
    }
}

pub(super) fn write_destination(
    destination: &Destination,
    id: String,
    case: &Case<'_>,
    times: &Times<'_>,
) -> v1::Destination {
    let catalogued = destination
        .key
        .host
        .as_deref()
        .and_then(|host| case.basis.catalog.lookup(host))
        .or_else(|| {
            destination
                .key
                .ip
                .and_then(|ip| case.basis.catalog.lookup_ip(ip))
        });
    let place = destination.place.as_ref();
    let traffic = destination.fullest().map(|(_, t)| t);
    let counted = |of: fn(&Traffic) -> u64| traffic.as_ref().map_or(0, of);
    let frames_of = |inputs: &mut BTreeSet<u32>, view: &View| {
        inputs.extend(
            view.total
                .iter()
                .flat_map(|(_, t)| [t.first.at.input, t.last.at.input]),
        );
    };
    let mut inputs = BTreeSet::new();
    for view in &destination.views {
        frames_of(&mut inputs, view);
    }
    v1::Destination {
        id,
        scope: destination.key.scope,
        ip: destination.key.ip.map(|ip| ip.to_string()),
        port: destination.key.port,
        via: destination.key.via.map(|(ip, port)| v1::Via {
            ip: ip.to_string(),
            port: (port != 0).then_some(port),
        }),
        transport: protocol::name(destination.key.transport).into_owned(),
        protocol: destination.protocols.first().map(|p| (*p).to_owned()),
        host: destination.key.host.as_deref().map(str::to_owned),
        host_source: destination.key.host_source.map(Into::into),
        names: destination
            .names
            .iter()
            .map(|(named, at)| v1::Name {
                name: named.name.to_string(),
                source: named.source.into(),
                input: at.at.input,
                frame: at.at.frame,
            })
            .collect(),
        owner: catalogued.map(|h| h.owner.clone()),
        role: catalogued.map(|h| h.role.clone()),
        jurisdiction: catalogued.and_then(|h| h.jurisdiction.clone()),
        attribution: destination.attributed.whose,
        attribution_reason: grounds::Because(&destination.attributed.why).to_string(),
        country: place.and_then(|p| p.country.clone()),
        country_confidence: place.map_or(Confidence::Unknown, |p| p.confidence),
        country_candidates: place.map(|p| p.candidates.clone()).unwrap_or_default(),
        asn: place.and_then(|p| p.asn),
        organisation: place.and_then(|p| p.organisation.clone()),
        cloud: destination
            .key
            .host
            .as_deref()
            .and_then(cloud_of_name)
            .map(|c| v1::Cloud {
                provider: c.provider,
                region: c.region,
            }),
        app: destination.key.app.as_deref().map(app),
        stage: destination.stage(),
        flows: destination.flows,
        packets_out: counted(|t| t.out.packets),
        packets_in: counted(|t| t.back.packets),
        bytes_out: counted(|t| t.out.bytes),
        bytes_in: counted(|t| t.back.bytes),
        bytes_opened_out: counted(|t| t.out.opened),
        bytes_opened_in: counted(|t| t.back.opened),
        sealed: sealed(&traffic.as_ref().map(|t| t.sealed).unwrap_or_default()),
        first: traffic.and_then(|t| times.show(t.first)),
        last: traffic.and_then(|t| times.show(t.last)),
        ja4: destination.ja4.iter().map(|j| j.to_string()).collect(),
        explained: case
            .explained(destination, counted(|t| t.out.bytes))
            .map(sentences::explained),
        clients: destination
            .clients
            .iter()
            .take(CLIENTS_MAX)
            .map(ToString::to_string)
            .collect(),
        notes: grounds::notes(&destination.notes),
        inputs: inputs.into_iter().collect(),
    }
}

fn sealed(counted: &Sealed) -> Vec<v1::Sealed> {
    let each = |(reason, bytes): (Seal, u64)| v1::Sealed {
        reason: reason.into(),
        bytes,
    };
    counted.iter().map(each).collect()
}

/// One row per scope, attribution, country and stage for what is over the bound.
pub(super) fn overflow(
    folded: &[&Destination],
    listed: usize,
    case: &Case<'_>,
    times: &Times<'_>,
) -> Vec<v1::Destination> {
    let mut rows: BTreeMap<(Scope, Attribution, Option<String>, Stage), v1::Destination> =
        BTreeMap::new();
    for destination in folded {
        let country = destination.place.as_ref().and_then(|p| p.country.clone());
        let key = (
            destination.key.scope,
            destination.attributed.whose,
            country.clone(),
            destination.stage(),
        );
        match rows.get_mut(&key) {
            None => {
                let one = write_destination(destination, String::new(), case, times);
                rows.insert(
                    key,
                    v1::Destination {
                        ip: None,
                        port: None,
                        via: None,
                        host: None,
                        host_source: None,
                        names: Vec::new(),
                        owner: None,
                        role: None,
                        jurisdiction: None,
                        attribution_reason: "several destinations, folded because there are more than the report lists".into(),
                        asn: None,
                        organisation: None,
                        cloud: None,
                        notes: Vec::new(),
                        clients: Vec::new(),
                        ja4: Vec::new(),
                        explained: None,
                        ..one
                    },
                );
            }
            Some(row) => {
                row.flows += destination.flows;
                let traffic = destination.fullest().map(|(_, t)| t);
                let counted = |of: fn(&Traffic) -> u64| traffic.as_ref().map_or(0, of);
                row.packets_out += counted(|t| t.out.packets);
                row.packets_in += counted(|t| t.back.packets);
                row.bytes_out += counted(|t| t.out.bytes);
                row.bytes_in += counted(|t| t.back.bytes);
                row.bytes_opened_out += counted(|t| t.out.opened);
                row.bytes_opened_in += counted(|t| t.back.opened);
                for more in traffic.iter().flat_map(|t| sealed(&t.sealed)) {
                    match row.sealed.iter_mut().find(|s| s.reason == more.reason) {
                        Some(sum) => sum.bytes += more.bytes,
                        None => row.sealed.push(more),
                    }
                }
                row.sealed.sort_by(|a, b| a.reason.cmp(&b.reason));
                let first = traffic.and_then(|t| times.show(t.first));
                let last = traffic.and_then(|t| times.show(t.last));
                if first < row.first {
                    row.first = first;
                }
                if last > row.last {
                    row.last = last;
                }
            }
        }
    }
    rows.into_values()
        .enumerate()
        .map(|(at, row)| v1::Destination {
            id: format!("D{}", listed + at + 1),
            ..row
        })
        .collect()
}

/// The name of a record type.
fn type_name(number: u16) -> String {
    match number {
        rtype::A => "A".into(),
        rtype::NS => "NS".into(),
        rtype::CNAME => "CNAME".into(),
        rtype::SOA => "SOA".into(),
        rtype::PTR => "PTR".into(),
        rtype::TXT => "TXT".into(),
        rtype::AAAA => "AAAA".into(),
        rtype::SRV => "SRV".into(),
        rtype::SVCB => "SVCB".into(),
        rtype::HTTPS => "HTTPS".into(),
        rtype::ANY => "ANY".into(),
        15 => "MX".into(),
        n => format!("TYPE{n}"),
    }
}

pub(super) fn lookups(case: &Case<'_>, times: &Times<'_>) -> Vec<v1::Lookup> {
    let mut order: Vec<&Lookup> = case.lookups().iter().collect();
    order.sort_by_cached_key(|l| {
        (
            std::cmp::Reverse(l.attributed.whose),
            std::cmp::Reverse(l.scope),
            l.first(),
            l.name.clone(),
            l.resolver,
        )
    });
    order
        .into_iter()
        .take(LOOKUPS_MAX)
        .map(|lookup| {
            let host = case.basis.catalog.lookup(&lookup.name);
            let first = lookup.first();
            v1::Lookup {
                name: lookup.name.to_string(),
                types: lookup.types.iter().map(|t| type_name(*t)).collect(),
                resolver: lookup.resolver.to_string(),
                clients: lookup
                    .clients
                    .iter()
                    .take(CLIENTS_MAX)
                    .map(ToString::to_string)
                    .collect(),
                scope: lookup.scope,
                answers: lookup
                    .answers
                    .iter()
                    .take(ANSWERS_MAX)
                    .map(ToString::to_string)
                    .collect(),
                owner: host.map(|h| h.owner.clone()),
                role: host.map(|h| h.role.clone()),
                attribution: lookup.attributed.whose,
                app: lookup.app.as_deref().map(app),
                count: lookup.asked.values().map(|(count, ..)| count).sum(),
                first: times.show(first),
                input: first.at.input,
                frame: first.at.frame,
            }
        })
        .collect()
}
