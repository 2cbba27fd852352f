//! Reports: one frozen model, several formats that know no more than it says.

pub mod against;
pub mod build;
pub mod diff;
pub mod fitness;
pub mod flows;
pub mod json;
pub mod meaning;
pub mod output;
pub mod read;
#[cfg(test)]
mod sample;
pub mod table;
pub mod text;
pub mod v1;
