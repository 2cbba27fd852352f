//! Truth tables of every claim on evidence made by hand, without captures.

mod agreed;
mod baselines;
mod rules;
mod several;

use super::coverage::{Needs, WindowCoverage, WindowGap};
use super::definition::{Definition, shipped};
use super::fact::Cause;
use super::*;
use crate::evidence::counters::Sent;
use crate::evidence::flow::NameSource;
use crate::evidence::input::InputFacts;
use crate::evidence::{Devices, Evidence};
use crate::ground::cause::SessionCause;
use crate::ground::gaps::GapId;
use crate::ground::interval::{Detail, Intervals, Schedule};
use crate::ground::moment::Timestamp;
use crate::judge::classify::catalog::Catalog;
use crate::judge::classify::destination::Traffic;
use crate::judge::classify::subject::Subject;
use crate::judge::classify::{Basis, Scope};
use crate::judge::locate::{Confidence as Sure, Location, Locator};
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

const US: &str = "52.218.128.10";
const CN: &str = "47.110.23.3";

fn moment(second: i64, frame: u64) -> Moment {
    Moment {
        time: Timestamp::from_nanos(i128::from(second) * i128::from(Timestamp::SECOND)),
        at: FrameRef { input: 0, frame },
    }
}

fn traffic(out: u64, back: u64) -> Traffic {
    Traffic {
        out: Sent {
            packets: 3,
            answers: 3,
            bytes: out,
            application: out > 0,
            ..Sent::default()
        },
        back: Sent {
            packets: 3,
            answers: 3,
            bytes: back,
            ..Sent::default()
        },
        sealed: Default::default(),
        first: moment(100, 1),
        last: moment(160, 6),
    }
}

fn placed(candidates: &[&str], confidence: Sure, operator: Option<&str>) -> Location {
    Location {
        country: candidates.first().map(|c| (*c).to_owned()),
        confidence,
        candidates: candidates.iter().map(|c| (*c).to_owned()).collect(),
        asn: operator.map(|_| 64_500),
        organisation: None,
        operator: operator.map(ToOwned::to_owned),
        tenants: Some(true),
    }
}

/// A destination in words: what a row of a table varies.
#[derive(Clone)]
struct To {
    host: Option<&'static str>,
    ip: Option<&'static str>,
    scope: Scope,
    whose: Attribution,
    traffic: Traffic,
    place: Option<Location>,
    interval: u32,
}

fn to(host: &'static str, whose: Attribution, traffic: Traffic) -> To {
    To {
        host: Some(host),
        ip: Some(US),
        scope: Scope::Internet,
        whose,
        traffic,
        place: Some(placed(&["US"], Sure::Agreed, Some("amazon"))),
        interval: 0,
    }
}

fn destination(of: &To) -> Destination {
    Destination::by_hand(
        (of.host, of.ip.map(|ip| ip.parse::<IpAddr>().unwrap())),
        of.scope,
        of.whose,
        (of.interval, of.traffic),
        of.place.clone(),
    )
}

fn lookup(name: &str, whose: Attribution, scope: Scope) -> Lookup {
    Lookup {
        name: Arc::from(name),
        resolver: "192.168.1.1".parse().unwrap(),
        scope,
        app: None,
        attributed: crate::judge::classify::attribution::Attributed {
            whose,
            why: crate::judge::classify::attribution::Grounds::ByHand,
        },
        clients: BTreeSet::new(),
        types: BTreeSet::from([1]),
        answers: BTreeSet::new(),
        asked: BTreeMap::from([(0, (2, moment(100, 1), moment(101, 2)))]),
        told: None,
    }
}

/// Evidence made by hand.
#[derive(Default)]
struct Hand<'a> {
    destinations: Vec<To>,
    lookups: Vec<Lookup>,
    gaps: Vec<GapId>,
    /// Epoch 1 is the grace of the window.
    grace: bool,
    country: Option<&'static str>,
    baseline: Option<&'a Baseline>,
    allowances: &'a [Allowance],
    beacons: &'a [Beacon],
    /// Where there are several, or one with bounds; one over everything if there is none here.
    windows: Vec<WindowCoverage>,
    intervals: Intervals,
}

