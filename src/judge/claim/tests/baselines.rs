//! What a second recording explains, and what it says of the app.

use super::*;
use crate::ground::interval::Bound;
use crate::judge::claim::{baseline, silence};

/// A baseline made of destinations and lookups by hand.
fn baseline(
    destinations: &[To],
    lookups: Vec<Lookup>,
    declared: Option<baseline::BaselineUse>,
) -> Baseline {
    let destinations = destinations.iter().map(destination).collect();
    on_hand(destinations, lookups, |case| Baseline::of(case, declared))
}

#[test]
fn a_baseline_without_the_app_explains_the_same_name_at_the_same_address() {
    let push = |whose| to("mtalk.google.com", whose, traffic(900, 900));
    let asked = || lookup("mtalk.google.com", Shared, Scope::Relayed);
    let without = baseline(
        &[push(Shared)],
        vec![asked()],
        Some(baseline::BaselineUse::WithoutApp),
    );
    let with = |to: To| Hand {
        lookups: vec![asked()],
        baseline: Some(&without),
        ..one(to)
    };
    gives("local-data-mode", with(push(Shared)), Consistent, &[]);
    // Another address, another name, or much more than the phone sends by itself.
    for other in [
        To {
            host: Some("alt1-mtalk.google.com"),
            ..push(Shared)
        },
        To {
            host: None,
            ..push(Unknown)
        },
        To {
            traffic: traffic(3_601, 9),
            ..push(Shared)
        },
    ] {
        gives("local-data-mode", with(other), Inconclusive, UNNAMED);
    }
    // What accuses is never explained.
    gives(
        "local-data-mode",
        with(push(App)),
        Contradicted,
        &["app-contact"],
    );
}

#[test]
fn a_baseline_that_shows_the_app_explains_nothing() {
    use baseline::BaselineUse::{Undeclared, WithoutApp, WithoutMode};
    let push = to("mtalk.google.com", Shared, traffic(900, 900));
    let vendor = to("api.dji.com", Vendor, traffic(900, 900));
    for (seen, declared, kind, doubt) in [
        (vec![push.clone()], Some(WithoutApp), WithoutApp, false),
        (vec![push.clone()], None, Undeclared, true),
        (vec![push.clone()], Some(WithoutMode), WithoutMode, false),
        (vec![push.clone(), vendor.clone()], None, WithoutMode, false),
        (
            vec![push.clone(), vendor],
            Some(WithoutApp),
            WithoutMode,
            true,
        ),
    ] {
        let made = baseline(&seen, Vec::new(), declared);
        assert_eq!((made.kind, made.doubt.is_some()), (kind, doubt));
        let push = destination(&push);
        let all = std::slice::from_ref(&push);
        let explained = made
            .explains(&push, 900, &baseline::Sent::of(all))
            .is_some();
        assert_eq!(explained, kind == WithoutApp);
    }
}

#[test]
fn the_apps_contacts_are_those_that_say_something_went_out_or_was_asked() {
    let at = |whose, second: i64| {
        let mut sent = traffic(9, 9);
        (sent.first, sent.last) = (moment(second, 1), moment(second + 1, 2));
        to("x.example", whose, sent)
    };
    let unsolicited = {
        let mut seen = at(App, 50);
        seen.traffic.out = Sent::default();
        seen
    };
    let asked = |whose, scope, second| Lookup {
        asked: BTreeMap::from([(0, (1, moment(second, 1), moment(second, 1)))]),
        ..lookup("y.example", whose, scope)
    };
    let made = baseline(
        &[
            at(App, 10),
            at(Vendor, 20),
            at(Unknown, 30),
            at(Os, 40),
            unsolicited,
        ],
        vec![
            asked(App, Scope::Relayed, 60),
            asked(Vendor, Scope::Internet, 70),
            asked(Unknown, Scope::Internet, 80),
            // What stays on the site is no contact.
            asked(App, Scope::Local, 90),
        ],
        None,
    );
    let mut contacts = made.contacts;
    contacts.sort();
    contacts.dedup();
    let times = [10, 11, 20, 21, 60, 70].map(|second| moment(second, 1).time);
    assert_eq!(contacts, times);
}

