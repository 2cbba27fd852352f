//! Packets per scope over time, from the slots that rows keep.

use crate::evidence::bins::{Bins, SLOTS_MAX, span};
use crate::ground::moment::Timestamp;
use crate::judge::claim::Case;
use crate::judge::classify::Scope;
use crate::tell::report::v1::{Slot, Timeline};
use std::collections::BTreeMap;

/// Where a slot counts packets of one kind.
type Field = fn(&mut Slot) -> &mut u64;

/// The time line of all inputs together, in slots of one length.
pub(super) fn timeline(case: &Case<'_>) -> Timeline {
    let scopes: [(Scope, Field); 3] = [
        (Scope::Local, |slot| &mut slot.local),
        (Scope::Relayed, |slot| &mut slot.relayed),
        (Scope::Internet, |slot| &mut slot.internet),
    ];
    let mut kinds: Vec<(&Bins, Field)> = Vec::new();
    for (scope, field) in scopes {
        kinds.extend(case.judged.over_time.get(&scope).map(|bins| (bins, field)));
    }
    for series in &case.basis.evidence.series {
        let outside = &series.unflowed_over_time;
        kinds.push((&outside.not_ip, |slot| &mut slot.not_ip));
        kinds.push((&outside.unreadable, |slot| &mut slot.unreadable));
    }
    draw(&kinds)
}

fn draw(kinds: &[(&Bins, Field)]) -> Timeline {
    let finest = kinds
        .iter()
        .map(|(bins, _)| bins.shift())
        .max()
        .unwrap_or(0);
    let counted = |shift: u8| {
        kinds.iter().flat_map(move |(bins, field)| {
            let longer = shift.saturating_sub(bins.shift());
            let slots = bins.iter();
            slots.map(move |(slot, packets)| (slot >> longer, packets, *field))
        })
    };
    let slots = || counted(finest).map(|(slot, ..)| slot);
    let (Some(first), Some(last)) = (slots().min(), slots().max()) else {
        return Timeline::default();
    };
    // Each series fits by itself; several of them may lie far apart.
    let longer = (0u8..).find(|by| span(first, last, *by) <= SLOTS_MAX);
    let shift = finest.saturating_add(longer.unwrap_or(0));
    let mut out: BTreeMap<i64, Slot> = BTreeMap::new();
    for (slot, packets, field) in counted(shift) {
        let of = field(out.entry(slot).or_default());
        *of = of.saturating_add(packets);
    }
    let step = 1i64.checked_shl(shift.into()).unwrap_or(i64::MAX);
    let origin = out.keys().next().copied().unwrap_or(0);
    for (at, slot) in &mut out {
        slot.slot = at.abs_diff(origin);
    }
    // A slot may begin before the first time that can be said.
    let nanos = i128::from(origin) * i128::from(step) * i128::from(Timestamp::SECOND);
    let start = Timestamp::from_nanos(nanos.max(i128::from(i64::MIN) + 1));
    Timeline {
        start: start.rfc3339(0),
        step_seconds: step.unsigned_abs(),
        slots: out.into_values().collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::bins::Scale;

    fn bins(seconds: &[i64]) -> Bins {
        let mut scale = Scale::default();
        let mut bins = Bins::default();
        for second in seconds {
            let time = Timestamp::from_nanos(i128::from(*second) * i128::from(Timestamp::SECOND));
            bins.add(scale.place(time).expect("a time"));
        }
        bins
    }

    #[test]
    fn series_of_different_lengths_share_one_scale() {
        // One covers ten seconds, one an hour, and the short one lies a day before.
        let (short, long) = (bins(&[0, 3, 9]), bins(&[86_400, 86_401, 88_000, 90_000]));
        assert_ne!(short.shift(), long.shift());
        let line = draw(&[(&short, |s| &mut s.not_ip), (&long, |s| &mut s.local)]);
        assert_eq!(line.start.as_deref(), Some("1970-01-01T00:00:00Z"));
        assert_eq!(line.step_seconds, 512);
        let told: Vec<_> = line
            .slots
            .iter()
            .map(|s| (s.slot, s.not_ip, s.local))
            .collect();
        assert_eq!(told, [(0, 3, 0), (168, 0, 2), (171, 0, 1), (175, 0, 1)]);
        assert_eq!(draw(&[]), Timeline::default());
        let edges = bins(&[i64::MIN / Timestamp::SECOND, i64::MAX / Timestamp::SECOND]);
        let line = draw(&[(&edges, |s| &mut s.local)]);
        assert_eq!(line.start.as_deref(), Some("1677-09-21T00:12:43Z"));
        assert_eq!(line.slots.len(), 2);
    }
}
