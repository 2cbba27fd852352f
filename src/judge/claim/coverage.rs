//! How much the silence of a window is worth: the gaps that bear on it.
//!
//! A gap counts against a window unless another vantage covers it: one without such a gap that shows
//! the subject itself, on the same link, over the same time. A covered gap stays listed.

use crate::evidence::ledger::apps::App;
use crate::evidence::{Series, TimeGap};
use crate::ground::epoch::{Detail, Window};
use crate::ground::gaps::GapId;
use crate::ground::moment::{Moment, Timestamp};
use crate::judge::classify::Basis;
use crate::judge::classify::rows::Judged;
use crate::judge::classify::subject::Names;
use crate::judge::classify::vantages::missed;
use std::collections::{BTreeMap, BTreeSet};

/// The least capture time that a window needs for silence to mean anything (contract).
pub const MINIMUM_SECONDS: f64 = 60.0;
/// Silence, or a step of the clock, longer than this is a gap (contract: 60 seconds).
pub const TIME_GAP: i64 = 60 * Timestamp::SECOND;
/// Slots of this length with the subject at work…
const SLOT: i64 = 10 * Timestamp::SECOND;
/// …of which so many are needed (contract, `no-app-activity`).
const SLOTS_NEEDED: usize = 3;
/// Two vantages cover the same time if their ends differ by less than this.
const SAME_TIME: i64 = Timestamp::SECOND;
/// Destinations named of those that another vantage misses.
const MISSED_LISTED: usize = 5;

/// What silence needs to count. A case file may ask for less or more, and the report records it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Needs {
    /// Fewest seconds of capture in a window.
    pub minimum_seconds: f64,
    /// Nanoseconds of silence, or of a step of the clock, that are no gap yet.
    pub time_gap: i64,
}

impl Default for Needs {
    fn default() -> Self {
        Self {
            minimum_seconds: MINIMUM_SECONDS,
            time_gap: TIME_GAP,
        }
    }
}

/// A gap that bears on a window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WindowGap {
    /// Its kind.
    pub id: GapId,
    /// How often.
    pub count: u64,
    /// In words.
    pub text: String,
    /// The input, if it belongs to one.
    pub input: Option<u32>,
    /// First frame that shows it.
    pub frame: Option<u64>,
    /// The input of another vantage that makes up for it.
    pub covered_by: Option<u32>,
}

impl WindowGap {
    /// True if it forbids `consistent`.
    pub fn blocks(&self) -> bool {
        self.id.blocks() && self.covered_by.is_none()
    }
}

/// A window with what it covers and lacks.
pub struct WindowCoverage {
    /// Its bounds; `None` for the whole capture.
    pub window: Option<Window>,
    /// What the case file says of it.
    pub detail: Detail,
    /// The epochs that are judged: all of it but the grace.
    pub inside: Box<dyn Fn(u32) -> bool>,
    /// The epochs of its grace.
    pub grace: Option<Box<dyn Fn(u32) -> bool>>,
    /// First and last packet inside.
    pub extent: Option<(Moment, Moment)>,
    /// Seconds between them, in the vantage that covers most.
    pub seconds: f64,
    /// Starts of the ten-second slots with the subject at work.
    pub active: BTreeSet<Timestamp>,
    /// Gaps, those of all vantages that no other makes up for.
    pub gaps: Vec<WindowGap>,
}

impl WindowCoverage {
    /// Seconds with the subject at work: its slots, but no more than there is of capture.
    pub fn active_seconds(&self) -> f64 {
        let slots = self.active.len() as f64 * (SLOT / Timestamp::SECOND) as f64;
        slots.min(self.seconds)
    }
}

/// A window in words.
pub fn describe(window: &Window) -> String {
    // As many digits as the bound has.
    let digits = |t: Timestamp| match t.nanos() {
        Some(n) if n % 1_000_000_000 == 0 => 0,
        Some(n) if n % 1_000_000 == 0 => 3,
        Some(n) if n % 1_000 == 0 => 6,
        _ => 9,
    };
    let show = |t: Timestamp| t.rfc3339(digits(t)).unwrap_or_else(|| "unknown".into());
    format!("window {} to {}", show(window.start), show(window.end))
}