#[test]
fn a_baseline_in_which_the_subject_is_at_work_is_one_without_the_mode() {
    use baseline::BaselineUse::{Undeclared, WithoutApp, WithoutMode};
    let kind = |slots: &[i64], declared| {
        on_hand(Vec::new(), Vec::new(), |case| {
            let at_work = WindowCoverage {
                active: slots.iter().map(|second| moment(*second, 1).time).collect(),
                ..window(|_| true)
            };
            Baseline::of(&case.with(vec![at_work]), declared).kind
        })
    };
    assert_eq!(kind(&[], Some(WithoutApp)), WithoutApp);
    assert_eq!(kind(&[10], Some(WithoutApp)), WithoutMode);
    assert_eq!(kind(&[], None), Undeclared);
    assert_eq!(kind(&[10], None), WithoutMode);
}

#[test]
fn a_lookup_is_explained_where_the_phone_asks_by_itself() {
    use baseline::BaselineUse::{Undeclared, WithoutApp};
    let explained = |name: &str, whose, declared| {
        let made = baseline(
            &[],
            vec![lookup("a.example", Shared, Scope::Relayed)],
            Some(declared),
        );
        let asked = lookup(name, whose, Scope::Relayed);
        made.explains_lookup(&asked).is_some()
    };
    assert!(explained("a.example", Shared, WithoutApp));
    assert!(!explained("b.example", Shared, WithoutApp));
    assert!(!explained("a.example", Shared, Undeclared));
    assert!(!explained("a.example", Vendor, WithoutApp));
}

#[test]
fn four_times_as_much_is_explained_and_a_byte_more_is_not() {
    let made = |bytes| {
        let of = to("mtalk.google.com", Shared, traffic(bytes, 9));
        baseline(&[of], Vec::new(), Some(baseline::BaselineUse::WithoutApp))
    };
    let explains = |whose, bytes| {
        let sent = destination(&to("mtalk.google.com", whose, traffic(bytes, 9)));
        let all = baseline::Sent::of(std::slice::from_ref(&sent));
        made(900).explains(&sent, bytes, &all).is_some()
    };
    assert!(explains(Shared, 3_600) && !explains(Shared, 3_601));
    assert!(explains(Unknown, 3_600) && explains(ThirdParty, 3_600));
    for whose in [App, Vendor, Os, OtherApp] {
        assert!(!explains(whose, 9), "{whose:?}");
    }
}

#[test]
fn a_host_is_one_receiver_at_all_addresses_of_its_operator() {
    let at = |ip, bytes, frame| To {
        ip: Some(ip),
        traffic: Traffic {
            first: moment(100, frame),
            ..traffic(bytes, 9)
        },
        ..to("mtalk.google.com", Shared, traffic(0, 0))
    };
    let seen = [at(US, 500, 7), at(CN, 400, 3)];
    let made = baseline(&seen, Vec::new(), Some(baseline::BaselineUse::WithoutApp));
    let explained = |second| {
        let all = [at(US, 1_800, 1), at(CN, second, 2)].map(|to| destination(&to));
        made.explains(&all[0], 1_800, &baseline::Sent::of(&all))
    };
    assert_eq!(explained(1_800), Some(Explained::NameAtOperator(3)));
    assert_eq!(explained(1_801), None);
}

#[test]
fn steps_of_a_baseline_follow_each_other_and_are_as_long_as_the_gap_between_bursts() {
    let marks = baseline::steps().marks;
    assert!(marks.len() > 900);
    let after = |step: i64| Bound::After(step * silence::BURST_GAP);
    for (step, (_, spec)) in (0..).zip(&marks) {
        assert_eq!((spec.start, spec.end), (after(step), after(step + 1)));
    }
}
