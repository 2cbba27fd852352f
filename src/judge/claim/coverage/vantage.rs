//! What each vantage lacks in a window, and whether another one makes up for it.
//!
//! A gap counts against a window unless another vantage covers it: one without such a gap that shows
//! the subject itself, on the same link, over the same time. A covered gap stays listed.

use super::{CoverageView, Edges, MISSED_LISTED, SAME_TIME, SLOT, WindowGap};
use crate::evidence::flow::Side;
use crate::evidence::{Series, TimeGap};
use crate::ground::gaps::GapId;
use crate::ground::interval::Window;
use crate::ground::moment::{Moment, Timestamp};
use crate::judge::claim::fact::{Cause, OneSided};
use crate::judge::classify::Basis;
use crate::judge::classify::directions::is_broadcast;
use crate::judge::classify::rows::Judged;
use crate::judge::classify::vantages::missed;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// First and last packet of each vantage inside a window.
pub(super) type Extents = [Option<(Moment, Moment)>];

/// The gaps of all vantages, those that another covers marked.
pub(super) fn gaps(
    view: &CoverageView<'_>,
    extents: &Extents,
    edges: Option<&Edges>,
) -> Vec<WindowGap> {
    let series = &view.basis.evidence.series;
    let any = extents.iter().any(Option::is_some);
    let per_series: Vec<BTreeMap<GapId, Vec<WindowGap>>> = series
        .iter()
        .zip(extents)
        .enumerate()
        .map(|(index, (s, extent))| {
            let mut own = noted(index, s, edges, view);
            // What was recorded at another time altogether says nothing of this window.
            let open = edges
                .filter(|_| extent.is_some() || !any)
                .map(|edges| open_ends(s, &edges.declared, view.time_gap))
                .unwrap_or_default();
            if !open.is_empty() {
                own.entry(GapId::TimeGap).or_default().extend(open);
            }
            own
        })
        .collect();
    let mut gaps = Vec::new();
    for (index, own) in per_series.iter().enumerate() {
        for (id, found) in own {
            // Itself has it, and does not cover it.
            let other = per_series.iter().enumerate().find(|(other, theirs)| {
                id.blocks()
                    && !theirs.contains_key(id)
                    && covers(
                        extents.get(*other).copied().flatten(),
                        extents.get(index).copied().flatten(),
                    )
                    && shows_as_much(view.judged, (*other, index), extents, view.inside)
            });
            let covered_by = other
                .and_then(|(other, _)| series.get(other)?.inputs.first())
                .copied();
            gaps.extend(
                found
                    .iter()
                    .cloned()
                    .map(|gap| WindowGap { covered_by, ..gap }),
            );
        }
    }
    gaps
}

/// What one vantage shows of the subject and another one of the same minutes does not.
pub(super) fn mismatches(
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
            let more = missed.len().saturating_sub(MISSED_LISTED);
            let named = missed.iter().take(MISSED_LISTED);
            let named = named.map(|(key, _)| key.clone()).collect();
            out.push(WindowGap {
                count: missed.len() as u64,
                input: Some(at.at.input),
                frame: Some(at.at.frame),
                ..WindowGap::of_all(
                    GapId::VantageMismatch,
                    Cause::Missed(from.at.input, named, more),
                )
            });
        }
    }
    out
}

/// First and last packet of a vantage inside.
pub(super) fn extent(series: &Series, inside: &dyn Fn(u32) -> bool) -> Option<(Moment, Moment)> {
    series
        .extents
        .iter()
        .filter(|(interval, _)| inside(**interval))
        .map(|(_, e)| (e.first, e.last))
        .reduce(|(a, b), (c, d)| (a.min(c), b.max(d)))
}

fn covers(theirs: Option<(Moment, Moment)>, ours: Option<(Moment, Moment)>) -> bool {
    let (Some((a, b)), Some((c, d))) = (theirs, ours) else {
        // What shows nothing of this time is covered by whatever does.
        return theirs.is_some();
    };
    let early = a.time.since(c.time).is_some_and(|late| late < SAME_TIME);
    let long = d.time.since(b.time).is_some_and(|late| late < SAME_TIME);
    early && long
}

