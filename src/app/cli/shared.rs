//! Groups of options that several commands have.

use super::{Device, Secret};
use super::{completing, value};
use crate::ground::declared;
use crate::judge::classify::app_pattern::Pattern;
use clap::{Args, ValueEnum};
use ipnet::IpNet;
use std::num::NonZeroUsize;
use std::path::PathBuf;

/// Heading of the options that open what is protected.
const KEYS: &str = "Keys";
/// Heading of the options that every command has.
const MESSAGES: &str = "Messages";

/// Whose traffic it is, and what is local.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct Subject {
    /// App under audit, as the capture labels it: a package, process or app name (`*` stands for
    /// any text), or `uid:N`; repeatable [default with labels: the known drone apps].
    #[arg(long = "app", value_name = "PATTERN", value_parser = Pattern::parse, add = completing::apps())]
    pub apps: Vec<Pattern>,
    /// Device under audit, by IP or MAC address, or `all` if the capture holds no other; repeatable.
    #[arg(long = "device", value_name = "ADDR", value_parser = Device::parse)]
    pub devices: Vec<Device>,
    /// Further network to treat as local, such as 203.0.113.0/24; repeatable.
    #[arg(long = "local", value_name = "CIDR", value_parser = declared::network)]
    pub local_networks: Vec<IpNet>,
}

/// What opens protected Wi-Fi and sealed connections.
#[derive(Debug, Clone, PartialEq, Default, Args)]
pub struct Keys {
    /// Passphrase of a Wi-Fi network in the captures: with the handshake of a station, its protected frames are
    /// opened (WPA2-PSK); repeatable. Keys are in no report.
    #[arg(long = "wifi-key", value_name = "SSID:PASSPHRASE", value_parser = value::secret(), help_heading = KEYS)]
    pub wifi_keys: Vec<Secret>,
    /// The same by its key of 64 hexadecimal digits (PSK or, with WPA3, PMK); repeatable.
    #[arg(long = "wifi-psk", value_name = "HEX", value_parser = value::secret(), help_heading = KEYS)]
    pub wifi_psks: Vec<Secret>,
    /// Text file of such keys, one a line, so that they are in no shell history; repeatable. Lines can also stand in
    /// the environment variable DRONE_AUDIT_WIFI_KEYS.
    #[arg(long = "wifi-keys", value_name = "FILE", help_heading = KEYS)]
    pub wifi_files: Vec<PathBuf>,
    /// Key log of connections in the captures, as clients write it (SSLKEYLOGFILE): TLS, DTLS and QUIC are opened with
    /// it, and what is inside is read; repeatable. Key logs inside a pcapng are used without it.
    #[arg(long = "keylog", value_name = "FILE", help_heading = KEYS)]
    pub keylogs: Vec<PathBuf>,
}

impl Keys {
    /// True if no option gives a key.
    pub fn is_empty(&self) -> bool {
        self.wifi_keys.is_empty()
            && self.wifi_psks.is_empty()
            && self.wifi_files.is_empty()
            && self.keylogs.is_empty()
    }
}

/// What addresses are looked up in.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct Sources {
    /// MaxMind DB to use instead of the embedded one; repeatable.
    #[arg(long = "geo", value_name = "FILE")]
    pub geo: Vec<PathBuf>,
}

/// How to talk to the user; understood by every command.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct Terminal {
    /// When to use colour: `auto` (on a terminal; see also NO_COLOR, CLICOLOR, CLICOLOR_FORCE), `always`
    /// or `never`.
    #[arg(long, value_name = "WHEN", value_enum, default_value_t = Color::Auto, global = true)]
    #[arg(hide_possible_values = true, help_heading = MESSAGES)]
    pub color: Color,
    /// Show how far the reading of captures is, on standard error; without this option only on a
    /// terminal, and only after a second.
    #[arg(long, global = true, overrides_with = "no_progress", help_heading = MESSAGES)]
    pub progress: bool,
    /// Never show how far the reading is.
    #[arg(long, global = true, overrides_with = "progress", help_heading = MESSAGES)]
    pub no_progress: bool,
    /// Use at most so many threads, for several captures at once and for hashing; the report is the same with 1
    /// [default: as many as are of use].
    #[arg(long, value_name = "N", value_parser = value::threads, global = true, help_heading = MESSAGES)]
    pub threads: Option<NonZeroUsize>,
    /// Write no notes to standard error, only errors.
    #[arg(short, long, global = true, conflicts_with = "verbose", help_heading = MESSAGES)]
    pub quiet: bool,
    /// Write more notes to standard error; twice for still more.
    #[arg(short, long, global = true, action = clap::ArgAction::Count, help_heading = MESSAGES)]
    pub verbose: u8,
}

/// When to use colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal that wants it.
    Auto,
    /// In pipes and files too.
    Always,
    /// Not at all.
    Never,
}
