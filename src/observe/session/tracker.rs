//! One series: frames in, flows and facts out.

mod alike;
mod closing;
mod content;
mod datagrams;
mod doubted;
mod frames;
mod joined;
mod messages;
mod nested;
mod streams;

use super::Settings;
use super::clock::Clock;
use super::duplicates::{Duplicates, Port};
use super::limited::Limited;
use super::observer::Layer as Seen;
use super::senders::Senders;
use crate::evidence::bins::Scale;
use crate::evidence::flow::{Behind, Side, Span};
use crate::evidence::ledger::apps::AppId;
use crate::evidence::ledger::{Ends, Ledger};
use crate::evidence::{Unflowed, UnflowedOverTime};
use crate::ground::cause::{PacketCause, SessionCause};
use crate::ground::gaps::GapId;
use crate::ground::interval::Intervals;
use crate::ground::mac::Mac;
use crate::ground::moment::{FrameRef, Moment, Timestamp};
use crate::ground::work::looks_at;
use crate::observe::capture::{Direction, Frame};
use crate::observe::content::Slots;
use crate::observe::dissect::Sink;
use crate::observe::dissect::reading::Readings;
use crate::observe::flow::Carries;
use crate::observe::flow::row::Rows;
use crate::observe::flow::table::Table;
use crate::observe::link::{LinkType, Opener, Radio};
use crate::observe::packet::Decoded;
use crate::observe::packet::fragments::{Fragments, Piece};
use alike::Alike;
use doubted::Doubts;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Packets inside packets that are followed, counted from the frame: real ones have two or three
/// (bytes count at the outermost layer only).
const DEPTH_MAX: u8 = 8;