/// The windows of a run, each with its coverage.
pub fn windows(basis: &Basis<'_>, judged: &Judged, needs: Needs) -> Vec<WindowCoverage> {
    let epochs = &basis.evidence.epochs;
    if epochs.windows().is_empty() {
        let whole = Bounds {
            window: None,
            detail: Detail::default(),
            inside: Box::new(|_| true),
            grace: None,
        };
        return vec![cover(whole, basis, judged, needs)];
    }
    epochs
        .windows()
        .iter()
        .zip(epochs.details())
        .map(|(window, detail)| {
            let tested = detail.tested(window);
            let inside = epochs.within(&tested);
            let all = epochs.within(window);
            let bounds = Bounds {
                window: Some(tested),
                detail: detail.clone(),
                grace: (detail.grace > 0).then(|| {
                    let inside = epochs.within(&tested);
                    Box::new(move |epoch| all(epoch) && !inside(epoch)) as Box<dyn Fn(u32) -> bool>
                }),
                inside: Box::new(inside),
            };
            WindowCoverage {
                window: Some(*window),
                ..cover(bounds, basis, judged, needs)
            }
        })
        .collect()
}

/// A window before its coverage is known.
struct Bounds {
    window: Option<Window>,
    detail: Detail,
    inside: Box<dyn Fn(u32) -> bool>,
    grace: Option<Box<dyn Fn(u32) -> bool>>,
}

fn cover(bounds: Bounds, basis: &Basis<'_>, judged: &Judged, needs: Needs) -> WindowCoverage {
    let Bounds {
        window,
        detail,
        inside,
        grace,
    } = bounds;
    let Needs {
        minimum_seconds,
        time_gap,
    } = needs;
    let series = &basis.evidence.series;
    let extents: Vec<Option<(Moment, Moment)>> =
        series.iter().map(|s| extent(s, &*inside)).collect();
    let seconds = extents
        .iter()
        .flatten()
        .map(|(a, b)| length(*a, *b))
        .fold(0.0, f64::max);
    let whole = extents
        .iter()
        .flatten()
        .copied()
        .reduce(|(a, b), (c, d)| (a.min(c), b.max(d)));
    let bounds = window.map(|tested| Edges {
        tested,
        declared: Window {
            start: tested.start.plus(-detail.grace),
            end: tested.end.plus(detail.grace),
        },
    });
    let mut per_series: Vec<BTreeMap<GapId, Vec<WindowGap>>> = series
        .iter()
        .enumerate()
        .map(|(index, s)| gaps_of(index, s, bounds.as_ref(), &*inside, judged, basis, time_gap))
        .collect();
    if let Some(edges) = &bounds {
        let any = extents.iter().any(Option::is_some);
        for ((s, own), extent) in series.iter().zip(&mut per_series).zip(&extents) {
            // What was recorded at another time altogether says nothing of this window.
            if extent.is_some() || !any {
                let open = open_ends(s, &edges.declared, time_gap);
                if !open.is_empty() {
                    own.entry(GapId::TimeGap).or_default().extend(open);
                }
            }
        }
    }
    let mut gaps = Vec::new();
    for (index, own) in per_series.iter().enumerate() {
        for (id, found) in own {
            let other = per_series.iter().enumerate().find(|(other, theirs)| {
                id.blocks()
                    && *other != index
                    && !theirs.contains_key(id)
                    && covers(
                        extents.get(*other).copied().flatten(),
                        extents.get(index).copied().flatten(),
                    )
                    && shows_as_much(judged, (*other, index), &extents, &*inside)
            });
            let covered_by = other
                .and_then(|(other, _)| series.get(other)?.inputs.first())
                .copied();
            gaps.extend(found.iter().cloned().map(|gap| WindowGap {
                text: match covered_by {
                    Some(by) => format!(
                        "{}; covered: input {by} shows the subject on the same link without it",
                        gap.text
                    ),
                    None => gap.text,
                },
                covered_by,
                ..gap
            }));
        }
    }
    let named = || window.as_ref().map_or("the capture".to_owned(), describe);
    let mut short = |text: String| {
        gaps.push(WindowGap {
            id: GapId::TooShort,
            count: 1,
            text,
            input: None,
            frame: None,
            covered_by: None,
        });
    };
    let seen = device_seen(judged, basis, &*inside);
    let signs = if seen {
        signs(basis, judged, &*inside)
    } else {
        BTreeSet::new()
    };
    let origin = window
        .map(|w| w.start)
        .or(whole.map(|(first, _)| first.time));
    let slots = slots(&signs, origin);
    if seconds < minimum_seconds {
        short(format!(
            "{} holds {seconds:.1} seconds of capture, and silence needs {minimum_seconds:.0}",
            named()
        ));
    } else if let at_work = at_work(&signs, time_gap)
        && at_work < minimum_seconds
        && slots.len() >= SLOTS_NEEDED
    {
        // Fewer slots say the same by themselves.
        short(format!(
            "from the subject's first sign in {} to its last there are {at_work:.1} seconds, long silences left out, and silence needs {minimum_seconds:.0}",
            named()
        ));
    }
    let folded = judged.destinations.iter().filter_map(|d| d.names_folded);
    if let Some(first) = folded.min_by_key(|moment| moment.at) {
        gaps.push(WindowGap {
            id: GapId::LimitsReached,
            count: 1,
            text: "more names of a destination than are kept".into(),
            input: Some(first.at.input),
            frame: Some(first.at.frame),
            covered_by: None,
        });
    }
    // Declared, and in no vantage: a mistyped address must not pass for a silent device.
    let unseen: Vec<&String> = judged
        .devices
        .first()
        .map(|first| first.unseen.iter())
        .into_iter()
        .flatten()
        .filter(|address| {
            judged
                .devices
                .iter()
                .all(|view| view.unseen.contains(*address))
        })
        .collect();
    for address in unseen {
        gaps.push(WindowGap {
            id: GapId::NoAppActivity,
            count: 1,
            text: format!("the declared device {address} was not seen in any capture"),
            input: None,
            frame: None,
            covered_by: None,
        });
    }
    gaps.extend(mismatches(judged, &*inside, &extents));
    let unmatched = unmatched_apps(judged, basis);
    if !unmatched.is_empty() && unmatched.len() >= basis.subject.given().len() {
        gaps.extend(unmatched.into_iter().map(|text| WindowGap {
            id: GapId::NoAppActivity,
            count: 1,
            text,
            input: None,
            frame: None,
            covered_by: None,
        }));
    }
    let active = slots.len();
    if active < SLOTS_NEEDED {
        gaps.push(WindowGap {
            id: GapId::NoAppActivity,
            count: 1,
            text: format!(
                "{} shows the subject at work in {active} of the {SLOTS_NEEDED} ten-second slots that are needed (drone-link frames{}{})",
                window.as_ref().map_or("the capture".to_owned(), describe),
                if judged.labels.iter().any(|l| !l.seen.is_empty()) {
                    ", packets labelled with the app under audit"
                } else {
                    ""
                },
                match (basis.devices.any(), seen) {
                    (true, true) => ", packets of the device under audit",
                    (true, false) => "; apart from multicast and ARP the declared device was not seen, and other machines' frames say nothing of it",
                    (false, _) => "",
                }
            ),
            input: None,
            frame: None,
            covered_by: None,
        });
    }
    gaps.sort_by(|a, b| (a.id, a.input, a.frame, &a.text).cmp(&(b.id, b.input, b.frame, &b.text)));
    WindowCoverage {
        window,
        detail,
        inside,
        grace,
        active: slots,
        extent: whole,
        seconds,
        gaps,
    }
}

