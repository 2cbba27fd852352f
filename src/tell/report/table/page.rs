//! Lines on a terminal: everything that is printed passes here, escaped and within the width.

use super::grid::{Cell, Column};
use super::{Style, grid};
use crate::ground::text;
use crate::tell::report::words::Sense;
use std::io::{self, Write};
use tabled::settings::Color;

/// Narrower terminals get lines of this width: tables need that much.
const WIDTH_MIN: usize = 40;
/// Wider lines are no easier to read.
const WIDTH_MAX: usize = 1_000;

impl Sense {
    /// As a colour of a table cell.
    pub(super) fn color(self) -> Color {
        match self {
            Self::Against => Color::FG_RED | Color::BOLD,
            Self::Open => Color::FG_YELLOW | Color::BOLD,
            Self::For => Color::FG_GREEN | Color::BOLD,
            Self::Aside => Color::FG_CYAN,
        }
    }
}

/// The terminal, line by line.
pub(super) struct Page<'a> {
    out: &'a mut dyn Write,
    width: usize,
    color: bool,
}

impl<'a> Page<'a> {
    pub(super) fn new(style: Style, out: &'a mut dyn Write) -> Self {
        Self {
            out,
            width: style.width.clamp(WIDTH_MIN, WIDTH_MAX),
            color: style.color,
        }
    }

    /// Columns of a line.
    pub(super) fn width(&self) -> usize {
        self.width
    }

    pub(super) fn blank(&mut self) -> io::Result<()> {
        writeln!(self.out)
    }

    /// A section's title, drawn to the full width.
    pub(super) fn heading(&mut self, title: &str) -> io::Result<()> {
        /// The two lines, the two spaces, and at least one line behind.
        const FRAME: usize = 5;
        let title = text::shorten(title, self.width.saturating_sub(FRAME));
        let used = text::width(&title).saturating_add(4);
        let tail = "─".repeat(self.width.saturating_sub(used));
        writeln!(self.out, "\n── {title} {tail}")
    }

    /// A paragraph.
    pub(super) fn text(&mut self, indent: usize, words: &str) -> io::Result<()> {
        let words = text::terminal(words);
        for line in text::wrap(&words, self.width.saturating_sub(indent)) {
            writeln!(self.out, "{:indent$}{line}", "")?;
        }
        Ok(())
    }

    /// A paragraph behind a label, indented as deep as the label is long (if it is short).
    pub(super) fn item(&mut self, indent: usize, label: &str, words: &str) -> io::Result<()> {
        let hang = match text::width(label).saturating_add(1) {
            short if short <= 12 => indent.saturating_add(short),
            _ => indent.saturating_add(2),
        };
        let label = text::terminal(label);
        let words = text::terminal(words);
        let lead = text::width(&label).saturating_add(1);
        let columns = self.width.saturating_sub(hang);
        let taken = lead.saturating_sub(hang.saturating_sub(indent));
        let mut lines = text::wrap_behind(&words, taken, columns).into_iter();
        let first = lines.next().unwrap_or_default();
        writeln!(
            self.out,
            "{:indent$}{}",
            "",
            format!("{label} {first}").trim_end()
        )?;
        for line in lines {
            writeln!(self.out, "{:hang$}{line}", "")?;
        }
        Ok(())
    }

    /// A paragraph that begins with a coloured word.
    pub(super) fn marked(
        &mut self,
        indent: usize,
        word: &str,
        sense: Sense,
        rest: &str,
    ) -> io::Result<()> {
        let mark = text::terminal(word);
        let words = text::terminal(rest);
        let hang = indent.saturating_add(2);
        let lines = text::wrap(
            &format!("{mark} · {words}"),
            self.width.saturating_sub(hang),
        );
        for (index, line) in lines.iter().enumerate() {
            let indent = if index == 0 { indent } else { hang };
            match line.strip_prefix(&*mark) {
                Some(tail) if index == 0 && self.color => {
                    writeln!(
                        self.out,
                        "{:indent$}{}{tail}",
                        "",
                        sense.color().colorize(&*mark)
                    )?;
                }
                _ => writeln!(self.out, "{:indent$}{line}", "")?,
            }
        }
        Ok(())
    }

    /// A table; nothing without rows.
    pub(super) fn table(&mut self, columns: &[Column], rows: Vec<Vec<Cell>>) -> io::Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        let drawn = grid::draw(columns, rows, self.width, self.color);
        writeln!(self.out, "{drawn}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_a_paragraph_stay_within_the_width_and_hang_under_their_label() {
        let mut out = Vec::new();
        let style = Style {
            width: 40,
            color: false,
        };
        let mut page = Page::new(style, &mut out);
        page.item(
            2,
            "- no-app-activity:",
            "a text that is longer than what is left of one line",
        )
        .unwrap();
        page.item(
            2,
            "first",
            "2025-03-01T10:00:00.123456789Z and some more words",
        )
        .unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "  - no-app-activity: a text that is\n    longer than what is left of one line\n  \
             first 2025-03-01T10:00:00.123456789Z\n        and some more words\n"
        );
    }
}
