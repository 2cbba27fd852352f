//! Packets between two endpoints, counted per interval and input; nothing is judged here.
//!
//! A [`Flow`] knows who sent what when, and keeps the facts that dissectors found in it. Which end
//! is ours, what scope it has and who it belongs to is decided at the end, from all evidence.

use crate::evidence::flow::{Facts, Key, LinkFacts, Opening, Pair, Side, Turned};
pub mod late;
pub mod order;
pub mod overhead;
pub mod part;
pub mod rare;
pub mod row;
pub mod sequence;
pub mod stream;
pub mod table;

use crate::evidence::bins::Bins;
use crate::evidence::ledger::apps::{AppId, Apps};
use crate::evidence::seal::{Seal, Seals};
use crate::ground::moment::Moment;
use part::{Label, Lent};
use rare::Rare;
use sequence::PeerState;
use std::collections::BTreeSet;

/// What is known about the payload of one direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Carries {
    /// Nothing was recognised yet.
    #[default]
    Undecided,
    /// Handshake of a security protocol: no application payload so far.
    Handshake,
    /// Application payload from here on.
    Application,
}

/// What the payload of a protocol is to those who look into payloads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PayloadKind {
    /// In clear, or of nobody knows what: all of it is looked into.
    #[default]
    Clear,
    /// Encrypted, handshakes aside.
    Sealed,
    /// Messages that ask for names and answer with addresses.
    Lookups,
    /// Attributes of a traversal, of which some are texts.
    Attributes,
    /// Times, in messages of a fixed length.
    Clock,
    /// Encrypted behind an opening in clear, which is read.
    Opening,
    /// A client's login, topics and what it publishes under them.
    Packets,
    /// A live stream behind commands.
    Broadcast,
    /// Frames of a drone link.
    DroneLink,
}

/// How a packet lies in what carried it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layer {
    /// An IP packet.
    Packet,
    /// A PPP frame.
    Ppp,
    /// A frame of this link type (registry of tcpdump.org).
    Link(u16),
}

/// A packet that a dissector found in the payload, on its way to be read as one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Carried {
    /// What carried it, as reports call it.
    pub name: &'static str,
    /// What the bytes are.
    pub layer: Layer,
    /// The packet.
    pub bytes: Vec<u8>,
    /// Bytes of it that are missing at its end.
    pub cut: usize,
    /// A copy from elsewhere, which is not carried on.
    pub copies: bool,
}

/// What was read inside of a connection that was opened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Inner {
    /// Messages of DNS, which hold nothing but lookups.
    pub lookups: bool,
    /// Something else.
    pub others: bool,
    /// A live stream behind commands.
    pub broadcast: bool,
}

/// A flow that is still open in the table.
pub struct Flow {
    /// Endpoints and protocol.
    pub key: Key,
    /// First packet.
    pub started: Moment,
    /// Who opened it, and how that is known.
    pub opened_by: Option<(Side, Opening)>,
    /// Which sides of a stream sent what a client sends.
    pub asks: Pair<bool>,
    /// What the link says of each side.
    pub link: Pair<LinkFacts>,
    /// Sequence state of TCP, per sender.
    pub peer: Pair<PeerState>,
    /// What each side's payload is.
    pub carries: Pair<Carries>,
    /// What sessions said of the bytes of each side, on its way to those who look into payloads.
    pub labels: Rare<Pair<Vec<Label>>>,
    /// Its sealed messages may be opened: the dissector says of all of them what they are.
    pub opens: bool,
    /// It accounts for handshakes as well.
    pub accounts: bool,
    /// Somebody looks into what each side says.
    pub heard: Pair<bool>,
    /// The dissector reads all that each side says now: nothing of a person hides in it.
    pub understood: Pair<bool>,
    /// Bytes of each side that security protocols took for themselves.
    pub overhead: Rare<Pair<overhead::OverheadBytes>>,
    /// Those of them within their bounds that are not yet counted.
    pub spared: Pair<u64>,
    /// What became of sealed payload since it was last counted.
    pub seals: Seals,
    /// What was read inside of what was opened.
    pub within: Inner,
    /// Bytes of streams inside, of each side, that no packet holds.
    pub missing: Pair<u64>,
    /// All further payload of a side stays sealed.
    pub rest: Pair<Option<Seal>>,
    /// Request bodies that each side has declared since they were last counted, bytes: the largest.
    pub declared: Pair<u64>,
    /// FIN or RST was seen from each side.
    pub ended: Pair<bool>,
    /// The first packet was in the middle of a connection.
    pub joined_late: bool,
    /// What dissectors said.
    pub facts: Rare<Facts>,
    /// What the payload of its protocol is.
    pub payload: PayloadKind,
    /// Packets found in the payload, not yet read as such.
    pub inside: Rare<Vec<Carried>>,
    /// What came out of a sealed datagram, on its way to those who look into payloads.
    pub lent: Rare<Lent>,
    /// Programs that labels name for its packets, in the order of their first packet.
    pub apps: Rare<Vec<AppId>>,
    /// Its accounted frames over time.
    pub bins: Bins,
}

