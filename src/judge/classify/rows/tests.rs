//! What is decided of single rows, on flows by hand.

use super::*;
use crate::evidence::Devices;
use crate::evidence::flow::Behind;
use crate::evidence::flow::Opening;
use crate::evidence::row::{Folded, Resolved};
use crate::ground::label::{Label, LabelSource};
use crate::judge::by_hand::{Declared, End, at, flow, ip, judged, mac, series};
use crate::judge::classify::app_pattern::Pattern;

const PHONE: &str = "192.168.1.50";
const CAMERA: &str = "192.168.1.9";
const SERVER: &str = "52.218.128.10";
const RESOLVER: &str = "8.8.8.8";

type Flow = (RowKey, Row);

/// A flow from the phone, changed; the second side is that of the server.
fn to(server: &str, change: impl FnOnce(&mut RowKey, Side)) -> Flow {
    let (mut key, row) = flow((PHONE, None), (server, None), (10, 20));
    let theirs = key.opener.0.other();
    change(&mut key, theirs);
    (key, row)
}

fn named(name: &str, source: NameSource) -> Named {
    Named {
        name: name.into(),
        source,
    }
}

/// One series of these flows, judged with nothing declared.
fn judge_of(flows: Vec<Flow>) -> Judged {
    judged(vec![series(flows)], &Declared::default())
}

/// The one destination of a flow.
fn one(flow: Flow) -> Destination {
    let mut all = judge_of(vec![flow]).destinations;
    assert_eq!(all.len(), 1);
    all.remove(0)
}

fn asked(key: &mut RowKey, side: Side, name: &str) {
    *key.resolved.of_mut(side) = Resolved {
        asked: Some(name.into()),
        aliases: Default::default(),
    };
}

#[test]
fn the_host_is_the_strongest_name() {
    use NameSource::{Certificate, Dns, HttpHost, TlsSni};
    let host = |flow: Flow| {
        let key = one(flow).key;
        key.host
            .map(|host| (host.to_string(), key.host_source.unwrap()))
    };
    let names = |names: &[(&str, NameSource)], dns: Option<&str>| {
        host(to(SERVER, |key, theirs| {
            *key.said() = names.iter().map(|(n, s)| named(n, *s)).collect();
            if let Some(dns) = dns {
                asked(key, theirs, dns);
            }
        }))
    };
    for (said, dns, expected) in [
        (&[][..], None, None),
        (&[], Some("dns.example.org"), Some(("dns.example.org", Dns))),
        (
            &[("a.example.org", HttpHost)],
            Some("dns.example.org"),
            Some(("a.example.org", HttpHost)),
        ),
        (
            &[("a.example.org", HttpHost), ("b.example.org", TlsSni)],
            None,
            Some(("b.example.org", TlsSni)),
        ),
        (
            &[("a.example.org", TlsSni), ("b.example.org", TlsSni)],
            None,
            Some(("a.example.org", TlsSni)),
        ),
        // An address is no name.
        (&[("52.218.128.10", HttpHost)], None, None),
        (
            &[("c.example.org", Certificate)],
            None,
            Some(("c.example.org", Certificate)),
        ),
        (
            &[("c.example.org", Certificate)],
            Some("dns.example.org"),
            Some(("dns.example.org", Dns)),
        ),
        (
            &[("c.example.org", Certificate), ("a.example.org", HttpHost)],
            None,
            Some(("a.example.org", HttpHost)),
        ),
        // An alias of another certificate's names is nothing.
        (&[("c.example.org", NameSource::DnsAlias)], None, None),
    ] {
        let expected = expected.map(|(name, source): (&str, _)| (name.to_owned(), source));
        assert_eq!(names(said, dns), expected, "{said:?} {dns:?}");
    }
    // What the far end calls us is not its name; what was asked for its address is.
    let served = |how| {
        host(to(SERVER, |key, theirs| {
            key.opener = (theirs, how);
            key.key = key.key.without_port(theirs);
            *key.said() = vec![named("a.example.org", TlsSni)];
            asked(key, theirs, "dns.example.org");
        }))
    };
    let dns = Some(("dns.example.org".to_owned(), Dns));
    for how in [Opening::HigherPort, Opening::Request, Opening::Syn] {
        assert_eq!(served(how), dns, "{how:?}");
    }
}

