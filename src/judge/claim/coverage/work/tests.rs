//! When the subject is at work, on labels and packets by hand.

use super::*;
use crate::evidence::{Devices, Extent, Series};
use crate::ground::label::{Label, LabelSource};
use crate::judge::by_hand::{Declared, at, flow, ip, on, series};
use crate::judge::classify::app_pattern::Pattern;
use crate::judge::classify::rows::judge;

const PHONE: &str = "192.168.1.50";
const OWN: &str = "org.example.fly";

fn declared(devices: &[&str], apps: &[&str]) -> Declared {
    Declared {
        devices: Devices {
            ips: devices.iter().map(|text| ip(text)).collect(),
            ..Devices::default()
        },
        apps: apps
            .iter()
            .map(|app| Pattern::parse(app).unwrap())
            .collect(),
        ..Declared::default()
    }
}

/// A series over two intervals in which the phone sends.
fn recorded() -> Series {
    let mut of = series(vec![flow((PHONE, None), ("52.1.2.3", None), (100, 200))]);
    for interval in [0, 1] {
        let extent = Extent {
            first: at(100),
            last: at(200),
        };
        of.extents.insert(interval, extent);
    }
    of
}

fn labelled(of: &mut Series, name: &str, interval: u32, second: u64) {
    let mut label = Label::of(LabelSource::Pktap);
    label.process.name = Some(name.as_bytes());
    of.ledger.apps.packet(&label, interval, at(second)).unwrap();
}

/// The signs in the first interval, in seconds, and the starts of their slots.
fn work(series: Vec<Series>, declared: &Declared, inside: u32) -> (Vec<i64>, Vec<i64>) {
    on(series, declared, |basis| {
        let judged = judge(basis);
        let work = Work::of(basis, &judged, &|of| of == inside, Some(at(5).time));
        let seconds = |times: &BTreeSet<Timestamp>| {
            let since = times.iter().filter_map(|time| time.since(at(0).time));
            since
                .map(|nanos| nanos / Timestamp::SECOND)
                .collect::<Vec<_>>()
        };
        (seconds(&work.signs), seconds(&work.slots))
    })
}

#[test]
fn signs_are_labels_of_the_app_packets_of_the_device_and_the_drones_link() {
    let app = declared(&[], &[OWN]);
    let with = |change: &dyn Fn(&mut Series)| {
        let mut of = recorded();
        change(&mut of);
        work(vec![of], &app, 0)
    };
    let none = (vec![], vec![]);
    assert_eq!(with(&|_| {}), none);
    assert_eq!(
        with(&|of| labelled(of, OWN, 0, 107)),
        (vec![107], vec![105])
    );
    assert_eq!(with(&|of| labelled(of, OWN, 1, 107)), none);
    assert_eq!(with(&|of| labelled(of, "org.example.mail", 0, 107)), none);
    assert_eq!(
        with(&|of| of.ledger.drone_link.mark(0, at(104))),
        (vec![104], vec![95])
    );
    assert_eq!(
        with(&|of| of.ledger.device.mark(0, at(105))),
        (vec![105], vec![105])
    );
    assert_eq!(with(&|of| of.ledger.device.mark(1, at(105))), none);
    // Without a start there are no slots; before it they go back.
    let signs = BTreeSet::from([at(104).time, at(4).time]);
    assert_eq!(slots(&signs, None), BTreeSet::new());
    let told = slots(&signs, Some(at(105).time));
    assert_eq!(
        told,
        BTreeSet::from([at(95).time, at(5).time.plus(-10 * Timestamp::SECOND)])
    );
}

#[test]
fn without_a_packet_of_the_declared_device_nothing_is_a_sign() {
    let with = |address: &str, inside| {
        let mut of = recorded();
        of.ledger.drone_link.mark(inside, at(105));
        work(vec![of], &declared(&[address], &[]), inside).0
    };
    assert_eq!(with(PHONE, 0), [105]);
    assert_eq!(with("192.168.1.60", 0), [0i64; 0]);
    assert_eq!(with(PHONE, 1), [0i64; 0], "not in this window");
    // One direction is enough.
    for sent in [true, false] {
        on(vec![recorded()], &declared(&[PHONE], &[]), |basis| {
            let mut judged = judge(basis);
            let of = judged.directions[0].entry(0).or_default();
            (of.device_out, of.device_in) = if sent { (1, 0) } else { (0, 1) };
            assert!(device_seen(&judged, basis, &|_| true));
            judged.directions[0].entry(1).or_default();
            assert!(device_seen(&judged, basis, &|_| true), "in any interval");
            judged.directions[0].entry(0).or_default().device_out = 0;
            judged.directions[0].entry(0).or_default().device_in = 0;
            assert!(!device_seen(&judged, basis, &|_| true));
        });
    }
    on(vec![recorded()], &declared(&[], &[]), |basis| {
        assert!(
            device_seen(&judge(basis), basis, &|_| false),
            "none was declared"
        );
    });
}

