//! Packets like the one before in their direction of a flow: nearly all of a capture.
//!
//! Ethernet frames with the same addresses, and in them packets with the same ends that are [plain](crate::observe::packet::plain): what the
//! headers say was said before, and nothing has to be asked of the link, the senders' neighbours or the table a second time. They are
//! counted as every packet is, and what they carry goes the way of all payload. Whatever is not like the last one goes through all
//! stages, and so does every packet where [`Means::thorough`](crate::observe::capture::Means::thorough) says so: the result is the same.

use super::super::duplicates::{Earlier, Port, Seen as Sight};
use super::datagrams::{between, count, note_device, note_direction};
use super::{Context, Link, Tracker};
use crate::evidence::flow::Key;
use crate::evidence::ledger::Ends;
use crate::ground::mac::Mac;
use crate::ground::work::looks_at;
use crate::observe::capture::Frame;
use crate::observe::link;
use crate::observe::packet::fragments::Piece;
use crate::observe::packet::plain::{self, Apart, Plain};
use crate::observe::packet::transport::{Flags, Transport};

/// Directions of flows remembered, by a number that their ends make. More share their places, and go the long way.
const PLACES: usize = 1 << 10;

/// A direction of a flow.
#[derive(Clone, Copy)]
struct Known {
    /// Receiver and sender on the link.
    link: [u8; 12],
    apart: Apart,
    key: Key,
    ends: Ends,
    slot: u32,
    /// Where the sums of its sender are counted.
    header: Option<u32>,
    transport: Option<u32>,
}

/// The directions met last.
pub(super) struct Alike {
    known: Vec<Option<Known>>,
    /// The numbers of those of which one packet was seen: who sends one may never send another.
    once: Vec<u32>,
}

impl Default for Alike {
    fn default() -> Self {
        Self {
            known: vec![None; PLACES],
            once: vec![0; PLACES],
        }
    }
}

impl Tracker {
    /// Takes a frame from the capture, behind what is asked of all of them.
    pub(super) fn taken(&mut self, frame: &Frame<'_>, link: Link, interval: u32) {
        let plain = match self.thorough {
            true => None,
            false => link::plain(link.0, frame),
        };
        let told = plain.and_then(|(addresses, packet)| {
            let apart = Apart::of(packet)?;
            Some((addresses, packet, apart))
        });
        let Some((addresses, packet, apart)) = told else {
            self.link(frame, link, interval);
            return;
        };
        let number = apart.spread();
        let place = number as usize % PLACES;
        let known = self.alike.known.get(place).and_then(Option::as_ref);
        let same = known.filter(|known| known.apart == apart);
        if let Some(known) = same {
            let known = *known;
            let ends = known.ends;
            if known.link == *addresses
                && let Some(plain) = plain::read(packet, ends.sender.0, ends.receiver.0)
                && self.goes_on(&known, &plain, frame, interval)
            {
                return;
            }
        }
        self.link(frame, link, interval);
        let Some(once) = self.alike.once.get_mut(place) else {
            return;
        };
        if std::mem::replace(once, number) == number {
            self.remember(place, *addresses, packet, apart);
        }
    }

    /// A second packet of this direction was seen.
    fn remember(&mut self, place: usize, link: [u8; 12], packet: &[u8], apart: Apart) {
        let (source, destination) = apart.addresses();
        let Some(plain) = plain::read(packet, source, destination) else {
            return;
        };
        let (key, ends) = between(&plain.datagram, &plain.transport);
        let Some((slot, _)) = self.table.get(&key) else {
            return;
        };
        let [_, _, _, _, _, _, sender @ ..] = link;
        let Some(sender) = Mac::read(&sender) else {
            return;
        };
        let known = Known {
            link,
            apart,
            key,
            ends,
            slot,
            header: match source.is_ipv4() {
                true => self.senders.header_place(sender),
                false => None,
            },
            transport: match plain.summed {
                true => self.senders.transport_place(source),
                false => None,
            },
        };
        if let Some(room) = self.alike.known.get_mut(place) {
            *room = Some(known);
        }
    }

    /// Takes a packet of a direction that is known; false if it is not like those before it, and then nothing was done.
    fn goes_on(
        &mut self,
        known: &Known,
        plain: &Plain<'_>,
        frame: &Frame<'_>,
        interval: u32,
    ) -> bool {
        let (slot, ends) = (known.slot, known.ends);
        let (target, source) = known.link.split_at(6);
        let (target, source) = (Mac::read(target), Mac::read(source));
        let flags = match &plain.transport {
            Transport::Tcp(segment) => segment.flags,
            _ => Flags::default(),
        };
        let Some(flow) = self.table.flow(slot) else {
            return false;
        };
        let facts = flow.link.of_mut(ends.side);
        let neighbours = facts.source == source && (facts.mixed || facts.target == target);
        // A SYN may begin another connection.
        if flow.key != known.key || !neighbours || flags.any(Flags::SYN) {
            return false;
        }
        let answers = !flags.any(Flags::RST);
        note_direction(facts, frame.direction);
        let datagram = &plain.datagram;
        looks_at(datagram.payload.len());
        if datagram.source.is_ipv4()
            && let Some(source) = source
        {
            self.senders.header_right(known.header, source);
        }
        if plain.summed {
            self.senders
                .transport_right(known.transport, datagram.source);
        }
        let moment = frame.moment;
        let port = Port {
            input: moment.at.input,
            interface: frame.interface,
            number: None,
        };
        let sight = Sight {
            port,
            frame: moment.at,
            at: moment.time,
            link: (source, target),
            direction: frame.direction,
            radio: None,
        };
        let earlier = self.duplicates.seen(datagram, &plain.transport, sight);
        let sender = earlier.and_then(Earlier::translated);
        if sender.is_some()
            && let Some(flow) = self.table.flow(slot)
        {
            let facts = flow.link.of_mut(ends.side);
            facts.behind = facts.behind.or(sender);
        }
        let context = Context {
            moment,
            interval,
            source,
            target,
            direction: frame.direction,
            behind: sender,
            depth: 0,
            on_link: true,
            in_pieces: false,
            accounted: true,
            app: None,
            port,
            radio: None,
            again: earlier.is_some(),
            rival: false,
        };
        let piece = Piece {
            moment,
            interval,
            accounted: true,
            chosen: 0,
            routed: false,
        };
        self.table.saw(slot, moment.time);
        if let Some((flow, span)) = self.table.flow_and_span(slot, interval, moment) {
            count(span, ends.side, &piece, answers);
            if let Some(place) = self.scale.place(moment.time) {
                self.scale.keep(flow.bins.add(place));
            }
        }
        if self.settings.devices.any() {
            note_device(ends, &context, (&mut self.ledger, &self.settings));
        }
        match &plain.transport {
            Transport::Tcp(segment) => self.tcp(slot, segment, ends, true, false, &context),
            Transport::Udp(udp) => self.udp(slot, udp, ends, true, &context),
            // No other packet is plain.
            _ => {}
        }
        true
    }
}
