//! Linux "cooked" captures, version 1 (LINKTYPE 113) and 2 (276): what `tcpdump -i any` writes.
//!
//! Both state the packet type (sent, received) and the sender's link address, never the receiver's.

use super::ethernet::{ETHER_TYPE_MIN, TAGS_MAX};
use super::field::be16;
use super::plausible::{likely, possible};
use super::{Content, LinkType, Unwrapped, ether_payload, frame_relay, llc_snap, qmap, wifi};
use crate::ground::cause::{LinkCause, Oddity};
use crate::ground::mac::Mac;
use crate::observe::capture::{Direction, Frame};

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
/// The ether type of VLAN tags, and the numbers of Linux for frames with a switch's tag
/// (linux/if_ether.h, ETH_P_DSA and ETH_P_XDSA).
const VLAN: u16 = 0x8100;
const DSA: u16 = 0x001b;
const DSA_ANY: u16 = 0x00f8;
/// Packet type 4: sent by the capturing machine. 3 is somebody else's packet.
const OUTGOING: u16 = 4;
const OTHER_HOST: u16 = 3;
/// ARPHRD_FRAD: a frame relay frame, whatever the protocol field says.
const ARPHRD_FRAD: u16 = 770;

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
    Unwrapped::unreadable(LinkCause::CookedShort)
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
        (ARPHRD_FRAD, _) => frame_relay::frame(rest.data),
        // Below the ether types stand protocol numbers of Linux (linux/if_ether.h): 1 is Novell's
        // raw 802.3, 4 that 802.2 LLC follows.
        (_, 0x0001) => Content::NotIp("IPX (raw 802.3)"),
        (_, 0x0004) => llc_snap::read(rest.data, TAGS_MAX).content,
        (_, 0x000c..=0x000e) => Content::NotIp("CAN"),
        (_, qmap::ETHER_TYPE) => {
            // Between phone and modem there are no link addresses.
            return Unwrapped {
                direction,
                ..qmap::unwrap(rest.data)
            };
        }
        (_, 0x0000..=0x05ff) => Content::unreadable(LinkCause::CookedProtocol),
        (_, protocol) => ether_payload(protocol, rest.data, TAGS_MAX),
    };
    let misplaced = misplaced(hardware, protocol, content, rest);
    let at_end = be16(rest.data, 0) == Some(VLAN);
    let oddity = misplaced.is_some().then_some(Oddity::MisplacedTag);
    let content = misplaced.unwrap_or(content);
    Unwrapped {
        content,
        // A tag inside the header stands in the address.
        source: (len == 6 && (oddity.is_none() || at_end))
            .then(|| Mac::read(address))
            .flatten(),
        target: None,
        direction,
        oddity,
        ..Unwrapped::bare(content)
    }
}

/// Where the packet begins behind a VLAN tag that the recorder put inside the cooked header or
/// behind its end, and behind two of them.
const BEHIND_VLAN: [usize; 2] = [4, 8];
/// Where it begins behind the tag of a switch, of which the first two bytes stood where the ether
/// type should: none left, four bytes, eight.
const BEHIND_SWITCH: [usize; 4] = [0, 2, 4, 6];

