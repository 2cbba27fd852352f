//! IP packets one after another in bytes that nobody else reads: where each begins and ends.
//!
//! Programs that carry packets through a connection write them bare, behind a length, behind the header of their TUN or TAP device, as PPP in
//! HDLC-like framing (RFC 1662), as SLIP (RFC 1055) or in WebSocket frames (RFC 6455 §5.2). None of these has a signature. What proves them
//! is a packet: an IPv4 header whose checksum is right, a transport checksum that is right, an end where the frame ends. Bytes before the
//! packet are passed over, whatever they are; a length among them is found by its value.
//!
//! Headers only. What is encrypted or compressed cannot be found, and a frame between packets that has no length ends the walk.

mod find;
mod hdlc;
mod slip;
mod websocket;

#[cfg(test)]
mod tests;

use find::{At, packet_at};
pub use find::{embedded, embedded_whole};
use std::borrow::Cow;

/// Bytes that may stand before each packet: a length, the header of a device, an Ethernet header with two tags, and a header of the program's.
pub const BEFORE_MAX: usize = 64;

/// Longest frame: an IP packet of the greatest length, and what stands before it.
const FRAME_MAX: usize = 0xffff + BEFORE_MAX;

/// How packets lie in a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// So many bytes before each, the same number every time.
    Plain {
        /// The number of bytes.
        before: usize,
        /// The length among them, if one was found.
        length: Option<Length>,
    },
    /// PPP in HDLC-like framing.
    Hdlc,
    /// SLIP.
    Slip,
    /// One packet in each binary WebSocket message.
    WebSocket,
}

/// A length that stands before a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Length {
    at: usize,
    wide: bool,
    little: bool,
    /// Bytes of the frame that it does not count.
    more: usize,
}

impl Length {
    fn value(self, bytes: &[u8]) -> Option<usize> {
        let field = bytes.get(self.at..)?;
        let value = if self.wide {
            let field = *field.first_chunk::<4>()?;
            if self.little {
                u32::from_le_bytes(field)
            } else {
                u32::from_be_bytes(field)
            }
        } else {
            let field = *field.first_chunk::<2>()?;
            u32::from(if self.little {
                u16::from_le_bytes(field)
            } else {
                u16::from_be_bytes(field)
            })
        };
        usize::try_from(value).ok()
    }

    fn size(self) -> usize {
        if self.wide { 4 } else { 2 }
    }
}

/// Whether packets lie in a stream that begins so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recognised {
    /// No packet begins here.
    No,
    /// More bytes can show it.
    Maybe,
    /// They do.
    Yes(Framing),
}

