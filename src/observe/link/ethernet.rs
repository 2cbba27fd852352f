//! Ethernet (IEEE 802.3): two addresses and an ether type or a length, by which
//! [`ether_type`] goes on.
//!
//! Our own walk: etherparse stops after three tags and says nothing of 802.3 frames, and a frame
//! that is not understood must be counted, not dropped.
//!
//! Files that say Ethernet hold other things too: PCAPdroid leaves the header away once a packet
//! with its trailer would pass the snapshot length; modem interfaces of phones deliver raw IP or
//! QMAP under an Ethernet type; pymobiledevice3 invents a header for cellular packets, with the
//! ether type of IPv4 whatever the packet is. What the bytes prove is read as what it is and said
//! as an oddity; what they do not prove stays what the header states.

use super::field::be16;
use super::plausible::{certain, likely, possible};
use super::{Content, LinkType, Unwrapped, ether_type, llc_snap, pcapdroid, qmap};
use crate::ground::cause::{LinkCause, Oddity};
use crate::ground::mac::Mac;
use crate::observe::capture::Frame;

/// Its number in files (LINKTYPE_ETHERNET).
pub(super) const ETHERNET_ID: u16 = 1;

pub(super) const ETHERNET: LinkType = LinkType {
    ids: &[ETHERNET_ID],
    name: "ethernet",
    read,
};

/// Tags in a row that are followed; real networks use two, nesting beyond this hides something.
pub const TAGS_MAX: usize = 8;

/// Length field below this, ether type from it on (IEEE 802.3 §3.2.6).
pub(super) const ETHER_TYPE_MIN: u16 = 0x0600;

/// Two addresses and the ether type.
pub(super) const HEADER: usize = 14;

/// Data of the shortest frame (IEEE 802.3 §4A.4.2); less is padded.
const DATA_MIN: usize = 46;

/// Both addresses of the header that pymobiledevice3 puts before cellular packets.
const INVENTED: [u8; 12] = [
    0xbe, 0xef, 0xbe, 0xef, 0xbe, 0xef, 0xbe, 0xef, 0xbe, 0xef, 0xbe, 0xef,
];

fn read<'a>(frame: &Frame<'a>) -> Unwrapped<'a> {
    match bare_packet(frame.data) {
        Some(plain) => labelled(plain, frame),
        None => doubtful(frame),
    }
}

/// With what a trailer of PCAPdroid says of it.
fn labelled<'a>(plain: Unwrapped<'a>, frame: &Frame<'a>) -> Unwrapped<'a> {
    match pcapdroid::trailer(frame) {
        Some(trailer) => trailer.applied(plain),
        None => plain,
    }
}

/// The frames that nearly all are: two addresses of their own, and an ether type that the packet bears out.
#[inline]
fn bare_packet(data: &[u8]) -> Option<Unwrapped<'_>> {
    let (addresses, packet) = bare(data)?;
    let (target, source) = addresses.split_first_chunk::<6>()?;
    Some(Unwrapped {
        source: Mac::read(source),
        target: Mac::read(target),
        ..Unwrapped::bare(Content::Ip(packet))
    })
}

/// Their addresses, the receiver's first, and the packet.
#[inline]
fn bare(data: &[u8]) -> Option<(&[u8; 12], &[u8])> {
    let (addresses, behind) = data.split_first_chunk::<12>()?;
    let (kind, packet) = behind.split_first_chunk::<2>()?;
    let version = packet.first()? >> 4;
    let borne_out = matches!((kind, version), ([0x08, 0x00], 4) | ([0x86, 0xdd], 6));
    (borne_out && *addresses != INVENTED).then_some((addresses, packet))
}

/// The same of a frame that nobody labels.
#[inline]
pub(super) fn plain<'a>(frame: &Frame<'a>) -> Option<(&'a [u8; 12], &'a [u8])> {
    let labelled = frame.label.is_some() || pcapdroid::may_trail(frame.data);
    if labelled || frame.cut() > 0 {
        return None;
    }
    bare(frame.data)
}

fn doubtful<'a>(frame: &Frame<'a>) -> Unwrapped<'a> {
    let data = frame.data;
    let wire = data.len().max(frame.original_len as usize);
    let inner = nested(data, TAGS_MAX);
    let stated = inner.content;
    let kind = be16(data, 12);
    // Of an invented header as well the version bears out the type.
    if !matches!(
        (kind, data.get(HEADER).map(|b| b >> 4)),
        (Some(0x0800), Some(4)) | (Some(0x86dd), Some(6))
    ) && let Some(found) = disguised(data, wire, kind, stated)
    {
        return found;
    }
    let rest = data.get(HEADER..).unwrap_or_default();
    let (source, target) = match data.first_chunk::<12>() {
        // Everybody would have the same address.
        Some(&INVENTED) => (None, None),
        _ => (inner.source, inner.target),
    };
    let plain = Unwrapped {
        source,
        target,
        oddity: other_version(kind, rest, wire),
        ..Unwrapped::bare(promised(kind, stated, rest, wire.saturating_sub(HEADER)))
    };
    labelled(plain, frame)
}

