//! The published schema of the tables (`emit tables`): made from the same columns that are written.

use super::{SCHEMA, TABLES};
use serde_json::{Value, json};
use std::io::{self, Write};

/// The tables, their columns and the types of these.
pub fn schema() -> Value {
    let tables: Vec<Value> = TABLES
        .iter()
        .map(|table| {
            let columns: Vec<Value> = (table.columns)()
                .iter()
                .map(|column| {
                    json!({
                        "name": column.name,
                        "type": column.kind.name(),
                        "sql": column.kind.sql(),
                        "nullable": column.nullable,
                        "about": column.about,
                    })
                })
                .collect();
            json!({ "name": table.name, "about": table.about, "columns": columns })
        })
        .collect();
    json!({ "schema": SCHEMA, "tables": tables })
}

/// Writes it as JSON.
///
/// # Errors
/// When the writer fails.
pub fn write(out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, &schema())?;
    out.write_all(b"\n")
}
