//! Whose machine is whose, on flows by hand.

use super::*;
use crate::evidence::row::{Folded, Row};
use crate::judge::by_hand::{End, by_opener, flow, ip, mac, made_up, series, unanswered};
use DeviceMatch::{Device, Other, Unsure};

const PHONE: &str = "192.168.1.50";
const NEXT: &str = "192.168.1.51";
const THIRD: &str = "192.168.1.60";
const SERVER: &str = "52.218.128.10";

/// The router, which is known to be one.
const GATE: Mac = Mac([0x00, 0x11, 0x22, 0, 0, 1]);

type Flows = Vec<(RowKey, Row)>;

/// A machine sends from an address, from one second to another.
fn says(from: &str, mac: Mac, times: (u64, u64)) -> (RowKey, Row) {
    let to = match ip(from).is_ipv6() {
        true => "2a00:1450::9",
        false => SERVER,
    };
    unanswered((from, Some(mac)), (to, Some(GATE)), times)
}

fn devices(ips: &[&str], macs: &[Mac]) -> Devices {
    Devices {
        all: false,
        ips: ips.iter().map(|text| ip(text)).collect(),
        macs: macs.to_vec(),
    }
}

fn view(devices: &Devices, series: &Series) -> DeviceView {
    let all = std::slice::from_ref(series);
    DeviceView::new(devices, series, all, &Topology::new(series, all, &[]))
}

