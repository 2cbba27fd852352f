//! Where traffic went, destination by destination, by whose it is.

use super::folding::folded;
use super::icon::chip;
use super::markup::Page;
use super::summary::bytes;
use super::{Part, evidence};
use crate::judge::classify::Scope;
use crate::judge::classify::attribution::Attribution;
use crate::tell::report::v1::Destination;
use crate::tell::report::words;
use crate::tell::report::words::{Sense, count};
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::io;

/// Labels of the findings about each destination.
type Findings<'a> = BTreeMap<&'a str, Vec<String>>;

/// The section.
pub(super) fn destinations(page: &mut Page<'_>, part: &Part<'_>) -> io::Result<()> {
    let report = part.report;
    part.section(page, "destinations", "Destinations", |page| {
        if report.destinations.is_empty() {
            return page.p(
                "No readable traffic beyond the local network was seen. What the captures could not show is under Coverage.",
            );
        }
        let mut findings = Findings::new();
        for (index, finding) in report.findings.iter().enumerate() {
            if let Some(id) = finding.destination.as_deref() {
                findings.entry(id).or_default().push(evidence::label(index));
            }
        }
        for (id, mut rows) in words::by_attribution(&report.destinations, |row| row.attribution) {
            group(page, part, id)?;
            // What went furthest must not be folded away behind what did not.
            rows.sort_by_key(|row| (Reverse(row.stage), u64::MAX - row.bytes_out));
            folded(page, &rows, "destination", |page, rows, words| {
                let heads = ["Destination", "Place", "Stage", "Out", "In", "How it is known"];
                page.table("destination", &format!("{id}: {words}"), &heads, |page| {
                    rows.iter()
                        .try_for_each(|row| destination(page, part, row, &findings))
                })
            })?;
        }
        Ok(())
    })
}

/// Heading of the rows of an attribution.
pub(super) fn group(page: &mut Page<'_>, part: &Part<'_>, id: Attribution) -> io::Result<()> {
    part.heading_with(page, |page| {
        chip(page, Sense::from(id), id.id())?;
        page.leaf("span", &[("class", "because")], words::because(id))
    })
}

fn destination(
    page: &mut Page<'_>,
    part: &Part<'_>,
    row: &Destination,
    findings: &Findings<'_>,
) -> io::Result<()> {
    page.row(&[("id", &part.id(&row.id))], |page| {
        page.name(|page| endpoint(page, row))?;
        page.cell(|page| whereabouts(page, row))?;
        page.cell_text(row.stage.id())?;
        page.cell(|page| traffic(page, row.bytes_out, row.packets_out))?;
        page.cell(|page| traffic(page, row.bytes_in, row.packets_in))?;
        page.cell(|page| {
            known(page, part, row)?;
            let Some(labels) = findings.get(row.id.as_str()) else {
                return Ok(());
            };
            page.tag("div", &[], |page| {
                page.text("findings")?;
                labels.iter().try_for_each(|label| {
                    page.text(" ")?;
                    page.leaf("a", &[("href", &part.link(label))], label)
                })
            })
        })
    })
}

fn traffic(page: &mut Page<'_>, payload: u64, packets: u64) -> io::Result<()> {
    bytes(page, payload)?;
    page.small(&count(packets, "packet"))
}

fn endpoint(page: &mut Page<'_>, row: &Destination) -> io::Result<()> {
    let protocol = match &row.protocol {
        Some(protocol) => format!("{}/{protocol}", row.transport),
        None => row.transport.clone(),
    };
    let at = match (&row.ip, row.port) {
        (Some(ip), port) => Some(words::socket(ip, port)),
        (None, port) => port.map(|port| format!("port {port}")),
    };
    // The best name there is stands first, and an address is better than none.
    match (&row.host, at) {
        (Some(host), Some(at)) => {
            page.host(host)?;
            page.small(&format!("{at} {protocol}"))
        }
        (Some(host), None) => {
            page.host(host)?;
            page.small(&protocol)
        }
        (None, Some(at)) => {
            page.host(&at)?;
            page.small(&protocol)
        }
        (None, None) => page.text(&format!("no single address, {protocol}")),
    }?;
    if let Some(via) = &row.via {
        page.small(&format!("via {}", words::socket(&via.ip, via.port)))?;
    }
    if let Some(app) = &row.app {
        page.small(&format!("app {}", words::app(app)))?;
    }
    page.small(&row.id)
}

fn whereabouts(page: &mut Page<'_>, row: &Destination) -> io::Result<()> {
    page.text(&words::place(row))?;
    if row.scope != Scope::Internet {
        page.small(row.scope.id())?;
    }
    if let Some(cloud) = &row.cloud {
        page.small(&match &cloud.region {
            Some(region) => format!("{} {region} (by the name)", cloud.provider),
            None => format!("{} (by the name)", cloud.provider),
        })?;
    }
    match (row.asn, &row.organisation) {
        (Some(asn), Some(organisation)) => page.small(&format!("AS{asn} {organisation}")),
        (Some(asn), None) => page.small(&format!("AS{asn}")),
        (None, Some(organisation)) => page.small(organisation),
        (None, None) => Ok(()),
    }
}

fn known(page: &mut Page<'_>, part: &Part<'_>, row: &Destination) -> io::Result<()> {
    if !row.attribution_reason.is_empty() {
        page.text(&row.attribution_reason)?;
    }
    let role = row.role.as_ref().map(|role| format!("role {role}"));
    let owner = match (&row.owner, &row.jurisdiction) {
        (Some(owner), Some(place)) => Some(format!("owner {owner}, jurisdiction {place}")),
        (Some(owner), None) => Some(format!("owner {owner}")),
        _ => None,
    };
    let facts: Vec<String> = owner.into_iter().chain(role).collect();
    if !facts.is_empty() {
        page.small(&facts.join("; "))?;
    }
    for name in &row.names {
        page.aside(|page| {
            page.text(&format!("name by {}, ", name.source))?;
            if row.inputs.len() > 1 {
                page.text(&format!("{}, ", evidence::input(part.report, name.input)))?;
            }
            page.text(&format!("frame {}", name.frame))?;
            if Some(&name.name) != row.host.as_ref() {
                page.text(": ")?;
                page.host(&name.name)?;
            }
            Ok(())
        })?;
    }
    if let Some(words) = &row.explained {
        page.small(&format!("explained by the baseline: {words}"))?;
    }
    if let Some(words) = words::opened(row) {
        page.small(&words)?;
    }
    for note in &row.notes {
        page.leaf("div", &[("class", "note")], &format!("note: {note}"))?;
    }
    page.aside(|page| {
        page.text(&format!("{}, ", count(row.flows, "flow")))?;
        page.span(row.first.as_deref(), row.last.as_deref())
    })?;
    if !row.clients.is_empty() {
        page.small(&format!("from {}", row.clients.join(", ")))?;
    }
    if !row.ja4.is_empty() {
        page.small(&format!("JA4 {}", row.ja4.join(", ")))?;
    }
    Ok(())
}
