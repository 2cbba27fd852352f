//! Whose traffic destinations are by their names, on flows by hand.

use super::*;
use crate::evidence::Devices;
use crate::evidence::flow::{HiddenLookups, Opening, Relay, Side};
use crate::evidence::row::{Resolved, Row, RowKey};
use crate::judge::by_hand::{Declared, at, flow, ip, judged, series};
use crate::judge::classify::Stage;
use Attribution::{App, Os, OtherDevice, Shared, Unknown, Vendor};

const PHONE: &str = "192.168.1.50";
const ROUTER: &str = "192.168.1.1";
const SERVER: &str = "52.218.128.10";
/// Of Apple's own network, and a time server of its.
const APPLE: &str = "17.253.14.125";

type Change<'c> = &'c dyn Fn(&mut RowKey, &mut Row, Side);

/// The one destination of a flow from the phone, changed; the side is that of who is asked.
fn judged_as(server: &str, declared: &Declared, changes: &[Change<'_>]) -> Destination {
    let (mut key, mut row) = flow((PHONE, None), (server, None), (10, 20));
    let theirs = key.opener.0.other();
    for change in changes {
        change(&mut key, &mut row, theirs);
    }
    let mut all = judged(vec![series(vec![(key, row)])], declared).destinations;
    assert_eq!(all.len(), 1);
    all.remove(0)
}

fn to(server: &str, changes: &[Change<'_>]) -> Destination {
    judged_as(server, &Declared::default(), changes)
}

fn whose(of: &Destination) -> Attribution {
    of.attributed.whose
}

/// The client says these names.
fn says(names: &[(&str, NameSource)]) -> impl Fn(&mut RowKey, &mut Row, Side) + use<> {
    let names: Vec<Named> = names
        .iter()
        .map(|(name, source)| Named {
            name: Arc::from(*name),
            source: *source,
        })
        .collect();
    move |key, row, theirs| {
        key.names.of_mut(theirs.other()).clone_from(&names);
        *row.said.of_mut(theirs.other()) =
            names.iter().map(|name| (name.clone(), at(11))).collect();
    }
}

fn sni(name: &str) -> impl Fn(&mut RowKey, &mut Row, Side) + use<> {
    says(&[(name, NameSource::TlsSni)])
}

/// Mere lookups in clear, of these names.
fn lookups(names: &[&str]) -> impl Fn(&mut RowKey, &mut Row, Side) + use<> {
    let names: Vec<Arc<str>> = names.iter().map(|name| Arc::from(*name)).collect();
    move |key, row, theirs| {
        (key.protocol, key.only_lookups) = (Some("dns"), true);
        let asked = names.iter().map(|name| (theirs.other(), Arc::clone(name)));
        row.lookups = asked.collect();
    }
}

/// More than lookups, over the protocol of lookups.
fn more_than_lookups(key: &mut RowKey, _: &mut Row, _: Side) {
    key.only_lookups = false;
}

/// The phone sends so many bytes.
fn out(bytes: u64) -> impl Fn(&mut RowKey, &mut Row, Side) {
    move |_, row, theirs| {
        for span in &mut row.spans {
            span.total.sent.of_mut(theirs.other()).bytes = bytes;
        }
    }
}

fn hidden(key: &mut RowKey, _: &mut Row, _: Side) {
    key.hidden = Some(HiddenLookups::Tls);
}

/// A relay of the site is asked, and asks on.
fn asks_on(key: &mut RowKey, _: &mut Row, _: Side) {
    let asker = key.opener.0;
    (key.relay, *key.public_lookup.of_mut(asker)) = (Some(Relay::Lookup), true);
}

#[test]
fn of_several_names_the_one_that_says_most_is_the_host() {
    use NameSource::{Certificate, HttpHost, TlsSni};
    let host = |names: &[(&str, NameSource)]| {
        let of = to(SERVER, &[&says(names)]);
        (
            of.key.host.unwrap().to_string(),
            of.key.host_source.unwrap(),
        )
    };
    let (plain, vendor) = ("www.example.org", "api.dji.com");
    let dji = (vendor.to_owned(), HttpHost);
    assert_eq!(host(&[(plain, TlsSni), (vendor, HttpHost)]), dji);
    assert_eq!(
        host(&[("b.example.org", HttpHost), (plain, HttpHost)]).0,
        "b.example.org"
    );
    assert_eq!(
        host(&[("b.example.org", HttpHost), (plain, TlsSni)]).0,
        plain
    );
    assert_eq!(host(&[(plain, TlsSni), (vendor, Certificate)]).0, plain);
    // What was asked for stands, where the name that was said stands for others.
    let (mut key, mut row) = flow((PHONE, None), (SERVER, None), (10, 20));
    let theirs = key.opener.0.other();
    says(&[("outer.example.org", TlsSni), (vendor, HttpHost)])(&mut key, &mut row, theirs);
    key.ech = true;
    *key.resolved.of_mut(theirs) = Resolved {
        asked: Some("inner.example.org".into()),
        aliases: Default::default(),
    };
    let mut of = series(vec![(key, row)]);
    of.ledger
        .ech_offer("outer.example.org", "inner.example.org");
    let all = judged(vec![of], &Declared::default()).destinations;
    assert_eq!(all[0].key.host.as_deref(), Some("inner.example.org"));
}

#[test]
fn lookups_are_the_strongest_of_those_that_leave_the_site() {
    let (vendor, other, home) = ("api.dji.com", "www.example.org", "nas.local");
    let of = |names: &[&str]| whose(&to(SERVER, &[&lookups(names)]));
    assert_eq!(of(&[other, vendor]), Vendor);
    assert_eq!(of(&[other]), Unknown);
    assert_eq!(of(&["time.apple.com"]), Os);
    assert_eq!(of(&["time.apple.com", other]), Unknown);
    assert_eq!(of(&[]), Unknown);
    // Of several equal ones the last.
    let named = |server, names: &[&str], more: Change<'_>| {
        let of = to(server, &[&lookups(names), more]);
        match of.attributed.why {
            Grounds::Name(name, _) => Some(name.to_string()),
            _ => None,
        }
    };
    let nothing: Change<'_> = &|_, _, _| {};
    assert_eq!(
        named(SERVER, &["a.dji.com", "b.dji.com"], nothing).as_deref(),
        Some("b.dji.com")
    );
    // Of names of the site only those count that went outside.
    assert_eq!(named(SERVER, &[home], nothing).as_deref(), Some(home));
    assert_eq!(named(ROUTER, &[home], &asks_on), None);
    assert_eq!(
        named(ROUTER, &[other, home], &asks_on).as_deref(),
        Some(other)
    );
    // What a connection was named beside them: a name of the vendor's accuses.
    let opened = |name: &str| whose(&to(SERVER, &[&lookups(&[other]), &sni(name)]));
    assert_eq!(opened(vendor), Vendor);
    assert_eq!(opened("app-measurement.com"), Unknown);
    let both = says(&[
        (vendor, NameSource::TlsSni),
        ("c.example.org", NameSource::Certificate),
    ]);
    assert_eq!(whose(&to(SERVER, &[&lookups(&[other]), &both])), Vendor);
    let certificate = says(&[(vendor, NameSource::Certificate)]);
    assert_eq!(
        whose(&to(SERVER, &[&lookups(&[other]), &certificate])),
        Unknown
    );
    let both = to(SERVER, &[&lookups(&["a.dji.com"]), &sni("b.dji.com")]);
    assert_eq!(
        both.attributed.why,
        by_looked_up_name(
            &"a.dji.com".into(),
            crate::judge::classify::catalog::Catalog::embedded()
        )
        .why
    );
}

#[test]
fn more_than_lookups_send_is_payload() {
    let stage = |bytes, changes: &[Change<'_>]| {
        let all: Vec<Change<'_>> = changes.iter().copied().chain([]).collect();
        let sent = out(bytes);
        let of = to(SERVER, &[&all[..], &[&sent]].concat());
        (
            of.stage(),
            of.key.lookups_only,
            of.notes.contains(&Note::MuchInLookups(bytes)),
        )
    };
    let asked = lookups(&["www.example.org"]);
    let (most, more) = (LOOKUPS_OUT_MAX, LOOKUPS_OUT_MAX + 1);
    assert_eq!(stage(most, &[&asked]), (Stage::Lookup, true, false));
    assert_eq!(stage(more, &[&asked]), (Stage::Transferred, false, true));
    // What was no mere lookup before is none that is too much.
    let other = stage(more, &[&asked, &more_than_lookups]);
    assert_eq!(other, (Stage::Transferred, false, false));
    // Encrypted ones of a relay.
    let relayed = |bytes| {
        let (sent, name) = (out(bytes), sni("dns.google"));
        let of = to(ROUTER, &[&hidden, &name, &sent]);
        (of.stage(), of.key.lookups_only)
    };
    assert_eq!(relayed(most), (Stage::Lookup, true));
    assert_eq!(relayed(more), (Stage::Transferred, false));
    // What went there directly is payload by what is known of it, and not by its amount.
    let quiet = |_: &mut RowKey, row: &mut Row, theirs: Side| {
        for span in &mut row.spans {
            span.total.sent.of_mut(theirs.other()).application = false;
        }
    };
    assert_eq!(
        to(SERVER, &[&hidden, &out(more), &quiet]).stage(),
        Stage::Connected
    );
    let direct = to(SERVER, &[&hidden, &out(9)]);
    assert_eq!(
        (direct.stage(), direct.key.lookups_only),
        (Stage::Transferred, false)
    );
}

#[test]
fn hidden_lookups_are_nobodys_unless_the_name_accuses() {
    let of = |name: &str| {
        let of = to(SERVER, &[&hidden, &sni(name)]);
        (whose(&of), of.attributed.why == Grounds::HiddenLookups)
    };
    assert_eq!(of("api.dji.com"), (Vendor, false));
    assert_eq!(of("dns.google"), (Unknown, true));
    assert_eq!(of("app-measurement.com"), (Unknown, true));
    assert_eq!(whose(&to(SERVER, &[&sni("dns.google")])), Shared);
}

#[test]
fn the_systems_names_acquit_what_is_more_than_a_lookup_only_at_their_address() {
    let time = lookups(&["time.apple.com"]);
    assert_eq!(whose(&to(SERVER, &[&time])), Os, "mere lookups");
    assert_eq!(whose(&to(SERVER, &[&time, &more_than_lookups])), Unknown);
    assert_eq!(whose(&to(APPLE, &[&time, &more_than_lookups])), Os);
    let two = lookups(&["time.apple.com", "connectivitycheck.android.com"]);
    assert_eq!(whose(&to(APPLE, &[&two, &more_than_lookups])), Unknown);
    let much = out(crate::judge::classify::attribution::OS_BYTES_OUT_MAX + 1);
    assert_eq!(
        whose(&to(APPLE, &[&time, &more_than_lookups, &much])),
        Unknown
    );
    assert_eq!(
        whose(&to(APPLE, &[&time, &much])),
        Unknown,
        "too much for lookups"
    );
    // No lookups: the name and the address.
    assert_eq!(whose(&to(APPLE, &[&sni("time.apple.com")])), Os);
    assert_eq!(whose(&to(SERVER, &[&sni("time.apple.com")])), Unknown);
    assert_eq!(whose(&to(APPLE, &[&sni("time.apple.com"), &much])), Unknown);
}

#[test]
fn what_the_far_end_asked_is_no_doing_of_the_device() {
    let device = |address: &str| Declared {
        devices: Devices {
            ips: vec![ip(address)],
            ..Devices::default()
        },
        ..Declared::default()
    };
    let served = |key: &mut RowKey, _: &mut Row, theirs: Side| {
        key.opener = (theirs, Opening::Request);
    };
    let asked = |name: &'static str| {
        move |key: &mut RowKey, _: &mut Row, theirs: Side| {
            key.resolved.of_mut(theirs).asked = Some(name.into());
        }
    };
    let of = judged_as(SERVER, &device(PHONE), &[&served]);
    assert_eq!((whose(&of), of.attributed.why), (Unknown, Grounds::Served));
    let vendor = judged_as(SERVER, &device(PHONE), &[&served, &asked("api.dji.com")]);
    assert_eq!(whose(&vendor), Vendor);
    let third = judged_as(
        SERVER,
        &device(PHONE),
        &[&served, &asked("app-measurement.com")],
    );
    assert_eq!(
        (whose(&third), third.attributed.why),
        (Unknown, Grounds::Served)
    );
    let own = judged_as(SERVER, &device(PHONE), &[&asked("api.dji.com")]);
    assert_eq!((whose(&own), own.attributed.why), (App, Grounds::Device));
    // Another machine's is another's.
    let (mut key, row) = flow(
        (PHONE, Some(crate::judge::by_hand::mac(8))),
        (SERVER, None),
        (10, 20),
    );
    key.opener = (key.opener.0.other(), Opening::Request);
    let mut of = series(vec![(key, row)]);
    let phone = of
        .ledger
        .stations
        .entry(crate::judge::by_hand::mac(7))
        .or_default();
    phone.sources.insert(ip("192.168.1.60"));
    let all = judged(vec![of], &device("192.168.1.60")).destinations;
    assert_eq!(whose(&all[0]), OtherDevice);
}

