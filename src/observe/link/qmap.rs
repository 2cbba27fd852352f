//! Qualcomm's multiplexing and aggregation protocol (MAP, "QMAP"), between phone and modem.
//!
//! Linux `rmnet.rst` §2: a four-byte header (command bit, next-header bit, padding; multiplexer id;
//! length, big-endian, padding included), then an IP packet or a command; several in one frame.
//! Version 4 adds a checksum trailer of eight bytes (downlink) or a header of four (uplink) that
//! no field announces, version 5 a header of four that the next-header bit announces; the length
//! counts none of them.
//!
//! There is no link type for it: it comes as raw IP, as Ethernet, or in cooked captures under
//! ETH_P_MAP. The multiplexer id tells packet data networks apart (internet, IMS), nothing more.

use super::field::be16;
use super::plausible::likely;
use super::{Bundle, Content, Unwrapped};
use crate::ground::cause::LinkCause;

/// ETH_P_MAP, the protocol number of Linux.
pub(super) const ETHER_TYPE: u16 = 0x00f9;

const HEADER: usize = 4;
/// Checksum header of version 4 uplink and of version 5.
const CHECKSUM_HEADER: usize = 4;
/// Checksum trailer of version 4 downlink.
const CHECKSUM_TRAILER: usize = 8;

/// Bits of the first byte.
const COMMAND: u8 = 0x80;
const NEXT_HEADER: u8 = 0x40;
const PADDING: u8 = 0x3f;

/// One MAP packet of a frame.
struct Packet<'a> {
    mux: u8,
    content: Content<'a>,
    /// Where it ends by its own length; behind the bytes if the frame was cut.
    end: usize,
}

/// The MAP packet at an offset, or the reason why there is none.
fn packet(bytes: &[u8], at: usize) -> Result<Packet<'_>, LinkCause> {
    let rest = bytes.get(at..).unwrap_or_default();
    let ([flags, mux, high, low], behind) = rest
        .split_first_chunk::<HEADER>()
        .ok_or(LinkCause::QmapCut)?;
    let length = usize::from(u16::from_be_bytes([*high, *low]));
    let body = length
        .checked_sub((flags & PADDING).into())
        .filter(|body| *body > 0)
        .ok_or(LinkCause::QmapHeader)?;
    let start = at.saturating_add(HEADER);
    if flags & COMMAND != 0 {
        return Ok(Packet {
            mux: *mux,
            content: Content::NotIp("QMAP command"),
            end: start.saturating_add(length),
        });
    }
    // Which version it is, is agreed between phone and modem and not said here.
    let skipped = if flags & NEXT_HEADER != 0
        || (!begins(behind, body)
            && begins(behind.get(CHECKSUM_HEADER..).unwrap_or_default(), body))
    {
        CHECKSUM_HEADER
    } else {
        0
    };
    let inner = behind.get(skipped..).unwrap_or_default();
    Ok(Packet {
        mux: *mux,
        content: Content::Ip(inner.get(..body).unwrap_or(inner)),
        end: start.saturating_add(skipped).saturating_add(length),
    })
}

/// True for an IP packet that is exactly as long as MAP says.
fn begins(bytes: &[u8], body: usize) -> bool {
    let stated = match bytes.first().map(|b| b >> 4) {
        Some(4) => be16(bytes, 2).map(usize::from),
        Some(6) => be16(bytes, 4).map(|payload| usize::from(payload).saturating_add(40)),
        _ => None,
    };
    stated == Some(body)
}

/// Where the packet behind one that ends at `end` begins: there, or behind a checksum trailer.
fn next(bytes: &[u8], end: usize) -> usize {
    let follows = |at: usize| {
        at == bytes.len()
            || packet(bytes, at).is_ok_and(|p| match p.content {
                Content::Ip(inner) => begins(inner, inner.len()) || p.end > bytes.len(),
                _ => true,
            })
    };
    let trailed = end.saturating_add(CHECKSUM_TRAILER);
    if end < bytes.len() && !follows(end) && follows(trailed) {
        trailed
    } else {
        end
    }
}

/// Reads a frame of MAP packets.
pub(super) fn unwrap(bytes: &[u8]) -> Unwrapped<'_> {
    match step(bytes, 0) {
        Some((only, end)) if end >= bytes.len() => only,
        Some(_) => Unwrapped::bare(Content::Bundle(Bundle::new(bytes, 0, step))),
        None => Unwrapped::bare(Content::NotIp("an empty QMAP frame")),
    }
}

/// The MAP packet at an offset, and where the next one begins.
fn step(bytes: &[u8], at: usize) -> Option<(Unwrapped<'_>, usize)> {
    // Modems send empty frames and fill up with zeroes.
    if bytes.get(at..)?.iter().all(|byte| *byte == 0) {
        return None;
    }
    Some(match packet(bytes, at) {
        Ok(packet) => (
            Unwrapped {
                port: Some(packet.mux.into()),
                ..Unwrapped::bare(packet.content)
            },
            next(bytes, packet.end),
        ),
        // Where the next one begins is lost with it.
        Err(cause) => (Unwrapped::unreadable(cause), bytes.len()),
    })
}

