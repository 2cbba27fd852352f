//! What rows come to together, on rows by hand.

use super::*;
use crate::evidence::content::{FoundIn, Kind, TrafficPart};
use crate::evidence::row::{Folded, Resolved};
use crate::ground::moment::FrameRef;
use crate::judge::by_hand::{Declared, at, flow, ip, judged, series};
use std::collections::BTreeSet;

const PHONE: &str = "192.168.1.50";
const SERVER: &str = "52.218.128.10";

type Flow = (RowKey, Row);

/// A flow from the phone to the server, changed; the side is the server's.
fn to(change: impl FnOnce(&mut RowKey, &mut Row, Side)) -> Flow {
    from(PHONE, change)
}

fn from(client: &str, change: impl FnOnce(&mut RowKey, &mut Row, Side)) -> Flow {
    let (mut key, mut row) = flow((client, None), (SERVER, None), (10, 20));
    let theirs = key.opener.0.other();
    change(&mut key, &mut row, theirs);
    (key, row)
}

fn named(name: String, source: NameSource) -> Named {
    Named {
        name: name.into(),
        source,
    }
}

/// The one destination of these flows, of a series each.
fn one(all: Vec<Vec<Flow>>) -> Destination {
    let all = all.into_iter().map(series).collect();
    let mut all = judged(all, &Declared::default()).destinations;
    assert_eq!(all.len(), 1, "{all:?}");
    all.remove(0)
}

#[test]
fn names_are_kept_up_to_a_bound_and_those_that_accuse_beyond() {
    let with = |plain: usize, accusing: usize| {
        // What accuses comes last in the order of names.
        let plain = (0..plain).map(|n| format!("a{n:04}.example.org"));
        let accusing = (0..accusing).map(|n| format!("z{n:04}.dji.com"));
        let names = plain.chain(accusing);
        let said = names.enumerate().map(|(n, name)| {
            let moment = at(1 + n as u64);
            (named(name, NameSource::HttpHost), moment)
        });
        let of = one(vec![vec![to(|_, row, theirs| {
            *row.said.of_mut(theirs.other()) = said.collect();
        })]]);
        (of.names.len(), of.names_folded)
    };
    assert_eq!(with(NAMES_MAX, 0), (NAMES_MAX, None));
    assert_eq!(with(NAMES_MAX + 2, 0), (NAMES_MAX, Some(at(513))));
    assert_eq!(with(NAMES_MAX + 2, 3), (NAMES_MAX + 3, Some(at(513))));
    assert_eq!(with(NAMES_MAX, NAMES_MAX), (2 * NAMES_MAX, None));
    assert_eq!(
        with(NAMES_MAX, NAMES_MAX + 1),
        (2 * NAMES_MAX, Some(at(1025)))
    );
    // What is known is known on, with its first moment.
    let names = |moment: u64| {
        move |_: &mut RowKey, row: &mut Row, theirs: Side| {
            let names = (0..NAMES_MAX).map(|n| format!("a{n:04}.example.org"));
            *row.said.of_mut(theirs.other()) = names
                .map(|name| (named(name, NameSource::HttpHost), at(moment)))
                .collect();
        }
    };
    for moments in [(7, 3), (3, 7)] {
        let of = one(vec![vec![
            to(names(moments.0)),
            from("192.168.1.60", names(moments.1)),
        ]]);
        assert_eq!((of.names.len(), of.names_folded), (NAMES_MAX, None));
        assert!(of.names.iter().all(|(_, first)| *first == at(3)));
    }
    // A third party's name is suspect and kept; what only describes is not.
    let third = |name: &'static str| {
        let of = one(vec![vec![to(|_, row, theirs| {
            let names = (0..NAMES_MAX).map(|n| format!("a{n:04}.example.org"));
            let names = names.chain([name.to_owned()]);
            *row.said.of_mut(theirs.other()) = names
                .map(|name| (named(name, NameSource::HttpHost), at(1)))
                .collect();
        })]]);
        of.names.len()
    };
    assert_eq!(third("z.umeng.com"), NAMES_MAX + 1);
    assert_eq!(third("zzz.example.org"), NAMES_MAX);
}

