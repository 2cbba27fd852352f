//! Numbers of a SIM card under names that say so: IMSI (ITU-T E.212: country code, network, subscriber; at most fifteen digits)
//! and ICCID (ITU-T E.118: 89, country code, check digit).

use super::imei::luhn;
use super::{Detector, named};
use crate::evidence::content::Kind;

pub(super) const IMSI: Detector = Detector {
    kind: Kind::Imsi,
    keys: &["*imsi", "imsi1", "imsi2", "subscriberid"],
    find: |text, out| named(text, Kind::Imsi, is_imsi, out),
};

pub(super) const ICCID: Detector = Detector {
    kind: Kind::Iccid,
    keys: &["*iccid", "simserial", "simserialnumber", "simsn"],
    find: |text, out| named(text, Kind::Iccid, is_iccid, out),
};

fn is_imsi(value: &str) -> bool {
    // Mobile country codes in use (ITU-T E.212 annex): geographic 202 to 750, shared 901. 001 is for tests.
    let country: Option<u16> = value.get(..3).and_then(|c| c.parse().ok());
    matches!(value.len(), 14 | 15)
        && value.bytes().all(|b| b.is_ascii_digit())
        && country.is_some_and(|c| (202..=750).contains(&c) || c == 901)
}

fn is_iccid(value: &str) -> bool {
    let digits = value.trim_end_matches(['F', 'f']);
    value.starts_with("89")
        && digits.bytes().all(|b| b.is_ascii_digit())
        // Nineteen digits with the check digit; some networks write one more, or none at all.
        && (matches!(digits.len(), 19 | 20) && luhn(digits) || digits.len() == 20)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::content::found_by;

    #[test]
    fn numbers_of_a_card() {
        assert_eq!(found_by(&IMSI, "imsi=310260123456789"), ["310260123456789"]);
        assert_eq!(
            found_by(&ICCID, r#"{"iccid":"8931440400000000001"}"#).len(),
            usize::from(luhn("8931440400000000001"))
        );
        assert_eq!(
            found_by(&ICCID, "iccid=89860012017300000001"),
            ["89860012017300000001"]
        );
        for text in [
            "imsi=001010123456789",
            "imsi=31026",
            "imsi=999990123456789",
            "x=310260123456789",
        ] {
            assert_eq!(found_by(&IMSI, text), [""; 0], "{text}");
        }
        assert_eq!(found_by(&ICCID, "iccid=12345678901234567890"), [""; 0]);
    }
}