/// A packet beyond doubt that stands elsewhere than the protocol field says, on hardware with
/// Ethernet's addresses (or none): a VLAN tag at the wrong place, or that of a switch.
fn misplaced<'a>(
    hardware: u16,
    protocol: u16,
    content: Content<'a>,
    rest: &Frame<'a>,
) -> Option<Content<'a>> {
    let data = rest.data;
    let wire = data.len().saturating_add(rest.cut());
    let doubtful = match content {
        Content::Ip(packet) => !possible(packet, wire) && !packet.is_empty(),
        Content::Unreadable(..) => true,
        // An address in the place of a length.
        Content::NotIp(_) => protocol < ETHER_TYPE_MIN || protocol == VLAN,
        _ => false,
    };
    if !doubtful || matches!(hardware, ARPHRD_NETLINK | ARPHRD_CAN | ARPHRD_FRAD) {
        return None;
    }
    let packet = |at: usize| {
        data.get(at..)
            .filter(|p| likely(p, wire.saturating_sub(at)))
    };
    let is_tag = |at| matches!(be16(data, at), Some(VLAN | 0x88a8));
    let found = match protocol {
        DSA | DSA_ANY => BEHIND_SWITCH.into_iter().find_map(packet),
        // The tag lost what stands in it, or the type behind it.
        VLAN => [0, 2].into_iter().chain(BEHIND_VLAN).find_map(packet),
        _ => BEHIND_VLAN
            .into_iter()
            .filter(|at| *at == 4 || is_tag(0) || is_tag(4))
            .find_map(packet),
    };
    found.map(Content::Ip)
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    fn v1(hardware: u16, protocol: u16, rest: &[u8]) -> Vec<u8> {
        let address = [2, 0, 0, 0xaa, 0xbb, 0x77, 0, 0];
        [
            &[0, 4][..],
            &hardware.to_be_bytes(),
            &[0, 6],
            &address,
            &protocol.to_be_bytes(),
            rest,
        ]
        .concat()
    }

    #[test]
    fn numbers_below_the_ether_types_are_linux_and_never_lengths() {
        let packet = sample::ipv4(b"up the modem");
        let len = u8::try_from(packet.len()).unwrap();
        let map = [&[0, 1, 0, len][..], &packet].concat();
        let frame = v1(519, qmap::ETHER_TYPE, &map);
        let read = read_v1(&sample::frame(&frame));
        assert_eq!(read.content, Content::Ip(&packet));
        assert_eq!(read.direction, Some(Direction::Out));

        let snap = [&[0xaa, 0xaa, 3, 0, 0, 0, 0x08, 0x00][..], &packet].concat();
        for (protocol, rest, ip) in [(4, &snap, true), (5, &snap, false), (0xf7, &packet, false)] {
            let frame = v1(1, protocol, rest);
            let content = read_v1(&sample::frame(&frame)).content;
            assert_eq!(content == Content::Ip(&packet), ip, "{protocol}");
            assert_eq!(matches!(content, Content::Unreadable(..)), !ip);
        }
        // A tag at the wrong place, and frames of a switch.
        let odd = Some(Oddity::MisplacedTag);
        let tag = [0x81, 0x00, 0, 0x18];
        for (protocol, before, source) in [
            (0x0800, &tag[..], true),
            (0x0800, &[1, 2, 3, 4], false),
            (0x0018, &[1, 2, 3, 4], false),
            (0x0800, &[0x81, 0, 0, 5, 0x81, 0, 0, 6], true),
            (0x8100, &[], false),
            (0x8100, &[0, 5], false),
            (DSA, &[0, 1, 8, 0], false),
            (DSA_ANY, &[0, 0, 0x40, 0x18, 0, 1], false),
            (DSA_ANY, &[], false),
        ] {
            let frame = v1(1, protocol, &[before, &packet].concat());
            let read = read_v1(&sample::frame(&frame));
            assert_eq!(read.content, Content::Ip(&packet), "{protocol:x}");
            assert_eq!(
                (read.oddity, read.source.is_some()),
                (odd, source),
                "{protocol:x}"
            );
        }
        let in_place = [&[0, 5, 8, 0][..], &packet].concat();
        let frame = v1(1, VLAN, &in_place);
        let read = read_v1(&sample::frame(&frame));
        assert_eq!((read.content, read.oddity), (Content::Ip(&packet), None));

        let relay = [&[0x18, 0x41, 3, 0xcc][..], &packet].concat();
        let frame = v1(ARPHRD_FRAD, 0, &relay);
        let content = read_v1(&sample::frame(&frame)).content;
        assert_eq!(content, Content::Ip(&packet));
    }
}
