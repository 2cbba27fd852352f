//! Gaps and limits in the report.

use crate::ground::cause::{GapCause, Oddity};
use crate::ground::gaps::GapId;
use crate::ground::moment::{Moment, Timestamp};
use crate::judge::claim::Case;
use crate::judge::claim::coverage::{Needs, apps_unseen};
use crate::judge::claim::whereabouts::{GEO_STALE_DAYS, data_age_days};
use crate::tell::report::{causes, noticed, v1};
use std::collections::BTreeMap;

/// Age of the address data against the capture from which on the reader is warned.
const GEO_WARN_DAYS: i64 = 180;

/// The gaps of the whole capture, and those of single windows that only a window has.
pub(super) fn gaps(case: &Case<'_>) -> Vec<v1::Gap> {
    let mut out: Vec<(GapId, v1::Gap)> = Vec::new();
    for window in &case.windows {
        for gap in causes::gaps(&window.gaps, case.needs) {
            let Some(id) = gap.id.known() else {
                continue;
            };
            if !out.iter().any(|(_, have)| *have == gap) {
                out.push((id, gap));
            }
        }
    }
    // What lies outside all windows is told too: it bears on no verdict, and still is a fact.
    let mut outside: BTreeMap<(GapId, u32, &GapCause), (u64, Option<Moment>)> = BTreeMap::new();
    if case.windows.iter().any(|w| w.window.is_some()) {
        for series in &case.basis.evidence.series {
            for (key, noted) in series.ledger.gaps.iter() {
                let of = outside
                    .entry((key.id, key.input, &key.cause))
                    .or_insert((0, None));
                let firsts = [of.1, noted.first].into_iter().flatten();
                *of = (of.0.saturating_add(noted.count), firsts.min());
            }
        }
    }
    for ((gap, input, cause), (count, first)) in outside {
        let text = noticed::cause(cause);
        let told = out.iter().any(|(id, g)| {
            *id == gap
                && g.input == Some(input)
                && (g.text == text || (g.covered_by.is_some() && g.text.starts_with(&*text)))
        });
        if !told {
            let of_none = v1::Gap {
                id: gap.into(),
                count,
                text: text.into_owned(),
                input: Some(input),
                frame: first.filter(|m| !m.is_none()).map(|m| m.at.frame),
                blocking: false,
                covered_by: None,
            };
            out.push((gap, of_none));
        }
    }
    out.sort_by(|(a, x), (b, y)| {
        (a, x.input, x.frame, &x.text, x.count).cmp(&(b, y.input, y.frame, &y.text, y.count))
    });
    out.into_iter().map(|(_, gap)| gap).collect()
}

/// Frames whose bytes contradict the stated link type, over all series.
fn oddities(case: &Case<'_>) -> BTreeMap<Oddity, (u64, Moment)> {
    let mut out: BTreeMap<Oddity, (u64, Moment)> = BTreeMap::new();
    for series in &case.basis.evidence.series {
        for (what, (count, first)) in &series.ledger.oddities {
            let seen = out.entry(*what).or_insert((0, *first));
            seen.0 += count;
            seen.1 = seen.1.min(*first);
        }
    }
    out
}

/// What captures like these cannot show.
pub(super) fn limits(case: &Case<'_>) -> Vec<String> {
    let mut out = vec![
        "A capture shows the link it was taken on: traffic over another network (cellular, a second Wi-Fi, Bluetooth, a cable) is not in it.".to_owned(),
        "Encrypted payload cannot be read: what was sent is not known, only that, where to and how much.".to_owned(),
    ];
    let labelled = case.judged.labels.iter().any(|l| !l.seen.is_empty());
    if labelled && case.basis.subject.given().is_empty() {
        out.push("The captures label packets with apps, and --app was not given: the apps of the shipped list of drone apps are the subject. Packets without a label are judged by name.".to_owned());
    } else if labelled {
        out.push("Packets without a label are judged by name.".to_owned());
    }
    out.extend(
        apps_unseen(case.judged, case.basis)
            .iter()
            .map(|app| format!("{}.", causes::app_unseen(app))),
    );
    for input in &case.basis.evidence.inputs {
        out.extend(
            input
                .remarks
                .iter()
                .map(|of| format!("{}: {}", input.name, noticed::remark(of))),
        );
        if input.hints.names > 0 {
            out.push(format!(
                "{}: the recording tool wrote down {} names of addresses; they are its belief, and no evidence.",
                input.name, input.hints.names
            ));
        }
    }
    out.extend(super::clocks::sentences(case));
    for (what, (count, first)) in oddities(case) {
        out.push(format!(
            "{count} frames from frame {} of {} on: {}.",
            first.at.frame,
            case.basis
                .evidence
                .inputs
                .get(first.at.input as usize)
                .map_or("an input", |i| i.name.as_str()),
            noticed::oddity(what)
        ));
    }
    let usual = Needs::default();
    if case.needs.minimum_seconds < usual.minimum_seconds {
        out.push(format!(
            "The case file lets {} seconds of capture be enough for a window, where {} are usual: the verdict is weaker for it.",
            case.needs.minimum_seconds, usual.minimum_seconds
        ));
    }
    if case.needs.time_gap > usual.time_gap {
        out.push(format!(
            "The case file allows silences of up to {} seconds, where {} are usual: packets may be missing in them.",
            case.needs.time_gap / Timestamp::SECOND,
            usual.time_gap / Timestamp::SECOND
        ));
    }
    if !case.basis.devices.any() && !labelled {
        out.push("The captures have no app labels, and no device was declared: only names say which app sent a packet. Declare the device with --device if only the app under audit should run on it.".to_owned());
    }
    for db in case.basis.locator.databases() {
        let days = data_age_days(case.basis, db.built);
        match days {
            Some(days) if days.abs() > GEO_STALE_DAYS => out.push(format!(
                "Between the address data ({}) and the capture lie {} days: places are not sure, and a place alone contradicts nothing.",
                db.source,
                days.abs()
            )),
            Some(days) if days.abs() > GEO_WARN_DAYS => out.push(format!(
                "Between the address data ({}) and the capture lie {} days: addresses may have moved.",
                db.source,
                days.abs()
            )),
            _ => {}
        }
    }
    out
}
