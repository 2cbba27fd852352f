//! What vantages lack, and which of them make up for it, on series by hand.

use super::*;
use crate::evidence::row::{Row, RowKey};
use crate::evidence::{Devices, Extent};
use crate::ground::cause::{LinkCause, SessionCause};
use crate::judge::by_hand::{Declared, at, flow, ip, on, series, unanswered};
use crate::judge::classify::rows::{Hidden, Opaque, Sealed, judge};

const PHONE: &str = "192.168.1.50";
const SERVER: &str = "52.218.128.10";
const SECOND: i64 = Timestamp::SECOND;

type Flow = (RowKey, Row);

fn to(server: &str, times: (u64, u64)) -> Flow {
    flow((PHONE, None), (server, None), times)
}

/// A series of one input over these seconds.
fn of(input: u32, flows: &[Flow], times: (u64, u64)) -> Series {
    let mut of = series(flows.to_vec());
    of.inputs = vec![input];
    let extent = Extent {
        first: at(times.0),
        last: at(times.1),
    };
    of.extents.insert(0, extent);
    of
}

fn device() -> Declared {
    Declared {
        devices: Devices {
            ips: vec![ip(PHONE)],
            ..Devices::default()
        },
        ..Declared::default()
    }
}

/// The gaps of series whose intervals are all inside, without a window, after a change of what was judged.
fn lacking(
    all: Vec<Series>,
    declared: &Declared,
    change: &dyn Fn(&mut Judged),
    edges: Option<Edges>,
) -> Vec<WindowGap> {
    let extents: Vec<_> = all.iter().map(|of| extent(of, &|_| true)).collect();
    on(all, declared, |basis| {
        let mut judged = judge(basis);
        change(&mut judged);
        let view = CoverageView {
            basis,
            judged: &judged,
            inside: &|interval| interval == 0,
            time_gap: 30 * SECOND,
        };
        gaps(&view, &extents, edges.as_ref())
    })
}

fn window(start: u64, end: u64) -> Window {
    Window {
        start: at(start).time,
        end: at(end).time,
    }
}

#[test]
fn a_series_has_to_reach_from_end_to_end_of_a_window() {
    let declared = window(100, 200);
    let open = |times: Option<(u64, u64)>| {
        let mut of = of(0, &[], times.unwrap_or_default());
        if times.is_none() {
            of.extents.clear();
        }
        let gaps = open_ends(&of, &declared, 30 * SECOND);
        let told = gaps.into_iter().map(|gap| {
            assert_eq!((gap.id, gap.input), (GapId::TimeGap, Some(0)));
            (gap.cause, gap.frame.unwrap())
        });
        told.collect::<Vec<_>>()
    };
    let start = |seconds: i64| Cause::StartMissing(declared, seconds * SECOND);
    let end = |seconds: i64| Cause::EndMissing(declared, seconds * SECOND);
    assert_eq!(open(Some((130, 170))), []);
    assert_eq!(open(Some((131, 170))), [(start(31), 131)]);
    assert_eq!(open(Some((130, 169))), [(end(31), 169)]);
    assert_eq!(open(Some((140, 150))), [(start(40), 140), (end(50), 150)]);
    assert_eq!(open(Some((250, 260))), [(start(100), 250)]);
    assert_eq!(open(Some((10, 20))), [(end(100), 20)]);
    assert_eq!(open(None), []);
    // A series that was recorded at another time says nothing, where there is one of this time.
    let edges = Edges {
        declared,
        tested: declared,
    };
    let told = |all: Vec<(Series, bool)>| {
        let extents: Vec<_> = all
            .iter()
            .map(|(of, inside)| extent(of, &|_| *inside))
            .collect();
        let all = all.into_iter().map(|(of, _)| of).collect();
        on(all, &Declared::default(), |basis| {
            let view = CoverageView {
                basis,
                judged: &judge(basis),
                inside: &|_| true,
                time_gap: 30 * SECOND,
            };
            let gaps = gaps(&view, &extents, Some(&edges));
            gaps.iter().filter(|gap| gap.id == GapId::TimeGap).count()
        })
    };
    let (late, whole) = (|| of(0, &[], (300, 400)), || of(1, &[], (100, 200)));
    assert_eq!(told(vec![(late(), false)]), 1);
    assert_eq!(told(vec![(late(), false), (whole(), true)]), 0);
    assert_eq!(told(vec![(late(), true), (whole(), true)]), 1);
}

