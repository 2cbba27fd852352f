//! What observing hands to judging: rows, ledger, inputs and counters, with their frames and no judgement.

pub mod bins;
pub mod content;
pub mod counters;
pub mod flow;
pub mod input;
pub mod ledger;
pub(crate) mod link;
pub mod names;
pub mod row;
pub mod seal;

use crate::ground::interval::Intervals;
use crate::ground::mac::Mac;
use crate::ground::moment::Moment;
use bins::Bins;
use input::InputFacts;
use ledger::Ledger;
use row::{Row, RowKey};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// The device under audit, as declared.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Devices {
    /// The capture holds nothing but the device.
    pub all: bool,
    /// By IP address.
    pub ips: Vec<IpAddr>,
    /// By MAC address.
    pub macs: Vec<Mac>,
}

impl Devices {
    /// True when a device was declared.
    pub fn any(&self) -> bool {
        self.all || !self.ips.is_empty() || !self.macs.is_empty()
    }
}

/// Packets of an input that belong to no flow.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Unflowed {
    /// No IP packet inside.
    pub not_ip: u64,
    /// Could carry IP and cannot be read.
    pub unreadable: u64,
}

/// The packets of a series that belong to no flow, over time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UnflowedOverTime {
    /// No IP packet inside.
    pub not_ip: Bins,
    /// Could carry IP and cannot be read.
    pub unreadable: Bins,
}

/// First and last packet of an interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// The earliest.
    pub first: Moment,
    /// The latest.
    pub last: Moment,
}

/// A silence or a step of the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeGap {
    /// The packet before.
    pub before: Moment,
    /// The packet after.
    pub after: Moment,
}

/// What one series of inputs showed.
pub struct Series {
    /// Indices of its inputs.
    pub inputs: Vec<u32>,
    /// Flows, merged.
    pub rows: Vec<(RowKey, Row)>,
    /// Everything beside the flows.
    pub ledger: Ledger,
    /// Packets outside flows, per input.
    pub unflowed: BTreeMap<u32, Unflowed>,
    /// The same over time, all inputs together.
    pub unflowed_over_time: UnflowedOverTime,
    /// Time covered, per interval.
    pub extents: BTreeMap<u32, Extent>,
    /// Holes in time.
    pub time_gaps: Vec<TimeGap>,
    /// Flows that were folded because rows ran out.
    pub folded: u64,
    /// Those that stand on the same link have the same number here.
    pub link: usize,
}

/// All inputs, read.
pub struct Evidence {
    /// The inputs in the order of the report.
    pub inputs: Vec<InputFacts>,
    /// The series.
    pub series: Vec<Series>,
    /// The intervals that counters refer to.
    pub intervals: Intervals,
}
