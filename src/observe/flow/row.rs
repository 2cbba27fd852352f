//! Rows: what is left of flows once they are over, merged where only the opener's port differs.
//!
//! Nothing that decides scope or attribution later is merged away: addresses, link facts, names,
//! relay requests and who opened stay in the key. The number of rows is bounded; what is over is
//! folded by the end that is near, and what a [`Rank`] calls accusing is kept before what is not.

mod told;

use super::table::Closed;
use crate::evidence::bins::Bins;
use crate::evidence::content::Hits;
use crate::evidence::flow::{NameSource, Named, Side};
use crate::evidence::ledger::Ledger;
use crate::evidence::ledger::apps::AppId;
use crate::evidence::names::Names;
use crate::evidence::row::{PORTS_MAX, Row, RowKey};
use crate::ground::moment::Moment;
use foldhash::fast::RandomState;
use hashbrown::HashTable;
use std::sync::Arc;
use told::{FoldedTold, Told};

/// Rows kept of a series before folding begins; at about a kilobyte each.
const ROWS_MAX: usize = 12_000;
/// Rows kept that accuse, beyond which even those are folded.
const ACCUSING_MAX: usize = 2 * ROWS_MAX;
/// Folded rows with a near end of their own.
const FOLDED_MAX: usize = 2_000;
/// Names listed of a row, and as many again that accuse.
const NAMES_MAX: usize = 512;
/// Bytes of names over all rows, and as many again of those that accuse. A row of honest traffic has a name or two; all rows with full
/// lists would take twenty times as much.
const NAMES_BYTES_MAX: usize = 24 << 20;
/// The same of a list with a row for each flow, for each row that it may have: the rows are as many as there are flows, and each names its own.
const NAMES_BYTES_OF_FLOW: usize = 1 << 10;
/// What a name takes beside its text: its place in a list, its source and its packet.
const NAME_BYTES: usize = 128;

/// Fingerprints listed of a row: programs on one device, and the few settings that each has.
const JA4_MAX: usize = 16;

/// Whether a row accuses, by the programs and the names that are known of it: then it is kept longer.
pub type Rank = dyn Fn(&[AppId], &mut dyn Iterator<Item = &str>, &Ledger) -> bool + Send + Sync;

/// The rows of a series.
#[derive(Debug, Default)]
pub struct Rows {
    rows: Vec<(RowKey, Row)>,
    /// Where each is, with the hash of what it is told apart by: to make it again whenever the table grows takes a fifth of adding a row.
    index: HashTable<(u64, u32)>,
    hasher: RandomState,
    /// Flows that were folded.
    pub folded: u64,
    /// Names of rows that were left out.
    pub names_folded: u64,
    names: NameRoom,
    keep_ports: bool,
    limit: Option<usize>,
}

impl Rows {
    /// Rows that are never merged: one per flow, at most `limit`.
    pub fn one_per_flow(limit: usize) -> Self {
        Self {
            keep_ports: true,
            limit: Some(limit),
            names: NameRoom {
                most: NAMES_BYTES_MAX.max(limit.saturating_mul(NAMES_BYTES_OF_FLOW)),
                ..NameRoom::default()
            },
            ..Self::default()
        }
    }

    /// The row of a flow: the one that is there, or a new one, its own or that of many. Nothing is copied out of the flow for the
    /// former.
    fn row_of(&mut self, told: &Told<'_>, ledger: &Ledger, accuses: &Rank) -> Option<u32> {
        let hash = told.hash(&self.hasher);
        let known = self.find(hash, |key| told.is(key));
        if known.is_some() {
            return known;
        }
        let kept = self.rows.len();
        let limit = self.limit.unwrap_or(ROWS_MAX);
        let most = limit.max(ACCUSING_MAX);
        // A row without a name takes none of their room.
        let named = told.name_bytes();
        let is_over = |rows: usize, times| kept >= rows || (named > 0 && self.names.is_full(times));
        let over = is_over(limit, 1) && (is_over(most, 2) || !told.accuses(ledger, accuses));
        if !over {
            self.names.taken = self.names.taken.saturating_add(named);
            return self.fresh(hash, told.key(), told.opener_port());
        }
        self.folded += 1;
        // The near end is kept apart while there is room for it.
        let folded = FoldedTold::of(told, kept < most.saturating_add(FOLDED_MAX));
        let hash = folded.hash(&self.hasher);
        let known = self.find(hash, |key| folded.is(key));
        known.or_else(|| self.fresh(hash, folded.key(), told.opener_port()))
    }

