//! Linux "cooked" captures, version 1 (LINKTYPE 113) and 2 (276): what `tcpdump -i any` writes.
//!
//! Both state the packet type (sent, received) and the sender's link address, never the receiver's.

use super::ethernet::ether_payload;
use super::{Content, LinkType, Mac, Unwrapped, wifi};
use crate::capture::{Direction, Frame};
use crate::coverage::GapId;

pub(super) const COOKED: LinkType = LinkType {
    ids: &[113],
    name: "linux-sll",
    read: read_v1,
};

pub(super) const COOKED2: LinkType = LinkType {
    ids: &[276],
    name: "linux-sll2",
    read: read_v2,
};

/// ARPHRD_NETLINK: the protocol field is a netlink family.
const ARPHRD_NETLINK: u16 = 824;
/// ARPHRD_CAN.
const ARPHRD_CAN: u16 = 280;
/// Packet type 4: sent by the capturing machine. 3 is somebody else's packet.
const OUTGOING: u16 = 4;
const OTHER_HOST: u16 = 3;
/// VLAN tags that may follow a cooked header.
const TAGS_MAX: usize = 8;

fn half(data: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(*data.get(at..)?.first_chunk()?))
}

fn read_v1<'a>(frame: &Frame<'a>) -> Unwrapped<'a> {
    let data = frame.data;
    let fields = (|| {
        Some((
            half(data, 0)?,
            half(data, 2)?,
            half(data, 4)?,
            half(data, 14)?,
        ))
    })();
    match (fields, data.get(6..14), data.get(16..)) {
        (Some((kind, hardware, len, protocol)), Some(address), Some(rest)) => {
            let rest = behind(frame, rest);
            cooked(kind, hardware, len, address, protocol, &rest)
        }
        _ => short(),
    }
}

fn read_v2<'a>(frame: &Frame<'a>) -> Unwrapped<'a> {
    let data = frame.data;
    let fields = (|| {
        Some((
            half(data, 0)?,
            half(data, 8)?,
            *data.get(10)?,
            *data.get(11)?,
        ))
    })();
    match (fields, data.get(12..20), data.get(20..)) {
        (Some((protocol, hardware, kind, len)), Some(address), Some(rest)) => Unwrapped {
            port: data
                .get(4..)
                .and_then(|b| b.first_chunk().copied())
                .map(u32::from_be_bytes),
            ..cooked(
                kind.into(),
                hardware,
                len.into(),
                address,
                protocol,
                &behind(frame, rest),
            )
        },
        _ => short(),
    }
}

/// The frame without the cooked header before `rest`.
fn behind<'a>(frame: &Frame<'a>, rest: &'a [u8]) -> Frame<'a> {
    let header = frame.data.len().saturating_sub(rest.len());
    Frame {
        data: rest,
        original_len: frame
            .original_len
            .saturating_sub(u32::try_from(header).unwrap_or(u32::MAX)),
        ..*frame
    }
}

fn short<'a>() -> Unwrapped<'a> {
    Unwrapped::bare(Content::Unreadable(
        GapId::UnreadablePackets,
        "shorter than a cooked header",
    ))
}

fn cooked<'a>(
    kind: u16,
    hardware: u16,
    len: u16,
    address: &[u8],
    protocol: u16,
    rest: &Frame<'a>,
) -> Unwrapped<'a> {
    let direction = match kind {
        OUTGOING => Some(Direction::Out),
        OTHER_HOST => None,
        _ => Some(Direction::In),
    };
    // Monitor mode: a link header of its own follows, and the protocol field says nothing.
    if let Some(inner) = wifi::in_cooked(hardware, rest) {
        return Unwrapped { direction, ..inner };
    }
    let content = match (hardware, protocol) {
        (ARPHRD_NETLINK, _) => Content::NotIp("netlink"),
        (ARPHRD_CAN, _) => Content::NotIp("CAN"),
        // 1: Novell 802.3 frames; 4: 802.2 LLC follows (cooked-v1 page of the link types).
        (_, 1) => Content::NotIp("IPX (raw 802.3)"),
        (_, 0x000c..=0x000d) => Content::NotIp("CAN"),
        (_, protocol) => ether_payload(protocol, rest.data, TAGS_MAX),
    };
    Unwrapped {
        content,
        source: (len == 6).then(|| Mac::read(address)).flatten(),
        target: None,
        direction,
        ..Unwrapped::bare(content)
    }
}