#[test]
fn a_silence_or_a_step_counts_as_far_as_it_touches_the_window() {
    let edges = Edges {
        declared: window(100, 200),
        tested: window(110, 190),
    };
    let inside = |edges: Option<&Edges>, before, after| {
        let gap = TimeGap {
            before: at(before),
            after: at(after),
        };
        time_gap_inside(&gap, edges, 30 * SECOND)
    };
    let (none, back) = (
        |s: i64| Some(Cause::NoPackets(s * SECOND)),
        |s: i64| Some(Cause::StepBack(s * SECOND)),
    );
    let over = |s: i64| Some(Cause::StepBackOverEdge(s * SECOND));
    for (before, after, expected) in [
        (50, 80, None),
        (50, 81, none(31)),
        (50, 50, None),
        (80, 50, None),
        (81, 50, back(31)),
    ] {
        assert_eq!(inside(None, before, after), expected, "{before} {after}");
    }
    for (before, after, expected) in [
        (50, 120, None),
        (50, 141, none(91)),
        (100, 140, None),
        (100, 141, none(41)),
        (160, 300, None),
        (159, 300, none(141)),
        (10, 60, None),
        (150, 140, None),
        (160, 120, back(40)),
        (150, 120, None),
        (151, 120, back(31)),
        (300, 250, None),
        (99, 50, None),
        // Over an edge the smallest step moves packets between windows.
        (205, 195, over(10)),
        (200, 199, over(1)),
        (110, 105, over(5)),
        (120, 110, None),
        (101, 99, over(2)),
        (190, 189, over(1)),
        (191, 190, None),
    ] {
        assert_eq!(
            inside(Some(&edges), before, after),
            expected,
            "{before} {after}"
        );
    }
    let untimed = TimeGap {
        before: at(1),
        after: Moment::NONE,
    };
    assert_eq!(time_gap_inside(&untimed, None, 0), None);
}

#[test]
fn a_vantage_covers_the_time_of_another_one_to_a_second() {
    let at = |nanos: i64| Moment {
        time: Timestamp::from_nanos(nanos.into()),
        ..Moment::NONE
    };
    let ours = Some((at(100 * SECOND), at(200 * SECOND)));
    let theirs = |early: i64, late: i64| Some((at(100 * SECOND + early), at(200 * SECOND - late)));
    for (theirs, ours, expected) in [
        (theirs(0, 0), ours, true),
        (theirs(-9 * SECOND, -9 * SECOND), ours, true),
        (theirs(SECOND - 1, SECOND - 1), ours, true),
        (theirs(SECOND, 0), ours, false),
        (theirs(0, SECOND), ours, false),
        (None, ours, false),
        (ours, None, true),
        (None, None, false),
        (Some((Moment::NONE, at(200 * SECOND))), ours, false),
        (Some((at(100 * SECOND), Moment::NONE)), ours, false),
    ] {
        assert_eq!(covers(theirs, ours), expected, "{theirs:?}");
    }
    let mut long = of(0, &[], (30, 40));
    for (interval, times) in [(1, (10, 20)), (2, (50, 60))] {
        let (first, last) = (
            crate::judge::by_hand::at(times.0),
            crate::judge::by_hand::at(times.1),
        );
        long.extents.insert(interval, Extent { first, last });
    }
    let all = extent(&long, &|_| true).map(|(first, last)| (first.at.frame, last.at.frame));
    assert_eq!(all, Some((10, 60)));
    assert_eq!(extent(&long, &|interval| interval == 9), None);
    let mut turned = of(0, &[], (50, 60));
    let early = Extent {
        first: crate::judge::by_hand::at(10),
        last: crate::judge::by_hand::at(20),
    };
    turned.extents.insert(1, early);
    let all = extent(&turned, &|_| true).map(|(first, last)| (first.at.frame, last.at.frame));
    assert_eq!(all, Some((10, 60)));
}

