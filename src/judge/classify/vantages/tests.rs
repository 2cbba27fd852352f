//! What several vantages say of each other, on destinations and flows by hand.

use super::*;
use crate::evidence::Series;
use crate::evidence::row::Folded;
use crate::ground::label::LabelSource;
use crate::judge::by_hand::{End, at, flow, ip, mac, series, unanswered};
use crate::judge::classify::attribution::Attribution;
use crate::judge::classify::destination::Client;
use crate::judge::classify::labels::Labelling;
use crate::judge::classify::note::Note;
use std::sync::Arc;

const SERVER: &str = "52.218.128.10";
const PHONE: &str = "192.168.1.50";

fn label(name: &str, says: Labelled) -> Arc<Labelling> {
    Arc::new(Labelling {
        name: Some(name.to_owned()),
        uid: None,
        source: LabelSource::Pktap,
        owner: None,
        also: Vec::new(),
        cut: false,
        says,
    })
}

fn conversation(port: u16) -> Conversation {
    Conversation {
        from: (ip(PHONE), port),
        to: (ip(SERVER), 443),
        protocol: 6,
    }
}

/// What one vantage saw: its series, the ports of the flows, their times, flows, and bytes out and back.
#[derive(Clone, Copy)]
struct Saw {
    series: usize,
    ports: (u16, u16),
    times: (u64, u64),
    flows: u64,
    bytes: (u64, u64),
}

const MUCH: Saw = Saw {
    series: 0,
    ports: (1, 9),
    times: (100, 200),
    flows: 9,
    bytes: (900, 90),
};

/// The same in another vantage.
const SAME: Saw = Saw { series: 1, ..MUCH };

fn destination(saw: &[Saw], app: Option<Arc<Labelling>>) -> Destination {
    let host = (None, Some(ip(SERVER)));
    let traffic = Traffic::by_hand();
    let mut of = Destination::by_hand(host, Scope::Internet, Attribution::App, (0, traffic), None);
    of.key.app = app;
    of.views = saw.iter().map(view).collect();
    of
}

fn view(saw: &Saw) -> View {
    let mut traffic = Traffic::by_hand();
    (traffic.first, traffic.last) = (at(saw.times.0), at(saw.times.1));
    (traffic.out.bytes, traffic.back.bytes) = saw.bytes;
    View {
        flows: saw.flows,
        total: vec![(0, traffic)],
        active: vec![(0, traffic)],
        conversations: Some((saw.ports.0..=saw.ports.1).map(conversation).collect()),
        ..View::new(saw.series, true)
    }
}

/// The destinations that are left when these are joined.
fn joined(all: Vec<Destination>) -> Vec<Destination> {
    let mut all = all.into_iter().map(|d| (d.key.clone(), d)).collect();
    join(&mut all);
    all.into_values().collect()
}

