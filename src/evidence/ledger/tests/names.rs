//! Names that were asked for and answered: what is kept of them, and for whom they stand.

use super::*;

fn ip(n: u32) -> IpAddr {
    IpAddr::from((n + (11 << 24)).to_be_bytes())
}

const OWN: Mac = Mac([2, 0, 0, 0, 0, 7]);

/// Asks one server for a name.
fn ask(ledger: &mut Ledger, name: &str, client: u32, source: Option<Mac>) {
    let key = LookupKey {
        name: Arc::from(name),
        resolver: ip(1),
        port: 53,
        client: ip(client),
        app: None,
    };
    let link = LinkFacts {
        source,
        ..LinkFacts::default()
    };
    ledger.lookup(key, 1, link, 0, at_second(1));
}

fn told(ledger: &Ledger) -> u64 {
    ledger.gaps.iter().map(|(_, gap)| gap.count).sum()
}

#[test]
fn lookups_of_the_device_and_those_that_accuse_are_folded_last() {
    let mut ledger = Ledger {
        accusing: Accusing::by(|name| name == "bad.example"),
        device_seen: BTreeSet::from([ip(7)]),
        device_macs: BTreeSet::from([OWN]),
        ..Ledger::default()
    };
    for n in 0..LOOKUPS_MAX as u32 {
        ask(&mut ledger, "a.example", 1_000 + n, None);
    }
    assert_eq!((ledger.lookups.len(), told(&ledger)), (LOOKUPS_MAX, 0));
    // What is known is known on.
    ask(&mut ledger, "a.example", 1_000, None);
    assert_eq!((ledger.lookups.len(), told(&ledger)), (LOOKUPS_MAX, 0));
    // Others are told in one row of the server.
    ask(&mut ledger, "b.example", 9, None);
    assert_eq!((ledger.lookups.len(), told(&ledger)), (LOOKUPS_MAX + 1, 1));
    ask(&mut ledger, "b.example", 7, None);
    ask(&mut ledger, "b.example", 8, Some(OWN));
    ask(&mut ledger, "bad.example", 9, None);
    assert_eq!((ledger.lookups.len(), told(&ledger)), (LOOKUPS_MAX + 4, 1));
    ask(&mut ledger, "b.example", 9, Some(Mac([2, 0, 0, 0, 0, 8])));
    assert_eq!((ledger.lookups.len(), told(&ledger)), (LOOKUPS_MAX + 4, 2));
    for n in 0..(LOOKUPS_MAX - 4) as u32 {
        ask(&mut ledger, "bad.example", 1_000 + n, None);
    }
    assert_eq!((ledger.lookups.len(), told(&ledger)), (2 * LOOKUPS_MAX, 2));
    ask(&mut ledger, "bad.example", 500_000, None);
    ask(&mut ledger, "b.example", 7, None);
    ask(&mut ledger, "c.example", 7, None);
    assert_eq!((ledger.lookups.len(), told(&ledger)), (2 * LOOKUPS_MAX, 4));
}

#[test]
fn a_server_that_has_a_row_for_the_rest_keeps_it() {
    let mut ledger = Ledger::default();
    let ask = |ledger: &mut Ledger, resolver: u32| {
        let key = LookupKey {
            name: Arc::from("a.example"),
            resolver: ip(resolver),
            port: 53,
            client: ip(500_000),
            app: None,
        };
        ledger.lookup(key, 1, LinkFacts::default(), 0, at_second(1));
    };
    let all = (2 * LOOKUPS_MAX + RESOLVERS_MAX) as u32;
    (0..all).for_each(|n| ask(&mut ledger, n));
    let folded = |ledger: &Ledger, resolver: IpAddr| {
        let rows = ledger.lookups.iter();
        let mut its = rows.filter(|(key, of)| of.folded && key.resolver == resolver);
        its.next().map(|(_, of)| of.asked[&0].count)
    };
    let rest = Ipv4Addr::UNSPECIFIED.into();
    assert_eq!(ledger.lookups.len(), all as usize);
    assert_eq!(
        (folded(&ledger, ip(all - 1)), folded(&ledger, rest)),
        (Some(1), None)
    );
    // The last server that has one, asked by somebody else; and one more, which has none.
    ask(&mut ledger, all);
    let key = LookupKey {
        name: Arc::from("b.example"),
        resolver: ip(all - 1),
        port: 53,
        client: ip(9),
        app: None,
    };
    ledger.lookup(key, 1, LinkFacts::default(), 0, at_second(1));
    assert_eq!(
        (folded(&ledger, ip(all - 1)), folded(&ledger, rest)),
        (Some(2), Some(1))
    );
}

fn event(name: &str, client: u32, second: u64, lifetime: u64) -> NameEvent {
    NameEvent {
        client: ip(client),
        client_mac: None,
        name: Arc::from(name),
        aliases: Default::default(),
        at: at_second(second),
        until: at_second(second + lifetime).time,
    }
}

const GRACE: u64 = (NAME_GRACE / Timestamp::SECOND) as u64;