/// A series whose records were cut.
fn cut(mut series: Series) -> Series {
    let input = series.inputs[0];
    let mut moment = at(7);
    moment.at.input = input;
    series
        .ledger
        .gaps
        .at(GapId::SnaplenCut, moment, 0, LinkCause::BundleEmpty);
    series
}

#[test]
fn a_gap_is_covered_by_a_vantage_that_shows_the_same_and_has_none() {
    let all = (100, 200);
    let flows = [to(SERVER, all)];
    let covered = |own: Series, other: Series, declared: &Declared| {
        let gaps = lacking(vec![own, other], declared, &|_| {}, None);
        let cut = gaps
            .iter()
            .find(|gap| gap.id == GapId::SnaplenCut && gap.input == Some(4));
        cut.unwrap().covered_by
    };
    let own = || cut(of(4, &flows, all));
    let by_device = |other: Series| covered(own(), other, &device());
    for declared in [device(), Declared::default()] {
        assert_eq!(covered(own(), of(5, &flows, all), &declared), Some(5));
    }
    // It has the same gap, was made at another time, or shows less.
    assert_eq!(by_device(cut(of(5, &flows, all))), None);
    assert_eq!(by_device(of(5, &flows, (102, 200))), None);
    assert_eq!(by_device(of(5, &[], all)), None);
    assert_eq!(by_device(of(5, &[to("9.9.9.9", all)], all)), None);
    let one_way = [unanswered((PHONE, None), (SERVER, None), all)];
    assert_eq!(by_device(of(5, &one_way, all)), None);
    // Of nothing in common neither makes up for the other; nor does what has no time.
    assert_eq!(
        covered(cut(of(4, &[], all)), of(5, &flows, all), &device()),
        None
    );
    let mut untimed = to("9.9.9.9", all);
    for span in &mut untimed.1.spans {
        span.total.first = Moment::NONE;
    }
    assert_eq!(by_device(of(5, &[flows[0].clone(), untimed], all)), None);
    // As long as the other one shows the subject, to ten seconds.
    for (times, expected) in [
        ((110, 190), Some(5)),
        ((111, 190), None),
        ((110, 189), None),
        ((90, 210), Some(5)),
    ] {
        assert_eq!(
            by_device(of(5, &[to(SERVER, times)], all)),
            expected,
            "{times:?}"
        );
    }
    // A gap that blocks nothing is listed as it is.
    let mut late = of(4, &flows, all);
    let mut moment = at(7);
    moment.at.input = 4;
    late.ledger
        .gaps
        .at(GapId::StartedLate, moment, 0, SessionCause::FlowsOver);
    let gaps = lacking(vec![late, of(5, &flows, all)], &device(), &|_| {}, None);
    assert_eq!(
        gaps.iter().map(|gap| gap.covered_by).collect::<Vec<_>>(),
        [None]
    );
    // What shows only others' traffic covers one that shows only those, over its whole time.
    let stranger = [flow(("192.168.1.60", None), (SERVER, None), all)];
    let strangers = covered(cut(of(4, &stranger, all)), of(5, &stranger, all), &device());
    assert_eq!(strangers, Some(5));
    let both = [to(SERVER, (130, 140)), stranger[0].clone()];
    let own = cut(of(4, &stranger, all));
    assert_eq!(covered(own, of(5, &both, all), &device()), None);
}

