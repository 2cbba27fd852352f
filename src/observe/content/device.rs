//! Other ids that stay with a device, under names that say so. The value decides nothing beyond being an id: long, mixed, no word.

use super::advertising::{is_hex, is_uuid, varied};
use super::{Detector, named};
use crate::evidence::content::Kind;

pub(super) const DETECTOR: Detector = Detector {
    kind: Kind::DeviceId,
    keys: &[
        "deviceid",
        "devid",
        "deviceuuid",
        "deviceudid",
        "deviceguid",
        "udid",
        "utdid",
        "openudid",
        "duid",
        "hardwareid",
        "machineid",
        "phoneid",
        "terminalid",
        "clientdeviceid",
        "uniqueid",
        "umid",
        "devicetoken",
        "pushtoken",
        "fcmtoken",
        "registrationid",
    ],
    find: |text, out| {
        let holds = |value: &str| is_id(value) && !super::imei::is_imei(value);
        named(text, Kind::DeviceId, holds, out);
    },
};

fn is_id(value: &str) -> bool {
    /// Shorter ones number a model or a slot.
    const SHORT: usize = 12;
    /// Longer ones are sealed blobs, of which nothing can be said.
    const LONG: usize = 200;
    let digits = value.bytes().filter(u8::is_ascii_digit).count();
    let legal = value.bytes().all(|b| {
        b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'+' | b'/' | b'=' | b':' | b'.')
    });
    is_uuid(value)
        || ((SHORT..=LONG).contains(&value.len())
            && legal
            && varied(value)
            && (is_hex(value) || digits >= 3))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::content::found_by;

    #[test]
    fn ids_and_no_words() {
        for value in [
            "cdda802e-fb9c-47ad-9866-0794d394c912",
            "3f2a9c51be407d683f2a9c51be407d68",
            "WvDkEQbCa3ADAFcb5R6k9S2m",
        ] {
            assert_eq!(found_by(&DETECTOR, &format!("device_id={value}")), [value]);
        }
        for value in [
            "iPhone",
            "unknown-device-name",
            "0000000000000000",
            "12",
            "490154203237518",
        ] {
            assert_eq!(found_by(&DETECTOR, &format!("device_id={value}")), [""; 0]);
        }
    }
}
