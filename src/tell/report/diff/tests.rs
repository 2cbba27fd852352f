//! Comparisons of hand-built reports.

use super::*;
use crate::tell::explain::{IdKind, library};
use crate::tell::report::sample::word;
use crate::tell::report::v1::{Destination, Report};
use crate::tell::report::{sample, table};

/// A report with these destinations, without gaps and lookups.
fn report(destinations: Vec<Destination>) -> Report {
    let mut report = sample::report();
    report.coverage.gaps.clear();
    report.lookups.clear();
    report.findings.clear();
    report.scope.windows.clear();
    report.destinations = destinations;
    report
}

fn at(host: &str, ip: &str, asn: Option<u32>) -> Destination {
    let mut one = sample::destination("D1", "vendor", host);
    one.ip = Some(ip.to_owned());
    one.asn = asn;
    one
}

fn given(report: &Report) -> Given {
    Given {
        report: report.clone(),
        as_report: true,
        path: "r.json".to_owned(),
    }
}

fn diff(before: &Report, after: &Report) -> Diff {
    between(&given(before), &given(after))
}

/// Status, news and ids of changes of the rows.
fn said(before: Vec<Destination>, after: Vec<Destination>) -> Vec<(String, bool, String)> {
    let diff = diff(&report(before), &report(after));
    let rows = diff.destinations.into_iter().map(|row| {
        let ids: Vec<String> = row.changes.into_iter().map(|c| c.id).collect();
        (row.status.to_string(), row.news, ids.join(" "))
    });
    rows.collect()
}

fn one(status: &str, news: bool, ids: &str) -> Vec<(String, bool, String)> {
    vec![(status.to_owned(), news, ids.to_owned())]
}

#[test]
fn a_report_does_not_differ_from_itself() {
    let same = diff(&sample::report(), &sample::report());
    assert!(!same.news && same.destinations.is_empty() && same.lookups.is_empty());
    assert_eq!(
        (same.destination_counts.same, same.lookup_counts.same),
        (4, 1)
    );
}

#[test]
fn a_name_is_one_destination_over_the_addresses_of_one_operator() {
    let home = || at("api.dji.com", "203.0.113.7", Some(64500));
    let near = at("api.dji.com", "203.0.113.8", Some(64500));
    let far = at("api.dji.com", "203.0.113.9", Some(64501));
    assert_eq!(
        said(vec![home()], vec![near.clone()]),
        one("changed", false, "further-address")
    );
    assert_eq!(
        said(vec![home(), near.clone()], vec![near]),
        one("", false, "")[1..].to_vec()
    );
    // Another operator is new, and the row says where the name was.
    assert_eq!(
        said(vec![home()], vec![home(), far.clone()]),
        one("new", true, "")
    );
    let noted = diff(&report(vec![home()]), &report(vec![home(), far]));
    assert_eq!(
        noted.destinations[0].notes,
        ["the baseline has this name at another operator: AS64500"]
    );
    // Without a database nothing shows that an address is the same operator's.
    let nowhere = |ip| at("api.dji.com", ip, None);
    let rows = said(vec![nowhere("203.0.113.7")], vec![nowhere("203.0.113.8")]);
    assert_eq!(
        rows.iter().map(|r| r.0.as_str()).collect::<Vec<_>>(),
        ["new", "gone"]
    );
    // An older database that does not know the address does not make it another operator's.
    assert_eq!(said(vec![nowhere("203.0.113.7")], vec![home()]), []);
    // A network that translates addresses does not either.
    let translated = at("api.dji.com", "64:ff9b::203.0.113.7", None);
    assert_eq!(said(vec![home()], vec![translated]), []);
}

