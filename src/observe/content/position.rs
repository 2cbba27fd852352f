//! Positions in text: pairs of decimal degrees under names, GeoJSON and `geo:` URIs (RFC 7946 §3.1.1, RFC 5870), scaled integers and
//! radians, degrees with minutes, and what is written without a name of each half.
//!
//! A lone number is never a position. Two are one under names that belong together, within range, not both near zero, and
//! with enough decimals: under names of latitude and longitude two (a town's quarter), elsewhere three or more. A name that user
//! interfaces use too (`position`) wants more of them, and both numbers within 0 and 1 are a place on a screen. Positions in
//! binary are elsewhere ([`super::exif`], [`super::nmea`], drone links).

mod number;
mod sexagesimal;
mod written;

use super::text::{Field, Text};
use super::{Detector, Found, mask};
use crate::evidence::content::Kind;
use number::{Number, decimal, decimal_comma, minutes, ten_millionths};

pub(super) const DETECTOR: Detector = Detector {
    kind: Kind::Position,
    keys: &[
        "*lat",
        "*latitude",
        "*late7",
        "*latitudee7",
        "*late6",
        "*latitudee6",
        "*latrad",
        "*latitudeinradians",
        "*latituderad",
        "*latituderadians",
        "*latdeg",
        "*latitudedeg",
        "*latitudedegrees",
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
        "*lonrad",
        "*lngrad",
        "*longrad",
        "*longitudeinradians",
        "*longituderad",
        "*longituderadians",
        "*londeg",
        "*lngdeg",
        "*longitudedeg",
        "*longitudedegrees",
        "*longtitude",
        "*latitud",
        "*longitud",
        "*latitudine",
        "*longitudine",
        "*breitengrad",
        "*laengengrad",
        "*weidu",
        "*jingdu",
        "x",
        "y",
        "*coordinates",
        "*coordinate",
        "coords",
        "coord",
        "*location",
        "*latlng",
        "*latlon",
        "*latlong",
        "*lnglat",
        "*lonlat",
        "ll",
        "sll",
        "*gps",
        "geo",
        "*geopoint",
        "*homepoint",
        "*waypoint",
        "*waypoints",
        "bbox",
        "boundingbox",
        "track",
        "polyline",
        "position",
        "gpsposition",
        "currentposition",
        "lastposition",
        "droneposition",
        "*homeposition",
        "geoposition",
        "*refpoint",
        "home",
        "takeoff",
        "takeoffpoint",
        "landingpoint",
        "aircraftposition",
        "userposition",
        "pos",
        "loc",
        "origin",
        "destination",
        "q",
        "query",
        "saddr",
        "daddr",
        "point",
        "center",
        "centre",
    ],
    find,
};

/// Ends of the names of a latitude; the last is Chinese (纬度, wěidù) in Latin letters, which programs from there use as well.
pub(super) const LATITUDE: &[&str] = &[
    "latitude",
    "lat",
    "latitud",
    "latitudine",
    "breitengrad",
    "weidu",
];
/// The same of a longitude (经度, jīngdù). In these letters it is also a precision, which no latitude stands beside. The misspelt one is in
/// the subtitles and pictures of DJI's aircraft.
pub(super) const LONGITUDE: &[&str] = &[
    "longitude",
    "longtitude",
    "long",
    "lng",
    "lon",
    "longitud",
    "longitudine",
    "laengengrad",
    "jingdu",
];
/// The number of the reference system that positions of satellites have, where two halves are called `x` and `y`; and what stands before it.
const SYSTEM: &str = "4326";
const SYSTEM_WORDS: &[&str] = &["epsg", "wkid", "srid", "crs"];
/// Two halves of a position stand this close together in any record.
const APART_MAX: usize = 300;
/// Nearer to zero than this in both halves is no position but a receiver without one.
const ZERO: f64 = 0.001;

