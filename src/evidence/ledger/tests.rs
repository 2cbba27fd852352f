//! Bounds of the ledger: what is beyond is told, and what is known is known on.

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
                aliases: Vec::new(),
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
    assert!(ledger.lookups.len() <= most, "{}", ledger.lookups.len());
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
            aliases: vec![Arc::clone(&long); 24],
            at: at_second(1),
            until: Timestamp::from_nanos(0),
        };
        ledger.resolved(IpAddr::from(n.to_be_bytes()), event, 0);
    }
    let kept = ledger.events.len();
    assert_eq!(kept, EVENTS_MAX.div_ceil(1 + 24 * 250 / ALIAS_BYTES));
    assert_eq!(ledger.gaps.iter().count(), 1);
}
