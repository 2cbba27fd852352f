//! Clocks that spoke in packets: what they said, against the time that the capture gave the packet.

use crate::ground::moment::{Moment, Timestamp};
use crate::vocabulary;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// Pairs of clock and kind that are kept; a session meets a few dozen servers. Further ones are not
/// compared: a difference of the capture's clock shows at the first ones.
const CLOCKS_MAX: usize = 256;

vocabulary! {
    /// What a clock spoke by.
    "clock" pub enum ClockKind {
        /// Transmit timestamp of an NTP server's answer.
        Ntp = "ntp",
        /// `Date` of an HTTP response.
        HttpDate = "http-date",
    }
}

impl ClockKind {
    /// The difference in nanoseconds up to which a right clock and a right capture agree.
    pub fn tolerance(self) -> i64 {
        /// The way of an answer, over a bad mobile link.
        const NTP: i64 = 2 * Timestamp::SECOND;
        /// The same, whole seconds, and the time that a server takes behind the head.
        const HTTP_DATE: i64 = 5 * Timestamp::SECOND;
        match self {
            Self::Ntp => NTP,
            Self::HttpDate => HTTP_DATE,
        }
    }
}

/// What one clock said, in nanoseconds by which it is ahead of the capture's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offsets {
    /// The smallest.
    pub least: i64,
    /// The largest.
    pub most: i64,
    /// Times seen.
    pub count: u64,
    /// The first packet of it.
    pub first: Moment,
}

/// The clocks of a series.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Clocks(BTreeMap<(ClockKind, IpAddr), Offsets>);

impl Clocks {
    /// `server` said in this packet that it was `ahead` nanoseconds later than the capture says.
    pub fn said(&mut self, kind: ClockKind, server: IpAddr, ahead: i64, at: Moment) {
        if self.0.len() >= CLOCKS_MAX && !self.0.contains_key(&(kind, server)) {
            return;
        }
        let offsets = self.0.entry((kind, server)).or_insert(Offsets {
            least: ahead,
            most: ahead,
            count: 0,
            first: at,
        });
        offsets.least = offsets.least.min(ahead);
        offsets.most = offsets.most.max(ahead);
        offsets.count = offsets.count.saturating_add(1);
    }

    /// All of them, by kind and address.
    pub fn iter(&self) -> impl Iterator<Item = (ClockKind, IpAddr, &Offsets)> {
        self.0.iter().map(|((kind, ip), seen)| (*kind, *ip, seen))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_clocks_are_kept_and_go_on() {
        let mut clocks = Clocks::default();
        let server = |n: usize| IpAddr::from(u32::try_from(n).unwrap_or(0).to_be_bytes());
        for n in 0..CLOCKS_MAX + 5 {
            clocks.said(ClockKind::Ntp, server(n), 1, Moment::NONE);
        }
        clocks.said(ClockKind::Ntp, server(0), -9, Moment::NONE);
        assert_eq!(clocks.iter().count(), CLOCKS_MAX);
        let first = clocks.iter().next();
        let seen = first.map(|(_, ip, seen)| (ip, seen.least, seen.most, seen.count));
        assert_eq!(seen, Some((server(0), -9, 1, 2)));
    }
}
