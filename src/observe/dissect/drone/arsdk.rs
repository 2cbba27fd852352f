//! Parrot's ARSDK (Bebop, Anafi): a JSON handshake over TCP 44444, then frames over UDP.
//!
//! As in Parrot's "ARSDK Protocols" guide. Frame, little-endian: type (1 acknowledgement, 2 data, 3 low-latency data, 4 data with
//! acknowledgement), buffer id, sequence number, size of the frame including these seven bytes. There is no checksum, so the payload
//! must be nothing but frames of known buffers whose sizes fit their kind. The UDP ports are agreed on in the handshake; both
//! must at least be unprivileged.

const HANDSHAKE_PORT: u16 = 44444;
/// Longest handshake taken; real ones have about 200 bytes.
const HANDSHAKE_MAX: usize = 4096;
const HEADER_LEN: usize = 7;
/// Command header: project, class, command (two bytes).
const COMMAND_HEADER_LEN: usize = 4;
/// Ports of the frames lie above the privileged ones.
const PORT_MIN: u16 = 1024;

mod buffer {
    /// Pings and pongs carry a time stamp.
    pub(super) const PING_PONG: [u8; 2] = [0, 1];
    /// Commands and events, towards the aircraft and from it.
    pub(super) const COMMANDS: [u8; 5] = [10, 11, 12, 126, 127];
    /// Video, acknowledged in 13.
    pub(super) const VIDEO: u8 = 125;
    pub(super) const VIDEO_ACKNOWLEDGED: u8 = 13;
    /// The acknowledgement of buffer n goes to n + 128.
    pub(super) const ACKNOWLEDGEMENTS: [u8; 5] =
        [128 + 10, 128 + 11, 128 + 12, 128 + 126, 128 + 127];
}

/// True for a handshake message or a datagram of frames.
pub(super) fn is_link(payload: &[u8], source_port: u16, destination_port: u16) -> bool {
    if source_port == HANDSHAKE_PORT || destination_port == HANDSHAKE_PORT {
        return is_handshake(payload);
    }
    source_port >= PORT_MIN && destination_port >= PORT_MIN && is_frames(payload)
}

fn is_handshake(payload: &[u8]) -> bool {
    let Some(text) = payload
        .get(..payload.len().min(HANDSHAKE_MAX))
        .and_then(|head| std::str::from_utf8(head).ok())
    else {
        return false;
    };
    let text = text.trim_end_matches('\0').trim();
    let key = |name: &str| {
        // The key itself, not the word inside another string.
        text.split(&format!("\"{name}\""))
            .skip(1)
            .any(|behind| behind.trim_start().starts_with(':'))
    };
    text.starts_with('{')
        && text.ends_with('}')
        && ((key("controller_name") && key("d2c_port")) || (key("status") && key("c2d_port")))
}

fn is_frames(payload: &[u8]) -> bool {
    let mut rest = payload;
    // Each round takes at least the header off.
    while let Some((&[kind, id, _, s0, s1, s2, s3], _)) = rest.split_first_chunk::<HEADER_LEN>() {
        let Some((frame, behind)) = usize::try_from(u32::from_le_bytes([s0, s1, s2, s3]))
            .ok()
            .and_then(|size| rest.split_at_checked(size))
        else {
            return false;
        };
        let Some(data) = frame.get(HEADER_LEN..) else {
            return false;
        };
        if !is_known(kind, id, data.len()) {
            return false;
        }
        rest = behind;
    }
    rest.is_empty() && !payload.is_empty()
}

fn is_known(kind: u8, id: u8, data_len: usize) -> bool {
    match kind {
        1 => data_len == 1 && buffer::ACKNOWLEDGEMENTS.contains(&id),
        // A time stamp of two 32-bit or two 64-bit numbers.
        2 if buffer::PING_PONG.contains(&id) => matches!(data_len, 8 | 16),
        2 | 4 if buffer::COMMANDS.contains(&id) => data_len >= COMMAND_HEADER_LEN,
        // Frame number (2), flags, fragment number, fragments per frame; then a part of the picture.
        3 if id == buffer::VIDEO => data_len > 5,
        // Frame number (2) and two 64-bit sets of fragments.
        2 | 3 if id == buffer::VIDEO_ACKNOWLEDGED => data_len == 18,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::dissect::wire::test_bytes::hex;

    #[test]
    fn handshakes() {
        let request =
            b"{\"controller_name\":\"phone\",\"controller_type\":\"app\",\"d2c_port\":43210}\0";
        let answer =
            b"{ \"status\" : 0, \"c2d_port\": 54321, \"arstream2_server_stream_port\": 5004 }";
        assert!(is_link(request, 40000, 44444) && is_link(answer, 44444, 40000));
        assert!(!is_link(request, 40000, 44443), "only on its port");
        assert!(!is_link(
            b"{\"note\":\"controller_name d2c_port\"}",
            40000,
            44444
        ));
        assert!(!is_link(&answer[..20], 44444, 40000));
    }

    #[test]
    fn frames_fill_the_datagram_or_are_none() {
        // pong, a piloting command (ARDrone3, class 0, command 2), an acknowledgement
        let frames = hex(
            "02 01 05 0f000000 0102030405060708  02 0a 11 10000000 01 00 0200 0000000000  01 fe 03 08000000 41",
        );
        assert!(is_link(&frames, 54321, 43210));
        for cut in 1..frames.len() {
            assert_eq!(
                is_link(&frames[..cut], 54321, 43210),
                cut == 15 || cut == 31,
                "only at a border: {cut}"
            );
        }
        assert!(!is_link(&frames, 53, 43210));
        assert!(
            !is_link(&hex("02 14 00 0b000000 01000200"), 54321, 43210),
            "no such buffer"
        );
        assert!(
            !is_link(&hex("01 0a 00 08000000 00"), 54321, 43210),
            "not an acknowledgement buffer"
        );
        assert!(
            !is_link(&hex("02 01 00 00000000"), 54321, 43210),
            "a size of zero"
        );
    }
}