    fn find(&self, hash: u64, is: impl Fn(&RowKey) -> bool) -> Option<u32> {
        let rows = &self.rows;
        let same = |(of, place): &(u64, u32)| {
            *of == hash && rows.get(*place as usize).is_some_and(|(key, _)| is(key))
        };
        self.index.find(hash, same).map(|(_, place)| *place)
    }

    fn fresh(&mut self, hash: u64, key: RowKey, opener: u16) -> Option<u32> {
        let place = u32::try_from(self.rows.len()).ok()?;
        self.index
            .insert_unique(hash, (hash, place), |(hash, _)| *hash);
        self.rows.push((key, Row::new(opener)));
        Some(place)
    }

    /// Takes a closed flow in, and what was found in it. Names are resolved against the ledger as it is now.
    pub fn add(&mut self, closed: &Closed, hits: Option<&Hits>, ledger: &Ledger, accuses: &Rank) {
        let told = Told::of(closed, ledger, self.keep_ports);
        let opener = told.opener_port();
        let place = self.row_of(&told, ledger, accuses);
        let Self {
            rows, names: room, ..
        } = self;
        let place = place.and_then(|place| rows.get_mut(place as usize));
        let Some((_, row)) = place else {
            return;
        };
        let mut over = 0;
        row.flows += 1;
        row.bins.merge(&closed.flow.bins);
        if row.opener_port != Some(opener) {
            row.opener_port = None;
        }
        if row.opener_ports.len() <= PORTS_MAX {
            row.opener_ports.insert(opener);
        }
        row.quoted |= closed.flow.facts.quoted;
        row.routed |= closed.flow.facts.routed;
        row.conflict |= closed.flow.facts.conflict;
        row.client_subnet |= closed.flow.facts.client_subnet;
        for ja4 in &closed.flow.facts.ja4 {
            if row.ja4.len() < JA4_MAX {
                row.ja4.insert(Arc::clone(ja4));
            }
        }
        row.joined_late += u64::from(closed.flow.joined_late);
        if let Some(hits) = hits {
            row.content.merge(hits);
        }
        for said in &closed.flow.facts.names {
            row.frame(said.at.at);
            let names = row.said.of_mut(said.asker);
            over += u64::from(!room.say(names, &said.named, said.at, ledger));
        }
        for side in Side::BOTH {
            for event in told.events(side) {
                let named = |name: &Arc<str>, source| Named {
                    name: Arc::clone(name),
                    source,
                };
                let names = row.resolved.of_mut(side);
                let asked = named(&event.name, NameSource::Dns);
                let aliases = event.aliases.iter();
                let aliases = aliases.map(|alias| named(alias, NameSource::DnsAlias));
                for name in std::iter::once(asked).chain(aliases) {
                    over += u64::from(!room.say(names, &name, event.at, ledger));
                }
            }
        }
        for asked in &closed.flow.facts.lookups {
            let kept = row.lookups.len();
            if !row.lookups.contains(asked) {
                let listed = room.take(kept, &asked.1, ledger);
                over += u64::from(!listed);
                if listed {
                    row.lookups.insert(asked.clone());
                }
            }
        }
        for span in closed.spans.iter() {
            row.count(span);
        }
        self.names_folded += over;
    }

    /// The frames of each row over time, in no order.
    pub fn bins_mut(&mut self) -> impl Iterator<Item = &mut Bins> {
        self.rows.iter_mut().map(|(_, row)| &mut row.bins)
    }

    /// The rows in a fixed order.
    pub fn into_sorted(self) -> Vec<(RowKey, Row)> {
        let mut rows = self.rows;
        let mut order: Vec<usize> = (0..rows.len()).collect();
        // No two have the same key.
        order.sort_unstable_by(|a, b| {
            let key = |at: &usize| rows.get(*at).map(|(key, _)| key);
            key(a).cmp(&key(b))
        });
        put_in_order(&mut rows, order);
        rows
    }
}

