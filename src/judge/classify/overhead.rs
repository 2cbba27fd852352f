//! What security protocols and ICMP errors took for themselves, summed per far end: beyond what all its flows can need it is payload
//! (contract, "Stages").
//!
//! A flow has bounds of its own (see [`crate::observe::flow::overhead`]), and costs nothing to open. What one machine sends to one address,
//! over all ports, may grow with the handshakes that the address answers, and not with those that nobody answers. Rows that stand for
//! many far ends are left alone: their limit is reported.

use super::destination::{Client, Destination};
use super::note::Note;
use super::traffic::Traffic;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// Hellos that nobody answers, repeated ones counted once: forty attempts of 1.6 kB, with post-quantum key shares.
const UNANSWERED_MAX: u64 = 64 << 10;

/// A hello of a client that is answered.
const ANSWERED_MAX: u64 = 2 << 10;

/// What a client's certificates add to it, if the far end says as much as half of that: a server that asks for them shows its own.
const CERTIFICATES_MAX: u64 = 6 << 10;

/// Certificates of our side where it serves.
const SERVED_MAX: u64 = 16 << 10;

/// Packets quoted in ICMP errors, of which the capture shows none: 576 bytes each (RFC 1812 §4.3.2.3).
const QUOTES_MAX: u64 = 16 << 10;

/// One machine of our side in one vantage, and an address beyond.
type Between = (usize, Client, IpAddr);

/// What went between them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Sum {
    spared: u64,
    allowed: u64,
    quoted: u64,
    came_in: u64,
}

impl Sum {
    fn add(&mut self, traffic: &Traffic, served: bool) {
        self.spared = self.spared.saturating_add(traffic.out.spared);
        self.quoted = self.quoted.saturating_add(traffic.out.quoted);
        self.came_in = self.came_in.saturating_add(traffic.back.bytes);
        let each = |most: u64| traffic.out.answered.saturating_mul(most);
        let allowed = if served {
            each(SERVED_MAX)
        } else {
            let more = traffic.back.bytes.saturating_mul(2);
            each(ANSWERED_MAX).saturating_add(more.min(each(CERTIFICATES_MAX)))
        };
        self.allowed = self.allowed.saturating_add(allowed);
    }

    fn spares_too_much(&self) -> bool {
        self.spared > UNANSWERED_MAX.saturating_add(self.allowed)
    }

    /// Who is sent packets may refuse them all.
    fn quotes_too_much(&self) -> bool {
        self.quoted > QUOTES_MAX.max(self.came_in)
    }
}

fn far_end(destination: &Destination) -> Option<IpAddr> {
    let key = &destination.key;
    let via = key.via.map(|(ip, _)| ip);
    key.ip.or(via).filter(|_| !key.folded)
}

/// Turns what goes beyond the bounds into payload.
pub(super) fn weigh(destinations: &mut [Destination]) {
    let mut sums: BTreeMap<Between, Sum> = BTreeMap::new();
    for destination in &*destinations {
        let Some(far) = far_end(destination) else {
            continue;
        };
        for share in &destination.shares {
            let sum = sums.entry((share.series, share.client, far)).or_default();
            sum.add(&share.traffic, destination.key.served);
        }
    }
    sums.retain(|_, sum| sum.spares_too_much() || sum.quotes_too_much());
    if sums.is_empty() {
        return;
    }
    for destination in destinations {
        if let Some(far) = far_end(destination) {
            charge(destination, far, &sums);
        }
    }
}