#[test]
fn what_the_far_end_calls_us_is_no_name_of_its() {
    let resolved = |row: &mut Row, side: Side, name: &str| {
        let name = named(name.to_owned(), NameSource::Dns);
        row.resolved.of_mut(side).insert(name, at(2));
    };
    // Who says a name: the far end, our side, both. Who opened the flow changes nothing.
    let names = |by_theirs: bool, by_ours: bool, opened_by_theirs: bool| {
        let of = one(vec![vec![to(|key, row, theirs| {
            if opened_by_theirs {
                key.opener = (theirs, Opening::Request);
            }
            for (says, side, name) in [
                (by_theirs, theirs, "ours.example.org"),
                (by_ours, theirs.other(), "theirs.example.org"),
            ] {
                let name = named(name.to_owned(), NameSource::TlsSni);
                if says {
                    row.said.of_mut(side).insert(name, at(1));
                }
            }
            resolved(row, theirs, "theirs.example.net");
            resolved(row, theirs.other(), "own.example.net");
        })]]);
        let names: Vec<String> = of.names.keys().map(|n| n.name.to_string()).collect();
        (names, of.notes.contains(&Note::AskedByTheFarEnd))
    };
    let looked_up = || vec!["theirs.example.net".to_owned()];
    let with_said = || {
        vec![
            "theirs.example.net".to_owned(),
            "theirs.example.org".to_owned(),
        ]
    };
    for opened_by_theirs in [false, true] {
        let names = |by_theirs, by_ours| names(by_theirs, by_ours, opened_by_theirs);
        assert_eq!(names(false, false), (looked_up(), false));
        assert_eq!(names(true, false), (looked_up(), true));
        assert_eq!(names(false, true), (with_said(), false));
        assert_eq!(names(true, true), (with_said(), true));
    }
}

#[test]
fn where_only_a_port_says_which_end_is_ours_names_of_both_count() {
    let (public, server) = ("203.0.113.9", "198.51.100.7");
    let names = |how: Opening| {
        let of = one(vec![vec![{
            let (mut key, mut row) = flow((public, None), (server, None), (10, 20));
            key.opener.1 = how;
            for side in Side::BOTH {
                let name = named(format!("{side:?}.example.org"), NameSource::TlsSni);
                row.said.of_mut(side).insert(name, at(1));
            }
            (key, row)
        }]]);
        of.names.len()
    };
    assert_eq!(names(Opening::HigherPort), 2);
    assert_eq!(names(Opening::Request), 1);
}

#[test]
fn aliases_are_of_a_name_that_was_asked_for() {
    let aliases = |name: Option<NameSource>, asked: Option<&str>| {
        let of = one(vec![vec![to(|key, _, theirs| {
            let names = name.map(|source| named("a.example.org".to_owned(), source));
            *key.said() = names.into_iter().collect();
            *key.resolved.of_mut(theirs) = Resolved {
                asked: asked.map(Arc::from),
                aliases: ["alias.example.net".into()].into(),
            };
            *key.resolved.of_mut(theirs.other()) = Resolved {
                asked: None,
                aliases: ["own.example.net".into()].into(),
            };
        })]]);
        of.aliases
    };
    let alias = BTreeSet::from([Arc::from("alias.example.net")]);
    assert_eq!(aliases(None, None), alias);
    assert_eq!(aliases(None, Some("b.example.org")), alias);
    assert_eq!(
        aliases(Some(NameSource::TlsSni), Some("a.example.org")),
        alias
    );
    assert_eq!(
        aliases(Some(NameSource::TlsSni), Some("b.example.org")),
        BTreeSet::new()
    );
}

#[test]
fn remarks_of_any_row_are_remarks_of_the_destination() {
    let noted = |change: &dyn Fn(&mut RowKey, &mut Row)| {
        let plain = from("192.168.1.60", |_, _, _| {});
        let of = one(vec![vec![to(|key, row, _| change(key, row)), plain]]);
        of.notes.into_iter().collect::<Vec<_>>()
    };
    assert_eq!(noted(&|_, _| {}), []);
    assert_eq!(
        noted(&|_, row| row.client_subnet = true),
        [Note::ClientSubnet]
    );
    assert_eq!(noted(&|_, row| row.conflict = true), [Note::CopiesDiffer]);
    assert_eq!(noted(&|_, row| row.quoted = true), [Note::Quoted]);
    assert_eq!(noted(&|_, row| row.routed = true), [Note::Routed]);
    assert_eq!(
        noted(&|key, _| key.relay = Some(Relay::Tunnel)),
        [Note::ClearTunnel]
    );
    assert_eq!(noted(&|key, _| key.relay = Some(Relay::Lookup)), []);
    assert_eq!(
        noted(&|key, _| key.tunnel = Some("wireguard")),
        [Note::OpaqueTunnel("wireguard")]
    );
}

