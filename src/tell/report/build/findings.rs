//! Claims and findings in the report: stable ids, exemplars, and the filter that selects the packets.

use super::Times;
use super::silence::silence;
use crate::evidence::row::FRAMES_MAX;
use crate::ground::moment::Moment;
use crate::ground::protocol;
use crate::judge::claim::agreed::Used;
use crate::judge::claim::definition::Definition;
use crate::judge::claim::{About, Case, Content, Finding, Outcome, Verdict, Weight};
use crate::judge::classify::destination::{Destination, DestinationKey};
use crate::judge::classify::note::Note;
use crate::tell::report::filter::Filter;
use crate::tell::report::{meaning, sentences, v1};
use foldhash::fast::RandomState;
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::{self, Write};
use std::net::IpAddr;

/// What the claims came to.
pub(super) struct Told {
    pub claims: Vec<v1::Claim>,
    pub findings: Vec<v1::Finding>,
    /// What each allowance came to, claim by claim.
    pub used: Vec<BTreeMap<String, Used>>,
}

/// Writes one outcome after the other, each as it is judged: findings can be many and long, and are not kept twice.
pub(super) fn claims<'c>(
    case: &Case<'_>,
    outcomes: &mut dyn Iterator<Item = Outcome<'c>>,
    ids: &BTreeMap<usize, String>,
    times: &Times<'_>,
) -> Told {
    let mut claims = Vec::new();
    let mut used = Vec::new();
    let mut findings: Vec<Joined> = Vec::new();
    let mut place_of: HashMap<Fingerprint, usize, RandomState> = HashMap::default();
    for mut outcome in outcomes {
        let silence = silence(case, &outcome);
        let found = std::mem::take(&mut outcome.findings);
        let mut its = Vec::with_capacity(found.len());
        for finding in found {
            let id = fingerprint(&outcome.claim.id, &finding, case);
            its.push((std::cmp::Reverse(finding.weight), finding.first, id));
            let destination = match finding.about {
                About::Destination(index) => ids.get(&index).cloned(),
                About::Lookup(_) => None,
            };
            let place = *place_of.entry(id).or_insert(findings.len());
            match findings.get_mut(place) {
                Some(have) => have.join(&finding, destination, case),
                None => findings.push(Joined::of(finding, id, destination, outcome.claim, case)),
            }
        }
        its.sort_unstable();
        let mut met: HashSet<Fingerprint, RandomState> = HashSet::default();
        its.retain(|(.., id)| met.insert(*id));
        claims.push(v1::Claim {
            id: outcome.claim.id.clone(),
            statement: outcome.claim.statement.clone(),
            source: outcome.claim.source.clone(),
            verdict: outcome.verdict,
            reasons: sentences::reasons(&outcome.reasons, case),
            findings: its.into_iter().map(|(.., id)| id.to_string()).collect(),
            preset: outcome.claim.chosen.clone(),
            parameters: outcome.claim.recorded(),
            silence,
            next_capture: (outcome.verdict == Verdict::Consistent)
                .then(|| outcome.claim.next_capture.clone())
                .flatten(),
            not_testable: outcome.claim.not_testable.clone(),
        });
        used.push(outcome.used);
    }
    findings.sort_unstable_by_key(|f| (std::cmp::Reverse(f.weight), f.first, f.id));
    let windows = windows(case);
    let findings = findings.into_iter().map(|joined| {
        let filter = joined.filter.unwrap_or_else(|| filter(joined.about, case));
        v1::Finding {
            first: times.show(joined.first),
            filter: written(&match &windows {
                Some(windows) => filter.and(windows.clone()),
                None => filter,
            }),
            ..joined.written
        }
    });
    Told {
        claims,
        findings: findings.collect(),
        used,
    }
}

/// A filter as text, with room for most.
fn written(filter: &Filter) -> String {
    let mut out = String::with_capacity(96);
    // Writing to a string cannot fail.
    let _ = write!(out, "{filter}");
    out.shrink_to_fit();
    out
}

