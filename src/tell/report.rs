//! Reports: one frozen model, several formats that know no more than it says.

pub mod against;
pub mod anchor;
pub(in crate::tell) mod ascii_json;
mod blocks;
pub mod build;
mod causes;
pub mod csv;
pub mod diff;
pub mod difference;
pub mod filter;
pub mod fitness;
pub mod flows;
pub mod format;
pub mod github;
mod grounds;
pub mod html;
pub mod intoto;
pub mod json;
pub mod junit;
pub mod markdown;
pub mod meaning;
pub mod ndjson;
pub mod output;
pub mod read;
pub mod redact;
mod rows;
#[cfg(test)]
pub(in crate::tell) mod sample;
pub mod sarif;
mod sentences;
mod sorted_json;
pub mod table;
pub mod v1;
pub mod weight;
pub(in crate::tell) mod words;
