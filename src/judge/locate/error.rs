//! Why a database cannot be used.

use crate::ground::error::reason;
use std::{fmt, io};

/// Why a geolocation database cannot be used. Printed on one line: which file, why, what to do.
#[derive(Debug)]
pub enum LocateError {
    /// The file cannot be read.
    Read {
        /// The file, as given.
        file: String,
        /// What the system said.
        error: io::Error,
    },
    /// The file is larger than the program is willing to load.
    TooLarge {
        /// The file, as given.
        file: String,
        /// The limit, in bytes.
        limit: u64,
    },
    /// The file is not a MaxMind DB, or a damaged one.
    Damaged {
        /// The file, as given.
        file: String,
        /// What the reader found.
        detail: String,
    },
    /// The file is sound but holds neither a country nor an autonomous system.
    NoAnswers {
        /// The file, as given.
        file: String,
        /// The database type it states.
        kind: String,
    },
}

impl fmt::Display for LocateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read { file, error } => {
                write!(
                    f,
                    "cannot read the database {file}: {}; check the path",
                    reason(error)
                )
            }
            Self::TooLarge { file, limit } => write!(
                f,
                "the database {file} is larger than {limit} bytes; use a country or AS database"
            ),
            Self::Damaged { file, detail } => write!(
                f,
                "{file} is not a sound MaxMind DB ({detail}); download it again or use another file"
            ),
            Self::NoAnswers { file, kind } => write!(
                f,
                "the database {file} (type {kind}) holds neither country.iso_code, country_code or \
                 country nor autonomous_system_number or asn; use a country or AS database"
            ),
        }
    }
}

impl std::error::Error for LocateError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Read { error, .. } => Some(error),
            _ => None,
        }
    }
}
