//! L2TP version 2 (RFC 2661 §3.1) in UDP, version 3 (RFC 3931 §4.1) in UDP and directly in IP.
//!
//! Version 2 carries PPP. What a session of version 3 carries, and how long the cookie before it is,
//! was agreed on when it began and stands in no packet.

use super::{Inner, Message, Proof, Tunnel, be16, up_to};

const PORT: u16 = 1701;

/// Flags of the first word; the version in its low four bits.
const CONTROL: u16 = 0x8000;
const LENGTH: u16 = 0x4000;
const SEQUENCE: u16 = 0x0800;
const OFFSET: u16 = 0x0200;
const PRIORITY: u16 = 0x0100;
const RESERVED: u16 = 0x34f0;
const VERSION: u16 = 0x000f;

pub(super) fn over_udp<'a>(message: &Message<'a>) -> Option<Tunnel<'a>> {
    let bytes = message.payload;
    let (flags, next) = (be16(bytes, 0)?, be16(bytes, 2)?);
    if flags & RESERVED != 0 {
        return None;
    }
    let stated = (flags & LENGTH != 0).then_some(usize::from(next));
    if stated.is_some_and(|length| length > message.wire_len) {
        return None;
    }
    let proof = message.proof(&[PORT]);
    let (version, control) = (flags & VERSION, flags & CONTROL != 0);
    let inner = match version {
        // A control message has length and sequence numbers, and neither offset nor priority.
        2 | 3 if control => {
            let must = LENGTH | SEQUENCE;
            let least = if version == 2 { 12 } else { 16 };
            let holds = flags & (must | OFFSET | PRIORITY) == must
                && stated == Some(message.wire_len)
                && message.wire_len >= least;
            if !holds {
                return None;
            }
            Inner::Nothing
        }
        2 => match behind_data_header(flags, up_to(bytes, stated.unwrap_or(bytes.len()))) {
            Some(ppp) if !ppp.is_empty() => Inner::Ppp(ppp),
            _ if message.wire_len > 6 => Inner::Closed,
            _ => return None,
        },
        // Flags but the version and the 16 bits behind them are reserved, then the session's number.
        3 if flags == 3 && next == 0 && message.wire_len > 8 => match bytes.get(8..) {
            Some(frame) => Inner::Agreed(frame),
            None => Inner::Closed,
        },
        _ => return None,
    };
    // Elsewhere only what is inside speaks: either end may answer from a port of its choice.
    let tells = proof == Proof::Header || matches!(inner, Inner::Ppp(_));
    tells.then(|| Tunnel::new("l2tp", proof, inner))
}

/// The PPP frame of a data message of version 2.
fn behind_data_header(flags: u16, bytes: &[u8]) -> Option<&[u8]> {
    // Flags, the length if there, tunnel, session, and both sequence numbers if there.
    let mut at = 6 + if flags & LENGTH != 0 { 2 } else { 0 };
    if flags & SEQUENCE != 0 {
        at += 4;
    }
    if flags & OFFSET != 0 {
        at += 2 + usize::from(be16(bytes, at)?);
    }
    bytes.get(at..)
}

/// RFC 3931 §4.1.1: the session's number; zero is the control connection.
pub(super) fn over_ip(payload: &[u8]) -> Inner<'_> {
    match payload {
        [0, 0, 0, 0, _, ..] => Inner::Nothing,
        [_, _, _, _, frame @ ..] if !frame.is_empty() => Inner::Agreed(frame),
        _ => Inner::Closed,
    }
}
