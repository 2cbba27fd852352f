//! A limit of packets per flow (PCAPdroid's `max_pkts_per_flow` and the like), which no format
//! records: connections that all break off at the same count, without an end, and none longer.

use crate::evidence::flow::Side;
use crate::ground::moment::Moment;
use crate::ground::protocol;
use crate::observe::flow::table::Closed;

/// Connections that have to break off alike; fewer can do so by chance.
const FLOWS_MIN: u64 = 3;
/// The smallest limit that can be told from exchanges that are simply that short.
const PACKETS_MIN: u64 = 6;

/// The longest TCP connections of a series, by packets.
#[derive(Debug, Default)]
pub(super) struct Limited {
    longest: u64,
    open: u64,
    ended: u64,
    first: Option<Moment>,
}

impl Limited {
    /// Takes a connection that left the flow table.
    pub(super) fn flow(&mut self, closed: &Closed) {
        if closed.flow.key.protocol() != protocol::TCP {
            return;
        }
        let packets: u64 = closed
            .spans
            .iter()
            .map(|s| s.counted.sent.a.packets + s.counted.sent.b.packets)
            .sum();
        if packets < self.longest {
            return;
        }
        if packets > self.longest {
            *self = Self {
                longest: packets,
                ..Self::default()
            };
        }
        let over = Side::BOTH.iter().any(|side| *closed.flow.ended.of(*side));
        if over {
            self.ended += 1;
        } else {
            self.open += 1;
            let at = closed.flow.started;
            self.first = Some(self.first.map_or(at, |first| first.min(at)));
        }
    }

    /// The limit, how many connections it cut, and the first of them.
    pub(super) fn finish(&self) -> Option<(u64, u64, Moment)> {
        let cut = self.longest >= PACKETS_MIN && self.open >= FLOWS_MIN && self.ended == 0;
        self.first
            .filter(|_| cut)
            .map(|first| (self.longest, self.open, first))
    }
}
