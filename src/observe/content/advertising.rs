//! Ids made to recognise a person's device: advertising ids of Google, Apple, Huawei and China's MSA (UUIDs, RFC 9562
//! §4), and Android's id of an installation (`Settings.Secure.ANDROID_ID`: sixteen hexadecimal digits).

use super::{Detector, named};
use crate::evidence::content::Kind;

pub(super) const ADVERTISING_ID: Detector = Detector {
    kind: Kind::AdvertisingId,
    keys: &[
        "idfa",
        "idfv",
        "gaid",
        "aaid",
        "adid",
        "oaid",
        "vaid",
        "ifa",
        "gpsadid",
        "googleadid",
        "googleaid",
        "advertisingid",
        "advertiserid",
        "adsid",
        "advertid",
        "rdid",
        "maid",
    ],
    find: |text, out| named(text, Kind::AdvertisingId, is_advertising_id, out),
};

pub(super) const ANDROID_ID: Detector = Detector {
    kind: Kind::AndroidId,
    keys: &["androidid", "aid", "ssaid", "anid"],
    find: |text, out| named(text, Kind::AndroidId, is_android_id, out),
};

/// 8-4-4-4-12 hexadecimal digits, not all the same: a user who refused has zeros.
pub(super) fn is_uuid(value: &str) -> bool {
    let lengths = [8, 4, 4, 4, 12];
    let mut groups = value.split('-');
    lengths.iter().all(|length| {
        groups
            .next()
            .is_some_and(|g| g.len() == *length && is_hex(g))
    }) && groups.next().is_none()
        && varied(value)
}

pub(super) fn is_hex(value: &str) -> bool {
    !value.is_empty() && value.bytes().all(|b| b.is_ascii_hexdigit())
}

/// Not a placeholder of few different digits.
pub(super) fn varied(value: &str) -> bool {
    let marks = value.bytes().filter(u8::is_ascii_alphanumeric);
    let seen = marks.fold(0u128, |seen, byte| seen | 1 << (byte & 0x7f));
    seen.count_ones() >= 4
}

fn is_advertising_id(value: &str) -> bool {
    is_uuid(value) || (matches!(value.len(), 16 | 32 | 64) && is_hex(value) && varied(value))
}

fn is_android_id(value: &str) -> bool {
    // One that thousands of phones of 2010 shared, and emulators still have.
    value.len() == 16 && is_hex(value) && varied(value) && value != "9774d56d682e549c"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::content::found_by;

    #[test]
    fn ids_under_their_names() {
        let uuid = "cdda802e-fb9c-47ad-9866-0794d394c912";
        for name in ["gaid", "idfa", "ADVERTISING_ID", "gps_adid"] {
            assert_eq!(
                found_by(&ADVERTISING_ID, &format!("{name}={uuid}")),
                [uuid],
                "{name}"
            );
        }
        assert_eq!(
            found_by(&ANDROID_ID, r#"{"android_id":"3f2a9c51be407d68"}"#),
            ["3f2a9c51be407d68"]
        );
        for text in [
            "idfa=00000000-0000-0000-0000-000000000000".to_owned(),
            format!("request_id={uuid}"),
            "gaid=cdda802e-fb9c-47ad-9866".to_owned(),
            "gaid=unknown".to_owned(),
        ] {
            assert_eq!(found_by(&ADVERTISING_ID, &text), [""; 0], "{text}");
        }
        for text in [
            "aid=2329",
            "android_id=9774d56d682e549c",
            "android_id=0000000000000000",
        ] {
            assert_eq!(found_by(&ANDROID_ID, text), [""; 0], "{text}");
        }
    }
}
