//! The results: one per finding, and one per reason that leaves a claim open without a finding.

use super::rules::Rules;
use super::{CAPTURES, REPOSITORY, message, taxonomy};
use crate::ground::hex::hex;
use crate::ground::text;
use crate::judge::claim::Verdict;
use crate::tell::report::anchor::{Anchor, uri};
use crate::tell::report::v1::{Claim, Finding, Report};
use crate::tell::report::weight::{Session, Weight, ids, of, sessions};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::collections::BTreeSet;

/// Columns of a name in the properties.
const NAME_MAX: usize = 255;
/// Characters of a filter in the properties.
const FILTER_MAX: usize = 2_000;

/// A result with what it is ordered by and known by.
struct Raw {
    order: u8,
    /// Line of the case file on which its claim begins.
    line: Option<u32>,
    fingerprint: String,
    result: Map<String, Value>,
}

/// Lines of the claims in the file that results are attached to, by their ids.
pub(super) type Lines = BTreeMap<String, u32>;

/// All results, the heaviest first.
pub(super) fn results(
    report: &Report,
    rules: &Rules,
    anchor: &Anchor,
    lines: &Lines,
) -> Vec<Value> {
    let mut all = Vec::new();
    for session in sessions(report) {
        for finding in &session.report.findings {
            let its = finding.claims.iter().filter_map(|id| lines.get(id));
            all.push(Raw {
                line: its.min().copied(),
                ..of_finding(&session, finding, rules, anchor)
            });
        }
        for claim in &session.report.claims {
            let line = lines.get(&claim.id).copied();
            let open = open_reasons(&session, claim, rules).into_iter();
            all.extend(open.map(|raw| Raw { line, ..raw }));
        }
    }
    all.sort_by_key(|raw| raw.order);
    // The same meaning in several sessions is told apart by its number, as code scanning does with
    // equal lines.
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let finish = |mut raw: Raw| {
        let count = seen.entry(raw.fingerprint.clone()).or_default();
        *count = count.saturating_add(1);
        raw.result.insert(
            "partialFingerprints".to_owned(),
            json!({
                "primaryLocationLineHash": format!("{}:{count}", raw.fingerprint),
                "droneAuditFinding/v1": raw.fingerprint,
            }),
        );
        raw.result
            .insert("locations".to_owned(), place(anchor, raw.line));
        Value::Object(raw.result)
    };
    all.into_iter().map(finish).collect()
}

fn place(anchor: &Anchor, line: Option<u32>) -> Value {
    let line = line.unwrap_or(anchor.line);
    json!([{
        "physicalLocation": {
            "artifactLocation": { "uri": anchor.uri(), "uriBaseId": REPOSITORY, "index": 0 },
            "region": {
                "startLine": line,
                "startColumn": 1,
                "endLine": line,
                "endColumn": 2,
            },
        },
    }])
}

fn of_finding(session: &Session<'_>, finding: &Finding, rules: &Rules, anchor: &Anchor) -> Raw {
    let weight = of(session.report, finding);
    let (order, level) = match weight {
        Weight::Contradicts => (0, "error"),
        Weight::Suspect => (1, "warning"),
        Weight::Grace => (3, "note"),
        Weight::Allowed => (4, "note"),
    };
    let mut result = start(&finding.rule, level, &finding.text, rules);
    if weight == Weight::Allowed {
        result.insert(
            "suppressions".to_owned(),
            json!([suppression(session, finding)]),
        );
    }
    if let Some(known) = finding.known {
        let state = if known { "unchanged" } else { "new" };
        result.insert("baselineState".to_owned(), json!(state));
    }
    if let Some(target) = target(session, finding, anchor) {
        result.insert("analysisTarget".to_owned(), target);
    }
    let taxa = taxonomy::taxa(&finding.claims);
    if !taxa.is_empty() {
        result.insert("taxa".to_owned(), json!(taxa));
    }
    result.insert("properties".to_owned(), properties(session, finding));
    Raw {
        order,
        line: None,
        fingerprint: finding.id.clone(),
        result,
    }
}

fn start(rule: &str, level: &str, text: &str, rules: &Rules) -> Map<String, Value> {
    let mut result = Map::new();
    result.insert("ruleId".to_owned(), json!(rule));
    if let Some(index) = rules.index(rule) {
        result.insert("ruleIndex".to_owned(), json!(index));
    }
    result.insert("level".to_owned(), json!(level));
    result.insert("message".to_owned(), message(text));
    result
}

