//! Frames sent on by whoever received them: PEEKREMOTE (access points to Omnipeek, port 5000) and HP's remote mirroring (port 7932), TZSP (as Wireshark, MikroTik and Kismet write it, port
//! 37008) brings copies to an analyser; CAPWAP's data channel (RFC 5415 §4.3, port 5247) carries
//! frames between an access point and its controller.

use super::{Inner, Message, Proof, Reception, Tunnel, be16};

const TZSP_PORT: u16 = 37008;
const CAPWAP_PORT: u16 = 5247;

/// Tags of one TZSP message; a handful say how the frame was received.
const TAGS_MAX: usize = 64;

pub(super) fn tzsp<'a>(message: &Message<'a>) -> Option<Tunnel<'a>> {
    let ([1, kind, 0, encapsulated], rest) = message.payload.split_first_chunk::<4>()? else {
        return None;
    };
    let proof = message.proof(&[TZSP_PORT]);
    let inner = match (kind, encapsulated) {
        // A received frame, or one to be sent.
        (0 | 1, what) => match (what, behind_tags(rest)) {
            (1, Some(frame)) => Inner::Ethernet(frame),
            (18, Some(frame)) => Inner::Wifi(Reception::Plain, frame),
            (119, Some(frame)) => Inner::Wifi(Reception::Prism, frame),
            (127, Some(frame)) => Inner::Wifi(Reception::Avs, frame),
            _ => Inner::Closed,
        },
        // Configuration, keep-alive, opening of a port.
        (3..=5, _) => Inner::Nothing,
        _ => return None,
    };
    Some(Tunnel {
        copies: true,
        ..Tunnel::new("tzsp", proof, inner)
    })
}

/// Kind, length, value; padding and the end tag have neither length nor value.
fn behind_tags(mut rest: &[u8]) -> Option<&[u8]> {
    for _ in 0..TAGS_MAX {
        rest = match rest {
            [0, behind @ ..] => behind,
            [1, frame @ ..] => return Some(frame).filter(|f| !f.is_empty()),
            [_, length, behind @ ..] => behind.get(usize::from(*length)..)?,
            _ => return None,
        };
    }
    None
}

pub(super) fn capwap<'a>(message: &Message<'a>) -> Option<Tunnel<'a>> {
    /// Flags: a piece of a packet, a keep-alive; in the byte before, a frame in its own format.
    const FRAGMENT: u8 = 0x80;
    const KEEP_ALIVE: u8 = 0x08;
    const NATIVE: u8 = 0x01;
    /// DTLS record types (RFC 6347 §4.3.1).
    const RECORDS: std::ops::RangeInclusive<u8> = 20..=25;
    if !message.on(CAPWAP_PORT) {
        return None;
    }
    let tunnel = |proof, inner| Some(Tunnel::new("capwap", proof, inner));
    match message.payload {
        // Encrypted: a preamble of its own, then a DTLS record.
        [1, 0, 0, 0, record, 0xfe, ..] if RECORDS.contains(record) => {
            tunnel(Proof::Header, Inner::Closed)
        }
        [0, length, binding, flags, ..] => {
            let length = usize::from(length >> 3) * 4;
            let frame = message.payload.get(length..).filter(|_| length >= 8)?;
            tunnel(
                Proof::Inside,
                match (flags & FRAGMENT, flags & KEEP_ALIVE, binding & NATIVE) {
                    (0, 0, 0) => Inner::Ethernet(frame),
                    (0, 0, _) => Inner::Wifi(Reception::Plain, frame),
                    _ => return None,
                },
            )
        }
        _ => None,
    }
}

const PEEKREMOTE_PORT: u16 = 5000;

/// What access points send to Omnipeek and its like, as Wireshark reads it: a header of 20 bytes, or one with a magic number that says its own
/// length; behind it an 802.11 frame. The first has no signs but two lengths.
pub(super) fn peekremote<'a>(message: &Message<'a>) -> Option<Tunnel<'a>> {
    const OLD: usize = 20;
    const MAGIC: [u8; 4] = [0x00, 0xff, 0xab, 0xcd];
    /// Headers of version 2 have 55 bytes; others may have more.
    const NEW: std::ops::RangeInclusive<usize> = 20..=255;
    let bytes = message.payload;
    let (at, proof) = if bytes.starts_with(&MAGIC) {
        let size = usize::try_from(u32::from_be_bytes(*bytes.get(5..)?.first_chunk()?)).ok()?;
        (NEW.contains(&size).then_some(size)?, Proof::Header)
    } else {
        // Length of the frame, and how much of it was sent.
        let (whole, slice) = (be16(bytes, 2)?, usize::from(be16(bytes, 4)?));
        let there = message.wire_len.checked_sub(OLD)?;
        let fits = message.on(PEEKREMOTE_PORT) && usize::from(whole) >= slice && slice == there;
        (fits.then_some(OLD)?, Proof::Inside)
    };
    let frame = bytes.get(at..).filter(|frame| !frame.is_empty())?;
    Some(Tunnel {
        copies: true,
        ..Tunnel::new("peekremote", proof, Inner::Wifi(Reception::Plain, frame))
    })
}

const ERM_PORT: u16 = 7932;

/// HP's encapsulated remote mirroring, as Wireshark reads it: twelve bytes and an Ethernet frame.
pub(super) fn erm<'a>(message: &Message<'a>) -> Option<Tunnel<'a>> {
    let frame = message.payload.get(12..).filter(|f| !f.is_empty())?;
    message.on(ERM_PORT).then(|| Tunnel {
        copies: true,
        ..Tunnel::new("hp-erm", Proof::Inside, Inner::Ethernet(frame))
    })
}
