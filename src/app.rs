//! The program around the stages: command line, case files, commands.

pub mod case;
pub mod cli;
pub mod command;
pub mod extract;