fn find(text: &Text<'_>, out: &mut Vec<Found>) {
    let mut geodetic = None;
    let fields: Vec<(&Field<'_>, Role)> = text
        .fields(Kind::Position)
        .map(|field| {
            let role = match field.name() {
                name @ ("x" | "y") => {
                    match (*geodetic.get_or_insert_with(|| is_geodetic(text)), name) {
                        (false, _) => Role::Neither,
                        (true, "x") => Role::Longitude("", Unit::Degrees),
                        (true, _) => Role::Latitude("", Unit::Degrees),
                    }
                }
                name => role(name),
            };
            (field, role)
        })
        .collect();
    for (index, (field, role)) in fields.iter().enumerate() {
        match role {
            Role::Latitude(prefix, unit) => {
                let partner = |at: Option<usize>| {
                    let (other, role) = fields.get(at?)?;
                    (*role == Role::Longitude(prefix, *unit)).then_some(*other)
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
                        (half(text, field, *unit), half(text, other, *unit))
                    && let Some((latitude, longitude)) = in_degrees(latitude, longitude)
                {
                    let (at, end) = (field.at.min(other.at), field.end().max(other.end()));
                    // Places on maps of pixels have such names too.
                    let least = if field.name() == "y" { 4 } else { 2 };
                    report(latitude, longitude, at, end, least, out);
                }
            }
            Role::Both {
                longitude_first,
                names,
            } => {
                pair(text, field, *longitude_first, *names, out);
            }
            Role::Longitude(..) | Role::Neither => {}
        }
    }
    sexagesimal::find(text, out);
    let mut more = Vec::new();
    written::find(text, &mut more);
    if !more.is_empty() {
        let known = out.iter().filter(|one| one.kind == Kind::Position);
        let mut known: Vec<(usize, usize)> = known.map(|one| (one.at, one.end)).collect();
        known.sort_unstable();
        // A name before it found it already.
        more.retain(|one| {
            let before = known.partition_point(|(at, _)| *at < one.end);
            let last = before.checked_sub(1).and_then(|last| known.get(last));
            last.is_none_or(|(_, end)| *end <= one.at)
        });
        out.extend(more);
    }
}

/// The text names the system of its coordinates, and it is that of degrees.
fn is_geodetic(text: &Text<'_>) -> bool {
    let mut found = memchr::memmem::find_iter(text.bytes, SYSTEM);
    found.any(|at| {
        let behind = text.byte(at.saturating_add(SYSTEM.len()));
        let words = text.words_before(at);
        !behind.is_some_and(|b| b.is_ascii_alphanumeric())
            && SYSTEM_WORDS.iter().any(|word| words.ends_with(word))
    })
}

/// What a field's value is counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Degrees,
    /// So many to the degree.
    Parts(u32),
    Radians,
}

/// What a field's name says of its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role<'n> {
    /// What stands before in the name ties both halves together.
    Latitude(&'n str, Unit),
    Longitude(&'n str, Unit),
    /// Both halves in one value.
    Both {
        longitude_first: bool,
        names: Names,
    },
    Neither,
}

/// How surely a name of both halves means a position on earth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Names {
    /// It means nothing else.
    Earth,
    /// User interfaces and routes use it too.
    Also,
    /// User interfaces use it most of all: a map has to be near.
    Screen,
}

fn role(name: &str) -> Role<'_> {
    const UNITS: &[(&str, Unit)] = &[
        ("e7", Unit::Parts(10_000_000)),
        ("e6", Unit::Parts(1_000_000)),
        ("inradians", Unit::Radians),
        ("radians", Unit::Radians),
        ("rad", Unit::Radians),
        ("degrees", Unit::Degrees),
        ("deg", Unit::Degrees),
    ];
    // Every name of every field comes here, and most endings are told apart by their last byte.
    let last = name.as_bytes().last();
    let may_end = |ending: &str| ending.as_bytes().last() == last;
    let with_unit = UNITS
        .iter()
        // A word of its own, in German.
        .filter(|(ending, _)| may_end(ending) && !name.ends_with("engrad"))
        .find_map(|(ending, unit)| name.strip_suffix(ending).map(|stem| (stem, *unit)));
    let (stem, unit) = with_unit.unwrap_or((name, Unit::Degrees));
    let ends = |endings: &[&str]| {
        let mut endings = endings.iter();
        endings.any(|ending| may_end(ending) && name.ends_with(ending))
    };
    if ends(&["coordinates", "coordinate", "lnglat", "lonlat"])
        || matches!(name, "bbox" | "boundingbox" | "polyline" | "track")
    {
        return Role::Both {
            longitude_first: true,
            names: Names::Earth,
        };
    }
    if ends(&[
        "latlng",
        "latlon",
        "latlong",
        "geopoint",
        "homepoint",
        "gps",
        "location",
    ]) || matches!(name, "geo" | "coords" | "coord" | "ll" | "sll")
    {
        return Role::Both {
            longitude_first: false,
            names: if ends(&["location", "ll", "homepoint"])
                && !ends(&["geolocation", "gpslocation"])
            {
                Names::Also
            } else {
                Names::Earth
            },
        };
    }
    if ends(&["position", "waypoint", "waypoints"])
        || matches!(
            name,
            "pos"
                | "loc"
                | "origin"
                | "destination"
                | "q"
                | "query"
                | "saddr"
                | "daddr"
                | "home"
                | "takeoff"
                | "takeoffpoint"
                | "landingpoint"
        )
        || ends(&["refpoint"])
    {
        return Role::Both {
            longitude_first: false,
            names: Names::Also,
        };
    }
    if matches!(name, "point" | "center" | "centre") {
        return Role::Both {
            longitude_first: false,
            names: Names::Screen,
        };
    }
    let prefix = |endings: &[&str]| endings.iter().find_map(|ending| stem.strip_suffix(ending));
    if let Some(prefix) = prefix(LATITUDE) {
        return Role::Latitude(prefix, unit);
    }
    prefix(LONGITUDE).map_or(Role::Neither, |prefix| Role::Longitude(prefix, unit))
}

