//! MAVLink 1 and 2: the open telemetry and command protocol of PX4, ArduPilot and many others.
//!
//! Frame form as in the MAVLink guide, "Packet Serialization". The checksum, CRC-16/MCRF4XX, covers all behind the magic byte and
//! then one byte per message type (CRC_EXTRA) that both ends derive from the message definition; those of the dialects
//! minimal, standard and common are in `mavlink_crc_extra.tsv`. A message outside these cannot be validated and is not recognised; every
//! vehicle sends HEARTBEAT (0) once a second.

use std::sync::LazyLock;

use super::crc::crc16;

const MAGIC_1: u8 = 0xfe;
const MAGIC_2: u8 = 0xfd;
/// Incompatibility flag of MAVLink 2: a signature follows the checksum. A receiver must refuse frames with other flags.
const SIGNED: u8 = 0x01;
const SIGNATURE_LEN: usize = 13;
/// Frames looked at in one payload: messages of other dialects may stand before one that is known.
const FRAMES_MAX: usize = 32;

/// What is needed to check a frame of one message type.
#[derive(Debug, Clone, Copy)]
struct Message {
    id: u32,
    crc_extra: u8,
    /// Payload bytes without extension fields.
    min_len: u8,
    /// Payload bytes with extension fields.
    max_len: u8,
}

/// Sorted by id.
static MESSAGES: LazyLock<Vec<Message>> = LazyLock::new(|| {
    include_str!("mavlink_crc_extra.tsv")
        .lines()
        .filter_map(Message::read)
        .collect()
});

impl Message {
    /// One line of the table; comments are skipped.
    fn read(line: &str) -> Option<Self> {
        let mut columns = line.split('\t');
        let id = columns.next()?.parse().ok()?;
        let mut number = || columns.next()?.parse().ok();
        Some(Self {
            id,
            crc_extra: number()?,
            min_len: number()?,
            max_len: number()?,
        })
    }

    fn find(id: u32) -> Option<Self> {
        let at = MESSAGES
            .binary_search_by_key(&id, |message| message.id)
            .ok()?;
        MESSAGES.get(at).copied()
    }
}

/// A frame of right form; whether its checksum could be and was confirmed is `valid`.
struct Frame {
    length: usize,
    valid: bool,
}

/// True if the payload begins with frames, one of which is known and has the right checksum.
pub(super) fn has_frame(payload: &[u8]) -> bool {
    let mut rest = payload;
    for _ in 0..FRAMES_MAX {
        let Some(frame) = frame_1(rest).or_else(|| frame_2(rest)) else {
            return false;
        };
        if frame.valid {
            return true;
        }
        rest = rest.get(frame.length..).unwrap_or_default();
    }
    false
}

/// Lends number and payload of each known, valid message among the frames that a payload begins with. Zeros that version 2 cuts
/// off are put back.
pub(super) fn each_frame(payload: &[u8], lend: &mut dyn FnMut(u32, &[u8])) {
    let mut rest = payload;
    for _ in 0..FRAMES_MAX {
        let Some(frame) = frame_1(rest).or_else(|| frame_2(rest)) else {
            return;
        };
        let (id, from) = match rest {
            [MAGIC_1, _, _, _, _, id, ..] => (u32::from(*id), 6),
            [_, _, _, _, _, _, _, id0, id1, id2, ..] => {
                (u32::from_le_bytes([*id0, *id1, *id2, 0]), 10)
            }
            _ => return,
        };
        let sent = rest.get(1).map_or(0, |length| usize::from(*length));
        if frame.valid
            && let Some(sent) = rest.get(from..).and_then(|b| b.get(..sent))
        {
            let mut body = [0; 256];
            for (to, byte) in body.iter_mut().zip(sent) {
                *to = *byte;
            }
            lend(id, &body);
        }
        rest = rest.get(frame.length..).unwrap_or_default();
    }
}

/// `fe len seq sys comp id payload crc`.
fn frame_1(bytes: &[u8]) -> Option<Frame> {
    let (&[magic, payload_len, _, _, _, id], _) = bytes.split_first_chunk::<6>()?;
    if magic != MAGIC_1 {
        return None;
    }
    let covered = bytes.get(1..6 + usize::from(payload_len))?;
    let message = Message::find(id.into()).filter(|message| message.min_len == payload_len);
    Some(Frame {
        length: covered.len() + 3,
        valid: checksum_holds(message, covered, bytes),
    })
}

/// `fd len incompat compat seq sys comp id[3] payload crc [signature]`; zeros at the end of the payload are cut off.
fn frame_2(bytes: &[u8]) -> Option<Frame> {
    let (&[magic, payload_len, incompatible, _, _, _, _, id0, id1, id2], _) =
        bytes.split_first_chunk::<10>()?;
    if magic != MAGIC_2 || incompatible & !SIGNED != 0 || payload_len == 0 {
        return None;
    }
    let covered = bytes.get(1..10 + usize::from(payload_len))?;
    let signature = if incompatible & SIGNED != 0 {
        SIGNATURE_LEN
    } else {
        0
    };
    let message = Message::find(u32::from_le_bytes([id0, id1, id2, 0]))
        .filter(|message| payload_len <= message.max_len);
    Some(Frame {
        length: covered.len() + 3 + signature,
        valid: checksum_holds(message, covered, bytes),
    })
}

fn checksum_holds(message: Option<Message>, covered: &[u8], frame: &[u8]) -> bool {
    let sent = frame
        .get(1 + covered.len()..)
        .and_then(<[u8]>::first_chunk::<2>);
    match (message, sent) {
        (Some(message), Some(sent)) => {
            crc16(crc16(0xffff, covered), &[message.crc_extra]) == u16::from_le_bytes(*sent)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::dissect::wire::test_bytes::hex;

    /// HEARTBEAT as pymavlink writes it.
    const HEARTBEAT_2: &str = "fd0900000001010000000000000002030003034f5b";
    const HEARTBEAT_1: &str = "fe0900010100000000000203000303d598";

    #[test]
    fn heartbeats_of_both_versions_hold_and_any_change_breaks_them() {
        for frame in [hex(HEARTBEAT_1), hex(HEARTBEAT_2)] {
            assert!(has_frame(&frame));
            for cut in 0..frame.len() {
                assert!(!has_frame(&frame[..cut]));
            }
            for at in 0..frame.len() {
                let mut damaged = frame.clone();
                damaged[at] ^= 0x04;
                assert!(!has_frame(&damaged), "byte {at}");
            }
        }
    }

    #[test]
    fn a_known_frame_behind_an_unknown_one_is_found() {
        // Message 50000 is in none of the dialects.
        let unknown = hex("fd 02 00 00 00 01 01 50c300 aabb 1234");
        assert!(!has_frame(&unknown));
        assert!(has_frame(&[unknown, hex(HEARTBEAT_2)].concat()));
    }

    #[test]
    fn the_table_is_sorted_and_whole() {
        assert_eq!(
            MESSAGES.len(),
            include_str!("mavlink_crc_extra.tsv")
                .lines()
                .filter(|l| !l.starts_with('#'))
                .count()
        );
        assert!(MESSAGES.is_sorted_by(|a, b| a.id < b.id && a.min_len <= a.max_len));
        // The two values that the MAVLink guide and public dissectors quote most.
        assert_eq!(Message::find(24).unwrap().crc_extra, 24, "GPS_RAW_INT");
        assert_eq!(
            Message::find(33).unwrap().crc_extra,
            104,
            "GLOBAL_POSITION_INT"
        );
    }
}
