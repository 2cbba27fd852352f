//! What a rule asks of traffic, condition by condition.

use super::*;
use crate::evidence::content::{FoundIn, Hit, Kind, TrafficPart};
use crate::evidence::flow::{HiddenLookups, Side};
use crate::ground::interval::{Bound, TIMELESS, WindowSpec};
use crate::judge::claim::baseline::BaselineUse;
use crate::judge::claim::definition::Set;
use crate::judge::claim::fact::{Fact, NotExempt};
use crate::judge::claim::rule::confirms;
use crate::judge::claim::whereabouts::{Answer, GEO_STALE_DAYS, data_age_days, place, provider};
use crate::judge::classify::attribution::OS_BYTES_OUT_MAX;

fn own(text: &str) -> Definition {
    let head = "id = \"own\"\nstatement = \"by hand\"\nsource = \"the auditor\"\n[[rule]]\n";
    let own: Definition = toml::from_str(&format!("{head}{text}")).unwrap();
    assert_eq!(own.problem(), None);
    own
}

#[test]
fn where_a_name_with_a_region_and_an_address_say_different_things() {
    let outside_us = Set::Outside(vec!["US".into()]);
    let answer = |host: &'static str, of: Option<Location>| {
        let to = destination(&To {
            place: of,
            ..to(host, App, traffic(9, 9))
        });
        on_hand(Vec::new(), Vec::new(), |case| {
            match place(&to, &outside_us, case.basis) {
                Answer::No => "no",
                Answer::Yes(_) => "yes",
                Answer::Unsure(Fact::NameInPlaceButAddress(..)) => "the address is elsewhere",
                Answer::Unsure(Fact::NameInPlaceAlone(_)) => "the name alone",
                Answer::Unsure(_) => "unsure",
            }
        })
    };
    let at = |candidates: &[&str], sure, operator| Some(placed(candidates, sure, operator));
    let aws = "bucket.s3.us-west-2.amazonaws.com";
    for (host, of, expected) in [
        (aws, at(&["US"], Sure::Agreed, Some("google")), "no"),
        (
            aws,
            at(&["DE"], Sure::Agreed, Some("amazon")),
            "the address is elsewhere",
        ),
        (
            aws,
            at(&["DE", "FR"], Sure::Conflict, None),
            "the address is elsewhere",
        ),
        (aws, at(&["DE", "US"], Sure::Conflict, None), "no"),
        // One source says little, so that the company decides whether name and address agree.
        (aws, at(&["DE"], Sure::Single, Some("amazon")), "no"),
        (
            aws,
            at(&["DE"], Sure::Single, Some("google")),
            "the name alone",
        ),
        (
            aws,
            at(&["DE"], Sure::Single, Some("microsoft")),
            "the name alone",
        ),
        (
            "logs.oss-us-west-1.aliyuncs.com",
            at(&["DE"], Sure::Single, Some("alibaba")),
            "no",
        ),
        (aws, at(&[], Sure::Conflict, None), "the name alone"),
        (aws, None, "the name alone"),
        // No region in the name: the address data alone.
        ("x.example", at(&["US"], Sure::Agreed, None), "no"),
        ("x.example", at(&["DE"], Sure::Agreed, None), "yes"),
        ("x.example", at(&["DE", "FR"], Sure::Conflict, None), "yes"),
        ("x.example", at(&["US"], Sure::Conflict, None), "no"),
        (
            "x.example",
            at(&["US", "DE"], Sure::Conflict, None),
            "unsure",
        ),
        ("x.example", at(&[], Sure::Conflict, None), "unsure"),
        ("x.example", at(&["DE"], Sure::Single, None), "unsure"),
        ("x.example", None, "unsure"),
    ] {
        assert_eq!(answer(host, of.clone()), expected, "{host} {of:?}");
    }
}

