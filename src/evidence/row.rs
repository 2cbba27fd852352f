//! Rows: flows merged where only the opener's port differs.

use super::bins::Bins;
use super::content::Hits;
use super::counters::Counters;
use super::flow::{HiddenLookups, Key, LinkFacts, Named, Opening, Pair, Relay, Side, Span, Turned};
use super::ledger::apps::AppId;
use super::names::Names;
use crate::ground::moment::{FrameRef, Moment};
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

/// Frames listed of a row: first, last, and those that say a name.
pub const FRAMES_MAX: usize = 32;

/// Ports of the opener kept of a row: what tells its flows apart in another vantage.
pub const PORTS_MAX: usize = 64;

/// The names that DNS gave an address when a flow began.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Resolved {
    /// The name asked for last; with its aliases.
    pub asked: Option<Arc<str>>,
    /// Aliases between that name and the address.
    pub aliases: Arc<[Arc<str>]>,
}

/// Whether a folded row leaves the site, by its addresses alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Folded {
    /// Both ends were local by their number.
    Local,
    /// One end was not.
    Beyond,
}

/// What rows are told apart by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowKey {
    /// Endpoints, the opener's port left out.
    pub key: Key,
    /// Start of the flow, where every flow has a row of its own.
    pub started: Option<Moment>,
    /// Set when the row stands for many that differ in their far ends; its far address means nothing.
    pub folded: Option<Folded>,
    /// Protocol number.
    pub transport: u8,
    /// Who opened it, and how that is known.
    pub opener: (Side, Opening),
    /// Who asked, if that is not the opener alone.
    pub turned: Option<Turned>,
    /// Link facts of each side.
    pub link: Pair<LinkFacts>,
    /// Names that the flow itself said, by who asked the other end under them, sorted.
    pub names: Pair<Vec<Named>>,
    /// Names that DNS gave for the address of each side.
    pub resolved: Pair<Resolved>,
    /// Application protocol.
    pub protocol: Option<&'static str>,
    /// The flow asked a relay.
    pub relay: Option<Relay>,
    /// Who asked it.
    pub relays: Pair<bool>,
    /// An address in place of a host name.
    pub literal: Option<IpAddr>,
    /// Port that a proxy was asked to connect to.
    pub target_port: Option<u16>,
    /// Discovery and group membership that stay on the link.
    pub link_only: bool,
    /// Nothing but DNS in clear.
    pub only_lookups: bool,
    /// Who looked up a public name.
    pub public_lookup: Pair<bool>,
    /// Opaque tunnel.
    pub tunnel: Option<&'static str>,
    /// Names are hidden.
    pub hidden: Option<HiddenLookups>,
    /// An encrypted hello was offered.
    pub ech: bool,
    /// The server name was sent encrypted.
    pub esni: bool,
    /// Programs that labels name, sorted.
    pub apps: Vec<AppId>,
}

/// The ends of a flow, as every vantage shows them that is not behind a translator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Conversation {
    /// Who opened it.
    pub from: (IpAddr, u16),
    /// Who was asked.
    pub to: (IpAddr, u16),
    /// Protocol number.
    pub protocol: u8,
}

/// What of a span counts as traffic of its interval (see [`Span::counts`]).
#[derive(Debug, Clone, PartialEq, Eq)]
enum Active {
    Nothing,
    Everything,
    /// Of many flows only some: what those counted. Boxed, because it is rare and there are many rows.
    Part(Box<Counters>),
}

/// Counters of a row in one interval of one input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowSpan {
    /// The interval.
    pub interval: u32,
    /// The input.
    pub input: u32,
    /// Everything.
    pub total: Counters,
    active: Active,
}

impl RowSpan {
    /// What counts as traffic of this interval (see [`Span::counts`]); `None` if nothing does.
    pub fn active(&self) -> Option<&Counters> {
        match &self.active {
            Active::Nothing => None,
            Active::Everything => Some(&self.total),
            Active::Part(part) => Some(part),
        }
    }

    fn add(&mut self, counted: &Counters, counts: bool) {
        match &mut self.active {
            Active::Everything if counts => {}
            Active::Nothing if !counts => {}
            Active::Everything => self.active = Active::Part(Box::new(self.total)),
            Active::Nothing => self.active = Active::Part(Box::new(*counted)),
            Active::Part(part) if counts => part.add(counted),
            Active::Part(_) => {}
        }
        self.total.add(counted);
    }
}