#[test]
fn what_is_known_in_another_form_is_changed() {
    let home = || at("api.dji.com", "203.0.113.7", Some(64500));
    let with = |edit: fn(&mut Destination)| {
        let mut one = home();
        edit(&mut one);
        one
    };
    for (edit, news, ids) in [
        (
            (|d| d.stage = word("attempted")) as fn(&mut Destination),
            false,
            "stage",
        ),
        (|d| d.attribution = word("app"), false, "attribution"),
        (|d| d.attribution = word("os"), false, "attribution"),
        (
            |d| d.country_candidates = vec!["CN".into(), "US".into()],
            true,
            "place",
        ),
        (|d| d.bytes_out = 20_000_000, true, "bytes-out"),
        (|d| d.bytes_out = 19_999_999, false, ""),
        (|d| d.bytes_out = 0, false, "bytes-out"),
        (|d| d.app = Some(sample::fly()), false, "label"),
        (
            |d| (d.packets_out, d.flows, d.id) = (9, 9, "D7".into()),
            false,
            "",
        ),
    ] {
        let expected = if ids.is_empty() {
            vec![]
        } else {
            one("changed", news, ids)
        };
        assert_eq!(said(vec![home()], vec![with(edit)]), expected, "{ids}");
    }
    // What is worse the other way round.
    for (edit, ids) in [
        (
            (|d| d.stage = word("attempted")) as fn(&mut Destination),
            "stage",
        ),
        (|d| d.attribution = word("os"), "attribution"),
    ] {
        assert_eq!(
            said(vec![with(edit)], vec![home()]),
            one("changed", true, ids)
        );
    }
    // Beside what is known, a row of its own.
    for (edit, news, ids) in [
        (
            (|d| d.port = Some(8883)) as fn(&mut Destination),
            true,
            "further-port",
        ),
        (|d| d.transport = "udp".into(), false, "further-transport"),
        (|d| d.attribution = word("other-device"), true, "whose"),
    ] {
        let rows = said(vec![home()], vec![home(), with(edit)]);
        assert_eq!(rows, one("changed", news, ids));
    }
    // Ports that were picked for the moment are one.
    let peer = |port| {
        let mut peer = home();
        peer.port = Some(port);
        peer
    };
    assert_eq!(
        said(vec![peer(50_001)], vec![peer(61_000), peer(40_000)]),
        []
    );
}

#[test]
fn apps_are_compared_where_both_sides_name_them() {
    let labelled = |name: &str, attribution: &str| {
        let mut one = at("www.dji.com", "203.0.113.7", Some(64500));
        one.attribution = word(attribution);
        let mut app = sample::fly();
        app.name = Some(name.into());
        one.app = Some(app);
        one
    };
    let browser = || labelled("com.android.chrome", "other-app");
    let subject = || labelled("dji.go.v5", "app");
    let plain = at("www.dji.com", "203.0.113.7", Some(64500));
    assert_eq!(said(vec![browser()], vec![browser()]), []);
    // The site was opened in a browser before; now the app itself goes there.
    let rows = said(vec![browser()], vec![browser(), subject()]);
    assert_eq!(rows, one("changed", true, "whose"));
    // Labels on one side only: compared as one, and the attribution tells.
    assert_eq!(
        said(vec![plain.clone()], vec![browser(), subject()]),
        one("changed", false, "attribution label")
    );
    assert_eq!(
        said(vec![browser()], vec![plain]),
        one("changed", true, "attribution label")
    );
}

#[test]
fn what_has_no_name_is_known_by_its_address() {
    let unnamed = |ip: &str| {
        let mut one = at("", ip, Some(64500));
        (one.host, one.host_source) = (None, None);
        one.names.clear();
        one.attribution = word("unknown");
        one
    };
    assert_eq!(
        said(vec![unnamed("203.0.113.7")], vec![unnamed("203.0.113.7")]),
        []
    );
    let rows = said(vec![unnamed("203.0.113.7")], vec![unnamed("203.0.113.8")]);
    assert_eq!(
        rows.iter().map(|r| (r.0.as_str(), r.1)).collect::<Vec<_>>(),
        [("new", true), ("gone", false)]
    );
    // The name is not said any more: nobody can say that it is the same.
    let named = at("api.dji.com", "203.0.113.7", Some(64500));
    let rows = said(vec![named], vec![unnamed("203.0.113.7")]);
    assert_eq!(
        (rows[0].0.as_str(), rows[0].1, rows[0].2.as_str()),
        ("changed", true, "name")
    );
    // Strangers knock at every address: listed, and no news.
    let mut knock = unnamed("198.51.100.1");
    knock.stage = word("unsolicited");
    assert_eq!(said(vec![], vec![knock]), one("new", false, ""));
    // A relay is the site's; its address says nothing.
    let relay = |ip: &str| {
        let mut one = unnamed("203.0.113.7");
        (one.ip, one.scope, one.port) = (None, word("relayed"), None);
        one.via = Some(v1::Via {
            ip: ip.into(),
            port: Some(853),
        });
        one
    };
    assert_eq!(
        said(vec![relay("192.168.1.1")], vec![relay("10.0.0.1")]),
        []
    );
}

