//! Destinations: rows grouped by where they went and under which name.
//!
//! A destination is one scope, address, port, transport, best name and machine. What several
//! vantages saw of it is kept apart and never summed.

use super::attribution::{Attributed, Grounds};
use super::labels::Labelling;
pub use super::note::Note;
pub use super::traffic::{Traffic, View};
use super::{Scope, Stage};
use crate::evidence::bins::Bins;
use crate::evidence::content::{FoundIn, Hit, Kind};
use crate::evidence::flow::{HiddenLookups, NameSource};
use crate::evidence::names::Names;
use crate::evidence::row::FRAMES_MAX;
use crate::ground::mac::Mac;
use crate::ground::moment::{FrameRef, Moment};
use crate::judge::identity::DeviceMatch;
use crate::judge::locate::Location;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

/// Fingerprints kept per destination: programs that open it, and the few settings that each has.
pub(super) const JA4_MAX: usize = 16;

/// What destinations are told apart by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct DestinationKey {
    /// Internet or relayed.
    pub scope: Scope,
    /// The far address; of a relay's target only if the request named it.
    pub ip: Option<IpAddr>,
    /// The far port; of a relayed destination none is known.
    pub port: Option<u16>,
    /// Protocol number.
    pub transport: u8,
    /// The local relay.
    pub via: Option<(IpAddr, u16)>,
    /// Best name.
    pub host: Option<Arc<str>>,
    /// Where it comes from.
    pub host_source: Option<NameSource>,
    /// Nothing but lookups, in clear or encrypted.
    pub lookups_only: bool,
    /// The far end asked and our side answered, as a server does.
    pub served: bool,
    /// The declared device, another machine, or untold.
    pub(super) whose: u8,
    /// The app, by the capture's label.
    pub app: Option<Arc<Labelling>>,
    /// Stands for many.
    pub folded: bool,
}

/// A machine of our side, as far as rows tell machines apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Client {
    /// The device or app under audit.
    Subject,
    /// By its MAC, where that stands for one machine.
    Mac(Mac),
    /// By its address.
    Address(IpAddr),
}

/// Where traffic went.
#[derive(Debug, Clone)]
pub struct Destination {
    /// Identity.
    pub key: DestinationKey,
    /// Whose traffic it is.
    pub attributed: Attributed,
    /// Where the address is.
    pub place: Option<Location>,
    /// All names with their first frame.
    pub names: Names,
    /// Where a name was first left out because there were too many.
    pub names_folded: Option<Moment>,
    /// Application protocols seen, in order.
    pub protocols: Vec<&'static str>,
    /// Flows of the fullest view.
    pub flows: u64,
    /// Packets over time, of all inputs together.
    pub over_time: Bins,
    /// What each series saw of it, in their order.
    pub views: Vec<View>,
    /// What counts as traffic, by the machine of our side; in order and each once as soon as all rows are grouped.
    pub(super) shares: Vec<Share>,
    /// Exemplar frames, in order.
    pub frames: Vec<FrameRef>,
    /// Addresses of our side; in order and each once as soon as all rows are grouped.
    pub clients: Vec<IpAddr>,
    /// The host opens in browsers too.
    pub browsable: bool,
    /// Fingerprints of the clients' hellos.
    pub ja4: BTreeSet<Arc<str>>,
    /// Remarks for the reader.
    pub notes: BTreeSet<Note>,
    pub(super) whose: DeviceMatch,
    pub(super) aliases: BTreeSet<Arc<str>>,
    pub(super) looked_up: BTreeSet<Arc<str>>,
    pub(super) hidden: Option<HiddenLookups>,
}

/// What counts as traffic of one machine of our side.
#[derive(Debug, Clone, Copy)]
pub(super) struct Share {
    /// Index of the series.
    pub(super) series: usize,
    /// The machine.
    pub(super) client: Client,
    /// The interval.
    pub(super) interval: u32,
    /// Its traffic there.
    pub(super) traffic: Traffic,
}

impl Share {
    fn of(&self) -> (usize, Client) {
        (self.series, self.client)
    }
}

