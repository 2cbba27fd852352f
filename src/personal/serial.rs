//! Serial numbers of aircraft, controllers, cameras and batteries, under names that say so.
//!
//! DJI's have fourteen characters (older aircraft) or twenty (ANSI/CTA-2063-A: maker code, length code, number); other makers'
//! are similar. A short name such as `sn` means many things, so its value must look like a serial number.

use super::advertising::varied;
use super::text::Text;
use super::{Detector, Found, Kind, mask};

pub(super) const DETECTOR: Detector = Detector {
    kind: Kind::SerialNumber,
    keys: &[
        "sn",
        "*devicesn",
        "*dronesn",
        "*aircraftsn",
        "*flycsn",
        "*flightcontrollersn",
        "*productsn",
        "*hardwaresn",
        "*rcsn",
        "*remotecontrollersn",
        "*camerasn",
        "*batterysn",
        "*gimbalsn",
        "*boardsn",
        "*gatewaysn",
        "*serial",
        "*serialno",
        "*serialnumber",
        "*serialnum",
    ],
    find,
};

fn find(text: &Text<'_>, out: &mut Vec<Found>) {
    for field in text.fields(Kind::SerialNumber) {
        let Some(value) = field.text() else { continue };
        let clear = !matches!(field.name(), "sn" | "serial");
        if is_serial(value, clear) {
            out.push(Found {
                kind: Kind::SerialNumber,
                at: field.at,
                end: field.end(),
                plain: value.to_owned(),
                masked: mask::ends(value),
            });
        }
    }
}

fn is_serial(value: &str, clear: bool) -> bool {
    let least = if clear { 8 } else { 10 };
    let digits = value.bytes().filter(u8::is_ascii_digit).count();
    let letters = value.bytes().filter(u8::is_ascii_uppercase).count();
    (least..=24).contains(&value.len())
        && digits.saturating_add(letters) == value.len()
        && digits >= 4
        && (clear || letters >= 1)
        && varied(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::personal::found_by;

    #[test]
    fn serial_numbers_under_their_names() {
        for text in [
            r#"{"sn":"0V2CH8C0030XYZ"}"#,
            "device_sn=1ZNBJ1900C00GU",
            "droneSN=1581F5BKD23370001234",
        ] {
            assert_eq!(found_by(&DETECTOR, text).len(), 1, "{text}");
        }
        for text in [
            "sn=1234567890",
            "sn=12",
            "serial=true",
            "sn=SENSORNAMES",
            "asn=AS64500",
            "serial_number=00000000",
        ] {
            assert_eq!(found_by(&DETECTOR, text), [""; 0], "{text}");
        }
    }
}
