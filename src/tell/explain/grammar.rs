//! The grammar of the text files: a strict part of Markdown, so that a slip is found by a test and
//! not by a reader.
//!
//! ```text
//! # kind                      first line of a file
//! ## id                       begins an entry
//! key: value                  fields, one line each, right below
//! ### section                 begins a section; its body is made of blocks with blank lines or
//!                             list marks between them:
//! words …                       a paragraph, joined over its lines
//! - words …                     an item, continued by lines that are indented by two blanks
//! | cell | cell |               a table: a head, a rule (`| --- |`), rows of as many cells; `\|` is
//!                             a bar inside a cell
//! ```…```                       lines that are kept as they are; a language may stand at the first
//! ```
//!
//! Knows no kinds and no ids: whether an entry has what its kind needs is [`super`]'s to check.

use std::fmt;

/// A part of a section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Block {
    /// Running text.
    Paragraph(String),
    /// An item of a list.
    Item(String),
    /// Lines to be typed as they are.
    Code(Vec<String>),
    /// Rows of as many cells each; the first is the head.
    Table(Vec<Vec<String>>),
}

/// A section of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// Its key, such as `means`.
    pub key: String,
    /// Its text, in order.
    pub blocks: Vec<Block>,
}

/// An entry as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Written {
    pub(super) id: String,
    pub(super) line: usize,
    pub(super) fields: Vec<(String, String)>,
    pub(super) sections: Vec<Section>,
}

/// A slip in a text file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Slip {
    pub(super) line: usize,
    pub(super) what: String,
}

impl Slip {
    pub(super) fn new(line: usize, what: impl Into<String>) -> Self {
        Self {
            line,
            what: what.into(),
        }
    }
}

impl fmt::Display for Slip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.what)
    }
}

/// Lines of commands stand between two of these.
const FENCE: &str = "```";

/// Reads a file of the named kind.
pub(super) fn read(kind: &str, text: &str) -> Result<Vec<Written>, Slip> {
    let mut lines = (1..).zip(text.lines());
    match lines.next() {
        Some((_, first)) if first.strip_prefix("# ") == Some(kind) => {}
        _ => {
            return Err(Slip::new(
                1,
                format!("the file does not begin with '# {kind}'"),
            ));
        }
    }
    let mut reader = Reader::default();
    for (number, line) in lines {
        reader
            .line(number, line)
            .map_err(|what| Slip::new(number, what))?;
    }
    if reader.code.is_some() {
        return Err(Slip::new(text.lines().count(), "commands without an end"));
    }
    Ok(reader.entries)
}

#[derive(Default)]
struct Reader {
    entries: Vec<Written>,
    /// Commands that have begun.
    code: Option<Vec<String>>,
    /// The next line continues the block before.
    open: bool,
    /// Lines of the table that is open.
    rows: usize,
}

impl Reader {
    fn line(&mut self, number: usize, line: &str) -> Result<(), String> {
        if let Some(code) = &mut self.code {
            if line == FENCE {
                let code = std::mem::take(code);
                self.code = None;
                return self.block(Block::Code(code));
            }
            code.push(line.to_owned());
            return Ok(());
        }
        if line.ends_with(' ') || line.contains('\t') {
            return Err("a tab, or blanks at the end".to_owned());
        }
        if is_fence(line) {
            self.open = false;
            self.section()?;
            self.code = Some(Vec::new());
            return Ok(());
        }
        if line.is_empty() {
            self.open = false;
            return Ok(());
        }
        if let Some(key) = line.strip_prefix("### ") {
            self.open = false;
            let entry = self.entry()?;
            if entry.sections.iter().any(|s| s.key == key) {
                return Err(format!("a second section '{key}'"));
            }
            entry.sections.push(Section {
                key: key.to_owned(),
                blocks: Vec::new(),
            });
            return Ok(());
        }
        if let Some(id) = line.strip_prefix("## ") {
            self.open = false;
            if !is_id(id) {
                return Err(format!("'{id}' is no id"));
            }
            if self.entries.iter().any(|e| e.id == id) {
                return Err(format!("a second entry '{id}'"));
            }
            self.entries.push(Written {
                id: id.to_owned(),
                line: number,
                fields: Vec::new(),
                sections: Vec::new(),
            });
            return Ok(());
        }
        if line.starts_with('#') {
            return Err("a heading of another depth".to_owned());
        }
        let entry = self.entry()?;
        if entry.sections.is_empty() {
            let (key, value) = line.split_once(": ").ok_or("no 'key: value'")?;
            if entry.fields.iter().any(|(have, _)| have == key) {
                return Err(format!("a second field '{key}'"));
            }
            entry.fields.push((key.to_owned(), value.to_owned()));
            return Ok(());
        }
        if let Some(words) = line.strip_prefix("- ") {
            self.block(Block::Item(words.to_owned()))?;
            self.open = true;
            return Ok(());
        }
        if line.starts_with('|') {
            return self.row(line);
        }
        self.words(line)
    }