#[test]
fn under_an_encrypted_hello_the_name_that_was_asked_for_counts() {
    let host = |ech: bool, offered: &[(&str, &str)], dns: Option<&str>| {
        let mut of = series(vec![to(SERVER, |key, theirs| {
            *key.said() = vec![named("outer.example.org", NameSource::TlsSni)];
            key.ech = ech;
            if let Some(dns) = dns {
                asked(key, theirs, dns);
            }
        })]);
        for (outer, inner) in offered {
            of.ledger.ech_offer(outer, inner);
        }
        let judged = judged(vec![of], &Declared::default());
        let hidden: Vec<Hidden> = judged
            .hidden
            .iter()
            .map(|(_, _, what)| what.clone())
            .collect();
        let host = judged.destinations[0].key.host.clone().unwrap();
        (host.to_string(), hidden)
    };
    let offer = &[("outer.example.org", "inner.example.org")][..];
    let outer = || "outer.example.org".to_owned();
    let behind = vec![Hidden::Behind("outer.example.org".into())];
    let inner = Some("inner.example.org");
    assert_eq!(
        host(true, offer, inner),
        ("inner.example.org".to_owned(), behind)
    );
    assert_eq!(host(false, offer, inner), (outer(), vec![]));
    assert_eq!(host(true, &[], inner), (outer(), vec![]));
    assert_eq!(host(true, offer, None), (outer(), vec![]));
    assert_eq!(
        host(true, offer, Some("other.example.org")),
        (outer(), vec![])
    );
    let others = &[("b.example.org", "inner.example.org")][..];
    assert_eq!(host(true, others, inner), (outer(), vec![]));
}

#[test]
fn a_name_that_stands_for_others_hides_them() {
    let hidden = |change: &dyn Fn(&mut RowKey)| {
        let judged = judge_of(vec![to(SERVER, |key, _| change(key))]);
        let told: Vec<Hidden> = judged.hidden.into_iter().map(|(_, _, what)| what).collect();
        told
    };
    let says = |name: &str| vec![named(name, NameSource::TlsSni)];
    let substitute = "cloudflare-ech.com";
    assert_eq!(
        hidden(&|key| (key.ech, *key.said()) = (true, says(substitute))),
        [Hidden::Behind(substitute.into())]
    );
    assert_eq!(hidden(&|key| *key.said() = says(substitute)), []);
    assert_eq!(
        hidden(&|key| (key.ech, *key.said()) = (true, says("a.example.org"))),
        []
    );
    assert_eq!(hidden(&|key| key.esni = true), [Hidden::Esni]);
    let lookups = Hidden::Lookups(HiddenLookups::Tls);
    assert_eq!(
        hidden(&|key| {
            key.hidden = Some(HiddenLookups::Tls);
            (key.ech, *key.said()) = (true, says(substitute));
        }),
        [lookups]
    );
    assert_eq!(
        hidden(&|key| {
            key.esni = true;
            (key.ech, *key.said()) = (true, says(substitute));
        }),
        [Hidden::Behind(substitute.into())]
    );
    // What stays on the site hides nothing.
    let home = to(CAMERA, |key, _| key.esni = true);
    assert_eq!(judge_of(vec![home]).hidden, []);
}