/// Flows merged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Number of flows.
    pub flows: u64,
    /// The opener's port, if it was always the same one.
    pub opener_port: Option<u16>,
    /// The ports that the opener used; more than [`PORTS_MAX`] are not kept, and then none speaks for
    /// the row.
    pub opener_ports: BTreeSet<u16>,
    /// Counters per interval and input, in that order. A list, because most rows have one entry and
    /// there are many rows.
    pub spans: Vec<RowSpan>,
    /// Where each name that the flow said was said first, by who asked under it.
    pub said: Pair<Names>,
    /// Where each name was said that DNS gave the address of a side.
    pub resolved: Pair<Names>,
    /// Names looked up in the flow, with who asked.
    pub lookups: BTreeSet<(Side, Arc<str>)>,
    /// Fingerprints of the clients' hellos.
    pub ja4: BTreeSet<Arc<str>>,
    /// Lookups carried a part of the asker's address.
    pub client_subnet: bool,
    /// Exemplar frames, in order.
    pub frames: Vec<FrameRef>,
    /// It was first seen as a quote in an ICMP error.
    pub quoted: bool,
    /// A packet names an end as the last hop of a source route.
    pub routed: bool,
    /// Copies of the same bytes differed.
    pub conflict: bool,
    /// A flow was open at its first packet.
    pub joined_late: u64,
    /// Accounted frames over time.
    pub bins: Bins,
    /// Personal data in clear.
    pub content: Hits,
}

impl Row {
    /// No flow yet; the first one was opened from this port.
    pub(crate) fn new(opener_port: u16) -> Self {
        Self {
            flows: 0,
            opener_port: Some(opener_port),
            opener_ports: BTreeSet::new(),
            spans: Vec::new(),
            said: Pair::default(),
            resolved: Pair::default(),
            lookups: BTreeSet::new(),
            ja4: BTreeSet::new(),
            client_subnet: false,
            frames: Vec::new(),
            quoted: false,
            routed: false,
            conflict: false,
            joined_late: 0,
            bins: Bins::default(),
            content: Hits::default(),
        }
    }

    /// A packet of this side was seen.
    pub fn has_sent(&self, side: Side) -> bool {
        let mut spans = self.spans.iter();
        spans.any(|span| span.total.sent.of(side).packets > 0)
    }

    /// The conversations of the row, opener first, if all of them are known.
    pub fn conversations<'r>(
        &'r self,
        key: &'r RowKey,
    ) -> Option<impl Iterator<Item = Conversation> + 'r> {
        let (opener, asked) = (key.opener.0, key.opener.0.other());
        let known = key.folded.is_none() && self.opener_ports.len() <= PORTS_MAX;
        known.then(|| {
            self.opener_ports.iter().map(move |port| Conversation {
                from: (key.key.ip(opener), *port),
                to: (key.key.ip(asked), key.key.port(asked)),
                protocol: key.transport,
            })
        })
    }

    /// Lists a frame; of too many the first ones and the very last are kept.
    pub(crate) fn frame(&mut self, at: FrameRef) {
        let kept = self.frames.len();
        match self.frames.last_mut() {
            Some(last) if *last == at => {}
            // Nearly all come in order.
            Some(last) if *last < at && kept >= FRAMES_MAX => *last = at,
            Some(last) if *last > at => {
                if let Err(place) = self.frames.binary_search(&at) {
                    self.frames.insert(place, at);
                    if kept >= FRAMES_MAX {
                        self.frames.remove(kept.saturating_sub(1));
                    }
                }
            }
            _ => self.frames.push(at),
        }
    }

    /// Adds what was counted of a flow.
    pub(crate) fn count(&mut self, span: &Span) {
        self.frame(span.counted.first.at);
        self.frame(span.counted.last.at);
        let counted = span.over();
        let counts = span.counts();
        let place = self
            .spans
            .binary_search_by_key(&(span.interval, span.input), |s| (s.interval, s.input));
        // Of nearly all rows it stays the only one, and there are thousands of rows.
        if self.spans.is_empty() {
            self.spans.reserve_exact(1);
        }
        match place {
            Err(at) => self.spans.insert(
                at,
                RowSpan {
                    interval: span.interval,
                    input: span.input,
                    total: counted,
                    active: match counts {
                        true => Active::Everything,
                        false => Active::Nothing,
                    },
                },
            ),
            Ok(at) => {
                if let Some(have) = self.spans.get_mut(at) {
                    have.add(&counted, counts);
                }
            }
        }
    }
}

impl RowKey {
    /// Who asked the other end, and how that is known: who sent requests, else who opened it.
    pub fn asker(&self) -> (Side, Opening) {
        match self.turned {
            Some(Turned::OtherAsks) => (self.opener.0.other(), Opening::Request),
            Some(Turned::BothAsk) | None => self.opener,
        }
    }
}

#[cfg(test)]
impl RowKey {
    /// Names under which the opener asks.
    pub(crate) fn said(&mut self) -> &mut Vec<Named> {
        self.names.of_mut(self.opener.0)
    }

    /// A TCP row by hand, opened by the first end with a SYN; nothing else is known of it.
    pub(crate) fn by_hand(from: (IpAddr, u16), to: (IpAddr, u16)) -> Self {
        let tcp = crate::ground::protocol::TCP;
        let (key, side) = Key::new(from, to, tcp);
        Self {
            key,
            started: None,
            folded: None,
            transport: tcp,
            opener: (side, Opening::Syn),
            link: Pair::default(),
            names: Pair::default(),
            resolved: Pair::default(),
            protocol: None,
            relay: None,
            relays: Pair::default(),
            literal: None,
            target_port: None,
            link_only: false,
            only_lookups: false,
            public_lookup: Pair::default(),
            tunnel: None,
            hidden: None,
            ech: false,
            esni: false,
            turned: None,
            apps: Vec::new(),
        }
    }
}

