//! From outcomes to the report model: order, ids, filters; words are of [`super::sentences`]. Decides nothing.

mod clocks;
mod coverage;
mod declared;
mod destinations;
mod findings;
mod fitness;
mod silence;
mod timeline;

use super::{grounds, sentences, v1};
use crate::evidence::Devices;
use crate::evidence::input::InputFacts;
use crate::ground::gaps::GapId;
use crate::ground::mac::Mac;
use crate::ground::moment::{Moment, Timestamp};
use crate::judge::case::CaseFile;
use crate::judge::claim::baseline::Baseline;
use crate::judge::claim::{Case, Outcome, Verdict};
use crate::judge::classify::catalog::Catalog;
use crate::judge::classify::destination::Destination;
use crate::judge::classify::rows::Judged;
use crate::judge::classify::{Basis, Scope};
use crate::judge::identity::oui::maker;
use crate::judge::locate::Locator;
use coverage::{gaps, limits};
pub use declared::warnings;
use destinations::{DESTINATIONS_MAX, LOOKUPS_MAX, lookups, order, overflow, write_destination};
use findings::claims;
pub use fitness::fitness;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use timeline::Drawn;

/// What the command adds to the evidence.
pub struct Request<'a> {
    /// The device as declared, as it was written.
    pub declared: Vec<String>,
    /// Networks declared local.
    pub local: Vec<String>,
    /// Softening options given.
    pub softened: Vec<String>,
    /// Key logs that it is made with.
    pub keylogs: Vec<v1::KeyFile>,
    /// The only part that differs between runs.
    pub run: v1::Run,
    /// The device.
    pub devices: &'a Devices,
    /// The case file.
    pub case: Option<&'a CaseFile>,
    /// The recording that this one is set against.
    pub baseline: Option<v1::Baseline>,
}

/// A baseline as the report tells it.
pub fn baseline(case: &Case<'_>, baseline: &Baseline) -> v1::Baseline {
    v1::Baseline {
        kind: baseline.kind,
        doubt: baseline
            .doubt
            .map(|doubt| sentences::doubt(doubt).to_owned()),
        inputs: inputs(case.basis, case.judged),
        seconds: baseline.seconds,
        active_seconds: baseline.active_seconds,
    }
}

/// Assembles the report of one session.
pub fn report<'c>(
    case: &Case<'_>,
    outcomes: &mut dyn Iterator<Item = Outcome<'c>>,
    mut request: Request<'_>,
) -> v1::Report {
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
    let drawn = listed.iter().zip(&destinations).filter_map(|(index, row)| {
        let of = case.destinations().get(*index)?;
        Some(Drawn::listed(row, of))
    });
    let drawn: Vec<Drawn<'_>> = drawn
        .chain(folded.iter().map(|of| Drawn::folded(of)))
        .collect();
    let timeline = timeline::timeline(case, &drawn);
    destinations.extend(overflow(&folded, destinations.len(), case, &times));
    let lookups = lookups(case, &times);
    let lookups_folded = case.lookups().len() > LOOKUPS_MAX;
    let told = claims(case, outcomes, &ids, &times);
    let case_file = request
        .case
        .map(|file| declared::case_file(file, case, &told, &times));
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
                id: GapId::LimitsReached.into(),
                count: 1,
                text: what.into(),
                input: None,
                frame: None,
                blocking: true,
                covered_by: None,
            });
        }
    }
    let verdict = told
        .claims
        .iter()
        .map(|claim| claim.verdict)
        .max()
        .unwrap_or(Verdict::Inconclusive);
    let mut report = v1::Report {
        schema: v1::SCHEMA.into(),
        tool: tool(case.basis.catalog, case.basis.locator),
        run: request.run,
        digest: String::new(),
        verdict,
        inputs: inputs(case.basis, case.judged),
        scope: v1::Scope {
            keylogs: request.keylogs,
            ..scope(
                case,
                request.declared,
                request.local,
                request.softened,
                request.devices,
                &times,
            )
        },
        claims: told.claims,
        findings: told.findings,
        destinations,
        lookups,
        coverage: v1::Coverage {
            gaps,
            drone_links: drone_links(case),
        },
        timeline,
        clocks: clocks::clocks(case),
        case: case_file,
        baseline: request.baseline.take(),
        against: None,
        limits: limits(case),
        sessions: Vec::new(),
    };
    report.digest = super::json::digest(&report);
    report
}

