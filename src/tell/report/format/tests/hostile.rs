//! Text that attacks, in every place of a report that comes from a capture or a case file, through
//! every format.

use super::{case, code_scanning, everything, in_toto, test_panes, written, xml};
use crate::ground::text;
use crate::tell::report::format::CHECK;
use crate::tell::report::{markdown, v1};
use serde_json::Value;

/// Longer than any name, any cell and any comment.
const LONG: usize = 64 * 1024;

fn payloads() -> Vec<String> {
    let mut all: Vec<String> = [
        "",
        " ",
        "\u{1b}[2J\u{1b}]0;x\u{7}\u{9b}31m",
        "\u{202e}gpj.exe\u{2066}\u{200b}\u{e0041}",
        "\u{0}\u{1f}\u{7f}\u{85}\u{2028}\u{2029}\u{fffe}\u{ffff}\u{feff}",
        "=HYPERLINK(\"http://evil.test\",\"x\")",
        "+cmd|' /C calc'!A0",
        "-2+3",
        "@SUM(1+1)",
        "\t=1+1",
        "\r=1+1",
        "a;=1+1,\"=1+1\t@x",
        "</script><script>alert(1)</script><img src=x onerror=alert(1)>",
        "]]></system-out><failure/>&#0;&amp;&x;",
        "a|b||c\\|d\\",
        "one\ntwo\r\nthree\n| x |\n# heading\n\n- item",
        "`code` ``more`` `",
        "@octocat @org/team #1 GH-1 org/repo#1 a@b.test www.evil.test https://evil.test",
        "[x](http://evil.test) ![x](//evil.test) <http://evil.test> [x]: http://evil.test",
        "\\[x](http://evil.test) \\\\[y](1) {0} {{1}}",
        "**bold** _it_ ~~no~~ $x$ > quote &lt;b&gt; <!-- -->",
        "::error::pwned",
        "\n::set-env name=A::b\r\n::stop-commands::x",
        "##[error]x ##[set-env name=A;]b",
        "%0A::error::x%0D%25%3A%2C",
        "title=x,file=y::z",
        "${{ secrets.TOKEN }} $(id) `id`",
        "../../etc/passwd",
        "C:\\x:y?z#w%zz",
        "大疆创新 größe",
    ]
    .map(str::to_owned)
    .to_vec();
    for unit in ["a", "\u{202e}", "|", "大"] {
        all.push(unit.repeat(LONG / unit.len()));
    }
    all
}

/// The sample with the payload wherever text comes from outside.
fn attacked(with: &str) -> v1::Report {
    let mut report = everything();
    let text = || with.to_owned();
    let some = || Some(with.to_owned());
    report.inputs[0].path = text();
    report.tool.geo[0].source = text();
    report.run.arguments = vec!["check".to_owned(), text()];
    report.run.paths = vec![text()];
    report.case = Some(case());
    let case = report.case.as_mut().unwrap();
    case.path = text();
    case.title = some();
    case.reported.insert("device".to_owned(), text());
    case.allowances[0].reason = text();
    case.allowances[0].covers = text();
    for claim in &mut report.claims {
        claim.statement = text();
        claim.source = text();
        claim.reasons.iter_mut().for_each(|r| r.text = text());
    }
    for finding in &mut report.findings {
        finding.text = text();
        finding.filter = text();
        finding.lookup = finding.lookup.as_ref().map(|_| text());
    }
    for d in &mut report.destinations {
        d.host = some();
        d.names[0].name = text();
        d.owner = some();
        d.role = some();
        d.organisation = some();
        d.attribution_reason = text();
        d.protocol = some();
        d.clients = vec![text()];
        d.notes = vec![text()];
        d.explained = some();
        d.app = Some(v1::App {
            name: some(),
            also: vec![text()],
            ..crate::tell::report::sample::fly()
        });
    }
    for lookup in &mut report.lookups {
        lookup.name = text();
        lookup.resolver = text();
        lookup.answers = vec![text()];
        lookup.clients = vec![text()];
    }
    report
        .coverage
        .gaps
        .iter_mut()
        .for_each(|gap| gap.text = text());
    report.limits = vec![text()];
    report
}

