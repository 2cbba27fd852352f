//! One packet, seen more than once: on several interfaces of the machine that captured, at a mirror
//! port, before and after a router or a translator, on the air again, in a file merged from two
//! recordings. Its payload bytes count once.
//!
//! Two records are the same packet when they carry the same payload to or from the same far end
//! within a second, and something else says so: the identification field of IPv4 (RFC 6864), another
//! interface, direction, time to live or link address, the Retry bit with the same sequence number,
//! or, where nothing is told apart, two of them in a few milliseconds of a payload that does not go
//! on repeating. What a program sends again has another identification, or comes later. TCP within a
//! connection needs none of this: its numbers say what is new; across a translator they must agree.

use crate::evidence::flow::Behind;
use crate::ground::mac::Mac;
use crate::ground::moment::{FrameRef, Timestamp};
use crate::observe::capture::Direction;
use crate::observe::link::Radio;
use crate::observe::packet::Datagram;
use crate::observe::packet::transport::{Segment, Transport};
use foldhash::fast::FixedState;
use std::hash::{BuildHasher, Hasher};
use std::net::IpAddr;

/// Sets of packets remembered, and how many in each: together what a link lets through in a fraction
/// of a second. A copy is microseconds behind, or as far as two recorders' clocks differ.
const SETS: usize = 1 << 11;
const WAYS: usize = 4;
/// The longest time between two sights of one packet.
const APART: i64 = Timestamp::SECOND;
/// The same where the identification field agrees and the packet was seen at another place: it comes
/// round after 65,536 packets only.
const APART_SURE: i64 = 10 * Timestamp::SECOND;
/// The same where nothing tells the two apart: a mirror port is faster than a program that repeats
/// itself.
const APART_TWINS: i64 = 5 * Timestamp::SECOND / 1000;
/// A datagram whose ends differ on the near side, or nothing else does, needs this many bytes to be
/// recognised: shorter ones (keep-alives, beacons) look alike.
const TELLING: usize = 16;
/// Routers between two sights of a packet whose near end was translated.
const HOPS_MAX: u8 = 4;
/// Bytes of a segment at either end that are compared: its numbers tell it already.
const SEGMENT_ENDS: usize = 64;

/// An interface of the capturing machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Port {
    /// The input.
    pub(super) input: u32,
    /// The interface, as the file numbers them.
    pub(super) interface: u32,
    /// The interface, as the link header numbers them.
    pub(super) number: Option<u32>,
}

/// Where and when a packet was seen.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen {
    /// The interface.
    pub(super) port: Port,
    /// The frame.
    pub(super) frame: FrameRef,
    /// When.
    pub(super) at: Timestamp,
    /// Sender and receiver on the link.
    pub(super) link: (Option<Mac>, Option<Mac>),
    /// Direction, as the link header or the record states it.
    pub(super) direction: Option<Direction>,
    /// How it was sent on the air.
    pub(super) radio: Option<Radio>,
}

type End = (IpAddr, u16);

/// What is known of a packet that was seen before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Earlier {
    /// Who had sent it before a translator put another address in that one's place.
    sender: Option<IpAddr>,
}

impl Earlier {
    fn of(before: (End, End), now: (End, End)) -> Self {
        Self {
            sender: (before.0.0 != now.0.0).then_some(before.0.0),
        }
    }

    /// Who is behind the sender of now.
    pub(super) fn translated(self) -> Option<Behind> {
        self.sender.map(Behind::Translated)
    }
}

/// By what the sights of a set are found; apart from what they were, so that a look at a set costs little.
#[derive(Debug, Clone, Copy, Default)]
struct Tags {
    bodies: [u64; WAYS],
    /// When each was written last, in writes to the table; 0 where nothing was seen yet.
    written: [u64; WAYS],
}

impl Tags {
    /// The way that was written longest ago, the first of those that were at the same time.
    #[inline]
    fn oldest(&self) -> usize {
        let [a, b, c, d] = self.written;
        let (left, right) = (usize::from(b < a), 2 + usize::from(d < c));
        if c.min(d) < a.min(b) { right } else { left }
    }
}

/// What a sight is to one of the same body that was seen before.
enum Is {
    /// The same packet.
    Again,
    /// Another one, between the same ends: it stands in for the one before.
    InItsPlace,
    /// Another one.
    Another,
}

/// What was seen lately, by the hash of a body.
#[derive(Debug)]
struct Sets<S> {
    tags: Vec<Tags>,
    sights: Vec<[Option<S>; WAYS]>,
    writes: u64,
}

impl<S> Default for Sets<S> {
    fn default() -> Self {
        Self {
            tags: Vec::new(),
            sights: Vec::new(),
            writes: 0,
        }
    }
}