#[test]
fn an_answer_within_the_lifetime_of_another_one_prolongs_it() {
    let kept = |more: NameEvent| {
        let mut ledger = Ledger::default();
        ledger.resolved(ip(1), event("a.example", 2, 1_000, 10), 0);
        ledger.resolved(ip(1), more, 0);
        let events = ledger.events.get(&ip(1)).unwrap();
        (events.len(), events[0].until)
    };
    let until = |second| at_second(second).time;
    assert_eq!(kept(event("a.example", 2, 1_005, 10)), (1, until(1_015)));
    assert_eq!(kept(event("a.example", 2, 1_000, 5)), (1, until(1_010)));
    assert_eq!(
        kept(event("a.example", 2, 1_010 + GRACE, 1)),
        (1, until(1_011 + GRACE))
    );
    assert_eq!(
        kept(event("a.example", 2, 1_011 + GRACE, 1)),
        (2, until(1_010))
    );
    assert_eq!(kept(event("a.example", 2, 999, 90)), (2, until(1_010)));
    assert_eq!(kept(event("b.example", 2, 1_005, 90)), (2, until(1_010)));
    assert_eq!(kept(event("a.example", 3, 1_005, 90)), (2, until(1_010)));
}

#[test]
fn an_address_keeps_so_many_names_and_as_many_again_that_accuse() {
    let mut ledger = Ledger {
        accusing: Accusing::by(|name| name.starts_with("bad")),
        ..Ledger::default()
    };
    let mut add = |name: String, alias: Option<&str>| {
        let mut event = event(&name, 2, 1, 1);
        event.aliases = alias.map(Arc::from).into_iter().collect();
        ledger.resolved(ip(1), event, 0);
        (ledger.events[&ip(1)].len(), told(&ledger))
    };
    let most = EVENTS_PER_ADDRESS;
    for n in 0..most {
        assert_eq!(add(format!("{n}.example"), None), (n + 1, 0));
    }
    assert_eq!(add("x.example".to_owned(), Some("y.example")), (most, 1));
    assert_eq!(
        add("x.example".to_owned(), Some("bad.example")),
        (most + 1, 1)
    );
    for n in 1..most {
        assert_eq!(add(format!("bad{n}.example"), None), (most + n + 1, 1));
    }
    assert_eq!(add("bad.example".to_owned(), None), (2 * most, 2));
}

#[test]
fn a_name_stands_for_an_address_as_long_as_it_lives_and_for_who_asked() {
    let (own, other) = (Mac([2, 0, 0, 0, 0, 1]), Mac([2, 0, 0, 0, 0, 2]));
    let mut ledger = Ledger::default();
    for (name, client, mac, second) in [
        ("b.example", 2, Some(own), 1_000),
        ("a.example", 2, Some(own), 1_000),
        ("c.example", 3, None, 900),
    ] {
        let event = NameEvent {
            client_mac: mac,
            ..event(name, client, second, 110)
        };
        ledger.resolved(ip(1), event, 0);
    }
    let of = |client: u32, mac: Option<Mac>, second: u64| {
        let began = at_second(second).time;
        let names = ledger.names_of(ip(1), ip(client), mac, began);
        let names: Vec<&str> = names.iter().map(|event| &*event.name).collect();
        let mut asked: Vec<&str> = ledger
            .names_asked_by(ip(1), (ip(client), mac), began)
            .map(|event| &*event.name)
            .collect();
        asked.sort_unstable();
        (names, asked)
    };
    let (all, both, last) = (
        vec!["c.example", "a.example", "b.example"],
        vec!["a.example", "b.example"],
        vec!["c.example"],
    );
    let none = Vec::<&str>::new();
    // By the MAC where both have one, else by whoever may have asked.
    assert_eq!(of(2, Some(own), 1_000), (all.clone(), both.clone()));
    assert_eq!(of(9, Some(own), 1_000), (all.clone(), both.clone()));
    assert_eq!(of(2, Some(other), 1_000), (all.clone(), none.clone()));
    assert_eq!(of(9, Some(other), 1_000), (last.clone(), none.clone()));
    assert_eq!(of(2, None, 1_000), (all.clone(), both.clone()));
    assert_eq!(of(9, None, 1_000), (all.clone(), none.clone()));
    assert_eq!(of(3, None, 1_000), (all.clone(), last.clone()));
    // From the answer on, until its life and some time more are over.
    assert_eq!(of(2, Some(own), 999), (last.clone(), none.clone()));
    assert_eq!(of(2, Some(own), 899), (none.clone(), none.clone()));
    assert_eq!(of(2, Some(own), 1_010 + GRACE), (all, both.clone()));
    assert_eq!(
        of(2, Some(own), 1_011 + GRACE),
        (both.clone(), both.clone())
    );
    assert_eq!(of(2, Some(own), 1_110 + GRACE), (both.clone(), both));
    assert_eq!(of(2, Some(own), 1_111 + GRACE), (none.clone(), none));
}

#[test]
fn an_address_is_publicly_named_by_any_of_its_names() {
    let mut ledger = Ledger::default();
    ledger.resolved(ip(1), event("nas.local", 2, 1, 1), 0);
    ledger.resolved(ip(1), event("a.example", 2, 1, 1), 0);
    ledger.resolved(ip(2), event("nas.local", 2, 1, 1), 0);
    ledger.reversed(ip(3));
    let named: BTreeSet<IpAddr> = ledger.publicly_named().collect();
    assert_eq!(named, BTreeSet::from([ip(1), ip(3)]));
}

#[test]
fn who_asked_is_known_by_the_question_and_not_by_an_answer_before_it() {
    let mut ledger = Ledger::default();
    let key = LookupKey {
        name: Arc::from("a.example"),
        resolver: ip(1),
        port: 53,
        client: ip(9),
        app: None,
    };
    ledger.told(key, 1, LinkFacts::default(), 0, at_second(1));
    ask(&mut ledger, "a.example", 9, Some(OWN));
    // The link of the first question stays.
    ask(&mut ledger, "a.example", 9, None);
    let lookup = ledger.lookups.values().next().unwrap();
    assert_eq!(lookup.link.source, Some(OWN));
}
