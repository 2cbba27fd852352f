//! Whole case files: one with every key, and many that are wrong.

use super::*;
use crate::app::cli;
use crate::ground::declared::Device;
use crate::ground::interval::{Bound, WindowSpec};
use crate::judge::agreement::Edge;
use crate::judge::classify::app_pattern::Pattern;
use serde_json::Value as Json;
use std::collections::BTreeSet;
use std::fs;
use std::net::IpAddr;

/// Every key of the form, once at least.
const FULL: &str = r#"
title = "DJI Pilot 2, Local Data Mode, flight 3"
operator_country = "US"

[reported]
device = "Mavic 3 Enterprise"
version = "10.1.0.30"
"build channel" = "website"

[[captures]]
path = "captures/phone.pcapng"
sha256 = "E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855"
clock_offset = "-250ms"
series = "phone"
role = "session"

[[captures]]
path = "/evidence/idle.pcap"
role = "baseline"
kind = "without-app"

[subject]
apps = ["dji.pilot2", "DJI Pilot*"]
uids = [10_234]
devices = ["192.168.1.50", "AA-bb-00-01-02-03"]
local_networks = ["203.0.113.9/24"]

[[windows]]
name = "flight"
start = 2025-03-01T11:00:00.5+01:00
end = "2025-03-01T10:10:00Z"
grace = "1.5s"
phases = [
    { name = "launch", start = 2025-03-01T10:01:00Z, end = 2025-03-01T10:02:00Z },
    { name = "hover-test", start = 2025-03-01T10:02:00Z, end = 2025-03-01T10:10:00Z },
]

[[windows]]
name = "again"
start = "+20m"
end = "+1800"

[[events]]
at = "+60"
kind = "mode-on"
text = "Airplane symbol shown"

[[events]]
at = "+1300s"
for = "30s"
kind = "share"

[[events]]
at = 2025-03-01T10:05:00Z
until = 2025-03-01T10:05:10Z
kind = "rc-unplugged"

[[beacons]]
host = "Beacon.Example.org."
at = "start"

[[claims]]
id = "us-storage"
parameters = { upload_min_bytes = 1_000_000, exempt_modules = ["RTK"] }

[[claims]]
id = "local-data-mode"
preset = "map-toggle"

[[claims]]
id = "stays-in-eu"
statement = "No logs leave the EU."
source = "Vendor's page, 2 May 2025"
for_country = "DE"
needs = ["upload"]
suspects = ["unknown"]
exempt = { roles = ["maps"], owners = ["Mapbox"], modules = false }
at_most = "inconclusive"
not_testable = ["copies among servers"]
next_capture = "a second flight"
parameters.upload_ratio = 8

[[claims.rule]]
id = { app = "app-abroad", vendor = "vendor-abroad" }
traffic = "content"
scopes = ["internet"]
places = { outside = ["DE",
    "FR"] }
providers = { outside = ["amazon"] }
owners = { inside = ["DJI"] }
jurisdictions = { inside = ["CN"] }
roles = { inside = ["vendor-backend"] }
hosts = { inside = ["*.example.com"] }
outside_events = ["share"]
inside_events = ["lunch"]
content = ["position"]
weight = "suspect"

[[allowances]]
id = "map-tiles"
claims = ["us-storage"]
hosts = ["tiles.example.org", "*.Map.example"]
addresses = ["198.51.100.0/24", "2001:db8::1"]
apps = ["dji.*", "uid:10234"]
reason = "Map left on, as agreed"
expires = 2025-12-31
budget_bytes = "64KiB"

[limits]
minimum_seconds = 30
time_gap_seconds = 120

[audit]
geo = ["country.mmdb"]
catalog = ["hosts.tsv"]
keylog = ["keys.log"]
"#;

/// 2025-03-01T10:00:00Z.
const TEN: i64 = 1_740_823_200;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_nanos(i128::from(seconds) * i128::from(Timestamp::SECOND))
}

fn parse(text: &str) -> CaseFile {
    CaseFile::parse(text, "cases/case.toml").unwrap_or_else(|e| panic!("{e}\n{text}"))
}

fn refused(text: &str) -> String {
    let error = CaseFile::parse(text, "case.toml").map(|case| format!("{case:?}"));
    let line = error.expect_err(text).to_string();
    assert_eq!(line.lines().count(), 1, "{line}");
    line
}

