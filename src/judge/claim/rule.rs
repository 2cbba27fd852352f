//! Applies a claim's rules to destinations and lookups.
//!
//! Every condition of a rule answers yes, no, or that it cannot be said. Yes with traffic of the
//! app or the vendor contradicts; doubt, and traffic that could be the app's, is suspect. Nothing
//! here makes a verdict: see [`super::verdict`].

use super::definition::{Definition, Rule, RuleId, Set, Traffic as Kind, Weight as Wanted};
use super::fact::{Account, Explained, Fact, NotExempt, Property, Seen};
use super::receiver::Shape;
use super::whereabouts::{Answer, known, place, provider};
use super::{About, Case, Confidence, Content, Finding, Weight, receiver};
use crate::evidence::flow::NameSource;
use crate::evidence::row::FRAMES_MAX;
use crate::ground::moment::{FrameRef, Moment};
use crate::judge::classify::attribution::{Attribution, OS_BYTES_OUT_MAX};
use crate::judge::classify::catalog::Host;
use crate::judge::classify::destination::Destination;
use crate::judge::classify::lookup::Lookup;
use crate::judge::classify::{Scope, Stage};
use std::collections::BTreeMap;

/// Id of findings about traffic that nobody can be named for.
pub const UNATTRIBUTED: &str = "unattributed-internet";
/// Id of findings whose place cannot be said.
pub const PLACE_UNSURE: &str = "place-unsure";
/// Id of findings about what is neither an upload nor none.
pub const UPLOAD_UNSURE: &str = "upload-unsure";
/// Id of findings about payload that cannot be read.
pub const PAYLOAD_UNREAD: &str = "payload-unread";
/// Id of findings of which only a name says that the rule does not fit.
pub const NAME_UNSURE: &str = "name-unsure";
/// Id of findings about traffic that the statement allows by the host's name.
pub const EXEMPT: &str = "exempt-traffic";
/// Id of the same where the address does not confirm the name.
pub const EXEMPT_UNSURE: &str = "exempt-unsure";

/// What bears on a claim among the intervals that `inside` accepts.
pub(super) fn findings(
    claim: &Definition,
    case: &Case<'_>,
    inside: &dyn Fn(u32) -> bool,
) -> Vec<Finding> {
    let mut out = Vec::new();
    // What cannot be read cannot be shown to hold nothing, whether the claim says so or not.
    let says_so = claim.rules.iter().any(|r| r.traffic == Kind::Unread);
    let unread = claim
        .rules
        .iter()
        .filter(|r| r.traffic == Kind::Content && !says_so)
        .map(|r| Rule {
            id: RuleId::One(PAYLOAD_UNREAD.into()),
            traffic: Kind::Unread,
            weight: Wanted::Suspect,
            ..r.clone()
        })
        .collect::<Vec<_>>();
    for rule in claim.rules.iter().chain(&unread) {
        let span = RuleIntervals::new(rule, case, inside);
        if rule.traffic == Kind::Lookup {
            for (index, lookup) in case.lookups().iter().enumerate() {
                out.extend(asked(claim, rule, case, index, lookup, &span));
            }
        } else {
            let uploads = match rule.traffic {
                Kind::Upload => uploads(claim, rule, case, &*span.inside),
                _ => BTreeMap::new(),
            };
            for (index, destination) in case.destinations().iter().enumerate() {
                let shape = uploads.get(&index);
                out.extend(went(claim, rule, case, (index, destination), shape, &span));
            }
        }
    }
    out
}

