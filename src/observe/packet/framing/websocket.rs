//! WebSocket frames (RFC 6455 §5.2) whose binary messages are packets.

use super::find::{At, embedded_whole, packet_at};
use super::{BEFORE_MAX, FRAME_MAX, Framing, Held, Next, Recognised};
use std::borrow::Cow;

/// Operations: continuation, text, binary; from 8 on control.
const BINARY: u8 = 2;

struct Header {
    operation: u8,
    /// Bytes before the payload.
    header: usize,
    length: usize,
    mask: Option<[u8; 4]>,
}

/// `None` if it is no header; `Some(None)` while it is not whole.
fn header(bytes: &[u8]) -> Option<Option<Header>> {
    let Some(first) = bytes.first() else {
        return Some(None);
    };
    let operation = first & 0x0f;
    // Reserved bits are an extension's: what it makes of the payload is not read.
    if first & 0x70 != 0 || !matches!(operation, 0..=2 | 8..=10) {
        return None;
    }
    let Some(second) = bytes.get(1) else {
        return Some(None);
    };
    let (masked, short) = (second & 0x80 != 0, second & 0x7f);
    let (at, length) = match short {
        126 => match bytes.get(2..).and_then(<[u8]>::first_chunk::<2>) {
            Some(field) => (4, usize::from(u16::from_be_bytes(*field))),
            None => return Some(None),
        },
        127 => match bytes.get(2..).and_then(<[u8]>::first_chunk::<8>) {
            Some(field) => (10, usize::try_from(u64::from_be_bytes(*field)).ok()?),
            None => return Some(None),
        },
        n => (2, usize::from(n)),
    };
    let mask = match (masked, bytes.get(at..).and_then(<[u8]>::first_chunk::<4>)) {
        (false, _) => None,
        (true, Some(mask)) => Some(*mask),
        (true, None) => return Some(None),
    };
    Some(Some(Header {
        operation,
        header: at + if masked { 4 } else { 0 },
        length,
        mask,
    }))
}

fn payload<'a>(bytes: &'a [u8], head: &Header) -> Cow<'a, [u8]> {
    let there = bytes.get(head.header..).unwrap_or_default();
    let there = there.get(..head.length).unwrap_or(there);
    match head.mask {
        None => Cow::Borrowed(there),
        Some(mask) => {
            let mask = mask.iter().cycle();
            Cow::Owned(there.iter().zip(mask).map(|(byte, m)| byte ^ m).collect())
        }
    }
}

pub(super) fn recognise(bytes: &[u8]) -> Recognised {
    let Some(Some(head)) = header(bytes) else {
        return Recognised::No;
    };
    if head.operation != BINARY || head.length > FRAME_MAX {
        return Recognised::No;
    }
    let payload = payload(bytes, &head);
    if payload.len() == head.length {
        return match embedded_whole(&payload, payload.len()) {
            Some(_) => Recognised::Yes(Framing::WebSocket),
            None => Recognised::No,
        };
    }
    let begun = (0..=BEFORE_MAX).any(|before| {
        let rest = payload.get(before..).unwrap_or_default();
        matches!(packet_at(rest), At::Begun { checked: true, .. })
    });
    if begun {
        Recognised::Maybe
    } else {
        Recognised::No
    }
}

pub(super) fn next(bytes: &[u8]) -> Next<'_> {
    let head = match header(bytes) {
        None => return Next::Broken,
        Some(None) => return Next::More,
        Some(Some(head)) => head,
    };
    let used = head.header.saturating_add(head.length);
    if head.length > FRAME_MAX {
        return Next::Broken;
    }
    if used > bytes.len() {
        return Next::More;
    }
    // Text and control say nothing of packets.
    if !matches!(head.operation, 0 | BINARY) {
        return Next::Frame(used, Held::Other);
    }
    let payload = payload(bytes, &head);
    let at = embedded_whole(&payload, payload.len()).map(|rest| payload.len() - rest.len());
    match (at, payload) {
        (None, _) => Next::Frame(used, Held::Other),
        (Some(at), Cow::Borrowed(all)) => Next::Frame(
            used,
            Held::Packet(Cow::Borrowed(all.get(at..).unwrap_or_default())),
        ),
        (Some(at), Cow::Owned(mut all)) => {
            all.drain(..at.min(all.len()));
            Next::Frame(used, Held::Packet(Cow::Owned(all)))
        }
    }
}