/// The id of a finding, as the number that its digits write.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Fingerprint(u64);

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// A finding, and the others of the same meaning that joined it (one name at several addresses).
struct Joined {
    id: Fingerprint,
    weight: Weight,
    first: Moment,
    about: About,
    /// What selects the packets of all, once another joined it.
    filter: Option<Filter>,
    written: v1::Finding,
}

impl Joined {
    fn of(
        finding: Finding,
        id: Fingerprint,
        destination: Option<String>,
        claim: &Definition,
        case: &Case<'_>,
    ) -> Self {
        let lookup = match finding.about {
            About::Destination(_) => None,
            About::Lookup(index) => case.lookups().get(index).map(|l| l.name.to_string()),
        };
        Self {
            id,
            about: finding.about,
            filter: None,
            weight: finding.weight,
            first: finding.first,
            written: v1::Finding {
                id: id.to_string(),
                text: sentences::finding(&finding, case),
                bytes_out: sent(&finding),
                content: finding.content.into_iter().map(content).collect(),
                rule: finding.rule,
                claims: vec![claim.id.clone()],
                attribution: finding.attribution,
                stage: finding.stage,
                confidence: finding.confidence,
                destination,
                lookup,
                grace: finding.grace,
                allowed: finding.allowed,
                known: None,
                first: None,
                frames: finding.frames,
                filter: String::new(),
            },
        }
    }

    /// The furthest stage is what the finding says, with its destination; frames and packets of
    /// both are listed.
    fn join(&mut self, finding: &Finding, destination: Option<String>, case: &Case<'_>) {
        /// Longest filter and text that are joined; Wireshark takes more, a reader does not.
        const JOINED_MAX: usize = 2_000;
        let have = &mut self.written;
        if finding.stage > have.stage {
            have.stage = finding.stage;
            have.destination = destination;
        }
        have.confidence = have.confidence.max(finding.confidence);
        if let Some(more) = sent(finding) {
            let sum = have.bytes_out.unwrap_or(0);
            have.bytes_out = Some(sum.saturating_add(more));
        }
        if finding.weight > self.weight {
            // What is allowed for one address is not allowed for all.
            self.weight = finding.weight;
            have.allowed.clone_from(&finding.allowed);
        }
        have.grace &= finding.grace;
        have.content
            .extend(finding.content.iter().cloned().map(content));
        self.first = self.first.min(finding.first);
        have.frames.extend(&finding.frames);
        have.frames.sort();
        have.frames.dedup();
        have.frames.truncate(FRAMES_MAX);
        let more = filter(finding.about, case);
        let before = match self.filter.take() {
            Some(before) => before,
            None => filter(self.about, case),
        };
        if before == more {
            self.filter = Some(before);
            return;
        }
        if before.to_string().len() > JOINED_MAX {
            self.filter = Some(before);
            if !have.text.ends_with("and more addresses") {
                have.text.push_str("; and more addresses");
            }
            return;
        }
        self.filter = Some(before.or(more));
        have.text = format!("{}; also {}", have.text, sentences::finding(finding, case));
    }
}

/// The id of a finding: the same in two recordings of the same behaviour.
///
/// Made of claim, rule, whose traffic it is, and where it went:
///
/// - a named destination: scope, name and port. Not the address (clouds and resolvers hand out
///   others each time) and not the transport (whether QUIC or TCP wins is chance);
/// - an unnamed one: scope, address, port and transport, as nothing else says who it is;
/// - behind a local relay that was told neither: that there is a relay, port and transport, but
///   not the relay's address, which the site's DHCP gave it;
/// - a lookup: the name. Not the resolver, and so not the scope, which the site chooses.
///
/// Ports that were picked for the moment count as one, and a translated address as the one inside
/// ([`meaning`]). Never part of it: inputs, frames, times, counts, stage, our own addresses and
/// ports, the app's label (its uid differs from phone to phone; whose traffic it is stays).
fn fingerprint(claim: &str, finding: &Finding, case: &Case<'_>) -> Fingerprint {
    let mut meaning = String::with_capacity(128);
    // Writing to a string cannot fail.
    let _ = write!(
        meaning,
        "{claim}|{}|{}|",
        finding.rule,
        finding.attribution.id()
    );
    let _ = match finding.about {
        About::Destination(index) => match case.destinations().get(index) {
            Some(d) => place(&d.key, &mut meaning),
            None => Ok(()),
        },
        About::Lookup(index) => match case.lookups().get(index) {
            Some(l) => write!(meaning, "lookup|{}", l.name),
            None => Ok(()),
        },
    };
    let digest = Sha256::digest(meaning.as_bytes());
    let first = digest.first_chunk().copied();
    Fingerprint(u64::from_be_bytes(first.unwrap_or_default()))
}