/// What took an upload by the rows that the rule is about. Where only the receiver's other rows make it
/// one, how much of it went to the rule's place or provider cannot be said.
fn uploads(
    claim: &Definition,
    rule: &Rule,
    case: &Case<'_>,
    inside: &dyn Fn(u32) -> bool,
) -> BTreeMap<usize, Shape> {
    let in_scope = |d: &Destination| scope_fits(rule, d.key.scope);
    let about = |d: &Destination| in_scope(d) && condition(rule, d, case).0 != Answer::No;
    let mut found = receiver::uploads(claim, case, inside, &about);
    for (index, whole) in receiver::uploads(claim, case, inside, &in_scope) {
        let sum = match whole {
            Shape::Upload(Some(sum)) | Shape::Unsure(sum) => sum,
            Shape::Upload(None) => continue,
        };
        found.entry(index).or_insert(Shape::Unsure(sum));
    }
    found
}

/// Whether the rule's conditions on name, place and provider hold; and whether the address confirms the
/// name.
fn condition(rule: &Rule, destination: &Destination, case: &Case<'_>) -> (Answer, bool, bool) {
    let host = destination.key.host.as_deref();
    let row = host.and_then(|host| case.basis.catalog.lookup(host));
    let confirmed = row.is_some_and(|row| confirms(destination, row, case));
    let mut answer = name_fits(rule, host, row, confirmed);
    let by_name = matches!(answer, Answer::Unsure(_));
    if let Some(set) = &rule.places {
        answer = answer.and(place(destination, set, case.basis));
    }
    if let Some(set) = &rule.providers {
        answer = answer.and(provider(destination, set));
    }
    (answer, confirmed, by_name)
}

/// The intervals that a rule looks at.
struct RuleIntervals<'a> {
    inside: Box<dyn Fn(u32) -> bool + 'a>,
}

impl<'a> RuleIntervals<'a> {
    fn new(rule: &Rule, case: &Case<'_>, inside: &'a dyn Fn(u32) -> bool) -> Self {
        let intervals = &case.basis.evidence.intervals;
        // An event that takes traffic off the list takes only what lies in it by its time.
        let of = |kinds: &[String], acquits: bool| -> Vec<Box<dyn Fn(u32) -> bool>> {
            intervals
                .marks()
                .iter()
                .filter(|(kind, _)| kinds.contains(kind))
                .map(|(_, span)| match acquits {
                    true => Box::new(intervals.surely_within(span)) as Box<dyn Fn(u32) -> bool>,
                    false => Box::new(intervals.within(span)) as Box<dyn Fn(u32) -> bool>,
                })
                .collect()
        };
        let out = of(&rule.outside_events, true);
        let within = of(&rule.inside_events, false);
        let only_within = !rule.inside_events.is_empty();
        Self {
            inside: Box::new(move |interval| {
                inside(interval)
                    && !out.iter().any(|event| event(interval))
                    && (!only_within || within.iter().any(|event| event(interval)))
            }),
        }
    }
}

fn scope_fits(rule: &Rule, scope: Scope) -> bool {
    scope != Scope::Local && (rule.scopes.is_empty() || rule.scopes.iter().any(|s| s == scope.id()))
}

fn is_listed(host: &str, set: &Set) -> bool {
    set.values()
        .iter()
        .any(|pattern| match pattern.strip_prefix("*.") {
            Some(domain) => host
                .strip_suffix(domain)
                .is_some_and(|left| left.ends_with('.')),
            None => pattern == host,
        })
}

/// The conditions on the name: owner, jurisdiction, role, host.
fn name_fits(rule: &Rule, host: Option<&str>, row: Option<&Host>, confirmed: bool) -> Answer {
    let mut answer = Answer::Yes(Vec::new());
    let mut and = |set: &Option<Set>, value: Option<&str>, what: Property| {
        if let Some(set) = set {
            let listed = value.is_some_and(|v| set.values().iter().any(|own| own == v));
            let fits = known(value, listed, set, what, confirmed);
            answer = std::mem::replace(&mut answer, Answer::No).and(fits);
        }
    };
    and(&rule.owners, row.map(|r| r.owner.as_str()), Property::Owner);
    let jurisdiction = row.and_then(|r| r.jurisdiction.as_deref());
    and(&rule.jurisdictions, jurisdiction, Property::Jurisdiction);
    and(&rule.roles, row.map(|r| r.role.as_str()), Property::Role);
    if let Some(set) = &rule.hosts {
        let listed = host.is_some_and(|host| is_listed(host, set));
        answer = answer.and(known(host, listed, set, Property::Host, confirmed));
    }
    answer
}