#[test]
fn lookups_are_compared_by_name() {
    let lookup = |name: &str, scope: &str, attribution: &str| {
        let mut one = sample::report().lookups.remove(0);
        (one.name, one.scope, one.attribution) = (name.into(), word(scope), word(attribution));
        one
    };
    let with = |lookups: Vec<v1::Lookup>, destinations| Report {
        lookups,
        ..report(destinations)
    };
    let said = |before: &Report, after: &Report| {
        let rows = diff(before, after).lookups.into_iter().map(|row| {
            let ids: Vec<String> = row.changes.into_iter().map(|c| c.id).collect();
            (row.status.to_string(), row.news, ids.join(" "))
        });
        rows.collect::<Vec<_>>()
    };
    let quiet = with(vec![], vec![]);
    let asked = with(vec![lookup("api.dji.com", "relayed", "vendor")], vec![]);
    assert_eq!(said(&quiet, &asked), one("new", true, ""));
    assert_eq!(said(&asked, &quiet), one("gone", false, ""));
    let mut elsewhere = lookup("api.dji.com", "relayed", "vendor");
    (elsewhere.resolver, elsewhere.count) = ("10.0.0.1".into(), 77);
    assert_eq!(said(&asked, &with(vec![elsewhere], vec![])), []);
    let abroad = with(vec![lookup("api.dji.com", "internet", "vendor")], vec![]);
    assert_eq!(said(&asked, &abroad), one("changed", true, "scope"));
    assert_eq!(said(&abroad, &asked), one("changed", false, "scope"));
    let browser = with(vec![lookup("api.dji.com", "relayed", "other-app")], vec![]);
    assert_eq!(said(&browser, &asked), one("changed", true, "attribution"));
    let link = with(vec![lookup("drone.local", "local", "unknown")], vec![]);
    assert_eq!(said(&quiet, &link), one("new", false, ""));
    // A name that was contacted is no new name.
    let contacted = with(vec![], vec![at("api.dji.com", "203.0.113.7", None)]);
    assert_eq!(said(&contacted, &asked), one("changed", false, "stage"));
    // And one that was only asked for and is contacted now went further.
    let went = diff(&asked, &contacted).destinations.remove(0);
    assert_eq!((went.status.id(), went.news), ("changed", true));
    assert_eq!(
        went.changes[0].text,
        "went further: transferred, before lookup"
    );
}

#[test]
fn sessions_are_one_side() {
    let mut both = report(vec![]);
    both.sessions = vec![
        report(vec![at("a.dji.com", "203.0.113.7", None)]),
        report(vec![at("b.dji.com", "203.0.113.8", None)]),
    ];
    both.inputs = both
        .sessions
        .iter()
        .flat_map(|s| s.inputs.clone())
        .collect();
    let diff = diff(&report(vec![at("a.dji.com", "203.0.113.7", None)]), &both);
    let [new] = diff.destinations.as_slice() else {
        panic!("{:?}", diff.destinations)
    };
    let after = new.after.as_ref().unwrap();
    // Frames count in the inputs of the side, and ids of two sessions would mix.
    assert_eq!((after.frames[0].input, after.destinations.len()), (1, 0));
    assert_eq!(new.host.as_deref(), Some("b.dji.com"));
    assert_eq!(diff.capture.seconds, Some(1_200.0));
}

