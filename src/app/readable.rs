//! How hard texts are to read: the grade of Flesch and Kincaid (Kincaid, Fishburne, Rogers and Chissom 1975),
//! `0.39 × words per sentence + 11.8 × syllables per word − 15.59`, over the texts that users read.
//!
//! How it is counted, and what is left out:
//!
//! - A sentence ends at `.`, `!`, `?`, `;` and `:` (so Flesch 1948 counts), at the end of a paragraph, of an item of a
//!   list and of a cell of a table.
//! - Syllables are runs of vowels, without a silent `e` at the end and without the `e` of most `-ed` and `-es`.
//! - What stands in backticks, names with a dot, numbers and options are one word of one syllable: they are looked at,
//!   not read.
//! - Words of the field that the reports cannot do without ([`TERMS`]) count as two syllables: whoever audits captures
//!   knows them, and the guide explains each.
//! - Not read as sentences: headings, links, tables and examples of the help (indented lines), and texts below
//!   [`WORDS_MIN`] words, which the formula was not made for.

/// Words of the field, in the singular and plural that occur.
const TERMS: [&str; 44] = [
    "address",
    "addresses",
    "application",
    "attribution",
    "attributions",
    "audited",
    "auditor",
    "capture",
    "captures",
    "catalog",
    "certificate",
    "certificates",
    "claim",
    "claims",
    "consistent",
    "contradict",
    "contradicted",
    "contradicts",
    "database",
    "destination",
    "destinations",
    "device",
    "devices",
    "directory",
    "encrypted",
    "identifier",
    "identifiers",
    "inconclusive",
    "interface",
    "internet",
    "jurisdiction",
    "multicast",
    "operator",
    "payload",
    "protocol",
    "protocols",
    "recorded",
    "recorder",
    "recording",
    "recordings",
    "repeatable",
    "resolver",
    "resolvers",
    "session",
];
/// Shorter texts are labels.
pub(super) const WORDS_MIN: usize = 8;
/// The highest grade of a text: nine years at school.
pub(super) const GRADE_MAX: f64 = 9.0;

/// The grade of a text, and how many words it has.
pub(super) fn grade(text: &str) -> (f64, usize) {
    let (mut sentences, mut words, mut syllables) = (0usize, 0usize, 0usize);
    for block in blocks(text) {
        for sentence in split(&block) {
            let all: Vec<usize> = sentence
                .split(|c: char| c.is_whitespace() || matches!(c, '/' | '('))
                .flat_map(counted)
                .collect();
            if all.is_empty() {
                continue;
            }
            sentences += 1;
            words += all.len();
            syllables += all.iter().sum::<usize>();
        }
    }
    if words == 0 {
        return (0.0, 0);
    }
    #[allow(clippy::cast_precision_loss)]
    let (s, w, y) = (sentences as f64, words as f64, syllables as f64);
    (0.39 * w / s + 11.8 * y / w - 15.59, words)
}

/// Paragraphs, items of lists and cells, without headings; code is one word.
fn blocks(text: &str) -> Vec<String> {
    let mut all = vec![String::new()];
    let mut fenced = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
            continue;
        }
        let bare = line.trim();
        if fenced || bare.starts_with('#') || line.starts_with("    ") {
            all.push(String::new());
            continue;
        }
        let item = bare.starts_with("- ") || bare.starts_with(|c: char| c.is_ascii_digit());
        if bare.is_empty() || item {
            all.push(String::new());
        }
        for (index, cell) in bare.split(" | ").enumerate() {
            if index > 0 || bare.starts_with('|') {
                all.push(String::new());
            }
            if let Some(last) = all.last_mut() {
                last.push(' ');
                last.push_str(cell.trim_matches(['|', '-', ' ']));
            }
        }
    }
    // Odd pieces stand in backticks.
    let plain = |block: &String| {
        let pieces = block.split('`').enumerate();
        pieces
            .map(|(at, piece)| if at % 2 == 0 { piece } else { "x" })
            .collect::<String>()
    };
    all.iter()
        .map(plain)
        .filter(|b| !b.trim().is_empty())
        .collect()
}

/// Sentences: an end is followed by a blank, so that names and numbers stay whole.
fn split(block: &str) -> Vec<&str> {
    let mut rest = block;
    let mut all = Vec::new();
    let ends = |(at, c): (usize, char)| {
        let end = matches!(c, '.' | '!' | '?' | ';' | ':');
        let after = rest_of(block, at + c.len_utf8());
        (end && after.starts_with([' ', ')', '"', '\''])).then_some(at + c.len_utf8())
    };
    let mut from = 0;
    for at in block.char_indices().filter_map(ends) {
        all.push(&block[from..at]);
        from = at;
        rest = &block[at..];
    }
    all.push(rest);
    all
}

