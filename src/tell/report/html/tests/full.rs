//! Reports with everything filled in that the sample leaves empty.

use crate::ground::moment::FrameRef;
use crate::judge::classify::attribution::Attribution;
use crate::tell::report::sample::word;
use crate::tell::report::sample::{claim, destination, finding, fly, report as sample, some};
use crate::tell::report::v1;
use std::collections::BTreeMap;

/// A flight of half an hour: a drone link, and a burst to the internet now and then.
fn timeline(quiet: bool) -> v1::Timeline {
    let slots = (0..180u64)
        .filter(|slot| !(70..74).contains(slot))
        .map(|slot| {
            let noise = slot * 7919 % 97;
            let burst = !quiet && (slot % 37 == 5 || (110..118).contains(&slot));
            v1::Slot {
                slot,
                local: 400 + noise * 3 + if slot > 40 && slot < 140 { 500 } else { 0 },
                internet: if burst { 3 + noise } else { 0 },
                relayed: u64::from(!quiet && slot % 29 == 3) * 2,
                not_ip: noise % 5,
                unreadable: u64::from(!quiet && slot == 90) * 4,
            }
        });
    v1::Timeline {
        start: some("2025-03-01T10:00:00Z"),
        step_seconds: 10,
        slots: slots.collect(),
        groups: [
            ("DJI", "vendor", 5_000_000, 5),
            ("Mapbox", "third-party", 9_000, 40),
        ]
        .map(|(name, whose, bytes_out, at)| v1::Group {
            name: some(name),
            attribution: word(whose),
            destinations: 2,
            bytes_out,
            bytes_in: 700,
            slots: (at..at + 3)
                .map(|slot| v1::GroupSlot {
                    slot,
                    packets: slot,
                })
                .collect(),
        })
        .to_vec(),
    }
}

fn phase(name: &str, start: &str, end: &str) -> v1::Phase {
    v1::Phase {
        name: name.to_owned(),
        start: Some(format!("2025-03-01T10:{start}Z")),
        end: Some(format!("2025-03-01T10:{end}Z")),
    }
}

fn event(at: &str, kind: &str, text: Option<&str>) -> v1::Event {
    v1::Event {
        at: Some(format!("2025-03-01T10:{at}Z")),
        until: None,
        kind: kind.to_owned(),
        text: text.map(str::to_owned),
    }
}

fn case() -> v1::CaseFile {
    let facts = [
        ("app", "DJI Pilot 2"),
        ("app-version", "10.1.0.30"),
        ("device", "RC Plus"),
        ("firmware", "03.02.0000\nupdated the day before"),
    ];
    v1::CaseFile {
        lines: [("local-data-mode".to_owned(), 12)].into(),
        path: "flight-7.toml".to_owned(),
        sha256: "ca".repeat(32),
        title: some("Flight 7, Local Data Mode on"),
        reported: facts
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect(),
        operator_country: some("US"),
        events: vec![
            event(
                "01:30",
                "mode-on",
                Some("switched in the settings, screenshot 3"),
            ),
            event("12:00", "share", None),
            event("26:30", "mode-off", None),
        ],
        beacons: vec![
            v1::Beacon {
                host: "beacon-7.example.test".to_owned(),
                at: "both".to_owned(),
                found: true,
                frames: vec![
                    FrameRef {
                        input: 0,
                        frame: 31,
                    },
                    FrameRef {
                        input: 0,
                        frame: 980,
                    },
                ],
            },
            v1::Beacon {
                host: "beacon-8.example.test".to_owned(),
                at: "end".to_owned(),
                found: false,
                frames: vec![],
            },
        ],
        allowances: vec![v1::Allowance {
            id: "time".to_owned(),
            covers: "ntp to pool.ntp.org".to_owned(),
            reason: "The controller sets its clock.".to_owned(),
            expires: "2026-01-31".to_owned(),
            expired: false,
            budget_bytes: Some(4096),
            used_bytes: 96,
            findings: vec!["f3".to_owned()],
        }],
    }
}

