//! What series of one session know together, on series by hand.

use super::*;
use crate::evidence::Extent;
use crate::evidence::ledger::OnLink;
use crate::evidence::row::Folded;
use crate::judge::by_hand::{at, flow, ip, mac, series, unanswered};

const PHONE: &str = "192.168.1.50";
const SERVER: &str = "52.218.128.10";

/// A series in which these machines speak to nobody whose MAC is shown, over these seconds.
fn of(macs: &[Mac], times: (u64, u64)) -> Series {
    let flows = macs
        .iter()
        .map(|mac| unanswered((PHONE, Some(*mac)), (SERVER, None), times));
    timed(series(flows.collect()), &[times])
}

fn timed(mut of: Series, times: &[(u64, u64)]) -> Series {
    for (interval, (first, last)) in times.iter().enumerate() {
        let extent = Extent {
            first: at(*first),
            last: at(*last),
        };
        of.extents.insert(interval as u32, extent);
    }
    of
}

/// Which series stand on one link, those that stand alone with a number of their own.
fn on_links(mut all: Vec<Series>) -> Vec<usize> {
    for (place, of) in all.iter_mut().enumerate() {
        of.link = 100 + place;
    }
    share(&mut all);
    all.iter().map(|of| of.link).collect()
}

#[test]
fn series_stand_on_one_link_by_one_machine_at_one_time_or_by_two() {
    let (p, q, r) = (mac(7), mac(8), mac(9));
    let early = || of(&[p, r], (10, 20));
    assert_eq!(on_links(vec![early(), of(&[p], (15, 30))]), [0, 0]);
    assert_eq!(on_links(vec![early(), of(&[p], (20, 30))]), [0, 0]);
    assert_eq!(on_links(vec![early(), of(&[p], (21, 30))]), [100, 101]);
    assert_eq!(on_links(vec![of(&[p], (20, 30)), early()]), [0, 0]);
    assert_eq!(on_links(vec![of(&[p], (21, 30)), early()]), [100, 101]);
    assert_eq!(on_links(vec![early(), of(&[p, r], (21, 30))]), [0, 0]);
    assert_eq!(on_links(vec![early(), of(&[q], (15, 30))]), [100, 101]);
    // Of which one joins two others, whatever their order.
    let (left, right) = (|| of(&[p], (10, 20)), || of(&[q], (10, 20)));
    let both = || of(&[p, q], (10, 20));
    assert_eq!(on_links(vec![left(), right(), both()]), [0, 0, 0]);
    assert_eq!(on_links(vec![both(), left(), right()]), [0, 0, 0]);
    assert_eq!(
        on_links(vec![right(), left(), of(&[p], (11, 12))]),
        [100, 1, 1]
    );
    // Over all intervals; without a time one machine is too little.
    let later = || timed(of(&[p], (50, 60)), &[(50, 60), (5, 10)]);
    assert_eq!(on_links(vec![early(), later()]), [0, 0]);
    let around = || timed(of(&[p], (30, 40)), &[(5, 6), (30, 40)]);
    assert_eq!(on_links(vec![early(), around()]), [0, 0]);
    let mut untimed = of(&[p], (10, 20));
    untimed.extents.clear();
    assert_eq!(on_links(vec![early(), untimed]), [100, 101]);
    // To whom something was sent is there too; a group is no machine.
    let sent_to = |to: Mac, times| {
        timed(
            series(vec![unanswered((PHONE, None), (SERVER, Some(to)), times)]),
            &[times],
        )
    };
    assert_eq!(on_links(vec![early(), sent_to(p, (15, 30))]), [0, 0]);
    let all = Mac([0xff; 6]);
    assert_eq!(
        on_links(vec![sent_to(all, (10, 20)), sent_to(all, (10, 20))]),
        [100, 101]
    );
}

#[test]
fn what_one_series_knows_of_a_link_all_of_it_know() {
    let (p, q) = (mac(7), mac(8));
    let network = OnLink {
        network: ip("52.1.2.0"),
        bits: 24,
    };
    let mut one = of(&[p], (10, 20));
    one.ledger.on_link.insert(network, at(12));
    one.ledger.routers.insert(ip("192.168.1.1"));
    one.ledger.stations.entry(p).or_default().router = true;
    let mut other = of(&[p], (10, 20));
    other.ledger.on_link.insert(network, at(11));
    other.ledger.reverse.insert(ip(SERVER));
    other.ledger.device_macs.insert(p);
    other.ledger.device_seen.insert(ip(PHONE));
    other.ledger.stations.entry(p).or_default().leases = true;
    let stranger = of(&[q], (10, 20));
    let mut all = vec![one, other, stranger];
    share(&mut all);
    let known = |of: &Series| {
        let ledger = &of.ledger;
        let station = ledger.stations.get(&p);
        (
            ledger.on_link.get(&network).map(|at| at.at.frame),
            station.map(|station| (station.router, station.leases)),
            [
                ledger.routers.len(),
                ledger.reverse.len(),
                ledger.device_macs.len(),
                ledger.device_seen.len(),
            ],
        )
    };
    let shared = (Some(11), Some((true, true)), [1, 1, 1, 1]);
    assert_eq!([known(&all[0]), known(&all[1])], [shared, shared]);
    assert_eq!(known(&all[2]), (None, None, [0, 0, 0, 0]));
}

