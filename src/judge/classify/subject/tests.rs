//! What labels say, by hand: user ids, names that formats cut, and agents that act for others.

use super::*;
use crate::evidence::input::UidName;
use crate::evidence::ledger::Activity;
use crate::ground::label::LabelSource;
use crate::ground::moment::{Moment, Timestamp};

/// An own app, and what Android calls a further process of it.
const OWN: &str = "org.example.fly";
const OWN_SERVICE: &str = "org.example.fly:push";
const OTHER: &str = "org.example.mail";
/// Android's first user, and the same app of the second one.
const APP: u32 = 10_123;
const APP_OF_SECOND: u32 = 110_123;
const SYSTEM: u32 = 1000;

fn named(name: Option<&str>, cut: bool) -> Named {
    Named {
        pid: None,
        name: name.map(Into::into),
        cut,
    }
}

fn label(uid: Option<u32>, process: Option<&str>, effective: Option<&str>) -> App {
    App {
        source: LabelSource::Pktap,
        input: 0,
        uid,
        gid: None,
        process: named(process, false),
        effective: named(effective, false),
        first: Moment::NONE,
        packets: 1,
        activity: Activity::default(),
    }
}

fn own() -> Subject {
    Subject::new(&[Pattern::parse(OWN).unwrap()])
}

#[test]
fn a_label_means_the_app_another_one_or_nothing() {
    use Labelled::{Other, Subject as Own, Unsaid};
    let cut = |name| App {
        process: named(Some(name), true),
        ..label(None, None, None)
    };
    for (app, says) in [
        (label(None, Some(OWN), None), Own),
        (label(None, Some(OWN_SERVICE), None), Own),
        (label(None, Some(OTHER), None), Other),
        (label(Some(APP), Some(OTHER), None), Other),
        // The acting process beats the owner; the owner still accuses where it is the app.
        (label(None, Some(OTHER), Some(OWN)), Own),
        (label(None, Some(OWN), Some(OTHER)), Own),
        (label(None, Some("netd"), Some(OTHER)), Other),
        // An agent acts for others, whoever owns its socket.
        (label(None, Some("netd"), None), Unsaid),
        (label(Some(SYSTEM), Some(OTHER), None), Unsaid),
        (label(None, Some(OTHER), Some("netd")), Unsaid),
        // What is not known whole may be the app: here it can go on so, there it cannot.
        (cut("org.example.f"), Unsaid),
        (cut("org.example.m"), Other),
        // A user id or a number alone says nothing.
        (label(Some(APP), None, None), Unsaid),
        (label(None, Some("netd:x y"), None), Other),
        // Text with blanks behind the colon, or nothing on a side of it, is no process of a package.
        (label(None, Some("org.example.fly: flying"), None), Other),
        (label(None, Some("org.example.fly:"), None), Other),
        (label(None, Some(":push"), None), Other),
    ] {
        assert_eq!(own().says(&app, &[]), says, "{app:?}");
    }
}

#[test]
fn without_a_pattern_the_drone_apps_of_the_list_are_meant() {
    use Labelled::{Other, Subject as Own, Unsaid};
    let any = Subject::new(&[]);
    for (app, says) in [
        (label(None, Some("dji.go.v5"), None), Own),
        (label(None, Some("dji.go.v5:push"), None), Own),
        (label(None, Some(OTHER), None), Other),
        // A user id without a name may be any app's.
        (label(Some(APP), None, None), Unsaid),
    ] {
        assert_eq!(any.says(&app, &[]), says, "{app:?}");
    }
}

#[test]
fn a_user_id_is_the_apps_own_where_android_gives_it_to_one_app() {
    let uid = |uid, process, effective| own().own_uid(&label(uid, process, effective), &[]);
    for (id, expected) in [
        (APP, Some(APP)),
        (APP_OF_SECOND, Some(APP_OF_SECOND)),
        (10_000, Some(10_000)),
        (19_999, Some(19_999)),
        (9_999, None),
        (20_000, None),
        (SYSTEM, None),
    ] {
        assert_eq!(uid(Some(id), Some(OWN), None), expected, "{id}");
    }
    assert_eq!(uid(None, Some(OWN), None), None);
    assert_eq!(uid(Some(APP), Some(OTHER), None), None);
    // It acts for the app, and is somebody else.
    assert_eq!(uid(Some(APP), Some(OTHER), Some(OWN)), None);
}

#[test]
fn the_names_behind_a_user_id_are_those_of_its_own_input() {
    let mut inputs = [0, 1].map(|_| InputFacts::by_hand(Timestamp::UNKNOWN));
    let name = |package: &str, app: &str| UidName {
        package: package.into(),
        app: app.into(),
    };
    inputs[1].uid_names.insert(
        APP,
        [name(OWN, "Fly"), name("", "Fly"), name("its.second", "")].into(),
    );
    let of = |input, process| {
        let app = App {
            input,
            ..label(Some(APP), process, None)
        };
        let names = Names::of(&app, &inputs);
        let shown = names.shown().map(ToOwned::to_owned);
        let all: Vec<String> = names.process.into_iter().map(|(name, _)| name).collect();
        (all, shown, own().says(&app, &inputs))
    };
    assert_eq!(of(0, None), (vec![], None, Labelled::Unsaid));
    let (mut all, shown, says) = of(1, None);
    assert_eq!(shown.as_ref(), all.first());
    all.sort();
    assert_eq!(
        (all.join(" "), says),
        (format!("Fly its.second {OWN}"), Labelled::Subject)
    );
    // A name that the label gives itself comes first, and none twice.
    let (all, shown, _) = of(1, Some("Fly"));
    assert_eq!((all.len(), shown.as_deref()), (3, Some("Fly")));
    // The acting process is the one that is shown.
    let acting = Names::of(&label(None, Some(OTHER), Some(OWN)), &[]);
    assert_eq!(acting.shown(), Some(OWN));
}

#[test]
fn a_pattern_that_matches_nothing_is_told_with_what_comes_near() {
    let two = Subject::new(&[OWN, "uid:10199"].map(|text| Pattern::parse(text).unwrap()));
    let unmatched = |uid, names: &[&str]| {
        let app = label(uid, None, None);
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        two.unmatched(&[(&app, names)])
    };
    let patterns = |found: Vec<(String, Vec<String>)>| {
        let of = found.into_iter().map(|(pattern, _)| pattern);
        of.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(patterns(unmatched(Some(10_199), &[OWN_SERVICE])), "");
    assert_eq!(patterns(unmatched(Some(APP), &[OWN])), "uid:10199");
    let none = unmatched(Some(APP), &["org.example.fly2"]);
    assert_eq!(patterns(none.clone()), format!("{OWN} uid:10199"));
    assert_eq!(none[0].1, ["org.example.fly2"]);
}

#[test]
fn one_name_of_an_agent_is_enough_and_one_label_of_several_matches_a_pattern() {
    let mut inputs = [InputFacts::by_hand(Timestamp::UNKNOWN)];
    let named = |app: &str| UidName {
        package: OTHER.into(),
        app: app.into(),
    };
    for (title, says) in [("netd", Labelled::Unsaid), ("Mail", Labelled::Other)] {
        inputs[0].uid_names.insert(APP, [named(title)].into());
        let app = label(Some(APP), None, None);
        assert_eq!(own().says(&app, &inputs), says, "{title}");
    }
    let (fly, mail) = (label(None, None, None), label(None, None, None));
    let seen = [
        (&mail, vec![OTHER.to_owned()]),
        (&fly, vec![OWN.to_owned()]),
    ];
    assert!(own().unmatched(&seen).is_empty());
}
