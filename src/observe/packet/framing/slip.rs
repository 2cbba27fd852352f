//! SLIP (RFC 1055): packets with an end mark behind each, and often before it.

use super::find::{At, packet_at};
use super::{Framing, Held, Next, Recognised};
use std::borrow::Cow;

const END: u8 = 0xc0;
const ESCAPE: u8 = 0xdb;

/// Longest frame: each byte of the longest packet in use may be escaped.
const FRAME_MAX: usize = 2 * 9216;

fn unescape(bytes: &[u8]) -> Option<Cow<'_, [u8]>> {
    if !bytes.contains(&ESCAPE) {
        return Some(Cow::Borrowed(bytes));
    }
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes.iter();
    while let Some(byte) = rest.next() {
        out.push(match byte {
            &ESCAPE => match rest.next()? {
                0xdc => END,
                0xdd => ESCAPE,
                _ => return None,
            },
            other => *other,
        });
    }
    Some(Cow::Owned(out))
}

/// The first frame: where its content begins and ends.
fn frame(bytes: &[u8]) -> Option<(usize, usize)> {
    let start = bytes.iter().position(|b| *b != END)?;
    let behind = bytes.get(start..)?;
    let length = memchr::memchr(END, behind.get(..FRAME_MAX).unwrap_or(behind))?;
    Some((start, start + length))
}

pub(super) fn recognise(bytes: &[u8]) -> Recognised {
    let begins =
        matches!(bytes, [END, 0x45..=0x4f | 0x60..=0x6f, ..] | [0x45..=0x4f | 0x60..=0x6f, ..]);
    if !begins {
        return match bytes {
            [END] => Recognised::Maybe,
            _ => Recognised::No,
        };
    }
    let Some((start, end)) = frame(bytes) else {
        // Without an end mark before it, a packet alone is taken for what it says.
        let marked = bytes.first() == Some(&END) && bytes.len() < FRAME_MAX;
        return if marked {
            Recognised::Maybe
        } else {
            Recognised::No
        };
    };
    let content = bytes.get(start..end).unwrap_or_default();
    let whole = unescape(content).is_some_and(|packet| {
        matches!(packet_at(&packet), At::Whole { total, four, sure } if total == packet.len() && (four || sure))
    });
    if whole {
        Recognised::Yes(Framing::Slip)
    } else {
        Recognised::No
    }
}

pub(super) fn next(bytes: &[u8]) -> Next<'_> {
    let Some((start, end)) = frame(bytes) else {
        return if bytes.iter().all(|b| *b == END) {
            Next::Frame(bytes.len(), Held::Other)
        } else if bytes.len() > FRAME_MAX {
            Next::Broken
        } else {
            Next::More
        };
    };
    let content = bytes.get(start..end).unwrap_or_default();
    match unescape(content) {
        Some(packet) if matches!(packet.first(), Some(0x40..=0x4f | 0x60..=0x6f)) => {
            Next::Frame(end + 1, Held::Packet(packet))
        }
        // Compressed headers (RFC 1144): packets that are not read.
        _ => Next::Broken,
    }
}
