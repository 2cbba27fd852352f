//! Bytes that come piece by piece, looked at so that nothing is missed where pieces meet.
//!
//! Each look keeps a tail for the next one. A finding belongs to the look in whose own part it begins, so that it is found once
//! and whole; the part before is context, the tail behind is room for its end.

use super::columns::Rows;
use super::held::Held;
use super::hits::Out;
use super::{exif, media, readable, scan};
use crate::evidence::content::TrafficPart;

/// New bytes that are looked at together.
const WINDOW: usize = 16 << 10;
/// Packets whose bytes wait at most, so that small ones cannot pile up their bookkeeping.
const PACKETS_MAX: usize = 64;
/// As many if they are small. Those of which a look keeps a tail do not count: else each packet behind would bring a look of its own.
const SMALL_PACKETS_MAX: usize = 512;
/// Longest finding that may lie across a boundary: a position whose halves are apart, a long token.
const TAIL: usize = 640;
/// What stands before a finding and tells what it is.
const CONTEXT: usize = 64;

/// Bytes of one message or stream.
#[derive(Debug)]
pub(super) struct Window {
    place: TrafficPart,
    held: Held,
    /// Where findings begin to be this look's own.
    own: usize,
    /// Where bytes begin that no look has seen.
    fresh: usize,
    /// Packets that brought what was looked at and is still here.
    seen: usize,
    /// A table that goes on.
    rows: Rows,
}

impl Window {
    /// For bytes at this place of the traffic.
    pub(super) fn new(place: TrafficPart) -> Self {
        Self {
            place,
            held: Held::default(),
            own: 0,
            fresh: 0,
            seen: 0,
            rows: Rows::default(),
        }
    }

    /// Takes the packet's bytes.
    pub(super) fn push(&mut self, bytes: &[u8], out: &mut Out<'_>) {
        for piece in bytes.chunks(WINDOW) {
            self.held.push(piece, out.at, out.interval);
            let waiting = self.held.bytes.len().saturating_sub(self.fresh);
            let packets = self.held.packets();
            // What is looked at again with each look is no more than what is new, however small the packets are.
            if waiting >= WINDOW
                || (packets >= PACKETS_MAX && waiting >= TAIL)
                || packets.saturating_sub(self.seen) >= SMALL_PACKETS_MAX
            {
                self.look(false, out);
            }
        }
    }

    /// Nothing follows.
    pub(super) fn end(&mut self, out: &mut Out<'_>) {
        if !self.held.bytes.is_empty() {
            self.look(true, out);
        }
        self.held = Held::default();
        (self.own, self.fresh, self.seen) = (0, 0, 0);
        self.rows = Rows::default();
    }

    /// Memory held.
    pub(super) fn size(&self) -> usize {
        self.held.bytes.capacity()
    }

    fn look(&mut self, last: bool, out: &mut Out<'_>) {
        let bytes = self.held.bytes.as_slice();
        let limit = if last {
            bytes.len()
        } else {
            bytes.len().saturating_sub(TAIL).max(self.own)
        };
        let grains = readable::text_grains(bytes, self.fresh);
        let sure = readable::nearly_all(&grains, bytes.len().saturating_sub(self.fresh));
        let mine = self.own..limit;
        let mut outcome = scan::scan_part(bytes, sure, (&mut self.rows, mine.clone()), out);
        // Tokens of all messages of the flow together may hold something that none of them does.
        let fresh = outcome
            .tokens
            .iter()
            .filter(|(run, _)| run.end > self.fresh);
        let sealed: Vec<_> = fresh
            .filter(|(run, token)| {
                out.tokens
                    .is_too_much(*token, run.end.saturating_sub(run.at))
            })
            .map(|(run, _)| *run)
            .collect();
        outcome.sealed.extend(sealed);
        let mut found = outcome.found;
        if !sure && let Some((at, media)) = media::inside(bytes, self.own) {
            found.push(scan::picture(media, at));
            if let Some((latitude, longitude)) = bytes.get(at..).and_then(media::position) {
                found.push(super::position::found(latitude, longitude, at, at));
            }
        } else if !sure && let Some((latitude, longitude)) = exif::inside(bytes) {
            found.push(super::position::found(
                latitude,
                longitude,
                self.own,
                bytes.len(),
            ));
        }
        for found in found {
            if mine.contains(&found.at) {
                let moment = self.held.moment(found.end.saturating_sub(1));
                out.found(found, self.place, moment);
            }
        }
        let shared = |(from, to): (usize, usize), begin: usize, end: usize| {
            to.min(end).saturating_sub(from.max(begin))
        };
        let hidden = joined(&outcome.sealed);
        let mut begin = self.fresh;
        for (piece, moment, interval) in self.held.pieces(self.fresh) {
            let end = begin.saturating_add(piece.len());
            // Both lists are short: a look is bounded.
            let first = grains.partition_point(|(_, to)| *to <= begin);
            let behind = grains.get(first..).unwrap_or_default().iter();
            let text: usize = behind
                .take_while(|(from, _)| *from < end)
                .map(|grain| shared(*grain, begin, end))
                .sum();
            let hidden: usize = hidden.iter().map(|run| shared(*run, begin, end)).sum();
            out.read(text.saturating_sub(hidden), moment, interval);
            begin = end;
        }
        let keep = limit.saturating_sub(CONTEXT);
        self.held.forget(keep);
        self.own = limit.saturating_sub(keep);
        self.fresh = self.held.bytes.len();
        self.seen = self.held.packets();
    }
}