#[test]
fn every_format_holds_against_every_text() {
    for with in payloads() {
        let mut report = attacked(&with);
        if with.len() > LONG / 2 {
            // A few rows say it all, and escaping megabytes takes its time in a test.
            shorten(&mut report);
            hold(&report, &with);
            continue;
        }
        hold(&report, &with);
        let mut each = report.clone();
        each.inputs.extend(report.inputs.clone());
        each.sessions = vec![report.clone(), report];
        hold(&each, &with);
    }
}

fn shorten(report: &mut v1::Report) {
    report.claims.truncate(1);
    report.findings.truncate(1);
    report.destinations.truncate(1);
    report.coverage.gaps.truncate(1);
}

fn hold(report: &v1::Report, with: &str) {
    let shown: String = with.chars().take(40).collect();
    for writer in CHECK {
        let name = writer.format.name;
        let out = written(name, report);
        let context = format!("{name} against {shown:?}");
        inert(name, &out, &context);
        let value = || serde_json::from_str::<Value>(&out).unwrap();
        match name {
            "json" => assert_eq!(value(), serde_json::to_value(report).unwrap()),
            "ndjson" => ndjson(&out, report, with),
            "csv" => csv(&out, report, &context),
            "sarif" => sarif(&value()),
            "junit" => junit(&out, report),
            "markdown" => markdown(&out, &context),
            "github" => github(&out, report, &context),
            "intoto" => in_toto::check(&value()),
            // Another format: nothing of it moves a cursor, that much is known.
            _ => {}
        }
    }
}

/// No raw character that a reader does not see. JSON proper escapes fewer, as RFC 8259 has it.
fn inert(name: &str, out: &str, context: &str) {
    let raw = |c: char| match name {
        "json" => (c < ' ' && c != '\n') || c == '\u{0}',
        "csv" => !text::is_plain(c) && c != '\n' && c != '\r',
        _ => !text::is_plain(c) && c != '\n',
    };
    let found = out.chars().find(|c| raw(*c));
    assert_eq!(found, None, "{context}");
}

fn ndjson(out: &str, report: &v1::Report, with: &str) {
    let rows = |r: &v1::Report| {
        r.claims.len()
            + r.findings.len()
            + r.destinations.len()
            + r.lookups.len()
            + r.coverage.gaps.len()
    };
    let expected = match report.sessions.as_slice() {
        [] => 1 + rows(report),
        all => 1 + report.claims.len() + all.iter().map(|s| 1 + rows(s)).sum::<usize>(),
    };
    assert_eq!(out.split_terminator('\n').count(), expected);
    for line in out.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        if line["type"] == "destination" {
            assert_eq!(line["host"], with, "the value itself is whole");
        }
    }
}

/// Splits RFC 4180.
fn records(out: &str) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut cell) = (Vec::new(), Vec::new(), String::new());
    let mut chars = out.chars().peekable();
    let mut quoted = false;
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => cell.push(chars.next().unwrap()),
            '"' => quoted = !quoted,
            ',' if !quoted => row.push(std::mem::take(&mut cell)),
            '\r' if !quoted => {
                assert_eq!(chars.next(), Some('\n'));
                row.push(std::mem::take(&mut cell));
                rows.push(std::mem::take(&mut row));
            }
            c => cell.push(c),
        }
    }
    assert!(!quoted && row.is_empty() && cell.is_empty());
    rows
}

fn csv(out: &str, report: &v1::Report, context: &str) {
    let rows = records(out);
    let sessions = report.sessions.len().max(1);
    let expected = 1 + sessions * (report.destinations.len() + report.lookups.len());
    assert_eq!(rows.len(), expected, "{context}");
    assert_eq!(
        out.matches('\n').count(),
        expected,
        "{context}: a row is a line"
    );
    for cell in rows.iter().flatten() {
        assert!(cell.chars().count() < 32_767, "{context}");
        // Whatever a spreadsheet takes for a separator, no cell begins with a formula.
        for part in cell.split([',', ';', '\t', '|']) {
            let part = part.trim_start_matches([' ', '"']);
            assert!(
                !part.starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠']),
                "{context}: {cell}"
            );
        }
    }
    assert!(
        rows.iter().all(|row| row.len() == rows[0].len()),
        "{context}"
    );
}

fn sarif(log: &Value) {
    code_scanning::accepted(log);
    for result in log["runs"][0]["results"].as_array().unwrap() {
        let message = result["message"]["text"].as_str().unwrap();
        let mut escaped = false;
        for c in message.chars() {
            assert!(escaped || !['[', ']'].contains(&c), "a link: {message}");
            escaped = c == '\\' && !escaped;
        }
    }
}

