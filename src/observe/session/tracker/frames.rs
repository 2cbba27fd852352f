//! Frames from the capture: what their link header says, and what they hold.

use super::super::duplicates::Port;
use super::super::inside::asks_beyond;
use super::super::senders::FrameSender;
use super::datagrams::between;
use super::{Context, Link, Tracker};
use crate::evidence::Unflowed;
use crate::evidence::ledger::apps::{AppId, Full};
use crate::ground::address::classify;
use crate::ground::cause::{GapCause, LinkCause, PacketCause, SessionCause};
use crate::ground::gaps::GapId;
use crate::ground::moment::Moment;
use crate::ground::protocol::DNS_PORT;
use crate::ground::public_name::is_public_name;
use crate::observe::capture::Frame;
use crate::observe::dissect::{dns_message, neighbours};
use crate::observe::link::{Bundle, Content, Unwrapped, unread};
use crate::observe::packet::transport::{Transport, read};
use crate::observe::packet::{Decoded, decode};
use std::net::IpAddr;

impl Tracker {
    /// The frame door: from the link header on.
    pub(super) fn link(&mut self, frame: &Frame<'_>, link: Link, interval: u32) {
        let (link_type, reader) = link;
        let Some(reader) = reader else {
            let cause = unread(link_type);
            self.ledger
                .gaps
                .at(GapId::UnsupportedLink, frame.moment, interval, cause);
            self.count_unreadable(frame.moment);
            return;
        };
        let mut room = std::mem::take(&mut self.opened);
        let unwrapped = self.wifi.take((reader.read)(frame), &mut room);
        if let Some(what) = unwrapped.oddity {
            let seen = self
                .ledger
                .oddities
                .entry(what)
                .or_insert((0, frame.moment));
            seen.0 += 1;
        }
        let app = self.app(frame, &unwrapped, interval);
        let context = Context {
            moment: frame.moment,
            interval,
            source: unwrapped.source,
            target: unwrapped.target,
            direction: frame.direction.or(unwrapped.direction),
            behind: None,
            depth: 0,
            on_link: true,
            in_pieces: false,
            accounted: true,
            app,
            port: Port {
                input: frame.moment.at.input,
                interface: frame.interface,
                number: unwrapped.port,
            },
            radio: unwrapped.radio,
            again: false,
            rival: false,
        };
        match unwrapped.content {
            Content::Bundle(packets) => self.bundle(frame, packets, &context),
            content => self.content(frame, content, &context),
        }
        self.opened = room;
        if self.wifi.take_limited() {
            self.ledger
                .gaps
                .over(frame.moment, interval, SessionCause::HandshakesOnAirOver);
        }
    }

    /// The program that the record or its link header names; what says more wins.
    fn app(
        &mut self,
        frame: &Frame<'_>,
        unwrapped: &Unwrapped<'_>,
        interval: u32,
    ) -> Option<AppId> {
        let label = match (frame.label, unwrapped.label) {
            (None, None) => return None,
            (Some(label), None) | (None, Some(label)) => label,
            (Some(a), Some(b)) => a.fuller(b),
        };
        match self.ledger.apps.packet(&label, interval, frame.moment) {
            Ok(app) => app,
            Err(Full) => {
                self.ledger
                    .gaps
                    .over(frame.moment, interval, SessionCause::AppLabelsOver);
                None
            }
        }
    }

    /// Several packets in one frame: each is read, and the frame is accounted once, where it weighs
    /// most. That is decided by the addresses and by what is known of their flows, before the rest of the
    /// capture is: among packets between local addresses it may be the wrong one that turns out to be relayed.
    fn bundle(&mut self, frame: &Frame<'_>, packets: Bundle<'_>, context: &Context) {
        let heaviest = packets
            .enumerate()
            .map(|(at, inner)| {
                let weight = match weight(&inner.content) {
                    SINGLE if self.asks(&inner.content) => RELAYED,
                    other => other,
                };
                (weight, std::cmp::Reverse(at))
            })
            .max()
            .map(|(_, at)| at.0);
        let Some(heaviest) = heaviest else {
            let cause = LinkCause::BundleEmpty;
            self.unreadable(GapId::UnreadablePackets, cause, context);
            return;
        };
        let mut rest = packets;
        for (at, inner) in rest.by_ref().enumerate() {
            let context = Context {
                source: inner.source.or(context.source),
                target: inner.target.or(context.target),
                accounted: at == heaviest,
                ..*context
            };
            match inner.content {
                Content::Bundle(_) => {
                    let cause = LinkCause::BundleInBundle;
                    self.unreadable(GapId::UnreadablePackets, cause, &context);
                }
                content => self.content(frame, content, &context),
            }
        }
        if rest.exhausted() {
            self.ledger.gaps.over(
                context.moment,
                context.interval,
                SessionCause::PacketsInFrameOver,
            );
        }
    }