/// The address belongs to whom the name says (contract: names acquit only together with it). Addresses that customers rent do not
/// say whose service answers.
pub(super) fn confirms(destination: &Destination, row: &Host, case: &Case<'_>) -> bool {
    let place = destination.place.as_ref();
    let operator = place.and_then(|p| p.operator.as_deref());
    let rented = place.is_some_and(|p| p.tenants == Some(true));
    let by_operator =
        !rented && operator.is_some_and(|o| row.operators.iter().any(|known| known == o));
    let listed = destination
        .key
        .ip
        .and_then(|ip| case.basis.catalog.lookup_ip(ip));
    by_operator || listed.is_some_and(|by_ip| by_ip.owner == row.owner)
}

/// What a rule says of something: under which id, what it does to the verdict, and why.
struct Ruling {
    id: String,
    weight: Weight,
    why: Vec<Fact>,
}

impl Ruling {
    /// One that an answer and an attribution amount to; `doubt` is the id where the answer is unsure.
    fn of(
        claim: &Definition,
        rule: &Rule,
        whose: Attribution,
        answer: Answer,
        doubt: &str,
    ) -> Option<Self> {
        let suspect = claim.suspects.iter().any(|s| s == whose.id());
        let (id, weight, why) = match answer {
            Answer::No => return None,
            Answer::Yes(why) if whose.accuses() => (rule.id.of(whose), rule.weight.into(), why),
            // What a suspect rule asks for is its reason, whoever sent it.
            Answer::Yes(why) if suspect && rule.weight == Wanted::Suspect => {
                (rule.id.of(whose), Weight::Suspect, why)
            }
            Answer::Yes(why) if suspect => (UNATTRIBUTED, Weight::Suspect, why),
            Answer::Unsure(why) if whose.accuses() => (doubt, Weight::Suspect, vec![why]),
            Answer::Unsure(why) if suspect => (UNATTRIBUTED, Weight::Suspect, vec![why]),
            Answer::Yes(_) | Answer::Unsure(_) => return None,
        };
        Some(Self {
            id: id.to_owned(),
            weight,
            why,
        })
    }

    /// With what its receiver took as a whole.
    fn with_upload(mut self, shape: Option<&Shape>) -> Self {
        match shape {
            Some(Shape::Unsure(sum)) => {
                if self.weight != Weight::Listed {
                    self.id = UPLOAD_UNSURE.to_owned();
                    self.weight = Weight::Suspect;
                }
                self.why.push(sum.clone());
            }
            Some(Shape::Upload(Some(sum))) => self.why.push(sum.clone()),
            Some(Shape::Upload(None)) | None => {}
        }
        self
    }

    /// What the statement exempts is listed, or suspect where that is in doubt.
    fn unless_exempt(
        self,
        claim: &Definition,
        row: Option<&Host>,
        confirmed: bool,
        bytes_out: u64,
    ) -> Self {
        exempted(claim, row, confirmed, bytes_out).unwrap_or(self)
    }

    /// What a baseline explains is no longer suspect.
    fn unless_explained(mut self, explained: Option<Explained>) -> Self {
        if let Some(explained) = explained
            && self.weight == Weight::Suspect
        {
            self.weight = Weight::Listed;
            self.why.push(Fact::Baseline(explained));
        }
        self
    }
}

impl From<Wanted> for Weight {
    fn from(wanted: Wanted) -> Self {
        match wanted {
            Wanted::Contradicts => Self::Contradicts,
            Wanted::Suspect => Self::Suspect,
            Wanted::Listed => Self::Listed,
        }
    }
}