/// One half of a position.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Half {
    Degrees(Number),
    /// Without a decimal point: whole degrees, or parts of one that no name tells.
    Whole(i64),
}

/// Both halves in degrees. Integers that are no degrees are ten-millionths, as in MAVLink and in most programs.
fn in_degrees(latitude: Half, longitude: Half) -> Option<(Number, Number)> {
    /// Whole degrees have three digits; with fewer than this the place would be on the equator or the prime meridian.
    const LARGE: u64 = 1_000_000;
    match (latitude, longitude) {
        (Half::Degrees(latitude), Half::Degrees(longitude)) => Some((latitude, longitude)),
        (Half::Whole(latitude), Half::Whole(longitude)) => {
            let large = latitude.unsigned_abs().max(longitude.unsigned_abs()) >= LARGE;
            let degrees = |value: i64| {
                let value = i32::try_from(value).ok()?;
                Some(Number {
                    value: f64::from(value) / 1e7,
                    decimals: 7,
                })
            };
            large.then_some(())?;
            Some((degrees(latitude)?, degrees(longitude)?))
        }
        (latitude, longitude) => {
            // A writer that drops zeros drops the point too.
            let degrees = |half| match half {
                Half::Degrees(number) => Some(number),
                Half::Whole(value) => i16::try_from(value).ok().map(|value| Number {
                    value: f64::from(value),
                    decimals: 1,
                }),
            };
            Some((degrees(latitude)?, degrees(longitude)?))
        }
    }
}

/// The value of an object that has one first: `"latitude":{"value":48.13712,"time":0}`, as reports of devices write it, and databases.
fn valued<'t>(field: &Field<'t>) -> Option<&'t str> {
    /// The name, marks and a number.
    const LONG: usize = 40;
    let inside = field.whole.get(..LONG).unwrap_or(field.whole);
    let name = inside.strip_prefix(b"{")?.trim_ascii_start();
    let behind = [&b"\"value\""[..], b"\"doubleValue\"", b"\"v\""]
        .iter()
        .find_map(|one| name.strip_prefix(*one))?;
    let behind = behind.trim_ascii_start().strip_prefix(b":")?;
    let behind = behind.trim_ascii_start();
    let number = |b: &&u8| b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'+');
    let length = behind.iter().take_while(number).count();
    let value = std::str::from_utf8(behind.get(..length)?).ok()?;
    // Delays have such names as well.
    decimal(value)
        .is_some_and(|(number, _)| number.decimals >= 4)
        .then_some(value)
}

