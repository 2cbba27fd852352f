//! Packets over time, in so few slots that every flow and every row can have its own.
//!
//! Which scope a packet has is known only when its row is judged, so that no time line can be drawn
//! while packets come in. Each flow keeps its own instead: slots that hold packets, and how many. A
//! [`Scale`] per series says how long a slot is: a second, and twice as long whenever the series
//! would need more than [`SLOTS_MAX`]. Lengths are powers of two and slots are counted from the
//! interval of time, so that what was counted finely adds up coarsely, whatever the order of packets.

use crate::ground::moment::Timestamp;
use std::ops::Range;

/// Slots between the first and the last packet of a series: as many as a page shows apart.
pub const SLOTS_MAX: i64 = 240;
/// The longest slot, as a power of two in seconds: all that a [`Timestamp`] can say lies in two.
const SHIFT_MAX: u8 = 34;
/// Slots that the flows and rows of a series keep beside one each; 16 bytes apiece.
const KEPT_MAX: usize = 1 << 19;

/// Where a packet belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    slot: i64,
    shift: u8,
}

/// How long a slot is, by the times of the packets so far.
#[derive(Debug)]
pub struct Scale {
    shift: u8,
    first: i64,
    last: i64,
    /// No fewer than are kept.
    kept: usize,
    limit: usize,
    /// The second of the last packet, in nanoseconds, and its place.
    second: Range<i64>,
    place: Place,
}

impl Default for Scale {
    fn default() -> Self {
        Self::with_limit(KEPT_MAX)
    }
}

impl Scale {
    fn with_limit(limit: usize) -> Self {
        Self {
            shift: 0,
            first: i64::MAX,
            last: i64::MIN,
            kept: 0,
            limit,
            second: 0..0,
            place: Place { slot: 0, shift: 0 },
        }
    }

    /// Where a packet of this time belongs; nowhere without a time.
    #[inline]
    pub fn place(&mut self, time: Timestamp) -> Option<Place> {
        let nanos = time.nanos()?;
        if !self.second.contains(&nanos) {
            self.turn(nanos);
        }
        Some(self.place)
    }

    /// Another second than that of the packet before.
    fn turn(&mut self, nanos: i64) {
        let second = nanos.div_euclid(Timestamp::SECOND);
        self.first = self.first.min(second);
        self.last = self.last.max(second);
        while self.shift < SHIFT_MAX && span(self.first, self.last, self.shift) > SLOTS_MAX {
            self.shift += 1;
        }
        let into = nanos.rem_euclid(Timestamp::SECOND);
        self.second = nanos.saturating_sub(into)
            ..nanos.saturating_add(Timestamp::SECOND.saturating_sub(into));
        self.place = Place {
            slot: second >> self.shift,
            shift: self.shift,
        };
    }

    /// The length of a slot now.
    pub fn shift(&self) -> u8 {
        self.shift
    }

    /// So many slots more may be kept.
    pub fn keep(&mut self, more: usize) {
        self.kept = self.kept.saturating_add(more);
    }

    /// True when [`settle`](Self::settle) has to make room.
    pub fn is_full(&self) -> bool {
        self.kept > self.limit
    }

    /// Makes slots longer until half of the room is free. `coarsen` makes all slots so long, and
    /// returns how many are kept then.
    pub fn settle(&mut self, mut coarsen: impl FnMut(u8) -> usize) {
        self.kept = coarsen(self.shift);
        while self.kept > self.limit / 2 && self.shift < SHIFT_MAX {
            self.shift += 1;
            self.kept = coarsen(self.shift);
        }
        self.second = 0..0;
    }
}

/// Slots from the one of `first` to the one of `last`.
pub fn span(first: i64, last: i64, shift: u8) -> i64 {
    (last >> shift)
        .saturating_sub(first >> shift)
        .saturating_add(1)
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Bin {
    slot: i64,
    packets: u64,
}

/// Packets per slot.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bins {
    shift: u8,
    /// The slot of the last packet: nearly every packet falls into it.
    now: Bin,
    /// The others, in order; that of `now` may be among them.
    others: Vec<Bin>,
}

impl Bins {
    /// Counts a packet. Returns how many slots more are kept.
    #[inline]
    pub fn add(&mut self, place: Place) -> usize {
        if self.now.slot == place.slot && self.shift == place.shift {
            self.now.packets = self.now.packets.saturating_add(1);
            return 0;
        }
        let before = self.kept();
        self.coarsen(place.shift);
        let slot = place.slot >> self.shift.saturating_sub(place.shift);
        if self.now.slot != slot {
            let now = std::mem::replace(&mut self.now, Bin { slot, packets: 0 });
            self.put(now);
        }
        self.now.packets = self.now.packets.saturating_add(1);
        self.kept().saturating_sub(before)
    }