#[test]
fn a_vantage_lacks_what_was_noted_inside() {
    let told = |change: &dyn Fn(&mut Series), judged: &dyn Fn(&mut Judged)| {
        let mut of = of(4, &[], (100, 200));
        change(&mut of);
        let gaps = lacking(vec![of], &Declared::default(), judged, None);
        let told = gaps
            .into_iter()
            .map(|gap| (gap.id, gap.cause, gap.count, gap.input, gap.frame));
        told.collect::<Vec<_>>()
    };
    let nothing = |_: &mut Judged| {};
    let same = |_: &mut Series| {};
    assert_eq!(told(&same, &nothing), []);
    let moment = |frame| {
        let mut moment = at(frame);
        moment.at.input = 4;
        moment
    };
    let cause = || Cause::Noticed(SessionCause::FlowsOver.into());
    let over = |interval: Option<u32>, first: Option<Moment>| {
        told(
            &|of| {
                let gaps = &mut of.ledger.gaps;
                match interval {
                    Some(interval) => gaps.over(moment(7), interval, SessionCause::FlowsOver),
                    None => gaps.whole(GapId::LimitsReached, 4, 3, first, SessionCause::FlowsOver),
                }
            },
            &nothing,
        )
    };
    let limits = GapId::LimitsReached;
    assert_eq!(
        over(Some(0), None),
        [(limits, cause(), 1, Some(4), Some(7))]
    );
    assert_eq!(over(Some(1), None), []);
    assert_eq!(
        over(None, Some(moment(9))),
        [(limits, cause(), 3, Some(4), Some(9))]
    );
    assert_eq!(
        over(None, Some(Moment::NONE)),
        [(limits, cause(), 3, Some(4), None)]
    );
    assert_eq!(over(None, None), [(limits, cause(), 3, Some(4), None)]);
    // The same in several intervals is one, with its first frame.
    for frames in [[9, 7], [7, 9]] {
        let twice = told(
            &|of| {
                of.ledger
                    .gaps
                    .over(moment(frames[0]), 0, SessionCause::FlowsOver);
                of.ledger.gaps.whole(
                    limits,
                    4,
                    2,
                    Some(moment(frames[1])),
                    SessionCause::FlowsOver,
                );
            },
            &nothing,
        );
        assert_eq!(twice, [(limits, cause(), 3, Some(4), Some(7))]);
    }
    let silence = |of: &mut Series| {
        of.time_gaps.push(TimeGap {
            before: moment(110),
            after: moment(150),
        });
    };
    let no_packets = Cause::NoPackets(40 * SECOND);
    assert_eq!(
        told(&silence, &nothing),
        [(GapId::TimeGap, no_packets, 1, Some(4), Some(150))]
    );
    // Tunnels of the series, and hidden names of its inputs.
    let opaque = |series: usize, interval: u32| {
        told(&same, &|judged: &mut Judged| {
            judged.opaque.push(Opaque {
                series,
                interval,
                first: moment(8),
                packets: 6,
                what: Sealed::Tunnel("wireguard"),
            });
        })
    };
    let tunnel = Cause::Opaque(Sealed::Tunnel("wireguard"));
    assert_eq!(
        opaque(0, 0),
        [(GapId::OpaqueTunnel, tunnel, 6, Some(4), Some(8))]
    );
    assert!(opaque(1, 0).is_empty() && opaque(0, 1).is_empty());
    let hidden = |input: u32, interval: u32| {
        told(&same, &|judged: &mut Judged| {
            let mut moment = moment(8);
            moment.at.input = input;
            judged.hidden.push((moment, interval, Hidden::Esni));
        })
    };
    let esni = Cause::NamesHidden(Hidden::Esni);
    assert_eq!(
        hidden(4, 0),
        [(GapId::NamesHidden, esni, 1, Some(4), Some(8))]
    );
    assert!(hidden(5, 0).is_empty() && hidden(4, 1).is_empty());
    // Bytes that no packet holds, and directions.
    let lost = |interval: u32| {
        told(&same, &move |judged: &mut Judged| {
            let of = judged.directions[0].entry(interval).or_default();
            (of.lost, of.lost_from) = (70, Some(moment(8)));
        })
    };
    assert_eq!(
        lost(0),
        [(
            GapId::LostPackets,
            Cause::BytesMissing,
            70,
            Some(4),
            Some(8)
        )]
    );
    assert!(lost(1).is_empty());
    let inbound = |interval: u32| {
        told(&same, &move |judged: &mut Judged| {
            judged.directions[0].entry(interval).or_default().inbound = 1;
        })
    };
    let one_sided = Cause::OneSided(OneSided::Inbound);
    assert_eq!(
        inbound(0),
        [(GapId::OneDirection, one_sided, 1, Some(4), None)]
    );
    assert!(inbound(1).is_empty());
}