/// One half of a position in a field of its own.
fn half(text: &Text<'_>, field: &Field<'_>, unit: Unit) -> Option<Half> {
    let value = match field.text()? {
        "{" => valued(field)?,
        value => value,
    };
    if let Unit::Parts(parts) = unit {
        let value: i32 = value.parse().ok()?;
        return Some(Half::Degrees(Number {
            value: f64::from(value) / f64::from(parts),
            decimals: 6,
        }));
    }
    let (value, negative) = hemisphere(value);
    let signed = |number: Number| Number {
        value: if negative {
            -number.value
        } else {
            number.value
        },
        ..number
    };
    if unit == Unit::Radians {
        let (number, rest) = decimal(value)?;
        return (rest.is_empty() && number.decimals >= 4).then(|| {
            Half::Degrees(signed(Number {
                value: number.value.to_degrees(),
                ..number
            }))
        });
    }
    let whole = value.strip_prefix(['-', '+']).unwrap_or(value);
    if !whole.is_empty() && whole.bytes().all(|b| b.is_ascii_digit()) {
        // A comma behind it that belongs to the number, where the value ended at it.
        let behind = text.bytes.get(field.end()..).unwrap_or_default();
        if let Some((number, _)) = std::str::from_utf8(value_with(field, behind))
            .ok()
            .and_then(decimal_comma)
        {
            return Some(Half::Degrees(signed(number)));
        }
        return value.parse().ok().map(Half::Whole);
    }
    if let Some(number) = minutes(value) {
        return Some(Half::Degrees(signed(number)));
    }
    let (number, rest) = decimal(value).or_else(|| decimal_comma(value))?;
    if let Some(power) = rest.strip_prefix(['e', 'E']) {
        let power: i32 = power.parse().ok().filter(|p| (-9..=3).contains(p))?;
        return Some(Half::Degrees(signed(Number {
            value: number.value * 10f64.powi(power),
            ..number
        })));
    }
    rest.is_empty().then_some(Half::Degrees(signed(number)))
}

/// A field's value and the few bytes behind it, if a comma stands between.
fn value_with<'t>(field: &Field<'t>, behind: &'t [u8]) -> &'t [u8] {
    if behind.first() != Some(&b',') {
        return &[];
    }
    let digits = behind
        .iter()
        .skip(1)
        .take(20)
        .take_while(|b| b.is_ascii_digit())
        .count();
    let closed = behind
        .get(digits.saturating_add(1))
        .is_none_or(|b| matches!(b, b'&' | b';' | b'<' | b' ' | b'\r' | b'\n' | b'"' | b'|'));
    let length = field.value.len().saturating_add(1).saturating_add(digits);
    // Both are parts of one text, the second right behind the first.
    let joined = field.whole.get(..length).unwrap_or_default();
    if digits >= 3 && closed { joined } else { &[] }
}

/// The value without the letter of its hemisphere and degree signs; true for south and west.
fn hemisphere(value: &str) -> (&str, bool) {
    let is_letter = |c: char| matches!(c, 'N' | 'S' | 'E' | 'W' | 'n' | 's' | 'e' | 'w');
    let letter = value
        .chars()
        .next()
        .filter(|c| is_letter(*c))
        .or_else(|| value.chars().next_back().filter(|c| is_letter(*c)));
    let value = value.trim_matches(|c: char| is_letter(c) || c == '°' || c == ' ');
    let negative = letter.is_some_and(|c| matches!(c.to_ascii_uppercase(), 'S' | 'W'));
    (value, negative)
}

