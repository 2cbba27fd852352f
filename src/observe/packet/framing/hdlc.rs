//! PPP in HDLC-like framing (RFC 1662): flags around each frame, escapes in it, a check sequence at its end.

use super::find::{At, packet_at};
use super::{Framing, Held, Next, Recognised};
use std::borrow::Cow;

const FLAG: u8 = 0x7e;
const ESCAPE: u8 = 0x7d;

/// Longest frame: each byte of the longest packet in use may be escaped.
const FRAME_MAX: usize = 2 * 9216;

/// Check sequences: two bytes, or four where that was agreed on (RFC 1662 §C).
const FCS: usize = 2;
const FCS_LONG: usize = 4;

fn unescape(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes.iter();
    while let Some(byte) = rest.next() {
        out.push(match byte {
            &ESCAPE => rest.next()? ^ 0x20,
            other => *other,
        });
    }
    Some(out)
}

/// The check sequence at the end of a frame is right (RFC 1662 §C.2).
fn is_right(frame: &[u8]) -> bool {
    const GOOD: u16 = 0xf0b8;
    let sum = frame.iter().fold(0xffffu16, |sum, byte| {
        (0..8).fold(sum ^ u16::from(*byte), |sum, _| {
            if sum & 1 != 0 {
                sum >> 1 ^ 0x8408
            } else {
                sum >> 1
            }
        })
    });
    frame.len() > FCS && sum == GOOD
}

/// The same with four bytes (RFC 1662 §C.3).
fn is_right_long(frame: &[u8]) -> bool {
    const GOOD: u32 = 0xdebb_20e3;
    let sum = frame.iter().fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| {
            if sum & 1 != 0 {
                sum >> 1 ^ 0xedb8_8320
            } else {
                sum >> 1
            }
        })
    });
    frame.len() > FCS_LONG && sum == GOOD
}

/// The frame without its check sequence, if that is right or a packet in it speaks for itself.
fn content(escaped: &[u8]) -> Option<Vec<u8>> {
    let mut frame = unescape(escaped)?;
    let whole = frame.len();
    if is_right(&frame) {
        frame.truncate(whole - FCS);
    } else if is_right_long(&frame) {
        frame.truncate(whole - FCS_LONG);
    } else {
        let packet = packet(&frame)?;
        matches!(packet_at(packet), At::Whole { sure: true, .. }).then_some(())?;
    }
    Some(frame)
}

/// What stands behind the protocol of IPv4 or IPv6 (RFC 1332, RFC 5072), in its long or short form.
fn packet(frame: &[u8]) -> Option<&[u8]> {
    match behind_address(frame) {
        [0, 0x21 | 0x57, packet @ ..] | [0x21 | 0x57, packet @ ..] => Some(packet),
        _ => None,
    }
}

fn behind_address(frame: &[u8]) -> &[u8] {
    match frame {
        [0xff, 0x03, rest @ ..] => rest,
        all => all,
    }
}

/// Protocols that PPP carries between hosts: IP and its compressed forms, encryption, compression, their control, authentication.
fn is_ppp(frame: &[u8]) -> bool {
    match behind_address(frame) {
        [0x21 | 0x57 | 0x2d | 0x2f | 0xfd | 0x53 | 0x3d, ..] => true,
        [0, low, ..] => matches!(low, 0x21 | 0x57 | 0x2d | 0x2f | 0xfd | 0x53 | 0x3d),
        [0x80, low, ..] => matches!(low, 0x21 | 0x57 | 0xfd | 0x53),
        [0xc0, low, ..] => matches!(low, 0x21 | 0x23 | 0x25 | 0x29),
        [0xc2, low, ..] => matches!(low, 0x23 | 0x27),
        _ => false,
    }
}

/// The first frame: where its content begins and ends.
fn frame(bytes: &[u8]) -> Option<(usize, usize)> {
    let start = bytes.iter().position(|b| *b != FLAG)?;
    let behind = bytes.get(start..)?.iter().take(FRAME_MAX);
    let length = behind.clone().position(|b| *b == FLAG)?;
    Some((start, start + length))
}

pub(super) fn recognise(bytes: &[u8]) -> Recognised {
    if bytes.first() != Some(&FLAG) {
        return Recognised::No;
    }
    match frame(bytes) {
        Some((start, end)) => {
            let read = content(bytes.get(start..end).unwrap_or_default());
            if read.is_some_and(|frame| is_ppp(&frame)) {
                Recognised::Yes(Framing::Hdlc)
            } else {
                Recognised::No
            }
        }
        // Address, or protocol without one.
        None => match bytes {
            [FLAG] | [FLAG, 0xff | ESCAPE | 0x21 | 0x57, ..] if bytes.len() < FRAME_MAX => {
                Recognised::Maybe
            }
            _ => Recognised::No,
        },
    }
}

pub(super) fn next(bytes: &[u8]) -> Next<'_> {
    let Some((start, end)) = frame(bytes) else {
        return if bytes.iter().all(|b| *b == FLAG) {
            Next::Frame(bytes.len(), Held::Other)
        } else if bytes.len() > FRAME_MAX {
            Next::Broken
        } else {
            Next::More
        };
    };
    // The flag behind it may be the one before the next.
    match content(bytes.get(start..end).unwrap_or_default()) {
        Some(frame) if is_ppp(&frame) => Next::Frame(end, Held::Ppp(Cow::Owned(frame))),
        _ => Next::Broken,
    }
}
