//! Positions that are written without a name of each half, or with names that are no fields.
//!
//! Well-known text (ISO 19162, OGC 06-103r4 §7), what aircraft write into the subtitles of their videos (`GPS(11.5754,48.1371,19)`,
//! longitude first), decimal degrees with letters of the compass, strings of ISO 6709:2008 annex H as cameras write them
//! (`+48.1371+011.5754+519.000/`), lists of waypoints ("QGC WPL", the plain-text format of MAVLink's mission protocol), and two numbers
//! behind words that say what is there.

use super::number::{Number, decimal};
use super::{Names, Text, report, two};
use crate::observe::content::Found;
use memchr::memmem::Finder;
use std::sync::LazyLock;

pub(super) fn find(text: &Text<'_>, out: &mut Vec<Found>) {
    in_brackets(text, out);
    with_letters(text, out);
    with_signs(text, out);
    waypoints(text, out);
    chinese(text, out);
    named_apart(text, out);
    printed(text, out);
    if text.sure {
        behind_words(text, out);
    }
}

/// ASCII at the start of what stands at `at`, at most so much.
fn ascii<'t>(text: &Text<'t>, at: usize, most: usize) -> &'t str {
    let rest = text.bytes.get(at..).unwrap_or_default();
    let rest = rest.get(..most).unwrap_or(rest);
    let end = rest.iter().position(|b| !b.is_ascii());
    let rest = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
    std::str::from_utf8(rest).unwrap_or_default()
}

/// `POINT(11.57540 48.13712)` and its like, and `GPS (11.57540, 48.13712, 19)`: longitude first.
fn in_brackets(text: &Text<'_>, out: &mut Vec<Found>) {
    const SHAPES: &[&str] = &["POINT", "LINESTRING", "POLYGON"];
    const SUBTITLES: &[&str] = &["GPS", "HOME"];
    /// A name, dimensions, brackets.
    const NAME_MAX: usize = 16;
    for open in memchr::memchr_iter(b'(', text.bytes) {
        let begin = open.saturating_add(1);
        let first = text.byte(begin);
        if !first.is_some_and(|b| b.is_ascii_digit() || matches!(b, b'-' | b'+' | b' ')) {
            continue;
        }
        let before = text.bytes.get(open.saturating_sub(NAME_MAX)..open);
        let before = String::from_utf8_lossy(before.unwrap_or_default());
        let name = before.trim_end_matches(['(', ' ', 'Z', 'M', '+']);
        let named = |names: &[&str]| {
            let name = names.iter().find(|one| name.ends_with(**one));
            name.map(|name| open.saturating_sub(name.len()))
        };
        let rest = ascii(text, begin, 64);
        let start = rest.trim_start();
        let (at, pair, least) = if let Some(at) = named(SHAPES) {
            (at, spaced(start), 3)
        } else if let Some(at) = named(SUBTITLES) {
            (at, two(start, Names::Also), 4)
        } else {
            continue;
        };
        let Some((longitude, latitude, behind)) = pair else {
            continue;
        };
        let used = rest.len().saturating_sub(behind.len());
        let end = begin.saturating_add(used);
        report(latitude, longitude, at, end, least, out);
    }
}

/// Two numbers with spaces between; those of a form are plus signs.
fn spaced(text: &str) -> Option<(Number, Number, &str)> {
    let (first, next) = decimal(text)?;
    let next = next.strip_prefix([' ', '+'])?.trim_start();
    let (second, behind) = decimal(next)?;
    Some((first, second, behind))
}