    /// A line of a table.
    fn row(&mut self, line: &str) -> Result<(), String> {
        let row = cells(line).ok_or("a row of a table that does not end with a bar")?;
        let rule = row.iter().all(|cell| cell == "---");
        let (open, rows) = (self.open, self.rows);
        match self.section()?.blocks.last_mut() {
            Some(Block::Table(table)) if open => {
                if table.first().map(Vec::len) != Some(row.len()) {
                    return Err("a row with another number of cells than the head".to_owned());
                }
                if rule != (rows == 1) {
                    return Err(
                        "the second line of a table is its rule, and no other is".to_owned()
                    );
                }
                if !rule {
                    table.push(row);
                }
                self.rows = rows.saturating_add(1);
            }
            Some(_) if open => return Err("a table without a blank line before it".to_owned()),
            _ => {
                self.block(Block::Table(vec![row]))?;
                self.open = true;
                self.rows = 1;
            }
        }
        Ok(())
    }

    /// A line of a paragraph, or the continuation of an item.
    fn words(&mut self, line: &str) -> Result<(), String> {
        let open = self.open;
        let last = self.section()?.blocks.last_mut();
        match (last, line.strip_prefix("  ")) {
            (Some(Block::Item(item)), Some(words)) if open && !words.starts_with(' ') => {
                item.push(' ');
                item.push_str(words);
                Ok(())
            }
            (_, Some(_)) => Err("an indented line that continues no item".to_owned()),
            (Some(Block::Paragraph(have)), None) if open => {
                have.push(' ');
                have.push_str(line);
                Ok(())
            }
            (Some(Block::Item(_)), None) if open => {
                Err("a line behind an item that is not indented".to_owned())
            }
            (Some(Block::Table(_)), None) if open => {
                Err("a line behind a table without a blank line between".to_owned())
            }
            _ => {
                self.block(Block::Paragraph(line.to_owned()))?;
                self.open = true;
                Ok(())
            }
        }
    }

    fn block(&mut self, block: Block) -> Result<(), String> {
        self.section()?.blocks.push(block);
        Ok(())
    }

    fn entry(&mut self) -> Result<&mut Written, String> {
        self.entries
            .last_mut()
            .ok_or_else(|| "text before the first entry".to_owned())
    }

    fn section(&mut self) -> Result<&mut Section, String> {
        self.entry()?
            .sections
            .last_mut()
            .ok_or_else(|| "text before the first section".to_owned())
    }
}

/// The first line of what is kept as it is.
fn is_fence(line: &str) -> bool {
    line.strip_prefix(FENCE)
        .is_some_and(|language| language.bytes().all(|b| b.is_ascii_lowercase()))
}

/// The cells of a line of a table, without the blanks around them.
fn cells(line: &str) -> Option<Vec<String>> {
    let inside = line.strip_prefix('|')?.strip_suffix('|')?;
    // A bar behind a backslash is a letter of its cell.
    let mut cells = vec![String::new()];
    let mut letters = inside.chars().peekable();
    while let Some(letter) = letters.next() {
        match (letter, letters.peek()) {
            ('\\', Some('|')) => {
                letters.next();
                cells.last_mut()?.push('|');
            }
            ('|', _) => cells.push(String::new()),
            _ => cells.last_mut()?.push(letter),
        }
    }
    Some(cells.iter().map(|cell| cell.trim().to_owned()).collect())
}

