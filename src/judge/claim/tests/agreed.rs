//! What an allowance takes out of the verdict, and what it does not.

use super::*;
use crate::ground::place::Place;
use crate::judge::agreement::HostPattern;
use crate::judge::classify::attribution::OS_BYTES_OUT_MAX;

/// A name of which the catalog knows the operator.
const CHECK: &str = "connectivitycheck.gstatic.com";

/// For these names, with a day after that of the evidence.
fn allowance(hosts: &[&str]) -> Allowance {
    Allowance {
        id: "deal".into(),
        claims: Vec::new(),
        hosts: hosts
            .iter()
            .map(|host| HostPattern::Exact((*host).to_owned()))
            .collect(),
        addresses: Vec::new(),
        apps: Vec::new(),
        reason: "agreed".into(),
        expires: jiff::civil::date(2030, 1, 1),
        budget_bytes: None,
        place: Place {
            file: "case.toml".into(),
            line: 1,
            column: 1,
        },
        claim_places: Vec::new(),
    }
}

/// Sent by the app to a name, at an address of Google's own.
fn sent(host: &'static str, bytes: u64) -> To {
    To {
        place: Some(Location {
            tenants: Some(false),
            ..placed(&["US"], Sure::Agreed, Some("google"))
        }),
        ..to(host, App, traffic(bytes, 10))
    }
}

fn verdict(allowances: &[Allowance], destinations: Vec<To>) -> Verdict {
    let hand = Hand {
        destinations,
        allowances,
        ..Hand::default()
    };
    judged(&claim("local-data-mode"), hand).verdict
}

#[test]
fn a_name_alone_is_allowed_at_its_owners_address_and_for_little() {
    let by_name = allowance(&[CHECK, "x.example"]);
    let budget = |bytes| Allowance {
        budget_bytes: Some(bytes),
        ..by_name.clone()
    };
    let us = Allowance {
        addresses: vec!["52.218.0.0/16".parse().unwrap()],
        ..by_name.clone()
    };
    let rented = |host| To {
        place: Some(placed(&["US"], Sure::Agreed, Some("google"))),
        ..sent(host, 10)
    };
    let listed = allowance(&[CHECK, "time.windows.com"]);
    let at = |host| To {
        ip: Some("168.61.215.74"),
        ..rented(host)
    };
    let much = OS_BYTES_OUT_MAX + 1;
    for (allowed, of, verdict_is) in [
        (&by_name, sent(CHECK, 10), Consistent),
        (&by_name, sent(CHECK, OS_BYTES_OUT_MAX), Consistent),
        (&by_name, sent(CHECK, much), Contradicted),
        (&budget(much), sent(CHECK, much), Consistent),
        (&budget(much - 1), sent(CHECK, much), Contradicted),
        // Where customers rent addresses, and where the catalog knows no owner.
        (&by_name, rented(CHECK), Contradicted),
        (&by_name, sent("x.example", 10), Contradicted),
        (&budget(much), rented(CHECK), Contradicted),
        // An address of the catalog's list, of the name's owner and of another.
        (&listed, at("time.windows.com"), Consistent),
        (&listed, at(CHECK), Contradicted),
        // The parties said which addresses those are.
        (&us, rented(CHECK), Consistent),
        (&us, sent("x.example", much), Consistent),
        (
            &us,
            To {
                ip: Some(CN),
                ..sent(CHECK, 10)
            },
            Contradicted,
        ),
        // Another name than those agreed on.
        (&us, sent("api.example", 10), Contradicted),
    ] {
        let (host, bytes) = (of.host, of.traffic.out.bytes);
        let got = verdict(std::slice::from_ref(allowed), vec![of]);
        assert_eq!(got, verdict_is, "{host:?} {bytes} {allowed:?}");
    }
}

#[test]
fn an_allowance_ends_with_its_day_and_with_its_budget_over_all_it_covers() {
    let of = || vec![sent(CHECK, 600), sent("connectivitycheck.android.com", 500)];
    let both = allowance(&[CHECK, "connectivitycheck.android.com"]);
    let budget = |bytes| Allowance {
        budget_bytes: Some(bytes),
        ..both.clone()
    };
    for (allowed, verdict_is) in [
        (both.clone(), Consistent),
        (budget(1_100), Consistent),
        (budget(1_099), Contradicted),
        (
            Allowance {
                expires: jiff::civil::date(2025, 6, 14),
                ..both.clone()
            },
            Contradicted,
        ),
        (
            Allowance {
                // The day of the evidence itself.
                expires: jiff::civil::date(2025, 6, 15),
                ..both.clone()
            },
            Consistent,
        ),
        (
            Allowance {
                claims: vec!["us-storage".into()],
                ..both.clone()
            },
            Contradicted,
        ),
        (allowance(&[CHECK]), Contradicted),
    ] {
        assert_eq!(
            verdict(std::slice::from_ref(&allowed), of()),
            verdict_is,
            "{allowed:?}"
        );
    }
    // What one does not cover, another may; what the first one took is none of the second's.
    let two = [
        Allowance {
            budget_bytes: Some(600),
            ..allowance(&[CHECK])
        },
        budget(500),
    ];
    assert_eq!(verdict(&two, of()), Consistent);
}