/// What one vantage shows of the subject and another one of the same minutes does not.
fn mismatches(
    judged: &Judged,
    inside: &dyn Fn(u32) -> bool,
    extents: &[Option<(Moment, Moment)>],
) -> Vec<WindowGap> {
    let mut out = Vec::new();
    for (a, first) in extents.iter().enumerate() {
        for (b, second) in extents.iter().enumerate() {
            let (Some((start, end)), Some((from, to)), true) = (first, second, a != b) else {
                continue;
            };
            let overlap = (start.time.max(from.time), end.time.min(to.time));
            if overlap.1.since(overlap.0).is_none_or(|d| d < SAME_TIME) {
                continue;
            }
            let missed = missed(&judged.destinations, (a, b), inside, overlap);
            let Some((_, at)) = missed.first() else {
                continue;
            };
            let mut names: Vec<&str> = missed.iter().map(|(n, _)| n.as_str()).collect();
            let more = names.len().saturating_sub(MISSED_LISTED);
            names.truncate(MISSED_LISTED);
            let more = match more {
                0 => String::new(),
                n => format!(" and {n} more"),
            };
            out.push(WindowGap {
                id: GapId::VantageMismatch,
                count: missed.len() as u64,
                text: format!(
                    "input {} covers the same minutes and does not show {}{more}",
                    from.at.input,
                    names.join("; ")
                ),
                input: Some(at.at.input),
                frame: Some(at.at.frame),
                covered_by: None,
            });
        }
    }
    out
}

