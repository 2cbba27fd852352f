//! Packets over time, from the slots that rows keep: by scope, and by group of destinations.

use crate::evidence::bins::{Bins, SLOTS_MAX, span};
use crate::ground::moment::Timestamp;
use crate::judge::claim::Case;
use crate::judge::classify::Scope;
use crate::judge::classify::attribution::Attribution;
use crate::judge::classify::destination::Destination;
use crate::tell::report::v1::{self, Group, GroupSlot, Slot, Timeline};
use crate::tell::report::words;
use std::collections::BTreeMap;

/// Groups of destinations: more lanes are no easier to read. What accuses comes first, and is not put together before
/// the rest is.
const GROUPS_MAX: usize = 12;

/// Where a slot counts packets of one kind.
type Field = fn(&mut Slot) -> &mut u64;

/// The slots of a time line: how long they are, and which of all slots of that length is its first.
#[derive(Debug, Clone, Copy)]
struct Scale {
    shift: u8,
    origin: i64,
}

/// The time line of all inputs together, in slots of one length. `rows` are all destinations.
pub(super) fn timeline(case: &Case<'_>, rows: &[Drawn<'_>]) -> Timeline {
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
    let (mut line, scale) = draw(&kinds);
    if line.start.is_some() {
        line.groups = groups(rows, scale);
    }
    line
}

fn draw(kinds: &[(&Bins, Field)]) -> (Timeline, Scale) {
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
        let none = Scale {
            shift: finest,
            origin: 0,
        };
        return (Timeline::default(), none);
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
    let line = Timeline {
        start: start.rfc3339(0),
        step_seconds: step.unsigned_abs(),
        slots: out.into_values().collect(),
        groups: Vec::new(),
    };
    (line, Scale { shift, origin })
}

/// A destination, as far as the time line shows it.
pub(super) struct Drawn<'a> {
    name: Option<String>,
    attribution: Attribution,
    bytes_out: u64,
    bytes_in: u64,
    bins: &'a Bins,
}

impl<'a> Drawn<'a> {
    /// One that the report lists: by who owns the name, else the name, and so on.
    pub(super) fn listed(row: &v1::Destination, of: &'a Destination) -> Self {
        let named = row.owner.clone().or_else(|| row.host.clone());
        let seen = named.or_else(|| row.organisation.clone());
        Self {
            name: seen
                .or_else(|| row.ip.clone())
                .or_else(|| Some(format!("behind {}", row.via.as_ref()?.ip))),
            attribution: row.attribution,
            bytes_out: row.bytes_out,
            bytes_in: row.bytes_in,
            bins: &of.over_time,
        }
    }

    /// One that the report has no row for.
    pub(super) fn folded(of: &'a Destination) -> Self {
        let traffic = of.fullest().map(|(_, traffic)| traffic);
        Self {
            name: None,
            attribution: of.attributed.whose,
            bytes_out: traffic.as_ref().map_or(0, |t| t.out.bytes),
            bytes_in: traffic.as_ref().map_or(0, |t| t.back.bytes),
            bins: &of.over_time,
        }
    }
}

/// A group while it grows.
struct Growing {
    group: Group,
    slots: BTreeMap<u64, u64>,
}

impl Growing {
    fn new(name: Option<String>, attribution: Attribution) -> Self {
        let group = Group {
            name,
            attribution,
            destinations: 0,
            bytes_out: 0,
            bytes_in: 0,
            slots: Vec::new(),
        };
        Self {
            group,
            slots: BTreeMap::new(),
        }
    }

    fn add(&mut self, row: &Drawn<'_>, scale: Scale) {
        let have = &mut self.group;
        have.destinations = have.destinations.saturating_add(1);
        have.bytes_out = have.bytes_out.saturating_add(row.bytes_out);
        have.bytes_in = have.bytes_in.saturating_add(row.bytes_in);
        let longer = scale.shift.saturating_sub(row.bins.shift());
        for (slot, packets) in row.bins.iter() {
            self.count((slot >> longer).abs_diff(scale.origin), packets);
        }
    }

    fn count(&mut self, slot: u64, packets: u64) {
        let of = self.slots.entry(slot).or_default();
        *of = of.saturating_add(packets);
    }

