//! Positions in degrees, minutes and seconds with letters of the compass (ISO 6709:2008, annex D), as people and displays write them.
//!
//! Minutes and seconds may have decimals, and typographic signs stand for the plain ones. A latitude has to stand close before its longitude.

use super::{Found, Text, found, plausible};
use memchr::memmem::Finder;
use std::sync::LazyLock;

/// `48°08'14.1"N 11°34'31.6"E`, in one text with both letters.
pub(super) fn find(text: &Text<'_>, out: &mut Vec<Found>) {
    static DEGREE: LazyLock<Finder<'_>> = LazyLock::new(|| Finder::new("°"));
    let mut last: Option<(usize, f64, usize)> = None;
    for at in DEGREE.find_iter(text.bytes) {
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
    for (place, part) in parts.iter_mut().enumerate() {
        let body = rest.get(at..)?;
        let space = body.iter().take_while(|&&b| b == b' ').count();
        let body = body.get(space..)?;
        // Minutes with decimals have no seconds behind them.
        if place == 1 && body.first().is_some_and(|b| b"NSEW".contains(b)) {
            at = at.checked_add(space)?;
            break;
        }
        let length = body
            .iter()
            .take_while(|b| b.is_ascii_digit() || **b == b'.')
            .count();
        *part = std::str::from_utf8(body.get(..length)?)
            .ok()?
            .parse()
            .ok()?;
        at = at.checked_add(space)?.checked_add(length)?;
        // The prime or double prime, in ASCII or typographic; a letter may stand in its place.
        let mark = rest
            .get(at..)?
            .iter()
            .take_while(|b| matches!(b, b'\'' | b'"' | b'\\' | b' ') || **b >= 0x80)
            .count();
        if mark == 0 && !rest.get(at).is_some_and(|b| b"NSEW".contains(b)) {
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
