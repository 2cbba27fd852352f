//! IP packets without a link header: LINKTYPE 101 and the DLT values 12 and 14 that some writers
//! put into files, 228 (IPv4) and 229 (IPv6).
//!
//! Files that say raw IP hold Ethernet frames, BSD loopback headers or QMAP too, when the recording
//! program did not know its interface. Those are read as what they are once the packet inside is
//! beyond doubt; otherwise the version field decides, whatever 228 or 229 promise.

use super::ethernet::{HEADER, payload_of};
use super::field::be16;
use super::plausible::{likely, possible};
use super::{Content, LinkType, Unwrapped, null, qmap};
use crate::ground::cause::Oddity;
use crate::ground::mac::Mac;
use crate::observe::capture::Frame;

pub(super) const RAW: LinkType = LinkType {
    ids: &[101, 12, 14],
    name: "raw",
    read,
};

pub(super) const IPV4: LinkType = LinkType {
    ids: &[228],
    name: "ipv4",
    read,
};

pub(super) const IPV6: LinkType = LinkType {
    ids: &[229],
    name: "ipv6",
    read,
};

/// An ARP packet for IPv4 over Ethernet begins like this (RFC 826).
const ARP: [u8; 6] = [0, 1, 0x08, 0, 6, 4];

fn read<'a>(frame: &Frame<'a>) -> Unwrapped<'a> {
    let data = frame.data;
    let wire = data.len().max(frame.original_len as usize);
    // The ether type may stand in a source address: 8.0.0.0/16 and 134.221.0.0/16.
    let ether_type = matches!(be16(data, 12), Some(0x0800 | 0x86dd));
    if possible(data, wire) && (!ether_type || likely(data, wire)) {
        return Unwrapped::bare(Content::Ip(data));
    }
    ethernet(data, wire)
        .or_else(|| loopback(data, wire))
        .or_else(|| modem(data, wire))
        .unwrap_or(Unwrapped::bare(Content::Ip(data)))
}

fn ethernet(data: &[u8], wire: usize) -> Option<Unwrapped<'_>> {
    let content = payload_of(data);
    let sure = match content {
        Content::Ip(packet) => {
            // Behind tags the packet begins later; how much later, its place says.
            let before = data.len().saturating_sub(packet.len());
            likely(packet, wire.saturating_sub(before))
        }
        Content::Arp(packet) => data.len() >= HEADER && packet.starts_with(&ARP),
        _ => false,
    };
    sure.then(|| Unwrapped {
        source: data.get(6..).and_then(Mac::read),
        target: Mac::read(data),
        oddity: Some(Oddity::EthernetInRaw),
        ..Unwrapped::bare(content)
    })
}

fn loopback(data: &[u8], wire: usize) -> Option<Unwrapped<'_>> {
    let (header, packet) = data.split_first_chunk::<4>()?;
    (null::names_ip(*header) && likely(packet, wire.saturating_sub(4))).then(|| Unwrapped {
        oddity: Some(Oddity::LoopbackInRaw),
        ..Unwrapped::bare(Content::Ip(packet))
    })
}

fn modem(data: &[u8], wire: usize) -> Option<Unwrapped<'_>> {
    qmap::proved(data, wire).then(|| Unwrapped {
        oddity: Some(Oddity::QmapInRaw),
        ..qmap::unwrap(data)
    })
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    fn told(data: &[u8]) -> (Content<'_>, Option<Oddity>) {
        let read = read(&sample::frame(data));
        (read.content, read.oddity)
    }

    #[test]
    fn packets_stay_packets() {
        for packet in [sample::ipv4(b"a"), sample::ipv6(b"a")] {
            assert_eq!(told(&packet), (Content::Ip(&packet), None));
            // Padded, and cut short.
            let padded = [&packet[..], &[0; 9]].concat();
            assert_eq!(told(&padded), (Content::Ip(&padded), None));
            let cut = read(&sample::cut(&packet[..12], packet.len()));
            assert_eq!(
                (cut.content, cut.oddity),
                (Content::Ip(&packet[..12]), None)
            );
        }
        // From 8.0.0.77: bytes 12 and 13 are the ether type of IPv4.
        let mut packet = sample::ipv4(b"from Level 3");
        packet[12..14].copy_from_slice(&[8, 0]);
        sample::checksum(&mut packet);
        assert_eq!(told(&packet), (Content::Ip(&packet), None));
        for junk in [&[][..], &[0xff; 60], &[0x45; 10], &[0x60; 10]] {
            assert_eq!(told(junk), (Content::Ip(junk), None));
        }
    }

    #[test]
    fn other_headers_are_seen_through_when_the_packet_is_beyond_doubt() {
        let v4 = sample::ipv4(b"inside");
        let v6 = sample::ipv6(b"inside");
        let frame = sample::ethernet(0x0800, &v4);
        let odd = Some(Oddity::EthernetInRaw);
        assert_eq!(told(&frame), (Content::Ip(&v4), odd));
        assert_eq!(
            read(&sample::frame(&frame)).source.unwrap().to_string(),
            "02:00:00:aa:bb:77"
        );
        // Addresses that look like IP versions; a tag; padding behind IPv4.
        for first in [0x45, 0x46, 0x60] {
            let mut frame = [&sample::ethernet(0x0800, &v4)[..], &[0; 6]].concat();
            frame[0] = first;
            assert_eq!(told(&frame).1, odd, "{first:#x}");
        }
        let tagged = sample::ethernet(0x8100, &[&[0, 5, 0x86, 0xdd][..], &v6].concat());
        assert_eq!(told(&tagged), (Content::Ip(&v6), odd));
        let arp = [&ARP[..], &[0; 22]].concat();
        assert_eq!(
            told(&sample::ethernet(0x0806, &arp)),
            (Content::Arp(&arp), odd)
        );

        let odd = Some(Oddity::LoopbackInRaw);
        for header in [[2, 0, 0, 0], [0, 0, 0, 2]] {
            let frame = [&header[..], &v4].concat();
            assert_eq!(told(&frame), (Content::Ip(&v4), odd));
        }
        let frame = [&[30, 0, 0, 0][..], &v6].concat();
        assert_eq!(told(&frame), (Content::Ip(&v6), odd));
        let frame = [&[99, 0, 0, 0][..], &v6].concat();
        assert_eq!(told(&frame), (Content::Ip(&frame), None));

        let len = u8::try_from(v6.len()).unwrap();
        let frame = [&[0, 1, 0, len][..], &v6].concat();
        assert_eq!(told(&frame), (Content::Ip(&v6), Some(Oddity::QmapInRaw)));

        // A doubtful packet inside changes nothing.
        let mut doubtful = v4.clone();
        doubtful[10] ^= 1;
        let padded = sample::ethernet(0x0800, &[&doubtful[..], &[0; 9]].concat());
        assert_eq!(told(&padded), (Content::Ip(&padded), None));
    }
}