impl Destination {
    /// Nothing yet.
    pub(super) fn new(key: DestinationKey, whose: DeviceMatch) -> Self {
        Self {
            key,
            attributed: Attributed::unknown(Grounds::Unnamed),
            place: None,
            names: Names::default(),
            names_folded: None,
            protocols: Vec::new(),
            flows: 0,
            over_time: Bins::default(),
            views: Vec::new(),
            shares: Vec::new(),
            frames: Vec::new(),
            clients: Vec::new(),
            browsable: false,
            ja4: BTreeSet::new(),
            notes: BTreeSet::new(),
            whose,
            aliases: BTreeSet::new(),
            looked_up: BTreeSet::new(),
            hidden: None,
        }
    }

    /// What a series saw of it.
    pub(super) fn view(&self, series: usize) -> Option<&View> {
        self.views.iter().find(|view| view.series == series)
    }

    /// The view of the series that saw most, and its index.
    pub fn fullest(&self) -> Option<(usize, Traffic)> {
        self.views
            .iter()
            .filter_map(|view| Some((view.series, View::sum(view.total.iter().map(|(_, t)| t))?)))
            .max_by_key(|(index, t)| {
                (
                    t.out.packets + t.back.packets,
                    t.out.bytes + t.back.bytes,
                    std::cmp::Reverse(*index),
                )
            })
    }

    /// How far it went in the intervals that `inside` accepts; `None` without traffic that counts.
    pub fn stage_in(&self, inside: &dyn Fn(u32) -> bool) -> Option<(Stage, Traffic)> {
        self.views
            .iter()
            .filter_map(|view| {
                let counted = view.active.iter().filter(|(e, _)| inside(*e));
                let counted = View::sum(counted.map(|(_, t)| t))?;
                let mut stage = self.graded(&counted);
                // Our side may have spoken before or behind it: that it never answered is asked of all that was seen.
                if stage == Stage::Unsolicited && view.has_spoken() {
                    stage = Stage::Connected;
                }
                Some((stage, counted))
            })
            .max_by_key(|(stage, t)| (*stage, t.out.bytes, t.out.packets))
    }

    /// What each machine of our side sent and got, per series, in the intervals that `inside` accepts.
    pub fn shares_in(
        &self,
        inside: &dyn Fn(u32) -> bool,
    ) -> impl Iterator<Item = ((usize, Client), Traffic)> {
        let of_each = self.shares.chunk_by(|a, b| a.of() == b.of());
        of_each.filter_map(move |list| {
            let counted = list.iter().filter(|share| inside(share.interval));
            let sum = View::sum(counted.map(|share| &share.traffic))?;
            Some((list.first()?.of(), sum))
        })
    }

    /// Application payload out that nothing could read, in the intervals that `inside` accepts, by the vantage that shows most.
    pub fn unread_out(&self, inside: &dyn Fn(u32) -> bool) -> u64 {
        self.views
            .iter()
            .map(|view| {
                let inside = view.active.iter().filter(|(interval, _)| inside(*interval));
                inside.map(|(_, t)| t.out.unread).sum()
            })
            .max()
            .unwrap_or(0)
    }

    /// Personal data that went out in clear, in the intervals that `inside` accepts, in a fixed order. What several vantages saw
    /// of it is not summed.
    pub fn content_in(&self, inside: &dyn Fn(u32) -> bool) -> Vec<Hit> {
        type Text<'h> = (Kind, &'h str, Option<&'h str>, FoundIn);
        let mut all: BTreeMap<Text<'_>, Hit> = BTreeMap::new();
        for hits in self.views.iter().map(|view| &view.content) {
            let mut seen: BTreeMap<Text<'_>, Hit> = BTreeMap::new();
            for hit in hits.iter().filter(|hit| inside(hit.interval)) {
                let key = (hit.kind, hit.text.as_str(), hit.plain.as_deref(), hit.place);
                match seen.get_mut(&key) {
                    Some(have) => {
                        have.count = have.count.saturating_add(hit.count);
                        have.first = have.first.min(hit.first);
                    }
                    None => {
                        seen.insert(key, hit.clone());
                    }
                }
            }
            for (key, hit) in seen {
                match all.get_mut(&key) {
                    Some(have) if have.count >= hit.count => {}
                    _ => {
                        all.insert(key, hit);
                    }
                }
            }
        }
        all.into_values().collect()
    }