/// `N48.13712 E11.57540`, `48.13712° N, 11.57540° E`.
fn with_letters(text: &Text<'_>, out: &mut Vec<Found>) {
    /// A sign, three digits, a point and decimals.
    const NUMBER_MAX: usize = 16;
    for at in memchr::memchr2_iter(b'N', b'S', text.bytes) {
        let south = text.byte(at) == Some(b'S');
        let next = at.saturating_add(1);
        let word = |b: Option<u8>| b.is_some_and(|b| b.is_ascii_alphanumeric());
        // Units of force, power and time have such letters behind fewer decimals.
        let mut least = 4;
        let found = match text.byte(next) {
            Some(b'0'..=b'9') if !word(text.before(at)) => {
                let (latitude, next) = number(text, next, NUMBER_MAX);
                let letter = gap(text, next);
                let (longitude, end) = number(text, letter.saturating_add(1), NUMBER_MAX);
                Some((latitude, longitude, at, letter, end))
            }
            behind if !word(behind) => {
                let sign = text.bytes.get(..at).unwrap_or_default();
                let marks = |b: &&u8| **b == b' ' || **b >= 0x80;
                let marks = sign.iter().rev().take(4).take_while(marks).count();
                let digits = sign.get(..sign.len().saturating_sub(marks));
                let digits = digits.unwrap_or_default().iter().rev().take(NUMBER_MAX);
                let length = digits.take_while(|b| b.is_ascii_digit() || **b == b'.');
                let length = length.count();
                let begin = at.saturating_sub(marks).saturating_sub(length);
                // Nearly every such letter is of a word.
                let (latitude, _) = match length {
                    0 => (None, begin),
                    _ => number(text, begin, length),
                };
                let (longitude, behind) = number(text, gap(text, next), NUMBER_MAX);
                let letter = degree(text, behind);
                let end = letter.saturating_add(1);
                let sign = |from: usize, to: usize| {
                    let marks = text.bytes.get(from..to).unwrap_or_default();
                    marks.iter().any(|b| *b >= 0x80)
                };
                least = match sign(behind, letter) && sign(at.saturating_sub(marks), at) {
                    true => 3,
                    false => 5,
                };
                let goes_on = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'+');
                let over = !text.byte(end).is_some_and(goes_on);
                over.then_some((latitude, longitude, begin, letter, end))
            }
            _ => None,
        };
        let Some((Some(latitude), Some(longitude), begin, letter, end)) = found else {
            continue;
        };
        let west = match text.byte(letter) {
            Some(b'E') => false,
            Some(b'W') => true,
            _ => continue,
        };
        let signed = |number: Number, negative: bool| Number {
            value: if negative {
                -number.value
            } else {
                number.value
            },
            ..number
        };
        let (latitude, longitude) = (signed(latitude, south), signed(longitude, west));
        if latitude.decimals.min(longitude.decimals) >= least {
            report(latitude, longitude, begin, end, least, out);
        }
    }
}

/// The number without a sign at a place, and where it ends.
fn number(text: &Text<'_>, at: usize, most: usize) -> (Option<Number>, usize) {
    let here = ascii(text, at, most);
    match decimal(here).filter(|_| here.starts_with(|c: char| c.is_ascii_digit())) {
        Some((number, rest)) => {
            let used = here.len().saturating_sub(rest.len());
            (Some(number), at.saturating_add(used))
        }
        None => (None, at),
    }
}

/// What follows behind a degree sign and blanks.
fn degree(text: &Text<'_>, at: usize) -> usize {
    let rest = text.bytes.get(at..).unwrap_or_default().iter().take(4);
    at.saturating_add(rest.take_while(|b| **b == b' ' || **b >= 0x80).count())
}

/// What follows behind what parts two numbers.
fn gap(text: &Text<'_>, at: usize) -> usize {
    let rest = text.bytes.get(at..).unwrap_or_default().iter().take(4);
    let parts = |b: &&u8| matches!(**b, b' ' | b',' | b';' | b'/') || **b >= 0x80;
    at.saturating_add(rest.take_while(parts).count())
}

/// `+48.1371+011.5754+519.000/`: two and three digits in front of the points.
fn with_signs(text: &Text<'_>, out: &mut Vec<Found>) {
    /// Three numbers with their signs, and what ends them.
    const LONG: usize = 56;
    for at in memchr::memchr2_iter(b'+', b'-', text.bytes) {
        if text.byte(at.saturating_add(3)) != Some(b'.') {
            continue;
        }
        let here = ascii(text, at, LONG);
        let half = |text: &'_ str, digits: usize| -> Option<(Number, usize)> {
            let point = text.strip_prefix(['+', '-'])?.find('.')?;
            let (number, rest) = decimal(text).filter(|_| point == digits)?;
            Some((number, text.len().checked_sub(rest.len())?))
        };
        let both = || {
            let (latitude, used) = half(here, 2)?;
            let (longitude, more) = half(here.get(used..)?, 3)?;
            let length = used.checked_add(more)?;
            let behind = here.get(length..)?;
            // A height; without what ends it all it is a path of a drawing.
            let height = |c: char| c.is_ascii_digit() || c == '.';
            let behind = behind
                .strip_prefix(['+', '-'])
                .map_or(behind, |rest| rest.trim_start_matches(height));
            (behind.starts_with('/') || behind.starts_with("CRS"))
                .then_some((latitude, longitude, length))
        };
        if let Some((latitude, longitude, length)) = both() {
            let end = at.saturating_add(length);
            report(latitude, longitude, at, end, 4, out);
        }
    }
}