#[test]
fn too_few_slots_are_a_gap_that_says_what_was_there_to_see() {
    let gap = |slots: i64, declared: &Declared, label: bool| {
        let mut of = recorded();
        if label {
            labelled(&mut of, "org.example.mail", 0, 107);
        }
        on(vec![of, recorded()], declared, |basis| {
            let work = Work::by_hand((0..slots).map(|slot| slot * 10));
            let gap = work.too_little(None, basis, &judge(basis))?;
            assert_eq!(gap.id, GapId::NoAppActivity);
            Some(gap.cause)
        })
    };
    let cause = |slots, labelled, device| {
        Some(Cause::NotAtWork {
            window: None,
            slots,
            labelled,
            device,
        })
    };
    let none = declared(&[], &[]);
    assert_eq!(gap(3, &none, false), None);
    assert_eq!(gap(2, &none, false), cause(2, false, None));
    assert_eq!(gap(2, &none, true), cause(2, true, None));
    assert_eq!(
        gap(0, &declared(&[PHONE], &[]), false),
        cause(0, false, Some(true))
    );
    // From so many slots on their length is looked at; silences beyond the limit are taken out.
    let limit = 10 * Timestamp::SECOND;
    let length = |seconds: &[i64]| Work::by_hand(seconds.iter().copied()).length(limit);
    assert_eq!(length(&[0, 10]), None);
    assert_eq!(length(&[0, 10, 20]), Some(20 * Timestamp::SECOND));
    assert_eq!(length(&[0, 10, 21]), Some(10 * Timestamp::SECOND));
}

#[test]
fn devices_and_apps_that_nothing_shows_are_named() {
    let devices = |all: Vec<Series>, addresses: &[&str]| {
        let judged = crate::judge::by_hand::judged(all, &declared(addresses, &[]));
        let causes = devices_unseen(&judged).map(|gap| gap.cause);
        causes.collect::<Vec<_>>()
    };
    let missing = "192.168.1.60";
    let unseen = Cause::DeviceUnseen(missing.to_owned());
    assert_eq!(devices(vec![recorded()], &[PHONE, missing]), [unseen]);
    // In no vantage at all.
    let other = || series(vec![flow((missing, None), ("52.1.2.3", None), (100, 200))]);
    assert_eq!(devices(vec![recorded(), other()], &[PHONE, missing]), []);
    assert_eq!(devices(vec![other(), recorded()], &[PHONE, missing]), []);

    let apps = |names: &[&str], asked: &[&str]| {
        let mut of = recorded();
        for name in names {
            labelled(&mut of, name, 0, 107);
        }
        on(vec![of, recorded()], &declared(&[], asked), |basis| {
            let judged = judge(basis);
            let gaps = no_app_seen(&judged, basis)
                .into_iter()
                .map(|gap| match gap.cause {
                    Cause::AppUnseen(app) => (app.pattern, app.labelled),
                    cause => panic!("{cause:?}"),
                });
            let unseen = apps_unseen(&judged, basis);
            (gaps.collect::<Vec<_>>(), unseen.len())
        })
    };
    let (fly, mail) = (OWN.to_owned(), "org.example.mail".to_owned());
    assert_eq!(apps(&[], &[]), (vec![], 0));
    assert_eq!(apps(&[OWN], &[OWN]), (vec![], 0));
    assert_eq!(apps(&[], &[OWN]), (vec![(fly.clone(), false)], 1));
    assert_eq!(apps(&["netd"], &[OWN]), (vec![(fly.clone(), true)], 1));
    // One of several is enough.
    assert_eq!(apps(&[OWN], &[OWN, &mail]), (vec![], 1));
    assert_eq!(
        apps(&[], &[OWN, &mail]),
        (vec![(fly, false), (mail, false)], 2)
    );
}