fn claim(id: &str) -> Definition {
    let (id, preset) = id.split_once(':').unwrap_or((id, ""));
    let own = shipped().iter().find(|c| c.id == id).unwrap();
    if preset.is_empty() {
        own.clone()
    } else {
        own.in_words_of(preset).unwrap()
    }
}

fn judged<'a>(claim: &'a Definition, hand: Hand<'_>) -> Outcome<'a> {
    let destinations = hand.destinations.iter().map(destination).collect();
    judged_on(claim, destinations, hand)
}

/// A case on evidence made by hand, without windows.
fn on_hand<T>(
    destinations: Vec<Destination>,
    lookups: Vec<Lookup>,
    then: impl FnOnce(&Case<'_>) -> T,
) -> T {
    on_hand_in(Intervals::default(), destinations, lookups, then)
}

/// The same where something cuts time.
fn on_hand_in<T>(
    intervals: Intervals,
    destinations: Vec<Destination>,
    lookups: Vec<Lookup>,
    then: impl FnOnce(&Case<'_>) -> T,
) -> T {
    // The day from which allowances hold.
    let began = [moment(1_750_000_000, 1).time];
    on_hand_since(&began, intervals, destinations, lookups, then)
}

/// The same of inputs that began at these times.
fn on_hand_since<T>(
    began: &[Timestamp],
    intervals: Intervals,
    destinations: Vec<Destination>,
    lookups: Vec<Lookup>,
    then: impl FnOnce(&Case<'_>) -> T,
) -> T {
    let evidence = Evidence {
        inputs: began.iter().map(|at| InputFacts::by_hand(*at)).collect(),
        series: Vec::new(),
        intervals,
    };
    let (devices, subject) = (Devices::default(), Subject::new(&[]));
    let locator = Locator::embedded().unwrap();
    let basis = Basis {
        evidence: &evidence,
        catalog: Catalog::embedded(),
        locator: &locator,
        local: &[],
        devices: &devices,
        subject: &subject,
    };
    let judged = Judged {
        destinations,
        lookups,
        ..Judged::default()
    };
    then(&Case {
        judged: &judged,
        basis: &basis,
        windows: Vec::new(),
        needs: Needs::default(),
        baseline: None,
        sent: Default::default(),
        allowances: &[],
        beacons: &[],
        operator_country: None,
    })
}

impl<'a> Case<'a> {
    /// The same with these windows.
    fn with(&self, windows: Vec<WindowCoverage>) -> Case<'a> {
        Case {
            judged: self.judged,
            basis: self.basis,
            windows,
            needs: self.needs,
            baseline: self.baseline,
            sent: Default::default(),
            allowances: self.allowances,
            beacons: self.beacons,
            operator_country: self.operator_country,
        }
    }
}

/// A window over these intervals, with nothing missing in it.
fn window(inside: impl Fn(u32) -> bool + 'static) -> WindowCoverage {
    WindowCoverage {
        window: None,
        detail: Detail::default(),
        inside: Box::new(inside),
        grace: None,
        extent: None,
        seconds: 600.0,
        active: BTreeSet::new(),
        gaps: Vec::new(),
    }
}

fn judged_on<'a>(
    claim: &'a Definition,
    destinations: Vec<Destination>,
    hand: Hand<'_>,
) -> Outcome<'a> {
    let gaps = hand.gaps.iter().map(|id| WindowGap {
        id: *id,
        count: 1,
        cause: Cause::Noticed(SessionCause::FlowsOver.into()),
        input: None,
        frame: None,
        covered_by: None,
    });
    let one = WindowCoverage {
        grace: hand
            .grace
            .then(|| Box::new(|interval: u32| interval == 1) as Box<dyn Fn(u32) -> bool>),
        gaps: gaps.collect(),
        ..window(|interval| interval == 0)
    };
    let windows = match hand.windows.is_empty() {
        true => vec![one],
        false => hand.windows,
    };
    on_hand_in(hand.intervals, destinations, hand.lookups, |case| {
        let case = Case {
            baseline: hand.baseline,
            allowances: hand.allowances,
            beacons: hand.beacons,
            operator_country: hand.country,
            ..case.with(windows)
        };
        judge(claim, &case)
    })
}