#[test]
fn every_key_is_read() {
    let case = parse(FULL);
    assert_eq!(case.path, "cases/case.toml");
    assert_eq!(case.sha256, hex(&Sha256::digest(FULL)));
    assert_eq!(
        case.title.as_deref(),
        Some("DJI Pilot 2, Local Data Mode, flight 3")
    );
    assert_eq!(case.operator_country.as_deref(), Some("US"));
    assert_eq!(case.reported["build channel"], "website");

    let [phone, idle] = &case.captures[..] else {
        panic!("{:?}", case.captures)
    };
    assert_eq!(
        phone.file.path,
        Path::new("cases").join("captures/phone.pcapng")
    );
    assert_eq!(phone.file.place.to_string(), "cases/case.toml:11:8");
    let declared = phone.sha256.as_ref().unwrap();
    assert!(declared.sha256.starts_with("e3b0c442"));
    assert_eq!((declared.place.line, declared.place.column), (12, 10));
    assert_eq!(phone.clock_offset, -250_000_000);
    assert_eq!(phone.series.as_deref(), Some("phone"));
    assert_eq!(idle.file.path, Path::new("/evidence/idle.pcap"));
    assert_eq!(case.sessions().count(), 1);
    let baselines: Vec<_> = case.baselines().map(|(_, kind)| kind).collect();
    assert_eq!(baselines, [BaselineKind::WithoutApp]);

    let apps: Vec<_> = case.subject.apps.iter().map(Pattern::as_str).collect();
    assert_eq!(apps, ["dji.pilot2", "DJI Pilot*", "uid:10234"]);
    assert_eq!(
        case.subject.devices[0],
        Device::Ip(IpAddr::from([192, 168, 1, 50]))
    );
    assert_eq!(
        case.subject.local_networks,
        ["203.0.113.0/24".parse().unwrap()]
    );

    let [flight, again] = &case.windows[..] else {
        panic!("{:?}", case.windows)
    };
    let start = at(TEN).plus(Timestamp::SECOND / 2);
    let spec = WindowSpec {
        start: Bound::At(start),
        end: Bound::At(at(TEN + 600)),
    };
    assert_eq!((flight.spec, flight.grace), (spec, 1_500_000_000));
    let phases: Vec<_> = flight.phases.iter().map(|p| p.name.as_str()).collect();
    assert_eq!(phases, ["launch", "hover-test"]);
    let spec = WindowSpec {
        start: Bound::After(1200 * Timestamp::SECOND),
        end: Bound::After(1800 * Timestamp::SECOND),
    };
    assert_eq!((again.spec, again.grace), (spec, 5 * Timestamp::SECOND));

    let kinds: Vec<_> = case.events.iter().map(|e| e.kind.id()).collect();
    assert_eq!(kinds, ["mode-on", "share", "rc-unplugged"]);
    assert_eq!(
        case.events[1].until,
        Some(Bound::After(1330 * Timestamp::SECOND))
    );
    assert_eq!(case.beacons[0].host, "beacon.example.org");
    assert_eq!(case.beacons[0].at, Edge::Start);
    let limits = Limits {
        minimum_seconds: 30,
        time_gap_seconds: 120,
    };
    assert_eq!(case.limits, limits);
    assert_eq!(case.keylog[0].path, Path::new("cases").join("keys.log"));
}

#[test]
fn claims_are_passed_on_with_the_places_of_all_their_parts() {
    let case = parse(FULL);
    let [shipped, worded, new] = &case.claims[..] else {
        panic!("{:?}", case.claims)
    };
    assert!(!shipped.is_new() && new.is_new());
    assert_eq!(worded.preset.as_deref(), Some("map-toggle"));
    let place = new.place_of(&["rule", "0", "places", "outside", "1"]);
    assert_eq!(place.to_string(), "cases/case.toml:88:5");
    assert_eq!(new.place_of(&["rules"]), new.place);
    assert_eq!(new.key_place_of(&["exempt"]).column, 1);

    let ships = ["local-data-mode", "us-storage"];
    assert_eq!(case.check_claims(&ships), Ok(()));
    let claims: Vec<_> = case.claims.iter().map(|c| c.to_judge().unwrap()).collect();
    let ids: Vec<&str> = claims.iter().map(|claim| claim.id.as_str()).collect();
    assert_eq!(ids, ["us-storage", "local-data-mode", "stays-in-eu"]);
    let parameters = &claims[0].parameters;
    assert_eq!(parameters.upload_min_bytes, 1_000_000);
    // What is not given stays as it ships.
    assert_eq!(parameters.upload_ratio, 4);
    assert_eq!(claims[1].chosen.as_deref(), Some("map-toggle"));
    assert_eq!(claims[2].rules.len(), 1);
    assert_eq!(claims[2].parameters.upload_ratio, 8);
}

