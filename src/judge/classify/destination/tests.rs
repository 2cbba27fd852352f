//! What a destination says of several vantages, machines and intervals.

use super::*;
use crate::evidence::content::{FoundIn, TrafficPart};
use crate::evidence::flow::{Named, Side};
use crate::ground::moment::Timestamp;
use crate::judge::classify::attribution::Attribution;

fn moment(second: i64) -> Moment {
    Moment {
        time: Timestamp::from_nanos(i128::from(second) * 1_000_000_000),
        at: FrameRef {
            input: 0,
            frame: second.unsigned_abs(),
        },
    }
}

fn sent(bytes: u64, interval: u32) -> Destination {
    let mut traffic = Traffic::by_hand();
    (traffic.out.packets, traffic.out.bytes) = (1, bytes);
    let ends = (None, Some(IpAddr::from([203, 0, 113, 9])));
    let whose = Attribution::App;
    Destination::by_hand(ends, Scope::Internet, whose, (interval, traffic), None)
}

fn of_series(mut destination: Destination, series: usize) -> Destination {
    destination.views[0].series = series;
    destination.shares[0].series = series;
    destination
}

fn hit(text: &str, interval: u32, second: i64, count: u64) -> Hit {
    Hit {
        kind: Kind::Email,
        text: text.into(),
        plain: None,
        place: FoundIn::new(TrafficPart::UdpPayload, None),
        side: Side::A,
        interval,
        first: moment(second),
        count,
    }
}

#[test]
fn another_vantage_adds_what_it_saw_and_doubles_nothing() {
    let mut one = of_series(sent(10, 0), 1);
    let mut other = of_series(sent(30, 0), 0);
    let name = Named {
        name: "a.example".into(),
        source: NameSource::TlsSni,
    };
    for (of, second) in [(&mut one, 9), (&mut other, 4)] {
        of.names.insert(name.clone(), moment(second));
        of.protocols = vec!["tls"];
        of.frames = vec![moment(second).at, moment(5).at];
        of.clients = vec![IpAddr::from([192, 168, 1, 9])];
        of.ja4 = (0..JA4_MAX)
            .map(|n| format!("{second}{n:04}").into())
            .collect();
    }
    other.hidden = Some(HiddenLookups::Https);
    one.absorb(other);
    one.settle();
    let series: Vec<usize> = one.views.iter().map(|view| view.series).collect();
    assert_eq!(series, [0, 1]);
    assert!(one.names.iter().any(|said| said == (&name, &moment(4))));
    assert_eq!((one.protocols.len(), one.clients.len()), (1, 1));
    let frames: Vec<u64> = one.frames.iter().map(|at| at.frame).collect();
    assert_eq!(frames, [4, 5, 9]);
    assert_eq!(one.ja4.len(), JA4_MAX);
    assert_eq!(one.hidden, Some(HiddenLookups::Https));
    let of_view = |series| one.view(series).map(|view| view.active[0].1.out.bytes);
    assert_eq!(
        [of_view(0), of_view(1), of_view(2)],
        [Some(30), Some(10), None]
    );
    // The vantage that saw most says how far it went; each machine's share stays apart by vantage.
    assert_eq!(one.stage_in(&|_| true).map(|(_, t)| t.out.bytes), Some(30));
    assert!(one.stage_in(&|interval| interval == 1).is_none());
    let shares: Vec<_> = one.shares_in(&|_| true).collect();
    let bytes: Vec<u64> = shares.iter().map(|(_, t)| t.out.bytes).collect();
    assert_eq!(bytes, [30, 10]);
}

#[test]
fn what_our_side_answered_outside_a_window_is_not_unsolicited_inside_it() {
    let mut one = sent(10, 0);
    let mut only_in = one.views[0].active[0].1;
    (only_in.out, only_in.back.bytes) = (Default::default(), 500);
    let view = &mut one.views[0];
    View::add(&mut view.total, 1, only_in);
    View::add(&mut view.active, 1, only_in);
    let stage = |of: &Destination| {
        of.stage_in(&|interval| interval == 1)
            .map(|(stage, _)| stage)
    };
    assert_eq!(stage(&one), Some(Stage::Connected));
    one.views[0].total.retain(|(interval, _)| *interval == 1);
    one.views[0].active.retain(|(interval, _)| *interval == 1);
    assert_eq!(stage(&one), Some(Stage::Unsolicited));
}

#[test]
fn shares_of_one_machine_are_summed_by_interval() {
    let mut all = sent(10, 0);
    for (bytes, interval) in [(5, 1), (7, 0)] {
        all.shares.extend(sent(bytes, interval).shares);
    }
    all.settle();
    assert_eq!(all.shares.len(), 2);
    let bytes = |inside: &dyn Fn(u32) -> bool| {
        let shares: Vec<_> = all.shares_in(inside).collect();
        shares.iter().map(|(_, t)| t.out.bytes).collect::<Vec<_>>()
    };
    assert_eq!(bytes(&|_| true), [22]);
    assert_eq!(bytes(&|interval| interval == 0), [17]);
    assert!(bytes(&|interval| interval == 9).is_empty());
}

#[test]
fn what_several_vantages_found_is_not_summed_and_what_one_found_is() {
    let mut all = of_series(sent(10, 0), 0);
    all.absorb(of_series(sent(10, 0), 1));
    for (view, hits) in [
        (0, [hit("x", 0, 8, 2), hit("x", 1, 3, 1)]),
        (1, [hit("x", 0, 5, 2), hit("y", 0, 6, 1)]),
    ] {
        hits.into_iter()
            .for_each(|hit| all.views[view].content.add(hit));
    }
    let found = |inside: &dyn Fn(u32) -> bool| {
        let hits = all.content_in(inside).into_iter();
        hits.map(|hit| (hit.text, hit.count, hit.first))
            .collect::<Vec<_>>()
    };
    let y = ("y".to_owned(), 1, moment(6));
    assert_eq!(
        found(&|_| true),
        [("x".to_owned(), 3, moment(3)), y.clone()]
    );
    // Of two that found as much the first one tells where.
    assert_eq!(
        found(&|interval| interval == 0),
        [("x".to_owned(), 2, moment(8)), y]
    );
    assert_eq!(
        found(&|interval| interval == 1),
        [("x".to_owned(), 1, moment(3))]
    );
    all.views[1].content.add(hit("x", 0, 9, 3));
    assert_eq!(all.content_in(&|interval| interval == 0)[0].count, 5);
}

#[test]
fn dns_in_clear_is_told_from_what_only_looks_like_it() {
    let with = |lookups_only, protocols: &[&'static str]| {
        let mut one = sent(10, 0);
        one.key.lookups_only = lookups_only;
        one.protocols = protocols.to_vec();
        one.is_dns()
    };
    assert!(with(true, &[]) && with(false, &["dns"]));
    assert!(!with(false, &[]) && !with(false, &["dns", "tls"]) && !with(false, &["tls"]));
}

#[test]
fn lookups_that_carry_data_are_payload_where_bytes_went_out() {
    for bytes in [10, 0] {
        let mut asked = sent(bytes, 0);
        asked.key.lookups_only = true;
        for (_, traffic) in asked.views[0].active.iter_mut() {
            traffic.out.application = false;
        }
        assert_eq!(asked.stage(), Stage::Lookup);
        asked.is_payload();
        let application = asked.views[0].active[0].1.out.application;
        assert_eq!((asked.key.lookups_only, application), (false, bytes > 0));
        assert_eq!(asked.stage() == Stage::Transferred, bytes > 0);
    }
}
