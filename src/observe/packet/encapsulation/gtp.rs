//! GTP-U, the user plane of mobile networks (3GPP TS 29.281 §5.1, §5.2): T-PDUs with their
//! extension headers. Signalling messages carry no packet of a user.

use super::{Inner, Message, Proof, Tunnel, be16};

const PORT: u16 = 2152;

/// Message types (§6.1): echo, error indication, supported extension headers, tunnel status, end marker.
const SIGNALLING: [u8; 6] = [1, 2, 26, 31, 253, 254];
const T_PDU: u8 = 255;

/// Extension header, sequence number, N-PDU number: if any is flagged, four bytes are there for all.
const OPTIONAL: u8 = 0x07;
const EXTENSION: u8 = 0x04;

/// Extension headers followed; real packets carry one or two.
const EXTENSIONS_MAX: usize = 16;

const HEADER: usize = 8;

pub(super) fn read<'a>(message: &Message<'a>) -> Option<Tunnel<'a>> {
    let [flags, kind, ..] = *message.payload.first_chunk::<HEADER>()?;
    // Version 1 of GTP (and not of GTP', which charges).
    if flags >> 4 != 3 {
        return None;
    }
    // Everything behind the first eight bytes; a datagram may be padded.
    let stated = HEADER.checked_add(be16(message.payload, 2)?.into())?;
    let proof = match message.proof(&[PORT]) {
        _ if stated > message.wire_len => return None,
        Proof::Header if stated < message.wire_len => Proof::Inside,
        Proof::Checksum if kind != T_PDU || stated != message.wire_len => return None,
        proof => proof,
    };
    let whole = super::up_to(message.payload, stated);
    let inner = match kind {
        T_PDU => user_data(flags, whole),
        _ if SIGNALLING.contains(&kind) => Inner::Nothing,
        _ => return None,
    };
    Some(Tunnel::new("gtp-u", proof, inner))
}

fn user_data(flags: u8, whole: &[u8]) -> Inner<'_> {
    match behind_extensions(flags, whole) {
        Some(packet @ [0x40..=0x4f | 0x60..=0x6f, ..]) => Inner::Packet(packet),
        // Ethernet and unstructured sessions of 5G, PPP: which, was agreed on.
        Some(frame @ [_, ..]) => Inner::Agreed(frame),
        _ => Inner::Closed,
    }
}

fn behind_extensions(flags: u8, whole: &[u8]) -> Option<&[u8]> {
    let rest = whole.get(HEADER..)?;
    if flags & OPTIONAL == 0 {
        return Some(rest);
    }
    let ([_, _, _, next], mut rest) = rest.split_first_chunk::<4>()?;
    let mut next = if flags & EXTENSION != 0 { *next } else { 0 };
    for _ in 0..EXTENSIONS_MAX {
        if next == 0 {
            return Some(rest);
        }
        // Length in words, itself and the next type at the end included.
        let length = usize::from(*rest.first()?) * 4;
        next = *rest.get(length.checked_sub(1)?)?;
        rest = rest.get(length..)?;
    }
    None
}
