//! Telling: from what was judged to the texts that users read.

pub mod explain;
pub mod report;
