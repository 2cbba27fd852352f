//! Telling: from what was judged to the texts that users read.

pub mod campaign;
pub mod explain;
pub mod report;
pub mod tables;
