//! A usage error in one line: what, where, what to do.

use crate::ground::error::Error;
use crate::ground::text;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use std::error::Error as _;
use std::ffi::OsString;

/// The command that explains the options in use.
pub(super) fn help_command(arguments: &[OsString]) -> &'static str {
    let command = arguments
        .iter()
        .skip(1)
        .find_map(|argument| match argument.to_str()? {
            "check" => Some("drone-audit check --help"),
            "case" => Some("drone-audit case --help"),
            "flows" => Some("drone-audit flows --help"),
            "fitness" => Some("drone-audit fitness --help"),
            "diff" => Some("drone-audit diff --help"),
            "extract" => Some("drone-audit extract --help"),
            "verify" => Some("drone-audit verify --help"),
            "explain" => Some("drone-audit explain --help"),
            "emit" => Some("drone-audit emit --help"),
            _ => None,
        });
    command.unwrap_or("drone-audit --help")
}

/// Says in one line what the parser says in several.
pub(super) fn one_line(error: &clap::Error, help: &str) -> Error {
    let words = |kind: ContextKind| match error.get(kind) {
        Some(ContextValue::String(one)) => vec![text::terminal(one).into_owned()],
        Some(ContextValue::Strings(all)) => all
            .iter()
            .map(|one| text::terminal(one).into_owned())
            .collect(),
        _ => Vec::new(),
    };
    let word = |kind: ContextKind| words(kind).join(", ");
    let see = format!("see '{help}'");
    let meant = |kind: ContextKind, otherwise: &str| match words(kind).first() {
        Some(known) => format!("did you mean '{known}'?"),
        None => otherwise.to_owned(),
    };
    let argument = word(ContextKind::InvalidArg);
    let value = word(ContextKind::InvalidValue);
    match error.kind() {
        ErrorKind::ValueValidation => {
            let reason = error.source().map(ToString::to_string).unwrap_or_default();
            // Some reasons quote the part of the value that they are about.
            let what = if reason.starts_with('\'') {
                reason
            } else {
                format!("'{value}' {reason}")
            };
            Error::at(argument, what)
        }
        ErrorKind::InvalidValue if value.is_empty() => {
            Error::at(argument, "a value is missing").advise(see)
        }
        ErrorKind::InvalidValue => {
            let known = format!("use one of: {}", word(ContextKind::ValidValue));
            Error::at(argument, format!("'{value}' is not known"))
                .advise(meant(ContextKind::SuggestedValue, &known))
        }
        ErrorKind::UnknownArgument => Error::at(argument, "this argument is not known")
            .advise(meant(ContextKind::SuggestedArg, &see)),
        ErrorKind::InvalidSubcommand => Error::at(
            word(ContextKind::InvalidSubcommand),
            "this command is not known",
        )
        .advise(meant(ContextKind::SuggestedSubcommand, &see)),
        ErrorKind::MissingSubcommand => Error::new("no command is given").advise(format!(
            "use one of: {}; {see}",
            word(ContextKind::ValidSubcommand)
        )),
        ErrorKind::MissingRequiredArgument if argument.contains("<CAPTURE>...") => {
            Error::new("no capture is given").advise(format!(
                "name at least one file, or '-' for standard input; {see}"
            ))
        }
        ErrorKind::MissingRequiredArgument => {
            let are = if argument.contains(", ") { "are" } else { "is" };
            Error::new(format!("{argument} {are} missing")).advise(see)
        }
        ErrorKind::ArgumentConflict => {
            let other = word(ContextKind::PriorArg);
            let what = if other.is_empty() || other == argument {
                "can be given only once".to_owned()
            } else {
                format!("cannot be used together with {other}")
            };
            Error::at(argument, what).advise(see)
        }
        _ => {
            let rendered = error.render().to_string();
            let first = rendered
                .lines()
                .next()
                .unwrap_or("the command line cannot be read");
            Error::new(text::terminal(first.trim_start_matches("error: "))).advise(see)
        }
    }
}
