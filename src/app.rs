//! The program around the stages: command line, case files, commands.

pub mod cli;
pub mod command;
pub mod extract;
#[cfg(test)]
mod readable;
