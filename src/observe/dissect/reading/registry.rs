//! Which protocol claims bytes: every protocol of the registries is asked, and their order means nothing.

use crate::evidence::flow::Side;
use crate::evidence::ledger::Ends;
use crate::ground::work::looks_at;
use crate::observe::dissect::wire::{Fit, SETTLED, Until};
use crate::observe::dissect::{DATAGRAMS, Protocol, STREAMS};
use crate::observe::flow::stream::Waiting;

/// The protocols that are tried. Their order means nothing.
pub(in crate::observe::dissect) struct Registry {
    streams: Vec<&'static Protocol>,
    datagrams: Vec<&'static Protocol>,
    /// Of the openings that name a server, a bit for each that the first byte refuses.
    refuses: [u64; 256],
}

impl Default for Registry {
    fn default() -> Self {
        #[cfg(test)]
        if let Some(shuffled) = shuffled::registry() {
            return shuffled;
        }
        Self::of(STREAMS.iter().collect(), DATAGRAMS.iter().collect())
    }
}

impl Registry {
    fn of(streams: Vec<&'static Protocol>, datagrams: Vec<&'static Protocol>) -> Self {
        // Ports do not weigh in what one byte says.
        let nowhere = (std::net::Ipv4Addr::UNSPECIFIED.into(), 0);
        let ends = Ends {
            side: Side::A,
            sender: nowhere,
            receiver: nowhere,
        };
        let mut refuses = [0; 256];
        for (byte, refused) in (0..=u8::MAX).zip(&mut refuses) {
            for (place, protocol) in streams.iter().enumerate() {
                if protocol.names && (protocol.fit)(&[byte], &ends) == Fit::NotMine {
                    *refused |= bit(place);
                }
            }
        }
        Self {
            streams,
            datagrams,
            refuses,
        }
    }

    /// The protocol of a stream that begins so; `Err` if none claims it.
    pub(in crate::observe::dissect) fn stream(
        &self,
        bytes: &[u8],
        ends: &Ends,
        refused: &mut u64,
    ) -> Result<&'static Protocol, Undecided> {
        self.first(bytes, ends, refused, |_| true)
    }

    /// As [`stream`](Self::stream), of bytes in the midst of a stream that nobody knows: only protocols that name a server
    /// are asked. Of the others some have openings of so few bytes that payload would be taken for them.
    pub(super) fn midst(
        &self,
        bytes: &[u8],
        ends: &Ends,
        refused: &mut u64,
    ) -> Result<&'static Protocol, Undecided> {
        self.first(bytes, ends, refused, |protocol| protocol.names)
    }

    /// The protocol that claims these bytes, of those that are asked and did not refuse them. Who refuses that much is put down.
    fn first(
        &self,
        bytes: &[u8],
        ends: &Ends,
        refused: &mut u64,
        asked: fn(&Protocol) -> bool,
    ) -> Result<&'static Protocol, Undecided> {
        let mut waiting: Option<Option<Until>> = None;
        // Openings that name a server are refused for good by their first bytes; others may take a second look.
        let settled = |protocol: &Protocol| protocol.names || bytes.len() >= SETTLED;
        let byte = bytes.first().map(|first| usize::from(*first));
        *refused |= byte.and_then(|byte| self.refuses.get(byte)).unwrap_or(&0);
        for (place, protocol) in self.streams.iter().enumerate() {
            let bit = bit(place);
            if !asked(protocol) || *refused & bit != 0 {
                continue;
            }
            looks_at(bytes.len().min(SETTLED));
            match (protocol.fit)(bytes, ends) {
                Fit::Mine => return Ok(protocol),
                Fit::NeedMore => {
                    let until = protocol.until.and_then(|until| until(bytes));
                    waiting = Some(match waiting {
                        None => until,
                        // Two that wait for the same wait together.
                        Some(other) => until.zip(other).and_then(|(a, b)| {
                            let length = a.length.min(b.length);
                            (a.byte == b.byte).then_some(Until { length, ..a })
                        }),
                    });
                }
                Fit::NotMine if settled(protocol) => *refused |= bit,
                Fit::NotMine => {}
            }
        }
        Err(Undecided(waiting))
    }

    pub(super) fn datagram(&self, bytes: &[u8], ends: &Ends) -> Option<&'static Protocol> {
        looks_at(bytes.len().min(SETTLED) * self.datagrams.len());
        let mut all = self.datagrams.iter();
        all.find(|p| (p.fit)(bytes, ends) == Fit::Mine).copied()
    }
}

/// A protocol's bit, by its place in the registry.
fn bit(place: usize) -> u64 {
    1u64.checked_shl(u32::try_from(place).unwrap_or(u32::MAX))
        .unwrap_or(0)
}

/// Looks for a protocol of bytes that wait, unless they would be looked at in vain.
pub(in crate::observe::dissect) fn again(
    waiting: &mut Waiting,
    bytes: &[u8],
    ask: impl FnOnce(&[u8], &mut u64) -> Result<&'static Protocol, Undecided>,
) -> Result<&'static Protocol, bool> {
    if waiting.pause.as_mut().is_some_and(|p| p.holds(bytes)) {
        return Err(true);
    }
    ask(bytes, &mut waiting.refused).map_err(|undecided| {
        waiting.pause = undecided.0.flatten().map(|until| until.pause(bytes));
        undecided.may()
    })
}

/// No protocol claims the bytes: whether one still may, and what it waits for.
pub(in crate::observe::dissect) struct Undecided(Option<Option<Until>>);

impl Undecided {
    /// True if one still may.
    pub(in crate::observe::dissect) fn may(&self) -> bool {
        self.0.is_some()
    }
}

/// Another order of the protocols, for tests that it means nothing.
#[cfg(test)]
pub(crate) mod shuffled {
    use super::{DATAGRAMS, Registry, STREAMS};
    use crate::observe::dissect::wire::test_bytes::Noise;
    use std::cell::Cell;

    thread_local! {
        static SEED: Cell<Option<u64>> = const { Cell::new(None) };
    }

    /// Readings that this thread makes within `work` try the protocols in an order that follows from `seed`.
    pub(crate) fn with<R>(seed: u64, work: impl FnOnce() -> R) -> R {
        SEED.set(Some(seed));
        let done = work();
        SEED.set(None);
        done
    }

    pub(super) fn registry() -> Option<Registry> {
        let mut noise = Noise(SEED.get()?);
        let mut streams: Vec<_> = STREAMS.iter().collect();
        let mut datagrams: Vec<_> = DATAGRAMS.iter().collect();
        for at in (1..streams.len()).rev() {
            streams.swap(at, noise.below(at + 1));
        }
        for at in (1..datagrams.len()).rev() {
            datagrams.swap(at, noise.below(at + 1));
        }
        Some(Registry::of(streams, datagrams))
    }
}