#[test]
fn one_direction_is_told_by_the_device_else_by_conversations() {
    use crate::judge::classify::directions::Directions;
    let side = |declared: &Declared, of: &[(u32, Directions)]| {
        let gaps = lacking(
            vec![self::of(4, &[], (100, 200))],
            declared,
            &|judged| {
                judged.directions = vec![of.iter().copied().collect()];
            },
            None,
        );
        gaps.into_iter().find_map(|gap| match gap.cause {
            Cause::OneSided(side) => Some(side),
            _ => None,
        })
    };
    let none = Directions::default();
    let by_device = |device_out, device_in| {
        let of = Directions {
            device_out,
            device_in,
            ..none
        };
        side(&device(), &[(0, of)])
    };
    assert_eq!(by_device(0, 0), None);
    assert_eq!(by_device(2, 0), Some(OneSided::DeviceSent));
    assert_eq!(by_device(0, 2), Some(OneSided::DeviceReceived));
    assert_eq!(by_device(2, 2), None);
    let undeclared = Directions {
        device_out: 2,
        ..none
    };
    assert_eq!(side(&Declared::default(), &[(0, undeclared)]), None);
    let of = |change: &dyn Fn(&mut Directions)| {
        let mut of = none;
        change(&mut of);
        side(
            &Declared::default(),
            &[
                (0, of),
                (
                    1,
                    Directions {
                        whole: 9,
                        two_way: 9,
                        ..none
                    },
                ),
            ],
        )
    };
    assert_eq!(of(&|_| {}), None);
    assert_eq!(of(&|d| d.inbound = 1), Some(OneSided::Inbound));
    assert_eq!(of(&|d| (d.inbound, d.two_way) = (1, 1)), None);
    assert_eq!(of(&|d| d.half_beyond = 3), Some(OneSided::Connections(3)));
    assert_eq!(
        of(&|d| (d.half_beyond, d.whole) = (1, 9)),
        Some(OneSided::Connections(1))
    );
    assert_eq!(of(&|d| d.half = 3), Some(OneSided::Connections(1)));
    assert_eq!(of(&|d| (d.half, d.whole) = (3, 1)), None);
    // Who does not answer may be silent, where others answer.
    assert_eq!(of(&|d| d.unanswered = 1), Some(OneSided::Connections(1)));
    assert_eq!(of(&|d| (d.unanswered, d.two_way) = (1, 1)), None);
    let parts = [
        (
            0,
            Directions {
                device_out: 1,
                ..none
            },
        ),
        (
            1,
            Directions {
                device_in: 1,
                ..none
            },
        ),
    ];
    assert_eq!(side(&device(), &parts), Some(OneSided::DeviceSent));
}

#[test]
fn hosts_that_are_sent_packets_and_send_none_say_that_one_direction_was_recorded() {
    const AIRCRAFT: &str = "192.168.2.1";
    const PHONE: &str = "192.168.2.20";
    let told = |of: &[Flow]| {
        let gaps = lacking(
            vec![self::of(4, of, (100, 200))],
            &Declared::default(),
            // By the addresses alone.
            &|judged| judged.directions = vec![BTreeMap::new()],
            None,
        );
        gaps.iter()
            .any(|gap| gap.cause == Cause::OneSided(OneSided::Receivers))
    };
    let some = |from: &'static str, to: &'static str, packets: u64| {
        let (key, mut row) = unanswered((from, None), (to, None), (100, 200));
        let side = key.opener.0;
        row.spans[0].total.sent.of_mut(side).packets = packets;
        (key, row)
    };
    let says = |from, to| some(from, to, 20);
    assert!(!told(&[some(AIRCRAFT, PHONE, 19)]));
    assert!(told(&[says(AIRCRAFT, PHONE)]));
    assert!(told(&[says(AIRCRAFT, PHONE), says("192.168.2.3", PHONE)]));
    assert!(told(&[says(AIRCRAFT, PHONE), says(PHONE, "224.0.0.251")]));
    assert!(told(&[says(AIRCRAFT, PHONE), says(PHONE, "192.168.2.255")]));
    assert!(!told(&[says(AIRCRAFT, PHONE), says(PHONE, "192.168.2.9")]));
    assert!(!told(&[says(AIRCRAFT, "255.255.255.255")]));
    assert!(!told(&[flow((AIRCRAFT, None), (PHONE, None), (100, 200))]));
    // Others of the site, who say less than those or more.
    let others = || flow(("192.168.2.30", None), ("192.168.2.31", None), (100, 200));
    assert!(told(&[says(AIRCRAFT, PHONE), others()]));
    assert!(!told(&[
        says(AIRCRAFT, PHONE),
        some("192.168.2.30", "192.168.2.31", 30),
        some("192.168.2.31", "192.168.2.30", 30),
    ]));
    let mut all = says(AIRCRAFT, "192.168.2.127");
    let side = all.0.opener.0;
    all.0.link.of_mut(side).target = Some(crate::ground::mac::Mac([0xff; 6]));
    assert!(!told(&[all]));
    assert!(!told(&[]));
}