impl<S: Copy> Sets<S> {
    /// Takes a sight; the one before if it is of the same packet. `is` says what it is to one of the same body.
    #[inline]
    fn take(&mut self, body: u64, mut now: S, is: impl Fn(&mut S, &mut S) -> Is) -> Option<S> {
        if self.tags.is_empty() {
            self.tags.resize(SETS, Tags::default());
            self.sights.resize(SETS, [None; WAYS]);
        }
        // The low bits choose the set.
        let at = body as usize % SETS;
        let (Some(tags), Some(set)) = (self.tags.get_mut(at), self.sights.get_mut(at)) else {
            return None;
        };
        let mut place = None;
        if tags.bodies.contains(&body) {
            let ways = tags.bodies.iter().zip(set.iter_mut());
            for (way, (of, have)) in ways.enumerate() {
                let Some(before) = have.as_mut().filter(|_| *of == body) else {
                    continue;
                };
                match is(&mut now, before) {
                    Is::Again => return Some(*before),
                    Is::InItsPlace => place = Some(way),
                    Is::Another => {}
                }
            }
        }
        let way = place.unwrap_or_else(|| tags.oldest());
        self.writes = self.writes.saturating_add(1);
        if let (Some(of), Some(written), Some(slot)) = (
            tags.bodies.get_mut(way),
            tags.written.get_mut(way),
            set.get_mut(way),
        ) {
            (*of, *written) = (body, self.writes);
            *slot = Some(now);
        }
        None
    }
}

#[derive(Debug, Clone, Copy)]
struct Sight {
    seen: Seen,
    ends: (End, End),
    protocol: u8,
    hop_limit: u8,
    id: Option<u16>,
    len: usize,
    /// How often the same was seen lately.
    times: u8,
}

/// A segment of TCP: its numbers and its bytes are in the hash, and where it was seen says nothing more.
#[derive(Debug, Clone, Copy)]
struct SegmentSight {
    frame: FrameRef,
    at: Timestamp,
    ends: (End, End),
}

/// The packets seen lately.
#[derive(Debug)]
pub(super) struct Duplicates {
    hasher: FixedState,
    segments: Sets<SegmentSight>,
    others: Sets<Sight>,
}

impl Default for Duplicates {
    fn default() -> Self {
        Self {
            // The result must not depend on chance.
            hasher: FixedState::with_seed(0),
            segments: Sets::default(),
            others: Sets::default(),
        }
    }
}

impl Duplicates {
    /// What is known of this packet from before, if it was seen.
    pub(super) fn seen(
        &mut self,
        datagram: &Datagram<'_>,
        transport: &Transport<'_>,
        seen: Seen,
    ) -> Option<Earlier> {
        let (ports, payload, body) = match transport {
            Transport::Tcp(segment) => return self.segment(datagram, segment, &seen),
            Transport::Udp(u) if !u.payload.is_empty() => (
                (u.source_port, u.destination_port),
                u.payload,
                self.hasher.hash_one((u.payload, u.wire_len)),
            ),
            Transport::Udp(_) => return None,
            _ if datagram.payload.is_empty() => return None,
            _ => (
                (0, 0),
                datagram.payload,
                self.hasher
                    .hash_one((datagram.payload, datagram.wire_len, datagram.protocol)),
            ),
        };
        let now = Sight {
            seen,
            ends: ((datagram.source, ports.0), (datagram.destination, ports.1)),
            protocol: datagram.protocol,
            hop_limit: datagram.hop_limit,
            id: datagram.id,
            len: payload.len(),
            times: 1,
        };
        let before = self.others.take(body, now, |now, before| {
            if now.repeats(before) {
                before.times = before.times.saturating_add(1);
                return Is::Again;
            }
            if before.ends != now.ends {
                return Is::Another;
            }
            if now.apart(before).is_some_and(|apart| apart <= APART) {
                now.times = before.times.saturating_add(1);
            }
            Is::InItsPlace
        })?;
        Some(Earlier::of(before.ends, now.ends))
    }

    /// The same of a segment. What comes again within a connection is told by its numbers; this is for what comes again behind a
    /// translator, in what looks like another connection.
    #[inline]
    fn segment(
        &mut self,
        datagram: &Datagram<'_>,
        segment: &Segment<'_>,
        seen: &Seen,
    ) -> Option<Earlier> {
        let payload = segment.payload;
        if payload.is_empty() {
            return None;
        }
        let mut body = self.hasher.build_hasher();
        let numbers = (u64::from(segment.sequence) << 32) | u64::from(segment.acknowledgement);
        body.write_u64(numbers);
        body.write_u64(((segment.wire_len as u64) << 8) | u64::from(segment.flags.0));
        body.write(payload.get(..SEGMENT_ENDS).unwrap_or(payload));
        if let Some(tail) = payload.len().checked_sub(SEGMENT_ENDS).filter(|at| *at > 0) {
            body.write(payload.get(tail..).unwrap_or_default());
        }
        let now = SegmentSight {
            frame: seen.frame,
            at: seen.at,
            ends: (
                (datagram.source, segment.source_port),
                (datagram.destination, segment.destination_port),
            ),
        };
        let before = self.segments.take(body.finish(), now, |now, before| {
            match now.ends == before.ends {
                true => Is::InItsPlace,
                false if now.repeats(before) => Is::Again,
                false => Is::Another,
            }
        })?;
        Some(Earlier::of(before.ends, now.ends))
    }
}

