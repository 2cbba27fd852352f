//! Reports: one frozen model, several formats that know no more than it says.

pub mod build;
pub mod fitness;
pub mod flows;
pub mod json;
pub mod output;
#[cfg(test)]
mod sample;
pub mod table;
pub mod text;
pub mod v1;
