//! JUnit XML of a campaign: a test suite for each session, a test case for each claim (see
//! [`crate::tell::report::junit`] for what a failure and an error are).

use super::Each;
use super::rows::{ClaimRow, FindingRow, ReasonRow, rows, session};
use crate::ground::error::Error;
use crate::ground::text;
use crate::judge::claim::Verdict;
use crate::tell::report::junit::escape;
use crate::tell::tables::columns::verdict;
use crate::tell::tables::entry::Entry;
use std::fmt::Write as _;
use std::io::{self, Write};

/// Columns of a line of text.
const LINE_MAX: usize = 1_000;
/// Findings written out of a claim.
const FINDINGS_MAX: usize = 20;

/// Writes the suites.
///
/// # Errors
/// When a session cannot be read, or the writer fails.
pub(super) fn write(each: &Each<'_>, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
    writeln!(out, "<testsuites name=\"drone-audit campaign\">")?;
    each(&mut |entry| {
        let suite = suite(entry)?;
        out.write_all(suite.as_bytes())
            .map_err(|e| Error::new(e.to_string()))
    })
    .map_err(io::Error::other)?;
    writeln!(out, "</testsuites>")
}

fn attribute(name: &str, value: &str) -> String {
    format!(" {name}=\"{}\"", escape(&text::shorten(value, LINE_MAX)))
}

fn suite(entry: &Entry) -> Result<String, Error> {
    let row = session(entry)?;
    let claims: Vec<ClaimRow> = rows(entry, "claims")?;
    let reasons: Vec<ReasonRow> = rows(entry, "reasons")?;
    let findings: Vec<FindingRow> = rows(entry, "findings")?;
    let class = format!("drone-audit.{}", row.session);
    let of = |wanted: Verdict| {
        let verdicts = claims.iter().filter_map(|c| verdict(&c.verdict));
        verdicts.filter(|v| *v == wanted).count()
    };
    let unaudited = usize::from(row.error.is_some());
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = writeln!(
        out,
        "  <testsuite{} tests=\"{}\" failures=\"{}\" errors=\"{}\" time=\"0\">",
        attribute("name", &row.title()),
        claims.len().saturating_add(unaudited),
        of(Verdict::Contradicted),
        of(Verdict::Inconclusive).saturating_add(unaudited),
    );
    if let Some(kind) = &row.error {
        let text = row.error_text.as_deref().unwrap_or_default();
        let _ = writeln!(
            out,
            "    <testcase{}{} time=\"0\">\n      <error{}{}></error>\n    </testcase>",
            attribute("name", "audit"),
            attribute("classname", &class),
            attribute("message", text),
            attribute("type", kind),
        );
    }
    for claim in &claims {
        let why: Vec<&ReasonRow> = reasons
            .iter()
            .filter(|r| r.claim == claim.claim && r.preset == claim.preset)
            .collect();
        case(claim, &why, &findings, &class, &mut out);
    }
    out.push_str("  </testsuite>\n");
    Ok(out)
}

fn case(
    claim: &ClaimRow,
    why: &[&ReasonRow],
    findings: &[FindingRow],
    class: &str,
    out: &mut String,
) {
    let outcome = match verdict(&claim.verdict) {
        Some(Verdict::Consistent) => None,
        Some(Verdict::Contradicted) => Some("failure"),
        // A word that this version does not know is no pass.
        Some(Verdict::Inconclusive) | None => Some("error"),
    };
    let (name, class) = (
        attribute("name", &claim.title()),
        attribute("classname", class),
    );
    let Some(outcome) = outcome else {
        let _ = writeln!(out, "    <testcase{name}{class} time=\"0\"></testcase>");
        return;
    };
    let ids: Vec<&str> = why.iter().map(|r| r.reason.as_str()).collect();
    let message = format!("{}: {}", claim.verdict, ids.join(", "));
    let _ = writeln!(
        out,
        "    <testcase{name}{class} time=\"0\">\n      <{outcome}{}{}>",
        attribute("message", &message),
        attribute("type", &claim.verdict),
    );
    let mut line = |text: String| {
        let _ = writeln!(out, "{}", escape(&text::shorten(&text, LINE_MAX)));
    };
    line(format!("\"{}\" ({})", claim.statement, claim.source));
    for reason in why {
        line(format!("{}: {}", reason.reason, reason.text));
    }
    let bearing = findings
        .iter()
        .filter(|f| claim.findings.contains(&f.finding));
    for finding in bearing.take(FINDINGS_MAX) {
        line(format!(
            "finding {}: {}, {}, {} confidence: {} [{}]",
            finding.finding,
            finding.rule,
            finding.attribution,
            finding.confidence,
            finding.text,
            finding.filter
        ));
    }
    let more = claim.findings.len().saturating_sub(FINDINGS_MAX);
    if more > 0 {
        line(format!("and {more} more findings, see the table findings"));
    }
    let _ = writeln!(out, "      </{outcome}>\n    </testcase>");
}