/// An Ethernet frame inside something else, by its header alone.
pub(super) fn frame(data: &[u8]) -> Unwrapped<'_> {
    nested(data, TAGS_MAX)
}

/// The content of a whole Ethernet frame by its header alone.
pub(super) fn payload_of(data: &[u8]) -> Content<'_> {
    nested(data, TAGS_MAX).content
}

/// As [`payload_of`], inside a frame that was `tags_left` tags away from the bound.
pub(super) fn frame_payload(data: &[u8], tags_left: usize) -> Content<'_> {
    nested(data, tags_left).content
}

/// As [`frame`], inside a frame that was `tags_left` tags away from the bound. The ends are those of
/// the innermost frame: its sender is whose packet it is.
pub(super) fn nested(data: &[u8], tags_left: usize) -> Unwrapped<'_> {
    let inner = match (be16(data, 12), data.get(HEADER..)) {
        (Some(kind), Some(rest)) => ether_type::read(kind, rest, tags_left),
        _ => Unwrapped::unreadable(LinkCause::EthernetShort),
    };
    Unwrapped {
        source: inner.source.or_else(|| data.get(6..).and_then(Mac::read)),
        target: inner.target.or_else(|| Mac::read(data)),
        ..inner
    }
}

/// No IP by an LLC header that nobody knows, and the length promises more than `behind` bytes, all
/// that were on the wire: it is no length, and LLC none.
fn promised<'a>(kind: Option<u16>, stated: Content<'a>, rest: &[u8], behind: usize) -> Content<'a> {
    match (kind, stated) {
        (Some(length @ 0..ETHER_TYPE_MIN), Content::NotIp(_))
            if usize::from(length) > behind && !llc_snap::is_known(rest) =>
        {
            Content::unreadable(LinkCause::LengthOver)
        }
        _ => stated,
    }
}

/// What a frame is whose bytes prove that it has no Ethernet header.
fn disguised<'a>(
    data: &'a [u8],
    wire: usize,
    kind: Option<u16>,
    stated: Content<'a>,
) -> Option<Unwrapped<'a>> {
    let rest = data.get(HEADER..).unwrap_or_default();
    let behind = wire.saturating_sub(HEADER);
    let proved = match (kind, stated) {
        // A packet where the header says one is: the header is right.
        (_, Content::Ip(inner)) if possible(inner, behind) => false,
        // The header names something else: it takes every test to overrule it.
        (_, Content::Ip(_) | Content::Arp(_)) => certain(data, wire),
        (Some(length), _) if length < ETHER_TYPE_MIN && !fits(length, behind) => likely(data, wire),
        (_, Content::Unreadable(..)) => likely(data, wire),
        _ => certain(data, wire),
    };
    if proved {
        return Some(Unwrapped {
            oddity: Some(Oddity::RawInEthernet),
            ..Unwrapped::bare(Content::Ip(data))
        });
    }
    let unclaimed = matches!(stated, Content::Unreadable(..))
        || kind.is_some_and(|k| k < ETHER_TYPE_MIN && !fits(k, behind));
    if unclaimed && qmap::proved(data, wire) {
        return Some(Unwrapped {
            oddity: Some(Oddity::QmapInEthernet),
            ..qmap::unwrap(data)
        });
    }
    if unclaimed && kind == Some(qmap::ETHER_TYPE) && qmap::proved(rest, behind) {
        return Some(qmap::unwrap(rest));
    }
    None
}

/// True if an 802.3 length can belong to a frame with `behind` bytes behind its header.
fn fits(length: u16, behind: usize) -> bool {
    let length = usize::from(length);
    length == behind || (length < behind && behind <= DATA_MIN)
}