#[test]
fn what_stands_against_the_comparison_is_said() {
    let thin = sample::report();
    let fit = report(vec![]);
    let text = |before: &Report, after: &Report| diff(before, after).limits.join("\n");
    let said = text(&fit, &thin);
    assert!(
        said.contains("(kernel-drops): what is gone from it proves nothing"),
        "{said}"
    );
    assert!(text(&thin, &fit).contains("may have been there before, unseen"));
    assert!(text(&report(vec![at("a.dji.com", "203.0.113.7", None)]), &fit).contains("Gone means"));
    assert_eq!(
        text(&fit, &fit),
        "Both sides are the same captures, by their SHA-256."
    );
    let mut other = fit.clone();
    other.tool.catalog_sha256 = "00".repeat(32);
    other.scope.app = Some(vec!["dji.*".into()]);
    other.inputs[0].last = other.inputs[0].first.clone();
    other.inputs[0].sha256 = None;
    let said = text(&fit, &other);
    for part in [
        "600 s long and the capture 0 s",
        "different programs",
        "different declarations",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(!said.contains("same captures"));
}

#[test]
fn the_order_of_rows_in_a_report_plays_no_part() {
    let rows = |order: &[usize]| {
        let all = [
            at("api.dji.com", "203.0.113.7", Some(64500)),
            at("api.dji.com", "203.0.113.8", Some(64500)),
            at("www.dji.com", "203.0.113.9", None),
            at("www.dji.com", "203.0.113.10", None),
        ];
        let mut report = report(order.iter().map(|i| all[*i].clone()).collect());
        report.findings.clear();
        report
    };
    let shown = |after: &Report| {
        let mut out = Vec::new();
        write_json(&diff(&report(vec![]), after), &mut out).unwrap();
        out
    };
    assert_eq!(shown(&rows(&[0, 1, 2, 3])), shown(&rows(&[3, 2, 1, 0])));
}

/// Every id that the comparison can give has a text.
#[test]
fn ids_are_explained() {
    let code = [
        include_str!("changes.rs"),
        include_str!("compare.rs"),
        include_str!("lookups.rs"),
    ];
    let texts = library().unwrap().entries();
    let has = |id: &str| texts.iter().any(|e| e.kind == IdKind::Change && e.id == id);
    let mut met = 0;
    for part in code.iter().flat_map(|code| code.split("change(").skip(1)) {
        let Some(rest) = part.trim_start().strip_prefix('"') else {
            continue;
        };
        let id = rest.split('"').next().unwrap();
        assert!(has(id), "no text for '{id}' in texts/changes.md");
        met += 1;
    }
    assert!(met >= 10, "{met}");
    for id in Status::ALL
        .iter()
        .map(|status| status.id())
        .chain(["known"])
    {
        assert!(has(id), "{id}");
    }
}

#[test]
fn hostile_text_stays_inside_every_form() {
    let mut hostile = at(
        "a|b`<script>@you.\u{202e}\u{1b}[2J.test",
        "203.0.113.7",
        None,
    );
    hostile.owner = Some("ven|dor\n".into());
    hostile.organisation = Some("`|`".into());
    let mut after = report(vec![hostile]);
    after.lookups = sample::report().lookups;
    after.claims[0].id = "x|y\n# z".into();
    after.coverage.gaps = vec![sample::gap("<img src=x>", true, "")];
    let mut before = report(vec![]);
    before.claims[0].id = "x|y\n# z".into();
    let diff = diff(&before, &after);
    let mut out = Vec::new();
    markdown::write(&diff, &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    assert!(!text.contains(['\u{202e}', '\u{1b}']), "{text}");
    assert!(!text.contains("\n# z"), "{text}");
    for line in text.lines().filter(|l| l.starts_with("| ")) {
        // Outside code spans there is nothing but our own table.
        let outside: String = line.split('`').step_by(2).collect();
        assert_eq!(line.matches('`').count() % 2, 0, "{line}");
        let spoken = outside.replace("<br>", "");
        assert!(!spoken.contains(['<', '@', '\\']), "{line}");
    }
    assert!(text.contains(r"\<img src=x\>"), "{text}");

    for width in [40, 80, 110, 200] {
        let mut out = Vec::new();
        table::diff::write(
            &diff,
            table::Style {
                width,
                color: false,
            },
            &mut out,
        )
        .unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(!text.contains(['\u{202e}', '\u{1b}']), "{text}");
        for line in text.lines() {
            assert!(crate::ground::text::width(line) <= width, "{width}: {line}");
        }
    }
}