/// Traffic that the statement allows: by the name, and only if the address confirms it and little
/// was sent; a host may serve more than the exempted module.
fn exempted(
    claim: &Definition,
    row: Option<&Host>,
    confirmed: bool,
    bytes_out: u64,
) -> Option<Ruling> {
    let row = row?;
    let roles = claim.exempt_roles();
    let role = roles.contains(&row.role.as_str());
    let owner = claim.exempt.owners.is_empty() || claim.exempt.owners.contains(&row.owner);
    if !role || !owner {
        return None;
    }
    let (but, id, weight) = if bytes_out > OS_BYTES_OUT_MAX {
        let but = NotExempt::TooMuch(bytes_out);
        (Some(but), EXEMPT_UNSURE, Weight::Suspect)
    } else if confirmed {
        (None, EXEMPT, Weight::Listed)
    } else {
        (Some(NotExempt::NameAlone), EXEMPT_UNSURE, Weight::Suspect)
    };
    let why = vec![Fact::Exempt {
        role: row.role.clone(),
        owner: row.owner.clone(),
        but,
    }];
    Some(Ruling {
        id: id.to_owned(),
        weight,
        why,
    })
}

/// How sure the attribution of a destination's traffic is.
fn confidence(destination: &Destination, browser: bool) -> Confidence {
    match destination.attributed.whose {
        Attribution::App => Confidence::High,
        Attribution::Vendor if browser => Confidence::Medium,
        Attribution::Vendor => match destination.key.host_source {
            Some(NameSource::Certificate | NameSource::DnsAlias) => Confidence::Medium,
            _ => Confidence::High,
        },
        Attribution::ThirdParty
        | Attribution::Shared
        | Attribution::Unknown
        | Attribution::Os
        | Attribution::OtherApp
        | Attribution::OtherDevice => Confidence::Low,
    }
}

/// What a rule about traffic says of a destination.
fn went(
    claim: &Definition,
    rule: &Rule,
    case: &Case<'_>,
    (index, destination): (usize, &Destination),
    shape: Option<&Shape>,
    span: &RuleIntervals<'_>,
) -> Option<Finding> {
    // Lookups in clear are judged one by one, by their names; what their names carry is judged here.
    let content = rule.traffic == Kind::Content;
    if destination.key.lookups_only && !destination.looked_up_nothing() && !content {
        return None;
    }
    if !scope_fits(rule, destination.key.scope) {
        return None;
    }
    let (stage, traffic) = destination.stage_in(&*span.inside)?;
    if stage == Stage::Unsolicited {
        return None;
    }
    let hits = match rule.traffic {
        Kind::Content => found(rule, destination, &*span.inside),
        _ => Vec::new(),
    };
    let unread = match rule.traffic {
        Kind::Unread => Some(destination.unread_out(&*span.inside)),
        _ => None,
    };
    let fits = match rule.traffic {
        Kind::Contact => true,
        Kind::Payload => stage == Stage::Transferred,
        Kind::Upload => shape.is_some(),
        Kind::Unread => unread > Some(0),
        Kind::Content => !hits.is_empty(),
        Kind::Lookup => false,
    };
    if !fits {
        return None;
    }
    let host = destination.key.host.as_deref();
    let row = host.and_then(|host| case.basis.catalog.lookup(host));
    let (answer, confirmed, by_name) = condition(rule, destination, case);
    let doubt = if by_name { NAME_UNSURE } else { PLACE_UNSURE };
    let whose = destination.attributed.whose;
    let ruling = Ruling::of(claim, rule, whose, answer, doubt)?
        .with_upload(shape)
        .unless_exempt(claim, row, confirmed, traffic.out.bytes)
        .unless_explained(case.explained(destination, traffic.out.bytes));
    let browser = destination.browsable && whose == Attribution::Vendor;
    let seen = Seen::Traffic {
        packets_out: traffic.out.packets,
        bytes_out: traffic.out.bytes,
        bytes_in: traffic.back.bytes,
    };
    Some(Finding {
        rule: ruling.id,
        weight: ruling.weight,
        about: About::Destination(index),
        attribution: whose,
        stage,
        confidence: confidence(destination, browser),
        account: Account {
            in_clear: hits.clone(),
            unread,
            browser,
            ..Account::new(seen, ruling.why)
        },
        first: traffic.first,
        frames: exemplars(&hits, frames(destination, &*span.inside)),
        bytes_out: traffic.out.bytes,
        grace: false,
        allowed: None,
        content: hits,
    })
}

