//! What stands in a table: kinds of cells, and how each is written as JSON.
//!
//! Text of a capture is escaped as in the JSON report. Times are RFC 3339 in UTC with the capture's precision
//! (in Parquet microseconds since 1970: nanoseconds are not read by every engine; frames stay exact). An address
//! also stands as 16 bytes in network order, IPv4 as `::ffff:a.b.c.d` (RFC 4291 §2.5.5.2), so that addresses
//! sort and compare by network; as JSON these are 32 hexadecimal digits.

use serde::Serialize;
use serde::ser::{SerializeSeq, Serializer};
use std::net::{IpAddr, Ipv6Addr};

/// What the cells of a column are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CellType {
    /// A text.
    Text,
    /// A list of texts.
    Texts,
    /// A whole number from 0 on.
    Count,
    /// A number.
    Number,
    /// Yes or no.
    Flag,
    /// A time.
    Time,
    /// The 16 bytes of an address.
    Address,
}

impl CellType {
    /// Its name in the published schema.
    pub fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Texts => "list of text",
            Self::Count => "int64",
            Self::Number => "double",
            Self::Flag => "boolean",
            Self::Time => "timestamp",
            Self::Address => "binary(16)",
        }
    }

    /// Its type in DuckDB's and standard SQL.
    pub fn sql(self) -> &'static str {
        match self {
            Self::Text | Self::Address => "VARCHAR",
            Self::Texts => "VARCHAR[]",
            Self::Count => "BIGINT",
            Self::Number => "DOUBLE",
            Self::Flag => "BOOLEAN",
            Self::Time => "TIMESTAMP",
        }
    }
}

/// A cell.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// Nothing is known.
    Null,
    /// A text.
    Text(String),
    /// A list of texts.
    Texts(Vec<String>),
    /// A whole number.
    Count(u64),
    /// A number.
    Number(f64),
    /// Yes or no.
    Flag(bool),
    /// A time, RFC 3339.
    Time(String),
    /// The 16 bytes of an address.
    Address([u8; 16]),
}

impl Cell {
    /// A text, or null.
    pub fn text(text: Option<impl Into<String>>) -> Self {
        text.map_or(Self::Null, |text| Self::Text(text.into()))
    }

    /// A number, or null.
    pub fn count(count: Option<impl Into<u64>>) -> Self {
        count.map_or(Self::Null, |count| Self::Count(count.into()))
    }

    /// A flag, or null.
    pub fn flag(flag: Option<bool>) -> Self {
        flag.map_or(Self::Null, Self::Flag)
    }

    /// A time, or null.
    pub fn time(time: Option<&str>) -> Self {
        time.map_or(Self::Null, |time| Self::Time(time.to_owned()))
    }

    /// The bytes of an address that is written as text; null for what is none (a label that stands for one).
    pub fn address(text: Option<&str>) -> Self {
        let bytes = text
            .and_then(|text| text.parse::<IpAddr>().ok())
            .map(|ip| match ip {
                IpAddr::V4(v4) => v4.to_ipv6_mapped(),
                IpAddr::V6(v6) => v6,
            });
        bytes.map_or(Self::Null, |v6: Ipv6Addr| Self::Address(v6.octets()))
    }
}

impl Serialize for Cell {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => to.serialize_none(),
            Self::Text(text) | Self::Time(text) => to.serialize_str(text),
            Self::Texts(texts) => {
                let mut list = to.serialize_seq(Some(texts.len()))?;
                for text in texts {
                    list.serialize_element(text)?;
                }
                list.end()
            }
            Self::Count(count) => to.serialize_u64(*count),
            Self::Number(number) => to.serialize_f64(*number),
            Self::Flag(flag) => to.serialize_bool(*flag),
            Self::Address(bytes) => to.serialize_str(&crate::ground::hex::hex(bytes)),
        }
    }
}
