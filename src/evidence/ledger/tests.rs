//! Bounds of the ledger: what is beyond is told, and what is known is known on.

mod names;

use super::activity::ACTIVE_SECONDS_MAX;
use super::*;
use crate::ground::gaps::GapId;

#[test]
fn machines_and_their_addresses_are_kept_up_to_a_bound() {
    let mut ledger = Ledger::default();
    let at = |frame| Moment {
        time: Timestamp::from_nanos(0),
        at: FrameRef { input: 0, frame },
    };
    let mac = |n: u32| {
        let [a, b, c, d] = n.to_be_bytes();
        Mac([2, 0, a, b, c, d])
    };
    let ip = |n: u32| IpAddr::from(n.to_be_bytes());
    let senders = u32::try_from(STATIONS_MAX).unwrap_or(0);
    for n in 1..=senders {
        ledger.neighbour(mac(n), ip(n), 0, at(n.into()));
    }
    assert!(ledger.gaps.iter().next().is_none());
    // A machine that is known is known on; one that is not is counted, and enters nothing.
    ledger.neighbour(mac(1), ip(1), 0, at(1));
    assert!(ledger.gaps.iter().next().is_none());
    for n in senders + 1..=senders + 1_000 {
        ledger.neighbour(mac(n), ip(n), 0, at(n.into()));
        ledger.binding(mac(n), ip(n), 0, at(n.into()));
        ledger.serves(mac(n), |station| station.router = true);
    }
    ledger.serves(mac(1), |station| station.router = true);
    assert_eq!(ledger.stations.len(), STATIONS_MAX);
    assert!(ledger.stations.get(&mac(1)).is_some_and(|s| s.router));
    let told: Vec<_> = ledger.gaps.iter().collect();
    assert_eq!(told.len(), 1);
    assert!(
        told.iter()
            .all(|(key, gap)| key.id == GapId::LimitsReached && gap.count == 2_000)
    );
    assert_eq!(ledger.folded.len(), 1);
}

fn at_second(second: u64) -> Moment {
    Moment {
        time: Timestamp::from_nanos(i128::from(second) * 1_000_000_000),
        at: FrameRef {
            input: 0,
            frame: second,
        },
    }
}

