//! Frames and packets for the tests of the readers.

use crate::ground::moment::{FrameRef, Moment, Timestamp};
use crate::observe::capture::Frame;

/// A frame that was captured whole.
pub(super) fn frame(data: &[u8]) -> Frame<'_> {
    cut(data, data.len())
}

/// The first bytes of a frame that had `wire` of them.
pub(super) fn cut(data: &[u8], wire: usize) -> Frame<'_> {
    Frame {
        moment: Moment {
            at: FrameRef::default(),
            time: Timestamp::UNKNOWN,
        },
        interface: 0,
        direction: None,
        checksum_pending: false,
        label: None,
        original_len: u32::try_from(wire).unwrap(),
        data,
    }
}

/// An IPv4 packet with UDP from 192.168.43.77 to 203.0.113.11, its header checksum right.
pub(super) fn ipv4(payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![
        0x45, 0, 0, 0, 0x12, 0x34, 0x40, 0, 64, 17, 0, 0, 192, 168, 43, 77, 203, 0, 113, 11,
    ];
    packet.extend(udp(payload));
    let total = u16::try_from(packet.len()).unwrap();
    packet[2..4].copy_from_slice(&total.to_be_bytes());
    checksum(&mut packet);
    packet
}

/// An IPv6 packet with UDP from fd00::1 to 2001:db8::2.
pub(super) fn ipv6(payload: &[u8]) -> Vec<u8> {
    let datagram = udp(payload);
    let mut packet = vec![0x60, 0, 0, 0, 0, 0, 17, 64];
    packet[5] = u8::try_from(datagram.len()).unwrap();
    packet.extend([&[0xfd][..], &[0; 14], &[1]].concat());
    packet.extend([&[0x20, 0x01, 0x0d, 0xb8][..], &[0; 11], &[2]].concat());
    packet.extend(datagram);
    packet
}

fn udp(payload: &[u8]) -> Vec<u8> {
    let len = u8::try_from(payload.len() + 8).unwrap();
    [&[0xb4, 0x25, 0x01, 0xbb, 0, len, 0, 0][..], payload].concat()
}

/// Puts the checksum of a 20-byte IPv4 header right.
pub(super) fn checksum(packet: &mut [u8]) {
    packet[10..12].fill(0);
    let sum = packet[..20]
        .chunks(2)
        .map(|pair| u32::from(pair[0]) << 8 | u32::from(pair[1]))
        .sum::<u32>();
    let folded = (sum & 0xffff) + (sum >> 16);
    let right = !u16::try_from((folded & 0xffff) + (folded >> 16)).unwrap();
    packet[10..12].copy_from_slice(&right.to_be_bytes());
}

/// An Ethernet frame around a packet.
pub(super) fn ethernet(kind: u16, packet: &[u8]) -> Vec<u8> {
    let addresses = [2, 0, 0, 0xaa, 0xbb, 1, 2, 0, 0, 0xaa, 0xbb, 0x77];
    [&addresses[..], &kind.to_be_bytes(), packet].concat()
}
