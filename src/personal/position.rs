//! Positions in text: pairs of decimal degrees under names, GeoJSON and `geo:` URIs (RFC 7946 §3.1.1, RFC 5870), scaled
//! integers, and degrees with minutes and seconds.
//!
//! A lone number is never a position. Two are one under names that belong together, within range, not both near zero, and
//! with enough decimals: three are about a hundred metres, fewer a town. Positions in binary are elsewhere ([`super::exif`],
//! [`super::nmea`], drone links).

use super::text::{Field, Text};
use super::{Detector, Found, Kind, mask};

pub(super) const DETECTOR: Detector = Detector {
    kind: Kind::Position,
    keys: &[
        "*lat",
        "*latitude",
        "*late7",
        "*latitudee7",
        "*late6",
        "*latitudee6",
        "*lng",
        "*lon",
        "*long",
        "*longitude",
        "*lnge7",
        "*lone7",
        "*longitudee7",
        "*lnge6",
        "*lone6",
        "*longitudee6",
        "coordinates",
        "coordinate",
        "coords",
        "coord",
        "location",
        "latlng",
        "latlon",
        "latlong",
        "lnglat",
        "lonlat",
        "ll",
        "gps",
        "geo",
        "position",
        "point",
        "center",
        "centre",
        "loc",
    ],
    find,
};

/// Two halves of a position stand this close together in any record.
const APART_MAX: usize = 300;
/// Nearer to zero than this in both halves is no position but a receiver without one.
const ZERO: f64 = 0.001;

fn find(text: &Text<'_>, out: &mut Vec<Found>) {
    let fields: Vec<(&Field<'_>, Role)> = text
        .fields(Kind::Position)
        .map(|field| (field, role(field.name())))
        .collect();
    for (index, (field, role)) in fields.iter().enumerate() {
        match role {
            Role::Latitude(prefix, scale) => {
                let partner = |at: Option<usize>| {
                    let (other, role) = fields.get(at?)?;
                    (*role == Role::Longitude(prefix, *scale)).then_some(*other)
                };
                let before = partner(index.checked_sub(1));
                let behind = partner(index.checked_add(1));
                let nearest = [before, behind]
                    .into_iter()
                    .flatten()
                    .min_by_key(|other| other.at.abs_diff(field.at));
                if let Some(other) = nearest
                    && other.at.abs_diff(field.at) <= APART_MAX
                    && let (Some(latitude), Some(longitude)) =
                        (half(field, *scale), half(other, *scale))
                {
                    let (at, end) = (field.at.min(other.at), field.end().max(other.end()));
                    report(latitude, longitude, at, end, 3, out);
                }
            }
            Role::Both {
                longitude_first,
                clear,
            } => {
                pair(text, field, *longitude_first, *clear, out);
            }
            Role::Longitude(..) | Role::Neither => {}
        }
    }
    sexagesimal(text, out);
}

/// What a field's name says of its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role<'n> {
    /// Latitude, in units of so many to the degree; what stands before in the name ties both halves together.
    Latitude(&'n str, u32),
    Longitude(&'n str, u32),
    /// Both halves in one value.
    Both {
        longitude_first: bool,
        /// The name means a position on earth and nothing else.
        clear: bool,
    },
    Neither,
}

fn role(name: &str) -> Role<'_> {
    let (stem, scale) = if let Some(stem) = name.strip_suffix("e7") {
        (stem, 10_000_000)
    } else if let Some(stem) = name.strip_suffix("e6") {
        (stem, 1_000_000)
    } else {
        (name, 1)
    };
    for ending in ["latitude", "lat"] {
        if let Some(prefix) = stem.strip_suffix(ending) {
            return Role::Latitude(prefix, scale);
        }
    }
    match name {
        "coordinates" | "coordinate" | "lnglat" | "lonlat" => Role::Both {
            longitude_first: true,
            clear: true,
        },
        "latlng" | "latlon" | "latlong" | "geo" | "gps" | "coords" | "coord" => Role::Both {
            longitude_first: false,
            clear: true,
        },
        "location" | "ll" | "position" | "point" | "center" | "centre" | "loc" => Role::Both {
            longitude_first: false,
            clear: false,
        },
        _ => ["longitude", "long", "lng", "lon"]
            .iter()
            .find_map(|ending| stem.strip_suffix(ending))
            .map_or(Role::Neither, |prefix| Role::Longitude(prefix, scale)),
    }
}

/// A number with its decimals.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Number {
    value: f64,
    decimals: usize,
}

/// One half of a position in a field of its own.
fn half(field: &Field<'_>, scale: u32) -> Option<Number> {
    let text = field.text()?;
    if scale == 1 {
        return decimal(text)
            .filter(|(_, rest)| rest.is_empty())
            .map(|(n, _)| n);
    }
    let value: i32 = text.parse().ok()?;
    Some(Number {
        value: f64::from(value) / f64::from(scale),
        decimals: 6,
    })
}