/// True if the bytes cannot be anything but MAP: the first packet is an IP packet beyond doubt and
/// exactly as long as its MAP header says, or a flow-control command that fills the frame.
pub(super) fn proved(bytes: &[u8], wire: usize) -> bool {
    let Ok(first) = packet(bytes, 0) else {
        return false;
    };
    match first.content {
        Content::Ip(inner) => {
            let body = body_len(bytes);
            first.end <= wire && begins(inner, body) && likely(inner, body)
        }
        Content::NotIp(_) => first.end == wire && is_command(bytes),
        _ => false,
    }
}

/// Length of the first packet without padding.
fn body_len(bytes: &[u8]) -> usize {
    let padding = bytes.first().map_or(0, |flags| flags & PADDING);
    usize::from(be16(bytes, 2).unwrap_or(0)).saturating_sub(padding.into())
}

/// A command to stop or start a flow (rmnet.rst §2e): name 1 or 2, type 0 to 3, nothing reserved set.
fn is_command(bytes: &[u8]) -> bool {
    matches!(
        bytes,
        [COMMAND, _, _, _, 1 | 2, 0..=3, 0, 0, _, _, _, _, ..]
    )
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    /// MAP version 1: a packet, padded to four bytes, on multiplexer id `mux`.
    fn map(mux: u8, packet: &[u8]) -> Vec<u8> {
        let padding = packet.len().next_multiple_of(4) - packet.len();
        let length = u16::try_from(packet.len() + padding).unwrap().to_be_bytes();
        let flags = u8::try_from(padding).unwrap();
        [&[flags, mux][..], &length, packet, &[0; 4][..padding]].concat()
    }

    fn all<'a>(frame: &'a [u8]) -> Vec<(Content<'a>, Option<u32>)> {
        match unwrap(frame).content {
            Content::Bundle(bundle) => bundle.map(|u| (u.content, u.port)).collect(),
            content => vec![(content, unwrap(frame).port)],
        }
    }

    #[test]
    fn one_packet_or_several() {
        let a = sample::ipv4(b"one");
        let b = sample::ipv6(b"another");
        let one = map(1, &a);
        assert!(proved(&one, one.len()));
        assert_eq!(all(&one), [(Content::Ip(&a), Some(1))]);

        let command = [0x80, 2, 0, 12, 1, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0];
        assert!(proved(&command, command.len()));
        let frame = [&map(1, &a)[..], &command, &map(2, &b), &[0; 12]].concat();
        assert!(proved(&frame, frame.len()));
        assert_eq!(
            all(&frame),
            [
                (Content::Ip(&a), Some(1)),
                (Content::NotIp("QMAP command"), Some(2)),
                (Content::Ip(&b), Some(2)),
            ]
        );
    }

    #[test]
    fn checksum_headers_and_trailers_are_no_payload() {
        let a = sample::ipv4(b"one more");
        let b = sample::ipv6(b"another");
        // Version 4 downlink: eight bytes behind each packet.
        let trailer = [0, 1, 0, 0, 0, 20, 0xab, 0xcd];
        let frame = [&map(1, &a)[..], &trailer, &map(1, &b), &trailer].concat();
        assert_eq!(
            all(&frame),
            [(Content::Ip(&a), Some(1)), (Content::Ip(&b), Some(1))]
        );
        // Version 4 uplink says nothing of its header, version 5 sets a bit.
        for flag in [0, NEXT_HEADER] {
            let mut frame = map(3, &a);
            frame[0] |= flag;
            frame.splice(4..4, [4, 0x80, 0, 0]);
            assert!(proved(&frame, frame.len()));
            assert_eq!(all(&frame), [(Content::Ip(&a), Some(3))]);
        }
    }

    #[test]
    fn damage_is_unreadable_once_and_cutting_keeps_the_packet() {
        let a = sample::ipv4(b"one");
        let junk = [&map(1, &a)[..], &[0, 0, 0, 0, 9]].concat();
        let read = all(&junk);
        assert_eq!(read.len(), 2);
        assert!(matches!(read[1].0, Content::Unreadable(..)));
        for frame in [&[0x3f, 0, 0, 1, 0x45][..], &[1, 2], &[0, 1, 0, 0, 0]] {
            assert!(matches!(unwrap(frame).content, Content::Unreadable(..)));
            assert!(!proved(frame, frame.len()));
        }
        assert!(matches!(unwrap(&[0; 20]).content, Content::NotIp(_)));
        assert!(!proved(&[0; 20], 20));
        let cut = &map(1, &a)[..24];
        assert_eq!(all(cut), [(Content::Ip(&a[..20]), Some(1))]);
        assert!(proved(cut, map(1, &a).len()));
        assert!(!proved(cut, cut.len()));
    }
}
