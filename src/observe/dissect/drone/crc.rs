//! The cyclic redundancy checks of the drone links, all least-significant bit first and without a final XOR.

/// CRC-8 with polynomial 0x31 reflected: DUML and Tello headers.
pub(super) fn crc8(seed: u8, bytes: &[u8]) -> u8 {
    bytes.iter().fold(seed, |crc, &byte| {
        (0..8).fold(crc ^ byte, |crc, _| {
            if crc & 1 == 1 {
                (crc >> 1) ^ 0x8c
            } else {
                crc >> 1
            }
        })
    })
}

/// CRC-16 with polynomial 0x1021 reflected: DUML and Tello frames, and MAVLink (CRC-16/MCRF4XX).
pub(super) fn crc16(seed: u16, bytes: &[u8]) -> u16 {
    bytes.iter().fold(seed, |crc, &byte| {
        (0..8).fold(crc ^ u16::from(byte), |crc, _| {
            if crc & 1 == 1 {
                (crc >> 1) ^ 0x8408
            } else {
                crc >> 1
            }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The check values of the CRC catalogue: CRC-16/MCRF4XX, and CRC-8/MAXIM-DOW for the same polynomial with seed 0.
    #[test]
    fn catalogue_check_values() {
        assert_eq!(crc16(0xffff, b"123456789"), 0x6f91);
        assert_eq!(crc8(0, b"123456789"), 0xa1);
    }
}