#[test]
fn an_encrypted_connection_to_a_public_resolver_hides_what_was_asked() {
    let hidden = |server: &str, change: &dyn Fn(&mut RowKey, Side)| {
        let of = one(to(server, |key, theirs| {
            key.protocol = Some("tls");
            change(key, theirs);
        }));
        of.hidden
    };
    let https = Some(HiddenLookups::Https);
    let says = |names: &'static [&'static str]| {
        move |key: &mut RowKey, _: Side| {
            *key.said() = names.iter().map(|n| named(n, NameSource::TlsSni)).collect();
        }
    };
    assert_eq!(hidden(RESOLVER, &|_, _| {}), https);
    assert_eq!(
        hidden(RESOLVER, &|key, _| key.protocol = Some("quic")),
        https
    );
    assert_eq!(
        hidden(RESOLVER, &|key, _| key.protocol = Some("http")),
        None
    );
    assert_eq!(hidden(RESOLVER, &|key, _| key.protocol = None), None);
    assert_eq!(hidden(RESOLVER, &|key, _| key.only_lookups = true), None);
    assert_eq!(hidden(SERVER, &|_, _| {}), None);
    assert_eq!(
        hidden(RESOLVER, &|key, theirs| key.opener =
            (theirs, Opening::Request)),
        None
    );
    assert_eq!(hidden(SERVER, &says(&["dns.google"])), https);
    assert_eq!(hidden(RESOLVER, &says(&["a.example.org"])), None);
    assert_eq!(
        hidden(RESOLVER, &says(&["a.example.org", "dns.google"])),
        None
    );
    assert_eq!(
        hidden(SERVER, &says(&["dns.google", "one.one.one.one"])),
        https
    );
    // An address in place of a name says nothing; the address does.
    assert_eq!(hidden(RESOLVER, &says(&["8.8.4.4"])), https);
    // What is known already stays.
    let tls = Some(HiddenLookups::Tls);
    assert_eq!(hidden(RESOLVER, &|key, _| key.hidden = tls), tls);
}

#[test]
fn what_nobody_can_look_into_is_noted_where_it_goes_to_the_site() {
    let opaque = |flow: Flow| {
        let told = judge_of(vec![flow]).opaque;
        told.first().map(|of| (of.what, of.packets, of.interval))
    };
    let carried =
        |server: &str, protocol: u8| opaque(to(server, |key, _| key.transport = protocol));
    let tunnel = Some((Sealed::Tunnel("wireguard"), 6, 0));
    let wireguard = |server: &str| opaque(to(server, |key, _| key.tunnel = Some("wireguard")));
    assert_eq!(wireguard(CAMERA), tunnel);
    assert_eq!(wireguard(SERVER), None);
    assert_eq!(wireguard("224.0.0.251"), None);
    let from_group = flow(("224.0.0.251", None), (CAMERA, None), (0, 1));
    let from_group = RowKey {
        tunnel: Some("wireguard"),
        ..from_group.0
    };
    let row = flow((PHONE, None), (CAMERA, None), (0, 1)).1;
    assert_eq!(opaque((from_group, row)), None);
    assert_eq!(carried(CAMERA, 99), Some((Sealed::Protocol(99), 6, 0)));
    assert_eq!(carried(SERVER, 99), None);
    for known in [1, 2, 6, 17, 58, 59, 88, 89, 103, 112, 132, 136] {
        assert_eq!(carried(CAMERA, known), None, "{known}");
    }
    for opened in protocol::tunnel::ALL {
        assert_eq!(carried(CAMERA, opened), None, "{opened}");
    }
}

#[test]
fn ports_are_told_where_there_are_any_and_they_were_always_the_same() {
    let port = |server: &str, change: &dyn Fn(&mut RowKey, &mut Row, Side)| {
        let (mut key, mut row) = to(server, |_, _| {});
        let theirs = key.opener.0.other();
        change(&mut key, &mut row, theirs);
        one((key, row)).key.port
    };
    let from = |port| {
        move |key: &mut RowKey, row: &mut Row, theirs: Side| {
            key.opener = (theirs, Opening::HigherPort);
            key.key = key.key.without_port(theirs);
            row.opener_port = port;
        }
    };
    assert_eq!(port(SERVER, &|_, _, _| {}), Some(443));
    assert_eq!(port(SERVER, &from(Some(5000))), Some(5000));
    assert_eq!(port(SERVER, &from(None)), None);
    assert_eq!(port(SERVER, &from(Some(0))), None);
    assert_eq!(
        port(SERVER, &|key, row, theirs| {
            from(Some(5000))(key, row, theirs);
            key.folded = Some(Folded::Beyond);
        }),
        None
    );
    for (transport, expected) in [
        (protocol::UDP, Some(443)),
        (protocol::UDP_LITE, Some(443)),
        (protocol::SCTP, Some(443)),
        (1, None),
        (50, None),
    ] {
        let told = port(SERVER, &|key, _, _| key.transport = transport);
        assert_eq!(told, expected, "{transport}");
    }
}