#[test]
fn claims_that_are_none_are_refused_with_their_place() {
    let new = "id = 'own'\nstatement = 'x'\nsource = 'y'\n";
    for (entry, said) in [
        (
            "id = 'us-storages'",
            "cases/case.toml:2:6: no claim 'us-storages' ships with the program (did you mean 'us-storage'?; a new claim has statement and source)",
        ),
        (
            "id = 'us-storage'\nstatement = 'x'\nsource = 'y'",
            "cases/case.toml:2:6: the claim 'us-storage' ships with the program (give the new claim another id, or leave out statement and source)",
        ),
        (
            "id = 'us-storage'\nfor_country = 'DE'",
            "cases/case.toml:3:1: for_country cannot be changed in the claim 'us-storage', which ships (only preset and parameters can; a new claim has its own id, statement and source)",
        ),
        (
            "id = 'us-storage'\npreset = 'x'",
            "cases/case.toml:3:10: the claim 'us-storage' has no preset 'x' (leave out preset: it has one wording)",
        ),
        (
            "id = 'local-data-mode'\npreset = 'map-toggles'",
            "cases/case.toml:3:10: the claim 'local-data-mode' has no preset 'map-toggles' (did you mean 'map-toggle'?)",
        ),
        (
            "id = 'local-data-mode'\nparameters = { exempt_modules = ['LTE', 'RTX'] }",
            "cases/case.toml:3:14: exempt_modules: 'RTX' is unknown (use MSDK_INIT_AND_REGISTRATION, LIVE_STREAMING, RTK, FIRMWARE_UPGRADE, EXPERENCE_IMPROVEMENT, USER_ACCOUNT, LTE, FLY_SAFE, REAL_NAME)",
        ),
        (
            new,
            "cases/case.toml:1:1: the claim 'own' has no rule: nothing could contradict it (add [[claims.rule]] or at_most = \"inconclusive\")",
        ),
    ] {
        let case = parse(&format!("[[claims]]\n{entry}"));
        let error = case.claims[0].to_judge().unwrap_err().to_string();
        assert_eq!(error, said, "{entry}");
    }
    // The form of a rule is checked with the rest of the file.
    for (rule, said) in [
        (
            "id = 'a'",
            "case.toml:5:1: [[claims.rule]] has no 'traffic' (add it with one of: contact, lookup, payload, upload, content, unread)",
        ),
        (
            "id = 'a'\ntrafic = 'upload'\ntraffic = 'upload'",
            "case.toml:7:1: 'trafic' is no key of [[claims.rule]] (did you mean 'traffic'?)",
        ),
        (
            "id = 'a'\ntraffic = 'uploads'",
            "case.toml:7:11: traffic cannot be 'uploads' (did you mean 'upload'?)",
        ),
        (
            "id = 'a'\ntraffic = 'upload'\nplaces = ['US']",
            "case.toml:8:10: places is an array, not a table (write its keys under the header [claims.rule.places])",
        ),
        (
            "id = 'a'\ntraffic = 'upload'\nplaces = { outside = 'US' }",
            "case.toml:8:22: outside is a string, not an array (write it in brackets: outside = ['US'])",
        ),
        (
            "id = 'a'\ntraffic = 'upload'\nplaces = { within = ['US'] }",
            "case.toml:8:10: places has none of: inside, outside (write one of them)",
        ),
        (
            "id = 1\ntraffic = 'upload'",
            "case.toml:6:6: id is an integer, not a string or a table (write it in quotes: \"1\")",
        ),
    ] {
        let file = format!("[[claims]]\n{new}[[claims.rule]]\n{rule}");
        assert_eq!(refused(&file), said, "{rule}");
    }
    let typo = parse(&FULL.replace("claims = [\"us-storage\"]", "claims = [\"stay-in-eu\"]"));
    assert_eq!(
        typo.check_claims(&["local-data-mode", "us-storage"])
            .unwrap_err()
            .to_string(),
        "cases/case.toml:101:11: there is no claim 'stay-in-eu' (did you mean 'stays-in-eu'?)"
    );
}

#[test]
fn an_allowance_covers_what_fits_in_all_its_parts() {
    let case = parse(FULL);
    let allowance = &case.allowances[0];
    let inside = Some("198.51.100.7".parse().unwrap());
    let app = Some("dji.pilot2");
    let covers = |host, ip, app, claim| allowance.covers(host, ip, app, claim);
    assert!(covers(Some("tiles.example.org"), inside, app, "us-storage"));
    assert!(covers(Some("A.b.MAP.example."), inside, app, "us-storage"));
    let mapped = Some("::ffff:198.51.100.7".parse().unwrap());
    assert!(covers(Some("tiles.example.org"), mapped, app, "us-storage"));
    let single = Some("2001:db8::1".parse().unwrap());
    assert!(covers(
        Some("tiles.example.org"),
        single,
        Some("uid:10234"),
        "us-storage"
    ));
    // A name alone is what the app asserted; an address alone has no name.
    let outside = Some("198.51.101.7".parse().unwrap());
    for (host, ip, app, claim) in [
        (Some("tiles.example.org"), outside, app, "us-storage"),
        (Some("tiles.example.org"), None, app, "us-storage"),
        (None, inside, app, "us-storage"),
        (Some("map.example"), inside, app, "us-storage"),
        (Some("badmap.example"), inside, app, "us-storage"),
        (Some("x.tiles.example.org"), inside, app, "us-storage"),
        (Some("tiles.example.org"), inside, None, "us-storage"),
        (
            Some("tiles.example.org"),
            inside,
            Some("browser"),
            "us-storage",
        ),
        (Some("tiles.example.org"), inside, app, "local-data-mode"),
    ] {
        assert!(!covers(host, ip, app, claim), "{host:?} {ip:?} {app:?}");
    }
    // By name alone every server is covered that is called so.
    let by_name = parse(&FULL.replace("addresses = [\"198", "# [\"198"));
    assert!(by_name.allowances[0].covers(Some("tiles.example.org"), None, app, "us-storage"));
    let day = |text: &str| text.parse().unwrap();
    assert!(!allowance.expired_on(day("2025-12-31")) && allowance.expired_on(day("2026-01-01")));
    assert!(!allowance.expired_at(at(TEN)) && allowance.expired_at(Timestamp::UNKNOWN));
    assert!(case.expired(at(TEN)).is_empty());
    assert_eq!(
        case.expired(at(TEN + 366 * 86_400)),
        [
            "cases/case.toml:100:6: allowance 'map-tiles' ended on 2025-12-31, before the capture began; it covers nothing"
        ]
    );
}

#[test]
fn times_of_both_kinds_meet_at_the_first_packet() {
    let case = parse(FULL);
    let windows = case.resolve(at(TEN - 60)).unwrap();
    assert_eq!(windows[0].end, at(TEN + 600));
    assert_eq!(windows[1].start, at(TEN - 60 + 1200));
    // The order of the file is kept, whatever the order in time.
    assert_eq!(windows.len(), case.windows.len());
    assert_eq!(
        case.resolve(at(TEN - 900)).unwrap_err().to_string(),
        "cases/case.toml:40:9: window 'again' overlaps window 'flight' (begin it where the other ends, or later)"
    );
    // Without a time nothing can be compared, and nothing is inside either.
    let unknown = case.resolve(Timestamp::UNKNOWN).unwrap();
    assert_eq!(unknown[1].start, Timestamp::UNKNOWN);
    let mixed = "windows = [{ name = 'a', start = '+0', end = 2025-03-01T10:01:00Z }]";
    assert!(parse(mixed).resolve(at(TEN)).is_ok());
    let late = parse(mixed).resolve(at(TEN + 60)).unwrap_err().to_string();
    assert!(late.contains("does not end after it begins"), "{late}");
    let short = parse(mixed).resolve(at(TEN + 51)).unwrap_err().to_string();
    assert!(short.contains("the grace at both ends"), "{short}");
}