/// Apps that were asked for and that no label names, in words: the silence of an app that was
/// never recorded is worth nothing.
pub fn unmatched_apps(judged: &Judged, basis: &Basis<'_>) -> Vec<String> {
    let mut seen: Vec<(&App, Vec<String>)> = Vec::new();
    for series in &basis.evidence.series {
        for app in series.ledger.apps.list() {
            let names = Names::of(app, &basis.evidence.inputs);
            let names = names.process.into_iter().chain(names.effective);
            seen.push((app, names.map(|(name, _)| name).collect()));
        }
    }
    let labelled = judged.labels.iter().any(|l| !l.seen.is_empty());
    basis
        .subject
        .unmatched(&seen)
        .into_iter()
        .map(|(pattern, near)| {
            if !labelled {
                format!("--app {pattern} was asked for, and the captures carry no app labels: names alone say whose traffic it is")
            } else if near.is_empty() {
                format!("no label in the captures matches --app {pattern}")
            } else {
                format!("no label in the captures matches --app {pattern}; near it: {}", near.join(", "))
            }
        })
        .collect()
}

fn extent(series: &Series, inside: &dyn Fn(u32) -> bool) -> Option<(Moment, Moment)> {
    series
        .extents
        .iter()
        .filter(|(epoch, _)| inside(**epoch))
        .map(|(_, e)| (e.first, e.last))
        .reduce(|(a, b), (c, d)| (a.min(c), b.max(d)))
}

fn length(first: Moment, last: Moment) -> f64 {
    last.time.since(first.time).unwrap_or(0) as f64 / 1e9
}

fn covers(theirs: Option<(Moment, Moment)>, ours: Option<(Moment, Moment)>) -> bool {
    let (Some((a, b)), Some((c, d))) = (theirs, ours) else {
        return ours.is_none() && theirs.is_some();
    };
    let early = a.time.since(c.time).is_some_and(|late| late < SAME_TIME);
    let long = d.time.since(b.time).is_some_and(|late| late < SAME_TIME);
    early && long
}

/// True if a vantage shows the subject on the link of another one, for as long as that one does; or
/// for as long as that one lasts, if it does not show the subject.
fn shows_as_much(
    judged: &Judged,
    (cover, of): (usize, usize),
    extents: &[Option<(Moment, Moment)>],
    inside: &dyn Fn(u32) -> bool,
) -> bool {
    let (Some(cover), Some(shown)) = (judged.shown.get(cover), judged.shown.get(of)) else {
        return false;
    };
    if !cover.shares(shown) {
        return false;
    }
    let whole = extents.get(of).copied().flatten();
    let needed = shown
        .span(inside)
        .or(whole.map(|(first, last)| (first.time, last.time)));
    match (cover.span(inside), needed) {
        (Some((first, last)), Some((from, to))) => {
            let missing = |a: Timestamp, b: Timestamp| a.since(b).is_none_or(|d| d > SLOT);
            !missing(first, from) && !missing(to, last)
        }
        // Nothing says who the subject is, or what covers shows it without a label: the extents, which
        // were compared, have to do.
        (None, _) => true,
        (Some(_), None) => false,
    }
}

/// True unless a device was declared and no packet to or from it lies in the window: a mistyped
/// address must not pass for a silent device.
fn device_seen(judged: &Judged, basis: &Basis<'_>, inside: &dyn Fn(u32) -> bool) -> bool {
    !basis.devices.any()
        || judged
            .directions
            .iter()
            .flatten()
            .any(|(epoch, d)| inside(*epoch) && d.device_out + d.device_in > 0)
}

/// Times at which the subject was seen at work: labelled packets, packets of the declared device,
/// valid frames of a drone link.
fn signs(basis: &Basis<'_>, judged: &Judged, inside: &dyn Fn(u32) -> bool) -> BTreeSet<Timestamp> {
    let mut found = BTreeSet::new();
    for (index, s) in basis.evidence.series.iter().enumerate() {
        let labelled: Vec<&App> = judged
            .labels
            .get(index)
            .map(|labels| {
                s.ledger
                    .apps
                    .iter()
                    .filter(|(id, _)| labels.is_subject(*id))
                    .map(|(_, app)| app)
                    .collect()
            })
            .unwrap_or_default();
        for epoch in s.extents.keys().filter(|e| inside(**e)) {
            let labels = labelled.iter().flat_map(|app| app.activity.moments(*epoch));
            let moments = s
                .ledger
                .drone_link
                .moments(*epoch)
                .chain(s.ledger.device.moments(*epoch))
                .chain(labels);
            found.extend(moments.map(|m| m.time));
        }
    }
    found
}