fn windows() -> Vec<v1::Window> {
    let mut window = sample().scope.windows.remove(0);
    window.name = some("flight with the mode on");
    window.start = some("2025-03-01T10:02:00Z");
    window.end = some("2025-03-01T10:26:00Z");
    window.grace_seconds = 60.0;
    window.seconds = 1439.25;
    window.phases = vec![
        phase("launch", "02:00", "04:00"),
        phase("connect", "04:00", "07:00"),
        phase("fly", "07:00", "22:00"),
        phase("land", "22:00", "24:00"),
        phase("background", "24:00", "26:00"),
    ];
    let mut second = window.clone();
    second.name = None;
    second.start = some("2025-03-01T10:27:00Z");
    second.end = some("2025-03-01T10:29:00Z");
    second.phases = Vec::new();
    second.grace_seconds = 0.0;
    vec![window, second]
}

fn findings() -> Vec<v1::Finding> {
    let mut vendor = finding("f1", "vendor");
    vendor.first = some("2025-03-01T10:06:10.25Z");
    vendor.known = Some(false);
    let mut sdk = finding("f2", "third-party");
    sdk.rule = "unattributed-internet".to_owned();
    sdk.confidence = word("low");
    sdk.destination = some("D2");
    sdk.first = some("2025-03-01T10:18:20Z");
    sdk.text = "442 bytes of application payload went to a host of an SDK known from drone apps."
        .to_owned();
    sdk.frames = vec![FrameRef {
        input: 0,
        frame: 512,
    }];
    let mut allowed = finding("f3", "unknown");
    allowed.allowed = some("time");
    allowed.destination = some("D3");
    allowed.first = some("2025-03-01T10:12:00Z");
    let mut asked = finding("f4", "vendor");
    asked.rule = "vendor-lookup".to_owned();
    asked.stage = word("lookup");
    asked.destination = None;
    asked.lookup = some("\u{430}pi.dji.com");
    asked.grace = true;
    asked.first = some("2025-03-01T10:02:20Z");
    asked.frames = vec![
        FrameRef { input: 0, frame: 9 },
        FrameRef { input: 1, frame: 7 },
    ];
    let mut clear = finding("f5", "app");
    clear.rule = "personal-data".to_owned();
    clear.claims = vec!["no-personal-data".to_owned()];
    clear.destination = some("D5");
    clear.first = some("2025-03-01T10:18:40Z");
    clear.text = "A position stands in clear in a request to 198.51.100.20.".to_owned();
    clear.content = vec![v1::Content {
        kind: word("position"),
        text: "47.6**, -122.3**".to_owned(),
        place: "http body".to_owned(),
        input: 0,
        frame: 2044,
        count: 3,
    }];
    vec![vendor, sdk, allowed, asked, clear]
}

