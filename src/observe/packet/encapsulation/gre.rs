//! GRE (RFC 2784, with key and sequence number of RFC 2890 and the routing of RFC 1701), its
//! version 1 of PPTP (RFC 2637 §4.1), and the copies of frames that it carries as ERSPAN
//! (draft-foschiano-erspan-03: types I and II under 0x88be, type III under 0x22eb).
//!
//! PPTP's key holds the length of the payload and the call; a packet without sequence number only
//! acknowledges.

use super::{Inner, Proof, Tunnel, be16, up_to};

/// Flags (RFC 2784 §2.1, RFC 2890 §2, RFC 1701): the version below, PPTP's acknowledgement between.
const CHECKSUM: u16 = 0x8000;
const ROUTING: u16 = 0x4000;
const KEY: u16 = 0x2000;
const SEQUENCE: u16 = 0x1000;
const ACKNOWLEDGEMENT: u16 = 0x0080;
const VERSION: u16 = 0x0007;

/// Protocol types that are treated by name.
const PPP: u16 = 0x880b;
const BRIDGED: u16 = 0x6558;
const ERSPAN: u16 = 0x88be;
const ERSPAN_3: u16 = 0x22eb;
const WCCP: u16 = 0x883e;
/// Next hop resolution (RFC 2332), Cisco discovery, OSI: no IP packets.
const NO_PACKETS: [u16; 3] = [0x2001, 0x2000, 0x00fe];

/// Source route entries followed (RFC 1701); honest packets have none.
const ROUTES_MAX: usize = 16;

/// What a GRE packet is.
pub(super) fn read(payload: &[u8]) -> Tunnel<'_> {
    let tunnel = |name, inner| Tunnel::new(name, Proof::Number, inner);
    let closed = tunnel("gre", Inner::Closed);
    let (Some(flags), Some(kind), Some(rest)) =
        (be16(payload, 0), be16(payload, 2), payload.get(4..))
    else {
        return closed;
    };
    if flags & VERSION == 1 {
        return tunnel("pptp", point_to_point(flags, kind, rest));
    }
    if flags & VERSION != 0 {
        return closed;
    }
    // Checksum and the offset into the routing share a word: it is there if either is.
    let words = [
        flags & (CHECKSUM | ROUTING) != 0,
        flags & KEY != 0,
        flags & SEQUENCE != 0,
    ];
    let words = words.iter().filter(|there| **there).count();
    let rest = rest
        .get(words * 4..)
        .and_then(|rest| match flags & ROUTING {
            0 => Some(rest),
            _ => behind_routes(rest),
        });
    let Some(rest) = rest else { return closed };
    let numbered = flags & SEQUENCE != 0;
    match kind {
        ERSPAN | ERSPAN_3 => Tunnel {
            copies: true,
            ..tunnel("erspan", erspan(kind, numbered, rest))
        },
        // A keep-alive has no protocol and nothing behind it.
        _ if rest.is_empty() && kind == 0 => tunnel("gre", Inner::Nothing),
        _ if rest.is_empty() => closed,
        _ if NO_PACKETS.contains(&kind) => tunnel("gre", Inner::Nothing),
        BRIDGED => tunnel("gre", Inner::Ethernet(rest)),
        PPP => tunnel("gre", Inner::Ppp(rest)),
        // Four bytes of redirection stand before the packet in version 2 (draft-wilson-wrec-wccp-v2).
        WCCP => match rest {
            [0x40..=0x4f, ..] => tunnel("gre", Inner::Packet(rest)),
            [_, _, _, _, packet @ ..] => tunnel("gre", Inner::Packet(packet)),
            _ => closed,
        },
        0..0x0600 => closed,
        _ => tunnel("gre", Inner::Typed(kind, rest)),
    }
}

/// Source route entries: family, offset, length, and an entry of zeroes at the end (RFC 1701).
fn behind_routes(mut rest: &[u8]) -> Option<&[u8]> {
    for _ in 0..ROUTES_MAX {
        let ([_, _, _, length], behind) = rest.split_first_chunk::<4>()?;
        if rest.starts_with(&[0; 4]) {
            return Some(behind);
        }
        rest = behind.get(usize::from(*length)..)?;
    }
    None
}

/// PPTP: the key is always there, payload only with a sequence number.
fn point_to_point(flags: u16, kind: u16, rest: &[u8]) -> Inner<'_> {
    if kind != PPP || flags & KEY == 0 {
        return Inner::Closed;
    }
    if flags & SEQUENCE == 0 {
        return Inner::Nothing;
    }
    let words = 2 + usize::from(flags & ACKNOWLEDGEMENT != 0);
    match (be16(rest, 0), rest.get(words * 4..)) {
        (Some(0), _) => Inner::Nothing,
        (Some(length), Some(ppp)) if !ppp.is_empty() => Inner::Ppp(up_to(ppp, length.into())),
        _ => Inner::Closed,
    }
}

fn erspan(kind: u16, numbered: bool, rest: &[u8]) -> Inner<'_> {
    /// Header of type II, and of type III without the platform's part.
    const TYPE_2: usize = 8;
    const TYPE_3: usize = 12;
    const PLATFORM: usize = 8;
    let frame = |at: usize| match rest.get(at..) {
        Some(frame) if !frame.is_empty() => Inner::Ethernet(frame),
        _ => Inner::Closed,
    };
    match (kind, rest.get(10), rest.get(11)) {
        // Type I has neither sequence number nor header.
        (ERSPAN, ..) if !numbered => frame(0),
        (ERSPAN, ..) => frame(TYPE_2),
        (_, Some(kind), Some(last)) => {
            let at = TYPE_3 + if last & 1 != 0 { PLATFORM } else { 0 };
            // The kind of frame: Ethernet, or IP without its link header.
            match (kind >> 2 & 0x1f, rest.get(at..)) {
                (0, _) => frame(at),
                (2, Some(packet)) => Inner::Packet(packet),
                _ => Inner::Closed,
            }
        }
        _ => Inner::Closed,
    }
}
