//! What labels come to, on labels by hand.

use super::*;
use crate::evidence::Devices;
use crate::evidence::input::{InputFacts, UidName};
use crate::ground::interval::Intervals;
use crate::ground::label::Label;
use crate::judge::by_hand::{at, series};
use crate::judge::classify::app_pattern::Pattern;
use crate::judge::classify::catalog::Catalog;
use crate::judge::classify::subject::Subject;
use crate::judge::locate::Locator;

const OWN: &str = "org.example.fly";
const OTHER: &str = "org.example.mail";
const APP: u32 = 10_123;

/// A label: user id, owner of the socket, acting process.
type Given<'t> = (Option<u32>, Option<&'t str>, Option<&'t str>);

/// The labels of a series with these, the first in second 1 and so on, and the names of user ids.
fn labels(
    given: &[Given<'_>],
    names: &[(u32, &str, &str)],
    cut: (bool, bool),
) -> (Vec<AppId>, Labels) {
    let mut of = series(Vec::new());
    let mut ids = Vec::new();
    for (number, (uid, process, effective)) in given.iter().enumerate() {
        let mut label = Label::of(LabelSource::Pktap);
        label.uid = *uid;
        label.process.name = process.map(str::as_bytes);
        label.effective.name = effective.map(str::as_bytes);
        (label.process.cut, label.effective.cut) = cut;
        let second = 1 + number as u64;
        ids.extend(of.ledger.apps.packet(&label, 0, at(second)).unwrap());
    }
    let mut input = InputFacts::by_hand(at(0).time);
    for (uid, package, app) in names {
        let of = input.uid_names.entry(*uid).or_default();
        of.insert(UidName {
            package: (*package).into(),
            app: (*app).into(),
        });
    }
    let evidence = crate::evidence::Evidence {
        inputs: vec![input],
        series: vec![of],
        intervals: Intervals::default(),
    };
    let locator = Locator::embedded().unwrap();
    let basis = Basis {
        evidence: &evidence,
        catalog: Catalog::embedded(),
        locator: &locator,
        local: &[],
        devices: &Devices::default(),
        subject: &Subject::new(&[Pattern::parse(OWN).unwrap()]),
    };
    let labels = Labels::new(&evidence.series[0], &basis);
    (ids, labels)
}

#[test]
fn a_label_shows_who_acts_and_whose_socket_it_is() {
    let one = |given: Given<'_>, names: &[(u32, &str, &str)]| {
        let (ids, labels) = labels(&[given], names, (true, false));
        let of = labels.of(&ids).unwrap();
        assert_eq!(labels.is_subject(ids[0]), of.says == Labelled::Subject);
        of
    };
    let plain = one((None, Some(OTHER), None), &[]);
    assert_eq!(plain.name.as_deref(), Some(OTHER));
    assert_eq!(
        (plain.owner.as_deref(), plain.cut, plain.says),
        (None, true, Labelled::Other)
    );
    let acting = one((None, Some("netd"), Some(OTHER)), &[]);
    assert_eq!(acting.name.as_deref(), Some(OTHER));
    assert_eq!((acting.owner.as_deref(), acting.cut), (Some("netd"), false));
    assert_eq!(acting.says, Labelled::Other);
    // One that acts for itself has no owner besides.
    let same = one((None, Some(OTHER), Some(OTHER)), &[]);
    assert_eq!(same.owner, None);
    // Further names are of the owner: where another one acts they are not the app's.
    let names = [(APP, OTHER, "Mail")];
    let titled = one((Some(APP), None, None), &names);
    assert_eq!(
        (titled.name.as_deref(), &titled.also[..]),
        (Some(OTHER), &["Mail".to_owned()][..])
    );
    assert_eq!(one((Some(APP), None, Some("netd")), &names).also, [""; 0]);
    assert_eq!(one((None, None, Some(OWN)), &[]).says, Labelled::Subject);
}

#[test]
fn what_runs_under_the_apps_user_id_is_the_apps() {
    let (ids, labels) = labels(
        &[
            (Some(APP), Some(OWN), None),
            (Some(APP), Some("helper"), None),
            (Some(APP + 1), Some("helper"), None),
            (None, Some("helper"), None),
        ],
        &[],
        (false, false),
    );
    let says: Vec<Labelled> = ids
        .iter()
        .map(|id| labels.of(&[*id]).unwrap().says)
        .collect();
    use Labelled::{Other, Subject as Own};
    assert_eq!(says, [Own, Own, Other, Other]);
    // Of several labels the one that says most, and of equal ones always the same.
    assert_eq!(labels.of(&[ids[2], ids[1]]).unwrap().says, Own);
    let equal = [labels.of(&[ids[2], ids[3]]), labels.of(&[ids[3], ids[2]])];
    assert!(equal[0] == equal[1] && equal[0].is_some());
    assert!(labels.of(&[]).is_none() && !labels.is_subject(ids[2]));
    // One that the series does not have.
    let (_, none) = self::labels(&[], &[], (false, false));
    assert!(!none.is_subject(ids[0]) && none.of(&ids).is_none());
}

#[test]
fn an_app_is_listed_once_with_its_packets_and_its_first() {
    // The same app under two process ids is one, as reports list it.
    let mut of = series(Vec::new());
    for (pid, second) in [(1, 5), (2, 3), (2, 4)] {
        let mut label = Label::of(LabelSource::Pktap);
        (label.process.pid, label.process.name) = (Some(pid), Some(OTHER.as_bytes()));
        of.ledger.apps.packet(&label, 0, at(second)).unwrap();
    }
    let mut label = Label::of(LabelSource::Pktap);
    label.process.name = Some(OWN.as_bytes());
    of.ledger.apps.packet(&label, 0, at(2)).unwrap();
    let judged = crate::judge::by_hand::judged(vec![of], &Default::default());
    let seen: Vec<_> = judged.labels[0]
        .seen
        .iter()
        .map(|seen| (seen.app.name.as_deref(), seen.first, seen.packets))
        .collect();
    assert_eq!(seen, [(Some(OWN), at(2), 1), (Some(OTHER), at(3), 3)]);
}
