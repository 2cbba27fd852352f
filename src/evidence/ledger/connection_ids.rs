//! Connection ids of QUIC, and what the handshakes that agreed on them said.
//!
//! RFC 9000 §5.1, §9: a connection goes by its id and not by addresses. A short-header packet shows nothing else; when it comes from
//! another port, or after a pause that closed the flow, the id tells whose it is. Only ids that a server chose are kept, from
//! packets whose tag held, and only where an endpoint stays the same. Ids that a client changes to on purpose are agreed on
//! under encryption and cannot be followed.

use crate::evidence::ledger::Ends;
use crate::ground::moment::Moment;
use foldhash::fast::RandomState;
use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;

/// Shortest id that is kept: shorter ones turn up by chance.
const ID_MIN: usize = 8;
/// Longest id (RFC 9000 §17.2).
const ID_MAX: usize = 20;
/// Different bytes in an id that is kept: others stand in packets of other protocols.
const DIFFERENT_MIN: usize = 4;
/// Ids kept of a series, the latest ones: some 20 MB at most. A flow that is not recognised by its id stays unnamed, and is counted.
const IDS_MAX: usize = 1 << 16;
/// Names kept per id; a hello has one.
pub const NAMES_MAX: usize = 8;

/// What is known of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// The server's end.
    pub server: (IpAddr, u16),
    /// The client's address.
    pub client: IpAddr,
    /// Server names that the client said, and where.
    pub names: Vec<(Arc<str>, Moment)>,
    /// The client offered an encrypted hello.
    pub ech: bool,
    /// The protocol, as reports call it.
    pub protocol: &'static str,
}

/// The ids of a series.
#[derive(Debug, Default)]
pub struct ConnectionIds {
    known: HashMap<Box<[u8]>, Known, RandomState>,
    oldest: VecDeque<Box<[u8]>>,
    /// Bit n: ids of n bytes are known.
    lengths: u32,
}

impl ConnectionIds {
    /// From now on packets to `id` belong to this connection.
    pub fn note(&mut self, id: &[u8], known: Known) {
        if !is_telling(id) {
            return;
        }
        if let Some(have) = self.known.get_mut(id) {
            let names = std::mem::replace(have, known).names;
            for name in names {
                let new = have.names.iter().all(|(n, _)| *n != name.0);
                if new && have.names.len() < NAMES_MAX {
                    have.names.push(name);
                }
            }
            return;
        }
        if self.known.len() >= IDS_MAX
            && let Some(oldest) = self.oldest.pop_front()
        {
            self.known.remove(&oldest);
        }
        self.lengths |= 1u32.checked_shl(id.len() as u32).unwrap_or(0);
        self.oldest.push_back(id.into());
        self.known.insert(id.into(), known);
    }

    /// The connection of a short-header packet that its client sent.
    pub fn of_packet(&self, packet: &[u8], ends: &Ends) -> Option<&Known> {
        const LONG_HEADER: u8 = 0x80;
        let (first, behind) = packet.split_first()?;
        if self.lengths == 0 || first & LONG_HEADER != 0 {
            return None;
        }
        (ID_MIN..=ID_MAX)
            .rev()
            .filter(|len| self.lengths >> len & 1 != 0)
            .filter_map(|len| self.known.get(behind.get(..len)?))
            .find(|known| ends.receiver == known.server || ends.sender.0 == known.client)
    }
}

fn is_telling(id: &[u8]) -> bool {
    let different = (1..id.len())
        .filter(|at| {
            id.get(*at)
                .is_some_and(|byte| !id.iter().take(*at).any(|b| b == byte))
        })
        .count();
    (ID_MIN..=ID_MAX).contains(&id.len()) && different >= DIFFERENT_MIN.saturating_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::flow::Side;

    fn ends(sender: (&str, u16), receiver: (&str, u16)) -> Ends {
        let end = |(ip, port): (&str, u16)| (ip.parse().unwrap_or(IpAddr::from([0; 4])), port);
        Ends {
            side: Side::A,
            sender: end(sender),
            receiver: end(receiver),
        }
    }

    fn known(name: &str) -> Known {
        Known {
            server: (IpAddr::from([203, 0, 113, 1]), 443),
            client: IpAddr::from([10, 0, 0, 1]),
            names: vec![(Arc::from(name), Moment::NONE)],
            ech: false,
            protocol: "quic",
        }
    }

    fn names(found: Option<&Known>) -> Vec<&str> {
        let names = found.map(|known| known.names.as_slice());
        names.unwrap_or_default().iter().map(|n| &*n.0).collect()
    }

    #[test]
    fn an_end_has_to_stay() {
        let mut ids = ConnectionIds::default();
        ids.note(b"12345678", known("one.example"));
        let packet = b"\x4012345678 and the rest";
        let server = ("203.0.113.1", 443);
        assert_eq!(
            names(ids.of_packet(packet, &ends(("10.0.0.9", 9), server))),
            ["one.example"]
        );
        let moved = ("203.0.113.2", 443);
        assert_eq!(
            names(ids.of_packet(packet, &ends(("10.0.0.1", 9), moved))),
            ["one.example"]
        );
        assert_eq!(ids.of_packet(packet, &ends(("10.0.0.9", 9), moved)), None);
        assert_eq!(
            ids.of_packet(b"\x4012345679", &ends(("10.0.0.1", 9), server)),
            None
        );
        assert_eq!(
            ids.of_packet(b"\xc012345678", &ends(("10.0.0.1", 9), server)),
            None
        );
        assert_eq!(
            ids.of_packet(b"\x40123", &ends(("10.0.0.1", 9), server)),
            None
        );
        // A server that gives the same id twice has both names.
        ids.note(b"12345678", known("two.example"));
        let found = names(ids.of_packet(packet, &ends(("10.0.0.1", 9), server)));
        assert_eq!(found, ["two.example", "one.example"]);
        for n in 0..20 {
            ids.note(b"12345678", known(&format!("{n}.example")));
        }
        let found = names(ids.of_packet(packet, &ends(("10.0.0.1", 9), server)));
        assert_eq!(
            (found.len(), found.first()),
            (NAMES_MAX, Some(&"19.example"))
        );
    }

    #[test]
    fn ids_that_others_may_send_are_not_kept() {
        let mut ids = ConnectionIds::default();
        for id in [
            &b"1234567"[..],
            &[0; 8],
            &[1, 2, 1, 2, 1, 2, 3, 3],
            &[7; 21],
        ] {
            ids.note(id, known("x.example"));
        }
        assert_eq!((ids.known.len(), ids.lengths), (0, 0));
        for n in 0..IDS_MAX as u64 + 5 {
            ids.note(
                &(n | 0x0102_0304_0000_0000).to_be_bytes(),
                known("x.example"),
            );
        }
        assert!(ids.known.len() <= IDS_MAX && ids.oldest.len() == ids.known.len());
    }
}
