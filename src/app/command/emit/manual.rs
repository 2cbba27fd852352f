//! Manual pages (roff, man(7)), one for the program and one for each command, from the definition
//! that parses the command line. They bear the date of their texts and nothing of the machine that writes them.

use crate::app::cli::Cli;
use crate::ground::error::{Error, reason};
use crate::ground::unfinished::Unfinished;
use crate::ground::{near, text};
use clap::{Command, CommandFactory};
use clap_mangen::Man;
use std::io::{self, Write};
use std::path::Path;

/// Commands a user runs (man(7)).
const SECTION: &str = "1";
/// The day on which the texts were changed last.
const DATED: &str = "2026-11-30";

/// A manual page.
pub(super) struct Page {
    /// Such as `drone-audit-check.1`.
    pub(super) file: String,
    pub(super) text: Vec<u8>,
}

/// The page of the program, or of one of its commands.
///
/// # Errors
/// When there is no such command.
pub(super) fn of(command: Option<&str>) -> Result<Page, Error> {
    let program = program();
    let Some(name) = command else {
        return page(&program);
    };
    match program.find_subcommand(name) {
        Some(command) => page(command),
        None => {
            let known: Vec<&str> = program.get_subcommands().map(Command::get_name).collect();
            let meant = near::meant(name, known.iter().copied());
            Err(Error::at(text::terminal(name), "this command is not known")
                .advise(meant.unwrap_or_else(|| format!("use one of: {}", known.join(", ")))))
        }
    }
}

/// Writes all pages into a folder. They get their names only when all are written.
///
/// # Errors
/// When one cannot be written, naming it.
pub(super) fn write_all(folder: &Path) -> Result<(), Error> {
    let program = program();
    let pages: Vec<Page> = std::iter::once(&program)
        .chain(program.get_subcommands())
        .map(page)
        .collect::<Result<_, _>>()?;
    let refuse = |path: &Path, e: &io::Error| {
        let place = path.display().to_string();
        Error::at(
            text::terminal(&place),
            format!("cannot write: {}", words(e)),
        )
        .advise("name a folder that is there and can be written to")
    };
    let mut written = Vec::new();
    for page in &pages {
        let file = Unfinished::inside(folder).and_then(|mut file| {
            file.write_all(&page.text)?;
            Ok(file)
        });
        written.push(file.map_err(|e| refuse(folder, &e))?);
    }
    for (page, file) in pages.iter().zip(written) {
        let target = folder.join(&page.file);
        file.persist(&target).map_err(|e| refuse(&target, &e))?;
    }
    Ok(())
}

/// The reason alone: the temporary name that a failed creation mentions says nothing to the user.
fn words(e: &io::Error) -> String {
    let whole = reason(e);
    let words = whole.split(" at path ").next().unwrap_or(&whole);
    text::terminal(words).into_owned()
}

/// The command line, with the options of all commands handed down to each.
fn program() -> Command {
    let mut program = Cli::command();
    program.build();
    program
}

fn page(command: &Command) -> Result<Page, Error> {
    let man = Man::new(command.clone())
        .section(SECTION)
        .date(DATED)
        .source(concat!("drone-audit ", env!("CARGO_PKG_VERSION")));
    let mut text = Vec::new();
    man.render(&mut text)
        .map_err(|e| Error::new(format!("cannot write a manual page: {}", reason(&e))))?;
    Ok(Page {
        file: man.get_filename(),
        text: plain(&String::from_utf8_lossy(&text)).into_bytes(),
    })
}

/// Without line breaks beside vertical space, which say nothing and which `mandoc -T lint` warns of.
/// An empty line is vertical space as well (groff(7), mandoc(1)).
fn plain(page: &str) -> String {
    const BREAK: &str = ".br";
    let space =
        |line: Option<&&str>| line.is_some_and(|line| line.is_empty() || line.starts_with(".sp"));
    let lines: Vec<&str> = page.lines().collect();
    let mut out = String::with_capacity(page.len());
    for (at, line) in lines.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|at| lines.get(at));
        let idle = space(before) || space(lines.get(at.saturating_add(1)));
        if *line == BREAK && idle {
            continue;
        }
        out.push_str(line);
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{of, program};

    /// What `mandoc -T lint` would warn of, held where there is no mandoc.
    #[test]
    fn no_page_breaks_a_line_beside_vertical_space() {
        let program = program();
        let names = program
            .get_subcommands()
            .map(|command| Some(command.get_name()));
        for name in std::iter::once(None).chain(names) {
            let page = of(name).unwrap_or_else(|e| panic!("{name:?}: {e}"));
            let text = String::from_utf8(page.text).unwrap_or_else(|e| panic!("{name:?}: {e}"));
            let lines: Vec<&str> = text.lines().collect();
            let space = |line: &str| line.is_empty() || line.starts_with(".sp");
            for pair in lines.windows(2) {
                let beside = pair.contains(&".br") && pair.iter().any(|line| space(line));
                assert!(!beside, "{}: {pair:?}", page.file);
            }
        }
    }
}
