//! Claims and findings in the report: stable ids, exemplars, and the filter that selects the packets.

use super::Times;
use crate::capture::hash::hex;
use crate::claim::{About, Case, Content, Finding, Outcome, Verdict, Weight};
use crate::classify::destination::transport_name;
use crate::evidence::{Moment, Timestamp};
use crate::flow::row::FRAMES_MAX;
use crate::report::v1;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::net::IpAddr;

pub(super) fn claims(
    case: &Case<'_>,
    outcomes: &[Outcome<'_>],
    ids: &BTreeMap<usize, String>,
    times: &Times<'_>,
) -> (Vec<v1::Claim>, Vec<v1::Finding>) {
    let mut claims = Vec::new();
    let mut findings: BTreeMap<String, (Weight, Moment, v1::Finding)> = BTreeMap::new();
    for outcome in outcomes {
        let mut its = Vec::new();
        for finding in &outcome.findings {
            let id = fingerprint(&outcome.claim.id, finding, case);
            its.push((std::cmp::Reverse(finding.weight), finding.first, id.clone()));
            let entry = findings.entry(id.clone()).or_insert_with(|| {
                (
                    finding.weight,
                    finding.first,
                    v1::Finding {
                        id,
                        rule: finding.rule.clone(),
                        claims: Vec::new(),
                        attribution: finding.attribution.id().into(),
                        stage: finding.stage.id().into(),
                        confidence: finding.confidence.id().into(),
                        destination: match finding.about {
                            About::Destination(index) => ids.get(&index).cloned(),
                            About::Lookup(_) => None,
                        },
                        lookup: match finding.about {
                            About::Destination(_) => None,
                            About::Lookup(index) => {
                                case.lookups().get(index).map(|l| l.name.to_string())
                            }
                        },
                        grace: finding.grace,
                        allowed: finding.allowed.clone(),
                        known: None,
                        content: finding.content.iter().map(content).collect(),
                        text: finding.text.clone(),
                        first: times.show(finding.first),
                        frames: finding.frames.clone(),
                        filter: filter(finding, case),
                    },
                )
            });
            add_to(&mut entry.2, finding, case, times);
            entry.0 = entry.0.max(finding.weight);
            entry.1 = entry.1.min(finding.first);
            if !entry.2.claims.contains(&outcome.claim.id) {
                entry.2.claims.push(outcome.claim.id.clone());
            }
        }
        its.sort();
        its.dedup();
        claims.push(v1::Claim {
            id: outcome.claim.id.clone(),
            statement: outcome.claim.statement.clone(),
            source: outcome.claim.source.clone(),
            verdict: outcome.verdict.id().into(),
            reasons: outcome
                .reasons
                .iter()
                .map(|r| v1::Reason {
                    id: r.id.clone(),
                    text: r.text.clone(),
                })
                .collect(),
            findings: its.into_iter().map(|(.., id)| id).collect(),
            preset: outcome.claim.chosen.clone(),
            parameters: outcome.claim.recorded(),
            silence: None,
            next_capture: (outcome.verdict == Verdict::Consistent)
                .then(|| outcome.claim.next_capture.clone())
                .flatten(),
            not_testable: outcome.claim.not_testable.clone(),
        });
    }
    let mut findings: Vec<(Weight, Moment, v1::Finding)> = findings.into_values().collect();
    findings.sort_by(|a, b| (b.0, a.1, &a.2.id).cmp(&(a.0, b.1, &b.2.id)));
    (claims, findings.into_iter().map(|(.., f)| f).collect())
}

/// A second finding of the same meaning (one name at several addresses): its frames and packets
/// join the first.
fn add_to(have: &mut v1::Finding, finding: &Finding, case: &Case<'_>, times: &Times<'_>) {
    let filter = filter(finding, case);
    /// Longest filter and text that are joined; Wireshark takes more, a reader does not.
    const JOINED_MAX: usize = 2_000;
    if have.filter == filter {
        return;
    }
    if have.filter.len() > JOINED_MAX {
        if !have.text.ends_with("and more addresses") {
            have.text.push_str("; and more addresses");
        }
        return;
    }
    have.filter = format!("({}) || ({filter})", have.filter);
    have.text = format!("{}; also {}", have.text, finding.text);
    have.frames.extend(&finding.frames);
    have.frames.sort();
    have.frames.dedup();
    have.frames.truncate(FRAMES_MAX);
    let first = times.show(finding.first);
    if first < have.first {
        have.first = first;
    }
}

/// Meaning, not position: claim, rule, whose traffic, where to. No frame, time or path.
fn fingerprint(claim: &str, finding: &Finding, case: &Case<'_>) -> String {
    let what = match finding.about {
        About::Destination(index) => case.destinations().get(index).map(|d| {
            let name = d
                .key
                .host
                .as_deref()
                .map(str::to_owned)
                .or(d.key.ip.map(|ip| ip.to_string()));
            format!(
                "destination|{}|{}|{}|{}",
                d.key.scope.id(),
                name.or(d.key.via.map(|(ip, _)| ip.to_string()))
                    .unwrap_or_default(),
                d.key.port.or(d.key.via.map(|(_, port)| port)).unwrap_or(0),
                transport_name(d.key.transport)
            )
        }),
        About::Lookup(index) => case
            .lookups()
            .get(index)
            .map(|l| format!("lookup|{}|{}", l.scope.id(), l.name)),
    };
    let meaning = format!(
        "{claim}|{}|{}|{}",
        finding.rule,
        finding.attribution.id(),
        what.unwrap_or_default()
    );
    hex(&Sha256::digest(meaning.as_bytes()))
        .chars()
        .take(16)
        .collect()
}

fn content(of: &Content) -> v1::Content {
    v1::Content {
        kind: of.kind.clone(),
        text: of.text.clone(),
        place: of.place.clone(),
        input: of.at.input,
        frame: of.at.frame,
        count: of.count,
    }
}

/// A Wireshark display filter that selects a finding's packets.
fn filter(finding: &Finding, case: &Case<'_>) -> String {
    let address = |ip: IpAddr| {
        let field = if ip.is_ipv4() { "ip.addr" } else { "ipv6.addr" };
        format!("{field} == {ip}")
    };
    let mut terms = Vec::new();
    match finding.about {
        About::Destination(index) => {
            if let Some(d) = case.destinations().get(index) {
                let far = d.key.via.map(|(ip, _)| ip).or(d.key.ip);
                terms.extend(far.map(address));
                if let (Some(only), 1) = (d.clients.first(), d.clients.len()) {
                    terms.push(address(*only));
                }
                let port = d
                    .key
                    .via
                    .map(|(_, port)| port)
                    .filter(|p| *p != 0)
                    .or(d.key.port);
                let transport = transport_name(d.key.transport);
                match port {
                    Some(port) if matches!(d.key.transport, 6 | 17) => {
                        terms.push(format!("{transport}.port == {port}"))
                    }
                    _ => terms.push(match d.key.transport {
                        n @ (1 | 6 | 17 | 58) => {
                            if n == 58 {
                                "icmpv6".into()
                            } else {
                                transport
                            }
                        }
                        n => format!("(ip.proto == {n} || ipv6.nxt == {n})"),
                    }),
                }
            }
        }
        About::Lookup(index) => {
            if let Some(l) = case.lookups().get(index) {
                let name: String = l
                    .name
                    .chars()
                    .flat_map(|c| match c {
                        '"' | '\\' => vec!['\\', c],
                        c => vec![c],
                    })
                    .collect();
                // Names are compared in lower case: DNS ignores case, and resolvers mix it.
                terms.push(format!("lower(dns.qry.name) == \"{name}\""));
                terms.push(address(l.resolver));
            }
        }
    }
    let seconds = |t: Timestamp| {
        t.nanos().map(|n| {
            format!(
                "{}.{:09}",
                n.div_euclid(1_000_000_000),
                n.rem_euclid(1_000_000_000)
            )
        })
    };
    let windows: Vec<String> = case
        .windows
        .iter()
        .filter_map(|w| w.window)
        .filter_map(|w| {
            Some(format!(
                "(frame.time_epoch >= {} && frame.time_epoch < {})",
                seconds(w.start)?,
                seconds(w.end)?
            ))
        })
        .collect();
    if !windows.is_empty() {
        terms.push(format!("({})", windows.join(" || ")));
    }
    terms.join(" && ")
}