/// The report over several sessions (`--each`): the worst verdict per claim, everything else in
/// the sessions.
pub fn combined(sessions: Vec<v1::Report>, run: v1::Run) -> Option<v1::Report> {
    let first = sessions.first()?;
    let mut claims: Vec<v1::Claim> = first.claims.clone();
    for claim in &mut claims {
        claim.findings.clear();
        claim.reasons.clear();
        // What a silence is worth is said of a session, and of none but its own.
        claim.silence = None;
        for session in &sessions {
            let Some(its) = session.claims.iter().find(|c| c.id == claim.id) else {
                continue;
            };
            claim.verdict = claim.verdict.max(its.verdict);
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
    for claim in &mut claims {
        if claim.verdict != Verdict::Consistent {
            claim.next_capture = None;
        }
    }
    let verdict = claims.iter().map(|c| c.verdict).max()?;
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
        timeline: v1::Timeline::default(),
        clocks: Vec::new(),
        case: first.case.clone(),
        baseline: first.baseline.clone(),
        against: first.against.clone(),
        limits: vec!["Every session was judged alone: destinations, findings and gaps stand in its own report.".into()],
        sessions,
    };
    report.scope.windows.clear();
    report.scope.proven_local.clear();
    report.scope.machines.clear();
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

/// Drone-link protocols whose valid frames were seen.
fn drone_links(case: &Case<'_>) -> Vec<String> {
    let series = case.basis.evidence.series.iter();
    let seen: BTreeSet<_> = series.flat_map(|s| &s.ledger.drone_protocols).collect();
    seen.into_iter().map(|p| (*p).to_owned()).collect()
}

/// SHA-256 of the claims that ship.
fn claims_sha256() -> String {
    use sha2::{Digest, Sha256};
    crate::ground::hex::hex(&Sha256::digest(
        crate::judge::claim::definition::SHIPPED.as_bytes(),
    ))
}

/// The program and its data.
pub fn tool(catalog: &Catalog, locator: &Locator) -> v1::Tool {
    v1::Tool {
        name: env!("CARGO_PKG_NAME").into(),
        version: env!("CARGO_PKG_VERSION").into(),
        commit: option_env!("DRONE_AUDIT_COMMIT").map(ToOwned::to_owned),
        claims_sha256: claims_sha256(),
        catalog_sha256: catalog.sha256(),
        geo: locator
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
                let name = interface.link_name.clone().into_owned();
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

/// Apps that labels name, each once, in the order of their first packet.
fn apps_seen(case: &Case<'_>) -> Vec<v1::SeenApp> {
    case.judged
        .labels
        .iter()
        .flat_map(|labels| &labels.seen)
        .map(|seen| v1::SeenApp {
            app: destinations::app(&seen.app),
            says: seen.app.says,
            packets: seen.packets,
            input: seen.first.at.input,
            frame: seen.first.at.frame,
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
        app: (!case.basis.subject.given().is_empty()).then(|| case.basis.subject.given().to_vec()),
        apps_seen: apps_seen(case),
        device,
        windows: case
            .windows
            .iter()
            .filter_map(|w| Some((w, w.window?)))
            .map(|(w, window)| v1::Window {
                name: w.detail.name.clone(),
                grace_seconds: w.detail.grace as f64 / 1e9,
                phases: w
                    .detail
                    .phases
                    .iter()
                    .map(|(name, phase)| v1::Phase {
                        name: name.clone(),
                        start: phase.start.rfc3339(times.finest()),
                        end: phase.end.rfc3339(times.finest()),
                    })
                    .collect(),
                start: window.start.rfc3339(times.finest()),
                end: window.end.rfc3339(times.finest()),
                first: w.extent.and_then(|(first, _)| times.show(first)),
                last: w.extent.and_then(|(_, last)| times.show(last)),
                seconds: w.seconds,
            })
            .collect(),
        minimum_seconds: case.needs.minimum_seconds,
        time_gap_seconds: case.needs.time_gap as f64 / 1e9,
        local_networks,
        proven_local: case
            .judged
            .proven
            .iter()
            .map(|(ip, proof)| v1::ProvenLocal {
                ip: ip.to_string(),
                text: grounds::proof(*ip, *proof),
            })
            .collect(),
        machines: machines(case),
        softened,
        redacted: false,
        keylogs: Vec::new(),
    }
}

/// Machines listed; a site has dozens.
const MACHINES_MAX: usize = 256;
/// Addresses listed per machine.
const ADDRESSES_MAX: usize = 16;

/// Every MAC address that sent packets or was named by the link, those of known makers first.
fn machines(case: &Case<'_>) -> Vec<v1::Machine> {
    let mut stations: BTreeMap<Mac, (BTreeSet<IpAddr>, bool)> = BTreeMap::new();
    for series in &case.basis.evidence.series {
        for (mac, station) in &series.ledger.stations {
            let (addresses, router) = stations.entry(*mac).or_default();
            addresses.extend(station.sources.iter().chain(&station.claims));
            *router |= station.router || station.forwards;
        }
    }
    let mut out: Vec<v1::Machine> = stations
        .into_iter()
        .map(|(mac, (addresses, router))| {
            let made = maker(mac);
            v1::Machine {
                mac: mac.to_string(),
                maker: made.map(|m| m.organisation.to_owned()),
                maker_kind: made.map(|m| m.kind.into()),
                addresses: addresses
                    .iter()
                    .take(ADDRESSES_MAX)
                    .map(ToString::to_string)
                    .collect(),
                router,
                device: case.judged.devices.iter().any(|d| d.macs.contains(&mac)),
            }
        })
        .collect();
    out.sort_by_key(|m| (!m.device, m.maker.is_none()));
    out.truncate(MACHINES_MAX);
    out
}
