//! How much the silence of a window is worth: the gaps that bear on it.
//!
//! [`vantage`] has what the captures lack, [`work`] whether they show the subject at work.

mod vantage;
mod work;

use super::fact::Cause;
use crate::ground::gaps::GapId;
use crate::ground::interval::{Detail, Window};
use crate::ground::moment::{Moment, Timestamp};
use crate::judge::classify::Basis;
use crate::judge::classify::rows::Judged;
use std::collections::BTreeSet;
use work::Work;
pub use work::apps_unseen;

/// The least capture time that a window needs for silence to mean anything (contract).
pub const MINIMUM_SECONDS: f64 = 60.0;
/// Silence, or a step of the clock, longer than this is a gap (contract: 60 seconds).
pub const TIME_GAP: i64 = 60 * Timestamp::SECOND;
/// Slots of this length with the subject at work…
const SLOT: i64 = 10 * Timestamp::SECOND;
/// …of which so many are needed (contract, `no-app-activity`).
pub const SLOTS_NEEDED: usize = 3;
/// Two vantages cover the same time if their ends differ by less than this.
const SAME_TIME: i64 = Timestamp::SECOND;
/// Destinations named of those that another vantage misses.
const MISSED_LISTED: usize = 5;

/// What silence needs to count. A case file may ask for less or more, and the report records it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Needs {
    /// Fewest seconds of capture in a window.
    pub minimum_seconds: f64,
    /// Nanoseconds of silence, or of a step of the clock, that are no gap yet.
    pub time_gap: i64,
}

impl Default for Needs {
    fn default() -> Self {
        Self {
            minimum_seconds: MINIMUM_SECONDS,
            time_gap: TIME_GAP,
        }
    }
}

/// A gap that bears on a window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WindowGap {
    /// Its kind.
    pub id: GapId,
    /// How often.
    pub count: u64,
    /// Why.
    pub cause: Cause,
    /// The input, if it belongs to one.
    pub input: Option<u32>,
    /// First frame that shows it.
    pub frame: Option<u64>,
    /// The input of another vantage that makes up for it.
    pub covered_by: Option<u32>,
}

impl WindowGap {
    /// One that belongs to no single input.
    pub fn of_all(id: GapId, cause: Cause) -> Self {
        Self {
            id,
            count: 1,
            cause,
            input: None,
            frame: None,
            covered_by: None,
        }
    }

    /// True if it forbids `consistent`.
    pub fn blocks(&self) -> bool {
        self.id.blocks() && self.covered_by.is_none()
    }
}

/// A window with what it covers and lacks.
pub struct WindowCoverage {
    /// Its bounds; `None` for the whole capture.
    pub window: Option<Window>,
    /// What the case file says of it.
    pub detail: Detail,
    /// The intervals that are judged: all of it but the grace.
    pub inside: Box<dyn Fn(u32) -> bool>,
    /// The intervals of its grace.
    pub grace: Option<Box<dyn Fn(u32) -> bool>>,
    /// First and last packet inside.
    pub extent: Option<(Moment, Moment)>,
    /// Seconds between them, in the vantage that covers most.
    pub seconds: f64,
    /// Starts of the ten-second slots with the subject at work.
    pub active: BTreeSet<Timestamp>,
    /// Gaps, those of all vantages that no other makes up for.
    pub gaps: Vec<WindowGap>,
}

impl WindowCoverage {
    /// Seconds with the subject at work: its slots, but no more than there is of capture.
    pub fn active_seconds(&self) -> f64 {
        let slots = self.active.len() as f64 * (SLOT / Timestamp::SECOND) as f64;
        slots.min(self.seconds)
    }
}

