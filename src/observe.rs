//! Observing: capture files in, [`crate::evidence::Evidence`] out. Nothing is judged here.

pub mod capture;
pub mod content;
pub mod dissect;
pub mod flow;
pub mod link;
// The openers of DTLS and QUIC are not wired yet.
#[allow(dead_code)]
pub mod open;
pub mod packet;
pub mod session;
