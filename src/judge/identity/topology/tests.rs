//! What a link proves, on machines and flows by hand.

use super::*;
use crate::evidence::flow::Named;
use crate::evidence::ledger::NameEvent;
use crate::evidence::row::Row;
use crate::ground::moment::Timestamp;
use crate::ground::translation::{Prefix, Source};
use crate::judge::by_hand::{at, flow, ip, mac, series, unanswered};

const HOME: &str = "192.168.1.5";
/// A public address that a host of the link may have.
const OWN: &str = "52.1.2.7";
const BESIDE: &str = "52.1.2.9";
const FAR: &str = "8.8.8.8";

fn host() -> Mac {
    mac(7)
}

fn gate() -> Mac {
    mac(1)
}

fn net(text: &str) -> IpNet {
    text.parse().unwrap()
}

fn on_link(text: &str) -> OnLink {
    OnLink {
        network: net(text).addr(),
        bits: net(text).prefix_len(),
    }
}

fn station<'s>(series: &'s mut Series, mac: Mac, sources: &[&str]) -> &'s mut Station {
    let station = series.ledger.stations.entry(mac).or_default();
    station.sources.extend(sources.iter().map(|text| ip(text)));
    station
}

/// Whether the opener's address is local, and whether the other one is.
fn local(series: &Series, declared: &[IpNet], key: &RowKey) -> [Option<Local>; 2] {
    let topology = Topology::new(series, std::slice::from_ref(series), declared);
    let opener = key.opener;
    [opener.0, opener.0.other()].map(|side| topology.local(&key.key, side, &key.link, opener))
}

#[test]
fn who_may_only_have_the_higher_port_is_a_destination() {
    let series = series(Vec::new());
    let topology = Topology::new(&series, std::slice::from_ref(&series), &[]);
    for (how, local) in [
        (Opening::HigherPort, false),
        (Opening::Request, true),
        (Opening::Syn, true),
    ] {
        let (mut key, _) = flow(("192.0.0.4", None), (HOME, None), (0, 1));
        key.opener.1 = how;
        let side = key.opener.0;
        let told = topology.local(&key.key, side, &key.link, key.asker());
        assert_eq!(told.is_some(), local, "{how:?}");
    }
}

#[test]
fn an_address_is_local_by_its_number_or_by_declaration() {
    let declared = [net("203.0.113.0/24"), net("52.7.0.0/16")];
    let mut series = series(Vec::new());
    let translator = Prefix::of("fd00:64::".parse().unwrap(), 96).unwrap();
    series.ledger.translators.learn(translator, Source::Router);
    series.ledger.reverse.insert(ip("203.0.113.9"));
    let number = Some(Local::Special);
    for (from, to, own, other) in [
        (HOME, FAR, number.clone(), None),
        ("::ffff:192.168.1.5", "2a00::1", number.clone(), None),
        ("fd00::5", "fd00:64::808:808", number.clone(), None),
        // The telephone's own translator as a source; as one that is asked, the carrier's.
        ("192.0.0.4", FAR, number.clone(), None),
        (HOME, "192.0.0.4", number.clone(), None),
        ("192.0.0.4", "192.0.0.5", number.clone(), None),
        (FAR, "192.0.0.4", None, number.clone()),
        (HOME, "203.0.113.8", number.clone(), Some(Local::Declared)),
        (
            "::ffff:52.7.1.1",
            "::ffff:8.8.8.8",
            Some(Local::Declared),
            None,
        ),
        // A public name stands for it.
        (HOME, "203.0.113.9", number.clone(), None),
        ("203.0.114.8", FAR, None, None),
        ("100.64.0.1", FAR, None, None),
    ] {
        let (key, _) = flow((from, None), (to, None), (0, 1));
        assert_eq!(local(&series, &declared, &key), [own, other], "{from} {to}");
    }
}

/// A flow of [`OWN`] from its host over the gate.
fn own() -> RowKey {
    flow((OWN, Some(host())), (FAR, Some(gate())), (0, 1)).0
}

