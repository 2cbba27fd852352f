//! What the case file declared, as the report repeats it, and what became of it.

use super::Times;
use super::findings::Told;
use crate::ground::moment::Timestamp;
use crate::judge::agreement::Allowance;
use crate::judge::case::CaseFile;
use crate::judge::claim::{Case, agreed};
use crate::tell::report::v1;
use ipnet::IpNet;

pub(super) fn case_file(
    file: &CaseFile,
    case: &Case<'_>,
    told: &Told,
    times: &Times<'_>,
) -> v1::CaseFile {
    let inputs = case.basis.evidence.inputs.iter();
    let first = inputs
        .map(|i| i.first)
        .filter(|t| *t != Timestamp::UNKNOWN)
        .min()
        .unwrap_or(Timestamp::UNKNOWN);
    let show = |time: Timestamp| time.rfc3339(times.finest());
    let mut events: Vec<(Timestamp, v1::Event)> = file
        .events
        .iter()
        .map(|event| {
            let at = event.at.resolve(first);
            let told = v1::Event {
                at: show(at),
                until: event.until.and_then(|until| show(until.resolve(first))),
                kind: event.kind.id().to_owned(),
                text: event.text.clone(),
            };
            (at, told)
        })
        .collect();
    events.sort_by_key(|(at, _)| *at);
    v1::CaseFile {
        path: name_alone(&file.path),
        sha256: file.sha256.clone(),
        title: file.title.clone(),
        reported: file.reported.clone(),
        operator_country: file.operator_country.clone(),
        lines: file
            .claims
            .iter()
            .filter_map(|claim| Some((claim.id.clone(), u32::try_from(claim.place.line).ok()?)))
            .collect(),
        events: events.into_iter().map(|(_, event)| event).collect(),
        beacons: file
            .beacons
            .iter()
            .map(|beacon| {
                let (found, frames) = agreed::beacon(beacon, case);
                v1::Beacon {
                    host: beacon.host.clone(),
                    at: beacon.at.id().into(),
                    found,
                    frames,
                }
            })
            .collect(),
        allowances: file
            .allowances
            .iter()
            .map(|allowance| {
                let used = told.used.iter().filter_map(|of| of.get(&allowance.id));
                v1::Allowance {
                    id: allowance.id.clone(),
                    covers: scope(allowance),
                    reason: allowance.reason.clone(),
                    expires: allowance.expires.to_string(),
                    expired: allowance.expired_at(first),
                    budget_bytes: allowance.budget_bytes,
                    // Claims look at the same traffic: the largest is the whole.
                    used_bytes: used.map(|u| u.bytes).max().unwrap_or(0),
                    findings: told
                        .findings
                        .iter()
                        .filter(|f| f.allowed.as_deref() == Some(&allowance.id))
                        .map(|f| f.id.clone())
                        .collect(),
                }
            })
            .collect(),
    }
}

/// What an allowance covers.
fn scope(of: &Allowance) -> String {
    let mut out = String::new();
    let mut part = |before: &str, items: Vec<String>, after: &str| {
        if !items.is_empty() {
            if !out.is_empty() {
                out.push_str(", ");
            }
            out.push_str(before);
            out.push_str(&items.join(" or "));
            out.push_str(after);
        }
    };
    part(
        "named ",
        of.hosts.iter().map(ToString::to_string).collect(),
        "",
    );
    part("at ", of.addresses.iter().map(shown).collect(), "");
    part(
        "of app ",
        of.apps.iter().map(|a| a.as_str().to_owned()).collect(),
        "",
    );
    part("for claim ", of.claims.clone(), "");
    let budget = of.budget_bytes.map(|bytes| bytes.to_string());
    part("up to ", budget.into_iter().collect(), " bytes out");
    format!("traffic {out}")
}

/// A network, or a single address without its length.
fn shown(network: &IpNet) -> String {
    if network.prefix_len() == network.max_prefix_len() {
        network.addr().to_string()
    } else {
        network.to_string()
    }
}

/// Machines agree on names, not on folders.
fn name_alone(path: &str) -> String {
    std::path::Path::new(path)
        .file_name()
        .map_or_else(|| path.to_owned(), |n| n.to_string_lossy().into_owned())
}

/// What the reader of the terminal has to know about allowances: ended, or for nothing.
pub fn warnings(report: &v1::Report) -> Vec<String> {
    let mut out = Vec::new();
    for allowance in report.case.iter().flat_map(|c| &c.allowances) {
        if allowance.expired {
            out.push(format!(
                "the allowance {} ended on {}: it covers nothing",
                allowance.id, allowance.expires
            ));
        } else if allowance
            .budget_bytes
            .is_some_and(|budget| allowance.used_bytes > budget)
        {
            out.push(format!(
                "the allowance {} covers nothing: {} bytes are more than its budget",
                allowance.id, allowance.used_bytes
            ));
        } else if allowance.findings.is_empty() {
            out.push(format!(
                "the allowance {} is not needed: nothing in the captures falls under it",
                allowance.id
            ));
        }
    }
    out.extend(report.baseline.iter().filter_map(|b| b.doubt.clone()));
    out
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::ground::place::Place;
    use crate::judge::agreement::HostPattern;
    use crate::judge::classify::app_pattern::Pattern;

    #[test]
    fn an_allowance_says_all_that_bounds_it() {
        let apps = ["dji.*", "uid:10234"].map(|app| Pattern::parse(app).unwrap());
        let nets = ["198.51.100.0/24", "2001:db8::1/128"].map(|net| net.parse().unwrap());
        let allowance = Allowance {
            id: "map-tiles".to_owned(),
            claims: vec!["us-storage".to_owned()],
            hosts: vec![
                HostPattern::Exact("tiles.example.org".to_owned()),
                HostPattern::Below("map.example".to_owned()),
            ],
            addresses: nets.to_vec(),
            apps: apps.to_vec(),
            reason: "tiles".to_owned(),
            expires: "2025-12-31".parse().unwrap(),
            budget_bytes: Some(65_536),
            place: Place {
                file: "case.toml".to_owned(),
                line: 1,
                column: 1,
            },
            claim_places: Vec::new(),
        };
        assert_eq!(
            scope(&allowance),
            "traffic named tiles.example.org or *.map.example, at 198.51.100.0/24 or 2001:db8::1, of app dji.* or uid:10234, for claim us-storage, up to 65536 bytes out"
        );
    }
}