/// An answer to the phone that the server's address stands for a name.
fn answered(of: &mut Series, name: &str, second: u64) {
    let event = NameEvent {
        client: ip(PHONE),
        client_mac: None,
        name: name.into(),
        aliases: [format!("alias.of.{name}").into()].into(),
        at: at(second),
        until: at(second + 100).time,
    };
    of.ledger.resolved(ip(SERVER), event, 0);
}

#[test]
fn a_row_is_named_by_what_another_series_saw_asked_for() {
    let used = || series(vec![flow((PHONE, None), (SERVER, None), (50, 60))]);
    let named = |asked: Vec<Series>, mut used: Series| {
        used.inputs = vec![9];
        let mut all = asked;
        all.push(used);
        share(&mut all);
        let (key, row) = all.pop().unwrap().rows.remove(0);
        let side = key.opener.0.other();
        let said = row.resolved.of(side).iter();
        let said = said.map(|(name, at)| (name.name.to_string(), at.at.frame));
        let asked = key
            .resolved
            .of(side)
            .asked
            .clone()
            .map(|name| name.to_string());
        assert!(key.resolved.of(side.other()).asked.is_none());
        (asked, said.collect::<BTreeMap<_, _>>())
    };
    let asked = |names: &[(&str, u64)]| {
        let mut of = series(Vec::new());
        for (name, second) in names {
            answered(&mut of, name, *second);
        }
        of
    };
    let (a, b) = ("a.example.org", "b.example.org");
    let of = |names: &[(&str, u64)]| {
        let with_alias = |(name, at): &(&str, u64)| {
            [((*name).to_owned(), *at), (format!("alias.of.{name}"), *at)]
        };
        names
            .iter()
            .flat_map(with_alias)
            .collect::<BTreeMap<_, _>>()
    };
    let one = named(vec![asked(&[(a, 40)])], used());
    assert_eq!(one, (Some(a.to_owned()), of(&[(a, 40)])));
    // The newest one stands; of each the first moment.
    let two = named(vec![asked(&[(b, 45)]), asked(&[(a, 40), (b, 42)])], used());
    assert_eq!(two, (Some(b.to_owned()), of(&[(a, 40), (b, 42)])));
    let late = named(vec![asked(&[(a, 51)])], used());
    assert_eq!(late, (None, BTreeMap::new()));
    // A row that has a name keeps it; one that stands for many gets none; what its own series says was looked at before.
    let changed = |change: &dyn Fn(&mut Series)| {
        let mut used = used();
        change(&mut used);
        named(vec![asked(&[(a, 40)])], used).0
    };
    let own = changed(&|of| {
        let key = &mut of.rows[0].0;
        let side = key.opener.0.other();
        key.resolved.of_mut(side).asked = Some(b.into());
    });
    assert_eq!(own.as_deref(), Some(b));
    assert_eq!(
        changed(&|of| of.rows[0].0.folded = Some(Folded::Beyond)),
        None
    );
    assert_eq!(changed(&|of| of.rows[0].1.spans.clear()), None);
    let mut itself = used();
    answered(&mut itself, a, 40);
    assert_eq!(named(vec![asked(&[])], itself).0, None);
}

#[test]
fn names_that_stand_for_others_stand_for_them_everywhere() {
    let (mut one, mut other) = (series(Vec::new()), series(Vec::new()));
    one.ledger.ech_offer("outer.example.org", "a.example.org");
    other.ledger.ech_offer("outer.example.org", "b.example.org");
    let mut all = vec![one, other];
    share(&mut all);
    for of in &all {
        assert_eq!(of.ledger.ech["outer.example.org"].len(), 2);
    }
}

#[test]
fn a_mac_spoke_from_its_first_packet_to_its_last() {
    let p = mac(7);
    let own = |times| flow((PHONE, Some(p)), (SERVER, Some(mac(1))), times);
    for order in [[(10, 20), (40, 50)], [(40, 50), (10, 20)]] {
        let all = [series(order.map(own).to_vec())];
        let spoken = spoken(all.iter());
        let times = |second| at(second).time;
        assert_eq!(spoken.get(&(p, ip(PHONE))), Some(&(times(10), times(50))));
        assert_eq!(
            spoken.get(&(mac(1), ip(SERVER))),
            Some(&(times(10), times(50)))
        );
    }
    let none = |flow: (RowKey, Row)| spoken([series(vec![flow])].iter()).len();
    assert_eq!(none(own((10, 20))), 2);
    let (mut key, mut row) = own((10, 20));
    for span in &mut row.spans {
        span.total.sent.of_mut(key.opener.0).packets = 0;
    }
    assert_eq!(none((key.clone(), row)), 1, "what it was said to have sent");
    key.link.of_mut(key.opener.0).mixed = true;
    let first_of_several = none((key.clone(), own((10, 20)).1));
    assert_eq!(first_of_several, 2, "several MACs: it sent first");
    key.folded = Some(Folded::Local);
    assert_eq!(none((key, own((10, 20)).1)), 0, "many");
}