#[test]
fn what_is_beyond_a_bound_is_told_and_what_is_known_is_not() {
    let ip = |n: usize| IpAddr::from(u32::try_from(n).unwrap_or(0).to_be_bytes());
    let mut ledger = Ledger::default();
    let key = LookupKey {
        name: Arc::from("a.example"),
        resolver: ip(1),
        port: 53,
        client: ip(2),
        app: None,
    };
    ledger.lookup(key.clone(), 1, LinkFacts::default(), 0, at_second(1));
    let network = |n: usize| OnLink {
        network: ip(n << 8),
        bits: 24,
    };
    type Fill<'f> = &'f dyn Fn(&mut Ledger, usize);
    let name = |n: usize| format!("h{n}.example");
    let mac = |n: usize| {
        let [.., a, b, c, d] = n.to_be_bytes();
        Mac([2, 0, a, b, c, d])
    };
    let fills: [(usize, Fill<'_>); 9] = [
        (64, &|ledger, n| ledger.answer(&key, ip(n))),
        (20_000, &|ledger, n| ledger.reversed(ip(n))),
        (10_000, &|ledger, n| {
            ledger.ech_offer(&name(n / 9), &name(n))
        }),
        (256, &|ledger, n| ledger.on_link(network(n), at_second(1))),
        (256, &|ledger, n| ledger.router(ip(n))),
        (256, &|ledger, n| {
            let (key, link, qtype) = (key.clone(), LinkFacts::default(), n as u16);
            ledger.lookup(key, qtype, link, 0, at_second(1));
        }),
        (16_384, &|ledger, n| ledger.device_sends_from(ip(n))),
        (16_384, &|ledger, n| ledger.device_sends_with(mac(n))),
        (EVENTS_MAX, &|ledger, n| {
            let event = NameEvent {
                client: ip(2),
                client_mac: None,
                name: Arc::from("a.example"),
                aliases: Default::default(),
                at: at_second(1),
                until: Timestamp::from_nanos(0),
            };
            ledger.resolved(ip(n), event, 0);
            if ledger.gaps.iter().next().is_some() {
                ledger.folded.insert(SessionCause::DnsAnswersOver);
            }
        }),
    ];
    for (number, (most, fill)) in fills.into_iter().enumerate() {
        (0..most).for_each(|n| fill(&mut ledger, n));
        fill(&mut ledger, 0);
        assert_eq!(ledger.folded.len(), number, "{:?}", ledger.folded);
        fill(&mut ledger, most);
        assert_eq!(ledger.folded.len(), number + 1, "{:?}", ledger.folded);
    }
    let answers = ledger.lookups.get(&key).map_or(0, |l| l.answers.len());
    let kept = [answers, ledger.reverse.len(), ledger.offers];
    assert_eq!(kept, [64, 20_000, 10_000]);
    assert_eq!(ledger.on_link.len(), Ledger::ON_LINK_MAX);
}

#[test]
fn nearness_and_activity_have_bounds_that_acquit_nobody() {
    let mut ledger = Ledger::default();
    for n in 0..5_000u32 {
        ledger.answered(IpAddr::from(n.to_be_bytes()), 1_000);
    }
    assert_eq!(ledger.nearness.len(), 4_096);
    ledger.answered(IpAddr::from([0; 4]), 1_000);
    let first = ledger.nearness.get(&IpAddr::from([0; 4]));
    assert_eq!(first.map(|near| near.at_once), Some(2));
    let seconds = ACTIVE_SECONDS_MAX as u64;
    for second in 0..seconds + 10 {
        ledger.device.mark(0, at_second(second));
    }
    assert_eq!(ledger.device.moments(0).count(), ACTIVE_SECONDS_MAX);
    assert!(!ledger.device.knows(0, at_second(seconds)));
    // The second at hand, and any that is kept.
    assert!(ledger.device.knows(0, at_second(seconds + 9)) && ledger.device.knows(0, at_second(7)));
    assert!(!ledger.device.knows(1, at_second(7)));
}

#[test]
fn questions_to_any_number_of_resolvers_are_counted_in_a_bounded_table() {
    let ip = |n: u32| IpAddr::from((n + (11 << 24)).to_be_bytes());
    let mut ledger = Ledger::default();
    let all = 3 * LOOKUPS_MAX as u32;
    for n in 0..all {
        let key = LookupKey {
            name: Arc::from("a.example"),
            resolver: ip(n),
            port: 53,
            client: ip(1),
            app: None,
        };
        ledger.lookup(key, 1, LinkFacts::default(), 0, at_second(n.into()));
    }
    let most = 2 * LOOKUPS_MAX + RESOLVERS_MAX + 1;
    assert_eq!(ledger.lookups.len(), most);
    let asked = ledger.lookups.values().flat_map(|l| l.asked.values());
    assert_eq!(asked.map(|a| a.count).sum::<u64>(), u64::from(all));
    let last = ledger.lookups.iter().find(|(key, _)| key.port == 0);
    let (key, last) = last.unwrap();
    assert!(last.folded && &*key.name == FOLDED_NAME && key.resolver.is_unspecified());
}

#[test]
fn events_with_many_aliases_take_the_room_of_several() {
    let mut ledger = Ledger::default();
    let long: Arc<str> = Arc::from("a".repeat(250));
    for n in 0..EVENTS_MAX as u32 {
        let event = NameEvent {
            client: [10, 0, 0, 1].into(),
            client_mac: None,
            name: Arc::from("a.example"),
            aliases: vec![Arc::clone(&long); 24].into(),
            at: at_second(1),
            until: Timestamp::from_nanos(0),
        };
        ledger.resolved(IpAddr::from(n.to_be_bytes()), event, 0);
    }
    let kept = ledger.events.len();
    assert_eq!(kept, EVENTS_MAX.div_ceil(1 + 24 * 250 / ALIAS_BYTES));
    assert_eq!(ledger.gaps.iter().count(), 1);
}

#[test]
fn a_machine_sends_from_so_many_addresses_before_it_must_forward_for_others() {
    let ip = |n: u32| IpAddr::from((n + (11 << 24)).to_be_bytes());
    let mac = Mac([2, 0, 0, 0, 0, 1]);
    let mut ledger = Ledger::default();
    let forwards = |ledger: &Ledger| ledger.stations.get(&mac).is_some_and(|s| s.forwards);
    ledger.binding(Mac([0xff; 6]), ip(1), 0, at_second(1));
    assert!(ledger.stations.is_empty(), "a group is no machine");
    for n in 0..1_024 {
        ledger.binding(mac, ip(n), 0, at_second(1));
        ledger.binding(mac, ip(n), 0, at_second(1));
    }
    assert!(!forwards(&ledger));
    assert_eq!(ledger.bindings, 1_024);
    ledger.binding(mac, ip(1_024), 0, at_second(1));
    assert!(forwards(&ledger) && ledger.gaps.iter().next().is_none());
    assert_eq!(ledger.stations[&mac].sources.len(), 1_024);
}

#[test]
fn bindings_are_kept_up_to_a_bound_whoever_tells_them() {
    type Tell = fn(&mut Ledger, Mac, IpAddr);
    let binding: Tell = |ledger, mac, ip| ledger.binding(mac, ip, 0, at_second(1));
    let neighbour: Tell = |ledger, mac, ip| ledger.neighbour(mac, ip, 0, at_second(1));
    let told = |ledger: &Ledger| ledger.gaps.iter().map(|(_, gap)| gap.count).sum::<u64>();
    let (known, other) = (Mac([2, 0, 0, 0, 0, 1]), Mac([2, 0, 0, 0, 0, 2]));
    let (ip, next) = (IpAddr::from([11, 0, 0, 1]), IpAddr::from([11, 0, 0, 2]));
    for tell in [binding, neighbour] {
        let mut ledger = Ledger {
            bindings: BINDINGS_MAX - 1,
            ..Ledger::default()
        };
        tell(&mut ledger, known, ip);
        assert_eq!((ledger.bindings, told(&ledger)), (BINDINGS_MAX, 0));
        // What is known needs no room; what is new has none, and makes no machine.
        tell(&mut ledger, known, ip);
        assert_eq!(told(&ledger), 0);
        tell(&mut ledger, known, next);
        tell(&mut ledger, other, ip);
        assert_eq!((ledger.bindings, told(&ledger)), (BINDINGS_MAX, 2));
        assert_eq!(ledger.stations.len(), 1);
        let station = &ledger.stations[&known];
        assert_eq!(station.sources.len() + station.claims.len(), 1);
    }
    // Nobody answers for a group or for no address.
    let mut ledger = Ledger::default();
    neighbour(&mut ledger, Mac([0xff; 6]), ip);
    neighbour(&mut ledger, known, IpAddr::from([0; 4]));
    assert!(ledger.stations.is_empty() && told(&ledger) == 0);
}

#[test]
fn what_is_known_of_a_machine_elsewhere_is_added() {
    let (one, other) = (IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2]));
    let marked = Station {
        sources: BTreeSet::from([one]),
        claims: BTreeSet::from([one]),
        router: true,
        leases: true,
        forwards: true,
    };
    let plain = Station {
        sources: BTreeSet::from([other]),
        claims: BTreeSet::from([other]),
        ..Station::default()
    };
    for (mut station, more) in [(marked.clone(), &plain), (plain.clone(), &marked)] {
        station.learn(more);
        assert!(station.router && station.leases && station.forwards);
        assert_eq!(station.sources, BTreeSet::from([one, other]));
        assert_eq!(station.claims, station.sources);
    }
    let mut still = plain.clone();
    still.learn(&plain);
    assert_eq!(still, plain);
}

