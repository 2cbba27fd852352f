//! The comparison as GitHub-flavoured Markdown, for a pull request or an issue.
//!
//! Everything from captures and reports stands in code spans, where no character starts a link, a
//! mention, HTML or emphasis (CommonMark 0.31 §6.1; GFM §4.10 for tables). The two characters that
//! could end a span or a cell, and everything that is not seen, are written as `\u{…}`.

use super::shown::{
    amounts, arrow, asked, by_status, endpoint, firsts, headline, mark, meaning, side, unnamed,
    whereabouts, whose,
};
use super::{DestinationChange, Diff, LookupChange};
use crate::ground::text;
use std::io::{self, Write};

/// Rows of one table: GitHub cuts comments at 65 536 characters.
const ROWS_MAX: usize = 50;

/// Writes the comparison.
///
/// # Errors
/// When the writer fails.
pub fn write(diff: &Diff, out: &mut dyn Write) -> io::Result<()> {
    let (word, rest) = headline(diff);
    writeln!(out, "# Comparison: {word}\n")?;
    writeln!(out, "{}", meaning(diff))?;
    writeln!(out, "{rest}.\n")?;
    writeln!(out, "| side | file | what |\n| --- | --- | --- |")?;
    for (name, one) in [("baseline", &diff.baseline), ("capture", &diff.capture)] {
        writeln!(
            out,
            "| {name} | {} | {} |",
            code(&one.path),
            code(&side(one))
        )?;
    }
    if !diff.claims.is_empty() {
        writeln!(
            out,
            "\n## Verdicts\n\n| claim | baseline | capture |\n| --- | --- | --- |"
        )?;
        for claim in &diff.claims {
            let (id, was, is) = (
                code(&claim.id),
                code(claim.before.id()),
                code(claim.after.id()),
            );
            writeln!(out, "| {id} | {was} | {is} |")?;
        }
    }
    for (title, to, asked) in by_status(diff) {
        destinations(&to, &format!("{title} destinations"), out)?;
        lookups(&asked, &format!("{title} lookups"), out)?;
    }
    if !diff.limits.is_empty() {
        writeln!(out, "\n## What this comparison cannot say\n")?;
        for limit in &diff.limits {
            writeln!(out, "- {}", prose(limit))?;
        }
    }
    Ok(())
}

fn destinations(rows: &[&DestinationChange], title: &str, out: &mut dyn Write) -> io::Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n## {title}\n")?;
    writeln!(
        out,
        "| whose | destination | before → after | what | seen |\n| --- | --- | --- | --- | --- |"
    )?;
    for row in rows.iter().take(ROWS_MAX) {
        let name = row.host.clone().unwrap_or_else(|| unnamed(row));
        let place = [name, endpoint(row)].into_iter().chain(whereabouts(row));
        let what = row.changes.iter().map(|c| format!("{}: {}", c.id, c.text));
        writeln!(
            out,
            "| {}{} | {} | {} | {} | {} |",
            mark(row.news),
            code(&whose(row)),
            cell(place),
            cell(amounts(row)),
            cell(what.chain(row.notes.iter().cloned())),
            cell(firsts(row)),
        )?;
    }
    left_out(rows.len(), out)
}

fn lookups(rows: &[&LookupChange], title: &str, out: &mut dyn Write) -> io::Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n## {title}\n")?;
    writeln!(
        out,
        "| whose | name | times | what | seen |\n| --- | --- | --- | --- | --- |"
    )?;
    for row in rows.iter().take(ROWS_MAX) {
        let both = |get: fn(&super::Asked) -> String| {
            arrow(row.before.as_ref().map(get), row.after.as_ref().map(get))
        };
        let what = row.changes.iter().map(|c| format!("{}: {}", c.id, c.text));
        writeln!(
            out,
            "| {}{} | {} | {} | {} | {} |",
            mark(row.news),
            code(&both(|t| t.attribution.to_string())),
            code(&row.name),
            code(&both(|t| t.count.to_string())),
            cell(what.chain(row.notes.iter().cloned())),
            cell(asked(row.before.as_ref(), row.after.as_ref())),
        )?;
    }
    left_out(rows.len(), out)
}

fn left_out(all: usize, out: &mut dyn Write) -> io::Result<()> {
    match all.checked_sub(ROWS_MAX) {
        None | Some(0) => Ok(()),
        Some(more) => writeln!(out, "\n{more} more are in the JSON form (-o json)."),
    }
}

/// Lines of a cell, each in a code span.
fn cell(lines: impl IntoIterator<Item = String>) -> String {
    let lines: Vec<String> = lines.into_iter().map(|line| code(&line)).collect();
    lines.join("<br>")
}

/// A code span that nothing inside can leave, and no cell either.
fn code(words: &str) -> String {
    let words = text::terminal(words);
    let words = words.replace('`', r"\u{60}").replace('|', r"\u{7c}");
    match words.trim() {
        "" => String::new(),
        words => format!("`{words}`"),
    }
}

/// Running text of our own; ids of gaps in it are a report's, so what could be markup is escaped.
fn prose(words: &str) -> String {
    let mut out = String::new();
    for c in text::terminal(words).chars() {
        if "\\`*_{}[]<>#|~&@!$".contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_leaves_its_code_span_or_cell() {
        for (hostile, shown) in [
            ("a|b", r"`a\u{7c}b`"),
            ("``` @user", r"`\u{60}\u{60}\u{60} @user`"),
            ("<b>\n| x", r"`<b>\u{a}\u{7c} x`"),
            ("ends\\", r"`ends\`"),
            ("\u{202e}x", r"`\u{202e}x`"),
            (" ", ""),
        ] {
            assert_eq!(code(hostile), shown);
        }
        assert_eq!(cell(["a".to_owned(), "b`".to_owned()]), r"`a`<br>`b\u{60}`");
        assert_eq!(prose("a_b <x> @me"), r"a\_b \<x\> \@me");
    }
}