#[test]
fn a_label_of_who_asks_for_others_says_nothing_of_lookups() {
    let of = |only_lookups: bool| {
        let (mut key, mut row) = flow((PHONE, None), (SERVER, None), (10, 20));
        let theirs = key.opener.0.other();
        lookups(&["api.dji.com"])(&mut key, &mut row, theirs);
        key.only_lookups = only_lookups;
        let mut of = series(Vec::new());
        let mut label = crate::ground::label::Label::of(crate::ground::label::LabelSource::Pktap);
        // The telephone's radio asks for names that apps want.
        label.uid = Some(1001);
        label.process.name = Some(b"org.example.mail");
        key.apps = Vec::from_iter(of.ledger.apps.packet(&label, 0, at(1)).unwrap());
        of.rows = vec![(key, row)];
        let all = judged(vec![of], &Declared::default()).destinations;
        let app = all[0].key.app.clone().unwrap();
        (whose(&all[0]), app.says)
    };
    let (asked, says) = of(true);
    // Labels of the system's say nothing by themselves.
    if says == crate::judge::classify::subject::Labelled::Other {
        assert_eq!((asked, of(false).0), (Vendor, Attribution::OtherApp));
    } else {
        assert_eq!((asked, of(false).0), (Vendor, Vendor));
    }
}