/// Moves what is at `order[n]` to `n`, each once: rows are too long to be moved at every step of sorting.
fn put_in_order<T>(items: &mut [T], mut order: Vec<usize>) {
    for start in 0..order.len() {
        let mut at = start;
        while let Some(from) = order.get_mut(at).map(|from| std::mem::replace(from, at)) {
            if from == start || from >= items.len() {
                break;
            }
            items.swap(at, from);
            at = from;
        }
    }
}

/// Room for names over all rows.
#[derive(Debug, Clone, Copy)]
struct NameRoom {
    /// Bytes that are taken.
    taken: usize,
    /// Bytes that there are, and as many again for names that accuse.
    most: usize,
}

impl Default for NameRoom {
    fn default() -> Self {
        Self {
            taken: 0,
            most: NAMES_BYTES_MAX,
        }
    }
}

impl NameRoom {
    fn is_full(&self, times: usize) -> bool {
        self.taken >= self.most.saturating_mul(times)
    }

    /// Takes room for a name of a list that has so many; false if there was none.
    fn take(&mut self, kept: usize, name: &str, ledger: &Ledger) -> bool {
        let is_over = |times: usize| kept >= times * NAMES_MAX || self.is_full(times);
        let room = !is_over(1) || (!is_over(2) && ledger.accusing.says(name));
        if room {
            self.taken = self.taken.saturating_add(name_bytes(name));
        }
        room
    }

    /// Lists a name; false if there was no room.
    fn say(&mut self, names: &mut Names, named: &Named, at: Moment, ledger: &Ledger) -> bool {
        if let Some(first) = names.get_mut(named) {
            if at.at < first.at {
                *first = at;
            }
            return true;
        }
        let room = self.take(names.len(), &named.name, ledger);
        if room {
            names.insert(named.clone(), at);
        }
        room
    }
}

fn name_bytes(name: &str) -> usize {
    name.len().saturating_add(NAME_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::ledger::Accusing;
    use proptest::prelude::*;

    /// Names of many rows, each list far below its own bound.
    #[test]
    fn names_have_one_room_over_all_rows_and_those_that_accuse_have_more() {
        let mut ledger = Ledger::default();
        ledger.accusing = Accusing::by(|name| name.starts_with("vendor"));
        let mut room = NameRoom::default();
        let mut listed = |of: &str| {
            let each = NAMES_BYTES_MAX / (200 + NAME_BYTES) * 3;
            let names = (0..each).map(|n| format!("{of}{n:0>width$}", width = 200 - of.len()));
            names.filter(|name| room.take(3, name, &ledger)).count()
        };
        let (other, vendor) = (listed("other."), listed("vendor."));
        let fits = NAMES_BYTES_MAX / (200 + NAME_BYTES);
        assert!(other.abs_diff(fits) <= 1, "{other} of {fits}");
        assert!(vendor.abs_diff(fits) <= 1, "{vendor} of {fits}");
        assert!(room.is_full(2) && !room.is_full(3));
    }

    /// Names of each flow, once as what tells it apart and once as what was said, with two that lookups gave its ends.
    #[test]
    fn a_list_of_flows_has_room_for_the_names_of_each() {
        let flows = 200_000;
        let ledger = Ledger::default();
        let mut room = Rows::one_per_flow(flows).names;
        let name = format!("{:0100}.example", 0);
        let fits = (0..4 * flows).filter(|_| room.take(0, &name, &ledger));
        assert_eq!(fits.count(), 4 * flows);
        // It has an end all the same.
        let more = (0..20 * flows).filter(|_| room.take(0, &name, &ledger));
        assert!(more.count() < 5 * flows);
    }

    proptest! {
        #[test]
        fn what_is_put_in_order_is_sorted(items in proptest::collection::vec(0u8..50, 0..60)) {
            let mut items: Vec<(u8, usize)> = items.into_iter().zip(0..).collect();
            let mut order: Vec<usize> = (0..items.len()).collect();
            order.sort_unstable_by_key(|at| items[*at]);
            let mut sorted = items.clone();
            sorted.sort_unstable();
            put_in_order(&mut items, order);
            prop_assert_eq!(items, sorted);
        }
    }
}