impl SegmentSight {
    /// True if this is the packet that was seen before, between other ends.
    fn repeats(&self, before: &Self) -> bool {
        let translated =
            is_same_end(self.ends.0, before.ends.0) || is_same_end(self.ends.1, before.ends.1);
        let apart = self.at.since(before.at).map(i64::saturating_abs);
        self.frame != before.frame
            && self.frame.input == before.frame.input
            && translated
            && apart.is_some_and(|apart| apart <= APART)
    }
}

impl Sight {
    fn apart(&self, before: &Self) -> Option<i64> {
        self.seen.at.since(before.seen.at).map(i64::saturating_abs)
    }

    /// True if this is the packet that was seen before.
    fn repeats(&self, before: &Self) -> bool {
        let (a, b) = (&before.seen, &self.seen);
        // Packets of one frame are several.
        if a.frame == b.frame || a.port.input != b.port.input || self.protocol != before.protocol {
            return false;
        }
        let Some(apart) = self.apart(before).filter(|d| *d <= APART_SURE) else {
            return false;
        };
        let same = self.ends == before.ends;
        let translated = !same
            && (is_same_end(self.ends.0, before.ends.0) || is_same_end(self.ends.1, before.ends.1));
        if !same && !translated {
            return false;
        }
        let both_v4 = self.ends.0.0.is_ipv4() && before.ends.0.0.is_ipv4();
        if both_v4 && self.id != before.id {
            return false;
        }
        let known = both_v4 && self.id.is_some();
        let hops = self.hop_limit.abs_diff(before.hop_limit);
        let crossed = a.port != b.port
            || (a.direction.is_some() && b.direction.is_some() && a.direction != b.direction);
        let elsewhere = crossed || hops != 0 || a.link != b.link;
        if apart > APART {
            return known && elsewhere;
        }
        let telling = self.len >= TELLING;
        if !same {
            return known || (telling && (crossed || (1..=HOPS_MAX).contains(&hops)));
        }
        if elsewhere {
            return true;
        }
        if let (Some(a), Some(b)) = (a.radio, b.radio) {
            if a.transmitter != b.transmitter {
                return true;
            }
            if a.sequence == b.sequence {
                // Recorded twice too: by two radios, or merged. A frame that is recorded before it is sent has no number yet.
                let twice = apart <= APART_TWINS && telling && a.sequence != 0;
                return a.retry || b.retry || twice;
            }
            return known && before.times == 1;
        }
        let twins = known || (telling && apart <= APART_TWINS);
        twins && before.times == 1
    }
}