fn rest_of(block: &str, at: usize) -> &str {
    block.get(at..).unwrap_or_default()
}

/// Syllables of each part of a word; nothing for signs.
fn counted(word: &str) -> Vec<usize> {
    let bare = word.trim_matches(|c: char| !c.is_alphanumeric());
    let name = bare.contains(['.', '=', '_', ':', '@']) || word.starts_with("--");
    if bare.is_empty() {
        return Vec::new();
    }
    if name || bare.contains(|c: char| c.is_ascii_digit()) {
        return vec![1];
    }
    bare.split('-')
        .filter(|p| !p.is_empty())
        .map(syllables)
        .collect()
}

fn syllables(word: &str) -> usize {
    let word = word.to_lowercase();
    let stem = word.trim_end_matches("'s");
    if TERMS.contains(&stem) {
        return 2;
    }
    let vowel = |c: char| matches!(c, 'a' | 'e' | 'i' | 'o' | 'u' | 'y');
    let mut runs = 0usize;
    let mut before = false;
    for c in stem.chars() {
        runs += usize::from(vowel(c) && !before);
        before = vowel(c);
    }
    let silent = (stem.ends_with('e') && !stem.ends_with("le") && !stem.ends_with("ee"))
        || (stem.ends_with("ed") && !stem.ends_with("ted") && !stem.ends_with("ded"))
        || (stem.ends_with("es")
            && !["ses", "xes", "zes", "ches", "shes", "ces", "ges", "ies"]
                .iter()
                .any(|end| stem.ends_with(end)));
    runs.saturating_sub(usize::from(silent && runs > 1)).max(1)
}

/// Texts that are above the grade, each with its grade.
fn hard<'a>(texts: impl IntoIterator<Item = (String, &'a str)>) -> Vec<String> {
    let mut all = Vec::new();
    for (place, text) in texts {
        let (grade, words) = grade(text);
        if words >= WORDS_MIN && grade > GRADE_MAX {
            all.push(format!("{grade:.1} {place}: {text}"));
        }
    }
    all
}

#[test]
fn the_formula_gives_what_it_gives_by_hand() {
    // 12 words, 2 sentences, 15 syllables.
    let (of, words) = grade("The cat sat on the mat. It saw a small red animal.");
    assert_eq!(words, 12);
    assert!(
        (of - (0.39 * 6.0 + 11.8 * 14.0 / 12.0 - 15.59)).abs() < 1e-9,
        "{of}"
    );
    let hard = grade(
        "Notwithstanding considerable organisational difficulties, administrative representatives unanimously acknowledged responsibility.",
    );
    assert!(hard.0 > 20.0, "{hard:?}");
    assert_eq!(grade("# A heading\n\n    an example\n"), (0.0, 0));
    assert_eq!(grade("- one two\n- three four").1, 4);
}

#[test]
fn texts_of_explain_are_easy_to_read() {
    let library = crate::tell::explain::library().expect("the texts");
    let written: Vec<(String, String)> = library
        .entries()
        .iter()
        .map(|entry| {
            (
                entry.id.clone(),
                crate::tell::explain::markdown::entry(entry),
            )
        })
        .collect();
    // Section by section: an easy one does not make up for a hard one.
    let texts = written.iter().flat_map(|(id, text)| {
        let sections = text.split("\n#");
        sections.map(move |section| {
            (
                id.clone(),
                section.split_once('\n').map_or("", |(_, of)| of),
            )
        })
    });
    let hard = hard(texts);
    assert!(hard.is_empty(), "{}\n{}", hard.len(), hard.join("\n\n"));
}

#[test]
fn the_help_is_easy_to_read() {
    use clap::CommandFactory;
    fn of(command: &clap::Command, texts: &mut Vec<(String, String)>) {
        let name = command.get_name().to_owned();
        let mut add = |what: &str, text: Option<String>| {
            texts.extend(text.map(|text| (format!("{name} {what}"), text)));
        };
        add("about", command.get_about().map(ToString::to_string));
        add(
            "long about",
            command.get_long_about().map(ToString::to_string),
        );
        add("notes", command.get_after_help().map(ToString::to_string));
        for argument in command.get_arguments() {
            let id = argument.get_id().as_str();
            let help = argument.get_long_help().or(argument.get_help());
            add(id, help.map(ToString::to_string));
            for value in argument.get_possible_values() {
                add(id, value.get_help().map(ToString::to_string));
            }
        }
        command.get_subcommands().for_each(|inner| of(inner, texts));
    }
    let mut texts = Vec::new();
    of(&crate::app::cli::Cli::command(), &mut texts);
    // Defaults in brackets and lists of names and their meanings are no sentences.
    let read: Vec<(String, String)> = texts
        .into_iter()
        .map(|(place, text)| {
            let lines = text.lines().filter(|line| !line.starts_with("  "));
            let text: Vec<&str> = lines.collect();
            let text = text.join("\n");
            let cut = text.find("[default").unwrap_or(text.len());
            (place, text[..cut].to_owned())
        })
        .collect();
    let hard = hard(
        read.iter()
            .map(|(place, text)| (place.clone(), text.as_str())),
    );
    assert!(hard.is_empty(), "{}\n{}", hard.len(), hard.join("\n\n"));
}