/// Personal data that a rule asks for, among the intervals that `inside` accepts.
fn found(rule: &Rule, destination: &Destination, inside: &dyn Fn(u32) -> bool) -> Vec<Content> {
    destination
        .content_in(inside)
        .into_iter()
        .filter(|hit| rule.content.is_empty() || rule.content.iter().any(|id| id == hit.kind.id()))
        .map(|hit| Content {
            kind: hit.kind,
            text: hit.plain.unwrap_or(hit.text),
            place: hit.place,
            at: hit.first.at,
            count: hit.count,
        })
        .collect()
}

/// The frames that complete what was found, before others of the destination.
fn exemplars(hits: &[Content], others: Vec<FrameRef>) -> Vec<FrameRef> {
    let mut out: Vec<FrameRef> = hits.iter().map(|hit| hit.at).take(FRAMES_MAX).collect();
    out.extend(
        others
            .into_iter()
            .take(FRAMES_MAX.saturating_sub(out.len())),
    );
    out.sort();
    out.dedup();
    out
}

/// Exemplars inside the window: the first and last packet of every vantage, and what the
/// destination lists between them.
fn frames(destination: &Destination, inside: &dyn Fn(u32) -> bool) -> Vec<FrameRef> {
    let mut out: Vec<FrameRef> = Vec::new();
    for view in &destination.views {
        for (_, traffic) in view.active.iter().filter(|(interval, _)| inside(*interval)) {
            let (first, last) = (traffic.first.at, traffic.last.at);
            out.extend([first, last]);
            let between = first..=last.max(first);
            let listed = destination.frames.iter();
            out.extend(listed.filter(|frame| between.contains(frame)));
        }
    }
    out.sort();
    out.dedup();
    out.truncate(FRAMES_MAX);
    out
}

fn asked(
    claim: &Definition,
    rule: &Rule,
    case: &Case<'_>,
    index: usize,
    lookup: &Lookup,
    span: &RuleIntervals<'_>,
) -> Option<Finding> {
    if !scope_fits(rule, lookup.scope) {
        return None;
    }
    let inside: Vec<&(u64, Moment, Moment)> = lookup
        .asked
        .iter()
        .filter(|(interval, _)| (span.inside)(**interval))
        .map(|(_, asked)| asked)
        .collect();
    let first = inside.iter().map(|(_, first, _)| *first).min()?;
    let last = inside.iter().map(|(_, _, last)| *last).max()?;
    let count: u64 = inside.iter().map(|(count, ..)| count).sum();
    let whose = lookup.attributed.whose;
    let row = case.basis.catalog.lookup(&lookup.name);
    // For a mere lookup the catalogued name is enough (contract).
    let answer = name_fits(rule, Some(&lookup.name), row, row.is_some());
    let ruling = Ruling::of(claim, rule, whose, answer, NAME_UNSURE)?
        .unless_exempt(claim, row, true, 0)
        .unless_explained(case.baseline.and_then(|b| b.explains_lookup(lookup)));
    let mut frames = vec![first.at, last.at];
    frames.sort();
    frames.dedup();
    Some(Finding {
        rule: ruling.id,
        weight: ruling.weight,
        about: About::Lookup(index),
        attribution: whose,
        stage: Stage::Lookup,
        confidence: if whose.accuses() {
            Confidence::High
        } else {
            Confidence::Low
        },
        account: Account::new(Seen::Asked(count), ruling.why),
        first,
        frames,
        bytes_out: 0,
        grace: false,
        allowed: None,
        content: Vec::new(),
    })
}