/// True if a vantage shows the subject on the link of another one, for as long as that one does; or
/// for as long as that one lasts, if it does not show the subject; and all of it that the other one shows.
fn shows_as_much(
    judged: &Judged,
    (cover, of): (usize, usize),
    extents: &[Option<(Moment, Moment)>],
    inside: &dyn Fn(u32) -> bool,
) -> bool {
    let (Some(cover), Some(shown)) = (judged.shown.get(cover), judged.shown.get(of)) else {
        return false;
    };
    if !cover.shares(shown) || !cover.shows_all_of(shown) {
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

/// Parts of a declared window at its ends for which a series has no capture.
fn open_ends(series: &Series, declared: &Window, limit: i64) -> Vec<WindowGap> {
    let Some((first, last)) = extent(series, &|_| true) else {
        return Vec::new();
    };
    let begin = first.time.min(declared.end).since(declared.start);
    let end = declared.end.since(last.time.max(declared.start));
    let gap = |nanos: Option<i64>, cause: fn(Window, i64) -> Cause, at: Moment| {
        let nanos = nanos.filter(|nanos| *nanos > limit)?;
        Some(WindowGap {
            input: Some(at.at.input),
            frame: Some(at.at.frame),
            ..WindowGap::of_all(GapId::TimeGap, cause(*declared, nanos))
        })
    };
    [
        gap(begin, Cause::StartMissing, first),
        gap(end, Cause::EndMissing, last),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The gaps of a vantage in a window, the same ones together.
fn noted(
    index: usize,
    series: &Series,
    edges: Option<&Edges>,
    view: &CoverageView<'_>,
) -> BTreeMap<GapId, Vec<WindowGap>> {
    let (inside, judged) = (view.inside, view.judged);
    let mut found = Found::default();
    for (key, noted) in series.ledger.gaps.iter() {
        if key.interval.is_none_or(inside) {
            let first = noted.first.filter(|m| !m.is_none());
            let frame = first.map(|m| m.at.frame);
            let cause = Cause::Noticed(key.cause.clone());
            found.note(key.id, cause, noted.count, (Some(key.input), frame));
        }
    }
    for gap in &series.time_gaps {
        if let Some(cause) = time_gap_inside(gap, edges, view.time_gap) {
            found.at(GapId::TimeGap, cause, 1, gap.after);
        }
    }
    let opaque = judged.opaque.iter();
    for opaque in opaque.filter(|o| o.series == index && inside(o.interval)) {
        let cause = Cause::Opaque(opaque.what);
        found.at(GapId::OpaqueTunnel, cause, opaque.packets, opaque.first);
    }
    for (at, interval, what) in &judged.hidden {
        if inside(*interval) && series.inputs.contains(&at.at.input) {
            let cause = Cause::NamesHidden(what.clone());
            found.at(GapId::NamesHidden, cause, 1, *at);
        }
    }
    for (at, interval) in &judged.side_unknown {
        if inside(*interval) && series.inputs.contains(&at.at.input) {
            found.at(GapId::SideUnknown, Cause::SideGuessed, 1, *at);
        }
    }
    for (at, bytes) in lost(index, judged, inside) {
        found.at(GapId::LostPackets, Cause::BytesMissing, bytes, at);
    }
    if let Some(side) = one_direction((index, series), judged, view.basis, inside) {
        let input = series.inputs.first().copied();
        found.note(GapId::OneDirection, Cause::OneSided(side), 1, (input, None));
    }
    let mut out: BTreeMap<GapId, Vec<WindowGap>> = BTreeMap::new();
    for gap in found.0.into_values() {
        out.entry(gap.id).or_default().push(gap);
    }
    out
}

/// Gaps by what they are, where and why.
#[derive(Default)]
struct Found(BTreeMap<(GapId, Option<u32>, Cause), WindowGap>);

impl Found {
    fn at(&mut self, id: GapId, cause: Cause, count: u64, moment: Moment) {
        let at = (Some(moment.at.input), Some(moment.at.frame));
        self.note(id, cause, count, at);
    }

    fn note(
        &mut self,
        id: GapId,
        cause: Cause,
        count: u64,
        (input, frame): (Option<u32>, Option<u64>),
    ) {
        let key = (id, input, cause.clone());
        let gap = self.0.entry(key).or_insert(WindowGap {
            count: 0,
            input,
            frame,
            ..WindowGap::of_all(id, cause)
        });
        gap.count = gap.count.saturating_add(count);
        gap.frame = match (gap.frame, frame) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
    }
}

/// A silence or a step of the clock, as far as it touches the window.
fn time_gap_inside(gap: &TimeGap, edges: Option<&Edges>, limit: i64) -> Option<Cause> {
    let (before, after) = (gap.before.time, gap.after.time);
    let step = after.since(before)?;
    if step < 0 {
        let windows = edges.map(|e| [e.declared, e.tested]);
        let mut bounds = windows.iter().flatten().flat_map(|w| [w.start, w.end]);
        if bounds.any(|edge| after < edge && edge <= before) {
            return Some(Cause::StepBackOverEdge(step.saturating_neg()));
        }
        // No edge lies between the two: both are inside, or neither is.
        let touches = edges.is_none_or(|e| e.tested.contains(before));
        return (touches && -step > limit).then(|| Cause::StepBack(step.saturating_neg()));
    }
    let overlap = match edges {
        None => step,
        Some(e) => after.min(e.tested.end).since(before.max(e.tested.start))?,
    };
    (overlap > limit).then_some(Cause::NoPackets(step))
}

/// Bytes of the subject's connections that are missing, and the first frame of such a connection.
fn lost<'j>(
    index: usize,
    judged: &'j Judged,
    inside: &'j dyn Fn(u32) -> bool,
) -> impl Iterator<Item = (Moment, u64)> + 'j {
    let intervals = judged.directions.get(index).into_iter().flatten();
    intervals
        .filter(|(interval, _)| inside(**interval))
        .filter_map(|(_, d)| Some((d.lost_from?, d.lost)))
}

/// The subject's packets were recorded in one direction only.
fn one_direction(
    (index, series): (usize, &Series),
    judged: &Judged,
    basis: &Basis<'_>,
    inside: &dyn Fn(u32) -> bool,
) -> Option<OneSided> {
    let intervals = judged.directions.get(index)?;
    let (mut out, mut back, mut whole, mut half, mut beyond) = (0u64, 0u64, 0u64, 0u64, 0u64);
    let (mut two_way, mut inbound, mut unanswered) = (0u64, 0u64, 0u64);
    for (_, d) in intervals.iter().filter(|(interval, _)| inside(**interval)) {
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
                return Some(OneSided::DeviceReceived);
            }
            (1.., 0) => {
                return Some(OneSided::DeviceSent);
            }
            _ => {}
        }
    }
    // A site on which nobody is answered, and only what comes in from outside.
    if two_way == 0 && inbound > 0 {
        return Some(OneSided::Inbound);
    }
    // Payload that crosses the site's edge needs packets of both sides.
    if beyond > 0 || (half > 0 && whole == 0) {
        let count = beyond.max(half.min(1));
        return Some(OneSided::Connections(count));
    }
    nobody_answers(series, inside).then_some(OneSided::Receivers)
}

