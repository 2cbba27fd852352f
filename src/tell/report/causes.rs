//! Gaps in words: why silence counts for less.

use super::grounds::{self, Described};
use super::moments;
use super::noticed;
use super::v1;
use super::words::count;
use crate::ground::gaps::GapId;
use crate::ground::interval::Window;
use crate::ground::moment::Timestamp;
use crate::judge::claim::coverage::{Needs, SLOTS_NEEDED, WindowGap};
use crate::judge::claim::fact::{AppUnseen, Cause, OneSided};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// A window with its bounds.
pub(super) fn window(window: &Window) -> String {
    // As many digits as the bound has.
    let digits = |t: Timestamp| match t.nanos() {
        Some(n) if n % 1_000_000_000 == 0 => 0,
        Some(n) if n % 1_000_000 == 0 => 3,
        Some(n) if n % 1_000 == 0 => 6,
        _ => 9,
    };
    let show = |t: Timestamp| t.rfc3339(digits(t)).unwrap_or_else(|| "unknown".into());
    format!(
        "window {}",
        moments::span(&show(window.start), &show(window.end))
    )
}

fn window_or_all(of: &Option<Window>) -> String {
    of.as_ref().map_or("the capture".to_owned(), window)
}

/// Seconds to the tenth.
fn seconds(nanos: i64) -> String {
    format!("{:.1} seconds", nanos as f64 / 1e9)
}

/// Why silence counts for less.
pub(super) fn cause(cause: &Cause, needs: Needs) -> String {
    let least = needs.minimum_seconds;
    match cause {
        Cause::Noticed(cause) => noticed::cause(cause).into_owned(),
        Cause::NoPackets(nanos) => format!("no packet for {}", seconds(*nanos)),
        Cause::StepBack(nanos) => format!("the clock goes back by {}", seconds(*nanos)),
        Cause::StepBackOverEdge(nanos) => format!(
            "the clock goes back by {} at an edge of the window: it is not known which packets are inside",
            seconds(*nanos)
        ),
        Cause::StartMissing(of, nanos) => open_end(of, "first", *nanos),
        Cause::EndMissing(of, nanos) => open_end(of, "last", *nanos),
        Cause::Opaque(what) => format!(
            "{} to a local host: other packets may be inside",
            grounds::sealed(*what)
        ),
        Cause::SideGuessed => "both ends of a conversation are public, and only its ports say which one is ours: what is counted as \
             received may have been sent"
            .to_owned(),
        Cause::NamesHidden(how) => grounds::hidden(how),
        Cause::BytesMissing => "TCP confirms bytes that are in no packet of the capture".to_owned(),
        Cause::OneSided(what) => one_sided(*what),
        Cause::TooShort(of, nanos) => format!(
            "{} was recorded for {}, and at least {least:.0} are needed",
            window_or_all(of),
            seconds(*nanos)
        ),
        Cause::ShortAtWork(of, nanos) => format!(
            "{} shows the app or the drone at work over {}, without long silences, and at least {least:.0} are needed",
            window_or_all(of),
            seconds(*nanos)
        ),
        Cause::NamesFolded => "a destination has more names than the program keeps".to_owned(),
        Cause::DeviceUnseen(address) => {
            format!("no capture shows the declared device {address}")
        }
        Cause::AppUnseen(app) => app_unseen(app),
        Cause::NotAtWork {
            window,
            slots,
            labelled,
            device,
        } => format!(
            "{} shows {}; at least {SLOTS_NEEDED} periods of 10 s are needed (drone-link frames count{}{})",
            window_or_all(window),
            match slots {
                0 => "no activity of the app or the drone".to_owned(),
                slots => format!(
                    "activity of the app or the drone in only {} of 10 s",
                    count(*slots, "period")
                ),
            },
            match labelled {
                true => ", and packets of the app under audit",
                false => "",
            },
            match device {
                Some(true) => ", and packets of the device under audit",
                Some(false) =>
                    "; of the declared device only multicast and ARP were seen, and frames of other machines do not count",
                None => "",
            }
        ),
        Cause::Missed(input, missed, more) => {
            let missed = missed.iter().map(|of| Described(of).to_string());
            let missed: Vec<String> = missed.collect();
            let more = match more {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            format!(
                "input {input} was recorded in the same minutes and does not show {}{more}",
                missed.join("; ")
            )
        }
    }
}

fn open_end(of: &Window, what: &str, nanos: i64) -> String {
    format!(
        "{} was declared, but its {what} {} were not recorded",
        window(of),
        seconds(nanos)
    )
}

fn one_sided(what: OneSided) -> String {
    match what {
        OneSided::DeviceReceived => {
            "only what the device under audit received was recorded, not what it sent".to_owned()
        }
        OneSided::DeviceSent => {
            "only what the device under audit sent was recorded, not what it received".to_owned()
        }
        OneSided::Inbound => {
            "only packets that came in were recorded: no conversation shows both sides".to_owned()
        }
        OneSided::Connections(count) => format!(
            "TCP payload was recorded in one direction only, on {count} or more connections"
        ),
        OneSided::Receivers => {
            "only one direction was recorded: no host that is sent packets sends any".to_owned()
        }
    }
}

/// An app that no label names.
pub(super) fn app_unseen(app: &AppUnseen) -> String {
    let AppUnseen {
        pattern,
        labelled,
        near,
    } = app;
    if !labelled {
        format!(
            "--app {pattern} was given, but the captures have no app labels: only names say whose traffic it is"
        )
    } else if near.is_empty() {
        format!("no label in the captures matches --app {pattern}")
    } else {
        format!(
            "no label in the captures matches --app {pattern}; near it: {}",
            near.join(", ")
        )
    }
}

/// The gaps of a window in words, those that read alike together, in the order of kind, input, frame and
/// words.
pub(super) fn gaps(gaps: &[WindowGap], needs: Needs) -> Vec<v1::Gap> {
    let mut alike: BTreeMap<(GapId, Option<u32>, String), v1::Gap> = BTreeMap::new();
    for gap in gaps {
        let text = match gap.covered_by {
            Some(by) => format!(
                "{}; input {by} makes up for it: it shows the subject on the same link without this gap",
                cause(&gap.cause, needs)
            ),
            None => cause(&gap.cause, needs),
        };
        let told = v1::Gap {
            id: gap.id.into(),
            count: gap.count,
            text: text.clone(),
            input: gap.input,
            frame: gap.frame,
            blocking: gap.blocks(),
            covered_by: gap.covered_by,
        };
        match alike.entry((gap.id, gap.input, text)) {
            Entry::Vacant(place) => {
                place.insert(told);
            }
            Entry::Occupied(mut place) => {
                let have = place.get_mut();
                have.count = have.count.saturating_add(told.count);
                have.frame = match (have.frame, told.frame) {
                    (Some(a), Some(b)) => Some(a.min(b)),
                    (a, b) => a.or(b),
                };
            }
        }
    }
    let mut out: Vec<(GapId, v1::Gap)> =
        alike.into_iter().map(|((id, ..), gap)| (id, gap)).collect();
    out.sort_by(|(a, x), (b, y)| {
        (a, x.input, x.frame, &x.text).cmp(&(b, y.input, y.frame, &y.text))
    });
    out.into_iter().map(|(_, gap)| gap).collect()
}
