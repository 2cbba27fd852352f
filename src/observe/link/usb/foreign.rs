//! Bulk protocols that carry no IP, by the signatures of their transfers.
//!
//! Only what a signature stands in front of is named. The data stages of mass storage, the payload
//! of ADB messages and the later transfers of a file or a video are bytes like any other.

use super::duml::is_duml;
use super::{Transfer, le16, le32};

/// Mass storage (Bulk-Only Transport 1.0 §5.1, §5.2): lengths of the command and status wrapper.
const COMMAND_WRAPPER: usize = 31;
const STATUS_WRAPPER: usize = 13;
/// Android debug bridge (protocol.txt): length of the message header, offset of its check.
const ADB_HEADER: usize = 24;
const ADB_MAGIC: usize = 20;
const ADB_COMMANDS: [&[u8; 4]; 8] = [
    b"SYNC", b"CNXN", b"AUTH", b"OPEN", b"OKAY", b"CLSE", b"WRTE", b"STLS",
];
/// Picture and media transfer (PIMA 15740 annex D, USB still image class §7.1): container header.
const PTP_HEADER: usize = 12;
/// DJI's envelope on an accessory link, as public tools document it: 55 cc, port, length of the
/// payload. The app refuses longer payloads than this.
const DJI_HEADER: usize = 8;
const DJI_PAYLOAD_MAX: usize = 0x20_0000;
/// Ports: DUML in both directions, video.
const DJI_DUML: [u16; 2] = [0x5749, 0x7530];
const DJI_VIDEO: u16 = 0x574a;

/// What a transfer is, if it is known and carries no IP.
pub(super) fn name(transfer: &Transfer<'_>) -> Option<&'static str> {
    let (data, wire) = (transfer.data, transfer.wire);
    match data {
        [b'U', b'S', b'B', b'C', ..] if wire == COMMAND_WRAPPER => Some("USB mass storage"),
        [b'U', b'S', b'B', b'S', ..] if wire == STATUS_WRAPPER => Some("USB mass storage"),
        // The first transfer of an iPhone's tethering; its frames begin otherwise.
        [0, 1, _, _] if wire == 4 => Some("iPhone tethering control"),
        _ if is_adb(data) => Some("Android debug bridge"),
        _ if is_ptp(data, wire) => Some("picture or media transfer"),
        [0x55, 0xcc, ..] => dji_envelope(data),
        [0x55, ..] if is_duml(data) => Some("DUML"),
        _ => None,
    }
}

/// The header ends with the bits of its command inverted.
fn is_adb(data: &[u8]) -> bool {
    let command = data.first_chunk::<4>();
    let magic = data.get(ADB_MAGIC..ADB_HEADER);
    command.zip(magic).is_some_and(|(command, magic)| {
        ADB_COMMANDS.contains(&command) && command.iter().zip(magic).all(|(c, m)| *c == !*m)
    })
}

/// A container that fills its transfer, whose code belongs to its type.
fn is_ptp(data: &[u8], wire: usize) -> bool {
    let (Some(len), Some(kind), Some(code)) = (le32(data, 0), le16(data, 4), le16(data, 6)) else {
        return false;
    };
    let range = code >> 12;
    len == wire
        && len >= PTP_HEADER
        && match kind {
            // Commands and their data, with the vendors' own codes; responses; events.
            1 | 2 => matches!(range, 0x1 | 0x9),
            3 => matches!(range, 0x2 | 0xa),
            4 => matches!(range, 0x4 | 0xc),
            _ => false,
        }
}

fn dji_envelope(data: &[u8]) -> Option<&'static str> {
    let (port, len) = (le16(data, 2)?, le32(data, 4)?);
    if len == 0 || len > DJI_PAYLOAD_MAX {
        return None;
    }
    match port {
        DJI_VIDEO => Some("DJI accessory link, video"),
        _ if DJI_DUML.contains(&port) && data.get(DJI_HEADER) == Some(&0x55) => {
            Some("DJI accessory link, DUML")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::dissect::wire::test_bytes::hex;
    use crate::observe::link::usb::sample::whole;

    #[test]
    fn signatures_are_known_and_near_misses_are_not() {
        let name = |bytes: &[u8]| name(&whole(bytes));
        // The command of usbmon.rst's example, and its status.
        let command = hex("55534243 ad000000 00800000 80010a28 20000000 20000040 00000000 000000");
        assert_eq!(name(&command), Some("USB mass storage"));
        assert_eq!(name(&command[..30]), None);
        assert_eq!(
            name(&hex("55534253 ad000000 00000000 00")),
            Some("USB mass storage")
        );
        let mut write = hex("57525445 01000000 02000000 10000000 00000000 a8adabba");
        assert_eq!(name(&write), Some("Android debug bridge"));
        write[20] ^= 1;
        assert_eq!(name(&write), None);
        // GetDeviceInfo, OK; a container longer than its transfer, a code of another type.
        let ptp = "picture or media transfer";
        assert_eq!(name(&hex("0c000000 0100 0110 00000000")), Some(ptp));
        assert_eq!(name(&hex("0c000000 0300 0120 00000000")), Some(ptp));
        assert_eq!(name(&hex("0d000000 0300 0120 00000000")), None);
        assert_eq!(name(&hex("0c000000 0300 0110 00000000")), None);
        assert_eq!(name(&[0, 1, 5, 0]), Some("iPhone tethering control"));
    }

    #[test]
    fn duml_is_known_bare_and_in_its_envelope() {
        let name = |bytes: &[u8]| name(&whole(bytes));
        let frame = hex("550E04662A28DE2F40004F0154c8");
        assert_eq!(name(&frame), Some("DUML"));
        let in_envelope = [&hex("55cc4957 0e000000")[..], &frame].concat();
        assert_eq!(name(&in_envelope), Some("DJI accessory link, DUML"));
        assert!(name(&hex("55cc4a57 00100000 000000016742")).is_some());
        // A frame further in says nothing of what stands in front; nor does an unknown port.
        assert_eq!(name(&[&[0x45, 0][..], &frame].concat()), None);
        assert_eq!(name(&[&frame[..13], &[0]].concat()), None);
        assert_eq!(name(&hex("55cc5157 0e000000 55")), None);
    }
}
