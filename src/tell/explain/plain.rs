//! The texts on a terminal: wrapped to its width, without colour, commands never broken.

use super::{Block, Entry, IdKind, Library, table};
use crate::ground::text;
use std::io::{self, Write};

/// Narrower terminals get lines of this width.
const WIDTH_MIN: usize = 40;
/// Blanks before the text of a section.
const INDENT: usize = 2;

/// Writes the entries of one id.
///
/// # Errors
/// When `out` cannot be written to.
pub fn entries(entries: &[&Entry], width: usize, out: &mut dyn Write) -> io::Result<()> {
    for (index, entry) in entries.iter().enumerate() {
        if index > 0 {
            writeln!(out)?;
        }
        one(entry, width.max(WIDTH_MIN), out)?;
    }
    Ok(())
}

fn one(entry: &Entry, width: usize, out: &mut dyn Write) -> io::Result<()> {
    let head = format!("{} ({})", entry.id, entry.kind.word());
    paragraph(&head, 0, width, out)?;
    paragraph(&entry.title, 0, width, out)?;
    let facts = entry.facts();
    if !facts.is_empty() {
        writeln!(out)?;
    }
    for fact in facts {
        hanging("", &fact, INDENT, width, out)?;
    }
    for section in &entry.sections {
        writeln!(out)?;
        paragraph(entry.kind.section(&section.key), 0, width, out)?;
        let mut before: Option<&Block> = None;
        for block in &section.blocks {
            // Items stand close together, everything else apart.
            let apart = match (before, block) {
                (None, _) | (Some(Block::Item(_)), Block::Item(_)) => false,
                (Some(_), _) => true,
            };
            if apart {
                writeln!(out)?;
            }
            match block {
                Block::Paragraph(words) => paragraph(words, INDENT, width, out)?,
                Block::Item(words) => {
                    write!(out, "{:INDENT$}", "")?;
                    hanging("- ", words, INDENT.saturating_add(2), width, out)?;
                }
                Block::Table(rows) => {
                    for line in table::lines(rows, width.saturating_sub(INDENT)) {
                        writeln!(out, "{}", format!("{:INDENT$}{line}", "").trim_end())?;
                    }
                }
                Block::Code(lines) => {
                    for line in lines {
                        let indent = INDENT.saturating_add(2);
                        writeln!(out, "{}", format!("{:indent$}{line}", "").trim_end())?;
                    }
                }
            }
            before = Some(block);
        }
    }
    Ok(())
}

/// Writes the list of all ids, grouped by kind.
///
/// # Errors
/// When `out` cannot be written to.
pub fn list(library: &Library, width: usize, out: &mut dyn Write) -> io::Result<()> {
    let width = width.max(WIDTH_MIN);
    for kind in IdKind::ALL {
        let of_kind = || library.entries().iter().filter(move |e| e.kind == kind);
        paragraph(kind.heading(), 0, width, out)?;
        let longest = of_kind().map(|e| text::width(&e.id)).max().unwrap_or(0);
        let hang = INDENT.saturating_add(longest).saturating_add(2);
        for entry in of_kind() {
            // Titles need at least half a line of their own.
            if hang.saturating_mul(2) > width {
                writeln!(out, "{:INDENT$}{}", "", entry.id)?;
                paragraph(&entry.title, INDENT.saturating_mul(2), width, out)?;
                continue;
            }
            let label = format!("{:longest$}  ", entry.id);
            write!(out, "{:INDENT$}", "")?;
            hanging(&label, &entry.title, hang, width, out)?;
        }
        writeln!(out)?;
    }
    paragraph(
        "'drone-audit explain ID' prints the text of an id.",
        0,
        width,
        out,
    )
}

fn paragraph(words: &str, indent: usize, width: usize, out: &mut dyn Write) -> io::Result<()> {
    for line in text::wrap(words, width.saturating_sub(indent)) {
        writeln!(out, "{:indent$}{line}", "")?;
    }
    Ok(())
}

/// A paragraph behind a label; its further lines begin at column `hang`.
fn hanging(
    label: &str,
    words: &str,
    hang: usize,
    width: usize,
    out: &mut dyn Write,
) -> io::Result<()> {
    let lines = text::wrap(words, width.saturating_sub(hang));
    for (index, line) in lines.iter().enumerate() {
        if index == 0 {
            writeln!(out, "{label}{line}")?;
        } else {
            writeln!(out, "{:hang$}{line}", "")?;
        }
    }
    Ok(())
}