/// What reports say of the fixtures: every sentence of the program with its place in the report, names and numbers taken
/// out, and how often it stands there.
fn shown() -> Vec<(String, u32)> {
    use std::collections::BTreeMap;
    let fixtures = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let mut captures = Vec::new();
    for folder in ["edge", "lab", "labelled", "link", "tunnel", "wifi"] {
        let files = std::fs::read_dir(fixtures.join(folder)).expect(folder);
        let files = files.map(|file| file.expect("a file").path());
        captures.extend(
            files
                .filter(|path| path.to_string_lossy().contains(".pcap"))
                .map(std::path::PathBuf::into_os_string),
        );
    }
    captures.sort();
    let options = ["--each", "--no-hash", "--claim", "all"].map(std::ffi::OsString::from);
    let arguments = options.into_iter().chain(captures);
    let report = crate::app::command::check(arguments).expect("a report");
    let mut counts: BTreeMap<String, u32> = BTreeMap::new();
    let mut add = |text: &str| *counts.entry(plain(text)).or_default() += 1;
    for report in &report.sessions {
        for claim in &report.claims {
            claim.reasons.iter().for_each(|of| add(&of.text));
            claim.next_capture.iter().for_each(|text| add(text));
            claim.not_testable.iter().for_each(|text| add(text));
            let silence = claim.silence.iter();
            silence
                .flat_map(|s| &s.assumptions)
                .for_each(|text| add(text));
        }
        report.findings.iter().for_each(|of| add(&of.text));
        report.coverage.gaps.iter().for_each(|of| add(&of.text));
        report.limits.iter().for_each(|text| add(text));
        for row in &report.destinations {
            add(&row.attribution_reason);
            row.notes.iter().for_each(|text| add(text));
        }
    }
    let mut all: Vec<(String, u32)> = counts.into_iter().collect();
    all.sort_by(|(a, n), (b, m)| m.cmp(n).then(a.cmp(b)));
    all
}

/// A sentence without what the capture puts into it.
fn plain(text: &str) -> String {
    let word = |word: &str| {
        let bare = word.trim_end_matches([',', ';', ':', ')', '.']);
        let inner = bare.trim_start_matches('(');
        let named = inner.contains(['.', '/', '_']) || inner.matches(':').count() > 1;
        match inner {
            "" => word.to_owned(),
            _ if inner.starts_with("--") => word.to_owned(),
            _ if named && inner.len() > 2 => word.replace(inner, "NAME"),
            _ if inner
                .chars()
                .all(|c| c.is_ascii_digit() || matches!(c, '.' | '-' | ':')) =>
            {
                word.replace(inner, "N")
            }
            _ => word.to_owned(),
        }
    };
    text.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

#[test]
fn sentences_of_reports_are_easy_to_read_and_the_most_shown_are_reviewed() {
    let shown = shown();
    let hard = hard(
        shown
            .iter()
            .map(|(text, times)| (times.to_string(), text.as_str())),
    );
    // Each of them was read: what changes here is to be read again. Sentences of findings have parts, which stand there
    // in many combinations.
    let mut parts: std::collections::BTreeMap<&str, u32> = std::collections::BTreeMap::new();
    for (text, times) in &shown {
        text.split("; ")
            .for_each(|part| *parts.entry(part).or_default() += times);
    }
    let mut parts: Vec<(&str, u32)> = parts.into_iter().collect();
    parts.sort_by(|(a, n), (b, m)| m.cmp(n).then(a.cmp(b)));
    let first: Vec<String> = parts
        .iter()
        .take(100)
        .map(|(text, times)| format!("{times:5} {text}"))
        .collect();
    insta::assert_snapshot!(first.join("\n"));
    assert!(hard.is_empty(), "{}\n{}", hard.len(), hard.join("\n\n"));
}
