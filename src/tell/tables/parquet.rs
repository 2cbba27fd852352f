//! Rows as Apache Parquet, for Spark, DuckDB and warehouses: the same tables in columns.
//!
//! Written without Arrow, column by column of a group of rows. Texts are UTF-8, times TIMESTAMP in microseconds
//! (UTC), lists the three-level LIST of the format's rules, addresses FIXED_LEN_BYTE_ARRAY(16). Compression is
//! Snappy, which every reader has.

use super::cell::CellType;
use super::{Column, Table};
use parquet::basic::{Compression, LogicalType, Repetition, TimeUnit, Type as Physical};
use parquet::data_type::{
    BoolType, ByteArray, ByteArrayType, DoubleType, FixedLenByteArray, FixedLenByteArrayType,
    Int64Type,
};
use parquet::errors::{ParquetError, Result};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::types::Type;
use serde_json::{Map, Value};
use std::io::{self, Write};
use std::sync::Arc;

/// Rows of a group, and bytes of their JSON: so many are kept until their columns are written.
const ROWS_MAX: usize = 20_000;
const BYTES_MAX: usize = 8 << 20;

fn failed(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(inner) => match inner.downcast::<io::Error>() {
            Ok(inner) => *inner,
            Err(other) => io::Error::other(other),
        },
        other => io::Error::other(other),
    }
}

/// A file of a table.
pub struct Writer<W: Write + Send> {
    columns: Vec<Column>,
    file: SerializedFileWriter<W>,
    rows: Vec<Map<String, Value>>,
    bytes: usize,
}

impl<W: Write + Send> Writer<W> {
    /// Begins the file of a table.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn new(table: &Table, to: W) -> io::Result<Self> {
        let columns = (table.columns)();
        let schema = schema(table.name, &columns).map_err(failed)?;
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_created_by(concat!("drone-audit ", env!("CARGO_PKG_VERSION")).to_owned())
            .build();
        let file = SerializedFileWriter::new(to, Arc::new(schema), Arc::new(properties));
        Ok(Self {
            columns,
            file: file.map_err(failed)?,
            rows: Vec::new(),
            bytes: 0,
        })
    }

    /// Takes a row, which is a JSON object.
    ///
    /// # Errors
    /// When it cannot be read, or those before it not be written.
    pub fn row(&mut self, row: &str) -> io::Result<()> {
        self.rows.push(serde_json::from_str(row)?);
        self.bytes = self.bytes.saturating_add(row.len());
        if self.rows.len() >= ROWS_MAX || self.bytes >= BYTES_MAX {
            self.group().map_err(failed)?;
        }
        Ok(())
    }

    fn group(&mut self) -> Result<()> {
        let rows = std::mem::take(&mut self.rows);
        self.bytes = 0;
        let mut group = self.file.next_row_group()?;
        for column in &self.columns {
            let Some(mut writer) = group.next_column()? else {
                return Err(ParquetError::General("a column is missing".into()));
            };
            let cells = rows.iter().map(|row| row.get(column.name));
            write(&mut writer, column, cells)?;
            writer.close()?;
        }
        group.close()?;
        Ok(())
    }

    /// Ends the file.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn finish(mut self) -> io::Result<W> {
        if !self.rows.is_empty() {
            self.group().map_err(failed)?;
        }
        self.file.into_inner().map_err(failed)
    }
}

fn schema(name: &str, columns: &[Column]) -> Result<Type> {
    let fields: Vec<Arc<Type>> = columns
        .iter()
        .map(|column| field(column).map(Arc::new))
        .collect::<Result<_>>()?;
    Type::group_type_builder(name).with_fields(fields).build()
}

fn field(column: &Column) -> Result<Type> {
    let repetition = match column.nullable {
        true => Repetition::OPTIONAL,
        false => Repetition::REQUIRED,
    };
    let plain = |kind, logical: Option<LogicalType>| {
        Type::primitive_type_builder(column.name, kind)
            .with_repetition(repetition)
            .with_logical_type(logical)
    };
    match column.kind {
        CellType::Text => plain(Physical::BYTE_ARRAY, Some(LogicalType::String)).build(),
        CellType::Count => plain(Physical::INT64, None).build(),
        CellType::Number => plain(Physical::DOUBLE, None).build(),
        CellType::Flag => plain(Physical::BOOLEAN, None).build(),
        CellType::Time => {
            let micros = LogicalType::timestamp(true, TimeUnit::MICROS);
            plain(Physical::INT64, Some(micros)).build()
        }
        CellType::Address => plain(Physical::FIXED_LEN_BYTE_ARRAY, None)
            .with_length(16)
            .build(),
        CellType::Texts => {
            let element = Type::primitive_type_builder("element", Physical::BYTE_ARRAY)
                .with_repetition(Repetition::REQUIRED)
                .with_logical_type(Some(LogicalType::String))
                .build()?;
            let list = Type::group_type_builder("list")
                .with_repetition(Repetition::REPEATED)
                .with_fields(vec![Arc::new(element)])
                .build()?;
            Type::group_type_builder(column.name)
                .with_repetition(repetition)
                .with_logical_type(Some(LogicalType::List))
                .with_fields(vec![Arc::new(list)])
                .build()
        }
    }
}

