//! From outcomes to the report model: wording, order, ids, filters. Decides nothing.

use super::v1;
use crate::audit::Devices;
use crate::capture::InputFacts;
use crate::capture::hash::hex;
use crate::claim::coverage::WindowCoverage;
use crate::claim::{About, Case, Finding, Outcome, Verdict};
use crate::classify::attribution::Attribution;
use crate::classify::destination::{Destination, Traffic, View, transport_name};
use crate::classify::lookup::Lookup;
use crate::classify::rows::Judged;
use crate::classify::{Basis, Scope, Stage};
use crate::coverage::GapId;
use crate::dissect::dns_message::rtype;
use crate::evidence::{Moment, Timestamp};
use crate::locate::Confidence;
use crate::locate::cloud::cloud_of_name;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// Destinations listed; what is over is folded, what accuses last (contract, "Rows are bounded").
const DESTINATIONS_MAX: usize = 4000;
/// Lookups listed.
const LOOKUPS_MAX: usize = 4000;
/// Answers listed per lookup.
const ANSWERS_MAX: usize = 32;
/// Our addresses listed per destination.
const CLIENTS_MAX: usize = 16;
/// Age of the address data against the capture from which on the reader is warned.
const GEO_WARN_DAYS: i64 = 180;
/// Age from which on location alone contradicts nothing (three years).
const GEO_STALE_DAYS: i64 = 3 * 365;

/// What the command adds to the evidence.
pub struct Request<'a> {
    /// The device as declared, as it was written.
    pub declared: Vec<String>,
    /// Networks declared local.
    pub local: Vec<String>,
    /// Softening options given.
    pub softened: Vec<String>,
    /// The only part that differs between runs.
    pub run: v1::Run,
    /// The device.
    pub devices: &'a Devices,
}

/// Assembles the report of one session.
pub fn report(case: &Case<'_>, outcomes: &[Outcome], request: Request<'_>) -> v1::Report {
    let times = Times(&case.basis.evidence.inputs);
    let order = order(case.destinations());
    let listed: Vec<usize> = order.iter().copied().take(DESTINATIONS_MAX).collect();
    let ids: BTreeMap<usize, String> = listed
        .iter()
        .enumerate()
        .map(|(at, index)| (*index, format!("D{}", at + 1)))
        .collect();
    let mut destinations: Vec<v1::Destination> = listed
        .iter()
        .filter_map(|index| {
            let destination = case.destinations().get(*index)?;
            Some(write_destination(
                destination,
                ids.get(index)?.clone(),
                case,
                &times,
            ))
        })
        .collect();
    let folded: Vec<&Destination> = order
        .iter()
        .skip(DESTINATIONS_MAX)
        .filter_map(|index| case.destinations().get(*index))
        .collect();
    destinations.extend(overflow(&folded, destinations.len(), case, &times));
    let lookups = lookups(case, &times);
    let lookups_folded = case.lookups().len() > LOOKUPS_MAX;
    let (claims, findings) = claims(case, outcomes, &ids, &times);
    let mut gaps = gaps(case);
    for (over, what) in [
        (
            !folded.is_empty(),
            "more destinations than the report lists: the rest is folded",
        ),
        (lookups_folded, "more lookups than the report lists"),
    ] {
        if over {
            gaps.push(v1::Gap {
                id: GapId::LimitsReached.id().into(),
                count: 1,
                text: what.into(),
                input: None,
                frame: None,
                blocking: true,
            });
        }
    }
    let verdict = outcomes
        .iter()
        .map(|o| o.verdict)
        .max()
        .unwrap_or(Verdict::Inconclusive);
    let mut report = v1::Report {
        schema: v1::SCHEMA.into(),
        tool: tool(case.basis),
        run: request.run,
        digest: String::new(),
        verdict: verdict.id().into(),
        inputs: inputs(case.basis, case.judged),
        scope: scope(
            case,
            request.declared,
            request.local,
            request.softened,
            request.devices,
            &times,
        ),
        claims,
        findings,
        destinations,
        lookups,
        coverage: v1::Coverage {
            gaps,
            drone_links: case
                .basis
                .evidence
                .series
                .iter()
                .flat_map(|s| &s.ledger.drone_protocols)
                .collect::<BTreeSet<_>>()
                .into_iter()
                .map(|p| (*p).to_owned())
                .collect(),
        },
        limits: limits(case),
        sessions: Vec::new(),
    };
    report.digest = super::json::digest(&report);
    report
}