/// Programs kept per flow: a socket is handed on once or twice, not more often. Each input that the flow goes on in has a label of its own
/// for the same program.
const APPS_MAX: usize = 8;

impl Flow {
    fn new(key: Key, at: Moment) -> Self {
        Self {
            key,
            started: at,
            opened_by: None,
            asks: Pair::default(),
            link: Pair::default(),
            peer: Pair::default(),
            carries: Pair::default(),
            labels: Rare::default(),
            opens: false,
            accounts: false,
            heard: Pair::default(),
            understood: Pair::default(),
            overhead: Rare::default(),
            spared: Pair::default(),
            seals: Seals::default(),
            within: Inner::default(),
            missing: Pair::default(),
            rest: Pair::default(),
            declared: Pair::default(),
            ended: Pair::default(),
            joined_late: false,
            facts: Rare::default(),
            inside: Rare::default(),
            lent: Rare::default(),
            apps: Rare::default(),
            payload: PayloadKind::default(),
            bins: Bins::default(),
        }
    }

    /// A packet of the flow carries this label. False when no more are kept.
    pub fn labelled(&mut self, app: AppId, apps: &Apps) -> bool {
        // The latest are asked for most.
        if self.apps.iter().rev().any(|known| *known == app) {
            return true;
        }
        let programs: BTreeSet<_> = self.apps.iter().map(|known| apps.like(*known)).collect();
        if programs.len() < APPS_MAX || programs.contains(&apps.like(app)) {
            self.apps.push(app);
            return true;
        }
        false
    }

    /// Says what bytes of a side are, if somebody looks into them.
    pub fn label(&mut self, side: Side, label: Label) {
        if *self.heard.of(side) {
            self.labels.of_mut(side).push(label);
        }
    }

    /// What was said of the bytes of a side since it was last asked.
    pub fn take_labels(&mut self, side: Side) -> Vec<Label> {
        match self.labels.written() {
            Some(labels) => std::mem::take(labels.of_mut(side)),
            None => Vec::new(),
        }
    }

    /// Notes its protocol, unless one is known.
    pub fn speaks(&mut self, protocol: &'static str, payload: PayloadKind) {
        if self.facts.protocol.is_none() {
            self.facts.protocol = Some(protocol);
            self.payload = payload;
        }
    }

    /// Notes who opened the flow unless something stronger is known.
    pub fn opened(&mut self, side: Side, how: Opening) {
        if self.opened_by.is_none_or(|(_, have)| have < how) {
            self.opened_by = Some((side, how));
        }
    }

    /// The side that opened the flow by the best evidence there is.
    pub fn opener(&self) -> (Side, Opening) {
        self.opened_by.unwrap_or_else(|| {
            let side = if self.key.port(Side::A) > self.key.port(Side::B) {
                Side::A
            } else {
                Side::B
            };
            (side, Opening::HigherPort)
        })
    }

    /// Who asks in a stream, if that is not its opener alone.
    pub fn turned(&self) -> Option<Turned> {
        let (opener, _) = self.opener();
        match (self.asks.of(opener), self.asks.of(opener.other())) {
            (_, false) => None,
            (false, true) => Some(Turned::OtherAsks),
            (true, true) => Some(Turned::BothAsk),
        }
    }

    /// What the payload of `side` is from now on.
    ///
    /// In a TCP stream application payload is final; each datagram of UDP speaks for itself.
    pub fn carries(&mut self, side: Side, what: Carries) {
        let stream = self.key.protocol() == crate::ground::protocol::TCP;
        let now = self.carries.of_mut(side);
        if !stream || *now != Carries::Application {
            *now = what;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ground::label::{Label as AppLabel, LabelSource};
    use crate::ground::moment::FrameRef;
    use crate::ground::protocol;

    /// A program has a label in each input that the flow goes on in; other programs are bounded.
    #[test]
    fn a_flow_goes_on_in_any_number_of_inputs() {
        let ip = std::net::IpAddr::from([192, 168, 1, 5]);
        let (key, _) = Key::new((ip, 1), (ip, 2), protocol::UDP);
        let mut flow = Flow::new(key, Moment::NONE);
        let mut apps = Apps::default();
        let mut label = |uid: u32, input: u32| {
            let mut label = AppLabel::of(LabelSource::Nflog);
            label.uid = Some(uid);
            let at = FrameRef { input, frame: 1 };
            let moment = Moment { at, ..Moment::NONE };
            let app = apps.packet(&label, 0, moment).unwrap().unwrap();
            flow.labelled(app, &apps)
        };
        for input in 0..40 {
            assert!(label(10_234, input), "{input}");
        }
        for uid in 1..APPS_MAX as u32 {
            assert!(label(uid, 0), "{uid}");
        }
        assert!(!label(99, 0) && !label(99, 1));
        assert!(label(7, 9) && label(10_234, 41));
        assert_eq!(flow.apps.len(), 40 + APPS_MAX - 1 + 2);
    }
}
