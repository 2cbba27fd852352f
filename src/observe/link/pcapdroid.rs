//! The trailer that PCAPdroid puts behind each packet of a pcap file ("dump extensions").
//!
//! PCAPdroid `pcap_dump.h`, `pcapdroid_trailer_t`: an Ethernet header of zeroes but for the ether
//! type, the IP packet, zeroes up to four-byte alignment, then 32 bytes: magic, user id (both
//! big-endian), the app's name in 20 bytes with a zero at the end, and a CRC-32 (IEEE 802.3,
//! little-endian) over everything before it.
//!
//! Says which user id and app owned the socket, as far as PCAPdroid could find out. A record that
//! was cut to the snapshot length has no trailer, and then not even the Ethernet header.

use super::ethernet::HEADER;
use super::field::{be16, be32};
use super::{Content, Unwrapped};
use crate::ground::cause::Oddity;
use crate::ground::label::{Label, LabelSource, Process};
use crate::observe::capture::Frame;

/// `PCAPDROID_TRAILER_MAGIC`.
const MAGIC: [u8; 4] = [0x01, 0x07, 0x20, 0x21];
/// Length of the trailer, of the name in it, and where name and checksum begin.
const TRAILER: usize = 32;
const NAME: usize = 20;
const NAME_AT: usize = 8;
const CRC_AT: usize = 28;
/// The record is padded to a multiple of this before the trailer.
const ALIGNMENT: usize = 4;
/// Written for an app that could not be found.
const NO_NAME: &[u8] = b"???";

/// What the trailer of a record says.
pub(super) struct Trailer<'a> {
    label: Result<Option<Label<'a>>, Oddity>,
}

/// True if a frame may end with one: after one comparison, false for every other.
#[inline]
pub(super) fn may_trail(data: &[u8]) -> bool {
    data.len()
        .checked_sub(TRAILER)
        .and_then(|at| data.get(at..))
        .is_some_and(|trailer| trailer.starts_with(&MAGIC))
}

/// The trailer of a record of PCAPdroid; `None` for every other frame, after one comparison.
pub(super) fn trailer<'a>(frame: &Frame<'a>) -> Option<Trailer<'a>> {
    let data = frame.data;
    let at = data.len().checked_sub(TRAILER)?;
    let bytes = data.get(at..)?;
    if !bytes.starts_with(&MAGIC) {
        return None;
    }
    // The same bytes travel inside packets when PCAPdroid sends its records to a receiver: a
    // trailer lies behind the packet, not in it.
    let packet = data.get(HEADER..at)?;
    let whole = frame.cut() == 0 && data.len().is_multiple_of(ALIGNMENT);
    let invented = data.starts_with(&[0; 12]);
    let behind = packet_len(packet)
        .is_none_or(|len| len <= packet.len() && packet.len().abs_diff(len) < ALIGNMENT);
    if !(whole && invented && behind) {
        return None;
    }
    Some(Trailer {
        label: if be32(bytes, CRC_AT).map(u32::swap_bytes)
            == data.get(..at.saturating_add(CRC_AT)).map(crc32)
        {
            Ok(label(bytes))
        } else {
            Err(Oddity::TrailerChecksum)
        },
    })
}

impl<'a> Trailer<'a> {
    /// The frame without the trailer, and with the label if it can be believed.
    pub(super) fn applied(self, frame: Unwrapped<'a>) -> Unwrapped<'a> {
        match self.label {
            Ok(label) => Unwrapped {
                // A packet without a length of its own would else take the trailer for payload.
                content: match frame.content {
                    Content::Ip(bytes) => Content::Ip(
                        bytes
                            .get(..bytes.len().saturating_sub(TRAILER))
                            .unwrap_or(bytes),
                    ),
                    content => content,
                },
                label,
                ..frame
            },
            Err(oddity) => Unwrapped {
                oddity: Some(oddity),
                ..frame
            },
        }
    }
}

fn label(trailer: &[u8]) -> Option<Label<'_>> {
    let field = trailer.get(NAME_AT..NAME_AT.saturating_add(NAME))?;
    let name = Some(super::field::text(field)).filter(|n| !n.is_empty() && *n != NO_NAME);
    let label = Label {
        // Minus one: not found.
        uid: be32(trailer, 4).filter(|uid| *uid != u32::MAX),
        process: Process {
            pid: None,
            name,
            // The last byte of the field is the zero that ends it.
            cut: name.is_some_and(|n| n.len() >= NAME - 1),
        },
        ..Label::of(LabelSource::PcapdroidTrailer)
    };
    (!label.is_empty()).then_some(label)
}