#[test]
fn bounds_mean_the_same_here_as_on_the_command_line_and_in_reports() {
    for (start, end) in [
        ("+60", "+660.5"),
        ("+60s", "+11m"),
        ("+0.25", "+1h"),
        (
            "2025-03-01T11:00:00+01:00",
            "2025-03-01T10:00:11.123456789Z",
        ),
        ("+0", "2025-03-01T10:00:11Z"),
    ] {
        let case = parse(&format!(
            "windows = [{{ name = 'a', start = '{start}', end = '{end}', grace = '0s' }}]"
        ));
        let spec = case.windows[0].spec;
        let window = format!("{start}/{end}");
        let cli = cli::parse(["drone-audit", "check", "--window", &window, "x"]).unwrap();
        let cli::Command::Check(check) = cli.command else {
            panic!("{cli:?}")
        };
        assert_eq!(check.windows, [spec], "{window}");
        // As a report writes it, and without quotes, as TOML has it.
        let end = case.resolve(at(TEN)).unwrap()[0].end;
        let written = end.rfc3339(9).unwrap();
        let again = parse(&format!(
            "windows = [{{ name = 'a', start = '+0', end = {written} }}]"
        ));
        assert_eq!(again.windows[0].spec.end, Bound::At(end), "{written}");
    }
}

#[test]
fn what_may_be_left_out_has_a_meaning() {
    let case = parse("");
    assert_eq!(case.limits.minimum_seconds, 60);
    assert_eq!(case.limits.time_gap_seconds, 60);
    assert!(case.windows.is_empty() && case.claims.is_empty() && case.captures.is_empty());
    let case = parse("captures = [{ path = 'a.pcap' }]\nbeacons = [{ host = 'b.example' }]");
    assert_eq!(case.captures[0].purpose, Purpose::Session);
    assert_eq!(case.captures[0].clock_offset, 0);
    assert_eq!(case.beacons[0].at, Edge::Both);
}