/// The report over several sessions (`--each`): the worst verdict per claim, everything else in
/// the sessions.
pub fn combined(sessions: Vec<v1::Report>, run: v1::Run) -> Option<v1::Report> {
    let rank = |verdict: &str| match verdict {
        "contradicted" => 2,
        "inconclusive" => 1,
        _ => 0,
    };
    let first = sessions.first()?;
    let mut claims: Vec<v1::Claim> = first.claims.clone();
    for claim in &mut claims {
        claim.findings.clear();
        claim.reasons.clear();
        for session in &sessions {
            let Some(its) = session.claims.iter().find(|c| c.id == claim.id) else {
                continue;
            };
            if rank(&its.verdict) > rank(&claim.verdict) {
                claim.verdict.clone_from(&its.verdict);
            }
        }
        for session in &sessions {
            let Some(its) = session.claims.iter().find(|c| c.id == claim.id) else {
                continue;
            };
            if its.verdict != claim.verdict {
                continue;
            }
            let name = session
                .inputs
                .iter()
                .map(|i| i.path.as_str())
                .collect::<Vec<_>>()
                .join(", ");
            claim.reasons.extend(its.reasons.iter().map(|r| v1::Reason {
                id: r.id.clone(),
                text: format!("{name}: {}", r.text),
            }));
        }
    }
    let verdict = claims
        .iter()
        .map(|c| c.verdict.clone())
        .max_by_key(|v| rank(v))?;
    let mut report = v1::Report {
        schema: v1::SCHEMA.into(),
        tool: first.tool.clone(),
        run,
        digest: String::new(),
        verdict,
        inputs: sessions.iter().flat_map(|s| s.inputs.clone()).collect(),
        scope: first.scope.clone(),
        claims,
        findings: Vec::new(),
        destinations: Vec::new(),
        lookups: Vec::new(),
        coverage: v1::Coverage {
            gaps: Vec::new(),
            drone_links: Vec::new(),
        },
        limits: vec!["Every session was judged alone: destinations, findings and gaps stand in its own report.".into()],
        sessions,
    };
    report.scope.windows.clear();
    report.scope.proven_local.clear();
    report.digest = super::json::digest(&report);
    Some(report)
}

/// Times with the precision of the capture they come from.
struct Times<'a>(&'a [InputFacts]);

impl Times<'_> {
    fn show(&self, moment: Moment) -> Option<String> {
        let digits = self.0.get(moment.at.input as usize).map_or(9, |i| i.digits);
        moment.time.rfc3339(digits)
    }

    fn finest(&self) -> u8 {
        self.0.iter().map(|i| i.digits).max().unwrap_or(6)
    }
}

fn tool(basis: &Basis<'_>) -> v1::Tool {
    v1::Tool {
        name: env!("CARGO_PKG_NAME").into(),
        version: env!("CARGO_PKG_VERSION").into(),
        catalog_sha256: basis.catalog.sha256(),
        geo: basis
            .locator
            .databases()
            .into_iter()
            .map(|db| v1::Geo {
                source: db.source,
                kind: db.kind,
                built: Timestamp::from_nanos(i128::from(db.built) * i128::from(Timestamp::SECOND))
                    .rfc3339(0),
                sha256: db.sha256,
                attribution: db.attribution,
            })
            .collect(),
    }
}