/// Seconds from the first sign to the last, silences beyond the limit taken out.
fn at_work(signs: &BTreeSet<Timestamp>, limit: i64) -> f64 {
    let steps = signs.iter().zip(signs.iter().skip(1));
    let nanos = steps
        .filter_map(|(before, after)| after.since(*before))
        .filter(|step| *step <= limit)
        .fold(0i64, i64::saturating_add);
    nanos as f64 / 1e9
}

/// Ten-second slots, from the window's start on, that hold such signs.
fn slots(signs: &BTreeSet<Timestamp>, origin: Option<Timestamp>) -> BTreeSet<Timestamp> {
    let Some(origin) = origin else {
        return BTreeSet::new();
    };
    signs
        .iter()
        .filter_map(|time| time.since(origin))
        .map(|t| origin.plus(t.div_euclid(SLOT).saturating_mul(SLOT)))
        .collect()
}

/// A window as declared, and what is left of it without its grace.
#[derive(Debug, Clone, Copy)]
struct Edges {
    declared: Window,
    tested: Window,
}

/// Parts of a declared window at its ends for which a series has no capture.
fn open_ends(series: &Series, declared: &Window, limit: i64) -> Vec<WindowGap> {
    let Some((first, last)) = extent(series, &|_| true) else {
        return Vec::new();
    };
    let begin = first.time.min(declared.end).since(declared.start);
    let end = declared.end.since(last.time.max(declared.start));
    let gap = |nanos: Option<i64>, what: &str, at: Moment| {
        let nanos = nanos.filter(|nanos| *nanos > limit)?;
        let seconds = nanos as f64 / 1e9;
        Some(WindowGap {
            id: GapId::TimeGap,
            count: 1,
            text: format!(
                "{} was declared, and there is no capture of its {what} {seconds:.1} seconds",
                describe(declared)
            ),
            input: Some(at.at.input),
            frame: Some(at.at.frame),
            covered_by: None,
        })
    };
    [gap(begin, "first", first), gap(end, "last", last)]
        .into_iter()
        .flatten()
        .collect()
}

fn gaps_of(
    index: usize,
    series: &Series,
    edges: Option<&Edges>,
    inside: &dyn Fn(u32) -> bool,
    judged: &Judged,
    basis: &Basis<'_>,
    time_gap: i64,
) -> BTreeMap<GapId, Vec<WindowGap>> {
    let mut found: BTreeMap<(GapId, Option<u32>, String), WindowGap> = BTreeMap::new();
    let mut note = |id: GapId, input: Option<u32>, text: String, count: u64, frame: Option<u64>| {
        let gap = found.entry((id, input, text.clone())).or_insert(WindowGap {
            id,
            count: 0,
            text,
            input,
            frame,
            covered_by: None,
        });
        gap.count += count;
        gap.frame = match (gap.frame, frame) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
    };
    for (key, noted) in series.ledger.gaps.iter() {
        if key.epoch.is_none_or(inside) {
            let frame = noted.first.filter(|m| !m.is_none()).map(|m| m.at.frame);
            note(
                key.id,
                Some(key.input),
                key.cause.to_string(),
                noted.count,
                frame,
            );
        }
    }
    for gap in &series.time_gaps {
        if let Some(text) = time_gap_inside(gap, edges, time_gap) {
            note(
                GapId::TimeGap,
                Some(gap.after.at.input),
                text,
                1,
                Some(gap.after.at.frame),
            );
        }
    }
    for opaque in judged
        .opaque
        .iter()
        .filter(|o| o.series == index && inside(o.epoch))
    {
        let text = format!(
            "{} to a local host: it could carry other packets",
            opaque.name
        );
        let at = opaque.first.at;
        note(
            GapId::OpaqueTunnel,
            Some(at.input),
            text,
            opaque.packets,
            Some(at.frame),
        );
    }
    for (at, epoch, what) in &judged.hidden {
        if inside(*epoch) && series.inputs.contains(&at.at.input) {
            note(
                GapId::NamesHidden,
                Some(at.at.input),
                what.clone(),
                1,
                Some(at.at.frame),
            );
        }
    }
    for (at, bytes) in lost(index, judged, inside) {
        note(
            GapId::LostPackets,
            Some(at.at.input),
            "bytes of TCP connections were acknowledged, and no packet of the capture holds them"
                .into(),
            bytes,
            Some(at.at.frame),
        );
    }
    if let Some(text) = one_direction(index, judged, basis, inside) {
        note(
            GapId::OneDirection,
            series.inputs.first().copied(),
            text,
            1,
            None,
        );
    }
    let mut out: BTreeMap<GapId, Vec<WindowGap>> = BTreeMap::new();
    for gap in found.into_values() {
        out.entry(gap.id).or_default().push(gap);
    }
    out
}

