//! Datagrams that came in fragments: which of their readings are believed.
//!
//! Where copies of the same bytes differ, every reading of which the transport checksum holds, or cannot be told, is read; the bytes
//! count once. A copy that is in none of them is not believed, which is told as of any packet with a wrong checksum.

use super::datagrams::between;
use super::{Context, Tracker};
use crate::ground::cause::{PacketCause, SessionCause};
use crate::ground::gaps::GapId;
use crate::observe::packet::Datagram;
use crate::observe::packet::fragments::{Joined, Piece, Variant};
use crate::observe::packet::transport::{Checksum, read, verify};

impl Tracker {
    /// A datagram put together, or given up. True if it asks for something beyond the site.
    pub(super) fn joined(&mut self, joined: &Joined, context: &Context) -> bool {
        let Some(last) = joined.pieces.last() else {
            return false;
        };
        let context = Context {
            moment: last.moment,
            interval: last.interval,
            in_pieces: true,
            ..if last.moment == context.moment {
                *context
            } else {
                // Given up while somebody else's packet is at hand.
                Context {
                    source: None,
                    target: None,
                    direction: None,
                    app: None,
                    on_link: false,
                    ..*context
                }
            }
        };
        let mut first = joined.first();
        first.chosen = joined.pieces.iter().map(|piece| piece.chosen).sum();
        first.routed |= joined.pieces.iter().any(|piece| piece.routed);
        if joined.repeated {
            self.repeated(&first, &joined.pieces, &context);
            return false;
        }
        self.tell_missing(joined, &context);
        let sum = match joined.complete {
            true => verify(&first),
            false => Checksum::Unknown,
        };
        let past = match joined.complete && sum != Checksum::Wrong {
            true => Vec::new(),
            false => joined.with_past(),
        };
        let as_datagram = |r: &'_ Variant| -> bool {
            verify(&joined.reading(r.protocol, &r.payload, r.payload.len())) != Checksum::Wrong
        };
        let holding: Vec<&Variant> = joined
            .rivals
            .iter()
            .chain(&past)
            .filter(|r| as_datagram(r))
            .collect();
        let mut asks = false;
        if let (false, [known, ..]) = (joined.complete, &*past) {
            // Copies behind a datagram that was whole: packets of its flow, whatever they leave out.
            let known = joined.reading(known.protocol, &known.payload, known.payload.len());
            self.repeated(&known, &joined.pieces, &context);
            for reading in holding {
                asks |= self.rival(joined, reading, &known, &context);
            }
            return asks;
        }
        if sum != Checksum::Wrong || holding.is_empty() {
            asks |= self.datagram(&first, &joined.pieces, &context);
            let also = match sum {
                // Of a sender whose sums are all wrong every reading is as good as another.
                Checksum::Wrong => joined.rivals.iter().collect(),
                _ => holding.clone(),
            };
            for reading in also {
                asks |= self.rival(joined, reading, &first, &context);
            }
        } else if let [main, others @ ..] = &*holding {
            let main = joined.reading(main.protocol, &main.payload, main.payload.len());
            asks |= self.datagram(&main, &joined.pieces, &context);
            for reading in others {
                asks |= self.rival(joined, reading, &main, &context);
            }
            self.disbelieve(&context);
            return asks;
        }
        if sum != Checksum::Wrong {
            let taken = |of: &mut dyn Iterator<Item = u32>| of.fold(0, |all, taken| all | taken);
            let every = taken(&mut joined.rivals.iter().map(|r| r.taken));
            let held = joined.rivals.iter().filter(|r| as_datagram(r));
            if taken(&mut held.map(|r| r.taken)) != every {
                self.disbelieve(&context);
            }
        }
        asks
    }

    fn tell_missing(&mut self, joined: &Joined, context: &Context) {
        let over = [
            (joined.evicted, SessionCause::FragmentsOver),
            (joined.folded, SessionCause::FragmentCopiesOver),
        ];
        for (_, cause) in over.into_iter().filter(|(is, _)| *is) {
            self.ledger
                .gaps
                .over(context.moment, context.interval, cause);
        }
        if !joined.complete
            && let Some(first) = joined.pieces.first()
        {
            let cause = PacketCause::FragmentsMissing;
            self.ledger.gaps.at(
                GapId::UnreadablePackets,
                first.moment,
                first.interval,
                cause,
            );
        }
    }

    /// A datagram in another reading than `main`.
    fn rival(
        &mut self,
        joined: &Joined,
        reading: &Variant,
        main: &Datagram<'_>,
        context: &Context,
    ) -> bool {
        let it = joined.reading(reading.protocol, &reading.payload, reading.payload.len());
        let (key, _) = between(&it, &read(&it));
        if key == between(main, &read(main)).0 {
            let context = Context {
                rival: true,
                ..*context
            };
            return self.datagram(&it, &[], &context);
        }
        // Other ports: a packet of another flow, in a frame that is accounted already.
        let piece = Piece::uncounted(context.moment, context.interval);
        self.datagram(&it, &[piece], context)
    }

    /// Fragments of a datagram that was whole before: packets of its flow, that say nothing new.
    fn repeated(&mut self, datagram: &Datagram<'_>, pieces: &[Piece], context: &Context) {
        let transport = read(datagram);
        let (key, ends) = between(datagram, &transport);
        self.tell(ends, datagram.protocol, pieces, context);
        let (slot, fresh) = self.flow_of(&key, ends.side, &transport, false, context);
        self.note(slot, fresh, ends, pieces, true, context);
    }
}
