//! How wide the screen is, and whether it wants colour.

use crate::cli::{Color, Terminal};
use crate::report::{table, text};
use std::io::{IsTerminal, Write};

/// Columns of a table when the terminal does not say.
const WIDTH: usize = 100;

/// Columns of standard output: the user's wish, for pipes too, else the terminal's.
pub(super) fn columns() -> Option<usize> {
    let wish = std::env::var("COLUMNS").ok().and_then(|c| c.parse().ok());
    wish.or_else(|| {
        std::io::stdout()
            .is_terminal()
            .then(terminal_size::terminal_size)
            .flatten()
            .map(|(width, _)| usize::from(width.0))
    })
}

/// How to draw tables there, or in a file.
pub(super) fn style(terminal: &Terminal, to_file: bool) -> table::Style {
    let shown = !to_file && std::io::stdout().is_terminal();
    table::Style {
        width: if to_file {
            WIDTH
        } else {
            columns().unwrap_or(WIDTH)
        },
        color: match terminal.color {
            Color::Always => true,
            Color::Never => false,
            // https://no-color.org
            Color::Auto => shown && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty()),
        },
    }
}

/// A note for the user, on standard error; nothing with `--quiet`.
pub(super) fn note(terminal: &Terminal, said: &str) {
    if !terminal.quiet {
        // Who closed standard error wants no notes.
        let _ = writeln!(
            std::io::stderr().lock(),
            "drone-audit: note: {}",
            text::terminal(said)
        );
    }
}