/// What one frame holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Held<'a> {
    /// An IP packet.
    Packet(Cow<'a, [u8]>),
    /// A PPP frame, from its address or protocol on.
    Ppp(Cow<'a, [u8]>),
    /// Nothing that is read.
    Other,
}

/// The next step through a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next<'a> {
    /// A frame of so many bytes.
    Frame(usize, Held<'a>),
    /// It is not whole yet.
    More,
    /// These bytes are no frame.
    Broken,
}

/// Recognises the framing of a stream by its first bytes.
pub fn recognise(bytes: &[u8]) -> Recognised {
    let framed = [hdlc::recognise, slip::recognise, websocket::recognise];
    let mut maybe = false;
    for reader in framed {
        match reader(bytes) {
            Recognised::No => {}
            Recognised::Maybe => maybe = true,
            yes => return yes,
        }
    }
    match plain(bytes) {
        Recognised::No if maybe => Recognised::Maybe,
        found => found,
    }
}

fn plain(bytes: &[u8]) -> Recognised {
    if is_length_alone(bytes) {
        return Recognised::Maybe;
    }
    let mut maybe = false;
    for before in 0..=BEFORE_MAX.min(bytes.len()) {
        let Some(rest) = bytes.get(before..) else {
            break;
        };
        let at = packet_at(rest);
        if at == At::Nowhere {
            continue;
        }
        let length = at.total().and_then(|total| length(bytes, before, total));
        let found = Recognised::Yes(Framing::Plain { before, length });
        match at {
            At::Whole { sure: true, .. } => return found,
            At::Whole { total, four, .. } => {
                let behind = rest.get(total..).unwrap_or_default();
                let proved = match behind.get(before..).map(packet_at) {
                    _ if behind.is_empty() => length.is_some() || (four && before == 0),
                    Some(At::Whole { .. } | At::Begun { .. }) => {
                        four || shares_an_end(rest, behind, before)
                    }
                    _ => length.is_some() && four,
                };
                if proved {
                    return found;
                }
                maybe |= behind.len() < before + find::LEAST;
            }
            At::Begun { checked, .. } => maybe |= checked || (length.is_some() && before <= 4),
            At::Nowhere => {}
        }
    }
    if maybe {
        Recognised::Maybe
    } else {
        Recognised::No
    }
}

/// Two or four bytes that could be a length, sent on their own before the first packet.
fn is_length_alone(bytes: &[u8]) -> bool {
    /// From the shortest header to the packet of a large local network.
    const LENGTHS: std::ops::RangeInclusive<u32> = 20..=9234;
    let of = |value: u32| LENGTHS.contains(&value);
    match *bytes {
        [a, b] => of(u16::from_be_bytes([a, b]).into()) || of(u16::from_le_bytes([a, b]).into()),
        [a, b, c, d] => {
            of(u32::from_be_bytes([a, b, c, d])) || of(u32::from_le_bytes([a, b, c, d]))
        }
        _ => false,
    }
}

/// Two packets of IPv6, of one conversation: an address stands in both.
fn shares_an_end(first: &[u8], behind: &[u8], before: usize) -> bool {
    let ends = |packet: Option<&[u8]>| -> Option<[[u8; 16]; 2]> {
        let packet = packet?;
        Some([
            *packet.get(8..)?.first_chunk()?,
            *packet.get(24..)?.first_chunk()?,
        ])
    };
    match (ends(Some(first)), ends(behind.get(before..))) {
        (Some(first), Some(second)) => first.iter().any(|end| second.contains(end)),
        _ => false,
    }
}

/// The length of this frame among the bytes before its packet, if one of them says it.
fn length(bytes: &[u8], before: usize, total: usize) -> Option<Length> {
    let whole = before.checked_add(total)?;
    for at in 0..before {
        for (wide, little) in [(true, false), (true, true), (false, false), (false, true)] {
            let mut length = Length {
                at,
                wide,
                little,
                more: 0,
            };
            let behind = at + length.size();
            if behind > before {
                continue;
            }
            let Some(value) = length.value(bytes) else {
                continue;
            };
            // It counts what stands behind it, the packet alone, itself too, or all of the frame.
            for more in [behind, before, at, 0] {
                if value.checked_add(more) == Some(whole) {
                    length.more = more;
                    return Some(length);
                }
            }
        }
    }
    None
}

impl Framing {
    /// The frame at the start of `bytes`.
    pub fn next<'a>(&self, bytes: &'a [u8]) -> Next<'a> {
        match self {
            Self::Plain { before, length } => plain_next(bytes, *before, *length),
            Self::Hdlc => hdlc::next(bytes),
            Self::Slip => slip::next(bytes),
            Self::WebSocket => websocket::next(bytes),
        }
    }

    /// The id in reports.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Plain { .. } => "ip-in-stream",
            Self::Hdlc => "ppp-in-stream",
            Self::Slip => "slip",
            Self::WebSocket => "ip-in-websocket",
        }
    }
}

fn plain_next(bytes: &[u8], before: usize, length: Option<Length>) -> Next<'_> {
    let Some(rest) = bytes.get(before..).filter(|rest| rest.len() >= find::LEAST) else {
        // A frame without a packet may be shorter.
        return match length.and_then(|l| Some((l, l.value(bytes)?))) {
            Some((l, value)) if value.saturating_add(l.more) < before + find::LEAST => {
                other(bytes, value.saturating_add(l.more))
            }
            _ => Next::More,
        };
    };
    match packet_at(rest) {
        At::Whole { total, .. } => {
            let stated = length.and_then(|l| l.value(bytes)?.checked_add(l.more));
            let own = before + total;
            // A frame may be longer than its packet (padding), never shorter.
            let used = stated
                .filter(|s| *s >= own && *s <= FRAME_MAX)
                .unwrap_or(own);
            if used > bytes.len() {
                return Next::More;
            }
            let packet = rest.get(..total).unwrap_or(rest);
            Next::Frame(used, Held::Packet(Cow::Borrowed(packet)))
        }
        At::Begun { .. } => Next::More,
        At::Nowhere => match length.and_then(|l| l.value(bytes)?.checked_add(l.more)) {
            Some(used) => other(bytes, used),
            None => Next::Broken,
        },
    }
}

/// A frame of `used` bytes without a packet.
fn other(bytes: &[u8], used: usize) -> Next<'_> {
    match used {
        0 => Next::Broken,
        _ if used > FRAME_MAX => Next::Broken,
        _ if used > bytes.len() => Next::More,
        _ => Next::Frame(used, Held::Other),
    }
}

/// The frames that fill `bytes` to the end, if there are at least two and one of them holds a packet.
pub fn run(bytes: &[u8]) -> Option<(Framing, Vec<Held<'_>>)> {
    let Recognised::Yes(framing) = recognise(bytes) else {
        return None;
    };
    let mut held = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        match framing.next(rest) {
            Next::Frame(used, frame) => {
                held.push(frame);
                rest = rest.get(used..)?;
            }
            _ => return None,
        }
    }
    let framed = !matches!(framing, Framing::Plain { .. });
    (held.len() > 1 || framed).then_some((framing, held))
}