#[test]
fn whose_network_it_is_by_name_and_by_address() {
    let google = Set::Inside(vec!["google".into(), "AS64500 (Example)".into()]);
    let amazon = Set::Inside(vec!["aws".into()]);
    let answer = |host: &'static str, set: &Set, of: Option<Location>| {
        let to = destination(&To {
            place: of,
            ..to(host, App, traffic(9, 9))
        });
        match provider(&to, set) {
            Answer::No => "no",
            Answer::Yes(why) if matches!(why[..], [Fact::NameOfProvider(_)]) => "the name",
            Answer::Yes(_) => "the address",
            Answer::Unsure(Fact::NameOfProviderButAddress(..)) => "the address is another's",
            Answer::Unsure(Fact::NameOfProviderAlone(_)) => "the name alone",
            Answer::Unsure(_) => "untold",
        }
    };
    let by = |operator| Some(placed(&["US"], Sure::Agreed, operator));
    let by_number = |organisation: &str| {
        Some(Location {
            asn: Some(64_500),
            organisation: Some(organisation.into()),
            ..placed(&["US"], Sure::Agreed, None)
        })
    };
    let (aws, plain) = ("bucket.s3.us-west-2.amazonaws.com", "x.example");
    for (host, set, of, expected) in [
        (aws, &amazon, by(Some("google")), "the name"),
        (aws, &amazon, None, "the name"),
        (aws, &google, by(Some("google")), "the address is another's"),
        (aws, &google, by(Some("amazon")), "no"),
        (aws, &google, None, "the name alone"),
        (plain, &google, by(Some("google")), "the address"),
        (plain, &google, by(Some("amazon")), "no"),
        (plain, &google, by_number("Example"), "the address"),
        (plain, &google, by_number("Other"), "no"),
        (plain, &google, by(None), "untold"),
        (plain, &google, None, "untold"),
    ] {
        assert_eq!(answer(host, set, of.clone()), expected, "{host} {of:?}");
    }
}

#[test]
fn address_data_speak_of_their_own_years() {
    let outside_us = Set::Outside(vec!["US".into()]);
    let to = destination(&To {
        place: Some(placed(&["DE"], Sure::Agreed, None)),
        ..to("x.example", App, traffic(9, 9))
    });
    let on = |began: &[Timestamp]| {
        on_hand_since(
            began,
            Intervals::default(),
            Vec::new(),
            Vec::new(),
            |case| {
                let stale = matches!(
                    place(&to, &outside_us, case.basis),
                    Answer::Unsure(Fact::AddressDataStale)
                );
                (stale, data_age_days(case.basis, 86_400))
            },
        )
    };
    let built: Vec<u64> = on_hand(Vec::new(), Vec::new(), |case| {
        let databases = case.basis.locator.databases();
        databases.iter().map(|database| database.built).collect()
    });
    let day = |of: &u64, days: i64| moment(i64::try_from(*of).unwrap() + days * 86_400, 1).time;
    let (oldest, newest) = (built.iter().min().unwrap(), built.iter().max().unwrap());
    for (began, stale) in [
        (day(oldest, GEO_STALE_DAYS), false),
        (day(oldest, GEO_STALE_DAYS + 1), true),
        (day(newest, -GEO_STALE_DAYS), false),
        (day(newest, -GEO_STALE_DAYS - 1), true),
        // Nobody knows when.
        (Timestamp::UNKNOWN, false),
    ] {
        assert_eq!(on(&[began]).0, stale, "{began:?}");
        // The first input of which the time is known tells it.
        assert_eq!(on(&[Timestamp::UNKNOWN, began]).0, stale, "{began:?}");
    }
    assert_eq!(on(&[day(&86_400, 10)]).1, Some(10));
    assert_eq!(on(&[day(&86_400, -10)]).1, Some(-10));
    assert_eq!(on(&[]).1, None);
}

#[test]
fn mere_lookups_are_no_contact_and_what_hides_them_is() {
    let claim = claim("local-data-mode");
    let verdict = |change: fn(&mut Destination)| {
        let mut asked = destination(&to("x.example", App, traffic(90, 90)));
        asked.key.lookups_only = true;
        asked.lookups_by_hand(&["a.example"], None);
        change(&mut asked);
        judged_on(&claim, vec![asked], Hand::default()).verdict
    };
    assert_eq!(verdict(|_| {}), Consistent);
    assert_eq!(verdict(|d| d.key.lookups_only = false), Contradicted);
    assert_eq!(verdict(|d| d.lookups_by_hand(&[], None)), Contradicted);
    assert_eq!(
        verdict(|d| d.lookups_by_hand(&["a.example"], Some(HiddenLookups::Https))),
        Contradicted
    );
}

