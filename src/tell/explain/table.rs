//! A table in plain text: columns side by side where they fit, else one cell below the other.

use crate::ground::text;

/// Blanks between two columns.
const GAP: usize = 2;
/// A last column that is narrower than this is hard to read.
const LAST_MIN: usize = 28;

/// The lines of a table; the first row is its head.
pub(super) fn lines(rows: &[Vec<String>], width: usize) -> Vec<String> {
    let columns = rows.first().map_or(0, Vec::len);
    let before: Vec<usize> = (0..columns.saturating_sub(1))
        .map(|column| widest(rows, column))
        .collect();
    let taken = before
        .iter()
        .fold(0_usize, |sum, w| sum.saturating_add(*w).saturating_add(GAP));
    let last = widest(rows, columns.saturating_sub(1));
    if taken.saturating_add(last.min(LAST_MIN)) <= width {
        beside(rows, &before, width.saturating_sub(taken).min(last))
    } else {
        below(rows, width)
    }
}

fn widest(rows: &[Vec<String>], column: usize) -> usize {
    let cells = rows.iter().filter_map(|row| row.get(column));
    cells.map(|cell| text::width(cell)).max().unwrap_or(0)
}

/// Columns side by side; only the last one is wrapped.
fn beside(rows: &[Vec<String>], before: &[usize], last: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for (index, row) in rows.iter().enumerate() {
        let mut label = String::new();
        for (cell, width) in row.iter().zip(before) {
            label.push_str(&padded(cell, *width));
            label.push_str(&" ".repeat(GAP));
        }
        let cell = row.get(before.len()).map_or("", String::as_str);
        for line in text::wrap(cell, last.max(1)) {
            lines.push(format!("{label}{line}").trim_end().to_owned());
            label = " ".repeat(text::width(&label));
        }
        if index == 0 {
            let rules = before.iter().chain([&last]).map(|w| "-".repeat(*w));
            lines.push(rules.collect::<Vec<_>>().join(&" ".repeat(GAP)));
        }
    }
    lines
}

fn padded(cell: &str, width: usize) -> String {
    let blanks = width.saturating_sub(text::width(cell));
    format!("{cell}{:blanks$}", "")
}

/// Cells one below the other: the first is a heading, and the others say which column they are.
fn below(rows: &[Vec<String>], width: usize) -> Vec<String> {
    let Some((head, rows)) = rows.split_first() else {
        return Vec::new();
    };
    let mut lines = Vec::new();
    for row in rows {
        let mut cells = row.iter().zip(head);
        if let Some((first, _)) = cells.next() {
            lines.extend(text::wrap(first, width));
        }
        for (cell, name) in cells.filter(|(cell, _)| !cell.is_empty()) {
            let words = match head.len() {
                0..=2 => cell.clone(),
                _ => format!("{name}: {cell}"),
            };
            let wrapped = text::wrap(&words, width.saturating_sub(GAP));
            lines.extend(wrapped.iter().map(|line| format!("{:GAP$}{line}", "")));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Vec<Vec<String>> {
        [
            ["id", "blocks", "meaning"],
            [
                "too-short",
                "yes",
                "less time than silence needs to mean anything",
            ],
            ["b", "", "one"],
        ]
        .map(|row| row.map(str::to_owned).to_vec())
        .to_vec()
    }

    #[test]
    fn columns_stand_side_by_side_and_the_last_is_wrapped() {
        assert_eq!(
            lines(&table(), 50),
            [
                "id         blocks  meaning",
                "---------  ------  -------------------------------",
                "too-short  yes     less time than silence needs to",
                "                   mean anything",
                "b                  one",
            ]
        );
    }

    #[test]
    fn where_they_do_not_fit_cells_stand_below_each_other() {
        assert_eq!(
            lines(&table(), 40),
            [
                "too-short",
                "  blocks: yes",
                "  meaning: less time than silence needs",
                "  to mean anything",
                "b",
                "  meaning: one",
            ]
        );
        assert!(lines(&[], 40).is_empty());
    }
}
