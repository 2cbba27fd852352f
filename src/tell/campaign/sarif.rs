//! SARIF 2.1.0 of a campaign: one run, a result for each finding and for each session that could not be audited.
//!
//! Results are written as sessions are read; the rules that they name come behind them, as the order of members
//! of an object means nothing (RFC 8259 §4).

use super::Each;
use super::rows::{ClaimRow, FindingRow, rows, session};
use crate::ground::error::Error;
use crate::judge::claim::Verdict;
use crate::judge::classify::attribution::Attribution;
use crate::tell::report::ascii_json;
use crate::tell::report::weight::can_contradict;
use crate::tell::tables::columns::verdict;
use crate::tell::tables::entry::Entry;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io::{self, Write};

/// The rule of a session that could not be audited.
const NOT_AUDITED: &str = "not-audited";

/// Writes the log.
///
/// # Errors
/// When a session cannot be read, or the writer fails.
pub(super) fn write(each: &Each<'_>, out: &mut dyn Write) -> io::Result<()> {
    out.write_all(
        b"{\"$schema\":\"https://json.schemastore.org/sarif-2.1.0.json\",\"version\":\"2.1.0\",\"runs\":[{\"results\":[\n",
    )?;
    let mut rules = BTreeSet::new();
    let mut first = true;
    each(&mut |entry| {
        for result in results(entry, &mut rules)? {
            let mut line = Vec::new();
            ascii_json::line(&result, &mut line)
                .and_then(|()| {
                    if !std::mem::take(&mut first) {
                        out.write_all(b",\n")?;
                    }
                    out.write_all(&line)
                })
                .map_err(|e| Error::new(e.to_string()))?;
        }
        Ok(())
    })
    .map_err(io::Error::other)?;
    let rules: Vec<Value> = rules.iter().map(|id| json!({ "id": id })).collect();
    let tool = json!({ "driver": {
        "name": env!("CARGO_PKG_NAME"),
        "version": env!("CARGO_PKG_VERSION"),
        "rules": rules,
    } });
    out.write_all(b"\n],\"tool\":")?;
    ascii_json::line(&tool, out)?;
    out.write_all(b"}]}\n")
}

fn results(entry: &Entry, rules: &mut BTreeSet<String>) -> Result<Vec<Value>, Error> {
    let row = session(entry)?;
    let claims: Vec<ClaimRow> = rows(entry, "claims")?;
    let findings: Vec<FindingRow> = rows(entry, "findings")?;
    let location = |text: &str| {
        json!([{ "physicalLocation": {
            "artifactLocation": { "uri": uri(text) },
            "region": { "startLine": 1 },
        } }])
    };
    let capture = row.captures.first().map_or("capture", String::as_str);
    let mut out = Vec::new();
    if let Some(kind) = &row.error {
        rules.insert(NOT_AUDITED.to_owned());
        let text = row.error_text.clone().unwrap_or_default();
        out.push(json!({
            "ruleId": NOT_AUDITED,
            "level": "warning",
            "message": { "text": format!("could not be audited ({kind}): {text}") },
            "locations": location(capture),
            "partialFingerprints": { "session/v1": row.session },
            "properties": { "session": row.session },
        }));
    }
    for finding in &findings {
        rules.insert(finding.rule.clone());
        let contradicted = claims.iter().any(|claim| {
            verdict(&claim.verdict) == Some(Verdict::Contradicted)
                && claim.findings.contains(&finding.finding)
        });
        let mut words = Attribution::ALL.iter().copied();
        let attribution = words.find(|a| a.id() == finding.attribution);
        let contradicts =
            contradicted && attribution.is_some_and(|a| can_contradict(a, &finding.rule));
        let level = match () {
            () if finding.allowed.is_some() || finding.grace => "note",
            () if contradicts => "error",
            () => "warning",
        };
        out.push(json!({
            "ruleId": finding.rule,
            "level": level,
            "message": { "text": finding.text },
            "locations": location(capture),
            // The same finding in two sessions is two results.
            "partialFingerprints": {
                "finding/v1": finding.finding,
                "session/v1": row.session,
            },
            "properties": {
                "session": row.session,
                "app": row.app,
                "version": row.version,
                "mode": row.mode,
                "attribution": finding.attribution,
                "confidence": finding.confidence,
                "filter": finding.filter,
            },
        }));
    }
    Ok(out)
}

/// A file name as a relative reference (RFC 3986 §4.2): everything but unreserved characters as escapes.
fn uri(name: &str) -> String {
    let mut out = String::new();
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}
