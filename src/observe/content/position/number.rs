//! Degrees as numbers: decimals with a point or a comma, ten-millionths, and degrees with minutes behind a comma.

/// A number with its decimals.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Number {
    /// The value, as it is written.
    pub(super) value: f64,
    /// Digits behind the point.
    pub(super) decimals: usize,
}

/// A decimal number at the start of `text`, and what follows.
pub(super) fn decimal(text: &str) -> Option<(Number, &str)> {
    fraction(text, '.', 1)
}

/// The same with a decimal comma; fewer than three decimals are a list of numbers.
pub(super) fn decimal_comma(text: &str) -> Option<(Number, &str)> {
    fraction(text, ',', 3)
}

fn fraction(text: &str, point: char, least: usize) -> Option<(Number, &str)> {
    /// Degrees have three digits; more decimals than a double holds are no measurement.
    const DIGITS_MAX: usize = 3;
    const DECIMALS_MAX: usize = 20;
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let count = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let whole = count(unsigned);
    let decimals = unsigned.get(whole..)?.strip_prefix(point).map(count)?;
    if whole == 0 || whole > DIGITS_MAX || decimals < least || decimals > DECIMALS_MAX {
        return None;
    }
    let signs = text.len().checked_sub(unsigned.len())?;
    let length = signs
        .checked_add(whole)?
        .checked_add(1)?
        .checked_add(decimals)?;
    let (number, rest) = text.split_at_checked(length)?;
    let number: f64 = if point == '.' {
        number.parse().ok()?
    } else {
        number.replace(point, ".").parse().ok()?
    };
    Some((
        Number {
            value: number,
            decimals,
        },
        rest,
    ))
}

/// An integer of ten-millionths of a degree.
pub(super) fn ten_millionths(text: &str) -> Option<(Number, &str)> {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let digits = unsigned.bytes().take_while(u8::is_ascii_digit).count();
    let length = text
        .len()
        .checked_sub(unsigned.len())?
        .checked_add(digits)?;
    let (number, rest) = text.split_at_checked(length)?;
    let value: i32 = number.parse().ok()?;
    ((7..=10).contains(&digits) && !rest.starts_with('.')).then(|| {
        let number = Number {
            value: f64::from(value) / 1e7,
            decimals: 7,
        };
        (number, rest)
    })
}

/// Degrees, a comma, minutes with decimals: as XMP writes Exif's positions (XMP part 2 §3.6, `GPSCoordinate`), its letter taken off.
pub(super) fn minutes(value: &str) -> Option<Number> {
    let (degrees, minutes) = value.split_once(',')?;
    let (minutes, seconds) = minutes.split_once(',').unwrap_or((minutes, "0"));
    let degrees: u8 = degrees.parse().ok().filter(|d| *d <= 180)?;
    let minutes: f64 = minutes.parse().ok()?;
    let seconds: f64 = seconds.parse().ok()?;
    let fits = (0.0..60.0).contains(&minutes) && (0.0..60.0).contains(&seconds);
    // Without a point among the minutes it may be a decimal comma.
    let pointed = value.contains('.') || value.matches(',').count() == 2;
    (fits && pointed).then(|| Number {
        value: f64::from(degrees) + minutes / 60.0 + seconds / 3600.0,
        decimals: 6,
    })
}