/// The version field decides how a packet is read; that the ether type says otherwise is told.
fn other_version(kind: Option<u16>, packet: &[u8], wire: usize) -> Option<Oddity> {
    let said = match (kind, packet.first().map(|b| b >> 4)) {
        (Some(0x0800), Some(6)) => Oddity::Ipv6AsIpv4,
        (Some(0x86dd), Some(4)) => Oddity::Ipv4AsIpv6,
        _ => return None,
    };
    possible(packet, wire.saturating_sub(HEADER)).then_some(said)
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn tags_and_snap_lead_to_the_packet_and_strangers_are_unreadable() {
        use super::super::ether_payload;
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

    /// What is read of a frame, and what is odd about it.
    fn told(data: &[u8]) -> (Content<'_>, Option<Oddity>) {
        let read = read(&sample::frame(data));
        (read.content, read.oddity)
    }

    #[test]
    fn the_version_field_outranks_the_ether_type_and_invented_addresses_are_none() {
        let packet = sample::ipv6(b"hello");
        let frame = sample::ethernet(0x0800, &packet);
        assert_eq!(
            told(&frame),
            (Content::Ip(&packet), Some(Oddity::Ipv6AsIpv4))
        );
        let frame = [&INVENTED[..], &[0x08, 0x00], &packet].concat();
        let read = read(&sample::frame(&frame));
        assert_eq!((read.source, read.target), (None, None));
        assert_eq!(read.content, Content::Ip(&packet));

        let packet = sample::ipv4(b"hello");
        let frame = sample::ethernet(0x0800, &packet);
        assert_eq!(told(&frame), (Content::Ip(&packet), None));
        let frame = sample::ethernet(0x86dd, &packet);
        assert_eq!(told(&frame).1, Some(Oddity::Ipv4AsIpv6));
        // Neither: left to whoever decodes it, and nothing is claimed.
        let frame = sample::ethernet(0x0800, &[0x60; 30]);
        assert_eq!(told(&frame), (Content::Ip(&[0x60; 30]), None));
    }

    #[test]
    fn packets_without_the_header_are_found_and_nothing_else_is() {
        let odd = Some(Oddity::RawInEthernet);
        // Source addresses whose first half reads as an unknown ether type, a length that does
        // not fit, IPv4, EAPOL, LLDP.
        for half in [[192, 168], [1, 1], [8, 0], [0x88, 0x8e], [0x88, 0xcc]] {
            let mut packet = sample::ipv4(&[7; 40]);
            packet[12..14].copy_from_slice(&half);
            sample::checksum(&mut packet);
            assert_eq!(told(&packet), (Content::Ip(&packet), odd), "{half:?}");

            // A wrong checksum still speaks against the unknown, not against a known protocol.
            packet[10] ^= 0xff;
            let unknown = matches!(half, [192, 168] | [1, 1]);
            assert_eq!(told(&packet).1.is_some(), unknown, "{half:?}");
            // Neither checksum nor length: it stays what the header says.
            packet.push(0);
            assert_eq!(told(&packet).1, None, "{half:?}");
        }
        let packet = sample::ipv6(&[7; 40]);
        assert_eq!(told(&packet), (Content::Ip(&packet), odd));

        // A frame to an address that looks like an IP header.
        let packet = sample::ipv4(b"inner");
        let mut frame = sample::ethernet(0x0800, &packet);
        let total = u16::try_from(frame.len()).unwrap().to_be_bytes();
        frame[..4].copy_from_slice(&[0x46, 0, total[0], total[1]]);
        assert_eq!(told(&frame), (Content::Ip(&packet), None));
        let lldp = sample::ethernet(0x88cc, &[2, 7, 4]);
        assert_eq!(told(&lldp), (Content::NotIp("LLDP"), None));
    }

    #[test]
    fn qmap_under_an_ethernet_type_is_found() {
        let packet = sample::ipv4(b"up the modem");
        let len = u8::try_from(packet.len()).unwrap();
        let map = [&[0, 1, 0, len][..], &packet].concat();
        assert_eq!(
            told(&map),
            (Content::Ip(&packet), Some(Oddity::QmapInEthernet))
        );
        let frame = sample::ethernet(qmap::ETHER_TYPE, &map);
        assert_eq!(told(&frame), (Content::Ip(&packet), None));
        let short = sample::ethernet(qmap::ETHER_TYPE, &map[..20]);
        assert!(!matches!(told(&short).0, Content::Ip(_)));
    }

    #[test]
    fn bridged_frames_are_followed_to_a_bound() {
        let packet = sample::ipv4(b"bridged");
        let inner = sample::ethernet(0x0800, &packet);
        let outer = sample::ethernet(0x6558, &inner);
        assert_eq!(told(&outer).0, Content::Ip(&packet));
        let mut endless = vec![];
        for _ in 0..40 {
            endless = sample::ethernet(0x6558, &endless);
        }
        assert!(matches!(told(&endless).0, Content::Unreadable(..)));
    }
}
