//! Values of options: each is checked where it is read, and says what would be right.

use crate::ground::error::Error;
use crate::ground::interval::{Bound, WindowSpec};
use crate::ground::{declared, text};
use crate::tell::report::format::Format;
use crate::tell::report::output::Output;
use clap::builder::{OsStringValueParser, TypedValueParser};
use std::ffi::OsString;
use std::fmt;
use std::num::NonZeroUsize;
use zeroize::Zeroizing;

/// A value that no message shows, wiped when it goes.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// The value.
    pub fn text(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// Takes any value, so that no error quotes it; what is wrong with it is said where it is used.
pub(super) fn secret() -> impl TypedValueParser<Value = Secret> {
    OsStringValueParser::new().map(|value: OsString| {
        let text = value.into_string();
        Secret(Zeroizing::new(text.unwrap_or_default()))
    })
}

/// When the mode was on: `START/END`, each RFC 3339 or `+SECONDS` from the first packet.
pub(super) fn window(value: &str) -> Result<WindowSpec, String> {
    let (start, end) = value.split_once('/').ok_or(
        "is not START/END (such as 2025-03-01T10:00:00Z/2025-03-01T10:10:00Z, or +60/+660)",
    )?;
    let window = WindowSpec {
        start: bound(start)?,
        end: bound(end)?,
    };
    let empty = match (window.start, window.end) {
        (Bound::After(start), Bound::After(end)) => start >= end,
        (Bound::At(start), Bound::At(end)) => start >= end,
        // Comparable only once the first packet is known.
        _ => false,
    };
    if empty {
        return Err(
            "ends before it begins (START comes first and has to be earlier than END)".to_owned(),
        );
    }
    Ok(window)
}

fn bound(value: &str) -> Result<Bound, String> {
    let bad = |what: &str| {
        let value = text::terminal(value);
        format!(
            "has '{value}', which is {what} (such as 2025-03-01T10:00:00Z, or +60 for a minute after the first packet)"
        )
    };
    declared::bound(value).map_err(bad)
}

/// How many threads: one at least, the one that reads.
pub(super) fn threads(value: &str) -> Result<NonZeroUsize, String> {
    value.parse().map_err(|_| {
        let value = text::terminal(value);
        format!("'{value}' is no number of threads (1 or more)")
    })
}

/// Reads `LABEL=VALUE`.
pub(super) fn label(value: &str) -> Result<(String, String), String> {
    match value.split_once('=') {
        Some((label, value)) if !label.is_empty() && !value.is_empty() => {
            Ok((label.to_owned(), value.to_owned()))
        }
        _ => Err("is not LABEL=VALUE (such as private-1=192.168.1.50)".to_owned()),
    }
}

/// Reads `FORMAT[=PATH]` with one of the allowed formats.
pub(super) fn output(allowed: Vec<Format>) -> impl TypedValueParser<Value = Output> {
    OsStringValueParser::new().try_map(move |value: OsString| {
        let value = value
            .to_str()
            .ok_or_else(|| Error::new("is no valid UTF-8").advise("choose another file name"))?;
        Output::parse(value, &allowed)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ground::moment::Timestamp;

    #[test]
    fn windows_are_times_or_seconds_from_the_first_packet() {
        let at = |nanos| Bound::At(Timestamp::from_nanos(nanos));
        let seconds = WindowSpec {
            start: Bound::After(60_000_000_000),
            end: Bound::After(660_500_000_000),
        };
        assert_eq!(window("+60/+660.5"), Ok(seconds));
        let times = WindowSpec {
            start: at(1_740_823_200_000_000_000),
            end: at(1_740_823_201_500_000_000),
        };
        let written = "2025-03-01T11:00:00+01:00/2025-03-01T10:00:01.5Z";
        assert_eq!(window(written), Ok(times));
        assert!(window("+0/2025-03-01T10:00:00Z").is_ok());
        for bad in [
            "+60",
            "+60/",
            "/+60",
            "/",
            "+60/+60",
            "+9/+8",
            "+-1/+8",
            "60/70",
            "+1e3/+2e3",
            "+0/+99999999999999",
            "+0.1234567891/+1",
            "+./+1",
            "2025-03-01/2025-03-02",
            "2025-03-01T10:00:00/2025-03-01T11:00:00",
            "2025-03-01T11:00:00Z/2025-03-01T10:00:00Z",
        ] {
            assert!(window(bad).is_err(), "{bad}");
        }
    }
}