fn charge(destination: &mut Destination, far: IpAddr, sums: &BTreeMap<Between, Sum>) {
    let mut noted = false;
    for share in &mut destination.shares {
        let Some(sum) = sums.get(&(share.series, share.client, far)) else {
            continue;
        };
        let spared = match sum.spares_too_much() {
            true => share.traffic.out.spared,
            false => 0,
        };
        let quoted = match sum.quotes_too_much() {
            true => share.traffic.out.quoted,
            false => 0,
        };
        if spared == 0 && quoted == 0 {
            continue;
        }
        noted = true;
        pay(&mut share.traffic, spared, quoted);
        let mut views = destination.views.iter_mut();
        let Some(view) = views.find(|view| view.series == share.series) else {
            continue;
        };
        for counted in [&mut view.total, &mut view.active] {
            let at = counted.binary_search_by_key(&share.interval, |(of, _)| *of);
            if let Some((_, traffic)) = at.ok().and_then(|at| counted.get_mut(at)) {
                pay(traffic, spared, quoted);
            }
        }
    }
    if noted {
        destination.notes.insert(Note::MoreThanNeeded);
    }
}

/// Bytes that were spared or quoted are payload that nothing could read.
fn pay(traffic: &mut Traffic, spared: u64, quoted: u64) {
    traffic.out.application = true;
    traffic.out.bytes = traffic.out.bytes.saturating_add(quoted);
    let unread = traffic.out.unread.saturating_add(spared);
    traffic.out.unread = unread.saturating_add(quoted).min(traffic.out.bytes);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::classify::Scope;
    use crate::judge::classify::attribution::Attribution;

    fn destination(traffic: Traffic) -> Destination {
        let far = (None, Some([203, 0, 113, 7].into()));
        Destination::by_hand(far, Scope::Internet, Attribution::App, (0, traffic), None)
    }

    fn quiet(bytes_out: u64) -> Traffic {
        let mut traffic = Traffic::by_hand();
        (traffic.out.application, traffic.out.bytes) = (false, bytes_out);
        traffic
    }

    #[test]
    fn handshakes_that_are_answered_are_spared_and_a_flood_is_not() {
        let hellos = |answered, bytes_in| {
            let mut traffic = quiet(50_000);
            (traffic.out.spared, traffic.out.answered) = (40_000, answered);
            traffic.back.bytes = bytes_in;
            // Two ports of one address.
            let mut both = [destination(traffic), destination(traffic)];
            weigh(&mut both);
            both.map(|d| (d.stage(), d.unread_out(&|_| true)))
        };
        use crate::judge::classify::Stage;
        assert_eq!(hellos(0, 0), [(Stage::Transferred, 40_000); 2]);
        assert_eq!(hellos(10, 20_000), [(Stage::Connected, 0); 2]);
        assert_eq!(hellos(1, 0), [(Stage::Transferred, 40_000); 2]);
        // What is as much as the bound is within it, and then nothing is remarked.
        for (spared, noted) in [(UNANSWERED_MAX, false), (UNANSWERED_MAX + 1, true)] {
            let mut traffic = quiet(90_000);
            traffic.out.spared = spared;
            let mut one = [destination(traffic)];
            weigh(&mut one);
            assert_eq!(
                one[0].notes.contains(&Note::MoreThanNeeded),
                noted,
                "{spared}"
            );
        }
        let mut two = [destination(quiet(9)), destination(quiet(9))];
        two[1].key.ip = Some([203, 0, 113, 8].into());
        two[1].shares[0].traffic.out.spared = UNANSWERED_MAX + 1;
        weigh(&mut two);
        assert_eq!(two.map(|d| d.notes.len()), [0, 1]);
    }

    #[test]
    fn quotes_count_where_there_was_less_to_quote() {
        let quotes = |bytes_in| {
            let mut traffic = quiet(0);
            (traffic.out.quoted, traffic.back.bytes) = (80_000, bytes_in);
            let mut one = [destination(traffic)];
            weigh(&mut one);
            one.map(|d| d.fullest().map(|(_, t)| t.out.bytes))
        };
        assert_eq!(quotes(0), [Some(80_000)]);
        assert_eq!(quotes(90_000), [Some(0)], "each refuses what came");
        assert_eq!(quotes(80_000), [Some(0)]);
        assert_eq!(quotes(79_999), [Some(80_000)]);
    }
}