#[test]
fn a_declared_address_is_the_machine_that_had_it_first() {
    let (p, q) = (mac(7), mac(8));
    let by_address = || devices(&[PHONE], &[]);
    type Whose<'t> = &'t [(&'t str, Option<Mac>, DeviceMatch)];
    type Case<'t> = (&'t str, Devices, Flows, &'t [Mac], bool, Whose<'t>);
    let cases: [Case<'_>; 8] = [
        (
            "one machine",
            by_address(),
            vec![says(PHONE, p, (0, 10)), says(THIRD, q, (0, 10))],
            &[p],
            false,
            &[
                (PHONE, Some(p), Device),
                (PHONE, None, Device),
                ("fe80::1", Some(p), Device),
                (THIRD, Some(q), Other),
                (PHONE, Some(q), Device),
                (THIRD, None, Unsure),
            ],
        ),
        (
            "two at one time",
            by_address(),
            vec![says(PHONE, p, (0, 100)), says(PHONE, q, (50, 60))],
            &[p, q],
            true,
            &[
                (PHONE, Some(q), Device),
                ("fe80::1", Some(p), Unsure),
                ("fe80::1", Some(q), Unsure),
                ("fe80::1", Some(mac(9)), Other),
            ],
        ),
        (
            "the first one goes on under another address",
            by_address(),
            vec![
                says(PHONE, p, (0, 10)),
                says(PHONE, q, (20, 30)),
                says(NEXT, p, (15, 40)),
            ],
            &[p],
            false,
            &[
                (PHONE, Some(p), Device),
                (PHONE, Some(q), Other),
                (NEXT, Some(p), Device),
                ("fe80::1", Some(q), Other),
            ],
        ),
        (
            "the first one is not seen again",
            by_address(),
            vec![says(PHONE, p, (0, 20)), says(PHONE, q, (20, 30))],
            &[p, q],
            false,
            &[("fe80::1", Some(p), Device), ("fe80::1", Some(q), Device)],
        ),
        (
            "nor after the very moment",
            by_address(),
            vec![
                says(PHONE, p, (0, 10)),
                says(NEXT, p, (15, 20)),
                says(PHONE, q, (20, 30)),
            ],
            &[p, q],
            false,
            &[(NEXT, Some(p), Device)],
        ),
        (
            "what another machine does is no sign of it",
            by_address(),
            vec![
                says(PHONE, p, (0, 10)),
                says(PHONE, q, (20, 30)),
                says(THIRD, mac(9), (0, 90)),
            ],
            &[p, q],
            false,
            &[(THIRD, Some(mac(9)), Other)],
        ),
        (
            "both are declared",
            devices(&[PHONE], &[q]),
            vec![says(PHONE, p, (0, 100)), says(PHONE, q, (50, 60))],
            &[p, q],
            false,
            &[("fe80::1", Some(p), Device)],
        ),
        (
            "all is declared",
            Devices {
                all: true,
                ..by_address()
            },
            vec![
                says(PHONE, p, (0, 10)),
                says(PHONE, q, (20, 30)),
                says(NEXT, p, (15, 40)),
            ],
            &[],
            false,
            &[(PHONE, Some(q), Device), (THIRD, None, Device)],
        ),
    ];
    for (what, devices, rows, macs, ambiguous, whose) in cases {
        let view = view(&devices, &series(rows));
        assert_eq!(view.macs, macs.iter().copied().collect(), "{what}");
        assert_eq!(view.ambiguous, ambiguous, "{what}");
        for (address, mac, expected) in whose {
            let told = view.whose(ip(address), *mac);
            assert_eq!(told, *expected, "{what}: {address} {mac:?}");
        }
    }
}

#[test]
fn machines_whose_times_are_not_known_may_be_any() {
    let (p, q) = (mac(7), mac(8));
    let having = |rows: Flows, macs: &[Mac]| {
        let mut of = series(rows);
        for mac in macs {
            let station = of.ledger.stations.entry(*mac).or_default();
            station.sources.insert(ip(PHONE));
        }
        view(&devices(&[PHONE], &[]), &of)
    };
    let timed = |mac| vec![says(PHONE, mac, (0, 10))];
    for (rows, macs, ambiguous) in [
        (vec![], &[p][..], false),
        (vec![], &[p, q], true),
        (timed(p), &[p, q], true),
        (timed(q), &[p, q], true),
    ] {
        let view = having(rows, macs);
        assert_eq!(view.macs, macs.iter().copied().collect());
        assert_eq!(view.ambiguous, ambiguous, "{macs:?}");
    }
}

/// Rows of one machine that speaks from these addresses.
fn addresses(of: Mac, times: &[(&str, (u64, u64))]) -> Flows {
    let said = times.iter();
    said.map(|(from, times)| says(from, of, *times)).collect()
}

#[test]
fn who_speaks_from_two_addresses_in_turn_is_no_single_machine() {
    let p = mac(7);
    let public = "52.1.2.3";
    for (second, first_times, times, in_turn) in [
        (NEXT, (0, 20), (10, 30), true),
        (NEXT, (10, 30), (0, 20), true),
        // What is sent late is sent within five seconds.
        (NEXT, (0, 20), (15, 30), false),
        (NEXT, (0, 21), (15, 30), true),
        (NEXT, (0, 20), (20, 40), false),
        (NEXT, (20, 40), (0, 25), false),
        // Whatever a host has besides.
        ("169.254.3.4", (0, 20), (10, 30), false),
        ("192.0.0.4", (0, 20), (10, 30), false),
        ("0.0.0.0", (0, 20), (10, 30), false),
        ("127.0.0.1", (0, 20), (10, 30), false),
        ("fd00::7", (0, 20), (10, 30), false),
    ] {
        let rows = addresses(p, &[(PHONE, first_times), (second, times)]);
        let of = series(rows);
        // However the machine was declared.
        for devices in [devices(&[PHONE], &[]), devices(&[], &[p])] {
            let told = view(&devices, &of).ambiguous;
            assert_eq!(told, in_turn, "{second} {times:?} {devices:?}");
        }
    }
    // Without times nothing is in turn.
    let mut untimed = addresses(p, &[(PHONE, (0, 20)), (NEXT, (10, 30))]);
    for (_, row) in &mut untimed {
        for span in &mut row.spans {
            (span.total.first.time, span.total.last.time) =
                (Timestamp::UNKNOWN, Timestamp::UNKNOWN);
        }
    }
    assert!(!view(&devices(&[], &[p]), &series(untimed)).ambiguous);
    // Other machines' addresses are no matter.
    let mut rows = addresses(p, &[(PHONE, (0, 20))]);
    rows.extend(addresses(mac(8), &[(NEXT, (10, 30))]));
    assert!(!view(&devices(&[PHONE], &[]), &series(rows)).ambiguous);
    // An address of the site and one outside: who was declared by its MAC sends for somebody, and has its own address.
    let of = series(addresses(p, &[(PHONE, (0, 20)), (public, (10, 30))]));
    let by_address = view(&devices(&[PHONE], &[]), &of);
    assert!(by_address.ambiguous);
    let by_mac = view(&devices(&[], &[p]), &of);
    assert!(!by_mac.ambiguous);
    assert_eq!(by_mac.whose(ip(PHONE), Some(p)), Device);
    assert_eq!(by_mac.whose(ip(public), Some(p)), Unsure);
    assert_eq!(by_mac.addresses, BTreeSet::from([ip(PHONE)]));
}

#[test]
fn a_router_that_was_declared_is_the_device_by_its_own_addresses() {
    let rows = || addresses(GATE, &[(PHONE, (0, 20)), (SERVER, (0, 1))]);
    let mut of = series(rows());
    of.ledger.stations.entry(GATE).or_default().router = true;
    let by_address = view(&devices(&[PHONE], &[]), &of);
    assert!(by_address.ambiguous);
    assert_eq!(by_address.whose(ip(NEXT), Some(GATE)), Unsure);
    assert_eq!(by_address.addresses, BTreeSet::from([ip(PHONE)]));
    let by_mac = view(&devices(&[], &[GATE]), &of);
    assert!(!by_mac.ambiguous);
    assert_eq!(by_mac.whose(ip(NEXT), Some(GATE)), Device);
    assert_eq!(by_mac.whose(ip(SERVER), Some(GATE)), Unsure);
    assert_eq!(by_mac.addresses, BTreeSet::from([ip(PHONE)]));
    // One that is none is the device whatever it sends from.
    let plain = view(&devices(&[], &[GATE]), &series(rows()));
    assert_eq!(plain.whose(ip("2a00::1"), Some(GATE)), Device);
    assert_eq!(plain.addresses, BTreeSet::from([ip(PHONE), ip(SERVER)]));
}

#[test]
fn who_took_over_the_address_of_a_silent_mac_may_be_the_same_machine() {
    let (own, heir) = (made_up(7), made_up(8));
    let heirs_of = |own: Mac, heir: Mac, address: &str, (last, first): (u64, u64)| {
        let rows = vec![
            says(address, own, (0, last)),
            says(address, heir, (first, 90)),
        ];
        let view = view(&devices(&[], &[own]), &series(rows));
        view.whose(ip("fe80::9"), Some(heir))
    };
    let shared = PHONE;
    for (own, heir, address, times, expected) in [
        (own, heir, shared, (10, 20), Unsure),
        (own, heir, shared, (20, 20), Unsure),
        (own, heir, shared, (21, 20), Other),
        (own, mac(8), shared, (10, 20), Unsure),
        (mac(7), heir, shared, (10, 20), Unsure),
        // Numbers of factories stay with their machines.
        (mac(7), mac(8), shared, (10, 20), Other),
        (own, heir, "fd00::7", (10, 20), Unsure),
        (own, heir, "2a00::7", (10, 20), Unsure),
        // These are nobody's own.
        (own, heir, "169.254.1.1", (10, 20), Other),
        (own, heir, "0.0.0.0", (10, 20), Other),
        (own, heir, "192.0.0.4", (10, 20), Other),
    ] {
        let told = heirs_of(own, heir, address, times);
        assert_eq!(told, expected, "{own} {heir} {address} {times:?}");
    }
    // One that was declared too is no heir; nor is who has an address of his own.
    let rows = || vec![says(PHONE, own, (0, 10)), says(PHONE, heir, (20, 30))];
    let both = view(&devices(&[], &[own, heir]), &series(rows()));
    assert_eq!(both.whose(ip("fe80::9"), Some(heir)), Device);
    let mut apart = rows();
    apart.push(says(NEXT, made_up(9), (20, 30)));
    // What other machines say later does not make a MAC speak again.
    apart.push(says(THIRD, mac(3), (20, 90)));
    let apart = view(&devices(&[], &[own]), &series(apart));
    assert_eq!(apart.whose(ip("fe80::9"), Some(made_up(9))), Other);
    assert_eq!(apart.whose(ip("fe80::9"), Some(heir)), Unsure);
    // Of addresses whose times are not known: if the silent one's are not, anybody may be; the heir has to have spoken.
    let untimed = |mac: Mac, rows: Flows| {
        let mut of = series(rows);
        let station = of.ledger.stations.entry(mac).or_default();
        station.sources.insert(ip(PHONE));
        view(&devices(&[], &[own]), &of).whose(ip("fe80::9"), Some(heir))
    };
    assert_eq!(untimed(own, vec![says(PHONE, heir, (20, 30))]), Unsure);
    assert_eq!(untimed(heir, vec![says(PHONE, own, (0, 10))]), Other);
}

#[test]
fn declared_addresses_that_no_packet_has_are_named() {
    let p = mac(7);
    let of = series(vec![says(PHONE, p, (0, 10))]);
    let told = view(&devices(&[PHONE, SERVER, NEXT], &[p, mac(9)]), &of);
    let unseen = [NEXT.to_owned(), mac(9).to_string()];
    assert_eq!(told.unseen, BTreeSet::from(unseen));
    let seen = [ip(PHONE), ip(SERVER)];
    assert_eq!(told.addresses, BTreeSet::from(seen));
    // Without a MAC the addresses themselves are the device's, and others may be.
    let mut bare = series(vec![flow((PHONE, None), (SERVER, None), (0, 1))]);
    assert_eq!(
        view(&devices(&[PHONE], &[]), &bare).whose(ip(NEXT), None),
        Unsure
    );
    let by_address = view(&devices(&[PHONE], &[]), &bare);
    assert_eq!(
        by_address.whose(ip(NEXT), Some(p)),
        Unsure,
        "whose MAC is not known"
    );
    // Addresses that its MAC sent from are its own wherever no MAC is shown.
    bare.ledger
        .stations
        .entry(p)
        .or_default()
        .sources
        .insert(ip(NEXT));
    let by_mac = view(&devices(&[], &[p]), &bare);
    assert_eq!(by_mac.whose(ip(NEXT), None), Device);
    assert_eq!(by_mac.whose(ip(NEXT), Some(mac(9))), Other);
}

/// A flow with marks of direction: what its opener's packets have, and what the answers have (sent, received).
fn marked(from: End<'_>, to: End<'_>, own: (bool, bool), answers: (bool, bool)) -> (RowKey, Row) {
    let (mut key, row) = flow(from, to, (0, 10));
    let opener = key.opener.0;
    for (side, (sent, received)) in [(opener, own), (opener.other(), answers)] {
        let facts = key.link.of_mut(side);
        (facts.sent, facts.received) = (sent, received);
    }
    (key, row)
}

#[test]
fn the_recording_machine_is_the_device_where_all_its_packets_are_sent() {
    let (no, sent, received, both) = ((false, false), (true, false), (false, true), (true, true));
    let device = devices(&[PHONE], &[]);
    let to = (SERVER, None);
    let own = |own, answers| marked((PHONE, None), to, own, answers);
    for (rows, recorder) in [
        (vec![own(sent, received)], true),
        (vec![own(sent, no)], true),
        (vec![own(no, no)], false),
        (vec![own(received, sent)], false),
        (vec![own(both, no)], false),
        (vec![own(sent, received), own(received, no)], false),
        // What others send, and what is sent to groups, says nothing.
        (vec![marked((THIRD, None), to, sent, received)], false),
        (
            vec![marked((PHONE, None), ("224.0.0.251", None), sent, no)],
            false,
        ),
        (
            vec![
                own(sent, received),
                marked((PHONE, None), ("224.0.0.251", None), received, no),
                marked((THIRD, None), to, received, sent),
            ],
            true,
        ),
    ] {
        let told = view(&device, &series(rows.clone())).recorder;
        let flags: Vec<_> = rows.iter().map(|(key, _)| key.link).collect();
        assert_eq!(told, recorder, "{flags:?}");
    }
    let mut folded = own(sent, no);
    folded.0.folded = Some(Folded::Beyond);
    assert!(!view(&device, &series(vec![folded])).recorder);

    // Then directions say whose a packet is that no address says.
    let view = view(&device, &series(vec![own(sent, received)]));
    let whose = |(key, _): (RowKey, Row)| {
        let opener = key.opener.0;
        [opener, opener.other()].map(|side| view.of(&key.key, &key.link, side))
    };
    let other = |own, answers| whose(marked((NEXT, None), to, own, answers));
    assert_eq!(other(sent, received), [Device, Other]);
    assert_eq!(other(sent, no), [Device, Other]);
    assert_eq!(other(received, no), [Other, Unsure]);
    assert_eq!(other(no, received), [Unsure, Other]);
    assert_eq!(other(no, both), [Unsure, Unsure]);
    assert_eq!(other(no, no), [Unsure, Unsure]);
    assert_eq!(other(both, both), [Unsure, Unsure]);
    // Its own address is its own whatever was marked.
    assert_eq!(whose(own(received, sent)), [Device, Device]);
}

#[test]
fn directions_against_a_mac_leave_it_open_and_without_a_recorder_say_nothing() {
    let (sent, received, both) = ((true, false), (false, true), (true, true));
    let (phone, next) = ((PHONE, Some(mac(7))), (NEXT, Some(mac(8))));
    let to = (SERVER, Some(GATE));
    let device = devices(&[PHONE], &[]);
    let whose = |first: (bool, bool), own, answers| {
        let recorded = series(vec![marked(phone, to, first, (false, false))]);
        let view = view(&device, &recorded);
        let (key, _) = marked(next, to, own, answers);
        view.of(&key.key, &key.link, key.opener.0)
    };
    assert_eq!(whose(sent, both, both), Unsure, "sent, and by another MAC");
    assert_eq!(whose(sent, received, sent), Other);
    let none = (false, false);
    assert_eq!(whose(sent, none, none), Other, "nothing is marked");
    assert_eq!(whose(sent, sent, received), Device);
    assert_eq!(whose(received, sent, received), Other, "no recorder");
}

#[test]
fn what_a_tunnel_or_a_translator_brings_is_its_senders() {
    let carried = |address: &str, mac: Option<Mac>, behind: Behind| {
        let rows = vec![
            says(PHONE, self::mac(7), (0, 10)),
            says(THIRD, self::mac(8), (0, 10)),
        ];
        let (mut key, row) = flow((address, mac), (SERVER, None), (0, 1));
        let opener = key.opener.0;
        key.link.of_mut(opener).behind = Some(behind);
        let (asked, link) = (key.key, key.link);
        let of = series(rows.into_iter().chain([(key, row)]).collect());
        view(&devices(&[PHONE], &[]), &of).of(&asked, &link, opener)
    };
    let tunnel = |address: &str| Behind::Tunnel(ip(address));
    let translated = |address: &str| Behind::Translated(ip(address));
    assert_eq!(carried("10.8.0.2", None, tunnel(PHONE)), Device);
    assert_eq!(carried("10.8.0.2", None, translated(PHONE)), Device);
    // Who sends a tunnel may do it for others; a translator passes on what one sent.
    assert_eq!(carried("10.8.0.2", None, tunnel(THIRD)), Unsure);
    assert_eq!(carried("10.8.0.2", None, translated(THIRD)), Other);
    // Nobody is known to have sent from there.
    assert_eq!(carried("10.8.0.2", None, translated(NEXT)), Unsure);
    // What another machine sent is its own, whatever it came in.
    for behind in [tunnel(PHONE), translated(PHONE)] {
        assert_eq!(carried("10.8.0.2", Some(mac(8)), behind), Other);
    }
}

#[test]
fn a_side_has_the_mac_that_all_its_packets_show() {
    let (own, other) = (mac(7), mac(8));
    let pair = |a: LinkFacts, b: LinkFacts| Pair { a, b };
    let facts = |source, target| LinkFacts {
        source,
        target,
        ..LinkFacts::default()
    };
    let group = Mac([1, 0, 0x5e, 0, 0, 1]);
    let nothing = LinkFacts::default();
    for (link, expected) in [
        (pair(facts(Some(own), None), nothing), Some(own)),
        (pair(nothing, facts(None, Some(own))), Some(own)),
        (
            pair(facts(Some(own), None), facts(None, Some(other))),
            Some(own),
        ),
        (pair(nothing, facts(None, Some(group))), None),
        (pair(nothing, nothing), None),
        (
            pair(
                LinkFacts {
                    mixed: true,
                    ..facts(Some(own), None)
                },
                facts(None, Some(own)),
            ),
            None,
        ),
    ] {
        assert_eq!(mac_of(&link, Side::A), expected, "{link:?}");
    }
}

/// The asked end of a flow is ours, of which the opener is a server and nothing else is known.
fn asked_is_ours(
    devices: &Devices,
    local: (bool, bool),
    link: &dyn Fn(&mut LinkFacts, &mut LinkFacts),
    change: &dyn Fn(&mut Series),
) -> bool {
    let (mut key, _) = flow(("52.1.2.3", None), ("9.9.9.9", None), (0, 1));
    let opener = key.opener.0;
    let (mut own, mut asked) = (*key.link.of(opener), *key.link.of(opener.other()));
    link(&mut own, &mut asked);
    *key.link.of_mut(opener) = own;
    *key.link.of_mut(opener.other()) = asked;
    let mut of = series(Vec::new());
    change(&mut of);
    let all = std::slice::from_ref(&of);
    let topology = Topology::new(&of, all, &[]);
    let device = DeviceView::new(devices, &of, all, &topology);
    let local = by_opener(&key, local.0, local.1);
    our_side(&key, local, &device, &topology).0 == opener.other()
}

#[test]
fn of_an_end_that_a_port_alone_says_is_ours_that_is_told() {
    use crate::evidence::flow::{Opening, Turned};
    use crate::evidence::row::{Resolved, RowKey};
    let (mut key, _) = flow(("2a01::77", None), ("2a00::e", None), (0, 1));
    let opener = key.opener.0;
    key.opener.1 = Opening::HigherPort;
    let among = |local: bool, change: &dyn Fn(&mut RowKey)| {
        let mut key = key.clone();
        change(&mut key);
        let of = series(Vec::new());
        let all = std::slice::from_ref(&of);
        let topology = Topology::new(&of, all, &[]);
        let device = DeviceView::default();
        let local = Pair { a: local, b: local };
        our_side(&key, local, &device, &topology)
    };
    let told = |change: &dyn Fn(&mut RowKey)| among(false, change);
    assert_eq!(told(&|_| {}), (opener, false));
    assert_eq!(told(&|key| key.opener.1 = Opening::Request), (opener, true));
    assert_eq!(told(&|key| key.opener.1 = Opening::Syn), (opener, true));
    // On a site who asks is who sends requests; to the outside, who opens it.
    let asks = |turned| {
        among(true, &move |key| {
            (key.opener.1, key.turned) = (Opening::Syn, Some(turned))
        })
    };
    let opened = told(&|key| (key.opener.1, key.turned) = (Opening::Syn, Some(Turned::OtherAsks)));
    assert_eq!(opened, (opener, true));
    assert_eq!(asks(Turned::OtherAsks), (opener.other(), true));
    assert_eq!(asks(Turned::BothAsk), (opener, true));
    // Who looked the other one up, and who is a group.
    let asked = |side| {
        told(&move |key| {
            *key.resolved.of_mut(side) = Resolved {
                asked: Some("far.example".into()),
                ..Resolved::default()
            };
        })
    };
    assert_eq!(asked(opener), (opener.other(), true));
    assert_eq!(asked(opener.other()), (opener, true));
    let (mut group, _) = flow(("ff0e::101", None), ("2a00::e", None), (0, 1));
    group.opener.1 = Opening::HigherPort;
    let speaker = group.opener.0.other();
    assert_eq!(told(&|key| key.clone_from(&group)), (speaker, true));
}

#[test]
fn an_address_of_the_device_may_be_its_own_behind_a_second_mac_too() {
    let (own, other) = (mac(7), mac(9));
    let rows = |times: (u64, u64)| {
        let mut rows = addresses(own, &[(PHONE, (0, 60))]);
        rows.extend(addresses(other, &[(PHONE, times), (NEXT, (0, 60))]));
        rows
    };
    for (times, shared) in [
        ((20, 40), true),
        ((1, 2), true),
        ((0, 70), true),
        ((70, 80), false),
        ((58, 80), false),
    ] {
        let of = series(rows(times));
        let view = view(&devices(&[], &[own]), &of);
        let told = view.whose(ip(PHONE), Some(other));
        assert_eq!(told == DeviceMatch::Unsure, shared, "{times:?}");
        assert_eq!(view.whose(ip(NEXT), Some(other)), DeviceMatch::Other);
        assert_eq!(view.whose(ip(PHONE), Some(own)), DeviceMatch::Device);
    }
}

/// What a machine sends beyond the site, with the copies that the router's other side makes of it.
fn copied(from: &str, mac: Mac, times: (u64, u64)) -> (RowKey, Row) {
    let (mut key, row) = says(from, mac, times);
    let side = key.opener.0;
    key.link.of_mut(side).mixed = true;
    (key, row)
}

#[test]
fn the_device_is_known_though_a_router_copies_all_its_packets() {
    let (own, other) = (mac(7), mac(9));
    let whose = |rows: Flows, asked: usize| {
        let (key, link) = (rows[asked].0.key, rows[asked].0.link);
        let side = rows[asked].0.opener.0;
        let copies: Vec<IpAddr> = rows
            .iter()
            .map(|(key, _)| key.key.ip(key.opener.0))
            .collect();
        let mut of = series(rows);
        let gate = of.ledger.stations.entry(GATE).or_default();
        gate.sources.extend(copies);
        gate.sources.insert(ip(SERVER));
        let view = view(&devices(&[PHONE], &[]), &of);
        assert_eq!((view.ambiguous, view.macs.contains(&GATE)), (false, false));
        view.of(&key, &link, side)
    };
    let rows = || {
        vec![
            copied(PHONE, own, (0, 60)),
            copied(NEXT, other, (0, 60)),
            copied(THIRD, own, (60, 90)),
        ]
    };
    assert_eq!(whose(rows(), 0), Device);
    assert_eq!(whose(rows(), 1), Other);
    assert_eq!(whose(rows(), 2), Device, "another address of its");
    // Its address went to another machine, while it goes on under a new one.
    let mut moved = rows();
    moved.push(copied(PHONE, other, (70, 80)));
    assert_eq!(whose(moved, 3), Other);
}

#[test]
fn a_machine_whose_packets_a_router_copies_stays_another_one() {
    let (own, other) = (mac(7), mac(9));
    // Of this address packets came from several MACs; which ones sent from it, and what is asked.
    let whose = |from: &str, senders: &[Mac], of_many: bool, devices: Devices| {
        let mut copied = says(from, other, (0, 60));
        let side = copied.0.opener.0;
        copied.0.link.of_mut(side).mixed = true;
        let mut rows = addresses(own, &[(PHONE, (0, 60))]);
        rows.push(copied);
        let (key, _) = &rows[rows.len() - 1];
        let (key, link) = (key.key, key.link);
        let mut of = series(rows);
        for mac in senders {
            let station = of.ledger.stations.entry(*mac).or_default();
            station.sources.insert(ip(from));
        }
        of.ledger.stations.entry(own).or_default().forwards = of_many;
        view(&devices, &of).of(&key, &link, side)
    };
    let by_address = || devices(&[PHONE], &[]);
    for declared in [by_address(), devices(&[], &[own])] {
        let whose =
            |from, senders: &[Mac], of_many| whose(from, senders, of_many, declared.clone());
        assert_eq!(whose(NEXT, &[other, GATE], false), Other);
        // Its own MAC sent from there too, or may have.
        assert_eq!(whose(NEXT, &[own, GATE], false), Device);
        assert_eq!(whose(NEXT, &[other, GATE], true), Unsure);
        // What comes from outside is nobody's of the site.
        assert_eq!(whose("52.9.9.9", &[other, GATE], false), Unsure);
        assert_eq!(whose(PHONE, &[own, GATE], false), Device);
    }
    assert_eq!(
        whose(NEXT, &[other, GATE], false, devices(&[], &[])),
        Unsure
    );
}

#[test]
fn our_side_is_the_device_else_the_local_end_else_what_the_link_shows() {
    let (none, asked, own) = (devices(&[], &[]), "9.9.9.9", "52.1.2.3");
    let nothing = |_: &mut LinkFacts, _: &mut LinkFacts| {};
    for (ips, local, expected) in [
        (&[][..], (false, false), false),
        (&[asked][..], (false, false), true),
        (&[asked], (true, false), true),
        (&[own], (false, true), false),
        (&[own, asked], (false, true), true),
        (&[], (true, false), false),
        (&[], (false, true), true),
        (&[], (true, true), false),
    ] {
        let told = asked_is_ours(&devices(ips, &[]), local, &nothing, &|_| {});
        assert_eq!(told, expected, "{ips:?} {local:?}");
    }
    let all = Devices {
        all: true,
        ..devices(&[asked], &[])
    };
    assert!(!asked_is_ours(&all, (true, false), &nothing, &|_| {}));

    type Link<'l> = &'l dyn Fn(&mut LinkFacts, &mut LinkFacts);
    let tunnel = |address: &str| Some(Behind::Tunnel(ip(address)));
    let (inside, outside) = (tunnel(PHONE), tunnel("9.1.1.1"));
    let (p, q, gate) = (Some(mac(7)), Some(mac(8)), Some(GATE));
    let links: [(&str, Link<'_>, bool); 19] = [
        ("sent", &|_, asked| asked.sent = true, true),
        (
            "sent and received",
            &|_, asked| (asked.sent, asked.received) = (true, true),
            false,
        ),
        ("received here", &|own, _| own.received = true, true),
        (
            "received here and sent",
            &|own, _| (own.sent, own.received) = (true, true),
            false,
        ),
        ("received", &|_, asked| asked.received = true, false),
        ("sent here", &|own, _| own.sent = true, false),
        (
            "in packets of the site",
            &|_, asked| asked.behind = inside,
            true,
        ),
        (
            "both in packets of the site",
            &|own, asked| (own.behind, asked.behind) = (inside, inside),
            false,
        ),
        (
            "in packets of nobody of it",
            &|_, asked| asked.behind = outside,
            false,
        ),
        ("the other in such", &|own, _| own.behind = outside, true),
        (
            "both in such",
            &|own, asked| (own.behind, asked.behind) = (outside, outside),
            false,
        ),
        (
            "no router",
            &|own, asked| (own.source, asked.source) = (gate, p),
            true,
        ),
        (
            "a router",
            &|own, asked| (own.source, asked.source) = (p, gate),
            false,
        ),
        ("alone", &|_, asked| asked.source = p, false),
        (
            "the other a router, alone",
            &|own, _| own.source = gate,
            false,
        ),
        (
            "alone, and the router",
            &|_, asked| asked.source = gate,
            false,
        ),
        (
            "two hosts",
            &|own, asked| (own.source, asked.source) = (q, p),
            false,
        ),
        (
            "no router, several",
            &|own, asked| {
                (own.source, own.mixed) = (gate, true);
                asked.source = p;
            },
            false,
        ),
        (
            "two routers",
            &|own, asked| (own.source, asked.source) = (gate, gate),
            false,
        ),
    ];
    for (what, link, expected) in links {
        let told = asked_is_ours(&none, (false, false), link, &|series| {
            series.ledger.stations.entry(GATE).or_default().router = true;
        });
        assert_eq!(told, expected, "{what}");
    }
}

#[test]
fn our_side_is_who_is_at_home_else_the_centre_else_who_is_near() {
    let none = devices(&[], &[]);
    let (p, q) = (mac(7), mac(8));
    let hosts = |own: &mut LinkFacts, asked: &mut LinkFacts| {
        (own.source, asked.source) = (Some(q), Some(p));
    };
    let home = |more: Flows| {
        let asks = flow((PHONE, Some(p)), (THIRD, Some(mac(9))), (0, 1));
        let flows: Flows = more.into_iter().chain([asks]).collect();
        asked_is_ours(&none, (false, false), &hosts, &|of| {
            *of = series(flows.clone())
        })
    };
    assert!(home(vec![]));
    // The other one is on the site too, or at home too.
    assert!(!home(vec![says(NEXT, q, (0, 1))]));
    assert!(!home(vec![flow(
        (NEXT, Some(q)),
        (THIRD, Some(mac(9))),
        (0, 1)
    )]));
    // Of the other one no MAC is known.
    let alone = |_: &mut LinkFacts, asked: &mut LinkFacts| asked.source = Some(p);
    let asks = || series(vec![flow((PHONE, Some(p)), (THIRD, Some(mac(9))), (0, 1))]);
    assert!(!asked_is_ours(&none, (false, false), &alone, &|of| *of = asks()));

    let nothing = |_: &mut LinkFacts, _: &mut LinkFacts| {};
    let told =
        |change: &dyn Fn(&mut Series)| asked_is_ours(&none, (false, false), &nothing, change);
    let centre = |address: &'static str| {
        let to = |server: &str| flow((address, None), (server, None), (0, 1));
        series(vec![to("7.7.7.7"), to("8.8.8.8")])
    };
    assert!(told(&|of| *of = centre("9.9.9.9")));
    assert!(!told(&|of| *of = centre("52.1.2.3")));
    // The recording machine answers at once, and always.
    let near = |address: &'static str, delays: &'static [i64]| {
        move |of: &mut Series| {
            for delay in delays {
                of.ledger.answered(ip(address), *delay);
            }
        }
    };
    assert!(told(&near("9.9.9.9", &[1_000, 2_000_000])));
    assert!(!told(&near("9.9.9.9", &[2_000_001])));
    assert!(!told(&near("9.9.9.9", &[1_000, 2_000_001])));
    assert!(!told(&near("9.9.9.9", &[0])));
    assert!(!told(&near("52.1.2.3", &[1_000])));
    let both = |of: &mut Series| {
        near("9.9.9.9", &[1_000])(of);
        near("52.1.2.3", &[1_000])(of);
    };
    assert!(!told(&both));
    // Who takes part in all stands before who is near.
    assert!(told(&|of| {
        *of = centre("9.9.9.9");
        near("52.1.2.3", &[1_000])(of);
    }));
}
