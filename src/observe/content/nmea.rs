//! Positions in NMEA 0183 sentences with a fix: GGA, GNS, RMC and GLL.
//!
//! `$` talker sentence `,` fields `*` checksum: two hex digits, the XOR of all between. Latitude is `ddmm.mmmm,N`, longitude
//! `dddmm.mmmm,E`. NTRIP clients send GGA to their caster every few seconds.
//!
//! The checksum guards a serial line; programs that pass a sentence on leave it away, or change a field and not the sum. Who reads it
//! finds the position all the same: without a right sum the sentence has to have all the fields that make it one.

use super::text::Text;
use super::{Detector, Found, position};
use crate::evidence::content::Kind;

pub(super) const DETECTOR: Detector = Detector {
    kind: Kind::Position,
    keys: &[],
    find,
};

/// NMEA 0183: 82 characters; receivers with more digits exceed it a little.
const SENTENCE_MAX: usize = 120;

fn find(text: &Text<'_>, out: &mut Vec<Found>) {
    for at in memchr::memchr_iter(b'$', text.bytes) {
        let line = text.bytes.get(at..).unwrap_or_default();
        let line = line.get(..SENTENCE_MAX).unwrap_or(line);
        if let Some((latitude, longitude, length)) = sentence(line)
            && position::plausible(latitude, longitude)
        {
            out.push(position::found(
                latitude,
                longitude,
                at,
                at.saturating_add(length),
            ));
        }
    }
}

/// What ends a sentence without a checksum: what no field holds, and what stands around it in other text.
fn ends(b: u8) -> bool {
    !b.is_ascii_graphic() || matches!(b, b'*' | b'"' | b'\'' | b'<' | b'>' | b'\\' | b'&' | b';')
}

fn sentence(line: &[u8]) -> Option<(f64, f64, usize)> {
    let end = line.iter().position(|&b| ends(b)).unwrap_or(line.len());
    let body = line.get(1..end)?;
    let stated = line
        .get(end..end.checked_add(3)?)
        .and_then(|sum| sum.strip_prefix(b"*"))
        .and_then(|sum| u8::from_str_radix(std::str::from_utf8(sum).ok()?, 16).ok());
    let sure = stated == Some(body.iter().fold(0, |sum, b| sum ^ b));
    let fields: Vec<&str> = std::str::from_utf8(body).ok()?.split(',').collect();
    let name = fields.first().filter(|name| name.len() == 5)?;
    let field = |at: usize| fields.get(at).copied();
    // Where the latitude stands, whether there is a fix, where the time stands, and the fields of the shortest version.
    let (first, fix, time, least) = match name.get(2..)? {
        "GGA" => (2, !matches!(field(6)?, "" | "0"), 1, 12),
        "GNS" => (2, field(6)?.contains(|mode| mode != 'N'), 1, 12),
        "RMC" => (3, field(2)? == "A", 1, 10),
        "GLL" => (1, field(6)? == "A", 5, 7),
        _ => return None,
    };
    let timed = || {
        let digits = field(time).and_then(|time| time.get(..6));
        digits.is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_digit()))
    };
    if !fix || !(sure || (fields.len() >= least && timed())) {
        return None;
    }
    let latitude = degrees(field(first)?, 2, field(first.checked_add(1)?)?, "N", "S")?;
    let longitude = degrees(
        field(first.checked_add(2)?)?,
        3,
        field(first.checked_add(3)?)?,
        "E",
        "W",
    )?;
    let sum = if stated.is_some() { 3 } else { 0 };
    Some((latitude, longitude, end.checked_add(sum)?))
}

/// Degrees of so many digits and minutes behind them, without a space.
fn degrees(text: &str, digits: usize, letter: &str, positive: &str, negative: &str) -> Option<f64> {
    let (degrees, minutes) = text.split_at_checked(digits)?;
    let (degrees, minutes): (u16, f64) = (degrees.parse().ok()?, minutes.parse().ok()?);
    if !(0.0..60.0).contains(&minutes) {
        return None;
    }
    let value = f64::from(degrees) + minutes / 60.0;
    if letter == positive {
        Some(value)
    } else if letter == negative {
        Some(-value)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::content::found_by;

    #[test]
    fn sentences_with_a_fix_with_and_without_a_right_checksum() {
        // The examples that manuals of receivers print.
        let gga = "$GPGGA,123519,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,*47";
        let rmc = "$GPRMC,123519,A,4807.038,N,01131.000,E,022.4,084.4,230394,003.1,W*6A";
        for text in [gga, rmc] {
            let (body, _) = text.split_once('*').unwrap();
            for text in [
                text.to_owned(),
                body.to_owned(),
                format!("{body}\r\nx"),
                format!("{{\"nmea\":\"{body}\"}}"),
                format!("{body}*00"),
            ] {
                assert_eq!(found_by(&DETECTOR, &text), ["48.11730, 11.51667"], "{text}");
            }
            // A part of one, and what only looks like one.
            let part = text.get(..40).unwrap();
            for other in [
                part,
                &text.replacen("123519", "", 1),
                &text.replace(",N,", ",,"),
            ] {
                assert_eq!(found_by(&DETECTOR, other), [""; 0], "{other}");
            }
        }
        let gns = "$GNGNS,123519,4807.038,N,01131.000,E,AAN,12,0.9,545.4,46.9,,*00";
        assert_eq!(found_by(&DETECTOR, gns), ["48.11730, 11.51667"]);
        let gns = gns.replace("AAN", "NNN");
        assert_eq!(found_by(&DETECTOR, &gns), [""; 0]);
        let no_fix = "$GPGGA,123519,4807.038,N,01131.000,E,0,08,0.9,545.4,M,46.9,M,,*46";
        assert_eq!(found_by(&DETECTOR, no_fix), [""; 0]);
    }
}
