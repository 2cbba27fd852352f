//! Whose checksums can be believed.
//!
//! A card that computes checksums itself leaves wrong ones in what its own machine captures. Where the
//! field holds the sum of the pseudo-header, the packet itself says so and is believed; else most of
//! that sender's are wrong and mean nothing. Where a sender's are mostly right, a wrong one
//! is a corrupted or forged packet and is no evidence. "Most" is known only at the end: so the first
//! wrong one has all records looked through for sums ([`super::sums_ahead`]), and what is counted
//! there decides; where there was no such look, or it missed a sender, the count so far does. If that
//! turns out to have been wrong for any packet, the series is read a second time with what is known
//! then (see [`super::read`]).

use crate::ground::mac::Mac;
use crate::observe::capture::Frame;
use foldhash::fast::RandomState;
use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;

/// Senders kept per kind of checksum; beyond, a wrong checksum of a new sender is not believed.
const SENDERS_MAX: usize = 16_384;

/// Who sent a frame, as far as that does not depend on the header that is in doubt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum FrameSender {
    /// By link address.
    Mac(Mac),
    /// By the address that sent the tunnel around it.
    Tunnel(IpAddr),
    /// By interface of an input, and direction if the record has one.
    Interface(u32, u32, Option<crate::observe::capture::Direction>),
}

