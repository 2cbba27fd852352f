//! Whole pages of hand-built reports, read back tag by tag.

mod full;
mod reader;

use super::*;
use crate::ground::text;
use crate::tell::report::sample::word;
use crate::tell::report::sample::{destination, finding, report};
use crate::tell::report::v1;
use reader::Tree;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// Names as an attacker would choose them: markup, attribute ends, entities, controls, letters
/// that turn the line around. Those the browser test knows come first.
const HOSTILE: [&str; 12] = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "\" onmouseover=\"alert(1)",
    "' onfocus='alert(1)",
    "</td></tr></table></style><style>*{display:none}",
    "&lt;b&gt; &amp;amp; &#60;i&#62;",
    "]]><!--",
    "-->",
    "a\u{202e}b\u{2066}c\u{200f}d\u{200b}e",
    "\0\u{1b}[2J\u{7f}\u{9b}\r\n\t\u{feff}\u{fffe}",
    "\u{5d0}\u{5d1}\u{5d2}.example",
    "https://evil.test/?a=b&c=\"d\"",
];

fn drawn(report: &v1::Report) -> String {
    let mut out = Vec::new();
    let style = crate::tell::report::table::Style {
        width: 80,
        color: false,
    };
    let setting = Setting {
        style,
        anchor: None,
    };
    write(report, &setting, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// Every string of a report replaced, but what other parts look it up by.
fn poisoned(report: &v1::Report, with: &str) -> v1::Report {
    fn poison(value: &mut serde_json::Value, key: &str, with: &str) {
        use serde_json::Value;
        match value {
            Value::String(text) => {
                let kept = [
                    "id",
                    "destination",
                    "findings",
                    // Closed words: another one is no report.
                    "verdict",
                    "attribution",
                    "stage",
                    "confidence",
                    "scope",
                    "country_confidence",
                    "says",
                    "kind",
                    "start",
                    "first",
                    "at",
                ];
                if !kept.contains(&key) {
                    *text = with.to_owned();
                }
            }
            Value::Array(all) => all.iter_mut().for_each(|one| poison(one, key, with)),
            Value::Object(fields) => {
                for (key, one) in fields.iter_mut() {
                    poison(one, key, with);
                }
            }
            _ => {}
        }
    }
    let mut value = serde_json::to_value(report).unwrap();
    poison(&mut value, "", with);
    serde_json::from_value(value).unwrap()
}

fn crowded(count: usize) -> v1::Report {
    let mut crowded = report();
    let whose = ["vendor", "unknown", "shared", "os"];
    crowded.destinations = (0..count)
        .map(|n| {
            let mut row = destination(
                &format!("D{}", n + 1),
                whose[n % 4],
                &format!("host-{n}.example.test"),
            );
            row.country = Some(["US", "CN", "DE", "SG", "IE"][n % 5].to_owned());
            row.owner = (n % 3 > 0).then(|| format!("Owner {}", n % 40));
            row.bytes_out = u64::try_from(n * n).unwrap();
            row
        })
        .collect();
    crowded.findings = (0..count / 4)
        .map(|n| {
            let mut row = finding(&format!("f{n}"), whose[n % 3]);
            row.destination = Some(format!("D{}", n + 1));
            row
        })
        .collect();
    crowded.claims[0].findings = crowded.findings.iter().map(|f| f.id.clone()).collect();
    crowded
}

#[test]
fn the_page_of_the_sample_is_as_it_was() {
    let page = drawn(&full::report());
    let (before, rest) = page.split_once("<style>").unwrap();
    let (style, after) = rest.split_once("</style>").unwrap();
    assert_eq!(style, STYLE);
    let (policy, before) = before.split_once("sha256-").unwrap();
    let (hash, before) = before.split_once("&#39;").unwrap();
    assert_eq!(hash, BASE64.encode(Sha256::digest(style)));
    // Without the style, which has a file of its own.
    insta::assert_snapshot!(format!("{policy}sha256-…{before}<style>…</style>{after}"));
}

#[test]
fn pages_are_well_formed_and_load_nothing() {
    let mut each = full::report();
    each.sessions = vec![report(), full::report()];
    let mut empty = report();
    empty.claims.clear();
    empty.findings.clear();
    empty.destinations.clear();
    empty.lookups.clear();
    empty.inputs.clear();
    empty.limits.clear();
    empty.timeline = v1::Timeline::default();
    empty.tool.geo.clear();
    for report in [report(), full::report(), each, empty, crowded(1000)] {
        let page = drawn(&report);
        let tree = Tree::read(&page);
        tree.check();
        assert!(tree.loads_nothing(), "{page}");
        for word in ["proved", "passed", "safe", "secure"] {
            assert!(!tree.text.to_lowercase().contains(word), "{word}");
        }
    }
}

#[test]
fn the_verdict_comes_first_as_word_and_shape() {
    for (verdict, class, shape) in [
        (
            "contradicted",
            "against",
            "M8 1.5h8L22.5 8v8L16 22.5H8L1.5 16V8z",
        ),
        ("inconclusive", "open", "M12 1.5L23 22H1z"),
        ("consistent", "for", "M12 1.5a10.5"),
    ] {
        let mut report = report();
        report.verdict = word(verdict);
        report.claims[0].verdict = word(verdict);
        let page = drawn(&report);
        let banner = &page[page.find("<main>").unwrap()..];
        let banner = &banner[..banner.find("<nav").unwrap()];
        for part in [
            &format!("class=\"verdict {class}\""),
            shape,
            &format!("Verdict: {verdict}</h2>"),
            "Local Data Mode stops all internet traffic",
            words::meaning(word(verdict)),
            "vendor-contact",
        ] {
            assert!(banner.contains(part), "{part}\n{banner}");
        }
    }
}

#[test]
fn hostile_text_stays_text_wherever_it_stands() {
    let clean = Tree::read(&drawn(&full::report()));
    for hostile in HOSTILE {
        let page = drawn(&poisoned(&full::report(), hostile));
        let tree = Tree::read(&page);
        tree.check();
        assert!(tree.loads_nothing());
        // Rows may fall together; nothing new may come.
        for (name, count) in &tree.elements {
            let before = clean.elements.get(name).copied().unwrap_or(0);
            assert!(
                name == "bdi" || *count <= before + 20,
                "{name} by {hostile:?}"
            );
            assert!(name == "bdi" || before > 0, "{name} by {hostile:?}");
        }
        let shown = text::terminal(hostile);
        assert!(tree.text.contains(&*shown), "{shown} is not on the page");
        assert!(
            page.chars().all(|c| c == '\n' || !c.is_control()),
            "{hostile:?}"
        );
        for c in [
            '\u{202e}', '\u{2066}', '\u{200f}', '\u{200b}', '\u{feff}', '\u{fffe}',
        ] {
            assert!(!page.contains(c), "{c:?}");
        }
    }
}

#[test]
fn the_same_evidence_gives_the_same_page_but_for_this_run() {
    let first = full::report();
    let mut second = first.clone();
    second.run.started = "2031-01-01T00:00:00Z".to_owned();
    second.run.seconds = 7.0;
    second.run.arguments = vec!["check".to_owned(), "it's".to_owned()];
    second.run.paths = vec!["elsewhere".to_owned()];
    let (first, second) = (drawn(&first), drawn(&second));
    let split = |page: &str| {
        let at = page.find("This run</h3>").unwrap();
        (page[..at].to_owned(), page[at..].to_owned())
    };
    assert_eq!(split(&first).0, split(&second).0);
    assert_ne!(split(&first).1, split(&second).1);
    assert!(
        second.contains("drone-audit check &#39;it&#39;\\&#39;&#39;s&#39;"),
        "{second}"
    );
}

#[test]
fn ten_thousand_destinations_fold_and_none_is_lost() {
    let report = crowded(10_000);
    let began = Instant::now();
    let page = drawn(&report);
    let took = began.elapsed();
    // Far above what it takes: only what grows with the square would not hold this.
    assert!(took < Duration::from_secs(20), "{took:?}");
    assert!(page.len() < 24_000_000, "{} bytes", page.len());
    let tree = Tree::read(&page);
    let hosts: BTreeSet<&str> = tree.text.split("host-").skip(1).collect();
    let hosts = hosts
        .iter()
        .filter_map(|tail| tail.split_once(".example.test"));
    assert_eq!(hosts.map(|(n, _)| n).collect::<BTreeSet<_>>().len(), 10_000);
    tree.check();
    assert!(tree.elements["details"] >= 40, "{:?}", tree.elements);
    // In sight: twenty-five of each of the four groups.
    let open = page
        .split("<details")
        .map(|piece| match piece.split_once("</details>") {
            Some((_, behind)) => behind,
            None => piece,
        });
    let open: String = open.collect();
    assert_eq!(
        open.matches(" role=\"row\" id=\"D").count()
            + open.matches("<tr role=\"row\" id=\"D").count(),
        200
    );
}

#[test]
fn a_narrow_window_names_every_column() {
    let mut each = full::report();
    each.sessions = vec![full::report()];
    for report in [full::report(), each] {
        for (class, heads) in Tree::read(&drawn(&report)).tables {
            // The first column names the row, and needs no name itself.
            for (index, head) in heads.iter().enumerate().skip(1) {
                let rule = format!(
                    ".{class} td:nth-child({})::before {{ content: \"{head}\"; }}",
                    index + 1
                );
                assert!(STYLE.contains(&rule) || class == "two", "{rule}");
            }
        }
    }
}

#[test]
fn colours_have_contrast_in_light_and_dark() {
    let colour = |block: &str, name: &str| -> [f64; 3] {
        let at = block.split_once(&format!("--{name}: #")).expect(name).1;
        [0, 2, 4].map(|i| {
            let part = f64::from(u8::from_str_radix(&at[i..i + 2], 16).unwrap()) / 255.0;
            match part <= 0.04045 {
                true => part / 12.92,
                false => ((part + 0.055) / 1.055).powf(2.4),
            }
        })
    };
    // WCAG 2.2, relative luminance and contrast ratio.
    let light = |[r, g, b]: [f64; 3]| 0.2126 * r + 0.7152 * g + 0.0722 * b;
    let (day, night) = STYLE
        .split_once("@media screen and (prefers-color-scheme: dark)")
        .unwrap();
    for block in [day, night] {
        let contrast = |a: &str, b: &str| {
            let (a, b) = (light(colour(block, a)), light(colour(block, b)));
            (a.max(b) + 0.05) / (a.min(b) + 0.05)
        };
        for ground in ["page", "panel", "window", "phase"] {
            assert!(contrast("text", ground) >= 4.5, "{ground}");
        }
        for ink in ["quiet", "link", "open"] {
            assert!(
                contrast(ink, "page") >= 4.5 && contrast(ink, "panel") >= 4.5,
                "{ink}"
            );
        }
        assert!(contrast("quiet", "window") >= 4.5);
        for sense in ["against", "open", "for", "aside"] {
            let panel = format!("{sense}-panel");
            assert!(contrast(sense, &panel) >= 4.5, "{sense}");
            assert!(contrast("text", &panel) >= 4.5, "{sense}");
            assert!(contrast("sign", sense) >= 4.5, "{sense}");
        }
        // Drawings need 3:1 (WCAG 2.2, 1.4.11).
        for ink in [
            "vendor",
            "third",
            "unknown",
            "system",
            "unreadable",
            "packets",
            "bar",
        ] {
            assert!(contrast(ink, "page") >= 3.0, "{ink}");
            assert!(contrast(ink, "window") >= 3.0, "{ink} in a window");
        }
    }
}

/// Writes pages for the test in a browser into the folder that `DRONE_AUDIT_PAGES` names:
/// `tests/browser/run` calls it so.
#[test]
fn pages_for_a_browser() {
    let Some(folder) = std::env::var_os("DRONE_AUDIT_PAGES") else {
        return;
    };
    let folder = std::path::PathBuf::from(folder);
    let mut each = full::report();
    each.sessions = vec![report(), full::report(), full::consistent()];
    let mut hostile = poisoned(&full::report(), HOSTILE[0]);
    for (index, row) in hostile.destinations.iter_mut().enumerate() {
        row.host = Some(HOSTILE[index % HOSTILE.len()].to_owned());
        row.notes = HOSTILE.map(str::to_owned).to_vec();
    }
    for (name, report) in [
        ("full", full::report()),
        ("consistent", full::consistent()),
        ("each", each),
        ("hostile", hostile),
        ("crowded", crowded(10_000)),
    ] {
        std::fs::write(folder.join(format!("{name}.html")), drawn(&report)).unwrap();
    }
}