/// True if most packets between single hosts go to hosts that send none, from hosts that are sent none: what those send was not recorded,
/// and neither would be what they send beyond the site.
fn nobody_answers(series: &Series, inside: &dyn Fn(u32) -> bool) -> bool {
    /// A few packets may be all that there was to say, and need no answer.
    const PACKETS_MIN: u64 = 20;
    // Packets from one host to another.
    let mut said: BTreeMap<(IpAddr, IpAddr), u64> = BTreeMap::new();
    for (key, row) in series.rows.iter().filter(|(key, _)| key.folded.is_none()) {
        for side in Side::BOTH {
            let (from, to) = (key.key.ip(side), key.key.ip(side.other()));
            // Masks are not known, but the frame says that it goes to all.
            let to_all = key.link.of(side).target.is_some_and(|mac| mac.is_group());
            if to_all || to.is_multicast() || is_broadcast(to) {
                continue;
            }
            let spans = row.spans.iter().filter(|span| inside(span.interval));
            let sent: u64 = spans.map(|span| span.total.sent.of(side).packets).sum();
            if sent > 0 {
                let packets = said.entry((from, to)).or_default();
                *packets = packets.saturating_add(sent);
            }
        }
    }
    let senders: BTreeSet<IpAddr> = said.keys().map(|(from, _)| *from).collect();
    let receivers: BTreeSet<IpAddr> = said.keys().map(|(_, to)| *to).collect();
    let all: u64 = said.values().fold(0, |sum, n| sum.saturating_add(*n));
    let alone = said
        .iter()
        .filter(|((from, to), _)| !senders.contains(to) && !receivers.contains(from));
    let alone = alone.fold(0u64, |sum, (_, n)| sum.saturating_add(*n));
    alone >= PACKETS_MIN && alone > all / 2
}

#[cfg(test)]
mod tests;
