//! JUnit XML, as Jenkins and GitLab read it: one test case per claim.
//!
//! Contradicted is a `failure`, inconclusive an `error` (the test could not be done, which is never
//! a pass), consistent a test case without either. With `--each` every session is a test suite.
//! Structure: `junit-10.xsd` of the Jenkins xUnit plugin. Text passes the escaping of
//! [`super::text`] first, so that no character that XML 1.0 (section 2.2) forbids is left, then
//! that of XML; no CDATA, so `]]>` ends nothing.
//!
//! Written by hand and not by `quick-junit`: that takes control characters and escape sequences out without a word, and a
//! report shows them. What is left is a dozen lines of XML, which the tests read back with a parser.

use super::format::{Format, Setting};
use super::v1::{Claim, Finding, Report};
use super::weight::{Session, Weight, bearing, sessions};
use crate::ground::text;
use crate::judge::claim::Verdict;
use std::io::{self, Write};

/// This format.
pub const FORMAT: Format = Format::new(
    "junit",
    "JUnit XML for test panes (Jenkins, GitLab): one test per claim",
);

/// Findings written out of a claim; a test pane is read as a whole.
const FINDINGS_MAX: usize = 50;
/// Columns of a line of text.
const LINE_MAX: usize = 1_000;
/// Columns of an attribute.
const ATTRIBUTE_MAX: usize = 300;

/// Writes the test suites.
///
/// # Errors
/// When the writer fails.
pub fn write(report: &Report, _: &Setting<'_>, out: &mut dyn Write) -> io::Result<()> {
    let sessions = sessions(report);
    let claims = || sessions.iter().flat_map(|s| &s.report.claims);
    writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
    writeln!(
        out,
        "<testsuites name=\"drone-audit\"{}{}>",
        attribute("time", &seconds(report)),
        counts(claims()),
    )?;
    for session in &sessions {
        suite(session, out)?;
    }
    writeln!(out, "</testsuites>")
}

fn suite(session: &Session<'_>, out: &mut dyn Write) -> io::Result<()> {
    let report = session.report;
    let class = match session.number {
        None => "drone-audit".to_owned(),
        // The number and not the file: test panes cut class names at dots.
        Some(number) => format!("drone-audit.session-{number}"),
    };
    let files: Vec<&str> = report.inputs.iter().map(|i| i.path.as_str()).collect();
    let name = format!("{class}: {}", files.join(", "));
    let started = report.run.started.split('.').next().unwrap_or_default();
    write!(
        out,
        "  <testsuite{}{}{}",
        attribute("name", &name),
        counts(report.claims.iter()),
        attribute("time", &seconds(report)),
    )?;
    if !started.is_empty() {
        write!(
            out,
            "{}",
            attribute("timestamp", started.trim_end_matches('Z'))
        )?;
    }
    writeln!(out, ">")?;
    properties(report, out)?;
    for claim in &report.claims {
        case(report, claim, &class, out)?;
    }
    let gaps = report.coverage.gaps.iter();
    let gaps: Vec<String> = gaps
        .map(|g| {
            let blocking = if g.blocking { " (blocking)" } else { "" };
            format!("gap {}{blocking}: {}", g.id, g.text)
        })
        .collect();
    if !gaps.is_empty() {
        writeln!(out, "    <system-out>")?;
        lines(&gaps, out)?;
        writeln!(out, "    </system-out>")?;
    }
    writeln!(out, "  </testsuite>")
}

/// What the result depends on, so that a stored pane can be traced back.
fn properties(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let tool = &report.tool;
    let mut all = vec![
        ("tool.version".to_owned(), tool.version.clone()),
        (
            "tool.catalog_sha256".to_owned(),
            tool.catalog_sha256.clone(),
        ),
        ("report.digest".to_owned(), report.digest.clone()),
        ("report.verdict".to_owned(), report.verdict.to_string()),
    ];
    for (index, input) in report.inputs.iter().enumerate() {
        let hash = input.sha256.as_deref().unwrap_or("not computed");
        all.push((format!("input.{index}"), input.path.clone()));
        all.push((format!("input.{index}.sha256"), hash.to_owned()));
    }
    let softened = report.scope.softened.iter();
    all.extend(softened.map(|option| ("softened".to_owned(), option.clone())));
    writeln!(out, "    <properties>")?;
    for (name, value) in all {
        let (name, value) = (attribute("name", &name), attribute("value", &value));
        writeln!(out, "      <property{name}{value}/>")?;
    }
    writeln!(out, "    </properties>")
}

