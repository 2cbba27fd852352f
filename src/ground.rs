//! What every stage stands on: moments, addresses, gaps, texts. It knows none of them.

pub mod address;
pub mod budget;
pub mod cause;
pub mod declared;
pub mod error;
pub(crate) mod file;
pub mod gaps;
pub mod hex;
pub mod host_name;
pub mod interval;
pub mod label;
pub mod mac;
pub mod moment;
pub mod natural;
pub mod near;
pub mod parallel;
pub mod place;
pub mod progress;
pub mod protocol;
pub mod public_name;
pub mod record_type;
#[cfg(test)]
pub(crate) mod schema;
pub mod text;
pub mod translation;
pub mod unfinished;
pub mod vocabulary;
pub mod work;
