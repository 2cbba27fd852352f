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

fn is_broadcast(ip: IpAddr) -> bool {
    matches!(ip, IpAddr::V4(v4) if v4.is_broadcast() || v4.octets().ends_with(&[255]))
}