#[test]
fn a_browser_goes_where_all_of_the_vendors_names_are_open_to_it() {
    let named = |host: Option<&str>, aliases: &[&str]| {
        let asked = |key: &mut RowKey, _: &mut Row, theirs: Side| {
            *key.resolved.of_mut(theirs) = Resolved {
                asked: host.map(Arc::from),
                aliases: aliases.iter().map(|alias| Arc::from(*alias)).collect(),
            };
        };
        to(SERVER, &[&asked]).browsable
    };
    let (site, api, plain) = ("www.dji.com", "api.dji.com", "www.example.org");
    assert!(named(Some(site), &[]));
    assert!(!named(Some(api), &[]));
    assert!(!named(Some(plain), &[]), "no vendor's");
    assert!(!named(Some(site), &[api]));
    assert!(named(Some(plain), &[site]));
    assert!(named(Some(site), &[plain]));
    let asked = |names: &[&str], protocol: &'static str| {
        let change = |key: &mut RowKey, _: &mut Row, _: Side| {
            (key.protocol, key.only_lookups) = (Some(protocol), protocol == "dns");
        };
        to(SERVER, &[&lookups(names), &change]).browsable
    };
    assert!(asked(&[site, plain], "dns"));
    assert!(!asked(&[site, api], "dns"));
    assert!(!asked(&[site], "http"), "no lookups of its");
}