#[test]
fn a_relayed_destination_is_the_target_and_the_relay_stands_beside_it() {
    let relayed = |change: &dyn Fn(&mut RowKey)| {
        let key = one(to(CAMERA, |key, _| {
            key.relay = Some(Relay::Proxy(Some(ip("9.9.9.9"))));
            change(key);
        }));
        let key = key.key;
        assert_eq!(key.scope, Scope::Relayed);
        (key.ip, key.port, key.via)
    };
    let via = Some((ip(CAMERA), 443));
    assert_eq!(relayed(&|_| {}), (None, None, via));
    let target = |literal: &'static str| {
        move |key: &mut RowKey| {
            (key.literal, key.target_port) = (Some(ip(literal)), Some(8443));
        }
    };
    assert_eq!(
        relayed(&target("9.9.9.9")),
        (Some(ip("9.9.9.9")), Some(8443), via)
    );
    assert_eq!(relayed(&target("10.0.0.9")), (None, Some(8443), via));
    let portless = |key: &mut RowKey| key.transport = 50;
    assert_eq!(relayed(&portless), (None, None, Some((ip(CAMERA), 0))));
    assert_eq!(
        relayed(&|key| {
            key.folded = Some(Folded::Local);
            *key.said() = vec![named("api.dji.com", NameSource::TlsSni)];
        }),
        (None, None, None)
    );
    let direct = one(to(SERVER, |key, _| key.folded = Some(Folded::Beyond))).key;
    assert!(direct.folded && direct.ip.is_none() && direct.via.is_none());
}

#[test]
fn mere_lookups_are_those_that_our_side_asked() {
    let lookups = |server: &str, change: &dyn Fn(&mut RowKey, Side)| {
        let key = one(to(server, |key, theirs| change(key, theirs))).key;
        (key.lookups_only, key.served)
    };
    assert_eq!(lookups(SERVER, &|_, _| {}), (false, false));
    assert_eq!(
        lookups(SERVER, &|key, _| key.only_lookups = true),
        (true, false)
    );
    let served = |key: &mut RowKey, theirs: Side| {
        key.only_lookups = true;
        key.opener = (theirs, Opening::Request);
    };
    assert_eq!(lookups(SERVER, &served), (false, true));
    assert_eq!(
        lookups(SERVER, &|key, theirs| key.opener =
            (theirs, Opening::HigherPort)),
        (false, false)
    );
    // Encrypted ones to a relay of the site are, for the relay asks on; of others what they carry is not known.
    let hidden = |relay: Option<Relay>| {
        move |key: &mut RowKey, _: Side| {
            key.hidden = Some(HiddenLookups::Tls);
            *key.said() = vec![named("dns.google", NameSource::TlsSni)];
            key.relay = relay.clone();
        }
    };
    assert_eq!(lookups(CAMERA, &hidden(None)), (true, false));
    assert_eq!(lookups(CAMERA, &hidden(Some(Relay::Lookup))), (true, false));
    assert_eq!(
        lookups(CAMERA, &hidden(Some(Relay::Tunnel))),
        (false, false)
    );
    assert_eq!(lookups(SERVER, &hidden(None)), (false, false));
    let plain = |key: &mut RowKey, _: Side| {
        *key.said() = vec![named("dns.google", NameSource::TlsSni)];
    };
    assert_eq!(lookups(CAMERA, &plain), (false, false));
    // What the device was asked on the site, and asks on, are its lookups.
    let asks_on = |key: &mut RowKey, theirs: Side| {
        hidden(None)(key, theirs);
        key.opener.1 = Opening::Request;
    };
    assert_eq!(lookups(CAMERA, &asks_on), (true, false));
}