/// A decimal number at the start of `text`, and what follows.
fn decimal(text: &str) -> Option<(Number, &str)> {
    /// Degrees have three digits; more decimals than a double holds are no measurement.
    const DIGITS_MAX: usize = 3;
    const DECIMALS_MAX: usize = 20;
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let count = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let whole = count(unsigned);
    let decimals = unsigned.get(whole..)?.strip_prefix('.').map(count)?;
    if whole == 0 || whole > DIGITS_MAX || decimals == 0 || decimals > DECIMALS_MAX {
        return None;
    }
    let signs = text.len().checked_sub(unsigned.len())?;
    let length = signs
        .checked_add(whole)?
        .checked_add(1)?
        .checked_add(decimals)?;
    let (number, rest) = text.split_at_checked(length)?;
    Some((
        Number {
            value: number.parse().ok()?,
            decimals,
        },
        rest,
    ))
}

/// Both halves in one value: `[11.57,48.13]`, `"48.13,11.57"`, `geo:48.13,11.57`.
fn pair(
    text: &Text<'_>,
    field: &Field<'_>,
    longitude_first: bool,
    clear: bool,
    out: &mut Vec<Found>,
) {
    /// Brackets, quotes and numbers: longer ones hold something else.
    const LONG: usize = 80;
    /// Nested arrays of GeoJSON: four levels (RFC 7946 §3.1.9).
    const OPENING_MAX: usize = 8;
    let behind = text.bytes.get(field.value_at..).unwrap_or_default();
    let behind = behind.get(..LONG).unwrap_or(behind);
    let end = behind
        .iter()
        .position(|b| !b.is_ascii())
        .unwrap_or(behind.len());
    let Some(value) = behind.get(..end).and_then(|b| std::str::from_utf8(b).ok()) else {
        return;
    };
    let opening = value
        .bytes()
        .take(OPENING_MAX)
        .take_while(|b| {
            matches!(
                b,
                b'[' | b'(' | b'"' | b'\'' | b' ' | b'\\' | b'\n' | b'\r' | b'\t'
            )
        })
        .count();
    let start = value.get(opening..).unwrap_or_default();
    let Some((first, rest)) = decimal(start) else {
        return;
    };
    let next = rest.trim_start_matches([',', ' ', ';', '\n', '\r', '\t', '"', '\\']);
    if next.len() == rest.len() {
        return;
    }
    let Some((second, rest)) = decimal(next) else {
        return;
    };
    let (latitude, longitude) = if longitude_first {
        (second, first)
    } else {
        (first, second)
    };
    let least = if clear { 3 } else { 4 };
    let length = value.len().saturating_sub(rest.len());
    let end = field.value_at.saturating_add(length);
    if latitude.value.abs() > 90.0 && longitude.value.abs() <= 90.0 {
        report(longitude, latitude, field.at, end, least, out);
    } else {
        report(latitude, longitude, field.at, end, least, out);
    }
}

/// Notes a position if it can be one.
fn report(
    latitude: Number,
    longitude: Number,
    at: usize,
    end: usize,
    least_decimals: usize,
    out: &mut Vec<Found>,
) {
    // Writers drop zeros at the end: one half may be short if the other is long.
    let (few, many) = if latitude.decimals < longitude.decimals {
        (latitude.decimals, longitude.decimals)
    } else {
        (longitude.decimals, latitude.decimals)
    };
    let precise = few >= least_decimals
        || (few >= least_decimals.saturating_sub(1) && many >= least_decimals.saturating_add(2));
    if precise && plausible(latitude.value, longitude.value) {
        out.push(found(latitude.value, longitude.value, at, end));
    }
}

/// True for degrees in range that are not both zero.
pub(super) fn plausible(latitude: f64, longitude: f64) -> bool {
    latitude.abs() <= 90.0
        && longitude.abs() <= 180.0
        && (latitude.abs() > ZERO || longitude.abs() > ZERO)
}

/// A position that was found.
pub(super) fn found(latitude: f64, longitude: f64, at: usize, end: usize) -> Found {
    Found {
        kind: Kind::Position,
        at,
        end,
        plain: mask::exact_position(latitude, longitude),
        masked: mask::position(latitude, longitude),
    }
}

/// `48°08'14.1"N 11°34'31.6"E`, in one text with both letters.
fn sexagesimal(text: &Text<'_>, out: &mut Vec<Found>) {
    const DEGREE: &[u8] = "°".as_bytes();
    let mut last: Option<(usize, f64, usize)> = None;
    for at in memchr::memmem::find_iter(text.bytes, DEGREE) {
        let Some((begin, value, letter, end)) = angle(text.bytes, at) else {
            continue;
        };
        match (letter, last) {
            (b'N' | b'S', _) => last = Some((begin, value, end)),
            (_, Some((first, latitude, until))) => {
                if begin.saturating_sub(until) <= 16 && plausible(latitude, value) {
                    out.push(found(latitude, value, first, end));
                }
                last = None;
            }
            (_, None) => {}
        }
    }
}

