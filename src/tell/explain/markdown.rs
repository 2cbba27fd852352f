//! The texts as Markdown: the recipes for the README, single entries as help of SARIF rules.

use super::{Block, Entry, Kind, Library, Section};
use crate::ground::text;

/// Columns of a line in the README.
const WIDTH: usize = 105;
/// Sections of a recipe that a reader of the README needs; the command has the others.
const SHOWN: [&str; 3] = ["means", "settings", "unseen"];

/// All recipes, one heading each.
pub fn recipes(library: &Library) -> String {
    let recipes = library.entries().iter().filter(|e| e.kind == Kind::Recipe);
    let parts: Vec<String> = recipes.map(recipe).collect();
    parts.join("\n")
}

fn recipe(entry: &Entry) -> String {
    let mut out = format!("### {}\n", entry.title);
    for section in entry
        .sections
        .iter()
        .filter(|s| SHOWN.contains(&s.key.as_str()))
    {
        if section.key == "unseen" {
            out.push_str(&format!("\n{}:\n", entry.kind.section(&section.key)));
        }
        body(section, &mut out);
    }
    out.push_str(&format!(
        "\nHow this can be wrong, and references: `drone-audit explain {}`.\n",
        entry.id
    ));
    out
}

/// One entry, without a heading of its own: its facts, then its sections.
pub fn entry(entry: &Entry) -> String {
    let mut out = String::new();
    for fact in entry.facts() {
        out.push_str(&format!("{fact}\n\n"));
    }
    for (index, section) in entry.sections.iter().enumerate() {
        let apart = if index > 0 { "\n" } else { "" };
        let heading = entry.kind.section(&section.key);
        out.push_str(&format!("{apart}**{heading}**\n"));
        body(section, &mut out);
    }
    out
}

fn body(section: &Section, out: &mut String) {
    let mut items = false;
    for block in &section.blocks {
        let item = matches!(block, Block::Item(_));
        if !(item && items) {
            out.push('\n');
        }
        items = item;
        match block {
            Block::Paragraph(words) => lines(words, "", "", out),
            Block::Item(words) => lines(words, "- ", "  ", out),
            Block::Code(code) => {
                out.push_str("```sh\n");
                for line in code {
                    out.push_str(line);
                    out.push('\n');
                }
                out.push_str("```\n");
            }
        }
    }
}

fn lines(words: &str, first: &str, rest: &str, out: &mut String) {
    for (index, line) in text::wrap(words, WIDTH.saturating_sub(rest.len()))
        .iter()
        .enumerate()
    {
        out.push_str(if index == 0 { first } else { rest });
        out.push_str(line);
        out.push('\n');
    }
}
