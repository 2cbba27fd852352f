//! The command-line program: parses, runs, and turns the outcome into an exit code.

use drone_audit::parse;
use std::io::Write;
use std::process::ExitCode;

/// Usage errors, and audits that could not be done.
const FAILED: u8 = 2;

fn main() -> ExitCode {
    drone_audit::complete_if_asked();
    drone_audit::clean_up_on_signals();
    let cli = match parse(std::env::args_os()) {
        Ok(cli) => cli,
        Err(exit) => {
            return match exit.told() {
                Ok(()) => ExitCode::SUCCESS,
                Err(error) => fail(&error),
            };
        }
    };
    match drone_audit::run(&cli) {
        Ok(code) => ExitCode::from(code),
        Err(error) => fail(&error),
    }
}

fn fail(error: &drone_audit::Error) -> ExitCode {
    // Nobody is left to tell if standard error is closed.
    // File names in it are whatever somebody called them.
    let line = error.to_string();
    let line = drone_audit::terminal(&line);
    let _ = writeln!(std::io::stderr().lock(), "drone-audit: error: {line}");
    ExitCode::from(FAILED)
}