/// Both halves in one value: `[11.57,48.13]`, `"48.13,11.57"`, `geo:48.13,11.57`, `"48,13712;11,57540"`.
fn pair(
    text: &Text<'_>,
    field: &Field<'_>,
    longitude_first: bool,
    names: Names,
    out: &mut Vec<Found>,
) {
    /// Brackets, quotes and numbers: longer ones hold something else.
    const LONG: usize = 80;
    /// Nested arrays of GeoJSON: four levels (RFC 7946 §3.1.9).
    const OPENING_MAX: usize = 8;
    /// A map speaks of itself this close to its centre.
    const NEAR: usize = 100;
    if names == Names::Screen {
        let near = text.around(field.at, NEAR, NEAR);
        if !["map", "gps", "geo", "latitude"]
            .iter()
            .any(|word| near.contains(word))
        {
            return;
        }
    }
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
    let Some((first, second, rest)) = two(start, names) else {
        return;
    };
    if matches!(field.name(), "bbox" | "boundingbox") {
        /// Degrees: a box that is wider is a tile of a map, and nobody's place.
        const WIDE: f64 = 1.0;
        let next = rest.trim_start_matches([',', ' ', ';', ']', '[']);
        let other = two(next, names);
        if other.is_some_and(|(a, b, _)| {
            (a.value - first.value).abs() > WIDE || (b.value - second.value).abs() > WIDE
        }) {
            return;
        }
    }
    let (latitude, longitude) = if longitude_first {
        (second, first)
    } else {
        (first, second)
    };
    // A place on a screen or a picture, as parts of its sides.
    let unit = |number: &Number| (0.0..=1.0).contains(&number.value);
    if unit(&latitude) && unit(&longitude) {
        return;
    }
    let least = if names == Names::Earth { 3 } else { 4 };
    let length = value.len().saturating_sub(rest.len());
    let end = field.value_at.saturating_add(length);
    if latitude.value.abs() > 90.0 && longitude.value.abs() <= 90.0 {
        report(longitude, latitude, field.at, end, least, out);
    } else {
        report(latitude, longitude, field.at, end, least, out);
    }
}

/// Two numbers with something between, and what follows.
fn two(start: &str, names: Names) -> Option<(Number, Number, &str)> {
    const BETWEEN: &[char] = &[',', ' ', ';', '|', '/', '\n', '\r', '\t', '"', '\\'];
    let letters = |text: &'_ str, before: bool| -> (usize, bool) {
        let space = usize::from(text.starts_with(' '));
        let letter = text
            .as_bytes()
            .get(space)
            .filter(|b| b"NSEWnsew".contains(b));
        let next = text.as_bytes().get(space.saturating_add(1));
        // One in front of a number belongs to that number.
        match letter {
            Some(letter)
                if next.is_some_and(u8::is_ascii_digit) == before
                    && (before || !next.is_some_and(u8::is_ascii_alphanumeric)) =>
            {
                (space.saturating_add(1), b"SWsw".contains(letter))
            }
            _ => (0, false),
        }
    };
    let number =
        |text: &'_ str, read: fn(&str) -> Option<(Number, &str)>| -> Option<(Number, usize)> {
            let (lead, south) = letters(text, true);
            let (number, rest) = read(text.get(lead..)?)?;
            let (trail, also) = letters(rest, false);
            let value = if south || also {
                -number.value
            } else {
                number.value
            };
            let used = text.len().checked_sub(rest.len())?.checked_add(trail)?;
            Some((Number { value, ..number }, used))
        };
    let both = |read: fn(&str) -> Option<(Number, &str)>| {
        let (first, used) = number(start, read)?;
        let rest = start.get(used..)?;
        let next = rest.trim_start_matches(BETWEEN);
        if next.len() == rest.len() {
            return None;
        }
        let (second, used) = number(next, read)?;
        Some((first, second, next.get(used..)?))
    };
    both(decimal).or_else(|| both(decimal_comma)).or_else(|| {
        (names == Names::Earth)
            .then(|| both(ten_millionths))
            .flatten()
    })
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

