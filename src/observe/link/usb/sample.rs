//! Transfers and records for the tests of these readers.

use super::Transfer;
use crate::ground::moment::Moment;
use crate::observe::capture::Frame;
use crate::observe::link::{Content, Unwrapped};

/// A UDP packet from 192.168.42.129, its header checksum right, of this length.
pub(super) fn ipv4(len: usize) -> Vec<u8> {
    let mut packet = vec![0x45, 0, 0, 0, 0, 1, 0, 0, 64, 17, 0, 0];
    packet.extend([192, 168, 42, 129, 1, 1, 1, 1]);
    packet.resize(len, 0xab);
    packet[2..4].copy_from_slice(&u16::try_from(len).unwrap().to_be_bytes());
    let sum: u32 = packet[..20]
        .chunks(2)
        .map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]])))
        .sum();
    let sum = !u16::try_from((sum & 0xffff) + (sum >> 16)).unwrap();
    packet[10..12].copy_from_slice(&sum.to_be_bytes());
    packet
}

/// An Ethernet frame around a packet.
pub(super) fn ethernet(kind: u16, packet: &[u8]) -> Vec<u8> {
    [
        &[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2][..],
        &kind.to_be_bytes(),
        packet,
    ]
    .concat()
}

/// A record of which `original` bytes were on the wire.
pub(super) fn frame(data: &[u8], original: usize) -> Frame<'_> {
    Frame {
        moment: Moment::NONE,
        interface: 0,
        direction: None,
        checksum_pending: false,
        label: None,
        original_len: u32::try_from(original).unwrap(),
        data,
    }
}

/// A transfer of which only `kept` bytes were captured, as the record says (`told`) or not.
pub(super) fn cut(data: &[u8], kept: usize, told: bool) -> Transfer<'_> {
    let kept = &data[..kept];
    let original = if told { data.len() } else { kept.len() };
    Transfer::new(kept, data.len(), &frame(kept, original))
}

/// A transfer that was captured to its end.
pub(super) fn whole(data: &[u8]) -> Transfer<'_> {
    cut(data, data.len(), true)
}

/// Everything in a frame, with bundles opened.
pub(super) fn contents(unwrapped: Unwrapped<'_>) -> Vec<Content<'_>> {
    match unwrapped.content {
        Content::Bundle(bundle) => bundle.map(|u| u.content).collect(),
        content => vec![content],
    }
}
