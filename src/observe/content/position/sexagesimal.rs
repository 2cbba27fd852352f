//! Positions in degrees, minutes and seconds with letters of the compass (ISO 6709:2008, annex D), as people and displays write them.
//!
//! Minutes and seconds may have decimals, and typographic signs stand for the plain ones. A latitude has to stand close before its longitude.

use super::{Found, Text, found, plausible};
use memchr::memmem::Finder;
use std::sync::LazyLock;

/// Quotes and the name of the other half may stand between the two.
const APART_MAX: usize = 32;

/// `48°08'14.1"N 11°34'31.6"E`, in one text with both letters; tools for pictures write `48 deg 8' 14.10" N`.
pub(super) fn find(text: &Text<'_>, out: &mut Vec<Found>) {
    static DEGREE: LazyLock<Finder<'_>> = LazyLock::new(|| Finder::new("°"));
    static WORD: LazyLock<Finder<'_>> = LazyLock::new(|| Finder::new(WORD_TEXT));
    const WORD_TEXT: &str = " deg ";
    let signs = DEGREE.find_iter(text.bytes).map(|at| (at, "°".len()));
    pair(text, signs, out);
    let words = WORD.find_iter(text.bytes);
    pair(text, words.map(|at| (at, WORD_TEXT.len())), out);
}

/// Latitudes and longitudes of angles with such signs.
fn pair(text: &Text<'_>, signs: impl Iterator<Item = (usize, usize)>, out: &mut Vec<Found>) {
    let mut last: Option<(usize, f64, usize)> = None;
    for sign in signs {
        let Some((begin, value, letter, end)) = angle(text.bytes, sign) else {
            continue;
        };
        match (letter, last) {
            (b'N' | b'S', _) => last = Some((begin, value, end)),
            (_, Some((first, latitude, until))) => {
                if begin.saturating_sub(until) <= APART_MAX && plausible(latitude, value) {
                    out.push(found(latitude, value, first, end));
                }
                last = None;
            }
            (_, None) => {}
        }
    }
}

/// The angle whose degree sign stands at `sign` and is so long: start, value, letter and end.
fn angle(bytes: &[u8], (sign, length): (usize, usize)) -> Option<(usize, f64, u8, usize)> {
    let behind = sign.checked_add(length)?;
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
    let rest = bytes.get(behind..)?;
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
    let end = behind.checked_add(at)?.checked_add(1)?;
    Some((begin, value, letter, end))
}
