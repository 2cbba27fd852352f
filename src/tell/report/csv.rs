//! Destinations and lookups as a table for spreadsheets: RFC 4180, UTF-8, one row each.
//!
//! Every row names the findings about it, so that no finding about traffic is lost; a row without
//! any is traffic that does not affect the verdict. Claims, reasons and gaps are not in it: an audit that is
//! read from this table alone has no verdict.
//!
//! Cells come from whoever was captured, and a spreadsheet runs what begins like a formula (CWE-1236).
//! A quotation does not stop it, and a spreadsheet that splits at `;` or tabs begins cells where RFC
//! 4180 sees none. So an apostrophe goes before each such beginning, wherever a separator could make
//! it one. Control characters, also line ends, are written as `\u{…}`: a row is one line.
//!
//! Written by hand and not by the crate `csv`: the guard against formulas has to know where a quoted cell begins again for
//! other separators, and with line ends escaped nothing is left of RFC 4180 but doubled quotation marks.

use super::format::Setting;
use super::v1::{self, App, Destination, Finding, Lookup, Report};
use super::weight::{Session, sessions};
use crate::ground::text;
use std::io::{self, Write};

/// Columns of a cell: spreadsheets hold 32,767 characters in one, and nobody reads beyond this.
/// What is longer ends with an ellipsis (a host begins with one); the JSON report has it in full.
const CELL_MAX: usize = 2_000;

/// The columns, in order. New ones go to the end: sheets and scripts count them.
const COLUMNS: [&str; 47] = [
    "session",
    "kind",
    "id",
    "attribution",
    "stage",
    "scope",
    "host",
    "host_source",
    "ip",
    "port",
    "transport",
    "protocol",
    "via_ip",
    "via_port",
    "owner",
    "role",
    "jurisdiction",
    "country",
    "country_confidence",
    "country_candidates",
    "asn",
    "organisation",
    "cloud_provider",
    "cloud_region",
    "app",
    "app_uid",
    "app_source",
    "flows",
    "packets_out",
    "packets_in",
    "bytes_out",
    "bytes_in",
    "bytes_opened_out",
    "bytes_opened_in",
    "sealed",
    "first",
    "last",
    "clients",
    "types",
    "resolver",
    "answers",
    "count",
    "rules",
    "claims",
    "findings",
    "explained",
    "notes",
];

/// Writes the table, its head first.
///
/// # Errors
/// When the writer fails.
pub fn write(report: &Report, _: &Setting<'_>, out: &mut dyn Write) -> io::Result<()> {
    row(COLUMNS.iter().map(|name| (*name).to_owned()), out)?;
    for session in sessions(report) {
        for destination in &session.report.destinations {
            record(&of_destination(&session, destination), out)?;
        }
        for lookup in &session.report.lookups {
            record(&of_lookup(&session, lookup), out)?;
        }
    }
    Ok(())
}