fn hit(kind: Kind, frame: u64) -> Hit {
    Hit {
        kind,
        text: "*".into(),
        plain: None,
        place: FoundIn::new(TrafficPart::UdpPayload, None),
        side: Side::A,
        interval: 0,
        first: moment(120, frame),
        count: 1,
    }
}

#[test]
fn a_rule_about_content_finds_the_kinds_that_it_names_and_their_frames() {
    let names = own("id = \"sent\"\ntraffic = \"content\"\ncontent = [\"position\"]\n");
    let any = own("id = \"sent\"\ntraffic = \"content\"\ncontent = []\n");
    let found = |claim: &Definition, lookups_only| {
        let mut sent = destination(&to("x.example", App, traffic(90, 90)));
        sent.key.lookups_only = lookups_only;
        sent.lookups_by_hand(&["a.example"], None);
        sent.frames = [2, 5, 7].map(|frame| moment(0, frame).at).into();
        for hit in [hit(Kind::Email, 4), hit(Kind::Position, 3)] {
            sent.views[0].content.add(hit);
        }
        let outcome = judged_on(claim, vec![sent], Hand::default());
        let [one] = outcome.findings.as_slice() else {
            panic!("{:?}", outcome.findings);
        };
        let kinds: Vec<Kind> = one.content.iter().map(|content| content.kind).collect();
        let frames: Vec<u64> = one.frames.iter().map(|at| at.frame).collect();
        (outcome.verdict, kinds, frames)
    };
    // The first packet is frame 1 and the last is frame 6: frame 7 belongs to other traffic.
    let position = (Contradicted, vec![Kind::Position], vec![1, 2, 3, 5, 6]);
    assert_eq!(found(&names, false), position);
    // What a name that was looked up carries is content as well.
    assert_eq!(found(&names, true), position);
    let (verdict, mut kinds, frames) = found(&any, false);
    kinds.sort();
    let mut both = vec![Kind::Position, Kind::Email];
    both.sort();
    assert_eq!((verdict, kinds), (Contradicted, both));
    let two = own("id = \"sent\"\ntraffic = \"content\"\ncontent = [\"position\", \"e-mail\"]\n");
    assert_eq!(found(&two, false).1.len(), 2);
    assert_eq!(frames, [1, 2, 3, 4, 5, 6]);
    // Another kind than the rule's is none.
    let mut sent = destination(&to("x.example", App, traffic(90, 90)));
    sent.views[0].content.add(hit(Kind::Email, 4));
    assert_eq!(
        judged_on(&names, vec![sent], Hand::default()).verdict,
        Consistent
    );
}

#[test]
fn content_that_a_claim_calls_unread_itself_is_told_once() {
    let twice = own(
        "id = \"sent\"\ntraffic = \"content\"\n[[rule]]\nid = \"sealed\"\ntraffic = \"unread\"\nweight = \"suspect\"\n",
    );
    let once = own("id = \"sent\"\ntraffic = \"content\"\n");
    let contact = own("id = \"seen\"\ntraffic = \"contact\"\n");
    let mut sealed = traffic(500, 9);
    sealed.out.unread = 500;
    for (claim, expected) in [
        (&twice, &["sealed"][..]),
        (&once, &["payload-unread"]),
        (&contact, &["seen"]),
    ] {
        let outcome = judged(claim, one(to("x.example", App, sealed)));
        let ids: Vec<&str> = outcome.findings.iter().map(|f| f.rule.as_str()).collect();
        assert_eq!(ids, expected);
    }
}

