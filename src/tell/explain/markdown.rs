//! Single entries as Markdown: the help of SARIF rules.

use super::{Block, Entry, Section};
use crate::ground::text;

/// Columns of a line.
const WIDTH: usize = 105;

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
            Block::Table(rows) => {
                for (index, row) in rows.iter().enumerate() {
                    let cells: Vec<String> = row.iter().map(|c| c.replace('|', "\\|")).collect();
                    out.push_str(&format!("| {} |\n", cells.join(" | ")));
                    if index == 0 {
                        out.push_str(&format!("|{}\n", " --- |".repeat(row.len())));
                    }
                }
            }
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