/// Runs in order, without overlaps.
fn joined(runs: &[super::blob::Run]) -> Vec<(usize, usize)> {
    let mut runs: Vec<(usize, usize)> = runs.iter().map(|run| (run.at, run.end)).collect();
    runs.sort_unstable();
    runs.dedup_by(|next, last| {
        let overlap = next.0 <= last.1;
        if overlap {
            last.1 = last.1.max(next.1);
        }
        overlap
    });
    runs
}

#[cfg(test)]
mod tests {
    use super::super::Policy;
    use super::super::hits::collected;
    use super::*;
    use crate::evidence::content::Kind;

    /// What is found in bytes that come in pieces, how often, and how many bytes were read.
    fn found(bytes: &[u8], size: usize) -> (Vec<(Kind, u64)>, u64) {
        let mut window = Window::new(TrafficPart::HttpBody);
        let (hits, credits) = collected(Policy::Revealed, |out| {
            for piece in bytes.chunks(size) {
                out.at.at.frame += 1;
                window.push(piece, out);
            }
            window.end(out);
        });
        let found = hits.iter().map(|h| (h.kind, h.count)).collect();
        (found, credits.iter().map(|c| c.bytes).sum())
    }

    #[test]
    fn findings_across_any_boundary_are_found_once() {
        let filler = "{\"note\":\"nothing here\"}\n".repeat(900);
        let report =
            r#"{"latitude":38.897676,"pad":"pilot.jones@example.org","longitude":-77.036529}"#;
        let text = format!("{filler}{report}{filler}{report}{filler}");
        for size in [7, 100, 1400, 16 << 10, 100_000] {
            for lead in [0, 1, 333] {
                let bytes = &text.as_bytes()[lead..];
                let wanted = vec![(Kind::Position, 2), (Kind::Email, 2)];
                let all = bytes.len() as u64;
                assert_eq!(found(bytes, size), (wanted, all), "{size} {lead}");
            }
        }
    }

    #[test]
    fn bytes_in_packets_of_their_own_are_looked_at_a_few_times() {
        let text = "a field=a word&".repeat(1000);
        let cost = |size| crate::ground::work::of(|| drop(found(text.as_bytes(), size)));
        let (small, large) = (cost(1), cost(1400));
        let most = large.map(|steps| 4 * steps);
        assert!(small <= most, "{small:?} steps, {large:?} in few packets");
    }

    #[test]
    fn a_table_that_begins_long_before_its_first_position_is_found() {
        let zeros: String = (0..4000).map(|n| format!("{n},0.0,0.0,0\n")).collect();
        let text = format!("time,latitude,longitude,alt\n{zeros}4000,38.897676,-77.036529,10\n");
        for size in [7, 1400, 100_000] {
            let (found, _) = found(text.as_bytes(), size);
            assert_eq!(found, [(Kind::Position, 1)], "{size}");
        }
    }
}