#[test]
fn doubt_about_a_condition_is_suspect_of_the_app_and_of_whom_nobody_knows() {
    let claim =
        own("id = \"sent\"\ntraffic = \"payload\"\njurisdictions = { inside = [\"CN\"] }\n");
    let ids = |whose, host| {
        let to = To {
            host,
            ..to("x.example", whose, traffic(90, 90))
        };
        let outcome = judged(&claim, one(to));
        let ids: Vec<String> = outcome.reasons.iter().map(|r| r.id.clone()).collect();
        ids.join(" ")
    };
    for (whose, host, expected) in [
        (App, None, "name-unsure"),
        (Vendor, Some("x.example"), "name-unsure"),
        (Unknown, None, "unattributed-internet"),
        (Shared, Some("x.example"), "unattributed-internet"),
        (Unknown, Some("api.dji.com"), "unattributed-internet"),
        (Vendor, Some("api.dji.com"), "sent"),
        (Os, None, ""),
        (OtherApp, Some("api.dji.com"), ""),
        (OtherDevice, None, ""),
    ] {
        assert_eq!(ids(whose, host), expected, "{whose:?} {host:?}");
    }
}

#[test]
fn an_exempt_name_says_why_it_is_not_enough() {
    let claim = claim("local-data-mode:map-toggle");
    let but = |out| {
        let outcome = judged(&claim, one(to("api.mapbox.com", App, traffic(out, 9))));
        let why = outcome.findings[0].account.why.clone();
        why.into_iter().find_map(|fact| match fact {
            Fact::Exempt { but, .. } => Some(but),
            _ => None,
        })
    };
    assert_eq!(but(OS_BYTES_OUT_MAX), Some(Some(NotExempt::NameAlone)));
    let more = OS_BYTES_OUT_MAX + 1;
    assert_eq!(but(more), Some(Some(NotExempt::TooMuch(more))));
}

#[test]
fn uploads_are_summed_by_receiver_and_by_what_the_claim_asks_about() {
    let claim = claim("no-unshared-upload");
    let ids = |destinations: Vec<To>| {
        let hand = Hand {
            destinations,
            ..Hand::default()
        };
        let outcome = judged(&claim, hand);
        let ids: Vec<String> = outcome.reasons.iter().map(|r| r.id.clone()).collect();
        ids.join(" ")
    };
    let half = |host, whose, ip| To {
        host,
        ip: Some(ip),
        ..to("x.example", whose, traffic(40_000, 9))
    };
    let (one, other) = (Some("x.example"), Some("y.example"));
    for (rows, expected) in [
        (vec![half(one, App, US)], ""),
        (
            vec![half(one, App, US), half(one, App, CN)],
            "unshared-upload",
        ),
        (vec![half(one, App, US), half(other, App, US)], ""),
        // Without a name, by operator: the place says that both are Amazon's.
        (
            vec![half(None, App, US), half(None, App, CN)],
            "unshared-upload",
        ),
        (
            vec![half(one, App, US), half(one, Unknown, CN)],
            "unattributed-internet upload-unsure",
        ),
        (
            vec![half(one, Unknown, US), half(one, Unknown, CN)],
            "unattributed-internet",
        ),
        (vec![half(one, App, US), half(one, OtherApp, CN)], ""),
        (vec![half(one, Os, US), half(one, Os, CN)], ""),
    ] {
        let told: Vec<_> = rows.iter().map(|r| (r.host, r.whose)).collect();
        assert_eq!(ids(rows), expected, "{told:?}");
    }
    // Of what one host took only a part went to the place that the rule is about.
    let abroad = own("id = \"sent\"\ntraffic = \"upload\"\nplaces = { outside = [\"US\"] }\n");
    let of = |country: &str, ip| To {
        place: Some(placed(&[country], Sure::Agreed, None)),
        ..half(one, App, ip)
    };
    for (rows, expected) in [
        (
            vec![of("US", US), of("CN", CN)],
            (Inconclusive, "upload-unsure"),
        ),
        (vec![of("CN", US), of("CN", CN)], (Contradicted, "sent")),
        (vec![of("US", US), of("US", CN)], (Consistent, "")),
    ] {
        let hand = Hand {
            destinations: rows,
            ..Hand::default()
        };
        let outcome = judged(&abroad, hand);
        let reason = outcome.reasons.first().map_or("", |reason| &reason.id);
        assert_eq!((outcome.verdict, reason), expected);
    }
    // A row that stands for many: whether one of them took so much cannot be said.
    for (out, back, verdict_is) in [
        (90_000, 9, Inconclusive),
        (40_000, 9, Consistent),
        (90_000, 90_000, Consistent),
    ] {
        let mut many = destination(&to("x.example", App, traffic(out, back)));
        many.key.folded = true;
        assert_eq!(
            judged_on(&claim, vec![many], Hand::default()).verdict,
            verdict_is,
            "{out} {back}"
        );
    }
}

