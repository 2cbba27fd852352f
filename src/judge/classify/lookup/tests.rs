//! Whose lookups are and how far they go, by hand.

use super::*;
use crate::evidence::Devices;
use crate::evidence::flow::LinkFacts;
use crate::evidence::ledger::LookupKey;
use crate::ground::mac::Mac;
use crate::judge::by_hand::{Declared, at, ip, judged, mac, series};
use crate::judge::classify::attribution::Attribution;

const PHONE: &str = "192.168.1.50";
const ROUTER: &str = "192.168.1.1";
const RESOLVER: &str = "8.8.8.8";
const NAME: &str = "api.dji.com";

fn key(name: &str, client: &str, resolver: &str) -> LookupKey {
    LookupKey {
        name: name.into(),
        resolver: ip(resolver),
        port: 53,
        client: ip(client),
        app: None,
    }
}

/// The lookups of a series in which these were asked for, once each.
fn lookups(asked: &[(LookupKey, LinkFacts)], declared: &Declared) -> Vec<Lookup> {
    let mut of = series(Vec::new());
    for (number, (key, link)) in asked.iter().enumerate() {
        let second = 10 + number as u64;
        of.ledger.lookup(key.clone(), 1, *link, 0, at(second));
    }
    judged(vec![of], declared).lookups
}

fn device(address: &str) -> Declared {
    Declared {
        devices: Devices {
            ips: vec![ip(address)],
            ..Devices::default()
        },
        ..Declared::default()
    }
}

#[test]
fn a_lookup_leaves_the_site_by_who_is_asked_for_what() {
    let none = Declared::default();
    let home = "camera.local";
    for (name, client, resolver, expected) in [
        (NAME, PHONE, RESOLVER, Some(Scope::Internet)),
        (home, PHONE, RESOLVER, Some(Scope::Internet)),
        (NAME, PHONE, ROUTER, Some(Scope::Relayed)),
        (home, PHONE, ROUTER, Some(Scope::Local)),
        // Discovery on the link, and a group that goes further.
        (NAME, PHONE, "224.0.0.251", Some(Scope::Local)),
        (home, PHONE, "224.0.0.251", Some(Scope::Local)),
        (NAME, PHONE, "232.1.1.1", Some(Scope::Internet)),
        // The resolver that a VPN app makes up.
        (NAME, PHONE, "198.18.0.1", Some(Scope::Relayed)),
        (home, PHONE, "198.18.0.1", Some(Scope::Internet)),
        // Somebody outside asks us.
        (NAME, RESOLVER, PHONE, None),
        (NAME, "212.1.1.1", "10.0.0.5", None),
        // To all hosts of the link: one of them may ask on.
        (NAME, PHONE, "255.255.255.255", Some(Scope::Relayed)),
        (NAME, RESOLVER, "224.0.0.251", Some(Scope::Local)),
        (NAME, PHONE, PHONE, Some(Scope::Relayed)),
        // What stands for many may hold public names.
        (FOLDED_NAME, ROUTER, ROUTER, Some(Scope::Relayed)),
        (FOLDED_NAME, RESOLVER, RESOLVER, Some(Scope::Internet)),
    ] {
        let told = lookups(
            &[(key(name, client, resolver), LinkFacts::default())],
            &none,
        );
        let scopes: Vec<Scope> = told.iter().map(|of| of.scope).collect();
        assert_eq!(
            scopes,
            Vec::from_iter(expected),
            "{name} {client} {resolver}"
        );
    }
    // What stands for many is kept, whoever's packets the first of them were.
    let mut of = series(Vec::new());
    of.ledger.stations.entry(mac(1)).or_default().router = true;
    let link = LinkFacts {
        source: Some(mac(1)),
        target: Some(mac(7)),
        ..LinkFacts::default()
    };
    let folded = key(FOLDED_NAME, RESOLVER, RESOLVER);
    of.ledger.lookup(folded, 1, link, 0, at(1));
    assert_eq!(judged(vec![of], &none).lookups.len(), 1);
    // A group of the site that a user declared.
    let declared = Declared {
        local: vec!["232.0.0.0/8".parse().unwrap()],
        ..Declared::default()
    };
    let asked = [(key(NAME, PHONE, "232.1.1.1"), LinkFacts::default())];
    assert_eq!(lookups(&asked, &declared)[0].scope, Scope::Local);
}

