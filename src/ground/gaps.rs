//! What a capture could not show, and where: the gaps that decide how much silence is worth.
//!
//! The ids are the contract's and never change. A gap is noted by whoever notices it, with the
//! input, the frame and the interval of time it fell in; [`crate::judge::claim`] decides what it blocks.

use crate::ground::cause::GapCause;
use crate::ground::moment::Moment;
use std::collections::BTreeMap;

macro_rules! gap_ids {
    ($($variant:ident = $id:literal, $blocks:literal, $doc:literal;)*) => {
        crate::vocabulary! {
            /// Kinds of gap, as the contract names and orders them.
            "gap" pub enum GapId { $(#[doc = $doc] $variant = $id,)* }
        }

        impl GapId {
            /// True when its presence in a window forbids `consistent`.
            pub fn blocks(self) -> bool {
                match self { $(GapId::$variant => $blocks,)* }
            }

            /// What it means, in a sentence.
            pub fn meaning(self) -> &'static str {
                match self { $(GapId::$variant => $doc,)* }
            }
        }
    };
}

gap_ids! {
    NoAppActivity = "no-app-activity", true, "The window shows too little of the subject at work.";
    TooShort = "too-short", true, "The window holds less capture time than silence needs to mean anything.";
    KernelDrops = "kernel-drops", true, "The capture's own counters report lost packets.";
    CaptureFilter = "capture-filter", true, "The file records a capture filter: what it hid is not in the file.";
    SnaplenCut = "snaplen-cut", true, "Records were cut so short that headers or names are lost.";
    OneDirection = "one-direction", true, "For the subject only one direction was recorded.";
    EncryptedWifi = "encrypted-wifi", true, "Protected 802.11 data frames cannot be read.";
    UnsupportedLink = "unsupported-link", true, "Packets of a link type that this program cannot read.";
    UnreadablePackets = "unreadable-packets", true, "Packets that could carry IP and cannot be decoded.";
    DamagedFile = "damaged-file", true, "Records or blocks of the file cannot be right.";
    TruncatedFile = "truncated-file", true, "The file ends inside a record.";
    OpaqueTunnel = "opaque-tunnel", true, "A tunnel to a local host could carry packets that cannot be seen.";
    TimeGap = "time-gap", true, "Time without packets, or a step of the clock, longer than allowed.";
    LimitsReached = "limits-reached", true, "A bound of the program was hit: something was not looked at or was folded.";
    LostPackets = "lost-packets", true, "TCP acknowledges bytes that no packet of the capture holds.";
    VantageMismatch = "vantage-mismatch", true, "Two captures cover the same minutes and one misses what the other shows.";
    SideUnknown = "side-unknown", true, "Between public addresses, nothing but a port says which end is the site's.";
    StartedLate = "started-late", false, "Connections were already open at the first packet.";
    DropsUnknown = "drops-unknown", false, "The format keeps no counters of lost packets.";
    NamesHidden = "names-hidden", false, "Encrypted DNS, or an encrypted server name.";
    PayloadLimited = "payload-limited", false, "A per-flow packet limit of the capture tool: byte totals are lower bounds.";
    EditedFile = "edited-file", false, "The file was written or rewritten by an editing tool.";
}

/// How often a gap was seen for one cause, and where first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Noted {
    /// Times seen (packets, records, or the counter's own value).
    pub count: u64,
    /// The first frame that shows it, if it belongs to a frame.
    pub first: Option<Moment>,
}

/// What a gap is counted by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct GapKey {
    /// The kind.
    pub id: GapId,
    /// Index of the input.
    pub input: u32,
    /// Why.
    pub cause: GapCause,
    /// The interval of time it fell in; `None` when it holds for the whole input.
    pub interval: Option<u32>,
}

/// Gaps noted last by their place in the list: a flood of one kind costs a comparison of keys each.
const RECENT: usize = 4;

/// The gaps noted so far.
#[derive(Debug, Clone, Default)]
pub struct Gaps {
    noted: Vec<(GapKey, Noted)>,
    /// Where each is in the list.
    index: BTreeMap<GapKey, usize>,
    /// Places of those noted last.
    recent: [usize; RECENT],
    /// The next of them to be replaced.
    turn: usize,
}

impl Gaps {
    /// Counts a gap that belongs to a moment of the capture.
    pub fn at(&mut self, id: GapId, moment: Moment, interval: u32, cause: impl Into<GapCause>) {
        let key = GapKey {
            id,
            input: moment.at.input,
            cause: cause.into(),
            interval: Some(interval),
        };
        self.add(key, 1, Some(moment));
    }

    /// Counts what was not looked at because a bound was hit.
    pub fn over(&mut self, moment: Moment, interval: u32, cause: impl Into<GapCause>) {
        self.at(GapId::LimitsReached, moment, interval, cause);
    }