fn inputs(basis: &Basis<'_>, judged: &Judged) -> Vec<v1::Input> {
    let evidence = basis.evidence;
    (0u32..)
        .zip(&evidence.inputs)
        .map(|(index, input)| {
            let scoped = |scope| judged.counted.get(&(index, scope)).copied().unwrap_or(0);
            let outside: Vec<_> = evidence
                .series
                .iter()
                .filter_map(|s| s.unflowed.get(&index))
                .collect();
            let mut link_types: Vec<String> = Vec::new();
            for interface in &input.interfaces {
                let name = crate::link::name(interface.link_type).into_owned();
                if !link_types.contains(&name) {
                    link_types.push(name);
                }
            }
            v1::Input {
                path: input.name.clone(),
                sha256: input.sha256.clone(),
                bytes: input.bytes,
                format: input.format.clone(),
                link_types,
                packets: input.packets,
                first: input.first.rfc3339(input.digits),
                last: input.last.rfc3339(input.digits),
                dropped: input.dropped(),
                truncated: input.truncated,
                damaged: input.damaged,
                accounting: v1::Accounting {
                    local: scoped(Scope::Local),
                    internet: scoped(Scope::Internet),
                    relayed: scoped(Scope::Relayed),
                    not_ip: outside.iter().map(|u| u.not_ip).sum(),
                    unreadable: outside.iter().map(|u| u.unreadable).sum(),
                },
            }
        })
        .collect()
}

fn scope(
    case: &Case<'_>,
    declared: Vec<String>,
    local_networks: Vec<String>,
    softened: Vec<String>,
    devices: &Devices,
    times: &Times<'_>,
) -> v1::Scope {
    let views = &case.judged.devices;
    let device = devices.any().then(|| v1::Device {
        declared,
        macs: views
            .iter()
            .flat_map(|v| &v.macs)
            .collect::<BTreeSet<_>>()
            .into_iter()
            .map(ToString::to_string)
            .collect(),
        addresses: views
            .iter()
            .flat_map(|v| &v.addresses)
            .collect::<BTreeSet<_>>()
            .into_iter()
            .map(ToString::to_string)
            .collect(),
        ambiguous: views.iter().any(|v| v.ambiguous),
    });
    v1::Scope {
        app: None,
        apps_seen: Vec::new(),
        device,
        windows: case
            .windows
            .iter()
            .filter_map(|w| Some((w, w.window?)))
            .map(|(w, window)| v1::Window {
                start: window.start.rfc3339(times.finest()),
                end: window.end.rfc3339(times.finest()),
                first: w.extent.and_then(|(first, _)| times.show(first)),
                last: w.extent.and_then(|(_, last)| times.show(last)),
                seconds: w.seconds,
            })
            .collect(),
        local_networks,
        proven_local: case
            .judged
            .proven
            .iter()
            .map(|(ip, text)| v1::ProvenLocal {
                ip: ip.to_string(),
                text: text.clone(),
            })
            .collect(),
        softened,
    }
}

/// What accuses first, then what is suspect, then the rest; the furthest stage first.
fn order(destinations: &[Destination]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..destinations.len()).collect();
    let key = |index: &usize| {
        destinations.get(*index).map(|d| {
            (
                std::cmp::Reverse(d.attributed.whose),
                std::cmp::Reverse(d.stage()),
                d.fullest().map(|(_, t)| t.first.time),
                d.key.clone(),
            )
        })
    };
    order.sort_by_cached_key(key);
    order
}

fn write_destination(
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
    for view in destination.views.values() {
        frames_of(&mut inputs, view);
    }
    v1::Destination {
        id,
        scope: destination.key.scope.id().into(),
        ip: destination.key.ip.map(|ip| ip.to_string()),
        port: destination.key.port,
        via: destination.key.via.map(|(ip, port)| v1::Via {
            ip: ip.to_string(),
            port: (port != 0).then_some(port),
        }),
        transport: transport_name(destination.key.transport),
        protocol: destination.protocols.first().map(|p| (*p).to_owned()),
        host: destination.key.host.as_deref().map(str::to_owned),
        host_source: destination
            .key
            .host_source
            .map_or("none", |s| s.id())
            .into(),
        names: destination
            .names
            .iter()
            .map(|(named, at)| v1::Name {
                name: named.name.to_string(),
                source: named.source.id().into(),
                input: at.at.input,
                frame: at.at.frame,
            })
            .collect(),
        owner: catalogued.map(|h| h.owner.clone()),
        role: catalogued.map(|h| h.role.clone()),
        jurisdiction: catalogued.and_then(|h| h.jurisdiction.clone()),
        attribution: destination.attributed.whose.id().into(),
        attribution_reason: destination.attributed.reason.clone(),
        country: place.and_then(|p| p.country.clone()),
        country_confidence: place
            .map_or(Confidence::Unknown, |p| p.confidence)
            .as_str()
            .into(),
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
        app: None,
        stage: destination.stage().id().into(),
        flows: destination.flows,
        packets_out: counted(|t| t.packets_out),
        packets_in: counted(|t| t.packets_in),
        bytes_out: counted(|t| t.bytes_out),
        bytes_in: counted(|t| t.bytes_in),
        first: traffic.and_then(|t| times.show(t.first)),
        last: traffic.and_then(|t| times.show(t.last)),
        clients: destination
            .clients
            .iter()
            .take(CLIENTS_MAX)
            .map(ToString::to_string)
            .collect(),
        notes: destination.notes.iter().cloned().collect(),
        inputs: inputs.into_iter().collect(),
    }
}