/// The windows of a run, each with its coverage.
pub fn windows(basis: &Basis<'_>, judged: &Judged, needs: Needs) -> Vec<WindowCoverage> {
    let intervals = &basis.evidence.intervals;
    if intervals.windows().is_empty() {
        let whole = Bounds {
            window: None,
            detail: Detail::default(),
            inside: Box::new(|_| true),
            grace: None,
        };
        return vec![cover(whole, basis, judged, needs)];
    }
    intervals
        .windows()
        .iter()
        .zip(intervals.details())
        .map(|(window, detail)| {
            let tested = detail.tested(window);
            let inside = intervals.within(&tested);
            let all = intervals.within(window);
            let bounds = Bounds {
                window: Some(tested),
                detail: detail.clone(),
                grace: (detail.grace > 0).then(|| {
                    let inside = intervals.within(&tested);
                    Box::new(move |interval| all(interval) && !inside(interval))
                        as Box<dyn Fn(u32) -> bool>
                }),
                inside: Box::new(inside),
            };
            WindowCoverage {
                window: Some(*window),
                ..cover(bounds, basis, judged, needs)
            }
        })
        .collect()
}

/// A window before its coverage is known.
struct Bounds {
    window: Option<Window>,
    detail: Detail,
    inside: Box<dyn Fn(u32) -> bool>,
    grace: Option<Box<dyn Fn(u32) -> bool>>,
}

/// A window as declared, and what is left of it without its grace.
#[derive(Debug, Clone, Copy)]
struct Edges {
    declared: Window,
    tested: Window,
}

/// What coverage is judged from.
struct CoverageView<'a> {
    basis: &'a Basis<'a>,
    judged: &'a Judged,
    /// The intervals that are judged.
    inside: &'a dyn Fn(u32) -> bool,
    /// Silence longer than this is a gap.
    time_gap: i64,
}

fn cover(bounds: Bounds, basis: &Basis<'_>, judged: &Judged, needs: Needs) -> WindowCoverage {
    let Bounds {
        window,
        detail,
        inside,
        grace,
    } = bounds;
    let view = CoverageView {
        basis,
        judged,
        inside: &*inside,
        time_gap: needs.time_gap,
    };
    let series = basis.evidence.series.iter();
    let extents: Vec<Option<(Moment, Moment)>> =
        series.map(|s| vantage::extent(s, &*inside)).collect();
    let shown = || extents.iter().flatten().copied();
    let longest = shown()
        .map(|(first, last)| last.time.since(first.time).unwrap_or(0))
        .fold(0, i64::max);
    let whole = shown().reduce(|(a, b), (c, d)| (a.min(c), b.max(d)));
    let edges = window.map(|tested| Edges {
        tested,
        declared: Window {
            start: tested.start.plus(-detail.grace),
            end: tested.end.plus(detail.grace),
        },
    });
    let origin = window.map(|w| w.start);
    let origin = origin.or(whole.map(|(first, _)| first.time));
    let work = Work::of(basis, judged, &*inside, origin);
    let mut gaps = vantage::gaps(&view, &extents, edges.as_ref());
    gaps.extend(too_short(window, longest, &work, needs));
    gaps.extend(names_folded(judged));
    gaps.extend(work::devices_unseen(judged));
    gaps.extend(vantage::mismatches(judged, &*inside, &extents));
    gaps.extend(work::no_app_seen(judged, basis));
    gaps.extend(work.too_little(window, basis, judged));
    gaps.sort_by(|a, b| {
        (a.id, a.input, a.frame, &a.cause).cmp(&(b.id, b.input, b.frame, &b.cause))
    });
    WindowCoverage {
        window,
        detail,
        inside,
        grace,
        active: work.slots,
        extent: whole,
        seconds: seconds(longest),
        gaps,
    }
}

fn seconds(nanos: i64) -> f64 {
    nanos as f64 / 1e9
}

/// Too little capture, or too little time from the subject's first sign to its last.
fn too_short(window: Option<Window>, longest: i64, work: &Work, needs: Needs) -> Option<WindowGap> {
    let cause = if seconds(longest) < needs.minimum_seconds {
        Cause::TooShort(window, longest)
    } else {
        let at_work = work.length(needs.time_gap)?;
        (seconds(at_work) < needs.minimum_seconds).then_some(Cause::ShortAtWork(window, at_work))?
    };
    Some(WindowGap::of_all(GapId::TooShort, cause))
}

