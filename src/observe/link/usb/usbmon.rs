//! The binary header of Linux's usbmon (Documentation/usb/usbmon.rst, "Raw binary format and API"):
//! 48 bytes in LINKTYPE 189, 64 in 220.
//!
//! Each transfer is two events, a submission (`S`) and a completion (`C`) or an error (`E`); its
//! data comes with the submission towards the device and with the completion towards the host, so
//! nothing counts twice. Numbers are in the byte order of the capturing machine, which a frame does
//! not know: the one is taken in which the delivered length fits the record.
//!
//! Cannot say: data of a transfer whose event was lost; usbmon counts such events, files do not.

use super::{Direction, Transfer, direction, kind, no_packets, port, short, uncaptured};
use crate::ground::cause::LinkCause;
use crate::observe::capture::Frame;
use crate::observe::link::{Content, LinkType, Unwrapped};

pub(in crate::observe::link) const USBMON: LinkType = LinkType {
    ids: &[189],
    name: "usb-linux",
    read: |frame| read(frame, 48),
};

pub(in crate::observe::link) const USBMON_MMAPPED: LinkType = LinkType {
    ids: &[220],
    name: "usb-linux-mmapped",
    read: |frame| read(frame, 64),
};

/// Kinds of event.
const SUBMISSION: u8 = b'S';
const COMPLETION: u8 = b'C';
const ERROR: u8 = b'E';

/// Lengths of a transfer, once the byte order is known.
struct Lengths {
    bus: u16,
    /// Bytes asked for or moved.
    transfer: usize,
    /// Bytes of them behind the header, before the record was cut.
    delivered: usize,
}

fn read<'a>(frame: &Frame<'a>, header_len: usize) -> Unwrapped<'a> {
    let parts = frame
        .data
        .split_at_checked(header_len)
        .and_then(|(h, data)| {
            let kinds = h.get(8..)?.first_chunk::<4>()?;
            Some((h, data, *kinds))
        });
    let Some((header, data, [event, transfer, endpoint, device])) = parts else {
        return short(frame, LinkCause::UsbmonShort);
    };
    if !matches!(event, SUBMISSION | COMPLETION | ERROR) {
        return Unwrapped::unreadable(LinkCause::UsbmonEvent);
    }
    if let Some(name) = no_packets(transfer) {
        return Unwrapped::bare(Content::NotIp(name));
    }
    if transfer != kind::BULK {
        return Unwrapped::unreadable(LinkCause::UsbTransferKind);
    }
    let fits = |l: &Lengths| {
        l.delivered >= data.len()
            && l.delivered - data.len() <= frame.cut()
            && l.delivered <= l.transfer
    };
    let orders = [
        lengths(header, u16::from_le_bytes, u32::from_le_bytes),
        lengths(header, u16::from_be_bytes, u32::from_be_bytes),
    ];
    let Some(lengths) = orders.into_iter().flatten().find(fits) else {
        return Unwrapped::unreadable(LinkCause::UsbmonHeader);
    };
    let direction = direction(endpoint);
    // The other event of the transfer has the data.
    let elsewhere = matches!(
        (event, direction),
        (SUBMISSION, Direction::In) | (COMPLETION, Direction::Out) | (ERROR, _)
    );
    let unwrapped = if lengths.delivered > 0 {
        Transfer::new(data, lengths.transfer, frame).read(Some(direction))
    } else if elsewhere || lengths.transfer == 0 {
        Unwrapped::bare(Content::NotIp("USB transfer without data"))
    } else {
        // Data flag `D` or `Z`: in memory that usbmon could not reach.
        Unwrapped::bare(uncaptured())
    };
    Unwrapped {
        direction: Some(direction),
        port: Some(port(lengths.bus, u16::from(device))),
        ..unwrapped
    }
}