    /// True for a packet between local addresses of a flow that asks for the internet, as far as that is known; and for a lookup of a
    /// public name, which may be the first of its flow.
    fn asks(&mut self, content: &Content<'_>) -> bool {
        let Content::Ip(bytes) = content else {
            return false;
        };
        let Decoded::Datagram(datagram) = decode(bytes, usize::from(u16::MAX)) else {
            return false;
        };
        let transport = read(&datagram);
        let (key, _) = between(&datagram, &transport);
        if let Some((_, flow)) = self.table.get(&key)
            && asks_beyond(&flow.facts)
        {
            return true;
        }
        let Transport::Udp(udp) = transport else {
            return false;
        };
        let asked = (udp.destination_port == DNS_PORT)
            .then(|| dns_message::parse(udp.payload).ok())
            .flatten();
        asked.is_some_and(|message| {
            let mut questions = message.questions.iter();
            !message.is_response && questions.any(|q| is_public_name(q.name.as_str()))
        })
    }

    fn content(&mut self, frame: &Frame<'_>, content: Content<'_>, context: &Context) {
        match content {
            Content::Ip(bytes) => {
                let sender = FrameSender::of(context.source, frame);
                let decoded = decode(bytes, frame.cut());
                let decoded = match decoded {
                    Decoded::BadChecksum(datagram) => {
                        if frame.checksum_pending || self.senders.header(sender, false) {
                            Decoded::Datagram(datagram)
                        } else {
                            Decoded::Unreadable(PacketCause::HeaderChecksum)
                        }
                    }
                    Decoded::Datagram(datagram) => {
                        if datagram.source.is_ipv4() {
                            self.senders.header(sender, true);
                        }
                        decoded
                    }
                    _ => decoded,
                };
                self.network(decoded, context);
            }
            Content::Arp(packet) => {
                self.tell_neighbours(frame.moment.at, packet);
                neighbours::arp(packet, context.interval, frame.moment, &mut self.ledger);
                self.not_ip(context);
            }
            Content::NotIp(_) | Content::KeyExchange(_) => self.not_ip(context),
            // The opener has closed what it does not open.
            Content::Protected(_) => {
                self.unreadable(GapId::EncryptedWifi, LinkCause::ProtectedInFrame, context)
            }
            Content::Unreadable(gap, cause) => self.unreadable(gap, cause, context),
            Content::Extract(extract) => self.extract(&extract, context),
            // Readers hand it over as the whole frame only.
            Content::Bundle(_) => {
                self.unreadable(GapId::UnreadablePackets, LinkCause::BundleInBundle, context)
            }
        }
    }

    pub(super) fn not_ip(&mut self, context: &Context) {
        if context.accounted {
            self.count_unflowed(context.moment).not_ip += 1;
            if let Some(place) = self.scale.place(context.moment.time) {
                self.scale.keep(self.unflowed_over_time.not_ip.add(place));
            }
        }
    }

    pub(super) fn unreadable(&mut self, gap: GapId, cause: impl Into<GapCause>, context: &Context) {
        self.ledger
            .gaps
            .at(gap, context.moment, context.interval, cause);
        if context.depth == 0 && context.accounted {
            self.count_unreadable(context.moment);
        }
    }

    pub(super) fn count_unreadable(&mut self, moment: Moment) {
        self.count_unflowed(moment).unreadable += 1;
        if let Some(place) = self.scale.place(moment.time) {
            self.scale
                .keep(self.unflowed_over_time.unreadable.add(place));
        }
    }

    pub(super) fn count_unflowed(&mut self, moment: Moment) -> &mut Unflowed {
        self.unflowed.entry(moment.at.input).or_default()
    }
}

/// What a packet to a single local host weighs, and one that is known to be relayed by it.
const SINGLE: u8 = 2;
const RELAYED: u8 = 4;