#[test]
fn wrong_files_say_where_what_and_what_instead() {
    let cases = [
        // TOML itself.
        (
            "title = Flight 3",
            "case.toml:1:9: is no TOML: string values must be quoted (write it in quotes: \"…\")",
        ),
        (
            "[subject]\n[subject]",
            "case.toml:2:2: is no TOML: duplicate key (keep one of them; of several tables of a name each has the header [[name]])",
        ),
        (
            "[subject\n",
            "case.toml:1:9: is no TOML: unclosed table (TOML expects `]` here)",
        ),
        // Keys.
        (
            "titel = 'x'",
            "case.toml:1:1: 'titel' is no key of the case file (did you mean 'title'?)",
        ),
        (
            "[subject]\nAPPS = []",
            "case.toml:2:1: 'APPS' is no key of [subject] (did you mean 'apps'?)",
        ),
        (
            "[subject]\ntitle = 'x'",
            "case.toml:2:1: 'title' is no key of [subject] (put title above the first [header])",
        ),
        (
            "[[windows]]\nname = 'a'\nstart = '+0'\nend = '+60'\n[windows.subject]",
            "case.toml:5:10: 'subject' is no key of [[windows]] (write [subject] on its own)",
        ),
        (
            "[[captures]]\npath = 'a'\nhash = ''",
            "case.toml:3:1: 'hash' is no key of [[captures]] (use one of: clock_offset, kind, path, role, series, sha256)",
        ),
        (
            "[[windows]]\nname = 'flight'\nstart = '+60'",
            "case.toml:1:1: [[windows]] has no 'end' (add it, such as end = \"+660s\")",
        ),
        (
            "allowances = [{ id = 'a', hosts = ['a.example'], reason = 'x' }]",
            "case.toml:1:15: [[allowances]] has no 'expires' (add it, such as expires = \"2025-12-31\")",
        ),
        // Types.
        (
            "# a comment\n\n  title = 3",
            "case.toml:3:11: title is an integer, not a string (write it in quotes: \"3\")",
        ),
        (
            "[reported]\ndevice = 'x'\nversion = 1.10",
            "case.toml:3:11: version is a number, not a string (write it in quotes: \"1.10\")",
        ),
        (
            "[captures]\npath = 'a.pcap'",
            "case.toml:1:1: captures is a table, not an array of tables (write [[captures]] above each)",
        ),
        (
            "[[subject]]\napps = []",
            "case.toml:1:1: subject is an array, not a table (write [subject] once)",
        ),
        (
            "[subject]\napps = 'dji.pilot2'",
            "case.toml:2:8: apps is a string, not an array (write it in brackets: apps = ['dji.pilot2'])",
        ),
        (
            "[subject]\nuids = ['ä', '10234']",
            "case.toml:2:9: an item of uids is a string, not an integer (write digits without quotes)",
        ),
        (
            "[limits]\nminimum_seconds = 0",
            "case.toml:2:19: minimum_seconds is out of range (write a number from 1 to 31536000)",
        ),
        (
            "[limits]\nminimum_seconds = 60.5",
            "case.toml:2:19: minimum_seconds is a number, not an integer (such as minimum_seconds = 60)",
        ),
        (
            "[limits]\ntime_gap_seconds = 99999999999999999999",
            "case.toml:2:20: time_gap_seconds is out of range (write a number from 1 to 31536000)",
        ),
        (
            "title = 2025-03-01",
            "case.toml:1:9: title is a date or time, not a string (write it in quotes: \"2025-03-01\")",
        ),
        (
            "claims = [{ id = 'a', parameters = { upload_ratio = 99999999999999999999 } }]",
            "case.toml:1:53: upload_ratio is out of range (write 0 or more)",
        ),
        // Texts and words.
        (
            "title = '  '",
            "case.toml:1:9: title is empty (say something, or leave the key out if it may be missing)",
        ),
        (
            "operator_country = 'USA'",
            "case.toml:1:20: 'USA' is no ISO 3166-1 alpha-2 country code (write two capital letters, such as \"US\")",
        ),
        (
            "operator_country = 'uk'",
            "case.toml:1:20: 'uk' is no ISO 3166-1 alpha-2 country code (write \"GB\")",
        ),
        (
            "[[captures]]\npath = 'a'\nrole = 'baselines'",
            "case.toml:3:8: role cannot be 'baselines' (did you mean 'baseline'?)",
        ),
        (
            "[[captures]]\npath = 'a'\nrole = 'baseline'",
            "case.toml:3:8: a baseline has to say what it was recorded without (add kind = \"without-app\" or kind = \"without-mode\")",
        ),
        (
            "[[captures]]\npath = 'a'\nkind = 'without-app'",
            "case.toml:3:8: only a baseline has a kind (add role = \"baseline\", or leave out kind)",
        ),
        (
            "[[captures]]\npath = '-'",
            "case.toml:2:8: a case file cannot name standard input (name a file)",
        ),
        (
            "[[captures]]\npath = 'a'\nsha256 = 'e3b0c44298fc1c149afbf4c8996fb924'",
            "case.toml:3:10: sha256 has 32 digits, not 64 (write the 64 hexadecimal digits that sha256sum prints)",
        ),
        (
            "[[captures]]\npath = 'a'\nclock_offset = '1.5s'",
            "case.toml:3:16: clock_offset has '1.5s', which is no length with a sign (write + or - and a number with ms, s, m or h, such as \"+1.5s\" for a clock that is behind)",
        ),
        (
            "captures = [{ path = 'a' }, { path = 'a' }]",
            "case.toml:1:38: the capture 'a' stands in line 1 already (keep one, or give each its own)",
        ),
        (
            "captures = [{ path = 'a', series = 's' }, { path = 'b', series = 's', role = 'baseline', kind = 'without-app' }]",
            "case.toml:1:66: the series 's' has captures of another role or kind (give sessions and baselines different series)",
        ),
        (
            "[subject]\napps = ['']",
            "case.toml:2:9: an empty pattern names no app (write a package, process or app name, where * stands for any text, or uid:N)",
        ),
        (
            "[subject]\nuids = [4294967295]",
            "case.toml:2:9: 4294967295 is no user id of an app (write a whole number from 0 to 4294967294, such as 10234)",
        ),
        (
            "[subject]\ndevices = ['10.0.0']",
            "case.toml:2:12: '10.0.0' is no IP address and no MAC address (such as 192.168.1.50, 00:11:22:33:44:55, or all)",
        ),
        (
            "[subject]\ndevices = ['all', '10.0.0.1']",
            "case.toml:2:12: 'all' says that there is no other device, but another is declared (give either \"all\" or addresses)",
        ),
        (
            "[subject]\nlocal_networks = ['192.168.1.0']",
            "case.toml:2:19: '192.168.1.0' has no prefix length (add one, such as /24; /32 or /128 for a single address)",
        ),
        // Times.
        (
            "windows = [{ name = 'a', start = 2025-03-01T10:00:00, end = '+60' }]",
            "case.toml:1:34: '2025-03-01T10:00:00' is no RFC 3339 time with a zone (such as 2025-03-01T10:00:00Z, or \"+60s\" after the first packet)",
        ),
        (
            "windows = [{ name = 'a', start = '60s', end = '+60' }]",
            "case.toml:1:34: '60s' is no RFC 3339 time with a zone (such as 2025-03-01T10:00:00Z, or \"+60s\" after the first packet)",
        ),
        (
            "windows = [{ name = 'a', start = 60, end = 120 }]",
            "case.toml:1:34: start is an integer, not a time or a string (such as start = \"+60s\")",
        ),
        (
            "windows = [{ name = 'a', start = '+60', end = '+60' }]",
            "case.toml:1:47: window 'a' does not end after it begins (write an end that is later than the start)",
        ),
        (
            "windows = [{ name = 'a', start = '+0', end = '+10' }]",
            "case.toml:1:46: the grace at both ends of window 'a' leaves nothing between them (write a grace of less than half of the window, such as grace = \"0s\")",
        ),
        (
            "windows = [{ name = 'a', start = '+0', end = '+60', grace = '5 seconds' }]",
            "case.toml:1:61: grace has '5 seconds', which is no length of time (write a number with ms, s, m or h, such as \"5s\")",
        ),
        (
            "[[windows]]\nname = 'a'\nstart = '+0'\nend = '+60'\n[[windows]]\nname = 'b'\nstart = '+59.9'\nend = '+120'",
            "case.toml:7:9: window 'b' overlaps window 'a' (begin it where the other ends, or later)",
        ),
        (
            "[[windows]]\nname = 'a'\nstart = '+0'\nend = '+60'\n[[windows]]\nname = 'a'\nstart = '+60'\nend = '+120'",
            "case.toml:7:9: window 'a' is declared in line 3 already (give each its own name)",
        ),
        (
            "[[windows]]\nname = 'a'\nstart = '+0'\nend = '+60'\n[[windows.phases]]\nname = 'fly'\nstart = '+30'\nend = '+61'",
            "case.toml:8:7: phase 'fly' ends after its window 'a' (end it with the window, or earlier)",
        ),
        (
            "[[windows]]\nname = 'a'\nstart = '+1'\nend = '+60'\nphases = [{ name = 'fly', start = '+0', end = '+9' }]",
            "case.toml:5:35: phase 'fly' begins before its window 'a' (begin it with the window, or later)",
        ),
        (
            "[[windows]]\nname = 'a'\nstart = '+0'\nend = '+60'\nphases = [\n{ name = 'fly', start = '+0', end = '+9' },\n{ name = 'land', start = '+8', end = '+20' }]",
            "case.toml:7:26: phase 'land' overlaps phase 'fly' (begin it where the other ends, or later)",
        ),
        (
            "[[windows]]\nname = 'a'\nstart = '+0'\nend = '+60'\nphases = [{ name = 'Launch', start = '+0', end = '+9' }]",
            "case.toml:5:20: 'Launch' is too near to the phase 'launch' (write 'launch', or a word that differs more)",
        ),
        (
            "events = [{ at = '+1', kind = 'share' }]",
            "case.toml:1:31: a share has neither 'until' nor 'for' (say how long the upload took, such as for = \"30s\")",
        ),
        (
            "events = [{ at = '+1', kind = 'shared', for = '1s' }]",
            "case.toml:1:31: 'shared' is too near to the kind 'share' (write 'share', or a word that differs more)",
        ),
        (
            "events = [{ at = '+1', kind = 'mode_on' }]",
            "case.toml:1:31: 'mode_on' is too near to the kind 'mode-on' (write 'mode-on', or a word that differs more)",
        ),
        (
            "events = [{ at = '+1', kind = 'RC off' }]",
            "case.toml:1:31: 'RC off' cannot be a kind (write small letters, digits and hyphens, at most 64)",
        ),
        (
            "events = [{ at = '+9', until = '+8', kind = 'lunch' }]",
            "case.toml:1:32: the event 'lunch' ends before it begins (write a later time)",
        ),
        (
            "events = [{ at = '+9', until = '+10', for = '1s', kind = 'lunch' }]",
            "case.toml:1:45: an event has both 'until' and 'for' (keep one of them)",
        ),
        // Beacons, claims, allowances.
        (
            "beacons = [{ host = 'https://a.example/x' }]",
            "case.toml:1:21: 'https://a.example/x' is no host name (write the name alone, without scheme and path: tiles.example.org)",
        ),
        (
            "beacons = [{ host = 'a.example', at = 'begin' }]",
            "case.toml:1:39: at cannot be 'begin' (use one of: start, end, both)",
        ),
        (
            "[[claims]]\nid = 'us-storage'\n[[claims]]\nid = 'us-storage'",
            "case.toml:4:6: the claim 'us-storage' stands in line 2 already (keep one, or give each its own)",
        ),
        (
            "[[claims]]\nid = 'own'\nstatement = 'x'",
            "case.toml:3:13: the claim 'own' has a statement and no source (a new claim has both, one that ships has neither)",
        ),
        (
            "[[claims]]\nid = 'own'\nstatement = 'x'\nsource = 'y'\npreset = 'z'",
            "case.toml:5:10: the new claim 'own' has a preset (presets are wordings of claims that ship: leave out preset, or statement and source)",
        ),
        (
            "[[claims]]\nid = 'own'\nparameters = [1]",
            "case.toml:3:14: parameters is an array, not a table (write its keys under the header [claims.parameters])",
        ),
        (
            "[[allowances]]\nid = 'a'\nreason = 'x'\nexpires = 2025-01-01",
            "case.toml:2:6: allowance 'a' has neither hosts nor addresses (say what it covers; an allowance for everything would leave nothing to judge)",
        ),
        (
            "[[allowances]]\nid = 'a'\nhosts = ['ex*mple.com']\nreason = 'x'\nexpires = 2025-01-01",
            "case.toml:3:10: 'ex*mple.com' is no host pattern (write a name, or *. and a name for all names below it: *.example.org)",
        ),
        (
            "[[allowances]]\nid = 'a'\nhosts = ['*.com']\nreason = 'x'\nexpires = 2025-01-01",
            "case.toml:3:10: '*.com' covers a whole top-level domain (write at least two labels behind the *: *.example.org)",
        ),
        (
            "[[allowances]]\nid = 'a'\nhosts = ['192.0.2.1']\nreason = 'x'\nexpires = 2025-01-01",
            "case.toml:3:10: '192.0.2.1' is an address, not a name (write it under addresses)",
        ),
        (
            "[[allowances]]\nid = 'a'\nhosts = ['bücher.example']\nreason = 'x'\nexpires = 2025-01-01",
            "case.toml:3:10: 'bücher.example' is no host name as captures have it (write it in ASCII, with xn-- for other scripts)",
        ),
        (
            "[[allowances]]\nid = 'a'\naddresses = ['0.0.0.0/0']\nreason = 'x'\nexpires = 2025-01-01",
            "case.toml:3:14: '0.0.0.0/0' covers every address, so nothing would be left to judge (write a smaller one)",
        ),
        (
            "[[allowances]]\nid = 'a'\nhosts = ['a.example']\nreason = ''\nexpires = 2025-01-01",
            "case.toml:4:10: reason is empty (say something, or leave the key out if it may be missing)",
        ),
        (
            "[[allowances]]\nid = 'a'\nhosts = ['a.example']\nreason = 'x'\nexpires = 2025-01-01T00:00:00Z",
            "case.toml:5:11: '2025-01-01T00:00:00Z' is no day (write year, month and day, such as 2025-12-31)",
        ),
        (
            "[[allowances]]\nid = 'a'\nhosts = ['a.example']\nreason = 'x'\nexpires = '2025-02-30'",
            "case.toml:5:11: '2025-02-30' is no day (write year, month and day, such as 2025-12-31)",
        ),
        (
            "[[allowances]]\nid = 'a'\nhosts = ['a.example']\nreason = 'x'\nexpires = 2025-01-01\nbudget_bytes = '64K'",
            "case.toml:6:16: budget_bytes has '64K', which is no size (write bytes, or a whole number with B, kB, MB, GB, KiB, MiB or GiB: \"64KiB\")",
        ),
        (
            "[[allowances]]\nid = 'a'\nhosts = ['a.example']\nreason = 'x'\nexpires = 2025-01-01\nbudget_bytes = -1",
            "case.toml:6:16: budget_bytes is out of range (write 0 or more)",
        ),
        (
            "[[allowances]]\nid = 'a'\nhosts = ['a.example']\nreason = 'x'\nexpires = 2025-01-01\n[[allowances]]\nid = 'a'\nhosts = ['b.example']\nreason = 'x'\nexpires = 2025-01-01",
            "case.toml:7:6: allowance 'a' stands in line 2 already (keep one, or give each its own)",
        ),
        (
            "[[allowances]]\nid = 'a'\nhosts = ['*']\nreason = 'x'\nexpires = 2025-01-01\nbudget_bytes = 1.5",
            "case.toml:6:16: budget_bytes is a number, not an integer or a string (such as budget_bytes = \"64KiB\")",
        ),
        (
            "[[claims]]\nid = 'own'\nparameters = 1",
            "case.toml:3:14: parameters is an integer, not a table (write its keys under the header [claims.parameters])",
        ),
        (
            "captures = 'a.pcap'",
            "case.toml:1:12: captures is a string, not an array of tables (write [[captures]] above each)",
        ),
        // Nothing is not everything.
        (
            "[[allowances]]\nid = 'a'\nclaims = []\nhosts = ['a.example']\nreason = 'x'\nexpires = 2025-01-01",
            "case.toml:3:10: claims is empty (leave it out, or fill it: claims = [\"local-data-mode\"])",
        ),
        // Hostile text stays on its line.
        (
            "[reported]\n\"v.\\n\\u001b\" = 3",
            "case.toml:2:16: v.\\u{a}\\u{1b} is an integer, not a string (write it in quotes: \"3\")",
        ),
        (
            "\"a\\n\\u001b[2J\" = 1",
            "case.toml:1:1: 'a\\u{a}\\u{1b}[2J' is no key of the case file (use one of: allowances, audit, beacons, captures, claims, events, limits, operator_country, reported, subject, title, windows)",
        ),
    ];
    for (file, said) in cases {
        assert_eq!(refused(file), said, "{file}");
    }
}