type Named = (&'static str, String);

/// Writes named cells in the order of the columns; what has no value is empty.
fn record(cells: &[Named], out: &mut dyn Write) -> io::Result<()> {
    debug_assert!(cells.iter().all(|(name, _)| COLUMNS.contains(name)));
    let value = |column: &&str| cells.iter().find(|(name, _)| name == column);
    let values = COLUMNS.iter().map(value);
    row(
        values.map(|found| found.map(|(_, value)| value.clone()).unwrap_or_default()),
        out,
    )
}

/// Writes one record with its line end.
///
/// # Errors
/// When the writer fails.
pub(super) fn row(cells: impl IntoIterator<Item = String>, out: &mut dyn Write) -> io::Result<()> {
    for (index, cell) in cells.into_iter().enumerate() {
        if index > 0 {
            out.write_all(b",")?;
        }
        if cell.contains([',', '"', ';', '\'', ' ']) {
            write!(out, "\"{}\"", cell.replace('"', "\"\""))?;
        } else {
            out.write_all(cell.as_bytes())?;
        }
    }
    out.write_all(b"\r\n")
}

/// Text of a capture, as a cell.
pub(super) fn cell(text: &str) -> String {
    inert(&text::shorten(text, CELL_MAX))
}

/// A host name as a cell: its end is kept.
pub(super) fn host(name: &str) -> String {
    inert(&text::shorten_host(name, CELL_MAX))
}

/// Puts an apostrophe before what begins like a formula, at the start and behind every separator.
fn inert(text: &str) -> String {
    let mut out = String::with_capacity(text.len().saturating_add(1));
    let mut begins = true;
    for c in text.chars() {
        match c {
            // The wide forms are folded to these by spreadsheets of East Asian systems.
            '=' | '+' | '-' | '@' | '＝' | '＋' | '－' | '＠' if begins => {
                out.push('\'');
                begins = false;
            }
            ',' | ';' | '|' | '\t' => begins = true,
            // Blanks and quotation marks are skipped at the beginning of a cell.
            ' ' | '"' | '\'' => {}
            _ => begins = false,
        }
        out.push(c);
    }
    out
}

fn text_of(value: Option<&String>) -> String {
    value.map(|text| cell(text)).unwrap_or_default()
}

fn number(value: Option<impl ToString>) -> String {
    value.map(|n| n.to_string()).unwrap_or_default()
}

fn list(values: &[String]) -> String {
    cell(&values.join(" "))
}

/// What both kinds of rows say of their app.
fn app(app: Option<&App>) -> [Named; 3] {
    [
        ("app", text_of(app.and_then(|a| a.name.as_ref()))),
        ("app_uid", number(app.and_then(|a| a.uid))),
        (
            "app_source",
            app.map(|a| cell(a.source.word())).unwrap_or_default(),
        ),
    ]
}

/// Rules, claims and ids of the findings that `about` picks.
fn findings(report: &Report, about: impl Fn(&Finding) -> bool) -> [Named; 3] {
    let (mut rules, mut claims, mut ids) = (Vec::new(), Vec::new(), Vec::new());
    let add = |list: &mut Vec<String>, value: &String| {
        if !list.contains(value) {
            list.push(value.clone());
        }
    };
    for finding in report.findings.iter().filter(|f| about(f)) {
        add(&mut rules, &finding.rule);
        add(&mut ids, &finding.id);
        finding.claims.iter().for_each(|c| add(&mut claims, c));
    }
    [
        ("rules", list(&rules)),
        ("claims", list(&claims)),
        ("findings", list(&ids)),
    ]
}

fn of_destination(session: &Session<'_>, d: &Destination) -> Vec<Named> {
    let (via, cloud) = (d.via.as_ref(), d.cloud.as_ref());
    let about = |f: &Finding| f.destination.as_ref() == Some(&d.id);
    let sealed = d.sealed.iter().map(|s| format!("{} {}", s.reason, s.bytes));
    let sealed: Vec<String> = sealed.collect();
    let mut cells = vec![
        ("session", number(session.number)),
        ("kind", "destination".to_owned()),
        ("id", cell(&d.id)),
        ("attribution", d.attribution.to_string()),
        ("stage", d.stage.to_string()),
        ("scope", d.scope.to_string()),
        ("host", d.host.as_deref().map(host).unwrap_or_default()),
        ("host_source", cell(v1::source_word(d.host_source.as_ref()))),
        ("ip", text_of(d.ip.as_ref())),
        ("port", number(d.port)),
        ("transport", cell(&d.transport)),
        ("protocol", text_of(d.protocol.as_ref())),
        ("via_ip", text_of(via.map(|v| &v.ip))),
        ("via_port", number(via.and_then(|v| v.port))),
        ("owner", text_of(d.owner.as_ref())),
        ("role", text_of(d.role.as_ref())),
        ("jurisdiction", text_of(d.jurisdiction.as_ref())),
        ("country", text_of(d.country.as_ref())),
        ("country_confidence", d.country_confidence.to_string()),
        ("country_candidates", list(&d.country_candidates)),
        ("asn", number(d.asn)),
        ("organisation", text_of(d.organisation.as_ref())),
        ("cloud_provider", text_of(cloud.map(|c| &c.provider))),
        (
            "cloud_region",
            text_of(cloud.and_then(|c| c.region.as_ref())),
        ),
        ("flows", d.flows.to_string()),
        ("packets_out", d.packets_out.to_string()),
        ("packets_in", d.packets_in.to_string()),
        ("bytes_out", d.bytes_out.to_string()),
        ("bytes_in", d.bytes_in.to_string()),
        ("bytes_opened_out", d.bytes_opened_out.to_string()),
        ("bytes_opened_in", d.bytes_opened_in.to_string()),
        ("sealed", list(&sealed)),
        ("first", text_of(d.first.as_ref())),
        ("last", text_of(d.last.as_ref())),
        ("clients", list(&d.clients)),
        ("explained", text_of(d.explained.as_ref())),
        ("notes", list(&d.notes)),
    ];
    cells.extend(app(d.app.as_ref()));
    cells.extend(findings(session.report, about));
    cells
}

fn of_lookup(session: &Session<'_>, l: &Lookup) -> Vec<Named> {
    let about = |f: &Finding| f.lookup.as_ref() == Some(&l.name);
    let mut cells = vec![
        ("session", number(session.number)),
        ("kind", "lookup".to_owned()),
        ("attribution", l.attribution.to_string()),
        ("stage", "lookup".to_owned()),
        ("scope", l.scope.to_string()),
        ("host", host(&l.name)),
        ("host_source", "dns".to_owned()),
        ("owner", text_of(l.owner.as_ref())),
        ("role", text_of(l.role.as_ref())),
        ("first", text_of(l.first.as_ref())),
        ("clients", list(&l.clients)),
        ("types", list(&l.types)),
        ("resolver", cell(&l.resolver)),
        ("answers", list(&l.answers)),
        ("count", l.count.to_string()),
    ];
    cells.extend(app(l.app.as_ref()));
    cells.extend(findings(session.report, about));
    cells
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_spreadsheet_would_run_is_text() {
        for (given, shown) in [
            ("=1+1", "'=1+1"),
            ("@SUM(1)", "'@SUM(1)"),
            ("-2", "'-2"),
            ("\t=1", "\\u{9}=1"),
            (" =1", " '=1"),
            ("\"=1", "\"'=1"),
            ("a;=1", "a;'=1"),
            ("a,\"+1", "a,\"'+1"),
            ("＝1", "'＝1"),
            ("a=b", "a=b"),
            ("x-y.example", "x-y.example"),
        ] {
            assert_eq!(cell(given), shown, "{given}");
        }
    }
}
