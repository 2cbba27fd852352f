//! Overlays of data centres and clouds: VXLAN (RFC 7348 §5), its generic extension
//! (draft-ietf-nvo3-vxlan-gpe-12 §3, with the service header of RFC 8300) and GENEVE (RFC 8926 §3.4).

use super::{Inner, Message, Proof, Tunnel, be16};

/// The assigned port, and the one that Linux used before there was one.
const VXLAN_PORTS: [u16; 2] = [4789, 8472];
const VXLAN_GPE_PORT: u16 = 4790;
const GENEVE_PORT: u16 = 6081;

/// The flag that says that the network's number is valid.
const VALID: u8 = 0x08;

pub(super) fn vxlan<'a>(message: &Message<'a>) -> Option<Tunnel<'a>> {
    let (head, frame) = message.payload.split_first_chunk::<8>()?;
    let proof = match head {
        [VALID, 0, 0, 0, _, _, _, 0] => message.proof(&VXLAN_PORTS),
        // Reserved bits are to be ignored, and extensions use them (group policy, checksum offload).
        [flags, .., 0] if flags & VALID != 0 && VXLAN_PORTS.iter().any(|p| message.on(*p)) => {
            Proof::Inside
        }
        _ => return None,
    };
    Some(Tunnel::new("vxlan", proof, Inner::Ethernet(frame)))
}

pub(super) fn vxlan_gpe<'a>(message: &Message<'a>) -> Option<Tunnel<'a>> {
    /// The header names the protocol behind it; operation and maintenance.
    const NEXT_PROTOCOL: u8 = 0x04;
    const MAINTENANCE: u8 = 0x01;
    /// Version and reserved bits.
    const ZERO: u8 = 0xf0;
    if !message.on(VXLAN_GPE_PORT) {
        return None;
    }
    let ([flags, 0, 0, next, _, _, _, 0], rest) = message.payload.split_first_chunk::<8>()? else {
        return None;
    };
    if flags & ZERO != 0 || flags & (VALID | NEXT_PROTOCOL) == 0 {
        return None;
    }
    let inner = if flags & MAINTENANCE != 0 {
        Inner::Nothing
    } else if flags & NEXT_PROTOCOL == 0 {
        Inner::Ethernet(rest)
    } else {
        next_protocol(*next, rest, true)
    };
    Some(Tunnel::new("vxlan-gpe", Proof::Header, inner))
}

/// Next protocol of VXLAN-GPE and of the service header, which number alike.
fn next_protocol(next: u8, rest: &[u8], service: bool) -> Inner<'_> {
    match next {
        1 | 2 => Inner::Packet(rest),
        3 => Inner::Ethernet(rest),
        4 if service => match rest {
            // Version, flags, time to live; the length in words in the low six bits (RFC 8300 §2.2).
            [_, low, _, next, ..] => {
                let length = usize::from(low & 0x3f) * 4;
                match rest.get(length..) {
                    Some(behind) if length >= 8 => next_protocol(*next, behind, false),
                    _ => Inner::Closed,
                }
            }
            _ => Inner::Closed,
        },
        5 => Inner::Labels(rest),
        _ => Inner::Closed,
    }
}

pub(super) fn geneve<'a>(message: &Message<'a>) -> Option<Tunnel<'a>> {
    const BRIDGED: u16 = 0x6558;
    /// Ethernet, IPv4, IPv6, MPLS of both kinds, and the service header, which is not read here.
    const TYPES: [u16; 6] = [BRIDGED, 0x0800, 0x86dd, 0x8847, 0x8848, 0x894f];
    const HEADER: usize = 8;
    let [first, flags, _, _, _, _, _, reserved] = message.payload.first_chunk::<8>()?;
    let kind = be16(message.payload, 2)?;
    // Version 0; of the flags only "control" and "critical options" exist. Half of the eight bytes
    // are free: the type must be one that is met.
    if first >> 6 != 0 || flags & 0x3f != 0 || *reserved != 0 || !TYPES.contains(&kind) {
        return None;
    }
    let options = usize::from(first & 0x3f) * 4;
    let inner = match (kind, message.payload.get(HEADER + options..)) {
        (_, None) => Inner::Closed,
        (BRIDGED, Some(rest)) => Inner::Ethernet(rest),
        (0x0800 | 0x86dd, Some(rest)) => Inner::Packet(rest),
        (_, Some(rest)) => Inner::Typed(kind, rest),
    };
    Some(Tunnel::new("geneve", message.proof(&[GENEVE_PORT]), inner))
}