#[test]
fn a_label_is_lent_to_the_same_flows_in_another_vantage() {
    let app = || Some(label("org.example.fly", Labelled::Subject));
    for (what, labelled, plain, same) in [
        ("the same", vec![MUCH], vec![SAME], true),
        (
            "less",
            vec![MUCH],
            vec![Saw {
                ports: (2, 3),
                times: (120, 130),
                flows: 2,
                bytes: (1, 1),
                ..SAME
            }],
            true,
        ),
        ("of one vantage", vec![MUCH], vec![MUCH], false),
        (
            "of one vantage in part",
            vec![MUCH],
            vec![
                SAME,
                Saw {
                    bytes: (1, 1),
                    ..MUCH
                },
            ],
            false,
        ),
        (
            "another flow in a third one",
            vec![MUCH],
            vec![
                SAME,
                Saw {
                    series: 2,
                    ports: (9, 10),
                    flows: 1,
                    bytes: (1, 1),
                    ..MUCH
                },
            ],
            false,
        ),
        (
            "another flow",
            vec![MUCH],
            vec![Saw {
                ports: (1, 10),
                ..SAME
            }],
            false,
        ),
        (
            "more flows",
            vec![MUCH],
            vec![Saw { flows: 10, ..SAME }],
            false,
        ),
        (
            "more out",
            vec![MUCH],
            vec![Saw {
                bytes: (901, 90),
                ..SAME
            }],
            false,
        ),
        (
            "more back",
            vec![MUCH],
            vec![Saw {
                bytes: (900, 91),
                ..SAME
            }],
            false,
        ),
        (
            "a second early",
            vec![MUCH],
            vec![Saw {
                times: (99, 200),
                ..SAME
            }],
            true,
        ),
        (
            "a second late",
            vec![MUCH],
            vec![Saw {
                times: (100, 201),
                ..SAME
            }],
            true,
        ),
        (
            "early",
            vec![MUCH],
            vec![Saw {
                times: (98, 200),
                ..SAME
            }],
            false,
        ),
        (
            "late",
            vec![MUCH],
            vec![Saw {
                times: (100, 202),
                ..SAME
            }],
            false,
        ),
        ("seen by nobody", vec![], vec![SAME], false),
        ("nothing seen", vec![MUCH], vec![], false),
    ] {
        let left = joined(vec![
            destination(&labelled, app()),
            destination(&plain, None),
        ]);
        assert_eq!(left.len(), if same { 1 } else { 2 }, "{what}");
        if same {
            assert!(left[0].notes.contains(&Note::LabelOfAnotherVantage));
            assert_eq!(left[0].views.len(), 2);
        }
    }
    // Without times nothing is the same.
    for untimed in [0, 1] {
        for first in [true, false] {
            let mut both = [destination(&[MUCH], app()), destination(&[SAME], None)];
            let (_, traffic) = &mut both[untimed].views[0].total[0];
            let moment = match first {
                true => &mut traffic.first,
                false => &mut traffic.last,
            };
            moment.time = Timestamp::UNKNOWN;
            assert_eq!(joined(both.to_vec()).len(), 2);
        }
    }
    // Not all conversations of one of them are known.
    for unknown in [0, 1] {
        let mut both = [destination(&[MUCH], app()), destination(&[SAME], None)];
        both[unknown].views[0].conversations = None;
        assert_eq!(joined(both.to_vec()).len(), 2);
    }
    // Of two labels neither explains it; what stands for many is no place.
    let other = || Some(label("org.example.mail", Labelled::Other));
    let (labelled, plain) = (destination(&[MUCH], app()), destination(&[SAME], None));
    let third = Saw { series: 2, ..MUCH };
    let all = vec![
        labelled.clone(),
        destination(&[third], other()),
        plain.clone(),
    ];
    assert_eq!(joined(all).len(), 3);
    let far = Saw {
        ports: (20, 30),
        ..third
    };
    let all = vec![
        labelled.clone(),
        destination(&[far], other()),
        plain.clone(),
    ];
    assert_eq!(joined(all).len(), 2);
    let mut folded = [labelled, plain];
    folded.iter_mut().for_each(|of| of.key.folded = true);
    assert_eq!(joined(folded.to_vec()).len(), 2);
}

