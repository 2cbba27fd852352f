//! What several windows come to together, and the ends at which beacons have to show.

use super::*;
use crate::ground::interval::{Bound, WindowSpec};
use crate::ground::place::Place;
use crate::judge::agreement::Edge;
use crate::judge::claim::agreed::{BEACON_SECONDS, beacon};
use crate::judge::claim::coverage;
use crate::judge::classify::attribution::OS_BYTES_OUT_MAX;

fn bounded(second: i64, interval: u32) -> WindowCoverage {
    WindowCoverage {
        window: Some(Window {
            start: moment(second, 0).time,
            end: moment(second + 60, 0).time,
        }),
        ..window(move |of| of == interval)
    }
}

fn gap(id: GapId) -> WindowGap {
    WindowGap::of_all(id, Cause::Noticed(SessionCause::FlowsOver.into()))
}

#[test]
fn the_worst_window_decides_and_each_reason_names_its_own() {
    let claim = claim("local-data-mode");
    let vendor = to("api.dji.com", Vendor, traffic(9, 9));
    let judged = |windows: Vec<WindowCoverage>, interval| {
        let hand = Hand {
            windows,
            ..one(To {
                interval,
                ..vendor.clone()
            })
        };
        let outcome = judged(&claim, hand);
        let starts = outcome.reasons.iter().map(|r| {
            let start = r.window.map(|window| window.start);
            (r.id.clone(), start)
        });
        (outcome.verdict, starts.collect::<Vec<_>>())
    };
    let at = |second| Some(moment(second, 0).time);
    let (contact, short) = ("vendor-contact".to_owned(), "too-short".to_owned());
    let thin = |second, interval| WindowCoverage {
        gaps: vec![gap(GapId::TooShort)],
        ..bounded(second, interval)
    };
    // A reason of the only window needs no time to be found by.
    assert_eq!(
        judged(vec![bounded(0, 0)], 0),
        (Contradicted, vec![(contact.clone(), None)])
    );
    assert_eq!(
        judged(vec![thin(0, 0)], 9),
        (Inconclusive, vec![(short.clone(), None)])
    );
    assert_eq!(
        judged(vec![bounded(0, 0), bounded(100, 1)], 1),
        (Contradicted, vec![(contact.clone(), at(100))])
    );
    // The reasons of a window that is merely inconclusive do not explain a contradiction.
    assert_eq!(
        judged(vec![thin(0, 0), bounded(100, 1)], 1),
        (Contradicted, vec![(contact, at(100))])
    );
    assert_eq!(
        judged(vec![thin(0, 0), bounded(100, 1)], 9),
        (Inconclusive, vec![(short, at(0))])
    );
    assert_eq!(
        judged(vec![bounded(0, 0), bounded(100, 1)], 9),
        (Consistent, vec![])
    );
}

#[test]
fn findings_of_one_rule_make_one_reason_and_other_rules_their_own() {
    let hand = Hand {
        destinations: vec![
            to("api.dji.com", Vendor, traffic(9, 9)),
            to("x.example", Unknown, traffic(9, 9)),
            to("www.dji.com", Vendor, traffic(9, 9)),
            to("y.example", App, traffic(9, 9)),
        ],
        ..Hand::default()
    };
    let claim = claim("local-data-mode");
    let outcome = judged(&claim, hand);
    let more = |r: &Reason| match &r.why {
        Why::Findings(first, more) => (r.id.clone(), first.attribution, *more),
        other => panic!("{other:?}"),
    };
    assert_eq!(
        outcome.reasons.iter().map(more).collect::<Vec<_>>(),
        [
            ("app-contact".to_owned(), App, 0),
            ("vendor-contact".to_owned(), Vendor, 1)
        ]
    );
}

/// What a window says otherwise.
type Change = fn(&mut Finding);

