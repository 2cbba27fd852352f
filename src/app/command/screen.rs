//! What the terminal is like, and what its user wants to see: width, colour, progress, notes.

use crate::app::cli::{Color, Terminal};
use crate::ground::parallel::Threads;
use crate::ground::progress::{Look, Progress};
use crate::ground::{error, text};
use crate::observe::capture::Means;
use crate::tell::report::table;
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
    let target = if to_file {
        Target::File
    } else if std::io::stdout().is_terminal() {
        Target::Terminal
    } else {
        Target::Pipe
    };
    table::Style {
        width: if to_file {
            WIDTH
        } else {
            columns().unwrap_or(WIDTH)
        },
        color: colored(terminal.color, &Wishes::of_environment(), target),
    }
}

/// Where something is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Target {
    Terminal,
    Pipe,
    File,
}

/// What the environment says about terminals.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Wishes {
    /// <https://no-color.org>: set and not empty.
    no_color: bool,
    /// <https://bixense.com/clicolors>: set, not empty and not `0`.
    force: bool,
    /// The same: `CLICOLOR=0`.
    clicolor_off: bool,
    /// A terminal without control sequences.
    dumb: bool,
}

impl Wishes {
    fn of_environment() -> Self {
        let said = Self::of(|name| {
            std::env::var_os(name).map(|value| value.to_string_lossy().into_owned())
        });
        Self {
            dumb: said.dumb || !knows_sequences(),
            ..said
        }
    }

    fn of(variable: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        let terminal = set("TERM");
        Self {
            no_color: set("NO_COLOR").is_some(),
            force: set("CLICOLOR_FORCE").is_some_and(|value| value != "0"),
            clicolor_off: variable("CLICOLOR").is_some_and(|value| value == "0"),
            // Consoles of Windows set no TERM.
            dumb: terminal.map_or(cfg!(unix), |name| name == "dumb"),
        }
    }
}

/// Consoles of Windows take control sequences for text until they are asked not to, and old ones always. A progress
/// line needs it too: it is not shown where standard output is no console, which is not asked then.
#[cfg(windows)]
fn knows_sequences() -> bool {
    anstyle_query::windows::enable_ansi_colors().unwrap_or(false)
}

/// Terminals elsewhere say by TERM what they know.
#[cfg(not(windows))]
fn knows_sequences() -> bool {
    true
}

/// Whether to use colour: the option decides, then `NO_COLOR`, then `CLICOLOR_FORCE`, then the rest.
///
/// The environment never colours a file: the same command gives the same bytes there.
fn colored(option: Color, wishes: &Wishes, target: Target) -> bool {
    match option {
        Color::Always => true,
        Color::Never => false,
        Color::Auto if wishes.no_color || target == Target::File => false,
        Color::Auto if wishes.force => true,
        Color::Auto => target == Target::Terminal && !wishes.clicolor_off && !wishes.dumb,
    }
}

/// By what means to read captures, as the user wants it.
pub(super) fn means(terminal: &Terminal) -> Means {
    let stderr = std::io::stderr();
    let target = if stderr.is_terminal() {
        Target::Terminal
    } else {
        Target::Pipe
    };
    let width = || {
        let size = terminal_size::terminal_size_of(std::io::stderr());
        size.map_or(WIDTH, |(width, _)| usize::from(width.0))
    };
    let progress = match progress(terminal, &Wishes::of_environment(), target) {
        Shown::Not => Progress::default(),
        Shown::Log => Progress::on(Box::new(stderr), Look::Log),
        Shown::Line => Progress::on(Box::new(stderr), Look::Line(width())),
    };
    Means {
        thorough: false,
        threads: terminal
            .threads
            .map_or_else(Threads::default, Threads::at_most),
        progress,
        until: None,
    }
}

/// How progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shown {
    Not,
    Line,
    Log,
}

/// On a terminal, or where it was asked for; never against `--quiet`.
fn progress(terminal: &Terminal, wishes: &Wishes, target: Target) -> Shown {
    if terminal.quiet || terminal.no_progress {
        Shown::Not
    } else if target == Target::Terminal && !wishes.dumb {
        Shown::Line
    } else if terminal.progress {
        Shown::Log
    } else {
        Shown::Not
    }
}

/// A note for the user, on standard error; nothing with `--quiet`.
pub(super) fn note(terminal: &Terminal, said: &str) {
    if !terminal.quiet {
        say("note", said);
    }
}