/// Lines of twelve values, of which the ninth and tenth are a position.
fn waypoints(text: &Text<'_>, out: &mut Vec<Found>) {
    static HEADER: LazyLock<Finder<'_>> = LazyLock::new(|| Finder::new("QGC WPL "));
    const LINE_MAX: usize = 256;
    let Some(header) = HEADER.find(text.bytes) else {
        return;
    };
    let mut at = header;
    while let Some(length) = memchr::memchr(b'\n', text.bytes.get(at..).unwrap_or_default()) {
        at = at.saturating_add(length).saturating_add(1);
        let line = ascii(text, at, LINE_MAX);
        let line = line.lines().next().unwrap_or_default();
        let mut values = line.split_ascii_whitespace().skip(8);
        let (Some(latitude), Some(longitude)) = (values.next(), values.next()) else {
            continue;
        };
        if let (Some((a, "")), Some((b, ""))) = (decimal(latitude), decimal(longitude)) {
            report(a, b, at, at.saturating_add(line.len()), 4, out);
        }
    }
}

/// Halves of positions, one behind the other, each under its name.
struct Halves {
    /// True for a latitude; its number and where its name stands.
    last: Option<(bool, Number, usize)>,
    /// Bytes from one name to the other at the most.
    apart: usize,
}

impl Halves {
    fn within(apart: usize) -> Self {
        Self { last: None, apart }
    }

    /// Takes a half, from its name to its end; with the other one before it, it is a position.
    fn half(
        &mut self,
        (is_latitude, number): (bool, Number),
        (at, end): (usize, usize),
        least_decimals: usize,
        out: &mut Vec<Found>,
    ) {
        match self.last.take() {
            Some((other, first, from))
                if other != is_latitude && at.saturating_sub(from) <= self.apart =>
            {
                let (latitude, longitude) = match other {
                    true => (first, number),
                    false => (number, first),
                };
                report(latitude, longitude, from, end, least_decimals, out);
            }
            _ => self.last = Some((is_latitude, number, at)),
        }
    }
}

/// `纬度：48.13712 经度：11.57540`, in either writing and in Japanese.
fn chinese(text: &Text<'_>, out: &mut Vec<Found>) {
    // Both names end in the same character (度), and the one before it tells them apart.
    static DEGREE: LazyLock<Finder<'_>> = LazyLock::new(|| Finder::new("度"));
    const LATITUDE: [&str; 2] = ["纬", "緯"];
    const LONGITUDE: [&str; 3] = ["经", "經", "経"];
    /// A colon of any kind, an equals sign, quotes and blanks.
    const MARKS_MAX: usize = 8;
    let mut halves = Halves::within(64);
    for at in DEGREE.find_iter(text.bytes) {
        let before = text.bytes.get(..at).unwrap_or_default();
        let named = |names: &[&str]| names.iter().any(|name| before.ends_with(name.as_bytes()));
        let is_latitude = named(&LATITUDE);
        if !is_latitude && !named(&LONGITUDE) {
            continue;
        }
        let begin = at.saturating_add("度".len());
        let rest = text.bytes.get(begin..).unwrap_or_default();
        let marks = rest.iter().take(MARKS_MAX);
        let marks = marks.take_while(|b| matches!(b, b':' | b'=' | b'"' | b' ') || **b >= 0x80);
        let here = begin.saturating_add(marks.count());
        let here = ascii(text, here, 24);
        let Some((number, _)) = decimal(here) else {
            continue;
        };
        let end = begin.saturating_add(MARKS_MAX);
        halves.half((is_latitude, number), (at, end), 2, out);
    }
}

/// `lat 48.13712 lon 11.57540`, and names that are values themselves: `{"key":"latitude","value":48.13712},{"key":"longitude",…`.
fn named_apart(text: &Text<'_>, out: &mut Vec<Found>) {
    const NAME_MAX: usize = 10;
    let mut halves = Halves::within(160);
    for at in memchr::memchr2_iter(b'l', b'L', text.bytes) {
        let second = text.byte(at.saturating_add(1));
        let third = text.byte(at.saturating_add(2));
        let may_be = matches!(
            (second, third),
            (Some(b'a' | b'A'), Some(b't' | b'T'))
                | (Some(b'o' | b'O'), Some(b'n' | b'N'))
                | (Some(b'n' | b'N'), Some(b'g' | b'G'))
        );
        if !may_be
            || text
                .before(at)
                .is_some_and(|b| b.is_ascii_alphanumeric() || b == b'_')
        {
            continue;
        }
        let name = text
            .bytes
            .get(at..)
            .unwrap_or_default()
            .iter()
            .take(NAME_MAX);
        let length = name.take_while(|b| b.is_ascii_alphabetic()).count();
        let name = ascii(text, at, length).to_ascii_lowercase();
        let is_latitude = super::LATITUDE.contains(&&*name);
        if !is_latitude && !super::LONGITUDE.contains(&&*name) {
            continue;
        }
        let behind = at.saturating_add(length);
        let rest = ascii(text, behind, 48);
        let value = match rest.strip_prefix('"') {
            Some(rest) => beside(rest),
            None => {
                Some(rest.trim_start_matches([' ', '\t'])).filter(|value| value.len() < rest.len())
            }
        };
        let Some((number, rest_behind)) = value.and_then(decimal) else {
            continue;
        };
        // Of latencies, which have such names too.
        let unit = rest_behind.trim_start();
        let unit = unit.split(|c: char| !c.is_ascii_alphabetic()).next();
        if matches!(unit, Some("s" | "ms" | "us" | "ns" | "sec")) {
            halves.last = None;
            continue;
        }
        let end = behind.saturating_add(rest.len().saturating_sub(rest_behind.len()));
        halves.half((is_latitude, number), (at, end), 4, out);
    }
}