fn case(report: &Report, claim: &Claim, class: &str, out: &mut dyn Write) -> io::Result<()> {
    let (name, class) = (attribute("name", &claim.id), attribute("classname", class));
    writeln!(out, "    <testcase{name}{class} time=\"0\">")?;
    let outcome = match claim.verdict {
        Verdict::Consistent => None,
        Verdict::Contradicted => Some("failure"),
        Verdict::Inconclusive => Some("error"),
    };
    let (heavy, light): (Vec<_>, Vec<_>) = bearing(report, claim)
        .into_iter()
        .partition(|(weight, _)| matches!(weight, Weight::Contradicts | Weight::Suspect));
    let mut said = vec![format!("\"{}\" ({})", claim.statement, claim.source)];
    said.extend(
        claim
            .reasons
            .iter()
            .map(|r| format!("{}: {}", r.id, r.text)),
    );
    if let Some(outcome) = outcome {
        let reasons: Vec<&str> = claim.reasons.iter().map(|r| r.id.as_str()).collect();
        let message = format!("{}: {}", claim.verdict, reasons.join(", "));
        let (message, kind) = (
            attribute("message", &message),
            attribute("type", claim.verdict.id()),
        );
        writeln!(out, "      <{outcome}{message}{kind}>")?;
        said.extend(findings(&heavy));
        lines(&said, out)?;
        writeln!(out, "      </{outcome}>")?;
        said.clear();
    }
    // Allowed traffic and that of a grace moves nothing, and is shown all the same.
    said.extend(findings(&light));
    if !said.is_empty() {
        writeln!(out, "      <system-out>")?;
        lines(&said, out)?;
        writeln!(out, "      </system-out>")?;
    }
    writeln!(out, "    </testcase>")
}

fn findings(all: &[(Weight, &Finding)]) -> Vec<String> {
    let shown = all.iter().take(FINDINGS_MAX).map(|(weight, finding)| {
        let why = match (weight, &finding.allowed) {
            (_, Some(id)) => format!(" (allowed: {id})"),
            (Weight::Grace, _) => " (in the grace of a window)".to_owned(),
            _ => String::new(),
        };
        format!(
            "finding {}: {}, {}, {} confidence{why}: {} [{}]",
            finding.id,
            finding.rule,
            finding.attribution,
            finding.confidence,
            finding.text,
            finding.filter
        )
    });
    let mut lines: Vec<String> = shown.collect();
    let more = all.len().saturating_sub(FINDINGS_MAX);
    if more > 0 {
        lines.push(format!("and {more} more findings, see the JSON report"));
    }
    lines
}

fn lines(lines: &[String], out: &mut dyn Write) -> io::Result<()> {
    for line in lines {
        writeln!(out, "{}", escape(&text::shorten(line, LINE_MAX)))?;
    }
    Ok(())
}

fn counts<'a>(claims: impl Iterator<Item = &'a Claim>) -> String {
    let (mut tests, mut failures, mut errors) = (0u64, 0u64, 0u64);
    for claim in claims {
        tests = tests.saturating_add(1);
        match claim.verdict {
            Verdict::Consistent => {}
            Verdict::Contradicted => failures = failures.saturating_add(1),
            Verdict::Inconclusive => errors = errors.saturating_add(1),
        }
    }
    format!(" tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\"")
}

fn seconds(report: &Report) -> String {
    format!("{:.3}", report.run.seconds.max(0.0))
}

/// ` name="value"`.
fn attribute(name: &str, value: &str) -> String {
    format!(
        " {name}=\"{}\"",
        escape(&text::shorten(value, ATTRIBUTE_MAX))
    )
}

pub(in crate::tell) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            _ => out.push(c),
        }
    }
    out
}