/// An error beside the one that the command ends with.
pub(super) fn error(error: &error::Error) {
    say("error", &error.to_string());
}

fn say(what: &str, said: &str) {
    // Who closed standard error wants to hear nothing.
    let _ = writeln!(
        std::io::stderr().lock(),
        "drone-audit: {what}: {}",
        text::terminal(said)
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wishes(variables: &str) -> Wishes {
        Wishes::of(|name| {
            let set = variables.split(' ').filter_map(|v| v.split_once('='));
            let mut set = set.filter(|(have, _)| *have == name);
            set.next().map(|(_, value)| value.to_owned())
        })
    }

    #[test]
    fn who_decides_on_colour() {
        use Color::{Always, Auto, Never};
        use Target::{File, Pipe, Terminal};
        let unknown = !cfg!(unix);
        let table = [
            // The option is above all.
            (Always, "NO_COLOR=1 CLICOLOR=0 TERM=dumb", File, true),
            (Always, "NO_COLOR=1", Pipe, true),
            (Never, "CLICOLOR_FORCE=1 TERM=xterm", Terminal, false),
            // Without wishes: a terminal that is none too simple.
            (Auto, "TERM=xterm-256color", Terminal, true),
            (Auto, "TERM=xterm-256color", Pipe, false),
            (Auto, "TERM=xterm-256color", File, false),
            (Auto, "TERM=dumb", Terminal, false),
            (Auto, "", Terminal, unknown),
            (Auto, "TERM=", Terminal, unknown),
            // NO_COLOR counts if it is not empty, whatever it says, and against CLICOLOR_FORCE.
            (Auto, "NO_COLOR=1 TERM=xterm", Terminal, false),
            (Auto, "NO_COLOR=0 TERM=xterm", Terminal, false),
            (Auto, "NO_COLOR= TERM=xterm", Terminal, true),
            (
                Auto,
                "NO_COLOR=1 CLICOLOR_FORCE=1 TERM=xterm",
                Terminal,
                false,
            ),
            // CLICOLOR_FORCE: pipes too, but no files.
            (Auto, "CLICOLOR_FORCE=1", Pipe, true),
            (
                Auto,
                "CLICOLOR_FORCE=1 TERM=dumb CLICOLOR=0",
                Terminal,
                true,
            ),
            (Auto, "CLICOLOR_FORCE=1", File, false),
            (Auto, "CLICOLOR_FORCE=0", Pipe, false),
            (Auto, "CLICOLOR_FORCE=", Pipe, false),
            // CLICOLOR: only 0 says something.
            (Auto, "CLICOLOR=0 TERM=xterm", Terminal, false),
            (Auto, "CLICOLOR=1 TERM=xterm", Terminal, true),
            (Auto, "CLICOLOR=1 TERM=xterm", Pipe, false),
        ];
        for (option, variables, target, want) in table {
            let have = colored(option, &wishes(variables), target);
            assert_eq!(have, want, "{option:?} {variables:?} {target:?}");
        }
    }

    #[test]
    fn progress_is_for_terminals_and_for_who_asks() {
        let asked = |progress, no_progress, quiet| Terminal {
            color: Color::Auto,
            progress,
            no_progress,
            threads: None,
            quiet,
            verbose: 0,
        };
        let (xterm, dumb) = (wishes("TERM=xterm"), wishes("TERM=dumb"));
        let (silent, wanted) = (asked(false, false, false), asked(true, false, false));
        let table = [
            (&silent, &xterm, Target::Terminal, Shown::Line),
            (&silent, &dumb, Target::Terminal, Shown::Not),
            (&silent, &xterm, Target::Pipe, Shown::Not),
            (&wanted, &xterm, Target::Terminal, Shown::Line),
            (&wanted, &dumb, Target::Terminal, Shown::Log),
            (&wanted, &xterm, Target::Pipe, Shown::Log),
            (
                &asked(false, true, false),
                &xterm,
                Target::Terminal,
                Shown::Not,
            ),
            (
                &asked(true, false, true),
                &xterm,
                Target::Terminal,
                Shown::Not,
            ),
        ];
        for (terminal, wishes, target, want) in table {
            let have = progress(terminal, wishes, target);
            assert_eq!(have, want, "{terminal:?} {wishes:?} {target:?}");
        }
    }
}
