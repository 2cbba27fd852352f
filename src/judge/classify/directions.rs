//! Which directions of the subject a series shows: silence of what was recorded one way only is worth nothing.

use super::Scope;
use super::group::RowVerdict;
use super::subject::Labelled;
use crate::evidence::flow::Side;
use crate::evidence::row::{Row, RowKey};
use crate::ground::moment::Moment;
use crate::ground::protocol;
use crate::judge::identity::DeviceMatch;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// Which directions of the subject were recorded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Directions {
    /// Packets that the declared device sent to single hosts.
    pub device_out: u64,
    /// Packets that it received from single hosts.
    pub device_in: u64,
    /// TCP flows with payload of which both sides were seen.
    pub whole: u64,
    /// TCP flows with payload of which one side was seen.
    pub half: u64,
    /// Those of them that go beyond the site.
    pub half_beyond: u64,
    /// TCP flows within the site of which one side was seen, with no more payload than a sender may
    /// send before it is answered: the other end may have left.
    pub unanswered: u64,
    /// Bytes of the subject's connections that were acknowledged and that no packet holds.
    pub lost: u64,
    /// The first packet of the first connection that lost some.
    pub lost_from: Option<Moment>,
    /// Conversations between single hosts, of any protocol, of which both sides were seen.
    pub two_way: u64,
    /// Conversations that go beyond the site, of which only what came in was seen.
    pub inbound: u64,
}

/// What a sender may send before the first answer: ten segments (RFC 6928 §2).
const FIRST_WINDOW: u64 = 14_600;

/// Takes a row in.
pub(super) fn note(
    directions: &mut BTreeMap<u32, Directions>,
    key: &RowKey,
    row: &Row,
    judged: &RowVerdict,
) {
    if key.key.ip(Side::A).is_multicast() || key.key.ip(Side::B).is_multicast() {
        return;
    }
    let theirs = judged.ours.other();
    // Over the whole capture: a window may cut a connection between a segment and its answer.
    let both = Side::BOTH
        .iter()
        .all(|side| row.spans.iter().any(|s| s.total.sent.of(*side).packets > 0));
    for span in &row.spans {
        let of = directions.entry(span.interval).or_default();
        let (sent, received) = (
            span.total.sent.of(judged.ours).packets,
            span.total.sent.of(theirs).packets,
        );
        // Between two hosts of the site either may be the device; `ours` prefers it.
        if judged.whose == DeviceMatch::Device && !is_broadcast(key.key.ip(theirs)) {
            of.device_out += sent;
            of.device_in += received;
        }
        let subject = judged.whose != DeviceMatch::Other;
        let anothers = judged
            .app
            .as_ref()
            .is_some_and(|app| app.says == Labelled::Other);
        let lost = (span.total.sent.a.lost).saturating_add(span.total.sent.b.lost);
        if subject && !anothers && lost > 0 {
            of.lost = of.lost.saturating_add(lost);
            let first = span.total.first;
            of.lost_from = Some(of.lost_from.map_or(first, |have| have.min(first)));
        }
        if !key.link_only {
            of.two_way += if both { row.flows } else { 0 };
            of.inbound += match judged.scope {
                Scope::Internet if !both && sent == 0 => row.flows,
                _ => 0,
            };
        }
        if subject
            && key.transport == protocol::TCP
            && span.total.sent.a.bytes + span.total.sent.b.bytes > 0
        {
            if both {
                of.whole += row.flows;
            } else if judged.scope != Scope::Local {
                of.half += row.flows;
                of.half_beyond += row.flows;
            } else if row
                .spans
                .iter()
                .map(|s| s.total.sent.a.bytes + s.total.sent.b.bytes)
                .sum::<u64>()
                <= FIRST_WINDOW
            {
                // That nobody answered shows in the numbers: those of the silent end stand still, or
                // the tracker says so.
                of.unanswered += row.flows;
            } else {
                of.half += row.flows;
            }
        }
    }
}