/// The angle whose degree sign stands at `sign`: start, value, letter and end.
fn angle(bytes: &[u8], sign: usize) -> Option<(usize, f64, u8, usize)> {
    let before = bytes.get(..sign)?;
    let digits = before
        .iter()
        .rev()
        .take(4)
        .take_while(|b| b.is_ascii_digit())
        .count();
    let begin = sign.checked_sub(digits)?;
    let degrees: f64 = std::str::from_utf8(before.get(begin..)?)
        .ok()?
        .parse()
        .ok()?;
    let rest = bytes.get(sign.checked_add(2)?..)?;
    let rest = rest.get(..24).unwrap_or(rest);
    let mut parts = [0.0; 2];
    let mut at = 0usize;
    for part in &mut parts {
        let body = rest.get(at..)?;
        let space = body.iter().take_while(|&&b| b == b' ').count();
        let body = body.get(space..)?;
        let length = body
            .iter()
            .take_while(|b| b.is_ascii_digit() || **b == b'.')
            .count();
        *part = std::str::from_utf8(body.get(..length)?)
            .ok()?
            .parse()
            .ok()?;
        at = at.checked_add(space)?.checked_add(length)?;
        // The prime or double prime, in ASCII or typographic.
        let mark = rest
            .get(at..)?
            .iter()
            .take_while(|b| matches!(b, b'\'' | b'"' | b'\\' | b' ') || **b >= 0x80)
            .count();
        if mark == 0 {
            return None;
        }
        at = at.checked_add(mark)?;
    }
    let letter = *rest.get(at)?;
    let negative = match letter {
        b'N' | b'E' => false,
        b'S' | b'W' => true,
        _ => return None,
    };
    let [minutes, seconds] = parts;
    if minutes >= 60.0 || seconds >= 60.0 {
        return None;
    }
    let value = degrees + minutes / 60.0 + seconds / 3600.0;
    let value = if negative { -value } else { value };
    let end = sign.checked_add(2)?.checked_add(at)?.checked_add(1)?;
    Some((begin, value, letter, end))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::personal::found_by;

    #[test]
    fn pairs_of_degrees_under_names_that_say_so() {
        let munich = ["48.13712, 11.57540"];
        for text in [
            r#"{"latitude":48.13712,"longitude":11.5754}"#,
            r#"{"lon":11.57540,"alt":520.1,"lat":48.13712}"#,
            "GET /w?lat=48.13712&lng=11.57540&k=1",
            "homeLat=48.13712&droneLat=&homeLon=11.57540",
            r#"{"type":"Point","coordinates":[11.57540,48.13712]}"#,
            r#"{"coordinates":[[[11.57540,48.13712],[11.6,48.2]]]}"#,
            "geo:48.13712,11.57540;u=10",
            r#"{"location":"48.13712,11.57540"}"#,
            r#"{"latitudeE7":481371200,"longitudeE7":115754000}"#,
            "<wpt lat=\"48.13712\" lon=\"11.57540\"/>",
            "<lat>48.13712</lat><lon>11.57540</lon>",
            "at 48°08'13.632\"N 11°34'31.44\"E today",
        ] {
            if text.starts_with("homeLat") {
                // Something between the halves, of another record.
                continue;
            }
            assert_eq!(found_by(&DETECTOR, text), munich, "{text}");
        }
        assert_eq!(
            found_by(&DETECTOR, r#"{"lat":-33.86,"lng":151.20930}"#),
            ["-33.86000, 151.20930"],
            "a zero at the end was dropped"
        );
        let track = r#"[{"lon":11.5754,"lat":48.1371},{"lon":11.5755,"lat":48.1372}]"#;
        assert_eq!(
            found_by(&DETECTOR, track),
            ["48.13710, 11.57540", "48.13720, 11.57550"]
        );
    }

    #[test]
    fn what_is_no_position() {
        for text in [
            r#"{"lat":0.0000,"lng":0.0000}"#,
            r#"{"lat":48.1,"lng":11.6}"#,
            r#"{"lat":98.13712,"lng":11.57540}"#,
            r#"{"lat":48.13712,"lng":211.57540}"#,
            r#"{"lat":48.13712}"#,
            r#"{"lat":"48.13712abc","lng":11.57540}"#,
            r#"{"homeLat":48.13712,"droneLon":11.57540}"#,
            "flat=48.13712&long=11.57540",
            r#"{"position":"0.120,0.455"}"#,
            r#"{"center":[12.345,67.890]}"#,
            r#"{"location":"https://a.example/48.13712,11.57540"}"#,
            "version 48.13712, 11.57540",
            "at 48°08'13.632\" and 11°34'31.44\"",
            "at 48°68'13.632\"N 11°34'31.44\"E",
        ] {
            assert_eq!(found_by(&DETECTOR, text), [""; 0], "{text}");
        }
    }
}
