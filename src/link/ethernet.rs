//! Ethernet (IEEE 802.3), VLAN tags (802.1Q, 802.1ad), LLC and SNAP (IEEE 802.2, RFC 1042).
//!
//! Our own walk: etherparse stops after three tags and says nothing of 802.3 frames, and a frame
//! that is not understood must be counted, not dropped.

use super::{Content, LinkType, Mac, Unwrapped};
use crate::capture::Frame;
use crate::coverage::GapId;

pub(super) const ETHERNET: LinkType = LinkType {
    ids: &[1],
    name: "ethernet",
    read,
};

/// Tags in a row that are followed; real networks use two, nesting beyond this hides something.
const TAGS_MAX: usize = 8;

/// Length field below this, ether type from it on (IEEE 802.3 §3.2.6).
const ETHER_TYPE_MIN: u16 = 0x0600;

fn read<'a>(frame: &Frame<'a>) -> Unwrapped<'a> {
    self::frame(frame.data)
}

/// The content of an Ethernet frame that begins with `data`, without its frame check sequence.
pub(super) fn frame(data: &[u8]) -> Unwrapped<'_> {
    let content = match (
        data.get(12..14).and_then(|b| b.first_chunk::<2>()),
        data.get(14..),
    ) {
        (Some(kind), Some(rest)) => ether_payload(u16::from_be_bytes(*kind), rest, TAGS_MAX),
        _ => Content::Unreadable(GapId::UnreadablePackets, "shorter than an Ethernet header"),
    };
    Unwrapped {
        content,
        target: Mac::read(data),
        source: data.get(6..).and_then(Mac::read),
        ..Unwrapped::bare(content)
    }
}

/// The content named by an ether type (or by a length, then LLC says).
pub fn ether_payload(kind: u16, rest: &[u8], tags_left: usize) -> Content<'_> {
    match kind {
        0x0800 | 0x86dd => Content::Ip(rest),
        0x0806 => Content::Arp(rest),
        // 802.1Q, 802.1ad, and the older QinQ values.
        0x8100 | 0x88a8 | 0x9100 | 0x9200 => {
            if tags_left == 0 {
                return Content::Unreadable(
                    GapId::UnreadablePackets,
                    "more VLAN tags than are followed",
                );
            }
            match (
                rest.get(2..4).and_then(|b| b.first_chunk::<2>()),
                rest.get(4..),
            ) {
                (Some(inner), Some(rest)) => {
                    ether_payload(u16::from_be_bytes(*inner), rest, tags_left - 1)
                }
                _ => Content::Unreadable(GapId::UnreadablePackets, "cut inside a VLAN tag"),
            }
        }
        0..ETHER_TYPE_MIN => llc(rest, tags_left),
        0x8863 => Content::NotIp("PPPoE discovery"),
        0x8864 => super::ppp::pppoe(rest),
        0x8847 | 0x8848 => super::mpls::labels(rest, tags_left),
        0x88e5 => Content::Unreadable(GapId::UnreadablePackets, "MACsec"),
        0x8035 => Content::NotIp("RARP"),
        0x0842 => Content::NotIp("wake-on-LAN"),
        0x22f0 => Content::NotIp("AVTP"),
        0x6002..=0x6004 => Content::NotIp("DECnet"),
        0x809b | 0x80f3 => Content::NotIp("AppleTalk"),
        0x8137 => Content::NotIp("IPX"),
        0x8808 => Content::NotIp("Ethernet flow control"),
        0x8809 => Content::NotIp("slow protocols (LACP)"),
        0x886d | 0x886e => Content::NotIp("network teaming probe"),
        0x888e => Content::NotIp("EAPOL"),
        0x8899 => Content::NotIp("Realtek loop detection"),
        0x88a2 => Content::NotIp("ATA over Ethernet"),
        0x88a4 => Content::NotIp("EtherCAT"),
        0x88b5 | 0x88b6 => Content::NotIp("local experimental ether type"),
        0x88b8..=0x88ba => Content::NotIp("IEC 61850"),
        0x88c7 => Content::NotIp("802.11 pre-authentication"),
        0x88cc => Content::NotIp("LLDP"),
        0x88e1 | 0x887b | 0x8912 => Content::NotIp("HomePlug"),
        0x88e3 | 0x8892 => Content::NotIp("PROFINET / MRP"),
        0x88f7 => Content::NotIp("PTP"),
        0x8902 => Content::NotIp("connectivity fault management"),
        0x890d => Content::NotIp("TDLS"),
        0x893a => Content::NotIp("IEEE 1905.1"),
        0x9000 => Content::NotIp("Ethernet loopback test"),
        _ => Content::Unreadable(GapId::UnreadablePackets, "unknown ether type"),
    }
}

/// LLC (IEEE 802.2 §3): SNAP carries an ether type again; the rest is no IP, but for DSAP 06.
fn llc(rest: &[u8], tags_left: usize) -> Content<'_> {
    match rest {
        [0xaa, 0xaa, 0x03, oui @ ..] => match (oui.first_chunk::<5>(), oui.get(5..)) {
            // RFC 1042 and 802.1H encapsulation.
            (Some([0, 0, 0 | 0xf8, high, low]), Some(inner)) => {
                ether_payload(u16::from_be_bytes([*high, *low]), inner, tags_left)
            }
            (Some(_), _) => Content::NotIp("SNAP with a vendor's protocol"),
            (None, _) => Content::Unreadable(GapId::UnreadablePackets, "cut inside a SNAP header"),
        },
        [0x06, 0x06, 0x03, packet @ ..] => Content::Ip(packet),
        [0xff, 0xff, ..] => Content::NotIp("IPX (raw 802.3)"),
        [0xe0, 0xe0, ..] => Content::NotIp("IPX"),
        [0x42, 0x42, ..] => Content::NotIp("spanning tree"),
        [0xfe, 0xfe, ..] => Content::NotIp("OSI routing"),
        [0xf0, 0xf0 | 0xf1, ..] => Content::NotIp("NetBIOS"),
        [_, _, _, ..] => Content::NotIp("LLC"),
        _ => Content::Unreadable(GapId::UnreadablePackets, "cut inside an LLC header"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_and_snap_lead_to_the_packet_and_strangers_are_unreadable() {
        let ip = [0x45u8, 0];
        let qinq = [&[0, 5, 0x81, 0, 0, 6, 0x08, 0][..], &ip].concat();
        assert_eq!(ether_payload(0x88a8, &qinq, TAGS_MAX), Content::Ip(&ip));
        let snap = [&[0xaa, 0xaa, 3, 0, 0, 0, 0x86, 0xdd][..], &ip].concat();
        assert_eq!(ether_payload(10, &snap, TAGS_MAX), Content::Ip(&ip));
        assert!(matches!(
            ether_payload(0x1234, &ip, TAGS_MAX),
            Content::Unreadable(..)
        ));
        assert!(matches!(
            ether_payload(0x8100, &[0, 5, 8], TAGS_MAX),
            Content::Unreadable(..)
        ));
        let endless = [0, 5, 0x81, 0].repeat(20);
        assert!(matches!(
            ether_payload(0x8100, &endless, TAGS_MAX),
            Content::Unreadable(..)
        ));
    }
}
