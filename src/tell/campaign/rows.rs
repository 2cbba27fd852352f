//! The rows of tables as far as they are told here, read back from JSON.

use crate::ground::error::Error;
use crate::tell::tables::SESSIONS;
use crate::tell::tables::entry::Entry;
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// A row of `sessions`.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct SessionRow {
    pub(super) session: String,
    pub(super) app: Option<String>,
    pub(super) version: Option<String>,
    pub(super) mode: Option<String>,
    pub(super) captures: Vec<String>,
    pub(super) verdict: Option<String>,
    pub(super) error: Option<String>,
    pub(super) error_text: Option<String>,
    pub(super) packets: Option<u64>,
    pub(super) bytes: Option<u64>,
    pub(super) program: String,
    pub(super) catalog_sha256: String,
}

impl SessionRow {
    /// Its captures.
    pub(super) fn name(&self) -> String {
        self.captures.join(", ")
    }

    /// What it was declared to be, and its captures.
    pub(super) fn title(&self) -> String {
        let labels = [&self.app, &self.version];
        let labels: Vec<&str> = labels.into_iter().flatten().map(String::as_str).collect();
        let mode = self.mode.as_ref().map(|mode| format!("mode {mode}"));
        let parts = [labels.join(" "), mode.unwrap_or_default(), self.name()];
        let parts: Vec<String> = parts.into_iter().filter(|p| !p.is_empty()).collect();
        parts.join(": ")
    }
}

/// A row of `claims`.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct ClaimRow {
    pub(super) claim: String,
    pub(super) preset: Option<String>,
    pub(super) verdict: String,
    pub(super) statement: String,
    pub(super) source: String,
    pub(super) findings: Vec<String>,
}

impl ClaimRow {
    /// Its id, with the wording if another one was judged.
    pub(super) fn title(&self) -> String {
        match &self.preset {
            Some(preset) => format!("{}:{preset}", self.claim),
            None => self.claim.clone(),
        }
    }
}

/// A row of `reasons`.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct ReasonRow {
    pub(super) claim: String,
    pub(super) preset: Option<String>,
    pub(super) reason: String,
    pub(super) text: String,
}

/// A row of `findings`.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct FindingRow {
    pub(super) finding: String,
    pub(super) rule: String,
    pub(super) attribution: String,
    pub(super) confidence: String,
    pub(super) allowed: Option<String>,
    pub(super) grace: bool,
    pub(super) text: String,
    pub(super) filter: String,
}

/// A row of `destinations`.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct DestinationRow {
    pub(super) ip: Option<String>,
    pub(super) host: Option<String>,
    pub(super) owner: Option<String>,
    pub(super) attribution: String,
    pub(super) country: Option<String>,
    pub(super) country_confidence: String,
    pub(super) bytes_out: u64,
}

/// The rows of a table of a session.
///
/// # Errors
/// A row that is not one of that table.
pub(super) fn rows<T: DeserializeOwned>(entry: &Entry, table: &str) -> Result<Vec<T>, Error> {
    let rows = entry.rows(table).iter();
    rows.map(|row| {
        serde_json::from_str(row.get())
            .map_err(|e| Error::new(format!("a row of the table {table} cannot be read: {e}")))
    })
    .collect()
}

/// The row of `sessions`.
///
/// # Errors
/// A session without one.
pub(super) fn session(entry: &Entry) -> Result<SessionRow, Error> {
    rows(entry, SESSIONS)?
        .pop()
        .ok_or_else(|| Error::new("a session has no row of its own"))
}