/// How much a packet in a frame of several weighs, by what is known at once (contract: internet,
/// relayed, unreadable, local, not IP).
fn weight(content: &Content<'_>) -> u8 {
    let lonely = |ip: IpAddr| classify(ip).is_local();
    match content {
        Content::Ip(bytes) => match decode(bytes, usize::from(u16::MAX)) {
            Decoded::Datagram(d) if !lonely(d.source) || !lonely(d.destination) => 5,
            // What goes to a single host may be relayed by it.
            Decoded::Datagram(d) if !d.destination.is_multicast() => SINGLE,
            Decoded::Datagram(_) => 1,
            _ => 3,
        },
        Content::Extract(e) if !lonely(e.source.0) || !lonely(e.destination.0) => 5,
        Content::Extract(_) => SINGLE,
        Content::Unreadable(..) | Content::Bundle(_) | Content::Protected(_) => 3,
        Content::Arp(_) | Content::NotIp(_) | Content::KeyExchange(_) => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ground::interval::Intervals;
    use crate::observe::link::Extract;
    use crate::observe::session::Settings;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    /// A datagram of UDP without payload.
    fn datagram(source: &str, destination: &str) -> Vec<u8> {
        let mut bytes = vec![0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0];
        for address in [source, destination] {
            match ip(address) {
                IpAddr::V4(v4) => bytes.extend(v4.octets()),
                IpAddr::V6(_) => panic!("{address}"),
            }
        }
        let words = bytes
            .chunks_exact(2)
            .map(|two| u32::from(two[0]) << 8 | u32::from(two[1]));
        let sum: u32 = words.sum();
        let checksum = !(sum + (sum >> 16)) as u16;
        bytes[10..12].copy_from_slice(&checksum.to_be_bytes());
        bytes.extend([0, 9, 0, 9, 0, 8, 0, 0]);
        bytes
    }

    #[test]
    fn of_several_packets_the_one_that_goes_furthest_weighs_most() {
        let (home, other, far) = ("192.168.1.9", "10.0.0.9", "52.1.2.3");
        for (source, destination, expected) in [
            (home, far, 5),
            (far, home, 5),
            (far, far, 5),
            (home, other, 2),
            (home, "224.0.0.251", 1),
            (home, "232.1.1.1", 5),
        ] {
            let bytes = datagram(source, destination);
            assert_eq!(
                weight(&Content::Ip(&bytes)),
                expected,
                "{source} {destination}"
            );
            let extract = Content::Extract(Extract {
                source: (ip(source), 9),
                destination: (ip(destination), 9),
                protocol: 17,
                payload: &[],
            });
            // Without a header nothing says that nobody else may be asked on.
            assert_eq!(weight(&extract), expected.max(2), "{source} {destination}");
        }
        let cut = datagram(home, far);
        assert_eq!(weight(&Content::Ip(&cut[..12])), 3);
        assert_eq!(weight(&Content::unreadable(LinkCause::BundleEmpty)), 3);
        assert_eq!(weight(&Content::Arp(&[])), 0);
        assert_eq!(weight(&Content::NotIp("nothing")), 0);
    }

    fn tracker() -> Tracker {
        let settings = Settings {
            schedule: Default::default(),
            local: Vec::new(),
            sidecars: Default::default(),
            devices: Default::default(),
            time_gap: i64::MAX,
            hash: false,
            means: Default::default(),
            content: crate::observe::content::Policy::Masked,
            one_row_per_flow: None,
            observer: None,
            accuses: std::sync::Arc::new(|_, _, _| false),
            names: Default::default(),
            wifi: Default::default(),
            keylog: Default::default(),
        };
        Tracker::new(settings, Intervals::default(), Default::default())
    }

    fn context(depth: u8, accounted: bool) -> Context {
        Context {
            moment: Moment::NONE,
            interval: 0,
            source: None,
            target: None,
            direction: None,
            behind: None,
            depth,
            on_link: true,
            in_pieces: false,
            accounted,
            app: None,
            port: Port {
                input: 0,
                interface: 0,
                number: None,
            },
            radio: None,
            again: false,
            rival: false,
        }
    }

    #[test]
    fn a_frame_is_counted_once_and_every_gap_is_told() {
        for (depth, accounted, counted) in
            [(0, true, 1), (0, false, 0), (1, true, 0), (1, false, 0)]
        {
            let mut tracker = tracker();
            let context = context(depth, accounted);
            tracker.unreadable(GapId::UnreadablePackets, LinkCause::BundleEmpty, &context);
            let unreadable: u64 = tracker.unflowed.values().map(|of| of.unreadable).sum();
            let told = tracker.ledger.gaps.iter().count();
            assert_eq!((unreadable, told), (counted, 1), "{depth} {accounted}");
            tracker.not_ip(&context);
            let not_ip: u64 = tracker.unflowed.values().map(|of| of.not_ip).sum();
            assert_eq!(not_ip, u64::from(accounted));
        }
    }

    #[test]
    fn a_checksum_that_was_not_computed_yet_is_no_wrong_one() {
        let mut bytes = datagram("192.168.1.9", "52.1.2.3");
        bytes[10] ^= 1;
        for (checksum_pending, gaps) in [(true, 0), (false, 1)] {
            let frame = Frame {
                moment: Moment::NONE,
                interface: 0,
                direction: None,
                checksum_pending,
                label: None,
                original_len: bytes.len() as u32,
                data: &bytes,
            };
            let mut tracker = tracker();
            // Of a sender whose checksums are right otherwise.
            for _ in 0..100 {
                tracker
                    .senders
                    .header(FrameSender::Interface(0, 0, None), true);
            }
            tracker.content(&frame, Content::Ip(&bytes), &context(0, true));
            assert_eq!(
                tracker.ledger.gaps.iter().count(),
                gaps,
                "{checksum_pending}"
            );
        }
    }
}