impl FrameSender {
    /// The sender of a frame: by its address on the link, if there is one.
    pub(super) fn of(source: Option<Mac>, frame: &Frame<'_>) -> Self {
        match source {
            Some(mac) => Self::Mac(mac),
            None => Self::Interface(frame.moment.at.input, frame.interface, frame.direction),
        }
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct Score {
    right: u64,
    wrong: u64,
    /// A wrong one was believed, or refused.
    believed: bool,
    refused: bool,
    /// Known from a first reading: most are wrong.
    settled: Option<bool>,
}

impl Score {
    fn mostly_wrong(&self) -> bool {
        self.wrong > self.right
    }
}

/// Senders whose place is known without a look into the index.
const AT_HAND: usize = 64;

/// What senders are put apart by, cheaply.
trait Spread {
    fn spread(&self) -> usize;
}

impl Spread for IpAddr {
    fn spread(&self) -> usize {
        let bits = match self {
            Self::V4(v4) => v4.to_bits(),
            Self::V6(v6) => v6.to_bits() as u32,
        };
        (bits ^ (bits >> 8)) as usize % AT_HAND
    }
}

impl Spread for FrameSender {
    fn spread(&self) -> usize {
        match self {
            Self::Mac(Mac([.., last])) => usize::from(*last) % AT_HAND,
            Self::Tunnel(ip) => ip.spread(),
            Self::Interface(_, interface, _) => *interface as usize % AT_HAND,
        }
    }
}

#[derive(Debug)]
struct Scores<K> {
    scores: Vec<Score>,
    index: HashMap<K, u32, RandomState>,
    /// Those met last: nearly every packet is from one of them.
    at_hand: [Option<(K, u32)>; AT_HAND],
    /// Whose sums are expected to be mostly wrong, or not.
    expected: HashMap<K, bool, RandomState>,
}

impl<K: Copy> Default for Scores<K> {
    fn default() -> Self {
        Self {
            scores: Vec::new(),
            index: HashMap::default(),
            at_hand: [None; AT_HAND],
            expected: HashMap::default(),
        }
    }
}

impl<K: Copy + Eq + Hash + Spread> Scores<K> {
    /// The place of a sender's score; `None` if no more are kept.
    fn place(&mut self, sender: K) -> Option<u32> {
        let hand = self.at_hand.get_mut(sender.spread())?;
        let place = match hand {
            Some((known, place)) if *known == sender => *place,
            _ => {
                let place = match self.index.get(&sender) {
                    Some(place) => *place,
                    None if self.scores.len() >= SENDERS_MAX => return None,
                    None => {
                        let place = u32::try_from(self.scores.len()).ok()?;
                        self.scores.push(Score::default());
                        self.index.insert(sender, place);
                        place
                    }
                };
                *hand = Some((sender, place));
                place
            }
        };
        Some(place)
    }

    /// The score of a sender; `None` if no more are kept.
    #[inline]
    fn of(&mut self, sender: K) -> Option<&mut Score> {
        let place = self.place(sender)?;
        self.scores.get_mut(place as usize)
    }

    /// Counts a checksum that is right, of the sender with this place, if it is known.
    #[inline]
    fn right(&mut self, place: Option<u32>, sender: K) {
        match place.and_then(|place| self.scores.get_mut(place as usize)) {
            Some(score) => score.right += 1,
            None => {
                self.count(sender, true);
            }
        }
    }

    /// Counts a checksum; true if the packet may be believed.
    fn count(&mut self, sender: K, right: bool) -> bool {
        let expected = match right {
            true => None,
            false => self.expected.get(&sender).copied(),
        };
        let Some(score) = self.of(sender) else {
            return right;
        };
        if right {
            score.right += 1;
            return true;
        }
        score.wrong += 1;
        let so_far = score.mostly_wrong();
        let believe = score.settled.or(expected).unwrap_or(so_far);
        score.believed |= believe;
        score.refused |= !believe;
        believe
    }

    /// Counts a checksum that is wrong for a known reason.
    fn explained(&mut self, sender: K) {
        if let Some(score) = self.of(sender) {
            score.wrong += 1;
        }
    }

    fn misjudged(&self) -> usize {
        let wrong_now = |s: &Score| {
            if s.mostly_wrong() {
                s.refused
            } else {
                s.believed
            }
        };
        let scores = self.scores.iter();
        scores
            .filter(|s| s.settled.is_none() && wrong_now(s))
            .count()
    }

    /// What to expect of the senders that were counted here.
    fn expectations(&self) -> HashMap<K, bool, RandomState> {
        let place = |(sender, place): (&K, &u32)| {
            let score = self.scores.get(*place as usize)?;
            Some((*sender, score.mostly_wrong()))
        };
        self.index.iter().filter_map(place).collect()
    }

    fn settle(mut self) -> Self {
        for score in &mut self.scores {
            *score = Score {
                settled: Some(score.mostly_wrong()),
                ..Score::default()
            };
        }
        self
    }
}

/// Counts the sums of all records.
type Look = Box<dyn FnOnce() -> Senders + Send>;

/// Scores of all senders.
#[derive(Default)]
pub(super) struct Senders {
    headers: Scores<FrameSender>,
    transports: Scores<IpAddr>,
    /// How to find out what to expect, until that is asked.
    look: Option<Look>,
}

impl Senders {
    /// Senders of which `look` tells what to expect, once a sum is wrong.
    pub(super) fn looking_ahead(look: impl FnOnce() -> Senders + Send + 'static) -> Self {
        Self {
            look: Some(Box::new(look)),
            ..Self::default()
        }
    }

    #[cold]
    fn look_ahead(&mut self) {
        if let Some(look) = self.look.take() {
            let counted = look();
            self.headers.expected = counted.headers.expectations();
            self.transports.expected = counted.transports.expectations();
        }
    }

    /// Counts an IPv4 header checksum; true if the packet may be believed.
    #[inline]
    pub(super) fn header(&mut self, sender: FrameSender, right: bool) -> bool {
        if !right {
            self.look_ahead();
        }
        self.headers.count(sender, right)
    }

    /// Counts a transport checksum; true if the packet may be believed.
    #[inline]
    pub(super) fn transport(&mut self, source: IpAddr, right: bool) -> bool {
        if !right {
            self.look_ahead();
        }
        self.transports.count(source, right)
    }

    /// Where the header checksums of a MAC are counted, for [`header_right`](Self::header_right).
    pub(super) fn header_place(&mut self, sender: Mac) -> Option<u32> {
        self.headers.place(FrameSender::Mac(sender))
    }

    /// The same of transport checksums and addresses.
    pub(super) fn transport_place(&mut self, source: IpAddr) -> Option<u32> {
        self.transports.place(source)
    }

    /// A header checksum that is right.
    #[inline]
    pub(super) fn header_right(&mut self, place: Option<u32>, sender: Mac) {
        self.headers.right(place, FrameSender::Mac(sender));
    }

    /// A transport checksum that is right.
    #[inline]
    pub(super) fn transport_right(&mut self, place: Option<u32>, source: IpAddr) {
        self.transports.right(place, source);
    }

    /// Counts a transport checksum that is left to the network card: the packet is believed whatever
    /// the others of its sender are.
    pub(super) fn pending(&mut self, source: IpAddr) {
        self.transports.explained(source);
    }

    /// Senders of which a packet was believed or refused that should not have been.
    pub(super) fn misjudged(&self) -> usize {
        self.headers.misjudged() + self.transports.misjudged()
    }

    /// What is known now, for a second reading.
    pub(super) fn settle(self) -> Self {
        Self {
            headers: self.headers.settle(),
            transports: self.transports.settle(),
            look: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sender_is_judged_by_most_of_its_packets_on_the_second_reading() {
        let sender: IpAddr = [10, 0, 0, 1].into();
        let mut first = Senders::default();
        for right in [true, true, false, false, false] {
            first.transport(sender, right);
        }
        assert_eq!(
            first.misjudged(),
            1,
            "two were refused before the majority was known"
        );
        let mut second = first.settle();
        assert!(second.transport(sender, false));
        assert!(second.transport(sender, true));
        assert_eq!(second.misjudged(), 0);
        let forged: IpAddr = [10, 0, 0, 2].into();
        let mut first = Senders::default();
        for right in [false, true, true] {
            first.transport(forged, right);
        }
        assert_eq!(first.misjudged(), 1, "the first was believed");
        assert!(!first.settle().transport(forged, false));
    }
    #[test]
    fn wrong_checksums_of_senders_beyond_those_kept_are_not_believed() {
        let sender = |n: usize| IpAddr::from(u32::try_from(n).unwrap_or(0).to_be_bytes());
        let mut senders = Senders::default();
        for n in 0..SENDERS_MAX {
            assert!(senders.transport(sender(n), false), "the first so far");
        }
        assert!(!senders.transport(sender(SENDERS_MAX), false));
        assert!(senders.transport(sender(SENDERS_MAX), true));
        assert!(senders.transport(sender(0), false));
    }
}
