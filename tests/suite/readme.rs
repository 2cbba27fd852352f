//! What the README, the contributor guide and the guides of `explain` quote from the tree and from the
//! program is so.

use crate::support::{program, run};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(file: &str) -> String {
    fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// Folder of the guides.
const TEXTS: &str = "src/tell/explain/texts";

/// Every page that people read.
fn pages() -> Vec<String> {
    let texts = fs::read_dir(root().join(TEXTS)).expect("the texts");
    let mut pages: Vec<String> = texts
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .map(|name| format!("{TEXTS}/{name}"))
        .collect();
    pages.sort();
    pages.extend(
        [
            "README.md",
            ".github/CONTRIBUTING.md",
            ".github/CHANGELOG.md",
        ]
        .map(str::to_owned),
    );
    pages
}

/// Words between backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// Blocks of Rust begin with a comment that names their file.
#[test]
fn every_quoted_piece_of_code_is_in_the_file_that_it_names() {
    let guide = read(".github/CONTRIBUTING.md");
    let mut pieces = 0;
    for block in guide.split("```rust\n").skip(1) {
        let (code, _) = block.split_once("```").expect("the end of a block");
        let (file, piece) = code.split_once('\n').expect("a file and a piece of it");
        let file = file.strip_prefix("// ").expect("a comment with the file");
        assert!(
            read(file).contains(piece),
            "{file} no longer holds:\n{piece}"
        );
        pieces += 1;
    }
    assert!(pieces >= 6, "{pieces}");
}

#[test]
fn what_pages_name_of_the_tree_exists() {
    for page in pages() {
        let text = read(&page);
        for path in quoted(&text) {
            let named = ["src/", "fixtures/", "tests/", ".github/", ".ci/"]
                .iter()
                .any(|folder| path.starts_with(folder));
            if named && !path.contains(char::is_whitespace) {
                assert!(root().join(path).exists(), "{page}: {path}");
            }
        }
        for link in text.split("](").skip(1) {
            let (target, _) = link.split_once(')').expect("the end of a link");
            if !target.starts_with("http") {
                let mut from = root().join(&page);
                from.pop();
                assert!(from.join(target).exists(), "{page}: {target}");
            }
        }
    }
}

#[test]
fn the_readme_is_short_and_leads_to_every_guide() {
    let readme = read("README.md");
    assert!(readme.lines().count() <= 200, "{}", readme.lines().count());
    let list = run(["explain"]);
    let (guides, _) = list.text().split_once("\n\n").expect("the guides");
    let mut listed = 0;
    for line in guides.lines().filter(|l| l.starts_with("  ")) {
        let Some(id) = line[2..].split(' ').next().filter(|id| !id.is_empty()) else {
            continue;
        };
        assert!(
            readme.contains(&format!("`drone-audit explain {id}` | [{id}.md]")),
            "{id}"
        );
        listed += 1;
    }
    assert!(listed >= 7, "{listed}");
}

/// The case file that the guide shows is one, and its claims can be judged.
#[test]
fn the_case_file_in_the_guide_is_right() {
    let guide = read(&format!("{TEXTS}/case-file.md"));
    let (_, rest) = guide.split_once("```toml\n").expect("a case file");
    let (case, _) = rest.split_once("```").expect("its end");
    let case = drone_audit::parts::CaseFile::parse(case, "case.toml").expect("it is right");
    assert_eq!(case.claims.len(), 2);
    for claim in &case.claims {
        let definition = claim.to_judge().expect("it can be judged");
        case.check_events(claim, &definition)
            .expect("its events are there");
    }
}

/// What a guide shows as an option of a command is one.
#[test]
fn options_in_pages_exist() {
    let mut known = BTreeSet::new();
    for command in [
        "check", "case", "flows", "fitness", "diff", "extract", "verify", "explain", "emit",
    ] {
        let help = run([command, "--help"]);
        let words = help
            .text()
            .split(|c: char| !(c.is_ascii_lowercase() || c == '-'));
        known.extend(words.filter(|w| w.starts_with("--")).map(str::to_owned));
    }
    let guide = read(&format!("{TEXTS}/guide.md"));
    let mut shown = 0;
    for line in guide.lines().filter(|line| line.starts_with("| `-")) {
        let (_, row) = line.split_once("| ").expect("a cell");
        let (first, _) = row.split_once(" | ").expect("two cells");
        for option in quoted(first).filter(|word| word.starts_with("--")) {
            let name = option.split(' ').next().expect("a word");
            assert!(known.contains(name), "{option}");
            shown += 1;
        }
    }
    assert!(shown >= 12, "{shown}");
}

/// Years of school that a page may ask for, by Flesch and Kincaid.
const GRADE_MAX: f64 = 9.0;

/// Flesch-Kincaid grade of running text. Code, tables, headings and fields are left out, and what
/// stands between backticks is one short word; syllables are groups of vowels.
#[test]
fn pages_are_plain() {
    for page in pages() {
        let sentences = sentences(&read(&page));
        let words: Vec<&String> = sentences.iter().flatten().collect();
        let syllables: usize = words.iter().map(|word| syllables(word)).sum();
        let [sentences, words, syllables] =
            [sentences.len(), words.len(), syllables].map(|count| count as f64);
        let grade = 0.39 * words / sentences + 11.8 * syllables / words - 15.59;
        assert!(grade < GRADE_MAX, "{page}: {grade:.1}");
    }
}

/// The words of each sentence; fragments of one or two words are none.
fn sentences(page: &str) -> Vec<Vec<String>> {
    let mut paragraphs = vec![String::new()];
    let mut code = false;
    for line in page.lines().map(str::trim_start) {
        let fence = line.starts_with("```");
        code ^= fence;
        let field = line
            .split_once(": ")
            .is_some_and(|(key, _)| key.bytes().all(|b| b.is_ascii_lowercase()));
        let skipped =
            fence || code || field || line.is_empty() || line.starts_with(['|', '#', '!']);
        if skipped || line.starts_with("- ") {
            paragraphs.push(String::new());
        }
        if let Some(last) = paragraphs.last_mut().filter(|_| !skipped) {
            last.push_str(line);
            last.push(' ');
        }
    }
    let mut sentences = Vec::new();
    for paragraph in paragraphs {
        let parts = paragraph.split('`').enumerate();
        let plain: String = parts
            .map(|(index, part)| if index % 2 == 0 { part } else { "x" })
            .collect();
        let mut sentence: Vec<String> = Vec::new();
        for word in plain.split(' ').chain(["."]) {
            let letters = word.split(|c: char| !c.is_ascii_alphabetic());
            sentence.extend(letters.filter(|l| !l.is_empty()).map(str::to_lowercase));
            if word.ends_with(['.', ':', ';', '?', '!']) {
                let whole = std::mem::take(&mut sentence);
                sentences.extend((whole.len() > 2).then_some(whole));
            }
        }
    }
    sentences
}

fn syllables(word: &str) -> usize {
    let vowel = |c: char| "aeiouy".contains(c);
    let groups = word.split(|c| !vowel(c)).filter(|g| !g.is_empty()).count();
    let silent = word.ends_with('e') && !word.ends_with("le") && groups > 1;
    (groups - usize::from(silent)).max(1)
}

/// A test that the threat model names shows what stands beside it; so it has to be there.
#[test]
fn tests_that_the_threat_model_names_exist() {
    let mut code = String::new();
    for folder in ["src", "tests"] {
        gather(&root().join(folder), &mut code);
    }
    let model = read(&format!("{TEXTS}/threat-model.md"));
    let mut named = 0;
    let rows = model.lines().filter(|line| line.starts_with("| "));
    for row in rows.filter(|row| row.contains("_")) {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").collect();
        let [_, tests] = cells[..] else { continue };
        for test in quoted(tests) {
            assert!(
                code.contains(&format!("fn {test}(")),
                "no test is called {test}"
            );
            named += 1;
        }
    }
    assert!(named >= 40, "{named}");
}

fn gather(folder: &Path, code: &mut String) {
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            gather(&path, code);
        } else if path.extension().is_some_and(|e| e == "rs") {
            code.push_str(&fs::read_to_string(&path).expect("code"));
        }
    }
}

