//! The arrows between modules, read from the imports: no stage reaches up, and no two modules hold each other.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Each top module, and those that it may stand on.
const MAY: [(&str, &[&str]); 6] = [
    ("ground", &[]),
    ("evidence", &["ground"]),
    ("observe", &["evidence", "ground"]),
    ("judge", &["evidence", "ground"]),
    ("tell", &["judge", "evidence", "ground"]),
    ("app", &["tell", "judge", "observe", "evidence", "ground"]),
];

type Module = (String, String);

fn files(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, into);
        } else if path.extension().is_some_and(|end| end == "rs") {
            into.push(path);
        }
    }
}

/// The files that are compiled for tests alone, and may look anywhere.
fn tests(paths: &[PathBuf]) -> Vec<PathBuf> {
    let mut out = Vec::new();
    for path in paths {
        let text = std::fs::read_to_string(path).unwrap();
        for part in text.split("#[cfg(test)]\n").skip(1) {
            let line = part
                .lines()
                .find(|line| line.contains("mod "))
                .unwrap_or_default();
            if let Some((_, name)) = line.trim_end_matches(';').split_once("mod ") {
                out.push(path.with_extension("").join(name));
            }
        }
    }
    out
}

/// The modules that a text names by `crate::top::module`, a list in braces included.
fn named(text: &str) -> BTreeSet<Module> {
    let mut out = BTreeSet::new();
    for part in text.split("crate::").skip(1) {
        let Some((top, rest)) = part.split_once("::") else {
            continue;
        };
        let word = |t: &str| -> String {
            t.chars()
                .take_while(|c| c.is_alphanumeric() || *c == '_')
                .collect()
        };
        let Some(list) = rest.strip_prefix('{') else {
            out.insert((top.to_owned(), word(rest)));
            continue;
        };
        let mut depth = 0;
        let mut starts = true;
        for (at, c) in list.char_indices().take_while(|(_, c)| *c != ';') {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' if depth == 0 => starts = true,
                _ if starts && depth == 0 && !c.is_whitespace() => {
                    out.insert((top.to_owned(), word(&list[at..])));
                    starts = false;
                }
                _ => {}
            }
        }
    }
    out
}

#[test]
fn no_module_reaches_up_and_none_stand_in_a_circle() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut paths = Vec::new();
    for (top, _) in MAY {
        files(&source.join(top), &mut paths);
    }
    let tests = tests(&paths);
    paths.retain(|path| {
        !tests
            .iter()
            .any(|test| path.with_extension("").starts_with(test))
    });
    let mut arrows: BTreeMap<Module, BTreeSet<Module>> = BTreeMap::new();
    for path in &paths {
        let inside = path.strip_prefix(&source).unwrap().with_extension("");
        let mut parts = inside.iter().map(|part| part.to_str().unwrap().to_owned());
        let from = (parts.next().unwrap(), parts.next().unwrap());
        let text = std::fs::read_to_string(path).unwrap();
        // Tests may look anywhere, and what a comment links to is no import.
        let code = text
            .split("#[cfg(test)]\nmod tests")
            .next()
            .unwrap_or_default();
        let code = code
            .split("#[cfg(test)]\n#[allow")
            .next()
            .unwrap_or_default();
        let lines: Vec<&str> = code
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"))
            .collect();
        for to in named(&lines.join("\n")) {
            let (_, may) = MAY.iter().find(|(top, _)| *top == from.0).unwrap();
            let known = MAY.iter().any(|(top, _)| *top == to.0);
            let allowed = to.0 == from.0 || may.contains(&to.0.as_str());
            assert!(
                !known || allowed,
                "{}: {} reaches {}::{}",
                inside.display(),
                from.0,
                to.0,
                to.1
            );
            if to.0 == from.0
                && to != from
                && source.join(&to.0).join(format!("{}.rs", to.1)).exists()
            {
                arrows.entry(from.clone()).or_default().insert(to);
            }
        }
    }
    assert!(arrows.len() > 10, "the imports were not found");
    // Whoever stands on nothing that is left is taken away; what stays is a circle, or stands on one.
    while let Some(free) = arrows
        .iter()
        .find(|(_, on)| on.iter().all(|m| !arrows.contains_key(m)))
        .map(|(m, _)| m.clone())
    {
        arrows.remove(&free);
    }
    let in_a_circle: Vec<&Module> = arrows.keys().collect();
    assert!(
        in_a_circle.is_empty(),
        "modules in a circle: {in_a_circle:?}"
    );
}
