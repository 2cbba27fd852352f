//! An in-toto Statement v1 with a test-result predicate v0.1, unsigned: the pipeline that runs the
//! audit signs it. It binds the verdicts to the captures by their SHA-256.
//!
//! Specification: in-toto/attestation, `spec/v1/statement.md`, `spec/v1/resource_descriptor.md`,
//! `spec/predicates/test-result.md`. Subjects are the captures; tests are the claims. The
//! predicate's words are coarser than ours: a consistent claim is among `passedTests`, which means
//! no more than consistent, and an inconclusive one among `warnedTests`, which is no pass. The
//! configuration names what the result depends on: program, claims, catalog, databases, case file,
//! and the report itself by its digest.
//!
//! Cannot be written without hashes (`--no-hash`): a subject is nothing but its digest.

use super::ascii_json;
use super::format::{Format, Setting};
use super::v1::Report;
use crate::ground::text;
use crate::judge::claim::Verdict;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{self, Write};

/// This format.
pub const FORMAT: Format = Format::new(
    "intoto",
    "an in-toto statement (test-result v0.1, unsigned) to sign and keep",
);

const STATEMENT: &str = "https://in-toto.io/Statement/v1";
const PREDICATE: &str = "https://in-toto.io/attestation/test-result/v0.1";
/// Columns of a name; digests and not names say what a subject is.
const NAME_MAX: usize = 200;

/// Writes the statement.
///
/// # Errors
/// When a capture has no SHA-256, or the writer fails.
pub fn write(report: &Report, _: &Setting<'_>, out: &mut dyn Write) -> io::Result<()> {
    let result = match report.verdict {
        Verdict::Consistent => "PASSED",
        Verdict::Contradicted => "FAILED",
        Verdict::Inconclusive => "WARNED",
    };
    let tests = |wanted: Verdict| -> Vec<&str> {
        let claims = report.claims.iter().filter(|c| c.verdict == wanted);
        claims.map(|c| c.id.as_str()).collect()
    };
    let statement = json!({
        "_type": STATEMENT,
        "subject": subjects(report)?,
        "predicateType": PREDICATE,
        "predicate": {
            "result": result,
            "configuration": configuration(report),
            "passedTests": tests(Verdict::Consistent),
            "warnedTests": tests(Verdict::Inconclusive),
            "failedTests": tests(Verdict::Contradicted),
        },
    });
    ascii_json::pretty(&statement, out)
}

/// The captures, each digest once; a name that two of them share says so little that both lose it.
fn subjects(report: &Report) -> io::Result<Vec<Value>> {
    let mut by_digest: BTreeMap<&str, &str> = BTreeMap::new();
    for input in &report.inputs {
        let digest = input.sha256.as_deref().ok_or_else(|| {
            io::Error::new(
                io::ErrorKind::InvalidInput,
                "an in-toto statement needs the SHA-256 of every capture",
            )
        })?;
        by_digest.entry(digest).or_insert(&input.path);
    }
    let shared = |name: &str| by_digest.values().filter(|have| **have == name).count() > 1;
    let describe = |(digest, name): (&&str, &&str)| {
        if shared(name) {
            json!({ "digest": { "sha256": digest } })
        } else {
            let name = text::shorten(name, NAME_MAX);
            json!({ "name": name, "digest": { "sha256": digest } })
        }
    };
    Ok(by_digest.iter().map(describe).collect())
}

/// What the result depends on beside the captures.
fn configuration(report: &Report) -> Vec<Value> {
    let tool = &report.tool;
    let named = |name: &str, sha256: &str| {
        let name = text::shorten(name, NAME_MAX);
        (!sha256.is_empty()).then(|| json!({ "name": name, "digest": { "sha256": sha256 } }))
    };
    let mut program = json!({
        "name": tool.name,
        "uri": format!("pkg:generic/{}@{}", super::anchor::uri(&tool.name), super::anchor::uri(&tool.version)),
    });
    if let (Some(commit), Some(program)) = (&tool.commit, program.as_object_mut()) {
        program.insert("digest".to_owned(), json!({ "gitCommit": commit }));
    }
    let mut all = vec![program];
    all.extend(named("claims", &tool.claims_sha256));
    all.extend(named("host-catalog", &tool.catalog_sha256));
    for geo in &tool.geo {
        all.extend(named(
            &format!("address-database/{}", geo.source),
            &geo.sha256,
        ));
    }
    if let Some(case) = &report.case {
        all.extend(named(&case.path, &case.sha256));
    }
    all.push(json!({
        "name": "report",
        "digest": { "sha256": report.digest },
        "annotations": {
            "digestOver": "the JSON report without run and digest, compact, keys sorted",
            "verdict": report.verdict,
            "softened": report.scope.softened,
        },
    }));
    all
}