#[test]
fn what_many_conversations_were_folded_into_is_never_allowed() {
    let allowed = [allowance(&[CHECK])];
    let hand = || Hand {
        allowances: &allowed,
        ..Hand::default()
    };
    let claim = claim("local-data-mode");
    for (folded, verdict_is) in [(false, Consistent), (true, Contradicted)] {
        let mut one = destination(&sent(CHECK, 10));
        one.key.folded = folded;
        assert_eq!(judged_on(&claim, vec![one], hand()).verdict, verdict_is);
    }
}

#[test]
fn an_allowance_for_an_app_needs_its_whole_name() {
    use crate::ground::label::LabelSource;
    use crate::judge::classify::app_pattern::Pattern;
    use crate::judge::classify::labels::Labelling;
    use crate::judge::classify::subject::Labelled;
    let allowed = [Allowance {
        apps: vec![Pattern::parse("org.example.fly").unwrap()],
        ..allowance(&[CHECK])
    }];
    let claim = claim("local-data-mode");
    let app = |name: &str, cut| {
        Arc::new(Labelling {
            name: Some(name.into()),
            uid: None,
            source: LabelSource::Pktap,
            owner: None,
            also: Vec::new(),
            cut,
            says: Labelled::Subject,
        })
    };
    let whole = app("org.example.fly", false);
    for (app, verdict_is) in [
        (Some(&whole), Consistent),
        (Some(&app("org.example.fly", true)), Contradicted),
        (Some(&app("org.example.mail", false)), Contradicted),
        (None, Contradicted),
    ] {
        let hand = || Hand {
            allowances: &allowed,
            ..Hand::default()
        };
        let mut sent = destination(&sent(CHECK, 10));
        sent.key.app = app.cloned();
        let went = judged_on(&claim, vec![sent], hand()).verdict;
        let asked = Lookup {
            app: app.cloned(),
            ..lookup(CHECK, App, Scope::Relayed)
        };
        let hand = Hand {
            lookups: vec![asked],
            ..hand()
        };
        assert_eq!(
            (went, judged(&claim, hand).verdict),
            (verdict_is, verdict_is)
        );
    }
}

/// A lookup goes to a resolver, so that its name says all there is, unless answers are known and the parties named addresses.
#[test]
fn a_lookup_is_allowed_by_its_name_and_by_where_its_answers_lie() {
    let by_name = allowance(&["api.dji.com"]);
    let at = |network: &str| Allowance {
        addresses: vec![network.parse().unwrap()],
        ..by_name.clone()
    };
    let (amazon, all) = (at("52.218.0.0/16"), at("0.0.0.0/0"));
    let both: &[&str] = &[US, CN];
    for (allowed, name, answers, verdict_is) in [
        (&by_name, "api.dji.com", both, Consistent),
        (&by_name, "www.dji.com", both, Contradicted),
        (&amazon, "api.dji.com", &both[..1], Consistent),
        (&amazon, "api.dji.com", both, Contradicted),
        (&amazon, "api.dji.com", &[], Contradicted),
        (&all, "api.dji.com", both, Consistent),
    ] {
        let asked = Lookup {
            answers: answers.iter().map(|ip| ip.parse().unwrap()).collect(),
            ..lookup(name, Vendor, Scope::Relayed)
        };
        let hand = Hand {
            lookups: vec![asked],
            allowances: std::slice::from_ref(allowed),
            ..Hand::default()
        };
        let verdict = judged(&claim("local-data-mode"), hand).verdict;
        assert_eq!(verdict, verdict_is, "{name} {answers:?} {allowed:?}");
    }
}

#[test]
fn what_is_allowed_is_no_part_of_a_reason() {
    let allowed = [allowance(&[CHECK])];
    let hand = Hand {
        destinations: vec![sent(CHECK, 10), sent("x.example", 10)],
        allowances: &allowed,
        ..Hand::default()
    };
    let claim = claim("local-data-mode");
    let outcome = judged(&claim, hand);
    let [reason] = outcome.reasons.as_slice() else {
        panic!("{:?}", outcome.reasons);
    };
    let Why::Findings(first, more) = &reason.why else {
        panic!("{reason:?}");
    };
    assert_eq!((first.about, *more), (About::Destination(1), 0));
}