/// Names that carry data, under a domain.
fn data(domain: &str) -> Vec<String> {
    let label = "a7".repeat(20);
    (0..20).map(|n| format!("{n:02}{label}.{domain}")).collect()
}

#[test]
fn lookups_that_carry_data_are_a_transfer_and_laid_to_nobody_elses_charge() {
    let of = |domains: &[&str], more: &[&str]| {
        let names: Vec<String> = domains.iter().flat_map(|domain| data(domain)).collect();
        let all: Vec<&str> = names
            .iter()
            .map(String::as_str)
            .chain(more.iter().copied())
            .collect();
        let of = to(SERVER, &[&lookups(&all), &out(5_000)]);
        let tunnels = of.notes.iter().filter_map(|note| match note {
            Note::DnsTunnel { domain, names, .. } => Some((domain.to_string(), *names)),
            _ => None,
        });
        let tunnels: Vec<_> = tunnels.collect();
        let by = match &of.attributed.why {
            Grounds::Name(name, _) => name.to_string(),
            why => format!("{why:?}"),
        };
        let sent = of.views[0].total[0].1.out;
        assert_eq!(of.views[0].active, of.views[0].total);
        (tunnels, (of.stage(), sent.unread), whose(&of), by)
    };
    let carried = |domain: &str| (domain.to_owned(), 20);
    let payload = (Stage::Transferred, 5_000);
    let plain = of(&[], &["www.example.org"]);
    assert_eq!((plain.0, plain.1), (vec![], (Stage::Lookup, 0)));
    let one = of(&["example.org"], &[]);
    assert_eq!(
        (one.0, one.1, one.2),
        (vec![carried("example.org")], payload, Unknown)
    );
    // Another's name that accuses says nothing of what was carried.
    let beside = of(&["example.org"], &["api.dji.com"]);
    assert_eq!(beside.1, payload);
    assert_eq!((beside.2, beside.3.as_str()), (Unknown, "example.org"));
    // What was found to be a tunnel is not told again for its amount.
    let carrying = data("example.org");
    let carrying: Vec<&str> = carrying.iter().map(String::as_str).collect();
    let much = to(SERVER, &[&lookups(&carrying), &out(LOOKUPS_OUT_MAX + 1)]);
    assert_eq!(much.notes.len(), 1);
    // The vendor's own tunnel accuses it, and the strongest of several counts.
    let own = of(&["dji.com"], &["www.example.org"]);
    assert_eq!(own.2, Vendor);
    for domains in [["example.org", "umeng.com"], ["umeng.com", "example.org"]] {
        let two = of(&domains, &["api.dji.com"]);
        let both = vec![carried("example.org"), carried("umeng.com")];
        assert_eq!((two.0, two.1), (both, payload));
        assert_eq!(
            (two.2, two.3.as_str()),
            (Attribution::ThirdParty, "umeng.com")
        );
    }
    // Where another name accuses as much, it is named.
    assert_eq!(of(&["dji.com"], &["zz.dji.com"]).3, "zz.dji.com");
    let equal = of(&["a.com", "b.com"], &["api.dji.com"]);
    assert_eq!(equal.3, "a.com");
}

