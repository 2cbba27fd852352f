//! Completions of the command line, by shell: scripts that ask the program itself where it can answer the shell, else
//! from the definition that parses the command line.

use crate::app::cli::{Cli, completing};
use crate::ground::error::Error;
use crate::ground::{near, text};
use clap::{CommandFactory, ValueEnum};
use clap_complete::Shell;

/// The script for a shell.
///
/// # Errors
/// When no shell is named, or none that is known.
pub(super) fn of(shell: Option<&str>) -> Result<Vec<u8>, Error> {
    let known: Vec<(Shell, String)> = Shell::value_variants()
        .iter()
        .map(|shell| (*shell, shell.to_string()))
        .collect();
    let names: Vec<&str> = known.iter().map(|(_, name)| name.as_str()).collect();
    let list = || format!("use one of: {}", names.join(", "));
    let Some(wanted) = shell else {
        return Err(Error::new("no shell is named").advise(list()));
    };
    let Some((shell, name)) = known.iter().find(|(_, name)| name == wanted) else {
        let meant = near::meant(wanted, names.iter().copied());
        return Err(Error::at(
            text::terminal(wanted),
            "there are no completions for this shell",
        )
        .advise(meant.unwrap_or_else(list)));
    };
    // Those that can ask the program itself do.
    if let Some(script) = matches!(shell, Shell::Bash | Shell::Zsh | Shell::Fish)
        .then(|| completing::script(name))
        .flatten()
    {
        return Ok(script);
    }
    let mut program = Cli::command();
    let name = program.get_name().to_owned();
    let mut script = Vec::new();
    clap_complete::generate(*shell, &mut program, name, &mut script);
    Ok(script)
}
