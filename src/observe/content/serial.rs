//! Serial numbers of aircraft, controllers, cameras and batteries, under names that say so.
//!
//! DJI's have fourteen characters (older aircraft) or twenty (ANSI/CTA-2063-A: maker code, length code, number); other makers'
//! are similar. A short name such as `sn` means many things, so its value must look like a serial number. Without any name one is
//! known by DJI's maker code of ANSI/CTA-2063-A, `1581`, with the length code for fifteen characters behind it, or by words before it.

use super::advertising::varied;
use super::text::Text;
use super::{Detector, Found, mask};
use crate::evidence::content::Kind;

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
    let mut named = Vec::new();
    for field in text.fields(Kind::SerialNumber) {
        let Some(value) = field.text() else { continue };
        let clear = !matches!(field.name(), "sn" | "serial");
        if is_serial(value, clear) {
            named.push(field.value_at);
            out.push(found(value, field.at, field.end()));
        }
    }
    if text.sure {
        named.sort_unstable();
        alone(text, &named, out);
    }
}

fn found(value: &str, at: usize, end: usize) -> Found {
    Found {
        kind: Kind::SerialNumber,
        at,
        end,
        plain: value.to_owned(),
        masked: mask::ends(value),
    }
}

/// Serial numbers in running text.
fn alone(text: &Text<'_>, named: &[usize], out: &mut Vec<Found>) {
    /// Four characters of the maker, one of the length, fifteen of the number.
    const LENGTH: usize = 20;
    /// Both forms of DJI.
    const LENGTHS: [usize; 2] = [14, LENGTH];
    const DJI: &[u8] = b"1581F";
    const WORDS: &[&str] = &["serial", "serialno", "serialnumber", "serialnr", "sn"];
    let is_part = |b: &u8| b.is_ascii_digit() || b.is_ascii_uppercase();
    // One byte in so many at least is part of a number that is long enough.
    let step = 14usize;
    let mut probe = step.saturating_sub(1);
    while let Some(byte) = text.byte(probe) {
        if !is_part(&byte) {
            probe = probe.saturating_add(step);
            continue;
        }
        let before = text.bytes.get(..probe).unwrap_or_default();
        let lead = before.iter().rev().take_while(|b| is_part(b)).count();
        let behind = text.bytes.get(probe..).unwrap_or_default();
        let follow = behind.iter().take_while(|b| is_part(b)).count();
        let (at, end) = (probe.saturating_sub(lead), probe.saturating_add(follow));
        probe = end.saturating_add(step);
        let value = text.bytes.get(at..end).unwrap_or_default();
        let joined =
            |b: Option<u8>| b.is_some_and(|b| b.is_ascii_lowercase() || matches!(b, b'+' | b'='));
        if !LENGTHS.contains(&value.len())
            || joined(text.before(at))
            || joined(text.byte(end))
            || named.binary_search(&at).is_ok()
        {
            continue;
        }
        let maker = value.len() == LENGTH && value.starts_with(DJI);
        let words = text.words_before(at);
        let said = WORDS.iter().any(|word| words.ends_with(word)) && !words.ends_with("asn");
        if let Ok(value) = std::str::from_utf8(value)
            && (maker || said)
            && is_serial(value, false)
        {
            out.push(found(value, at, end));
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
    use crate::observe::content::found_by;

    #[test]
    fn serial_numbers_under_their_names() {
        for text in [
            r#"{"sn":"0V2CH8C0030XYZ"}"#,
            "device_sn=1ZNBJ1900C00GU",
            "droneSN=1581F5BKD23370001234",
            "aircraft 1581F5BKD23370001234 connected",
            "GET /fw/1581F5BKD23370001234/check HTTP/1.1",
            "aircraft S/N 0V2CH8C0030XYZ",
        ] {
            assert_eq!(found_by(&DETECTOR, text).len(), 1, "{text}");
        }
        for text in [
            "sn=1234567890",
            "sn=12",
            "serial=true",
            "sn=SENSORNAMES",
            "asn=AS64500",
            "1581F5BKD2337000123",
            "token 0V2CH8C0030XYZ",
            "k=a1581F5BKD23370001234",
            "serial_number=00000000",
        ] {
            assert_eq!(found_by(&DETECTOR, text), [""; 0], "{text}");
        }
    }
}