#[test]
fn the_problem_that_comes_first_in_the_file_is_reported() {
    let said = refused("[subject]\nuids = 'x'\napp = ['x']\n[limits]\nfoo = 1");
    assert!(said.starts_with("case.toml:2:8: "), "{said}");
    // Windows line ends and characters of several bytes count as they are seen.
    let said = refused("# größe\r\ntitle = 'ä' # ö\r\nx = 1");
    assert!(said.starts_with("case.toml:3:1: "), "{said}");
    let said = refused("[reported]\n\"ä\" = { x = 1 }");
    assert!(said.starts_with("case.toml:2:7: "), "{said}");
}

#[test]
fn files_that_are_named_have_to_be_there_and_unchanged() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("case.toml");
    let write = |text: &str| fs::write(&file, text).unwrap();
    let said = || load_moved(&file, &|_| None).unwrap_err().to_string();
    let place = file.display();

    assert_eq!(
        said(),
        format!("{place}: cannot read the case file: No such file or directory (check the path)")
    );
    write("captures = [{ path = 'a.pcap' }]");
    let capture = folder.path().join("a.pcap");
    let there = said();
    assert!(
        there.starts_with(&format!("{place}:1:22: cannot open '"))
            && there.ends_with(
                "No such file or directory (paths start from the folder of the case file)"
            ),
        "{there}"
    );
    fs::create_dir(&capture).unwrap();
    assert!(said().ends_with("is a folder (name the files in it, each on its own)"));
    fs::remove_dir(&capture).unwrap();
    fs::write(&capture, "").unwrap();
    assert_eq!(
        load_moved(&file, &|_| None).unwrap().captures[0].file.path,
        capture
    );
    write("audit.keylog = ['keys.log']");
    assert!(said().contains(":1:17: cannot open"), "{}", said());
    fs::write(&file, b"title = 'a\xff'").unwrap();
    assert_eq!(
        said(),
        format!("{place}:1:11: is no UTF-8 text (save the file as UTF-8)")
    );
    fs::write(&file, vec![b' '; 300_000]).unwrap();
    assert!(said().contains("is larger than a case file can be"));

    let empty = hex(&Sha256::digest(""));
    write(&format!(
        "[[captures]]\npath = 'a.pcap'\nsha256 = '{empty}'"
    ));
    let case = load_moved(&file, &|_| None).unwrap();
    let verify = |computed| case.verify_inputs([(capture.as_path(), computed)]);
    assert_eq!(verify(Some(empty.as_str())), Ok(()));
    assert_eq!(case.verify_inputs([(Path::new("other"), None)]), Ok(()));
    let other = hex(&Sha256::digest("x"));
    let changed = verify(Some(other.as_str())).unwrap_err().to_string();
    assert!(changed.starts_with(&format!("{place}:3:10: ")), "{changed}");
    assert!(changed.contains(&other), "{changed}");
    let unknown = verify(None).unwrap_err().to_string();
    assert!(
        unknown.contains("was not computed (leave out --no-hash"),
        "{unknown}"
    );
}

