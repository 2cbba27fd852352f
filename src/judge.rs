//! Judging: from evidence to verdicts. No packet is seen here.

pub mod agreement;
#[cfg(test)]
pub(crate) mod by_hand;
pub mod case;
pub mod claim;
pub mod classify;
pub mod identity;
pub mod locate;