/// The allowance that covers a finding.
fn suppression(session: &Session<'_>, finding: &Finding) -> Value {
    let id = finding.allowed.as_deref().unwrap_or_default();
    let case = session.report.case.as_ref();
    let allowance = case.and_then(|case| case.allowances.iter().find(|a| a.id == id));
    let why = match allowance {
        Some(a) => format!("{id}: {} (until {})", a.reason, a.expires),
        None => id.to_owned(),
    };
    json!({ "kind": "external", "status": "accepted", "justification": super::plain(&why) })
}

/// The capture of the finding's first frame, where it is another file than the place (§3.27.13).
fn target(session: &Session<'_>, finding: &Finding, anchor: &Anchor) -> Option<Value> {
    let at = finding.frames.first()?.input as usize;
    let input = session.report.inputs.get(at)?;
    if uri(&input.path) == anchor.uri() {
        return None;
    }
    // The first artifact is the place.
    let index = session.offset.saturating_add(at).saturating_add(1);
    Some(json!({ "uri": uri(&input.path), "uriBaseId": CAPTURES, "index": index }))
}

fn properties(session: &Session<'_>, finding: &Finding) -> Value {
    let destinations = &session.report.destinations;
    let destination = finding.destination.as_ref();
    let destination = destination.and_then(|id| destinations.iter().find(|d| d.id == *id));
    let host = destination
        .and_then(|d| d.host.as_ref())
        .or(finding.lookup.as_ref());
    let filter = (finding.filter.len() <= FILTER_MAX).then(|| text::terminal(&finding.filter));
    let frames = finding.frames.iter();
    json!({
        "claims": finding.claims,
        "attribution": finding.attribution,
        "stage": finding.stage,
        "confidence": finding.confidence,
        "session": session.number,
        "host": host.map(|name| text::shorten_host(name, NAME_MAX)),
        "ip": destination.and_then(|d| d.ip.as_ref()),
        "port": destination.and_then(|d| d.port),
        "country": destination.and_then(|d| d.country.as_ref()),
        "first": finding.first,
        "frames": frames.map(|f| json!({
            "input": session.offset.saturating_add(f.input as usize),
            "frame": f.frame,
        })).collect::<Vec<_>>(),
        "filter": filter,
    })
}

/// Reasons of an inconclusive claim that no finding stands for: gaps, and questions without traffic.
fn open_reasons(session: &Session<'_>, claim: &Claim, rules: &Rules) -> Vec<Raw> {
    if claim.verdict != Verdict::Inconclusive {
        return Vec::new();
    }
    let report = session.report;
    let ids = ids(claim);
    let its = report.findings.iter();
    let its = its.filter(|f| ids.contains(f.id.as_str()));
    let rules_met: BTreeSet<&str> = its.map(|f| f.rule.as_str()).collect();
    let found = |id: &str| rules_met.contains(id);
    let mut open: Vec<(&str, String)> = Vec::new();
    for reason in claim.reasons.iter().filter(|r| !found(&r.id)) {
        match open.iter_mut().find(|(id, _)| *id == reason.id) {
            Some((_, text)) => {
                text.push(' ');
                text.push_str(&reason.text);
            }
            None => open.push((&reason.id, reason.text.clone())),
        }
    }
    if open.is_empty() && claim.findings.is_empty() {
        // A verdict without a reason must not look like no result.
        open.push(("not-testable", "The report gives no reason.".to_owned()));
    }
    let result = |(id, why): (&str, String)| {
        let text = format!("{} is {}: {why}", claim.id, claim.verdict);
        let mut result = start(id, "warning", &text, rules);
        let claims = std::slice::from_ref(&claim.id);
        let taxa = taxonomy::taxa(claims);
        if !taxa.is_empty() {
            result.insert("taxa".to_owned(), json!(taxa));
        }
        result.insert(
            "properties".to_owned(),
            json!({ "claims": claims, "session": session.number }),
        );
        let meaning = format!("{}|open|{id}", claim.id);
        let hash = hex(&Sha256::digest(meaning.as_bytes()));
        Raw {
            order: 2,
            line: None,
            fingerprint: hash.chars().take(16).collect(),
            result,
        }
    };
    open.into_iter().map(result).collect()
}