    /// Counts a gap that holds for a whole input.
    pub fn whole(
        &mut self,
        id: GapId,
        input: u32,
        count: u64,
        first: Option<Moment>,
        cause: impl Into<GapCause>,
    ) {
        let key = GapKey {
            id,
            input,
            cause: cause.into(),
            interval: None,
        };
        self.add(key, count, first);
    }

    /// Counts `count` occurrences under `key`.
    pub fn add(&mut self, key: GapKey, count: u64, first: Option<Moment>) {
        let of = |place: &usize| self.noted.get(*place).is_some_and(|(have, _)| *have == key);
        let place = match self.recent.iter().copied().find(of) {
            Some(place) => place,
            None => {
                let place = self.place(key, first);
                if let Some(oldest) = self.recent.get_mut(self.turn) {
                    *oldest = place;
                }
                self.turn = (self.turn + 1) % RECENT;
                place
            }
        };
        self.count(place, count, first);
    }

    fn place(&mut self, key: GapKey, first: Option<Moment>) -> usize {
        match self.index.get(&key) {
            Some(place) => *place,
            None => {
                let place = self.noted.len();
                self.noted.push((key.clone(), Noted { count: 0, first }));
                self.index.insert(key, place);
                place
            }
        }
    }

    fn count(&mut self, place: usize, count: u64, first: Option<Moment>) {
        let Some((_, noted)) = self.noted.get_mut(place) else {
            return;
        };
        noted.count = noted.count.saturating_add(count);
        if let Some(moment) = first
            && noted.first.is_none_or(|have| moment.at < have.at)
        {
            noted.first = first;
        }
    }

    /// All gaps, in the order of id, input, cause, interval.
    pub fn iter(&self) -> impl Iterator<Item = (&GapKey, &Noted)> {
        let places = self.index.values();
        places.filter_map(|place| self.noted.get(*place).map(|(key, noted)| (key, noted)))
    }

    /// Moves the gaps of another set into this one.
    pub fn merge(&mut self, other: Self) {
        for (key, noted) in other.noted {
            self.add(key, noted.count, noted.first);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ground::cause::SessionCause;
    use crate::ground::moment::{FrameRef, Timestamp};

    #[test]
    fn a_gap_is_counted_in_one_place_in_whatever_order_it_comes() {
        use SessionCause::*;
        let at = |frame| Moment {
            time: Timestamp::UNKNOWN,
            at: FrameRef { input: 1, frame },
        };
        let mut causes = [
            FlowsOver,
            FlowsOverOneRead,
            HolesOver,
            KeysOver,
            NestedTooDeep,
            RoutersOver,
        ];
        causes.sort();
        let mut gaps = Gaps::default();
        for turn in 0..3u64 {
            for cause in causes.into_iter().rev() {
                gaps.at(GapId::SnaplenCut, at(9 - turn), 0, cause);
                gaps.at(GapId::SnaplenCut, at(9 - turn), 0, cause);
            }
            gaps.at(GapId::SnaplenCut, at(9), 2, causes[0]);
        }
        let told: Vec<_> = gaps
            .iter()
            .map(|(k, n)| {
                let frame = n.first.map(|m| m.at.frame);
                (k.cause.clone(), k.interval, n.count, frame)
            })
            .collect();
        let each = |cause: SessionCause| (cause.into(), Some(0), 6, Some(7));
        assert_eq!(told[0], each(causes[0]));
        assert_eq!(told[1], (causes[0].into(), Some(2), 3, Some(9)));
        assert_eq!(
            told[2..],
            causes[1..].iter().copied().map(each).collect::<Vec<_>>()
        );
    }

    #[test]
    fn the_first_frame_that_shows_a_gap_is_told_whatever_comes_later() {
        let at = |frame| Moment {
            time: Timestamp::UNKNOWN,
            at: FrameRef { input: 1, frame },
        };
        let told = |gaps: &Gaps| {
            let told = gaps.iter().map(|(key, noted)| {
                let frame = noted.first.map(|moment| moment.at.frame);
                (key.interval, noted.count, frame)
            });
            told.collect::<Vec<_>>()
        };
        let drops = |gaps: &mut Gaps, count, first| {
            let cause = SessionCause::FlowsOver;
            gaps.whole(GapId::KernelDrops, 1, count, first, cause);
        };
        let mut gaps = Gaps::default();
        drops(&mut gaps, 7, None);
        assert_eq!(told(&gaps), [(None, 7, None)]);
        drops(&mut gaps, 2, Some(at(5)));
        assert_eq!(told(&gaps), [(None, 9, Some(5))]);
        drops(&mut gaps, 1, Some(at(9)));
        drops(&mut gaps, 1, None);
        assert_eq!(told(&gaps), [(None, 11, Some(5))]);
        let mut other = Gaps::default();
        drops(&mut other, 4, Some(at(3)));
        other.over(at(2), 0, SessionCause::FlowsOver);
        gaps.merge(other);
        assert_eq!(told(&gaps), [(None, 15, Some(3)), (Some(0), 1, Some(2))]);
    }
}
