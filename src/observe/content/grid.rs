//! Positions as the cell of a grid, under names that say so: geohash, plus codes (Open Location Code), MGRS, UTM and three words.
//!
//! A cell is a position where it is no larger than a part of a town. Which degrees it stands for is not worked out: that it leaves is
//! what counts.

use super::text::Text;
use super::{Detector, Found};
use crate::evidence::content::Kind;

pub(super) const DETECTOR: Detector = Detector {
    kind: Kind::Position,
    keys: &[
        "*geohash",
        "*pluscode",
        "olc",
        "openlocationcode",
        "*mgrs",
        "*utm",
        "what3words",
        "w3w",
    ],
    find,
};

fn find(text: &Text<'_>, out: &mut Vec<Found>) {
    for field in text.fields(Kind::Position) {
        let name = field.name();
        let is_cell: fn(&str) -> bool = if name.ends_with("geohash") {
            is_geohash
        } else if name.ends_with("pluscode") || matches!(name, "olc" | "openlocationcode") {
            is_plus_code
        } else if name.ends_with("mgrs") {
            is_mgrs
        } else if name.ends_with("utm") {
            is_utm
        } else if matches!(name, "what3words" | "w3w") {
            is_three_words
        } else {
            continue;
        };
        let Some(value) = field.text() else { continue };
        if is_cell(value) {
            out.push(Found::of(Kind::Position, field, value));
        }
    }
}

/// Six characters are a kilometre; hashes of other things have letters that geohash leaves out, or more characters.
fn is_geohash(value: &str) -> bool {
    let digits = b"0123456789bcdefghjkmnpqrstuvwxyz";
    (6..=12).contains(&value.len())
        && value
            .bytes()
            .all(|b| digits.contains(&b.to_ascii_lowercase()))
}

/// Eight characters before the sign, two or more behind it.
fn is_plus_code(value: &str) -> bool {
    let digits = b"23456789CFGHJMPQRVWX";
    let all = |text: &str| {
        text.bytes()
            .all(|b| digits.contains(&b.to_ascii_uppercase()))
    };
    value.split_once('+').is_some_and(|(cell, rest)| {
        let rest = rest.split([' ', ',']).next().unwrap_or_default();
        cell.len() == 8 && (2..=7).contains(&rest.len()) && all(cell) && all(rest)
    })
}

/// Zone and band (NGA.SIG.0012): `10T`; and what follows.
fn zone(value: &str) -> Option<&str> {
    let digits = value.bytes().take_while(u8::is_ascii_digit).count();
    let (number, rest) = value.split_at_checked(digits)?;
    let number: u8 = number.parse().ok()?;
    let band = *rest.as_bytes().first()?;
    let fits =
        (1..=60).contains(&number) && (b'C'..=b'X').contains(&band) && !b"IO".contains(&band);
    fits.then_some(rest.get(1..)?)
}

/// A square of two letters, then as many digits to the east as to the north: two of each are a kilometre.
fn is_mgrs(value: &str) -> bool {
    let value: String = value.split_whitespace().collect();
    zone(&value).is_some_and(|rest| {
        let letters = rest.bytes().take_while(u8::is_ascii_uppercase).count();
        let digits = rest.get(letters..).unwrap_or_default();
        letters == 2
            && matches!(digits.len(), 4 | 6 | 8 | 10)
            && digits.bytes().all(|b| b.is_ascii_digit())
    })
}

/// Six digits of metres to the east, up to seven to the north.
fn is_utm(value: &str) -> bool {
    zone(value).is_some_and(|rest| {
        let whole = |text: &str| {
            let metres = text.trim_end_matches(['m', 'E', 'N']);
            let metres = metres.split('.').next().unwrap_or_default();
            (6..=7).contains(&metres.len()) && metres.bytes().all(|b| b.is_ascii_digit())
        };
        let mut parts = rest.split([' ', ',']).filter(|part| !part.is_empty());
        parts.next().is_some_and(whole) && parts.next().is_some_and(whole)
    })
}

fn is_three_words(value: &str) -> bool {
    let words: Vec<&str> = value.trim_start_matches('/').split('.').collect();
    words.len() == 3
        && words
            .iter()
            .all(|word| word.len() >= 3 && word.chars().all(char::is_alphabetic))
}

/// The first point of well-known binary (OGC 06-103r4 §8.2), bare or with the number of its reference system (EWKB).
pub(super) fn well_known_binary(bytes: &[u8]) -> Option<(f64, f64)> {
    let (order, rest) = bytes.split_first()?;
    let (kind, rest) = rest.split_first_chunk::<4>()?;
    let (kind, rest) = match (order, *kind) {
        (1, kind) => (u32::from_le_bytes(kind), rest),
        (0, kind) => (u32::from_be_bytes(kind), rest),
        _ => return None,
    };
    // WGS 84.
    let rest = match kind {
        1 => rest,
        0x2000_0001 => [&[0xe6, 0x10, 0, 0], &[0, 0, 0x10, 0xe6]]
            .iter()
            .find_map(|system| rest.strip_prefix(*system))?,
        _ => return None,
    };
    let (longitude, rest) = rest.split_first_chunk::<8>()?;
    let latitude = rest.first_chunk::<8>().filter(|_| rest.len() == 8)?;
    let (longitude, latitude) = match order {
        1 => (
            f64::from_le_bytes(*longitude),
            f64::from_le_bytes(*latitude),
        ),
        _ => (
            f64::from_be_bytes(*longitude),
            f64::from_be_bytes(*latitude),
        ),
    };
    let fraction = longitude.fract() != 0.0 && latitude.fract() != 0.0;
    (fraction && super::position::plausible(latitude, longitude)).then_some((latitude, longitude))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::content::found_by;

    #[test]
    fn points_of_well_known_binary() {
        let mut point = vec![1, 1, 0, 0, 0x20, 0xe6, 0x10, 0, 0];
        point.extend((-122.349_387_f64).to_le_bytes());
        point.extend(47.620_512_f64.to_le_bytes());
        assert_eq!(well_known_binary(&point), Some((47.620_512, -122.349_387)));
        point.pop();
        assert_eq!(well_known_binary(&point), None);
    }

    #[test]
    fn cells_under_names_that_say_so_and_what_is_none() {
        for text in [
            r#"{"geohash":"c22yzvh6k"}"#,
            "home_geohash=u281z7",
            r#"{"plus_code":"84VVJMC2+67"}"#,
            r#"{"mgrs":"10TET4859574375"}"#,
            r#"{"mgrs":"10T ET 48595 74375"}"#,
            r#"{"utm":"10T 548595 5274375"}"#,
            r#"{"w3w":"///filled.count.soap"}"#,
        ] {
            assert_eq!(found_by(&DETECTOR, text).len(), 1, "{text}");
        }
        for text in [
            r#"{"geohash":"c2"}"#,
            r#"{"geohash":"enabled"}"#,
            r#"{"geohash":"d41d8cd98f00b204e9800998ecf8427e"}"#,
            r#"{"plus_code":"JMC2+67"}"#,
            r#"{"utm":"true"}"#,
            r#"{"mgrs":"10T"}"#,
            r#"{"w3w":"1.2.3"}"#,
        ] {
            assert_eq!(found_by(&DETECTOR, text), [""; 0], "{text}");
        }
    }
}
