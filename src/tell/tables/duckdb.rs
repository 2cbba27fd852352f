//! The tables of a dataset for DuckDB: a script beside them that gives each its name and types.

use super::cell::CellType;
use super::dataset::{Listed, Parts};
use super::{Column, TABLES};
use std::fmt::Write;

/// The file in the folder of a dataset.
pub const SCRIPT: &str = "duckdb.sql";

/// The script: to be run in the folder of the dataset. Parquet is read where it is there; a table without rows has
/// no file, and is made empty.
pub fn script(listed: &Listed) -> String {
    let mut out = String::from(
        "-- The tables of this dataset. In this folder: duckdb -init duckdb.sql\nSET TimeZone = 'UTC';\n",
    );
    for table in TABLES {
        let Some(parts) = listed.tables.get(table.name) else {
            continue;
        };
        let columns = (table.columns)();
        // Writing to a string cannot fail.
        let _ = writeln!(out, "{}", statement(table.name, &columns, parts));
    }
    out
}

fn statement(name: &str, columns: &[Column], parts: &Parts) -> String {
    let list = |files: &[String]| {
        let files: Vec<String> = files.iter().map(|file| format!("'{file}'")).collect();
        files.join(", ")
    };
    if !parts.parquet.is_empty() {
        // As in NDJSON: the bytes of an address in hexadecimal digits, times without a zone.
        let bytes = columns.iter().filter(|c| c.kind == CellType::Address);
        let times = columns.iter().filter(|c| c.kind == CellType::Time);
        let bytes = bytes.map(|c| format!("lower(hex({0})) AS {0}", c.name));
        let times = times.map(|c| format!("\"{0}\"::TIMESTAMP AS \"{0}\"", c.name));
        let replaced: Vec<String> = bytes.chain(times).collect();
        let replaced = match replaced.as_slice() {
            [] => String::new(),
            some => format!(" REPLACE ({})", some.join(", ")),
        };
        return format!(
            "CREATE OR REPLACE VIEW {name} AS SELECT *{replaced} FROM read_parquet([{}]);",
            list(&parts.parquet)
        );
    }
    if parts.ndjson.is_empty() {
        let columns = columns
            .iter()
            .map(|c| format!("\"{}\" {}", c.name, c.kind.sql()));
        let columns: Vec<String> = columns.collect();
        return format!("CREATE OR REPLACE TABLE {name} ({});", columns.join(", "));
    }
    let columns = columns
        .iter()
        .map(|c| format!("'{}': '{}'", c.name, c.kind.sql()));
    let columns: Vec<String> = columns.collect();
    format!(
        "CREATE OR REPLACE VIEW {name} AS SELECT * FROM read_json([{}], format = 'newline_delimited', columns = {{{}}});",
        list(&parts.ndjson),
        columns.join(", ")
    )
}
