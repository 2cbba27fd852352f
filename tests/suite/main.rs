//! The program against its contract: the real binary on captures of real clients, on labelled
//! captures, and on packets that a test states itself.
//!
//! One binary, so that the crate is linked once. What each fixture proves stands in
//! `fixtures/README.md`, what it must give in `fixtures/cases.jsonl`.

mod adversary;
mod arrows;
mod attacks;
mod bounds;
mod campaign;
mod carriers;
mod case;
mod cli;
mod clocks;
#[cfg(unix)]
mod completions;
mod counters;
mod counting;
mod coverage;
mod damage;
mod determinism;
mod diff;
mod edge_cases;
mod edge_packets;
mod emit;
mod evidence;
mod examples;
mod explain;
mod extract;
#[cfg(unix)]
mod faults;
mod fitness;
mod flows;
mod formats;
mod fragments;
mod honest;
#[cfg(unix)]
mod interrupted;
mod invariants;
mod limits;
mod names;
mod opened;
#[cfg(unix)]
mod pipeline;
mod readme;
mod records;
mod redact;
mod relays;
mod report;
mod split;
mod subject;
mod support;
mod timeline;
mod tunnels;
mod verdicts;
mod verify;

mod wifi;
mod wrappings;