/// Behind a name that is a value: what stands under the name of its value.
fn beside(rest: &str) -> Option<&str> {
    const NAMES: &[&str] = &["value", "Value", "val", "v", "doubleValue", "stringValue"];
    let rest = rest.trim_start().strip_prefix(',')?.trim_start();
    let (name, rest) = rest.strip_prefix('"')?.split_once('"')?;
    let rest = rest.trim_start().strip_prefix(':')?.trim_start();
    NAMES.contains(&name).then(|| rest.trim_start_matches('"'))
}

/// What systems and services put around two numbers: `Location[gps 48.13712,11.57540 hAcc=12`, `<+48.13712,+11.57540> +/- 5.00m`,
/// `lat/lng: (48.13712,11.57540)` and `LatLng(48.13712, 11.57540)` as libraries of maps print a point, and in paths `/points/48.1371,11.5754` and `/@48.13712,11.57540,17z`.
fn printed(text: &Text<'_>, out: &mut Vec<Found>) {
    static FRONTS: LazyLock<[Finder<'_>; 6]> = LazyLock::new(|| {
        let fronts = [
            "Location[",
            "> +/- ",
            "/points/",
            "/@",
            "lat/lng: (",
            "LatLng(",
        ];
        fronts.map(Finder::new)
    });
    /// A provider's name, or two numbers.
    const NEAR: usize = 40;
    for (which, front) in FRONTS.iter().enumerate() {
        for at in front.find_iter(text.bytes) {
            let behind = at.saturating_add(front.needle().len());
            let (begin, rest) = match which {
                0 => {
                    let rest = ascii(text, behind, 2 * NEAR);
                    let word = rest
                        .find(' ')
                        .map_or(rest.len(), |space| space.saturating_add(1));
                    (
                        behind.saturating_add(word),
                        rest.get(word..).unwrap_or_default(),
                    )
                }
                1 => {
                    let from = at.saturating_sub(NEAR);
                    let before = text.bytes.get(from..at).unwrap_or_default();
                    let open = before.iter().rposition(|b| *b == b'<');
                    let begin = open.map_or(at, |open| from.saturating_add(open).saturating_add(1));
                    (begin, ascii(text, begin, at.saturating_sub(begin)))
                }
                _ => (behind, ascii(text, behind, 2 * NEAR)),
            };
            if let Some((latitude, longitude, rest_behind)) = two(rest, Names::Also) {
                let used = rest.len().saturating_sub(rest_behind.len());
                let end = begin.saturating_add(used);
                report(latitude, longitude, begin, end, 4, out);
            }
        }
    }
}