#[test]
fn machines_of_our_side_are_told_apart_by_what_stands_for_one() {
    let p = mac(7);
    let phone: End<'_> = (PHONE, Some(p));
    let client = |declared: &Declared, change: &dyn Fn(&mut crate::evidence::ledger::Station)| {
        let mut of = series(vec![flow(phone, (SERVER, Some(mac(1))), (0, 1))]);
        change(of.ledger.stations.entry(p).or_default());
        let judged = judged(vec![of], declared);
        judged.destinations[0].shares[0].client
    };
    let none = Declared::default();
    let (by_mac, by_address) = (Client::Mac(p), Client::Address(ip(PHONE)));
    assert_eq!(client(&none, &|_| {}), by_mac);
    assert_eq!(
        client(&none, &|s| _ = s.sources.insert(ip("fd00::7"))),
        by_mac
    );
    assert_eq!(
        client(&none, &|s| _ = s.sources.insert(ip("10.0.0.7"))),
        by_address
    );
    assert_eq!(client(&none, &|s| s.router = true), by_address);
    assert_eq!(client(&none, &|s| s.forwards = true), by_address);
    let device = Declared {
        devices: Devices {
            ips: vec![ip(PHONE)],
            ..Devices::default()
        },
        ..Declared::default()
    };
    assert_eq!(client(&device, &|_| {}), Client::Subject);
    // Of which no address was kept.
    let mut unknown = series(vec![flow(phone, (SERVER, Some(mac(1))), (0, 1))]);
    unknown.ledger.stations.clear();
    let unknown = judged(vec![unknown], &none);
    assert_eq!(unknown.destinations[0].shares[0].client, by_address);
    // A label says that it is the app under audit.
    let labelled = |name: &str| {
        let mut of = series(Vec::new());
        let mut label = Label::of(LabelSource::Pktap);
        label.process.name = Some(name.as_bytes());
        let app = of.ledger.apps.packet(&label, 0, at(1)).unwrap();
        of.rows = vec![to(SERVER, |key, _| key.apps = Vec::from_iter(app))];
        let declared = Declared {
            apps: vec![Pattern::parse("org.example.fly").unwrap()],
            ..Declared::default()
        };
        judged(vec![of], &declared).destinations[0].shares[0].client
    };
    assert_eq!(labelled("org.example.fly"), Client::Subject);
    assert_eq!(labelled("org.example.mail"), by_address);
    let bare = judge_of(vec![to(SERVER, |_, _| {})]);
    assert_eq!(bare.destinations[0].shares[0].client, by_address);
}

#[test]
fn who_asks_the_device_is_another_machine_unless_it_asks_itself() {
    use DeviceMatch::{Device, Other, Unsure};
    let device = |ips: &[&str]| Declared {
        devices: Devices {
            ips: ips.iter().map(|text| ip(text)).collect(),
            ..Devices::default()
        },
        ..Declared::default()
    };
    let whose = |from: &str, declared: &Declared, change: &dyn Fn(&mut RowKey)| {
        let (mut key, row) = flow((from, None), (CAMERA, None), (10, 20));
        *key.said() = vec![named("a.example.org", NameSource::TlsSni)];
        change(&mut key);
        let judged = judged(vec![series(vec![(key, row)])], declared);
        let of = &judged.destinations[0];
        assert_eq!(of.key.scope, Scope::Relayed);
        of.whose
    };
    let camera = device(&[CAMERA]);
    let how = |opening| move |key: &mut RowKey| key.opener.1 = opening;
    // Our side of it is the device, where nothing says who asked; else the other one, whose use of the internet it is.
    let carried = |key: &mut RowKey| {
        key.said().clear();
        (key.opener.1, key.relay) = (Opening::HigherPort, Some(Relay::Tunnel));
    };
    assert_eq!(whose(PHONE, &camera, &carried), Device);
    assert_eq!(whose(PHONE, &camera, &how(Opening::HigherPort)), Other);
    assert_eq!(whose(PHONE, &camera, &how(Opening::Request)), Other);
    assert_eq!(whose(PHONE, &camera, &how(Opening::Syn)), Other);
    assert_eq!(whose(PHONE, &device(&[]), &how(Opening::Syn)), Unsure);
    assert_eq!(
        whose(PHONE, &device(&[CAMERA, PHONE]), &how(Opening::Syn)),
        Device
    );
    assert_eq!(whose("127.0.0.1", &camera, &how(Opening::Syn)), Unsure);
    let folded = |key: &mut RowKey| key.folded = Some(Folded::Local);
    assert_eq!(whose("0.0.0.0", &camera, &folded), Unsure);
    // To its own address, and only one of the two is known to be the device's.
    let itself = |key: &mut RowKey| {
        let asked = key.opener.0.other();
        key.link.of_mut(asked).behind = Some(Behind::Tunnel(ip(PHONE)));
    };
    assert_eq!(whose(CAMERA, &device(&[PHONE]), &itself), Unsure);
}