#[cfg(test)]
impl Row {
    /// One flow by hand, with these counters for each interval.
    pub(crate) fn by_hand(spans: &[(u32, Counters)]) -> Self {
        let span = |(interval, total): &(u32, Counters)| RowSpan {
            interval: *interval,
            input: 0,
            total: *total,
            active: Active::Everything,
        };
        Self {
            flows: 1,
            spans: spans.iter().map(span).collect(),
            ..Self::new(0)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ground::moment::Timestamp;
    use proptest::prelude::*;

    proptest! {
        /// What counts is the sum of the flows that count, in whatever order they come.
        #[test]
        fn what_counts_is_the_sum_of_what_counts(
            flows in prop::collection::vec((any::<bool>(), 0u64..9), 1..9),
        ) {
            let counted = |frames| Counters {
                frames,
                ..Counters::new(Moment::NONE)
            };
            let (counts, frames) = flows[0];
            let mut span = RowSpan {
                interval: 0,
                input: 0,
                total: counted(frames),
                active: if counts { Active::Everything } else { Active::Nothing },
            };
            for (counts, frames) in &flows[1..] {
                span.add(&counted(*frames), *counts);
            }
            let all: u64 = flows.iter().map(|(_, frames)| frames).sum();
            let counting: Vec<u64> = flows.iter().filter(|f| f.0).map(|f| f.1).collect();
            prop_assert_eq!(span.total.frames, all);
            let told = span.active().map(|active| active.frames);
            prop_assert_eq!(told, (!counting.is_empty()).then(|| counting.iter().sum()));
        }
    }

    fn moment(input: u32, frame: u64) -> Moment {
        Moment {
            time: Timestamp::UNKNOWN,
            at: FrameRef { input, frame },
        }
    }

    #[test]
    fn of_too_many_frames_the_first_ones_and_the_very_last_are_listed() {
        let listed = |frames: &[u64]| {
            let mut row = Row::new(1);
            for frame in frames {
                row.frame(moment(0, *frame).at);
            }
            row.frames.iter().map(|at| at.frame).collect::<Vec<_>>()
        };
        assert_eq!(listed(&[3, 3, 6, 6, 3, 4, 6, 5]), [3, 4, 5, 6]);
        let most = FRAMES_MAX as u64;
        let tens = |to: u64| (1..=to).map(|n| 10 * n).collect::<Vec<_>>();
        assert_eq!(listed(&tens(most)), tens(most));
        let mut expected = tens(most - 1);
        expected.push(10 * (most + 3));
        assert_eq!(listed(&tens(most + 3)), expected);
        // One that comes late takes its place, and the last but one makes room.
        let mut late = tens(most + 3);
        late.push(15);
        expected.insert(1, 15);
        expected.remove(FRAMES_MAX - 1);
        assert_eq!(listed(&late), expected);
        let mut room = tens(most - 1);
        room.push(15);
        assert_eq!(listed(&room).len(), FRAMES_MAX);
    }

    #[test]
    fn what_is_counted_stands_by_interval_and_input_and_names_its_frames() {
        let mut row = Row::new(1);
        for (interval, input, first, opened) in [
            (2, 0, 10, true),
            (1, 1, 20, false),
            (1, 0, 30, true),
            (2, 0, 40, false),
        ] {
            let mut span = Span::new(interval, moment(input, first));
            span.counted.last = moment(input, first + 1);
            span.counted.frames = first;
            span.opened = opened;
            row.count(&span);
        }
        let spans: Vec<_> = row
            .spans
            .iter()
            .map(|s| {
                let active = s.active().map(|active| active.frames);
                ((s.interval, s.input), s.total.frames, active)
            })
            .collect();
        assert_eq!(
            spans,
            [
                ((1, 0), 30, Some(30)),
                ((1, 1), 20, None),
                ((2, 0), 50, Some(10))
            ]
        );
        let frames: Vec<_> = row.frames.iter().map(|at| (at.input, at.frame)).collect();
        let of_first = [10, 11, 30, 31, 40, 41].map(|frame| (0, frame));
        assert_eq!(frames, [&of_first[..], &[(1, 20), (1, 21)]].concat());
    }

    #[test]
    fn conversations_are_known_as_long_as_all_ports_are() {
        let (from, to) = ("10.0.0.9".parse().unwrap(), "8.8.8.8".parse().unwrap());
        let mut key = RowKey::by_hand((from, 40_000), (to, 443));
        let mut row = Row::new(1);
        row.opener_ports = (0..PORTS_MAX as u16).collect();
        let all: Vec<_> = row.conversations(&key).unwrap().collect();
        assert_eq!(all.len(), PORTS_MAX);
        let third = Conversation {
            from: (from, 2),
            to: (to, 443),
            protocol: key.transport,
        };
        assert_eq!(all[2], third);
        key.folded = Some(Folded::Beyond);
        assert!(row.conversations(&key).is_none());
        key.folded = None;
        row.opener_ports.insert(60_000);
        assert!(row.conversations(&key).is_none());
    }
}