/// The file's JSON form: times of TOML are their text.
fn json(value: &toml::Value) -> Json {
    match value {
        toml::Value::Datetime(time) => Json::from(time.to_string()),
        toml::Value::Array(items) => items.iter().map(json).collect(),
        toml::Value::Table(table) => {
            let fields = table.iter().map(|(key, value)| (key.clone(), json(value)));
            Json::Object(fields.collect())
        }
        other => serde_json::to_value(other).unwrap(),
    }
}

/// What of a value a schema does not allow; `met` takes the keys that were used.
fn faults(whole: &Json, schema: &Json, value: &Json, met: &mut BTreeSet<String>) -> usize {
    if let Some(name) = schema["$ref"].as_str() {
        return faults(whole, whole.pointer(&name[1..]).unwrap(), value, met);
    }
    for choices in [&schema["anyOf"], &schema["oneOf"]] {
        if let Some(choices) = choices.as_array() {
            let choices = choices.iter().map(|c| faults(whole, c, value, met));
            return choices.min().unwrap();
        }
    }
    let fits = match schema["type"].as_str() {
        None => true,
        Some("string") => value.is_string(),
        Some("integer") => value.is_i64(),
        Some("boolean") => value.is_boolean(),
        Some("array") => value.is_array(),
        Some("object") => value.is_object(),
        Some(other) => panic!("{other}"),
    };
    let word = schema.get("const").is_none_or(|word| word == value);
    let mut found = usize::from(!fits) + usize::from(!word);
    for item in value.as_array().into_iter().flatten() {
        found += faults(whole, &schema["items"], item, met);
    }
    for (key, field) in value.as_object().into_iter().flatten() {
        match (&schema["properties"][key], &schema["additionalProperties"]) {
            (Json::Null, Json::Bool(false)) => found += 1,
            (Json::Null, Json::Object(_)) => {
                found += faults(whole, &schema["additionalProperties"], field, met);
            }
            (Json::Null, _) => {}
            (property, _) => {
                met.insert(property["description"].as_str().unwrap_or(key).to_owned());
                found += faults(whole, property, field, met);
            }
        }
    }
    for key in schema["required"].as_array().into_iter().flatten() {
        found += usize::from(value.get(key.as_str().unwrap()).is_none());
    }
    found
}

