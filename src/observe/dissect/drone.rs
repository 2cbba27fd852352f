//! Is this payload a drone's control link?
//!
//! Recognises, by content, the links that drones and their controllers speak on the local network: DJI's DUML and its Wi-Fi
//! wrapper, MAVLink 1 and 2, the binary and the text protocol of the Tello, Parrot's ARSDK. Where a protocol has checksums they
//! must be right. This shows that an app was at work with an aircraft; it never says where the packets went, and a drone
//! protocol towards a public address is internet traffic like any other. What stands in the frames is not read.
//!
//! Not recognised: video alone (H.264 over RTP or plain UDP looks the same everywhere), OcuSync and AOA (no IP), and
//! encrypted links.

mod arsdk;
mod crc;
mod dji_wifi;
mod duml;
mod mavlink;
mod position;
mod tello;

pub use position::positions;

/// A drone link, as recognised from one payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DroneLink {
    /// DUML frames, both checksums right.
    Duml,
    /// DJI's UDP wrapper: length, type and XOR right.
    DjiWifi,
    /// MAVLink 1 or 2, checksum right.
    Mavlink,
    /// The Tello's binary frames, both checksums right.
    Tello,
    /// The Tello's text commands, replies and state on their ports.
    TelloText,
    /// Parrot's handshake or frames.
    Arsdk,
}

/// Recognises the payload of one UDP datagram or TCP segment. Meant for a few payloads per flow, not for each.
pub fn recognise(payload: &[u8], source_port: u16, destination_port: u16) -> Option<DroneLink> {
    if dji_wifi::is_wrapped(payload) {
        Some(DroneLink::DjiWifi)
    } else if tello::is_frame(payload) {
        Some(DroneLink::Tello)
    } else if mavlink::has_frame(payload) {
        Some(DroneLink::Mavlink)
    } else if duml::has_frame(payload) {
        Some(DroneLink::Duml)
    } else if tello::is_text(payload, source_port, destination_port) {
        Some(DroneLink::TelloText)
    } else if arsdk::is_link(payload, source_port, destination_port) {
        Some(DroneLink::Arsdk)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::dissect::wire::test_bytes::{Noise, hex};

    #[test]
    fn noise_and_other_protocols_are_no_drone() {
        let mut noise = Noise(0x1234_5678_9abc_def1);
        for round in 0..30_000 {
            let count = noise.below(400);
            let mut bytes = noise.bytes(count);
            // PeerState of them begin like a frame, to reach past the first check.
            if let Some(first) = bytes.first_mut().filter(|_| round % 2 == 0) {
                *first = [0x55, 0xcc, 0xfd, 0xfe, 2, 4][noise.below(6)];
            }
            for (source, destination) in
                [(40000, 14550), (8889, 8890), (40000, 8889), (44444, 54321)]
            {
                assert_eq!(recognise(&bytes, source, destination), None, "{bytes:02x?}");
            }
        }
        for other in [
            &hex("1234010000010000000000000377777707657861 6d706c6500000100 01")[..],
            &hex("000100582112a442b7e7a701bc34d686fa87dfae"),
            &hex("c300000001088394c8f03e5157080000449e00000002"),
            b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n",
            b"",
        ] {
            assert_eq!(recognise(other, 40000, 8889), None);
        }
    }
}
