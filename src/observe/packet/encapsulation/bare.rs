//! Packets in UDP behind little or nothing: GRE (RFC 8086), MPLS (RFC 7510), GUE
//! (draft-ietf-intarea-gue-09 §3), LISP (RFC 9300 §5.3), and IP alone (Linux "foo over UDP").
//!
//! None of these headers has signs of its own: without a packet inside a datagram is none of them.

use super::{Inner, Message, Proof, Tunnel, be16};
use crate::observe::packet::framing::embedded_whole;

const GRE_PORT: u16 = 4754;
const MPLS_PORT: u16 = 6635;
const GUE_PORT: u16 = 6080;
const LISP_PORT: u16 = 4341;

pub(super) fn gre<'a>(message: &Message<'a>) -> Option<Tunnel<'a>> {
    message.on(GRE_PORT).then(|| Tunnel {
        proof: Proof::Inside,
        ..super::gre::read(message.payload)
    })
}

pub(super) fn labels<'a>(message: &Message<'a>) -> Option<Tunnel<'a>> {
    message
        .on(MPLS_PORT)
        .then(|| Tunnel::new("mpls", Proof::Inside, Inner::Labels(message.payload)))
}

pub(super) fn gue_or_lisp<'a>(message: &Message<'a>) -> Option<Tunnel<'a>> {
    let bytes = message.payload;
    if message.on(LISP_PORT) {
        let packet = Inner::Packet(bytes.get(8..)?);
        return Some(Tunnel::new("lisp", Proof::Inside, packet));
    }
    if !message.on(GUE_PORT) {
        return None;
    }
    let inner = match bytes {
        // Version 1 is the version nibble of IP itself.
        [0x40..=0x7f, ..] => Inner::Packet(bytes),
        // Version 0, data: the length of what is optional, and a protocol number.
        [first @ 0..0x20, protocol, ..] => {
            let rest = bytes.get(4 + usize::from(*first) * 4..)?;
            super::by_number(*protocol, rest)?.inner
        }
        _ => return None,
    };
    Some(Tunnel::new("gue", Proof::Inside, inner))
}

/// A datagram that is nothing but an IP packet, or one behind a few bytes: the packet information of a TUN device, an Ethernet header, a
/// program's own.
pub(super) fn packet<'a>(message: &Message<'a>) -> Option<Tunnel<'a>> {
    let bytes = message.payload;
    let alone = match bytes.first()? {
        0x45..=0x4f => Some(usize::from(be16(bytes, 2)?)),
        0x60..=0x6f => usize::from(be16(bytes, 4)?).checked_add(40),
        _ => None,
    };
    let packet = if alone == Some(message.wire_len) {
        bytes
    } else {
        embedded_whole(bytes, message.wire_len)?
    };
    Some(Tunnel::new(
        "ip-in-udp",
        Proof::Checksum,
        Inner::Packet(packet),
    ))
}