/// Length of an IP packet by its header; `None` where segmentation offload left it out.
fn packet_len(packet: &[u8]) -> Option<usize> {
    match packet.first()? >> 4 {
        4 => be16(packet, 2).filter(|total| *total != 0).map(usize::from),
        6 => be16(packet, 4)
            .filter(|payload| *payload != 0)
            .map(|payload| usize::from(payload).saturating_add(40)),
        _ => Some(usize::MAX),
    }
}

/// CRC-32 of IEEE 802.3, as in gzip (RFC 1952 §8).
fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum()
}

#[cfg(test)]
mod tests {
    use super::super::{reader, sample};
    use super::*;

    fn record(packet: &[u8], uid: i32, name: &[u8]) -> Vec<u8> {
        let mut record = vec![0; 12];
        record.extend(if packet[0] >> 4 == 4 {
            [0x08, 0x00]
        } else {
            [0x86, 0xdd]
        });
        record.extend(packet);
        record.resize(record.len().next_multiple_of(4), 0);
        record.extend(MAGIC);
        record.extend(uid.to_be_bytes());
        let mut field = [0; NAME];
        field[..name.len()].copy_from_slice(name);
        record.extend(field);
        record.extend(crc32(&record).to_le_bytes());
        record
    }

    fn told(record: &[u8]) -> Unwrapped<'_> {
        (reader(1).unwrap().read)(&sample::frame(record))
    }

    #[test]
    fn crc_32_check_value() {
        // The check value of CRC-32/ISO-HDLC.
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
    }

    #[test]
    fn the_trailer_names_user_and_app() {
        for packet in [
            sample::ipv4(b"of DJI Pilot"),
            sample::ipv6(b"of DJI Pilot 2"),
        ] {
            let record = record(&packet, 10_234, b"DJI Pilot 2");
            let read = told(&record);
            let label = read.label.unwrap();
            assert_eq!(label.source, LabelSource::PcapdroidTrailer);
            assert_eq!(label.uid, Some(10_234));
            assert_eq!(label.process.name, Some(&b"DJI Pilot 2"[..]));
            assert!(!label.process.cut && label.process.pid.is_none());
            assert_eq!(read.oddity, None);
            let Content::Ip(bytes) = read.content else {
                panic!("{:?}", read.content)
            };
            // Padding of up to three bytes may remain, as on any Ethernet.
            assert!(bytes.starts_with(&packet) && bytes.len() < packet.len() + 4);
        }
    }

    #[test]
    fn names_that_fill_the_field_are_cut_and_unknown_ones_are_none() {
        let packet = sample::ipv4(b"x");
        let long = record(&packet, 0, b"org.example.nineteen");
        let label = told(&long).label.unwrap();
        assert!(label.process.cut && label.uid == Some(0));
        let nineteen = record(&packet, 0, b"org.example.ninetee");
        assert!(told(&nineteen).label.unwrap().process.cut);
        let eighteen = record(&packet, 0, b"org.example.ninete");
        assert!(!told(&eighteen).label.unwrap().process.cut);
        let unknown = record(&packet, -1, NO_NAME);
        assert_eq!(told(&unknown).label, None);
        assert_eq!(told(&unknown).oddity, None);
    }

    #[test]
    fn a_wrong_checksum_is_told_and_names_nobody() {
        let packet = sample::ipv4(b"somebody else's");
        let mut record = record(&packet, 10_234, b"DJI Pilot 2");
        let at = record.len() - 8;
        record[at] ^= 1;
        let read = told(&record);
        assert_eq!(read.label, None);
        assert_eq!(read.oddity, Some(Oddity::TrailerChecksum));
        assert!(matches!(read.content, Content::Ip(_)));
    }

    #[test]
    fn a_trailer_inside_a_packet_is_payload() {
        // PCAPdroid sends its records by UDP, and another program records that on loopback.
        let inner = record(&sample::ipv4(b"x"), 10_234, b"DJI Pilot 2");
        let outer = sample::ipv4(&inner);
        let frame = [&[0; 12][..], &[0x08, 0x00], &outer].concat();
        assert_eq!(told(&frame).label, None);
        assert_eq!(told(&frame).oddity, None);
        // Cut to the snapshot length: what lies at the end is no trailer.
        let whole = record(&sample::ipv4(b"x"), 10_234, b"DJI Pilot 2");
        let cut = (reader(1).unwrap().read)(&sample::cut(&whole, whole.len() + 4));
        assert_eq!((cut.label, cut.oddity), (None, None));
    }
}
