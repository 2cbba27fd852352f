//! Observing: capture files in, [`crate::evidence::Evidence`] out. Nothing is judged here.

pub mod capture;
pub mod content;
pub mod dissect;
pub mod flow;
pub mod link;
pub mod packet;
pub mod session;