#[test]
fn packets_are_counted_by_input_and_scope_and_proofs_by_address() {
    let mut away = to(SERVER, |_, _| {});
    away.1.spans[0].input = 2;
    let home = to(CAMERA, |_, _| {});
    let told = judge_of(vec![away, home.clone(), home]);
    let counted = [((0, Scope::Local), 12), ((2, Scope::Internet), 6)];
    assert_eq!(told.counted, BTreeMap::from(counted));
    assert_eq!(told.destinations.len(), 1);
    assert_eq!(told.devices.len(), 1);
    // What the link proves to be local is told for either end.
    let mut of = series(vec![flow(
        ("52.1.2.7", Some(mac(7))),
        ("52.1.2.8", Some(mac(8))),
        (0, 1),
    )]);
    let network = crate::evidence::ledger::OnLink {
        network: ip("52.1.2.0"),
        bits: 24,
    };
    of.ledger.on_link.insert(network, at(3));
    let told = judged(vec![of], &Declared::default());
    let proven: Vec<IpAddr> = told.proven.keys().copied().collect();
    assert_eq!(proven, [ip("52.1.2.7"), ip("52.1.2.8")]);
}

#[test]
fn what_series_show_of_the_subject_is_kept_where_there_are_several() {
    let device = Declared {
        devices: Devices {
            ips: vec![ip(PHONE)],
            ..Devices::default()
        },
        ..Declared::default()
    };
    let own = || series(vec![to(SERVER, |_, _| {})]);
    let shown = |all| {
        let told: Vec<bool> = judged(all, &device)
            .shown
            .iter()
            .map(|shown| shown.span(&|_| true).is_some())
            .collect();
        told
    };
    assert_eq!(shown(vec![own()]), [false]);
    assert_eq!(shown(vec![own(), own()]), [true, true]);
}

#[test]
fn an_address_that_was_made_up_and_asks_is_relayed_and_no_client_of_ours() {
    let served = |from: &str| {
        let (mut key, row) = flow((from, None), (PHONE, None), (10, 20));
        key.only_lookups = true;
        *key.said() = vec![named("a.example.org", NameSource::TlsSni)];
        let key = one((key, row)).key;
        (key.scope, key.served, key.lookups_only)
    };
    assert_eq!(served("198.18.0.1"), (Scope::Relayed, false, true));
    assert_eq!(served(SERVER), (Scope::Internet, true, false));
}

#[test]
fn a_flow_that_the_far_end_opened_hides_no_name_of_its() {
    let (mut key, row) = to(SERVER, |_, _| {});
    key.opener = (key.opener.0.other(), Opening::Request);
    *key.said() = vec![named("outer.example.org", NameSource::TlsSni)];
    key.ech = true;
    let mut of = series(vec![(key, row)]);
    of.ledger
        .ech_offer("outer.example.org", "inner.example.org");
    assert_eq!(judged(vec![of], &Declared::default()).hidden, []);
    // Of several names the one that stands for others is what hides.
    let (mut key, row) = to(SERVER, |key, theirs| {
        asked(key, theirs, "inner.example.org")
    });
    *key.said() = vec![
        named("a.example.org", NameSource::HttpHost),
        named("outer.example.org", NameSource::TlsSni),
    ];
    key.ech = true;
    let mut of = series(vec![(key, row)]);
    of.ledger
        .ech_offer("outer.example.org", "inner.example.org");
    let hidden = judged(vec![of], &Declared::default()).hidden;
    let behind = Hidden::Behind("outer.example.org".into());
    assert_eq!(
        hidden
            .into_iter()
            .map(|(_, _, what)| what)
            .collect::<Vec<_>>(),
        [behind]
    );
}
