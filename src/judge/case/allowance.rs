//! Reads the allowances of a case file (see [`crate::judge::agreement`]).

use super::source::{Spot, Text, quoted};
use super::{raw, subject, value};
use crate::ground::declared;
use crate::ground::error::Error;
use crate::judge::agreement::{Allowance, HostPattern};
use ipnet::IpNet;
use std::net::IpAddr;

pub(super) fn read(text: &Text, raw: &raw::Allowance) -> Result<Allowance, Error> {
    let id = value::word(text, "id", &raw.id)?;
    if raw.hosts.is_empty() && raw.addresses.is_empty() {
        let what = format!("allowance '{id}' has neither hosts nor addresses");
        return Err(text.error(&raw.id.span, what).advise(
            "say what it covers; an allowance for everything would leave nothing to judge",
        ));
    }
    Ok(Allowance {
        claims: each(&raw.claims, |claim| value::word(text, "claim", claim))?,
        hosts: each(&raw.hosts, |host| pattern(text, host))?,
        addresses: each(&raw.addresses, |address| network(text, address))?,
        apps: each(&raw.apps, |app| subject::app(text, app))?,
        reason: value::filled(text, "reason", &raw.reason)?,
        expires: value::day(text, &raw.expires)?,
        budget_bytes: raw
            .budget_bytes
            .as_ref()
            .map(|size| value::size(text, size))
            .transpose()?,
        place: text.place(raw.id.span.start),
        claim_places: raw
            .claims
            .iter()
            .map(|claim| text.place(claim.span.start))
            .collect(),
        id,
    })
}

fn each<T>(
    spots: &[Spot<String>],
    read: impl Fn(&Spot<String>) -> Result<T, Error>,
) -> Result<Vec<T>, Error> {
    spots.iter().map(read).collect()
}

fn network(text: &Text, spot: &Spot<String>) -> Result<IpNet, Error> {
    if let Ok(address) = spot.value.parse::<IpAddr>() {
        return Ok(IpNet::from(address.to_canonical()));
    }
    declared::network(&spot.value).map_err(|what| subject::refused(text, spot, &what))
}

fn pattern(text: &Text, spot: &Spot<String>) -> Result<HostPattern, Error> {
    let wrong = |what: &str, advice: &str| {
        let what = format!("{} {what}", quoted(&spot.value));
        Err(text.error(&spot.span, what).advise(advice))
    };
    let below = spot.value.strip_prefix("*.");
    let name = below.unwrap_or(&spot.value);
    if name.contains(['*', '?', '[']) {
        return wrong(
            "is no host pattern",
            "write a name, or *. and a name for all names below it: *.example.org",
        );
    }
    if name.parse::<IpAddr>().is_ok() {
        return wrong("is an address, not a name", "write it under addresses");
    }
    if below.is_some() && !name.trim_end_matches('.').contains('.') {
        return wrong(
            "covers a whole top-level domain",
            "write at least two labels behind the *: *.example.org",
        );
    }
    let host = value::host(
        text,
        &Spot {
            value: name.to_owned(),
            span: spot.span.clone(),
        },
    )?;
    Ok(if below.is_some() {
        HostPattern::Below(host)
    } else {
        HostPattern::Exact(host)
    })
}