/// Columns and lines of the picture, and units of a letter and a line in it.
const COLUMNS: usize = 88;
const LINES_MAX: usize = 41;
const LETTER: f64 = 8.4;
const LINE: f64 = 18.0;

/// `UPDATE_README=1 cargo test readme` draws it anew.
#[test]
fn the_picture_in_the_readme_is_what_the_program_prints() {
    let ran = program()
        .args([
            "check",
            "--color",
            "always",
            "--no-progress",
            "tls-vendor-session.pcap",
        ])
        .env("COLUMNS", COLUMNS.to_string())
        .output()
        .expect("the program starts");
    let want = picture(&String::from_utf8(ran.stdout).expect("UTF-8"));
    let path = root().join(".github/report.svg");
    if fs::read_to_string(&path).is_ok_and(|have| have == want) {
        return;
    }
    assert!(
        std::env::var_os("UPDATE_README").is_some(),
        "{} shows another report: run UPDATE_README=1 cargo test readme",
        path.display()
    );
    fs::write(&path, want).expect("the picture is written");
}

/// The first lines of a report as SVG, with the colours of a dark terminal.
fn picture(report: &str) -> String {
    let command = "$ drone-audit check fixtures/tls-vendor-session.pcap";
    let all: Vec<&str> = [command, ""].into_iter().chain(report.lines()).collect();
    let mut lines = all[..all.len().min(LINES_MAX)].to_vec();
    if lines.len() < all.len() {
        lines.push("...");
    }
    let width = (COLUMNS as f64 + 4.0) * LETTER;
    let height = (lines.len() as f64 + 2.0) * LINE;
    let mut out = format!(
        "<!-- Drawn by tests/suite/readme.rs from what the program prints. -->\n\
         <svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" \
         font-family=\"ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace\" \
         font-size=\"14\" fill=\"#d4d4d4\" role=\"img\">\n\
         <title>A report of drone-audit</title>\n\
         <rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"#1e1e1e\"/>\n"
    );
    for (index, line) in lines.iter().enumerate() {
        let y = (index as f64 + 1.8) * LINE;
        let mut column = 2.0;
        for (style, text) in runs(line) {
            let shown = text.trim();
            let before = text.chars().take_while(|c| *c == ' ').count() as f64;
            if !shown.is_empty() {
                let letters = shown.chars().count() as f64;
                let escaped = shown
                    .replace('&', "&amp;")
                    .replace('<', "&lt;")
                    .replace('>', "&gt;");
                out.push_str(&format!(
                    "<text xml:space=\"preserve\" x=\"{:.1}\" y=\"{y:.1}\" textLength=\"{:.1}\" \
                     lengthAdjust=\"spacingAndGlyphs\"{style}>{escaped}</text>\n",
                    (column + before) * LETTER,
                    letters * LETTER
                ));
            }
            column += text.chars().count() as f64;
        }
    }
    out.push_str("</svg>\n");
    out
}

/// Pieces of a line that share a colour, with the attributes of the colour.
fn runs(line: &str) -> Vec<(String, &str)> {
    let (mut bold, mut fill) = (false, "");
    let mut runs = Vec::new();
    let mut rest = line;
    loop {
        let (text, behind) = rest.split_once("\u{1b}[").unwrap_or((rest, ""));
        let weight = if bold { " font-weight=\"bold\"" } else { "" };
        let style = match fill {
            "" => weight.to_owned(),
            fill => format!("{weight} fill=\"{fill}\""),
        };
        runs.push((style, text));
        let Some((codes, after)) = behind.split_once('m') else {
            return runs;
        };
        for code in codes.split(';') {
            match code {
                "0" => (bold, fill) = (false, ""),
                "1" => bold = true,
                "2" => fill = "#8a8a8a",
                "22" => bold = false,
                "31" => fill = "#f14c4c",
                "32" => fill = "#23d18b",
                "33" => fill = "#e5c07b",
                "34" => fill = "#569cd6",
                "35" => fill = "#d670d6",
                "36" => fill = "#29b8db",
                "39" => fill = "",
                _ => panic!("the picture knows no colour {code}"),
            }
        }
        rest = after;
    }
}