/// True for one address and port, and for an IPv4 address and the IPv6 address of a translator that holds it
/// (RFC 6052 §2.2, prefixes of 96 bits).
fn is_same_end(a: End, b: End) -> bool {
    let inside = |v6: IpAddr, v4: IpAddr| match (v6, v4) {
        (IpAddr::V6(v6), IpAddr::V4(v4)) => {
            let [.., a, b, c, d] = v6.octets();
            [a, b, c, d] == v4.octets()
        }
        _ => false,
    };
    a.1 == b.1 && (a.0 == b.0 || inside(a.0, b.0) || inside(b.0, a.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ground::protocol;
    use crate::observe::packet::transport::UdpDatagram;

    const PHONE: [u8; 4] = [10, 0, 0, 2];
    const OUTSIDE: [u8; 4] = [100, 64, 0, 9];

    /// A datagram to a far end, and how it was seen.
    #[derive(Clone, Copy)]
    struct Record {
        source: [u8; 4],
        payload: &'static [u8],
        id: Option<u16>,
        hop_limit: u8,
        interface: u32,
        mac: u8,
        radio: Option<Radio>,
        millis: i128,
    }

    const ONE: Record = Record {
        source: PHONE,
        payload: &[7; 40],
        id: None,
        hop_limit: 64,
        interface: 1,
        mac: 1,
        radio: None,
        millis: 0,
    };

    fn earlier(records: &[Record]) -> Vec<Option<Earlier>> {
        let mut duplicates = Duplicates::default();
        let mut frame = 0;
        let mut see = |r: &Record| {
            frame += 1;
            let datagram = Datagram {
                source: IpAddr::from(r.source),
                destination: IpAddr::from([203, 0, 113, 9]),
                routed: false,
                over: None,
                hop_limit: r.hop_limit,
                protocol: protocol::UDP,
                payload: r.payload,
                wire_len: r.payload.len() + 8,
                fragment: None,
                id: r.id,
                unsegmented: false,
                chosen: 0,
            };
            let udp = Transport::Udp(UdpDatagram {
                source_port: 4000,
                destination_port: 443,
                payload: r.payload,
                wire_len: r.payload.len(),
                surplus: &[],
                surplus_len: 0,
            });
            let seen = Seen {
                port: Port {
                    input: 0,
                    interface: r.interface,
                    number: None,
                },
                frame: FrameRef { input: 0, frame },
                at: Timestamp::from_nanos(r.millis * 1_000_000),
                link: (Some(Mac([0, 0, 0, 0, 0, r.mac])), None),
                direction: None,
                radio: r.radio,
            };
            duplicates.seen(&datagram, &udp, seen)
        };
        records.iter().map(&mut see).collect()
    }

    fn copies(records: &[Record]) -> Vec<bool> {
        earlier(records).iter().map(Option::is_some).collect()
    }

    #[test]
    fn a_packet_seen_elsewhere_is_the_same_one() {
        let at = |millis| Record { millis, ..ONE };
        let other_interface = Record {
            interface: 2,
            ..at(1)
        };
        let a_hop_on = Record {
            hop_limit: 63,
            ..at(40)
        };
        let other_station = Record { mac: 2, ..at(1) };
        for again in [other_interface, a_hop_on, other_station] {
            assert_eq!(copies(&[ONE, again]), [false, true]);
        }
        let translated = Record {
            source: OUTSIDE,
            ..a_hop_on
        };
        assert_eq!(copies(&[ONE, translated]), [false, true]);
        let behind = |records: &[Record]| {
            let last = earlier(records).pop().flatten();
            last.and_then(Earlier::translated)
        };
        let phone = Behind::Translated(PHONE.into());
        assert_eq!(behind(&[ONE, translated]), Some(phone));
        assert_eq!(behind(&[ONE, other_interface]), None);
        let neighbour = Record {
            source: OUTSIDE,
            ..at(1)
        };
        assert_eq!(
            copies(&[ONE, neighbour]),
            [false, false],
            "two senders of the same"
        );
        let short = Record {
            payload: b"beat",
            ..ONE
        };
        let its = Record {
            source: OUTSIDE,
            hop_limit: 63,
            ..short
        };
        assert_eq!(
            copies(&[short, its]),
            [false, false],
            "short, and another sender"
        );
        let late = Record {
            hop_limit: 63,
            ..at(3000)
        };
        assert_eq!(copies(&[ONE, late]), [false, false], "too long ago");
        let (first, second) = (
            Record { id: Some(9), ..ONE },
            Record {
                id: Some(9),
                ..late
            },
        );
        assert_eq!(
            copies(&[first, second]),
            [false, true],
            "the identification says so"
        );
    }

    #[test]
    fn equal_heartbeats_are_none() {
        let beat = |n: u16, id| Record {
            id: Some(id + n),
            millis: i128::from(n) * 20,
            ..ONE
        };
        let numbered: Vec<Record> = (0..50).map(|n| beat(n, 1)).collect();
        assert!(copies(&numbered).iter().all(|again| !again));
        let plain: Vec<Record> = numbered.iter().map(|r| Record { id: None, ..*r }).collect();
        assert!(copies(&plain).iter().all(|again| !again));
        // Sent without a pause: one may be lost, the rest counts.
        let flood: Vec<Record> = (0..50).map(|_| ONE).collect();
        assert_eq!(copies(&flood).iter().filter(|again| **again).count(), 1);
        let mirrored = Record { id: Some(5), ..ONE };
        assert_eq!(
            copies(&[mirrored, mirrored]),
            [false, true],
            "a mirror port"
        );
    }

    #[test]
    fn a_frame_sent_again_on_the_air_is_one() {
        let radio = |sequence, retry| Record {
            radio: Some(Radio {
                transmitter: Mac([2; 6]),
                sequence,
                retry,
            }),
            ..ONE
        };
        assert_eq!(
            copies(&[
                radio(16, false),
                radio(16, true),
                radio(16, true),
                radio(32, false)
            ]),
            [false, true, true, false]
        );
        // By two radios, each of the two frames of the air.
        let sent = [(16, false), (16, false), (16, true), (16, true)];
        let sent = sent.map(|(sequence, retry)| radio(sequence, retry));
        assert_eq!(copies(&sent), [false, true, true, true]);
        let unnumbered = [radio(0, false); 3];
        assert_eq!(copies(&unnumbered), [false; 3]);
    }
}