/// `Takeoff at 48.13712, 11.57540`.
fn behind_words(text: &Text<'_>, out: &mut Vec<Found>) {
    static AT: LazyLock<Finder<'_>> = LazyLock::new(|| Finder::new(" at "));
    const WORDS: &[&str] = &[
        "takeoff", "landing", "landed", "aircraft", "drone", "home", "pilot", "gps", "located",
    ];
    for at in AT.find_iter(text.bytes) {
        let begin = at.saturating_add(4);
        let rest = ascii(text, begin, 64);
        let Some((latitude, longitude, behind)) = two(rest, Names::Also) else {
            continue;
        };
        let words = text.words_before(at);
        if WORDS.iter().any(|word| words.ends_with(word)) {
            let end = begin.saturating_add(rest.len().saturating_sub(behind.len()));
            report(latitude, longitude, begin, end, 4, out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::DETECTOR;
    use crate::observe::content::found_by;

    #[test]
    fn forms_that_name_no_half() {
        for text in [
            "POINT(11.57540 48.13712)",
            "HOME(11.57540,48.13712) 2017.08.05 14:11:51",
            "ISO 150, EV 0, GPS (11.57540, 48.13712, 19), D 24.36m",
            "N48.13712 E11.57540",
            "48.13712N 11.57540E",
            "48.13712° N, 11.57540° E",
            "com.apple.quicktime.location.ISO6709=+48.13712+011.57540+519.000/",
            "QGC WPL 110\n0\t1\t0\t16\t0\t0\t0\t0\t48.13712\t11.57540\t30.0\t1\n",
            "Takeoff at 48.13712, 11.57540 with 12 sats",
            "Location[fused 48.13712,11.57540 hAcc=11.9 et=+2h]",
            "<+48.13712,+11.57540> +/- 5.00m (speed -1.00 mps)",
            "GET /points/48.13712,11.57540 HTTP/1.1",
            "https://maps.example/maps/@48.13712,11.57540,17z",
            "<wpml:takeOffRefPoint>48.13712,11.57540,0.000000</wpml:takeOffRefPoint>",
            r#"{"latitude":{"doubleValue":48.13712},"longitude":{"doubleValue":11.57540}}"#,
            r#"{"latitud":48.13712,"longitud":11.57540}"#,
            "纬度：48.13712，经度：11.57540",
            r#"{"経度":11.57540,"緯度":48.13712}"#,
            r#"{"breitengrad":48.13712,"laengengrad":11.57540}"#,
            r#"{"Lat":{"value":48.13712,"time":1},"Lon":{"value":11.57540,"time":1}}"#,
            r#"{"x":11.57540,"y":48.13712,"spatialReference":{"wkid":4326}}"#,
            r#"{"OSD.latitude [°]":48.13712,"OSD.longitude [°]":11.57540}"#,
            r#"GpsLatitude="+48.13712" GpsLongtitude="+11.57540""#,
            r#"{"plannedHomePosition":[48.13712,11.57540,10]}"#,
            "fix: lat 48.13712 lon 11.57540 alt 519",
            "moved to lat/lng: (48.13712,11.57540)",
            "home=LatLng(48.13712, 11.57540)",
            "LONG\t11.57540, LAT\t48.13712",
            r#"[{"key":"latitude","value":48.13712},{"key":"longitude","value":11.57540}]"#,
            r#"[{"k": "lng", "v": "11.57540"}, {"k": "lat", "v": "48.13712"}]"#,
        ] {
            assert_eq!(found_by(&DETECTOR, text), ["48.13712, 11.57540"], "{text}");
        }
        assert_eq!(
            found_by(&DETECTOR, "S48.13712 W11.57540"),
            ["-48.13712, -11.57540"]
        );
        for text in [
            r#"{"x":11.57540,"y":48.13712,"ts":1790004326123,"port":54326,"id":"3f2a9c51-4326-11ee"}"#,
            "REQUEST=GetFeatureInfo&CRS=EPSG:4326&x=128.5&y=77.25",
            "m1 thrust 3.214N, 87.321W",
            "took 12.0345S, 3.3456W",
            "rail 12.03456 N 3.34567 E-3",
            "part N12.345 E45.678",
            "l-12.3456-102.4567-3.21z",
            r#"{"lat":{"value":12.311},"long":{"value":22.311}}"#,
            "GPS(12,13)",
            "HOME(0.1,0.2)",
            "SCREEN(11.57540,48.13712)",
            "N48 E11",
            "CNN48.13712 E11.57540",
            "48.13712N 11.57540",
            "2026-11.29-012.345",
            "+48.13712+11.57540/",
            "+48.13712+011.57540",
            "0\t1\t0\t16\t0\t0\t0\t0\t48.13712\t11.57540\t30.0\t1\n",
            "cell at 48.13712, 11.57540",
            "<1.5> +/- 5.00m",
            "/points/12,13",
            "npm/@scope/x@1.2.3",
            "home at 12.5, 13.5",
            "温度：48.13712 经度：11.57540",
            r#"{"x":11.57540,"y":48.13712}"#,
            r#"{"lat":{"min":48.13712},"lon":{"min":11.57540}}"#,
            "lat 12.1 lon 13.2",
            "flat 48.13712 lon 11.57540",
            "lat 48.13712 lat 11.57540",
            "lat 12.3456 ms, long 48.1371 ms",
            "lat 12.3456s long 48.1371s",
            "latency 48.13712 longest 11.57540",
            r#"[{"key":"latitude","max":48.13712},{"key":"longitude","max":11.57540}]"#,
        ] {
            assert_eq!(found_by(&DETECTOR, text), [""; 0], "{text}");
        }
    }
}