#[test]
fn a_flow_concerns_the_declared_device_by_address_or_mac() {
    let (own, other) = (IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2]));
    let mac = Mac([2, 0, 0, 0, 0, 1]);
    let mut ledger = Ledger::default();
    let none = Pair::default();
    assert!(
        ledger.concerns_device([other, other], &none),
        "none was declared"
    );
    ledger.one_device = true;
    ledger.device_seen.insert(own);
    ledger.device_macs.insert(mac);
    assert!(!ledger.concerns_device([other, other], &none));
    assert!(
        ledger.concerns_device([other, own], &none) && ledger.concerns_device([own, other], &none)
    );
    for side in Side::BOTH {
        for source in [true, false] {
            let mut link = Pair::<LinkFacts>::default();
            let facts = link.of_mut(side);
            (facts.source, facts.target) = match source {
                true => (Some(mac), None),
                false => (Some(Mac([2, 0, 0, 0, 0, 9])), Some(mac)),
            };
            assert!(ledger.concerns_device([other, other], &link));
        }
    }
    let mut strange = Pair::<LinkFacts>::default();
    strange.a.source = Some(Mac([2, 0, 0, 0, 0, 9]));
    assert!(!ledger.concerns_device([other, other], &strange));
}

#[test]
fn who_never_answered_is_not_near_and_questions_are_kept_for_who_wants_them() {
    assert!(!Nearness::default().is_near());
    let mut ledger = Ledger::default();
    let name = Arc::from("a.example");
    ledger.question(at_second(1).at, &name);
    ledger.hello(at_second(1).at, [7; 32]);
    assert!(ledger.questions.is_none() && ledger.hellos.is_empty());
    ledger.questions = Some(Vec::new());
    ledger.question(at_second(1).at, &name);
    ledger.hello(at_second(2).at, [7; 32]);
    assert_eq!(ledger.questions, Some(vec![(at_second(1).at, name)]));
    assert_eq!(ledger.hellos, [(at_second(2).at, [7; 32])]);
}

#[test]
fn networks_that_no_link_is_as_large_as_prove_nothing() {
    let network = |text: &str, bits| OnLink {
        network: text.parse().unwrap(),
        bits,
    };
    for (network, credible) in [
        (network("52.1.0.0", 16), true),
        (network("52.0.0.0", 15), false),
        (network("2a00::", 48), true),
        (network("2a00::", 47), false),
    ] {
        let mut ledger = Ledger::default();
        ledger.on_link(network, at_second(1));
        assert_eq!(ledger.on_link.len() == 1, credible, "{network:?}");
    }
    let broadcast = |ip: &str, bits| {
        let of = network("52.1.2.0", bits);
        of.is_broadcast(ip.parse().unwrap())
    };
    assert!(broadcast("52.1.2.255", 24) && broadcast("52.1.2.3", 30));
    // Of another network, no last address, or of a network that has none.
    assert!(!broadcast("52.1.3.255", 24) && !broadcast("52.1.2.254", 24));
    assert!(!broadcast("52.1.2.1", 31) && !broadcast("2a00::ffff", 24));
}