#[test]
fn names_and_addresses_that_do_not_fit_are_noted() {
    let notes = |server: &str, changes: &[Change<'_>]| {
        let notes = to(server, changes).notes;
        notes.into_iter().collect::<Vec<_>>()
    };
    let (public, home) = ("www.example.org", "nas.local");
    assert_eq!(notes(SERVER, &[&sni(public)]), []);
    assert_eq!(
        notes(SERVER, &[&sni(home)]),
        [Note::LocalNameAtPublicAddress(home.into())]
    );
    assert_eq!(
        notes(ROUTER, &[&sni(public)]),
        [Note::PublicNameAtPrivateAddress(public.into())]
    );
    let asked = |key: &mut RowKey, _: &mut Row, theirs: Side| {
        key.resolved.of_mut(theirs).asked = Some("resolver.example.org".into());
    };
    assert_eq!(notes(ROUTER, &[&lookups(&[public]), &asks_on, &asked]), []);
    let more = [
        &lookups(&[public]) as Change<'_>,
        &asks_on,
        &asked,
        &more_than_lookups,
    ];
    let noted = Note::PublicNameAtPrivateAddress("resolver.example.org".into());
    assert_eq!(notes(ROUTER, &more), [noted]);
    let home = |key: &mut RowKey, _: &mut Row, theirs: Side| {
        key.resolved.of_mut(theirs).asked = Some("nas.local".into());
    };
    let local = [
        &lookups(&[public]) as Change<'_>,
        &asks_on,
        &home,
        &more_than_lookups,
    ];
    assert_eq!(notes(ROUTER, &local), [], "no public name");
    assert_eq!(notes(SERVER, &[]), [], "no name");
}