/// The halves of a position from two values of a table, with four decimals at least or in ten-millionths.
pub(super) fn pair_of(latitude: &str, longitude: &str) -> Option<(f64, f64)> {
    let half = |text: &str| match decimal(text) {
        Some((number, "")) => Some(Half::Degrees(number)),
        _ => text.parse().ok().map(Half::Whole),
    };
    let (latitude, longitude) = in_degrees(half(latitude)?, half(longitude)?)?;
    let precise = latitude.decimals.max(longitude.decimals) >= 4;
    precise.then_some((latitude.value, longitude.value))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::content::found_by;

    #[test]
    fn pairs_of_degrees_under_names_that_say_so() {
        let munich = ["48.13712, 11.57540"];
        for text in [
            r#"{"latitude":48.13712,"longitude":11.5754}"#,
            r#"{"lon":11.57540,"alt":520.1,"lat":48.13712}"#,
            "GET /w?lat=48.13712&lng=11.57540&k=1",
            "GET /w?jingdu=11.57540&weidu=48.13712&k=1",
            r#"{"type":"Point","coordinates":[11.57540,48.13712]}"#,
            r#"{"coordinates":[[[11.57540,48.13712],[11.6,48.2]]]}"#,
            "geo:48.13712,11.57540;u=10",
            r#"{"location":"48.13712,11.57540"}"#,
            r#"{"latitudeE7":481371200,"longitudeE7":115754000}"#,
            "<wpt lat=\"48.13712\" lon=\"11.57540\"/>",
            "<lat>48.13712</lat><lon>11.57540</lon>",
            "at 48°08'13.632\"N 11°34'31.44\"E today",
            "at 48°08.2272'N 11°34.524'E today",
            r#"{"lat":481371200,"lon":115754000,"alt":12300}"#,
            r#"{"coordinates":[115754000,481371200]}"#,
            r#"{"geom":"POINT(11.57540 48.13712)"}"#,
            "SRID=4326;POLYGON Z ((11.57540 48.13712 5, 11.6 48.2 5))",
            "g=POINT+(11.57540+48.13712)",
            "GET /maps?q=48.13712,11.57540&z=15",
            r#"{"home":[48.13712,11.57540]}"#,
            "<ns:lat>48.13712</ns:lat><ns:lng>11.57540</ns:lng>",
            "<key>latitude</key><real>48.13712</real>\n<key>longitude</key>\n<real>11.57540</real>",
            r#"{"position":"48,13712;11,57540"}"#,
            "lat=48,13712&lon=11,57540",
            "<lat>48,13712</lat><lon>11,57540</lon>",
            r#"{"lat":"48.13712N","lon":"11.57540E"}"#,
            r#"{"lat":4.813712e1,"lon":1.15754e1}"#,
            r#"exif:GPSLatitude="48,8.2272N" exif:GPSLongitude="11,34.524E""#,
            r#"{"location":"N48.13712 E11.57540"}"#,
            "maps?center=48.13712,11.57540",
        ] {
            assert_eq!(found_by(&DETECTOR, text), munich, "{text}");
        }
        assert_eq!(
            found_by(&DETECTOR, r#"{"lat":-33.86,"lng":151.20930}"#),
            ["-33.86000, 151.20930"],
            "a zero at the end was dropped"
        );
        assert_eq!(
            found_by(&DETECTOR, r#"{"lat":48.14,"lng":11.58}"#),
            ["48.14000, 11.58000"]
        );
        let radians = found_by(&DETECTOR, r#"{"lat_rad":0.840151,"lon_rad":0.202029}"#);
        assert_eq!(radians, ["48.13711, 11.57541"]);
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
            r#"{"center":"12.345678,45.678912","position":{"x":1.23456,"y":2.34567}}"#,
            r#"{"point":"0.51234,0.61234","scroll":[120.512345,55.123456]}"#,
            r#"{"position":"0.51234,0.61234"}"#,
            r#"{"coords":[0.51234,0.61234]}"#,
            r#"{"lat":35,"rtt":41}"#,
            r#"{"lat":35,"lon":12}"#,
            r#"{"position":"1,2,3"}"#,
            r#"{"position":"120,340"}"#,
            r#"{"version":"4.5.6.7","location":"/a/4.3.40"}"#,
            "CGPoint(12.34567 45.67891) point(12.345 45.678)",
            r#"{"location":"https://a.example/48.13712,11.57540"}"#,
            "version 48.13712, 11.57540",
            "at 48°08'13.632\" and 11°34'31.44\"",
            "at 48°68'13.632\"N 11°34'31.44\"E",
        ] {
            assert_eq!(found_by(&DETECTOR, text), [""; 0], "{text}");
        }
    }
}