#[track_caller]
fn gives(id: &str, hand: Hand<'_>, verdict: Verdict, reasons: &[&str]) {
    let claim = claim(id);
    let outcome = judged(&claim, hand);
    let ids: Vec<&str> = outcome.reasons.iter().map(|r| r.id.as_str()).collect();
    assert_eq!(
        (outcome.verdict, ids.as_slice()),
        (verdict, reasons),
        "{id}: {outcome:#?}"
    );
}

fn one(to: To) -> Hand<'static> {
    Hand {
        destinations: vec![to],
        ..Hand::default()
    }
}

use Attribution::{App, Os, OtherApp, OtherDevice, Shared, ThirdParty, Unknown, Vendor};
use Verdict::{Consistent, Contradicted, Inconclusive};

const UNNAMED: &[&str] = &["unattributed-internet"];

#[test]
fn silence_of_the_app_by_attribution_stage_and_scope() {
    let rows: [(Attribution, Verdict, &[&str]); 8] = [
        (App, Contradicted, &["app-contact"]),
        (Vendor, Contradicted, &["vendor-contact"]),
        (ThirdParty, Inconclusive, UNNAMED),
        (Shared, Inconclusive, UNNAMED),
        (Unknown, Inconclusive, UNNAMED),
        (Os, Consistent, &[]),
        (OtherApp, Consistent, &[]),
        (OtherDevice, Consistent, &[]),
    ];
    for (whose, verdict, reasons) in rows {
        for scope in [Scope::Internet, Scope::Relayed] {
            for (out, back) in [(500, 900), (0, 900), (0, 0)] {
                let mut sent = traffic(out, back);
                sent.back.answers = u64::from(back > 0);
                let hand = one(To {
                    scope,
                    ..to("x.example", whose, sent)
                });
                gives("local-data-mode", hand, verdict, reasons);
            }
        }
    }
    // Only packets in, and our side never answered: moves nothing.
    let mut unasked = traffic(0, 5_000);
    unasked.out.answers = 0;
    unasked.out.packets = 0;
    gives(
        "local-data-mode",
        one(to("x.example", App, unasked)),
        Consistent,
        &[],
    );
    gives("local-data-mode", Hand::default(), Consistent, &[]);
}

#[test]
fn silence_of_the_app_by_lookup() {
    let rows: [(Attribution, Scope, Verdict, &[&str]); 6] = [
        (App, Scope::Internet, Contradicted, &["app-lookup"]),
        (Vendor, Scope::Relayed, Contradicted, &["vendor-lookup"]),
        (Unknown, Scope::Relayed, Inconclusive, UNNAMED),
        (Os, Scope::Relayed, Consistent, &[]),
        (OtherApp, Scope::Internet, Consistent, &[]),
        (App, Scope::Local, Consistent, &[]),
    ];
    for (whose, scope, verdict, reasons) in rows {
        let hand = Hand {
            lookups: vec![lookup("api.example.com", whose, scope)],
            ..Hand::default()
        };
        gives("local-data-mode", hand, verdict, reasons);
    }
}

#[test]
fn every_blocking_gap_forbids_consistent_in_every_claim_and_nothing_else() {
    for id in GapId::ALL {
        let silent = || Hand {
            gaps: vec![*id],
            ..Hand::default()
        };
        for claim in [
            "local-data-mode",
            "no-cn-hk-tw",
            "no-unshared-upload",
            "no-personal-data",
        ] {
            if id.blocks() {
                gives(claim, silent(), Inconclusive, &[id.id()]);
            } else {
                gives(claim, silent(), Consistent, &[]);
            }
        }
        let mut guilty = silent();
        guilty
            .destinations
            .push(to("x.example", App, traffic(9, 9)));
        gives("local-data-mode", guilty, Contradicted, &["app-contact"]);
    }
}

