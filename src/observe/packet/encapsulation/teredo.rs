//! Teredo (RFC 4380 §5.1): IPv6 in UDP, behind an authentication header, an origin indication, or
//! nothing; trailers (RFC 6081 §4) may follow the packet.
//!
//! Only servers have a well-known port. Between clients and relays either port is free; there one
//! of the two addresses is the client's, which has Teredo's prefix.

use super::{Inner, Message, Proof, Tunnel, be16};

const PORT: u16 = 3544;

/// `2001::/32`.
const PREFIX: [u8; 4] = [0x20, 0x01, 0, 0];

/// Headers before the packet: the authentication first, then the origin.
const HEADERS_MAX: usize = 2;

pub(super) fn read<'a>(message: &Message<'a>) -> Option<Tunnel<'a>> {
    let packet = behind_headers(message.payload)?;
    if packet.first()? >> 4 != 6 {
        return None;
    }
    let payload = usize::from(be16(packet, 4)?);
    let before = message.payload.len().saturating_sub(packet.len());
    let length = before.checked_add(40)?.checked_add(payload)?;
    let clients = [8, 24].iter().any(|at| {
        packet
            .get(*at..)
            .is_some_and(|address| address.starts_with(&PREFIX))
    });
    let holds = if message.on(PORT) {
        length <= message.wire_len
    } else {
        clients && length == message.wire_len
    };
    // A trailer is no part of the packet; of a cut one nothing is taken off.
    let packet = super::up_to(packet, payload.checked_add(40)?);
    holds.then(|| Tunnel::new("teredo", Proof::Inside, Inner::Packet(packet)))
}

fn behind_headers(mut bytes: &[u8]) -> Option<&[u8]> {
    for _ in 0..HEADERS_MAX {
        bytes = match bytes {
            // Lengths of client id and authentication value, both, a nonce, a confirmation byte.
            [0, 1, id, value, rest @ ..] => {
                rest.get(usize::from(*id) + usize::from(*value) + 8 + 1..)?
            }
            // Port and address of the origin, inverted.
            [0, 0, _, _, _, _, _, _, rest @ ..] => rest,
            _ => break,
        };
    }
    Some(bytes)
}
