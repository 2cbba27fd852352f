//! Tables whose columns share the width of the terminal, with every cell broken to fit.

use crate::ground::text;
use crate::tell::report::words::Sense;
use tabled::builder::Builder;
use tabled::settings::object::{Cell as At, Columns};
use tabled::settings::{Alignment, Modify, Style};

/// A column.
#[derive(Debug, Clone, Copy)]
pub(in crate::tell) struct Column {
    title: &'static str,
    /// Columns below which its content is of no use.
    least: usize,
    right: bool,
}

impl Column {
    pub(in crate::tell) fn left(title: &'static str, least: usize) -> Self {
        Self {
            title,
            least,
            right: false,
        }
    }

    pub(in crate::tell) fn right(title: &'static str, least: usize) -> Self {
        Self {
            title,
            least,
            right: true,
        }
    }
}

/// A line of a cell, not yet escaped.
#[derive(Debug, Clone)]
pub(in crate::tell) enum Line {
    /// Broken where it is too long.
    Text(String),
    /// A host name: broken between labels where it is too long, and never cut.
    Host(String),
}

impl Line {
    fn natural(&self) -> usize {
        match self {
            Self::Text(words) => text::width(&text::terminal(words)),
            Self::Host(name) => text::width(&text::host(name)),
        }
    }

    fn fit(&self, columns: usize) -> Vec<String> {
        match self {
            Self::Text(words) => text::wrap(&text::terminal(words), columns),
            Self::Host(name) => text::wrap_host(name, columns),
        }
    }
}

/// A cell.
#[derive(Debug, Clone)]
pub(in crate::tell) struct Cell {
    lines: Vec<Line>,
    paint: Option<Sense>,
}

impl Cell {
    pub(in crate::tell) fn lines(lines: impl IntoIterator<Item = Line>) -> Self {
        Self {
            lines: lines.into_iter().collect(),
            paint: None,
        }
    }

    /// Cells of one line each.
    pub(in crate::tell) fn row<const N: usize>(words: [String; N]) -> Vec<Self> {
        words.into_iter().map(Self::from).collect()
    }

    pub(in crate::tell) fn paint(self, sense: Sense) -> Self {
        Self {
            paint: Some(sense),
            ..self
        }
    }
}

impl From<String> for Cell {
    fn from(words: String) -> Self {
        Self::lines([Line::Text(words)])
    }
}

/// Blanks and borders of `columns` columns: `│ a │ b │`.
fn frame(columns: usize) -> usize {
    columns.saturating_mul(3).saturating_add(1)
}

/// Widths of the columns: what each would like, or else what the width allows, shared out from the
/// narrowest up so that short columns are never broken for the sake of long ones.
fn share(columns: &[Column], natural: &[usize], width: usize) -> Vec<usize> {
    let budget = width.saturating_sub(frame(columns.len()));
    if natural.iter().sum::<usize>() <= budget {
        return natural.to_vec();
    }
    let mut widths: Vec<usize> = columns
        .iter()
        .zip(natural)
        .map(|(column, natural)| column.least.min(*natural).max(1))
        .collect();
    while widths.iter().sum::<usize>() < budget {
        let narrowest = widths
            .iter_mut()
            .zip(natural)
            .filter(|(have, natural)| **have < **natural)
            .map(|(have, _)| have)
            .min();
        match narrowest {
            Some(have) => *have = have.saturating_add(1),
            None => break,
        }
    }
    widths
}

/// Draws a table of at most `width` columns, as long as `least` of its columns fits in there. Without a line break at
/// the end.
pub(in crate::tell) fn draw(
    columns: &[Column],
    rows: Vec<Vec<Cell>>,
    width: usize,
    color: bool,
) -> String {
    let natural: Vec<usize> = columns
        .iter()
        .enumerate()
        .map(|(index, column)| {
            let cells = rows.iter().filter_map(|row| row.get(index));
            let lines = cells.flat_map(|cell| &cell.lines).map(Line::natural);
            lines.max().unwrap_or(0).max(text::width(column.title))
        })
        .collect();
    let widths = share(columns, &natural, width);

    let mut builder = Builder::with_capacity(rows.len().saturating_add(1), columns.len());
    let titles = columns.iter().zip(&widths);
    builder.push_record(titles.map(|(column, width)| text::wrap(column.title, *width).join("\n")));
    let mut tall = false;
    for row in &rows {
        builder.push_record(row.iter().zip(&widths).map(|(cell, width)| {
            let lines: Vec<String> = cell
                .lines
                .iter()
                .flat_map(|line| line.fit(*width))
                .collect();
            tall |= lines.len() > 1;
            lines.join("\n")
        }));
    }
    let mut table = builder.build();
    if tall {
        // Rows of several lines need lines between them.
        table.with(Style::modern_rounded());
    } else {
        table.with(Style::rounded());
    }
    for (index, _) in columns
        .iter()
        .enumerate()
        .filter(|(_, column)| column.right)
    {
        table.with(Modify::new(Columns::one(index)).with(Alignment::right()));
    }
    if color {
        for (row, cells) in rows.iter().enumerate() {
            for (index, cell) in cells.iter().enumerate() {
                let Some(sense) = cell.paint else {
                    continue;
                };
                let at = At::new(row.saturating_add(1), index);
                table.with(Modify::new(at).with(sense.color()));
            }
        }
    }
    table.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_that_fits_keeps_its_natural_widths() {
        let columns = [Column::left("name", 4), Column::right("out", 3)];
        let rows = vec![vec![
            Cell::from("a.test".to_owned()),
            Cell::from("7 B".to_owned()),
        ]];
        assert_eq!(
            draw(&columns, rows, 80, false),
            "╭────────┬─────╮\n│ name   │ out │\n├────────┼─────┤\n│ a.test │ 7 B │\n╰────────┴─────╯"
        );
    }

    #[test]
    fn long_columns_give_way_before_short_ones() {
        let columns = [
            Column::left("id", 2),
            Column::left("text", 4),
            Column::left("host", 4),
        ];
        assert_eq!(share(&columns, &[3, 100, 100], 50), [3, 19, 18]);
        assert_eq!(share(&columns, &[3, 10, 100], 50), [3, 10, 27]);
        assert_eq!(share(&columns, &[3, 100, 100], 5), [2, 4, 4]);
    }

    #[test]
    fn no_cell_draws_outside_its_box() {
        let columns = [Column::left("name", 4), Column::left("host", 8)];
        let rows = vec![vec![
            Cell::lines([Line::Text("two\nlines │ 大疆\u{1b}[2J\u{202e}".to_owned())])
                .paint(Sense::Against),
            Cell::lines([Line::Host(format!("dji.com.{}.evil.test", "x".repeat(200)))]),
        ]];
        for width in 20..120 {
            let drawn = draw(&columns, rows.clone(), width, false);
            assert!(!drawn.contains(['\u{1b}', '\u{202e}']));
            assert!(
                drawn.lines().all(|line| text::width(line) <= width),
                "{width}\n{drawn}"
            );
        }
        let narrow = draw(&columns, rows.clone(), 40, false);
        assert!(
            narrow.contains("│ dji.com.") && narrow.contains(".evil.test "),
            "{narrow}"
        );
        let colored = draw(&columns, rows, 400, true);
        assert!(colored.contains("\u{1b}[31m"), "{colored:?}");
    }
}