#[test]
fn other_wordings_of_the_mode() {
    let os = |id: &str, verdict, reasons: &[&str]| {
        gives(
            id,
            one(to("time.example", Os, traffic(48, 48))),
            verdict,
            reasons,
        );
    };
    os("local-data-mode:strict-2017", Consistent, &[]);
    os("local-data-mode:device-wide", Inconclusive, UNNAMED);
    // The restricted mode promises no silence: neither verdict can be given.
    for sent in [traffic(9, 9), traffic(0, 0)] {
        let hand = one(to("x.example", App, sent));
        gives(
            "local-data-mode:restricted-mode",
            hand,
            Inconclusive,
            &["not-testable"],
        );
    }
    // Map data are allowed by name; nothing says that the address is the map provider's.
    let maps = |whose, out| one(to("api.mapbox.com", whose, traffic(out, 90_000)));
    gives(
        "local-data-mode",
        maps(App, 900),
        Contradicted,
        &["app-contact"],
    );
    gives(
        "local-data-mode:map-toggle",
        maps(App, 900),
        Inconclusive,
        &["exempt-unsure"],
    );
    gives(
        "local-data-mode:map-toggle",
        maps(ThirdParty, 900),
        Inconclusive,
        &["exempt-unsure"],
    );
    let other = one(to("api.dji.com", Vendor, traffic(900, 900)));
    gives(
        "local-data-mode:map-toggle",
        other,
        Contradicted,
        &["vendor-contact"],
    );
    let fly_safe = || one(to("fly-safe.dji.com", Vendor, traffic(900, 900)));
    gives(
        "local-data-mode:exempt-modules",
        fly_safe(),
        Contradicted,
        &["vendor-contact"],
    );
    let mut exempting = claim("local-data-mode:exempt-modules");
    exempting.parameters.exempt_modules = vec!["FLY_SAFE".into()];
    let outcome = judged(&exempting, fly_safe());
    assert_eq!(
        (outcome.verdict, outcome.reasons[0].id.as_str()),
        (Inconclusive, "exempt-unsure")
    );
}

