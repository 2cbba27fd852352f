//! Country codes: ISO 3166-1 alpha-2, and what databases write where they know no country.
//!
//! Accepted: the 249 assigned codes, in either case; `UK`, which means `GB`; `XK`, user-assigned
//! but in general use for Kosovo. Everything else is no answer: `ZZ` and `XX` (unknown), `EU` and
//! `AP` (a continent is not a country), `A1`, `A2`, `A3`, `O1` and `T1` (proxy, satellite, anycast,
//! other, Tor), and codes withdrawn from the standard (`AN`, `CS`, `NT`, `SU`), which no longer name
//! one place.

/// ISO 3166-1 alpha-2 codes and `XK`, sorted.
#[rustfmt::skip]
static CODES: [&str; 250] = [
    "AD", "AE", "AF", "AG", "AI", "AL", "AM", "AO", "AQ", "AR", "AS", "AT", "AU", "AW", "AX", "AZ",
    "BA", "BB", "BD", "BE", "BF", "BG", "BH", "BI", "BJ", "BL", "BM", "BN", "BO", "BQ", "BR", "BS",
    "BT", "BV", "BW", "BY", "BZ", "CA", "CC", "CD", "CF", "CG", "CH", "CI", "CK", "CL", "CM", "CN",
    "CO", "CR", "CU", "CV", "CW", "CX", "CY", "CZ", "DE", "DJ", "DK", "DM", "DO", "DZ", "EC", "EE",
    "EG", "EH", "ER", "ES", "ET", "FI", "FJ", "FK", "FM", "FO", "FR", "GA", "GB", "GD", "GE", "GF",
    "GG", "GH", "GI", "GL", "GM", "GN", "GP", "GQ", "GR", "GS", "GT", "GU", "GW", "GY", "HK", "HM",
    "HN", "HR", "HT", "HU", "ID", "IE", "IL", "IM", "IN", "IO", "IQ", "IR", "IS", "IT", "JE", "JM",
    "JO", "JP", "KE", "KG", "KH", "KI", "KM", "KN", "KP", "KR", "KW", "KY", "KZ", "LA", "LB", "LC",
    "LI", "LK", "LR", "LS", "LT", "LU", "LV", "LY", "MA", "MC", "MD", "ME", "MF", "MG", "MH", "MK",
    "ML", "MM", "MN", "MO", "MP", "MQ", "MR", "MS", "MT", "MU", "MV", "MW", "MX", "MY", "MZ", "NA",
    "NC", "NE", "NF", "NG", "NI", "NL", "NO", "NP", "NR", "NU", "NZ", "OM", "PA", "PE", "PF", "PG",
    "PH", "PK", "PL", "PM", "PN", "PR", "PS", "PT", "PW", "PY", "QA", "RE", "RO", "RS", "RU", "RW",
    "SA", "SB", "SC", "SD", "SE", "SG", "SH", "SI", "SJ", "SK", "SL", "SM", "SN", "SO", "SR", "SS",
    "ST", "SV", "SX", "SY", "SZ", "TC", "TD", "TF", "TG", "TH", "TJ", "TK", "TL", "TM", "TN", "TO",
    "TR", "TT", "TV", "TW", "TZ", "UA", "UG", "UM", "US", "UY", "UZ", "VA", "VC", "VE", "VG", "VI",
    "VN", "VU", "WF", "WS", "XK", "YE", "YT", "ZA", "ZM", "ZW",
];

/// The country code that a database's text means; none when it names no country.
pub fn code(text: &str) -> Option<&'static str> {
    let upper = text.trim().to_ascii_uppercase();
    let wanted = if upper == "UK" { "GB" } else { upper.as_str() };
    let index = CODES.binary_search(&wanted).ok()?;
    CODES.get(index).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_sorted_and_sentinels_are_no_country() {
        assert!(CODES.is_sorted_by(|a, b| a < b));
        assert_eq!(code("us"), Some("US"));
        assert_eq!(code(" HK "), Some("HK"));
        assert_eq!(code("UK"), Some("GB"));
        assert_eq!(code("XK"), Some("XK"));
        let none = [
            "",
            "ZZ",
            "XX",
            "EU",
            "AP",
            "A1",
            "A2",
            "A3",
            "O1",
            "T1",
            "AN",
            "CS",
            "SU",
            "U",
            "USA",
            "United States",
            "--",
            "??",
            "\0\0",
        ];
        for text in none {
            assert_eq!(code(text), None, "{text:?}");
        }
    }
}
