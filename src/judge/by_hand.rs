//! Evidence by hand: flows between machines of a link, for tests of what judges rows.

use crate::evidence::counters::{Counters, Sent};
use crate::evidence::flow::{LinkFacts, Pair, Side};
use crate::evidence::input::InputFacts;
use crate::evidence::ledger::Ledger;
use crate::evidence::row::{Row, RowKey};
use crate::evidence::{Devices, Evidence, Series, UnflowedOverTime};
use crate::ground::interval::Intervals;
use crate::ground::mac::Mac;
use crate::ground::moment::{FrameRef, Moment, Timestamp};
use crate::judge::classify::Basis;
use crate::judge::classify::app_pattern::Pattern;
use crate::judge::classify::catalog::Catalog;
use crate::judge::classify::rows::{Judged, judge};
use crate::judge::classify::subject::Subject;
use crate::judge::locate::Locator;
use ipnet::IpNet;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// An address.
pub(crate) fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// A MAC of a factory, by its last byte.
pub(crate) fn mac(last: u8) -> Mac {
    Mac([0x00, 0x11, 0x22, 0, 0, last])
}

/// A MAC that its machine made up.
pub(crate) fn made_up(last: u8) -> Mac {
    Mac([0x02, 0x11, 0x22, 0, 0, last])
}

/// A second, and a frame of the same number.
pub(crate) fn at(second: u64) -> Moment {
    Moment {
        time: Timestamp::from_nanos(i128::from(second) * i128::from(Timestamp::SECOND)),
        at: FrameRef {
            input: 0,
            frame: second,
        },
    }
}

/// A machine's end: address, and MAC if the link shows one.
pub(crate) type End<'t> = (&'t str, Option<Mac>);

/// A TCP flow of a client to port 443, payload both ways, from one second to another.
pub(crate) fn flow(from: End<'_>, to: End<'_>, times: (u64, u64)) -> (RowKey, Row) {
    let mut key = RowKey::by_hand((ip(from.0), 40_000), (ip(to.0), 443));
    let opener = key.opener.0;
    for (side, own, other) in [(opener, from, to), (opener.other(), to, from)] {
        let facts = key.link.of_mut(side);
        (facts.source, facts.target) = (own.1, other.1);
    }
    // Rows keep no port of who opened them.
    key.key = key.key.without_port(opener);
    let mut counted = Counters::new(at(times.0));
    counted.last = at(times.1);
    counted.frames = 6;
    for side in Side::BOTH {
        let sent = counted.sent.of_mut(side);
        (sent.packets, sent.answers, sent.bytes) = (3, 3, 100);
        sent.application = true;
    }
    let mut row = Row::by_hand(&[(0, counted)]);
    row.opener_ports.insert(40_000);
    (key, row)
}

/// The same where the far end says nothing.
pub(crate) fn unanswered(from: End<'_>, to: End<'_>, times: (u64, u64)) -> (RowKey, Row) {
    let (mut key, mut row) = flow(from, to, times);
    let asked = key.opener.0.other();
    *key.link.of_mut(asked) = LinkFacts::default();
    for span in &mut row.spans {
        *span.total.sent.of_mut(asked) = Sent::default();
    }
    (key, row)
}

/// A series of these rows, in which each MAC is known to have the addresses that it sent from.
pub(crate) fn series(rows: Vec<(RowKey, Row)>) -> Series {
    let mut ledger = Ledger::default();
    for (key, row) in &rows {
        for side in Side::BOTH {
            let sent = row.spans.iter().any(|s| s.total.sent.of(side).packets > 0);
            if let Some(mac) = key.link.of(side).source.filter(|_| sent) {
                let station = ledger.stations.entry(mac).or_default();
                station.sources.insert(key.key.ip(side));
            }
        }
    }
    Series {
        inputs: vec![0],
        rows,
        ledger,
        unflowed: BTreeMap::new(),
        unflowed_over_time: UnflowedOverTime::default(),
        extents: BTreeMap::new(),
        time_gaps: Vec::new(),
        folded: 0,
        link: 0,
    }
}

/// A pair by the opener of a row: its value and the other end's.
pub(crate) fn by_opener<T>(key: &RowKey, own: T, other: T) -> Pair<T> {
    match key.opener.0 {
        Side::A => Pair { a: own, b: other },
        Side::B => Pair { a: other, b: own },
    }
}

/// What is declared, for [`judged`]: the device, the app under audit, networks that are local.
#[derive(Default)]
pub(crate) struct Declared {
    pub(crate) devices: Devices,
    pub(crate) apps: Vec<Pattern>,
    pub(crate) local: Vec<IpNet>,
}

/// Series of one input each, judged row by row.
pub(crate) fn judged(series: Vec<Series>, declared: &Declared) -> Judged {
    on(series, declared, judge)
}

/// What judging of such series begins with.
pub(crate) fn on<T>(
    series: Vec<Series>,
    declared: &Declared,
    then: impl FnOnce(&Basis<'_>) -> T,
) -> T {
    let evidence = Evidence {
        inputs: series
            .iter()
            .map(|_| InputFacts::by_hand(at(0).time))
            .collect(),
        series,
        intervals: Intervals::default(),
    };
    let (subject, locator) = (Subject::new(&declared.apps), Locator::embedded().unwrap());
    then(&Basis {
        evidence: &evidence,
        catalog: Catalog::embedded(),
        locator: &locator,
        local: &declared.local,
        devices: &declared.devices,
        subject: &subject,
    })
}