#[test]
fn a_lookup_is_the_devices_anothers_or_by_its_name() {
    use Attribution::{App, OtherDevice, Unknown, Vendor};
    let whose =
        |name: &str, client: &str, resolver: &str, mac: Option<Mac>, declared: &Declared| {
            let link = LinkFacts {
                source: mac,
                ..LinkFacts::default()
            };
            lookups(&[(key(name, client, resolver), link)], declared)[0]
                .attributed
                .whose
        };
    let (own, phone, router) = (Declared::default(), device(PHONE), device(ROUTER));
    assert_eq!(whose(NAME, PHONE, RESOLVER, None, &own), Vendor);
    assert_eq!(whose("a.example.org", PHONE, RESOLVER, None, &own), Unknown);
    assert_eq!(whose(NAME, PHONE, RESOLVER, None, &phone), App);
    assert_eq!(whose(NAME, "192.168.1.60", RESOLVER, None, &phone), Vendor);
    // Who asks the device is another machine.
    assert_eq!(whose(NAME, PHONE, ROUTER, None, &router), OtherDevice);
    assert_eq!(whose(NAME, ROUTER, ROUTER, None, &router), App);
    // A machine can ask itself, under the address of the loop too.
    assert_eq!(whose(NAME, "127.0.0.1", ROUTER, None, &router), Vendor);
    assert_eq!(whose(NAME, PHONE, "192.168.1.9", None, &router), Vendor);
    // To a machine that is the device too, it is the device's; to a group of the world it went to nobody.
    let both = Declared {
        devices: Devices {
            ips: vec![ip(PHONE), ip(ROUTER)],
            ..Devices::default()
        },
        ..Declared::default()
    };
    assert_eq!(whose(NAME, PHONE, ROUTER, None, &both), App);
    let by_mac = Declared {
        devices: Devices {
            macs: vec![mac(7)],
            ..Devices::default()
        },
        ..Declared::default()
    };
    let to_mac = |client: &str, resolver: &str| {
        let link = LinkFacts {
            target: Some(mac(7)),
            ..LinkFacts::default()
        };
        lookups(&[(key(NAME, client, resolver), link)], &by_mac)[0]
            .attributed
            .whose
    };
    assert_eq!(to_mac(PHONE, ROUTER), OtherDevice);
    assert_eq!(to_mac(PHONE, "232.1.1.1"), Vendor);
    assert_eq!(to_mac(ROUTER, ROUTER), Vendor);
    // What stands for many is nobody's.
    assert_eq!(whose(FOLDED_NAME, ROUTER, ROUTER, None, &router), Unknown);
    // Out of somebody's network: the device does not answer it.
    let outside = Declared {
        devices: Devices {
            ips: vec![ip(RESOLVER)],
            ..Devices::default()
        },
        ..Declared::default()
    };
    assert_eq!(whose(NAME, PHONE, RESOLVER, None, &device(PHONE)), App);
    assert_eq!(
        lookups(
            &[(key(NAME, PHONE, RESOLVER), LinkFacts::default())],
            &outside
        )
        .len(),
        0
    );
}

#[test]
fn lookups_of_one_name_are_put_together_by_resolver_and_by_whose_they_are() {
    let mut of = series(Vec::new());
    let ask = |of: &mut crate::evidence::Series, client: &str, kind, interval, second| {
        let asked = key(NAME, client, RESOLVER);
        of.ledger
            .lookup(asked, kind, LinkFacts::default(), interval, at(second));
    };
    ask(&mut of, "192.168.1.60", 1, 0, 30);
    ask(&mut of, PHONE, 1, 0, 20);
    ask(&mut of, PHONE, 28, 0, 40);
    ask(&mut of, PHONE, 1, 1, 50);
    of.ledger.answer(&key(NAME, PHONE, RESOLVER), ip("9.9.9.9"));
    let told = |of: &mut crate::evidence::Series, client: &str, second| {
        let asked = key(NAME, client, RESOLVER);
        of.ledger
            .told(asked, 1, LinkFacts::default(), 0, at(second));
    };
    told(&mut of, PHONE, 9);
    told(&mut of, "192.168.1.60", 5);
    let mut other = series(Vec::new());
    ask(&mut other, PHONE, 1, 0, 10);
    let all = judged(vec![of, other], &Declared::default()).lookups;
    let [one] = all.as_slice() else {
        panic!("{all:?}");
    };
    assert_eq!(one.clients, BTreeSet::from([ip(PHONE), ip("192.168.1.60")]));
    assert_eq!(one.types, BTreeSet::from([1, 28]));
    assert_eq!(one.answers, BTreeSet::from([ip("9.9.9.9")]));
    let asked = [(0, (4, at(10), at(40))), (1, (1, at(50), at(50)))];
    assert_eq!(one.asked, BTreeMap::from(asked));
    assert_eq!(one.told, Some(at(5)));
    assert_eq!(one.first(), at(10));

    // Answers alone are told, and none is told where nobody asked or answered.
    let mut answered = series(Vec::new());
    told(&mut answered, PHONE, 9);
    let all = judged(vec![answered], &Declared::default()).lookups;
    assert_eq!((all[0].first(), all[0].asked.len()), (at(9), 0));
    // The device's own stand apart from others'.
    let asked = [PHONE, "192.168.1.60"].map(|client| {
        let link = LinkFacts {
            source: Some(mac(if client == PHONE { 7 } else { 8 })),
            ..LinkFacts::default()
        };
        (key(NAME, client, RESOLVER), link)
    });
    assert_eq!(lookups(&asked, &device(PHONE)).len(), 2);
    assert_eq!(lookups(&asked, &Declared::default()).len(), 1);
}
