//! The groups of destinations that the report has, as lanes: when packets of each were captured, and whose they are.

use crate::judge::classify::attribution::Attribution;
use crate::tell::report::v1::Report;
use crate::tell::report::words;
use crate::tell::report::words::count;

/// Whose traffic a lane shows, as readers tell it apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::tell::report::html) enum Whose {
    /// The app or the drone vendor.
    Vendor,
    /// Third parties and shared platforms.
    Third,
    /// Nobody can be named.
    Unknown,
    /// The phone itself, other apps and other machines.
    System,
}

impl Whose {
    /// All, in the order of the legend.
    pub(in crate::tell::report::html) const ALL: [Self; 4] =
        [Self::Vendor, Self::Third, Self::Unknown, Self::System];

    /// Class of the style.
    pub(in crate::tell::report::html) fn class(self) -> &'static str {
        match self {
            Self::Vendor => "vendor",
            Self::Third => "third",
            Self::Unknown => "unknown",
            Self::System => "system",
        }
    }

    /// What the colour means.
    pub(in crate::tell::report::html) fn words(self) -> &'static str {
        match self {
            Self::Vendor => "the app or the drone vendor",
            Self::Third => "a third party or a shared platform",
            Self::Unknown => "unknown",
            Self::System => "the phone itself, another app or another machine",
        }
    }
}

impl From<Attribution> for Whose {
    fn from(attribution: Attribution) -> Self {
        match attribution {
            Attribution::App | Attribution::Vendor => Self::Vendor,
            Attribution::ThirdParty | Attribution::Shared => Self::Third,
            Attribution::Unknown => Self::Unknown,
            Attribution::Os | Attribution::OtherApp | Attribution::OtherDevice => Self::System,
        }
    }
}

/// A lane of the drawing.
#[derive(Debug)]
pub(super) struct Lane {
    pub(super) whose: Whose,
    pub(super) name: String,
    /// Whose it is, how many destinations, how much.
    pub(super) about: String,
    /// Packets by column.
    pub(super) packets: Vec<u64>,
}

/// The groups of the report as lanes, in `columns` columns of `width` slots.
pub(super) fn lanes(report: &Report, columns: usize, width: u64) -> Vec<Lane> {
    let groups = report.timeline.groups.iter();
    groups
        .map(|group| {
            let mut packets = vec![0u64; columns];
            for slot in &group.slots {
                let column = slot.slot.checked_div(width).unwrap_or(0);
                let column = usize::try_from(column).unwrap_or(usize::MAX);
                if let Some(sum) = packets.get_mut(column) {
                    *sum = sum.saturating_add(slot.packets);
                }
            }
            Lane {
                whose: group.attribution.into(),
                name: group.name.clone().unwrap_or_else(|| "others".to_owned()),
                about: format!(
                    "{}, {}, {} out, {} in",
                    group.attribution,
                    count(group.destinations, "destination"),
                    words::amount(group.bytes_out),
                    words::amount(group.bytes_in),
                ),
                packets,
            }
        })
        .collect()
}