#[test]
fn the_schema_allows_the_full_file_and_every_key_says_what_it_is_for() {
    let schema: Json = serde_json::from_str(SCHEMA).unwrap();
    assert!(!schema.to_string().contains("null"), "{schema:#}");
    let full: toml::Value = toml::from_str(FULL).unwrap();
    let full = json(&full);
    let mut met = BTreeSet::new();
    assert_eq!(faults(&schema, &schema, &full, &mut met), 0);

    let tables = schema["$defs"].as_object().unwrap().values();
    let mut known = BTreeSet::new();
    for table in tables.chain([&schema]) {
        for (key, property) in table["properties"].as_object().into_iter().flatten() {
            let said = property["description"].as_str().unwrap_or_default();
            assert!(said.ends_with('.'), "{key}: {said}");
            known.insert(said.to_owned());
        }
    }
    let unmet: Vec<&String> = known.difference(&met).collect();
    assert!(unmet.is_empty(), "keys that the full file lacks: {unmet:?}");

    for (pointer, value) in [
        ("/title", Json::from(3)),
        ("/captures/0/role", Json::from("sessions")),
        ("/windows/0/start", Json::from(60)),
        ("/allowances/0/budget_bytes", Json::from(0.5)),
        ("/limits", serde_json::json!({ "seconds": 60 })),
        ("/windows/0/phases/0", serde_json::json!({ "name": "fly" })),
    ] {
        let mut wrong = full.clone();
        *wrong.pointer_mut(pointer).unwrap() = value;
        assert_ne!(faults(&schema, &schema, &wrong, &mut met), 0, "{pointer}");
    }
}

#[test]
fn whatever_is_cut_or_changed_is_refused_or_read_and_never_a_panic() {
    for end in (0..FULL.len()).step_by(5) {
        let _ = CaseFile::parse(&FULL[..end], "case.toml");
    }
    for (at, _) in FULL.char_indices().step_by(7) {
        for other in ["'", "[", "=", "9"] {
            let mut text = FULL.to_owned();
            text.replace_range(at..=at, other);
            if let Err(error) = CaseFile::parse(&text, "case.toml") {
                let line = error.to_string();
                assert_eq!(line.lines().count(), 1, "{line}");
                assert!(line.starts_with("case.toml:"), "{line}");
                assert!(line.ends_with(')'), "{line}");
            }
        }
    }
}