/// Writes the cells of a column. A cell that is not there in a row of an older dataset is null; of a column
/// that has no nulls that is an error.
fn write<'v>(
    to: &mut SerializedColumnWriter<'_>,
    column: &Column,
    cells: impl Iterator<Item = Option<&'v Value>>,
) -> Result<()> {
    let mut levels: Vec<i16> = Vec::new();
    if column.kind == CellType::Texts {
        return write_lists(to, column, cells);
    }
    /// Gathers the values that are there.
    macro_rules! gather {
        ($type:ty, $read:expr) => {{
            let mut values = Vec::new();
            for cell in cells {
                match cell.filter(|cell| !cell.is_null()) {
                    Some(cell) => {
                        let read: fn(&Value) -> Option<_> = $read;
                        values.push(read(cell).ok_or_else(|| unlike(column))?);
                        levels.push(1);
                    }
                    None if column.nullable => levels.push(0),
                    None => return Err(unlike(column)),
                }
            }
            let levels = column.nullable.then_some(levels.as_slice());
            to.typed::<$type>().write_batch(&values, levels, None)?;
        }};
    }
    match column.kind {
        CellType::Text => gather!(ByteArrayType, |cell| Some(ByteArray::from(cell.as_str()?))),
        CellType::Count => gather!(Int64Type, |cell| {
            Some(i64::try_from(cell.as_u64()?).unwrap_or(i64::MAX))
        }),
        CellType::Number => gather!(DoubleType, Value::as_f64),
        CellType::Flag => gather!(BoolType, Value::as_bool),
        CellType::Time => gather!(Int64Type, |cell| {
            let time: jiff::Timestamp = cell.as_str()?.parse().ok()?;
            Some(time.as_microsecond())
        }),
        CellType::Address => gather!(FixedLenByteArrayType, |cell| {
            Some(FixedLenByteArray::from(bytes(cell.as_str()?)?))
        }),
        CellType::Texts => {}
    }
    Ok(())
}

/// Lists by their levels: of what is defined (null, empty, with an element), and whether an element goes on with
/// the list before it.
fn write_lists<'v>(
    to: &mut SerializedColumnWriter<'_>,
    column: &Column,
    cells: impl Iterator<Item = Option<&'v Value>>,
) -> Result<()> {
    let empty = i16::from(column.nullable);
    let (mut values, mut defined, mut repeated) = (Vec::new(), Vec::new(), Vec::new());
    for cell in cells {
        match cell.filter(|cell| !cell.is_null()) {
            None if column.nullable => {
                defined.push(0);
                repeated.push(0);
            }
            None => return Err(unlike(column)),
            Some(cell) => {
                let list = cell.as_array().ok_or_else(|| unlike(column))?;
                if list.is_empty() {
                    defined.push(empty);
                    repeated.push(0);
                }
                for (at, element) in list.iter().enumerate() {
                    let text = element.as_str().ok_or_else(|| unlike(column))?;
                    values.push(ByteArray::from(text));
                    defined.push(empty.saturating_add(1));
                    repeated.push(i16::from(at > 0));
                }
            }
        }
    }
    to.typed::<ByteArrayType>()
        .write_batch(&values, Some(&defined), Some(&repeated))?;
    Ok(())
}

fn unlike(column: &Column) -> ParquetError {
    ParquetError::General(format!(
        "the column {} has a cell that is no {}",
        column.name,
        column.kind.name()
    ))
}

/// The bytes of hexadecimal digits.
fn bytes(digits: &str) -> Option<Vec<u8>> {
    let bytes: Option<Vec<u8>> = digits
        .as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect();
    bytes.filter(|bytes| bytes.len() == 16)
}
