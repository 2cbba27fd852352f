//! Observing: capture files in, [`crate::evidence::Evidence`] out. Nothing is judged here.

pub mod capture;
pub mod content;
pub mod dissect;
pub mod flow;
pub mod link;
// The stream layer is to make openers of it.
#[allow(dead_code)]
pub mod open;
pub mod packet;
pub mod session;
