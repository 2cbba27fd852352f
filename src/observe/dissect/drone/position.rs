//! Positions in frames of drone links whose checksums are right.
//!
//! DUML, command set 3 (flight controller): command 0x43, the general state that the aircraft sends ten times a second, and 0x44, the
//! home point, begin with longitude and latitude as little-endian doubles in radians (o-gs/dji-firmware-tools, comm_dissector). MAVLink:
//! GLOBAL_POSITION_INT (33), GPS_RAW_INT (24) and HOME_POSITION (242) of the common dialect, in units of 1e-7 degrees.

use super::{duml, mavlink};

/// Positions taken of one payload.
const POSITIONS_MAX: usize = 32;

/// Latitude and longitude in degrees, as the frames in a payload say them; ranges are not checked.
pub fn positions(payload: &[u8]) -> Vec<(f64, f64)> {
    let mut out = Vec::new();
    duml::each_frame(payload, &mut |set, command, body| {
        if let (3, 0x43 | 0x44) = (set, command)
            && let (Some(longitude), Some(latitude)) = (radians(body, 0), radians(body, 8))
            && out.len() < POSITIONS_MAX
        {
            out.push((latitude.to_degrees(), longitude.to_degrees()));
        }
    });
    mavlink::each_frame(payload, &mut |id, body| {
        let at = match id {
            24 => 8,
            33 => 4,
            242 => 0,
            _ => return,
        };
        if let (Some(latitude), Some(longitude)) =
            (scaled(body, at), scaled(body, at.saturating_add(4)))
            && out.len() < POSITIONS_MAX
        {
            out.push((latitude, longitude));
        }
    });
    out
}

fn radians(body: &[u8], at: usize) -> Option<f64> {
    let value = f64::from_le_bytes(*body.get(at..)?.first_chunk::<8>()?);
    value.is_finite().then_some(value)
}

fn scaled(body: &[u8], at: usize) -> Option<f64> {
    let value = i32::from_le_bytes(*body.get(at..)?.first_chunk::<4>()?);
    Some(f64::from(value) / 1e7)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::dissect::drone::crc::{crc8, crc16};

    fn duml(command: u8, body: &[u8], flags: u8) -> Vec<u8> {
        let length = u16::try_from(body.len() + 13).unwrap_or(0);
        let mut out = vec![0x55];
        out.extend((length | 1 << 10).to_le_bytes());
        out.push(crc8(duml::CRC8_SEED, &out));
        out.extend([3, 2, 1, 0, flags, 3, command]);
        out.extend(body);
        let check = crc16(duml::CRC16_SEED, &out);
        out.extend(check.to_le_bytes());
        out
    }

    #[test]
    fn the_aircraft_says_where_it_is() {
        let (latitude, longitude) = (48.137_12_f64, 11.575_4_f64);
        let mut body = [
            longitude.to_radians().to_le_bytes(),
            latitude.to_radians().to_le_bytes(),
        ]
        .concat();
        body.extend([0; 34]);
        for command in [0x43, 0x44] {
            let found = positions(&[b"wrapped", duml(command, &body, 0).as_slice()].concat());
            let [(lat, lon)] = found.as_slice() else {
                panic!("{found:?}");
            };
            assert!((lat - latitude).abs() < 1e-9 && (lon - longitude).abs() < 1e-9);
        }
        assert_eq!(positions(&duml(0x43, &body, 2)), [], "encrypted");
        assert_eq!(positions(&duml(0x42, &body, 0)), []);

        let mut frame = vec![0xfd, 28, 0, 0, 1, 1, 1, 33, 0, 0];
        frame.extend(1000u32.to_le_bytes());
        frame.extend(481_371_200i32.to_le_bytes());
        frame.extend(115_754_000i32.to_le_bytes());
        frame.extend([1; 16]);
        let check = crc16(crc16(0xffff, frame.get(1..).unwrap_or_default()), &[104]);
        frame.extend(check.to_le_bytes());
        assert_eq!(positions(&frame), [(48.13712, 11.5754)]);
        assert_eq!(positions(frame.get(..30).unwrap_or_default()), []);
    }
}