/// Names of a destination beyond the bound.
fn names_folded(judged: &Judged) -> Option<WindowGap> {
    let folded = judged.destinations.iter().filter_map(|d| d.names_folded);
    let first = folded.min_by_key(|moment| moment.at)?;
    Some(WindowGap {
        input: Some(first.at.input),
        frame: Some(first.at.frame),
        ..WindowGap::of_all(GapId::LimitsReached, Cause::NamesFolded)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ground::moment::FrameRef;
    use crate::judge::classify::Scope;
    use crate::judge::classify::attribution::Attribution;
    use crate::judge::classify::destination::{Destination, Traffic};

    #[test]
    fn a_window_needs_its_seconds_of_capture_and_of_the_subject_at_work() {
        let needs = Needs {
            minimum_seconds: 60.0,
            time_gap: 30 * Timestamp::SECOND,
        };
        let short = |nanos, work: Work| too_short(None, nanos, &work, needs).map(|gap| gap.cause);
        let all = 60 * Timestamp::SECOND;
        let every_ten = |last: i64| (0..6).map(|slot| slot * 10).chain([last]);
        assert_eq!(
            short(all - 1, Work::by_hand(every_ten(60))),
            Some(Cause::TooShort(None, all - 1))
        );
        assert_eq!(short(all, Work::by_hand(every_ten(60))), None);
        assert_eq!(
            short(all, Work::by_hand(every_ten(59))),
            Some(Cause::ShortAtWork(None, all - Timestamp::SECOND))
        );
        // That it is hardly seen is another gap.
        assert_eq!(short(all, Work::by_hand([0, 59])), None);
    }

    #[test]
    fn names_beyond_the_bound_are_a_gap_where_they_were_first_left_out() {
        let with = |frames: &[Option<u64>]| {
            let destinations = frames.iter().map(|frame| {
                let ends = (Some("x.example"), None);
                let whose = Attribution::App;
                let sent = (0, Traffic::by_hand());
                let mut one = Destination::by_hand(ends, Scope::Internet, whose, sent, None);
                one.names_folded = frame.map(|frame| Moment {
                    at: FrameRef { input: 2, frame },
                    ..Moment::NONE
                });
                one
            });
            Judged {
                destinations: destinations.collect(),
                ..Judged::default()
            }
        };
        assert!(names_folded(&with(&[None, None])).is_none());
        let gap = names_folded(&with(&[Some(9), None, Some(4)])).unwrap();
        assert_eq!(
            (gap.id, gap.input, gap.frame),
            (GapId::LimitsReached, Some(2), Some(4))
        );
    }

    #[test]
    fn a_window_reaches_from_the_first_packet_of_any_vantage_to_the_last() {
        use crate::evidence::Extent;
        use crate::judge::by_hand::{Declared, at, on, series};
        let of = |first, last| {
            let mut of = series(Vec::new());
            let (first, last) = (at(first), at(last));
            of.extents.insert(0, Extent { first, last });
            of
        };
        for all in [[(10, 40), (20, 90)], [(20, 90), (10, 40)]] {
            let all = all.map(|(first, last)| of(first, last)).into();
            on(all, &Declared::default(), |basis| {
                let judged = crate::judge::classify::rows::judge(basis);
                let windows = windows(basis, &judged, Needs::default());
                let [mut window] = <[WindowCoverage; 1]>::try_from(windows).ok().unwrap();
                assert_eq!(window.extent, Some((at(10), at(90))));
                // The longest of them counts, and no more of the subject's time than that.
                assert_eq!(window.seconds, 70.0);
                for (slots, seconds) in [(0, 0.0), (3, 30.0), (7, 70.0), (8, 70.0)] {
                    window.active = (0..slots).map(|slot| at(slot).time).collect();
                    assert_eq!(window.active_seconds(), seconds);
                }
            });
        }
    }

    #[test]
    fn a_gap_that_another_vantage_makes_up_for_forbids_nothing() {
        let gap = |id, covered_by| WindowGap {
            covered_by,
            ..WindowGap::of_all(id, Cause::NamesFolded)
        };
        assert!(gap(GapId::TimeGap, None).blocks());
        assert!(!gap(GapId::TimeGap, Some(1)).blocks());
        assert!(!gap(GapId::StartedLate, None).blocks());
    }
}