#[test]
fn where_uploads_are_stored() {
    let mut declared = traffic(300, 0);
    declared.out.declared = 65_536;
    let upload = traffic(190_000, 2_000);
    let oregon = to("logs.s3.us-west-2.amazonaws.com", App, upload);
    let rows: Vec<(To, Verdict, &[&str])> = vec![
        (oregon.clone(), Consistent, &[]),
        // The region in the name outranks the address data for accusing.
        (
            to("logs.s3.ap-east-1.amazonaws.com", App, upload),
            Contradicted,
            &["stored-abroad"],
        ),
        (
            to("logs.oss-us-west-1.aliyuncs.com", App, upload),
            Contradicted,
            &["stored-elsewhere"],
        ),
        (
            to("logs.oss-cn-shanghai.aliyuncs.com", App, upload),
            Contradicted,
            &["stored-abroad", "stored-elsewhere"],
        ),
        // A name alone does not acquit.
        (
            To {
                place: Some(placed(&["CN"], Sure::Agreed, Some("alibaba"))),
                ..oregon.clone()
            },
            Inconclusive,
            &["place-unsure"],
        ),
        (
            To {
                place: None,
                ip: None,
                scope: Scope::Relayed,
                ..oregon.clone()
            },
            Inconclusive,
            &["place-unsure"],
        ),
        (
            To {
                place: Some(placed(&["US"], Sure::Anycast, Some("amazon"))),
                host: Some("x.example"),
                ..oregon.clone()
            },
            Inconclusive,
            &["place-unsure"],
        ),
        (
            To {
                place: Some(placed(&["US", "CA"], Sure::Conflict, Some("amazon"))),
                host: Some("x.example"),
                ..oregon.clone()
            },
            Inconclusive,
            &["place-unsure"],
        ),
        // Nothing inside the claim's places: the conflict is none for this claim.
        (
            To {
                place: Some(placed(&["DE", "NL"], Sure::Conflict, Some("amazon"))),
                host: Some("x.example"),
                ..oregon.clone()
            },
            Contradicted,
            &["stored-abroad"],
        ),
        // Not shaped like an upload: nothing was tested.
        (
            To {
                traffic: traffic(65_535, 0),
                ..oregon.clone()
            },
            Inconclusive,
            &["no-upload-seen"],
        ),
        (
            To {
                traffic: traffic(190_000, 50_000),
                ..oregon.clone()
            },
            Inconclusive,
            &["no-upload-seen"],
        ),
        // A request that declares such a body is one, though the capture ends early.
        (
            To {
                traffic: declared,
                ..oregon.clone()
            },
            Consistent,
            &[],
        ),
        // Nobody's upload abroad is suspect, and none of the app's was seen.
        (
            To {
                whose: Unknown,
                host: Some("logs.oss-cn-shanghai.aliyuncs.com"),
                ..oregon.clone()
            },
            Inconclusive,
            &["unattributed-internet", "no-upload-seen"],
        ),
    ];
    for (to, verdict, reasons) in rows {
        gives("us-storage", one(to), verdict, reasons);
    }
    gives(
        "us-storage",
        Hand::default(),
        Inconclusive,
        &["no-upload-seen"],
    );
    let abroad = Hand {
        country: Some("DE"),
        ..one(oregon.clone())
    };
    gives("us-storage", abroad, Inconclusive, &["not-applicable"]);
    let home = Hand {
        country: Some("US"),
        ..one(oregon)
    };
    gives("us-storage", home, Consistent, &[]);
}

#[test]
fn payload_to_china_hong_kong_and_taiwan() {
    let at = |candidates: &[&str], sure| To {
        host: Some("x.example"),
        ip: Some(CN),
        place: Some(placed(candidates, sure, Some("alibaba"))),
        ..to("", App, traffic(100, 9_000))
    };
    let own: &[&str] = &["payload-to-place"];
    let rows: Vec<(To, Verdict, &[&str])> = vec![
        (at(&["CN"], Sure::Agreed), Contradicted, own),
        (at(&["HK"], Sure::Agreed), Contradicted, own),
        (at(&["TW"], Sure::Agreed), Contradicted, own),
        (at(&["CN", "HK"], Sure::Conflict), Contradicted, own),
        (
            at(&["CN", "SG"], Sure::Conflict),
            Inconclusive,
            &["place-unsure"],
        ),
        (at(&["SG", "US"], Sure::Conflict), Consistent, &[]),
        (at(&["CN"], Sure::Single), Inconclusive, &["place-unsure"]),
        (at(&["CN"], Sure::Anycast), Inconclusive, &["place-unsure"]),
        (at(&[], Sure::Unknown), Inconclusive, &["place-unsure"]),
        (at(&["US"], Sure::Agreed), Consistent, &[]),
        // A handshake carries no data of the app.
        (
            To {
                traffic: traffic(0, 9_000),
                ..at(&["CN"], Sure::Agreed)
            },
            Consistent,
            &[],
        ),
        // The owner's country is another axis: a vendor host in the US is in the US.
        (
            To {
                host: Some("api.dji.com"),
                whose: Vendor,
                ..at(&["US"], Sure::Agreed)
            },
            Consistent,
            &[],
        ),
        (
            To {
                host: Some("media.oss-cn-hangzhou.aliyuncs.com"),
                ..at(&["US"], Sure::Agreed)
            },
            Contradicted,
            own,
        ),
        (
            To {
                whose: Shared,
                ..at(&["CN"], Sure::Agreed)
            },
            Inconclusive,
            UNNAMED,
        ),
        (
            To {
                whose: Shared,
                ..at(&["US"], Sure::Agreed)
            },
            Consistent,
            &[],
        ),
        (
            To {
                whose: OtherApp,
                ..at(&["CN"], Sure::Agreed)
            },
            Consistent,
            &[],
        ),
    ];
    for (to, verdict, reasons) in rows {
        gives("no-cn-hk-tw", one(to), verdict, reasons);
    }
}

