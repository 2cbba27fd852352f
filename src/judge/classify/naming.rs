//! Whose traffic a destination's is, and where it is, once all rows of it are known.

use super::attribution::{
    Attributed, Attribution, Grounds, by_evidence, by_evidence_of_lookup, by_looked_up_name,
    by_name,
};
use super::catalog::RoleAttribution;
use super::destination::{Destination, Note};
use super::dns_tunnel;
use super::{Basis, Scope};
use crate::evidence::flow::{NameSource, Named};
use crate::ground::public_name::is_public_name;
use crate::ground::translation::Translators;
use crate::judge::identity::DeviceMatch;
use crate::judge::locate::Location;
use std::sync::Arc;

/// More than this out to one resolver is payload, whatever it asks for (contract, "Stages").
const LOOKUPS_OUT_MAX: u64 = 64_000;

/// Attribution and place, once all rows of a destination are known.
pub(super) fn finish(destination: &mut Destination, basis: &Basis<'_>, translators: &Translators) {
    let place = destination
        .key
        .ip
        .and_then(|ip| basis.place(ip, translators));
    destination.settle();
    let fullest = destination.fullest();
    let view = fullest.and_then(|(series, _)| destination.view(series));
    if let Some(flows) = view.map(|view| view.flows) {
        destination.flows = flows;
    }
    let bytes_out = fullest.map_or(0, |(_, t)| t.out.bytes);
    choose_host(destination, place.as_ref(), bytes_out, basis);
    let by_its_name = by_its_name(destination, place.as_ref(), bytes_out, basis);
    destination.place = place;
    destination.browsable = browsable(destination, basis);
    let whose = match destination.whose {
        // What the far end asked of the device is no doing of the device: a name may still accuse.
        DeviceMatch::Device if destination.key.served => DeviceMatch::Unsure,
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
    place: Option<&Location>,
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
    place: Option<&Location>,
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
    // Lookups that were opened with keys went to somebody whose name was said outside: it accuses, whatever was asked.
    if own.whose != Attribution::Vendor
        && destination.names.keys().any(Named::is_asserted_name)
        && let named = by_host(destination)
        && named.whose == Attribution::Vendor
    {
        return named;
    }
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
        for view in &mut destination.views {
            let counted = view.total.iter_mut().chain(&mut view.active);
            // The names were read, and what they stand for was not.
            counted.for_each(|(_, traffic)| traffic.out.unread = traffic.out.bytes);
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
    place: Option<&Location>,
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
    let public = is_public_name(&host);
    let note = match destination.key.scope {
        Scope::Internet if !public => Note::LocalNameAtPublicAddress(host),
        Scope::Relayed if public && !destination.key.lookups_only => {
            Note::PublicNameAtPrivateAddress(host)
        }
        _ => return,
    };
    destination.notes.insert(note);
}

#[cfg(test)]
mod tests;