fn lengths(header: &[u8], half: fn([u8; 2]) -> u16, word: fn([u8; 4]) -> u32) -> Option<Lengths> {
    let length = |at: usize| usize::try_from(word(*header.get(at..)?.first_chunk()?)).ok();
    Some(Lengths {
        bus: half(*header.get(12..)?.first_chunk()?),
        transfer: length(32)?,
        delivered: length(36)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ground::gaps::GapId;
    use crate::observe::link::usb::rndis::tests::message;
    use crate::observe::link::usb::sample::{contents, ethernet, frame, ipv4};

    /// A header of `len` bytes: event, kind, endpoint; length of the transfer, delivered length.
    fn header(len: usize, big: bool, event: [u8; 3], lengths: [u32; 2]) -> Vec<u8> {
        let word = |n: u32| {
            if big {
                n.to_be_bytes()
            } else {
                n.to_le_bytes()
            }
        };
        let bus = if big { [0, 3] } else { [3, 0] };
        let mut header = [&[0x40; 8][..], &event, &[5], &bus, b"-", &[0; 17]].concat();
        header.extend(lengths.into_iter().flat_map(word));
        header.resize(len, 0);
        header
    }

    fn record(len: usize, big: bool, event: [u8; 3], data: &[u8]) -> Vec<u8> {
        let size = u32::try_from(data.len()).unwrap();
        [&header(len, big, event, [size, size])[..], data].concat()
    }

    #[test]
    fn both_headers_and_both_byte_orders_give_the_same_frames() {
        let (one, two) = (ipv4(60), ipv4(100));
        let data = [
            message(&ethernet(0x0800, &one), 4),
            message(&ethernet(0x0800, &two), 0),
            vec![0],
        ]
        .concat();
        for (len, kind) in [(48, USBMON), (64, USBMON_MMAPPED)] {
            for big in [false, true] {
                for (event, direction) in [
                    ([b'S', 3, 0x02], Direction::Out),
                    ([b'C', 3, 0x81], Direction::In),
                ] {
                    let record = record(len, big, event, &data);
                    let unwrapped = (kind.read)(&frame(&record, record.len()));
                    assert_eq!(unwrapped.direction, Some(direction));
                    assert_eq!(unwrapped.port, Some(0x3_0005));
                    let expected = vec![Content::Ip(&one), Content::Ip(&two)];
                    assert_eq!(contents(unwrapped), expected);
                }
            }
        }
    }

    #[test]
    fn an_event_without_data_is_no_packet_unless_data_went_over_the_bus() {
        for (event, transfer, delivered) in [
            ([b'S', 3, 0x81], 16384, 0),
            ([b'C', 3, 0x02], 60, 0),
            ([b'E', 3, 0x02], 0, 0),
            ([b'C', 3, 0x81], 0, 0),
            ([b'S', 0, 0x81], 100, 4000),
            ([b'C', 1, 0x83], 8, 8),
            ([b'S', 2, 0x00], 24, 24),
        ] {
            let mut record = header(64, false, event, [transfer, delivered]);
            record.resize(64 + delivered as usize, 7);
            let content = (USBMON_MMAPPED.read)(&frame(&record, record.len())).content;
            assert!(
                matches!(content, Content::NotIp(_)),
                "{event:?} {content:?}"
            );
        }
        for event in [[b'C', 3, 0x81], [b'S', 3, 0x02]] {
            let record = header(48, false, event, [600, 0]);
            let content = (USBMON.read)(&frame(&record, 48)).content;
            assert!(matches!(content, Content::Unreadable(GapId::SnaplenCut, _)));
        }
    }

    #[test]
    fn what_is_no_usbmon_record_is_unreadable() {
        let data = message(&ethernet(0x0800, &ipv4(60)), 0);
        let good = record(64, false, [b'C', 3, 0x81], &data);
        let broken = |at: usize, byte: u8| {
            let mut record = good.clone();
            record[at] = byte;
            record
        };
        // Event, kind, length of the transfer, delivered length; then bytes that nobody delivered.
        let longer = [&good[..], &[1]].concat();
        for record in [
            broken(8, b'@'),
            broken(9, 4),
            broken(32, 0),
            broken(37, 9),
            longer,
        ] {
            let content = (USBMON_MMAPPED.read)(&frame(&record, record.len())).content;
            let gap = GapId::UnreadablePackets;
            assert!(matches!(content, Content::Unreadable(g, _) if g == gap));
        }
        for (kept, original) in [(63, good.len()), (64, good.len())] {
            let content = (USBMON_MMAPPED.read)(&frame(&good[..kept], original)).content;
            assert!(matches!(content, Content::Unreadable(GapId::SnaplenCut, _)));
        }
    }
}