#[test]
fn lists_of_a_destination_have_bounds_and_an_order() {
    let many = |client: &str, first: u64| {
        from(client, |key, row, _| {
            let prints = (0..JA4_MAX as u64).map(|n| Arc::from(format!("t{:04}", first + n)));
            row.ja4 = prints.collect();
            let frames = (0..FRAMES_MAX as u64).map(|n| FrameRef {
                input: 0,
                frame: first + n,
            });
            row.frames = frames.collect();
            key.protocol = Some(if first == 0 { "tls" } else { "http" });
        })
    };
    let all = vec![
        many("192.168.1.60", 9),
        many(PHONE, 0),
        many("192.168.1.70", 0),
    ];
    let of = one(vec![all]);
    assert_eq!((of.ja4.len(), of.frames.len()), (JA4_MAX, FRAMES_MAX));
    assert!(of.frames.is_sorted());
    assert_eq!(of.protocols, ["http", "tls"]);
    assert_eq!(of.clients, [PHONE, "192.168.1.60", "192.168.1.70"].map(ip));
    let few = |prints: &'static [&'static str], frames: &'static [u64]| {
        move |_: &mut RowKey, row: &mut Row, _: Side| {
            row.ja4 = prints.iter().map(|of| Arc::from(*of)).collect();
            row.frames = frames
                .iter()
                .map(|n| FrameRef {
                    input: 0,
                    frame: *n,
                })
                .collect();
        }
    };
    let both = vec![
        to(few(&["b"], &[3, 9])),
        from("192.168.1.60", few(&["a"], &[1, 3])),
    ];
    let of = one(vec![both]);
    let frames: Vec<u64> = of.frames.iter().map(|at| at.frame).collect();
    assert_eq!((frames, of.ja4.len()), (vec![1, 3, 9], 2));
    // A row that stands for many says nothing of who asked.
    let folded = one(vec![vec![to(|key, _, _| {
        key.folded = Some(Folded::Beyond)
    })]]);
    assert_eq!(folded.clients, [] as [IpAddr; 0]);
}

#[test]
fn traffic_is_kept_by_vantage_machine_and_interval() {
    let two = |_: &mut RowKey, row: &mut Row, _: Side| {
        let mut later = row.spans[0].clone();
        later.interval = 4;
        row.spans.push(later);
        row.flows = 3;
    };
    let own = || vec![to(two), from("192.168.1.60", |_, _, _| {})];
    let of = one(vec![own(), own()]);
    let views: Vec<_> = of
        .views
        .iter()
        .map(|view| {
            let bytes = |of: &[(u32, Traffic)]| {
                of.iter()
                    .map(|(at, t)| (*at, t.out.bytes, t.back.bytes))
                    .collect::<Vec<_>>()
            };
            assert_eq!(view.total, view.active);
            (view.series, view.flows, bytes(&view.total))
        })
        .collect();
    let bytes = vec![(0, 200, 200), (4, 100, 100)];
    assert_eq!(views, [(0, 4, bytes.clone()), (1, 4, bytes)]);
    assert_eq!(of.flows, 4);
    let shares: Vec<_> = of
        .shares
        .iter()
        .map(|share| {
            (
                share.series,
                share.client,
                share.interval,
                share.traffic.out.bytes,
            )
        })
        .collect();
    let of_each = |series| {
        let client = |address| Client::Address(ip(address));
        [
            (series, client(PHONE), 0, 100),
            (series, client(PHONE), 4, 100),
            (series, client("192.168.1.60"), 0, 100),
        ]
    };
    assert_eq!(shares, [of_each(0), of_each(1)].concat());
}

#[test]
fn conversations_are_kept_where_there_are_several_vantages_and_all_are_known() {
    let ports = |of: &Destination| {
        let view = of.views[0].conversations.as_ref();
        view.map(|kept| kept.iter().map(|c| c.from.1).collect::<Vec<_>>())
    };
    let from_port = |port: u16| {
        move |_: &mut RowKey, row: &mut Row, _: Side| row.opener_ports = BTreeSet::from([port])
    };
    let own = || vec![to(from_port(5)), from(PHONE, from_port(6))];
    assert_eq!(ports(&one(vec![own()])), None);
    assert_eq!(ports(&one(vec![own(), own()])), Some(vec![5, 6]));
    let many = |_: &mut RowKey, row: &mut Row, _: Side| row.opener_ports = (0..99).collect();
    // Once not all are known, none speaks.
    let unknown = || vec![to(many), from(PHONE, from_port(6))];
    assert_eq!(ports(&one(vec![unknown(), own()])), None);
    let unknown = || vec![to(from_port(6)), from(PHONE, many)];
    assert_eq!(ports(&one(vec![unknown(), own()])), None);
}

#[test]
fn personal_data_is_listed_where_our_side_sent_it() {
    let hit = |side: Side| Hit {
        kind: Kind::Email,
        text: "a***@example.org".into(),
        plain: None,
        place: FoundIn::new(TrafficPart::UdpPayload, None),
        side,
        interval: 0,
        first: at(12),
        count: 2,
    };
    let content = |ours: bool, theirs: bool| {
        let of = one(vec![vec![to(|_, row, side| {
            for (side, is) in [(side.other(), ours), (side, theirs)] {
                if is {
                    row.content.add(hit(side));
                }
            }
        })]]);
        of.views[0]
            .content
            .iter()
            .map(|hit| (hit.side, hit.count))
            .collect::<Vec<_>>()
    };
    assert_eq!(content(true, false), [(Side::A, 2)]);
    assert_eq!(content(false, true), []);
    assert_eq!(content(true, true), [(Side::A, 2)]);
}