    /// How far it went over the whole capture.
    pub fn stage(&self) -> Stage {
        let counted = self.stage_in(&|_| true).map(|(stage, _)| stage);
        counted
            .or_else(|| self.fullest().map(|(_, t)| self.graded(&t)))
            .unwrap_or(Stage::Unsolicited)
    }

    fn graded(&self, traffic: &Traffic) -> Stage {
        let stage = traffic.stage();
        if self.key.lookups_only {
            stage.min(Stage::Lookup)
        } else {
            stage
        }
    }
}

impl Destination {
    /// Takes over what another vantage saw of the same traffic.
    pub(super) fn absorb(&mut self, other: Self) {
        for (named, at) in other.names {
            self.names.say(named, at);
        }
        self.protocols.extend(other.protocols);
        self.protocols.sort_unstable();
        self.protocols.dedup();
        self.views.extend(other.views);
        self.views.sort_by_key(|view| view.series);
        self.over_time.merge(&other.over_time);
        self.shares.extend(other.shares);
        self.frames.extend(other.frames);
        self.frames.sort_unstable();
        self.frames.dedup();
        self.frames.truncate(FRAMES_MAX);
        self.clients.extend(other.clients);
        self.ja4.extend(other.ja4);
        while self.ja4.len() > JA4_MAX {
            self.ja4.pop_last();
        }
        self.notes.extend(other.notes);
        self.notes.insert(Note::LabelOfAnotherVantage);
        self.aliases.extend(other.aliases);
        self.looked_up.extend(other.looked_up);
        self.hidden = self.hidden.or(other.hidden);
    }

    /// All rows are grouped: shares and clients come in order, each once.
    pub(super) fn settle(&mut self) {
        self.clients.sort_unstable();
        self.clients.dedup();
        let key = |share: &Share| (share.of(), share.interval);
        self.shares.sort_by_key(key);
        self.shares.dedup_by(|more, have| {
            let same = key(more) == key(have);
            if same {
                have.traffic.add(&more.traffic);
            }
            same
        });
    }

    /// True where everything was DNS in clear, whether mere lookups or more.
    pub(super) fn is_dns(&self) -> bool {
        let mut protocols = self.protocols.iter().peekable();
        self.key.lookups_only || (protocols.peek().is_some() && protocols.all(|p| *p == "dns"))
    }

    /// These lookups are more than that: what went out is payload.
    pub(super) fn is_payload(&mut self) {
        self.key.lookups_only = false;
        for view in &mut self.views {
            let counted = view.total.iter_mut().chain(&mut view.active);
            counted.for_each(|(_, traffic)| traffic.out.application |= traffic.out.bytes > 0);
        }
    }

    /// True for encrypted DNS, and where no question could be read: nothing stands in the lookups.
    pub fn looked_up_nothing(&self) -> bool {
        self.hidden.is_some() || self.looked_up.is_empty()
    }
}

#[cfg(test)]
impl Destination {
    /// What was asked for in it, by hand, and how it was hidden.
    pub(crate) fn lookups_by_hand(&mut self, names: &[&str], hidden: Option<HiddenLookups>) {
        self.looked_up = names.iter().map(|name| Arc::from(*name)).collect();
        self.hidden = hidden;
    }

    /// A destination by hand, for tests of what judges destinations: one view, all of it in `interval`.
    pub(crate) fn by_hand(
        (host, ip): (Option<&str>, Option<IpAddr>),
        scope: Scope,
        whose: super::attribution::Attribution,
        (interval, traffic): (u32, Traffic),
        place: Option<Location>,
    ) -> Self {
        let key = DestinationKey {
            scope,
            ip,
            port: Some(443),
            transport: crate::ground::protocol::TCP,
            via: None,
            host: host.map(Arc::from),
            host_source: host.map(|_| NameSource::TlsSni),
            lookups_only: false,
            served: false,
            whose: 0,
            app: None,
            folded: false,
        };
        let all = vec![(interval, traffic)];
        Self {
            attributed: Attributed::new(whose, Grounds::ByHand),
            place,
            flows: 1,
            views: vec![View {
                flows: 1,
                total: all.clone(),
                active: all,
                ..View::new(0, false)
            }],
            shares: vec![Share {
                series: 0,
                client: Client::Subject,
                interval,
                traffic,
            }],
            ..Self::new(key, DeviceMatch::Unsure)
        }
    }
}

#[cfg(test)]
mod tests;
