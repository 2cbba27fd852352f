//! `case`: are case files in order? Captures are not opened, nothing is judged.

use super::screen::note;
use crate::app::cli;
use crate::app::cli::Terminal;
use crate::ground::error::Error;
use crate::ground::text;
use crate::judge::case;
use crate::judge::case::CaseFile;
use crate::judge::claim::definition::shipped;
use std::path::Path;

pub(super) fn run(options: &cli::Case, terminal: &Terminal) -> Result<u8, Error> {
    let mut refused: Vec<Error> = Vec::new();
    for path in &options.files {
        match read(path) {
            Ok(case) => note(terminal, &in_order(&case)),
            Err(error) => refused.push(error),
        }
    }
    // All but the last are said here, so that one run names every file that is to be mended.
    let last = refused.pop();
    for error in refused {
        super::screen::error(&error);
    }
    last.map_or(Ok(0), Err)
}

fn read(path: &Path) -> Result<CaseFile, Error> {
    let case = case::open(path)?;
    let ids: Vec<&str> = shipped().iter().map(|c| c.id.as_str()).collect();
    case.check_claims(&ids)?;
    for claim in &case.claims {
        claim.to_judge()?;
    }
    if case.sessions().next().is_none() {
        let place = text::terminal(&case.path).into_owned();
        return Err(
            Error::at(place, "names no capture to audit").advise("add [[captures]] with a path")
        );
    }
    Ok(case)
}

fn in_order(case: &CaseFile) -> String {
    let count = |number: usize, what: &str| match number {
        1 => format!("1 {what}"),
        _ => format!("{number} {what}s"),
    };
    format!(
        "{}: in order: {}, {}, {}, {}",
        case.path,
        count(case.captures.len(), "capture"),
        count(case.windows.len(), "window"),
        count(case.claims.len(), "claim"),
        count(case.allowances.len(), "allowance"),
    )
}