/// One row per scope, attribution, country and stage for what is over the bound.
fn overflow(
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
        let one = write_destination(destination, String::new(), case, times);
        match rows.get_mut(&key) {
            None => {
                rows.insert(
                    key,
                    v1::Destination {
                        ip: None,
                        port: None,
                        via: None,
                        host: None,
                        host_source: "none".into(),
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
                        ..one
                    },
                );
            }
            Some(row) => {
                row.flows += one.flows;
                row.packets_out += one.packets_out;
                row.packets_in += one.packets_in;
                row.bytes_out += one.bytes_out;
                row.bytes_in += one.bytes_in;
                row.first = row.first.clone().min(one.first);
                row.last = row.last.clone().max(one.last);
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

fn lookups(case: &Case<'_>, times: &Times<'_>) -> Vec<v1::Lookup> {
    let mut order: Vec<&Lookup> = case.lookups().iter().collect();
    let first = |l: &Lookup| {
        l.asked
            .values()
            .map(|(_, first, _)| *first)
            .min()
            .unwrap_or(Moment::NONE)
    };
    order.sort_by_cached_key(|l| {
        (
            std::cmp::Reverse(l.attributed.whose),
            std::cmp::Reverse(l.scope),
            first(l),
            l.name.clone(),
            l.resolver,
        )
    });
    order
        .into_iter()
        .take(LOOKUPS_MAX)
        .map(|lookup| {
            let host = case.basis.catalog.lookup(&lookup.name);
            let first = first(lookup);
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
                scope: lookup.scope.id().into(),
                answers: lookup
                    .answers
                    .iter()
                    .take(ANSWERS_MAX)
                    .map(ToString::to_string)
                    .collect(),
                owner: host.map(|h| h.owner.clone()),
                role: host.map(|h| h.role.clone()),
                attribution: lookup.attributed.whose.id().into(),
                count: lookup.asked.values().map(|(count, ..)| count).sum(),
                first: times.show(first),
                input: first.at.input,
                frame: first.at.frame,
            }
        })
        .collect()
}

fn claims(
    case: &Case<'_>,
    outcomes: &[Outcome],
    ids: &BTreeMap<usize, String>,
    times: &Times<'_>,
) -> (Vec<v1::Claim>, Vec<v1::Finding>) {
    let mut claims = Vec::new();
    let mut findings: BTreeMap<String, (bool, Moment, v1::Finding)> = BTreeMap::new();
    for outcome in outcomes {
        let mut its = Vec::new();
        for finding in &outcome.findings {
            let id = fingerprint(outcome.claim.id, finding, case);
            its.push((
                std::cmp::Reverse(finding.contradicts),
                finding.first,
                id.clone(),
            ));
            let entry = findings.entry(id.clone()).or_insert_with(|| {
                (
                    finding.contradicts,
                    finding.first,
                    v1::Finding {
                        id,
                        rule: finding.rule.into(),
                        claims: Vec::new(),
                        attribution: finding.attribution.id().into(),
                        stage: finding.stage.id().into(),
                        confidence: finding.confidence.id().into(),
                        destination: match finding.about {
                            About::Destination(index) => ids.get(&index).cloned(),
                            About::Lookup(_) => None,
                        },
                        text: finding.text.clone(),
                        first: times.show(finding.first),
                        frames: finding.frames.clone(),
                        filter: filter(finding, case),
                    },
                )
            });
            if !entry.2.claims.iter().any(|c| c == outcome.claim.id) {
                entry.2.claims.push(outcome.claim.id.into());
            }
        }
        its.sort();
        its.dedup();
        claims.push(v1::Claim {
            id: outcome.claim.id.into(),
            statement: outcome.claim.statement.into(),
            source: outcome.claim.source.into(),
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
        });
    }
    let mut findings: Vec<(bool, Moment, v1::Finding)> = findings.into_values().collect();
    findings.sort_by(|a, b| (!a.0, a.1, &a.2.id).cmp(&(!b.0, b.1, &b.2.id)));
    (claims, findings.into_iter().map(|(.., f)| f).collect())
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

/// The gaps of the whole capture, and those of single windows that only a window has.
fn gaps(case: &Case<'_>) -> Vec<v1::Gap> {
    let mut out: Vec<(GapId, v1::Gap)> = Vec::new();
    let mut add = |window: &WindowCoverage| {
        for gap in &window.gaps {
            let gap = (
                gap.id,
                v1::Gap {
                    id: gap.id.id().into(),
                    count: gap.count,
                    text: gap.text.clone(),
                    input: gap.input,
                    frame: gap.frame,
                    blocking: gap.id.blocks(),
                },
            );
            if !out.contains(&gap) {
                out.push(gap);
            }
        }
    };
    for window in &case.windows {
        add(window);
    }
    // What lies outside all windows is told too: it bears on no verdict, and still is a fact.
    if case.windows.iter().any(|w| w.window.is_some()) {
        for series in &case.basis.evidence.series {
            for (key, noted) in series.ledger.gaps.iter() {
                let told = out.iter().any(|(id, g)| {
                    *id == key.id && g.input == Some(key.input) && g.text == key.cause
                });
                if !told {
                    let gap = v1::Gap {
                        id: key.id.id().into(),
                        count: noted.count,
                        text: key.cause.to_string(),
                        input: Some(key.input),
                        frame: noted.first.filter(|m| !m.is_none()).map(|m| m.at.frame),
                        blocking: false,
                    };
                    out.push((key.id, gap));
                }
            }
        }
    }
    out.sort_by(|(a, x), (b, y)| {
        (a, x.input, x.frame, &x.text, x.count).cmp(&(b, y.input, y.frame, &y.text, y.count))
    });
    out.into_iter().map(|(_, gap)| gap).collect()
}

/// What captures like these cannot show.
fn limits(case: &Case<'_>) -> Vec<String> {
    let mut out = vec![
        "A capture shows the link it was taken on: traffic over another network (cellular, a second Wi-Fi, Bluetooth, a cable) is not in it.".to_owned(),
        "Encrypted payload cannot be read: what was sent is not known, only that, where to and how much.".to_owned(),
    ];
    if !case.basis.devices.any() {
        out.push("No app labels and no declared device: which app sent a packet is judged by names alone. Declare the device with --device if nothing but the app under audit should run on it.".to_owned());
    }
    let captured = case
        .basis
        .evidence
        .inputs
        .iter()
        .map(|i| i.first)
        .find(|t| *t != Timestamp::UNKNOWN);
    for db in case.basis.locator.databases() {
        let built = Timestamp::from_nanos(i128::from(db.built) * i128::from(Timestamp::SECOND));
        let days = captured
            .and_then(|t| t.since(built))
            .map(|n| n / (86_400 * Timestamp::SECOND));
        match days {
            Some(days) if days.abs() > GEO_STALE_DAYS => out.push(format!(
                "The address data ({}) and the capture lie {} days apart: places are unsure, and location alone contradicts nothing.",
                db.source,
                days.abs()
            )),
            Some(days) if days.abs() > GEO_WARN_DAYS => out.push(format!(
                "The address data ({}) and the capture lie {} days apart: addresses may have moved in between.",
                db.source,
                days.abs()
            )),
            _ => {}
        }
    }
    out
}
