//! Reports as typed tables: what a fleet of sessions is asked about with SQL.
//!
//! A dataset is a folder with one table for each list of a report (`sessions`, `inputs`, `claims`, `reasons`,
//! `findings`, `destinations`, `lookups`, `gaps`, on request `flows`). Every row begins with the id of its
//! session, by which tables join. Rows stand in the order of session ids and then of the report, so the same
//! sessions give the same bytes, on whatever machine and in whatever order they were audited.
//!
//! Another column is a line in [`columns`]; another table a list there and a line in [`TABLES`].

pub mod cell;
pub mod columns;
pub mod dataset;
pub mod duckdb;
pub mod entry;
pub mod journal;
pub mod parts;
pub mod schema;
pub mod session;

#[cfg(feature = "parquet")]
pub mod parquet;

use cell::{Cell, CellType};
use session::Session;

/// A column, as its readers need to know it.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// What its cells are.
    pub kind: CellType,
    /// A cell may be null.
    pub nullable: bool,
    /// What it says.
    pub about: &'static str,
}

/// A row: a cell for each column.
pub type Row = Vec<Cell>;

/// A table.
pub struct Table {
    /// Its name.
    pub name: &'static str,
    /// What a row is.
    pub about: &'static str,
    /// Its columns.
    pub columns: fn() -> Vec<Column>,
    /// Its rows of a session, in their order.
    pub rows: fn(&Session<'_>) -> Vec<Row>,
}

/// The tables, in the order of the contract.
pub static TABLES: &[Table] = &[
    Table {
        name: "sessions",
        about: "one row a session: what was audited, with what, and its worst verdict or why there is none",
        columns: columns::sessions::columns,
        rows: columns::sessions::rows,
    },
    Table {
        name: "inputs",
        about: "one row a capture",
        columns: columns::inputs::columns,
        rows: columns::inputs::rows,
    },
    Table {
        name: "claims",
        about: "one row a claim: its verdict",
        columns: columns::claims::columns,
        rows: columns::claims::rows,
    },
    Table {
        name: "reasons",
        about: "one row a reason of a verdict",
        columns: columns::reasons::columns,
        rows: columns::reasons::rows,
    },
    Table {
        name: "findings",
        about: "one row a finding: what bears on a claim, with its packets",
        columns: columns::findings::columns,
        rows: columns::findings::rows,
    },
    Table {
        name: "destinations",
        about: "one row a destination: where traffic went",
        columns: columns::destinations::columns,
        rows: columns::destinations::rows,
    },
    Table {
        name: "lookups",
        about: "one row a name that was asked for",
        columns: columns::lookups::columns,
        rows: columns::lookups::rows,
    },
    Table {
        name: "gaps",
        about: "one row a gap: what the captures could not show",
        columns: columns::gaps::columns,
        rows: columns::gaps::rows,
    },
    Table {
        name: FLOWS,
        about: "one row a flow, judged or not; only on request",
        columns: columns::flows::columns,
        rows: columns::flows::rows,
    },
];

/// The table that is there on request only.
pub const FLOWS: &str = "flows";

/// The table with one row a session.
pub const SESSIONS: &str = "sessions";

/// The id of these tables: it changes when a column changes its meaning, not when one is added.
pub const SCHEMA: &str = "drone-audit/tables/v1";

#[cfg(test)]
mod tests;