#[test]
fn what_one_vantage_shows_and_another_one_misses_is_told_where_they_overlap() {
    let missing = |first: (&[Flow], (u64, u64)), second: (&[Flow], (u64, u64))| {
        let all = vec![of(4, first.0, first.1), of(5, second.0, second.1)];
        let mut all = all;
        all[0]
            .rows
            .iter_mut()
            .flat_map(|(_, row)| &mut row.spans)
            .for_each(|span| {
                span.total.first.at.input = 4;
            });
        let extents: Vec<_> = all.iter().map(|of| extent(of, &|_| true)).collect();
        on(all, &Declared::default(), |basis| {
            let gaps = mismatches(&judge(basis), &|_| true, &extents);
            let told = gaps.into_iter().map(|gap| {
                assert_eq!(gap.id, GapId::VantageMismatch);
                let Cause::Missed(_, named, more) = gap.cause else {
                    panic!("{:?}", gap.cause);
                };
                (gap.count, named.len(), more, gap.input, gap.frame)
            });
            told.collect::<Vec<_>>()
        })
    };
    let all = (100, 200);
    let (one, other) = ([to(SERVER, (120, 130))], [to("9.9.9.9", (120, 130))]);
    assert_eq!(missing((&one, all), (&one, all)), []);
    assert_eq!(
        missing((&one, all), (&[], all)),
        [(1, 1, 0, Some(4), Some(120))]
    );
    assert_eq!(missing((&one, all), (&other, all)).len(), 2);
    // They overlap for less than a second, or the flow is not of their time.
    assert_eq!(missing((&one, all), (&[], (201, 300))), []);
    assert_eq!(missing((&one, all), (&[], (200, 300))), []);
    assert_eq!(
        missing((&[to(SERVER, (190, 200))], all), (&[], (199, 300))).len(),
        1
    );
    assert_eq!(missing((&one, all), (&[], (131, 300))), []);
    assert_eq!(missing((&one, all), (&[], (50, 119))), []);
    assert_eq!(missing((&one, all), (&[], (50, 120))).len(), 1);
    let servers = [
        "9.9.9.1", "9.9.9.2", "9.9.9.3", "9.9.9.4", "9.9.9.5", "9.9.9.6", "9.9.9.7",
    ];
    let many = servers.map(|server| to(server, (120, 130)));
    assert_eq!(
        missing((&many, all), (&[], all)),
        [(7, 5, 2, Some(4), Some(120))]
    );
}

#[test]
fn without_times_no_two_vantages_overlap() {
    let mut untimed = to(SERVER, (120, 130));
    for span in &mut untimed.1.spans {
        (span.total.first.time, span.total.last.time) = (Timestamp::UNKNOWN, Timestamp::UNKNOWN);
    }
    let all = vec![of(4, &[untimed], (0, 0)), of(5, &[], (0, 0))];
    let never = Some((Moment::NONE, Moment::NONE));
    on(all, &Declared::default(), |basis| {
        assert_eq!(mismatches(&judge(basis), &|_| true, &[never, never]), []);
    });
}
