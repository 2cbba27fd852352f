//! 802.11 frames (IEEE 802.11-2020 §9.2, §9.3.2): data frames lead to a packet, management, control
//! and extension frames hold none.
//!
//! A frame whose bits cannot be relied on (received with errors, a wrong check sequence, another
//! protocol version) is unreadable whatever type it states. So is a packet in several fragments,
//! unless the first one holds all of it.

use super::{Reception, amsdu, unreadable};
use crate::coverage::GapId;
use crate::link::{Content, Mac, Unwrapped, ether_payload};

/// Frame control, first byte: protocol version, type, and two bits of a data frame's subtype.
const VERSION: u8 = 0x03;
const TYPE: u8 = 0x0c;
const TYPE_MANAGEMENT: u8 = 0x00;
const TYPE_CONTROL: u8 = 0x04;
const TYPE_DATA: u8 = 0x08;
const NO_DATA: u8 = 0x40;
const QOS: u8 = 0x80;

/// Frame control, second byte.
const TO_DS: u8 = 0x01;
const FROM_DS: u8 = 0x02;
const MORE_FRAGMENTS: u8 = 0x04;
const PROTECTED: u8 = 0x40;
/// In QoS frames: an HT control field ends the header.
const HT_CONTROL: u8 = 0x80;

/// QoS control: several packets in the body; a mesh control field before the packet. Outside of
/// meshes the second one has other meanings (transmission opportunity, queue size).
const AGGREGATE: u8 = 0x80;
const MESH: u8 = 0x01;
/// Mesh flags: how many addresses follow; the other bits are reserved.
const MESH_ADDRESSES: u8 = 0x03;
/// Mesh flags, time to live, sequence number.
const MESH_LEN: usize = 6;

const ADDRESS_LEN: usize = 6;
/// Header of a data frame with three addresses; the fourth one and what follows it come behind.
const HEADER_LEN: usize = 24;
const SEQUENCE: usize = 22;
const FCS_LEN: usize = 4;

/// VLAN tags that may follow; as on Ethernet.
const TAGS_MAX: usize = 8;
/// A "type" below 0x0600: LLC follows.
const LLC: u16 = 0;

/// Sender and receiver; which addresses they are, the DS bits say (§9.3.2.1, table 9-30).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Ends {
    pub(super) source: Option<Mac>,
    pub(super) target: Option<Mac>,
}

impl Ends {
    pub(super) fn with(self, content: Content<'_>) -> Unwrapped<'_> {
        Unwrapped {
            source: self.source,
            target: self.target,
            ..Unwrapped::bare(content)
        }
    }

    fn unreadable<'a>(self, cause: &'static str) -> Unwrapped<'a> {
        self.with(Content::Unreadable(GapId::UnreadablePackets, cause))
    }
}

/// Reads a frame of which the last `cut` bytes were not captured.
pub(super) fn read<'a>(data: &'a [u8], cut: usize, said: Reception) -> Unwrapped<'a> {
    if said.damaged {
        return unreadable("an 802.11 frame received with errors");
    }
    let Some(&[first, second]) = data.first_chunk() else {
        return unreadable("shorter than an 802.11 header");
    };
    if first & VERSION != 0 {
        return unreadable("an 802.11 frame of an unknown protocol version");
    }
    let data_frame = first & TYPE == TYPE_DATA;
    let header = if data_frame {
        header_len(first, second)
    } else {
        data.len()
    };
    let body_at = match said.padded && data_frame {
        true => header.next_multiple_of(4),
        false => header,
    };
    let mut end = data.len();
    if said.fcs {
        if cut == 0 && fcs(data, header, body_at) == Fcs::Wrong {
            return unreadable("an 802.11 frame with a wrong check sequence");
        }
        end = end.saturating_sub(FCS_LEN.saturating_sub(cut));
    }
    match first & TYPE {
        TYPE_DATA => {}
        TYPE_MANAGEMENT => return Unwrapped::bare(Content::NotIp("802.11 management")),
        TYPE_CONTROL => return Unwrapped::bare(Content::NotIp("802.11 control")),
        _ => return Unwrapped::bare(Content::NotIp("802.11 extension")),
    }
    let qos = if first & QOS != 0 {
        qos_control(data, second)
    } else {
        [0, 0]
    };
    let aggregate = qos[0] & AGGREGATE != 0;
    let mut ends = ends(data, second, aggregate);
    if first & NO_DATA != 0 {
        return ends.with(Content::NotIp("802.11 without data"));
    }
    if second & PROTECTED != 0 {
        return ends.with(Content::Unreadable(
            GapId::EncryptedWifi,
            "protected 802.11 data frames",
        ));
    }
    let Some(mut body) = data.get(body_at..end) else {
        return ends.unreadable("cut inside an 802.11 header");
    };
    let more = second & MORE_FRAGMENTS != 0;
    if data.get(SEQUENCE).is_some_and(|b| b & 0x0f != 0) {
        return ends.unreadable("a later fragment of an 802.11 packet");
    }
    // Here the end matters, and nothing else tells where it is.
    if (aggregate || more)
        && !said.fcs
        && cut == 0
        && fcs(data, header, body_at) == Fcs::Right
        && let Some((inner, _)) = body.split_last_chunk::<FCS_LEN>()
    {
        body = inner;
    }
    if aggregate {
        if more {
            return ends.unreadable("a fragment of an 802.11 A-MSDU");
        }
        // What is missing at the end is the check sequence first.
        let missing = if said.fcs {
            cut.saturating_sub(FCS_LEN)
        } else {
            cut
        };
        return amsdu::read(body, missing);
    }
    if let Some((behind, proxied)) = mesh(qos[1], second, body) {
        body = behind;
        ends.source = proxied.source.or(ends.source);
        ends.target = proxied.target.or(ends.target);
    }
    let content = if body.is_empty() && cut == 0 {
        Content::NotIp("802.11 without data")
    } else {
        packet(body)
    };
    if more && !is_whole(content) {
        return ends.unreadable("the first fragment of an 802.11 packet");
    }
    ends.with(content)
}