    /// Takes in the packets of others.
    pub fn merge(&mut self, other: &Self) {
        let shift = self.shift.max(other.shift);
        self.coarsen(shift);
        let longer = shift.saturating_sub(other.shift);
        for bin in other.others.iter().chain([&other.now]) {
            self.put(Bin {
                slot: bin.slot >> longer,
                ..*bin
            });
        }
    }

    fn put(&mut self, bin: Bin) {
        if bin.packets == 0 {
            return;
        }
        match self.others.binary_search_by_key(&bin.slot, |b| b.slot) {
            Ok(at) => {
                if let Some(have) = self.others.get_mut(at) {
                    have.packets = have.packets.saturating_add(bin.packets);
                }
            }
            Err(at) => self.others.insert(at, bin),
        }
    }

    /// Makes slots `1 << shift` seconds long, if they are shorter.
    pub fn coarsen(&mut self, shift: u8) {
        let longer = shift.saturating_sub(self.shift);
        if longer == 0 {
            return;
        }
        self.shift = shift;
        self.now.slot >>= longer;
        for bin in &mut self.others {
            bin.slot >>= longer;
        }
        self.others.dedup_by(|next, kept| {
            let same = next.slot == kept.slot;
            if same {
                kept.packets = kept.packets.saturating_add(next.packets);
            }
            same
        });
        if self.others.capacity() > 2 * self.others.len() {
            self.others.shrink_to_fit();
        }
    }

    /// Slots kept beside the one of the last packet.
    pub fn kept(&self) -> usize {
        self.others.len()
    }

    /// The length of a slot, as a power of two in seconds.
    pub fn shift(&self) -> u8 {
        self.shift
    }

    /// Slots, counted from 1970-01-01T00:00:00Z, and their packets; a slot can come twice.
    pub fn iter(&self) -> impl Iterator<Item = (i64, u64)> + '_ {
        let all = self.others.iter().chain([&self.now]);
        all.filter(|bin| bin.packets > 0)
            .map(|bin| (bin.slot, bin.packets))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn at(nanos: i64) -> Timestamp {
        Timestamp::from_nanos(nanos.into())
    }

    /// What `bins` say against a direct count of the same times.
    fn agrees(bins: &Bins, times: &[i64]) {
        let mut told: BTreeMap<i64, u64> = BTreeMap::new();
        for (slot, packets) in bins.iter() {
            *told.entry(slot).or_default() += packets;
        }
        let mut counted: BTreeMap<i64, u64> = BTreeMap::new();
        for time in times {
            let second = time.div_euclid(Timestamp::SECOND);
            *counted.entry(second >> bins.shift()).or_default() += 1;
        }
        assert_eq!(told, counted);
    }

    proptest! {
        /// Whatever the order of packets and however far apart, each is in the slot of its time,
        /// in its flow and in the row that flows are merged into, and slots and memory are bounded.
        #[test]
        fn every_packet_is_in_the_slot_of_its_time(
            steps in prop::collection::vec((0usize..5, 0u8..46, any::<i64>()), 1..400),
            limit in 1usize..200,
        ) {
            let mut scale = Scale::with_limit(limit);
            let mut flows = vec![Bins::default(); 5];
            let mut times = vec![Vec::new(); 5];
            for (flow, digits, value) in steps {
                // Near and far: most steps are small.
                let nanos = (value >> digits).max(i64::MIN + 1);
                let place = scale.place(at(nanos)).expect("it has a time");
                scale.keep(flows[flow].add(place));
                times[flow].push(nanos);
                if scale.is_full() {
                    scale.settle(|shift| {
                        flows.iter_mut().for_each(|f| f.coarsen(shift));
                        flows.iter().map(Bins::kept).sum()
                    });
                }
                let kept: usize = flows.iter().map(Bins::kept).sum();
                // Five flows keep two slots each at least.
                prop_assert!(kept <= limit.max(10), "{kept} of {limit}");
            }
            let mut row = Bins::default();
            for (flow, times) in flows.iter().zip(&times) {
                agrees(flow, times);
                row.merge(flow);
            }
            agrees(&row, &times.concat());
            row.coarsen(scale.shift());
            agrees(&row, &times.concat());
            let slots: Vec<i64> = row.iter().map(|(slot, _)| slot).collect();
            let span = slots.iter().max().zip(slots.iter().min()).map_or(0, |(a, b)| a - b);
            prop_assert!(span < SLOTS_MAX, "{span}");
        }
    }

    #[test]
    fn what_is_kept_of_a_series_is_bounded() {
        let mut scale = Scale::default();
        scale.keep(KEPT_MAX);
        assert!(!scale.is_full());
        scale.keep(1);
        assert!(scale.is_full());
        // Slots twice as long, until half of the room is free.
        let mut longest = 0;
        scale.settle(|shift| {
            longest = shift;
            KEPT_MAX >> shift
        });
        assert_eq!((longest, scale.shift(), scale.is_full()), (1, 1, false));
    }

    #[test]
    fn a_packet_without_a_time_is_left_out() {
        assert_eq!(Scale::default().place(Timestamp::UNKNOWN), None);
    }
}