#[test]
fn a_rule_looks_outside_of_all_its_events_or_inside_any_of_them() {
    let event = |kind: &str, second| {
        let at = |second| Bound::At(moment(second, 0).time);
        let spec = WindowSpec {
            start: at(second),
            end: at(second + 10),
        };
        (kind.to_owned(), spec)
    };
    let schedule = Schedule {
        marks: vec![
            event("lunch", 100),
            event("lunch", 200),
            event("flight", 300),
        ],
        ..Schedule::default()
    };
    let intervals = Intervals::new(&schedule, Timestamp::UNKNOWN).unwrap();
    let verdict = |key: &str, interval| {
        let rule = format!("id = \"sent\"\ntraffic = \"contact\"\n{key} = [\"lunch\"]\n");
        let hand = Hand {
            windows: vec![window(|_| true)],
            intervals: intervals.clone(),
            ..one(To {
                interval,
                ..to("x.example", App, traffic(9, 9))
            })
        };
        judged(&own(&rule), hand).verdict
    };
    let both = |interval| {
        (
            verdict("outside_events", interval),
            verdict("inside_events", interval),
        )
    };
    for (second, expected) in [
        (50, (Contradicted, Consistent)),
        (105, (Consistent, Contradicted)),
        (150, (Contradicted, Consistent)),
        (205, (Consistent, Contradicted)),
        (305, (Contradicted, Consistent)),
    ] {
        assert_eq!(both(intervals.of(moment(second, 0).time)), expected);
    }
    // What has no time may lie inside, and is taken off no list for it.
    assert_eq!(both(TIMELESS), (Contradicted, Contradicted));
}

#[test]
fn a_rule_names_hosts_one_by_one_or_all_below_a_domain() {
    let claim = own(
        "id = \"sent\"\ntraffic = \"payload\"\nscopes = [\"internet\", \"relayed\"]\nhosts = { inside = [\"*.a.example\", \"b.example\"] }\n",
    );
    for (host, verdict) in [
        ("x.a.example", Contradicted),
        ("y.x.a.example", Contradicted),
        ("b.example", Contradicted),
        // No address confirms that it is another's.
        ("a.example", Inconclusive),
        ("xa.example", Inconclusive),
        ("x.b.example", Inconclusive),
        ("c.example", Inconclusive),
    ] {
        for scope in [Scope::Internet, Scope::Relayed] {
            let sent = To {
                scope,
                ..to(host, App, traffic(90, 90))
            };
            assert_eq!(judged(&claim, one(sent)).verdict, verdict, "{host}");
        }
    }
}

#[test]
fn an_address_confirms_a_name_by_any_of_its_operators_where_nobody_rents() {
    let name = "connectivitycheck.gstatic.com";
    let mut row = Catalog::embedded().lookup(name).unwrap().clone();
    row.operators = ["google", "amazon"].map(ToOwned::to_owned).to_vec();
    for (operator, tenants, confirmed) in [
        (Some("google"), Some(false), true),
        (Some("amazon"), Some(false), true),
        (Some("amazon"), None, true),
        (Some("amazon"), Some(true), false),
        (Some("microsoft"), Some(false), false),
        (None, Some(false), false),
        (None, None, false),
    ] {
        let sent = destination(&To {
            place: Some(Location {
                tenants,
                ..placed(&["US"], Sure::Agreed, operator)
            }),
            ..to(name, App, traffic(9, 9))
        });
        let got = on_hand(Vec::new(), Vec::new(), |case| confirms(&sent, &row, case));
        assert_eq!(got, confirmed, "{operator:?} {tenants:?}");
    }
}