/// Length of a data frame's header.
fn header_len(first: u8, second: u8) -> usize {
    let fourth = if second & (TO_DS | FROM_DS) == TO_DS | FROM_DS {
        ADDRESS_LEN
    } else {
        0
    };
    let qos = match (first & QOS != 0, second & HT_CONTROL != 0) {
        (false, _) => 0,
        (true, false) => 2,
        (true, true) => 6,
    };
    HEADER_LEN + fourth + qos
}

fn qos_control(data: &[u8], second: u8) -> [u8; 2] {
    // A QoS header without HT control ends with it.
    let end = header_len(QOS, second & !HT_CONTROL);
    let field = data.get(end - 2..).and_then(|b| b.first_chunk());
    field.copied().unwrap_or_default()
}

/// In an A-MSDU the third address (and the fourth) is the network's, each packet has its own ends.
fn ends(data: &[u8], second: u8, aggregate: bool) -> Ends {
    let address = |at: usize| data.get(at..).and_then(Mac::read);
    let [a1, a2, a3, a4] = [address(4), address(10), address(16), address(24)];
    let (source, target) = match (second & TO_DS != 0, second & FROM_DS != 0) {
        (false, false) => (a2, a1),
        (true, false) => (a2, a3.filter(|_| !aggregate)),
        (false, true) => (a3.filter(|_| !aggregate), a1),
        (true, true) if aggregate => (None, None),
        (true, true) => (a4, a3),
    };
    Ends { source, target }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fcs {
    Right,
    Wrong,
    /// All zero: simulators and some drivers leave room for it and do not compute it.
    NotComputed,
}

/// Checks the sequence at the end of a whole frame (§9.2.4.8: the CRC of IEEE 802.3, over header
/// and body, not over the padding that a receiver put between them).
fn fcs(data: &[u8], header: usize, body_at: usize) -> Fcs {
    let Some((covered, sequence)) = data.split_last_chunk::<FCS_LEN>() else {
        return Fcs::Wrong;
    };
    if *sequence == [0; FCS_LEN] {
        return Fcs::NotComputed;
    }
    let mut crc = flate2::Crc::new();
    crc.update(covered.get(..header).unwrap_or(covered));
    crc.update(covered.get(body_at..).unwrap_or_default());
    if crc.sum() == u32::from_le_bytes(*sequence) {
        Fcs::Right
    } else {
        Fcs::Wrong
    }
}

/// Takes the mesh control field off (§9.2.4.7.3), with the ends beyond the mesh that it names. Mesh
/// frames come from the distribution system; LLC never begins with 0, 1 or 2 but in tests of the
/// link, so that other meanings of the bit do no harm.
fn mesh(qos: u8, second: u8, body: &[u8]) -> Option<(&[u8], Ends)> {
    let flags = *body.first()?;
    if qos & MESH == 0 || second & FROM_DS == 0 || flags & !MESH_ADDRESSES != 0 {
        return None;
    }
    let address = |index: usize| {
        body.get(MESH_LEN + index * ADDRESS_LEN..)
            .and_then(Mac::read)
    };
    let (count, ends) = match flags {
        0 => (0, Ends::default()),
        1 => (
            1,
            Ends {
                source: address(0),
                target: None,
            },
        ),
        2 => (
            2,
            Ends {
                source: address(1),
                target: address(0),
            },
        ),
        _ => return None,
    };
    Some((body.get(MESH_LEN + count * ADDRESS_LEN..)?, ends))
}

/// The packet behind LLC. Stricter than on Ethernet: there a length field promises LLC, here what
/// does not look like it may be anything.
pub(super) fn packet(body: &[u8]) -> Content<'_> {
    match body {
        // SNAP, IP, spanning tree, IPX, OSI, NetBIOS.
        [0xaa, 0xaa, 0x03, ..]
        | [0x06, 0x06, 0x03, ..]
        | [0x42, 0x42, 0x03, ..]
        | [0xe0, 0xe0, 0x03, ..]
        | [0xfe, 0xfe, 0x03, ..]
        | [0xf0, 0xf0 | 0xf1, ..] => ether_payload(LLC, body, TAGS_MAX),
        // Exchange identification, test (IEEE 802.2 §5.4.1): access points send them for a station
        // that has just come, so that switches learn where it is.
        [0x00, 0x00 | 0x01, 0xaf | 0xbf | 0xe3 | 0xf3, ..] => Content::NotIp("LLC"),
        _ => Content::Unreadable(
            GapId::UnreadablePackets,
            "802.11 data that does not begin with LLC",
        ),
    }
}