    fn take_in(&mut self, other: Self) {
        let have = &mut self.group;
        have.destinations = have.destinations.saturating_add(other.group.destinations);
        have.bytes_out = have.bytes_out.saturating_add(other.group.bytes_out);
        have.bytes_in = have.bytes_in.saturating_add(other.group.bytes_in);
        for (slot, packets) in other.slots {
            self.count(slot, packets);
        }
    }

    fn done(self) -> Group {
        let slots = self.slots.into_iter();
        Group {
            slots: slots
                .map(|(slot, packets)| GroupSlot { slot, packets })
                .collect(),
            ..self.group
        }
    }
}

/// The groups: what accuses first, then the most bytes out, then by name.
fn groups(rows: &[Drawn<'_>], scale: Scale) -> Vec<Group> {
    let mut by: BTreeMap<(usize, Option<String>), Growing> = BTreeMap::new();
    for row in rows {
        by.entry((words::rank(row.attribution), row.name.clone()))
            .or_insert_with(|| Growing::new(row.name.clone(), row.attribution))
            .add(row, scale);
    }
    let mut all: Vec<Growing> = by.into_values().collect();
    // Stable: equal ones stay in the order of their names.
    all.sort_by_key(|one| {
        let of = &one.group;
        (words::rank(of.attribution), u64::MAX - of.bytes_out)
    });
    let rest = match all.len() > GROUPS_MAX {
        true => all.split_off(GROUPS_MAX),
        false => Vec::new(),
    };
    // What is put together stays of one attribution.
    let mut folded: Vec<Growing> = Vec::new();
    for one in rest {
        let whose = one.group.attribution;
        match folded
            .iter_mut()
            .find(|have| have.group.attribution == whose)
        {
            Some(have) => have.take_in(one),
            None => {
                let mut first = Growing::new(None, whose);
                first.take_in(one);
                folded.push(first);
            }
        }
    }
    all.into_iter().chain(folded).map(Growing::done).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::bins;

    fn bins(seconds: &[i64]) -> Bins {
        let mut scale = bins::Scale::default();
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
        let (line, _) = draw(&[(&short, |s| &mut s.not_ip), (&long, |s| &mut s.local)]);
        assert_eq!(line.start.as_deref(), Some("1970-01-01T00:00:00Z"));
        assert_eq!(line.step_seconds, 512);
        let told: Vec<_> = line
            .slots
            .iter()
            .map(|s| (s.slot, s.not_ip, s.local))
            .collect();
        assert_eq!(told, [(0, 3, 0), (168, 0, 2), (171, 0, 1), (175, 0, 1)]);
        assert_eq!(draw(&[]).0, Timeline::default());
        let edges = bins(&[i64::MIN / Timestamp::SECOND, i64::MAX / Timestamp::SECOND]);
        let (line, _) = draw(&[(&edges, |s| &mut s.local)]);
        assert_eq!(line.start.as_deref(), Some("1677-09-21T00:12:43Z"));
        assert_eq!(line.slots.len(), 2);
    }

    #[test]
    fn groups_keep_what_accuses_apart_and_lose_no_packet() {
        let times = bins(&[5, 6, 6]);
        let drawn = |name: &str, attribution, bytes_out| Drawn {
            name: Some(name.to_owned()),
            attribution,
            bytes_out,
            bytes_in: 1,
            bins: &times,
        };
        let mut rows: Vec<Drawn<'_>> = (0..40)
            .map(|n| drawn(&format!("h{n}.example"), Attribution::Os, 100))
            .collect();
        rows.push(drawn("DJI", Attribution::Vendor, 0));
        let scale = super::Scale {
            shift: 0,
            origin: 5,
        };
        let groups = groups(&rows, scale);
        assert_eq!(groups.len(), GROUPS_MAX + 1);
        assert_eq!(groups[0].name.as_deref(), Some("DJI"));
        assert_eq!(groups[GROUPS_MAX].name, None);
        assert_eq!(groups[GROUPS_MAX].destinations, 29);
        let packets = groups.iter().flat_map(|g| &g.slots).map(|s| s.packets);
        assert_eq!(packets.sum::<u64>(), 41 * 3);
        assert_eq!(
            groups[0].slots[1],
            GroupSlot {
                slot: 1,
                packets: 2
            }
        );
    }
}