fn junit(out: &str, report: &v1::Report) {
    let root = xml::read(out);
    test_panes::check(&root);
    let cases = root
        .all()
        .into_iter()
        .filter(|e| e.name == "testcase")
        .count();
    let expected = report
        .sessions
        .iter()
        .map(|s| s.claims.len())
        .sum::<usize>();
    assert_eq!(
        cases,
        if report.sessions.is_empty() {
            report.claims.len()
        } else {
            expected
        }
    );
    let elements = root.all().len();
    let mut calm = everything();
    if report.claims.len() == 1 {
        shorten(&mut calm);
    }
    if !report.sessions.is_empty() {
        calm.sessions = vec![everything(), everything()];
    }
    assert_eq!(
        elements,
        xml::read(&written("junit", &calm)).all().len(),
        "no element more"
    );
}

/// Takes the code spans out, which must all be closed on their line.
fn without_code(line: &str) -> String {
    let parts: Vec<&str> = line.split('`').collect();
    assert_eq!(parts.len() % 2, 1, "an open code span: {line}");
    parts
        .iter()
        .step_by(2)
        .copied()
        .collect::<Vec<_>>()
        .join("\u{b7}")
}

fn markdown(out: &str, context: &str) {
    assert!(
        out.len() <= markdown::SIZE_MAX,
        "{context}: {} bytes",
        out.len()
    );
    assert!(
        out.contains("report digest `d1d1"),
        "{context}: the last line is there"
    );
    let mut columns = 0;
    for line in out.lines() {
        // GitHub splits cells before it looks for code.
        assert!(!line.contains("\\|"), "{context}: {line}");
        let pipes = line.matches('|').count();
        if line.starts_with('|') {
            assert!(columns == 0 || columns == pipes, "{context}: {line}");
            columns = pipes;
        } else {
            columns = 0;
            assert_eq!(pipes, 0, "{context}: {line}");
        }
        let body = line.trim_start_matches(['#', '>', ' ']);
        let body = without_code(body);
        let lower = body.to_lowercase();
        for never in ["@", "#", "www.", "://", "gh-"] {
            let found = lower.replace("\\:", "").contains(never);
            assert!(!found, "{context}: {never} in {line}");
        }
        let mut escaped = false;
        for c in body.chars() {
            let active = "<>[]~$!_".contains(c);
            assert!(escaped || !active, "{context}: {c} in {line}");
            escaped = c == '\\' && !escaped;
        }
    }
    let headings = out.lines().filter(|line| line.starts_with('#')).count();
    assert!(headings <= 4 + 2 * 4, "{context}");
}

/// The runner's way to read a command (actions/runner, `ActionCommand.TryParseV2`).
fn command(line: &str) -> (String, Vec<(String, String)>, String) {
    let behind = line.strip_prefix("::").expect("a command");
    let (info, data) = behind.split_once("::").expect("a message");
    let (name, properties) = info.split_once(' ').expect("properties");
    let decode = |text: &str| {
        [
            ("%0D", "\r"),
            ("%0A", "\n"),
            ("%3A", ":"),
            ("%2C", ","),
            ("%25", "%"),
        ]
        .iter()
        .fold(text.to_owned(), |text, (code, is)| text.replace(code, is))
    };
    let properties = properties.split(',').map(|pair| {
        let (key, value) = pair.split_once('=').expect("a pair");
        (key.to_owned(), decode(value))
    });
    (
        name.to_owned(),
        properties.collect(),
        data.replace("%0D", "\r")
            .replace("%0A", "\n")
            .replace("%25", "%"),
    )
}

fn github(out: &str, report: &v1::Report, context: &str) {
    assert_eq!(out.lines().count(), report.claims.len(), "{context}");
    for (line, kind) in out.lines().zip(["error", "warning", "notice"]) {
        let (name, properties, data) = command(line);
        assert_eq!(name, kind, "{context}");
        let keys: Vec<&str> = properties.iter().map(|(key, _)| key.as_str()).collect();
        assert_eq!(keys, ["file", "line", "title"], "{context}");
        assert!(properties[2].1.starts_with("drone-audit: "), "{context}");
        assert!(!line.contains("##["), "{context}");
        assert!(
            !data.contains('\r') && data.lines().count() <= 10,
            "{context}: {data}"
        );
        assert!(line.len() < 20_000, "{context}");
    }
}
