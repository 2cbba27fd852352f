//! BSD loopback (LINKTYPE 0, address family in the byte order of the capturing machine) and
//! OpenBSD loopback (108, always big-endian).

use super::{Content, LinkType, Unwrapped};
use crate::ground::cause::LinkCause;
use crate::observe::capture::Frame;

pub(super) const NULL: LinkType = LinkType {
    ids: &[0],
    name: "null",
    read,
};

pub(super) const LOOP: LinkType = LinkType {
    ids: &[108],
    name: "loop",
    read,
};

/// Families are small numbers: only one byte order gives one.
fn family(header: [u8; 4]) -> u32 {
    u32::from_be_bytes(header).min(u32::from_le_bytes(header))
}

/// True for AF_INET, and for AF_INET6 of NetBSD/OpenBSD, FreeBSD, Darwin, Linux and Windows.
pub(super) fn names_ip(header: [u8; 4]) -> bool {
    matches!(family(header), 2 | 24 | 28 | 30 | 10 | 23)
}

fn read<'a>(frame: &Frame<'a>) -> Unwrapped<'a> {
    let Some((header, packet)) = frame.data.split_first_chunk::<4>() else {
        return Unwrapped::unreadable(LinkCause::LoopbackShort);
    };
    Unwrapped::bare(match family(*header) {
        _ if names_ip(*header) => Content::Ip(packet),
        // AF_OSI, AF_APPLETALK, AF_IPX: libpcap lists them beside the above.
        7 | 16 => Content::NotIp("OSI or AppleTalk on loopback"),
        // Some writers leave an ether type in the last two bytes (Cisco HDLC among them).
        _ => match header {
            [_, _, 0x08, 0x00] | [_, _, 0x86, 0xdd] => Content::Ip(packet),
            _ => Content::unreadable(LinkCause::LoopbackFamily),
        },
    })
}