/// Payload away from our side, inside the windows; none for a lookup.
fn sent(finding: &Finding) -> Option<u64> {
    matches!(finding.about, About::Destination(_)).then_some(finding.bytes_out)
}

fn content(of: Content) -> v1::Content {
    v1::Content {
        kind: of.kind.into(),
        text: of.text,
        place: sentences::found_in(of.place),
        input: of.at.input,
        frame: of.at.frame,
        count: of.count,
    }
}

/// Where a destination is, as far as another recording would show the same.
fn place(key: &DestinationKey, out: &mut String) -> fmt::Result {
    let port = match key.port.or(key.via.map(|(_, port)| port)) {
        None | Some(0) => Cow::Borrowed("none"),
        Some(port) if meaning::is_dynamic(port) => Cow::Borrowed("dynamic"),
        Some(port) => Cow::Owned(port.to_string()),
    };
    let scope = key.scope.id();
    let transport = protocol::name(key.transport);
    match (&key.host, key.ip) {
        (Some(name), _) => write!(out, "destination|{scope}|name|{name}|{port}"),
        (None, Some(ip)) => {
            let ip = meaning::address(ip);
            write!(out, "destination|{scope}|address|{ip}|{port}|{transport}")
        }
        (None, None) => write!(out, "destination|{scope}|untold|{port}|{transport}"),
    }
}

/// What selects a finding's packets, in all windows and outside.
fn filter(about: About, case: &Case<'_>) -> Filter {
    let terms = match about {
        About::Destination(index) => case
            .destinations()
            .get(index)
            .map(terms_of_destination)
            .unwrap_or_default(),
        // Names are compared in lower case: DNS ignores case, and resolvers mix it.
        About::Lookup(index) => case
            .lookups()
            .get(index)
            .map(|l| {
                vec![
                    Filter::Question(l.name.to_string()),
                    Filter::Address(l.resolver),
                ]
            })
            .unwrap_or_default(),
    };
    Filter::All(terms)
}

/// The windows, as a filter that stands once behind all of a finding's addresses.
fn windows(case: &Case<'_>) -> Option<Filter> {
    let windows = case.windows.iter().filter_map(|w| w.window);
    Filter::inside(windows.filter_map(|w| Some((w.start.nanos()?, w.end.nanos()?))))
}

/// Far end, our side if it is one address, port or protocol.
fn terms_of_destination(of: &Destination) -> Vec<Filter> {
    let key = &of.key;
    let far = key.via.map(|(ip, _)| ip).or(key.ip);
    let routed = of.notes.contains(&Note::Routed);
    let at = |ip: IpAddr| match Filter::Address(ip) {
        by_address if routed && ip.is_ipv6() => by_address.or(Filter::Segment(ip)),
        by_address => by_address,
    };
    let mut terms: Vec<Filter> = far.map(at).into_iter().collect();
    if let (Some(only), 1) = (of.clients.first(), of.clients.len()) {
        terms.push(Filter::Address(*only));
    }
    let relay = key.via.map(|(_, port)| port).filter(|port| *port != 0);
    terms.push(match (relay.or(key.port), key.transport) {
        (Some(port), transport @ (protocol::TCP | protocol::UDP)) => Filter::Port(transport, port),
        (_, transport) => Filter::of_protocol(transport, far.or(of.clients.first().copied())),
    });
    terms
}