#[test]
fn places_and_owners_of_foreign_adversaries_contradict_each_by_itself() {
    let claim = claim("no-foreign-adversary");
    let at = |country: &str, host| To {
        host: Some(host),
        ip: Some(CN),
        place: Some(Location {
            tenants: Some(false),
            ..placed(&[country], Sure::Agreed, Some("google"))
        }),
        ..to("", App, traffic(100, 9_000))
    };
    for (to, verdict, rules) in [
        // A known owner of the U.S. at its own address there.
        (
            at("US", "connectivitycheck.gstatic.com"),
            Consistent,
            &[][..],
        ),
        (
            at("RU", "connectivitycheck.gstatic.com"),
            Contradicted,
            &["payload-to-listed-place"],
        ),
        (
            at("US", "api.dji.com"),
            Contradicted,
            &["payload-to-listed-owner"],
        ),
        (
            at("MO", "api.dji.com"),
            Contradicted,
            &["payload-to-listed-place", "payload-to-listed-owner"],
        ),
        // Nobody knows the owner; and the rule lists persons of Venezuela, not the country.
        (at("US", "x.example"), Inconclusive, &[]),
        (at("VE", "x.example"), Inconclusive, &[]),
        // Taiwan is no part of the list.
        (at("TW", "connectivitycheck.gstatic.com"), Consistent, &[]),
        (
            To {
                traffic: traffic(0, 9_000),
                ..at("RU", "api.dji.com")
            },
            Consistent,
            &[],
        ),
    ] {
        let host = to.host;
        let outcome = judged(&claim, one(to));
        assert_eq!(outcome.verdict, verdict, "{host:?}: {:?}", outcome.reasons);
        let ids: Vec<&str> = outcome.reasons.iter().map(|r| r.id.as_str()).collect();
        for rule in rules {
            assert!(ids.contains(rule), "{host:?}: {ids:?}");
        }
    }
}

#[test]
fn uploads_that_nobody_shared() {
    let rows: [(Attribution, u64, u64, Verdict, &[&str]); 7] = [
        (App, 65_536, 16_384, Contradicted, &["unshared-upload"]),
        (Vendor, 5_000_000, 700, Contradicted, &["unshared-upload"]),
        (App, 65_536, 16_385, Inconclusive, &["upload-unsure"]),
        (App, 65_536, 65_536, Consistent, &[]),
        (App, 65_535, 0, Consistent, &[]),
        (Unknown, 160_000, 400, Inconclusive, UNNAMED),
        (Os, 5_000_000, 700, Consistent, &[]),
    ];
    for (whose, out, back, verdict, reasons) in rows {
        let hand = one(to("x.example", whose, traffic(out, back)));
        gives("no-unshared-upload", hand, verdict, reasons);
    }
}

#[test]
fn what_lies_in_the_grace_is_listed_and_decides_nothing() {
    let claim = claim("local-data-mode");
    let early = To {
        interval: 1,
        ..to("api.dji.com", Vendor, traffic(9, 9))
    };
    let hand = |destinations: Vec<To>| Hand {
        destinations,
        grace: true,
        ..Hand::default()
    };
    let outcome = judged(&claim, hand(vec![early.clone()]));
    assert_eq!((outcome.verdict, outcome.reasons.len()), (Consistent, 0));
    let finding = &outcome.findings[0];
    assert!(finding.grace && finding.weight == Weight::Listed && finding.account.in_grace);
    // The same traffic inside as well: the finding is no longer one of the grace.
    let inside = To {
        interval: 0,
        ..early.clone()
    };
    let outcome = judged(&claim, hand(vec![inside, early]));
    assert_eq!(outcome.verdict, Contradicted);
    assert!(
        outcome
            .findings
            .iter()
            .any(|f| !f.grace && f.weight == Weight::Contradicts)
    );
}

