//! Hardware addresses under names that say so (IEEE 802-2014 §8.2): of the phone, the aircraft, or the access point, which is a place.

use super::text::Text;
use super::{Detector, Found, mask};
use crate::evidence::content::Kind;

pub(super) const DETECTOR: Detector = Detector {
    kind: Kind::MacAddress,
    keys: &[
        "*mac",
        "*macaddr",
        "*macaddress",
        "*macaddresses",
        "*bssid",
        "*bluetoothaddress",
        "*bluetoothaddr",
        "*btaddress",
        "*btaddr",
        "*bdaddr",
        "hwaddr",
        "hardwareaddress",
    ],
    find,
};

fn find(text: &Text<'_>, out: &mut Vec<Found>) {
    for field in text.fields(Kind::MacAddress) {
        if let Some(value) = field.text()
            && let Some(mac) = address(value)
        {
            out.push(Found {
                kind: Kind::MacAddress,
                at: field.at,
                end: field.end(),
                plain: mac,
                masked: masked(value),
            });
        }
    }
}

/// Six octets, if they can be one machine's.
fn address(value: &str) -> Option<String> {
    let separated = [':', '-']
        .iter()
        .any(|s| value.split(*s).count() == 6 && value.split(*s).all(|octet| octet.len() == 2));
    let bare = value.len() == 12;
    // As routers write them.
    let fours = value.split('.').count() == 3 && value.split('.').all(|four| four.len() == 4);
    let digit = |c: &char| !(matches!(c, ':' | '-') || (fours && *c == '.'));
    let digits: String = value.chars().filter(digit).collect();
    if !(separated || bare || fours) || digits.len() != 12 {
        return None;
    }
    let number = u64::from_str_radix(&digits, 16).ok()?;
    // Twelve decimal digits without separators are more often something else.
    let decimal = bare && digits.bytes().all(|b| b.is_ascii_digit());
    let group = number >> 40 & 1 == 1;
    // What Android gives in place of its own address.
    let dummy = number == 0x0200_0000_0000 || number == 0;
    (!group && !dummy && !decimal).then(|| value.to_ascii_lowercase())
}

/// The maker's half says what it is; the other half says whose.
fn masked(value: &str) -> String {
    let kept = value.get(..2).unwrap_or_default();
    mask::ends(value).replacen(kept.get(..1).unwrap_or_default(), kept, 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::content::found_by;

    #[test]
    fn addresses_of_one_machine() {
        for text in [
            r#"{"mac":"60:60:1F:aa:bb:cc"}"#,
            "wifi_mac=60-60-1f-aa-bb-cc",
            "bssid=60601faabbcc",
            "bssid=6060.1faa.bbcc",
        ] {
            assert_eq!(found_by(&DETECTOR, text).len(), 1, "{text}");
        }
        for text in [
            "mac=ff:ff:ff:ff:ff:ff",
            "mac=00:00:00:00:00:00",
            "mac=02:00:00:00:00:00",
            "mac=01:00:5e:00:00:fb",
            "mac=123456789012",
            "mac=1234.5678.90",
            "mac=12.345678.9012",
            "os=mac",
            "hmac=60601faabbccdd",
            "time=10:10:10:10:10:10",
        ] {
            assert_eq!(found_by(&DETECTOR, text), [""; 0], "{text}");
        }
        assert_eq!(masked("60:60:1f:aa:bb:cc"), "60***c");
    }
}