/// A series where the link has the network of [`OWN`], and its host sends from it.
fn covered() -> Series {
    let mut series = series(Vec::new());
    series.ledger.on_link.insert(on_link("52.1.2.0/24"), at(3));
    series.ledger.on_link.insert(on_link("2a00:1::/64"), at(4));
    station(&mut series, host(), &[OWN]);
    series
}

#[test]
fn an_address_in_a_network_on_the_link_is_its_hosts() {
    let proven = Some(Local::Proven(Proof::OnLink(
        on_link("52.1.2.0/24"),
        3,
        host(),
    )));
    let proof = |change: &dyn Fn(&mut Series), key: &RowKey| {
        let mut series = covered();
        change(&mut series);
        local(&series, &[], key)[0].clone()
    };
    assert_eq!(proof(&|_| {}, &own()), proven);
    type Change<'c> = &'c dyn Fn(&mut Station);
    let changes: [(&str, Change<'_>, bool); 16] = [
        ("a router", &|s| s.router = true, false),
        ("sends for many", &|s| s.forwards = true, false),
        ("leases", &|s| s.leases = true, false),
        ("nobody's", &|s| s.sources.clear(), false),
        (
            "by ARP alone",
            &|s| s.claims = std::mem::take(&mut s.sources),
            true,
        ),
        (
            "sends for another network",
            &|s| {
                s.sources.insert(ip("10.0.0.7"));
            },
            false,
        ),
        (
            "answers for another network",
            &|s| {
                s.claims.insert(ip("10.0.0.7"));
            },
            false,
        ),
        (
            "another address of this one",
            &|s| {
                s.sources.insert(ip(BESIDE));
            },
            true,
        ),
        (
            "link-local",
            &|s| {
                s.sources.insert(ip("169.254.1.1"));
            },
            true,
        ),
        (
            "before it had an address",
            &|s| {
                s.sources.insert(ip("0.0.0.0"));
            },
            true,
        ),
        (
            "loopback",
            &|s| {
                s.sources.insert(ip("127.0.0.1"));
            },
            true,
        ),
        (
            "translator",
            &|s| {
                s.sources.insert(ip("192.0.0.4"));
            },
            true,
        ),
        (
            "of the other family",
            &|s| {
                s.sources.insert(ip("fd00::7"));
            },
            true,
        ),
        (
            "public, of the other family",
            &|s| {
                s.sources.insert(ip("2a00:9::7"));
            },
            true,
        ),
        (
            "and on the link",
            &|s| {
                s.sources.insert(ip("2a00:1::7"));
            },
            true,
        ),
        (
            "two networks elsewhere",
            &|s| {
                s.sources.extend([ip("2a00:8::7"), ip("2a00:9::7")]);
            },
            false,
        ),
    ];
    for (what, change, local) in changes {
        let told = proof(&|s| change(station(s, host(), &[])), &own());
        assert_eq!(told, proven.clone().filter(|_| local), "{what}");
    }
    // DHCP named it as a router, by an address that it sends from or answers for.
    let named = |s: &mut Series| s.ledger.routers.extend([ip(OWN), ip(HOME)]);
    assert_eq!(proof(&named, &own()), None);
    let claims = |s: &mut Series| {
        s.ledger.routers.insert(ip(BESIDE));
        station(s, host(), &[]).claims.insert(ip(BESIDE));
    };
    assert_eq!(proof(&claims, &own()), None);
    let others = |s: &mut Series| _ = s.ledger.routers.insert(ip(BESIDE));
    assert_eq!(proof(&others, &own()), proven);
    // A host with IPv6 may answer for what it wants of IPv4.
    let six = flow(
        ("2a00:1::7", Some(host())),
        ("2a00:9::9", Some(gate())),
        (0, 1),
    )
    .0;
    let both = |s: &mut Series| _ = station(s, host(), &["2a00:1::7", "10.0.0.7"]);
    let told = proof(&both, &six);
    let network = on_link("2a00:1::/64");
    assert_eq!(told, Some(Local::Proven(Proof::OnLink(network, 4, host()))));
}

#[test]
fn frames_have_to_go_to_one_mac_that_is_known() {
    let proven = Some(Local::Proven(Proof::OnLink(
        on_link("52.1.2.0/24"),
        3,
        host(),
    )));
    type Change<'c> = &'c dyn Fn(&mut LinkFacts, &mut LinkFacts);
    let changes: [(&str, Change<'_>, bool); 7] = [
        ("several", &|its, _| its.mixed = true, false),
        ("several there", &|_, others| others.mixed = true, false),
        (
            "another one there",
            &|_, others| others.target = Some(mac(9)),
            false,
        ),
        ("only what it sent", &|_, others| others.target = None, true),
        (
            "only what was sent to it",
            &|its, _| its.source = None,
            true,
        ),
        (
            "none",
            &|its, others| (its.source, others.target) = (None, None),
            false,
        ),
        (
            "one that nobody knows",
            &|its, others| (its.source, others.target) = (Some(mac(9)), None),
            false,
        ),
    ];
    for (what, change, is_local) in changes {
        let mut key = own();
        let opener = key.opener.0;
        let (mut its, mut others) = (*key.link.of(opener), *key.link.of(opener.other()));
        change(&mut its, &mut others);
        *key.link.of_mut(opener) = its;
        *key.link.of_mut(opener.other()) = others;
        let told = local(&covered(), &[], &key)[0].clone();
        assert_eq!(told, proven.clone().filter(|_| is_local), "{what}");
    }
    // To all hosts of a network on the link, in a frame to all.
    let all = Mac([0xff; 6]);
    let to = |address, mac| unanswered((HOME, Some(host())), (address, Some(mac)), (0, 1)).0;
    let told = |address, mac| local(&covered(), &[], &to(address, mac))[1].clone();
    let broadcast = Proof::Broadcast(on_link("52.1.2.0/24"), 3);
    assert_eq!(told("52.1.2.255", all), Some(Local::Proven(broadcast)));
    assert_eq!(told("52.1.2.254", all), None);
    assert_eq!(told("52.1.3.255", all), None);
    assert_eq!(told("52.1.2.255", mac(9)), None);
}

#[test]
fn without_a_mask_a_host_claims_its_address_beside_another_one() {
    let neighbours = |own: &[&str], claims: &[&str], beside: &[&str]| {
        let mut series = series(Vec::new());
        station(&mut series, host(), own)
            .claims
            .extend(claims.iter().map(|text| ip(text)));
        station(&mut series, mac(9), beside);
        series
    };
    let claimed = |series: &Series, key: &RowKey| {
        let told = local(series, &[], key)[0].clone();
        assert!(matches!(
            told,
            None | Some(Local::Proven(Proof::Claimed(_)))
        ));
        told == Some(Local::Proven(Proof::Claimed(host())))
    };
    for (sources, claims, beside, proven) in [
        (&[OWN][..], &[OWN][..], &[BESIDE][..], true),
        (&[], &[OWN], &[BESIDE], true),
        (&[OWN], &[], &[BESIDE], false),
        // Nobody beside it, or of another network.
        (&[OWN], &[OWN], &[], false),
        (&[OWN], &[OWN], &["52.1.3.9"], false),
        (&[OWN], &[OWN], &["2a00:1::9"], false),
        // It answers for others too.
        (&[OWN, "52.1.2.8"], &[OWN], &[BESIDE], false),
        (&[OWN], &[OWN, "52.1.2.8"], &[BESIDE], false),
        (&[OWN], &[OWN, "10.0.0.7"], &[BESIDE], false),
        (&[OWN], &[OWN, "2a00:1::7"], &[BESIDE], false),
        (&[OWN], &[OWN, "fd00::7"], &[BESIDE], true),
    ] {
        let told = claimed(&neighbours(sources, claims, beside), &own());
        assert_eq!(told, proven, "{sources:?} {claims:?} {beside:?}");
    }
    // One of the other family on the link is the same host's.
    let mut both = neighbours(&[OWN], &[OWN, "2a00:1::7"], &[BESIDE]);
    both.ledger.on_link.insert(on_link("2a00:1::/64"), at(4));
    assert!(claimed(&both, &own()));
    // Who is beside it is a host, and no router and no server of leases.
    for (mark, proven) in [
        ((|s| s.router = true) as fn(&mut Station), false),
        (|s| s.leases = true, false),
        (|_| {}, true),
    ] {
        let mut series = neighbours(&[OWN], &[OWN], &[BESIDE]);
        mark(station(&mut series, mac(9), &[]));
        assert_eq!(claimed(&series, &own()), proven);
    }
    let six = |beside: &str| {
        let series = neighbours(&[], &["2a00:1::7"], &[beside]);
        let key = flow(
            ("2a00:1::7", Some(host())),
            ("2a00:9::9", Some(gate())),
            (0, 1),
        )
        .0;
        claimed(&series, &key)
    };
    assert!(six("2a00:1::ffff:9"));
    assert!(!six("2a00:1:0:1::9"));
}

#[test]
fn who_sends_for_two_networks_outside_is_a_router() {
    let routes = |sources: &[&str], claims: &[&str]| {
        let mut series = covered();
        let claimed = claims.iter().map(|text| ip(text));
        station(&mut series, mac(9), sources).claims.extend(claimed);
        let all = std::slice::from_ref(&series);
        Topology::new(&series, all, &[]).is_router(mac(9))
    };
    for (sources, claims, router) in [
        (&["52.1.3.1", "52.1.4.1"][..], &[][..], true),
        (&["52.1.3.1"], &["52.1.4.1"], true),
        (&["52.1.3.1"], &[], false),
        (&["52.1.3.1", "52.1.3.2"], &[], false),
        (&["2a00:7::1", "2a00:7::2"], &[], false),
        (&["2a00:7::1", "2a00:8::1"], &[], true),
        // One is on the link, or none is outside.
        (&["52.1.3.1", "52.1.2.1"], &[], false),
        (&["52.1.3.1", "10.0.0.1", "203.0.113.1"], &[], false),
    ] {
        assert_eq!(routes(sources, claims), router, "{sources:?} {claims:?}");
    }
}

#[test]
fn who_asks_hosts_of_the_site_is_at_home_and_who_sends_from_it_is_on_it() {
    let home = |rows: Vec<(RowKey, Row)>, change: &dyn Fn(&mut Station)| {
        let mut series = series(rows);
        change(station(&mut series, host(), &[]));
        let all = std::slice::from_ref(&series);
        let topology = Topology::new(&series, all, &[]);
        (topology.is_at_home(host()), topology.is_on_site(host()))
    };
    let asks = |from, to| flow((from, Some(host())), (to, Some(mac(9))), (0, 1));
    let camera = "192.168.1.9";
    let changed = |change: &dyn Fn(&mut RowKey, Side)| {
        let (mut key, row) = asks(HOME, camera);
        let opener = key.opener.0;
        change(&mut key, opener);
        vec![(key, row)]
    };
    for (what, rows, expected) in [
        ("asks", vec![asks(HOME, camera)], (true, true)),
        (
            "asks by its link address",
            vec![asks("fe80::5", "fd00::9")],
            (true, true),
        ),
        ("asks outside", vec![asks(HOME, FAR)], (false, true)),
        ("from outside", vec![asks(OWN, camera)], (false, false)),
        (
            "asks a group",
            vec![asks(HOME, "224.0.0.251")],
            (false, true),
        ),
        (
            "is asked",
            vec![flow((camera, Some(mac(9))), (HOME, Some(host())), (0, 1))],
            (false, true),
        ),
        (
            "several MACs",
            changed(&|key, opener| key.link.of_mut(opener).mixed = true),
            (false, true),
        ),
        (
            "discovery",
            changed(&|key, _| key.link_only = true),
            (false, true),
        ),
    ] {
        assert_eq!(home(rows, &|_| {}), expected, "{what}");
    }
    // Of which no address was kept.
    let mut bare = series(vec![asks(HOME, camera)]);
    bare.ledger.stations.clear();
    let all = std::slice::from_ref(&bare);
    assert!(!Topology::new(&bare, all, &[]).is_at_home(host()));
    let rows = || vec![asks(HOME, camera)];
    type Change<'c> = &'c dyn Fn(&mut Station);
    let changes: [(Change<'_>, bool); 5] = [
        (&|s| s.router = true, false),
        (&|s| s.leases = true, false),
        (
            &|s| {
                s.sources.insert(ip(FAR));
            },
            false,
        ),
        (
            &|s| {
                s.claims.insert(ip(FAR));
            },
            false,
        ),
        (
            &|s| {
                s.claims.insert(ip("203.0.113.1"));
            },
            true,
        ),
    ];
    for (change, expected) in changes {
        assert_eq!(home(rows(), change), (expected, true));
    }
}

#[test]
fn what_names_no_end_beyond_stays_on_the_link() {
    let stays = |series: &Series, key: &RowKey| {
        let all = std::slice::from_ref(series);
        Topology::new(series, all, &[]).stays(key)
    };
    let bare = series(Vec::new());
    let to = |from, to| flow((from, None), (to, None), (0, 1)).0;
    for (key, expected) in [
        (to(HOME, FAR), false),
        (to(HOME, "224.0.0.251"), true),
        (to("fe80::5", "ff02::fb"), true),
        (to(HOME, "232.1.1.1"), false),
        (
            RowKey {
                link_only: true,
                ..to(HOME, FAR)
            },
            true,
        ),
        // No router passes on what a link-local address sends; of IPv4 a MAC has to say that it is the host's.
        (to("fe80::5", "2a00:9::9"), true),
        (to("2a00:9::9", "fe80::5"), true),
        (to("169.254.1.5", FAR), false),
        (to("fd00::5", "2a00:9::9"), false),
    ] {
        let ends = Side::BOTH.map(|side| key.key.ip(side));
        assert_eq!(stays(&bare, &key), expected, "{ends:?}");
    }
    let named = |change: &dyn Fn(&mut RowKey, Side)| {
        let mut key = to("fe80::5", "2a00:9::9");
        let asked = key.opener.0.other();
        change(&mut key, asked);
        stays(&bare, &key)
    };
    let says = |name: &'static str| {
        move |key: &mut RowKey, _: Side| {
            key.said().push(Named {
                name: name.into(),
                source: NameSource::TlsSni,
            });
        }
    };
    assert!(!named(&says("api.dji.com")));
    assert!(named(&says("camera.local")));
    assert!(!named(
        &|key, asked| key.resolved.of_mut(asked).asked = Some("x".into())
    ));
    assert!(named(&|key, asked| key
        .resolved
        .of_mut(asked.other())
        .asked = Some("x".into())));
    assert!(!named(&|key, asked| key.link.of_mut(asked).mixed = true));
    // With its MAC: a machine that is known, and that does not send for others.
    let neighbour = |pair: (&str, &str), change: &dyn Fn(&mut Station)| {
        let mut series = series(Vec::new());
        change(station(&mut series, mac(9), &[]));
        let key = flow((pair.0, Some(host())), (pair.1, Some(mac(9))), (0, 1)).0;
        stays(&series, &key)
    };
    let (six, four) = (("fe80::5", "2a00:9::9"), ("169.254.1.5", FAR));
    assert!(neighbour(six, &|_| {}));
    assert!(!neighbour(six, &|s| s.router = true));
    assert!(!neighbour(four, &|_| {}));
    assert!(neighbour(four, &|s| _ = s.claims.insert(ip(FAR))));
    assert!(!neighbour(four, &|s| {
        s.claims.insert(ip(FAR));
        s.router = true;
    }));
    let unknown = flow(
        ("fe80::5", Some(host())),
        ("2a00:9::9", Some(mac(9))),
        (0, 1),
    )
    .0;
    assert!(!stays(&bare, &unknown));
}

#[test]
fn a_name_that_was_seen_anywhere_takes_an_address_out_of_what_was_declared() {
    let declared = [net("203.0.113.0/24")];
    let address = "203.0.113.9";
    let named = |other: Series| {
        let own = series(Vec::new());
        let (key, _) = flow((HOME, None), (address, None), (0, 1));
        let all = [own, other];
        let topology = Topology::new(&all[0], &all, &declared);
        let asked = key.opener.0.other();
        let told = topology.local(&key.key, asked, &key.link, key.opener);
        assert!(matches!(told, None | Some(Local::Declared)));
        told.is_none()
    };
    let said = |name: &str, source, from: &str, to: &str| {
        let (mut key, row) = flow((from, None), (to, None), (0, 1));
        *key.said() = vec![Named {
            name: name.into(),
            source,
        }];
        series(vec![(key, row)])
    };
    let (sni, certificate) = (NameSource::TlsSni, NameSource::Certificate);
    let mapped = ("fd00::5", "::ffff:203.0.113.9");
    for (name, source, (from, to), expected) in [
        ("api.dji.com", sni, (HOME, address), true),
        ("api.dji.com", certificate, (HOME, address), true),
        ("api.dji.com", sni, mapped, true),
        ("camera.local", sni, (HOME, address), false),
        ("camera.local", certificate, (HOME, address), false),
        ("api.dji.com", NameSource::DnsAlias, (HOME, address), false),
        // Names are of who was asked.
        ("api.dji.com", sni, (address, HOME), false),
        ("api.dji.com", sni, (HOME, "203.0.113.8"), false),
    ] {
        let told = named(said(name, source, from, to));
        assert_eq!(told, expected, "{name} {source:?} {to}");
    }
    // One of several names is enough.
    let (mut key, row) = flow((HOME, None), (address, None), (0, 1));
    *key.said() = ["camera.local", "api.dji.com"]
        .map(|name| Named {
            name: name.into(),
            source: sni,
        })
        .to_vec();
    assert!(named(series(vec![(key, row)])));
    let answered = |name: &str| {
        let mut series = series(Vec::new());
        let event = NameEvent {
            client: ip(HOME),
            client_mac: None,
            name: name.into(),
            aliases: Default::default(),
            at: at(1),
            until: Timestamp::UNKNOWN,
        };
        series.ledger.resolved(ip(address), event, 0);
        series
    };
    assert!(named(answered("api.dji.com")));
    assert!(!named(answered("camera.local")));
    let mut reverse = series(Vec::new());
    reverse.ledger.reversed(ip(address));
    assert!(named(reverse));
}

/// Flows of public ends, each with whether its opener is sure and whether the asked end answered with payload.
fn centre(flows: &[(&str, &str, Opening, bool)], address: &str) -> bool {
    let row = |(from, to, how, answers): &(&str, &str, Opening, bool)| {
        let (mut key, mut row) = flow((from, None), (to, None), (0, 1));
        key.opener.1 = *how;
        let asked = key.opener.0.other();
        for span in &mut row.spans {
            span.total.sent.of_mut(asked).application = *answers;
        }
        (key, row)
    };
    let series = series(flows.iter().map(row).collect());
    let declared = [net("198.51.100.0/24")];
    let all = std::slice::from_ref(&series);
    Topology::new(&series, all, &declared).is_centre(ip(address))
}

#[test]
fn who_takes_part_in_nearly_all_conversations_is_the_centre() {
    use Opening::{HigherPort, Request, Syn};
    let to = |to: &'static str| (OWN, to, Syn, true);
    let from = |from| (from, OWN, Syn, true);
    let servers = [
        "9.9.1.1", "9.9.2.1", "9.9.3.1", "9.9.4.1", "9.9.5.1", "9.9.6.1", "9.9.7.1", "9.9.8.1",
        "9.9.9.1",
    ];
    let star = |n: usize| servers.into_iter().take(n).map(to);
    let with = |n: usize, more: &[(&'static str, &'static str, Opening, bool)]| {
        let flows: Vec<_> = star(n).chain(more.iter().copied()).collect();
        centre(&flows, OWN)
    };
    assert!(with(2, &[]));
    assert!(!with(1, &[]), "one conversation has none");
    assert!(!with(1, &[to("9.9.1.1")]), "however often");
    let apart = ("7.7.7.7", "6.6.6.6", Syn, true);
    assert!(with(9, &[apart]));
    assert!(!with(8, &[apart]));
    // What is at home or was declared counts for nothing, and neither does a group.
    for (a, b) in [
        (HOME, FAR),
        ("10.0.0.5", "77.7.7.7"),
        ("192.0.0.4", FAR),
        ("198.51.100.1", FAR),
        (FAR, "198.51.100.1"),
        (FAR, "232.1.1.1"),
    ] {
        assert!(with(2, &[(a, b, Syn, true)]), "{a} {b}");
    }
    assert!(with(2, &[(OWN, OWN, Syn, true)]), "with itself");
    // All conversations have both ends in common.
    assert!(!centre(&[(OWN, FAR, Syn, true)], OWN));
    // Who is asked by several and answers may be a server.
    assert!(!centre(&[from("9.9.1.1"), from("9.9.2.1")], OWN));
    let silent = |from| (from, OWN, Syn, false);
    assert!(centre(&[silent("9.9.1.1"), silent("9.9.2.1")], OWN));
    assert!(centre(&[from("9.9.1.1"), from("9.9.2.1"), to(FAR)], OWN));
    let asks = |how| [from("9.9.1.1"), from("9.9.2.1"), (OWN, FAR, how, true)];
    assert!(centre(&asks(Request), OWN));
    assert!(!centre(&asks(HigherPort), OWN), "a port proves nothing");
    // Both ends of one network: a single conversation has no centre all the same.
    assert!(!centre(
        &[("2a00:7::1", "2a00:7::2", Syn, true)],
        "2a00:7::3"
    ));
    // Each family has its own; addresses of IPv6 that share their network are one.
    let six = |from, to| (from, to, Syn, true);
    let both = [
        to("9.9.1.1"),
        to("9.9.2.1"),
        six("2a00:7::1", "2a00:8::1"),
        six("2a00:7::2", "2a00:9::1"),
    ];
    assert!(centre(&both, OWN) && centre(&both, "2a00:7::3"));
    assert!(!centre(&both, "2a00:8::1"));
    let four = [
        ("52.1.2.7", "9.9.1.1", Syn, true),
        ("52.1.2.8", "9.9.2.1", Syn, true),
    ];
    assert!(!centre(&four, OWN), "of IPv4 each address is an end");
}

#[test]
fn a_server_may_answer_at_any_time() {
    let answers = |place: usize| {
        let row = |from: &str| {
            let (key, mut row) = flow((from, None), (OWN, None), (0, 1));
            let asked = key.opener.0.other();
            row.spans.push(row.spans[0].clone());
            for (at, span) in row.spans.iter_mut().enumerate() {
                span.total.sent.of_mut(asked).application = at == place;
            }
            (key, row)
        };
        let series = series(vec![row("9.9.1.1"), row("9.9.2.1")]);
        let all = std::slice::from_ref(&series);
        !Topology::new(&series, all, &[]).is_centre(ip(OWN))
    };
    assert!(answers(0) && answers(1) && !answers(2));
}

#[test]
fn a_translator_that_one_capture_shows_holds_for_all() {
    let translator = Prefix::of("fd00:64::".parse().unwrap(), 96).unwrap();
    let mut all = [series(Vec::new()), series(Vec::new())];
    all[0].ledger.translators.learn(translator, Source::Router);
    let (key, _) = flow(("fd00::5", None), ("fd00:64::808:808", None), (0, 1));
    for one in &all {
        let topology = Topology::new(one, &all, &[]);
        let far = topology.local(&key.key, key.opener.0.other(), &key.link, key.opener);
        assert_eq!(far, None);
    }
    let alone = local(&all[1], &[], &key);
    assert_eq!(alone[1], Some(Local::Special));
}
