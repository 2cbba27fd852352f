//! A session's rows of all tables, as JSON: what is kept of it until the tables are written.

use super::session::Session;
use super::{Column, Row, SESSIONS, TABLES};
use crate::tell::report::ascii_json;
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde::{Deserialize, Serialize as DeriveSerialize};
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::io;

/// The rows of a session, each one JSON object on one line.
#[derive(Debug, DeriveSerialize, Deserialize)]
pub struct Entry {
    /// The session's id.
    pub session: String,
    /// The rows, by table.
    pub tables: BTreeMap<String, Vec<Box<RawValue>>>,
}

/// The columns of `sessions` that say how it ended.
#[derive(Debug, Default, Deserialize)]
pub struct Ending {
    /// Its captures.
    pub captures: Vec<String>,
    /// The worst verdict.
    pub verdict: Option<String>,
    /// Why there is none.
    pub error: Option<String>,
    /// The same in words.
    pub error_text: Option<String>,
}

impl Entry {
    /// The rows of a session.
    ///
    /// # Errors
    /// When a row cannot be written as JSON; no row of a report is so.
    pub fn of(session: &Session<'_>) -> io::Result<Self> {
        let mut tables = BTreeMap::new();
        for table in TABLES {
            if table.name == super::FLOWS && session.flows.is_none() {
                continue;
            }
            let columns = (table.columns)();
            let rows = (table.rows)(session);
            let rows: Vec<Box<RawValue>> = rows
                .iter()
                .map(|row| raw(&columns, row))
                .collect::<io::Result<_>>()?;
            tables.insert(table.name.to_owned(), rows);
        }
        Ok(Self {
            session: session.id.to_owned(),
            tables,
        })
    }

    /// Its rows of a table.
    pub fn rows(&self, table: &str) -> &[Box<RawValue>] {
        self.tables.get(table).map_or(&[], Vec::as_slice)
    }

    /// How it ended.
    pub fn ending(&self) -> Ending {
        let row = self.rows(SESSIONS).first();
        let read = row.and_then(|row| serde_json::from_str(row.get()).ok());
        read.unwrap_or_default()
    }

    /// Its captures, and why it has no verdict, if it has none.
    pub fn failure(&self) -> Option<(String, String)> {
        let ending = self.ending();
        ending.error?;
        Some((
            ending.captures.join(", "),
            ending.error_text.unwrap_or_default(),
        ))
    }

    /// The better of two accounts of one session: one with a verdict before one without, then the one whose rows
    /// come first as text, so that no order of reading shows.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        let rank = |entry: &Self| {
            let row = entry.rows(SESSIONS).first().map(|row| row.get().to_owned());
            (entry.ending().verdict.is_none(), row)
        };
        if rank(&other) < rank(&self) {
            other
        } else {
            self
        }
    }
}

/// A row under the names of its columns.
struct Named<'a>(&'a [Column], &'a Row);

impl Serialize for Named<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(Some(self.0.len()))?;
        for (column, cell) in self.0.iter().zip(self.1) {
            map.serialize_entry(column.name, cell)?;
        }
        map.end()
    }
}

fn raw(columns: &[Column], row: &Row) -> io::Result<Box<RawValue>> {
    let mut line = Vec::new();
    ascii_json::line(&Named(columns, row), &mut line)?;
    let line = String::from_utf8(line).map_err(io::Error::other)?;
    Ok(RawValue::from_string(line)?)
}