/// A link type and its reader, if there is one.
pub(super) type Link = (Option<u16>, Option<&'static LinkType>);

/// The circumstances of a packet, whatever layer it was found in.
#[derive(Clone, Copy)]
struct Context {
    moment: Moment,
    interval: u32,
    source: Option<Mac>,
    target: Option<Mac>,
    direction: Option<Direction>,
    /// The sender of the outermost packet that it came in.
    behind: Option<Behind>,
    depth: u8,
    /// Neighbour messages in it speak of the link under audit: what a tunnel holds was said somewhere
    /// else, or by anybody.
    on_link: bool,
    /// It came in fragments, some of which may be missing; cut ones were noted one by one.
    in_pieces: bool,
    /// Its frame is accounted where it goes: of several packets in a frame, one is.
    accounted: bool,
    /// The program that the capture names.
    app: Option<AppId>,
    /// The interface of the capturing machine it was seen on.
    port: Port,
    /// How its frame was sent on the air.
    radio: Option<Radio>,
    /// The same packet was seen before.
    again: bool,
    /// Other copies of bytes that were counted: what they say is read, and takes no room.
    rival: bool,
}

pub(super) struct Tracker {
    settings: Settings,
    intervals: Intervals,
    table: Table,
    readings: Readings,
    /// What payload says of people, flow by flow.
    content: Slots,
    rows: Rows,
    ledger: Ledger,
    fragments: Fragments,
    senders: Senders,
    unflowed: BTreeMap<u32, Unflowed>,
    unflowed_over_time: UnflowedOverTime,
    scale: Scale,
    clock: Clock,
    duplicates: Duplicates,
    doubts: Doubts,
    limited: Limited,
    /// Opens protected Wi-Fi.
    wifi: Opener,
    /// What it opened of the frame at hand.
    opened: Vec<u8>,
    /// Directions of flows, as their packets show them.
    alike: Alike,
    /// Every packet goes through all stages.
    thorough: bool,
}

impl Tracker {
    /// `senders` is what a first reading found out about checksums.
    pub(super) fn new(settings: Settings, intervals: Intervals, senders: Senders) -> Self {
        let rows = match settings.one_row_per_flow {
            Some(limit) => Rows::one_per_flow(limit),
            None => Rows::default(),
        };
        let mut ledger = Ledger::default();
        ledger.questions = settings.observer.is_some().then(Vec::new);
        ledger.device_macs = settings.devices.macs.iter().copied().collect();
        ledger.device_seen = settings.devices.ips.iter().copied().collect();
        ledger.accusing = settings.names.clone();
        ledger.one_device = settings.devices.any() && !settings.devices.all;
        Self {
            clock: Clock::new(settings.time_gap),
            duplicates: Duplicates::default(),
            doubts: Doubts::default(),
            limited: Limited::default(),
            wifi: Opener::new(Arc::clone(&settings.wifi)),
            opened: Vec::new(),
            alike: Alike::default(),
            // An observer is told of every layer.
            thorough: settings.means.thorough || settings.observer.is_some(),
            intervals,
            rows,
            table: Table::default(),
            readings: Readings::with(&settings.keylog),
            settings,
            content: Slots::default(),
            ledger,
            fragments: Fragments::default(),
            senders,
            unflowed: BTreeMap::new(),
            unflowed_over_time: UnflowedOverTime::default(),
            scale: Scale::default(),
        }
    }

    /// Takes a frame from the capture.
    pub(super) fn frame(&mut self, frame: &Frame<'_>, link: Link) {
        looks_at(frame.data.len());
        let interval = self.intervals.of(frame.moment.time);
        self.clock.tick(frame.moment, interval);
        if frame.moment.time == Timestamp::UNKNOWN {
            let (input, at) = (frame.moment.at.input, Some(frame.moment));
            let cause = PacketCause::Untimed;
            self.ledger.gaps.whole(GapId::TooShort, input, 1, at, cause);
        }
        self.taken(frame, link, interval);
        if self.table.is_due() {
            for closed in self.table.sweep(frame.moment.time) {
                self.closed(closed);
            }
        }
        if self.scale.is_full() {
            self.settle();
        }
        self.told();
    }

    /// The observer was told of everything so far.
    fn told(&mut self) {
        let Some(observer) = &self.settings.observer else {
            return;
        };
        let mut observer = observer.lock();
        for (at, name) in self.ledger.questions.iter_mut().flat_map(|q| q.drain(..)) {
            observer.question(at, &name);
        }
        for (at, random) in self.ledger.hellos.drain(..) {
            observer.hello(at, random);
        }
        observer.done();
    }

    /// Tells the observer of a packet.
    fn tell(&self, ends: Ends, protocol: u8, pieces: &[Piece], context: &Context) {
        let Some(observer) = &self.settings.observer else {
            return;
        };
        let layer = Seen {
            at: context.moment,
            source: ends.sender,
            destination: ends.receiver,
            protocol,
            mac: context.source,
        };
        let mut pieces = pieces.iter().map(|piece| piece.moment.at);
        observer.lock().layer(&layer, &mut pieces);
    }

    /// Tells the observer of a message about the link.
    fn tell_neighbours(&self, at: FrameRef, message: &[u8]) {
        if let Some(observer) = &self.settings.observer {
            observer.lock().neighbours(at, message);
        }
    }

    /// The packet door: what holds IP packets of any kind comes in here, one level deeper. True if
    /// the packet, or one inside it, goes beyond the site or asks for it.
    fn network(&mut self, decoded: Decoded<'_>, context: &Context) -> bool {
        if context.depth > DEPTH_MAX {
            self.ledger.gaps.over(
                context.moment,
                context.interval,
                SessionCause::NestedTooDeep,
            );
            return false;
        }
        match decoded {
            Decoded::Datagram(datagram) | Decoded::BadChecksum(datagram) => {
                looks_at(datagram.payload.len());
                // Only what a tunnel holds is asked after.
                let leaves = context.depth > 0
                    && (self.leaves(datagram.source) || self.leaves(datagram.destination));
                let piece = Piece {
                    moment: context.moment,
                    interval: context.interval,
                    accounted: context.accounted,
                    chosen: datagram.chosen,
                    routed: datagram.routed,
                };
                let asks = match datagram.fragment {
                    None => self.datagram(&datagram, &[piece], context),
                    Some(fragment) => {
                        if datagram.cut() > 0 {
                            self.snaplen(context, PacketCause::FragmentCut);
                        }
                        let mut asks = false;
                        for joined in self.fragments.add(&datagram, fragment, piece) {
                            asks |= self.joined(&joined, context);
                        }
                        asks
                    }
                };
                leaves || asks
            }
            Decoded::Unreadable(cause) => {
                self.unreadable(GapId::UnreadablePackets, cause, context);
                false
            }
            Decoded::Cut(cause) => {
                self.snaplen(context, cause);
                self.unreadable(GapId::UnreadablePackets, cause, context);
                false
            }
        }
    }

    fn snaplen(&mut self, context: &Context, cause: PacketCause) {
        self.ledger
            .gaps
            .at(GapId::SnaplenCut, context.moment, context.interval, cause);
    }

    fn read_with(
        &mut self,
        slot: u32,
        ends: Ends,
        context: &Context,
        read: impl FnOnce(&mut Readings, &mut Sink<'_>),
    ) {
        let Self {
            table,
            readings,
            ledger,
            ..
        } = self;
        let Some(flow) = table.flow(slot) else { return };
        // Where labels stand on one direction only, the other is the same program's.
        let app = context.app.or(flow.apps.last().copied());
        let mut sink = Sink::new(flow, ledger, (context.moment, context.interval), ends, app);
        read(readings, &mut sink);
    }
}

fn note_carries(span: &mut Span, side: Side, carries: Carries) {
    match carries {
        Carries::Application => span.sent(side).application = true,
        Carries::Undecided => *span.pending.of_mut(side) = true,
        Carries::Handshake => {}
    }
}