/// True if the packet ends within these bytes, by its own length field.
fn is_whole(content: Content<'_>) -> bool {
    /// ARP for IPv4 over Ethernet (RFC 826).
    const ARP_LEN: usize = 28;
    let packet = match content {
        Content::Ip(packet) => packet,
        Content::Arp(packet) => return packet.len() >= ARP_LEN,
        Content::NotIp(_) => return true,
        _ => return false,
    };
    let length = match packet {
        [0x40..=0x4f, _, high, low, ..] => u16::from_be_bytes([*high, *low]).into(),
        // Forty bytes of header, and the payload.
        [0x60..=0x6f, _, _, _, high, low, ..] => {
            usize::from(u16::from_be_bytes([*high, *low])).saturating_add(40)
        }
        _ => return false,
    };
    // Zero is a length that does not say (segmentation offload, jumbograms).
    !matches!(length, 0 | 40) && length <= packet.len()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{IP, downlink, with_fcs};
    use super::*;

    fn mac(last: u8) -> Option<Mac> {
        Some(Mac([2, 0, 0, 0, 0, last]))
    }

    /// A data frame with `control` in its first two bytes, addresses ending in 1, 2, 3 (and 4),
    /// and `rest` behind the header proper.
    fn data(control: [u8; 2], rest: &[&[u8]]) -> Vec<u8> {
        let mut out = vec![control[0], control[1], 0, 0];
        for last in 1..=3 {
            out.extend([2, 0, 0, 0, 0, last]);
        }
        out.extend([0x10, 0]);
        if control[1] & 3 == 3 {
            out.extend([2, 0, 0, 0, 0, 4]);
        }
        out.extend(rest.concat());
        out
    }

    fn snap() -> Vec<u8> {
        [&[0xaa, 0xaa, 3, 0, 0, 0, 8, 0][..], &IP].concat()
    }

    fn plain(data: &[u8]) -> Unwrapped<'_> {
        read(data, 0, Reception::default())
    }

    fn is_unreadable(content: Content<'_>) -> bool {
        matches!(content, Content::Unreadable(GapId::UnreadablePackets, _))
    }

    #[test]
    fn the_ds_bits_say_who_the_ends_are() {
        for (bits, source, target) in [(0, 2, 1), (1, 2, 3), (2, 3, 1), (3, 4, 3)] {
            // Plain, QoS, QoS with HT control; subtypes with acknowledgements and polls.
            for (first, order, extra) in [
                (0x08, 0, &[][..]),
                (0x38, 0x80, &[]),
                (0x88, 0, &[0, 1]),
                (0xb8, 0x80, &[7, 0x20, 1, 2, 3, 4]),
            ] {
                let frame = data([first, bits | order], &[extra, &snap()]);
                let got = plain(&frame);
                assert_eq!(got.content, Content::Ip(&IP), "{first:x} {bits}");
                assert_eq!((got.source, got.target), (mac(source), mac(target)));
                // Protected: nothing inside is looked at, the ends are known.
                let frame = data([first, bits | order | 0x40], &[extra, &snap()]);
                let got = plain(&frame);
                assert!(matches!(
                    got.content,
                    Content::Unreadable(GapId::EncryptedWifi, _)
                ));
                assert_eq!((got.source, got.target), (mac(source), mac(target)));
            }
        }
    }

    #[test]
    fn what_holds_no_packet_and_what_cannot_be_relied_on() {
        for first in [0x80, 0xd0, 0xb4, 0xd4, 0x0c, 0x48, 0xc8, 0xe8] {
            let frame = data([first, 0x41], &[&snap()]);
            assert!(
                matches!(plain(&frame).content, Content::NotIp(_)),
                "{first:x}"
            );
        }
        assert!(matches!(
            plain(&data([0x08, 1], &[])).content,
            Content::NotIp(_)
        ));
        // Association of a station told to the switches, EAPOL.
        for body in [
            &[0x00, 0x01, 0xaf, 0x81, 1, 0][..],
            &[0xaa, 0xaa, 3, 0, 0, 0, 0x88, 0x8e, 2, 3],
        ] {
            let frame = data([0x08, 1], &[body]);
            assert!(matches!(plain(&frame).content, Content::NotIp(_)));
        }
        for body in [&IP[..], &[0x45; 40], &[0xaa, 0xaa], &[0x55, 0x55, 0x03, 0]] {
            assert!(is_unreadable(plain(&data([0x08, 1], &[body])).content));
        }
        let damaged = Reception {
            damaged: true,
            ..Reception::default()
        };
        assert!(is_unreadable(
            read(&data([0x80, 0], &[]), 0, damaged).content
        ));
        assert!(is_unreadable(plain(&data([0x09, 1], &[&snap()])).content));
    }

    #[test]
    fn mesh_control_names_the_ends_beyond_the_mesh() {
        let qos = [0, 1];
        let (a, b) = ([2, 0, 0, 0, 0, 5], [2, 0, 0, 0, 0, 6]);
        let group = [&[1, 30, 0, 0, 0, 0][..], &a].concat();
        let proxied = [&[2, 30, 0, 0, 0, 0][..], &a, &b].concat();
        for (bits, control, source, target) in [
            (3, &[0, 30, 0, 0, 0, 0][..], 4, 3),
            (2, &group, 5, 1),
            (3, &proxied, 6, 5),
        ] {
            let frame = data([0x88, bits], &[&qos, control, &snap()]);
            let got = plain(&frame);
            assert_eq!(got.content, Content::Ip(&IP));
            assert_eq!((got.source, got.target), (mac(source), mac(target)));
        }
        let frame = data([0x88, 3], &[&qos, &[3, 30, 0, 0, 0, 0], &snap()]);
        assert!(is_unreadable(plain(&frame).content));
    }

    #[test]
    fn fragments_are_read_only_when_whole() {
        let whole = data([0x08, 1 | MORE_FRAGMENTS], &[&snap()]);
        assert_eq!(plain(&whole).content, Content::Ip(&IP));
        let short = &whole[..whole.len() - 1];
        assert!(is_unreadable(plain(short).content));
        // The check sequence, though nobody said that it is there, is no part of the packet.
        let guised = with_fcs(short.to_vec());
        assert!(is_unreadable(plain(&guised).content));
        let mut later = data([0x08, 1], &[&snap()]);
        later[SEQUENCE] = 0x11;
        assert!(is_unreadable(plain(&later).content));
    }

    #[test]
    fn a_check_sequence_is_taken_off_and_believed_when_it_fails() {
        let said = Reception {
            fcs: true,
            ..Reception::default()
        };
        let mut frame = with_fcs(downlink());
        let wire = frame.len();
        assert_eq!(read(&frame, 0, said).content, Content::Ip(&IP));
        for cut in 1..=5 {
            let got = read(&frame[..wire - cut], cut, said).content;
            let left = IP.len() - cut.saturating_sub(4);
            assert_eq!(got, Content::Ip(&IP[..left]));
        }
        frame[30] ^= 1;
        assert!(is_unreadable(read(&frame, 0, said).content));
        frame[30] ^= 1;
        frame[wire - 4..].fill(0);
        assert_eq!(read(&frame, 0, said).content, Content::Ip(&IP));
    }
}
