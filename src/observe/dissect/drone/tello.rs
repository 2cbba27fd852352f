//! The Ryze Tello: binary frames to its own app, and the text protocol of its SDK.
//!
//! Binary frames as documented by the TelloPilots community: 0xCC; length of the frame times eight, little-endian; CRC-8; type,
//! command, sequence; payload; CRC-16. Text as in the "Tello SDK User Guide" 1.3 to 3.0: commands to UDP 8889, replies from there,
//! state to 8890. Text has no checksum, so it counts on these ports only, and only in the words of the guide.

use super::crc::{crc8, crc16};
use super::duml::{CRC8_SEED, CRC16_SEED};

const MAGIC: u8 = 0xcc;
/// Header (9 bytes) and frame check (2).
const FRAME_MIN: usize = 11;
const COMMAND_PORT: u16 = 8889;
const STATE_PORT: u16 = 8890;
/// Longest text taken. A state line has about 160 characters, an SDK 3.0 pattern command up to 80.
const TEXT_MAX: usize = 512;
/// What opens and confirms the binary connection; two bytes with the video port follow.
const CONNECTION: [&[u8]; 2] = [b"conn_req:", b"conn_ack:"];

/// Commands of the SDK guides; those that take values have them behind a space.
const COMMANDS: &[&str] = &[
    "command",
    "takeoff",
    "land",
    "streamon",
    "streamoff",
    "emergency",
    "up",
    "down",
    "left",
    "right",
    "forward",
    "back",
    "cw",
    "ccw",
    "flip",
    "go",
    "stop",
    "curve",
    "jump",
    "speed",
    "rc",
    "wifi",
    "mon",
    "moff",
    "mdirection",
    "ap",
    "motoron",
    "motoroff",
    "throwfly",
    "port",
    "setfps",
    "setbitrate",
    "setresolution",
    "downvision",
    "reboot",
    "EXT",
    "speed?",
    "battery?",
    "time?",
    "height?",
    "temp?",
    "attitude?",
    "baro?",
    "acceleration?",
    "tof?",
    "wifi?",
    "sdk?",
    "sn?",
    "hardware?",
    "wifiversion?",
    "ap?",
    "ssid?",
];

/// Fields of the state line.
const STATE_FIELDS: &[&str] = &[
    "mid", "x", "y", "z", "mpry", "pitch", "roll", "yaw", "vgx", "vgy", "vgz", "templ", "temph",
    "tof", "h", "bat", "baro", "time", "agx", "agy", "agz",
];
/// Fields that every version sends: fewer is something else.
const STATE_FIELDS_MIN: usize = 12;

/// True if the whole payload is one binary frame, or opens the binary connection.
pub(super) fn is_frame(payload: &[u8]) -> bool {
    if CONNECTION.iter().any(|word| {
        payload
            .strip_prefix(*word)
            .is_some_and(|port| port.len() == 2)
    }) {
        return true;
    }
    let Some((&[magic, low, high, header_check], _)) = payload.split_first_chunk::<4>() else {
        return false;
    };
    let length = u16::from_le_bytes([low, high]);
    magic == MAGIC
        && payload.len() >= FRAME_MIN
        && length & 0x07 == 0
        && usize::from(length >> 3) == payload.len()
        && crc8(CRC8_SEED, &[magic, low, high]) == header_check
        && payload
            .split_last_chunk::<2>()
            .is_some_and(|(covered, check)| {
                crc16(CRC16_SEED, covered) == u16::from_le_bytes(*check)
            })
}

/// True for a command, a reply or a state line on the ports of the SDK.
pub(super) fn is_text(payload: &[u8], source_port: u16, destination_port: u16) -> bool {
    let at_home =
        [source_port, destination_port].contains(&COMMAND_PORT) || destination_port == STATE_PORT;
    if !at_home || payload.len() > TEXT_MAX {
        return false;
    }
    let Some(text) = std::str::from_utf8(payload)
        .ok()
        .filter(|text| text.is_ascii())
    else {
        return false;
    };
    let text = text.trim_end_matches(['\r', '\n', '\0', ' ']);
    match (source_port, destination_port) {
        (_, STATE_PORT) => is_state(text),
        (COMMAND_PORT, COMMAND_PORT) => is_command(text) || is_reply(text),
        (_, COMMAND_PORT) => is_command(text),
        (COMMAND_PORT, _) => is_reply(text),
        _ => false,
    }
}