/// Contradicted, with a case file, two windows, phases, a log, and findings of every kind.
pub(super) fn report() -> v1::Report {
    let mut report = sample();
    let mut second = report.inputs[0].clone();
    second.path = "controller.pcap".to_owned();
    second.damaged = false;
    second.dropped = None;
    second.sha256 = None;
    report.inputs.push(second);
    let mut clear = destination("D5", "app", "198.51.100.20");
    clear.host = None;
    clear.host_source = None;
    clear.names.clear();
    clear.owner = None;
    clear.role = None;
    clear.jurisdiction = None;
    clear.ip = some("198.51.100.20");
    clear.port = Some(80);
    clear.protocol = some("http");
    clear.country = some("CN");
    clear.country_confidence = word("single");
    clear.app = Some(fly());
    clear.ja4 = vec!["t13d1516h2_8daaf6152771_02713d6af862".to_owned()];
    let mut time = destination("D6", "os", "time.android.com");
    time.owner = some("Google");
    time.role = some("time");
    time.jurisdiction = some("US");
    time.stage = word("connected");
    time.bytes_out = 96;
    time.explained = some("time.android.com at 203.0.113.7 is in the baseline too");
    report.destinations.extend([clear, time]);
    report.destinations[2].bytes_out = 120_400;
    report.destinations[3].bytes_out = 982_000;
    report.case = Some(case());
    report.timeline = timeline(false);
    report.scope.windows = windows();
    report.scope.app = Some(vec!["dji.*".to_owned()]);
    report.scope.machines = vec![v1::Machine {
        mac: "60:60:1f:00:00:01".to_owned(),
        maker: some("SZ DJI Technology"),
        maker_kind: Some(word("drone-maker")),
        addresses: vec!["192.168.1.50".to_owned(), "fe80::1".to_owned()],
        router: false,
        device: true,
    }];
    report.scope.proven_local = vec![v1::ProvenLocal {
        ip: "203.0.114.7".to_owned(),
        text: "router advertisement, frame 12".to_owned(),
    }];
    report.findings = findings();
    let mut mode = claim("local-data-mode", "contradicted", &["f1", "f2", "f3", "f4"]);
    mode.preset = some("dji-2017");
    mode.parameters = BTreeMap::from([("minimum-window-seconds".to_owned(), "60".to_owned())]);
    mode.not_testable = vec!["Traffic over the aircraft's own modem.".to_owned()];
    let mut clear = claim("no-personal-data", "inconclusive", &["f5"]);
    clear.statement = "Nothing that names a person leaves in readable form".to_owned();
    clear.reasons[0].id = "payload-unread".to_owned();
    report.claims = vec![mode, clear];
    report.clocks = vec![v1::Clock {
        source: word("ntp"),
        server: "192.0.2.1".to_owned(),
        offset_least: -0.0213,
        offset_most: 1.5,
        count: 4,
        input: 0,
        frame: 88,
    }];
    report.against = Some(v1::Against {
        path: "before.json".to_owned(),
        digest: "b4".repeat(32),
    });
    report.baseline = Some(v1::Baseline {
        kind: word("without-mode"),
        doubt: some("the app was seen for 40 s only"),
        inputs: vec![report.inputs[0].clone()],
        seconds: 1800.0,
        active_seconds: 40.0,
    });
    report.tool.commit = some("0123456789abcdef0123456789abcdef01234567");
    report.run = v1::Run {
        started: "2026-01-01T00:00:00Z".to_owned(),
        seconds: 0.42,
        arguments: vec![
            "check".to_owned(),
            "--case".to_owned(),
            "flight 7.toml".to_owned(),
        ],
        paths: vec!["captures/flight.pcapng".to_owned()],
    };
    report
}

/// Consistent, with numbers for the silence.
pub(super) fn consistent() -> v1::Report {
    let mut report = report();
    report.verdict = word("consistent");
    report.findings.clear();
    report
        .destinations
        .retain(|row| row.attribution == Attribution::Os);
    report.lookups.clear();
    report.coverage.gaps.retain(|gap| !gap.blocking);
    report.timeline = timeline(true);
    let mut claim = claim("local-data-mode", "consistent", &[]);
    claim.reasons.clear();
    claim.silence = Some(v1::Silence {
        window_seconds: 1320.0,
        exposure_seconds: 1180.0,
        phases: vec![
            v1::PhaseExposure {
                phase: "launch".to_owned(),
                exposure_seconds: 60.0,
                rate_upper_per_hour: Some(18.0),
            },
            v1::PhaseExposure {
                phase: "fly".to_owned(),
                exposure_seconds: 900.0,
                rate_upper_per_hour: Some(18.0),
            },
        ],
        rate_upper_per_hour: Some(9.139),
        contrast: Some(v1::Contrast {
            bursts: 14,
            baseline_seconds: 1800.0,
            window_seconds: 1320.0,
            probability: 0.000_448,
        }),
        assumptions: vec![
            "Contacts come independently of each other at an even rate.".to_owned(),
            "The recording point sees all of the subject's traffic.".to_owned(),
        ],
    });
    claim.next_capture = some("Two hours in the background after a flight, with the screen off.");
    claim.not_testable = vec!["What is stored now and sent later.".to_owned()];
    report.claims = vec![claim];
    if let Some(case) = &mut report.case {
        case.allowances.clear();
    }
    report
}