#[test]
fn what_several_windows_say_of_one_thing_is_one_finding() {
    let claim = claim("local-data-mode");
    let some = judged(&claim, one(to("api.dji.com", Vendor, traffic(9, 9)))).findings;
    let of = |frame: u64, change: Change| {
        let mut finding = some[0].clone();
        finding.first = moment(100, frame);
        finding.frames = vec![finding.first.at];
        finding.bytes_out = frame;
        finding.account.seen = fact::Seen::Traffic {
            packets_out: frame,
            bytes_out: frame,
            bytes_in: 0,
        };
        change(&mut finding);
        finding
    };
    let told = |finding: &Finding| match finding.account.seen {
        fact::Seen::Traffic { packets_out, .. } => packets_out,
        _ => 0,
    };
    let tried: Change = |f| f.stage = Stage::Attempted;
    let grace: Change = |f| (f.grace, f.weight) = (true, Weight::Listed);
    let listed: Change = |f| f.weight = Weight::Listed;
    let same: Change = |_| {};
    // What is told is of the window in which it weighs most and went furthest, and of the first such one.
    for (first, second, from) in [
        (same, same, 7),
        (tried, same, 3),
        (same, tried, 7),
        (grace, tried, 3),
        (tried, grace, 7),
        (listed, tried, 3),
    ] {
        let findings = merged(vec![of(7, first), of(3, second)]);
        let [one] = findings.as_slice() else {
            panic!("{findings:?}");
        };
        assert_eq!(told(one), from);
        assert_eq!(one.weight, Weight::Contradicts);
        assert!(!one.grace);
        assert_eq!((one.bytes_out, one.first), (10, moment(100, 3)));
        let frames: Vec<u64> = one.frames.iter().map(|at| at.frame).collect();
        assert_eq!(frames, [3, 7]);
    }
    let stage = |a, b| merged(vec![of(7, a), of(3, b)])[0].stage;
    assert_eq!(
        [stage(tried, same), stage(same, tried), stage(tried, tried)],
        [Stage::Transferred, Stage::Transferred, Stage::Attempted]
    );
    assert!(merged(vec![of(7, grace), of(3, grace)])[0].grace);
    let mut other = of(3, same);
    other.rule = "app-contact".into();
    assert_eq!(merged(vec![of(7, same), other]).len(), 2);
}

/// A window of ten minutes after the first packet, and the intervals that beacons at its ends need.
fn ends(grace: i64) -> Intervals {
    let spec = WindowSpec {
        start: Bound::At(moment(0, 0).time),
        end: Bound::At(moment(600, 0).time),
    };
    let mut schedule = Schedule::of(&[spec]);
    schedule.ends = BEACON_SECONDS * Timestamp::SECOND;
    schedule.windows[0].grace = grace * Timestamp::SECOND;
    Intervals::new(&schedule, Timestamp::UNKNOWN).unwrap()
}

#[test]
fn a_beacon_shows_at_the_ends_where_it_was_planted_and_its_traffic_is_nobodys() {
    const NAME: &str = "beacon.example";
    let claim = claim("local-data-mode");
    let intervals = ends(0);
    let [start, middle, end] = [10, 300, 590].map(|second| intervals.of(moment(second, 0).time));
    let planted = |at| Beacon {
        host: NAME.into(),
        at,
        place: Place {
            file: "case.toml".into(),
            line: 1,
            column: 1,
        },
    };
    let seen = |interval| To {
        interval,
        ..to(NAME, Unknown, traffic(100, 100))
    };
    let outcome = |at, destinations: Vec<To>, lookups: Vec<Lookup>| {
        let bounds = intervals.windows()[0];
        let hand = Hand {
            destinations,
            lookups,
            beacons: &[planted(at)],
            windows: vec![WindowCoverage {
                window: Some(bounds),
                ..window(intervals.within(&bounds))
            }],
            intervals: intervals.clone(),
            ..Hand::default()
        };
        let outcome = judged(&claim, hand);
        let reasons: Vec<String> = outcome.reasons.iter().map(|r| r.id.clone()).collect();
        (outcome.verdict, reasons.join(" "))
    };
    let missing = (Inconclusive, "beacon-missing".to_owned());
    let fine = (Consistent, String::new());
    let named = |id: &str| (Inconclusive, id.to_owned());
    for (at, seen_at, expected) in [
        (Edge::Start, vec![start], fine.clone()),
        (
            Edge::Start,
            vec![end],
            named("unattributed-internet beacon-missing"),
        ),
        (Edge::End, vec![end], fine.clone()),
        (Edge::Both, vec![start, end], fine.clone()),
        (Edge::Both, vec![start], missing.clone()),
        (Edge::Both, vec![end], missing.clone()),
        (Edge::Both, vec![], missing.clone()),
        // Traffic to it anywhere else is traffic.
        (
            Edge::Both,
            vec![start, middle, end],
            named("unattributed-internet"),
        ),
    ] {
        // One destination, with traffic in each of these intervals.
        let destinations = seen_at.iter().map(|at| seen(*at)).collect();
        assert_eq!(
            outcome(at, destinations, Vec::new()),
            expected,
            "{at:?} {seen_at:?}"
        );
    }
    // Asked for, it shows as well.
    let asked = |intervals: &[u32]| Lookup {
        asked: intervals
            .iter()
            .map(|interval| (*interval, (1, moment(1, 1), moment(1, 1))))
            .collect(),
        ..lookup(NAME, Unknown, Scope::Relayed)
    };
    for (at, seen_at, expected) in [
        (Edge::Both, &[start, end][..], fine.clone()),
        (Edge::Both, &[start], missing.clone()),
        (
            Edge::Both,
            &[start, middle, end],
            named("unattributed-internet"),
        ),
    ] {
        assert_eq!(outcome(at, Vec::new(), vec![asked(seen_at)]), expected);
    }
    // Over all windows together: in each of them at each end.
    let complete = |seen_at: &[u32]| {
        let destinations = seen_at.iter().map(|at| destination(&seen(*at))).collect();
        on_hand_in(intervals.clone(), destinations, Vec::new(), |case| {
            let bounds = intervals.windows()[0];
            let windows = vec![WindowCoverage {
                window: Some(bounds),
                ..window(intervals.within(&bounds))
            }];
            beacon(&planted(Edge::Both), &case.with(windows)).0
        })
    };
    assert!(complete(&[start, end]) && !complete(&[start]) && !complete(&[]));
    // Much payload is no beacon, nor is a vendor's host, nor another name.
    let of = |whose, host, out| To {
        interval: start,
        ..to(host, whose, traffic(out, 9))
    };
    for (other, expected) in [
        (of(Unknown, NAME, OS_BYTES_OUT_MAX), fine),
        (
            of(Unknown, NAME, OS_BYTES_OUT_MAX + 1),
            named("unattributed-internet"),
        ),
        (
            of(Vendor, NAME, 9),
            (Contradicted, "vendor-contact".to_owned()),
        ),
        (
            of(Unknown, "x.example", 9),
            named("unattributed-internet beacon-missing"),
        ),
        (
            To {
                host: None,
                ..of(Unknown, NAME, 9)
            },
            named("unattributed-internet beacon-missing"),
        ),
    ] {
        assert_eq!(outcome(Edge::Start, vec![other], Vec::new()), expected);
    }
}