fn is_command(text: &str) -> bool {
    let (word, values) = text.split_once(' ').unwrap_or((text, ""));
    COMMANDS.contains(&word) && values.bytes().all(|b| b.is_ascii_graphic() || b == b' ')
}

fn is_reply(text: &str) -> bool {
    let number = |text: &str| {
        let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic() || c == '/');
        !digits.is_empty()
            && digits.len() <= 12
            && digits
                .bytes()
                .all(|b| b.is_ascii_digit() || b".-~".contains(&b))
            && digits.bytes().any(|b| b.is_ascii_digit())
    };
    text == "ok"
        || text == "error"
        || text.strip_prefix("error ").is_some_and(|why| {
            !why.is_empty() && why.bytes().all(|b| b.is_ascii_graphic() || b == b' ')
        })
        || text.starts_with("unknown command")
        || text == "out of range"
        || number(text)
        || (text.ends_with(';') && fields(text).is_some_and(|count| count == 3))
}

fn is_state(text: &str) -> bool {
    fields(text).is_some_and(|count| count >= STATE_FIELDS_MIN)
}

/// The number of `field:value;` in the text, if it is nothing but those.
fn fields(text: &str) -> Option<usize> {
    let body = text.strip_suffix(';')?;
    let mut count = 0usize;
    for field in body.split(';') {
        let (name, value) = field.split_once(':')?;
        let sound = STATE_FIELDS.contains(&name)
            && !value.is_empty()
            && value
                .bytes()
                .all(|b| b.is_ascii_digit() || b"+-.,".contains(&b));
        if !sound {
            return None;
        }
        count = count.saturating_add(1);
    }
    Some(count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::dissect::wire::test_bytes::hex;

    #[test]
    fn the_published_take_off_frame_holds_and_any_change_breaks_it() {
        let frame = hex("cc58007c685400e401c216");
        assert!(is_frame(&frame));
        assert!(is_frame(b"conn_req:\x96\x17") && !is_frame(b"conn_req:"));
        for at in 0..frame.len() {
            assert!(!is_frame(&frame[..at]));
            let mut damaged = frame.clone();
            damaged[at] ^= 0x08;
            assert!(!is_frame(&damaged), "byte {at}");
        }
    }

    #[test]
    fn text_counts_in_the_words_of_the_guide_and_on_its_ports() {
        for command in [
            "command",
            "takeoff",
            "forward 50",
            "go 20 30 40 60 m1",
            "rc 0 0 -10 5",
            "battery?",
            "wifi name pass",
            "EXT led 0 255 0",
        ] {
            assert!(is_text(command.as_bytes(), 40000, 8889), "{command}");
            assert!(
                !is_text(command.as_bytes(), 40000, 8890)
                    && !is_text(command.as_bytes(), 8889, 40000)
            );
        }
        for reply in [
            "ok",
            "error",
            "error Motor stop",
            "87\r\n",
            "100.0",
            "6~7dm",
            "75s",
            "pitch:0;roll:-1;yaw:90;\r\n",
            "unknown command: x",
        ] {
            assert!(is_text(reply.as_bytes(), 8889, 40000), "{reply}");
            assert!(!is_text(reply.as_bytes(), 8888, 40000));
        }
        let state = "pitch:0;roll:0;yaw:-3;vgx:0;vgy:0;vgz:0;templ:72;temph:75;tof:10;h:0;bat:87;baro:-0.12;time:0;agx:-2.00;agy:1.00;agz:-999.00;\r\n";
        assert!(is_text(state.as_bytes(), 8889, 8890));
        for other in [
            "",
            "hello",
            "commands",
            "forward\x0150",
            "okay",
            "pitch:0;",
            "https://a.example",
            "-",
            "123456789012345",
        ] {
            for ports in [(40000, 8889), (8889, 40000), (8889, 8890)] {
                assert!(
                    !is_text(other.as_bytes(), ports.0, ports.1),
                    "{other} {ports:?}"
                );
            }
        }
    }
}
