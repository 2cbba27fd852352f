//! Positions in NMEA 0183 sentences: GGA, RMC and GLL, with the right checksum and a fix.
//!
//! `$` talker sentence `,` fields `*` checksum: two hex digits, the XOR of all between. Latitude is `ddmm.mmmm,N`, longitude
//! `dddmm.mmmm,E`. NTRIP clients send GGA to their caster every few seconds.

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

fn sentence(line: &[u8]) -> Option<(f64, f64, usize)> {
    let star = line.iter().position(|&b| b == b'*')?;
    let body = line.get(1..star)?;
    let sum = line.get(star.checked_add(1)?..star.checked_add(3)?)?;
    let sum = u8::from_str_radix(std::str::from_utf8(sum).ok()?, 16).ok()?;
    if body.iter().fold(0, |sum, b| sum ^ b) != sum {
        return None;
    }
    let fields: Vec<&str> = std::str::from_utf8(body).ok()?.split(',').collect();
    let name = fields.first().filter(|name| name.len() == 5)?;
    let field = |at: usize| fields.get(at).copied();
    let (first, fix) = match name.get(2..)? {
        "GGA" => (2, field(6)? != "0"),
        "RMC" => (3, field(2)? == "A"),
        "GLL" => (1, field(6)? == "A"),
        _ => return None,
    };
    if !fix {
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
    Some((latitude, longitude, star.checked_add(3)?))
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
    fn sentences_with_a_right_checksum_and_a_fix() {
        // The examples that manuals of receivers print.
        let gga = "$GPGGA,123519,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,*47";
        let rmc = "$GPRMC,123519,A,4807.038,N,01131.000,E,022.4,084.4,230394,003.1,W*6A";
        for text in [gga, rmc] {
            assert_eq!(found_by(&DETECTOR, text), ["48.11730, 11.51667"]);
            for damaged in [text.replace("4807", "4817"), text.replace('*', "")] {
                assert_eq!(found_by(&DETECTOR, &damaged), [""; 0]);
            }
        }
        let no_fix = "$GPGGA,123519,4807.038,N,01131.000,E,0,08,0.9,545.4,M,46.9,M,,*46";
        assert_eq!(found_by(&DETECTOR, no_fix), [""; 0]);
    }
}