/// A silence or a step of the clock, as far as it touches the window.
fn time_gap_inside(gap: &TimeGap, edges: Option<&Edges>, limit: i64) -> Option<String> {
    let (before, after) = (gap.before.time, gap.after.time);
    let step = after.since(before)?;
    let seconds = step.unsigned_abs() as f64 / 1e9;
    if step < 0 {
        let windows = edges.map(|e| [e.declared, e.tested]);
        let mut bounds = windows.iter().flatten().flat_map(|w| [w.start, w.end]);
        if bounds.any(|edge| after < edge && edge <= before) {
            return Some(format!(
                "the clock steps back by {seconds:.1} seconds, over an edge of the window: on which side of it packets went cannot be said"
            ));
        }
        let touches = edges.is_none_or(|e| e.tested.contains(before) || e.tested.contains(after));
        return (touches && -step > limit)
            .then(|| format!("the clock steps back by {seconds:.1} seconds"));
    }
    let overlap = match edges {
        None => step,
        Some(e) => after.min(e.tested.end).since(before.max(e.tested.start))?,
    };
    (overlap > limit).then(|| format!("{seconds:.1} seconds without a packet"))
}

/// Bytes of the subject's connections that are missing, and the first frame of such a connection.
fn lost<'j>(
    index: usize,
    judged: &'j Judged,
    inside: &'j dyn Fn(u32) -> bool,
) -> impl Iterator<Item = (Moment, u64)> + 'j {
    let epochs = judged.directions.get(index).into_iter().flatten();
    epochs
        .filter(|(epoch, _)| inside(**epoch))
        .filter_map(|(_, d)| Some((d.lost_from?, d.lost)))
}

/// The subject's packets were recorded in one direction only.
fn one_direction(
    index: usize,
    judged: &Judged,
    basis: &Basis<'_>,
    inside: &dyn Fn(u32) -> bool,
) -> Option<String> {
    let epochs = judged.directions.get(index)?;
    let (mut out, mut back, mut whole, mut half, mut beyond) = (0u64, 0u64, 0u64, 0u64, 0u64);
    let (mut two_way, mut inbound, mut unanswered) = (0u64, 0u64, 0u64);
    for (_, d) in epochs.iter().filter(|(epoch, _)| inside(**epoch)) {
        two_way += d.two_way;
        inbound += d.inbound;
        out += d.device_out;
        back += d.device_in;
        whole += d.whole;
        half += d.half;
        beyond += d.half_beyond;
        unanswered += d.unanswered;
    }
    // Where no conversation shows both sides, an end that does not answer is not known to be silent.
    if two_way == 0 {
        half += unanswered;
    }
    if basis.devices.any() {
        match (out, back) {
            (0, 1..) => {
                return Some(
                    "only what the device under audit received was recorded, nothing that it sent"
                        .into(),
                );
            }
            (1.., 0) => {
                return Some(
                    "only what the device under audit sent was recorded, nothing that it received"
                        .into(),
                );
            }
            _ => {}
        }
    }
    // A site on which nobody is answered, and only what comes in from outside.
    if two_way == 0 && inbound > 0 {
        return Some(
            "nothing but what came in was recorded: no conversation shows both sides".into(),
        );
    }
    // Payload that crosses the site's edge needs packets of both sides.
    if beyond > 0 || (half > 0 && whole == 0) {
        let count = beyond.max(half.min(1));
        return Some(format!(
            "TCP payload was recorded in one direction only, on {count} or more connections"
        ));
    }
    None
}