/// True for an address that looks like a network's broadcast address: masks are not known.
pub(in crate::judge) fn is_broadcast(ip: IpAddr) -> bool {
    matches!(ip, IpAddr::V4(v4) if v4.is_broadcast() || v4.octets().ends_with(&[255]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::counters::{Counters, Sent};
    use crate::judge::classify::destination::Client;
    use crate::judge::classify::labels::Labelling;
    use std::sync::Arc;

    const PHONE: [u8; 4] = [192, 168, 1, 9];
    const SERVER: [u8; 4] = [203, 0, 113, 7];
    const BOTH: (u64, u64) = (3, 2);

    /// What of a row is varied.
    struct Of {
        far: [u8; 4],
        scope: Scope,
        whose: DeviceMatch,
        says: Option<Labelled>,
        transport: u8,
        link_only: bool,
        /// Packets out and in.
        packets: (u64, u64),
        bytes: u64,
        lost: u64,
    }

    /// Payload of the device to a server, seen both ways.
    fn plain() -> Of {
        Of {
            far: SERVER,
            scope: Scope::Internet,
            whose: DeviceMatch::Device,
            says: None,
            transport: protocol::TCP,
            link_only: false,
            packets: BOTH,
            bytes: 100,
            lost: 0,
        }
    }

    fn noted(of: &Of) -> Directions {
        let (near, far) = (IpAddr::from(PHONE), IpAddr::from(of.far));
        let mut key = RowKey::by_hand((near, 4000), (far, 443));
        (key.transport, key.link_only) = (of.transport, of.link_only);
        let ours = key.opener.0;
        let mut counted = Counters::new(Moment::NONE);
        *counted.sent.of_mut(ours) = Sent {
            packets: of.packets.0,
            bytes: of.bytes,
            lost: of.lost,
            ..Sent::default()
        };
        counted.sent.of_mut(ours.other()).packets = of.packets.1;
        let app = of.says.map(|says| {
            Arc::new(Labelling {
                name: None,
                uid: None,
                source: crate::ground::label::LabelSource::Pktap,
                owner: None,
                also: Vec::new(),
                cut: false,
                says,
            })
        });
        let judged = RowVerdict {
            scope: of.scope,
            ours,
            whose: of.whose,
            client: Client::Subject,
            app,
            ip: None,
            port: None,
            via: None,
            host: None,
            lookups_only: false,
            served: false,
            hidden: None,
            folded: false,
            guessed: false,
        };
        let mut directions = BTreeMap::new();
        note(
            &mut directions,
            &key,
            &Row::by_hand(&[(7, counted)]),
            &judged,
        );
        directions.remove(&7).unwrap_or_default()
    }

    #[test]
    fn a_row_counts_where_its_directions_say_something() {
        let seen = Directions {
            device_out: 3,
            device_in: 2,
            whole: 1,
            two_way: 1,
            ..Directions::default()
        };
        // The same of whom nobody knows to be the device.
        let nobodys = Directions {
            device_out: 0,
            device_in: 0,
            ..seen
        };
        let one_way = Directions {
            device_out: 3,
            half: 1,
            half_beyond: 1,
            ..Directions::default()
        };
        let local = |bytes| Of {
            scope: Scope::Local,
            packets: (3, 0),
            bytes,
            ..plain()
        };
        let unanswered = Directions {
            device_out: 3,
            unanswered: 1,
            ..Directions::default()
        };
        for (of, expected) in [
            (plain(), seen),
            // Groups and broadcasts answer nobody; a group counts for nothing at all.
            (
                Of {
                    far: [239, 1, 1, 1],
                    ..plain()
                },
                Directions::default(),
            ),
            (
                Of {
                    far: [192, 168, 1, 255],
                    ..plain()
                },
                nobodys,
            ),
            (
                Of {
                    far: [255; 4],
                    ..plain()
                },
                nobodys,
            ),
            (
                Of {
                    whose: DeviceMatch::Unsure,
                    ..plain()
                },
                nobodys,
            ),
            // Another machine's says nothing of the subject.
            (
                Of {
                    whose: DeviceMatch::Other,
                    lost: 5,
                    ..plain()
                },
                Directions {
                    two_way: 1,
                    ..Directions::default()
                },
            ),
            (
                Of {
                    link_only: true,
                    ..plain()
                },
                Directions { two_way: 0, ..seen },
            ),
            // Only TCP with payload tells that an answer is missing.
            (
                Of {
                    transport: protocol::UDP,
                    ..plain()
                },
                Directions { whole: 0, ..seen },
            ),
            (
                Of {
                    bytes: 0,
                    ..plain()
                },
                Directions { whole: 0, ..seen },
            ),
            (
                Of {
                    packets: (3, 0),
                    ..plain()
                },
                one_way,
            ),
            // What a sender may send before it is answered.
            (local(FIRST_WINDOW), unanswered),
            (
                local(FIRST_WINDOW + 1),
                Directions {
                    half_beyond: 0,
                    ..one_way
                },
            ),
            // Only what came in, from beyond the site.
            (
                Of {
                    packets: (0, 2),
                    bytes: 0,
                    ..plain()
                },
                Directions {
                    device_in: 2,
                    inbound: 1,
                    ..Directions::default()
                },
            ),
            (
                Of {
                    packets: (0, 2),
                    bytes: 0,
                    scope: Scope::Relayed,
                    ..plain()
                },
                Directions {
                    device_in: 2,
                    ..Directions::default()
                },
            ),
            // Lost bytes count unless they are another app's.
            (
                Of { lost: 5, ..plain() },
                Directions {
                    lost: 5,
                    lost_from: Some(Moment::NONE),
                    ..seen
                },
            ),
            (
                Of {
                    lost: 5,
                    says: Some(Labelled::Subject),
                    ..plain()
                },
                Directions {
                    lost: 5,
                    lost_from: Some(Moment::NONE),
                    ..seen
                },
            ),
            (
                Of {
                    lost: 5,
                    says: Some(Labelled::Other),
                    ..plain()
                },
                seen,
            ),
        ] {
            let told = (of.far, of.scope, of.packets, of.bytes, of.lost);
            assert_eq!(noted(&of), expected, "{told:?}");
        }
    }

    #[test]
    fn a_flow_has_both_sides_if_any_of_its_intervals_shows_each() {
        use crate::judge::by_hand::{Declared, at, flow, judged, series};
        let far = "203.0.113.7";
        let (key, mut row) = flow(("192.168.1.9", None), (far, None), (10, 20));
        let opener = key.opener.0;
        let mut later = row.spans[0].clone();
        later.interval = 1;
        *row.spans[0].total.sent.of_mut(opener) = Sent::default();
        *later.total.sent.of_mut(opener.other()) = Sent::default();
        row.spans.push(later);
        let of = judged(vec![series(vec![(key, row)])], &Declared::default());
        for of in of.directions[0].values() {
            let told = (of.whole, of.half, of.inbound, of.two_way);
            assert_eq!(told, (1, 0, 0, 1));
        }
        // The first connection that lost something, in whatever order they come.
        for seconds in [[10, 30], [30, 10]] {
            let flows = seconds.map(|second| {
                let (key, mut row) = flow(("192.168.1.9", None), (far, None), (second, 40));
                row.spans[0].total.sent.of_mut(key.opener.0).lost = 5;
                (key, row)
            });
            let of = judged(vec![series(flows.to_vec())], &Declared::default());
            let of = of.directions[0][&0];
            assert_eq!((of.lost, of.lost_from), (10, Some(at(10))));
        }
    }

    #[test]
    fn groups_show_no_direction_and_sides_have_no_order() {
        let silent = |far: [u8; 4]| Of {
            far,
            scope: Scope::Local,
            packets: (3, 0),
            ..plain()
        };
        // On either side of the phone in the order of addresses.
        for far in [[10, 0, 0, 7], [192, 168, 1, 77]] {
            assert_eq!(noted(&silent(far)).unanswered, 1);
        }
        assert_eq!(noted(&silent([224, 0, 0, 251])), Directions::default());
        let above = crate::judge::by_hand::flow(("250.0.0.1", None), ("224.0.0.251", None), (0, 1));
        let of = crate::judge::by_hand::series(vec![above]);
        let of = crate::judge::by_hand::judged(vec![of], &Default::default());
        assert!(of.directions[0].is_empty());
    }
}
