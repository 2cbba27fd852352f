//! What the report measures beside single destinations: time lines, silence, clocks, content.

use crate::evidence::content;
use crate::evidence::ledger::clocks::ClockKind;
use crate::ground::vocabulary::Open;
use crate::judge::claim::baseline;
use crate::judge::classify::attribution::Attribution;
use serde::{Deserialize, Serialize};

/// Packets per scope over time, summed over the inputs; all slots together are all packets with a
/// time.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Timeline {
    /// Start of the first slot, RFC 3339; null without times.
    pub start: Option<String>,
    /// Length of a slot in seconds.
    pub step_seconds: u64,
    /// Slots that hold packets, in order of time.
    pub slots: Vec<Slot>,
    /// The packets beyond the site by group of destinations, what accuses first; empty in reports that were written
    /// before this field.
    #[serde(default)]
    pub groups: Vec<Group>,
}

/// Destinations of one attribution that belong together, over time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Group {
    /// Who owns the names, else the name, else the operator of the address, else the address; null for several
    /// groups put together.
    pub name: Option<String>,
    /// Whose traffic it is.
    pub attribution: Attribution,
    /// Number of destinations.
    pub destinations: u64,
    /// Transport payload away from our side.
    pub bytes_out: u64,
    /// Transport payload towards our side.
    pub bytes_in: u64,
    /// Slots that hold its packets, in order of time.
    pub slots: Vec<GroupSlot>,
}

/// Packets of a group in a slot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct GroupSlot {
    /// Number of the slot.
    pub slot: u64,
    /// Packets.
    pub packets: u64,
}

/// A slot of the time line.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Slot {
    /// Its number: it starts `slot * step_seconds` after the start.
    pub slot: u64,
    /// Packets that cannot leave the link or site.
    pub local: u64,
    /// Packets to or from an address on the internet.
    pub internet: u64,
    /// Packets to a private address that carry internet use.
    pub relayed: u64,
    /// Packets without IP.
    pub not_ip: u64,
    /// Packets that could carry IP and cannot be read.
    pub unreadable: u64,
}

/// How much the silence of a consistent verdict is worth.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Silence {
    /// Seconds of the windows, grace taken off.
    pub window_seconds: f64,
    /// Seconds of those with the subject seen at work (ten-second slots).
    pub exposure_seconds: f64,
    /// The same by declared phase.
    pub phases: Vec<PhaseExposure>,
    /// Highest rate of contacts per hour that zero contacts in that exposure still allow at 95 %.
    pub rate_upper_per_hour: Option<f64>,
    /// What a baseline adds.
    pub contrast: Option<Contrast>,
    /// What the numbers take for granted, in words.
    pub assumptions: Vec<String>,
}

/// Exposure in a phase.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct PhaseExposure {
    /// The phase.
    pub phase: String,
    /// Seconds with the subject seen at work.
    pub exposure_seconds: f64,
    /// Highest rate of contacts per hour that zero contacts in that exposure still allow at 95 %.
    pub rate_upper_per_hour: Option<f64>,
}

/// A window without contacts against a baseline with contacts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Contrast {
    /// Contact bursts in the baseline.
    pub bursts: u64,
    /// Seconds of the baseline.
    pub baseline_seconds: f64,
    /// Seconds of the windows.
    pub window_seconds: f64,
    /// Probability of no burst in the windows if the mode had done nothing: (B/(B+W))^n.
    pub probability: f64,
}

/// Personal data found in clear.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Content {
    /// Stable id of the detector: `position`, `e-mail`, `phone-number`, `imei`, …
    pub kind: Open<content::Kind>,
    /// What was found; masked unless `--reveal`.
    pub text: String,
    /// Where in the traffic it stood: `http body`, `http url`, `udp payload`, …
    pub place: String,
    /// Index of the input.
    pub input: u32,
    /// Frame that completes it.
    pub frame: u64,
    /// Times found.
    pub count: u64,
}

/// A clock in the packets that disagrees with the capture's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Clock {
    /// `ntp`, `http-date`, …
    pub source: Open<ClockKind>,
    /// Who said it.
    pub server: String,
    /// Packet clock minus capture clock, in seconds: smallest seen.
    pub offset_least: f64,
    /// Largest seen.
    pub offset_most: f64,
    /// Times seen.
    pub count: u64,
    /// Index of the input.
    pub input: u32,
    /// First frame.
    pub frame: u64,
}

/// A second recording of the same device.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Baseline {
    /// `without-app` (explains the phone's own traffic), `without-mode` (gives the contrast) or
    /// `undeclared` (explains nothing).
    pub kind: baseline::BaselineUse,
    /// Why it is not what was declared, in words.
    pub doubt: Option<String>,
    /// Its captures.
    pub inputs: Vec<super::Input>,
    /// Seconds of capture.
    pub seconds: f64,
    /// Seconds with the subject seen at work.
    pub active_seconds: f64,
}