#[test]
fn a_window_is_judged_without_its_grace() {
    let grace = ends(20);
    let windows = on_hand_in(grace.clone(), Vec::new(), Vec::new(), |case| {
        coverage::windows(case.basis, case.judged, case.needs)
    });
    let [window] = windows.as_slice() else {
        panic!("one window was asked for");
    };
    assert_eq!(window.window, Some(grace.windows()[0]));
    let of = |second| grace.of(moment(second, 0).time);
    let late = window.grace.as_ref().unwrap();
    for (second, inside, in_grace) in [
        (-1, false, false),
        (0, false, true),
        (19, false, true),
        (20, true, false),
        (579, true, false),
        (580, false, true),
        (600, false, false),
    ] {
        let interval = of(second);
        assert_eq!(
            ((window.inside)(interval), late(interval)),
            (inside, in_grace),
            "{second}"
        );
    }
    for none in [ends(0), Intervals::default()] {
        let windows = on_hand_in(none, Vec::new(), Vec::new(), |case| {
            coverage::windows(case.basis, case.judged, case.needs)
        });
        assert!(windows.len() == 1 && windows[0].grace.is_none());
    }
}

#[test]
fn a_beacon_of_several_windows_is_one_in_each_of_them() {
    let spec = |start| WindowSpec {
        start: Bound::At(moment(start, 0).time),
        end: Bound::At(moment(start + 600, 0).time),
    };
    let mut schedule = Schedule::of(&[spec(0), spec(1_000)]);
    schedule.ends = BEACON_SECONDS * Timestamp::SECOND;
    let intervals = Intervals::new(&schedule, Timestamp::UNKNOWN).unwrap();
    let verdict = |seconds: &[i64]| {
        let mut fetched = destination(&to("beacon.example", Unknown, traffic(100, 100)));
        let seen = seconds.iter().map(|second| moment(*second, 0).time);
        fetched.views[0].active = seen
            .map(|time| (intervals.of(time), traffic(100, 100)))
            .collect();
        let beacon = Beacon {
            host: "beacon.example".into(),
            at: Edge::Both,
            place: Place {
                file: "case.toml".into(),
                line: 1,
                column: 1,
            },
        };
        let windows = intervals.windows().iter().map(|bounds| WindowCoverage {
            window: Some(*bounds),
            ..window(intervals.within(bounds))
        });
        let hand = Hand {
            beacons: &[beacon],
            windows: windows.collect(),
            intervals: intervals.clone(),
            ..Hand::default()
        };
        judged_on(&claim("local-data-mode"), vec![fetched], hand).verdict
    };
    assert_eq!(verdict(&[10, 590, 1_010, 1_590]), Consistent);
    assert_eq!(verdict(&[10, 590, 1_010, 1_300, 1_590]), Inconclusive);
}