#[test]
fn a_suspect_rule_gives_its_reason_for_the_app_and_for_whom_the_claim_suspects() {
    let claim = own("id = \"sent\"\ntraffic = \"payload\"\nweight = \"suspect\"\n");
    let suspect = (Inconclusive, "sent".to_owned());
    let nothing = (Consistent, String::new());
    for (whose, expected) in [
        (App, &suspect),
        (Vendor, &suspect),
        (Unknown, &suspect),
        (ThirdParty, &suspect),
        (Os, &nothing),
        (OtherApp, &nothing),
        (OtherDevice, &nothing),
    ] {
        let outcome = judged(&claim, one(to("x.example", whose, traffic(90, 90))));
        let ids: Vec<String> = outcome.reasons.iter().map(|r| r.id.clone()).collect();
        assert_eq!(&(outcome.verdict, ids.join(" ")), expected, "{whose:?}");
    }
}

#[test]
fn what_is_exempt_has_role_and_owner_of_the_statement_and_needs_no_baseline() {
    let check = To {
        place: Some(Location {
            tenants: Some(false),
            ..placed(&["US"], Sure::Agreed, Some("google"))
        }),
        ..to("connectivitycheck.gstatic.com", Shared, traffic(900, 9))
    };
    let without = on_hand(vec![destination(&check)], Vec::new(), |case| {
        Baseline::of(case, Some(BaselineUse::WithoutApp))
    });
    let why = |role: &str, owner: &str| {
        let rule = format!(
            "id = \"sent\"\ntraffic = \"payload\"\n[exempt]\nroles = [\"{role}\"]\nowners = [\"{owner}\"]\n"
        );
        let hand = Hand {
            baseline: Some(&without),
            ..one(check.clone())
        };
        let claim = own(&rule);
        let outcome = judged(&claim, hand);
        assert_eq!(outcome.verdict, Consistent);
        let why = &outcome.findings[0].account.why;
        let exempt = why
            .iter()
            .any(|f| matches!(f, Fact::Exempt { but: None, .. }));
        let explained = why.iter().any(|f| matches!(f, Fact::Baseline(_)));
        (exempt, explained)
    };
    assert_eq!(why("os-connectivity", "Google"), (true, false));
    assert_eq!(why("os-connectivity", "Mapbox"), (false, true));
    assert_eq!(why("maps", "Google"), (false, true));
}

#[test]
fn what_is_out_of_a_rules_scope_is_no_part_of_an_upload() {
    let claim = own("id = \"sent\"\ntraffic = \"upload\"\nscopes = [\"internet\"]\n");
    for (other, verdict) in [
        (Scope::Internet, Contradicted),
        (Scope::Relayed, Consistent),
    ] {
        let half = |scope| To {
            scope,
            ..to("x.example", App, traffic(40_000, 9))
        };
        let hand = Hand {
            destinations: vec![half(Scope::Internet), half(other)],
            ..Hand::default()
        };
        assert_eq!(judged(&claim, hand).verdict, verdict, "{other:?}");
    }
}

#[test]
fn a_browser_is_thought_of_under_the_vendors_name_alone_and_a_lookup_is_as_sure_as_who_asked() {
    let claim = claim("local-data-mode");
    for (whose, browser) in [(Vendor, true), (App, false), (Unknown, false)] {
        let mut seen = destination(&to("www.dji.com", whose, traffic(9, 9)));
        seen.browsable = true;
        let outcome = judged_on(&claim, vec![seen], Hand::default());
        assert_eq!(outcome.findings[0].account.browser, browser, "{whose:?}");
    }
    let sure = |whose| {
        let hand = Hand {
            lookups: vec![lookup("api.example.com", whose, Scope::Relayed)],
            ..Hand::default()
        };
        judged(&claim, hand).findings[0].confidence
    };
    assert_eq!(
        [App, Vendor, Unknown].map(sure),
        [Confidence::High, Confidence::High, Confidence::Low]
    );
}