#[test]
fn a_vantage_misses_what_another_one_shows_between_two_moments() {
    let to = |address: &str, host: Option<&str>, series: usize| {
        let mut of = destination(&[Saw { series, ..MUCH }], None);
        of.key.ip = Some(ip(address));
        of.key.host = host.map(Arc::from);
        of
    };
    let shown = || to(SERVER, Some("a.example"), 0);
    let missing = |all: &[Destination], overlap: (u64, u64)| {
        let overlap = (at(overlap.0).time, at(overlap.1).time);
        missed(all, (0, 1), &|interval| interval == 0, overlap)
    };
    let all = (0, 900);
    let told = missing(&[shown()], all);
    assert_eq!(told, [(shown().key, at(100))]);
    for (overlap, expected) in [
        ((200, 900), 1),
        ((201, 900), 0),
        ((0, 100), 1),
        ((0, 99), 0),
    ] {
        assert_eq!(missing(&[shown()], overlap).len(), expected, "{overlap:?}");
    }
    for (what, other, expected) in [
        ("elsewhere", to("9.9.9.9", Some("b.example"), 1), 1),
        ("the address", to(SERVER, None, 1), 0),
        ("the name", to("9.9.9.9", Some("a.example"), 1), 0),
        ("in a third one", to(SERVER, None, 2), 1),
    ] {
        let told = missing(&[shown(), other], all);
        assert_eq!(
            told.iter().filter(|(key, _)| *key == shown().key).count(),
            expected,
            "{what}"
        );
    }
    // Nothing but a relay is known of where it went: it is there where the relay is.
    let relayed = |series: usize, port: u16| {
        let mut destination = to(SERVER, None, series);
        destination.key.ip = None;
        destination.key.via = Some((ip("192.168.1.1"), port));
        destination
    };
    for (what, other, expected) in [
        ("the relay", relayed(1, 53), 0),
        ("another relay", relayed(1, 54), 1),
        ("in a third one", relayed(2, 53), 1),
    ] {
        assert_eq!(
            missing(&[relayed(0, 53), other], all).len(),
            expected,
            "{what}"
        );
    }
    type Change<'c> = &'c dyn Fn(&mut Destination);
    let changes: [(&str, Change<'_>, usize); 10] = [
        ("without an address", &|d| d.key.ip = None, 1),
        ("on the site", &|d| d.key.scope = Scope::Local, 0),
        ("many", &|d| d.key.folded = true, 0),
        ("without a name", &|d| d.key.host = None, 1),
        (
            "of the system",
            &|d| d.attributed.whose = Attribution::Os,
            0,
        ),
        (
            "perhaps the app's",
            &|d| d.attributed.whose = Attribution::Unknown,
            1,
        ),
        (
            "of the vendor",
            &|d| d.attributed.whose = Attribution::Vendor,
            1,
        ),
        (
            "only in",
            &|d| {
                let (_, traffic) = &mut d.views[0].active[0];
                (traffic.out.answers, traffic.out.bytes) = (0, 0);
            },
            0,
        ),
        ("in another interval", &|d| d.views[0].active[0].0 = 1, 0),
        ("nothing that counts", &|d| d.views[0].active.clear(), 0),
    ];
    for (what, change, expected) in changes {
        let mut of = shown();
        change(&mut of);
        assert_eq!(missing(&[of], all).len(), expected, "{what}");
    }
}

/// What was decided of a row, with the opener's side as ours.
fn verdict(key: &RowKey, whose: DeviceMatch, app: Option<Arc<Labelling>>) -> RowVerdict {
    RowVerdict {
        scope: Scope::Internet,
        ours: key.opener.0,
        whose,
        client: Client::Subject,
        app,
        ip: None,
        port: None,
        via: None,
        host: None,
        lookups_only: false,
        served: false,
        hidden: None,
        folded: false,
        guessed: false,
    }
}

type Flow = (RowKey, Row);

/// What a series shows of these flows; those of `device` are the subject's.
fn shown(flows: &[Flow], device: &dyn Fn(&RowKey) -> DeviceMatch) -> Shown {
    let mut of: Series = series(flows.to_vec());
    of.ledger.stations.entry(mac(1)).or_default().router = true;
    let topology = Topology::new(&of, std::slice::from_ref(&of), &[]);
    let mut shown = Shown::default();
    for (key, row) in flows {
        shown.note(key, row, &verdict(key, device(key), None), &topology);
    }
    shown
}

fn subject(flows: &[Flow]) -> Shown {
    shown(flows, &|_| DeviceMatch::Device)
}

fn unsure(flows: &[Flow]) -> Shown {
    shown(flows, &|_| DeviceMatch::Unsure)
}

#[test]
fn vantages_share_conversations_of_the_subject_at_the_same_time() {
    let to: End<'_> = (SERVER, None);
    let seen = |times, own: Option<Mac>| [flow((PHONE, own), to, times)];
    let (p, q) = (Some(mac(7)), Some(mac(8)));
    for (one, other, expected) in [
        (((10, 20), p), ((10, 20), p), true),
        (((10, 20), p), ((21, 30), p), true),
        (((10, 20), p), ((22, 30), p), false),
        (((21, 30), p), ((10, 20), p), true),
        (((22, 30), p), ((10, 20), p), false),
        (((10, 20), p), ((10, 20), q), false),
        (((10, 20), p), ((10, 20), None), true),
        (((10, 20), None), ((10, 20), p), true),
    ] {
        let (one, other) = (seen(one.0, one.1), seen(other.0, other.1));
        for judged in [subject, unsure] {
            assert_eq!(judged(&one).shares(&judged(&other)), expected);
        }
        // The other one may not know whose it is.
        assert_eq!(subject(&one).shares(&unsure(&other)), expected);
        assert_eq!(unsure(&one).shares(&subject(&other)), expected);
    }
    // Without times they are never the same.
    let mut untimed = flow((PHONE, None), to, (10, 20));
    for span in &mut untimed.1.spans {
        (span.total.first.time, span.total.last.time) = (Timestamp::UNKNOWN, Timestamp::UNKNOWN);
    }
    let untimed = [untimed];
    assert!(!subject(&untimed).shares(&subject(&seen((10, 20), None))));
    // Where one says who the subject is, others' conversations say nothing.
    let others = flow(("192.168.1.60", None), to, (10, 20));
    let own = flow((PHONE, None), to, (10, 20));
    let by = |own: &RowKey| {
        let address = ip(PHONE);
        match own.key.ip(own.opener.0) == address {
            true => DeviceMatch::Device,
            false => DeviceMatch::Other,
        }
    };
    let two = shown(&[others.clone(), own.clone()], &by);
    let third = shown(std::slice::from_ref(&others), &by);
    assert!(!two.shares(&third) && !third.shares(&two));
    assert!(third.shares(&third), "nothing says who it is");
    assert!(two.shares(&shown(&[own], &by)));
}

#[test]
fn vantages_share_a_link_by_the_subject_and_its_router() {
    let gate = Some(mac(1));
    let to = |server, times, own, router| [flow((PHONE, own), (server, router), times)];
    let p = Some(mac(7));
    let one = to(SERVER, (10, 20), p, gate);
    for (other, expected) in [
        (to("9.9.9.9", (80, 90), p, gate), true),
        (to("9.9.9.9", (80, 90), Some(mac(8)), gate), false),
        (to("9.9.9.9", (80, 90), p, Some(mac(9))), false),
        (to("9.9.9.9", (80, 90), p, None), false),
    ] {
        assert_eq!(subject(&one).shares(&subject(&other)), expected);
        assert!(!unsure(&one).shares(&unsure(&other)));
    }
    // Two neighbours that are no router are no link.
    let beside = |server, times| to(server, times, p, Some(mac(9)));
    let (one, other) = (beside(SERVER, (10, 20)), beside("9.9.9.9", (80, 90)));
    assert!(!subject(&one).shares(&subject(&other)));
}

#[test]
fn what_several_flows_show_of_one_conversation_is_put_together() {
    let to: End<'_> = (SERVER, None);
    let early = unanswered((PHONE, None), to, (10, 20));
    let late = flow((PHONE, Some(mac(7))), to, (40, 50));
    let both = subject(&[late.clone(), early.clone()]);
    for (times, own, expected) in [
        ((5, 9), None, true),
        ((5, 8), None, false),
        ((51, 60), None, true),
        ((52, 60), None, false),
        ((30, 31), Some(mac(7)), true),
        ((30, 31), Some(mac(8)), false),
    ] {
        let other = subject(&[flow((PHONE, own), to, times)]);
        assert_eq!(both.shares(&other), expected, "{times:?}");
        let answered = unsure(&[early.clone(), late.clone()]);
        assert_eq!(answered.shows_all_of(&other), expected, "{times:?}");
    }
    assert_eq!(both.span(&|_| true), Some((at(10).time, at(50).time)));
    assert_eq!(both.span(&|_| false), None);
    assert_eq!(unsure(&[late]).span(&|_| true), None);
    let mut later = early.clone();
    later.1.spans[0].interval = 3;
    let parts = subject(&[early, flow((PHONE, None), to, (12, 15)), later]);
    assert_eq!(parts.span(&|at| at == 3), Some((at(10).time, at(20).time)));
}

#[test]
fn a_flow_is_seen_over_all_its_intervals_and_both_ways_if_it_was_ever() {
    let to: End<'_> = (SERVER, None);
    let opener = |key: &RowKey| key.opener.0;
    let (key, mut row) = flow((PHONE, None), to, (40, 50));
    let mut early = row.spans[0].clone();
    (early.total.first, early.total.last) = (at(10), at(20));
    *early.total.sent.of_mut(opener(&key).other()) = Default::default();
    row.spans[0].interval = 1;
    row.spans.insert(0, early);
    let mut turned = row.clone();
    turned.spans.reverse();
    for row in [row, turned] {
        let both = subject(&[(key.clone(), row)]);
        for (times, expected) in [
            ((5, 9), true),
            ((51, 60), true),
            ((30, 31), true),
            ((52, 60), false),
        ] {
            let other = subject(&[flow((PHONE, None), to, times)]);
            assert_eq!(both.shares(&other), expected, "{times:?}");
            assert_eq!(both.shows_all_of(&other), expected, "{times:?}");
        }
        assert_eq!(both.span(&|_| true), Some((at(10).time, at(50).time)));
    }
    // One direction of it here, and the other one there.
    let out = unanswered((PHONE, None), to, (10, 20));
    let mut back = flow((PHONE, None), to, (10, 20));
    for span in &mut back.1.spans {
        *span.total.sent.of_mut(opener(&back.0)) = Default::default();
    }
    let whole = subject(&[flow((PHONE, None), to, (10, 20))]);
    assert!(subject(&[out.clone(), back.clone()]).shows_all_of(&whole));
    assert!(subject(&[back, out]).shows_all_of(&whole));
}

#[test]
fn a_vantage_makes_up_for_another_one_that_shows_no_more() {
    let to: End<'_> = (SERVER, None);
    let (phone, next): (End<'_>, End<'_>) = ((PHONE, None), ("192.168.1.60", None));
    let both = flow(phone, to, (10, 20));
    let out = unanswered(phone, to, (10, 20));
    let mut back = both.clone();
    let opener = back.0.opener.0;
    for span in &mut back.1.spans {
        *span.total.sent.of_mut(opener) = Default::default();
    }
    let all = |own: &[Flow], other: &[Flow]| {
        let judged = [subject, unsure].map(|judge| judge(own).shows_all_of(&judge(other)));
        assert_eq!(judged[0], judged[1]);
        judged[0]
    };
    let one = std::slice::from_ref;
    assert!(all(one(&both), one(&both)) && all(one(&both), one(&out)));
    assert!(all(one(&out), one(&out)) && all(one(&both), one(&back)));
    assert!(!all(one(&out), one(&both)) && !all(one(&back), one(&both)));
    assert!(!all(one(&both), &[both.clone(), flow(next, to, (10, 20))]));
    assert!(!all(one(&flow(phone, to, (30, 40))), one(&both)));
    // What the other one shows of others is no matter, once one of them knows the subject.
    let by = |own: &RowKey| match own.key.ip(own.opener.0) == ip(PHONE) {
        true => DeviceMatch::Device,
        false => DeviceMatch::Unsure,
    };
    let more = shown(&[both.clone(), flow(next, to, (10, 20))], &by);
    assert!(subject(one(&both)).shows_all_of(&more));
    assert!(unsure(one(&both)).shows_all_of(&more));
    let others = shown(&[flow(next, to, (10, 20))], &by);
    assert!(subject(one(&both)).shows_all_of(&others));
    assert!(!unsure(one(&both)).shows_all_of(&others));
}

#[test]
fn what_is_no_conversation_between_two_hosts_is_not_shown() {
    let to: End<'_> = (SERVER, None);
    let own = flow((PHONE, None), to, (10, 20));
    let none = |flow: Flow| {
        let of = subject(&[flow]);
        of.all.is_empty() && of.subject.is_empty() && of.span(&|_| true).is_none()
    };
    assert!(!none(own.clone()));
    assert!(none(flow((PHONE, None), ("224.0.0.251", None), (10, 20))));
    let changed = |change: &dyn Fn(&mut RowKey)| {
        let mut of = own.clone();
        change(&mut of.0);
        of
    };
    assert!(none(changed(&|key| key.link_only = true)));
    assert!(none(changed(&|key| key.folded = Some(Folded::Beyond))));
    let mut empty = own.clone();
    empty.1.spans.clear();
    assert!(none(empty));
    // A label says who the subject is as well.
    let (key, row) = own;
    let of = series(vec![]);
    let topology = Topology::new(&of, std::slice::from_ref(&of), &[]);
    for (says, is) in [(Labelled::Subject, true), (Labelled::Other, false)] {
        let mut shown = Shown::default();
        let app = Some(label("org.example.fly", says));
        shown.note(
            &key,
            &row,
            &verdict(&key, DeviceMatch::Unsure, app),
            &topology,
        );
        assert_eq!(!shown.subject.is_empty(), is);
    }
}
