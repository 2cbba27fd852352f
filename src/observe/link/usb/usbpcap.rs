//! The header of USBPcap (LINKTYPE 249, USBPcap.h and its "Capture format" page): 27 bytes, longer
//! for control and isochronous transfers, little-endian.
//!
//! Cannot say: what went over chained buffers, which newer drivers use; the records show that there
//! was a transfer, and USBPcap leaves its data out.

use super::{Transfer, direction, kind, le16, le32, no_packets, port, short};
use crate::ground::cause::LinkCause;
use crate::observe::capture::Frame;
use crate::observe::link::{Content, LinkType, Unwrapped};

pub(in crate::observe::link) const USBPCAP: LinkType = LinkType {
    ids: &[249],
    name: "usbpcap",
    read,
};

/// Length of the part of the header that all kinds of transfer share.
const HEADER: usize = 27;
/// USBPCAP_TRANSFER_IRP_INFO: says something about a request, moves nothing.
const REQUEST_INFO: u8 = 0xfe;
/// USBPCAP_TRANSFER_UNKNOWN: a request that USBPcap does not follow.
const UNKNOWN: u8 = 0xff;
/// URB_FUNCTION_BULK_OR_INTERRUPT_TRANSFER_USING_CHAINED_MDL (usb.h of Windows).
const CHAINED_TRANSFER: u16 = 0x0037;
/// The endpoint and direction that are written when the driver does not know the pipe.
const ENDPOINT_UNKNOWN: u8 = 0xff;

fn read<'a>(frame: &Frame<'a>) -> Unwrapped<'a> {
    let fields = (|| {
        let header = frame.data.get(..HEADER)?;
        Some((
            usize::from(le16(header, 0)?),
            le16(header, 14)?,
            le16(header, 17)?,
            le16(header, 19)?,
            header.get(21..23)?.first_chunk::<2>()?,
            le32(header, 23)?,
        ))
    })();
    let Some((header_len, function, bus, device, &[endpoint, transfer], length)) = fields else {
        return short(frame, LinkCause::UsbpcapShort);
    };
    if header_len < HEADER {
        return Unwrapped::unreadable(LinkCause::UsbpcapLength);
    }
    if let Some(name) = no_packets(transfer) {
        return Unwrapped::bare(Content::NotIp(name));
    }
    match transfer {
        REQUEST_INFO => return Unwrapped::bare(Content::NotIp("USB request information")),
        UNKNOWN if length == 0 && function != CHAINED_TRANSFER => {
            return Unwrapped::bare(Content::NotIp("USB request without data"));
        }
        UNKNOWN if length == 0 => {
            return Unwrapped::unreadable(LinkCause::UsbpcapChained);
        }
        UNKNOWN | kind::BULK => {}
        _ => return Unwrapped::unreadable(LinkCause::UsbTransferKind),
    }
    let Some(data) = frame.data.get(header_len..) else {
        return short(frame, LinkCause::UsbpcapShort);
    };
    if data.len() > length || length - data.len() > frame.cut() {
        return Unwrapped::unreadable(LinkCause::UsbpcapHeader);
    }
    let direction = (endpoint != ENDPOINT_UNKNOWN).then(|| direction(endpoint));
    Unwrapped {
        direction,
        port: Some(port(bus, device)),
        ..Transfer::new(data, length, frame).read(direction)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::capture::Direction;
    use crate::observe::link::usb::rndis::tests::message;
    use crate::observe::link::usb::sample::{contents, ethernet, frame, ipv4};

    fn record(transfer: u8, function: u16, endpoint: u8, data: &[u8]) -> Vec<u8> {
        let mut record = vec![27, 0, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 0];
        record.extend(function.to_le_bytes());
        record.extend([1, 2, 0, 7, 0, endpoint, transfer]);
        record.extend(u32::try_from(data.len()).unwrap().to_le_bytes());
        record.extend(data);
        record
    }

    #[test]
    fn bulk_data_is_read_and_other_requests_are_named() {
        let packet = ipv4(60);
        let data = message(&ethernet(0x0800, &packet), 0);
        for (endpoint, direction) in [
            (0x81, Some(Direction::In)),
            (0x02, Some(Direction::Out)),
            (0xff, None),
        ] {
            let record = record(3, 9, endpoint, &data);
            let unwrapped = read(&frame(&record, record.len()));
            assert_eq!(unwrapped.direction, direction);
            assert_eq!(unwrapped.port, Some(0x2_0007));
            assert_eq!(contents(unwrapped), vec![Content::Ip(&packet)]);
        }
        let content = |record: &[u8]| match read(&frame(record, record.len())).content {
            Content::NotIp(_) => "not IP",
            Content::Unreadable(..) => "unreadable",
            _ => "read",
        };
        for transfer in [0, 1, 2, 0xfe] {
            assert_eq!(content(&record(transfer, 9, 0x81, &data)), "not IP");
        }
        assert_eq!(content(&record(3, 9, 0x81, &[])), "not IP");
        // A pipe was reset; a transfer was chained and its data left out.
        assert_eq!(content(&record(0xff, 0x1e, 0, &[])), "not IP");
        assert_eq!(content(&record(0xff, 0x37, 0, &[])), "unreadable");
        assert_eq!(content(&record(9, 9, 0x81, &data)), "unreadable");
        let good = record(3, 9, 0x81, &data);
        assert_eq!(content(&good[..20]), "unreadable");
        assert_eq!(content(&good[..good.len() - 1]), "unreadable");
        assert_eq!(content(&[&good[..], &[0]].concat()), "unreadable");
        let mut long = good.clone();
        long[0] = 0xff;
        long[1] = 0xff;
        assert_eq!(content(&long), "unreadable");
        long[..2].copy_from_slice(&[26, 0]);
        assert_eq!(content(&long), "unreadable");
    }
}