/// Lower-case letters, digits, `-` and `_`, as all ids of the program.
fn is_id(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_with_every_kind_of_block() {
        let text = "# gaps\n\n## too-short\ntitle: Too: short\n\n### means\nOne\ntwo.\n\nThree.\n- a\n  b\n- c\n\n```\nx  -y\n\nz\n```\n### not\n- d\n";
        let read = read("gaps", text).unwrap();
        assert_eq!(read.len(), 1);
        assert_eq!((read[0].id.as_str(), read[0].line), ("too-short", 3));
        assert_eq!(
            read[0].fields,
            [("title".to_owned(), "Too: short".to_owned())]
        );
        let keys: Vec<&str> = read[0].sections.iter().map(|s| s.key.as_str()).collect();
        assert_eq!(keys, ["means", "not"]);
        assert_eq!(
            read[0].sections[0].blocks,
            [
                Block::Paragraph("One two.".into()),
                Block::Paragraph("Three.".into()),
                Block::Item("a b".into()),
                Block::Item("c".into()),
                Block::Code(vec!["x  -y".into(), String::new(), "z".into()]),
            ]
        );
    }

    #[test]
    fn a_table_and_lines_in_a_language() {
        let text = "# k\n## a\n### How to\n| x | y |\n| --- | --- |\n| `a\\|b` |  |\n\n```toml\n| k\n```\n";
        let read = read("k", text).unwrap();
        let row = |cells: [&str; 2]| cells.map(str::to_owned).to_vec();
        assert_eq!(read[0].sections[0].key, "How to");
        assert_eq!(
            read[0].sections[0].blocks,
            [
                Block::Table(vec![row(["x", "y"]), row(["`a|b`", ""])]),
                Block::Code(vec!["| k".into()]),
            ]
        );
    }

    #[test]
    fn slips_are_found_where_they_are() {
        for (text, line, what) in [
            ("", 1, "does not begin"),
            ("# other\n", 1, "does not begin"),
            ("# k\nwords\n", 2, "before the first entry"),
            ("# k\n### means\n", 2, "before the first entry"),
            ("# k\n## A b\n", 2, "no id"),
            ("# k\n## a\n## a\n", 3, "second entry"),
            ("# k\n## a\nwords\n", 3, "key: value"),
            ("# k\n## a\nt: x\nt: y\n", 4, "second field"),
            ("# k\n## a\n### m\n### m\n", 4, "second section"),
            ("# k\n## a\n### m\n#### n\n", 4, "another depth"),
            ("# k\n## a\n### m\n- b\nc\n", 5, "not indented"),
            ("# k\n## a\n### m\n  b\n", 4, "continues no item"),
            ("# k\n## a\n### m\n- b\n\n  c\n", 6, "continues no item"),
            ("# k\n## a\n### m\nb \n", 4, "blanks at the end"),
            ("# k\n## a\n```\n", 3, "before the first section"),
            ("# k\n## a\n### m\n```\nb\n", 5, "without an end"),
            ("# k\n## a\n### m\n| b\n", 4, "end with a bar"),
            ("# k\n## a\n### m\n| b |\n| c |\n", 5, "is its rule"),
            (
                "# k\n## a\n### m\n| b |\n| --- | --- |\n",
                5,
                "number of cells",
            ),
            ("# k\n## a\n### m\nb\n| c |\n", 5, "blank line before"),
            ("# k\n## a\n### m\n| b |\nc\n", 5, "blank line between"),
        ] {
            let slip = read("k", text).unwrap_err();
            assert_eq!(slip.line, line, "{text:?}: {slip}");
            assert!(slip.what.contains(what), "{text:?}: {slip}");
        }
    }
}