#[test]
fn a_claim_of_a_case_file_is_built_from_the_same_blocks() {
    let text = r#"
        id = "nothing-to-telemetry"
        statement = "the app sends no telemetry to its maker's country"
        source = "the auditor"
        [[rule]]
        id = "telemetry"
        traffic = "payload"
        roles = { inside = ["vendor-telemetry"] }
        jurisdictions = { inside = ["CN"] }
        hosts = { outside = ["ok.click.dji.com"] }
        scopes = ["internet"]
    "#;
    let own: Definition = toml::from_str(text).unwrap();
    assert_eq!(own.problem(), None);
    let of = |to: To| judged(&own, one(to)).verdict;
    let sent = to("click.dji.com", Vendor, traffic(10, 10));
    assert_eq!(of(sent.clone()), Contradicted);
    // Where customers rent the addresses, the operator confirms no name.
    let google = |tenants| To {
        place: Some(Location {
            tenants: Some(tenants),
            ..placed(&["US"], Sure::Agreed, Some("google"))
        }),
        ..to("connectivitycheck.gstatic.com", App, traffic(10, 10))
    };
    assert_eq!(of(google(true)), Inconclusive);
    for other in [
        To {
            scope: Scope::Relayed,
            ..sent.clone()
        },
        To {
            traffic: traffic(0, 10),
            ..sent.clone()
        },
        // The address belongs to the name's owner: another role is another role.
        google(false),
    ] {
        assert_eq!(of(other.clone()), Consistent, "{:?}", other.host);
    }
    // A name alone, or none, is no reason to leave traffic out.
    for host in [Some("api.dji.com"), Some("ok.click.dji.com"), None] {
        let other = To {
            host,
            ..sent.clone()
        };
        let outcome = judged(&own, one(other));
        let ids: Vec<&str> = outcome.reasons.iter().map(|r| r.id.as_str()).collect();
        assert_eq!(
            (outcome.verdict, ids.as_slice()),
            (Inconclusive, &["name-unsure"][..]),
            "{host:?}"
        );
    }
}

#[test]
fn a_claim_about_content_is_not_consistent_with_what_nobody_could_read() {
    let text = r#"
        id = "no-positions"
        statement = "no positions are sent"
        source = "the auditor"
        [[rule]]
        id = "position-sent"
        traffic = "content"
        content = ["position"]
    "#;
    let own: Definition = toml::from_str(text).unwrap();
    assert_eq!(own.problem(), None);
    let mut sealed = traffic(500, 9);
    sealed.out.unread = 500;
    for (sent, verdict) in [(sealed, Inconclusive), (traffic(500, 9), Consistent)] {
        for whose in [App, Unknown] {
            let outcome = judged(&own, one(to("x.example", whose, sent)));
            assert_eq!(outcome.verdict, verdict, "{:?}", outcome.reasons);
            assert!(outcome.reasons.iter().all(|r| r.id == "payload-unread"));
        }
    }
}

#[test]
fn without_any_window_nothing_is_consistent() {
    let claim = claim("local-data-mode");
    let outcome = on_hand(Vec::new(), Vec::new(), |case| judge(&claim, case));
    assert_eq!(outcome.verdict, Inconclusive);
}

#[test]
fn a_name_of_a_certificate_and_a_browsers_host_are_less_sure() {
    let claim = claim("local-data-mode");
    let sure = |change: fn(&mut Destination)| {
        let mut destination = destination(&to("api.dji.com", Vendor, traffic(9, 9)));
        change(&mut destination);
        judged_on(&claim, vec![destination], Hand::default()).findings[0].confidence
    };
    assert_eq!(sure(|_| {}), Confidence::High);
    assert_eq!(sure(|d| d.browsable = true), Confidence::Medium);
    assert_eq!(
        sure(|d| d.key.host_source = Some(NameSource::Certificate)),
        Confidence::Medium
    );
}
